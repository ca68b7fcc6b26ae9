/*
 * goprobe-capture - the capture process of one interface.
 *
 * Read main() for the order of privilege: what needs root is done first, then
 * everything is given up for good, and only then the first foreign byte is
 * looked at.  See goprobe-capture(8).
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "capture/deaths.h"
#include "capture/dpi.h"
#include "capture/exits.h"
#include "capture/filter.h"
#include "capture/ifwait.h"
#include "capture/loop.h"
#include "capture/options.h"
#include "capture/profile.h"
#include "capture/report.h"
#include "capture/snapshot.h"
#include "capture/source.h"
#include "capture/workers.h"
#include "common/base/clock.h"
#include "common/base/conf.h"
#include "common/base/fd.h"
#include "common/base/log.h"
#include "common/base/notify.h"
#include "common/base/usage.h"
#include "common/ipc/hello.h"
#include "common/ipc/ring.h"

#define WELCOME_MS 60000 /* a writer that just starts replays its journals */
#define STOP_WAIT_MS 10000
#define NICE -10
#define OFFLINE_RING_BYTES (8u << 20)

struct capture {
	struct options o;
	struct gp_conf *conf;
	struct gp_conf_capture settings; /* of this interface; texts borrowed */
	struct workers workers; /* offline one */
	int notify, signals, alive;
	int watchdog_ms;
	int64_t petted_ns;
	struct report_bar bar; /* offline */
	int deaths_fd;      /* our predecessor's */
	struct deaths_page *deaths;
	int64_t opened_ns;  /* live: the interface is watched since */
	bool looking;       /* at packets: an exit now is not ours */
	enum loop_l7 l7;
};

static struct capture capture;

static _Noreturn void
die(int status, const char *what, const char *why)
{
	gp_log(status == EXIT_AGAIN ? GP_LOG_WARNING : GP_LOG_ERR, "%s%s%s",
	    what, why ? ": " : "", why ? why : "");
	exit(status);
}

/* ---- configuration ------------------------------------------------------- */

/* `iface` is libpcap's word for something that is no interface. */
static void
refuse_reserved(const char *iface)
{
	if (source_reserved(iface))
		die(EXIT_USAGE, iface, "no interface is captured by this name,"
		    " which libpcap takes for something else");
}

static void
check_filter(const char *file, const struct gp_conf_capture *c)
{
	char error[SOURCE_ERROR_MAX];

	if (filter_check(file, c, error) < 0)
		die(EXIT_USAGE, error, NULL);
}

static int
check_configuration(const struct capture *c)
{
	const char *file = c->o.conf_path ? c->o.conf_path : GP_CONF_PATH;

	check_filter(file, &c->conf->capture);
	for (size_t i = 0; i < c->conf->n_ifaces; i++) {
		refuse_reserved(c->conf->ifaces[i].name);
		check_filter(file, &c->conf->ifaces[i]);
	}
	if (c->o.print)
		gp_conf_print(c->conf, stdout);
	return gp_end_output("goprobe-capture", 0);
}

static void
load_configuration(struct capture *c)
{
	const char *path = c->o.conf_path ? c->o.conf_path : GP_CONF_PATH;
	const char *l7 = c->o.l7;
	const struct gp_conf_capture *own;
	char error[512];

	c->conf = gp_conf_load(path, c->o.conf_path == NULL,
	    c->o.check ? gp_conf_check_owner(path) :
		!c->o.offline && !c->o.print, error);
	if (c->conf == NULL)
		die(EXIT_USAGE, error, NULL);
	if (c->o.offline &&
	    gp_conf_own_sandbox(c->conf, c->o.sandbox, error) < 0)
		die(EXIT_USAGE, error, NULL);
	own = c->o.iface ? gp_conf_iface(c->conf, c->o.iface) : NULL;
	c->settings = own ? *own : c->conf->capture;
	if (l7 == NULL)
		return;
	if (strcmp(l7, "off") == 0)
		c->settings.l7 = GP_L7_OFF;
	else if (strcmp(l7, "ndpi") == 0)
		c->settings.l7 = GP_L7_NDPI;
	else
		gp_usage_error("goprobe-capture", "--l7 is ndpi or off, not",
		    l7);
}

/* ---- what needs privilege ------------------------------------------------ */

static void
take_passed(struct capture *c, struct source_file **files, size_t *n_files)
{
	struct gp_passed_fd *fds;
	int n = gp_notify_listen_fds(&fds);
	size_t k = 0;

	if (n < 0 ||
	    close_range((unsigned)(GP_LISTEN_FDS_START + n), ~0U, 0) < 0)
		die(1, "passed descriptors", strerror(n < 0 ? -n : errno));
	c->alive = c->deaths_fd = c->notify = -1;
	*files = calloc((size_t)n + 1, sizeof(**files));
	if (*files == NULL)
		die(1, "out of memory", NULL);
	for (int i = 0; i < n; i++) {
		int fd = fds[i].fd;

		if (strcmp(fds[i].name, "alive") == 0) {
			c->alive = fd;
		} else if (strcmp(fds[i].name, GP_NOTIFY_NAME) == 0) {
			gp_fd_close(&c->notify);
			c->notify = fd;
		} else if (strcmp(fds[i].name, DEATHS_NAME) == 0) {
			gp_fd_close(&c->deaths_fd);
			c->deaths_fd = fd;
		} else if (strcmp(fds[i].name, "writer") == 0 &&
		    c->o.offline) {
			c->workers.w[0].ctl = fd;
		} else if (strcmp(fds[i].name, "input") == 0 &&
		    c->o.offline && k < c->o.n_files) {
			(*files)[k].fd = fd;
			(*files)[k].name = c->o.files[k];
			k++;
		} else {
			gp_fd_close(&fd);
		}
	}
	*n_files = k;
	free(fds);
	c->notify = gp_notify_open(c->notify);
	if (c->notify < -1)
		die(1, "NOTIFY_SOCKET", strerror(-c->notify));
	c->watchdog_ms = gp_notify_watchdog_ms();
}

static void
leave_in_order(void)
{
	if (!capture.looking)
		deaths_clean(capture.deaths);
}

/* A packet that kills the engine is sent again; the sensor is worth more than
 * the names. */
static void
choose_l7(struct capture *c)
{
	unsigned n = 0;

	if (!c->o.offline)
		n = deaths_open(&c->deaths, c->deaths_fd, c->notify,
		    gp_clock_boot_ns());
	(void)atexit(leave_in_order);
	c->l7 = c->settings.l7 == GP_L7_NDPI ? LOOP_L7_ON : LOOP_L7_OFF;
	if (n < DEATHS_MANY || c->l7 == LOOP_L7_OFF)
		return;
	c->l7 = LOOP_L7_FAILED;
	gp_log(GP_LOG_WARNING,
	    "layer 7 is off: capture died %u times in ten minutes iface=%s", n,
	    c->o.iface);
}

static void
open_signals(struct capture *c)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	c->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (c->signals < 0)
		die(1, "signalfd", strerror(errno));
}

/* Packets do not wait; whoever stores what was counted can.  Refused in some
 * containers, where it is then as it is. */
static void
go_first(void)
{
	/* systemd has done it, and its filter knows no setpriority */
	if (getpriority(PRIO_PROCESS, 0) <= NICE)
		return;
	if (setpriority(PRIO_PROCESS, 0, NICE) < 0)
		gp_log(GP_LOG_INFO, "no higher priority: %s",
		    strerror(errno));
}

/* Payload is for layer 7; without it nobody needs to copy that. */
static uint32_t
snaplen(const struct capture *c)
{
	uint32_t wanted = c->settings.snaplen, headers = SOURCE_SNAPLEN_DEFAULT;

	return (c->l7 == LOOP_L7_ON && dpi_version()) || wanted < headers
	    ? wanted : headers;
}

static bool
watchdog_hungry(const struct capture *c)
{
	return c->watchdog_ms > 0 && gp_clock_mono_ns() - c->petted_ns >=
	    c->watchdog_ms * INT64_C(1000000);
}

static void
pet_watchdog(struct capture *c)
{
	c->petted_ns = gp_clock_mono_ns();
	(void)gp_notify_send(c->notify, "WATCHDOG=1");
}

/* Waiting is all that can be done, so whoever started us need not wait. */
static void
told_of_interface(void *ctx, enum ifwait_state now)
{
	struct capture *c = ctx;
	char text[96];

	if (now == IFWAIT_UP)
		return;
	(void)snprintf(text, sizeof(text),
	    "READY=1\nSTATUS=waiting: interface %s is %s", c->o.iface,
	    now == IFWAIT_DOWN ? "down" : "not there");
	(void)gp_notify_send(c->notify, text);
	gp_log(GP_LOG_WARNING, "waiting: the interface is %s iface=%s",
	    now == IFWAIT_DOWN ? "down" : "not there", c->o.iface);
}

static void
while_waiting(void *ctx)
{
	if (watchdog_hungry(ctx))
		pet_watchdog(ctx);
}

static char *
read_filter(const struct capture *c)
{
	char error[SOURCE_ERROR_MAX];
	char *text = filter_read(&c->settings, error);

	if (text == NULL)
		die(EXIT_USAGE, error, NULL);
	return text;
}

static void
open_interface(struct capture *c)
{
	char error[SOURCE_ERROR_MAX], from[256];
	char *filter = read_filter(c);
	static struct source_share share;
	struct source_live live = {
	    .iface = c->o.iface,
	    .filter = filter,
	    .filter_from = from,
	    .snaplen = snaplen(c),
	    .buffer_mb = c->settings.buffer_mb,
	    .promiscuous = c->settings.promiscuous,
	    .by_iface = c->settings.direction != GP_DIR_FLOW,
	};

	filter_name(&c->settings, from, sizeof(from));
	if (c->workers.n > 1) {
		live.share = &share;
		if (getrandom(&share.key, sizeof(share.key), 0) < 0)
			die(1, "getrandom", strerror(errno));
	}
	for (size_t i = 0; i < c->workers.n; i++) {
		int rc = source_open_live(&c->workers.w[i].source, &live,
		    error);

		if (rc == -EBADMSG)
			die(EXIT_USAGE, error, NULL);
		if (rc < 0)
			die(rc == -ENODEV || rc == -ENETDOWN ? EXIT_AGAIN : 1,
			    error, NULL);
	}
	c->opened_ns = gp_clock_real_ns();
	for (size_t i = 0; live.share && i < c->workers.n; i++)
		source_begin(c->workers.w[i].source, c->opened_ns);
	free(filter);
}

static void
open_inputs(struct capture *c, const struct source_file *files, size_t n)
{
	char error[SOURCE_ERROR_MAX];
	struct worker *w = &c->workers.w[0];
	char *filter, name[256];
	int at;

	if (n == 0 || n != c->o.n_files || w->ctl < 0)
		die(EXIT_USAGE, "offline capture is started by goprobe", NULL);
	if (source_open_files(&w->source, files, n, loop_idle, &w->loop,
		error) < 0)
		die(1, error, NULL);
	filter = read_filter(c);
	at = snprintf(name, sizeof(name), "%s: ", c->o.iface);
	filter_name(&c->settings, name + at, sizeof(name) - (size_t)at);
	if (filter[0] &&
	    source_filter_files(w->source, name, filter, error) < 0)
		die(EXIT_USAGE, error, NULL);
	free(filter);
}

static int
connect_writer(const struct capture *c)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(c->o.socket) >= sizeof(sa.sun_path))
		die(EXIT_USAGE, c->o.socket, "path too long");
	memcpy(sa.sun_path, c->o.socket, strlen(c->o.socket));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
		die(EXIT_AGAIN, c->o.socket, strerror(errno));
	return fd;
}

/* Each worker's part of the interface's flows. */
static uint32_t
flows_each(const struct capture *c)
{
	uint32_t n = (uint32_t)c->workers.n;
	uint32_t each = (c->settings.flows_max + n - 1) / n;

	return each < FLOWTAB_MIN_FLOWS ? FLOWTAB_MIN_FLOWS : each;
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
	/* files wait for room: little memory, used again and again, is faster */
	int rc = ring_create(&w->ring, c->o.offline ? OFFLINE_RING_BYTES :
		snapshot_ring_bytes(flows_each(c)));

	if (rc < 0)
		die(1, "ring", strerror(-rc));
	h.ring_bytes = w->ring.info.data_bytes;
	memcpy(h.instance, w->ring.info.instance, sizeof(h.instance));
	(void)snprintf(h.iface, sizeof(h.iface), "%s", c->o.iface);
	if (c->o.offline)
		h.flags = HELLO_OFFLINE | (c->o.append ? HELLO_APPEND : 0) |
		    (source_seekable(w->source) ? 0 : HELLO_STREAM);
	rc = hello_send(w->ctl, &h, w->ring.fd_ro);
	if (rc < 0)
		die(EXIT_AGAIN, "the writer does not listen", strerror(-rc));
	gp_fd_close(&w->ring.fd_ro);
}

/* ---- giving it up -------------------------------------------------------- */

static void
collect_fds(const struct capture *c, struct profile_fds *fds)
{
	fds->offline = c->o.offline;
	fds->notify = c->notify;
	for (size_t i = 0; i < c->workers.n; i++) {
		const struct worker *w = &c->workers.w[i];

		fds->ctl[fds->n_ctl++] = w->ctl;
		for (size_t k = 0; !c->o.offline &&
		     k < source_handles(w->source); k++)
			fds->packet[fds->n_packet++] = source_fd(w->source, k);
	}
}

/* Threads inherit what was given up before; what is refused to all of them,
 * new threads among it, comes after. */
static void
enter_sandbox(struct capture *c)
{
	static const char *const words[] = {
	    [GP_SANDBOX_FULL] = "full",
	    [GP_SANDBOX_SECCOMP] = "seccomp only",
	    [GP_SANDBOX_OFF] = "off",
	};
	enum gp_conf_sandbox how = c->conf->capture_sandbox;
	struct profile_fds fds = {0};
	int abi = gp_sandbox_landlock_abi();
	const char *step;
	int rc = profile_confine(how, &step);

	if (rc < 0)
		die(1, step, strerror(-rc));
	rc = workers_start(&c->workers);
	if (rc < 0)
		die(1, "threads", strerror(-rc));
	collect_fds(c, &fds);
	rc = profile_seal(&fds, how, &step);
	if (rc < 0)
		die(1, step, strerror(-rc));
	if (how != GP_SANDBOX_FULL)
		gp_log(GP_LOG_WARNING, "sandbox weakened: %s", words[how]);
	else if (!c->o.offline)
		gp_log(GP_LOG_INFO, "sandbox full, Landlock ABI %d iface=%s",
		    abi, c->o.iface);
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
		while_waiting(c);
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
		die(1, "the store fails", NULL);
	case HELLO_VERSION_MISMATCH:
		die(EXIT_AGAIN, "the writer is of another version", NULL);
	case HELLO_BUSY:
		die(EXIT_AGAIN, "the writer has too many captures", NULL);
	default:
		die(1, "the writer refused", NULL);
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
		die(1, "time span", strerror(-rc));
	if (!any)
		first_s = last_s = GP_TIME_MAX_S - 1; /* touches nothing */
	rc = hello_msg_send(w->ctl, MSG_SPAN, HELLO_OK,
	    (uint64_t)gp_clock_slot(first_s), (uint64_t)gp_clock_slot(last_s));
	if (rc < 0)
		die(EXIT_AGAIN, "the writer is gone", strerror(-rc));
}

static void
be_welcomed(struct capture *c, const struct worker *w)
{
	struct hello_msg m;

	for (;;) {
		int rc = wait_message(c, w, &m);

		if (rc == -EINTR)
			exit(0); /* told to stop before there was anything */
		if (rc == -ECONNRESET && c->o.offline)
			exit(1); /* the writer has said why */
		if (rc < 0)
			die(EXIT_AGAIN, "no welcome from the writer",
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
		die(EXIT_AGAIN, "the writer is gone", strerror(-rc));
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
			die(EXIT_AGAIN, "no answer from the writer",
			    strerror(-rc));
		if (m.type == MSG_WELCOME) /* another writer, which asks us */
			ask_to_take(c);
	} while (m.type != MSG_FROM);
	if (m.code != HELLO_OK)
		die(EXIT_AGAIN, c->o.iface, "another capture has it and stays");
	if (m.a < (uint64_t)c->opened_ns || m.a > (uint64_t)gp_clock_real_ns())
		return 0;
	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &in_flight, NULL);
	return (int64_t)m.a;
}

static void
begin(struct capture *c)
{
	int64_t from_ns = take_over(c);

	if (from_ns == 0)
		return;
	for (size_t i = 0; i < c->workers.n; i++) {
		source_begin(c->workers.w[i].source, from_ns);
		loop_begin(c->workers.w[i].loop, from_ns);
	}
}

/* ---- running ------------------------------------------------------------- */

static void
tick(void *ctx, const struct loop_totals *t)
{
	struct worker *w = ctx;
	struct capture *c = &capture;

	atomic_store_explicit(&w->ticked_ns, gp_clock_mono_ns(),
	    memory_order_relaxed);
	if (w != &c->workers.w[0])
		return;
	if (c->o.offline)
		report_progress(&c->bar, c->workers.w[0].source, t->seen);
	/* only for all of them */
	if (watchdog_hungry(c) && workers_alive(&c->workers, c->petted_ns))
		pet_watchdog(c);
}

static void
problem(void *ctx, enum source_result what, const char *text)
{
	(void)ctx;
	(void)what;
	report_problem(&capture.bar, text);
}

static void
make_loop(struct capture *c, struct worker *w)
{
	struct loop_config config = {
	    .source = w->source,
	    .ring = &w->ring,
	    .ctl_fd = w->ctl,
	    .signal_fd = c->signals,
	    .alive_fd = c->alive,
	    .stop = &c->workers.stop,
	    .offline = c->o.offline,
	    .may_leave = !c->o.offline && c->workers.n == 1,
	    .flows_max = flows_each(c),
	    .snapshot_interval_s = c->settings.snapshot_interval,
	    .l7 = c->l7,
	    .l7_wait_s = c->settings.l7_wait,
	    .stop_wait_ms = c->o.offline ? -1 : STOP_WAIT_MS,
	    .wait_done = c->o.offline,
	    .tick = tick,
	    .problem = problem,
	    .ctx = w,
	};
	int rc = loop_new(&w->loop, &config);

	if (rc < 0)
		die(1, "flow table", strerror(-rc));
}

static void
open_workers(struct capture *c)
{
	for (size_t i = 0; i < c->workers.n; i++) {
		struct worker *w = &c->workers.w[i];

		if (!c->o.offline)
			w->ctl = connect_writer(c);
		hand_over_ring(c, w);
		make_loop(c, w);
	}
}

int
main(int argc, char **argv)
{
	struct capture *c = &capture;
	struct loop_totals totals = {0};
	const struct worker *culprit;
	struct source_file *files;
	enum loop_result result;
	size_t n_files;

	if (gp_fd_fill_std() < 0)
		return 1;
	gp_log_open("goprobe-capture", GP_LOG_INFO);
	options_parse(argc, argv, &c->o);
	load_configuration(c);
	if (c->o.check || c->o.print)
		return check_configuration(c);
	if (!c->o.offline && geteuid() != 0)
		die(EXIT_NOT_ROOT, "must be started by root", NULL);
	if (!c->o.offline)
		refuse_reserved(c->o.iface);
	workers_init(&c->workers, c->o.offline ? 1 : c->settings.workers);

	/* with what privilege there is: open, connect, hand over */
	take_passed(c, &files, &n_files);
	open_signals(c);
	choose_l7(c);
	if (c->o.offline) {
		open_inputs(c, files, n_files);
		c->bar.terminal = isatty(STDERR_FILENO);
	} else {
		go_first();
		if (ifwait_up(c->o.iface, c->signals, c->alive,
			told_of_interface, while_waiting, c) > 0)
			return 0; /* told to stop before there was anything */
		open_interface(c);
	}
	open_workers(c);
	dpi_silence_stdout();
	tzset();

	/* give it up; from here on nothing can be opened */
	enter_sandbox(c);

	/* only now: the writer's answer, the files, the packets */
	for (size_t i = 0; i < c->workers.n; i++)
		be_welcomed(c, &c->workers.w[i]);
	if (!c->o.offline) {
		begin(c);
		report_start(c->o.iface, &c->workers, &c->settings,
		    snaplen(c), c->l7);
	}
	(void)gp_notify_send(c->notify, "READY=1\nSTATUS=capturing");
	c->looking = true;
	result = workers_run(&c->workers, &totals, &culprit);
	c->looking = false;
	(void)gp_notify_send(c->notify, "STOPPING=1");
	return c->o.offline ? report_offline(&c->bar, result, &totals)
	                    : report_live(c->o.iface, &c->workers, result,
	                          culprit, &totals);
}
