/*
 * What a writer does between two looks of a reader that takes stock: none of
 * it is taken for damage, and what is gone is told.
 */
#include "tests/lib/eagerpool.h"
#include "tests/lib/storetest.h"

#include "common/godb/gone.h"

#define DAY INT64_C(86400)
#define NS  INT64_C(1000000000)

static char path[64];

/* ---- the moment ---------------------------------------------------------- */

/* What happens before the folder of that name is opened for the n-th time. */
static struct moment {
	const char *folder;
	unsigned countdown;
	void (*happen)(void);
} moments[3];

int __real_gp_fd_opendir_at(int dir, const char *name);
int __wrap_gp_fd_opendir_at(int dir, const char *name);

int
__wrap_gp_fd_opendir_at(int dir, const char *name)
{
	for (size_t i = 0; i < 3; i++) {
		struct moment *m = &moments[i];

		if (m->countdown > 0 && strcmp(name, m->folder) == 0 &&
		    --m->countdown == 0)
			m->happen();
	}
	return __real_gp_fd_opendir_at(dir, name);
}

static void
happens(unsigned i, const char *folder, unsigned nth, void (*what)(void))
{
	moments[i] = (struct moment){folder, nth, what};
}

static const char *
below(const char *name)
{
	static char full[2][128];
	static unsigned k;

	k ^= 1;
	snprintf(full[k], sizeof(full[k]), "%s/eth0/%s", path, name);
	return full[k];
}

static void
move(const char *from, const char *to)
{
	if (rename(below(from), below(to)) < 0)
		abort();
}

/* A block on each of so many days. */
static void
new_store(unsigned days)
{
	struct godb_writer *w;
	uint64_t seed = 7;

	memset(moments, 0, sizeof(moments));
	folder_remove(path);
	if (store_open(path, &w) < 0)
		abort();
	for (unsigned i = 0; i < days; i++)
		store_add_block(w, &seed, NULL, "eth0", T0 + i * DAY, i + 1,
		    true);
	godb_writer_close(w);
}

/* ---- retention ----------------------------------------------------------- */

static void
remove_first_day(void)
{
	int fd = open(below("."), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || gdi_gone_add(fd, "eth0", 0600, T0) < 0)
		abort();
	close(fd);
	move("2025-11-25", "2025-11-25.removed");
}

/* Nanoseconds of the answer's window that retention has removed. */
static int64_t
pruned(const struct view *v)
{
	struct godb_coverage_opts o = GODB_COVERAGE_OPTS_INIT;
	const struct godb_incomplete *item;
	struct godb_coverage *c;
	int64_t ns = 0;

	o.first_s = T0;
	o.last_s = T0 + 3 * DAY;
	o.now_ns = o.last_s * NS;
	if (godb_coverage_new(v->reader, v->scan, NULL, &o, &c) < 0)
		abort();
	for (size_t i = 0; (item = godb_coverage_incomplete(c, i)); i++)
		if (item->cause == GODB_CAUSE_PRUNED)
			ns += item->last_ns - item->first_ns;
	godb_coverage_free(c);
	return ns;
}

static void
test_removed(void)
{
	struct view v;

	new_store(3);
	happens(0, "2025-11-25", 1, remove_first_day);
	if (view_open(path, &v) < 0)
		abort();
	ok(godb_scan_n_parts(v.scan) == 2 && godb_scan_n_faults(v.scan) == 0 &&
		pruned(&v) == DAY * NS,
	    "a day that is removed after it was listed is told");
	view_close(&v);
}

/* ---- a commit ------------------------------------------------------------ */

static off_t whole; /* bytes of the index */

static void
begin_commit(void)
{
	move("aside", "journal");
}

static void
end_commit(void)
{
	move("2025-11-25/whole", "2025-11-25/blocks.idx");
	move("journal", "aside");
}

/* The index as it is while its last record is being written, and the journal
 * of that made only after a reader has listed them. */
static void
cut_index(off_t bytes)
{
	folder_copy(below("2025-11-25/blocks.idx"), below("2025-11-25/whole"));
	if (truncate(below("2025-11-25/blocks.idx"), bytes) < 0)
		abort();
}

static void
test_committed(void)
{
	static const off_t cuts[] = {-1, -200, 72, 10, 0};
	struct godb_writer *w;
	uint64_t seed = 8;
	struct stat st;

	for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
		struct view v;

		new_store(1);
		if (stat(below("2025-11-25/blocks.idx"), &st) < 0 ||
		    store_open(path, &w) < 0)
			abort();
		whole = st.st_size;
		store_add_block(w, &seed, NULL, "eth0", T0 + 300, 9, false);
		godb_writer_close(w);
		cut_index(cuts[i] < 0 ? whole + cuts[i] : cuts[i]);
		/* it names the block whose record is cut */
		if (cuts[i] != 0 && cuts[i] != 10)
			move("journal/1764029100.gpj",
			    "journal/1764028800.gpj");
		move("journal", "aside");
		/* listed; made before the index is read; gone before it is
		 * asked for again */
		happens(0, "2025-11-25", 1, begin_commit);
		happens(1, "journal", 3, end_commit);
		if (view_open(path, &v) < 0)
			abort();
		ok(godb_scan_n_faults(v.scan) == 0 &&
			moments[1].countdown <= 1,
		    "a commit that ends when %lld bytes were read is no damage",
		    (long long)(cuts[i] < 0 ? whole + cuts[i] : cuts[i]));
		for (size_t k = 0; k < godb_scan_n_faults(v.scan); k++)
			diag("%s: %s", godb_scan_fault(v.scan, k)->place,
			    godb_strerror(godb_scan_fault(v.scan, k)->rc));
		view_close(&v);
	}
}

/* ---- a journal ----------------------------------------------------------- */

#define LARGE 1200000 /* not kept in memory by a scan */

static off_t sound;

static void
cut_journal(void)
{
	if (truncate(below("journal/1764115200.gpj"), sound) < 0)
		abort();
}

static void
test_cut(void)
{
	static struct testbatch t;
	struct godb_writer *w;
	uint64_t seed = 9;
	struct stat st;
	struct view v;

	new_store(1);
	if (store_open(path, &w) < 0)
		abort();
	for (uint64_t seq = 1; seq < 60; seq++) {
		batch_make(&t, &seed, "eth0", T0 + DAY, 9, seq, 400, 400);
		if (godb_writer_append(w, &t.b) != 0)
			abort();
		if (stat(below("journal/1764115200.gpj"), &st) < 0)
			abort();
		if (st.st_size > LARGE)
			break;
		sound = st.st_size;
	}
	godb_writer_close(w);
	/* what a killed writer leaves, and the next one cuts off */
	if (st.st_size <= LARGE ||
	    truncate(below("journal/1764115200.gpj"), st.st_size - 1000) < 0)
		abort();
	happens(0, "2025-11-25", 1, cut_journal);
	if (view_open(path, &v) < 0)
		abort();
	ok(godb_scan_n_faults(v.scan) == 0 && godb_scan_n_parts(v.scan) == 2 &&
		moments[0].countdown == 0,
	    "the torn end of a journal that is cut off is no damage");
	for (size_t k = 0; k < godb_scan_n_faults(v.scan); k++)
		diag("%s", godb_scan_fault(v.scan, k)->place);
	view_close(&v);
}

/* ---- who asks has had enough --------------------------------------------- */

static int enough;
static bool went_on;

static void
have_enough(void)
{
	__atomic_store_n(&enough, 1, __ATOMIC_RELAXED);
}

static void
go_on(void)
{
	went_on = true;
}

static int
is_enough(void *arg, size_t done, size_t all)
{
	(void)arg;
	return enough || done >= all;
}

static void
test_cancelled(bool by_progress)
{
	for (unsigned threads = 1; threads <= 2; threads++) {
		struct godb_scan_opts o = GODB_SCAN_OPTS_INIT;
		struct godb_reader *r;
		struct godb_scan *s = NULL;

		new_store(30);
		enough = 0;
		went_on = false;
		if (godb_reader_open(path, &r) < 0 ||
		    eager_pool(threads, &o.pool) < 0)
			abort();
		if (by_progress)
			o.progress = is_enough;
		else
			o.cancel = &enough;
		happens(0, "2025-11-26", 1, have_enough);
		happens(1, "2025-12-20", 1, go_on);
		is_int(godb_scan_open(r, &o, &s), GODB_ECANCELLED,
		    "a scan of one interface is cancelled (threads: %u)%s",
		    threads, by_progress ? " by its progress" : "");
		ok(threads > 1 || !went_on, "before it has read all days");
		godb_scan_close(s);
		godb_pool_free(o.pool);
		godb_reader_close(r);
	}
}

int
main(void)
{
	char root[32];

	if (!folder_temporary(root, sizeof(root)))
		return 1;
	snprintf(path, sizeof(path), "%s/store", root);
	test_removed();
	test_committed();
	test_cut();
	test_cancelled(false);
	test_cancelled(true);
	folder_remove(root);
	return tap_done();
}
