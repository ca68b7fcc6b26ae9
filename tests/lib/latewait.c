/*
 * latewait.so - for LD_PRELOAD: who is about to wait for seconds is held up for
 * one before, in which a signal may come.
 */
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void
hold_up(const struct timespec *wait)
{
	struct timespec now;
	time_t until;

	if (!wait || wait->tv_sec < 5)
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	for (until = now.tv_sec + 2; now.tv_sec < until;)
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
}

int
nanosleep(const struct timespec *wait, struct timespec *left)
{
	hold_up(wait);
	return clock_nanosleep(CLOCK_MONOTONIC, 0, wait, left) == 0 ? 0 : -1;
}

int
ppoll(struct pollfd *fds, nfds_t n, const struct timespec *wait,
    const sigset_t *mask)
{
	struct timespec copy = wait ? *wait : (struct timespec){0, 0};

	hold_up(wait);
	return (int)syscall(SYS_ppoll, fds, n, wait ? &copy : NULL, mask,
	    (size_t)(_NSIG / 8));
}
