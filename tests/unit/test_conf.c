/* conf: values, defaults, inheritance; every mistake has its line. */
#include "common/base/conf.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/tap.h"

static struct gp_conf *
parse(const char *text, char error[512])
{
	error[0] = '\0';
	return gp_conf_parse(text, strlen(text), "x.ini", error);
}

static void
test_values(void)
{
	char error[512];
	struct gp_conf *c = parse(
	    "# comment\n"
	    "[interface eth1]\n"
	    "snaplen = 256 ; inline comment\n"
	    "[site]\nname=lab\nnetworks = 10.0.0.0/8\n  2001:db8::/32\n"
	    "[store]\nmax_bytes = 2G\nmin_free=500 M\nretain_days=30\n"
	    "[capture]\nsnaplen = 512\nfilter = not port 22\npromiscuous = no\n"
	    "sandbox = seccomp\n"
	    "[interface eth0]\n"
	    "direction = flow\n",
	    error);
	const struct gp_conf_capture *e0, *e1;

	if (!ok(c != NULL, "parses: %s", error))
		return;
	is_str(c->site.name, "lab", "text");
	is_int(c->site.n_prefixes, 2, "networks over two lines");
	is_int(c->store.max_bytes, INT64_C(2) << 30, "2G");
	is_int(c->store.min_free, 500 << 20, "500 M");
	is_int(c->store.retain_days, 30, "number");
	is_str(c->store.path, GP_CONF_STORE, "default");
	is_int(c->capture_sandbox, GP_SANDBOX_SECCOMP, "capture's sandbox");
	is_int(c->n_ifaces, 2, "interfaces");
	e0 = gp_conf_iface(c, "eth0");
	e1 = gp_conf_iface(c, "eth1");
	ok(e0 && e1 && !gp_conf_iface(c, "eth2"), "by name");
	if (e0 && e1) {
		is_int(e0->snaplen, 512, "inherited");
		is_int(e1->snaplen, 256, "overridden, though it stands first");
		is_int(e0->direction, GP_DIR_FLOW, "choice");
		is_str(e1->filter, "not port 22", "filter inherited");
		ok(!e1->promiscuous, "bool inherited");
	}
	gp_conf_free(c);
	c = parse("", error);
	ok(c != NULL, "an empty file is all defaults");
	gp_conf_free(c);
}

static void
mistake(const char *text, const char *want)
{
	char error[512];
	struct gp_conf *c = parse(text, error);

	ok(c == NULL, "refused: %s", want);
	is_str(error, want, "says so");
	gp_conf_free(c);
}

/* filter and filter_file: the section's own takes the place of either. */
static void
test_filters(void)
{
	char error[512];
	const struct gp_conf_capture *e;
	struct gp_conf *c = parse("[interface eth1]\nfilter_file = /f\n"
				  "[capture]\nfilter = not port 22\n"
				  "[interface eth2]\nsnaplen = 256\n", error);

	if (!ok(c != NULL, "a file instead of the inherited text: %s", error))
		return;
	e = gp_conf_iface(c, "eth1");
	is_str(e->filter, "", "which is gone");
	is_str(e->filter_file, "/f", "for it");
	is_str(gp_conf_iface(c, "eth2")->filter, "not port 22",
	    "where there is none it stays");
	gp_conf_free(c);
	c = parse("[capture]\nfilter_file = /f\n[interface eth1]\n"
		  "filter = tcp\n  or udp\n[interface eth2]\nfilter =\n"
		  "[interface eth3]\nfilter =\nfilter_file = /g\n", error);
	if (!ok(c != NULL, "a text instead of the inherited file: %s", error))
		return;
	e = gp_conf_iface(c, "eth1");
	is_str(e->filter, "tcp or udp", "over two lines");
	is_str(e->filter_file, "", "without the file");
	is_str(gp_conf_iface(c, "eth2")->filter_file, "", "none at all");
	is_str(gp_conf_iface(c, "eth3")->filter_file, "/g", "as -T prints it");
	gp_conf_free(c);
	mistake("[capture]\nfilter = tcp\nfilter_file = /f\n",
	    "x.ini:3: filter and filter_file exclude each other");
	mistake("[interface eth1]\nfilter_file = /f\nfilter = tcp\n",
	    "x.ini:3: filter and filter_file exclude each other");
}

/* What is printed is read again, whatever stood in the file. */
static void
test_comments_are_no_part_of_values(void)
{
	char error[512];
	struct gp_conf *c = parse("[capture]\nfilter = not port 22 ; ssh\n"
				  "\tand not port 23\t; telnet; both\n"
				  " ; a line of its own\n"
				  " and port 1;2 ;\n", error);

	if (!ok(c != NULL, "comments within a continued value: %s", error))
		return;
	is_str(c->capture.filter,
	    "not port 22 and not port 23 and port 1;2",
	    "are no part of it on any of its lines");
	gp_conf_free(c);
	c = parse("[site]\nname =;lab\n", error);
	if (ok(c != NULL, "a comment right behind the =: %s", error))
		is_str(c->site.name, "", "is no value either");
	gp_conf_free(c);
}

/* A section that is not seen is an interface that nobody captures. */
static void
test_sections_are_seen_or_refused(void)
{
	static const char indented[] =
	    "x.ini:2: a section begins at the start of its line";
	char error[512];
	struct gp_conf *c;

	mistake("[interface eth0]\n [interface eth1]\nsnaplen = 99\n", indented);
	mistake("[interface eth0]\n\t[interface eth1]\n", indented);
	mistake("[interface eth0]\n\f[interface eth1]\n", indented);
	mistake("[capture]\n \v\r[site]\n", indented);
	mistake("[capture]\nfilter = tcp\n [interface eth1]\n",
	    "x.ini:3: a section begins at the start of its line");
	mistake(" [site]\nname = x\n",
	    "x.ini:1: a section begins at the start of its line");
	mistake("[site] name = x\n",
	    "x.ini:1: section [site] has a line of its own");
	mistake("[store]\n[interface eth0]snaplen = 99\n",
	    "x.ini:2: section [interface eth0] has a line of its own");
	mistake("[site]]\n", "x.ini:1: section [site] has a line of its own");
	c = parse("[site] \t\r\nname = a\n[store] ; here\n[interface eth0]# x\n"
		  "[interface eth1]", error);
	if (ok(c != NULL, "blanks and comments behind a section: %s", error)) {
		is_str(c->site.name, "a", "are no text");
		is_int(c->n_ifaces, 2, "also at the end");
	}
	gp_conf_free(c);
	c = parse("\xef\xbb\xbf[site]\nname = a\n[interface eth0]\n", error);
	if (ok(c != NULL, "a byte order mark: %s", error)) {
		is_str(c->site.name, "a", "is no text");
		is_int(c->n_ifaces, 1, "in either pass");
	}
	gp_conf_free(c);
	c = parse("\xef\xbb\xbf", error);
	ok(c != NULL, "nothing else: %s", error);
	gp_conf_free(c);
	c = parse("[store]\nmax_bytes = 10 gib\nmin_free = 3kb\n", error);
	if (ok(c != NULL, "sizes in small letters: %s", error)) {
		is_int(c->store.max_bytes, INT64_C(10) << 30, "10 gib");
		is_int(c->store.min_free, 3072, "3kb");
	}
	gp_conf_free(c);
	mistake("[interface eth0]\n\xef\xbb\xbf[interface eth1]\nsnaplen = 99\n",
	    "x.ini:2: neither a section, a key = value nor a comment");
}

static void
test_mistakes(void)
{
	static char text[20000];

	mistake("[stroe]\n", "x.ini:1: unknown section [stroe]");
	mistake("[store]\npaht = /x\n", "x.ini:2: unknown key 'paht' in [store]");
	mistake("\n\nx = 1\n", "x.ini:3: key 'x' before any section");
	mistake("[store]\npath = var\n",
	    "x.ini:2: path = var: needs an absolute path");
	mistake("[capture]\nsnaplen = 12\n",
	    "x.ini:2: snaplen = 12: needs a number from 128 to 262144");
	mistake("[capture]\nsnaplen = 99999999999999999999\n",
	    "x.ini:2: snaplen = 99999999999999999999: needs a number from 128 "
	    "to 262144");
	mistake("[capture]\nsnaplen = 127\n",
	    "x.ini:2: snaplen = 127: needs a number from 128 to 262144");
	mistake("[capture]\nbuffer_mb = 2048\n",
	    "x.ini:2: buffer_mb = 2048: needs a number from 2 to 2047");
	mistake("[capture]\nl7 = maybe\n",
	    "x.ini:2: l7 = maybe: needs one of: ndpi off");
	mistake("[capture]\npromiscuous = 2\n",
	    "x.ini:2: promiscuous = 2: needs yes or no");
	mistake("[store]\nmax_bytes = 1X\n",
	    "x.ini:2: max_bytes = 1X: needs a size, as 500M or 2G");
	mistake("[store]\nmax_bytes = 1i\n",
	    "x.ini:2: max_bytes = 1i: needs a size, as 500M or 2G");
	mistake("[store]\nmax_bytes = 16777216T\n",
	    "x.ini:2: max_bytes = 16777216T: needs a size, as 500M or 2G");
	mistake("[capture]\nsnaplen =\n",
	    "x.ini:2: snaplen = : needs a number from 128 to 262144");
	mistake("[capture]\n snaplen = 99\n", "x.ini:2: 'snaplen' is indented, "
	    "but there is no value to go on with");
	mistake("[capture]\nsnaplen = 990\n 9\n",
	    "x.ini:3: 'snaplen' cannot go on over a second line");
	mistake("[store]\nretain_days = 1\nretain_days = 2\n",
	    "x.ini:3: key 'retain_days' stands here a second time");
	mistake("[store]\n[store]\n",
	    "x.ini:2: section [store] stands here a second time");
	mistake("[interface eth0]\n[interface eth0]\n",
	    "x.ini:2: interface eth0 stands here a second time");
	mistake("[interface any]\n",
	    "x.ini:1: 'any': no interface is captured by this name");
	mistake("[interface ../x]\n",
	    "x.ini:1: '../x' cannot be an interface name");
	mistake("[interface eth0,eth1]\n",
	    "x.ini:1: 'eth0,eth1': a section is of one interface, by its name");
	mistake("[interface eth*]\n",
	    "x.ini:1: 'eth*': a section is of one interface, by its name");
	mistake("[interface eth0]\nsandbox = off\n",
	    "x.ini:2: unknown key 'sandbox' in [interface]");
	mistake("[store]\nnonsense\n",
	    "x.ini:2: neither a section, a key = value nor a comment");
	mistake("[store\n",
	    "x.ini:1: neither a section, a key = value nor a comment");
	mistake("[site]\nnetworks = 10.0.0.1/8\n",
	    "x.ini:2: networks: '10.0.0.1/8' has bits beyond its length");
	mistake("[site]\nnetworks = 10.0.0.0/8\n  lab\nname = x\n[store]\n\n",
	    "x.ini:3: networks: 'lab' is no address or prefix");
	mistake("[store]\npath =\n", "x.ini:2: path = : needs an absolute path");
	mistake("[export]\nstate = ; none\n",
	    "x.ini:2: state = : needs an absolute path");
	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "[site]\nname=", 12);
	mistake(text, "x.ini:2: line longer than 8190 bytes");
	/* so much is right, with its end */
	memcpy(text + 7 + 8190, "\nname=x\n", 9);
	mistake(text, "x.ini:3: key 'name' stands here a second time");
}

static void
test_files(void)
{
	char error[512] = "", path[] = "/tmp/test_conf.XXXXXX";
	int fd = mkstemp(path);
	struct gp_conf *c;

	c = gp_conf_load("/nonexistent/x.ini", true, true, error);
	ok(c != NULL, "a missing optional file");
	gp_conf_free(c);
	c = gp_conf_load("/nonexistent/x.ini", false, false, error);
	ok(c == NULL, "a missing file: %s", error);
	ok(fchmod(fd, 0666) == 0, "chmod");
	c = gp_conf_load(path, false, true, error);
	ok(c == NULL && strstr(error, "writable by root alone"),
	    "world-writable: %s", error);
	gp_conf_free(c);
	close(fd);
	unlink(path);
	/* a pipe whose writer is late would be an empty file */
	ok(mkfifo(path, 0600) == 0, "mkfifo");
	c = gp_conf_load(path, false, false, error);
	ok(c == NULL && strstr(error, ": a pipe"), "a pipe: %s", error);
	gp_conf_free(c);
	unlink(path);
}

int
main(void)
{
	test_values();
	test_comments_are_no_part_of_values();
	test_filters();
	test_sections_are_seen_or_refused();
	test_mistakes();
	test_files();
	return tap_done();
}
