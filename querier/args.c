#include "querier/args.h"

#include "common/base/clock.h"
#include "common/base/words.h"
#include "querier/args_values.h"
#include "querier/ifsel.h"
#include "querier/seen.h"
#include "querier/when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_ROWS 1000

enum option_id {
	OPT_IFACE,
	OPT_FIRST,
	OPT_LAST,
	OPT_CONDITION,
	OPT_HAVING,
	OPT_BIN,
	OPT_ZONE,
	OPT_SHOW,
	OPT_LIMIT,
	OPT_FORMAT,
	OPT_SORT,
	OPT_PACKETS,
	OPT_ASCENDING,
	OPT_IN,
	OPT_OUT,
	OPT_STORE,
	OPT_REMOTE,
	OPT_NO_LIVE,
	OPT_NO_ROLLUPS,
	OPT_PLOT,
	OPT_RESOLVE,
	OPT_DNS,
	OPT_GEO,
	OPT_WATCH,
	OPT_TIMEOUT,
	OPT_EXPLAIN,
	OPT_NEW,
	OPT_NO_INDEX,
	OPT_HELP_ALL,
	OPT_WORDS,
	OPT_MEM,
	OPT_THREADS,
	OPT_FAIL_INCOMPLETE,
	OPT_FAIL_EMPTY,
	OPT_EXTERNAL,
	OPT_STATUS,
	OPT_STATUS_FILE,
	OPT_LIST,
	OPT_CHECK,
	OPT_SANDBOX,
	OPT_CONF,
	OPT_CHECK_CONF,
	OPT_PRINT_CONF,
	OPT_HELP,
	OPT_VERSION,
	OPT_CLEAN,
	OPT_WIPE,
};

struct option {
	enum option_id id;
	const char *brief; /* NULL: none */
	const char *name;
	const char *value; /* NULL: takes none */
	const char *help;  /* NULL: only refused with a hint */
	bool important;    /* on the screen of -h */
};

static const struct option options[] = {
	{OPT_IFACE, "i", "iface", "IFACE",
	    "interfaces: eth0,eth1 | any | eth* | any,!eth2", true},
	{OPT_FIRST, "f", "first", "TIME",
	    "from: -1d | -15d:04h:05m | 2026-11-24 [08:00] | today | 0", true},
	{OPT_LAST, "l", "last", "TIME",
	    "until; now (from: 30 days back, 1 with time finer than 1d)", true},
	{OPT_CONDITION, "c", "condition", "COND",
	    "which rows: \"tcp and (port 443 or net 10.0.0.0/8)\"", true},
	{OPT_HAVING, NULL, "having", "COND",
	    "which groups: \"bytes > 10M and dips > 100\"", true},
	{OPT_LIMIT, "n", "limit", "N",
	    "rows: 20 | 95% (that make up the share) | all", true},
	{OPT_SORT, "s", "sort", "COLUMN",
	    "any column asked for or counted: packets, dips (who scans)", true},
	{OPT_PACKETS, "p", "packets", NULL, "sort by packets", false},
	{OPT_ASCENDING, "a", "ascending", NULL, "smallest first", false},
	{OPT_IN, NULL, "in", NULL, "count only what was received", false},
	{OPT_OUT, NULL, "out", NULL, "count only what was sent", false},
	{OPT_SHOW, NULL, "show", "COLUMNS",
	    "counters: bytes,packets,bytes_sent,rows,sips,dips,dports", true},
	{OPT_BIN, NULL, "bin", "LENGTH", "of time: 5m | 1h | 1d | 1w", true},
	{OPT_ZONE, NULL, "tz", "ZONE", "of time: UTC | Europe/Zurich", false},
	{OPT_FORMAT, "e", "format", "FORMAT",
	    "txt | csv | json | jsonl | html", true},
	{OPT_PLOT, NULL, "plot", NULL, "draw the volume over time", false},
	{OPT_RESOLVE, NULL, "resolve", NULL,
	    "names of addresses, from DNS: whoever runs it can see that", false},
	{OPT_DNS, NULL, "dns", "ADDR[:PORT]", "server to ask (--resolve)",
	    false},
	{OPT_GEO, NULL, "geo", NULL,
	    "country and autonomous system of addresses", false},
	{OPT_STORE, "d", "store", "STORE", "the store (default: the INI's)",
	    true},
	{OPT_REMOTE, NULL, "remote", "URL",
	    "many sensors' flows, of a ClickHouse server: -i SITE/IFACE", true},
	{OPT_NO_LIVE, NULL, "no-live", NULL,
	    "leave the newest minutes out", false},
	{OPT_NO_ROLLUPS, NULL, "no-rollups", NULL,
	    "read every block, to compare", false},
	{OPT_WATCH, NULL, "watch", "SECONDS", "ask again and again", false},
	{OPT_MEM, NULL, "mem", "SIZE",
	    "memory bound: 512M | 4G | 25% (default 50%)", false},
	{OPT_THREADS, NULL, "threads", "N",
	    "share the work among N (default: all processors)", false},
	{OPT_TIMEOUT, NULL, "timeout", "TIME", "give up after 500ms | 10s | 2m",
	    false},
	{OPT_EXPLAIN, NULL, "explain", NULL,
	    "say which days, blocks, roll-ups, bytes and rows were read", false},
	{OPT_NEW, NULL, "new", "TIME",
	    "seen: addresses since then that nothing before has", false},
	{OPT_NO_INDEX, NULL, "no-index", NULL,
	    "without the address indexes, to compare", false},
	{OPT_FAIL_INCOMPLETE, NULL, "fail-incomplete", NULL,
	    "exit 3 when anything is missing", false},
	{OPT_FAIL_EMPTY, NULL, "fail-empty", NULL,
	    "exit 4 when there are no rows", false},
	{OPT_EXTERNAL, "x", "external", NULL,
	    "for scripts: no hints, no progress", false},
	{OPT_STATUS, NULL, "status", NULL,
	    "how the sensor is doing: exit 0 well, 3 not, 1 no status", false},
	{OPT_STATUS_FILE, NULL, "status-file", "FILE",
	    "the status in another place", false},
	{OPT_LIST, NULL, "list", NULL, "what the store holds", true},
	{OPT_CHECK, NULL, "check", NULL,
	    "read all of the store, name what is damaged: exit 3", false},
	{OPT_SANDBOX, NULL, "sandbox", "full|seccomp",
	    "seccomp: for kernels without Landlock", false},
	{OPT_CONF, NULL, "config", "FILE", "another INI file", false},
	{OPT_CHECK_CONF, "t", "check-config", NULL,
	    "check the INI file and exit", false},
	{OPT_PRINT_CONF, "T", "print-config", NULL,
	    "print its effective values and exit", false},
	{OPT_HELP, "h", "help", NULL, "a screen of help", false},
	{OPT_HELP_ALL, NULL, "help-all", NULL,
	    "every option and every word of conditions", false},
	{OPT_VERSION, "V", "version", NULL, "the version", false},
	{OPT_WORDS, NULL, "words", "KIND", NULL, false},
	{OPT_CLEAN, NULL, "clean", NULL, NULL, false},
	{OPT_WIPE, NULL, "wipe", NULL, NULL, false},
};
#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

/* What typed words mean before all of them are known. */
struct typed {
	const char *sort;
	bool packets, in, out;
};

static bool
explains(enum args_action action)
{
	return action == ARGS_HELP || action == ARGS_HELP_ALL ||
	    action == ARGS_WORDS || action == ARGS_VERSION;
}

/* Whoever asks for help gets it, whatever else there is; of two other things
 * that are done instead of a question nobody knows which was meant. */
static int
set_action(struct args *a, enum args_action action, char *error)
{
	if (explains(a->action) || a->action == action)
		return 0;
	if (a->action != ARGS_QUERY && !explains(action))
		return FAIL("one of --status, --list, --check, -t and -T at a "
		    "time");
	a->action = action;
	return 0;
}

static int
apply(struct args *a, struct typed *t, const struct option *o,
    const char *value, char *error)
{
	switch (o->id) {
	case OPT_IFACE:
		a->ifaces = value;
		break;
	case OPT_FIRST:
		a->first = value;
		break;
	case OPT_LAST:
		a->last = value;
		break;
	case OPT_CONDITION:
		a->condition = value;
		break;
	case OPT_HAVING:
		a->having = value;
		break;
	case OPT_BIN:
		return args_set_bin(a, value, error);
	case OPT_ZONE:
		a->zone = value;
		break;
	case OPT_SHOW:
		return args_set_show(a, value, error);
	case OPT_LIMIT:
		return args_set_limit(a, value, error);
	case OPT_FORMAT:
		return args_set_format(a, value, error);
	case OPT_SORT:
		t->sort = value;
		t->packets = false;
		break;
	case OPT_PACKETS:
		t->packets = true;
		t->sort = NULL;
		break;
	case OPT_ASCENDING:
		a->ascending = true;
		break;
	case OPT_IN:
		t->in = true;
		break;
	case OPT_OUT:
		t->out = true;
		break;
	case OPT_STORE:
		a->store = value;
		break;
	case OPT_REMOTE:
		a->remote = value;
		break;
	case OPT_NO_LIVE:
		a->no_live = true;
		break;
	case OPT_NO_ROLLUPS:
		a->no_rollups = true;
		break;
	case OPT_MEM:
		return args_set_mem(a, value, error);
	case OPT_THREADS:
		return args_set_threads(a, value, error);
	case OPT_TIMEOUT:
		return args_set_timeout(a, value, error);
	case OPT_WATCH:
		return args_set_watch(a, value, error);
	case OPT_PLOT:
		a->plot = true;
		break;
	case OPT_EXPLAIN:
		a->explain = true;
		break;
	case OPT_NEW:
		a->new = value;
		break;
	case OPT_NO_INDEX:
		a->no_index = true;
		break;
	case OPT_RESOLVE:
		a->resolve = true;
		break;
	case OPT_DNS:
		a->dns = value;
		break;
	case OPT_GEO:
		a->geo = true;
		break;
	case OPT_HELP_ALL:
		return set_action(a, ARGS_HELP_ALL, error);
	case OPT_WORDS:
		a->words = value;
		return set_action(a, ARGS_WORDS, error);
	case OPT_FAIL_INCOMPLETE:
		a->fail_incomplete = true;
		break;
	case OPT_FAIL_EMPTY:
		a->fail_empty = true;
		break;
	case OPT_EXTERNAL:
		a->external = true;
		break;
	case OPT_STATUS:
		return set_action(a, ARGS_STATUS, error);
	case OPT_STATUS_FILE:
		a->status_file = value;
		return set_action(a, ARGS_STATUS, error);
	case OPT_LIST:
		return set_action(a, ARGS_LIST, error);
	case OPT_CHECK:
		return set_action(a, ARGS_CHECK, error);
	case OPT_SANDBOX:
		return args_set_sandbox(a, value, error);
	case OPT_CONF:
		a->conf = value;
		break;
	case OPT_CHECK_CONF:
		return set_action(a, ARGS_CHECK_CONF, error);
	case OPT_PRINT_CONF:
		return set_action(a, ARGS_PRINT_CONF, error);
	case OPT_HELP:
		return set_action(a, ARGS_HELP, error);
	case OPT_VERSION:
		return set_action(a, ARGS_VERSION, error);
	case OPT_CLEAN:
	case OPT_WIPE:
		return FAIL("goquery only reads; removing data is "
		    "goprobe-writer --%s now", o->name);
	}
	return 0;
}

/* ---- words of the command line ----------------------------------------- */

static const struct option *
find_option(const char *word, size_t len)
{
	for (size_t i = 0; i < N_OPTIONS; i++) {
		const struct option *o = &options[i];

		if ((o->brief && strlen(o->brief) == len &&
			strncmp(o->brief, word, len) == 0) ||
		    (strlen(o->name) == len && strncmp(o->name, word, len) == 0))
			return o;
	}
	return NULL;
}

/* What goProbe's own goQuery calls options that have another name here, and
 * others with it. */
static const struct {
	const char *theirs, *ours;
} elsewhere[] = {
	{"db.path", "-d"},
	{"dns-resolution.enabled", "--resolve"},
	{"help-admin", "--help-all"},
	{"ifaces", "-i"},
	{"memory.max-pct", "--mem, as in --mem 60%"},
	{"o", "-e"},
	{"q", "--remote"},
	{"query.hosts-resolution", "--remote"},
	{"query.server.addr", "--remote"},
	{"query.stats", "--explain"},
	{"query.time-resolution", "--bin"},
	{"query.timeout", "--timeout"},
	{"r", "--resolve"},
	{"results.format", "-e"},
	{"results.limit", "-n"},
	{"since", "-f"},
	{"sort.ascending", "-a"},
	{"sort.by", "-s"},
	{"sum", "neither --in nor --out"},
	{"until", "-l"},
	{"v", "-V"},
};

static const char *
name_here(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		if (strlen(elsewhere[i].theirs) == len &&
		    strncmp(elsewhere[i].theirs, word, len) == 0)
			return elsewhere[i].ours;
	}
	return NULL;
}

static int
unknown_option(const char *typed, const char *word, char *error)
{
	struct gp_words_guess g;

	gp_words_guess_init(&g, word);
	for (size_t i = 0; i < N_OPTIONS; i++) {
		if (options[i].help)
			gp_words_guess_offer(&g, options[i].name);
	}
	if (g.best)
		return FAIL("unknown option '%.60s'; did you mean '--%s'?",
		    typed, g.best);
	return FAIL("unknown option '%.60s'; -h lists them", typed);
}

static bool
names_file(const struct option *o)
{
	return o->id == OPT_STORE || o->id == OPT_STATUS_FILE ||
	    o->id == OPT_CONF;
}

/* One word that begins with a dash; *next is the word after it, NULL at the
 * end, and set to NULL when it was taken as the value. */
static int
take_option(struct args *a, struct typed *t, const char *typed,
    const char **next, char *error)
{
	const char *word = typed + 1 + (typed[1] == '-');
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	const struct option *o = find_option(word, len);
	const char *value = equals ? equals + 1 : NULL;
	const char *here = o ? NULL : name_here(word, len);

	if (here)
		return FAIL("unknown option '%.60s'; here it is %s", typed,
		    here);
	if (!o && typed[1] != '-') {
		/* a short option with its value attached: -n10, -ieth0 */
		o = find_option(word, 1);
		if (o && !o->value)
			o = NULL;
		value = word + 1;
	}
	if (!o)
		return unknown_option(typed, word, error);
	if (!o->value && value)
		return FAIL("%.60s: --%s takes no value", typed, o->name);
	if (o->value && !value) {
		if (!*next || (o->id == OPT_IFACE && **next == '-'))
			return FAIL("%s is missing its value %s", typed,
			    o->value);
		value = *next;
		*next = NULL;
	}
	if (value && !*value && names_file(o))
		return FAIL("%.60s: empty, needs a %s", typed, o->value);
	return apply(a, t, o, value, error);
}

/* "list" is a command of goProbe's goQuery, and --list here. */
static bool
is_option_name(const char *word)
{
	const struct option *o = find_option(word, strlen(word));

	return o && o->help && strcmp(o->name, word) == 0;
}

static int
take_query(struct args *a, const char *word, char *error)
{
	if (a->query && gp_words_casecmp(a->query, "seen") == 0) {
		if (a->n_indicators == ARGS_INDICATORS_MAX)
			return FAIL("more than %d addresses: put them into a "
			    "file and give @file", ARGS_INDICATORS_MAX);
		a->indicator[a->n_indicators++] = word;
		return 0;
	}
	if (a->query && is_option_name(a->query))
		return FAIL("no query: '%.40s'; did you mean --%.40s?",
		    a->query, a->query);
	if (a->query)
		return FAIL("one query at a time: '%.40s' or '%.40s' (columns "
		    "are joined by commas: sip,dip; conditions stand behind "
		    "-c)", a->query, word);
	a->query = word;
	return 0;
}

/* ---- all of it --------------------------------------------------------- */

static int
finish_sort(struct args *a, const struct typed *t, char *error)
{
	a->sort = GODB_SORT_BYTES;
	if (t->packets) {
		a->sort = GODB_SORT_PACKETS;
		return 0;
	}
	if (!t->sort) {
		if (godb_keys_has(&a->keys, GODB_KEY_TIME) && !a->share)
			a->sort = GODB_KEY_TIME;
		return 0;
	}
	return args_set_sort(a, t->sort, error);
}

static int
finish_status(const struct args *a, char *error)
{
	if (a->query)
		return FAIL("--status takes no query; '%.40s' is one too many",
		    a->query);
	if (a->first || a->last || a->condition[0] || a->having[0])
		return FAIL("--status is about now: -f, -l, -c and --having do "
		    "not fit");
	if (a->format != ARGS_TXT && a->format != ARGS_JSON)
		return FAIL("--status is told in txt or json, not in %s",
		    args_format(a->format));
	return 0;
}

/* --list and --check are about the whole store, or the interfaces of -i. */
static int
finish_inspection(struct args *a, char *error)
{
	const char *name = a->action == ARGS_LIST ? "list" : "check";

	if (a->query)
		return FAIL("--%s takes no query; '%.40s' is one too many "
		    "(-i chooses interfaces)", name, a->query);
	if (a->first || a->last || a->condition[0] || a->having[0])
		return FAIL("--%s is about all that is stored: -f, -l, -c and "
		    "--having do not fit", name);
	if (a->format == ARGS_HTML)
		return FAIL("--%s is not told in html", name);
	if (a->action == ARGS_CHECK && a->format != ARGS_TXT)
		return FAIL("--check is told in txt, not in %s",
		    args_format(a->format));
	if (!a->ifaces)
		a->ifaces = "any";
	return 0;
}

static int
finish_watch(const struct args *a, char *error)
{
	if (a->watch_s && a->format != ARGS_TXT)
		return FAIL("--watch is for the text table, not for -e %s",
		    args_format(a->format));
	return 0;
}

/* Rows by interface and time, all of them. */
static int
finish_seen(struct args *a, const struct typed *t, char *error)
{
	if (!a->ifaces)
		a->ifaces = "any";
	if (a->format == ARGS_HTML)
		return FAIL("seen is told in txt, csv, json and jsonl");
	if (t->sort || t->packets || t->in || t->out || a->ascending ||
	    (a->limit_text && !a->new) || a->share || a->n_show || a->bin_s ||
	    a->having[0] || a->plot || a->resolve || a->geo || a->dns)
		return FAIL("seen takes -i, -f, -l, -c and -e; the options for "
		    "tables do not fit");
	if (a->new && (a->n_indicators || a->condition[0] || a->watch_s))
		return FAIL("seen --new takes neither addresses nor a "
		    "condition nor --watch");
	if (a->n_indicators && (a->condition[0] || a->watch_s))
		return FAIL("seen with addresses takes neither a condition "
		    "nor --watch; without them it answers for the condition");
	a->keys = a->remote ? seen_remote_keys : seen_keys;
	a->sort = GODB_KEY_IFACE;
	return finish_watch(a, error);
}

/* What needs the store, or the sensor itself. */
static int
finish_remote(const struct args *a, char *error)
{
	if (a->remote && a->action == ARGS_STATUS)
		return FAIL("--status is about the sensor on this machine, not "
		    "for --remote");
	if (a->remote && a->action == ARGS_CHECK)
		return FAIL("--check reads a store, not for --remote");
	if (a->remote && a->store)
		return FAIL("-d is a store on this machine: leave it or "
		    "--remote out");
	if (a->remote && a->threads)
		return FAIL("--threads are of this machine, not for --remote");
	if (a->remote && (a->new || a->no_index))
		return FAIL("--%s asks the indexes of a store, not for "
		    "--remote", a->new ? "new" : "no-index");
	return 0;
}

/* Options that go only with some format, order or column. */
static int
finish_table(struct args *a, char *error)
{
	if (a->plot && a->format != ARGS_TXT)
		return FAIL("--plot draws below the text table; -e %s has its "
		    "own", args_format(a->format));
	if (finish_watch(a, error) < 0)
		return -EINVAL;
	if (a->dns && !a->resolve)
		return FAIL("--dns is asked only with --resolve");
	if (a->share && (a->sort >= 0 || a->ascending ||
		GODB_SORT_METRIC(a->sort) > GODB_METRIC_ROWS))
		return FAIL("-n %s needs the largest first: sort by bytes or "
		    "packets, without -a", a->limit_text);
	if (a->bin_s && !godb_keys_has(&a->keys, GODB_KEY_TIME))
		return FAIL("--bin needs the column time: ask for time,%.60s",
		    a->query);
	if (!a->limit_text && a->format == ARGS_TXT)
		a->limit = DEFAULT_ROWS;
	return 0;
}

static int
finish(struct args *a, const struct typed *t, char *error)
{
	struct godb_diag diag;
	int rc;

	if (explains(a->action))
		return 0;
	rc = finish_remote(a, error);
	if (rc < 0)
		return rc;
	/* an empty variable of a script asks for nothing, not for all */
	if (a->ifaces && ifsel_is_empty(a->ifaces))
		return FAIL("-i '%.40s' names no interface; -i any asks all of "
		    "them", a->ifaces);
	if (a->action == ARGS_STATUS)
		return finish_status(a, error);
	if (a->action == ARGS_LIST || a->action == ARGS_CHECK)
		return finish_inspection(a, error);
	if (a->query && (a->action == ARGS_CHECK_CONF ||
		a->action == ARGS_PRINT_CONF))
		return FAIL("-t and -T are about the INI file, by --config "
		    "another one; '%.40s' is one too many", a->query);
	if (a->action != ARGS_QUERY)
		return 0;
	if (!a->query)
		return FAIL("no query; try talk_conv (who talks to whom), "
		    "apps_port, raw, or columns such as sip,dport; "
		    "-h shows more");
	a->seen = gp_words_casecmp(a->query, "seen") == 0;
	if (a->seen)
		return finish_seen(a, t, error);
	if (a->new)
		return FAIL("--new goes with seen: goquery seen --new %.40s",
		    a->new);
	rc = godb_keys_parse(a->query, &a->keys, &diag);
	if (rc < 0 && is_option_name(a->query))
		return FAIL("no query: '%.40s'; did you mean --%.40s?",
		    a->query, a->query);
	if (rc < 0)
		return FAIL("query: %s; shorthands: talk_conv talk_src talk_dst "
		    "apps_port apps_l7 agg_talk_port raw", diag.text);
	if (!a->remote && godb_keys_has(&a->keys, GODB_KEY_SITE))
		return FAIL("query: site is a column of --remote; a store is of "
		    "one site");
	if (!a->ifaces)
		return FAIL("no interface; -i any asks all of them");
	if (t->in != t->out)
		a->direction = t->in ? GODB_DIR_RCVD : GODB_DIR_SENT;
	rc = finish_sort(a, t, error);
	return rc < 0 ? rc : finish_table(a, error);
}

int
args_parse(int argc, char **argv, struct args *out, char error[ARGS_ERROR_MAX])
{
	struct args a = {
		.condition = "",
		.having = "",
		.mem_percent = 50,
		.landlock = true,
	};
	struct typed typed = {NULL, false, false, false};
	bool only_words = false;
	int rc;

	for (int i = 1; i < argc; i++) {
		const char *next = i + 1 < argc ? argv[i + 1] : NULL;
		const char *offered = next;

		if (!only_words && strcmp(argv[i], "--") == 0) {
			only_words = true;
			continue;
		}
		if (only_words || argv[i][0] != '-' || !argv[i][1])
			rc = take_query(&a, argv[i], error);
		else
			rc = take_option(&a, &typed, argv[i], &next, error);
		if (rc < 0)
			return rc;
		i += offered && !next;
	}
	rc = finish(&a, &typed, error);
	if (rc == 0)
		*out = a;
	return rc;
}

/* The window of --new, which begins with a block. */
static int
find_new(struct args *a, int64_t now_s, char *error)
{
	char why[160];

	if (when_parse(a->new, now_s, &a->new_s, why) < 0)
		return FAIL("--new: %s", why);
	a->new_s = gp_clock_slot(a->new_s);
	if (a->new_s >= a->last_s)
		return FAIL("--new begins behind -l: nothing is asked for");
	if (a->new_s <= a->first_s)
		return FAIL("--new begins before -f: there is nothing to "
		    "compare with");
	return 0;
}

int
args_times(struct args *a, int64_t now_s, char error[ARGS_ERROR_MAX])
{
	/* an answer with a row for each block soon is more than one reads */
	bool by_block = !a->seen && godb_keys_has(&a->keys, GODB_KEY_TIME) &&
	    a->bin_s < GP_DAY_S;
	/* with this whole second: a block may have begun with it */
	bool ends_now = !a->last || gp_words_casecmp(a->last, "now") == 0;
	char why[160];

	a->last_s = now_s;
	if (a->last && when_parse(a->last, now_s, &a->last_s, why) < 0)
		return FAIL("-l: %s", why);
	/* a window that ends in the past has its default length, too */
	a->first_s = (a->last_s < now_s ? a->last_s : now_s) -
	    (by_block ? 1 : 30) * GP_DAY_S;
	if (a->first_s < 0 || a->new)
		a->first_s = 0;
	if (a->first && when_parse(a->first, now_s, &a->first_s, why) < 0)
		return FAIL("-f: %s", why);
	if (a->first_s >= a->last_s + ends_now ||
	    (a->first && a->last && gp_words_casecmp(a->first, a->last) == 0)) {
		char first[WHEN_TEXT_MAX], last[WHEN_TEXT_MAX];

		when_format_local(a->first_s, first);
		when_format_local(a->last_s, last);
		return FAIL("the window is empty: -f is %s, -l is %s", first,
		    last);
	}
	a->last_s += ends_now;
	return a->new ? find_new(a, now_s, error) : 0;
}

/* ---- for help texts ----------------------------------------------------- */

bool
args_option(size_t i, struct args_option *out)
{
	const struct option *o;

	if (i >= N_OPTIONS)
		return false;
	o = &options[i];
	*out = (struct args_option){.name = o->name, .brief = o->brief,
	    .value = o->value, .help = o->help, .important = o->important};
	(void)snprintf(out->text, sizeof(out->text), "%s%s%s--%s",
	    o->brief ? "-" : "", o->brief ? o->brief : "",
	    o->brief ? ", " : "", o->name);
	return true;
}
