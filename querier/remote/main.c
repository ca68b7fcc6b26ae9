/*
 * goquery-remote - goquery --remote: asks a ClickHouse server about the flows
 * of many sensors.  See goquery(1).
 *
 * Before the sandbox closes: the INI file, the password and certificates, the
 * server's addresses, the time zone, files that conditions name, the helper
 * for names of addresses.  Conditions and whatever the server says are parsed
 * behind it.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "common/base/fd.h"
#include "querier/export/http.h"
#include "querier/export/schema.h"
#include "querier/export/secret.h"
#include "querier/look.h"
#include "querier/question.h"
#include "querier/remote/engine.h"
#include "querier/remote/profile.h"
#include "querier/store.h"

#define URL_WORD "default" /* [remote] url */

static volatile sig_atomic_t expired;

static void
on_alarm(int number)
{
	(void)number;
	expired = 1;
}

/* ---- credentials --------------------------------------------------------- */

static char *
read_secret(const char *path)
{
	char *text = NULL;
	int rc = secret_read(path, &text);

	if (rc == SECRET_SHARED)
		session_die(EXIT_ERROR, "[remote] password_file: %s: must be a "
		    "file of yours or root's that others can neither read nor "
		    "write", path);
	if (rc < 0)
		session_die(EXIT_ERROR, "[remote] password_file: %s: %s", path,
		    strerror(-rc));
	return text;
}

/* Without a slash at the end they may still be one. */
static bool
same_url(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);

	n -= n > 0 && a[n - 1] == '/';
	m -= m > 0 && b[m - 1] == '/';
	return n == m && strncmp(a, b, n) == 0;
}

/* A password is for one server: that of [remote] url, not for whatever the
 * command line says. */
static struct http *
connect_server(const struct session *s)
{
	const struct gp_conf *c = s->conf;
	struct http_opts opts = {
		.url = s->args.remote,
		.user = "",
		.ca_file = c->remote.ca_file,
		.cert_file = "",
		.key_file = "",
		.timeout_s = c->remote.timeout,
		.stop = &expired,
	};
	char error[HTTP_ERROR_MAX], *password = NULL;
	struct http *http;
	int rc;

	if (strcmp(opts.url, URL_WORD) == 0) {
		opts.url = c->remote.url;
		if (!opts.url[0])
			session_die(EXIT_USAGE, "--remote " URL_WORD ": there "
			    "is no url under [remote] in the INI file");
	}
	if (c->remote.url[0] && same_url(opts.url, c->remote.url)) {
		opts.user = c->remote.user;
		opts.cert_file = c->remote.cert_file;
		opts.key_file = c->remote.key_file;
		if (c->remote.password_file[0])
			password = read_secret(c->remote.password_file);
		opts.password = password;
	}
	rc = http_open(&opts, &http, error);
	if (rc < 0)
		session_die(rc == -EINVAL ? EXIT_USAGE : EXIT_ERROR,
		    "--remote: %s", error);
	if (password)
		explicit_bzero(password, strlen(password));
	free(password);
	return http;
}

/* ---- sandbox ------------------------------------------------------------- */

static void
enter_sandbox(const struct session *s, const struct http *http)
{
	const char *step;
	int rc;

	/* further arenas would want mprotect(2) */
	(void)mallopt(M_ARENA_MAX, 1);
	rc = remote_profile_enter(http_port(http), s->args.landlock, &step);
	if (rc == -ENOSYS || rc == -EOPNOTSUPP)
		session_die(EXIT_ERROR, "%s: this kernel has none; "
		    "--sandbox=seccomp goes without Landlock", step);
	if (rc < 0)
		session_die(EXIT_ERROR, "%s: %s", step, godb_strerror(rc));
}

/* ---- what questions call the store --------------------------------------- */

const char *
store_path(const struct session *s)
{
	return http_host(s->reader->http);
}

/* ---- all of it ----------------------------------------------------------- */

/* --timeout is for one answer. */
static void
start_timer(const struct session *s)
{
	struct sigaction sa = {.sa_handler = on_alarm};
	struct itimerval t = {{0, 0}, {0, 0}};

	expired = 0;
	if (!s->args.timeout_ms)
		return;
	t.it_value.tv_sec = (time_t)(s->args.timeout_ms / 1000);
	t.it_value.tv_usec = (suseconds_t)(s->args.timeout_ms % 1000 * 1000);
	(void)sigaction(SIGALRM, &sa, NULL);
	(void)setitimer(ITIMER_REAL, &t, NULL);
}

static void
check_question(struct session *s)
{
	const struct args *a = &s->args;

	if (!a->remote)
		session_die(EXIT_USAGE, "goquery --remote URL is how this "
		    "program is used");
	if (a->action != ARGS_QUERY && a->action != ARGS_LIST)
		session_die(EXIT_USAGE, "goquery, without --remote, tells "
		    "that");
	if (a->watch_s)
		session_die(EXIT_USAGE, "--watch is not for --remote: blocks "
		    "come every five minutes");
}

int
main(int argc, char **argv)
{
	static struct session s; /* too large for a stack frame */
	char error[ARGS_ERROR_MAX];
	struct http *http;

	if (gp_fd_fill_std() < 0 || gp_fd_close_others(NULL, 0) < 0)
		return EXIT_ERROR;
	out_init(&session_out, STDOUT_FILENO);
	s.store_fd = -1;
	if (args_parse(argc, argv, &s.args, error) < 0)
		session_die(EXIT_USAGE, "%s", error);
	session_like_grep = s.args.seen;
	check_question(&s);
	session_start_clock(&s);
	start_timer(&s);
	session_set_zone(&s.args);
	if (s.args.action == ARGS_QUERY)
		session_find_window(&s);
	session_load_conf(&s);
	if (!schema_name_valid(s.conf->remote.database))
		session_die(EXIT_USAGE, "[remote] database: needs a name of "
		    "letters, digits and _, at most 64");
	session_find_style(&s.style);
	s.mem_bytes = session_memory_bound(&s.args);
	s.args.no_live = true; /* what is committed and shipped is there */
	session_open_helpers(&s);
	names_until(s.names, &s.progress.end_ns);
	(void)signal(SIGPIPE, SIG_IGN);
	http = connect_server(&s);
	enter_sandbox(&s, http);

	question_parse(&s);
	s.reader = remote_reader(http, s.conf->remote.database, s.mem_bytes,
	    s.args.explain);
	question_choose_ifaces(&s);
	if (s.args.action == ARGS_LIST)
		look_list(&s);
	session_finish(s.args.n_indicators ? look_seen(&s)
					  : question_answer(&s));
}
