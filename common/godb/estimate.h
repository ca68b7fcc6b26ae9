/*
 * estimate - how many keys differ, to a few per cent, in 64 KiB.
 *
 * Adaptive sampling (Wegman; P. Flajolet, "On adaptive sampling", Computing
 * 43, 1990): of all hashes those are kept whose low `level` bits are 0; when
 * there are too many the level rises.  Each kept one stands for 2^level keys.
 * Of at most GDI_ESTIMATE_EXACT keys the number is exact; beyond that the
 * standard error is 1.2 / sqrt(GDI_ESTIMATE_EXACT), 2 %.
 */
#ifndef GODB_ESTIMATE_H
#define GODB_ESTIMATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GDI_ESTIMATE_EXACT 4096

struct gdi_estimate {
	uint64_t slot[2 * GDI_ESTIMATE_EXACT]; /* 0: free */
	size_t n;
	unsigned level;
};

void gdi_estimate_init(struct gdi_estimate *e);

static inline bool
gdi_estimate_keeps(const struct gdi_estimate *e, uint64_t hash)
{
	return (hash & ((UINT64_C(1) << e->level) - 1)) == 0;
}

/* Takes one that gdi_estimate_keeps(), and is not 0. */
void gdi_estimate_keep(struct gdi_estimate *e, uint64_t hash);

/* Takes a key's hash, all of whose bits count. */
static inline void
gdi_estimate_add(struct gdi_estimate *e, uint64_t hash)
{
	if (hash != 0 && gdi_estimate_keeps(e, hash))
		gdi_estimate_keep(e, hash);
}

static inline uint64_t
gdi_estimate(const struct gdi_estimate *e)
{
	return (uint64_t)e->n << e->level;
}

#endif
