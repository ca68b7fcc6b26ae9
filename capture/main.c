/*
 * goprobe-capture - the capture process of one interface.
 *
 * Read main() for the order of privilege: what needs root is done first, then
 * everything is given up for good, and only then the first foreign byte is
 * looked at.  See goprobe-capture(8).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "capture/dpi.h"
#include "capture/filter.h"
#include "capture/flowtab.h"
#include "capture/ifwait.h"
#include "capture/meeting.h"
#include "capture/profile.h"
#include "capture/source.h"
#include "capture/state.h"
#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/base/log.h"
#include "common/base/notify.h"
#include "common/base/usage.h"

#define STOP_WAIT_MS 10000
#define NICE -10

static struct capture capture;

void
capture_die(int status, const char *what, const char *why)
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
		capture_die(EXIT_USAGE, iface, "no interface is captured by "
		    "this name, which libpcap takes for something else");
}

static void
check_filter(const char *file, const struct gp_conf_capture *c)
{
	char error[SOURCE_ERROR_MAX];

	if (filter_check(file, c, error) < 0)
		capture_die(EXIT_USAGE, error, NULL);
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
		capture_die(EXIT_USAGE, error, NULL);
	if (c->o.offline &&
	    gp_conf_own_sandbox(c->conf, c->o.sandbox, error) < 0)
		capture_die(EXIT_USAGE, error, NULL);
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
		capture_die(1, "passed descriptors",
		    strerror(n < 0 ? -n : errno));
	c->alive = c->deaths_fd = c->notify = -1;
	*files = calloc((size_t)n + 1, sizeof(**files));
	if (*files == NULL)
		capture_die(1, "out of memory", NULL);
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
		capture_die(1, "NOTIFY_SOCKET", strerror(-c->notify));
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
		capture_die(1, "signalfd", strerror(errno));
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

void
capture_waits(void *ctx)
{
	if (watchdog_hungry(ctx))
		pet_watchdog(ctx);
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

static char *
read_filter(const struct capture *c)
{
	char error[SOURCE_ERROR_MAX];
	char *text = filter_read(&c->settings, error);

	if (text == NULL)
		capture_die(EXIT_USAGE, error, NULL);
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
			capture_die(1, "getrandom", strerror(errno));
	}
	for (size_t i = 0; i < c->workers.n; i++) {
		int rc = source_open_live(&c->workers.w[i].source, &live,
		    error);

		if (rc == -EBADMSG)
			capture_die(EXIT_USAGE, error, NULL);
		if (rc < 0)
			capture_die(rc == -ENODEV || rc == -ENETDOWN ?
				EXIT_AGAIN : 1, error, NULL);
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
		capture_die(EXIT_USAGE, "offline capture is started by goprobe",
		    NULL);
	if (source_open_files(&w->source, files, n, loop_idle, &w->loop,
		error) < 0)
		capture_die(1, error, NULL);
	filter = read_filter(c);
	at = snprintf(name, sizeof(name), "%s: ", c->o.iface);
	filter_name(&c->settings, name + at, sizeof(name) - (size_t)at);
	if (filter[0] &&
	    source_filter_files(w->source, name, filter, error) < 0)
		capture_die(EXIT_USAGE, error, NULL);
	free(filter);
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
		capture_die(1, step, strerror(-rc));
	rc = workers_start(&c->workers);
	if (rc < 0)
		capture_die(1, "threads", strerror(-rc));
	collect_fds(c, &fds);
	rc = profile_seal(&fds, how, &step);
	if (rc < 0)
		capture_die(1, step, strerror(-rc));
	if (how != GP_SANDBOX_FULL)
		gp_log(GP_LOG_WARNING, "sandbox weakened: %s", words[how]);
	else if (!c->o.offline)
		gp_log(GP_LOG_INFO, "sandbox full, Landlock ABI %d iface=%s",
		    abi, c->o.iface);
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

uint32_t
capture_flows_each(const struct capture *c)
{
	uint32_t n = (uint32_t)c->workers.n;
	uint32_t each = (c->settings.flows_max + n - 1) / n;

	return each < FLOWTAB_MIN_FLOWS ? FLOWTAB_MIN_FLOWS : each;
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
	    .flows_max = capture_flows_each(c),
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
		capture_die(1, "flow table", strerror(-rc));
}

static void
open_workers(struct capture *c)
{
	for (size_t i = 0; i < c->workers.n; i++) {
		struct worker *w = &c->workers.w[i];

		meeting_open(c, w);
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
		capture_die(EXIT_NOT_ROOT, "must be started by root", NULL);
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
			told_of_interface, capture_waits, c) > 0)
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
		meeting_be_welcomed(c, &c->workers.w[i]);
	if (!c->o.offline) {
		meeting_take_over(c);
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
