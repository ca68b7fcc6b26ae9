/*
 * hello: one message of a stranger on the writer's socket, with descriptors,
 * then small ones.  Input: how many descriptors and of what kind (1), length
 * of the first message (1), that message, then messages of a length byte and
 * bytes.
 */
#include "common/ipc/hello.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/addr.h"
#include "common/ipc/ring.h"
#include "tests/fuzz/fuzz.h"

#define FDS 8

static void
send_some(int sock, const uint8_t **data, size_t *len, int fd, size_t n_fds)
{
	uint8_t text[256];
	union {
		char buf[CMSG_SPACE(sizeof(int) * FDS)];
		struct cmsghdr align;
	} control;
	struct iovec iov = {text, fuzz_byte(data, len)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	fuzz_take(data, len, text, iov.iov_len);
	memset(&control, 0, sizeof(control));
	if (n_fds > 0) {
		struct cmsghdr *c;

		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		for (size_t i = 0; i < n_fds; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(fd));
	}
	(void)sendmsg(sock, &msg, MSG_DONTWAIT);
}

/* Descriptors that are open: more than before when one has leaked. */
static int
open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 32; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void
receive_hello(int sock)
{
	struct hello h;
	struct ring_consumer c;
	const char *why = NULL;
	int fd = -1;
	int rc = hello_recv(sock, &h, &fd, &why);

	if (rc == 0) {
		FUZZ_CHECK(fd >= 0 && h.magic == HELLO_MAGIC);
		FUZZ_CHECK(memchr(h.iface, '\0', sizeof(h.iface)));
		FUZZ_CHECK(gp_addr_iface_valid(h.iface));
		FUZZ_CHECK(h.worker < h.workers);
		FUZZ_CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		FUZZ_CHECK(ring_attach(&c, fd, &why) < 0 && why);
		(void)close(fd);
	} else {
		FUZZ_CHECK(fd == -1);
		FUZZ_CHECK(rc == -EPROTO || rc == -EPROTONOSUPPORT
		                ? why != NULL
		                : rc == -EAGAIN || rc == -ECONNRESET);
	}
}

FUZZ_TARGET(hello)
{
	static const char *const kinds[] = {"/dev/null", "/proc/self/status",
	    "/", "/dev/zero"};
	uint8_t how = fuzz_byte(&data, &len);
	int s[2], fd, before = open_fds();
	struct hello_msg m;
	int rc;

	fd = open(kinds[how >> 4 & 3], O_RDONLY | O_CLOEXEC);
	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s) ==
	    0);
	send_some(s[0], &data, &len, fd, how & (FDS - 1));
	receive_hello(s[1]);
	while (len > 0)
		send_some(s[0], &data, &len, fd, how >> 7);
	(void)close(s[0]);
	while ((rc = hello_msg_recv(s[1], &m)) == 0 || rc == -EPROTO)
		if (rc == 0)
			FUZZ_CHECK(m.magic == HELLO_MAGIC &&
			    m.type >= MSG_WELCOME && m.type <= MSG_LAST);
	FUZZ_CHECK(rc == -ECONNRESET || rc == -EAGAIN);
	(void)close(s[1]);
	(void)close(fd);
	FUZZ_CHECK(open_fds() == before);
	return 0;
}
