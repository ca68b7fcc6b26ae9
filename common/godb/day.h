/*
 * day - the writer's side of a day's folder: where its files end, and adding
 * a block behind that.
 *
 * Failure policy.  What an index record names is never written again.  After
 * a failed fsync the kernel has forgotten which pages it could not write, so
 * nothing that was written for it is trusted: the columns are written again
 * elsewhere (behind, at the next page), and the index from its committed part
 * to a new file.
 */
#ifndef GODB_DAY_H
#define GODB_DAY_H

#include "common/godb/index.h"

struct gdi_day {
	bool known;      /* the rest is valid */
	int64_t day_s;
	uint64_t dev, ino;    /* of the folder */
	uint64_t index_size;  /* as it was left */
	uint64_t index_end;   /* where the next record goes; 0: its first one,
			       * behind a header that it brings */
	bool headless;        /* there is no header yet */
	uint64_t column_end[GODB_N_COLUMNS];
	bool rebuild; /* the index is to be written anew: do not forget this */
	bool synced;  /* the folder's entries and its parents' are durable */
};

/* Descriptors of store, interface and day. */
struct gdi_folders {
	int store, iface, day;
};

/*
 * Learns where the files end, unless that is known and nobody has touched
 * them since.  Damage that no journal explains is kept, and so are columns
 * without an index: new records and chunks go behind it, and what is lost is
 * still told.  0, GODB_ENEWER, GODB_EDAMAGED, -errno.
 */
int gdi_day_open(struct gdi_day *d, const struct gdi_folders *f,
    int64_t day_s);

struct gdi_day_block {
	const char *iface;
	uint32_t mode_file;
	struct gdi_record record;               /* but sections */
	const struct gdi_rings *rings;
	struct gdi_buf stored[GODB_N_COLUMNS];  /* chunks, one behind another */
	struct gdi_buf extents[GODB_N_COLUMNS]; /* gdi_extent_add of each */
};
void gdi_day_block_free(struct gdi_day_block *b);

/*
 * A commit: columns, fsync, index record, fsync, folder, cut into steps so
 * that a large one holds up nothing else for long.  Between begin and end
 * nobody else commits to the day.
 */
struct gdi_day_commit {
	struct gdi_day *d;             /* borrowed */
	const struct gdi_day_block *b; /* borrowed */
	struct gdi_folders f;
	int fds[GODB_N_COLUMNS];
	int written, synced; /* columns */
};
void gdi_day_commit_begin(struct gdi_day_commit *c, struct gdi_day *d,
    const struct gdi_folders *f, const struct gdi_day_block *b);
/* 1: more to do.  0: committed and durable.  On error the day is as it was
 * before, and a new commit may be begun. */
int gdi_day_commit_step(struct gdi_day_commit *c);
void gdi_day_commit_end(struct gdi_day_commit *c);

/* fsync of all files of a day and its folders: what another writer put there
 * and died before it could know. */
int gdi_day_sync(const struct gdi_folders *f);

#endif
