/*
 * snapshot - changed flows, source port folded away, to ring frames.
 *
 * A block being filled is one frame under construction: rows and counters
 * gather until the frame is full or the block is published.  Rows of the same
 * key within a frame become one.  Nothing here waits; the caller asks for
 * room in the ring first.
 */
#ifndef CAPTURE_SNAPSHOT_H
#define CAPTURE_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/flowtab.h"
#include "capture/labels.h"
#include "common/ipc/frame.h"
#include "common/ipc/ring.h"

enum {
	SNAPSHOT_ROWS4_MAX = FRAME_MAX_BYTES / sizeof(struct frame_row4),
	SNAPSHOT_ROWS6_MAX = FRAME_MAX_BYTES / sizeof(struct frame_row6),
	SNAPSHOT_SEEK = 4096, /* rows remembered for merging; power of two */
};

struct snapshot_block {
	const struct labels *labels; /* borrowed; the caller's to set */
	int64_t slot_s;
	uint32_t flags;   /* enum frame_flags, for the frame in work */
	uint32_t n4, n6;
	/* for the next frame; seen is filled in when it is pushed */
	struct frame_counters counters;
	uint64_t l7_starved; /* the caller's, as the counters are */
	uint64_t row_packets, row_bytes;
	uint16_t seek4[SNAPSHOT_SEEK], seek6[SNAPSHOT_SEEK]; /* row + 1 */
	uint32_t n_names;
	uint16_t label[FRAME_MAX_NAMES]; /* of the frame's names */
	uint16_t place[LABELS_MAX]; /* among those + 1, by label */
	_Alignas(8) uint8_t frame[FRAME_MAX_BYTES];
	/* moved in at the end */
	struct frame_row4 rows4[SNAPSHOT_ROWS4_MAX];
	struct frame_row6 rows6[SNAPSHOT_ROWS6_MAX];
};

/* What only the caller knows about a frame. */
struct snapshot_meta {
	enum frame_kind kind;
	int64_t first_real_ns, last_real_ns;
	int64_t first_boot_ns, last_boot_ns;
	uint32_t flows;
	uint64_t pending;
};

void snapshot_start(struct snapshot_block *b, int64_t slot_s);

/* How many more rows certainly fit into the frame in work. */
size_t snapshot_room(const struct snapshot_block *b);

/* Rows in the frame in work. */
size_t snapshot_rows(const struct snapshot_block *b);

/* A row into the frame; a flowtab_row_fn with the block as context.  There
 * must be room. */
void snapshot_row(void *block, const struct flowtab_row *row);

/* True when the frame would say nothing: no row, no counter. */
bool snapshot_empty(const struct snapshot_block *b);

/*
 * Pushes the frame in work and starts the next one of the same block.  0 with
 * *packets the packets it accounts for (counters.seen), or -EAGAIN when the
 * ring has no room; then nothing has changed.
 */
int snapshot_push(struct snapshot_block *b, struct ring_producer *ring,
    const struct snapshot_meta *meta, uint64_t *packets);

/* Data bytes of a ring that takes one publication of a full table, with as
 * much again for what follows while the writer is busy. */
uint64_t snapshot_ring_bytes(uint32_t flows_max);

#endif
