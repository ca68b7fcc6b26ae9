/* decode: one frame of any link type.  Input: link type (2 bytes, little
 * endian), bytes that the wire had beyond it (2 bytes), the frame. */
#include "capture/decode.h"
#include "capture/fragment.h"
#include "capture/orient.h"
#include "tests/fuzz/fuzz.h"

static void
check_packet(const struct decode_packet *p)
{
	unsigned later = p->flags & DECODE_FRAG_LATER;

	FUZZ_CHECK(p->version == 4 || p->version == 6);
	FUZZ_CHECK(!later || !(p->flags & DECODE_FRAG_FIRST));
	FUZZ_CHECK(!later || !(p->flags & DECODE_HAS_PORTS));
	FUZZ_CHECK(p->flags & DECODE_HAS_PORTS || (!p->sport && !p->dport));
	FUZZ_CHECK(p->hint <= DECODE_HINT_ANSWERS);
	FUZZ_CHECK(orient_packet(p).level >= ORIENT_FIRST);
	FUZZ_CHECK(orient_hint(p).level <= ORIENT_HANDSHAKE);
}

static void
decode(int dlt, const uint8_t *data, size_t len, uint32_t beyond)
{
	static struct fragment_cache cache;
	static bool ready;
	const struct gp_hash_key key = {0};
	/* of the very size, so that a byte beyond it is seen */
	uint8_t *frame = malloc(len ? len : 1);
	struct decode_packet p;
	enum decode_class class;

	FUZZ_CHECK(frame);
	if (len > 0)
		memcpy(frame, data, len);
	if (!ready) {
		orient_init();
		fragment_init(&cache, &key);
		ready = true;
	}
	class = decode_frame(dlt, frame, (uint32_t)len,
	    (uint32_t)len + beyond, &p);
	FUZZ_CHECK(p.wire_len == len + beyond);
	if (!decode_knows(dlt))
		FUZZ_CHECK(class == DECODE_NON_IP);
	if (class == DECODE_IP) {
		check_packet(&p);
		fragment_track(&cache, &p, beyond);
	}
	free(frame);
}

FUZZ_TARGET(decode)
{
	uint16_t head[2];

	fuzz_take(&data, &len, head, sizeof(head));
	decode(head[0], data, len, head[1]);
#ifndef FUZZ_LIBFUZZER
	/* the committed frames also cut at every byte */
	for (size_t n = 0; n < len; n++)
		decode(head[0], data, n, head[1]);
#endif
	return 0;
}
