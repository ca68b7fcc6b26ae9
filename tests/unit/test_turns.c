/*
 * The writer's loop: while the block of a busy interface is written, an honest
 * one beside it is acknowledged in every turn, and what the busy one sends
 * meanwhile waits in its ring and is counted once.  What cannot be written of
 * one interface stops nothing of another.
 */
#include "tests/lib/turnsrun.h"

#define BUSY_ROWS  (3 * 65536 + 1000)
#define ROWS_SENT  400

static void
test_beside(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture busy, honest;
	unsigned turns = 0, waits = 0, late = 0;
	uint32_t sent = 0;

	join(&busy, "busy");
	join(&honest, "honest");
	for (; sent < BUSY_ROWS; sent += ROWS_SENT)
		send_rows(&busy, &want, sent, ROWS_SENT);
	while (drain_turn(&drain))
		;
	ok(acknowledged(&busy), "the busy one's rows are in its journal");
	do {
		send_rows(&honest, &want, turns, 3);
		if (turns == 5)
			send_rows(&busy, &want, 7, ROWS_SENT);
		(void)turn();
		waits += !acknowledged(&honest);
		late += turns >= 5 && ingest.committing &&
		    strcmp(ingest.block_iface, "busy") == 0 &&
		    acknowledged(&busy);
		turns++;
	} while (turns < 10 ||
	    (ingest.committing && strcmp(ingest.block_iface, "busy") == 0));
	/* sorting, four chunks, nine columns written and synced, the record */
	ok(turns >= 20, "the block took %u turns", turns);
	is_int(waits, 0, "the honest one was acknowledged in each of them");
	is_int(late, 0, "a late frame of the busy one waited");
	while (turn())
		;
	ok(acknowledged(&busy), "and was taken then");
	is_int(ingest_commit_all(&ingest, NULL), 0, "the rest");
	leave(&busy);
	leave(&honest);
	stop(store, &want);
}

static void
test_full(void)
{
	struct godb_writer *store = start(1000);
	struct facts want = {0};
	struct capture busy;
	uint32_t sent = 0, turns = 0;

	join(&busy, "busy");
	for (; sent < 20 * ROWS_SENT; sent += ROWS_SENT)
		send_rows(&busy, &want, sent, ROWS_SENT);
	(void)drain_turn(&drain);
	ok(ingest.committing && ingest.block_slot_s == slot_s,
	    "a block that is full is begun at once, over or not");
	while (turn())
		turns++;
	ok(acknowledged(&busy), "all was taken in %u turns", turns);
	is_int(ingest_commit_all(&ingest, NULL), 0, "the rest");
	ok(ingest.blocks >= 8 && ingest.blocks <= 20,
	    "a block that is full is written: %d records", (int)ingest.blocks);
	is_int(ingest.rows, sent, "rows");
	leave(&busy);
	stop(store, &want);
}

static void
test_block_fails(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture a, b;
	char day[11];

	gp_clock_day_format(slot_s, day);
	join(&a, "aa");
	join(&b, "bb");
	send_rows(&a, &want, 1, 10);
	send_rows(&b, &want, 1, 10);
	break_place("aa", day);
	turns(40);
	ok(acknowledged(&a) && acknowledged(&b), "both are acknowledged");
	is_int((int64_t)ingest.blocks, 1,
	    "a block that cannot be written stops no other interface's");
	ok(ingest_holding(&ingest), "what can wait does");
	ok(ingest.failing < 0 && ingest_held_any(&ingest, "aa") < 0 &&
		ingest_held(&ingest, "aa") == 0 &&
		ingest_held_any(&ingest, "bb") == 0,
	    "it alone is left alone: %s", godb_strerror(ingest.failing));
	send_rows(&a, &want, 20, 10);
	send_rows(&b, &want, 20, 10);
	turns(40);
	ok(acknowledged(&a) && acknowledged(&b), "its frames are taken");
	is_int((int64_t)ingest.blocks, 2, "and the other's written");
	mend_place();
	turns(40);
	is_int((int64_t)ingest.blocks, 3, "and so is it, once it can be");
	is_int(ingest.failing, 0, "all is well");
	leave(&a);
	leave(&b);
	stop(store, &want);
}

static void
test_journal_fails(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture a, b;

	join(&b, "bb");
	join(&a, "aa");
	send_rows(&a, &want, 1, 10);
	send_rows(&b, &want, 1, 10);
	break_place("aa", "journal");
	turns(40);
	ok(!acknowledged(&a), "frames that no journal takes stay in their ring");
	ok(acknowledged(&b), "another interface's do not");
	is_int((int64_t)ingest.blocks, 1, "and its block is written");
	ok(ingest_held(&ingest, "aa") < 0 && ingest_held(&ingest, "bb") == 0,
	    "one is left alone");
	unbreak();
	turns(1);
	ok(!acknowledged(&a), "for a moment");
	ingest_hurry(&ingest);
	turns(40);
	ok(acknowledged(&a), "they are taken once they can be");
	is_int((int64_t)ingest.blocks, 2, "and their block is written");
	is_int(ingest.failing, 0, "all is well");
	leave(&a);
	leave(&b);
	stop(store, &want);
}

/* One that failed is left alone for a moment, whoever wants it, but not at the
 * end of all. */
static void
test_left_alone(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture a;
	char day[11];
	int rc;

	gp_clock_day_format(slot_s, day);
	join(&a, "aa");
	send_rows(&a, &want, 1, 10);
	(void)drain_turn(&drain);
	break_place("aa", day);
	rc = ingest_commit(&ingest, "aa", slot_s);
	ok(rc < 0, "a block that cannot be written: %s", godb_strerror(rc));
	unbreak();
	is_int(ingest_commit(&ingest, "aa", slot_s), rc, "is not tried again");
	is_int(ingest_commit_all(&ingest, "aa"), rc, "with its interface");
	is_int((int64_t)ingest.blocks, 0, "and is not counted");
	is_int(ingest_commit_all(&ingest, NULL), 0, "at the end it is tried");
	is_int((int64_t)ingest.blocks, 1, "and written");
	leave(&a);
	stop(store, &want);
}

/* What fails of an interface that nobody brings any more is forgotten: else the
 * store would be said to fail for ever. */
static void
test_forgotten(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct capture a;

	join(&a, "aa");
	send_rows(&a, NULL, 1, 10);
	break_place("aa", "journal");
	turns(2);
	leave(&a);
	turns(2);
	ok(ingest.failing < 0, "a journal fails: %s",
	    godb_strerror(ingest.failing));
	ingest.troubles.list[0].retry_ns -= 70 * GP_NS_PER_S;
	turns(2);
	is_int(ingest.failing, 0, "nobody has tried for a minute: forgotten");
	godb_writer_close(store);
	folder_remove(folder);
}

/* How long each is left alone, and when all is well. */
static void
test_troubles(void)
{
	struct troubles t = {0};

	for (int i = 0; i < 3; i++)
		(void)troubles_note(&t, "bb", 300, -EIO);
	is_int(t.list[0].pause_ns / GP_NS_PER_S, 4, "a block longer each time");
	for (int i = 0; i < 6; i++)
		(void)troubles_note(&t, "bb", 300, -EIO);
	is_int(t.list[0].pause_ns / GP_NS_PER_S, 16, "up to 16 s");
	for (int i = 0; i < 3; i++)
		(void)troubles_note(&t, "bb", TROUBLE_JOURNALS, -ENOSPC);
	is_int(t.list[0].pause_ns / GP_NS_PER_S, 1, "journals for a second");
	(void)troubles_note(&t, "aa", 300, -EIO);
	is_int((int64_t)t.n, 3, "three things fail");
	t.list[1].retry_ns = 0;
	is_int(troubles_held(&t, "bb", TROUBLE_JOURNALS), 0, "one can be tried");
	is_int(troubles_held_any(&t, "bb"), -EIO, "not all of the interface");
	is_int(troubles_held_any(&t, "cc"), 0, "another one is free");
	ok(!troubles_clear(&t, "bb", 300), "one works, not all");
	ok(!troubles_clear(&t, "bb", 300), "that is no news");
	ok(!troubles_clear(&t, "bb", TROUBLE_JOURNALS), "nor now");
	is_int(troubles_last(&t), -EIO, "there is one left");
	ok(troubles_clear(&t, "aa", 300), "then all is well");
	ok(!troubles_clear(&t, "aa", 300), "once");
	is_int(troubles_last(&t), 0, "nothing fails");
	troubles_fini(&t);
}

/* What breaks the store's rules is its sender's fault, and no trouble. */
static void
test_rules(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct frame_header *h = (struct frame_header *)(void *)frame;
	struct capture a;

	join(&a, "aa");
	send_rows(&a, NULL, 1, 10);
	is_int(ingest_frame(&ingest, "../aa", frame, 0), -EPROTO,
	    "a name that is no interface's");
	h->slot_s++;
	is_int(ingest_frame(&ingest, "aa", frame, 0), -EPROTO,
	    "a block that is none");
	is_int(ingest.failing, 0, "the store does not fail for that");
	is_int((int64_t)ingest.frames, 0, "and takes neither");
	leave(&a);
	godb_writer_close(store);
	folder_remove(folder);
}

/* One that is half written when another must be is counted as well. */
static void
test_counted(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture a, b;

	join(&a, "aa");
	join(&b, "bb");
	send_rows(&a, &want, 1, 10);
	send_rows(&b, &want, 1, 20);
	slot_s -= 300;
	send_rows(&b, &want, 1, 30);
	slot_s += 300;
	(void)turn();
	ok(ingest.committing && strcmp(ingest.block_iface, "aa") == 0,
	    "a block is being written");
	is_int(ingest_commit_all(&ingest, "bb"), 0, "others are wanted at once");
	is_int((int64_t)ingest.blocks, 3, "all are counted");
	is_int((int64_t)ingest.rows, 60, "with their rows");
	ok(ingest.stored_bytes > 0, "and bytes");
	leave(&a);
	leave(&b);
	stop(store, &want);
}

/* What comes and goes is told a few times a minute. */
static void
test_comes_and_goes(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture a;
	char day[11];

	gp_clock_day_format(slot_s, day);
	log_begin();
	join(&a, "aa");
	for (uint32_t i = 0; i < 20; i++) {
		send_rows(&a, &want, i * 10, 10);
		break_place("aa", day);
		turns(30);
		mend_place();
		turns(30);
	}
	log_end();
	is_int((int64_t)ingest.blocks, 20, "twenty times it failed and worked");
	ok(lines_with(log_file, "cannot be written") >= 1 &&
		lines_with(log_file, "cannot be written") <= 5,
	    "a few lines say that it does not");
	ok(lines_with(log_file, "can be written again") >= 1 &&
		lines_with(log_file, "can be written again") <= 5,
	    "and a few that it does");
	(void)unlink(log_file);
	leave(&a);
	stop(store, &want);
}

int
main(void)
{
	if (!run_begin())
		return 1;
	test_beside();
	test_full();
	test_block_fails();
	test_journal_fails();
	test_left_alone();
	test_forgotten();
	test_troubles();
	test_rules();
	test_counted();
	test_comes_and_goes();
	return run_end();
}
