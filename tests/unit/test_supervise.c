/* supervise: what a child says just before it dies is heard. */
#include "capture/supervise.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/notify.h"
#include "tests/tap.h"

/* The end of a pipe that the child waits at, while it has not been let go. */
static int go = -1;

pid_t __wrap_waitpid(pid_t pid, int *status, int options);

/* Whoever asks has looked for notifications: only now the child speaks, and it
 * is dead before the answer. */
pid_t
__wrap_waitpid(pid_t pid, int *status, int options)
{
	siginfo_t info;

	if (go >= 0) {
		(void)close(go);
		go = -1;
		(void)waitid(P_ALL, 0, &info, WEXITED | WNOWAIT);
	}
	return (pid_t)syscall(SYS_wait4, pid, status, options, NULL);
}

static int
be_child(void)
{
	int notify = gp_notify_open();
	char c;

	/* of the descriptors that it is given */
	(void)!read(GP_LISTEN_FDS_START, &c, 1);
	(void)gp_notify_send(notify, "READY=1");
	return 3;
}

static void
test_last_words(void)
{
	char *argv[] = {(char[]){"test_supervise"}, (char[]){"child"},
		NULL};
	struct child c = {.program = "test_supervise", .argv = argv,
		.wanted = true};
	struct stored_fd given = {.name = "go"};
	struct supervisor s;
	int ends[2];

	if (supervise_init(&s, &c, 1) < 0 || pipe2(ends, O_CLOEXEC) < 0)
		abort();
	given.fd = ends[0];
	c.given = &given;
	c.n_given = 1;
	is_int(supervise_start(&s, &c), 0, "a child");
	go = ends[1];
	supervise_turn(&s, 0);
	is_int(WEXITSTATUS(c.status), 3, "has ended");
	ok(c.was_ready, "  and was ready before");
	is_int(c.gone ? 0 : c.starts, 2, "  so it is started again");
	supervise_stop(&s, &c, 5000);
	supervise_fini(&s);
	(void)close(ends[0]);
}

int
main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return be_child();
	test_last_words();
	return tap_done();
}
