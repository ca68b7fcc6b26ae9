/*
 * The table equals a slow twin for random keys, whatever their length, however
 * many numbers stand behind them and however often it grows, and for keys of
 * which more or fewer ascend; tags are compared alike with and without SSE2.
 */
#include "common/godb/table.h"

#include "common/godb/godb.h"

#include <stdlib.h>
#include <string.h>

#include "tests/tap.h"

#define KEYS    3000
#define NUMBERS 8 /* at most */
#define WORDS   8

/* The twin: all keys there can be, one behind another. */
static uint64_t keys[KEYS][WORDS];
static uint64_t sums[KEYS][NUMBERS];
static bool present[KEYS];
static unsigned numbers = 4; /* of an entry */
static uint64_t seed;

static void
check_match(void)
{
	unsigned wrong = 0;

	for (int i = 0; i < 20000; i++) {
		uint8_t tags[16];
		uint8_t tag = (uint8_t)(0x80 | tap_random(&seed) % 4);

		for (int k = 0; k < 16; k++)
			tags[k] = (uint8_t)(tap_random(&seed) % 3 == 0 ? 0 :
				0x80 | tap_random(&seed) % 4);
		wrong += gdi_table_match(tags, tag) !=
		    gdi_table_match_plain(tags, tag);
	}
	is_int(wrong, 0, "tags match as they do plainly");
}

/* Zero keys, near ones, and ones that differ in one word. */
static void
make_keys(unsigned words)
{
	memset(keys, 0, sizeof(keys));
	memset(sums, 0, sizeof(sums));
	memset(present, 0, sizeof(present));
	for (size_t i = 0; i < KEYS; i++)
		keys[i][i % words] = i / words * (i % 2 ? 1 : UINT64_C(1) << 40)
		    + (i % 2);
	for (size_t i = 1; i < words; i++)
		keys[i][0] = UINT64_MAX - i; /* only one is all zero */
}

/* A batch of keys finds what each of them does, whichever table it is in. */
static unsigned
compare_all(const struct gdi_table *t, const struct gp_hash_key *hash)
{
	const struct gdi_table *in[GDI_TABLE_BATCH];
	struct gdi_table empty = *t;
	const uint64_t *key[GDI_TABLE_BATCH];
	uint64_t h[GDI_TABLE_BATCH], *at[GDI_TABLE_BATCH];
	unsigned wrong = 0;

	empty.n = 0;
	for (size_t i = 0; i < KEYS;) {
		size_t n = 0;

		for (; n < GDI_TABLE_BATCH && i < KEYS; n++, i++) {
			in[n] = i % 5 ? t : &empty;
			key[n] = keys[i];
			h[n] = gp_hash_words(hash, keys[i], t->key_words);
		}
		gdi_table_find_all(in, key, h, n, at);
		for (size_t k = 0; k < n; k++)
			wrong += at[k] != gdi_table_find(in[k], key[k], h[k]);
	}
	return wrong;
}

static unsigned
compare(const struct gdi_table *t, const struct gp_hash_key *hash)
{
	unsigned wrong = 0, n = 0;

	for (size_t i = 0; i < KEYS; i++) {
		const uint64_t *at = gdi_table_find(t, keys[i],
		    gp_hash_words(hash, keys[i], t->key_words));

		n += present[i];
		wrong += present[i] != (at != NULL);
		if (at && present[i])
			wrong += memcmp(at, sums[i],
			    numbers * sizeof(*at)) != 0;
	}
	return wrong + (t->n != n) + compare_all(t, hash);
}

/* A record of a key and random numbers, which the twin gets, too. */
static void
make_record(uint64_t *r, size_t which, unsigned words,
    const struct gp_hash_key *hash)
{
	present[which] = true;
	r[0] = gp_hash_words(hash, keys[which], words);
	memcpy(r + 1, keys[which], words * sizeof(*r));
	for (unsigned m = 0; m < numbers; m++) {
		uint64_t v = tap_random(&seed) >> (m % 4 == 0 ? 3 : 30);

		if (__builtin_add_overflow(sums[which][m], v, &sums[which][m]))
			sums[which][m] = UINT64_MAX;
		r[1 + words + m] = v;
	}
}

static void
check_random(unsigned words, bool large)
{
	struct gp_hash_key hash;
	struct gdi_arena arena;
	struct gdi_table t;
	unsigned wrong = 0;
	int rc = 0;

	(void)gp_hash_key_init(&hash);
	gdi_arena_init(&arena, 0);
	gdi_table_init(&t, words, numbers, large);
	for (int round = 0; round < 2; round++) {
		make_keys(words);
		for (int i = 0; i < 200; i++) {
			uint64_t records[GDI_TABLE_BATCH *
			    (1 + WORDS + NUMBERS)];
			size_t n = 1 + tap_random(&seed) % GDI_TABLE_BATCH;
			uint64_t *r = records;

			for (size_t k = 0; k < n;
			     k++, r += 1 + words + numbers)
				make_record(r, tap_random(&seed) %
					(KEYS * (size_t)(i + 1) / 200 + 1) %
					KEYS, words, &hash);
			rc |= gdi_table_reserve(&t, &hash, &arena);
			if (i % 3 == 0)
				gdi_table_add(&t, records, n);
			else if (i % 3 == 1)
				gdi_table_add_near(&t, records, n);
			else
				gdi_table_add_plain(&t, records, n);
		}
		wrong += compare(&t, &hash);
		gdi_table_clear(&t);
	}
	is_int(rc, 0, "%u words, %u numbers: room", words, numbers);
	is_int(wrong, 0, "  as the twin");
	gdi_table_free(&t, &arena);
	gdi_arena_fini(&arena);
	is_int(arena.bytes, 0, "  all memory is accounted for");
}

static int
order_keys(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	for (int i = 0; i < WORDS; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

/* The keys' first words so that they ascend when their halves are swapped. */
static void
sort_keys(bool swap)
{
	for (size_t i = 0; i < KEYS; i++) /* both halves matter */
		keys[i][0] += i * UINT64_C(0x9e3779b97f4a7c15);
	qsort(keys, KEYS, sizeof(keys[0]), order_keys);
	for (size_t i = 0; swap && i < KEYS; i++)
		keys[i][0] = keys[i][0] << 32 | keys[i][0] >> 32;
}

/* As the feed does: what ascends, then the rest; how many did. */
static size_t
add_in_order(struct gdi_table *t, const uint64_t *records, size_t n, bool swap,
    const struct gp_hash_key *hash, struct gdi_arena *arena)
{
	size_t step = 1 + t->words, done;

	if (gdi_table_reserve_loose(t, arena) < 0)
		abort();
	done = gdi_table_add_ascending(t, records, n, swap);
	if (done == n)
		return n;
	if (gdi_table_reserve(t, hash, arena) < 0)
		abort();
	gdi_table_add(t, records + done * step, n - done);
	return done;
}

/* Keys of up to so many of the twin's, one after another with some twice and
 * some left out; then from the front again, unless all is said once. */
static void
check_ascending(unsigned words, bool swap, unsigned times)
{
	uint64_t records[GDI_TABLE_BATCH * (1 + WORDS + NUMBERS)];
	struct gp_hash_key hash;
	struct gdi_arena arena;
	struct gdi_table t;
	unsigned wrong = 0;
	size_t ascended = 0, all = 0;

	(void)gp_hash_key_init(&hash);
	gdi_arena_init(&arena, 0);
	gdi_table_init(&t, words, numbers, false);
	for (int round = 0; round < 3; round++) {
		make_keys(words);
		sort_keys(swap);
		for (unsigned time = 0; time < times; time++)
			for (size_t at = 0; at < KEYS;) {
				size_t n = 0, room = 1 + tap_random(&seed) %
				    GDI_TABLE_BATCH;

				for (; n < room && at < KEYS; n++) {
					make_record(records +
						n * (1 + words + numbers), at,
					    words, &hash);
					at += tap_random(&seed) % 3;
				}
				all += n;
				ascended += add_in_order(&t, records, n, swap,
				    &hash, &arena);
			}
		if (times == 1) { /* it is to be asked for */
			wrong += !t.loose;
			wrong += gdi_table_reserve(&t, &hash, &arena) != 0;
		}
		wrong += t.loose;
		wrong += compare(&t, &hash);
		gdi_table_clear(&t);
	}
	is_int(wrong, 0, "%u words that ascend%s, %u times", words,
	    swap ? " with their halves swapped" : "", times);
	ok(times == 1 ? ascended == all : ascended < all && ascended > 0,
	    "  %zu of %zu in order", ascended, all);
	gdi_table_free(&t, &arena);
	gdi_arena_fini(&arena);
	is_int(arena.bytes, 0, "  all memory is accounted for");
}

/* ---- the bound ------------------------------------------------------------ */

#define BOUND ((size_t)1 << 20)

static atomic_bool over;

static void *
ask_too_much(void *arg)
{
	while (!over)
		(void)gdi_arena_charge(arg, BOUND);
	return NULL;
}

/* What one thread cannot have takes nothing from another, not even for a
 * moment. */
static void
check_bound(void)
{
	struct gdi_arena arena;
	pthread_t other;
	unsigned refused = 0;

	gdi_arena_init(&arena, BOUND);
	is_int(gdi_arena_charge(&arena, 1), 0, "a byte of the bound");
	if (pthread_create(&other, NULL, ask_too_much, &arena) != 0)
		abort();
	for (unsigned i = 0; i < 2000000; i++) {
		if (gdi_arena_charge(&arena, 1000) < 0)
			refused++;
		else
			gdi_arena_discharge(&arena, 1000);
	}
	over = true;
	(void)pthread_join(other, NULL);
	is_int(refused, 0, "  room that there is is given");
	is_int(gdi_arena_charge(&arena, BOUND - 1), 0, "  to the last byte");
	is_int(gdi_arena_charge(&arena, 1), GODB_EMEMORY, "  and no more");
	gdi_arena_discharge(&arena, BOUND);
	gdi_arena_fini(&arena);
}

int
main(void)
{
	static const unsigned other[] = {0, 1, 5, 8};

	seed = tap_seed(20261125);
	check_match();
	for (unsigned words = 1; words <= WORDS; words++)
		check_random(words, words % 2);
	for (unsigned words = 1; words <= WORDS; words++)
		for (unsigned i = 0; i < sizeof(other) / sizeof(*other); i++) {
			numbers = other[i];
			check_random(words, words % 2);
		}
	numbers = 4;
	for (unsigned words = 1; words <= WORDS; words++) {
		check_ascending(words, false, 1);
		check_ascending(words, true, 1 + words % 2);
		check_ascending(words, false, 2);
	}
	check_bound();
	return tap_done();
}
