/*
 * sandbox - a seccomp allowlist given as a table; Landlock; dropping and
 * verifying identity and capabilities.
 *
 * Everything here fails closed: a caller that gets an error must leave.
 */
#ifndef GP_SANDBOX_H
#define GP_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One permitted system call.  Rules on the same call are alternatives, so a
 * call with checked arguments must have no row without. */
enum gp_arg_op {
	GP_ARG_ANY = 0,
	GP_ARG_EQ,     /* argument == a */
	GP_ARG_MASKED, /* (argument & a) == b */
};
struct gp_arg {
	enum gp_arg_op op;
	unsigned index; /* 0-5 */
	uint64_t a, b;
};
struct gp_syscall {
	int nr; /* SCMP_SYS() */
	const char *why;
	struct gp_arg arg[3];
};

/* A table as it grows; what a program keeps in the end. */
#define GP_RULES_MAX 768
struct gp_rules {
	struct gp_syscall row[GP_RULES_MAX];
	size_t n;
};
void gp_rules_put(struct gp_rules *rules, const struct gp_syscall *rows,
    size_t n);

/*
 * No-new-privileges, then the filter for every thread of the process
 * (TSYNC); anything else kills it.  0 or -errno.
 */
int gp_sandbox_seccomp(const struct gp_syscall *table, size_t n);

enum gp_path_rights {
	GP_PATH_READ = 1,  /* read files, list folders */
	GP_PATH_WRITE = 2, /* and create, write, cut, rename, remove */
};
struct gp_path {
	int fd; /* folder or file */
	unsigned rights;
};

/* Landlock ABI of the kernel, 0 when there is none. */
int gp_sandbox_landlock_abi(void);

/* Nothing of the file system but the given paths, no new TCP, no signals or
 * abstract sockets outward where the ABI knows them.  n may be 0.  0 or
 * -errno; -ENOSYS or -EOPNOTSUPP when the kernel has no Landlock. */
int gp_sandbox_landlock(const struct gp_path *paths, size_t n);

/* The same, but new TCP connections to `port` stay possible (below ABI 4 to
 * every port). */
int gp_sandbox_landlock_connect(const struct gp_path *paths, size_t n,
    uint16_t port);

#define GP_NOBODY 65534 /* Debian's nobody, as a uid, and nogroup, as a gid */

/*
 * To uid:gid with exactly the given supplementary groups, without any
 * capability in any of the five sets, no-new-privileges, not dumpable; then
 * reads all of it back.  0 or -errno (-EPERM: something was left).
 */
int gp_sandbox_drop(uid_t uid, gid_t gid, const gid_t *groups, size_t n_groups);

/* The same for a process that has no privilege to begin with: capabilities
 * cleared, no-new-privileges, verified. */
int gp_sandbox_drop_caps(void);

/* core and nproc to 0, nofile to `nofile`.  fsize stays: standard error may
 * be a file, and a log line must not kill. */
int gp_sandbox_limits(unsigned nofile);
/* The same, but as many files as there may be now. */
int gp_sandbox_limits_but_files(void);

#endif
