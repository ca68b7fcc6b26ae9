/*
 * schema - the columns: name, file, kind of value (FORMAT.md, "Columns").
 */
#ifndef GODB_SCHEMA_H
#define GODB_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

#include "common/godb/godb.h"

enum gdi_column_kind {
	GDI_ADDR, /* 32-bit value for IPv4 rows, 2 x 64 for IPv6 rows */
	GDI_U8,
	GDI_U16,
	GDI_U64,
};

struct gdi_column {
	const char *name; /* in index records */
	const char *file; /* in the day's folder */
	enum gdi_column_kind kind;
};

extern const struct gdi_column gdi_columns[GODB_N_COLUMNS];

#define GDI_COL_COUNTERS                                         \
	(GODB_COL(GODB_BYTES_RCVD) | GODB_COL(GODB_BYTES_SENT) | \
	    GODB_COL(GODB_PKTS_RCVD) | GODB_COL(GODB_PKTS_SENT))

/* Bytes of a decoded value. */
size_t gdi_value_bytes(enum godb_column c, bool v6);

#endif
