/* notify: what a supervisor says in the environment, and in messages. */
#include "common/base/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/notifylisten.h"
#include "tests/tap.h"

static int
watchdog_ms(const char *usec, const char *pid)
{
	unsetenv("WATCHDOG_PID");
	if (pid)
		setenv("WATCHDOG_PID", pid, 1);
	unsetenv("WATCHDOG_USEC");
	if (usec)
		setenv("WATCHDOG_USEC", usec, 1);
	return gp_notify_watchdog_ms();
}

static void
test_watchdog(void)
{
	char own[32];

	(void)snprintf(own, sizeof(own), "%d", getpid());
	is_int(watchdog_ms(NULL, NULL), 0, "none");
	is_int(watchdog_ms("2000000", NULL), 1000, "half of two seconds");
	is_int(watchdog_ms("2000000", own), 1000, "ours");
	is_int(watchdog_ms("2000000", "1"), 0, "another process's");
	is_int(watchdog_ms("1", NULL), 1, "no shorter than a millisecond");
	is_int(watchdog_ms("3600000000", NULL), 1800000, "half of an hour");
	is_int(watchdog_ms("9223372036854775807", NULL), INT_MAX,
	    "as long as can be");
	is_int(watchdog_ms("0", NULL), 0, "0 is none");
	is_int(watchdog_ms("2s", NULL), 0, "no number");
	is_int(watchdog_ms("-1", NULL), 0, "no negative one");
}

/* What is at 3 and 4 stands for what a supervisor passes. */
static void
test_listen_fds(void)
{
	struct gp_passed_fd *fds;
	char pid[32];

	is_int(gp_notify_listen_fds(&fds), 0, "nothing is passed");
	(void)snprintf(pid, sizeof(pid), "%d", getpid());
	for (int fd = GP_LISTEN_FDS_START; fd < GP_LISTEN_FDS_START + 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)dup2(STDOUT_FILENO, fd);
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_FDNAMES", "store:listen", 1);
	if (!ok(gp_notify_listen_fds(&fds) == 2, "two are passed"))
		return;
	is_str(fds[0].name, "store", "the first one's name");
	is_str(fds[1].name, "listen", "the second one's");
	is_int(fcntl(fds[1].fd, F_GETFD), FD_CLOEXEC, "for no other program");
	free(fds);
	is_int(gp_notify_listen_fds(&fds), 0, "once");
	ok(getenv("LISTEN_FDS") == NULL && getenv("LISTEN_FDNAMES") == NULL,
	    "and no child thinks they are its own");
	setenv("LISTEN_PID", "1", 1);
	setenv("LISTEN_FDS", "2", 1);
	is_int(gp_notify_listen_fds(&fds), 0, "another process's are not");
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDNAMES", "a-name-that-is-longer-than-there-is-room-for-"
	    "0123456789012345678901234567890:second", 1);
	if (!ok(gp_notify_listen_fds(&fds) == 2, "two with long names"))
		return;
	is_int((int64_t)strnlen(fds[0].name, 64), 63, "which are cut");
	is_str(fds[1].name, "second", "one by one");
	free(fds);
}

static int
open_at(const char *address)
{
	int fd;

	setenv("NOTIFY_SOCKET", address, 1);
	fd = gp_notify_open(-1);
	ok(getenv("NOTIFY_SOCKET") == NULL, "no child speaks for us");
	return fd;
}

/* What is said arrives, with who said it and what came with it. */
static void
test_messages(void)
{
	static struct gp_notification n;
	char address[108];
	int supervisor = notify_listen(address);
	int fds[GP_NOTIFY_SEND_MAX + 1], fd;
	struct stat sent, got;

	fd = open_at(address);
	if (!ok(supervisor >= 0 && fd >= 0, "a supervisor"))
		return;
	is_int(gp_notify_recv(supervisor, &n), -EAGAIN, "nothing yet");
	is_int(gp_notify_send(fd, "STATUS=a longer one"), 0, "a message");
	is_int(gp_notify_send(fd, "READY=1"), 0, "and another");
	is_int(gp_notify_recv(supervisor, &n), 0, "the first");
	is_str(n.text, "STATUS=a longer one", "as it was said");
	is_int(n.pid, getpid(), "by whom");
	is_int((int64_t)n.n_fds, 0, "with nothing");
	is_int(gp_notify_recv(supervisor, &n), 0, "the second");
	is_str(n.text, "READY=1", "and no more");
	is_int(pipe2(fds, O_CLOEXEC), 0, "a pipe");
	is_int(gp_notify_send_fds(fd, "FDSTORE=1", fds, 2), 0, "descriptors");
	is_int(gp_notify_recv(supervisor, &n), 0, "arrive");
	is_int((int64_t)n.n_fds, 2, "both");
	ok(fstat(fds[1], &sent) == 0 && fstat(n.fds[1], &got) == 0 &&
		sent.st_ino == got.st_ino &&
		(fcntl(n.fds[0], F_GETFL) & O_ACCMODE) == O_RDONLY &&
		(fcntl(n.fds[1], F_GETFL) & O_ACCMODE) == O_WRONLY,
	    "in order");
	is_int(fcntl(n.fds[0], F_GETFD), FD_CLOEXEC, "for no other program");
	for (size_t i = 2; i < GP_NOTIFY_SEND_MAX + 1; i++)
		fds[i] = fds[0];
	is_int(gp_notify_send_fds(fd, "FDSTORE=1", fds, GP_NOTIFY_SEND_MAX + 1),
	    -EINVAL, "more than can be sent");
	is_int(gp_notify_barrier(fd, 10), -ETIMEDOUT,
	    "who does not read has done nothing yet");
	for (int i = 0; i < 2; i++) {
		(void)close(fds[i]);
		(void)close(n.fds[i]);
	}
	(void)close(supervisor);
	ok(gp_notify_send(fd, "READY=1") < 0, "nobody hears it");
	ok(gp_notify_barrier(fd, 10) < 0, "nor does anything");
	(void)close(fd);
	is_int(open_at("/nowhere/to/be/found"), -ENOENT, "there is none");
	is_int(open_at("@"), -EINVAL, "a name that is none");
	is_int(gp_notify_open(-1), -1, "none is wanted");
	is_int(gp_notify_open(0), 0, "one that was passed is taken as it is");
	is_int(gp_notify_send(-1, "READY=1"), 0, "then nothing is said");
}

/* systemd's own is a path. */
static void
test_path(void)
{
	char folder[] = "/tmp/test_notify.XXXXXX";
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int supervisor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int fd, passed;

	if (mkdtemp(folder) == NULL)
		return;
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/n", folder);
	is_int(bind(supervisor, (const struct sockaddr *)&sa, sizeof(sa)), 0,
	    "a socket");
	fd = open_at(sa.sun_path);
	ok(fd >= 0, "is found by its path");
	(void)close(fd);
	setenv("NOTIFY_SOCKET", sa.sun_path, 1);
	passed = dup(STDOUT_FILENO);
	fd = gp_notify_open(passed);
	ok(fd >= 0 && gp_notify_send(fd, "READY=1") == 0,
	    "and is who is told, whatever was passed");
	ok(fcntl(passed, F_GETFD) < 0 || passed == fd, "which is closed");
	(void)close(fd);
	(void)close(supervisor);
	(void)unlink(sa.sun_path);
	(void)rmdir(folder);
}

static bool
has_name(int fd)
{
	struct sockaddr_un sa;
	socklen_t len = sizeof(sa);

	return getsockname(fd, (struct sockaddr *)&sa, &len) < 0 ||
	    len > sizeof(sa.sun_family);
}

/* The launcher's children have its socket; nobody else finds it. */
static void
test_pair(void)
{
	static struct gp_notification n;
	int ends[2];
	pid_t child;

	if (!ok(gp_notify_pair(ends) == 0, "two ends"))
		return;
	ok(!has_name(ends[0]) && !has_name(ends[1]), "without a name");
	is_int(gp_notify_recv(ends[0], &n), -EAGAIN, "nothing yet");
	child = fork();
	if (child == 0)
		_exit(gp_notify_send(ends[1], "READY=1") < 0);
	(void)waitpid(child, NULL, 0);
	is_int(gp_notify_recv(ends[0], &n), 0, "a message");
	is_int(n.pid, child, "by which of the children");
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void
test_value(void)
{
	static struct gp_notification n;
	char value[8] = "-";

	(void)snprintf(n.text, sizeof(n.text),
	    "FDSTORE=1\nFDNAMES=x\nFDNAME=r.eth0\nLONG=12345678");
	ok(gp_notify_value(&n, "FDNAME", value, sizeof(value)), "there");
	is_str(value, "r.eth0", "its value");
	ok(!gp_notify_value(&n, "NAME", value, sizeof(value)),
	    "the end of a name is another name");
	ok(!gp_notify_value(&n, "LONG", value, sizeof(value)),
	    "no room for it");
}

int
main(void)
{
	test_watchdog();
	test_listen_fds();
	test_value();
	test_messages();
	test_pair();
	test_path();
	return tap_done();
}
