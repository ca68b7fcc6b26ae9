/* hash: many keys at once hash as each does by itself. */
#include "common/base/hash.h"

#include "tests/tap.h"

enum { KEYS = 100, WORDS_MAX = 8 };

static void
test_records(const struct gp_hash_key *key, size_t words, size_t step)
{
	static uint64_t records[KEYS * (WORDS_MAX + 3)], before[KEYS *
	    (WORDS_MAX + 3)];
	uint64_t seed = tap_seed(words * 31 + step);
	size_t wrong = 0;

	for (size_t i = 0; i < KEYS * step; i++)
		records[i] = before[i] = tap_random(&seed);
	gp_hash_records(key, records, words, step, KEYS);
	for (size_t i = 0; i < KEYS * step; i++)
		wrong += records[i] != (i % step == 0 ?
		    gp_hash_words(key, &before[i + 1], words) : before[i]);
	is_int(wrong, 0, "%zu words, %zu from one to the next", words, step);
}

int
main(void)
{
	struct gp_hash_key key;

	if (!ok(gp_hash_key_init(&key) == 0, "a key"))
		return tap_done();
	for (size_t words = 1; words <= WORDS_MAX; words++)
		for (size_t more = 1; more <= 3; more++)
			test_records(&key, words, words + more);
	return tap_done();
}
