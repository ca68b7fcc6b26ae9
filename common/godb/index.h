/*
 * index - blocks.idx: one record commits a block in all columns.
 */
#ifndef GODB_INDEX_H
#define GODB_INDEX_H

#include "common/godb/block.h"
#include "common/godb/schema.h"

/* Sequence numbers of one ring that a record contains. */
struct gdi_range {
	uint64_t first, last; /* inclusive */
};
struct gdi_ring {
	uint8_t id[16];
	uint64_t last_pos;
	struct gdi_range *ranges; /* ascending, apart */
	size_t n_ranges, cap;
};
struct gdi_rings {
	struct gdi_ring *list;
	size_t n, cap;
};
/* Adds one number, which is beyond all of its ring so far.  0, -ENOMEM. */
int gdi_rings_add(struct gdi_rings *r, const uint8_t id[16], uint64_t seq,
    uint64_t pos);
/* Takes the last added number back. */
void gdi_rings_undo(struct gdi_rings *r, const uint8_t id[16], uint64_t seq);
bool gdi_rings_contain(const struct gdi_rings *r, const uint8_t id[16],
    uint64_t seq);
void gdi_rings_free(struct gdi_rings *r);

/* Chunks of one column and address version, one after the other. */
struct gdi_extent {
	uint64_t offset; /* in the column file */
	uint64_t bytes;
	struct gdi_chunk *chunks;
	uint32_t n_chunks;
};

struct gdi_record {
	uint8_t id[16];
	int64_t slot_s, first_ns, last_ns;
	uint32_t flags;
	uint32_t n4, n6;
	struct godb_counters counters;
	struct gdi_extent extents[GODB_N_COLUMNS][2]; /* [1]: IPv6 */
	struct gdi_rings rings;
	struct gdi_chunk *chunk_memory; /* behind the extents */
};
void gdi_record_free(struct gdi_record *r);

/* What of an index could not be read. */
struct gdi_gap {
	uint64_t offset, length;
	bool tail; /* nothing valid follows */
};

struct gdi_index {
	struct gdi_record *records; /* in file order */
	size_t n;
	struct gdi_gap *gaps;
	size_t n_gaps;
	uint64_t size;    /* of the file */
	uint64_t end;     /* behind the last valid record */
	uint64_t column_end[GODB_N_COLUMNS]; /* committed bytes */
	int column_map[GODB_N_COLUMNS]; /* our column's place here, or -1 */
	uint32_t n_columns;
};

/*
 * Reads DAY/blocks.idx.  A file that does not exist is -ENOENT; one whose
 * header is damaged GODB_EDAMAGED; of a newer major version GODB_ENEWER.
 * Damage behind the header makes gaps.
 */
int gdi_index_read(int day_fd, const char *iface, int64_t day_s,
    struct gdi_index *out);
void gdi_index_free(struct gdi_index *x);

/* Bytes of a new file's header, and of a record; out->failed on no memory. */
void gdi_index_header(const char *iface, int64_t day_s, struct gdi_buf *out);
void gdi_record_write(const struct gdi_record *r, struct gdi_buf *out);

#define GDI_COLUMN_HEADER 16
void gdi_column_header(uint8_t out[GDI_COLUMN_HEADER]);

#endif
