/*
 * scan_state - what the files that open a store for reading share.
 *
 *   reader.c         a store's folder; interfaces and days listed
 *   scan.c           open, close, ask
 *   scan_lists.c     lists that grow; faults
 *   scan_journals.c  journals opened; batches of theirs that no record contains
 *   scan_days.c      indexes of days
 *   scan_sieve.c     days and blocks that address indexes spare
 *   scan_rolled.c    days that roll-ups answer for, or that have no rows
 *   scan_parts.c     records and journals to parts
 *
 * Functions return 0 or an error unless they say otherwise.  An error ends the
 * opening; a file of the store that cannot be read is a fault of the scan
 * instead.
 */
#ifndef GODB_SCAN_STATE_H
#define GODB_SCAN_STATE_H

#include "common/base/clock.h"
#include "common/godb/evidence.h"
#include "common/godb/internal.h"
#include "common/godb/scan.h"

struct godb_reader {
	int store_fd;
};

/* One interface while its stock is taken. */
struct gdi_stock {
	struct godb_scan *s;
	struct gdi_scan_iface *iface;
	uint32_t index;      /* of the interface */
	int fd;              /* its folder */
	size_t first_live, first_day; /* where its own begin in the lists */
};

/* What a thread reads days with, one after another. */
struct gdi_scan_scratch {
	struct gdi_buf bytes;
	struct gdi_once once; /* of the day at hand, where it was looked for */
	bool has_once;
	bool few; /* so few rows has it that a roll-up of it is quicker than what
		   * an address index leaves of its blocks */
	struct gdi_addrwalk *walk; /* NULL: no address index was asked yet */
};

/* Whether the block, of five minutes, has any of the window. */
static inline bool
gdi_scan_in_window(const struct godb_scan *s, int64_t slot_s)
{
	return slot_s > s->first_s - GP_SLOT_S && slot_s < s->last_s;
}

/* The interface's extent made to contain the block. */
static inline void
gdi_scan_extend(struct gdi_scan_iface *f, int64_t slot_s)
{
	f->first_s = slot_s < f->first_s ? slot_s : f->first_s;
	f->last_s = slot_s > f->last_s ? slot_s : f->last_s;
}

/* ---- reader.c */

/* Whether the store has an interface of that name. */
bool gdi_reader_has(const struct godb_reader *r, const char *iface);

/* ---- scan_lists.c */

/* The list, moved, with room for one more than its N items; *cap is how many
 * it has room for.  NULL: no memory, and the list is as it was. */
void *gdi_scan_grow(void *list, size_t n, size_t *cap, size_t size);
/* So many bytes more are kept: GODB_EMEMORY beyond the bound.  By any
 * thread. */
int gdi_scan_keep(struct godb_scan *s, size_t bytes);
/* What is left to another scan, 0: no bound. */
size_t gdi_scan_left(const struct godb_scan *s);
/* The days that are held become one more, taken; -ENOMEM. */
int gdi_scan_add_held(struct godb_scan *s, struct gdi_held *h);
/* A fault of an interface, whose name is borrowed, in FILE of FOLDER below its
 * own; either may be "".  -ENOMEM. */
int gdi_scan_add_fault(struct godb_scan *s, const char *iface,
    int64_t first_s, int64_t last_s, int rc, const char *folder,
    const char *file, uint64_t offset);

/* ---- scan_journals.c */

/* Opens the interface's journals and notes their lengths. */
int gdi_scan_take_journals(struct gdi_stock *k);
/* Whether any journal of that day was there when they were opened. */
bool gdi_scan_has_journal(const struct gdi_stock *k, int64_t day_s);
/* gdi_journal_vouches() of those that were opened, or, with `now`, are there by
 * now. */
bool gdi_scan_vouched(const struct gdi_stock *k, int64_t day_s,
    int64_t slot_s, uint64_t offset, bool now);
/* The journal's batches but those that records contain: after the days. */
int gdi_scan_read_live(const struct gdi_stock *k, struct gdi_live *l);
void gdi_scan_live_free(struct gdi_live *l); /* accepts NULL */

/* ---- scan_days.c */

/* Reads the days of the window, and of the others what the interface's extent
 * takes. */
int gdi_scan_take_days(struct gdi_stock *k);
void gdi_scan_day_free(struct gdi_scan_day *d); /* accepts NULL */

/* ---- scan_sieve.c */

/*
 * 1: the day need not be read, for its address index, which is in *out and *out
 * the caller's, answers, or, where it is not wanted, tells its extent.  0: it
 * must be; *sieve has what its address index rules out.  -ENOMEM.  By any
 * thread.
 */
int gdi_scan_hold_day(const struct gdi_stock *k, int day_fd, int64_t day_s,
    bool wanted, struct gdi_scan_scratch *t, struct gdi_sieve *sieve,
    struct gdi_held *out);
/* Whether the day's index ends where that of the digest did, which one may. */
bool gdi_scan_index_ends(int day_fd, const struct gdi_digest *d);
/* Whether it has these bytes still, which are in b->p then: 1 or 0, or an
 * error. */
int gdi_scan_index_is(int day_fd, const struct gdi_digest *d,
    struct gdi_buf *b);
/* Drops the sieve of a day that was read, if it is of other records. */
void gdi_scan_check_sieve(struct gdi_sieve *s, const struct gdi_index *x);
/* Whether no row of the record meets what is asked for. */
bool gdi_scan_record_ruled_out(const struct gdi_scan_day *d,
    const struct gdi_record *r);

/* ---- scan_rolled.c */

/*
 * 1: a roll-up answers the question in the place of the whole day, or that has
 * no rows; it is in *out and *out the caller's.  0: it must be read.  -ENOMEM.
 * By any thread.
 */
int gdi_scan_roll_day(const struct gdi_stock *k, int day_fd, int64_t day_s,
    struct gdi_scan_scratch *t, struct gdi_held *out);

/* ---- scan_parts.c */

/* The parts of an interface whose journals and days were taken; journals
 * without any are closed. */
int gdi_scan_make_parts(struct gdi_stock *k);

#endif
