/*
 * Why it is clever: the plain loop carries four results from one number to
 * the next, some two nanoseconds each.  AVX2 compares four numbers with those
 * before them at once; it knows signed numbers alone, so all are compared with
 * their highest bit turned, which keeps their order.
 */
#include "common/godb/shape.h"

#include <string.h>

#include "common/base/cpu.h"

struct gdi_shape
gdi_shape_of_plain(const uint64_t *v, size_t n)
{
	struct gdi_shape s = {v[0], v[0], 0, true};

	for (size_t i = 1; i < n; i++) {
		s.min = v[i] < s.min ? v[i] : s.min;
		s.max = v[i] > s.max ? v[i] : s.max;
		s.changes += v[i] != v[i - 1];
		s.ascending &= v[i] >= v[i - 1];
	}
	return s;
}

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256i
load(const uint64_t *p)
{
	return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* The whole fours behind the first number, which s holds; how many. */
AVX2 static size_t
fours(const uint64_t *v, size_t n, struct gdi_shape *s)
{
	const __m256i sign = _mm256_set1_epi64x(INT64_MIN);
	__m256i least = _mm256_xor_si256(_mm256_set1_epi64x((long long)v[0]),
	    sign);
	__m256i most = least, falls = _mm256_setzero_si256();
	__m256i same = _mm256_setzero_si256(); /* minus how often */
	uint64_t out[3][4];
	size_t i = 1;

	for (; i + 4 <= n; i += 4) {
		__m256i x = load(v + i), before = load(v + i - 1);

		same = _mm256_add_epi64(same, _mm256_cmpeq_epi64(x, before));
		x = _mm256_xor_si256(x, sign);
		before = _mm256_xor_si256(before, sign);
		falls = _mm256_or_si256(falls, _mm256_cmpgt_epi64(before, x));
		least = _mm256_blendv_epi8(least, x,
		    _mm256_cmpgt_epi64(least, x));
		most = _mm256_blendv_epi8(most, x,
		    _mm256_cmpgt_epi64(x, most));
	}
	_mm256_storeu_si256((__m256i *)(void *)out[0],
	    _mm256_xor_si256(least, sign));
	_mm256_storeu_si256((__m256i *)(void *)out[1],
	    _mm256_xor_si256(most, sign));
	_mm256_storeu_si256((__m256i *)(void *)out[2], same);
	s->changes = i - 1;
	for (int k = 0; k < 4; k++) {
		s->min = out[0][k] < s->min ? out[0][k] : s->min;
		s->max = out[1][k] > s->max ? out[1][k] : s->max;
		s->changes += (size_t)out[2][k];
	}
	s->ascending = _mm256_testz_si256(falls, falls);
	return i - 1;
}
#endif

struct gdi_shape
gdi_shape_of(const uint64_t *v, size_t n)
{
	struct gdi_shape s = {v[0], v[0], 0, true}, rest;
	size_t done = 0;

	/* half of the columns have one value; others are seen not to at once */
	if (memcmp(v, v + 1, (n - 1) * sizeof(*v)) == 0)
		return s;
#if defined(__x86_64__)
	if (gp_cpu_has_avx2())
		done = fours(v, n, &s);
#endif
	/* from the last one that was looked at on */
	rest = gdi_shape_of_plain(v + done, n - done);
	s.min = rest.min < s.min ? rest.min : s.min;
	s.max = rest.max > s.max ? rest.max : s.max;
	s.changes += rest.changes;
	s.ascending &= rest.ascending;
	return s;
}
