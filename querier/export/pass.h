/*
 * pass - goes over the days of a store, oldest first, and has shipped what is
 * new in them; knows what is left.
 */
#ifndef EXPORT_PASS_H
#define EXPORT_PASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "querier/export/ship.h"

struct pass_day {
	char iface[16];
	int64_t day_s;
	uint64_t index_mark; /* length and time of its index as one number, not
			      * 0: another one, and there may be more */
	uint64_t done_mark; /* when all of it was shipped; UINT64_MAX: never
			      * looked at */
	struct ship_known ship;
	struct ship_known hours; /* hours_day()'s */
	uint64_t hours_mark; /* when all finished hours were shipped */
	int64_t hours_next_s; /* when the next one is finished */
	/* what is left, as counted when the index was this and nothing was
	 * shipped since; 0: not counted */
	uint64_t counted_mark;
	uint64_t records, rows;
	int64_t oldest_s;
	/* records when there were any: a day that is just being removed has
	 * none any more */
	uint64_t known;
};

struct pass {
	struct ship *ship; /* borrowed */
	struct pass_day *days; /* by day, then interface */
	size_t n, cap;
	bool listed; /* once: the ledger has no other days */
	uint64_t closed_mark; /* which interfaces could not be opened, and was
			       * logged; 0: none */
};

/* What is left to do, as of the last pass. */
struct pass_left {
	uint64_t days, records, rows;
	int64_t oldest_s; /* start of the oldest block; INT64_MAX: none */
	uint64_t days_before; /* that the store has and that are older */
};

/*
 * The store as it is; asks no server, so that what is left and what went is
 * known whatever that does.  Days that retention took before they were shipped
 * are logged and counted.  An interface whose folder cannot be opened is left
 * out, and its days are as they were known; that is logged when it begins.  0,
 * or -1 with error.
 */
int pass_list(struct pass *p, char error[SHIP_ERROR_MAX]);

/*
 * Ships what the days listed have.  0; -1 with error: what was done stays done,
 * the rest is for another time; SHIP_STORE with error: of some days, and all
 * others were shipped.
 */
int pass_run(struct pass *p, char error[SHIP_ERROR_MAX]);

/* Counts the rest; opens each day that is not done, once. */
void pass_count_left(struct pass *p, struct pass_left *out);

void pass_fini(struct pass *p);

#endif
