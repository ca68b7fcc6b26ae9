/* An index that was cut, emptied, overwritten or taken away: that something is
 * lost stays told whatever a writer stores behind it, and a repair marks the
 * blocks instead. */
#include "tests/lib/rolluptest.h"

#define BLOCKS 6
#define DAY    "eth0/2025-11-25"
#define INDEX  DAY "/blocks.idx"

static char root[32], path[64], whole[64], other[64];
static uint64_t seed, seq;
static off_t ends[BLOCKS + 1]; /* of the header, of each record */

static off_t
index_bytes(void)
{
	char file[160];
	struct stat st;

	snprintf(file, sizeof(file), "%s/" INDEX, path);
	return stat(file, &st) < 0 ? 0 : st.st_size;
}

static void
run_in_day(const char *command)
{
	char text[256];

	snprintf(text, sizeof(text), "cd %s/" DAY " && %s", path, command);
	if (system(text) != 0)
		abort();
}

static void
run_in_root(const char *command)
{
	char text[256];

	snprintf(text, sizeof(text), "cd %s && %s", root, command);
	if (system(text) != 0)
		abort();
}

/* Blocks of one day, on the disk twice. */
static void
make_store(bool indexed)
{
	struct godb_writer *w;

	folder_remove(path);
	folder_remove(whole);
	if (store_open(path, &w) < 0)
		abort();
	for (int i = 0; i < BLOCKS; i++) {
		ends[i] = i == 0 ? 64 : index_bytes();
		store_add_block(w, &seed, NULL, "eth0", T0 + i * 300, ++seq,
		    true);
	}
	ends[BLOCKS] = index_bytes();
	if (indexed)
		(void)upkeep(w, T0 + 3 * 86400);
	godb_writer_close(w);
	folder_copy(path, whole);
}

/* Parts that can be read, and what says that others are missing. */
static size_t
look(size_t *told)
{
	struct facts have = {0};
	struct view v;
	size_t n;

	if (view_open(path, &v) < 0)
		abort();
	*told = facts_add_scan(&have, v.scan) + godb_scan_n_faults(v.scan);
	n = godb_scan_n_parts(v.scan);
	for (size_t i = 0; i < n; i++)
		*told += (godb_scan_part(v.scan, i)->flags & GODB_PART_LOST) !=
		    0;
	facts_free(&have);
	view_close(&v);
	return n;
}

static bool
is_told(void)
{
	size_t told;

	(void)look(&told);
	return told > 0;
}

/* The same of a question for which days are told by what is made of them. */
static bool
is_told_to(const struct godb_scan_opts *opts)
{
	struct godb_reader *r;
	struct godb_scan *s;
	bool told;

	if (godb_reader_open(path, &r) < 0 || godb_scan_open(r, opts, &s) < 0)
		abort();
	told = godb_scan_n_faults(s) > 0;
	godb_scan_close(s);
	godb_reader_close(r);
	return told;
}

static bool
is_told_to_all(void)
{
	struct godb_query_opts question = GODB_QUERY_OPTS_INIT;
	struct godb_scan_opts rolled = GODB_SCAN_OPTS_INIT;
	struct godb_scan_opts seen = GODB_SCAN_OPTS_INIT;
	struct godb_diag d;

	if (godb_keys_parse("sip", &question.keys, &d) < 0)
		abort();
	rolled.question = &question;
	seen.addresses = true;
	return is_told_to(&rolled) && is_told_to(&seen);
}

static int
repair(uint64_t *lost)
{
	struct godb_repair_opts o = GODB_REPAIR_OPTS_INIT;
	struct godb_repair_report report;
	struct godb_diag d;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = godb_repair(fd, &o, &report, &d);

	close(fd);
	*lost = report.lost;
	return rc;
}

static bool
check_tells(void)
{
	struct godb_check_report report;

	return faults_of(path, &report) > 0;
}

static const struct {
	const char *what, *command;
	bool gone; /* nothing of it can be repaired */
} damage[] = {
    {"cut within a record", "truncate -s %d blocks.idx", false},
    {"cut behind a head", "truncate -s %d blocks.idx", false},
    {"cut within the header", "truncate -s 63 blocks.idx", true},
    {"emptied", ": >blocks.idx", true},
    {"removed", "rm blocks.idx", true},
    {"a few zeroes", "head -c 40 /dev/zero >blocks.idx", true},
    {"a page of zeroes", "head -c 4096 /dev/zero >blocks.idx", false},
    {"garbage", "echo 12345678901234567890 >blocks.idx", true}};

static void
break_it(size_t i)
{
	char command[96];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(command, sizeof(command), damage[i].command,
	    (int)ends[1] + (i == 0 ? 76 : 160));
#pragma GCC diagnostic pop
	run_in_day(command);
}

static void
break_index(size_t i)
{
	folder_remove(path);
	folder_copy(whole, path);
	break_it(i);
}

/* A writer that comes later stores blocks of the same day. */
static void
store_more(int64_t first_s, unsigned n)
{
	struct godb_writer *w;

	for (unsigned i = 0; i < n; i++) {
		if (store_open(path, &w) < 0)
			abort();
		store_add_block(w, &seed, NULL, "eth0", first_s + i * 300,
		    ++seq, true);
		godb_writer_close(w);
	}
}

/* Without an address index it is one block at least, and one more where the
 * head says whose record was cut. */
static int64_t
lost_of(size_t i, bool indexed)
{
	if (!indexed)
		return i == 1 ? 2 : 1;
	return i < 2 ? BLOCKS - 1 : BLOCKS;
}

static void
test_damage(bool indexed)
{
	for (size_t i = 0; i < sizeof(damage) / sizeof(*damage); i++) {
		uint64_t lost;
		size_t told;

		break_index(i);
		ok(is_told() && check_tells() && unreadable_days(path) == 1,
		    "an index %s%s is told", damage[i].what,
		    indexed ? ", of an indexed day," : "");
		is_int(repair(&lost), damage[i].gone ? GODB_EDAMAGED : 0,
		    "  a repair says whether it can");
		if (!damage[i].gone)
			is_int((int64_t)lost, lost_of(i, indexed),
			    "  how many are lost");
		ok(is_told() && (damage[i].gone ? lost == 0 && check_tells() :
						  lost > 0 && !check_tells()),
		    "  after it what is lost is marked (%d)", (int)lost);
		break_index(i);
		store_more(T0 + 7200, 3);
		(void)look(&told);
		ok(told > 0 && check_tells() && unreadable_days(path) == 1,
		    "  so it is when more was stored");
		run_in_day("cp blocks.idx later.idx");
		run_in_day("cp ../../../whole/" DAY "/blocks.idx .");
		ok(!is_told(), "  what a copy put back names is there");
		run_in_day("mv later.idx blocks.idx && rm -f addresses.idx "
		    "rollups.*");
		is_int(repair(&lost), 0, "  a repair");
		ok(lost > 0 && is_told() && !check_tells(),
		    "  marks what was lost before them (%d)", (int)lost);
		store_more(T0 + 14400, 1);
		ok(is_told() && !check_tells(), "  and it stays marked");
	}
}

/* A block is begun, whose journal excuses nothing that it found or that comes
 * to what was there; then a writer commits it. */
static void
test_beside_journal(bool found, size_t i)
{
	struct godb_writer *w;
	bool told;

	folder_remove(path);
	folder_copy(whole, path);
	if (found)
		break_it(i);
	if (store_open(path, &w) < 0)
		abort();
	store_add_block(w, &seed, NULL, "eth0", T0 + 7200, ++seq, false);
	godb_writer_close(w);
	if (!found)
		break_it(i);
	told = is_told();
	if (store_open(path, &w) < 0)
		abort();
	is_int(godb_writer_commit(w, "eth0", T0 + 7200, NULL), 0, "%s %s "
	    "a block was begun", damage[i].what, found ? "before" : "when");
	godb_writer_close(w);
	ok(told && is_told(), "  is told");
}

/* As if a block of the day had been begun when `n` were in the index. */
static void
plant_journal(unsigned n, int64_t slot_s)
{
	struct godb_writer *w;

	folder_remove(other);
	if (store_open(other, &w) < 0)
		abort();
	for (unsigned i = 0; i < n; i++)
		store_add_block(w, &seed, NULL, "eth0", T0 + i * 300, ++seq,
		    true);
	store_add_block(w, &seed, NULL, "eth0", slot_s, ++seq, false);
	godb_writer_close(w);
	run_in_root("mkdir -p store/eth0/journal && "
	    "cp other/eth0/journal/*.gpj store/eth0/journal/");
}

/* Each of what can tell that there was an index, where nothing else can. */
static void
test_bereft(void)
{
	struct godb_writer *w;

	break_index(4);
	run_in_day("rm sip.* dip.* dport.* proto.* l7proto.* bytes_* pkts_*");
	ok(is_told() && check_tells(), "roll-ups of an index that is gone");
	break_index(4);
	plant_journal(0, T0 + 7200);
	ok(is_told() && check_tells(), "an old journal excuses no index");
	if (store_open(path, &w) < 0)
		abort();
	is_int(godb_writer_commit(w, "eth0", T0 + 7200, NULL), 0,
	    "it is stored");
	godb_writer_close(w);
	ok(is_told() && check_tells(), "  and all before is told");
	run_in_day("cmp -n 64 blocks.idx ../../../whole/" DAY "/blocks.idx");
	break_index(4);
	plant_journal(0, T0 + 7200);
	run_in_day("rm addresses.idx");
	if (store_open(path, &w) < 0)
		abort();
	is_int(godb_writer_commit(w, "eth0", T0 + 7200, NULL), 0,
	    "with roll-ups alone");
	godb_writer_close(w);
	run_in_day("rm rollups.*");
	ok(is_told() && check_tells(), "  all before is told");
	break_index(4);
	plant_journal(3, T0 + 7200);
	run_in_day("rm *");
	ok(is_told() && check_tells(), "a journal begun behind records");
}

/* The place at which a block was begun excuses its commit, and no more. */
static void
test_shrunk_and_torn(void)
{
	struct godb_writer *w;
	char command[64];

	snprintf(command, sizeof(command), "truncate -s %d blocks.idx",
	    (int)ends[1] + 20);
	folder_remove(path);
	folder_copy(whole, path);
	run_in_day(command);
	plant_journal(0, T0 + 7200);
	ok(is_told() && check_tells(), "cut behind where a block was begun");
	if (store_open(path, &w) < 0)
		abort();
	for (int i = 0; i < BLOCKS + 4; i++)
		store_add_block(w, &seed, NULL, "eth0", T0 + 9000 + i * 300,
		    ++seq, true);
	godb_writer_close(w);
	ok(index_bytes() > ends[BLOCKS] && is_told() && check_tells(),
	    "  stays told when the index is longer than it was");
}

/* Of an address index that is another interface's nothing is believed. */
static void
test_foreign_once(void)
{
	struct godb_writer *w;
	uint64_t lost;

	folder_remove(other);
	if (store_open(other, &w) < 0)
		abort();
	for (int i = 0; i < BLOCKS * 2; i++)
		store_add_block(w, &seed, NULL, "eth1", T0 + i * 300, ++seq,
		    true);
	(void)upkeep(w, T0 + 3 * 86400);
	godb_writer_close(w);
	folder_remove(path);
	folder_copy(whole, path);
	run_in_root("cp other/eth1/2025-11-25/addresses.idx store/" DAY);
	ok(!is_told(), "an address index of another interface, that is longer");
	is_int(repair(&lost), 0, "  a repair");
	is_int((int64_t)lost, 0, "  marks nothing");
}

/* A copy that is put back finds what it names, although a repair has marked its
 * blocks and others were stored. */
static void
test_copy_back(void)
{
	uint64_t lost;

	break_index(0);
	run_in_day("rm -f addresses.idx rollups.*");
	is_int(repair(&lost), 0, "a repair");
	store_more(T0 + 7200, BLOCKS);
	run_in_day("cp ../../../whole/" DAY "/blocks.idx .");
	ok(!is_told(), "  overwrites nothing that a copy of the index names");
}

/* Behind the last record something that never was one. */
static void
test_garbage_behind(void)
{
	uint64_t lost;

	folder_remove(path);
	folder_copy(whole, path);
	run_in_day("rm -f addresses.idx rollups.*; "
	    "echo 1234567890123456789012345 >>blocks.idx");
	is_int(repair(&lost), 0, "garbage behind the index");
	is_int((int64_t)lost, 0, "  is none of a block");
	ok(!is_told() && !check_tells(), "  and goes");
}

/* Of a block in two records the second is gone: any of the blocks may be the
 * one. */
static void
test_late_record(void)
{
	char command[64];
	uint64_t lost;
	struct godb_writer *w;

	folder_remove(path);
	if (store_open(path, &w) < 0)
		abort();
	for (int i = 0; i < 3; i++)
		store_add_block(w, &seed, NULL, "eth0", T0 + i * 300, ++seq,
		    true);
	snprintf(command, sizeof(command), "truncate -s %d blocks.idx",
	    (int)index_bytes());
	store_add_block(w, &seed, NULL, "eth0", T0 + 300, ++seq, true);
	(void)upkeep(w, T0 + 3 * 86400);
	godb_writer_close(w);
	run_in_day(command);
	is_int(repair(&lost), 0, "a late record that is gone");
	is_int((int64_t)lost, 3, "  may be any block's");
}

/* At the end of a record nothing looks wrong: its address index knows more. */
static void
test_whole_records(void)
{
	for (int i = 0; i < BLOCKS; i++) {
		char command[64];
		struct godb_writer *w;
		uint64_t lost;
		size_t told;

		snprintf(command, sizeof(command), "truncate -s %d blocks.idx",
		    (int)ends[i]);
		folder_remove(path);
		folder_copy(whole, path);
		run_in_day(command);
		is_int((int64_t)look(&told), i, "cut behind %d records", i);
		ok(told > 0 && check_tells() && unreadable_days(path) == 1,
		    "  it is told");
		ok(is_told_to_all(), "  whatever is asked");
		if (store_open(path, &w) < 0)
			abort();
		godb_writer_rebuild(w);
		(void)upkeep(w, T0 + 3 * 86400);
		godb_writer_close(w);
		ok(is_told(), "  still when its roll-ups were rebuilt");
		is_int(repair(&lost), 0, "  a repair");
		is_int((int64_t)lost, BLOCKS - i, "  marks all that is lost");
		ok(is_told() && !check_tells(), "  and nothing is damaged");
		run_in_day("cp ../../../whole/" DAY "/addresses.idx .");
		is_int(repair(&lost), 0, "  one that was stopped half-way");
		is_int((int64_t)lost, 0, "  marks nothing again");

		folder_remove(path);
		folder_copy(whole, path);
		run_in_day(command);
		store_more(T0 + 7200, 1);
		ok(is_told() && is_told_to_all(), "  and when more was stored");
		if (store_open(path, &w) < 0)
			abort();
		(void)upkeep(w, T0 + 3 * 86400);
		godb_writer_close(w);
		ok(is_told() && check_tells(), "  and that was looked after");
		is_int(repair(&lost), 0, "  a repair");
		is_int((int64_t)lost, BLOCKS - i, "  marks the same blocks");
	}
}

/* A repair makes an index shorter beside an open block; the commit of that may
 * then be cut off like any other. */
static void
test_lowered(void)
{
	struct godb_writer *w;
	char command[256];
	size_t told;
	off_t size;

	folder_remove(path);
	folder_copy(whole, path);
	if (store_open(path, &w) < 0)
		abort();
	store_add_block(w, &seed, NULL, "eth0", T0 + 7200, ++seq, false);
	godb_writer_close(w);
	run_in_day("rm addresses.idx rollups.*");
	for (int i = 0; i < BLOCKS - 1; i++)
		store_poke(path, INDEX, ends[i], 0xff);
	(void)repair(&(uint64_t){0});
	size = index_bytes();
	ok(size < ends[BLOCKS], "a shorter index");
	snprintf(command, sizeof(command), "cp -a %.40s/eth0/journal %.20s/",
	    path, root);
	if (system(command) != 0 || store_open(path, &w) < 0)
		abort();
	(void)godb_writer_commit(w, "eth0", T0 + 7200, NULL);
	godb_writer_close(w);
	snprintf(command, sizeof(command), "rm -r %.40s/eth0/journal && "
	    "mv %.20s/journal %.40s/eth0/", path, root, path);
	if (system(command) != 0)
		abort();
	snprintf(command, sizeof(command), "truncate -s %d blocks.idx",
	    (int)size + 40);
	run_in_day(command);
	(void)look(&told);
	ok(told > 0 && !check_tells(), "a commit cut off is no damage");
}

/* What a running writer left it knows. */
static void
test_while_running(void)
{
	struct godb_writer *w;
	char command[64];

	folder_remove(path);
	if (store_open(path, &w) < 0)
		abort();
	for (int i = 0; i < 3; i++) {
		ends[i] = index_bytes();
		store_add_block(w, &seed, NULL, "eth0", T0 + i * 300, ++seq,
		    true);
	}
	snprintf(command, sizeof(command), "truncate -s %d blocks.idx",
	    (int)ends[2]);
	run_in_day(command);
	store_add_block(w, &seed, NULL, "eth0", T0 + 900, ++seq, true);
	godb_writer_close(w);
	ok(is_told(), "an index cut under a running writer");
}

/* Blocks of which those are of capture files that have their bit set. */
static void
make_offline(int n, unsigned which)
{
	static struct testbatch t;
	struct godb_writer *w;

	folder_remove(path);
	if (store_open(path, &w) < 0)
		abort();
	for (int i = 0; i < n; i++) {
		batch_make(&t, &seed, "eth0", T0 + i * 300, 1, ++seq, 9, 9);
		t.b.flags |= which >> i & 1 ? GODB_PART_OFFLINE : 0;
		ends[i] = index_bytes();
		if (godb_writer_append(w, &t.b) != 0 ||
		    godb_writer_commit(w, "eth0", t.b.slot_s, NULL) != 0)
			abort();
	}
	godb_writer_close(w);
}

/* Whose head is there says itself whose block it was. */
static void
test_offline_between(void)
{
	struct view v;
	uint64_t n;

	make_offline(3, 1u << 1);
	store_poke(path, INDEX, ends[1] + 100, 0xff);
	is_int(repair(&n), 0, "a capture file's between two others");
	if (view_open(path, &v) < 0)
		abort();
	for (size_t i = 0; i < godb_scan_n_parts(v.scan); i++) {
		const struct godb_part *p = godb_scan_part(v.scan, i);

		ok(!(p->flags & GODB_PART_LOST) ==
		    !(p->flags & GODB_PART_OFFLINE), "  stays one");
	}
	view_close(&v);
}

/* Marks of blocks of capture files are of capture files. */
static void
test_offline(void)
{
	struct view v;
	size_t lost = 0, live = 0;
	uint64_t n;

	make_offline(4, 15);
	store_poke(path, INDEX, ends[1], 0xff);
	store_poke(path, INDEX, ends[3] + 100, 0xff);
	is_int(repair(&n), 0, "a repair");
	if (view_open(path, &v) < 0)
		abort();
	for (size_t i = 0; i < godb_scan_n_parts(v.scan); i++) {
		const struct godb_part *p = godb_scan_part(v.scan, i);

		lost += (p->flags & GODB_PART_LOST) != 0;
		live += (p->flags & GODB_PART_OFFLINE) == 0;
	}
	is_int((int64_t)lost, 2, "two blocks are lost");
	is_int((int64_t)live, 0, "of capture files, as the others");
	view_close(&v);
}

int
main(void)
{
	seed = tap_seed(20251125);
	if (!folder_temporary(root, sizeof(root)))
		return 1;
	snprintf(path, sizeof(path), "%s/store", root);
	snprintf(whole, sizeof(whole), "%s/whole", root);
	snprintf(other, sizeof(other), "%s/other", root);
	make_store(false);
	test_damage(false);
	for (size_t i = 0; i < sizeof(damage) / sizeof(*damage) * 2; i++)
		test_beside_journal(i & 1, i / 2);
	test_copy_back();
	test_garbage_behind();
	make_store(true);
	test_damage(true);
	test_bereft();
	test_shrunk_and_torn();
	test_foreign_once();
	test_whole_records();
	test_lowered();
	test_while_running();
	test_late_record();
	test_offline();
	test_offline_between();
	folder_remove(root);
	return tap_done();
}
