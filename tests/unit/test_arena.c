/* arena: bounded, sound after any sequence of calls, nothing overlaps, and all
 * of it comes back. */
#include "capture/arena.h"

#include "tests/tap.h"

#include <errno.h>

enum { BYTES = 1 << 20, LIVE = 512 };

static _Alignas(16) uint8_t memory[BYTES];

struct piece {
	uint8_t *p;
	size_t n;
	uint8_t mark;
};

static bool
intact(const struct piece *x)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->p[i] != x->mark)
			return false;
	return true;
}

static size_t
size(uint64_t *seed)
{
	uint64_t r = tap_random(seed);

	return r % 16 == 0 ? r / 16 % 60000 + 1 : r / 16 % 300 + 1;
}

static void
test_random(void)
{
	static struct piece live[LIVE];
	uint64_t seed = tap_seed(7);
	struct arena a;
	unsigned bad = 0, unsound = 0, full = 0;

	is_int(arena_init(&a, memory, BYTES), 0, "made");
	for (int i = 0; i < 200000; i++) {
		struct piece *x = &live[tap_random(&seed) % LIVE];

		if (x->p) {
			bad += !intact(x);
			arena_free(&a, x->p);
			x->p = NULL;
		} else {
			bool has;

			x->n = size(&seed);
			x->mark = (uint8_t)tap_random(&seed);
			has = arena_has(&a, x->n);
			x->p = arena_alloc(&a, x->n);
			bad += has != (x->p != NULL);
			full += !x->p;
			if (!x->p)
				continue;
			bad += (uintptr_t)x->p % ARENA_ALIGN != 0;
			memset(x->p, x->mark, x->n);
		}
		if (i % 1000 == 0)
			unsound += !arena_sound(&a);
	}
	is_int(bad, 0, "pieces are aligned, apart, and there when promised");
	is_int(unsound, 0, "blocks and lists agree");
	ok(full > 0, "it was full %u times", full);
	for (size_t i = 0; i < LIVE; i++)
		arena_free(&a, live[i].p);
	is_int(a.used, 0, "all of it came back");
	ok(arena_sound(&a) && arena_alloc(&a, BYTES * 9 / 10) != NULL,
	    "in one piece");
}

static void
test_edges(void)
{
	struct arena a;
	uint8_t outside[64];
	void *p;

	is_int(arena_init(&a, memory, 100), -EINVAL, "too small");
	is_int(arena_init(&a, memory + 8, BYTES - 8), -EINVAL, "not aligned");
	is_int(arena_init(&a, memory, BYTES), 0, "made");
	ok(!arena_alloc(&a, 0), "nothing of nothing");
	ok(!arena_alloc(&a, SIZE_MAX) && !arena_alloc(&a, BYTES),
	    "no more than there is");
	p = arena_alloc(&a, 1);
	arena_free(&a, NULL);
	arena_free(&a, outside);
	ok(p && arena_sound(&a), "strangers' pointers are left alone");
	((uint8_t *)p)[-8] ^= 0x40;
	ok(!arena_sound(&a), "damage is seen");
}

int
main(void)
{
	test_edges();
	test_random();
	return tap_done();
}
