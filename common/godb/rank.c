/*
 * Many groups are sorted by radix: by value, then those of equal value by the
 * first 64 bits of their keys, those by the next, and so on: reading a key once
 * for each costs less than twice for each comparison.  What is equal to the end
 * is compared as a whole.
 */
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
	/* counters of groups that lie together, the first of them `first` */
	const uint64_t *run;
	size_t first, n, words;
	size_t done; /* since it was asked whether to go on */
	int rc;      /* what that said, when it was not to */
};

/* A sum of 2^32 groups' values is more than any other number holds exactly. */
__extension__ typedef unsigned __int128 u128;

#define ASK_EVERY ((size_t)1 << 16) /* items: a few milliseconds' work */

/* Whether to go on with so many more items. */
static inline bool
goes_on(struct ranking *r, size_t more)
{
	r->done += more;
	if (r->done >= ASK_EVERY && r->rc == 0) {
		r->done = 0;
		r->rc = gdi_group_stop(r->g, 0);
	}
	return r->rc == 0;
}

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

/* The value of one group after another, which need not be looked for. */
static uint64_t
next_value(struct ranking *r, uint32_t id)
{
	enum godb_metric m = (enum godb_metric)GODB_SORT_METRIC(r->order->sort);

	if (m >= GODB_METRIC_EXTRA || r->chosen->id)
		return value_of(r, id);
	if (id < r->first || id - r->first >= r->n) {
		r->first = id;
		r->n = gdi_group_run(r->g, id, &r->run, &r->words);
	}
	return godb_metric_counter(r->run + (id - r->first) * r->words, m,
	    r->order->direction);
}

/* The i-th of those chosen. */
static struct item
item_of(struct ranking *r, size_t i)
{
	const struct gdi_order *o = r->order;
	uint32_t id = r->chosen->id ? r->chosen->id[i] : (uint32_t)i;
	struct item it = {0, id};

	if (o->sort < 0) {
		it.value = next_value(r, id);
		if (!o->ascending)
			it.value = ~it.value;
	}
	return it;
}

/* The first `keep` of all that are chosen, in heap order. */
static void
collect(struct ranking *r, struct item *items, size_t keep, size_t all)
{
	for (size_t i = 0; i < keep && goes_on(r, 1); i++)
		items[i] = item_of(r, i);
	if (keep == all || keep == 0 || r->rc < 0)
		return;
	for (size_t at = keep / 2; at-- > 0;)
		sift_down(r, items, keep, at);
	for (size_t i = keep; i < all && goes_on(r, 1); i++) {
		struct item it = item_of(r, i);

		if (order_items(r, &it, &items[0]) < 0) {
			items[0] = it;
			sift_down(r, items, keep, 0);
		}
	}
}

/* ---- sorting all of them ----------------------------------------------- */

#define RADIX_LEAST 256 /* items for which it pays */

static int
order_values(const void *a, const void *b)
{
	return order_u64(((const struct item *)a)->value,
	    ((const struct item *)b)->value);
}

/* By value; tmp has room for n. */
static void
sort_by_value(struct ranking *r, struct item *items, struct item *tmp,
    size_t n)
{
	struct item *from = items, *to = tmp;

	if (n < RADIX_LEAST) {
		qsort(items, n, sizeof(*items), order_values);
		return;
	}
	for (unsigned shift = 0; shift < 64 && goes_on(r, n); shift += 8) {
		size_t place[256] = {0}, sum = 0;
		struct item *swap = from;

		for (size_t i = 0; i < n; i++)
			place[from[i].value >> shift & 255]++;
		if (place[from[0].value >> shift & 255] == n)
			continue; /* alike in all */
		for (unsigned k = 0; k < 256; k++) {
			size_t count = place[k];

			place[k] = sum;
			sum += count;
		}
		for (size_t i = 0; i < n; i++)
			to[place[from[i].value >> shift & 255]++] = from[i];
		from = to;
		to = swap;
	}
	if (from != items)
		memcpy(items, from, n * sizeof(*items));
}

/* 64 bits of a key as it is ordered, after so many others. */
struct prefix {
	uint64_t bits;
	unsigned left, skip;
};

static void
put_bits(struct prefix *p, uint64_t v, unsigned n)
{
	if (p->skip >= n) {
		p->skip -= n;
		return;
	}
	n -= p->skip;
	v &= UINT64_MAX >> (64 - n);
	p->skip = 0;
	if (p->left == 0)
		return;
	if (n > p->left) {
		v >>= n - p->left;
		n = p->left;
	}
	p->left -= n;
	p->bits |= v << p->left;
}

static void
put_address(struct prefix *p, unsigned version, const struct godb_addr6 *a)
{
	put_bits(p, version == 6, 1);
	if (version != 6) {
		put_bits(p, a->lo, 32);
		return;
	}
	put_bits(p, a->hi, 64);
	put_bits(p, a->lo, 64);
}

static void
put_key(struct prefix *p, const struct gdi_order *o, enum godb_key key,
    const struct gdi_group_key *k)
{
	switch (key) {
	case GODB_KEY_TIME:
		put_bits(p, k->slot, 32);
		break;
	case GODB_KEY_IFACE:
		put_bits(p, k->iface, 16);
		break;
	case GODB_KEY_SIP:
	case GODB_KEY_HOST:
		put_address(p, k->version, &k->sip);
		break;
	case GODB_KEY_DIP:
		put_address(p, k->version, &k->dip);
		break;
	case GODB_KEY_DPORT:
		put_bits(p, k->dport, 16);
		break;
	case GODB_KEY_PROTO:
		put_bits(p, o->proto_rank[k->proto], 16);
		break;
	case GODB_KEY_L7PROTO:
		put_bits(p, o->l7_rank[k->l7], 16);
		break;
	case GODB_KEY_SITE:
	case GODB_N_KEYS:
		break;
	}
}

static struct prefix
prefix_of(const struct ranking *r, uint32_t id, unsigned skip)
{
	const struct gdi_order *o = r->order;
	struct prefix p = {0, 64, skip};
	struct gdi_group_key key;

	gdi_group_key(r->g, id, &key);
	if (o->sort >= 0)
		put_key(&p, o, (enum godb_key)o->sort, &key);
	for (unsigned k = 0; p.left > 0 && k < o->keys->n; k++)
		put_key(&p, o, o->keys->key[k], &key);
	return p;
}

/* How many items from the first on have its value. */
static size_t
alike(const struct item *items, size_t n)
{
	size_t k = 1;

	while (k < n && items[k].value == items[0].value)
		k++;
	return k;
}

/* Items that are equal but for their keys after the first `skip` bits. */
static void
sort_alike(struct ranking *r, struct item *items, struct item *tmp, size_t n,
    unsigned skip)
{
	bool any = false;

	for (size_t i = 0; i < n && goes_on(r, 1); i++) {
		struct prefix p = prefix_of(r, items[i].id, skip);

		items[i].value = p.bits;
		any |= p.left < 64;
	}
	if (r->rc < 0)
		return;
	if (!any) {
		qsort_r(items, n, sizeof(*items), order_for_qsort, r);
		return;
	}
	sort_by_value(r, items, tmp, n);
	for (size_t i = 0, same; i < n; i += same) {
		same = alike(items + i, n - i);
		if (same > 1)
			sort_alike(r, items + i, tmp, same, skip + 64);
	}
}

static void
sort_items(struct ranking *r, struct item *items, struct item *tmp, size_t n)
{
	sort_by_value(r, items, tmp, n);
	for (size_t i = 0, equal; i < n; i += equal) {
		equal = alike(items + i, n - i);
		if (equal > 1)
			sort_alike(r, items + i, tmp, equal, 0);
	}
}

/* How many of the sorted items make up the share of all groups' sum. */
static size_t
count_share(struct ranking *r, const struct item *items, size_t n,
    uint32_t share)
{
	size_t all = gdi_group_count(r->g), k;
	u128 wanted = 0, sum = 0; /* in 1/10000 */

	for (size_t i = 0; i < all && goes_on(r, 1); i++)
		wanted += (u128)value_of(r, (uint32_t)i) * share;
	for (k = 0; k < n && sum < wanted && goes_on(r, 1); k++)
		sum += (u128)value_of(r, items[k].id) * 10000;
	return k;
}

int
gdi_rank(const struct gdi_group *g, const struct gdi_chosen *chosen,
    const struct gdi_order *order, uint64_t limit, uint32_t share,
    size_t mem_bytes, uint32_t **ids, size_t *n)
{
	struct ranking r = {.g = g, .chosen = chosen, .order = order,
	    .rc = gdi_group_stop(g, 0)};
	size_t all = chosen->n, keep = all;
	struct item *items, *tmp;
	uint32_t *out;

	if (!share && limit && limit < all)
		keep = (size_t)limit;
	/* sorting takes as much again */
	if (mem_bytes && keep > mem_bytes / (2 * sizeof(*items) + sizeof(*out)))
		return GODB_EMEMORY;
	items = malloc((keep ? keep : 1) * sizeof(*items));
	tmp = malloc((keep ? keep : 1) * sizeof(*tmp));
	out = malloc((keep ? keep : 1) * sizeof(*out));
	if (!items || !tmp || !out) {
		free(items);
		free(tmp);
		free(out);
		return -ENOMEM;
	}
	collect(&r, items, keep, all);
	if (r.rc == 0)
		sort_items(&r, items, tmp, keep);
	free(tmp);
	if (r.rc == 0 && share)
		keep = count_share(&r, items, keep, share);
	for (size_t i = 0; r.rc == 0 && i < keep; i++)
		out[i] = items[i].id;
	free(items);
	if (r.rc < 0) {
		free(out);
		return r.rc;
	}
	*ids = out;
	*n = keep;
	return 0;
}
