/*
 * The link half of decode.h: from the frame's first byte to the outermost IP
 * header; here Ethernet and everything that lies between a link layer and IP,
 * in decode_link.c the other link types.  Every step consumes bytes of a
 * `struct rest`, and layers that can nest a whole frame are counted, so no
 * input makes the walk long.
 */
#include "capture/decode.h"

#include "capture/decode_internal.h"

enum ether_type {
	ETHER_IPV4 = 0x0800,
	ETHER_TRILL = 0x22f3,
	ETHER_BATMAN = 0x4305,
	ETHER_BRIDGED = 0x6558,
	ETHER_VLAN = 0x8100,
	ETHER_IPV6 = 0x86dd,
	ETHER_PPP = 0x880b,
	ETHER_MPLS = 0x8847,
	ETHER_MPLS_MULTICAST = 0x8848,
	ETHER_PPPOE = 0x8864,
	ETHER_JUMBO_LLC = 0x8870,
	ETHER_QINQ = 0x88a8,
	ETHER_MACSEC = 0x88e5,
	ETHER_PBB = 0x88e7,
	ETHER_FABRICPATH = 0x8903,
	ETHER_CMD = 0x8909,
	ETHER_VNTAG = 0x8926,
	ETHER_HSR = 0x892f,
	ETHER_ETAG = 0x893f,
	ETHER_NSH = 0x894f,
	ETHER_QINQ_9100 = 0x9100,
	ETHER_QINQ_9200 = 0x9200,
	ETHER_QINQ_9300 = 0x9300,
	ETHER_ARISTA = 0xd28b,
	ETHER_RTAG = 0xf1c1,
};

enum decode_class
decode_ip_any(struct rest r, struct decode_packet *out)
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

/* ---- MPLS ---------------------------------------------------------------- */

/*
 * An Ethernet pseudo-wire (RFC 4448), with or without its control word, whose
 * first nibble is 0.  Nothing in the frame says which, or that it is one, so
 * only what makes sense down to IP is taken for it.  Each try may come upon
 * the next pseudo-wire, so few are looked for in one another.
 */
static enum decode_class
pseudowire(struct rest r, struct decode_packet *out)
{
	enum { WIRES_MAX = 3 };
	uint8_t flags = out->flags;
	struct rest word = r;

	if (r.nesting > WIRES_MAX)
		return DECODE_NON_IP;
	if (r.n >= 1 && r.p[0] >> 4 == 0 && skip(&word, 4)) {
		if (decode_ethernet(word, out) == DECODE_IP)
			return DECODE_IP;
		out->flags = flags;
	}
	if (decode_ethernet(r, out) == DECODE_IP)
		return DECODE_IP;
	out->flags = flags;
	return DECODE_NON_IP;
}

/* A pseudo-wire's associated channel: its types are PPP's (RFC 4385, 5586). */
static enum decode_class
associated_channel(struct rest r, struct decode_packet *out)
{
	uint16_t type;

	if (!tag(&r, 4, &type))
		return DECODE_NON_IP;
	return type == 0x0021 ? ip4(r, out)
	    : type == 0x0057  ? ip6(r, out)
	                      : DECODE_NON_IP;
}

/*
 * The payload's type is not in the label stack (RFC 3032); by convention the
 * first nibble tells IP from the rest (RFC 4928).  Below the labels for OAM
 * (13 and 14, RFC 5586 and 3429) lies no IP whatever the nibble.
 */
enum decode_class
decode_mpls(struct rest r, struct decode_packet *out)
{
	uint32_t label;

	do {
		if (r.n < 4)
			return DECODE_NON_IP;
		label = be32(r.p);
		skip(&r, 4);
	} while (!(label & 0x100));
	label >>= 12;
	if (label == 13 || label == 14 || r.n < 1)
		return DECODE_NON_IP;
	switch (r.p[0] >> 4) {
	case 1:
		return associated_channel(r, out);
	case 4:
	case 6:
		return decode_ip_any(r, out);
	default:
		return pseudowire(r, out);
	}
}

/* ---- PPP ----------------------------------------------------------------- */

/* Bridge control protocol (RFC 3518): flags, and which kind of frame. */
static enum decode_class
ppp_bridged(struct rest r, struct decode_packet *out)
{
	if (r.n < 2 || r.p[1] != 1)
		return DECODE_NON_IP;
	skip(&r, 2);
	return decode_ethernet(r, out);
}

/* Multilink (RFC 1990), long sequence numbers; only the first fragment of a
 * packet has its header. */
static enum decode_class
ppp_multilink(struct rest r, struct decode_packet *out)
{
	bool begins = r.n >= 4 && r.p[0] & 0x80;

	if (!begins || r.nesting++ == DECODE_NESTING_MAX)
		return DECODE_NON_IP;
	skip(&r, 4);
	return decode_ppp(r, out);
}

/* The protocol field is one byte long when its low bit is set. */
enum decode_class
decode_ppp(struct rest r, struct decode_packet *out)
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
	case 0x0031:
		return ppp_bridged(r, out);
	case 0x003d:
		return ppp_multilink(r, out);
	case 0x0057:
		return ip6(r, out);
	case 0x0281:
	case 0x0283:
		return decode_mpls(r, out);
	default:
		return DECODE_NON_IP;
	}
}

/* Session data (RFC 2516).  What lies behind the length is padding; receivers
 * look at neither version nor code, so neither do we. */
enum decode_class
decode_pppoe(struct rest r, struct decode_packet *out)
{
	uint16_t len;

	if (!tag(&r, 6, &len))
		return DECODE_NON_IP;
	if (len < r.n)
		r.n = len;
	return decode_ppp(r, out);
}

/* ---- LLC ----------------------------------------------------------------- */

enum decode_class
decode_bridged(uint16_t pid, size_t pad, struct rest r,
    struct decode_packet *out)
{
	/* Ethernet with or without its checksum */
	if ((pid != 1 && pid != 7) || !skip(&r, pad))
		return DECODE_NON_IP;
	return decode_ethernet(r, out);
}

enum decode_class
decode_nlpid(struct rest r, struct decode_packet *out)
{
	uint8_t nlpid;

	if (r.n < 1)
		return DECODE_NON_IP;
	nlpid = r.p[0];
	skip(&r, 1);
	return nlpid == 0xcc ? ip4(r, out)
	    : nlpid == 0x8e  ? ip6(r, out)
	    : nlpid == 0xcf  ? decode_ppp(r, out)
	                     : DECODE_NON_IP;
}

/* SNAP with an EtherType, the SAP of IP, or that of ISO's network layer. */
enum decode_class
decode_llc(struct rest r, struct decode_packet *out)
{
	enum { IP = 0x060603, RESPONSE = 0x000100, ISO = 0xfefe03 };
	uint32_t oui, saps;
	uint16_t type;

	if (r.nesting++ == DECODE_NESTING_MAX || r.n < 3)
		return DECODE_NON_IP;
	saps = (uint32_t)be16(r.p) << 8 | r.p[2];
	if ((saps & ~(uint32_t)RESPONSE) == IP || saps == ISO) {
		skip(&r, 3);
		return saps == ISO ? decode_nlpid(r, out) : ip4(r, out);
	}
	if (saps != 0xaaaa03 || r.n < 8)
		return DECODE_NON_IP;
	oui = be32(r.p + 2) & 0xffffff;
	type = be16(r.p + 6);
	skip(&r, 8);
	if (oui == 0x80c2)
		return decode_bridged(type, 2, r, out);
	/* Ethernet (RFC 1042) and bridged Ethernet (IEEE 802.1H) */
	if (oui != 0 && oui != 0xf8)
		return DECODE_NON_IP;
	return type < ETHER_TYPE_MIN ? DECODE_NON_IP
	                             : decode_ethertype(type, r, out);
}

/* ---- Ethernet ------------------------------------------------------------ */

/* Network service header (RFC 8300). */
static enum decode_class
nsh(struct rest r, struct decode_packet *out)
{
	uint8_t next;

	do {
		size_t len = r.n < 8 ? 0 : (size_t)(r.p[1] & 0x3f) * 4;

		if (len < 8)
			return DECODE_NON_IP;
		next = r.p[3];
		if (!skip(&r, len))
			return DECODE_NON_IP;
	} while (next == 4);
	switch (next) {
	case 1:
		return ip4(r, out);
	case 2:
		return ip6(r, out);
	case 3:
		return decode_ethernet(r, out);
	case 5:
		return decode_mpls(r, out);
	default:
		return DECODE_NON_IP;
	}
}

/* MACsec's tag (IEEE 802.1AE, 9.3), when it only vouches for what follows; of
 * another version than 0 it is not to be understood (9.9). */
static bool
macsec(struct rest *r, uint16_t *type)
{
	enum { VERSION = 0x80, SCI = 0x20, ENCRYPTED = 0x08, CHANGED = 0x04 };

	if (r->n < 1 || r->p[0] & (VERSION | ENCRYPTED | CHANGED))
		return false;
	return tag(r, r->p[0] & SCI ? 16 : 8, type);
}

/* RFC 6325: header with options, then the frame. */
static enum decode_class
trill(struct rest r, struct decode_packet *out)
{
	size_t options;

	if (r.n < 6)
		return DECODE_NON_IP;
	options = (size_t)(be16(r.p) >> 6 & 0x1f) * 4;
	return skip(&r, 6 + options) ? decode_ethernet(r, out)
	                             : DECODE_NON_IP;
}

/* batman-adv, compatibility version 15: the packets that carry a frame. */
static enum decode_class
batman(struct rest r, struct decode_packet *out)
{
	enum { BROADCAST = 0x01, UNICAST = 0x40, UNICAST_4ADDR = 0x42 };
	size_t header;

	if (r.n < 2 || r.p[1] != 15)
		return DECODE_NON_IP;
	switch (r.p[0]) {
	case BROADCAST:
		header = 14;
		break;
	case UNICAST:
		header = 10;
		break;
	case UNICAST_4ADDR:
		header = 18;
		break;
	default:
		return DECODE_NON_IP;
	}
	return skip(&r, header) ? decode_ethernet(r, out) : DECODE_NON_IP;
}

/* Arista's time stamp: subtype, version, 48 or 64 bits of it. */
static bool
arista(struct rest *r, uint16_t *type)
{
	enum { TIMESTAMP = 1, BITS_64 = 1, BITS_48 = 2 };
	unsigned format;

	if (r->n < 4 || be16(r->p) != TIMESTAMP)
		return false;
	format = r->p[3] >> 4;
	if (format != BITS_64 && format != BITS_48)
		return false;
	return tag(r, format == BITS_64 ? 14 : 12, type);
}

enum decode_class
decode_ethertype(uint16_t type, struct rest r, struct decode_packet *out)
{
	for (;;) {
		bool more = true;

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
			more = tag(&r, 4, &type);
			break;
		case ETHER_VNTAG:
		case ETHER_HSR:  /* IEC 62439-3 */
		case ETHER_RTAG: /* IEEE 802.1CB */
			more = tag(&r, 6, &type);
			break;
		case ETHER_ETAG: /* IEEE 802.1BR */
		case ETHER_CMD:  /* Cisco metadata, a security group's tag */
			more = tag(&r, 8, &type);
			break;
		case ETHER_MACSEC:
			more = macsec(&r, &type);
			break;
		case ETHER_ARISTA:
			more = arista(&r, &type);
			break;
		case ETHER_MPLS:
		case ETHER_MPLS_MULTICAST:
			return decode_mpls(r, out);
		case ETHER_PPPOE:
			return decode_pppoe(r, out);
		case ETHER_PPP:
			return decode_ppp(r, out);
		case ETHER_NSH:
			return nsh(r, out);
		case ETHER_JUMBO_LLC:
			return decode_llc(r, out);
		case ETHER_BRIDGED:
			return decode_ethernet(r, out);
		case ETHER_PBB: /* IEEE 802.1ah: service tag, then a frame */
			return skip(&r, 4) ? decode_ethernet(r, out)
			                   : DECODE_NON_IP;
		case ETHER_FABRICPATH:
			return skip(&r, 2) ? decode_ethernet(r, out)
			                   : DECODE_NON_IP;
		case ETHER_TRILL:
			return trill(r, out);
		case ETHER_BATMAN:
			return batman(r, out);
		default:
			if (type > ETHER_LENGTH_MAX)
				return DECODE_NON_IP;
			/* behind the length lies padding */
			if (type < r.n)
				r.n = type;
			return decode_llc(r, out);
		}
		if (!more)
			return DECODE_NON_IP;
	}
}

/* Cisco's ISL: a header of 26 bytes, sent to a group of its own, in front of
 * the frame. */
static bool
is_isl(const struct rest *r)
{
	return r->n >= 26 && (r->p[0] == 0x01 || r->p[0] == 0x0c) &&
	    r->p[1] == 0x00 && r->p[2] == 0x0c && r->p[3] == 0x00 &&
	    r->p[4] == 0x00 && r->p[14] == 0xaa && r->p[15] == 0xaa &&
	    r->p[16] == 0x03;
}

enum decode_class
decode_ethernet(struct rest r, struct decode_packet *out)
{
	uint16_t type;

	if (r.nesting++ == DECODE_NESTING_MAX || r.n < 14)
		return DECODE_NON_IP;
	if (is_isl(&r)) {
		skip(&r, 26);
		return decode_ethernet(r, out);
	}
	if (r.p[0] & 1)
		out->flags |= DECODE_GROUP;
	type = be16(r.p + 12);
	skip(&r, 14);
	return decode_ethertype(type, r, out);
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
	return decode_link(dlt, r, out);
}
