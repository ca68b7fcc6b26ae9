/*
 * What a feed cannot hold in its table, put aside to be added a partition at a
 * time (spill.h).  What it holds at the end stays there, where that does not take
 * too much of a bound, and is found by partition, too.
 *
 * Groups take more memory than records do, so what was put aside is added to
 * groups before the end only where many records are of the same group, and
 * only when there is much of it.  A few partitions tell whether that is so.
 */
#include "common/godb/grouping.h"

#include "common/godb/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BATCH      GDI_BATCH
#define NEAR_WORDS GDI_LOCAL_WORDS /* of entries, still in a near cache */
/* Below this many records an entry, a feed's table does not pay. */
#define WORTH_NUM  3
#define WORTH_DEN  2
#define CROWDED    ((size_t)8 << 20) /* see gdi_group_is_crowded */
/*
 * What all feeds together may put aside before it is looked at whether that
 * takes less memory as groups.  Where all groups are kept these take theirs
 * anyway.
 */
#define MOST_ALL   ((size_t)64 << 20)
#define MOST_BEST  ((size_t)192 << 20)
#define WEIGHED    4u /* partitions that tell of the others */
#define PLACE_BYTES 6 /* of an entry, about: five, most of them taken */
#define KEPT_SHARE  16u /* of a bound, for tables that are kept until the end */

void
gdi_feed_add_records(const struct gdi_feed *f, struct gdi_table *t,
    uint64_t *records, size_t n)
{
	gp_hash_records(&f->g->hash, records, t->key_words, 1 + t->words, n);
	if ((size_t)t->n * t->words > NEAR_WORDS)
		gdi_table_add(t, records, n);
	else
		gdi_table_add_near(t, records, n);
}

/* What says where a record goes is its range instead of its hash. */
static void
set_ranges(const struct gdi_group *g, unsigned v, size_t step, uint64_t *r,
    size_t n)
{
	const struct gdi_field *lead = g->lead[v];
	const struct gdi_ranges *of = &g->by_range->of[v];

	for (; n > 0; n--, r += step) {
		uint64_t value = r[1 + lead->word];

		if (v == 0)
			value = (uint32_t)(value >> lead->shift);
		r[0] = gdi_spill_hash(gdi_range_of(of, value));
	}
}

/* ---- kept -------------------------------------------------------------- */

static size_t
kept_bytes(const struct gdi_table *t)
{
	return sizeof(struct gdi_kept) + t->n * sizeof(uint32_t);
}

/* The partition of each of a table's entries, and how many each has. */
static void
find_partitions(const struct gdi_feed *f, unsigned v,
    const struct gdi_table *t, uint8_t *partition, uint32_t *count)
{
	uint64_t records[BATCH * (1 + GDI_PAIR_MAX)] GDI_UNINITIALISED;
	size_t step = 1 + t->key_words;

	for (uint32_t i = 0, n; i < t->n; i += n) {
		n = t->n - i < BATCH ? t->n - i : BATCH;
		for (uint32_t k = 0; k < n; k++)
			memcpy(records + k * step + 1,
			    gdi_table_entry(t, i + k),
			    t->key_words * sizeof(*records));
		gp_hash_records(&f->g->hash, records, t->key_words, step, n);
		if (f->g->by_range)
			set_ranges(f->g, v, step, records, n);
		for (uint32_t k = 0; k < n; k++) {
			partition[i + k] =
			    (uint8_t)gdi_spill_partition(records[k * step]);
			count[partition[i + k]]++;
		}
	}
}

int
gdi_aside_keep(struct gdi_feed *f, unsigned s, unsigned v)
{
	struct gdi_side *d = &f->side[s][v];
	struct gdi_table *t = &d->local;
	size_t most = f->g->arena.most / f->g->n_feeds / KEPT_SHARE;
	uint32_t at[GDI_PARTITIONS] = {0}, sum = 0;
	uint8_t *partition;
	int rc;

	if (f->g->arena.most > 0 && kept_bytes(t) + (size_t)t->n *
		(t->words * sizeof(uint64_t) + PLACE_BYTES) > most)
		return GODB_EMEMORY;
	rc = gdi_arena_charge(&f->g->arena, kept_bytes(t));
	if (rc < 0)
		return rc;
	d->kept = malloc(kept_bytes(t));
	partition = malloc(t->n);
	if (!d->kept || !partition) {
		gdi_arena_discharge(&f->g->arena, kept_bytes(t));
		free(partition);
		free(d->kept);
		d->kept = NULL;
		return -ENOMEM;
	}
	find_partitions(f, v, t, partition, at);
	for (unsigned p = 0; p < GDI_PARTITIONS; p++) {
		d->kept->begin[p] = sum;
		sum += at[p];
		at[p] = d->kept->begin[p];
	}
	d->kept->begin[GDI_PARTITIONS] = sum;
	for (uint32_t i = 0; i < t->n; i++)
		d->kept->entry[at[partition[i]]++] = i;
	free(partition);
	return 0;
}

void
gdi_aside_unkeep(struct gdi_feed *f, unsigned s, unsigned v)
{
	struct gdi_side *d = &f->side[s][v];

	if (d->kept)
		gdi_arena_discharge(&f->g->arena, kept_bytes(&d->local));
	free(d->kept);
	d->kept = NULL;
}

/* A partition's kept entries as records: they lie all over the table, often in
 * the cache of another processor, and are on their way at the same time. */
static void
kept_records(const struct gdi_table *t, const uint32_t *entry, size_t n,
    uint64_t *records)
{
	for (size_t i = 0; i < n; i++) {
		const uint64_t *e = gdi_table_entry(t, entry[i]);

		__builtin_prefetch(e);
		__builtin_prefetch(e + t->words - 1);
	}
	for (size_t i = 0; i < n; i++, records += 1 + t->words)
		memcpy(records + 1, gdi_table_entry(t, entry[i]),
		    t->words * sizeof(*records));
}

/* ---- to groups --------------------------------------------------------- */

static int
add_records(const struct gdi_feed *f, struct gdi_table *t, uint64_t *records,
    size_t n)
{
	int rc = gdi_table_reserve(t, &f->g->hash, &f->g->arena);

	if (rc == 0 && t->n > GDI_GROUPS_MAX / (2 * GDI_PARTITIONS))
		rc = GODB_EMEMORY;
	if (rc == 0)
		gdi_feed_add_records(f, t, records, n);
	return rc;
}

int
gdi_aside_drain(const struct gdi_feed *f, unsigned set, unsigned v,
    unsigned partition, struct gdi_table *t, uint64_t *records)
{
	const struct gdi_side *d = &f->side[set][v];
	const struct gdi_kept *kept = d->kept;
	struct gdi_spill_reader r;
	int rc = 0;
	size_t n;

	gdi_spill_rewind(&d->spill, partition, &r);
	while (rc == 0 && (n = gdi_spill_next(&r, records, BATCH)) > 0)
		rc = add_records(f, t, records, n);
	for (uint32_t i = kept ? kept->begin[partition] : 0;
	     rc == 0 && kept && i < kept->begin[partition + 1];
	     i += (uint32_t)n) {
		n = kept->begin[partition + 1] - i;
		n = n < BATCH ? n : BATCH;
		kept_records(&d->local, kept->entry + i, n, records);
		rc = add_records(f, t, records, n);
	}
	return rc;
}

/* All that a side has put aside goes to the partitions' tables. */
static int
drain_all(struct gdi_feed *f, unsigned s, unsigned v)
{
	uint64_t records[BATCH * GDI_RECORD_MAX] GDI_UNINITIALISED;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < GDI_PARTITIONS; i++) {
		struct gdi_partition *p = &f->g->set[s].partition[i];

		(void)pthread_mutex_lock(&p->lock);
		rc = gdi_aside_drain(f, s, v, i, &p->table[v], records);
		(void)pthread_mutex_unlock(&p->lock);
		if (rc == 0)
			gdi_spill_clear(&f->side[s][v].spill, i);
	}
	f->side[s][v].drained = true;
	return rc;
}

/* ---- how much ---------------------------------------------------------- */

/* Bytes that some partitions take, and would take as groups. */
static int
weigh(const struct gdi_feed *f, unsigned s, unsigned v, size_t *aside,
    size_t *groups)
{
	uint64_t records[BATCH * GDI_RECORD_MAX] GDI_UNINITIALISED;
	const struct gdi_side *d = &f->side[s][v];
	struct gdi_table t;
	int rc = 0;

	*aside = *groups = 0;
	gdi_table_init(&t, d->local.key_words,
	    d->local.words - d->local.key_words, false);
	for (unsigned i = 0; rc == 0 && i < GDI_PARTITIONS;
	     i += GDI_PARTITIONS / WEIGHED) {
		rc = gdi_aside_drain(f, s, v, i, &t, records);
		*aside += gdi_spill_part_bytes(&d->spill, i);
		*groups += t.n * (t.words * sizeof(uint64_t) + PLACE_BYTES);
		gdi_table_clear(&t);
	}
	gdi_table_free(&t, &f->g->arena);
	return rc;
}

static size_t
first_most(const struct gdi_group *g)
{
	size_t most = g->best.limit ? MOST_BEST : MOST_ALL;

	if (g->arena.most > 0 && g->arena.most / 4 < most)
		most = g->arena.most / 4;
	return most / g->n_feeds;
}

/*
 * Raises what a side may put aside, unless groups would take less than a fourth
 * of it: as much put aside again, and memory is less than without them.  At
 * half of the bound it is their last chance to find room, but not if they would
 * take more.
 */
static bool
raise_most(const struct gdi_feed *f, unsigned s, unsigned v, size_t *most)
{
	const struct gdi_group *g = f->g;
	size_t bound = g->arena.most / g->n_feeds, next = 2 * *most;
	size_t aside, groups;

	if (g->best.limit == 0 || f->side[s][v].drained ||
	    weigh(f, s, v, &aside, &groups) < 0 || groups < aside / 4)
		return false;
	if (bound > 0 && next > bound / 2)
		next = *most < bound / 2 ? bound / 2 :
		    groups >= aside ? bound / 8 * 7 : 0;
	if (next <= *most)
		return false;
	*most = next;
	return true;
}

/* A side's share of what may be put aside before IPv6 had better wait. */
static void
note_crowd(const struct gdi_feed *f, const struct gdi_side *d)
{
	size_t most = CROWDED;

	if (f->g->arena.most > 0 && f->g->arena.most / 16 < most)
		most = f->g->arena.most / 16;
	if (d->spill.bytes >= most / f->g->n_feeds)
		atomic_store_explicit(&f->g->crowded, true,
		    memory_order_relaxed);
}

/* ---- aside ------------------------------------------------------------- */

int
gdi_aside_put(struct gdi_feed *f, unsigned s, unsigned v, uint64_t *r, size_t n)
{
	struct gdi_side *d = &f->side[s][v];
	int rc = 0;

	atomic_store_explicit(&f->g->spilled, true, memory_order_relaxed);
	if (f->g->by_range)
		set_ranges(f->g, v, gdi_record_words(d), r, n);
	if (d->most == 0)
		d->most = first_most(f->g);
	while (rc == 0 && n > 0) {
		size_t done;

		if (d->spill.bytes >= d->most && !raise_most(f, s, v, &d->most))
			rc = drain_all(f, s, v);
		if (rc < 0)
			return rc;
		rc = gdi_spill_put(&d->spill, &f->g->arena, r, n, &done);
		if (rc == GODB_EMEMORY && d->spill.bytes > 0)
			rc = drain_all(f, s, v);
		n -= done;
		r += done * gdi_record_words(d);
	}
	note_crowd(f, d);
	return rc;
}

int
gdi_aside_spill(struct gdi_feed *f, unsigned s, unsigned v)
{
	uint64_t records[BATCH * GDI_RECORD_MAX] GDI_UNINITIALISED;
	struct gdi_side *d = &f->side[s][v];
	struct gdi_table *t = &d->local;
	size_t step = gdi_record_words(d), n = 0;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < t->n; i++) {
		memcpy(records + n++ * step + 1, gdi_table_entry(t, i),
		    t->words * sizeof(*records));
		if (n < BATCH && i + 1 < t->n)
			continue;
		gp_hash_records(&f->g->hash, records, t->key_words, step, n);
		rc = gdi_aside_put(f, s, v, records, n);
		n = 0;
	}
	d->direct = d->records < t->n * WORTH_NUM / WORTH_DEN;
	d->records = 0;
	gdi_table_clear(t);
	return rc;
}
