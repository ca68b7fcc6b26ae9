/*
 * Why it is clever: eight numbers of w bits take w bytes, so one pattern of
 * byte shuffles and shifts serves all groups of eight of an array.  With AVX2
 * a group is two 16-byte loads, a shuffle that brings each number's four
 * bytes to its lane, a shift for each lane and a mask: no branch and no load
 * a number.  A number of up to 25 bits lies within four bytes wherever it
 * begins; wider ones, rare in counters and codes, take the plain loop.
 */
#include "common/godb/unpack.h"

#include "common/base/cpu.h"
#include "common/godb/wire.h"

/* ---- plain ------------------------------------------------------------- */

/* Eight numbers take `width` bytes, so the shifts of a round are the same in
 * all rounds. */
#define DEFINE_PLAIN(BITS)                                                  \
	void gdi_unpack##BITS##_plain(const uint8_t *p, unsigned width,     \
	    uint##BITS##_t base, size_t n, uint##BITS##_t *out)             \
	{                                                                   \
		uint64_t mask = width == 64 ? UINT64_MAX :                  \
					      (UINT64_C(1) << width) - 1;   \
		size_t i = 0;                                               \
                                                                            \
		for (; width < 64 && i + 8 <= n; i += 8, p += width) {      \
			for (unsigned k = 0; k < 8; k++) {                  \
				unsigned bit = k * width;                   \
                                                                            \
				out[i + k] = (uint##BITS##_t)(base +        \
				    (uint##BITS##_t)(gdi_get64(p + bit / 8) \
					    >> (bit % 8) & mask));          \
			}                                                   \
		}                                                           \
		for (unsigned k = 0; i < n; i++, k++) {                     \
			size_t bit = (size_t)k * width;                     \
                                                                            \
			out[i] = (uint##BITS##_t)(base +                    \
			    (uint##BITS##_t)(gdi_get64(p + bit / 8) >>      \
					(bit % 8) & mask));                 \
		}                                                           \
	}

DEFINE_PLAIN(8)
DEFINE_PLAIN(16)
DEFINE_PLAIN(32)
DEFINE_PLAIN(64)

/* ---- AVX2 -------------------------------------------------------------- */

#if defined(__x86_64__)
#include <immintrin.h>

#define WIDTH_MAX 25
#define AVX2      __attribute__((target("avx2")))

/* Where numbers 0-3 of a group lie from its first byte on, and 4-7 from the
 * byte in which number 4 begins. */
struct pattern {
	uint8_t byte[32];
	uint32_t shift[8];
};

#define BIT(w, k) ((k) < 4 ? (w) * (k) : (w) * 4 % 8 + (w) * ((k) - 4))
#define BYTES(w, k)                                                    \
	BIT(w, k) / 8, BIT(w, k) / 8 + 1, BIT(w, k) / 8 + 2,           \
	    BIT(w, k) / 8 + 3
#define PATTERN(w)                                                     \
	{                                                              \
		{BYTES(w, 0), BYTES(w, 1), BYTES(w, 2), BYTES(w, 3),   \
		    BYTES(w, 4), BYTES(w, 5), BYTES(w, 6), BYTES(w, 7)}, \
		{                                                      \
			BIT(w, 0) % 8, BIT(w, 1) % 8, BIT(w, 2) % 8,   \
			    BIT(w, 3) % 8, BIT(w, 4) % 8, BIT(w, 5) % 8, \
			    BIT(w, 6) % 8, BIT(w, 7) % 8               \
		}                                                      \
	}
static const struct pattern patterns[WIDTH_MAX + 1] = {
    PATTERN(0), PATTERN(1), PATTERN(2), PATTERN(3), PATTERN(4), PATTERN(5),
    PATTERN(6), PATTERN(7), PATTERN(8), PATTERN(9), PATTERN(10), PATTERN(11),
    PATTERN(12), PATTERN(13), PATTERN(14), PATTERN(15), PATTERN(16),
    PATTERN(17), PATTERN(18), PATTERN(19), PATTERN(20), PATTERN(21),
    PATTERN(22), PATTERN(23), PATTERN(24), PATTERN(25)};

struct lanes {
	__m256i bytes, shift, mask;
	size_t half; /* where number 4 begins, bytes */
	unsigned width;
};

AVX2 static inline struct lanes
lanes_of(unsigned width)
{
	const struct pattern *t = &patterns[width];

	return (struct lanes){
	    _mm256_loadu_si256((const __m256i *)(const void *)t->byte),
	    _mm256_loadu_si256((const __m256i *)(const void *)t->shift),
	    _mm256_set1_epi32((int)((1u << width) - 1)), width / 2, width};
}

/* The group of eight at p. */
AVX2 static inline __m256i
group(const struct lanes *l, const uint8_t *p)
{
	__m128i low = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i high = _mm_loadu_si128(
	    (const __m128i *)(const void *)(p + l->half));
	__m256i v = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high,
	    1);

	v = _mm256_shuffle_epi8(v, l->bytes);
	return _mm256_and_si256(_mm256_srlv_epi32(v, l->shift), l->mask);
}

AVX2 static inline void
store(void *out, __m256i v)
{
	_mm256_storeu_si256((__m256i *)out, v);
}

/*
 * What is left of an array after its last whole step, which is much of it when
 * blocks are small, is unpacked as a step too and copied from there.  Groups
 * that it does not have are not read.
 */
AVX2 static inline __m256i
group_of(const struct lanes *l, const uint8_t *p, size_t left, unsigned k)
{
	return left > 8 * k ? group(l, p + k * l->width) :
			      _mm256_setzero_si256();
}

AVX2 static inline __m256i
step_8(const struct lanes *l, const uint8_t *p, size_t left, __m256i add)
{
	const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
	__m256i a = _mm256_packus_epi32(group_of(l, p, left, 0),
	    group_of(l, p, left, 1));
	__m256i b = _mm256_packus_epi32(group_of(l, p, left, 2),
	    group_of(l, p, left, 3));

	a = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(a, b), order);
	return _mm256_add_epi8(a, add);
}

AVX2 static void
groups_8(const uint8_t *p, unsigned width, uint8_t base, size_t n,
    uint8_t *out)
{
	const __m256i add = _mm256_set1_epi8((char)base);
	struct lanes l = lanes_of(width);
	uint8_t rest[32] GDI_UNINITIALISED;
	size_t i = 0;

	for (; i + 32 <= n; i += 32, p += 4 * width)
		store(out + i, step_8(&l, p, 32, add));
	if (i < n) {
		store(rest, step_8(&l, p, n - i, add));
		memcpy(out + i, rest, n - i);
	}
}

AVX2 static inline __m256i
step_16(const struct lanes *l, const uint8_t *p, size_t left, __m256i add)
{
	__m256i a = _mm256_packus_epi32(group_of(l, p, left, 0),
	    group_of(l, p, left, 1));

	return _mm256_add_epi16(_mm256_permute4x64_epi64(a, 0xd8), add);
}

AVX2 static void
groups_16(const uint8_t *p, unsigned width, uint16_t base, size_t n,
    uint16_t *out)
{
	const __m256i add = _mm256_set1_epi16((short)base);
	struct lanes l = lanes_of(width);
	uint16_t rest[16] GDI_UNINITIALISED;
	size_t i = 0;

	for (; i + 16 <= n; i += 16, p += 2 * width)
		store(out + i, step_16(&l, p, 16, add));
	if (i < n) {
		store(rest, step_16(&l, p, n - i, add));
		memcpy(out + i, rest, (n - i) * sizeof(*out));
	}
}

AVX2 static void
groups_32(const uint8_t *p, unsigned width, uint32_t base, size_t n,
    uint32_t *out)
{
	const __m256i add = _mm256_set1_epi32((int)base);
	struct lanes l = lanes_of(width);
	uint32_t rest[8] GDI_UNINITIALISED;
	size_t i = 0;

	for (; i + 8 <= n; i += 8, p += width)
		store(out + i, _mm256_add_epi32(group(&l, p), add));
	if (i < n) {
		store(rest, _mm256_add_epi32(group(&l, p), add));
		memcpy(out + i, rest, (n - i) * sizeof(*out));
	}
}

AVX2 static inline void
step_64(const struct lanes *l, const uint8_t *p, __m256i add, uint64_t *out)
{
	__m256i v = group(l, p);
	__m256i a = _mm256_cvtepu32_epi64(_mm256_castsi256_si128(v));
	__m256i b = _mm256_cvtepu32_epi64(_mm256_extracti128_si256(v, 1));

	store(out, _mm256_add_epi64(a, add));
	store(out + 4, _mm256_add_epi64(b, add));
}

AVX2 static void
groups_64(const uint8_t *p, unsigned width, uint64_t base, size_t n,
    uint64_t *out)
{
	const __m256i add = _mm256_set1_epi64x((long long)base);
	struct lanes l = lanes_of(width);
	uint64_t rest[8] GDI_UNINITIALISED;
	size_t i = 0;

	for (; i + 8 <= n; i += 8, p += width)
		step_64(&l, p, add, out + i);
	if (i < n) {
		step_64(&l, p, add, rest);
		memcpy(out + i, rest, (n - i) * sizeof(*out));
	}
}

#define FAST(BITS)                                                        \
	if (width <= WIDTH_MAX && gp_cpu_has_avx2()) {                    \
		groups_##BITS(p, width, base, n, out);                    \
		return;                                                   \
	}
#else
#define FAST(BITS)
#endif

#define DEFINE_UNPACK(BITS)                                               \
	void gdi_unpack##BITS(const uint8_t *p, unsigned width,           \
	    uint##BITS##_t base, size_t n, uint##BITS##_t *out)           \
	{                                                                 \
		FAST(BITS)                                                \
		gdi_unpack##BITS##_plain(p, width, base, n, out);         \
	}

DEFINE_UNPACK(8)
DEFINE_UNPACK(16)
DEFINE_UNPACK(32)
DEFINE_UNPACK(64)

/* ---- codes to values --------------------------------------------------- */

void
gdi_lookup8_plain(const uint8_t *value, size_t n, uint8_t *v)
{
	for (size_t i = 0; i < n; i++)
		v[i] = value[v[i]];
}

void
gdi_lookup16_plain(const uint16_t *value, size_t n, uint16_t *v)
{
	size_t i = 0;

	/* the loop costs as much as what it does */
	for (; i + 4 <= n; i += 4) {
		uint16_t a = value[v[i]], b = value[v[i + 1]];
		uint16_t c = value[v[i + 2]], d = value[v[i + 3]];

		v[i] = a;
		v[i + 1] = b;
		v[i + 2] = c;
		v[i + 3] = d;
	}
	for (; i < n; i++)
		v[i] = value[v[i]];
}

#if defined(__x86_64__)
/* A table of sixteen bytes is a register: one shuffle looks 32 codes up. */
AVX2 static size_t
lookup_few_8(const uint8_t *value, size_t n, uint8_t *v)
{
	const __m256i table = _mm256_broadcastsi128_si256(
	    _mm_loadu_si128((const __m128i *)(const void *)value));
	size_t i = 0;

	for (; i + 32 <= n; i += 32) {
		__m256i code = _mm256_loadu_si256(
		    (const __m256i *)(const void *)(v + i));

		store(v + i, _mm256_shuffle_epi8(table, code));
	}
	return i;
}

/* Low and high bytes from a table each. */
AVX2 static size_t
lookup_few_16(const uint16_t *value, size_t n, uint16_t *v)
{
	const __m256i none = _mm256_set1_epi16((short)0x8000);
	__m256i low, high;
	uint8_t byte[2][16];
	size_t i = 0;

	for (unsigned k = 0; k < 16; k++) {
		byte[0][k] = (uint8_t)value[k];
		byte[1][k] = (uint8_t)(value[k] >> 8);
	}
	low = _mm256_broadcastsi128_si256(
	    _mm_loadu_si128((const __m128i *)(const void *)byte[0]));
	high = _mm256_broadcastsi128_si256(
	    _mm_loadu_si128((const __m128i *)(const void *)byte[1]));
	for (; i + 16 <= n; i += 16) {
		__m256i code = _mm256_or_si256(none, _mm256_loadu_si256(
		    (const __m256i *)(const void *)(v + i)));
		__m256i h = _mm256_shuffle_epi8(high, code);

		store(v + i, _mm256_or_si256(_mm256_slli_epi16(h, 8),
		    _mm256_shuffle_epi8(low, code)));
	}
	return i;
}

#define FEW(BITS)                                                         \
	if (n_values <= GDI_LOOKUP_FEW && gp_cpu_has_avx2())              \
		done = lookup_few_##BITS(value, n, v)
#else
#define FEW(BITS) (void)n_values
#endif

#define DEFINE_LOOKUP(BITS)                                               \
	void gdi_lookup##BITS(const uint##BITS##_t *value,                \
	    size_t n_values, size_t n, uint##BITS##_t *v)                 \
	{                                                                 \
		size_t done = 0;                                          \
                                                                          \
		FEW(BITS);                                                \
		gdi_lookup##BITS##_plain(value, n - done, v + done);      \
	}

DEFINE_LOOKUP(8)
DEFINE_LOOKUP(16)

/* ---- steps to values --------------------------------------------------- */

#define DEFINE_STEPS_PLAIN(BITS)                                          \
	void gdi_steps##BITS##_plain(const uint8_t *map,                  \
	    const uint##BITS##_t *value, size_t n, uint##BITS##_t *out)   \
	{                                                                 \
		for (size_t i = 0; i < n; i++) {                          \
			value += map[i / 8] >> (i % 8) & 1;               \
			out[i] = *value;                                  \
		}                                                         \
	}

DEFINE_STEPS_PLAIN(8)
DEFINE_STEPS_PLAIN(16)
DEFINE_STEPS_PLAIN(32)
DEFINE_STEPS_PLAIN(64)

#if defined(__x86_64__)
#define ONES UINT64_C(0x0101010101010101)

/* In byte k how many of bits 0 to k are set. */
static inline uint64_t
running_count(unsigned bits)
{
	uint64_t each = bits * ONES & UINT64_C(0x8040201008040201);

	return ((each + 0x7f * ONES) >> 7 & ONES) * ONES;
}

/* Eight rows have at most eight values, which follow each other: a shuffle
 * gives each row its own.  How many rows; *value is that of the last one. */
AVX2 static size_t
steps_32(const uint8_t *map, const uint32_t **value, size_t n, uint32_t *out)
{
	const uint32_t *at = *value;
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		unsigned bits = map[i / 8];
		__m256i eight = _mm256_loadu_si256(
		    (const __m256i *)(const void *)(at + (bits & 1)));
		__m256i which = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(
		    (int64_t)running_count(bits & 0xfe)));

		store(out + i, _mm256_permutevar8x32_epi32(eight, which));
		at += __builtin_popcount(bits);
	}
	*value = at;
	return i;
}
#endif

void
gdi_steps32(const uint8_t *map, const uint32_t *value, size_t n, uint32_t *out)
{
	size_t done = 0;

#if defined(__x86_64__)
	if (gp_cpu_has_avx2())
		done = steps_32(map, &value, n, out);
#endif
	gdi_steps32_plain(map + done / 8, value, n - done, out + done);
}
