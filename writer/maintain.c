#include "writer/maintain.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/base/log.h"
#include "common/base/sandbox.h"
#include "common/base/words.h"
#include "common/godb/godb_write.h"
#include "common/ipc/hello.h"
#include "writer/profile.h"
#include "writer/storeopts.h"

#define OWNER "goprobe-writer, maintenance"
#define FOREVER_NS INT64_MAX / 4

static int
fail(const char *what, const char *why)
{
	gp_log(GP_LOG_ERR, "%s: %s", what, why);
	return 1;
}

/* ---- time ---------------------------------------------------------------- */

/* "1764028800", "2026-11-24" (UTC), "-30d"; -1 when it is none of these. */
static int64_t
parse_time(const char *text, int64_t now_s)
{
	int64_t t_s = 0;
	bool ago = text[0] == '-';
	const char *p = text + ago;

	if (gp_clock_day_parse(text, &t_s) == 0)
		return t_s > 0 && t_s <= now_s ? t_s : -1;
	if (*p < '0' || *p > '9')
		return -1;
	for (; *p >= '0' && *p <= '9' && t_s < GP_TIME_MAX_S; p++)
		t_s = t_s * 10 + (*p - '0');
	if (ago && strcmp(p, "d") == 0)
		t_s = now_s - t_s * GP_DAY_S;
	else if (ago || *p != '\0')
		return -1;
	return t_s > 0 && t_s <= now_s ? t_s : -1;
}

/* ---- asking the running writer ------------------------------------------- */

/* What a round could not do; the exit status. */
static int
say_rest(const struct maintain *m, const struct godb_retain_report *r)
{
	if (r->short_bytes > 0)
		gp_log(GP_LOG_WARNING, "%s: still %llu byte%s beyond its "
		    "bounds: %s", m->store, (unsigned long long)r->short_bytes,
		    gp_words_s(r->short_bytes),
		    r->failed > 0 ? "days could not be removed" :
				    "nothing older is left");
	if (r->doubted > 0)
		gp_log(GP_LOG_WARNING, "%s: %llu day%s: by the clock all "
		    "finished days are past retain_days; --clean removes them",
		    m->store, (unsigned long long)r->doubted,
		    r->doubted == 1 ? " stays" : "s stay");
	if (r->unnoted > 0)
		gp_log(GP_LOG_WARNING, "%s: the disk is full: %llu removed "
		    "day%s not noted as such", m->store,
		    (unsigned long long)r->unnoted,
		    r->unnoted == 1 ? " is" : "s are");
	return r->failed > 0 ? 1 : 0;
}

static int
receive(int conn, struct hello_msg *msg)
{
	struct pollfd p = {.fd = conn, .events = POLLIN};
	int rc;

	while ((rc = hello_msg_recv(conn, msg)) == -EAGAIN)
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return -errno;
	return rc;
}

/* False: it is none that this program knows. */
static bool
take_rest(const struct hello_msg *msg, struct godb_retain_report *r)
{
	switch (msg->a) {
	case HELLO_FAILED:
		r->failed = msg->b;
		return true;
	case HELLO_SHORT:
		r->short_bytes = msg->b;
		return true;
	case HELLO_DOUBTED:
		r->doubted = msg->b;
		return true;
	case HELLO_UNNOTED:
		r->unnoted = msg->b;
		return true;
	default:
		return false;
	}
}

/* 1 answered with the exit status in *status, 0 not this one's store, -errno
 * when it ended, or was too busy, before it said whether it is. */
static int
ask_socket(const struct maintain *m, int conn, const struct hello_msg *command,
    int *status)
{
	struct godb_retain_report r = {0};
	struct hello_msg msg;
	int rc = hello_msg_send(conn, MSG_REMOVE, HELLO_OK, command->a,
	    command->b);
	bool known = true;

	if (rc == 0)
		rc = receive(conn, &msg);
	if (rc == 0 && msg.type != MSG_PRUNED && msg.code == HELLO_BUSY)
		rc = -EBUSY;
	if (rc < 0)
		return rc;
	while (rc == 0 && msg.type == MSG_REST) {
		known &= take_rest(&msg, &r);
		rc = receive(conn, &msg);
	}
	if (rc < 0) {
		*status = fail("the running writer", strerror(-rc));
		return 1;
	}
	if (msg.type != MSG_PRUNED && msg.code == HELLO_REFUSED)
		return 0;
	if (msg.type != MSG_PRUNED || msg.code != HELLO_OK) {
		*status = fail("the running writer",
		    msg.code == HELLO_STORE ? godb_strerror(-(int)msg.a) :
					      "it did not understand");
		return 1;
	}
	printf("%llu day%s removed, %llu byte%s\n", (unsigned long long)msg.a,
	    gp_words_s(msg.a), (unsigned long long)msg.b, gp_words_s(msg.b));
	if (r.failed > 0)
		gp_log(GP_LOG_ERR, "%s: %llu day%s could not be removed: the "
		    "writer's log says why", m->store,
		    (unsigned long long)r.failed, gp_words_s(r.failed));
	*status = say_rest(m, &r);
	if (!known)
		*status = fail("the running writer", "it says more than this "
		    "program knows: its log tells");
	return 1;
}

static int
connect_to(const char *folder, const char *name)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd, n = snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/%s", folder,
		    name);

	if (n < 0 || (size_t)n >= sizeof(sa.sun_path))
		return -1;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
	    connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
		gp_fd_close(&fd);
	return fd;
}

/* Systemd's writer and a launcher's have their sockets in one folder; the one
 * whose store it is answers.  Another one that ends just now is no reason not
 * to ask the rest.  As ask_socket(). */
static int
ask_writers(const struct maintain *m, const struct hello_msg *command,
    int *status)
{
	DIR *dir = opendir(m->sockets);
	const struct dirent *e;
	int done = 0, lost = 0;

	while (dir && done <= 0 && (e = readdir(dir)) != NULL) {
		size_t len = strlen(e->d_name);
		int conn;

		if (len < 5 || strcmp(e->d_name + len - 5, ".sock") != 0)
			continue;
		conn = connect_to(m->sockets, e->d_name);
		if (conn >= 0)
			done = ask_socket(m, conn, command, status);
		gp_fd_close(&conn);
		if (done < 0)
			lost = done;
	}
	if (dir)
		(void)closedir(dir);
	return done > 0 ? done : lost;
}

/* ---- doing it here ------------------------------------------------------- */

/* What the store's files are written as, and no more than writing it takes. */
static int
become_owner(int store, const char *path, enum gp_conf_sandbox how,
    const char **what)
{
	const struct profile_fds fds = {store, -1, -1, -1};
	struct stat st;
	int rc;

	*what = path;
	if (fstat(store, &st) < 0)
		return -errno;
	*what = "privileges cannot be dropped";
	if (geteuid() == 0 && st.st_uid == 0) {
		*what = "the store belongs to root, and this does not run as "
			"root";
		return -EPERM;
	}
	rc = geteuid() == 0 ? gp_sandbox_drop(st.st_uid, st.st_gid, NULL, 0) :
			      gp_sandbox_drop_caps();
	return rc < 0 ? rc : profile_enter(&fds, how, what);
}

struct words {
	const char *verb; /* "removed", "would be removed" */
};

static void
say_day(void *arg, const struct godb_retain_day *day)
{
	const struct words *w = arg;
	char text[11];

	gp_clock_day_format(day->day_s, text);
	if (day->rc < 0)
		gp_log(GP_LOG_ERR, "%s/%s: %s", day->iface, text,
		    godb_strerror(day->rc));
	else
		printf("%s/%s %s, %llu byte%s (%s)\n", day->iface, text,
		    w->verb, (unsigned long long)day->bytes,
		    gp_words_s(day->bytes),
		    godb_retain_cause_name(day->cause));
}

static struct godb_writer *
open_writer(const struct maintain *m, int store)
{
	struct godb_writer_opts opts = store_opts(m->conf, OWNER);
	struct godb_diag diag = {0};
	struct godb_writer *w;
	int rc;

	opts.create = false;
	rc = godb_writer_open(store, &opts, &w, &diag);
	if (rc == 0)
		return w;
	(void)fail(m->store, diag.text[0] ? diag.text : godb_strerror(rc));
	return NULL;
}

/* `bounds`: the store's, too. */
static int
prune(const struct maintain *m, int store, int64_t now_s, int64_t clean_s,
    bool bounds)
{
	struct godb_retain_opts opts = GODB_RETAIN_OPTS_INIT;
	struct words words = {m->dry_run ? "would be removed" : "removed"};
	struct godb_retain_report report;
	struct godb_retain *round = NULL;
	struct godb_writer *w = NULL;
	int rc;

	if (bounds) {
		opts.retain_days = m->conf->store.retain_days;
		opts.max_bytes = m->conf->store.max_bytes;
		opts.min_free = m->conf->store.min_free;
	}
	opts.now_s = now_s;
	opts.clean_s = clean_s;
	opts.each = say_day;
	opts.arg = &words;
	if (!m->dry_run) {
		w = open_writer(m, store);
		if (w == NULL)
			return 1;
	}
	rc = w ? godb_retain_new(w, &opts, &round) :
		 godb_retain_dry(store, &opts, &round);
	while (rc == 0 && (rc = godb_retain_step(round, FOREVER_NS)) == 1)
		rc = 0;
	if (rc == 0) {
		godb_retain_report(round, &report);
		printf("%llu day%s %s, %llu byte%s\n",
		    (unsigned long long)report.days, gp_words_s(report.days),
		    words.verb, (unsigned long long)report.bytes,
		    gp_words_s(report.bytes));
		rc = say_rest(m, &report);
	} else {
		rc = fail(m->store, godb_strerror(rc));
	}
	godb_retain_free(round);
	godb_writer_close(w);
	return rc;
}

static void
say_repair(void *arg, const char *place, const char *what)
{
	(void)arg;
	printf("%s: %s\n", place, what);
}

static int
repair(const struct maintain *m, int store)
{
	struct godb_repair_opts opts = GODB_REPAIR_OPTS_INIT;
	struct godb_repair_report r = {0};
	struct godb_diag diag = {0};
	int rc;

	opts.owner = OWNER;
	opts.dry_run = m->dry_run;
	opts.each = say_repair;
	rc = godb_repair(store, &opts, &r, &diag);
	if (rc == 0 || r.days > 0)
		printf("%llu day%s %swritten anew with %llu record%s, %llu "
		       "block%s marked as lost\n", (unsigned long long)r.days,
		    gp_words_s(r.days), m->dry_run ? "would be " : "",
		    (unsigned long long)r.kept, gp_words_s(r.kept),
		    (unsigned long long)r.lost, gp_words_s(r.lost));
	if (rc < 0)
		return fail(m->store,
		    diag.text[0] ? diag.text : godb_strerror(rc));
	return 0;
}

/* What another user keeps closed is no interface for a writer. */
static bool
passed_over(int store, const char *iface, int rc)
{
	struct stat st, own;

	return rc == -EACCES && fstat(store, &own) == 0 &&
	    fstatat(store, iface, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_uid != own.st_uid;
}

/* Of all interfaces, or -errno. */
static int64_t
count_days(int store)
{
	struct godb_reader *r;
	struct godb_day *list;
	char **ifaces;
	int64_t days = 0;
	int n, rc = godb_reader_openat(gp_fd_opendir_at(store, "."), &r);

	if (rc < 0)
		return rc;
	n = godb_reader_ifaces(r, &ifaces);
	for (int i = 0; rc >= 0 && i < n; i++) {
		rc = godb_reader_days(r, ifaces[i], &list);
		if (rc >= 0)
			free(list);
		else if (rc == -ENOENT || passed_over(store, ifaces[i], rc))
			rc = 0; /* or removed just now */
		days += rc;
	}
	if (n >= 0)
		godb_ifaces_free(ifaces);
	godb_reader_close(r);
	return n < 0 ? n : rc < 0 ? rc : days;
}

static int
rebuild(const struct maintain *m, int store, int64_t now_s)
{
	struct godb_upkeep_report report;
	struct godb_writer *w;
	int rc;

	if (m->dry_run) {
		int64_t days = count_days(store);

		if (days < 0)
			return fail(m->store, godb_strerror((int)days));
		printf("%lld day%s would be looked at\n", (long long)days,
		    gp_words_s((uint64_t)days));
		return 0;
	}
	w = open_writer(m, store);
	if (w == NULL)
		return 1;
	godb_writer_rebuild(w);
	while ((rc = godb_writer_upkeep(w, now_s)) != 0)
		if (rc < 0)
			(void)fail(m->store, godb_strerror(rc));
	godb_writer_upkeep_report(w, &report);
	printf("%llu day%s looked at, roll-ups of %llu written\n",
	    (unsigned long long)report.days, gp_words_s(report.days),
	    (unsigned long long)report.changed);
	godb_writer_close(w);
	return report.failed ? 1 : 0;
}

static int
wipe(const struct maintain *m, int store)
{
	struct godb_diag diag = {0};
	uint64_t n = 0, bytes = 0;
	int rc = godb_wipe(store, OWNER, m->dry_run, &n, &bytes, &diag);

	if (rc == 0 || rc == -ENOTEMPTY)
		printf("%llu interface%s %s, %llu byte%s\n",
		    (unsigned long long)n, gp_words_s(n),
		    m->dry_run ? "would be removed" : "removed",
		    (unsigned long long)bytes, gp_words_s(bytes));
	if (rc < 0)
		return fail(m->store,
		    diag.text[0] ? diag.text : godb_strerror(rc));
	return 0;
}

/* ---- all of it ----------------------------------------------------------- */

/* Whether some writer has the store; who can read it may ask. */
static bool
is_locked(int store)
{
	/* a pipe must not hold us up */
	int fd = gp_fd_openat(store, "goDB-writer.lock",
	    O_RDONLY | O_NONBLOCK, 0);
	bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 &&
	    errno == EWOULDBLOCK;

	gp_fd_close(&fd);
	return locked;
}

/* What cannot be had again is asked for, unless --yes. */
static bool
confirmed(const struct maintain *m)
{
	char answer[16];

	if (m->yes || m->dry_run ||
	    (m->command != MAINTAIN_WIPE && m->command != MAINTAIN_CLEAN))
		return true;
	if (m->command == MAINTAIN_WIPE)
		fprintf(stderr, "Remove all data in %s for good? [y/N] ",
		    m->store);
	else
		fprintf(stderr, "Remove all days in %s that end by %s? [y/N] ",
		    m->store, m->time);
	return fgets(answer, sizeof(answer), stdin) != NULL &&
	    (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0);
}

static int
open_folder(const struct maintain *m)
{
	int fd = open(m->store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		(void)fail(m->store, strerror(errno));
	return fd;
}

/* An inode number alone is that of other stores' folders, too. */
static bool
name_store(int store, int64_t clean_s, struct hello_msg *command)
{
	struct stat st;

	if (fstat(store, &st) < 0)
		return false;
	command->a = (uint64_t)st.st_dev << 32 | (uint32_t)clean_s;
	command->b = st.st_ino;
	return true;
}

static int
run_here(const struct maintain *m, int store, int64_t now_s, int64_t clean_s)
{
	bool bounds = m->command == MAINTAIN_PRUNE;
	const char *what;
	int rc = 0;

	if (m->command == MAINTAIN_PRUNE || m->command == MAINTAIN_CLEAN) {
		struct hello_msg command = {0};
		bool locked = !(m->dry_run && bounds) && is_locked(store);
		int status = 0;

		/* a running writer's round keeps them, whatever it is told */
		bounds = bounds || (m->dry_run && locked);
		if (!m->dry_run && locked &&
		    name_store(store, clean_s, &command))
			rc = ask_writers(m, &command, &status);
		if (rc > 0)
			return status;
		if (rc < 0 && is_locked(store))
			return fail("the running writer", strerror(-rc));
	}
	rc = become_owner(store, m->store, m->conf->writer.sandbox, &what);
	if (rc < 0)
		return fail(what, strerror(-rc));
	switch (m->command) {
	case MAINTAIN_WIPE:
		return wipe(m, store);
	case MAINTAIN_REPAIR:
		return repair(m, store);
	case MAINTAIN_REBUILD:
		return rebuild(m, store, now_s);
	case MAINTAIN_PRUNE:
	case MAINTAIN_CLEAN:
		return prune(m, store, now_s, clean_s, bounds);
	case MAINTAIN_NONE:
		break;
	}
	return 1;
}

int
maintain_run(const struct maintain *m)
{
	int64_t now_s = gp_clock_real_ns() / GP_NS_PER_S, clean_s = 0;
	static char buffer[4096];
	int store, rc;

	/* libc would ask the terminal, which the sandbox forbids */
	(void)setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	if (m->command == MAINTAIN_CLEAN) {
		clean_s = parse_time(m->time, now_s);
		if (clean_s < 0) {
			(void)fail(m->time, "no time in the past: 1764028800, "
			    "2026-11-24 or -30d");
			return 2;
		}
	}
	if (!confirmed(m)) {
		fputs("Nothing was removed.\n", stderr);
		return 1;
	}
	store = open_folder(m);
	if (store < 0)
		return 1;
	rc = run_here(m, store, now_s, clean_s);
	if (fflush(stdout) != 0 || ferror(stdout))
		rc = fail("standard output", strerror(errno));
	return rc;
}
