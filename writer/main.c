/*
 * goprobe-writer - receives flow snapshots from the captures and keeps them.
 *
 * Runs without any privilege: systemd, or the launcher `goprobe`, starts it as
 * its own user with the listening socket, the folder to write and what an
 * earlier writer left in the descriptor store.  See goprobe-writer(8).
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/conf.h"
#include "common/base/fd.h"
#include "common/base/log.h"
#include "common/base/notify.h"
#include "common/base/sandbox.h"
#include "common/base/usage.h"
#include "writer/loop.h"
#include "writer/maintain.h"
#include "writer/options.h"
#include "writer/profile.h"
#include "writer/storeopts.h"

#define PAUSE_MS 2000

/* systemd starts the writer again at once, as it should after a kill; one that
 * cannot begin would be ten lines a second. */
static struct {
	bool wanted;
	int signals; /* until one comes */
} before_exit = {.signals = -1};

static _Noreturn void
die(const char *what, const char *why)
{
	struct pollfd p = {.fd = before_exit.signals, .events = POLLIN};

	gp_log(GP_LOG_ERR, "%s: %s", what, why);
	if (before_exit.wanted)
		(void)poll(&p, 1, PAUSE_MS);
	exit(1);
}

/* A sensor that captures live obeys root's file alone. */
static struct gp_conf *
load_configuration(const struct options *o, bool root_owned)
{
	char error[512];
	struct gp_conf *conf =
	    gp_conf_load(o->conf_path ? o->conf_path : GP_CONF_PATH,
		o->conf_path == NULL, root_owned, error);

	if (conf == NULL)
		gp_log(GP_LOG_ERR, "%s", error);
	return conf;
}

static bool
own_sandbox(struct gp_conf *conf, const char *asked)
{
	char error[512];

	if (gp_conf_own_sandbox(conf, asked, error) == 0)
		return true;
	gp_log(GP_LOG_ERR, "%s", error);
	return false;
}

static int
check_configuration(const struct options *o)
{
	struct gp_conf *conf = load_configuration(o, o->check &&
	    gp_conf_check_owner(o->conf_path ? o->conf_path : GP_CONF_PATH));
	char error[512];

	if (conf == NULL)
		return 2;
	if (o->check && gp_conf_check_metrics(conf, error) < 0) {
		gp_log(GP_LOG_ERR, "%s", error);
		gp_conf_free(conf);
		return 2;
	}
	if (o->print)
		gp_conf_print(conf, stdout);
	gp_conf_free(conf);
	return gp_end_output("goprobe-writer", 0);
}

static int
maintain(const struct options *o)
{
	struct maintain m = o->maintain;
	struct gp_conf *conf = load_configuration(o, false);
	int status;

	if (conf == NULL)
		return 2;
	if (!own_sandbox(conf, o->sandbox)) {
		gp_conf_free(conf);
		return 2;
	}
	m.conf = conf;
	m.store = o->store ? o->store : conf->store.path;
	status = maintain_run(&m);
	gp_conf_free(conf);
	return status;
}

/*
 * Writing a block takes and gives back the same few MiB for every chunk: they
 * stay with the process instead of coming from the kernel, page by page, each
 * time.  Rows are larger and grow by moving pages, which only mmap'd memory
 * can.
 */
#define KEPT_BYTES (32 << 20)
#define ROWS_BYTES (4 << 20)

static void
tune_heap(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, ROWS_BYTES);
	(void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
}

/* ---- start, in the order of privilege ----------------------------------- */

static void
take_inherited(struct inherited *in)
{
	in->store = in->listen = in->offline = in->alive = -1;
	in->status = in->metrics = in->notify = -1;
	in->n = gp_notify_listen_fds(&in->fds);
	if (in->n < 0 ||
	    close_range((unsigned)(GP_LISTEN_FDS_START + in->n), ~0U, 0) < 0)
		die("passed descriptors", strerror(in->n < 0 ? -in->n : errno));
	for (int i = 0; i < in->n; i++) {
		const char *name = in->fds[i].name;

		if (strcmp(name, "store") == 0)
			in->store = in->fds[i].fd;
		else if (strcmp(name, "status") == 0)
			in->status = in->fds[i].fd;
		else if (strcmp(name, "listen") == 0)
			in->listen = in->fds[i].fd;
		else if (strcmp(name, "offline") == 0)
			in->offline = in->fds[i].fd;
		else if (strcmp(name, "alive") == 0)
			in->alive = in->fds[i].fd;
		else if (strcmp(name, GP_NOTIFY_NAME) == 0)
			in->notify = in->fds[i].fd;
	}
	if (in->listen < 0 && in->offline < 0 && in->alive < 0)
		die("no socket was passed",
		    "start goprobe-writer.socket, or use goprobe");
	if (in->listen >= 0 &&
	    fcntl(in->listen, F_SETFL, O_NONBLOCK) < 0)
		die("listening socket", strerror(errno));
	in->notify = gp_notify_open(in->notify);
	if (in->notify < -1)
		die("NOTIFY_SOCKET", strerror(-in->notify));
}

static int
open_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		die(path, strerror(errno));
	return fd;
}

/* systemd makes the folder (RuntimeDirectory=); the launcher passes one. */
static void
open_status_folder(struct inherited *in)
{
	const char *path = getenv("RUNTIME_DIRECTORY");

	if (in->status < 0 && in->listen >= 0 && path && path[0] == '/') {
		in->status = open_folder(path);
		in->service = true;
	}
}

static bool
same_folder(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* A replay, or a run beside the site's sensor, must not take its place. */
static void
open_metrics_folder(struct inherited *in, const struct gp_conf *conf)
{
	char folder[GP_CONF_PATH_MAX], what[512];
	int rc = gp_conf_metrics(conf, folder, in->metrics_name);

	if (rc == 0 || in->listen < 0)
		return;
	if (rc < 0)
		die("[writer] metrics", "this cannot be a file's name");
	if (!same_folder(in->store, conf->store.path)) {
		gp_log(GP_LOG_INFO, "no metrics are written: this is not the "
				    "configured store");
		return;
	}
	in->metrics = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (in->metrics >= 0 &&
	    faccessat(in->metrics, ".", W_OK | X_OK, AT_EACCESS) == 0)
		return;
	(void)snprintf(what, sizeof(what), "[writer] metrics = %.200s: folder "
	    "%.200s", conf->writer.metrics, folder);
	die(what, strerror(errno));
}

static int
open_signals(void)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		die("signalfd", strerror(errno));
	return fd;
}

/* From here on nothing but the store and the two folders beside it can be
 * reached. */
static void
enter_sandbox(const struct inherited *in, enum gp_conf_sandbox how)
{
	static const char *const words[] = {
	    [GP_SANDBOX_FULL] = "full",
	    [GP_SANDBOX_SECCOMP] = "seccomp only",
	    [GP_SANDBOX_OFF] = "off",
	};
	const struct profile_fds fds = {
	    .store = in->store,
	    .status = in->status,
	    .metrics = in->metrics,
	    .notify = in->notify,
	};
	int abi = gp_sandbox_landlock_abi();
	const char *step;
	int rc;

	if (geteuid() == 0)
		die("refusing to run as root",
		    "goprobe-writer is started as its own user");
	rc = profile_enter(&fds, how, &step);
	if (rc < 0)
		die(step, strerror(-rc));
	if (how != GP_SANDBOX_FULL)
		gp_log(GP_LOG_WARNING, "sandbox weakened: %s", words[how]);
	else if (in->listen >= 0)
		gp_log(GP_LOG_INFO, "sandbox full, Landlock ABI %d", abi);
}

static struct godb_writer *
open_store(int folder, const char *path, const struct gp_conf *conf)
{
	struct godb_writer_opts opts = store_opts(conf, "goprobe-writer");
	struct godb_writer *store;
	struct godb_diag diag = {0};
	int rc;

	rc = godb_writer_open(folder, &opts, &store, &diag);
	if (rc < 0)
		die(path, diag.text[0] ? diag.text : godb_strerror(rc));
	if (diag.text[0])
		gp_log(GP_LOG_WARNING, "%s: %s", path, diag.text);
	return store;
}

int
main(int argc, char **argv)
{
	struct options o;
	struct inherited in = {0};
	struct loop *loop;
	struct gp_conf *conf;
	struct godb_writer *store;
	const char *path;
	char *full_path;
	int landlock_abi, rc;

	if (gp_fd_fill_std() < 0)
		return 1;
	gp_log_open("goprobe-writer", GP_LOG_INFO);
	tune_heap();
	options_parse(argc, argv, &o);
	if (o.check || o.print)
		return check_configuration(&o);
	if (o.maintain.command != MAINTAIN_NONE)
		return maintain(&o);
	take_inherited(&in);
	conf = load_configuration(&o, in.listen >= 0);
	if (conf == NULL)
		return 2;
	before_exit.wanted = in.listen >= 0 && getenv("RUNTIME_DIRECTORY");
	if (in.listen >= 0 && o.sandbox)
		die("--sandbox", "a sensor obeys root's configuration alone");
	if (in.listen < 0 && !own_sandbox(conf, o.sandbox))
		return 2;
	path = o.store ? o.store : conf->store.path;
	if (in.store < 0)
		in.store = open_folder(path);
	open_status_folder(&in);
	open_metrics_folder(&in, conf);
	full_path = realpath(path, NULL);
	landlock_abi = gp_sandbox_landlock_abi();
	in.signals = before_exit.signals = open_signals();
	in.watchdog_ms = gp_notify_watchdog_ms();
	enter_sandbox(&in, conf->writer.sandbox);

	store = open_store(in.store, path, conf);
	rc = loop_new(&in, store, conf, full_path ? full_path : path,
	    landlock_abi, &loop);
	if (rc < 0)
		die("start", rc == -ENOSPC ? "no room for the offline session" :
					     "out of memory");
	(void)gp_notify_send(in.notify, "READY=1\nSTATUS=storing");

	rc = loop_run(loop);
	if (rc < 0)
		gp_log(GP_LOG_ERR, "not everything could be stored: %s",
		    godb_strerror(rc));
	loop_free(loop);
	free(full_path);
	godb_writer_close(store);
	gp_conf_free(conf);
	return rc < 0 ? 1 : 0;
}
