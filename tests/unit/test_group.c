/*
 * Grouping: keys are packed without loss, versions stay apart, memory is
 * bounded, sums saturate.  Random rows and queries are test_query's.
 */
#include "common/godb/group.h"

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
add_part(struct gdi_group *g, struct gdi_feed *f, const struct godb_scan *s,
    size_t i)
{
	struct godb_cursor *cursor;
	struct godb_columns c;
	uint32_t *sel;
	size_t n;
	int rc;

	(void)godb_cursor_new(s, &cursor);
	(void)godb_cursor_load(cursor, i, gdi_group_columns(g), true, true, &c,
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
		rc = add_part(g, feed[i % n_feeds], s, i);
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

int
main(void)
{
	check_packing();
	check_coarser();
	check_saturation();
	check_growth(1);
	check_growth(3);
	return tap_done();
}
