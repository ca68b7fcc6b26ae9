/*
 * fragment - ports and protocol of later fragments, from their first fragment.
 *
 * A bounded memory of first fragments: addresses, version, identification and
 * what follows the fragment header to ports and protocol; between the header
 * and the transport a first fragment may have extension headers, which the
 * later ones do not show.  Nothing is reassembled.  A later fragment whose
 * first one was not seen, came after it, was cut before its ports, was too
 * long ago or was pushed out keeps port 0 and the protocol that it names; it
 * is counted all the same.
 */
#ifndef CAPTURE_FRAGMENT_H
#define CAPTURE_FRAGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/decode.h"
#include "common/base/hash.h"

#define FRAGMENT_ENTRIES 8192u /* power of two */
#define FRAGMENT_WAYS    4u
#define FRAGMENT_TTL_S   60    /* RFC 8200, 4.5 */

struct fragment_entry {
	uint8_t src[16], dst[16];
	uint32_t id;
	uint32_t seen_s;
	uint16_t sport, dport;
	uint8_t next; /* frag_next, which all fragments have */
	uint8_t proto;
	uint8_t version; /* 0: free */
	bool has_ports;
};

struct fragment_cache {
	struct gp_hash_key key;
	struct fragment_entry entry[FRAGMENT_ENTRIES];
};

/* Empty; the key is copied. */
void fragment_init(struct fragment_cache *c, const struct gp_hash_key *key);

/*
 * Looks at a decoded packet of time now_s: remembers a first fragment's ports
 * and protocol, gives a later fragment those of its first (proto; sport,
 * dport, DECODE_HAS_PORTS) when known.  Any other packet is left alone.  Time
 * may jump either way; an entry is used within FRAGMENT_TTL_S of its own time.
 */
void fragment_track(struct fragment_cache *c, struct decode_packet *p,
    uint32_t now_s);

#endif
