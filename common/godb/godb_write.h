/*
 * godb_write.h - goDB's writing side: one writer a store.
 *
 * A writer receives batches of rows (deltas that add up), keeps each open
 * block in memory and in a journal, and turns it into one index record when
 * told to.  A batch is known by its source (`ring`, a random 128-bit id) and
 * sequence number; whatever crash comes between, the store counts each
 * (ring, seq) exactly once.
 *
 * Same conventions as godb.h.  A writer has one owner; no threads.
 */
#ifndef GODB_WRITE_H
#define GODB_WRITE_H

#include "common/godb/godb.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Rows as batches hold them: 48 and 72 bytes, addresses in network order,
 * numbers little-endian, pads zero.  `l7` is an index into the batch's names,
 * of which "Unknown" is the one for rows without an application.
 */
struct godb_row4 {
	uint8_t sip[4], dip[4];
	uint16_t dport;
	uint8_t proto;
	uint8_t pad;
	uint16_t l7;
	uint16_t pad2;
	uint64_t counter[4]; /* bytes_rcvd bytes_sent pkts_rcvd pkts_sent */
};

struct godb_row6 {
	uint8_t sip[16], dip[16];
	uint16_t dport;
	uint8_t proto;
	uint8_t pad;
	uint16_t l7;
	uint16_t pad2;
	uint64_t counter[4];
};

#define GODB_NAME_MAX     48 /* bytes of an application name, NUL included */
#define GODB_CATEGORY_MAX 32
struct godb_l7_name {
	char name[GODB_NAME_MAX]; /* NUL-padded, printable ASCII, not empty */
	char category[GODB_CATEGORY_MAX];
};

struct godb_batch {
	const char *iface;
	int64_t slot_s;            /* multiple of 300 in [0, 4294967100) */
	uint8_t ring[16];
	uint64_t seq;              /* of this ring, ascending, no gap needed */
	uint64_t ring_pos;         /* opaque to godb; see godb_writer_ring */
	int64_t first_ns, last_ns; /* what the batch covers */
	uint32_t flags;            /* godb_part_flags but LIVE */
	struct godb_counters counters;
	const struct godb_l7_name *names;
	size_t n_names;
	const struct godb_row4 *rows4;
	size_t n4;
	const struct godb_row6 *rows6;
	size_t n6;
};

struct godb_writer;

enum godb_compression {
	GODB_COMPRESS_LZ4 = 0,
	GODB_COMPRESS_NONE = 1,
};

struct godb_writer_opts {
	size_t size;
	const char *owner;  /* program and purpose, for the lock's message; may
			     * be NULL */
	bool create;        /* make a store of an empty folder */
	enum godb_compression compression;
	uint32_t mode_dir, mode_file; /* 0750, 0640 */
	uint32_t block_rows; /* of each address version in an open block */
	uint32_t iface_names; /* new ones that an interface may bring */
	/* Days whose blocks have 512 rows at most in the mean, and 8192 in all,
	 * are also kept with all rows in order of their keys, when they are
	 * over: some ten bytes a row, for questions of such days that take a
	 * third to two thirds of their time.  Those that are there stay, and
	 * are used, until they are made anew.  Days of 16 at most are kept
	 * so whatever is said here. */
	bool sorted_days;
};
/* An open block of so many rows takes 32 bytes for each IPv4 and 56 for each
 * IPv6 one; up to half as much more while it is sorted. */
#define GODB_BLOCK_ROWS (UINT32_C(1) << 23)
/* Application names of an interface that the registry, which all share, did not
 * have before: beyond so many, while the writer is open, they are Unknown. */
#define GODB_IFACE_NAMES UINT32_C(4096)
#define GODB_WRITER_OPTS_INIT                                          \
	{sizeof(struct godb_writer_opts), NULL, true, GODB_COMPRESS_LZ4, \
	    0750, 0640, GODB_BLOCK_ROWS, GODB_IFACE_NAMES, false}

/*
 * Opens the store below DIRFD (taken, on failure too), locks it, replays its
 * journals: open blocks are in memory again, a torn journal tail is cut, what
 * an index record already covers is skipped.  GODB_ELOCKED: diag says who holds
 * it.  GODB_ENOTSTORE for a folder that is neither empty nor a store.  -EREMOTE
 * for one on a network file system, where a lock and an fsync promise too
 * little: diag says on which.  Of a journal or folder that cannot be read diag
 * has the place and cause.  A folder of another user that cannot be looked into
 * is no interface of the store: it is passed over, and diag says so though 0 is
 * returned; else its text is empty then.
 */
int godb_writer_open(int dirfd, const struct godb_writer_opts *opts,
    struct godb_writer **out, struct godb_diag *diag);

/* Leaves open blocks in their journals; nothing is committed. */
void godb_writer_close(struct godb_writer *w); /* accepts NULL */

/*
 * Journals the batch and adds it to its block.  0: it is in the journal (the
 * page cache; godb_writer_sync makes it durable).  1: this (ring, seq) is in
 * the store already and was left out.  On error nothing of it is kept and it
 * may be offered again: -ENOSPC, -EIO, -ENOMEM, -EINVAL for a batch that
 * breaks the rules above or has more than an empty block takes (block_rows of
 * each address version, 256 MiB), GODB_EIFACE; GODB_EFULL when the open block
 * cannot grow any more, three quarters of it being full after equal rows were
 * summed: commit it, then offer the batch again; -EAGAIN while a commit of its
 * block is under way.
 */
int godb_writer_append(struct godb_writer *w, const struct godb_batch *b);

/* How many names of batches were not registered, their rows Unknown: for want
 * of room in the registry, or since their interface brought too many. */
uint64_t godb_writer_names_refused(const struct godb_writer *w);

/*
 * Makes durable what was journalled since the last call.  A block whose
 * journal the disk refuses is committed instead, so this may close blocks.
 */
int godb_writer_sync(struct godb_writer *w);

/* An open block: has batches that no index record covers. */
struct godb_open_block {
	const char *iface; /* borrowed until the next commit */
	int64_t slot_s;
	uint32_t n_batches;
	uint64_t n_rows;   /* in memory; some may have the same key */
	uint32_t flags;
	int64_t last_ns;   /* CLOCK_REALTIME, where its interval ends */
};
/* i-th open block, ordered by interface and slot; false beyond the end. */
bool godb_writer_open_block(const struct godb_writer *w, size_t i,
    struct godb_open_block *out);

/*
 * Takes back that the open block covers its time beyond last_ns: some of what
 * was seen then will never come.  Its rows stay.  For the record that is
 * committed next; a batch that follows covers its own time again.  -ENOENT: no
 * such block.
 */
int godb_writer_cover_until(struct godb_writer *w, const char *iface,
    int64_t slot_s, int64_t last_ns);

/*
 * Writes the block as one record: columns, fsync, index record, fsync,
 * folder; then drops its journal.  On error the block stays open and
 * complete in memory, and the call may be repeated.  -ENOENT: no such block.
 * stored_bytes (may be NULL): what the columns took.
 */
int godb_writer_commit(struct godb_writer *w, const char *iface,
    int64_t slot_s, uint64_t *stored_bytes);

/*
 * The same, a piece at a time: 1 when there is more to do, 0 when the block
 * is committed.  A step sorts the rows of one address version, encodes at
 * most 65,536 rows, writes or syncs one column, or writes the record, so that
 * batches of other blocks can be appended in between.  One commit is under
 * way at a time: a step for another block finishes the first one.
 */
struct godb_committed {
	uint64_t n_rows;       /* of the record */
	uint64_t stored_bytes; /* what the columns took */
};
int godb_writer_commit_step(struct godb_writer *w, const char *iface,
    int64_t slot_s, struct godb_committed *out);

/*
 * How far a ring has been received: next sequence number and the ring_pos of
 * its last batch, from journals and from the index of recent days.  -ENOENT if
 * the store knows nothing of this ring.
 */
int godb_writer_ring(struct godb_writer *w, const char *iface,
    const uint8_t ring[16], uint64_t *next_seq, uint64_t *ring_pos);

/*
 * The stored block that has the ring's last batch, and until when that covers.
 * -ENOENT if no record of a day that can be read has any.
 */
int godb_writer_ring_block(struct godb_writer *w, const char *iface,
    const uint8_t ring[16], int64_t *slot_s, int64_t *last_ns);

/*
 * Whether the interface has any block, journals included, in
 * [first_s, last_s): 1, 0, or an error.  *any_s (may be NULL) gets the start
 * of one.
 */
int godb_writer_has_blocks(struct godb_writer *w, const char *iface,
    int64_t first_s, int64_t last_s, int64_t *any_s);

/* ---- upkeep -------------------------------------------------------------- */

/*
 * What stands beside the blocks so that questions are quick: hour and day
 * roll-ups, and the address indexes of days.  A step of it, some ten
 * milliseconds: 1 when there is more to do, 0 when nothing is due, or an error,
 * which costs no data; what failed is tried again an hour later.  For a loop's
 * idle turns.  now_s: CLOCK_REALTIME.
 */
int godb_writer_upkeep(struct godb_writer *w, int64_t now_s);

/* From now on godb_writer_upkeep has all of it to make anew, for every day of
 * the store; without this it looks at the most recent days alone. */
void godb_writer_rebuild(struct godb_writer *w);

struct godb_upkeep_report {
	uint64_t days;    /* looked at */
	uint64_t changed; /* of which something was written */
	uint64_t failed;
};
void godb_writer_upkeep_report(const struct godb_writer *w,
    struct godb_upkeep_report *out);

/* ---- retention ----------------------------------------------------------- */

enum godb_retain_cause {
	GODB_RETAIN_AGE,  /* older than retain_days */
	GODB_RETAIN_SIZE, /* the store is larger than max_bytes */
	GODB_RETAIN_FREE, /* the disk has less than min_free */
	GODB_RETAIN_CLEAN, /* over before clean_s */
};
/* "age", "size", "free", "clean" */
const char *godb_retain_cause_name(enum godb_retain_cause c);

/* A day of an interface that was, or is to be, removed. */
struct godb_retain_day {
	const char *iface; /* borrowed for the call */
	int64_t day_s;
	uint64_t bytes;
	enum godb_retain_cause cause;
	int rc; /* below 0: it could not be removed */
};

struct godb_retain_opts {
	size_t size;
	uint32_t retain_days; /* 0: for ever */
	uint64_t max_bytes;   /* 0: no bound */
	uint64_t min_free;    /* bytes, 0: no bound */
	int64_t now_s;        /* CLOCK_REALTIME */
	int64_t clean_s;      /* days that end by then go too; 0: none */
	/* Removed lately and perhaps not given back yet, because somebody
	 * still reads the files: counts as free. */
	uint64_t freed_bytes;
	/* May be NULL; called for each day, after it was removed. */
	void (*each)(void *arg, const struct godb_retain_day *day);
	void *arg;
};
#define GODB_RETAIN_OPTS_INIT \
	{sizeof(struct godb_retain_opts), 0, 0, 0, 0, 0, 0, NULL, NULL}

struct godb_retain_report {
	uint64_t days, bytes;   /* removed, or to be removed */
	uint64_t failed;        /* days that could not be */
	uint64_t store_bytes;   /* of all files, before */
	uint64_t free_bytes;    /* of the file system, before */
	uint64_t short_bytes;   /* what a bound still lacks after it */
	/* Removed days of which a full disk had no room to note that they are
	 * gone: answers about their time do not say so until a later round,
	 * which counts them here again, finds room. */
	uint64_t unnoted;
	/* Older than retain_days, and left: see below. */
	uint64_t doubted;
};

struct godb_retain;

/*
 * A round of retention over the writer's store: takes stock (and brings the
 * summaries that godb_list_new reads up to date), then removes whole days,
 * the oldest first, of all interfaces, until every bound is kept.  Never the
 * day of now_s, later ones, or those with open blocks; for max_bytes and
 * min_free never the newest finished day either.  Nothing goes by age when the
 * store's newest finished day, of all interfaces, is older than retain_days
 * itself: the clock may be wrong, and age alone never takes a store's last
 * days.  On a full disk caches of a day that is to go make room for what its
 * removal writes.  Work is done by godb_retain_step in small steps, between
 * which the writer may be used; one round at a time, freed before the writer
 * is closed.
 */
int godb_retain_new(struct godb_writer *w, const struct godb_retain_opts *opts,
    struct godb_retain **out);

/* The same without a writer and without touching anything: what a round would
 * remove.  The folder's descriptor is borrowed. */
int godb_retain_dry(int store_fd, const struct godb_retain_opts *opts,
    struct godb_retain **out);

/* Works for about that long: 1 when there is more to do, 0 at the end, or an
 * error, which ends the round; that of an interface which cannot be listed
 * when all others are done. */
int godb_retain_step(struct godb_retain *r, int64_t budget_ns);

void godb_retain_report(const struct godb_retain *r,
    struct godb_retain_report *out);
void godb_retain_free(struct godb_retain *r); /* accepts NULL */

/* ---- repair and removal: the whole store, without its writer ------------- */

struct godb_repair_opts {
	size_t size;
	const char *owner;  /* for the lock's message */
	bool dry_run;       /* takes no lock and writes nothing */
	uint32_t mode_file; /* of what it writes */
	/* May be NULL; what was, or would be, done. */
	void (*each)(void *arg, const char *place, const char *what);
	void *arg;
};
#define GODB_REPAIR_OPTS_INIT \
	{sizeof(struct godb_repair_opts), NULL, false, 0640, NULL, NULL}

struct godb_repair_report {
	uint64_t days;  /* whose index was written anew */
	uint64_t kept;  /* records in these */
	uint64_t lost;  /* blocks that are marked as lost */
	uint64_t files; /* other things that were put right */
};

/*
 * Takes what cannot be read out of a store's indexes, so that questions end
 * without an error: a block of which something is damaged becomes a quiet one
 * that says so (GODB_PART_LOST).  Good blocks stay as they are, to the byte;
 * what is replaced stays beside it, as NAME.damaged.  A commit that was cut
 * off is none of this: the next writer takes care of it.  The folder's
 * descriptor is borrowed.  GODB_EDAMAGED: a day whose index is gone is left
 * for a copy to be put back, all else is done.  GODB_ELOCKED: diag says who
 * writes.  -EREMOTE as with godb_writer_open().
 */
int godb_repair(int store_fd, const struct godb_repair_opts *opts,
    struct godb_repair_report *out, struct godb_diag *diag);

/*
 * Removes every interface and all application names; the store itself stays,
 * empty.  What is not the store's own is left, whatever folder it is in, and
 * then -ENOTEMPTY comes back, also with dry_run, and diag names the first.
 * *n_ifaces and *bytes tell how much it was, or with dry_run would be.
 */
int godb_wipe(int store_fd, const char *owner, bool dry_run,
    uint64_t *n_ifaces, uint64_t *bytes, struct godb_diag *diag);

#ifdef __cplusplus
}
#endif
#endif
