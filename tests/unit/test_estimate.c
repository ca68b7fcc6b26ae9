/* Estimates: exact while keys are few, and near afterwards. */
#include <stdlib.h>

#include "common/godb/estimate.h"
#include "tests/tap.h"

static struct gdi_estimate e;

/* n keys, each `times` times, in an order that mixes them. */
static void
add_keys(uint64_t seed, size_t n, unsigned times)
{
	uint64_t *hash = malloc(n * sizeof(*hash));

	if (hash == NULL)
		abort();
	gdi_estimate_init(&e);
	for (size_t i = 0; i < n; i++)
		hash[i] = tap_random(&seed);
	for (unsigned k = 0; k < times; k++)
		for (size_t i = 0; i < n; i++)
			gdi_estimate_add(&e, hash[i * (k + 1) % n]);
	/* what the strides left out */
	for (size_t i = 0; i < n; i++)
		gdi_estimate_add(&e, hash[i]);
	free(hash);
}

int
main(void)
{
	static const size_t sizes[] = {4097, 5000, 10000, 100000, 1000000,
	    3000000};
	uint64_t seed = tap_seed(20261129);
	double far = 0;

	gdi_estimate_init(&e);
	is_int((int64_t)gdi_estimate(&e), 0, "nothing");
	add_keys(tap_random(&seed), 1, 5);
	is_int((int64_t)gdi_estimate(&e), 1, "one key");
	add_keys(tap_random(&seed), GDI_ESTIMATE_EXACT, 3);
	is_int((int64_t)gdi_estimate(&e), GDI_ESTIMATE_EXACT,
	    "exact as long as all are kept");
	for (unsigned round = 0; round < 5; round++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			double n = (double)sizes[i], off;

			add_keys(tap_random(&seed), sizes[i], 2);
			off = ((double)gdi_estimate(&e) - n) / n;
			off = off < 0 ? -off : off;
			far = off > far ? off : far;
		}
	/* five times the standard error */
	ok(far > 0 && far < 0.1, "30 numbers of keys, %.1f %% off at most",
	    far * 100);
	return tap_done();
}
