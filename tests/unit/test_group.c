/*
 * Grouping: keys are packed without loss, versions stay apart, memory is
 * bounded, sums saturate.  Random rows and queries are test_query's.
 */
#include "common/godb/group.h"

#include "common/godb/pool.h"
#include "tests/lib/fakescan.h"
#include "tests/tap.h"

static const struct fake_row rows[] = {
	{4, {0, 0xffffffff}, {0, 1}, 65535, 255, 65535, {1, 2, 3, 4}},
	{4, {0, 0xffffffff}, {0, 1}, 65535, 255, 65535, {10, 20, 30, 40}},
	{4, {0, 1}, {0, 0xffffffff}, 0, 0, 0, {1, 1, 1, 1}},
	{6, {UINT64_MAX, UINT64_MAX}, {0, 1}, 65535, 255, 65535, {5, 6, 7, 8}},
	{6, {0, 0xffffffff}, {0, 1}, 65535, 255, 65535, {9, 9, 9, 9}},
};

static int
new_group(const struct godb_keys *keys, uint32_t metrics, size_t mem_bytes,
    struct gdi_group **out)
{
	struct gdi_group_opts opts = {.keys = keys, .metrics = metrics,
	    .mem_bytes = mem_bytes};

	return gdi_group_new(&opts, out);
}

/* Adds part i of the scan whole. */
static int
add_part(struct gdi_feed *f, const struct godb_scan *s, size_t i)
{
	struct godb_cursor *cursor;
	struct godb_columns c;
	uint32_t *sel;
	size_t n;
	int rc;

	(void)godb_cursor_new(s, &cursor);
	(void)godb_cursor_load(cursor, i, gdi_feed_columns(f), true, true, &c,
	    NULL);
	n = (size_t)c.n4 + c.n6;
	sel = malloc((n + 1) * sizeof(*sel));
	for (size_t k = 0; k < n; k++)
		sel[k] = (uint32_t)k;
	/* all rows, said in either way */
	rc = gdi_feed_add(f, godb_scan_part(s, i), &c, i % 2 ? NULL : sel, n);
	free(sel);
	godb_cursor_free(cursor);
	return rc;
}

/* Adds parts first to last, by turns through so many feeds. */
static int
add(struct gdi_group *g, const struct godb_scan *s, size_t first, size_t last,
    unsigned n_feeds)
{
	struct gdi_feed *feed[8];
	int rc = 0;

	for (unsigned i = 0; i < n_feeds; i++)
		(void)gdi_feed_new(g, &feed[i]);
	for (size_t i = first; rc == 0 && i <= last; i++)
		rc = add_part(feed[i % n_feeds], s, i);
	for (unsigned i = 0; rc == 0 && i < n_feeds; i++)
		rc = gdi_feed_end(feed[i]);
	if (rc == 0)
		rc = gdi_group_finish(g, feed, n_feeds, NULL);
	for (unsigned i = 0; i < n_feeds; i++)
		gdi_feed_free(feed[i]);
	return rc;
}

static void
check_packing(void)
{
	struct godb_scan *s = fake_scan_new();
	struct godb_keys keys;
	struct gdi_group *g;
	struct gdi_group_key k;
	const uint64_t *c;

	for (int i = 0; i < 3; i++)
		fake_add_iface(s, i == 0 ? "a" : i == 1 ? "b" : "c");
	/* the last representable block */
	fake_add_part(s, 2, INT64_C(4294966800), rows, 5);
	(void)godb_keys_parse("raw", &keys, NULL);
	is_int(new_group(&keys, 0, 0, &g), 0, "raw: new");
	is_int(add(g, s, 0, 0, 1), 0, "raw: add");
	is_int(gdi_group_count(g), 4, "raw: four groups");
	gdi_group_key(g, 0, &k);
	ok(k.slot == 4294966800 / 300 && k.iface == 2 && k.version == 4 &&
	    k.sip.lo == 0xffffffff && k.sip.hi == 0 && k.dip.lo == 1 &&
	    k.dport == 65535 && k.proto == 255 && k.l7 == 65535,
	    "raw: every field of IPv4 at its most");
	c = gdi_group_counters(g, 0);
	ok(c[0] == 11 && c[1] == 22 && c[2] == 33 && c[3] == 44, "raw: sums");
	gdi_group_key(g, 2, &k);
	ok(k.version == 6 && k.sip.hi == UINT64_MAX && k.sip.lo == UINT64_MAX &&
	    k.dip.hi == 0 && k.dip.lo == 1 && k.slot == 4294966800 / 300 &&
	    k.iface == 2 && k.dport == 65535 && k.proto == 255 &&
	    k.l7 == 65535, "raw: and of IPv6");
	gdi_group_free(g);

	(void)godb_keys_parse("sip", &keys, NULL);
	(void)new_group(&keys, 0, 0, &g);
	(void)add(g, s, 0, 0, 1);
	is_int(gdi_group_count(g), 4,
	    "sip: 255.255.255.255 and ::ffff:ffff are two");
	gdi_group_free(g);

	(void)godb_keys_parse("dport,proto", &keys, NULL);
	(void)new_group(&keys, 0, 0, &g);
	(void)add(g, s, 0, 0, 1);
	is_int(gdi_group_count(g), 2, "dport,proto: versions are together");
	gdi_group_key(g, 0, &k);
	c = gdi_group_counters(g, 0);
	ok(k.version == 0 && c[0] == 1 + 10 + 5 + 9, "  and summed");
	gdi_group_free(g);
	godb_scan_close(s);
}

static void
check_saturation(void)
{
	struct fake_row big[2] = {
		{4, {0, 1}, {0, 1}, 1, 1, 0, {UINT64_MAX - 1, 0, 0, 0}},
		{4, {0, 1}, {0, 1}, 1, 1, 0, {5, 0, 0, 0}},
	};
	struct godb_scan *s = fake_scan_new();
	struct godb_keys keys;
	struct gdi_group *g;

	fake_add_iface(s, "a");
	fake_add_part(s, 0, 0, big, 2);
	(void)godb_keys_parse("sip", &keys, NULL);
	(void)new_group(&keys, 0, 0, &g);
	(void)add(g, s, 0, 0, 1);
	ok(gdi_group_counters(g, 0)[0] == UINT64_MAX,
	    "a sum stays at the top and does not start over");
	gdi_group_free(g);
	godb_scan_close(s);
}

/* Many groups, more than a feed keeps for itself: growth keeps all of them, a
 * bound refuses and is kept. */
static void
check_growth(unsigned n_feeds)
{
	enum { N = 300000 };
	struct fake_row *many = calloc(N, sizeof(*many));
	struct godb_scan *s = fake_scan_new();
	struct godb_keys keys;
	struct gdi_group *g;
	uint64_t sum = 0, want = 0;
	bool seen_all = true;
	uint8_t *seen = calloc(N, 1);
	int rc;

	for (size_t i = 0; i < N; i++) {
		many[i].version = i % 3 ? 4 : 6;
		many[i].sip = (struct godb_addr6){0, i};
		many[i].counter[0] = i;
		want += 2 * i;
	}
	fake_add_iface(s, "a");
	fake_add_part(s, 0, 0, many, N);
	fake_add_part(s, 0, 300, many, N);
	(void)godb_keys_parse("sip", &keys, NULL);
	(void)new_group(&keys, 0, 0, &g);
	is_int(add(g, s, 0, 1, n_feeds), 0, "%u feeds, the same rows twice",
	    n_feeds);
	is_int(gdi_group_count(g), N, "%d groups", N);
	for (uint32_t i = 0; i < gdi_group_count(g); i++) {
		struct gdi_group_key k;

		gdi_group_key(g, i, &k);
		sum += gdi_group_counters(g, i)[0];
		seen_all &= k.sip.lo < N && !seen[k.sip.lo] &&
		    k.version == (k.sip.lo % 3 ? 4 : 6);
		if (k.sip.lo < N)
			seen[k.sip.lo] = 1;
	}
	ok(seen_all, "each once, of its version");
	ok(sum == want, "no counter lost");
	diag("%zu bytes a group", gdi_group_bytes(g) / N);
	gdi_group_free(g);

	(void)new_group(&keys, 0, 4 << 20, &g);
	rc = add(g, s, 0, 1, n_feeds);
	is_int(rc, GODB_EMEMORY, "4 MiB are too few");
	ok(gdi_group_bytes(g) <= 4 << 20, "and were kept: %zu",
	    gdi_group_bytes(g));
	gdi_group_free(g);
	free(seen);
	free(many);
	godb_scan_close(s);
}

static int64_t
first_hour(void *arg, int64_t slot_s)
{
	(void)arg;
	return slot_s / 3600 * 3600;
}

/* Prefixes, hosts, bins, rows and distinct counts. */
static void
check_coarser(void)
{
	static const struct fake_row t[] = {
		{4, {0, 0x0a000001}, {0, 0x0a000102}, 1, 6, 0, {1, 0, 1, 0}},
		{4, {0, 0x0a0000ff}, {0, 0x0a000102}, 2, 6, 0, {2, 0, 1, 0}},
		{4, {0, 0x0a000001}, {0, 0x0a000001}, 2, 6, 0, {4, 0, 1, 0}},
		{6, {0x20010db800000001, 1}, {0, 9}, 2, 6, 0, {8, 0, 1, 0}},
		{6, {0x20010db800000001, 2}, {0, 9}, 3, 6, 0, {16, 0, 1, 0}},
	};
	const uint32_t all = 1u << GODB_METRIC_ROWS | 1u << GODB_METRIC_SIPS |
	    1u << GODB_METRIC_DIPS | 1u << GODB_METRIC_DPORTS;
	struct godb_scan *s = fake_scan_new();
	struct gdi_group_opts opts = {.bin = first_hour};
	struct godb_keys keys;
	struct gdi_group *g;
	struct gdi_group_key k;
	uint64_t totals[4];

	fake_add_iface(s, "a");
	fake_add_part(s, 0, 7200, t, 5);
	fake_add_part(s, 0, 7500, t, 5);
	(void)godb_keys_parse("sip/24/64", &keys, NULL);
	(void)new_group(&keys, all, 0, &g);
	(void)add(g, s, 0, 0, 1);
	is_int(gdi_group_count(g), 2, "sip/24/64: one of each version");
	gdi_group_key(g, 0, &k);
	ok(k.version == 4 && k.sip.lo == 0x0a000000, "  10.0.0.0");
	ok(gdi_group_extra(g, 0, GODB_METRIC_ROWS) == 3 &&
	    gdi_group_extra(g, 0, GODB_METRIC_SIPS) == 2 &&
	    gdi_group_extra(g, 0, GODB_METRIC_DIPS) == 2 &&
	    gdi_group_extra(g, 0, GODB_METRIC_DPORTS) == 2,
	    "  rows, sips, dips, dports of IPv4");
	gdi_group_free(g);
	(void)new_group(&keys, all, 0, &g);
	(void)add(g, s, 0, 1, 2);
	ok(gdi_group_extra(g, 1, GODB_METRIC_ROWS) == 4 &&
	    gdi_group_extra(g, 1, GODB_METRIC_SIPS) == 2 &&
	    gdi_group_extra(g, 1, GODB_METRIC_DIPS) == 1 &&
	    gdi_group_extra(g, 1, GODB_METRIC_DPORTS) == 2,
	    "  and of IPv6, over two blocks");
	gdi_group_free(g);

	(void)godb_keys_parse("host", &keys, NULL);
	(void)new_group(&keys, all, 0, &g);
	(void)add(g, s, 0, 0, 1);
	is_int(gdi_group_count(g), 6, "host: both ends");
	gdi_group_key(g, 0, &k);
	ok(k.sip.lo == 0x0a000001 && gdi_group_counters(g, 0)[0] == 1 + 4,
	    "  a row of one host counts once");
	gdi_group_totals(g, totals);
	is_int(totals[0], 31, "  totals count a row once");
	gdi_group_free(g);

	(void)godb_keys_parse("time", &keys, NULL);
	opts.keys = &keys;
	opts.metrics = all;
	(void)gdi_group_new(&opts, &g);
	(void)add(g, s, 0, 1, 1);
	is_int(gdi_group_count(g), 1, "time: one bin of two blocks");
	gdi_group_key(g, 0, &k);
	is_int(k.slot, 24, "  its start");
	ok(gdi_group_extra(g, 0, GODB_METRIC_SIPS) == 4 &&
	    gdi_group_extra(g, 0, GODB_METRIC_DPORTS) == 3 &&
	    gdi_group_extra(g, 0, GODB_METRIC_ROWS) == 10,
	    "  both versions in one group");
	gdi_group_free(g);
	godb_scan_close(s);
}

/* ---- groups by the hundred thousand ------------------------------------- */

#define MANY 300000u

/* Rows in some parts, groups of every size, many sums alike. */
static struct godb_scan *
many_rows(uint64_t *seed, unsigned parts)
{
	struct fake_row *r = calloc(MANY / parts, sizeof(*r));
	struct godb_scan *s = fake_scan_new();

	fake_add_iface(s, "a");
	for (unsigned p = 0; p < parts; p++) {
		for (size_t i = 0; i < MANY / parts; i++) {
			uint64_t x = tap_random(seed);

			r[i] = (struct fake_row){.version = x % 3 ? 4 : 6,
			    .sip = {x % 5, x >> 8 & 0x3fff},
			    .dip = {0, x >> 24 & 0x1ff},
			    .dport = (uint16_t)(x >> 34 & 0x3ff),
			    /* more protocols come late */
			    .proto = (uint8_t)(x >> 44 & (p < 3 ? 0xf : 0x1f))};
			if (r[i].version == 4)
				r[i].sip.hi = 0;
			for (unsigned k = 0; k < 4; k++)
				r[i].counter[k] = tap_random(seed) % 4 ?
				    tap_random(seed) % 3 :
				    tap_random(seed) >> (20 + 11 * k);
		}
		fake_add_part(s, 0, 300 * p, r, MANY / parts);
	}
	free(r);
	return s;
}

static struct gdi_group *
group_of(const struct godb_scan *s, const char *keys, uint32_t metrics,
    size_t mem_bytes, struct gdi_best best, unsigned threads)
{
	struct gdi_group_opts opts = {.metrics = metrics,
	    .mem_bytes = mem_bytes, .best = best};
	struct gdi_feed *feed[8];
	struct godb_pool *pool = NULL;
	struct gdi_group *g = NULL;
	struct godb_keys k;
	int rc;

	(void)godb_keys_parse(keys, &k, NULL);
	opts.keys = &k;
	(void)gdi_group_new(&opts, &g);
	(void)godb_pool_new(threads, &pool);
	for (unsigned i = 0; i < threads; i++)
		(void)gdi_feed_new(g, &feed[i]);
	rc = 0;
	for (size_t i = 0; rc == 0 && i < godb_scan_n_parts(s); i++)
		rc = add_part(feed[i % threads], s, i);
	for (unsigned i = 0; rc == 0 && i < threads; i++)
		rc = gdi_feed_end(feed[i]);
	if (rc == 0)
		rc = gdi_group_finish(g, feed, threads, pool);
	for (unsigned i = 0; i < threads; i++)
		gdi_feed_free(feed[i]);
	godb_pool_free(pool);
	if (rc == 0)
		return g;
	diag("%s: %d", keys, rc);
	gdi_group_free(g);
	return NULL;
}

struct line {
	struct gdi_group_key key;
	uint64_t number[4 + GODB_N_EXTRAS];
};

static int
order_lines(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct gdi_group_key));
}

/* All groups in an order of their own. */
static struct line *
lines_of(const struct gdi_group *g)
{
	struct line *l = calloc(gdi_group_count(g) + 1, sizeof(*l));

	for (uint32_t i = 0; i < gdi_group_count(g); i++) {
		gdi_group_key(g, i, &l[i].key);
		memcpy(l[i].number, gdi_group_counters(g, i), 32);
		for (unsigned k = 0; k < GODB_N_EXTRAS; k++)
			l[i].number[4 + k] = gdi_group_extra(g, i,
			    (enum godb_metric)(GODB_METRIC_EXTRA + k));
	}
	qsort(l, gdi_group_count(g), sizeof(*l), order_lines);
	return l;
}

static int
order_values(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x < y) - (x > y);
}

/* Where only the best are wanted: they are there, as they are among all. */
static void
check_best(const struct godb_scan *s, const char *keys, struct gdi_best best,
    size_t mem_bytes, unsigned threads)
{
	uint32_t metrics = 1u << GODB_METRIC_ROWS;
	struct gdi_group *all = group_of(s, keys, metrics, 0, (struct gdi_best){
	    .metric = GODB_METRIC_BYTES}, 1);
	struct gdi_group *some = group_of(s, keys, metrics, mem_bytes, best,
	    threads);
	size_t n = gdi_group_count(all), missing = 0, at = 0;
	uint64_t *value = calloc(n, sizeof(*value)), totals[2][4];
	struct line *want = lines_of(all), *have;

	if (!some)
		abort(); /* group_of has said why */
	have = lines_of(some);
	for (uint32_t i = 0; i < n; i++) {
		value[i] = gdi_metric_value(all, i, best.metric,
		    best.direction);
		if (best.ascending)
			value[i] = ~value[i];
	}
	qsort(value, n, sizeof(*value), order_values);
	for (size_t i = 0; i < n; i++) {
		uint64_t v = best.metric == GODB_METRIC_ROWS ?
		    want[i].number[4] : godb_metric_counter(want[i].number,
			best.metric, best.direction);

		if ((best.ascending ? ~v : v) < value[best.limit - 1])
			continue;
		while (at < gdi_group_count(some) &&
		    order_lines(&have[at], &want[i]) < 0)
			at++;
		missing += at == gdi_group_count(some) ||
		    memcmp(&have[at], &want[i], sizeof(*have)) != 0;
	}
	gdi_group_totals(all, totals[0]);
	gdi_group_totals(some, totals[1]);
	is_int(missing, 0, "%s, %u threads: the best %u by %s are there", keys,
	    threads, (unsigned)best.limit, godb_metric_name(best.metric));
	ok(gdi_group_count(some) < n / 2, "  few others: %zu of %zu",
	    gdi_group_count(some), n);
	is_int(gdi_group_found(some), n, "  all are counted");
	ok(memcmp(totals[0], totals[1], sizeof(totals[0])) == 0,
	    "  and their sums");
	free(value);
	free(want);
	free(have);
	gdi_group_free(all);
	gdi_group_free(some);
}

/* The same groups whatever way they go. */
static void
check_same(const struct godb_scan *s, const char *keys, uint32_t metrics,
    size_t mem_bytes, unsigned threads)
{
	struct gdi_best none = {.metric = GODB_METRIC_BYTES};
	struct gdi_group *a = group_of(s, keys, metrics, 0, none, 1);
	struct gdi_group *b = group_of(s, keys, metrics, mem_bytes, none,
	    threads);
	struct line *x = lines_of(a), *y = b ? lines_of(b) : NULL;
	size_t n = gdi_group_count(a);

	ok(b && n == gdi_group_count(b) && memcmp(x, y, n * sizeof(*x)) == 0,
	    "%s: %zu groups, the same in %zu MiB by %u threads", keys, n,
	    mem_bytes >> 20, threads);
	free(x);
	free(y);
	gdi_group_free(a);
	gdi_group_free(b);
}

/* Distinct values against what the rows are known to have. */
static void
check_distinct(void)
{
	struct fake_row *r = calloc(MANY, sizeof(*r));
	struct godb_scan *s = fake_scan_new();
	struct gdi_group *g;
	unsigned wrong = 0;

	fake_add_iface(s, "a");
	for (unsigned p = 0; p < 3; p++) {
		for (size_t i = 0; i < MANY; i++)
			r[i] = (struct fake_row){.version = 4,
			    .sip = {0, i % 1000}, .dip = {0, i},
			    .dport = (uint16_t)(i / 1000 % 50 * 1024),
			    .counter = {1, 0, 0, 0}};
		fake_add_part(s, 0, 300 * p, r, MANY);
	}
	g = group_of(s, "sip", 1u << GODB_METRIC_DIPS | 1u << GODB_METRIC_DPORTS,
	    0, (struct gdi_best){.limit = 5, .metric = GODB_METRIC_BYTES}, 3);
	is_int(gdi_group_count(g), 1000, "distinct values: a thousand groups");
	for (uint32_t i = 0; i < gdi_group_count(g); i++)
		wrong += gdi_group_extra(g, i, GODB_METRIC_DIPS) != MANY / 1000 ||
		    gdi_group_extra(g, i, GODB_METRIC_DPORTS) != 50 ||
		    gdi_group_counters(g, i)[0] != 3 * MANY / 1000;
	is_int(wrong, 0, "  each with its own, once");
	gdi_group_free(g);
	/* 16 do, and of pairs of two words 20 */
	g = group_of(s, "sip", 1u << GODB_METRIC_DIPS, (size_t)18 << 20,
	    (struct gdi_best){.limit = 5, .metric = GODB_METRIC_BYTES}, 1);
	ok(g != NULL, "  pairs of two IPv4 addresses are one word");
	gdi_group_free(g);
	free(r);
	godb_scan_close(s);
}

/* More protocols than a small key has room for come within a part, between
 * batches of pairs, which begin anew with IPv6. */
static void
check_late_protocols(void)
{
	enum { V4 = 200, V6 = 300, LATE = 190 };
	struct fake_row *r = calloc(V4 + V6, sizeof(*r));
	struct godb_scan *s = fake_scan_new();
	struct gdi_group *g;
	uint64_t sips = 0, n = 0;

	fake_add_iface(s, "a");
	for (unsigned i = 0; i < V4 + V6; i++)
		r[i] = (struct fake_row){.version = i < V4 ? 4 : 6,
		    .sip = {0, i}, .dport = (uint16_t)(i % 4),
		    .proto = (uint8_t)(i % (i < V4 + LATE ? 16 : 32)),
		    .counter = {1, 0, 0, 0}};
	fake_add_part(s, 0, 0, r, V4 + V6);
	free(r);
	g = group_of(s, "dport,proto", 1u << GODB_METRIC_SIPS |
	    1u << GODB_METRIC_ROWS, 0, (struct gdi_best){.limit = 0}, 1);
	for (uint32_t i = 0; i < gdi_group_count(g); i++) {
		sips += gdi_group_extra(g, i, GODB_METRIC_SIPS);
		n += gdi_group_extra(g, i, GODB_METRIC_ROWS);
	}
	ok(sips == V4 + V6 && n == V4 + V6, "protocols that come late: each "
	    "row and its pair once: %d and %d", (int)n, (int)sips);
	gdi_group_free(g);
	godb_scan_close(s);
}

static void
check_many(void)
{
	const uint32_t distinct = 1u << GODB_METRIC_SIPS |
	    1u << GODB_METRIC_DIPS | 1u << GODB_METRIC_DPORTS;
	uint64_t seed = tap_seed(20261129);
	struct godb_scan *s = many_rows(&seed, 6);

	check_best(s, "sip,dip", (struct gdi_best){.limit = 10,
	    .metric = GODB_METRIC_BYTES, .direction = GODB_DIR_BOTH}, 0, 1);
	check_best(s, "sip,dip", (struct gdi_best){.limit = 1000,
	    .metric = GODB_METRIC_PACKETS, .direction = GODB_DIR_SENT},
	    (size_t)48 << 20, 3);
	check_best(s, "sip,dip,dport", (struct gdi_best){.limit = 25,
	    .metric = GODB_METRIC_BYTES_SENT, .direction = GODB_DIR_BOTH},
	    (size_t)40 << 20, 3);
	check_best(s, "sip,dport", (struct gdi_best){.limit = 3,
	    .metric = GODB_METRIC_ROWS, .direction = GODB_DIR_BOTH}, 0, 2);
	check_best(s, "raw", (struct gdi_best){.limit = 7,
	    .metric = GODB_METRIC_BYTES, .direction = GODB_DIR_RCVD}, 0, 4);
	/* all ways of keys and of memory */
	check_same(s, "sip,dip", 0, (size_t)48 << 20, 3);
	check_same(s, "sip,dip,dport,proto", 1u << GODB_METRIC_ROWS, 0, 3);
	check_same(s, "dport,proto", 0, (size_t)64 << 20, 2);
	check_same(s, "dport,proto", 1u << GODB_METRIC_ROWS, (size_t)64 << 20,
	    1);
	check_same(s, "dport", 0, (size_t)64 << 20, 2);
	check_same(s, "proto", 0, (size_t)64 << 20, 1);
	check_same(s, "host", 0, 0, 3);
	/* pairs beside these: in the group's word, and in others */
	check_same(s, "dport,proto", distinct | 1u << GODB_METRIC_ROWS,
	    (size_t)128 << 20, 2);
	check_same(s, "dport", distinct, (size_t)128 << 20, 3);
	check_same(s, "sip", distinct, (size_t)128 << 20, 3);
	check_same(s, "sip,dip", distinct, (size_t)128 << 20, 2);
	check_same(s, "sip,dport,proto", distinct, (size_t)128 << 20, 3);
	godb_scan_close(s);
	check_distinct();
	check_late_protocols();
}

/* ---- much that is put aside --------------------------------------------- */

/*
 * So many pairs, so often, with the ten best wanted: what it took of a bound,
 * or 0 when that did not do.
 */
static size_t
bytes_for(uint32_t pairs, unsigned turns, size_t most, unsigned threads)
{
	struct gdi_group_opts opts = {.mem_bytes = most, .best = {.limit = 10,
	    .metric = GODB_METRIC_BYTES, .direction = GODB_DIR_BOTH}};
	struct fake_row *r = calloc(pairs, sizeof(*r));
	struct godb_scan *s = fake_scan_new();
	struct gdi_feed *feed[8];
	struct godb_keys keys;
	struct gdi_group *g;
	uint64_t totals[4];
	size_t bytes;
	int rc = 0;

	for (uint32_t i = 0; i < pairs; i++)
		r[i] = (struct fake_row){.version = 4, .sip = {0, i},
		    .counter = {i & 0xffff, 2, 3, 4}};
	fake_add_iface(s, "a");
	fake_add_part(s, 0, 0, r, pairs);
	free(r);
	(void)godb_keys_parse("sip,dip", &keys, NULL);
	opts.keys = &keys;
	(void)gdi_group_new(&opts, &g);
	for (unsigned i = 0; i < threads; i++)
		(void)gdi_feed_new(g, &feed[i]);
	for (unsigned i = 0; rc == 0 && i < turns; i++)
		rc = add_part(feed[i % threads], s, 0);
	for (unsigned i = 0; rc == 0 && i < threads; i++)
		rc = gdi_feed_end(feed[i]);
	if (rc == 0)
		rc = gdi_group_finish(g, feed, threads, NULL);
	bytes = gdi_group_bytes(g); /* slabs stay until the end */
	for (unsigned i = 0; i < threads; i++)
		gdi_feed_free(feed[i]);
	if (rc == 0) {
		gdi_group_totals(g, totals);
		ok(gdi_group_found(g) == pairs &&
		    totals[3] == (uint64_t)4 * pairs * turns,
		    "%u pairs %u times by %u: %zu groups, in %zu kB", pairs,
		    turns, threads, gdi_group_found(g), bytes >> 10);
	} else {
		is_int(rc, GODB_EMEMORY, "%u pairs %u times by %u: the bound",
		    pairs, turns, threads);
	}
	gdi_group_free(g);
	godb_scan_close(s);
	return rc == 0 ? bytes : 0;
}

/* Records of few groups become groups before the end, those of many do not:
 * either takes less memory than the other would. */
static void
check_aside(void)
{
	size_t most = (size_t)24 << 20;

	/* 46 bytes a group, 15 a record */
	ok(bytes_for(800000, 1, most, 1) > 0, "no pair comes again");
	for (unsigned threads = 1; threads <= 3; threads += 2) {
		ok(bytes_for(60000, 64, most, threads) > 0,
		    "each comes 64 times");
		ok(bytes_for(800000, 64, most, threads) == 0,
		    "too many of both");
		/* not in a feed's table, either */
		ok(bytes_for(16000, 250, 2 * most, threads) <= most,
		    "far fewer pairs than records");
	}
}

/* What a group still has when its only feed was freed, ended or not. */
static size_t
bytes_left(const struct godb_scan *s, bool end)
{
	struct gdi_group *g;
	struct gdi_feed *f;
	struct godb_keys keys;
	size_t bytes;
	int rc;

	(void)godb_keys_parse("sip", &keys, NULL);
	(void)new_group(&keys, 0, 0, &g);
	(void)gdi_feed_new(g, &f);
	rc = add_part(f, s, 0);
	for (unsigned i = 0; rc == 0 && end && i < 2; i++)
		rc = gdi_feed_end(f); /* again: it knows that it has */
	is_int(rc, 0, "a feed is %s", end ? "ended" : "left alone");
	gdi_feed_free(f);
	bytes = gdi_group_bytes(g);
	gdi_group_free(g);
	return bytes;
}

/* At the end entries stay in a feed's table, or are put aside where memory is
 * scarce.  Each key comes three times before a table is full, so that it is
 * not passed over. */
static void
check_end(void)
{
	enum { PARTS = 3, KEYS = 20000, NEAR = 1000 };
	struct fake_row *r = calloc(3 * KEYS, sizeof(*r));
	struct godb_scan *s = fake_scan_new();
	struct gdi_best best = {.limit = 10, .metric = GODB_METRIC_BYTES,
	    .direction = GODB_DIR_BOTH};

	fake_add_iface(s, "a");
	for (uint32_t p = 0; p < PARTS; p++) {
		for (uint32_t i = 0; i < 3 * KEYS; i++)
			r[i] = (struct fake_row){.version = 4, .sip = {0,
				p * KEYS + i / (3 * NEAR) * NEAR + i % NEAR},
			    .counter = {1, 2, 3, 4}};
		fake_add_part(s, 0, 300 * (int64_t)p, r, 3 * KEYS);
	}
	free(r);
	is_int(bytes_left(s, true), bytes_left(s, false),
	    "what it had is given back either way");
	for (unsigned threads = 1; threads <= 3; threads += 2)
		for (unsigned mb = 2 + 6 * threads; mb <= 80; mb *= 4) {
			struct gdi_group *g = group_of(s, "sip", 0,
			    (size_t)mb << 20, best, threads);
			uint64_t totals[4] = {0};

			if (g)
				gdi_group_totals(g, totals);
			ok(g && gdi_group_found(g) == PARTS * KEYS &&
			    totals[3] == UINT64_C(4) * 3 * PARTS * KEYS,
			    "%u MB, %u threads: none of them is lost", mb,
			    threads);
			gdi_group_free(g);
		}
	godb_scan_close(s);
}

/* The longest keys that there are: all of IPv6's, and an address counted
 * behind it. */
static void
check_longest(void)
{
	enum { KEYS = 20000, NEAR = 500 };
	struct fake_row *r = calloc(3 * KEYS, sizeof(*r));
	struct godb_scan *s = fake_scan_new();
	struct gdi_best all = {.limit = 0};
	struct gdi_group *g;
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < 3 * KEYS; i++) {
		uint32_t key = i / (3 * NEAR) * NEAR + i % NEAR;

		r[i] = (struct fake_row){.version = 6, .sip = {key, 1},
		    .dip = {2, key}, .dport = (uint16_t)key, .proto = 6,
		    .counter = {1, 2, 3, 4}};
	}
	fake_add_iface(s, "a");
	fake_add_part(s, 0, 0, r, 3 * KEYS);
	free(r);
	g = group_of(s, "raw", 1u << GODB_METRIC_SIPS | 1u << GODB_METRIC_DIPS,
	    0, all, 1);
	for (uint32_t i = 0; g && i < gdi_group_count(g); i++)
		wrong += gdi_group_extra(g, i, GODB_METRIC_SIPS) != 1 ||
		    gdi_group_extra(g, i, GODB_METRIC_DIPS) != 1 ||
		    gdi_group_counters(g, i)[0] != 3;
	ok(g && gdi_group_count(g) == KEYS && wrong == 0,
	    "the longest keys, with addresses counted: each has one of each");
	gdi_group_free(g);
	godb_scan_close(s);
}

int
main(void)
{
	check_end();
	check_longest();
	check_aside();
	check_many();
	check_packing();
	check_coarser();
	check_saturation();
	check_growth(1);
	check_growth(3);
	return tap_done();
}
