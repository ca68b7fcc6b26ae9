/*
 * state - what a capture process has, and what its parts that run before the
 * first packet have in common.
 */
#ifndef CAPTURE_STATE_H
#define CAPTURE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/deaths.h"
#include "capture/exits.h"
#include "capture/loop.h"
#include "capture/options.h"
#include "capture/report.h"
#include "capture/workers.h"
#include "common/base/conf.h"

struct capture {
	struct options o;
	struct gp_conf *conf;
	struct gp_conf_capture settings; /* of this interface; texts borrowed */
	struct workers workers; /* offline one */
	int notify, signals, alive;
	int watchdog_ms;
	int64_t petted_ns;
	struct report_bar bar; /* offline */
	int deaths_fd;      /* our predecessor's */
	struct deaths_page *deaths;
	int64_t opened_ns;  /* live: the interface is watched since */
	bool looking;       /* at packets: an exit now is not ours */
	enum loop_l7 l7;
};

/* Each worker's part of the interface's flows. */
uint32_t capture_flows_each(const struct capture *c);

/* Says what is wrong and ends with this status (exits.h). */
_Noreturn void capture_die(int status, const char *what, const char *why);

/* For whoever waits, once a second or so: the watchdog is fed when it is due.
 * `capture` is a struct capture. */
void capture_waits(void *capture);

#endif
