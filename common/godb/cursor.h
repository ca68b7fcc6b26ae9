/*
 * cursor - what cursors do beyond godb.h.
 */
#ifndef GODB_CURSOR_H
#define GODB_CURSOR_H

#include "common/godb/encode.h"
#include "common/godb/godb.h"

/*
 * A part is read in pieces, so that a block of millions of rows needs the
 * memory and the cache of some ten thousand, and threads can share it.  A
 * stored part of at most a chunk's rows of each version is one piece, a live
 * one always is; a larger one has a piece for each chunk, those of IPv4
 * first.
 */
uint32_t gdi_part_pieces(const struct godb_part *part);
/* Whether a piece has rows of a version. */
bool gdi_piece_has(const struct godb_part *part, uint32_t piece, bool v6);

/* Which rows of the scan. */
struct gdi_slice {
	size_t part;
	uint32_t piece; /* or GDI_ALL_PIECES */
	bool v4, v6;    /* those of which versions */
};
#define GDI_ALL_PIECES UINT32_MAX

/* As godb_cursor_load, for the slice's rows. */
int gdi_cursor_load_slice(struct godb_cursor *c, const struct gdi_slice *s,
    uint32_t columns, struct godb_columns *out, struct godb_fault *fault);

/*
 * The same, of some rows of one piece alone, whose numbers ascend: as they
 * stand in a load of the slice.  Arrays hold these at their places and anything
 * at the others.  What has none of the rows is not read.
 */
int gdi_cursor_load_some(struct godb_cursor *c, const struct gdi_slice *s,
    uint32_t columns, const struct gdi_sel *sel, struct godb_columns *out,
    struct godb_fault *fault);

/* Between which values a piece's rows of one version are; of IPv6 addresses
 * their high halves are. */
struct gdi_zone {
	bool known; /* false: anything may be there */
	uint64_t min, max;
};
/* Those of `columns`; the others are unknown. */
void gdi_cursor_zones(struct godb_cursor *c, size_t i, uint32_t piece,
    uint32_t columns, bool v6, struct gdi_zone out[GODB_N_COLUMNS]);

/*
 * Rows of one piece that may have `least` or more in one of `columns`, which
 * are counters: as they stand in a load of the slice, ascending, borrowed until
 * the next call on this cursor.  1: these are many, or what
 * tells it apart from all others is not there; loading the piece will say what
 * is wrong with it.  0, -ENOMEM.
 */
struct gdi_reaching {
	const uint32_t *row;
	size_t n, of; /* that many rows */
};
int gdi_cursor_reaching(struct godb_cursor *c, const struct gdi_slice *s,
    uint32_t columns, uint64_t least, struct gdi_reaching *out);

/* Sums over all rows of a part, where they are known without reading them. */
bool gdi_cursor_sums(const struct godb_cursor *c, size_t i, uint64_t sums[4]);

/*
 * Rows of live parts come summed by key and sorted from now on, as those of
 * blocks do, at the price of a sort for each load: for questions that look at
 * a row's counters, or count rows.
 */
void gdi_cursor_sum_live(struct godb_cursor *c);

/*
 * Roll-ups that this cursor also loads: part number n_parts of the scan and
 * those behind it.  Borrowed until the cursor is freed or told of others.
 */
struct gdi_scan_part;
void gdi_cursor_rolled(struct godb_cursor *c,
    const struct gdi_scan_part *rolled, size_t n);

/*
 * For cursors that each go through one roll-up, side by side: the file of that
 * is the caller's, and so is a cursor whose memory for decoding this one uses
 * as its own.  Both borrowed until it is freed.
 */
void gdi_cursor_lend(struct godb_cursor *c, int rolled_fd,
    struct godb_cursor *memory);
/* Opens such a file: a descriptor, or an error as of godb_cursor_load. */
int gdi_cursor_open_rolled(struct godb_cursor *c, size_t i);

/*
 * Addresses that a slice has in column sip or dip, each at least once and in no
 * order; borrowed until the next call on this cursor.  There may be some that
 * no row has (encode.h, gdi_distinct32): who finds one looks at the rows.
 * Returns as godb_cursor_load does.
 */
struct gdi_addresses {
	const uint32_t *v4;
	const struct godb_addr6 *v6;
	size_t n4, n6;
};
int gdi_cursor_addresses(struct godb_cursor *c, const struct gdi_slice *s,
    enum godb_column column, struct gdi_addresses *out,
    struct godb_fault *fault);

#endif
