/* decode: link types other than Ethernet, against frames built here. */
#include "tests/lib/decodetest.h"

static void
test_ppp(void)
{
	struct packet *p = packet_new();

	put16(p, 0xff03);
	put16(p, 0x0021);
	put_udp4(p);
	link_case("PPP with HDLC framing", 9, p);
	link_case("PPP serial", 50, p);
	p = packet_new();
	put8(p, 0x21);
	put_udp4(p);
	link_case("PPP without framing, one-byte protocol", 9, p);
	p = packet_new();
	put16(p, 0x0f00);
	put16(p, 0x0800);
	put_udp4(p);
	link_case("Cisco HDLC", 104, p);
	link_case("Cisco HDLC under PPP", 9, p);
	p = packet_new();
	put16(p, 0x1100);
	put16(p, 1);
	put16(p, 30);
	put16(p, 0x0021);
	put_udp4(p);
	link_case("PPP over Ethernet link type", 51, p);
	p = packet_new();
	put16(p, 0x1841);
	put8(p, 3);
	put8(p, 0xcc);
	put_udp4(p);
	link_case("frame relay", 107, p);
}

static void
test_cooked_raw(void)
{
	static const int raw[] = {12, 14, 101, 228};
	static const uint8_t swapped[4] = {2, 0, 0, 0};
	struct packet *p = packet_new();

	put16(p, 0);
	put16(p, 1);
	put16(p, 6);
	put32(p, 0);
	put32(p, 0);
	put16(p, 0x0800);
	put_udp4(p);
	link_case("Linux cooked", 113, p);
	p = packet_new();
	put16(p, 0x0800);
	put16(p, 0);
	put32(p, 1);
	put32(p, 0);
	put32(p, 0);
	put32(p, 0);
	put_udp4(p);
	link_case("Linux cooked v2", 276, p);
	p = packet_new();
	put_udp4(p);
	for (size_t i = 0; i < 4; i++)
		link_case("raw", raw[i], p);
	p = packet_new();
	put(p, swapped, 4);
	put_udp4(p);
	link_case("null, little endian", 0, p);
	p = packet_new();
	put32(p, 2);
	put_udp4(p);
	link_case("null, big endian", 0, p);
	link_case("loop", 108, p);
}

static void
test_null_ip6(void)
{
	static const unsigned af[] = {10, 23, 24, 26, 28, 30};
	struct decode_packet d;

	for (size_t i = 0; i < 6; i++) {
		struct packet *p = packet_new();

		put32(p, af[i]);
		put_udp6(p);
		ok(decode(0, p->b, p->n, &d) == DECODE_IP && d.version == 6 &&
		    d.dport == 53, "null with AF_INET6 %u", af[i]);
	}
}

static void
test_wifi(void)
{
	static const uint8_t tap[8] = {0, 0, 8, 0, 0, 0, 0, 0};
	struct packet *p = packet_new();
	struct decode_packet d;

	put16(p, 0x8801); /* QoS data, to the access point */
	for (int i = 0; i < 11; i++)
		put16(p, 0);
	put16(p, 0);
	put_snap(p, 0, 0x0800);
	put_udp4(p);
	link_case("802.11 QoS data", 105, p);
	p->b[1] |= 0x40;
	ok(decode(105, p->b, p->n, &d) == DECODE_NON_IP, "encrypted 802.11");
	p->b[1] &= 0xbf;
	p->b[0] |= 1;
	ok(decode(105, p->b, p->n, &d) == DECODE_NON_IP, "802.11, version 1");
	p->b[0] &= 0xfc;
	p->b[22] = 0x01;
	ok(decode(105, p->b, p->n, &d) == DECODE_NON_IP,
	    "the rest of a fragmented 802.11 frame");
	p->b[22] = 0xf0;
	link_case("802.11, sequence 15", 105, p);
	memmove(p->b + 8, p->b, p->n);
	memcpy(p->b, tap, 8);
	p->n += 8;
	link_case("radiotap", 127, p);
}

static void
test_frame_relay(void)
{
	struct packet *p = packet_new();
	struct decode_packet d;

	put16(p, 0x1841);
	put8(p, 3);
	put_nlpid(p, 0xcc);
	link_case("frame relay", 107, p);
	p = packet_new();
	put32(p, 0x18400001);
	put8(p, 3);
	put_nlpid(p, 0xcc);
	link_case("four bytes of address", 107, p);
	p->b[3] = 0;
	ok(decode(107, p->b, p->n, &d) == DECODE_NON_IP, "five");
	p = packet_new();
	put16(p, 0x1841);
	put16(p, 0x0800);
	put_udp4(p);
	link_case("Cisco's encapsulation", 107, p);
	p = packet_new();
	put16(p, 0x1841);
	put16(p, 0x0300);
	put8(p, 0x80);
	put_bridged(p, 0);
	link_case("bridged Ethernet", 107, p);
	p = packet_new();
	put16(p, 0x1841);
	put16(p, 0x0300);
	put8(p, 0x80);
	put8(p, 0);
	put16(p, 0);
	put16(p, 0x0800);
	put_udp4(p);
	link_case("SNAP", 107, p);
	p = packet_new();
	put8(p, 1);
	put16(p, 0x1841);
	put8(p, 3);
	put_nlpid(p, 0xcc);
	link_case("with the direction in front", 206, p);
}

static void
test_more_links(void)
{
	static const struct {
		int dlt;
		size_t before, tag; /* around the addresses */
		const char *what;
	} tagged[] = {
		{281, 0, 4, "Broadcom switch tag"},
		{282, 4, 0, "Broadcom switch tag in front"},
		{284, 0, 4, "DSA"},
		{285, 0, 8, "EDSA"},
		{259, 8, 0, "EPON"},
	};
	struct packet *p;

	for (size_t i = 0; i < sizeof(tagged) / sizeof(tagged[0]); i++) {
		p = packet_new();
		put_bytes(p, 0xc0, tagged[i].before);
		put_bytes(p, 2, 12);
		put_bytes(p, 0xc0, tagged[i].tag);
		put16(p, 0x0800);
		put_udp4(p);
		link_case(tagged[i].what, tagged[i].dlt, p);
	}
	p = packet_new();
	put16(p, 0x0102);
	put32(p, 0xd4000001);
	put_udp4(p);
	link_case("ARCnet", 7, p);
	p = packet_new();
	put32(p, 0x01020000);
	put8(p, 0xf0);
	put_udp4(p);
	link_case("ARCnet, RFC 1051", 129, p);
	p = packet_new();
	put_bytes(p, 1, 16);
	put16(p, 0x0800);
	put_udp4(p);
	link_case("IP over IEEE 1394", 138, p);
	p = packet_new();
	put32(p, 0x01000064);
	put16(p, 0);
	put_ether(p, 0x0800);
	put_udp4(p);
	link_case("LAN emulation", 123, p);
	p = packet_new();
	put32(p, 0x00080000);
	put_udp4(p);
	link_case("EtherType as the family", 0, p);
	p = packet_new();
	put32(p, 2);
	put_bytes(p, 0, 8);
	put_udp4(p);
	link_case("OpenBSD's enc", 13, p);
}

/* Juniper's header, and what its flags say follows. */
static struct packet *
new_juniper(unsigned flags)
{
	struct packet *p = packet_new();

	put32(p, 0x4d474300 | flags);
	return p;
}

/* A number in the link layer's place; on every kind of card. */
static void
test_juniper_bare(void)
{
	static const int card[] = {130, 131, 132, 133, 134, 135, 136, 137, 164,
		167, 168, 178, 179, 180, 181, 183};
	struct packet *p;
	struct decode_packet d;

	for (unsigned proto = 2; proto <= 5; proto++) {
		p = new_juniper(2);
		put8(p, proto);
		put_bytes(p, 0, 3);
		if (proto >= 4)
			put32(p, 0x000641ff);
		put_udp4(p);
		link_case("Juniper, IPv4 without link layer", 178, p);
	}
	for (unsigned proto = 6; proto <= 8; proto++) {
		p = new_juniper(2);
		put8(p, proto);
		put_bytes(p, 0, 3);
		if (proto == 8)
			put32(p, 0x000641ff);
		put_udp6(p);
		ok(decode(178, p->b, p->n, &d) == DECODE_IP &&
		    d.version == 6 && d.dport == 53,
		    "Juniper, IPv6 without link layer, %u", proto);
	}
	p->b[4] = 9;
	ok(decode(178, p->b, p->n, &d) == DECODE_NON_IP,
	    "Juniper, another number");
	p = new_juniper(2);
	put32(p, 0x02000000);
	put_udp4(p);
	for (size_t i = 0; i < sizeof(card) / sizeof(card[0]); i++)
		link_case("Juniper without link layer", card[i], p);
	p->b[0] = 'm';
	ok(decode(178, p->b, p->n, &d) == DECODE_NON_IP, "not Juniper's");
}

/* ATM cards: 4 bytes of cookie on the first generation, 8 on the second. */
static void
test_juniper_atm(void)
{
	struct packet *p;
	struct decode_packet d;

	for (int second = 0; second <= 1; second++) {
		int dlt = second ? 135 : 137;

		p = new_juniper(1);
		put_bytes(p, 0, second ? 8 : 4);
		put_snap(p, 0, 0x0800);
		put_udp4(p);
		link_case("Juniper ATM, SNAP", dlt, p);
		p->b[second ? 11 : 4] = second ? 0x10 : 0x80;
		ok(decode(dlt, p->b, p->n, &d) == DECODE_NON_IP,
		    "Juniper ATM, a cell for maintenance");
		p = new_juniper(0);
		put_bytes(p, 0, second ? 8 : 4);
		put_udp4(p);
		link_case("Juniper ATM, IP alone", dlt, p);
		p = new_juniper(0);
		put_bytes(p, 0, second ? 8 : 4);
		put8(p, 3);
		put_nlpid(p, 0xcc);
		link_case("Juniper ATM, NLPID", dlt, p);
		p = new_juniper(0);
		put_bytes(p, 0, second ? 8 : 4);
		put16(p, 0x0021);
		put_udp4(p);
		if (second)
			link_case("Juniper ATM, PPP", dlt, p);
		else
			ok(decode(dlt, p->b, p->n, &d) == DECODE_NON_IP,
			    "Juniper ATM, no PPP on the first generation");
	}
	p = new_juniper(0);
	put32(p, 0x00000001);
	put32(p, 0);
	put_ether(p, 0x0800);
	put_udp4(p);
	link_case("Juniper ATM, Ethernet on its way out", 135, p);
	p->b[3] = 1;
	ok(decode(135, p->b, p->n, &d) == DECODE_NON_IP,
	    "Juniper ATM, no Ethernet on its way in");
}

static void
test_juniper_cards(void)
{
	struct packet *p = new_juniper(1);

	put_ether(p, 0x0800);
	put_udp4(p);
	link_case("Juniper, Ethernet", 178, p);
	link_case("Juniper, PPPoE's Ethernet", 167, p);
	p = new_juniper(1);
	put16(p, 0xff03);
	put16(p, 0x0021);
	put_udp4(p);
	link_case("Juniper, PPP", 179, p);
	link_case("Juniper, a link of a PPP bundle", 130, p);
	p = new_juniper(1);
	put_bytes(p, 0, 18);
	put_udp4(p);
	link_case("Juniper, voice", 183, p);
}

/* Two addresses and one of a repeater, as a modem hands them over and bare. */
static void
test_ax25(void)
{
	struct packet *p = packet_new();
	struct decode_packet d;

	put8(p, 0x10); /* KISS: data of the second channel */
	put_bytes(p, 0x96, 20);
	put8(p, 0x61);
	put16(p, 0x03cc);
	put_udp4(p);
	link_case("AX.25 behind KISS", 202, p);
	p->b[0] = 0x11;
	ok(decode(202, p->b, p->n, &d) == DECODE_NON_IP,
	    "KISS, a setting of the modem");
	memmove(p->b, p->b + 1, --p->n);
	link_case("AX.25", 3, p);
	p->b[21] = 0x13;
	link_case("AX.25, polling", 3, p);
	p->b[21] = 0x22;
	link_case("AX.25, numbered information", 3, p);
	p->b[21] = 0x2f;
	ok(decode(3, p->b, p->n, &d) == DECODE_NON_IP, "AX.25, a connection");
	p->b[21] = 0x03;
	p->b[22] = 0xf0;
	ok(decode(3, p->b, p->n, &d) == DECODE_NON_IP, "AX.25, text");
	p = packet_new();
	put_bytes(p, 0x96, 76);
	put8(p, 0x61);
	put16(p, 0x03cc);
	put_udp4(p);
	ok(decode(3, p->b, p->n, &d) == DECODE_NON_IP,
	    "AX.25, too many addresses");
}

static void
test_recorders(void)
{
	struct packet *p = packet_new();
	struct decode_packet d;

	put32(p, 0x4d474381);
	put16(p, 3);
	put_bytes(p, 7, 3);
	put_ether(p, 0x0800);
	put_udp4(p);
	link_case("Juniper, Ethernet, with extensions", 178, p);
	p = packet_new();
	put32(p, 0x4d474300);
	put16(p, 0x0f00);
	put16(p, 0x0800);
	put_udp4(p);
	link_case("Juniper, Cisco HDLC", 181, p);
	p = packet_new();
	put32(p, 0x00044400);
	put_ether(p, 0x0800);
	put_udp4(p);
	link_case("netANALYZER", 240, p);
	p = packet_new();
	put_bytes(p, 0, 8);
	put32(p, 0x82040060);
	put32(p, 0);
	put_bytes(p, 0x80, 8); /* two extension headers */
	put_bytes(p, 0x03, 8);
	put16(p, 0);
	put_ether(p, 0x0800);
	put_udp4(p);
	link_case("ERF with extension headers, Ethernet", 197, p);
	p = packet_new();
	put_bytes(p, 0, 8);
	put32(p, 0x01040060);
	put32(p, 0);
	put16(p, 0x0f00);
	put16(p, 0x0800);
	put_udp4(p);
	link_case("ERF, HDLC", 197, p);
	p = packet_new();
	put16(p, 0);
	put16(p, 824);
	put_bytes(p, 0, 10);
	put16(p, 0x0800);
	put_udp4(p);
	ok(decode(113, p->b, p->n, &d) == DECODE_NON_IP,
	    "cooked netlink messages");
}

static void
test_odd_headers(void)
{
	struct packet *p = packet_new();
	struct decode_packet d;

	put_ether(p, 31);
	put8(p, 6);
	put8(p, 7);
	put8(p, 3);
	put_udp4(p);
	link_case("the SAP of IP, a response", 1, p);
	p = packet_new();
	put16(p, 0xff13);
	put16(p, 0x0021);
	put_udp4(p);
	link_case("PPP, another control field", 9, p);
	p = packet_new();
	put16(p, 0x8f10);
	put16(p, 0x0800);
	put_udp4(p);
	link_case("Cisco HDLC under PPP, another control field", 9, p);
	p = packet_new();
	put_bytes(p, 0, 16);
	put_udp4(p);
	link_case("SLIP", 8, p);
	p = packet_new();
	put_bytes(p, 0, 16);
	put_udp6(p);
	ok(decode(8, p->b, p->n, &d) == DECODE_NON_IP,
	    "SLIP carries IPv4 only");
	p = packet_new();
	put_bytes(p, 0x55, 7);
	put8(p, 0xd5);
	put_ether(p, 0x0800);
	put_udp4(p);
	link_case("an express frame of 802.3br", 274, p);
	p->b[7] = 0xe6;
	ok(decode(274, p->b, p->n, &d) == DECODE_NON_IP, "a preempted one");
	p = packet_new();
	put_bytes(p, 0, 6);
	put16(p, 0x0800);
	put_bytes(p, 0, 36);
	put_udp4(p);
	link_case("Symantec's firewall", 99, p);
}

static void
put_erf(struct packet *p, unsigned type)
{
	put_bytes(p, 0, 8);
	put32(p, type << 24 | 0x040060);
	put32(p, 0);
}

static void
test_endace(void)
{
	static const unsigned hdlc[] = {1, 10, 15, 19};
	static const unsigned channel[] = {5, 17};
	static const unsigned ethernet[] = {2, 11, 16, 20};
	struct packet *p;

	for (size_t i = 0; i < 4; i++) {
		p = packet_new();
		put_erf(p, hdlc[i]);
		put32(p, 0xff030021);
		put_udp4(p);
		link_case("ERF, PPP", 197, p);
		p = packet_new();
		put_erf(p, ethernet[i]);
		put16(p, 0);
		put_ether(p, 0x0800);
		put_udp4(p);
		link_case("ERF, Ethernet", 197, p);
	}
	for (size_t i = 0; i < 2; i++) {
		p = packet_new();
		put_erf(p, channel[i]);
		put32(p, 7);
		put32(p, 0x0f000800);
		put_udp4(p);
		link_case("ERF, a channel's HDLC", 197, p);
		p = packet_new();
		put_erf(p, i == 0 ? 4 : 9);
		put_bytes(p, 0, i == 0 ? 4 : 8);
		put_snap(p, 0, 0x0800);
		put_udp4(p);
		link_case("ERF, AAL5", 197, p);
	}
	p = packet_new();
	put_erf(p, 22);
	put_udp4(p);
	link_case("ERF, IPv4", 197, p);
}

static void
test_wifi_aggregate(void)
{
	struct packet *p = packet_new();

	put16(p, 0x8801); /* QoS data, to the distribution system */
	put_bytes(p, 2, 20);
	put16(p, 0);
	put16(p, 0x8000);
	put_bytes(p, 2, 12);
	put16(p, 36);
	put_snap(p, 0, 0x0800);
	put_udp4(p);
	link_case("A-MSDU", 105, p);
	p = packet_new();
	put16(p, 0x8803); /* between two access points */
	put_bytes(p, 2, 20);
	put16(p, 0);
	put_bytes(p, 2, 6);
	put16(p, 0x0001);
	put_bytes(p, 1, 6 + 6); /* mesh control with one address */
	put_snap(p, 0, 0x0800);
	put_udp4(p);
	link_case("mesh control", 105, p);
}

/* Where the packet begins behind each header, told by a length in it. */
static void
test_header_lengths(void)
{
	static const unsigned routes[] = {2, 18, 30};
	struct packet *p;

	for (size_t i = 0; i < 3; i++) {
		p = packet_new();
		put16(p, 0x1040); /* LLC */
		put_bytes(p, 2, 6);
		put8(p, 0x82); /* a source route follows */
		put_bytes(p, 2, 5);
		put8(p, routes[i]);
		put_bytes(p, 0, routes[i] - 1);
		put_snap(p, 0, 0x0800);
		put_udp4(p);
		link_case("token ring, source route", 6, p);
	}
	for (unsigned len = 45; len <= 64; len++) {
		p = packet_new();
		put8(p, len);
		put8(p, 2);
		put_bytes(p, 0, ((len + 3) & ~3u) - 2);
		put_udp4(p);
		link_case("pflog", 117, p);
	}
	p = packet_new();
	put_bytes(p, 0, 16);
	put_snap(p, 0, 0x0800);
	put_udp4(p);
	link_case("IP over Fibre Channel", 122, p);
	p = packet_new();
	put32(p, 0x01020000);
	put_bytes(p, 0, 20);
	put_udp4(p);
	link_case("Solaris' ipnet", 226, p);
	p = packet_new();
	put_bytes(p, 3, 40);
	put16(p, 0x0800);
	put16(p, 0);
	put_udp4(p);
	link_case("IPoIB", 242, p);
	p = packet_new();
	put8(p, 1); /* sent */
	put32(p, 0xff030021);
	put_udp4(p);
	link_case("PPP with the direction in front", 204, p);
	link_case("pppd's own", 166, p);
	p = packet_new();
	put32(p, 0x01030021);
	put_udp4(p);
	link_case("pppd's own, in place of the address", 166, p);
	p = packet_new();
	put32(p, 0x00012040);
	put32(p, 0x00013140);
	put_udp4(p);
	link_case("MPLS without a link", 219, p);
	p = packet_new();
	put8(p, 0);
	put32(p, 0x0f000800);
	put_udp4(p);
	link_case("Cisco HDLC with the direction in front", 205, p);
}

/* A host's byte order, as libpcap leaves it. */
static void
put_host16(struct packet *p, uint16_t v)
{
	put(p, &v, 2);
}

static void
put_attribute(struct packet *p, uint16_t type, size_t n)
{
	put_host16(p, (uint16_t)(4 + n));
	put_host16(p, type);
}

static void
test_nflog(void)
{
	struct packet *p;
	struct decode_packet d;

	for (size_t n = 1; n <= 4; n++) {
		p = packet_new();
		put32(p, 0x02000000);
		put_attribute(p, 10, n);
		put_bytes(p, 'x', n);
		put_bytes(p, 0, 4 - n);
		put_attribute(p, 9, 28);
		put_udp4(p);
		link_case("nflog, an attribute of any length before", 239, p);
	}
	p = packet_new();
	put32(p, 0x02000000);
	put_attribute(p, 9, 20 + 2);
	put_udp4(p);
	ok(decode(239, p->b, p->n, &d) == DECODE_IP &&
	    !(d.flags & DECODE_HAS_PORTS), "nflog, payload ends in the ports");
}

/* Recorders' headers around 802.11 and others. */
static void
put_wifi(struct packet *p)
{
	put16(p, 0x0802); /* data, from the distribution system */
	put_bytes(p, 0, 22);
	put_snap(p, 0, 0x0800);
	put_udp4(p);
}

static void
test_around_wifi(void)
{
	static const uint8_t tsft[] = {0, 0, 17, 0, 3, 0, 0, 0, 1, 1, 1, 1, 1,
		1, 1, 1, 0x20};
	static const uint8_t more[] = {0, 0, 13, 0, 2, 0, 0, 0x80, 0, 0, 0, 0,
		0x20};
	/* two words of fields: the time stamp begins at 16, not at 12 */
	static const uint8_t aligned[] = {0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0,
		0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0x20};
	static const uint8_t fcs[] = {0, 0, 9, 0, 2, 0, 0, 0, 0x10};
	static const uint8_t ppi[] = {0, 0, 12, 0, 105, 0, 0, 0, 7, 7, 7, 7};
	static const uint8_t tap[] = {108, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0};
	struct packet *p;

	for (int i = 0; i < 3; i++) {
		p = packet_new();
		if (i == 0)
			put(p, tsft, sizeof(tsft));
		else if (i == 1)
			put(p, more, sizeof(more));
		else
			put(p, aligned, sizeof(aligned));
		put16(p, 0x8802); /* QoS: 26 bytes, padded to 28 */
		put_bytes(p, 0, 22 + 2 + 2);
		put_snap(p, 0, 0x0800);
		put_udp4(p);
		link_case("radiotap that tells of padding", 127, p);
	}
	p = packet_new();
	put16(p, 0x8882); /* QoS, and the order bit: HT control */
	put_bytes(p, 0, 22 + 2 + 4);
	put_snap(p, 0, 0x0800);
	put_udp4(p);
	link_case("802.11 with HT control", 105, p);
	p = packet_new();
	put(p, fcs, sizeof(fcs));
	put16(p, 0x8802);
	put_bytes(p, 0, 22 + 2);
	put_snap(p, 0, 0x0800);
	put_udp4(p);
	link_case("radiotap that tells of a checksum only", 127, p);
	p = packet_new();
	put32(p, 0x44000000);
	put32(p, 0x90000000);
	put_bytes(p, 0, 136);
	put_wifi(p);
	link_case("Prism", 119, p);
	for (int i = 0; i < 2; i++) {
		p = packet_new();
		put32(p, 0x80211001);
		put32(p, 64);
		put_bytes(p, 0, 56);
		put_wifi(p);
		link_case("AVS", i ? 163 : 119, p);
	}
	p = packet_new();
	put(p, ppi, sizeof(ppi));
	put_wifi(p);
	link_case("PPI", 192, p);
	for (int i = 0; i < 2; i++) {
		p = packet_new();
		put(p, tap, sizeof(tap));
		put_bytes(p, 0, 96);
		put_ether(p, 0x0800);
		put_udp4(p);
		link_case("Apple's pktap", i ? 149 : 258, p);
	}
	p = packet_new();
	put16(p, 0x0803); /* four addresses */
	put_bytes(p, 0, 28);
	put_snap(p, 0, 0x0800);
	put_udp4(p);
	link_case("802.11 between access points", 105, p);
}

/* What the cooked header says beside the type. */
static void
test_cooked_fields(void)
{
	struct packet *p;
	struct decode_packet d;

	for (unsigned kind = 0; kind <= 4; kind++) {
		bool group = kind == 1 || kind == 2;

		p = packet_new();
		put16(p, kind);
		put16(p, 1);
		put_bytes(p, 0, 10);
		put16(p, 0x0800);
		put_udp4(p);
		ok(decode(113, p->b, p->n, &d) == DECODE_IP &&
		    !(d.flags & DECODE_GROUP) == !group,
		    "cooked, packet type %u", kind);
		p = packet_new();
		put16(p, 0x0800);
		put_bytes(p, 0, 6);
		put16(p, 1);
		put8(p, kind);
		put_bytes(p, 0, 9);
		put_udp4(p);
		ok(decode(276, p->b, p->n, &d) == DECODE_IP &&
		    !(d.flags & DECODE_GROUP) == !group,
		    "cooked v2, packet type %u", kind);
	}
	p->b[8] = 824 >> 8;
	p->b[9] = 824 & 255;
	ok(decode(276, p->b, p->n, &d) == DECODE_NON_IP,
	    "cooked v2, netlink messages");
	p = packet_new();
	put_bytes(p, 0, 14);
	put16(p, 4);
	put_snap(p, 0, 0x0800);
	put_udp4(p);
	link_case("cooked, 802.2", 113, p);
}

/* Hardware whose own header follows, whatever type the cooked header names. */
static void
test_cooked_hardware(void)
{
	static const uint8_t tap[8] = {0, 0, 8};
	static const uint16_t type[] = {0, 4, 0x0019, 0x0800};

	for (size_t i = 0; i < sizeof(type) / sizeof(type[0]); i++) {
		struct packet *p = packet_new();

		put16(p, 0);
		put16(p, 770);
		put_bytes(p, 0, 10);
		put16(p, type[i]);
		put16(p, 0x1841);
		put8(p, 3);
		put_nlpid(p, 0xcc);
		link_case("cooked, frame relay", 113, p);
		p = packet_new();
		put16(p, type[i]);
		put_bytes(p, 0, 6);
		put16(p, 803);
		put_bytes(p, 0, 10);
		put(p, tap, sizeof(tap));
		put16(p, 0x0802); /* data, from the access point */
		put_bytes(p, 0, 22);
		put_snap(p, 0, 0x0800);
		put_udp4(p);
		link_case("cooked v2, radiotap", 276, p);
	}
}

int
main(void)
{
	decode_init();
	test_ppp();
	test_cooked_raw();
	test_null_ip6();
	test_wifi();
	test_frame_relay();
	test_more_links();
	test_juniper_bare();
	test_juniper_atm();
	test_juniper_cards();
	test_ax25();
	test_recorders();
	test_odd_headers();
	test_endace();
	test_wifi_aggregate();
	test_header_lengths();
	test_nflog();
	test_around_wifi();
	test_cooked_fields();
	test_cooked_hardware();
	return tap_done();
}
