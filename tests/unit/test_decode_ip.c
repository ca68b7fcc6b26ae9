/*
 * decode: IPv4 and IPv6 headers and what follows them: fragments, extension
 * headers, ports, payload and hints.
 */
#include "tests/lib/decodetest.h"

static void
test_cut_extension(void)
{
	struct packet *p = packet_new();
	struct decode_packet d;

	put_ip6(p, 1, 2, 0, 16);
	put16(p, 17 << 8);
	ok(decode(229, p->b, p->n - 1, &d) == DECODE_IP && d.proto == 0,
	    "hop-by-hop, one byte of it captured");
	ok(decode(229, p->b, p->n, &d) == DECODE_IP && d.proto == 17,
	    "two bytes");
}

static void
test_ip4(void)
{
	struct packet *p = packet_new();
	struct decode_packet d;

	put_ip4(p, (struct ip4){.src = A, .dst = B, .proto = 17, .options = 40},
	    8);
	put_udp(p, 1000, 53);
	ok(decode(12, p->b, p->n, &d) == DECODE_IP && is_udp(&d), "options");
	ok(decode(12, p->b, 62, &d) == DECODE_IP &&
	    !(d.flags & DECODE_HAS_PORTS) && d.sport == 0,
	    "cut before the ports: counted, without them");
	ok(decode(12, p->b, 63, &d) == DECODE_IP &&
	    !(d.flags & DECODE_HAS_PORTS), "cut within them");
	ok(decode(12, p->b, 64, &d) == DECODE_IP && is_udp(&d) &&
	    d.ip == page_end - 64 && d.ip_len == 64, "cut behind them");
	ok(decode(12, p->b, 19, &d) == DECODE_MALFORMED, "cut header");
	p->b[0] = 0x44;
	ok(decode(12, p->b, p->n, &d) == DECODE_MALFORMED,
	    "header length 16");
	p->b[0] = 0x45;
	p->b[3] = 19;
	ok(decode(12, p->b, p->n, &d) == DECODE_MALFORMED,
	    "total length below the header");
	p->b[3] = 0;
	ok(decode(12, p->b, p->n, &d) == DECODE_IP &&
	    (d.flags & DECODE_HAS_PORTS), "total length 0: offload");
	p = packet_new();
	put_ip4(p, (struct ip4){.src = A, .dst = B, .proto = 17}, 0);
	put_udp(p, 1000, 53);
	ok(decode(12, p->b, p->n, &d) == DECODE_IP &&
	    !(d.flags & DECODE_HAS_PORTS), "padding holds no ports");
}

static void
test_ip4_fragments(void)
{
	struct packet *p = packet_new();
	struct decode_packet d;

	put_ip4(p, (struct ip4){.src = A, .dst = B, .proto = 17, .id = 0xbeef,
		       .frag = 0x2000}, 8);
	put_udp(p, 1000, 53);
	ok(decode(12, p->b, p->n, &d) == DECODE_IP && is_udp(&d) &&
	    (d.flags & DECODE_FRAG_FIRST) && d.frag_id == 0xbeef &&
	    d.frag_next == 17,
	    "first fragment");
	p->b[7] = 1;
	ok(decode(12, p->b, p->n, &d) == DECODE_IP && d.sport == 0 &&
	    (d.flags & DECODE_FRAG_LATER) && !(d.flags & DECODE_HAS_PORTS),
	    "later fragment: its first bytes are no ports");
	for (unsigned bit = 0; bit < 13; bit++) {
		p->b[6] = (uint8_t)(1u << bit >> 8);
		p->b[7] = (uint8_t)(1u << bit);
		ok(decode(12, p->b, p->n, &d) == DECODE_IP &&
		    d.flags == DECODE_FRAG_LATER, "offset %u", 8u << bit);
	}
	p->b[6] = 0x40;
	p->b[7] = 0;
	ok(decode(12, p->b, p->n, &d) == DECODE_IP && is_udp(&d) &&
	    !(d.flags & (DECODE_FRAG_FIRST | DECODE_FRAG_LATER)),
	    "don't fragment is no fragment");
}

static void
put_extension(struct packet *p, unsigned next)
{
	put8(p, next);
	put8(p, 1);
	put16(p, 0x010c);
	for (int i = 0; i < 3; i++)
		put32(p, 0);
}

static void
test_ip6(void)
{
	struct packet *p = packet_new();
	struct decode_packet d;

	put_ip6(p, 1, 2, 0, 3 * 16 + 8 + 8);
	put_extension(p, 43);
	put_extension(p, 60);
	put_extension(p, 44);
	put32(p, 17u << 24 | 1); /* first fragment */
	put32(p, 0xcafe0001);
	put_udp(p, 1000, 53);
	ok(decode(12, p->b, p->n, &d) == DECODE_IP && d.version == 6 &&
	    d.proto == 17 && d.dport == 53 && d.frag_id == 0xcafe0001 &&
	    (d.flags & DECODE_FRAG_FIRST), "all extension headers");
	p->b[40 + 48 + 3] = 8 | 1;
	ok(decode(12, p->b, p->n, &d) == DECODE_IP && d.proto == 17 &&
	    (d.flags & DECODE_FRAG_LATER) && d.dport == 0, "later fragment");
	for (unsigned bit = 3; bit < 16; bit++) {
		p->b[40 + 48 + 2] = (uint8_t)(1u << bit >> 8);
		p->b[40 + 48 + 3] = (uint8_t)(1u << bit);
		ok(decode(12, p->b, p->n, &d) == DECODE_IP &&
		    d.flags == DECODE_FRAG_LATER, "IPv6, offset %u",
		    1u << bit);
	}
	ok(decode(12, p->b, 40 + 48 + 8, &d) == DECODE_IP && d.proto == 17 &&
	    d.flags == DECODE_FRAG_LATER, "a fragment header and no more");
	p->b[40 + 48 + 2] = 0;
	p->b[40 + 48 + 3] = 6; /* reserved bits */
	ok(decode(12, p->b, p->n, &d) == DECODE_IP && d.dport == 53 &&
	    !(d.flags & DECODE_FRAG_FIRST), "atomic fragment");
	ok(decode(12, p->b, 42, &d) == DECODE_IP && d.proto == 43,
	    "cut: the walk stops at the number it knows");
	ok(decode(12, p->b, 40, &d) == DECODE_IP && d.proto == 0,
	    "cut before the first extension");
	ok(decode(12, p->b, 39, &d) == DECODE_MALFORMED, "cut fixed header");
	p = packet_new();
	put_ip6(p, 1, 2, 51, 8);
	put_udp(p, 1000, 53);
	ok(decode(12, p->b, p->n, &d) == DECODE_IP && d.proto == 51 &&
	    d.dport == 0, "AH ends the walk");
	p = packet_new();
	put_ip6(p, 1, 2, 43, 16 + 8);
	put_extension(p, 17);
	put_udp(p, 1000, 53);
	for (unsigned i = 0; i < 32; i++)
		p->b[8 + i] = (uint8_t)(0x20 + i);
	ok(decode(12, p->b, p->n, &d) == DECODE_IP && d.dport == 53,
	    "a routing header alone");
	ok(memcmp(d.src, p->b + 8, 16) == 0 &&
	    memcmp(d.dst, p->b + 24, 16) == 0, "whole addresses");
	ok(d.ip == page_end - p->n && d.ip_len == p->n, "where the header is");
	ok(decode(12, p->b, 41, &d) == DECODE_IP && d.proto == 17 &&
	    d.flags == 0, "cut behind what follows the routing header");
}

/* What lies behind the fragment header is part of the datagram: only the first
 * fragment shows it. */
static void
test_ip6_fragment_options(void)
{
	struct packet *p = packet_new();
	struct decode_packet d;

	put_ip6(p, 1, 2, 44, 8 + 16 + 8);
	put32(p, 60u << 24 | 1);
	put32(p, 0xcafe0002);
	put_extension(p, 17);
	put_udp(p, 1000, 53);
	ok(decode(12, p->b, p->n, &d) == DECODE_IP && d.proto == 17 &&
	    d.dport == 53 && (d.flags & DECODE_FRAG_FIRST) &&
	    d.frag_next == 60, "first fragment with options: both numbers");
	p->b[40 + 3] = 8;
	ok(decode(12, p->b, p->n, &d) == DECODE_IP && d.proto == 60 &&
	    (d.flags & DECODE_FRAG_LATER) && d.frag_next == 60,
	    "later fragment: the fragment header's");
	p = packet_new();
	put_ip6(p, 1, 2, 44, 8 + 8 + 8);
	put32(p, 44u << 24 | 1);
	put32(p, 0xcafe0003);
	put32(p, 17u << 24 | 8);
	put32(p, 0xcafe0004);
	put_udp(p, 1000, 53);
	ok(decode(12, p->b, p->n, &d) == DECODE_IP &&
	    d.flags == DECODE_FRAG_LATER && d.frag_id == 0xcafe0004,
	    "a fragment within a first one is what the inner header says");
}

/* Lengths in the fixed header, and the option that stands in for one. */
static void
test_ip6_lengths(void)
{
	static const uint8_t extension[] = {43, 44, 60};
	struct packet *p = packet_new();
	struct decode_packet d;

	put_ip6(p, 1, 2, 17, 3);
	put_udp(p, 1000, 53);
	ok(decode(12, p->b, p->n, &d) == DECODE_IP && d.proto == 17 &&
	    !(d.flags & DECODE_HAS_PORTS) && d.ip_len == 43,
	    "payload length within the ports");
	p->b[5] = 200;
	ok(decode(12, p->b, p->n, &d) == DECODE_IP && d.dport == 53 &&
	    d.ip_len == 48, "beyond what was captured");
	p->b[5] = 0;
	ok(decode(12, p->b, p->n, &d) == DECODE_IP && d.dport == 53,
	    "0, offload");
	for (size_t i = 0; i < sizeof(extension); i++) {
		p->b[6] = extension[i];
		ok(decode(12, p->b, p->n, &d) == DECODE_IP &&
		    d.proto == extension[i] && d.flags == 0,
		    "0, extension header %u: nothing follows", extension[i]);
	}
	p = packet_new();
	put_ip6(p, 1, 2, 0, 0);
	put32(p, 0x11000001); /* UDP; two bytes of padding */
	put32(p, 0x00000000);
	put_udp(p, 1000, 53);
	ok(decode(12, p->b, p->n, &d) == DECODE_IP && d.proto == 0 &&
	    !(d.flags & DECODE_HAS_PORTS), "0, no jumbo option");
	p->b[42] = 0xc2;
	p->b[43] = 4;
	ok(decode(12, p->b, p->n, &d) == DECODE_IP && d.proto == 0 &&
	    !(d.flags & DECODE_HAS_PORTS), "0, a jumbogram that is none");
	p->b[45] = 1;
	ok(decode(12, p->b, p->n, &d) == DECODE_IP && d.proto == 17 &&
	    d.dport == 53, "a jumbogram");
	p = packet_new();
	put_ip6(p, 1, 2, 0, 0);
	put32(p, 0x11010001);
	put32(p, 0x00010000);
	put32(p, 0x00c20400);
	put32(p, 0x01000000);
	put_udp(p, 1000, 53);
	ok(decode(12, p->b, p->n, &d) == DECODE_IP && d.proto == 17 &&
	    d.dport == 53, "a jumbogram, padding first");
	p = packet_new();
	put_ip6(p, 1, 2, 0, 0);
	put32(p, 0x11010104); /* of six bytes, in which it is none */
	put32(p, 0xc204ffff);
	put32(p, 0xc2040001);
	put32(p, 0x00000000);
	put_udp(p, 1000, 53);
	ok(decode(12, p->b, p->n, &d) == DECODE_IP && d.proto == 17 &&
	    d.dport == 53, "a jumbogram, other options first");
}

/* Who has ports, and who has none. */
static void
test_transports(void)
{
	static const unsigned with[] = {6, 17, 33, 132, 136};

	for (unsigned proto = 0; proto < 256; proto++) {
		struct packet *p = packet_new();
		struct decode_packet d;
		bool ports = false;

		for (size_t i = 0; i < 5; i++)
			ports |= with[i] == proto;
		put_ip4(p, (struct ip4){.src = A, .dst = B, .proto = proto},
		    8);
		put_udp(p, 1000, 53);
		if (decode(12, p->b, p->n, &d) != DECODE_IP ||
		    d.proto != proto ||
		    !(d.flags & DECODE_HAS_PORTS) == ports ||
		    d.sport != (ports ? 1000 : 0) ||
		    d.dport != (ports ? 53 : 0))
			ok(false, "IPv4, protocol %u", proto);
		if (proto == 0 || proto == 43 || proto == 44 || proto == 60)
			continue;
		p = packet_new();
		put_ip6(p, 1, 2, proto, 8);
		put_udp(p, 1000, 53);
		if (decode(12, p->b, p->n, &d) != DECODE_IP ||
		    d.proto != proto ||
		    !(d.flags & DECODE_HAS_PORTS) == ports ||
		    d.sport != (ports ? 1000 : 0))
			ok(false, "IPv6, next header %u", proto);
	}
	ok(true, "every protocol number");
}

/* Whether there is anything behind the transport's header, as captured. */
static void
payload_case(const char *what, unsigned proto, unsigned offset, size_t n,
    bool want)
{
	struct packet *p = packet_new();
	struct decode_packet d;

	put_ip4(p, (struct ip4){.src = A, .dst = B, .proto = proto}, n);
	put_bytes(p, 0, n);
	p->b[20 + 12] = (uint8_t)offset;
	ok(decode(12, p->b, 20 + n, &d) == DECODE_IP &&
	    !(d.flags & DECODE_PAYLOAD) == !want, "%s", what);
}

static void
test_payload(void)
{
	payload_case("TCP of a header", 6, 0x50, 20, false);
	payload_case("TCP with a byte", 6, 0x50, 21, true);
	payload_case("TCP with options alone", 6, 0x80, 32, false);
	payload_case("TCP with options and a byte", 6, 0x80, 33, true);
	payload_case("TCP with less than a header", 6, 0x40, 40, false);
	payload_case("UDP of a header", 17, 0, 8, false);
	payload_case("UDP with a byte", 17, 0, 9, true);
}

/* The first byte of an ICMP message, of whatever version. */
static void
test_icmp_types(void)
{
	static const uint8_t opens[] = {128, 130, 133, 135, 139},
	    answers[] = {129, 131, 134, 136, 140, 143};

	for (unsigned type = 0; type < 256; type++) {
		bool asks = memchr(opens, (int)type, sizeof(opens)),
		     tells = memchr(answers, (int)type, sizeof(answers));
		struct packet *p = packet_new();
		struct decode_packet d;

		put_ip6(p, 1, 2, 58, 1);
		put8(p, type);
		if (decode(12, p->b, p->n, &d) != DECODE_IP ||
		    d.icmp_type != type || d.tcp_flags != 0 ||
		    d.hint != (asks ? DECODE_HINT_OPENS :
			tells ? DECODE_HINT_ANSWERS : DECODE_HINT_NONE))
			ok(false, "ICMPv6, type %u", type);
		p = packet_new();
		put_ip6(p, 1, 2, 1, 1);
		put8(p, type);
		if (decode(12, p->b, p->n, &d) != DECODE_IP ||
		    d.icmp_type != 0 || d.hint != DECODE_HINT_NONE)
			ok(false, "ICMP in IPv6, type %u", type);
		p = packet_new();
		put_ip4(p, (struct ip4){.src = A, .dst = B, .proto = 58}, 1);
		put8(p, type);
		if (decode(12, p->b, p->n, &d) != DECODE_IP ||
		    d.icmp_type != 0 || d.hint != DECODE_HINT_NONE)
			ok(false, "ICMPv6 in IPv4, type %u", type);
	}
	ok(true, "every type of ICMPv6, and of neither");
}

static void
hint_case(const char *what, unsigned proto, const uint8_t *b, size_t n,
    enum decode_hint want)
{
	struct packet *p = packet_new();
	struct decode_packet d;

	put_ip4(p, (struct ip4){.src = A, .dst = B, .proto = proto}, n);
	put(p, b, n);
	ok(decode(12, p->b, p->n, &d) == DECODE_IP && d.hint == want, "%s",
	    what);
}

static void
ends_case(const char *what, const uint8_t *b, size_t n, bool want)
{
	struct packet *p = packet_new();
	struct decode_packet d;

	put_ip4(p, (struct ip4){.src = A, .dst = B, .proto = 6}, 20);
	put(p, b, n);
	ok(decode(12, p->b, p->n, &d) == DECODE_IP &&
	    !(d.flags & DECODE_ENDS) == !want, "%s", what);
}

static void
test_hints(void)
{
	uint8_t b[20] = {0, 1, 0, 2};

	b[13] = 0x02;
	hint_case("SYN opens", 6, b, 20, DECODE_HINT_OPENS);
	b[13] = 0x12;
	hint_case("SYN and ACK answers", 6, b, 20, DECODE_HINT_ANSWERS);
	b[13] = 0x10;
	hint_case("ACK says nothing", 6, b, 20, DECODE_HINT_NONE);
	ends_case("an ACK ends nothing", b, 20, false);
	b[13] = 0x11;
	ends_case("a FIN ends", b, 20, true);
	b[13] = 0x04;
	ends_case("a RST ends", b, 14, true);
	ends_case("one that was not captured does not", b, 13, false);
	b[12] = 1;
	hint_case("INIT opens", 132, b, 20, DECODE_HINT_OPENS);
	b[12] = 2;
	hint_case("INIT ACK answers", 132, b, 20, DECODE_HINT_ANSWERS);
	hint_case("of which no more was captured", 132, b, 13,
	    DECODE_HINT_ANSWERS);
	hint_case("UDP with the same bytes says nothing", 17, b, 20,
	    DECODE_HINT_NONE);
	b[8] = 0;
	hint_case("DCCP request opens", 33, b, 20, DECODE_HINT_OPENS);
	b[8] = 2;
	hint_case("DCCP response answers", 33, b, 20, DECODE_HINT_ANSWERS);
	b[0] = 8;
	hint_case("echo request opens", 1, b, 8, DECODE_HINT_OPENS);
	b[0] = 0;
	hint_case("echo reply answers", 1, b, 8, DECODE_HINT_ANSWERS);
	b[0] = 3;
	hint_case("unreachable says nothing", 1, b, 8, DECODE_HINT_NONE);
}

int
main(void)
{
	decode_init();
	test_cut_extension();
	test_ip4();
	test_ip4_fragments();
	test_ip6();
	test_ip6_fragment_options();
	test_ip6_lengths();
	test_transports();
	test_payload();
	test_icmp_types();
	test_hints();
	return tap_done();
}
