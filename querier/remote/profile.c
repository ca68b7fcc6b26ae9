#include "querier/remote/profile.h"

#include "querier/export/http_profile.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#define N(call, reason) {SCMP_SYS(call), reason, {{GP_ARG_ANY, 0, 0, 0}}}
#define EQ(i, v)        {GP_ARG_EQ, i, (uint64_t)(v), 0}
#define ZERO(i, m)      {GP_ARG_MASKED, i, (uint64_t)(m), 0}

/*
 * Beside http_profile.h.  Absent on purpose: open in all its forms, clone,
 * execve, kill, ptrace, ioctl, mprotect, dup.
 */
static const struct gp_syscall table[] = {
    N(close, "connections, lists"),
    N(read, "TLS, lists of addresses, goquery-resolve's answers"),
    /* no file can be opened: what is open to be written is the answer, the
     * messages, goquery-resolve and the connection */
    N(write, "the answer, messages, questions to goquery-resolve, TLS"),
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
    N(rt_sigreturn, "return from a handler"),
    N(restart_syscall, "after a stop and continue"),
    N(futex, "libc's locks"),
    N(exit_group, "the end"),
};

void
remote_profile_rules(struct gp_rules *out)
{
	out->n = 0;
	http_profile_rules(out);
	gp_rules_put(out, table, sizeof(table) / sizeof(table[0]));
}

int
remote_profile_enter(uint16_t port, bool landlock, const char **step)
{
	static struct gp_rules rules;
	int rc;

	*step = "dropping privileges";
	rc = geteuid() == 0 ? gp_sandbox_drop(GP_NOBODY, GP_NOBODY, NULL, 0)
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
	rc = gp_sandbox_limits_but_files();
	if (rc < 0)
		return rc;
	*step = "seccomp";
	remote_profile_rules(&rules);
	return gp_sandbox_seccomp(rules.row, rules.n);
}
