/*
 * rings - which (ring, sequence number) pairs are in the store: ranges of
 * numbers for each ring.  What makes replay count each batch exactly once.
 */
#ifndef GODB_RINGS_H
#define GODB_RINGS_H

#include "common/godb/internal.h"

struct gdi_range {
	uint64_t first, last; /* inclusive */
};

struct gdi_ring {
	uint8_t id[16];
	uint64_t last_pos;        /* ring_pos of the highest number */
	struct gdi_range *ranges; /* ascending, apart by at least one */
	size_t n, cap;
};

struct gdi_rings {
	struct gdi_ring *list;
	size_t n, cap;
	size_t n_ranges; /* of all */
};

/* NULL when the ring is not there. */
const struct gdi_ring *gdi_rings_find(const struct gdi_rings *r,
    const uint8_t id[16]);
bool gdi_rings_contain(const struct gdi_rings *r, const uint8_t id[16],
    uint64_t seq);

/* Whether both have a (ring, number) in common. */
bool gdi_rings_meet(const struct gdi_rings *a, const struct gdi_rings *b);

/* Makes the next add of this ring certain to succeed: 0, -ENOMEM. */
int gdi_rings_reserve(struct gdi_rings *r, const uint8_t id[16]);
/* Adds the numbers first..last (nothing where they are there): 0, -ENOMEM. */
int gdi_rings_add(struct gdi_rings *r, const uint8_t id[16], uint64_t first,
    uint64_t last, uint64_t pos);

/* The content of an index record's RINGS section, and back into r, which may
 * hold some already: 0, GODB_EDAMAGED, -ENOMEM. */
void gdi_rings_write(const struct gdi_rings *r, struct gdi_buf *out);
int gdi_rings_read(struct gdi_rings *r, struct gdi_in in);

void gdi_rings_free(struct gdi_rings *r);

#endif
