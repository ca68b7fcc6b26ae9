#include "capture/profile.h"

#include <assert.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <pwd.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROFILE_USER "goprobe-capture"
#define NOFILE       64 /* what is open already stays */
#define BLOCK_MAX    1024 /* descriptors in a row of the filter */
#define SEND_FLAGS   (MSG_NOSIGNAL | MSG_DONTWAIT)

#define ANY(call, reason) {SCMP_SYS(call), reason, {NONE}}
#define EQ(i, v)       {GP_ARG_EQ, i, (uint64_t)(v), 0}
#define ZERO(i, m)     {GP_ARG_MASKED, i, (uint64_t)(m), 0}
/* two values that differ in one bit */
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

/* four rows a packet socket, two a connection, when no two are neighbours */
static_assert(GP_RULES_MAX >= 64 + WORKERS_MAX * (4 * SOURCE_HANDLES + 2),
    "room for the rows of all workers");

static void
put(struct gp_rules *out, struct gp_syscall row)
{
	gp_rules_put(out, &row, 1);
}

/*
 * Many workers have many descriptors, and a filter's length has a bound: one
 * row is for all numbers that have all bits but the last few in common, as long
 * as no other socket is among them.  What is closed stays closed, and the calls
 * which are checked so do nothing to what is no socket.
 */
struct group {
	const int *fds; /* those it is for */
	size_t n;
	struct gp_arg arg; /* of the numbers in this block of it */
	int first, size;
};

static bool
holds(const struct group *g, int fd)
{
	return fd >= g->first && fd - g->first < g->size;
}

static bool
is_one(const struct group *g, int fd)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->fds[i] == fd)
			return true;
	return false;
}

static bool
has_stranger(const struct group *g)
{
	struct stat st;

	for (int fd = g->first; fd < g->first + g->size; fd++)
		if (!is_one(g, fd) && fstat(fd, &st) == 0 &&
		    S_ISSOCK(st.st_mode))
			return true;
	return false;
}

static size_t
count(const struct group *g)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n; i++)
		n += holds(g, g->fds[i]);
	return n;
}

/* The smallest block around a descriptor that holds as many of them as any. */
static void
grow(struct group *g, int fd)
{
	struct group best = *g;

	best.first = fd;
	best.size = 1;
	for (int size = 2; size <= BLOCK_MAX; size *= 2) {
		struct group larger = best;

		larger.first = fd & ~(size - 1);
		larger.size = size;
		if (has_stranger(&larger))
			break;
		if (count(&larger) > count(&best))
			best = larger;
	}
	*g = best;
	g->arg = g->size == 1 ? (struct gp_arg)EQ(0, fd) :
	    (struct gp_arg){GP_ARG_MASKED, 0, ~(uint64_t)(g->size - 1),
		(uint64_t)g->first};
}

static void
for_each_block(struct gp_rules *out, const int *fds, size_t n,
    void (*rows)(struct gp_rules *out, struct gp_arg fd))
{
	struct group g = {.fds = fds, .n = n};

	/* numbers grow as they are opened, and blocks with them */
	for (size_t i = 0; i < n; i++) {
		if (holds(&g, fds[i]))
			continue;
		grow(&g, fds[i]);
		rows(out, g.arg);
	}
}

/* Datagrams to whom the socket is connected to, nobody else, and without
 * descriptors: sendmsg could name another receiver and hand it the packet
 * socket. */
static void
to_peer(struct gp_rules *out, struct gp_arg fd, const char *why)
{
	put(out, (struct gp_syscall){SCMP_SYS(sendto), why,
		     {fd, ZERO(3, ~(uint32_t)SEND_FLAGS), EQ(4, 0)}});
}

static void
writer_connection(struct gp_rules *out, struct gp_arg fd)
{
	to_peer(out, fd, "doorbells to the writer");
	put(out, (struct gp_syscall){SCMP_SYS(recvfrom), "acknowledgements",
		     {fd, ZERO(3, ~(uint32_t)(MSG_DONTWAIT | MSG_TRUNC)),
			 EQ(4, 0)}});
}

static void
packet_socket(struct gp_rules *out, struct gp_arg fd)
{
	put(out, (struct gp_syscall){SCMP_SYS(getsockopt), "drop counters",
		     {fd, EQ(1, SOL_PACKET), EQ(2, PACKET_STATISTICS)}});
	put(out, (struct gp_syscall){SCMP_SYS(getsockopt),
		     "why poll said error",
		     {fd, EQ(1, SOL_SOCKET), EQ(2, SO_ERROR)}});
	put(out, (struct gp_syscall){SCMP_SYS(getsockname),
		     "whether the interface is still there", {fd}});
	put(out, (struct gp_syscall){SCMP_SYS(ioctl),
		     "whether the interface is up, and whose its name is",
		     {fd, EITHER(1, SIOCGIFFLAGS, SIOCGIFINDEX)}});
}

void
profile_rules(const struct profile_fds *fds, struct gp_rules *out)
{
	out->n = 0;
	gp_rules_put(out, common, sizeof(common) / sizeof(common[0]));
	put(out, (struct gp_syscall){SCMP_SYS(write), "log lines", {EQ(0, 2)}});
	for_each_block(out, fds->ctl, fds->n_ctl, writer_connection);
	if (fds->notify >= 0)
		to_peer(out, (struct gp_arg)EQ(0, fds->notify),
		    "READY, STATUS, WATCHDOG");
	if (fds->offline)
		gp_rules_put(out, offline, sizeof(offline) / sizeof(offline[0]));
	else
		gp_rules_put(out, live, sizeof(live) / sizeof(live[0]));
	for_each_block(out, fds->packet, fds->n_packet, packet_socket);
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
