/* What retention and wipe remove, summaries, lists. */
#include "tests/lib/storetest.h"

#include <sys/statvfs.h>

#include "common/base/clock.h"
#include "common/godb/summary.h"

static char root[32], path[64];
static uint64_t seed;

#define DAY INT64_C(86400)

/* ---- a store of several days --------------------------------------------- */

/* eth0 has days 0-5, eth1 days 2-5, three blocks each; what lies in
 * [keep_s, ...) goes to f. */
static struct godb_writer *
make_store(struct facts *f, int64_t keep_s)
{
	struct godb_writer *w;
	uint64_t seq = 0;

	folder_remove(path);
	if (store_open(path, &w) < 0)
		abort();
	for (int day = 0; day < 6; day++)
		for (int i = 0; i < 6; i++) {
			int64_t slot_s = T0 + day * DAY + i / 2 * 3600;

			if (i % 2 && day < 2)
				continue;
			store_add_block(w, &seed, slot_s >= keep_s ? f : NULL,
			    i % 2 ? "eth1" : "eth0", slot_s, ++seq, true);
		}
	return w;
}

/* ---- rounds -------------------------------------------------------------- */

struct removed {
	char text[600];
};

static void
on_day(void *arg, const struct godb_retain_day *d)
{
	struct removed *r = arg;
	size_t n = strlen(r->text);

	snprintf(r->text + n, sizeof(r->text) - n, "%s/%d:%s%s ", d->iface,
	    (int)((d->day_s - T0) / DAY), godb_retain_cause_name(d->cause),
	    d->rc < 0 ? "!" : "");
}

static struct removed
run_round(struct godb_writer *w, struct godb_retain_opts *o,
    struct godb_retain_report *report)
{
	struct removed r = {""};
	struct godb_retain *round;
	int rc, steps = 0;

	o->each = on_day;
	o->arg = &r;
	if (w) {
		rc = godb_retain_new(w, o, &round);
	} else {
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		rc = godb_retain_dry(fd, o, &round);
		if (rc == 0)
			rc = godb_retain_step(round, INT64_C(60000000000));
		close(fd);
	}
	if (rc < 0) {
		diag("round: %s", godb_strerror(rc));
		return r;
	}
	/* the smallest steps: between each the writer could be used */
	while ((rc = godb_retain_step(round, 0)) == 1)
		steps++;
	is_int(rc, 0, "a round ends (%d steps)", steps);
	godb_retain_report(round, report);
	godb_retain_free(round);
	return r;
}

/* What readers are told of days that are gone. */
static void
check_pruned(const char *iface, int64_t first_s, int64_t until_s)
{
	struct godb_scan_opts opts = GODB_SCAN_OPTS_INIT;
	const char *ifaces[] = {iface, NULL};
	struct godb_reader *reader = NULL;
	struct godb_scan *scan = NULL;
	int64_t from = 0, until = 0;

	opts.ifaces = ifaces;
	if (!ok(godb_reader_open(path, &reader) == 0 &&
		godb_scan_open(reader, &opts, &scan) == 0, "%s is read",
		iface))
		return;
	ok(godb_scan_pruned(scan, 0, &from, &until), "it has lost days");
	is_int(from, first_s, "from the oldest");
	is_int(until, until_s, "to the newest");
	godb_scan_close(scan);
	godb_reader_close(reader);
}

static void
test_age(void)
{
	struct godb_retain_opts o = GODB_RETAIN_OPTS_INIT;
	struct godb_retain_report report = {0};
	struct facts want = {0};
	struct godb_writer *w = make_store(&want, T0 + 3 * DAY);
	struct removed r;

	o.retain_days = 2;
	o.now_s = T0 + 5 * DAY + 7200; /* day 5 is today */
	r = run_round(NULL, &o, &report);
	is_str(r.text, "eth0/0:age eth0/1:age eth0/2:age eth1/2:age ",
	    "a dry round says what is older");
	is_int(report.days, 4, "and counts it");
	r = run_round(NULL, &o, &report);
	is_int(report.days, 4, "and touches nothing");
	r = run_round(w, &o, &report);
	is_str(r.text, "eth0/0:age eth0/1:age eth0/2:age eth1/2:age ",
	    "a round removes the same, the oldest first");
	store_is(path, &want, "the rest is there");
	check_pruned("eth0", T0, T0 + 3 * DAY);
	check_pruned("eth1", T0 + 2 * DAY, T0 + 3 * DAY);
	r = run_round(w, &o, &report);
	is_str(r.text, "", "the next finds nothing");
	check_pruned("eth0", T0, T0 + 3 * DAY);
	o.now_s = T0 - 30 * DAY;
	r = run_round(w, &o, &report);
	is_str(r.text, "", "nor does one whose clock is wrong");
	godb_writer_close(w);
	facts_free(&want);
}

/* What is beyond its time by a clock that nothing in the store bears out. */
static void
test_doubtful_clock(void)
{
	struct godb_retain_opts o = GODB_RETAIN_OPTS_INIT;
	struct godb_retain_report report = {0};
	struct facts want = {0};
	struct godb_writer *w = make_store(&want, T0);
	struct removed r;

	o.retain_days = 30;
	o.now_s = T0 + 5 * DAY + 3 * 365 * DAY;
	/* a sensor goes on by that clock, too */
	store_add_block(w, &seed, &want, "eth0", o.now_s, 5000, true);
	store_add_block(w, &seed, &want, "eth1", o.now_s, 5001, false);
	r = run_round(w, &o, &report);
	is_str(r.text, "", "a clock years ahead removes nothing");
	is_int(report.doubted, 10, "and what it calls too old is counted");
	store_is(path, &want, "all is there");
	o.max_bytes = report.store_bytes - 1;
	r = run_round(w, &o, &report);
	is_str(r.text, "eth0/0:size ", "but for a bound that needs no clock");
	is_int(report.doubted, 9, "the others stay");
	o.max_bytes = 0;
	o.clean_s = T0 + 2 * DAY;
	r = run_round(w, &o, &report);
	is_str(r.text, "eth0/1:clean ", "and for what somebody asks");
	o.clean_s = 0;
	o.now_s = T0 + 35 * DAY; /* day 5 is the last that is young enough */
	r = run_round(w, &o, &report);
	is_str(r.text, "eth0/2:age eth1/2:age eth0/3:age eth1/3:age "
	    "eth0/4:age eth1/4:age ", "one finished day bears a clock out");
	is_int(report.doubted, 0, "then there is no doubt");
	o.now_s += DAY;
	r = run_round(w, &o, &report);
	is_str(r.text, "", "age does not take the last one");
	is_int(report.doubted, 2, "of any interface");
	godb_writer_close(w);
	facts_free(&want);
}

static void
test_open_days(void)
{
	struct godb_retain_opts o = GODB_RETAIN_OPTS_INIT;
	struct godb_retain_report report;
	struct facts want = {0};
	struct godb_writer *w = make_store(&want, T0 + 5 * DAY);
	struct removed r;

	/* a late batch opens a block of day 1 */
	store_add_block(w, &seed, NULL, "eth0", T0 + DAY, 1000, false);
	o.clean_s = T0 + 5 * DAY;
	o.now_s = T0 + 5 * DAY + 7200;
	r = run_round(NULL, &o, &report);
	ok(strstr(r.text, "eth0/1") == NULL, "dry: not a day with a journal");
	r = run_round(w, &o, &report);
	is_str(r.text,
	    "eth0/0:clean eth0/2:clean eth1/2:clean eth0/3:clean "
	    "eth1/3:clean eth0/4:clean eth1/4:clean ",
	    "no day with an open block");
	is_int(godb_writer_commit(w, "eth0", T0 + DAY, NULL), 0,
	    "which can still be committed");
	r = run_round(w, &o, &report);
	is_str(r.text, "eth0/1:clean ", "and goes then");
	store_add_block(w, &seed, &want, "eth0", T0 + DAY, 1001, true);
	store_add_block(w, &seed, &want, "eth0", T0 + DAY, 1002, true);
	store_is(path, &want, "the day can be made anew");
	godb_writer_close(w);
	facts_free(&want);
}

static uint64_t
day_bytes(const char *iface, int day)
{
	char name[11], folder[128];
	uint64_t bytes = 0;
	int fd;

	gp_clock_day_format(T0 + day * DAY, name);
	snprintf(folder, sizeof(folder), "%s/%s/%s", path, iface, name);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || gdi_folder_bytes(fd, &bytes) < 0)
		abort();
	close(fd);
	return bytes;
}

static void
test_size(void)
{
	struct godb_retain_opts o = GODB_RETAIN_OPTS_INIT;
	struct godb_retain_report report;
	struct godb_writer *w = make_store(NULL, 0);
	struct removed r;

	o.now_s = T0 + 5 * DAY + 7200;
	o.max_bytes = UINT64_MAX;
	r = run_round(w, &o, &report);
	is_str(r.text, "", "a bound that is kept");
	/* exactly three days too much */
	o.max_bytes = report.store_bytes - day_bytes("eth0", 0) -
	    day_bytes("eth0", 1) - day_bytes("eth0", 2);
	r = run_round(w, &o, &report);
	is_str(r.text, "eth0/0:size eth0/1:size eth0/2:size ",
	    "as many days as it takes, the oldest first of all interfaces");
	o.max_bytes--;
	r = run_round(w, &o, &report);
	is_str(r.text, "eth1/2:size ", "a byte more is another");
	o.max_bytes = 1;
	r = run_round(w, &o, &report);
	is_str(r.text, "eth0/3:size eth1/3:size ",
	    "never the newest finished day, nor today");
	ok(report.short_bytes > 0, "what is still too much is told");
	godb_writer_close(w);
}

static void
test_free(void)
{
	struct godb_retain_opts o = GODB_RETAIN_OPTS_INIT;
	struct godb_retain_report report;
	struct godb_writer *w = make_store(NULL, 0);
	struct statvfs fs;
	struct removed r;

	o.now_s = T0 + 6 * DAY; /* day 5 is the newest finished one */
	if (statvfs(path, &fs) < 0)
		abort();
	/* so much more than there is, that all is asked for */
	o.min_free = (uint64_t)fs.f_bavail * fs.f_frsize + (UINT64_C(1) << 40);
	o.freed_bytes = UINT64_C(1) << 41;
	r = run_round(w, &o, &report);
	is_str(r.text, "", "what was removed a moment ago counts as free");
	o.freed_bytes = (UINT64_C(1) << 40) - 8 * (UINT64_C(1) << 30);
	r = run_round(NULL, &o, &report);
	ok(strstr(r.text, "eth0/4:free") && strstr(r.text, "eth1/4:free") &&
		strstr(r.text, "/5:") == NULL,
	    "never the newest finished day for min_free");
	ok(report.short_bytes > 0, "what is lacking is told");
	godb_writer_close(w);
}

/* Both bounds at once, with days so large that what others do to the file
 * system meanwhile does not matter. */
static void
test_free_enough(void)
{
	struct godb_retain_opts o = GODB_RETAIN_OPTS_INIT;
	const uint64_t large = UINT64_C(1) << 36;
	struct godb_retain_report report;
	struct godb_writer *w = make_store(NULL, 0);
	struct statvfs fs;
	struct removed r;

	for (int day = 0; day < 6; day++) {
		char file[128];
		int fd;

		snprintf(file, sizeof(file), "%s/eth0/2025-11-%02d/sparse",
		    path, 25 + day);
		fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 || ftruncate(fd, (off_t)large) < 0)
			abort();
		close(fd);
	}
	o.now_s = T0 + 6 * DAY;
	if (statvfs(path, &fs) < 0)
		abort();
	o.min_free = (uint64_t)fs.f_bavail * fs.f_frsize + large / 2;
	r = run_round(NULL, &o, &report);
	is_str(r.text, "eth0/0:free ", "no day more than min_free asks for");
	is_int(report.short_bytes, 0, "nothing is lacking then");
	/* all but the newest go; half of that one is too much as well */
	o.max_bytes = large / 2;
	o.min_free += 5 * large - large / 4;
	(void)run_round(NULL, &o, &report);
	ok(report.short_bytes / (large / 8) == 4, "the larger lack is told");
	o.min_free += large / 2;
	(void)run_round(NULL, &o, &report);
	ok(report.short_bytes / (large / 8) > 4, "whichever it is");
	godb_writer_close(w);
}

/* A question goes on while a day that it is about is removed. */
static void
test_under_a_query(void)
{
	struct godb_retain_opts o = GODB_RETAIN_OPTS_INIT;
	struct godb_query_opts q = GODB_QUERY_OPTS_INIT;
	struct godb_coverage_opts co = GODB_COVERAGE_OPTS_INIT;
	struct godb_retain_report report;
	struct facts want = {0};
	struct godb_writer *w = make_store(&want, T0 + 4 * DAY);
	const struct godb_incomplete *item;
	struct godb_coverage *coverage;
	struct godb_result *result;
	struct godb_diag d;
	struct view v;
	uint64_t totals[4], sums[4] = {0};
	size_t gone = 0, other = 0;

	if (view_open(path, &v) < 0 ||
	    godb_keys_parse("talk_conv", &q.keys, &d) < 0)
		abort();
	o.clean_s = T0 + 4 * DAY;
	o.now_s = T0 + 5 * DAY + 7200;
	(void)run_round(w, &o, &report);
	is_int(report.days, 6, "days that a scan knows are removed");
	is_int(godb_query_run(v.scan, &q, &result), 0, "a query ends well");
	godb_result_totals(result, totals);
	for (size_t i = 0; i < want.n; i++)
		for (int k = 0; k < 4; k++)
			sums[k] += want.v[i].counter[k];
	ok(memcmp(totals, sums, sizeof(sums)) == 0,
	    "its sums are those of what is left");
	for (size_t i = 0; i < godb_result_n_faults(result); i++)
		if (godb_result_fault(result, i)->rc == GODB_EGONE)
			gone++;
		else
			other++;
	is_int(gone, 18, "each block that is gone is told as such");
	is_int(other, 0, "none as damaged");
	co.last_s = T0 + 6 * DAY;
	co.now_ns = (T0 + 6 * DAY) * 1000000000;
	if (godb_coverage_new(v.reader, v.scan, result, &co, &coverage) < 0)
		abort();
	gone = 0;
	for (size_t i = 0; (item = godb_coverage_incomplete(coverage, i)); i++)
		gone += item->cause == GODB_CAUSE_GONE && item->unreadable;
	is_int(gone, 18, "and so says the coverage");
	godb_coverage_free(coverage);
	godb_result_free(result);
	view_close(&v);
	godb_writer_close(w);
	facts_free(&want);
}

/* A round that was killed between rename and the last unlink. */
static void
test_leftovers(void)
{
	struct godb_retain_opts o = GODB_RETAIN_OPTS_INIT;
	struct godb_retain_report report;
	struct facts want = {0};
	struct godb_writer *w = make_store(&want, T0 + DAY);
	char from[128], to[160];

	snprintf(from, sizeof(from), "%s/eth0/2025-11-25", path);
	snprintf(to, sizeof(to), "%s.removed", from);
	if (rename(from, to) < 0)
		abort();
	store_is(path, &want, "half removed is gone for readers");
	o.now_s = T0 + 5 * DAY;
	(void)run_round(w, &o, &report);
	ok(access(to, F_OK) != 0, "the next round finishes it");
	check_pruned("eth0", T0, T0 + DAY);
	/* something strange in a day's folder */
	snprintf(to, sizeof(to), "%s/eth0/2025-11-26/deep", path);
	if (mkdir(to, 0700) < 0)
		abort();
	o.clean_s = T0 + 2 * DAY;
	(void)run_round(w, &o, &report);
	is_int(report.failed, 1, "a folder inside is not removed, and told");
	snprintf(to, sizeof(to), "%s/eth0/2025-11-26.removed/sip.gpf", path);
	ok(access(to, F_OK) != 0, "the files behind it are");
	godb_writer_close(w);
	facts_free(&want);
}

/* ---- lists --------------------------------------------------------------- */

/* As text, but sizes. */
static const char *
list_text(bool disk)
{
	static char text[2000];
	const struct godb_list_iface *f;
	struct godb_reader *r;
	struct godb_list *l;

	text[0] = '\0';
	if (godb_reader_open(path, &r) < 0 || godb_list_new(r, NULL, &l) < 0)
		abort();
	for (size_t i = 0; (f = godb_list_get(l, i)); i++) {
		size_t n = strlen(text);

		snprintf(text + n, sizeof(text) - n,
		    "%s [%" PRId64 ",%" PRId64 "] days %" PRIu64 " blocks %"
		    PRIu64 " flows %" PRIu64 " %" PRIu64 "/%" PRIu64 "/%" PRIu64
		    "/%" PRIu64 " drops %" PRIu64 " bad %" PRIu64 " disk %"
		    PRIu64 "\n", f->iface, f->first_s - T0, f->last_s - T0,
		    f->days, f->blocks, f->flows, f->counter[0], f->counter[1],
		    f->counter[2], f->counter[3], f->counters.kernel_drops,
		    f->n_unreadable, disk ? f->disk_bytes : 0);
	}
	godb_list_free(l);
	godb_reader_close(r);
	return text;
}

/* The same from all rows, the slow way. */
static const char *
facts_text(struct facts *f)
{
	static char text[2000];
	uint64_t sum[4] = {0};

	facts_settle(f);
	for (size_t i = 0; i < f->n; i++)
		for (int k = 0; k < 4; k++)
			sum[k] += f->v[i].counter[k];
	snprintf(text, sizeof(text), "flows %zu %" PRIu64 "/%" PRIu64 "/%"
	    PRIu64 "/%" PRIu64 " drops %" PRIu64, f->n, sum[0], sum[1], sum[2],
	    sum[3], f->counters[offsetof(struct godb_counters, kernel_drops) /
		    8]);
	return text;
}

static size_t
entries(const char *iface, size_t *damaged)
{
	struct gdi_summary s;
	char folder[128];
	size_t n;
	int fd;

	snprintf(folder, sizeof(folder), "%s/%s", path, iface);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || gdi_summary_read(fd, &s, damaged) < 0)
		abort();
	n = s.n;
	gdi_summary_free(&s);
	close(fd);
	return n;
}

static void
test_list(void)
{
	struct godb_retain_opts o = GODB_RETAIN_OPTS_INIT;
	struct godb_retain_report report;
	struct facts all = {0}, eth1 = {0};
	struct godb_writer *w;
	char before[2000], want[600];
	size_t damaged;

	seed = 77;
	w = make_store(&all, 0);
	for (size_t i = 0; i < all.n; i++)
		if (strcmp(all.v[i].iface, "eth1") == 0)
			*facts_new(&eth1, "eth1", 0) = all.v[i];
	snprintf(before, sizeof(before), "%s", list_text(true));
	facts_settle(&eth1);
	snprintf(want, sizeof(want), "days 4 blocks 12 flows %zu ", eth1.n);
	ok(strstr(before, want) != NULL, "sums of eth1 are those of its rows");
	if (strstr(before, want) == NULL)
		diag("%s in %s (%s)", want, before, facts_text(&eth1));
	ok(strstr(before, "eth0 [0,439200] days 6") != NULL,
	    "first and last block");
	is_int(entries("eth0", &damaged), 0, "there was no summary");
	o.now_s = T0 + 5 * DAY + 7200;
	(void)run_round(w, &o, &report);
	is_int(entries("eth0", &damaged), 5, "a round makes one, but of today");
	is_str(list_text(true), before, "a list with it says the same");
	store_add_block(w, &seed, NULL, "eth0", T0 + DAY, 5000, true);
	ok(strcmp(list_text(true), before) != 0, "a late block is seen at once");
	ok(strstr(list_text(true), "eth0 [0,439200] days 6 blocks 18") != NULL,
	    "as one with that of its time");
	snprintf(before, sizeof(before), "%s", list_text(true));
	(void)run_round(w, &o, &report);
	is_str(list_text(true), before, "and in the next summary");
	store_poke(path, "eth0/days.sum", 64 + 20, 0x40);
	is_str(list_text(true), before, "a damaged entry changes nothing");
	is_int(entries("eth0", &damaged), 4, "it is not believed");
	is_int(damaged, 1, "and counted");
	store_poke(path, "eth0/days.sum", 12, 0x40);
	is_str(list_text(true), before, "nor does a damaged header");
	(void)run_round(w, &o, &report);
	is_int(entries("eth0", &damaged), 5, "the next round mends it");
	is_int(damaged, 0, "wholly");
	godb_writer_close(w);
	facts_free(&all);
	facts_free(&eth1);
}

static uint64_t stored;

static int
add_stored(const char *name, const struct stat *st, int type, struct FTW *at)
{
	(void)name;
	if (type == FTW_F && at->level == 3)
		stored += (uint64_t)st->st_size;
	return 0;
}

/* What a summary knew before is not believed of a day that grew, journals
 * count, and the newest day of all interfaces stays, whichever has it. */
static void
test_counted(void)
{
	struct godb_retain_opts o = GODB_RETAIN_OPTS_INIT;
	struct godb_retain_report report;
	struct godb_writer *w = make_store(NULL, 0);
	struct removed r;

	store_add_block(w, &seed, NULL, "eth2", T0, 6000, true);
	o.now_s = T0 + 6 * DAY;
	(void)run_round(w, &o, &report);
	store_add_block(w, &seed, NULL, "eth0", T0 + DAY, 6001, true);
	store_add_block(w, &seed, NULL, "eth0", T0 + 6 * DAY, 6002, false);
	(void)run_round(w, &o, &report);
	stored = 0;
	(void)nftw(path, add_stored, 16, FTW_PHYS);
	is_int((int64_t)report.store_bytes, (int64_t)stored,
	    "all bytes of days and journals are counted");
	o.max_bytes = 1;
	r = run_round(w, &o, &report);
	ok(strstr(r.text, "eth0/4:size") && strstr(r.text, "eth2/0:size") &&
		!strstr(r.text, "/5:"), "the newest day is that of all");
	godb_writer_close(w);
}

/* Damage that a list tells of is not hidden by a summary. */
static void
test_list_damage(void)
{
	static const off_t ends[] = {-5, 0}; /* of a day's index */
	struct godb_retain_opts o = GODB_RETAIN_OPTS_INIT;
	struct godb_retain_report report;
	char name[128];

	o.now_s = T0 + 5 * DAY + 7200;
	snprintf(name, sizeof(name), "%s/eth0/2025-11-26/blocks.idx", path);
	for (size_t i = 0; i < 3; i++) {
		struct godb_writer *w = make_store(NULL, 0);
		struct stat st;

		if (i == 2)
			store_poke(path, "eth0/2025-11-26/blocks.idx", 200, 1);
		else if (stat(name, &st) < 0 || truncate(name, ends[i] < 0 ?
			st.st_size + ends[i] : ends[i]) < 0)
			abort();
		ok(strstr(list_text(false), "bad 1") != NULL, "damage %zu is "
		    "listed", i);
		(void)run_round(w, &o, &report);
		ok(strstr(list_text(false), "bad 1") != NULL,
		    "and behind a round");
		godb_writer_close(w);
	}
}

/* ---- wipe ---------------------------------------------------------------- */

static void
test_wipe(void)
{
	struct godb_writer *w = make_store(NULL, 0);
	struct facts none = {0};
	struct godb_diag d = {.text = ""};
	uint64_t n = 0, bytes = 0, again = 0;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	is_int(godb_wipe(fd, "a test", false, &n, &bytes, &d), GODB_ELOCKED,
	    "a store with a writer is not wiped");
	is_int(godb_wipe(fd, "a test", true, &n, &bytes, &d), 0, "dry");
	godb_writer_close(w);
	is_int(godb_wipe(fd, "a test", false, &n, &again, &d), 0, "wipe");
	is_int(n, 2, "interfaces");
	ok(bytes == again && bytes > 0, "bytes, the same in a dry run");
	store_is(path, &none, "an empty store is left");
	is_int(store_open(path, &w), 0, "that a writer takes");
	store_add_block(w, &seed, &none, "eth0", T0, 1, true);
	godb_writer_close(w);
	store_is(path, &none, "and fills");
	facts_free(&none);
	close(fd);
}

static void
put_folder(const char *name)
{
	char full[160];

	snprintf(full, sizeof(full), "%s/%s", path, name);
	if (mkdir(full, 0700) < 0)
		abort();
}

static bool
there(const char *name)
{
	char full[160];

	snprintf(full, sizeof(full), "%s/%s", path, name);
	return access(full, F_OK) == 0;
}

/* Files of somebody else among the store's. */
static void
test_wipe_foreign(void)
{
	static const char *const foreign[] = {"backup/case17.tar", "eth0/README",
	    "eth0/2025-11-25/notes", "eth0/2025-11-25/blocks.idx.damaged.",
	    "eth0/journal/300.txt", "notes.txt",
	    "eth1/2025-11-27/sip.gpf.pad"};
	static const char *const own[] = {"goDB-l7proto.names",
	    "goDB-l7proto.names.damaged", "eth0/days.gone", "eth0/days.sum.new",
	    "eth0/journal/300.gpj.damaged", "eth0/journal/900.gpj.new",
	    "eth0/2025-11-24.removed/sip.gpf", "eth0/journal/600.gpj.unreadable",
	    "eth0/2025-11-25/blocks.idx", "eth0/2025-11-25/blocks.idx.damaged",
	    "eth0/2025-11-25/blocks.idx.damaged.1",
	    "eth0/2025-11-25/addresses.idx.new", "eth0/2025-11-26/sip.gpf",
	    "eth1/2025-11-27/rollups.gpf"};
	struct godb_writer *w = make_store(NULL, 0);
	struct facts none = {0};
	struct godb_diag d = {.text = ""};
	uint64_t n = 0, bytes = 0, again = 0;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t left = 0, gone = 0;
	char link[128];
	struct stat st;

	godb_writer_close(w);
	put_folder("backup");
	put_folder("lost+found");
	put_folder("eth0/2025-11-24.removed");
	snprintf(link, sizeof(link), "%s/eth1/2025-11-27/sip.gpf.new", path);
	if (symlink("elsewhere", link) < 0)
		abort();
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (!there(own[i]))
			store_put_text(path, own[i], "own");
	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++)
		store_put_text(path, foreign[i], "not the store's");
	is_int(godb_wipe(fd, "a test", true, &n, &bytes, &d), -ENOTEMPTY,
	    "a dry wipe tells that something would stay");
	is_str(d.text, "backup/case17.tar and 7 more would be left: not of "
	    "the store", "and what");
	ok(n == 2 && there("eth0/journal"), "two interfaces would go");
	is_int(godb_wipe(fd, "a test", false, &n, &again, &d), -ENOTEMPTY,
	    "a wipe leaves what is not the store's");
	is_str(d.text, "backup/case17.tar and 7 more are left: not of the "
	    "store", "and says so");
	is_int(n, 2, "only interfaces are counted");
	ok(bytes == again, "and only their bytes (%" PRIu64 ", %" PRIu64 ")",
	    bytes, again);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++)
		left += there(foreign[i]);
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		gone += !there(own[i]);
	is_int(left, sizeof(foreign) / sizeof(*foreign), "it is all there");
	is_int(lstat(link, &st), 0, "a link, too");
	is_int(gone, sizeof(own) / sizeof(*own), "the store's is not");
	ok(there("goDB-store.format") && there("lost+found") &&
		!there("eth0/2025-11-26"), "the marker stays, days do not");
	store_is(path, &none, "an empty store");
	close(fd);
}

int
main(void)
{
	seed = tap_seed(20261124);
	if (!folder_temporary(root, sizeof(root)))
		return 1;
	snprintf(path, sizeof(path), "%s/store", root);
	test_age();
	test_doubtful_clock();
	test_open_days();
	test_size();
	test_free();
	test_free_enough();
	test_under_a_query();
	test_leftovers();
	test_list();
	test_counted();
	test_list_damage();
	test_wipe();
	test_wipe_foreign();
	folder_remove(root);
	return tap_done();
}
