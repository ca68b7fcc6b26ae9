/*
 * decodetest - what the tests of the decoder share: frames at the end of a
 * page, so that a read beyond the captured length is a fault, and the flow
 * that most of them carry.
 */
#ifndef TESTS_LIB_DECODETEST_H
#define TESTS_LIB_DECODETEST_H

#include <sys/mman.h>
#include <unistd.h>

#include "capture/decode.h"

#include "tests/lib/packet.h"
#include "tests/tap.h"

enum { A = 0x0a000001, B = 0x0a000002 };

static uint8_t *page_end; /* the byte behind is not readable */

static void
decode_init(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || mprotect(map + page, page, PROT_NONE) != 0)
		skip_all("no memory");
	page_end = map + page;
}

static enum decode_class
decode(int dlt, const uint8_t *b, size_t n, struct decode_packet *out)
{
	uint8_t *at = page_end - n;

	memcpy(at, b, n);
	memset(out, 0xee, sizeof(*out));
	return decode_frame(dlt, at, (uint32_t)n, (uint32_t)n + 5, out);
}

static bool
is_udp(const struct decode_packet *d)
{
	static const uint8_t a[4] = {10, 0, 0, 1}, b[4] = {10, 0, 0, 2};

	return d->version == 4 && d->proto == 17 && d->sport == 1000 &&
	    d->dport == 53 && (d->flags & DECODE_HAS_PORTS) &&
	    memcmp(d->src, a, 4) == 0 && memcmp(d->dst, b, 4) == 0;
}

static void
put_udp4(struct packet *p)
{
	put_ip4(p, (struct ip4){.src = A, .dst = B, .proto = 17}, 8);
	put_udp(p, 1000, 53);
}

__attribute__((unused)) static void
put_udp6(struct packet *p)
{
	put_ip6(p, 1, 2, 17, 8);
	put_udp(p, 1000, 53);
}

/* The flow is found in the frame, and no prefix of it is read too far. */
__attribute__((unused)) static void
link_case(const char *what, int dlt, const struct packet *p)
{
	struct decode_packet d;
	enum decode_class class = decode(dlt, p->b, p->n, &d);

	ok(class == DECODE_IP && is_udp(&d) && d.wire_len == p->n + 5 &&
	    decode_knows(dlt), "%s", what);
	for (size_t n = 0; n < p->n; n++)
		decode(dlt, p->b, n, &d);
}

__attribute__((unused)) static void
put_snap(struct packet *p, unsigned oui, unsigned type)
{
	put8(p, 0xaa);
	put8(p, 0xaa);
	put8(p, 3);
	put8(p, 0);
	put16(p, oui);
	put16(p, type);
}

__attribute__((unused)) static void
put_nlpid(struct packet *p, unsigned nlpid)
{
	put8(p, nlpid);
	put_udp4(p);
}

__attribute__((unused)) static void
put_bridged(struct packet *p, size_t pad)
{
	put16(p, 0x0080);
	put16(p, 0xc200);
	put8(p, 7);
	for (size_t i = 0; i < pad; i++)
		put8(p, 0);
	put_ether(p, 0x0800);
	put_udp4(p);
}

#endif
