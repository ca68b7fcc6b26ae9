/*
 * Why it is clever: whether a row begins a new key cannot be foreseen, and a
 * wrong guess costs more than the rest.  With AVX2 there is nothing to guess:
 * a row's four counters are one vector, to which what was summed so far is
 * added through a mask that is zero where the key is new, and the record is
 * written at every row, over the last one where the key is the same.
 */
#include "common/godb/neighbours.h"

#include "common/base/cpu.h"
#include "common/godb/wire.h"

#include <assert.h>
#include <string.h>

#define N_COUNTERS GDI_N_COUNTERS_KEPT

/* ---- plain ------------------------------------------------------------- */

size_t
gdi_sum_neighbours_plain(const struct gdi_rows_batch *b, unsigned words,
    unsigned numbers, bool rows, uint64_t *records)
{
	uint64_t *r = records;
	size_t n = 0;

	for (size_t i = 0, k; i < b->n; i = k, n++) {
		const uint64_t *key = b->keys + i * words;
		uint64_t *to = r + 1 + words;

		memcpy(r + 1, key, words * sizeof(*key));
		memset(to, 0, numbers * sizeof(*to));
		for (k = i; k < b->n && gdi_same_key(key, b->keys + k * words,
			 words); k++)
			gdi_add_counters(to, b->c, gdi_batch_row(b, k));
		if (rows)
			to[N_COUNTERS] = k - i;
		r += 1 + words + numbers;
	}
	return n;
}

/* ---- AVX2 -------------------------------------------------------------- */

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
/* So many sums of a batch's rows of fewer bits cannot pass 2^64. */
#define CALM_BITS 57
static_assert(GDI_BATCH <= 1 << (64 - CALM_BITS), "a batch's sums fit");
#define WORDS_MOST 5
static_assert(WORDS_MOST < GDI_KEY_MAX, "b->keys has room for one more");

/* Counters of four rows that follow each other, a vector a row. */
AVX2 static inline __attribute__((always_inline)) void
load_rows(const uint64_t *const counter[4], size_t row, __m256i out[4])
{
	__m256i c[4], low[2], high[2];

	for (unsigned k = 0; k < 4; k++)
		c[k] = _mm256_loadu_si256(
		    (const __m256i *)(const void *)(counter[k] + row));
	for (unsigned k = 0; k < 2; k++) {
		low[k] = _mm256_unpacklo_epi64(c[2 * k], c[2 * k + 1]);
		high[k] = _mm256_unpackhi_epi64(c[2 * k], c[2 * k + 1]);
	}
	out[0] = _mm256_permute2x128_si256(low[0], low[1], 0x20);
	out[1] = _mm256_permute2x128_si256(high[0], high[1], 0x20);
	out[2] = _mm256_permute2x128_si256(low[0], low[1], 0x31);
	out[3] = _mm256_permute2x128_si256(high[0], high[1], 0x31);
}

AVX2 static inline __attribute__((always_inline)) __m256i
load_row(const uint64_t *const counter[4], size_t row)
{
	return _mm256_set_epi64x((int64_t)counter[3][row],
	    (int64_t)counter[2][row], (int64_t)counter[1][row],
	    (int64_t)counter[0][row]);
}

struct sum {
	__m256i counters, any; /* of the record; of all rows */
	uint64_t *r;
	uint64_t n; /* rows of the record */
	unsigned more; /* numbers behind the counters */
	bool rows;     /* the first of which are rows */
};

AVX2 static inline __attribute__((always_inline)) void
put_row(struct sum *s, const uint64_t *key, unsigned words, __m256i row,
    bool same)
{
	__m256i kept = _mm256_set1_epi64x(-(int64_t)same);

	s->counters = _mm256_add_epi64(row,
	    _mm256_and_si256(s->counters, kept));
	s->any = _mm256_or_si256(s->any, row);
	s->r += same ? 0 : 1 + words + N_COUNTERS + s->more;
	for (unsigned k = 0; k < words; k++)
		s->r[1 + k] = key[k];
	_mm256_storeu_si256((__m256i *)(void *)(s->r + 1 + words),
	    s->counters);
	if (s->more == 0)
		return;
	s->n = (same ? s->n : 0) + 1;
	for (unsigned k = 0; k < s->more; k++)
		s->r[1 + words + N_COUNTERS + k] = k == 0 && s->rows ? s->n : 0;
}

/* 0: a sum may pass the top. */
AVX2 static inline __attribute__((always_inline)) size_t
sum_avx2(const struct gdi_rows_batch *b, unsigned words, unsigned more,
    bool rows, uint64_t *records)
{
	const uint64_t *const *counter = b->c->counter, *key = b->keys;
	struct sum s = {.any = _mm256_setzero_si256(), .r = records,
	    .counters = _mm256_setzero_si256(), .more = more, .rows = rows};
	size_t step = 1 + words + N_COUNTERS + more, i = 0;
	bool same = true; /* the first record is where we are */

	for (; !b->sel && i + 4 <= b->n; i += 4) {
		__m256i row[4];

		load_rows(counter, b->first + i, row);
		/* behind the last key there is room for one more to be read */
		for (unsigned k = 0; k < 4; k++, key += words) {
			put_row(&s, key, words, row[k], same);
			same = gdi_same_key(key, key + words, words);
		}
	}
	for (; i < b->n; i++, key += words) {
		put_row(&s, key, words, load_row(counter, gdi_batch_row(b, i)),
		    same);
		same = i + 1 < b->n && gdi_same_key(key, key + words, words);
	}
	if (!_mm256_testz_si256(s.any, _mm256_set1_epi64x(
		-(INT64_C(1) << CALM_BITS))))
		return 0;
	return b->n ? (size_t)(s.r - records) / step + 1 : 0;
}

#define DEFINE_SUM(WORDS)                                               \
	AVX2 static size_t sum_##WORDS(const struct gdi_rows_batch *b,  \
	    unsigned more, bool rows, uint64_t *records)                \
	{                                                               \
		return more == 0 ?                                      \
		    sum_avx2(b, WORDS, 0, false, records) :             \
		    sum_avx2(b, WORDS, more, rows, records);            \
	}
DEFINE_SUM(1)
DEFINE_SUM(2)
DEFINE_SUM(3)
DEFINE_SUM(4)
DEFINE_SUM(5)

static size_t
sum_fast(const struct gdi_rows_batch *b, unsigned words, unsigned more,
    bool rows, uint64_t *records)
{
	switch (words) {
	case 1:
		return sum_1(b, more, rows, records);
	case 2:
		return sum_2(b, more, rows, records);
	case 3:
		return sum_3(b, more, rows, records);
	case 4:
		return sum_4(b, more, rows, records);
	case 5:
		return sum_5(b, more, rows, records);
	default:
		return 0;
	}
}
#endif

size_t
gdi_sum_neighbours(const struct gdi_rows_batch *b, unsigned words,
    unsigned numbers, bool rows, uint64_t *records)
{
#if defined(__x86_64__)
	if (gp_cpu_has_avx2()) {
		size_t n = sum_fast(b, words, numbers - N_COUNTERS, rows,
		    records);

		if (n > 0)
			return n;
	}
#endif
	return gdi_sum_neighbours_plain(b, words, numbers, rows, records);
}
