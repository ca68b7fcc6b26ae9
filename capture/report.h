/*
 * report - what capture says of itself, to whoever started it.
 *
 * Offline on stderr, for a person: a progress bar, what was wrong with a
 * file, the sum at the end.  Live to the log: with what settings it watches,
 * and what it saw.  The end's report also says what that end means: the exit
 * status.  Not here: reasons not to start at all (main.c).
 */
#ifndef CAPTURE_REPORT_H
#define CAPTURE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/loop.h"
#include "capture/workers.h"
#include "common/base/conf.h"

/* All zero but for `terminal`: whether stderr is one, else there is no bar. */
struct report_bar {
	bool terminal, shown;
	int64_t shown_ns;
};

/* A few times a second at most, however often it is asked. */
void report_progress(struct report_bar *bar, const struct source *source,
    uint64_t packets);

/* One line, without the bar. */
void report_problem(struct report_bar *bar, const char *text);

/* What it does, in figures: how much of a packet, how many flows. */
void report_start(const char *iface, const struct workers *workers,
    const struct gp_conf_capture *settings, uint32_t snaplen,
    enum loop_l7 l7);

/* At the end; the exit status. */
int report_offline(struct report_bar *bar, enum loop_result result,
    const struct loop_totals *t);
int report_live(const char *iface, const struct workers *workers,
    enum loop_result result, const struct worker *culprit,
    const struct loop_totals *t);

#endif
