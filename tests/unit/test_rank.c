/*
 * Order of groups: value first, then the keys; the top n is the same as the
 * first n of all; shares.
 */
#include "common/godb/godb.h"

#include "tests/lib/fakescan.h"
#include "tests/tap.h"

static struct godb_scan *scan;

/* "sip dip ..." is too long to write: the first byte counter tells rows
 * apart, so an answer is the list of those. */
static const char *
order(const char *keys, int sort, bool ascending, enum godb_direction direction,
    uint64_t limit, uint32_t share)
{
	static char out[256];
	struct godb_query_opts o = GODB_QUERY_OPTS_INIT;
	struct godb_result *r = NULL;
	size_t len = 0;
	int rc;

	(void)godb_keys_parse(keys, &o.keys, NULL);
	o.sort = sort;
	o.ascending = ascending;
	o.direction = direction;
	o.limit = limit;
	o.share = share;
	rc = godb_query_run(scan, &o, &r);
	if (rc < 0) {
		(void)snprintf(out, sizeof(out), "error %d", rc);
		return out;
	}
	out[0] = '\0';
	for (size_t i = 0; i < godb_result_n_rows(r); i++) {
		struct godb_result_row row;

		godb_result_row(r, i, &row);
		len += (size_t)snprintf(out + len, sizeof(out) - len, "%s%u",
		    i ? " " : "", (unsigned)row.counter[0]);
	}
	godb_result_free(r);
	return out;
}

/* All that ranking and --having hold of n groups counts against the bound. */
static void
check_bound(size_t n)
{
	struct godb_query_opts o = GODB_QUERY_OPTS_INIT;
	struct godb_cond_opts co = GODB_COND_OPTS_INIT;
	struct godb_result_stats stats;
	struct godb_cond *none = NULL;
	struct godb_result *r = NULL;
	size_t used;

	(void)godb_keys_parse("sip,dip", &o.keys, NULL);
	is_int(godb_query_run(scan, &o, &r), 0, "without a bound");
	godb_result_stats(r, &stats);
	godb_result_free(r);
	used = stats.mem_bytes;
	o.mem_bytes = used + n * 36 - 1;
	is_int(godb_query_run(scan, &o, &r), GODB_EMEMORY,
	    "a byte less than ranking takes");
	o.mem_bytes++;
	is_int(godb_query_run(scan, &o, &r), 0, "what it takes");
	godb_result_free(r);
	co.having = &o.keys;
	(void)godb_cond_parse("bytes > 1000", &co, &none, NULL);
	o.having = none;
	o.mem_bytes = used + n * 4;
	is_int(godb_query_run(scan, &o, &r), GODB_EMEMORY,
	    "as much as having takes of all groups");
	o.mem_bytes++;
	is_int(godb_query_run(scan, &o, &r), 0, "a byte more");
	is_int((int64_t)godb_result_n_hits(r), 0, "  where none of them stays");
	godb_result_free(r);
	godb_cond_free(none);
}

#define MANY 3000 /* groups, more than are looked at at a time */

/* Of many groups --having keeps those that are meant, and of hosts none is
 * ::. */
static void
check_having_many(void)
{
	static struct fake_row r[MANY];
	struct godb_query_opts o = GODB_QUERY_OPTS_INIT;
	struct godb_cond_opts co = GODB_COND_OPTS_INIT;
	struct godb_scan *s = fake_scan_new();
	struct godb_result *a = NULL;
	struct godb_cond *c = NULL;
	struct godb_result_row row;
	size_t wrong = 0;

	for (unsigned i = 0; i < MANY; i++)
		r[i] = (struct fake_row){i % 3 ? 4 : 6, {0, i + 1}, {0, i + 1},
		    443, 6, 0, {i, 0, 1, 0}};
	fake_add_part(s, fake_add_iface(s, "eth0"), 300, r, MANY);
	(void)godb_keys_parse("host", &o.keys, NULL);
	co.having = &o.keys;
	(void)godb_cond_parse("bytes >= 1500 or host = ::", &co, &c, NULL);
	o.having = c;
	o.sort = GODB_SORT_BYTES;
	o.ascending = true;
	is_int(godb_query_run(s, &o, &a), 0, "having, of many groups");
	is_int((int64_t)godb_result_n_rows(a), MANY / 2, "  half of them");
	for (size_t i = 0; i < godb_result_n_rows(a); i++) {
		godb_result_row(a, i, &row);
		wrong += row.counter[0] != MANY / 2 + i ||
		    row.sip.lo != row.counter[0] + 1;
	}
	is_int((int64_t)wrong, 0, "  those that are meant");
	godb_result_free(a);
	godb_cond_free(c);
	godb_scan_close(s);
}

/* Sums that no floating point number holds: a share of them is exact, in
 * whatever order they are added. */
static void
check_large_share(void)
{
	static const struct fake_row rows[] = {
		{4, {0, 1}, {0, 0}, 0, 6, 0, {1, 0, 1, 0}},
		{4, {0, 2}, {0, 0}, 0, 6, 0, {2, 0, 1, 0}},
		{4, {0, 3}, {0, 0}, 0, 6, 0, {3, 0, 1, 0}},
		{4, {0, 4}, {0, 0}, 0, 6, 0, {UINT64_MAX, 0, 1, 0}},
		{4, {0, 5}, {0, 0}, 0, 6, 0, {UINT64_MAX - 1, 0, 1, 0}},
		{4, {0, 6}, {0, 0}, 0, 6, 0, {0, 0, 1, 0}},
	};
	struct godb_scan *few = scan;

	scan = fake_scan_new();
	fake_add_part(scan, fake_add_iface(scan, "eth0"), 300, rows, 6);
	is_str(order("sip", GODB_SORT_BYTES, false, GODB_DIR_BOTH, 0, 10000),
	    "4294967295 4294967294 3 2 1", "100 %% near 2^65 are all");
	is_str(order("sip", GODB_SORT_BYTES, false, GODB_DIR_BOTH, 0, 9999),
	    "4294967295 4294967294", "99.99 %% are the two largest");
	is_str(order("sip", GODB_SORT_BYTES, false, GODB_DIR_BOTH, 0, 5000),
	    "4294967295 4294967294", "50 %% are two: one is less");
	godb_scan_close(scan);
	scan = few;
}

int
main(void)
{
	/* counters: bytes received, sent, packets received, sent */
	static const struct fake_row rows[] = {
		{4, {0, 9}, {0, 1}, 443, 6, 1, {1, 99, 7, 0}},
		{4, {0, 10}, {0, 1}, 80, 17, 2, {2, 98, 6, 0}},
		{6, {0, 1}, {0, 1}, 1000, 58, 3, {3, 97, 5, 9}},
		{4, {0, 10}, {0, 0}, 9, 200, 0, {4, 96, 5, 0}},
		{6, {1, 0}, {0, 1}, 22, 147, 4, {5, 195, 5, 0}},
	};

	scan = fake_scan_new();
	fake_add_l7(scan, "TLS", "Web");    /* 1 */
	fake_add_l7(scan, "DNS", "Network"); /* 2 */
	fake_add_l7(scan, "ssh", "Remote"); /* 3 */
	fake_add_l7(scan, NULL, NULL);      /* 4: the store cannot name it */
	fake_add_iface(scan, "eth0");
	fake_add_part(scan, 0, 300, rows, 5);

	is_str(order("sip,dip", GODB_SORT_BYTES, false, GODB_DIR_BOTH, 0, 0),
	    "5 1 4 2 3",
	    "ties: 9 before 10, then dip, IPv4 before IPv6");
	is_str(order("dip,sip", GODB_SORT_BYTES, false, GODB_DIR_BOTH, 0, 0),
	    "5 4 1 2 3", "ties go by keys in the order asked for");
	is_str(order("sip,dip", GODB_SORT_BYTES, true, GODB_DIR_BOTH, 0, 0),
	    "1 4 2 3 5", "-a: ties still ascend");
	is_str(order("sip,dip", GODB_SORT_BYTES, false, GODB_DIR_RCVD, 0, 0),
	    "5 4 3 2 1", "received only");
	is_str(order("sip,dip", GODB_SORT_BYTES, false, GODB_DIR_SENT, 0, 0),
	    "5 1 2 3 4", "sent only");
	is_str(order("sip,dip", GODB_SORT_PACKETS, false, GODB_DIR_BOTH, 0, 0),
	    "3 1 2 4 5", "packets");
	is_str(order("sip,dip", GODB_SORT_PACKETS, false, GODB_DIR_SENT, 0, 0),
	    "3 1 4 2 5", "packets sent, many zeros");
	is_str(order("dport,sip", GODB_KEY_DPORT, false, GODB_DIR_BOTH, 0, 0),
	    "4 5 2 1 3", "dport as a number");
	is_str(order("sip,proto", GODB_KEY_PROTO, false, GODB_DIR_BOTH, 0, 0),
	    "5 4 3 1 2", "proto as text: 147 200 IPv6-ICMP TCP UDP");
	is_str(order("l7proto", GODB_KEY_L7PROTO, false, GODB_DIR_BOTH, 0, 0),
	    "2 1 4 5 3", "l7proto as text: DNS TLS Unknown [id 4] ssh");
	is_str(order("sip,dip", GODB_SORT_BYTES, false, GODB_DIR_BOTH, 1, 0),
	    "5", "top 1");
	is_str(order("sip,dip", GODB_SORT_BYTES, false, GODB_DIR_BOTH, 3, 0),
	    "5 1 4", "top 3 of ties");
	is_str(order("sip,dip", GODB_SORT_BYTES, false, GODB_DIR_BOTH, 99, 0),
	    "5 1 4 2 3", "more than there are");
	/* 200 of 600 bytes, then 100 each */
	is_str(order("sip,dip", GODB_SORT_BYTES, false, GODB_DIR_BOTH, 0, 3333),
	    "5", "33.33 %% are one row");
	is_str(order("sip,dip", GODB_SORT_BYTES, false, GODB_DIR_BOTH, 0, 3334),
	    "5 1", "33.34 %% are two");
	is_str(order("sip,dip", GODB_SORT_BYTES, false, GODB_DIR_BOTH, 0, 10000),
	    "5 1 4 2 3", "100 %% are all");
	is_str(order("sip", GODB_KEY_DIP, false, GODB_DIR_BOTH, 0, 0),
	    "error -22", "a sort key that is not grouped by");
	is_str(order("sip", GODB_KEY_SIP, false, GODB_DIR_BOTH, 0, 100),
	    "error -22", "a share of an order by key");
	is_str(order("sip", -11, false, GODB_DIR_BOTH, 0, 0),
	    "error -22", "no such sort");
	check_bound(5);
	check_having_many();
	check_large_share();
	godb_scan_close(scan);
	return tap_done();
}
