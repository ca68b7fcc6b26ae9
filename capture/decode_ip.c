/*
 * The IP half of decode.h: fixed headers, options, extension headers, and
 * the first bytes of the transport.
 */
#include "capture/decode.h"

#include <string.h>

/* IPv6 extension headers that are walked over (RFC 8200, section 4). */
enum { EXT_HOP = 0, EXT_ROUTING = 43, EXT_FRAGMENT = 44, EXT_DEST = 60 };

static uint16_t
be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

static void
take_tcp(const uint8_t *p, size_t n, struct decode_packet *out)
{
	enum { FIN = 0x01, SYN = 0x02, RST = 0x04, ACK = 0x10 };

	if (n < 14)
		return;
	out->tcp_flags = p[13];
	if (p[13] & (FIN | RST))
		out->flags |= DECODE_ENDS;
	if (p[12] >> 4 >= 5 && (size_t)(p[12] >> 4) * 4 < n)
		out->flags |= DECODE_PAYLOAD;
	if (p[13] & SYN)
		out->hint = p[13] & ACK ? DECODE_HINT_ANSWERS
		                        : DECODE_HINT_OPENS;
}

/* First chunk of an SCTP packet: INIT and INIT ACK (RFC 9260, 3.2). */
static void
take_sctp(const uint8_t *p, size_t n, struct decode_packet *out)
{
	if (n < 13)
		return;
	if (p[12] == 1)
		out->hint = DECODE_HINT_OPENS;
	else if (p[12] == 2)
		out->hint = DECODE_HINT_ANSWERS;
}

/* Request and Response (RFC 4340, 5.1); the type sits in byte 8. */
static void
take_dccp(const uint8_t *p, size_t n, struct decode_packet *out)
{
	if (n < 9)
		return;
	if ((p[8] >> 1 & 15) == 0)
		out->hint = DECODE_HINT_OPENS;
	else if ((p[8] >> 1 & 15) == 1)
		out->hint = DECODE_HINT_ANSWERS;
}

/* Query types with an answer: echo, timestamp, information, address mask,
 * router solicitation (IANA icmp-parameters). */
static void
take_icmp(const uint8_t *p, size_t n, struct decode_packet *out)
{
	if (n < 1)
		return;
	out->icmp_type = p[0];
	switch (p[0]) {
	case 8: case 10: case 13: case 15: case 17:
		out->hint = DECODE_HINT_OPENS;
		break;
	case 0: case 9: case 14: case 16: case 18:
		out->hint = DECODE_HINT_ANSWERS;
		break;
	default:
		break;
	}
}

/* Echo, listener query, router and neighbour solicitation, node information
 * (IANA icmpv6-parameters). */
static void
take_icmp6(const uint8_t *p, size_t n, struct decode_packet *out)
{
	if (n < 1)
		return;
	out->icmp_type = p[0];
	switch (p[0]) {
	case 128: case 130: case 133: case 135: case 139:
		out->hint = DECODE_HINT_OPENS;
		break;
	case 129: case 131: case 134: case 136: case 140: case 143:
		out->hint = DECODE_HINT_ANSWERS;
		break;
	default:
		break;
	}
}

static void
take_ports(const uint8_t *p, size_t n, struct decode_packet *out)
{
	if (n < 4)
		return;
	out->sport = be16(p);
	out->dport = be16(p + 2);
	out->flags |= DECODE_HAS_PORTS;
}

static void
take_transport(const uint8_t *p, size_t n, struct decode_packet *out)
{
	switch (out->proto) {
	case DECODE_PROTO_TCP:
		take_ports(p, n, out);
		take_tcp(p, n, out);
		break;
	case DECODE_PROTO_UDP:
	case DECODE_PROTO_UDPLITE:
		take_ports(p, n, out);
		if (n > 8)
			out->flags |= DECODE_PAYLOAD;
		break;
	case DECODE_PROTO_SCTP:
		take_ports(p, n, out);
		take_sctp(p, n, out);
		break;
	case DECODE_PROTO_DCCP:
		take_ports(p, n, out);
		take_dccp(p, n, out);
		break;
	case DECODE_PROTO_ICMP:
		if (out->version == 4)
			take_icmp(p, n, out);
		break;
	case DECODE_PROTO_ICMP6:
		if (out->version == 6)
			take_icmp6(p, n, out);
		break;
	default:
		break;
	}
}

static void
start(struct decode_packet *out, uint8_t version)
{
	out->version = version;
	out->sport = out->dport = 0;
	out->frag_id = 0;
	out->frag_next = 0;
	out->flags &= DECODE_GROUP; /* the link layer's verdict stays */
	out->hint = DECODE_HINT_NONE;
	out->tcp_flags = out->icmp_type = 0;
}

enum decode_class
decode_ip4(const uint8_t *p, size_t n, struct decode_packet *out)
{
	size_t header, total;
	uint16_t frag;

	if (n < 20 || p[0] >> 4 != 4)
		return DECODE_MALFORMED;
	header = (size_t)(p[0] & 15) * 4;
	total = be16(p + 2);
	if (header < 20 || (total != 0 && total < header))
		return DECODE_MALFORMED;
	start(out, 4);
	out->proto = p[9];
	memcpy(out->src, p + 12, 4);
	memcpy(out->dst, p + 16, 4);
	frag = be16(p + 6);
	if (frag & 0x3fff) {
		out->frag_id = be16(p + 4);
		out->frag_next = p[9];
		out->flags |= frag & 0x1fff ? DECODE_FRAG_LATER
		                            : DECODE_FRAG_FIRST;
	}
	/* what lies behind the datagram is padding, not a port */
	if (total != 0 && total < n)
		n = total;
	out->ip = p;
	out->ip_len = (uint32_t)n;
	if (!(out->flags & DECODE_FRAG_LATER) && header < n)
		take_transport(p + header, n - header, out);
	return DECODE_IP;
}

/* Fragment header; true when nothing of the transport follows it. */
static bool
take_fragment(const uint8_t *p, struct decode_packet *out)
{
	uint16_t frag = be16(p + 2);

	if ((frag & 0xfff9) == 0)
		return false; /* atomic fragment, RFC 6946 */
	out->frag_id = be32(p + 4);
	out->frag_next = p[0];
	out->flags &= (uint8_t)~(DECODE_FRAG_FIRST | DECODE_FRAG_LATER);
	out->flags |= frag & 0xfff8 ? DECODE_FRAG_LATER : DECODE_FRAG_FIRST;
	return frag & 0xfff8;
}

/* Each turn moves on by at least 8 bytes, so n bounds the walk. */
static void
walk_extensions(const uint8_t *p, size_t n, struct decode_packet *out)
{
	for (;;) {
		size_t len = 8;

		switch (out->proto) {
		case EXT_ROUTING:
			if (n < 1)
				return;
			out->proto = p[0];
			if (n < 2)
				return;
			len = ((size_t)p[1] + 1) * 8;
			break;
		case EXT_HOP:
		case EXT_DEST:
			if (n < 2)
				return; /* without a length it is no header */
			out->proto = p[0];
			len = ((size_t)p[1] + 1) * 8;
			break;
		case EXT_FRAGMENT:
			if (n < 8)
				return;
			out->proto = p[0];
			if (take_fragment(p, out))
				return;
			break;
		default:
			take_transport(p, n, out);
			return;
		}
		if (len > n)
			len = n;
		p += len;
		n -= len;
	}
}

static bool
is_extension(uint8_t proto)
{
	return proto == EXT_HOP || proto == EXT_ROUTING ||
	    proto == EXT_FRAGMENT || proto == EXT_DEST;
}

/* A hop-by-hop header with the jumbo payload option?  A length that the fixed
 * header could have told is an error (RFC 2675, 3). */
static bool
is_jumbo(const uint8_t *p, size_t n)
{
	enum { PAD1 = 0, JUMBO = 0xc2 };
	size_t end = n < 2 ? 0 : ((size_t)p[1] + 1) * 8;

	if (end > n)
		end = n;
	for (size_t at = 2; at + 1 < end;) {
		if (p[at] == JUMBO)
			return end - at >= 6 && p[at + 1] == 4 &&
			    be16(p + at + 2) != 0;
		at += p[at] == PAD1 ? 1 : (size_t)p[at + 1] + 2;
	}
	return false;
}

enum decode_class
decode_ip6(const uint8_t *p, size_t n, struct decode_packet *out)
{
	size_t payload;

	/* of another version it is not IPv6 cut or broken, but no IPv6 */
	if (n >= 1 && p[0] >> 4 != 6)
		return DECODE_NON_IP;
	if (n < 40)
		return DECODE_MALFORMED;
	start(out, 6);
	payload = be16(p + 4);
	out->proto = p[6];
	memcpy(out->src, p + 8, 32);
	out->ip = p;
	p += 40;
	n -= 40;
	if (payload != 0 && payload < n)
		n = payload;
	out->ip_len = (uint32_t)n + 40;
	/* a length of 0 is a jumbogram's, or offload's, which leaves the field
	 * of a bare segment alone; no other extension header can follow it */
	if (payload != 0 || !is_extension(out->proto) ||
	    (out->proto == EXT_HOP && is_jumbo(p, n)))
		walk_extensions(p, n, out);
	return DECODE_IP;
}
