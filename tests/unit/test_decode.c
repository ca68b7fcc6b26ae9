/*
 * decode: Ethernet and what lies between a link layer and IP, IPv4 and IPv6
 * headers, ports and hints, against frames built here; and for every prefix of
 * each, and for random bytes, no read beyond the captured length.
 * test_decode_link.c has the other link types.
 */
#include "tests/lib/decodetest.h"

static void
test_ethernet_tags(void)
{
	static const unsigned tags[] = {0x8100, 0x88a8, 0x9100, 0x9200,
		0x9300};
	struct packet *p = packet_new();
	struct decode_packet d;

	put_ether(p, 0x0800);
	put_udp4(p);
	link_case("Ethernet II", 1, p);
	ok(decode(1, p->b, p->n, &d) == DECODE_IP &&
	    !(d.flags & DECODE_GROUP), "to one host");
	p->b[0] |= 1;
	ok(decode(1, p->b, p->n, &d) == DECODE_IP && (d.flags & DECODE_GROUP),
	    "to a group");
	for (size_t i = 0; i < 5; i++) {
		p = packet_new();
		put_ether(p, tags[i]);
		put32(p, 7u << 16 | 0x8100);
		put32(p, 8u << 16 | 0x0800);
		put_udp4(p);
		link_case("two VLAN tags", 1, p);
	}
	p = packet_new();
	put_ether(p, 0x8926);
	put32(p, 0);
	put16(p, 0x0800);
	put_udp4(p);
	link_case("VN-Tag", 1, p);
	p = packet_new();
	put_ether(p, 0x88e7);
	put32(p, 5);
	put_ether(p, 0x0800);
	put_udp4(p);
	link_case("802.1ah", 1, p);
}

static void
test_llc(void)
{
	struct packet *p = packet_new();
	struct decode_packet d;

	put_ether(p, 36);
	put_snap(p, 0, 0x0800);
	put_udp4(p);
	link_case("802.3 with SNAP", 1, p);
	p->b[19] = 0xf8;
	link_case("bridged by 802.1H", 1, p);
	p->b[19] = 0x0c;
	ok(decode(1, p->b, p->n, &d) == DECODE_NON_IP,
	    "another organization's SNAP");
	p = packet_new();
	put_ether(p, 31);
	put8(p, 6);
	put8(p, 6);
	put8(p, 3);
	put_udp4(p);
	link_case("802.3 with the SAP of IP", 1, p);
	p = packet_new();
	put_ether(p, 38);
	put8(p, 0x42);
	put8(p, 0x42);
	put8(p, 3);
	put_udp4(p);
	ok(decode(1, p->b, p->n, &d) == DECODE_NON_IP, "STP is no IP");
	p = packet_new();
	put8(p, 0x50);
	put32(p, 0);
	put32(p, 0);
	put32(p, 0);
	put_snap(p, 0, 0x0800);
	put_udp4(p);
	link_case("FDDI", 10, p);
}

static void
test_mpls_pppoe(void)
{
	struct packet *p = packet_new();
	struct decode_packet d;

	put_ether(p, 0x8847);
	put32(p, 100u << 12 | 64);
	put32(p, 200u << 12 | 0x100 | 64);
	put_udp4(p);
	link_case("MPLS, two labels", 1, p);
	p->b[13]++;
	link_case("MPLS multicast", 1, p);
	p = packet_new();
	put_ether(p, 0x880b);
	put16(p, 0x0021);
	put_udp4(p);
	link_case("PPP's EtherType", 1, p);
	for (unsigned proto = 0x0281; proto <= 0x0283; proto += 2) {
		p = packet_new();
		put_ether(p, 0x8864);
		put16(p, 0x1100);
		put16(p, 1);
		put16(p, 34);
		put16(p, proto);
		put32(p, 100u << 12 | 0x140);
		put_udp4(p);
		link_case("MPLS in PPPoE", 1, p);
	}
	p = packet_new();
	put_ether(p, 0x8847);
	put32(p, 13u << 12 | 0x100 | 64);
	put_udp4(p);
	ok(decode(1, p->b, p->n, &d) == DECODE_NON_IP,
	    "behind the G-ACh label lies no IP");
	p->b[16] = 0xe1; /* 14, the last label */
	ok(decode(1, p->b, p->n, &d) == DECODE_NON_IP,
	    "nor behind that of OAM alerts");
	p = packet_new();
	put_ether(p, 0x8864);
	put16(p, 0x1100);
	put16(p, 1);
	put16(p, 30);
	put16(p, 0x0021);
	put_udp4(p);
	link_case("PPPoE", 1, p);
	p = packet_new();
	put_ether(p, 0x8863);
	put_udp4(p);
	ok(decode(1, p->b, p->n, &d) == DECODE_NON_IP, "PPPoE discovery");
	p = packet_new();
	put_ether(p, 0x894f);
	put32(p, 0x00020101);
	put32(p, 0);
	put_udp4(p);
	link_case("NSH", 1, p);
}

/* ---- IP ---------------------------------------------------------------- */

/* Frames within frames: each of `header` bytes, in front of Ethernet. */
static void
in_frame(const char *what, unsigned type, const uint8_t *header, size_t n)
{
	struct packet *p = packet_new();

	put_ether(p, type);
	put(p, header, n);
	put_ether(p, 0x0800);
	put_udp4(p);
	link_case(what, 1, p);
}

/* Tags of n bytes in front of the next type. */
static void
in_tag(const char *what, unsigned type, const uint8_t *tag, size_t n)
{
	struct packet *p = packet_new();

	put_ether(p, type);
	put(p, tag, n);
	put16(p, 0x0800);
	put_udp4(p);
	link_case(what, 1, p);
}

static void
test_envelopes(void)
{
	static const uint8_t label[] = {0, 6, 0x41, 64, 0, 0, 0, 0};
	static const uint8_t batman[] = {1, 15, 50, 0, 0, 0, 0, 1, 2, 0, 0, 0,
		0, 7};
	static const uint8_t unicast[] = {0x40, 15, 50, 1, 2, 0, 0, 0, 0, 7};
	static const uint8_t trill[] = {0, 0x50, 0, 1, 0, 2, 9, 9, 9, 9};
	static const uint8_t macsec[] = {0x20, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 7,
		0, 1};
	static const uint8_t tag[6] = {1, 1, 0, 1, 0, 5};
	static const uint8_t isl[] = {1, 0, 0x0c, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0,
		80, 0xaa, 0xaa, 3, 0, 0, 0x0c, 0, 2, 0, 1, 0, 0};
	uint8_t sealed[sizeof(macsec)];
	struct packet *p = packet_new();
	struct decode_packet d;

	in_frame("Ethernet pseudo-wire with a control word", 0x8847, label, 8);
	in_frame("without", 0x8847, label, 4);
	in_frame("transparent bridging", 0x6558, label, 0);
	in_frame("TRILL with options", 0x22f3, trill, sizeof(trill));
	in_frame("batman-adv broadcast", 0x4305, batman, sizeof(batman));
	in_frame("batman-adv unicast", 0x4305, unicast, sizeof(unicast));
	in_tag("MACsec in the clear", 0x88e5, macsec, sizeof(macsec));
	in_tag("HSR", 0x892f, tag, 4);
	in_tag("802.1CB", 0xf1c1, tag, 4);
	in_tag("Cisco metadata", 0x8909, tag, 6);
	in_tag("E-tag", 0x893f, tag, 6);
	in_frame("FabricPath", 0x8903, tag, 2);
	put(p, isl, sizeof(isl));
	put_ether(p, 0x0800);
	put_udp4(p);
	link_case("ISL", 1, p);

	memcpy(sealed, macsec, sizeof(macsec));
	for (size_t i = 0; i < 2; i++) {
		sealed[0] = (uint8_t)(macsec[0] | (i == 0 ? 0x0c : 0x80));
		p = packet_new();
		put_ether(p, 0x88e5);
		put(p, sealed, sizeof(sealed));
		put16(p, 0x0800);
		put_udp4(p);
		ok(decode(1, p->b, p->n, &d) == DECODE_NON_IP,
		    i == 0 ? "MACsec, encrypted" : "MACsec, another version");
	}
	p = packet_new();
	put_ether(p, 0x8847);
	put(p, label, 4);
	put32(p, 0x10000021);
	put_udp4(p);
	link_case("associated channel with IP", 1, p);
	p = packet_new();
	put_ether(p, 0x8847);
	put(p, label, 8);
	put_ether(p, 0x0806);
	put_udp4(p);
	ok(decode(1, p->b, p->n, &d) == DECODE_NON_IP,
	    "ARP in a pseudo-wire");
	p = packet_new();
	put_ether(p, 0x8847);
	put(p, label, 8);
	put_ether(p, 0x0800);
	put32(p, 0x00450000);
	put_udp4(p);
	ok(decode(1, p->b, p->n, &d) == DECODE_NON_IP,
	    "what only looks like one");
	p = packet_new();
	put_ether(p, 0x894f);
	put32(p, 0x00020104);
	put32(p, 0);
	put32(p, 0x00020101);
	put32(p, 0);
	put_udp4(p);
	link_case("NSH in NSH", 1, p);
}

/* Lengths of a layer below IP: what lies behind them is padding. */
static void
test_lengths(void)
{
	struct packet *p = packet_new();
	struct decode_packet d;

	put_ether(p, 0);
	put_snap(p, 0, 0x0800);
	put_udp4(p);
	ok(decode(1, p->b, p->n, &d) == DECODE_NON_IP, "802.3 length 0");
	p->b[13] = 20;
	ok(decode(1, p->b, p->n, &d) == DECODE_MALFORMED,
	    "802.3 length within the IP header");
	p->b[12] = 1500 >> 8;
	p->b[13] = 1500 & 255;
	link_case("802.3 length beyond the frame", 1, p);
	p->b[13]++;
	ok(decode(1, p->b, p->n, &d) == DECODE_NON_IP,
	    "1501 is neither a length nor a type");
	p = packet_new();
	put_ether(p, 0x8870);
	put_snap(p, 0, 0x0800);
	put_udp4(p);
	link_case("LLC in a jumbo frame", 1, p);
	p = packet_new();
	put_ether(p, 0x8864);
	put16(p, 0x1100);
	put16(p, 1);
	put16(p, 10);
	put16(p, 0x0021);
	put_udp4(p);
	ok(decode(1, p->b, p->n, &d) == DECODE_MALFORMED,
	    "PPPoE length within the IP header");
	p->b[19] = 200;
	link_case("PPPoE length beyond the frame", 1, p);
}

static void
test_more_llc(void)
{
	struct packet *p = packet_new();
	struct decode_packet d;

	put_ether(p, 60);
	put8(p, 0xfe);
	put16(p, 0xfe03);
	put_nlpid(p, 0xcc);
	link_case("LLC with ISO's network layer", 1, p);
	p = packet_new();
	put8(p, 0xaa);
	put16(p, 0xaa03);
	put_bridged(p, 2);
	link_case("bridged Ethernet over ATM", 11, p);
	p = packet_new();
	put8(p, 0xfe);
	put16(p, 0xfe03);
	put8(p, 0xcf);
	put8(p, 0x21);
	put_udp4(p);
	link_case("PPP over ATM", 11, p);
	p = packet_new();
	put16(p, 0xff03);
	put16(p, 0x0031);
	put16(p, 0x0001);
	put_ether(p, 0x0800);
	put_udp4(p);
	link_case("Ethernet bridged over PPP", 9, p);
	p = packet_new();
	put16(p, 0xff03);
	put16(p, 0x003d);
	put32(p, 0xc0000001);
	put8(p, 0x21);
	put_udp4(p);
	link_case("multilink PPP", 9, p);
	p->b[4] = 0x40;
	ok(decode(9, p->b, p->n, &d) == DECODE_NON_IP,
	    "a later fragment has no header");
}

/* Arista's time stamp of either length, and what is none. */
static void
test_time_stamped(void)
{
	static const uint8_t stamp[] = {0, 1, 1, 0x11, 1, 2, 3, 4, 5, 6, 7, 8};
	uint8_t other[sizeof(stamp)];
	struct packet *p;
	struct decode_packet d;

	in_tag("Arista's 64-bit time stamp", 0xd28b, stamp, 12);
	memcpy(other, stamp, sizeof(stamp));
	other[3] = 0x20;
	in_tag("48 bits", 0xd28b, other, 10);
	other[3] = 0x30;
	p = packet_new();
	put_ether(p, 0xd28b);
	put(p, other, 10);
	put16(p, 0x0800);
	put_udp4(p);
	ok(decode(1, p->b, p->n, &d) == DECODE_NON_IP, "a format unknown");
	p->b[17] = 0x20;
	p->b[15] = 2;
	ok(decode(1, p->b, p->n, &d) == DECODE_NON_IP, "another subtype");
}

/* What a pseudo-wire's frame may hold; and wires in wires end. */
static void
test_pseudowires(void)
{
	struct packet *p = packet_new();
	struct decode_packet d;

	put_ether(p, 0x8847);
	put32(p, 100u << 12 | 0x140);
	put32(p, 0);
	put_ether(p, 36);
	put_snap(p, 0, 0x0800);
	put_udp4(p);
	link_case("SNAP in a pseudo-wire", 1, p);
	p = packet_new();
	put_ether(p, 0x8847);
	put32(p, 100u << 12 | 0x140);
	put32(p, 0);
	put_ether(p, 0x8847);
	put32(p, 200u << 12 | 0x140);
	put_udp4(p);
	link_case("MPLS in a pseudo-wire", 1, p);
	p = packet_new();
	for (int i = 0; i < 3; i++) {
		put_ether(p, 0x8847);
		put32(p, 100u << 12 | 0x140);
		put32(p, 0);
	}
	put_ether(p, 0x0800);
	put_udp4(p);
	link_case("three pseudo-wires in one another", 1, p);
	p = packet_new();
	put_ether(p, 0x8847);
	put32(p, 100u << 12 | 0x140);
	put32(p, 0);
	put_ether(p, 0x8847);
	put32(p, 200u << 12 | 0x140);
	put8(p, 0x0f); /* to a group, if that were a frame */
	for (int i = 0; i < 60; i++)
		put8(p, 0x0f);
	ok(decode(1, p->b, p->n, &d) == DECODE_NON_IP,
	    "nothing in a pseudo-wire");
	p = packet_new();
	for (int i = 0; i < 5; i++) {
		put_ether(p, 0x8847);
		put32(p, 100u << 12 | 0x140);
		put32(p, 0);
	}
	put_ether(p, 0x0800);
	put_udp4(p);
	ok(decode(1, p->b, p->n, &d) == DECODE_NON_IP,
	    "pseudo-wires in one another end somewhere");
	/* the try with a control word takes bytes for a group's address */
	p = packet_new();
	put_ether(p, 0x8847);
	put32(p, 100u << 12 | 0x140);
	put32(p, 0x02000000);
	put32(p, 0x01020200);
	put32(p, 0x00000002);
	put16(p, 0x0800);
	put_udp4(p);
	ok(decode(1, p->b, p->n, &d) == DECODE_IP && is_udp(&d) &&
	    !(d.flags & DECODE_GROUP),
	    "a try that failed leaves no verdict behind");
}

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

/* ---- hostile ----------------------------------------------------------- */

static void
test_random(void)
{
	uint64_t seed = tap_seed(1);
	struct decode_packet d;
	unsigned n_ip = 0;

	for (int i = 0; i < 300000; i++) {
		uint8_t b[160];
		size_t n = tap_random(&seed) % sizeof(b);
		int dlt = (int)(tap_random(&seed) % 290);

		for (size_t j = 0; j < n; j++)
			b[j] = (uint8_t)tap_random(&seed);
		/* headers that lead further in than chance does */
		if (n > 20 && i % 2) {
			static const uint8_t type[][2] = {{8, 0},
				{0x86, 0xdd}, {0x81, 0}, {0x88, 0x47},
				{0x88, 0x64}, {0x89, 0x4f}, {0x88, 0xe7},
				{0x89, 3}, {0, 40}, {0x22, 0xf3}, {0x43, 5},
				{0x88, 0xe5}, {0x65, 0x58}};

			dlt = 1;
			memcpy(b + 12, type[tap_random(&seed) % 13], 2);
			b[14] = (uint8_t)(tap_random(&seed) % 2 ? 0x45 : 0x60);
		}
		n_ip += decode(dlt, b, n, &d) == DECODE_IP;
	}
	ok(n_ip > 1000, "random frames: %u decoded, none overread", n_ip);
}

static void
test_nesting(void)
{
	static uint8_t b[65536];
	struct decode_packet d;

	for (size_t i = 0; i + 18 <= sizeof(b); i += 18) {
		b[i + 12] = 0x88;
		b[i + 13] = 0xe7;
	}
	ok(decode_frame(1, b, sizeof(b), sizeof(b), &d) == DECODE_NON_IP,
	    "frames in frames end somewhere");
	for (size_t i = 12; i + 4 <= sizeof(b); i += 4)
		memcpy(b + i, "\x81\x00\x00\x01", 4);
	ok(decode_frame(1, b, sizeof(b), sizeof(b), &d) == DECODE_NON_IP,
	    "so do tags");
	for (int deep = 7; deep <= 9; deep += 2) {
		struct packet *p = packet_new();

		for (int i = 0; i < deep; i++) {
			put_ether(p, 0x88e7);
			put32(p, 1);
		}
		put_ether(p, 0x0800);
		put_udp4(p);
		ok(decode(1, p->b, p->n, &d) ==
		    (deep < 8 ? DECODE_IP : DECODE_NON_IP),
		    "%d frames around one", deep);
	}
	for (int deep = 4; deep <= 10; deep += 6) {
		struct packet *p = packet_new();

		put_ether(p, 0x8870);
		for (int i = 0; i < deep; i++)
			put_snap(p, 0, 0x8870);
		put_snap(p, 0, 0x0800);
		put_udp4(p);
		ok(decode(1, p->b, p->n, &d) ==
		    (deep < 8 ? DECODE_IP : DECODE_NON_IP),
		    "%d headers of LLC in jumbo frames", deep + 1);
	}
}

int
main(void)
{
	decode_init();
	test_ethernet_tags();
	test_llc();
	test_mpls_pppoe();
	test_envelopes();
	test_lengths();
	test_more_llc();
	test_time_stamped();
	test_pseudowires();
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
	test_random();
	test_nesting();
	return tap_done();
}
