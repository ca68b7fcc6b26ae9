#include "querier/session.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "querier/when.h"

#define BAR_DELAY_NS (1 * GP_NS_PER_S)
#define BAR_EVERY_NS (GP_NS_PER_S / 10)
#define BAR_WIDTH    40

struct out session_out; /* too large for a stack frame */
bool session_like_grep;

/* ---- messages ---------------------------------------------------------- */

/* One line to stderr, whatever it holds made harmless. */
void
session_say(const char *fmt, ...)
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

_Noreturn void
session_die(int status, const char *fmt, ...)
{
	char line[1536];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	session_say("goquery: %s", line);
	exit(session_like_grep && status == EXIT_ERROR ? EXIT_USAGE : status);
}

_Noreturn void
session_finish(int status)
{
	int rc = out_flush(&session_out);

	if (rc == -EPIPE) /* whoever read has seen enough */
		exit(session_like_grep ? EXIT_USAGE : EXIT_ERROR);
	if (rc < 0)
		session_die(EXIT_ERROR, "cannot write the answer: %s",
		    godb_strerror(rc));
	exit(status);
}

/* ---- beginning --------------------------------------------------------- */

void
session_load_conf(struct session *s)
{
	const char *path = s->args.conf ? s->args.conf : GP_CONF_PATH;
	char error[512];

	s->conf = gp_conf_load(path, s->args.conf == NULL, false, error);
	if (!s->conf)
		session_die(EXIT_ERROR, "%s", error);
}

void
session_set_zone(const struct args *a)
{
	when_use_local();
	if (a->zone && !when_set_zone(a->zone))
		session_die(EXIT_USAGE, "there is no time zone '%.60s': UTC, "
		    "Europe/Zurich, ...", a->zone);
}

void
session_find_window(struct session *s)
{
	char error[ARGS_ERROR_MAX];

	if (args_times(&s->args, gp_clock_real_ns() / GP_NS_PER_S, error) < 0)
		session_die(EXIT_USAGE, "%s", error);
}

void
session_start_clock(struct session *s)
{
	s->start_ns = s->progress.start_ns = gp_clock_mono_ns();
	if (s->args.timeout_ms)
		s->progress.end_ns = s->start_ns +
		    (int64_t)s->args.timeout_ms * (GP_NS_PER_S / 1000);
}

size_t
session_memory_bound(const struct args *a)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	uint64_t bytes = a->mem_bytes;

	if (bytes == 0 && pages > 0 && size > 0)
		bytes = (uint64_t)pages * (uint64_t)size / 100 * a->mem_percent;
	if (bytes > SIZE_MAX)
		bytes = SIZE_MAX;
	return (size_t)bytes;
}

static bool
is_set(const char *name)
{
	const char *value = getenv(name);

	return value && value[0];
}

void
session_find_style(struct style *style)
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
void
session_open_helpers(struct session *s)
{
	struct names_opts opts = {s->args.resolve, s->args.dns,
	    s->conf->site.geoip, s->conf->site.asn};
	const bool none = !opts.geoip[0] && !opts.asn[0];
	bool geo = s->args.geo;
	char error[512];
	int rc = 0;

	s->sets.end_ns = s->progress.end_ns;
	for (unsigned i = 0; rc == 0 && i < s->args.n_indicators; i++) {
		const char *word = s->args.indicator[i];

		if (word[0] == '@')
			rc = sets_open_file(&s->sets, word, error);
	}
	if (rc == 0)
		rc = sets_open(&s->sets, s->args.condition, &geo, error);
	if (rc == 0)
		rc = sets_open(&s->sets, s->args.having, &geo, error);
	if (rc < 0)
		session_die(rc == -EINVAL || rc == -EISDIR || rc == -E2BIG ?
			EXIT_USAGE : EXIT_ERROR, "%s", error);
	if (s->args.geo && none)
		session_die(EXIT_USAGE,
		    "--geo needs an MMDB file: geoip or asn under "
		    "[site] in the INI file");
	if (!s->args.resolve && (!geo || none))
		return;
	(void)signal(SIGPIPE, SIG_IGN); /* should it end early */
	if (names_start(&opts, &s->names, error) < 0)
		session_die(EXIT_ERROR, "%s", error);
	s->sets.names = s->names;
}

/* ---- progress ---------------------------------------------------------- */

void
session_clear_bar(struct progress *p)
{
	static const char blank[] = "\r\033[K";

	if (p->drawn)
		(void)gp_fd_write_full(STDERR_FILENO, blank, sizeof(blank) - 1);
	p->drawn = false;
}

int
session_draw_bar(void *arg, size_t done, size_t all)
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
