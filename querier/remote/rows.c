/*
 * A query: one statement, whose rows come grouped, chosen, in order and cut to
 * the limit, with the totals of all and the count of groups.
 *
 * Sums stay at the largest number instead of wrapping, as libgodb's do.  That
 * costs a server twice the work, for volumes that nobody has: so a guard is
 * summed along, and only when it says that a sum might have wrapped the exact
 * statement is asked.
 */
#include "querier/remote/engine.h"

#include "common/base/clock.h"
#include "common/base/words.h"
#include "querier/remote/sql.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST        "18446744073709551615"
#define N_COUNTERS  4
#define CHUNK_ROWS  4096
#define SHARE_FIRST 10000 /* rows that are asked for at first, of a share */
#define GUARD_MAX   (UINT64_C(1) << 31)
#define NAMES_MAX   65536

static const char *const columns[N_COUNTERS] = {"bytes_rcvd", "bytes_sent",
    "packets_rcvd", "packets_sent"};

/* A row as it is kept. */
struct kept {
	uint32_t time_s, site, iface, l7, category;
	uint16_t dport;
	uint8_t proto, version;
	struct godb_addr6 sip, dip;
	uint64_t counter[N_COUNTERS];
	uint64_t extra[GODB_N_EXTRAS];
};

/* Texts that rows share. */
struct strings {
	void *tree;
	const char **text;
	size_t n, room;
	size_t bytes;
};

struct unknown_name {
	const char *name; /* the condition's */
	char *near_name;
};

struct godb_result {
	const struct godb_scan *scan;
	struct kept **chunk;
	size_t n_rows, n_hits, n_groups;
	struct strings strings;
	uint64_t totals[N_COUNTERS];
	struct unknown_name *unknown;
	size_t n_unknown;
	struct godb_result_stats stats;
};

/* A label or category that rows of the window have. */
struct name {
	char *label, *category;
};

struct names {
	struct name *name;
	size_t n, room;
	struct sql_names list;
};

/* What a run needs and a result does not. */
struct run {
	const struct godb_scan *scan;
	const struct godb_query_opts *opts;
	struct godb_result *result;
	struct names names;
	uint32_t metrics; /* extras that somebody asks for */
	bool host, exact;
	struct text bin; /* of time */
	uint64_t guard;  /* of the totals */
	long double share_total, share_sum, share_wanted;
	uint64_t asked_limit;
};

static bool
has(const struct run *run, enum godb_key k)
{
	return godb_keys_has(&run->opts->keys, k);
}

/* ---- texts ----------------------------------------------------------------- */

struct string {
	uint32_t number;
	char text[];
};

static int
order_strings(const void *a, const void *b)
{
	return strcmp(((const struct string *)a)->text,
	    ((const struct string *)b)->text);
}

static int
intern(struct strings *x, const char *text, uint32_t *out)
{
	size_t len = strlen(text);
	struct string *s, **found;

	if (x->n && strcmp(x->text[x->n - 1], text) == 0) {
		*out = (uint32_t)(x->n - 1);
		return 0;
	}
	s = malloc(sizeof(*s) + len + 1);
	if (!s)
		return -ENOMEM;
	memcpy(s->text, text, len + 1);
	s->number = (uint32_t)x->n;
	found = tsearch(s, &x->tree, order_strings);
	if (!found) {
		free(s);
		return -ENOMEM;
	}
	*out = (*found)->number;
	if (*found != s) {
		free(s);
		return 0;
	}
	if (x->n == x->room) {
		size_t room = x->room ? 2 * x->room : 64;
		const char **more = reallocarray(x->text, room,
		    sizeof(*more));

		if (!more || room > UINT32_MAX) {
			(void)tdelete(s, &x->tree, order_strings);
			free(s);
			return -ENOMEM;
		}
		x->text = more;
		x->room = room;
	}
	x->text[x->n++] = s->text;
	x->bytes += sizeof(*s) + len + 64;
	return 0;
}

/* ---- names of applications ------------------------------------------------- */

static int
take_name(void *arg, const struct compact_row *row)
{
	struct names *x = arg;
	char label[256], category[256];

	if (!compact_string(row, 0, label, sizeof(label)) ||
	    !compact_string(row, 1, category, sizeof(category)))
		return -EPROTO;
	if (x->n == NAMES_MAX)
		return GODB_EMEMORY;
	if (x->n == x->room) {
		size_t room = x->room ? 2 * x->room : 64;
		struct name *more = reallocarray(x->name, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		x->name = more;
		x->room = room;
	}
	x->name[x->n].label = strdup(label);
	x->name[x->n].category = strdup(category);
	x->n++;
	return x->name[x->n - 1].label && x->name[x->n - 1].category
	    ? 0 : -ENOMEM;
}

static void
free_names(struct names *x)
{
	for (size_t i = 0; i < x->n; i++) {
		free(x->name[i].label);
		free(x->name[i].category);
	}
	free(x->name);
	free((void *)(uintptr_t)x->list.label);
	free((void *)(uintptr_t)x->list.category);
}

static int
list_names(struct names *x)
{
	const char **label = calloc(x->n + 1, sizeof(*label));
	const char **category = calloc(x->n + 1, sizeof(*category));

	x->list = (struct sql_names){label, category, x->n};
	if (!label || !category)
		return -ENOMEM;
	for (size_t i = 0; i < x->n; i++) {
		label[i] = x->name[i].label;
		category[i] = x->name[i].category;
	}
	return 0;
}

/* Names of the condition that no label of the window has. */
static int
note_unknown(struct run *run, const struct gdi_node *leaf, const char *asked)
{
	struct godb_result *r = run->result;
	struct unknown_name *more;
	struct gp_words_guess g;

	for (size_t i = 0; i < run->names.n; i++) {
		if (sql_name_matches(leaf, asked, run->names.name[i].label,
			run->names.name[i].category))
			return 0;
	}
	gp_words_guess_init(&g, asked);
	for (size_t i = 0; i < run->names.n; i++) {
		const char *known = leaf->attr == GDI_ATTR_CATEGORY
		    ? run->names.name[i].category : run->names.name[i].label;
		const char *dot = strchr(known, '.');

		gp_words_guess_offer(&g, known);
		if (dot)
			gp_words_guess_offer(&g, dot + 1);
	}
	more = reallocarray(r->unknown, r->n_unknown + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	r->unknown = more;
	more += r->n_unknown++;
	*more = (struct unknown_name){asked, g.best ? strdup(g.best) : NULL};
	return 0;
}

static int
note_all_unknown(struct run *run, const struct godb_cond *cond)
{
	int rc = 0;

	for (uint32_t i = 0; cond && rc == 0 && i < cond->n; i++) {
		const struct gdi_node *node = &cond->node[i];

		if (node->kind != GDI_LEAF || (node->attr != GDI_ATTR_L7 &&
			node->attr != GDI_ATTR_CATEGORY))
			continue;
		for (size_t k = 0; rc == 0 && k < node->n_names; k++)
			rc = note_unknown(run, node, node->names[k]);
	}
	return rc;
}

static int
ask_names(struct run *run)
{
	struct text sql = {NULL, 0, 0, false};
	struct compact c;
	int rc;

	if (!sql_cond_has_names(run->opts->cond) &&
	    !sql_cond_has_names(run->opts->having))
		return 0;
	text_add(&sql, "SELECT hex(l7proto), hex(category)");
	text_fmt(&sql, " FROM %s.flows WHERE ", run->scan->r->database);
	remote_in_window(&sql, run->scan);
	text_add(&sql, " GROUP BY l7proto, category FORMAT JSONCompact");
	compact_begin(&c, 2, take_name, &run->names);
	rc = remote_ask(run->scan->r, &sql, NULL, &c);
	text_free(&sql);
	if (rc == 0)
		rc = list_names(&run->names);
	if (rc == 0)
		rc = note_all_unknown(run, run->opts->cond);
	if (rc == 0)
		rc = note_all_unknown(run, run->opts->having);
	return rc;
}

/* ---- keys ------------------------------------------------------------------ */

/* An address that is a key: as it is, or without its low bits in two numbers,
 * which are the bytes of either half as the machine has them. */
struct key_addr {
	enum godb_key key;
	const char *of;   /* column */
	const char *name; /* of the halves: kNAMEh, kNAMEl */
	uint64_t high[2], low[2]; /* masks by version: 4, 6 */
	bool whole;
	char value[160];  /* 16 bytes, of a group */
};

static uint64_t
half_mask(unsigned drop)
{
	uint64_t mask = drop >= 64 ? 0 : UINT64_MAX << drop;

	return __builtin_bswap64(mask);
}

static void
make_key_addr(const struct run *run, enum godb_key key, struct key_addr *k)
{
	const struct godb_keys *keys = &run->opts->keys;
	unsigned drop4 = keys->drop4[key], drop6 = keys->drop6[key];

	memset(k, 0, sizeof(*k));
	k->key = key;
	k->of = key == GODB_KEY_DIP ? "dip" : "sip";
	k->name = key == GODB_KEY_HOST ? "host" : k->of;
	k->whole = drop4 == 0 && drop6 == 0;
	k->high[0] = UINT64_MAX;
	k->low[0] = half_mask(drop4); /* ::ffff: stays */
	k->high[1] = half_mask(drop6 > 64 ? drop6 - 64 : 0);
	k->low[1] = half_mask(drop6 > 64 ? 64 : drop6);
	if (k->whole)
		(void)snprintf(k->value, sizeof(k->value), "%s",
		    key == GODB_KEY_HOST ? "khost" : k->of);
	else
		(void)snprintf(k->value, sizeof(k->value),
		    "concat(toFixedString(reinterpretAsString(k%sh), 8), "
		    "toFixedString(reinterpretAsString(k%sl), 8))", k->name,
		    k->name);
}

/* Half of a column's address behind its mask. */
static void
put_half(struct text *t, const struct key_addr *k, const char *column, bool low)
{
	const uint64_t *mask = low ? k->low : k->high;

	text_fmt(t, "bitAnd(reinterpretAsUInt64(%s%s%s), if(version = 4, "
	    "%llu, %llu))", low ? "substring(" : "", column,
	    low ? ", 9)" : "", (unsigned long long)mask[0],
	    (unsigned long long)mask[1]);
}

/* Whether both ends of a row are the same host. */
static void
put_same_ends(struct text *t, const struct key_addr *k)
{
	if (k->whole) {
		text_add(t, "sip = dip");
		return;
	}
	for (int low = 0; low < 2; low++) {
		text_add(t, low ? " AND " : "");
		put_half(t, k, "sip", low);
		text_add(t, " = ");
		put_half(t, k, "dip", low);
	}
}

static const char *
column_of(const struct key_addr *k)
{
	return k->key == GODB_KEY_HOST ? "if(e = 0, sip, dip)" : k->of;
}

static void
put_group_addr(struct text *t, const struct key_addr *k)
{
	if (k->whole) {
		text_add(t, column_of(k));
		if (k->key == GODB_KEY_HOST)
			text_add(t, " AS khost");
		return;
	}
	put_half(t, k, column_of(k), false);
	text_fmt(t, " AS k%sh, ", k->name);
	put_half(t, k, column_of(k), true);
	text_fmt(t, " AS k%sl", k->name);
}

static void
put_group_by(struct text *t, const struct run *run)
{
	const struct godb_keys *keys = &run->opts->keys;
	struct key_addr k;
	bool more = false;

	if (godb_keys_has_address(keys)) {
		text_add(t, "version");
		more = true;
	}
	for (unsigned i = 0; i < keys->n; i++) {
		text_join(t, ", ", &more);
		switch (keys->key[i]) {
		case GODB_KEY_TIME:
			text_add(t, run->bin.s);
			text_add(t, " AS ktime");
			break;
		case GODB_KEY_SIP:
		case GODB_KEY_DIP:
		case GODB_KEY_HOST:
			make_key_addr(run, keys->key[i], &k);
			put_group_addr(t, &k);
			break;
		case GODB_KEY_IFACE:
		case GODB_KEY_DPORT:
		case GODB_KEY_PROTO:
		case GODB_KEY_L7PROTO:
		case GODB_KEY_SITE:
		case GODB_N_KEYS:
			text_add(t, godb_key_name(keys->key[i]));
			break;
		}
	}
}

/* The keys' columns of an answer. */
static size_t
put_key_columns(struct text *t, const struct run *run)
{
	const struct godb_keys *keys = &run->opts->keys;
	struct key_addr k;
	bool more = false;
	size_t n = 0;

	if (godb_keys_has_address(keys)) {
		text_add(t, "version");
		more = true;
		n++;
	}
	for (unsigned i = 0; i < keys->n; i++) {
		text_join(t, ", ", &more);
		n++;
		switch (keys->key[i]) {
		case GODB_KEY_TIME:
			text_add(t, "toInt64(ktime)");
			break;
		case GODB_KEY_SIP:
		case GODB_KEY_DIP:
		case GODB_KEY_HOST:
			make_key_addr(run, keys->key[i], &k);
			text_fmt(t, "hex(%s)", k.value);
			break;
		case GODB_KEY_L7PROTO:
			text_add(t, "hex(l7proto), hex(max(category))");
			n++;
			break;
		case GODB_KEY_IFACE:
		case GODB_KEY_SITE:
			text_fmt(t, "hex(%s)", godb_key_name(keys->key[i]));
			break;
		case GODB_KEY_DPORT:
		case GODB_KEY_PROTO:
		case GODB_N_KEYS:
			text_add(t, godb_key_name(keys->key[i]));
			break;
		}
	}
	return n;
}

static void
put_order_of(struct text *t, const struct run *run, enum godb_key key)
{
	struct key_addr k;

	switch (key) {
	case GODB_KEY_TIME:
		text_add(t, "ktime");
		break;
	case GODB_KEY_SIP:
	case GODB_KEY_DIP:
	case GODB_KEY_HOST:
		make_key_addr(run, key, &k);
		if (k.whole)
			text_fmt(t, "version, %s", k.value);
		else
			text_fmt(t, "version, reinterpretAsString(k%sh), "
			    "reinterpretAsString(k%sl)", k.name, k.name);
		break;
	case GODB_KEY_PROTO:
		sql_proto_rank(t, "proto");
		break;
	case GODB_KEY_IFACE:
	case GODB_KEY_DPORT:
	case GODB_KEY_L7PROTO:
	case GODB_KEY_SITE:
	case GODB_N_KEYS:
		text_add(t, godb_key_name(key));
		break;
	}
}

/* ---- what is counted --------------------------------------------------------- */

/* A sum that stays at the most: of the high and the low half of each. */
static void
put_sum(struct text *t, const char *column, const char *condition, bool exact)
{
	const char *open = condition ? "sumIf(" : "sum(";
	const char *comma = condition ? ", " : "";

	condition = condition ? condition : "";
	if (!exact) {
		text_fmt(t, "%s%s%s%s)", open, column, comma, condition);
		return;
	}
	text_fmt(t, "if(%sbitShiftRight(%s, 32)%s%s) + bitShiftRight("
	    "%sbitAnd(%s, 4294967295)%s%s), 32) >= 4294967296, " MOST ", ",
	    open, column, comma, condition, open, column, comma, condition);
	text_fmt(t, "%s%s%s%s))", open, column, comma, condition);
}

static void
put_added(char out[128], const char *a, const char *b)
{
	(void)snprintf(out, 128, "if(%s + %s < %s, " MOST ", %s + %s)", a, b,
	    a, a, b);
}

/* Metrics of groups, by their aliases. */
struct aliases {
	char bytes[128], packets[128];
	const char *metric[GODB_N_METRICS];
};

static void
name_metrics(struct aliases *a)
{
	put_added(a->bytes, "s0", "s1");
	put_added(a->packets, "s2", "s3");
	a->metric[GODB_METRIC_BYTES] = a->bytes;
	a->metric[GODB_METRIC_PACKETS] = a->packets;
	a->metric[GODB_METRIC_BYTES_RCVD] = "s0";
	a->metric[GODB_METRIC_BYTES_SENT] = "s1";
	a->metric[GODB_METRIC_PACKETS_RCVD] = "s2";
	a->metric[GODB_METRIC_PACKETS_SENT] = "s3";
	a->metric[GODB_METRIC_ROWS] = "x6";
	a->metric[GODB_METRIC_SIPS] = "x7";
	a->metric[GODB_METRIC_DIPS] = "x8";
	a->metric[GODB_METRIC_DPORTS] = "x9";
}

/* bytes and packets are those of the direction. */
static enum godb_metric
directed(const struct run *run, enum godb_metric m)
{
	const bool rcvd = run->opts->direction == GODB_DIR_RCVD;

	if (run->opts->direction == GODB_DIR_BOTH ||
	    (m != GODB_METRIC_BYTES && m != GODB_METRIC_PACKETS))
		return m;
	if (m == GODB_METRIC_BYTES)
		return rcvd ? GODB_METRIC_BYTES_RCVD : GODB_METRIC_BYTES_SENT;
	return rcvd ? GODB_METRIC_PACKETS_RCVD : GODB_METRIC_PACKETS_SENT;
}

/* Sums, guard, rows; extras; of host the totals that count a row once. */
static size_t
put_count_columns(struct text *t, const struct run *run)
{
	static const char *const extra[GODB_N_EXTRAS] = {"count()",
	    "uniqExact(version, sip)", "uniqExact(version, dip)",
	    "uniqExact(dport)"};
	size_t n = N_COUNTERS + 1;

	for (unsigned k = 0; k < N_COUNTERS; k++) {
		text_add(t, ", ");
		put_sum(t, columns[k], NULL, run->exact);
		text_fmt(t, " AS s%u", k);
	}
	text_add(t, ", sum(bitShiftRight(bitOr(bitOr(bytes_rcvd, bytes_sent), "
	    "bitOr(packets_rcvd, packets_sent)), 32)) + count() AS g");
	for (unsigned k = 0; k < GODB_N_EXTRAS; k++) {
		if (!(run->metrics & 1u << (GODB_METRIC_EXTRA + k)))
			continue;
		text_fmt(t, ", %s AS x%u", extra[k], GODB_METRIC_EXTRA + k);
		n++;
	}
	for (unsigned k = 0; run->host && k < N_COUNTERS; k++) {
		text_add(t, ", ");
		put_sum(t, columns[k], "e = 0", run->exact);
		n++;
	}
	return n;
}

/* ---- statements --------------------------------------------------------------- */

static void
put_rows_condition(struct text *t, const struct run *run)
{
	struct sql_place place = {.sip = "sip", .dip = "dip",
	    .names = &run->names.list};
	char bytes[128], packets[128];

	put_added(bytes, columns[0], columns[1]);
	put_added(packets, columns[2], columns[3]);
	place.metric[GODB_METRIC_BYTES] = bytes;
	place.metric[GODB_METRIC_PACKETS] = packets;
	place.metric[GODB_METRIC_BYTES_RCVD] = columns[0];
	place.metric[GODB_METRIC_BYTES_SENT] = columns[1];
	place.metric[GODB_METRIC_PACKETS_RCVD] = columns[2];
	place.metric[GODB_METRIC_PACKETS_SENT] = columns[3];
	sql_cond(t, run->opts->cond, &place);
}

static void
put_source(struct text *t, const struct run *run)
{
	struct key_addr k;

	if (run->host) {
		make_key_addr(run, GODB_KEY_HOST, &k);
		text_add(t, " FROM (SELECT site, iface, time, version, sip, "
		    "dip, dport, proto, l7proto, category, bytes_rcvd, "
		    "bytes_sent, packets_rcvd, packets_sent, arrayJoin(if(");
		put_same_ends(t, &k);
		text_add(t, ", [0], [0, 1])) AS e");
	}
	remote_from_flows(t, run->scan);
	text_add(t, " AND ");
	put_rows_condition(t, run);
	if (run->host)
		text_add(t, ")");
}

static void
put_having(struct text *t, const struct run *run, const struct aliases *a)
{
	struct sql_place place = {.groups = true, .names = &run->names.list};
	struct key_addr sip, dip, host;

	make_key_addr(run, GODB_KEY_SIP, &sip);
	make_key_addr(run, GODB_KEY_DIP, &dip);
	make_key_addr(run, GODB_KEY_HOST, &host);
	place.sip = has(run, GODB_KEY_SIP) ? sip.value : NULL;
	place.dip = has(run, GODB_KEY_DIP) ? dip.value : NULL;
	place.host = run->host ? host.value : NULL;
	memcpy(place.metric, a->metric, sizeof(place.metric));
	text_add(t, " HAVING ");
	sql_cond(t, run->opts->having, &place);
}

static void
put_order(struct text *t, const struct run *run, const struct aliases *a)
{
	const struct godb_query_opts *o = run->opts;
	bool more = false;

	text_add(t, " ORDER BY ");
	if (o->sort < 0) {
		text_add(t, a->metric[directed(run,
		    (enum godb_metric)GODB_SORT_METRIC(o->sort))]);
		text_add(t, o->ascending ? "" : " DESC");
		more = true;
	}
	for (int k = -1; k < (int)o->keys.n; k++) {
		enum godb_key key;

		if (k < 0 ? o->sort < 0 : (int)o->keys.key[k] == o->sort)
			continue;
		key = k < 0 ? (enum godb_key)o->sort : o->keys.key[k];
		text_join(t, ", ", &more);
		put_order_of(t, run, key);
	}
}

static size_t
put_statement(struct text *t, const struct run *run)
{
	struct aliases a;
	size_t n;

	name_metrics(&a);
	text_add(t, "SELECT ");
	n = put_key_columns(t, run);
	n += put_count_columns(t, run);
	put_source(t, run);
	text_add(t, " GROUP BY ");
	put_group_by(t, run);
	text_add(t, " WITH TOTALS");
	if (run->opts->having)
		put_having(t, run, &a);
	put_order(t, run, &a);
	if (run->asked_limit)
		text_fmt(t, " LIMIT %llu",
		    (unsigned long long)run->asked_limit);
	text_add(t, " FORMAT JSONCompact");
	return n;
}

/* ---- answers ------------------------------------------------------------------ */

static int
new_row(struct godb_result *r, struct kept **out)
{
	size_t bound = r->scan->r->mem_bytes, at = r->n_rows / CHUNK_ROWS;

	if (r->n_rows % CHUNK_ROWS == 0) {
		struct kept **more;

		r->stats.mem_bytes = (r->n_rows + CHUNK_ROWS) *
		    sizeof(**out) + r->strings.bytes;
		if (bound && r->stats.mem_bytes > bound)
			return GODB_EMEMORY;
		more = reallocarray(r->chunk, at + 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		r->chunk = more;
		r->chunk[at] = malloc(CHUNK_ROWS * sizeof(**out));
		if (!r->chunk[at])
			return -ENOMEM;
	}
	*out = &r->chunk[at][r->n_rows % CHUNK_ROWS];
	memset(*out, 0, sizeof(**out));
	r->n_rows++;
	return 0;
}

static uint64_t
get64(const uint8_t *b)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | b[i];
	return v;
}

static bool
get_addr(const struct compact_row *row, size_t i, unsigned version,
    struct godb_addr6 *out)
{
	uint8_t b[16];
	size_t len;

	if (!compact_bytes(row, i, b, sizeof(b), &len) || len != sizeof(b))
		return false;
	*out = (struct godb_addr6){get64(b), get64(b + 8)};
	if (version == 6)
		return true;
	if (out->hi != 0 || out->lo >> 32 != 0xffff)
		return false;
	out->lo &= UINT32_MAX;
	return true;
}

/* A text of a key's column to its number among the texts. */
static int
get_text(struct run *run, const struct compact_row *row, size_t i,
    uint32_t *out)
{
	char text[SITE_MAX];

	if (!compact_string(row, i, text, sizeof(text)))
		return -EPROTO;
	return intern(&run->result->strings, text, out);
}

static int
get_number(const struct compact_row *row, size_t i, uint64_t max,
    uint64_t *out)
{
	return compact_u64(row, i, max, out) ? 0 : -EPROTO;
}

static int
get_key(struct run *run, const struct compact_row *row, size_t *at,
    enum godb_key key, struct kept *k)
{
	uint64_t v = 0;
	int rc;

	switch (key) {
	case GODB_KEY_TIME:
		rc = get_number(row, (*at)++, UINT32_MAX, &v);
		k->time_s = (uint32_t)v;
		return rc;
	case GODB_KEY_IFACE:
		return get_text(run, row, (*at)++, &k->iface);
	case GODB_KEY_SITE:
		return get_text(run, row, (*at)++, &k->site);
	case GODB_KEY_SIP:
	case GODB_KEY_HOST:
		return get_addr(row, (*at)++, k->version, &k->sip) ? 0
								  : -EPROTO;
	case GODB_KEY_DIP:
		return get_addr(row, (*at)++, k->version, &k->dip) ? 0
								  : -EPROTO;
	case GODB_KEY_DPORT:
		rc = get_number(row, (*at)++, UINT16_MAX, &v);
		k->dport = (uint16_t)v;
		return rc;
	case GODB_KEY_PROTO:
		rc = get_number(row, (*at)++, UINT8_MAX, &v);
		k->proto = (uint8_t)v;
		return rc;
	case GODB_KEY_L7PROTO:
		rc = get_text(run, row, (*at)++, &k->l7);
		return rc < 0 ? rc
			      : get_text(run, row, (*at)++, &k->category);
	case GODB_N_KEYS:
		break;
	}
	return -EINVAL;
}

/* The counts behind the keys; *guard may be NULL. */
static int
get_counts(const struct run *run, const struct compact_row *row, size_t *at,
    struct kept *k, uint64_t *guard)
{
	uint64_t v;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < N_COUNTERS; i++)
		rc = get_number(row, (*at)++, UINT64_MAX, &k->counter[i]);
	if (rc == 0)
		rc = get_number(row, (*at)++, UINT64_MAX, guard ? guard : &v);
	for (unsigned i = 0; rc == 0 && i < GODB_N_EXTRAS; i++) {
		if (run->metrics & 1u << (GODB_METRIC_EXTRA + i))
			rc = get_number(row, (*at)++, UINT64_MAX,
			    &k->extra[i]);
	}
	return rc;
}

static int
take_row(void *arg, const struct compact_row *row)
{
	struct run *run = arg;
	const struct godb_keys *keys = &run->opts->keys;
	struct kept *k;
	size_t at = 0;
	uint64_t version = 0;
	int rc = new_row(run->result, &k);

	if (rc == 0 && godb_keys_has_address(keys)) {
		rc = get_number(row, at++, 6, &version);
		k->version = (uint8_t)version;
		if (rc == 0 && version != 4 && version != 6)
			rc = -EPROTO;
	}
	for (unsigned i = 0; rc == 0 && i < keys->n; i++)
		rc = get_key(run, row, &at, keys->key[i], k);
	return rc < 0 ? rc : get_counts(run, row, &at, k, NULL);
}

static uint64_t
value_of(const struct run *run, const struct kept *k)
{
	enum godb_metric m =
	    (enum godb_metric)GODB_SORT_METRIC(run->opts->sort);

	if (m >= GODB_METRIC_EXTRA)
		return k->extra[m - GODB_METRIC_EXTRA];
	return godb_metric_counter(k->counter, m, run->opts->direction);
}

/* Behind the keys of the totals' row, whose texts mean nothing. */
static int
take_totals(struct run *run, const struct compact *c, size_t n_keys)
{
	struct godb_result *r = run->result;
	struct kept all;
	size_t at = n_keys;
	int rc;

	memset(&all, 0, sizeof(all));
	if (!c->has_totals)
		return -EPROTO;
	rc = get_counts(run, &c->totals, &at, &all, &run->guard);
	for (unsigned i = 0; rc == 0 && i < N_COUNTERS; i++) {
		r->totals[i] = all.counter[i];
		if (run->host)
			rc = get_number(&c->totals, at++, UINT64_MAX,
			    &r->totals[i]);
	}
	if (rc == 0 && run->opts->share)
		run->share_total = (long double)value_of(run, &all);
	return rc;
}

static const struct kept *
row_at(const struct godb_result *r, size_t i)
{
	return &r->chunk[i / CHUNK_ROWS][i % CHUNK_ROWS];
}

static void
drop_rows(struct godb_result *r)
{
	for (size_t i = 0; i * CHUNK_ROWS < r->n_rows; i++)
		free(r->chunk[i]);
	free(r->chunk);
	r->chunk = NULL;
	r->n_rows = 0;
}

/* Rows that make up the share; more of them than there are: false. */
static bool
cut_share(struct run *run)
{
	struct godb_result *r = run->result;
	long double all = run->share_total, wanted, sum = 0;
	size_t n = 0;

	/* sums that stay at the most add up to more than their total */
	for (size_t i = 0; run->exact && i < r->n_rows; i++)
		sum += (long double)value_of(run, row_at(r, i));
	if (sum > all)
		all = sum;
	sum = 0;
	wanted = all * run->opts->share / 10000;

	for (; n < r->n_rows && sum < wanted; n++)
		sum += (long double)value_of(run, row_at(r, n));
	if (sum < wanted && r->n_rows < r->n_hits)
		return false;
	/* the chunks behind it are freed with the result */
	for (size_t i = (n + CHUNK_ROWS - 1) / CHUNK_ROWS;
	     i * CHUNK_ROWS < r->n_rows; i++)
		free(r->chunk[i]);
	r->n_rows = n;
	return true;
}

static int
ask_rows(struct run *run)
{
	const char *before = "totals_mode=before_having";
	struct godb_result *r = run->result;
	struct text sql = {NULL, 0, 0, false}, head = {NULL, 0, 0, false};
	struct compact *c = malloc(sizeof(*c));
	size_t n, n_keys;
	int rc = -ENOMEM;

	drop_rows(r);
	n_keys = put_key_columns(&head, run);
	text_free(&head);
	n = put_statement(&sql, run);
	if (c) {
		compact_begin(c, n, take_row, run);
		rc = remote_ask(run->scan->r, &sql,
		    run->opts->having ? before : NULL, c);
	}
	if (rc == 0)
		rc = take_totals(run, c, n_keys);
	if (rc == 0) {
		r->n_hits = (size_t)c->before_limit;
		r->stats.rows += c->rows_read;
		r->stats.bytes_read += c->bytes_read;
	}
	free(c);
	text_free(&sql);
	return rc;
}

static int
take_count(void *arg, const struct compact_row *row)
{
	uint64_t v;

	if (!compact_u64(row, 0, SIZE_MAX, &v))
		return -EPROTO;
	*(size_t *)arg = (size_t)v;
	return 0;
}

/* How many there are before --having chooses. */
static int
ask_groups(struct run *run)
{
	struct text sql = {NULL, 0, 0, false};
	struct compact c;
	int rc;

	run->result->n_groups = run->result->n_hits;
	if (!run->opts->having)
		return 0;
	text_add(&sql, "SELECT count() FROM (SELECT 1");
	put_source(&sql, run);
	text_add(&sql, " GROUP BY ");
	put_group_by(&sql, run);
	text_add(&sql, ") FORMAT JSONCompact");
	compact_begin(&c, 1, take_count, &run->result->n_groups);
	rc = remote_ask(run->scan->r, &sql, NULL, &c);
	text_free(&sql);
	if (run->result->n_groups < run->result->n_hits)
		run->result->n_groups = run->result->n_hits;
	return rc;
}

/* ---- godb.h ---------------------------------------------------------------------- */

static int
ask_all(struct run *run)
{
	const struct godb_query_opts *o = run->opts;
	int rc = ask_names(run);

	run->asked_limit = o->share ? SHARE_FIRST : o->limit;
	if (rc == 0)
		rc = ask_rows(run);
	if (rc == 0 && run->guard >= GUARD_MAX) {
		run->exact = true;
		run->asked_limit = o->limit;
		rc = ask_rows(run);
	}
	if (rc == 0 && o->share && !cut_share(run)) {
		run->asked_limit = 0;
		rc = ask_rows(run);
		if (rc == 0)
			(void)cut_share(run);
	}
	return rc < 0 ? rc : ask_groups(run);
}

static void
make_bin(struct run *run)
{
	const struct godb_query_opts *o = run->opts;

	if (!has(run, GODB_KEY_TIME) || !o->bin ||
	    run->scan->first_s > run->scan->last_s)
		text_add(&run->bin, "toUInt32(time)");
	else
		sql_bin(&run->bin, "toUInt32(time)", o->bin, o->bin_arg,
		    run->scan->first_s, run->scan->last_s);
}

int
godb_query_run(const struct godb_scan *s, const struct godb_query_opts *opts,
    struct godb_result **out)
{
	struct run run = {.scan = s, .opts = opts, .metrics = opts->metrics};
	int rc;

	run.result = calloc(1, sizeof(*run.result));
	if (!run.result)
		return -ENOMEM;
	run.result->scan = s;
	run.host = has(&run, GODB_KEY_HOST);
	if (opts->sort < 0)
		run.metrics |= 1u << GODB_SORT_METRIC(opts->sort);
	if (opts->having)
		run.metrics |= godb_cond_metrics(opts->having);
	make_bin(&run);
	rc = run.bin.failed ? -ENOMEM : ask_all(&run);
	free_names(&run.names);
	text_free(&run.bin);
	if (rc == -EPROTO)
		remote_nonsense(s->r);
	if (rc < 0)
		godb_result_free(run.result);
	else
		*out = run.result;
	return rc;
}

void
godb_result_free(struct godb_result *r)
{
	if (!r)
		return;
	drop_rows(r);
	tdestroy(r->strings.tree, free);
	free(r->strings.text);
	for (size_t i = 0; i < r->n_unknown; i++)
		free(r->unknown[i].near_name);
	free(r->unknown);
	free(r);
}

size_t
godb_result_n_rows(const struct godb_result *r)
{
	return r->n_rows;
}

size_t
godb_result_n_hits(const struct godb_result *r)
{
	return r->n_hits;
}

size_t
godb_result_n_groups(const struct godb_result *r)
{
	return r->n_groups;
}

void
godb_result_row(const struct godb_result *r, size_t i,
    struct godb_result_row *out)
{
	const struct kept *k = row_at(r, i);
	const char *const *text = r->strings.text;

	memset(out, 0, sizeof(*out));
	out->time_s = k->time_s;
	out->version = k->version;
	out->sip = k->sip;
	out->dip = k->dip;
	out->dport = k->dport;
	out->proto = k->proto;
	out->iface = text ? text[k->iface] : "";
	out->site = text ? text[k->site] : "";
	out->l7proto = text ? text[k->l7] : "";
	out->category = text ? text[k->category] : "";
	if (!out->category[0])
		out->category = "Unspecified";
	memcpy(out->counter, k->counter, sizeof(out->counter));
	memcpy(out->extra, k->extra, sizeof(out->extra));
}

void
godb_result_totals(const struct godb_result *r, uint64_t counter[4])
{
	memcpy(counter, r->totals, sizeof(r->totals));
}

/* What could not be read is known by the scan. */
size_t
godb_result_n_faults(const struct godb_result *r)
{
	(void)r;
	return 0;
}

const struct godb_fault *
godb_result_fault(const struct godb_result *r, size_t i)
{
	(void)r;
	(void)i;
	return NULL;
}

const char *
godb_result_unknown_l7(const struct godb_result *r, size_t i,
    const char **near_name)
{
	if (i >= r->n_unknown)
		return NULL;
	*near_name = r->unknown[i].near_name;
	return r->unknown[i].name;
}

void
godb_result_stats(const struct godb_result *r, struct godb_result_stats *out)
{
	*out = r->stats;
}
