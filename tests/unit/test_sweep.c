/* Roll-ups of several days side by side, and one alone, whose rows are groups:
 * the answers are those of the blocks, and no more is held than a range.  Built
 * with ThreadSanitizer too. */
#include "tests/lib/eagerpool.h"
#include "tests/lib/rolluptest.h"

#include <sys/stat.h>

#define HOUR 3600
#define DAY  86400
#define NOW  (T0 + 30 * DAY)
#define DAYS 3
#define ROWS 7200 /* of each version in each block of eth0 */
#define FEW  2000 /* and of eth1 */

/* Races are found with few questions, each of which takes long then.  No
 * stride divides how many keys or conditions there are. */
#ifdef __SANITIZE_THREAD__
enum { STRIDE = 47, FEWER = 5, RACES_ALONE = true };
#else
enum { STRIDE = 5, FEWER = 2, RACES_ALONE = false };
#endif
#define FLIPS   (40 / tap_stride(FEWER))
#define CHANCES 20

/* One thread has none, and damage is found by whoever reads. */
static bool
more_than_races(void)
{
	return !RACES_ALONE || tap_stride(2) == 1;
}

static char root[32], path[64];
static uint64_t seed, seq;
static bool turned; /* rows' addresses are exchanged */
static struct testbatch t;

/* Row i of every block of a day.  One address has more rows than a chunk,
 * others lie at both ends of what there is, and many share a high half. */
static void
make_row4(struct godb_row4 *r, size_t i, int64_t day)
{
	uint32_t k = (uint32_t)(i * 2654435761u);

	memset(r->sip, 0, 4);
	if (i < 3000) {
		r->sip[0] = 10;
	} else if (i < 3100) {
		memset(r->sip, i % 2 ? 0xff : 0, 4);
	} else {
		r->sip[0] = (uint8_t)(k >> 8);
		r->sip[2] = (uint8_t)(k >> 16 & 3);
		r->sip[3] = (uint8_t)day;
	}
	r->dip[0] = (uint8_t)(i % 5 * 50);
	r->dip[1] = 0;
	r->dip[2] = (uint8_t)(i >> 8);
	r->dip[3] = (uint8_t)i;
	r->dport = i % 3 ? 443 : 53;
	r->proto = i % 3 ? 6 : 17;
	r->l7 = (uint16_t)(i % 3);
}

static void
make_row6(struct godb_row6 *r, size_t i, int64_t day)
{
	memset(r->sip, i % 50 == 1 ? 0xff : 0, 16);
	if (i % 2 == 0) {
		r->sip[1] = 1;
		r->sip[14] = (uint8_t)(i >> 8);
		r->sip[15] = (uint8_t)i;
	} else if (i % 50 != 1) {
		r->sip[0] = (uint8_t)(i >> 4);
		r->sip[5] = (uint8_t)(i + (size_t)day);
	}
	memset(r->dip, 7, 16);
	r->dip[2] = (uint8_t)(i >> 8);
	r->dip[3] = (uint8_t)i;
	r->dport = i % 7 ? 443 : 22;
	r->proto = 6;
	r->l7 = (uint16_t)(i % 3);
}

/* Who received is who sent. */
static void
turn_round(void *sip, void *dip, size_t bytes)
{
	uint8_t was[16];

	memcpy(was, sip, bytes);
	memcpy(sip, dip, bytes);
	memcpy(dip, was, bytes);
}

static void
add_block(struct godb_writer *w, const char *iface, int64_t slot_s, size_t rows,
    bool commit)
{
	static const char *const apps[] = {"DNS", "TLS", "SSH"};

	for (size_t from = 0; from < rows; from += BATCH_ROWS) {
		batch_make(&t, &seed, iface, slot_s, 1, ++seq, BATCH_ROWS,
		    BATCH_ROWS);
		for (size_t i = 0; i < 3; i++)
			strncpy(t.names[i].name, apps[i],
			    sizeof(t.names[i].name));
		for (size_t i = 0; i < BATCH_ROWS; i++) {
			make_row4(&t.rows4[i], from + i, (slot_s - T0) / DAY);
			make_row6(&t.rows6[i], from + i, (slot_s - T0) / DAY);
			if (!turned)
				continue;
			turn_round(t.rows4[i].sip, t.rows4[i].dip, 4);
			turn_round(t.rows6[i].sip, t.rows6[i].dip, 16);
		}
		if (godb_writer_append(w, &t.b) != 0)
			abort();
	}
	if (commit && godb_writer_commit(w, iface, slot_s, NULL) != 0)
		abort();
}

static void
make_store(int64_t days, bool two_ifaces)
{
	struct godb_writer *w;

	folder_remove(path);
	if (store_open(path, &w) < 0)
		abort();
	for (int64_t day = T0; day < T0 + days * DAY; day += DAY)
		for (int64_t hour = 0; hour < 3; hour++) {
			add_block(w, "eth0", day + hour * HOUR, ROWS, true);
			if (two_ifaces)
				add_block(w, "eth1", day + hour * HOUR, FEW,
				    true);
		}
	if (upkeep(w, NOW) != 0)
		abort();
	godb_writer_close(w);
}

/* ---- questions ----------------------------------------------------------- */

/* Bins are not the roll-ups' days. */
static int64_t
two_days_of(void *arg, int64_t slot_s)
{
	(void)arg;
	return slot_s - (slot_s - T0) % (2 * DAY);
}

static const char *const keys[] = {"sip,dip", "sip", "dip", "sip/24/48,dport",
    "dip/4/20,proto", "sip/0/0", "sip/9/72,dip", "iface,dip", "time,sip",
    "iface,sip,dip,dport,proto,l7proto", "dport,proto", "host", "iface,sip",
    "sip/8/128", "sip/32/48", "sip"};
#define KEYS (sizeof(keys) / sizeof(*keys))

static const char *const conditions[] = {"", "dport = 443", "ipv6",
    "proto = UDP and not (sip = 10.0.0.0)", "sip in 10.0.0.0/8",
    "not (dip in 50.0.0.0/8)", "l7proto = DNS or sip = 0.0.0.0",
    "sip = 2001:db8::1", "dport = 1"};
#define CONDITIONS (sizeof(conditions) / sizeof(*conditions))

static bool
ask(struct godb_query_opts *opts, const char *what, const char *cond,
    int64_t first_s, struct godb_result_stats *stats)
{
	opts->bin = two_days_of;
	return ask_both_ways(path, opts, what, cond, first_s, INT64_MAX,
	    stats);
}

/* All questions; from is before the first day, or in it. */
static void
ask_all(const char *when, struct godb_pool *pool, int64_t from,
    uint64_t rollups, uint64_t unreadable)
{
	unsigned wrong = 0, other_plan = 0;

	for (size_t i = 0; i < KEYS * CONDITIONS * 2;
	     i += tap_stride(STRIDE)) {
		struct godb_query_opts opts = GODB_QUERY_OPTS_INIT;
		const char *what = keys[i / 2 % KEYS];
		const char *cond = conditions[i / 2 / KEYS];
		struct godb_result_stats stats;

		opts.pool = pool;
		opts.limit = i % 2 ? 1 + tap_random(&seed) % 30 : 0;
		opts.ascending = tap_random(&seed) % 4 == 0;
		opts.direction = (enum godb_direction)(tap_random(&seed) % 3);
		if (tap_random(&seed) % 3 == 0)
			opts.sort = GODB_SORT_PACKETS;
		if (!ask(&opts, what, cond, from, &stats)) {
			diag("%s where %s, first %zu", what, cond, opts.limit);
			wrong++;
		}
		other_plan += stats.rollups != rollups ||
		    stats.rollups_unreadable != unreadable;
	}
	is_int(wrong, 0, "%s: questions have one answer", when);
	is_int(other_plan, 0, "all by roll-ups, %llu of them",
	    (unsigned long long)rollups);
}

/* Different values are counted where groups come together. */
static void
ask_counts(const char *when, struct godb_pool *pool, int64_t from,
    uint64_t rollups)
{
	unsigned wrong = 0, other_plan = 0;

	for (size_t i = 0; i < KEYS * CONDITIONS;
	     i += 5 * tap_stride(5)) {
		struct godb_query_opts opts = GODB_QUERY_OPTS_INIT;
		const char *what = keys[i % KEYS];
		const char *cond = conditions[i / KEYS];
		uint32_t counted = 1 + (uint32_t)(tap_random(&seed) % 7);
		enum godb_metric by = GODB_METRIC_SIPS +
		    (enum godb_metric)__builtin_ctz(counted);
		struct godb_result_stats stats;

		opts.pool = pool;
		opts.metrics = counted << GODB_METRIC_SIPS;
		opts.limit = i % 2 ? 1 + tap_random(&seed) % 30 : 0;
		opts.ascending = tap_random(&seed) % 4 == 0;
		if (tap_random(&seed) % 3)
			opts.sort = GODB_SORT_METRIC(by);
		if (!ask(&opts, what, cond, from, &stats)) {
			diag("%s where %s, first %zu, of %#x", what, cond,
			    opts.limit, counted);
			wrong++;
		}
		other_plan += stats.rollups != rollups;
	}
	is_int(wrong, 0, "%s: counts have one answer", when);
	is_int(other_plan, 0, "all by roll-ups");
}

/* What there is to hold and what there is to see, whoever reads it. */
static void
test_bounds(struct godb_pool *pool)
{
	static const struct {
		const char *keys;
		uint32_t metrics;
	} what[] = {{"sip,dip", 0}, {"dip", 0},
	    {"sip,dip", 1u << GODB_METRIC_DPORTS},
	    {"sip", 1u << GODB_METRIC_DPORTS | 1u << GODB_METRIC_DIPS}};

	for (size_t i = 0; i < sizeof(what) / sizeof(*what); i++) {
		struct godb_query_opts opts = GODB_QUERY_OPTS_INIT;
		struct godb_result_stats stats;

		opts.pool = pool;
		opts.limit = 3;
		opts.metrics = what[i].metrics;
		ok(ask(&opts, what[i].keys, "", 0, &stats), "%s, %#x",
		    what[i].keys, what[i].metrics);
		ok(stats.mem_bytes < 1 << 20, "%zu bytes are held",
		    stats.mem_bytes);
		is_int((int64_t)stats.rows, DAYS * 2 * (ROWS + FEW),
		    "each row is seen once");
		is_int((int64_t)stats.rows_matched, (int64_t)stats.rows,
		    "and counted");
		opts.mem_bytes = 32 << 20;
		ok(ask(&opts, what[i].keys, "proto = TCP", 0, &stats),
		    "with little memory");
	}
}

static void
test_cancel(struct godb_pool *pool)
{
	struct godb_query_opts opts = GODB_QUERY_OPTS_INIT;
	struct godb_result *r = NULL;
	struct godb_diag d;
	struct view v;
	int cancel = 1;

	if (view_open(path, &v) < 0 ||
	    godb_keys_parse("sip,dip", &opts.keys, &d) < 0)
		abort();
	opts.pool = pool;
	opts.cancel = &cancel;
	is_int(godb_query_run(v.scan, &opts, &r), GODB_ECANCELLED,
	    "cancelled");
	view_close(&v);
}

struct asked {
	size_t calls, end_at; /* ends it at this call; 0: never */
	size_t done, all;     /* of the last one */
};

static int
note_asked(void *arg, size_t done, size_t all)
{
	struct asked *a = arg;

	a->done = done;
	a->all = all;
	return ++a->calls == a->end_at;
}

/* Whoever asks has a say while groups are finished and ranked, too. */
static void
test_patience(const char *what, bool no_rollups, const char *having)
{
	struct godb_query_opts opts = GODB_QUERY_OPTS_INIT;
	struct godb_cond_opts cond_opts = GODB_COND_OPTS_INIT;
	struct godb_cond *c = NULL;
	struct godb_result *r = NULL;
	struct asked a = {0};
	struct godb_diag d;
	struct view v;
	size_t calls;
	bool ends = true;

	if (view_open(path, &v) < 0 ||
	    godb_keys_parse("sip,dip", &opts.keys, &d) < 0)
		abort();
	cond_opts.having = &opts.keys;
	if (having && godb_cond_parse(having, &cond_opts, &c, &d) < 0)
		abort();
	opts.no_rollups = no_rollups;
	opts.having = c;
	opts.progress = note_asked;
	opts.progress_arg = &a;
	is_int(godb_query_run(v.scan, &opts, &r), 0, "%s: answered", what);
	ok(a.calls > a.all, "  asked %zu times for %zu steps", a.calls, a.all);
	is_int((int64_t)a.done, (int64_t)a.all, "  when all is read, too");
	godb_result_free(r);
	calls = a.calls;
	for (size_t at = 1; ends && at <= calls; at += 1 + calls / FLIPS) {
		a = (struct asked){.end_at = at == 1 ? calls : at};
		ends = godb_query_run(v.scan, &opts, &r) == GODB_ECANCELLED;
	}
	ok(ends, "  and ended at any of them");
	godb_cond_free(c);
	view_close(&v);
}

/* Rows beside the roll-ups: of a late record, of a journal, and of a day of
 * which but a part is asked for. */
static void
add_others(void)
{
	struct godb_writer *w;

	if (store_open(path, &w) < 0)
		abort();
	add_block(w, "eth0", T0 + DAY + HOUR, 1200, true);
	add_block(w, "eth1", T0 + DAYS * DAY, 800, false);
	godb_writer_close(w);
}

/* A roll-up that cannot be read is replaced by its blocks. */
static void
test_damage(struct godb_pool *pool)
{
	struct godb_query_opts opts = GODB_QUERY_OPTS_INIT;
	struct godb_result_stats stats;

	make_store(DAYS, true);
	store_flip(path, "eth0/2025-11-26/rollups.gpf", 9000);
	store_flip(path, "eth1/2025-11-25/rollups.gpf", 9000);
	opts.pool = pool;
	opts.limit = 10;
	ok(ask(&opts, "sip,dip", "", 0, &stats), "damaged");
	is_int((int64_t)stats.rollups_unreadable, 2, "two are not read");
	is_int((int64_t)stats.rollups, 4, "the others are");
}

/* Wherever the damage is. */
static void
test_flips(struct godb_pool *pool)
{
	static const char *const file[] = {"eth0/2025-11-26/rollups.gpf",
	    "eth1/2025-11-27/rollups.gpf", "eth0/2025-11-25/rollups.idx"};
	unsigned wrong = 0, noticed = 0;

	make_store(DAYS, true);
	for (unsigned i = 0; i < FLIPS; i++) {
		struct godb_query_opts opts = GODB_QUERY_OPTS_INIT;
		struct godb_result_stats stats;
		int64_t at = (int64_t)(tap_random(&seed) >> 1);

		store_flip(path, file[i % 3], at);
		opts.pool = pool;
		opts.limit = i % 2 ? 10 : 0;
		wrong += !ask(&opts, i % 4 < 2 ? "sip,dip,dport" : "sip,dip",
		    i % 5 ? "" : "dport = 443", 0, &stats);
		noticed += stats.rollups < DAYS * 2;
		store_flip(path, file[i % 3], at);
	}
	is_int(wrong, 0, "a bit is wrong somewhere, the answer is not");
	ok(noticed >= FLIPS / 4, "of %u flips something was noticed", noticed);
}

static bool
is_fewer(const struct godb_result_stats *few,
    const struct godb_result_stats *all)
{
	return all->bytes_decoded > few->bytes_decoded + few->rows * 2;
}

/* Of one interface's one day each row by sip, or dip, is a group: it is read if
 * its counters say that it is among the best.  Those of each thread are, so how
 * many are is chance for threads: not all, each time. */
static void
test_alone(struct godb_pool *pool, const char *what)
{
	struct godb_query_opts opts = GODB_QUERY_OPTS_INIT;
	struct godb_result_stats few, all;

	opts.pool = pool;
	opts.limit = 3;
	ok(ask(&opts, what, "", 0, &few), "the best three by %s", what);
	ok(few.rows < ROWS, "of rows that are groups");
	is_int((int64_t)few.rows_matched, (int64_t)few.rows, "all count");
	ok(few.mem_bytes < 256 << 10, "%zu bytes are held", few.mem_bytes);
	opts.metrics = 1u << (what[0] == 's' ? GODB_METRIC_SIPS :
					      GODB_METRIC_DIPS);
	ok(ask(&opts, what, "", 0, &all), "with a count of them");
	opts.metrics = 0;
	opts.limit = 0;
	ok(ask(&opts, what, "", 0, &all), "all of them");
	opts.limit = 3;
	for (int i = 0; pool && i < CHANCES && !is_fewer(&few, &all); i++)
		if (few.bytes_decoded > all.bytes_decoded ||
		    !ask(&opts, what, "", 0, &few))
			break;
	ok(is_fewer(&few, &all), "%llu bytes decoded for three, %llu for all",
	    (unsigned long long)few.bytes_decoded,
	    (unsigned long long)all.bytes_decoded);
}

/* Wherever the damage is in the roll-up by that address, which lies behind the
 * larger ones.  What is read of it, so whether damage is noticed, is chance for
 * threads: each has its own best. */
static void
test_alone_damaged(struct godb_pool *pool, const char *what)
{
	static const char file[] = "eth0/2025-11-25/rollups.gpf";
	unsigned wrong = 0, noticed = 0, n = 4 * FLIPS;
	char name[128];
	struct stat st;

	(void)snprintf(name, sizeof(name), "%s/%s", path, file);
	if (stat(name, &st) < 0)
		abort();
	no_own_scan = pool != NULL;
	for (unsigned i = 0; i < n; i++) {
		struct godb_query_opts opts = GODB_QUERY_OPTS_INIT;
		struct godb_result_stats stats;
		int64_t at = st.st_size - st.st_size / 6 * (i + 1) / n;

		store_flip(path, file, at);
		opts.pool = pool;
		opts.limit = 1 + i % 20;
		wrong += !ask(&opts, what, i % 5 ? "" : "ipv6", 0, &stats);
		noticed += stats.rollups_unreadable > 0;
		store_flip(path, file, at);
	}
	no_own_scan = false;
	is_int(wrong, 0, "a bit of it is wrong, the answer is not");
	ok(noticed > n / 2 && (pool || noticed < n),
	    "of %u flips %u were noticed: not all had to be read", n, noticed);
}

int
main(void)
{
	struct godb_pool *pool;

	seed = tap_seed(20251129);
	if (!folder_temporary(root, sizeof(root)) ||
	    eager_pool(3, &pool) < 0)
		return 1;
	snprintf(path, sizeof(path), "%s/store", root);
	make_store(DAYS, true);
	if (more_than_races())
		ask_all("alone", NULL, 0, DAYS * 2, 0);
	ask_all("three threads", pool, 0, DAYS * 2, 0);
	ask_counts("three threads", pool, 0, DAYS * 2);
	if (more_than_races())
		test_bounds(NULL);
	test_bounds(pool);
	test_cancel(pool);
	test_patience("ranges", false, NULL);
	test_patience("hashes", true, NULL);
	test_patience("having", true, "bytes > 1000");
	add_others();
	ask_all("and others beside them", pool, T0 + HOUR, DAYS * 2 - 2, 0);
	if (more_than_races()) {
		ask_counts("and others beside them", pool, T0 + HOUR,
		    DAYS * 2 - 2);
		test_damage(pool);
		test_flips(pool);
	}
	make_store(1, false);
	if (more_than_races()) {
		ask_all("one day, alone", NULL, 0, 1, 0);
		ask_counts("one day, alone", NULL, 0, 1);
		test_alone(NULL, "sip");
		test_alone_damaged(NULL, "sip");
		test_alone_damaged(pool, "sip");
	}
	ask_all("one day, three threads", pool, 0, 1, 0);
	test_alone(pool, "sip");
	turned = true;
	make_store(1, false);
	test_alone(pool, "dip");
	if (more_than_races()) {
		test_alone_damaged(NULL, "dip");
		test_alone_damaged(pool, "dip");
	}
	add_others();
	ask_all("one day, and others beside it", pool, 0, 1, 0);
	godb_pool_free(pool);
	folder_remove(root);
	return tap_done();
}
