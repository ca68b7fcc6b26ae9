#include "common/base/sandbox.h"

#include <assert.h>
#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- seccomp ------------------------------------------------------------ */

void
gp_rules_put(struct gp_rules *rules, const struct gp_syscall *rows, size_t n)
{
	assert(n <= GP_RULES_MAX - rules->n);
	memcpy(rules->row + rules->n, rows, n * sizeof(*rows));
	rules->n += n;
}

static int
add_rule(scmp_filter_ctx ctx, const struct gp_syscall *row)
{
	struct scmp_arg_cmp cmp[3];
	unsigned n = 0;

	for (size_t i = 0; i < 3; i++) {
		const struct gp_arg *a = &row->arg[i];

		if (a->op == GP_ARG_ANY)
			continue;
		memset(&cmp[n], 0, sizeof(cmp[n]));
		cmp[n].arg = a->index;
		cmp[n].op =
		    a->op == GP_ARG_EQ ? SCMP_CMP_EQ : SCMP_CMP_MASKED_EQ;
		cmp[n].datum_a = a->a;
		cmp[n].datum_b = a->b;
		n++;
	}
	return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, row->nr, n, cmp);
}

int
gp_sandbox_seccomp(const struct gp_syscall *table, size_t n)
{
	scmp_filter_ctx ctx;
	int rc;

#ifdef GP_SANITIZED
	/* A sanitizer's own calls are not in the table; such builds cannot be
	 * installed (GNUmakefile). */
	(void)table;
	(void)n;
	(void)ctx;
	(void)rc;
	(void)add_rule;
	return 0;
#else
	ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (ctx == NULL)
		return -ENOMEM;
	rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_KILL_PROCESS);
	if (rc == 0)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 1);
	if (rc == 0)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = add_rule(ctx, &table[i]);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc;
#endif
}

/* ---- Landlock ----------------------------------------------------------- */

/* Debian 12's kernel headers end at ABI 2; the kernel may know more.  Values
 * from the kernel's uapi/linux/landlock.h. */
#define FS_TRUNCATE  (UINT64_C(1) << 14) /* ABI 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define NET_ALL      UINT64_C(3)         /* ABI 4: TCP bind and connect */
#define NET_CONNECT  UINT64_C(2)
#define RULE_NET_PORT 2
#define SCOPE_ALL    UINT64_C(3)         /* ABI 6: abstract sockets, signals */

struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

static int
create_ruleset(const struct ruleset_attr *attr, size_t size, uint32_t flags)
{
	return (int)syscall(SYS_landlock_create_ruleset, attr, size, flags);
}

int
gp_sandbox_landlock_abi(void)
{
	int abi = create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? 0 : abi;
}

static uint64_t
rights_of(unsigned rights, bool folder, uint64_t handled)
{
	uint64_t access = 0;

	if (rights & GP_PATH_READ)
		access |= LANDLOCK_ACCESS_FS_READ_FILE |
		    LANDLOCK_ACCESS_FS_READ_DIR;
	if (rights & GP_PATH_WRITE)
		access |= LANDLOCK_ACCESS_FS_WRITE_FILE |
		    LANDLOCK_ACCESS_FS_REMOVE_DIR |
		    LANDLOCK_ACCESS_FS_REMOVE_FILE |
		    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
		    LANDLOCK_ACCESS_FS_REFER | FS_TRUNCATE;
	if (!folder)
		access &= LANDLOCK_ACCESS_FS_READ_FILE |
		    LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE;
	return access & handled;
}

static int
add_path(int ruleset, const struct gp_path *path, uint64_t handled)
{
	struct landlock_path_beneath_attr attr = {0};
	struct stat st;

	if (fstat(path->fd, &st) < 0)
		return -errno;
	attr.parent_fd = path->fd;
	attr.allowed_access =
	    rights_of(path->rights, S_ISDIR(st.st_mode), handled);
	if (syscall(SYS_landlock_add_rule, ruleset,
		LANDLOCK_RULE_PATH_BENEATH, &attr, 0) < 0)
		return -errno;
	return 0;
}

static int
add_port(int ruleset, uint16_t port)
{
	const struct {
		uint64_t allowed_access, port;
	} attr = {NET_CONNECT, port};

	return syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &attr,
		   0) < 0 ? -errno : 0;
}

/* port 0: none */
static int
restrict_self(const struct gp_path *paths, size_t n, uint16_t port)
{
	struct ruleset_attr attr = {0};
	size_t size = sizeof(attr.handled_access_fs);
	int abi = gp_sandbox_landlock_abi();
	int ruleset;
	int rc = 0;

	if (abi == 0)
		return -ENOSYS;
	attr.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
	if (abi >= 2)
		attr.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		attr.handled_access_fs |= FS_TRUNCATE;
	if (abi >= 4) {
		attr.handled_access_net = NET_ALL;
		size = offsetof(struct ruleset_attr, scoped);
	}
	if (abi >= 5)
		attr.handled_access_fs |= FS_IOCTL_DEV;
	if (abi >= 6) {
		attr.scoped = SCOPE_ALL;
		size = sizeof(attr);
	}
	ruleset = create_ruleset(&attr, size, 0);
	if (ruleset < 0)
		return -errno;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = add_path(ruleset, &paths[i], attr.handled_access_fs);
	if (rc == 0 && port != 0 && attr.handled_access_net)
		rc = add_port(ruleset, port);
	if (rc == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		rc = -errno;
	if (rc == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		rc = -errno;
	(void)close(ruleset);
	return rc;
}

int
gp_sandbox_landlock(const struct gp_path *paths, size_t n)
{
	return restrict_self(paths, n, 0);
}

int
gp_sandbox_landlock_connect(const struct gp_path *paths, size_t n,
    uint16_t port)
{
	return restrict_self(paths, n, port);
}

/* ---- identity and capabilities ------------------------------------------ */

static int
verify_caps(bool bounding_too)
{
	if (capng_get_caps_process() < 0)
		return -EIO;
	if (capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE ||
	    capng_have_capabilities(CAPNG_SELECT_AMBIENT) != CAPNG_NONE)
		return -EPERM;
	if (bounding_too &&
	    capng_have_capabilities(CAPNG_SELECT_BOUNDS) != CAPNG_NONE)
		return -EPERM;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return -EPERM;
	return 0;
}

static int
verify_ids(uid_t uid, gid_t gid, size_t n_groups)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	if (getresuid(&r, &e, &s) < 0 || getresgid(&rg, &eg, &sg) < 0)
		return -errno;
	if (r != uid || e != uid || s != uid || rg != gid || eg != gid ||
	    sg != gid)
		return -EPERM;
	if (getgroups(0, NULL) != (int)n_groups)
		return -EPERM;
	if (uid != 0 && setuid(0) == 0) /* the way back must be shut */
		return -EPERM;
	return 0;
}

static int
seal_process(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

int
gp_sandbox_drop(uid_t uid, gid_t gid, const gid_t *groups, size_t n_groups)
{
	int rc;

	if (uid == 0 || gid == 0)
		return -EINVAL;
	if (setgroups(n_groups, groups) < 0)
		return -errno;
	capng_clear(CAPNG_SELECT_ALL);
	if (capng_change_id((int)uid, (int)gid, CAPNG_CLEAR_BOUNDING) != 0)
		return -EPERM;
	rc = seal_process();
	if (rc == 0)
		rc = verify_ids(uid, gid, n_groups);
	if (rc == 0)
		rc = verify_caps(true);
	return rc;
}

int
gp_sandbox_drop_caps(void)
{
	int rc;

	if (geteuid() == 0)
		return -EPERM;
	if (capng_get_caps_process() < 0)
		return -EIO;
	/* Without CAP_SETPCAP the bounding set stays what it was; with
	 * no-new-privileges nothing can be gained through it.  Who has nothing
	 * need not ask: systemd's filter does not even let the writer call
	 * capset. */
	if (capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE) {
		capng_clear(CAPNG_SELECT_CAPS);
		if (capng_apply(CAPNG_SELECT_CAPS) != 0)
			return -EPERM;
	}
	rc = seal_process();
	return rc == 0 ? verify_caps(false) : rc;
}

static int
limit(int what, rlim_t value)
{
	struct rlimit rl = {value, value};
	struct rlimit have;

	if (getrlimit((__rlimit_resource_t)what, &have) < 0)
		return -errno;
	if (have.rlim_max < value) /* may only be lowered */
		rl.rlim_cur = rl.rlim_max = have.rlim_max;
	return setrlimit((__rlimit_resource_t)what, &rl) < 0 ? -errno : 0;
}

int
gp_sandbox_limits(unsigned nofile)
{
	int rc = limit(RLIMIT_CORE, 0);

	if (rc == 0)
		rc = limit(RLIMIT_NPROC, 0);
	if (rc == 0)
		rc = limit(RLIMIT_NOFILE, nofile);
	return rc;
}

int
gp_sandbox_limits_but_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return -errno;
	return gp_sandbox_limits((unsigned)files.rlim_cur);
}
