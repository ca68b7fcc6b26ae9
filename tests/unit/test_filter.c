/*
 * Conditions against rows: what qualifies, which address versions are needed
 * at all, names that the store does not know.  test_query holds random ones
 * against a slow twin.
 */
#include "common/godb/filter_state.h"

#include "tests/lib/fakescan.h"
#include "tests/tap.h"

#define V4(a, b, c, d) {0, (uint64_t)(a) << 24 | (b) << 16 | (c) << 8 | (d)}
#define V6(h, l)       {UINT64_C(h), UINT64_C(l)}

/* l7: 1 TLS, 2 tls (two ids of one name but for case), 3 SSH */
static const struct fake_row rows[] = {
	/* 0 */ {4, V4(10, 0, 0, 1), V4(10, 0, 0, 2), 443, 6, 1, {0}},
	/* 1 */ {4, V4(10, 0, 0, 2), V4(192, 0, 2, 1), 53, 17, 0, {0}},
	/* 2 */ {4, V4(0, 0, 0, 0), V4(255, 255, 255, 255), 0, 1, 2, {0}},
	/* 3 */ {4, V4(192, 0, 2, 1), V4(10, 255, 255, 255), 65535, 255, 3, {0}},
	/* 4 */ {6, V6(0x20010db800000000, 1), V6(0x20010db800000000, 2), 443,
	    6, 3, {0}},
	/* 5 */ {6, V6(0, 0), V6(0xffffffffffffffff, 0xffffffffffffffff), 22,
	    58, 0, {0}},
	/* 6 */ {6, V6(0x20010db900000000, 0), V6(0, 0x0a000001), 80, 132, 0,
	    {0}},
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static struct godb_scan *scan;

/* Numbers of the rows that qualify, "0 4 6"; verdicts are checked, too. */
static const char *
matches(const char *text)
{
	static char out[64];
	struct godb_cursor *cursor;
	struct godb_columns c;
	struct godb_cond *cond;
	struct gdi_filter *f;
	static struct godb_diag d;
	uint32_t sel[N_ROWS];
	size_t n, len = 0, n_version[2] = {0, 0};

	if (godb_cond_parse(text, NULL, &cond, &d) < 0)
		return d.text;
	(void)gdi_filter_new(cond, scan, &f);
	(void)godb_cursor_new(scan, &cursor);
	(void)godb_cursor_load(cursor, 0, gdi_filter_columns(f), true, true, &c,
	    NULL);
	n = gdi_filter_select(f, &c, sel);
	out[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		len += (size_t)snprintf(out + len, sizeof(out) - len, "%s%u",
		    i ? " " : "", sel[i]);
		n_version[sel[i] >= c.n4]++;
	}
	for (unsigned v = 0; v < 2; v++) {
		enum gdi_verdict verdict = gdi_filter_verdict(f, 4 + 2 * v);
		size_t all = v ? c.n6 : c.n4;

		if ((verdict == GDI_NEVER && n_version[v] != 0) ||
		    (verdict == GDI_ALWAYS && n_version[v] != all))
			strcat(out, " but the verdict differs");
	}
	godb_cursor_free(cursor);
	gdi_filter_free(f);
	godb_cond_free(cond);
	return out;
}

static void
check_rows(void)
{
	static const struct {
		const char *text, *rows;
	} t[] = {
		{"", "0 1 2 3 4 5 6"},
		{"tcp", "0 4"},
		{"dport = 443", "0 4"},
		{"dport = 0", "2"},
		{"dport > 443", "3"},
		{"dport in (22, 53, 65535)", "1 3 5"},
		{"proto = 255", "3"},
		{"proto >= 58", "3 5 6"},
		{"sip = 10.0.0.0/24", "0 1"},
		{"sip != 10.0.0.0/24", "2 3 4 5 6"},
		{"sip < 10.0.0.2", "0 2"},
		{"sip <= 10.0.0.2", "0 1 2"},
		{"not sip <= 10.0.0.2", "3 4 5 6"},
		{"sip = 0.0.0.0", "2"},
		{"sip = ::", "5"},
		{"dip = 255.255.255.255", "2"},
		{"dip = ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "5"},
		{"dip > 192.0.2.1", "2"},
		{"dip = 10.0.0.1", ""}, /* ::10.0.0.1 is another address */
		{"dip = ::10.0.0.1", "6"},
		{"host = 192.0.2.1", "1 3"},
		{"host = 10.0.0.2", "0 1"},
		{"host != 10.0.0.2", "2 3 4 5 6"},
		{"net 2001:db8::/32", "4"},
		{"net 2001:db8::/31", "4 6"},
		{"sip = ::/0", "4 5 6"},
		{"sip = 0.0.0.0/0", "0 1 2 3"},
		{"sip in (0.0.0.0/0, ::/0)", "0 1 2 3 4 5 6"},
		{"sip in (10.0.0.2, 192.0.2.1, 2001:db8::1, ::)", "1 3 4 5"},
		{"sip in (2001:db8::1, 2001:db8::9, 2001:db8::b)", "4"},
		{"ip6 and port 443", "4"},
		{"ip and port 443", "0"},
		{"ip6 or port 53", "1 4 5 6"},
		{"ip and ip6", ""},
		{"ip or ip6", "0 1 2 3 4 5 6"},
		{"not ip6 or tcp", "0 1 2 3 4"},
		{"l7 = TLS", "0 2"},
		{"l7 = ssh or l7 = Unknown", "1 3 4 5 6"},
		{"l7 != TLS", "1 3 4 5 6"},
		{"l7 = Nothing", ""},
		{"l7 != Nothing", "0 1 2 3 4 5 6"},
		{"l7 in (Nothing, SSH)", "3 4"},
		{"dport < 0", ""},
		{"not dport < 0", "0 1 2 3 4 5 6"},
		{"dport >= 0 and tcp", "0 4"},
		{"(tcp or udp) and not (port 443 and sip = 10.0.0.1)", "1 4"},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		is_str(matches(t[i].text), t[i].rows, "rows of: %s", t[i].text);
}

static enum gdi_verdict
verdict(const char *text, unsigned version)
{
	struct godb_cond *cond;
	struct gdi_filter *f;
	enum gdi_verdict v;

	(void)godb_cond_parse(text, NULL, &cond, NULL);
	(void)gdi_filter_new(cond, scan, &f);
	v = gdi_filter_verdict(f, version);
	gdi_filter_free(f);
	godb_cond_free(cond);
	return v;
}

static void
check_verdicts(void)
{
	static const struct {
		const char *text;
		enum gdi_verdict v4, v6;
	} t[] = {
		{"", GDI_ALWAYS, GDI_ALWAYS},
		{"tcp", GDI_SOMETIMES, GDI_SOMETIMES},
		{"host 10.0.0.1", GDI_SOMETIMES, GDI_NEVER},
		{"host ::1", GDI_NEVER, GDI_SOMETIMES},
		{"host != ::1", GDI_ALWAYS, GDI_SOMETIMES},
		{"host 10.0.0.1 and tcp", GDI_SOMETIMES, GDI_NEVER},
		{"host 10.0.0.1 or tcp", GDI_SOMETIMES, GDI_SOMETIMES},
		{"ip6", GDI_NEVER, GDI_ALWAYS},
		{"ip6 and tcp", GDI_NEVER, GDI_SOMETIMES},
		{"ip6 or tcp", GDI_SOMETIMES, GDI_ALWAYS},
		{"l7 = Nothing", GDI_NEVER, GDI_NEVER},
		{"port 0-65535", GDI_ALWAYS, GDI_ALWAYS},
		{"port 0-65534", GDI_SOMETIMES, GDI_SOMETIMES},
		{"sip = 0.0.0.0/0", GDI_ALWAYS, GDI_NEVER},
		{"sip = ::/0", GDI_NEVER, GDI_ALWAYS},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		is_int(verdict(t[i].text, 4), t[i].v4, "v4: %s", t[i].text);
		is_int(verdict(t[i].text, 6), t[i].v6, "v6: %s", t[i].text);
	}
}

static void
check_unknown(void)
{
	struct godb_cond *cond;
	struct gdi_filter *f;
	const char *near_name = "";
	bool category = true;

	(void)godb_cond_parse("l7 in (TLS, SHS, WeirdThing) or category = Wob",
	    NULL, &cond, NULL);
	(void)gdi_filter_new(cond, scan, &f);
	is_str(gdi_filter_unknown(f, 0, &near_name, &category), "SHS",
	    "unknown name");
	ok(!category, "  of an application");
	is_str(near_name, "SSH", "  and what is near");
	is_str(gdi_filter_unknown(f, 1, &near_name, &category), "WeirdThing",
	    "another");
	ok(near_name == NULL, "  with nothing near");
	is_str(gdi_filter_unknown(f, 2, &near_name, &category), "Wob",
	    "a third");
	ok(category, "  of a category");
	ok(gdi_filter_unknown(f, 3, &near_name, &category) == NULL,
	    "no fourth");
	gdi_filter_free(f);
	godb_cond_free(cond);
}

/* ---- zones -------------------------------------------------------------- */

static uint64_t
value_of(const struct fake_row *r, int c)
{
	const uint64_t values[GODB_N_COLUMNS] = {
		[GODB_SIP] = r->version == 6 ? r->sip.hi : r->sip.lo,
		[GODB_DIP] = r->version == 6 ? r->dip.hi : r->dip.lo,
		[GODB_DPORT] = r->dport, [GODB_PROTO] = r->proto,
		[GODB_L7PROTO] = r->l7, [GODB_BYTES_RCVD] = r->counter[0],
		[GODB_BYTES_SENT] = r->counter[1],
		[GODB_PKTS_RCVD] = r->counter[2],
		[GODB_PKTS_SENT] = r->counter[3],
	};

	return values[c];
}

static struct fake_row
random_row(uint64_t *seed, unsigned version)
{
	struct fake_row r = {.version = version,
	    .sip = {version == 6 ? tap_random(seed) % 4 : 0,
		tap_random(seed) % 8},
	    .dip = {version == 6 ? tap_random(seed) % 4 : 0,
		tap_random(seed) % 8},
	    .dport = (uint16_t)(tap_random(seed) % 100),
	    .proto = (uint8_t)(tap_random(seed) % 20),
	    .l7 = (uint16_t)(tap_random(seed) % 4)};

	for (unsigned k = 0; k < 4; k++)
		r.counter[k] = tap_random(seed) % 50;
	return r;
}

/* What zones say of some rows holds for each of them. */
static void
check_zones(uint64_t *seed, const char *text)
{
	unsigned wrong = 0, settled = 0, said[3] = {0};
	struct godb_cond *cond = NULL;
	struct gdi_filter *f = NULL;

	(void)godb_cond_parse(text, NULL, &cond, NULL);
	(void)gdi_filter_new(cond, scan, &f);
	for (unsigned round = 0; round < 2000; round += tap_stride(3)) {
		unsigned version = round % 2 ? 4 : 6;
		struct gdi_zone zone[GODB_N_COLUMNS];
		struct godb_scan *s = fake_scan_new();
		struct fake_row some[4];
		size_t n = 1 + tap_random(seed) % 4;
		enum gdi_verdict verdict;
		struct godb_cursor *cursor;
		struct godb_columns c;
		uint32_t sel[4];
		size_t match;

		for (size_t i = 0; i < n; i++)
			some[i] = random_row(seed, version);
		for (int k = 0; k < GODB_N_COLUMNS; k++) {
			zone[k] = (struct gdi_zone){round % 7 > 0, UINT64_MAX,
			    0};
			for (size_t i = 0; i < n; i++) {
				uint64_t v = value_of(&some[i], k);

				zone[k].min = v < zone[k].min ? v : zone[k].min;
				zone[k].max = v > zone[k].max ? v : zone[k].max;
			}
		}
		fake_add_iface(s, "eth0");
		fake_add_part(s, 0, 300, some, n);
		(void)godb_cursor_new(s, &cursor);
		(void)godb_cursor_load(cursor, 0, GODB_COL_ALL, true, true, &c,
		    NULL);
		match = gdi_filter_select(f, &c, sel);
		verdict = gdi_filter_zones(f, version, zone);
		said[verdict]++;
		settled += verdict != GDI_SOMETIMES;
		wrong += (verdict == GDI_NEVER && match > 0) ||
		    (verdict == GDI_ALWAYS && match < n);
		godb_cursor_free(cursor);
		godb_scan_close(s);
	}
	ok(wrong == 0 && settled > 20, "zones: %s: %u never, %u sometimes, %u "
	    "always, %u wrong", text, said[GDI_NEVER], said[GDI_SOMETIMES],
	    said[GDI_ALWAYS], wrong);
	gdi_filter_free(f);
	godb_cond_free(cond);
}

static void
check_all_zones(void)
{
	static const char *const texts[] = {"port 40", "port 10-80",
	    "not port 10-80", "port in (1,5,50-60,99)", "proto = 6",
	    "proto != 17", "proto in (1,6,17)", "l7 = TLS",
	    "category = Web", "sip = 0.0.0.3", "host 0.0.0.0/30",
	    "dip = ::/16 or sip = 0.0.0.1", "src net 0:0:0:2::/64",
	    "dip in (0:0:0:1::/64, 0:0:0:3::/64)",
	    "bytes > 60", "bytes_rcvd < 10", "packets_sent >= 25",
	    "packets > 30 and proto < 10", "not (bytes > 60 or port < 50)",
	    "dir = in or bytes < 20", "port < 50 and sip < 0.0.0.4"};
	uint64_t seed = tap_seed(20261129);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_zones(&seed, texts[i]);
}

/* Of what one direction has little is known until the other is, and both
 * together may be more than a number holds. */
static void
check_zone_sums(void)
{
	const struct gdi_zone sums[][2] = {{{true, 0, 10}, {false, 0, 0}},
	    {{false, 0, 0}, {true, 0, 10}},
	    {{true, 0, UINT64_MAX}, {true, 0, 10}}};
	struct gdi_zone zone[GODB_N_COLUMNS] = {{0}};
	struct godb_cond *cond = NULL;
	struct gdi_filter *f = NULL;

	(void)godb_cond_parse("bytes > 60", NULL, &cond, NULL);
	(void)gdi_filter_new(cond, scan, &f);
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		memcpy(&zone[GODB_BYTES_RCVD], sums[i], sizeof(sums[i]));
		is_int(gdi_filter_zones(f, 4, zone), GDI_SOMETIMES,
		    "there may be rows of more bytes (%zu)", i);
	}
	gdi_filter_free(f);
	godb_cond_free(cond);
}

/* Sums of both directions stay at the top, and several ranges hold. */
static void
check_amounts(void)
{
	static const struct fake_row large[] = {
		{4, V4(10, 0, 0, 1), V4(10, 0, 0, 2), 1, 6, 1,
		    {UINT64_MAX - 1, 5, 7, 0}},
		{4, V4(10, 0, 0, 1), V4(10, 0, 0, 2), 2, 6, 1, {3, 4, 0, 30}},
		{4, V4(10, 0, 0, 1), V4(10, 0, 0, 2), 3, 6, 1, {8, 8, 1, 1}},
	};
	struct godb_scan *all = scan;

	scan = fake_scan_new();
	fake_add_part(scan, fake_add_iface(scan, "eth0"), 300, large, 3);
	is_str(matches("bytes > 10"), "0 2", "bytes of both directions");
	is_str(matches("bytes = 7 or bytes > 16"), "0 1", "  some or more");
	is_str(matches("bytes in (7,16)"), "1 2", "  some of a list");
	is_str(matches("bytes in (7,18446744073709551615)"), "0 1",
	    "  some of a list, at the top");
	is_str(matches("packets < 8"), "0 2", "packets");
	is_str(matches("packets_sent >= 1"), "1 2", "one direction");
	is_str(matches("packets_rcvd in (1,7)"), "0 2", "  some of a list");
	godb_scan_close(scan);
	scan = all;
}

#define N_MANY (2 * GDI_CHUNK + 77)

/* Few values of each, so that every condition meets some rows; odd ones at the
 * ends of what a column can have. */
static struct fake_row
odd_row(uint64_t *seed, unsigned version)
{
	static const uint64_t amounts[] = {0, 1, 2, 1500, 65536,
	    UINT32_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX - 1, UINT64_MAX};
	static const uint16_t ports[] = {0, 22, 53, 443, 32767, 32768, 65535};
	static const uint8_t protos[] = {0, 1, 6, 17, 127, 128, 255};
	struct fake_row r = {.version = version,
	    .sip = V4(10, 0, 0, tap_random(seed) % 4),
	    .dip = V4(192, 0, 2, tap_random(seed) % 256),
	    .dport = ports[tap_random(seed) % 7],
	    .proto = protos[tap_random(seed) % 7],
	    .l7 = (uint16_t)(tap_random(seed) % 4)};

	if (version == 6)
		r.sip.hi = r.dip.hi = UINT64_C(0x20010db8) << 32;
	for (int k = 0; k < 4; k++)
		r.counter[k] = amounts[tap_random(seed) % 9];
	return r;
}

/* Whether of all rows, and of a few, looked at one by one those in sel qualify;
 * and each of them reaches what none does without. */
static bool
agree(struct gdi_filter *f, const struct godb_columns *c, const uint32_t *sel,
    size_t n)
{
	static uint32_t some[N_MANY];
	uint64_t least = 0;
	uint32_t large = gdi_filter_least(f, &least);
	bool right = large == 0 || least > 0;

	for (uint32_t step = 1; step < 8; step += 6) {
		size_t k = 0, want = 0, at = 0, found;

		for (uint32_t i = 0; i < c->n4 + c->n6; i += step)
			some[k++] = i;
		found = gdi_filter_select_among(f, c, some, k);
		for (size_t i = 0; i < n; i++)
			want += sel[i] % step == 0;
		right &= found == want;
		for (size_t i = 0; right && i < n; i++)
			if (sel[i] % step == 0)
				right = some[at++] == sel[i];
	}
	for (size_t i = 0; large && right && i < n; i++) {
		bool reaches = false;

		for (int k = 0; k < 4; k++)
			reaches |= large & GODB_COL(GODB_BYTES_RCVD + k) &&
			    c->counter[k][sel[i]] >= least;
		right = reaches;
	}
	return right;
}

/* Rows that qualify, into sel. */
static size_t
select_as(const char *text, bool plain, uint32_t *sel)
{
	static struct godb_diag d;
	struct godb_cursor *cursor;
	struct godb_columns c;
	struct godb_cond *cond;
	struct gdi_filter *f;
	size_t n;

	if (godb_cond_parse(text, NULL, &cond, &d) < 0)
		return SIZE_MAX;
	(void)gdi_filter_new(cond, scan, &f);
	f->plain = plain;
	(void)godb_cursor_new(scan, &cursor);
	(void)godb_cursor_load(cursor, 0, gdi_filter_columns(f), true, true, &c,
	    NULL);
	n = gdi_filter_select(f, &c, sel);
	if (!agree(f, &c, sel, n))
		n = SIZE_MAX;
	godb_cursor_free(cursor);
	gdi_filter_free(f);
	godb_cond_free(cond);
	return n;
}

/* What this processor has finds the rows that any finds. */
static void
check_plain(void)
{
	static const char *const text[] = {"proto = 6", "proto >= 127",
	    "proto != 128", "dport = 443", "dport > 32767", "dport <= 22",
	    "dport in (0, 53, 65535)", "proto in (1, 17, 255)",
	    "sip = 10.0.0.2", "sip > 10.0.0.1",
	    "dip in (192.0.2.7, 192.0.2.8, 192.0.2.200)", "host = 10.0.0.3",
	    "net 2001:db8::a00:0/127", "bytes_rcvd > 1500",
	    "bytes_sent < 9223372036854775808",
	    "bytes_sent >= 9223372036854775808", "bytes > 65536",
	    "bytes = 18446744073709551615", "packets <= 3",
	    "bytes > 3", "packets >= 3 and proto = 6",
	    "dport = 443 and bytes_rcvd > 2 and bytes_sent > 1",
	    "packets_rcvd in (1, 65536, 18446744073709551614)",
	    "l7proto = ssh", "not (dport = 443 and proto = 6)",
	    "bytes_rcvd < 2 or packets_sent > 4294967295"};
	static struct fake_row many[N_MANY];
	static uint32_t a[N_MANY], b[N_MANY];
	uint64_t seed = tap_seed(20261131);
	struct godb_scan *all = scan;
	char wrong[512] = "";

	for (size_t i = 0; i < N_MANY; i++)
		many[i] = odd_row(&seed, i < N_MANY / 2 ? 4 : 6);
	scan = fake_scan_new();
	fake_add_l7(scan, "TLS", "Web");
	fake_add_l7(scan, "tls", "Web");
	fake_add_l7(scan, "SSH", "RemoteAccess");
	fake_add_part(scan, fake_add_iface(scan, "eth0"), 300, many, N_MANY);
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		size_t n = select_as(text[i], false, a);

		if (n == SIZE_MAX || n == 0 || n == N_MANY ||
		    n != select_as(text[i], true, b) ||
		    memcmp(a, b, n * sizeof(*a)) != 0) {
			strcat(wrong, text[i]);
			break;
		}
	}
	is_str(wrong, "", "%zu rows, selected as plainly", (size_t)N_MANY);
	godb_scan_close(scan);
	scan = all;
}

/* Which counters have to be large, and how large. */
static void
check_least(void)
{
	static const struct {
		const char *text;
		uint32_t columns;
		uint64_t least;
	} t[] = {
		{"bytes_rcvd > 99", GODB_COL(GODB_BYTES_RCVD), 100},
		{"packets_sent = 7 and tcp", GODB_COL(GODB_PKTS_SENT), 7},
		{"tcp and bytes >= 1000",
		    GODB_COL(GODB_BYTES_RCVD) | GODB_COL(GODB_BYTES_SENT), 500},
		{"packets > 8",
		    GODB_COL(GODB_PKTS_RCVD) | GODB_COL(GODB_PKTS_SENT), 5},
		{"bytes_sent >= 0", 0, 0}, {"bytes < 9", 0, 0},
		{"tcp", 0, 0}, {"", 0, 0}, {"bytes > 5 or tcp", 0, 0},
		{"not bytes_sent < 9", 0, 0},
	};
	static struct godb_diag d;

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint64_t least = 0;
		struct godb_cond *cond;
		struct gdi_filter *f;
		uint32_t columns;

		(void)godb_cond_parse(t[i].text, NULL, &cond, &d);
		(void)gdi_filter_new(cond, scan, &f);
		columns = gdi_filter_least(f, &least);
		ok(columns == t[i].columns && least == t[i].least,
		    "large counters of '%s'", t[i].text);
		gdi_filter_free(f);
		godb_cond_free(cond);
	}
}

/* Masks to numbers as plainly, of every length. */
static void
check_select(void)
{
	uint64_t seed = tap_seed(20261130);
	unsigned wrong = 0;

	for (size_t n = 0; n < 300; n++) {
		uint8_t *mask = malloc(n + 1);
		uint32_t *a = malloc((n + 1) * 4), *b = malloc((n + 1) * 4);
		uint32_t first = (uint32_t)tap_random(&seed);
		size_t some;

		for (size_t i = 0; i < n; i++)
			mask[i] = tap_random(&seed) % (1 + n % 5) == 0;
		some = gdi_select(mask, n, first, a);
		wrong += some != gdi_select_plain(mask, n, first, b) ||
		    memcmp(a, b, some * 4) != 0;
		free(mask);
		free(a);
		free(b);
	}
	is_int(wrong, 0, "masks to numbers of rows as plainly");
}

int
main(void)
{
	uint32_t iface;

	scan = fake_scan_new();
	fake_add_l7(scan, "TLS", "Web");
	fake_add_l7(scan, "tls", "Web");
	fake_add_l7(scan, "SSH", "RemoteAccess");
	iface = fake_add_iface(scan, "eth0");
	fake_add_part(scan, iface, 300, rows, N_ROWS);
	check_rows();
	check_verdicts();
	check_unknown();
	check_all_zones();
	check_zone_sums();
	check_amounts();
	check_plain();
	check_least();
	check_select();
	godb_scan_close(scan);
	return tap_done();
}
