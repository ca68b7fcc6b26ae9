/*
 * goprobe-writer - receives flow snapshots from the captures and keeps them.
 *
 * Runs without any privilege: systemd, or the launcher `goprobe`, starts it as
 * its own user with the listening socket, the folder to write and what an
 * earlier writer left in the descriptor store.  See goprobe-writer(8).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/conf.h"
#include "common/base/fd.h"
#include "common/base/log.h"
#include "common/base/notify.h"
#include "common/base/sandbox.h"
#include "common/base/usage.h"
#include "writer/drain.h"
#include "writer/ingest.h"
#include "writer/maintain.h"
#include "writer/peers.h"
#include "writer/profile.h"
#include "writer/prune.h"
#include "writer/stats.h"

#define SOCKETS "/run/goprobe"
/* between two steps of retention when there is nothing else to do */
#define PRUNE_PAUSE_MS 10
/* after a connection that could not be accepted */
#define ACCEPT_PAUSE_NS GP_NS_PER_S
/* how long captures may take to send their last after the launcher's death */
#define ORPHAN_NS (15 * GP_NS_PER_S)

struct options {
	const char *conf_path; /* NULL: the site's, which may be missing */
	const char *store;
	const char *sandbox; /* offline */
	bool check, print;
	struct maintain maintain;
};

/* Everything passed in, and what was opened before the sandbox closed. */
struct inherited {
	struct gp_passed_fd *fds;
	int n;
	int store;   /* folder */
	int status;  /* folder for the status file, -1: none is written */
	bool service; /* of systemd: what the INI names is what should run */
	int metrics; /* folder of the Prometheus text, -1 likewise */
	char metrics_name[256];
	int listen;  /* captures connect here, -1 offline */
	int offline; /* the launcher's socketpair, -1 live */
	int alive;   /* hang-up: the launcher is gone */
	int notify;
	int signals;
};

static _Noreturn void
usage(void)
{
	fputs("usage: goprobe-writer [-c FILE] [-d STORE] [-t | -T | -V | -h]\n"
	      "       goprobe-writer [-c FILE] [-d STORE] [-S FOLDER] COMMAND "
	      "[--dry-run] [--yes]\n"
	      "  -c FILE   configuration, default " GP_CONF_PATH "\n"
	      "  -d STORE  folder of the store, default from the configuration\n"
	      "  -t        check the configuration and exit\n"
	      "  -T        print the effective configuration and exit\n"
	      "  -S FOLDER where the writers' sockets are, default " SOCKETS
	      "\n"
	      "Commands on a store:\n"
	      "  --prune       remove what is beyond retain_days, max_bytes "
	      "and min_free\n"
	      "  --clean TIME  remove days that end by then: 2026-11-24, -30d\n"
	      "  --wipe        remove everything\n"
	      "  --repair      take damage out of the indexes\n"
	      "  --rebuild-rollups, --rebuild-index\n"
	      "                make all hour and day roll-ups and address "
	      "indexes anew\n"
	      "  --dry-run     only say what would be done\n"
	      "  --yes         do not ask\n"
	      "Started by systemd or by goprobe(8), which pass the socket.\n",
	    stdout);
	exit(gp_end_output("goprobe-writer", 0));
}

static _Noreturn void
usage_error(const char *what, const char *arg)
{
	gp_usage_error("goprobe-writer", what, arg);
}

enum { OPT_PRUNE = 256, OPT_CLEAN, OPT_WIPE, OPT_REPAIR, OPT_REBUILD, OPT_DRY,
	OPT_YES, OPT_SANDBOX };

static const struct option long_options[] = {
    {"prune", no_argument, NULL, OPT_PRUNE},
    {"clean", required_argument, NULL, OPT_CLEAN},
    {"wipe", no_argument, NULL, OPT_WIPE},
    {"repair", no_argument, NULL, OPT_REPAIR},
    {"rebuild-rollups", no_argument, NULL, OPT_REBUILD},
    {"rebuild-index", no_argument, NULL, OPT_REBUILD},
    {"dry-run", no_argument, NULL, OPT_DRY},
    {"yes", no_argument, NULL, OPT_YES},
    {"sandbox", required_argument, NULL, OPT_SANDBOX}, {NULL, 0, NULL, 0}};

static void
set_command(struct maintain *m, enum maintain_command command)
{
	if (m->command != MAINTAIN_NONE && m->command != command)
		usage_error("one command at a time", NULL);
	m->command = command;
}

static void
parse_options(int argc, char **argv, struct options *o)
{
	int c;

	memset(o, 0, sizeof(*o));
	o->maintain.sockets = SOCKETS;
	while ((c = getopt_long(argc, argv, "c:d:S:tTVh", long_options,
		    NULL)) != -1) {
		if (optarg && !*optarg && c < 256)
			usage_error("an empty value for",
			    (char[]){'-', (char)c, '\0'});
		switch (c) {
		case OPT_PRUNE:
			set_command(&o->maintain, MAINTAIN_PRUNE);
			break;
		case OPT_CLEAN:
			set_command(&o->maintain, MAINTAIN_CLEAN);
			o->maintain.time = optarg;
			break;
		case OPT_WIPE:
			set_command(&o->maintain, MAINTAIN_WIPE);
			break;
		case OPT_REPAIR:
			set_command(&o->maintain, MAINTAIN_REPAIR);
			break;
		case OPT_REBUILD:
			set_command(&o->maintain, MAINTAIN_REBUILD);
			break;
		case OPT_SANDBOX: /* only goprobe says this */
			o->sandbox = optarg;
			break;
		case OPT_DRY:
			o->maintain.dry_run = true;
			break;
		case OPT_YES:
			o->maintain.yes = true;
			break;
		case 'S':
			o->maintain.sockets = optarg;
			break;
		case 'c':
			o->conf_path = optarg;
			break;
		case 'd':
			o->store = optarg;
			break;
		case 't':
			o->check = true;
			break;
		case 'T':
			o->print = true;
			break;
		case 'V':
			puts("goprobe-writer " GODB_VERSION_STRING);
			exit(gp_end_output("goprobe-writer", 0));
		case 'h':
			usage();
		default: /* getopt has named it */
			fputs("goprobe-writer -h shows how\n", stderr);
			exit(2);
		}
	}
	if (optind != argc)
		usage_error("unexpected", argv[optind]);
	if (o->maintain.command == MAINTAIN_NONE &&
	    (o->maintain.dry_run || o->maintain.yes))
		usage_error("--dry-run and --yes go with a command", NULL);
	if (o->maintain.command != MAINTAIN_NONE && (o->check || o->print))
		usage_error("-t and -T go without a command", NULL);
}

static _Noreturn void
die(const char *what, const char *why)
{
	gp_log(GP_LOG_ERR, "%s: %s", what, why);
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
	struct gp_conf *conf = load_configuration(o, false);

	if (conf == NULL)
		return 2;
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
	in->status = in->metrics = -1;
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
	}
	if (in->listen < 0 && in->offline < 0 && in->alive < 0)
		die("no socket was passed",
		    "start goprobe-writer.socket, or use goprobe");
	if (in->listen >= 0 &&
	    fcntl(in->listen, F_SETFL, O_NONBLOCK) < 0)
		die("listening socket", strerror(errno));
	in->notify = gp_notify_open();
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
	const char *path = conf->writer.metrics;
	const char *slash = strrchr(path, '/');
	char folder[4096];

	if (slash == NULL || in->listen < 0)
		return;
	if (!same_folder(in->store, conf->store.path)) {
		gp_log(GP_LOG_INFO, "no metrics are written: this is not the "
				    "configured store");
		return;
	}
	(void)snprintf(folder, sizeof(folder), "%.*s",
	    (int)(slash == path ? 1 : slash - path), path);
	(void)snprintf(in->metrics_name, sizeof(in->metrics_name), "%s",
	    slash + 1);
	if (strlen(path) >= sizeof(folder) || slash[1] == '\0' ||
	    strlen(slash + 1) > 240)
		die("[writer] metrics", "this cannot be a file's name");
	in->metrics = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (in->metrics < 0 ||
	    faccessat(in->metrics, ".", W_OK | X_OK, AT_EACCESS) < 0) {
		gp_log(GP_LOG_ERR, "[writer] metrics = %s: folder %s: %s", path,
		    folder, strerror(errno));
		exit(1);
	}
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
	struct godb_writer_opts opts = GODB_WRITER_OPTS_INIT;
	struct godb_writer *store;
	struct godb_diag diag = {0};
	int rc;

	opts.owner = "goprobe-writer";
	opts.compression = conf->store.compression == GP_COMPRESS_NONE ?
	    GODB_COMPRESS_NONE : GODB_COMPRESS_LZ4;
	rc = godb_writer_open(folder, &opts, &store, &diag);
	if (rc < 0)
		die(path, diag.text[0] ? diag.text : godb_strerror(rc));
	if (diag.text[0])
		gp_log(GP_LOG_WARNING, "%s: %s", path, diag.text);
	return store;
}

/* ---- loop ---------------------------------------------------------------- */

struct loop {
	struct inherited *in;
	struct peers peers;
	struct ingest ingest;
	struct drain drain;
	struct prune prune;
	struct stats stats;
	struct pollfd *polls;
	size_t *poll_peer; /* index of the peer behind a pollfd */
	bool stop;
	bool offline;
	int64_t orphaned_ns; /* the launcher died then; 0: it lives */
	int64_t accept_ns; /* connections wait until then */
	struct gp_log_limit upkeep_limit, accept_limit;
	int watchdog_ms;
	int64_t petted_ns;
	size_t told_captures; /* the supervisor, in its status line */
	int told_failing;
};

static void
read_signals(struct loop *l)
{
	struct signalfd_siginfo info;

	while (read(l->in->signals, &info, sizeof(info)) ==
	    (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGHUP)
			l->stop = true;
}

enum { POLL_SIGNALS, POLL_LISTEN, POLL_ALIVE, POLL_PEERS };

static size_t
fill_polls(struct loop *l)
{
	size_t n = POLL_PEERS;

	l->polls[POLL_SIGNALS] =
	    (struct pollfd){.fd = l->in->signals, .events = POLLIN};
	l->polls[POLL_LISTEN] = (struct pollfd){
	    .fd = gp_clock_mono_ns() < l->accept_ns ? -1 : l->in->listen,
	    .events = POLLIN};
	l->polls[POLL_ALIVE] = (struct pollfd){.fd = l->in->alive};
	for (size_t i = 0; i < l->peers.n_list; i++) {
		const struct peer *peer = &l->peers.list[i];

		if (peer->state == PEER_FREE || peer->conn < 0)
			continue;
		l->polls[n] =
		    (struct pollfd){.fd = peer->conn, .events = POLLIN};
		l->poll_peer[n++] = i;
	}
	return n;
}

/* One that cannot be accepted, for want of descriptors, stays there: poll(2)
 * would say so again and again. */
static void
accept_captures(struct loop *l)
{
	uint64_t before = peers_active(&l->peers) + l->peers.refused;
	int error;

	errno = 0;
	peers_accept(&l->peers);
	error = errno; /* of accept(2), which is the last that it does */
	if (peers_active(&l->peers) + l->peers.refused != before)
		return;
	l->accept_ns = gp_clock_mono_ns() + ACCEPT_PAUSE_NS;
	if (gp_log_allow(&l->accept_limit, 1))
		gp_log(GP_LOG_WARNING, "capture cannot be accepted "
		    "error=\"%s\": trying again", strerror(error));
}

static void
serve(struct loop *l, size_t n)
{
	if (l->polls[POLL_SIGNALS].revents)
		read_signals(l);
	if (l->polls[POLL_ALIVE].revents & (POLLHUP | POLLERR)) {
		/* the captures see it too and send what they have */
		gp_fd_close(&l->in->alive);
		l->orphaned_ns = gp_clock_mono_ns();
	}
	for (size_t i = POLL_PEERS; i < n; i++)
		if (l->polls[i].revents)
			peers_receive(&l->peers,
			    &l->peers.list[l->poll_peer[i]]);
	if (l->polls[POLL_LISTEN].revents)
		accept_captures(l);
}

static void
pet_watchdog(struct loop *l)
{
	int64_t now = gp_clock_mono_ns();

	if (l->watchdog_ms == 0 ||
	    now - l->petted_ns < (int64_t)l->watchdog_ms * 1000000)
		return;
	l->petted_ns = now;
	(void)gp_notify_send(l->in->notify, "WATCHDOG=1");
}

/* A step, where there is nothing else to do.  True: there is more of it. */
static bool
upkeep(struct loop *l)
{
	int rc = ingest_holding(&l->ingest) ? 0 :
	    godb_writer_upkeep(l->ingest.store,
		gp_clock_real_ns() / GP_NS_PER_S);

	if (rc < 0 && gp_log_allow(&l->upkeep_limit, 5))
		gp_log(GP_LOG_WARNING, "roll-ups or address indexes cannot be "
		    "written error=\"%s\": questions are answered without",
		    godb_strerror(rc));
	return rc != 0;
}

/* For `systemctl status`: a line when something else is true than before. */
static void
tell_state(struct loop *l)
{
	size_t n = peers_capturing(&l->peers);
	int failing = l->ingest.failing;
	char text[128];

	if (n == l->told_captures && failing == l->told_failing)
		return;
	l->told_captures = n;
	l->told_failing = failing;
	if (failing)
		(void)snprintf(text, sizeof(text),
		    "STATUS=the store cannot be written: %s; trying again",
		    godb_strerror(failing));
	else
		(void)snprintf(text, sizeof(text),
		    "STATUS=storing from %zu ring%s", n, n == 1 ? "" : "s");
	(void)gp_notify_send(l->in->notify, text);
}

/* Frames that came and that the store did not take; a capture that goes on has
 * others in its ring, which are the next writer's. */
static int
tell_left(struct loop *l)
{
	int first = 0;

	for (size_t i = 0; i < l->peers.n_list; i++) {
		const struct peer *peer = &l->peers.list[i];
		int rc = ingest_held(&l->ingest, peer->iface);

		if ((peer->state != PEER_ORPHAN &&
			(peer->state != PEER_ACTIVE || rc == 0)) ||
		    ring_backlog(&peer->ring) == 0)
			continue;
		rc = rc ? rc : ingest_held_any(&l->ingest, peer->iface);
		rc = rc ? rc : -ETIMEDOUT;
		first = first ? first : rc;
		gp_log(GP_LOG_ERR, "frames were not stored iface=%s bytes=%llu "
		    "error=\"%s\"", peer->iface,
		    (unsigned long long)ring_backlog(&peer->ring),
		    godb_strerror(rc));
	}
	return first;
}

static bool
captures_go_on(const struct loop *l)
{
	for (size_t i = 0; i < l->peers.n_list; i++)
		if (l->peers.list[i].state == PEER_ACTIVE &&
		    !l->peers.list[i].last_seen)
			return true;
	return false;
}

/* Captures stop before the writer; what they sent last may still be in the
 * rings.  Blocks are finished only when nobody is left to add to them. */
static int
finish(struct loop *l)
{
	int64_t until = gp_clock_mono_ns() + 10 * GP_NS_PER_S;
	bool more;
	int left, rc;

	(void)gp_notify_send(l->in->notify, "STOPPING=1");
	ingest_hurry(&l->ingest);
	do {
		more = drain_turn(&l->drain);
		if (ingest_tick(&l->ingest, peers_closed, &l->peers))
			more = true;
	} while (more && gp_clock_mono_ns() < until);
	left = tell_left(l);
	if (captures_go_on(l)) {
		rc = godb_writer_sync(l->ingest.store);
		return rc < 0 ? rc : left;
	}
	rc = ingest_commit_all(&l->ingest, NULL);
	/* a replay is over when nobody is in a hurry */
	while (l->offline && !l->stop && upkeep(l))
		read_signals(l);
	return rc < 0 ? rc : left;
}

static int
run(struct loop *l)
{
	bool more = false, pruning = false, keeping = false;

	while (!l->stop) {
		size_t n = fill_polls(l);
		int timeout = more || keeping ? 0 :
		    pruning		      ? PRUNE_PAUSE_MS : 500;

		if (poll(l->polls, n, timeout) < 0 && errno != EINTR)
			return -errno;
		serve(l, n);
		peers_tick(&l->peers);
		more = drain_turn(&l->drain);
		if (ingest_tick(&l->ingest, peers_closed, &l->peers))
			more = true;
		if (!l->offline)
			pruning = prune_tick(&l->prune);
		keeping = !more && upkeep(l);
		stats_tick(&l->stats, &l->peers, &l->ingest);
		tell_state(l);
		pet_watchdog(l);
		if ((l->offline || l->orphaned_ns) &&
		    peers_active(&l->peers) == 0)
			break;
		if (l->orphaned_ns &&
		    gp_clock_mono_ns() - l->orphaned_ns > ORPHAN_NS)
			break;
	}
	return finish(l);
}

static void
start_stats(struct loop *l, const struct gp_conf *conf, const char *store,
    int landlock_abi)
{
	struct stats_opts o = {
		.conf = conf,
		.store = store,
		.sandbox = conf->writer.sandbox,
		.all = l->in->service,
		.landlock_abi = landlock_abi,
		.status_dir = l->in->status,
		.metrics_dir = l->in->metrics,
		.metrics_name = l->in->metrics_name,
	};

	if (stats_init(&l->stats, &o) < 0)
		die("start", "out of memory");
}

/* Everything that the loop has but its figures, before there is a session. */
static void
make_loop(struct loop *l, struct inherited *in, struct godb_writer *store,
    const struct gp_conf *conf)
{
	struct stat folder;

	l->in = in;
	l->offline = in->listen < 0;
	l->polls = calloc(PEERS_MAX + POLL_PEERS, sizeof(*l->polls));
	l->poll_peer = calloc(PEERS_MAX + POLL_PEERS, sizeof(*l->poll_peer));
	ingest_init(&l->ingest, store, &l->stats, conf->writer.sync_interval);
	if (l->polls == NULL || l->poll_peer == NULL ||
	    peers_init(&l->peers, store, &l->stats, in->listen,
		in->notify) < 0 ||
	    drain_init(&l->drain, &l->peers, &l->ingest, &l->stats, conf) < 0)
		die("start", "out of memory");
	if (fstat(in->store, &folder) == 0) {
		l->peers.store_dev = folder.st_dev;
		l->peers.store_ino = folder.st_ino;
	}
	prune_init(&l->prune, store, conf, &l->peers, in->store);
}

/* What the writer before us had, and what the launcher has for us. */
static void
take_up_sessions(struct loop *l)
{
	const struct inherited *in = l->in;

	peers_adopt(&l->peers, in->fds, (size_t)in->n);
	if (!l->offline)
		drain_forsaken(&l->drain);
	if (in->offline >= 0 &&
	    peers_add_inherited(&l->peers, in->offline) < 0)
		die("start", "no room for the offline session");
}

static void
end_loop(struct loop *l)
{
	prune_fini(&l->prune);
	drain_fini(&l->drain);
	ingest_fini(&l->ingest);
	stats_fini(&l->stats);
}

int
main(int argc, char **argv)
{
	struct options o;
	struct inherited in = {0};
	struct loop l = {0};
	struct gp_conf *conf;
	struct godb_writer *store;
	const char *path;
	char *full_path;
	int landlock_abi, rc;

	if (gp_fd_fill_std() < 0)
		return 1;
	gp_log_open("goprobe-writer", GP_LOG_INFO);
	tune_heap();
	parse_options(argc, argv, &o);
	if (o.check || o.print)
		return check_configuration(&o);
	if (o.maintain.command != MAINTAIN_NONE)
		return maintain(&o);
	take_inherited(&in);
	conf = load_configuration(&o, in.listen >= 0);
	if (conf == NULL)
		return 2;
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
	in.signals = open_signals();
	l.watchdog_ms = gp_notify_watchdog_ms();
	enter_sandbox(&in, conf->writer.sandbox);

	store = open_store(in.store, path, conf);
	make_loop(&l, &in, store, conf);
	start_stats(&l, conf, full_path ? full_path : path, landlock_abi);
	take_up_sessions(&l);
	stats_write(&l.stats, &l.peers, &l.ingest, true);
	(void)gp_notify_send(in.notify, "READY=1\nSTATUS=storing");

	rc = run(&l);
	stats_write(&l.stats, &l.peers, &l.ingest, false);
	if (rc < 0)
		gp_log(GP_LOG_ERR, "not everything could be stored: %s",
		    godb_strerror(rc));
	end_loop(&l);
	free(full_path);
	godb_writer_close(store);
	gp_conf_free(conf);
	return rc < 0 ? 1 : 0;
}
