#include "capture/profile.h"

#include <assert.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <pwd.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROFILE_USER "goprobe-capture"
#define NOFILE       64 /* what is open already stays */
#define SEND_FLAGS   (MSG_NOSIGNAL | MSG_DONTWAIT)

#define ANY(call, reason) {SCMP_SYS(call), reason, {NONE}}
#define EQ(i, v)       {GP_ARG_EQ, i, (uint64_t)(v), 0}
#define ZERO(i, m)     {GP_ARG_MASKED, i, (uint64_t)(m), 0}
/* two values that differ in one bit: rows are dear with many workers */
#define EITHER(i, v, w) \
	{GP_ARG_MASKED, i, ~((uint64_t)(v) ^ (uint64_t)(w)), (uint64_t)(v)}
#define NONE           {GP_ARG_ANY, 0, 0, 0}
static_assert((SIOCGIFFLAGS ^ SIOCGIFINDEX) == 0x20 && !(SIOCGIFFLAGS & 0x20),
    "they differ in one bit");

/*
 * Absent on purpose: sendmsg, sendto but to the writer and the supervisor,
 * bind, setsockopt, socket, connect, open, dup, close, fcntl, clone, execve,
 * mprotect, memfd_create, io_uring.  Since descriptors can be neither opened
 * nor moved, their numbers in the arguments mean what they meant at the start.
 */
static const struct gp_syscall common[] = {
    ANY(poll, "the loop"),
    ANY(ppoll, "the loop, as libc spells it"),
    ANY(clock_gettime, "where the vdso cannot"),
    ANY(clock_nanosleep, "pauses"),
    ANY(rt_sigreturn, "return from a handler"),
    ANY(restart_syscall, "after a stop and continue"),
    ANY(exit_group, "the end"),
    ANY(brk, "memory"),
    {SCMP_SYS(mmap), "memory of our own, never executable",
	{ZERO(2, PROT_EXEC), {GP_ARG_MASKED, 3, MAP_ANONYMOUS, MAP_ANONYMOUS}}},
    ANY(munmap, "memory"),
    ANY(mremap, "memory"),
    ANY(madvise, "memory back to the kernel"),
    ANY(futex, "libc's locks; workers wait for each other"),
};

static const struct gp_syscall live[] = {
    /* read(2) reaches no packet: those come through the mapped ring */
    ANY(read, "the interface's own drop counters"),
    ANY(lseek, "back to the start of those counters"),
};

static const struct gp_syscall offline[] = {
    ANY(read, "input files"),
    ANY(lseek, "input files from the start"),
    ANY(newfstatat, "stdio: buffer size"),
    ANY(fstat, "the same, as libc may spell it"),
};

/* four rows a packet socket, two a connection */
static_assert(GP_RULES_MAX >= 64 + WORKERS_MAX * (4 * SOURCE_HANDLES + 2),
    "room for the rows of all workers");

static void
put(struct gp_rules *out, struct gp_syscall row)
{
	gp_rules_put(out, &row, 1);
}

/* Datagrams to whom the socket is connected to, nobody else, and without
 * descriptors: sendmsg could name another receiver and hand it the packet
 * socket. */
static void
to_peer(struct gp_rules *out, int fd, const char *why)
{
	put(out, (struct gp_syscall){SCMP_SYS(sendto), why,
		     {EQ(0, fd), ZERO(3, ~(uint32_t)SEND_FLAGS), EQ(4, 0)}});
}

static void
writer_connection(struct gp_rules *out, int fd)
{
	to_peer(out, fd, "doorbells to the writer");
	put(out, (struct gp_syscall){SCMP_SYS(recvfrom), "acknowledgements",
		     {EQ(0, fd), ZERO(3, ~(uint32_t)(MSG_DONTWAIT | MSG_TRUNC)),
			 EQ(4, 0)}});
}

static void
packet_socket(struct gp_rules *out, int fd)
{
	put(out, (struct gp_syscall){SCMP_SYS(getsockopt), "drop counters",
		     {EQ(0, fd), EQ(1, SOL_PACKET), EQ(2, PACKET_STATISTICS)}});
	put(out, (struct gp_syscall){SCMP_SYS(getsockopt),
		     "why poll said error",
		     {EQ(0, fd), EQ(1, SOL_SOCKET), EQ(2, SO_ERROR)}});
	put(out, (struct gp_syscall){SCMP_SYS(getsockname),
		     "whether the interface is still there", {EQ(0, fd)}});
	put(out, (struct gp_syscall){SCMP_SYS(ioctl),
		     "whether the interface is up, and whose its name is",
		     {EQ(0, fd), EITHER(1, SIOCGIFFLAGS, SIOCGIFINDEX)}});
}

void
profile_rules(const struct profile_fds *fds, struct gp_rules *out)
{
	out->n = 0;
	gp_rules_put(out, common, sizeof(common) / sizeof(common[0]));
	put(out, (struct gp_syscall){SCMP_SYS(write), "log lines", {EQ(0, 2)}});
	for (size_t i = 0; i < fds->n_ctl; i++)
		writer_connection(out, fds->ctl[i]);
	if (fds->notify >= 0)
		to_peer(out, fds->notify, "READY, STATUS, WATCHDOG");
	if (fds->offline)
		gp_rules_put(out, offline, sizeof(offline) / sizeof(offline[0]));
	else
		gp_rules_put(out, live, sizeof(live) / sizeof(live[0]));
	for (size_t i = 0; i < fds->n_packet; i++)
		packet_socket(out, fds->packet[i]);
}

/* ---- entering ------------------------------------------------------------ */

static int
drop(const char **step)
{
	const struct passwd *pw;

	*step = "dropping privileges";
	if (geteuid() != 0)
		return gp_sandbox_drop_caps();
	pw = getpwnam(PROFILE_USER);
	if (pw == NULL) {
		*step = "user " PROFILE_USER;
		return -ENOENT;
	}
	return gp_sandbox_drop(pw->pw_uid, pw->pw_gid, NULL, 0);
}

int
profile_confine(enum gp_conf_sandbox how, const char **step)
{
	int rc = drop(step);

	if (rc < 0 || how != GP_SANDBOX_FULL)
		return rc;
	*step = "Landlock";
	return gp_sandbox_landlock(NULL, 0);
}

int
profile_seal(const struct profile_fds *fds, enum gp_conf_sandbox how,
    const char **step)
{
	static struct gp_rules rules;
	int rc;

	*step = "setting limits"; /* no further process: threads count, too */
	rc = gp_sandbox_limits(NOFILE);
	if (rc < 0)
		return rc;
	*step = "seccomp";
	if (how == GP_SANDBOX_OFF)
		return 0;
	profile_rules(fds, &rules);
	return gp_sandbox_seccomp(rules.row, rules.n);
}
