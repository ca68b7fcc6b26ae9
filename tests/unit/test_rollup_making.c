/* Which roll-ups a writer makes, when, and what of them is counted. */
#include "tests/lib/rollupstore.h"

#include <sys/wait.h>

static void
test_due(void)
{
	struct godb_writer *w;
	struct godb_upkeep_report r;
	struct godb_result_stats stats;

	folder_remove(path);
	store_open(path, &w);
	is_int(upkeep(w, T0), 0, "an empty store has nothing due");
	for (int64_t s = T0; s < T0 + HOUR; s += 300)
		add(w, "eth0", s);
	(void)upkeep(w, T0 + HOUR + 600);
	is_int((int64_t)size_of("eth0/2025-11-25", "rollups.idx"), 0,
	    "an hour is not over with its last block");
	make_batch("eth0", T0 + 1800, 50, 5);
	is_int(godb_writer_append(w, &t.b), 0, "a late batch");
	(void)upkeep(w, T0 + HOUR + 901);
	is_int((int64_t)size_of("eth0/2025-11-25", "rollups.idx"), 0,
	    "nor while a block of it is open");
	is_int(godb_writer_commit(w, "eth0", T0 + 1800, NULL), 0, "is written");
	add(w, "eth0", T0 + HOUR);
	(void)upkeep(w, T0 + HOUR + 301);
	(void)ask("sip", "", 0, INT64_MAX, 0, 0, &stats);
	is_int((int64_t)stats.rollups, 1, "over with the next hour's block");
	is_int((int64_t)stats.parts_rolled, 13, "with the late record");
	godb_writer_upkeep_report(w, &r);
	(void)upkeep(w, T0 + HOUR + 302);
	is_int((int64_t)r.changed, 1, "once");
	for (int64_t s = T0 + HOUR + 300; s < T0 + DAY; s += 300)
		add(w, "eth0", s);
	(void)upkeep(w, T0 + DAY + 1000);
	(void)ask("sip", "", 0, INT64_MAX, 0, 0, &stats);
	is_int((int64_t)stats.rollups, 1, "the day");
	is_int((int64_t)stats.parts_rolled, 289, "all of it");
	(void)ask("sip", "", T0 + HOUR, T0 + DAY, 0, 0, &stats);
	is_int((int64_t)stats.rollups, 23, "and its hours");
	godb_writer_close(w);
	store_open(path, &w);
	(void)upkeep(w, T0 + DAY + 1000);
	godb_writer_upkeep_report(w, &r);
	ok(r.days == 1 && r.changed == 0, "a writer that starts looks, and "
	    "finds all in place");
	godb_writer_close(w);
}

static void
put_distinct(size_t n, int64_t slot_s)
{
	batch_make(&t, &seed, "eth0", slot_s, 1, ++seq, n, 0);
	for (size_t i = 0; i < n; i++) {
		uint64_t any = tap_random(&seed);

		memcpy(t.rows4[i].sip, &any, 4);
		memcpy(t.rows4[i].dip, (uint8_t *)&any + 4, 4);
		t.rows4[i].dport = (uint16_t)tap_random(&seed);
	}
}

/* Of the day's roll-ups, those refused too: how many have not the counters
 * and flags of the blocks in their span. */
static size_t
not_summed(int64_t day_s)
{
	struct godb_scan_opts opts = GODB_SCAN_OPTS_INIT;
	struct gdi_rollups have;
	struct godb_reader *r;
	struct godb_scan *s;
	char day[96];
	size_t bad = 0;
	int fd;

	snprintf(day, sizeof(day), "%s/eth0/2025-11-25", path);
	fd = open(day, O_RDONLY | O_DIRECTORY);
	opts.first_s = day_s;
	opts.last_s = day_s + DAY;
	if (fd < 0 || gdi_rollups_read(fd, day_s, &have, NULL) < 0 ||
	    godb_reader_open(path, &r) < 0 || godb_scan_open(r, &opts, &s) < 0)
		abort();
	for (size_t i = 0; i < have.n; i++) {
		const struct gdi_record *rolled = have.list[i].record;
		struct godb_counters sum = {0};
		uint32_t flags = 0;

		for (size_t k = 0; k < godb_scan_n_parts(s); k++) {
			const struct godb_part *p = godb_scan_part(s, k);

			if (strcmp(p->iface, "eth0") != 0 ||
			    p->slot_s < rolled->slot_s ||
			    p->slot_s >= rolled->slot_s + have.list[i].span_s)
				continue;
			gdi_sum_counters(&sum, &p->counters);
			flags |= p->flags;
		}
		bad += memcmp(&sum, &rolled->counters, sizeof(sum)) != 0 ||
		    flags != rolled->flags;
	}
	bad += have.n == 0 ? 1 : 0;
	gdi_rollups_free(&have);
	godb_scan_close(s);
	godb_reader_close(r);
	close(fd);
	return bad;
}

/* Whether a day of so many records of so many rows, with one that has none, is
 * kept as its rows, by a writer whose blocks have at most so many, 0: that does
 * not sort days; step_s: from one to the next. */
#define MANY GODB_BLOCK_ROWS
static bool
keeps_rows(unsigned blocks, unsigned rows, int64_t step_s, uint32_t block_rows)
{
	struct godb_writer_opts opts = GODB_WRITER_OPTS_INIT;
	struct godb_result_stats stats;
	struct godb_writer *w;
	struct godb_diag d;

	folder_remove(path);
	store_open(path, &w);
	add_quiet(w, "eth0", T0);
	for (unsigned b = 1; b <= blocks; b++) {
		for (unsigned left = rows, n; left > 0; left -= n) {
			n = left < BATCH_ROWS ? left : BATCH_ROWS;
			put_distinct(n, T0 + b * step_s);
			if (godb_writer_append(w, &t.b) != 0)
				abort();
		}
		if (godb_writer_commit(w, "eth0", T0 + b * step_s, NULL) != 0)
			abort();
	}
	godb_writer_close(w);
	opts.sorted_days = block_rows > 0;
	if (block_rows)
		opts.block_rows = block_rows;
	if (godb_writer_open(open(path, O_RDONLY | O_DIRECTORY), &opts, &w,
		&d) < 0)
		abort();
	is_int(upkeep(w, NOW), 0, "%u records of %u rows", blocks, rows);
	godb_writer_close(w);
	if (!ask("sip", "bytes > 5", 0, INT64_MAX, 0, 0, &stats))
		abort();
	is_int((int64_t)stats.rollups,
	    size_of("eth0/2025-11-25", "rollups.gpf") > 0,
	    "  what is kept is used");
	return stats.rollups == 1;
}

/* Each column has a chunk of 16384 rows and one of the rest. */
static bool
has_two_chunks(void)
{
	struct gdi_record *r;
	struct gdi_index x;
	char day[96];
	uint64_t bytes = 0;
	unsigned chunks = 0;
	int fd;

	snprintf(day, sizeof(day), "%s/eth0/2025-11-25", path);
	fd = open(day, O_RDONLY | O_DIRECTORY);
	if (fd < 0 || gdi_index_read_as(fd, "rollups.idx", gdi_rollup_magic,
			  T0, &x) < 0)
		abort();
	for (r = x.records; r->n4 == 0; r++) /* what was refused */
		;
	r->chunk_rows = 16384;
	for (int c = 0; c < GODB_N_COLUMNS; c++) {
		struct gdi_extent e;
		struct gdi_chunk k;

		if (gdi_extent_open(r, (enum godb_column)c, &e) < 0)
			abort();
		for (; gdi_extent_next(&e, &k) == 1; chunks++)
			bytes += k.stored;
		if (e.in.p != e.in.end)
			bytes = UINT64_MAX;
	}
	bytes = r->stored_bytes - bytes;
	gdi_index_free(&x);
	close(fd);
	return bytes == 0 && chunks == 2 * GODB_N_COLUMNS;
}

static void
test_rows_kept(void)
{
	struct godb_upkeep_report r;
	struct godb_writer *w;

	ok(!keeps_rows(16, 512, 1800, 0), "  are not to be sorted");
	ok(keeps_rows(4, 16, 1800, 0), "  are so few that all are kept");
	ok(keeps_rows(2, 1, 1800, 0), "  are, however few");
	ok(!keeps_rows(1, 1, 1800, 0), "  are one, which stands for itself");
	ok(!keeps_rows(8, 17, 1800, 0), "  are more than the few of a block");
	ok(keeps_rows(4, 16, 1800, MANY), "  are few, and to be sorted");
	ok(keeps_rows(16, 512, 1800, MANY), "  are kept as rows");
	ok(keeps_rows(40, 500, 1800, MANY), "  are, too");
	ok(has_two_chunks(), "  in two chunks");
	ok(!keeps_rows(16, 511, 1800, MANY), "  are too few");
	ok(!keeps_rows(20, 513, 1800, MANY), "  are large");
	ok(!keeps_rows(20, 512, 0, MANY), "  are of one hour");
	ok(!keeps_rows(20, 512, 1800, 10239), "  are more than may be held");
	store_open_as(path, true, &w);
	(void)upkeep(w, NOW);
	godb_writer_upkeep_report(w, &r);
	is_int((int64_t)r.changed, 0, "  and are not tried again");
	godb_writer_close(w);
	store_open_as(path, true, &w);
	godb_writer_rebuild(w);
	(void)upkeep(w, NOW);
	godb_writer_close(w);
	ok(size_of("eth0/2025-11-25", "rollups.gpf") > 0,
	    "  unless it is all made anew");
	store_open(path, &w);
	(void)upkeep(w, NOW);
	ok(size_of("eth0/2025-11-25", "rollups.gpf") > 0,
	    "  a writer that does not sort days leaves them there");
	godb_writer_close(w);
	store_open(path, &w);
	godb_writer_rebuild(w);
	(void)upkeep(w, NOW);
	godb_writer_close(w);
	is_int((int64_t)size_of("eth0/2025-11-25", "rollups.gpf"), 0,
	    "  but makes none anew");
}

/* What saves little, or takes much memory, stays with its blocks. */
static void
test_refused(void)
{
	struct godb_writer_opts opts = GODB_WRITER_OPTS_INIT;
	struct godb_upkeep_report r;
	struct godb_result_stats stats;
	struct godb_writer *w;
	struct godb_diag d;

	folder_remove(path);
	store_open(path, &w);
	for (int64_t s = T0; s < T0 + DAY; s += 300) {
		put_distinct(20, s);
		add_batch(w, "eth0", s);
	}
	is_int(upkeep(w, NOW), 0, "rows that never come again");
	ok(size_of("eth0/2025-11-25", "rollups.idx") > 0 &&
		size_of("eth0/2025-11-25", "rollups.gpf") == 0,
	    "are not stored twice");
	is_int(ask("sip", "", 0, INT64_MAX, 0, 0, &stats), true, "answered");
	is_int((int64_t)stats.rollups, 0, "from blocks");
	godb_writer_close(w);
	store_open(path, &w);
	(void)upkeep(w, NOW);
	godb_writer_upkeep_report(w, &r);
	is_int((int64_t)r.changed, 0, "and that is not found out again");
	godb_writer_close(w);
	lie(T0, 3, 0, 3, 1); /* behind two bytes of 288 */
	store_open(path, &w);
	(void)upkeep(w, NOW);
	godb_writer_upkeep_report(w, &r);
	is_int((int64_t)r.changed, 1, "unless it was found of others");
	godb_writer_close(w);

	folder_remove(path);
	store_open(path, &w);
	for (int64_t s = T0; s < T0 + 2 * HOUR; s += 300) {
		if (s < T0 + HOUR) {
			put_distinct(20, s);
			t.b.flags |= GODB_PART_OFFLINE;
			add_batch(w, "eth0", s);
		} else {
			add(w, "eth0", s);
		}
	}
	is_int(upkeep(w, NOW), 0, "an hour that is refused");
	(void)ask("sip", "", T0 + HOUR, T0 + 2 * HOUR, 0, 0, &stats);
	is_int((int64_t)stats.rollups, 1, "and one that is stored behind it");
	is_int((int64_t)not_summed(T0), 0, "have counters of their own");
	godb_writer_close(w);

	make_store(0);
	opts.block_rows = 25;
	if (godb_writer_open(open(path, O_RDONLY | O_DIRECTORY), &opts, &w,
		&d) < 0)
		abort();
	is_int(upkeep(w, NOW), 0, "a day of too many rows");
	(void)ask("sip", "", 0, INT64_MAX, 0, 0, &stats);
	is_int((int64_t)stats.rollups, 0, "has no roll-up");
	godb_writer_rebuild(w);
	is_int(upkeep(w, NOW), 0, "nor later");
	godb_writer_close(w);
	store_open(path, &w);
	godb_writer_rebuild(w);
	is_int(upkeep(w, NOW), 0, "with more memory");
	godb_writer_close(w);
	(void)ask("sip", "", 0, INT64_MAX, 0, 0, &stats);
	ok(stats.rollups > 0, "it has when made anew");
	test_random("made anew", 20, 3);
}

/* A start looks at the newest days, a rebuild at all, asked for at any time. */
static void
test_which_days(void)
{
	struct godb_upkeep_report r;
	struct godb_writer *w;

	folder_remove(path);
	store_open(path, &w);
	for (int64_t day = 0; day < 5; day++)
		add(w, "eth0", T0 + day * DAY);
	godb_writer_close(w);
	store_open(path, &w);
	(void)upkeep(w, NOW);
	godb_writer_upkeep_report(w, &r);
	is_int((int64_t)r.days, 3, "a start looks at three days");
	godb_writer_rebuild(w);
	(void)upkeep(w, NOW + HOUR);
	godb_writer_upkeep_report(w, &r);
	is_int((int64_t)r.days, 3 + 5, "a rebuild at all five");
	godb_writer_close(w);
}

/* ---- sizes --------------------------------------------------------------- */

static uint64_t day_bytes;

static int
add_size(const char *name, const struct stat *st, int type, struct FTW *at)
{
	if (type == FTW_F && strstr(name, "/2025-11-") && at->level == 3)
		day_bytes += (uint64_t)st->st_size;
	return 0;
}

static uint64_t
retain(struct godb_writer *w, bool interrupted)
{
	struct godb_retain_opts opts = GODB_RETAIN_OPTS_INIT;
	struct godb_retain_report report;
	struct godb_retain *r;

	opts.now_s = NOW;
	if (godb_retain_new(w, &opts, &r) < 0)
		abort();
	for (int i = 0; godb_retain_step(r, 1) == 1; i++)
		if (interrupted && i == 3)
			(void)upkeep(w, NOW);
	godb_retain_report(r, &report);
	godb_retain_free(r);
	return report.store_bytes;
}

static uint64_t
listed_bytes(void)
{
	struct godb_reader *r;
	struct godb_list *l;
	uint64_t bytes;

	if (godb_reader_open(path, &r) < 0 || godb_list_new(r, NULL, &l) < 0)
		abort();
	bytes = godb_list_get(l, 0)->disk_bytes;
	godb_list_free(l);
	godb_reader_close(r);
	return bytes;
}

/* A writer that dies right behind a rename has told nobody of the file. */
static void
test_death(const char *file)
{
	const char *day = "eth0/2025-11-25";
	struct godb_writer *w;
	uint64_t before, made;
	int status;

	folder_remove(path);
	store_open(path, &w);
	for (int64_t s = T0; s < T0 + DAY; s += 300)
		add(w, "eth0", s);
	(void)retain(w, false);
	godb_writer_close(w);
	before = listed_bytes();
	if (fork() == 0) {
		store_open(path, &w);
		while (size_of(day, file) == 0 &&
		    godb_writer_upkeep(w, NOW) > 0)
			;
		_exit(0);
	}
	(void)wait(&status);
	made = size_of(day, "rollups.idx") + size_of(day, "rollups.gpf") +
	    size_of(day, "addresses.idx");
	ok(made > 0 && listed_bytes() == before + made,
	    "a death behind %s: %llu bytes listed, expected %llu", file,
	    (unsigned long long)listed_bytes(),
	    (unsigned long long)(before + made));
}

/* Sizes are counted with what was written last. */
static void
test_sizes(void)
{
	struct godb_writer *w;
	uint64_t before, after;

	for (int interrupted = 0; interrupted < 2; interrupted++) {
		make_store(0);
		store_open(path, &w);
		before = retain(w, interrupted);
		if (!interrupted)
			(void)upkeep(w, NOW);
		after = retain(w, false);
		godb_writer_close(w);
		day_bytes = 0;
		(void)nftw(path, add_size, 16, FTW_PHYS);
		ok(after > before && after == day_bytes,
		    "%llu bytes, with roll-ups written %s a round %llu of %llu",
		    (unsigned long long)before,
		    interrupted ? "during" : "after",
		    (unsigned long long)after, (unsigned long long)day_bytes);
	}
}

int
main(void)
{
	if (!begin(20251126))
		return 1;
	test_due();
	test_rows_kept();
	test_refused();
	test_which_days();
	test_death("rollups.idx");
	test_death("addresses.idx");
	test_sizes();
	folder_remove(root);
	return tap_done();
}
