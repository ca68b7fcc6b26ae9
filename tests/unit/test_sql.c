/* Conditions and bins as SQL: values that cannot leave their place, sets of
 * any size, bins in zones that change. */
#include "querier/remote/sql.h"
#include "querier/when.h"
#include "tests/tap.h"

static struct text t;

static const char *
sql(const char *condition)
{
	static const char *const label[] = {"TLS", "TLS.Google", "it's \\"};
	static const char *const category[] = {"Web", "Web", "x'y"};
	static const struct sql_names names = {label, category, 3};
	struct sql_place place = {.sip = "sip", .dip = "dip", .names = &names};
	struct godb_cond_opts opts = GODB_COND_OPTS_INIT;
	struct godb_cond *cond;
	static struct godb_diag diag;

	for (int m = 0; m < GODB_METRIC_EXTRA; m++)
		place.metric[m] = godb_metric_name((enum godb_metric)m);
	opts.sites = true;
	text_free(&t);
	if (godb_cond_parse(condition, &opts, &cond, &diag) < 0)
		return diag.text;
	sql_cond(&t, cond, &place);
	godb_cond_free(cond);
	return t.failed ? "failed" : t.s;
}

/* ---- literals ------------------------------------------------------------ */

/* What a server makes of a literal of ours: 'text' and \xHH. */
static bool
reads_back(const char *value)
{
	char got[600];
	size_t n = 0;
	const char *s;

	text_free(&t);
	text_literal(&t, value);
	s = t.s;
	if (*s++ != '\'')
		return false;
	while (*s && *s != '\'') {
		unsigned c = (unsigned char)*s++;

		if (c == '\\' && (*s++ != 'x' || sscanf(s, "%2x", &c) != 1))
			return false;
		s += s[-1] == 'x' && s[-2] == '\\' ? 2 : 0;
		got[n++] = (char)c;
	}
	got[n] = '\0';
	return s[0] == '\'' && !s[1] && strcmp(got, value) == 0;
}

static void
check_literals(void)
{
	static const char *const hostile[] = {"", "plain", "it's", "\\",
	    "\\'", "'; DROP TABLE x; --", "a\nb\tc", "\x01\x7f\xff", "\"`{}[]",
	    "x' OR 1=1 --", "%_*?", "/* */", "\\x41"};
	char every[256];

	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
		ok(reads_back(hostile[i]), "literal %zu", i);
	for (int c = 1; c < 256; c++)
		every[c - 1] = (char)c;
	every[255] = '\0';
	ok(reads_back(every), "every byte");
}

/* ---- conditions ---------------------------------------------------------- */

static void
check_conditions(void)
{
	is_str(sql(""), "1", "no condition");
	is_str(sql("port 80"), "(dport IN (80))", "a port");
	is_str(sql("port 80-90 or udp"),
	    "(((dport >= 80 AND dport <= 90)) OR (proto IN (17)))",
	    "a range, a protocol");
	is_str(sql("tcp port 80 or 443"),
	    "(((proto IN (6)) AND (dport IN (80))) OR "
	    "((proto IN (6)) AND (dport IN (443))))",
	    "a bare value is qualified as the one before it");
	is_str(sql("dport < 0"), "(0)", "nothing can be");
	is_str(sql("src 10.0.0.1"), "((version = 4 AND ((sip = unhex('"
	    "00000000000000000000FFFF0A000001')))))", "an address");
	is_str(sql("dst net 2001:db8::/32"), "((version = 6 AND ((dip >= unhex("
	    "'20010DB8000000000000000000000000') AND dip <= unhex('"
	    "20010DB8FFFFFFFFFFFFFFFFFFFFFFFF')))))", "a network");
	is_str(sql("not ip6"), "(NOT (version IN (6)))", "not");
	is_str(sql("bytes > 1k"),
	    "((bytes >= 1025 AND bytes <= 18446744073709551615))", "a metric");
	is_str(sql("l7 = tls"), "l7proto IN ('TLS', 'TLS.Google')",
	    "names that are meant");
	is_str(sql("category = \"x'y\""), "category IN ('x\\x27y')",
	    "a category with a quote");
	is_str(sql("l7 = nothing"), "0", "a name that nobody has");
	is_str(sql("site = \"o'; --\""), "site IN ('o\\x27\\x3b --')",
	    "a site that wants out");
	is_str(sql("site in (a, b) and not site = c"),
	    "(site IN ('a', 'b') AND (NOT site IN ('c')))", "sites");
}

/* Many ranges: the pieces of a set cover them and nothing else. */
static void
check_set(void)
{
	static char text[60000];
	size_t n = 0, seen = 0;

	n += (size_t)snprintf(text + n, sizeof(text) - n, "src in (");
	for (unsigned i = 0; i < 200; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    "%s10.%u.0.3-10.%u.1.20", i ? "," : "", i, i);
	(void)snprintf(text + n, sizeof(text) - n, ")");
	(void)sql(text);
	ok(!t.failed && strstr(t.s, " IN (SELECT arrayJoin(["), "a set");
	/* 10.7.0.3 to 10.7.1.20 in prefixes of whole digits: 318 addresses */
	for (const char *s = t.s; (s = strstr(s, "'00000000000000000000FFFF0A07"));
	     s++) {
		size_t len = strcspn(s + 1, "'");

		seen += (size_t)1 << (4 * (32 - len));
	}
	is_int(seen, 1 * 256 - 3 + 21, "each range is covered, exactly");
	ok(strstr(t.s, "'00000000000000000000FFFF0A070003'") &&
	    strstr(t.s, "'00000000000000000000FFFF0A070114'") &&
	    !strstr(t.s, "'00000000000000000000FFFF0A070115'"), "its ends");
}

/* ---- bins ---------------------------------------------------------------- */

static int64_t
bin_of(void *arg, int64_t slot_s)
{
	return when_bin(slot_s, *(const int64_t *)arg);
}

/* The value of our expression, whose words are few, at a time. */
static int64_t
evaluate(const char *s, int64_t time)
{
	long long below, a, b, c, d;
	int n;

	s += strncmp(s, "multiIf(", 8) == 0 ? 8 : 1;
	for (;;) {
		bool holds = true;

		n = 0;
		if (sscanf(s, "T < %lld, %n", &below, &n) == 1 && n > 0) {
			holds = time < below;
			s += n;
		}
		n = 0;
		if (sscanf(s, "toInt64(%lld)%n", &a, &n) == 1 && n > 0) {
			b = 0;
			c = 1;
		} else {
			n = 0;
			if (sscanf(s, "%lld + intDiv(T - %lld, %lld) * %lld%n",
				&a, &b, &c, &d, &n) != 4 || a != b || c != d)
				return -1;
			b = (time - a) / c * c;
		}
		if (holds)
			return a + b;
		s += n + 2;
	}
}

static void
check_bins(void)
{
	static const char *const zones[] = {"UTC", "Europe/Zurich",
	    "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu",
	    "Africa/Casablanca", "Pacific/Apia", "Atlantic/Azores"};
	static const int64_t bins[] = {300, 900, 3600, 21600, 43200, 86400,
	    3 * 86400, 604800};
	static const struct {
		int64_t first_s, last_s;
	} windows[] = {{1767225600, 1798761600}, {1774659600, 1774746300},
	    {1325200000 / 300 * 300, 1325400000 / 300 * 300}, {0, 86400 * 9},
	    {1761440400, 1761440400}};
	size_t wrong = 0, n = 0, longest = 0;

	for (size_t z = 0; z < sizeof(zones) / sizeof(zones[0]); z++) {
		if (!when_set_zone(zones[z]))
			continue;
		for (size_t i = 0; i < 8 * 5; i++) {
			int64_t bin_s = bins[i % 8];
			int64_t first = windows[i / 8].first_s;
			int64_t last = windows[i / 8].last_s;

			text_free(&t);
			sql_bin(&t, "T", bin_of, &bin_s, first, last);
			longest = t.len > longest ? t.len : longest;
			for (int64_t at = first; at <= last;
			     at += 300 * (int64_t)tap_stride(7), n++)
				wrong += evaluate(t.s, at) !=
				    when_bin(at, bin_s);
		}
	}
	is_int(wrong, 0, "bins of %zu times in zones", n);
	ok(longest < 4000, "in few pieces: %zu bytes", longest);
}

int
main(void)
{
	check_literals();
	check_conditions();
	check_set();
	check_bins();
	text_free(&t);
	text_literal(&t, "x");
	t.failed = true;
	text_add(&t, "y");
	is_str(t.s, "'x'", "nothing is added behind a failure");
	text_free(&t);
	text_fmt(&t, "%0600d", 1);
	ok(t.failed, "half a statement is none");
	text_free(&t);
	return tap_done();
}
