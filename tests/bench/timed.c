/*
 * timed ROUNDS PROGRAM [ARGUMENT...] - runs it that often and prints a line a
 * run: wall, user and system time in microseconds, peak memory in KiB, exit
 * status.  What the program prints goes to stderr on the last run only.
 *
 * A small parent, because a child's peak counts what it was before exec.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static long
micros(struct timeval t)
{
	return t.tv_sec * 1000000 + t.tv_usec;
}

static void
child(char **argv, int last)
{
	int out = last ? STDERR_FILENO : open("/dev/null", O_WRONLY);

	(void)dup2(out, STDOUT_FILENO);
	if (!last)
		(void)dup2(out, STDERR_FILENO);
	(void)execvp(argv[0], argv);
	perror(argv[0]);
	_exit(127);
}

int
main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[1]) : 0;

	if (rounds < 1) {
		fprintf(stderr, "usage: timed ROUNDS PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	for (int i = 0; i < rounds; i++) {
		long start = now_us();
		struct rusage r;
		int status;
		pid_t pid = fork();

		if (pid == 0)
			child(argv + 2, i == rounds - 1);
		if (pid < 0 || wait4(pid, &status, 0, &r) < 0) {
			perror("timed");
			return 1;
		}
		printf("%ld %ld %ld %ld %d\n", now_us() - start,
		    micros(r.ru_utime), micros(r.ru_stime), r.ru_maxrss,
		    WIFEXITED(status) ? WEXITSTATUS(status) : 128);
	}
	return 0;
}
