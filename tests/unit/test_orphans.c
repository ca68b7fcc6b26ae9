/*
 * What a capture leaves that is gone, and blocks that nobody goes on with: how
 * much less time they cover, once, and who waits for that.
 */
#include "tests/lib/turnsrun.h"

/* What a lost capture held back is taken off the time of its block once,
 * however often that cannot be written. */
static void
test_orphan_fails(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture a;
	int64_t came_ns, whole_ns;
	char day[11];

	gp_clock_day_format(slot_s, day);
	covered_ns = 200 * GP_NS_PER_S;
	join(&a, "aa");
	send_rows(&a, &want, 1, 10);
	(void)drain_turn(&drain);
	covered_ns = 0;
	ok(acknowledged(&a), "frames are in the journal");
	came_ns = end_of(store, "aa");
	break_place("aa", day);
	/* as by a writer that took the ring up again */
	a.peer->state = PEER_ORPHAN;
	a.peer->told_ns = 0;
	(void)drain_turn(&drain);
	whole_ns = end_of(store, "aa");
	ok(whole_ns < came_ns && whole_ns >= came_ns - GP_NS_PER_S,
	    "a block without its capture covers less");
	for (int i = 0; i < 40; i++) {
		ingest_hurry(&ingest);
		(void)drain_turn(&drain);
	}
	is_int(end_of(store, "aa"), whole_ns, "and no less while it fails");
	mend_place();
	(void)drain_turn(&drain);
	is_int((int64_t)ingest.blocks, 1, "it is written once it can be");
	is_int(a.peer->state, PEER_FREE, "and the ring goes");
	leave(&a);
	stop(store, &want);
}

/* What waited for its label is lost with the capture, though nobody publishes
 * figures of it. */
static void
orphan_pending(uint32_t flags, int64_t least_ns)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture a;
	int64_t came_ns, gone_ns;
	char day[11];

	gp_clock_day_format(slot_s, day);
	covered_ns = 200 * GP_NS_PER_S;
	conf.capture.l7_wait = 10;
	pending = 5;
	file_flags = flags;
	join(&a, "aa");
	send_rows(&a, &want, 1, 10);
	(void)drain_turn(&drain);
	pending = file_flags = 0;
	covered_ns = 0;
	came_ns = end_of(store, "aa");
	break_place("aa", day);
	a.peer->state = PEER_ORPHAN;
	(void)drain_turn(&drain);
	gone_ns = came_ns - end_of(store, "aa");
	ok(gone_ns > least_ns && gone_ns < least_ns + GP_NS_PER_S,
	    "a block covers less by what waited for its label: %d ms",
	    (int)(gone_ns / 1000000));
	conf.capture.l7_wait = 0;
	mend_place();
	(void)drain_turn(&drain);
	leave(&a);
	stop(store, &want);
}

/* The capture knows whether anything waits, whatever the configuration says. */
static void
test_orphan_pending(void)
{
	orphan_pending(FRAME_L7, 10 * GP_NS_PER_S);
	orphan_pending(0, 0);
	conf.capture.l7 = GP_L7_OFF;
	orphan_pending(FRAME_L7, 10 * GP_NS_PER_S);
	conf.capture.l7 = GP_L7_NDPI;
}

/* Several rings of one capture are lost at once. */
static void
test_orphans_fail(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture rings[3];
	int64_t came_ns, gone_ns;
	char day[11];

	gp_clock_day_format(slot_s, day);
	covered_ns = 200 * GP_NS_PER_S;
	for (int i = 0; i < 3; i++) {
		join(&rings[i], "aa");
		send_rows(&rings[i], &want, 1, 10);
	}
	(void)drain_turn(&drain);
	covered_ns = 0;
	came_ns = end_of(store, "aa");
	break_place("aa", day);
	for (int i = 0; i < 3; i++) {
		rings[i].peer->state = PEER_ORPHAN;
		rings[i].peer->told_ns = 0;
	}
	(void)drain_turn(&drain);
	gone_ns = came_ns - end_of(store, "aa");
	ok(gone_ns > 0 && gone_ns < GP_NS_PER_S / 5,
	    "three rings of a capture cover as much less as one: %d ms",
	    (int)(gone_ns / 1000000));
	mend_place();
	(void)drain_turn(&drain);
	is_int((int64_t)ingest.blocks, 1, "it is written once it can be");
	for (int i = 0; i < 3; i++)
		leave(&rings[i]);
	stop(store, &want);
}

/* The same of blocks that no ring feeds, of two interfaces; a third one's can
 * be written. */
static void
test_forsaken_fails(void)
{
	static const char *const ifaces[] = {"aa", "bb", "cc"};
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture captures[3];
	int64_t came_ns[3];
	char day[11], first[sizeof(broken)];

	gp_clock_day_format(slot_s, day);
	covered_ns = 200 * GP_NS_PER_S;
	for (int i = 0; i < 3; i++) {
		join(&captures[i], ifaces[i]);
		send_rows(&captures[i], &want, 1, 10);
		slot_s -= 300;
		send_rows(&captures[i], &want, 1, 10);
		slot_s += 300;
	}
	(void)drain_turn(&drain);
	covered_ns = 0;
	break_place("aa", day);
	memcpy(first, broken, sizeof(first));
	break_place("bb", day);
	for (int i = 0; i < 3; i++) {
		leave(&captures[i]);
		came_ns[i] = ingest_newest(&ingest, ifaces[i]);
	}
	peers.n_list = 0;
	drain_forsaken(&drain);
	for (int i = 0; i < 2; i++) {
		int64_t gone_ns = came_ns[i] -
		    ingest_newest(&ingest, ifaces[i]);

		ok(gone_ns > 0 && gone_ns < GP_NS_PER_S / 5,
		    "two blocks without a capture cover as much less as one: "
		    "%d ms", (int)(gone_ns / 1000000));
	}
	is_int(ingest_newest(&ingest, "cc"), 0, "others are written");
	(void)unlink(first);
	mend_place();
	is_int(ingest_commit_all(&ingest, NULL), 0, "and so are they");
	stop(store, &want);
}

/* Flags of the interface's open blocks. */
static uint32_t
flags_of(const struct godb_writer *store, const char *iface)
{
	struct godb_open_block block;
	uint32_t flags = 0;

	for (size_t i = 0; godb_writer_open_block(store, i, &block); i++)
		if (strcmp(block.iface, iface) == 0)
			flags |= block.flags;
	return flags;
}

/* A file that was read to its end is whole, one whose capture died is not: in
 * what stands open, in a block that was ended, and at the end of all. */
static void
test_cut_file(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture whole, open, ended, late, gone, beside, none, missed;
	char day[11];

	gp_clock_day_format(slot_s, day);
	join(&whole, "aa");
	join(&open, "bb");
	join(&ended, "cc");
	join(&late, "dd");
	join(&gone, "ee");
	join(&beside, "ff");
	join(&none, "ff");
	join(&missed, "gg");
	beside.peer->offline = none.peer->offline = missed.peer->offline = true;
	whole.peer->offline = open.peer->offline = ended.peer->offline =
	    late.peer->offline = gone.peer->offline = true;
	file_flags = FRAME_OFFLINE;
	send_rows(&whole, &want, 1, 10);
	send_rows(&open, &want, 1, 10);
	send_rows(&ended, &want, 1, 10);
	send_rows(&late, &want, 1, 10);
	send_rows(&gone, &want, 1, 10);
	send_rows(&beside, &want, 1, 10);
	send_rows(&missed, &want, 1, 10);
	(void)drain_turn(&drain);
	ok(takes(&whole, FRAME_LAST, 0, 0, 0), "one that ended in order");
	ok(takes(&ended, FRAME_END, 0, 0, 0), "a block that ended");
	is_int(ingest_commit(&ingest, "cc", slot_s), 0, "and was written");
	is_int((int64_t)ingest.blocks, 2, "two are");
	leave(&gone);
	is_int(drain_unfinished(&drain), 0, "at the beginning");
	is_int(flags_of(store, "ee") & GODB_PART_CUT, GODB_PART_CUT,
	    "whose ring is gone is cut short");
	is_int(flags_of(store, "bb") & GODB_PART_CUT, 0, "the others are not");
	open.peer->state = ended.peer->state = PEER_ORPHAN;
	/* blocks that cannot be written show what would be in them */
	break_place("bb", day);
	(void)drain_turn(&drain);
	is_int(flags_of(store, "bb") & GODB_PART_CUT, GODB_PART_CUT,
	    "one that is left open is");
	mend_place();
	(void)drain_turn(&drain);
	is_int((int64_t)ingest.blocks, 4,
	    "and one of which a block was written has a record that says so");
	none.peer->state = PEER_ORPHAN;
	is_int(drain_cut(&drain), 0, "one that has sent nothing");
	is_int(flags_of(store, "ff") & GODB_PART_CUT, 0,
	    "cuts no block of another");
	leave(&none);
	leave(&missed);
	late.peer->state = PEER_ORPHAN;
	is_int(drain_cut(&drain), 0, "at the end of all");
	is_int(flags_of(store, "dd") & GODB_PART_CUT, GODB_PART_CUT,
	    "so is what is not done");
	is_int(flags_of(store, "gg") & GODB_PART_CUT, GODB_PART_CUT,
	    "and what was not marked before");
	is_int(ingest_commit_all(&ingest, NULL), 0, "the rest");
	file_flags = 0;
	leave(&whole);
	leave(&late);
	leave(&beside);
	stop(store, &want);
}

/* Blocks that somebody goes on with, or that are a file's, are not forsaken. */
static void
test_not_forsaken(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture live, lost, file;

	join(&live, "aa");
	join(&lost, "bb");
	join(&file, "cc");
	send_rows(&live, &want, 1, 10);
	send_rows(&lost, &want, 1, 10);
	file.peer->offline = true;
	file_flags = FRAME_OFFLINE;
	send_rows(&file, &want, 1, 10);
	file_flags = 0;
	(void)drain_turn(&drain);
	lost.peer->state = PEER_ORPHAN;
	leave(&file);
	drain_forsaken(&drain);
	is_int((int64_t)ingest.blocks, 0, "no block is forsaken");
	ok(end_of(store, "aa") != 0 && end_of(store, "bb") != 0 &&
		end_of(store, "cc") != 0, "all are open");
	turns(80);
	ok(end_of(store, "aa") == 0 && end_of(store, "bb") == 0 &&
		end_of(store, "cc") != 0,
	    "the clock ends what is live, not the file's");
	leave(&live);
	leave(&lost);
	(void)ingest_commit_all(&ingest, NULL);
	stop(store, &want);
}

/* What a capture that is gone has left unsaid: what was not read yet, and what
 * its flows waited for their labels; nothing when it said its last. */
static void
test_held_back(void)
{
	static const struct {
		const char *name;
		enum gp_conf_l7 l7;
		bool last, told;
		int64_t gone_ms;
	} cases[] = {
	    {"nothing waited", GP_L7_NDPI, false, true, 100},
	    {"it said its last", GP_L7_NDPI, true, true, 0},
	    {"an earlier writer knew", GP_L7_NDPI, false, false, 10100},
	    {"nothing ever waits", GP_L7_OFF, false, false, 100},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct godb_writer *store = start(GODB_BLOCK_ROWS);
		struct facts want = {0};
		struct capture a;
		int64_t came_ns;
		char day[11];

		gp_clock_day_format(slot_s, day);
		conf.capture.l7_wait = 10;
		conf.capture.l7 = cases[i].l7;
		covered_ns = 200 * GP_NS_PER_S;
		join(&a, "aa");
		send_rows(&a, &want, 1, 10);
		(void)drain_turn(&drain);
		covered_ns = 0;
		came_ns = end_of(store, "aa");
		break_place("aa", day);
		a.peer->state = PEER_ORPHAN;
		a.peer->last_seen = cases[i].last;
		if (!cases[i].told)
			a.peer->told_ns = 0;
		(void)drain_turn(&drain);
		is_int((came_ns - end_of(store, "aa")) / 1000000,
		    cases[i].gone_ms, "%s: so much less is covered",
		    cases[i].name);
		memset(&conf.capture, 0, sizeof(conf.capture));
		mend_place();
		(void)drain_turn(&drain);
		leave(&a);
		stop(store, &want);
	}
}

/* Of two rings of an interface one is lost: its time ends where it told last,
 * whatever the other one told since. */
static void
test_one_of_two(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct capture a, b;
	char day[11];

	gp_clock_day_format(slot_s, day);
	join(&a, "aa");
	join(&b, "aa");
	ok(takes(&a, FRAME_ROWS, 0, 50, 100) && takes(&b, FRAME_ROWS, 0, 0, 50),
	    "two tell");
	break_place("aa", day);
	a.peer->state = PEER_ORPHAN;
	(void)drain_turn(&drain);
	is_int(end_of(store, "aa"),
	    (slot_s + 249) * GP_NS_PER_S - GP_NS_PER_S / 10,
	    "the one that is lost ends its time");
	mend_place();
	(void)drain_turn(&drain);
	leave(&a);
	leave(&b);
	godb_writer_close(store);
	folder_remove(folder);
}

/* Where the successor of a lost capture waits, no other interface does; one
 * that never said anything leaves no trace. */
static void
test_successor(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture lost, next, other, mute;
	char day[11];

	gp_clock_day_format(slot_s, day);
	covered_ns = 200 * GP_NS_PER_S;
	join(&lost, "aa");
	join(&next, "aa");
	join(&other, "bb");
	join(&mute, "bb");
	send_rows(&lost, &want, 1, 10);
	send_rows(&other, &want, 1, 10);
	(void)drain_turn(&drain);
	break_place("aa", day);
	lost.peer->state = mute.peer->state = PEER_ORPHAN;
	send_rows(&next, &want, 20, 10);
	send_rows(&other, &want, 20, 10);
	covered_ns = 0;
	(void)drain_turn(&drain);
	ok(!acknowledged(&next), "a successor waits until all is told");
	is_int(mute.peer->state, PEER_FREE, "who never told anything goes");
	is_int(end_of(store, "bb"), (slot_s + 299) * GP_NS_PER_S,
	    "and takes nothing off the time of who did");
	(void)drain_turn(&drain);
	ok(acknowledged(&other), "another interface does not wait");
	mend_place();
	(void)drain_turn(&drain);
	(void)drain_turn(&drain);
	ok(acknowledged(&next), "then the successor is heard");
	(void)ingest_commit_all(&ingest, NULL);
	leave(&lost);
	leave(&next);
	leave(&other);
	leave(&mute);
	stop(store, &want);
}

int
main(void)
{
	if (!run_begin())
		return 1;
	test_orphan_fails();
	test_orphan_pending();
	test_orphans_fail();
	test_forsaken_fails();
	test_not_forsaken();
	test_cut_file();
	test_held_back();
	test_one_of_two();
	test_successor();
	return run_end();
}
