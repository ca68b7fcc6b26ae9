/*
 * ingest - frames to the store's journal, blocks to the store.
 *
 * Knows which rings feed which block and decides when a block is finished:
 * live, when its five minutes are over and every ring of the interface has
 * closed it, or 30 s after that; offline, when the ring says END.
 */
#ifndef WRITER_INGEST_H
#define WRITER_INGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/log.h"
#include "common/godb/godb_write.h"
#include "common/ipc/frame.h"
#include "writer/stats.h"
#include "writer/trouble.h"

#define INGEST_GRACE_S 30

/* Time a turn spends on writing a block before the rings have theirs. */
#define INGEST_TURN_NS 20000000

struct ingest {
	struct godb_writer *store; /* borrowed */
	struct stats *stats;       /* borrowed */
	int64_t sync_ns;           /* interval; 0: no periodic sync */
	int64_t synced_ns;         /* CLOCK_MONOTONIC of the last one */
	bool offline;              /* the one interface's capture reads files */
	bool given_up;             /* and has ended because of a failure */
	bool dirty;                /* journals hold what is not synced */
	int failing;               /* error of something, 0 when all is fine */
	int64_t retry_ns;          /* CLOCK_MONOTONIC: a second behind it */
	struct troubles troubles;
	int64_t turn_ns;           /* INGEST_TURN_NS; 0: one step a turn */
	bool committing;           /* a block is being written, step by step: */
	char block_iface[16];
	int64_t block_slot_s;
	uint64_t names_refused;    /* told so far */
	struct gp_log_limit limit, again_limit, names_limit;
	uint64_t frames, duplicates, blocks, rows, stored_bytes;
};

void ingest_init(struct ingest *in, struct godb_writer *store,
    struct stats *stats, uint32_t sync_interval_s);
void ingest_fini(struct ingest *in);

/*
 * Journals one checked frame of an interface; the frame may be acknowledged
 * afterwards.  0; 1 when the store had it already; a negative error when the
 * store failed: nothing was kept and the same frame is to be offered again
 * later; -EAGAIN likewise, because its block is being written; -EPROTO: the
 * frame breaks the store's rules and its sender's session must end.
 */
int ingest_frame(struct ingest *in, const char *iface, const void *frame,
    uint64_t ring_pos);

/* Whether something failed a moment ago, so that what can wait should. */
bool ingest_holding(const struct ingest *in);

/* A capture that read files was lost before their end. */
struct ingest_cut {
	const uint8_t *instance; /* of its ring, 16 bytes */
	uint64_t seq, ring_pos;  /* of the frame that did not come */
	int64_t slot_s, last_ns; /* the block that it told of last, and up to
				  * when (CLOCK_REALTIME) */
};
/* That block made incomplete, like that of a file which was cut short: 0 or the
 * error of the store, and -EAGAIN; then call it again. */
int ingest_cut(struct ingest *in, const char *iface,
    const struct ingest_cut *cut);

/* The error while no frame of the interface can be taken: its journal could not
 * be written a moment ago. */
int ingest_held(const struct ingest *in, const char *iface);

/* The same of its frames or one of its blocks. */
int ingest_held_any(const struct ingest *in, const char *iface);

/* What was put off is tried now. */
void ingest_hurry(struct ingest *in);

/* Commits one block; logs a failure, and it stays open.  One that failed a
 * moment ago is left alone, with that error. */
int ingest_commit(struct ingest *in, const char *iface, int64_t slot_s);

/* Commits every open block of the interface, or of all for NULL, also those
 * that failed a moment ago. */
int ingest_commit_all(struct ingest *in, const char *iface);

/* Where the intervals of an interface's open blocks end (CLOCK_REALTIME), 0:
 * there are none. */
int64_t ingest_newest(const struct ingest *in, const char *iface);

/*
 * The captures of an interface are gone, and with them what they still held of
 * the last held_ns before until_ns (CLOCK_REALTIME).
 * Its open blocks cover no more than what is whole and are committed, so that
 * what the next capture sends becomes records of its own and the time between
 * them is known as a gap.  0 or the error of the commit; then call it again,
 * with the same times: ingest_newest() is another one by then.
 */
int ingest_break(struct ingest *in, const char *iface, int64_t until_ns,
    int64_t held_ns);

/* Tells whether every ring of `iface` has closed the block. */
typedef bool ingest_closed_fn(void *arg, const char *iface, int64_t slot_s);

/* Periodic work: sync, blocks whose time has come.  True when the next turn
 * should come at once: a block is half written, or was finished and frames may
 * have waited for that. */
bool ingest_tick(struct ingest *in, ingest_closed_fn *closed, void *arg);

#endif
