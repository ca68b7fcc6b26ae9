/*
 * filter_state - what the files of a bound condition share.
 *
 *   filter_bind.c   a condition bound to a scan; what is known of all rows
 *   filter_zones.c  what is known of rows within zones
 *   filter.c        rows that qualify
 */
#ifndef GODB_FILTER_STATE_H
#define GODB_FILTER_STATE_H

#include "common/godb/filter.h"

#include <string.h>

/* Rows at a time: masks of all levels stay in the first-level cache. */
#define GDI_CHUNK 2048

/* A leaf's set in the form that its loop wants. */
struct gdi_bound {
	uint8_t verdict[2]; /* of the node, by version: [0] is 4 */
	uint8_t *table;     /* of a leaf: 256 for proto, 65536 otherwise */
	struct gdi_range *run; /* its ones, ascending and apart */
	size_t n_runs;
};

struct gdi_unknown {
	const char *name, *near_name;
	bool category;
};

struct gdi_filter {
	const struct godb_cond *cond;
	struct gdi_bound *bound; /* one a node */
	uint8_t *scratch;        /* GDI_CHUNK bytes for each level */
	struct gdi_unknown *unknown;
	size_t n_unknown;
	const uint64_t *extra[GODB_N_EXTRAS];
	bool plain; /* for tests: nothing that only some processors have */
};

static inline bool
gdi_all_zero(const uint8_t *table, size_t n)
{
	return n == 0 ||
	    (table[0] == 0 && memcmp(table, table + 1, n - 1) == 0);
}

static inline uint8_t
gdi_opposite(uint8_t verdict)
{
	return verdict == GDI_NEVER ? GDI_ALWAYS
	    : verdict == GDI_ALWAYS ? GDI_NEVER : GDI_SOMETIMES;
}

#endif
