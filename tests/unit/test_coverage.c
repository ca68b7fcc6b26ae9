/*
 * What an answer's window lacks: down-time by the parts' own intervals, files
 * make no gaps, the time before the first block and after now is no gap,
 * drops, cut files, damage.
 */
#include "common/godb/godb.h"

#include "tests/lib/fakescan.h"
#include "tests/tap.h"

#include <errno.h>
#include <string.h>

#define NS INT64_C(1000000000)
#define T0 INT64_C(1700000100) /* a block start */

static struct godb_scan *scan;
static struct godb_coverage_opts opts;
static uint32_t outside; /* flags of blocks outside the window */

static void
start(void)
{
	scan = fake_scan_new();
	fake_add_iface(scan, "eth0");
	opts = (struct godb_coverage_opts)GODB_COVERAGE_OPTS_INIT;
	opts.first_s = T0;
	opts.last_s = T0 + 3000;
	opts.now_ns = (T0 + 3000) * NS;
	outside = 0;
}

static struct godb_part *
block(unsigned i)
{
	return fake_add_part(scan, 0, T0 + 300 * (int64_t)i, NULL, 0);
}

/* A block that is there already. */
static struct godb_part *
there(size_t i)
{
	return (struct godb_part *)(uintptr_t)godb_scan_part(scan, i);
}

static void
blocks(unsigned first, unsigned end)
{
	for (; first < end; first++)
		(void)block(first);
}

/* "down 300s in 1 [0,300) | ..." with times relative to T0; then covered and
 * known seconds. */
static const char *
lacks(void)
{
	static char out[512];
	const struct godb_incomplete *item;
	struct godb_coverage *c = NULL;
	uint64_t covered, known;
	size_t len = 0;

	if (godb_coverage_new(fake_reader(outside), scan, NULL, &opts, &c) < 0)
		return "failed";
	out[0] = '\0';
	for (size_t i = 0; (item = godb_coverage_incomplete(c, i)); i++)
		len += (size_t)snprintf(out + len, sizeof(out) - len,
		    "%s %s %lld in %lld [%lld,%lld)%s | ", item->iface,
		    godb_cause_name(item->cause),
		    (long long)(item->cause == GODB_CAUSE_DOWN
			    ? item->amount / NS : item->amount),
		    (long long)item->count,
		    (long long)(item->first_ns / NS - T0),
		    (long long)(item->last_ns / NS - T0),
		    item->unreadable ? "!" : "");
	godb_coverage_time(c, &covered, &known);
	(void)snprintf(out + len, sizeof(out) - len, "%lld of %lld",
	    (long long)(covered / NS), (long long)(known / NS));
	godb_coverage_free(c);
	godb_scan_close(scan);
	return out;
}

/* One interface makes snapshots seldom. */
static int64_t
interval_ns(void *seldom, const char *iface)
{
	return (strcmp(iface, seldom) == 0 ? 200 : 5) * NS;
}

static void
check_gaps(void)
{
	struct godb_part *p;

	start();
	blocks(0, 10);
	is_str(lacks(), "3000 of 3000", "all there");

	start();
	blocks(0, 4);
	blocks(6, 10);
	is_str(lacks(), "eth0 down 600 in 1 [1200,1800) | 2400 of 3000",
	    "two blocks missing");

	start();
	blocks(0, 2);
	blocks(3, 5);
	blocks(6, 10);
	is_str(lacks(), "eth0 down 600 in 2 [600,1800) | 2400 of 3000",
	    "two gaps are one line");

	start();
	blocks(0, 3);
	block(3)->last_ns -= 100 * NS;
	block(4)->first_ns += NS + NS / 2;
	blocks(5, 10);
	is_str(lacks(), "eth0 down 101 in 1 [1100,1201) | 2898 of 3000",
	    "the parts' own intervals count, not the blocks");

	start();
	blocks(0, 3);
	block(3)->last_ns -= NS / 100;
	block(4)->first_ns += NS / 100;
	blocks(5, 10);
	is_str(lacks(), "2999 of 2999", "20 ms are no gap");

	start();
	blocks(0, 3);
	block(3)->last_ns -= NS / 2;
	block(4)->first_ns += NS / 2;
	blocks(5, 10);
	is_str(lacks(), "eth0 down 1 in 1 [1199,1200) | 2999 of 3000",
	    "a capture that was started again is one");

	start();
	block(0);
	block(0)->last_ns = (T0 + 3000) * NS;
	is_str(lacks(), "3000 of 3000", "parts may overlap");

	start();
	blocks(0, 4);
	block(6)->flags = GODB_PART_OFFLINE;
	blocks(7, 10);
	is_str(lacks(), "2400 of 2400", "a gap beside a capture file is none");

	start();
	p = block(3);
	p->flags = GODB_PART_OFFLINE;
	p->last_ns = p->first_ns;
	is_str(lacks(), "0 of 0", "nor is what follows a file of one packet");
}

static void
check_edges(void)
{
	start();
	blocks(4, 10);
	is_str(lacks(), "1800 of 1800", "before the first known block: no gap");

	start();
	blocks(4, 10);
	fake_set_extent(scan, 0, T0 - 3000, T0 + 2700);
	is_str(lacks(), "eth0 down 1200 in 1 [0,1200) | 1800 of 3000",
	    "when there is an earlier one: a gap");

	start();
	outside = GODB_PART_OFFLINE;
	blocks(4, 10);
	fake_set_extent(scan, 0, T0 - 3000, T0 + 2700);
	is_str(lacks(), "1800 of 1800", "unless that is of a capture file");

	start();
	outside = GODB_PART_OFFLINE;
	fake_set_extent(scan, 0, T0 - 3000, T0 - 600);
	is_str(lacks(), "0 of 0", "nothing behind a capture file: no gap");

	start();
	blocks(0, 3);
	block(3)->last_ns -= NS / 100;
	block(4)->first_ns += NS / 100 + 1;
	blocks(5, 10);
	is_str(lacks(), "eth0 down 0 in 1 [1199,1200) | 2999 of 3000",
	    "more are one");

	start();
	blocks(0, 5);
	opts.now_ns = (T0 + 1500 + 60) * NS;
	is_str(lacks(), "1500 of 1500", "nor its last minute");

	start();
	blocks(0, 5);
	opts.now_ns = (T0 + 1500 + 61) * NS;
	is_str(lacks(), "eth0 down 61 in 1 [1500,1561) | 1500 of 1561",
	    "but more");

	start();
	blocks(0, 5);
	opts.now_ns = (T0 + 1500 + 230) * NS;
	opts.interval_ns = interval_ns;
	opts.interval_arg = (void *)(uintptr_t)"eth0";
	is_str(lacks(), "1500 of 1500", "nor where snapshots are 200 s apart");

	start();
	blocks(0, 5);
	opts.now_ns = (T0 + 1500 + 231) * NS;
	opts.interval_ns = interval_ns;
	opts.interval_arg = (void *)(uintptr_t)"eth0";
	is_str(lacks(), "eth0 down 231 in 1 [1500,1731) | 1500 of 1731",
	    "but 30 s behind that");

	start();
	blocks(0, 5);
	opts.now_ns = (T0 + 1500 + 61) * NS;
	opts.interval_ns = interval_ns;
	opts.interval_arg = (void *)(uintptr_t)"eth1";
	is_str(lacks(), "eth0 down 61 in 1 [1500,1561) | 1500 of 1561",
	    "nor for another interface's sake");

	start();
	blocks(0, 5);
	opts.now_ns = (T0 + 1500 + 660) * NS;
	opts.no_live = true;
	is_str(lacks(), "1500 of 1500", "--no-live: eleven minutes");

	start();
	blocks(0, 5);
	opts.now_ns = (T0 + 1500 + 661) * NS;
	opts.no_live = true;
	is_str(lacks(), "eth0 down 661 in 1 [1500,2161) | 1500 of 2161",
	    "but not more");

	start();
	blocks(0, 5);
	opts.now_ns = (T0 + 1500 + 50) * NS;
	is_str(lacks(), "1500 of 1500", "a live sensor's last seconds: no gap");

	start();
	blocks(0, 5);
	opts.now_ns = (T0 + 1500 + 100) * NS;
	is_str(lacks(), "eth0 down 100 in 1 [1500,1600) | 1500 of 1600",
	    "down since; after now is no gap");

	start();
	blocks(0, 5);
	opts.now_ns = (T0 + 1500 + 600) * NS;
	opts.no_live = true;
	is_str(lacks(), "1500 of 1500", "--no-live: the last block comes late");

	start();
	blocks(0, 5);
	fake_set_extent(scan, 0, T0, T0 + 9000);
	is_str(lacks(), "eth0 down 1500 in 1 [1500,3000) | 1500 of 3000",
	    "data goes on after the window: a gap at its end");

	start();
	blocks(0, 5);
	opts.shipped = true;
	fake_set_extent(scan, 0, T0, T0 + 9000);
	is_str(lacks(), "eth0 down 1500 in 1 [1500,3000) | 1500 of 3000",
	    "and no delay of shipping, for later blocks are there");

	start();
	blocks(0, 5);
	opts.shipped = true;
	is_str(lacks(), "eth0 not-shipped 1500000000000 in 1 [1500,3000) | "
	    "1500 of 3000", "which it is when the last block is before it");

	start();
	outside = GODB_PART_OFFLINE;
	blocks(0, 5);
	fake_set_extent(scan, 0, T0, T0 + 9000);
	is_str(lacks(), "1500 of 1500",
	    "unless it goes on with a capture file");

	/* the window's end is behind now, as are times of a file whose clock
	 * was wrong */
	start();
	blocks(0, 3);
	block(8)->flags = GODB_PART_OFFLINE;
	opts.now_ns = (T0 + 1500) * NS;
	is_str(lacks(), "900 of 900", "also with one of later than now");

	start();
	outside = GODB_PART_OFFLINE;
	block(8)->flags = GODB_PART_OFFLINE;
	opts.now_ns = (T0 + 1500) * NS;
	fake_set_extent(scan, 0, T0 - 9000, T0 + 2400);
	is_str(lacks(), "0 of 0", "between that and an earlier one: no gap");

	start();
	block(8)->flags = GODB_PART_OFFLINE;
	opts.now_ns = (T0 + 1500) * NS;
	fake_set_extent(scan, 0, T0 - 9000, T0 + 2400);
	is_str(lacks(), "0 of 0", "  nor when the earlier one is a sensor's");

	start();
	outside = GODB_PART_OFFLINE;
	block(8);
	opts.now_ns = (T0 + 1500) * NS;
	fake_set_extent(scan, 0, T0 - 9000, T0 + 2400);
	is_str(lacks(), "0 of 0", "  nor when the later one is");

	start();
	block(8);
	opts.now_ns = (T0 + 1500) * NS;
	fake_set_extent(scan, 0, T0 - 9000, T0 + 2400);
	is_str(lacks(), "eth0 down 1500 in 1 [0,1500) | 0 of 1500",
	    "  but when both are it is one");

	start();
	blocks(0, 10);
	there(9)->last_ns -= 30 * NS;
	fake_set_extent(scan, 0, T0, T0 + 3000);
	is_str(lacks(), "eth0 down 30 in 1 [2970,3000) | 2970 of 3000",
	    "a block that begins where the window ends is behind it");

	start();
	blocks(0, 10);
	there(0)->first_ns += 100 * NS;
	fake_set_extent(scan, 0, T0, T0 + 2700);
	is_str(lacks(), "2900 of 2900",
	    "a sensor may begin within the window's first block");

	start();
	blocks(0, 5);
	for (size_t i = 0; i < 5; i++)
		((struct godb_part *)(uintptr_t)godb_scan_part(scan, i))->flags =
		    GODB_PART_OFFLINE;
	is_str(lacks(), "1500 of 1500", "files end where they end");

	start();
	is_str(lacks(), "0 of 0", "an interface without any block");

	start();
	blocks(4, 10);
	fake_set_pruned(scan, 0, T0 - 86400, T0 + 900);
	is_str(lacks(), "eth0 pruned 0 in 1 [0,900) | 1800 of 1800",
	    "retention had removed what was before");

	start();
	blocks(4, 10);
	fake_set_pruned(scan, 0, T0 + 300, T0 + 9000);
	is_str(lacks(), "eth0 pruned 0 in 1 [300,1200) | 1800 of 1800",
	    "but only as far as nothing is there");

	start();
	blocks(0, 10);
	fake_set_pruned(scan, 0, T0 - 86400, T0 + 300);
	is_str(lacks(), "3000 of 3000", "a window without such time is whole");

	start();
	fake_set_pruned(scan, 0, T0 - 86400 * 5, T0 + 86400);
	is_str(lacks(), "eth0 pruned 0 in 1 [0,3000) | 0 of 0",
	    "all of it may have gone");

	start();
	fake_set_extent(scan, 0, T0 - 9000, T0 + 9000);
	is_str(lacks(), "eth0 down 3000 in 1 [0,3000) | 0 of 3000",
	    "blocks on both sides, none inside");

	start();
	fake_set_extent(scan, 0, T0 - 9000, T0 + 9000);
	fake_set_pruned(scan, 0, T0 - 86400 * 5, T0 + 86400);
	is_str(lacks(), "eth0 down 3000 in 1 [0,3000) | 0 of 3000",
	    "a day that has others of them was not removed");

	start();
	outside = GODB_PART_OFFLINE;
	fake_set_extent(scan, 0, T0 - 9000, T0 + 9000);
	is_str(lacks(), "0 of 0", "the same with files");

	start();
	fake_set_extent(scan, 0, T0 + 9000, T0 + 9000);
	is_str(lacks(), "0 of 0", "blocks only after the window");

	start();
	fake_set_extent(scan, 0, T0 - 9000, T0 - 9000);
	is_str(lacks(), "eth0 down 3000 in 1 [0,3000) | 0 of 3000",
	    "dead since before the window");

	start();
	block(0)->first_ns = INT64_MIN;
	block(1)->last_ns = INT64_MAX;
	opts.first_s = INT64_MIN;
	opts.last_s = INT64_MAX;
	opts.now_ns = INT64_MAX;
	ok(strcmp(lacks(), "failed") != 0, "absurd times do no harm");

	start();
	fake_set_extent(scan, 0, T0 - 9000, T0 - 9000);
	opts.now_ns = INT64_MIN;
	is_str(lacks(), "0 of 0", "before all time nothing is known");
}

static void
check_counters(void)
{
	struct godb_part *p;
	struct godb_fault f = {.iface = "eth0", .rc = GODB_EDAMAGED,
	    .place = "blocks.idx at 64"};

	start();
	blocks(0, 10);
	p = (struct godb_part *)(uintptr_t)godb_scan_part(scan, 2);
	p->counters.kernel_drops = 5;
	p->counters.late = 7;
	p = (struct godb_part *)(uintptr_t)godb_scan_part(scan, 4);
	p->counters.kernel_drops = 6;
	p->counters.iface_drops = 1;
	p->counters.time_clamped = 2;
	p->counters.overflow = 3;
	p->flags = GODB_PART_CUT;
	is_str(lacks(),
	    "eth0 kernel-drops 11 in 2 [600,1500) | "
	    "eth0 interface-drops 1 in 1 [1200,1500) | "
	    "eth0 cut-file 0 in 1 [1200,1500) | "
	    "eth0 late 7 in 1 [600,900) | "
	    "eth0 time-range 2 in 1 [1200,1500) | "
	    "eth0 overflow 3 in 1 [1200,1500) | 3000 of 3000",
	    "each cause once, with its sum and span");

	start();
	blocks(0, 10);
	p = (struct godb_part *)(uintptr_t)godb_scan_part(scan, 3);
	p->flags = GODB_PART_LOST;
	is_str(lacks(), "eth0 lost-rows 0 in 1 [900,1200) | 3000 of 3000",
	    "a block that lost rows is told");

	start();
	blocks(0, 4);
	blocks(6, 10);
	f.first_s = T0 + 1200;
	f.last_s = T0 + 1800;
	fake_add_fault(scan, &f);
	is_str(lacks(), "eth0 damaged 0 in 1 [1200,1800)! | 2400 of 2400",
	    "damage is not down-time");

	start();
	blocks(0, 10);
	f.rc = GODB_EGONE;
	fake_add_fault(scan, &f);
	f.iface = NULL;
	f.rc = -EIO;
	fake_add_fault(scan, &f);
	is_str(lacks(), "eth0 removed 0 in 1 [1200,1800)! | "
	    " damaged 0 in 1 [1200,1800)! | 3000 of 3000",
	    "removed by retention; a fault of no interface");
}

/* Parts that cannot be read do not cover their time, on whichever interface,
 * and two of one block not twice. */
static void
check_unreadable(void)
{
	const struct godb_fault faults[] = {
		{.iface = "eth0", .rc = GODB_EDAMAGED, .place = "sip.gpf",
		    .first_s = T0 + 600, .last_s = T0 + 900},
		{.iface = "eth1", .rc = GODB_EDAMAGED, .place = "dip.gpf",
		    .first_s = T0 + 1200, .last_s = T0 + 1500},
		{.iface = "eth1", .rc = GODB_EDAMAGED, .place = "sip.gpf",
		    .first_s = T0 + 1200, .last_s = T0 + 1500},
	};

	for (size_t n = 0; n < 4; n++) {
		static const char *const want[] = {
			"6000 of 6000",
			"eth0 damaged 0 in 1 [600,900)! | 5700 of 6000",
			"eth0 damaged 0 in 1 [600,900)! | "
			"eth1 damaged 0 in 1 [1200,1500)! | 5400 of 6000",
			"eth0 damaged 0 in 1 [600,900)! | "
			"eth1 damaged 0 in 1 [1200,1500)! | "
			"eth1 damaged 0 in 1 [1200,1500)! | 5400 of 6000",
		};

		start();
		fake_add_iface(scan, "eth1");
		blocks(0, 10);
		for (int64_t i = 0; i < 10; i++)
			(void)fake_add_part(scan, 1, T0 + 300 * i, NULL, 0);
		opts.faults = faults;
		opts.n_faults = n;
		is_str(lacks(), want[n], "parts that cannot be read");
	}

	start();
	blocks(2, 3);
	there(0)->last_ns = (T0 + 700) * NS;
	opts.faults = faults;
	opts.n_faults = 1;
	opts.now_ns = (T0 + 900) * NS;
	is_str(lacks(), "eth0 damaged 0 in 1 [600,900)! | 0 of 100",
	    "no more than it covers is taken off");

	start();
	blocks(0, 3);
	opts.faults = faults;
	opts.n_faults = 1;
	opts.now_ns = (T0 + 750) * NS;
	is_str(lacks(), "eth0 damaged 0 in 1 [600,900)! | 600 of 750",
	    "one that is being filled counts until now");
}

static void
check_window(void)
{
	struct godb_coverage *c = NULL;
	int64_t first_s, last_s;

	start();
	opts.first_s = T0 + 1;
	opts.last_s = T0 + 301;
	block(0)->flags = GODB_PART_DIR_IFACE;
	(void)godb_coverage_new(NULL, scan, NULL, &opts, &c);
	godb_coverage_window(c, &first_s, &last_s);
	ok(first_s == T0 && last_s == T0 + 600, "whole blocks");
	is_int(godb_coverage_directions(c), 0, "blocks without rows: none");
	godb_coverage_free(c);
	godb_scan_close(scan);
}

/* A record may say any time that it covers. */
static void
check_any_time(void)
{
	struct godb_part *p;

	start();
	blocks(0, 9);
	p = block(9);
	p->first_ns = INT64_MIN;
	p->last_ns = INT64_MAX;
	is_str(lacks(), "3000 of 3000", "all of time");

	start();
	blocks(0, 9);
	p = block(9);
	p->first_ns = p->last_ns = INT64_MAX;
	is_str(lacks(), "eth0 down 300 in 1 [2700,3000) | 2700 of 3000",
	    "the end of time");
}

int
main(void)
{
	check_any_time();
	check_gaps();
	check_edges();
	check_counters();
	check_unreadable();
	check_window();
	return tap_done();
}
