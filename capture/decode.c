/*
 * The link half of decode.h: from the frame's first byte to the outermost IP
 * header.  Every step consumes bytes of a `struct rest`, and layers that can
 * nest a whole frame are counted, so no input makes the walk long.
 *
 * Link types by number, not by <pcap/dlt.h>: that header has only those its
 * platform uses, and files come from all platforms.  Numbers and headers:
 * https://www.tcpdump.org/linktypes.html
 */
#include "capture/decode.h"

#include <string.h>

enum link_type {
	LINK_NULL = 0,
	LINK_EN10MB = 1,
	LINK_TOKEN_RING = 6,
	LINK_SLIP = 8,
	LINK_PPP = 9,
	LINK_FDDI = 10,
	LINK_ATM_RFC1483 = 11,
	LINK_RAW = 12,
	LINK_RAW_OPENBSD = 14,
	LINK_ATM_CLIP = 19,
	LINK_PPP_SERIAL = 50,
	LINK_PPP_ETHER = 51,
	LINK_RAW_FILE = 101,
	LINK_C_HDLC = 104,
	LINK_IEEE802_11 = 105,
	LINK_FRELAY = 107,
	LINK_LOOP = 108,
	LINK_ENC = 109,
	LINK_LINUX_SLL = 113,
	LINK_PFLOG = 117,
	LINK_PRISM = 119,
	LINK_IP_OVER_FC = 122,
	LINK_SUNATM = 123,
	LINK_RADIOTAP = 127,
	LINK_USER2 = 149,
	LINK_AVS = 163,
	LINK_PPP_PPPD = 166,
	LINK_PPI = 192,
	LINK_PPP_WITH_DIR = 204,
	LINK_IPNET = 226,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_NFLOG = 239,
	LINK_IPOIB = 242,
	LINK_PKTAP = 258,
	LINK_LINUX_SLL2 = 276,
};

enum ether_type {
	ETHER_IPV4 = 0x0800,
	ETHER_PPP = 0x880b,
	ETHER_VLAN = 0x8100,
	ETHER_IPV6 = 0x86dd,
	ETHER_MPLS = 0x8847,
	ETHER_MPLS_MULTICAST = 0x8848,
	ETHER_PPPOE = 0x8864,
	ETHER_QINQ = 0x88a8,
	ETHER_PBB = 0x88e7,
	ETHER_FABRICPATH = 0x8903,
	ETHER_VNTAG = 0x8926,
	ETHER_ETAG = 0x893f,
	ETHER_NSH = 0x894f,
	ETHER_QINQ_9100 = 0x9100,
	ETHER_QINQ_9200 = 0x9200,
	ETHER_QINQ_9300 = 0x9300,
	ETHER_LENGTH_MAX = 0x05ff, /* below: an 802.3 length */
};

#define NESTING_MAX 8 /* frames within frames */

struct rest {
	const uint8_t *p;
	size_t n;
	unsigned nesting;
};

static enum decode_class link_layer(int dlt, struct rest r,
    struct decode_packet *out);
static enum decode_class ethernet(struct rest r, struct decode_packet *out);

static uint16_t
be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint16_t
le16(const uint8_t *p)
{
	return (uint16_t)(p[1] << 8 | p[0]);
}

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static uint32_t
le32(const uint8_t *p)
{
	return (uint32_t)le16(p + 2) << 16 | le16(p);
}

static bool
skip(struct rest *r, size_t n)
{
	if (r->n < n)
		return false;
	r->p += n;
	r->n -= n;
	return true;
}

static enum decode_class
ip4(struct rest r, struct decode_packet *out)
{
	return decode_ip4(r.p, r.n, out);
}

static enum decode_class
ip6(struct rest r, struct decode_packet *out)
{
	return decode_ip6(r.p, r.n, out);
}

/* IP of either version, told by its first nibble. */
static enum decode_class
ip_any(struct rest r, struct decode_packet *out)
{
	if (r.n < 1)
		return DECODE_NON_IP;
	switch (r.p[0] >> 4) {
	case 4:
		return ip4(r, out);
	case 6:
		return ip6(r, out);
	default:
		return DECODE_NON_IP;
	}
}

/* A link type that announces IP and nothing else. */
static enum decode_class
raw_ip(struct rest r, struct decode_packet *out)
{
	return ip_any(r, out);
}

/*
 * The payload's type is not in the label stack (RFC 3032); by convention the
 * first nibble tells IP from the rest (RFC 4928).  Below the labels for OAM
 * (13 and 14, RFC 5586 and 3429) lies no IP whatever the nibble.
 */
static enum decode_class
mpls(struct rest r, struct decode_packet *out)
{
	uint32_t label;

	do {
		if (r.n < 4)
			return DECODE_NON_IP;
		label = be32(r.p);
		skip(&r, 4);
	} while (!(label & 0x100));
	label >>= 12;
	return label == 13 || label == 14 ? DECODE_NON_IP : ip_any(r, out);
}

/* From the PPP protocol field on; one byte long when its low bit is set. */
static enum decode_class
ppp_protocol(struct rest r, struct decode_packet *out)
{
	uint16_t proto;

	if (r.n < 1)
		return DECODE_NON_IP;
	proto = r.p[0];
	if (proto & 1) {
		skip(&r, 1);
	} else {
		if (r.n < 2)
			return DECODE_NON_IP;
		proto = be16(r.p);
		skip(&r, 2);
	}
	switch (proto) {
	case 0x0021:
		return ip4(r, out);
	case 0x0057:
		return ip6(r, out);
	case 0x0281:
	case 0x0283:
		return mpls(r, out);
	default:
		return DECODE_NON_IP;
	}
}

static enum decode_class
pppoe(struct rest r, struct decode_packet *out)
{
	/* version and type 1, code 0: session data (RFC 2516) */
	if (r.n < 6 || r.p[0] != 0x11 || r.p[1] != 0)
		return DECODE_NON_IP;
	skip(&r, 6);
	return ppp_protocol(r, out);
}

/* Network service header (RFC 8300). */
static enum decode_class
nsh(struct rest r, struct decode_packet *out)
{
	uint8_t next;

	if (r.n < 8)
		return DECODE_NON_IP;
	next = r.p[3];
	if ((r.p[1] & 0x3f) < 2 || !skip(&r, (size_t)(r.p[1] & 0x3f) * 4))
		return DECODE_NON_IP;
	switch (next) {
	case 1:
		return ip4(r, out);
	case 2:
		return ip6(r, out);
	case 3:
		return ethernet(r, out);
	case 5:
		return mpls(r, out);
	default:
		return DECODE_NON_IP;
	}
}

/* Logical link control; SNAP with an EtherType, or the SAP of IP. */
static enum decode_class ethertype(uint16_t type, struct rest r,
    struct decode_packet *out);
static enum decode_class
llc(struct rest r, struct decode_packet *out)
{
	uint32_t oui;
	uint16_t type;

	if (r.n >= 3 && r.p[0] == 0x06 && r.p[1] == 0x06 && r.p[2] == 0x03) {
		skip(&r, 3);
		return ip4(r, out);
	}
	if (r.n < 8 || r.p[0] != 0xaa || r.p[1] != 0xaa || r.p[2] != 0x03)
		return DECODE_NON_IP;
	oui = be32(r.p + 2) & 0xffffff;
	type = be16(r.p + 6);
	skip(&r, 8);
	/* Ethernet (RFC 1042) and bridged Ethernet (IEEE 802.1H) */
	if (oui != 0 && oui != 0xf8)
		return DECODE_NON_IP;
	return type <= ETHER_LENGTH_MAX ? DECODE_NON_IP
	                                : ethertype(type, r, out);
}

/* A tag of `bytes`, the last two of which are the next type. */
static bool
tag(struct rest *r, size_t bytes, uint16_t *type)
{
	if (r->n < bytes)
		return false;
	*type = be16(r->p + bytes - 2);
	return skip(r, bytes);
}

static enum decode_class
ethertype(uint16_t type, struct rest r, struct decode_packet *out)
{
	for (;;) {
		switch (type) {
		case ETHER_IPV4:
			return ip4(r, out);
		case ETHER_IPV6:
			return ip6(r, out);
		case ETHER_VLAN:
		case ETHER_QINQ:
		case ETHER_QINQ_9100:
		case ETHER_QINQ_9200:
		case ETHER_QINQ_9300:
			if (!tag(&r, 4, &type))
				return DECODE_NON_IP;
			break;
		case ETHER_VNTAG:
			if (!tag(&r, 6, &type))
				return DECODE_NON_IP;
			break;
		case ETHER_ETAG: /* IEEE 802.1BR */
			if (!tag(&r, 8, &type))
				return DECODE_NON_IP;
			break;
		case ETHER_MPLS:
		case ETHER_MPLS_MULTICAST:
			return mpls(r, out);
		case ETHER_PPPOE:
			return pppoe(r, out);
		case ETHER_PPP:
			return ppp_protocol(r, out);
		case ETHER_NSH:
			return nsh(r, out);
		case ETHER_PBB: /* IEEE 802.1ah: service tag, then a frame */
			return skip(&r, 4) ? ethernet(r, out) : DECODE_NON_IP;
		case ETHER_FABRICPATH:
			return skip(&r, 2) ? ethernet(r, out) : DECODE_NON_IP;
		default:
			return type <= ETHER_LENGTH_MAX ? llc(r, out)
			                                : DECODE_NON_IP;
		}
	}
}

static enum decode_class
ethernet(struct rest r, struct decode_packet *out)
{
	uint16_t type;

	if (r.nesting++ == NESTING_MAX || r.n < 14)
		return DECODE_NON_IP;
	if (r.p[0] & 1)
		out->flags |= DECODE_GROUP;
	type = be16(r.p + 12);
	skip(&r, 14);
	return ethertype(type, r, out);
}

/* Cisco HDLC: address, control, EtherType. */
static enum decode_class
c_hdlc(struct rest r, struct decode_packet *out)
{
	uint16_t type;

	if (!tag(&r, 4, &type) || type <= ETHER_LENGTH_MAX)
		return DECODE_NON_IP;
	return ethertype(type, r, out);
}

/* With or without HDLC's address and control; some devices write Cisco HDLC
 * under this link type. */
static enum decode_class
ppp(struct rest r, struct decode_packet *out)
{
	if (r.n >= 2 && (r.p[0] == 0x0f || r.p[0] == 0x8f) && r.p[1] == 0)
		return c_hdlc(r, out);
	if (r.n >= 2 && r.p[0] == 0xff && r.p[1] == 0x03)
		skip(&r, 2);
	return ppp_protocol(r, out);
}

/* Linux cooked: packet type 1 and 2 are broadcast and multicast. */
static enum decode_class
cooked(uint16_t type, uint16_t packet_type, struct rest r,
    struct decode_packet *out)
{
	if (packet_type == 1 || packet_type == 2)
		out->flags |= DECODE_GROUP;
	if (type == 4) /* ETH_P_802_2 */
		return llc(r, out);
	return type <= ETHER_LENGTH_MAX ? DECODE_NON_IP
	                                : ethertype(type, r, out);
}

static enum decode_class
linux_sll(struct rest r, struct decode_packet *out)
{
	uint16_t type, packet_type;

	if (r.n < 16)
		return DECODE_NON_IP;
	packet_type = be16(r.p);
	type = be16(r.p + 14);
	skip(&r, 16);
	return cooked(type, packet_type, r, out);
}

static enum decode_class
linux_sll2(struct rest r, struct decode_packet *out)
{
	uint16_t type, packet_type;

	if (r.n < 20)
		return DECODE_NON_IP;
	type = be16(r.p);
	packet_type = r.p[10];
	skip(&r, 20);
	return cooked(type, packet_type, r, out);
}

/* AF_INET6 is a different number on every system. */
static enum decode_class
family(uint32_t af, struct rest r, struct decode_packet *out)
{
	switch (af) {
	case 2:
		return ip4(r, out);
	case 10: /* Linux */
	case 23: /* Windows */
	case 24: /* NetBSD, OpenBSD */
	case 26: /* Solaris */
	case 28: /* FreeBSD */
	case 30: /* macOS */
		return ip6(r, out);
	default:
		return DECODE_NON_IP;
	}
}

/* The family in the byte order of whoever wrote it; both are tried, which is
 * safe since families are small. */
static enum decode_class
null_loop(struct rest r, size_t header, struct decode_packet *out)
{
	uint32_t af;

	if (r.n < header)
		return DECODE_NON_IP;
	af = be32(r.p);
	if (af > 0xffff)
		af = le32(r.p);
	skip(&r, header);
	return family(af, r, out);
}

static enum decode_class
pflog(struct rest r, struct decode_packet *out)
{
	uint8_t af;

	if (r.n < 2)
		return DECODE_NON_IP;
	af = r.p[1];
	if (!skip(&r, ((size_t)r.p[0] + 3) & ~(size_t)3))
		return DECODE_NON_IP;
	return family(af, r, out);
}

/* Attributes in the byte order of this host (libpcap swaps them). */
static enum decode_class
nflog(struct rest r, struct decode_packet *out)
{
	enum { PAYLOAD = 9 };
	uint8_t af;

	if (r.n < 4)
		return DECODE_NON_IP;
	af = r.p[0];
	skip(&r, 4);
	while (r.n >= 4) {
		uint16_t len, type;

		memcpy(&len, r.p, 2);
		memcpy(&type, r.p + 2, 2);
		if (len < 4 || len > r.n)
			return DECODE_NON_IP;
		if ((type & 0x7fff) == PAYLOAD) {
			r.n = len;
			skip(&r, 4);
			return family(af, r, out);
		}
		if (!skip(&r, ((size_t)len + 3) & ~(size_t)3))
			return DECODE_NON_IP;
	}
	return DECODE_NON_IP;
}

static enum decode_class
frame_relay(struct rest r, struct decode_packet *out)
{
	uint8_t nlpid;

	/* two address bytes, UI, then the NLPID (RFC 2427) */
	if (r.n < 4 || (r.p[0] & 1) || !(r.p[1] & 1) || r.p[2] != 0x03)
		return DECODE_NON_IP;
	skip(&r, 3);
	if (r.p[0] == 0 && !skip(&r, 1)) /* padding */
		return DECODE_NON_IP;
	if (r.n < 1)
		return DECODE_NON_IP;
	nlpid = r.p[0];
	skip(&r, 1);
	if (nlpid == 0xcc)
		return ip4(r, out);
	if (nlpid == 0x8e)
		return ip6(r, out);
	if (nlpid == 0x80 && r.n >= 5 && r.p[0] == 0 && r.p[1] == 0 &&
	    r.p[2] == 0) {
		uint16_t type = be16(r.p + 3);

		skip(&r, 5);
		return type <= ETHER_LENGTH_MAX ? DECODE_NON_IP
		                                : ethertype(type, r, out);
	}
	return DECODE_NON_IP;
}

static enum decode_class
fddi(struct rest r, struct decode_packet *out)
{
	/* frame control: LLC, asynchronous or synchronous */
	if (r.n < 13 || (r.p[0] & 0x70) != 0x50)
		return DECODE_NON_IP;
	if (r.p[1] & 1)
		out->flags |= DECODE_GROUP;
	skip(&r, 13);
	return llc(r, out);
}

static enum decode_class
token_ring(struct rest r, struct decode_packet *out)
{
	size_t header = 14;

	if (r.n < 16 || (r.p[1] & 0xc0) != 0x40)
		return DECODE_NON_IP;
	if (r.p[2] & 0x80)
		out->flags |= DECODE_GROUP;
	if (r.p[8] & 0x80) /* source routing */
		header += r.p[14] & 0x1f;
	return skip(&r, header) ? llc(r, out) : DECODE_NON_IP;
}

/* IEEE 802.11 data frames in the clear; `pad` aligns the body to 4. */
static enum decode_class
wifi(struct rest r, bool pad, struct decode_packet *out)
{
	uint8_t type, control;
	size_t header = 24;

	if (r.n < 24)
		return DECODE_NON_IP;
	type = r.p[0];
	control = r.p[1];
	/* data, not "no data" */
	if ((type & 0x0c) != 0x08 || (type & 0x40) || (control & 0x40))
		return DECODE_NON_IP;
	if (r.p[4] & 1)
		out->flags |= DECODE_GROUP;
	if ((control & 3) == 3)
		header += 6;
	if (type & 0x80) { /* QoS */
		if (r.n < header + 2 || (r.p[header] & 0x80)) /* A-MSDU */
			return DECODE_NON_IP;
		header += 2;
		if (control & 0x80)
			header += 4;
	}
	if (pad)
		header = (header + 3) & ~(size_t)3;
	return skip(&r, header) ? llc(r, out) : DECODE_NON_IP;
}

/* https://www.radiotap.org: the flags field tells of padding. */
static enum decode_class
radiotap(struct rest r, struct decode_packet *out)
{
	uint32_t present, word;
	size_t len, at = 4;
	bool pad = false;

	if (r.n < 8 || r.p[0] != 0)
		return DECODE_NON_IP;
	len = le16(r.p + 2);
	if (len < 8 || len > r.n)
		return DECODE_NON_IP;
	present = word = le32(r.p + 4);
	for (at = 8; word & 0x80000000u; at += 4) {
		if (at + 4 > len)
			return DECODE_NON_IP;
		word = le32(r.p + at);
	}
	if (present & 1)
		at = ((at + 7) & ~(size_t)7) + 8;
	if ((present & 2) && at < len)
		pad = r.p[at] & 0x20;
	skip(&r, len);
	return wifi(r, pad, out);
}

/* Prism has its length, little or big endian, behind a message code; the AVS
 * header shares the link type. */
static enum decode_class
prism(struct rest r, struct decode_packet *out)
{
	size_t len;

	if (r.n < 8)
		return DECODE_NON_IP;
	if (be32(r.p) >> 12 == 0x80211)
		len = be32(r.p + 4);
	else
		len = 144;
	return skip(&r, len) ? wifi(r, false, out) : DECODE_NON_IP;
}

static enum decode_class
avs(struct rest r, struct decode_packet *out)
{
	if (r.n < 8 || !skip(&r, be32(r.p + 4)))
		return DECODE_NON_IP;
	return wifi(r, false, out);
}

static enum decode_class
ppi(struct rest r, struct decode_packet *out)
{
	uint32_t dlt;

	if (r.n < 8 || r.nesting++ == NESTING_MAX)
		return DECODE_NON_IP;
	dlt = le32(r.p + 4);
	if (le16(r.p + 2) < 8 || dlt > 0xffff || dlt == LINK_PPI ||
	    !skip(&r, le16(r.p + 2)))
		return DECODE_NON_IP;
	return link_layer((int)dlt, r, out);
}

/* Apple's per-packet metadata, in front of any other link type. */
static enum decode_class
pktap(struct rest r, struct decode_packet *out)
{
	uint32_t len, dlt;

	if (r.n < 12 || r.nesting++ == NESTING_MAX)
		return DECODE_NON_IP;
	len = le32(r.p);
	dlt = le32(r.p + 8);
	if (len < 108 || le32(r.p + 4) != 1 || dlt > 0xffff ||
	    dlt == LINK_PKTAP || dlt == LINK_USER2 || !skip(&r, len))
		return DECODE_NON_IP;
	return link_layer((int)dlt, r, out);
}

static enum decode_class
after(size_t header, struct rest r, struct decode_packet *out,
    enum decode_class (*next)(struct rest, struct decode_packet *))
{
	return skip(&r, header) ? next(r, out) : DECODE_NON_IP;
}

static enum decode_class
ipnet(struct rest r, struct decode_packet *out)
{
	uint8_t af;

	if (r.n < 24 || r.p[0] != 1)
		return DECODE_NON_IP;
	af = r.p[1];
	skip(&r, 24);
	return family(af, r, out);
}

/* 40 bytes of InfiniBand header, then EtherType and reserved bytes. */
static enum decode_class
ipoib(struct rest r, struct decode_packet *out)
{
	uint16_t type;

	if (r.n < 44)
		return DECODE_NON_IP;
	type = be16(r.p + 40);
	skip(&r, 44);
	return type <= ETHER_LENGTH_MAX ? DECODE_NON_IP
	                                : ethertype(type, r, out);
}

static enum decode_class
sunatm(struct rest r, struct decode_packet *out)
{
	/* traffic type in the low nibble: 2 is LLC */
	if (r.n < 4 || (r.p[0] & 15) != 2)
		return DECODE_NON_IP;
	return after(4, r, out, llc);
}

/* RFC 1483: LLC, or a bare IPv4 header where the circuit carries only IP. */
static enum decode_class
rfc1483(struct rest r, struct decode_packet *out)
{
	if (r.n >= 1 && r.p[0] == 0x45)
		return ip4(r, out);
	return llc(r, out);
}

static enum decode_class
link_layer(int dlt, struct rest r, struct decode_packet *out)
{
	switch ((enum link_type)dlt) {
	case LINK_EN10MB:
		return ethernet(r, out);
	case LINK_LINUX_SLL:
		return linux_sll(r, out);
	case LINK_LINUX_SLL2:
		return linux_sll2(r, out);
	case LINK_RAW:
	case LINK_RAW_OPENBSD:
	case LINK_RAW_FILE:
		return raw_ip(r, out);
	case LINK_IPV4:
		return ip4(r, out);
	case LINK_IPV6:
		return ip6(r, out);
	case LINK_NULL:
	case LINK_LOOP:
		return null_loop(r, 4, out);
	case LINK_ENC:
		return null_loop(r, 12, out);
	case LINK_PPP:
	case LINK_PPP_SERIAL:
		return ppp(r, out);
	case LINK_PPP_ETHER:
		return pppoe(r, out);
	case LINK_PPP_PPPD:
	case LINK_PPP_WITH_DIR:
		return after(1, r, out, ppp);
	case LINK_C_HDLC:
		return c_hdlc(r, out);
	case LINK_FRELAY:
		return frame_relay(r, out);
	case LINK_SLIP:
		return after(16, r, out, ip_any);
	case LINK_FDDI:
		return fddi(r, out);
	case LINK_TOKEN_RING:
		return token_ring(r, out);
	case LINK_ATM_RFC1483:
	case LINK_ATM_CLIP:
		return rfc1483(r, out);
	case LINK_SUNATM:
		return sunatm(r, out);
	case LINK_IP_OVER_FC:
		return after(16, r, out, llc);
	case LINK_IEEE802_11:
		return wifi(r, false, out);
	case LINK_RADIOTAP:
		return radiotap(r, out);
	case LINK_PRISM:
		return prism(r, out);
	case LINK_AVS:
		return avs(r, out);
	case LINK_PPI:
		return ppi(r, out);
	case LINK_PKTAP:
	case LINK_USER2:
		return pktap(r, out);
	case LINK_PFLOG:
		return pflog(r, out);
	case LINK_NFLOG:
		return nflog(r, out);
	case LINK_IPNET:
		return ipnet(r, out);
	case LINK_IPOIB:
		return ipoib(r, out);
	default:
		return DECODE_NON_IP;
	}
}

bool
decode_knows(int dlt)
{
	static const uint16_t known[] = {LINK_NULL, LINK_EN10MB,
		LINK_TOKEN_RING, LINK_SLIP, LINK_PPP, LINK_FDDI,
		LINK_ATM_RFC1483, LINK_RAW, LINK_RAW_OPENBSD, LINK_ATM_CLIP,
		LINK_PPP_SERIAL, LINK_PPP_ETHER, LINK_RAW_FILE, LINK_C_HDLC,
		LINK_IEEE802_11, LINK_FRELAY, LINK_LOOP, LINK_ENC,
		LINK_LINUX_SLL, LINK_PFLOG, LINK_PRISM, LINK_IP_OVER_FC,
		LINK_SUNATM, LINK_RADIOTAP, LINK_USER2, LINK_AVS,
		LINK_PPP_PPPD, LINK_PPI, LINK_PPP_WITH_DIR, LINK_IPNET,
		LINK_IPV4, LINK_IPV6, LINK_NFLOG, LINK_IPOIB, LINK_PKTAP,
		LINK_LINUX_SLL2};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i] == dlt)
			return true;
	return false;
}

enum decode_class
decode_frame(int dlt, const uint8_t *data, uint32_t caplen, uint32_t wire_len,
    struct decode_packet *out)
{
	struct rest r = {data, caplen, 0};

	out->wire_len = wire_len;
	out->flags = 0;
	/* the common case without the detour through the tables */
	if (dlt == LINK_EN10MB && caplen >= 34 && data[12] == 0x08 &&
	    data[13] == 0x00) {
		out->flags = data[0] & 1 ? DECODE_GROUP : 0;
		return decode_ip4(data + 14, caplen - 14, out);
	}
	return link_layer(dlt, r, out);
}
