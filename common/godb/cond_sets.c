/*
 * The sets of a leaf: one more element, then all in order.
 */
#include "common/godb/cond_parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One more element: arrays double at powers of two. */
static void *
grow(struct gdi_parser *p, void *array, size_t n, size_t size)
{
	void *bigger;

	if (n & (n - 1))
		return array;
	if (n == 1)
		n = 2;
	else
		n = n ? n * 2 : 1;
	bigger = reallocarray(array, n, size);
	if (!bigger)
		p->rc = -ENOMEM;
	return bigger;
}

void
gdi_cond_add_number(struct gdi_parser *p, uint32_t leaf, int lo, int hi)
{
	struct gdi_node *node = &p->cond->node[leaf];
	struct gdi_range *grown =
	    grow(p, node->numbers, node->n_numbers, sizeof(*grown));

	if (!grown)
		return;
	node->numbers = grown;
	node->numbers[node->n_numbers++] =
	    (struct gdi_range){(uint16_t)lo, (uint16_t)hi};
}

void
gdi_cond_add_range4(struct gdi_parser *p, uint32_t leaf, uint32_t lo,
    uint32_t hi)
{
	struct gdi_node *node = &p->cond->node[leaf];
	struct gdi_range4 *grown = grow(p, node->v4, node->n4, sizeof(*grown));

	if (!grown)
		return;
	node->v4 = grown;
	node->v4[node->n4++] = (struct gdi_range4){lo, hi};
}

void
gdi_cond_add_range6(struct gdi_parser *p, uint32_t leaf, struct godb_addr6 lo,
    struct godb_addr6 hi)
{
	struct gdi_node *node = &p->cond->node[leaf];
	struct gdi_range6 *grown = grow(p, node->v6, node->n6, sizeof(*grown));

	if (!grown)
		return;
	node->v6 = grown;
	node->v6[node->n6++] = (struct gdi_range6){lo, hi};
}

void
gdi_cond_add_amounts(struct gdi_parser *p, uint32_t leaf, uint64_t lo,
    uint64_t hi)
{
	struct gdi_node *node = &p->cond->node[leaf];
	struct gdi_range64 *grown =
	    grow(p, node->amounts, node->n_amounts, sizeof(*grown));

	if (!grown)
		return;
	node->amounts = grown;
	node->amounts[node->n_amounts++] = (struct gdi_range64){lo, hi};
}

void
gdi_cond_add_name(struct gdi_parser *p, uint32_t leaf, const char *name)
{
	struct gdi_node *node = &p->cond->node[leaf];
	char **grown = grow(p, node->names, node->n_names, sizeof(*grown));

	if (!grown)
		return;
	node->names = grown;
	node->names[node->n_names] = strdup(name);
	if (!node->names[node->n_names])
		p->rc = -ENOMEM;
	else
		node->n_names++;
}

/*
 * settle_NAME: n ranges of numbers in order, those merged that overlap or
 * adjoin; how many are left.
 */
#define DEFINE_SETTLE(name, range)                                            \
	static int order_##name(const void *a, const void *b)                 \
	{                                                                     \
		const range *x = a, *y = b;                                   \
                                                                              \
		return (x->lo > y->lo) - (x->lo < y->lo);                     \
	}                                                                     \
                                                                              \
	static size_t settle_##name(range *r, size_t n)                       \
	{                                                                     \
		size_t last = 0;                                              \
                                                                              \
		if (n == 0)                                                   \
			return 0;                                             \
		qsort(r, n, sizeof(*r), order_##name);                        \
		for (size_t i = 1; i < n; i++) {                              \
			if (r[i].lo <= r[last].hi ||                          \
			    r[i].lo - 1 == r[last].hi) {                      \
				if (r[i].hi > r[last].hi)                     \
					r[last].hi = r[i].hi;                 \
			} else {                                              \
				r[++last] = r[i];                             \
			}                                                     \
		}                                                             \
		return last + 1;                                              \
	}

DEFINE_SETTLE(numbers, struct gdi_range)
DEFINE_SETTLE(amounts, struct gdi_range64)
DEFINE_SETTLE(v4, struct gdi_range4)

static int
order_v6(const void *a, const void *b)
{
	const struct gdi_range6 *x = a, *y = b;

	return !gdi_addr6_le(x->lo, y->lo) - !gdi_addr6_le(y->lo, x->lo);
}

/* Two that only adjoin stay two: the same set, a comparison more. */
static size_t
settle_v6(struct gdi_range6 *r, size_t n)
{
	size_t last = 0;

	if (n == 0)
		return 0;
	qsort(r, n, sizeof(*r), order_v6);
	for (size_t i = 1; i < n; i++) {
		if (gdi_addr6_le(r[i].lo, r[last].hi)) {
			if (gdi_addr6_le(r[last].hi, r[i].hi))
				r[last].hi = r[i].hi;
		} else {
			r[++last] = r[i];
		}
	}
	return last + 1;
}

void
gdi_cond_settle(struct gdi_node *leaf)
{
	leaf->n4 = settle_v4(leaf->v4, leaf->n4);
	leaf->n6 = settle_v6(leaf->v6, leaf->n6);
	leaf->n_numbers = settle_numbers(leaf->numbers, leaf->n_numbers);
	leaf->n_amounts = settle_amounts(leaf->amounts, leaf->n_amounts);
}
