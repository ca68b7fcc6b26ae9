/*
 * addrbuild - makes the address index of a day out of its blocks, step by
 * step and in bounded memory (some 40 MiB), however large the day is.
 *
 * Addresses are gathered by passes: each takes the lowest ones that were not
 * written yet, as many as fit, and leaves the others to the next.
 */
#ifndef GODB_ADDRBUILD_H
#define GODB_ADDRBUILD_H

#include "common/godb/addrindex.h"

struct gdi_addrbuild;

struct gdi_addrbuild_opts {
	const char *iface;
	int64_t day_s;
	uint32_t mode_file;
	/* Build in memory and leave the folder alone, of records that end by
	 * this length of the index; 0: write the file, of all of them. */
	uint64_t only_bytes;
	/* Bounds, for tests; 0: the usual ones. */
	size_t pairs_max;
	unsigned passes_max;
};

/*
 * Reads the index below day_fd, which stays the caller's and open.
 * GODB_EDAMAGED, GODB_ENEWER: not a whole one, there is none to be had;
 * -ENOENT, -ENOMEM, -errno.
 */
int gdi_addrbuild_new(int day_fd, const struct gdi_addrbuild_opts *opts,
    struct gdi_addrbuild **out);
/*
 * One more piece: a chunk of 65,536 rows, a merge, some groups, a sync.  1:
 * there is more to do; 0: the file is durable and in its place.
 */
int gdi_addrbuild_step(struct gdi_addrbuild *b);
/* Of one in memory that is done: its bytes, which the caller owns, with
 * GDI_SLACK readable ones behind them. */
uint8_t *gdi_addrbuild_take(struct gdi_addrbuild *b, size_t *len);
/* What is unfinished is taken away.  Accepts NULL. */
void gdi_addrbuild_free(struct gdi_addrbuild *b);

/* All of it at once. */
int gdi_addrbuild_run(int day_fd, const struct gdi_addrbuild_opts *opts);

#endif
