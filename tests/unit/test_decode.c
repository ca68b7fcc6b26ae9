/*
 * decode: link layers, IPv4 and IPv6 headers, ports and hints, against frames
 * built here; and for every prefix of each, and for random bytes, no read
 * beyond the captured length (each prefix lies at the end of a page).
 */
#include "capture/decode.h"

#include <sys/mman.h>
#include <unistd.h>

#include "tests/lib/packet.h"
#include "tests/tap.h"

enum { A = 0x0a000001, B = 0x0a000002 };

static uint8_t *page_end; /* the byte behind is not readable */

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

static void
put_udp6(struct packet *p)
{
	put_ip6(p, 1, 2, 17, 8);
	put_udp(p, 1000, 53);
}

static void
link_case(const char *what, int dlt, const struct packet *p)
{
	struct decode_packet d;
	enum decode_class class = decode(dlt, p->b, p->n, &d);

	ok(class == DECODE_IP && is_udp(&d) && d.wire_len == p->n + 5 &&
	    decode_knows(dlt), "%s", what);
	for (size_t n = 0; n < p->n; n++)
		decode(dlt, p->b, n, &d);
}

static void
test_ethernet_tags(void)
{
	static const unsigned tags[] = {0x8100, 0x88a8, 0x9100, 0x9200};
	struct packet *p = packet_new();

	put_ether(p, 0x0800);
	put_udp4(p);
	link_case("Ethernet II", 1, p);
	for (size_t i = 0; i < 4; i++) {
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
put_snap(struct packet *p, unsigned oui, unsigned type)
{
	put8(p, 0xaa);
	put8(p, 0xaa);
	put8(p, 3);
	put8(p, 0);
	put16(p, oui);
	put16(p, type);
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
	p = packet_new();
	put_ether(p, 0x8847);
	put32(p, 13u << 12 | 0x100 | 64);
	put_udp4(p);
	ok(decode(1, p->b, p->n, &d) == DECODE_NON_IP,
	    "behind the G-ACh label lies no IP");
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
	put(p, isl, sizeof(isl));
	put_ether(p, 0x0800);
	put_udp4(p);
	link_case("ISL", 1, p);

	memcpy(sealed, macsec, sizeof(macsec));
	sealed[0] |= 0x0c;
	p = packet_new();
	put_ether(p, 0x88e5);
	put(p, sealed, sizeof(sealed));
	put16(p, 0x0800);
	put_udp4(p);
	ok(decode(1, p->b, p->n, &d) == DECODE_NON_IP, "MACsec, encrypted");
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
put_nlpid(struct packet *p, unsigned nlpid)
{
	put8(p, nlpid);
	put_udp4(p);
}

static void
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

static void
test_more_llc(void)
{
	struct packet *p = packet_new();

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
put_bytes(struct packet *p, unsigned v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put8(p, v);
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
	put32(p, 0x4d474302);
	put32(p, 0x02000000);
	put_udp4(p);
	link_case("Juniper without link layer", 178, p);
	p->b[0] = 'm';
	ok(decode(178, p->b, p->n, &d) == DECODE_NON_IP, "not Juniper's");
	p = packet_new();
	put32(p, 0x4d474300);
	put16(p, 0x0f00);
	put16(p, 0x0800);
	put_udp4(p);
	link_case("Juniper, Cisco HDLC", 181, p);
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
	    (d.flags & DECODE_FRAG_FIRST) && d.frag_id == 0xbeef,
	    "first fragment");
	p->b[7] = 1;
	ok(decode(12, p->b, p->n, &d) == DECODE_IP && d.sport == 0 &&
	    (d.flags & DECODE_FRAG_LATER) && !(d.flags & DECODE_HAS_PORTS),
	    "later fragment: its first bytes are no ports");
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
	p->b[40 + 48 + 3] = 0;
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
test_hints(void)
{
	uint8_t b[20] = {0, 1, 0, 2};

	b[13] = 0x02;
	hint_case("SYN opens", 6, b, 20, DECODE_HINT_OPENS);
	b[13] = 0x12;
	hint_case("SYN and ACK answers", 6, b, 20, DECODE_HINT_ANSWERS);
	b[13] = 0x10;
	hint_case("ACK says nothing", 6, b, 20, DECODE_HINT_NONE);
	b[12] = 1;
	hint_case("INIT opens", 132, b, 20, DECODE_HINT_OPENS);
	b[12] = 2;
	hint_case("INIT ACK answers", 132, b, 20, DECODE_HINT_ANSWERS);
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
}

int
main(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || mprotect(map + page, page, PROT_NONE) != 0)
		skip_all("no memory");
	page_end = map + page;
	test_ethernet_tags();
	test_llc();
	test_mpls_pppoe();
	test_ppp();
	test_cooked_raw();
	test_null_ip6();
	test_wifi();
	test_envelopes();
	test_lengths();
	test_more_llc();
	test_frame_relay();
	test_more_links();
	test_recorders();
	test_time_stamped();
	test_pseudowires();
	test_odd_headers();
	test_endace();
	test_wifi_aggregate();
	test_cut_extension();
	test_ip4();
	test_ip4_fragments();
	test_ip6();
	test_hints();
	test_random();
	test_nesting();
	return tap_done();
}
