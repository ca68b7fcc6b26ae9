#include "querier/profile.h"

#include "common/base/sandbox.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define NOBODY  65534 /* Debian's nobody and nogroup */
#define NOGROUP 65534

#define N(call, reason) {SCMP_SYS(call), reason, {{GP_ARG_ANY, 0, 0, 0}}}
#define EQ(i, v)        {GP_ARG_EQ, i, (uint64_t)(v), 0}
#define ZERO(i, m)      {GP_ARG_MASKED, i, (uint64_t)(m), 0}

/*
 * Absent on purpose: socket, connect, sendto, clone, execve, kill, ptrace,
 * ioctl, mprotect, unlink, rename, mkdir, truncate, dup.  No descriptor can be
 * opened for writing; which files can be opened is Landlock's matter.
 */
static const struct gp_syscall table[] = {
    /* the store */
    {SCMP_SYS(openat), "files below the store, to read",
	{ZERO(2, O_ACCMODE | O_CREAT | O_TRUNC | O_PATH)}},
    N(close, "files"),
    N(read, "indexes, names"),
    N(pread64, "columns, indexes, journals"),
    N(lseek, "directory reading"),
    N(getdents64, "interfaces, days, journals"),
    N(newfstatat, "sizes; fstat in libc"),
    N(fstat, "sizes"),
    N(statx, "sizes, as libc may spell it"),
    N(fadvise64, "columns are read once"),
    {SCMP_SYS(fcntl), "fdopendir asks for the mode", {EQ(1, F_GETFL)}},
    {SCMP_SYS(fcntl), "close-on-exec by fdopendir", {EQ(1, F_SETFD)}},
    /* the answer */
    {SCMP_SYS(write), "the answer", {EQ(0, STDOUT_FILENO)}},
    {SCMP_SYS(write), "messages", {EQ(0, STDERR_FILENO)}},
    /* memory, time, end */
    {SCMP_SYS(mmap), "memory, never executable", {ZERO(2, PROT_EXEC)}},
    N(munmap, "memory"),
    N(mremap, "memory"),
    N(madvise, "memory"),
    N(brk, "memory"),
    N(sysinfo, "qsort asks how much there is"),
    N(clock_gettime, "where the vdso cannot"),
    N(getrandom, "hash keys"),
    N(clock_nanosleep, "between the answers of --watch"),
    N(rt_sigreturn, "return from a handler"),
    N(restart_syscall, "after a stop and continue"),
    N(futex, "libc's locks"),
    N(exit_group, "the end"),
};

#define N_RULES (sizeof(table) / sizeof(table[0]))

/* The store's group is what reading it takes; group 0 would be more, so then
 * the files must be readable to others. */
static int
drop(int store_fd)
{
	struct stat st = {0};

	if (geteuid() != 0)
		return gp_sandbox_drop_caps();
	if (store_fd >= 0 && fstat(store_fd, &st) < 0)
		return -errno;
	return gp_sandbox_drop(NOBODY, st.st_gid ? st.st_gid : NOGROUP, NULL,
	    0);
}

static int
limits(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return -errno;
	/* the answer may go to a file */
	return gp_sandbox_limits((unsigned)files.rlim_cur);
}

int
profile_enter(int store_fd, int helper_fd, bool landlock,
    int (*start_threads)(void *arg), void *arg, const char **step)
{
	struct gp_path store = {store_fd, GP_PATH_READ};
	struct gp_syscall with_helper[N_RULES + 1];
	int rc;

	*step = "dropping privileges";
	rc = drop(store_fd);
	if (rc < 0)
		return rc;
	if (landlock) {
		*step = "Landlock";
		rc = gp_sandbox_landlock(&store, store_fd >= 0);
		if (rc < 0)
			return rc;
	}
	/* Landlock holds for threads that are made behind it, the limits allow
	 * no more of them, and the filter is put on all that are there */
	*step = "starting threads";
	rc = start_threads ? start_threads(arg) : 0;
	if (rc < 0)
		return rc;
	*step = "setting limits";
	rc = limits();
	if (rc < 0)
		return rc;
	*step = "seccomp";
	if (helper_fd < 0)
		return gp_sandbox_seccomp(table, N_RULES);
	memcpy(with_helper, table, sizeof(table));
	with_helper[N_RULES] = (struct gp_syscall){SCMP_SYS(write),
	    "questions to goquery-resolve", {EQ(0, helper_fd)}};
	return gp_sandbox_seccomp(with_helper, N_RULES + 1);
}
