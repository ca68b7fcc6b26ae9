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
	test_iface();
	return tap_done();
}
