/*
 * loop - looks at the store again and again and ships what is new: the daemon,
 * and one look for --once.
 */
#ifndef EXPORT_LOOP_H
#define EXPORT_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/conf.h"
#include "common/base/log.h"
#include "querier/export/pass.h"
#include "querier/export/report.h"
#include "querier/export/ship.h"

/* Filled by main; pointers are borrowed. */
struct loop {
	struct ship ship;
	struct pass pass;
	struct report report;
	const struct gp_conf *conf;
	int notify;
	/* the rest begins at zero */
	struct gp_log_limit limit;
	int64_t cleaned_ns; /* CLOCK_MONOTONIC */
};

/* One look; `cleaning`: and no row of a given up attempt stays at the server,
 * however young.  0, or -1: not all was shipped, which was logged. */
int loop_once(struct loop *l, bool cleaning);

/* Until *l->ship.stop.  What fails is tried again, ever more seldom. */
void loop_run(struct loop *l);

/* For ship.progress: the status file is kept up to date in a long look. */
void loop_progress(void *loop);

#endif
