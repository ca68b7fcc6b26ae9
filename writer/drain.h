/*
 * drain - rings to validated frames, fair between interfaces.
 */
#ifndef WRITER_DRAIN_H
#define WRITER_DRAIN_H

#include "writer/ingest.h"
#include "writer/peers.h"

/* Frames taken from one ring before the next one has its turn. */
#define DRAIN_BUDGET 16

struct drain {
	struct peers *peers;   /* borrowed */
	struct ingest *ingest; /* borrowed */
	struct stats *stats;   /* borrowed */
	uint64_t *buf;         /* FRAME_MAX_BYTES, 8-byte aligned */
};

int drain_init(struct drain *d, struct peers *peers, struct ingest *ingest,
    struct stats *stats);
void drain_fini(struct drain *d);

/*
 * One turn over all rings.  True when some ring still holds frames that could
 * be taken at once.  Orphans that are empty are dropped; an offline ring that
 * has ended is committed and its capture told DONE.
 */
bool drain_turn(struct drain *d);

#endif
