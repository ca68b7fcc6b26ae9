/*
 * drain - rings to validated frames, fair between interfaces.
 */
#ifndef WRITER_DRAIN_H
#define WRITER_DRAIN_H

#include "common/base/conf.h"
#include "writer/ingest.h"
#include "writer/peers.h"

/* Frames taken from one ring before the next one has its turn. */
#define DRAIN_BUDGET 16

struct drain {
	struct peers *peers;   /* borrowed */
	struct ingest *ingest; /* borrowed */
	struct stats *stats;   /* borrowed */
	const struct gp_conf *conf; /* borrowed: how long flows are held back */
	size_t orphans;        /* rings without a capture, in this turn */
	uint64_t *buf;         /* FRAME_MAX_BYTES, 8-byte aligned */
};

/* 0 or -ENOMEM. */
int drain_init(struct drain *d, struct peers *peers, struct ingest *ingest,
    struct stats *stats, const struct gp_conf *conf);
void drain_fini(struct drain *d);

/*
 * For a live writer that has just taken up its rings again: open blocks of
 * interfaces that have none are committed as by ingest_break().  Their captures
 * ended with the machine, or with a writer that was stopped.
 */
void drain_forsaken(struct drain *d);

/*
 * For any writer that has just begun: open blocks of files whose rings are gone
 * are made incomplete (ingest_cut()): nobody has said that they are whole.  0 or
 * the error of a journal; what could not be marked is by drain_cut().
 */
int drain_unfinished(struct drain *d);

/* At the end of all: the same, and for rings that the captures of files left
 * before they were done. */
int drain_cut(struct drain *d);

/*
 * One turn over all rings but those whose frames could not be stored a moment
 * ago (ingest.h).  True when some ring still holds frames that could
 * be taken at once.  Orphans that are empty are dropped, their blocks
 * committed; an offline ring that has ended is committed and its capture told
 * DONE.  A capture waits until what its predecessors left is drained.
 */
bool drain_turn(struct drain *d);

#endif
