/*
 * What is put aside comes back: every shape of key and numbers, each record in
 * the partition that its hash says, in order, however often memory is used
 * again; and a bound that is reached loses nothing.
 */
#include "common/godb/spill.h"

#include <string.h>

#include "common/godb/godb.h"
#include "tests/tap.h"

#define N        20000
#define WORD_MAX 17 /* hash, key, numbers */

static uint64_t in[N * WORD_MAX], out[128 * WORD_MAX];
static uint64_t seed;

/* Mostly small, with each border of a form. */
static uint64_t
counter(void)
{
	static const uint64_t borders[] = {0, UINT8_MAX, UINT8_MAX + 1,
	    UINT16_MAX, (uint64_t)UINT16_MAX + 1, UINT32_MAX,
	    (uint64_t)UINT32_MAX + 1, UINT64_MAX};

	switch (tap_random(&seed) % 8) {
	case 0:
		return borders[tap_random(&seed) % 8];
	case 1:
		return tap_random(&seed);
	case 2:
		return tap_random(&seed) & UINT32_MAX;
	case 3:
	case 4:
	case 5:
		return tap_random(&seed) & UINT8_MAX;
	default:
		return tap_random(&seed) & UINT16_MAX;
	}
}

static void
make(unsigned words, unsigned last_bits, unsigned numbers, size_t n)
{
	uint64_t *r = in;

	for (size_t i = 0; i < n; i++) {
		*r++ = tap_random(&seed);
		for (unsigned k = 0; k < words; k++)
			*r++ = tap_random(&seed);
		r[-1] >>= 64 - last_bits;
		for (unsigned k = 0; k < numbers; k++)
			*r++ = counter();
	}
}

/* Wrong records, of n in. */
static unsigned
compare(const struct gdi_spill *s, size_t n)
{
	size_t step = 1 + s->key_words + s->numbers, found = 0;
	unsigned wrong = 0;

	for (unsigned part = 0; part < GDI_PARTITIONS; part++) {
		struct gdi_spill_reader r;
		const uint64_t *want = in;
		size_t some;

		gdi_spill_rewind(s, part, &r);
		while ((some = gdi_spill_next(&r, out, 1 + found % 128)) > 0) {
			for (size_t i = 0; i < some; i++, want += step) {
				while (want < in + n * step &&
				    (want[0] >> 8 & 255) != part)
					want += step;
				if (want == in + n * step)
					return wrong + 1;
				wrong += memcmp(want + 1, out + i * step + 1,
					     (step - 1) * 8) != 0;
			}
			found += some;
		}
	}
	return wrong + (found != n);
}

static void
check_shape(unsigned words, unsigned last_bits, unsigned numbers)
{
	struct gdi_arena arena;
	struct gdi_spill s;
	unsigned wrong = 0;
	size_t step = 1 + words + numbers, bytes = 0;
	int rc = 0;

	gdi_arena_init(&arena, 0);
	gdi_spill_init(&s, words, last_bits, numbers);
	for (int round = 0; round < 3; round++) {
		size_t n = round == 1 ? 100 : N;

		make(words, last_bits, numbers, n);
		for (size_t at = 0; at < n;) {
			size_t some = 1 + tap_random(&seed) % 128, done;

			if (some > n - at)
				some = n - at;
			rc |= gdi_spill_put(&s, &arena, in + at * step, some,
			    &done);
			wrong += done != some;
			at += done;
		}
		wrong += compare(&s, n);
		for (unsigned part = 0; part < GDI_PARTITIONS; part++)
			gdi_spill_clear(&s, part);
		wrong += compare(&s, 0) + (s.bytes != 0);
		wrong += round == 2 && arena.bytes > bytes + bytes / 4;
		bytes = arena.bytes > bytes ? arena.bytes : bytes;
	}
	ok(rc == 0 && wrong == 0, "%u words of key, %u bits in the last, %u "
	    "numbers: %u wrong", words, last_bits, numbers, wrong);
	gdi_spill_free(&s, &arena);
	gdi_arena_fini(&arena);
	ok(arena.bytes == 0, "nothing is left: %zu", arena.bytes);
}

static size_t
count(const struct gdi_spill *s)
{
	struct gdi_spill_reader r;
	size_t n = 0, some;

	for (unsigned part = 0; part < GDI_PARTITIONS; part++) {
		gdi_spill_rewind(s, part, &r);
		while ((some = gdi_spill_next(&r, out, 100)) > 0)
			n += some;
	}
	return n;
}

static void
check_bound(void)
{
	struct gdi_arena arena;
	struct gdi_spill s;
	size_t done = 0, all = 0;
	int rc = 0;

	/* one slab and the partitions' ends */
	gdi_arena_init(&arena, (4 << 20) + (64 << 10));
	gdi_spill_init(&s, 4, 64, 4);
	while (rc == 0 && all < 100 * N) {
		make(4, 64, 4, N);
		rc = gdi_spill_put(&s, &arena, in, N, &done);
		all += done;
	}
	is_int(rc, GODB_EMEMORY, "a bound");
	ok(done < N && all > 30000, "is told after %zu records", all);
	is_int((int64_t)count(&s), (int64_t)all, "which are those there");
	ok(arena.bytes <= arena.most, "and kept");
	for (unsigned part = 0; part < GDI_PARTITIONS; part++)
		gdi_spill_clear(&s, part);
	make(4, 64, 4, 1000);
	is_int(gdi_spill_put(&s, &arena, in, 1000, &done), 0,
	    "there is room again when all was read");
	is_int(compare(&s, 1000), 0, "for what comes then");
	gdi_spill_free(&s, &arena);
	gdi_arena_fini(&arena);
}

/* One that has chunks of its own idle already is handed another's. */
static void
check_handed_over(void)
{
	struct gdi_arena arena;
	struct gdi_spill a, b;
	size_t done, bytes;
	int rc = 0;

	gdi_arena_init(&arena, 0);
	gdi_spill_init(&a, 1, 64, 4);
	gdi_spill_init(&b, 1, 64, 4);
	make(1, 64, 4, N);
	for (int i = 0; rc == 0 && i < 10; i++)
		rc = gdi_spill_put(&b, &arena, in, N, &done);
	for (unsigned part = 0; part < GDI_PARTITIONS; part++)
		gdi_spill_clear(&b, part);
	for (int i = 0; rc == 0 && i < 10; i++)
		rc = gdi_spill_put(&a, &arena, in, N, &done);
	bytes = arena.bytes;
	gdi_spill_hand_over(&a, &b);
	for (int i = 0; rc == 0 && i < 18; i++)
		rc = gdi_spill_put(&b, &arena, in, N, &done);
	is_int(rc, 0, "one hands its memory to another");
	ok(arena.bytes <= bytes, "which needs no more: %zu of %zu",
	    arena.bytes, bytes);
	is_int((int64_t)a.bytes, 0, "it has none");
	is_int(compare(&a, 0), 0, "and no records");
	rc = gdi_spill_put(&a, &arena, in, 1000, &done);
	ok(rc == 0 && compare(&a, 1000) == 0, "and can go on");
	gdi_spill_free(&a, &arena);
	gdi_spill_free(&b, &arena);
	gdi_arena_fini(&arena);
}

int
main(void)
{
	seed = tap_seed(20261129);
	check_shape(1, 16, 4);
	check_shape(1, 32, 4);
	check_shape(1, 64, 4);
	check_shape(2, 64, 4);
	check_shape(2, 24, 5);
	check_shape(4, 64, 4);
	check_shape(6, 48, 8);
	check_shape(3, 32, 0);
	check_shape(8, 64, 0);
	check_bound();
	check_handed_over();
	return tap_done();
}
