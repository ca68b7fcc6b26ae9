/*
 * group - hash aggregation in bounded memory.
 *
 * Keys are packed to as few 64-bit words as the grouped columns need; rows
 * with IPv4 and IPv6 addresses go to tables of their own, or to one when no
 * address is grouped by.  The hash is keyed, since addresses and ports are
 * chosen by strangers.  One owner.
 */
#ifndef GDI_GROUP_H
#define GDI_GROUP_H

#include "common/godb/godb.h"

struct gdi_group;

/*
 * metrics: 1u << metric of those that only groups have.  mem_bytes: bound of
 * what the group allocates, 0: none.  bin, bin_arg: see godb_query_opts.
 * 0, -ENOMEM, GODB_EMEMORY, -errno.
 */
struct gdi_group_opts {
	const struct godb_keys *keys; /* borrowed for the call */
	uint32_t metrics;
	size_t mem_bytes;
	int64_t (*bin)(void *arg, int64_t slot_s);
	void *bin_arg;
};
int gdi_group_new(const struct gdi_group_opts *opts, struct gdi_group **out);
void gdi_group_free(struct gdi_group *g); /* accepts NULL */

/* GODB_COL bits that gdi_group_add reads, counters included. */
uint32_t gdi_group_columns(const struct gdi_group *g);

/* Adds n rows of a part, numbered by sel in ascending order.  0, -ENOMEM,
 * GODB_EMEMORY; after an error the group is good for nothing but free. */
int gdi_group_add(struct gdi_group *g, const struct godb_part *part,
    const struct godb_columns *c, const uint32_t *sel, size_t n);

size_t gdi_group_count(const struct gdi_group *g);
size_t gdi_group_bytes(const struct gdi_group *g); /* allocated now */

/* Group 0 .. count-1, in order of first appearance, IPv4 first. */
struct gdi_group_key {
	uint32_t slot; /* block start / 300 */
	uint16_t iface;
	uint8_t version; /* 0 when no address is grouped by */
	uint8_t proto;
	uint16_t dport, l7;
	struct godb_addr6 sip, dip; /* IPv4: in lo; host in sip */
};
void gdi_group_key(const struct gdi_group *g, uint32_t id,
    struct gdi_group_key *out);
/* Four counters, in the order of struct godb_columns; borrowed. */
const uint64_t *gdi_group_counters(const struct gdi_group *g, uint32_t id);
/* Rows and distinct counts; 0 when they were not asked for. */
uint64_t gdi_group_extra(const struct gdi_group *g, uint32_t id,
    enum godb_metric m);
/* Whether rows stand under both ends. */
bool gdi_group_by_host(const struct gdi_group *g);
/* Sums over all rows that were added. */
void gdi_group_totals(const struct gdi_group *g, uint64_t counter[4]);

/* What a group comes to (metric.c). */
uint64_t gdi_metric_value(const struct gdi_group *g, uint32_t id,
    enum godb_metric m, enum godb_direction direction);

/* Sum that stays at the top instead of starting over. */
static inline uint64_t
gdi_add(uint64_t a, uint64_t b)
{
	uint64_t sum = a + b;

	return sum < a ? UINT64_MAX : sum;
}

#endif
