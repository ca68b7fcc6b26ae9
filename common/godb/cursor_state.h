/*
 * cursor_state - what the files of a cursor share.
 *
 *   cursor.c       columns of stored parts; loading
 *   cursor_live.c  rows of parts that are in a journal
 */
#ifndef GODB_CURSOR_STATE_H
#define GODB_CURSOR_STATE_H

#include "common/godb/cursor.h"
#include "common/godb/scan.h"

struct gdi_column_file {
	int fd;
	bool shared; /* a column's chunks are few, and other ones' behind */
	uint64_t at; /* of the bytes in buf */
	size_t len;
	struct gdi_buf buf;
};

struct gdi_values {
	void *p;
	size_t cap; /* bytes */
};

/* Where a column's chunks of a piece lie: IPv4's, IPv6's. */
struct gdi_place {
	bool has[2];
	struct gdi_chunk chunk[2];
};

struct godb_cursor {
	const struct godb_scan *scan;
	/* whose files are open */
	uint32_t iface;
	const struct gdi_scan_day *day;
	int day_fd;
	struct gdi_column_file files[GODB_N_COLUMNS];
	struct gdi_column_file index; /* where the scan forgot its bytes */
	struct gdi_column_file rolled_files[GODB_N_COLUMNS]; /* one, in fact */
	const struct gdi_scan_part *rolled;
	size_t n_rolled;
	int rolled_fd; /* of all rolled_files */
	bool lent;     /* and not ours */
	struct gdi_chunk_memory own_memory, *memory;
	struct gdi_values v4[GODB_N_COLUMNS]; /* all rows, if no address */
	struct gdi_values v6[GODB_N_COLUMNS]; /* addresses */
	struct gdi_values sel6; /* which IPv6 rows, counted from their first */
	struct gdi_values set, in_set; /* rows: bits, numbers */
	/* the piece whose places are known, and of which columns */
	size_t part;
	uint32_t piece, known;
	struct gdi_place place[GODB_N_COLUMNS];
	/* where the next piece's are */
	struct gdi_extent extent[GODB_N_COLUMNS];
	uint64_t bytes_read, bytes_decoded;
	bool sum_live;
};

/* Arrays for so many rows of all columns.  0 or -ENOMEM. */
int gdi_cursor_reserve(struct godb_cursor *c, uint32_t columns, uint32_t n4,
    uint32_t n6);

/* ---- cursor_live.c */

/* The batches that the scan noted; that they are still what they were the
 * checksums say.  Summed rows are fewer: n4 and n6 are set to how many.
 * Of an error *place is where. */
int gdi_cursor_load_live(struct godb_cursor *c, const struct gdi_scan_part *p,
    uint32_t columns, uint32_t *n4, uint32_t *n6, uint64_t *place);

#endif
