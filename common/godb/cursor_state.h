/*
 * cursor_state - what the files of a cursor share.
 *
 *   cursor.c         loading of columns
 *   cursor_places.c  stored parts: their files, and where a piece's chunks lie
 *   cursor_large.c   rows of a piece whose counters may be large
 *   cursor_live.c    rows of parts that are in a journal
 */
#ifndef GODB_CURSOR_STATE_H
#define GODB_CURSOR_STATE_H

#include "common/godb/block.h"
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

/* Room for so many bytes, never none; what was there is lost where it has to
 * grow.  NULL: there is none. */
void *gdi_values_reserve(struct gdi_values *v, size_t bytes);
/* Arrays for so many rows of all columns.  0 or -ENOMEM. */
int gdi_cursor_reserve(struct godb_cursor *c, uint32_t columns, uint32_t n4,
    uint32_t n6);

/* ---- cursor_places.c */

/* A part of the scan, or a roll-up. */
const struct gdi_scan_part *gdi_cursor_part(const struct godb_cursor *c,
    size_t i);
/* How many rows of each version a piece has; 0 of one that is not wanted. */
void gdi_piece_rows(const struct godb_part *part, uint32_t piece, bool want4,
    bool want6, uint32_t n[2]);

/* The folder and files of a part's day: errors as of godb_cursor_load. */
int gdi_cursor_open_day(struct godb_cursor *c, const struct gdi_scan_part *p);
int gdi_cursor_open_column(struct godb_cursor *c,
    const struct gdi_scan_part *p, enum godb_column column,
    struct gdi_column_file **out);
void gdi_cursor_close_day(struct godb_cursor *c);
const char *gdi_cursor_file_name(const struct gdi_scan_part *p,
    enum godb_column column);

/* Bytes of a column file; *out is good until the next call for it. */
int gdi_cursor_fetch(struct godb_cursor *c, struct gdi_column_file *f,
    uint64_t at, size_t len, const uint8_t **out);
/* A chunk of a column, for block.h. */
int gdi_cursor_fetch_chunk(struct godb_cursor *c, struct gdi_column_file *f,
    enum godb_column column, const struct gdi_chunk *k,
    struct gdi_stored *out);

/* Where the piece's chunks of these columns lie, to c->place. */
int gdi_cursor_find_places(struct godb_cursor *c, size_t i, uint32_t piece,
    uint32_t columns);

/* ---- cursor_live.c */

/* The batches that the scan noted; that they are still what they were the
 * checksums say.  Summed rows are fewer: n4 and n6 are set to how many.
 * Of an error *place is where. */
int gdi_cursor_load_live(struct godb_cursor *c, const struct gdi_scan_part *p,
    uint32_t columns, uint32_t *n4, uint32_t *n6, uint64_t *place);

#endif
