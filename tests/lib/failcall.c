/*
 * failcall.so, to be preloaded: the FAIL_AT-th (from 1) of the calls that
 * write or sync fails with FAIL_ERRNO, and so do FAIL_MORE after it; only in
 * the program called FAIL_PROGRAM.  A failed sync forgets nothing, unlike the
 * kernel's; fault.c does that.  At its end the program appends how many
 * calls there were to FAIL_COUNT's descriptor, which the launcher passes on as
 * standard error: "failcall N".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static long at, more, calls;
static int error;

__attribute__((constructor)) static void
begin(void)
{
	const char *program = getenv("FAIL_PROGRAM"), *n = getenv("FAIL_AT"),
		   *e = getenv("FAIL_ERRNO"), *m = getenv("FAIL_MORE");

	if (program == NULL ||
	    strcmp(program, program_invocation_short_name) != 0)
		return;
	at = n ? atol(n) : 0;
	more = m ? atol(m) : 0;
	error = e ? atoi(e) : EIO;
}

__attribute__((destructor)) static void
end(void)
{
	char line[64];
	int n;

	if (error == 0)
		return;
	n = snprintf(line, sizeof(line), "failcall %ld\n", calls);
	(void)!syscall(SYS_write, STDERR_FILENO, line, (size_t)n);
}

static int
fails(void)
{
	if (error == 0)
		return 0;
	calls++;
	if (at == 0 || calls < at || calls > at + more)
		return 0;
	errno = error;
	return 1;
}

ssize_t pwrite64(int fd, const void *buf, size_t len, off64_t off);
ssize_t
pwrite64(int fd, const void *buf, size_t len, off64_t off)
{
	return fails() ? -1 : syscall(SYS_pwrite64, fd, buf, len, off);
}

ssize_t pwrite(int fd, const void *buf, size_t len, off_t off);
ssize_t
pwrite(int fd, const void *buf, size_t len, off_t off)
{
	return fails() ? -1 : syscall(SYS_pwrite64, fd, buf, len, off);
}

int
fsync(int fd)
{
	return fails() ? -1 : (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	return fails() ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int
ftruncate(int fd, off_t len)
{
	return fails() ? -1 : (int)syscall(SYS_ftruncate, fd, len);
}

int
mkdirat(int dir, const char *name, mode_t mode)
{
	return fails() ? -1 : (int)syscall(SYS_mkdirat, dir, name, mode);
}

int renameat(int a, const char *from, int b, const char *to);
int
renameat(int a, const char *from, int b, const char *to)
{
	return fails() ? -1 : (int)syscall(SYS_renameat, a, from, b, to);
}

int
unlinkat(int dir, const char *name, int flags)
{
	return fails() ? -1 : (int)syscall(SYS_unlinkat, dir, name, flags);
}
