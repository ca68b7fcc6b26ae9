/* A store whose files are cut or damaged anywhere: nobody is told a wrong row
 * without a word, and a writer goes on with what is good. */
#include "tests/lib/storetest.h"

static char root[32];
static char path[64], copy[64];
static uint64_t seed;
static struct testbatch t;

static void
fresh(void)
{
	folder_remove(path);
	folder_remove(copy);
}

/* ---- one journal, cut everywhere ----------------------------------------- */

static void
cut_file(const char *folder, const char *name, off_t len)
{
	char file[256];

	snprintf(file, sizeof(file), "%s/%s", folder, name);
	if (truncate(file, len) < 0)
		abort();
}

static off_t
size_of(const char *folder, const char *name)
{
	char file[256];
	struct stat st;

	snprintf(file, sizeof(file), "%s/%s", folder, name);
	return stat(file, &st) < 0 ? -1 : st.st_size;
}

static void
test_journal_cuts(void)
{
	static struct testbatch b[3];
	char journal[64];
	struct facts all = {0};
	struct godb_writer *w;
	off_t ends[4], len;
	size_t bad_view = 0, bad_answer = 0, bad_end = 0, told;

	fresh();
	(void)store_open(path, &w);
	snprintf(journal, sizeof(journal), "eth0/journal/%" PRId64 ".gpj", T0);
	ends[0] = 64;
	for (uint64_t i = 0; i < 3; i++) {
		batch_make(&b[i], &seed, "eth0", T0, 1, i + 1, 2, i & 1);
		(void)godb_writer_append(w, &b[i].b);
		facts_add_batch(&all, &b[i].b);
		ends[i + 1] = size_of(path, journal);
	}
	godb_writer_close(w);
	for (len = 0; len <= ends[3]; len++) {
		struct facts some = {0};
		size_t whole = 0;

		while (whole < 3 && len >= ends[whole + 1])
			facts_add_batch(&some, &b[whole++].b);
		folder_copy(path, copy);
		cut_file(copy, journal, len);
		bad_view += !store_equals(copy, &some, &told) || told;
		if (store_open(copy, &w) != 0) {
			bad_view++;
			continue;
		}
		bad_view += !store_equals(copy, &some, &told) || told;
		for (size_t i = 0; i < 3; i++)
			bad_answer += godb_writer_append(w, &b[i].b) !=
			    (i < whole ? 1 : 0);
		bad_end += !store_equals(copy, &all, &told) || told;
		bad_end += godb_writer_commit(w, "eth0", T0, NULL) != 0;
		godb_writer_close(w);
		bad_end += !store_equals(copy, &all, &told) || told;
		facts_free(&some);
	}
	is_int(bad_view, 0, "journal cut at each of %d bytes: what is whole "
	    "is there", (int)ends[3]);
	is_int(bad_answer, 0, "what is there is refused, the rest taken");
	is_int(bad_end, 0, "and then all is there, once");
	facts_free(&all);
}

/* ---- the last index record, cut everywhere ------------------------------- */

static void
test_index_cuts(void)
{
	static struct testbatch a, b;
	char journal[64], cmd[400];
	const char *index = "eth0/2025-11-25/blocks.idx";
	struct facts first = {0}, all = {0};
	struct godb_writer *w;
	off_t before, after;
	size_t bad = 0, silent = 0, bad_end = 0, told;

	fresh();
	(void)store_open(path, &w);
	batch_make(&a, &seed, "eth0", T0, 1, 1, 5, 5);
	batch_make(&b, &seed, "eth0", T0 + 300, 1, 2, 5, 5);
	snprintf(journal, sizeof(journal), "eth0/journal/%" PRId64 ".gpj",
	    T0 + 300);
	(void)godb_writer_append(w, &a.b);
	(void)godb_writer_commit(w, "eth0", T0, NULL);
	before = size_of(path, index);
	(void)godb_writer_append(w, &b.b);
	snprintf(cmd, sizeof(cmd), "cp -a %s/%s %s/kept", path, journal, root);
	if (system(cmd) != 0)
		abort();
	(void)godb_writer_commit(w, "eth0", T0 + 300, NULL);
	godb_writer_close(w);
	after = size_of(path, index);
	facts_add_batch(&first, &a.b);
	facts_add_batch(&all, &a.b);
	facts_add_batch(&all, &b.b);
	for (off_t len = before; len <= after; len++) {
		/* without its journal it is damage, but for nothing at all */
		folder_copy(path, copy);
		cut_file(copy, index, len);
		bad += !store_equals(copy, len == after ? &all : &first, &told);
		silent += (told == 0) != (len == before || len == after);
		/* with it, it is a commit that was not finished */
		snprintf(cmd, sizeof(cmd), "cp -a %s/kept %s/%s", root, copy,
		    journal);
		if (system(cmd) != 0)
			abort();
		bad += !store_equals(copy, &all, &told) || told;
		if (store_open(copy, &w) != 0) {
			bad++;
			continue;
		}
		bad_end += godb_writer_append(w, &b.b) != 1;
		bad_end += godb_writer_commit(w, "eth0", T0 + 300, NULL) !=
		    (len == after ? -ENOENT : 0);
		godb_writer_close(w);
		bad_end += !store_equals(copy, &all, &told) || told;
	}
	is_int(bad, 0, "index cut at each of %d bytes: right rows",
	    (int)(after - before));
	is_int(silent, 0, "cut without a journal is told");
	is_int(bad_end, 0, "with it, it is committed again, once");
	facts_free(&first);
	facts_free(&all);
}

/* ---- every byte of a store damaged --------------------------------------- */

static struct facts flip_want;
static size_t flips, flip_lies;

/* Wrong rows must come with a fault; right ones may. */
static void
flip_file(const char *file, off_t size)
{
	int fd = open(file, O_RDWR);

	for (off_t i = 0; i < size; i++) {
		uint8_t was, is;
		size_t told;
		bool same;

		if (pread(fd, &was, 1, i) != 1)
			abort();
		is = was ^ (uint8_t)(1u << (i % 8));
		if (pwrite(fd, &is, 1, i) != 1)
			abort();
		same = store_equals(copy, &flip_want, &told);
		if (!same && told == 0) {
			flip_lies++;
			diag("%s byte %d", file, (int)i);
		}
		flips++;
		if (pwrite(fd, &was, 1, i) != 1)
			abort();
	}
	close(fd);
}

static int
flip_one(const char *file, const struct stat *st, int type, struct FTW *at)
{
	(void)at;
	if (type == FTW_F && strstr(file, "goDB-writer.lock") == NULL)
		flip_file(file, st->st_size);
	return 0;
}

static void
test_flips(void)
{
	struct godb_writer *w;

	fresh();
	(void)store_open(path, &w);
	for (uint64_t i = 0; i < 6; i++) {
		int64_t slot = T0 + (int64_t)(i / 2) * 300;

		batch_make(&t, &seed, "eth0", slot, 1, i + 1, 20, 9);
		(void)godb_writer_append(w, &t.b);
		facts_add_batch(&flip_want, &t.b);
		if (i == 1 || i == 3)
			(void)godb_writer_commit(w, "eth0", slot, NULL);
	}
	/* a journal whose last record is not the one that is hit */
	batch_make(&t, &seed, "eth0", T0 + 600, 2, 1, 0, 0);
	memset(&t.b.counters, 0, sizeof(t.b.counters));
	(void)godb_writer_append(w, &t.b);
	godb_writer_close(w);
	folder_copy(path, copy);
	(void)nftw(copy, flip_one, 16, FTW_PHYS);
	is_int(flip_lies, 0, "%zu flipped bits: no wrong row without a word",
	    flips);
	facts_free(&flip_want);
}

/* A writer that finds damage goes on, keeps what is good, and says so. */
static void
test_damaged_start(void)
{
	static struct testbatch b[4];
	char journal[96];
	struct facts want = {0};
	struct godb_writer *w;
	struct godb_open_block block;
	struct view v;
	size_t told;
	int fd;

	fresh();
	(void)store_open(path, &w);
	for (uint64_t i = 0; i < 4; i++) {
		batch_make(&b[i], &seed, "eth0", i < 3 ? T0 : T0 + 300, 1,
		    i + 1, 3, 3);
		(void)godb_writer_append(w, &b[i].b);
		if (i != 1 && i != 3)
			facts_add_batch(&want, &b[i].b);
	}
	godb_writer_close(w);
	/* the second record of one journal, the header of the other */
	snprintf(journal, sizeof(journal), "%s/eth0/journal/%" PRId64 ".gpj",
	    path, T0);
	fd = open(journal, O_RDWR);
	ok(pwrite(fd, "x", 1, 1000) == 1,
	    "a record is hit");
	close(fd);
	snprintf(journal, sizeof(journal), "%s/eth0/journal/%" PRId64 ".gpj",
	    path, T0 + 300);
	fd = open(journal, O_RDWR);
	ok(pwrite(fd, "x", 1, 30) == 1, "a header is hit");
	close(fd);
	is_int(store_open(path, &w), 0, "the writer starts");
	ok(godb_writer_open_block(w, 0, &block) && block.n_batches == 2 &&
		(block.flags & GODB_PART_LOST),
	    "with the block that is left, marked");
	ok(!godb_writer_open_block(w, 1, &block), "and no other");
	ok(store_equals(path, &want, &told) && told == 2,
	    "a reader serves the rest and tells of both");
	is_int(godb_writer_append(w, &b[3].b), 0,
	    "the block whose journal is unreadable goes on");
	facts_add_batch(&want, &b[3].b);
	is_int(godb_writer_commit(w, "eth0", T0, NULL), 0, "commit");
	is_int(godb_writer_commit(w, "eth0", T0 + 300, NULL), 0, "commit");
	ok(store_equals(path, &want, &told) && told == 1,
	    "what was set aside is still told of");
	(void)view_open(path, &v);
	ok(strstr(godb_scan_fault(v.scan, 0)->place, ".gpj.damaged") != NULL,
	    "by name: %s", godb_scan_fault(v.scan, 0)->place);
	ok(godb_scan_part(v.scan, 0)->flags & GODB_PART_LOST,
	    "and the block keeps its mark");
	view_close(&v);
	godb_writer_close(w);
	facts_free(&want);
}

/* Nothing of a journal is left: it is kept for a person to look at. */
static void
test_damaged_whole(void)
{
	static struct testbatch b;
	char journal[96], aside[112];
	struct facts want = {0};
	struct godb_writer *w;
	size_t told;
	int fd;

	fresh();
	(void)store_open(path, &w);
	batch_make(&b, &seed, "eth0", T0, 1, 1, 3, 3);
	(void)godb_writer_append(w, &b.b);
	godb_writer_close(w);
	snprintf(journal, sizeof(journal), "%s/eth0/journal/%" PRId64 ".gpj",
	    path, T0);
	snprintf(aside, sizeof(aside), "%s.damaged", journal);
	fd = open(journal, O_RDWR);
	ok(pwrite(fd, "x", 1, 200) == 1, "the only record is hit");
	close(fd);
	is_int(store_open(path, &w), 0, "the writer starts");
	ok(access(aside, F_OK) == 0 && access(journal, F_OK) != 0,
	    "the journal is set aside");
	ok(store_equals(path, &want, &told) && told == 1,
	    "a reader has no row of it and tells of it");
	godb_writer_close(w);
	facts_free(&want);
}

/* A record that stands in a journal twice counts once. */
static void
test_journal_twice(void)
{
	static struct testbatch b;
	char journal[96], bytes[8192];
	struct facts want = {0};
	struct godb_writer *w;
	size_t told;
	ssize_t n;
	int fd;

	fresh();
	(void)store_open(path, &w);
	batch_make(&b, &seed, "eth0", T0, 1, 1, 3, 3);
	(void)godb_writer_append(w, &b.b);
	facts_add_batch(&want, &b.b);
	godb_writer_close(w);
	snprintf(journal, sizeof(journal), "%s/eth0/journal/%" PRId64 ".gpj",
	    path, T0);
	fd = open(journal, O_RDWR);
	n = pread(fd, bytes, sizeof(bytes), 64);
	ok(n > 0 && pwrite(fd, bytes, (size_t)n, 64 + n) == n,
	    "a record stands in its journal twice");
	close(fd);
	ok(store_equals(path, &want, &told) && told == 0,
	    "a reader counts it once");
	(void)store_open(path, &w);
	is_int(godb_writer_commit(w, "eth0", T0, NULL), 0, "commit");
	ok(store_equals(path, &want, &told) && told == 0, "and so a writer");
	godb_writer_close(w);
	facts_free(&want);
}

/* A record that is cut and has no journal is damage, whatever else is open that
 * day, and it may hide a block. */
static void
test_cut_beside_open(void)
{
	static struct testbatch b[3];
	const char *index = "eth0/2025-11-25/blocks.idx";
	struct facts want = {0};
	struct godb_writer *w;
	struct view v;
	size_t told;

	fresh();
	(void)store_open(path, &w);
	for (uint64_t i = 0; i < 3; i++) {
		batch_make(&b[i], &seed, "eth0", T0 + (int64_t)i * 300, 1,
		    i + 1, 3, 3);
		if (i != 1)
			facts_add_batch(&want, &b[i].b);
		(void)godb_writer_append(w, &b[i].b);
		if (i < 2)
			(void)godb_writer_commit(w, "eth0", b[i].b.slot_s,
			    NULL);
	}
	godb_writer_close(w);
	cut_file(path, index, size_of(path, index) - 8);
	(void)store_open(path, &w);
	is_int(godb_writer_has_blocks(w, "eth0", T0 + 900, T0 + 1200, NULL),
	    GODB_EDAMAGED, "a cut record may be any block");
	is_int(godb_writer_has_blocks(w, "eth0", T0, T0 + 300, NULL), 1,
	    "but those that are there are");
	is_int(godb_writer_commit(w, "eth0", T0 + 600, NULL), 0, "commit");
	ok(store_equals(path, &want, &told) && told == 2,
	    "whose rows are there, and damage is told of still");
	(void)view_open(path, &v);
	is_int(godb_scan_fault(v.scan, 0)->first_s, T0 + 300, "of the block");
	is_int(godb_scan_fault(v.scan, 1)->last_s, T0 + 86400,
	    "and of the day, for more may be lost");
	view_close(&v);
	is_int(godb_writer_has_blocks(w, "eth0", T0 + 900, T0 + 1200, NULL),
	    GODB_EDAMAGED, "which hides blocks still");
	batch_make(&b[1], &seed, "eth0", T0 + 600, 1, 9, 3, 3);
	facts_add_batch(&want, &b[1].b);
	(void)godb_writer_append(w, &b[1].b);
	(void)godb_writer_commit(w, "eth0", T0 + 600, NULL);
	ok(store_equals(path, &want, &told) && told == 2, "and so the next");
	godb_writer_close(w);
	facts_free(&want);
}

/* What has a journal's name and is no file is set aside; what a writer that
 * died had begun to write anew goes. */
static void
test_journal_odd(void)
{
	char odd[112], name[96];
	struct godb_writer *w;
	struct stat st;

	fresh();
	(void)store_open(path, &w);
	batch_make(&t, &seed, "eth0", T0, 1, 1, 3, 3);
	(void)godb_writer_append(w, &t.b);
	(void)godb_writer_commit(w, "eth0", T0, NULL);
	godb_writer_close(w);
	snprintf(name, sizeof(name), "%s/eth0/journal/%" PRId64 ".gpj", path,
	    T0);
	snprintf(odd, sizeof(odd), "%s.damaged", name);
	if (mkfifo(name, 0600) < 0)
		abort();
	snprintf(name, sizeof(name), "eth0/journal/%" PRId64 ".gpj.new", T0);
	store_put_text(path, name, "half of a journal");
	is_int(store_open(path, &w), 0, "a pipe with a journal's name");
	ok(stat(odd, &st) == 0 && S_ISFIFO(st.st_mode), "is set aside");
	is_int(size_of(path, name), -1, "half of a new journal is removed");
	godb_writer_close(w);
}

/* A day whose index is gone may get a copy of it back: what it names is still
 * there, whatever was stored meanwhile. */
static void
test_index_back(void)
{
	struct testbatch b;
	char index[96], aside[96];
	struct facts want = {0};
	struct godb_writer *w;
	size_t told;

	fresh();
	snprintf(index, sizeof(index), "%s/eth0/2025-11-25/blocks.idx", path);
	snprintf(aside, sizeof(aside), "%s/aside", root);
	for (uint64_t i = 0; i < 2; i++) {
		(void)store_open(path, &w);
		batch_make(&b, &seed, "eth0", T0 + (int64_t)i * 300, 1, i + 1,
		    40, 40);
		(void)godb_writer_append(w, &b.b);
		if (i == 0)
			facts_add_batch(&want, &b.b);
		is_int(godb_writer_commit(w, "eth0", b.b.slot_s, NULL), 0,
		    "commit");
		godb_writer_close(w);
		ok(i > 0 || rename(index, aside) == 0, "the index is gone");
	}
	ok(rename(aside, index) == 0 && store_equals(path, &want, &told) &&
		told == 0,
	    "with the index put back all that it names is there");
	facts_free(&want);
}

int
main(void)
{
	seed = tap_seed(20251125);
	if (!folder_temporary(root, sizeof(root)))
		return 1;
	snprintf(path, sizeof(path), "%s/store", root);
	snprintf(copy, sizeof(copy), "%s/copy", root);
	test_journal_cuts();
	test_index_cuts();
	test_flips();
	test_damaged_start();
	test_damaged_whole();
	test_journal_twice();
	test_journal_odd();
	test_cut_beside_open();
	test_index_back();
	folder_remove(root);
	return tap_done();
}
