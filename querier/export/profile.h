/*
 * profile - what goprobe-export keeps: read the store, write its state, talk
 * to one TCP port.
 */
#ifndef EXPORT_PROFILE_H
#define EXPORT_PROFILE_H

#include <stdint.h>
#include <sys/types.h>

#include "common/base/conf.h"
#include "common/base/sandbox.h"

/* Folders; -1: none. */
struct profile_fds {
	int store;   /* to read; its group is kept when root started us */
	int state;   /* the ledger */
	int status, metrics; /* to write */
	uint16_t port;       /* to connect to, 0: none */
};

/* Who we become when root started us: the exporter's user, or nobody. */
struct profile_ids {
	uid_t uid;
	gid_t gid;
};
struct profile_ids profile_ids(void);

/*
 * Limits; from root to profile_ids() with the store's group, and no capability
 * in any case; Landlock, which leaves the given folders and the port; the
 * filter.  0, or -errno with the step that failed in *step; then the caller
 * must leave.
 */
int profile_enter(const struct profile_fds *fds, enum gp_conf_sandbox how,
    const char **step);

/* What the filter lets pass. */
void profile_rules(struct gp_rules *out);

#endif
