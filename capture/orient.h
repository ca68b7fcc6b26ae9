/*
 * orient - who is the client: the evidence in order of strength.
 *
 * Pure.  A flow starts with what its first packet says and takes better
 * evidence from later ones until it is first published (flowtab.h).
 */
#ifndef CAPTURE_ORIENT_H
#define CAPTURE_ORIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/decode.h"

/* The stronger, the higher. */
enum orient_level {
	ORIENT_NONE,
	ORIENT_FIRST,     /* nothing but the first packet's sender */
	ORIENT_LOWER,     /* the lower port serves */
	ORIENT_SERVICE,   /* a service port against one that is none */
	ORIENT_GROUP,     /* to a multicast or broadcast address */
	ORIENT_REQUEST,   /* ICMP request or reply */
	ORIENT_HANDSHAKE, /* SYN, INIT, Request, or the answer to it */
};

struct orient_verdict {
	enum orient_level level;
	bool from_client; /* the packet's sender is the client */
};

/* Everything one packet says about its flow. */
struct orient_verdict orient_packet(const struct decode_packet *p);

/* Only what differs from packet to packet: handshakes and ICMP requests;
 * ORIENT_NONE for most. */
struct orient_verdict orient_hint(const struct decode_packet *p);

/* Once, before everything else here and before there are threads; again does
 * no harm. */
void orient_init(void);

/* 2: the service table knows it; 1: below 1024; 0: neither, or port 0. */
unsigned orient_port_rank(uint16_t port);
unsigned orient_port_rank_plain(uint16_t port); /* the same by searching */

#endif
