/*
 * report - what goprobe-export publishes about itself, for `goquery --status`.
 *
 * FOLDER/status, replaced whole; one `name value` a line:
 *
 *   goprobe-export-status 1
 *   written 1764000003        seconds since 1970, as all times
 *   server clickhouse.example
 *   running 1
 *   ...
 *   error "the server answered 500: ..."
 *   end
 */
#ifndef EXPORT_REPORT_H
#define EXPORT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/conf.h"
#include "common/base/log.h"
#include "querier/export/pass.h"

struct report {
	int folder; /* -1: nothing is written */
	const struct gp_conf *conf;
	const char *server;
	int64_t fine_s;     /* last look that found or left nothing undone */
	int64_t warned_s;   /* that unshipped days are about to go */
	struct gp_log_limit limit;
};

void report_init(struct report *r, int folder, const struct gp_conf *conf,
    const char *server);

/* `error` is "" when the last look went well.  Warns in the log when days that
 * were not shipped will soon be removed by retention. */
void report_write(struct report *r, struct pass *pass, const char *error,
    bool running);

#endif
