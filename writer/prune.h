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

/* Rounds for space are a minute apart, those that are asked for may be closer;
 * what goes beyond these counts as removed with the newest. */
#define PRUNE_FREED 16

struct prune {
	struct godb_writer *store;  /* borrowed */
	const struct gp_conf *conf; /* borrowed */
	struct peers *peers;        /* borrowed: who asks */
	int store_fd;               /* borrowed */
	struct godb_retain *round;  /* NULL between rounds */
	int64_t next_ns, ended_ns, looked_ns; /* CLOCK_MONOTONIC */
	/* Removed lately, a round each: readers may still hold it, so that the
	 * disk does not show it yet. */
	struct prune_freed {
		uint64_t bytes;
		int64_t at_ns;
	} freed[PRUNE_FREED];
	bool doubts; /* the clock, and said so */
	struct gp_log_limit limit;
};

void prune_init(struct prune *p, struct godb_writer *store,
    const struct gp_conf *conf, struct peers *peers, int store_fd);
void prune_fini(struct prune *p);

/* A round removed so much; what rounds of the last ten minutes did. */
void prune_note_freed(struct prune *p, uint64_t bytes, int64_t now_ns);
uint64_t prune_credit(const struct prune *p, int64_t now_ns);

/* Some work, if there is any.  True while a round is going on. */
bool prune_tick(struct prune *p);

#endif
