/*
 * wire - bytes of the format to numbers and back: little-endian integers,
 * LEB128, a growing buffer, a bounded cursor over hostile input.
 */
#ifndef GODB_WIRE_H
#define GODB_WIRE_H

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The format is little-endian and whole arrays are copied as they lie. */
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "libgodb is written for little-endian machines");

static inline unsigned
gdi_bit_length(uint64_t v)
{
	return v == 0 ? 0 : 64 - (unsigned)__builtin_clzll(v);
}

static inline uint16_t
gdi_get16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t
gdi_get32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t
gdi_get64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void
gdi_put16(void *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void
gdi_put32(void *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void
gdi_put64(void *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

/* For large arrays of hot functions that are filled before they are read: the
 * build zeroes all others (-ftrivial-auto-var-init). */
#if defined(__has_attribute)
#if __has_attribute(uninitialized)
#define GDI_UNINITIALISED __attribute__((uninitialized))
#endif
#endif
#ifndef GDI_UNINITIALISED
#define GDI_UNINITIALISED
#endif

/* ---- growing buffer ---------------------------------------------------- */

/* Zero-initialised is empty.  A failed allocation stays in `rc` and makes
 * everything after it a no-op, so that only the end needs a check. */
struct gdi_buf {
	uint8_t *p;
	size_t len, cap;
	int rc;
};

/* Room for n more bytes behind len; NULL when there is none. */
static inline uint8_t *
gdi_buf_room(struct gdi_buf *b, size_t n)
{
	size_t cap = b->cap;
	uint8_t *p;

	if (b->rc < 0)
		return NULL;
	if (n <= cap - b->len)
		return b->p + b->len;
	if (n > SIZE_MAX / 4 || b->len > SIZE_MAX / 4) {
		b->rc = -ENOMEM;
		return NULL;
	}
	if (cap < 256)
		cap = 256;
	while (cap < b->len + n)
		cap *= 2;
	p = realloc(b->p, cap);
	if (p == NULL) {
		b->rc = -ENOMEM;
		return NULL;
	}
	b->p = p;
	b->cap = cap;
	return p + b->len;
}

static inline void
gdi_buf_bytes(struct gdi_buf *b, const void *data, size_t n)
{
	uint8_t *p = gdi_buf_room(b, n);

	if (p == NULL || n == 0)
		return;
	memcpy(p, data, n);
	b->len += n;
}

static inline void
gdi_buf_u8(struct gdi_buf *b, uint8_t v)
{
	gdi_buf_bytes(b, &v, 1);
}

static inline void
gdi_buf_u32(struct gdi_buf *b, uint32_t v)
{
	gdi_buf_bytes(b, &v, sizeof(v));
}

static inline void
gdi_buf_u64(struct gdi_buf *b, uint64_t v)
{
	gdi_buf_bytes(b, &v, sizeof(v));
}

/* Unsigned LEB128: 7 bits a byte, low ones first. */
static inline void
gdi_buf_varint(struct gdi_buf *b, uint64_t v)
{
	uint8_t *p = gdi_buf_room(b, 10);

	if (p == NULL)
		return;
	while (v >= 0x80) {
		*p++ = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	b->len = (size_t)(p - b->p);
}

static inline void
gdi_buf_free(struct gdi_buf *b)
{
	free(b->p);
	*b = (struct gdi_buf){0};
}

/* ---- bounded input ----------------------------------------------------- */

/* Reading past the end or a malformed number sets `bad` and yields zeroes. */
struct gdi_in {
	const uint8_t *p, *end;
	bool bad;
};

static inline size_t
gdi_in_left(const struct gdi_in *in)
{
	return (size_t)(in->end - in->p);
}

/* The next n bytes, or NULL. */
static inline const uint8_t *
gdi_in_bytes(struct gdi_in *in, size_t n)
{
	const uint8_t *p = in->p;

	if (in->bad || n > gdi_in_left(in)) {
		in->bad = true;
		return NULL;
	}
	in->p += n;
	return p;
}

static inline uint8_t
gdi_in_u8(struct gdi_in *in)
{
	const uint8_t *p = gdi_in_bytes(in, 1);

	return p ? *p : 0;
}

static inline uint32_t
gdi_in_u32(struct gdi_in *in)
{
	const uint8_t *p = gdi_in_bytes(in, 4);

	return p ? gdi_get32(p) : 0;
}

static inline uint64_t
gdi_in_u64(struct gdi_in *in)
{
	const uint8_t *p = gdi_in_bytes(in, 8);

	return p ? gdi_get64(p) : 0;
}

static inline uint64_t
gdi_in_varint(struct gdi_in *in)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = gdi_in_u8(in);

		if (shift == 63 && byte > 1)
			break;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return in->bad ? 0 : v;
	}
	in->bad = true;
	return 0;
}

#endif
