/*
 * encode - a column's values as few bytes, before lz4 sees them.
 *
 * A stream holds n unsigned values of up to 64 bits; n is known from outside.
 * FORMAT.md, "Streams", has the layouts.  Streams nest (a dictionary holds a
 * stream of values and one of codes) to a depth of GDI_STREAM_DEPTH.
 *
 * Numbers are kept in planes: first the lowest byte of every value, then the
 * second ...  High planes are nearly all zero, which lz4 takes away, and a
 * plane is put in place by loops that compilers vectorise.
 */
#ifndef GODB_ENCODE_H
#define GODB_ENCODE_H

#include "common/godb/internal.h"

#define GDI_STREAM_DEPTH 3

enum gdi_encoding {
	GDI_CONST = 1, /* one value */
	GDI_FOR = 2,   /* base and planes, exceptions */
	GDI_DELTA = 3, /* differences of values that do not fall */
	GDI_RLE = 4,   /* runs */
	GDI_DICT = 5,  /* distinct values and codes */
	GDI_ADDR6 = 6, /* distinct 128-bit addresses and codes */
};

/* Working memory of an encoder or decoder: one owner. */
struct gdi_scratch {
	uint64_t *tmp[GDI_STREAM_DEPTH * 3]; /* GDI_CHUNK_ROWS each */
	uint32_t *slots;                     /* distinct values */
};
int gdi_scratch_init(struct gdi_scratch *s); /* 0, -ENOMEM */
void gdi_scratch_free(struct gdi_scratch *s);

/* Appends the smallest stream found for n values, 1 <= n <=
 * GDI_CHUNK_ROWS; check out->failed afterwards. */
void gdi_encode(struct gdi_scratch *s, const uint64_t *values, size_t n,
    struct gdi_buf *out);
void gdi_encode_addr6(struct gdi_scratch *s, const struct godb_addr6 *values,
    size_t n, struct gdi_buf *out);

/*
 * Decodes exactly len bytes into n values.  0, or GODB_EDAMAGED for anything
 * that is not such a stream; then the output is undefined, but nothing beyond
 * it was touched.
 */
int gdi_decode(struct gdi_scratch *s, const uint8_t *data, size_t len,
    uint64_t *values, size_t n);
int gdi_decode_addr6(struct gdi_scratch *s, const uint8_t *data, size_t len,
    struct godb_addr6 *values, size_t n);

#endif
