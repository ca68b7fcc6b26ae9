/*
 * rowbinary - ClickHouse's RowBinary format, and values in its SQL.
 *
 * Integers little-endian, strings behind their length as LEB128, FixedString
 * as its bytes (https://clickhouse.com/docs/en/interfaces/formats#rowbinary).
 */
#ifndef EXPORT_ROWBINARY_H
#define EXPORT_ROWBINARY_H

#include <stddef.h>
#include <stdint.h>

#include "common/godb/godb.h"

#define ROWBINARY_STRING_MAX 255 /* longer texts are cut */

/* Each writes at `p`, where there must be room, and returns what follows. */
uint8_t *rowbinary_u8(uint8_t *p, uint8_t value);
uint8_t *rowbinary_u16(uint8_t *p, uint16_t value);
uint8_t *rowbinary_u32(uint8_t *p, uint32_t value);
uint8_t *rowbinary_u64(uint8_t *p, uint64_t value);
uint8_t *rowbinary_bytes(uint8_t *p, const void *data, size_t len);
uint8_t *rowbinary_string(uint8_t *p, const char *text);
/* FixedString(16): IPv4 as ::ffff:a.b.c.d */
uint8_t *rowbinary_addr4(uint8_t *p, uint32_t addr);
uint8_t *rowbinary_addr6(uint8_t *p, const struct godb_addr6 *addr);

/* 'text' as a literal: quoted, every byte that could end it escaped.  Returns
 * the length; cut (and still closed) when `size` is too small. */
size_t rowbinary_literal(char *to, size_t size, const char *text);

/* 32 hexadecimal digits and NUL; back again: 0 or -1. */
void rowbinary_hex(char to[33], const uint8_t id[16]);
int rowbinary_unhex(uint8_t id[16], const char *text, size_t len);

#endif
