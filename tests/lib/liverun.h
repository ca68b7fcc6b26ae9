/*
 * liverun - the real loop live: a thread of its own runs it on an interface of
 * a network namespace of the test's, another takes its frames.
 */
#ifndef TESTS_LIVERUN_H
#define TESTS_LIVERUN_H

#include "capture/loop.h"

#include <fcntl.h>
#include <sched.h>
#include <net/if.h>
#include <netinet/in.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "tests/lib/loopresult.h"
#include "tests/lib/packet.h"
#include "tests/lib/reader.h"
#include "tests/tap.h"

__attribute__((unused)) static int
open_sender(const char *iface)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(iface)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		return -1;
	return fd;
}

__attribute__((unused)) static void
send_frames(int fd, uint32_t from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct packet *p = udp4(from + i, 1000, 2, 53);

		while (send(fd, p->b, p->n, 0) < 0)
			usleep(100);
	}
}

struct live_run {
	struct live_run_cfg {
		const char *iface;
		bool by_iface;
		const char *filter;
		uint64_t ring_bytes;
		uint32_t l7_wait_s; /* 0: no layer 7 */
		bool may_leave;
		uint32_t buffer_mb; /* 0: 16 */
	} cfg;
	struct source *source;
	struct reader *reader;
	struct result *out;
	struct loop *loop;
	struct loop_totals totals;
	enum loop_result result;
	int stop[2]; /* the launcher's pipe */
	pthread_t thread;
};

/* Of runs that are opened from now on. */
static uint32_t live_interval_s = 1;

static void *
live_main(void *arg)
{
	struct live_run *run = arg;

	run->result = loop_run(run->loop, &run->totals);
	return NULL;
}

__attribute__((unused)) static bool
live_open(struct live_run *run, struct live_run_cfg c)
{
	struct source_live live = {.iface = c.iface, .by_iface = c.by_iface,
		.filter = c.filter, .buffer_mb = c.buffer_mb ? c.buffer_mb : 16,
		.promiscuous = true};
	char error[SOURCE_ERROR_MAX];
	struct loop_config cfg;

	memset(run, 0, sizeof(*run));
	run->cfg = c;
	if (source_open_live(&run->source, &live, error) != 0) {
		diag("%s", error);
		return false;
	}
	run->out = result_new();
	run->reader = reader_new(c.ring_bytes ? c.ring_bytes : 1 << 23,
	    result_note, run->out);
	if (pipe2(run->stop, O_CLOEXEC) != 0)
		exit(99);
	memset(&cfg, 0, sizeof(cfg));
	cfg.source = run->source;
	cfg.ring = &run->reader->ring;
	cfg.ctl_fd = run->reader->sock[0];
	cfg.signal_fd = -1;
	cfg.alive_fd = run->stop[0];
	cfg.flows_max = 1 << 16;
	cfg.snapshot_interval_s = live_interval_s;
	cfg.l7 = c.l7_wait_s ? LOOP_L7_ON : LOOP_L7_OFF;
	cfg.l7_wait_s = c.l7_wait_s;
	cfg.stop_wait_ms = 3000;
	cfg.may_leave = c.may_leave;
	return loop_new(&run->loop, &cfg) == 0;
}

__attribute__((unused)) static void
live_start(struct live_run *run)
{
	pthread_create(&run->thread, NULL, live_main, run);
}

__attribute__((unused)) static void
live_stop(struct live_run *run)
{
	close(run->stop[1]);
	pthread_join(run->thread, NULL);
	reader_stop(run->reader);
}

__attribute__((unused)) static void
live_free(struct live_run *run)
{
	loop_free(run->loop);
	source_close(run->source);
	reader_free(run->reader);
	free(run->out);
	close(run->stop[0]);
}

/* va and vb, which are each other's end. */
__attribute__((unused)) static bool
make_network(void)
{
	return geteuid() == 0 && unshare(CLONE_NEWNET) == 0 &&
	    system("ip link set lo up && ip link add va type veth peer name vb "
		   "&& ip link set va up && ip link set vb up "
		   "&& { [ ! -e /proc/sys/net/ipv6/conf ] || "
		   "sysctl -qw net.ipv6.conf.all.disable_ipv6=1; }") == 0;
}

#endif
