/*
 * What a run of a question spares and reports: parts that are skipped, broken,
 * passed by; bounds, and who asks.
 */
#include "common/godb/godb.h"

#include "tests/lib/fakescan.h"
#include "tests/tap.h"

#include <errno.h>
#include <stddef.h>

static int
cancel(void *arg, size_t done, size_t parts)
{
	(void)parts;
	return done == *(size_t *)arg;
}

/* A caller that was compiled when there were fewer options. */
static void
check_older_caller(void)
{
	static const struct fake_row v4 = {4, {0, 1}, {0, 2}, 443, 6, 0,
	    {1, 1, 1, 1}};
	struct godb_query_opts o = GODB_QUERY_OPTS_INIT;
	struct godb_cond_opts co = GODB_COND_OPTS_INIT;
	struct godb_seen_opts seen = GODB_SEEN_OPTS_INIT;
	struct godb_cond *c = NULL;
	struct godb_result *r = NULL;
	struct godb_result_row row;
	struct godb_seen *out = NULL;
	struct godb_scan *s = fake_scan_new();
	int yes = 1;

	fake_add_part(s, fake_add_iface(s, "eth0"), 300, &v4, 1);
	(void)godb_keys_parse("sip", &o.keys, NULL);
	o.size = offsetof(struct godb_query_opts, cancel);
	o.cancel = &yes; /* of another meaning there */
	is_int(godb_query_run(s, &o, &r), 0, "options of an older caller");
	is_int(godb_result_n_rows(r), 1, "  are taken as far as they go");
	godb_result_row(r, 0, &row);
	is_str(row.iface, "", "  fields that are no key are empty");
	is_str(row.l7proto, "", "  all of them");
	godb_result_free(r);
	o.size = sizeof(o);
	o.direction = (enum godb_direction)3;
	is_int(godb_query_run(s, &o, &r), -EINVAL, "  no such direction");
	o.direction = GODB_DIR_BOTH;
	is_int(godb_query_run(s, &o, &r), GODB_ECANCELLED,
	    "  and all of today's");
	o.keys.key[o.keys.n++] = GODB_KEY_HOST;
	is_int(godb_query_run(s, &o, &r), -EINVAL, "  no host beside sip");
	o.keys.n--;
	o.size = sizeof(o) + 8;
	is_int(godb_query_run(s, &o, &r), -EINVAL,
	    "  but none that the library does not know");
	o.size = 0;
	is_int(godb_query_run(s, &o, &r), -EINVAL,
	    "  nor those that nobody initialised");
	co.size = offsetof(struct godb_cond_opts, sites);
	co.sites = true;
	is_int(godb_cond_parse("site = x", &co, &c, NULL), GODB_ESYNTAX,
	    "  so are a condition's");
	co.size = sizeof(co);
	is_int(godb_cond_parse("site = x", &co, &c, NULL), 0, "  or not");
	godb_cond_free(c);
	co.size++;
	is_int(godb_cond_parse("", &co, &c, NULL), -EINVAL, "  but no others");
	seen.size = 0;
	is_int(godb_seen_run(s, &seen, &out), -EINVAL,
	    "  and nobody is told \"never\" for want of a size");
	godb_scan_close(s);
}

static void
check_run(void)
{
	static const struct fake_row v4 = {4, {0, 1}, {0, 2}, 443, 6, 0,
	    {1, 1, 1, 1}};
	struct godb_query_opts o = GODB_QUERY_OPTS_INIT;
	struct godb_result *r = NULL;
	struct godb_result_stats stats;
	struct godb_cond *c = NULL;
	struct godb_scan *s = fake_scan_new();
	size_t at = 2;

	fake_piece_rows = 0;
	fake_knows = false;
	fake_add_iface(s, "eth0");
	for (int i = 0; i < 4; i++)
		fake_add_part(s, 0, 300 * i, &v4, 1);
	(void)godb_keys_parse("sip", &o.keys, NULL);

	(void)godb_cond_parse("dport = 80", NULL, &c, NULL);
	o.cond = c;
	fake_loads = 0;
	is_int(godb_query_run(s, &o, &r), 0, "nothing matches");
	is_int(godb_result_n_hits(r), 0, "  no hits");
	is_int(fake_loads, 4, "  one load a part");
	is_int(fake_last_columns, GODB_COL(GODB_DPORT), "  of dport alone");
	godb_result_free(r);
	godb_cond_free(c);

	(void)godb_cond_parse("ip6", NULL, &c, NULL);
	o.cond = c;
	fake_loads = 0;
	is_int(godb_query_run(s, &o, &r), 0, "the other version");
	is_int(fake_loads, 0, "  nothing is loaded");
	godb_result_stats(r, &stats);
	ok(stats.parts == 4 && stats.parts_skipped == 4, "  and counted so");
	godb_result_free(r);
	godb_cond_free(c);
	o.cond = NULL;

	fake_break_part(s, 1, GODB_EDAMAGED);
	fake_break_part(s, 2, GODB_EGONE);
	is_int(godb_query_run(s, &o, &r), 0, "two parts broken");
	is_int(godb_result_n_faults(r), 2, "  two faults");
	is_str(godb_result_fault(r, 0)->iface, "eth0", "  where");
	is_int(godb_result_fault(r, 0)->first_s, 300, "  when");
	is_int(godb_result_fault(r, 0)->rc, GODB_EDAMAGED, "  what");
	is_str(godb_result_fault(r, 0)->place, "sip.gpf at 4096", "  place");
	is_int(godb_result_fault(r, 1)->rc, GODB_EGONE, "  the other");
	godb_result_free(r);

	fake_break_part(s, 1, -ENOMEM);
	is_int(godb_query_run(s, &o, &r), -ENOMEM, "no memory ends it");
	o.progress = cancel;
	o.progress_arg = &at;
	fake_break_part(s, 1, 0);
	fake_break_part(s, 2, 0);
	is_int(godb_query_run(s, &o, &r), GODB_ECANCELLED, "cancelled");
	o.progress = NULL;
	o.mem_bytes = 1000;
	is_int(godb_query_run(s, &o, &r), GODB_EMEMORY, "1000 bytes");
	o.mem_bytes = 8 << 20;
	is_int(godb_query_run(s, &o, &r), 0, "8 MiB");
	godb_result_free(r);
	godb_scan_close(s);
}

/* Of a block in pieces what was taken before the broken one is taken back. */
static void
check_pieces(void)
{
	static const struct fake_row row[3] = {
	    {4, {0, 1}, {0, 2}, 443, 6, 0, {1, 1, 1, 1}},
	    {4, {0, 3}, {0, 2}, 443, 6, 0, {2, 2, 2, 2}},
	    {4, {0, 4}, {0, 2}, 443, 6, 0, {4, 4, 4, 4}}};
	struct godb_query_opts o = GODB_QUERY_OPTS_INIT;
	struct godb_result *r = NULL;
	struct godb_scan *s = fake_scan_new();
	uint64_t totals[4];

	fake_add_iface(s, "eth0");
	fake_add_part(s, 0, 0, row, 1);
	fake_add_part(s, 0, 300, row, 3);
	(void)godb_keys_parse("sip", &o.keys, NULL);
	fake_piece_rows = 1;
	fake_broken_piece = 2;
	fake_break_part(s, 1, GODB_EDAMAGED);
	is_int(godb_query_run(s, &o, &r), 0, "the last of three pieces broken");
	is_int(godb_result_n_faults(r), 1, "  one fault");
	is_int(godb_result_n_hits(r), 1, "  no group of that block");
	godb_result_totals(r, totals);
	is_int(totals[0], 1, "  nothing of it in the totals");
	godb_result_free(r);
	godb_scan_close(s);
	fake_piece_rows = 0;
	fake_broken_piece = UINT32_MAX;
}

/* Of each counter 1. */
static void
three_flows(struct fake_row flow[3])
{
	for (unsigned k = 0; k < 3; k++)
		flow[k] = (struct fake_row){4, {0, k + 1}, {0, 2}, 443, 6, 0,
		    {1, 1, 1, 1}};
}

/* Where the index knows which rows have large counters no others are looked
 * at, and all of them count as such; of the third block it does not tell. */
static void
check_large(void)
{
	static const struct fake_row row[3] = {
	    {4, {0, 1}, {0, 2}, 443, 6, 0, {1, 1, 1, 1}},
	    {4, {0, 3}, {0, 2}, 443, 6, 0, {9, 2, 2, 2}},
	    {6, {0, 4}, {0, 2}, 443, 6, 0, {4, 4, 4, 4}}};
	struct godb_query_opts o = GODB_QUERY_OPTS_INIT;
	struct godb_scan *s = fake_scan_new();
	struct godb_result_stats stats;
	struct godb_result *r = NULL;
	struct godb_cond *c = NULL;

	fake_knows = false;
	fake_add_iface(s, "eth0");
	for (int i = 0; i < 3; i++)
		fake_add_part(s, 0, 300 * i, row, i == 1 ? 1 : 3);
	(void)godb_keys_parse("sip", &o.keys, NULL);
	(void)godb_cond_parse("bytes_rcvd >= 5", NULL, &c, NULL);
	o.cond = c;
	fake_loads = 0;
	is_int(godb_query_run(s, &o, &r), 0, "few large counters");
	godb_result_stats(r, &stats);
	ok(stats.rows == 7 && stats.rows_matched == 2,
	    "  all rows were looked at: %d, and two found: %d",
	    (int)stats.rows, (int)stats.rows_matched);
	is_int(fake_loads, 4, "  a block without one is not loaded");
	godb_result_free(r);
	godb_cond_free(c);
	godb_scan_close(s);
}

/* Of blocks whose rows their counters rule out no more is read, and all of
 * them count; one that turns out to be broken after that counts not at all. */
static void
check_picked(void)
{
	struct godb_query_opts o = GODB_QUERY_OPTS_INIT;
	struct godb_result *r = NULL;
	struct godb_scan *s = fake_scan_new();
	struct godb_result_row row;
	uint64_t totals[4];

	fake_add_iface(s, "eth0");
	for (unsigned i = 0; i < 20; i++) {
		struct fake_row flow[3];

		three_flows(flow);
		flow[0].counter[0] = 6;
		for (unsigned k = 0; i == 0 && k < 3; k++)
			flow[k].counter[0] = 10;
		flow[2].counter[1] += i == 15 ? 50 : 0;
		fake_add_part(s, 0, 300 * i, flow, 3);
	}
	(void)godb_keys_parse("raw", &o.keys, NULL);
	o.sort = GODB_SORT_BYTES;
	o.limit = 1;
	for (unsigned pieces = 0; pieces < 2; pieces++) {
		fake_piece_rows = pieces;
		fake_knows = pieces;
		fake_loads = 0;
		is_int(godb_query_run(s, &o, &r), 0, "the row of most bytes");
		godb_result_totals(r, totals);
		is_int(totals[0], 30 + 19 * 8, "  all are counted");
		godb_result_row(r, 0, &row);
		ok(row.time_s == 15 * 300 && row.sip.lo == 3 &&
			row.counter[1] == 51,
		    "  and it is there");
		ok(fake_loads < 40 + pieces * 40, "  in %u loads", fake_loads);
		godb_result_free(r);
		fake_break_part(s, 15, GODB_EDAMAGED);
		fake_broken_columns = GODB_COL(GODB_SIP);
		is_int(godb_query_run(s, &o, &r), 0, "its address is damaged");
		godb_result_totals(r, totals);
		is_int(totals[0], 30 + 18 * 8, "  nothing of it is counted");
		is_int(godb_result_n_faults(r), 1, "  one fault");
		godb_result_free(r);
		fake_broken_columns = UINT32_MAX;
		fake_break_part(s, 15, 0);
	}
	godb_scan_close(s);
	fake_piece_rows = 0;
	fake_knows = false;
}

/* Of 40 blocks of three rows the first four by time, which are in two. */
static void
check_rows_only(void)
{
	struct godb_query_opts o = GODB_QUERY_OPTS_INIT;
	struct godb_scan *s = fake_scan_new();
	struct godb_result_stats stats;
	struct godb_result *r = NULL;
	struct godb_result_row row;

	fake_add_iface(s, "eth0");
	for (unsigned i = 0; i < 40; i++) {
		struct fake_row flow[3];

		three_flows(flow);
		fake_add_part(s, 0, 300 * i, flow, 3);
	}
	fake_break_part(s, 1, GODB_EDAMAGED);
	fake_break_part(s, 30, GODB_EDAMAGED);
	(void)godb_keys_parse("raw", &o.keys, NULL);
	o.sort = GODB_KEY_TIME;
	o.limit = 4;
	for (unsigned only = 0; only < 2; only++) {
		o.rows_only = only;
		fake_loads = 0;
		is_int(godb_query_run(s, &o, &r), 0, "the first rows%s",
		    only ? " alone" : "");
		is_int(godb_result_n_rows(r), 4, "  are there");
		godb_result_row(r, 3, &row);
		ok(row.time_s == 600 && row.sip.lo == 1,
		    "  behind a block that cannot be read");
		is_int(godb_result_n_faults(r), only ? 1 : 2,
		    only ? "  which is told, but of no later one" :
			   "  and all of these are told");
		is_int(godb_result_n_hits(r), only ? 6 : 114, "  hits");
		godb_result_stats(r, &stats);
		is_int(stats.parts, 40, "  of 40 blocks");
		is_int(stats.parts_skipped, only ? 37 : 0, "  so many skipped");
		ok(only ? fake_loads <= 6 : fake_loads >= 40, "  in %u loads",
		    fake_loads);
		godb_result_free(r);
	}
	o.sort = GODB_SORT_BYTES;
	is_int(godb_query_run(s, &o, &r), 0, "another order");
	is_int(godb_result_n_hits(r), 114, "  needs all of them");
	godb_result_free(r);
	o.limit = 0;
	o.sort = GODB_KEY_TIME;
	is_int(godb_query_run(s, &o, &r), 0, "no limit");
	is_int(godb_result_n_rows(r), 114, "  does so, too");
	godb_result_free(r);
	godb_scan_close(s);
}

/* A later interface's block may be as early, and its rows come first. */
static void
check_rows_only_of_two(void)
{
	struct godb_query_opts o = GODB_QUERY_OPTS_INIT;
	struct godb_scan *s = fake_scan_new();
	struct godb_result *r = NULL;
	struct godb_result_row row;

	fake_add_iface(s, "eth0");
	fake_add_iface(s, "eth1");
	for (unsigned i = 0; i < 40; i++) {
		struct fake_row flow = {4, {0, i < 20 ? 5 : 1}, {0, 2}, 443, 6,
		    0, {1, 1, 1, 1}};

		fake_add_part(s, i / 20, 300 * (i % 20), &flow, 1);
	}
	(void)godb_keys_parse("time,sip,iface", &o.keys, NULL);
	o.sort = GODB_KEY_TIME;
	o.limit = 1;
	for (unsigned only = 0; only < 2; only++) {
		o.rows_only = only;
		is_int(godb_query_run(s, &o, &r), 0, "two interfaces");
		godb_result_row(r, 0, &row);
		ok(row.time_s == 0 && row.sip.lo == 1, "  in order");
		godb_result_free(r);
	}
	godb_scan_close(s);
}

int
main(void)
{
	check_older_caller();
	check_run();
	check_pieces();
	check_large();
	check_picked();
	check_rows_only();
	check_rows_only_of_two();
	return tap_done();
}
