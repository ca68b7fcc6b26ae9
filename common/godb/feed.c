/*
 * Rows to groups, each thread by itself.
 *
 * - Neighbours that share their key are summed first: blocks are sorted.
 * - Ports, protocols and applications alone have few enough values for a
 *   table of places (feed_small.c): no hash, no comparison.
 * - Other keys go to a hash table that fits the second-level cache.  Most
 *   questions have few groups, or the same ones come again within some
 *   blocks: then nothing else is touched.
 * - When that table is full its entries are put aside by partition (aside.c).
 *   Where it does not spare much (nearly every row is a group of its own),
 *   rows are put aside at once.
 * - Distinct values are counted as groups of group and value, pairs, which go
 *   the same ways; most of them are one word.
 */
#include "common/godb/grouping.h"

#include "common/godb/neighbours.h"
#include "common/godb/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BATCH       GDI_BATCH
#define N_COUNTERS  GDI_N_COUNTERS_KEPT
/* A feed's table that does not pay is not used for so many records. */
#define DIRECT_RECORDS (UINT64_C(1) << 20)

/* ---- new and free ------------------------------------------------------ */

int
gdi_feed_new(struct gdi_group *g, struct gdi_feed **out)
{
	struct gdi_feed *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->g = g;
	f->largest = UINT64_MAX;
	for (unsigned s = 0; s < g->n_sets; s++) {
		for (unsigned v = 0; v < 2; v++) {
			const struct gdi_set *set = &g->set[s];

			gdi_table_init(&f->side[s][v].local, set->words[v],
			    set->numbers, false);
			gdi_spill_init(&f->side[s][v].spill, set->words[v],
			    set->last_bits[v], set->numbers);
		}
	}
	gdi_small_init(&f->small, g);
	atomic_fetch_add(&g->n_feeds, 1);
	*out = f;
	return 0;
}

void
gdi_feed_free(struct gdi_feed *f)
{
	if (!f)
		return;
	for (unsigned s = 0; s < f->g->n_sets; s++) {
		for (unsigned v = 0; v < 2; v++) {
			gdi_aside_unkeep(f, s, v);
			gdi_table_free(&f->side[s][v].local, &f->g->arena);
			gdi_spill_free(&f->side[s][v].spill, &f->g->arena);
		}
	}
	gdi_small_free(f);
	gdi_cell_free(f);
	free(f);
}

/* Room for a batch in a side's table, unless rows are put aside at once. */
static int
make_room(struct gdi_feed *f, unsigned s, unsigned v)
{
	struct gdi_side *d = &f->side[s][v];
	int rc = 0;

	gdi_aside_unkeep(f, s, v);
	if (f->g->cells) /* however large, until the cell's end */
		return gdi_table_reserve(&d->local, &f->g->hash, &f->g->arena);
	if (d->direct && d->records < DIRECT_RECORDS)
		return 0;
	if (d->direct) { /* perhaps it pays by now */
		d->direct = false;
		d->records = 0;
	}
	if ((d->local.n + BATCH) * d->local.words > GDI_LOCAL_WORDS) {
		rc = gdi_aside_spill(f, s, v);
		if (rc < 0 || d->direct)
			return rc;
	}
	return gdi_table_reserve(&d->local, &f->g->hash, &f->g->arena);
}

/* ---- rows -------------------------------------------------------------- */

/* Hashes n records and adds them to the feed's table, or puts them aside;
 * make_room came before. */
static int
put_records(struct gdi_feed *f, unsigned s, unsigned v, size_t n)
{
	struct gdi_side *d = &f->side[s][v];

	if (f->cell.unique)
		return gdi_cell_take(f, v, f->records, n);
	d->records += n;
	if (!d->direct) {
		gdi_feed_add_records(f, &d->local, f->records, n);
		return 0;
	}
	gp_hash_records(&f->g->hash, f->records, d->local.key_words,
	    gdi_record_words(d), n);
	return gdi_aside_put(f, s, v, f->records, n);
}

int
gdi_feed_put(struct gdi_feed *f, size_t n)
{
	int rc = make_room(f, 0, 0);

	return rc < 0 ? rc : put_records(f, 0, 0, n);
}

/* A row's value of a distinct column: one word, or of IPv6 addresses two. */
static inline __attribute__((always_inline)) void
read_value(enum godb_column column, const struct gdi_rows_batch *b,
    uint32_t row, uint64_t out[2])
{
	const struct godb_columns *c = b->c;
	bool dip = column == GODB_DIP;

	if (column == GODB_DPORT) {
		out[0] = c->dport[row];
	} else if (b->v6) {
		const struct godb_addr6 *a = dip ? c->dip6 : c->sip6;

		out[0] = a[row - c->n4].hi;
		out[1] = a[row - c->n4].lo;
	} else {
		out[0] = (dip ? c->dip4 : c->sip4)[row];
	}
}

/* Pairs of a set: how they lie. */
struct pairing {
	enum godb_column column;
	unsigned group_words, value_words; /* none: it is inside */
	unsigned shift;
};

/* Whether a pair is the one before again cannot be foreseen, so that is no
 * branch: it is written, and over by the next. */
static inline __attribute__((always_inline)) size_t
pair_rows(struct gdi_feed *f, const struct gdi_rows_batch *b,
    const struct pairing p)
{
	unsigned words = p.group_words + p.value_words;
	uint64_t *key = f->records + 1;
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++) {
		uint64_t value[2] GDI_UNINITIALISED;
		bool same;

		read_value(p.column, b, gdi_batch_row(b, i), value);
		for (unsigned k = 0; k < p.group_words; k++)
			key[k] = b->keys[i * p.group_words + k];
		for (unsigned k = 0; k < p.value_words; k++)
			key[p.group_words + k] = value[k];
		if (p.value_words == 0)
			key[words - 1] |= value[0] << p.shift;
		same = i > 0 && gdi_same_key(key, key - 1 - words, words);
		key += same ? 0 : 1 + words;
		n += !same;
	}
	return n;
}

/*
 * Records of a batch's pairs of set s, version w of it, but for the hash: one
 * for neighbours that are the same.  Pairs have no numbers.
 */
static size_t
make_pairs(struct gdi_feed *f, unsigned s, unsigned w,
    const struct gdi_layout *l, const struct gdi_rows_batch *b)
{
	const struct gdi_set *set = &f->g->set[s];
	struct pairing p = {set->column, l->words, set->words[w] - l->words,
	    set->shift[w]};

	/* one word is what most have */
	if (p.group_words == 1 && p.value_words == 0)
		return pair_rows(f, b, (struct pairing){p.column, 1, 0,
		    p.shift});
	return pair_rows(f, b, p);
}

static int
put_pairs(struct gdi_feed *f, const struct gdi_layout *l, unsigned v,
    const struct gdi_rows_batch *b)
{
	const struct gdi_group *g = f->g;
	int rc = 0;

	for (unsigned s = 1; rc == 0 && s < g->n_sets; s++) {
		/* versions of addresses stay apart even where groups are one */
		unsigned w = g->set[s].column == GODB_DPORT ? v : b->v6;

		rc = make_room(f, s, w);
		if (rc == 0)
			rc = put_records(f, s, w, make_pairs(f, s, w, l, b));
	}
	return rc;
}

/* The records of a batch, but for their hashes. */
static size_t
make_records(struct gdi_feed *f, unsigned v, struct gdi_rows_batch *b)
{
	const struct gdi_group *g = f->g;
	const struct gdi_layout *l = &g->layout[v];
	bool rows = g->extra_at[GODB_METRIC_ROWS - GODB_METRIC_EXTRA] != 0;
	unsigned numbers = g->set[0].numbers;

	gdi_layout_pack(l, b);
	return gdi_sum_neighbours(b, l->words, numbers, rows, f->records);
}

static int
add_batch(struct gdi_feed *f, unsigned v, struct gdi_rows_batch *b)
{
	const struct gdi_group *g = f->g;
	int rc = make_room(f, 0, v);

	if (rc < 0)
		return rc;
	rc = put_records(f, 0, v, make_records(f, v, b));
	return rc == 0 && g->n_sets > 1 ?
	    put_pairs(f, &g->layout[v], v, b) : rc;
}

/* Pairs alone of rows that are in their groups. */
static int
add_pairs(struct gdi_feed *f, unsigned v, struct gdi_rows_batch *b)
{
	const struct gdi_layout *l = &f->g->layout[v];

	gdi_layout_pack(l, b);
	return put_pairs(f, l, v, b);
}

/* Of a batch that is in under its sips: totals, and the rows that stand under
 * their dips, too. */
static size_t
other_ends(struct gdi_feed *f, const struct gdi_rows_batch *b,
    uint32_t sel[BATCH])
{
	const struct gdi_group *g = f->g;
	struct godb_addr6 mask = gdi_mask_of(128, g->host_drop6);
	uint32_t mask4 = (uint32_t)gdi_mask_of(32, g->host_drop4).lo;
	const struct godb_columns *c = b->c;
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++) {
		uint32_t row = gdi_batch_row(b, i), r = row - c->n4;

		gdi_add_counters(f->totals, c, row);
		if (!b->v6 ? (c->sip4[row] ^ c->dip4[row]) & mask4
			   : ((c->sip6[r].hi ^ c->dip6[r].hi) & mask.hi) |
				((c->sip6[r].lo ^ c->dip6[r].lo) & mask.lo))
			sel[n++] = row;
	}
	return n;
}

static int
add_other_ends(struct gdi_feed *f, unsigned v, struct gdi_rows_batch *b)
{
	uint32_t sel[BATCH];
	int rc;

	b->n = other_ends(f, b, sel);
	b->sel = sel;
	b->second = true;
	rc = add_batch(f, v, b);
	b->second = false;
	return rc;
}

/* ---- sums -------------------------------------------------------------- */

static int64_t
bin_of(struct gdi_group *g, int64_t slot_s)
{
	if (!g->bin)
		return slot_s;
	(void)pthread_mutex_lock(&g->bin_lock);
	slot_s = g->bin(g->bin_arg, slot_s);
	(void)pthread_mutex_unlock(&g->bin_lock);
	return slot_s;
}

bool
gdi_feed_takes_sums(const struct gdi_feed *f)
{
	return gdi_cell_is_counted(f) ||
	    (f->g->layout[0].constant && f->g->n_sets == 1);
}

/* So many rows whose key is that of their part. */
static int
add_sums(struct gdi_feed *f, struct gdi_rows_batch *b,
    const uint64_t sums[N_COUNTERS], uint64_t n)
{
	const struct gdi_layout *l = &f->g->layout[0];
	uint64_t *to = f->records + 1 + l->words;

	memcpy(to, sums, N_COUNTERS * sizeof(*to));
	if (f->g->extra_at[GODB_METRIC_ROWS - GODB_METRIC_EXTRA] != 0)
		to[N_COUNTERS] = n;
	b->n = 1;
	gdi_layout_pack(l, b);
	memcpy(f->records + 1, b->keys, l->words * sizeof(*b->keys));
	return gdi_feed_put(f, 1);
}

int
gdi_feed_add_sums(struct gdi_feed *f, const struct godb_part *part,
    const uint64_t sums[4], uint64_t n)
{
	struct gdi_rows_batch b = {.part = part, .keys = f->keys,
	    .time_s = bin_of(f->g, part->slot_s)};

	if (gdi_cell_is_counted(f)) {
		gdi_cell_count(f, sums, n);
		return 0;
	}
	return add_sums(f, &b, sums, n);
}

/* Exact while no sum can pass 2^64; false: it might. */
static bool
sum_column(const uint64_t *v, const uint32_t *sel, size_t n, uint64_t *out)
{
	uint64_t sum = 0, any = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t x = v[sel ? sel[i] : i];

		sum += x;
		any |= x;
	}
	*out = sum;
	return any >> 36 == 0 && n < UINT64_C(1) << 28;
}

/* All rows to one group, when its key is the same for all of them and nothing
 * else is asked of the rows; false: not so. */
static bool
add_whole(struct gdi_feed *f, struct gdi_rows_batch *b, size_t n, int *rc)
{
	uint64_t sums[N_COUNTERS];

	if (!gdi_feed_takes_sums(f) || n == 0)
		return false;
	for (unsigned k = 0; k < N_COUNTERS; k++) {
		const uint64_t *v = b->c->counter[k];

		if (!(b->sel ? sum_column(v, b->sel, n, &sums[k]) :
			       sum_column(v, NULL, n, &sums[k])))
			return false;
	}
	*rc = add_sums(f, b, sums, n);
	return true;
}

/* Rows that are groups of their cell to the totals; whether more is wanted of
 * them. */
static bool
count_unique(struct gdi_feed *f, const struct gdi_rows_batch *b, size_t n)
{
	uint64_t sums[N_COUNTERS] = {0};

	for (unsigned k = 0; k < N_COUNTERS; k++) {
		const uint64_t *v = b->c->counter[k];

		if (b->sel ? sum_column(v, b->sel, n, &sums[k]) :
			     sum_column(v, NULL, n, &sums[k]))
			continue;
		sums[k] = 0;
		for (size_t i = 0; i < n; i++)
			sums[k] = gdi_add(sums[k], v[b->sel ? b->sel[i] : i]);
	}
	gdi_cell_count(f, sums, n);
	return !gdi_cell_is_counted(f);
}

/* ---- ranges ------------------------------------------------------------ */

/*
 * Rows of one roll-up are in the order of their keys, unless a key lacks a
 * column before another that it has.  Then they are in order at least at the
 * beginning, and what comes behind is hashed, as it is where several roll-ups
 * have rows of the range.
 */
static int
add_in_order(struct gdi_feed *f, struct gdi_table *to, bool v6, size_t n)
{
	struct gdi_arena *a = &f->g->arena;
	int rc = gdi_table_reserve_loose(to, a);
	size_t done;

	if (rc < 0)
		return rc;
	done = gdi_table_add_ascending(to, f->records, n, !v6);
	if (done == n)
		return 0;
	rc = gdi_table_reserve(to, &f->g->hash, a);
	if (rc == 0)
		gdi_feed_add_records(f, to, f->records + done * (1 + to->words),
		    n - done);
	return rc;
}

int
gdi_feed_range(struct gdi_feed *f, const struct godb_part *part,
    const struct godb_columns *c, const uint32_t *sel, size_t first, size_t n,
    bool v6, struct gdi_table *const *to)
{
	struct gdi_rows_batch b = {.part = part, .c = c, .keys = f->keys,
	    .v6 = v6, .time_s = bin_of(f->g, part->slot_s)};
	int rc = 0;

	for (size_t end = first + n; rc == 0 && first < end; first += b.n) {
		b.n = end - first < BATCH ? end - first : BATCH;
		b.sel = sel ? sel + first : NULL;
		b.first = (uint32_t)first;
		rc = add_in_order(f, to[0], v6, make_records(f, v6, &b));
		for (unsigned s = 1; rc == 0 && s < f->g->n_sets; s++)
			rc = add_in_order(f, to[s], v6,
			    make_pairs(f, s, v6, &f->g->layout[v6], &b));
	}
	return rc;
}

/* ---- parts ------------------------------------------------------------- */

/* How many of the rows are IPv4; sel ascends, and they come first. */
static size_t
count_v4(const struct godb_columns *c, const uint32_t *sel, size_t n)
{
	size_t n4 = 0;

	if (!sel)
		return n < c->n4 ? n : c->n4;
	for (size_t hi = n; n4 < hi;) {
		size_t mid = n4 + (hi - n4) / 2;

		if (sel[mid] < c->n4)
			n4 = mid + 1;
		else
			hi = mid;
	}
	return n4;
}

uint32_t
gdi_feed_bounds(const struct gdi_feed *f)
{
	if (f->g->cells)
		return f->cell.unique ? gdi_top_counters(&f->cell.top) : 0;
	return f->small.places > 0 ? GDI_COL_COUNTERS : 0;
}

void
gdi_feed_expect(struct gdi_feed *f, uint64_t largest)
{
	f->largest = largest;
}

bool
gdi_feed_picks(const struct gdi_feed *f)
{
	return f->cell.unique && !gdi_cell_is_counted(f) &&
	    gdi_top_compares(&f->cell.top);
}

size_t
gdi_feed_pick(struct gdi_feed *f, const struct godb_columns *c,
    const uint32_t *sel, size_t n, uint32_t *picked)
{
	struct gdi_rows_batch b = {.c = c, .sel = sel, .n = n};

	(void)count_unique(f, &b, n);
	n = gdi_top_pick(&f->cell.top, &b, picked);
	f->cell.picked = n > 0;
	return n;
}

int
gdi_feed_add(struct gdi_feed *f, const struct godb_part *part,
    const struct godb_columns *c, const uint32_t *sel, size_t n)
{
	struct gdi_group *g = f->g;
	struct gdi_rows_batch b = {.part = part, .c = c, .sel = sel,
	    .keys = f->keys};
	size_t done = 0, n4 = count_v4(c, sel, n), next;
	uint32_t picked[BATCH] GDI_UNINITIALISED;
	int rc = 0;

	b.time_s = bin_of(g, part->slot_s);
	if (f->cell.unique && !f->cell.picked && !count_unique(f, &b, n))
		return 0;
	f->cell.picked = false;
	if (add_whole(f, &b, n, &rc))
		return rc;
	rc = gdi_small_add(f, c, sel, n, &done);
	if (rc < 0)
		return rc;
	/* batches never mix versions, nor rows of which only pairs are left to
	 * be added and others */
	for (size_t at = g->n_sets > 1 ? 0 : done; at < n; at = next) {
		size_t end = at < n4 ? n4 : n;
		bool in = at < done;
		unsigned v = g->addresses && at >= n4;

		end = in && done < end ? done : end;
		next = end - at < BATCH ? end : at + BATCH;
		b.v6 = at >= n4;
		b.n = next - at;
		b.sel = sel ? sel + at : NULL;
		b.first = (uint32_t)at;
		if (f->cell.unique) {
			b.n = gdi_top_pick(&f->cell.top, &b, picked);
			b.sel = picked;
		}
		rc = in ? add_pairs(f, v, &b) : add_batch(f, v, &b);
		if (rc == 0 && g->host)
			rc = add_other_ends(f, v, &b);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* What a side's table has is kept in it, or put aside. */
static int
end_side(struct gdi_feed *f, unsigned s, unsigned v)
{
	struct gdi_side *d = &f->side[s][v];
	int rc = GODB_EMEMORY;

	if (d->kept)
		return 0;
	if (d->local.n > 0)
		rc = gdi_aside_keep(f, s, v);
	if (rc != GODB_EMEMORY)
		return rc;
	rc = d->local.n > 0 ? gdi_aside_spill(f, s, v) : 0;
	gdi_table_free(&d->local, &f->g->arena);
	return rc;
}

int
gdi_feed_end(struct gdi_feed *f)
{
	int rc = f->small.place ? gdi_small_end(f) : 0;

	/* while nobody's is full, tables are merged into one at last */
	if (!atomic_load_explicit(&f->g->spilled, memory_order_relaxed))
		return rc;
	for (unsigned s = 0; rc == 0 && s < f->g->n_sets; s++)
		for (unsigned v = 0; rc == 0 && v < 2; v++)
			rc = end_side(f, s, v);
	return rc;
}

void
gdi_feed_drop4(struct gdi_feed *f)
{
	gdi_aside_unkeep(f, 0, 0);
	gdi_table_free(&f->side[0][0].local, &f->g->arena);
	gdi_spill_hand_over(&f->side[0][0].spill, &f->side[0][1].spill);
}
