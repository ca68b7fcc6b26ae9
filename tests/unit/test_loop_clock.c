/*
 * loop: the real loop live beside a wall clock that is ours (clock_gettime
 * below), so that block boundaries and steps can be had at will: what of them
 * a packet, an END and flows that wait for their names belong to.
 */
#include "capture/dpi.h"
#include "common/base/clock.h"
#include "tests/lib/liverun.h"

#include <signal.h>
#include <time.h>
#include <sys/syscall.h>

static atomic_llong wall_offset_ns, passed_ns; /* the latter by all clocks */
static atomic_llong slept_ns; /* by all but the monotonic one */
static atomic_int refused; /* pushes to come, though there is room */

int __real_ring_push(struct ring_producer *p, void *frame);
int __wrap_ring_push(struct ring_producer *p, void *frame);

int
__wrap_ring_push(struct ring_producer *p, void *frame)
{
	if (refused > 0) {
		refused--;
		return -EAGAIN;
	}
	return __real_ring_push(p, frame);
}

/* In front of libc's, for all of the program. */
int
clock_gettime(clockid_t id, struct timespec *ts)
{
	long rc = syscall(SYS_clock_gettime, id, ts);

	if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_MONOTONIC ||
		id == CLOCK_BOOTTIME)) {
		int64_t ns = (int64_t)ts->tv_sec * GP_NS_PER_S + ts->tv_nsec +
		    passed_ns + (id == CLOCK_REALTIME ? wall_offset_ns : 0) +
		    (id == CLOCK_MONOTONIC ? 0 : slept_ns);

		ts->tv_sec = ns / GP_NS_PER_S;
		ts->tv_nsec = ns % GP_NS_PER_S;
	}
	return (int)rc;
}

/* Seconds of our wall clock into the block. */
static void
set_wall(int64_t slots, int64_t into_s)
{
	int64_t real = gp_clock_real_ns();
	int64_t slot = gp_clock_slot(real / GP_NS_PER_S) + slots * GP_SLOT_S;

	wall_offset_ns += (slot + into_s) * GP_NS_PER_S - real;
}

static void
test_boundary(int vb)
{
	struct live_run run;
	int64_t slot_s;
	size_t a, b;

	set_wall(0, 298);
	slot_s = gp_clock_slot(gp_clock_real_ns() / GP_NS_PER_S);
	live_open(&run, (struct live_run_cfg){"va", true, "udp",
			    0, 0, false, 0});
	live_start(&run);
	send_frames(vb, 0, 1000);
	usleep(3000000); /* over the boundary, idle */
	send_frames(vb, 0, 500);
	live_stop(&run);
	a = block_at(run.out, slot_s);
	b = block_at(run.out, slot_s + 300);
	is_int(run.out->n_blocks, 2, "two blocks");
	is_int(run.out->block[a].packets, 1000, "before the boundary");
	is_int(run.out->block[b].packets, 500, "after it");
	is_int(run.out->block[a].ends, 1, "the first is closed, idle or not");
	is_int(run.out->gaps, 0, "the intervals meet");
	ok(closes(&run.totals, run.out), "accounts close");
	live_free(&run);
}

static void
test_steps(int vb)
{
	struct live_run run;

	live_open(&run, (struct live_run_cfg){"va", true, "udp",
			    0, 0, false, 0});
	live_start(&run);
	send_frames(vb, 0, 100);
	usleep(1200000);
	set_wall(-3, 100);
	send_frames(vb, 0, 100);
	usleep(1200000);
	set_wall(14, 100);
	send_frames(vb, 0, 100);
	usleep(1200000);
	live_stop(&run);
	is_int(run.out->packets, 300, "a stepping clock loses nothing");
	is_int(run.out->n_blocks, 3, "three blocks");
	for (size_t i = 0; i < run.out->n_blocks; i++) {
		int64_t slot_ns = run.out->block[i].slot_s * GP_NS_PER_S;

		ok(run.out->block[i].packets == 100 &&
		    run.out->block[i].first_ns >= slot_ns - 2 * GP_NS_PER_S &&
		    run.out->block[i].last_ns < slot_ns + 300 * GP_NS_PER_S,
		    "with 100 packets, in their own time");
	}
	ok(closes(&run.totals, run.out), "accounts close");
	live_free(&run);
}

/* What was watched before a step of the wall clock, or before the machine
 * slept, is told of, and no more. */
static void
test_watched(int64_t slots, bool sleeps)
{
	struct live_run run;
	int64_t slot_s;
	size_t a;

	set_wall(0, 100);
	slot_s = gp_clock_slot(gp_clock_real_ns() / GP_NS_PER_S);
	live_interval_s = 60;
	live_open(&run, (struct live_run_cfg){"va", true, "udp",
			    0, 0, false, 0});
	live_interval_s = 1;
	live_start(&run);
	usleep(1500000);
	if (sleeps)
		slept_ns += slots * GP_SLOT_S * GP_NS_PER_S;
	else
		set_wall(slots, 100);
	usleep(1500000);
	live_stop(&run);
	is_int(run.out->n_blocks, 2, "%d blocks %s", (int)slots,
	    sleeps ? "asleep" : "in a step");
	a = block_at(run.out, slot_s);
	ok(run.out->block[a].last_ns - run.out->block[a].first_ns >
		GP_NS_PER_S &&
		run.out->block[a].last_ns < (slot_s + 200) * GP_NS_PER_S,
	    "the time before it was watched");
	is_int(run.out->uneven, 0, "by all clocks");
	live_free(&run);
}

/* Too little to be a step, but the interval would end before it began. */
static void
test_little_step(int vb)
{
	struct live_run run;

	set_wall(0, 100);
	live_open(&run, (struct live_run_cfg){"va", true, "udp",
			    0, 0, false, 0});
	live_start(&run);
	send_frames(vb, 0, 100);
	usleep(300000);
	wall_offset_ns -= GP_NS_PER_S * 9 / 10;
	usleep(100000);
	live_stop(&run);
	is_str(run.reader->why ? run.reader->why : "", "",
	    "a little step back: all frames are good");
	is_int(run.out->packets, 100, "and tell of all");
	ok(closes(&run.totals, run.out) && run.totals.acked, "accounts close");
	live_free(&run);
}

/*
 * Flows that say nothing wait for their name beyond the end of the block, and
 * are counted where their packets came; so are those that came in between.
 */
static void
test_naming(int vb)
{
	struct live_run run;
	int64_t slot_s;
	size_t a, b;

	set_wall(1, 298);
	slot_s = gp_clock_slot(gp_clock_real_ns() / GP_NS_PER_S);
	live_open(&run, (struct live_run_cfg){"va", true, "udp",
			    0, 4, false, 0});
	live_start(&run);
	send_frames(vb, 0, 1000);
	usleep(1000000);
	pthread_mutex_lock(&run.out->lock);
	is_int(run.out->packets, 0, "flows without a name wait");
	pthread_mutex_unlock(&run.out->lock);
	usleep(1500000);
	send_frames(vb, 500, 1000); /* half of them the same flows */
	usleep(500000);
	pthread_mutex_lock(&run.out->lock);
	a = block_at(run.out, slot_s);
	is_int(run.out->block[a].ends, 0, "so the block is not closed");
	pthread_mutex_unlock(&run.out->lock);
	usleep(2500000);
	pthread_mutex_lock(&run.out->lock);
	is_int(run.out->block[a].ends, 1, "their time over, it is");
	is_int(run.out->block[a].packets, 1000, "with what came before");
	pthread_mutex_unlock(&run.out->lock);
	live_stop(&run);
	b = block_at(run.out, slot_s + 300);
	is_int(run.out->block[b].packets, 1000, "the rest is in the next");
	is_int(run.out->named, 2000, "all have their port's name");
	is_int(run.out->early, 0, "nothing came after its block's END");
	is_int(run.totals.late, 0, "nothing is late");
	ok(closes(&run.totals, run.out), "accounts close");
	live_free(&run);
}

/* Some of those that wait get their names sooner than others, and are more than
 * a frame holds: the block is not over before the last. */
static void
test_naming_pieces(int vb)
{
	enum { FLOWS = 3000, WAIT_S = 60 };
	struct live_run run;
	int64_t slot_s;
	size_t a;

	set_wall(1, 270);
	slot_s = gp_clock_slot(gp_clock_real_ns() / GP_NS_PER_S);
	live_open(&run, (struct live_run_cfg){"va", true, "udp",
			    0, WAIT_S, false, 0});
	live_start(&run);
	a = block_at(run.out, slot_s);
	for (uint32_t i = 0; i < 2; i++) {
		send_frames(vb, i * FLOWS, FLOWS);
		usleep(200000);
		passed_ns += 20 * GP_NS_PER_S;
	}
	for (unsigned i = 0; i < 2; i++) {
		usleep(1300000);
		passed_ns += 20 * GP_NS_PER_S;
		usleep(1300000);
		pthread_mutex_lock(&run.out->lock);
		is_int(run.out->block[a].packets, (i + 1) * FLOWS,
		    "some names are known");
		is_int(run.out->block[a].ends, i, i ? "the last of them"
		    : "so the block is not closed");
		pthread_mutex_unlock(&run.out->lock);
	}
	live_stop(&run);
	is_int(run.out->packets, 2 * FLOWS, "all are counted");
	is_int(run.out->early, 0, "none after the block's END");
	ok(closes(&run.totals, run.out), "accounts close");
	live_free(&run);
}

/* Names that take longer than a block are not waited for. */
static void
test_naming_long(int vb)
{
	struct live_run run;
	int64_t slot_s;

	set_wall(1, 298);
	slot_s = gp_clock_slot(gp_clock_real_ns() / GP_NS_PER_S);
	live_open(&run, (struct live_run_cfg){"va", true, "udp",
			    0, 300, false, 0});
	live_start(&run);
	send_frames(vb, 0, 1000);
	usleep(3500000);
	set_wall(1, 0);
	usleep(2500000);
	pthread_mutex_lock(&run.out->lock);
	is_int(run.out->block[block_at(run.out, slot_s)].packets, 1000,
	    "the next boundary ends the waiting");
	is_int(run.out->block[block_at(run.out, slot_s)].ends, 1,
	    "and closes the block");
	pthread_mutex_unlock(&run.out->lock);
	live_stop(&run);
	is_int(run.out->packets, 1000, "all are counted");
	ok(closes(&run.totals, run.out), "accounts close");
	live_free(&run);
}

/* Told to end while a block's END is being published, soon behind the boundary:
 * flows that were carried for their names are in what is left behind it. */
static void
test_naming_ended(int vb)
{
	enum { FLOWS = 100000 };
	unsigned lost = 0, open = 0;

	for (useconds_t us = 500; us < 20000; us += us) {
		struct live_run run;
		int64_t slot_s;

		set_wall(1, 299);
		slot_s = gp_clock_slot(gp_clock_real_ns() / GP_NS_PER_S);
		live_open(&run, (struct live_run_cfg){"va", true, "udp",
				    0, 60, false, 0});
		live_start(&run);
		send_frames(vb, 0, FLOWS);
		while (gp_clock_slot(gp_clock_real_ns() / GP_NS_PER_S) ==
		    slot_s)
			usleep(100);
		send_frames(vb, FLOWS, 1); /* which wakes it */
		usleep(us);
		live_stop(&run);
		lost += run.out->packets != FLOWS + 1;
		open += !closes(&run.totals, run.out);
		live_free(&run);
	}
	is_int(lost, 0, "an end at the boundary loses nothing");
	is_int(open, 0, "accounts close");
}

/* Neither IP nor anything whole. */
static void
send_others(int fd, unsigned non_ip, unsigned malformed)
{
	struct packet *p = udp4(1, 1000, 2, 53);

	p->b[14] = 0;
	while (malformed-- > 0)
		(void)send(fd, p->b, p->n, 0);
	p->b[12] = 0x88;
	p->b[13] = 0xb5;
	while (non_ip-- > 0)
		(void)send(fd, p->b, p->n, 0);
}

/* To a second into the next block: in a step, or as time that passes. */
static void
next_block(bool step)
{
	if (step)
		set_wall(1, 1);
	else
		passed_ns += GP_SLOT_S * GP_NS_PER_S;
	usleep(200000);
}

/* The writer stands still over two boundaries. */
static void
test_late(int vb, uint32_t l7_wait_s, bool step)
{
	struct live_run run;
	int64_t slot_s;
	size_t i;

	set_wall(1, 1);
	slot_s = gp_clock_slot(gp_clock_real_ns() / GP_NS_PER_S);
	live_open(&run, (struct live_run_cfg){"va", true,
			    "udp or ether[12:2] = 0x88b5 or ether[14] = 0",
			    RING_MIN_BYTES, l7_wait_s, false, 0});
	run.reader->hold = true;
	live_start(&run);
	send_frames(vb, 0, 20000);
	usleep(1500000);
	send_frames(vb, 100000, 20000); /* no room for these */
	send_others(vb, 30, 20);
	usleep(200000);
	next_block(step);
	send_frames(vb, 200000, 50);
	usleep(1300000);
	next_block(step);
	send_frames(vb, 300000, 100);
	usleep(1300000);
	refused = 5;
	run.reader->hold = false;
	usleep(1500000);
	live_stop(&run);
	is_int(run.out->packets, 40150, "a full ring loses nothing");
	is_int(run.totals.non_ip, 30, "nor what is no IP");
	is_int(run.totals.malformed, 20, "nor what is not whole");
	ok(closes(&run.totals, run.out), "accounts close");
	i = block_at(run.out, slot_s + 600);
	ok(run.totals.late >= 1000 &&
		run.totals.late == run.out->block[i].late,
	    "%d counted late, in the block that is", (int)run.totals.late);
	is_int(run.out->block[i].late, run.out->block[i].seen - 100,
	    "which is all of it but what came then");
	ok(run.out->block[block_at(run.out, slot_s)].ends == 1 &&
		(step || run.out->block[block_at(run.out,
			     slot_s + 300)].ends == 1),
	    "the blocks in between are closed");
	for (i = 0; i < run.out->n_blocks; i++)
		ok(run.out->block[i].last_ns - run.out->block[i].first_ns <
			(step ? 10 : 301) * GP_NS_PER_S,
		    "no block says more than was watched");
	for (i = 0; !step && i < 2; i++) {
		int64_t end_s = slot_s + (int64_t)(i + 1) * GP_SLOT_S;
		size_t a = block_at(run.out, end_s - GP_SLOT_S);
		size_t b = block_at(run.out, end_s);

		ok(run.out->block[a].last_ns == end_s * GP_NS_PER_S &&
			run.out->block[b].first_ns == end_s * GP_NS_PER_S,
		    "blocks meet at the boundary");
	}
	live_free(&run);
}

/* Nobody waits for their names. */
static void
send_named(int fd, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct packet *p = udp4(i, 0, 3, 0);

		p->b[14 + 9] = 2; /* IGMP has no port */
		while (send(fd, p->b, p->n, 0) < 0)
			usleep(100);
	}
}

/* The ring fills up while flows wait for their names, or in the middle of their
 * block's end when some are carried already, and stays full over boundaries:
 * these end the waiting, and what waited comes before the blocks behind. */
static void
test_naming_full(int vb, bool begun)
{
	enum { WAITING = 1000, NAMED = 30000 };
	struct live_run run;
	int64_t slot_s;

	set_wall(1, 290);
	slot_s = gp_clock_slot(gp_clock_real_ns() / GP_NS_PER_S);
	live_interval_s = begun ? 1 : 600;
	live_open(&run, (struct live_run_cfg){"va", true, "udp or ip proto 2",
			    RING_MIN_BYTES, 900, false, 0});
	live_interval_s = 1;
	run.reader->hold = !begun;
	live_start(&run);
	send_frames(vb, 0, WAITING);
	for (int i = 0; i < 3; i++) {
		if (i == begun) {
			run.reader->hold = true;
			send_named(vb, NAMED);
		}
		usleep(1300000);
		passed_ns += (slot_s + (i + 1) * GP_SLOT_S + 1) * GP_NS_PER_S -
		    gp_clock_real_ns();
	}
	usleep(1300000);
	run.reader->hold = false;
	usleep(1500000);
	live_stop(&run);
	is_int(run.out->early, 0, "nothing came after its block's END");
	is_int(run.out->block[block_at(run.out, slot_s)].ends > 0, 1,
	    "a full ring ends the waiting, too");
	is_int(run.out->packets, WAITING + NAMED, "all are told once");
	ok(run.totals.late > 0 && closes(&run.totals, run.out),
	    "accounts close");
	is_int((int64_t)run.totals.late, (int64_t)run.out->block[
	    block_at(run.out, slot_s + 3 * GP_SLOT_S)].packets,
	    "late is what did not wait");
	for (size_t i = 0; i < run.out->n_blocks; i++)
		ok(run.out->block[i].last_ns - run.out->block[i].first_ns <=
			GP_SLOT_S * GP_NS_PER_S,
		    "no block says more than was watched");
	live_free(&run);
}

/* The clock steps just before, or back over, a boundary that was missed with the
 * ring full: no block is told of that has not come. */
static void
test_owed_step(int vb, int64_t step_ns)
{
	struct live_run run;
	int64_t slot_s;

	set_wall(1, 290);
	slot_s = gp_clock_slot(gp_clock_real_ns() / GP_NS_PER_S);
	live_open(&run, (struct live_run_cfg){"va", true, "udp",
			    RING_MIN_BYTES, 0, false, 0});
	run.reader->hold = true;
	live_start(&run);
	send_frames(vb, 0, 30000);
	usleep(1500000);
	if (step_ns > 0)
		wall_offset_ns += step_ns;
	passed_ns += (slot_s + GP_SLOT_S) * GP_NS_PER_S + GP_NS_PER_S / 10 -
	    gp_clock_real_ns();
	usleep(300000);
	if (step_ns < 0)
		wall_offset_ns += step_ns;
	usleep(100000);
	run.reader->hold = false;
	usleep(1500000);
	live_stop(&run);
	is_str(run.reader->why ? run.reader->why : "", "",
	    "a step of %d ms: all frames are good", (int)(step_ns / 1000000));
	is_int(run.out->packets, 30000, "and tell of all");
	ok(closes(&run.totals, run.out) && run.totals.acked, "accounts close");
	is_int(run.out->block[block_at(run.out, slot_s + GP_SLOT_S)].ends, 0,
	    "no block ends that is not over");
	live_free(&run);
}

int
main(void)
{
	int vb;

	signal(SIGPIPE, SIG_IGN);
	if (!make_network())
		skip_all("needs root and network namespaces");
	usleep(500000); /* the link's own chatter */
	vb = open_sender("vb");
	test_boundary(vb);
	test_steps(vb);
	test_watched(-3, false);
	test_watched(12, false);
	test_watched(12, true);
	test_little_step(vb);
	test_late(vb, 0, true);
	test_late(vb, 0, false);
	test_owed_step(vb, GP_NS_PER_S * 9 / 10);
	test_owed_step(vb, -GP_NS_PER_S * 9 / 10);
	test_owed_step(vb, -1000 * GP_NS_PER_S);
	if (dpi_version()) {
		test_naming(vb);
		test_naming_pieces(vb);
		test_naming_full(vb, false);
		test_naming_full(vb, true);
		test_naming_long(vb);
		test_naming_ended(vb);
		/* well below the 2 s to the boundary: flows that wait for their
		 * names there are none of the late */
		test_late(vb, 1, true);
	}
	close(vb);
	return tap_done();
}
