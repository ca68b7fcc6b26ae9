#include "common/base/hash.h"

#include "common/base/cpu.h"

#include <errno.h>
#include <sys/random.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

int
gp_hash_key_init(struct gp_hash_key *key)
{
	ssize_t n;

	do {
		n = getrandom(key, sizeof(*key), 0);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n == (ssize_t)sizeof(*key) ? 0 : -EIO;
}

#define ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))
#define SIPROUND                       \
	do {                           \
		v0 += v1;              \
		v1 = ROTL(v1, 13) ^ v0; \
		v0 = ROTL(v0, 32);     \
		v2 += v3;              \
		v3 = ROTL(v3, 16) ^ v2; \
		v0 += v3;              \
		v3 = ROTL(v3, 21) ^ v0; \
		v2 += v1;              \
		v1 = ROTL(v1, 17) ^ v2; \
		v2 = ROTL(v2, 32);     \
	} while (0)

/* SipHash-1-3 (Aumasson, Bernstein) over 8*n bytes, words little-endian. */
uint64_t
gp_hash_words_siphash13(const struct gp_hash_key *key, const uint64_t *w,
    size_t n)
{
	uint64_t v0 = key->k[0] ^ UINT64_C(0x736f6d6570736575);
	uint64_t v1 = key->k[1] ^ UINT64_C(0x646f72616e646f6d);
	uint64_t v2 = key->k[0] ^ UINT64_C(0x6c7967656e657261);
	uint64_t v3 = key->k[1] ^ UINT64_C(0x7465646279746573);
	uint64_t last = (uint64_t)(n * 8) << 56;

	for (size_t i = 0; i < n; i++) {
		v3 ^= w[i];
		SIPROUND;
		v0 ^= w[i];
	}
	v3 ^= last;
	SIPROUND;
	v0 ^= last;
	v2 ^= 0xff;
	SIPROUND;
	SIPROUND;
	SIPROUND;
	return v0 ^ v1 ^ v2 ^ v3;
}

#if defined(__x86_64__)
/* Two words a round into an AES state, two keyed rounds to finish: full
 * diffusion at some 10 cycles a key, where SipHash takes 60. */
__attribute__((target("aes,sse2"))) static inline uint64_t
words_aes(const struct gp_hash_key *key, const uint64_t *w, size_t n)
{
	__m128i k0 = _mm_set_epi64x((long long)key->k[1], (long long)key->k[0]);
	__m128i k1 = _mm_set_epi64x((long long)key->k[3], (long long)key->k[2]);
	__m128i s = _mm_xor_si128(k0, _mm_set_epi64x(0, (long long)n));
	size_t i = 0;

	for (; i + 1 < n; i += 2) {
		s = _mm_xor_si128(s, _mm_set_epi64x((long long)w[i + 1],
					 (long long)w[i]));
		s = _mm_aesenc_si128(s, k1);
	}
	if (i < n) {
		s = _mm_xor_si128(s, _mm_set_epi64x(0, (long long)w[i]));
		s = _mm_aesenc_si128(s, k1);
	}
	s = _mm_aesenc_si128(s, k0);
	s = _mm_aesenc_si128(s, k1);
	return (uint64_t)_mm_cvtsi128_si64(s);
}

__attribute__((target("aes,sse2"))) static void
records_aes(const struct gp_hash_key *key, uint64_t *r, size_t n, size_t step,
    size_t count)
{
	/* the most common get loops of their own */
#define RECORDS(words)                                  \
	for (size_t i = 0; i < count; i++, r += step)   \
		r[0] = words_aes(key, r + 1, words)
	if (n == 1)
		RECORDS(1);
	else if (n == 2)
		RECORDS(2);
	else if (n == 5)
		RECORDS(5);
	else
		RECORDS(n);
#undef RECORDS
}
#endif

void
gp_hash_records(const struct gp_hash_key *key, uint64_t *records, size_t n,
    size_t step, size_t count)
{
#if defined(__x86_64__)
	if (gp_cpu_has_aes()) {
		records_aes(key, records, n, step, count);
		return;
	}
#endif
	for (size_t i = 0; i < count; i++, records += step)
		records[0] = gp_hash_words_siphash13(key, records + 1, n);
}

uint64_t
gp_hash_words(const struct gp_hash_key *key, const uint64_t *w, size_t n)
{
#if defined(__x86_64__)
	if (gp_cpu_has_aes())
		return words_aes(key, w, n);
#endif
	return gp_hash_words_siphash13(key, w, n);
}
