/*
 * Capture's sandbox tried from inside, live with a real packet socket and
 * offline; tests/lib/attack.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/profile.h"
#include "capture/source.h"
#include "tests/lib/attack.h"
#include "tests/tap.h"

static struct profile_fds fds = {.notify = -1};
#define CTL fds.ctl[0]
static int other_end; /* of ctl */
static int packet;    /* the packet socket */

static int
enter(void)
{
	const char *step;
	int rc = profile_confine(GP_SANDBOX_FULL, &step);

	return rc < 0 ? rc : profile_seal(&fds, GP_SANDBOX_FULL, &step);
}

/* ---- with the packet socket ---------------------------------------------- */

static const uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0,
    0, 0, 1, 0x88, 0xb5};

static struct sockaddr_ll
loopback(void)
{
	return (struct sockaddr_ll){
	    .sll_family = AF_PACKET,
	    .sll_protocol = htons(ETH_P_ALL),
	    .sll_ifindex = 1,
	};
}

static int
send_frame(void)
{
	return send(packet, frame, sizeof(frame), 0) < 0;
}

static int
send_frame_to(void)
{
	struct sockaddr_ll ll = loopback();

	return sendto(packet, frame, sizeof(frame), 0, (struct sockaddr *)&ll,
		   sizeof(ll)) < 0;
}

static int
send_frame_message(void)
{
	struct sockaddr_ll ll = loopback();
	uint8_t copy[sizeof(frame)];
	struct iovec iov = {copy, sizeof(copy)};
	struct msghdr msg = {.msg_name = &ll, .msg_namelen = sizeof(ll),
	    .msg_iov = &iov, .msg_iovlen = 1};

	memcpy(copy, frame, sizeof(copy));
	return sendmsg(packet, &msg, 0) < 0;
}

static int
write_frame(void)
{
	return write(packet, frame, sizeof(frame)) < 0;
}

static int
bind_elsewhere(void)
{
	struct sockaddr_ll ll = loopback();

	return bind(packet, (struct sockaddr *)&ll, sizeof(ll)) < 0;
}

static int
watch_elsewhere(void)
{
	struct packet_mreq m = {.mr_ifindex = 1, .mr_type = PACKET_MR_PROMISC};

	return setsockopt(packet, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m,
		   sizeof(m)) < 0;
}

static int
set_direction(void)
{
	int on = 1;

	return setsockopt(packet, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on,
		   sizeof(on)) < 0;
}

static int
other_statistics(void)
{
	int value;
	socklen_t len = sizeof(value);

	return getsockopt(packet, SOL_SOCKET, SO_TYPE, &value, &len) < 0;
}

static int
interface_down(void)
{
	struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_LOOPBACK};

	return ioctl(packet, SIOCSIFFLAGS, &r) < 0;
}

static int
interface_up(void)
{
	struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_LOOPBACK};

	return ioctl(packet, SIOCSIFFLAGS, &r) < 0;
}

static int
hand_over_packets(void)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {{0}};
	struct iovec iov = {(char[]){'x'}, 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = control.buf, .msg_controllen = sizeof(control.buf)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &packet, sizeof(int));
	return sendmsg(CTL, &msg, MSG_DONTWAIT) < 0;
}

static int
close_packets(void)
{
	return close(packet) < 0;
}

static int
receive_descriptors(void)
{
	char text[8];
	struct iovec iov = {text, sizeof(text)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	(void)send(other_end, "x", 1, MSG_DONTWAIT);
	return recvmsg(CTL, &msg, MSG_DONTWAIT) < 0;
}

/* ---- what must still work ------------------------------------------------ */

static int
statistics(void)
{
	struct tpacket_stats_v3 st;
	socklen_t len = sizeof(st);

	return getsockopt(packet, SOL_PACKET, PACKET_STATISTICS, &st, &len) < 0;
}

static int
doorbell(void)
{
	return send(CTL, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1;
}

static int
tell_supervisor(void)
{
	return send(fds.notify, "WATCHDOG=1", 10, MSG_NOSIGNAL) != 10;
}

/* ---- from a thread that was there before the filter ---------------------- */

static atomic_int told; /* 1: do it */
static int thread_result;
static pthread_t thread;
static bool has_thread;

static void *
other_thread(void *arg)
{
	(void)arg;
	while (atomic_load(&told) == 0)
		(void)poll(NULL, 0, 1);
	thread_result = send_frame();
	return NULL;
}

static int
start_thread(void)
{
	has_thread = pthread_create(&thread, NULL, other_thread, NULL) == 0;
	return has_thread ? 0 : -EAGAIN;
}

/* As with workers: threads between the two steps. */
static int
enter_with_thread(void)
{
	const char *step;
	int rc = profile_confine(GP_SANDBOX_FULL, &step);

	if (rc == 0)
		rc = start_thread();
	return rc < 0 ? rc : profile_seal(&fds, GP_SANDBOX_FULL, &step);
}

static int
send_from_thread(void)
{
	if (!has_thread && start_thread() < 0)
		return 1;
	atomic_store(&told, 1);
	(void)pthread_join(thread, NULL);
	return thread_result;
}

static const struct attack threaded = {"send a frame from an older thread",
    send_from_thread, ATTACK_CAPTURE, false};

#define C ATTACK_CAPTURE
static const struct attack list[] = {
    {"send a frame", send_frame, C, false},
    {"sendto a frame", send_frame_to, C, false},
    {"sendmsg a frame", send_frame_message, C, false},
    {"write a frame", write_frame, C, false},
    {"bind to another interface", bind_elsewhere, C, false},
    {"promiscuous elsewhere", watch_elsewhere, C, false},
    {"setsockopt on packets", set_direction, C, false},
    {"getsockopt beyond statistics", other_statistics, C, false},
    {"take an interface down", interface_down, C, false},
    {"take an interface up", interface_up, C, false},
    {"hand over the packet socket", hand_over_packets, C, false},
    {"close the packet socket", close_packets, C, false},
    {"receive descriptors", receive_descriptors, C, false},
};

static void
open_connections(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0, pair) < 0)
		exit(1);
	CTL = pair[0];
	fds.n_ctl = 1;
	other_end = pair[1];
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		pair) < 0)
		exit(1);
	fds.notify = pair[0];
}

/* In a network of our own, where frames disturb nobody. */
static bool
open_packets(void)
{
	struct source_live on_lo = {.iface = "lo", .buffer_mb = 2};
	char error[SOURCE_ERROR_MAX] = "no privilege";
	struct source *s;

	packet = geteuid() == 0 && unshare(CLONE_NEWNET) == 0 ?
	    socket(AF_PACKET, SOCK_RAW, 0) : -1;
	if (packet < 0 || interface_up() != 0 ||
	    source_open_live(&s, &on_lo, error) < 0) {
		diag("no packet socket: %s", error);
		return false;
	}
	(void)close(packet);
	packet = source_fd(s, 0);
	fds.n_packet = source_handles(s);
	for (size_t i = 0; i < fds.n_packet; i++)
		fds.packet[i] = source_fd(s, i);
	return true;
}

int
main(int argc, char **argv)
{
	bool print = argc > 1;
	static struct gp_rules rules;

#ifdef GP_SANITIZED
	skip_all("sanitizers make calls of their own");
#endif
	if (print) { /* numbers that tell in the text what they stand for */
		fds = (struct profile_fds){.ctl = {0x1001}, .n_ctl = 1, .notify = 0x1002,
		    .packet = {0x1003}, .n_packet = 1};
		profile_rules(&fds, &rules);
		return attack_main(argc, argv, C, &rules, enter, NULL, 0);
	}
	attack_begin();
	open_connections();
	if (open_packets()) {
		profile_rules(&fds, &rules);
		attack_allowed("drop counters", statistics, enter);
		attack_allowed("a doorbell", doorbell, enter);
		attack_allowed("a word to the supervisor", tell_supervisor,
		    enter);
		attack_one(&threaded, enter_with_thread);
		attack_run(list, sizeof(list) / sizeof(list[0]), C, enter);
		attack_sweep(&rules, enter);
		attack_arguments(&rules, enter);
	}
	diag("offline");
	fds.offline = true;
	fds.n_packet = 0;
	profile_rules(&fds, &rules);
	return attack_main(argc, argv, C, &rules, enter, NULL, 0);
}
