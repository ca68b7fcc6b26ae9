/*
 * Frames that change while they are read, with the reader alone: ring_peek()
 * never hands out one that does not hold, and the same race catches a reader
 * that fetches a length twice, so it would be seen.  hostile.c does it to a
 * writer.
 *
 * HOSTILE_S: as there.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "tests/lib/fakecapture.h"
#include "tests/tap.h"

/*
 * How ring_peek() must not be written: it checks the length in shared memory
 * and then reads it there again.
 */
static int
faulty_peek(const uint8_t *shared, void *buf)
{
	const volatile struct frame_header *h = (const void *)shared;
	uint32_t used;

	if (h->bytes < sizeof(*h) || h->bytes > FRAME_MAX_BYTES)
		return -EPROTO;
	used = h->bytes; /* the second fetch */
	memcpy(buf, shared, sizeof(struct frame_header));
	return (int)used;
}

struct flipper {
	volatile uint32_t *bytes;
	uint32_t good;
	atomic_bool stop;
};

static void *
flip(void *arg)
{
	struct flipper *f = arg;

	while (!atomic_load_explicit(&f->stop, memory_order_relaxed)) {
		*f->bytes = UINT32_MAX;
		*f->bytes = f->good;
	}
	return NULL;
}

static void
look_at_both(unsigned seconds)
{
	static _Alignas(8) uint8_t frame[512], buf[FRAME_MAX_BYTES];
	struct fake_capture c = {.sock = -1};
	struct flipper f = {.stop = false};
	struct ring_consumer reader;
	const char *why;
	uint64_t end, passed = 0, bad = 0, tries = 0, caught = 0;
	int64_t until;
	pthread_t thread;
	size_t len;

	if (ring_create(&c.ring, 1u << 20) < 0 ||
	    ring_attach(&reader, c.ring.fd_ro, &why) < 0)
		exit(1);
	len = fake_frame(&c, frame);
	frame_seal(frame);
	f.good = (uint32_t)len;
	f.bytes = (volatile uint32_t *)(void *)(fake_data(&c) +
	    offsetof(struct frame_header, bytes));
	memcpy(fake_data(&c), frame, len);
	fake_set_head(&c, 512);
	if (pthread_create(&thread, NULL, flip, &f) != 0)
		exit(1);
	/* until it is caught, which on a busy machine takes a while */
	until = gp_clock_mono_ns() + 30 * GP_NS_PER_S;
	while (caught == 0 && gp_clock_mono_ns() < until)
		for (int i = 0; i < 100000; i++, tries++) {
			int n = faulty_peek(reader.map + 8192, buf);

			caught += n > (int)FRAME_MAX_BYTES ||
			    (n < 0 && n != -EPROTO);
		}
	until = gp_clock_mono_ns() + seconds * GP_NS_PER_S;
	while (gp_clock_mono_ns() < until)
		for (int i = 0; i < 1000; i++) {
			int n = ring_peek(&reader, buf, &end, &why);

			passed += n > 0;
			bad += n > 0 && (n != (int)len ||
			    frame_check(buf, (size_t)n) != NULL);
		}
	atomic_store(&f.stop, true);
	(void)pthread_join(thread, NULL);
	ok(caught > 0, "a reader that fetches twice is caught (%llu of %llu)",
	    (unsigned long long)caught, (unsigned long long)tries);
	ok(bad == 0 && passed > 0, "ring_peek under the same: %llu frames, "
	    "%llu of them wrong", (unsigned long long)passed,
	    (unsigned long long)bad);
	ring_detach(&reader);
	fake_capture_close(&c);
}

int
main(void)
{
	const char *more = getenv("HOSTILE_S");
	int seconds = more ? atoi(more) : getenv("LONG") ? 480 : 3;

	look_at_both(seconds < 10 ? 1 : 10);
	return tap_done();
}
