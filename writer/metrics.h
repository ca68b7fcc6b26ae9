/*
 * metrics - the writer's status as Prometheus text (exposition format 0.0.4),
 * for node_exporter's textfile collector.
 */
#ifndef WRITER_METRICS_H
#define WRITER_METRICS_H

#include <stdio.h>

#include "common/base/status.h"

/* goprobe-writer(8) lists the names.  The stream keeps errors. */
void metrics_print(const struct gp_status *s, FILE *out);

#endif
