/*
 * The whole engine against a slow twin: random rows, conditions, groupings,
 * orders and limits.  The twin evaluates each row by itself, groups by
 * comparing with every group, and sorts by the printed text where the
 * contract says text.
 */
#include "common/godb/godb.h"

#include "common/base/addr.h"
#include "tests/lib/eagerpool.h"
#include "tests/lib/fakescan.h"
#include "tests/tap.h"

#include <inttypes.h>

#define PARTS    36 /* enough for three threads to get blocks whole */
#define ROWS_MAX 120
#define TEXT_MAX 4096

static uint64_t state;
static bool narrow;  /* few flows: parts have them in common */
static bool amounts; /* conditions may be about counters */

static uint64_t
pick(uint64_t n)
{
	return tap_random(&state) % n;
}

/* ---- rows -------------------------------------------------------------- */

struct twin_row {
	struct fake_row row;
	int64_t slot_s;
	uint32_t iface;
	bool broken; /* its part cannot be read */
};

static struct twin_row *twin;
static size_t n_twin;
static const char *const l7_names[] = {"Unknown", "TLS", "DNS", "SSH", "tls",
    "[overflow]"};
static const char *const iface_names[] = {"br0", "eth0", "eth1"};

static struct godb_addr6
random_addr(unsigned version)
{
	struct godb_addr6 a = {0, 0};

	if (narrow) {
		a.lo = 0x0a000000 + pick(2);
	} else if (version == 4) {
		a.lo = 0x0a000000 + pick(4) * 256 + pick(6);
		if (pick(10) == 0)
			a.lo = pick(2) ? 0 : 0xffffffff;
	} else {
		a.hi = UINT64_C(0x20010db800000000) + pick(3);
		a.lo = pick(6);
		if (pick(10) == 0)
			a.hi = a.lo = pick(2) ? 0 : UINT64_MAX;
	}
	return a;
}

static struct fake_row
random_row(void)
{
	static const uint16_t ports[] = {0, 22, 53, 80, 443, 1024, 65535};
	static const uint8_t protos[] = {1, 6, 17, 58, 0, 255, 132};
	struct fake_row r = {.version = pick(3) ? 4 : 6};

	r.sip = random_addr(r.version);
	r.dip = random_addr(r.version);
	r.dport = ports[pick(narrow ? 2 : 7)];
	r.proto = protos[pick(narrow ? 2 : 7)];
	r.l7 = (uint16_t)pick(narrow ? 2 : 6);
	for (int k = 0; k < 4; k++)
		r.counter[k] = pick(4) ? pick(5) : pick(UINT64_C(1) << 40);
	return r;
}

static bool
same_flow(const struct fake_row *a, const struct fake_row *b)
{
	return a->version == b->version && a->sip.hi == b->sip.hi &&
	    a->sip.lo == b->sip.lo && a->dip.hi == b->dip.hi &&
	    a->dip.lo == b->dip.lo && a->dport == b->dport &&
	    a->proto == b->proto && a->l7 == b->l7;
}

/* Rows of a part: of a block no two are of one flow; nor of a live one where
 * somebody looks at a row's counters, for those are summed first. */
static size_t
random_rows(struct fake_row rows[ROWS_MAX], bool live)
{
	size_t n = 0;

	for (size_t left = pick(8) ? pick(ROWS_MAX) : 0; left > 0; left--) {
		size_t k = 0;

		rows[n] = random_row();
		while ((!live || amounts) && k < n && !same_flow(&rows[k], &rows[n]))
			k++;
		n += k >= n || (live && !amounts);
	}
	return n;
}

static struct godb_scan *
random_scan(void)
{
	struct godb_scan *s = fake_scan_new();
	struct fake_row rows[ROWS_MAX];
	size_t n_ifaces = pick(3) ? 3 : 1;
	int64_t slot_s = 0;

	narrow = pick(3) == 0;
	amounts = pick(2);
	for (size_t i = 1; i < 6; i++)
		fake_add_l7(s, l7_names[i], "Category");
	for (size_t i = 0; i < n_ifaces; i++)
		fake_add_iface(s, iface_names[i]);
	fake_piece_rows = pick(3) ? 0 : (uint32_t)(1 + pick(ROWS_MAX / 2));
	fake_knows = pick(2);
	n_twin = 0;
	for (size_t p = 0; p < PARTS; p++) {
		uint32_t iface = (uint32_t)(p * n_ifaces / PARTS);
		bool broken = pick(20) == 0, live = pick(8) == 0;
		size_t n = random_rows(rows, live);

		if (p * n_ifaces % PARTS < n_ifaces)
			slot_s = 1700000100;
		else if (pick(2))
			slot_s += 300;
		for (size_t i = 0; i < n; i++) {
			twin[n_twin++] =
			    (struct twin_row){rows[i], slot_s, iface, broken};
		}
		fake_add_part(s, iface, slot_s, rows, n)->flags =
		    live ? GODB_PART_LIVE : 0;
		if (broken)
			fake_break_part(s, p, GODB_EDAMAGED);
	}
	return s;
}

/* ---- conditions: text for us, a closure for the twin ------------------- */

struct twin_cond {
	enum { T_AND, T_OR, T_NOT, T_ADDR, T_PORT, T_PROTO, T_L7, T_VERSION,
		T_AMOUNT } kind;
	struct twin_cond *a, *b;
	bool sip, dip;     /* T_ADDR: which ends */
	unsigned version;
	struct godb_addr6 lo, hi;
	unsigned lo_n, hi_n;
	unsigned first, last; /* T_AMOUNT: the counters that are added */
	uint64_t least, most;
	const char *name;
};

static bool
addr_in(const struct twin_cond *c, struct godb_addr6 v)
{
	if (v.hi < c->lo.hi || (v.hi == c->lo.hi && v.lo < c->lo.lo))
		return false;
	return !(v.hi > c->hi.hi || (v.hi == c->hi.hi && v.lo > c->hi.lo));
}

static bool
same_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		if ((*a | 32) != (*b | 32))
			return false;
	}
	return *a == *b;
}

static bool
amount_in(const struct twin_cond *c, const struct fake_row *r)
{
	uint64_t sum = 0;

	for (unsigned k = c->first; k <= c->last; k++)
		sum += r->counter[k];
	return sum >= c->least && sum <= c->most;
}

static bool
holds(const struct twin_cond *c, const struct fake_row *r)
{
	switch (c->kind) {
	case T_AND:
		return holds(c->a, r) && holds(c->b, r);
	case T_OR:
		return holds(c->a, r) || holds(c->b, r);
	case T_NOT:
		return !holds(c->a, r);
	case T_ADDR:
		return r->version == c->version &&
		    ((c->sip && addr_in(c, r->sip)) ||
			(c->dip && addr_in(c, r->dip)));
	case T_PORT:
		return r->dport >= c->lo_n && r->dport <= c->hi_n;
	case T_PROTO:
		return r->proto >= c->lo_n && r->proto <= c->hi_n;
	case T_L7:
		return same_name(l7_names[r->l7], c->name);
	case T_VERSION:
		return r->version == c->version;
	case T_AMOUNT:
		return amount_in(c, r);
	}
	return false;
}

static void
append(char *text, const char *more)
{
	if (strlen(text) + strlen(more) + 1 < TEXT_MAX)
		strcat(text, more);
}

static void
addr_text(unsigned version, struct godb_addr6 v, char out[GP_ADDR_TEXT_MAX])
{
	struct gp_addr a = {.version = (uint8_t)version};

	for (int i = 0; i < 8; i++) {
		a.b[i] = (uint8_t)(v.hi >> (56 - 8 * i));
		a.b[8 + i] = (uint8_t)(v.lo >> (56 - 8 * i));
	}
	if (version == 4) {
		for (int i = 0; i < 4; i++)
			a.b[i] = (uint8_t)(v.lo >> (24 - 8 * i));
		memset(a.b + 4, 0, 12);
	}
	(void)gp_addr_format(&a, out);
}

static struct twin_cond *
addr_leaf(char *text)
{
	static const char *const words[3][3] = {
		{"sip", "src host", "snet"},
		{"dip", "dst", "dnet"},
		{"host", "net", "src or dst host"},
	};
	static const char *const cmps[] = {"<", "<=", ">", ">="};
	struct twin_cond *c = calloc(1, sizeof(*c));
	char a[GP_ADDR_TEXT_MAX], b[GP_ADDR_TEXT_MAX], part[160];
	size_t end = pick(3);

	c->kind = T_ADDR;
	c->version = pick(2) ? 4 : 6;
	c->sip = end != 1;
	c->dip = end != 0;
	c->lo = c->hi = random_addr(c->version);
	addr_text(c->version, c->lo, a);
	append(text, words[end][pick(3)]);
	switch (pick(4)) {
	case 0: /* an address */
		(void)snprintf(part, sizeof(part), pick(2) ? " %s" : " = %s", a);
		break;
	case 1: { /* a prefix on bits that random_addr uses */
		unsigned host = (unsigned)pick(11);

		c->lo.lo &= ~((UINT64_C(1) << host) - 1);
		c->hi.lo = c->lo.lo | ((UINT64_C(1) << host) - 1);
		(void)snprintf(part, sizeof(part), "=%s/%u", a,
		    (c->version == 4 ? 32 : 128) - host);
		break;
	}
	case 2: { /* a range */
		c->hi = random_addr(c->version);
		addr_text(c->version, c->hi, b);
		if (!addr_in(c, c->hi)) {
			struct godb_addr6 swap = c->lo;

			c->lo = c->hi;
			c->hi = swap;
			(void)snprintf(part, sizeof(part), " in (%s-%s)", b, a);
		} else {
			(void)snprintf(part, sizeof(part), "= %s-%s", a, b);
		}
		break;
	}
	default: { /* an order; ends beyond the range match nothing */
		size_t cmp = pick(4);
		struct godb_addr6 top = {UINT64_MAX, UINT64_MAX};

		if (c->version == 4)
			top = (struct godb_addr6){0, UINT32_MAX};
		(void)snprintf(part, sizeof(part), " %s %s", cmps[cmp], a);
		if (cmp < 2) {
			c->lo = (struct godb_addr6){0, 0};
			if (cmp == 0 && c->hi.hi == 0 && c->hi.lo == 0)
				c->version = 99;
			else if (cmp == 0 && c->hi.lo-- == 0)
				c->hi.hi--;
		} else {
			c->hi = top;
			if (cmp == 2 && c->lo.hi == top.hi &&
			    c->lo.lo == top.lo)
				c->version = 99;
			else if (cmp == 2 && ++c->lo.lo == 0)
				c->lo.hi++;
		}
	}
	}
	append(text, part);
	return c;
}

static struct twin_cond *
number_leaf(char *text, bool port)
{
	static const unsigned ports[] = {0, 22, 53, 80, 443, 1024, 65535};
	static const unsigned protos[] = {1, 6, 17, 58, 0, 255, 132};
	static const char *const cmps[] = {"=", "<", "<=", ">", ">="};
	struct twin_cond *c = calloc(1, sizeof(*c));
	unsigned v = port ? ports[pick(7)] : protos[pick(7)];
	unsigned top = port ? 65535 : 255;
	size_t cmp = pick(5);
	char part[64];

	c->kind = port ? T_PORT : T_PROTO;
	c->lo_n = cmp == 3 ? v + 1 : cmp == 1 || cmp == 2 ? 0 : v;
	c->hi_n = cmp == 1 ? v - 1 : cmp >= 3 ? top : v;
	if (cmp == 1 && v == 0) {
		c->lo_n = 1;
		c->hi_n = 0;
	}
	(void)snprintf(part, sizeof(part), "%s %s %u", port ? "dport" : "proto",
	    cmps[cmp], v);
	append(text, part);
	return c;
}

static struct twin_cond *
amount_leaf(char *text)
{
	static const struct {
		const char *name;
		unsigned first, last;
	} what[] = {{"bytes_rcvd", 0, 0}, {"bytes_sent", 1, 1}, {"bytes", 0, 1},
	    {"packets_rcvd", 2, 2}, {"packets_sent", 3, 3}, {"packets", 2, 3}};
	struct twin_cond *c = calloc(1, sizeof(*c));
	uint64_t v = 1 + (pick(3) ? pick(8) : pick(UINT64_C(1) << 40));
	size_t i = pick(6), cmp = pick(4);
	static const char *const cmps[] = {"<=", ">=", ">", "="};
	char part[64];

	c->kind = T_AMOUNT;
	c->first = what[i].first;
	c->last = what[i].last;
	c->least = cmp == 0 ? 0 : cmp == 2 ? v + 1 : v;
	c->most = cmp == 0 || cmp == 3 ? v : UINT64_MAX;
	(void)snprintf(part, sizeof(part), "%s %s %" PRIu64, what[i].name,
	    cmps[cmp], v);
	append(text, part);
	return c;
}

static struct twin_cond *
leaf(char *text)
{
	static const char *const names[] = {"TLS", "dns", "Unknown", "Nope",
	    "'[overflow]'"};
	struct twin_cond *c;
	const char *name;

	if (amounts && pick(3) == 0)
		return amount_leaf(text);
	switch (pick(6)) {
	case 0:
		return number_leaf(text, true);
	case 1:
		return number_leaf(text, false);
	case 2:
		c = calloc(1, sizeof(*c));
		c->kind = T_L7;
		name = names[pick(5)];
		c->name = *name == '\'' ? "[overflow]" : name;
		append(text, pick(2) ? "l7proto = " : "app ");
		append(text, name);
		return c;
	case 3:
		c = calloc(1, sizeof(*c));
		c->kind = T_VERSION;
		c->version = pick(2) ? 4 : 6;
		append(text, c->version == 4 ? "ip4" : "ip6");
		return c;
	default:
		return addr_leaf(text);
	}
}

static struct twin_cond *
tree(char *text, unsigned depth)
{
	static const char *const nots[] = {"not ", "!", "NOT "};
	static const char *const ands[] = {" and ", " && ", " AND ", "&"};
	static const char *const ors[] = {" or ", " || ", " OR ", "|"};
	struct twin_cond *c;

	if (depth == 0 || pick(3) == 0)
		return leaf(text);
	c = calloc(1, sizeof(*c));
	c->kind = (int)pick(3) == 0 ? T_NOT : pick(2) ? T_AND : T_OR;
	if (c->kind == T_NOT)
		append(text, nots[pick(3)]);
	append(text, "(");
	c->a = tree(text, depth - 1);
	append(text, ")");
	if (c->kind == T_NOT)
		return c;
	append(text, c->kind == T_AND ? ands[pick(4)] : ors[pick(4)]);
	append(text, "(");
	c->b = tree(text, depth - 1);
	append(text, ")");
	return c;
}

static void
free_tree(struct twin_cond *c)
{
	if (!c)
		return;
	free_tree(c->a);
	free_tree(c->b);
	free(c);
}

/* ---- the twin's answer ------------------------------------------------- */

struct twin_group {
	struct twin_row key;
	uint64_t counter[4];
	uint64_t extra[GODB_N_EXTRAS];
};

static const struct godb_query_opts *now; /* for qsort */

static const char *
proto_text(uint8_t proto, char buf[4])
{
	const char *name = godb_proto_name(proto);

	(void)snprintf(buf, 4, "%u", proto);
	return name ? name : buf;
}

static int
compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int
compare_addr(const struct fake_row *a, const struct fake_row *b, bool dip)
{
	struct godb_addr6 x = dip ? a->dip : a->sip, y = dip ? b->dip : b->sip;

	if (a->version != b->version)
		return compare_u64(a->version, b->version);
	return x.hi != y.hi ? compare_u64(x.hi, y.hi) : compare_u64(x.lo, y.lo);
}

/* A quarter of an hour; or, since nobody forbids it, one that comes again. */
static int64_t
quarter_bin(void *arg, int64_t slot_s)
{
	return *(bool *)arg ? 1699999200 + slot_s / 300 % 3 * 300 :
			      slot_s - slot_s % 900;
}

static int64_t
time_of(const struct twin_row *r)
{
	return now->bin ? now->bin(now->bin_arg, r->slot_s) : r->slot_s;
}

static int
compare_key(enum godb_key k, const struct twin_row *a, const struct twin_row *b)
{
	char x[4], y[4];

	switch (k) {
	case GODB_KEY_TIME:
		return compare_u64((uint64_t)time_of(a), (uint64_t)time_of(b));
	case GODB_KEY_IFACE:
		return strcmp(iface_names[a->iface], iface_names[b->iface]);
	case GODB_KEY_SIP:
		return compare_addr(&a->row, &b->row, false);
	case GODB_KEY_DIP:
		return compare_addr(&a->row, &b->row, true);
	case GODB_KEY_DPORT:
		return compare_u64(a->row.dport, b->row.dport);
	case GODB_KEY_PROTO:
		return strcmp(proto_text(a->row.proto, x),
		    proto_text(b->row.proto, y));
	case GODB_KEY_L7PROTO:
		return strcmp(l7_names[a->row.l7], l7_names[b->row.l7]);
	case GODB_KEY_SITE:
	case GODB_KEY_HOST: /* the twin has no rows with two groups */
	case GODB_N_KEYS:
		break;
	}
	return 0;
}

static int
compare_keys(const struct twin_row *a, const struct twin_row *b)
{
	int order = 0;

	for (unsigned i = 0; order == 0 && i < now->keys.n; i++)
		order = compare_key(now->keys.key[i], a, b);
	return order;
}

static uint64_t
value_of(const struct twin_group *g)
{
	const uint64_t *c = g->counter + (now->sort == GODB_SORT_PACKETS) * 2;
	int extra = GODB_SORT_METRIC(now->sort) - GODB_METRIC_EXTRA;

	if (extra >= 0)
		return g->extra[extra];
	return now->direction == GODB_DIR_RCVD ? c[0]
	    : now->direction == GODB_DIR_SENT ? c[1] : c[0] + c[1];
}

static int
compare_groups(const void *x, const void *y)
{
	const struct twin_group *a = x, *b = y;
	int order;

	if (now->sort >= 0)
		order = compare_key((enum godb_key)now->sort, &a->key, &b->key);
	else if (now->ascending)
		order = compare_u64(value_of(a), value_of(b));
	else
		order = compare_u64(value_of(b), value_of(a));
	return order ? order : compare_keys(&a->key, &b->key);
}

/* A row that met the condition. */
struct member {
	size_t group;
	const struct twin_row *row;
};

static enum godb_key counted; /* for qsort */

static int
compare_members(const void *x, const void *y)
{
	const struct member *a = x, *b = y;
	int order = compare_u64(a->group, b->group);

	return order ? order : compare_key(counted, a->row, b->row);
}

/* What is counted beside the counters: rows, and distinct values. */
static void
count_extras(struct member *m, size_t n, struct twin_group *groups)
{
	static const enum godb_key of[GODB_N_EXTRAS] = {GODB_N_KEYS,
	    GODB_KEY_SIP, GODB_KEY_DIP, GODB_KEY_DPORT};

	for (unsigned e = 0; e < GODB_N_EXTRAS; e++) {
		if (!(now->metrics & 1u << (GODB_METRIC_EXTRA + e)))
			continue;
		counted = of[e];
		if (e > 0)
			qsort(m, n, sizeof(*m), compare_members);
		for (size_t i = 0; i < n; i++)
			groups[m[i].group].extra[e] += e == 0 || i == 0 ||
			    compare_members(&m[i], &m[i - 1]) != 0;
	}
}

static size_t
twin_answer(const struct twin_cond *c, struct twin_group *groups,
    uint64_t *matched)
{
	static struct member members[PARTS * ROWS_MAX];
	size_t n = 0;

	*matched = 0;
	for (size_t i = 0; i < n_twin; i++) {
		size_t g = 0;

		if (twin[i].broken || (c && !holds(c, &twin[i].row)))
			continue;
		while (g < n && compare_keys(&groups[g].key, &twin[i]) != 0)
			g++;
		if (g == n) {
			memset(&groups[n], 0, sizeof(groups[n]));
			groups[n++].key = twin[i];
		}
		for (int k = 0; k < 4; k++)
			groups[g].counter[k] += twin[i].row.counter[k];
		members[(*matched)++] = (struct member){g, &twin[i]};
	}
	count_extras(members, *matched, groups);
	qsort(groups, n, sizeof(*groups), compare_groups);
	return n;
}

/* ---- both -------------------------------------------------------------- */

static bool
same_row(const struct godb_result_row *r, const struct twin_group *g)
{
	const struct godb_keys *k = &now->keys;
	const struct fake_row *w = &g->key.row;

	if (memcmp(r->counter, g->counter, sizeof(r->counter)) != 0 ||
	    memcmp(r->extra, g->extra, sizeof(r->extra)) != 0)
		return false;
	return (!godb_keys_has(k, GODB_KEY_TIME) ||
		   r->time_s == time_of(&g->key)) &&
	    (!godb_keys_has(k, GODB_KEY_IFACE) ||
		strcmp(r->iface, iface_names[g->key.iface]) == 0) &&
	    (!godb_keys_has(k, GODB_KEY_SIP) ||
		(r->version == w->version && r->sip.hi == w->sip.hi &&
		    r->sip.lo == w->sip.lo)) &&
	    (!godb_keys_has(k, GODB_KEY_DIP) ||
		(r->version == w->version && r->dip.hi == w->dip.hi &&
		    r->dip.lo == w->dip.lo)) &&
	    (!godb_keys_has(k, GODB_KEY_DPORT) || r->dport == w->dport) &&
	    (!godb_keys_has(k, GODB_KEY_PROTO) || r->proto == w->proto) &&
	    (!godb_keys_has(k, GODB_KEY_L7PROTO) ||
		strcmp(r->l7proto, l7_names[w->l7]) == 0);
}

static void
random_opts(struct godb_query_opts *o)
{
	static bool comes_again;

	*o = (struct godb_query_opts)GODB_QUERY_OPTS_INIT;
	if (pick(4) == 0)
		(void)godb_keys_parse("raw", &o->keys, NULL);
	while (o->keys.n == 0) {
		for (unsigned i = 0; i < GODB_N_KEYS; i++) {
			enum godb_key k = (enum godb_key)pick(GODB_KEY_HOST);

			if (pick(3) == 0 && !godb_keys_has(&o->keys, k))
				o->keys.key[o->keys.n++] = k;
		}
	}
	comes_again = pick(3) == 0;
	o->bin = pick(3) ? NULL : quarter_bin;
	o->bin_arg = &comes_again;
	o->direction = (enum godb_direction)pick(3);
	o->sort = pick(2) ? GODB_SORT_BYTES : GODB_SORT_PACKETS;
	for (unsigned m = pick(2) ? GODB_METRIC_EXTRA : GODB_N_METRICS;
	     m < GODB_N_METRICS; m++) {
		/* of live rows several may be one (random_rows) */
		if (m == GODB_METRIC_ROWS && !amounts)
			continue;
		o->metrics |= (uint32_t)pick(2) << m;
		if (o->metrics & 1u << m && pick(3) == 0)
			o->sort = GODB_SORT_METRIC(m);
	}
	if (pick(3) == 0)
		o->sort = (int)o->keys.key[pick(o->keys.n)];
	o->ascending = pick(2);
	o->limit = pick(2) ? 0 : 1 + pick(50);
	o->rows_only = pick(2);
}

/* Where only rows are asked for the rest is of what was read. */
static bool
is_of(const struct godb_query_opts *o, uint64_t got, uint64_t all)
{
	return o->rows_only ? got <= all : got == all;
}

static const char *
compare(const struct godb_scan *s, const struct twin_cond *c,
    const struct godb_query_opts *o, struct twin_group *groups, size_t *hits)
{
	static char why[160];
	struct godb_result *r = NULL;
	uint64_t totals[4], want[4] = {0, 0, 0, 0}, matched;
	struct godb_result_stats stats;
	size_t n, rows;
	int rc = godb_query_run(s, o, &r);

	if (rc < 0) {
		(void)snprintf(why, sizeof(why), "error %d", rc);
		return why;
	}
	now = o;
	n = *hits = twin_answer(c, groups, &matched);
	rows = o->limit && o->limit < n ? (size_t)o->limit : n;
	why[0] = '\0';
	if (!is_of(o, godb_result_n_hits(r), n) ||
	    godb_result_n_hits(r) < rows || godb_result_n_rows(r) != rows)
		(void)snprintf(why, sizeof(why), "hits %zu of %zu, rows %zu "
		    "of %zu", godb_result_n_hits(r), n, godb_result_n_rows(r),
		    rows);
	for (size_t i = 0; !why[0] && i < rows; i++) {
		struct godb_result_row row;

		godb_result_row(r, i, &row);
		if (!same_row(&row, &groups[i]))
			(void)snprintf(why, sizeof(why), "row %zu differs", i);
	}
	for (size_t i = 0; i < n; i++) {
		for (int k = 0; k < 4; k++)
			want[k] += groups[i].counter[k];
	}
	godb_result_totals(r, totals);
	for (int k = 0; !why[0] && k < 4; k++)
		if (!is_of(o, totals[k], want[k]))
			(void)snprintf(why, sizeof(why), "totals differ");
	godb_result_stats(r, &stats);
	if (!why[0] && !is_of(o, stats.rows_matched, matched))
		(void)snprintf(why, sizeof(why), "%d of %d rows matched",
		    (int)stats.rows_matched, (int)matched);
	godb_result_free(r);
	return why;
}

static void
check_random(void)
{
	struct twin_group *groups =
	    calloc(PARTS * ROWS_MAX, sizeof(*groups));
	unsigned same = 0, rows = 0, all = 0;
	struct godb_pool *pool = NULL;

	is_int(eager_pool(3, &pool), 0, "three threads");

	for (unsigned round = 0; round < 40; round += tap_stride(2)) {
		struct godb_scan *s = random_scan();

		for (int i = 0; i < 25; i++, all++) {
			char text[TEXT_MAX] = "";
			struct twin_cond *tc = pick(4)
			    ? tree(text, (unsigned)pick(5)) : NULL;
			struct godb_cond *c = NULL;
			struct godb_query_opts o;
			struct godb_diag d;
			const char *why;
			size_t hits = 0;

			random_opts(&o);
			o.pool = pick(2) ? pool : NULL;
			if (godb_cond_parse(text, NULL, &c, &d) < 0) {
				diag("%s\n# does not parse: %s", text, d.text);
			} else {
				o.cond = c;
				why = compare(s, tc, &o, groups, &hits);
				same += !why[0];
				rows += hits > 0;
				if (why[0])
					diag("%s: %s", text, why);
			}
			godb_cond_free(c);
			free_tree(tc);
		}
		godb_scan_close(s);
	}
	is_int(same, all, "answers equal the slow twin's");
	ok(rows > all / 2, "and are not empty: %u of %u", rows, all);
	godb_pool_free(pool);
	free(groups);
}

int
main(void)
{
	state = tap_seed(20260117);
	twin = calloc(PARTS * ROWS_MAX, sizeof(*twin));
	check_random();
	free(twin);
	return tap_done();
}
