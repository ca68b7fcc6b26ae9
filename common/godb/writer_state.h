/*
 * writer_state - what the files of the writer share.
 *
 *   writer.c          open and close
 *   writer_blocks.c   the list of open blocks
 *   writer_ifaces.c   rings and days that are remembered
 *   writer_journal.c  journals on the disk; sync
 *   writer_append.c   batches to journals and open blocks
 *   writer_commit.c   open blocks to records
 *   writer_replay.c   journals of a writer that died to open blocks
 *
 * Failure policy: whatever fails, a batch is either wholly in its journal and
 * in memory or in neither, and a block is either committed by its record or
 * still open.  What a failed write left behind a file's committed end is cut
 * or written over; after a failed fsync nothing in that file is trusted (day.h
 * for blocks; a journal is copied to a new file).
 *
 * Functions return 0 or an error unless they say otherwise.
 */
#ifndef GODB_WRITER_STATE_H
#define GODB_WRITER_STATE_H

#include "common/godb/aggregate.h"
#include "common/godb/day.h"
#include "common/godb/internal.h"
#include "common/godb/names.h"
#include "common/godb/rings.h"

struct gdi_commit; /* writer_commit.c */

struct gdi_open_block {
	char iface[16];
	int64_t slot_s;
	int64_t first_ns, last_ns;
	uint32_t flags;
	uint32_t n_batches;
	struct godb_counters counters;
	struct gdi_rings rings;
	struct gdi_aggregate rows;
	struct gdi_commit *commit; /* under way, or NULL */
	int journal_fd;
	uint64_t journal_end, journal_salt;
	bool dirty;   /* journal written since the last sync */
	bool created; /* its folder's entry is not durable yet */
	bool suspect; /* a sync of it failed */
};

struct gdi_known_iface {
	char name[16];
	struct gdi_rings rings; /* of all blocks, as far as learned */
	bool learned;
	uint32_t n_names; /* that it brought */
	struct gdi_day *days;
	size_t n_days;
};

struct godb_writer {
	int store_fd, lock_fd;
	struct godb_writer_opts opts;
	struct gdi_names names;
	uint64_t names_refused;
	struct gdi_open_block **open; /* sorted by interface, slot */
	size_t n_open, cap_open;
	struct gdi_known_iface *ifaces; /* sorted */
	size_t n_ifaces;
	uint32_t most_rows; /* of each version in an open block */
	struct gdi_open_block *committing; /* whose commit is under way */
	struct gdi_buf buf;
	struct gdi_buf scratch; /* sorting */
	struct gdi_upkeep *upkeep;
};

/* ---- writer_blocks.c */

/* The block, NULL: it is not open. */
struct gdi_open_block *gdi_writer_block_find(const struct godb_writer *w,
    const char *iface, int64_t slot_s);
/* The block, made without batches and journal where it is not open; valid
 * until it is dropped.  -ENOMEM. */
int gdi_writer_block_make(struct godb_writer *w, const char *iface,
    int64_t slot_s, struct gdi_open_block **out);
/* Out of the list, and freed.  Its journal on the disk stays. */
void gdi_writer_block_drop(struct godb_writer *w, struct gdi_open_block *b);
void gdi_writer_block_free(struct gdi_open_block *b); /* accepts NULL */

/* ---- writer_ifaces.c */

/* The interface's state, made when it is new; valid until the next new one.
 * -ENOMEM. */
int gdi_writer_iface(struct godb_writer *w, const char *name,
    struct gdi_known_iface **out);
/* The same with what its days know of rings. */
int gdi_writer_learned(struct godb_writer *w, const char *iface,
    struct gdi_known_iface **out);
/* What is remembered of a day, all zero where nothing is; valid until the
 * next day's.  -ENOMEM. */
int gdi_writer_day(struct gdi_known_iface *f, int64_t day_s,
    struct gdi_day **out);
/* Where the day's index ends, as far as is committed; 0: it has none yet, or
 * that is not known. */
uint64_t gdi_writer_index_end(const struct godb_writer *w, const char *iface,
    int64_t day_s);

/* ---- writer_journal.c */

/* Appends the batch to the block's journal, which is made where it has none.
 * On error the file is as it was. */
int gdi_writer_journal_write(struct godb_writer *w, struct gdi_open_block *b,
    const struct godb_batch *batch);
int gdi_writer_journal_remove(const struct godb_writer *w,
    const struct gdi_open_block *b);
/* The block's journal, and that it is there, made durable. */
int gdi_writer_journal_sync(const struct godb_writer *w,
    struct gdi_open_block *b);

/* ---- writer_append.c: the two halves of an append, with the journal between
 * them */

/*
 * Everything that can fail but the journal: the block, the numbers of the
 * batch's names (*map, the caller's to free, also on error), room, and the
 * rows staged.
 * -EAGAIN while the block is being committed, GODB_EFULL, -ENOMEM, -errno.
 */
int gdi_writer_prepare(struct godb_writer *w, const struct godb_batch *batch,
    struct gdi_known_iface *f, struct gdi_open_block **b, uint16_t **map);
/* The batch that was prepared into the block in memory.  Cannot fail. */
void gdi_writer_absorb(struct gdi_open_block *b,
    const struct godb_batch *batch);

/* ---- writer_commit.c */

/* Ends what is under way, if anything; the block stays open. */
void gdi_writer_commit_end(struct godb_writer *w, struct gdi_open_block *b);

/* ---- writer_replay.c */

/* All journals of the store, at its opening; diag (may be NULL) as with
 * godb_writer_open(). */
int gdi_writer_replay(struct godb_writer *w, struct godb_diag *diag);

#endif
