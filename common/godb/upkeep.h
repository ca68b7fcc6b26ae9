/*
 * upkeep - what a store has beside its blocks so that questions are quick, and
 * when it is due: roll-ups (rollup_make.h) and address indexes (addrbuild.h).
 *
 * All of that can be made again from the blocks, so an error here costs
 * nothing but speed.  Work is done on one day of one interface at a time, in
 * steps between which the writer may be used; the newest day that is due comes
 * first.  A day becomes due when an hour of it is over, and once more when all
 * of it is.
 */
#ifndef GODB_UPKEEP_H
#define GODB_UPKEEP_H

#include "common/godb/scan.h"

struct gdi_upkeep;

/* The day at hand. */
struct gdi_upkeep_day {
	struct godb_writer *w;
	const char *iface;
	int64_t day_s;
	int64_t until_s; /* blocks before this are there, as far as can be known:
			  * an hour's start or the day's end */
	bool over;       /* it is the day's end */
	const struct godb_scan *scan; /* its records, when the look began */
	int day_fd;
	bool changed; /* set by a job: what lies in the folder has changed */
};

/*
 * A kind of work, an object in a file of its own.  Errors end the look at the
 * day; it is tried again when the next hour is over.
 */
struct gdi_upkeep_job {
	/* 1 and *state: there is something to do.  0: nothing is.  `anew`:
	 * whatever is there is not to be relied on. */
	int (*begin)(struct gdi_upkeep_day *d, bool anew, void **state);
	/* Some ten milliseconds of it: 1 more to do, 0 done, or an error. */
	int (*step)(void *state);
	void (*end)(void *state);
};

extern const struct gdi_upkeep_job gdi_address_job; /* addrjob.c */

/* 0 or -ENOMEM. */
int gdi_upkeep_new(struct godb_writer *w, struct gdi_upkeep **out);
void gdi_upkeep_free(struct gdi_upkeep *u); /* accepts NULL */

/* A block was committed. */
void gdi_upkeep_note(struct gdi_upkeep *u, const char *iface, int64_t slot_s);

/* What upkeep needs of the writer. */
struct gdi_upkeep *gdi_writer_upkeep(const struct godb_writer *w);
bool gdi_writer_lz4(const struct godb_writer *w);
bool gdi_writer_sorts_days(const struct godb_writer *w);
uint32_t gdi_writer_block_rows(const struct godb_writer *w);

#endif
