/*
 * goprobe-export - ships committed blocks of a store to ClickHouse.  See
 * goprobe-export(8).
 *
 * Before the sandbox closes: the INI file, the password, the certificates, the
 * server's addresses, and the folders of store, ledger and status.  What the
 * store holds and what the server says is parsed behind it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/conf.h"
#include "common/base/fd.h"
#include "common/base/log.h"
#include "common/base/notify.h"
#include "common/base/usage.h"
#include "querier/export/loop.h"
#include "querier/export/options.h"
#include "querier/export/profile.h"
#include "querier/export/schema.h"
#include "querier/export/secret.h"
#include "querier/export/show.h"

#define RUN "/run/goprobe-export"

enum { EXIT_FINE, EXIT_ERROR, EXIT_USAGE, EXIT_ATTENTION };

/* What was opened while that was possible. */
struct opened {
	struct gp_conf *conf;
	char *password; /* NULL: none */
	struct http *http;
	int store, space; /* twice: one is the reader's, one to ask for room */
	int state, status, metrics;
	char metrics_name[NAME_MAX + 1];
	int notify;
};

static volatile sig_atomic_t stop;

static void
on_signal(int signo)
{
	(void)signo;
	stop = 1;
}

__attribute__((format(printf, 2, 3))) static _Noreturn void
die(int status, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	gp_log(GP_LOG_ERR, "%s", line);
	exit(status);
}

/* ---- configuration ------------------------------------------------------- */

/* A weaker sandbox is root's to order, nobody else's. */
static struct gp_conf *
load_conf(const struct options *o)
{
	const char *path = o->conf_path ? o->conf_path : GP_CONF_PATH;
	char error[512];
	struct gp_conf *conf =
	    gp_conf_load(path, o->conf_path == NULL, false, error);

	if (conf && conf->export.sandbox != GP_SANDBOX_FULL) {
		gp_conf_free(conf);
		conf = gp_conf_load(path, false, true, error);
	}
	if (conf == NULL)
		die(EXIT_USAGE, "%s", error);
	if (!schema_name_valid(conf->export.database))
		die(EXIT_USAGE, "%s: [export] database: needs a name of "
		    "letters, digits and _, at most 64", path);
	return conf;
}

static void
check_complete(const struct gp_conf *conf)
{
	if (conf->export.url[0] == '\0')
		die(EXIT_USAGE, "[export] url is not set: there is nowhere to "
		    "ship to");
	if (conf->site.name[0] == '\0')
		die(EXIT_USAGE, "[site] name is not set: the server could not "
		    "tell this sensor from others");
	if (strlen(conf->site.name) > 255)
		die(EXIT_USAGE, "[site] name: longer than 255 bytes");
}

/*
 * Files that only root may read come from systemd, which hands a service
 * copies of them under the names of their keys (LoadCredential, which
 * goprobe-generator writes).
 */
static const char *
credential(const char *key, const char *path, char out[PATH_MAX])
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	int n;

	if (path[0] == '\0' || folder == NULL || folder[0] != '/')
		return path;
	n = snprintf(out, PATH_MAX, "%s/%s", folder, key);
	return n < PATH_MAX && access(out, F_OK) == 0 ? out : path;
}

static char *
read_secret(const char *path)
{
	char *text = NULL;
	int rc = secret_read(path, &text);

	if (rc == SECRET_SHARED)
		die(EXIT_ERROR, "[export] password_file: %s: must be a file of "
		    "root's that others can neither read nor write", path);
	if (rc < 0)
		die(EXIT_ERROR, "[export] password_file: %s: %s", path,
		    strerror(-rc));
	return text;
}

/* ---- schema -------------------------------------------------------------- */

static _Noreturn void
print_schema(const struct options *o, const struct gp_conf *conf)
{
	enum schema_kind kind = (enum schema_kind)o->schema;
	const char *comment;
	char *sql;

	fputs(schema_preface(kind), stdout);
	for (size_t i = 0; i < schema_n_statements(kind); i++) {
		sql = schema_statement(kind, i, conf->export.database,
		    o->cluster, &comment);
		if (sql == NULL)
			die(EXIT_ERROR, "out of memory");
		printf("\n%s%s;\n", comment, sql);
		free(sql);
	}
	exit(gp_end_output("goprobe-export", EXIT_FINE));
}

static _Noreturn void
run_init(const struct options *o, const struct opened *in)
{
	enum schema_kind kind = (enum schema_kind)o->init;
	char error[HTTP_ERROR_MAX];

	for (size_t i = 0; i < schema_n_statements(kind); i++) {
		char *sql = schema_statement(kind, i, in->conf->export.database,
		    o->cluster, NULL);
		struct http_ask ask = {.sql = sql};

		if (sql == NULL)
			die(EXIT_ERROR, "out of memory");
		if (http_ask(in->http, &ask, NULL, error) != HTTP_FINE)
			die(EXIT_ERROR, "--init: %s", error);
		free(sql);
	}
	gp_log(GP_LOG_INFO, "the tables are there");
	exit(EXIT_FINE);
}

/* ---- before the sandbox -------------------------------------------------- */

/* Opens in->http; of a check, what that takes but the host's address. */
static void
connect_http(struct opened *in, bool check)
{
	const struct gp_conf *c = in->conf;
	char key[PATH_MAX], secret[PATH_MAX];
	struct http_opts opts = {
		.url = c->export.url,
		.user = c->export.user,
		.ca_file = c->export.ca_file,
		.cert_file = c->export.cert_file,
		.key_file = credential("key_file", c->export.key_file, key),
		.timeout_s = c->export.timeout,
		.stop = &stop,
	};
	char error[HTTP_ERROR_MAX];
	int rc;

	if (c->export.password_file[0])
		in->password = read_secret(credential("password_file",
		    c->export.password_file, secret));
	opts.password = in->password;
	rc = check ? http_check(&opts, error) :
	    http_open(&opts, &in->http, error);
	if (in->password)
		explicit_bzero(in->password, strlen(in->password));
	free(in->password);
	in->password = NULL;
	if (rc < 0)
		die(rc == -EINVAL ? EXIT_USAGE : EXIT_ERROR, "[export] %s",
		    error);
}

static int
open_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		die(EXIT_ERROR, "%s: %s", path, strerror(errno));
	return fd;
}

/* Made by root it becomes ours; so does an empty one of root's, which may be
 * what a start that was cut short has left. */
static void
own(int folder, const char *path)
{
	struct profile_ids ids = profile_ids();
	struct stat st;
	struct dirent *e;
	bool empty = true;
	DIR *d;
	int fd;

	if (geteuid() != 0 || fstat(folder, &st) < 0 || st.st_uid != 0)
		return;
	fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (d == NULL)
		die(EXIT_ERROR, "%s: %s", path, strerror(errno));
	while (empty && (e = readdir(d)) != NULL)
		empty = strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0;
	(void)closedir(d);
	if (empty && fchown(folder, ids.uid, ids.gid) < 0)
		die(EXIT_ERROR, "%s: %s", path, strerror(errno));
}

static void
open_metrics(struct opened *in)
{
	char folder[PATH_MAX];
	char *slash;

	(void)snprintf(folder, sizeof(folder), "%s", in->conf->export.metrics);
	slash = strrchr(folder, '/');
	if (slash == NULL)
		return;
	if (slash[1] == '\0' || strlen(slash + 1) > 200)
		die(EXIT_USAGE, "[export] metrics: this cannot be a file's "
		    "name");
	(void)snprintf(in->metrics_name, sizeof(in->metrics_name), "%s",
	    slash + 1);
	slash[slash == folder] = '\0';
	in->metrics = open_folder(folder);
}

static void
open_folders(const struct options *o, struct opened *in)
{
	const char *store = o->store ? o->store : in->conf->store.path;
	const char *state = o->state ? o->state : in->conf->export.state;
	const char *run = getenv("RUNTIME_DIRECTORY");

	in->store = open_folder(store);
	in->space = open_folder(store);
	if (mkdir(state, 0700) < 0 && errno != EEXIST)
		die(EXIT_ERROR, "%s: %s", state, strerror(errno));
	in->state = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (in->state < 0)
		die(EXIT_ERROR, "%s: %s", state, strerror(errno));
	own(in->state, state);
	if (run && run[0] == '/')
		in->status = open_folder(run);
	open_metrics(in);
}

/* -t: what would keep the service from its start, where it is to start. */
static void
check_export(struct opened *in)
{
	if (in->conf->export.url[0] == '\0')
		return;
	check_complete(in->conf);
	connect_http(in, true);
	open_metrics(in);
}

static void
enter_sandbox(const struct opened *in)
{
	enum gp_conf_sandbox how = in->conf->export.sandbox;
	struct profile_fds fds = {in->store, in->state, in->status,
	    in->metrics, in->http ? http_port(in->http) : 0};
	const char *step;
	int rc = profile_enter(&fds, how, &step);

	if (rc < 0)
		die(EXIT_ERROR, "%s: %s", step, strerror(-rc));
	if (how != GP_SANDBOX_FULL)
		gp_log(GP_LOG_WARNING,
		    "sandbox weakened by the configuration: %s",
		    how == GP_SANDBOX_OFF ? "off" : "seccomp only");
}

/* ---- status -------------------------------------------------------------- */

/* The file is another user's: it is looked at behind the sandbox. */
static _Noreturn void
print_status(struct opened *in)
{
	const char *run = getenv("RUNTIME_DIRECTORY");
	char path[PATH_MAX], *text = NULL, why[80];
	struct figures f;
	ssize_t len = 0;
	size_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/status",
	    run && run[0] == '/' ? run : RUN);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		die(EXIT_ERROR, "%s: %s%s", path, strerror(errno),
		    errno == ENOENT ? "; no exporter has run here" : "");
	text = calloc(1, FIGURES_FILE_MAX);
	if (text == NULL)
		die(EXIT_ERROR, "out of memory");
	enter_sandbox(in);
	len = gp_fd_read_full(fd, text, FIGURES_FILE_MAX);
	if (len < 0)
		die(EXIT_ERROR, "%s: %s", path, strerror((int)-len));
	if (figures_parse(text, (size_t)len, &f, why) < 0)
		die(EXIT_ERROR, "%s: %s", path, why);
	n = show_status(&f, gp_clock_real_ns() / GP_NS_PER_S, stdout);
	exit(gp_end_output("goprobe-export", n > 0 ? EXIT_ATTENTION : EXIT_FINE));
}

static void
catch_signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal};

	(void)sigaction(SIGTERM, &sa, NULL);
	(void)sigaction(SIGINT, &sa, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
}

static void
start(struct loop *l, const struct options *o, struct opened *in)
{
	const struct gp_conf *c = in->conf;
	char error[LEDGER_ERROR_MAX], target[1024];
	int rc;

	(void)snprintf(target, sizeof(target), "%.400s %s %.255s\n",
	    c->export.url, c->export.database, c->site.name);
	rc = ledger_open(in->state, target, &l->ship.ledger, error);
	if (rc < 0)
		die(EXIT_ERROR, "%s: %s", o->state ? o->state :
		    c->export.state, error);
	rc = godb_reader_openat(in->store, &l->ship.reader);
	if (rc < 0)
		die(EXIT_ERROR, "%s: %s", o->store ? o->store : c->store.path,
		    godb_strerror(rc));
	l->conf = c;
	l->notify = in->notify;
	l->ship.http = in->http;
	l->ship.site = c->site.name;
	l->ship.database = c->export.database;
	l->ship.batch_rows = l->ship.batch_now = c->export.batch_rows;
	l->ship.hourly = c->export.hourly;
	l->ship.stop = &stop;
	l->ship.progress = loop_progress;
	l->ship.progress_arg = l;
	l->pass.ship = &l->ship;
	l->report = (struct report){.status = in->status,
		.metrics = in->metrics, .metrics_name = in->metrics_name,
		.server = http_host(in->http), .pass = &l->pass,
		.forecast = {c, l->ship.reader, in->space}};
}

int
main(int argc, char **argv)
{
	struct opened in = {.store = -1, .space = -1, .state = -1,
		.status = -1, .metrics = -1};
	struct options o;
	struct loop l = {0};
	int status = EXIT_FINE;

	if (gp_fd_fill_std() < 0)
		return EXIT_ERROR;
	gp_log_open("goprobe-export", GP_LOG_INFO);
	options_parse(argc, argv, &o);
	in.conf = load_conf(&o);
	/* -c may have named some of it, nothing else does */
	if (gp_fd_close_others(NULL, 0) < 0)
		die(EXIT_ERROR, "what was inherited cannot be closed: %s",
		    strerror(errno));
	if (o.print)
		gp_conf_print(in.conf, stdout);
	if (o.check)
		check_export(&in);
	if (o.print || o.check)
		return gp_end_output("goprobe-export", EXIT_FINE);
	if (o.schema >= 0)
		print_schema(&o, in.conf);
	if (o.status)
		print_status(&in);
	check_complete(in.conf);
	catch_signals();
	in.notify = gp_notify_open(-1);
	connect_http(&in, false);
	if (o.init >= 0) {
		enter_sandbox(&in);
		run_init(&o, &in);
	}
	open_folders(&o, &in);
	enter_sandbox(&in);

	start(&l, &o, &in);
	if (!o.once)
		loop_run(&l);
	else if (loop_once(&l, o.clean) < 0)
		status = EXIT_ERROR;
	pass_fini(&l.pass);
	gp_fd_close(&in.space);
	ledger_close(l.ship.ledger);
	godb_reader_close(l.ship.reader);
	http_close(in.http);
	gp_conf_free(in.conf);
	return status;
}
