/*
 * evidence - what the other files of a day tell of its index: that its end is
 * a commit which is under way or was cut off, that it was longer once, or that
 * there was one (FORMAT.md, "Reading an index that is damaged or being
 * written").
 *
 * A commit writes behind what was committed, and an index only grows.  So a
 * journal excuses nothing that was there when it was begun, which its header
 * tells, and an index shorter than its address index says has lost records
 * even where it ends with a whole one.
 */
#ifndef GODB_EVIDENCE_H
#define GODB_EVIDENCE_H

#include "common/godb/index.h"

struct gdi_addrindex;

/*
 * Whether a journal tells that what lies at `offset` of the index, at its end
 * or the missing whole of it (0), is an unfinished commit: that of the block,
 * or with slot_s -1 any of the day, begun when no more than that was committed.
 * UINT64_MAX: whether there is such a journal.
 */
bool gdi_journal_vouches(int iface_fd, int64_t day_s, int64_t slot_s,
    uint64_t offset);

/* What the day's journals say is made at most this: the index is going to be
 * replaced by one that ends there.  0, -errno. */
int gdi_journals_lower(int iface_fd, int64_t day_s, uint64_t index_end);

/* Whether a day is without its records: less than the header of an index is
 * there and yet what is made of one, or columns that no first commit explains,
 * or a journal that was begun behind records.  False of a day that is being
 * removed, and of one that has just got its index. */
bool gdi_day_bereft(int iface_fd, const char *day);

/* What an index was when its address index was made; bytes 0: nobody knows. */
struct gdi_once {
	uint64_t bytes;
	char iface[16]; /* as in its header */
};

/* Look before the index is read, which may be growing.  -ENOMEM; -errno of what
 * could not be looked at. */
int gdi_once_read(int day_fd, int64_t day_s, struct gdi_once *out);
void gdi_once_of(const struct gdi_addrindex *x, struct gdi_once *out);
/* Whether it tells of this index: one that was put here from another interface
 * does not. */
bool gdi_once_is_of(const struct gdi_once *once, const struct gdi_index *x);
/* Whether the index, which it tells of, has lost what it had then. */
bool gdi_index_shrunk(const struct gdi_once *once, const struct gdi_index *x);

#endif
