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
	mend_place();
	turns(40);
	ok(acknowledged(&a), "they are taken once they can be");
	is_int((int64_t)ingest.blocks, 2, "and their block is written");
	is_int(ingest.failing, 0, "all is well");
	leave(&a);
	leave(&b);
	stop(store, &want);
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
	test_counted();
	test_comes_and_goes();
	return run_end();
}
