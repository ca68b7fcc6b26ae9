/*
 * query_pieces - what a thread does with pieces of parts: rules out, filters,
 * groups.
 */
#include "common/godb/query_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/godb/held.h"
#include "common/godb/wire.h"

static bool
is_rolled(const struct gdi_run *run, size_t i)
{
	return i >= godb_scan_n_parts(run->scan);
}

static bool
comes_by_cells(const struct gdi_run *run)
{
	return run->cell || run->rows_are_groups;
}

static bool
is_left_out(const struct gdi_run *run, size_t part)
{
	for (size_t i = 0; i < run->n_left_out; i++)
		if (run->result->lost[i].part == part)
			return true;
	return false;
}

static int
note_fault(struct gdi_worker *w, size_t i, bool taken,
    const struct godb_fault *fault)
{
	struct gdi_lost *more =
	    reallocarray(w->lost, w->n_lost + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	w->lost = more;
	more += w->n_lost++;
	more->part = i;
	more->taken = taken;
	more->fault = *fault;
	return 0;
}

/* A roll-up that cannot be read. */
static int
note_spoiled(struct gdi_worker *w, const struct godb_part *part)
{
	struct gdi_left_out *l = &w->spoiled;
	uint8_t(*id)[16] = reallocarray(l->id, l->n + 1, sizeof(*id));

	if (!id)
		return -ENOMEM;
	l->id = id;
	memcpy(id[l->n++], part->id, sizeof(*id));
	return 0;
}

/* The machine's trouble ends a query; a part's own costs that part. */
static bool
is_fatal(int rc)
{
	return rc == -ENOMEM || rc == GODB_EMEMORY || rc == -EMFILE ||
	    rc == -ENFILE || rc == -EINVAL;
}

/* Loads columns, of some rows alone if there is a sel; 1: it is left out,
 * which was noted. */
static int
load(struct gdi_worker *w, struct godb_cursor *cursor,
    const struct gdi_piece *p, uint32_t columns, const struct gdi_sel *sel,
    struct godb_columns *out)
{
	struct godb_fault fault GDI_UNINITIALISED; /* an error fills it */
	int rc;

	rc = sel ? gdi_cursor_load_some(cursor, &p->slice, columns, sel, out,
		       &fault) :
		   gdi_cursor_load_slice(cursor, &p->slice, columns, out,
		       &fault);
	if (rc >= 0)
		return 0;
	if (is_fatal(rc))
		return rc;
	w->again |= !p->only || p->split || is_rolled(w->run, p->slice.part);
	rc = is_rolled(w->run, p->slice.part) ?
	    note_spoiled(w, gdi_plan_get(w->run->plan, p->slice.part)) :
	    note_fault(w, p->slice.part, !p->only || p->split, &fault);
	return rc < 0 ? rc : 1;
}

static int
reserve_sel(struct gdi_worker *w, size_t rows)
{
	size_t bound = w->run->opts->mem_bytes;
	uint32_t *sel;

	if (rows <= w->sel_room)
		return 0;
	if (bound && rows > bound / sizeof(*sel))
		return GODB_EMEMORY;
	free(w->sel);
	w->sel_room = 0;
	w->sel = malloc(rows * sizeof(*sel));
	if (!w->sel)
		return -ENOMEM;
	w->sel_room = rows;
	return 0;
}

/* Columns of both loads in one; the counts agree. */
static void
merge_columns(struct godb_columns *into, const struct godb_columns *from)
{
	if (!into->sip4)
		into->sip4 = from->sip4;
	if (!into->dip4)
		into->dip4 = from->dip4;
	if (!into->sip6)
		into->sip6 = from->sip6;
	if (!into->dip6)
		into->dip6 = from->dip6;
	if (!into->dport)
		into->dport = from->dport;
	if (!into->proto)
		into->proto = from->proto;
	if (!into->l7)
		into->l7 = from->l7;
	for (unsigned k = 0; k < 4; k++) {
		if (!into->counter[k])
			into->counter[k] = from->counter[k];
	}
}

/*
 * Whether a piece can have rows that qualify, by its addresses alone: those of
 * a dictionary, which are fewer than the rows and need not be laid out.  Given
 * up when that has not spared every second piece.  1 or 0, or an error.
 */
static int
may_match(struct gdi_worker *w, const struct gdi_piece *p)
{
	const struct gdi_run *run = w->run;
	struct gdi_addresses a;
	bool may = false;

	if (w->looked >= 64 && w->spared < w->looked / 2)
		return 1;
	for (int c = GODB_SIP; c <= GODB_DIP && !may; c++) {
		struct godb_fault fault GDI_UNINITIALISED;
		int rc;

		if (!(run->needles & GODB_COL(c)))
			continue;
		rc = gdi_cursor_addresses(w->cursor, &p->slice,
		    (enum godb_column)c, &a, &fault);
		if (rc < 0 && is_fatal(rc))
			return rc;
		/* loading it will say what is wrong with it */
		may = rc < 0 || gdi_filter_may(w->filter, &a);
	}
	w->looked++;
	w->spared += !may;
	return may;
}

void
gdi_query_consult_zones(struct gdi_worker *w, struct godb_cursor *cursor,
    struct gdi_piece *p)
{
	const struct gdi_run *run = w->run;
	bool *want[2] = {&p->slice.v4, &p->slice.v6};

	p->whole = true;
	for (unsigned v6 = 0; run->probe_columns && v6 < 2; v6++) {
		struct gdi_zone zone[GODB_N_COLUMNS] GDI_UNINITIALISED;
		enum gdi_verdict verdict;

		if (!*want[v6])
			continue;
		gdi_cursor_zones(cursor, p->slice.part, p->slice.piece,
		    run->probe_columns, v6, zone);
		verdict = gdi_filter_zones(w->filter, v6 ? 6 : 4, zone);
		*want[v6] = verdict != GDI_NEVER;
		p->whole &= verdict != GDI_SOMETIMES;
	}
}

/*
 * Rows that qualify, where only large counters do: those that may be large are
 * few and stand apart (encode.h), and the others need not be laid out.  Given
 * up when every second piece did not tell.  As select_rows, or UNTOLD.
 */
enum { UNTOLD = 2 };
static int
select_large(struct gdi_worker *w, struct godb_cursor *cursor,
    const struct gdi_piece *p, struct godb_columns *probe, size_t *n)
{
	const struct gdi_run *run = w->run;
	struct gdi_reaching may;
	int rc;

	if (!run->large || (w->tried >= 64 && w->told < w->tried / 2))
		return UNTOLD;
	w->tried++;
	rc = gdi_cursor_reaching(cursor, &p->slice, run->large, run->least,
	    &may);
	if (rc == 0)
		rc = reserve_sel(w, may.of);
	if (rc != 0)
		return rc == 1 ? UNTOLD : rc;
	w->told++;
	if (may.n > 0) {
		memcpy(w->sel, may.row, may.n * sizeof(*w->sel));
		rc = load(w, cursor, p, run->probe_columns,
		    &(struct gdi_sel){w->sel, may.n}, probe);
		if (rc != 0)
			return rc;
		*n = gdi_filter_select_among(w->filter, probe, w->sel, may.n);
	}
	w->stats.rows += may.of;
	return 0;
}

/* Looks for rows that qualify: *n of them, in w->sel.  1: the part is left
 * out. */
static int
select_rows(struct gdi_worker *w, struct godb_cursor *cursor,
    const struct gdi_piece *p, struct godb_columns *probe, size_t *n)
{
	int rc;

	*n = 0;
	rc = select_large(w, cursor, p, probe, n);
	if (rc != UNTOLD)
		return rc;
	rc = load(w, cursor, p, w->run->probe_columns, NULL, probe);
	if (rc != 0)
		return rc;
	rc = reserve_sel(w, (size_t)probe->n4 + probe->n6);
	if (rc < 0)
		return rc;
	*n = gdi_filter_select(w->filter, probe, w->sel);
	w->stats.rows += (uint64_t)probe->n4 + probe->n6;
	return 0;
}

/* What none of the counters of a piece that matter exceeds, as far as the
 * index knows. */
static uint64_t
largest_of(struct gdi_worker *w, const struct gdi_piece *p)
{
	uint32_t matter = gdi_feed_bounds(w->feed);
	uint64_t largest = matter ? 0 : UINT64_MAX;

	for (unsigned v6 = 0; matter && v6 < 2; v6++) {
		struct gdi_zone zone[GODB_N_COLUMNS] GDI_UNINITIALISED;

		if (!(v6 ? p->slice.v6 : p->slice.v4))
			continue;
		/* all will be loaded, so in one pass */
		gdi_cursor_zones(w->cursor, p->slice.part, p->slice.piece,
		    GDI_COL_COUNTERS, v6, zone);
		for (int c = GODB_BYTES_RCVD; c <= GODB_PKTS_SENT; c++) {
			uint64_t max = zone[c].known ? zone[c].max :
						       UINT64_MAX;

			if (matter & GODB_COL(c) && max > largest)
				largest = max;
		}
	}
	return largest;
}

/*
 * Of rows that qualify those that their counters do not rule out: *n of them,
 * in w->sel.  *columns becomes what is to be loaded of these, c has the rest.
 * 1: the part is left out.
 */
static int
pick_rows(struct gdi_worker *w, struct godb_cursor *cursor,
    const struct gdi_piece *p, uint32_t *columns, struct godb_columns *c,
    size_t *n)
{
	struct gdi_sel sel = {p->whole ? NULL : w->sel, *n};
	struct godb_columns counters GDI_UNINITIALISED;
	int rc = load(w, cursor, p, *columns & GDI_COL_COUNTERS,
	    p->whole ? NULL : &sel, &counters);

	if (rc == 0 && p->whole) {
		c->n4 = counters.n4;
		c->n6 = counters.n6;
		*n = (size_t)c->n4 + c->n6;
		w->stats.rows += *n;
		rc = reserve_sel(w, *n);
	}
	if (rc != 0)
		return rc;
	merge_columns(c, &counters);
	w->stats.rows_matched += *n;
	*n = gdi_feed_pick(w->feed, c, sel.row, *n, w->sel);
	*columns &= ~GDI_COL_COUNTERS;
	return 0;
}

/* First the condition's columns, and the others only if any row qualifies. */
int
gdi_query_load(struct gdi_worker *w, struct godb_cursor *cursor,
    const struct gdi_piece *p, struct godb_columns *c, size_t *n, bool *all)
{
	const struct gdi_run *run = w->run;
	uint32_t columns = gdi_feed_columns(w->feed);
	bool picks = gdi_feed_picks(w->feed);
	struct godb_columns probe GDI_UNINITIALISED;
	int rc;

	*n = 0;
	if (p->whole) {
		memset(&probe, 0, sizeof(probe));
	} else {
		rc = select_rows(w, cursor, p, &probe, n);
		if (rc != 0 || *n == 0)
			return rc < 0 ? rc : 0;
		columns &= ~run->probe_columns;
	}
	*all = p->whole && !picks;
	if (picks) {
		rc = pick_rows(w, cursor, p, &columns, &probe, n);
		if (rc != 0)
			*n = 0;
		if (*n == 0)
			return rc < 0 ? rc : 0;
	}
	rc = load(w, cursor, p, columns,
	    *all ? NULL : &(struct gdi_sel){w->sel, *n}, c);
	if (rc == 1 && picks && !is_rolled(run, p->slice.part))
		/* it was counted */
		w->again = w->lost[w->n_lost - 1].taken = true;
	if (rc != 0) {
		*n = 0;
		return rc < 0 ? rc : 0;
	}
	if (*all) {
		*n = (size_t)c->n4 + c->n6;
		w->stats.rows += *n;
	} else if (c->n4 != probe.n4 || c->n6 != probe.n6) {
		return -EINVAL; /* the reader broke its contract */
	}
	merge_columns(c, &probe);
	w->stats.rows_matched += picks ? 0 : *n;
	return 0;
}

static int
take_rows(struct gdi_worker *w, const struct gdi_piece *p)
{
	const struct gdi_run *run = w->run;
	struct godb_columns c;
	size_t n;
	bool all;
	int rc = gdi_query_load(w, w->cursor, p, &c, &n, &all);

	if (rc < 0 || n == 0)
		return rc;
	if (!comes_by_cells(run))
		gdi_feed_expect(w->feed, largest_of(w, p));
	return gdi_feed_add(w->feed, gdi_plan_get(run->plan, p->slice.part), &c,
	    all ? NULL : w->sel, n);
}

/* The sums in the index, when they are all that is asked of the part. */
static bool
take_sums(struct gdi_worker *w, const struct gdi_piece *p, int *rc)
{
	const struct godb_part *part =
	    gdi_plan_get(w->run->plan, p->slice.part);
	uint64_t sums[4], n = (uint64_t)part->n4 + part->n6;

	if (!p->only || !p->whole || (part->n4 && !p->slice.v4) ||
	    (part->n6 && !p->slice.v6) || !gdi_feed_takes_sums(w->feed) ||
	    !gdi_cursor_sums(w->cursor, p->slice.part, sums))
		return false;
	w->stats.rows += n;
	w->stats.rows_matched += n;
	*rc = gdi_feed_add_sums(w->feed, part, sums, n);
	return true;
}

/* What is wanted, by its index alone; false: nothing. */
static bool
is_wanted(struct gdi_worker *w, const struct gdi_piece *p)
{
	const struct gdi_run *run = w->run;
	size_t part = p->slice.part;
	bool rolled = is_rolled(run, part), first = p->slice.piece == 0;

	w->stats.parts += first && !rolled;
	w->stats.rollups += first && rolled;
	if (is_left_out(run, part) || gdi_sweep_has(run->sweep, part))
		return false;
	if (rolled || !gdi_scan_ruled_out(run->scan, part))
		return true;
	w->stats.parts_skipped += first;
	return false;
}

/* Takes what of a piece is wanted; 1 when nothing had to be read for that. */
static int
take(struct gdi_worker *w, struct gdi_piece *p)
{
	const struct gdi_run *run = w->run;
	int rc;

	gdi_query_consult_zones(w, w->cursor, p);
	if (p->slice.v4 || p->slice.v6) {
		/* of a cell nothing may be wanted that is so small */
		if (comes_by_cells(run))
			gdi_feed_expect(w->feed, largest_of(w, p));
		if (take_sums(w, p, &rc))
			return rc;
		rc = run->needles && !p->whole ? may_match(w, p) : 1;
		if (rc != 0)
			return rc < 0 ? rc : take_rows(w, p);
	}
	return 1;
}

static int
visit(struct gdi_worker *w, struct gdi_piece *p, uint8_t *waits)
{
	const struct gdi_run *run = w->run;
	const struct godb_part *part = gdi_plan_get(run->plan, p->slice.part);
	size_t n_lost = w->n_lost + w->spoiled.n;
	int rc;

	if (!is_wanted(w, p))
		return 0;
	p->slice.v4 = run->want4 && gdi_piece_has(part, p->slice.piece, false);
	p->slice.v6 = run->want6 && gdi_piece_has(part, p->slice.piece, true);
	if (waits && p->slice.v6 && gdi_group_is_crowded(run->result->group)) {
		p->slice.v6 = false;
		*waits = GDI_WAITS;
	}
	rc = take(w, p);
	if (rc == 1 && waits && *waits != GDI_WAITS_NOT)
		*waits = GDI_WAITS_UNREAD;
	else if (rc == 1)
		w->stats.parts_skipped += p->only &&
		    !is_rolled(run, p->slice.part);
	if (waits && w->n_lost + w->spoiled.n > n_lost)
		*waits = GDI_WAITS_NOT;
	return rc < 0 ? rc : 0;
}

/* Of a piece that was visited the rows that had to wait. */
static int
visit_again(struct gdi_worker *w, struct gdi_piece *p, enum gdi_waits waits)
{
	int rc;

	p->slice.v6 = p->split = true;
	rc = take(w, p);
	if (rc == 1 && waits == GDI_WAITS_UNREAD)
		w->stats.parts_skipped += p->only &&
		    !is_rolled(w->run, p->slice.part);
	return rc < 0 ? rc : 0;
}

/* The i-th piece of all. */
static struct gdi_piece
find_piece(const struct gdi_run *run, size_t i)
{
	size_t at = 0, left = gdi_plan_n(run->plan);

	if (!run->first)
		return (struct gdi_piece){
		    .slice.part = gdi_plan_part(run->plan, i), .only = true};
	/* the last part that begins at or before it */
	while (left > 1) {
		size_t half = left / 2;

		at += run->first[at + half] <= i ? half : 0;
		left -= half;
	}
	return (struct gdi_piece){
	    .slice.part = gdi_plan_part(run->plan, at),
	    .slice.piece = (uint32_t)(i - run->first[at]),
	    .only = run->first[at + 1] - run->first[at] == 1};
}

int
gdi_query_tell_progress(const struct gdi_run *run, unsigned thread)
{
	const struct godb_query_opts *o = run->opts;
	size_t all = (run->cell ? run->n_cells : run->n_pieces) +
	    gdi_sweep_ranges(run->sweep);

	if (gdi_cancelled(o->cancel))
		return GODB_ECANCELLED;
	if (thread > 0 || !o->progress ||
	    !o->progress(o->progress_arg, run->done, all))
		return 0;
	return GODB_ECANCELLED;
}

/* Of a cell no row can be among those that are asked for. */
static void
pass_by(struct gdi_worker *w, const struct gdi_run_cell *cell)
{
	for (size_t k = cell->first; k < cell[1].first; k++) {
		struct gdi_piece p = {
		    .slice.part = gdi_plan_part(w->run->plan, k)};

		w->stats.parts_skipped += is_wanted(w, &p);
	}
}

static int
visit_cell(struct gdi_worker *w, const struct gdi_run_cell *cell)
{
	const struct gdi_run *run = w->run;
	const struct godb_part *part =
	    gdi_plan_get(run->plan, gdi_plan_part(run->plan, cell->first));
	bool alone = cell[1].first - cell->first == 1;
	int rc = gdi_feed_begin_cell(w->feed, cell->time_s,
	    alone && !(part->flags & GODB_PART_LIVE));

	if (rc == 0 && run->opts->rows_only && !gdi_feed_wants_cell(w->feed)) {
		pass_by(w, cell);
		return 0;
	}
	for (size_t k = cell->first; rc == 0 && k < cell[1].first; k++) {
		size_t at = gdi_plan_part(run->plan, k);
		uint32_t n = gdi_part_pieces(gdi_plan_get(run->plan, at));
		struct gdi_piece p = {.slice.part = at, .only = n == 1};

		for (uint32_t piece = 0; rc == 0 && piece < n; piece++) {
			p.slice.piece = piece;
			rc = visit(w, &p, NULL);
		}
	}
	return rc == 0 ? gdi_feed_end_cell(w->feed) : rc;
}

void
gdi_query_take_parts(struct gdi_run *run, unsigned thread)
{
	struct gdi_worker *w = &run->worker[thread];
	size_t end = 0, i = 0;

	if (run->rows_are_groups)
		w->rc = gdi_feed_begin_cell(w->feed, 0, true);
	while (w->rc == 0 && !run->stop) {
		struct gdi_piece p;

		if (i == end && !gdi_shares_take(&run->shares, &i, &end))
			break;
		w->rc = gdi_query_tell_progress(run, thread);
		if (w->rc == 0 && run->cell) {
			w->rc = visit_cell(w, &run->cell[i]);
		} else if (w->rc == 0) {
			uint8_t *waits = run->waits ? &run->waits[i] : NULL;

			p = find_piece(run, i);
			if (!run->second)
				w->rc = visit(w, &p, waits);
			else if (*waits != GDI_WAITS_NOT)
				w->rc = visit_again(w, &p, *waits);
		}
		i++;
		if (!run->second)
			(void)atomic_fetch_add_explicit(&run->done, 1,
			    memory_order_relaxed);
	}
	if (w->rc == 0 && run->rows_are_groups)
		w->rc = gdi_feed_end_cell(w->feed);
	if (w->rc == 0)
		w->rc = gdi_feed_end(w->feed);
	if (w->rc < 0)
		run->stop = true;
}
