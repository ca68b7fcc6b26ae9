#include "common/godb/aggregate.h"

#include <errno.h>
#include <stdlib.h>

/* The key is the row's first bytes, pads included (they are zero). */
#define KEY4 16
#define KEY6 40
static_assert(offsetof(struct godb_row4, counter) == KEY4 &&
	offsetof(struct godb_row6, counter) == KEY6,
    "key layout");

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
	free(a->slots4);
	free(a->slots6);
	memset(a, 0, sizeof(*a));
}

static uint32_t
slot_of(const struct gdi_aggregate *a, const void *row, size_t key_len,
    uint32_t mask)
{
	uint64_t words[KEY6 / 8];

	memcpy(words, row, key_len);
	return (uint32_t)gp_hash_words(&a->key, words, key_len / 8) & mask;
}

/* A table for cap rows at load 1/2, filled with the n that are there. */
static uint32_t *
index_of(const struct gdi_aggregate *a, const void *rows, size_t row_len,
    size_t key_len, uint32_t n, uint32_t cap)
{
	uint32_t mask = cap * 2 - 1;
	uint32_t *slots = calloc((size_t)cap * 2, sizeof(*slots));

	for (uint32_t i = 0; slots && i < n; i++) {
		uint32_t at = slot_of(a, (const char *)rows + i * row_len,
		    key_len, mask);

		while (slots[at] != 0)
			at = (at + 1) & mask;
		slots[at] = i + 1;
	}
	return slots;
}

static int
reserve(struct gdi_aggregate *a, void **rows, size_t row_len, size_t key_len,
    uint32_t **slots, uint32_t *cap, uint32_t *mask, uint32_t n, size_t more)
{
	size_t want = *cap ? *cap : 256;
	uint32_t *grown_slots;
	void *grown;

	if (n + more > GDI_RECORD_ROWS)
		return GODB_EFULL;
	while (want < n + more)
		want *= 2;
	if (want == *cap)
		return 0;
	grown = reallocarray(*rows, want, row_len);
	if (grown == NULL)
		return -ENOMEM;
	*rows = grown;
	grown_slots = index_of(a, grown, row_len, key_len, n, (uint32_t)want);
	if (grown_slots == NULL)
		return -ENOMEM;
	free(*slots);
	*slots = grown_slots;
	*cap = (uint32_t)want;
	*mask = (uint32_t)want * 2 - 1;
	return 0;
}

int
gdi_aggregate_reserve(struct gdi_aggregate *a, size_t n4, size_t n6)
{
	int rc = 0;

	if (n4 > 0)
		rc = reserve(a, (void **)&a->rows4, sizeof(*a->rows4), KEY4,
		    &a->slots4, &a->cap4, &a->mask4, a->n4, n4);
	if (rc == 0 && n6 > 0)
		rc = reserve(a, (void **)&a->rows6, sizeof(*a->rows6), KEY6,
		    &a->slots6, &a->cap6, &a->mask6, a->n6, n6);
	return rc;
}

static void
add_counters(uint64_t *to, const uint64_t *from)
{
	for (int i = 0; i < 4; i++)
		if (__builtin_add_overflow(to[i], from[i], &to[i]))
			to[i] = UINT64_MAX;
}

void
gdi_aggregate_add4(struct gdi_aggregate *a, const struct godb_row4 *row,
    uint16_t l7)
{
	struct godb_row4 key = *row;
	uint32_t at;

	key.l7 = l7;
	key.pad = 0;
	key.pad2 = 0;
	for (at = slot_of(a, &key, KEY4, a->mask4); a->slots4[at] != 0;
	     at = (at + 1) & a->mask4) {
		struct godb_row4 *have = &a->rows4[a->slots4[at] - 1];

		if (memcmp(have, &key, KEY4) == 0) {
			add_counters(have->counter, key.counter);
			return;
		}
	}
	a->rows4[a->n4++] = key;
	a->slots4[at] = a->n4;
}

void
gdi_aggregate_add6(struct gdi_aggregate *a, const struct godb_row6 *row,
    uint16_t l7)
{
	struct godb_row6 key = *row;
	uint32_t at;

	key.l7 = l7;
	key.pad = 0;
	key.pad2 = 0;
	for (at = slot_of(a, &key, KEY6, a->mask6); a->slots6[at] != 0;
	     at = (at + 1) & a->mask6) {
		struct godb_row6 *have = &a->rows6[a->slots6[at] - 1];

		if (memcmp(have, &key, KEY6) == 0) {
			add_counters(have->counter, key.counter);
			return;
		}
	}
	a->rows6[a->n6++] = key;
	a->slots6[at] = a->n6;
}

/* ---- order --------------------------------------------------------------- */

static int
compare_rest(uint16_t port_a, uint16_t port_b, uint8_t proto_a, uint8_t proto_b,
    uint16_t l7_a, uint16_t l7_b)
{
	if (port_a != port_b)
		return port_a < port_b ? -1 : 1;
	if (proto_a != proto_b)
		return proto_a < proto_b ? -1 : 1;
	return l7_a < l7_b ? -1 : l7_a > l7_b;
}

static int
compare4(const void *pa, const void *pb)
{
	const struct godb_row4 *a = pa, *b = pb;
	uint64_t x = be64toh(gdi_get64(a->sip)), y = be64toh(gdi_get64(b->sip));

	if (x != y) /* both addresses at once */
		return x < y ? -1 : 1;
	return compare_rest(a->dport, b->dport, a->proto, b->proto, a->l7,
	    b->l7);
}

static int
compare6(const void *pa, const void *pb)
{
	const struct godb_row6 *a = pa, *b = pb;
	int c = memcmp(a->sip, b->sip, 32);

	return c ? c : compare_rest(a->dport, b->dport, a->proto, b->proto,
			   a->l7, b->l7);
}

int
gdi_aggregate_sort(struct gdi_aggregate *a)
{
	uint32_t *slots;

	if (a->n4 > 0) {
		qsort(a->rows4, a->n4, sizeof(*a->rows4), compare4);
		slots = index_of(a, a->rows4, sizeof(*a->rows4), KEY4, a->n4,
		    a->cap4);
		if (slots == NULL)
			return -ENOMEM;
		free(a->slots4);
		a->slots4 = slots;
	}
	if (a->n6 > 0) {
		qsort(a->rows6, a->n6, sizeof(*a->rows6), compare6);
		slots = index_of(a, a->rows6, sizeof(*a->rows6), KEY6, a->n6,
		    a->cap6);
		if (slots == NULL)
			return -ENOMEM;
		free(a->slots6);
		a->slots6 = slots;
	}
	return 0;
}
