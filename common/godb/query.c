/*
 * query - run a question over a scan: filter, group, rank.
 */
#include "common/godb/query_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/godb/having.h"
#include "common/godb/held.h"
#include "common/godb/question.h"
#include "common/godb/rank.h"

#define CELLS_LEAST 8 /* a thread, to be given them whole */
#define PART_ROWS   128 /* a part costs as much beside its own */
#define PICKED_ROWS 4   /* as cheap as one that is summed, if groups already */

/* The scan has days as roll-ups that do not answer the question; beside errors
 * of the machine and of godb.h. */
#define GDI_EHELD (-ESTALE)

static bool
keys_are_sane(const struct godb_keys *keys, uint32_t seen)
{
	const uint32_t ends = 1u << GODB_KEY_SIP | 1u << GODB_KEY_DIP;

	if (seen & 1u << GODB_KEY_SITE)
		return false;

	for (unsigned k = 0; k < GODB_N_KEYS; k++) {
		if (keys->drop4[k] > 32 || keys->drop6[k] > 128)
			return false;
	}
	return !(seen & 1u << GODB_KEY_HOST) || !(seen & ends);
}

static bool
opts_are_sane(const struct godb_scan *s, const struct godb_query_opts *o)
{
	uint32_t seen = 0;

	if (o->keys.n == 0 || o->keys.n > GODB_N_KEYS ||
	    godb_scan_n_ifaces(s) > UINT16_MAX)
		return false;
	for (unsigned i = 0; i < o->keys.n; i++) {
		if ((unsigned)o->keys.key[i] >= GODB_N_KEYS ||
		    (seen & 1u << o->keys.key[i]))
			return false;
		seen |= 1u << o->keys.key[i];
	}
	if (!keys_are_sane(&o->keys, seen) ||
	    (unsigned)o->direction > GODB_DIR_SENT ||
	    o->metrics >= 1u << GODB_N_METRICS)
		return false;
	if (o->sort >= 0
		? o->sort >= GODB_N_KEYS || !(seen & 1u << o->sort)
		: GODB_SORT_METRIC(o->sort) >= GODB_N_METRICS)
		return false;
	return !o->share ||
	    (o->sort < 0 && !o->ascending && o->share <= 10000 &&
		GODB_SORT_METRIC(o->sort) <= GODB_METRIC_ROWS);
}

static int
open_worker(struct gdi_run *run, struct gdi_worker *w)
{
	int rc;

	w->run = run;
	rc = gdi_filter_new(run->opts->cond, run->scan, &w->filter);
	if (rc == 0)
		rc = gdi_feed_new(run->result->group, &w->feed);
	if (rc == 0)
		rc = godb_cursor_new(run->scan, &w->cursor);
	if (rc == 0 && gdi_question_whole_rows(run->opts))
		gdi_cursor_sum_live(w->cursor);
	return rc;
}

static int
count_pieces(struct gdi_run *run)
{
	const struct gdi_plan *plan = run->plan;
	size_t n = gdi_plan_n(plan), sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += gdi_part_pieces(
		    gdi_plan_get(plan, gdi_plan_part(plan, i)));
	run->n_pieces = sum;
	if (sum == n)
		return 0;
	run->first = calloc(n + 1, sizeof(*run->first));
	if (!run->first)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		run->first[i + 1] = run->first[i] + gdi_part_pieces(
		    gdi_plan_get(plan, gdi_plan_part(plan, i)));
	return 0;
}

/* Whether the index alone has the answer: nothing is less to read. */
static bool
wants_sums_alone(const struct gdi_worker *w)
{
	return gdi_feed_takes_sums(w->feed) &&
	    gdi_filter_columns(w->filter) == 0 &&
	    gdi_filter_verdict(w->filter, 4) == GDI_ALWAYS &&
	    gdi_filter_verdict(w->filter, 6) == GDI_ALWAYS;
}

/* Of days that the scan has as roll-ups, or that are empty: what these stand
 * for, and blocks that need not be summed, as they have no rows. */
static void
count_held(struct gdi_run *run)
{
	struct godb_result_stats *stats = &run->result->stats;

	for (size_t i = 0; i < gdi_scan_n_helds(run->scan); i++) {
		const struct gdi_held *h = gdi_scan_held(run->scan, i);

		if (!gdi_held_counts(h))
			continue;
		stats->parts_rolled += h->n_summed;
		stats->parts += h->digest.records - h->n_summed;
		stats->parts_skipped += h->digest.records - h->n_summed;
	}
}

static int
make_plan(struct gdi_run *run)
{
	struct gdi_plan_opts plan;
	size_t n_rolled;
	int rc;

	gdi_question_plan(run->opts, &plan);
	plan.rollups = plan.rollups && !wants_sums_alone(run->worker);
	plan.columns = gdi_filter_columns(run->worker->filter) |
	    gdi_feed_columns(run->worker->feed);
	plan.left_out = run->left_out;
	plan.pool = run->opts->pool;
	rc = gdi_plan_new(run->scan, &plan, &run->plan);
	if (rc == 1)
		return GDI_EHELD;
	if (rc < 0)
		return rc;
	(void)gdi_plan_rolled(run->plan, &n_rolled);
	run->result->stats.parts_rolled = godb_scan_n_parts(run->scan) -
	    (gdi_plan_n(run->plan) - n_rolled);
	run->result->stats.rollups_unreadable = gdi_plan_n_left_out(run->plan);
	count_held(run);
	return 0;
}

/* The cells' first parts; 1: times do not ascend, so a cell could come
 * again. */
static int
list_cells(struct gdi_run *run)
{
	const struct godb_query_opts *o = run->opts;
	size_t n = gdi_plan_n(run->plan);
	const struct godb_part *last = NULL;
	struct gdi_run_cell *c = run->cell;

	for (size_t i = 0; i < n; i++) {
		const struct godb_part *p =
		    gdi_plan_get(run->plan, gdi_plan_part(run->plan, i));
		int64_t time_s = o->bin ? o->bin(o->bin_arg, p->slot_s) :
					  p->slot_s;

		if (last && p->iface_index == last->iface_index) {
			if (time_s == c[-1].time_s)
				continue;
			if (time_s < c[-1].time_s)
				return 1;
		}
		*c++ = (struct gdi_run_cell){i, time_s};
		last = p;
	}
	run->n_cells = (size_t)(c - run->cell);
	*c = (struct gdi_run_cell){n, 0};
	return 0;
}

/*
 * Whether cells go whole to a thread each, and where they begin.  A few large
 * ones are better shared.
 */
static int
find_cells(struct gdi_run *run)
{
	size_t least = CELLS_LEAST * (size_t)gdi_pool_size(run->pool);
	size_t n = gdi_plan_n(run->plan), rolled;

	(void)gdi_plan_rolled(run->plan, &rolled);
	if (rolled > 0 || n < least ||
	    !gdi_group_can_cells(run->result->group,
		godb_scan_n_ifaces(run->scan)))
		return 0;
	run->cell = calloc(n + 1, sizeof(*run->cell));
	if (!run->cell)
		return -ENOMEM;
	if (list_cells(run) == 0 && run->n_cells >= least) {
		gdi_group_take_cells(run->result->group);
	} else {
		free(run->cell);
		run->cell = NULL;
	}
	return 0;
}

static void
tell_rolled(struct gdi_run *run, struct gdi_worker *w)
{
	size_t n;
	const struct gdi_scan_part *rolled = gdi_plan_rolled(run->plan, &n);

	gdi_cursor_rolled(w->cursor, rolled, n);
}

/* One roll-up and nothing else, by an address that keys have whole. */
static void
find_groups(struct gdi_run *run)
{
	size_t n_rolled;
	enum gdi_rollup_kind kind;

	(void)gdi_plan_rolled(run->plan, &n_rolled);
	if (n_rolled != 1 || gdi_plan_n(run->plan) != 1)
		return;
	kind = gdi_plan_kind(run->plan, gdi_plan_part(run->plan, 0));
	if ((kind != GDI_ROLLUP_SIP && kind != GDI_ROLLUP_DIP) ||
	    !gdi_group_can_rows(run->result->group,
		kind == GDI_ROLLUP_SIP ? GODB_KEY_SIP : GODB_KEY_DIP))
		return;
	run->rows_are_groups = true;
	gdi_group_take_rows(run->result->group);
}

/* Threads are asked for what takes them long enough. */
static void
choose_pool(struct gdi_run *run)
{
	size_t n = gdi_plan_n(run->plan);
	uint64_t rows = 0;

	for (size_t i = 0; i < n; i++) {
		const struct godb_part *p =
		    gdi_plan_get(run->plan, gdi_plan_part(run->plan, i));

		rows += (uint64_t)PART_ROWS + p->n4 + p->n6;
	}
	run->pool = gdi_pool_for(run->opts->pool,
	    run->rows_are_groups ? rows / PICKED_ROWS : rows);
}

/* What is read, and by how many threads; the first worker tells what of. */
static int
share_out(struct gdi_run *run)
{
	int rc = make_plan(run);

	if (rc < 0)
		return rc;
	find_groups(run);
	choose_pool(run);
	rc = count_pieces(run);
	if (rc == 0)
		rc = find_cells(run);
	if (rc < 0)
		return rc;
	run->n_workers = gdi_shares_init(&run->shares,
	    run->cell ? run->n_cells : run->n_pieces,
	    gdi_pool_size(run->pool));
	tell_rolled(run, run->worker);
	rc = gdi_sweep_new(run, &run->sweep);
	if (run->sweep) /* there is something to do for all */
		run->n_workers = gdi_pool_size(run->pool);
	for (unsigned i = 1; rc == 0 && i < run->n_workers; i++) {
		rc = open_worker(run, &run->worker[i]);
		if (rc == 0)
			tell_rolled(run, &run->worker[i]);
	}
	for (unsigned i = 0; rc == 0 && i < run->n_workers; i++)
		run->feed[i] = run->worker[i].feed;
	if (rc == 0 && run->want4 && run->want6 &&
	    gdi_group_can_turn(run->result->group)) {
		run->waits = calloc(run->n_pieces + 1, sizeof(*run->waits));
		rc = run->waits ? 0 : -ENOMEM;
	}
	return rc;
}

static void
close_run(struct gdi_run *run)
{
	for (unsigned i = 0; run->worker && i < run->n_workers; i++) {
		struct gdi_worker *w = &run->worker[i];

		godb_cursor_free(w->cursor);
		gdi_filter_free(w->filter);
		gdi_feed_free(w->feed);
		free(w->sel);
		free(w->lost);
		free(w->spoiled.id);
	}
	gdi_filter_free(run->having);
	gdi_sweep_free(run->sweep);
	gdi_plan_free(run->plan);
	free(run->first);
	free(run->waits);
	free(run->cell);
	free(run->worker);
	free(run->feed);
}

/* What of the groups is enough to answer. */
static struct gdi_best
best_of(const struct godb_query_opts *o)
{
	struct gdi_best best = {.metric = GODB_METRIC_BYTES,
	    .direction = o->direction, .ascending = o->ascending};

	if (o->share || o->having)
		return best;
	if (o->sort < 0) {
		best.limit = o->limit;
		best.metric = (enum godb_metric)GODB_SORT_METRIC(o->sort);
	} else if (o->sort == GODB_KEY_TIME) {
		best.limit = o->limit;
		best.by_time = true;
	}
	return best;
}

static int
stop(void *run, unsigned thread)
{
	return gdi_query_tell_progress(run, thread);
}

static int
open_run(struct gdi_run *run)
{
	struct gdi_group_opts group = {&run->opts->keys,
	    gdi_question_metrics(run->opts), run->opts->mem_bytes,
	    run->opts->bin, run->opts->bin_arg, best_of(run->opts), stop, run};
	const struct gdi_filter *filter;
	int rc;

	rc = gdi_group_new(&group, &run->result->group);
	if (rc < 0)
		return rc;
	run->n_workers = gdi_pool_size(run->opts->pool);
	run->worker = calloc(run->n_workers, sizeof(*run->worker));
	run->feed = calloc(run->n_workers, sizeof(struct gdi_feed *));
	if (!run->worker || !run->feed)
		return -ENOMEM;
	rc = open_worker(run, run->worker);
	if (rc < 0)
		return rc;
	filter = run->worker[0].filter;
	run->want4 = gdi_filter_verdict(filter, 4) != GDI_NEVER;
	run->want6 = gdi_filter_verdict(filter, 6) != GDI_NEVER;
	run->probe_columns = gdi_filter_columns(filter);
	run->needles = gdi_filter_needles(filter);
	run->large = gdi_filter_least(filter, &run->least);
	rc = share_out(run);
	if (rc < 0)
		return rc;
	rc = gdi_result_note_unknown(run->result, filter);
	if (rc == 0 && run->opts->having) {
		rc = gdi_filter_new(run->opts->having, run->scan, &run->having);
		if (rc == 0)
			rc = gdi_result_note_unknown(run->result, run->having);
	}
	return rc;
}

/* More threads than there is work for stay idle. */
static void
take_parts_of(void *arg, unsigned thread)
{
	if (thread < ((struct gdi_run *)arg)->n_workers)
		gdi_query_take_parts(arg, thread);
}

static void
count_bytes(struct godb_result *r, const struct godb_cursor *c)
{
	uint64_t in = 0, out = 0;

	if (!c)
		return;
	godb_cursor_stats(c, &in, &out);
	r->stats.bytes_read += in;
	r->stats.bytes_decoded += out;
}

/* What a thread found, to the result. */
static int
gather(struct godb_result *r, const struct gdi_worker *w)
{
	struct godb_result_stats *stats = &r->stats;
	struct gdi_lost *more;

	more = reallocarray(r->lost, r->n_lost + w->n_lost + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	r->lost = more;
	if (w->n_lost > 0)
		memcpy(more + r->n_lost, w->lost, w->n_lost * sizeof(*more));
	r->n_lost += w->n_lost;
	stats->parts += w->stats.parts;
	stats->parts_skipped += w->stats.parts_skipped;
	stats->rollups += w->stats.rollups;
	stats->rows += w->stats.rows;
	stats->rows_matched += w->stats.rows_matched;
	count_bytes(r, w->cursor);
	return 0;
}

/* 1: from now on what is spoiled is left out. */
static int
leave_out(struct gdi_run *run, const struct gdi_left_out *spoiled)
{
	struct gdi_left_out *l = run->left_out;
	uint8_t(*id)[16] =
	    reallocarray(l->id, l->n + spoiled->n + 1, sizeof(*id));

	if (!id)
		return -ENOMEM;
	l->id = id;
	if (spoiled->n > 0)
		memcpy(id + l->n, spoiled->id, spoiled->n * sizeof(*id));
	l->n += spoiled->n;
	return 1;
}

/* 1: something was found to be spoiled. */
static int
take_parts(struct gdi_run *run)
{
	int rc = 0;

	if (run->n_workers > 1)
		gdi_pool_run(run->pool, take_parts_of, run);
	else
		gdi_query_take_parts(run, 0);
	for (unsigned i = 0; rc >= 0 && i < run->n_workers; i++)
		rc = run->worker[i].rc < 0 ? run->worker[i].rc :
					     rc | run->worker[i].again;
	return rc;
}

/* The same, of what had to wait for IPv4's groups to be finished. */
static int
take_waiting(struct gdi_run *run)
{
	int rc = gdi_group_finish4(run->result->group, run->feed,
	    run->n_workers, run->pool);

	run->second = true;
	(void)gdi_shares_init(&run->shares, run->n_pieces, run->n_workers);
	return rc < 0 ? rc : take_parts(run);
}

/* All there is, to groups. */
static int
scan_parts(struct gdi_run *run)
{
	int rc = take_parts(run);

	if (rc == 0 && run->waits && gdi_group_is_crowded(run->result->group))
		rc = take_waiting(run);
	/* by a sweep, here something can turn out to be spoiled, too */
	if (rc == 0)
		rc = gdi_group_finish(run->result->group, run->feed,
		    run->n_workers, run->pool);
	for (unsigned i = 0; rc >= 0 && i < run->n_workers; i++) {
		struct gdi_worker *w = &run->worker[i];
		int more = gather(run->result, w);

		if (more == 0 && w->again)
			more = leave_out(run, &w->spoiled);
		rc = more != 0 ? more : rc;
	}
	gdi_sweep_stats(run->sweep, &run->result->stats);
	return rc;
}

static int
rank_groups(struct gdi_run *run)
{
	const struct godb_query_opts *o = run->opts;
	struct godb_result *r = run->result;
	uint16_t proto_rank[256], *l7_rank = NULL;
	struct gdi_order order = {&o->keys, o->sort, o->ascending,
	    o->direction, proto_rank, NULL};
	size_t used = gdi_group_bytes(r->group);
	struct gdi_chosen chosen = {NULL, gdi_group_count(r->group)};
	uint32_t *qualify = NULL;
	int rc = 0;

	for (unsigned i = 0; i < run->n_workers; i++)
		used += run->worker[i].sel_room * sizeof(uint32_t);
	r->stats.mem_bytes = used;
	if (o->mem_bytes && used >= o->mem_bytes)
		return GODB_EMEMORY;
	gdi_rank_protos(proto_rank);
	r->by_iface = godb_keys_has(&o->keys, GODB_KEY_IFACE);
	if (godb_keys_has(&o->keys, GODB_KEY_L7PROTO)) {
		rc = gdi_result_name_l7(r);
		if (rc == 0)
			rc = gdi_result_rank_l7(r, &l7_rank);
	}
	order.l7_rank = l7_rank;
	if (rc == 0 && run->having) {
		rc = gdi_having(r->group, run->having,
		    o->mem_bytes ? o->mem_bytes - used : 0, &qualify,
		    &chosen.n);
		chosen.id = qualify;
		used += gdi_group_count(r->group) * sizeof(*qualify);
		if (rc == 0 && o->mem_bytes && used >= o->mem_bytes)
			rc = GODB_EMEMORY;
	}
	r->n_hits = run->having ? chosen.n : gdi_group_found(r->group);
	if (rc == 0)
		rc = gdi_rank(r->group, &chosen, &order, o->limit, o->share,
		    o->mem_bytes ? o->mem_bytes - used : 0, &r->ids,
		    &r->n_rows);
	free(qualify);
	free(l7_rank);
	return rc;
}

static int
order_lost(const void *a, const void *b)
{
	const struct gdi_lost *x = a, *y = b;

	return (x->part > y->part) - (x->part < y->part);
}

/* By part, one of each: several of its pieces may have been lost. */
static void
settle_lost(struct godb_result *r)
{
	size_t kept = 0;

	if (r->n_lost == 0)
		return;
	qsort(r->lost, r->n_lost, sizeof(*r->lost), order_lost);
	for (size_t i = 0; i < r->n_lost; i++) {
		if (i == 0 || r->lost[i].part != r->lost[kept - 1].part)
			r->lost[kept++] = r->lost[i];
	}
	r->n_lost = kept;
}

/* 1: it must be asked again, with more left out. */
static int
ask(struct gdi_run *run)
{
	struct godb_result *r = run->result;
	int rc = open_run(run);

	if (rc == 0)
		rc = scan_parts(run);
	if (rc == 0) {
		settle_lost(r);
		gdi_group_totals(r->group, r->totals);
		rc = rank_groups(run);
	}
	close_run(run);
	return rc;
}

/* A new result: what it has of the old one are the faults of blocks of which
 * something may have been taken, which are not looked at again. */
static int
begin_again(struct gdi_run *run, struct godb_result *old)
{
	struct godb_result *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	run->result = r;
	r->scan = run->scan;
	if (!old)
		return 0;
	r->lost = old->lost;
	for (size_t i = 0; i < old->n_lost; i++) {
		if (old->lost[i].taken)
			r->lost[r->n_lost++] = old->lost[i];
	}
	run->n_left_out = r->n_lost;
	old->lost = NULL;
	godb_result_free(old);
	return 0;
}

/* Whether a scan has parts of a day, from part *at on. */
static bool
has_day(const struct godb_scan *s, const char *iface, int64_t day_s, size_t *at)
{
	const struct godb_part *p;

	for (; (p = godb_scan_part(s, *at)) != NULL; ++*at) {
		int order = strcmp(p->iface, iface);

		if (order > 0 || (order == 0 && p->slot_s >= day_s))
			break;
	}
	return p && strcmp(p->iface, iface) == 0 &&
	    p->slot_s < day_s + GP_DAY_S;
}

static bool
has_fault(const struct godb_scan *s, const struct godb_fault *f)
{
	for (size_t i = 0; i < godb_scan_n_faults(s); i++)
		if (strcmp(godb_scan_fault(s, i)->place, f->place) == 0)
			return true;
	return false;
}

/* What a scan had as roll-ups, and was removed or damaged before stock was
 * taken again: coverage is that scan's, and it lacks in the answer. */
static int
note_gone(struct godb_result *r, const struct godb_scan *had)
{
	size_t n = gdi_scan_n_helds(had), at = 0;
	size_t n_faults = godb_scan_n_faults(r->own_scan);
	struct gdi_lost *more;

	more = reallocarray(r->lost, r->n_lost + n + n_faults, sizeof(*more));
	if (!more)
		return -ENOMEM;
	r->lost = more;
	for (size_t i = 0; i < n_faults; i++) {
		const struct godb_fault *f = godb_scan_fault(r->own_scan, i);

		if (!has_fault(had, f))
			r->lost[r->n_lost++] = (struct gdi_lost){
			    .part = SIZE_MAX, .fault = *f};
	}
	for (size_t i = 0; i < n; i++) {
		const struct gdi_held *h = gdi_scan_held(had, i);
		const char *iface = godb_scan_iface(had, h->iface);
		char day[11];

		if (!gdi_held_counts(h) ||
		    has_day(r->own_scan, iface, h->day_s, &at))
			continue;
		more = &r->lost[r->n_lost++];
		*more = (struct gdi_lost){.part = SIZE_MAX,
		    .fault = {.iface = iface, .first_s = h->day_s,
			.last_s = h->day_s + GP_DAY_S, .rc = GODB_EGONE}};
		gp_clock_day_format(h->day_s, day);
		(void)snprintf(more->fault.place, sizeof(more->fault.place),
		    "%s/%s", iface, day);
	}
	return 0;
}

/*
 * A roll-up that cannot be read is replaced by its blocks, and a block by
 * nothing; of those that come in pieces, or whose counters were read first,
 * something may have been taken by then.  That is rare, so it takes no memory
 * to take it back: all is asked again, with those left out.  The blocks of a
 * roll-up that the scan has in the place of a day are in a scan of our own.
 */
static int
ask_until_read(struct gdi_run *run)
{
	const struct godb_scan *had = run->scan;
	struct gdi_left_out left_out = {0};
	struct godb_scan *own = NULL;
	struct godb_result *r = NULL;
	int rc;

	do {
		struct gdi_run again = {.scan = run->scan, .opts = run->opts,
		    .left_out = &left_out};

		rc = begin_again(&again, r);
		if (rc < 0)
			break;
		r = again.result;
		rc = ask(&again);
		if (rc != GDI_EHELD)
			continue;
		/* its parts have other numbers */
		godb_result_free(r);
		r = NULL;
		rc = own ? -EINVAL : gdi_scan_unheld(had, run->opts, &own);
		run->scan = own;
		rc = rc == 0 ? 1 : rc;
	} while (rc == 1);
	free(left_out.id);
	run->result = r;
	if (r)
		r->own_scan = own;
	else
		godb_scan_close(own);
	return rc == 0 && own ? note_gone(r, had) : rc;
}

int
godb_query_run(const struct godb_scan *s, const struct godb_query_opts *opts,
    struct godb_result **out)
{
	struct godb_query_opts o = GODB_QUERY_OPTS_INIT;
	struct gdi_run run = {.scan = s, .opts = &o};
	int rc = gdi_opts_take(&o, sizeof(o), opts);

	if (rc < 0 || !opts_are_sane(s, &o))
		return -EINVAL;
	rc = ask_until_read(&run);
	if (rc < 0)
		godb_result_free(run.result);
	else
		*out = run.result;
	return rc;
}
