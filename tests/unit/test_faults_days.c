/*
 * Every system call of what is done with whole days fails once, or is the
 * writer's last, or the machine's (tests/lib/fault.h): roll-ups, a check,
 * retention on a full disk.  test_faults.c has the way of rows to there.
 */
#include "tests/lib/fault.h"
#include "tests/lib/rolluptest.h"

#include <sys/wait.h>

#include "common/base/clock.h"
#include "common/godb/gone.h"

static char root[32], path[64];
static struct testbatch batch;

static void
reset(enum fault_mode m, long at)
{
	folder_remove(path);
	fault_reset(m, at);
}

/* Each call in turn. */
#define EVERY (long)tap_stride(15)

/* ---- roll-ups ------------------------------------------------------------ */

/* Blocks of two days with the same keys, so that it pays to sum them. */
static const int64_t block_slots[] = {T0, T0 + 300, T0 + 600, T0 + 3600,
    T0 + 3900, T0 + 86400, T0 + 86700};

static void
make_blocks(void)
{
	struct godb_writer *w;

	reset(FAULT_NONE, 0);
	if (store_open(path, &w) < 0)
		abort();
	for (size_t i = 0; i < sizeof(block_slots) / sizeof(*block_slots);
	     i++) {
		struct godb_batch b = batch.b;

		b.slot_s = block_slots[i];
		b.seq = 100 + i;
		if (godb_writer_append(w, &b) != 0 ||
		    godb_writer_commit(w, "eth0", b.slot_s, NULL) != 0)
			abort();
	}
	godb_writer_close(w);
}

static int
roll_up(int64_t now_s)
{
	struct godb_writer *w;
	int rc = store_open(path, &w);

	if (rc == 0) {
		rc = upkeep(w, now_s);
		godb_writer_close(w);
	}
	return rc;
}

/* Answers are those of the blocks, and nothing is damaged; `all`: both days
 * have a roll-up. */
static bool
rolled_up(bool all)
{
	struct godb_result_stats stats = {0};
	struct godb_check_report report;

	return store_same_both_ways(path, &stats) &&
	    faults_of(path, &report) == 0 && stats.rollups_unreadable == 0 &&
	    (!all || (stats.rollups == 2 && stats.parts == 0));
}

/* A file of columns without the index that names them has none: a full disk
 * gets its space back. */
static bool
nothing_loose(void)
{
	static const int64_t days[] = {T0, T0 + 86400};
	bool loose = false;

	for (size_t i = 0; i < 2; i++) {
		char day[11], index[128], data[128];
		struct stat st;

		gp_clock_day_format(days[i], day);
		(void)snprintf(index, sizeof(index), "%s/eth0/%s/rollups.idx",
		    path, day);
		(void)snprintf(data, sizeof(data), "%s/eth0/%s/rollups.gpf",
		    path, day);
		loose |= stat(index, &st) < 0 && stat(data, &st) == 0 &&
		    st.st_size > 0;
	}
	return !loose;
}

static void
test_rollups(enum fault_mode m, long calls)
{
	size_t bad = 0;

	for (long at = 0; at < calls; at += EVERY) {
		int64_t now_s = T0 + 5 * 86400;
		struct godb_writer *w;
		int status;
		pid_t pid = 0;
		bool good;

		make_blocks();
		if (m >= FAULT_KILL)
			pid = fork();
		if (pid == 0) {
			(void)store_open(path, &w);
			fault_plan.mode = m;
			fault_plan.countdown = at;
			(void)upkeep(w, now_s);
			if (m >= FAULT_KILL)
				_exit(0);
			fault_plan.mode = FAULT_NONE;
			good = rolled_up(false) && nothing_loose();
			/* the same writer, an hour later */
			(void)upkeep(w, now_s + 3600);
			godb_writer_close(w);
			good = good && rolled_up(true);
		} else {
			(void)waitpid(pid, &status, 0);
			good = rolled_up(false);
			good = good && roll_up(now_s) == 0 && rolled_up(true);
			if (m == FAULT_KILL_THEN_CUT)
				fault_power_cut();
			good = good && rolled_up(true);
		}
		if (!good)
			diag("%s at call %ld", fault_names[m], at);
		bad += !good;
	}
	is_int(bad, 0, "%s at each of %ld calls of a roll-up: answers are "
	    "those of the blocks, and the next look makes it", fault_names[m],
	    calls);
}

static void
test_all_rollups(void)
{
	long calls;

	make_blocks();
	fault_plan.n_calls = 0;
	is_int(roll_up(T0 + 5 * 86400), 0, "two days are rolled up");
	calls = fault_plan.n_calls;
	ok(rolled_up(true) && calls > 20, "in %ld calls", calls);
	is_int(fault_plan.early, 0, "  nothing is named before it is durable");
	for (enum fault_mode m = FAULT_EIO; m <= FAULT_POWER_CUT; m++)
		test_rollups(m, calls);
}

static void
test_unread_rollups(void)
{
	size_t bad = 0, failed = 0;
	bool more = true;
	long at = 0;

	for (; more; at += (long)tap_stride(4)) {
		struct godb_writer *w;

		make_blocks();
		if (store_open(path, &w) < 0)
			abort();
		fault_plan.reads = at;
		failed += upkeep(w, T0 + 5 * 86400) == -EIO;
		more = fault_plan.reads < 0;
		fault_plan.reads = -1;
		bad += !rolled_up(false);
		(void)upkeep(w, T0 + 5 * 86400 + 3600);
		godb_writer_close(w);
		bad += !rolled_up(true);
	}
	ok(failed > 50, "%zu of %ld reads fail a roll-up", failed, at);
	is_int((int)bad, 0, "  and an hour later it is made");
}

/* ---- check on a failing disk --------------------------------------------- */

#define WIDE 5000 /* rows: the index of their addresses is read in pieces */

static int
make_wide(void)
{
	static struct godb_row4 rows[WIDE];
	struct godb_batch b = batch.b;
	struct godb_writer *w;
	uint64_t seed = 42;

	reset(FAULT_NONE, 0);
	for (size_t i = 0; i < WIDE; i++) {
		uint64_t k = tap_random(&seed);

		rows[i] = batch.rows4[0];
		memcpy(rows[i].sip, &k, 4);
		memcpy(rows[i].dip, (const char *)&k + 4, 4);
	}
	b.rows4 = rows;
	b.n4 = WIDE;
	if (store_open(path, &w) < 0 || godb_writer_append(w, &b) != 0 ||
	    godb_writer_commit(w, "eth0", b.slot_s, NULL) != 0)
		abort();
	godb_writer_close(w);
	return roll_up(T0 + 5 * 86400);
}

static void
test_check_unreadable(void)
{
	struct godb_check_report report;
	size_t silent = 0;
	long at = 0;

	is_int(make_wide(), 0, "a day with an index of many addresses");
	is_int((int)faults_of(path, &report), 0, "  is whole");
	for (;; at++) {
		uint64_t n;

		fault_plan.reads = at;
		n = faults_of(path, &report);
		if (fault_plan.reads >= 0)
			break;
		if (n == 0)
			diag("read %ld", at);
		silent += n == 0;
	}
	fault_plan.reads = -1;
	ok(at > 30, "  %ld reads of it fail", at);
	is_int((int)silent, 0, "  which check tells, each");
}

/* ---- retention on a full disk -------------------------------------------- */

/* Both days go; their removal is 0 or an error. */
static int
retain(struct godb_retain_report *report)
{
	struct godb_retain_opts o = GODB_RETAIN_OPTS_INIT;
	struct godb_retain *r = NULL;
	struct godb_writer *w;
	int rc = store_open(path, &w);

	if (rc < 0)
		return rc;
	o.now_s = T0 + 5 * 86400;
	o.clean_s = T0 + 2 * 86400;
	rc = godb_retain_new(w, &o, &r);
	while (rc == 0 && (rc = godb_retain_step(r, INT64_MAX / 4)) == 1)
		rc = 0;
	if (r)
		godb_retain_report(r, report);
	godb_retain_free(r);
	godb_writer_close(w);
	return rc;
}

/* Which days are there: a bit each, or -1: some in part, or something is said
 * to be damaged. */
static int
days_there(void)
{
	int there = 0;
	bool known = false;

	for (int days = 0; days < 4 && !known; days++) {
		struct facts want = {0};
		size_t told;

		for (int i = 0; i < 7; i++)
			if (days >> (block_slots[i] >= T0 + 86400) & 1) {
				struct godb_batch b = batch.b;

				b.slot_s = block_slots[i];
				facts_add_batch(&want, &b);
			}
		known = store_equals(path, &want, &told) && told == 0;
		there = days;
		facts_free(&want);
	}
	return known ? there : -1;
}

/* The days that are known to have gone, the same way. */
static int
days_noted(void)
{
	char name[80];
	struct gdi_gone gone = {0};
	int fd, rc;

	snprintf(name, sizeof(name), "%s/eth0", path);
	fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = gdi_gone_read(fd, &gone);
	close(fd);
	if (rc < 0)
		return rc == -ENOENT ? 0 : -1;
	return (gone.first_s <= T0) | (gone.until_s > T0 + 86400) << 1;
}

static void
full_disk(long unlinks, bool no_names, uint64_t unnoted, const char *what)
{
	struct godb_retain_report report = {0};
	char name[100];
	int rc;

	make_blocks();
	if (roll_up(T0 + 5 * 86400) < 0)
		abort();
	fault_plan.full = true;
	fault_plan.no_names = no_names;
	fault_plan.unlinks = unlinks;
	rc = retain(&report);
	fault_plan.full = false;
	is_int(rc, 0, "a round on a full disk, %s", what);
	is_int(report.days, 2, "removes what has to go");
	is_int(report.failed, 0, "wholly");
	is_int(report.unnoted, unnoted, "without a note of so many");
	is_int(fault_plan.early, 0, "nothing goes before its day's new name is "
	    "durable");
	is_int(days_there(), 0, "nothing is left");
	snprintf(name, sizeof(name), "%s/eth0/days.sum.new", path);
	ok(access(name, F_OK) < 0, "of a summary, either");
	snprintf(name, sizeof(name), "%s/eth0/days.gone.new", path);
	ok(access(name, F_OK) < 0, "or of a note");
	is_int(days_noted(), unnoted ? 0 : 3, "what is gone is known");
	if (no_names)
		return;
	report.unnoted = 1;
	fault_plan.full = unnoted > 0;
	fault_plan.unlinks = -1;
	ok(retain(&report) == 0 && report.days == 0 &&
		report.unnoted == unnoted, "another round");
	fault_plan.full = false;
	ok(retain(&report) == 0 && report.unnoted == 0,
	    "and one that has room");
	is_int(days_noted(), 3, "then it is known in any case");
	snprintf(name, sizeof(name), "%s/eth0/2025-11-25.removed", path);
	ok(access(name, F_OK) < 0, "and nothing has to remind of it");
}

/* Whenever that ends: no day in part, and after another round none without a
 * note; with caches that made room not even before. */
static void
full_disk_ends(enum fault_mode m, long unlinks)
{
	struct godb_retain_report report;
	size_t bad = 0, ended = 0;
	char whole[80];
	long at = 0;

	make_blocks();
	if (roll_up(T0 + 5 * 86400) < 0)
		abort();
	snprintf(whole, sizeof(whole), "%s/whole", root);
	folder_copy(path, whole);
	for (bool all = false; !all && at < 1000; at++) {
		int status, there;
		pid_t pid;

		reset(FAULT_NONE, 0);
		folder_copy(whole, path);
		pid = fork();
		if (pid == 0) {
			fault_reset(m, at);
			fault_plan.full = true;
			fault_plan.unlinks = unlinks;
			_exit(retain(&report) == 0 ? 0 : 1);
		}
		(void)waitpid(pid, &status, 0);
		all = WIFEXITED(status) && WEXITSTATUS(status) == 0;
		ended += !all;
		there = days_there();
		if (there < 0 ||
		    (unlinks == 1 && ((there ^ 3) & ~days_noted()) != 0)) {
			diag("at call %ld: days %d, noted %d", at, there,
			    days_noted());
			bad++;
		}
		if (retain(&report) < 0 || days_there() != 0 ||
		    days_noted() != 3) {
			diag("at call %ld, then a round: days %d, noted %d", at,
			    days_there(), days_noted());
			bad++;
		}
	}
	folder_remove(whole);
	ok(ended > 20, "%zu ends of a round on a full disk", ended);
	is_int(bad, 0, "%s before each, room after %ld files: no day in part, none "
	    "without its note", fault_names[m], unlinks);
}

/* The note that a day is gone, which outlives the day. */
static void
test_note(void)
{
	struct gdi_gone gone;
	char name[80];
	int fd;

	make_blocks();
	snprintf(name, sizeof(name), "%s/eth0", path);
	fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	is_int(gdi_gone_add(fd, "eth0", 0600, T0), 0, "a day is noted as gone");
	ok(fault_plan.early == 0 && fault_names_pending() == 0,
	    "  which is durable");
	is_int(gdi_gone_add(fd, "eth0", 0600, T0 + 86400), 0, "and the next");
	ok(gdi_gone_read(fd, &gone) == 0 && gone.first_s == T0 &&
		gone.until_s == T0 + 2 * 86400, "  they are both known");
	is_int(gdi_gone_add(fd, "eth0", 0600, T0 - 86400), 0, "one before");
	ok(gdi_gone_read(fd, &gone) == 0 && gone.first_s == T0 - 86400 &&
		gone.until_s == T0 + 2 * 86400, "  takes none of them away");
	close(fd);
}

static void
test_round(void)
{
	struct godb_retain_report report;

	make_blocks();
	is_int(retain(&report), 0, "a round of retention");
	is_int(report.days, 2, "  removes two days");
	is_int(fault_plan.early, 0, "  and makes each step durable before the "
	    "next");
}

/* What is left of a store that could not be wiped has its names. */
static void
test_wipe(void)
{
	size_t bad = 0, failed = 0;
	char iface[80];

	snprintf(iface, sizeof(iface), "%s/eth0", path);
	for (long at = 0; at < 80; at += (long)tap_stride(3)) {
		struct facts have = {0};
		uint64_t n, bytes;
		struct view v;
		int fd, rc;

		make_blocks();
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		fault_plan.mode = FAULT_EIO;
		fault_plan.countdown = at;
		rc = godb_wipe(fd, "a test", false, &n, &bytes, NULL);
		fault_plan.mode = FAULT_NONE;
		failed += rc == -EIO;
		bad += rc != 0 && rc != -EIO;
		if (view_open(path, &v) == 0) {
			(void)facts_add_scan(&have, v.scan);
			view_close(&v);
		}
		bad += rc == 0 && (have.n > 0 || access(iface, F_OK) == 0);
		for (size_t i = 0; i < have.n; i++)
			bad += strcmp(have.v[i].l7, "(none)") == 0;
		facts_free(&have);
		bad += godb_wipe(fd, "a test", false, &n, &bytes, NULL) != 0;
		close(fd);
	}
	ok(failed > 5, "%zu wipes fail", failed);
	is_int((int)bad, 0, "  which they tell, and leave no row without its "
	    "name");
}

static void
test_full_disk(void)
{
	full_disk(1, false, 0, "a cache makes room");
	full_disk(9, false, 0, "the first day makes room");
	full_disk(-1, false, 2, "that stays full");
	full_disk(-1, true, 2, "that stays full, and no name can be made");
	full_disk_ends(FAULT_KILL, 1);
	full_disk_ends(FAULT_POWER_CUT, 1);
	full_disk_ends(FAULT_KILL, 9);
	full_disk_ends(FAULT_KILL, -1);
}

int
main(void)
{
	uint64_t seed = 4711;

	if (!folder_temporary(root, sizeof(root)))
		return 1;
	snprintf(path, sizeof(path), "%s/store", root);
	fault_begin();
	batch_make(&batch, &seed, "eth0", T0, 1, 1, 6, 3);
	test_all_rollups();
	test_unread_rollups();
	test_check_unreadable();
	test_note();
	test_round();
	test_wipe();
	test_full_disk();
	fault_plan.mode = FAULT_NONE;
	folder_remove(root);
	return tap_done();
}
