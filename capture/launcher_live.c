#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "capture/exits.h"
#include "capture/launcher.h"
#include "capture/status_folder.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#define RUN_FOLDER "/run/goprobe"

static char socket_path[sizeof(((struct sockaddr_un *)0)->sun_path)];

static void
remove_socket(void)
{
	if (socket_path[0])
		(void)unlink(socket_path);
}

/* A launcher that was killed has left its socket, to which nobody listens. */
static void
remove_stale(const char *name)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int pid, end = 0, fd;

	if (sscanf(name, "launcher.%d.sock%n", &pid, &end) != 1 || end == 0 ||
	    name[end] != '\0' || pid <= 0 || kill(pid, 0) == 0 ||
	    errno != ESRCH)
		return;
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/launcher.%d.sock",
	    RUN_FOLDER, pid);
	/* in another PID namespace it may live */
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&sa,
	    sizeof(sa)) < 0 && errno == ECONNREFUSED)
		(void)unlink(sa.sun_path);
	if (fd >= 0)
		(void)close(fd);
}

static void
remove_stale_sockets(void)
{
	DIR *dir = opendir(RUN_FOLDER);
	const struct dirent *e;

	while (dir && (e = readdir(dir)) != NULL)
		remove_stale(e->d_name);
	if (dir)
		(void)closedir(dir);
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
		launcher_die(1, RUN_FOLDER ": %s", strerror(errno));
	if (lstat(RUN_FOLDER, &st) < 0 || !S_ISDIR(st.st_mode) ||
	    st.st_uid != 0 || (st.st_mode & 022) != 0)
		launcher_die(1, RUN_FOLDER ": must be a folder of root's that "
				  "nobody else can write");
	remove_stale_sockets();
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/launcher.%d.sock",
	    RUN_FOLDER, getpid());
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		launcher_die(1, "socket: %s", strerror(errno));
	(void)unlink(sa.sun_path);
	mask = umask(0177);
	if (bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(fd, 1024) < 0)
		launcher_die(1, "%s: %s", sa.sun_path, strerror(errno));
	(void)umask(mask);
	(void)snprintf(socket_path, sizeof(socket_path), "%s", sa.sun_path);
	(void)atexit(remove_socket);
	return fd;
}

static void
check_live(const struct launcher_options *o)
{
	struct launcher_ids ids;

	if (geteuid() != 0)
		launcher_die(EXIT_NOT_ROOT,
		    "live capture must be started by root");
	if (!launcher_lookup_user("goprobe", "goprobe-read", &ids) ||
	    !launcher_lookup_user("goprobe-capture", NULL, &ids))
		launcher_die(1, "users goprobe and goprobe-capture and group "
		       "goprobe-read must exist: run systemd-sysusers with "
		       "systemd/goprobe.sysusers, or make users");
	for (size_t i = 0; i < o->n_ifaces; i++)
		if (if_nametoindex(o->ifaces[i]) == 0)
			launcher_die(1, "%s: no such interface", o->ifaces[i]);
}

static struct child
capture_child(const struct launcher_options *o, const char *iface)
{
	const char *args[LAUNCHER_ARGS] = {"goprobe-capture", "-S",
	    socket_path};
	size_t n = 3;

	n = launcher_option(args, n, "-c", o->conf_path);
	n = launcher_option(args, n, "--l7", o->l7);
	args[n++] = "--";
	args[n++] = iface;
	return (struct child){
	    .program = "goprobe-capture",
	    .label = iface,
	    .argv = launcher_make_argv(args, NULL, 0),
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
	    LAUNCHER_STOP_WRITER_MS * (GP_NS_PER_S / 1000);

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
		supervise_stop(s, &s->children[i], LAUNCHER_STOP_CAPTURE_MS);
	revive_writer(s);
	supervise_stop(s, &s->children[0], LAUNCHER_STOP_WRITER_MS);
}

static int
run_live(struct supervisor *s)
{
	struct child *writer = &s->children[0];
	int status = 0, rc;

	launcher_start(s, writer);
	if (!supervise_wait_ready(s, writer))
		return launcher_end_unready(s, writer, 0);
	rc = supervise_start_from(s, 1);
	if (rc < 0)
		launcher_die(1, "%s: %s", s->children[1].program,
		    strerror(-rc));
	for (size_t i = 1; i < s->n_children && status == 0; i++)
		if (!supervise_wait_ready(s, &s->children[i]) && !s->stop)
			status = launcher_exit_status(&s->children[i]);
	if (status == 0 && !s->stop)
		gp_log(GP_LOG_INFO, "capturing on %zu interface%s; "
				    "SIGINT or SIGTERM ends",
		    s->n_children - 1, s->n_children > 2 ? "s" : "");
	while (!s->stop && status == 0) {
		supervise_turn(s, 1000);
		for (size_t i = 0; i < s->n_children; i++)
			if (s->children[i].gone)
				status = launcher_exit_status(&s->children[i]);
	}
	stop_live(s);
	/* the writer's, but also what captures could not hand on */
	for (size_t i = 0; i < s->n_children; i++)
		if (status == 0 && s->children[i].status != 0)
			status = launcher_exit_status(&s->children[i]);
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
publish_status(int store, const struct gp_conf *conf, struct launcher_ids ids)
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

int
launcher_live(const struct launcher_options *o, const struct gp_conf *conf)
{
	const char *path = o->store ? o->store : conf->store.path;
	struct supervisor s;
	struct stored_fd given[3];
	size_t n_given = 2;
	struct child *children;
	struct launcher_ids writer, owner;
	int rc;

	check_live(o);
	writer = launcher_writer_ids();
	children = calloc(o->n_ifaces + 1, sizeof(*children));
	if (children == NULL)
		launcher_die(1, "out of memory");
	given[0] = launcher_named("store",
	    launcher_open_store(path, writer, &owner));
	given[1] = launcher_named("listen", listen_for_captures());
	publish_status(given[0].fd, conf, writer);
	if (status_folder.fd >= 0)
		given[n_given++] = launcher_named("status", status_folder.fd);
	children[0] = launcher_writer_child(o, path, writer, given, n_given);
	for (size_t i = 0; i < o->n_ifaces; i++)
		children[i + 1] = capture_child(o, o->ifaces[i]);
	for (size_t i = 0; i <= o->n_ifaces; i++)
		children[i].lasting = true;
	rc = supervise_init(&s, children, o->n_ifaces + 1);
	if (rc < 0)
		launcher_die(1, "start: %s", strerror(-rc));
	rc = run_live(&s);
	supervise_fini(&s);
	return rc;
}
