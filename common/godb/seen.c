/*
 * seen - whether addresses occur in a scan, and when, and where.
 *
 * Exact: a dictionary may hold an address that no row has, so where a part's
 * addresses alone say yes its rows are asked, too.  A day that the scan holds
 * is asked by its address index, which has the rows' addresses and no others;
 * where that cannot be read the day's blocks are looked at.  What cannot be
 * read at all is a fault, and whoever asks must not take silence for a no.
 */
#include "common/godb/addrindex.h"
#include "common/godb/cursor.h"
#include "common/godb/held.h"
#include "common/godb/internal.h"
#include "common/godb/pool.h"
#include "common/godb/prefixes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/fd.h"

/* When and where a prefix was seen. */
struct note {
	int64_t first_s, last_s; /* blocks; first > last: never */
};

/* What a thread has found. */
struct notes {
	struct note *note;  /* one a prefix */
	uint8_t *bits;      /* days, then interfaces, for each prefix */
};

struct godb_seen {
	size_t n;
	size_t n_days, n_ifaces, stride; /* bytes of bits a prefix */
	struct notes notes;
	struct godb_fault *fault;
	size_t n_faults;
	struct godb_result_stats stats;
};

struct run {
	const struct godb_scan *scan;
	const struct godb_seen_opts *opts;
	struct godb_seen *seen;
	uint32_t *parent; /* of a prefix; GDI_NO_PREFIX: no longer one has it */
	struct gdi_prefixes space[2]; /* IPv4, IPv6 */
	int64_t *day;          /* all there are, ascending */
	struct godb_pool *pool; /* that it is worth, or NULL */
	struct worker *worker;
	unsigned n_workers;
	struct gdi_shares shares;
	atomic_size_t done;
	atomic_bool stop;
};

struct worker {
	struct run *run;
	/* what is looked at: the scan, or a held day of it by itself */
	const struct godb_scan *scan;
	struct godb_cursor *cursor;
	struct gdi_addrwalk *walk;
	struct notes notes;
	struct godb_fault *fault;
	size_t n_faults;
	struct godb_result_stats stats;
	int rc;
};

/* ---- parts ------------------------------------------------------------- */

static int
order_days(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int
list_days(struct run *run)
{
	size_t n_parts = godb_scan_n_parts(run->scan), kept = 0;
	size_t n = n_parts + gdi_scan_n_helds(run->scan);

	run->day = calloc(n + 1, sizeof(*run->day));
	if (!run->day)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		run->day[i] = i < n_parts ?
		    gp_clock_day(godb_scan_part(run->scan, i)->slot_s) :
		    gdi_scan_held(run->scan, i - n_parts)->day_s;
	qsort(run->day, n, sizeof(*run->day), order_days);
	for (size_t i = 0; i < n; i++) {
		if (kept == 0 || run->day[kept - 1] != run->day[i])
			run->day[kept++] = run->day[i];
	}
	run->seen->n_days = kept;
	return 0;
}

static void
set_bit(uint8_t *bits, size_t i)
{
	bits[i / 8] |= (uint8_t)(1u << i % 8);
}

static bool
has_bit(const uint8_t *bits, size_t i)
{
	return bits[i / 8] >> i % 8 & 1;
}

struct place {
	int64_t first_s, last_s; /* blocks of one day */
	size_t day, iface;
};

static struct place
place_of(const struct run *run, int64_t slot_s, size_t iface)
{
	int64_t day = gp_clock_day(slot_s);
	const int64_t *at = bsearch(&day, run->day, run->seen->n_days,
	    sizeof(day), order_days);

	return (struct place){slot_s, slot_s, (size_t)(at - run->day), iface};
}

static void
mark(const struct godb_seen *seen, struct notes *to, uint32_t owner,
    const struct place *p)
{
	struct note *note = &to->note[owner];
	uint8_t *bits = to->bits + owner * seen->stride;

	if (p->first_s < note->first_s)
		note->first_s = p->first_s;
	if (p->last_s > note->last_s)
		note->last_s = p->last_s;
	set_bit(bits, p->day);
	set_bit(bits, seen->n_days + p->iface);
}

static bool
any_owner(const struct run *run, const struct gdi_addresses *a)
{
	for (size_t i = 0; i < a->n4; i++) {
		if (gdi_prefixes_find4(&run->space[0], a->v4[i]) !=
		    GDI_NO_PREFIX)
			return true;
	}
	for (size_t i = 0; i < a->n6; i++) {
		if (gdi_prefixes_find6(&run->space[1], a->v6[i]) !=
		    GDI_NO_PREFIX)
			return true;
	}
	return false;
}

/* Rows' addresses; neighbours are often the same. */
static void
mark_rows(struct worker *w, const struct gdi_addresses *a,
    const struct place *p)
{
	const struct run *run = w->run;

	for (size_t i = 0; i < a->n4; i++) {
		uint32_t owner;

		if (i > 0 && a->v4[i] == a->v4[i - 1])
			continue;
		owner = gdi_prefixes_find4(&run->space[0], a->v4[i]);
		if (owner != GDI_NO_PREFIX)
			mark(run->seen, &w->notes, owner, p);
	}
	for (size_t i = 0; i < a->n6; i++) {
		uint32_t owner;

		if (i > 0 && gdi_addr_order(a->v6[i], a->v6[i - 1]) == 0)
			continue;
		owner = gdi_prefixes_find6(&run->space[1], a->v6[i]);
		if (owner != GDI_NO_PREFIX)
			mark(run->seen, &w->notes, owner, p);
	}
}

static void
count_bytes(struct worker *w, const struct godb_cursor *c)
{
	uint64_t in = 0, out = 0;

	if (c)
		godb_cursor_stats(c, &in, &out);
	w->stats.bytes_read += in;
	w->stats.bytes_decoded += out;
}

static int
note_fault(struct worker *w, const struct godb_fault *fault)
{
	struct godb_fault *more =
	    reallocarray(w->fault, w->n_faults + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	w->fault = more;
	more[w->n_faults++] = *fault;
	return 0;
}

/* The machine's trouble, which ends all of it. */
static bool
is_fatal(int rc)
{
	return rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE ||
	    rc == -EINVAL;
}

/* One column of a part: its addresses alone, then, if any is asked for, its
 * rows'. */
static int
look_at(struct worker *w, size_t i, const struct place *p,
    enum godb_column column, bool want4, bool want6, struct godb_fault *fault)
{
	struct godb_columns rows;
	struct gdi_slice s = {i, GDI_ALL_PIECES, want4, want6};
	struct gdi_addresses a;
	int rc = gdi_cursor_addresses(w->cursor, &s, column, &a, fault);

	if (rc < 0 || !any_owner(w->run, &a))
		return rc;
	rc = gdi_cursor_load_slice(w->cursor, &s, GODB_COL(column), &rows,
	    fault);
	if (rc < 0)
		return rc;
	a = (struct gdi_addresses){
	    column == GODB_SIP ? rows.sip4 : rows.dip4,
	    column == GODB_SIP ? rows.sip6 : rows.dip6, rows.n4, rows.n6};
	mark_rows(w, &a, p);
	return 0;
}

/* A part of w->scan, which counts as one of the interface of run->scan. */
static int
visit_part(struct worker *w, size_t i, size_t iface)
{
	const struct run *run = w->run;
	const struct godb_part *part = godb_scan_part(w->scan, i);
	bool want4 = gdi_prefixes_any(&run->space[0]) && part->n4 > 0;
	bool want6 = gdi_prefixes_any(&run->space[1]) && part->n6 > 0;
	struct godb_fault fault;
	struct place p;
	int rc = 0;

	memset(&fault, 0, sizeof(fault));
	w->stats.parts++;
	if (!want4 && !want6) {
		w->stats.parts_skipped++;
		return 0;
	}
	p = place_of(run, part->slot_s, iface);
	w->stats.rows += (want4 ? part->n4 : 0) + (want6 ? part->n6 : 0);
	for (int c = GODB_SIP; rc == 0 && c <= GODB_DIP; c++)
		rc = look_at(w, i, &p, (enum godb_column)c, want4, want6,
		    &fault);
	if (rc == 0 || is_fatal(rc))
		return rc;
	fault.iface = godb_scan_iface(run->scan, iface);
	fault.first_s = part->slot_s;
	fault.last_s = part->slot_s + GP_SLOT_S;
	fault.rc = rc;
	return note_fault(w, &fault);
}

/* ---- days that are held -------------------------------------------------- */

/* Slots of the index's addresses in the interval, from `a`, its first one, on;
 * `a` is the first behind it then.  1; 0: there is none; or an error. */
static int
take_interval(struct worker *w, const struct gdi_prefixes *s, size_t i,
    const struct gdi_slots *all, struct godb_addr6 *a, struct gdi_slots *out)
{
	bool last = i + 1 == s->n;
	int rc = 1;

	memset(out, 0, sizeof(*out));
	while (rc == 1 &&
	    (last || gdi_addr_order(*a, s->interval[i + 1].first) < 0)) {
		struct gdi_slots slots;

		rc = gdi_addrwalk_slots(w->walk, &slots);
		if (rc < 0)
			return rc;
		gdi_slots_or(out, &slots);
		/* no other one can be earlier or later that day */
		if (gdi_slots_first(out) == gdi_slots_first(all) &&
		    gdi_slots_last(out) == gdi_slots_last(all))
			return last ? 0 : gdi_addrwalk_seek(w->walk,
					      s->interval[i + 1].first, a);
		rc = gdi_addrwalk_next(w->walk, a);
	}
	return rc;
}

/*
 * Intervals and addresses are both ascending: whichever is behind catches up,
 * so that few of either pass over most of the other.
 */
static int
ask_index(struct worker *w, const struct gdi_held *h, struct gdi_addrindex *x,
    bool v6)
{
	const struct run *run = w->run;
	const struct gdi_prefixes *s = &run->space[v6];
	struct place p = place_of(run, h->day_s, h->iface);
	struct godb_addr6 a;
	size_t i = 0;
	int rc;

	gdi_addrwalk_begin(w->walk, x, v6);
	rc = gdi_addrwalk_seek(w->walk, s->interval[0].first, &a);
	while (rc == 1) {
		struct gdi_slots slots;

		i = gdi_prefixes_seek(s, a, i);
		if (s->interval[i].owner == GDI_NO_PREFIX) {
			if (++i == s->n)
				break;
			rc = gdi_addrwalk_seek(w->walk, s->interval[i].first,
			    &a);
			continue;
		}
		rc = take_interval(w, s, i, &x->digest.used, &a, &slots);
		if (rc < 0)
			break;
		p.first_s = h->day_s + gdi_slots_first(&slots) * GP_SLOT_S;
		p.last_s = h->day_s + gdi_slots_last(&slots) * GP_SLOT_S;
		mark(run->seen, &w->notes, s->interval[i].owner, &p);
	}
	return rc < 0 ? rc : 0;
}

/* It must be the one that the scan has seen. */
static int
open_index(const struct run *run, const struct gdi_held *h,
    struct gdi_addrindex *x)
{
	int fd = gdi_scan_open_held(run->scan, h);
	int rc = fd < 0 ? fd : gdi_addrindex_open(fd, h->day_s, false, x);

	gp_fd_close(&fd);
	if (rc < 0 || (x->digest.index_sum == h->digest.index_sum &&
			  x->digest.index_bytes == h->digest.index_bytes &&
			  x->listed))
		return rc;
	gdi_addrindex_close(x);
	return GODB_EDAMAGED;
}

/* The day's blocks, for its index is of no use.  Nothing that the scan held
 * is passed over in silence. */
static int
look_again(struct worker *w, const struct gdi_held *h)
{
	const struct run *run = w->run;
	const char *name = godb_scan_iface(run->scan, h->iface);
	struct godb_fault gone = {.iface = name, .first_s = h->day_s,
	    .last_s = h->day_s + GP_DAY_S, .rc = GODB_EGONE};
	struct godb_cursor *cursor = w->cursor;
	struct godb_scan *s = NULL;
	size_t n = 0;
	int rc = gdi_scan_again(run->scan, h, &s);

	w->cursor = NULL;
	if (rc == 0)
		rc = godb_cursor_new(s, &w->cursor);
	w->scan = s;
	if (rc == 0)
		n = godb_scan_n_parts(s) + godb_scan_n_faults(s);
	for (size_t i = 0; rc == 0 && i < godb_scan_n_faults(s); i++) {
		struct godb_fault f = *godb_scan_fault(s, i);

		f.iface = name;
		rc = note_fault(w, &f);
	}
	for (size_t i = 0; rc == 0 && i < godb_scan_n_parts(s); i++)
		rc = visit_part(w, i, h->iface);
	if (rc == 0 && n == 0) {
		char day[11];

		gp_clock_day_format(h->day_s, day);
		(void)snprintf(gone.place, sizeof(gone.place), "%s/%s", name,
		    day);
		rc = note_fault(w, &gone);
	}
	count_bytes(w, w->cursor);
	godb_cursor_free(w->cursor);
	godb_scan_close(s);
	w->cursor = cursor;
	w->scan = run->scan;
	return rc;
}

static int
visit_held(struct worker *w, const struct gdi_held *h)
{
	const struct run *run = w->run;
	struct gdi_addrindex x;
	int rc = w->walk ? 0 : gdi_addrwalk_new(&w->walk);

	if (rc < 0)
		return rc;
	rc = open_index(run, h, &x);
	if (rc == 0) {
		for (int v6 = 0; rc == 0 && v6 < 2; v6++)
			if (gdi_prefixes_any(&run->space[v6]))
				rc = ask_index(w, h, &x, v6);
		w->stats.bytes_read += x.read_bytes;
		gdi_addrindex_close(&x);
	}
	if (is_fatal(rc))
		return rc;
	if (rc < 0)
		return look_again(w, h);
	w->stats.parts += h->digest.records;
	w->stats.parts_skipped += h->digest.records;
	return 0;
}

static int
visit(struct worker *w, size_t i)
{
	size_t n_parts = godb_scan_n_parts(w->run->scan);

	if (i >= n_parts)
		return visit_held(w, gdi_scan_held(w->run->scan, i - n_parts));
	return visit_part(w, i, godb_scan_part(w->scan, i)->iface_index);
}

static void
work(void *arg, unsigned thread)
{
	struct run *run = arg;
	const struct godb_seen_opts *o = run->opts;
	struct worker *w = &run->worker[thread];
	size_t i = 0, end = 0;

	if (thread >= run->n_workers)
		return;
	while (w->rc == 0 && !run->stop) {
		if (i == end && !gdi_shares_take(&run->shares, &i, &end))
			break;
		if (thread == 0 && o->progress &&
		    o->progress(o->progress_arg, run->done, run->shares.n))
			w->rc = GODB_ECANCELLED;
		else
			w->rc = visit(w, i++);
		(void)atomic_fetch_add_explicit(&run->done, 1,
		    memory_order_relaxed);
	}
	if (w->rc < 0)
		run->stop = true;
}

/* ---- run --------------------------------------------------------------- */

static void
notes_free(struct notes *n)
{
	free(n->note);
	free(n->bits);
}

static int
notes_init(struct notes *n, const struct godb_seen *seen)
{
	n->note = calloc(seen->n + 1, sizeof(*n->note));
	n->bits = calloc(seen->n + 1, seen->stride);
	if (!n->note || !n->bits)
		return -ENOMEM;
	for (size_t i = 0; i < seen->n; i++)
		n->note[i] = (struct note){INT64_MAX, INT64_MIN};
	return 0;
}

static void
merge_note(const struct godb_seen *seen, struct notes *to, size_t at,
    const struct notes *from, size_t of)
{
	struct note *a = &to->note[at];
	const struct note *b = &from->note[of];

	if (b->first_s < a->first_s)
		a->first_s = b->first_s;
	if (b->last_s > a->last_s)
		a->last_s = b->last_s;
	for (size_t i = 0; i < seen->stride; i++)
		to->bits[at * seen->stride + i] |=
		    from->bits[of * seen->stride + i];
}

static int
gather(struct run *run, struct worker *w)
{
	struct godb_seen *seen = run->seen;
	struct godb_fault *more;

	for (size_t i = 0; i < seen->n; i++)
		merge_note(seen, &seen->notes, i, &w->notes, i);
	more = reallocarray(seen->fault, seen->n_faults + w->n_faults + 1,
	    sizeof(*more));
	if (!more)
		return -ENOMEM;
	seen->fault = more;
	if (w->n_faults > 0)
		memcpy(more + seen->n_faults, w->fault,
		    w->n_faults * sizeof(*more));
	seen->n_faults += w->n_faults;
	count_bytes(w, w->cursor);
	seen->stats.bytes_read += w->stats.bytes_read;
	seen->stats.bytes_decoded += w->stats.bytes_decoded;
	seen->stats.parts += w->stats.parts;
	seen->stats.parts_skipped += w->stats.parts_skipped;
	seen->stats.rows += w->stats.rows;
	return 0;
}

/* What a prefix has seen its shorter ones have, too. */
static void
tell_parents(struct run *run)
{
	struct godb_seen *seen = run->seen;

	for (size_t i = 0; i < seen->n; i++) {
		if (seen->notes.note[i].first_s > seen->notes.note[i].last_s)
			continue;
		for (uint32_t p = run->parent[i]; p != GDI_NO_PREFIX;
		     p = run->parent[p])
			merge_note(seen, &seen->notes, p, &seen->notes, i);
	}
}

static bool
opts_are_sane(const struct godb_seen_opts *o)
{
	if (o->n >= GDI_NO_PREFIX)
		return false;
	for (size_t i = 0; i < o->n; i++) {
		const struct godb_prefix *p = &o->prefix[i];

		if ((p->version != 4 && p->version != 6) ||
		    p->len > (p->version == 4 ? 32 : 128) ||
		    !gdi_prefix_is_clean(p))
			return false;
	}
	return true;
}

/* Threads are asked for what takes them long enough. */
static struct godb_pool *
pool_for(const struct run *run)
{
	const struct godb_scan *s = run->scan;
	uint64_t rows = gdi_scan_n_helds(s) * (uint64_t)GDI_DAY_ROWS;

	for (size_t i = 0; i < godb_scan_n_parts(s); i++) {
		const struct godb_part *p = godb_scan_part(s, i);

		rows += (uint64_t)p->n4 + p->n6;
	}
	return gdi_pool_for(run->opts->pool, rows);
}

/* The spaces, and notes for the result and each thread. */
static int
reserve(struct run *run)
{
	struct godb_seen *seen = run->seen;
	const struct godb_seen_opts *o = run->opts;
	int rc = list_days(run);

	run->pool = pool_for(run);
	seen->n = o->n;
	seen->n_ifaces = godb_scan_n_ifaces(run->scan);
	seen->stride = (seen->n_days + seen->n_ifaces) / 8 + 1;
	run->n_workers = gdi_shares_init(&run->shares,
	    godb_scan_n_parts(run->scan) + gdi_scan_n_helds(run->scan),
	    gdi_pool_size(run->pool));
	seen->stats.mem_bytes = (run->n_workers + 1) * seen->n *
		(sizeof(struct note) + seen->stride) +
	    gdi_prefixes_bytes(seen->n);
	if (o->mem_bytes && seen->stats.mem_bytes > o->mem_bytes)
		return GODB_EMEMORY;
	run->parent = calloc(o->n + 1, sizeof(*run->parent));
	run->worker = calloc(run->n_workers, sizeof(*run->worker));
	if (rc == 0 && (!run->parent || !run->worker))
		rc = -ENOMEM;
	for (int v = 0; rc == 0 && v < 2; v++)
		rc = gdi_prefixes_init(&run->space[v], o->prefix, o->n,
		    v == 1, run->parent);
	if (rc == 0)
		rc = notes_init(&seen->notes, seen);
	for (unsigned i = 0; rc == 0 && i < run->n_workers; i++) {
		run->worker[i].run = run;
		run->worker[i].scan = run->scan;
		rc = notes_init(&run->worker[i].notes, seen);
		if (rc == 0)
			rc = godb_cursor_new(run->scan, &run->worker[i].cursor);
	}
	return rc;
}

static void
close_run(struct run *run)
{
	for (unsigned i = 0; run->worker && i < run->n_workers; i++) {
		godb_cursor_free(run->worker[i].cursor);
		gdi_addrwalk_free(run->worker[i].walk);
		notes_free(&run->worker[i].notes);
		free(run->worker[i].fault);
	}
	for (int v = 0; v < 2; v++)
		gdi_prefixes_fini(&run->space[v]);
	free(run->worker);
	free(run->parent);
	free(run->day);
}

int
godb_seen_run(const struct godb_scan *s, const struct godb_seen_opts *opts,
    struct godb_seen **out)
{
	struct godb_seen_opts o = GODB_SEEN_OPTS_INIT;
	struct run run = {.scan = s, .opts = &o};
	int rc = gdi_opts_take(&o, sizeof(o), opts);

	if (rc < 0 || !opts_are_sane(&o))
		return -EINVAL;
	run.seen = calloc(1, sizeof(*run.seen));
	if (!run.seen)
		return -ENOMEM;
	rc = reserve(&run);
	if (rc == 0) {
		gdi_pool_run(run.pool, work, &run);
		for (unsigned i = 0; rc == 0 && i < run.n_workers; i++)
			rc = run.worker[i].rc;
		for (unsigned i = 0; rc == 0 && i < run.n_workers; i++)
			rc = gather(&run, &run.worker[i]);
	}
	if (rc == 0)
		tell_parents(&run);
	close_run(&run);
	if (rc < 0)
		godb_seen_free(run.seen);
	else
		*out = run.seen;
	return rc;
}

void
godb_seen_free(struct godb_seen *s)
{
	if (!s)
		return;
	notes_free(&s->notes);
	free(s->fault);
	free(s);
}

/* ---- reading ----------------------------------------------------------- */

bool
godb_seen_sighting(const struct godb_seen *s, size_t i,
    struct godb_sighting *out)
{
	const uint8_t *bits;

	memset(out, 0, sizeof(*out));
	if (i >= s->n ||
	    s->notes.note[i].first_s > s->notes.note[i].last_s)
		return false;
	bits = s->notes.bits + i * s->stride;
	out->first_s = s->notes.note[i].first_s;
	out->last_s = s->notes.note[i].last_s;
	for (size_t d = 0; d < s->n_days; d++)
		out->days += has_bit(bits, d);
	return true;
}

bool
godb_seen_on(const struct godb_seen *s, size_t i, size_t iface)
{
	return i < s->n && iface < s->n_ifaces &&
	    has_bit(s->notes.bits + i * s->stride, s->n_days + iface);
}

const struct godb_fault *
godb_seen_faults(const struct godb_seen *s, size_t *n)
{
	*n = s->n_faults;
	return s->fault;
}

void
godb_seen_stats(const struct godb_seen *s, struct godb_result_stats *out)
{
	*out = s->stats;
}
