#include "common/godb/encode.h"

#include <errno.h>
#include <stdlib.h>

#define SLOTS (GDI_CHUNK_ROWS * 2) /* of the distinct-value table */

int
gdi_scratch_init(struct gdi_scratch *s)
{
	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < sizeof(s->tmp) / sizeof(s->tmp[0]); i++) {
		s->tmp[i] = malloc(GDI_CHUNK_ROWS * sizeof(uint64_t));
		if (s->tmp[i] == NULL)
			goto fail;
	}
	s->slots = malloc(SLOTS * sizeof(uint32_t));
	if (s->slots != NULL)
		return 0;
fail:
	gdi_scratch_free(s);
	return -ENOMEM;
}

void
gdi_scratch_free(struct gdi_scratch *s)
{
	for (size_t i = 0; i < sizeof(s->tmp) / sizeof(s->tmp[0]); i++)
		free(s->tmp[i]);
	free(s->slots);
	memset(s, 0, sizeof(*s));
}

/* ---- writing ------------------------------------------------------------- */

static unsigned
byte_width(uint64_t v)
{
	return v == 0 ? 0 : (unsigned)(71 - __builtin_clzll(v)) / 8;
}

static void
put8(struct gdi_buf *out, unsigned v)
{
	uint8_t *at = gdi_buf_add(out, 1);

	if (at)
		*at = (uint8_t)v;
}

static void
put32(struct gdi_buf *out, uint32_t v)
{
	gdi_buf_put(out, &v, sizeof(v));
}

static void
put64(struct gdi_buf *out, uint64_t v)
{
	gdi_buf_put(out, &v, sizeof(v));
}

/* What the choice of an encoding rests on. */
struct shape {
	uint64_t min, max;
	size_t runs;
	bool rising;
	size_t wider[9]; /* values whose offset from min takes > i bytes */
};

static void
measure(const uint64_t *v, size_t n, struct shape *s)
{
	size_t width[9] = {0};

	memset(s, 0, sizeof(*s));
	s->min = s->max = v[0];
	s->runs = 1;
	s->rising = true;
	for (size_t i = 1; i < n; i++) {
		s->min = v[i] < s->min ? v[i] : s->min;
		s->max = v[i] > s->max ? v[i] : s->max;
		s->runs += v[i] != v[i - 1];
		s->rising &= v[i] >= v[i - 1];
	}
	for (size_t i = 0; i < n; i++)
		width[byte_width(v[i] - s->min)]++;
	for (unsigned w = 8; w > 0; w--)
		s->wider[w - 1] = s->wider[w] + width[w];
}

/* An exception takes its place and its value. */
#define EXCEPTION_BYTES 10

static unsigned
best_width(const struct shape *s, size_t n, size_t *cost)
{
	unsigned best = 8;

	*cost = SIZE_MAX;
	for (unsigned w = 0; w <= 8; w++) {
		size_t c = w * n + s->wider[w] * EXCEPTION_BYTES;

		if (c < *cost) {
			*cost = c;
			best = w;
		}
	}
	return best;
}

static void
write_for(const uint64_t *v, size_t n, const struct shape *s,
    struct gdi_buf *out)
{
	size_t cost;
	unsigned w = best_width(s, n, &cost);
	uint64_t limit = w == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * w)) - 1;
	uint8_t *planes;

	put8(out, GDI_FOR);
	put8(out, w);
	put32(out, (uint32_t)s->wider[w]);
	put64(out, s->min);
	planes = gdi_buf_add(out, w * n);
	if (planes == NULL && w * n > 0)
		return;
	for (unsigned p = 0; p < w; p++)
		for (size_t i = 0; i < n; i++) {
			uint64_t d = v[i] - s->min;

			planes[p * n + i] =
			    (uint8_t)(d > limit ? 0 : d >> (8 * p));
		}
	for (size_t i = 0; i < n; i++)
		if (v[i] - s->min > limit) {
			uint16_t at = (uint16_t)i;

			gdi_buf_put(out, &at, sizeof(at));
		}
	for (size_t i = 0; i < n; i++)
		if (v[i] - s->min > limit)
			put64(out, v[i]);
}

static void
write_delta(struct gdi_scratch *s, unsigned depth, const uint64_t *v, size_t n,
    struct gdi_buf *out)
{
	uint64_t *d = s->tmp[depth * 3];
	struct shape shape;

	put8(out, GDI_DELTA);
	put64(out, v[0]);
	if (n == 1)
		return;
	for (size_t i = 1; i < n; i++)
		d[i - 1] = v[i] - v[i - 1];
	measure(d, n - 1, &shape);
	write_for(d, n - 1, &shape, out);
}

/* Sorted distinct values into `values` (room for `most`) and their number, or
 * 0 when there are more. */
static size_t
distinct(struct gdi_scratch *s, const uint64_t *v, size_t n, uint64_t *values,
    size_t most)
{
	size_t k = 0;

	memset(s->slots, 0, SLOTS * sizeof(uint32_t));
	for (size_t i = 0; i < n; i++) {
		uint64_t h = v[i] * UINT64_C(0x9e3779b97f4a7c15);
		size_t at = (size_t)(h >> 40) & (SLOTS - 1);

		while (s->slots[at] != 0 && values[s->slots[at] - 1] != v[i])
			at = (at + 1) & (SLOTS - 1);
		if (s->slots[at] != 0)
			continue;
		if (k == most)
			return 0;
		values[k++] = v[i];
		s->slots[at] = (uint32_t)k;
	}
	return k;
}

static int
compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t
rank_of(const uint64_t *sorted, size_t k, uint64_t v)
{
	size_t lo = 0;

	while (k > 1) {
		size_t half = k / 2;

		lo += sorted[lo + half] <= v ? half : 0;
		k -= half;
	}
	return lo;
}

static void encode_at(struct gdi_scratch *s, unsigned depth, const uint64_t *v,
    size_t n, struct gdi_buf *out);

static void
write_rle(struct gdi_scratch *s, unsigned depth, const uint64_t *v, size_t n,
    size_t runs, struct gdi_buf *out)
{
	uint64_t *values = s->tmp[depth * 3];
	uint64_t *lengths = s->tmp[depth * 3 + 1];
	size_t r = 0;

	for (size_t i = 0; i < n; i++) {
		if (i == 0 || v[i] != v[i - 1]) {
			values[r] = v[i];
			lengths[r++] = 0;
		} else {
			lengths[r - 1]++;
		}
	}
	put8(out, GDI_RLE);
	put32(out, (uint32_t)runs);
	encode_at(s, depth + 1, values, runs, out);
	encode_at(s, depth + 1, lengths, runs, out);
}

static void
write_dict(struct gdi_scratch *s, unsigned depth, const uint64_t *v, size_t n,
    uint64_t *values, size_t k, struct gdi_buf *out)
{
	uint64_t *codes = s->tmp[depth * 3 + 1];

	for (size_t i = 0; i < n; i++)
		codes[i] = rank_of(values, k, v[i]);
	put8(out, GDI_DICT);
	put32(out, (uint32_t)k);
	encode_at(s, depth + 1, values, k, out);
	encode_at(s, depth + 1, codes, n, out);
}

static void
encode_at(struct gdi_scratch *s, unsigned depth, const uint64_t *v, size_t n,
    struct gdi_buf *out)
{
	struct shape shape, gaps;
	size_t plain, rle = SIZE_MAX, dict = SIZE_MAX, delta = SIZE_MAX;
	bool deep = depth + 1 < GDI_STREAM_DEPTH;
	size_t k = 0;

	measure(v, n, &shape);
	if (shape.runs == 1) {
		put8(out, GDI_CONST);
		put64(out, v[0]);
		return;
	}
	(void)best_width(&shape, n, &plain);
	if (deep && shape.runs < n / 2)
		rle = shape.runs * (byte_width(shape.max - shape.min) + 1) + 32;
	if (shape.rising) {
		uint64_t *d = s->tmp[depth * 3];

		for (size_t i = 1; i < n; i++)
			d[i - 1] = v[i] - v[i - 1];
		measure(d, n - 1, &gaps);
		(void)best_width(&gaps, n - 1, &delta);
		delta += 9;
	}
	/* codes and values must beat the planes by a margin: lz4 does well on
	 * planes too */
	if (deep && plain >= 2 * n && rle > plain / 4) {
		k = distinct(s, v, n, s->tmp[depth * 3 + 2], n / 2 + 1);
		if (k > 0)
			dict = k * byte_width(shape.max - shape.min) +
			    byte_width(k - 1) * n + 32;
	}
	if (rle <= plain && rle <= dict && rle <= delta) {
		write_rle(s, depth, v, n, shape.runs, out);
	} else if (delta < plain && delta <= dict) {
		write_delta(s, depth, v, n, out);
	} else if (dict < plain - plain / 8) {
		qsort(s->tmp[depth * 3 + 2], k, sizeof(uint64_t), compare_u64);
		write_dict(s, depth, v, n, s->tmp[depth * 3 + 2], k, out);
	} else {
		write_for(v, n, &shape, out);
	}
}

void
gdi_encode(struct gdi_scratch *s, const uint64_t *values, size_t n,
    struct gdi_buf *out)
{
	encode_at(s, 0, values, n, out);
}

static int
compare_addr6(const void *a, const void *b)
{
	const struct godb_addr6 *x = a, *y = b;

	if (x->hi != y->hi)
		return x->hi < y->hi ? -1 : 1;
	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

void
gdi_encode_addr6(struct gdi_scratch *s, const struct godb_addr6 *values,
    size_t n, struct gdi_buf *out)
{
	struct godb_addr6 *sorted = malloc(n * sizeof(*sorted));
	uint64_t *part = s->tmp[0];
	size_t k = 0;

	if (sorted == NULL) {
		out->failed = true;
		return;
	}
	memcpy(sorted, values, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_addr6);
	for (size_t i = 0; i < n; i++)
		if (k == 0 || compare_addr6(&sorted[k - 1], &sorted[i]) != 0)
			sorted[k++] = sorted[i];
	put8(out, GDI_ADDR6);
	put32(out, (uint32_t)k);
	for (size_t i = 0; i < k; i++)
		part[i] = sorted[i].hi;
	encode_at(s, 1, part, k, out);
	for (size_t i = 0; i < k; i++)
		part[i] = sorted[i].lo;
	encode_at(s, 1, part, k, out);
	for (size_t i = 0; i < n; i++) {
		const struct godb_addr6 *at = bsearch(&values[i], sorted, k,
		    sizeof(*sorted), compare_addr6);

		part[i] = (uint64_t)(at - sorted);
	}
	encode_at(s, 1, part, n, out);
	free(sorted);
}

/* ---- reading ------------------------------------------------------------- */

struct input {
	const uint8_t *at, *end;
};

static const uint8_t *
take(struct input *in, size_t len)
{
	const uint8_t *at = in->at;

	if ((size_t)(in->end - in->at) < len)
		return NULL;
	in->at += len;
	return at;
}

static int
read_for(struct input *in, uint64_t *v, size_t n)
{
	const uint8_t *head = take(in, 13);
	const uint8_t *planes, *places, *values;
	uint64_t base;
	uint32_t exceptions;
	unsigned w;

	if (head == NULL)
		return GODB_EDAMAGED;
	w = head[0];
	exceptions = gdi_get32(head + 1);
	base = gdi_get64(head + 5);
	if (w > 8 || exceptions > n)
		return GODB_EDAMAGED;
	planes = take(in, w * n);
	places = take(in, exceptions * sizeof(uint16_t));
	values = take(in, exceptions * sizeof(uint64_t));
	if (planes == NULL || places == NULL || values == NULL)
		return GODB_EDAMAGED;
	for (size_t i = 0; i < n; i++)
		v[i] = base;
	for (unsigned p = 0; p < w; p++) {
		const uint8_t *plane = planes + p * n;

		for (size_t i = 0; i < n; i++)
			v[i] += (uint64_t)plane[i] << (8 * p);
	}
	for (size_t i = 0; i < exceptions; i++) {
		uint16_t at = gdi_get16(places + 2 * i);

		if (at >= n)
			return GODB_EDAMAGED;
		v[at] = gdi_get64(values + 8 * i);
	}
	return 0;
}

static int decode_at(struct gdi_scratch *s, unsigned depth, struct input *in,
    uint64_t *v, size_t n);

static int
read_delta(struct gdi_scratch *s, unsigned depth, struct input *in,
    uint64_t *v, size_t n)
{
	const uint8_t *first = take(in, 8);
	int rc = 0;

	(void)s;
	(void)depth;
	if (first == NULL)
		return GODB_EDAMAGED;
	v[0] = gdi_get64(first);
	if (n > 1) {
		const uint8_t *kind = take(in, 1);

		if (kind == NULL || *kind != GDI_FOR)
			return GODB_EDAMAGED;
		rc = read_for(in, v + 1, n - 1);
	}
	for (size_t i = 1; rc == 0 && i < n; i++)
		v[i] += v[i - 1];
	return rc;
}

static int
read_rle(struct gdi_scratch *s, unsigned depth, struct input *in, uint64_t *v,
    size_t n)
{
	uint64_t *values = s->tmp[depth * 3];
	uint64_t *lengths = s->tmp[depth * 3 + 1];
	const uint8_t *head = take(in, 4);
	size_t runs, at = 0;

	if (head == NULL)
		return GODB_EDAMAGED;
	runs = gdi_get32(head);
	if (runs == 0 || runs > n ||
	    decode_at(s, depth + 1, in, values, runs) < 0 ||
	    decode_at(s, depth + 1, in, lengths, runs) < 0)
		return GODB_EDAMAGED;
	for (size_t r = 0; r < runs; r++) {
		if (lengths[r] >= n - at)
			return GODB_EDAMAGED;
		for (size_t stop = at + (size_t)lengths[r]; at <= stop; at++)
			v[at] = values[r];
	}
	return at == n ? 0 : GODB_EDAMAGED;
}

static int
read_dict(struct gdi_scratch *s, unsigned depth, struct input *in, uint64_t *v,
    size_t n)
{
	uint64_t *values = s->tmp[depth * 3];
	const uint8_t *head = take(in, 4);
	size_t k;

	if (head == NULL)
		return GODB_EDAMAGED;
	k = gdi_get32(head);
	if (k == 0 || k > n || decode_at(s, depth + 1, in, values, k) < 0 ||
	    decode_at(s, depth + 1, in, v, n) < 0)
		return GODB_EDAMAGED;
	for (size_t i = 0; i < n; i++) {
		if (v[i] >= k)
			return GODB_EDAMAGED;
		v[i] = values[v[i]];
	}
	return 0;
}

static int
decode_at(struct gdi_scratch *s, unsigned depth, struct input *in, uint64_t *v,
    size_t n)
{
	const uint8_t *kind = take(in, 1);
	const uint8_t *one;
	bool deep = depth + 1 < GDI_STREAM_DEPTH;

	if (kind == NULL)
		return GODB_EDAMAGED;
	switch (*kind) {
	case GDI_CONST:
		one = take(in, 8);
		if (one == NULL)
			return GODB_EDAMAGED;
		for (size_t i = 0; i < n; i++)
			v[i] = gdi_get64(one);
		return 0;
	case GDI_FOR:
		return read_for(in, v, n);
	case GDI_DELTA:
		return read_delta(s, depth, in, v, n);
	case GDI_RLE:
		return deep ? read_rle(s, depth, in, v, n) : GODB_EDAMAGED;
	case GDI_DICT:
		return deep ? read_dict(s, depth, in, v, n) : GODB_EDAMAGED;
	default:
		return GODB_EDAMAGED;
	}
}

int
gdi_decode(struct gdi_scratch *s, const uint8_t *data, size_t len,
    uint64_t *values, size_t n)
{
	struct input in = {data, data + len};
	int rc = decode_at(s, 0, &in, values, n);

	return rc == 0 && in.at != in.end ? GODB_EDAMAGED : rc;
}

int
gdi_decode_addr6(struct gdi_scratch *s, const uint8_t *data, size_t len,
    struct godb_addr6 *values, size_t n)
{
	struct input in = {data, data + len};
	const uint8_t *head = take(&in, 5);
	uint64_t *hi = s->tmp[0], *lo = s->tmp[1], *codes = s->tmp[2];
	size_t k;

	if (head == NULL || head[0] != GDI_ADDR6)
		return GODB_EDAMAGED;
	k = gdi_get32(head + 1);
	if (k == 0 || k > n || decode_at(s, 1, &in, hi, k) < 0 ||
	    decode_at(s, 1, &in, lo, k) < 0 ||
	    decode_at(s, 1, &in, codes, n) < 0 || in.at != in.end)
		return GODB_EDAMAGED;
	for (size_t i = 0; i < n; i++) {
		if (codes[i] >= k)
			return GODB_EDAMAGED;
		values[i].hi = hi[codes[i]];
		values[i].lo = lo[codes[i]];
	}
	return 0;
}
