#include "querier/export/profile.h"

#include "querier/export/http_profile.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define USER   "goprobe-export"
#define NOFILE 256
/* the ledger is ours alone, the group reads the status, all the metrics */
#define FILE_MODES   0644
#define FOLDER_MODES 0700

#define N(call, reason) {SCMP_SYS(call), reason, {{GP_ARG_ANY, 0, 0, 0}}}
#define EQ(i, v)        {GP_ARG_EQ, i, (uint64_t)(v), 0}
#define ZERO(i, m)      {GP_ARG_MASKED, i, (uint64_t)(m), 0}

/*
 * Beside http_profile.h, whose sendto also carries READY and STATUS, and whose
 * ppoll waits for the next look.  Absent on purpose: clone, execve, kill,
 * ptrace, mprotect, dup, memfd_create.  Which files can be written is
 * Landlock's matter.
 */
static const struct gp_syscall table[] = {
    /* the store and the ledger */
    {SCMP_SYS(openat), "files; Landlock knows which",
	{ZERO(2, O_PATH), ZERO(3, 07777 & ~FILE_MODES)}},
    N(close, "files, connections"),
    N(read, "indexes, names, TLS"),
    N(write, "log lines, the ledger, TLS"),
    N(pread64, "columns, indexes"),
    N(pwrite64, "the ledger"),
    N(lseek, "directory reading"),
    N(getdents64, "interfaces, days"),
    N(newfstatat, "sizes; fstat in libc"),
    N(fstat, "sizes"),
    N(statx, "sizes, as libc may spell it"),
    N(flock, "one exporter a ledger"),
    N(fsync, "the ledger"),
    N(fdatasync, "the ledger"),
    {SCMP_SYS(mkdirat), "the ledger's folders",
	{ZERO(2, 07777 & ~FOLDER_MODES)}},
    N(fstatfs, "how soon retention removes what was not shipped"),
    N(renameat, "replacing a file whole"),
    N(renameat2, "the same, as libc may spell it"),
    N(unlinkat, "an attempt that is over"),
    {SCMP_SYS(fchmod), "status and metrics, whatever the umask",
	{ZERO(1, ~(uint32_t)FILE_MODES)}},
    /* memory, time, end */
    {SCMP_SYS(mmap), "memory, never executable", {ZERO(2, PROT_EXEC)}},
    N(munmap, "memory"),
    N(mremap, "memory"),
    N(madvise, "memory"),
    N(brk, "memory"),
    N(sysinfo, "qsort asks how much there is"),
    N(clock_gettime, "where the vdso cannot"),
    N(clock_nanosleep, "until replicas have it, too"),
    N(getrandom, "attempts' ids, TLS"),
    N(rt_sigreturn, "return from a handler"),
    N(restart_syscall, "after a stop and continue"),
    N(futex, "libc's locks"),
    N(exit_group, "the end"),
};

void
profile_rules(struct gp_rules *out)
{
	out->n = 0;
	http_profile_rules(out);
	gp_rules_put(out, table, sizeof(table) / sizeof(table[0]));
}

struct profile_ids
profile_ids(void)
{
	const struct passwd *pw = getpwnam(USER);

	if (pw == NULL || pw->pw_uid == 0 || pw->pw_gid == 0)
		pw = getpwnam("nobody");
	if (pw == NULL || pw->pw_uid == 0 || pw->pw_gid == 0)
		return (struct profile_ids){GP_NOBODY, GP_NOBODY};
	return (struct profile_ids){pw->pw_uid, pw->pw_gid};
}

static int
drop(const struct profile_fds *fds)
{
	struct profile_ids ids;
	struct stat st = {.st_gid = 0};

	if (geteuid() != 0)
		return gp_sandbox_drop_caps();
	ids = profile_ids();
	if (fds->store >= 0 && fstat(fds->store, &st) < 0)
		return -errno;
	return gp_sandbox_drop(ids.uid, ids.gid, &st.st_gid, st.st_gid != 0);
}

static int
landlock(const struct profile_fds *fds)
{
	struct gp_path paths[4];
	size_t n = 0;

	if (fds->store >= 0)
		paths[n++] = (struct gp_path){fds->store, GP_PATH_READ};
	if (fds->state >= 0)
		paths[n++] = (struct gp_path){fds->state,
		    GP_PATH_READ | GP_PATH_WRITE};
	if (fds->status >= 0)
		paths[n++] = (struct gp_path){fds->status, GP_PATH_WRITE};
	if (fds->metrics >= 0)
		paths[n++] = (struct gp_path){fds->metrics, GP_PATH_WRITE};
	if (fds->port == 0)
		return gp_sandbox_landlock(paths, n);
	return gp_sandbox_landlock_connect(paths, n, fds->port);
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
	rc = drop(fds);
	if (rc < 0)
		return rc;
	if (how == GP_SANDBOX_FULL) {
		*step = "Landlock";
		rc = landlock(fds);
	}
	if (rc < 0 || how == GP_SANDBOX_OFF)
		return rc;
	*step = "seccomp";
	profile_rules(&rules);
	return gp_sandbox_seccomp(rules.row, rules.n);
}
