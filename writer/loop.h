/*
 * loop - what the running writer does, turn after turn: sessions and rings,
 * retention, upkeep, and what it tells of itself.
 */
#ifndef WRITER_LOOP_H
#define WRITER_LOOP_H

#include <stdbool.h>

#include "common/base/conf.h"
#include "common/base/notify.h"
#include "common/godb/godb_write.h"

/* Everything passed in, and what was opened before the sandbox closed. */
struct inherited {
	struct gp_passed_fd *fds;
	int n;
	int store;   /* folder */
	int status;  /* folder for the status file, -1: none is written */
	bool service; /* of systemd: what the INI names is what should run */
	int metrics; /* folder of the Prometheus text, -1 likewise */
	char metrics_name[GP_CONF_METRICS_MAX];
	int listen;  /* captures connect here, -1 offline */
	int offline; /* the launcher's socketpair, -1 live */
	int alive;   /* hang-up: the launcher is gone */
	int notify;
	int signals;
	int watchdog_ms; /* 0: nobody waits for a sign of life */
};

struct loop;

/*
 * Takes up the sessions of the writer before and the launcher's, and publishes
 * its first state.  What is given stays the caller's and is there longer than
 * the loop.  store_path is for people.  0, -ENOMEM, -ENOSPC: no room for the
 * offline session.
 */
int loop_new(struct inherited *in, struct godb_writer *store,
    const struct gp_conf *conf, const char *store_path, int landlock_abi,
    struct loop **out);
void loop_free(struct loop *l); /* accepts NULL */

/* Until a signal, or, in a replay, until all captures have ended.  0, or why
 * not everything could be stored. */
int loop_run(struct loop *l);

#endif
