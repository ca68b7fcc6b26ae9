/*
 * goquery - asks a goDB store who talked to whom.  See goquery(1).
 *
 * Before the sandbox closes only three things are read: the INI file, the
 * time zone, and the store's folder (or the sensor's status), which is opened
 * but not looked into.  Files that the condition names are opened, and the
 * helper for names of addresses is started, if one is asked for.  Conditions,
 * the status and everything in the store are parsed behind it.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/conf.h"
#include "common/base/fd.h"
#include "common/godb/godb.h"
#include "querier/answer.h"
#include "querier/args.h"
#include "querier/explain.h"
#include "querier/help.h"
#include "querier/ifsel.h"
#include "querier/indicators.h"
#include "querier/list.h"
#include "querier/profile.h"
#include "querier/seen.h"
#include "querier/sets.h"
#include "querier/status.h"
#include "querier/when.h"

enum { EXIT_FINE, EXIT_ERROR, EXIT_USAGE, EXIT_INCOMPLETE, EXIT_EMPTY };
#define EXIT_NOT_SEEN 1 /* as grep(1); errors are EXIT_USAGE, then */

#define BAR_DELAY_NS (1 * GP_NS_PER_S)
#define BAR_EVERY_NS (GP_NS_PER_S / 10)
#define BAR_WIDTH    40

#define WINDOW_TEXT  120 /* columns of a condition that a message shows */

struct progress {
	int64_t start_ns, last_ns;
	int64_t end_ns; /* of --timeout, 0: none */
	bool wanted, drawn;
};

/* Everything between the command line and the exit code. */
struct session {
	struct args args;
	struct gp_conf *conf;
	int64_t start_ns; /* CLOCK_MONOTONIC */
	int store_fd;
	gid_t store_gid;
	struct progress progress;
	struct style style;
	struct sets sets;
	struct names *names;
	bool names_cut;
	struct chart chart;
	bool has_chart;
	size_t mem_bytes;
	struct godb_cond *cond, *having;
	struct godb_reader *reader;
	char **have; /* interfaces of the store */
	const char **ifaces;
	size_t n_ifaces;
	struct godb_scan *scan;
	struct godb_query_opts query;
	struct godb_pool *pool; /* for as long as the process lives */
	struct godb_result *result;
	struct godb_coverage *coverage;
};

static struct out out; /* too large for a stack frame */
static bool answers_like_grep; /* seen: 1 is an answer */

/* ---- messages ---------------------------------------------------------- */

/* One line to stderr, whatever it holds made harmless. */
__attribute__((format(printf, 1, 2))) static void
say(const char *fmt, ...)
{
	char line[2048], clean[2304];
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	out_clean_string(clean, sizeof(clean) - 1, line);
	len = strlen(clean);
	clean[len] = '\n';
	(void)gp_fd_write_full(STDERR_FILENO, clean, len + 1);
}

__attribute__((format(printf, 2, 3))) static _Noreturn void
die(int status, const char *fmt, ...)
{
	char line[1536];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	say("goquery: %s", line);
	exit(answers_like_grep && status == EXIT_ERROR ? EXIT_USAGE : status);
}

/* Part of a text that fits a line, one column a character: what would not
 * print is '?'.  *column gets where `offset` came to lie. */
static void
show_part(const char *text, size_t offset, char line[WINDOW_TEXT + 1],
    size_t *column)
{
	size_t len = strlen(text), start = 0, n = 0;

	if (offset > WINDOW_TEXT / 2 && len > WINDOW_TEXT)
		start = offset - WINDOW_TEXT / 2;
	*column = 0;
	for (size_t i = start; i < len && n < WINDOW_TEXT; i++) {
		unsigned char c = (unsigned char)text[i];

		if (i == offset)
			*column = n;
		if ((c & 0xc0) == 0x80)
			continue; /* within a character */
		line[n++] = (char)(c >= 0x20 && c < 0x7f ? c
			: c == '\t' || c == '\n' ? ' ' : '?');
	}
	if (offset >= len)
		*column = n;
	line[n] = '\0';
}

static size_t
count_characters(const char *text, size_t bytes)
{
	size_t n = 0;

	for (size_t i = 0; i < bytes && text[i]; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

static _Noreturn void
die_condition(const char *what, const char *text,
    const struct godb_diag *diag)
{
	char line[WINDOW_TEXT + 1];
	size_t column;

	show_part(text, diag->offset, line, &column);
	say("goquery: %s: column %zu: %s", what,
	    count_characters(text, diag->offset) + 1, diag->text);
	say("    %s", line);
	say("    %*s^", (int)column, "");
	exit(EXIT_USAGE);
}

/* ---- before the sandbox ------------------------------------------------ */

static _Noreturn void
finish_output(int status)
{
	int rc = out_flush(&out);

	if (rc == -EPIPE)
		exit(EXIT_ERROR); /* whoever read has seen enough */
	if (rc < 0)
		die(EXIT_ERROR, "cannot write the answer: %s",
		    godb_strerror(rc));
	exit(status);
}

static void
load_conf(struct session *s)
{
	const char *path = s->args.conf ? s->args.conf : GP_CONF_PATH;
	char error[512];

	s->conf = gp_conf_load(path, s->args.conf == NULL, false, error);
	if (!s->conf)
		die(EXIT_ERROR, "%s", error);
}

/* -h, -V, -t, -T */
static void
do_other_actions(struct session *s)
{
	switch (s->args.action) {
	case ARGS_QUERY:
	case ARGS_STATUS:
	case ARGS_LIST:
	case ARGS_CHECK:
		return;
	case ARGS_HELP:
		help_screen(&out);
		break;
	case ARGS_HELP_ALL:
		help_all(&out);
		break;
	case ARGS_WORDS:
		if (strcmp(s->args.words, "ifaces") == 0)
			return;
		if (!help_words(&out, s->args.words))
			die(EXIT_USAGE, "no such words: '%.40s'",
			    s->args.words);
		break;
	case ARGS_VERSION:
		out_str(&out, "goquery " GODB_VERSION_STRING "\n");
		break;
	case ARGS_CHECK_CONF:
		load_conf(s);
		break;
	case ARGS_PRINT_CONF:
		load_conf(s);
		gp_conf_print(s->conf, stdout);
		if (fflush(stdout) != 0)
			die(EXIT_ERROR, "cannot write: %s",
			    godb_strerror(-errno));
		break;
	}
	finish_output(EXIT_FINE);
}

static const char *
store_path(const struct session *s)
{
	if (s->args.store)
		return s->args.store;
	return s->conf->store.path;
}

/* Which group would open the store: that of the folder, when it can be seen
 * at all. */
static _Noreturn void
die_no_access(const char *path)
{
	const struct group *group = NULL;
	struct stat st;

	if (fstatat(AT_FDCWD, path, &st, 0) == 0)
		group = getgrgid(st.st_gid);
	die(EXIT_ERROR, "no permission to read the store %s: ask to be made a "
	    "member of group %s", path,
	    group ? group->gr_name : "goprobe-read");
}

static void
open_store(struct session *s)
{
	const char *path = store_path(s);
	struct stat st;

	s->store_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->store_fd >= 0 && fstat(s->store_fd, &st) == 0) {
		s->store_gid = st.st_gid;
		return;
	}
	if (errno == EACCES)
		die_no_access(path);
	if (errno == ENOENT)
		die(EXIT_ERROR, "there is no store %s%s", path,
		    s->args.store ? "" : "; -d names another");
	if (errno == ENOTDIR)
		die(EXIT_ERROR, "%s: not a goDB store (a store is a folder)",
		    path);
	die(EXIT_ERROR, "%s: %s", path, godb_strerror(-errno));
}

static size_t
memory_bound(const struct args *a)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	uint64_t bytes = a->mem_bytes;

	if (bytes == 0 && pages > 0 && size > 0)
		bytes = (uint64_t)pages * (uint64_t)size / 100 * a->mem_percent;
	if (bytes > SIZE_MAX)
		bytes = SIZE_MAX;
	return (size_t)bytes;
}

/* As many as there are processors that we may use. */
static unsigned
count_threads(const struct args *a)
{
	cpu_set_t set;

	if (a->threads)
		return a->threads;
	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	return (unsigned)CPU_COUNT(&set);
}

/* Where the user may have no more threads, one is enough. */
static int
start_threads(void *arg)
{
	struct session *s = arg;
	unsigned n = count_threads(&s->args);
	int rc = n > 1 ? godb_pool_new(n, &s->pool) : 0;

	return rc == -EAGAIN && !s->args.threads ? 0 : rc;
}

static void
close_sandbox(struct session *s, int status_fd)
{
	bool asks = s->args.action == ARGS_QUERY;
	int keep[SETS_MAX + 3] = {status_fd};
	struct profile_fds fds = {s->store_fd, -1, keep, 1};
	const char *step;
	int rc;

	for (size_t i = 0; i < s->sets.n; i++)
		keep[fds.n_keep++] = s->sets.file[i].fd;
	if (s->names) {
		fds.helper = names_fd(s->names);
		keep[fds.n_keep++] = fds.helper;
		keep[fds.n_keep++] = names_answers_fd(s->names);
	}
	/* further arenas would want mprotect(2) */
	(void)mallopt(M_ARENA_MAX, 1);
	rc = profile_enter(&fds, s->args.landlock, asks ? start_threads : NULL,
	    s, &step);

	if (rc == -ENOSYS || rc == -EOPNOTSUPP)
		die(EXIT_ERROR, "%s: this kernel has none; --sandbox=seccomp "
		    "goes without Landlock", step);
	if (rc < 0)
		die(EXIT_ERROR, "%s: %s", step, godb_strerror(rc));
}

/* ---- progress ---------------------------------------------------------- */

static void
clear_bar(struct progress *p)
{
	static const char blank[] = "\r\033[K";

	if (p->drawn)
		(void)gp_fd_write_full(STDERR_FILENO, blank, sizeof(blank) - 1);
	p->drawn = false;
}

static int
draw_bar(void *arg, size_t done, size_t all)
{
	struct progress *p = arg;
	char bar[BAR_WIDTH + 1], line[BAR_WIDTH + 32];
	int64_t now_ns;
	size_t full;
	int len;

	if ((!p->wanted && !p->end_ns) || all == 0)
		return 0;
	now_ns = gp_clock_mono_ns();
	if (p->end_ns && now_ns >= p->end_ns)
		return 1;
	if (!p->wanted || now_ns - p->start_ns < BAR_DELAY_NS ||
	    now_ns - p->last_ns < BAR_EVERY_NS)
		return 0;
	p->last_ns = now_ns;
	full = done * BAR_WIDTH / all;
	memset(bar, '.', BAR_WIDTH);
	memset(bar, '#', full);
	bar[BAR_WIDTH] = '\0';
	len = snprintf(line, sizeof(line), "\r[%s] %3zu %%", bar,
	    done * 100 / all);
	(void)gp_fd_write_full(STDERR_FILENO, line, (size_t)len);
	p->drawn = true;
	return 0;
}

/* ---- behind the sandbox ------------------------------------------------ */

static struct godb_cond *
parse_condition(struct session *s, const char *what, const char *text,
    const struct godb_keys *having)
{
	struct godb_cond_opts opts = GODB_COND_OPTS_INIT;
	struct godb_cond *cond;
	struct godb_diag diag;
	int rc;

	opts.site = s->conf->site.networks;
	opts.having = having;
	opts.set = sets_fetch;
	opts.set_arg = &s->sets;
	rc = godb_cond_parse(text, &opts, &cond, &diag);
	if (rc == GODB_ESYNTAX)
		die_condition(what, text, &diag);
	if (rc < 0)
		die(EXIT_ERROR, "%s: %s", what, godb_strerror(rc));
	return cond;
}

static void
parse_conditions(struct session *s)
{
	s->cond = parse_condition(s, "condition", s->args.condition, NULL);
	if (s->args.having[0])
		s->having = parse_condition(s, "--having", s->args.having,
		    &s->args.keys);
}

static void
read_store(struct session *s)
{
	const char *path = store_path(s);
	int rc = godb_reader_openat(s->store_fd, &s->reader);

	s->store_fd = -1; /* taken */
	if (rc == -EACCES && s->store_gid == 0)
		die(EXIT_ERROR, "the store %s belongs to group root, which "
		    "goquery never keeps: give it to goprobe-read (chgrp -R)",
		    path);
	if (rc == -EACCES) /* /etc/group is out of reach by now */
		die(EXIT_ERROR, "no permission to read the files of the store "
		    "%s: ask to be made a member of its group (number %u, "
		    "usually goprobe-read)", path, s->store_gid);
	if (rc < 0)
		die(EXIT_ERROR, "%s: %s", path, godb_strerror(rc));
}

static void
choose_ifaces(struct session *s)
{
	char error[512];
	int rc = godb_reader_ifaces(s->reader, &s->have);

	if (rc < 0)
		die(EXIT_ERROR, "%s: %s", store_path(s), godb_strerror(rc));
	/* a question needs an interface, a look at the store does not */
	if (rc == 0 && s->args.action != ARGS_QUERY) {
		static const char *none[] = {NULL};

		s->ifaces = none;
		return;
	}
	rc = ifsel_choose(s->args.ifaces, s->have, &s->ifaces, error);
	if (rc == -ENOENT)
		die(EXIT_ERROR, "%s", error);
	if (rc < 0)
		die(EXIT_ERROR, "%s", godb_strerror(rc));
	s->n_ifaces = (size_t)rc;
}

static void
open_scan(struct session *s)
{
	struct godb_scan_opts opts = GODB_SCAN_OPTS_INIT;
	int rc;

	opts.ifaces = s->ifaces;
	opts.first_s = s->args.first_s;
	opts.last_s = s->args.last_s;
	opts.no_live = s->args.no_live;
	rc = godb_scan_open(s->reader, &opts, &s->scan);
	if (rc < 0)
		die(EXIT_ERROR, "%s: %s", store_path(s), godb_strerror(rc));
}

static int64_t
bin_of(void *arg, int64_t slot_s)
{
	const struct session *s = arg;

	return when_bin(slot_s, s->args.bin_s);
}

static _Noreturn void
die_query(const struct session *s, int rc)
{
	if (rc == GODB_ECANCELLED)
		die(EXIT_ERROR, "the question takes longer than %llu ms: ask "
		    "for less time, or allow more with --timeout",
		    (unsigned long long)s->args.timeout_ms);
	if (rc == GODB_EMEMORY)
		die(EXIT_ERROR, "the question needs more than %zu kB of "
		    "memory: ask for fewer columns or less time, or allow "
		    "more with --mem", s->mem_bytes >> 10);
	die(EXIT_ERROR, "%s", godb_strerror(rc));
}

static void
make_chart(struct session *s)
{
	int rc;

	s->has_chart = s->args.plot || s->args.format == ARGS_HTML;
	if (!s->has_chart)
		return;
	rc = chart_make(s->scan, &s->query, s->args.bin_s, s->args.first_s,
	    s->args.last_s, &s->chart);
	clear_bar(&s->progress);
	if (rc < 0)
		die_query(s, rc);
}

static void
run_query(struct session *s)
{
	int rc;

	s->query = (struct godb_query_opts)GODB_QUERY_OPTS_INIT;
	s->query.keys = s->args.keys;
	s->query.cond = s->cond;
	s->query.direction = s->args.direction;
	s->query.sort = s->args.sort;
	s->query.ascending = s->args.ascending;
	s->query.limit = s->args.limit;
	s->query.share = s->args.share;
	s->query.mem_bytes = s->mem_bytes;
	s->query.pool = s->pool;
	s->query.having = s->having;
	for (unsigned i = 0; i < s->args.n_show; i++)
		s->query.metrics |= 1u << s->args.show[i];
	if (s->args.bin_s) {
		s->query.bin = bin_of;
		s->query.bin_arg = s;
	}
	s->query.progress = draw_bar;
	s->query.progress_arg = &s->progress;
	rc = godb_query_run(s->scan, &s->query, &s->result);
	clear_bar(&s->progress);
	if (rc < 0)
		die_query(s, rc);
}

static void
find_coverage(struct session *s, const struct godb_seen *seen)
{
	struct godb_coverage_opts opts = GODB_COVERAGE_OPTS_INIT;
	int rc;

	if (seen)
		opts.faults = godb_seen_faults(seen, &opts.n_faults);

	opts.first_s = s->args.first_s;
	opts.last_s = s->args.last_s;
	opts.now_ns = gp_clock_real_ns();
	opts.no_live = s->args.no_live;
	rc = godb_coverage_new(s->reader, s->scan, s->result, &opts,
	    &s->coverage);
	if (rc < 0)
		die(EXIT_ERROR, "%s", godb_strerror(rc));
}

static void
say_explained(const char *line)
{
	say("goquery: explain: %s", line);
}

static void
print_answer(struct session *s, int64_t took_ns)
{
	static void (*const print[])(struct out *, const struct answer *) = {
		[ARGS_TXT] = table_print,
		[ARGS_CSV] = csv_print,
		[ARGS_JSON] = json_print,
		[ARGS_JSONL] = jsonl_print,
		[ARGS_HTML] = html_print,
	};
	struct answer a = {
		.query = s->args.query,
		.condition = s->args.condition,
		.having = s->args.having,
		.show = s->args.show,
		.n_show = s->args.n_show,
		.iface = s->ifaces,
		.n_ifaces = s->n_ifaces,
		.opts = &s->query,
		.scan = s->scan,
		.result = s->result,
		.coverage = s->coverage,
		.took_ns = took_ns,
		.limit_text = s->args.limit_text,
		.names = s->names,
		.resolve = s->args.resolve,
		.geo = s->args.geo,
		.chart = s->has_chart ? &s->chart : NULL,
		.style = &s->style,
	};
	static void (*const seen[])(struct out *, const struct answer *) = {
		[ARGS_TXT] = seen_print_txt,
		[ARGS_CSV] = seen_print_csv,
		[ARGS_JSON] = seen_print_json,
		[ARGS_JSONL] = seen_print_jsonl,
	};
	char note[256];

	if (s->args.resolve || s->args.geo) {
		int rc = answer_ask_names(&a, s->names, &a.names_cut);

		if (rc < 0)
			die(EXIT_ERROR, "names of addresses: %s",
			    godb_strerror(rc));
	}
	(s->args.seen ? seen : print)[s->args.format](&out, &a);
	/* formats of rows alone have their notes on stderr */
	if (s->args.format != ARGS_CSV && s->args.format != ARGS_JSONL)
		return;
	for (size_t i = 0; answer_warning(&a, i, note); i++)
		say("goquery: note: %s", note);
}

/* ---- what is missing --------------------------------------------------- */

static void
say_incomplete(const struct godb_incomplete *item)
{
	char first[WHEN_TEXT_MAX], last[WHEN_TEXT_MAX], more[256];

	when_format_utc(item->first_ns / GP_NS_PER_S, first);
	when_format_utc(item->last_ns / GP_NS_PER_S, last);
	more[0] = '\0';
	if (item->place)
		(void)snprintf(more, sizeof(more), " place=\"%s\" error=\"%s\"",
		    item->place, godb_strerror(item->rc));
	else if (item->cause == GODB_CAUSE_DOWN)
		(void)snprintf(more, sizeof(more), " seconds=%llu gaps=%llu",
		    (unsigned long long)(item->amount / (uint64_t)GP_NS_PER_S),
		    (unsigned long long)item->count);
	else if (item->amount)
		(void)snprintf(more, sizeof(more), " packets=%llu",
		    (unsigned long long)item->amount);
	say("goquery: incomplete iface=%s first=%s last=%s cause=%s%s",
	    item->iface, first, last, godb_cause_name(item->cause), more);
}

/* Damage is told in every format, the rest where the format has no place. */
static void
say_all_incomplete(const struct session *s, bool *any, bool *unreadable)
{
	bool rows_only =
	    s->args.format == ARGS_CSV || s->args.format == ARGS_JSONL;
	const struct godb_incomplete *item;

	*any = *unreadable = false;
	for (size_t i = 0; (item = godb_coverage_incomplete(s->coverage, i));
	     i++) {
		*any = true;
		*unreadable |= item->unreadable;
		if (rows_only || item->unreadable)
			say_incomplete(item);
	}
}

/* An empty answer should not leave one guessing where the data is. */
static void
say_where_data_is(const struct session *s)
{
	const size_t most = 8;

	for (size_t i = 0; i < s->n_ifaces && i < most; i++) {
		char first[WHEN_TEXT_MAX], last[WHEN_TEXT_MAX];
		int64_t first_s, last_s;

		if (!godb_scan_extent(s->scan, i, &first_s, &last_s)) {
			say("goquery: no rows; %s has no block at all",
			    s->ifaces[i]);
			continue;
		}
		when_format_local(first_s, first);
		when_format_local(last_s + GP_SLOT_S, last);
		say("goquery: no rows; %s has blocks from %s to %s",
		    s->ifaces[i], first, last);
	}
}

static int
exit_code(const struct session *s)
{
	bool any, unreadable, empty = godb_result_n_hits(s->result) == 0;

	say_all_incomplete(s, &any, &unreadable);
	if (s->args.seen)
		return !empty ? EXIT_FINE : any ? EXIT_INCOMPLETE
						: EXIT_NOT_SEEN;
	if (empty && !s->args.external)
		say_where_data_is(s);
	if (unreadable || (any && s->args.fail_incomplete))
		return EXIT_INCOMPLETE;
	return empty && s->args.fail_empty ? EXIT_EMPTY : EXIT_FINE;
}

/* ---- seen, with addresses ------------------------------------------------ */

static void
read_indicators(struct session *s, struct indicators *what)
{
	for (unsigned i = 0; i < s->args.n_indicators; i++) {
		const char *word = s->args.indicator[i], *text = word;
		char error[512], why[GODB_COND_WHY_MAX] = "";
		size_t len = strlen(word);

		if (word[0] == '@' &&
		    sets_fetch(&s->sets, word, &text, &len, why) < 0)
			die(EXIT_ERROR, "%.200s: %s", word, why);
		if (indicators_add(what, word, text, len, error) < 0)
			die(EXIT_USAGE, "%s", error);
	}
}

/* -f 0 asks for whatever there is; any other beginning is meant. */
static void
find_beginning(const struct session *s, struct sightings *a)
{
	a->known_s = INT64_MAX;
	for (size_t i = 0; i < s->n_ifaces; i++) {
		int64_t first_s, last_s;

		if (godb_scan_extent(s->scan, i, &first_s, &last_s) &&
		    first_s < a->known_s)
			a->known_s = first_s;
	}
	a->begins_before = a->known_s == INT64_MAX ||
	    (s->args.first_s > 0 &&
		a->known_s > gp_clock_slot(s->args.first_s));
}

static struct godb_seen *
look_for(struct session *s, const struct indicators *what)
{
	struct godb_seen_opts opts = GODB_SEEN_OPTS_INIT;
	struct godb_seen *seen = NULL;
	int rc;

	opts.prefix = what->prefix;
	opts.n = what->n;
	opts.mem_bytes = s->mem_bytes;
	opts.progress = draw_bar;
	opts.progress_arg = &s->progress;
	opts.pool = s->pool;
	rc = godb_seen_run(s->scan, &opts, &seen);
	clear_bar(&s->progress);
	if (rc < 0)
		die_query(s, rc);
	return seen;
}

static void
explain_seen(const struct godb_seen *seen)
{
	struct godb_result_stats stats;

	godb_seen_stats(seen, &stats);
	say("goquery: read: %llu blocks (%llu skipped), %llu bytes, %llu "
	    "decoded; rows: %llu", (unsigned long long)(stats.parts -
		stats.parts_skipped), (unsigned long long)stats.parts_skipped,
	    (unsigned long long)stats.bytes_read,
	    (unsigned long long)stats.bytes_decoded,
	    (unsigned long long)stats.rows);
}

/* Like grep: but "none" is said only when nothing is missing. */
static int
answer_indicators(struct session *s)
{
	static void (*const print[])(struct out *, const struct sightings *) = {
		[ARGS_TXT] = sightings_txt,
		[ARGS_CSV] = sightings_csv,
		[ARGS_JSON] = sightings_json,
		[ARGS_JSONL] = sightings_jsonl,
	};
	struct indicators what = {NULL, 0, 0};
	struct sightings a = {.what = &what};
	bool any, unreadable;

	read_indicators(s, &what);
	open_scan(s);
	a.scan = s->scan;
	a.seen = look_for(s, &what);
	find_coverage(s, a.seen);
	a.coverage = s->coverage;
	find_beginning(s, &a);
	print[s->args.format](&out, &a);
	(void)out_flush(&out);
	if (s->args.explain)
		explain_seen(a.seen);
	say_all_incomplete(s, &any, &unreadable);
	if (sightings_count(&a) > 0)
		return EXIT_FINE;
	return any || a.begins_before ? EXIT_INCOMPLETE : EXIT_NOT_SEEN;
}

/* ---- --list ------------------------------------------------------------ */

static _Noreturn void
show_list(struct session *s)
{
	const struct godb_list_iface *f;
	struct godb_list *list;
	int rc = godb_list_new(s->reader, s->ifaces, &list);
	int status = EXIT_FINE;

	if (rc < 0)
		die(EXIT_ERROR, "%s: %s", store_path(s), godb_strerror(rc));
	list_print(&out, list, s->args.format);
	(void)out_flush(&out);
	for (size_t i = 0; (f = godb_list_get(list, i)); i++) {
		if (f->n_unreadable == 0)
			continue;
		say("goquery: incomplete iface=%s days=%llu cause=damaged "
		    "place=\"%s\" error=\"%s\"", f->iface,
		    (unsigned long long)f->n_unreadable, f->place,
		    godb_strerror(f->rc));
		status = EXIT_INCOMPLETE;
	}
	finish_output(status);
}

/* ---- --check ----------------------------------------------------------- */

static void
say_fault(void *arg, const struct godb_fault *f, const char *why)
{
	char first[WHEN_TEXT_MAX], last[WHEN_TEXT_MAX], time[128];
	struct session *s = arg;

	clear_bar(&s->progress);
	time[0] = '\0';
	if (f->first_s < f->last_s) {
		when_format_utc(f->first_s, first);
		when_format_utc(f->last_s, last);
		(void)snprintf(time, sizeof(time), " first=%s last=%s", first,
		    last);
	}
	say("goquery: damaged%s%s%s place=\"%s\" error=\"%s%s%s\"",
	    f->iface[0] ? " iface=" : "", f->iface, time, f->place,
	    godb_strerror(f->rc), why[0] ? ": " : "", why);
}

static int
draw_check_bar(void *arg, size_t done, size_t all)
{
	struct session *s = arg;

	return draw_bar(&s->progress, done, all);
}

static _Noreturn void
check_store(struct session *s)
{
	struct godb_check_opts opts = GODB_CHECK_OPTS_INIT;
	struct godb_check_report r;
	int rc;

	opts.ifaces = s->ifaces;
	opts.fault = say_fault;
	opts.progress = draw_check_bar;
	opts.arg = s;
	rc = godb_check(s->reader, &opts, &r);
	clear_bar(&s->progress);
	if (rc < 0)
		die(EXIT_ERROR, "%s: %s", store_path(s), godb_strerror(rc));
	out_fmt(&out, "%llu interfaces, %llu days, %llu blocks, %llu rows, "
	    "%llu open batches: ",
	    (unsigned long long)r.ifaces, (unsigned long long)r.days,
	    (unsigned long long)r.records, (unsigned long long)r.rows,
	    (unsigned long long)r.batches);
	if (r.faults == 0)
		out_str(&out, "no damage\n");
	else
		out_fmt(&out, "%llu damaged places; goprobe-writer --repair "
		    "--dry-run tells what can be done\n",
		    (unsigned long long)r.faults);
	finish_output(r.faults ? EXIT_INCOMPLETE : EXIT_FINE);
}

/* ---- --status ---------------------------------------------------------- */

static _Noreturn void
die_no_status(int rc, const char *path)
{
	if (rc == -ENOENT)
		die(EXIT_ERROR, "no status: there is no %s; is the sensor "
		    "running?", path);
	if (rc == -EACCES)
		die(EXIT_ERROR, "no status: no permission to read %s: ask to "
		    "be made a member of group goprobe-read", path);
	die(EXIT_ERROR, "no status: %s: %s", path, godb_strerror(rc));
}

static _Noreturn void
show_status(struct session *s)
{
	struct status_view view;
	struct gp_status *status;
	char path[4096], error[512];
	int fd, rc;

	load_conf(s);
	fd = status_open(s->args.status_file, store_path(s),
	    s->conf->store.path, path);
	if (fd < 0)
		die_no_status(fd, path);
	s->store_fd = -1;
	close_sandbox(s, fd);

	rc = status_read(fd, &status, error);
	if (rc == -EINVAL)
		die(EXIT_ERROR, "no status: %s: %s", path, error);
	if (rc < 0)
		die_no_status(rc, path);
	rc = status_choose(status, s->args.ifaces, &view, error);
	if (rc == -ENOENT)
		die(EXIT_ERROR, "%s", error);
	if (rc < 0)
		die(EXIT_ERROR, "%s", godb_strerror(rc));
	status_set_age(&view, gp_clock_real_ns(), gp_clock_boot_ns());
	if (s->args.format == ARGS_JSON)
		status_print_json(&out, &view);
	else
		status_print_txt(&out, &view);
	rc = status_problems(&view, NULL, NULL) ? EXIT_INCOMPLETE : EXIT_FINE;
	finish_output(rc);
}

/* ---- all together ------------------------------------------------------- */

/* Words that a completion wants from the store. */
static _Noreturn void
show_ifaces(struct session *s)
{
	load_conf(s);
	open_store(s);
	close_sandbox(s, -1);
	read_store(s);
	if (godb_reader_ifaces(s->reader, &s->have) < 0)
		exit(EXIT_ERROR);
	for (size_t i = 0; s->have[i]; i++) {
		out_clean(&out, s->have[i]);
		out_char(&out, '\n');
	}
	finish_output(EXIT_FINE);
}

static bool
is_set(const char *name)
{
	const char *value = getenv(name);

	return value && value[0];
}

static void
find_style(struct style *style)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	const char *locale = "", *term = getenv("TERM");
	struct winsize size;

	style->terminal = isatty(STDOUT_FILENO);
	style->colour = style->terminal && !is_set("NO_COLOR") && term &&
	    strcmp(term, "dumb") != 0;
	style->width = 80;
	if (style->terminal &&
	    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		style->width = size.ws_col;
	for (size_t i = 0; i < 3 && !*locale; i++)
		locale = is_set(names[i]) ? getenv(names[i]) : "";
	style->unicode = strstr(locale, "UTF-8") || strstr(locale, "utf8");
}

/* Files of conditions, and the helper when names are asked for. */
static void
open_helpers(struct session *s)
{
	struct names_opts opts = {s->args.resolve, s->args.dns,
	    s->conf->site.geoip, s->conf->site.asn};
	const bool none = !opts.geoip[0] && !opts.asn[0];
	bool geo = s->args.geo;
	char error[512];

	for (unsigned i = 0; i < s->args.n_indicators; i++) {
		const char *word = s->args.indicator[i];

		if (word[0] == '@' && sets_open_file(&s->sets, word, error) < 0)
			die(EXIT_ERROR, "%s", error);
	}
	if (sets_open(&s->sets, s->args.condition, &geo, error) < 0 ||
	    sets_open(&s->sets, s->args.having, &geo, error) < 0)
		die(EXIT_ERROR, "%s", error);
	if (s->args.geo && none)
		die(EXIT_ERROR, "--geo needs an MMDB file: geoip or asn under "
		    "[site] in the INI file");
	if (!s->args.resolve && (!geo || none))
		return;
	(void)signal(SIGPIPE, SIG_IGN); /* should it end early */
	if (names_start(&opts, &s->names, error) < 0)
		die(EXIT_ERROR, "%s", error);
	s->sets.names = s->names;
}

static void
find_window(struct session *s)
{
	char error[ARGS_ERROR_MAX];

	if (args_times(&s->args, gp_clock_real_ns() / GP_NS_PER_S, error) < 0)
		die(EXIT_USAGE, "%s", error);
}

static void
start_clock(struct session *s)
{
	s->start_ns = s->progress.start_ns = gp_clock_mono_ns();
	if (s->args.timeout_ms)
		s->progress.end_ns = s->start_ns +
		    (int64_t)s->args.timeout_ms * (GP_NS_PER_S / 1000);
}

/* One answer; returns what to exit with. */
static int
answer_once(struct session *s)
{
	int64_t took_ns;
	int status;

	open_scan(s);
	run_query(s);
	took_ns = gp_clock_mono_ns() - s->start_ns;
	make_chart(s);
	find_coverage(s, NULL);
	print_answer(s, took_ns);
	(void)out_flush(&out); /* the answer first, then what it lacks */
	if (s->args.explain)
		explain(s->scan, s->result, say_explained);
	status = exit_code(s);
	godb_coverage_free(s->coverage);
	godb_result_free(s->result);
	godb_scan_close(s->scan);
	return status;
}

static _Noreturn void
watch(struct session *s)
{
	struct timespec pause = {.tv_sec = (time_t)s->args.watch_s};

	for (;;) {
		out_str(&out, "\033[H\033[2J");
		(void)answer_once(s);
		if (out_flush(&out) < 0)
			finish_output(EXIT_ERROR);
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		start_clock(s);
		find_window(s);
	}
}

int
main(int argc, char **argv)
{
	static struct session s; /* too large for a stack frame */
	char error[ARGS_ERROR_MAX];

	if (gp_fd_fill_std() < 0)
		return EXIT_ERROR;
	out_init(&out, STDOUT_FILENO);
	s.store_fd = -1;
	if (args_parse(argc, argv, &s.args, error) < 0)
		die(EXIT_USAGE, "%s", error);
	answers_like_grep = s.args.seen;
	start_clock(&s);
	do_other_actions(&s);
	tzset();
	if (s.args.zone && !when_set_zone(s.args.zone))
		die(EXIT_USAGE, "there is no time zone '%.60s': UTC, "
		    "Europe/Zurich, ...", s.args.zone);
	if (s.args.action == ARGS_STATUS)
		show_status(&s);
	if (s.args.action == ARGS_WORDS)
		show_ifaces(&s);
	if (s.args.action == ARGS_QUERY)
		find_window(&s);
	load_conf(&s);
	find_style(&s.style);
	if (s.args.watch_s && !s.style.terminal)
		die(EXIT_USAGE, "--watch needs a terminal");
	s.progress.wanted = !s.args.external && !s.args.watch_s &&
	    isatty(STDERR_FILENO);
	s.mem_bytes = memory_bound(&s.args);
	open_helpers(&s);
	open_store(&s);
	close_sandbox(&s, -1);

	parse_conditions(&s);
	read_store(&s);
	choose_ifaces(&s);
	if (s.args.action == ARGS_LIST)
		show_list(&s);
	if (s.args.action == ARGS_CHECK)
		check_store(&s);
	if (s.args.watch_s)
		watch(&s);
	finish_output(s.args.n_indicators ? answer_indicators(&s)
					  : answer_once(&s));
}
