/* notify: what a supervisor says in the environment, and in messages. */
#include "common/base/notify.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

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
}

static void
test_value(void)
{
	static struct gp_notification n;
	char value[8] = "-";

	(void)snprintf(n.text, sizeof(n.text),
	    "FDSTORE=1\nFDNAME=r.eth0\nLONG=12345678");
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
	return tap_done();
}
