#include "common/godb/aggregate.h"

#include <endian.h>

/* The key is the row's first bytes, pads included (they are zero). */
#define KEY4 16
#define KEY6 40
static_assert(offsetof(struct godb_row4, counter) == KEY4 &&
	offsetof(struct godb_row6, counter) == KEY6,
    "key layout");

/* Rows whose slots are fetched ahead while the ones before are worked on. */
#define BATCH 32

int
gdi_aggregate_init(struct gdi_aggregate *a)
{
	memset(a, 0, sizeof(*a));
	return gp_hash_key_init(&a->key);
}

void
gdi_aggregate_free(struct gdi_aggregate *a)
{
	free(a->rows4);
	free(a->rows6);
	free(a->t4.slots);
	free(a->t6.slots);
	memset(a, 0, sizeof(*a));
}

/* ---- growth -------------------------------------------------------------- */

static void
put_slot(uint64_t *slots, uint32_t mask, uint64_t entry)
{
	uint32_t at = (uint32_t)(entry >> 32) & mask;

	while (slots[at] != 0)
		at = (at + 1) & mask;
	slots[at] = entry;
}

/* The table at load 1/2 for cap rows, from the hashes in the old one. */
static int
grow_slots(struct gdi_table *t, uint32_t cap)
{
	uint32_t mask = cap * 2 - 1;
	uint64_t *slots = calloc((size_t)cap * 2, sizeof(*slots));

	if (slots == NULL)
		return -ENOMEM;
	for (size_t i = 0; t->slots && i <= t->mask; i++)
		if (t->slots[i] != 0)
			put_slot(slots, mask, t->slots[i]);
	free(t->slots);
	t->slots = slots;
	t->mask = mask;
	t->cap = cap;
	return 0;
}

static int
reserve(struct gdi_table *t, void **rows, size_t row_bytes, size_t more)
{
	uint32_t cap = t->cap ? t->cap : 256;
	void *grown;

	if (t->n + more > GDI_RECORD_ROWS)
		return GODB_EFULL;
	while (cap < t->n + more)
		cap *= 2;
	if (cap == t->cap)
		return 0;
	grown = reallocarray(*rows, cap, row_bytes);
	if (grown == NULL)
		return -ENOMEM;
	*rows = grown;
	return grow_slots(t, cap);
}

int
gdi_aggregate_reserve(struct gdi_aggregate *a, size_t n4, size_t n6)
{
	void *rows = a->rows4;
	int rc = 0;

	if (n4 > 0) {
		rc = reserve(&a->t4, &rows, sizeof(*a->rows4), n4);
		a->rows4 = rows;
	}
	if (rc == 0 && n6 > 0) {
		rows = a->rows6;
		rc = reserve(&a->t6, &rows, sizeof(*a->rows6), n6);
		a->rows6 = rows;
	}
	return rc;
}

/* ---- sums ---------------------------------------------------------------- */

/* Place of the key's row, which is new at t->n if nothing equals it. */
static uint32_t
find(struct gdi_table *t, uint32_t hash, const void *rows, size_t row_bytes,
    const void *key, size_t key_bytes)
{
	uint32_t at = hash & t->mask;

	for (; t->slots[at] != 0; at = (at + 1) & t->mask) {
		uint32_t row = (uint32_t)t->slots[at] - 1;

		if (t->slots[at] >> 32 == hash &&
		    memcmp((const uint8_t *)rows + row * row_bytes, key,
			key_bytes) == 0)
			return row;
	}
	t->slots[at] = (uint64_t)hash << 32 | (t->n + 1);
	return t->n++;
}

void
gdi_aggregate_add4(struct gdi_aggregate *a, const struct godb_row4 *rows,
    size_t n, const uint16_t *map)
{
	struct godb_row4 key[BATCH];
	uint32_t hash[BATCH];

	for (size_t from = 0; from < n; from += BATCH) {
		size_t some = n - from < BATCH ? n - from : BATCH;

		for (size_t i = 0; i < some; i++) {
			uint64_t words[KEY4 / 8];

			key[i] = rows[from + i];
			key[i].l7 = map[key[i].l7];
			memcpy(words, &key[i], KEY4);
			hash[i] = (uint32_t)gp_hash_words(&a->key, words,
			    KEY4 / 8);
			__builtin_prefetch(
			    &a->t4.slots[hash[i] & a->t4.mask]);
		}
		for (size_t i = 0; i < some; i++) {
			uint32_t before = a->t4.n;
			uint32_t row = find(&a->t4, hash[i], a->rows4,
			    sizeof(*a->rows4), &key[i], KEY4);

			if (row == before)
				a->rows4[row] = key[i];
			else
				gdi_sum_values(a->rows4[row].counter,
				    key[i].counter, 4);
		}
	}
}

void
gdi_aggregate_add6(struct gdi_aggregate *a, const struct godb_row6 *rows,
    size_t n, const uint16_t *map)
{
	for (size_t i = 0; i < n; i++) {
		struct godb_row6 key = rows[i];
		uint64_t words[KEY6 / 8];
		uint32_t row, before = a->t6.n;

		key.l7 = map[rows[i].l7];
		memcpy(words, &key, KEY6);
		row = find(&a->t6,
		    (uint32_t)gp_hash_words(&a->key, words, KEY6 / 8),
		    a->rows6, sizeof(*a->rows6), &key, KEY6);
		if (row == before)
			a->rows6[row] = key;
		else
			gdi_sum_values(a->rows6[row].counter, key.counter, 4);
	}
}

/* ---- order --------------------------------------------------------------- */

static uint64_t
last_word(uint16_t dport, uint8_t proto, uint16_t l7)
{
	return (uint64_t)dport << 24 | (uint64_t)proto << 16 | l7;
}

int
gdi_aggregate_order4(const struct gdi_aggregate *a, struct gdi_key2 **out)
{
	struct gdi_key2 *k = NULL;

	if (a->t4.n > 0) {
		k = malloc(a->t4.n * sizeof(*k));
		if (k == NULL)
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < a->t4.n; i++) {
		const struct godb_row4 *r = &a->rows4[i];

		/* both addresses lie side by side at the row's start */
		k[i].k[0] = be64toh(gdi_get64(r));
		k[i].k[1] = last_word(r->dport, r->proto, r->l7);
		k[i].row = i;
	}
	if (k != NULL && gdi_sort_key2(k, a->t4.n) < 0) {
		free(k);
		return -ENOMEM;
	}
	*out = k;
	return 0;
}

int
gdi_aggregate_order6(const struct gdi_aggregate *a, struct gdi_key5 **out)
{
	struct gdi_key5 *k = NULL;

	if (a->t6.n > 0) {
		k = malloc(a->t6.n * sizeof(*k));
		if (k == NULL)
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < a->t6.n; i++) {
		const struct godb_row6 *r = &a->rows6[i];

		k[i].k[0] = be64toh(gdi_get64(r->sip));
		k[i].k[1] = be64toh(gdi_get64(r->sip + 8));
		k[i].k[2] = be64toh(gdi_get64(r->dip));
		k[i].k[3] = be64toh(gdi_get64(r->dip + 8));
		k[i].k[4] = last_word(r->dport, r->proto, r->l7);
		k[i].row = i;
	}
	if (k != NULL && gdi_sort_key5(k, a->t6.n) < 0) {
		free(k);
		return -ENOMEM;
	}
	*out = k;
	return 0;
}

void
gdi_aggregate_sums(const struct gdi_aggregate *a, uint64_t out[4])
{
	memset(out, 0, 4 * sizeof(*out));
	for (uint32_t i = 0; i < a->t4.n; i++)
		gdi_sum_values(out, a->rows4[i].counter, 4);
	for (uint32_t i = 0; i < a->t6.n; i++)
		gdi_sum_values(out, a->rows6[i].counter, 4);
}
