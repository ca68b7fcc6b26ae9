/* A condition against the least and the most of each column. */
#include "common/godb/filter_state.h"

#include "common/godb/group.h"

/* Of values from min to max against the range that begins last at or below
 * max, which alone can hold any of them. */
static enum gdi_verdict
verdict_of_range(uint64_t lo, uint64_t hi, const struct gdi_zone *z)
{
	if (lo > z->max || hi < z->min)
		return GDI_NEVER;
	return lo <= z->min && hi >= z->max ? GDI_ALWAYS : GDI_SOMETIMES;
}

#define ZONE_VERDICT(RANGE, N, LO, HI, Z)                                  \
	do {                                                               \
		size_t at = 0, left = (N);                                 \
                                                                           \
		while (left > 1) {                                         \
			size_t half = left / 2;                            \
                                                                           \
			at += (RANGE)[at + half].LO <= (Z)->max ? half : 0; \
			left -= half;                                      \
		}                                                          \
		return (N) == 0 ? GDI_NEVER :                              \
		    verdict_of_range((RANGE)[at].LO, (RANGE)[at].HI, (Z)); \
	} while (0)

static enum gdi_verdict
zone_of_addr4(const struct gdi_node *node, const struct gdi_zone *z)
{
	ZONE_VERDICT(node->v4, node->n4, lo, hi, z);
}

/* A zone knows of high halves alone, so it never settles that all match. */
static enum gdi_verdict
zone_of_addr6(const struct gdi_node *node, const struct gdi_zone *z)
{
	size_t at = 0, left = node->n6;

	if (left == 0)
		return GDI_NEVER;
	while (left > 1) {
		size_t half = left / 2;

		at += node->v6[at + half].lo.hi <= z->max ? half : 0;
		left -= half;
	}
	return node->v6[at].lo.hi > z->max || node->v6[at].hi.hi < z->min ?
	    GDI_NEVER : GDI_SOMETIMES;
}

static enum gdi_verdict
zone_of_number(const struct gdi_bound *b, const struct gdi_zone *z)
{
	ZONE_VERDICT(b->run, b->n_runs, lo, hi, z);
}

static enum gdi_verdict
zone_of_amount(const struct gdi_node *node, const struct gdi_zone *z)
{
	ZONE_VERDICT(node->amounts, node->n_amounts, lo, hi, z);
}

static enum gdi_verdict
zone_of_addr(const struct gdi_node *node, bool v6, const struct gdi_zone *z)
{
	if (!z->known)
		return GDI_SOMETIMES;
	return v6 ? zone_of_addr6(node, z) : zone_of_addr4(node, z);
}

static enum gdi_verdict
zone_of_metric(const struct gdi_node *node, const struct gdi_zone *zone)
{
	const struct gdi_zone *z = zone + GODB_BYTES_RCVD;
	struct gdi_zone sum;

	switch (node->metric) {
	case GODB_METRIC_BYTES_RCVD:
	case GODB_METRIC_BYTES_SENT:
	case GODB_METRIC_PACKETS_RCVD:
	case GODB_METRIC_PACKETS_SENT:
		z += node->metric - GODB_METRIC_BYTES_RCVD;
		return z->known ? zone_of_amount(node, z) : GDI_SOMETIMES;
	case GODB_METRIC_PACKETS:
		z += 2;
		break;
	case GODB_METRIC_BYTES:
		break;
	case GODB_METRIC_ROWS:
	case GODB_METRIC_SIPS:
	case GODB_METRIC_DIPS:
	case GODB_METRIC_DPORTS:
	case GODB_N_METRICS:
		return GDI_SOMETIMES;
	}
	if (!z[0].known || !z[1].known)
		return GDI_SOMETIMES;
	sum = (struct gdi_zone){true, gdi_add(z[0].min, z[1].min),
	    gdi_add(z[0].max, z[1].max)};
	return zone_of_amount(node, &sum);
}

static enum gdi_verdict
zone_of_leaf(const struct gdi_node *node, const struct gdi_bound *b, bool v6,
    const struct gdi_zone *zone)
{
	static const enum godb_column columns[] = {
		[GDI_ATTR_DPORT] = GODB_DPORT,
		[GDI_ATTR_PROTO] = GODB_PROTO,
		[GDI_ATTR_L7] = GODB_L7PROTO,
		[GDI_ATTR_CATEGORY] = GODB_L7PROTO,
	};
	enum gdi_verdict sip, dip;

	switch (node->attr) {
	case GDI_ATTR_SIP:
		return zone_of_addr(node, v6, &zone[GODB_SIP]);
	case GDI_ATTR_DIP:
		return zone_of_addr(node, v6, &zone[GODB_DIP]);
	case GDI_ATTR_HOST: /* the better of the two */
		sip = zone_of_addr(node, v6, &zone[GODB_SIP]);
		dip = zone_of_addr(node, v6, &zone[GODB_DIP]);
		return sip > dip ? sip : dip;
	case GDI_ATTR_DPORT:
	case GDI_ATTR_PROTO:
	case GDI_ATTR_L7:
	case GDI_ATTR_CATEGORY:
		return zone[columns[node->attr]].known ?
		    zone_of_number(b, &zone[columns[node->attr]]) :
		    GDI_SOMETIMES;
	case GDI_ATTR_METRIC:
		return zone_of_metric(node, zone);
	case GDI_ATTR_VERSION:
	case GDI_ATTR_DIR:
	case GDI_ATTR_SITE:
	case GDI_ATTR_SPORT:
		break; /* settled when it was bound, or not a leaf */
	}
	return GDI_SOMETIMES;
}

static enum gdi_verdict
zone_of_node(const struct gdi_filter *f, uint32_t i, bool v6,
    const struct gdi_zone *zone)
{
	const struct gdi_node *node = &f->cond->node[i];
	const struct gdi_bound *b = &f->bound[i];
	bool all = node->kind == GDI_AND;
	enum gdi_verdict best = all ? GDI_ALWAYS : GDI_NEVER;

	if (b->verdict[v6] != GDI_SOMETIMES)
		return (enum gdi_verdict)b->verdict[v6];
	if (node->kind == GDI_LEAF)
		return zone_of_leaf(node, b, v6, zone);
	if (node->kind == GDI_NOT)
		return (enum gdi_verdict)gdi_opposite(
		    (uint8_t)zone_of_node(f, node->child, v6, zone));
	for (uint32_t k = node->child; k != GDI_NO_NODE;
	     k = f->cond->node[k].next) {
		enum gdi_verdict v = zone_of_node(f, k, v6, zone);

		if (all ? v < best : v > best)
			best = v;
	}
	return best;
}

enum gdi_verdict
gdi_filter_zones(const struct gdi_filter *f, unsigned version,
    const struct gdi_zone zone[GODB_N_COLUMNS])
{
	return f->cond ? zone_of_node(f, f->cond->root, version == 6, zone) :
			 GDI_ALWAYS;
}
