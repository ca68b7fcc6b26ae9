/*
 * rollup_making - what the files share that make a day's roll-ups.
 *
 *   rollup_make.c   one after another: judged, packed, written
 *   rollup_due.c    which there are, and which are due
 *   rollup_rows.c   what one sums, and whether it is worth it
 */
#ifndef GODB_ROLLUP_MAKING_H
#define GODB_ROLLUP_MAKING_H

#include "common/base/hash.h"
#include "common/godb/cursor.h"
#include "common/godb/estimate.h"
#include "common/godb/pack.h"
#include "common/godb/rollup.h"
#include "common/godb/rollup_make.h"

/* An hour, or the day. */
struct gdi_span {
	int64_t slot_s, span_s;
	size_t first, end; /* its parts in the scan */
};

enum gdi_make_phase {
	GDI_MAKE_CHOOSE,
	GDI_MAKE_GUESS,
	GDI_MAKE_ESTIMATE,
	GDI_MAKE_LOAD,
	GDI_MAKE_SORT4,
	GDI_MAKE_SORT6,
	GDI_MAKE_JUDGE,
	GDI_MAKE_PACK,
	GDI_MAKE_WRITE,
	GDI_MAKE_SYNC,
	GDI_MAKE_INDEX
};

struct gdi_making {
	struct gdi_upkeep_day *d;
	enum gdi_make_phase phase;
	struct gdi_rollups have; /* of the index below */
	struct gdi_buf index;    /* as it is to be: header and records */
	bool remove;             /* the files that are there, first */
	uint64_t data_kept;      /* of rollups.gpf, by the index on disk */
	uint64_t data_end;       /* and with what was made here */
	int data_fd;
	bool made_file, changed;
	bool unread; /* what was made here is not among those we have */
	/* the span at hand */
	int hour; /* 24: the day */
	struct gdi_span span;
	uint32_t refused; /* kinds of it, in this making */
	int at_kind;      /* where to look for the next */
	/* the roll-up at hand */
	enum gdi_rollup_kind kind;
	struct gdi_scan_part *rolled; /* hours that stand for their blocks */
	size_t n_rolled;
	size_t *source; /* part of the scan, or behind them, of rolled */
	size_t n_sources, at;
	uint32_t piece;      /* of the source at hand, the next */
	uint64_t n_pieces;   /* before it, of all sources */
	uint64_t rows_taken; /* of the pieces that were looked at first */
	int column;
	struct godb_cursor *cursor;
	struct gdi_aggregate rows;
	struct gdi_buf scratch, ids;
	uint64_t rows_in;
	uint64_t rows_most; /* that are worth it, of rows_in */
	size_t most; /* rows of a version that are held at a time */
	bool too_many;
	struct gp_hash_key key;
	struct gdi_estimate estimate;
	struct gdi_pack pack;
	struct gdi_day_block block;
};

/* ---- rollup_due.c */

/* The hour of that number, or with 24 the day. */
struct gdi_span gdi_making_span(const struct gdi_making *m, int hour);
/* Whether a roll-up, or NULL, sums all that its span has; and the ids of that,
 * in place of what was in *out. */
bool gdi_making_has_all(const struct gdi_making *m,
    const struct gdi_span *span, const struct gdi_rollup *r);
int gdi_making_ids(const struct gdi_making *m, const struct gdi_span *span,
    struct gdi_buf *out);
/* NULL: there is none. */
const struct gdi_rollup *gdi_making_find(const struct gdi_making *m,
    const struct gdi_span *span, enum gdi_rollup_kind kind);
/* Whether a span can have any. */
bool gdi_making_can_be(const struct gdi_making *m,
    const struct gdi_span *span);
/* Its kinds that were looked at, with all that it has, and refused: bits. */
int gdi_making_refused(struct gdi_making *m, const struct gdi_span *span,
    uint32_t *refused);
bool gdi_making_is_due(const struct gdi_making *m,
    const struct gdi_span *span, enum gdi_rollup_kind kind, uint32_t refused);
/* Whether any kind of it is: 1 or 0, or an error. */
int gdi_making_any_due(struct gdi_making *m, const struct gdi_span *span);
/* Reads what there is; `anew`: to make all of it anew. */
int gdi_making_take_stock(struct gdi_making *m, bool anew);

/* ---- rollup_rows.c */

/* Of the span and kind at hand: what its rows are read from. */
int gdi_making_choose(struct gdi_making *m);
/* To the first of these. */
void gdi_making_begin(struct gdi_making *m, enum gdi_make_phase phase);
/* Steps of GUESS and ESTIMATE, and of LOAD: 1, or an error; they set the next
 * phase. */
int gdi_making_estimate(struct gdi_making *m);
int gdi_making_load(struct gdi_making *m);

#endif
