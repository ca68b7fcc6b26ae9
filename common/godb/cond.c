/*
 * The grammar: recursive descent, NOT before AND before OR.  Chains of AND and
 * OR are one node with many children, so that depth grows with brackets and
 * NOTs alone.
 */
#include "common/godb/cond_parse.h"
#include "common/godb/internal.h"

#include "common/base/addr.h"
#include "common/base/words.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool
begins_primitive(const struct gdi_word *w)
{
	return w->kind == GDI_WORD_ATTR || w->kind == GDI_WORD_VERSION ||
	    w->kind == GDI_WORD_GEO || w->kind == GDI_WORD_METRIC ||
	    w->kind == GDI_WORD_DIR || w->kind == GDI_WORD_NOT;
}

static bool
joins(const struct gdi_word *w)
{
	return w->kind == GDI_WORD_AND || w->kind == GDI_WORD_OR;
}

static bool
is_address(enum gdi_attr attr)
{
	return attr == GDI_ATTR_SIP || attr == GDI_ATTR_DIP ||
	    attr == GDI_ATTR_HOST;
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
	return gdi_token_is(t, GDI_WORD_ATTR) && t->word->role == GDI_ROLE_END;
}

/* "not in" */
static bool
is_not_in(const struct gdi_token *t)
{
	return gdi_token_is(t, GDI_WORD_NOT) &&
	    gdi_token_is(t + 1, GDI_WORD_IN);
}

/* Whether the bracket at p->t is of the kind that was opened. */
static bool
closes(const struct gdi_parser *p, const struct gdi_token *open)
{
	static const char opening[] = "([{", closing[] = ")]}";
	const char *kind = strchr(opening, p->text[open->offset]);

	return p->text[p->t->offset] == closing[kind - opening];
}

static uint32_t parse_any(struct gdi_parser *p);

/* "(a, b)", "[a b]", "{a,b}", or a bare value. */
static void
parse_list(struct gdi_parser *p, uint32_t leaf)
{
	const struct gdi_token *open = p->t;

	if (open->kind != GDI_TOKEN_OPEN) {
		gdi_cond_value(p, leaf, GDI_EQ);
		return;
	}
	p->t++;
	for (;;) {
		gdi_cond_value(p, leaf, GDI_EQ);
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
		    gdi_token_is(p->t, GDI_WORD_OR))
			p->t++;
	}
	if (!closes(p, open))
		FAIL(p, p->t, "the list began with another kind of bracket");
	p->t++;
}

/* What follows an attribute: [operator] value[, value...] | [not] in list.
 * Where *negated gets true, the opposite of the leaf is meant. */
static uint32_t
parse_values(struct gdi_parser *p, enum gdi_attr attr, bool *negated)
{
	enum gdi_cmp cmp = GDI_EQ;
	bool list = false;
	uint32_t leaf;

	*negated = false;
	if (attr == GDI_ATTR_SPORT) {
		FAIL(p, p->t - 1, "the source port is not stored, only dport "
		    "(the destination port) is");
		return GDI_NO_NODE;
	}
	if (is_not_in(p->t)) {
		*negated = list = true;
		p->t += 2;
	} else if (gdi_token_is(p->t, GDI_WORD_IN)) {
		list = true;
		p->t++;
	} else if (gdi_token_is(p->t, GDI_WORD_CMP)) {
		cmp = (enum gdi_cmp)p->t->word->value;
		*negated = cmp == GDI_NE;
		p->t++;
	}
	leaf = gdi_cond_leaf(p, attr);
	if (leaf == GDI_NO_NODE)
		return GDI_NO_NODE;
	if (list || (p->t->kind == GDI_TOKEN_OPEN && cmp <= GDI_NE))
		parse_list(p, leaf);
	else
		gdi_cond_value(p, leaf, cmp);
	while (p->rc == 0 && p->t->kind == GDI_TOKEN_COMMA && cmp <= GDI_NE) {
		p->t++;
		gdi_cond_value(p, leaf, GDI_EQ);
	}
	if (p->rc < 0)
		return GDI_NO_NODE;
	gdi_cond_settle(&p->cond->node[leaf]);
	p->carries = cmp == GDI_EQ && !*negated && attr != GDI_ATTR_L7 &&
	    attr != GDI_ATTR_CATEGORY && attr != GDI_ATTR_SITE &&
	    attr != GDI_ATTR_METRIC && !p->geo;
	p->carried = (struct gdi_carried){.attr = attr};
	return leaf;
}

static uint32_t
parse_leaf(struct gdi_parser *p, enum gdi_attr attr)
{
	bool negated;
	uint32_t leaf = parse_values(p, attr, &negated);

	return negated ? gdi_cond_parent(p, GDI_NOT, leaf, GDI_NO_NODE) : leaf;
}

/* `src and dst net X`: the same values of either one.  "!=" is the opposite of
 * both together. */
static uint32_t
parse_both(struct gdi_parser *p)
{
	const struct gdi_token *values = p->t;
	uint32_t a, b, both;
	bool negated;

	a = parse_values(p, GDI_ATTR_SIP, &negated);
	p->t = values;
	b = parse_values(p, GDI_ATTR_DIP, &negated);
	p->carried.both = true;
	both = gdi_cond_parent(p, GDI_AND, a, b);
	return negated ? gdi_cond_parent(p, GDI_NOT, both, GDI_NO_NODE) : both;
}

/* src or dst, possibly both, then host, net or port: tcpdump's
 * `src host X`, `dst port X`, `src or dst net X`. */
static uint32_t
parse_ends(struct gdi_parser *p)
{
	enum gdi_attr attr = (enum gdi_attr)p->t->word->value;
	bool both = false, joined = false;

	p->t++;
	if ((gdi_token_is(p->t, GDI_WORD_OR) ||
		gdi_token_is(p->t, GDI_WORD_AND)) &&
	    is_end_word(p->t + 1) && !gdi_token_is(p->t + 2, GDI_WORD_CMP)) {
		both = true;
		joined = gdi_token_is(p->t, GDI_WORD_AND);
		p->t += 2;
	}
	if (gdi_token_is(p->t, GDI_WORD_GEO)) {
		p->geo = p->t++->word;
	} else if (gdi_token_is(p->t, GDI_WORD_ATTR)) {
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
	return joined ? parse_both(p) : parse_leaf(p, GDI_ATTR_HOST);
}

static bool
deeper(struct gdi_parser *p)
{
	if (p->depth >= GODB_COND_DEPTH_MAX) {
		FAIL(p, p->t, "nested deeper than %d levels",
		    GODB_COND_DEPTH_MAX);
		return false;
	}
	p->depth++;
	return true;
}

static uint32_t parse_primitive(struct gdi_parser *p);

static uint32_t
new_number(struct gdi_parser *p, enum gdi_attr attr, int number)
{
	uint32_t leaf = gdi_cond_leaf(p, attr);

	if (leaf != GDI_NO_NODE)
		gdi_cond_add_number(p, leaf, number, number);
	return leaf;
}

/* Said twice (`ip ip port 80`) it is carried once. */
static void
carry(struct gdi_carried *c, enum gdi_attr attr, int number)
{
	for (unsigned i = 0; i < c->n_with; i++) {
		if (c->with[i].attr == attr && c->with[i].number == number)
			return;
	}
	assert(c->n_with < sizeof(c->with) / sizeof(c->with[0]));
	c->with[c->n_with++] = (struct gdi_qualifier){attr, number};
}

/* A leaf of one number, and `tcp port 80`: AND with what follows. */
static uint32_t
parse_qualifier(struct gdi_parser *p, enum gdi_attr attr, int number)
{
	uint32_t leaf = new_number(p, attr, number), rest;

	if (leaf == GDI_NO_NODE)
		return leaf;
	p->t++;
	p->carries = false;
	if (p->rc < 0 || !gdi_token_is(p->t, GDI_WORD_ATTR) || !deeper(p))
		return leaf;
	rest = parse_primitive(p);
	p->depth--;
	if (p->carries)
		carry(&p->carried, attr, number);
	return gdi_cond_parent(p, GDI_AND, leaf, rest);
}

/* One more value of the last primitive, with all that qualified it: as
 * tcpdump has it, `tcp port 80 or 443` is of TCP alone. */
static uint32_t
parse_again(struct gdi_parser *p)
{
	const struct gdi_carried as = p->carried;
	uint32_t node, leaf;
	unsigned i;

	for (i = 0; i < as.n_with; i++) {
		if (!deeper(p))
			return GDI_NO_NODE;
	}
	node = as.both ? parse_both(p) : parse_leaf(p, as.attr);
	for (i = 0; i < as.n_with; i++) {
		leaf = new_number(p, as.with[i].attr, as.with[i].number);
		node = gdi_cond_parent(p, GDI_AND, leaf, node);
	}
	p->depth -= as.n_with;
	p->carried = as;
	return node;
}

/* What such a word was meant for. */
static void
refuse_bare(struct gdi_parser *p, const struct gdi_token *t, const char *text)
{
	const char *hint = gdi_cond_elsewhere(text);

	if (strspn(text, "0123456789") == strlen(text))
		FAIL(p, t, "a number of what? did you mean 'port %.12s'?",
		    text);
	else if (hint)
		FAIL(p, t, "unknown word '%.20s': %s", text, hint);
	else if (strchr(text, '.') && gdi_cond_is_like_address(text))
		gdi_cond_no_address(p, t, text);
	else if (godb_port_parse(text) >= 0)
		FAIL(p, t, "unknown word '%.20s'; did you mean 'port %.20s'?",
		    text, text);
	else
		gdi_cond_suggest(p, t, gdi_token_is(t + 1, GDI_WORD_CMP)
			? "unknown attribute" : "unknown word",
		    gdi_cond_nearest_word(p, t, begins_primitive, true));
}

/* A word that the grammar does not have: a protocol, an address, or one more
 * value of the last attribute. */
static uint32_t
parse_bare(struct gdi_parser *p)
{
	const struct gdi_token *t = p->t;
	char text[GDI_VALUE_MAX + 1];
	struct gp_prefix x;
	struct gp_addr lo, hi;
	int proto;

	if (!gdi_cond_copy(p, t, text))
		return GDI_NO_NODE;
	proto = godb_proto_parse(text);
	if (proto >= 0 && strspn(text, "0123456789") != strlen(text))
		return parse_qualifier(p, GDI_ATTR_PROTO, proto);
	if (p->carries && !gdi_token_is(t + 1, GDI_WORD_CMP))
		return parse_again(p);
	if (gp_prefix_typed(text, &x) == 0 ||
	    gdi_cond_addr_range(text, &lo, &hi))
		return parse_leaf(p, GDI_ATTR_HOST);
	refuse_bare(p, t, text);
	return GDI_NO_NODE;
}

static uint32_t
new_amounts(struct gdi_parser *p, enum godb_metric m, uint64_t lo, uint64_t hi)
{
	uint32_t leaf;

	p->metric = m;
	leaf = gdi_cond_leaf(p, GDI_ATTR_METRIC);
	if (leaf != GDI_NO_NODE)
		gdi_cond_add_amounts(p, leaf, lo, hi);
	return leaf;
}

/* Packets received and sent, each none or some. */
static uint32_t
new_flow(struct gdi_parser *p, bool rcvd, bool sent)
{
	uint32_t a = new_amounts(p, GODB_METRIC_PACKETS_RCVD, rcvd,
	    rcvd ? UINT64_MAX : 0);
	uint32_t b = new_amounts(p, GODB_METRIC_PACKETS_SENT, sent,
	    sent ? UINT64_MAX : 0);

	return gdi_cond_parent(p, GDI_AND, a, b);
}

/* goProbe's dir=in|out|uni|bi, and the long words. */
static uint32_t
parse_dir(struct gdi_parser *p)
{
	static const char *const names[][2] = {{"in", "inbound"},
	    {"out", "outbound"}, {"bi", "bidirectional"},
	    {"uni", "unidirectional"}};
	bool negated = false;
	struct gdi_shown s;
	uint32_t node;
	size_t i = 0;

	p->t++;
	if (gdi_token_is(p->t, GDI_WORD_CMP)) {
		if (p->t->word->value > GDI_NE) {
			FAIL(p, p->t, "directions have no order: use = or !=");
			return GDI_NO_NODE;
		}
		negated = p->t++->word->value == GDI_NE;
	}
	s = gdi_cond_show(p, p->t);
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
		node = gdi_cond_parent(p, GDI_OR, new_flow(p, true, false),
		    new_flow(p, false, true));
	return negated ? gdi_cond_parent(p, GDI_NOT, node, GDI_NO_NODE) : node;
}

/* Alone, the networks of [site]; compared, the sensor's name. */
static uint32_t
parse_site(struct gdi_parser *p)
{
	const struct gdi_token *next = p->t + 1;

	if (!gdi_token_is(next, GDI_WORD_CMP) &&
	    !gdi_token_is(next, GDI_WORD_IN) && !is_not_in(next))
		return parse_leaf(p, GDI_ATTR_HOST);
	if (!p->opts->sites) {
		FAIL(p, p->t, "a store is of one site; names of sites are for "
		    "--remote (the networks of [site]: just 'site')");
		return GDI_NO_NODE;
	}
	p->t++;
	return parse_leaf(p, GDI_ATTR_SITE);
}

static uint32_t
parse_primitive(struct gdi_parser *p)
{
	const struct gdi_token *t = p->t;

	p->at = t;
	p->geo = NULL;
	if (gdi_token_is(t, GDI_WORD_GEO)) {
		p->geo = t->word;
		p->t++;
		return parse_leaf(p, GDI_ATTR_HOST);
	}
	if (gdi_token_is(t, GDI_WORD_DIR))
		return parse_dir(p);
	if (gdi_token_is(t, GDI_WORD_METRIC)) {
		p->metric = (enum godb_metric)t->word->value;
		p->t++;
		return parse_leaf(p, GDI_ATTR_METRIC);
	}
	if (gdi_token_is(t, GDI_WORD_VERSION))
		return parse_qualifier(p, GDI_ATTR_VERSION, t->word->value);
	if (is_end_word(t))
		return parse_ends(p);
	if (gdi_token_is(t, GDI_WORD_ATTR)) {
		/* alone or before another attribute, ip is tcpdump's IPv4 */
		if (strcmp(t->word->text, "ip") == 0 && !is_value(t + 1) &&
		    t[1].kind != GDI_TOKEN_OPEN &&
		    !gdi_token_is(t + 1, GDI_WORD_CMP) &&
		    !gdi_token_is(t + 1, GDI_WORD_IN) &&
		    !gdi_token_is(t + 1, GDI_WORD_SITE) && !is_not_in(t + 1))
			return parse_qualifier(p, GDI_ATTR_VERSION, 4);
		p->t++;
		return parse_leaf(p, (enum gdi_attr)t->word->value);
	}
	if (gdi_token_is(t, GDI_WORD_SITE))
		return parse_site(p);
	if (gdi_token_is_set(p->text, t))
		return p->carries && is_address(p->carried.attr)
		    ? parse_again(p) : parse_leaf(p, GDI_ATTR_HOST);
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

static uint32_t
parse_bracket(struct gdi_parser *p)
{
	const struct gdi_token *open = p->t++;
	uint32_t inner = parse_any(p);

	if (p->rc < 0)
		return GDI_NO_NODE;
	if (p->t->kind == GDI_TOKEN_END) {
		FAIL(p, open, "the bracket is not closed");
	} else if (p->t->kind != GDI_TOKEN_CLOSE) {
		gdi_cond_suggest(p, p->t,
		    "expected 'and', 'or' or a bracket before",
		    gdi_cond_nearest_word(p, p->t, joins, false));
	} else if (!closes(p, open)) {
		FAIL(p, p->t, "this closes another kind of bracket");
	} else {
		p->t++;
		p->carries = false;
	}
	return inner;
}

static uint32_t
parse_not(struct gdi_parser *p)
{
	uint32_t inner;

	if (gdi_token_is(p->t, GDI_WORD_NOT)) {
		if (!deeper(p))
			return GDI_NO_NODE;
		p->t++;
		inner = parse_not(p);
		p->depth--;
		return gdi_cond_parent(p, GDI_NOT, inner, GDI_NO_NODE);
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
parse_chain(struct gdi_parser *p, enum gdi_word_kind joint, enum gdi_kind kind,
    uint32_t (*part)(struct gdi_parser *))
{
	uint32_t first = part(p), parent, last, next;

	if (p->rc < 0 || !gdi_token_is(p->t, joint))
		return first;
	parent = gdi_cond_parent(p, kind, first, GDI_NO_NODE);
	last = first;
	while (p->rc == 0 && gdi_token_is(p->t, joint)) {
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
parse_all(struct gdi_parser *p)
{
	return parse_chain(p, GDI_WORD_AND, GDI_AND, parse_not);
}

static uint32_t
parse_any(struct gdi_parser *p)
{
	return parse_chain(p, GDI_WORD_OR, GDI_OR, parse_all);
}

int
godb_cond_parse(const char *text, const struct godb_cond_opts *opts,
    struct godb_cond **out, struct godb_diag *diag)
{
	struct gdi_token *tokens = NULL;
	struct godb_cond_opts o = GODB_COND_OPTS_INIT;
	struct gdi_parser p = {.text = text, .diag = diag, .opts = &o};

	if (opts)
		p.rc = gdi_opts_take(&o, sizeof(o), opts);
	if (p.rc == 0)
		p.rc = gdi_grammar_split(text, &tokens, diag);
	if (p.rc < 0)
		return p.rc;
	p.site = o.site;
	p.having = o.having;
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
		gdi_cond_suggest(&p, p.t, "expected 'and' or 'or' before",
		    gdi_cond_nearest_word(&p, p.t, joins, false));
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
	for (const struct gdi_token *t = tokens; t->kind != GDI_TOKEN_END;
	     t++) {
		if ((!gdi_token_is_set(text, t) &&
			!gdi_token_is(t, GDI_WORD_GEO)) ||
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
