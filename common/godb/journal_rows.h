/*
 * journal_rows - rows of a journal's record: without pads, and each counter in
 * as many bytes as the largest of the record needs (FORMAT.md, "Journals").
 */
#ifndef GODB_JOURNAL_ROWS_H
#define GODB_JOURNAL_ROWS_H

#include "common/godb/internal.h"

enum {
	GDI_ROW_COUNTERS = 4,
	/* What packing writes and unpacking reads behind the last row. */
	GDI_ROWS_SLACK = 8,
};

/* Bytes, 0 to 8, of each counter of a batch's rows. */
void gdi_row_widths(const struct godb_batch *b,
    uint8_t widths[GDI_ROW_COUNTERS]);

/* What so many rows take; at most 2^32 of each. */
uint64_t gdi_rows_bytes(const uint8_t widths[GDI_ROW_COUNTERS], uint64_t n4,
    uint64_t n6);

/* The rows of a batch to gdi_rows_bytes() and GDI_ROWS_SLACK more. */
void gdi_rows_pack(const struct godb_batch *b,
    const uint8_t widths[GDI_ROW_COUNTERS], uint8_t *to);
/* And back, the pads zero. */
void gdi_rows_unpack(const uint8_t *from,
    const uint8_t widths[GDI_ROW_COUNTERS], struct godb_row4 *rows4, size_t n4,
    struct godb_row6 *rows6, size_t n6);

#endif
