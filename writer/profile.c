#include "writer/profile.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* Of PEERS_MAX captures a ring and a connection; of each interface the journals
 * of the block that ends and of the next, and of one that a clock left. */
#define NOFILE     8192
/* read by the group; the metrics by anybody, who cannot enter the store */
#define FILE_MODES 0644

#define N(call, reason) {SCMP_SYS(call), reason, {{GP_ARG_ANY, 0, 0, 0}}}
#define EQ(i, v)     {GP_ARG_EQ, i, (uint64_t)(v), 0}
#define ZERO(i, m)   {GP_ARG_MASKED, i, (uint64_t)(m), 0}

/*
 * Absent on purpose: socket, connect, bind, listen, dup, clone, execve, kill,
 * ptrace, ioctl, memfd_create, io_uring, mprotect.  Which files can be opened
 * is Landlock's matter: below the store, and below the folders of the status
 * and of the metrics.  What it makes cannot become set-uid, executable or open
 * to others, so that a collaborator finds nothing there to run or to read.
 */
static const struct gp_syscall table[] = {
    /* rings and captures */
    N(poll, "the loop"),
    N(ppoll, "the loop, as libc spells it"),
    N(accept4, "captures connect"),
    N(recvmsg, "hello with the ring's descriptor"),
    {SCMP_SYS(recvfrom), "doorbells",
	{ZERO(3, ~(uint32_t)(MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC)),
	    EQ(4, 0)}},
    {SCMP_SYS(sendto), "acknowledgements; READY, STATUS, WATCHDOG",
	{ZERO(3, ~(uint32_t)(MSG_NOSIGNAL | MSG_DONTWAIT)), EQ(4, 0)}},
    {SCMP_SYS(pipe2), "BARRIER to the supervisor", {EQ(1, O_CLOEXEC)}},
    {SCMP_SYS(getsockopt), "who connects",
	{EQ(1, SOL_SOCKET), EQ(2, SO_PEERCRED)}},
    {SCMP_SYS(fcntl), "seals of a ring", {EQ(1, F_GET_SEALS)}},
    {SCMP_SYS(fcntl), "access mode of a ring", {EQ(1, F_GETFL)}},
    {SCMP_SYS(fcntl), "close-on-exec by fdopendir", {EQ(1, F_SETFD)}},
    /* the store */
    {SCMP_SYS(openat), "files below the store, never set-uid",
	{ZERO(2, O_PATH), ZERO(3, 07777 & ~FILE_MODES)}},
    N(close, "files, peers"),
    N(read, "signals, names, indexes"),
    N(pread64, "journals, indexes, ring headers"),
    N(write, "log lines, the lock"),
    N(pwrite64, "columns, indexes, journals"),
    N(lseek, "directory reading"),
    N(fsync, "commit"),
    N(fdatasync, "journals"),
    N(ftruncate, "a torn journal tail"),
    {SCMP_SYS(mkdirat), "interfaces and days", {ZERO(2, 07777 & ~0750)}},
    N(unlinkat, "finished journals, an unfinished status"),
    N(renameat, "replacing a file whole"),
    N(renameat2, "the same, as libc may spell it"),
    N(getdents64, "interfaces, days, journals"),
    N(newfstatat, "sizes; fstat in libc"),
    N(fstat, "sizes"),
    N(statx, "sizes, as libc may spell it"),
    {SCMP_SYS(fchmod), "files, whatever the umask",
	{ZERO(1, ~(uint32_t)FILE_MODES)}},
    {SCMP_SYS(fchmod), "folders, whatever the umask", {EQ(1, 0750)}},
    N(fstatfs, "space that is left"),
    N(flock, "one writer a store"),
    /* memory, time, end */
    {SCMP_SYS(mmap), "memory and rings, never executable",
	{ZERO(2, PROT_EXEC)}},
    N(munmap, "memory"),
    N(mremap, "memory"),
    N(madvise, "memory"),
    N(brk, "memory"),
    N(sysinfo, "qsort asks how much there is"),
    N(clock_gettime, "where the vdso cannot"),
    N(getrandom, "record ids, hash keys"),
    N(getpid, "the lock's text"),
    N(rt_sigreturn, "return from a handler"),
    N(restart_syscall, "after a stop and continue"),
    N(exit_group, "the end"),
    N(futex, "libc's locks"),
};

void
profile_rules(const struct profile_fds *fds, struct gp_rules *out)
{
	const struct gp_syscall store = {SCMP_SYS(sendmsg),
	    "descriptors to the supervisor's store", {EQ(0, fds->notify)}};

	out->n = 0;
	gp_rules_put(out, table, sizeof(table) / sizeof(table[0]));
	if (fds->notify >= 0)
		gp_rules_put(out, &store, 1);
}

static int
landlock(const struct profile_fds *fds)
{
	struct gp_path paths[3] = {{fds->store, GP_PATH_READ | GP_PATH_WRITE}};
	size_t n = 1;

	if (fds->status >= 0)
		paths[n++] = (struct gp_path){fds->status, GP_PATH_WRITE};
	if (fds->metrics >= 0)
		paths[n++] = (struct gp_path){fds->metrics, GP_PATH_WRITE};
	return gp_sandbox_landlock(paths, n);
}

int
profile_enter(const struct profile_fds *fds, enum gp_conf_sandbox how,
    const char **step)
{
	struct gp_rules rules;
	int rc;

	*step = "setting limits";
	rc = gp_sandbox_limits(NOFILE);
	if (rc < 0)
		return rc;
	*step = "dropping privileges";
	rc = gp_sandbox_drop_caps(); /* refuses uid 0 */
	if (rc < 0)
		return rc;
	if (how == GP_SANDBOX_FULL) {
		*step = "Landlock";
		rc = landlock(fds);
	}
	if (rc < 0 || how == GP_SANDBOX_OFF)
		return rc;
	*step = "seccomp";
	profile_rules(fds, &rules);
	return gp_sandbox_seccomp(rules.row, rules.n);
}
