/*
 * notify - systemd's notification protocol, both ends (sd_notify(3),
 * sd_listen_fds(3), sd_pid_notify_with_fds(3)).
 *
 * The service's end: descriptors passed in, messages out.  The supervisor's
 * end is the launcher's, which plays systemd where there is none.
 */
#ifndef GP_NOTIFY_H
#define GP_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define GP_LISTEN_FDS_START 3
#define GP_LISTEN_FDS_MAX   65536 /* beyond what a command line holds */

/* ---- service ----------------------------------------------------------- */

struct gp_passed_fd {
	int fd;
	char name[64];
};

/*
 * Descriptors passed to this process (LISTEN_PID, LISTEN_FDS,
 * LISTEN_FDNAMES), made CLOEXEC; the variables are removed.  Returns the
 * count, *out owned by the caller (free); -errno.
 */
int gp_notify_listen_fds(struct gp_passed_fd **out);

/*
 * Connects to NOTIFY_SOCKET (removed from the environment) so that later
 * messages need neither connect nor address.  The launcher has none: it passes
 * a descriptor called GP_NOTIFY_NAME, which is `passed` (-1: there is none),
 * taken; closed where there is an address, so that nobody comes between systemd
 * and us by what he left in its descriptor store.  The descriptor, or -1 when
 * no supervisor listens; -errno below -1.
 */
#define GP_NOTIFY_NAME "notify"
int gp_notify_open(int passed);

/* Sends "VAR=value\n...", with up to GP_NOTIFY_SEND_MAX descriptors, which stay
 * the caller's: 0, -EINVAL for more, -errno.  Quietly nothing when fd is -1. */
#define GP_NOTIFY_SEND_MAX 8
int gp_notify_send(int fd, const char *text);
int gp_notify_send_fds(int fd, const char *text, const int *fds, size_t n);

/* Waits until the supervisor has worked on everything sent before
 * (BARRIER=1): 0, -ETIMEDOUT, -errno. */
int gp_notify_barrier(int fd, int timeout_ms);

/* Half of WATCHDOG_USEC in ms, from 1 to INT_MAX; 0 when there is no watchdog
 * or it is another process's (WATCHDOG_PID). */
int gp_notify_watchdog_ms(void);

/* ---- supervisor -------------------------------------------------------- */

/*
 * Two ends without a name, both owned by the caller: ends[0] receives
 * notifications with credentials and descriptors, ends[1] is for all children.
 * Nobody else can send: closing what a stranger passed may sleep for as long
 * as he likes (SO_LINGER).  0 or -errno, with nothing in `ends` then.
 */
int gp_notify_pair(int ends[2]);

#define GP_NOTIFY_RECV_MAX 64 /* descriptors; further ones are closed */
struct gp_notification {
	pid_t pid; /* from SCM_CREDENTIALS; 0: unknown */
	char text[4096]; /* NUL-terminated; what is longer is cut */
	int fds[GP_NOTIFY_RECV_MAX];
	size_t n_fds; /* owned by the caller */
};
/* Does not wait for a message: 0 with *n, -EAGAIN when there is none, -errno.
 * Closing descriptors, here the ones too many, blocks where their sender wants
 * it to. */
int gp_notify_recv(int sock, struct gp_notification *n);

/* Value of VAR in the message, copied; false when it is absent or too long. */
bool gp_notify_value(const struct gp_notification *n, const char *var,
    char *value, size_t size);

#endif
