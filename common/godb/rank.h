/*
 * rank - sort groups, keep the top n, find the share.
 *
 * The order is total: the sorted value first, then the keys ascending in the
 * order they were asked for, as godb_query_run documents; so the same question
 * has the same answer whatever the limit.
 */
#ifndef GDI_RANK_H
#define GDI_RANK_H

#include "common/godb/group.h"

struct gdi_order {
	const struct godb_keys *keys;
	int sort; /* GODB_SORT_*, or a key */
	bool ascending;
	enum godb_direction direction;
	const uint16_t *proto_rank; /* 256: place of each number's text */
	const uint16_t *l7_rank;    /* 65536: place of each id's text */
};

/* Groups to rank: those of `id`, or all when it is NULL. */
struct gdi_chosen {
	const uint32_t *id;
	size_t n;
};

/*
 * Ids of the first `limit` groups in order (0: all; share: see
 * godb_query_opts).  *ids is owned by the caller (free).  mem_bytes bounds
 * what is allocated here, 0: none.  0, -ENOMEM, GODB_EMEMORY, or
 * what gdi_group_stop says.
 */
int gdi_rank(const struct gdi_group *g, const struct gdi_chosen *chosen,
    const struct gdi_order *order, uint64_t limit, uint32_t share,
    size_t mem_bytes, uint32_t **ids, size_t *n);

#endif
