/* stage: copies come out as they went in, in pieces, whatever the positions;
 * a full one says so. */
#include "capture/stage.h"

#include "tests/tap.h"

enum { HELD = 256 };

struct copy {
	const uint8_t *p;
	uint32_t len, end;
	uint8_t mark;
};

static void
test_random(void)
{
	static struct copy held[HELD];
	uint64_t seed = tap_seed(5), full = 0, bad = 0;
	unsigned head = 0, tail = 0;
	struct stage s;
	uint8_t from[4096];

	is_int(stage_init(&s, 60000), 0, "made");
	is_int(s.size, 65536, "of a power of two");
	s.head = s.tail = UINT32_MAX - 100000; /* positions run over */
	for (int i = 0; i < 200000; i++) {
		struct copy *c = &held[head % HELD];

		c->len = (uint32_t)(tap_random(&seed) % sizeof(from)) + 1;
		c->mark = (uint8_t)i;
		memset(from, c->mark, c->len);
		c->p = head - tail < HELD ? stage_copy(&s, from, c->len) : NULL;
		c->end = s.head;
		head += c->p != NULL;
		full += c->p == NULL;
		while (tail != head && (!c->p || tap_random(&seed) % 2)) {
			const struct copy *t = &held[tail++ % HELD];

			for (uint32_t k = 0; k < t->len; k++)
				bad += t->p[k] != t->mark;
			stage_release(&s, t->end);
			if (tap_random(&seed) % 4 == 0)
				break;
		}
	}
	is_int(bad, 0, "every byte of every copy");
	ok(full > 0, "it was full %" PRIu64 " times", full);
	ok(!stage_copy(&s, from, 65537), "nothing larger than all of it");
	stage_fini(&s);
}

int
main(void)
{
	test_random();
	return tap_done();
}
