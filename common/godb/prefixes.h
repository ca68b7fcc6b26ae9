/*
 * prefixes - which of many prefixes has an address.
 *
 * Prefixes nest or are apart.  Cut where any begins or ends, the space of all
 * addresses becomes intervals, each with the longest prefix that has it; the
 * shorter ones around are known by its parents.
 */
#ifndef GODB_PREFIXES_H
#define GODB_PREFIXES_H

#include "common/godb/addrindex.h"

#define GDI_NO_PREFIX UINT32_MAX

struct gdi_prefix_interval {
	struct godb_addr6 first;
	uint32_t owner; /* prefix; GDI_NO_PREFIX: no one */
};

struct gdi_prefixes {
	/* ascending; the first begins at zero */
	struct gdi_prefix_interval *interval;
	size_t n;
	uint32_t *first4; /* of the same, IPv4 */
	uint32_t *bucket; /* of IPv4: the interval of each /16's first */
};

/*
 * Of those of n prefixes that are of one version; into parent (n), of these,
 * the next shorter one around each, GDI_NO_PREFIX where there is none.  0 or
 * -ENOMEM; fini either way.
 */
int gdi_prefixes_init(struct gdi_prefixes *s, const struct godb_prefix *all,
    size_t n, bool v6, uint32_t *parent);
void gdi_prefixes_fini(struct gdi_prefixes *s);

/* Whether the bits behind the prefix are zero, as they must. */
bool gdi_prefix_is_clean(const struct godb_prefix *p);

/* Memory that both versions of n prefixes take while they are made. */
size_t gdi_prefixes_bytes(size_t n);

/* The interval that has an address, from one before it on. */
size_t gdi_prefixes_seek(const struct gdi_prefixes *s, struct godb_addr6 a,
    size_t from);

/* Whether any address has a prefix. */
static inline bool
gdi_prefixes_any(const struct gdi_prefixes *s)
{
	return s->n > 1 || s->interval[0].owner != GDI_NO_PREFIX;
}

/* The longest prefix that has an address, or GDI_NO_PREFIX. */
static inline uint32_t
gdi_prefixes_find4(const struct gdi_prefixes *s, uint32_t a)
{
	size_t at = s->bucket[a >> 16];
	size_t left = s->bucket[(a >> 16) + 1] - at + 1;

	while (left > 1) {
		size_t half = left / 2;

		at += s->first4[at + half] <= a ? half : 0;
		left -= half;
	}
	return s->interval[at].owner;
}

static inline uint32_t
gdi_prefixes_find6(const struct gdi_prefixes *s, struct godb_addr6 a)
{
	size_t at = 0;

	for (size_t left = s->n; left > 1;) {
		size_t half = left / 2;

		at += gdi_addr_order(s->interval[at + half].first, a) <= 0
		    ? half : 0;
		left -= half;
	}
	return s->interval[at].owner;
}

#endif
