/*
 * report - gathers the figures of a running exporter and replaces its files:
 * `status` in the folder that systemd gives it, and [export] metrics.
 */
#ifndef EXPORT_REPORT_H
#define EXPORT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/log.h"
#include "querier/export/figures.h"
#include "querier/export/forecast.h"
#include "querier/export/pass.h"

struct report {
	int status, metrics;      /* folders; -1: nothing is written */
	const char *metrics_name; /* borrowed, as all pointers here */
	const char *server;
	struct forecast forecast;
	struct pass *pass;
	/* the rest begins at zero */
	char error[SHIP_ERROR_MAX]; /* of the last look */
	int64_t fine_s, warned_s, written_s;
	bool left_going;
	int64_t forecast_s; /* when left_going was found out */
	struct gp_log_limit limit;
};

/*
 * After a look at the store, which ended with `error` ("" for none); the next
 * one comes in next_s seconds.  Warns in the log when days that were not
 * shipped will soon be removed by retention.
 */
void report_look(struct report *r, const char *error, uint64_t next_s);

/* While one goes on; writes now and then. */
void report_progress(struct report *r);

/* The exporter ends. */
void report_end(struct report *r);

#endif
