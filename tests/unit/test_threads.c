/* One reader and one scan, used from several threads at the same time, beside
 * a writer: everybody sees the same.  Built with ThreadSanitizer too. */
#include "tests/lib/eagerpool.h"
#include "tests/lib/storetest.h"

#include <pthread.h>
#include <stdatomic.h>

#define THREADS 4
#define ROUNDS  6

static char root[32], path[64];
static struct godb_reader *reader;
static struct godb_scan *scan;
static uint64_t want[4];
static atomic_int wrong, done;
static struct godb_pool *pools[THREADS];

static void
sum_cursor(uint64_t sum[4])
{
	struct godb_cursor *c;

	if (godb_cursor_new(scan, &c) < 0)
		abort();
	for (size_t i = 0; i < godb_scan_n_parts(scan); i++) {
		struct godb_columns col;

		if (godb_cursor_load(c, i, GODB_COL_ALL, true, true, &col,
			NULL) < 0)
			abort();
		for (uint32_t r = 0; r < col.n4 + col.n6; r++)
			for (int k = 0; k < 4; k++)
				sum[k] += col.counter[k][r];
	}
	godb_cursor_free(c);
}

static void
ask(struct godb_pool *pool)
{
	struct godb_query_opts o = GODB_QUERY_OPTS_INIT;
	struct godb_diag d;
	struct godb_result *r;
	uint64_t sum[4];

	o.pool = pool;
	if (godb_keys_parse("sip,l7proto", &o.keys, &d) < 0 ||
	    godb_query_run(scan, &o, &r) < 0)
		abort();
	godb_result_totals(r, sum);
	wrong += memcmp(sum, want, sizeof(sum)) != 0;
	godb_result_free(r);
}

static void
look(struct godb_pool *pool)
{
	struct godb_check_opts o = GODB_CHECK_OPTS_INIT;
	struct godb_check_report report;
	struct godb_scan_opts so = GODB_SCAN_OPTS_INIT;
	struct godb_list *l;
	struct godb_scan *own;

	so.pool = pool;
	if (godb_list_new(reader, NULL, &l) < 0 ||
	    godb_scan_open(reader, &so, &own) < 0)
		abort();
	godb_list_free(l);
	godb_scan_close(own);
	if (godb_check(reader, &o, &report) < 0 || report.faults > 0)
		wrong++;
}

static void *
work(void *arg)
{
	size_t i = (size_t)(uintptr_t)arg;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t sum[4] = {0};

		sum_cursor(sum);
		wrong += memcmp(sum, want, sizeof(sum)) != 0;
		ask(i % 2 ? pools[i] : NULL);
		if (round == (int)i)
			look(pools[i]);
	}
	done++;
	return NULL;
}

static void
add(struct godb_writer *w, uint64_t *seed, uint64_t seq, bool commit)
{
	static struct testbatch t;
	int64_t slot_s = T0 + (int64_t)(seq / 2 % 12 * 86400 + seq / 24 * 300);

	batch_make(&t, seed, seq % 2 ? "eth1" : "eth0", slot_s, 1, seq + 1, 60,
	    30);
	if (godb_writer_append(w, &t.b) != 0 ||
	    (commit && godb_writer_commit(w, t.b.iface, slot_s, NULL) != 0))
		abort();
}

/* A flag that another thread sets ends what goes on. */
static int flag;

static void *
set_flag(void *arg)
{
	(void)arg;
	__atomic_store_n(&flag, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void
test_cancel(void)
{
	struct godb_query_opts o = GODB_QUERY_OPTS_INIT;
	struct godb_scan_opts so = GODB_SCAN_OPTS_INIT;
	struct godb_check_opts co = GODB_CHECK_OPTS_INIT;
	struct godb_check_report report;
	struct godb_result *r;
	struct godb_scan *s;
	struct godb_diag d;
	pthread_t thread;

	o.cancel = so.cancel = co.cancel = &flag;
	if (godb_keys_parse("sip", &o.keys, &d) < 0)
		abort();
	is_int(godb_query_run(scan, &o, &r), 0, "a flag that nobody sets");
	godb_result_free(r);
	if (pthread_create(&thread, NULL, set_flag, NULL) != 0)
		abort();
	pthread_join(thread, NULL);
	is_int(godb_query_run(scan, &o, &r), GODB_ECANCELLED, "ends a query");
	is_int(godb_scan_open(reader, &so, &s), GODB_ECANCELLED, "a scan");
	is_int(godb_check(reader, &co, &report), GODB_ECANCELLED, "a check");
}

/* ---- indexes that a pool reads ------------------------------------------- */

static void
break_index(const char *day, const char *how)
{
	char command[256];

	snprintf(command, sizeof(command), "cd '%s/eth0/%s' && %s", path, day,
	    how);
	if (system(command) != 0)
		abort();
}

/* What cannot be read is told as without threads. */
static void
test_faults_of_pool(void)
{
	struct godb_scan_opts so = GODB_SCAN_OPTS_INIT;
	struct godb_scan *alone, *shared;
	struct godb_pool *pool;
	unsigned differ = 0;

	break_index("2025-11-26", "rm blocks.idx && mkdir blocks.idx");
	break_index("2025-11-28", "printf x | dd of=blocks.idx bs=1 seek=10 "
	    "conv=notrunc status=none");
	break_index("2025-11-30", "printf x | dd of=blocks.idx bs=1 seek=120 "
	    "conv=notrunc status=none");
	break_index("2025-12-02", "rm blocks.idx");
	if (eager_pool(3, &pool) < 0 ||
	    godb_scan_open(reader, &so, &alone) < 0)
		abort();
	so.pool = pool;
	if (godb_scan_open(reader, &so, &shared) < 0)
		abort();
	is_int((int64_t)godb_scan_n_parts(shared),
	    (int64_t)godb_scan_n_parts(alone), "parts with and without a pool");
	is_int((int64_t)godb_scan_n_faults(shared),
	    (int64_t)godb_scan_n_faults(alone), "faults likewise");
	is_int((int64_t)godb_scan_n_faults(alone), 4,
	    "of four indexes, one that is gone among them");
	for (size_t i = 0; i < godb_scan_n_faults(alone); i++)
		differ += strcmp(godb_scan_fault(alone, i)->place,
		    godb_scan_fault(shared, i)->place) != 0;
	is_int(differ, 0, "in the same places");
	godb_scan_close(alone);
	godb_scan_close(shared);
	godb_pool_free(pool);
}

int
main(void)
{
	struct godb_scan_opts so = GODB_SCAN_OPTS_INIT;
	uint64_t seed = tap_seed(8), seq = 0;
	pthread_t thread[THREADS];
	struct godb_writer *w;

	if (!folder_temporary(root, sizeof(root)))
		return 1;
	snprintf(path, sizeof(path), "%s/store", root);
	if (store_open(path, &w) < 0)
		return 1;
	for (; seq < 60; seq++)
		add(w, &seed, seq, true);
	add(w, &seed, seq++, false); /* live */
	if (godb_reader_open(path, &reader) < 0 ||
	    godb_scan_open(reader, &so, &scan) < 0)
		return 1;
	sum_cursor(want);
	for (size_t i = 0; i < THREADS; i++)
		if (eager_pool(2, &pools[i]) < 0 ||
		    pthread_create(&thread[i], NULL, work,
			(void *)(uintptr_t)i) != 0)
			return 1;
	while (done < THREADS) {
		add(w, &seed, seq, seq % 3 > 0);
		seq++;
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		godb_pool_free(pools[i]);
	}
	is_int(wrong, 0, "%d threads on one scan see what one saw, while %" PRIu64
	    " blocks are written", THREADS, seq - 61);
	ok(want[0] > 0, "which is something");
	test_cancel();
	test_faults_of_pool();
	godb_scan_close(scan);
	godb_reader_close(reader);
	godb_writer_close(w);
	folder_remove(root);
	return tap_done();
}
