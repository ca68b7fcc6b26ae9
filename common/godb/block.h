/*
 * block - a chunk: up to GDI_CHUNK_ROWS values of one column, encoded, then
 * compressed where that helps, with a checksum; and back (FORMAT.md,
 * "Chunks").  The only user of lz4.
 */
#ifndef GODB_BLOCK_H
#define GODB_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/godb/encode.h"
#include "common/godb/internal.h"
#include "common/godb/schema.h"

enum gdi_method {
	GDI_STORED = 0,
	GDI_LZ4 = 1,
};

/* Chunks of so many rows that n rows take, and the most bytes a chunk of n
 * rows can have: what a reader need not believe beyond. */
size_t gdi_chunks(uint64_t n_rows, uint32_t chunk_rows);
uint64_t gdi_chunk_bytes_max(size_t n);

/* Appends n values of that shape as a chunk.  `dict` asks to try
 * dictionaries. */
void gdi_chunk_encode(const uint64_t *v, size_t n,
    const struct gdi_shape *shape, bool dict, bool compress,
    struct gdi_buf *out);
void gdi_chunk_encode_addr6(const struct godb_addr6 *v, size_t n, bool compress,
    struct gdi_buf *out);

struct gdi_chunk_memory {
	struct gdi_scratch scratch;
	uint8_t *plain; /* decompressed */
	size_t plain_cap;
};
void gdi_chunk_memory_free(struct gdi_chunk_memory *m);

/* A chunk as its column file has it, and what the index says of it. */
struct gdi_stored {
	const uint8_t *p; /* GDI_SLACK readable bytes behind its own */
	size_t len;
	uint64_t checksum;
	enum godb_column column;
	bool v6;
	size_t rows;
};

/*
 * Checks it against its checksum and decodes its values, each of
 * gdi_value_bytes(column, v6), to out.
 * 0, GODB_EDAMAGED, -ENOMEM; then out holds anything.
 */
int gdi_chunk_decode(struct gdi_chunk_memory *m, const struct gdi_stored *s,
    void *out);

/* The same of a few rows alone, laid down at their places (encode.h). */
int gdi_chunk_decode_some(struct gdi_chunk_memory *m,
    const struct gdi_stored *s, const struct gdi_sel *sel, void *out);

/* The same for the few large ones of a counter's values: sets bits as
 * gdi_decode_reaching64 does, and returns as it does. */
int gdi_chunk_reaching(struct gdi_chunk_memory *m, const struct gdi_stored *s,
    uint64_t least, uint64_t *set, size_t first);

/* The same for an address column's values alone: see gdi_distinct32. */
int gdi_chunk_distinct(struct gdi_chunk_memory *m, const struct gdi_stored *s,
    void *out, size_t *n_out);

#endif
