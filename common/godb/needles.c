#include "common/godb/needles.h"

#include "common/godb/cond.h"

/* One look at an index. */
struct look {
	const struct godb_cond *cond;
	struct gdi_addrindex *index;
	struct gdi_addrwalk *walk;
	bool v6;
	struct gdi_slots all; /* blocks with rows */
};

static bool
is_about_addresses(const struct gdi_node *node)
{
	return node->kind == GDI_LEAF &&
	    (node->attr == GDI_ATTR_SIP || node->attr == GDI_ATTR_DIP ||
		node->attr == GDI_ATTR_HOST);
}

static struct godb_addr6
range_end(const struct gdi_node *node, bool v6, size_t i, bool hi)
{
	if (v6)
		return hi ? node->v6[i].hi : node->v6[i].lo;
	return (struct godb_addr6){0, hi ? node->v4[i].hi : node->v4[i].lo};
}

/* Ranges are ascending and apart, and so are the index's addresses: whichever
 * is behind catches up. */
static int
look_for_ranges(const struct look *l, const struct gdi_node *node,
    struct gdi_slots *out)
{
	size_t n = l->v6 ? node->n6 : node->n4;
	struct godb_addr6 a;
	int rc = 1;

	gdi_addrwalk_begin(l->walk, l->index, l->v6);
	for (size_t i = 0; rc == 1 && i < n; i++) {
		struct godb_addr6 end = range_end(node, l->v6, i, true);

		rc = gdi_addrwalk_seek(l->walk,
		    range_end(node, l->v6, i, false), &a);
		while (rc == 1 && gdi_addr_order(a, end) <= 0) {
			struct gdi_slots s;

			rc = gdi_addrwalk_slots(l->walk, &s);
			if (rc < 0)
				return rc;
			gdi_slots_or(out, &s);
			if (gdi_slots_has_all(out, &l->all))
				return 0;
			rc = gdi_addrwalk_next(l->walk, &a);
		}
	}
	return rc < 0 ? rc : 0;
}

/* Blocks in which rows of the version may meet the node. */
static int
look_at(const struct look *l, uint32_t i, struct gdi_slots *out)
{
	const struct gdi_node *node = &l->cond->node[i];
	bool all = node->kind == GDI_AND;
	int rc = 0;

	*out = l->all;
	if (is_about_addresses(node)) {
		memset(out, 0, sizeof(*out));
		return look_for_ranges(l, node, out);
	}
	if (node->kind == GDI_LEAF && node->attr == GDI_ATTR_VERSION &&
	    node->numbers[0].lo != (l->v6 ? 6 : 4))
		memset(out, 0, sizeof(*out));
	/* of what does not meet it the index knows nothing */
	if (node->kind == GDI_LEAF || node->kind == GDI_NOT)
		return 0;
	if (!all)
		memset(out, 0, sizeof(*out));
	for (uint32_t k = node->child; rc == 0 && k != GDI_NO_NODE;
	     k = l->cond->node[k].next) {
		struct gdi_slots child;

		rc = look_at(l, k, &child);
		if (all)
			gdi_slots_and(out, &child);
		else
			gdi_slots_or(out, &child);
		if (all ? !gdi_slots_any(out) :
			  gdi_slots_has_all(out, &l->all))
			break;
	}
	return rc;
}

static bool
rules_out(const struct godb_cond *c, uint32_t i)
{
	const struct gdi_node *node = &c->node[i];
	bool any = false, every = true;

	if (node->kind != GDI_AND && node->kind != GDI_OR)
		return is_about_addresses(node);
	for (uint32_t k = node->child; k != GDI_NO_NODE; k = c->node[k].next) {
		bool child = rules_out(c, k);

		any |= child;
		every &= child;
	}
	return node->kind == GDI_AND ? any : every;
}

bool
gdi_needles_are(const struct godb_cond *c)
{
	return c && c->root != GDI_NO_NODE && rules_out(c, c->root);
}

int
gdi_needles_look(const struct godb_cond *c, struct gdi_addrindex *x,
    struct gdi_addrwalk *walk, struct gdi_slots *out)
{
	struct look l = {.cond = c, .index = x, .walk = walk,
	    .all = x->digest.used};
	struct gdi_slots s;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	for (int v = 0; rc == 0 && v < 2; v++) {
		l.v6 = v == 1;
		if (x->n[v] == 0)
			continue;
		rc = look_at(&l, c->root, &s);
		gdi_slots_or(out, &s);
	}
	return rc;
}
