#include "capture/meeting.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "capture/snapshot.h"
#include "capture/source.h"
#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/ipc/hello.h"
#include "common/ipc/ring.h"

#define WELCOME_MS 60000 /* a writer that just starts replays its journals */
#define OFFLINE_RING_BYTES (8u << 20)

static int
connect_writer(const struct capture *c)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(c->o.socket) >= sizeof(sa.sun_path))
		capture_die(EXIT_USAGE, c->o.socket, "path too long");
	memcpy(sa.sun_path, c->o.socket, strlen(c->o.socket));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
		capture_die(EXIT_AGAIN, c->o.socket, strerror(errno));
	return fd;
}

static void
hand_over_ring(const struct capture *c, struct worker *w)
{
	struct hello h = {
	    .magic = HELLO_MAGIC,
	    .version = HELLO_VERSION,
	    .frame_version = FRAME_VERSION,
	    .worker = (uint16_t)(w - c->workers.w),
	    .workers = (uint16_t)c->workers.n,
	    .boot_ns = gp_clock_boot_ns(),
	};
	/* files wait for room: little memory, used again and again, is
	 * faster */
	int rc = ring_create(&w->ring, c->o.offline ? OFFLINE_RING_BYTES :
		snapshot_ring_bytes(capture_flows_each(c)));

	if (rc < 0)
		capture_die(1, "ring", strerror(-rc));
	h.ring_bytes = w->ring.info.data_bytes;
	memcpy(h.instance, w->ring.info.instance, sizeof(h.instance));
	(void)snprintf(h.iface, sizeof(h.iface), "%s", c->o.iface);
	if (c->o.offline)
		h.flags = HELLO_OFFLINE | (c->o.append ? HELLO_APPEND : 0) |
		    (source_seekable(w->source) ? 0 : HELLO_STREAM);
	rc = hello_send(w->ctl, &h, w->ring.fd_ro);
	if (rc < 0)
		capture_die(EXIT_AGAIN, "the writer does not listen",
		    strerror(-rc));
	gp_fd_close(&w->ring.fd_ro);
}

void
meeting_open(const struct capture *c, struct worker *w)
{
	if (!c->o.offline)
		w->ctl = connect_writer(c);
	hand_over_ring(c, w);
}

/* ---- the writer's answer ------------------------------------------------- */

static int
wait_message(struct capture *c, const struct worker *w,
    struct hello_msg *m)
{
	int64_t until = gp_clock_mono_ns() + WELCOME_MS * INT64_C(1000000);

	for (;;) {
		struct pollfd p[2] = {{.fd = w->ctl, .events = POLLIN},
		    {.fd = c->signals, .events = POLLIN}};
		int rc = hello_msg_recv(w->ctl, m);

		if (rc != -EAGAIN)
			return rc;
		if (gp_clock_mono_ns() > until)
			return -ETIMEDOUT;
		capture_waits(c);
		(void)poll(p, 2, 1000);
		if (p[1].revents)
			return -EINTR;
	}
}

static void
block_text(uint64_t slot_s, char out[32])
{
	time_t t = (time_t)slot_s;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(out, 32, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		(void)snprintf(out, 32, "%llu", (unsigned long long)slot_s);
}

static _Noreturn void
refused(const struct capture *c, const struct hello_msg *m)
{
	char when[32];

	switch (m->code) {
	case HELLO_EXISTS:
		block_text(m->a, when);
		fprintf(stderr,
		    "goprobe: %s already has a block of %s; --append adds to "
		    "what is there\n",
		    c->o.iface, when);
		exit(1);
	case HELLO_STORE:
		capture_die(1, "the store fails", NULL);
	case HELLO_VERSION_MISMATCH:
		capture_die(EXIT_AGAIN, "the writer is of another version",
		    NULL);
	case HELLO_BUSY:
		capture_die(EXIT_AGAIN, "the writer has too many captures",
		    NULL);
	default:
		capture_die(1, "the writer refused", NULL);
	}
}

/* Files may be large; whoever waits for us may be gone. */
static bool
told_to_stop(void *ctx)
{
	const struct capture *c = ctx;
	struct pollfd p[2] = {{.fd = c->signals, .events = POLLIN},
	    {.fd = c->alive, .events = POLLIN}};

	return poll(p, 2, 0) > 0;
}

static void
send_span(struct capture *c, const struct worker *w)
{
	int64_t first_s = 0, last_s = 0;
	bool any = false;
	int rc = source_time_span(w->source, &first_s, &last_s, &any,
	    told_to_stop, c);

	if (rc == -EINTR)
		exit(0);
	if (rc < 0)
		capture_die(1, "time span", strerror(-rc));
	if (!any)
		first_s = last_s = GP_TIME_MAX_S - 1; /* touches nothing */
	rc = hello_msg_send(w->ctl, MSG_SPAN, HELLO_OK,
	    (uint64_t)gp_clock_slot(first_s), (uint64_t)gp_clock_slot(last_s));
	if (rc < 0)
		capture_die(EXIT_AGAIN, "the writer is gone", strerror(-rc));
}

void
meeting_be_welcomed(struct capture *c, const struct worker *w)
{
	struct hello_msg m;

	for (;;) {
		int rc = wait_message(c, w, &m);

		if (rc == -EINTR)
			exit(0); /* told to stop before there was anything */
		if (rc == -ECONNRESET && c->o.offline)
			exit(1); /* the writer has said why */
		if (rc < 0)
			capture_die(EXIT_AGAIN, "no welcome from the writer",
			    strerror(-rc));
		if (m.type != MSG_WELCOME)
			continue;
		if (m.code == HELLO_OK)
			return;
		if (m.code != HELLO_NEED_SPAN || !c->o.offline)
			refused(c, &m);
		send_span(c, w);
	}
}

/* ---- the one before us --------------------------------------------------- */

static void
ask_to_take(const struct capture *c)
{
	/* several workers would need one moment of all of them */
	int rc = hello_msg_send(c->workers.w[0].ctl, MSG_TAKE,
	    c->workers.n == 1 ? HELLO_OK : HELLO_REFUSED, 0, 0);

	if (rc < 0)
		capture_die(EXIT_AGAIN, "the writer is gone", strerror(-rc));
}

/*
 * Whoever has the interface leaves it to us; what came since is in the
 * kernel's buffer.  Returns the moment, 0 when nobody was there.  One that is
 * to come, or was before we watched, is no honest predecessor's: it would
 * blind us, or make us say that we had seen.
 */
static int64_t
take_over(struct capture *c)
{
	const struct timespec in_flight = {0, SOURCE_BLOCK_MS * 1000000};
	struct hello_msg m;

	for (size_t i = 0; i < c->workers.n; i++)
		source_mark(c->workers.w[i].source);
	ask_to_take(c);
	do {
		int rc = wait_message(c, &c->workers.w[0], &m);

		if (rc == -EINTR)
			exit(0);
		if (rc < 0)
			capture_die(EXIT_AGAIN, "no answer from the writer",
			    strerror(-rc));
		if (m.type == MSG_WELCOME) /* another writer, which asks us */
			ask_to_take(c);
	} while (m.type != MSG_FROM);
	if (m.code != HELLO_OK)
		capture_die(EXIT_AGAIN, c->o.iface,
		    "another capture has it and stays");
	if (m.a < (uint64_t)c->opened_ns || m.a > (uint64_t)gp_clock_real_ns())
		return 0;
	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &in_flight, NULL);
	return (int64_t)m.a;
}

void
meeting_take_over(struct capture *c)
{
	int64_t from_ns = take_over(c);

	if (from_ns == 0)
		return;
	for (size_t i = 0; i < c->workers.n; i++) {
		source_begin(c->workers.w[i].source, from_ns);
		loop_begin(c->workers.w[i].loop, from_ns);
	}
}
