/* hello: the handshake carries one ring; everything else is refused and
 * nothing leaks. */
#include "common/ipc/hello.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/ipc/frame.h"
#include "tests/tap.h"

static int
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static struct hello
good_hello(void)
{
	struct hello h = {.magic = HELLO_MAGIC,
	    .version = HELLO_VERSION,
	    .frame_version = FRAME_VERSION,
	    .workers = 1,
	    .iface = "eth0",
	    .instance = {1}};

	return h;
}

static int
send_with_fds(int sock, const void *data, size_t len, const int *fds, size_t n)
{
	static char control[CMSG_SPACE(sizeof(int) * 253)];
	struct iovec iov = {(void *)(uintptr_t)data, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n > 0) {
		struct cmsghdr *c;

		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
	}
	return (int)sendmsg(sock, &msg, 0);
}

static void
test_good(void)
{
	int s[2], fd = -1, null = open("/dev/null", O_RDONLY);
	struct hello h = good_hello(), got;
	const char *why = NULL;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) < 0)
		return;
	is_int(hello_recv(s[1], &got, &fd, &why), -EAGAIN, "nothing yet");
	is_int(hello_send(s[0], &h, null), 0, "hello_send");
	is_int(hello_recv(s[1], &got, &fd, &why), 0, "hello_recv");
	is_str(got.iface, "eth0", "interface");
	ok(fd >= 0 && fcntl(fd, F_GETFD) & FD_CLOEXEC, "descriptor came");
	close(fd);
	close(s[0]);
	is_int(hello_recv(s[1], &got, &fd, &why), -ECONNRESET, "peer gone");
	close(s[1]);
	close(null);
}

static void
refused_as(int error, const char *what, const struct hello *h, size_t len,
    size_t n_fds)
{
	int s[2], fd = -1, fds[253], before;
	struct hello got;
	const char *why = NULL;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) < 0)
		return;
	for (size_t i = 0; i < n_fds; i++)
		fds[i] = STDIN_FILENO;
	before = open_fds();
	send_with_fds(s[0], h, len, fds, n_fds);
	is_int(hello_recv(s[1], &got, &fd, &why), error, "%s refused: %s",
	    what, why ? why : "-");
	is_int(open_fds(), before, "%s leaks no descriptor", what);
	close(s[0]);
	close(s[1]);
}

static void
refused(const char *what, const struct hello *h, size_t len, size_t n_fds)
{
	refused_as(-EPROTO, what, h, len, n_fds);
}

static void
test_bad(void)
{
	struct hello h = good_hello();
	char big[sizeof(h) + 8] = {0};

	refused("no descriptor", &h, sizeof(h), 0);
	refused("two descriptors", &h, sizeof(h), 2);
	refused("250 descriptors", &h, sizeof(h), 250);
	refused("short hello", &h, sizeof(h) - 1, 1);
	memcpy(big, &h, sizeof(h));
	refused("long hello", (const void *)big, sizeof(big), 1);
	h.magic++;
	refused("magic", &h, sizeof(h), 1);
	h = good_hello();
	h.version++;
	refused_as(-EPROTONOSUPPORT, "version", &h, sizeof(h), 1);
	h = good_hello();
	h.frame_version = FRAME_VERSION + 0x100;
	refused_as(-EPROTONOSUPPORT, "frames to come", &h, sizeof(h), 1);
	h = good_hello();
	h.workers = 0;
	refused("no workers", &h, sizeof(h), 1);
	h.workers = HELLO_WORKERS_MAX + 1;
	refused("too many workers", &h, sizeof(h), 1);
	h.workers = h.worker = 2;
	refused("one worker more", &h, sizeof(h), 1);
	h = good_hello();
	h.flags = 0x80000000;
	refused("unknown flags", &h, sizeof(h), 1);
	refused("nothing but a descriptor", &h, 0, 1);
	h = good_hello();
	memset(h.iface, 'a', sizeof(h.iface));
	refused("endless name", &h, sizeof(h), 1);
	h = good_hello();
	strcpy(h.iface, "../etc");
	refused("path for a name", &h, sizeof(h), 1);
	h = good_hello();
	strcpy(h.iface, "..");
	refused("dots for a name", &h, sizeof(h), 1);
	h = good_hello();
	memset(h.instance, 0, sizeof(h.instance));
	refused("no instance", &h, sizeof(h), 1);
}

static void
test_messages(void)
{
	int s[2];
	struct hello_msg m;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) < 0)
		return;
	is_int(hello_msg_recv(s[1], &m), -EAGAIN, "no message");
	is_int(hello_msg_send(s[0], MSG_ACK, HELLO_OK, 5, 6), 0, "send");
	is_int(hello_msg_recv(s[1], &m), 0, "receive");
	ok(m.type == MSG_ACK && m.a == 5 && m.b == 6, "as sent");
	send_with_fds(s[0], "short", 5, NULL, 0);
	is_int(hello_msg_recv(s[1], &m), -EPROTO, "wrong size");
	int before = open_fds(), fds[2] = {0, 0};
	m = (struct hello_msg){HELLO_MAGIC, MSG_DOORBELL, 0, 0, 0};
	send_with_fds(s[0], &m, sizeof(m), fds, 2);
	is_int(hello_msg_recv(s[1], &m), 0, "doorbell with descriptors");
	is_int(open_fds(), before, "which go nowhere");
	close(s[0]);
	is_int(hello_msg_recv(s[1], &m), -ECONNRESET, "end");
	close(s[1]);
}

static void
bad_message(const char *what, struct hello_msg m, size_t len)
{
	struct {
		struct hello_msg m;
		char more[8];
	} longer = {m, ""};
	struct hello_msg got;
	int s[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) < 0)
		return;
	send_with_fds(s[0], &longer, len, NULL, 0);
	is_int(hello_msg_recv(s[1], &got), -EPROTO, "%s", what);
	close(s[0]);
	close(s[1]);
}

static void
test_bad_messages(void)
{
	const struct hello_msg m = {HELLO_MAGIC, MSG_ACK, 0, 1, 2};
	struct hello_msg bad = m;

	bad_message("a shorter message", m, sizeof(m) - 1);
	bad_message("a longer one", m, sizeof(m) + 1);
	bad.magic++;
	bad_message("of another protocol", bad, sizeof(bad));
	bad = m;
	bad.type = 0;
	bad_message("of no type", bad, sizeof(bad));
	bad.type = MSG_LAST + 1;
	bad_message("of a type to come", bad, sizeof(bad));
}

/* A command is known by its size, and left where it is. */
static void
test_command(void)
{
	const struct hello h = good_hello();
	struct hello_msg m;
	int s[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) < 0)
		return;
	ok(!hello_is_command(s[1]), "nothing is no command");
	(void)hello_msg_send(s[0], MSG_ACK, HELLO_OK, 5, 6);
	ok(hello_is_command(s[1]), "a message is");
	ok(hello_msg_recv(s[1], &m) == 0 && m.a == 5, "and is still there");
	send_with_fds(s[0], &h, sizeof(h), NULL, 0);
	ok(!hello_is_command(s[1]), "a hello is none");
	close(s[0]);
	close(s[1]);
}

/* Who sends learns that nobody takes it. */
static void
test_unheard(void)
{
	int s[2], rc = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) < 0)
		return;
	for (int i = 0; i < 100000 && rc == 0; i++)
		rc = hello_msg_send(s[0], MSG_ACK, HELLO_OK, 5, 6);
	is_int(rc, -EAGAIN, "a peer that reads nothing is not waited for");
	close(s[0]);
	close(s[1]);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) < 0)
		return;
	close(s[1]);
	is_int(hello_msg_send(s[0], MSG_ACK, HELLO_OK, 5, 6), -EPIPE,
	    "a peer that has gone");
	close(s[0]);
}

int
main(void)
{
	test_good();
	test_bad();
	test_messages();
	test_bad_messages();
	test_command();
	test_unheard();
	return tap_done();
}
