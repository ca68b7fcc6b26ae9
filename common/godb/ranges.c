#include "common/godb/ranges.h"

#include <stdlib.h>

static int
by_first(const void *a, const void *b)
{
	const struct gdi_range_rows *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

void
gdi_ranges_make(struct gdi_range_rows *rows, size_t n, uint64_t each,
    uint64_t mask, struct gdi_ranges *out)
{
	uint64_t all = 0, so_far = 0;

	*out = (struct gdi_ranges){.n = 1};
	if (n == 0)
		return;
	qsort(rows, n, sizeof(*rows), by_first);
	for (size_t i = 0; i < n; i++)
		all += rows[i].rows;
	if (each <= all / GDI_RANGES_MOST)
		each = all / GDI_RANGES_MOST + 1;
	for (size_t i = 0; i < n; i++) {
		uint64_t first = rows[i].first & mask;

		if (so_far >= each && first > out->first[out->n - 1] &&
		    out->n < GDI_RANGES_MOST) {
			out->first[out->n++] = first;
			so_far = 0;
		}
		so_far += rows[i].rows;
	}
}
