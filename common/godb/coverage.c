/*
 * coverage - what an answer's window holds and what it lacks.
 *
 * An interface's parts say which time they cover; what none covers between
 * the first known block and now is down-time, unless a capture file stands
 * beside it.  Faults cover the time that they may have cost, so that damage
 * is not reported as down-time too.
 */
#include "common/godb/godb.h"

#include "common/base/clock.h"
#include "common/godb/group.h"
#include "common/godb/held.h"
#include "common/godb/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A capture's frames adjoin to the nanosecond, and starting one anew takes
 * longer than this. */
#define GAP_NS (GP_NS_PER_S / 50)
/* How old the newest data may be before somebody is missing: a snapshot and
 * its wait for a label, or a block, its grace and its commit. */
#define LIVE_NS      (60 * GP_NS_PER_S)
#define BEHIND_NS    (30 * GP_NS_PER_S) /* where snapshots are seldom */
#define COMMITTED_NS (660 * GP_NS_PER_S)

static const char *const cause_names[GODB_N_CAUSES] = {
	[GODB_CAUSE_DOWN] = "down",
	[GODB_CAUSE_KERNEL_DROPS] = "kernel-drops",
	[GODB_CAUSE_IFACE_DROPS] = "interface-drops",
	[GODB_CAUSE_DAMAGED] = "damaged",
	[GODB_CAUSE_GONE] = "removed",
	[GODB_CAUSE_CUT] = "cut-file",
	[GODB_CAUSE_LATE] = "late",
	[GODB_CAUSE_CLAMPED] = "time-range",
	[GODB_CAUSE_LOST] = "lost-rows",
	[GODB_CAUSE_PRUNED] = "pruned",
	[GODB_CAUSE_UNSHIPPED] = "not-shipped",
	[GODB_CAUSE_OVERFLOW] = "overflow",
};

const char *
godb_cause_name(enum godb_cause c)
{
	return (unsigned)c < GODB_N_CAUSES ? cause_names[c] : "";
}

struct godb_coverage {
	int64_t first_s, last_s;
	uint64_t covered_ns, known_ns;
	uint32_t directions;
	struct godb_incomplete *item;
	size_t n;
};

/* Time that a part or a fault answers for. */
struct span {
	int64_t first_ns, last_ns;
	bool offline, fault;
};

/* One interface's share of the work. */
struct job {
	struct godb_reader *reader;
	const struct godb_scan *scan;
	const struct godb_result *result;
	const struct godb_coverage_opts *opts;
	struct godb_coverage *c;
	size_t iface;
	const char *name;
	size_t first_part, end_part;
	struct godb_part any; /* bits that some part has, where that matters */
	size_t first_held, end_held; /* days without parts */
	int64_t known_first_s, known_last_s; /* of the interface's extent */
	bool known;
	struct span *span;
	size_t n_spans;
	uint64_t covered_ns; /* its part of the coverage's */
};

static int
add_item(struct godb_coverage *c, const struct godb_incomplete *item)
{
	struct godb_incomplete *more =
	    reallocarray(c->item, c->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	c->item = more;
	c->item[c->n++] = *item;
	return 0;
}

/* ---- gaps -------------------------------------------------------------- */

static int
order_spans(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return (x->first_ns > y->first_ns) - (x->first_ns < y->first_ns);
}

static int64_t
s_to_ns(int64_t s)
{
	if (s < 0)
		s = 0;
	if (s > GP_TIME_MAX_S)
		s = GP_TIME_MAX_S;
	return s * GP_NS_PER_S;
}

/* Faults of reading parts, behind those of the scan. */
static size_t
count_part_faults(const struct job *j)
{
	return (j->result ? godb_result_n_faults(j->result) : 0) +
	    j->opts->n_faults;
}

static const struct godb_fault *
part_fault_at(const struct job *j, size_t i)
{
	size_t n = j->result ? godb_result_n_faults(j->result) : 0;

	return i < n ? godb_result_fault(j->result, i)
		     : &j->opts->faults[i - n];
}

static size_t
count_faults(const struct job *j)
{
	return godb_scan_n_faults(j->scan) + count_part_faults(j);
}

static const struct godb_fault *
fault_at(const struct job *j, size_t i)
{
	size_t n = godb_scan_n_faults(j->scan);

	return i < n ? godb_scan_fault(j->scan, i) : part_fault_at(j, i - n);
}

static bool
is_mine(const struct job *j, const struct godb_fault *f)
{
	return f->iface && strcmp(f->iface, j->name) == 0;
}

/* What a held day covers, in as few pieces as it can be told. */
static void
collect_stretches(struct job *j, const struct gdi_digest *d)
{
	for (uint32_t i = 0; i < d->n_stretches; i++)
		j->span[j->n_spans++] = (struct span){d->stretch[i].first_ns,
		    d->stretch[i].last_ns, d->flags & GODB_PART_OFFLINE,
		    false};
}

/* Blocks come in order, and faults seldom between them. */
static void
put_in_order(struct span *span, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (order_spans(&span[i - 1], &span[i]) > 0) {
			qsort(span, n, sizeof(*span), order_spans);
			return;
		}
}

static int
collect_spans(struct job *j)
{
	size_t room = j->end_part - j->first_part + count_faults(j);

	for (size_t i = j->first_held; i < j->end_held; i++)
		room += gdi_scan_held(j->scan, i)->digest.n_stretches;
	j->span = calloc(room ? room : 1, sizeof(*j->span));
	if (!j->span)
		return -ENOMEM;
	for (size_t i = j->first_part; i < j->end_part; i++) {
		const struct godb_part *part = godb_scan_part(j->scan, i);

		j->span[j->n_spans++] = (struct span){part->first_ns,
		    part->last_ns, part->flags & GODB_PART_OFFLINE, false};
	}
	for (size_t i = j->first_held; i < j->end_held; i++)
		collect_stretches(j, &gdi_scan_held(j->scan, i)->digest);
	for (size_t i = 0; i < count_faults(j); i++) {
		const struct godb_fault *f = fault_at(j, i);

		if (is_mine(j, f))
			j->span[j->n_spans++] = (struct span){
			    s_to_ns(f->first_s), s_to_ns(f->last_s), false,
			    true};
	}
	put_in_order(j->span, j->n_spans);
	return 0;
}

/* What is nearest to the window, of the interface's blocks from first_s to
 * last_s, which lie on one side of it: 1 capture files', 0 live ones, -1 there
 * is none.  When it cannot be told, 0: a gap too many is better than one too
 * few. */
static int
nearest_is_offline(const struct job *j, int64_t first_s, int64_t last_s,
    bool before)
{
	struct godb_scan_opts opts = GODB_SCAN_OPTS_INIT;
	const char *ifaces[] = {j->name, NULL};
	struct godb_scan *s = NULL;
	int64_t best_ns = 0;
	int offline = -1;

	opts.ifaces = ifaces;
	opts.first_s = first_s;
	opts.last_s = last_s;
	if (!j->reader || godb_scan_open(j->reader, &opts, &s) < 0)
		return 0;
	for (size_t i = 0; i < godb_scan_n_parts(s); i++) {
		const struct godb_part *part = godb_scan_part(s, i);
		/* the complement: the least number has no opposite */
		int64_t ns = before ? part->last_ns : ~part->first_ns;

		if (offline >= 0 && ns < best_ns)
			continue;
		offline = (part->flags & GODB_PART_OFFLINE) != 0 ||
		    (offline > 0 && ns == best_ns);
		best_ns = ns;
	}
	for (size_t i = 0; i < godb_scan_n_faults(s); i++)
		if (godb_scan_fault(s, i)->last_s >
		    godb_scan_fault(s, i)->first_s)
			offline = 0;
	godb_scan_close(s);
	return offline;
}

/* Whether the block nearest before the window is of capture files: days of
 * years may have to be passed over, so each step is twice as long. */
static bool
is_offline_before(const struct job *j)
{
	int64_t until_s = j->c->first_s, step_s = GP_DAY_S;
	int offline = gdi_scan_kind(j->scan, j->iface);

	for (; offline < 0 && until_s > j->known_first_s; step_s *= 2) {
		int64_t from_s = until_s - step_s > j->known_first_s ?
		    until_s - step_s : j->known_first_s;

		offline = nearest_is_offline(j, from_s, until_s, true);
		until_s = from_s;
	}
	return offline > 0;
}

/* And the one nearest behind it. */
static bool
is_offline_behind(const struct job *j)
{
	int64_t from_s = j->c->last_s, step_s = GP_DAY_S;
	int64_t end_s = j->known_last_s + GP_SLOT_S;
	int offline = gdi_scan_kind(j->scan, j->iface);

	for (; offline < 0 && from_s < end_s; step_s *= 2) {
		int64_t until_s = from_s + step_s < end_s ? from_s + step_s :
							    end_s;

		offline = nearest_is_offline(j, from_s, until_s, false);
		from_s = until_s;
	}
	return offline > 0;
}

struct gaps {
	int64_t first_ns, last_ns;
	uint64_t total_ns, count;
};

static void
add_gap(struct gaps *g, int64_t from, int64_t to)
{
	if (g->count++ == 0)
		g->first_ns = from;
	g->last_ns = to;
	g->total_ns += (uint64_t)(to - from);
}

static int
add_time(struct job *j, enum godb_cause cause, const struct gaps *g)
{
	struct godb_incomplete item;

	if (g->count == 0)
		return 0;
	memset(&item, 0, sizeof(item));
	item.cause = cause;
	item.iface = j->name;
	item.first_ns = g->first_ns;
	item.last_ns = g->last_ns;
	item.amount = g->total_ns;
	item.count = g->count;
	return add_item(j->c, &item);
}

static int64_t
find_patience(const struct job *j)
{
	const struct godb_coverage_opts *o = j->opts;
	int64_t ns;

	if (o->no_live)
		return COMMITTED_NS;
	ns = o->interval_ns ?
	    o->interval_ns(o->interval_arg, j->name) + BEHIND_NS : 0;
	return ns > LIVE_NS ? ns : LIVE_NS;
}

static int
find_gaps(struct job *j)
{
	int64_t from = s_to_ns(j->c->first_s), end = s_to_ns(j->c->last_s);
	int64_t at, seen, patience = GAP_NS; /* seen: as at, without faults */
	bool offline = false, before, after;
	const struct span *later = NULL; /* the first behind now */
	uint64_t covered = 0;
	struct gaps gaps = {0, 0, 0, 0}, tail = {0, 0, 0, 0};
	int rc;

	if (end > j->opts->now_ns)
		end = j->opts->now_ns;
	before = j->known && j->known_first_s < j->c->first_s;
	after = j->known && s_to_ns(j->known_last_s) >= end;
	at = from;
	if (!before) {
		/* nothing is known of the time before the first block, which
		 * may be one that is still open and not asked for */
		int64_t first_ns = j->n_spans > 0 ? j->span[0].first_ns :
		    j->known ? s_to_ns(j->known_first_s) : end;

		if (first_ns > at)
			at = first_ns;
	}
	seen = at;
	for (size_t i = 0; i < j->n_spans; i++) {
		const struct span *s = &j->span[i];
		int64_t begin, from_seen, until, last;

		if (s->first_ns >= end) {
			later = s;
			break;
		}
		begin = s->first_ns > at ? s->first_ns : at;
		from_seen = s->first_ns > seen ? s->first_ns : seen;
		/* a file of one packet has a moment and no length */
		until = s->last_ns > s->first_ns ? s->last_ns : s->first_ns + 1;
		last = until < end ? until : end;
		if (i == 0 && before && !s->offline &&
		    begin - at > GAP_NS)
			offline = is_offline_before(j);
		if (begin - at > GAP_NS && !offline && !s->offline)
			add_gap(&gaps, at, begin);
		if (!s->fault && last > from_seen) {
			covered += (uint64_t)(last - from_seen);
			seen = last;
		}
		if (last > at) {
			at = last;
			offline = s->offline;
		}
	}
	if ((j->n_spans == 0 || later == j->span) && end > at)
		offline = is_offline_before(j);
	if (!after)
		patience = find_patience(j);
	if (end - at > patience && !offline &&
	    !(later ? later->offline : after && is_offline_behind(j)))
		add_gap(j->opts->shipped && !after ? &tail : &gaps, at, end);
	j->covered_ns = covered;
	j->c->covered_ns += covered;
	j->c->known_ns += covered + gaps.total_ns + tail.total_ns;
	rc = add_time(j, GODB_CAUSE_DOWN, &gaps);
	return rc < 0 ? rc : add_time(j, GODB_CAUSE_UNSHIPPED, &tail);
}

/* ---- counters ---------------------------------------------------------- */

static uint64_t
amount_of(const struct godb_part *part, enum godb_cause cause)
{
	switch (cause) {
	case GODB_CAUSE_KERNEL_DROPS:
		return part->counters.kernel_drops;
	case GODB_CAUSE_IFACE_DROPS:
		return part->counters.iface_drops;
	case GODB_CAUSE_LATE:
		return part->counters.late;
	case GODB_CAUSE_CLAMPED:
		return part->counters.time_clamped;
	case GODB_CAUSE_OVERFLOW:
		return part->counters.overflow;
	case GODB_CAUSE_CUT:
		return (part->flags & GODB_PART_CUT) != 0;
	case GODB_CAUSE_LOST:
		return (part->flags & GODB_PART_LOST) != 0;
	case GODB_CAUSE_DOWN:
	case GODB_CAUSE_DAMAGED:
	case GODB_CAUSE_GONE:
	case GODB_CAUSE_PRUNED:
	case GODB_CAUSE_UNSHIPPED:
	case GODB_N_CAUSES:
		break;
	}
	return 0;
}

/* Whether the interface has a block that day; days are asked for in order. */
static bool
has_day(const struct job *j, int64_t day_s, size_t *part, size_t *held)
{
	int64_t end_s = day_s + GP_DAY_S;

	while (*part < j->end_part &&
	    godb_scan_part(j->scan, *part)->slot_s < day_s)
		++*part;
	while (*held < j->end_held &&
	    gdi_scan_held(j->scan, *held)->day_s < day_s)
		++*held;
	if ((*part < j->end_part &&
		godb_scan_part(j->scan, *part)->slot_s < end_s) ||
	    (*held < j->end_held &&
		gdi_scan_held(j->scan, *held)->day_s == day_s))
		return true;
	/* of one that the window cuts there may be others */
	return (day_s < j->c->first_s || end_s > j->c->last_s) &&
	    nearest_is_offline(j, day_s, end_s, true) >= 0;
}

static void
add_removed(struct godb_incomplete *item, int64_t first_s, int64_t until_s)
{
	if (item->count == 0)
		item->first_ns = s_to_ns(first_s);
	item->last_ns = s_to_ns(until_s);
	item->count += (uint64_t)((until_s - first_s + GP_DAY_S - 1) /
	    GP_DAY_S);
}

/* What of the window was removed and has nothing: what lies before the first
 * block, and days behind it, for capture files may have come there since. */
static int
add_pruned(struct job *j)
{
	int64_t first_s, until_s, known_s, day_s;
	size_t part = j->first_part, held = j->first_held;
	struct godb_incomplete item;

	if (!godb_scan_pruned(j->scan, j->iface, &first_s, &until_s))
		return 0;
	if (first_s < j->c->first_s)
		first_s = j->c->first_s;
	if (until_s > j->c->last_s)
		until_s = j->c->last_s;
	known_s = j->known && j->known_first_s < until_s ? j->known_first_s :
							   until_s;
	memset(&item, 0, sizeof(item));
	item.cause = GODB_CAUSE_PRUNED;
	item.iface = j->name;
	if (first_s < known_s)
		add_removed(&item, first_s, known_s);
	day_s = known_s < first_s ? gp_clock_day(first_s) :
				    gp_clock_day(known_s) + GP_DAY_S;
	for (; day_s < until_s; day_s += GP_DAY_S)
		if (!has_day(j, day_s, &part, &held))
			add_removed(&item, day_s > first_s ? day_s : first_s,
			    day_s + GP_DAY_S < until_s ? day_s + GP_DAY_S :
							 until_s);
	return item.count ? add_item(j->c, &item) : 0;
}

/* Blocks from first_s to last_s, `count` of them, lack `amount`. */
static void
add_lack(struct godb_incomplete *item, int64_t first_s, int64_t last_s,
    uint64_t count, uint64_t amount)
{
	int64_t first_ns = s_to_ns(first_s);
	int64_t last_ns = s_to_ns(last_s + GP_SLOT_S);

	if (item->count == 0 || first_ns < item->first_ns)
		item->first_ns = first_ns;
	if (last_ns > item->last_ns)
		item->last_ns = last_ns;
	item->count += count;
	item->amount = gdi_add(item->amount, amount);
}

/* The same of a day that is not read. */
static const struct gdi_tally *
tally_of(const struct gdi_digest *d, enum godb_cause cause)
{
	switch (cause) {
	case GODB_CAUSE_KERNEL_DROPS:
		return &d->tally[GDI_TALLY_KERNEL_DROPS];
	case GODB_CAUSE_IFACE_DROPS:
		return &d->tally[GDI_TALLY_IFACE_DROPS];
	case GODB_CAUSE_LATE:
		return &d->tally[GDI_TALLY_LATE];
	case GODB_CAUSE_CLAMPED:
		return &d->tally[GDI_TALLY_CLAMPED];
	case GODB_CAUSE_CUT:
		return &d->tally[GDI_TALLY_CUT];
	case GODB_CAUSE_LOST:
		return &d->tally[GDI_TALLY_LOST];
	case GODB_CAUSE_OVERFLOW: /* days with any are read */
	case GODB_CAUSE_DOWN:
	case GODB_CAUSE_DAMAGED:
	case GODB_CAUSE_GONE:
	case GODB_CAUSE_PRUNED:
	case GODB_CAUSE_UNSHIPPED:
	case GODB_N_CAUSES:
		break;
	}
	return NULL;
}

static int
add_counters(struct job *j, enum godb_cause cause)
{
	struct godb_incomplete item;

	memset(&item, 0, sizeof(item));
	item.cause = cause;
	item.iface = j->name;
	/* mostly no part lacks anything */
	for (size_t i = j->first_part;
	     amount_of(&j->any, cause) > 0 && i < j->end_part; i++) {
		const struct godb_part *part = godb_scan_part(j->scan, i);
		uint64_t amount = amount_of(part, cause);

		if (amount > 0)
			add_lack(&item, part->slot_s, part->slot_s, 1, amount);
	}
	for (size_t i = j->first_held; i < j->end_held; i++) {
		const struct gdi_held *h = gdi_scan_held(j->scan, i);
		const struct gdi_tally *t = tally_of(&h->digest, cause);

		if (t && t->records > 0)
			add_lack(&item, h->day_s + t->first * GP_SLOT_S,
			    h->day_s + t->last * GP_SLOT_S, t->records,
			    t->amount);
	}
	if (cause == GODB_CAUSE_CUT || cause == GODB_CAUSE_LOST)
		item.amount = 0; /* nobody knows how many are missing */
	return item.count ? add_item(j->c, &item) : 0;
}

static int
add_fault(struct godb_coverage *c, const struct godb_fault *f,
    enum godb_cause cause, const char *iface)
{
	struct godb_incomplete item = {
		.cause = cause,
		.iface = iface,
		.first_ns = s_to_ns(f->first_s),
		.last_ns = s_to_ns(f->last_s),
		.count = 1,
		.unreadable = true,
		.rc = f->rc,
		.place = f->place,
	};

	return add_item(c, &item);
}

static int
add_faults(struct job *j, enum godb_cause cause)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count_faults(j); i++) {
		const struct godb_fault *f = fault_at(j, i);

		if (!is_mine(j, f) ||
		    (f->rc == GODB_EGONE) != (cause == GODB_CAUSE_GONE))
			continue;
		rc = add_fault(j->c, f, cause, j->name);
	}
	return rc;
}

/* A part that could not be read does not cover its time.  The spans, which are
 * done with, have room for the faults. */
static void
uncover_faults(struct job *j)
{
	int64_t seen = s_to_ns(j->c->first_s), end = s_to_ns(j->c->last_s);
	uint64_t lost = 0;
	size_t n = 0;

	if (end > j->opts->now_ns)
		end = j->opts->now_ns;
	for (size_t i = 0; i < count_part_faults(j); i++) {
		const struct godb_fault *f = part_fault_at(j, i);

		if (is_mine(j, f))
			j->span[n++] = (struct span){s_to_ns(f->first_s),
			    s_to_ns(f->last_s), false, true};
	}
	put_in_order(j->span, n);
	for (size_t i = 0; i < n; i++) {
		int64_t first = j->span[i].first_ns > seen ?
		    j->span[i].first_ns : seen;
		int64_t last = j->span[i].last_ns < end ?
		    j->span[i].last_ns : end;

		if (last <= first)
			continue;
		lost += (uint64_t)(last - first);
		seen = last;
	}
	j->c->covered_ns -= lost < j->covered_ns ? lost : j->covered_ns;
}

/* ---- all together ------------------------------------------------------ */

static int
cover_iface(struct job *j)
{
	int rc;

	j->name = godb_scan_iface(j->scan, j->iface);
	j->known = godb_scan_extent(j->scan, j->iface, &j->known_first_s,
	    &j->known_last_s);
	j->n_spans = 0;
	j->covered_ns = 0;
	rc = collect_spans(j);
	if (rc == 0)
		rc = find_gaps(j);
	if (rc == 0)
		uncover_faults(j);
	free(j->span);
	j->span = NULL;
	for (int c = 0; rc == 0 && c < GODB_N_CAUSES; c++) {
		if (c == GODB_CAUSE_DAMAGED || c == GODB_CAUSE_GONE)
			rc = add_faults(j, (enum godb_cause)c);
		else if (c == GODB_CAUSE_PRUNED)
			rc = add_pruned(j);
		else
			rc = add_counters(j, (enum godb_cause)c);
	}
	return rc;
}

/* Faults that name no interface of the scan: of the store as a whole. */
static int
add_strays(struct job *j)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count_faults(j); i++) {
		const struct godb_fault *f = fault_at(j, i);
		bool known = false;

		for (size_t k = 0; f->iface && k < godb_scan_n_ifaces(j->scan);
		     k++)
			known |= strcmp(f->iface,
				     godb_scan_iface(j->scan, k)) == 0;
		if (known)
			continue;
		rc = add_fault(j->c, f, f->rc == GODB_EGONE ?
			GODB_CAUSE_GONE : GODB_CAUSE_DAMAGED,
		    f->iface ? f->iface : "");
	}
	return rc;
}

static void
note_any(struct godb_part *any, const struct godb_part *part)
{
	const struct godb_counters *c = &part->counters;

	any->flags |= part->flags;
	any->counters.kernel_drops |= c->kernel_drops;
	any->counters.iface_drops |= c->iface_drops;
	any->counters.overflow |= c->overflow;
	any->counters.late |= c->late;
	any->counters.time_clamped |= c->time_clamped;
}

static int
cover_all(struct job *j)
{
	size_t n_parts = godb_scan_n_parts(j->scan), part = 0;
	size_t n_helds = gdi_scan_n_helds(j->scan), held = 0;
	const uint32_t directions = GODB_PART_DIR_IFACE | GODB_PART_DIR_FLOW;
	int rc = 0;

	for (j->iface = 0; rc == 0 && j->iface < godb_scan_n_ifaces(j->scan);
	     j->iface++) {
		j->first_part = part;
		memset(&j->any, 0, sizeof(j->any));
		while (part < n_parts &&
		    godb_scan_part(j->scan, part)->iface_index == j->iface) {
			const struct godb_part *p =
			    godb_scan_part(j->scan, part++);

			if (p->n4 || p->n6)
				j->c->directions |= p->flags & directions;
			note_any(&j->any, p);
		}
		j->end_part = part;
		j->first_held = held;
		while (held < n_helds &&
		    gdi_scan_held(j->scan, held)->iface == j->iface)
			j->c->directions |= directions &
			    gdi_scan_held(j->scan, held++)->digest.row_flags;
		j->end_held = held;
		rc = cover_iface(j);
	}
	return rc < 0 ? rc : add_strays(j);
}

int
godb_coverage_new(struct godb_reader *r, const struct godb_scan *s,
    const struct godb_result *result, const struct godb_coverage_opts *opts,
    struct godb_coverage **out)
{
	struct godb_coverage_opts o = GODB_COVERAGE_OPTS_INIT;
	struct job j = {.reader = r, .scan = s, .result = result, .opts = &o};
	int64_t last_s;
	int rc = gdi_opts_take(&o, sizeof(o), opts);

	if (rc < 0)
		return rc;
	last_s = o.last_s;
	j.c = calloc(1, sizeof(*j.c));
	if (!j.c)
		return -ENOMEM;
	if (last_s > GP_TIME_MAX_S)
		last_s = GP_TIME_MAX_S;
	if (o.now_ns < 0)
		o.now_ns = 0;
	j.c->first_s = gp_clock_slot(o.first_s);
	j.c->last_s = last_s > 0 ? gp_clock_slot(last_s - 1) + GP_SLOT_S : 0;
	rc = cover_all(&j);
	if (rc < 0) {
		godb_coverage_free(j.c);
		return rc;
	}
	*out = j.c;
	return 0;
}

void
godb_coverage_free(struct godb_coverage *c)
{
	if (!c)
		return;
	free(c->item);
	free(c);
}

void
godb_coverage_window(const struct godb_coverage *c, int64_t *first_s,
    int64_t *last_s)
{
	*first_s = c->first_s;
	*last_s = c->last_s;
}

void
godb_coverage_time(const struct godb_coverage *c, uint64_t *covered_ns,
    uint64_t *known_ns)
{
	*covered_ns = c->covered_ns;
	*known_ns = c->known_ns;
}

const struct godb_incomplete *
godb_coverage_incomplete(const struct godb_coverage *c, size_t i)
{
	return i < c->n ? &c->item[i] : NULL;
}

uint32_t
godb_coverage_directions(const struct godb_coverage *c)
{
	return c->directions;
}
