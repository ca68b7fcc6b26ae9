/*
 * The real loop live, before the writer's own checks: whatever happens to the
 * clocks and whoever stands still meanwhile, an honest capture is believed.
 * All clocks are ours (clock_gettime below), so hours take no time.
 */
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

#include "capture/dpi.h"
#include "common/base/clock.h"
#include "common/base/conf.h"
#include "common/base/fd.h"
#include "tests/lib/liverun.h"
#include "tests/lib/storetest.h"
#include "writer/drain.h"

static atomic_llong wall_ns, boot_ns, mono_ns; /* ahead of the kernel's */
static atomic_bool stands; /* the capture does */
static _Thread_local bool is_test; /* or the writer: never stand */

/* In front of libc's, for all of the program. */
int
clock_gettime(clockid_t id, struct timespec *ts)
{
	long rc;
	int64_t ns;

	while (!is_test && stands)
		usleep(1000);
	rc = syscall(SYS_clock_gettime, id, ts);
	ns = (int64_t)ts->tv_sec * GP_NS_PER_S + ts->tv_nsec +
	    (id == CLOCK_REALTIME ? wall_ns : id == CLOCK_BOOTTIME ? boot_ns :
					  id == CLOCK_MONOTONIC ? mono_ns : 0);
	ts->tv_sec = ns / GP_NS_PER_S;
	ts->tv_nsec = ns % GP_NS_PER_S;
	return (int)rc;
}

static void
pass(int64_t s)
{
	wall_ns += s * GP_NS_PER_S;
	boot_ns += s * GP_NS_PER_S;
	mono_ns += s * GP_NS_PER_S;
}

/* To so many seconds into this block, or the next one that has them. */
static void
pass_to(int64_t into_s)
{
	int64_t into = gp_clock_real_ns() / GP_NS_PER_S % GP_SLOT_S;

	pass((into_s - into + GP_SLOT_S) % GP_SLOT_S);
}

/* ---- the writer ---------------------------------------------------------- */

static char folder[64];
static struct stats stats; /* wants nothing */
static struct gp_conf conf;

struct writer {
	struct peers peers;
	struct ingest ingest;
	struct drain drain;
	atomic_bool hold, stop;
	pthread_t thread;
};

static void *
writer_main(void *arg)
{
	struct writer *w = arg;

	is_test = true;
	while (!w->stop) {
		if (!w->hold) {
			peers_tick(&w->peers);
			(void)drain_turn(&w->drain);
			(void)ingest_tick(&w->ingest, peers_closed, &w->peers);
		}
		usleep(1000);
	}
	return NULL;
}

/* Its store, and its end of the ring, which an earlier one may have read. */
static void
writer_start(struct writer *w, struct live_run *run, bool again)
{
	struct godb_writer_opts opts = GODB_WRITER_OPTS_INIT;
	struct godb_writer *store;
	const char *why = NULL;
	struct peer *p;

	memset(w, 0, sizeof(*w));
	opts.owner = "a test";
	if ((!again && !folder_temporary(folder, sizeof(folder))) ||
	    godb_writer_open(open(folder, O_RDONLY | O_CLOEXEC), &opts, &store,
		NULL) != 0 || peers_init(&w->peers, store, &stats, -1, -1) < 0)
		exit(99);
	ingest_init(&w->ingest, store, &stats, 0);
	if (drain_init(&w->drain, &w->peers, &w->ingest, &stats, &conf) < 0 ||
	    peers_add_inherited(&w->peers, dup(run->reader->sock[1])) < 0)
		exit(99);
	p = &w->peers.list[0];
	p->state = PEER_ACTIVE;
	(void)snprintf(p->iface, sizeof(p->iface), "va");
	if (ring_attach(&p->ring, run->reader->ring.fd_ro, &why) < 0)
		exit(99);
	if (!again) {
		p->boot_min_ns = gp_clock_boot_ns() - GP_NS_PER_S;
	} else { /* as peers_adopt() does */
		p->adopted_boot_ns = gp_clock_boot_ns();
		(void)godb_writer_ring(store, p->iface, p->ring.info.instance,
		    &p->ring.next_seq, &p->ring.pos);
		ring_again(&p->ring);
	}
	pthread_create(&w->thread, NULL, writer_main, w);
}

static void
writer_stop(struct writer *w)
{
	w->stop = true;
	pthread_join(w->thread, NULL);
	ingest_fini(&w->ingest);
	drain_fini(&w->drain);
	for (size_t i = 0; i < w->peers.n_list; i++)
		if (w->peers.list[i].state != PEER_FREE)
			peers_drop(&w->peers, &w->peers.list[i]);
	free(w->peers.list);
	godb_writer_close(w->peers.store);
}

/* ---- cases --------------------------------------------------------------- */

static struct live_run run;
static struct writer writer;
static uint64_t taken, lied; /* of writers before this one */

static void
begin(uint32_t l7_wait_s, int64_t into_s)
{
	pass_to(into_s);
	if (!live_open(&run, (struct live_run_cfg){"va", true, "udp",
				 RING_MIN_BYTES, l7_wait_s, false, 0}))
		exit(99);
	run.reader->hold = true; /* the writer's is another */
	taken = lied = 0;
	writer_start(&writer, &run, false);
	live_start(&run);
}

static void
end(const char *what)
{
	live_stop(&run);
	is_int((int64_t)(lied + writer.peers.lied), 0, "%s: it is believed",
	    what);
	is_int((int64_t)(taken + writer.ingest.frames),
	    (int64_t)run.totals.frames, "%s: all that it says is taken", what);
	ok(run.totals.published == run.totals.seen, "%s: and that is all", what);
	writer_stop(&writer);
	folder_remove(folder);
	live_free(&run);
}

static void
another_writer(void)
{
	writer_stop(&writer);
	taken += writer.ingest.frames;
	lied += writer.peers.lied;
	writer_start(&writer, &run, true);
}

/* Packets come and the capture does not: they are read when it goes on, and
 * wait for their names then. */
static void
test_stands(int vb, int64_t s)
{
	begin(4, 100);
	send_frames(vb, 0, 1000);
	usleep(1500000);
	stands = true;
	usleep(50000);
	send_frames(vb, 500, 1000);
	pass(s);
	stands = false;
	usleep(2000000);
	send_frames(vb, 3000, 1000);
	usleep(4000000);
	end("stood still");
}

/* The writer takes nothing for so many blocks, from while names are waited
 * for on; the wall clock may be set in between, and another writer come. */
static void
test_full(int vb, int64_t set_s, unsigned blocks, bool another)
{
	begin(20, 298);
	send_frames(vb, 0, 30000);
	usleep(4000000); /* over the boundary */
	writer.hold = true;
	pass(25); /* their time is over, and there is not room for all */
	usleep(200000);
	for (unsigned i = 0; i < blocks; i++) {
		pass(GP_SLOT_S);
		send_frames(vb, 40000 + i, 1);
		usleep(100000);
	}
	wall_ns += set_s * GP_NS_PER_S;
	usleep(100000);
	if (another)
		another_writer();
	writer.hold = false;
	usleep(2000000);
	end("ring full");
}

/* The machine sleeps while names are waited for: CLOCK_MONOTONIC does, too. */
static void
test_sleeps(int vb)
{
	begin(20, 298);
	send_frames(vb, 0, 3000);
	usleep(4000000); /* over the boundary */
	stands = true;
	usleep(50000);
	send_frames(vb, 2000, 3000);
	pass(7200);
	mono_ns -= 7200 * GP_NS_PER_S;
	stands = false;
	usleep(3000000);
	end("slept");
}

/* The wall clock is set, while names are waited for and later. */
static void
test_set(int vb)
{
	static const int64_t by_s[] = {-40, 3600, -7200, 86400, -86000};

	begin(20, 298);
	for (uint32_t i = 0; i < 5; i++) {
		send_frames(vb, 1000 * i, 2000);
		usleep(2500000);
		wall_ns += by_s[i] * GP_NS_PER_S;
	}
	usleep(2500000);
	end("clock set");
}

int
main(void)
{
	int vb;

	is_test = true;
	signal(SIGPIPE, SIG_IGN);
	if (!make_network())
		skip_all("needs root and network namespaces");
	usleep(500000); /* the link's own chatter */
	vb = open_sender("vb");
	test_stands(vb, 450);
	test_stands(vb, 7200);
	test_full(vb, 0, 1, false);
	test_full(vb, 0, 4, false);
	test_full(vb, 0, 8, false);
	test_full(vb, 3600, 8, false);
	test_full(vb, 0, 8, true);
	test_sleeps(vb);
	test_set(vb);
	close(vb);
	return tap_done();
}
