/*
 * Every system call of a small story fails once, or is the writer's last, or
 * the machine's (tests/lib/fault.h).  Whatever it is: what was acknowledged is
 * there, once.
 */
#include "tests/lib/fault.h"
#include "tests/lib/storetest.h"

#include <sys/mman.h>
#include <sys/wait.h>

/* It outlives a process. */
static struct shared {
	uint32_t acked;   /* batches that were accepted, in order */
	uint32_t durable; /* bit each: a sync or commit said so */
	uint32_t unsynced; /* names, after a sync */
} *shared;

/* ---- the story ----------------------------------------------------------- */

#define BATCHES 10
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
    {APPEND, T0 + 300}, /* to a journal that is durable */
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
	static const char late[] = "A late name";
	uint64_t seed = 4711;
	uint64_t seq = 0;

	for (size_t i = 0; i < STEPS; i++)
		if (steps[i].kind == APPEND) {
			batch_make(&batches[seq], &seed, "eth0",
			    steps[i].slot_s, 1, seq + 1, 6, 3);
			/* a name that comes when the others are durable */
			memset(&batches[seq].names[0], 0,
			    sizeof(batches[seq].names[0]));
			memcpy(batches[seq].names[0].name, late, sizeof(late));
			batches[seq].names[0].name[0] += (char)seq;
			batches[seq].rows4[0].l7 = 0;
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
		if (rc == 0)
			shared->unsynced += (uint32_t)fault_names_pending();
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
			if (++tries > 6 || fault_plan.harmless) {
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

	for (int tries = 0; rc != 0 && tries < 4 && !fault_plan.harmless;
	     tries++)
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
reset(enum fault_mode m, long at)
{
	folder_remove(path);
	memset(shared, 0, sizeof(*shared));
	fault_reset(m, at);
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

/* Each call in turn. */
#define EVERY (long)tap_stride(9)

/* ---- one call fails ------------------------------------------------------ */

static void
test_fail(enum fault_mode m, long calls)
{
	size_t bad = 0;

	for (long at = 0; at < calls; at += EVERY) {
		bool good;

		reset(m, at); /* also heals the pages */
		good = story() == 0;
		fault_plan.mode = FAULT_NONE;
		good = good && holds(BATCHES) && fault_plan.early == 0 &&
		    shared->unsynced == 0 && goes_on((1u << BATCHES) - 1);
		if (!good) {
			diag("%s at call %ld", fault_names[m], at);
			bad++;
		}
	}
	is_int(bad, 0, "%s at each of %ld calls: tried again, all is there "
	    "once", fault_names[m], calls);
}

/* From some call on everything fails for a while: nothing may be shown that
 * is not so, then it recovers. */
static void
test_outage(long calls)
{
	size_t bad = 0;

	for (long at = 0; at < calls; at += 3 * (long)tap_stride(3))
		for (int length = 2; length < 6; length++) {
			struct godb_writer *w;
			int rc = -1;

			reset(FAULT_NONE, 0);
			(void)store_open(path, &w);
			for (size_t i = 0; i < STEPS; i++) {
				fault_plan.mode = FAULT_EIO;
				fault_plan.countdown = (long)i * length % 7;
				rc = do_step(w, &steps[i]);
				fault_plan.mode = FAULT_ENOSPC;
				fault_plan.countdown = at % (long)(i + 2);
				if (rc != 0)
					rc = do_step(w, &steps[i]);
				fault_plan.mode = FAULT_NONE;
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

static size_t unfinished;

static int
count_unfinished(const char *name, const struct stat *st, int type,
    struct FTW *ftw)
{
	size_t len = strlen(name);

	(void)st;
	(void)type;
	(void)ftw;
	unfinished += len > 4 && strcmp(name + len - 4, ".new") == 0;
	return 0;
}

/* After a failed sync files are written anew, for which a full disk has no
 * room: what was written of them goes again. */
static void
test_half_files(void)
{
	size_t failed = 0;

	unfinished = 0;
	for (long at = 30; at < 60; at++)
		for (long then = 20; then < 45; then++) {
			struct godb_writer *w;
			int rc;

			reset(FAULT_NONE, 0);
			if (store_open(path, &w) < 0 ||
			    godb_writer_append(w, &batches[0].b) != 0 ||
			    godb_writer_commit(w, "eth0", T0, NULL) != 0)
				abort();
			fault_plan.mode = FAULT_EIO;
			fault_plan.countdown = at;
			rc = godb_writer_append(w, &batches[1].b);
			rc = rc ? rc : godb_writer_sync(w);
			rc = rc ? rc : godb_writer_commit(w, "eth0", T0, NULL);
			fault_plan.mode = FAULT_SHORT;
			fault_plan.countdown = then;
			if (rc == -EIO && godb_writer_commit(w, "eth0", T0,
					      NULL) == -ENOSPC) {
				failed++;
				(void)nftw(path, count_unfinished, 16,
				    FTW_PHYS);
			}
			fault_plan.mode = FAULT_NONE;
			godb_writer_close(w);
		}
	ok(failed > 20, "%zu commits fail twice", failed);
	is_int((int)unfinished, 0, "  and leave no file half written");
}

/* So are names, after a failed sync of them. */
static void
test_half_names(void)
{
	unfinished = 0;
	for (long at = 0; at < 4; at++) {
		struct godb_writer *w;

		reset(FAULT_NONE, 0);
		if (store_open(path, &w) < 0 ||
		    godb_writer_append(w, &batches[0].b) != 0)
			abort();
		fault_plan.mode = FAULT_EIO;
		fault_plan.countdown = at;
		fault_plan.full = true;
		ok(godb_writer_commit(w, "eth0", T0, NULL) < 0,
		    "a sync that fails on a full disk, the %ldth", at);
		(void)nftw(path, count_unfinished, 16, FTW_PHYS);
		fault_plan.mode = FAULT_NONE;
		fault_plan.full = false;
		is_int(godb_writer_commit(w, "eth0", T0, NULL), 0,
		    "  then there is room");
		godb_writer_close(w);
	}
	is_int((int)unfinished, 0, "no names are left half written");
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

		reset(FAULT_NONE, 0);
		if (store_open(path, &w) < 0 ||
		    godb_writer_append(w, &batches[0].b) != 0)
			abort();
		fault_plan.mode = FAULT_SHORT;
		fault_plan.countdown = at;
		if (godb_writer_append(w, &large.b) != 0)
			failed++;
		else
			facts_add_batch(&want, &large.b);
		fault_plan.mode = FAULT_NONE;
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
	reset(FAULT_NONE, 0);
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

/* Folders that a writer made which died before they were durable. */
static void
test_begun_folders(void)
{
	struct godb_writer *w;
	int store, iface;

	reset(FAULT_NONE, 0);
	if (store_open(path, &w) < 0)
		abort();
	godb_writer_close(w);
	store = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(store, "eth0", 0700) < 0)
		abort();
	iface = openat(store, "eth0", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(iface, "journal", 0700) < 0 || store_open(path, &w) < 0)
		abort();
	is_int(godb_writer_append(w, &batches[0].b), 0,
	    "a batch to folders that are there");
	ok(godb_writer_sync(w) == 0 && fault_names_pending() == 0,
	    "  they are durable with it");
	if (mkdirat(iface, "2025-11-25", 0700) < 0)
		abort();
	ok(godb_writer_commit(w, "eth0", T0, NULL) == 0 &&
		fault_names_pending() == 0, "  and a day's with its block");
	godb_writer_close(w);
	close(iface);
	close(store);
}

/* What a writer left unsynced is durable with its successor's sync, which may
 * have to write it anew. */
static void
test_replayed_sync(void)
{
	size_t bad = 0, failed = 0;

	for (long at = -1; at < 20; at++) {
		struct godb_writer *w;

		reset(FAULT_NONE, 0);
		if (store_open(path, &w) < 0 ||
		    godb_writer_append(w, &batches[0].b) != 0)
			abort();
		godb_writer_close(w);
		if (store_open(path, &w) < 0)
			abort();
		fault_plan.mode = at < 0 ? FAULT_NONE : FAULT_EIO;
		fault_plan.countdown = at;
		if (godb_writer_sync(w) != 0) {
			failed++;
			bad += godb_writer_sync(w) != 0;
		}
		fault_plan.mode = FAULT_NONE;
		bad += fault_names_pending() > 0 || !holds(1);
		godb_writer_close(w);
		fault_power_cut();
		bad += !holds(1);
	}
	ok(failed > 1 && failed < 20, "%zu syncs of a journal that was found "
	    "fail", failed);
	is_int((int)bad, 0, "  a sync that does not makes it durable, its name, "
	    "too");
}

/* The registry, when the first name comes to a day that is durable. */
static void
test_late_registry(void)
{
	static struct testbatch t;
	uint64_t name_seed = 9;
	struct godb_writer *w;
	bool good;

	reset(FAULT_NONE, 0);
	good = store_open(path, &w) == 0;
	for (uint64_t i = 0; good && i < 2; i++) {
		batch_make(&t, &name_seed, "eth0", T0, 1, i + 1, 6, 3);
		memset(t.names, 0, sizeof(t.names));
		for (size_t k = 0; k < 3; k++)
			snprintf(t.names[k].name, GODB_NAME_MAX, "%s",
			    i ? "Telnet" : "Unknown");
		good = godb_writer_append(w, &t.b) == 0 &&
		    godb_writer_commit(w, "eth0", T0, NULL) == 0;
	}
	ok(good && fault_names_pending() == 0,
	    "a registry is durable with the first block that needs it");
	godb_writer_close(w);
}

/* A writer dies in a commit, and its successor cannot make durable what that
 * wrote: the journal stays until somebody could. */
static void
test_death_then_failure(void)
{
	size_t bad = 0, left = 0, dropped = 0;
	struct godb_writer *once;
	char journal[128];
	long calls;

	snprintf(journal, sizeof(journal), "%s/eth0/journal/%lld.gpj", path,
	    (long long)T0);
	reset(FAULT_NONE, 0);
	if (store_open(path, &once) < 0 ||
	    godb_writer_append(once, &batches[0].b) != 0)
		abort();
	fault_plan.n_calls = 0;
	if (godb_writer_commit(once, "eth0", T0, NULL) != 0)
		abort();
	calls = fault_plan.n_calls;
	godb_writer_close(once);
	for (long at = 0; at < 5; at++)
		for (long then = 0; then < 40; then++) {
			struct godb_writer *w;
			struct facts want = {0};
			size_t told;
			pid_t pid;

			reset(FAULT_NONE, 0);
			pid = fork();
			if (pid == 0) {
				(void)store_open(path, &w);
				(void)godb_writer_append(w, &batches[0].b);
				fault_plan.mode = FAULT_KILL;
				fault_plan.countdown = calls - 1 - at;
				(void)godb_writer_commit(w, "eth0", T0, NULL);
				_exit(0);
			}
			(void)waitpid(pid, NULL, 0);
			fault_plan.mode = FAULT_EIO;
			fault_plan.countdown = then;
			if (store_open(path, &w) == 0)
				godb_writer_close(w);
			fault_plan.mode = FAULT_NONE;
			left += access(journal, F_OK) == 0;
			facts_add_batch(&want, &batches[0].b);
			bad += !store_equals(path, &want, &told) || told > 0;
			bad += store_open(path, &w) != 0;
			dropped += access(journal, F_OK) < 0;
			(void)godb_writer_commit(w, "eth0", T0, NULL);
			godb_writer_close(w);
			bad += !store_equals(path, &want, &told) || told > 0 ||
			    access(journal, F_OK) == 0;
			facts_free(&want);
		}
	ok(left > 20 && dropped > 100, "a writer dies in a commit, and %zu "
	    "times its successor cannot take the journal away", left);
	is_int((int)bad, 0, "  nothing is lost, and then none is left");
}

/* A sector that cannot be read when a writer starts is not taken for damage or
 * for the end of a file. */
static void
test_unreadable(void)
{
	size_t bad = 0, refused = 0;
	struct godb_writer *w;
	char cmd[200];

	reset(FAULT_NONE, 0);
	if (store_open(path, &w) < 0)
		abort();
	for (size_t i = 0; i < BATCHES; i++)
		bad += godb_writer_append(w, &batches[i].b) != 0;
	bad += godb_writer_commit(w, "eth0", T0, NULL) != 0;
	godb_writer_close(w);
	for (long at = 0;; at++) {
		int rc;

		fault_plan.reads = at;
		rc = store_open(path, &w);
		if (rc == 0)
			godb_writer_close(w);
		refused += rc == -EIO;
		bad += rc != 0 && rc != -EIO;
		if (fault_plan.reads >= 0)
			break;
		bad += !holds(BATCHES);
	}
	fault_plan.reads = -1;
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
test_end(enum fault_mode m, long calls)
{
	size_t bad = 0, ended = 0;

	for (long at = 0; at < calls; at += (long)tap_stride(5)) {
		int status;
		pid_t pid;
		bool good;

		reset(FAULT_NONE, 0);
		pid = fork();
		if (pid == 0) {
			fault_plan.mode = m;
			fault_plan.countdown = at;
			_exit(story() == 0 ? 0 : 1);
		}
		(void)waitpid(pid, &status, 0);
		good = WIFEXITED(status) &&
		    (WEXITSTATUS(status) == 7 || WEXITSTATUS(status) == 0);
		ended += WIFEXITED(status) && WEXITSTATUS(status) == 7;
		if (m == FAULT_KILL && shared->acked > 0)
			/* the batch at work may be in its journal */
			good = good && (holds(shared->acked) ||
					   holds(shared->acked + 1));
		if (m == FAULT_KILL_THEN_CUT) {
			/* its successor starts, then that */
			struct godb_writer *w;

			good = good && store_open(path, &w) == 0;
			if (good)
				godb_writer_close(w);
			fault_power_cut();
		}
		if (m == FAULT_KILL_WORK_CUT) {
			good = good && commit_all();
			fault_power_cut();
			shared->durable = (1u << shared->acked) - 1;
		}
		if (m != FAULT_KILL && shared->durable)
			good = good && no_faults();
		good = good &&
		    goes_on(m == FAULT_KILL ? (1u << shared->acked) - 1 :
					shared->durable);
		if (!good) {
			diag("%s at call %ld: %u acked, %x durable",
			    fault_names[m], at, shared->acked,
			    shared->durable);
			bad++;
		}
	}
	ok(ended > 50, "%zu ends", ended);
	is_int(bad, 0, "%s before each of %ld calls: nothing acknowledged is "
	    "lost, nothing twice", fault_names[m], calls);
}

int
main(void)
{
	long calls;

	if (!folder_temporary(root, sizeof(root)))
		return 1;
	snprintf(path, sizeof(path), "%s/store", root);
	fault_begin();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	make_batches();
	reset(FAULT_NONE, 0);
	ok(story() == 0 && holds(BATCHES), "the story");
	calls = fault_plan.n_calls;
	ok(calls > 100, "takes %ld calls", calls);
	is_int(fault_plan.early, 0, "nothing is named before it is durable");
	is_int(shared->unsynced, 0, "  and after a sync each name is, too");
	test_fail(FAULT_EIO, calls);
	test_fail(FAULT_ENOSPC, calls);
	test_fail(FAULT_SHORT, calls);
	test_fail(FAULT_HALF, calls);
	test_fail(FAULT_INTERRUPT, calls);
	test_fail(FAULT_BAD_PAGES, calls);
	test_outage(calls);
	test_half_files();
	test_half_names();
	test_half_record();
	test_begun_folders();
	test_replayed_sync();
	test_late_registry();
	test_death_then_failure();
	test_torn_record();
	test_unreadable();
	test_end(FAULT_KILL, calls);
	test_end(FAULT_KILL_THEN_CUT, calls);
	test_end(FAULT_KILL_WORK_CUT, calls);
	test_end(FAULT_POWER_CUT, calls);
	fault_plan.mode = FAULT_NONE;
	folder_remove(root);
	return tap_done();
}
