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

/* Adds part i of the scan whole. */
static int
add(struct gdi_group *g, const struct godb_scan *s, size_t i)
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
	rc = gdi_group_add(g, godb_scan_part(s, i), &c, sel, n);
	free(sel);
	godb_cursor_free(cursor);
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
	is_int(gdi_group_new(&keys, 0, &g), 0, "raw: new");
	is_int(add(g, s, 0), 0, "raw: add");
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
	(void)gdi_group_new(&keys, 0, &g);
	(void)add(g, s, 0);
	is_int(gdi_group_count(g), 4,
	    "sip: 255.255.255.255 and ::ffff:ffff are two");
	gdi_group_free(g);

	(void)godb_keys_parse("dport,proto", &keys, NULL);
	(void)gdi_group_new(&keys, 0, &g);
	(void)add(g, s, 0);
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
	(void)gdi_group_new(&keys, 0, &g);
	(void)add(g, s, 0);
	ok(gdi_group_counters(g, 0)[0] == UINT64_MAX,
	    "a sum stays at the top and does not start over");
	gdi_group_free(g);
	godb_scan_close(s);
}

/* Many groups: growth keeps all of them, a bound refuses and is kept. */
static void
check_growth(void)
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
	(void)godb_keys_parse("sip", &keys, NULL);
	(void)gdi_group_new(&keys, 0, &g);
	(void)add(g, s, 0);
	is_int(add(g, s, 0), 0, "the same rows twice");
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

	(void)gdi_group_new(&keys, 4 << 20, &g);
	rc = add(g, s, 0);
	is_int(rc, GODB_EMEMORY, "4 MiB are too few");
	ok(gdi_group_bytes(g) <= 4 << 20, "and were kept: %zu",
	    gdi_group_bytes(g));
	gdi_group_free(g);
	free(seen);
	free(many);
	godb_scan_close(s);
}

int
main(void)
{
	check_packing();
	check_saturation();
	check_growth();
	return tap_done();
}
