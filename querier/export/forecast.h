/*
 * forecast - how soon retention removes what was not shipped.
 *
 * The writer removes the oldest days first: those older than retain_days, and
 * more of them while the store is larger than max_bytes or the disk has less
 * than min_free.  For the latter two the store is taken to go on growing as it
 * did, by its size over its days.
 */
#ifndef EXPORT_FORECAST_H
#define EXPORT_FORECAST_H

#include <stdint.h>

#include "common/base/conf.h"
#include "common/godb/godb.h"

#define FORECAST_NEVER INT64_MAX

struct forecast {
	const struct gp_conf *conf;
	const struct godb_reader *reader;
	int store; /* its folder */
};

/* Days until the oldest of what is left goes, 0 when that may be today, or
 * FORECAST_NEVER.  `days_before` is the number of days older than it. */
int64_t forecast_days(const struct forecast *f, int64_t oldest_s,
    uint64_t days_before, int64_t now_s);

#endif
