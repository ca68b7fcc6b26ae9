/*
 * schema - columns: id, name, width in memory.
 */
#ifndef GODB_SCHEMA_H
#define GODB_SCHEMA_H

#include "common/godb/internal.h"

#define GDI_N_ATTRIBUTES 5 /* the columns before the counters */
#define GDI_COLUMN_NAME  16 /* bytes of a name in an index, NUL-padded */

struct gdi_column {
	const char *name; /* file is NAME.gpf */
	uint8_t bits4, bits6; /* of a value of an IPv4 and an IPv6 row */
};

extern const struct gdi_column gdi_columns[GODB_N_COLUMNS];

/* Column of this name, or -1. */
int gdi_column_find(const char *name, size_t len);

#endif
