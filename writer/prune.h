/*
 * prune - retention while the writer runs: rounds of godb_retain, a few
 * milliseconds a turn, so that rings are drained in between.
 *
 * A round comes some seconds after the start, every five minutes, as soon as
 * the disk has less free than min_free, and when an administrator asks.  The
 * rounds also keep the summaries of finished days, so they take place without
 * any bound, too.  Offline there are none.
 */
#ifndef WRITER_PRUNE_H
#define WRITER_PRUNE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/conf.h"
#include "common/base/log.h"
#include "common/godb/godb_write.h"
#include "writer/peers.h"

struct prune {
	struct godb_writer *store;  /* borrowed */
	const struct gp_conf *conf; /* borrowed */
	struct peers *peers;        /* borrowed: who asks */
	int store_fd;               /* borrowed */
	struct godb_retain *round;  /* NULL between rounds */
	int64_t next_ns, ended_ns, looked_ns; /* CLOCK_MONOTONIC */
	/* Removed lately: readers may still hold it, so that the disk does not
	 * show it yet. */
	uint64_t freed_bytes;
	int64_t freed_ns;
	struct gp_log_limit limit;
};

void prune_init(struct prune *p, struct godb_writer *store,
    const struct gp_conf *conf, struct peers *peers, int store_fd);
void prune_fini(struct prune *p);

/* Some work, if there is any.  True while a round is going on. */
bool prune_tick(struct prune *p);

#endif
