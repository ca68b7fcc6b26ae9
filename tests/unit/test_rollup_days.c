/* Whole days that a roll-up stands for in a scan that is opened for a question:
 * when one does, and that nothing of an answer depends on it. */
#include "tests/lib/rollupstore.h"

/* Where in rollups.gpf eth0's first day of a kind begins. */
static size_t
begin_of(enum gdi_rollup_kind kind)
{
	const struct gdi_rollup *r;
	struct gdi_rollups all;
	struct gdi_extent e;
	char day[160];
	size_t at;
	int fd;

	snprintf(day, sizeof(day), "%s/eth0/2025-11-25", path);
	fd = open(day, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || gdi_rollups_read(fd, T0, &all, NULL) < 0)
		abort();
	r = gdi_rollups_find(&all, T0, DAY, kind);
	if (r == NULL || gdi_extent_open(r->record, GODB_SIP, &e) < 0)
		abort();
	at = (size_t)e.offset;
	gdi_rollups_free(&all);
	close(fd);
	return at;
}

/* Where a scan has a day in the place of its blocks, these are found when it
 * turns out not to hold. */
static void
test_damaged_days(void)
{
	static const char *const asked[] = {"sip,dip,dport", "sip", "dip",
	    "proto", "sip,dip,dport,proto,l7proto"};
	struct godb_result_stats stats;
	size_t first, rows, size;
	unsigned wrong = 0;

	make_store(NOW);
	first = begin_of(GDI_ROLLUP_FLOWS);
	rows = begin_of(GDI_ROLLUP_APART);
	size = size_of("eth0/2025-11-25", "rollups.gpf");
	for (int apart = 0; apart < 2; apart++) {
		unsigned unread = 0, held = 0;
		size_t end = apart ? size : rows, at = apart ? rows : first;

		for (size_t step = (end - at) / 20; at < end; at += step) {
			flip("rollups.gpf", at);
			for (unsigned k = 0; k < 5; k++) {
				/* eth0's rows, one by one */
				bool few = k == 4;

				wrong += !ask(asked[k], few ? "bytes > 5" : "",
				    T0, T0 + DAY, 0, 0, &stats);
				if (stats.rollups_unreadable == 0)
					continue;
				unread++;
				held += few == apart &&
				    rolled_days == (few ? 1 : 2);
			}
			flip("rollups.gpf", at);
		}
		ok(unread > 4 && held == unread, "of %u damaged days%s the "
		    "blocks were read", unread, apart ? "' rows" : "");
	}
	is_int(wrong, 0, "every answer is right");
}

/* Files of a day that were put back from another time. */
static void
test_put_back(void)
{
	static const char *const files[] = {"rollups.*",
	    "blocks.idx addresses.idx"};

	char day[160], kept[160];

	snprintf(day, sizeof(day), "%s/eth0/2025-11-25", path);
	snprintf(kept, sizeof(kept), "%s/kept", root);
	for (int i = 0; i < 2; i++) {
		struct godb_result_stats stats;
		struct godb_writer *w;

		make_store(NOW);
		copy_files(files[i], day, kept);
		store_open(path, &w);
		add(w, "eth0", T0 + DAY - 300);
		(void)upkeep(w, NOW + DAY);
		godb_writer_rebuild(w);
		(void)upkeep(w, NOW + DAY);
		godb_writer_close(w);
		(void)ask("sip", "", T0, T0 + DAY, 0, 0, &stats);
		is_int((int64_t)rolled_days, 2, "a day with one more record");
		copy_files(files[i], kept, day);
		is_int(ask("sip", "", T0, T0 + DAY, 0, 0, &stats), true,
		    "and with its earlier %s", files[i]);
		is_int((int64_t)rolled_days, 1, "is taken stock of");
	}
}

/* A journal that its writer could not remove any more is of no more rows. */
static void
test_left_journal(void)
{
	struct godb_result_stats stats;
	struct godb_writer *w;

	make_store(0);
	store_open(path, &w);
	add_and_keep_journal(w, T0 + 7 * HOUR);
	(void)upkeep(w, NOW);
	godb_writer_close(w);
	is_int(ask("sip", "", T0, T0 + DAY, 0, 0, &stats), true,
	    "a day with two records of a block");
	is_int((int64_t)rolled_days, 2, "is known by its roll-up");
	put_journal_back();
	is_int(ask("sip", "", T0, T0 + DAY, 0, 0, &stats), true,
	    "and with its journal there still");
	is_int((int64_t)rolled_days, 1, "it is taken stock of");
}

/* A journal of a slot before a day's first block is no part that a roll-up can
 * be like; nor is it where there is no block any more. */
static void
test_check_journal_first(void)
{
	struct godb_check_report report;
	struct godb_writer *w;
	char index[160];

	folder_remove(path);
	if (store_open(path, &w) < 0)
		abort();
	for (int64_t slot_s = T0 + HOUR; slot_s < T0 + 9 * HOUR; slot_s += 300)
		add(w, "eth0", slot_s);
	(void)upkeep(w, NOW);
	make_batch("eth0", T0, 40, 40);
	if (godb_writer_append(w, &t.b) != 0)
		abort();
	godb_writer_close(w);
	is_int((int64_t)faults_of(path, &report), 0,
	    "roll-ups behind an open block are no damage");
	ok(report.rollups > 0, "and are read: %d", (int)report.rollups);
	is_int((int64_t)report.batches, 1, "and so is the open block");
	snprintf(index, sizeof(index), "%s/eth0/2025-11-25/blocks.idx", path);
	if (truncate(index, GDI_HEADER_BYTES) < 0)
		abort();
	snprintf(index, sizeof(index), "%s/eth0/2025-11-25/addresses.idx",
	    path);
	(void)unlink(index);
	is_int((int64_t)faults_of(path, &report), 0,
	    "nor without a block that they are of");
}

/* A day that retention removes, or somebody damages, between a scan and its
 * question. */
static void
test_gone(bool damaged)
{
	struct godb_scan_opts scan = GODB_SCAN_OPTS_INIT;
	struct godb_query_opts opts = GODB_QUERY_OPTS_INIT;
	struct godb_result *r = NULL;
	struct godb_reader *reader;
	const struct godb_fault *f;
	struct godb_scan *s;
	struct godb_diag d;
	char from[160], to[160];

	make_store(NOW);
	scan.question = &opts;
	if (godb_keys_parse("sip", &opts.keys, &d) < 0 ||
	    godb_reader_open(path, &reader) < 0 ||
	    godb_scan_open(reader, &scan, &s) < 0)
		abort();
	snprintf(from, sizeof(from), "%s/eth0/2025-11-26", path);
	snprintf(to, sizeof(to), "%s/gone", root);
	if (!damaged && rename(from, to) < 0)
		abort();
	if (damaged) {
		store_flip(path, "eth0/2025-11-26/blocks.idx", 64 + 90);
		snprintf(from, sizeof(from), "%s/eth0/2025-11-26/rollups.gpf",
		    path);
		(void)unlink(from);
	}
	is_int(godb_query_run(s, &opts, &r), 0, "a day %s meanwhile",
	    damaged ? "is damaged" : "goes");
	is_int((int64_t)godb_result_n_faults(r), 1, "and is missed");
	f = godb_result_fault(r, 0);
	ok(f && f->rc == (damaged ? GODB_EDAMAGED : GODB_EGONE) &&
		f->first_s == T0 + DAY && strcmp(f->iface, "eth0") == 0 &&
		f->last_s == T0 + DAY + (damaged ? 300 : DAY),
	    "by name and time");
	is_str(f ? f->place : "", damaged ? "eth0/2025-11-26/blocks.idx at 64" :
					    "eth0/2025-11-26", "and place");
	godb_result_free(r);
	godb_scan_close(s);
	godb_reader_close(reader);
}

/* Blocks of capture files among others: what covers which time only their
 * index tells. */
static void
test_mixed(void)
{
	struct godb_result_stats stats;
	struct godb_writer *w;

	folder_remove(path);
	store_open(path, &w);
	for (int64_t s = T0; s < T0 + DAY; s += 300) {
		make_batch("eth0", s, 60, 20);
		t.b.flags = s % 1500 == 0 ? GODB_PART_OFFLINE : 0;
		add_batch(w, "eth0", s);
	}
	(void)upkeep(w, NOW);
	godb_writer_close(w);
	is_int(ask("sip", "", T0, T0 + DAY, 0, 0, &stats), true,
	    "a day of which some is from files");
	ok(stats.rollups == 1 && rolled_days == 0,
	    "has a roll-up, and is taken stock of");
}

/* A day's roll-up that sums another record. */
static void
test_other_record(void)
{
	struct godb_result_stats stats;
	uint64_t rows;

	make_store(NOW);
	(void)ask("sip", "", T0, T0 + DAY, 0, 0, &stats);
	ok(stats.rollups == 2 && rolled_days == 2, "two days by sip");
	rows = stats.rows;
	/* behind two bytes of how many */
	lie(T0, 3, 5 + GDI_ROLLUP_SIP, 3, 1);
	is_int(ask("sip", "", T0, T0 + DAY, 0, 0, &stats), true,
	    "one of them sums a record that is not there");
	ok(stats.rollups == 2 && rolled_days == 1 && stats.rows > rows,
	    "that day's flows are asked");
}

/* Stock that is taken again is of the same interfaces and the same time, and
 * with journals or without. */
static void
test_same_stock(void)
{
	static const char *const eth0[] = {"eth0", NULL};
	struct godb_query_opts blocks = GODB_QUERY_OPTS_INIT, question;
	struct godb_scan_opts scan = GODB_SCAN_OPTS_INIT;
	struct godb_scan *s, *own;
	struct godb_reader *reader;
	struct godb_writer *w;
	struct godb_rolled rolled;
	struct godb_spared spared;
	struct godb_diag d;

	make_store(NOW);
	store_open(path, &w);
	make_batch("eth0", T0 + 2 * DAY + 7 * HOUR, 40, 40);
	if (godb_writer_append(w, &t.b) != 0)
		abort();
	godb_writer_close(w);
	if (godb_reader_open(path, &reader) < 0 ||
	    godb_keys_parse("sip", &blocks.keys, &d) < 0)
		abort();
	question = blocks;
	blocks.no_rollups = true;
	for (int i = 0; i < 8; i++) {
		struct godb_result *a = NULL, *b = NULL;

		scan.ifaces = i & 1 ? eth0 : NULL;
		scan.no_live = i & 2;
		scan.first_s = i & 4 ? T0 + DAY : 0;
		scan.question = NULL;
		if (godb_scan_open(reader, &scan, &s) < 0)
			abort();
		scan.question = &question;
		if (godb_scan_open(reader, &scan, &own) < 0)
			abort();
		godb_scan_rolled(own, 0, &rolled);
		godb_scan_spared(own, 0, &spared);
		ok(rolled.days > 0 && spared.days == 0 && godb_query_run(s, &blocks, &a) == 0 &&
			godb_query_run(own, &blocks, &b) == 0 &&
			result_equals(a, b),
		    "another question: %s, %s journals, from %s",
		    i & 1 ? "eth0" : "all", i & 2 ? "no" : "and",
		    i & 4 ? "the second day" : "the beginning");
		godb_result_free(a);
		godb_result_free(b);
		godb_scan_close(own);
		godb_scan_close(s);
	}
	scan.no_index = true;
	if (godb_scan_open(reader, &scan, &s) < 0)
		abort();
	godb_scan_rolled(s, 0, &rolled);
	is_int((int64_t)rolled.days, 0, "without address indexes there is none");
	godb_scan_close(s);
	godb_reader_close(reader);
}

/* Days of one interface, of so many rows in each block: of two hosts on the
 * first day, of one of them on the second. */
static void
make_quiet_store(size_t rows)
{
	struct godb_writer *w;

	folder_remove(path);
	store_open(path, &w);
	for (int64_t s = T0; s < T0 + 2 * DAY; s += 300) {
		make_batch("eth0", s, rows, 1);
		for (size_t i = 0; i < rows; i++) {
			memcpy(t.rows4[i].sip, (uint8_t[]){10, 1, 0,
			    i % 2 && s < T0 + DAY ? 7 : 3}, 4);
			t.rows4[i].dport = (uint16_t)(440 + i);
		}
		add_batch(w, "eth0", s);
	}
	(void)upkeep(w, NOW);
	godb_writer_close(w);
}

/* A question for a host reads the day as one piece where its blocks have few
 * rows, what its address index left of it otherwise, and of a day that has
 * none of it nothing. */
static void
test_host_of_quiet_days(void)
{
	static const struct {
		size_t rows;
		const char *cond;
		uint64_t rolled, spared;
	} cases[] = {
	    {3, "host = 10.1.0.3", 2, 0}, {3, "host = 10.1.0.7", 1, 1},
	    {3, "host = 10.1.0.9", 0, 2}, {3, "net 10.1.0.0/24", 2, 0},
	    {3, "host = 10.1.0.7 and dport = 443", 1, 1},
	    {3, "host = 10.1.0.7 and bytes > 100", 1, 1},
	    {15, "host = 10.1.0.7", 1, 1}, {16, "host = 10.1.0.7", 0, 1},
	};
	size_t made = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct godb_query_opts o = GODB_QUERY_OPTS_INIT;
		struct godb_scan_opts scan = GODB_SCAN_OPTS_INIT;
		struct godb_result *want, *got, *blocks;
		struct godb_scan *all, *own;
		struct godb_reader *r;
		struct godb_rolled rolled;
		struct godb_spared spared;
		struct godb_cond *c;
		struct godb_diag d;

		if (cases[i].rows != made)
			make_quiet_store(made = cases[i].rows);
		if (godb_reader_open(path, &r) < 0 ||
		    godb_keys_parse("dip,dport", &o.keys, &d) < 0 ||
		    godb_cond_parse(cases[i].cond, NULL, &c, &d) < 0 ||
		    godb_scan_open(r, &scan, &all) < 0)
			abort();
		o.cond = scan.cond = c;
		scan.question = &o;
		if (godb_scan_open(r, &scan, &own) < 0 ||
		    godb_query_run(own, &o, &got) < 0)
			abort();
		o.no_rollups = true;
		if (godb_query_run(all, &o, &want) < 0 ||
		    godb_query_run(own, &o, &blocks) < 0)
			abort();
		godb_scan_rolled(own, 0, &rolled);
		godb_scan_spared(own, 0, &spared);
		ok(result_equals(want, got) && result_equals(want, blocks) &&
			rolled.days == cases[i].rolled &&
			spared.days == cases[i].spared,
		    "%s of %zu rows a block: %" PRIu64 " days in one piece, %"
		    PRIu64 " spared", cases[i].cond, made + 1, rolled.days,
		    spared.days);
		godb_result_free(blocks);
		godb_result_free(got);
		godb_result_free(want);
		godb_scan_close(own);
		godb_scan_close(all);
		godb_cond_free(c);
		godb_reader_close(r);
	}
}

/* A day without rows is not taken stock of, whatever is asked, and what its
 * blocks cover and lack is told all the same. */
static void
make_empty_days(bool mixed)
{
	struct godb_writer *w;

	folder_remove(path);
	store_open(path, &w);
	for (int64_t s = T0; s < T0 + 3 * DAY; s += 300) {
		size_t rows = s >= T0 + DAY && s < T0 + 2 * DAY ? 40 : 0;

		if (s == T0 + 900)
			continue; /* a gap */
		make_batch("eth0", s, rows, 0);
		t.b.last_ns = (s + 300) * INT64_C(1000000000);
		if (mixed && s % 1500 == 0)
			t.b.flags = GODB_PART_OFFLINE;
		add_batch(w, "eth0", s);
	}
	(void)upkeep(w, NOW);
	godb_writer_close(w);
}

static void
test_empty_days(void)
{
	static const char *const asked[] = {"sip", "time", "proto", "raw",
	    "iface", "time,dport"};
	struct godb_result_stats stats;
	char index[160];

	make_empty_days(false);
	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
		const char *what = asked[i];
		bool same = ask(what, i % 2 ? "" : "packets > 1", T0,
		    T0 + 3 * DAY, 0, 0, &stats);

		ok(same && rolled_days >= 2 && stats.parts > 800,
		    "%s, with two days of no rows: %" PRIu64 " not read", what,
		    rolled_days);
	}
	is_int(ask("sip", "", T0 + 300, T0 + 3 * DAY - 300, 0, 0, &stats), true,
	    "parts of these days");
	is_int((int64_t)rolled_days, 1, "  are read");
	snprintf(index, sizeof(index), "eth0/2025-11-25/blocks.idx");
	store_poke(path, index, 300, 1);
	is_int(ask("time", "", T0, T0 + 3 * DAY, 0, 0, &stats), true,
	    "one whose index is damaged");
	is_int((int64_t)rolled_days, 1, "  is read");
	make_empty_days(true);
	is_int(ask("time", "", T0, T0 + 3 * DAY, 0, 0, &stats), true,
	    "some of whose blocks are from files");
	is_int((int64_t)rolled_days, 0, "  are read");
}

/* Stock that is taken again has what the days leave of the bound; and journals
 * are kept, too. */
static void
test_bound_again(struct godb_reader *reader, struct godb_scan_opts *scan,
    const struct godb_query_opts *question, const size_t kept[2])
{
	struct godb_result *r;
	struct godb_writer *w;
	struct godb_scan *s;

	store_poke(path, "eth0/2025-11-25/rollups.gpf",
	    (off_t)begin_of(GDI_ROLLUP_SIP), 1);
	for (int i = 0; i < 2; i++) {
		scan->mem_bytes = kept[0] + (i ? kept[1] : 0);
		if (godb_scan_open(reader, scan, &s) < 0)
			abort();
		r = NULL;
		is_int(godb_query_run(s, question, &r), i ? 0 : GODB_EMEMORY,
		    "a damaged roll-up, and room for blocks%s",
		    i ? " beside the days" : "");
		godb_result_free(r);
		godb_scan_close(s);
	}
	store_open(path, &w);
	for (int i = 0; i < 200; i++) {
		make_batch("eth0", T0 + DAY + 7 * HOUR, 40, 40);
		if (godb_writer_append(w, &t.b) != 0)
			abort();
	}
	godb_writer_close(w);
	scan->question = NULL;
	scan->no_live = false;
	scan->mem_bytes = 0;
	if (godb_scan_open(reader, scan, &s) < 0)
		abort();
	/* more than parts and batches take */
	ok(godb_scan_bytes(s) > kept[0] + 500000, "%zu with a journal",
	    godb_scan_bytes(s));
	godb_scan_close(s);
}

/* What is kept of days and blocks is bounded, and of a day that a roll-up
 * stands for it is little. */
static void
test_bound(void)
{
	struct godb_query_opts question = GODB_QUERY_OPTS_INIT;
	struct godb_scan_opts scan = GODB_SCAN_OPTS_INIT;
	struct godb_reader *reader;
	struct godb_diag d;
	size_t kept[2];

	make_store(NOW);
	if (godb_reader_open(path, &reader) < 0 ||
	    godb_pool_new(2, &scan.pool) < 0 ||
	    godb_keys_parse("sip", &question.keys, &d) < 0)
		abort();
	for (int i = 0; i < 2; i++) {
		const char *what = i ? "days" : "blocks";
		struct godb_scan *s;

		scan.question = i ? &question : NULL;
		scan.no_live = true;
		scan.last_s = T0 + 2 * DAY;
		scan.mem_bytes = 0;
		if (godb_scan_open(reader, &scan, &s) < 0)
			abort();
		kept[i] = godb_scan_bytes(s);
		godb_scan_close(s);
		scan.mem_bytes = kept[i];
		is_int(godb_scan_open(reader, &scan, &s), 0,
		    "%zu bytes do for %s", kept[i], what);
		godb_scan_close(s);
		scan.mem_bytes = kept[i] - 1;
		is_int(godb_scan_open(reader, &scan, &s), GODB_EMEMORY,
		    "one less does not");
		scan.mem_bytes = 1;
		is_int(godb_scan_open(reader, &scan, &s), GODB_EMEMORY,
		    "nor does a single one");
	}
	ok(kept[1] < kept[0] / 16, "%zu bytes for blocks, %zu for their days",
	    kept[0], kept[1]);
	test_bound_again(reader, &scan, &question, kept);
	godb_pool_free(scan.pool);
	godb_reader_close(reader);
}

/* What a scan calls damage of a whole day a list does, too. */
static void
test_list_without_index(void)
{
	char index[160], aside[160];

	make_store(NOW);
	snprintf(index, sizeof(index), "%s/eth0/2025-11-25/blocks.idx", path);
	snprintf(aside, sizeof(aside), "%s/eth0/2025-11-25/aside", path);
	is_int(unreadable_days(path), 0, "all days are there");
	if (rename(index, aside) < 0)
		abort();
	is_int(unreadable_days(path), 1, "a day whose index is gone is told");
	store_put_text(path, "eth0/2025-11-25/blocks.idx", "");
	is_int(unreadable_days(path), 1, "one of no bytes, too");
	store_put_text(path, "eth0/journal/1764028800.gpj", "");
	is_int(unreadable_days(path), 1, "a journal is no excuse beside roll-ups");
	for (int i = 0; i < 3; i++) {
		static const char *const made[] = {"addresses.idx",
		    "rollups.idx", "rollups.gpf"};

		snprintf(aside, sizeof(aside), "%s/eth0/2025-11-25/%s", path,
		    made[i]);
		(void)unlink(aside);
	}
	is_int(unreadable_days(path), 0, "it is one without");
}

int
main(void)
{
	if (!begin(20251127))
		return 1;
	test_damaged_days();
	test_other_record();
	test_put_back();
	test_left_journal();
	test_check_journal_first();
	test_gone(false);
	test_gone(true);
	test_mixed();
	test_same_stock();
	test_empty_days();
	test_bound();
	test_host_of_quiet_days();
	test_list_without_index();
	folder_remove(root);
	return tap_done();
}
