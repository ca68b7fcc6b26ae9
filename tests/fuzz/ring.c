/*
 * ring: a consumer over a ring whose bytes are the input, put there through
 * the producer's own mapping.
 *
 *   start (4)  where in the data the consumer stands, in FRAME_ALIGN units
 *   head  (8)  what the producer says, relative to that
 *   mode  (1)  bit 0: frames, one after the other, get the ring's instance,
 *              sequence numbers and checksums that fit
 *   rest       the data from there on, wrapping
 */
#include "common/ipc/ring.h"
#include "common/ipc/frame.h"
#include "tests/fuzz/rows.h"

#define PAGE 4096u
#define DATA_MAX (512u * 1024)

static struct ring_producer ring;
static _Alignas(8) uint8_t image[DATA_MAX + FRAME_MAX_BYTES];
static _Alignas(8) uint8_t copy[FRAME_MAX_BYTES];

/* Makes the frames in the image credible but for what they say. */
static void
seal(size_t len)
{
	size_t at = 0;

	for (uint64_t seq = 1; at + sizeof(struct frame_header) <= len;) {
		struct frame_header *h = (void *)(image + at);

		if (h->bytes < sizeof(*h) || h->bytes > FRAME_MAX_BYTES)
			return;
		h->magic = FRAME_MAGIC;
		h->version = FRAME_VERSION;
		if (h->kind != FRAME_PAD)
			h->seq = seq++;
		memcpy(h->instance, ring.info.instance, sizeof(h->instance));
		frame_seal(h);
		at += (h->bytes + FRAME_ALIGN - 1) & ~(size_t)(FRAME_ALIGN - 1);
	}
}

static void
store(uint64_t start, const uint8_t *from, size_t len)
{
	size_t at = (size_t)(start % ring.info.data_bytes);
	size_t n = ring.info.data_bytes - at;

	if (n > len)
		n = len;
	memcpy(ring.map + 2 * PAGE + at, from, n);
	memcpy(ring.map + 2 * PAGE, from + n, len - n);
}

/* As the writer's drain does: until there is none, or a lie. */
static void
consume(struct ring_consumer *c, uint64_t head)
{
	const char *why = NULL;
	uint64_t end, seq = 1;
	int n;

	while ((n = ring_peek(c, copy, &end, &why)) > 0) {
		const struct frame_header *h = (const void *)copy;

		FUZZ_CHECK(h->seq == seq++ && h->kind != FRAME_PAD);
		FUZZ_CHECK(end > c->pos && end <= head);
		FUZZ_CHECK(memcmp(h->instance, ring.info.instance, 16) == 0);
		fuzz_rows(h, (size_t)n);
		ring_next(c, end);
	}
	FUZZ_CHECK(n == 0 ? c->pos == head : why != NULL);
	(void)ring_backlog(c);
}

FUZZ_TARGET(ring)
{
	struct ring_consumer c;
	const char *why = NULL;
	uint32_t start;
	uint64_t head;
	uint8_t mode;

	if (!ring.map)
		FUZZ_CHECK(ring_create(&ring, RING_MIN_BYTES) == 0);
	fuzz_take(&data, &len, &start, sizeof(start));
	fuzz_take(&data, &len, &head, sizeof(head));
	mode = fuzz_byte(&data, &len);
	if (len > DATA_MAX)
		len = DATA_MAX;
	memset(image, 0, len + FRAME_MAX_BYTES);
	if (len > 0)
		memcpy(image, data, len);
	if (mode & 1)
		seal(len);
	FUZZ_CHECK(ring_attach(&c, ring.fd_ro, &why) == 0);
	c.pos = (uint64_t)start * FRAME_ALIGN;
	head += c.pos;
	store(c.pos, image, len);
	memcpy(ring.map + PAGE, &head, sizeof(head));
	consume(&c, head);
	ring_detach(&c);
	memset(image, 0, len);
	store((uint64_t)start * FRAME_ALIGN, image, len);
	return 0;
}
