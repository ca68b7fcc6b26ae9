/*
 * query_state - what the files of a query's run share.
 *
 *   query.c         options, plan, sharing out, ranking
 *   query_pieces.c  what a thread does with the pieces that fall to it
 */
#ifndef GODB_QUERY_STATE_H
#define GODB_QUERY_STATE_H

#include "common/godb/cursor.h"
#include "common/godb/filter.h"
#include "common/godb/group.h"
#include "common/godb/internal.h"
#include "common/godb/plan.h"
#include "common/godb/pool.h"
#include "common/godb/result.h"

#include <stdatomic.h>

/* Parts of one interface and one time, which one thread takes whole. */
struct gdi_run_cell {
	size_t first; /* of the plan */
	int64_t time_s;
};

/* What a run needs and a result does not. */
struct gdi_run {
	const struct godb_scan *scan;
	const struct godb_query_opts *opts;
	struct godb_result *result;
	struct gdi_filter *having;
	struct gdi_worker *worker; /* one a thread */
	struct gdi_feed **feed;
	unsigned n_workers;
	uint32_t probe_columns;
	uint32_t needles; /* see gdi_filter_needles */
	bool want4, want6;
	/* What an earlier run found: roll-ups, and blocks, the first of the
	 * result's lost ones. */
	struct gdi_left_out *left_out;
	size_t n_left_out;
	struct gdi_plan *plan;
	size_t *first; /* pieces before each; NULL: each is one */
	size_t n_pieces;
	/* where each begins (group.h), n_cells + 1; NULL: not by cells */
	struct gdi_run_cell *cell;
	size_t n_cells;
	struct gdi_shares shares; /* of pieces */
	atomic_size_t done;
	atomic_bool stop;    /* somebody failed */
};

/* What each thread has of its own. */
struct gdi_worker {
	struct gdi_run *run;
	struct gdi_filter *filter;
	struct godb_cursor *probe, *rest; /* condition's columns; all others */
	struct gdi_feed *feed;
	uint32_t *sel;
	size_t sel_room;
	struct gdi_lost *lost;
	size_t n_lost;
	struct gdi_left_out spoiled; /* roll-ups */
	bool again; /* of what is left out something may have been taken */
	struct godb_result_stats stats;
	size_t looked, spared; /* parts whose addresses alone were looked at */
	int rc;
};

/* ---- query_pieces.c */

/* Filters and groups pieces, or cells, until all are shared out or a thread
 * has failed; how it went is in the thread's worker. */
void gdi_query_take_parts(struct gdi_run *run, unsigned thread);

#endif
