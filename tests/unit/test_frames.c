/*
 * What the writer makes of frames: which times it believes, where each figure
 * and flag goes, and when a block, or a file, is over.
 */
#include "tests/lib/turnsrun.h"

#include <errno.h>
#include <sys/syscall.h>
#include <time.h>

static int64_t wall_offset_ns;
static bool disk_fails;
static unsigned syncs; /* tried */

/* These are in front of libc's, for all of the program. */
int
fsync(int fd)
{
	syncs++;
	errno = EIO;
	return disk_fails ? -1 : (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	syncs++;
	errno = EIO;
	return disk_fails ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	long rc = syscall(SYS_clock_gettime, id, ts);

	if (rc == 0 && id == CLOCK_REALTIME) {
		int64_t ns = (int64_t)ts->tv_sec * GP_NS_PER_S + ts->tv_nsec +
		    wall_offset_ns;

		ts->tv_sec = ns / GP_NS_PER_S;
		ts->tv_nsec = ns % GP_NS_PER_S;
	}
	return (int)rc;
}

static bool
none_closed(void *arg, const char *iface, int64_t s)
{
	(void)arg;
	(void)iface;
	(void)s;
	return false;
}

/* Of a capture that has been there for two days, as it says: a frame of the
 * block so many seconds ago that covers all of them. */
static bool
takes_of_days(struct capture *c, int64_t ago_s)
{
	return takes(c, FRAME_ROWS, ago_s, 0, 2 * GP_DAY_S);
}

/* Packets that waited for room, or were read late, say how long; that is no
 * way back to blocks that are over. */
static void
test_way_back(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct capture a, b;

	join(&a, "aa");
	ok(takes_of_days(&a, 0), "two days are told of at once");
	ok(takes_of_days(&a, 0), "in another frame, too");
	ok(takes_of_days(&a, 300), "and what waited of the block before");
	ok(!takes_of_days(&a, GP_DAY_S), "but not a block of the day before");
	leave(&a);
	join(&b, "bb");
	ok(takes_of_days(&b, GP_DAY_S), "what one that stood still had begun");
	ok(takes_of_days(&b, GP_DAY_S), "comes in as many frames as it takes");
	ok(!takes_of_days(&b, GP_DAY_S - 3600), "and no other block with it");
	leave(&b);
	godb_writer_close(store);
	folder_remove(folder);
}

/* Nobody tells of the time before it came, far back from what it told, or
 * after its last. */
static void
test_bounds_of_time(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct capture a, b, c;
	uint64_t seq, pos = 1;

	join(&a, "aa");
	a.peer->boot_min_ns = (slot_s + 289) * GP_NS_PER_S -
	    a.peer->offset_min_ns;
	ok(takes(&a, FRAME_ROWS, 0, 0, 10), "all the time since the hello");
	ok(!takes(&a, FRAME_ROWS, 0, 0, 11), "and none before it");
	leave(&a);
	join(&b, "bb");
	ok(takes(&b, FRAME_ROWS, 0, 0, 0) &&
		takes(&b, FRAME_ROWS, 600, 600, 0),
	    "what waited for a name ends two blocks ago");
	ok(!takes(&b, FRAME_ROWS, 600, 601, 0), "and not before that");
	leave(&b);
	join(&c, "cc");
	ok(takes(&c, FRAME_LAST, 0, 0, 0), "the last frame");
	ok(godb_writer_ring(store, "cc", c.ring.info.instance, &seq, &pos) ==
		0 && pos == 0,
	    "is where a writer after this one begins, to know that it is");
	ok(!takes(&c, FRAME_ROWS, 0, 0, 0), "and nothing behind it");
	leave(&c);
	godb_writer_close(store);
	folder_remove(folder);
}

/* An interface that brings names without an end is told of once. */
static void
test_too_many_names(void)
{
	struct godb_writer *store;
	struct capture a;
	char name[16];

	iface_names = 3;
	store = start(GODB_BLOCK_ROWS);
	log_begin();
	join(&a, "aa");
	for (uint32_t i = 0; i < 10; i++) {
		(void)snprintf(name, sizeof(name), "made up %u", i);
		app = name;
		send_rows(&a, NULL, i, 1);
	}
	turns(30);
	log_end();
	app = "TLS";
	iface_names = GODB_IFACE_NAMES;
	ok(acknowledged(&a), "frames with too many names are taken");
	is_int(lines_with(log_file, "too many application names: further ones "
		   "are Unknown iface=aa"), 1, "and one line says so");
	(void)unlink(log_file);
	leave(&a);
	godb_writer_close(store);
	folder_remove(folder);
}

/* Each figure and flag of a frame comes to its own in the store, and the block
 * to those of its interface. */
static void
test_figures(void)
{
	static const struct godb_counters c = {.seen = 8, .seen_bytes = 1000,
	    .non_ip = 3, .non_ip_bytes = 400, .malformed = 5,
	    .malformed_bytes = 600, .kernel_drops = 7, .iface_drops = 11,
	    .overflow = 13, .late = 17, .time_clamped = 19};
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct frame_header *h = (struct frame_header *)(void *)frame;
	struct stats_iface iface = {.s.name = "aa"};
	struct godb_open_block block = {0};
	struct facts want = {0};
	struct capture a;

	stats.wanted = true;
	stats.list = &iface;
	stats.n = 1;
	join(&a, "aa");
	file_flags = FRAME_CUT;
	ok(takes(&a, FRAME_ROWS, 0, 0, 0) &&
		godb_writer_open_block(store, 0, &block),
	    "a frame");
	is_int(block.flags & ~(uint32_t)GODB_PART_LIVE,
	    GODB_PART_DIR_IFACE | GODB_PART_CUT, "with flags");
	file_flags = 0;
	h->flags = FRAME_DIR_FLOW;
	h->slot_s -= 300;
	h->counters = (struct frame_counters){.seen = c.seen,
	    .seen_bytes = c.seen_bytes, .non_ip = c.non_ip,
	    .non_ip_bytes = c.non_ip_bytes, .malformed = c.malformed,
	    .malformed_bytes = c.malformed_bytes,
	    .kernel_drops = c.kernel_drops, .iface_drops = c.iface_drops,
	    .overflow = c.overflow, .late = c.late,
	    .time_clamped = c.time_clamped};
	facts_count(&want, &c);
	ok(ring_push(&a.ring, frame) == 0 && !drain_turn(&drain) &&
		godb_writer_open_block(store, 0, &block),
	    "another one, of the block before");
	is_int(block.flags & ~(uint32_t)GODB_PART_LIVE, GODB_PART_DIR_FLOW,
	    "with others");
	is_int(ingest_commit_all(&ingest, NULL), 0, "both are written");
	is_int((int64_t)iface.s.blocks, 2, "as their interface's");
	is_int((int64_t)(iface.s.last_block / 1000000000), slot_s,
	    "the newest among them");
	is_int((int64_t)ingest.frames, 2, "and the frames of all");
	stats.wanted = false;
	stats.list = NULL;
	stats.n = 0;
	leave(&a);
	stop(store, &want);
}

/* A frame that an earlier writer has stored comes again, and is no news. */
static void
test_taken_twice(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct stats_iface iface = {0};
	struct facts want = {0};
	struct capture a;

	join(&a, "aa");
	stats.wanted = true;
	a.peer->stats = &iface;
	send_rows(&a, &want, 1, 10);
	(void)drain_turn(&drain);
	a.peer->ring.pos = 0;
	a.peer->ring.next_seq = 1;
	(void)drain_turn(&drain);
	is_int((int64_t)iface.s.frames, 2, "a frame is taken twice");
	is_int((int64_t)iface.s.duplicates, 1, "which is noted");
	is_int((int64_t)iface.s.in_rows, 10, "and counted once");
	is_int((int64_t)ingest.duplicates, 1, "as of all interfaces");
	stats.wanted = false;
	leave(&a);
	(void)ingest_commit_all(&ingest, NULL);
	stop(store, &want);
}

/* Live, time without packets is watched time; of files it is none.  What is
 * not a row has been seen all the same. */
static void
test_nothing_said(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct frame_header *h = (struct frame_header *)(void *)frame;
	struct stats_iface iface = {0};
	struct capture a, b;

	stats.wanted = true;
	join(&a, "aa");
	ok(takes(&a, FRAME_ROWS, 0, 0, 10), "nothing came for ten seconds");
	is_int(ingest_newest(&ingest, "aa"),
	    (slot_s + 299) * GP_NS_PER_S, "and that is kept");
	leave(&a);
	join(&b, "bb");
	b.peer->offline = true;
	b.peer->stats = &iface;
	*h = (struct frame_header){.kind = FRAME_ROWS, .bytes = sizeof(*h),
	    .flags = FRAME_DIR_IFACE | FRAME_OFFLINE, .slot_s = slot_s,
	    .first_real_ns = slot_s * GP_NS_PER_S,
	    .last_real_ns = slot_s * GP_NS_PER_S};
	(void)ring_push(&b.ring, frame);
	(void)drain_turn(&drain);
	is_int(ingest_newest(&ingest, "bb"), 0, "of a file it is not");
	h->counters.seen = h->counters.non_ip = 7;
	(void)ring_push(&b.ring, frame);
	(void)drain_turn(&drain);
	is_int(ingest_newest(&ingest, "bb"), slot_s * GP_NS_PER_S,
	    "but what is no IP is");
	is_int((int64_t)iface.s.frames, 2, "both were heard");
	is_int((int64_t)iface.s.duplicates, 0, "for the first time");
	stats.wanted = false;
	leave(&b);
	godb_writer_close(store);
	folder_remove(folder);
}

/* Of files all is in the store before that is said. */
static void
test_files_done(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct godb_open_block block;
	struct facts want = {0};
	struct capture a;
	char day[11];

	gp_clock_day_format(slot_s, day);
	join(&a, "aa");
	a.peer->offline = true;
	file_flags = FRAME_OFFLINE;
	break_place("aa", "journal");
	send_rows(&a, &want, 1, 10);
	a.peer->state = PEER_ORPHAN;
	(void)drain_turn(&drain);
	ok(!a.peer->done_sent && a.peer->state == PEER_ORPHAN,
	    "nothing is done while frames are in the ring");
	a.peer->state = PEER_ACTIVE;
	mend_place();
	ok(takes(&a, FRAME_LAST, 0, 0, 0) && acknowledged(&a) &&
		a.peer->done_sent && ingest.blocks == 1,
	    "when all is written it is");
	a.peer->last_seen = a.peer->done_sent = false;
	send_rows(&a, &want, 20, 10);
	(void)drain_turn(&drain);
	break_place("aa", day);
	ok(takes(&a, FRAME_LAST, 0, 0, 0) && acknowledged(&a) &&
		!a.peer->done_sent,
	    "nothing is done while a block cannot be written");
	a.peer->state = PEER_ORPHAN;
	(void)drain_turn(&drain);
	is_int(a.peer->state, PEER_ORPHAN, "nor given up without its capture");
	a.peer->state = PEER_ACTIVE;
	mend_place();
	(void)drain_turn(&drain);
	ok(a.peer->done_sent && ingest.blocks == 2, "but once it can");
	a.peer->last_seen = false;
	send_rows(&a, &want, 30, 10);
	ok(takes(&a, FRAME_END, 0, 0, 0) && ingest.blocks == 2 &&
		godb_writer_open_block(store, 0, &block),
	    "a block that a file has ended stays open");
	slot_s += GP_SLOT_S;
	ok(takes(&a, FRAME_END, 0, 0, 0) && ingest.blocks == 2,
	    "  also when one ends of which nothing came");
	send_rows(&a, &want, 40, 10);
	(void)drain_turn(&drain);
	ok(ingest.blocks == 3 && godb_writer_open_block(store, 0, &block) &&
		block.slot_s == slot_s &&
		!godb_writer_open_block(store, 1, &block),
	    "  and is written when the next one is open");
	slot_s -= GP_SLOT_S;
	send_rows(&a, &want, 50, 10);
	slot_s += GP_SLOT_S;
	ok(takes(&a, FRAME_END, 0, 0, 0), "one that ends before another");
	slot_s -= GP_SLOT_S;
	ok(takes(&a, FRAME_END, 0, 0, 0) && ingest.blocks == 4 &&
		godb_writer_open_block(store, 0, &block) &&
		block.slot_s == slot_s,
	    "  is written when that has ended");
	file_flags = 0;
	leave(&a);
	stop(store, &want);
}

/* A block ends with its time, once its capture has said so or some seconds
 * later; what its journal got is synced when it is time for that. */
static void
test_grace(void)
{
	int64_t real = gp_clock_real_ns();
	struct facts want = {0};
	struct godb_writer *store;
	struct capture a;

	wall_offset_ns = 2 * GP_NS_PER_S - real % (300 * GP_NS_PER_S);
	store = start(GODB_BLOCK_ROWS);
	join(&a, "aa");
	send_rows(&a, &want, 1, 10);
	(void)drain_turn(&drain);
	ingest.sync_ns = 3600 * GP_NS_PER_S;
	wall_offset_ns -= 10 * GP_NS_PER_S;
	for (int i = 0; i < 40; i++)
		(void)ingest_tick(&ingest, all_closed, NULL);
	is_int((int64_t)ingest.blocks, 0, "a block is not over before its end");
	wall_offset_ns += 10 * GP_NS_PER_S;
	for (int i = 0; i < 40; i++)
		(void)ingest_tick(&ingest, none_closed, NULL);
	is_int((int64_t)ingest.blocks, 0, "then its capture is waited for");
	ok(ingest.dirty, "its journal is not synced yet");
	ingest.synced_ns -= 2 * ingest.sync_ns;
	wall_offset_ns += INGEST_GRACE_S * GP_NS_PER_S;
	for (int i = 0; i < 40; i++)
		(void)ingest_tick(&ingest, none_closed, NULL);
	ok(!ingest.dirty, "it is when it is time");
	is_int((int64_t)ingest.blocks, 1, "but not for ever");
	send_rows(&a, &want, 20, 10);
	(void)drain_turn(&drain);
	wall_offset_ns -= INGEST_GRACE_S * GP_NS_PER_S;
	for (int i = 0; i < 40; i++)
		(void)ingest_tick(&ingest, all_closed, NULL);
	is_int((int64_t)ingest.blocks, 2, "nor longer than needed");
	wall_offset_ns = 0;
	leave(&a);
	stop(store, &want);
}

static void
ticks(unsigned n)
{
	while (n-- > 0)
		(void)ingest_tick(&ingest, none_closed, NULL);
}

/* Journals that cannot be synced are not taken for synced: it is tried again,
 * after a pause, and the store is said to fail until it works. */
static void
test_sync_fails(void)
{
	int64_t real = gp_clock_real_ns();
	struct facts want = {0};
	struct godb_writer *store;
	struct capture a;
	unsigned tried;

	/* nothing is committed meanwhile */
	wall_offset_ns = 2 * GP_NS_PER_S - real % (300 * GP_NS_PER_S);
	store = start(GODB_BLOCK_ROWS);
	join(&a, "aa");
	send_rows(&a, &want, 1, 10);
	(void)drain_turn(&drain);
	ticks(1);
	ok(ingest.dirty, "without an interval nothing is synced");
	ingest.sync_ns = 3600 * GP_NS_PER_S;
	ingest.synced_ns -= 2 * ingest.sync_ns;
	disk_fails = true;
	ticks(1);
	tried = syncs;
	ok(ingest.dirty && ingest.failing == -EIO,
	    "a sync that failed is none: %s", godb_strerror(ingest.failing));
	ticks(40);
	is_int(syncs, tried, "it is left alone for a moment");
	disk_fails = false;
	ingest_hurry(&ingest);
	ticks(1);
	ok(!ingest.dirty && ingest.failing == 0, "then it works");
	send_rows(&a, &want, 20, 10);
	(void)drain_turn(&drain);
	ticks(1);
	ok(ingest.dirty, "and the next one comes an interval later");
	wall_offset_ns = 0;
	leave(&a);
	(void)ingest_commit_all(&ingest, NULL);
	stop(store, &want);
}

/* A clock that was set back is in a block that was ended: that is not over
 * until it is ended again. */
static void
test_ended_again(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct capture a;

	join(&a, "aa");
	ok(takes(&a, FRAME_ROWS, 0, 0, 0) &&
		!peers_closed(&peers, "aa", slot_s) &&
		peers_closed(&peers, "bb", slot_s),
	    "a block goes on, of its interface");
	ok(takes(&a, FRAME_END, 0, 0, 0) && peers_closed(&peers, "aa", slot_s),
	    "until its end");
	ok(takes(&a, FRAME_ROWS, 0, 0, 0) &&
		!peers_closed(&peers, "aa", slot_s) &&
		peers_closed(&peers, "aa", slot_s - 300),
	    "and is begun anew");
	ok(takes(&a, FRAME_END, 0, 0, 0) && peers_closed(&peers, "aa", slot_s),
	    "until its end again");
	is_int((int64_t)ingest.blocks, 0, "live, the clock says when");
	ok(takes(&a, FRAME_ROWS, 0, 0, 0), "and anew");
	a.peer->state = PEER_ORPHAN;
	ok(!peers_closed(&peers, "aa", slot_s),
	    "a ring without its capture may hold more");
	a.peer->state = PEER_ACTIVE;
	ok(takes(&a, FRAME_LAST, 0, 0, 0) && peers_closed(&peers, "aa", slot_s),
	    "one that said its last does not");
	leave(&a);
	godb_writer_close(store);
	folder_remove(folder);
}

int
main(void)
{
	if (!run_begin())
		return 1;
	test_way_back();
	test_bounds_of_time();
	test_too_many_names();
	test_figures();
	test_taken_twice();
	test_nothing_said();
	test_files_done();
	test_grace();
	test_sync_fails();
	test_ended_again();
	return run_end();
}
