#include "common/base/checksum.h"

#include "common/base/cpu.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Below this XXH3 has loops of other kinds. */
#define CHECKSUM_SHORT 240

uint64_t
gp_checksum(const void *data, size_t len, uint64_t seed)
{
#if defined(__x86_64__)
	if (len > CHECKSUM_SHORT && gp_cpu_has_avx2())
		return gp_checksum_avx2(data, len, seed);
#endif
	return XXH3_64bits_withSeed(data, len, seed);
}
