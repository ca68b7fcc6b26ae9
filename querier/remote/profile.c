#include "querier/remote/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOBODY   65534 /* Debian's nobody and nogroup */
#define NOGROUP  65534

#define N(call, reason) {SCMP_SYS(call), reason, {{GP_ARG_ANY, 0, 0, 0}}}
#define EQ(i, v)        {GP_ARG_EQ, i, (uint64_t)(v), 0}
#define ZERO(i, m)      {GP_ARG_MASKED, i, (uint64_t)(m), 0}

#define TYPE_BITS 0xff /* of a socket's type, without its flags */
#define STREAM    {GP_ARG_MASKED, 1, TYPE_BITS, SOCK_STREAM}

/*
 * Absent on purpose: open in all its forms, bind, listen, accept, clone,
 * execve, kill, ptrace, ioctl, mprotect, dup, sendmsg, datagram and raw
 * sockets.  Which port can be reached is Landlock's matter; since it looks at
 * the connect of TCP alone, other streams (MPTCP, SCTP) are left out here, and
 * so is a receiver named while sending (fast open).
 */
static const struct gp_syscall table[] = {
    /* the server */
    {SCMP_SYS(socket), "TCP over IPv4", {EQ(0, AF_INET), STREAM, EQ(2, 0)}},
    {SCMP_SYS(socket), "TCP over IPv4",
	{EQ(0, AF_INET), STREAM, EQ(2, IPPROTO_TCP)}},
    {SCMP_SYS(socket), "TCP over IPv6",
	{EQ(0, AF_INET6), STREAM, EQ(2, 0)}},
    {SCMP_SYS(socket), "TCP over IPv6",
	{EQ(0, AF_INET6), STREAM, EQ(2, IPPROTO_TCP)}},
    N(connect, "the server; Landlock knows the port"),
    {SCMP_SYS(sendto), "the question",
	{ZERO(3, ~(uint32_t)(MSG_NOSIGNAL | MSG_DONTWAIT)), EQ(4, 0)}},
    {SCMP_SYS(recvfrom), "the answer",
	{ZERO(3, ~(uint32_t)(MSG_NOSIGNAL | MSG_DONTWAIT | MSG_PEEK)),
	    EQ(4, 0)}},
    N(getsockopt, "whether the connection stands"),
    N(getsockname, "libcurl notes both ends"),
    N(getpeername, "libcurl notes both ends"),
    {SCMP_SYS(setsockopt), "no waiting for more to send",
	{EQ(1, IPPROTO_TCP), EQ(2, TCP_NODELAY)}},
    {SCMP_SYS(fcntl), "nonblocking sockets", {EQ(1, F_GETFL)}},
    {SCMP_SYS(fcntl), "nonblocking sockets", {EQ(1, F_SETFL)}},
    {SCMP_SYS(fcntl), "close-on-exec", {EQ(1, F_SETFD)}},
    {SCMP_SYS(fcntl), "close-on-exec", {EQ(1, F_GETFD)}},
    N(poll, "waiting for the server"),
    N(ppoll, "the same, as libc may spell it"),
    {SCMP_SYS(socketpair), "how libcurl wakes itself", {EQ(0, AF_UNIX)}},
    N(close, "connections, lists"),
    N(read, "TLS, lists of addresses, goquery-resolve's answers"),
    /* no file can be opened: what is open to be written is the answer, the
     * messages, goquery-resolve and the connection */
    N(write, "the answer, messages, questions to goquery-resolve, TLS"),
    N(writev, "TLS"),
    N(newfstatat, "fstat in libc"),
    N(fstat, "as libc may spell it"),
    /* memory, time, end */
    {SCMP_SYS(mmap), "memory of our own, never executable",
	{ZERO(2, PROT_EXEC), {GP_ARG_MASKED, 3, MAP_ANONYMOUS, MAP_ANONYMOUS}}},
    N(munmap, "memory"),
    N(mremap, "memory"),
    N(madvise, "memory"),
    N(brk, "memory"),
    N(sysinfo, "qsort asks how much there is"),
    N(clock_gettime, "where the vdso cannot"),
    N(getrandom, "TLS"),
    N(getpid, "libcrypto asks whether it was forked"),
    N(rt_sigaction, "libcurl minds SIGPIPE"),
    N(rt_sigprocmask, "libc"),
    N(rt_sigreturn, "return from a handler"),
    N(restart_syscall, "after a stop and continue"),
    N(futex, "libc's locks"),
    N(exit_group, "the end"),
};

void
remote_profile_rules(struct gp_rules *out)
{
	out->n = 0;
	gp_rules_put(out, table, sizeof(table) / sizeof(table[0]));
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
remote_profile_enter(uint16_t port, bool landlock, const char **step)
{
	static struct gp_rules rules;
	int rc;

	*step = "dropping privileges";
	rc = geteuid() == 0 ? gp_sandbox_drop(NOBODY, NOGROUP, NULL, 0)
			    : gp_sandbox_drop_caps();
	if (rc < 0)
		return rc;
	if (landlock) {
		*step = "Landlock";
		rc = gp_sandbox_landlock_connect(NULL, 0, port);
		if (rc < 0)
			return rc;
	}
	*step = "setting limits";
	rc = limits();
	if (rc < 0)
		return rc;
	*step = "seccomp";
	remote_profile_rules(&rules);
	return gp_sandbox_seccomp(rules.row, rules.n);
}
