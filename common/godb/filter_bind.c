/* A condition bound to a scan: sets as tables, names as their numbers. */
#include "common/godb/filter_state.h"

#include "common/base/applications.h"
#include "common/base/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Ids are 16 bits wide whatever the scan says. */
static size_t
n_names(const struct godb_scan *s)
{
	size_t n = godb_scan_n_l7(s);

	return n < 65536 ? n : 65536;
}

/* What a leaf looks at of an application, NULL when there is none. */
static const char *
known_text(const struct godb_scan *s, enum gdi_attr attr, size_t id)
{
	return attr == GDI_ATTR_CATEGORY
	    ? godb_scan_l7_category(s, (uint16_t)id)
	    : godb_scan_l7_name(s, (uint16_t)id);
}

static bool
is_meant(enum gdi_attr attr, const char *known, const char *asked)
{
	return attr == GDI_ATTR_CATEGORY
	    ? gp_words_casecmp(known, asked) == 0
	    : gp_application_matches(known, asked);
}

static int
note_unknown(struct gdi_filter *f, const struct godb_scan *s,
    enum gdi_attr attr, const char *name)
{
	struct gdi_unknown *more =
	    reallocarray(f->unknown, f->n_unknown + 1, sizeof(*more));
	struct gp_words_guess g;

	if (!more)
		return -ENOMEM;
	f->unknown = more;
	gp_words_guess_init(&g, name);
	for (size_t id = 0; id < n_names(s); id++) {
		const char *known = known_text(s, attr, id);
		const char *dot = known ? strchr(known, '.') : NULL;

		if (known)
			gp_words_guess_offer(&g, known);
		if (dot) /* a part will do */
			gp_words_guess_offer(&g, dot + 1);
	}
	more[f->n_unknown++] = (struct gdi_unknown){name, g.best,
	    attr == GDI_ATTR_CATEGORY};
	return 0;
}

static int
bind_names(struct gdi_filter *f, const struct gdi_node *node, uint8_t *table,
    const struct godb_scan *s)
{
	for (size_t k = 0; k < node->n_names; k++) {
		bool found = false;

		for (size_t id = 0; id < n_names(s); id++) {
			const char *known = known_text(s, node->attr, id);

			if (known &&
			    is_meant(node->attr, known, node->names[k])) {
				table[id] = 1;
				found = true;
			}
		}
		if (!found) {
			int rc = note_unknown(f, s, node->attr,
			    node->names[k]);

			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

static enum gdi_verdict
verdict_of_table(const uint8_t *table, size_t n)
{
	if (gdi_all_zero(table, n))
		return GDI_NEVER;
	return memchr(table, 0, n) ? GDI_SOMETIMES : GDI_ALWAYS;
}

/* Runs of ones of a table as ranges, to be compared with zones. */
static int
bind_runs(struct gdi_bound *b, size_t n)
{
	size_t at = 0, room = 0;

	while (at < n) {
		const uint8_t *one = memchr(b->table + at, 1, n - at), *end;

		if (!one)
			break;
		end = memchr(one, 0, n - (size_t)(one - b->table));
		end = end ? end : b->table + n;
		if (b->n_runs == room) {
			struct gdi_range *more;

			room = room ? 2 * room : 4;
			more = reallocarray(b->run, room, sizeof(*more));
			if (!more)
				return -ENOMEM;
			b->run = more;
		}
		at = (size_t)(end - b->table);
		b->run[b->n_runs++] = (struct gdi_range){
		    (uint16_t)(one - b->table), (uint16_t)(at - 1)};
	}
	return 0;
}

static int
bind_table(struct gdi_filter *f, const struct gdi_node *node,
    struct gdi_bound *b, const struct godb_scan *s)
{
	size_t n = node->attr == GDI_ATTR_PROTO ? 256 : 65536;
	int rc = 0;

	b->table = calloc(n, 1);
	if (!b->table)
		return -ENOMEM;
	for (size_t k = 0; k < node->n_numbers; k++) {
		const struct gdi_range *r = &node->numbers[k];

		memset(b->table + r->lo, 1, (size_t)r->hi - r->lo + 1);
	}
	if (node->attr == GDI_ATTR_L7 || node->attr == GDI_ATTR_CATEGORY)
		rc = bind_names(f, node, b->table, s);
	b->verdict[0] = b->verdict[1] = (uint8_t)verdict_of_table(b->table, n);
	return rc < 0 ? rc : bind_runs(b, n);
}

static enum gdi_verdict
verdict_of_addrs4(const struct gdi_node *node)
{
	if (node->n4 == 0)
		return GDI_NEVER;
	return node->v4[0].lo == 0 && node->v4[0].hi == UINT32_MAX
	    ? GDI_ALWAYS : GDI_SOMETIMES;
}

static enum gdi_verdict
verdict_of_addrs6(const struct gdi_node *node)
{
	static const struct godb_addr6 last = {UINT64_MAX, UINT64_MAX};

	if (node->n6 == 0)
		return GDI_NEVER;
	return node->v6[0].lo.hi == 0 && node->v6[0].lo.lo == 0 &&
		gdi_addr6_le(last, node->v6[0].hi)
	    ? GDI_ALWAYS : GDI_SOMETIMES;
}

static enum gdi_verdict
verdict_of_amounts(const struct gdi_node *node)
{
	if (node->n_amounts == 0)
		return GDI_NEVER;
	return node->amounts[0].lo == 0 && node->amounts[0].hi == UINT64_MAX
	    ? GDI_ALWAYS : GDI_SOMETIMES;
}

static int
bind_leaf(struct gdi_filter *f, uint32_t i, const struct godb_scan *s)
{
	const struct gdi_node *node = &f->cond->node[i];
	struct gdi_bound *b = &f->bound[i];

	switch (node->attr) {
	case GDI_ATTR_SIP:
	case GDI_ATTR_DIP:
	case GDI_ATTR_HOST:
		b->verdict[0] = (uint8_t)verdict_of_addrs4(node);
		b->verdict[1] = (uint8_t)verdict_of_addrs6(node);
		return 0;
	case GDI_ATTR_VERSION:
		b->verdict[0] = node->numbers[0].lo == 4 ? GDI_ALWAYS
							 : GDI_NEVER;
		b->verdict[1] = node->numbers[0].lo == 6 ? GDI_ALWAYS
							 : GDI_NEVER;
		return 0;
	case GDI_ATTR_DPORT:
	case GDI_ATTR_PROTO:
	case GDI_ATTR_L7:
	case GDI_ATTR_CATEGORY:
		return bind_table(f, node, b, s);
	case GDI_ATTR_METRIC:
		b->verdict[0] = b->verdict[1] =
		    (uint8_t)verdict_of_amounts(node);
		return 0;
	case GDI_ATTR_SITE:
	case GDI_ATTR_DIR:
	case GDI_ATTR_SPORT:
		break;
	}
	return -EINVAL; /* the parser lets none of them through */
}

/* Verdicts below node i, then its own; the levels below it in *levels. */
static int
bind_node(struct gdi_filter *f, uint32_t i, const struct godb_scan *s,
    unsigned *levels)
{
	const struct gdi_node *node = &f->cond->node[i];
	struct gdi_bound *b = &f->bound[i];
	bool all = node->kind == GDI_AND;
	unsigned deepest = 0;
	int rc;

	*levels = 1;
	if (node->kind == GDI_LEAF)
		return bind_leaf(f, i, s);
	/* AND is as good as its worst child, OR as its best */
	b->verdict[0] = b->verdict[1] = all ? GDI_ALWAYS : GDI_NEVER;
	for (uint32_t k = node->child; k != GDI_NO_NODE;
	     k = f->cond->node[k].next) {
		unsigned below;

		rc = bind_node(f, k, s, &below);
		if (rc < 0)
			return rc;
		if (below > deepest)
			deepest = below;
		for (int v = 0; v < 2; v++) {
			uint8_t child = f->bound[k].verdict[v];

			if (node->kind == GDI_NOT)
				b->verdict[v] = gdi_opposite(child);
			else if (all == (child < b->verdict[v]) &&
			    child != b->verdict[v])
				b->verdict[v] = child;
		}
	}
	*levels = deepest + 1;
	return 0;
}

int
gdi_filter_new(const struct godb_cond *cond, const struct godb_scan *s,
    struct gdi_filter **out)
{
	struct gdi_filter *f = calloc(1, sizeof(*f));
	unsigned levels = 0;
	int rc = 0;

	if (!f)
		return -ENOMEM;
	if (cond && cond->root != GDI_NO_NODE) {
		f->cond = cond;
		f->bound = calloc(cond->n, sizeof(*f->bound));
		rc = f->bound ? bind_node(f, cond->root, s, &levels) : -ENOMEM;
	}
	if (rc == 0) {
		/* one for the root, one below it for each level, and one for
		 * the second half of a host leaf */
		f->scratch = malloc((size_t)(levels + 2) * GDI_CHUNK);
		if (!f->scratch)
			rc = -ENOMEM;
	}
	if (rc < 0) {
		gdi_filter_free(f);
		return rc;
	}
	*out = f;
	return 0;
}

void
gdi_filter_free(struct gdi_filter *f)
{
	if (!f)
		return;
	for (uint32_t i = 0; f->bound && i < f->cond->n; i++) {
		free(f->bound[i].table);
		free(f->bound[i].run);
	}
	free(f->bound);
	free(f->scratch);
	free(f->unknown);
	free(f);
}

enum gdi_verdict
gdi_filter_verdict(const struct gdi_filter *f, unsigned version)
{
	return f->cond
	    ? (enum gdi_verdict)f->bound[f->cond->root].verdict[version == 6]
	    : GDI_ALWAYS;
}

uint32_t
gdi_filter_columns(const struct gdi_filter *f)
{
	return f->cond ? f->cond->columns : 0;
}

const char *
gdi_filter_unknown(const struct gdi_filter *f, size_t i,
    const char **near_name, bool *category)
{
	if (i >= f->n_unknown)
		return NULL;
	*near_name = f->unknown[i].near_name;
	*category = f->unknown[i].category;
	return f->unknown[i].name;
}
