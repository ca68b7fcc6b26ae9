#include "common/godb/filter.h"

#include "common/base/applications.h"
#include "common/base/words.h"
#include "common/godb/group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Rows at a time: masks of all levels stay in the first-level cache. */
#define CHUNK 2048

/* A leaf's set in the form that its loop wants. */
struct bound {
	uint8_t verdict[2]; /* of the node, by version: [0] is 4 */
	uint8_t *table;     /* of a leaf: 256 for proto, 65536 otherwise */
	struct gdi_range *run; /* its ones, ascending and apart */
	size_t n_runs;
};

struct unknown {
	const char *name, *near_name;
};

struct gdi_filter {
	const struct godb_cond *cond;
	struct bound *bound; /* one a node */
	uint8_t *scratch;    /* CHUNK bytes for each level */
	struct unknown *unknown;
	size_t n_unknown;
	const uint64_t *extra[GODB_N_EXTRAS];
};

/* ---- binding ----------------------------------------------------------- */

static bool
all_zero(const uint8_t *table, size_t n)
{
	return n == 0 || (table[0] == 0 && memcmp(table, table + 1, n - 1) == 0);
}

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
	struct unknown *more =
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
	more[f->n_unknown++] = (struct unknown){name, g.best};
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
	if (all_zero(table, n))
		return GDI_NEVER;
	return memchr(table, 0, n) ? GDI_SOMETIMES : GDI_ALWAYS;
}

/* Runs of ones of a table as ranges, to be compared with zones. */
static int
bind_runs(struct bound *b, size_t n)
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
bind_table(struct gdi_filter *f, const struct gdi_node *node, struct bound *b,
    const struct godb_scan *s)
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
	struct bound *b = &f->bound[i];

	switch (node->attr) {
	case GDI_ATTR_SIP:
	case GDI_ATTR_DIP:
	case GDI_ATTR_HOST:
		b->verdict[0] = (uint8_t)verdict_of_addrs4(node);
		b->verdict[1] = (uint8_t)verdict_of_addrs6(node);
		return 0;
	case GDI_ATTR_VERSION:
		b->verdict[0] = node->numbers[0].lo == 4 ? GDI_ALWAYS : GDI_NEVER;
		b->verdict[1] = node->numbers[0].lo == 6 ? GDI_ALWAYS : GDI_NEVER;
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

static uint8_t
opposite(uint8_t verdict)
{
	return verdict == GDI_NEVER ? GDI_ALWAYS
	    : verdict == GDI_ALWAYS ? GDI_NEVER : GDI_SOMETIMES;
}

/* Verdicts below node i, then its own; the levels below it in *levels. */
static int
bind_node(struct gdi_filter *f, uint32_t i, const struct godb_scan *s,
    unsigned *levels)
{
	const struct gdi_node *node = &f->cond->node[i];
	struct bound *b = &f->bound[i];
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
				b->verdict[v] = opposite(child);
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
		f->scratch = malloc((size_t)(levels + 2) * CHUNK);
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
gdi_filter_unknown(const struct gdi_filter *f, size_t i, const char **near_name)
{
	if (i >= f->n_unknown)
		return NULL;
	*near_name = f->unknown[i].near_name;
	return f->unknown[i].name;
}

/* ---- zones ------------------------------------------------------------- */

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
zone_of_number(const struct bound *b, const struct gdi_zone *z)
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
zone_of_leaf(const struct gdi_node *node, const struct bound *b, bool v6,
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
	const struct bound *b = &f->bound[i];
	bool all = node->kind == GDI_AND;
	enum gdi_verdict best = all ? GDI_ALWAYS : GDI_NEVER;

	if (b->verdict[v6] != GDI_SOMETIMES)
		return (enum gdi_verdict)b->verdict[v6];
	if (node->kind == GDI_LEAF)
		return zone_of_leaf(node, b, v6, zone);
	if (node->kind == GDI_NOT)
		return (enum gdi_verdict)opposite(
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

/* ---- leaves ------------------------------------------------------------ */

static void
match4(const struct gdi_node *node, const uint32_t *col, size_t n,
    uint8_t *mask)
{
	const struct gdi_range4 *r = node->v4;

	if (node->n4 == 1) {
		uint32_t lo = r->lo, span = r->hi - r->lo;

		for (size_t i = 0; i < n; i++)
			mask[i] = col[i] - lo <= span;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		size_t at = 0, left = node->n4;

		/* last range that begins at or below the address */
		while (left > 1) {
			size_t half = left / 2;

			at += r[at + half].lo <= col[i] ? half : 0;
			left -= half;
		}
		mask[i] = col[i] >= r[at].lo && col[i] <= r[at].hi;
	}
}

static void
match6(const struct gdi_node *node, const struct godb_addr6 *col, size_t n,
    uint8_t *mask)
{
	const struct gdi_range6 *r = node->v6;

	for (size_t i = 0; i < n; i++) {
		size_t at = 0, left = node->n6;

		while (left > 1) {
			size_t half = left / 2;

			at += gdi_addr6_le(r[at + half].lo, col[i]) ? half : 0;
			left -= half;
		}
		mask[i] = gdi_addr6_le(r[at].lo, col[i]) &&
		    gdi_addr6_le(col[i], r[at].hi);
	}
}

/* Numbers against one range, which most conditions are, or a table. */
static void
match_u16(const struct bound *b, const uint16_t *col, size_t n, uint8_t *mask)
{
	uint16_t lo = b->run[0].lo, span = (uint16_t)(b->run[0].hi - lo);

	if (b->n_runs == 1) {
		for (size_t i = 0; i < n; i++)
			mask[i] = (uint16_t)(col[i] - lo) <= span;
		return;
	}
	for (size_t i = 0; i < n; i++)
		mask[i] = b->table[col[i]];
}

static void
match_u8(const struct bound *b, const uint8_t *col, size_t n, uint8_t *mask)
{
	uint8_t lo = (uint8_t)b->run[0].lo;
	uint8_t span = (uint8_t)(b->run[0].hi - lo);

	if (b->n_runs == 1) {
		for (size_t i = 0; i < n; i++)
			mask[i] = (uint8_t)(col[i] - lo) <= span;
		return;
	}
	for (size_t i = 0; i < n; i++)
		mask[i] = b->table[col[i]];
}

static bool
is_in_amounts(const struct gdi_node *node, uint64_t v)
{
	const struct gdi_range64 *r = node->amounts;
	size_t at = 0, left = node->n_amounts;

	while (left > 1) {
		size_t half = left / 2;

		at += r[at + half].lo <= v ? half : 0;
		left -= half;
	}
	return v >= r[at].lo && v <= r[at].hi;
}

static void
mask_or(uint8_t *mask, const uint8_t *with, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mask[i] |= with[i];
}

static void
mask_and(uint8_t *mask, const uint8_t *with, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mask[i] &= with[i];
}

static void
mask_not(uint8_t *mask, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mask[i] ^= 1;
}

/* Rows [at, at + n) of one version. */
struct slice {
	const struct godb_columns *c;
	size_t at, n;
	bool v6;
};

static void
match_addr(const struct gdi_node *node, const struct slice *s, bool dip,
    uint8_t *mask)
{
	const struct godb_columns *c = s->c;

	if (s->v6)
		match6(node, (dip ? c->dip6 : c->sip6) + (s->at - c->n4), s->n,
		    mask);
	else
		match4(node, (dip ? c->dip4 : c->sip4) + s->at, s->n, mask);
}

/* Sums stay at the top, as everywhere; bounds are one range nearly always. */
static void
match_sum(const struct gdi_node *node, const uint64_t *a, const uint64_t *b,
    size_t n, uint8_t *mask)
{
	uint64_t lo = node->amounts[0].lo, span = node->amounts[0].hi - lo;

	if (node->n_amounts > 1)
		for (size_t i = 0; i < n; i++)
			mask[i] = is_in_amounts(node,
			    b ? gdi_add(a[i], b[i]) : a[i]);
	else if (b)
		for (size_t i = 0; i < n; i++)
			mask[i] = gdi_add(a[i], b[i]) - lo <= span;
	else
		for (size_t i = 0; i < n; i++)
			mask[i] = a[i] - lo <= span;
}

static void
match_metric(const struct gdi_filter *f, const struct gdi_node *node,
    const struct slice *s, uint8_t *mask)
{
	const uint64_t *const *c = s->c->counter;
	const uint64_t *a, *b = NULL;

	if (node->metric >= GODB_METRIC_EXTRA) {
		a = f->extra[node->metric - GODB_METRIC_EXTRA];
	} else if (node->metric >= GODB_METRIC_BYTES_RCVD) {
		a = c[node->metric - GODB_METRIC_BYTES_RCVD];
	} else {
		a = c[node->metric == GODB_METRIC_BYTES ? 0 : 2];
		b = c[node->metric == GODB_METRIC_BYTES ? 1 : 3] + s->at;
	}
	match_sum(node, a + s->at, b, s->n, mask);
}

static void
match_leaf(const struct gdi_filter *f, const struct gdi_node *node,
    const struct bound *b, const struct slice *s, uint8_t *mask)
{
	switch (node->attr) {
	case GDI_ATTR_SIP:
		match_addr(node, s, false, mask);
		break;
	case GDI_ATTR_DIP:
		match_addr(node, s, true, mask);
		break;
	case GDI_ATTR_HOST:
		match_addr(node, s, false, mask);
		match_addr(node, s, true, mask + CHUNK);
		mask_or(mask, mask + CHUNK, s->n);
		break;
	case GDI_ATTR_DPORT:
		match_u16(b, s->c->dport + s->at, s->n, mask);
		break;
	case GDI_ATTR_PROTO:
		match_u8(b, s->c->proto + s->at, s->n, mask);
		break;
	case GDI_ATTR_L7:
	case GDI_ATTR_CATEGORY:
		match_u16(b, s->c->l7 + s->at, s->n, mask);
		break;
	case GDI_ATTR_METRIC:
		match_metric(f, node, s, mask);
		break;
	case GDI_ATTR_VERSION:
	case GDI_ATTR_SITE:
	case GDI_ATTR_DIR:
	case GDI_ATTR_SPORT:
		break; /* settled by the verdict, or not a leaf */
	}
}

/* ---- tree -------------------------------------------------------------- */

static void
match_node(const struct gdi_filter *f, uint32_t i, const struct slice *s,
    uint8_t *mask)
{
	const struct gdi_node *node = &f->cond->node[i];
	uint8_t verdict = f->bound[i].verdict[s->v6];
	bool first = true;

	if (verdict != GDI_SOMETIMES) {
		memset(mask, verdict == GDI_ALWAYS, s->n);
		return;
	}
	if (node->kind == GDI_LEAF) {
		match_leaf(f, node, &f->bound[i], s, mask);
		return;
	}
	if (node->kind == GDI_NOT) {
		match_node(f, node->child, s, mask);
		mask_not(mask, s->n);
		return;
	}
	for (uint32_t k = node->child; k != GDI_NO_NODE;
	     k = f->cond->node[k].next) {
		/* children that never or always hold were left out of a
		 * verdict of "sometimes", so they change nothing here */
		if (f->bound[k].verdict[s->v6] != GDI_SOMETIMES)
			continue;
		if (first) {
			match_node(f, k, s, mask);
			first = false;
			continue;
		}
		if (node->kind == GDI_AND && all_zero(mask, s->n))
			return;
		match_node(f, k, s, mask + CHUNK);
		if (node->kind == GDI_AND)
			mask_and(mask, mask + CHUNK, s->n);
		else
			mask_or(mask, mask + CHUNK, s->n);
	}
}

size_t
gdi_select_plain(const uint8_t *mask, size_t rows, uint32_t first,
    uint32_t *sel)
{
	size_t n = 0;

	for (size_t i = 0; i < rows; i++) {
		sel[n] = first + (uint32_t)i;
		n += mask[i];
	}
	return n;
}

#if defined(__x86_64__)
/* Eight rows at a time: of the bytes 0 to 7 those whose mask is set are moved
 * together, made numbers and stored; the next ones go over what is too many.
 * No more are stored than were looked at, so sel needs no room beyond that. */
__attribute__((target("avx2,bmi2,popcnt"))) static size_t
select_eights(const uint8_t *mask, size_t rows, uint32_t first, uint32_t *sel)
{
	const uint64_t places = UINT64_C(0x0706050403020100);
	size_t n = 0;

	for (size_t i = 0; i + 8 <= rows; i += 8) {
		uint64_t ones, some;
		__m256i v;

		memcpy(&ones, mask + i, sizeof(ones));
		some = _pext_u64(places, ones * 0xff);
		v = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)some));
		v = _mm256_add_epi32(v,
		    _mm256_set1_epi32((int)(first + (uint32_t)i)));
		_mm256_storeu_si256((__m256i *)(void *)(sel + n), v);
		n += (size_t)_mm_popcnt_u64(ones);
	}
	return n;
}
#endif

size_t
gdi_select(const uint8_t *mask, size_t rows, uint32_t first, uint32_t *sel)
{
	size_t n = 0, done = 0;

#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2")) {
		n = select_eights(mask, rows, first, sel);
		done = rows / 8 * 8;
	}
#endif
	return n + gdi_select_plain(mask + done, rows - done,
	    first + (uint32_t)done, sel + n);
}

static size_t
select_version(struct gdi_filter *f, const struct godb_columns *c, size_t first,
    size_t rows, bool v6, uint32_t *sel, size_t n)
{
	struct slice s = {.c = c, .v6 = v6};

	for (size_t at = 0; at < rows; at += s.n) {
		s.at = first + at;
		s.n = rows - at < CHUNK ? rows - at : CHUNK;
		match_node(f, f->cond->root, &s, f->scratch);
		n += gdi_select(f->scratch, s.n, (uint32_t)s.at, sel + n);
	}
	return n;
}

void
gdi_filter_extras(struct gdi_filter *f,
    const uint64_t *const extra[GODB_N_EXTRAS])
{
	memcpy(f->extra, extra, sizeof(f->extra));
}

/* ---- addresses alone --------------------------------------------------- */

static bool
is_about_addresses(const struct gdi_node *node)
{
	return node->kind == GDI_LEAF &&
	    (node->attr == GDI_ATTR_SIP || node->attr == GDI_ATTR_DIP ||
		node->attr == GDI_ATTR_HOST);
}

/* The condition itself, or one of those that must all hold. */
static const struct gdi_node *
needle_of(const struct gdi_filter *f)
{
	const struct gdi_node *root;

	if (!f->cond)
		return NULL;
	root = &f->cond->node[f->cond->root];
	if (is_about_addresses(root))
		return root;
	for (uint32_t k = root->child; root->kind == GDI_AND &&
	     k != GDI_NO_NODE; k = f->cond->node[k].next) {
		if (is_about_addresses(&f->cond->node[k]))
			return &f->cond->node[k];
	}
	return NULL;
}

uint32_t
gdi_filter_needles(const struct gdi_filter *f)
{
	const struct gdi_node *node = needle_of(f);

	if (!node)
		return 0;
	return node->attr == GDI_ATTR_SIP ? GODB_COL(GODB_SIP)
	    : node->attr == GDI_ATTR_DIP  ? GODB_COL(GODB_DIP)
					  : GODB_COL(GODB_SIP) |
		GODB_COL(GODB_DIP);
}

bool
gdi_filter_may(struct gdi_filter *f, const struct gdi_addresses *a)
{
	const struct gdi_node *node = needle_of(f);
	uint8_t *mask = f->scratch;

	if (!node)
		return true;
	for (size_t at = 0; node->n4 > 0 && at < a->n4; at += CHUNK) {
		size_t n = a->n4 - at < CHUNK ? a->n4 - at : CHUNK;

		match4(node, a->v4 + at, n, mask);
		if (!all_zero(mask, n))
			return true;
	}
	for (size_t at = 0; node->n6 > 0 && at < a->n6; at += CHUNK) {
		size_t n = a->n6 - at < CHUNK ? a->n6 - at : CHUNK;

		match6(node, a->v6 + at, n, mask);
		if (!all_zero(mask, n))
			return true;
	}
	return false;
}

/* ---- rows -------------------------------------------------------------- */

size_t
gdi_filter_select(struct gdi_filter *f, const struct godb_columns *c,
    uint32_t *sel)
{
	size_t n = 0;

	if (!f->cond) {
		for (n = 0; n < (size_t)c->n4 + c->n6; n++)
			sel[n] = (uint32_t)n;
		return n;
	}
	if (gdi_filter_verdict(f, 4) != GDI_NEVER)
		n = select_version(f, c, 0, c->n4, false, sel, n);
	if (gdi_filter_verdict(f, 6) != GDI_NEVER)
		n = select_version(f, c, c->n4, c->n6, true, sel, n);
	return n;
}
