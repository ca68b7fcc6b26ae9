/* A scan that was opened for a question does not keep its indexes' bytes, and
 * cursors read those of a record again: answers are the same, and what has
 * changed meanwhile is told. */
#include "tests/lib/eagerpool.h"
#include "tests/lib/rollupstore.h"

#include "common/godb/index.h"

static struct godb_reader *reader;
static struct godb_query_opts blocks; /* not roll-ups */

static void
new_store(void)
{
	make_store(0);
	if (reader)
		godb_reader_close(reader);
	if (godb_reader_open(path, &reader) < 0)
		abort();
}

static struct godb_scan *
open_scan(bool forgets, const struct godb_scan_opts *like)
{
	struct godb_scan_opts o = *like;
	struct godb_scan *s;

	o.question = forgets ? &blocks : NULL;
	if (godb_scan_open(reader, &o, &s) < 0)
		abort();
	return s;
}

static void
ask_for(const char *columns)
{
	struct godb_diag d;

	blocks = (struct godb_query_opts)GODB_QUERY_OPTS_INIT;
	blocks.no_rollups = true;
	if (godb_keys_parse(columns, &blocks.keys, &d) < 0)
		abort();
}

static struct godb_result *
answer(const struct godb_scan *s)
{
	struct godb_result *r = NULL;

	if (godb_query_run(s, &blocks, &r) < 0)
		abort();
	return r;
}

/* A batch of the last day in its journal alone, and a journal of the first that
 * was left there though it is stored. */
static void
add_journals(void)
{
	struct godb_writer *w;

	store_open(path, &w);
	add_and_keep_journal(w, T0 + 7 * HOUR);
	make_batch("eth0", T0 + 2 * DAY + 7 * HOUR, 40, 40);
	if (godb_writer_append(w, &t.b) != 0)
		abort();
	godb_writer_close(w);
	put_journal_back();
}

static void
test_same(void)
{
	static const char *const asked[] = {"raw", "time", "dport,proto",
	    "sip,iface"};
	struct godb_scan_opts o = GODB_SCAN_OPTS_INIT;
	struct godb_pool *pool;

	new_store();
	add_journals();
	if (eager_pool(2, &pool) < 0)
		abort();
	for (int i = 0; i < 16; i++) {
		struct godb_scan *kept, *forgot;
		struct godb_result *a, *b;
		bool same;

		ask_for(asked[i % 4]);
		o.first_s = i & 4 ? T0 + DAY - HOUR : 0;
		o.last_s = i & 4 ? T0 + DAY + 2 * HOUR : INT64_MAX;
		o.pool = blocks.pool = i & 8 ? pool : NULL;
		kept = open_scan(false, &o);
		forgot = open_scan(true, &o);
		a = answer(kept);
		b = answer(forgot);
		same = result_equals(a, b);
		ok(same && godb_result_n_rows(a) > 0 &&
			godb_result_n_faults(a) == 0,
		    "%s of %s, %s", asked[i % 4],
		    i & 4 ? "three hours" : "all days",
		    i & 8 ? "two threads" : "one");
		godb_result_free(a);
		godb_result_free(b);
		godb_scan_close(kept);
		godb_scan_close(forgot);
	}
	godb_pool_free(pool);
}

/* Where the second record of eth0's first day is. */
static uint64_t
second_record(void)
{
	struct gdi_index x;
	char day[160];
	uint64_t at;
	int fd;

	snprintf(day, sizeof(day), "%s/eth0/2025-11-25", path);
	fd = open(day, O_RDONLY | O_DIRECTORY);
	if (fd < 0 || gdi_index_read(fd, T0, &x) < 0 || x.n < 2)
		abort();
	at = x.records[1].offset;
	gdi_index_free(&x);
	close(fd);
	return at;
}

static void
test_changed(void)
{
	struct godb_scan_opts o = GODB_SCAN_OPTS_INIT;
	uint64_t at = second_record();
	char place[96];

	snprintf(place, sizeof(place), "eth0/2025-11-25/blocks.idx at %" PRIu64,
	    at);
	for (uint64_t k = 0; k < 200; k += 25) {
		struct godb_scan *kept, *forgot;
		struct godb_result *a, *b, *sums;

		ask_for("dport,proto");
		kept = open_scan(false, &o);
		forgot = open_scan(true, &o);
		flip("blocks.idx", (size_t)(at + k));
		a = answer(kept);
		b = answer(forgot);
		ask_for("time");
		sums = answer(forgot);
		ok(godb_result_n_faults(a) == 0 &&
			godb_result_n_faults(sums) == 0,
		    "byte %" PRIu64 " of a record, changed: nobody looks",
		    k);
		ok(godb_result_n_faults(b) == 1 &&
			godb_result_fault(b, 0)->rc == GODB_EDAMAGED &&
			strcmp(godb_result_fault(b, 0)->place, place) == 0,
		    "  or it is told");
		flip("blocks.idx", (size_t)(at + k));
		godb_result_free(a);
		godb_result_free(b);
		godb_result_free(sums);
		godb_scan_close(kept);
		godb_scan_close(forgot);
	}
}

static void
test_gone(void)
{
	static const struct {
		const char *file;
		int rc;
	} gone[] = {{"/blocks.idx", GODB_EDAMAGED}, {"", GODB_EGONE}};
	struct godb_scan_opts o = GODB_SCAN_OPTS_INIT;
	char cmd[256];

	o.last_s = T0 + DAY;
	for (int i = 0; i < 2; i++) {
		struct godb_scan *s;
		struct godb_result *r;
		size_t n;

		ask_for("dport,proto");
		s = open_scan(true, &o);
		snprintf(cmd, sizeof(cmd), "rm -r '%s/eth0/2025-11-25%s'", path,
		    gone[i].file);
		if (system(cmd) != 0)
			abort();
		r = answer(s);
		n = godb_result_n_faults(r);
		ok(n > 2 && godb_result_fault(r, 0)->rc == gone[i].rc &&
			godb_result_fault(r, n - 1)->rc == gone[i].rc,
		    "%s went: %zu blocks are missed",
		    i == 0 ? "the index" : "the day", n);
		godb_result_free(r);
		godb_scan_close(s);
		new_store();
	}
}

int
main(void)
{
	if (!begin(20251130))
		return 1;
	test_same();
	new_store();
	test_changed();
	test_gone();
	godb_reader_close(reader);
	folder_remove(root);
	return tap_done();
}
