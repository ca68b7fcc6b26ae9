#include "common/godb/aggregate.h"

#include <endian.h>

/*
 * New rows are summed before the block ends when they are at least so many,
 * and this many times the sorted ones: more often where flows are published
 * again and again, rarely where the last time showed that most keys are new,
 * as in a scan.
 */
#define SETTLE_MIN    65536
#define SETTLE_OFTEN  2
#define SETTLE_RARELY 7

/*
 * Rows of the store are mostly read to be summed over something of which there
 * is far less.  Before one goes behind the others an equal one is looked for
 * where the last of its hash went, in either of two places: what is found need
 * not be sorted.  It is only a hint: who makes keys collide gets rows that the
 * sort finds.  A place has a row + 1 and some more bits of the hash.
 */
#define SEEK_BITS   18
#define SEEK_PLACES ((size_t)1 << SEEK_BITS)
#define SEEK_ROWS   ((UINT32_C(1) << 22) - 1)

#define WORDS4 2
#define WORDS6 5
static_assert(sizeof(struct gdi_row4) == WORDS4 * 8 + 16 &&
	sizeof(struct gdi_row6) == WORDS6 * 8 + 16,
    "a row is its key's words and four counters");

void
gdi_aggregate_free(struct gdi_aggregate *a)
{
	free(a->v4.rows);
	free(a->v4.wide);
	free(a->v4.seek);
	free(a->v6.rows);
	free(a->v6.wide);
	free(a->v6.seek);
	memset(a, 0, sizeof(*a));
}

void
gdi_aggregate_apart(struct gdi_aggregate *a)
{
	a->v4.apart = a->v6.apart = true;
}

/* ---- rows of either version ---------------------------------------------- */

/*
 * The functions below see a row as `words` words of key and four counters.
 * They are inlined where `words` is a constant.
 */
#define EITHER static inline __attribute__((always_inline))

EITHER uint64_t *
key_of(const struct gdi_rows *r, size_t words, size_t i)
{
	return (uint64_t *)r->rows + i * (words + 2);
}

EITHER bool
same_key(const uint64_t *a, const uint64_t *b, size_t words)
{
	uint64_t differ = (a[words - 1] ^ b[words - 1]) & ~GDI_KEY_WIDE;

	for (size_t i = 0; i + 1 < words; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

EITHER bool
less(const uint64_t *a, const uint64_t *b, size_t words)
{
	for (size_t i = 0; i < words; i++)
		if (a[i] != b[i])
			return a[i] < b[i];
	return false;
}

/* ---- counters ------------------------------------------------------------ */

static bool
wide_room(struct gdi_rows *r, size_t more)
{
	size_t need = r->n_wide + r->staged_wide + more;
	size_t cap = r->cap_wide ? r->cap_wide : 64;
	uint64_t (*grown)[4];

	if (need <= r->cap_wide)
		return true;
	while (cap < need)
		cap *= 2;
	grown = reallocarray(r->wide, cap, sizeof(*grown));
	if (grown == NULL)
		return false;
	r->wide = grown;
	r->cap_wide = cap;
	return true;
}

/* The counters behind a key of `words` words; false without memory. */
EITHER bool
put_counters(struct gdi_rows *r, uint64_t *key, size_t words,
    const uint64_t v[4], size_t *n_wide)
{
	uint32_t *counter = (uint32_t *)(key + words);

	if ((v[0] | v[1] | v[2] | v[3]) >> 32 == 0) {
		for (int k = 0; k < 4; k++)
			counter[k] = (uint32_t)v[k];
		return true;
	}
	if (!wide_room(r, 1))
		return false;
	counter[0] = (uint32_t)(r->n_wide + r->staged_wide);
	memcpy(r->wide[counter[0]], v, sizeof(r->wide[0]));
	key[words - 1] |= GDI_KEY_WIDE;
	++*n_wide;
	return true;
}

/* Adds counters to those of a row. */
EITHER bool
add_counters(struct gdi_rows *r, uint64_t *to, const uint64_t more[4],
    size_t words)
{
	uint32_t *counter = (uint32_t *)(to + words);
	uint64_t a[4];

	gdi_row_counters(r, to[words - 1], counter, a);
	gdi_sum_values(a, more, 4);
	if (to[words - 1] & GDI_KEY_WIDE) {
		memcpy(r->wide[counter[0]], a, sizeof(a));
		return true;
	}
	return put_counters(r, to, words, a, &r->n_wide);
}

/* Adds a row's counters to those of another with the same key. */
EITHER bool
add_row(struct gdi_rows *r, uint64_t *to, const uint64_t *from, size_t words)
{
	uint64_t more[4];

	gdi_row_counters(r, from[words - 1],
	    (const uint32_t *)(from + words), more);
	return add_counters(r, to, more, words);
}

/* Drops wide counters that no row names any more. */
EITHER int
gather_wide(struct gdi_rows *r, size_t words)
{
	uint64_t (*kept)[4] = calloc(r->cap_wide, sizeof(*kept));
	uint32_t n = 0;

	if (kept == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < r->n; i++) {
		uint64_t *key = key_of(r, words, i);
		uint32_t *counter = (uint32_t *)(key + words);

		if (!(key[words - 1] & GDI_KEY_WIDE))
			continue;
		memcpy(kept[n], r->wide[counter[0]], sizeof(kept[0]));
		counter[0] = n++;
	}
	free(r->wide);
	r->wide = kept;
	r->n_wide = n;
	return 0;
}

/* ---- order and sums ------------------------------------------------------ */

/* Sorted rows that begin at the front, equal ones summed. */
EITHER int
sum_sorted(struct gdi_rows *r, const uint64_t *from, size_t n, size_t words)
{
	size_t row = words + 2, to = 0;
	int rc = 0;

	for (size_t i = 0; i < n; i++, from += row) {
		uint64_t *last = to ? key_of(r, words, to - 1) : NULL;

		if (last && same_key(last, from, words)) {
			if (add_row(r, last, from, words))
				continue;
			rc = -ENOMEM;
		}
		if (key_of(r, words, to) != from)
			memcpy(key_of(r, words, to), from, row * 8);
		to++;
	}
	r->n = to;
	return rc;
}

/*
 * The sorted rows behind the sorted rows at the front, from the back, so that
 * no other memory is needed.  What equal keys leave free is closed up.
 */
EITHER int
merge_sorted(struct gdi_rows *r, const uint64_t *from, size_t n, size_t words)
{
	size_t row = words + 2, end = r->sorted + n, to = end;
	size_t old = r->sorted;
	int rc = 0;

	while (n > 0 || (old > 0 && to < end &&
			    same_key(key_of(r, words, old - 1),
				key_of(r, words, to), words))) {
		const uint64_t *next = n > 0 ? from + (n - 1) * row : NULL;

		if (next == NULL ||
		    (old > 0 && less(next, key_of(r, words, old - 1), words)))
			next = key_of(r, words, --old);
		else
			n--;
		if (to < end && same_key(key_of(r, words, to), next, words)) {
			if (add_row(r, key_of(r, words, to), next, words))
				continue;
			rc = -ENOMEM;
		}
		memmove(key_of(r, words, --to), next, row * 8);
		if (rc < 0 && n == 0)
			break; /* the rest stays where it is */
	}
	memmove(key_of(r, words, old), key_of(r, words, to),
	    (end - to) * row * 8);
	r->n = old + end - to;
	return rc;
}

/*
 * Few new rows are merged with the sorted ones, from other memory; where there
 * are as many, sorting all of them anew costs less than new memory does.
 */
EITHER int
settle(struct gdi_rows *r, struct gdi_buf *scratch, size_t words)
{
	size_t row_bytes = (words + 2) * 8, n = r->n - r->sorted;
	size_t before = r->n, rows;
	uint64_t *tail;
	void *other;
	int rc;

	r->staged = r->staged_wide = 0;
	if (n == 0)
		return 0;
	if (r->seek)
		memset(r->seek, 0, SEEK_PLACES * sizeof(*r->seek));
	if (n >= r->sorted || r->apart) {
		n = r->n;
		r->sorted = 0;
	}
	tail = key_of(r, words, r->sorted);
	rows = r->sorted > 0 && n > GDI_SORT_PART ? n : GDI_SORT_PART;
	scratch->len = 0;
	other = gdi_buf_room(scratch, rows * row_bytes);
	if (other == NULL) {
		scratch->rc = 0;
		return -ENOMEM;
	}
	if (words == WORDS4)
		gdi_sort_row4_in_place((void *)tail, other, n);
	else
		gdi_sort_row6_in_place((void *)tail, other, n);
	if (r->apart) {
		rc = 0;
	} else if (r->sorted == 0) {
		rc = sum_sorted(r, tail, n, words);
	} else {
		memcpy(other, tail, n * row_bytes);
		rc = merge_sorted(r, other, n, words);
	}
	r->sorted = rc == 0 ? r->n : 0;
	r->mostly_new = before - r->n < n / 8;
	if (rc == 0 && r->n_wide > 0)
		rc = gather_wide(r, words);
	return rc;
}

int
gdi_aggregate_settle4(struct gdi_aggregate *a, struct gdi_buf *scratch)
{
	return settle(&a->v4, scratch, WORDS4);
}

int
gdi_aggregate_settle6(struct gdi_aggregate *a, struct gdi_buf *scratch)
{
	return settle(&a->v6, scratch, WORDS6);
}

/* ---- rows that come ------------------------------------------------------ */

/* Whether summing now may free room for many more. */
static bool
worth_settling(const struct gdi_rows *r)
{
	size_t fresh = r->n - r->sorted;

	return !r->apart && fresh >= SETTLE_MIN &&
	    fresh >= (r->mostly_new ? SETTLE_RARELY : SETTLE_OFTEN) *
		r->sorted;
}

/*
 * Room behind the rows.  They are summed where that pays, so that a flow which
 * is published again and again takes the place of a few; and a block that is
 * three quarters full after that is full.
 */
EITHER int
make_room(struct gdi_rows *r, size_t more, size_t most,
    struct gdi_buf *scratch, size_t words)
{
	size_t cap = r->cap ? r->cap : 64;
	void *grown;
	int rc;

	r->staged = r->staged_wide = 0;
	if (worth_settling(r) || r->n + more > most) {
		rc = settle(r, scratch, words);
		if (rc < 0)
			return rc;
		if (r->n + more > most || r->n > most - most / 4)
			return GODB_EFULL;
	}
	if (r->n + more <= r->cap)
		return 0;
	while (cap < r->n + more)
		cap *= 2;
	grown = reallocarray(r->rows, cap, (words + 2) * 8);
	if (grown == NULL)
		return -ENOMEM;
	r->rows = grown;
	r->cap = cap;
	return 0;
}

static uint64_t
last_word(uint16_t dport, uint8_t proto, uint16_t l7)
{
	return (uint64_t)dport << 25 | (uint64_t)proto << 17 |
	    (uint64_t)l7 << 1;
}

static int
stage4(struct gdi_rows *r, const struct godb_batch *b, const uint16_t *map)
{
	for (size_t i = 0; i < b->n4; i++) {
		const struct godb_row4 *from = &b->rows4[i];
		uint64_t *key = key_of(r, WORDS4, r->n + i);

		/* both addresses lie side by side at the row's start */
		key[0] = be64toh(gdi_get64(from));
		key[1] = last_word(from->dport, from->proto, map[from->l7]);
		if (!put_counters(r, key, WORDS4, from->counter,
			&r->staged_wide))
			return -ENOMEM;
	}
	r->staged = b->n4;
	return 0;
}

static int
stage6(struct gdi_rows *r, const struct godb_batch *b, const uint16_t *map)
{
	for (size_t i = 0; i < b->n6; i++) {
		const struct godb_row6 *from = &b->rows6[i];
		uint64_t *key = key_of(r, WORDS6, r->n + i);

		key[0] = be64toh(gdi_get64(from->sip));
		key[1] = be64toh(gdi_get64(from->sip + 8));
		key[2] = be64toh(gdi_get64(from->dip));
		key[3] = be64toh(gdi_get64(from->dip + 8));
		key[4] = last_word(from->dport, from->proto, map[from->l7]);
		if (!put_counters(r, key, WORDS6, from->counter,
			&r->staged_wide))
			return -ENOMEM;
	}
	r->staged = b->n6;
	return 0;
}

int
gdi_aggregate_stage(struct gdi_aggregate *a, const struct godb_batch *b,
    const uint16_t *map, size_t most, struct gdi_buf *scratch)
{
	int rc = make_room(&a->v4, b->n4, most, scratch, WORDS4);

	if (rc == 0)
		rc = make_room(&a->v6, b->n6, most, scratch, WORDS6);
	if (rc == 0)
		rc = stage4(&a->v4, b, map);
	if (rc == 0)
		rc = stage6(&a->v6, b, map);
	return rc;
}

static void
accept(struct gdi_rows *r)
{
	r->n += r->staged;
	r->n_wide += r->staged_wide;
	r->staged = r->staged_wide = 0;
}

void
gdi_aggregate_accept(struct gdi_aggregate *a)
{
	accept(&a->v4);
	accept(&a->v6);
}

/* ---- rows of the store --------------------------------------------------- */

/*
 * Rows of the store are taken so many at a time, column by column, and what
 * one needs of the places and of the rows is fetched before it is its turn.
 * Each has its key's hash before its key.
 */
enum { BATCH = 64 };
#define BATCH_WORDS (BATCH * (WORDS6 + 1))

/* Keys of n rows from `row` on; columns that do not count are 0. */
EITHER void
column_keys(const struct godb_columns *c, uint32_t columns, bool v6,
    size_t row, size_t n, uint64_t *record)
{
	size_t words = v6 ? WORDS6 : WORDS4, step = words + 1;
	size_t rest = v6 ? c->n4 + row : row;
	uint64_t *key = record + 1, *last = record + words;

	for (size_t i = 0; i < n * step; i++)
		record[i] = 0;
	if (columns & GODB_COL(GODB_SIP))
		for (size_t i = 0; i < n; i++) {
			if (v6) {
				key[i * step] = c->sip6[row + i].hi;
				key[i * step + 1] = c->sip6[row + i].lo;
			} else {
				key[i * step] = (uint64_t)c->sip4[row + i]
				    << 32;
			}
		}
	if (columns & GODB_COL(GODB_DIP))
		for (size_t i = 0; i < n; i++) {
			if (v6) {
				key[i * step + 2] = c->dip6[row + i].hi;
				key[i * step + 3] = c->dip6[row + i].lo;
			} else {
				key[i * step] |= c->dip4[row + i];
			}
		}
	if (columns & GODB_COL(GODB_DPORT))
		for (size_t i = 0; i < n; i++)
			last[i * step] = last_word(c->dport[rest + i], 0, 0);
	if (columns & GODB_COL(GODB_PROTO))
		for (size_t i = 0; i < n; i++)
			last[i * step] |= last_word(0, c->proto[rest + i], 0);
	if (columns & GODB_COL(GODB_L7PROTO))
		for (size_t i = 0; i < n; i++)
			last[i * step] |= last_word(0, 0, c->l7[rest + i]);
}

EITHER uint64_t
seek_hash(const uint64_t *key, size_t words)
{
	uint64_t h = 0;

	for (size_t i = 0; i < words; i++) {
		h = (h ^ key[i]) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	return h * UINT64_C(0x9e3779b97f4a7c15);
}

static uint32_t *
seek_places(const struct gdi_rows *r, uint64_t hash)
{
	return &r->seek[hash >> (64 - SEEK_BITS) & ~UINT64_C(1)];
}

/* The row + 1 that one of the two places has for the hash, from `from` on; 0:
 * none. */
static inline uint32_t
seek_hint(const struct gdi_rows *r, uint64_t hash, int *from)
{
	const uint32_t *place = seek_places(r, hash);
	uint32_t tag = (uint32_t)hash & ~SEEK_ROWS;

	for (; *from < 2; ++*from) {
		uint32_t found = place[*from];

		if ((found & ~SEEK_ROWS) == tag && (found & SEEK_ROWS) != 0)
			return found & SEEK_ROWS;
	}
	return 0;
}

/* The row with this key, if it is where one is looked for; else the next one
 * will be. */
EITHER uint64_t *
seek_row(struct gdi_rows *r, const uint64_t *key, uint64_t hash, size_t words)
{
	uint32_t *place = seek_places(r, hash), row1;

	for (int i = 0; (row1 = seek_hint(r, hash, &i)) != 0; i++)
		if (same_key(key_of(r, words, row1 - 1), key, words))
			return key_of(r, words, row1 - 1);
	place[1] = place[0];
	place[0] = r->n < SEEK_ROWS ?
	    ((uint32_t)hash & ~SEEK_ROWS) | (uint32_t)(r->n + 1) : 0;
	return NULL;
}

/* Adds counters to a row; most are narrow and stay so. */
EITHER bool
add_narrow(struct gdi_rows *r, uint64_t *to, const uint64_t more[4],
    size_t words)
{
	uint32_t *counter = (uint32_t *)(to + words);
	uint64_t sum[4], high = more[0] | more[1] | more[2] | more[3];

	if (high >> 32 != 0 || (to[words - 1] & GDI_KEY_WIDE))
		return add_counters(r, to, more, words);
	for (int k = 0; k < 4; k++)
		sum[k] = counter[k] + more[k];
	if ((sum[0] | sum[1] | sum[2] | sum[3]) >> 32 != 0)
		return add_counters(r, to, more, words);
	for (int k = 0; k < 4; k++)
		counter[k] = (uint32_t)sum[k];
	return true;
}

/* Where each is looked for, and then the row that is there: those of a batch
 * are on their way at the same time.  Only hints: 0, or a row + 1. */
EITHER void
look_ahead(const struct gdi_rows *r, uint64_t *record, size_t n, size_t words,
    uint32_t hint[BATCH])
{
	size_t step = words + 1;

	for (size_t i = 0; i < n; i++) {
		record[i * step] = seek_hash(&record[i * step + 1], words);
		__builtin_prefetch(seek_places(r, record[i * step]), 1);
	}
	for (size_t i = 0; i < n; i++) {
		int from = 0;

		hint[i] = seek_hint(r, record[i * step], &from);
		__builtin_prefetch(hint[i] ?
			key_of(r, words, hint[i] - 1) : NULL, 1);
	}
}

/* The first n rows from `row` on, BATCH at most. */
EITHER int
put_batch(struct gdi_rows *r, const struct godb_columns *c, uint32_t columns,
    bool v6, size_t row, size_t n)
{
	size_t words = v6 ? WORDS6 : WORDS4;
	uint64_t record[BATCH_WORDS] GDI_UNINITIALISED;
	uint64_t counter[BATCH][4] GDI_UNINITIALISED;
	uint32_t hint[BATCH] GDI_UNINITIALISED;

	column_keys(c, columns, v6, row, n, record);
	look_ahead(r, record, n, words, hint);
	for (int k = 0; k < 4; k++)
		for (size_t i = 0; i < n; i++)
			counter[i][k] =
			    c->counter[k][(v6 ? c->n4 : 0) + row + i];
	for (size_t i = 0; i < n; i++) {
		const uint64_t *key = &record[i * (words + 1) + 1];
		uint64_t *to = hint[i] ? key_of(r, words, hint[i] - 1) : NULL;
		bool done;

		if (!r->apart && (to == NULL || !same_key(to, key, words)))
			to = seek_row(r, key, key[-1], words);
		if (to) {
			done = add_narrow(r, to, counter[i], words);
		} else {
			to = key_of(r, words, r->n);
			memcpy(to, key, words * sizeof(*key));
			done = put_counters(r, to, words, counter[i],
			    &r->n_wide);
			r->n += done;
		}
		if (!done)
			return -ENOMEM;
	}
	return 0;
}

/* The first n rows from `row` on. */
EITHER int
put_columns(struct gdi_rows *r, const struct godb_columns *c,
    uint32_t columns, bool v6, size_t row, size_t n)
{
	int rc = 0;

	for (size_t end = row + n; rc == 0 && row < end; row += BATCH)
		rc = put_batch(r, c, columns, v6, row,
		    end - row < BATCH ? end - row : BATCH);
	return rc;
}

/* In slices, so that what is summed on the way need not be held before. */
EITHER int
add_columns(struct gdi_rows *r, const struct godb_columns *c,
    uint32_t columns, bool v6, size_t most, struct gdi_buf *scratch)
{
	size_t n = v6 ? c->n6 : c->n4;
	int rc = 0;

	if (n > 0 && r->seek == NULL)
		r->seek = calloc(SEEK_PLACES, sizeof(*r->seek));
	if (n > 0 && r->seek == NULL)
		return -ENOMEM;
	for (size_t row = 0; rc == 0 && row < n; row += SETTLE_MIN) {
		size_t some = n - row < SETTLE_MIN ? n - row : SETTLE_MIN;

		rc = make_room(r, some, most, scratch, v6 ? WORDS6 : WORDS4);
		if (rc == 0)
			rc = put_columns(r, c, columns, v6, row, some);
	}
	return rc;
}

int
gdi_aggregate_columns(struct gdi_aggregate *a, const struct godb_columns *c,
    uint32_t columns, size_t most, struct gdi_buf *scratch)
{
	int rc = add_columns(&a->v4, c, columns, false, most, scratch);

	return rc < 0 ? rc :
			add_columns(&a->v6, c, columns, true, most, scratch);
}

/* Equal keys that lie side by side, as those of sip do, are taken once. */
EITHER void
estimate_keys(const struct godb_columns *c, uint32_t columns, bool v6,
    const struct gp_hash_key *key, uint64_t enough, struct gdi_estimate *e)
{
	size_t rows = v6 ? c->n6 : c->n4, words = v6 ? WORDS6 : WORDS4;
	uint64_t record[BATCH_WORDS] GDI_UNINITIALISED, last = 0;

	for (size_t row = 0; row < rows && gdi_estimate(e) <= enough;
	     row += BATCH) {
		size_t n = rows - row < BATCH ? rows - row : BATCH;

		column_keys(c, columns, v6, row, n, record);
		gp_hash_records(key, record, words, words + 1, n);
		for (size_t i = 0; i < n; i++) {
			uint64_t hash = record[i * (words + 1)];

			if (hash != last)
				gdi_estimate_add(e, hash);
			last = hash;
		}
	}
}

void
gdi_aggregate_estimate(const struct godb_columns *c, uint32_t columns,
    const struct gp_hash_key *key, uint64_t enough, struct gdi_estimate *e)
{
	estimate_keys(c, columns, false, key, enough, e);
	estimate_keys(c, columns, true, key, enough, e);
}
