#include "capture/profile.h"

#include <assert.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "common/base/sandbox.h"

#define ANY(call, reason) {SCMP_SYS(call), reason, {NONE}}
#define EQ(i, v)       {GP_ARG_EQ, i, (uint64_t)(v), 0}
#define ZERO(i, m)     {GP_ARG_MASKED, i, (uint64_t)(m), 0}
#define NONE           {GP_ARG_ANY, 0, 0, 0}

/*
 * Absent on purpose: send and sendto but on the writer's connection, bind,
 * setsockopt, socket, connect, open, dup, close, fcntl, clone, execve,
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

/* four rows a packet socket, two a connection */
#define ROWS_MAX (64 + WORKERS_MAX * (4 * SOURCE_HANDLES + 2))

struct builder {
	struct gp_syscall rows[ROWS_MAX];
	size_t n;
};

static void
put(struct builder *b, struct gp_syscall row)
{
	assert(b->n < sizeof(b->rows) / sizeof(b->rows[0]));
	b->rows[b->n++] = row;
}

static void
begin(struct builder *b, const struct profile_fds *fds)
{
	b->n = 0;
	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		put(b, common[i]);
	put(b, (struct gp_syscall){SCMP_SYS(write), "log lines", {EQ(0, 2)}});
	for (size_t i = 0; i < fds->n_ctl; i++) {
		put(b, (struct gp_syscall){SCMP_SYS(sendto),
			   "doorbells to the writer",
			   {EQ(0, fds->ctl[i]), EQ(4, 0)}});
		put(b, (struct gp_syscall){SCMP_SYS(recvfrom),
			   "acknowledgements", {EQ(0, fds->ctl[i])}});
	}
	if (fds->notify >= 0)
		put(b, (struct gp_syscall){SCMP_SYS(sendmsg),
			   "READY, STATUS, WATCHDOG", {EQ(0, fds->notify)}});
}

static void
packet_socket(struct builder *b, int fd)
{
	put(b, (struct gp_syscall){SCMP_SYS(getsockopt), "drop counters",
		   {EQ(0, fd), EQ(1, SOL_PACKET), EQ(2, PACKET_STATISTICS)}});
	put(b, (struct gp_syscall){SCMP_SYS(getsockopt), "why poll said error",
		   {EQ(0, fd), EQ(1, SOL_SOCKET), EQ(2, SO_ERROR)}});
	put(b, (struct gp_syscall){SCMP_SYS(getsockname),
		   "whether the interface is still there", {EQ(0, fd)}});
	put(b, (struct gp_syscall){SCMP_SYS(ioctl),
		   "whether the interface is up",
		   {EQ(0, fd), EQ(1, SIOCGIFFLAGS)}});
}

int
profile_enter_live(const struct profile_fds *fds)
{
	static struct builder b;

	begin(&b, fds);
	/* read(2) reaches no packet: those come through the mapped ring */
	put(&b, (struct gp_syscall){SCMP_SYS(read),
		    "the interface's own drop counters",
		    {NONE}});
	put(&b, (struct gp_syscall){SCMP_SYS(lseek),
		    "back to the start of those counters",
		    {NONE}});
	for (size_t i = 0; i < fds->n_packet; i++)
		packet_socket(&b, fds->packet[i]);
	return gp_sandbox_seccomp(b.rows, b.n);
}

int
profile_enter_offline(const struct profile_fds *fds)
{
	static struct builder b;

	begin(&b, fds);
	put(&b, (struct gp_syscall){SCMP_SYS(read), "input files",
		    {NONE}});
	put(&b, (struct gp_syscall){SCMP_SYS(lseek), "input files from the start",
		    {NONE}});
	put(&b, (struct gp_syscall){SCMP_SYS(newfstatat), "stdio: buffer size",
		    {NONE}});
	put(&b, (struct gp_syscall){SCMP_SYS(fstat), "the same, as libc may "
						     "spell it",
		    {NONE}});
	return gp_sandbox_seccomp(b.rows, b.n);
}
