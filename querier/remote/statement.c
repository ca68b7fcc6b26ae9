/*
 * statement - what a query says in SQL: keys, sums, conditions, order.
 */
#include "querier/remote/run.h"

#include <stdio.h>
#include <string.h>


static const char *const columns[N_COUNTERS] = {"bytes_rcvd", "bytes_sent",
    "packets_rcvd", "packets_sent"};

/* ---- keys ---------------------------------------------------------------- */

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
	sql_masks(drop4, &k->high[0], &k->low[0]); /* ::ffff: stays */
	sql_masks(drop6, &k->high[1], &k->low[1]);
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
			text_fmt(t, "hex(substring(l7proto, 1, %d)), "
			    "hex(substring(max(category), 1, %d))", LABEL_MAX,
			    LABEL_MAX);
			n++;
			break;
		case GODB_KEY_IFACE:
		case GODB_KEY_SITE:
			text_fmt(t, "hex(substring(%s, 1, %d))",
			    godb_key_name(keys->key[i]), SITE_MAX);
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

void
statement_bin(struct run *run)
{
	const struct godb_query_opts *o = run->opts;

	if (!run_has(run, GODB_KEY_TIME) || !o->bin ||
	    run->scan->first_s > run->scan->last_s)
		text_add(&run->bin, "toUInt32(time)");
	else
		sql_bin(&run->bin, "toUInt32(time)", o->bin, o->bin_arg,
		    run->scan->first_s, run->scan->last_s);
}

/* ---- what is counted ----------------------------------------------------- */

static void
put_added(char out[128], const char *a, const char *b)
{
	(void)snprintf(out, 128, "if(%s + %s < %s, " SQL_MOST ", %s + %s)", a, b,
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
		sql_sum(t, columns[k], NULL, run->exact);
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
		sql_sum(t, columns[k], "e = 0", run->exact);
		n++;
	}
	return n;
}

/* ---- statements ---------------------------------------------------------- */

static void
put_rows_condition(struct text *t, const struct run *run)
{
	struct sql_place place = {.sip = "sip", .dip = "dip",
	    .names = &run->labels.list};
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
	if (run->choosy)
		shipped_put(t, true);
	text_add(t, " AND ");
	put_rows_condition(t, run);
	if (run->host)
		text_add(t, ")");
}

static void
put_having(struct text *t, const struct run *run, const struct aliases *a)
{
	struct sql_place place = {.groups = true, .names = &run->labels.list};
	struct key_addr sip, dip, host;

	make_key_addr(run, GODB_KEY_SIP, &sip);
	make_key_addr(run, GODB_KEY_DIP, &dip);
	make_key_addr(run, GODB_KEY_HOST, &host);
	place.sip = run_has(run, GODB_KEY_SIP) ? sip.value : NULL;
	place.dip = run_has(run, GODB_KEY_DIP) ? dip.value : NULL;
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

size_t
statement_rows(struct text *t, const struct run *run, size_t *n_keys)
{
	struct aliases a;
	size_t n;

	name_metrics(&a);
	text_add(t, "SELECT ");
	*n_keys = put_key_columns(t, run);
	n = *n_keys + put_count_columns(t, run);
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

void
statement_groups(struct text *t, const struct run *run)
{
	text_add(t, "SELECT count() FROM (SELECT 1");
	put_source(t, run);
	text_add(t, " GROUP BY ");
	put_group_by(t, run);
	text_add(t, ") FORMAT JSONCompact");
}
