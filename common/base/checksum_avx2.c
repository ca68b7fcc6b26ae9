/*
 * gp_checksum for CPUs with AVX2: this file alone is compiled for them.
 */
#include "common/base/checksum.h"

#if defined(__x86_64__)
#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t
gp_checksum_avx2(const void *data, size_t len, uint64_t seed)
{
	return XXH3_64bits_withSeed(data, len, seed);
}
#endif
