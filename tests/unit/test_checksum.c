/* The checksum is XXH3's, whichever code the CPU runs. */
#include "common/base/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "tests/tap.h"

static uint64_t v[8192];

int
main(void)
{
	uint64_t seed = tap_seed(7);
	unsigned wrong = 0, n_lengths = 0;

	for (size_t i = 0; i < sizeof(v) / 8; i++)
		v[i] = tap_random(&seed);
	for (size_t n = 0; n < 3000; n += n < 600 ? 1 : 37, n_lengths++) {
		uint64_t salt = n % 2 ? tap_random(&seed) : 0;

		wrong += gp_checksum(v, n, salt) !=
		    XXH3_64bits_withSeed(v, n, salt);
	}
	wrong += gp_checksum(v, sizeof(v), 0) !=
	    XXH3_64bits_withSeed(v, sizeof(v), 0);
	is_int(wrong, 0, "checksums of %u lengths", n_lengths + 1);
	return tap_done();
}
