/* What check finds and repair puts right. */
#include "tests/lib/storetest.h"

#include "common/godb/pack.h"
#include "common/godb/rollup.h"
#include "common/godb/summary.h"

static char root[32], path[64], copy[64];
static uint64_t seed;
static struct testbatch t;

#define DAY INT64_C(86400)

static char found[4000];

static void
on_fault(void *arg, const struct godb_fault *f, const char *why)
{
	size_t n = strlen(found);

	(void)arg;
	snprintf(found + n, sizeof(found) - n, "%s (%s)\n", f->place, why);
}

static uint64_t
check(void)
{
	struct godb_check_opts o = GODB_CHECK_OPTS_INIT;
	struct godb_check_report report = {0};
	struct godb_reader *r;
	int rc = godb_reader_open(path, &r);

	found[0] = '\0';
	o.fault = on_fault;
	if (rc == 0)
		rc = godb_check(r, &o, &report);
	if (rc < 0)
		abort();
	godb_reader_close(r);
	return report.faults;
}

static struct godb_repair_report
repair(bool dry)
{
	struct godb_repair_opts o = GODB_REPAIR_OPTS_INIT;
	struct godb_repair_report report;
	struct godb_diag d = {.text = ""};
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	o.dry_run = dry;
	rc = godb_repair(fd, &o, &report, &d);
	is_int(rc, 0, dry ? "a dry repair" : "repair");
	if (rc < 0)
		diag("%s %s", godb_strerror(rc), d.text);
	close(fd);
	return report;
}

/* Every byte of every file, one at a time: what check calls whole is served
 * as it was; after a repair check finds nothing, and every row that is served
 * is one of those that were there. */
static void
test_flips(void)
{
	static const char *const files[] = {"eth0/2025-11-25/blocks.idx",
	    "eth0/2025-11-25/sip.gpf", "eth0/2025-11-25/dip.gpf",
	    "eth0/2025-11-25/bytes_sent.gpf", "eth0/2025-11-25/proto.gpf",
	    "goDB-l7proto.names"};
	size_t missed = 0, unrepaired = 0, wrong = 0, tried = 0, kept_all = 0;
	struct facts want = {0};
	struct godb_writer *w;
	uint64_t seq = 0;

	folder_remove(path);
	if (store_open(path, &w) < 0)
		abort();
	for (int i = 0; i < 4; i++)
		store_add_block(w, &seed, &want, "eth0", T0 + i * 300, ++seq, true);
	godb_writer_close(w);
	is_int(check(), 0, "a good store has no fault");
	facts_settle(&want);
	folder_copy(path, copy);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		struct stat st;
		char name[256];

		snprintf(name, sizeof(name), "%s/%s", path, files[i]);
		if (stat(name, &st) < 0)
			abort();
		for (off_t at = (off_t)(tap_random(&seed) % 9); at < st.st_size;
		     at += i == 0 ? 11 : 17) {
			struct facts have = {0};
			struct view v;
			uint64_t n_found;

			tried++;
			store_poke(path, files[i], at, (uint8_t)(1u << at % 8));
			n_found = check();
			if (n_found == 0) {
				size_t told;

				missed += !store_equals(path, &want, &told) ||
				    told > 0;
			} else {
				struct godb_repair_opts o =
				    GODB_REPAIR_OPTS_INIT;
				struct godb_repair_report report;
				int fd = open(path,
				    O_RDONLY | O_DIRECTORY | O_CLOEXEC);

				if (godb_repair(fd, &o, &report, NULL) < 0 ||
				    check() != 0) {
					if (unrepaired++ < 5)
						diag("%s at %ld: %s", files[i],
						    (long)at, found);
				}
				close(fd);
			}
			if (view_open(path, &v) == 0) {
				(void)facts_add_scan(&have, v.scan);
				view_close(&v);
			}
			facts_settle(&have);
			kept_all += have.n == want.n;
			/* rows of a name that is lost have none */
			for (size_t k = 0, j = 0; k < have.n && i < 5; k++) {
				while (j < want.n && memcmp(&want.v[j],
				    &have.v[k], sizeof(want.v[0])) != 0)
					j++;
				wrong += j == want.n;
				if (j == want.n)
					break;
			}
			facts_free(&have);
			folder_copy(copy, path);
		}
	}
	diag("%zu bytes flipped, after repair %zu times all rows were there",
	    tried, kept_all);
	is_int(missed, 0, "what check does not name is no damage");
	is_int(unrepaired, 0, "what it names is repaired");
	is_int(wrong, 0, "rows that were never there");
	facts_free(&want);
}

#define HEAD 80 /* bytes of a record before its sections; FORMAT.md */

#define FILE_MOST 65536

static size_t
get_file(const char *name, uint8_t bytes[FILE_MOST])
{
	FILE *f = fopen(name, "r");
	size_t len;

	if (f == NULL)
		abort();
	len = fread(bytes, 1, FILE_MOST, f);
	fclose(f);
	return len;
}

static void
put_file(const char *name, const uint8_t *bytes, size_t len)
{
	FILE *f = fopen(name, "w");

	if (f == NULL || fwrite(bytes, 1, len, f) != len || fclose(f) != 0)
		abort();
}

/* 1: a byte of the first record can be one more, with checksums that hold. */
static size_t
lies_unseen(const char *name, const uint8_t *bytes, size_t len, size_t at)
{
	static uint8_t lie[FILE_MOST];
	uint8_t *record = lie + GDI_HEADER_BYTES;
	size_t body;

	memcpy(lie, bytes, len);
	body = gdi_get32(record + 4) - 8;
	record[at]++;
	gdi_put64(record + 72, gp_checksum(record, 72, 0));
	gdi_put64(record + body, gp_checksum(record, body, 0));
	put_file(name, lie, len);
	if (check() > 0)
		return 0;
	diag("byte %zu", at);
	return 1;
}

/* What a record says of its columns, its sums and its size, each byte another
 * one with checksums that hold: a reader would believe it. */
static void
test_lies(void)
{
	static uint8_t bytes[FILE_MOST];
	uint8_t *record = bytes + GDI_HEADER_BYTES;
	size_t len, size, tried = 0, unseen = 0;
	struct godb_writer *w;
	char name[128];

	folder_remove(path);
	if (store_open(path, &w) < 0)
		abort();
	store_add_block(w, &seed, NULL, "eth0", T0, 1, true);
	godb_writer_close(w);
	snprintf(name, sizeof(name), "%s/eth0/2025-11-25/blocks.idx", path);
	len = get_file(name, bytes);
	size = gdi_get32(record + 4);
	is_int(check(), 0, "a block");
	for (size_t at = HEAD, end = HEAD; at + 8 < size; at++) {
		if (at == end) {
			uint16_t type = gdi_get16(record + at);

			end = at + 8 + gdi_get32(record + at + 4);
			at = type == 2 || type == 4 ? at + 7 : end - 1;
			continue;
		}
		unseen += lies_unseen(name, bytes, len, at);
		tried++;
	}
	unseen += lies_unseen(name, bytes, len, 64);
	ok(tried > 200, "%zu bytes of its record", tried);
	is_int((int)unseen, 0, "  none can be another one unseen");
}

/* A block's rows, once more as a roll-up that has them apart. */
static void
put_rolled(const struct gdi_day_block *block, int day_fd)
{
	const struct gdi_rings none = {0};
	struct gdi_buf columns[GODB_N_COLUMNS] = {{0}}, index = {0};
	struct gdi_buf data = {0}, ids = {0}, section = {0};
	struct gdi_record r = block->record;
	uint8_t header[GDI_HEADER_BYTES];
	int fd;

	gdi_buf_bytes(&ids, r.id, sizeof(r.id));
	gdi_rollup_write(DAY, GDI_ROLLUP_APART, &ids, &section);
	r.id[0]++;
	r.slot_s = T0;
	r.rollup = (struct gdi_in){section.p, section.p + section.len, false};
	for (int c = 0; c < GODB_N_COLUMNS; c++) {
		gdi_extent_begin(&columns[c], data.len);
		gdi_buf_bytes(&columns[c], block->extents[c].p,
		    block->extents[c].len);
		gdi_buf_bytes(&data, block->stored[c].p,
		    block->stored[c].len);
	}
	gdi_header_make(header, gdi_rollup_magic, "eth0", T0, 0);
	gdi_buf_bytes(&index, header, sizeof(header));
	gdi_record_write(&r, columns, &none, &index);
	fd = openat(day_fd, "rollups.idx", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (index.rc < 0 || fd < 0 ||
	    write(fd, index.p, index.len) != (ssize_t)index.len)
		abort();
	close(fd);
	fd = openat(day_fd, "rollups.gpf", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (data.rc < 0 || fd < 0 ||
	    write(fd, data.p, data.len) != (ssize_t)data.len)
		abort();
	close(fd);
	for (int c = 0; c < GODB_N_COLUMNS; c++)
		gdi_buf_free(&columns[c]);
	gdi_buf_free(&index);
	gdi_buf_free(&data);
	gdi_buf_free(&ids);
	gdi_buf_free(&section);
}

/* A block of the batch's rows as they come, which no writer leaves so; and a
 * roll-up. */
static void
put_as_they_come(const struct godb_batch *b, bool rolled)
{
	const uint16_t map[] = {0, 1, 2};
	struct gdi_rings rings = {0};
	struct gdi_folders f = {open(path, O_RDONLY | O_DIRECTORY), -1, -1};
	struct gdi_day_block block = {.iface = "eth0", .mode_file = 0600,
	    .rings = &rings};
	struct gdi_record *r = &block.record;
	struct gdi_aggregate rows = {0};
	struct gdi_buf scratch = {0};
	struct gdi_day day = {0};
	struct gdi_day_commit commit;
	struct gdi_pack pack;
	int rc;

	f.iface = openat(f.store, "eth0", O_RDONLY | O_DIRECTORY);
	f.day = openat(f.iface, "2025-11-25", O_RDONLY | O_DIRECTORY);
	if (gdi_rings_add(&rings, b->ring, b->seq, b->seq, 0) < 0 ||
	    gdi_aggregate_stage(&rows, b, map, 100, &scratch) < 0)
		abort();
	gdi_aggregate_accept(&rows);
	gdi_pack_init(&pack, &rows, GDI_CHUNK_ROWS, true);
	while ((rc = gdi_pack_step(&pack, &block)) == 1)
		;
	*r = (struct gdi_record){.slot_s = b->slot_s,
	    .first_ns = b->first_ns, .last_ns = b->last_ns,
	    .n4 = (uint32_t)b->n4, .n6 = (uint32_t)b->n6, .id = {1},
	    .sums = {r->sums[0], r->sums[1], r->sums[2], r->sums[3]}};
	for (int c = 0; c < GODB_N_COLUMNS; c++)
		r->stored_bytes += block.stored[c].len;
	if (rc < 0 || gdi_day_open(&day, &f, T0) < 0)
		abort();
	gdi_day_commit_begin(&commit, &day, &f, &block);
	while ((rc = gdi_day_commit_step(&commit)) == 1)
		;
	if (rc < 0)
		abort();
	gdi_day_commit_end(&commit);
	if (rolled)
		put_rolled(&block, f.day);
	gdi_day_block_free(&block);
	gdi_pack_fini(&pack);
	gdi_aggregate_free(&rows);
	gdi_rings_free(&rings);
	gdi_buf_free(&scratch);
	close(f.day);
	close(f.iface);
	close(f.store);
}

/* Two rows that differ in one thing, or in none: which of 12 orders is told. */
static void
test_order(void)
{
	static const char *const what[] = {"sip", "dip", "dport", "proto",
	    "l7proto", "nothing"};
	struct godb_writer *w;

	folder_remove(path);
	if (store_open(path, &w) < 0)
		abort();
	for (uint64_t n = 1; n < 4; n++) /* so that there are names */
		store_add_block(w, &seed, NULL, "eth0", T0, n, true);
	godb_writer_close(w);
	folder_copy(path, copy);
	for (int i = 0; i < 2 * 2 * 6; i++) {
		const int version = i % 2 ? 6 : 4, kind = i / 4;
		const bool falling = i % 4 > 1;

		batch_make(&t, &seed, "eth0", T0 + 300, 1, 9, version == 4 ? 2 : 0,
		    version == 6 ? 2 : 0);
		for (int k = 0; k < 2; k++) {
			struct godb_row4 *a = &t.rows4[k];
			struct godb_row6 *b = &t.rows6[k];
			const uint8_t v = k != falling ? 2 : 1;

			*a = (struct godb_row4){.sip = {10, 0, 0, 1},
			    .dip = {10, 0, 0, 2}, .counter = {1, 1, 1, 1}};
			*b = (struct godb_row6){.sip = {32}, .dip = {33},
			    .counter = {1, 1, 1, 1}};
			if (kind == 0)
				a->sip[3] = b->sip[15] = v;
			if (kind == 1)
				a->dip[3] = b->dip[15] = v;
			if (kind == 2)
				a->dport = b->dport = v;
			if (kind == 3)
				a->proto = b->proto = v;
			if (kind == 4)
				a->l7 = b->l7 = v;
		}
		for (int rolled = 0; rolled < 2; rolled++) {
			/* a roll-up's rows that are the same are in order */
			int wrong = kind == 5 ? 1 : falling * (1 + rolled);

			put_as_they_come(&t.b, rolled);
			is_int((int64_t)check(), wrong,
			    "IPv%d rows that differ in %s, %s%s", version,
			    what[kind], falling ? "falling" : "rising",
			    rolled ? ", and rolled up" : "");
			folder_copy(copy, path);
		}
	}
	put_as_they_come(&t.b, false);
	t.b.slot_s += 300;
	put_as_they_come(&t.b, false);
	is_int((int64_t)check(), 4, "an id and a batch that two records have");
	folder_copy(copy, path);
}

static void
test_repair(void)
{
	struct facts want = {0};
	struct godb_repair_report report;
	struct godb_writer *w;
	struct view v;
	size_t lost = 0;

	folder_remove(path);
	if (store_open(path, &w) < 0)
		abort();
	for (int i = 0; i < 5; i++)
		store_add_block(w, &seed, i == 2 ? NULL : &want, "eth0", T0 + i * 300,
		    (uint64_t)i + 1, true);
	/* counters of the lost block stay */
	batch_make(&t, &seed, "eth0", T0 + 1500, 9, 9, 3, 3);
	if (godb_writer_append(w, &t.b) != 0)
		abort();
	facts_add_batch(&want, &t.b);
	if (view_open(path, &v) < 0)
		abort();
	facts_count(&want, &godb_scan_part(v.scan, 2)->counters);
	view_close(&v);
	is_int(godb_repair(-1, &(struct godb_repair_opts)GODB_REPAIR_OPTS_INIT,
		   &report, NULL) < 0, 1, "no folder, no repair");
	{
		struct godb_repair_opts o = GODB_REPAIR_OPTS_INIT;
		struct godb_diag d = {.text = ""};
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		is_int(godb_repair(fd, &o, &report, &d), GODB_ELOCKED,
		    "not while a writer has it");
		ok(strstr(d.text, "a test (pid ") != NULL, "which is named: %s",
		    d.text);
		o.dry_run = true;
		is_int(godb_repair(fd, &o, &report, &d), 0,
		    "a dry run needs no lock");
		close(fd);
	}
	godb_writer_close(w);
	/* the third block's bytes of a column */
	if (view_open(path, &v) < 0)
		abort();
	view_close(&v);
	{
		struct stat st;
		char name[128];

		snprintf(name, sizeof(name), "%s/eth0/2025-11-25/dport.gpf",
		    path);
		if (stat(name, &st) < 0)
			abort();
		store_poke(path, "eth0/2025-11-25/dport.gpf", st.st_size / 2, 0xff);
	}
	is_int(check(), 1, "one place is named");
	ok(strstr(found, "eth0/2025-11-25/dport.gpf at ") != NULL, "it is %s",
	    found);
	report = repair(true);
	is_int(report.lost, 1, "which would be lost");
	is_int(check(), 1, "nothing was touched");
	report = repair(false);
	is_int(report.kept, 4, "four blocks are kept");
	is_int(report.lost, 1, "one is marked");
	is_int(check(), 0, "then there is no fault");
	store_is(path, &want, "all other rows, and the packets that were seen");
	if (view_open(path, &v) < 0)
		abort();
	for (size_t i = 0; i < godb_scan_n_parts(v.scan); i++)
		if (godb_scan_part(v.scan, i)->flags & GODB_PART_LOST) {
			lost++;
			is_int(godb_scan_part(v.scan, i)->slot_s, T0 + 600,
			    "its time");
			ok(godb_scan_part(v.scan, i)->flags &
				GODB_PART_DIR_FLOW, "what it was of");
		}
	is_int(lost, 1, "says what it is");
	view_close(&v);
	is_int(store_open(path, &w), 0, "a writer goes on");
	store_add_block(w, &seed, &want, "eth0", T0 + 3000, 100, true);
	godb_writer_close(w);
	store_is(path, &want, "with it");
	is_int(check(), 0, "and it is whole");
	facts_free(&want);
}

static off_t
size_of(const char *name)
{
	struct stat st;

	if (stat(name, &st) < 0)
		abort();
	return st.st_size;
}

/* What was seen counts once: of a block's records one is damaged, and another
 * block's journal brings back what its record had. */
static void
test_counted_once(void)
{
	struct facts want = {0};
	struct godb_writer *w;
	char from[128], to[128], file[128];
	struct facts rows = {0};
	off_t ends[2];

	folder_remove(path);
	if (store_open(path, &w) < 0)
		abort();
	snprintf(file, sizeof(file), "%s/eth0/2025-11-25/proto.gpf", path);
	store_add_block(w, &seed, &want, "eth0", T0, 1, true);
	ends[0] = size_of(file);
	store_add_block(w, &seed, &rows, "eth0", T0, 2, true);
	ends[1] = size_of(file);
	snprintf(file, sizeof(file), "eth0/2025-11-25/proto.gpf");
	for (size_t i = 0; i < sizeof(want.counters) / 8; i++)
		want.counters[i] += rows.counters[i];
	store_add_block(w, &seed, &want, "eth0", T0 + 300, 3, false);
	snprintf(from, sizeof(from), "%s/eth0/journal/%" PRId64 ".gpj", path,
	    T0 + 300);
	snprintf(to, sizeof(to), "%s/journal", root);
	if (link(from, to) < 0 ||
	    godb_writer_commit(w, "eth0", T0 + 300, NULL) != 0 ||
	    rename(to, from) < 0)
		abort();
	godb_writer_close(w);
	store_poke(path, file, ends[0], 0xff);
	store_poke(path, file, ends[1], 0xff);
	(void)repair(false);
	is_int((int64_t)check(), 0, "then there is no fault");
	store_is(path, &want, "rows and packets are there once");
	facts_free(&want);
	facts_free(&rows);
}

/* A record whose time cannot be read, the second or the last: of the blocks
 * that are missing those between its neighbours are lost, and no others; behind
 * the last one, where any may have been, the next. */
static void
test_between(void)
{
	static const int64_t at[] = {0, 300, 600, 1500};
	static uint8_t bytes[FILE_MOST];

	for (int damaged = 1; damaged < 4; damaged += 2) {
		struct godb_repair_report report;
		size_t place = GDI_HEADER_BYTES, wrong = 0;
		struct godb_writer *w;
		char name[128];
		struct view v;

		folder_remove(path);
		if (store_open(path, &w) < 0)
			abort();
		for (uint64_t i = 0; i < 4; i++)
			store_add_block(w, &seed, NULL, "eth0", T0 + at[i],
			    i + 1, true);
		godb_writer_close(w);
		snprintf(name, sizeof(name), "%s/eth0/2025-11-25/blocks.idx",
		    path);
		(void)get_file(name, bytes);
		for (int i = 0; i < damaged; i++)
			place += gdi_get32(bytes + place + 4);
		store_poke(path, "eth0/2025-11-25/blocks.idx", (off_t)place,
		    0xff);
		snprintf(name + strlen(name), 5, ".new"); /* a longer one */
		put_file(name, bytes, FILE_MOST);
		report = repair(false);
		is_int(report.kept, 3, "three blocks are kept");
		is_int(report.lost, 1, "one is lost");
		if (view_open(path, &v) < 0)
			abort();
		for (size_t i = 0; i < godb_scan_n_parts(v.scan); i++) {
			const struct godb_part *p = godb_scan_part(v.scan, i);

			wrong += p->flags & GODB_PART_LOST &&
			    p->slot_s != T0 + (damaged == 1 ? 300 : 900);
		}
		is_int((int64_t)wrong, 0, "between two, or behind the last");
		view_close(&v);
		is_int((int64_t)check(), 0, "then there is no fault");
	}
}

/* Days done and in all, as they are told; at the first a day comes. */
static int
on_progress(void *arg, size_t done, size_t all)
{
	size_t n = strlen(found);
	char name[128];

	(void)arg;
	snprintf(found + n, sizeof(found) - n, "%zu/%zu ", done, all);
	snprintf(name, sizeof(name), "%s/eth1/journal/%" PRId64 ".gpj", path,
	    T0 + 9 * DAY);
	if (done == 0)
		close(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	return 0;
}

static void
test_check_progress(void)
{
	struct godb_check_opts o = GODB_CHECK_OPTS_INIT;
	const char *const ifaces[] = {"eth0", "eth1", NULL};
	struct godb_check_report report;
	struct facts rows = {0};
	struct godb_reader *r;
	struct godb_writer *w;

	folder_remove(path);
	if (store_open(path, &w) < 0)
		abort();
	store_add_block(w, &seed, &rows, "eth0", T0, 1, true);
	store_add_block(w, &seed, NULL, "eth0", T0 + DAY, 2, false);
	store_add_block(w, &seed, NULL, "eth0", T0 + DAY, 5, false);
	store_add_block(w, &seed, &rows, "eth1", T0, 3, true);
	store_add_block(w, &seed, NULL, "eth2", T0, 4, true);
	godb_writer_close(w);
	o.ifaces = ifaces;
	o.progress = on_progress;
	found[0] = '\0';
	if (godb_reader_open(path, &r) < 0 || godb_check(r, &o, &report) < 0)
		abort();
	godb_reader_close(r);
	facts_settle(&rows);
	is_int((int64_t)report.rows, (int64_t)rows.n, "rows of blocks");
	is_int((int64_t)report.batches, 2, "and batches of journals");
	facts_free(&rows);
	is_str(found, "0/3 1/3 2/3 3/4 ", "days of the interfaces asked for, "
	    "those that have only journals, too, and never more than all");
}

/* Damage beside the days, and a summary that is whole and wrong. */
static void
test_beside(void)
{
	struct godb_writer *w;
	struct gdi_summary s = {0};
	struct gdi_day_sum d;
	enum gdi_day_state state;
	char name[128];
	int fd;

	folder_remove(path);
	if (store_open(path, &w) < 0)
		abort();
	store_add_block(w, &seed, NULL, "eth0", T0, 1, true);
	store_add_block(w, &seed, NULL, "eth0", T0 + DAY, 2, false);
	godb_writer_close(w);
	snprintf(name, sizeof(name), "eth0/journal/%" PRId64 ".gpj", T0 + DAY);
	store_poke(path, name, 42, 0xff);
	if (store_open(path, &w) < 0) /* which sets it aside */
		abort();
	godb_writer_close(w);
	store_put_text(path, "eth0/days.gone", "no note, and longer than one "
	    "ever is, for what a disk leaves of a file may be of any length, "
	    "and have bytes of another file at its end");
	store_put_text(path, "eth0/days.sum", "no summary");
	(void)check();
	ok(strstr(found, "eth0/days.gone (") && strstr(found, ".gpj.damaged (") &&
		strstr(found, "eth0/days.sum ("),
	    "three files that cannot be read are named");
	snprintf(name, sizeof(name), "%s/eth0", path);
	fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (gdi_day_sum(fd, "2025-11-25", &d, &state) < 0)
		abort();
	d.rows++;
	if (gdi_summary_add(&s, &d) < 0 ||
	    gdi_summary_write(fd, "eth0", 0600, &s) < 0)
		abort();
	(void)check();
	ok(strstr(found, "eth0/days.sum (differs") != NULL,
	    "and a summary that says something else");
	d.rows--;
	d.file_bytes++; /* of a commit that did not end */
	s.n = 0;
	if (gdi_summary_add(&s, &d) < 0 ||
	    gdi_summary_write(fd, "eth0", 0600, &s) < 0)
		abort();
	(void)check();
	ok(strstr(found, "eth0/days.sum") == NULL,
	    "but not for more bytes in the columns");
	(void)repair(false);
	(void)check();
	ok(strstr(found, "eth0/days.gone") == NULL &&
		strstr(found, ".gpj.damaged") == NULL,
	    "a repair takes both away");
	gdi_summary_free(&s);
	close(fd);
}

static void
test_journal_given_up(void)
{
	struct facts want = {0};
	struct godb_repair_report report;
	struct godb_writer *w;
	char name[128];

	folder_remove(path);
	if (store_open(path, &w) < 0)
		abort();
	store_add_block(w, &seed, &want, "eth0", T0, 1, true);
	store_add_block(w, &seed, NULL, "eth0", T0 + 300, 2, false);
	godb_writer_close(w);
	snprintf(name, sizeof(name), "eth0/journal/%" PRId64 ".gpj", T0 + 300);
	store_poke(path, name, 42, 0xff);
	is_int(store_open(path, &w), 0, "a writer sets the journal aside");
	godb_writer_close(w);
	is_int(check(), 1, "check names it");
	report = repair(false);
	is_int(report.lost, 1, "repair gives it up");
	is_int(check(), 0, "nothing is named any more");
	store_is(path, &want, "the rest is there");
	facts_free(&want);
}

int
main(void)
{
	seed = tap_seed(20261124);
	if (!folder_temporary(root, sizeof(root)))
		return 1;
	snprintf(path, sizeof(path), "%s/store", root);
	snprintf(copy, sizeof(copy), "%s/copy", root);
	test_flips();
	test_lies();
	test_order();
	test_repair();
	test_between();
	test_counted_once();
	test_check_progress();
	test_beside();
	test_journal_given_up();
	folder_remove(root);
	return tap_done();
}
