/*
 * The nodes of a condition.
 */
#include "common/godb/cond_parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t
new_node(struct gdi_parser *p, enum gdi_kind kind)
{
	struct godb_cond *c = p->cond;
	struct gdi_node *node;

	if (c->n == p->room) {
		size_t room = p->room ? p->room * 2 : 16;

		node = realloc(c->node, room * sizeof(*node));
		if (!node) {
			p->rc = -ENOMEM;
			return GDI_NO_NODE;
		}
		c->node = node;
		p->room = room;
	}
	node = &c->node[c->n];
	memset(node, 0, sizeof(*node));
	node->kind = kind;
	node->child = node->next = GDI_NO_NODE;
	return c->n++;
}

uint32_t
gdi_cond_parent(struct gdi_parser *p, enum gdi_kind kind, uint32_t a,
    uint32_t b)
{
	uint32_t parent;

	if (p->rc < 0)
		return GDI_NO_NODE;
	parent = new_node(p, kind);
	if (parent == GDI_NO_NODE)
		return GDI_NO_NODE;
	p->cond->node[parent].child = a;
	p->cond->node[a].next = b;
	return parent;
}

/* Whether what the condition is for has this attribute. */
static bool
having_has(struct gdi_parser *p, enum gdi_attr attr)
{
	static const enum godb_key keys[] = {
		[GDI_ATTR_SIP] = GODB_KEY_SIP,
		[GDI_ATTR_DIP] = GODB_KEY_DIP,
		[GDI_ATTR_HOST] = GODB_KEY_HOST,
		[GDI_ATTR_DPORT] = GODB_KEY_DPORT,
		[GDI_ATTR_PROTO] = GODB_KEY_PROTO,
		[GDI_ATTR_L7] = GODB_KEY_L7PROTO,
		[GDI_ATTR_CATEGORY] = GODB_KEY_L7PROTO,
		[GDI_ATTR_SITE] = GODB_KEY_SITE,
	};
	bool has;

	if (!p->having) {
		if (attr != GDI_ATTR_METRIC || p->metric < GODB_METRIC_EXTRA)
			return true;
		FAIL(p, p->at, "%s are counted when rows are grouped: this "
		    "belongs into --having", gdi_cond_attr_text(p, attr));
		return false;
	}
	if (attr == GDI_ATTR_METRIC)
		return true;
	if (attr == GDI_ATTR_VERSION)
		has = godb_keys_has_address(p->having);
	else
		has = godb_keys_has(p->having, keys[attr]);
	if (attr == GDI_ATTR_HOST)
		has |= godb_keys_has(p->having, GODB_KEY_SIP) &&
		    godb_keys_has(p->having, GODB_KEY_DIP);
	if (!has)
		FAIL(p, p->at, "the groups of this query have no %s: select "
		    "rows by it, in -c", gdi_cond_attr_text(p, attr));
	return has;
}

uint32_t
gdi_cond_leaf(struct gdi_parser *p, enum gdi_attr attr)
{
	static const uint32_t columns[] = {
		[GDI_ATTR_SIP] = GODB_COL(GODB_SIP),
		[GDI_ATTR_DIP] = GODB_COL(GODB_DIP),
		[GDI_ATTR_HOST] = GODB_COL(GODB_SIP) | GODB_COL(GODB_DIP),
		[GDI_ATTR_DPORT] = GODB_COL(GODB_DPORT),
		[GDI_ATTR_PROTO] = GODB_COL(GODB_PROTO),
		[GDI_ATTR_L7] = GODB_COL(GODB_L7PROTO),
		[GDI_ATTR_CATEGORY] = GODB_COL(GODB_L7PROTO),
		[GDI_ATTR_VERSION] = 0,
		[GDI_ATTR_SITE] = 0,
		[GDI_ATTR_METRIC] = 0,
		[GDI_ATTR_DIR] = 0,
		[GDI_ATTR_SPORT] = 0,
	};
	static const uint32_t counters[] = {
		[GODB_METRIC_BYTES] = GODB_COL(GODB_BYTES_RCVD) |
		    GODB_COL(GODB_BYTES_SENT),
		[GODB_METRIC_PACKETS] = GODB_COL(GODB_PKTS_RCVD) |
		    GODB_COL(GODB_PKTS_SENT),
		[GODB_METRIC_BYTES_RCVD] = GODB_COL(GODB_BYTES_RCVD),
		[GODB_METRIC_BYTES_SENT] = GODB_COL(GODB_BYTES_SENT),
		[GODB_METRIC_PACKETS_RCVD] = GODB_COL(GODB_PKTS_RCVD),
		[GODB_METRIC_PACKETS_SENT] = GODB_COL(GODB_PKTS_SENT),
	};
	uint32_t leaf;

	if (!having_has(p, attr))
		return GDI_NO_NODE;
	leaf = new_node(p, GDI_LEAF);
	if (leaf == GDI_NO_NODE)
		return leaf;
	p->cond->node[leaf].attr = attr;
	p->cond->node[leaf].metric = p->metric;
	p->cond->columns |= columns[attr];
	if (attr == GDI_ATTR_METRIC && p->metric < GODB_METRIC_EXTRA)
		p->cond->columns |= counters[p->metric];
	if (attr == GDI_ATTR_METRIC && p->metric >= GODB_METRIC_EXTRA)
		p->cond->metrics |= 1u << p->metric;
	return leaf;
}

uint32_t
godb_cond_metrics(const struct godb_cond *c)
{
	return c->metrics;
}

static bool
never(const struct godb_cond *c, uint32_t i)
{
	const struct gdi_node *n = &c->node[i];
	bool any = false, all = true;

	if (n->kind == GDI_NOT)
		return false;
	if (n->kind == GDI_LEAF)
		return n->n4 + n->n6 + n->n_numbers + n->n_amounts +
		    n->n_names == 0;
	for (uint32_t k = n->child; k != GDI_NO_NODE; k = c->node[k].next) {
		bool one = never(c, k);

		any |= one;
		all &= one;
	}
	return n->kind == GDI_AND ? any : all;
}

bool
godb_cond_never(const struct godb_cond *c)
{
	return c->root != GDI_NO_NODE && never(c, c->root);
}

void
godb_cond_free(struct godb_cond *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < c->n; i++) {
		for (size_t k = 0; k < c->node[i].n_names; k++)
			free(c->node[i].names[k]);
		free(c->node[i].names);
		free(c->node[i].v4);
		free(c->node[i].v6);
		free(c->node[i].numbers);
		free(c->node[i].amounts);
	}
	free(c->node);
	free(c);
}
