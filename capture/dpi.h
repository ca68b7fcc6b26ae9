/*
 * dpi - which application a flow is, from its first payload packets.
 *
 * The one place that knows the engine (nDPI, LGPL, linked dynamically), so
 * that another version or another engine can take its place.  WITH_NDPI=0
 * builds dpi_none.c in its stead.
 *
 * Memory is reserved by dpi_new() and never grows: DPI_STATES flows can be
 * looked at at once, and all that the engine allocates comes out of an arena
 * of DPI_ARENA_BYTES.  When either is short, flows are named by their port;
 * when the engine has lost memory, it is begun anew (some 20 ms).
 * Nothing is opened and no system call beyond the allocator's is made after
 * dpi_new().  One engine belongs to one thread.
 */
#ifndef CAPTURE_DPI_H
#define CAPTURE_DPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/labels.h"

enum {
	DPI_STATES = 16384,        /* 12 MiB with what hangs on them */
	DPI_ARENA_BYTES = 40 << 20,
	DPI_PACKET_BYTES = 4096,   /* of a packet, at most, are looked at */
	DPI_PACKETS_TCP = 24,      /* with payload: then the flow is named; */
	DPI_PACKETS_UDP = 12,      /* 4 and 2 of those that were cut */
};

struct dpi;

/*
 * Reserves, initialises and warms up (libgcrypt decrypts a QUIC packet, so
 * that nothing is left to be initialised in a sandbox).  Labels are added to
 * `labels`, which is borrowed.  0; -ENOTSUP built without an engine; -ENOMEM;
 * -EPROTO: the library is not of the version this was built for.
 */
int dpi_new(struct dpi **out, struct labels *labels);
void dpi_free(struct dpi *d); /* accepts NULL */

/* From now on nothing that is printed to stdout is written anywhere; the engine
 * prints now and then, and the sandbox ends who writes there. */
void dpi_silence_stdout(void);

/* The engine's name and version, "nDPI-4.2.0"; NULL when none is built in. */
const char *dpi_version(void);

/* Whether all states are taken or the arena is nearly full. */
bool dpi_full(const struct dpi *d);
/* A state for one flow; `owner` is the caller's and comes back from
 * dpi_stale().  0 when it is full. */
uint32_t dpi_take(struct dpi *d, uint64_t owner, uint32_t now_s);

/* Its flow has ended: who needs a state may have this one. */
void dpi_ended(struct dpi *d, uint32_t state);

/* Some flow that has ended, or has held its state for wait_s or longer; false:
 * none. */
bool dpi_stale(struct dpi *d, uint32_t now_s, uint32_t wait_s,
    uint64_t *owner);

/*
 * Looks at `len` captured bytes from the IP header on, which may say that the
 * packet is longer.  True when that settled it: *label is set and the state is
 * free again.
 */
bool dpi_feed(struct dpi *d, uint32_t state, const uint8_t *ip, size_t len,
    uint32_t now_s, uint16_t *label);

/* The best there is now, guesses included; the state is free again. */
uint16_t dpi_giveup(struct dpi *d, uint32_t state);

/* A flow that nothing was seen of: by the server's port (TCP, UDP), or by the
 * protocol. */
uint16_t dpi_guess(struct dpi *d, uint8_t proto, uint16_t dport);

/* What stands to be told about the engine. */
struct dpi_stats {
	uint32_t states;    /* taken now */
	size_t arena_used, arena_most;
	uint64_t packets;   /* looked at */
	uint64_t renewed;   /* the engine lost its memory and began anew */
	uint64_t starved;   /* flows that found no state, or no more memory */
};
void dpi_stats(const struct dpi *d, struct dpi_stats *out);

#endif
