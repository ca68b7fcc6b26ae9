/* hash: many keys at once hash as each does by itself; SipHash is the one that
 * others compute. */
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

/* As Python 3.11 hashes these bytes with PYTHONHASHSEED=1, whose key this is. */
static void
test_siphash(void)
{
	static const struct gp_hash_key key = {{UINT64_C(0xaed66ce184be2329),
	    UINT64_C(0xebe9bbf1f1499052)}};
	static const struct {
		size_t words;
		uint64_t hash;
	} known[] = {
	    {1, UINT64_C(0x2f17ae0c011be1da)},
	    {2, UINT64_C(0x5ce9b46470bb0b75)},
	    {5, UINT64_C(0xe50d1ae61c167425)},
	    {8, UINT64_C(0x4852ec31ed1f39ad)},
	};
	uint64_t w[WORDS_MAX];

	for (size_t i = 0; i < WORDS_MAX; i++)
		w[i] = UINT64_C(0x0123456789abcdef) * (i + 1);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		ok(gp_hash_words_siphash13(&key, w, known[i].words) ==
		    known[i].hash, "SipHash-1-3 of %zu words", known[i].words);
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
	test_siphash();
	return tap_done();
}
