/*
 * The other half of encode.h.  Every count is bounded by the number of rows
 * asked for, every byte by the input's end, so forged input costs no more
 * than honest input of that size.
 */
#include "common/godb/encode.h"

#include <string.h>

#include "common/godb/unpack.h"

/*
 * What one array of n rows can need at most: at each depth gaps (4 bytes) and
 * one array of values (8 bytes), never longer than the rows above it, and two
 * such arrays plus codes for addresses.  Where a few rows are looked up, two
 * numbers (4 bytes) of each of them, too.
 */
static_assert(GDI_FEW_SHARE >= 8, "a byte a row for the few");
#define SCRATCH_PER_ROW ((GDI_DEPTH_MAX + 1) * (12 + 1) + 24)

static int
scratch_reserve(struct gdi_scratch *s, size_t n)
{
	/* each piece is rounded up to 16, and a dictionary's values to
	 * GDI_LOOKUP_FEW */
	size_t need = n * SCRATCH_PER_ROW + (GDI_DEPTH_MAX + 3) *
		(5 * 16 + GDI_LOOKUP_FEW * 8);

	s->used = 0;
	if (need <= s->cap)
		return 0;
	free(s->p);
	s->cap = 0;
	s->p = malloc(need);
	if (s->p == NULL)
		return -ENOMEM;
	s->cap = need;
	return 0;
}

/* Cannot fail: the reserve covers the worst case. */
static void *
scratch_take(struct gdi_scratch *s, size_t bytes)
{
	void *p = s->p + s->used;

	s->used += (bytes + 15) / 16 * 16;
	assert(s->used <= s->cap);
	return p;
}

void
gdi_scratch_free(struct gdi_scratch *s)
{
	free(s->p);
	*s = (struct gdi_scratch){0};
}

/* Set bits among the first n. */
static size_t
count_bits(const uint8_t *map, size_t n)
{
	size_t count = 0, i = 0;

	for (; i + 64 <= n; i += 64)
		count += (size_t)__builtin_popcountll(gdi_get64(map + i / 8));
	for (; i < n; i++)
		count += map[i / 8] >> (i % 8) & 1;
	return count;
}

/* ---- what can be looked up ---------------------------------------------- */

/* The numbers of a PACK, or of a CONST, which has 0 bits of each. */
struct packed {
	const uint8_t *p;
	unsigned width;
	uint64_t base;
};

/* The most that is added to the base. */
static inline uint64_t
packed_most(const struct packed *k)
{
	return k->width == 64 ? UINT64_MAX : (UINT64_C(1) << k->width) - 1;
}

static inline uint64_t
packed_at(const struct packed *k, size_t i)
{
	size_t bit = i * k->width;

	return k->base + (gdi_get64(k->p + bit / 8) >> (bit % 8) &
		packed_most(k));
}

/* Whether any of them may be `least` or more; those that come round to 0 may be
 * anything. */
static bool
packed_reach(const struct packed *k, uint64_t least)
{
	return k->base > UINT64_MAX - packed_most(k) ||
	    k->base + packed_most(k) >= least;
}

/* Whether packed_open takes what comes. */
static bool
is_packed(const struct gdi_in *in)
{
	return in->p < in->end && (*in->p == GDI_PACK || *in->p == GDI_CONST);
}

static int
packed_open(struct gdi_in *in, size_t n, unsigned bits, struct packed *k)
{
	k->width = 0;
	if (gdi_in_u8(in) == GDI_PACK)
		k->width = gdi_in_u8(in);
	k->base = gdi_in_varint(in);
	if (k->width > bits || (k->width > 56 && k->width != 64))
		return GODB_EDAMAGED;
	k->p = gdi_in_bytes(in, (n * k->width + 7) / 8);
	return k->p == NULL ? GODB_EDAMAGED : 0;
}

/* A set of numbers below n; and these as a list, when there are no more than
 * `most`. */
static uint64_t *
set_take(struct gdi_scratch *s, size_t n)
{
	size_t bytes = (n + 63) / 64 * sizeof(uint64_t);

	return memset(scratch_take(s, bytes), 0, bytes);
}

static struct gdi_sel
set_list(const uint64_t *set, size_t n, size_t most, struct gdi_scratch *s)
{
	uint32_t *list = scratch_take(s, most * sizeof(*list));

	return (struct gdi_sel){list, gdi_set_list(set, (n + 63) / 64, list)};
}

static void
patch_head(struct gdi_in *in, struct packed *k, uint64_t *n_exc)
{
	k->width = gdi_in_u8(in);
	k->base = gdi_in_varint(in);
	*n_exc = gdi_in_varint(in);
}

/* Which exceptions are at rows of sel: their numbers, which take the place of
 * the gaps, and the rows; how many. */
static size_t
find_hits(uint32_t *gap, size_t n_exc, const struct gdi_sel *sel,
    uint32_t *hit_row)
{
	uint64_t at = gap[0];
	size_t n = 0, e = 0;

	for (size_t i = 0; i < sel->n; i++) {
		uint32_t row = sel->row[i];

		while (at < row && e + 1 < n_exc)
			at += (uint64_t)gap[++e] + 1;
		if (at == row) {
			hit_row[n] = row;
			gap[n++] = (uint32_t)e; /* n <= e: it was read */
		}
	}
	return n;
}

/* The number of the value that each row of sel has, and these numbers, each
 * once: how many. */
static size_t
find_ranks(const uint8_t *map, const struct gdi_sel *sel, uint32_t *rank,
    uint32_t *wanted)
{
	uint32_t before = 0;
	size_t word = 0, n = 0;

	for (size_t i = 0; i < sel->n; i++) {
		uint32_t row = sel->row[i];
		uint64_t upto = (UINT64_C(2) << (row % 64)) - 1;

		for (; word < row / 64; word++)
			before += (uint32_t)__builtin_popcountll(
			    gdi_get64(map + word * 8));
		rank[i] = before + (uint32_t)__builtin_popcountll(
		    gdi_get64(map + word * 8) & upto);
		if (n == 0 || wanted[n - 1] != rank[i])
			wanted[n++] = rank[i];
	}
	return n;
}

/* ---- arrays -------------------------------------------------------------- */

static int array_32(struct gdi_in *in, size_t n, uint32_t *out,
    struct gdi_scratch *s, unsigned depth);
static int some_32(struct gdi_in *in, size_t n, const struct gdi_sel *sel,
    uint32_t *out, struct gdi_scratch *s, unsigned depth);

#define T    uint32_t
#define BITS 32
#define F(x) x##_32
#define UNPACK gdi_unpack32
#define STEPS gdi_steps32
#include "common/godb/decode.inc"
#undef T
#undef BITS
#undef F
#undef UNPACK
#undef STEPS

#define T    uint8_t
#define BITS 8
#define F(x) x##_8
#define UNPACK gdi_unpack8
#define STEPS gdi_steps8_plain
#include "common/godb/decode.inc"
#undef T
#undef BITS
#undef F
#undef UNPACK
#undef STEPS

#define T    uint16_t
#define BITS 16
#define F(x) x##_16
#define UNPACK gdi_unpack16
#define STEPS gdi_steps16_plain
#include "common/godb/decode.inc"
#undef T
#undef BITS
#undef F
#undef UNPACK
#undef STEPS

#define T    uint64_t
#define BITS 64
#define F(x) x##_64
#define UNPACK gdi_unpack64
#define STEPS gdi_steps64_plain
#include "common/godb/decode.inc"
#undef T
#undef BITS
#undef F
#undef UNPACK
#undef STEPS

#define DEFINE_DECODE(BITS_)                                              \
	int gdi_decode##BITS_(struct gdi_in *in, size_t n,                \
	    uint##BITS_##_t *out, struct gdi_scratch *s)                  \
	{                                                                 \
		int rc = n == 0 || n > GDI_CHUNK_ROWS ? GODB_EDAMAGED :   \
							scratch_reserve(s, n); \
                                                                          \
		return rc < 0 ? rc : array_##BITS_(in, n, out, s, 0);     \
	}                                                                 \
                                                                          \
	int gdi_decode_some##BITS_(struct gdi_in *in, size_t n,           \
	    const struct gdi_sel *sel, uint##BITS_##_t *out,              \
	    struct gdi_scratch *s)                                        \
	{                                                                 \
		int rc = n == 0 || n > GDI_CHUNK_ROWS ? GODB_EDAMAGED :   \
							scratch_reserve(s, n); \
                                                                          \
		return rc < 0 ? rc : some_##BITS_(in, n, sel, out, s, 0); \
	}

DEFINE_DECODE(8)
DEFINE_DECODE(16)
DEFINE_DECODE(32)
DEFINE_DECODE(64)

/* ---- large numbers alone ------------------------------------------------ */

/* Of a PATCH whose low parts alone do not reach so far. */
static int
patch_reaching(struct gdi_in *in, size_t n, uint64_t least, uint64_t *set,
    size_t first, struct gdi_scratch *s)
{
	struct packed k;
	uint64_t n_exc, missing, *high;
	uint32_t *gap;
	int rc;

	patch_head(in, &k, &n_exc);
	if (k.width > 56 || n_exc == 0 || n_exc > n ||
	    gdi_in_bytes(in, (n * k.width + 7) / 8) == NULL)
		return GODB_EDAMAGED;
	if (packed_reach(&k, least))
		return 1;
	missing = least - packed_most(&k) - k.base;
	gap = scratch_take(s, n_exc * sizeof(*gap));
	high = scratch_take(s, n_exc * sizeof(*high));
	rc = array_32(in, n_exc, gap, s, 1);
	if (rc == 0)
		rc = array_64(in, n_exc, high, s, 1);
	for (size_t i = 0, at = 0; rc == 0 && i < n_exc; i++, at++) {
		uint64_t reaches = high[i] > (missing - 1) >> k.width;

		if (gap[i] >= n - at)
			return GODB_EDAMAGED;
		at += gap[i];
		set[(first + at) / 64] |= reaches << ((first + at) % 64);
	}
	return rc;
}

int
gdi_decode_reaching64(struct gdi_in *in, size_t n, uint64_t least,
    uint64_t *set, size_t first, struct gdi_scratch *s)
{
	int rc = n == 0 || n > GDI_CHUNK_ROWS ? GODB_EDAMAGED :
						scratch_reserve(s, n);
	struct packed k;

	if (rc < 0)
		return rc;
	if (is_packed(in)) { /* there is none, or it does not tell */
		rc = packed_open(in, n, 64, &k);
		rc = rc < 0 ? rc : packed_reach(&k, least);
	} else if (gdi_in_u8(in) == GDI_PATCH) {
		rc = patch_reaching(in, n, least, set, first, s);
	} else {
		rc = 1;
	}
	return rc == 0 && in->bad ? GODB_EDAMAGED : rc;
}

/* ---- IPv6 addresses ---------------------------------------------------- */

static int
halves(struct gdi_in *in, size_t n, uint64_t *hi, uint64_t *lo,
    struct gdi_scratch *s)
{
	int rc = array_64(in, n, hi, s, 1);

	return rc < 0 ? rc : array_64(in, n, lo, s, 1);
}

static int
decode_pair(struct gdi_in *in, size_t n, struct godb_addr6 *out,
    struct gdi_scratch *s)
{
	uint64_t *hi = scratch_take(s, n * sizeof(*hi));
	uint64_t *lo = scratch_take(s, n * sizeof(*lo));
	int rc = halves(in, n, hi, lo, s);

	for (size_t i = 0; rc == 0 && i < n; i++)
		out[i] = (struct godb_addr6){hi[i], lo[i]};
	return rc;
}

static int
decode_dict(struct gdi_in *in, size_t n, struct godb_addr6 *out,
    struct gdi_scratch *s)
{
	uint64_t n_dict = gdi_in_varint(in);
	uint64_t *hi, *lo;
	uint32_t *code;
	int rc;

	if (n_dict == 0 || n_dict > n)
		return GODB_EDAMAGED;
	hi = scratch_take(s, n_dict * sizeof(*hi));
	lo = scratch_take(s, n_dict * sizeof(*lo));
	code = scratch_take(s, n * sizeof(*code));
	rc = halves(in, n_dict, hi, lo, s);
	if (rc == 0)
		rc = array_32(in, n, code, s, 1);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (code[i] >= n_dict)
			return GODB_EDAMAGED;
		out[i] = (struct godb_addr6){hi[code[i]], lo[code[i]]};
	}
	return rc;
}

int
gdi_decode_addr6(struct gdi_in *in, size_t n, struct godb_addr6 *out,
    struct gdi_scratch *s)
{
	int rc = n == 0 || n > GDI_CHUNK_ROWS ? GODB_EDAMAGED :
						scratch_reserve(s, n);

	if (rc < 0)
		return rc;
	switch (gdi_in_u8(in)) {
	case GDI_ADDR_PAIR:
		return decode_pair(in, n, out, s);
	case GDI_ADDR_DICT:
		return decode_dict(in, n, out, s);
	default:
		return GODB_EDAMAGED;
	}
}

static int
some_halves(struct gdi_in *in, size_t n, const struct gdi_sel *sel,
    uint64_t *hi, uint64_t *lo, struct gdi_scratch *s)
{
	int rc = some_64(in, n, sel, hi, s, 1);

	return rc < 0 ? rc : some_64(in, n, sel, lo, s, 1);
}

static int
some_pair(struct gdi_in *in, size_t n, const struct gdi_sel *sel,
    struct godb_addr6 *out, struct gdi_scratch *s)
{
	uint64_t *hi = scratch_take(s, n * sizeof(*hi));
	uint64_t *lo = scratch_take(s, n * sizeof(*lo));
	int rc = some_halves(in, n, sel, hi, lo, s);

	for (size_t i = 0; rc == 0 && i < sel->n; i++) {
		uint32_t row = sel->row[i];

		out[row] = (struct godb_addr6){hi[row], lo[row]};
	}
	return rc;
}

/* The high and low halves of addresses whose codes stand in code[row]. */
static int
some_named(struct gdi_in *values, size_t n_dict, const uint32_t *code,
    const struct gdi_sel *sel, struct godb_addr6 *out, struct gdi_scratch *s)
{
	uint64_t *set = set_take(s, n_dict), *hi, *lo;
	struct gdi_sel named;
	int rc;

	for (size_t i = 0; i < sel->n; i++) {
		uint32_t c = code[sel->row[i]];

		if (c >= n_dict)
			return GODB_EDAMAGED;
		set[c / 64] |= UINT64_C(1) << (c % 64);
	}
	named = set_list(set, n_dict, sel->n, s);
	hi = scratch_take(s, n_dict * sizeof(*hi));
	lo = scratch_take(s, n_dict * sizeof(*lo));
	rc = some_halves(values, n_dict, &named, hi, lo, s);
	for (size_t i = 0; rc == 0 && i < sel->n; i++) {
		uint32_t c = code[sel->row[i]];

		out[sel->row[i]] = (struct godb_addr6){hi[c], lo[c]};
	}
	return rc;
}

static int
some_dict(struct gdi_in *in, size_t n, const struct gdi_sel *sel,
    struct godb_addr6 *out, struct gdi_scratch *s)
{
	uint64_t n_dict = gdi_in_varint(in);
	struct gdi_sel none = {NULL, 0};
	struct gdi_in values = *in;
	uint32_t *code;
	int rc;

	if (n_dict == 0 || n_dict > n)
		return GODB_EDAMAGED;
	code = scratch_take(s, n * sizeof(*code));
	rc = some_halves(in, n_dict, &none, NULL, NULL, s);
	if (rc == 0)
		rc = some_32(in, n, sel, code, s, 1);
	return rc < 0 || sel->n == 0 ? rc :
		some_named(&values, n_dict, code, sel, out, s);
}

int
gdi_decode_some_addr6(struct gdi_in *in, size_t n, const struct gdi_sel *sel,
    struct godb_addr6 *out, struct gdi_scratch *s)
{
	int rc = n == 0 || n > GDI_CHUNK_ROWS ? GODB_EDAMAGED :
						scratch_reserve(s, n);

	if (rc < 0)
		return rc;
	if (!gdi_is_few(sel, n))
		return gdi_decode_addr6(in, n, out, s);
	switch (gdi_in_u8(in)) {
	case GDI_ADDR_PAIR:
		return some_pair(in, n, sel, out, s);
	case GDI_ADDR_DICT:
		return some_dict(in, n, sel, out, s);
	default:
		return GODB_EDAMAGED;
	}
}

/* ---- values alone ------------------------------------------------------ */

/* An array's values from its kind on: n of them, or fewer. */
static int
values_of(struct gdi_in *in, size_t n, uint32_t *out, size_t *n_out,
    struct gdi_scratch *s)
{
	const uint8_t *begin = in->p;
	unsigned kind = gdi_in_u8(in);
	uint64_t n_values;

	if (kind != GDI_DICT && kind != GDI_STEP) {
		in->p = begin;
		*n_out = n;
		return array_32(in, n, out, s, 0);
	}
	n_values = gdi_in_varint(in);
	if (n_values == 0 || n_values > n)
		return GODB_EDAMAGED;
	if (kind == GDI_STEP && gdi_in_bytes(in, (n + 7) / 8) == NULL)
		return GODB_EDAMAGED;
	*n_out = (size_t)n_values;
	return array_32(in, *n_out, out, s, 1);
}

int
gdi_distinct32(struct gdi_in *in, size_t n, uint32_t *out, size_t *n_out,
    struct gdi_scratch *s)
{
	int rc = n == 0 || n > GDI_CHUNK_ROWS ? GODB_EDAMAGED :
						scratch_reserve(s, n);

	return rc < 0 ? rc : values_of(in, n, out, n_out, s);
}

int
gdi_distinct_addr6(struct gdi_in *in, size_t n, struct godb_addr6 *out,
    size_t *n_out, struct gdi_scratch *s)
{
	int rc = n == 0 || n > GDI_CHUNK_ROWS ? GODB_EDAMAGED :
						scratch_reserve(s, n);
	uint64_t n_dict = n;

	if (rc < 0)
		return rc;
	switch (gdi_in_u8(in)) {
	case GDI_ADDR_PAIR:
		break;
	case GDI_ADDR_DICT:
		n_dict = gdi_in_varint(in);
		if (n_dict == 0 || n_dict > n)
			return GODB_EDAMAGED;
		break;
	default:
		return GODB_EDAMAGED;
	}
	*n_out = (size_t)n_dict;
	return decode_pair(in, *n_out, out, s);
}
