#include "common/godb/spill.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/godb/wire.h"

/* Chunks of a partition grow, so that few records need little memory. */
#define CHUNK_FIRST 1024u /* bytes, doubled GDI_SPILL_SIZES - 1 times */

struct gdi_spill_chunk {
	struct gdi_spill_chunk *next;
	uint32_t used; /* bytes behind the head, when it is full */
	uint32_t size; /* index of its size */
};

void
gdi_spill_init(struct gdi_spill *s, unsigned key_words, unsigned last_bits,
    unsigned numbers)
{
	*s = (struct gdi_spill){.key_words = key_words,
	    .key_bytes = (key_words - 1) * 8 + (last_bits + 7) / 8,
	    .numbers = numbers};
}

static size_t
ends_bytes(void)
{
	return GDI_PARTITIONS * sizeof(struct gdi_spill_end);
}

void
gdi_spill_free(struct gdi_spill *s, struct gdi_arena *a)
{
	if (s->part == NULL)
		return;
	gdi_arena_discharge(a, ends_bytes());
	free(s->part);
	s->part = NULL;
}

static size_t
size_bytes(unsigned size)
{
	return (size_t)CHUNK_FIRST << size;
}

static uint8_t *
content(struct gdi_spill_chunk *c)
{
	return (uint8_t *)(c + 1);
}

/* The most that writing a record may touch. */
static inline size_t
record_most(const struct gdi_spill *s)
{
	return s->key_words * 8 + 1 + (s->numbers + 1) * 8;
}

static int
begin(struct gdi_spill *s, struct gdi_arena *a)
{
	int rc = gdi_arena_charge(a, ends_bytes());

	if (rc < 0)
		return rc;
	s->part = calloc(GDI_PARTITIONS, sizeof(*s->part));
	if (s->part != NULL)
		return 0;
	gdi_arena_discharge(a, ends_bytes());
	return -ENOMEM;
}

static int
add_chunk(struct gdi_spill *s, struct gdi_arena *a, struct gdi_spill_end *e)
{
	unsigned size = e->last ? e->last->size + 1 : 0;
	struct gdi_spill_chunk *c;
	void *p;
	int rc;

	if (size == GDI_SPILL_SIZES)
		size--;
	c = s->idle[size];
	if (c != NULL) {
		s->idle[size] = c->next;
	} else {
		rc = gdi_arena_take(a, size_bytes(size), &p);
		if (rc < 0)
			return rc;
		c = p;
	}
	*c = (struct gdi_spill_chunk){NULL, 0, size};
	if (e->last) {
		e->last->used = (uint32_t)(e->at - content(e->last));
		e->last->next = c;
	} else {
		e->first = c;
	}
	e->last = c;
	e->at = content(c);
	e->end = (uint8_t *)c + size_bytes(size);
	s->bytes += size_bytes(size);
	return 0;
}

/* How four counters are packed. */
enum form {
	SHORT, /* two in 16 bits, two in 8 */
	LONG,  /* two in 32, two in 16 */
	FULL,
};

static inline __attribute__((always_inline)) uint8_t *
put_numbers(uint8_t *p, const uint64_t *v, unsigned n)
{
	if (n >= 4) {
		uint64_t bytes = v[0] | v[1], packets = v[2] | v[3];

		if (bytes <= UINT16_MAX && packets <= UINT8_MAX) {
			*p = SHORT;
			gdi_put64(p + 1, v[0] | v[1] << 16 | v[2] << 32 |
				v[3] << 40);
			p += 7;
		} else if (bytes <= UINT32_MAX && packets <= UINT16_MAX) {
			*p = LONG;
			gdi_put64(p + 1, v[0] | v[1] << 32);
			gdi_put32(p + 9, (uint32_t)(v[2] | v[3] << 16));
			p += 13;
		} else {
			*p = FULL;
			memcpy(p + 1, v, 32);
			p += 33;
		}
		v += 4;
		n -= 4;
	}
	memcpy(p, v, n * 8);
	return p + n * 8;
}

static inline __attribute__((always_inline)) int
put(struct gdi_spill *s, struct gdi_arena *a, const uint64_t *r, size_t n,
    size_t *done, unsigned words, unsigned numbers)
{
	size_t most = record_most(s), tail = s->key_bytes - 8 * (words - 1);

	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(s->part[gdi_spill_partition(
				       r[i * (1 + words + numbers)])].at, 1);
	for (size_t i = 0; i < n; i++, r += 1 + words + numbers) {
		struct gdi_spill_end *e = &s->part[gdi_spill_partition(r[0])];
		uint8_t *p;

		if ((size_t)(e->end - e->at) < most) {
			int rc = add_chunk(s, a, e);

			if (rc < 0) {
				*done = i;
				return rc;
			}
		}
		p = e->at;
		for (unsigned k = 0; k < words; k++)
			gdi_put64(p + 8 * k, r[1 + k]);
		p += 8 * (words - 1) + tail;
		e->at = put_numbers(p, r + 1 + words, numbers);
	}
	*done = n;
	return 0;
}

int
gdi_spill_put(struct gdi_spill *s, struct gdi_arena *a,
    const uint64_t *records, size_t n, size_t *done)
{
	*done = 0;
	if (s->part == NULL) {
		int rc = begin(s, a);

		if (rc < 0)
			return rc;
	}
	if (s->key_words == 1 && s->numbers == 4)
		return put(s, a, records, n, done, 1, 4);
	if (s->key_words == 2 && s->numbers == 4)
		return put(s, a, records, n, done, 2, 4);
	if (s->key_words == 4 && s->numbers == 4)
		return put(s, a, records, n, done, 4, 4);
	return put(s, a, records, n, done, s->key_words, s->numbers);
}

/* ---- reading ----------------------------------------------------------- */

static void
open_chunk(struct gdi_spill_reader *r)
{
	const struct gdi_spill_end *e = &r->s->part[r->part];
	const struct gdi_spill_chunk *c = r->chunk;

	r->at = (const uint8_t *)(c + 1);
	r->end = c == e->last ? e->at : r->at + c->used;
}

void
gdi_spill_rewind(const struct gdi_spill *s, unsigned part,
    struct gdi_spill_reader *out)
{
	*out = (struct gdi_spill_reader){.s = s, .part = part};
	if (s->part == NULL || s->part[part].first == NULL)
		return;
	out->chunk = s->part[part].first;
	open_chunk(out);
}

static inline __attribute__((always_inline)) const uint8_t *
get_numbers(const uint8_t *p, uint64_t *v, unsigned n)
{
	if (n >= 4) {
		uint64_t x = gdi_get64(p + 1);
		uint32_t y;

		switch (*p) {
		case SHORT:
			v[0] = x & UINT16_MAX;
			v[1] = x >> 16 & UINT16_MAX;
			v[2] = x >> 32 & UINT8_MAX;
			v[3] = x >> 40 & UINT8_MAX;
			p += 7;
			break;
		case LONG:
			y = gdi_get32(p + 9);
			v[0] = x & UINT32_MAX;
			v[1] = x >> 32;
			v[2] = y & UINT16_MAX;
			v[3] = y >> 16;
			p += 13;
			break;
		default:
			memcpy(v, p + 1, 32);
			p += 33;
			break;
		}
		v += 4;
		n -= 4;
	}
	memcpy(v, p, n * 8);
	return p + n * 8;
}

static inline __attribute__((always_inline)) size_t
get(struct gdi_spill_reader *r, uint64_t *to, size_t most, unsigned words,
    unsigned numbers)
{
	size_t tail = r->s->key_bytes - 8 * (words - 1), n = 0;
	uint64_t mask = UINT64_MAX >> (64 - 8 * tail);
	const uint8_t *p = r->at;

	for (; n < most && p < r->end; n++, to += 1 + words + numbers) {
		for (unsigned k = 0; k < words; k++)
			to[1 + k] = gdi_get64(p + 8 * k);
		to[words] &= mask;
		p += 8 * (words - 1) + tail;
		p = get_numbers(p, to + 1 + words, numbers);
	}
	r->at = p;
	return n;
}

size_t
gdi_spill_next(struct gdi_spill_reader *r, uint64_t *records, size_t most)
{
	const struct gdi_spill *s = r->s;

	while (r->chunk != NULL && r->at == r->end) {
		r->chunk = r->chunk == s->part[r->part].last ? NULL :
							       r->chunk->next;
		if (r->chunk != NULL)
			open_chunk(r);
	}
	if (r->chunk == NULL)
		return 0;
	if (s->key_words == 1 && s->numbers == 4)
		return get(r, records, most, 1, 4);
	if (s->key_words == 2 && s->numbers == 4)
		return get(r, records, most, 2, 4);
	if (s->key_words == 4 && s->numbers == 4)
		return get(r, records, most, 4, 4);
	return get(r, records, most, s->key_words, s->numbers);
}

size_t
gdi_spill_part_bytes(const struct gdi_spill *s, unsigned part)
{
	const struct gdi_spill_end *e = s->part ? &s->part[part] : NULL;
	const struct gdi_spill_chunk *c = e ? e->first : NULL;
	size_t bytes = 0;

	for (; c != NULL; c = c == e->last ? NULL : c->next)
		bytes += size_bytes(c->size);
	return bytes;
}

void
gdi_spill_clear(struct gdi_spill *s, unsigned part)
{
	struct gdi_spill_end *e = s->part ? &s->part[part] : NULL;
	struct gdi_spill_chunk *c = e ? e->first : NULL;

	while (c != NULL) {
		struct gdi_spill_chunk *next = c == e->last ? NULL : c->next;

		s->bytes -= size_bytes(c->size);
		c->next = s->idle[c->size];
		s->idle[c->size] = c;
		c = next;
	}
	if (e)
		*e = (struct gdi_spill_end){0};
}

void
gdi_spill_hand_over(struct gdi_spill *s, struct gdi_spill *to)
{
	for (unsigned part = 0; part < GDI_PARTITIONS; part++)
		gdi_spill_clear(s, part);
	for (unsigned size = 0; size < GDI_SPILL_SIZES; size++) {
		struct gdi_spill_chunk **end = &to->idle[size];

		while (*end != NULL)
			end = &(*end)->next;
		*end = s->idle[size];
		s->idle[size] = NULL;
	}
}
