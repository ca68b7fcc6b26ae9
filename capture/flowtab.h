/*
 * flowtab - flow table: key, counters, bounded; batch look-up with prefetch.
 *
 * One entry per 5-tuple with both directions in it, IPv4 (40 bytes) and IPv6
 * (64 bytes) in tables of their own, each with an index of 8-byte slots at
 * 40-80 and 53-80 % load: 50-61 and 74-80 bytes a flow, also while it grows.
 * Memory is reserved when the table is made and touched on demand; nothing
 * allocates later, and the index grows a little with every batch, never at
 * once.
 *
 * Counters are deltas: publishing hands out what was added since the last
 * time and clears it.  A flow that is clean and idle leaves.  What finds no
 * place is summed per protocol and published as overflow rows, so that
 *     packets added = packets handed out + flowtab_held()
 * holds always.
 *
 * With layer 7, a flow that is not named yet is not handed out; what it
 * counted in a block that ends is carried, to be handed out for that block.
 */
#ifndef CAPTURE_FLOWTAB_H
#define CAPTURE_FLOWTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/decode.h"
#include "capture/labels.h"
#include "common/base/hash.h"

/* Memory of a flow at most, beside layer 7. */
#define FLOWTAB_BYTES_V4 61
#define FLOWTAB_BYTES_V6 80
/* more with layer 7 */
#define FLOWTAB_BYTES_LABEL 4

#define FLOWTAB_BATCH     64
#define FLOWTAB_MIN_FLOWS 64u
#define FLOWTAB_MAX_FLOWS (1u << 28)
#define FLOWTAB_IDLE_S    600
/* with the table three quarters full, an old hand leaves after this */
#define FLOWTAB_IDLE_PRESSED_S 60

struct flowtab;
struct dpi;

/*
 * A table of at most flows_max flows (both versions together).  by_iface:
 * counters are received and sent by the interface (DECODE_OUT); otherwise
 * sent is client to server.  0, -EINVAL for a bound outside
 * FLOWTAB_MIN_FLOWS..FLOWTAB_MAX_FLOWS, -ENOMEM.
 */
int flowtab_new(struct flowtab **out, uint32_t flows_max, bool by_iface,
    const struct gp_hash_key *key);
void flowtab_free(struct flowtab *t); /* accepts NULL */

/*
 * Names flows from now on: `dpi` is borrowed; a flow waits for its name at
 * most wait_s seconds.  Before the first packet.  0 or -ENOMEM.
 */
int flowtab_use_dpi(struct flowtab *t, struct dpi *dpi, uint32_t wait_s);

/* With layer 7: whether this packet's payload is worth a copy, DECODE_STAGED;
 * false for most packets of flows that have their name. */
bool flowtab_curious(const struct flowtab *t, const struct decode_packet *p);

/*
 * Counts n packets (at most FLOWTAB_BATCH).  now_s is any clock that mostly
 * goes forward; it is only used for idleness.
 */
void flowtab_add(struct flowtab *t, const struct decode_packet *p, size_t n,
    uint32_t now_s);

struct flowtab_row {
	const uint8_t *sip, *dip; /* 4 or 16 bytes; borrowed for the call */
	uint64_t counter[4];      /* enum frame_counter */
	uint16_t dport, label;    /* number of labels.h */
	uint16_t sport;           /* for tests: stored by nobody */
	uint8_t version, proto;
	bool overflow; /* zero addresses, version 4 */
};
typedef void flowtab_row_fn(void *ctx, const struct flowtab_row *row);

/*
 * Publishing goes in steps, so that the packet loop can run between them:
 * begin, then some() until it returns true.  What changes meanwhile is handed
 * out in this round or the next, once.  some() calls fn at most `max` times.
 * begin() during a round starts over without losing or repeating anything.
 */
enum flowtab_how {
	FLOWTAB_WAIT,   /* flows without a name yet wait on */
	FLOWTAB_CARRY,  /* they wait; what they counted stays of this block */
	FLOWTAB_SETTLE, /* they take the best name there is */
};
void flowtab_publish_begin(struct flowtab *t, enum flowtab_how how,
    int64_t slot_s);
bool flowtab_publish_some(struct flowtab *t, size_t max, flowtab_row_fn *fn,
    void *ctx);

/*
 * Hands out what was carried of a block, as its flows got their names or
 * waited long enough; all of it: whether they did or not.  Looks at up to
 * `max`; true when it has come to the end (and starts over).
 */
bool flowtab_carried_some(struct flowtab *t, int64_t slot_s, bool all,
    size_t max, flowtab_row_fn *fn, void *ctx);

/*
 * Looks at up to `max` entries where the last call stopped and lets the idle
 * and clean ones go.  Under pressure (flowtab_pressed) clean flows that were
 * published once and have been silent since count as idle.
 */
void flowtab_sweep(struct flowtab *t, size_t max, uint32_t now_s);

/* Three quarters full: publish early and sweep. */
bool flowtab_pressed(const struct flowtab *t);

uint64_t flowtab_held(const struct flowtab *t);     /* packets not published */
uint64_t flowtab_carried(const struct flowtab *t);  /* of these, carried */
uint32_t flowtab_n_carried(const struct flowtab *t);
uint64_t flowtab_overflow(const struct flowtab *t); /* packets, ever */
uint32_t flowtab_flows(const struct flowtab *t);
uint32_t flowtab_entries(const struct flowtab *t);  /* for a whole sweep */

/* Bytes of entries and index in use now (pages rounded up not counted). */
size_t flowtab_bytes(const struct flowtab *t);

#endif
