#include "querier/export/http_profile.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <sys/socket.h>

#define N(call, reason) {SCMP_SYS(call), reason, {{GP_ARG_ANY, 0, 0, 0}}}
#define EQ(i, v)        {GP_ARG_EQ, i, (uint64_t)(v), 0}
#define ZERO(i, m)      {GP_ARG_MASKED, i, (uint64_t)(m), 0}

#define TYPE_BITS 0xff /* of a socket's type, without its flags */
#define STREAM    {GP_ARG_MASKED, 1, TYPE_BITS, SOCK_STREAM}

/*
 * Absent on purpose: bind, listen, accept, sendmsg, datagram and raw sockets.
 * Which port can be reached is Landlock's matter; since it looks at the connect
 * of TCP alone, streams of other protocols (MPTCP, SCTP) are left out here, and
 * so is a receiver named while sending (fast open).
 */
static const struct gp_syscall table[] = {
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
    N(writev, "TLS"),
    N(getpid, "libcrypto asks whether it was forked"),
    N(rt_sigaction, "libcurl minds SIGPIPE"),
    N(rt_sigprocmask, "libc"),
};

void
http_profile_rules(struct gp_rules *rules)
{
	gp_rules_put(rules, table, sizeof(table) / sizeof(table[0]));
}
