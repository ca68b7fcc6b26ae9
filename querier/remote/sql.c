#include "querier/remote/sql.h"

#include "common/base/applications.h"
#include "common/base/clock.h"
#include "common/base/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RANGES_MAX 40 /* more of them are looked up as a set */
#define NIBBLES    32

__extension__ typedef unsigned __int128 u128;

/* ---- addresses ----------------------------------------------------------- */

static u128
v6_value(struct godb_addr6 a)
{
	return (u128)a.hi << 64 | a.lo;
}

/* As it is stored: IPv4 as ::ffff:a.b.c.d */
static u128
v4_value(uint32_t a)
{
	return (u128)0xffff << 32 | a;
}

static void
put_hex(struct text *t, u128 v, unsigned nibbles)
{
	static const char digits[] = "0123456789ABCDEF";
	char hex[NIBBLES + 1];

	for (unsigned i = 0; i < nibbles; i++)
		hex[i] = digits[(unsigned)(v >> (124 - 4 * i)) & 15];
	hex[nibbles] = '\0';
	text_add(t, hex);
}

static void
put_addr(struct text *t, u128 v)
{
	text_add(t, "unhex('");
	put_hex(t, v, NIBBLES);
	text_add(t, "')");
}

struct span {
	u128 lo, hi;
};

static void
put_span(struct text *t, const char *addr, const struct span *s)
{
	text_add(t, "(");
	text_add(t, addr);
	if (s->lo == s->hi) {
		text_add(t, " = ");
		put_addr(t, s->lo);
	} else {
		text_add(t, " >= ");
		put_addr(t, s->lo);
		text_add(t, " AND ");
		text_add(t, addr);
		text_add(t, " <= ");
		put_addr(t, s->hi);
	}
	text_add(t, ")");
}

/*
 * A set of many ranges: each is cut into prefixes of whole hexadecimal digits,
 * and those of one length are looked up at once.  The array is one literal,
 * however long it is.
 */
struct pieces {
	struct text of[NIBBLES + 1]; /* by digits of the prefix */
};

static void
cut(struct pieces *p, const struct span *s)
{
	u128 lo = s->lo;

	for (;;) {
		unsigned drop = 0;
		u128 size = 1;
		struct text *t;

		/* as large as it is aligned and fits */
		while (drop < NIBBLES - 1 && lo % (size * 16) == 0 &&
		    s->hi - lo >= size * 16 - 1) {
			size *= 16;
			drop++;
		}
		t = &p->of[NIBBLES - drop];
		text_add(t, t->len ? ",'" : "'");
		put_hex(t, lo, NIBBLES - drop);
		text_add(t, "'");
		if (s->hi - lo < size)
			return;
		lo += size;
	}
}

static void
put_spans(struct text *t, const char *addr, const struct span *s, size_t n)
{
	static struct pieces p; /* freed below */
	bool more = false;

	text_add(t, "(");
	if (n <= RANGES_MAX) {
		for (size_t i = 0; i < n; i++) {
			text_join(t, " OR ", &more);
			put_span(t, addr, &s[i]);
		}
		text_add(t, ")");
		return;
	}
	for (size_t i = 0; i < n; i++)
		cut(&p, &s[i]);
	for (unsigned k = 0; k <= NIBBLES; k++) {
		if (p.of[k].failed)
			t->failed = true;
		if (p.of[k].len == 0)
			continue;
		text_join(t, " OR ", &more);
		text_add(t, "substring(hex(");
		text_add(t, addr);
		text_fmt(t, "), 1, %u) IN (SELECT arrayJoin([", k);
		text_add(t, p.of[k].s);
		text_add(t, "]))");
		text_free(&p.of[k]);
	}
	text_add(t, ")");
}

static void
put_version(struct text *t, const char *addr, int version,
    const struct span *s, size_t n, bool *more)
{
	if (n == 0)
		return;
	text_join(t, " OR ", more);
	text_fmt(t, "(version = %d AND ", version);
	put_spans(t, addr, s, n);
	text_add(t, ")");
}

static void
put_in(struct text *t, const struct gdi_node *node, const char *addr,
    bool *more)
{
	size_t room = node->n4 > node->n6 ? node->n4 : node->n6;
	struct span *s = calloc(room ? room : 1, sizeof(*s));

	if (!s || !addr) {
		t->failed = true;
		free(s);
		return;
	}
	for (size_t i = 0; i < node->n4; i++)
		s[i] = (struct span){v4_value(node->v4[i].lo),
		    v4_value(node->v4[i].hi)};
	put_version(t, addr, 4, s, node->n4, more);
	for (size_t i = 0; i < node->n6; i++)
		s[i] = (struct span){v6_value(node->v6[i].lo),
		    v6_value(node->v6[i].hi)};
	put_version(t, addr, 6, s, node->n6, more);
	free(s);
}

void
sql_in(struct text *t, const struct gdi_node *leaf, const char *addr)
{
	bool more = false;

	text_add(t, leaf->n4 + leaf->n6 ? "(" : "(0");
	put_in(t, leaf, addr, &more);
	text_add(t, ")");
}

/* The server reads the bytes as a little-endian number. */
static uint64_t
half_mask(unsigned drop)
{
	uint64_t mask = drop >= 64 ? 0 : UINT64_MAX << drop;

	return __builtin_bswap64(mask);
}

void
sql_masks(unsigned drop, uint64_t *high, uint64_t *low)
{
	*high = half_mask(drop > 64 ? drop - 64 : 0);
	*low = half_mask(drop > 64 ? 64 : drop);
}

static void
put_addresses(struct text *t, const struct gdi_node *node,
    const struct sql_place *p)
{
	bool more = false;

	if (node->n4 + node->n6 == 0) {
		text_add(t, "0");
		return;
	}
	text_add(t, "(");
	if (node->attr == GDI_ATTR_HOST && p->host)
		put_in(t, node, p->host, &more);
	if (node->attr == GDI_ATTR_SIP ||
	    (node->attr == GDI_ATTR_HOST && !p->host))
		put_in(t, node, p->sip, &more);
	if (node->attr == GDI_ATTR_DIP ||
	    (node->attr == GDI_ATTR_HOST && !p->host))
		put_in(t, node, p->dip, &more);
	text_add(t, ")");
}

/* ---- other leaves -------------------------------------------------------- */

static void
put_numbers(struct text *t, const struct gdi_node *node, const char *column)
{
	bool more = false, some = false;

	text_add(t, "(");
	for (size_t i = 0; i < node->n_numbers; i++) {
		const struct gdi_range *r = &node->numbers[i];

		if (r->lo == r->hi) {
			some = true;
			continue;
		}
		text_join(t, " OR ", &more);
		text_fmt(t, "(%s >= %u AND %s <= %u)", column, r->lo, column,
		    r->hi);
	}
	if (some) {
		bool comma = false;

		text_join(t, " OR ", &more);
		text_fmt(t, "%s IN (", column);
		for (size_t i = 0; i < node->n_numbers; i++) {
			if (node->numbers[i].lo != node->numbers[i].hi)
				continue;
			text_join(t, ", ", &comma);
			text_fmt(t, "%u", node->numbers[i].lo);
		}
		text_add(t, ")");
	}
	text_add(t, more ? ")" : "0)");
}

static void
put_amounts(struct text *t, const struct gdi_node *node, const char *value)
{
	bool more = false;

	text_add(t, "(");
	for (size_t i = 0; i < node->n_amounts; i++) {
		const struct gdi_range64 *r = &node->amounts[i];

		text_join(t, " OR ", &more);
		text_add(t, "(");
		text_add(t, value);
		text_fmt(t, " >= %llu AND ", (unsigned long long)r->lo);
		text_add(t, value);
		text_fmt(t, " <= %llu)", (unsigned long long)r->hi);
	}
	text_add(t, more ? ")" : "0)");
}

bool
sql_name_matches(const struct gdi_node *leaf, const char *asked,
    const char *label, const char *category)
{
	return leaf->attr == GDI_ATTR_CATEGORY
	    ? gp_words_casecmp(category, asked) == 0
	    : gp_application_matches(label, asked);
}

/* The labels that are meant; of a category: of rows, whose own it is. */
static void
put_names(struct text *t, const struct gdi_node *node,
    const struct sql_place *p)
{
	const struct sql_names *x = p->names;
	const bool by_category = node->attr == GDI_ATTR_CATEGORY && !p->groups;
	bool more = false;

	for (size_t i = 0; x && i < x->n; i++) {
		bool meant = false;

		for (size_t k = 0; k < node->n_names && !meant; k++)
			meant = sql_name_matches(node, node->names[k],
			    x->label[i], x->category[i]);
		if (!meant)
			continue;
		if (!more)
			text_add(t, by_category ? "category IN ("
						: "l7proto IN (");
		text_join(t, ", ", &more);
		text_literal(t, by_category ? x->category[i] : x->label[i]);
	}
	text_add(t, more ? ")" : "0");
}

static void
put_sites(struct text *t, const struct gdi_node *node)
{
	bool more = false;

	text_add(t, node->n_names ? "site IN (" : "0");
	for (size_t k = 0; k < node->n_names; k++) {
		text_join(t, ", ", &more);
		text_literal(t, node->names[k]);
	}
	text_add(t, node->n_names ? ")" : "");
}

static void
put_leaf(struct text *t, const struct gdi_node *node,
    const struct sql_place *p)
{
	switch (node->attr) {
	case GDI_ATTR_SIP:
	case GDI_ATTR_DIP:
	case GDI_ATTR_HOST:
		put_addresses(t, node, p);
		return;
	case GDI_ATTR_DPORT:
		put_numbers(t, node, "dport");
		return;
	case GDI_ATTR_PROTO:
		put_numbers(t, node, "proto");
		return;
	case GDI_ATTR_VERSION:
		put_numbers(t, node, "version");
		return;
	case GDI_ATTR_L7:
	case GDI_ATTR_CATEGORY:
		put_names(t, node, p);
		return;
	case GDI_ATTR_SITE:
		put_sites(t, node);
		return;
	case GDI_ATTR_METRIC:
		if (p->metric[node->metric])
			put_amounts(t, node, p->metric[node->metric]);
		else
			t->failed = true;
		return;
	case GDI_ATTR_DIR:
	case GDI_ATTR_SPORT:
		break; /* the parser lets none of them through */
	}
	t->failed = true;
}

/* ---- tree ---------------------------------------------------------------- */

static void
put_node(struct text *t, const struct godb_cond *cond, uint32_t i,
    const struct sql_place *p)
{
	const struct gdi_node *node = &cond->node[i];
	bool more = false;

	if (node->kind == GDI_LEAF) {
		put_leaf(t, node, p);
		return;
	}
	text_add(t, node->kind == GDI_NOT ? "(NOT " : "(");
	for (uint32_t k = node->child; k != GDI_NO_NODE;
	     k = cond->node[k].next) {
		text_join(t, node->kind == GDI_AND ? " AND " : " OR ", &more);
		put_node(t, cond, k, p);
	}
	text_add(t, ")");
}

void
sql_cond(struct text *t, const struct godb_cond *cond,
    const struct sql_place *place)
{
	if (!cond || cond->root == GDI_NO_NODE)
		text_add(t, "1");
	else
		put_node(t, cond, cond->root, place);
}

bool
sql_cond_has_names(const struct godb_cond *cond)
{
	for (uint32_t i = 0; cond && i < cond->n; i++) {
		const struct gdi_node *node = &cond->node[i];

		if (node->kind == GDI_LEAF && (node->attr == GDI_ATTR_L7 ||
			node->attr == GDI_ATTR_CATEGORY))
			return true;
	}
	return false;
}

/* ---- bins ---------------------------------------------------------------- */

/* Bins of one length, one after the other: from `from_s` on, those that begin
 * at a, a + length, ... */
struct piece {
	int64_t from_s, a, length; /* length 0: one bin */
};

struct binning {
	struct piece *piece;
	size_t n, room;
	bool failed;
};

static void
add_piece(struct binning *b, int64_t from_s, int64_t a)
{
	if (b->n == b->room) {
		size_t room = b->room ? 2 * b->room : 16;
		struct piece *more =
		    reallocarray(b->piece, room, sizeof(*more));

		if (!more) {
			b->failed = true;
			return;
		}
		b->piece = more;
		b->room = room;
	}
	b->piece[b->n++] = (struct piece){from_s, a, 0};
}

/* The piece's last bin, which began at `last`, ends at end_s: one that is
 * longer than the others is a piece of its own. */
static void
end_piece(struct binning *b, int64_t last, int64_t end_s)
{
	const struct piece *p = &b->piece[b->n - 1];

	if (p->length && end_s - last > p->length)
		add_piece(b, last, last);
}

static void
find_pieces(struct binning *b, int64_t (*bin)(void *arg, int64_t slot_s),
    void *arg, int64_t first_s, int64_t last_s)
{
	int64_t last = bin(arg, first_s);

	add_piece(b, first_s, last);
	for (int64_t t = first_s + GP_SLOT_S; !b->failed && t <= last_s;
	     t += GP_SLOT_S) {
		struct piece *p = &b->piece[b->n - 1];
		int64_t start = bin(arg, t);

		if (start == last)
			continue;
		if (start == t && t > last && (!p->length ||
			t - last == p->length)) {
			p->length = t - last;
		} else {
			end_piece(b, last, t);
			if (!b->failed)
				add_piece(b, t, start);
		}
		last = start;
	}
	if (!b->failed)
		end_piece(b, last, last_s + GP_SLOT_S);
}

void
sql_bin(struct text *t, const char *time,
    int64_t (*bin)(void *arg, int64_t slot_s), void *arg, int64_t first_s,
    int64_t last_s)
{
	struct binning b = {NULL, 0, 0, false};

	if (first_s > last_s)
		last_s = first_s;
	find_pieces(&b, bin, arg, first_s, last_s);
	text_add(t, b.n > 1 ? "multiIf(" : "(");
	for (size_t i = 0; !b.failed && i < b.n; i++) {
		const struct piece *p = &b.piece[i];

		if (i + 1 < b.n)
			text_fmt(t, "%s < %lld, ", time,
			    (long long)b.piece[i + 1].from_s);
		if (p->length)
			text_fmt(t, "%lld + intDiv(%s - %lld, %lld) * %lld",
			    (long long)p->a, time, (long long)p->a,
			    (long long)p->length, (long long)p->length);
		else
			text_fmt(t, "toInt64(%lld)", (long long)p->a);
		if (i + 1 < b.n)
			text_add(t, ", ");
	}
	text_add(t, ")");
	t->failed |= b.failed;
	free(b.piece);
}

/* ---- protocols ----------------------------------------------------------- */

struct proto_name {
	char text[32];
	unsigned number;
};

static int
order_names(const void *a, const void *b)
{
	return strcmp(((const struct proto_name *)a)->text,
	    ((const struct proto_name *)b)->text);
}

void
sql_proto_rank(struct text *t, const char *proto)
{
	struct proto_name name[256];
	unsigned rank[256];
	bool more = false;

	for (unsigned i = 0; i < 256; i++) {
		const char *known = godb_proto_name((uint8_t)i);

		if (known)
			(void)snprintf(name[i].text, sizeof(name[i].text),
			    "%s", known);
		else
			(void)snprintf(name[i].text, sizeof(name[i].text),
			    "%u", i);
		name[i].number = i;
	}
	qsort(name, 256, sizeof(name[0]), order_names);
	for (unsigned i = 0, place = 0; i < 256; i++) {
		place += i > 0 && strcmp(name[i].text, name[i - 1].text) != 0;
		rank[name[i].number] = place;
	}
	text_add(t, "[");
	for (unsigned i = 0; i < 256; i++) {
		text_join(t, ",", &more);
		text_fmt(t, "%u", rank[i]);
	}
	text_fmt(t, "][toUInt16(%s) + 1]", proto);
}

/* Exact: of the high and the low half of each. */
void
sql_sum(struct text *t, const char *column, const char *condition, bool exact)
{
	const char *open = condition ? "sumIf(" : "sum(";
	const char *comma = condition ? ", " : "";

	condition = condition ? condition : "";
	if (!exact) {
		text_fmt(t, "%s%s%s%s)", open, column, comma, condition);
		return;
	}
	text_fmt(t, "if(%sbitShiftRight(%s, 32)%s%s) + bitShiftRight("
	    "%sbitAnd(%s, 4294967295)%s%s), 32) >= 4294967296, " SQL_MOST ", ",
	    open, column, comma, condition, open, column, comma, condition);
	text_fmt(t, "%s%s%s%s))", open, column, comma, condition);
}
