#include "common/godb/query_state.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/fd.h"

/* Fewer rows are summed in a near table all at once. */
#define ROWS_LEAST   (1u << 14)
/* Roll-ups, each of which has a chunk's rows in memory for each thread. */
#define SOURCES_MOST 400u
#define SOURCE_BYTES ((size_t)GDI_ROLLED_ROWS * 64)
/* Of a range: so many of each roll-up as are worth the turn, but no more than
 * have a groups' table that fits the second-level cache.  Of a few roll-ups
 * fewer are better: that table is new memory in each thread. */
#define RANGE_ROLLUP 128u
#define RANGE_LEAST  (1u << 12)
#define RANGE_MOST   (1u << 14)
#define RANGES_EACH  8u /* a thread, at least */
/* For each leap a chunk of each roll-up is read once more: so few of ours. */
#define LEAP_SHARE   10u

/* A roll-up, as one thread goes through it. */
struct source {
	struct godb_cursor *cursor;
	uint32_t next, end; /* pieces that were not loaded */
	struct godb_columns c; /* of the one before these */
	bool whole;            /* all of its rows, or those of sel: */
	uint32_t *sel;
	size_t sel_room;
	size_t at, n; /* rows that were added, and all */
};

struct sweeper {
	struct source *source;
	unsigned version, range; /* the last one */
};

struct gdi_sweep {
	struct gdi_run *run;
	enum godb_column lead;
	size_t *part; /* plan's numbers, ascending */
	int *fd;
	size_t n;
	struct gdi_by_range by_range;
	struct sweeper *sweeper; /* one a thread */
	unsigned n_sweepers;
};

/* ---- what is swept ------------------------------------------------------- */

/* Rows apart are in order of sip, too, but mostly asked for few of them: then
 * going through all days side by side takes twice as long. */
static bool
is_in_order(const struct gdi_sweep *s, size_t part)
{
	enum gdi_rollup_kind kind = gdi_plan_kind(s->run->plan, part);

	return s->lead == GODB_DIP ? kind == GDI_ROLLUP_DIP :
	    kind == GDI_ROLLUP_FLOWS || kind == GDI_ROLLUP_SIP;
}

/* Roll-ups in that order, and how many rows they have. */
static int
list_parts(struct gdi_sweep *s, uint64_t *rows)
{
	const struct gdi_plan *plan = s->run->plan;
	size_t rolled, first = godb_scan_n_parts(s->run->scan);

	(void)gdi_plan_rolled(plan, &rolled);
	*rows = 0;
	s->part = calloc(rolled + 1, sizeof(*s->part));
	if (!s->part)
		return -ENOMEM;
	for (size_t i = first; i < first + rolled; i++) {
		const struct godb_part *p = gdi_plan_get(plan, i);

		if (!is_in_order(s, i))
			continue;
		s->part[s->n++] = i;
		*rows += (uint64_t)p->n4 + p->n6;
	}
	return 0;
}

static bool
is_worth_it(const struct gdi_sweep *s, uint64_t rows)
{
	size_t most = s->run->opts->mem_bytes;
	unsigned threads = gdi_pool_size(s->run->pool);

	return rows >= ROWS_LEAST && s->n <= SOURCES_MOST &&
	    (most == 0 || s->n * threads <= most / 4 / SOURCE_BYTES);
}

/* Those that cannot be opened are left to the usual way, which tells why. */
static int
open_files(struct gdi_sweep *s)
{
	size_t n = 0;

	s->fd = calloc(s->n, sizeof(*s->fd));
	if (!s->fd)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++) {
		int fd = gdi_cursor_open_rolled(s->run->worker[0].cursor,
		    s->part[i]);

		if (fd < 0)
			continue;
		s->fd[n] = fd;
		s->part[n++] = s->part[i];
	}
	s->n = n;
	return 0;
}

bool
gdi_sweep_has(const struct gdi_sweep *s, size_t part)
{
	size_t at = 0;

	if (!s)
		return false;
	for (size_t left = s->n; left > 1;) {
		size_t half = left / 2;

		at += s->part[at + half] <= part ? half : 0;
		left -= half;
	}
	return s->part[at] == part;
}

/* ---- ranges -------------------------------------------------------------- */

/* Between which values of the lead a piece is; anything, if that cannot be
 * told: loading it will say what is wrong with it. */
static struct gdi_zone
zone_of(const struct gdi_sweep *s, struct godb_cursor *c, size_t part,
    uint32_t piece, bool v6)
{
	struct gdi_zone zone[GODB_N_COLUMNS];

	gdi_cursor_zones(c, part, piece, GODB_COL(s->lead), v6, zone);
	return zone[s->lead].known ? zone[s->lead] :
	    (struct gdi_zone){false, 0, UINT64_MAX};
}

/* How many rows begin with which values. */
static int
list_rows(const struct gdi_sweep *s, bool v6, struct gdi_range_rows **out,
    size_t *n)
{
	struct godb_cursor *c = s->run->worker[0].cursor;
	struct gdi_range_rows *rows;
	size_t pieces = 0;

	for (size_t i = 0; i < s->n; i++)
		pieces += gdi_part_pieces(
		    gdi_plan_get(s->run->plan, s->part[i]));
	*out = rows = calloc(pieces + 1, sizeof(*rows));
	*n = 0;
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++) {
		const struct godb_part *p =
		    gdi_plan_get(s->run->plan, s->part[i]);
		uint32_t end = gdi_part_pieces(p), left = v6 ? p->n6 : p->n4;

		for (uint32_t k = 0; k < end; k++) {
			struct gdi_range_rows *r = &rows[*n];

			if (!gdi_piece_has(p, k, v6))
				continue;
			r->first = zone_of(s, c, s->part[i], k, v6).min;
			r->rows = left < GDI_ROLLED_ROWS ? left :
							   GDI_ROLLED_ROWS;
			left -= (uint32_t)r->rows;
			(*n)++;
		}
	}
	return 0;
}

static int
make_ranges(struct gdi_sweep *s, uint64_t rows, const uint64_t mask[2])
{
	uint64_t each = rows / (RANGES_EACH *
		gdi_pool_size(s->run->pool)) + 1;
	uint64_t most = s->n * RANGE_ROLLUP;

	most = most < RANGE_LEAST ? RANGE_LEAST :
	    most > RANGE_MOST ? RANGE_MOST : most;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct gdi_range_rows *r;
		size_t n;
		int rc = list_rows(s, v6, &r, &n);

		if (rc < 0)
			return rc;
		gdi_ranges_make(r, n, each < most ? each : most,
		    mask[v6], &s->by_range.of[v6]);
		free(r);
	}
	return 0;
}

/* ---- a thread's ---------------------------------------------------------- */

static int
open_sources(struct gdi_sweep *s, unsigned thread)
{
	struct sweeper *w = &s->sweeper[thread];
	const struct gdi_scan_part *rolled;
	size_t n;
	int rc = 0;

	rolled = gdi_plan_rolled(s->run->plan, &n);
	w->source = calloc(s->n, sizeof(*w->source));
	if (!w->source)
		return -ENOMEM;
	for (size_t i = 0; rc == 0 && i < s->n; i++) {
		rc = godb_cursor_new(s->run->scan, &w->source[i].cursor);
		if (rc < 0)
			return rc;
		gdi_cursor_rolled(w->source[i].cursor, rolled, n);
		gdi_cursor_lend(w->source[i].cursor, s->fd[i],
		    s->run->worker[thread].cursor);
	}
	return rc;
}

/* Before the first row of a range. */
static void
begin_at(const struct gdi_sweep *s, struct source *src, size_t part, bool v6,
    uint64_t first)
{
	const struct godb_part *p = gdi_plan_get(s->run->plan, part);

	src->at = src->n = 0;
	src->end = gdi_part_pieces(p);
	for (src->next = 0; src->next < src->end; src->next++)
		if (gdi_piece_has(p, src->next, v6) &&
		    zone_of(s, src->cursor, part, src->next, v6).max >= first)
			break;
}

/* A row's value of the lead, by which they are in order. */
static inline uint64_t
value_at(const struct gdi_sweep *s, const struct source *src, bool v6,
    size_t at)
{
	const struct godb_columns *c = &src->c;
	size_t row = src->whole ? at : src->sel[at];

	if (v6)
		return (s->lead == GODB_DIP ? c->dip6 : c->sip6)[row].hi;
	return (s->lead == GODB_DIP ? c->dip4 : c->sip4)[row];
}

/* The first of the rows at hand whose value is larger. */
static size_t
find_above(const struct gdi_sweep *s, const struct source *src, bool v6,
    uint64_t value)
{
	size_t lo = src->at, hi = src->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (value_at(s, src, v6, mid) <= value)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The next piece's rows, of which there may be none; those below `first` are
 * another range's. */
static int
load_next(const struct gdi_sweep *s, struct gdi_worker *w, struct source *src,
    size_t part, bool v6, uint64_t first)
{
	uint32_t piece = src->next++;
	struct gdi_piece p = {.slice = {part, piece, !v6 && s->run->want4,
				  v6 && s->run->want6}};
	bool begins = zone_of(s, src->cursor, part, piece, v6).min >= first;
	size_t sel_room = w->sel_room, n_spoiled = w->spoiled.n;
	struct godb_result_stats stats = w->stats;
	uint32_t *sel = w->sel;
	int rc;

	src->at = src->n = 0;
	gdi_query_consult_zones(w, src->cursor, &p);
	if (!p.slice.v4 && !p.slice.v6)
		return 0;
	w->sel = src->sel;
	w->sel_room = src->sel_room;
	rc = gdi_query_load(w, src->cursor, &p, &src->c, &src->n,
	    &src->whole);
	src->sel = w->sel;
	src->sel_room = w->sel_room;
	w->sel = sel;
	w->sel_room = sel_room;
	/* two threads may see them, one of which counts them */
	if (!begins)
		w->stats.rows = stats.rows;
	w->stats.rows_matched = stats.rows_matched;
	if (rc == 0 && first > 0)
		src->at = find_above(s, src, v6, first - 1);
	/* once spoiled it is not read on, but the others are: all are found */
	if (w->spoiled.n > n_spoiled)
		src->next = src->end;
	return rc;
}

static int
sweep_source(const struct gdi_sweep *s, struct gdi_worker *w,
    struct source *src, size_t part, bool v6, uint64_t first, uint64_t last,
    struct gdi_table *const *to)
{
	const struct godb_part *p = gdi_plan_get(s->run->plan, part);
	int rc = 0;

	for (;;) {
		size_t end;

		if (src->at == src->n) {
			if (src->next == src->end ||
			    !gdi_piece_has(p, src->next, v6) ||
			    zone_of(s, src->cursor, part, src->next, v6).min >
				last)
				return 0;
			rc = load_next(s, w, src, part, v6, first);
			if (rc < 0)
				return rc;
		}
		end = find_above(s, src, v6, last);
		rc = gdi_feed_range(w->feed, p, &src->c,
		    src->whole ? NULL : src->sel, src->at, end - src->at, v6,
		    to);
		w->stats.rows_matched += end - src->at;
		src->at = end;
		if (rc < 0 || end < src->n)
			return rc;
	}
}

static int
sweep_range(void *arg, unsigned thread, unsigned v6, unsigned range,
    struct gdi_table *const *to)
{
	struct gdi_sweep *s = arg;
	struct sweeper *me = &s->sweeper[thread];
	const struct gdi_ranges *r = &s->by_range.of[v6];
	bool leap = !me->source || me->version != v6 || me->range + 1 != range;
	int rc = me->source ? 0 : open_sources(s, thread);

	for (size_t i = 0; rc == 0 && i < s->n; i++) {
		struct source *src = &me->source[i];

		if (leap)
			begin_at(s, src, s->part[i], v6, r->first[range]);
		rc = sweep_source(s, &s->run->worker[thread], src, s->part[i],
		    v6, r->first[range], gdi_range_last(r, range), to);
	}
	me->version = v6;
	me->range = range;
	(void)atomic_fetch_add_explicit(&s->run->done, 1,
	    memory_order_relaxed);
	return rc;
}

/* ---- all ----------------------------------------------------------------- */

int
gdi_sweep_new(struct gdi_run *run, struct gdi_sweep **out)
{
	struct gdi_group *g = run->result->group;
	struct gdi_sweep *s;
	enum godb_key lead;
	uint64_t mask[2], rows;
	size_t n;
	int rc;

	*out = NULL;
	(void)gdi_plan_rolled(run->plan, &n);
	if (n == 0 || run->cell || run->needles ||
	    !gdi_group_can_ranges(g, &lead, mask))
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->run = run;
	s->lead = lead == GODB_KEY_DIP ? GODB_DIP : GODB_SIP;
	s->by_range.feed = sweep_range;
	s->by_range.arg = s;
	s->n_sweepers = gdi_pool_size(run->pool);
	s->sweeper = calloc(s->n_sweepers, sizeof(*s->sweeper));
	rc = s->sweeper ? list_parts(s, &rows) : -ENOMEM;
	if (rc == 0 && is_worth_it(s, rows))
		rc = open_files(s);
	else
		s->n = 0;
	if (rc == 0 && s->n > 0)
		rc = make_ranges(s, rows, mask);
	if (rc == 0 && s->n > 0)
		s->by_range.shares = (unsigned)(rows /
		    (LEAP_SHARE * s->n * GDI_ROLLED_ROWS));
	if (rc < 0 || s->n == 0) {
		gdi_sweep_free(s);
		return rc;
	}
	gdi_group_take_ranges(g, &s->by_range);
	*out = s;
	return 0;
}

size_t
gdi_sweep_ranges(const struct gdi_sweep *s)
{
	return s ? s->by_range.of[0].n + s->by_range.of[1].n : 0;
}

void
gdi_sweep_stats(const struct gdi_sweep *s, struct godb_result_stats *stats)
{
	for (unsigned t = 0; s && t < s->n_sweepers; t++) {
		const struct sweeper *w = &s->sweeper[t];

		for (size_t i = 0; w->source && i < s->n; i++) {
			uint64_t in, out;

			if (!w->source[i].cursor)
				continue;
			godb_cursor_stats(w->source[i].cursor, &in, &out);
			stats->bytes_read += in;
			stats->bytes_decoded += out;
		}
	}
}

void
gdi_sweep_free(struct gdi_sweep *s)
{
	if (!s)
		return;
	for (unsigned t = 0; s->sweeper && t < s->n_sweepers; t++) {
		struct source *src = s->sweeper[t].source;

		for (size_t i = 0; src && i < s->n; i++) {
			godb_cursor_free(src[i].cursor);
			free(src[i].sel);
		}
		free(src);
	}
	for (size_t i = 0; s->fd && i < s->n; i++)
		gp_fd_close(&s->fd[i]);
	free(s->sweeper);
	free(s->part);
	free(s->fd);
	free(s);
}
