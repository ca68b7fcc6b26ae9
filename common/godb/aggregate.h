/*
 * aggregate - an open block in memory: rows summed by key.
 */
#ifndef GODB_AGGREGATE_H
#define GODB_AGGREGATE_H

#include "common/base/hash.h"
#include "common/godb/internal.h"

/* Rows as in a batch, but `l7` is a number of the registry. */
struct gdi_aggregate {
	struct gp_hash_key key;
	struct godb_row4 *rows4;
	struct godb_row6 *rows6;
	uint32_t *slots4, *slots6; /* row + 1; powers of two */
	uint32_t n4, n6, cap4, cap6, mask4, mask6;
};

int gdi_aggregate_init(struct gdi_aggregate *a);
void gdi_aggregate_free(struct gdi_aggregate *a);

/* Makes room for that many rows more: 0, -ENOMEM, GODB_EFULL.  After it the
 * same number of adds cannot fail. */
int gdi_aggregate_reserve(struct gdi_aggregate *a, size_t n4, size_t n6);
void gdi_aggregate_add4(struct gdi_aggregate *a, const struct godb_row4 *row,
    uint16_t l7);
void gdi_aggregate_add6(struct gdi_aggregate *a, const struct godb_row6 *row,
    uint16_t l7);

/* Sorts rows by (sip, dip, dport, proto, l7) in place; the table can be added
 * to afterwards.  0 or -ENOMEM. */
int gdi_aggregate_sort(struct gdi_aggregate *a);

#endif
