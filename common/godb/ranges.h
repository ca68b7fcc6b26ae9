/*
 * ranges - the values of an address column, in stretches that come to about as
 * many rows each.
 *
 * Values are numbers: IPv4 addresses, or the high halves of IPv6 addresses, as
 * in the zones of chunks.
 */
#ifndef GODB_RANGES_H
#define GODB_RANGES_H

#include <stddef.h>
#include <stdint.h>

#define GDI_RANGES_MOST 256u

struct gdi_ranges {
	unsigned n;                      /* 1 at least */
	uint64_t first[GDI_RANGES_MOST]; /* of each; ascending, 0 first */
};

/* Rows that begin with a value, and go on to the next one's. */
struct gdi_range_rows {
	uint64_t first, rows;
};

/* Ranges of about `each` rows, more when they would be too many; rows is put
 * in order.  They begin with values that have none but bits of the mask, so
 * that no network of that length is parted. */
void gdi_ranges_make(struct gdi_range_rows *rows, size_t n, uint64_t each,
    uint64_t mask, struct gdi_ranges *out);

static inline unsigned
gdi_range_of(const struct gdi_ranges *r, uint64_t value)
{
	unsigned at = 0;

	/* the last one that begins at or below it */
	for (unsigned left = r->n; left > 1;) {
		unsigned half = left / 2;

		at += r->first[at + half] <= value ? half : 0;
		left -= half;
	}
	return at;
}

/* The largest value of a range. */
static inline uint64_t
gdi_range_last(const struct gdi_ranges *r, unsigned range)
{
	return range + 1 < r->n ? r->first[range + 1] - 1 : UINT64_MAX;
}

#endif
