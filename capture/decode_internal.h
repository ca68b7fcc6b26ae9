/*
 * What the parts of the decoder share: decode.c (Ethernet and what lies
 * between a link layer and IP), decode_link.c (the other link types), and
 * pcapfile.c, for their numbers.  Nobody else includes this: decode_ip.c (from
 * an IP header on) needs none of it.
 */
#ifndef CAPTURE_DECODE_INTERNAL_H
#define CAPTURE_DECODE_INTERNAL_H

#include "capture/decode.h"

enum link_type {
	LINK_NULL = 0,
	LINK_EN10MB = 1,
	LINK_AX25 = 3,
	LINK_TOKEN_RING = 6,
	LINK_ARCNET = 7,
	LINK_SLIP = 8,
	LINK_PPP = 9,
	LINK_FDDI = 10,
	LINK_ATM_RFC1483 = 11,
	LINK_RAW = 12,
	LINK_ENC_OPENBSD = 13,
	LINK_RAW_OPENBSD = 14,
	LINK_ATM_CLIP = 19,
	LINK_PPP_SERIAL = 50,
	LINK_PPP_ETHER = 51,
	LINK_SYMANTEC = 99,
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
	LINK_ARCNET_LINUX = 129,
	LINK_JUNIPER_MLPPP = 130,
	LINK_JUNIPER_MLFR = 131,
	LINK_JUNIPER_ES = 132,
	LINK_JUNIPER_GGSN = 133,
	LINK_JUNIPER_MFR = 134,
	LINK_JUNIPER_ATM2 = 135,
	LINK_JUNIPER_SERVICES = 136,
	LINK_JUNIPER_ATM1 = 137,
	LINK_IP_OVER_1394 = 138,
	LINK_USER2 = 149,
	LINK_AVS = 163,
	LINK_JUNIPER_MONITOR = 164,
	LINK_PPP_PPPD = 166,
	LINK_JUNIPER_PPPOE = 167,
	LINK_JUNIPER_PPPOE_ATM = 168,
	LINK_JUNIPER_ETHER = 178,
	LINK_JUNIPER_PPP = 179,
	LINK_JUNIPER_FRELAY = 180,
	LINK_JUNIPER_CHDLC = 181,
	LINK_JUNIPER_VP = 183,
	LINK_PPI = 192,
	LINK_ERF = 197,
	LINK_AX25_KISS = 202,
	LINK_PPP_WITH_DIR = 204,
	LINK_C_HDLC_WITH_DIR = 205,
	LINK_FRELAY_WITH_DIR = 206,
	LINK_MPLS = 219,
	LINK_IPNET = 226,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_NFLOG = 239,
	LINK_NETANALYZER = 240,
	LINK_IPOIB = 242,
	LINK_PKTAP = 258,
	LINK_EPON = 259,
	LINK_MPACKET = 274,
	LINK_LINUX_SLL2 = 276,
	LINK_DSA_BRCM = 281,
	LINK_DSA_BRCM_PREPEND = 282,
	LINK_DSA = 284,
	LINK_EDSA = 285,
};

#define ETHER_LENGTH_MAX 1500 /* up to here an 802.3 length, not a type */
#define ETHER_TYPE_MIN   0x0600

#define DECODE_NESTING_MAX 8 /* frames within frames */

/* What is left of a frame. */
struct rest {
	const uint8_t *p;
	size_t n;
	unsigned nesting;
};

static inline uint16_t
be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint16_t
le16(const uint8_t *p)
{
	return (uint16_t)(p[1] << 8 | p[0]);
}

static inline uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static inline uint32_t
le32(const uint8_t *p)
{
	return (uint32_t)le16(p + 2) << 16 | le16(p);
}

static inline bool
skip(struct rest *r, size_t n)
{
	if (r->n < n)
		return false;
	r->p += n;
	r->n -= n;
	return true;
}

/* A tag of `bytes`, the last two of which are the next type. */
static inline bool
tag(struct rest *r, size_t bytes, uint16_t *type)
{
	if (r->n < bytes)
		return false;
	*type = be16(r->p + bytes - 2);
	return skip(r, bytes);
}

static inline enum decode_class
ip4(struct rest r, struct decode_packet *out)
{
	return decode_ip4(r.p, r.n, out);
}

static inline enum decode_class
ip6(struct rest r, struct decode_packet *out)
{
	return decode_ip6(r.p, r.n, out);
}

/* IP of either version, told by its first nibble. */
enum decode_class decode_ip_any(struct rest r, struct decode_packet *out);
/* What an EtherType says; an 802.3 length is followed by LLC. */
enum decode_class decode_ethertype(uint16_t type, struct rest r,
    struct decode_packet *out);
enum decode_class decode_ethernet(struct rest r, struct decode_packet *out);
enum decode_class decode_llc(struct rest r, struct decode_packet *out);
enum decode_class decode_mpls(struct rest r, struct decode_packet *out);
/* PPP from its protocol field on; NLPID: what ISO 9577 numbers name. */
enum decode_class decode_ppp(struct rest r, struct decode_packet *out);
enum decode_class decode_nlpid(struct rest r, struct decode_packet *out);
/* Bridged Ethernet under IEEE 802.1's OUI (RFC 2684, RFC 2427); `pad` bytes
 * precede the frame. */
enum decode_class decode_bridged(uint16_t pid, size_t pad, struct rest r,
    struct decode_packet *out);
enum decode_class decode_pppoe(struct rest r, struct decode_packet *out);
/* The whole frame. */
enum decode_class decode_link(int dlt, struct rest r,
    struct decode_packet *out);

#endif
