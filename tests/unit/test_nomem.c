/*
 * Memory runs out, once or for a while, at each allocation of writing, opening
 * and asking: -ENOMEM comes back, nothing is kept by half or taken for damage,
 * nothing leaks (in the sanitizer's build), and the next attempt goes on.
 *
 * The library's allocations are wrapped by the linker; those of libc are not.
 */
#include "tests/lib/rolluptest.h"

#include "common/base/clock.h"

/* ---- allocations --------------------------------------------------------- */

static bool armed;
static long countdown; /* allocations until one fails */
static bool for_good;  /* and all after it */
static long n_calls;

static bool
fails(void)
{
	if (!armed)
		return false;
	n_calls++;
	if (countdown > 0) {
		countdown--;
		return false;
	}
	if (!for_good)
		armed = false;
	errno = ENOMEM;
	return true;
}

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *
__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);
void *
__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
void *
__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails() ? NULL : __real_reallocarray(p, n, size);
}

char *__real_strdup(const char *s);
char *__wrap_strdup(const char *s);
char *
__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

static void
arm(long at, bool forever)
{
	armed = true;
	countdown = at;
	for_good = forever;
	n_calls = 0;
}

/* ---- writing ------------------------------------------------------------- */

static char root[32], path[64], copy[64];

enum step_kind { OPEN, APPEND, COMMIT, SYNC, RETAIN, CLOSE };
static const struct step {
	enum step_kind kind;
	int64_t slot_s;
	const char *iface;
} steps[] = {
    {OPEN, 0, NULL},
    {APPEND, T0, "eth0"},
    {APPEND, T0, "eth0"},
    {APPEND, T0, "eth1"},
    {APPEND, T0 + 300, "eth0"},
    {SYNC, 0, NULL},
    {COMMIT, T0, "eth0"},
    {APPEND, T0, "eth0"}, /* late */
    {COMMIT, T0, "eth0"},
    {CLOSE, 0, NULL},
    {OPEN, 0, NULL},
    {APPEND, T0 + GP_DAY_S, "eth0"},
    {APPEND, T0 + 300, "eth1"},
    {RETAIN, T0 + GP_DAY_S, NULL},
    {COMMIT, T0 + 300, "eth0"},
    {CLOSE, 0, NULL},
};
#define STEPS   (sizeof(steps) / sizeof(*steps))
#define BATCHES 7
static struct testbatch batches[BATCHES];

static int
retain(struct godb_writer *w, int64_t now_s)
{
	struct godb_retain_opts o = GODB_RETAIN_OPTS_INIT;
	struct godb_retain *r;
	int rc;

	o.now_s = now_s;
	o.retain_days = 300;
	rc = godb_retain_new(w, &o, &r);
	if (rc < 0)
		return rc;
	do
		rc = godb_retain_step(r, GP_NS_PER_S);
	while (rc == 1);
	godb_retain_free(r);
	return rc;
}

static int
do_step(struct godb_writer **w, const struct step *s, size_t batch)
{
	int rc;

	switch (s->kind) {
	case OPEN:
		return store_open(path, w);
	case APPEND:
		rc = godb_writer_append(*w, &batches[batch].b);
		armed = false;
		/* and is known */
		if (rc == 0 && godb_writer_append(*w, &batches[batch].b) != 1)
			rc = -EEXIST;
		return rc;
	case COMMIT:
		return godb_writer_commit(*w, s->iface, s->slot_s, NULL);
	case SYNC:
		return godb_writer_sync(*w);
	case RETAIN:
		return retain(*w, s->slot_s);
	case CLOSE:
	default:
		godb_writer_close(*w);
		*w = NULL;
		return 0;
	}
}

static bool
holds(const char *where, size_t n)
{
	struct facts want = {0};
	size_t told;
	bool same;

	for (size_t i = 0; i < n; i++)
		facts_add_batch(&want, &batches[i].b);
	same = store_equals(where, &want, &told);
	facts_free(&want);
	return same && told == 0;
}

/* The story with its at-th allocation failing; false when a step says other
 * than -ENOMEM, or fails again without a reason. */
static bool
story(long at, bool forever)
{
	struct godb_writer *w = NULL;
	size_t batch = 0;
	bool good = true;
	long made = 0;

	folder_remove(path);
	for (size_t i = 0; i < STEPS; i++) {
		int rc;

		arm(at - made, forever);
		if (at < made)
			armed = false;
		rc = do_step(&w, &steps[i], batch);
		armed = false;
		made += n_calls;
		if (rc == -ENOMEM) {
			/* what did not succeed is not there */
			if (w)
				good = good && holds(path, batch);
			rc = do_step(&w, &steps[i], batch);
			made = at + 1;
		}
		if (rc != 0) {
			diag("allocation %ld, step %zu: %s", at, i,
			    godb_strerror(rc));
			godb_writer_close(w);
			return false;
		}
		batch += steps[i].kind == APPEND;
	}
	n_calls = made;
	return good && holds(path, BATCHES);
}

static void
test_writing(uint64_t seed, long every)
{
	long calls, bad = 0;

	ok(story(INT64_MAX / 2, false), "the story");
	calls = n_calls;
	ok(calls > 100, "makes %ld allocations", calls);
	for (int forever = 0; forever < 2; forever++) {
		bad = 0;
		for (long at = (long)(tap_random(&seed) % 4); at < calls;
		     at += every)
			if (!story(at, forever)) {
				diag("allocation %ld", at);
				bad++;
			}
		is_int(bad, 0, "each fails%s: tried again, all is there once",
		    forever ? ", and those after it" : "");
	}
}

/* ---- opening ------------------------------------------------------------- */

/* Whether a journal was set aside as damaged. */
static bool
is_damaged(void)
{
	static const char *const names[] = {"eth0/journal/1764028800",
	    "eth0/journal/1764029100", "eth0/journal/1764115200",
	    "eth1/journal/1764028800", "eth1/journal/1764029100"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char name[128];

		snprintf(name, sizeof(name), "%s/%s.gpj.damaged", path,
		    names[i]);
		if (access(name, F_OK) == 0)
			return true;
	}
	return false;
}

static void
test_opening(void)
{
	struct godb_writer *w;
	long at, bad = 0, refused = 0;
	int rc;

	folder_remove(path);
	if (store_open(path, &w) < 0)
		abort();
	for (size_t i = 0; i < BATCHES; i++)
		if (godb_writer_append(w, &batches[i].b) != 0)
			abort();
	if (godb_writer_commit(w, "eth0", T0, NULL) < 0)
		abort();
	godb_writer_close(w);
	folder_copy(path, copy);
	for (at = 0;; at++) {
		folder_copy(copy, path);
		w = NULL;
		arm(at, at % 2);
		rc = store_open(path, &w);
		armed = false;
		refused += rc != 0;
		bad += (rc != 0 && rc != -ENOMEM) || (rc == 0) != (w != NULL);
		godb_writer_close(w);
		bad += !holds(path, BATCHES) || is_damaged();
		if (store_open(path, &w) < 0)
			abort();
		for (size_t i = 0; i < BATCHES; i++)
			bad += godb_writer_append(w, &batches[i].b) != 1;
		godb_writer_close(w);
		if (n_calls <= at)
			break;
	}
	ok(refused > 20, "journals are read with %ld allocations", refused);
	is_int(bad, 0, "without one of them: -ENOMEM, the journals stay");
}

/* ---- reading ------------------------------------------------------------- */

static uint64_t rows_seen, groups_seen, listed;

static int
load_all(const struct view *v, bool *told)
{
	struct godb_cursor *c;
	int rc = godb_cursor_new(v->scan, &c);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < godb_scan_n_parts(v->scan); i++) {
		struct godb_columns columns;
		struct godb_fault fault = {0};

		rc = godb_cursor_load(c, i, GODB_COL_ALL, true, true, &columns,
		    &fault);
		if (rc < 0)
			break;
		rows_seen += columns.n4 + columns.n6;
	}
	godb_cursor_free(c);
	for (size_t i = 0; i < godb_scan_n_faults(v->scan); i++)
		*told = true;
	return rc;
}

static int
ask(const struct view *v, bool *told)
{
	struct godb_query_opts o = GODB_QUERY_OPTS_INIT;
	struct godb_result *r;
	struct godb_cond *cond = NULL;
	struct godb_diag d;
	int rc = godb_keys_parse("talk_conv", &o.keys, &d);

	if (rc == 0)
		rc = godb_cond_parse("host 10.0.0.0/8 and not port 80", NULL,
		    &cond, &d);
	o.cond = cond;
	if (rc == 0)
		rc = godb_query_run(v->scan, &o, &r);
	if (rc == 0) {
		groups_seen += godb_result_n_rows(r);
		*told = *told || godb_result_n_faults(r) > 0;
		godb_result_free(r);
	}
	godb_cond_free(cond);
	return rc;
}

static int
look(bool *told)
{
	struct godb_check_opts o = GODB_CHECK_OPTS_INIT;
	struct godb_check_report report = {0};
	struct godb_list *list;
	struct view v;
	int rc = view_open(path, &v);

	rows_seen = groups_seen = listed = 0;
	*told = false;
	if (rc < 0)
		return rc;
	rc = load_all(&v, told);
	if (rc == 0)
		rc = ask(&v, told);
	if (rc == 0)
		rc = godb_list_new(v.reader, NULL, &list);
	if (rc == 0) {
		listed = godb_list_n(list);
		godb_list_free(list);
		rc = godb_check(v.reader, &o, &report);
		*told = *told || report.faults > 0;
	}
	view_close(&v);
	return rc;
}

static void
test_reading(void)
{
	uint64_t rows, groups;
	long bad = 0, refused = 0;
	bool told;

	if (look(&told) != 0 || told)
		abort();
	rows = rows_seen;
	groups = groups_seen;
	ok(rows > 50 && groups > 10 && listed == 2, "%ld rows, %ld groups",
	    (long)rows, (long)groups);
	for (long at = 0;; at++) {
		int rc;

		arm(at, at % 2);
		rc = look(&told);
		armed = false;
		refused += rc != 0;
		if (rc == 0 && !told && (rows_seen != rows ||
		    groups_seen != groups || listed != 2)) {
			diag("allocation %ld: %ld rows, %ld groups, no word",
			    at, (long)rows_seen, (long)groups_seen);
			bad++;
		}
		if (rc != 0 && rc != -ENOMEM) {
			diag("allocation %ld: %s", at, godb_strerror(rc));
			bad++;
		}
		if (n_calls <= at)
			break;
	}
	ok(refused > 50, "a look takes %ld allocations", refused);
	is_int(bad, 0, "without one of them: -ENOMEM, or it is told");
}

/* ---- roll-ups ------------------------------------------------------------ */

#define ROLLED 17600 /* rows: enough to be swept */

/* A day whose three blocks have the same rows. */
static void
make_rolled(void)
{
	static struct testbatch t;
	uint64_t seed = 5, seq = 0;
	struct godb_writer *w;

	folder_remove(path);
	if (store_open(path, &w) < 0)
		abort();
	for (int64_t slot_s = T0; slot_s < T0 + 3 * 3600; slot_s += 3600) {
		for (size_t from = 0; from < ROLLED; from += BATCH_ROWS) {
			batch_make(&t, &seed, "eth0", slot_s, 1, ++seq,
			    BATCH_ROWS, 0);
			/* a day with any is not held */
			t.b.counters.overflow = 0;
			strncpy(t.names[0].name, "TLS",
			    sizeof(t.names[0].name));
			for (size_t i = 0; i < BATCH_ROWS; i++) {
				t.rows4[i].sip[3] = (uint8_t)(from + i);
				t.rows4[i].dip[2] = (uint8_t)((from + i) >> 8);
				t.rows4[i].dip[3] = 1;
				t.rows4[i].dport = 443;
				t.rows4[i].proto = 6;
				t.rows4[i].l7 = 0;
			}
			if (godb_writer_append(w, &t.b) != 0)
				abort();
		}
		if (godb_writer_commit(w, "eth0", slot_s, NULL) != 0)
			abort();
	}
	if (upkeep(w, T0 + 30 * 86400) != 0)
		abort();
	godb_writer_close(w);
}

static int
ask_rolled(const struct godb_scan *scan, const struct godb_query_opts *o,
    uint64_t sum[4], uint64_t *rollups)
{
	struct godb_result_stats stats;
	struct godb_result *r;
	int rc = godb_query_run(scan, o, &r);

	if (rc < 0)
		return rc;
	godb_result_totals(r, sum);
	godb_result_stats(r, &stats);
	*rollups = stats.rollups;
	godb_result_free(r);
	return 0;
}

/* The same of a scan that is opened for it, instead of one that is there. */
static int
ask_own(const struct view *v, const struct godb_query_opts *o,
    uint64_t sum[4], uint64_t *rollups)
{
	struct godb_scan_opts opts = GODB_SCAN_OPTS_INIT;
	struct godb_rolled rolled;
	struct godb_scan *own;
	int rc;

	opts.question = o;
	rc = godb_scan_open(v->reader, &opts, &own);
	if (rc < 0)
		return rc;
	godb_scan_rolled(own, 0, &rolled);
	rc = ask_rolled(own, o, sum, rollups);
	godb_scan_close(own);
	/* without memory a day is not taken for one that must be read */
	return rc == 0 && rolled.days != 1 ? -EINVAL : rc;
}

static void
ask_without(const struct view *v, bool own, const char *what)
{
	struct godb_query_opts o = GODB_QUERY_OPTS_INIT;
	uint64_t want[4], sum[4], rollups;
	long bad = 0, refused = 0;
	struct godb_diag d;

	o.limit = 3;
	if (godb_keys_parse("sip,dip", &o.keys, &d) < 0 ||
	    ask_rolled(v->scan, &o, want, &rollups) < 0)
		abort();
	for (long at = 0;; at++) {
		int rc;

		arm(at, at % 2);
		rc = own ? ask_own(v, &o, sum, &rollups) :
			   ask_rolled(v->scan, &o, sum, &rollups);
		armed = false;
		refused += rc != 0;
		if (rc == 0 ? memcmp(sum, want, sizeof(sum)) != 0 :
			      rc != -ENOMEM) {
			diag("allocation %ld: %d", at, rc);
			bad++;
		}
		if (n_calls <= at)
			break;
	}
	ok(refused > 40, "%s takes %ld allocations", what, refused);
	is_int(bad, 0, "without one of them: -ENOMEM, or the answer");
}

static void
test_rolled(void)
{
	struct godb_query_opts o = GODB_QUERY_OPTS_INIT;
	uint64_t sum[4], rollups;
	struct godb_diag d;
	struct view v;
	char file[96];

	make_rolled();
	if (view_open(path, &v) < 0 ||
	    godb_keys_parse("sip,dip", &o.keys, &d) < 0 ||
	    ask_rolled(v.scan, &o, sum, &rollups) < 0)
		abort();
	is_int((int64_t)rollups, 1, "a question to a roll-up");
	ask_without(&v, false, "it");
	ask_without(&v, true, "with a scan of its own it");
	snprintf(file, sizeof(file), "%s/eth0/2025-11-25/rollups.gpf", path);
	if (truncate(file, 64) < 0)
		abort();
	ask_without(&v, true, "where the roll-up is damaged it");
	view_close(&v);
}

int
main(void)
{
	uint64_t seed = 11, seq = 0;

	if (!folder_temporary(root, sizeof(root)))
		return 1;
	snprintf(path, sizeof(path), "%s/store", root);
	snprintf(copy, sizeof(copy), "%s/copy", root);
	for (size_t i = 0; i < STEPS; i++)
		if (steps[i].kind == APPEND) {
			batch_make(&batches[seq], &seed, steps[i].iface,
			    steps[i].slot_s, 1, seq + 1, 20, 12);
			seq++;
		}
	if (seq != BATCHES)
		return 1;
	test_writing(tap_seed(20261129), getenv("LONG") ? 1 : 4);
	test_opening();
	test_reading();
	test_rolled();
	folder_remove(root);
	return tap_done();
}
