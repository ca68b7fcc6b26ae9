/*
 * goprobe - the sensor from the command line: starts, watches and stops
 * goprobe-capture and goprobe-writer where systemd does not.
 *
 *   goprobe [-c FILE] [-d STORE] IFACE...              live, as root
 *   goprobe [-c FILE] [-d STORE] -i NAME -r FILE...    from files, as anyone
 *
 * The processes are the ones that systemd starts, with the same privileges
 * and protocols; nothing here reads a packet.  See goprobe(8).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <net/if.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/exits.h"
#include "capture/status_folder.h"
#include "capture/supervise.h"
#include "common/base/clock.h"
#include "common/base/conf.h"
#include "common/base/fd.h"
#include "common/base/log.h"
#include "common/base/usage.h"

#define RUN_FOLDER "/run/goprobe"
#define STOP_CAPTURE_MS 15000
#define STOP_WRITER_MS 120000

struct options {
	const char *conf_path;
	const char *store;
	const char *iface; /* offline: name to store under */
	const char **files;
	size_t n_files;
	const char *l7;
	const char *sandbox; /* offline */
	bool append;
	bool check, print;
	char **ifaces; /* live */
	size_t n_ifaces;
};

static _Noreturn void __attribute__((format(printf, 2, 3)))
die(int status, const char *fmt, ...)
{
	va_list ap;

	fputs("goprobe: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(status);
}

/* ---- options ------------------------------------------------------------- */

static const char help[] =
    "usage: goprobe [-c FILE] [-d STORE] IFACE...\n"
    "       goprobe [-c FILE] [-d STORE] -i NAME [--append] -r FILE...\n"
    "\n"
    "Live (as root): captures on every IFACE until SIGINT, SIGTERM or SIGHUP.\n"
    "Offline (as anyone): replays capture files into interface NAME.\n"
    "\n"
    "  -c FILE        configuration, default " GP_CONF_PATH "\n"
    "  -d STORE       folder of the store, default from the configuration\n"
    "  -i NAME        offline: interface that the files stand for\n"
    "  -r FILE        offline: pcap or pcapng file; again for more; - is stdin\n"
    "  --append       offline: add to blocks that exist already\n"
    "  --l7 ndpi|off  layer 7 for this run\n"
    "  --sandbox full|seccomp   offline: seccomp goes without Landlock\n"
    "  -t, -T         check the configuration; print its effective values\n"
    "  -V, -h         version; this text\n"
    "\n"
    "Examples:\n"
    "  goprobe eth0 eth1\n"
    "  goprobe -d /tmp/flows -i eth0 -r monday.pcap -r tuesday.pcapng\n"
    "  zcat huge.pcap.gz | goprobe -d /tmp/flows -i eth0 -r -\n"
    "Then: goquery -d /tmp/flows -i eth0 -f 0 talk_conv\n";

static _Noreturn void
usage_error(const char *what, const char *arg)
{
	gp_usage_error("goprobe", what, arg);
}

static void
add_file(struct options *o, const char *name)
{
	const char **grown = reallocarray(o->files, o->n_files + 1,
	    sizeof(*grown));

	if (grown == NULL)
		die(1, "out of memory");
	for (size_t i = 0; i < o->n_files; i++)
		if (strcmp(name, "-") == 0 && strcmp(grown[i], "-") == 0)
			usage_error("-r - stands twice", NULL);
	grown[o->n_files++] = name;
	o->files = grown;
}

static void
check_combination(const struct options *o)
{
	const char *more = o->n_ifaces > 0 ? o->ifaces[0] :
	    o->n_files > 0		   ? o->files[0] :
					     o->iface;

	if ((o->check || o->print) && more)
		usage_error("-t and -T take -c FILE alone; unexpected", more);
	if (o->check || o->print)
		return;
	if (o->n_files == 0 && o->n_ifaces == 0)
		usage_error("no interface and no file", NULL);
	if (o->n_files > 0 && o->n_ifaces > 0)
		usage_error("either interfaces or -r files; unexpected",
		    o->ifaces[0]);
	if (o->n_files > 0 && o->iface == NULL)
		usage_error("-r needs -i NAME to store under", NULL);
	if (o->n_files == 0 && (o->iface || o->append))
		usage_error(o->iface ? "-i goes with -r; for live capture just"
				       " name the interface"
				     : "--append goes with -r",
		    o->iface);
	if (o->iface && !gp_addr_iface_valid(o->iface))
		usage_error("not an interface name", o->iface);
	if (o->iface && (strcmp(o->iface, "any") == 0 ||
			    strpbrk(o->iface, ",*") != NULL))
		usage_error("-i names one interface, as eth0 is, not",
		    o->iface);
	for (size_t i = 0; i < o->n_ifaces; i++) {
		const char *name = o->ifaces[i];

		if (if_nametoindex(name) == 0 && access(name, F_OK) == 0)
			usage_error("-r replays a file; no interface is called",
			    name);
		if (!gp_addr_iface_valid(name))
			usage_error("not an interface name", name);
		for (size_t k = 0; k < i; k++)
			if (strcmp(name, o->ifaces[k]) == 0)
				usage_error("interface stands twice", name);
	}
	if (o->sandbox && o->n_files == 0)
		usage_error("--sandbox goes with -r; live capture obeys root's "
			    "configuration alone", NULL);
	if (o->l7 && strcmp(o->l7, "off") != 0 && strcmp(o->l7, "ndpi") != 0)
		usage_error("--l7 is ndpi or off, not", o->l7);
}

static void
parse_options(int argc, char **argv, struct options *o)
{
	enum { OPT_APPEND = 256, OPT_L7, OPT_SANDBOX };
	static const struct option longs[] = {
	    {"append", no_argument, NULL, OPT_APPEND},
	    {"l7", required_argument, NULL, OPT_L7},
	    {"sandbox", required_argument, NULL, OPT_SANDBOX},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {NULL, 0, NULL, 0},
	};
	int c;

	memset(o, 0, sizeof(*o));
	while ((c = getopt_long(argc, argv, "c:d:i:r:tTVh", longs, NULL)) !=
	    -1) {
		if (optarg && !*optarg && c < 256)
			usage_error("an empty value for",
			    (char[]){'-', (char)c, '\0'});
		switch (c) {
		case 'c':
			if (strcmp(optarg, "onfig") == 0)
				usage_error("the configuration goes by -c FILE,"
					    " not -config", NULL);
			o->conf_path = optarg;
			break;
		case 'd':
			o->store = optarg;
			break;
		case 'i':
			o->iface = optarg;
			break;
		case 'r':
			add_file(o, optarg);
			break;
		case OPT_APPEND:
			o->append = true;
			break;
		case OPT_L7:
			o->l7 = optarg;
			break;
		case OPT_SANDBOX:
			o->sandbox = optarg;
			break;
		case 't':
			o->check = true;
			break;
		case 'T':
			o->print = true;
			break;
		case 'V':
			puts("goprobe " GP_VERSION);
			exit(gp_end_output("goprobe", 0));
		case 'h':
			fputs(help, stdout);
			exit(gp_end_output("goprobe", 0));
		default: /* getopt has named it */
			fputs("goprobe -h shows how\n", stderr);
			exit(EXIT_USAGE);
		}
	}
	o->ifaces = argv + optind;
	o->n_ifaces = (size_t)(argc - optind);
	check_combination(o);
}

/* ---- users and the store's folder ---------------------------------------- */

struct ids {
	uid_t uid;
	gid_t gid;
};

static bool
lookup_user(const char *user, const char *group, struct ids *out)
{
	const struct passwd *pw = getpwnam(user);
	const struct group *gr;

	if (pw == NULL || pw->pw_uid == 0)
		return false;
	out->uid = pw->pw_uid;
	out->gid = pw->pw_gid;
	if (group != NULL) {
		gr = getgrnam(group);
		if (gr == NULL)
			return false;
		out->gid = gr->gr_gid;
	}
	return out->gid != 0;
}

static struct ids
nobody(void)
{
	struct ids ids;

	if (!lookup_user("nobody", "nogroup", &ids))
		ids = (struct ids){65534, 65534};
	return ids;
}

/* Whose the writer is: goprobe:goprobe-read, or nobody's where the sensor is
 * not installed. */
static struct ids
writer_ids(void)
{
	struct ids ids;

	if (!lookup_user("goprobe", "goprobe-read", &ids))
		ids = nobody();
	return ids;
}

static bool
folder_is_empty(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *e;
	bool empty = true;

	if (dir == NULL) {
		gp_fd_close(&copy);
		return false;
	}
	while (empty && (e = readdir(dir)) != NULL)
		empty = strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0;
	(void)closedir(dir);
	return empty;
}

/*
 * Opens the store's folder, making it when it is missing.  A new one is given
 * to `fresh`; *owner is who the store belongs to in the end.
 */
static int
open_store(const char *path, struct ids fresh, struct ids *owner)
{
	bool made = mkdir(path, 0750) == 0;
	struct stat st;
	int fd;

	if (!made && errno != EEXIST)
		die(1, "%s: cannot make the store's folder: %s", path,
		    strerror(errno));
	/* root gives away what it finds here: not by way of a stranger's link */
	if (geteuid() == 0 && lstat(path, &st) == 0 && S_ISLNK(st.st_mode) &&
	    st.st_uid != 0)
		die(1, "%s: a symbolic link of user %u's", path,
		    (unsigned)st.st_uid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
		(made ? O_NOFOLLOW : 0));
	if (fd < 0)
		die(1, "%s: %s", path,
		    errno == ENOTDIR ? "not a folder" : strerror(errno));
	if (fstat(fd, &st) < 0)
		die(1, "%s: %s", path, strerror(errno));
	if (geteuid() == 0 && st.st_uid == 0) {
		if (!made && !folder_is_empty(fd))
			die(1, "%s: belongs to root; a store belongs to the "
			       "user that writes it",
			    path);
		if (fchown(fd, fresh.uid, fresh.gid) < 0 ||
		    fchmod(fd, 0750) < 0)
			die(1, "%s: %s", path, strerror(errno));
		st.st_uid = fresh.uid;
		st.st_gid = fresh.gid;
	}
	owner->uid = st.st_uid;
	owner->gid = st.st_gid ? st.st_gid : fresh.gid;
	return fd;
}

/* ---- common to both modes ------------------------------------------------ */

#define ARGS_MAX 16

/* NULL-terminated argument list from a NULL-terminated parameter list; `more`
 * (may be NULL) follows. */
static char **
make_argv(const char *const *first, const char *const *more, size_t n_more)
{
	char **argv;
	size_t n = 0, k = 0;

	while (first[n])
		n++;
	argv = calloc(n + n_more + 1, sizeof(*argv));
	if (argv == NULL)
		die(1, "out of memory");
	for (size_t i = 0; i < n; i++)
		argv[k++] = strdup(first[i]);
	for (size_t i = 0; i < n_more; i++)
		argv[k++] = strdup(more[i]);
	for (size_t i = 0; i < k; i++)
		if (argv[i] == NULL)
			die(1, "out of memory");
	return argv;
}

static struct stored_fd
named(const char *name, int fd)
{
	struct stored_fd out = {.fd = fd};

	(void)snprintf(out.name, sizeof(out.name), "%s", name);
	return out;
}

static void
start(struct supervisor *s, struct child *c)
{
	int rc = supervise_start(s, c);

	if (rc < 0)
		die(1, "%s: %s", c->program, strerror(-rc));
}

static int
exit_status(const struct child *c)
{
	/* 75 tells a supervisor to try again: that is us */
	if (WIFEXITED(c->status))
		return WEXITSTATUS(c->status) == EXIT_AGAIN
		    ? 1 : WEXITSTATUS(c->status);
	fprintf(stderr, "goprobe: %s was killed by signal %d (%s)\n",
	    c->program, WTERMSIG(c->status), strsignal(WTERMSIG(c->status)));
	return 1;
}

/* The writer did not get ready: it ended by itself, or we were told to stop and
 * end it, so that whoever comes next finds the store free.  The exit status;
 * `told` when it was us. */
static int
end_unready(struct supervisor *s, struct child *writer, int told)
{
	int status = writer->gone ? exit_status(writer) : told;

	supervise_stop(s, writer, STOP_WRITER_MS);
	return status;
}

/* ---- live ---------------------------------------------------------------- */

static char socket_path[sizeof(((struct sockaddr_un *)0)->sun_path)];

static void
remove_socket(void)
{
	if (socket_path[0])
		(void)unlink(socket_path);
}

/* Only root can connect: a folder that only root writes, a socket that only
 * root opens. */
static int
listen_for_captures(void)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct stat st;
	mode_t mask;
	int fd;

	if (mkdir(RUN_FOLDER, 0755) < 0 && errno != EEXIST)
		die(1, RUN_FOLDER ": %s", strerror(errno));
	if (lstat(RUN_FOLDER, &st) < 0 || !S_ISDIR(st.st_mode) ||
	    st.st_uid != 0 || (st.st_mode & 022) != 0)
		die(1, RUN_FOLDER ": must be a folder of root's that nobody "
				  "else can write");
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/launcher.%d.sock",
	    RUN_FOLDER, getpid());
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die(1, "socket: %s", strerror(errno));
	(void)unlink(sa.sun_path);
	mask = umask(0177);
	if (bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(fd, 1024) < 0)
		die(1, "%s: %s", sa.sun_path, strerror(errno));
	(void)umask(mask);
	(void)snprintf(socket_path, sizeof(socket_path), "%s", sa.sun_path);
	(void)atexit(remove_socket);
	return fd;
}

static void
check_live(const struct options *o)
{
	struct ids ids;

	if (geteuid() != 0)
		die(EXIT_NOT_ROOT, "live capture must be started by root");
	if (!lookup_user("goprobe", "goprobe-read", &ids) ||
	    !lookup_user("goprobe-capture", NULL, &ids))
		die(1, "users goprobe and goprobe-capture and group "
		       "goprobe-read must exist: run systemd-sysusers with "
		       "systemd/goprobe.sysusers, or make users");
	for (size_t i = 0; i < o->n_ifaces; i++)
		if (if_nametoindex(o->ifaces[i]) == 0)
			die(1, "%s: no such interface", o->ifaces[i]);
}

static struct child
capture_child(const struct options *o, const char *iface)
{
	const char *args[ARGS_MAX] = {"goprobe-capture", "-S", socket_path};
	size_t n = 3;

	if (o->conf_path) {
		args[n++] = "-c";
		args[n++] = o->conf_path;
	}
	if (o->l7) {
		args[n++] = "--l7";
		args[n++] = o->l7;
	}
	args[n++] = "--";
	args[n++] = iface;
	return (struct child){
	    .program = "goprobe-capture",
	    .label = iface,
	    .argv = make_argv(args, NULL, 0),
	    .wanted = true,
	};
}

static struct child
writer_child(const struct options *o, const char *store_path, struct ids ids,
    const struct stored_fd *given, size_t n_given)
{
	const char *args[ARGS_MAX] = {"goprobe-writer", "-d", store_path};
	size_t n = 3;

	if (o->conf_path) {
		args[n++] = "-c";
		args[n++] = o->conf_path;
	}
	if (o->sandbox) {
		args[n++] = "--sandbox";
		args[n++] = o->sandbox;
	}
	return (struct child){
	    .program = "goprobe-writer",
	    .argv = make_argv(args, NULL, 0),
	    .uid = geteuid() == 0 ? ids.uid : 0,
	    .gid = ids.gid,
	    .given = given,
	    .n_given = n_given,
	    .wanted = true,
	};
}

/* A writer that died is started once more, whatever it is paused for: nobody
 * else takes what is in the rings. */
static void
revive_writer(struct supervisor *s)
{
	struct child *writer = &s->children[0];
	int64_t until = gp_clock_mono_ns() +
	    STOP_WRITER_MS * (GP_NS_PER_S / 1000);

	if (writer->pid != 0 || !writer->was_ready ||
	    supervise_start(s, writer) < 0)
		return;
	while (writer->pid != 0 && !writer->ready &&
	    gp_clock_mono_ns() < until)
		supervise_turn(s, 100);
}

/* Captures first, all at once; then the writer takes what they left. */
static void
stop_live(struct supervisor *s)
{
	supervise_turn(s, 0); /* one that died just now */
	revive_writer(s);
	for (size_t i = 1; i < s->n_children; i++) {
		struct child *c = &s->children[i];

		c->wanted = false;
		if (c->pid != 0)
			(void)kill(c->pid, SIGTERM);
		else if (!c->gone) /* how it ended was told then */
			c->status = 0;
	}
	for (size_t i = 1; i < s->n_children; i++)
		supervise_stop(s, &s->children[i], STOP_CAPTURE_MS);
	revive_writer(s);
	supervise_stop(s, &s->children[0], STOP_WRITER_MS);
}

static int
run_live(struct supervisor *s)
{
	struct child *writer = &s->children[0];
	int status = 0;

	start(s, writer);
	if (!supervise_wait_ready(s, writer))
		return end_unready(s, writer, 0);
	for (size_t i = 1; i < s->n_children; i++)
		start(s, &s->children[i]);
	for (size_t i = 1; i < s->n_children && status == 0; i++)
		if (!supervise_wait_ready(s, &s->children[i]) && !s->stop)
			status = exit_status(&s->children[i]);
	if (status == 0 && !s->stop)
		gp_log(GP_LOG_INFO, "capturing on %zu interface%s; "
				    "SIGINT or SIGTERM ends",
		    s->n_children - 1, s->n_children > 2 ? "s" : "");
	while (!s->stop && status == 0) {
		supervise_turn(s, 1000);
		for (size_t i = 0; i < s->n_children; i++)
			if (s->children[i].gone)
				status = exit_status(&s->children[i]);
	}
	stop_live(s);
	/* the writer's, but also what captures could not hand on */
	for (size_t i = 0; i < s->n_children; i++)
		if (status == 0 && s->children[i].status != 0)
			status = exit_status(&s->children[i]);
	return status;
}

static struct status_folder status_folder = {.fd = -1};

static void
leave_status(void)
{
	status_folder_close(&status_folder);
}

/* A sensor whose status nobody can see still captures. */
static void
publish_status(int store, const struct gp_conf *conf, struct ids ids)
{
	int rc = status_folder_open(&status_folder, store, conf->store.path,
	    ids.uid, ids.gid);

	if (rc < 0)
		gp_log(GP_LOG_WARNING, "no status is published: %s: %s",
		    status_folder.path,
		    rc == -EWOULDBLOCK ? "another sensor has it" :
					 strerror(-rc));
	else
		(void)atexit(leave_status);
}

static int
live(const struct options *o, const struct gp_conf *conf)
{
	const char *path = o->store ? o->store : conf->store.path;
	struct supervisor s;
	struct stored_fd given[3];
	size_t n_given = 2;
	struct child *children;
	struct ids owner;
	int rc;

	check_live(o);
	children = calloc(o->n_ifaces + 1, sizeof(*children));
	if (children == NULL)
		die(1, "out of memory");
	given[0] = named("store", open_store(path, writer_ids(), &owner));
	given[1] = named("listen", listen_for_captures());
	publish_status(given[0].fd, conf, writer_ids());
	if (status_folder.fd >= 0)
		given[n_given++] = named("status", status_folder.fd);
	children[0] = writer_child(o, path, writer_ids(), given, n_given);
	for (size_t i = 0; i < o->n_ifaces; i++)
		children[i + 1] = capture_child(o, o->ifaces[i]);
	for (size_t i = 0; i <= o->n_ifaces; i++)
		children[i].lasting = true;
	rc = supervise_init(&s, children, o->n_ifaces + 1);
	if (rc < 0)
		die(1, "start: %s", strerror(-rc));
	rc = run_live(&s);
	supervise_fini(&s);
	return rc;
}

/* ---- offline ------------------------------------------------------------- */

static int
open_input(const char *name)
{
	struct stat st;
	int fd;

	if (strcmp(name, "-") == 0)
		return dup(STDIN_FILENO);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(1, "%s: %s", name, strerror(errno));
	if (fstat(fd, &st) < 0)
		die(1, "%s: %s", name, strerror(errno));
	if (S_ISDIR(st.st_mode))
		die(1, "%s: %s", name, strerror(EISDIR));
	return fd;
}

static struct child
replay_child(const struct options *o, struct ids ids,
    const struct stored_fd *given, size_t n_given)
{
	const char *args[ARGS_MAX] = {"goprobe-capture", "--offline", "-i",
	    o->iface};
	size_t n = 4;

	if (o->conf_path) {
		args[n++] = "-c";
		args[n++] = o->conf_path;
	}
	if (o->append)
		args[n++] = "--append";
	if (o->l7) {
		args[n++] = "--l7";
		args[n++] = o->l7;
	}
	if (o->sandbox) {
		args[n++] = "--sandbox";
		args[n++] = o->sandbox;
	}
	args[n++] = "--";
	return (struct child){
	    .program = "goprobe-capture",
	    .label = o->iface,
	    .argv = make_argv(args, o->files, o->n_files),
	    .uid = geteuid() == 0 ? ids.uid : 0,
	    .gid = ids.gid,
	    .given = given,
	    .n_given = n_given,
	};
}

static int
run_offline(struct supervisor *s)
{
	struct child *writer = &s->children[0];
	struct child *capture = &s->children[1];
	int status;

	start(s, writer);
	if (!supervise_wait_ready(s, writer))
		return end_unready(s, writer, 1);
	start(s, capture);
	/* From now on only the children hold the socketpair and the files; a
	 * writer that is started again finds its end in the descriptor store. */
	for (size_t k = 0; k < capture->n_given; k++)
		(void)close(capture->given[k].fd);
	capture->n_given = 0;
	(void)close(writer->given[1].fd);
	writer->n_given = 1;
	while (!capture->gone && !s->stop)
		supervise_turn(s, 1000);
	if (s->stop)
		supervise_stop(s, capture, STOP_CAPTURE_MS);
	status = exit_status(capture);
	if (WIFSIGNALED(capture->status))
		fputs("goprobe: what it had sent until then is stored; replay "
		      "into a new store to have all\n",
		    stderr);
	if (status == 0 && s->stop)
		status = 1;
	/* it ends by itself when the session is over */
	for (int64_t until = gp_clock_mono_ns() + 5 * GP_NS_PER_S;
	     writer->pid != 0 && gp_clock_mono_ns() < until;)
		supervise_turn(s, 100);
	supervise_stop(s, writer, STOP_WRITER_MS);
	if (status == 0 && writer->status != 0)
		status = exit_status(writer);
	return status;
}

static int
offline(const struct options *o, const struct gp_conf *conf)
{
	const char *path = o->store ? o->store : conf->store.path;
	struct stored_fd *inputs = calloc(o->n_files + 1, sizeof(*inputs));
	struct stored_fd given[2];
	struct child children[2];
	struct supervisor s;
	struct ids owner, reader;
	int pair[2];
	int rc;

	if (inputs == NULL)
		die(1, "out of memory");
	for (size_t i = 0; i < o->n_files; i++)
		inputs[i + 1] = named("input", open_input(o->files[i]));
	given[0] = named("store", open_store(path, writer_ids(), &owner));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		die(1, "socketpair: %s", strerror(errno));
	given[1] = named("offline", pair[0]);
	inputs[0] = named("writer", pair[1]);
	reader = owner;
	if (geteuid() == 0 && !lookup_user("goprobe-capture", NULL, &reader))
		reader = nobody();
	children[0] = writer_child(o, path, owner, given, 2);
	children[1] = replay_child(o, reader, inputs, o->n_files + 1);
	rc = supervise_init(&s, children, 2);
	if (rc < 0)
		die(1, "start: %s", strerror(-rc));
	rc = run_offline(&s);
	supervise_fini(&s);
	free(inputs);
	return rc;
}

/* The filters' language is libpcap's, which only the capture process links.
 * Does not come back. */
static _Noreturn void
check_filters(const struct options *o)
{
	char path[600];
	const char *conf = o->conf_path ? o->conf_path : GP_CONF_PATH;
	const char *args[] = {"goprobe-capture", "-t", "-c", conf, NULL};
	int rc = supervise_program(path, sizeof(path), args[0]);

	if (o->conf_path == NULL)
		args[2] = NULL; /* which need not exist */
	if (gp_end_output("goprobe", 0) != 0)
		exit(1);
	if (rc == 0)
		execv(path, make_argv(args, NULL, 0));
	die(1, "goprobe-capture: %s", strerror(rc < 0 ? -rc : errno));
}

int
main(int argc, char **argv)
{
	struct options o;
	struct gp_conf *conf;
	char error[512];
	int rc;

	if (gp_fd_fill_std() < 0)
		return 1;
	gp_log_open("goprobe", GP_LOG_INFO);
	supervise_raise_limit();
	parse_options(argc, argv, &o);
	conf = gp_conf_load(o.conf_path ? o.conf_path : GP_CONF_PATH,
	    o.conf_path == NULL,
	    o.n_ifaces > 0 && geteuid() == 0 && !o.check && !o.print, error);
	if (conf == NULL) {
		fprintf(stderr, "goprobe: %s\n", error);
		return EXIT_USAGE;
	}
	if (o.print)
		gp_conf_print(conf, stdout);
	if (o.check)
		check_filters(&o);
	if (o.check || o.print)
		rc = gp_end_output("goprobe", 0);
	else if (o.n_files > 0 &&
	    gp_conf_own_sandbox(conf, o.sandbox, error) < 0)
		usage_error(error, NULL);
	else if (o.n_files > 0)
		rc = offline(&o, conf);
	else
		rc = live(&o, conf);
	gp_conf_free(conf);
	free(o.files);
	return rc;
}
