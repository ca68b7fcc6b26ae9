/*
 * powercut cuts FS FOLDER ROUNDS - a store on a file system of its own
 * (ext4 or xfs in a file, mounted by loop) whose machine loses its power at
 * random moments: the file system is shut down without flushing its log, and
 * mounted again.
 * powercut full FS FOLDER - the same disk, small, runs full, retention takes
 * days of it, and it gets its space back.
 *
 * A child appends, syncs, commits and prunes without end and notes in shared
 * memory what it was promised.  After each cut the store must open as it is:
 * what was durable is there, nothing twice, nothing in part, nothing damaged;
 * then a writer takes it over, and the same must hold.  Prints TAP; exit 77
 * with one line when loop mounts are not possible.
 */
#include "tests/lib/storetest.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "common/base/clock.h"

#define SHUTDOWN     _IOR('X', 125, uint32_t) /* ext4's and XFS's */
#define NOLOGFLUSH   2u
#define OPEN_MOST 200 /* blocks; a reader opens 256 journals an interface */
#define BATCHES      60000u
#define ROUNDS_STORE 10 /* rounds with one store */
#define ROWS4        3
#define ROWS6        2
#define ROWS         (ROWS4 + ROWS6)
#define BALLAST      "ballast"

enum promise { NONE, OFFERED, DURABLE };

/* What the child knew when the power went. */
static struct shared {
	/* Set before the file system is shut down.  ext4 lets an fsync that was
	 * under way return 0 though its transaction was dropped; a machine
	 * without power would not have got that far. */
	atomic_bool dark;
	uint32_t next;             /* batch to offer */
	uint8_t promise[BATCHES];  /* enum promise */
	int64_t cleaned_s;         /* days that end by then may be gone */
	uint64_t appends, commits, syncs, prunes, days; /* that succeeded */
} *shared;

static struct totals {
	uint64_t rounds, durable, present, lost, twice, torn, damaged, half_days,
	    not_opened, replays;
} totals;

static char image[256], mount_point[256], store[300];
static const char *fs_type;

/* ---- batches ------------------------------------------------------------- */

static const char *
iface_of(uint32_t k)
{
	return k % 3 == 0 ? "eth1" : "eth0";
}

/* Eight batches a block, one every two hours, so that days go by. */
static int64_t
slot_of(uint32_t k)
{
	return T0 + k / 8 * 7200;
}

static void
make(struct testbatch *t, uint32_t k)
{
	memset(t, 0, sizeof(*t));
	t->b = (struct godb_batch){.iface = iface_of(k), .slot_s = slot_of(k),
	    .ring = {1, 2, 3}, .seq = k + 1, .ring_pos = k,
	    .first_ns = slot_of(k) * GP_NS_PER_S,
	    .last_ns = slot_of(k) * GP_NS_PER_S + 1,
	    .names = t->names, .n_names = 1, .counters.seen = 1,
	    .rows4 = t->rows4, .n4 = ROWS4, .rows6 = t->rows6, .n6 = ROWS6};
	/* new ones all the time: their lines have to be as durable */
	snprintf(t->names[0].name, GODB_NAME_MAX, "App%u", k / 3);
	for (uint32_t i = 0; i < ROWS; i++) {
		uint64_t counter[4] = {k * UINT64_C(7) + i, i + 1, 1, k};

		if (i < ROWS4) {
			put_be(t->rows4[i].sip, k, 4);
			put_be(t->rows4[i].dip, i, 4);
			memcpy(t->rows4[i].counter, counter, sizeof(counter));
		} else {
			put_be(t->rows6[i - ROWS4].sip, k, 16);
			put_be(t->rows6[i - ROWS4].dip, i, 16);
			memcpy(t->rows6[i - ROWS4].counter, counter,
			    sizeof(counter));
		}
	}
}

/* ---- the child ----------------------------------------------------------- */

/* A promise covers what was offered of a block, or of all (slot -1). */
static void
promise(const char *iface, int64_t slot_s)
{
	uint32_t from = shared->next > 400 ? shared->next - 400 : 0;

	if (atomic_load(&shared->dark))
		_exit(0);
	for (uint32_t k = from; k < shared->next; k++)
		if (shared->promise[k] == OFFERED &&
		    (slot_s < 0 || (slot_of(k) == slot_s &&
				       strcmp(iface_of(k), iface) == 0)))
			shared->promise[k] = DURABLE;
}

static bool
commit_oldest(struct godb_writer *w)
{
	struct godb_open_block b;
	char iface[16];
	int64_t slot_s;

	if (!godb_writer_open_block(w, 0, &b))
		return true;
	snprintf(iface, sizeof(iface), "%s", b.iface);
	slot_s = b.slot_s;
	if (godb_writer_commit(w, iface, slot_s, NULL) < 0)
		return false;
	promise(iface, slot_s);
	shared->commits++;
	return true;
}

static bool
prune(struct godb_writer *w)
{
	struct godb_retain_opts o = GODB_RETAIN_OPTS_INIT;
	struct godb_retain_report report;
	struct godb_retain *r;
	int64_t now_s = slot_of(shared->next);
	int rc;

	o.now_s = now_s;
	o.clean_s = gp_clock_day(now_s) - GP_DAY_S;
	if (o.clean_s > shared->cleaned_s)
		shared->cleaned_s = o.clean_s;
	if (godb_retain_new(w, &o, &r) < 0)
		return false;
	do
		rc = godb_retain_step(r, 1000000);
	while (rc == 1);
	godb_retain_report(r, &report);
	shared->days += report.days;
	godb_retain_free(r);
	shared->prunes++;
	return rc == 0 && report.failed == 0;
}

static bool
append(struct godb_writer *w)
{
	static struct testbatch t;

	if (shared->next == BATCHES)
		return false;
	make(&t, shared->next);
	shared->promise[shared->next] = OFFERED;
	shared->next++;
	if (godb_writer_append(w, &t.b) != 0)
		return false;
	shared->appends++;
	return true;
}

static _Noreturn void
child(uint64_t seed)
{
	struct godb_open_block block;
	struct godb_writer *w;
	bool fine;

	if (store_open(store, &w) < 0)
		_exit(0); /* the power went before */
	do {
		uint64_t luck = tap_random(&seed) % 100;

		if (godb_writer_open_block(w, OPEN_MOST, &block)) {
			fine = commit_oldest(w);
		} else if (luck < 70) {
			fine = append(w);
		} else if (luck < 78) {
			fine = godb_writer_sync(w) == 0;
			if (fine) {
				promise(NULL, -1);
				shared->syncs++;
			}
		} else if (luck < 97) {
			fine = commit_oldest(w);
		} else {
			fine = prune(w);
		}
	} while (fine);
	_exit(0); /* as dead as the machine: nothing is closed in order */
}

/* ---- what is there ------------------------------------------------------- */

struct seen {
	uint8_t rows[BATCHES], wrong[BATCHES];
	uint64_t counted;
};
static struct seen seen;

static void
see_row(uint64_t k, uint64_t i, const struct godb_columns *c, uint32_t r)
{
	if (k >= BATCHES || i >= ROWS || seen.rows[k] == 200) {
		totals.torn++; /* nobody wrote this */
		return;
	}
	seen.rows[k]++;
	if (c->counter[0][r] != k * 7 + i || c->counter[1][r] != i + 1 ||
	    c->counter[2][r] != 1 || c->counter[3][r] != k)
		seen.wrong[k]++;
}

/* All rows of the store; false when it does not open or something in it
 * cannot be read. */
static bool
see_all(void)
{
	struct godb_cursor *c;
	struct view v;
	int rc;

	memset(&seen, 0, sizeof(seen));
	rc = view_open(store, &v);
	if (rc == GODB_ENOTSTORE && shared->commits + shared->syncs == 0)
		return true; /* it was being made */
	if (rc < 0) {
		diag("open: %s", godb_strerror(rc));
		return false;
	}
	if (godb_cursor_new(v.scan, &c) < 0)
		abort();
	for (size_t i = 0; i < godb_scan_n_faults(v.scan); i++) {
		const struct godb_fault *f = godb_scan_fault(v.scan, i);

		if (totals.damaged++ < 20)
			diag("fault: %s: %s", f->place,
			    godb_strerror(f->rc));
	}
	for (size_t i = 0; i < godb_scan_n_parts(v.scan); i++) {
		struct godb_columns col;
		struct godb_fault fault;

		if (godb_cursor_load(c, i, GODB_COL_ALL, true, true, &col,
			&fault) < 0) {
			if (totals.damaged++ < 20)
				diag("part: %s: %s", fault.place,
				    godb_strerror(fault.rc));
			continue;
		}
		seen.counted += godb_scan_part(v.scan, i)->counters.seen;
		for (uint32_t r = 0; r < col.n4; r++)
			see_row(col.sip4[r], col.dip4[r], &col, r);
		for (uint32_t r = 0; r < col.n6; r++)
			see_row(col.sip6[r].lo, col.dip6[r].lo, &col,
			    col.n4 + r);
	}
	godb_cursor_free(c);
	view_close(&v);
	return true;
}

static void
say_check(void *arg, const struct godb_fault *f, const char *why)
{
	(void)arg;
	if (totals.damaged < 20)
		diag("check: %s: %s %s", f->place, godb_strerror(f->rc), why);
}

static void
check_store(void)
{
	struct godb_check_opts o = GODB_CHECK_OPTS_INIT;
	struct godb_check_report report = {0};
	struct godb_reader *r;

	o.fault = say_check;
	if (godb_reader_open(store, &r) < 0)
		return;
	if (godb_check(r, &o, &report) < 0)
		totals.damaged++;
	totals.damaged += report.faults;
	godb_reader_close(r);
}

/* Of a day that retention was at all is there or nothing. */
static bool
may_be_gone(uint32_t k)
{
	return gp_clock_day(slot_of(k)) + GP_DAY_S <= shared->cleaned_s;
}

static void
judge_days(uint32_t n)
{
	int64_t day_s = -1;
	bool any[2] = {false, false}, missing[2] = {false, false};

	for (uint32_t k = 0; k <= n; k++) {
		size_t i = k < n && k % 3 == 0;

		if (k == n || gp_clock_day(slot_of(k)) != day_s) {
			for (int d = 0; d < 2; d++) {
				totals.half_days += any[d] && missing[d];
				any[d] = missing[d] = false;
			}
			day_s = gp_clock_day(slot_of(k));
		}
		if (k == n || !may_be_gone(k) || shared->promise[k] != DURABLE)
			continue;
		any[i] |= seen.rows[k] > 0;
		missing[i] |= seen.rows[k] == 0;
	}
}

static void
judge(void)
{
	uint64_t present = 0;

	if (!see_all()) {
		totals.not_opened++;
		return;
	}
	for (uint32_t k = 0; k < BATCHES; k++) {
		if (seen.rows[k] > ROWS) {
			totals.twice++;
		} else if (seen.rows[k] != 0 &&
		    (seen.rows[k] != ROWS || seen.wrong[k] > 0)) {
			totals.torn++;
		} else if (seen.rows[k] != 0 && shared->promise[k] == NONE) {
			totals.torn++;
		} else if (seen.rows[k] == 0 && !may_be_gone(k) &&
		    shared->promise[k] == DURABLE) {
			if (totals.lost++ < 20)
				diag("round %" PRIu64 ": batch %u is lost: %s "
				    "%" PRId64, totals.rounds, k, iface_of(k),
				    slot_of(k));
		}
		present += seen.rows[k] == ROWS;
		totals.durable += shared->promise[k] == DURABLE;
	}
	totals.present += present;
	totals.twice += seen.counted > present;
	totals.torn += seen.counted < present;
	judge_days(shared->next);
	check_store();
}

/* ---- file system --------------------------------------------------------- */

static bool command(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
static bool
command(const char *fmt, ...)
{
	char text[1200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return system(text) == 0;
}

static bool
mount_image(void)
{
	return command("mount -o loop -t %s '%s' '%s' 2>/dev/null", fs_type,
	    image, mount_point);
}

static void
unmount(void)
{
	for (int tries = 0; tries < 500; tries++) {
		if (umount(mount_point) == 0)
			return;
		usleep(20000);
	}
	if (errno != EINVAL)
		(void)umount2(mount_point, MNT_DETACH);
}

static void
skip(const char *why)
{
	printf("1..0 # SKIP %s: %s\n", fs_type, why);
	exit(77);
}

static void
make_image(const char *folder, unsigned megabytes)
{
	snprintf(image, sizeof(image), "%s/%s.img", folder, fs_type);
	snprintf(mount_point, sizeof(mount_point), "%s/%s", folder, fs_type);
	snprintf(store, sizeof(store), "%s/store", mount_point);
	(void)mkdir(mount_point, 0755);
	(void)unlink(image);
	if (!command("command -v mkfs.%s >/dev/null", fs_type))
		skip("its mkfs is not installed");
	if (!command("truncate -s %uM '%s' && mkfs.%s -q '%s' >/dev/null 2>&1",
		megabytes, image, fs_type, image))
		skip("mkfs failed");
	if (!mount_image())
		skip("loop mounts are not possible here");
	(void)atexit(unmount);
}

static void
cut_power(void)
{
	uint32_t how = NOLOGFLUSH;
	int fd = open(mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, SHUTDOWN, &how) < 0) {
		printf("Bail out! shutdown: %s\n", strerror(errno));
		exit(1);
	}
	close(fd);
}

static void
new_store(void)
{
	int fd = open(mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	folder_remove(store);
	/* a cut must not bring the old one back */
	if (fd < 0 || syncfs(fd) < 0) {
		printf("Bail out! syncfs: %s\n", strerror(errno));
		exit(1);
	}
	close(fd);
	memset(shared, 0, sizeof(*shared));
}

/* A slow machine would always lose its power before there is something to
 * lose. */
static void
wait_for_batch(uint32_t k)
{
	for (int i = 0; i < 60000 &&
	     __atomic_load_n(&shared->next, __ATOMIC_RELAXED) < k; i++)
		usleep(1000);
}

static void
one_round(uint64_t *seed)
{
	struct godb_writer *w;
	useconds_t after = (useconds_t)(tap_random(seed) % 80000);
	bool early = tap_random(seed) % 4 == 0; /* perhaps while it opens */
	uint64_t child_seed = tap_random(seed);
	uint32_t enough = shared->next + 1 + (uint32_t)(tap_random(seed) % 24);
	pid_t pid;

	atomic_store(&shared->dark, false);
	pid = fork();
	if (pid == 0)
		child(child_seed);
	if (!early)
		wait_for_batch(enough);
	usleep(after);
	atomic_store(&shared->dark, true);
	cut_power();
	kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	unmount();
	if (!mount_image()) {
		printf("Bail out! %s does not mount again\n", fs_type);
		exit(1);
	}
	totals.rounds++;
	if (access(store, F_OK) != 0) { /* cut before anything was durable */
		for (uint32_t k = 0; k < BATCHES; k++)
			totals.lost += shared->promise[k] == DURABLE;
		return;
	}
	judge();
	/* what a new writer makes of it */
	if (store_open(store, &w) < 0) {
		totals.not_opened++;
		return;
	}
	totals.replays++;
	godb_writer_close(w);
	judge();
	/* from here on what is not there is not coming back */
	for (uint32_t k = 0; k < shared->next; k++)
		shared->promise[k] = seen.rows[k] == ROWS ? DURABLE : NONE;
}

static void
print_totals(void)
{
	diag("%s: %" PRIu64 " power cuts, %" PRIu64 " opened again by a writer",
	    fs_type, totals.rounds, totals.replays);
	diag("durable batches looked for %" PRIu64 ", present %" PRIu64,
	    totals.durable, totals.present);
	diag("lost %" PRIu64 ", twice %" PRIu64 ", torn %" PRIu64
	     ", half a day removed %" PRIu64 ", damaged places %" PRIu64
	     ", not opened %" PRIu64, totals.lost, totals.twice, totals.torn,
	    totals.half_days, totals.damaged, totals.not_opened);
}

static int
cuts(const char *folder, unsigned rounds, uint64_t seed)
{
	uint64_t appends = 0, commits = 0, syncs = 0, prunes = 0, days = 0;

	make_image(folder, 320);
	for (unsigned i = 0; i < rounds; i++) {
		if (i % ROUNDS_STORE == 0) {
			new_store();
		}
		one_round(&seed);
		if ((i + 1) % ROUNDS_STORE == 0 || i + 1 == rounds) {
			appends += shared->appends;
			commits += shared->commits;
			syncs += shared->syncs;
			prunes += shared->prunes;
			days += shared->days;
		}
	}
	unmount();
	print_totals();
	diag("before the cuts: %" PRIu64 " appends, %" PRIu64 " commits, %"
	    PRIu64 " syncs, %" PRIu64 " rounds of retention, %" PRIu64
	    " days removed", appends, commits, syncs, prunes, days);
	is_int(totals.rounds, rounds, "%s: cuts", fs_type);
	is_int(totals.not_opened, 0, "the store opens as it is");
	is_int(totals.lost, 0, "durable batches lost");
	is_int(totals.twice, 0, "batches counted twice");
	is_int(totals.torn, 0, "torn rows served");
	is_int(totals.half_days, 0, "days that are removed in part");
	is_int(totals.damaged, 0, "places that are called damaged");
	ok(totals.durable > rounds, "there was something to lose");
	return tap_done();
}

/* ---- a disk that is full ------------------------------------------------- */

/* All of the space but about that much. */
static void
fill_disk(off_t leave)
{
	char path[300];
	off_t at = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/" BALLAST, mount_point);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	for (off_t step = 64 << 20; step >= 4096; step /= 2)
		while (posix_fallocate(fd, at, step) == 0)
			at += step;
	if (fd < 0 || at <= leave || ftruncate(fd, at - leave) < 0 ||
	    fsync(fd) < 0) {
		printf("Bail out! the disk cannot be filled\n");
		exit(1);
	}
	close(fd);
}

/* Appends, and commits now and then, until fifty steps have failed or so many
 * were made; how many failed. */
static uint64_t
until_full(struct godb_writer *w, uint64_t *seed, unsigned steps)
{
	uint64_t failed = 0;
	static struct testbatch t;

	for (unsigned i = 0; i < steps && failed < 50; i++) {
		make(&t, shared->next);
		if (tap_random(seed) % 3 == 0) {
			failed += !commit_oldest(w);
		} else if (godb_writer_append(w, &t.b) == 0) {
			shared->promise[shared->next++] = OFFERED;
		} else {
			failed++;
		}
	}
	return failed;
}

/* Not one is left. */
static void
take_last_blocks(bool give_back)
{
	char path[300];

	for (int i = 0; i < 100000; i++) {
		int fd;
		bool fits;

		snprintf(path, sizeof(path), "%s/last%d", mount_point, i);
		if (give_back && unlink(path) < 0)
			return;
		if (give_back)
			continue;
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		fits = fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0;
		if (fd >= 0)
			close(fd);
		if (!fits)
			return;
	}
}

/* Retention has to make room where there is none. */
static void
prune_full(struct godb_writer *w)
{
	uint64_t before = shared->days;

	take_last_blocks(false);
	ok(prune(w), "retention on the full disk");
	ok(shared->days > before, "%" PRIu64 " days are removed",
	    shared->days - before);
	judge();
	take_last_blocks(true);
}

static int
full(const char *folder)
{
	struct godb_writer *w = NULL;
	struct godb_open_block b;
	uint64_t seed = 1, failed = 0;
	uint32_t before;

	make_image(folder, strcmp(fs_type, "xfs") == 0 ? 320 : 24);
	if (store_open(store, &w) < 0) {
		printf("Bail out! no store\n");
		return 1;
	}
	for (int turn = 0; turn < 3; turn++) {
		char path[300];
		struct godb_writer *again;

		fill_disk((turn + 1) * 64 * 1024);
		failed = until_full(w, &seed, 9000);
		ok(failed > 0, "turn %d: the disk was full, %" PRIu64
		    " steps failed", turn, failed);
		for (uint32_t k = 0; k < shared->next; k++)
			shared->promise[k] = DURABLE; /* no cut to come */
		judge();
		/* a writer that dies now takes nothing with it */
		if (turn % 2) {
			godb_writer_close(w);
			is_int(store_open(store, &again), 0,
			    "a writer opens it on the full disk");
			w = again;
			judge();
			prune_full(w);
		}
		snprintf(path, sizeof(path), "%s/" BALLAST, mount_point);
		(void)unlink(path);
		before = shared->next;
		is_int(until_full(w, &seed, 200), 0,
		    "with space again everything goes");
		ok(shared->next > before, "and is taken");
	}
	while (godb_writer_open_block(w, 0, &b))
		if (!commit_oldest(w))
			break;
	ok(!godb_writer_open_block(w, 0, &b), "all blocks are committed");
	godb_writer_close(w);
	judge();
	unmount();
	print_totals();
	diag("%u batches accepted", shared->next);
	is_int(totals.lost + totals.twice + totals.torn + totals.damaged +
		totals.not_opened, 0,
	    "%s: lost, twice, torn, damaged, not opened", fs_type);
	return tap_done();
}

int
main(int argc, char **argv)
{
	uint64_t seed = tap_seed(20261124);

	if (argc < 4)
		return 2;
	fs_type = argv[2];
	/* mounts of our own: a namespace that somebody makes meanwhile would
	 * have copies of them, and the dead file system would live on */
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		skip("no mount namespace");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	if (strcmp(argv[1], "full") == 0)
		return full(argv[3]);
	return cuts(argv[3],
	    argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 20, seed);
}
