/* Roll-ups: questions get the same answer with them as without, whatever has
 * happened to blocks and roll-ups, and they are used where they can be. */
#include "tests/lib/rolluptest.h"

#include <sys/wait.h>

#include "common/base/fd.h"
#include "common/godb/internal.h"
#include "common/godb/rollup.h"

#define HOUR 3600
#define DAY  86400
#define NOW  (T0 + 30 * DAY)

static char root[32], path[64], copy[64];
static uint64_t seed;
static struct testbatch t;
static uint64_t seq;

static void
add_batch(struct godb_writer *w, const char *iface, int64_t slot_s)
{
	if (godb_writer_append(w, &t.b) != 0 ||
	    godb_writer_commit(w, iface, slot_s, NULL) != 0)
		abort();
}

static const char *const apps[] = {"DNS", "TLS", "SSH"};

/* A batch of few keys, so that most come again. */
static void
make_batch(const char *iface, int64_t slot_s, size_t n4, size_t n6)
{
	batch_make(&t, &seed, iface, slot_s, 1, ++seq, n4, n6);
	for (size_t i = 0; i < 3; i++)
		strncpy(t.names[i].name, apps[i], sizeof(t.names[i].name));
	for (size_t i = 0; i < n4; i++) {
		uint8_t k = (uint8_t)(tap_random(&seed) % 40);

		t.rows4[i].sip[3] = k % 7;
		t.rows4[i].dip[2] = k % 3;
		t.rows4[i].dip[3] = k % 8;
		t.rows4[i].dport = k % 2 ? 443 : k;
		t.rows4[i].proto = k % 3 ? 6 : 17;
		t.rows4[i].l7 = k % 3;
	}
	for (size_t i = 0; i < n6; i++) {
		uint8_t k = (uint8_t)(tap_random(&seed) % 20);

		t.rows6[i].sip[15] = k % 11;
		t.rows6[i].dip[3] = k;
		t.rows6[i].dip[9] = k;
		t.rows6[i].dport = k % 5;
		t.rows6[i].l7 = k % 2;
	}
}

static void
add(struct godb_writer *w, const char *iface, int64_t slot_s)
{
	make_batch(iface, slot_s, 30 + tap_random(&seed) % 60,
	    10 + tap_random(&seed) % 30);
	add_batch(w, iface, slot_s);
}

static void
add_quiet(struct godb_writer *w, const char *iface, int64_t slot_s)
{
	batch_make(&t, &seed, iface, slot_s, 1, ++seq, 0, 0);
	add_batch(w, iface, slot_s);
}

/* Two days and a half of two interfaces, with holes, quiet blocks, and hours
 * of which some records came late. */
static void
make_store(int64_t now_s)
{
	struct godb_writer *w;

	folder_remove(path);
	if (store_open(path, &w) < 0)
		abort();
	for (int64_t slot_s = T0; slot_s < T0 + 5 * DAY / 2; slot_s += 300) {
		uint64_t what = tap_random(&seed) % 40;

		if (slot_s % DAY == 0 || slot_s % DAY == DAY - 300)
			what = 3;
		if (what == 0)
			add_quiet(w, "eth0", slot_s);
		else if (what > 1)
			add(w, "eth0", slot_s);
		if (what == 2)
			add(w, "eth0", slot_s);
		if (slot_s % 900 == 0)
			add(w, "eth1", slot_s);
	}
	if (now_s && upkeep(w, now_s) != 0)
		abort();
	godb_writer_close(w);
}

static size_t
size_of(const char *folder, const char *name)
{
	char file[160];
	struct stat st;

	snprintf(file, sizeof(file), "%s/%s/%s", path, folder, name);
	return stat(file, &st) < 0 ? 0 : (size_t)st.st_size;
}

/* ---- questions ----------------------------------------------------------- */

static int64_t
bin_of(void *arg, int64_t slot_s)
{
	int64_t bin_s = *(const int64_t *)arg;

	return slot_s - slot_s % bin_s;
}

static const char *const keys[] = {"sip,dip", "sip", "dip,dport", "proto",
    "iface,l7proto", "host", "sip/24,dip/16/48", "iface,sip,dip,dport,proto,l7proto",
    "time", "time,iface", "time,proto"};
#define KEYS (sizeof(keys) / sizeof(*keys))

static const char *const conditions[] = {"", "proto = TCP",
    "dport = 443 or host = 10.0.0.3", "not (l7proto = DNS)",
    "dip in 192.0.0.0/8 and proto = UDP", "sip = 2001:db8::4", "ipv6",
    "bytes > 5000", "dir = in", "packets < 4 or proto = UDP"};
#define CONDITIONS (sizeof(conditions) / sizeof(*conditions))
#define ON_ROWS    7 /* the first that looks at counters */

static bool
ask(const char *what, const char *cond, int64_t first_s, int64_t last_s,
    int64_t bin_s, uint32_t metrics, struct godb_result_stats *stats)
{
	struct godb_query_opts opts = GODB_QUERY_OPTS_INIT;

	opts.metrics = metrics;
	if (bin_s)
		opts.bin = bin_of;
	opts.bin_arg = &bin_s;
	return ask_both_ways(path, &opts, what, cond, first_s, last_s, stats);
}

static void
test_random(const char *when, unsigned n, uint64_t at_least)
{
	struct godb_result_stats stats;
	uint64_t used = 0;
	unsigned wrong = 0;

	for (unsigned i = 0; i < n; i++) {
		static const int64_t bins[] = {0, 600, HOUR, 6 * HOUR, DAY,
		    7 * DAY};
		const char *what = keys[tap_random(&seed) % KEYS];
		const char *cond = conditions[tap_random(&seed) % CONDITIONS];
		int64_t first_s =
		    T0 + (int64_t)(tap_random(&seed) % (3 * DAY)) - DAY / 4;
		int64_t last_s = first_s +
		    (int64_t)(tap_random(&seed) % (3 * DAY));
		int64_t bin_s = bins[tap_random(&seed) % 6];
		uint32_t metrics = tap_random(&seed) % 4 == 0 ?
		    1u << (GODB_METRIC_EXTRA + tap_random(&seed) % 4) : 0;

		if (i % 3 == 0)
			first_s = 0;
		no_own_scan = i % 2;
		if (ask(what, cond, first_s, last_s, bin_s, metrics, &stats)) {
			used += stats.rollups > 0;
			continue;
		}
		diag("%s where %s, from %lld to %lld, bin %lld, metrics %x",
		    what, cond, (long long)first_s, (long long)last_s,
		    (long long)bin_s, metrics);
		wrong++;
	}
	no_own_scan = false;
	is_int(wrong, 0, "%s: %u questions have one answer", when, n);
	ok(used >= at_least, "%llu of them used roll-ups",
	    (unsigned long long)used);
}

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
	    {"sip", "bytes > 5", T0, T0 + DAY, 0, 0, 0, "counters", 0},
	    {"sip", "dir = in", T0, T0 + DAY, 0, 0, 0, "a direction", 0},
	    {"sip", "", T0, T0 + DAY, 0, 1u << GODB_METRIC_ROWS, 0, "rows", 0},
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
	for (int k = 1; k < GDI_ROLLUP_KINDS; k++)
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

/* ---- making them --------------------------------------------------------- */

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

/* The ROLLUP section of a slot, and what it says behind its span of `skip`
 * bytes. */
static uint8_t *
find_section(char *data, size_t len, int64_t slot_s, size_t skip, uint8_t what,
    size_t *at)
{
	for (*at = 64; *at < len; *at += gdi_get32(data + *at + 4)) {
		uint8_t *section = (uint8_t *)data + *at + 80;

		if (gdi_get64(data + *at + 24) != (uint64_t)slot_s)
			continue;
		while (gdi_get16(section) != 5)
			section += 8 + gdi_get32(section + 4);
		if (section[8 + skip] == what)
			return section + 8;
	}
	abort();
}

/* Adds to a byte behind that, and the checksums hold. */
static void
lie(int64_t slot_s, size_t skip, uint8_t what, size_t behind, uint8_t more)
{
	char *data;
	size_t len, at;
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = gp_fd_openat(dir, "eth0/2025-11-25/rollups.idx", O_RDWR, 0);
	uint8_t *r;
	uint32_t bytes;

	if (fd < 0 || gp_fd_read_file(dir, "eth0/2025-11-25/rollups.idx",
			  1 << 20, &data, &len) < 0)
		abort();
	r = find_section(data, len, slot_s, skip, what, &at) + skip + behind;
	*r = (uint8_t)(*r + more);
	r = (uint8_t *)data + at;
	bytes = gdi_get32(r + 4);
	gdi_put64(r + bytes - 8, gp_checksum(r, bytes - 8, 0));
	if (pwrite(fd, r, bytes, (off_t)at) != (ssize_t)bytes)
		abort();
	free(data);
	close(fd);
	close(dir);
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
flip(const char *name, size_t at)
{
	char file[64];

	snprintf(file, sizeof(file), "eth0/2025-11-25/%s", name);
	store_flip(path, file, (int64_t)at);
}

static void
test_damage(void)
{
	static const char *const files[] = {"rollups.idx", "rollups.gpf"};
	struct godb_result_stats stats;
	struct godb_check_report report;
	struct godb_repair_opts opts = GODB_REPAIR_OPTS_INIT;
	struct godb_repair_report repaired;
	struct godb_diag d;
	static const char *const asked[] = {"sip,dip,dport,proto,l7proto",
	    "sip", "dip", "dport"};
	unsigned wrong = 0, unread = 0, told = 0;

	make_store(NOW);
	for (unsigned i = 0; i < 60; i++) {
		const char *name = files[i % 2];
		size_t at = tap_random(&seed) %
		    size_of("eth0/2025-11-25", name);

		flip(name, at);
		for (unsigned k = 0; k < 8; k++) {
			no_own_scan = k % 2; /* few of its days */
			wrong += !ask(asked[k / 2], "", k % 2 ? T0 + 300 : 0,
			    INT64_MAX, 0, 0, &stats);
			unread += stats.rollups_unreadable > 0;
		}
		told += faults_of(path, &report) > 0;
		flip(name, at);
	}
	no_own_scan = false;
	is_int(wrong, 0, "60 flipped bits: every answer is right");
	ok(unread > 10, "of %u roll-ups the blocks were read", unread);
	is_int(told, 60, "--check tells");
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

/* Days were summed last.  Where a scan has one of them in the place of its
 * blocks, these are found when it turns out not to hold. */
static void
test_damaged_days(void)
{
	struct godb_result_stats stats;
	unsigned wrong = 0, unread = 0, held = 0;
	size_t size;

	make_store(NOW);
	size = size_of("eth0/2025-11-25", "rollups.gpf");
	for (size_t at = size - size / 10; at < size; at += size / 200) {
		flip("rollups.gpf", at);
		for (unsigned k = 0; k < 4; k++) {
			static const char *const asked[] = {"sip,dip,dport",
			    "sip", "dip", "proto"};

			wrong += !ask(asked[k], "", T0, T0 + DAY, 0, 0, &stats);
			unread += stats.rollups_unreadable > 0;
			held += stats.rollups_unreadable > 0 &&
			    rolled_days == 2;
		}
		flip("rollups.gpf", at);
	}
	ok(wrong == 0 && unread > 4 && held == unread,
	    "of %u damaged days the blocks were read, %u wrong", unread,
	    wrong);
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
	/* another record, behind two bytes of how many */
	lie(T0, 3, 5 + GDI_ROLLUP_SIP, 3, 1);
	is_int(ask("sip", "", T0, T0 + DAY, 0, 0, &stats), true,
	    "a day's of a record that is not there");
	ok(stats.rollups == 2 && rolled_days == 1 &&
		stats.rows > (uint64_t)(kind[GDI_ROLLUP_SIP].n4 +
		    kind[GDI_ROLLUP_SIP].n6),
	    "the day's flows are asked, and the other interface's");
	make_store(NOW);
	lie(T0, 3, 5 + GDI_ROLLUP_FLOWS, 1, UINT8_MAX);
	(void)ask("sip,dip", "", T0, T0 + DAY, 0, 0, &stats);
	is_int((int64_t)rolled_days, 1, "and one that a record is missing in");
}

/* Files of eth0's first day, or those that were kept of them. */
static void
copy_files(const char *files, const char *from, const char *to)
{
	char cmd[640];

	snprintf(cmd, sizeof(cmd), "mkdir -p '%s' && cd '%s' && cp %s '%s/'",
	    to, from, files, to);
	if (system(cmd) != 0)
		abort();
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
	char cmd[256];

	make_store(0);
	store_open(path, &w);
	make_batch("eth0", T0 + 7 * HOUR, 40, 40);
	if (godb_writer_append(w, &t.b) != 0)
		abort();
	snprintf(cmd, sizeof(cmd), "cp -r '%s/eth0/journal' '%s/left'", path,
	    root);
	if (system(cmd) != 0)
		abort();
	(void)godb_writer_commit(w, "eth0", T0 + 7 * HOUR, NULL);
	(void)upkeep(w, NOW);
	godb_writer_close(w);
	is_int(ask("sip", "", T0, T0 + DAY, 0, 0, &stats), true,
	    "a day with two records of a block");
	is_int((int64_t)rolled_days, 2, "is known by its roll-up");
	snprintf(cmd, sizeof(cmd), "cp '%s/left/'* '%s/eth0/journal/'", root,
	    path);
	if (system(cmd) != 0)
		abort();
	is_int(ask("sip", "", T0, T0 + DAY, 0, 0, &stats), true,
	    "and with its journal there still");
	is_int((int64_t)rolled_days, 1, "it is taken stock of");
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
	struct godb_check_report report;

	seed = tap_seed(20251125);
	if (!folder_temporary(root, sizeof(root)))
		return 1;
	snprintf(path, sizeof(path), "%s/store", root);
	snprintf(copy, sizeof(copy), "%s/copy", root);
	make_store(NOW);
	is_int((int64_t)faults_of(path, &report), 0, "no damage");
	ok(report.rollups > 2 * (2 * 25 + 13), "all roll-ups were looked at");
	test_kinds();
	test_random("two days", 120, 30);
	test_plans();
	test_reads();
	test_due();
	test_death("rollups.idx");
	test_death("addresses.idx");
	test_late();
	test_refused();
	test_saturation();
	test_damage();
	test_damaged_days();
	test_damaged_block();
	test_earlier();
	test_lie();
	test_put_back();
	test_left_journal();
	test_gone(false);
	test_gone(true);
	test_mixed();
	test_sizes();
	folder_remove(root);
	return tap_done();
}
