/*
 * deny CALL[,CALL...] PROGRAM [ARGUMENT...]: runs it where these system calls
 * fail with EPERM; `seccomp` also means prctl(PR_SET_SECCOMP).  How a program
 * behaves that cannot have its sandbox.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int
deny(scmp_filter_ctx ctx, const char *name)
{
	int nr = seccomp_syscall_resolve_name(name);
	int rc;

	if (nr == __NR_SCMP_ERROR)
		return -ENOENT;
	rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), nr, 0);
	if (rc == 0 && strcmp(name, "seccomp") == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM),
		    SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP, 0));
	return rc;
}

int
main(int argc, char **argv)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int rc = ctx == NULL ? -ENOMEM : 0;

	if (argc < 3) {
		fputs("usage: deny CALL[,CALL...] PROGRAM [ARGUMENT...]\n",
		    stderr);
		return 2;
	}
	if (rc == 0) /* what the program gains is its own matter */
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, geteuid() != 0);
	for (char *name = strtok(argv[1], ","); rc == 0 && name;
	     name = strtok(NULL, ","))
		rc = deny(ctx, name);
	if (rc == 0)
		rc = seccomp_load(ctx);
	if (rc < 0) {
		fprintf(stderr, "deny: %s\n", strerror(-rc));
		return 77;
	}
	execv(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
