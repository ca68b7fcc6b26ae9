/*
 * internal.h - what libgodb's files share: limits, byte order, folder names.
 *
 * Internal functions are gdi_*; the shared library exports none of them.
 * FORMAT.md describes every byte; the names here are the ones used there.
 */
#ifndef GODB_INTERNAL_H
#define GODB_INTERNAL_H

#include <assert.h>
#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/godb/godb_write.h"

/* Names of more than 15 bytes cannot be an interface's (IFNAMSIZ). */
#define GDI_MARKER   "goDB-store.format"
#define GDI_LOCK     "goDB-writer.lock"
#define GDI_REGISTRY "goDB-l7proto.names"
#define GDI_JOURNALS "journal"
#define GDI_INDEX    "blocks.idx"

#define GDI_CHUNK_ROWS   65536u      /* of a column, at most */
#define GDI_RECORD_ROWS  (1u << 26)  /* of an index record, each version */
#define GDI_RECORD_BYTES (1u << 26)  /* index record */
#define GDI_INDEX_BYTES  (1u << 30)  /* blocks.idx */
#define GDI_BATCH_BYTES  (1u << 28)  /* journal record */
#define GDI_BATCH_NAMES  4096u
#define GDI_L7_MAX       65535u      /* names in the registry */
#define GDI_REGISTRY_BYTES (16u << 20)

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "rows are written as they lie in memory");

static inline uint64_t
gdi_get64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

static inline uint32_t
gdi_get32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

static inline uint16_t
gdi_get16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, 2);
	return v;
}

static inline void
gdi_put64(void *p, uint64_t v)
{
	memcpy(p, &v, 8);
}

static inline void
gdi_put32(void *p, uint32_t v)
{
	memcpy(p, &v, 4);
}

static inline void
gdi_put16(void *p, uint16_t v)
{
	memcpy(p, &v, 2);
}

/* XXH3-64 with seed 0, of everything that is checked in a store. */
uint64_t gdi_checksum(const void *data, size_t len);

/* The same of data whose 8 bytes at `hole` count as zero. */
uint64_t gdi_checksum_but(const void *data, size_t len, size_t hole);

/* Growing byte buffer; on failure `failed` stays set and puts do nothing. */
struct gdi_buf {
	uint8_t *data;
	size_t len, cap;
	bool failed;
};
/* Room for len more bytes at the end, counted as used; NULL on failure. */
uint8_t *gdi_buf_add(struct gdi_buf *b, size_t len);
void gdi_buf_put(struct gdi_buf *b, const void *data, size_t len);
void gdi_buf_free(struct gdi_buf *b);

#endif
