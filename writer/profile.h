/* profile - what the writer keeps: paths, and system calls with a reason
 * each. */
#ifndef WRITER_PROFILE_H
#define WRITER_PROFILE_H

#include "common/base/conf.h"
#include "common/base/sandbox.h"

struct profile_fds {
	int store;   /* folder */
	int status;  /* folder, -1: none */
	int metrics; /* folder, -1: none */
	int notify;  /* supervisor, -1: none */
};

/*
 * Limits; no capability and no new ones; Landlock, which leaves the given
 * folders; the filter, for every thread.  Refuses to go on as root.  0, or
 * -errno with the step that failed in *step; then the caller must leave.
 */
int profile_enter(const struct profile_fds *fds, enum gp_conf_sandbox how,
    const char **step);

/* What the filter lets pass. */
void profile_rules(const struct profile_fds *fds, struct gp_rules *out);

#endif
