/*
 * pcapng - the packets of a pcapng file, out of a buffer.
 *
 * libpcap refuses such a file where its interfaces differ in link type or
 * snapshot length, or its sections in byte order: what mergecap, dumpcap on
 * several interfaces and cat(1) write.  Here each packet comes with the link
 * type of its own interface, and nothing of that matters.  Of files that
 * libpcap reads comes out what it gives, errors included
 * (tests/unit/test_pcapng.c compares the two), but for headers of USB and CAN,
 * which libpcap mends and decode.h does not know.
 *
 * Format: draft-ietf-opsawg-pcapng.  Known are its section header, interface
 * description, interface statistics, enhanced, simple and (obsolete) packet
 * blocks; others are skipped, however long.
 */
#ifndef CAPTURE_PCAPNG_H
#define CAPTURE_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "capture/filebuf.h"

enum {
	PCAPNG_HEAD = 4,                 /* bytes that tell what it is */
	PCAPNG_PACKET_MOST = 262144,     /* captured bytes handed out */
	PCAPNG_BUFFER = 1 << 20,         /* at least */
	PCAPNG_IFACES_MOST = 65536,      /* of a section */
};

/* Packets that the file says are not in it. */
struct pcapng_lost {
	uint64_t kernel; /* by the operating system, or nobody knows where */
	uint64_t iface;
};

struct pcapng_iface {
	int dlt;
	uint32_t snaplen;
	uint64_t per_s;   /* units of its time stamps */
	uint8_t bits;     /* per_s is 2 to the power of this; 0: of 10 */
	int64_t offset_s; /* of them */
	struct pcapng_lost told; /* by the last of its statistics */
	uint64_t between; /* lost before packets, not yet in statistics */
};

struct pcapng {
	struct filebuf in;
	bool swapped; /* this section */
	struct pcapng_iface *iface; /* of this section */
	size_t n_ifaces, cap_ifaces;
	bool described;  /* by an interface, be it an earlier section's */
	size_t used;     /* bytes at in.at of the block that was looked at */
	uint32_t beyond; /* those that follow, where the buffer is too small */
	uint32_t length; /* of all, which the last four bytes repeat */
	/* since its user set it to 0; of a packet that was found, before it */
	struct pcapng_lost lost;
};

struct pcapng_packet {
	int64_t time_s;   /* files may say anything */
	uint32_t time_ns; /* < 1e9 */
	uint32_t caplen, wire_len;
	int dlt;
	const uint8_t *data; /* until the next call */
};

bool pcapng_knows(const uint8_t head[PCAPNG_HEAD]);

/* buf, of at least PCAPNG_BUFFER bytes, holds `have` bytes of the file's
 * beginning. */
void pcapng_init(struct pcapng *f, uint8_t *buf, size_t size, size_t have,
    ssize_t (*read)(void *ctx, char *to, size_t size), void *ctx);
void pcapng_fini(struct pcapng *f); /* of one that is all zero, too */

/* Reads the first section's header.  0, or -1 with one line in error. */
int pcapng_open(struct pcapng *f, char *error, size_t error_size);

enum pcapng_found { PCAPNG_END, PCAPNG_PACKET, PCAPNG_OTHER };

/* One block, or some more of one that is longer than the buffer, so that a
 * file without packets holds up nobody: what was found, or -1 with one line in
 * error.  While f->described is false, -1 means that it is no capture. */
int pcapng_next(struct pcapng *f, struct pcapng_packet *p, char *error,
    size_t error_size);

#endif
