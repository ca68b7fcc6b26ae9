/* addr: text both ways, prefixes, order. */
#include "common/base/addr.h"

#include "tests/tap.h"

static void
test_format(void)
{
	static const char *const same[] = {"0.0.0.0", "255.255.255.255",
	    "192.0.2.1", "::", "::1", "2001:db8::", "2001:db8::1:0:0:1",
	    "fe80::1234:5678:9abc:def0", "::ffff:192.0.2.1", "1:2:3:4:5:6:7:8",
	    "2001:0:0:1::1"};
	char text[GP_ADDR_TEXT_MAX];
	struct gp_addr a;

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		is_int(gp_addr_parse(same[i], &a), 0, "parse %s", same[i]);
		gp_addr_format(&a, text);
		is_str(text, same[i], "and back");
	}
}

static void
test_prefix(void)
{
	static const char *const bad[] = {"", "/8", "10.0.0.0/33", "::/129",
	    "10.0.0.0/", "10.0.0.0/8x", "10.0.0.0/ 8", "10.0.0/8", "::1/1000",
	    "10.0.0.0/-1"};
	struct gp_prefix p;
	bool host;
	char text[GP_ADDR_TEXT_MAX];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(gp_prefix_parse(bad[i], &p, NULL) < 0, "not '%s'", bad[i]);
	ok(gp_prefix_parse("10.1.2.3/9", &p, &host) == 0 && host, "host bits");
	gp_prefix_format(&p, text);
	is_str(text, "10.0.0.0/9", "are cleared");
	gp_prefix_parse("2001:db8:ffff::1/33", &p, NULL);
	gp_prefix_format(&p, text);
	is_str(text, "2001:db8:8000::/33", "IPv6 on an odd bit");
	ok(gp_prefix_parse("192.0.2.1/32", &p, &host) == 0 && !host,
	    "an address has none");
}

static void
test_prefix_typed(void)
{
	static const struct {
		const char *text, *is; /* NULL: refused */
	} t[] = {
		{"10/8", "10.0.0.0/8"}, {"172.16/12", "172.16.0.0/12"},
		{"192.0.2/24", "192.0.2.0/24"}, {"0/0", "0.0.0.0/0"},
		{"10.1.2.3/8", "10.0.0.0/8"}, {"10.1/8", "10.0.0.0/8"},
		{"192.0.2.7", "192.0.2.7/32"},
		{"2001:db8::/32", "2001:db8::/32"},
		{"10", NULL}, {"10.1", NULL}, {"10./8", NULL}, {"/8", NULL},
		{".1/8", NULL}, {"256/8", NULL}, {"10/33", NULL}, {"10/", NULL},
		{"10/255.0.0.0", NULL}, {"2001/16", NULL},
		{"2001:db8/32", NULL},
		{"::ffff:1.2/120", NULL}, {"1.2.3.4.5/8", NULL}, {"", NULL},
		{"10/0000000000000000000000000000000000000000000000008", NULL},
		{"10000000000000000000000000000000000000000000000000/8", NULL},
	};
	struct gp_prefix p;
	char text[GP_ADDR_TEXT_MAX];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		int rc = gp_prefix_typed(t[i].text, &p);

		if (rc == 0)
			gp_prefix_format(&p, text);
		is_str(rc == 0 ? text : "refused",
		    t[i].is ? t[i].is : "refused", "'%s' typed", t[i].text);
	}
}

static void
test_iface(void)
{
	ok(gp_addr_iface_valid("eth0") && gp_addr_iface_valid("wlan0.100@x"),
	    "names");
	ok(!gp_addr_iface_valid("") && !gp_addr_iface_valid(".") &&
		!gp_addr_iface_valid("..") && !gp_addr_iface_valid("a/b") &&
		!gp_addr_iface_valid("a:b") && !gp_addr_iface_valid("a b") &&
		!gp_addr_iface_valid("sixteen-byte-nam"),
	    "no names");
}

int
main(void)
{
	test_format();
	test_prefix();
	test_prefix_typed();
	test_iface();
	return tap_done();
}
