/*
 * The command line: every spelling of an option, what is refused, defaults.
 */
#include "querier/args.h"
#include "querier/help.h"

#include "tests/tap.h"

#define NOW INT64_C(1795523696)
#define MIDNIGHT INT64_C(1795478400) /* before it */

static struct args a;
static char error[ARGS_ERROR_MAX];

/* Splits at blanks; ~ stands for a blank inside a word. */
static int
parse(const char *line)
{
	static char copy[1024];
	static char program[] = "goquery";
	char *argv[40] = {program}, *word, *rest = copy;
	int argc = 1;

	(void)snprintf(copy, sizeof(copy), "%s", line);
	while ((word = strsep(&rest, " "))) {
		for (char *c = word; *c; c++)
			*c = *c == '~' ? ' ' : *c;
		argv[argc++] = word;
	}
	error[0] = '\0';
	memset(&a, 0, sizeof(a));
	return args_parse(argc, argv, &a, error);
}

static void
good(const char *line)
{
	if (!ok(parse(line) == 0, "%s", line))
		diag("%s", error);
}

static void
bad(const char *line, const char *says)
{
	ok(parse(line) < 0, "refused: %s", line);
	if (!ok(strstr(error, says) != NULL, "  says: %s", says))
		diag("%s", error);
	ok(!strchr(error, '\n'), "  in one line");
}

static void
check_spellings(void)
{
	static const char *const same[] = {
		"-i eth0 -n 10 -c proto=TCP talk_conv",
		"talk_conv -i eth0 -n 10 -c proto=TCP",
		"-ieth0 -n10 -cproto=TCP talk_conv",
		"--iface eth0 --limit 10 --condition proto=TCP talk_conv",
		"--iface=eth0 --limit=10 --condition=proto=TCP talk_conv",
		"-iface eth0 -limit=10 -c=proto=TCP -- talk_conv",
		"-i=eth0 --n 10 --c proto=TCP talk_conv",
	};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		good(same[i]);
		ok(strcmp(a.ifaces, "eth0") == 0 && a.limit == 10 &&
		    strcmp(a.condition, "proto=TCP") == 0 &&
		    strcmp(a.query, "talk_conv") == 0 && a.keys.n == 2,
		    "  means the same");
	}
	/* conditions' and goProbe's names of columns */
	good("-i eth0 src/24,dst,port,ipproto,app");
	ok(a.keys.n == 5 && a.keys.key[0] == GODB_KEY_SIP &&
		a.keys.drop4[GODB_KEY_SIP] == 8 &&
		a.keys.key[1] == GODB_KEY_DIP &&
		a.keys.key[2] == GODB_KEY_DPORT &&
		a.keys.key[3] == GODB_KEY_PROTO &&
		a.keys.key[4] == GODB_KEY_L7PROTO, "  are ours");
	good("-i eth0 -s Port apps_port");
	is_int(a.sort, GODB_KEY_DPORT, "  also to sort by");
	bad("-i eth0 -s src apps_port", "not among the columns");
	good("-i eth0 -in sip");
	is_int(a.direction, GODB_DIR_RCVD, "-in");
	good("-i eth0 --in sip");
	is_int(a.direction, GODB_DIR_RCVD, "--in");
	good("-i eth0 sip -out");
	is_int(a.direction, GODB_DIR_SENT, "-out");
	good("-i eth0 sip --in --out");
	is_int(a.direction, GODB_DIR_BOTH, "--in --out");
	good("-inet0 sip");
	is_str(a.ifaces, "net0", "-inet0 is -i net0");
	good("-i eth0 -f -1d -l -1h sip");
	is_str(a.first, "-1d", "a value may begin with a dash");
	good("-i eth0 -- sip");
	good("-i eth0 sip,~dip");
	is_int(a.keys.n, 2, "blank in the list");
	good("-h");
	is_int(a.action, ARGS_HELP, "-h");
	good("--help");
	is_int(a.action, ARGS_HELP, "--help");
	good("-V");
	is_int(a.action, ARGS_VERSION, "-V");
	good("-t --config x");
	is_int(a.action, ARGS_CHECK_CONF, "-t");
	good("-T");
	is_int(a.action, ARGS_PRINT_CONF, "-T");
	good("--status");
	ok(a.action == ARGS_STATUS && !a.status_file && !a.ifaces, "--status");
	good("-i eth0 -status -e json -d /s");
	ok(a.action == ARGS_STATUS && a.format == ARGS_JSON, "in json");
	good("--status-file f");
	ok(a.action == ARGS_STATUS && strcmp(a.status_file, "f") == 0,
	    "--status-file is --status, too");
}

static void
check_values(void)
{
	good("-i any sip");
	ok(a.limit == 1000 && a.sort == GODB_SORT_BYTES && !a.ascending &&
	    a.format == ARGS_TXT && a.direction == GODB_DIR_BOTH &&
	    a.mem_percent == 50 && a.landlock && !a.store && !a.no_live,
	    "defaults");
	good("-i any -e csv sip");
	is_int(a.limit, 0, "all rows in csv");
	good("-i any -e html --having bytes>1 sip/24/48");
	ok(a.format == ARGS_HTML && a.keys.drop4[GODB_KEY_SIP] == 8 &&
	    a.keys.drop6[GODB_KEY_SIP] == 80, "html, networks");
	good("-i any -s dips talk_src");
	ok(a.sort == GODB_SORT_METRIC(GODB_METRIC_DIPS) && a.n_show == 3 &&
	    a.show[2] == GODB_METRIC_DIPS, "-s dips shows them");
	good("-i any --show rows,bytes,rows sip");
	ok(a.n_show == 2 && a.show[0] == GODB_METRIC_ROWS, "--show");
	good("-i any --show bytes -s dports sip");
	ok(a.sort == GODB_SORT_METRIC(GODB_METRIC_DPORTS) && a.n_show == 1 &&
	    a.show[0] == GODB_METRIC_BYTES, "--show says what is shown");
	good("-i any --bin 1d time,sip");
	is_int(a.bin_s, 86400, "--bin");
	good("-i any --timeout 2m sip");
	is_int(a.timeout_ms, 120000, "--timeout 2m");
	good("-i any --timeout 500ms sip");
	is_int(a.timeout_ms, 500, "--timeout 500ms");
	good("-c host=1.2.3.4 seen");
	ok(a.seen && strcmp(a.ifaces, "any") == 0 && a.keys.n == 2, "seen");
	good("--help-all");
	is_int(a.action, ARGS_HELP_ALL, "--help-all");
	good("-i any -e JSON sip");
	is_int(a.format, ARGS_JSON, "json");
	good("-i any -e jsonl -n 5 sip");
	ok(a.format == ARGS_JSONL && a.limit == 5, "jsonl, 5 rows");
	good("-i any -n all sip");
	is_int(a.limit, 0, "-n all");
	good("-i any -n 95% sip");
	is_int(a.share, 9500, "-n 95%%");
	good("-i any -n 99.5% sip");
	is_int(a.share, 9950, "-n 99.5%%");
	good("-i any -n 0.01% sip");
	is_int(a.share, 1, "-n 0.01%%");
	good("-i any raw");
	is_int(a.sort, GODB_KEY_TIME, "raw: by time");
	good("-i any -s bytes raw");
	is_int(a.sort, GODB_SORT_BYTES, "raw: unless asked otherwise");
	good("-i any -p raw");
	is_int(a.sort, GODB_SORT_PACKETS, "-p");
	good("-i any -s packets -a sip");
	ok(a.sort == GODB_SORT_PACKETS && a.ascending, "-s packets -a");
	good("-i any -p -s sip sip");
	is_int(a.sort, GODB_KEY_SIP, "the last one counts");
	good("-i any -n 90% time");
	is_int(a.sort, GODB_SORT_BYTES, "a share is of bytes");
	good("-i any --mem 512M sip");
	is_int((int64_t)a.mem_bytes, 512 << 20, "--mem 512M");
	good("-i any --mem=4GiB sip");
	is_int((int64_t)a.mem_bytes, INT64_C(4) << 30, "--mem=4GiB");
	good("-i any --mem 3gb sip");
	is_int((int64_t)a.mem_bytes, INT64_C(3) << 30, "--mem 3gb");
	good("-i any --mem 25% sip");
	is_int(a.mem_percent, 25, "--mem 25%%");
	good("-i any --mem 1000000 sip");
	is_int((int64_t)a.mem_bytes, 1000000, "--mem in bytes");
	good("-i any --sandbox=seccomp sip");
	ok(!a.landlock, "--sandbox=seccomp");
	good("-i any --no-live --fail-empty --fail-incomplete -x sip");
	ok(a.no_live && a.fail_empty && a.fail_incomplete && a.external,
	    "switches");
}

static void
check_refusals(void)
{
	bad("-i eth0", "talk_conv");
	bad("-i eth0 talk_con", "did you mean 'talk_conv'");
	bad("-i eth0 sip,dipp", "did you mean 'dip'");
	bad("-i eth0 nonsense", "shorthands");
	/* a condition in the query's place */
	bad("-i eth0 sip tcp", "behind -c");
	bad("-i eth0 src~host~10.0.0.1", "behind -c");
	bad("-i eth0 tcp", "behind -c");
	bad("-i eth0 sip,bytes", "--show");
	bad("-i eth0 category", "apps_l7");
	bad("talk_conv", "-i any");
	bad("-i eth0 sip dip", "sip,dip");
	bad("-i", "missing its value");
	bad("-i -n 10 sip", "missing its value");
	bad("-i eth0 sip -f", "missing its value");
	bad("--nonsense", "unknown option");
	/* what goProbe's own goQuery takes */
	bad("-i eth0 --db.path /x sip", "'--db.path'; here it is -d");
	bad("-i eth0 -db.path /x sip", "'-db.path'; here it is -d");
	bad("-i eth0 -sum sip", "here it is neither --in nor --out");
	bad("-i eth0 --results.format=json sip", "here it is -e");
	bad("-r -i eth0 sip", "'-r'; here it is --resolve");
	bad("-i eth0 --since -1d sip", "here it is -f");
	bad("-i eth0 --until=now sip", "here it is -l");
	bad("-i eth0 -o json sip", "here it is -e");
	bad("--list eth0", "-i chooses");
	bad("list", "did you mean --list?");
	bad("list eth0", "did you mean --list?");
	bad("version", "did you mean --version?");
	/* a file is named by --config: this one would not be checked */
	bad("-t x.ini", "'x.ini' is one too many");
	bad("-T x.ini", "'x.ini' is one too many");
	bad("-i eth0 --formatt csv sip", "--format");
	bad("-i eth0 --no-lvie sip", "--no-live");
	bad("-i eth0 -e xml sip", "jsonl");
	bad("-i eth0 -n 0 sip", "above 0");
	bad("-i eth0 -n -1 sip", "above 0");
	bad("-i eth0 -n 10x sip", "above 0");
	bad("-i eth0 -n 101% sip", "above 0");
	bad("-i eth0 -n 0% sip", "above 0");
	bad("-i eth0 -n 100.01% sip", "above 0");
	bad("-i eth0 -n 1.234% sip", "above 0");
	bad("-i eth0 -n 99999999999999999999999 sip", "above 0");
	bad("-i eth0 -n 95% -a sip", "largest first");
	bad("-i eth0 -n 95% -s sip sip", "largest first");
	bad("-i eth0 -n 95% -a -p sip", "largest first");
	bad("-i eth0 -s dport sip", "not among the columns");
	bad("-i eth0 -s weight sip", "bytes packets");
	bad("-i eth0 -s byets sip", "did you mean 'bytes'");
	bad("-i eth0 --show bytes,packest sip", "did you mean 'packets'");
	bad("-i eth0 --show , sip", "nothing is counted");
	bad("-i eth0 --bin 7m time", "--bin takes");
	bad("-i eth0 --bin 1h sip", "time,sip");
	bad("-i eth0 --timeout soon sip", "--timeout takes");
	bad("-i eth0 --watch 0 sip", "--watch");
	bad("-i eth0 --watch 5 -e csv sip", "text table");
	bad("-i eth0 --plot -e json sip", "--plot");
	bad("-i eth0 --dns 1.2.3.4 sip", "--resolve");
	bad("-i eth0 -n 5% -s dips talk_src", "largest first");
	bad("-i eth0 host,sip", "host already stands");
	bad("-i eth0 sip/33/200", "no prefix length");
	bad("-i eth0 dport/8", "only sip, dip and host");
	bad("-i eth0 sip/24,sip/16", "there twice");
	bad("-i eth0 dip,sip/24,sip", "there twice");
	bad("-i eth0 host//48,host", "there twice");
	bad("-i eth0 talk_conv,dip/24", "dip is there twice");
	bad("-i eth0 dip/24,talk_conv", "dip is there twice");
	bad("-i eth0 -n 5 seen", "do not fit");
	bad("-i  sip", "-i '' names no interface; -i any");
	bad("-i , sip", "names no interface");
	bad("--iface= sip", "names no interface");
	bad("-i ! sip", "names no interface");
	bad("-i ,~!, seen", "names no interface");
	bad("-i  --list", "names no interface");
	bad("--list -f -1d", "--list is about all that is stored");
	bad("-l 2026-01-01 --list", "-l");
	bad("--check -f 0", "--check is about all");
	bad("--check -c tcp", "-c");
	bad("--status -f -1d", "--status is about now");
	bad("--list --check", "at a time");
	bad("--check --list", "at a time");
	bad("--status-file x --list", "at a time");
	bad("-t -T", "at a time");
	good("--status --status-file x");
	good("--list -h");
	is_int(a.action, ARGS_HELP, "-h is help");
	good("-V --list");
	is_int(a.action, ARGS_VERSION, "-V is the version");
	good("-h --remote u -d s");
	is_int(a.action, ARGS_HELP, "  whatever else there is");
	good("-V -i  sip");
	bad("seen --watch 5 -e csv", "text table");
	bad("seen --dns 192.0.2.53", "do not fit");
	good("seen --watch 5 -c tcp");
	bad("--in seen", "do not fit");
	bad("--out seen 192.0.2.1", "do not fit");
	bad("--list --having bytes>1", "--having");
	bad("-i  --status", "names no interface");
	bad("--remote http://127.0.0.1:9 -i  sip", "names no interface");
	good("-i ,!eth0 sip");
	bad("-i eth0 --mem 0 sip", "--mem");
	bad("-i eth0 --mem 5X sip", "--mem");
	bad("-i eth0 --mem 101% sip", "--mem");
	bad("-i eth0 --mem 99999999999G sip", "--mem");
	bad("-i eth0 --sandbox=off sip", "refused");
	bad("-i eth0 --sandbox=no sip", "full or seccomp");
	bad("-i eth0 --in=yes sip", "no value");
	bad("-clean 0", "goprobe-writer --clean");
	bad("-wipe", "goprobe-writer --wipe");
	bad("-p10 -i eth0 sip", "unknown option");
	bad("-i eth0 sport", "not stored");
}

static void
check_times(void)
{
	(void)setenv("TZ", "UTC", 1);
	(void)parse("-i any sip");
	is_int(args_times(&a, NOW, error), 0, "default window");
	is_int(a.first_s, NOW - 30 * 86400, "  30 days");
	is_int(a.last_s, NOW + 1, "  a block that begins now is in it");
	(void)parse("-i any -l Now sip");
	(void)args_times(&a, NOW, error);
	is_int(a.last_s, NOW + 1, "  and where the end is said");
	(void)parse("-i any -l 1795523696 sip");
	(void)args_times(&a, NOW, error);
	is_int(a.last_s, NOW, "  an end by the clock is that");
	(void)parse("-i any raw");
	(void)args_times(&a, NOW, error);
	is_int(a.first_s, NOW - 86400, "  a day for raw");
	(void)parse("-i any iface,time");
	(void)args_times(&a, NOW, error);
	is_int(a.first_s, NOW - 86400, "  and with time");
	(void)parse("-i any --bin 12h time");
	(void)args_times(&a, NOW, error);
	is_int(a.first_s, NOW - 86400, "  a day for half days");
	(void)parse("-i any --bin 1d time");
	(void)args_times(&a, NOW, error);
	is_int(a.first_s, NOW - 30 * 86400, "  30 days for days");
	(void)parse("-i any -l -10d sip");
	(void)args_times(&a, NOW, error);
	ok(a.first_s == NOW - 40 * 86400 && a.last_s == NOW - 10 * 86400,
	    "  before an end in the past");
	(void)parse("-i any -l 9999999999999999 -f 0 sip");
	is_int(args_times(&a, NOW, error), 0, "the seed's whole range");
	ok(a.first_s == 0 && a.last_s == 4294967100, "  clamped");
	(void)parse("-i any -f now -l now sip");
	ok(args_times(&a, NOW, error) < 0 && strstr(error, "empty"),
	    "an empty window");
	(void)parse("-i any -f today sip");
	is_int(args_times(&a, MIDNIGHT, error), 0, "today, as it begins");
	ok(a.first_s == MIDNIGHT && a.last_s == MIDNIGHT + 1,
	    "  has this second");
	(void)parse("-i any -f today -l now sip");
	is_int(args_times(&a, MIDNIGHT, error), 0, "  and where now is said");
	(void)parse("-i any -f yesterday -l today sip");
	is_int(args_times(&a, MIDNIGHT, error), 0, "  yesterday");
	is_int(a.last_s, MIDNIGHT, "  ends with it");
	(void)parse("-i any -f today -l today sip");
	ok(args_times(&a, MIDNIGHT, error) < 0, "  that was nothing of today");
	(void)parse("-i any -f 1795478401 sip");
	ok(args_times(&a, MIDNIGHT, error) < 0, "what is still to come");
	(void)parse("-i any -f now -l -1d sip");
	ok(args_times(&a, NOW, error) < 0, "the wrong way round");
	(void)parse("-i any -f bogus sip");
	ok(args_times(&a, NOW, error) < 0 && strstr(error, "-f: no time"),
	    "no time");
}

static void
check_help(void)
{
	static struct out o;
	unsigned lines = 0, wide = 0;

	out_init(&o, -1);
	help_screen(&o);
	for (size_t at = 0; at < o.len; lines++) {
		size_t n = strcspn(o.buf + at, "\n");

		wide += n > 80;
		at += n + 1;
	}
	ok(strstr(o.buf, "1 with time finer than 1d") != NULL,
	    "-h says which window is a day long");
	ok(lines <= 24 && wide == 0, "-h fits a screen: %u lines", lines);
}

int
main(void)
{
	check_spellings();
	check_values();
	check_refusals();
	check_times();
	check_help();
	return tap_done();
}
