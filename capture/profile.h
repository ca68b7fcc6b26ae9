/*
 * profile - what capture keeps once it has let everything else go: system
 * calls with a reason each, arguments checked where a descriptor is power.
 *
 * The packet socket could still send, rebind and watch other interfaces
 * without any capability; this table is what prevents it.
 */
#ifndef CAPTURE_PROFILE_H
#define CAPTURE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "capture/workers.h"
#include "common/base/conf.h"
#include "common/base/sandbox.h"

struct profile_fds {
	bool offline;
	int ctl[WORKERS_MAX]; /* connections to the writer */
	size_t n_ctl;
	int notify;  /* supervisor, -1 for none */
	int packet[WORKERS_MAX * SOURCE_HANDLES]; /* live: packet sockets */
	size_t n_packet;
};

/*
 * First: as root to the user goprobe-capture; no capability left; and Landlock,
 * which leaves nothing of the file system.  Landlock holds for the
 * calling thread and those it makes later, so threads come after this.
 * 0, or -errno with the step that failed in *step; then the caller must leave.
 */
int profile_confine(enum gp_conf_sandbox how, const char **step);

/*
 * Last, for every thread there is: limits and the filter.  Live no file is
 * readable and packet sockets can only be polled and asked for statistics;
 * offline the inputs can be read and there is no packet socket.  0 or -errno
 * likewise.
 */
int profile_seal(const struct profile_fds *fds, enum gp_conf_sandbox how,
    const char **step);

/* What profile_seal() lets pass, for the descriptors that are open now. */
void profile_rules(const struct profile_fds *fds, struct gp_rules *out);

#endif
