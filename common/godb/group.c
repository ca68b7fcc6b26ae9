/*
 * All groups: what threads put aside comes together by partition, in tables
 * that fit a cache, one thread at each; nothing is merged twice, and where
 * only the first groups of an order are wanted no others are kept.
 *
 * Different values are counted by groups of their own, keyed by the group's
 * key and the value, which are counted at the end: of all of them, or, where
 * groups come together by ranges, of each range.
 */
#include "common/godb/grouping.h"

#include "common/godb/pool.h"
#include "common/godb/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BATCH      GDI_BATCH
#define N_COUNTERS GDI_N_COUNTERS_KEPT
#define N_DISTINCT GDI_N_DISTINCT
#define BEST_MOST  65536u /* groups; more are all kept */

static const struct {
	enum godb_metric metric;
	enum godb_column column;
} distinct_of[N_DISTINCT] = {
	{GODB_METRIC_SIPS, GODB_SIP},
	{GODB_METRIC_DIPS, GODB_DIP},
	{GODB_METRIC_DPORTS, GODB_DPORT},
};

/* ---- new and free ------------------------------------------------------ */

uint32_t
gdi_group_columns(const struct godb_keys *keys, uint32_t metrics)
{
	static const struct {
		enum godb_key key;
		enum godb_column column;
	} pairs[] = {
		{GODB_KEY_SIP, GODB_SIP}, {GODB_KEY_DIP, GODB_DIP},
		{GODB_KEY_DPORT, GODB_DPORT}, {GODB_KEY_PROTO, GODB_PROTO},
		{GODB_KEY_L7PROTO, GODB_L7PROTO},
		{GODB_KEY_HOST, GODB_SIP}, {GODB_KEY_HOST, GODB_DIP},
	};
	uint32_t columns = GDI_COL_COUNTERS;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (godb_keys_has(keys, pairs[i].key))
			columns |= GODB_COL(pairs[i].column);
	}
	for (size_t i = 0; i < N_DISTINCT; i++) {
		if (metrics & 1u << distinct_of[i].metric)
			columns |= GODB_COL(distinct_of[i].column);
	}
	return columns;
}

static bool
keys_are_whole(const struct godb_keys *keys)
{
	static const enum godb_key all[] = {GODB_KEY_SIP, GODB_KEY_DIP,
	    GODB_KEY_DPORT, GODB_KEY_PROTO, GODB_KEY_L7PROTO};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!godb_keys_has(keys, all[i]) || keys->drop4[all[i]] > 0 ||
		    keys->drop6[all[i]] > 0)
			return false;
	}
	return true;
}

/* Most pairs, an address and a port or two addresses of IPv4, fit one word. */
static void
add_value(struct gdi_set *set, unsigned v, unsigned bits)
{
	set->inside[v] = set->last_bits[v] + bits <= 64;
	if (set->inside[v]) {
		set->shift[v] = set->last_bits[v];
		set->last_bits[v] += bits;
	} else {
		set->words[v] += bits > 64 ? 2 : 1;
		set->last_bits[v] = bits > 64 ? 64 : bits;
	}
}

/* The sets' keys and tables. */
static void
init_set(struct gdi_group *g, struct gdi_set *set, bool pairs)
{
	bool port = set->column == GODB_DPORT;

	for (unsigned v = 0; v < 2; v++) {
		const struct gdi_layout *l = &g->layout[g->addresses ? v : 0];

		set->words[v] = l->words;
		set->last_bits[v] = l->last_bits;
		if (pairs)
			add_value(set, v, port ? 16 : v ? 128 : 32);
	}
	for (unsigned i = 0; i < GDI_PARTITIONS; i++) {
		struct gdi_partition *p = &set->partition[i];

		(void)pthread_mutex_init(&p->lock, NULL);
		for (unsigned v = 0; v < 2; v++)
			gdi_table_init(&p->table[v], set->words[v],
			    set->numbers, true);
	}
}

/* Places of the numbers behind an entry's key, and the sets. */
static int
lay_out_numbers(struct gdi_group *g, uint32_t metrics)
{
	bool rows = metrics & 1u << GODB_METRIC_ROWS;
	unsigned n = N_COUNTERS;

	for (unsigned m = GODB_METRIC_EXTRA; m < GODB_N_METRICS; m++) {
		if (metrics & 1u << m)
			g->extra_at[m - GODB_METRIC_EXTRA] = (uint8_t)n++;
	}
	g->n_sets = 1 + n - N_COUNTERS - rows;
	g->set = calloc(g->n_sets, sizeof(*g->set));
	if (!g->set)
		return -ENOMEM;
	g->set[0].numbers = n;
	for (size_t i = 0, s = 1; i < N_DISTINCT; i++) {
		enum godb_metric m = distinct_of[i].metric;

		if (!(metrics & 1u << m))
			continue;
		g->set[s].column = distinct_of[i].column;
		g->set[s++].extra = g->extra_at[m - GODB_METRIC_EXTRA];
	}
	for (unsigned s = 0; s < g->n_sets; s++)
		init_set(g, &g->set[s], s > 0);
	return 0;
}

int
gdi_group_new(const struct gdi_group_opts *opts, struct gdi_group **out)
{
	const struct godb_keys *keys = opts->keys;
	struct gdi_group *g = calloc(1, sizeof(*g));
	int rc;

	if (!g)
		return -ENOMEM;
	gdi_arena_init(&g->arena, opts->mem_bytes);
	g->bin = opts->bin;
	g->bin_arg = opts->bin_arg;
	g->stop = opts->stop;
	g->stop_arg = opts->stop_arg;
	(void)pthread_mutex_init(&g->bin_lock, NULL);
	g->addresses = godb_keys_has_address(keys);
	g->host = godb_keys_has(keys, GODB_KEY_HOST);
	g->host_drop4 = keys->drop4[GODB_KEY_HOST];
	g->host_drop6 = keys->drop6[GODB_KEY_HOST];
	g->columns = gdi_group_columns(keys, opts->metrics);
	g->whole_rows = keys_are_whole(keys);
	gdi_layout_init(&g->layout[0], keys, false);
	gdi_layout_init(&g->layout[1], keys, true);
	rc = lay_out_numbers(g, opts->metrics);
	/* distinct counts come last of all, but for ranges */
	if (opts->best.limit > BEST_MOST)
		;
	else if (g->n_sets > 1)
		g->best_counted = opts->best;
	else if (opts->best.by_time)
		g->earliest = opts->best.limit;
	else
		g->best = opts->best;
	if (rc == 0)
		rc = gp_hash_key_init(&g->hash);
	if (rc < 0) {
		gdi_group_free(g);
		return rc;
	}
	*out = g;
	return 0;
}

static void
free_set(struct gdi_group *g, struct gdi_set *set)
{
	for (unsigned i = 0; i < GDI_PARTITIONS; i++) {
		for (unsigned v = 0; v < 2; v++)
			gdi_table_free(&set->partition[i].table[v], &g->arena);
	}
}

void
gdi_group_free(struct gdi_group *g)
{
	if (!g)
		return;
	for (unsigned i = 0; i < g->n_tops; i++)
		gdi_top_free(&g->top[i], g);
	free(g->top);
	for (unsigned s = 0; g->set && s < g->n_sets; s++) {
		free_set(g, &g->set[s]);
		for (unsigned i = 0; i < GDI_PARTITIONS; i++)
			(void)pthread_mutex_destroy(
			    &g->set[s].partition[i].lock);
	}
	(void)pthread_mutex_destroy(&g->bin_lock);
	gdi_arena_fini(&g->arena);
	free(g->part);
	free(g->set);
	free(g);
}

size_t
gdi_group_bytes(const struct gdi_group *g)
{
	return g->arena.bytes;
}

int
gdi_group_stop(const struct gdi_group *g, unsigned thread)
{
	return g->stop ? g->stop(g->stop_arg, thread) : 0;
}

/* ---- ranges ------------------------------------------------------------ */

static_assert(GDI_RANGES_MOST <= GDI_PARTITIONS, "a range is a partition");

static const struct gdi_field *
field_of(const struct gdi_layout *l, enum godb_key key)
{
	for (unsigned k = 0; k < l->n_fields; k++)
		if (l->field[k].key == key)
			return &l->field[k];
	return NULL;
}

static bool
find_lead(const struct gdi_group *g, const struct gdi_field *lead[2])
{
	for (unsigned v = 0; v < 2; v++) {
		lead[v] = field_of(&g->layout[v], GODB_KEY_SIP);
		if (!lead[v])
			lead[v] = field_of(&g->layout[v], GODB_KEY_DIP);
	}
	return lead[0] != NULL;
}

bool
gdi_group_can_ranges(const struct gdi_group *g, enum godb_key *lead,
    uint64_t mask[2])
{
	const struct gdi_field *f[2];

	if (g->cells || !find_lead(g, f))
		return false;
	*lead = f[0]->key;
	mask[0] = f[0]->mask.lo;
	mask[1] = f[1]->mask.hi;
	return true;
}

void
gdi_group_take_ranges(struct gdi_group *g, const struct gdi_by_range *r)
{
	(void)find_lead(g, g->lead);
	g->by_range = r;
	g->spilled = true; /* feeds' tables are not merged: all is by range */
	if (!g->best_counted.by_time)
		g->best = g->n_sets > 1 ? g->best_counted : g->best;
}

/* ---- the end ----------------------------------------------------------- */

/* One side of a feed to the first partition, when nothing was put aside. */
static int
merge(struct gdi_group *g, struct gdi_feed *f, unsigned s, unsigned v)
{
	struct gdi_table *from = &f->side[s][v].local;
	struct gdi_table *to = &g->set[s].partition[0].table[v];
	int rc = 0;

	if (to->n == 0) { /* the first of them, or the only one */
		gdi_table_free(to, &g->arena);
		*to = *from;
		gdi_table_init(from, to->key_words, g->set[s].numbers, false);
		return 0;
	}
	for (uint32_t i = 0; rc == 0 && i < from->n; i++) {
		const uint64_t *entry = gdi_table_entry(from, i);

		rc = gdi_table_reserve(to, &g->hash, &g->arena);
		if (rc == 0)
			gdi_add_numbers(gdi_table_at(to, entry,
			    gp_hash_words(&g->hash, entry, to->key_words)),
			    entry + to->key_words, to->words - to->key_words);
	}
	gdi_table_free(from, &g->arena);
	return rc;
}

/* The last things, by all threads: partitions go to whoever asks next. */
struct finish {
	struct gdi_group *g;
	struct gdi_feed *const *feeds;
	unsigned n_feeds, threads;
	unsigned set; /* 0: the groups; else pairs */
	unsigned from, until; /* versions */
	atomic_uint next;
	struct finisher {
		struct gdi_table scratch[GDI_N_SETS][2];
		uint64_t totals[N_COUNTERS];
		uint64_t n_found;
		int rc;
	} *finisher; /* one a thread */
};

void
gdi_sum_entries(uint64_t totals[N_COUNTERS], const struct gdi_table *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		gdi_add_numbers(totals, gdi_table_entry(t, i) + t->key_words,
		    N_COUNTERS);
}

/* Counts a range's pairs at its groups. */
static int
count_range(struct gdi_group *g, const struct gdi_set *set, unsigned v,
    const struct gdi_table *pairs, struct gdi_table *groups)
{
	unsigned words = g->layout[v].words;
	int rc = pairs->n == 0 ? 0 :
	    gdi_table_reserve(groups, &g->hash, &g->arena);

	for (uint32_t i = 0; rc == 0 && i < pairs->n; i++) {
		uint64_t own[GDI_KEY_MAX] GDI_UNINITIALISED;
		const uint64_t *key = gdi_pair_group(set, v,
		    gdi_table_entry(pairs, i), words, own);
		uint64_t *numbers = gdi_table_find(groups, key,
		    gp_hash_words(&g->hash, key, words));

		numbers[set->extra]++;
	}
	return rc;
}

/* Counts pairs at their groups, which other threads do, too. */
static void
count_pairs(struct gdi_group *g, const struct gdi_set *set, unsigned v,
    const struct gdi_table *pairs)
{
	unsigned of = g->addresses ? v : 0;
	unsigned words = g->layout[of].words;
	const struct gdi_table *at[BATCH] GDI_UNINITIALISED;
	uint64_t own[BATCH][GDI_KEY_MAX] GDI_UNINITIALISED;
	const uint64_t *key[BATCH] GDI_UNINITIALISED;
	uint64_t hash[BATCH] GDI_UNINITIALISED;
	uint64_t *numbers[BATCH] GDI_UNINITIALISED;

	for (uint32_t i = 0; i < pairs->n;) {
		size_t n = 0;

		for (; n < BATCH && i < pairs->n; n++, i++) {
			key[n] = gdi_pair_group(set, v,
			    gdi_table_entry(pairs, i), words, own[n]);
			hash[n] = gp_hash_words(&g->hash, key[n], words);
			at[n] = &g->set[0].partition[g->spilled ?
			    gdi_spill_partition(hash[n]) : 0].table[of];
		}
		gdi_table_find_all(at, key, hash, n, numbers);
		for (size_t k = 0; k < n; k++)
			(void)__atomic_fetch_add(&numbers[k][set->extra], 1,
			    __ATOMIC_RELAXED);
	}
}

/* What becomes of a partition's groups. */
static int
take_groups(struct finish *job, unsigned thread, unsigned v,
    struct gdi_table *t)
{
	struct gdi_group *g = job->g;
	struct finisher *me = &job->finisher[thread];
	int rc = 0;

	if (!g->host)
		gdi_sum_entries(me->totals, t);
	me->n_found += t->n;
	if (g->top) {
		rc = gdi_top_offer(&g->top[thread], &g->arena, v, t);
		gdi_table_clear(t);
	}
	return rc;
}

/* What was put aside of a partition of a set, in *out: a table after another
 * in the same memory, where none stays. */
static int
drain(struct finish *job, unsigned thread, unsigned s, unsigned i, unsigned v,
    struct gdi_table **out)
{
	uint64_t records[BATCH * GDI_RECORD_MAX] GDI_UNINITIALISED;
	struct gdi_group *g = job->g;
	struct gdi_table *own = &g->set[s].partition[i].table[v];
	int rc = 0;

	*out = own->n == 0 && (g->top || s > 0) ?
	    &job->finisher[thread].scratch[s][v] : own;
	for (unsigned k = 0; g->spilled && rc == 0 && k < job->n_feeds; k++)
		rc = gdi_aside_drain(job->feeds[k], s, v, i, *out, records);
	return rc;
}

static int
finish_partition(struct finish *job, unsigned thread, unsigned i, unsigned v)
{
	struct gdi_group *g = job->g;
	struct gdi_table *t;
	int rc = drain(job, thread, job->set, i, v, &t);

	if (rc == 0 && job->set == 0)
		return take_groups(job, thread, v, t);
	if (rc == 0)
		count_pairs(g, &g->set[job->set], v, t);
	gdi_table_clear(t);
	return rc;
}

/* A range's groups, and what is counted in them. */
static int
finish_range(struct finish *job, unsigned thread, unsigned i, unsigned v)
{
	struct gdi_group *g = job->g;
	struct gdi_table *t[GDI_N_SETS];
	int rc = 0;

	for (unsigned s = 0; rc == 0 && s < g->n_sets; s++)
		rc = drain(job, thread, s, i, v, &t[s]);
	if (rc == 0)
		rc = g->by_range->feed(g->by_range->arg, thread, v, i, t);
	for (unsigned s = 1; rc == 0 && s < g->n_sets; s++) {
		rc = count_range(g, &g->set[s], v, t[s], t[0]);
		gdi_table_clear(t[s]);
	}
	return rc < 0 ? rc : take_groups(job, thread, v, t[0]);
}

static void
finish_partitions(struct finish *job, unsigned thread)
{
	struct finisher *me = &job->finisher[thread];
	unsigned i;

	while (me->rc == 0 &&
	    (i = atomic_fetch_add(&job->next, 1)) < GDI_PARTITIONS) {
		me->rc = gdi_group_stop(job->g, thread);
		for (unsigned v = job->from; me->rc == 0 && v < job->until;
		     v++)
			me->rc = finish_partition(job, thread, i, v);
		if (!job->g->spilled)
			break; /* all is in the first */
	}
}

/* IPv4's, then IPv6's. */
static void
finish_ranges(struct finish *job, unsigned thread)
{
	const struct gdi_by_range *r = job->g->by_range;
	struct finisher *me = &job->finisher[thread];
	unsigned n4 = r->of[0].n, n = n4 + r->of[1].n;
	unsigned shares = r->shares > job->threads ? r->shares : job->threads;
	unsigned share = (n + shares - 1) / shares, i;

	while (me->rc == 0 &&
	    (i = atomic_fetch_add(&job->next, share)) < n)
		for (unsigned end = i + share; me->rc == 0 && i < end && i < n;
		     i++) {
			me->rc = gdi_group_stop(job->g, thread);
			if (me->rc == 0)
				me->rc = finish_range(job, thread,
				    i < n4 ? i : i - n4, i >= n4);
		}
}

static void
finish_some(void *arg, unsigned thread)
{
	struct finish *job = arg;
	struct finisher *me = &job->finisher[thread];
	struct gdi_group *g = job->g;

	for (unsigned s = 0; s < g->n_sets; s++)
		for (unsigned v = 0; v < 2; v++)
			gdi_table_init(&me->scratch[s][v], g->set[s].words[v],
			    g->set[s].numbers, false);
	if (g->by_range)
		finish_ranges(job, thread);
	else
		finish_partitions(job, thread);
	for (unsigned s = 0; s < g->n_sets; s++)
		for (unsigned v = 0; v < 2; v++)
			gdi_table_free(&me->scratch[s][v], &g->arena);
	if (g->top)
		gdi_top_settle(&g->top[thread]);
}

static int
run(struct finish *job, struct godb_pool *pool, unsigned set)
{
	int rc = 0;

	job->set = set;
	job->next = 0;
	if (job->g->spilled)
		gdi_pool_run(pool, finish_some, job);
	else
		finish_some(job, 0);
	for (unsigned i = 0; rc == 0 && i < job->threads; i++)
		rc = job->finisher[i].rc;
	return rc;
}

static int
number_table(struct gdi_group *g, const struct gdi_table *t, bool v6)
{
	if (t->n == 0)
		return 0;
	if (t->n > GDI_GROUPS_MAX - g->n)
		return GODB_EMEMORY;
	g->part[g->n_parts++] = (struct gdi_group_part){g->n, v6, t};
	g->n += t->n;
	return 0;
}

static int
number_groups(struct gdi_group *g)
{
	int rc = 0;

	g->part = calloc(2 * (GDI_PARTITIONS + g->n_tops), sizeof(*g->part));
	if (!g->part)
		return -ENOMEM;
	for (unsigned v = 0; v < 2; v++) {
		for (unsigned i = 0; rc == 0 && i < GDI_PARTITIONS; i++)
			rc = number_table(g, &g->set[0].partition[i].table[v],
			    v == 1);
		for (unsigned i = 0; rc == 0 && i < g->n_tops; i++)
			rc = number_table(g, &g->top[i].kept[v], v == 1);
	}
	return rc;
}

/* Groups of cells are in the feeds' tops, and complete. */
static int
take_cells(struct gdi_group *g, struct gdi_feed *const *feeds, unsigned n)
{
	g->top = calloc(n, sizeof(*g->top));
	if (!g->top)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		struct gdi_feed *f = feeds[i];

		gdi_add_numbers(g->totals, f->totals, N_COUNTERS);
		g->n_found += f->cell.n_found;
		if (!f->cell.open)
			continue;
		gdi_top_settle(&f->cell.top);
		g->top[g->n_tops++] = f->cell.top;
		f->cell.open = false;
	}
	return number_groups(g);
}

static int
open_tops(struct gdi_group *g, unsigned threads)
{
	int rc = 0;

	if (!g->spilled || g->best.limit == 0 || g->top)
		return 0;
	g->top = calloc(threads, sizeof(*g->top));
	if (!g->top)
		return -ENOMEM;
	for (g->n_tops = 0; rc == 0 && g->n_tops < threads; g->n_tops++)
		rc = gdi_top_init(&g->top[g->n_tops], g);
	return rc;
}

/* The feeds' own to the group: put aside, or merged. */
static int
end_feeds(struct gdi_group *g, struct gdi_feed *const *feeds, unsigned n)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < n; i++) {
		gdi_add_numbers(g->totals, feeds[i]->totals, N_COUNTERS);
		memset(feeds[i]->totals, 0, sizeof(feeds[i]->totals));
		rc = gdi_feed_end(feeds[i]);
	}
	for (unsigned i = 0; !g->spilled && rc == 0 && i < n; i++) {
		for (unsigned s = 0; rc == 0 && s < g->n_sets; s++) {
			rc = merge(g, feeds[i], s, 0);
			if (rc == 0)
				rc = merge(g, feeds[i], s, 1);
		}
	}
	/* some may have ended before another one's table was full */
	for (unsigned i = 0; g->spilled && rc == 0 && i < n; i++)
		rc = gdi_feed_end(feeds[i]);
	return rc;
}

/* All that was put aside, of versions from `from` on, below `until`. */
static int
finish(struct gdi_group *g, struct gdi_feed *const *feeds, unsigned n,
    struct godb_pool *pool, unsigned from, unsigned until)
{
	struct finish job = {.g = g, .feeds = feeds, .n_feeds = n,
	    .threads = gdi_pool_size(pool), .from = from, .until = until};
	int rc = end_feeds(g, feeds, n);

	if (rc == 0)
		rc = open_tops(g, job.threads);
	job.finisher = calloc(job.threads, sizeof(*job.finisher));
	if (rc == 0 && !job.finisher)
		rc = -ENOMEM;
	for (unsigned s = 0; rc == 0 && s < g->n_sets; s++) {
		if (s == 0 || !g->by_range) /* of a range all at once */
			rc = run(&job, pool, s);
		if (s > 0)
			free_set(g, &g->set[s]);
	}
	for (unsigned i = 0; rc == 0 && i < job.threads; i++) {
		gdi_add_numbers(g->totals, job.finisher[i].totals, N_COUNTERS);
		g->n_found += job.finisher[i].n_found;
	}
	free(job.finisher);
	return rc;
}

bool
gdi_group_can_turn(const struct gdi_group *g)
{
	return g->addresses && g->best.limit > 0 && !g->cells && !g->by_range;
}

bool
gdi_group_is_crowded(const struct gdi_group *g)
{
	return atomic_load_explicit(&g->crowded, memory_order_relaxed);
}

int
gdi_group_finish4(struct gdi_group *g, struct gdi_feed *const *feeds,
    unsigned n, struct godb_pool *pool)
{
	int rc = finish(g, feeds, n, pool, 0, 1);

	for (unsigned i = 0; rc == 0 && i < n; i++)
		gdi_feed_drop4(feeds[i]);
	return rc;
}

int
gdi_group_finish(struct gdi_group *g, struct gdi_feed *const *feeds,
    unsigned n, struct godb_pool *pool)
{
	int rc;

	if (g->cells)
		return take_cells(g, feeds, n);
	rc = finish(g, feeds, n, pool, 0, 2);
	return rc < 0 ? rc : number_groups(g);
}

/* ---- reading ----------------------------------------------------------- */

size_t
gdi_group_count(const struct gdi_group *g)
{
	return g->n;
}

size_t
gdi_group_found(const struct gdi_group *g)
{
	return (size_t)g->n_found;
}

void
gdi_group_l7(const struct gdi_group *g, bool used[65536])
{
	for (unsigned i = 0; i < g->n_parts; i++) {
		const struct gdi_table *t = g->part[i].table;
		const struct gdi_layout *l = &g->layout[g->part[i].v6];
		const struct gdi_field *f = l->field;

		while (f < l->field + l->n_fields && f->key != GODB_KEY_L7PROTO)
			f++;
		if (f == l->field + l->n_fields)
			continue;
		for (uint32_t k = 0; k < t->n; k++)
			used[(uint16_t)(gdi_table_entry(t, k)[f->word] >>
			    f->shift)] = true;
	}
}

static const uint64_t *
find_entry(const struct gdi_group *g, uint32_t id, const struct gdi_layout **l,
    unsigned *part)
{
	const struct gdi_table *t;
	unsigned at = 0;

	/* the last table that begins at or below it */
	for (unsigned left = g->n_parts; left > 1;) {
		unsigned half = left / 2;

		at += g->part[at + half].first <= id ? half : 0;
		left -= half;
	}
	*part = at;
	t = g->part[at].table;
	*l = &g->layout[g->part[at].v6];
	return gdi_table_entry(t, id - g->part[at].first);
}

size_t
gdi_group_run(const struct gdi_group *g, uint32_t id, const uint64_t **counters,
    size_t *words)
{
	const struct gdi_layout *l;
	const struct gdi_table *t;
	unsigned at;
	uint32_t i;

	*counters = find_entry(g, id, &l, &at) + l->words;
	t = g->part[at].table;
	*words = t->words;
	i = id - g->part[at].first;
	return t->n - i < GDI_TABLE_CHUNK - i % GDI_TABLE_CHUNK ?
	    t->n - i : GDI_TABLE_CHUNK - i % GDI_TABLE_CHUNK;
}

const uint64_t *
gdi_group_counters(const struct gdi_group *g, uint32_t id)
{
	const struct gdi_layout *t;
	unsigned part;
	const uint64_t *entry = find_entry(g, id, &t, &part);

	return entry + t->words;
}

uint64_t
gdi_group_extra(const struct gdi_group *g, uint32_t id, enum godb_metric m)
{
	const struct gdi_layout *t;
	unsigned part;
	const uint64_t *entry = find_entry(g, id, &t, &part);
	unsigned at = g->extra_at[m - GODB_METRIC_EXTRA];

	return at ? entry[t->words + at] : 0;
}

void
gdi_group_extras(const struct gdi_group *g, uint32_t id,
    uint64_t out[GODB_N_EXTRAS])
{
	const struct gdi_layout *t;
	unsigned part;
	const uint64_t *entry = find_entry(g, id, &t, &part);

	for (unsigned k = 0; k < GODB_N_EXTRAS; k++)
		out[k] = g->extra_at[k] ? entry[t->words + g->extra_at[k]] : 0;
}

void
gdi_group_prefetch(const struct gdi_group *g, uint32_t id)
{
	const struct gdi_layout *t;
	unsigned part;
	const uint64_t *entry = find_entry(g, id, &t, &part);

	__builtin_prefetch(entry);
	__builtin_prefetch(entry + t->words + GDI_N_COUNTERS_KEPT - 1);
}

bool
gdi_group_by_host(const struct gdi_group *g)
{
	return g->host;
}

void
gdi_group_totals(const struct gdi_group *g, uint64_t counter[4])
{
	memcpy(counter, g->totals, sizeof(g->totals));
}

void
gdi_group_key(const struct gdi_group *g, uint32_t id, struct gdi_group_key *out)
{
	const struct gdi_layout *t;
	unsigned part;
	const uint64_t *entry = find_entry(g, id, &t, &part);

	gdi_layout_read(t, entry, out);
	if (g->addresses)
		out->version = t->v6 ? 6 : 4;
}
