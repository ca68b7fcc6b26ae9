/*
 * query_state - what the files of a query's run share.
 *
 *   query.c         options, plan, sharing out, ranking, asking again
 *   query_pieces.c  what a thread does with the pieces that fall to it
 *   sweep.c         roll-ups side by side, by ranges of an address
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
#include "common/godb/schema.h"

#include <stdatomic.h>

/* Parts of one interface and one time, which one thread takes whole. */
struct gdi_run_cell {
	size_t first; /* of the plan */
	int64_t time_s;
};

/* A piece of a part (cursor.h), and what of it is wanted. */
struct gdi_piece {
	struct gdi_slice slice; /* of a part or roll-up: a plan's number */
	bool only; /* the part has no other */
	bool whole; /* all its rows qualify */
	bool split; /* its IPv4 rows were taken before */
};

/* Rows of IPv6 of a piece that wait (gdi_group_can_turn). */
enum gdi_waits {
	GDI_WAITS_NOT,
	GDI_WAITS,
	GDI_WAITS_UNREAD, /* and of IPv4 nothing was read */
};

/* What a run needs and a result does not. */
struct gdi_run {
	const struct godb_scan *scan;
	const struct godb_query_opts *opts;
	struct godb_result *result;
	struct godb_pool *pool; /* that the plan is worth, or NULL */
	struct gdi_filter *having;
	struct gdi_worker *worker; /* one a thread */
	struct gdi_feed **feed;
	unsigned n_workers;
	uint32_t probe_columns;
	uint32_t needles; /* see gdi_filter_needles */
	uint32_t large;   /* and gdi_filter_least */
	uint64_t least;
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
	bool rows_are_groups; /* all that is read is one cell */
	struct gdi_sweep *sweep;  /* or NULL */
	uint8_t *waits; /* enum gdi_waits of each piece; NULL: none has to */
	bool second;    /* what waited is taken */
	struct gdi_shares shares; /* of pieces */
	atomic_size_t done;
	atomic_bool stop;    /* somebody failed */
};

/* What each thread has of its own. */
struct gdi_worker {
	struct gdi_run *run;
	struct gdi_filter *filter;
	struct godb_cursor *cursor;
	struct gdi_feed *feed;
	uint32_t *sel;
	size_t sel_room;
	struct gdi_lost *lost;
	size_t n_lost;
	struct gdi_left_out spoiled; /* roll-ups */
	bool again; /* of what is left out something may have been taken */
	struct godb_result_stats stats;
	size_t looked, spared; /* parts whose addresses alone were looked at */
	size_t tried, told;    /* pieces whose large counters alone were */
	int rc;
};

/* ---- query_pieces.c */

/* Filters and groups pieces, or cells, until all are shared out or a thread
 * has failed; how it went is in the thread's worker. */
void gdi_query_take_parts(struct gdi_run *run, unsigned thread);

/* Whether to go on: 0, or GODB_ECANCELLED.  Only the caller's thread, 0, tells
 * how far all are. */
int gdi_query_tell_progress(const struct gdi_run *run, unsigned thread);

/* What the index knows of a piece: which rows there is no need to look for,
 * and whether all qualify. */
void gdi_query_consult_zones(struct gdi_worker *w, struct godb_cursor *cursor,
    struct gdi_piece *p);
/* Loads what of a piece qualifies: *n rows, which are *all, or those of w->sel.
 * None, too, when the piece had to be left out, which was noted. */
int gdi_query_load(struct gdi_worker *w, struct godb_cursor *cursor,
    const struct gdi_piece *p, struct godb_columns *c, size_t *n, bool *all);

/* ---- sweep.c */

/*
 * Roll-ups of many days have the same addresses again and again.  They are in
 * the order of one, so they are read side by side, a range of it of all of them
 * at a time, whose groups are complete then: nothing is put aside, and the
 * range's table and the rows at hand fit a cache.
 *
 * Takes what of the plan can be read so, before any part is shared out; *out
 * is NULL when that is nothing, or not worth it.  The group gets these rows in
 * gdi_group_finish.
 */
struct gdi_sweep;
int gdi_sweep_new(struct gdi_run *run, struct gdi_sweep **out);
void gdi_sweep_free(struct gdi_sweep *s); /* accepts NULL */
/* Whether it reads the part of that number; NULL has none. */
bool gdi_sweep_has(const struct gdi_sweep *s, size_t part);
/* How many ranges there are; none of NULL. */
size_t gdi_sweep_ranges(const struct gdi_sweep *s);
/* Adds the bytes that it read and decoded. */
void gdi_sweep_stats(const struct gdi_sweep *s,
    struct godb_result_stats *stats);

#endif
