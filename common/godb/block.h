/*
 * block - a chunk of a column: encode, compress, checksum, and back.
 */
#ifndef GODB_BLOCK_H
#define GODB_BLOCK_H

#include "common/godb/encode.h"

/* As an index record describes it (FORMAT.md, "Chunks"). */
struct gdi_chunk {
	uint32_t rows;    /* 1 to GDI_CHUNK_ROWS */
	uint32_t stored;  /* bytes in the column file */
	uint32_t encoded; /* bytes of the stream; equal to stored: no lz4 */
	uint64_t checksum; /* of the stored bytes */
};
#define GDI_CHUNK_DISK 24 /* bytes of one in a record, 4 of them zero */

/* What a stream of this many rows takes at the very most. */
size_t gdi_chunk_bound(uint32_t rows);

struct gdi_packer {
	struct gdi_scratch scratch;
	struct gdi_buf stream;
	enum godb_compression compression;
};
int gdi_packer_init(struct gdi_packer *p, enum godb_compression compression);
void gdi_packer_free(struct gdi_packer *p);

/* Appends the stored bytes of n values to out and describes them; exactly one
 * of values and addresses is given.  0 or -ENOMEM. */
int gdi_chunk_pack(struct gdi_packer *p, const uint64_t *values,
    const struct godb_addr6 *addresses, size_t n, struct gdi_buf *out,
    struct gdi_chunk *chunk);

struct gdi_unpacker {
	struct gdi_scratch scratch;
	struct gdi_buf stream;
};
int gdi_unpacker_init(struct gdi_unpacker *u);
void gdi_unpacker_free(struct gdi_unpacker *u);

/* The opposite, from stored bytes; 0, GODB_EDAMAGED, -ENOMEM. */
int gdi_chunk_unpack(struct gdi_unpacker *u, const uint8_t *stored,
    const struct gdi_chunk *chunk, uint64_t *values,
    struct godb_addr6 *addresses);

#endif
