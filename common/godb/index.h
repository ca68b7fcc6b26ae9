/*
 * index - blocks.idx: one record commits a block in all columns (FORMAT.md,
 * "Index"); rollups.idx is made of the same records.
 *
 * A record is kept as the bytes of the file; what a part of the program needs
 * of it is parsed when it is needed, with the same checks each time.  Who has
 * many and needs few forgets the bytes, and reads those of a record again.
 */
#ifndef GODB_INDEX_H
#define GODB_INDEX_H

#include "common/godb/block.h"
#include "common/godb/internal.h"
#include "common/godb/rings.h"
#include "common/godb/schema.h"

struct gdi_record {
	uint8_t id[16];
	int64_t slot_s, first_ns, last_ns;
	uint32_t flags;
	uint32_t n4, n6;
	uint32_t chunk_rows;   /* rows of a chunk, but for the last ones */
	uint64_t stored_bytes; /* of all columns */
	struct godb_counters counters;
	bool has_sums;    /* records of other writers may lack them */
	uint64_t sums[4]; /* of the rows' counters, in the columns' order */
	struct gdi_in columns, rings; /* sections, in the index's bytes */
	struct gdi_in rollup;         /* p NULL: this is no roll-up */
	uint64_t offset;              /* in the file */
	uint32_t bytes;               /* there */
};

/* Bytes of an index that hold no valid record. */
struct gdi_gap {
	uint64_t offset, length;
	int64_t slot_s; /* of the record that was there, -1: unknown */
	bool tail;      /* nothing valid follows */
	bool short_tail; /* and it may be what a killed writer left: less than
			  * a record's head, or zeroes */
	bool cut;    /* the record goes on behind the end: so may others */
	uint64_t cut_end; /* where readers go on behind it once there is
			   * more, for its head holds */
	uint32_t flags;   /* as its head says, if that holds ... */
	uint64_t stored_bytes; /* ... likewise */
	int rc;         /* GODB_EDAMAGED, GODB_ENEWER */
};

struct gdi_index {
	uint8_t *data;
	uint64_t size;
	struct gdi_record *records; /* in file order */
	size_t n;
	struct gdi_gap *gaps;
	size_t n_gaps;
	uint64_t end; /* behind the last valid record */
	bool header_damaged; /* records are found without it */
};

/*
 * Reads DAY/blocks.idx.  -ENOENT; GODB_ENEWER for a newer major version;
 * GODB_EDAMAGED for what is no file or too large; -ENOMEM; -errno.  Damage
 * within becomes gaps.
 */
int gdi_index_read(int day_fd, int64_t day_s, struct gdi_index *out);
/* The same from memory, which is taken (malloc). */
int gdi_index_parse(uint8_t *data, size_t len, int64_t day_s,
    struct gdi_index *out);
/* Both, of another file of such records, whose header has that magic. */
int gdi_index_parse_as(const char magic[8], uint8_t *data, size_t len,
    int64_t day_s, struct gdi_index *out);
int gdi_index_read_as(int day_fd, const char *name, const char magic[8],
    int64_t day_s, struct gdi_index *out);
/* Whether opening a day or reading its index failed because it is not there, is
 * none of ours or has damage, of which readers tell.  Whatever else keeps it
 * from being read may be over the next time. */
bool gdi_index_is_none(int rc);
/* gdi_index_read of an interface's day, by its name: 1, or 0 where there is
 * none in that sense, and else the error. */
int gdi_index_read_named(int iface_fd, const char *day, struct gdi_index *out);
/* Whether the gap may be a commit that is under way or was cut off, which it
 * is as long as a journal vouches for it (evidence.h). */
bool gdi_gap_may_be_torn(const struct gdi_gap *g);
void gdi_index_free(struct gdi_index *x);

/* Frees the bytes: data, and p of the records' sections, are NULL then. */
void gdi_index_forget(struct gdi_index *x);
/* The columns of a record, in r->bytes bytes that were read again at its
 * offset.  GODB_EDAMAGED: they are not that record. */
int gdi_record_again(const struct gdi_record *r, int64_t day_s,
    const uint8_t *bytes, struct gdi_in *columns);

/*
 * Goes through the heads of an index that is known to be whole, without taking
 * it apart: *at 0 first.  1: a record's is in *out; 0: there is none any more;
 * GODB_EDAMAGED.
 */
struct gdi_record_head {
	int64_t slot_s;
	uint64_t offset;
	const uint8_t *id; /* in the index's bytes */
	bool has_rows;
};
int gdi_index_head(const uint8_t *data, size_t len, size_t *at,
    struct gdi_record_head *out);

/* Sums of the rows' counters; where the record has none, what the accounting
 * says of received and sent together, as if it all was received. */
void gdi_record_sums(const struct gdi_record *r, uint64_t out[4]);

/* ---- a record's columns -------------------------------------------------- */

struct gdi_chunk {
	uint64_t offset; /* in the column file */
	uint32_t stored; /* bytes */
	uint32_t rows;
	uint64_t checksum;
	uint64_t min, max; /* of the values; of IPv6 addresses the high half */
	bool v6;
};

/* Iterates over a column's chunks: IPv4's, then IPv6's. */
struct gdi_extent {
	struct gdi_in in;
	uint64_t offset;
	uint32_t chunk_rows;
	uint32_t left4, left6; /* rows */
	uint64_t stored_max;   /* what may still come */
};

/* 0; GODB_EDAMAGED when the record does not have the column. */
int gdi_extent_open(const struct gdi_record *r, enum godb_column c,
    struct gdi_extent *out);
/* The same for each of `columns` (GODB_COL bits) in one go, from the record's
 * section of columns. */
int gdi_extents_open(const struct gdi_record *r, struct gdi_in section,
    uint32_t columns, struct gdi_extent out[GODB_N_COLUMNS]);
/* 1 and a chunk, 0 behind the last, GODB_EDAMAGED. */
int gdi_extent_next(struct gdi_extent *e, struct gdi_chunk *out);

/* ---- writing ------------------------------------------------------------- */

void gdi_index_header(const char *iface, int64_t day_s,
    uint8_t out[GDI_HEADER_BYTES]);

/* A column's part of the COLUMNS section is its begin and a chunk each. */
void gdi_extent_begin(struct gdi_buf *out, uint64_t offset);
void gdi_extent_add(struct gdi_buf *out, const struct gdi_chunk *c);

/* Appends a whole record; r->columns, r->rings and r->has_sums are not looked
 * at, r->rollup is copied if it is there. */
void gdi_record_write(const struct gdi_record *r,
    const struct gdi_buf columns[GODB_N_COLUMNS],
    const struct gdi_rings *rings, struct gdi_buf *out);

#endif
