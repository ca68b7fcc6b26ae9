#include "common/godb/estimate.h"

#include <string.h>

#define SLOTS (2 * GDI_ESTIMATE_EXACT)

void
gdi_estimate_init(struct gdi_estimate *e)
{
	memset(e, 0, sizeof(*e));
}

/* By the high bits: the low ones are what the kept have in common. */
static void
put(struct gdi_estimate *e, uint64_t hash)
{
	size_t at = (size_t)(hash >> 32) % SLOTS;

	for (; e->slot[at] != 0; at = (at + 1) % SLOTS)
		if (e->slot[at] == hash)
			return;
	e->slot[at] = hash;
	e->n++;
}

static void
raise_level(struct gdi_estimate *e)
{
	uint64_t kept[GDI_ESTIMATE_EXACT + 1];
	size_t n = 0;

	e->level++;
	for (size_t i = 0; i < SLOTS; i++)
		if (e->slot[i] != 0 && gdi_estimate_keeps(e, e->slot[i]))
			kept[n++] = e->slot[i];
	memset(e->slot, 0, sizeof(e->slot));
	e->n = 0;
	for (size_t i = 0; i < n; i++)
		put(e, kept[i]);
}

void
gdi_estimate_keep(struct gdi_estimate *e, uint64_t hash)
{
	put(e, hash);
	while (e->n > GDI_ESTIMATE_EXACT)
		raise_level(e);
}
