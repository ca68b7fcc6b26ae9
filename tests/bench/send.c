/*
 * send IFACE SECONDS FLOWS PPS - frames into an interface, PPS a second or as
 * many as go (0): FLOWS conversations, a fifth IPv6, both directions, 60-byte
 * frames (IPv6: 62 and 74).  Prints: frames sent, seconds, frames refused.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <linux/if_packet.h>

#include "tests/bench/traffic.h"

#define BATCH 128u

struct frame {
	uint8_t bytes[TRAFFIC_HEADERS_MAX];
	uint32_t len;
};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Two frames a flow, there and back. */
static struct frame *
make_frames(uint32_t flows)
{
	struct frame *f = calloc(flows, 2 * sizeof(*f));
	uint64_t state = 7;

	for (uint32_t i = 0; f && i < flows; i++) {
		struct traffic_end a, b;
		struct traffic_packet p = {.from = &a, .to = &b,
		    .proto = i % 3 ? 6 : 17, .tcp_flags = 0x10, .v6 = i % 5 == 0};

		traffic_address(&a, p.v6, true, i / 4);
		traffic_address(&b, p.v6, false,
		    traffic_below(&state, flows / 4 + 1));
		a.port = (uint16_t)(32768 + i % 28000);
		b.port = p.proto == 6 ? 443 : 53;
		(void)traffic_headers(&p, f[2 * i].bytes, &f[2 * i].len);
		p.from = &b;
		p.to = &a;
		(void)traffic_headers(&p, f[2 * i + 1].bytes,
		    &f[2 * i + 1].len);
	}
	return f;
}

static int
open_socket(const char *iface)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
	    .sll_ifindex = (int)if_nametoindex(iface)};
	int one = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || to.sll_ifindex == 0 ||
	    bind(fd, (const struct sockaddr *)&to, sizeof(to)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one,
		sizeof(one)) != 0) {
		perror(iface);
		exit(1);
	}
	return fd;
}

static void
pause_until(double when)
{
	double left = when - now();

	if (left > 0)
		usleep((useconds_t)(left * 1e6));
}

int
main(int argc, char **argv)
{
	static struct mmsghdr msg[BATCH];
	static struct iovec iov[BATCH];
	uint64_t sent = 0, refused = 0, state = 3;
	uint32_t flows;
	double seconds, pps, start;
	struct frame *f;
	int fd;

	if (argc != 5) {
		fprintf(stderr, "usage: send IFACE SECONDS FLOWS PPS\n");
		return 2;
	}
	seconds = atof(argv[2]);
	flows = (uint32_t)strtoul(argv[3], NULL, 0);
	pps = atof(argv[4]);
	f = make_frames(flows);
	if (!f || flows == 0)
		return 1;
	fd = open_socket(argv[1]);
	start = now();
	while (now() - start < seconds) {
		int n;

		for (uint32_t i = 0; i < BATCH; i++) {
			struct frame *x = &f[traffic_below(&state, 2 * flows)];

			iov[i] = (struct iovec){x->bytes, x->len};
			msg[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i],
			    .msg_iovlen = 1};
		}
		n = sendmmsg(fd, msg, BATCH, 0);
		if (n > 0)
			sent += (uint64_t)n;
		if (n != (int)BATCH)
			refused++;
		if (n < 0 && errno != ENOBUFS && errno != EAGAIN) {
			perror("send");
			return 1;
		}
		if (pps > 0)
			pause_until(start + (double)sent / pps);
	}
	printf("%llu %.3f %llu\n", (unsigned long long)sent, now() - start,
	    (unsigned long long)refused);
	(void)close(fd);
	free(f);
	return 0;
}
