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

/* mem_bytes: bound of what the group allocates, 0: none.  0, -ENOMEM,
 * GODB_EMEMORY, -errno. */
int gdi_group_new(const struct godb_keys *keys, size_t mem_bytes,
    struct gdi_group **out);
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
	struct godb_addr6 sip, dip; /* IPv4: in lo */
};
void gdi_group_key(const struct gdi_group *g, uint32_t id,
    struct gdi_group_key *out);
/* Four counters, in the order of struct godb_columns; borrowed. */
const uint64_t *gdi_group_counters(const struct gdi_group *g, uint32_t id);

/* Sum that stays at the top instead of starting over. */
static inline uint64_t
gdi_add(uint64_t a, uint64_t b)
{
	uint64_t sum = a + b;

	return sum < a ? UINT64_MAX : sum;
}

#endif
