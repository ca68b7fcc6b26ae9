/*
 * decode - link, IP and transport headers to a packet key.
 *
 * Pure functions over untrusted bytes: no I/O, no allocation, no state, no
 * read beyond the captured length.  The outermost IP header counts; whatever
 * a tunnel carries is its business.  Not here: reassembly (fragment.h gives
 * later fragments their ports and protocol), checksums, who is client
 * (orient.h).
 */
#ifndef CAPTURE_DECODE_H
#define CAPTURE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum decode_class {
	DECODE_IP,
	DECODE_NON_IP,    /* ARP, STP, encrypted, an unknown link layer ... */
	DECODE_MALFORMED, /* announced as IP, but no usable IP header: cut,
	                     wrong version, impossible lengths */
};

enum decode_flags {
	DECODE_HAS_PORTS = 1,  /* sport and dport were captured */
	DECODE_FRAG_FIRST = 2, /* offset 0, more follow */
	DECODE_FRAG_LATER = 4, /* offset not 0: no transport header */
	DECODE_GROUP = 8,      /* link layer says broadcast or multicast */
	DECODE_OUT = 16,       /* left through the interface; set by the loop */
	DECODE_PAYLOAD = 32,   /* of TCP or UDP, was captured */
	DECODE_STAGED = 64,    /* `ip` may be looked at later; by the loop */
	DECODE_ENDS = 128,     /* FIN or RST */
};

/* What the packet says about who started the conversation. */
enum decode_hint {
	DECODE_HINT_NONE,
	DECODE_HINT_OPENS,   /* SYN, INIT, request: the sender is the client */
	DECODE_HINT_ANSWERS, /* SYN+ACK, INIT ACK, reply: it is the server */
};

/* IP protocol numbers with a meaning here (IANA). */
enum decode_proto {
	DECODE_PROTO_ICMP = 1,
	DECODE_PROTO_TCP = 6,
	DECODE_PROTO_UDP = 17,
	DECODE_PROTO_DCCP = 33,
	DECODE_PROTO_ICMP6 = 58,
	DECODE_PROTO_SCTP = 132,
	DECODE_PROTO_UDPLITE = 136,
};

struct decode_packet {
	uint8_t src[16], dst[16]; /* network order; IPv4 in the first 4,
	                             the rest undefined */
	const uint8_t *ip; /* header and what follows: borrowed with data */
	uint32_t ip_len;   /* captured, link-layer padding left out */
	uint32_t wire_len; /* frame on the wire, link header included */
	uint32_t frag_id;  /* host order; set with a FRAG flag */
	uint16_t sport, dport; /* host order, 0 without ports */
	uint8_t version;   /* 4 or 6 */
	uint8_t proto;     /* IPv6: behind the extension headers */
	uint8_t flags;     /* enum decode_flags */
	uint8_t hint;      /* enum decode_hint */
	uint8_t tcp_flags; /* 0 where not captured */
	uint8_t icmp_type; /* ICMP and ICMPv6 */
	uint8_t frag_next; /* what all fragments of a datagram say follows;
	                      set with a FRAG flag */
};

/*
 * One frame of libpcap link type `dlt` (DLT_*), `caplen` bytes at `data`, of
 * which `wire_len` were on the wire.  *out is complete for DECODE_IP; for the
 * other classes only out->wire_len is set.
 *
 * The length of an 802.3 or PPPoE header is believed when it is the shorter
 * one: what lies behind it is padding, as for a receiver.
 *
 * IPv6: hop-by-hop, routing, fragment and destination options are walked
 * (RFC 8200); where one was not captured, proto is the number at which the
 * walk stopped; so it is in a later fragment, which has only the number that
 * its fragment header gives.  Lengths of 0 (segmentation offload) are accepted;
 * behind that of IPv6, extension headers only in a jumbogram (RFC 2675).
 */
enum decode_class decode_frame(int dlt, const uint8_t *data, uint32_t caplen,
    uint32_t wire_len, struct decode_packet *out);

/* False: frames of this link type all end up as DECODE_NON_IP. */
bool decode_knows(int dlt);

/*
 * The part behind the link layer, for tests and fuzzers: n bytes from the IP
 * header on.  out->wire_len is left alone.
 */
enum decode_class decode_ip4(const uint8_t *p, size_t n,
    struct decode_packet *out);
enum decode_class decode_ip6(const uint8_t *p, size_t n,
    struct decode_packet *out);

#endif
