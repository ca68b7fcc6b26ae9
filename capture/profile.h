/*
 * profile - what capture keeps once it has let everything else go: system
 * calls with a reason each, arguments checked where a descriptor is power.
 *
 * The packet socket could still send, rebind and watch other interfaces
 * without any capability; this table is what prevents it.
 */
#ifndef CAPTURE_PROFILE_H
#define CAPTURE_PROFILE_H

#include <stddef.h>

#include "capture/workers.h"

struct profile_fds {
	int ctl[WORKERS_MAX]; /* connections to the writer */
	size_t n_ctl;
	int notify;  /* supervisor, -1 for none */
	int packet[WORKERS_MAX * SOURCE_HANDLES]; /* live: packet sockets */
	size_t n_packet;
};

/* Live: no file is readable; packet sockets can only be polled and asked for
 * statistics.  0 or -errno. */
int profile_enter_live(const struct profile_fds *fds);

/* Offline: as live, and the inputs can be read; there is no packet socket. */
int profile_enter_offline(const struct profile_fds *fds);

#endif
