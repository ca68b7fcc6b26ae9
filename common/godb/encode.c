/*
 * The encoder tries the few encodings that can win and keeps the smallest.
 * That costs some 10 ns a value, once; readers pay only for the winner.  Its
 * loops do without branches on values, which no processor could foresee, and
 * its time does not depend on the values, which strangers choose.
 */
#include "common/godb/encode.h"

#include <string.h>

#include "common/godb/distinct.h"
#include "common/godb/shape.h"
#include "common/godb/sort.h"

/* Widths that one unaligned 64-bit load can serve, and 64 itself. */
static unsigned
legal_width(unsigned bits, unsigned flags)
{
	if (!(flags & GDI_ENCODE_BYTES))
		return bits <= 56 ? bits : 64;
	if (bits == 0)
		return 0;
	for (unsigned width = 8; width < 64; width *= 2)
		if (bits <= width)
			return width;
	return 64;
}

/*
 * The same of numbers that a double holds exactly, twice and one more, whose
 * exponent it is.  Why it is clever: zeros come in any order, and would be a
 * branch, and what every x86-64 has for the highest bit takes some processors
 * as long as ten other instructions.
 */
#define SHORT_BITS 52

static unsigned
short_bit_length(uint64_t v)
{
	double twice = (double)(int64_t)(2 * v + 1);
	uint64_t bits;

	memcpy(&bits, &twice, sizeof(bits));
	return (unsigned)(bits >> 52) - 1023;
}

static uint64_t
low_mask(unsigned width)
{
	return width >= 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
}

static void
put_bytes(uint8_t *p, const uint64_t *v, size_t n, uint64_t base,
    unsigned width)
{
	switch (width) {
	case 8:
		for (size_t i = 0; i < n; i++)
			p[i] = (uint8_t)(v[i] - base);
		break;
	case 16:
		for (size_t i = 0; i < n; i++)
			gdi_put16(p + 2 * i, (uint16_t)(v[i] - base));
		break;
	case 32:
		for (size_t i = 0; i < n; i++)
			gdi_put32(p + 4 * i, (uint32_t)(v[i] - base));
		break;
	default:
		for (size_t i = 0; i < n; i++)
			gdi_put64(p + 8 * i, v[i] - base);
		break;
	}
}

/* Bits on their way, low ones first. */
struct bits {
	uint8_t *p;
	uint64_t acc;
	unsigned fill;
};

static inline void
add_bits(struct bits *b, uint64_t x, unsigned width)
{
	b->acc |= x << b->fill;
	b->fill += width;
	if (b->fill < 64)
		return;
	gdi_put64(b->p, b->acc);
	b->p += 8;
	b->fill -= 64;
	b->acc = b->fill == 0 ? 0 : x >> (width - b->fill);
}

/* Appends the low `width` bits of v[i] - base, i-th at bit i * width.  Narrow
 * ones are put together first: each add_bits waits for the one before. */
static void
put_bits(struct gdi_buf *out, const uint64_t *v, size_t n, uint64_t base,
    unsigned width)
{
	size_t bytes = (n * width + 7) / 8, i = 0;
	struct bits b = {.p = gdi_buf_room(out, bytes + 8)};
	uint64_t mask = low_mask(width);

	if (b.p == NULL)
		return;
	if (width == 8 || width == 16 || width == 32 || width == 64) {
		put_bytes(b.p, v, n, base, width);
		out->len += bytes;
		return;
	}
	for (; width < 16 && i + 4 <= n; i += 4)
		add_bits(&b, ((v[i] - base) & mask) |
			((v[i + 1] - base) & mask) << width |
			((v[i + 2] - base) & mask) << (2 * width) |
			((v[i + 3] - base) & mask) << (3 * width),
		    4 * width);
	for (; width < 32 && i + 2 <= n; i += 2)
		add_bits(&b, ((v[i] - base) & mask) |
			((v[i + 1] - base) & mask) << width,
		    2 * width);
	for (; i < n; i++)
		add_bits(&b, (v[i] - base) & mask, width);
	gdi_put64(b.p, b.acc);
	out->len += bytes;
}

static void put_array(const uint64_t *v, size_t n, unsigned flags,
    unsigned depth, struct gdi_buf *out);

/* ---- PACK and PATCH ---------------------------------------------------- */

/* Estimated bits of a PATCH whose low parts have `width` bits; an exception
 * is charged two bits more than it takes because each costs a reader time. */
static uint64_t
patch_bits(size_t n, size_t n_exc, unsigned width, unsigned width_max)
{
	unsigned gap = gdi_bit_length(n / n_exc) + 2;

	return n * width + n_exc * (gap + (width_max - width) + 2) + 96;
}

/* Of n numbers, of which count[w] have w bits, each at most width_max; what
 * it comes to in *bits. */
static unsigned
best_width(const size_t count[66], size_t n, unsigned width_max,
    uint64_t *bits_out)
{
	size_t longer[67] = {0}; /* w bits and more */
	uint64_t best = (uint64_t)n * width_max;
	unsigned width = width_max;

	for (unsigned w = 66; w-- > 0;)
		longer[w] = longer[w + 1] + count[w];
	for (unsigned w = 0; w < width_max && w <= 56; w++) {
		size_t n_exc = longer[w + 1];
		uint64_t bits;

		if (n_exc == 0 || n_exc > n / 2)
			continue;
		bits = patch_bits(n, n_exc, w, width_max);
		if (bits < best) {
			best = bits;
			width = w;
		}
	}
	*bits_out = best;
	return width;
}

/* Numbers by their bits. */
static void
count_lengths(const uint64_t *v, size_t n, uint64_t base, unsigned width_max,
    size_t sum[66])
{
	/* neighbours are often of one length: two that count the same place
	 * one after another would wait for each other */
	uint32_t count[4][66] = {0};
	size_t i = 0;

	for (; width_max <= SHORT_BITS && i + 4 <= n; i += 4) {
		count[0][short_bit_length(v[i] - base)]++;
		count[1][short_bit_length(v[i + 1] - base)]++;
		count[2][short_bit_length(v[i + 2] - base)]++;
		count[3][short_bit_length(v[i + 3] - base)]++;
	}
	for (; i < n; i++)
		count[i % 4][gdi_bit_length(v[i] - base)]++;
	for (size_t w = 0; w < 66; w++)
		sum[w] = (size_t)count[0][w] + count[1][w] + count[2][w] +
		    count[3][w];
}

/* The same of numbers that ascend: half of them mostly have the most bits, half
 * of the others one less, and so on, so few are looked at. */
static void
count_lengths_ascending(const uint64_t *v, size_t n, uint64_t base,
    size_t sum[66])
{
	memset(sum, 0, 66 * sizeof(*sum));
	while (n > 0) {
		unsigned bits = gdi_bit_length(v[n - 1] - base);
		uint64_t least = bits ? UINT64_C(1) << (bits - 1) : 0;
		size_t shorter = 0, end = n - 1; /* not v[n - 1] */

		while (shorter < end) {
			size_t mid = shorter + (end - shorter) / 2;

			if (v[mid] - base < least)
				shorter = mid + 1;
			else
				end = mid;
		}
		sum[bits] = n - shorter;
		n = shorter;
	}
}

static unsigned
best_patch_width(const uint64_t *v, size_t n, const struct gdi_shape *s,
    unsigned width_max)
{
	size_t count[66];
	uint64_t bits;

	if (s->ascending)
		count_lengths_ascending(v, n, s->min, count);
	else
		count_lengths(v, n, s->min, width_max, count);
	return best_width(count, n, width_max, &bits);
}

static void
put_patch(const uint64_t *v, size_t n,
    uint64_t base, unsigned width, unsigned depth, struct gdi_buf *out)
{
	struct gdi_buf gaps = {0}, highs = {0};
	uint64_t *gap, *high;
	size_t n_exc = 0, next = 0;

	gap = (uint64_t *)(void *)gdi_buf_room(&gaps, n * sizeof(*gap));
	high = (uint64_t *)(void *)gdi_buf_room(&highs, n * sizeof(*high));
	if (gap == NULL || high == NULL) {
		out->rc = -ENOMEM;
		goto out;
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t h = (v[i] - base) >> width;

		gap[n_exc] = i - next;
		high[n_exc] = h;
		n_exc += h != 0;
		next = h != 0 ? i + 1 : next;
	}
	gdi_buf_u8(out, GDI_PATCH);
	gdi_buf_u8(out, (uint8_t)width);
	gdi_buf_varint(out, base);
	gdi_buf_varint(out, n_exc);
	put_bits(out, v, n, base, width);
	put_array(gap, n_exc, 0, depth + 1, out);
	put_array(high, n_exc, 0, depth + 1, out);
out:
	gdi_buf_free(&gaps);
	gdi_buf_free(&highs);
}

static void
put_pack(const uint64_t *v, size_t n, const struct gdi_shape *s,
    unsigned flags, struct gdi_buf *out)
{
	unsigned width = legal_width(gdi_bit_length(s->max - s->min), flags);

	gdi_buf_u8(out, GDI_PACK);
	gdi_buf_u8(out, (uint8_t)width);
	gdi_buf_varint(out, s->min);
	put_bits(out, v, n, s->min, width);
}

/* A PATCH; or else nothing but the length that put_pack would come to, which
 * writes it when nothing is shorter. */
static void
put_plain(const uint64_t *v, size_t n, const struct gdi_shape *s,
    unsigned flags, unsigned depth, struct gdi_buf *out)
{
	unsigned width = legal_width(gdi_bit_length(s->max - s->min), flags);

	if (!(flags & GDI_ENCODE_BYTES) && depth + 1 < GDI_DEPTH_MAX) {
		unsigned low = best_patch_width(v, n, s, width);

		if (low < width) {
			put_patch(v, n, s->min, low, depth, out);
			return;
		}
	}
	out->len = 2 + (gdi_bit_length(s->min | 1) + 6) / 7 + (n * width + 7) / 8;
}

/* ---- DELTA and STEP ---------------------------------------------------- */

static void
put_delta(const uint64_t *v, size_t n,
    unsigned flags, unsigned depth, struct gdi_buf *out)
{
	struct gdi_buf tmp = {0};
	uint64_t *d = (uint64_t *)(void *)gdi_buf_room(&tmp, n * sizeof(*d));

	if (d == NULL) {
		out->rc = -ENOMEM;
		return;
	}
	for (size_t i = 1; i < n; i++)
		d[i - 1] = v[i] - v[i - 1];
	gdi_buf_u8(out, GDI_DELTA);
	gdi_buf_varint(out, v[0]);
	put_array(d, n - 1, flags & ~(unsigned)GDI_ENCODE_DICT, depth + 1,
	    out);
	gdi_buf_free(&tmp);
}

static void
put_step(const uint64_t *v, size_t n,
    size_t changes, unsigned flags, unsigned depth, struct gdi_buf *out)
{
	struct gdi_buf tmp = {0};
	uint64_t *values;
	uint8_t *map;
	size_t n_values = 1;

	/* one more: the loop writes before it knows */
	values = (uint64_t *)(void *)gdi_buf_room(&tmp,
	    (changes + 2) * sizeof(*values));
	gdi_buf_u8(out, GDI_STEP);
	gdi_buf_varint(out, changes + 1);
	map = gdi_buf_room(out, (n + 7) / 8);
	if (values == NULL || map == NULL) {
		out->rc = -ENOMEM;
		gdi_buf_free(&tmp);
		return;
	}
	values[0] = v[0];
	for (size_t at = 0; at < n; at += 8) {
		unsigned bits = 0;

		for (size_t i = at ? at : 1; i < n && i < at + 8; i++) {
			unsigned changed = v[i] != v[i - 1];

			values[n_values] = v[i];
			n_values += changed;
			bits |= changed << (i - at);
		}
		map[at / 8] = (uint8_t)bits;
	}
	out->len += (n + 7) / 8;
	put_array(values, n_values, flags, depth + 1, out);
	gdi_buf_free(&tmp);
}

/* ---- DICT -------------------------------------------------------------- */

static void
put_dict(const struct gdi_dict *d, size_t n,
    unsigned flags, unsigned depth, struct gdi_buf *out)
{
	flags &= ~(unsigned)GDI_ENCODE_DICT;
	gdi_buf_u8(out, GDI_DICT);
	gdi_buf_varint(out, d->n);
	put_array(d->value, d->n, flags, depth + 1, out);
	put_array(d->code, n, flags, depth + 1, out);
}

/* Bits of the codes, or of the values in their place, which ascend: told from
 * how often there are which, not from how they follow each other. */
static uint64_t
dict_bits(const struct gdi_dict *d, size_t n, bool values)
{
	size_t count[66] = {0};
	unsigned bits = 0;
	uint64_t all;

	for (size_t i = 0; i < d->n; i++) {
		while ((values ? d->value[i] - d->value[0] : i) >
		    low_mask(bits))
			bits++;
		count[bits] += d->count[i];
	}
	(void)best_width(count, n, bits, &all);
	return all;
}

/* ---- choice ------------------------------------------------------------ */

/* Keeps the shorter of the two in *best, empties the other. */
static void
keep_shorter(struct gdi_buf *best, struct gdi_buf *other)
{
	if (other->rc == 0 && (best->rc < 0 || other->len < best->len)) {
		struct gdi_buf swap = *best;

		*best = *other;
		*other = swap;
	}
	other->len = 0;
	other->rc = 0;
}

/* Whether the codes, and a bit for each value, are likely to take less. */
static bool
dict_may_win(const struct gdi_dict *d, size_t n, uint64_t plain_bits)
{
	return plain_bits == UINT64_MAX ||
	    dict_bits(d, n, false) + d->n < plain_bits;
}

/*
 * In the order of values, and by frequency: beyond some thousand values that
 * never pays for the unsorted dictionary.  `plain_bits` is what the values take
 * side by side; UINT64_MAX where there are runs, which make that say little.
 */
static void
put_dicts(struct gdi_dict *d, const uint64_t *v, size_t n, uint64_t plain_bits,
    unsigned flags, unsigned depth, struct gdi_buf *best, struct gdi_buf *tmp)
{
	if (dict_may_win(d, n, plain_bits)) {
		gdi_dict_codes(d, v, n);
		put_dict(d, n, flags, depth, tmp);
		keep_shorter(best, tmp);
	}
	if (d->n <= 4096 && gdi_dict_by_count(d) &&
	    dict_may_win(d, n, plain_bits)) {
		gdi_dict_codes(d, v, n);
		put_dict(d, n, flags, depth, tmp);
		keep_shorter(best, tmp);
	}
}

/* Ascending values are left to DELTA and STEP, which do it in less. */
static void
try_dict(const uint64_t *v, size_t n, const struct gdi_shape *s, unsigned flags,
    unsigned depth, struct gdi_buf *best, struct gdi_buf *tmp)
{
	bool runs = s->changes < n - n / 4;
	struct gdi_dict d;

	if (gdi_dict_init(&d, v, n, s) && d.n <= n - n / 8) {
		uint64_t bits = runs ? 0 : dict_bits(&d, n, false);

		if (bits - bits / 8 < (uint64_t)best->len * 8)
			put_dicts(&d, v, n, runs ? UINT64_MAX :
				dict_bits(&d, n, true), flags, depth, best, tmp);
	}
	gdi_dict_fini(&d);
}

static void
put_shaped(const uint64_t *v, size_t n, const struct gdi_shape *s,
    unsigned flags, unsigned depth, struct gdi_buf *out)
{
	struct gdi_buf best = {0}, tmp = {0};
	size_t before = out->len;

	if (s->min == s->max) {
		gdi_buf_u8(out, GDI_CONST);
		gdi_buf_varint(out, s->min);
		return;
	}
	put_plain(v, n, s, flags, depth, &best);
	if (depth + 1 < GDI_DEPTH_MAX) {
		if (s->ascending) {
			put_delta(v, n, flags, depth, &tmp);
			keep_shorter(&best, &tmp);
		}
		if (s->changes < n - n / 4) {
			put_step(v, n, s->changes, flags, depth, &tmp);
			keep_shorter(&best, &tmp);
		}
		if ((flags & GDI_ENCODE_DICT) && n >= 16 && !s->ascending)
			try_dict(v, n, s, flags, depth, &best, &tmp);
	}
	if (best.rc < 0)
		out->rc = best.rc;
	else if (best.p == NULL)
		put_pack(v, n, s, flags, out);
	else
		gdi_buf_bytes(out, best.p, best.len);
	assert(out->rc < 0 || out->len - before == best.len);
	gdi_buf_free(&best);
	gdi_buf_free(&tmp);
}

static void
put_array(const uint64_t *v, size_t n, unsigned flags, unsigned depth,
    struct gdi_buf *out)
{
	struct gdi_shape s = gdi_shape_of(v, n);

	put_shaped(v, n, &s, flags, depth, out);
}

void
gdi_encode_shaped(const uint64_t *v, size_t n, const struct gdi_shape *shape,
    unsigned flags, struct gdi_buf *out)
{
	assert(n > 0 && n <= GDI_CHUNK_ROWS);
	put_shaped(v, n, shape, flags, 0, out);
}

void
gdi_encode(const uint64_t *v, size_t n, unsigned flags, struct gdi_buf *out)
{
	assert(n > 0 && n <= GDI_CHUNK_ROWS);
	put_array(v, n, flags, 0, out);
}

/* ---- IPv6 addresses ---------------------------------------------------- */

/* Distinct addresses ascending, and each row's place among them in code[].
 * The rows' keys hold addresses, counter[0] carries their places. */
static size_t
addr_dict(struct gdi_row4 *rows, struct gdi_row4 *sorted, size_t n,
    uint64_t *code)
{
	size_t at = 0;

	gdi_sort_row4(rows, sorted, n);
	code[sorted[0].counter[0]] = 0;
	for (size_t i = 1; i < n; i++) {
		if (sorted[i].k[0] != sorted[at].k[0] ||
		    sorted[i].k[1] != sorted[at].k[1])
			sorted[++at] = sorted[i];
		code[sorted[i].counter[0]] = at;
	}
	return at + 1;
}

static void
put_addr_dict(const struct godb_addr6 *v, size_t n, unsigned flags,
    struct gdi_buf *out)
{
	struct gdi_row4 *rows = calloc(n, sizeof(*rows));
	struct gdi_row4 *sorted = malloc(n * sizeof(*sorted));
	uint64_t *code = malloc(n * sizeof(*code));
	uint64_t *half = calloc(n, sizeof(*half));
	size_t n_distinct;

	if (!rows || !sorted || !code || !half) {
		out->rc = -ENOMEM;
		goto out;
	}
	for (size_t i = 0; i < n; i++)
		rows[i] = (struct gdi_row4){{v[i].hi, v[i].lo},
		    {(uint32_t)i}};
	n_distinct = addr_dict(rows, sorted, n, code);
	gdi_buf_u8(out, GDI_ADDR_DICT);
	gdi_buf_varint(out, n_distinct);
	for (size_t i = 0; i < n_distinct; i++)
		half[i] = sorted[i].k[0];
	put_array(half, n_distinct, flags, 1, out);
	for (size_t i = 0; i < n_distinct; i++)
		half[i] = sorted[i].k[1];
	put_array(half, n_distinct, flags, 1, out);
	put_array(code, n, flags & ~(unsigned)GDI_ENCODE_DICT, 1, out);
out:
	free(rows);
	free(sorted);
	free(code);
	free(half);
}

void
gdi_encode_addr6(const struct godb_addr6 *v, size_t n, unsigned flags,
    struct gdi_buf *out)
{
	struct gdi_buf pair = {0}, dict = {0};
	uint64_t *half = malloc(n * sizeof(*half));

	assert(n > 0 && n <= GDI_CHUNK_ROWS);
	if (half == NULL) {
		out->rc = -ENOMEM;
		return;
	}
	gdi_buf_u8(&pair, GDI_ADDR_PAIR);
	for (size_t i = 0; i < n; i++)
		half[i] = v[i].hi;
	put_array(half, n, flags, 1, &pair);
	for (size_t i = 0; i < n; i++)
		half[i] = v[i].lo;
	put_array(half, n, flags, 1, &pair);
	free(half);
	if ((flags & GDI_ENCODE_DICT) && !gdi_addresses_differ(v, n)) {
		put_addr_dict(v, n, flags, &dict);
		keep_shorter(&pair, &dict);
	}
	if (pair.rc < 0)
		out->rc = pair.rc;
	gdi_buf_bytes(out, pair.p, pair.len);
	gdi_buf_free(&pair);
	gdi_buf_free(&dict);
}
