/*
 * stats - counters of every interface; status file, Prometheus text.
 *
 * Totals run from the writer's start and outlive the sessions of an interface.
 * They are taken from the frames as these are journalled, packets in rows
 * counted row by row, so that the accounting is checked and not repeated.
 * Written every GP_STATUS_EVERY_S and when an interface changes its state,
 * whole, by rename.  What cannot be written is logged and tried again: it
 * never holds up storing.
 */
#ifndef WRITER_STATS_H
#define WRITER_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/conf.h"
#include "common/base/log.h"
#include "common/base/status.h"

struct ingest;
struct peer;
struct peers;

struct stats_iface {
	struct gp_status_iface s; /* what the frames say; `seen` as published */
	int64_t heard_boot_ns;    /* last frame, or start of the session */
	int64_t dropped_boot_ns;  /* last frame with kernel drops */
	unsigned n_sessions;      /* that count for it now */
	unsigned n_active, n_orphan; /* of these, when last looked at */
};

/* What is written, where. */
struct stats_file {
	int dir;           /* folder, -1: not written */
	char name[256];
	char temporary[264];
	unsigned mode;
	bool locked;       /* the folder is ours */
	bool lock;         /* one writer at a time */
	struct gp_log_limit limit;
};

struct stats {
	struct gp_status now; /* .iface has room for all */
	struct stats_iface *list;
	size_t n;
	const struct gp_conf *conf; /* borrowed */
	struct stats_file status, metrics;
	bool wanted;          /* anything is written at all */
	bool changed;         /* a state did; written soon */
	int64_t written_ns;   /* CLOCK_MONOTONIC */
};

struct stats_opts {
	const struct gp_conf *conf;
	const char *store;            /* path, for the reader */
	enum gp_conf_sandbox sandbox;
	bool all;                     /* every interface of conf should come */
	int landlock_abi;
	int status_dir;               /* -1: no status file */
	int metrics_dir;              /* -1: no metrics */
	const char *metrics_name;
};

/* 0 or -ENOMEM.  Folders stay the caller's. */
int stats_init(struct stats *st, const struct stats_opts *o);
void stats_fini(struct stats *st);

/* ---- hooks; peers, drain and ingest tell what happens -------------------- */

/* A ring begins to count for its interface: welcomed or taken up again. */
void stats_session(struct stats *st, struct peer *peer);

/* A connection was lost; its ring may hold more. */
void stats_changed(struct stats *st);

/* The session is over. */
void stats_dropped(struct stats *st, struct peer *peer);

/* A checked frame was taken; a duplicate was counted by an earlier writer.  What
 * it says of its capture is noted in the peer, whether figures are wanted or
 * not. */
void stats_frame(struct stats *st, struct peer *peer, const void *frame,
    bool duplicate);

/* A block was committed. */
void stats_block(struct stats *st, const char *iface, int64_t slot_s);

/* ---- output -------------------------------------------------------------- */

/* Writes what is due. */
void stats_tick(struct stats *st, const struct peers *peers,
    const struct ingest *ingest);

/* Writes now; `running` false: the last words. */
void stats_write(struct stats *st, const struct peers *peers,
    const struct ingest *ingest, bool running);

#endif
