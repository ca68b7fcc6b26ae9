/*
 * Every system call of a small story fails once, or is the writer's last, or
 * the machine's.  Whatever it is: what was acknowledged is there, once.
 *
 * The calls are intercepted by defining them here; libgodb is linked
 * statically.  A failed fsync does what the kernel does: the pages are
 * forgotten.  A power cut forgets all that was not synced.
 */
#include "tests/lib/rolluptest.h"

#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* ---- the calls ----------------------------------------------------------- */

enum mode {
	NONE,
	FAIL_EIO,
	FAIL_ENOSPC,
	FAIL_SHORT, /* half of a write, then ENOSPC */
	HALF,       /* of a write, and no error */
	INTERRUPT,  /* EINTR */
	BAD_PAGES,  /* what a sync was to write can never be written */
	KILL,       /* the process ends before the call */
	KILL_THEN_CUT, /* and the machine after the next one's start */
	KILL_WORK_CUT, /* and the machine after the next but one's commits */
	POWER_CUT,  /* and so does the machine */
};
static const char *const mode_names[] = {"none", "EIO", "ENOSPC",
    "half a write, then ENOSPC", "half a write", "EINTR", "bad pages", "kill",
    "kill, then power cut after the next start",
    "kill, then power cut after the next but one's commits", "power cut"};

static enum mode mode;
static long countdown; /* calls until it happens */
static long n_calls;
static bool tail_fails; /* the call after a short write */
static bool harmless;   /* what happened is nothing that a step may fail for */

/* Files with bytes that are not durable; shared, for they outlive a process
 * but not the machine. */
struct dirty {
	dev_t dev;
	ino_t ino;
	char path[128];
	off_t synced; /* size at the last sync */
	off_t first;  /* lowest byte written since */
	off_t bad_from, bad_to;
};
static struct shared {
	struct dirty dirty[64];
	size_t n_dirty;
	uint32_t acked;   /* batches that were accepted, in order */
	uint32_t durable; /* bit each: a sync or commit said so */
} *shared;

static long
raw_pwrite(int fd, const void *buf, size_t len, off_t at)
{
	return syscall(SYS_pwrite64, fd, buf, len, at);
}

static struct dirty *
find_inode(const struct stat *st)
{
	for (size_t i = 0; i < shared->n_dirty; i++)
		if (shared->dirty[i].dev == st->st_dev &&
		    shared->dirty[i].ino == st->st_ino)
			return &shared->dirty[i];
	return NULL;
}

static struct dirty *
find_dirty(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? NULL : find_inode(&st);
}

static void
path_of(int fd, char *out, size_t size)
{
	char name[32];
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, out, size - 1);
	out[n < 0 ? 0 : n] = '\0';
}

/* The disk's content again: nothing of what was written since the sync. */
static void
forget_pages(struct dirty *d)
{
	static const char zero[4096];
	struct stat st;
	int fd;

	if (d == NULL)
		return;
	fd = (int)syscall(SYS_openat, AT_FDCWD, d->path, O_RDWR, 0);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_ino != d->ino)
		st.st_size = 0; /* removed, or another by now */
	for (off_t at = d->first; at < d->synced && at < st.st_size;) {
		off_t n = (st.st_size < d->synced ? st.st_size : d->synced) -
		    at;

		n = n < 4096 ? n : 4096;
		(void)raw_pwrite(fd, zero, (size_t)n, at);
		at += n;
	}
	if (st.st_size > d->synced)
		(void)syscall(SYS_ftruncate, fd, d->synced);
	if (fd >= 0)
		syscall(SYS_close, fd);
	d->first = INT64_MAX; /* and nothing is dirty any more */
}

static void
power_cut(void)
{
	for (size_t i = 0; i < shared->n_dirty; i++)
		forget_pages(&shared->dirty[i]);
	shared->n_dirty = 0;
}

static void
note_write(int fd, off_t at)
{
	struct dirty *d = find_dirty(fd);
	struct stat st;

	if (d == NULL) {
		if (fstat(fd, &st) < 0 || shared->n_dirty == 64)
			abort();
		d = &shared->dirty[shared->n_dirty++];
		*d = (struct dirty){.dev = st.st_dev, .ino = st.st_ino,
		    .synced = st.st_size, .first = INT64_MAX};
		path_of(fd, d->path, sizeof(d->path));
	}
	d->first = at < d->first ? at : d->first;
}

static void
note_sync(int fd)
{
	struct dirty *d = find_dirty(fd);
	struct stat st;

	if (d == NULL || fstat(fd, &st) < 0)
		return;
	d->synced = st.st_size;
	d->first = INT64_MAX;
}

/* Whether this is the call. */
static bool
reached(void)
{
	n_calls++;
	if (mode == NONE || countdown-- != 0)
		return false;
	if (mode == POWER_CUT)
		power_cut();
	if (mode >= KILL)
		syscall(SYS_exit_group, 7);
	return true;
}

static bool
due(void)
{
	return reached() && mode != HALF;
}

static int
error(void)
{
	errno = mode == FAIL_EIO || mode == BAD_PAGES ? EIO :
	    mode == INTERRUPT			      ? EINTR :
							ENOSPC;
	return -1;
}

/* Of a call that is simply made again. */
static int
error_again(void)
{
	harmless = mode == INTERRUPT;
	return error();
}

ssize_t pwrite(int fd, const void *buf, size_t len, off_t at);
ssize_t
pwrite(int fd, const void *buf, size_t len, off_t at)
{
	if (tail_fails) {
		tail_fails = false;
		return error();
	}
	if (reached()) {
		if ((mode != FAIL_SHORT && mode != HALF) || len < 2)
			return error_again();
		tail_fails = mode == FAIL_SHORT;
		harmless = mode == HALF;
		len /= 2;
	}
	note_write(fd, at);
	return raw_pwrite(fd, buf, len, at);
}

static long reads = -1; /* until one of them cannot be done */

/* a name of its own, since libc's header may have it inline */
ssize_t our_pread(int fd, void *buf, size_t len, off_t at) __asm__("pread");
ssize_t
our_pread(int fd, void *buf, size_t len, off_t at)
{
	if (reads >= 0 && reads-- == 0) {
		errno = EIO;
		return -1;
	}
	return syscall(SYS_pread64, fd, buf, len, at);
}

static int
sync_call(int fd, long nr)
{
	struct dirty *d = find_dirty(fd);
	struct stat st;
	bool fails = due();

	if (d && fails && mode == BAD_PAGES && fstat(fd, &st) == 0 &&
	    d->first < st.st_size) {
		d->bad_from = d->first / 4096 * 4096;
		d->bad_to = (st.st_size + 4095) / 4096 * 4096;
	}
	if (fails || (d && d->first < d->bad_to &&
			 fstat(fd, &st) == 0 && st.st_size > d->bad_from)) {
		if (mode != INTERRUPT)
			forget_pages(d);
		return error_again();
	}
	note_sync(fd);
	return (int)syscall(nr, fd);
}

int fsync(int fd);
int
fsync(int fd)
{
	return sync_call(fd, SYS_fsync);
}

int fdatasync(int fd);
int
fdatasync(int fd)
{
	return sync_call(fd, SYS_fdatasync);
}

int ftruncate(int fd, off_t len);
int
ftruncate(int fd, off_t len)
{
	struct dirty *d;

	if (due())
		return error();
	d = find_dirty(fd);
	if (d && len < d->synced)
		d->synced = len;
	return (int)syscall(SYS_ftruncate, fd, len);
}

int fchmod(int fd, mode_t bits);
int
fchmod(int fd, mode_t bits)
{
	return due() ? error() : (int)syscall(SYS_fchmod, fd, bits);
}

int mkdirat(int dir, const char *name, mode_t bits);
int
mkdirat(int dir, const char *name, mode_t bits)
{
	return due() ? error() : (int)syscall(SYS_mkdirat, dir, name, bits);
}

int unlinkat(int dir, const char *name, int flags);
int
unlinkat(int dir, const char *name, int flags)
{
	return due() ? error() : (int)syscall(SYS_unlinkat, dir, name, flags);
}

int renameat(int a, const char *from, int b, const char *to);
int
renameat(int a, const char *from, int b, const char *to)
{
	struct dirty *d;
	struct stat st;
	int rc;

	if (due())
		return error();
	rc = (int)syscall(SYS_renameat, a, from, b, to);
	if (rc == 0 && fstatat(b, to, &st, 0) == 0 &&
	    (d = find_inode(&st)) != NULL) {
		char dir[96];

		path_of(b, dir, sizeof(dir));
		snprintf(d->path, sizeof(d->path), "%s/%s", dir, to);
	}
	return rc;
}

int openat(int dir, const char *name, int flags, ...);
int
openat(int dir, const char *name, int flags, ...)
{
	va_list ap;
	mode_t bits = 0;

	va_start(ap, flags);
	if (flags & (O_CREAT | O_TMPFILE))
		bits = va_arg(ap, mode_t);
	va_end(ap);
	/* only those that make or change something */
	if ((flags & O_ACCMODE) != O_RDONLY && due())
		return error_again();
	return (int)syscall(SYS_openat, dir, name, flags, bits);
}

/* ---- the story ----------------------------------------------------------- */

#define BATCHES 9
static struct testbatch batches[BATCHES];

enum step_kind { APPEND, COMMIT, SYNC };
static const struct step {
	enum step_kind kind;
	int64_t slot_s;
} steps[] = {
    {APPEND, T0},
    {APPEND, T0},
    {SYNC, 0},
    {APPEND, T0 + 300},
    {COMMIT, T0},
    {APPEND, T0 + 300},
    {APPEND, T0}, /* late */
    {COMMIT, T0},
    {SYNC, 0},
    {APPEND, T0 + 86400},
    {COMMIT, T0 + 300},
    {APPEND, T0 + 300},
    {APPEND, T0 + 86400},
    {SYNC, 0},
    {COMMIT, T0 + 86400},
    {APPEND, T0 + 86400 + 300},
    {COMMIT, T0 + 300},
    {SYNC, 0},
};
#define STEPS (sizeof(steps) / sizeof(*steps))

static void
make_batches(void)
{
	uint64_t seed = 4711;
	uint64_t seq = 0;

	for (size_t i = 0; i < STEPS; i++)
		if (steps[i].kind == APPEND) {
			batch_make(&batches[seq], &seed, "eth0",
			    steps[i].slot_s, 1, seq + 1, 6, 3);
			seq++;
		}
	if (seq != BATCHES)
		abort();
}

static int
do_step(struct godb_writer *w, const struct step *s)
{
	int rc;

	switch (s->kind) {
	case APPEND:
		rc = godb_writer_append(w, &batches[shared->acked].b);
		if (rc == 0)
			shared->acked++;
		return rc;
	case COMMIT:
		rc = godb_writer_commit(w, "eth0", s->slot_s, NULL);
		if (rc == -ENOENT)
			rc = 0; /* a sync had to */
		break;
	case SYNC:
	default:
		rc = godb_writer_sync(w);
	}
	for (uint32_t i = 0; rc == 0 && i < shared->acked; i++)
		if (s->kind == SYNC || batches[i].b.slot_s == s->slot_s)
			shared->durable |= 1u << i;
	return rc;
}

/* Every step until it succeeds; a handful of failures at most.  A step that
 * failed must not have shown anything that a reader would count. */
static int
tell(struct godb_writer *w)
{
	for (size_t i = 0; i < STEPS; i++) {
		int tries = 0, rc;

		while ((rc = do_step(w, &steps[i])) != 0)
			if (++tries > 6 || harmless) {
				diag("step %zu: %s", i, godb_strerror(rc));
				return rc;
			}
	}
	return 0;
}

static char root[32], path[64];

static int
story(void)
{
	struct godb_writer *w = NULL;
	int rc = -1;

	for (int tries = 0; rc != 0 && tries < 4 && !harmless; tries++)
		rc = store_open(path, &w);
	if (rc == 0)
		rc = tell(w);
	godb_writer_close(w);
	return rc;
}

static bool
holds(uint32_t n_batches)
{
	struct facts want = {0};
	size_t told;
	bool same;

	for (uint32_t i = 0; i < n_batches; i++)
		facts_add_batch(&want, &batches[i].b);
	same = store_equals(path, &want, &told);
	facts_free(&want);
	return same && told == 0;
}

static bool
no_faults(void)
{
	struct facts any = {0};
	struct view v;
	bool good = view_open(path, &v) == 0;

	good = good && godb_scan_n_faults(v.scan) == 0 &&
	    facts_add_scan(&any, v.scan) == 0;
	facts_free(&any);
	view_close(&v);
	return good;
}

static void
reset(enum mode m, long at)
{
	folder_remove(path);
	memset(shared, 0, sizeof(*shared));
	mode = m;
	countdown = at;
	n_calls = 0;
	tail_fails = harmless = false;
}

/* The story goes on from the start: what is there is refused, which is all
 * that was durable, and in the end all is there, committed. */
static bool
goes_on(uint32_t durable)
{
	static const int64_t slots[] = {T0, T0 + 300, T0 + 86400,
	    T0 + 86400 + 300};
	struct godb_writer *w;
	bool good = store_open(path, &w) == 0;

	if (!good)
		return false;
	for (size_t i = 0; i < BATCHES; i++) {
		int rc = godb_writer_append(w, &batches[i].b);

		good = good && (rc == 1 || (rc == 0 && !(durable >> i & 1)));
	}
	good = good && holds(BATCHES);
	for (size_t i = 0; i < 4; i++) {
		int rc = godb_writer_commit(w, "eth0", slots[i], NULL);

		good = good && (rc == 0 || rc == -ENOENT);
	}
	godb_writer_close(w);
	return good && holds(BATCHES);
}

/* Each call in turn; a sanitizer looks at every fourth, for time. */
#ifdef GP_SANITIZED
#define EVERY 4
#else
#define EVERY 1
#endif

/* ---- one call fails ------------------------------------------------------ */

static void
test_fail(enum mode m, long calls)
{
	size_t bad = 0;

	for (long at = 0; at < calls; at += EVERY) {
		bool good;

		reset(m, at); /* also heals the pages */
		good = story() == 0;
		mode = NONE;
		good = good && holds(BATCHES) &&
		    goes_on((1u << BATCHES) - 1);
		if (!good) {
			diag("%s at call %ld", mode_names[m], at);
			bad++;
		}
	}
	is_int(bad, 0, "%s at each of %ld calls: tried again, all is there "
	    "once", mode_names[m], calls);
}

/* From some call on everything fails for a while: nothing may be shown that
 * is not so, then it recovers. */
static void
test_outage(long calls)
{
	size_t bad = 0;

	for (long at = 0; at < calls; at += 3)
		for (int length = 2; length < 6; length++) {
			struct godb_writer *w;
			int rc = -1;

			reset(NONE, 0);
			(void)store_open(path, &w);
			for (size_t i = 0; i < STEPS; i++) {
				mode = FAIL_EIO;
				countdown = (long)i * length % 7;
				rc = do_step(w, &steps[i]);
				mode = FAIL_ENOSPC;
				countdown = at % (long)(i + 2);
				if (rc != 0)
					rc = do_step(w, &steps[i]);
				mode = NONE;
				bad += !holds(shared->acked);
				if (rc != 0)
					rc = do_step(w, &steps[i]);
				bad += rc != 0 || !holds(shared->acked);
			}
			godb_writer_close(w);
			bad += !holds(BATCHES) ||
			    !goes_on((1u << BATCHES) - 1);
		}
	is_int(bad, 0, "failures in a row: every view between is right");
}

/* Half of a long record is written, and a short one of another ring comes next:
 * nothing of the first lies behind it. */
static void
test_half_record(void)
{
	static struct testbatch large, small;
	uint64_t half_seed = 7;
	size_t bad = 0, failed = 0;

	batch_make(&large, &half_seed, "eth0", T0, 2, 1, 300, 200);
	batch_make(&small, &half_seed, "eth0", T0, 3, 1, 1, 0);
	for (long at = 0; at < 6; at++) {
		struct facts want = {0};
		struct godb_writer *w;
		size_t told;

		reset(NONE, 0);
		if (store_open(path, &w) < 0 ||
		    godb_writer_append(w, &batches[0].b) != 0)
			abort();
		mode = FAIL_SHORT;
		countdown = at;
		if (godb_writer_append(w, &large.b) != 0)
			failed++;
		else
			facts_add_batch(&want, &large.b);
		mode = NONE;
		bad += godb_writer_append(w, &small.b) != 0;
		facts_add_batch(&want, &batches[0].b);
		facts_add_batch(&want, &small.b);
		bad += !store_equals(path, &want, &told) || told > 0;
		godb_writer_close(w); /* and what a new one makes of it */
		bad += store_open(path, &w) != 0 ||
		    godb_writer_commit(w, "eth0", T0, NULL) != 0 ||
		    !store_equals(path, &want, &told) || told > 0;
		godb_writer_close(w);
		facts_free(&want);
	}
	ok(failed > 0, "a long record is written by half");
	is_int(bad, 0, "  and nothing of it is behind the next one");
}

/* The same of a writer that died over the long one, and its successor. */
static void
test_torn_record(void)
{
	static struct testbatch large, small;
	struct facts want = {0};
	uint64_t torn_seed = 8;
	struct godb_writer *w;
	struct stat st;
	char name[128];
	size_t told;
	bool same;

	batch_make(&large, &torn_seed, "eth0", T0, 2, 1, 300, 200);
	batch_make(&small, &torn_seed, "eth0", T0, 3, 1, 1, 0);
	reset(NONE, 0);
	snprintf(name, sizeof(name), "%s/eth0/journal/%lld.gpj", path,
	    (long long)T0);
	if (store_open(path, &w) < 0 ||
	    godb_writer_append(w, &batches[0].b) != 0 ||
	    godb_writer_append(w, &large.b) != 0)
		abort();
	godb_writer_close(w);
	if (stat(name, &st) < 0 || truncate(name, st.st_size - 1000) < 0 ||
	    store_open(path, &w) < 0)
		abort();
	is_int(godb_writer_append(w, &small.b), 0, "behind a torn record");
	facts_add_batch(&want, &batches[0].b);
	facts_add_batch(&want, &small.b);
	same = store_equals(path, &want, &told);
	ok(same && told == 0, "  nothing of it is left");
	godb_writer_close(w);
	facts_free(&want);
}

/* A sector that cannot be read when a writer starts is not taken for damage or
 * for the end of a file. */
static void
test_unreadable(void)
{
	size_t bad = 0, refused = 0;
	struct godb_writer *w;
	char cmd[200];

	reset(NONE, 0);
	if (store_open(path, &w) < 0)
		abort();
	for (size_t i = 0; i < BATCHES; i++)
		bad += godb_writer_append(w, &batches[i].b) != 0;
	bad += godb_writer_commit(w, "eth0", T0, NULL) != 0;
	godb_writer_close(w);
	for (long at = 0;; at++) {
		int rc;

		reads = at;
		rc = store_open(path, &w);
		if (rc == 0)
			godb_writer_close(w);
		refused += rc == -EIO;
		bad += rc != 0 && rc != -EIO;
		if (reads >= 0)
			break;
		bad += !holds(BATCHES);
	}
	reads = -1;
	snprintf(cmd, sizeof(cmd), "ls '%s'/*/*/*.damaged 2>/dev/null", path);
	bad += system(cmd) == 0;
	ok(refused > 5, "%zu reads fail at the start", refused);
	is_int(bad, 0, "  which says so and leaves all as it is");
	bad = !goes_on((1u << BATCHES) - 1);
	is_int(bad, 0, "  and the next one goes on");
}

/* ---- the last call ------------------------------------------------------- */

/* A writer that only starts, and one that commits all there is: whatever the
 * ones before it left in the page cache is durable then. */
static bool
commit_all(void)
{
	struct godb_writer *w;
	struct godb_open_block b;
	bool good = store_open(path, &w) == 0;

	if (!good)
		return false;
	godb_writer_close(w);
	good = store_open(path, &w) == 0;
	while (good && godb_writer_open_block(w, 0, &b))
		good = godb_writer_commit(w, "eth0", b.slot_s, NULL) == 0;
	godb_writer_close(w);
	return good;
}

static void
test_end(enum mode m, long calls)
{
	size_t bad = 0, ended = 0;

	for (long at = 0; at < calls; at += EVERY) {
		int status;
		pid_t pid;
		bool good;

		reset(NONE, 0);
		pid = fork();
		if (pid == 0) {
			mode = m;
			countdown = at;
			_exit(story() == 0 ? 0 : 1);
		}
		(void)waitpid(pid, &status, 0);
		good = WIFEXITED(status) &&
		    (WEXITSTATUS(status) == 7 || WEXITSTATUS(status) == 0);
		ended += WIFEXITED(status) && WEXITSTATUS(status) == 7;
		if (m == KILL && shared->acked > 0)
			/* the batch at work may be in its journal */
			good = good && (holds(shared->acked) ||
					   holds(shared->acked + 1));
		if (m == KILL_THEN_CUT) { /* its successor starts, then that */
			struct godb_writer *w;

			good = good && store_open(path, &w) == 0;
			if (good)
				godb_writer_close(w);
			power_cut();
		}
		if (m == KILL_WORK_CUT) {
			good = good && commit_all();
			power_cut();
			shared->durable = (1u << shared->acked) - 1;
		}
		if (m != KILL && shared->durable)
			good = good && no_faults();
		good = good &&
		    goes_on(m == KILL ? (1u << shared->acked) - 1 :
					shared->durable);
		if (!good) {
			diag("%s at call %ld: %u acked, %x durable",
			    mode_names[m], at, shared->acked,
			    shared->durable);
			bad++;
		}
	}
	ok(ended > 50, "%zu ends", ended);
	is_int(bad, 0, "%s before each of %ld calls: nothing acknowledged is "
	    "lost, nothing twice", mode_names[m], calls);
}

/* ---- roll-ups ------------------------------------------------------------ */

/* Blocks of two days with the same keys, so that it pays to sum them. */
static void
make_blocks(void)
{
	static const int64_t slots[] = {T0, T0 + 300, T0 + 600, T0 + 3600,
	    T0 + 3900, T0 + 86400, T0 + 86700};
	struct godb_writer *w;

	reset(NONE, 0);
	if (store_open(path, &w) < 0)
		abort();
	for (size_t i = 0; i < sizeof(slots) / sizeof(*slots); i++) {
		struct godb_batch b = batches[0].b;

		b.slot_s = slots[i];
		b.seq = 100 + i;
		if (godb_writer_append(w, &b) != 0 ||
		    godb_writer_commit(w, "eth0", b.slot_s, NULL) != 0)
			abort();
	}
	godb_writer_close(w);
}

static int
roll_up(int64_t now_s)
{
	struct godb_writer *w;
	int rc = store_open(path, &w);

	if (rc == 0) {
		rc = upkeep(w, now_s);
		godb_writer_close(w);
	}
	return rc;
}

/* Answers are those of the blocks, and nothing is damaged; `all`: both days
 * have a roll-up. */
static bool
rolled_up(bool all)
{
	struct godb_result_stats stats = {0};
	struct godb_check_report report;

	return store_same_both_ways(path, &stats) &&
	    faults_of(path, &report) == 0 && stats.rollups_unreadable == 0 &&
	    (!all || (stats.rollups == 2 && stats.parts == 0));
}

static void
test_rollups(enum mode m, long calls)
{
	size_t bad = 0;

	for (long at = 0; at < calls; at += EVERY) {
		int64_t now_s = T0 + 5 * 86400;
		struct godb_writer *w;
		int status;
		pid_t pid = 0;
		bool good;

		make_blocks();
		if (m >= KILL)
			pid = fork();
		if (pid == 0) {
			(void)store_open(path, &w);
			mode = m;
			countdown = at;
			(void)upkeep(w, now_s);
			if (m >= KILL)
				_exit(0);
			mode = NONE;
			good = rolled_up(false);
			/* the same writer, an hour later */
			(void)upkeep(w, now_s + 3600);
			godb_writer_close(w);
			good = good && rolled_up(true);
		} else {
			(void)waitpid(pid, &status, 0);
			good = rolled_up(false);
			good = good && roll_up(now_s) == 0 && rolled_up(true);
			if (m == KILL_THEN_CUT)
				power_cut();
			good = good && rolled_up(true);
		}
		if (!good)
			diag("%s at call %ld", mode_names[m], at);
		bad += !good;
	}
	is_int(bad, 0, "%s at each of %ld calls of a roll-up: answers are "
	    "those of the blocks, and the next look makes it", mode_names[m],
	    calls);
}

static void
test_all_rollups(void)
{
	long calls;

	make_blocks();
	n_calls = 0;
	is_int(roll_up(T0 + 5 * 86400), 0, "two days are rolled up");
	calls = n_calls;
	ok(rolled_up(true) && calls > 20, "in %ld calls", calls);
	for (enum mode m = FAIL_EIO; m <= POWER_CUT; m++)
		test_rollups(m, calls);
}

int
main(void)
{
	long calls;

	if (!folder_temporary(root, sizeof(root)))
		return 1;
	snprintf(path, sizeof(path), "%s/store", root);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	make_batches();
	reset(NONE, 0);
	ok(story() == 0 && holds(BATCHES), "the story");
	calls = n_calls;
	ok(calls > 100, "takes %ld calls", calls);
	test_fail(FAIL_EIO, calls);
	test_fail(FAIL_ENOSPC, calls);
	test_fail(FAIL_SHORT, calls);
	test_fail(HALF, calls);
	test_fail(INTERRUPT, calls);
	test_fail(BAD_PAGES, calls);
	test_outage(calls);
	test_half_record();
	test_torn_record();
	test_unreadable();
	test_end(KILL, calls);
	test_end(KILL_THEN_CUT, calls);
	test_end(KILL_WORK_CUT, calls);
	test_end(POWER_CUT, calls);
	test_all_rollups();
	mode = NONE;
	folder_remove(root);
	return tap_done();
}
