/*
 * pass - goes over the days of a store, oldest first, and has shipped what is
 * new in them.
 */
#ifndef EXPORT_PASS_H
#define EXPORT_PASS_H

#include <stddef.h>
#include <stdint.h>

#include "querier/export/ship.h"

struct pass_day {
	char iface[16];
	int64_t day_s;
	uint64_t index_bytes;
	uint64_t done_bytes; /* when all of it was shipped; UINT64_MAX: never
			      * looked at */
};

struct pass {
	struct ship *ship; /* borrowed */
	struct pass_day *days; /* by day, then interface */
	size_t n, cap;
};

/* What is left to do, as of the last pass. */
struct pass_left {
	uint64_t days, records, rows;
	int64_t oldest_s; /* start of the oldest block; INT64_MAX: none */
};

/* 0; -1 with error: what was done stays done, the rest is for another time. */
int pass_run(struct pass *p, char error[SHIP_ERROR_MAX]);

/* Counts the rest; opens each day that is not done. */
void pass_count_left(struct pass *p, struct pass_left *out);

void pass_fini(struct pass *p);

#endif
