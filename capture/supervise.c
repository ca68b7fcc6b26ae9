#include "capture/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/exits.h"
#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/base/log.h"
#include "common/base/notify.h"
#include "common/base/sandbox.h"

#define MS INT64_C(1000000)
/* a child that lived this long is not failing */
#define STEADY_NS (10 * GP_NS_PER_S)
#define NOTIFY_BUDGET 256 /* a turn */

static int
own_folder(char *out, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", out, size - 1);
	char *slash;

	if (n < 0)
		return -errno;
	out[n] = '\0';
	slash = strrchr(out, '/');
	if (slash == NULL)
		return -EINVAL;
	*slash = '\0';
	return 0;
}

int
supervise_program(char *out, size_t size, const char *program)
{
	int rc = own_folder(out, size);
	size_t n = rc < 0 ? 0 : strlen(out);

	if (rc == 0 && n + strlen(program) + 2 > size)
		rc = -ENAMETOOLONG;
	if (rc == 0)
		(void)snprintf(out + n, size - n, "/%s", program);
	return rc;
}

void
supervise_raise_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

/* Whoever started us may have had us ignore it, as nohup(1) has.  Blocked it
 * would come all the same. */
static void
hear(sigset_t *set, int number)
{
	struct sigaction was;

	if (sigaction(number, NULL, &was) < 0 || was.sa_handler != SIG_IGN)
		(void)sigaddset(set, number);
}

int
supervise_init(struct supervisor *s, struct child *children, size_t n)
{
	sigset_t set;
	int rc;

	memset(s, 0, sizeof(*s));
	s->notify[0] = s->notify[1] = -1;
	s->signal_fd = s->alive[0] = s->alive[1] = -1;
	s->children = children;
	s->n_children = n;
	rc = own_folder(s->folder, sizeof(s->folder));
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		children[i].stored =
		    calloc(CHILD_MAX_STORED, sizeof(struct stored_fd));
		if (children[i].stored == NULL)
			return -ENOMEM;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&set);
	hear(&set, SIGTERM);
	hear(&set, SIGINT);
	hear(&set, SIGHUP);
	/* children whose end is ignored cannot be waited for */
	(void)signal(SIGCHLD, SIG_DFL);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signal_fd < 0 || pipe2(s->alive, O_CLOEXEC) < 0)
		return -errno;
	return gp_notify_pair(s->notify);
}

static void
forget_all(struct child *c)
{
	for (size_t i = 0; i < c->n_stored; i++)
		gp_fd_close(&c->stored[i].fd);
	c->n_stored = 0;
}

void
supervise_fini(struct supervisor *s)
{
	for (size_t i = 0; i < s->n_children; i++) {
		if (s->children[i].stored)
			forget_all(&s->children[i]);
		free(s->children[i].stored);
		s->children[i].stored = NULL;
	}
	gp_fd_close(&s->notify[0]);
	gp_fd_close(&s->notify[1]);
	gp_fd_close(&s->signal_fd);
	gp_fd_close(&s->alive[0]);
	gp_fd_close(&s->alive[1]);
}

/* ---- in the child, between fork and exec -------------------------------- */

/*
 * Puts the descriptors at 3, 4, ... in order.  They are first moved out of the
 * way, since a target number may hold a descriptor that is still needed.
 */
static bool
place_fds(int *fds, size_t n)
{
	int base = GP_LISTEN_FDS_START + (int)n;

	for (size_t i = 0; i < n; i++) {
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, base);
		if (fds[i] < 0)
			return false;
	}
	for (size_t i = 0; i < n; i++)
		if (dup2(fds[i], GP_LISTEN_FDS_START + (int)i) < 0)
			return false;
	return close_range((unsigned)base, ~0U, 0) == 0;
}

/*
 * Who the child has become may not be allowed to walk to where the programs
 * lie, as when root has built them below a folder of its own: then it is the
 * file that was opened before.
 */
static void
exec_program(const char *path, int program_fd, char **argv, char **envp)
{
	execve(path, argv, envp);
	if (errno == EACCES && program_fd >= 0)
		execveat(program_fd, "", argv, envp, AT_EMPTY_PATH);
}

static _Noreturn void
fail(const char *what, const char *why)
{
	gp_log(GP_LOG_ERR, "%s: %s", what, why);
	_exit(1);
}

static _Noreturn void
exec_child(const struct supervisor *s, const struct child *c,
    const struct stored_fd *pass, size_t n)
{
	char path[600], env_pid[32], env_n[32];
	char *env_names = NULL;
	size_t len = 0;
	int *fds = calloc(n, sizeof(*fds));
	FILE *names = open_memstream(&env_names, &len);
	const char *tz = getenv("TZ");
	char *env_tz = NULL;
	char *envp[8];
	int e = 0, program_fd;
	sigset_t none;

	if (names == NULL || fds == NULL)
		fail(c->program, "out of memory");
	fprintf(names, "LISTEN_FDNAMES=");
	for (size_t i = 0; i < n; i++) {
		fprintf(names, "%s%s", i ? ":" : "", pass[i].name);
		fds[i] = pass[i].fd;
	}
	(void)fclose(names);
	if (tz && asprintf(&env_tz, "TZ=%s", tz) < 0)
		fail(c->program, "out of memory");
	(void)snprintf(path, sizeof(path), "%s/%s", s->folder, c->program);
	(void)snprintf(env_pid, sizeof(env_pid), "LISTEN_PID=%d", getpid());
	(void)snprintf(env_n, sizeof(env_n), "LISTEN_FDS=%zu", n);
	envp[e++] = env_pid;
	envp[e++] = env_n;
	envp[e++] = env_names;
	if (env_tz)
		envp[e++] = env_tz;
	envp[e] = NULL;

	/* a ^C at the terminal is ours to pass on, captures first */
	(void)setpgid(0, 0);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (!place_fds(fds, n))
		fail(c->program, strerror(errno));
	program_fd = open(path, O_PATH | O_CLOEXEC);
	if (c->uid != 0 && geteuid() == 0) {
		int rc = gp_sandbox_drop(c->uid, c->gid, NULL, 0);

		if (rc < 0) {
			gp_log(GP_LOG_ERR, "%s: privileges: %s", c->program,
			    strerror(-rc));
			_exit(1);
		}
	}
	exec_program(path, program_fd, c->argv, envp);
	fail(path, strerror(errno));
}

int
supervise_start(struct supervisor *s, struct child *c)
{
	struct stored_fd *pass =
	    calloc(c->n_given + 2 + c->n_stored, sizeof(*pass));
	size_t n = 0;
	pid_t pid;
	int rc;

	if (pass == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_given; i++)
		pass[n++] = c->given[i];
	pass[n] = (struct stored_fd){.fd = s->alive[0]};
	(void)snprintf(pass[n++].name, sizeof(pass[0].name), "alive");
	pass[n] = (struct stored_fd){.fd = s->notify[1]};
	(void)snprintf(pass[n++].name, sizeof(pass[0].name), GP_NOTIFY_NAME);
	for (size_t i = 0; i < c->n_stored; i++)
		pass[n++] = c->stored[i];
	c->ready = false;
	c->gone = false;
	c->starts++;
	c->started_ns = gp_clock_mono_ns();
	c->restart_ns = 0;
	pid = fork();
	rc = pid < 0 ? -errno : 0;
	if (pid == 0)
		exec_child(s, c, pass, n);
	free(pass);
	if (pid > 0)
		c->pid = pid;
	return rc;
}

/* ---- notifications ------------------------------------------------------ */

static struct child *
child_of(struct supervisor *s, pid_t pid)
{
	for (size_t i = 0; i < s->n_children; i++)
		if (s->children[i].pid != 0 && s->children[i].pid == pid)
			return &s->children[i];
	return NULL;
}

/*
 * A child may choose the names it finds again, but not take the place of what
 * it is given, nor shift the list of names with a colon.
 */
static bool
name_ok(const struct child *c, const char *name)
{
	for (size_t i = 0; i < c->n_given; i++)
		if (strcmp(name, c->given[i].name) == 0)
			return false;
	for (const char *p = name; *p; p++)
		if (*p <= ' ' || *p > '~' || *p == ':')
			return false;
	return *name && strcmp(name, "alive") != 0 &&
	    strcmp(name, GP_NOTIFY_NAME) != 0;
}

static void
keep_fds(struct child *c, struct gp_notification *n)
{
	char name[64] = "stored", poll_text[4] = "1";

	(void)gp_notify_value(n, "FDNAME", name, sizeof(name));
	(void)gp_notify_value(n, "FDPOLL", poll_text, sizeof(poll_text));
	if (!name_ok(c, name)) {
		gp_log(GP_LOG_WARNING,
		    "%s: descriptor with an impossible name refused",
		    c->program);
		return;
	}
	for (size_t i = 0; i < n->n_fds; i++) {
		struct stored_fd *slot;

		if (c->n_stored == CHILD_MAX_STORED)
			return; /* the rest is closed by the caller */
		slot = &c->stored[c->n_stored++];
		memcpy(slot->name, name, sizeof(slot->name));
		slot->fd = n->fds[i];
		slot->poll = poll_text[0] != '0';
		n->fds[i] = -1;
	}
}

static void
forget_at(struct child *c, size_t i)
{
	gp_fd_close(&c->stored[i].fd);
	c->stored[i] = c->stored[--c->n_stored];
}

static void
forget_named(struct child *c, const char *name)
{
	for (size_t i = c->n_stored; i-- > 0;)
		if (strcmp(c->stored[i].name, name) == 0)
			forget_at(c, i);
}

static void
one_notification(struct supervisor *s, struct gp_notification *n)
{
	struct child *c = child_of(s, n->pid);
	char value[64];

	if (c && gp_notify_value(n, "FDSTORE", value, sizeof(value)))
		keep_fds(c, n);
	if (c && gp_notify_value(n, "FDSTOREREMOVE", value, sizeof(value)) &&
	    gp_notify_value(n, "FDNAME", value, sizeof(value)))
		forget_named(c, value);
	if (c && gp_notify_value(n, "READY", value, sizeof(value))) {
		c->ready = true;
		c->was_ready = true;
	}
	/* BARRIER=1: closing what came with it is the answer */
	for (size_t i = 0; i < n->n_fds; i++)
		gp_fd_close(&n->fds[i]);
}

static void
read_notifications(struct supervisor *s)
{
	static struct gp_notification n;

	/* a flood of one child's must not keep us from the others */
	for (int i = 0; i < NOTIFY_BUDGET; i++) {
		if (gp_notify_recv(s->notify[0], &n) < 0)
			return;
		one_notification(s, &n);
	}
}

/* ---- ends and restarts --------------------------------------------------- */

static void
describe_end(const struct child *c, char *out, size_t size)
{
	if (WIFSIGNALED(c->status))
		(void)snprintf(out, size, "killed by signal %d (%s)",
		    WTERMSIG(c->status), strsignal(WTERMSIG(c->status)));
	else
		(void)snprintf(out, size, "ended with status %d",
		    WEXITSTATUS(c->status));
}

/* An interface that comes and goes is no failure of its capture. */
static bool
has_failed(const struct child *c, int64_t now)
{
	bool again = c->ready && WIFEXITED(c->status) &&
	    WEXITSTATUS(c->status) == EXIT_AGAIN;

	return !again && now - c->started_ns <= STEADY_NS;
}

/* First at once, then after 0.25 s, 0.5 s ... 30 s while it keeps failing. */
static void
plan_restart(struct child *c)
{
	int64_t now = gp_clock_mono_ns();
	int64_t delay = 0;
	char how[96];

	c->failures = has_failed(c, now) ? c->failures + 1 : 0;
	if (c->failures > 1) {
		unsigned shift = c->failures - 2 > 7 ? 7 : c->failures - 2;

		delay = (250 * MS) << shift;
		if (delay > 30 * GP_NS_PER_S)
			delay = 30 * GP_NS_PER_S;
	}
	c->restart_ns = now + delay;
	describe_end(c, how, sizeof(how));
	gp_log(GP_LOG_WARNING, "%s%s%s %s; starting it again%s", c->program,
	    c->label ? " " : "", c->label ? c->label : "", how,
	    delay >= GP_NS_PER_S ? ", with a pause since it keeps failing" :
				   "");
}

/* Told by us to end, in the moment between its start and its first word: it
 * could not even hear it, and had nothing that is lost, unless it was files. */
static bool
ended_unbegun(const struct child *c, int status)
{
	return c->lasting && !c->wanted && !c->was_ready &&
	    WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
}

static void
reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child *c = child_of(s, pid);

		if (c == NULL)
			continue;
		/* what it said before it died is still worth hearing, and
		 * is all there only now */
		read_notifications(s);
		c->pid = 0;
		c->status = ended_unbegun(c, status) ? 0 : status;
		/* status 0: the work is done, where there is an end to it */
		if (c->wanted && c->was_ready && !s->stop &&
		    (status != 0 || c->lasting))
			plan_restart(c);
		else
			c->gone = true;
	}
}

static void
read_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT ||
		    info.ssi_signo == SIGHUP)
			s->stop = true;
}

static int
until_restart_ms(struct supervisor *s, int timeout_ms)
{
	int64_t now = gp_clock_mono_ns();

	for (size_t i = 0; i < s->n_children; i++) {
		int64_t wait = s->children[i].restart_ns - now;

		if (s->children[i].restart_ns == 0)
			continue;
		if (wait < 0)
			wait = 0;
		if (wait / MS < timeout_ms)
			timeout_ms = (int)(wait / MS) + 1;
	}
	return timeout_ms;
}

static void
start_due(struct supervisor *s)
{
	int64_t now = gp_clock_mono_ns();

	for (size_t i = 0; i < s->n_children; i++) {
		struct child *c = &s->children[i];

		if (c->restart_ns == 0 || s->stop || c->restart_ns > now)
			continue;
		if (supervise_start(s, c) < 0)
			c->restart_ns = now + GP_NS_PER_S;
	}
}

/* Stored connections whose other end is gone are of no use to anybody. */
static void
forget_hung_up(struct supervisor *s)
{
	for (size_t i = 0; i < s->n_children; i++) {
		struct child *c = &s->children[i];

		for (size_t k = c->n_stored; k-- > 0;) {
			struct pollfd p = {.fd = c->stored[k].fd};

			if (c->stored[k].poll && poll(&p, 1, 0) > 0 &&
			    (p.revents & (POLLHUP | POLLERR)))
				forget_at(c, k);
		}
	}
}

void
supervise_turn(struct supervisor *s, int timeout_ms)
{
	struct pollfd p[2] = {
	    {.fd = s->notify[0], .events = POLLIN},
	    {.fd = s->signal_fd, .events = POLLIN},
	};

	if (poll(p, 2, until_restart_ms(s, timeout_ms)) > 0) {
		if (p[0].revents)
			read_notifications(s);
		if (p[1].revents)
			read_signals(s);
	}
	reap(s);
	forget_hung_up(s);
	start_due(s);
}

int
supervise_start_from(struct supervisor *s, size_t first)
{
	int rc = 0;

	for (size_t i = first; i < s->n_children && rc == 0 && !s->stop; i++) {
		rc = supervise_start(s, &s->children[i]);
		supervise_turn(s, 0);
	}
	return rc;
}

bool
supervise_wait_ready(struct supervisor *s, struct child *c)
{
	while (!c->ready && !c->gone && !s->stop)
		supervise_turn(s, 200);
	return c->ready;
}

void
supervise_stop(struct supervisor *s, struct child *c, int timeout_ms)
{
	int64_t until = gp_clock_mono_ns() + timeout_ms * MS;

	c->wanted = false;
	c->restart_ns = 0;
	if (c->pid == 0)
		return;
	(void)kill(c->pid, SIGTERM);
	while (c->pid != 0) {
		supervise_turn(s, 100);
		if (c->pid != 0 && gp_clock_mono_ns() > until) {
			gp_log(GP_LOG_WARNING, "%s does not end: killed",
			    c->program);
			(void)kill(c->pid, SIGKILL);
			until = INT64_MAX;
		}
	}
}
