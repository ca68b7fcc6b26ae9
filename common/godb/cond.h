/*
 * cond - condition text to a tree.  No store is needed: what depends on one
 * (the ids of application names) is looked up by filter.
 *
 * Whatever the spelling, a leaf says "attribute in set"; sets of numbers and
 * addresses are sorted, disjoint, inclusive ranges.  `!=` is NOT of a leaf,
 * `<` a range from the bottom: so 10.0.0.5 < sip leaves IPv6 rows out, and
 * sip != 10.0.0.5 lets them in.
 */
#ifndef GDI_COND_H
#define GDI_COND_H

#include "common/godb/godb.h"

enum gdi_kind { GDI_AND, GDI_OR, GDI_NOT, GDI_LEAF };

enum gdi_attr {
	GDI_ATTR_SIP,
	GDI_ATTR_DIP,
	GDI_ATTR_HOST, /* sip or dip */
	GDI_ATTR_DPORT,
	GDI_ATTR_PROTO,
	GDI_ATTR_L7,
	GDI_ATTR_CATEGORY, /* of the application */
	GDI_ATTR_VERSION, /* of the addresses: numbers 4 and 6 */
	GDI_ATTR_SITE,    /* the sensor's name: a store's filter has none */
	GDI_ATTR_METRIC,
	GDI_ATTR_DIR,     /* only in the grammar: two comparisons of metrics */
	GDI_ATTR_SPORT,   /* only in the grammar, for its message */
};

struct gdi_range4 {
	uint32_t lo, hi;
};
struct gdi_range6 {
	struct godb_addr6 lo, hi;
};
struct gdi_range {
	uint16_t lo, hi;
};
struct gdi_range64 {
	uint64_t lo, hi;
};

#define GDI_NO_NODE UINT32_MAX

struct gdi_node {
	enum gdi_kind kind;
	uint32_t child; /* first of AND, OR (two or more), NOT (one) */
	uint32_t next;  /* sibling */
	/* of a leaf; all owned by the condition */
	enum gdi_attr attr;
	enum godb_metric metric;
	struct gdi_range4 *v4;
	struct gdi_range6 *v6;
	struct gdi_range *numbers;
	struct gdi_range64 *amounts; /* of a metric */
	char **names;
	size_t n4, n6, n_numbers, n_amounts, n_names;
};

struct godb_cond {
	struct gdi_node *node;
	uint32_t n, root; /* root GDI_NO_NODE: every row */
	uint32_t columns; /* GODB_COL bits of its leaves */
	uint32_t metrics; /* 1u << metric that only groups have */
};

/* Order of addresses. */
static inline bool
gdi_addr6_le(struct godb_addr6 a, struct godb_addr6 b)
{
	return a.hi < b.hi || (a.hi == b.hi && a.lo <= b.lo);
}

/* Names for suggestions, NULL beyond the last (protonames.c). */
const char *gdi_proto_word(size_t i);
const char *gdi_service_word(size_t i);

#endif
