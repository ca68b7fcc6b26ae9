/* Roll-ups: questions get the same answer with them as without, whatever has
 * happened to blocks and roll-ups, and they are used where they can be. */
#include "tests/lib/rollupstore.h"

static char copy[64];

/* What is left to blocks, to the block. */
static void
test_plans(void)
{
	static const struct {
		const char *what, *cond;
		int64_t first_s, last_s, bin_s;
		uint32_t metrics;
		uint64_t rollups; /* of eth0 and eth1 together */
		const char *name;
		uint64_t held; /* days that a scan for it has no parts of */
	} plans[] = {
	    {"sip", "", 0, INT64_MAX, 0, 0, 2 * 3, "all days", 6},
	    {"sip", "", T0, T0 + DAY, 0, 0, 2, "a day", 2},
	    {"sip", "", T0 + 300, T0 + DAY, 0, 0, 2 * 23,
		"a day but its first block: hours", 0},
	    {"sip", "", T0, T0 + DAY - 300, 0, 0, 23 + 1,
		"a day but its last block, which eth1 does not have", 0},
	    {"sip", "", T0 + 1, T0 + DAY - 1, 0, 0, 2,
		"a block counts when it meets the window", 2},
	    {"sip", "", T0 + HOUR, T0 + 2 * HOUR, 0, 0, 2, "an hour", 0},
	    {"sip", "", T0 + 1800, T0 + HOUR + 1800, 0, 0, 0, "two halves", 0},
	    {"sip", "proto = TCP", T0, T0 + DAY, 0, 0, 2, "attributes", 2},
	    {"sip", "bytes > 5", T0, T0 + DAY, 0, 0, 1,
		"counters: a day's rows, which eth1 has too few of", 1},
	    {"sip", "dir = in", T0, T0 + DAY, 0, 0, 1, "a direction", 1},
	    {"sip", "", T0, T0 + DAY, 0, 1u << GODB_METRIC_ROWS, 1, "rows", 1},
	    {"sip", "bytes > 5", T0 + 300, T0 + DAY, 0, 0, 0,
		"counters of a part of a day", 0},
	    {"time,sip", "bytes > 5", T0, T0 + DAY, HOUR, 0, 0,
		"counters by hours", 0},
	    {"time,sip", "bytes > 5", T0, T0 + DAY, DAY, 0, 1,
		"by days", 1},
	    {"sip", "", T0, T0 + DAY, 0, 1u << GODB_METRIC_DIPS, 2,
		"distinct addresses", 2},
	    {"time", "", T0, T0 + DAY, 0, 0, 0, "blocks", 0},
	    {"time", "", T0, T0 + DAY, 900, 0, 0, "bins of 15 minutes", 0},
	    {"time,sip", "", T0, T0 + DAY, HOUR, 0, 2 * 24, "bins of an hour", 0},
	    {"time,sip", "", T0, T0 + DAY, 2 * HOUR, 0, 2 * 24, "of two", 0},
	    {"time,sip", "", T0, T0 + DAY, DAY, 0, 2, "of a day", 2},
	    {"time,sip", "", T0, T0 + DAY, 7 * DAY, 0, 2, "of a week", 2},
	    {"time", "", T0, T0 + DAY, DAY, 0, 0, "sums that the index has", 0},
	};

	for (size_t i = 0; i < sizeof(plans) / sizeof(*plans); i++) {
		struct godb_result_stats stats;
		bool same = ask(plans[i].what, plans[i].cond,
		    plans[i].first_s, plans[i].last_s, plans[i].bin_s,
		    plans[i].metrics, &stats);

		ok(same && stats.rollups == plans[i].rollups,
		    "%s: %llu roll-ups, expected %llu", plans[i].name,
		    (unsigned long long)stats.rollups,
		    (unsigned long long)plans[i].rollups);
		is_int((int64_t)rolled_days, (int64_t)plans[i].held,
		    "    days not taken stock of");
	}
}

/* ---- kinds --------------------------------------------------------------- */

static struct {
	uint64_t n;      /* roll-ups */
	int64_t n4, n6; /* rows of the first day's two */
} kind[GDI_ROLLUP_KINDS];

static void
count_kinds(void)
{
	static const char *const days[] = {"eth0/2025-11-25",
	    "eth0/2025-11-26", "eth0/2025-11-27", "eth1/2025-11-25",
	    "eth1/2025-11-26", "eth1/2025-11-27"};

	memset(kind, 0, sizeof(kind));
	for (size_t i = 0; i < 6; i++) {
		struct gdi_rollups r;
		char day[160];
		int fd;

		snprintf(day, sizeof(day), "%s/%s", path, days[i]);
		fd = open(day, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (gdi_rollups_read(fd, T0 + (int64_t)(i % 3) * DAY, &r,
			NULL) < 0)
			abort();
		for (size_t k = 0; k < r.n; k++) {
			const struct gdi_rollup *one = &r.list[k];

			kind[one->kind].n += one->stored;
			if (!one->stored || one->span_s != DAY || i % 3)
				continue;
			kind[one->kind].n4 += one->record->n4;
			kind[one->kind].n6 += one->record->n6;
		}
		gdi_rollups_free(&r);
		close(fd);
	}
}

/* A kind serves what has no more columns than it has. */
static void
test_kinds(void)
{
	static const struct {
		const char *what, *cond;
		uint32_t metrics;
		enum gdi_rollup_kind kind;
		bool v4_alone;
	} questions[] = {
	    {"sip", "", 0, GDI_ROLLUP_SIP, false},
	    {"sip/24", "", 0, GDI_ROLLUP_SIP, false},
	    {"iface", "sip in 10.0.0.0/8", 0, GDI_ROLLUP_SIP, true},
	    {"sip", "", 1u << GODB_METRIC_SIPS, GDI_ROLLUP_SIP, false},
	    {"dip", "not (dip = 192.0.2.1)", 0, GDI_ROLLUP_DIP, false},
	    {"dport,proto", "", 0, GDI_ROLLUP_APPS, false},
	    {"l7proto", "not (dport = 443)", 0, GDI_ROLLUP_APPS, false},
	    {"proto", "", 1u << GODB_METRIC_DPORTS, GDI_ROLLUP_APPS, false},
	    {"sip,dip", "", 0, GDI_ROLLUP_FLOWS, false},
	    {"host", "", 0, GDI_ROLLUP_FLOWS, false},
	    {"sip", "dport > 2", 0, GDI_ROLLUP_FLOWS, false},
	    {"dport", "host = 10.0.0.3", 0, GDI_ROLLUP_FLOWS, true},
	    {"sip", "", 1u << GODB_METRIC_DIPS, GDI_ROLLUP_FLOWS, false},
	};
	struct godb_result_stats stats;

	count_kinds();
	is_int((int64_t)kind[GDI_ROLLUP_FLOWS].n, 2 * (2 * 25 + 13),
	    "flows of each hour and day");
	is_int((int64_t)kind[GDI_ROLLUP_APART].n, 2,
	    "rows of each day of an interface that has many");
	for (int k = GDI_ROLLUP_DIP; k <= GDI_ROLLUP_APPS; k++)
		ok(kind[k].n > 20 && kind[k].n4 + kind[k].n6 <
			kind[0].n4 + kind[0].n6,
		    "and %d of kind %d", (int)kind[k].n, k);
	for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
		enum gdi_rollup_kind k = questions[i].kind;
		bool same = ask(questions[i].what, questions[i].cond, T0,
		    T0 + DAY, 0, questions[i].metrics, &stats);

		ok(same && stats.rollups == 2, "%s where %s",
		    questions[i].what, questions[i].cond);
		is_int((int64_t)stats.rows,
		    kind[k].n4 + (questions[i].v4_alone ? 0 : kind[k].n6),
		    "rows of kind %d are looked at", k);
	}
}

/* What a roll-up stands for is not read. */
static void
test_reads(void)
{
	struct godb_result_stats stats;
	char cmd[256];

	folder_copy(path, copy);
	snprintf(cmd, sizeof(cmd),
	    "rm '%s'/eth?/2025-11-25/[bdlps]*_*.gpf '%s'/eth?/2025-11-25/"
	    "[dlps]*p*.gpf", path, path);
	if (system(cmd) != 0)
		abort();
	is_int(ask("sip,dip", "", T0, T0 + DAY, 0, 0, &stats), false,
	    "without its columns a day has faults where blocks are read");
	is_int((int64_t)stats.parts, 0, "no block was");
	is_int((int64_t)(stats.rollups_unreadable), 0, "and none was missed");
	ok(stats.rollups == 2 && stats.parts_rolled > 350,
	    "two roll-ups for %llu blocks",
	    (unsigned long long)stats.parts_rolled);
	folder_copy(copy, path);
}

static void
test_late(void)
{
	struct godb_writer *w;
	struct godb_result_stats stats;
	struct godb_check_report report;

	make_store(NOW);
	store_open(path, &w);
	add(w, "eth0", T0 + 5 * HOUR);
	make_batch("eth0", T0 + 7 * HOUR, 40, 40);
	(void)godb_writer_append(w, &t.b);
	test_random("a late record and a live one", 30, 5);
	(void)ask("sip", "", T0, T0 + DAY, 0, 0, &stats);
	ok(stats.rollups == 2 && stats.parts == 2,
	    "two parts are read beside the day's roll-ups");
	(void)godb_writer_commit(w, "eth0", T0 + 7 * HOUR, NULL);
	is_int(ask("sip", "", T0, T0 + DAY, 0, 0, &stats), true,
	    "two late records");
	is_int((int64_t)rolled_days, 1, "the other interface has none");
	(void)upkeep(w, NOW + HOUR);
	(void)ask("sip", "", T0, T0 + DAY, 0, 0, &stats);
	ok(stats.rollups == 2 && stats.parts == 0,
	    "which list them an hour later");
	godb_writer_close(w);
	is_int((int64_t)faults_of(path, &report), 0, "no damage");
	test_random("afterwards", 20, 3);
}

/* Sums stay at the top, in whatever order they are made. */
static void
test_saturation(void)
{
	struct godb_writer *w;
	struct godb_result_stats stats;

	folder_remove(path);
	store_open(path, &w);
	for (int64_t s = T0; s < T0 + 2 * HOUR; s += 300) {
		make_batch("eth0", s, 60, 20);
		for (size_t i = 0; i < 60; i += 3)
			t.rows4[i].counter[i % 4] =
			    UINT64_MAX / 8 * (1 + i % 5);
		add_batch(w, "eth0", s);
	}
	is_int(upkeep(w, NOW), 0, "counters near their end");
	is_int(ask("sip,dip", "", 0, INT64_MAX, 0, 0, &stats), true,
	    "the same sums");
	is_int((int64_t)stats.rollups, 1, "of a roll-up");
	godb_writer_close(w);
}

/* ---- damage -------------------------------------------------------------- */

static void
test_damage(void)
{
	static const char *const files[] = {"rollups.idx", "rollups.gpf"};
	struct godb_result_stats stats;
	struct godb_check_report report;
	struct godb_repair_opts opts = GODB_REPAIR_OPTS_INIT;
	struct godb_repair_report repaired;
	struct godb_diag d;
	static const char *const asked[][2] = {
	    {"sip,dip,dport,proto,l7proto", ""}, {"sip", ""}, {"dip", ""},
	    {"dport", ""}, {"sip,dip,dport,proto,l7proto", "bytes > 5"}};
	const unsigned flips = 60 / tap_stride(6);
	unsigned wrong = 0, unread = 0, told = 0;

	make_store(NOW);
	for (unsigned i = 0; i < flips; i++) {
		const char *name = files[i % 2];
		size_t at = tap_random(&seed) %
		    size_of("eth0/2025-11-25", name);

		flip(name, at);
		for (unsigned k = 0; k < 10; k++) {
			const char *const *q = asked[k / 2];

			no_own_scan = k % 2; /* few of its days */
			wrong += !ask(q[0], q[1], k % 2 && k < 8 ? T0 + 300 : 0,
			    INT64_MAX, 0, 0, &stats);
			unread += stats.rollups_unreadable > 0;
		}
		told += faults_of(path, &report) > 0;
		flip(name, at);
	}
	no_own_scan = false;
	is_int(wrong, 0, "%u flipped bits: every answer is right", flips);
	ok(unread > flips / 6, "of %u roll-ups the blocks were read", unread);
	is_int(told, flips, "--check tells");
	flip("rollups.gpf", 1000);
	opts.dry_run = true;
	(void)godb_repair(open(path, O_RDONLY), &opts, &repaired, &d);
	ok(repaired.files == 1 && size_of("eth0/2025-11-25", "rollups.gpf"),
	    "repairing would remove them");
	opts.dry_run = false;
	is_int(godb_repair(open(path, O_RDONLY), &opts, &repaired, &d), 0,
	    "repaired");
	is_int((int64_t)repaired.days, 0, "no index was touched");
	is_int((int64_t)faults_of(path, &report), 0, "no damage is left");
	is_int((int64_t)size_of("eth0/2025-11-25", "rollups.gpf"), 0,
	    "nor that day's roll-ups");
	test_random("repaired", 20, 2);
}

/* A folder in a cache's place is taken away as a file is. */
static void
test_folders(void)
{
	static const char *const files[] = {"rollups.idx", "addresses.idx"};
	struct godb_check_report report;
	struct godb_repair_opts opts = GODB_REPAIR_OPTS_INIT;
	struct godb_repair_report repaired;
	struct godb_diag d;
	char at[160];

	make_store(NOW);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(at, sizeof(at), "%s/eth0/2025-11-25/%s", path,
		    files[i]);
		if (unlink(at) < 0 || mkdir(at, 0750) < 0)
			abort();
	}
	is_int(godb_repair(open(path, O_RDONLY), &opts, &repaired, &d), 0,
	    "repaired, though folders are in place of caches");
	is_int((int64_t)repaired.files, 2, "both are told");
	is_int((int64_t)faults_of(path, &report), 0, "no damage is left");
}

/* A block that cannot be read is missed with and without roll-ups made after
 * that; once it is marked as lost nothing stands for it. */
static void
test_damaged_block(void)
{
	struct godb_repair_opts opts = GODB_REPAIR_OPTS_INIT;
	struct godb_repair_report repaired;
	struct godb_result_stats stats;
	struct godb_check_report report;
	struct godb_writer *w;
	struct godb_diag d;

	make_store(0);
	flip("sip.gpf", size_of("eth0/2025-11-25", "sip.gpf") / 2);
	store_open(path, &w);
	is_int(upkeep(w, NOW), 0, "a day with a damaged block");
	godb_writer_close(w);
	is_int(ask("sip", "", T0, T0 + DAY, 0, 0, &stats), true,
	    "misses it either way");
	ok(stats.rollups == 2 && stats.parts == 1, "and nothing else");
	is_int(godb_repair(open(path, O_RDONLY), &opts, &repaired, &d), 0,
	    "repaired");
	is_int((int64_t)repaired.lost, 1, "a block is lost");
	test_random("repaired", 20, 2);
	is_int((int64_t)faults_of(path, &report), 0, "no damage");
	make_store(NOW);
	flip("blocks.idx", 64 + 100);
	test_random("with a damaged index", 20, 2);
	is_int(godb_repair(open(path, O_RDONLY), &opts, &repaired, &d), 0,
	    "repaired");
	is_int((int64_t)size_of("eth0/2025-11-25", "rollups.idx"), 0,
	    "and nothing stands for what is lost");
	test_random("and repaired", 20, 2);
	is_int((int64_t)faults_of(path, &report), 0, "no damage");
}

/* One of an earlier version, whose chunks were larger. */
static void
test_earlier(void)
{
	struct godb_result_stats stats;
	struct godb_writer *w;

	make_store(NOW);
	lie(T0 + HOUR, 2, 5 + GDI_ROLLUP_FLOWS, 0, (uint8_t)-4);
	is_int(ask("sip,dip", "", T0 + HOUR, T0 + 2 * HOUR, 0, 0, &stats),
	    true, "one of an earlier version");
	is_int((int64_t)stats.rollups, 1, "is not used"); /* eth1's is */
	store_open(path, &w);
	(void)upkeep(w, NOW);
	godb_writer_close(w);
	(void)ask("sip,dip", "", T0 + HOUR, T0 + 2 * HOUR, 0, 0, &stats);
	is_int((int64_t)stats.rollups, 2, "and made anew");
}

static void
test_lie(void)
{
	struct godb_result_stats stats;
	struct godb_check_report report;

	make_store(NOW);
	/* one record less in the second hour's flows */
	lie(T0 + HOUR, 2, 5 + GDI_ROLLUP_FLOWS, 1, UINT8_MAX);
	is_int(ask("sip,dip", "", T0 + HOUR, T0 + 2 * HOUR, 0, 0, &stats),
	    false, "a roll-up that lies is believed");
	is_int((int64_t)faults_of(path, &report), 1, "--check tells");
	make_store(NOW);
	/* a day's flows for its rows: other kinds are skipped */
	lie(T0, 3, 5 + GDI_ROLLUP_APART, 0, 1);
	lie(T0, 3, 5 + GDI_ROLLUP_FLOWS, 0, GDI_ROLLUP_APART);
	is_int(ask("sip", "bytes > 5", T0, T0 + DAY, 0, 0, &stats), false,
	    "so are flows that pass for rows");
	is_int((int64_t)faults_of(path, &report), 1, "--check tells");
}

int
main(void)
{
	struct godb_check_report report;

	if (!begin(20251125))
		return 1;
	snprintf(copy, sizeof(copy), "%s/copy", root);
	make_store(NOW);
	is_int((int64_t)faults_of(path, &report), 0, "no damage");
	ok(report.rollups > 2 * (2 * 25 + 13), "all roll-ups were looked at");
	test_kinds();
	test_random("two days", 120, 30);
	test_plans();
	test_reads();
	test_late();
	test_saturation();
	test_damage();
	test_folders();
	test_damaged_block();
	test_earlier();
	test_lie();
	folder_remove(root);
	return tap_done();
}
