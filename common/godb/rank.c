#include "common/godb/rank.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct item {
	uint64_t value; /* such that a smaller one comes first */
	uint32_t id;
};

struct ranking {
	const struct gdi_group *g;
	const struct gdi_chosen *chosen;
	const struct gdi_order *order;
};

static uint64_t
value_of(const struct ranking *r, uint32_t id)
{
	return gdi_metric_value(r->g, id,
	    (enum godb_metric)GODB_SORT_METRIC(r->order->sort),
	    r->order->direction);
}

static int
order_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int
order_addr(const struct gdi_group_key *a, const struct gdi_group_key *b,
    bool dip)
{
	const struct godb_addr6 *x = dip ? &a->dip : &a->sip;
	const struct godb_addr6 *y = dip ? &b->dip : &b->sip;

	if (a->version != b->version)
		return a->version < b->version ? -1 : 1;
	return x->hi != y->hi ? order_u64(x->hi, y->hi)
			      : order_u64(x->lo, y->lo);
}

static int
order_key(const struct gdi_order *o, enum godb_key key,
    const struct gdi_group_key *a, const struct gdi_group_key *b)
{
	switch (key) {
	case GODB_KEY_TIME:
		return order_u64(a->slot, b->slot);
	case GODB_KEY_IFACE:
		return order_u64(a->iface, b->iface); /* names are sorted */
	case GODB_KEY_SIP:
	case GODB_KEY_HOST:
		return order_addr(a, b, false);
	case GODB_KEY_DIP:
		return order_addr(a, b, true);
	case GODB_KEY_DPORT:
		return order_u64(a->dport, b->dport);
	case GODB_KEY_PROTO:
		return order_u64(o->proto_rank[a->proto],
		    o->proto_rank[b->proto]);
	case GODB_KEY_L7PROTO:
		return order_u64(o->l7_rank[a->l7], o->l7_rank[b->l7]);
	case GODB_KEY_SITE:
	case GODB_N_KEYS:
		break;
	}
	return 0;
}

static int
order_items(const struct ranking *r, const struct item *a,
    const struct item *b)
{
	struct gdi_group_key x, y;
	int order = order_u64(a->value, b->value);

	if (order != 0 || a->id == b->id)
		return order;
	gdi_group_key(r->g, a->id, &x);
	gdi_group_key(r->g, b->id, &y);
	if (r->order->sort >= 0)
		order = order_key(r->order, (enum godb_key)r->order->sort, &x,
		    &y);
	for (unsigned k = 0; order == 0 && k < r->order->keys->n; k++)
		order = order_key(r->order, r->order->keys->key[k], &x, &y);
	/* two application ids of one name */
	return order != 0 ? order : order_u64(x.l7, y.l7);
}

static int
order_for_qsort(const void *a, const void *b, void *r)
{
	return order_items(r, a, b);
}

/* Puts the item at `at` to its place in a heap whose root comes last. */
static void
sift_down(const struct ranking *r, struct item *heap, size_t n, size_t at)
{
	struct item moved = heap[at];

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= n)
			break;
		if (child + 1 < n &&
		    order_items(r, &heap[child], &heap[child + 1]) < 0)
			child++;
		if (order_items(r, &moved, &heap[child]) >= 0)
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = moved;
}

/* The i-th of those chosen. */
static struct item
item_of(const struct ranking *r, size_t i)
{
	const struct gdi_order *o = r->order;
	uint32_t id = r->chosen->id ? r->chosen->id[i] : (uint32_t)i;
	struct item it = {0, id};

	if (o->sort < 0) {
		it.value = value_of(r, id);
		if (!o->ascending)
			it.value = ~it.value;
	}
	return it;
}

/* The first `keep` of all that are chosen, in heap order. */
static void
collect(const struct ranking *r, struct item *items, size_t keep, size_t all)
{
	for (size_t i = 0; i < keep; i++)
		items[i] = item_of(r, i);
	if (keep == all || keep == 0)
		return;
	for (size_t at = keep / 2; at-- > 0;)
		sift_down(r, items, keep, at);
	for (size_t i = keep; i < all; i++) {
		struct item it = item_of(r, i);

		if (order_items(r, &it, &items[0]) < 0) {
			items[0] = it;
			sift_down(r, items, keep, 0);
		}
	}
}

/* How many of the sorted items make up the share of all groups' sum. */
static size_t
count_share(const struct ranking *r, const struct item *items, size_t n,
    uint32_t share)
{
	size_t all = gdi_group_count(r->g), k;
	long double total = 0, sum = 0;

	for (size_t i = 0; i < all; i++)
		total += (long double)value_of(r, (uint32_t)i);
	total = total * share / 10000;
	for (k = 0; k < n && sum < total; k++)
		sum += (long double)(uint64_t)~items[k].value;
	return k;
}

int
gdi_rank(const struct gdi_group *g, const struct gdi_chosen *chosen,
    const struct gdi_order *order, uint64_t limit, uint32_t share,
    size_t mem_bytes, uint32_t **ids, size_t *n)
{
	struct ranking r = {g, chosen, order};
	size_t all = chosen->n, keep = all;
	struct item *items;
	uint32_t *out;

	if (!share && limit && limit < all)
		keep = (size_t)limit;
	/* sorting takes as much again (glibc's qsort merges) */
	if (mem_bytes && keep > mem_bytes / (2 * sizeof(*items)))
		return GODB_EMEMORY;
	items = malloc((keep ? keep : 1) * sizeof(*items));
	out = malloc((keep ? keep : 1) * sizeof(*out));
	if (!items || !out) {
		free(items);
		free(out);
		return -ENOMEM;
	}
	collect(&r, items, keep, all);
	qsort_r(items, keep, sizeof(*items), order_for_qsort, &r);
	if (share)
		keep = count_share(&r, items, keep, share);
	for (size_t i = 0; i < keep; i++)
		out[i] = items[i].id;
	free(items);
	*ids = out;
	*n = keep;
	return 0;
}
