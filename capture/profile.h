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

#define PROFILE_FDS 8

struct profile_fds {
	int ctl;     /* connection to the writer */
	int notify;  /* supervisor, -1 for none */
	int signals; /* signalfd */
	int packet[PROFILE_FDS]; /* live: packet sockets */
	size_t n_packet;
};

/* Live: no file is readable; packet sockets can only be polled and asked for
 * statistics.  0 or -errno. */
int profile_enter_live(const struct profile_fds *fds);

/* Offline: as live, and the inputs can be read; there is no packet socket. */
int profile_enter_offline(const struct profile_fds *fds);

#endif
