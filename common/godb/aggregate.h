/*
 * aggregate - an open block in memory: rows summed by key.
 *
 * The keys come from the network, so the hash is keyed and the sort's time
 * does not depend on them.
 */
#ifndef GODB_AGGREGATE_H
#define GODB_AGGREGATE_H

#include "common/base/hash.h"
#include "common/godb/internal.h"
#include "common/godb/sort.h"

/* Open addressing over dense rows; both address versions work alike. */
struct gdi_table {
	uint64_t *slots; /* upper half: of the hash, lower: row + 1 */
	uint32_t mask;   /* slots - 1 */
	uint32_t n, cap; /* rows */
};

struct gdi_aggregate {
	struct gp_hash_key key;
	struct gdi_table t4, t6;
	struct godb_row4 *rows4; /* as in a batch, `l7` a registry's id */
	struct godb_row6 *rows6;
};

int gdi_aggregate_init(struct gdi_aggregate *a);
void gdi_aggregate_free(struct gdi_aggregate *a);

/* Room for that many rows more: 0, -ENOMEM, GODB_EFULL.  After it the same
 * number of adds cannot fail. */
int gdi_aggregate_reserve(struct gdi_aggregate *a, size_t n4, size_t n6);

/* Adds rows; map turns their l7 into ids. */
void gdi_aggregate_add4(struct gdi_aggregate *a, const struct godb_row4 *rows,
    size_t n, const uint16_t *map);
void gdi_aggregate_add6(struct gdi_aggregate *a, const struct godb_row6 *rows,
    size_t n, const uint16_t *map);

/*
 * The rows' keys in the order (sip, dip, dport, proto, l7), each with its
 * row's place; the rows stay where they are.  Owned by the caller (free);
 * NULL when there are none.  0 or -ENOMEM.
 */
int gdi_aggregate_order4(const struct gdi_aggregate *a, struct gdi_key2 **out);
int gdi_aggregate_order6(const struct gdi_aggregate *a, struct gdi_key5 **out);

/* Sums of all rows' counters. */
void gdi_aggregate_sums(const struct gdi_aggregate *a, uint64_t out[4]);

/* The last word of a key: dport, proto, l7. */
#define GDI_KEY_DPORT(w) ((uint16_t)((w) >> 24))
#define GDI_KEY_PROTO(w) ((uint8_t)((w) >> 16))
#define GDI_KEY_L7(w)    ((uint16_t)(w))

#endif
