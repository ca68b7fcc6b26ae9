/*
 * summary - what each day of an interface holds in all, so that a list of a
 * store need not open its days (FORMAT.md, "Summary").
 *
 * Only a cache: an entry says how long the day's index was, and indexes only
 * grow, so one that is out of date is known by that.  Who cannot use it reads
 * the index.
 */
#ifndef GODB_SUMMARY_H
#define GODB_SUMMARY_H

#include "common/godb/internal.h"

struct gdi_index;

struct gdi_day_sum {
	int64_t day_s;
	uint64_t index_bytes; /* of blocks.idx when this was summed */
	uint64_t file_bytes;  /* of all files in the day's folder */
	uint32_t records, blocks;
	int64_t first_s, last_s; /* first and last slot; 0, 0 without a block */
	uint64_t rows;
	uint64_t sums[4]; /* of the rows' counters */
	uint64_t flags;   /* of all records together */
	struct godb_counters counters;
};

struct gdi_summary {
	struct gdi_day_sum *days; /* ascending */
	size_t n, cap;
};

/* An empty one when the file is not there or of no use; entries that do not
 * hold are left out and counted in *n_damaged (may be NULL).  0, -ENOMEM. */
int gdi_summary_read(int iface_fd, struct gdi_summary *out, size_t *n_damaged);
void gdi_summary_free(struct gdi_summary *s);

/* NULL when the day is not in it. */
const struct gdi_day_sum *gdi_summary_find(const struct gdi_summary *s,
    int64_t day_s);

/* Adds a day behind the others: 0, -ENOMEM. */
int gdi_summary_add(struct gdi_summary *s, const struct gdi_day_sum *d);

/* Replaces the file by rename. */
int gdi_summary_write(int iface_fd, const char *iface, uint32_t mode,
    const struct gdi_summary *s);

/* Takes a day out of the file, whose entry is not right any more. */
int gdi_summary_drop(int iface_fd, const char *iface, uint32_t mode,
    int64_t day_s);

/* Length of the day's index; 0 when it has none. */
uint64_t gdi_day_index_bytes(int iface_fd, const char *day);

enum gdi_day_state {
	GDI_DAY_WHOLE,
	GDI_DAY_OPEN,    /* a commit is under way or was cut off */
	GDI_DAY_DAMAGED, /* something in the index does not hold */
};

/*
 * Sums a day from its index and the sizes of its files.  Only a whole one may
 * go into a summary.  0, -ENOENT for a day that is gone or has no index,
 * GODB_EDAMAGED, GODB_ENEWER, -ENOMEM, -errno.
 */
int gdi_day_sum(int iface_fd, const char *day, struct gdi_day_sum *out,
    enum gdi_day_state *state);

/* Bytes of the files in a folder. */
int gdi_folder_bytes(int dir, uint64_t *out);

#endif
