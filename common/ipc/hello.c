#include "common/ipc/hello.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/addr.h"
#include "common/base/fd.h"
#include "common/ipc/frame.h"

/* Room for more descriptors than one, so that a peer which sends many is seen
 * doing so and what came can be closed. */
#define FDS_MAX 253 /* SCM_MAX_FD */

int
hello_send(int sock, const struct hello *h, int ring_fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct hello copy = *h;
	struct iovec iov = {&copy, sizeof(copy)};
	struct msghdr msg = {0};
	struct cmsghdr *c;
	ssize_t n;

	memset(&control, 0, sizeof(control));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control.buf;
	msg.msg_controllen = sizeof(control.buf);
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &ring_fd, sizeof(ring_fd));
	do {
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n == (ssize_t)sizeof(copy) ? 0 : -EIO;
}

/* Keeps the first descriptor in *fd and closes the rest; returns how many
 * there were. */
static int
take_fds(struct msghdr *msg, int *fd)
{
	int count = 0;

	*fd = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL;
	     c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int got;

			memcpy(&got, CMSG_DATA(c) + i * sizeof(int),
			    sizeof(got));
			if (count++ == 0)
				*fd = got;
			else
				(void)close(got);
		}
	}
	return count;
}

static const char other_version[] = "version";

static const char *
check_hello(const struct hello *h)
{
	static const uint8_t zero[16];

	if (h->magic != HELLO_MAGIC)
		return "magic";
	if (h->version != HELLO_VERSION ||
	    !frame_version_known(h->frame_version))
		return other_version;
	if (h->flags & ~(uint32_t)(HELLO_OFFLINE | HELLO_APPEND | HELLO_STREAM))
		return "flags";
	if (h->workers == 0 || h->workers > HELLO_WORKERS_MAX ||
	    h->worker >= h->workers)
		return "workers";
	if (memchr(h->iface, '\0', sizeof(h->iface)) == NULL ||
	    !gp_addr_iface_valid(h->iface))
		return "interface name";
	if (memcmp(h->instance, zero, sizeof(zero)) == 0)
		return "instance";
	return NULL;
}

int
hello_recv(int sock, struct hello *h, int *ring_fd, const char **why)
{
	union {
		char buf[CMSG_SPACE(sizeof(int) * FDS_MAX)];
		struct cmsghdr align;
	} control;
	struct iovec iov = {h, sizeof(*h)};
	struct msghdr msg = {0};
	ssize_t n;
	int fd = -1;
	int count;

	memset(&control, 0, sizeof(control));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = control.buf;
	msg.msg_controllen = sizeof(control.buf);
	do {
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	count = take_fds(&msg, &fd);
	if (n == 0 && count == 0)
		return -ECONNRESET;
	if (n != (ssize_t)sizeof(*h) ||
	    (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		*why = "size";
	else if (count != 1)
		*why = "descriptors";
	else
		*why = check_hello(h);
	if (*why) {
		gp_fd_close(&fd);
		return *why == other_version ? -EPROTONOSUPPORT : -EPROTO;
	}
	*ring_fd = fd;
	return 0;
}

int
hello_msg_send(int sock, enum hello_type type, enum hello_code code, uint64_t a,
    uint64_t b)
{
	struct hello_msg m = {HELLO_MAGIC, (uint16_t)type, (uint16_t)code, a, b};
	ssize_t n;

	do {
		n = send(sock, &m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return 0;
}

int
hello_msg_recv(int sock, struct hello_msg *m)
{
	ssize_t n;

	do {
		n = recv(sock, m, sizeof(*m), MSG_DONTWAIT | MSG_TRUNC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	if (n == 0)
		return -ECONNRESET;
	if (n != (ssize_t)sizeof(*m) || m->magic != HELLO_MAGIC ||
	    m->type < MSG_WELCOME || m->type > MSG_LAST)
		return -EPROTO;
	return 0;
}

bool
hello_is_command(int sock)
{
	struct hello_msg m;
	ssize_t n;

	do {
		n = recv(sock, &m, sizeof(m),
		    MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC);
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(m);
}
