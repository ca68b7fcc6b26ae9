#include "writer/profile.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>

#include "common/base/sandbox.h"

#define N(call, reason) {SCMP_SYS(call), reason, {{GP_ARG_ANY, 0, 0, 0}}}
#define EQ(i, v)     {GP_ARG_EQ, i, (uint64_t)(v), 0}
#define ZERO(i, m)   {GP_ARG_MASKED, i, (uint64_t)(m), 0}

/*
 * Absent on purpose: socket, connect, bind, listen, dup, clone, execve, kill,
 * ptrace, ioctl, memfd_create, io_uring, mprotect.  Which files can be opened
 * is Landlock's matter: below the store, and below the folders of the status
 * and of the metrics.
 */
static const struct gp_syscall table[] = {
    /* rings and captures */
    N(poll, "the loop"),
    N(ppoll, "the loop, as libc spells it"),
    N(accept4, "captures connect"),
    N(recvmsg, "hello with the ring's descriptor"),
    N(recvfrom, "doorbells"),
    N(sendto, "acknowledgements"),
    N(sendmsg, "descriptors to the supervisor's store"),
    N(pipe2, "BARRIER to the supervisor"),
    N(getsockopt, "SO_PEERCRED of who connects"),
    {SCMP_SYS(fcntl), "seals of a ring", {EQ(1, F_GET_SEALS)}},
    {SCMP_SYS(fcntl), "access mode of a ring", {EQ(1, F_GETFL)}},
    {SCMP_SYS(fcntl), "close-on-exec by fdopendir", {EQ(1, F_SETFD)}},
    /* the store */
    {SCMP_SYS(openat), "files below the store", {ZERO(2, O_PATH)}},
    N(close, "files, peers"),
    N(read, "signals, names, indexes"),
    N(pread64, "journals, indexes, ring headers"),
    N(write, "log lines, the lock"),
    N(pwrite64, "columns, indexes, journals"),
    N(lseek, "directory reading"),
    N(fsync, "commit"),
    N(fdatasync, "journals"),
    N(ftruncate, "a torn journal tail"),
    N(fallocate, "room before a commit"),
    N(mkdirat, "interfaces and days"),
    N(unlinkat, "finished journals, an unfinished status"),
    N(renameat, "replacing a file whole"),
    N(renameat2, "the same, as libc may spell it"),
    N(getdents64, "interfaces, days, journals"),
    N(newfstatat, "sizes; fstat in libc"),
    N(fstat, "sizes"),
    N(statx, "sizes, as libc may spell it"),
    N(fstatfs, "space that is left"),
    N(fchmod, "modes whatever the umask"),
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

int
profile_enter(void)
{
	return gp_sandbox_seccomp(table, sizeof(table) / sizeof(table[0]));
}
