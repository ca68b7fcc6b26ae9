/*
 * pack - an open block's rows to the chunks of nine columns.
 *
 * The way of a row: a frame's row is a batch's row (godb_write.h), which
 * aggregate keeps as a key and counters, in order and summed once it is
 * settled; here some thousands of them at a time are laid out as columns,
 * encoded, and put behind what the column has already; day writes that to the
 * files.
 */
#ifndef GODB_PACK_H
#define GODB_PACK_H

#include "common/godb/aggregate.h"
#include "common/godb/day.h"

struct gdi_pack {
	const struct gdi_aggregate *rows; /* borrowed, settled */
	bool lz4;
	uint32_t chunk_rows;
	size_t at4, at6; /* rows done */
	struct gdi_columns *columns; /* of one chunk */
};

/* rows: settled, and left alone until gdi_pack_fini.  chunk_rows: at most
 * GDI_CHUNK_ROWS. */
void gdi_pack_init(struct gdi_pack *p, const struct gdi_aggregate *rows,
    uint32_t chunk_rows, bool lz4);
void gdi_pack_fini(struct gdi_pack *p);

/* One chunk of every column: 1 when there is more to do, 0 when all rows are
 * in `out`, -ENOMEM. */
int gdi_pack_step(struct gdi_pack *p, struct gdi_day_block *out);

#endif
