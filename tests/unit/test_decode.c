/*
 * decode: Ethernet and what lies between a link layer and IP, against frames
 * built here; and for every prefix of each, and for random bytes, no read
 * beyond the captured length.  test_decode_link.c has the other link types,
 * test_decode_ip.c what comes behind them.
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
	test_random();
	test_nesting();
	return tap_done();
}
