#include "querier/export/profile.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "common/base/sandbox.h"

#define N(call, reason) {SCMP_SYS(call), reason, {{GP_ARG_ANY, 0, 0, 0}}}
#define EQ(i, v)        {GP_ARG_EQ, i, (uint64_t)(v), 0}
#define ZERO(i, m)      {GP_ARG_MASKED, i, (uint64_t)(m), 0}

#define TYPE_BITS 0xff /* of a socket's type, without its flags */
#define STREAM    {GP_ARG_MASKED, 1, TYPE_BITS, SOCK_STREAM}

/*
 * Absent on purpose: bind, listen, accept, clone, execve, kill, ptrace,
 * mprotect, dup, memfd_create, datagram and raw sockets.  Which files can be
 * written and which port can be reached is Landlock's matter.
 */
static const struct gp_syscall table[] = {
    /* the server */
    {SCMP_SYS(socket), "TCP over IPv4", {EQ(0, AF_INET), STREAM}},
    {SCMP_SYS(socket), "TCP over IPv6", {EQ(0, AF_INET6), STREAM}},
    N(connect, "the server; Landlock knows the port"),
    N(sendto, "the question"),
    N(recvfrom, "the answer"),
    N(getsockopt, "whether the connection stands"),
    N(getsockname, "libcurl notes both ends"),
    N(getpeername, "libcurl notes both ends"),
    {SCMP_SYS(setsockopt), "TCP_NODELAY and keep-alive",
	{EQ(1, IPPROTO_TCP)}},
    {SCMP_SYS(setsockopt), "keep-alive",
	{EQ(1, SOL_SOCKET), EQ(2, SO_KEEPALIVE)}},
    {SCMP_SYS(fcntl), "nonblocking sockets", {EQ(1, F_GETFL)}},
    {SCMP_SYS(fcntl), "nonblocking sockets", {EQ(1, F_SETFL)}},
    {SCMP_SYS(fcntl), "close-on-exec", {EQ(1, F_SETFD)}},
    {SCMP_SYS(fcntl), "close-on-exec", {EQ(1, F_GETFD)}},
    N(poll, "waiting for the server"),
    N(ppoll, "the same, as libc may spell it"),
    {SCMP_SYS(socketpair), "how libcurl wakes itself", {EQ(0, AF_UNIX)}},
    /* the store and the ledger */
    {SCMP_SYS(openat), "files; Landlock knows which", {ZERO(2, O_PATH)}},
    N(close, "files, connections"),
    N(read, "indexes, names, TLS"),
    N(write, "log lines, the ledger, TLS"),
    N(writev, "TLS"),
    N(pread64, "columns, indexes"),
    N(pwrite64, "the ledger"),
    N(lseek, "directory reading"),
    N(getdents64, "interfaces, days"),
    N(newfstatat, "sizes; fstat in libc"),
    N(fstat, "sizes"),
    N(statx, "sizes, as libc may spell it"),
    N(fadvise64, "columns are read once"),
    N(flock, "one exporter a ledger"),
    N(fsync, "the ledger"),
    N(fdatasync, "the ledger"),
    N(mkdirat, "the ledger's folders"),
    N(renameat, "replacing a file whole"),
    N(renameat2, "the same, as libc may spell it"),
    N(unlinkat, "an attempt that is over"),
    N(sendmsg, "to the supervisor"),
    /* memory, time, end */
    {SCMP_SYS(mmap), "memory, never executable", {ZERO(2, PROT_EXEC)}},
    N(munmap, "memory"),
    N(mremap, "memory"),
    N(madvise, "memory"),
    N(brk, "memory"),
    N(sysinfo, "qsort asks how much there is"),
    N(clock_gettime, "where the vdso cannot"),
    N(clock_nanosleep, "until the next look"),
    N(getrandom, "attempts' ids, TLS"),
    N(getpid, "libcrypto asks whether it was forked"),
    N(rt_sigaction, "libcurl minds SIGPIPE"),
    N(rt_sigprocmask, "libc"),
    N(rt_sigreturn, "return from a handler"),
    N(restart_syscall, "after a stop and continue"),
    N(futex, "libc's locks"),
    N(exit_group, "the end"),
};

int
profile_seccomp(void)
{
	return gp_sandbox_seccomp(table, sizeof(table) / sizeof(table[0]));
}
