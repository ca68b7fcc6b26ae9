#include "querier/profile.h"

#include "common/base/fd.h"
#include "common/base/sandbox.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <errno.h>
#include <unistd.h>

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
    N(poll, "a list that comes through a pipe"),
    N(ppoll, "as libc may spell it"),
    N(getdents64, "interfaces, days, journals"),
    N(newfstatat, "sizes; fstat in libc"),
    N(fstat, "sizes"),
    N(statx, "sizes, as libc may spell it"),
    {SCMP_SYS(fcntl), "fdopendir asks for the mode", {EQ(1, F_GETFL)}},
    {SCMP_SYS(fcntl), "close-on-exec by fdopendir", {EQ(1, F_SETFD)}},
    /* the answer */
    {SCMP_SYS(write), "the answer", {EQ(0, STDOUT_FILENO)}},
    {SCMP_SYS(write), "messages", {EQ(0, STDERR_FILENO)}},
    /* memory, time, end */
    {SCMP_SYS(mmap), "memory of our own, never executable",
	{ZERO(2, PROT_EXEC), {GP_ARG_MASKED, 3, MAP_ANONYMOUS, MAP_ANONYMOUS}}},
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
    {SCMP_SYS(sched_setaffinity), "a thread of the pool, of itself",
	{EQ(0, 0)}},
    {SCMP_SYS(sched_getaffinity), "who leads them away, of itself",
	{EQ(0, 0)}},
    N(exit_group, "the end"),
};

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
	return gp_sandbox_drop(GP_NOBODY, st.st_gid ? st.st_gid : GP_NOBODY,
	    NULL, 0);
}

void
profile_rules(const struct profile_fds *fds, struct gp_rules *out)
{
	const struct gp_syscall ask = {SCMP_SYS(write),
	    "questions to goquery-resolve", {EQ(0, fds->helper)}};

	out->n = 0;
	gp_rules_put(out, table, sizeof(table) / sizeof(table[0]));
	if (fds->helper >= 0)
		gp_rules_put(out, &ask, 1);
}

static int
close_others(const struct profile_fds *fds)
{
	int stay[PROFILE_KEEP_MAX + 1] = {fds->store};

	if (fds->n_keep > PROFILE_KEEP_MAX)
		return -EINVAL;
	for (size_t i = 0; i < fds->n_keep; i++)
		stay[i + 1] = fds->keep[i];
	return gp_fd_close_others(stay, fds->n_keep + 1);
}

int
profile_enter(const struct profile_fds *fds, bool landlock,
    int (*start_threads)(void *arg), void *arg, const char **step)
{
	struct gp_path store = {fds->store, GP_PATH_READ};
	static struct gp_rules rules;
	int rc;

	*step = "closing what was inherited";
	rc = close_others(fds);
	if (rc < 0)
		return rc;
	*step = "dropping privileges";
	rc = drop(fds->store);
	if (rc < 0)
		return rc;
	if (landlock) {
		*step = "Landlock";
		rc = gp_sandbox_landlock(&store, fds->store >= 0);
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
	rc = gp_sandbox_limits_but_files();
	if (rc < 0)
		return rc;
	*step = "seccomp";
	profile_rules(fds, &rules);
	return gp_sandbox_seccomp(rules.row, rules.n);
}
