/*
 * The formats, byte for byte: the seed's table rebuilt from rows, units at
 * their edges, what comes below it, csv, json, jsonl.
 */
#include "querier/answer.h"

#include "tests/lib/eagerpool.h"
#include "tests/lib/fakescan.h"
#include "tests/tap.h"

#include <time.h>

#define NS INT64_C(1000000000)
#define MB UINT64_C(1048576)

static struct out o;

struct question {
	const char *query, *condition, *limit;
	int sort;
	enum godb_direction direction;
	int64_t first_s, last_s;
};

/* What few questions have. */
struct more {
	const char *having;
	const enum godb_metric *show;
	unsigned n_show;
	bool ascending, terminal;
};

/* Runs the question over the scan and prints the answer into o. */
static const char *
ask_more(struct godb_scan *s, const struct question *q, const struct more *more,
    void (*print)(struct out *, const struct answer *))
{
	static char text[70000];
	struct godb_query_opts opts = GODB_QUERY_OPTS_INIT;
	struct godb_coverage_opts c = GODB_COVERAGE_OPTS_INIT;
	struct godb_cond_opts of_groups = GODB_COND_OPTS_INIT;
	struct godb_cond *cond = NULL, *having = NULL;
	struct godb_result *r = NULL;
	struct godb_coverage *coverage = NULL;
	const char *ifaces[16];

	(void)godb_keys_parse(q->query, &opts.keys, NULL);
	(void)godb_cond_parse(q->condition, NULL, &cond, NULL);
	opts.cond = cond;
	opts.sort = q->sort;
	opts.direction = q->direction;
	opts.limit = q->limit ? strtoull(q->limit, NULL, 10) : 0;
	opts.ascending = more->ascending;
	of_groups.having = &opts.keys;
	if (more->having)
		(void)godb_cond_parse(more->having, &of_groups, &having, NULL);
	opts.having = having;
	for (unsigned i = 0; i < more->n_show; i++)
		opts.metrics |= 1u << more->show[i];
	if (godb_query_run(s, &opts, &r) < 0)
		return "query failed";
	c.first_s = q->first_s;
	c.last_s = q->last_s;
	c.now_ns = q->last_s * NS;
	if (godb_coverage_new(NULL, s, r, &c, &coverage) < 0)
		return "coverage failed";
	for (size_t i = 0; i < godb_scan_n_ifaces(s); i++)
		ifaces[i] = godb_scan_iface(s, i);
	const struct style style = {more->terminal, false, false, 80};
	struct answer a = {
		.query = q->query,
		.condition = q->condition,
		.having = more->having ? more->having : "",
		.show = more->show,
		.n_show = more->n_show,
		.iface = ifaces,
		.n_ifaces = godb_scan_n_ifaces(s),
		.opts = &opts,
		.scan = s,
		.result = r,
		.coverage = coverage,
		.took_ns = 33662360,
		.limit_text = q->limit,
		.style = &style,
	};
	out_init(&o, -1);
	print(&o, &a);
	memcpy(text, o.buf, o.len);
	text[o.len] = '\0';
	godb_coverage_free(coverage);
	godb_result_free(r);
	godb_cond_free(cond);
	godb_cond_free(having);
	return text;
}

static const char *
ask(struct godb_scan *s, const struct question *q,
    void (*print)(struct out *, const struct answer *))
{
	const struct more none = {.having = NULL};

	return ask_more(s, q, &none, print);
}

/* Compares line by line, so that a difference can be read. */
static void
same_lines(const char *got, const char *want, const char *what)
{
	for (unsigned line = 1; *got || *want; line++) {
		size_t n = strcspn(got, "\n"), m = strcspn(want, "\n");

		if (n != m || memcmp(got, want, n) != 0) {
			ok(false, "%s, line %u", what, line);
			printf("#      got: %.*s|\n# expected: %.*s|\n", (int)n,
			    got, (int)m, want);
			return;
		}
		got += n + (got[n] != '\0');
		want += m + (want[m] != '\0');
	}
	ok(true, "%s", what);
}

/* ---- the seed's ten rows ----------------------------------------------- */

#define V4(a, b, c, d) {0, (uint64_t)(a) << 24 | (b) << 16 | (c) << 8 | (d)}

static void
check_seed(void)
{
	static const char want[] =
	    "Your query: talk_conv\n"
	    "Conditions: proto=TCP\n"
	    "Sort by:    accumulated data volume (sent and received)\n"
	    "Interface:  eth0\n"
	    "Query produced 779 hits and took 33.66236ms \n"
	    "\n"
	    "                                  sip                   dip    packets       %   data vol.       %\n"
	    "                       215.142.239.52        215.142.238.87    46.13 M   58.33    28.92 GB   89.17\n"
	    "                       215.142.239.52       215.142.226.100    17.74 M   22.43     1.46 GB    4.50\n"
	    "                       215.142.239.52       215.142.238.100    14.08 M   17.80     1.16 GB    3.57\n"
	    "                       215.142.239.52       215.142.226.131   320.68 k    0.41   182.69 MB    0.55\n"
	    "     fd03:ca0:7:c08:a0ae:118:867:d7e3   fd03:ca0:8:c0c::165    98.98 k    0.13   173.35 MB    0.52\n"
	    "                       215.142.239.52       215.142.238.167   266.83 k    0.34   139.72 MB    0.42\n"
	    "                       215.142.239.52        215.142.228.16    23.89 k    0.03   124.34 MB    0.37\n"
	    "    fd03:ca0:7:c08:d910:9c63:f26f:3d2   fd03:ca0:8:c0c::165    80.99 k    0.10   119.30 MB    0.36\n"
	    "   fd03:ca0:7:c08:28d4:b3ee:c16c:9ba4   fd03:ca0:8:c0c::165    49.06 k    0.06    72.62 MB    0.22\n"
	    "   fd03:ca0:7:c08:4c6e:86bb:aec1:1072   fd03:ca0:8:c0c::165    15.91 k    0.02    23.83 MB    0.07\n"
	    "\n"
	    "Overall packets: 79.07 M , Overall data volume: 32.44 GB\n"
	    "\n"
	    "10 of 779 rows shown; -n all shows the rest\n"
	    "Window: 2014-09-01 00:00:00 +0000 .. 2014-09-01 00:05:00 +0000 (UTC)\n"
	    "Coverage: 100.00 % of the window\n";
	/* packets and KiB, received and sent together */
	static const struct {
		unsigned version;
		struct godb_addr6 sip, dip;
		uint64_t packets, kib;
	} top[10] = {
		{4, V4(215, 142, 239, 52), V4(215, 142, 238, 87), 46126000,
		    30329800},
		{4, V4(215, 142, 239, 52), V4(215, 142, 226, 100), 17736000,
		    1530921},
		{4, V4(215, 142, 239, 52), V4(215, 142, 238, 100), 14076000,
		    1215300},
		{4, V4(215, 142, 239, 52), V4(215, 142, 226, 131), 320680,
		    187075},
		{6, {0xfd030ca000070c08, 0xa0ae01180867d7e3},
		    {0xfd030ca000080c0c, 0x165}, 98980, 177510},
		{4, V4(215, 142, 239, 52), V4(215, 142, 238, 167), 266830,
		    143073},
		{4, V4(215, 142, 239, 52), V4(215, 142, 228, 16), 23890,
		    127324},
		{6, {0xfd030ca000070c08, 0xd9109c63f26f03d2},
		    {0xfd030ca000080c0c, 0x165}, 80990, 122163},
		{6, {0xfd030ca000070c08, 0x28d4b3eec16c9ba4},
		    {0xfd030ca000080c0c, 0x165}, 49060, 74363},
		{6, {0xfd030ca000070c08, 0x4c6e86bbaec11072},
		    {0xfd030ca000080c0c, 0x165}, 15910, 24402},
	};
	static struct fake_row rows[10 + 769 + 1];
	const struct question q = {"talk_conv", "proto=TCP", "10",
	    GODB_SORT_BYTES, GODB_DIR_BOTH, 1409529600, 1409529900};
	struct godb_scan *s = fake_scan_new();

	for (size_t i = 0; i < 10; i++) {
		rows[i] = (struct fake_row){top[i].version, top[i].sip,
		    top[i].dip, 443, 6, 0,
		    {top[i].kib * 1000, top[i].kib * 24, top[i].packets / 3,
			top[i].packets - top[i].packets / 3}};
	}
	/* the rest of the 779 and something that the condition leaves out */
	for (size_t i = 10; i < 779; i++)
		rows[i] = (struct fake_row){4, {0, i}, {0, 1}, 80, 6, 0,
		    {103000, 4000, 300, 61}};
	rows[779] = (struct fake_row){4, {0, 1}, {0, 1}, 53, 17, 0,
	    {UINT64_C(1) << 50, 0, 1000000000, 0}};
	fake_add_iface(s, "eth0");
	fake_add_part(s, 0, 1409529600, rows, 780);
	same_lines(ask(s, &q, table_print), want, "the seed's table");
	godb_scan_close(s);
}

/* ---- units ------------------------------------------------------------- */

static void
check_units(void)
{
	/* {packets, bytes} in this order, by dport */
	static const uint64_t values[][2] = {
		{0, 0}, {1, 1}, {813, 813}, {1000, 1000}, {1001, 1024},
		{1000000, 1025}, {1000999, 1048576}, {1001000, 1048577},
		{1001001, 1073741824}, {999999999999, 1099511627777},
	};
	static const char want[] =
	    "Your query: dport\n"
	    "Conditions: \n"
	    "Sort by:    dport (received only)\n"
	    "Interface:  eth0\n"
	    "Query produced 10 hits and took 33.66236ms \n"
	    "\n"
	    "   dport     packets        %    data vol.       %\n"
	    "       0      0.00       0.00      0.00  B    0.00\n"
	    "       1      1.00       0.00      1.00  B    0.00\n"
	    "       2    813.00       0.00    813.00  B    0.00\n"
	    "       3   1000.00       0.00   1000.00  B    0.00\n"
	    "       4      1.00 k     0.00   1024.00  B    0.00\n"
	    "       5   1000.00 k     0.00      1.00 kB    0.00\n"
	    "       6   1001.00 k     0.00   1024.00 kB    0.00\n"
	    "       7      1.00 M     0.00   1024.00 kB    0.00\n"
	    "       8      1.00 M     0.00   1024.00 MB    0.10\n"
	    "       9   1000.00 G   100.00   1024.00 GB   99.90\n"
	    "\n"
	    "Overall packets: 1000.00 G , Overall data volume: 1.00 TB\n"
	    "\n";
	const struct question q = {"dport", "", NULL, GODB_KEY_DPORT,
	    GODB_DIR_RCVD, 300, 600};
	struct fake_row rows[10];
	struct godb_scan *s = fake_scan_new();
	char *got;

	for (size_t i = 0; i < 10; i++)
		rows[i] = (struct fake_row){4, {0, 1}, {0, 1}, (uint16_t)i, 6,
		    0, {values[i][1], 1 << 30, values[i][0], 1 << 30}};
	fake_add_iface(s, "eth0");
	fake_add_part(s, 0, 300, rows, 10);
	got = strdup(ask(s, &q, table_print));
	if (strstr(got, "Window"))
		*strstr(got, "Window") = '\0';
	same_lines(got, want, "units step when strictly greater");
	free(got);
	godb_scan_close(s);
}

/* ---- what comes below, and the other formats --------------------------- */

static struct godb_scan *
small_scan(void)
{
	static const struct fake_row rows[] = {
		{4, V4(10, 0, 0, 1), V4(10, 0, 0, 2), 443, 6, 1,
		    {100, 20, 3, 2}},
		{6, {0x20010db800000000, 1}, {0x20010db800000000, 2}, 0, 58, 2,
		    {7, 0, 1, 0}},
		{4, V4(10, 0, 0, 1), V4(10, 0, 0, 9), 53, 200, 3,
		    {5, 5, 1, 1}},
	};
	struct godb_scan *s = fake_scan_new();
	struct godb_part *p;

	fake_add_l7(s, "TLS", "Web");
	fake_add_l7(s, "a,\"b\"", "x\033y");
	fake_add_iface(s, "eth0");
	fake_add_iface(s, "eth1");
	p = fake_add_part(s, 0, 1700000100, rows, 2);
	p->flags = GODB_PART_DIR_IFACE;
	p->counters.kernel_drops = 1234;
	fake_add_part(s, 0, 1700001300, rows, 1);
	p = fake_add_part(s, 1, 1700000100, rows + 2, 1);
	p->flags = GODB_PART_DIR_FLOW | GODB_PART_OFFLINE;
	return s;
}

static void
check_footer(void)
{
	static const char want[] =
	    "Your query: apps_l7\n"
	    "Conditions: not l7proto = 'Gone\\x1b'\n"
	    "Sort by:    accumulated packets (sent and received)\n"
	    "Interface:  eth0,eth1\n"
	    "Query produced 3 hits and took 33.66236ms \n"
	    "\n"
	    "   l7proto      category   packets       %   data vol.       %\n"
	    "       TLS           Web   10.00     76.92   240.00  B   93.39\n"
	    "    [id 3]   Unspecified    2.00     15.38    10.00  B    3.89\n"
	    "     a,\"b\"        x\\x1by    1.00      7.69     7.00  B    2.72\n"
	    "\n"
	    "Overall packets: 13.00   , Overall data volume: 257.00  B\n"
	    "\n"
	    "Window: 2023-11-14 22:10:00 +0000 .. 2023-11-14 22:40:00 +0000 (UTC)\n"
	    "Coverage: 50.00 % of the window; eth0 down 15 min; 1234 packets "
	    "dropped on eth0\n"
	    "Note: a packet forwarded between eth0 and eth1 counts on both\n"
	    "Note: eth0 has no data before 2023-11-14 22:15:00 +0000\n"
	    "Note: eth1 has no data before 2023-11-14 22:15:00 +0000 or after "
	    "2023-11-14 22:20:00 +0000\n"
	    "Note: some blocks count sent and received at the interface, others "
	    "from source to destination\n"
	    "Note: this store has never seen an application named Gone\\x1b\n";
	const struct question q = {"apps_l7", "not l7proto = 'Gone\033'", NULL,
	    GODB_SORT_PACKETS, GODB_DIR_BOTH, 1699999800, 1700001600};
	struct godb_scan *s = small_scan();

	same_lines(ask(s, &q, table_print), want, "below the table");
	godb_scan_close(s);
}

/* Letters take a column each, however many bytes they have; what is no UTF-8
 * takes those that it is shown with. */
static void
check_letters(void)
{
	static const char want[] =
	    "                l7proto   category   packets       %   data vol.       %\n"
	    "    T\303\251l\303\251com \303\216le-de-C\303\264te     R\303\251seau    3.00     50.00   300.00  B   50.00\n"
	    "   \342\202\254 \320\270\320\274\321\217, rather longer        Web    2.00     33.33   200.00  B   33.33\n"
	    "                 a\\xc3(        Web    1.00     16.67   100.00  B   16.67\n"
	    "\n";
	static const struct fake_row rows[] = {
		{4, V4(10, 0, 0, 1), V4(10, 0, 0, 2), 443, 6, 1,
		    {300, 0, 3, 0}},
		{4, V4(10, 0, 0, 1), V4(10, 0, 0, 2), 443, 6, 2,
		    {200, 0, 2, 0}},
		{4, V4(10, 0, 0, 1), V4(10, 0, 0, 2), 443, 6, 3,
		    {100, 0, 1, 0}},
	};
	const struct question q = {"apps_l7", "", NULL, GODB_SORT_BYTES,
	    GODB_DIR_BOTH, 1700000100, 1700000400};
	struct godb_scan *s = fake_scan_new();
	char *got, *head;

	fake_add_l7(s, "T\303\251l\303\251com \303\216le-de-C\303\264te",
	    "R\303\251seau");
	fake_add_l7(s, "\342\202\254 \320\270\320\274\321\217, rather longer",
	    "Web");
	fake_add_l7(s, "a\303(", "Web");
	fake_add_iface(s, "eth0");
	fake_add_part(s, 0, 1700000100, rows, 3);
	got = strdup(ask(s, &q, table_print));
	head = strstr(got, "\n\n") + 2;
	if (strstr(head, "Overall"))
		*strstr(head, "Overall") = '\0';
	same_lines(head, want, "letters of other scripts");
	free(got);
	godb_scan_close(s);
}

static void
check_empty(void)
{
	static const char want[] =
	    "   sip   dip   packets   %   data vol.   %\n"
	    "\n"
	    "Overall packets: 0.00   , Overall data volume: 0.00  B\n";
	const struct question q = {"talk_conv", "dport = 1", NULL,
	    GODB_SORT_BYTES, GODB_DIR_BOTH, 1700000100, 1700000400};
	struct godb_scan *s = small_scan();

	ok(strstr(ask(s, &q, table_print), want) != NULL,
	    "no rows: the header and zero totals stay");
	is_str(ask(s, &q, csv_print), "sip,dip,packets_rcvd,packets_sent,"
	    "packets,bytes_rcvd,bytes_sent,bytes\n", "no rows: csv");
	is_str(ask(s, &q, jsonl_print), "", "no rows: jsonl");
	ok(strstr(ask(s, &q, json_print), "\"rows\":[]}\n") != NULL,
	    "no rows: json");
	godb_scan_close(s);
}

static void
check_machine(void)
{
	const struct question q = {"raw", "", NULL, GODB_KEY_TIME,
	    GODB_DIR_SENT, 1700000100, 1700001600};
	const struct question l7 = {"apps_l7", "", "2", GODB_SORT_BYTES,
	    GODB_DIR_BOTH, 1700000100, 1700001600};
	struct godb_scan *s = small_scan();
	const char *json;

	same_lines(ask(s, &q, csv_print),
	    "time,iface,sip,dip,dport,proto,l7proto,packets_rcvd,packets_sent,"
	    "packets,bytes_rcvd,bytes_sent,bytes\n"
	    "1700000100,eth0,10.0.0.1,10.0.0.2,443,TCP,TLS,3,2,5,100,20,120\n"
	    "1700000100,eth0,2001:db8::1,2001:db8::2,0,IPv6-ICMP,"
	    "\"a,\"\"b\"\"\",1,0,1,7,0,7\n"
	    "1700000100,eth1,10.0.0.1,10.0.0.9,53,200,[id 3],1,1,2,5,5,10\n"
	    "1700001300,eth0,10.0.0.1,10.0.0.2,443,TCP,TLS,3,2,5,100,20,120\n",
	    "csv: every counter whatever the direction");
	same_lines(ask(s, &l7, csv_print),
	    "l7proto,category,packets_rcvd,packets_sent,packets,bytes_rcvd,"
	    "bytes_sent,bytes\n"
	    "TLS,Web,6,4,10,200,40,240\n"
	    "[id 3],Unspecified,1,1,2,5,5,10\n", "csv: category, limit");
	same_lines(ask(s, &l7, jsonl_print),
	    "{\"l7proto\":\"TLS\",\"category\":\"Web\",\"packets_rcvd\":6,"
	    "\"packets_sent\":4,\"packets\":10,\"bytes_rcvd\":200,"
	    "\"bytes_sent\":40,\"bytes\":240}\n"
	    "{\"l7proto\":\"[id 3]\",\"category\":\"Unspecified\","
	    "\"packets_rcvd\":1,\"packets_sent\":1,\"packets\":2,"
	    "\"bytes_rcvd\":5,\"bytes_sent\":5,\"bytes\":10}\n", "jsonl");
	json = ask(s, &q, json_print);
	ok(strncmp(json, "{\"status\":\"incomplete\",\n\"query\":{", 33) == 0,
	    "json: status first");
	ok(strstr(json, "{\"cause\":\"down\",\"iface\":\"eth0\","
	    "\"first\":\"2023-11-14T22:20:00Z\","
	    "\"last\":\"2023-11-14T22:35:00Z\",\"count\":1,\"seconds\":900}") !=
	    NULL, "json: the gap");
	ok(strstr(json, "{\"cause\":\"kernel-drops\",\"iface\":\"eth0\","
	    "\"first\":\"2023-11-14T22:15:00Z\","
	    "\"last\":\"2023-11-14T22:20:00Z\",\"count\":1,"
	    "\"packets\":1234}") != NULL, "json: the drops");
	ok(strstr(json, "\"window\":{\"first\":\"2023-11-14T22:15:00Z\","
	    "\"last\":\"2023-11-14T22:40:00Z\"}") != NULL, "json: window");
	ok(strstr(json, "{\"time\":\"2023-11-14T22:15:00Z\",\"iface\":\"eth0\","
	    "\"sip\":\"10.0.0.1\",\"dip\":\"10.0.0.2\",\"dport\":443,"
	    "\"proto\":\"TCP\",\"l7proto\":\"TLS\",\"packets_rcvd\":3,") !=
	    NULL, "json: a row");
	godb_scan_close(s);
}

/* Hits are what --having leaves of the groups, rows what -n leaves of them. */
static void
check_having(void)
{
	static const struct more more = {.having = "packets > 1"};
	static const struct question q = {"dport", "", "1", GODB_SORT_PACKETS,
	    GODB_DIR_BOTH, 1700000100, 1700001600};
	struct godb_scan *s = small_scan();
	const char *text = ask_more(s, &q, &more, table_print);

	ok(strstr(text, "\nQuery produced 2 hits and took ") != NULL,
	    "hits are what --having left");
	ok(strstr(text, "\n     443   10.00     76.92 ") != NULL &&
	    strstr(text, "\nOverall packets: 13.00   , ") != NULL,
	    "  shares and totals those of all");
	ok(strstr(text, "\n1 of 2 rows shown; -n all shows the rest\n"
	    "2 of 3 groups have packets > 1; totals ") != NULL,
	    "  and what is left out is said");
	text = ask_more(s, &q, &more, json_print);
	ok(strstr(text, "\"interfaces\":[\"eth0\",\"eth1\"],"
	    "\"condition\":\"\",\"having\":\"packets > 1\","
	    "\"direction\":\"both\",\"sort\":\"packets\","
	    "\"ascending\":false,\"limit\":\"1\"}") != NULL,
	    "  json: what was asked");
	ok(strstr(text, "{\"hits\":2,\"groups\":3,\"rows\":1,") != NULL,
	    "  and how many there are");
	godb_scan_close(s);
}

/* What is said of the question: its direction and order. */
static void
check_asked(void)
{
	static const struct {
		int sort;
		enum godb_direction direction;
		bool ascending;
		const char *want;
	} t[] = {
		{GODB_SORT_BYTES, GODB_DIR_RCVD, false, "\"received\","
		    "\"sort\":\"bytes\",\"ascending\":false,"},
		{GODB_SORT_PACKETS, GODB_DIR_SENT, true, "\"sent\","
		    "\"sort\":\"packets\",\"ascending\":true,"},
		{GODB_KEY_DPORT, GODB_DIR_BOTH, false, "\"both\","
		    "\"sort\":\"dport\",\"ascending\":true,"},
	};
	struct godb_scan *s = small_scan();

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const struct question q = {"dport", "", NULL, t[i].sort,
		    t[i].direction, 1700000100, 1700001600};
		const struct more more = {.ascending = t[i].ascending};

		ok(strstr(ask_more(s, &q, &more, json_print), t[i].want) !=
		    NULL, "json: %s", t[i].want);
	}
	godb_scan_close(s);
}

/* Columns that were asked for, networks of either version, a row's bar. */
static void
check_columns(void)
{
	static const enum godb_metric show[] = {GODB_METRIC_BYTES_SENT,
	    GODB_METRIC_ROWS};
	static const struct more shown = {.show = show, .n_show = 2},
	    terminal = {.terminal = true};
	static const struct question port = {"dport", "port 443", NULL,
	    GODB_SORT_BYTES, GODB_DIR_BOTH, 1700000100, 1700001600};
	static const struct question net = {"sip/24/48", "", NULL,
	    GODB_SORT_BYTES, GODB_DIR_BOTH, 1700000100, 1700001600};
	static const struct question bars = {"time", "", NULL,
	    GODB_SORT_PACKETS, GODB_DIR_BOTH, 1700000100, 1700001600};
	struct godb_scan *s = small_scan();
	const char *text;

	ok(strstr(ask_more(s, &port, &shown, table_print),
	    "\n   dport   bytes_sent   rows\n     443     40.00  B      2\n") !=
	    NULL, "--show");
	ok(strstr(ask_more(s, &port, &shown, jsonl_print),
	    "\"bytes_sent\":40,\"rows\":2}") != NULL, "  jsonl");
	text = ask(s, &net, csv_print);
	ok(strstr(text, "\n10.0.0.0/24,7,5,12,") != NULL &&
	    strstr(text, "\n2001:db8::/48,1,0,1,") != NULL,
	    "networks of either version");
	/* of 8 and 5 packets; of 137 and 120 bytes it would be 18 cells */
	text = ask_more(s, &bars, &terminal, table_print);
	ok(strstr(text, "   ####################\n") != NULL &&
	    strstr(text, "   #############\n") != NULL,
	    "bars are of what rows are sorted by");
	godb_scan_close(s);
}

/* n interfaces with a block each, and a window that begins before them. */
static struct godb_scan *
fleet(unsigned n, uint32_t flags)
{
	static const struct fake_row row = {4, V4(10, 0, 0, 1),
	    V4(10, 0, 0, 2), 443, 6, 0, {1, 1, 1, 1}};
	struct godb_scan *s = fake_scan_new();
	char name[] = "e0";

	for (; n > 0; n--, name[1]++)
		(void)fake_add_iface(s, name);
	for (uint32_t i = 0; i < godb_scan_n_ifaces(s); i++)
		fake_add_part(s, i, 1700000100, &row, 1)->flags = flags;
	return s;
}

static void
check_fleet(void)
{
	struct question q = {"sip", "", NULL, GODB_SORT_BYTES, GODB_DIR_BOTH,
	    1699999800, 1700000400};
	struct godb_scan *s = fleet(8, GODB_PART_DIR_FLOW);
	const char *text = ask(s, &q, table_print);

	ok(strstr(text, "\nInterface:  e0,e1,e2,e3,e4,e5,e6,e7\n") != NULL &&
	    strstr(text, "Note: e7 has no data before ") != NULL,
	    "eight interfaces are named");
	ok(strstr(text, "Note: a packet forwarded between these interfaces "
	    "counts on each\n") != NULL, "  what is forwarded counts on each");
	ok(!strstr(text, "more interfaces") && !strstr(text, "some blocks"),
	    "  and that is all");
	godb_scan_close(s);
	s = fleet(10, GODB_PART_DIR_FLOW);
	text = ask(s, &q, table_print);
	ok(strstr(text, ",e7,... (10 interfaces)\n") != NULL,
	    "of ten, how many they are");
	ok(!strstr(text, "e8 has no data") &&
	    strstr(text, "Note: of 2 more interfaces data begins or ends "
	    "within the window, too\n") != NULL, "  and of how many more the "
	    "window is wider");
	godb_scan_close(s);
	/* the block being filled and one that waits are no end */
	s = fleet(1, GODB_PART_DIR_FLOW);
	q.last_s = 1700001000;
	ok(!strstr(ask(s, &q, table_print), " after "),
	    "two blocks may be on their way");
	q.last_s = 1700001001;
	ok(strstr(ask(s, &q, table_print), " or after 2023-11-14 22:20:00 ") !=
	    NULL, "  three are missing");
	godb_scan_close(s);
}

/* Of a window that the sensor was down in, nothing is covered; of one that
 * nobody knows of, there is no share. */
static void
check_share(void)
{
	struct question q = {"sip", "", NULL, GODB_SORT_BYTES, GODB_DIR_BOTH,
	    1700000400, 1700001300};
	struct godb_scan *s = small_scan();

	ok(strstr(ask(s, &q, json_print), "{\"percent\":0.0000,") != NULL,
	    "json: down all the time is 0 %%");
	q.first_s = q.last_s = 0;
	ok(strstr(ask(s, &q, json_print), "{\"percent\":null,") != NULL,
	    "  a window without a block has no percentage");
	godb_scan_close(s);
}

/* A block that retention took away between the scan and the answer. */
static void
check_removed(void)
{
	static const struct question q = {"sip", "", NULL, GODB_SORT_BYTES,
	    GODB_DIR_BOTH, 1700000100, 1700001600};
	struct godb_scan *s = small_scan();
	const char *text;

	fake_break_part(s, 1, GODB_EGONE);
	ok(strstr(ask(s, &q, table_print), "1 place removed meanwhile\n") !=
	    NULL, "removed meanwhile: txt");
	ok(strstr(ask(s, &q, html_print), "1 place removed meanwhile</p>") !=
	    NULL, "  html");
	text = ask(s, &q, json_print);
	ok(strncmp(text, "{\"status\":\"incomplete\"", 22) == 0 &&
	    strstr(text, "{\"cause\":\"removed\",\"iface\":\"eth0\","
		"\"first\":\"2023-11-14T22:35:00Z\","
		"\"last\":\"2023-11-14T22:40:00Z\",\"count\":1,") != NULL,
	    "  json");
	godb_scan_close(s);
}

/* ---- the chart's question ------------------------------------------------ */

static struct godb_query_opts asked;
int __real_godb_query_run(const struct godb_scan *s,
    const struct godb_query_opts *opts, struct godb_result **out);
int __wrap_godb_query_run(const struct godb_scan *s,
    const struct godb_query_opts *opts, struct godb_result **out);

int
__wrap_godb_query_run(const struct godb_scan *s,
    const struct godb_query_opts *opts, struct godb_result **out)
{
	asked = *opts;
	return __real_godb_query_run(s, opts, out);
}

static void
check_chart(void)
{
	static const struct fake_row row = {4, {0, 1}, {0, 2}, 443, 6, 0,
	    {1, 1, 1, 1}};
	struct godb_query_opts opts = GODB_QUERY_OPTS_INIT;
	struct godb_scan *s = fake_scan_new();
	struct godb_cond *cond = NULL;
	struct chart chart;

	fake_add_part(s, fake_add_iface(s, "eth0"), 300, &row, 1);
	if (eager_pool(2, &opts.pool) < 0 ||
	    godb_cond_parse("port 443", NULL, &cond, NULL) < 0)
		abort();
	opts.cond = cond;
	is_int(chart_make(s, &opts, 300, 0, 900, &chart), 0, "a chart");
	is_int(chart.n, 1, "  of a bin");
	ok(asked.cond == cond && asked.pool == opts.pool,
	    "  is asked with the condition, by all threads");
	godb_cond_free(cond);
	godb_pool_free(opts.pool);
	godb_scan_close(s);
}

/* Twelve blocks of an interface, the last one larger, and one of another. */
static struct godb_scan *
hour_scan(void)
{
	static const struct fake_row small = {4, {0, 1}, {0, 2}, 443, 6, 0,
	    {1, 2, 3, 4}}, large = {4, {0, 1}, {0, 2}, 443, 6, 0,
	    {10, 20, 30, 40}};
	struct godb_scan *s = fake_scan_new();

	fake_add_iface(s, "eth0");
	fake_add_iface(s, "eth1");
	for (int i = 1; i <= 12; i++)
		fake_add_part(s, 0, i * 300, i < 12 ? &small : &large, 1);
	fake_add_part(s, 1, 3600, &small, 1);
	return s;
}

static void
check_chart_values(void)
{
	static const struct {
		int sort;
		enum godb_direction direction;
		enum godb_metric metric;
		uint64_t first, last;
	} t[] = {
		{GODB_SORT_BYTES, GODB_DIR_BOTH, GODB_METRIC_BYTES, 3, 33},
		{GODB_KEY_SIP, GODB_DIR_RCVD, GODB_METRIC_BYTES_RCVD, 1, 11},
		{GODB_SORT_BYTES, GODB_DIR_SENT, GODB_METRIC_BYTES_SENT, 2, 22},
		{GODB_SORT_PACKETS, GODB_DIR_BOTH, GODB_METRIC_PACKETS, 7, 77},
		{GODB_SORT_PACKETS, GODB_DIR_RCVD, GODB_METRIC_PACKETS_RCVD, 3,
		    33},
		{GODB_SORT_PACKETS, GODB_DIR_SENT, GODB_METRIC_PACKETS_SENT, 4,
		    44},
	};
	struct godb_query_opts opts = GODB_QUERY_OPTS_INIT;
	struct godb_scan *s = hour_scan();
	struct chart c;
	bool bytes;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		opts.sort = t[i].sort;
		opts.direction = t[i].direction;
		bytes = strstr(godb_metric_name(t[i].metric), "bytes") != NULL;
		is_int(chart_make(s, &opts, 300, 0, 90000, &c), 0,
		    "a chart of %s", godb_metric_name(t[i].metric));
		ok(c.metric == t[i].metric && c.n == 12 &&
		    c.bin[0].value == t[i].first && c.bin[11].value ==
			t[i].last && c.most == t[i].last, "  its values");
		ok(c.first_s == 300 && c.last_s == 3900,
		    "  over what blocks there are");
		out_init(&o, -1);
		chart_svg(&o, &c);
		o.buf[o.len] = '\0';
		ok(strstr(o.buf, "height=\"200.00\"><title>1970-01-01 01:00:00") !=
		    NULL && (strstr(o.buf, " B<") != NULL) == bytes,
		    "  drawn in their unit");
	}
	(void)chart_make(s, &opts, 300, 3610, 90000, &c);
	ok(c.first_s == 3600 && c.last_s == 3900, "a window within the last");
	godb_scan_close(s);
}

/* As many bins as fit, and no more. */
static void
check_chart_bins(void)
{
	static const struct {
		int64_t asked_s, bins, want_s;
	} t[] = {
		{0, 200, 300}, {0, 201, 900}, {0, 600, 900}, {0, 603, 3600},
		{300, 398, 300}, {300, 399, 900},
	};
	struct godb_query_opts opts = GODB_QUERY_OPTS_INIT;
	struct godb_scan *s = hour_scan();
	struct chart c;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		fake_set_extent(s, 0, 300, t[i].bins * 300);
		(void)chart_make(s, &opts, t[i].asked_s, 0, 900000, &c);
		is_int(c.bin_s, t[i].want_s, "a chart of %d blocks",
		    (int)t[i].bins);
	}
	godb_scan_close(s);
	out_init(&o, -1);
	chart_bar(&o, 1, 1000000, 20, false);
	out_char(&o, '|');
	chart_bar(&o, 0, 1000000, 20, false);
	o.buf[o.len] = '\0';
	is_str(o.buf, "#|", "a bar of little, and of nothing");
}

int
main(void)
{
	(void)setenv("TZ", "UTC", 1);
	tzset();
	check_seed();
	check_units();
	check_footer();
	check_letters();
	check_empty();
	check_machine();
	check_having();
	check_asked();
	check_columns();
	check_fleet();
	check_share();
	check_removed();
	check_chart();
	check_chart_values();
	check_chart_bins();
	return tap_done();
}
