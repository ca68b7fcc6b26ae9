/*
 * Link types other than Ethernet.
 *
 * By number, not by <pcap/dlt.h>: that header has only those its platform
 * uses, and files come from all platforms.  Numbers and headers:
 * https://www.tcpdump.org/linktypes.html
 */
#include "capture/decode_internal.h"

#include <string.h>

/* Cisco HDLC: address, control, EtherType. */
static enum decode_class
c_hdlc(struct rest r, struct decode_packet *out)
{
	uint16_t type;

	if (!tag(&r, 4, &type) || type < ETHER_TYPE_MIN)
		return DECODE_NON_IP;
	return decode_ethertype(type, r, out);
}

/* With or without HDLC's address and control; some devices write Cisco HDLC
 * under this link type.  No protocol begins with either's address. */
static enum decode_class
ppp(struct rest r, struct decode_packet *out)
{
	if (r.n >= 2 && (r.p[0] == 0x0f || r.p[0] == 0x8f))
		return c_hdlc(r, out);
	if (r.n >= 2 && r.p[0] == 0xff)
		skip(&r, 2);
	return decode_ppp(r, out);
}

/* The direction in place of HDLC's address, or in front of it. */
static enum decode_class
ppp_pppd(struct rest r, struct decode_packet *out)
{
	if (r.n >= 2 && r.p[1] == 0x03) {
		skip(&r, 2);
		return decode_ppp(r, out);
	}
	return skip(&r, 1) ? ppp(r, out) : DECODE_NON_IP;
}

/* AF_INET6 is a different number on every system.  Some put an EtherType in
 * the family's place. */
static enum decode_class
family(uint32_t af, struct rest r, struct decode_packet *out)
{
	if (af >= ETHER_TYPE_MIN && af <= UINT16_MAX)
		return decode_ethertype((uint16_t)af, r, out);
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
	if (be16(r.p) == 0xff03) /* no family, but PPP's address and control */
		return ppp(r, out);
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

/* Behind the address: an NLPID after UI (RFC 2427), or Cisco's EtherType. */
static enum decode_class
frame_relay(struct rest r, struct decode_packet *out)
{
	uint16_t pid;

	/* two to four bytes of address, the last of which is odd (Q.922) */
	if (r.n < 2 || r.p[0] & 1)
		return DECODE_NON_IP;
	for (unsigned n = 2; !(r.p[1] & 1); n++)
		if (n == 4 || !skip(&r, 1) || r.n < 2)
			return DECODE_NON_IP;
	skip(&r, 2);
	if (r.n >= 1 && r.p[0] != 0x03)
		return tag(&r, 2, &pid) && pid >= ETHER_TYPE_MIN
		    ? decode_ethertype(pid, r, out) : DECODE_NON_IP;
	if (!skip(&r, 1))
		return DECODE_NON_IP;
	if (r.n >= 1 && r.p[0] == 0) /* padding */
		skip(&r, 1);
	if (r.n < 6 || r.p[0] != 0x80)
		return decode_nlpid(r, out);
	pid = be16(r.p + 4);
	if (r.p[1] == 0 && r.p[2] == 0x80 && r.p[3] == 0xc2) {
		skip(&r, 6);
		return decode_bridged(pid, 0, r, out);
	}
	if (r.p[1] != 0 || r.p[2] != 0 || r.p[3] != 0 ||
	    pid < ETHER_TYPE_MIN)
		return DECODE_NON_IP;
	skip(&r, 6);
	return decode_ethertype(pid, r, out);
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
	return decode_llc(r, out);
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
	return skip(&r, header) ? decode_llc(r, out) : DECODE_NON_IP;
}

/* IEEE 802.11 data frames in the clear; `pad` aligns the body to 4. */
static enum decode_class
wifi(struct rest r, bool pad, struct decode_packet *out)
{
	bool aggregate = false, mesh = false;
	uint8_t type, control;
	size_t header = 24;

	if (r.n < 24)
		return DECODE_NON_IP;
	type = r.p[0];
	control = r.p[1];
	/* version 0; data, not "no data", nor the rest of a frame in pieces */
	if ((type & 0x0f) != 0x08 || (type & 0x40) || (control & 0x40) ||
	    (r.p[22] & 0x0f))
		return DECODE_NON_IP;
	if (r.p[4] & 1)
		out->flags |= DECODE_GROUP;
	if ((control & 3) == 3)
		header += 6;
	if (type & 0x80) { /* QoS */
		if (r.n < header + 2)
			return DECODE_NON_IP;
		aggregate = r.p[header] & 0x80;
		mesh = (control & 3) == 3 && r.p[header + 1] & 1;
		header += 2;
		if (control & 0x80)
			header += 4;
	}
	if (pad)
		header = (header + 3) & ~(size_t)3;
	if (!skip(&r, header))
		return DECODE_NON_IP;
	/* mesh control: up to two more addresses */
	if (mesh && (r.n < 1 || !skip(&r, 6 + (size_t)(r.p[0] & 3) * 6)))
		return DECODE_NON_IP;
	/* of an A-MSDU the first part, behind addresses and length */
	if (aggregate && !skip(&r, 14))
		return DECODE_NON_IP;
	return decode_llc(r, out);
}

/* https://www.radiotap.org: the flags field tells of padding. */
static enum decode_class
radiotap(struct rest r, struct decode_packet *out)
{
	uint32_t present, word;
	size_t len, at;
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

/* Linux cooked: packet type 1 and 2 are broadcast and multicast; `type` is an
 * EtherType on every hardware that carries IP, but for two whose own header
 * follows whatever it says. */
static enum decode_class
cooked(uint16_t type, uint16_t packet_type, uint16_t hardware, struct rest r,
    struct decode_packet *out)
{
	/* <linux/if_arp.h> */
	enum { ARPHRD_FRAD = 770, ARPHRD_RADIOTAP = 803, ARPHRD_NETLINK = 824 };

	if (hardware == ARPHRD_NETLINK)
		return DECODE_NON_IP;
	if (packet_type == 1 || packet_type == 2)
		out->flags |= DECODE_GROUP;
	if (hardware == ARPHRD_FRAD)
		return frame_relay(r, out);
	if (hardware == ARPHRD_RADIOTAP)
		return radiotap(r, out);
	if (type == 4) /* ETH_P_802_2 */
		return decode_llc(r, out);
	return type < ETHER_TYPE_MIN ? DECODE_NON_IP
	                                : decode_ethertype(type, r, out);
}

static enum decode_class
linux_sll(struct rest r, struct decode_packet *out)
{
	uint16_t type, packet_type, hardware;

	if (r.n < 16)
		return DECODE_NON_IP;
	packet_type = be16(r.p);
	hardware = be16(r.p + 2);
	type = be16(r.p + 14);
	skip(&r, 16);
	return cooked(type, packet_type, hardware, r, out);
}

static enum decode_class
linux_sll2(struct rest r, struct decode_packet *out)
{
	uint16_t type, packet_type, hardware;

	if (r.n < 20)
		return DECODE_NON_IP;
	type = be16(r.p);
	hardware = be16(r.p + 8);
	packet_type = r.p[10];
	skip(&r, 20);
	return cooked(type, packet_type, hardware, r, out);
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

	if (r.n < 8 || r.nesting++ == DECODE_NESTING_MAX)
		return DECODE_NON_IP;
	dlt = le32(r.p + 4);
	if (le16(r.p + 2) < 8 || dlt > 0xffff || dlt == LINK_PPI ||
	    !skip(&r, le16(r.p + 2)))
		return DECODE_NON_IP;
	return decode_link((int)dlt, r, out);
}

/* Apple's per-packet metadata, in front of any other link type. */
static enum decode_class
pktap(struct rest r, struct decode_packet *out)
{
	uint32_t len, dlt;

	if (r.n < 12 || r.nesting++ == DECODE_NESTING_MAX)
		return DECODE_NON_IP;
	len = le32(r.p);
	dlt = le32(r.p + 8);
	if (len < 108 || le32(r.p + 4) != 1 || dlt > 0xffff ||
	    dlt == LINK_PKTAP || dlt == LINK_USER2 || !skip(&r, len))
		return DECODE_NON_IP;
	return decode_link((int)dlt, r, out);
}

static enum decode_class
after(size_t header, struct rest r, struct decode_packet *out,
    enum decode_class (*next)(struct rest, struct decode_packet *))
{
	return skip(&r, header) ? next(r, out) : DECODE_NON_IP;
}

/* Behind libpcap's direction and compressed header: an IPv4 packet made
 * whole again (RFC 1055 and 1144 know of no other). */
static enum decode_class
slip(struct rest r, struct decode_packet *out)
{
	return skip(&r, 16) && r.n >= 1 && r.p[0] >> 4 == 4 ? ip4(r, out)
	                                                    : DECODE_NON_IP;
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
	return type < ETHER_TYPE_MIN ? DECODE_NON_IP
	                                : decode_ethertype(type, r, out);
}

/* RFC 2684: LLC, or a bare IP header where the circuit carries only IP. */
static enum decode_class
rfc2684(struct rest r, struct decode_packet *out)
{
	if (r.n >= 1 && ((r.p[0] >= 0x45 && r.p[0] <= 0x4f) ||
			    r.p[0] >> 4 == 6))
		return decode_ip_any(r, out);
	return decode_llc(r, out);
}

/* Traffic type in the low nibble: LAN emulation, LLC, or what it looks like;
 * 5 and 6 are signalling. */
static enum decode_class
sunatm(struct rest r, struct decode_packet *out)
{
	unsigned traffic;

	if (r.n < 4)
		return DECODE_NON_IP;
	traffic = r.p[0] & 15;
	skip(&r, 4);
	if (traffic == 1)
		return after(2, r, out, decode_ethernet);
	if (traffic == 5 || traffic == 6)
		return DECODE_NON_IP;
	return traffic == 2 ? decode_llc(r, out) : rfc2684(r, out);
}

/* RFC 1201, whose long header has a fragment's number, and RFC 1051. */
static enum decode_class
arcnet(struct rest r, size_t addresses, struct decode_packet *out)
{
	enum { OLD_IP = 0xf0, IP4 = 0xd4, IP6 = 0xc4 };
	uint8_t id;

	if (!skip(&r, addresses) || r.n < 1)
		return DECODE_NON_IP;
	id = r.p[0];
	skip(&r, 1);
	if (id == OLD_IP)
		return ip4(r, out);
	if ((id != IP4 && id != IP6) || r.n < 3)
		return DECODE_NON_IP;
	skip(&r, r.p[0] == 0xff ? 7 : 3);
	return id == IP4 ? ip4(r, out) : ip6(r, out);
}

/* Two addresses of 8 bytes, then the EtherType. */
static enum decode_class
ieee1394(struct rest r, struct decode_packet *out)
{
	uint16_t type;

	return tag(&r, 18, &type) && type >= ETHER_TYPE_MIN
	    ? decode_ethertype(type, r, out) : DECODE_NON_IP;
}

/* What is left where Juniper's link layer was taken off; "unlabelled" is what
 * came out of a label stack, "labelled" what is on its way into one. */
static enum decode_class
juniper_bare(struct rest r, struct decode_packet *out)
{
	enum { IP4 = 2, IP4_UNLABELLED = 3, IP4_LABELLED = 4, MPLS = 5,
		IP6 = 6, IP6_UNLABELLED = 7, IP6_LABELLED = 8 };
	uint32_t proto;

	if (r.n < 4)
		return DECODE_NON_IP;
	proto = le32(r.p);
	skip(&r, 4);
	switch (proto) {
	case IP4:
	case IP4_UNLABELLED:
		return ip4(r, out);
	case IP6:
	case IP6_UNLABELLED:
		return ip6(r, out);
	case MPLS:
	case IP4_LABELLED:
	case IP6_LABELLED:
		return decode_mpls(r, out);
	default:
		return DECODE_NON_IP;
	}
}

/*
 * Behind the cookie of Juniper's ATM cards: RFC 2684's LLC, Cisco's NLPID, or
 * what the circuit carries alone.  The second generation has a longer cookie,
 * and Ethernet and PPP.
 */
static enum decode_class
juniper_atm(struct rest r, bool second, bool inbound,
    struct decode_packet *out)
{
	enum { OAM = 0x80, OAM_SECOND = 0x70, BRIDGED = 0x3f };
	bool cell, bridged;

	if (r.n < 8)
		return DECODE_NON_IP;
	cell = second ? r.p[7] & OAM_SECOND : r.p[0] == OAM;
	bridged = second && !inbound && r.p[3] & BRIDGED;
	if (cell || !skip(&r, second ? 8 : 4) || r.n < 3)
		return DECODE_NON_IP;
	if ((be16(r.p) == 0xaaaa || be16(r.p) == 0xfefe) && r.p[2] == 0x03)
		return decode_llc(r, out);
	if (bridged)
		return decode_ethernet(r, out);
	if (r.p[0] == 0x03)
		return after(1, r, out, decode_nlpid);
	if (r.p[0] >> 4 == 4 || r.p[0] >> 4 == 6)
		return decode_ip_any(r, out);
	return second ? decode_ppp(r, out) : DECODE_NON_IP;
}

/*
 * Juniper's header in front of the link layer: magic, flags, with a flag set
 * extensions behind their length.  Of the cards for services only what has
 * its link layer taken off is read: no specification tells their cookies.
 */
static enum decode_class
juniper(int dlt, struct rest r, struct decode_packet *out)
{
	enum { INBOUND = 0x01, NO_L2 = 0x02, EXTENSIONS = 0x80 };
	uint16_t more = 0;
	uint8_t flags;

	if (r.n < 4 || r.p[0] != 'M' || r.p[1] != 'G' || r.p[2] != 'C')
		return DECODE_NON_IP;
	flags = r.p[3];
	skip(&r, 4);
	if (flags & EXTENSIONS && (!tag(&r, 2, &more) || !skip(&r, more)))
		return DECODE_NON_IP;
	if (flags & NO_L2)
		return juniper_bare(r, out);
	switch (dlt) {
	case LINK_JUNIPER_ETHER:
	case LINK_JUNIPER_PPPOE:
		return decode_ethernet(r, out);
	case LINK_JUNIPER_PPP:
	case LINK_JUNIPER_MLPPP: /* a link of the bundle has no cookie */
		return ppp(r, out);
	case LINK_JUNIPER_VP:
		return after(18, r, out, ip4);
	case LINK_JUNIPER_FRELAY:
		return frame_relay(r, out);
	case LINK_JUNIPER_CHDLC:
		return c_hdlc(r, out);
	case LINK_JUNIPER_ATM1:
	case LINK_JUNIPER_ATM2:
		return juniper_atm(r, dlt == LINK_JUNIPER_ATM2, flags & INBOUND,
		    out);
	default:
		return DECODE_NON_IP;
	}
}

/* Amateur radio: up to ten addresses of 7 bytes, a bit in the last one of
 * which ends them, then control and protocol. */
static enum decode_class
ax25(struct rest r, struct decode_packet *out)
{
	enum { ADDRESS = 7, ADDRESSES_MAX = 10, UI = 0x03, POLL = 0x10,
		IP = 0xcc };
	bool last = false;

	for (unsigned n = 0; !last; n++) {
		if (n == ADDRESSES_MAX || r.n < ADDRESS)
			return DECODE_NON_IP;
		last = r.p[ADDRESS - 1] & 1;
		skip(&r, ADDRESS);
	}
	/* information, numbered or not; other frames carry none */
	if (r.n < 2 || (r.p[0] & 1 && (r.p[0] & ~POLL) != UI) ||
	    r.p[1] != IP)
		return DECODE_NON_IP;
	skip(&r, 2);
	return ip4(r, out);
}

/* A modem's channel and command, of which 0 is data. */
static enum decode_class
ax25_kiss(struct rest r, struct decode_packet *out)
{
	return r.n >= 1 && (r.p[0] & 0x0f) == 0 ? after(1, r, out, ax25)
	                                        : DECODE_NON_IP;
}

/* PPP's address and control, or those of Cisco's HDLC. */
static enum decode_class
endace_hdlc(struct rest r, struct decode_packet *out)
{
	return r.n >= 1 && r.p[0] == 0xff ? ppp(r, out) : c_hdlc(r, out);
}

/* Endace's record (ERF): 16 bytes, 8 for each extension header, then by type. */
static enum decode_class
endace(struct rest r, struct decode_packet *out)
{
	enum { HDLC = 1, ETHERNET = 2, AAL5 = 4, CHANNEL_HDLC = 5,
		CHANNEL_AAL5 = 9, COLOUR_HDLC = 10, COLOUR_ETHERNET = 11,
		DSM_HDLC = 15, DSM_ETHERNET = 16, COLOUR_CHANNEL_HDLC = 17,
		HASH_HDLC = 19, HASH_ETHERNET = 20, IP4 = 22, IP6 = 23 };
	uint8_t type;

	if (r.n < 16)
		return DECODE_NON_IP;
	type = r.p[8];
	skip(&r, 16);
	for (bool more = type & 0x80; more;) {
		more = r.n >= 8 && r.p[0] & 0x80;
		if (!skip(&r, 8))
			return DECODE_NON_IP;
	}
	switch (type & 0x7f) {
	case HDLC:
	case COLOUR_HDLC:
	case DSM_HDLC:
	case HASH_HDLC:
		return endace_hdlc(r, out);
	case CHANNEL_HDLC:
	case COLOUR_CHANNEL_HDLC:
		return after(4, r, out, endace_hdlc);
	case AAL5: /* behind the cell's header */
		return after(4, r, out, rfc2684);
	case CHANNEL_AAL5:
		return after(8, r, out, rfc2684);
	case ETHERNET:
	case COLOUR_ETHERNET:
	case DSM_ETHERNET:
	case HASH_ETHERNET:
		return after(2, r, out, decode_ethernet);
	case IP4:
		return ip4(r, out);
	case IP6:
		return ip6(r, out);
	default:
		return DECODE_NON_IP;
	}
}

/* Preamble and start of frame of IEEE 802.3br; only whole (express) frames,
 * not the pieces of preempted ones. */
static enum decode_class
mpacket(struct rest r, struct decode_packet *out)
{
	enum { EXPRESS = 0xd5 };

	if (r.n < 8 || r.p[7] != EXPRESS)
		return DECODE_NON_IP;
	skip(&r, 8);
	return decode_ethernet(r, out);
}

/* Symantec's firewall: 44 bytes, the EtherType among them. */
static enum decode_class
symantec(struct rest r, struct decode_packet *out)
{
	uint16_t type;

	if (r.n < 44)
		return DECODE_NON_IP;
	type = be16(r.p + 6);
	skip(&r, 44);
	return type < ETHER_TYPE_MIN ? DECODE_NON_IP
	                             : decode_ethertype(type, r, out);
}

/* A switch's tag between the addresses and the type (Linux's DSA); with a type
 * of its own it is twice as long. */
static enum decode_class
switch_tagged(struct rest r, size_t bytes, struct decode_packet *out)
{
	uint16_t type;

	if (r.n < 12)
		return DECODE_NON_IP;
	if (r.p[0] & 1)
		out->flags |= DECODE_GROUP;
	skip(&r, 12);
	return tag(&r, bytes + 2, &type) ? decode_ethertype(type, r, out)
	                                 : DECODE_NON_IP;
}

enum decode_class
decode_link(int dlt, struct rest r, struct decode_packet *out)
{
	switch ((enum link_type)dlt) {
	case LINK_EN10MB:
		return decode_ethernet(r, out);
	case LINK_LINUX_SLL:
		return linux_sll(r, out);
	case LINK_LINUX_SLL2:
		return linux_sll2(r, out);
	case LINK_RAW:
	case LINK_RAW_OPENBSD:
	case LINK_RAW_FILE:
		return decode_ip_any(r, out);
	case LINK_IPV4:
		return ip4(r, out);
	case LINK_IPV6:
		return ip6(r, out);
	case LINK_NULL:
	case LINK_LOOP:
		return null_loop(r, 4, out);
	case LINK_ENC:
	case LINK_ENC_OPENBSD:
		return null_loop(r, 12, out);
	case LINK_PPP:
	case LINK_PPP_SERIAL:
		return ppp(r, out);
	case LINK_PPP_ETHER:
		return decode_pppoe(r, out);
	case LINK_PPP_PPPD:
		return ppp_pppd(r, out);
	case LINK_PPP_WITH_DIR:
		return after(1, r, out, ppp);
	case LINK_C_HDLC_WITH_DIR:
		return after(1, r, out, c_hdlc);
	case LINK_FRELAY_WITH_DIR:
		return after(1, r, out, frame_relay);
	case LINK_MPLS:
		return decode_mpls(r, out);
	case LINK_C_HDLC:
		return c_hdlc(r, out);
	case LINK_FRELAY:
		return frame_relay(r, out);
	case LINK_SLIP:
		return slip(r, out);
	case LINK_FDDI:
		return fddi(r, out);
	case LINK_TOKEN_RING:
		return token_ring(r, out);
	case LINK_ATM_RFC1483:
	case LINK_ATM_CLIP:
		return rfc2684(r, out);
	case LINK_ARCNET:
		return arcnet(r, 2, out);
	case LINK_ARCNET_LINUX:
		return arcnet(r, 4, out);
	case LINK_IP_OVER_1394:
		return ieee1394(r, out);
	case LINK_JUNIPER_ETHER:
	case LINK_JUNIPER_PPP:
	case LINK_JUNIPER_FRELAY:
	case LINK_JUNIPER_CHDLC:
	case LINK_JUNIPER_PPPOE:
	case LINK_JUNIPER_ATM1:
	case LINK_JUNIPER_ATM2:
	case LINK_JUNIPER_MLPPP:
	case LINK_JUNIPER_MLFR:
	case LINK_JUNIPER_ES:
	case LINK_JUNIPER_GGSN:
	case LINK_JUNIPER_MFR:
	case LINK_JUNIPER_SERVICES:
	case LINK_JUNIPER_MONITOR:
	case LINK_JUNIPER_PPPOE_ATM:
	case LINK_JUNIPER_VP:
		return juniper(dlt, r, out);
	case LINK_AX25:
		return ax25(r, out);
	case LINK_AX25_KISS:
		return ax25_kiss(r, out);
	case LINK_ERF:
		return endace(r, out);
	case LINK_MPACKET:
		return mpacket(r, out);
	case LINK_SYMANTEC:
		return symantec(r, out);
	case LINK_NETANALYZER: /* port and state of the reception */
		return after(4, r, out, decode_ethernet);
	case LINK_EPON: /* the preamble's logical link */
		return after(8, r, out, decode_ethernet);
	case LINK_DSA_BRCM:
	case LINK_DSA:
		return switch_tagged(r, 4, out);
	case LINK_EDSA:
		return switch_tagged(r, 8, out);
	case LINK_DSA_BRCM_PREPEND:
		return after(4, r, out, decode_ethernet);
	case LINK_SUNATM:
		return sunatm(r, out);
	case LINK_IP_OVER_FC:
		return after(16, r, out, decode_llc);
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
	static const uint16_t known[] = {LINK_NULL, LINK_EN10MB, LINK_AX25,
		LINK_AX25_KISS, LINK_TOKEN_RING, LINK_ARCNET, LINK_SLIP,
		LINK_PPP, LINK_FDDI, LINK_ATM_RFC1483, LINK_RAW,
		LINK_ENC_OPENBSD, LINK_RAW_OPENBSD, LINK_ATM_CLIP,
		LINK_PPP_SERIAL, LINK_PPP_ETHER, LINK_SYMANTEC, LINK_RAW_FILE,
		LINK_C_HDLC, LINK_IEEE802_11, LINK_FRELAY, LINK_LOOP, LINK_ENC,
		LINK_LINUX_SLL, LINK_PFLOG, LINK_PRISM, LINK_IP_OVER_FC,
		LINK_SUNATM, LINK_RADIOTAP, LINK_ARCNET_LINUX,
		LINK_IP_OVER_1394, LINK_USER2, LINK_AVS, LINK_PPP_PPPD,
		LINK_JUNIPER_ETHER, LINK_JUNIPER_PPP, LINK_JUNIPER_FRELAY,
		LINK_JUNIPER_CHDLC, LINK_JUNIPER_PPPOE, LINK_JUNIPER_ATM1,
		LINK_JUNIPER_ATM2, LINK_JUNIPER_MLPPP, LINK_JUNIPER_MLFR,
		LINK_JUNIPER_ES, LINK_JUNIPER_GGSN, LINK_JUNIPER_MFR,
		LINK_JUNIPER_SERVICES, LINK_JUNIPER_MONITOR,
		LINK_JUNIPER_PPPOE_ATM, LINK_JUNIPER_VP, LINK_PPI, LINK_ERF,
		LINK_PPP_WITH_DIR, LINK_C_HDLC_WITH_DIR, LINK_FRELAY_WITH_DIR,
		LINK_MPLS, LINK_IPNET, LINK_IPV4, LINK_IPV6, LINK_NFLOG,
		LINK_IPOIB, LINK_PKTAP, LINK_NETANALYZER, LINK_EPON, LINK_MPACKET,
		LINK_LINUX_SLL2, LINK_DSA_BRCM, LINK_DSA_BRCM_PREPEND,
		LINK_DSA, LINK_EDSA};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i] == dlt)
			return true;
	return false;
}

