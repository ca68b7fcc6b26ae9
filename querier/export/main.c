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
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/conf.h"
#include "common/base/fd.h"
#include "common/base/log.h"
#include "common/base/notify.h"
#include "common/base/usage.h"
#include "querier/export/clean.h"
#include "querier/export/pass.h"
#include "querier/export/profile.h"
#include "querier/export/report.h"
#include "querier/export/schema.h"
#include "querier/export/secret.h"
#include "querier/export/server.h"
#include "querier/export/ship.h"
#include "querier/export/show.h"

#define RUN        "/run/goprobe-export"
#define BACKOFF_MIN_S  1
#define BACKOFF_MAX_S  300
#define CLEAN_EVERY_NS (3600 * GP_NS_PER_S)
#define CLEAN_AGE_S    3600 /* no insert takes so long to arrive */

enum { EXIT_FINE, EXIT_ERROR, EXIT_USAGE, EXIT_ATTENTION };

struct options {
	const char *conf_path, *store, *state, *cluster;
	int schema, init; /* enum schema_kind, -1: not asked */
	bool once, clean, check, print, status;
};

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

/* ---- command line -------------------------------------------------------- */

static _Noreturn void
usage(void)
{
	fputs("usage: goprobe-export [-c FILE] [-d STORE] [-s STATE] "
	      "[--once | --clean]\n"
	      "       goprobe-export --schema KIND [--cluster NAME]\n"
	      "       goprobe-export --init KIND [--cluster NAME]\n"
	      "       goprobe-export --status\n"
	      "       goprobe-export -t | -T | -V | -h\n"
	      "  -c FILE   configuration, default " GP_CONF_PATH "\n"
	      "  -d STORE  folder of the store, default from the configuration\n"
	      "  -s STATE  folder of what was shipped, likewise\n"
	      "  --once    ship what there is and exit\n"
	      "  --clean   the same; then have the server remove rows of "
	      "attempts that\n"
	      "            were given up, which a daemon does after an hour\n"
	      "  --schema  print the statements that make the tables\n"
	      "  --init    have the server make them\n"
	      "  KIND      single, sharded, replicated or modern\n"
	      "  --status  tell how the service does; 0 well, 3 something asks "
	      "for\n"
	      "            attention, 1 there is none\n"
	      "  -t        check the configuration and exit\n"
	      "  -T        print the effective configuration and exit\n",
	    stdout);
	exit(gp_end_output("goprobe-export", EXIT_FINE));
}

static int
parse_kind(const char *option, const char *text)
{
	for (int i = 0; i < SCHEMA_N_KINDS; i++)
		if (strcmp(text, schema_kind_name((enum schema_kind)i)) == 0)
			return i;
	die(EXIT_USAGE, "--%s %s: needs single, sharded, replicated or modern",
	    option, text);
}

enum { OPT_ONCE = 256, OPT_CLEAN, OPT_SCHEMA, OPT_INIT, OPT_CLUSTER,
	OPT_STATUS };

static const struct option long_options[] = {
    {"once", no_argument, NULL, OPT_ONCE},
    {"clean", no_argument, NULL, OPT_CLEAN},
    {"schema", required_argument, NULL, OPT_SCHEMA},
    {"init", required_argument, NULL, OPT_INIT},
    {"cluster", required_argument, NULL, OPT_CLUSTER},
    {"status", no_argument, NULL, OPT_STATUS},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void
parse_options(int argc, char **argv, struct options *o)
{
	int c;

	*o = (struct options){.schema = -1, .init = -1, .cluster = "goprobe"};
	while ((c = getopt_long(argc, argv, "c:d:s:tTVh", long_options,
		    NULL)) != -1) {
		if (optarg && !*optarg && c < 256)
			gp_usage_error("goprobe-export", "an empty value for",
			    (char[]){'-', (char)c, '\0'});
		switch (c) {
		case 'c':
			o->conf_path = optarg;
			break;
		case 'd':
			o->store = optarg;
			break;
		case 's':
			o->state = optarg;
			break;
		case 't':
			o->check = true;
			break;
		case 'T':
			o->print = true;
			break;
		case OPT_ONCE:
			o->once = true;
			break;
		case OPT_CLEAN:
			o->clean = o->once = true;
			break;
		case OPT_STATUS:
			o->status = true;
			break;
		case OPT_SCHEMA:
			o->schema = parse_kind("schema", optarg);
			break;
		case OPT_INIT:
			o->init = parse_kind("init", optarg);
			break;
		case OPT_CLUSTER:
			if (!schema_name_valid(optarg))
				die(EXIT_USAGE, "--cluster: needs a name of "
				    "letters, digits and _");
			o->cluster = optarg;
			break;
		case 'V':
			puts("goprobe-export " GODB_VERSION_STRING);
			exit(gp_end_output("goprobe-export", EXIT_FINE));
		case 'h':
			usage();
		default: /* getopt has named it */
			fputs("goprobe-export -h shows how\n", stderr);
			exit(EXIT_USAGE);
		}
	}
	if (optind != argc)
		gp_usage_error("goprobe-export", "unexpected", argv[optind]);
	if (o->once + o->status + (o->schema >= 0) + (o->init >= 0) +
	    (o->check || o->print) > 1)
		die(EXIT_USAGE, "one of --once or --clean, --schema, --init, "
		    "--status, -t and -T at a time");
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

/* ---- the loop ------------------------------------------------------------ */

struct loop {
	struct ship ship;
	struct pass pass;
	struct report report;
	const struct gp_conf *conf;
	struct gp_log_limit limit;
	int64_t cleaned_ns; /* CLOCK_MONOTONIC */
	int notify;
};

/* A signal ends it, also one that comes just before. */
static void
wait_ms(unsigned ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
	sigset_t ends, before;

	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGTERM);
	(void)sigaddset(&ends, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &ends, &before);
	if (!stop)
		(void)ppoll(NULL, 0, &t, &before);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
}

/* Half to one and a half of it, so that the sensors of a fleet do not come back
 * all at once. */
static unsigned
spread(unsigned ms)
{
	unsigned n;

	if (getrandom(&n, sizeof(n), 0) != (ssize_t)sizeof(n))
		return ms;
	return ms / 2 + n % (ms + 1);
}

static void
on_progress(void *arg)
{
	report_progress(&((struct loop *)arg)->report);
}

static void
clean(struct loop *l)
{
	char error[SHIP_ERROR_MAX];
	int64_t now = gp_clock_mono_ns();

	if (l->cleaned_ns && now - l->cleaned_ns < CLEAN_EVERY_NS)
		return;
	l->cleaned_ns = now;
	if (clean_dead(&l->ship, CLEAN_AGE_S, error) < 0)
		gp_log(GP_LOG_WARNING, "%s", error);
}

/* One look at the store; as pass_run() returns. */
static int
look(struct loop *l, char error[SHIP_ERROR_MAX])
{
	struct ship_counts before = l->ship.counts;
	int rc = pass_list(&l->pass, error);

	if (rc == 0)
		rc = server_check(&l->ship, error);
	if (rc == 0) {
		rc = pass_run(&l->pass, error);
		/* attempts that fail again and again leave most behind */
		if (!stop)
			clean(l);
	}
	if (l->ship.counts.records > before.records)
		gp_log(GP_LOG_INFO, "shipped blocks=%llu rows=%llu bytes=%llu",
		    (unsigned long long)(l->ship.counts.records -
			before.records),
		    (unsigned long long)(l->ship.counts.rows - before.rows),
		    (unsigned long long)(l->ship.counts.bytes - before.bytes));
	return rc;
}

static int
run_once(struct loop *l, bool cleaning)
{
	char error[SHIP_ERROR_MAX], why[SHIP_ERROR_MAX];
	int rc = look(l, error);

	if (rc != -1 && cleaning && clean_dead(&l->ship, 0, why) < 0) {
		memcpy(error, why, sizeof(error));
		rc = -1;
	}
	report_look(&l->report, rc == 0 ? "" : error, 0);
	report_end(&l->report);
	if (rc == -1) /* SHIP_STORE was told */
		gp_log(GP_LOG_ERR, "%s", error);
	return rc == 0 ? EXIT_FINE : EXIT_ERROR;
}

/* systemctl(1) shows it. */
static void
tell_status(const struct loop *l, const char *what, const char *error)
{
	char text[SHIP_ERROR_MAX + 64];

	(void)snprintf(text, sizeof(text), "STATUS=%s%s", what, error);
	(void)gp_notify_send(l->notify, text);
}

/* All was shipped that can be; what the store does not give may come back. */
static void
rest(struct loop *l, const char *error)
{
	report_look(&l->report, error, l->conf->export.interval);
	if (error[0])
		tell_status(l, "all other blocks shipped; ", error);
	else
		tell_status(l, "all blocks shipped", "");
	wait_ms(l->conf->export.interval * 1000);
}

static int
run_daemon(struct loop *l)
{
	char error[SHIP_ERROR_MAX];
	unsigned backoff = BACKOFF_MIN_S, pause_ms, pause;
	uint64_t shipped;
	int rc;

	(void)gp_notify_send(l->notify, "READY=1\nSTATUS=shipping");
	while (!stop) {
		shipped = l->ship.counts.records;
		rc = look(l, error);
		if (rc != -1) {
			backoff = BACKOFF_MIN_S;
			rest(l, rc == 0 ? "" : error);
			continue;
		}
		if (stop)
			break;
		if (l->ship.counts.records > shipped)
			backoff = BACKOFF_MIN_S;
		pause_ms = spread(backoff * 1000);
		pause = (pause_ms + 999) / 1000;
		report_look(&l->report, error, pause);
		if (gp_log_allow(&l->limit, 3))
			gp_log(GP_LOG_WARNING, "%s; next try in %u s", error,
			    pause);
		tell_status(l, "", error);
		wait_ms(pause_ms);
		backoff = backoff * 2 < BACKOFF_MAX_S ? backoff * 2 :
		    BACKOFF_MAX_S;
	}
	(void)gp_notify_send(l->notify, "STOPPING=1");
	report_end(&l->report);
	return EXIT_FINE;
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
	l->ship.progress = on_progress;
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
	int status;

	if (gp_fd_fill_std() < 0)
		return EXIT_ERROR;
	gp_log_open("goprobe-export", GP_LOG_INFO);
	parse_options(argc, argv, &o);
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
	status = o.once ? run_once(&l, o.clean) : run_daemon(&l);
	pass_fini(&l.pass);
	gp_fd_close(&in.space);
	ledger_close(l.ship.ledger);
	godb_reader_close(l.ship.reader);
	http_close(in.http);
	gp_conf_free(in.conf);
	return status;
}
