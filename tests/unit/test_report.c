/*
 * report: each figure is said as what it is, and the exit status tells whether
 * all is stored.
 */
#include "capture/report.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/exits.h"
#include "common/base/log.h"
#include "tests/tap.h"

const char *__wrap_source_error(const struct source *s);

const char *
__wrap_source_error(const struct source *s)
{
	(void)s;
	return "vb: The interface disappeared";
}

/* ---- what goes to the standard error ------------------------------------- */

static char said[8192];
static int aside = -1, text = -1;

static void
listen_begin(void)
{
	text = memfd_create("said", MFD_CLOEXEC);
	aside = dup(2);
	(void)dup2(text, 2);
}

static void
listen_end(void)
{
	ssize_t n;

	(void)fflush(stderr);
	(void)dup2(aside, 2);
	(void)close(aside);
	n = pread(text, said, sizeof(said) - 1, 0);
	said[n > 0 ? n : 0] = '\0';
	(void)close(text);
}

static void
says(const char *what)
{
	if (!ok(strstr(said, what) != NULL, "says: %s", what))
		diag("%s", said);
}

static void
says_not(const char *what)
{
	if (!ok(strstr(said, what) == NULL, "says not: %s", what))
		diag("%s", said);
}

/* ---- live ---------------------------------------------------------------- */

static struct workers workers;

static const struct loop_totals live = {.seen = 101, .non_ip = 102,
	.malformed = 103, .published = 101, .overflow = 104, .late = 105,
	.kernel_drops = 106, .iface_drops = 107, .kernel_at_stop = 108,
	.l7_looked = 109, .l7_cut = 110, .l7_full = 111, .l7_starved = 112,
	.acked = true};

static int
ends(enum loop_result result, struct loop_totals t)
{
	int status;

	listen_begin();
	status = report_live("vb", &workers, result, &workers.w[0], &t);
	listen_end();
	return status;
}

static void
test_live(void)
{
	struct loop_totals t = live;

	workers.n = 1;
	is_int(ends(LOOP_STOPPED, t), 0, "stopped, and all is taken");
	says("ended iface=vb packets=101 non-ip=102 malformed=103 "
	     "overflow=104 late=105 kernel_drops=106 iface_drops=107 "
	     "kernel_at_stop=108 unpublished=0 l7_packets=109 l7_cut=110 "
	     "l7_full=111 l7_starved=112");
	says("turns iface=vb clock=wall ");
	says("turns iface=vb clock=cpu ");
	says_not("left to another");
	says_not("worker=");
	is_int(ends(LOOP_FINISHED, t), 0, "finished");
	is_int(ends(LOOP_IFACE_GONE, t), EXIT_AGAIN, "an interface is gone");
	says("vb: The interface disappeared");
	is_int(ends(LOOP_PEER_GONE, t), EXIT_AGAIN, "a writer is");
	says("the writer is gone iface=vb");
	t.left = true;
	is_int(ends(LOOP_STOPPED, t), 0, "with a successor");
	says("left to another capture iface=vb");
	t.acked = false;
	is_int(ends(LOOP_STOPPED, t), 1, "not all is taken");
	t = live;
	t.published -= 7;
	is_int(ends(LOOP_STOPPED, t), 1, "not all is told");
	says("unpublished=7");
	workers.n = 2;
	workers.w[1].totals = (struct loop_totals){.seen = 21, .flows = 22,
	    .kernel_drops = 23};
	is_int(ends(LOOP_STOPPED, live), 0, "two workers");
	says("worker iface=vb worker=0 packets=0 flows=0 kernel_drops=0");
	says("worker iface=vb worker=1 packets=21 flows=22 kernel_drops=23");
}

/* ---- files --------------------------------------------------------------- */

static const struct loop_totals files = {.seen = 101, .done_rows = 102,
	.done_blocks = 103, .non_ip = 104, .malformed = 105,
	.first_s = 1768467600, .last_s = 1768468500, .done = true};

static int
replays(enum loop_result result, struct loop_totals t)
{
	struct report_bar bar = {.terminal = false};
	int status;

	listen_begin();
	status = report_offline(&bar, result, &t);
	listen_end();
	return status;
}

static void
test_files(void)
{
	struct loop_totals t = files;

	is_int(replays(LOOP_FINISHED, t), 0, "all is read and stored");
	is_str(said, "goprobe: 101 packets, 102 rows in 103 blocks, 104 non-IP,"
	    " 105 malformed, 2026-01-15 09:00:00 to 2026-01-15 09:15:00 UTC\n",
	    "and said");
	t.overflow = 11;
	t.time_clamped = 12;
	t.l7_starved = 13;
	t.first_s = t.last_s + 1;
	is_int(replays(LOOP_FINISHED, t), 0, "with remarks");
	says("105 malformed, 11 in overflow rows, 12 with times out of range, "
	     "13 flows named by port for want of memory");
	says_not("UTC");
	t = files;
	t.writers = 1;
	is_int(replays(LOOP_FINISHED, t), 0, "with another writer");
	says("102 rows in 103 blocks since the writer was started again, 104");
	t = files;
	t.done = false;
	t.trouble = 28;
	is_int(replays(LOOP_STOPPED, t), 1, "stopped on a full disk");
	is_str(said, "goprobe: stopped: the store cannot be written: No space "
	    "left on device: not everything is stored\n", "and said");
	t.trouble = 10001;
	is_int(replays(LOOP_FINISHED, t), 1, "an error of the store's own");
	says("the store cannot be written: not everything is stored");
	is_int(replays(LOOP_PEER_GONE, files), 1, "the writer has gone");
	says("the writer is gone: not everything is stored");
	t = files;
	t.done = false;
	is_int(replays(LOOP_FINISHED, t), 1, "or never said that it is done");
	says("the writer is gone: not everything is stored");
	is_int(replays(LOOP_STOPPED, files), 1, "stopped");
	says("stopped; what was read is stored");
	t = files;
	t.cut = 1;
	is_int(replays(LOOP_FINISHED, t), EXIT_CUT, "a file that was cut");
	t.unreadable = 1;
	is_int(replays(LOOP_FINISHED, t), 1, "and one that is none");
	says("101 packets");
	t.seen = 0;
	is_int(replays(LOOP_FINISHED, t), 1, "none that is one");
	is_str(said, "", "has been said");
}

int
main(void)
{
	gp_log_open("goprobe-capture", GP_LOG_INFO);
	test_live();
	test_files();
	return tap_done();
}
