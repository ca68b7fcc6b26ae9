#include "common/base/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- service ------------------------------------------------------------ */

static long
env_number(const char *name, long max)
{
	const char *text = getenv(name);
	char *end;
	long value;

	if (text == NULL || *text < '0' || *text > '9')
		return -1;
	errno = 0;
	value = strtol(text, &end, 10);
	return errno || *end || value > max ? -1 : value;
}

int
gp_notify_listen_fds(struct gp_passed_fd **out)
{
	long pid = env_number("LISTEN_PID", INT32_MAX);
	long n = env_number("LISTEN_FDS", GP_LISTEN_FDS_MAX);
	const char *names = getenv("LISTEN_FDNAMES");
	struct gp_passed_fd *list;

	*out = NULL;
	if (pid != getpid() || n <= 0)
		return 0;
	list = calloc((size_t)n, sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	for (long i = 0; i < n; i++) {
		size_t len = names ? strcspn(names, ":") : 0;

		list[i].fd = GP_LISTEN_FDS_START + (int)i;
		if (fcntl(list[i].fd, F_SETFD, FD_CLOEXEC) < 0) {
			int rc = -errno;

			free(list);
			return rc;
		}
		if (len >= sizeof(list[i].name))
			len = sizeof(list[i].name) - 1;
		if (len > 0)
			memcpy(list[i].name, names, len);
		if (names) {
			names += strcspn(names, ":");
			names = *names ? names + 1 : NULL;
		}
	}
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	*out = list;
	return (int)n;
}

/* sockaddr of a path or, with '@' first, an abstract name. */
static int
notify_address(const char *text, struct sockaddr_un *sa, socklen_t *len)
{
	size_t n = strlen(text);

	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	if ((text[0] != '/' && text[0] != '@') || n < 2 ||
	    n >= sizeof(sa->sun_path))
		return -EINVAL;
	memcpy(sa->sun_path, text, n);
	if (text[0] == '@')
		sa->sun_path[0] = '\0';
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n +
	    (text[0] == '/'));
	return 0;
}

int
gp_notify_open(int passed)
{
	const char *text = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sa;
	socklen_t len;
	int fd;
	int rc;

	if (text == NULL)
		return passed;
	if (passed >= 0)
		(void)close(passed);
	rc = notify_address(text, &sa, &len);
	(void)unsetenv("NOTIFY_SOCKET");
	if (rc < 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno == -1 ? -EIO : -errno;
	if (connect(fd, (const struct sockaddr *)&sa, len) < 0) {
		rc = errno == EPERM ? -EACCES : -errno; /* -1 means none */
		(void)close(fd);
		return rc;
	}
	return fd;
}

int
gp_notify_send_fds(int fd, const char *text, const int *fds, size_t n)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * GP_NOTIFY_SEND_MAX)];
		struct cmsghdr align;
	} control;
	struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};
	struct msghdr msg = {0};
	ssize_t sent;

	if (fd < 0)
		return 0;
	if (n > GP_NOTIFY_SEND_MAX)
		return -EINVAL;
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	if (n > 0) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
	}
	do {
		sent = sendmsg(fd, &msg, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* By send(2), which names no receiver and passes no descriptor: that is what
 * a sandbox can check. */
int
gp_notify_send(int fd, const char *text)
{
	ssize_t sent;

	if (fd < 0)
		return 0;
	do {
		sent = send(fd, text, strlen(text), MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

int
gp_notify_barrier(int fd, int timeout_ms)
{
	int ends[2];
	struct pollfd p;
	int rc;

	if (fd < 0)
		return 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	rc = gp_notify_send_fds(fd, "BARRIER=1", &ends[1], 1);
	(void)close(ends[1]);
	if (rc == 0) {
		p = (struct pollfd){.fd = ends[0]};
		do {
			rc = poll(&p, 1, timeout_ms);
		} while (rc < 0 && errno == EINTR);
		rc = rc < 0 ? -errno : rc == 0 ? -ETIMEDOUT : 0;
	}
	(void)close(ends[0]);
	return rc;
}

int
gp_notify_watchdog_ms(void)
{
	long pid = env_number("WATCHDOG_PID", INT32_MAX);
	long usec = env_number("WATCHDOG_USEC", LONG_MAX);

	if (usec <= 0 || (pid >= 0 && pid != getpid()))
		return 0;
	if (usec < 4000)
		return 1;
	return usec / 2000 < INT_MAX ? (int)(usec / 2000) : INT_MAX;
}

/* ---- supervisor --------------------------------------------------------- */

int
gp_notify_pair(int ends[2])
{
	int on = 1;

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	if (setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0) {
		int rc = -errno;

		(void)close(ends[0]);
		(void)close(ends[1]);
		return rc;
	}
	return 0;
}

static void
take_control(struct msghdr *msg, struct gp_notification *n)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL;
	     c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_CREDENTIALS) {
			struct ucred cred;

			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
			n->pid = cred.pid;
		} else if (c->cmsg_type == SCM_RIGHTS) {
			size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

			for (size_t i = 0; i < count; i++) {
				int fd;

				memcpy(&fd, CMSG_DATA(c) + i * sizeof(int),
				    sizeof(fd));
				if (n->n_fds < GP_NOTIFY_RECV_MAX)
					n->fds[n->n_fds++] = fd;
				else
					(void)close(fd);
			}
		}
	}
}

int
gp_notify_recv(int sock, struct gp_notification *n)
{
	union {
		char buf[CMSG_SPACE(sizeof(struct ucred)) +
		    CMSG_SPACE(sizeof(int) * GP_NOTIFY_RECV_MAX)];
		struct cmsghdr align;
	} control;
	struct iovec iov = {n->text, sizeof(n->text) - 1};
	struct msghdr msg = {0};
	ssize_t got;

	n->pid = 0;
	n->n_fds = 0;
	memset(&control, 0, sizeof(control));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control.buf;
	msg.msg_controllen = sizeof(control.buf);
	do {
		got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	n->text[got] = '\0';
	take_control(&msg, n);
	return 0;
}

bool
gp_notify_value(const struct gp_notification *n, const char *var, char *value,
    size_t size)
{
	size_t len = strlen(var);

	for (const char *p = n->text; p != NULL && *p != '\0';) {
		size_t line = strcspn(p, "\n");

		if (line > len && strncmp(p, var, len) == 0 && p[len] == '=') {
			size_t take = line - len - 1;

			if (take >= size)
				return false;
			memcpy(value, p + len + 1, take);
			value[take] = '\0';
			return true;
		}
		p += line;
		if (*p == '\n')
			p++;
	}
	return false;
}
