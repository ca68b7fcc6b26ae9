/*
 * Recursive descent, NOT before AND before OR.  Chains of AND and OR are one
 * node with many children, so that depth grows with brackets and NOTs alone.
 */
#include "common/godb/cond.h"

#include "common/base/addr.h"
#include "common/base/words.h"
#include "common/godb/grammar.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 255 /* bytes of one value */

struct parser {
	const char *text;
	const char *site;
	const struct godb_cond_opts *opts;
	const struct godb_keys *having;
	const struct gdi_token *t; /* the one to look at next */
	const struct gdi_token *at; /* where the primitive began */
	enum godb_metric metric;    /* of the next leaf */
	const struct gdi_word *geo; /* values of the leaf are its sets */
	struct godb_cond *cond;
	size_t room; /* nodes allocated */
	unsigned depth;
	/* attribute of the last leaf that was written without an operator or
	 * with "=": `port 80 or 443` goes on with it */
	bool carries;
	enum gdi_attr carried;
	struct godb_diag *diag;
	int rc; /* once negative, nothing further is parsed */
};

/* ---- nodes ------------------------------------------------------------- */

static uint32_t
new_node(struct parser *p, enum gdi_kind kind)
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

/* A node above two or one. */
static uint32_t
new_parent(struct parser *p, enum gdi_kind kind, uint32_t a, uint32_t b)
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

static bool having_has(struct parser *p, enum gdi_attr attr);

static uint32_t
new_leaf(struct parser *p, enum gdi_attr attr)
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

/* ---- messages ---------------------------------------------------------- */

#define FAIL(p, tok, ...)                                                     \
	do {                                                                  \
		if ((p)->rc == 0)                                             \
			(p)->rc = gdi_diag((p)->diag, (tok)->offset,          \
			    (tok)->length, __VA_ARGS__);                      \
	} while (0)

/* The token's text, cut to what a message can take. */
struct shown {
	char text[49];
};

static struct shown
show(const struct parser *p, const struct gdi_token *t)
{
	struct shown s;
	size_t len = t->length;

	if (len >= sizeof(s.text))
		len = sizeof(s.text) - 1;
	memcpy(s.text, p->text + t->offset, len);
	s.text[len] = '\0';
	return s;
}

static void
fail_suggest(struct parser *p, const struct gdi_token *t, const char *what,
    const char *best)
{
	struct shown s = show(p, t);

	if (best)
		FAIL(p, t, "%s '%s'; did you mean '%s'?", what, s.text, best);
	else
		FAIL(p, t, "%s '%s'", what, s.text);
}

static const char *
nearest_word(const struct parser *p, const struct gdi_token *t,
    bool (*fits)(const struct gdi_word *), bool protocols)
{
	struct shown s = show(p, t);
	struct gp_words_guess g;
	const struct gdi_word *w;
	const char *name;

	gp_words_guess_init(&g, s.text);
	for (size_t i = 0; (w = gdi_grammar_word(i)); i++) {
		if (fits(w))
			gp_words_guess_offer(&g, w->text);
	}
	for (size_t i = 0; protocols && (name = gdi_proto_word(i)); i++)
		gp_words_guess_offer(&g, name);
	return g.best;
}

static bool
begins_primitive(const struct gdi_word *w)
{
	return w->kind == GDI_WORD_ATTR || w->kind == GDI_WORD_VERSION ||
	    w->kind == GDI_WORD_GEO || w->kind == GDI_WORD_METRIC || w->kind == GDI_WORD_DIR ||
	    w->kind == GDI_WORD_NOT;
}

static bool
joins(const struct gdi_word *w)
{
	return w->kind == GDI_WORD_AND || w->kind == GDI_WORD_OR;
}

static const char *
attr_text(const struct parser *p, enum gdi_attr attr)
{
	const struct gdi_word *w;

	if (attr == GDI_ATTR_METRIC)
		return godb_metric_name(p->metric);
	if (attr == GDI_ATTR_SITE)
		return "site";
	for (size_t i = 0; (w = gdi_grammar_word(i)); i++) {
		if (w->kind == GDI_WORD_ATTR && w->value == (int)attr)
			return w->text;
	}
	return "address";
}

/* Whether what the condition is for has this attribute. */
static bool
having_has(struct parser *p, enum gdi_attr attr)
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
		    "belongs into --having", attr_text(p, attr));
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
		    "rows by it, in -c", attr_text(p, attr));
	return has;
}

/* ---- tokens ------------------------------------------------------------ */

static bool
is_kind(const struct gdi_token *t, enum gdi_word_kind kind)
{
	return t->word && t->word->kind == kind;
}

static bool
is_value(const struct gdi_token *t)
{
	return t->kind == GDI_TOKEN_STRING ||
	    (t->kind == GDI_TOKEN_WORD && !t->word);
}

static bool
is_end_word(const struct gdi_token *t)
{
	return is_kind(t, GDI_WORD_ATTR) && t->word->role == GDI_ROLE_END;
}

/* The token's text as a string; false when too long for any value. */
static bool
copy_token(struct parser *p, const struct gdi_token *t, char out[VALUE_MAX + 1])
{
	if (t->length > VALUE_MAX) {
		FAIL(p, t, "a value has at most %d bytes", VALUE_MAX);
		return false;
	}
	memcpy(out, p->text + t->offset, t->length);
	out[t->length] = '\0';
	return true;
}

/* ---- values to sets ---------------------------------------------------- */

/* One more element: arrays double at powers of two. */
static void *
grow(struct parser *p, void *array, size_t n, size_t size)
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

static void
add_number(struct parser *p, uint32_t leaf, int lo, int hi)
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

static void
add_range4(struct parser *p, uint32_t leaf, uint32_t lo, uint32_t hi)
{
	struct gdi_node *node = &p->cond->node[leaf];
	struct gdi_range4 *grown = grow(p, node->v4, node->n4, sizeof(*grown));

	if (!grown)
		return;
	node->v4 = grown;
	node->v4[node->n4++] = (struct gdi_range4){lo, hi};
}

static void
add_range6(struct parser *p, uint32_t leaf, struct godb_addr6 lo,
    struct godb_addr6 hi)
{
	struct gdi_node *node = &p->cond->node[leaf];
	struct gdi_range6 *grown = grow(p, node->v6, node->n6, sizeof(*grown));

	if (!grown)
		return;
	node->v6 = grown;
	node->v6[node->n6++] = (struct gdi_range6){lo, hi};
}

static void
add_name(struct parser *p, uint32_t leaf, const char *name)
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

/* Values lo to hi as "= them", "< lo", ...; false when cmp wants one value. */
static bool
cut_number(int *lo, int *hi, enum gdi_cmp cmp, int max)
{
	int value = *lo;

	if (cmp == GDI_EQ || cmp == GDI_NE)
		return true;
	if (*lo != *hi)
		return false;
	*lo = cmp == GDI_GT ? value + 1 : cmp == GDI_GE ? value : 0;
	*hi = cmp == GDI_LT ? value - 1 : cmp == GDI_LE ? value : max;
	return true;
}

static int
parse_number(enum gdi_attr attr, const char *text)
{
	return attr == GDI_ATTR_DPORT ? godb_port_parse(text)
				      : godb_proto_parse(text);
}

/* "http-alt" is a name, "1000-2000" a range. */
static bool
parse_number_range(enum gdi_attr attr, char *text, int *lo, int *hi)
{
	char *dash;

	*lo = *hi = parse_number(attr, text);
	if (*lo >= 0)
		return true;
	dash = strchr(text, '-');
	if (!dash)
		return false;
	*dash = '\0';
	*lo = parse_number(attr, text);
	*hi = parse_number(attr, dash + 1);
	*dash = '-';
	return *lo >= 0 && *hi >= 0;
}

static void
fail_number(struct parser *p, const struct gdi_token *t, enum gdi_attr attr,
    const char *text)
{
	struct gp_words_guess g;
	const char *name;
	bool port = attr == GDI_ATTR_DPORT;

	if (strspn(text, "0123456789-") == strlen(text)) {
		FAIL(p, t, port ? "a port is a number from 0 to 65535"
				: "a protocol is a number from 0 to 255");
		return;
	}
	gp_words_guess_init(&g, text);
	for (size_t i = 0;
	     (name = port ? gdi_service_word(i) : gdi_proto_word(i)); i++)
		gp_words_guess_offer(&g, name);
	fail_suggest(p, t, port ? "unknown service" : "unknown protocol",
	    g.best);
}

static void
take_number(struct parser *p, uint32_t leaf, const struct gdi_token *t,
    enum gdi_cmp cmp)
{
	enum gdi_attr attr = p->cond->node[leaf].attr;
	int max = attr == GDI_ATTR_DPORT ? UINT16_MAX : UINT8_MAX;
	char text[VALUE_MAX + 1];
	int lo, hi;

	if (!copy_token(p, t, text))
		return;
	if (!parse_number_range(attr, text, &lo, &hi))
		fail_number(p, t, attr, text);
	else if (lo > hi)
		FAIL(p, t, "the range ends before it begins");
	else if (!cut_number(&lo, &hi, cmp, max))
		FAIL(p, t, "a range can only be compared with = or !=");
	else if (lo <= hi)
		add_number(p, leaf, lo, hi);
}

static void
add_amounts(struct parser *p, uint32_t leaf, uint64_t lo, uint64_t hi)
{
	struct gdi_node *node = &p->cond->node[leaf];
	struct gdi_range64 *grown =
	    grow(p, node->amounts, node->n_amounts, sizeof(*grown));

	if (!grown)
		return;
	node->amounts = grown;
	node->amounts[node->n_amounts++] = (struct gdi_range64){lo, hi};
}

/* k, M, ... at *s as a factor of `base` to some power; 0: overflow. */
static uint64_t
take_unit(const char **s, uint64_t base)
{
	static const char units[] = "kmgtpe";
	const char *unit = **s ? strchr(units, **s | 0x20) : NULL;
	uint64_t factor = 1;

	if (unit) {
		(*s)++;
		for (const char *u = units; u <= unit; u++) {
			if (__builtin_mul_overflow(factor, base, &factor))
				return 0;
		}
		if (base == 1024 && (**s | 0x20) == 'i')
			(*s)++;
	}
	if (base == 1024 && (**s | 0x20) == 'b')
		(*s)++;
	return factor;
}

/* "1500", "10M", "4.5GB" at *s, up to a '-' or the end. */
static bool
take_amount_at(const char **s, uint64_t base, uint64_t *out)
{
	uint64_t whole = 0, thousandths = 0, scale = 100, factor;
	const char *start = *s;

	for (; **s >= '0' && **s <= '9'; (*s)++) {
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(**s - '0'),
			&whole))
			return false;
	}
	if (*s == start)
		return false;
	if (**s == '.') {
		start = ++*s;
		for (; **s >= '0' && **s <= '9'; (*s)++, scale /= 10)
			thousandths += (uint64_t)(**s - '0') * scale;
		if (*s == start)
			return false;
	}
	factor = take_unit(s, base);
	if (!factor || __builtin_mul_overflow(whole, factor, &whole) ||
	    __builtin_add_overflow(whole, factor / 1000 * thousandths +
		    factor % 1000 * thousandths / 1000, out))
		return false;
	return **s == '-' || !**s;
}

/* Values lo to hi as "= them", "< lo", ...; false when nothing is left. */
static bool
cut_amounts(uint64_t *lo, uint64_t *hi, enum gdi_cmp cmp)
{
	uint64_t v = *lo;

	switch (cmp) {
	case GDI_EQ:
	case GDI_NE:
		return true;
	case GDI_LT:
		*lo = 0;
		*hi = v - 1;
		return v > 0;
	case GDI_LE:
		*lo = 0;
		return true;
	case GDI_GT:
		*lo = v + 1;
		*hi = UINT64_MAX;
		return v < UINT64_MAX;
	case GDI_GE:
		*hi = UINT64_MAX;
		return true;
	}
	return false;
}

static void
take_amount(struct parser *p, uint32_t leaf, const struct gdi_token *t,
    enum gdi_cmp cmp)
{
	bool bytes = p->metric == GODB_METRIC_BYTES ||
	    p->metric == GODB_METRIC_BYTES_RCVD ||
	    p->metric == GODB_METRIC_BYTES_SENT;
	char text[VALUE_MAX + 1];
	const char *s = text;
	uint64_t lo, hi;
	bool fine;

	if (!copy_token(p, t, text))
		return;
	fine = take_amount_at(&s, bytes ? 1024 : 1000, &lo);
	hi = lo;
	if (fine && *s == '-') {
		s++;
		fine = take_amount_at(&s, bytes ? 1024 : 1000, &hi) && !*s;
		if (fine && cmp != GDI_EQ && cmp != GDI_NE) {
			FAIL(p, t,
			    "a range can only be compared with = or !=");
			return;
		}
	}
	if (!fine)
		FAIL(p, t, "no amount of %s: a number such as 1500 or 10M",
		    godb_metric_name(p->metric));
	else if (lo > hi)
		FAIL(p, t, "the range ends before it begins");
	else if (cut_amounts(&lo, &hi, cmp))
		add_amounts(p, leaf, lo, hi);
}

static uint64_t
get64(const uint8_t *b)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | b[i];
	return v;
}

static struct godb_addr6
addr_value(const struct gp_addr *a)
{
	struct godb_addr6 v = {get64(a->b), get64(a->b + 8)};

	if (a->version == 4) {
		v.lo = v.hi >> 32;
		v.hi = 0;
	}
	return v;
}

static struct godb_addr6
prefix_last(const struct gp_prefix *x)
{
	struct godb_addr6 v = addr_value(&x->addr);
	unsigned host = (x->addr.version == 4 ? 32u : 128u) - x->len;

	if (host > 64) {
		v.hi |= host == 128 ? UINT64_MAX
				    : (UINT64_C(1) << (host - 64)) - 1;
		host = 64;
	}
	v.lo |= host == 64 ? UINT64_MAX : (UINT64_C(1) << host) - 1;
	return v;
}

/* Cuts [lo, hi] to what cmp asks for; false when nothing is left. */
static bool
cut_addr(struct godb_addr6 *lo, struct godb_addr6 *hi, enum gdi_cmp cmp,
    struct godb_addr6 last)
{
	struct godb_addr6 v = *lo;

	switch (cmp) {
	case GDI_EQ:
	case GDI_NE:
		return true;
	case GDI_LT:
		if (v.hi == 0 && v.lo == 0)
			return false;
		v.hi -= v.lo == 0;
		v.lo--;
		/* fall through */
	case GDI_LE:
		*lo = (struct godb_addr6){0, 0};
		*hi = v;
		return true;
	case GDI_GT:
		if (v.hi == last.hi && v.lo == last.lo)
			return false;
		v.lo++;
		v.hi += v.lo == 0;
		/* fall through */
	case GDI_GE:
		*lo = v;
		*hi = last;
		return true;
	}
	return false;
}

static void
add_addrs(struct parser *p, uint32_t leaf, unsigned version,
    struct godb_addr6 lo, struct godb_addr6 hi, enum gdi_cmp cmp)
{
	struct godb_addr6 last = {UINT64_MAX, UINT64_MAX};

	if (version == 4)
		last = (struct godb_addr6){0, UINT32_MAX};
	if (!cut_addr(&lo, &hi, cmp, last))
		return;
	if (version == 4)
		add_range4(p, leaf, (uint32_t)lo.lo, (uint32_t)hi.lo);
	else
		add_range6(p, leaf, lo, hi);
}

static void
take_site(struct parser *p, uint32_t leaf, const struct gdi_token *t)
{
	const char *s = p->site ? p->site : "";
	bool any = false;

	for (;;) {
		char one[GP_ADDR_TEXT_MAX];
		struct gp_prefix x;
		size_t len;

		s += strspn(s, " \t,");
		len = strcspn(s, " \t,");
		if (len == 0)
			break;
		if (len >= sizeof(one)) {
			FAIL(p, t, "the site's networks do not parse");
			return;
		}
		memcpy(one, s, len);
		one[len] = '\0';
		if (gp_prefix_parse(one, &x, NULL) < 0) {
			FAIL(p, t, "the site's network '%s' is no prefix", one);
			return;
		}
		add_addrs(p, leaf, x.addr.version, addr_value(&x.addr),
		    prefix_last(&x), GDI_EQ);
		if (p->rc < 0)
			return;
		any = true;
		s += len;
	}
	if (!any)
		FAIL(p, t,
		    "no networks are set under [site] in the INI file");
}

static bool parse_addr_range(char *text, struct gp_addr *lo,
    struct gp_addr *hi);

/* One address, prefix or range of a set; false when it is none. */
static bool
add_member(struct parser *p, uint32_t leaf, char *text)
{
	struct gp_addr lo, hi;
	struct gp_prefix x;

	if (gp_prefix_parse(text, &x, NULL) == 0) {
		add_addrs(p, leaf, x.addr.version, addr_value(&x.addr),
		    prefix_last(&x), GDI_EQ);
		return true;
	}
	if (!parse_addr_range(text, &lo, &hi) || lo.version != hi.version ||
	    gp_addr_compare(&lo, &hi) > 0)
		return false;
	add_addrs(p, leaf, lo.version, addr_value(&lo), addr_value(&hi),
	    GDI_EQ);
	return true;
}

static bool
separates(char c)
{
	return c == ' ' || c == ',' || (c >= '\t' && c <= '\r');
}

/* The members of a set that somebody else fetched. */
static void
take_members(struct parser *p, uint32_t leaf, const struct gdi_token *t,
    const char *s, size_t len)
{
	size_t at = 0;
	unsigned line = 1;

	while (at < len && p->rc == 0) {
		char one[2 * GP_ADDR_TEXT_MAX];
		size_t n = 0;

		if (s[at] == '#') {
			while (at < len && s[at] != '\n')
				at++;
			continue;
		}
		if (separates(s[at])) {
			line += s[at++] == '\n';
			continue;
		}
		while (at + n < len && s[at + n] != '#' &&
		    !separates(s[at + n]))
			n++;
		if (n < sizeof(one)) {
			memcpy(one, s + at, n);
			one[n] = '\0';
		}
		if (n >= sizeof(one) || !add_member(p, leaf, one))
			FAIL(p, t, "line %u: no address, prefix or range: "
			    "'%.*s'", line, n < 48 ? (int)n : 48, s + at);
		at += n;
	}
}

static bool
is_set(const char *text, const struct gdi_token *t)
{
	return (t->kind == GDI_TOKEN_WORD || t->kind == GDI_TOKEN_STRING) &&
	    t->length > 1 && text[t->offset] == '@';
}

static void
take_set(struct parser *p, uint32_t leaf, const struct gdi_token *t,
    enum gdi_cmp cmp)
{
	char value[VALUE_MAX + 1], why[GODB_COND_WHY_MAX] = "";
	char name[VALUE_MAX + 16];
	const char *text;
	size_t len;

	if (cmp != GDI_EQ && cmp != GDI_NE) {
		FAIL(p, t, "%s can only be compared with = or !=",
		    p->geo ? p->geo->text : "a list");
		return;
	}
	if (!copy_token(p, t, value))
		return;
	(void)snprintf(name, sizeof(name), "%s%s%s",
	    p->geo ? p->geo->text : "", p->geo ? "=" : "", value);
	if (!p->opts || !p->opts->set)
		FAIL(p, t, "%s cannot be looked up here",
		    p->geo ? p->geo->text : "lists");
	else if (p->opts->set(p->opts->set_arg, name, &text, &len, why) != 0)
		FAIL(p, t, "%s", why[0] ? why : "there is no such list");
	else
		take_members(p, leaf, t, text, len);
}

/* "10.0.0.1-10.0.0.9": false when it is not of that form. */
static bool
parse_addr_range(char *text, struct gp_addr *lo, struct gp_addr *hi)
{
	char *dash = strchr(text, '-');
	bool fine;

	if (!dash)
		return false;
	*dash = '\0';
	fine = gp_addr_parse(text, lo) == 0 && gp_addr_parse(dash + 1, hi) == 0;
	*dash = '-';
	return fine;
}

static void
take_addr(struct parser *p, uint32_t leaf, const struct gdi_token *t,
    enum gdi_cmp cmp)
{
	char text[VALUE_MAX + 1];
	struct gp_prefix x;
	struct gp_addr lo, hi;
	bool single = cmp != GDI_EQ && cmp != GDI_NE;

	if (!copy_token(p, t, text))
		return;
	if (gp_prefix_parse(text, &x, NULL) == 0) {
		if (single && x.len != (x.addr.version == 4 ? 32 : 128))
			FAIL(p, t,
			    "a prefix can only be compared with = or !=");
		else
			add_addrs(p, leaf, x.addr.version, addr_value(&x.addr),
			    prefix_last(&x), cmp);
	} else if (parse_addr_range(text, &lo, &hi)) {
		if (single)
			FAIL(p, t, "a range can only be compared with = or !=");
		else if (lo.version != hi.version)
			FAIL(p, t, "the range mixes IPv4 and IPv6");
		else if (gp_addr_compare(&lo, &hi) > 0)
			FAIL(p, t, "the range ends before it begins");
		else
			add_addrs(p, leaf, lo.version, addr_value(&lo),
			    addr_value(&hi), GDI_EQ);
	} else {
		fail_suggest(p, t,
		    "not an address or prefix (names are not resolved):", NULL);
	}
}

static void
take_name(struct parser *p, uint32_t leaf, const struct gdi_token *t,
    enum gdi_cmp cmp)
{
	char text[VALUE_MAX + 1];

	if (cmp != GDI_EQ && cmp != GDI_NE)
		FAIL(p, t, "names have no order: use = or !=");
	else if (t->length == 0)
		FAIL(p, t, "the name is empty");
	else if (copy_token(p, t, text))
		add_name(p, leaf, text);
}

/* Takes the value at p->t into the leaf. */
static void
take_value(struct parser *p, uint32_t leaf, enum gdi_cmp cmp)
{
	enum gdi_attr attr = p->cond->node[leaf].attr;
	const struct gdi_token *t = p->t;
	bool addr = attr == GDI_ATTR_SIP || attr == GDI_ATTR_DIP ||
	    attr == GDI_ATTR_HOST;

	if (t->kind != GDI_TOKEN_WORD && t->kind != GDI_TOKEN_STRING) {
		FAIL(p, t, "a value for %s is missing here",
		    attr_text(p, attr));
		return;
	}
	if (addr && p->geo) {
		take_set(p, leaf, t, cmp);
	} else if (addr && is_kind(t, GDI_WORD_SITE)) {
		if (cmp != GDI_EQ && cmp != GDI_NE)
			FAIL(p, t, "site can only be compared with = or !=");
		else
			take_site(p, leaf, t);
	} else if (t->word && (is_kind(t, GDI_WORD_AND) ||
			is_kind(t, GDI_WORD_OR) || is_kind(t, GDI_WORD_CMP))) {
		FAIL(p, t, "a value for %s is missing before '%s'",
		    attr_text(p, attr), t->word->text);
	} else if (addr && is_set(p->text, t)) {
		take_set(p, leaf, t, cmp);
	} else if (addr) {
		take_addr(p, leaf, t, cmp);
	} else if (attr == GDI_ATTR_L7 || attr == GDI_ATTR_CATEGORY ||
	    attr == GDI_ATTR_SITE) {
		take_name(p, leaf, t, cmp);
	} else if (attr == GDI_ATTR_METRIC) {
		take_amount(p, leaf, t, cmp);
	} else {
		take_number(p, leaf, t, cmp);
	}
	if (p->rc == 0)
		p->t++;
}

/* ---- sets in order ----------------------------------------------------- */

static int
order_range(const void *a, const void *b)
{
	const struct gdi_range *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

static int
order_range4(const void *a, const void *b)
{
	const struct gdi_range4 *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

static int
order_range6(const void *a, const void *b)
{
	const struct gdi_range6 *x = a, *y = b;

	return !gdi_addr6_le(x->lo, y->lo) - !gdi_addr6_le(y->lo, x->lo);
}

/* Sorts and merges what overlaps or adjoins. */
static void
settle4(struct gdi_node *node)
{
	struct gdi_range4 *r = node->v4;
	size_t n = 0;

	if (node->n4 == 0)
		return;
	qsort(r, node->n4, sizeof(*r), order_range4);
	for (size_t i = 1; i < node->n4; i++) {
		if (r[i].lo <= r[n].hi || r[i].lo - 1 == r[n].hi) {
			if (r[i].hi > r[n].hi)
				r[n].hi = r[i].hi;
		} else {
			r[++n] = r[i];
		}
	}
	node->n4 = n + 1;
}

static void
settle6(struct gdi_node *node)
{
	struct gdi_range6 *r = node->v6;
	size_t n = 0;

	if (node->n6 == 0)
		return;
	qsort(r, node->n6, sizeof(*r), order_range6);
	for (size_t i = 1; i < node->n6; i++) {
		if (gdi_addr6_le(r[i].lo, r[n].hi)) {
			if (gdi_addr6_le(r[n].hi, r[i].hi))
				r[n].hi = r[i].hi;
		} else {
			r[++n] = r[i];
		}
	}
	node->n6 = n + 1;
}

static void
settle_numbers(struct gdi_node *node)
{
	struct gdi_range *r = node->numbers;
	size_t n = 0;

	if (node->n_numbers == 0)
		return;
	qsort(r, node->n_numbers, sizeof(*r), order_range);
	for (size_t i = 1; i < node->n_numbers; i++) {
		if (r[i].lo <= r[n].hi || r[i].lo - 1 == r[n].hi) {
			if (r[i].hi > r[n].hi)
				r[n].hi = r[i].hi;
		} else {
			r[++n] = r[i];
		}
	}
	node->n_numbers = n + 1;
}

static int
order_amounts(const void *a, const void *b)
{
	const struct gdi_range64 *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

static void
settle_amounts(struct gdi_node *node)
{
	struct gdi_range64 *r = node->amounts;
	size_t n = 0;

	if (node->n_amounts == 0)
		return;
	qsort(r, node->n_amounts, sizeof(*r), order_amounts);
	for (size_t i = 1; i < node->n_amounts; i++) {
		if (r[i].lo <= r[n].hi || r[i].lo - 1 == r[n].hi) {
			if (r[i].hi > r[n].hi)
				r[n].hi = r[i].hi;
		} else {
			r[++n] = r[i];
		}
	}
	node->n_amounts = n + 1;
}

static void
settle(struct gdi_node *node)
{
	settle4(node);
	settle6(node);
	settle_numbers(node);
	settle_amounts(node);
}

/* ---- grammar ----------------------------------------------------------- */

static uint32_t parse_any(struct parser *p);

/* "(a, b)", "[a b]", "{a,b}", or a bare value. */
static void
parse_list(struct parser *p, uint32_t leaf)
{
	static const char opens[] = "([{", closes[] = ")]}";
	const struct gdi_token *open = p->t;
	char close;

	if (open->kind != GDI_TOKEN_OPEN) {
		take_value(p, leaf, GDI_EQ);
		return;
	}
	close = closes[strchr(opens, p->text[open->offset]) - opens];
	p->t++;
	for (;;) {
		take_value(p, leaf, GDI_EQ);
		if (p->rc < 0)
			return;
		if (p->t->kind == GDI_TOKEN_CLOSE)
			break;
		if (p->t->kind == GDI_TOKEN_END) {
			FAIL(p, open, "the bracket is not closed");
			return;
		}
		/* tcpdump says `port (80 or 443)` */
		if (p->t->kind == GDI_TOKEN_COMMA ||
		    is_kind(p->t, GDI_WORD_OR))
			p->t++;
	}
	if (p->text[p->t->offset] != close)
		FAIL(p, p->t, "the list began with another kind of bracket");
	p->t++;
}

/* What follows an attribute: [operator] value[, value...] | [not] in list. */
static uint32_t
parse_leaf(struct parser *p, enum gdi_attr attr)
{
	enum gdi_cmp cmp = GDI_EQ;
	bool negated = false, list = false;
	uint32_t leaf;

	if (attr == GDI_ATTR_SPORT) {
		FAIL(p, p->t - 1, "the source port is not stored, only dport "
		    "(the destination port) is");
		return GDI_NO_NODE;
	}
	if (is_kind(p->t, GDI_WORD_NOT) && is_kind(p->t + 1, GDI_WORD_IN)) {
		negated = list = true;
		p->t += 2;
	} else if (is_kind(p->t, GDI_WORD_IN)) {
		list = true;
		p->t++;
	} else if (is_kind(p->t, GDI_WORD_CMP)) {
		cmp = (enum gdi_cmp)p->t->word->value;
		negated = cmp == GDI_NE;
		p->t++;
	}
	leaf = new_leaf(p, attr);
	if (leaf == GDI_NO_NODE)
		return GDI_NO_NODE;
	if (list || (p->t->kind == GDI_TOKEN_OPEN && cmp <= GDI_NE))
		parse_list(p, leaf);
	else
		take_value(p, leaf, cmp);
	while (p->rc == 0 && p->t->kind == GDI_TOKEN_COMMA && cmp <= GDI_NE) {
		p->t++;
		take_value(p, leaf, GDI_EQ);
	}
	if (p->rc < 0)
		return GDI_NO_NODE;
	settle(&p->cond->node[leaf]);
	p->carries = cmp == GDI_EQ && !negated && attr != GDI_ATTR_L7 &&
	    attr != GDI_ATTR_CATEGORY && attr != GDI_ATTR_SITE &&
	    attr != GDI_ATTR_METRIC && !p->geo;
	p->carried = attr;
	return negated ? new_parent(p, GDI_NOT, leaf, GDI_NO_NODE) : leaf;
}

/* src or dst, possibly both, then host, net or port: tcpdump's
 * `src host X`, `dst port X`, `src or dst net X`. */
static uint32_t
parse_ends(struct parser *p)
{
	enum gdi_attr attr = (enum gdi_attr)p->t->word->value;
	bool both = false, joined = false;
	const struct gdi_token *values;
	uint32_t a, b;

	p->t++;
	if ((is_kind(p->t, GDI_WORD_OR) || is_kind(p->t, GDI_WORD_AND)) &&
	    is_end_word(p->t + 1) && !is_kind(p->t + 2, GDI_WORD_CMP)) {
		both = true;
		joined = is_kind(p->t, GDI_WORD_AND);
		p->t += 2;
	}
	if (is_kind(p->t, GDI_WORD_GEO)) {
		p->geo = p->t++->word;
	} else if (is_kind(p->t, GDI_WORD_ATTR)) {
		if (p->t->word->role == GDI_ROLE_PORT) {
			p->t++;
			return parse_leaf(p, both || attr == GDI_ATTR_SIP
				? GDI_ATTR_SPORT : GDI_ATTR_DPORT);
		}
		if (p->t->word->role != GDI_ROLE_ADDR) {
			FAIL(p, p->t, "after src or dst comes an address, "
			    "host, net or port");
			return GDI_NO_NODE;
		}
		p->t++;
	}
	if (!both)
		return parse_leaf(p, attr);
	if (!joined)
		return parse_leaf(p, GDI_ATTR_HOST);
	values = p->t;
	a = parse_leaf(p, GDI_ATTR_SIP);
	p->t = values;
	b = parse_leaf(p, GDI_ATTR_DIP);
	p->carries = false;
	return new_parent(p, GDI_AND, a, b);
}

static uint32_t parse_primitive(struct parser *p);
static bool deeper(struct parser *p);

/* A leaf of one number, and `tcp port 80`: AND with what follows. */
static uint32_t
parse_qualifier(struct parser *p, enum gdi_attr attr, int number)
{
	uint32_t leaf = new_leaf(p, attr), rest;

	if (leaf == GDI_NO_NODE)
		return leaf;
	p->t++;
	add_number(p, leaf, number, number);
	p->carries = false;
	if (p->rc < 0 || !is_kind(p->t, GDI_WORD_ATTR) || !deeper(p))
		return leaf;
	rest = parse_primitive(p);
	p->depth--;
	return new_parent(p, GDI_AND, leaf, rest);
}

/* A word that the grammar does not have: a protocol, an address, or one more
 * value of the last attribute. */
static uint32_t
parse_bare(struct parser *p)
{
	const struct gdi_token *t = p->t;
	char text[VALUE_MAX + 1];
	struct gp_prefix x;
	struct gp_addr lo, hi;
	int proto;

	if (!copy_token(p, t, text))
		return GDI_NO_NODE;
	proto = godb_proto_parse(text);
	if (proto >= 0 && strspn(text, "0123456789") != strlen(text))
		return parse_qualifier(p, GDI_ATTR_PROTO, proto);
	if (p->carries && !is_kind(t + 1, GDI_WORD_CMP))
		return parse_leaf(p, p->carried);
	if (gp_prefix_parse(text, &x, NULL) == 0 ||
	    parse_addr_range(text, &lo, &hi))
		return parse_leaf(p, GDI_ATTR_HOST);
	if (strspn(text, "0123456789") == strlen(text)) {
		FAIL(p, t, "a number of what? did you mean 'port %.12s'?",
		    text);
		return GDI_NO_NODE;
	}
	fail_suggest(p, t,
	    is_kind(t + 1, GDI_WORD_CMP) ? "unknown attribute" : "unknown word",
	    nearest_word(p, t, begins_primitive, true));
	return GDI_NO_NODE;
}

static uint32_t
new_amounts(struct parser *p, enum godb_metric m, uint64_t lo, uint64_t hi)
{
	uint32_t leaf;

	p->metric = m;
	leaf = new_leaf(p, GDI_ATTR_METRIC);
	if (leaf != GDI_NO_NODE)
		add_amounts(p, leaf, lo, hi);
	return leaf;
}

/* Packets received and sent, each none or some. */
static uint32_t
new_flow(struct parser *p, bool rcvd, bool sent)
{
	uint32_t a = new_amounts(p, GODB_METRIC_PACKETS_RCVD, rcvd,
	    rcvd ? UINT64_MAX : 0);
	uint32_t b = new_amounts(p, GODB_METRIC_PACKETS_SENT, sent,
	    sent ? UINT64_MAX : 0);

	return new_parent(p, GDI_AND, a, b);
}

/* goProbe's dir=in|out|uni|bi, and the long words. */
static uint32_t
parse_dir(struct parser *p)
{
	static const char *const names[][2] = {{"in", "inbound"},
	    {"out", "outbound"}, {"bi", "bidirectional"},
	    {"uni", "unidirectional"}};
	bool negated = false;
	struct shown s;
	uint32_t node;
	size_t i = 0;

	p->t++;
	if (is_kind(p->t, GDI_WORD_CMP)) {
		if (p->t->word->value > GDI_NE) {
			FAIL(p, p->t, "directions have no order: use = or !=");
			return GDI_NO_NODE;
		}
		negated = p->t++->word->value == GDI_NE;
	}
	s = show(p, p->t);
	while (i < 4 && gp_words_casecmp(s.text, names[i][0]) != 0 &&
	    gp_words_casecmp(s.text, names[i][1]) != 0)
		i++;
	if (i == 4 || p->t->kind == GDI_TOKEN_END) {
		FAIL(p, p->t, "a direction is in, out, uni or bi");
		return GDI_NO_NODE;
	}
	p->t++;
	p->carries = false;
	if (i < 3)
		node = new_flow(p, i != 1, i != 0);
	else
		node = new_parent(p, GDI_OR, new_flow(p, true, false),
		    new_flow(p, false, true));
	return negated ? new_parent(p, GDI_NOT, node, GDI_NO_NODE) : node;
}

/* Alone, the networks of [site]; compared, the sensor's name. */
static uint32_t
parse_site(struct parser *p)
{
	const struct gdi_token *next = p->t + 1;

	if (!is_kind(next, GDI_WORD_CMP) && !is_kind(next, GDI_WORD_IN) &&
	    !(is_kind(next, GDI_WORD_NOT) && is_kind(next + 1, GDI_WORD_IN)))
		return parse_leaf(p, GDI_ATTR_HOST);
	if (!p->opts || !p->opts->sites) {
		FAIL(p, p->t, "a store is of one site; names of sites are for "
		    "--remote (the networks of [site]: just 'site')");
		return GDI_NO_NODE;
	}
	p->t++;
	return parse_leaf(p, GDI_ATTR_SITE);
}

static uint32_t
parse_primitive(struct parser *p)
{
	const struct gdi_token *t = p->t;

	p->at = t;
	p->geo = NULL;
	if (is_kind(t, GDI_WORD_GEO)) {
		p->geo = t->word;
		p->t++;
		return parse_leaf(p, GDI_ATTR_HOST);
	}
	if (is_kind(t, GDI_WORD_DIR))
		return parse_dir(p);
	if (is_kind(t, GDI_WORD_METRIC)) {
		p->metric = (enum godb_metric)t->word->value;
		p->t++;
		return parse_leaf(p, GDI_ATTR_METRIC);
	}
	if (is_kind(t, GDI_WORD_VERSION))
		return parse_qualifier(p, GDI_ATTR_VERSION, t->word->value);
	if (is_end_word(t))
		return parse_ends(p);
	if (is_kind(t, GDI_WORD_ATTR)) {
		/* alone or before another attribute, ip is tcpdump's IPv4 */
		if (strcmp(t->word->text, "ip") == 0 && !is_value(t + 1) &&
		    !is_kind(t + 1, GDI_WORD_CMP) &&
		    !is_kind(t + 1, GDI_WORD_IN) &&
		    !is_kind(t + 1, GDI_WORD_SITE) &&
		    !(is_kind(t + 1, GDI_WORD_NOT) &&
			is_kind(t + 2, GDI_WORD_IN)))
			return parse_qualifier(p, GDI_ATTR_VERSION, 4);
		p->t++;
		return parse_leaf(p, (enum gdi_attr)t->word->value);
	}
	if (is_kind(t, GDI_WORD_SITE))
		return parse_site(p);
	if (is_set(p->text, t))
		return parse_leaf(p, p->carries && (p->carried == GDI_ATTR_SIP ||
			p->carried == GDI_ATTR_DIP) ? p->carried
						   : GDI_ATTR_HOST);
	if (is_value(t))
		return parse_bare(p);
	if (t->kind == GDI_TOKEN_END)
		FAIL(p, t, "the condition ends too early");
	else if (t->word)
		FAIL(p, t, "a condition is missing before '%s'", t->word->text);
	else
		FAIL(p, t, "a condition is missing here");
	return GDI_NO_NODE;
}

static bool
deeper(struct parser *p)
{
	if (p->depth >= GODB_COND_DEPTH_MAX) {
		FAIL(p, p->t, "nested deeper than %d levels",
		    GODB_COND_DEPTH_MAX);
		return false;
	}
	p->depth++;
	return true;
}

static uint32_t
parse_bracket(struct parser *p)
{
	static const char opens[] = "([{", closes[] = ")]}";
	const struct gdi_token *open = p->t++;
	char close = closes[strchr(opens, p->text[open->offset]) - opens];
	uint32_t inner = parse_any(p);

	if (p->rc < 0)
		return GDI_NO_NODE;
	if (p->t->kind == GDI_TOKEN_END) {
		FAIL(p, open, "the bracket is not closed");
	} else if (p->t->kind != GDI_TOKEN_CLOSE) {
		fail_suggest(p, p->t, "expected 'and', 'or' or a bracket before",
		    nearest_word(p, p->t, joins, false));
	} else if (p->text[p->t->offset] != close) {
		FAIL(p, p->t, "this closes another kind of bracket");
	} else {
		p->t++;
		p->carries = false;
	}
	return inner;
}

static uint32_t
parse_not(struct parser *p)
{
	uint32_t inner;

	if (is_kind(p->t, GDI_WORD_NOT)) {
		if (!deeper(p))
			return GDI_NO_NODE;
		p->t++;
		inner = parse_not(p);
		p->depth--;
		return new_parent(p, GDI_NOT, inner, GDI_NO_NODE);
	}
	if (p->t->kind == GDI_TOKEN_OPEN) {
		if (!deeper(p))
			return GDI_NO_NODE;
		inner = parse_bracket(p);
		p->depth--;
		return inner;
	}
	return parse_primitive(p);
}

static uint32_t
parse_chain(struct parser *p, enum gdi_word_kind joint, enum gdi_kind kind,
    uint32_t (*part)(struct parser *))
{
	uint32_t first = part(p), parent, last, next;

	if (p->rc < 0 || !is_kind(p->t, joint))
		return first;
	parent = new_parent(p, kind, first, GDI_NO_NODE);
	last = first;
	while (p->rc == 0 && is_kind(p->t, joint)) {
		p->t++;
		next = part(p);
		if (p->rc < 0)
			break;
		p->cond->node[last].next = next;
		last = next;
	}
	return parent;
}

static uint32_t
parse_all(struct parser *p)
{
	return parse_chain(p, GDI_WORD_AND, GDI_AND, parse_not);
}

static uint32_t
parse_any(struct parser *p)
{
	return parse_chain(p, GDI_WORD_OR, GDI_OR, parse_all);
}

int
godb_cond_parse(const char *text, const struct godb_cond_opts *opts,
    struct godb_cond **out, struct godb_diag *diag)
{
	struct gdi_token *tokens = NULL;
	struct parser p = {.text = text, .diag = diag};

	p.rc = gdi_grammar_split(text, &tokens, diag);
	if (p.rc < 0)
		return p.rc;
	p.opts = opts;
	p.site = opts ? opts->site : NULL;
	p.having = opts ? opts->having : NULL;
	p.t = tokens;
	p.cond = calloc(1, sizeof(*p.cond));
	if (!p.cond) {
		free(tokens);
		return -ENOMEM;
	}
	p.cond->root = GDI_NO_NODE;
	if (p.t->kind != GDI_TOKEN_END)
		p.cond->root = parse_any(&p);
	if (p.rc == 0 && p.t->kind == GDI_TOKEN_CLOSE)
		FAIL(&p, p.t, "no bracket is open here");
	else if (p.rc == 0 && p.t->kind != GDI_TOKEN_END)
		fail_suggest(&p, p.t, "expected 'and' or 'or' before",
		    nearest_word(&p, p.t, joins, false));
	free(tokens);
	if (p.rc < 0) {
		godb_cond_free(p.cond);
		return p.rc;
	}
	*out = p.cond;
	return 0;
}

bool
godb_cond_set(const char *text, size_t i, char name[GODB_COND_NAME_MAX])
{
	struct gdi_token *tokens;
	bool found = false;

	if (gdi_grammar_split(text, &tokens, NULL) < 0)
		return false;
	for (const struct gdi_token *t = tokens; t->kind != GDI_TOKEN_END; t++) {
		if ((!is_set(text, t) && !is_kind(t, GDI_WORD_GEO)) ||
		    t->length >= GODB_COND_NAME_MAX)
			continue;
		if (i-- > 0)
			continue;
		memcpy(name, text + t->offset, t->length);
		name[t->length] = '\0';
		found = true;
		break;
	}
	free(tokens);
	return found;
}

uint32_t
godb_cond_metrics(const struct godb_cond *c)
{
	return c->metrics;
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
