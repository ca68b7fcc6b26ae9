/*
 * Every system call of a repair fails once, or is its last, or the machine's
 * (tests/lib/fault.h).  Whatever it is: what could be read still can, what is
 * taken out lies aside in full, and the next repair ends it.
 */
#include "tests/lib/fault.h"
#include "tests/lib/rolluptest.h"

#include <sys/wait.h>

static char root[32], path[64], whole[64];
static struct facts good; /* rows that no damage is in */

/* What repair writes anew or takes away, as it was. */
static struct kept {
	const char *name;
	char *bytes;
	size_t len;
} kept[] = {{"eth0/2025-11-25/blocks.idx", NULL, 0},
    {"goDB-l7proto.names", NULL, 0}, {"eth0/days.gone", NULL, 0}};
#define KEPT (sizeof(kept) / sizeof(*kept))

static void
read_file(const char *name, char **bytes, size_t *len)
{
	char full[160];
	struct stat st;
	int fd;

	snprintf(full, sizeof(full), "%s/%s", path, name);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	*bytes = NULL;
	*len = 0;
	if (fd < 0)
		return;
	if (fstat(fd, &st) < 0)
		abort();
	*len = (size_t)st.st_size;
	*bytes = malloc(*len + 1);
	if (*bytes == NULL || read(fd, *bytes, *len) != st.st_size)
		abort();
	close(fd);
}

/* Three blocks, of which the last cannot be read, and damage of each other
 * kind. */
static void
make_damaged(void)
{
	uint64_t seed = 4711;
	struct godb_writer *w;
	char name[96];
	FILE *registry;

	fault_reset(FAULT_NONE, 0);
	if (store_open(path, &w) < 0)
		abort();
	for (int i = 0; i < 3; i++)
		store_add_block(w, &seed, i == 2 ? NULL : &good, "eth0",
		    T0 + i * 300, (uint64_t)i + 1, true);
	store_add_block(w, &seed, NULL, "eth0", T0 + 900, 4, false);
	store_add_block(w, &seed, NULL, "eth0", T0 + 86400, 5, false);
	if (upkeep(w, T0 + 5 * 86400) != 0)
		abort();
	godb_writer_close(w);
	store_flip(path, "eth0/journal/1764029700.gpj", 3);
	store_flip(path, "eth0/journal/1764115200.gpj", 3); /* of no day yet */
	if (store_open(path, &w) < 0) /* which sets the journal aside */
		abort();
	godb_writer_close(w);
	store_flip(path, "eth0/2025-11-25/dport.gpf", -1);
	store_put_text(path, "eth0/days.gone", "no note of days");
	store_put_text(path, "eth0/days.sum", "no summary");
	snprintf(name, sizeof(name), "%s/goDB-l7proto.names", path);
	registry = fopen(name, "a");
	if (registry == NULL || fputs("no line\n", registry) < 0 ||
	    fclose(registry) != 0)
		abort();
	for (size_t i = 0; i < KEPT; i++)
		read_file(kept[i].name, &kept[i].bytes, &kept[i].len);
}

static int
repair(void)
{
	struct godb_repair_opts o = GODB_REPAIR_OPTS_INIT;
	struct godb_repair_report report;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = godb_repair(fd, &o, &report, NULL);

	close(fd);
	return rc;
}

static bool
is_kept(const struct kept *k, const char *name)
{
	char *bytes;
	size_t len;
	bool same;

	read_file(name, &bytes, &len);
	same = bytes && len == k->len && memcmp(bytes, k->bytes, len) == 0;
	free(bytes);
	return same;
}

/* In its place, or aside: what was there before. */
static bool
all_kept(void)
{
	for (size_t i = 0; i < KEPT; i++) {
		char copy[96];
		bool there = is_kept(&kept[i], kept[i].name);

		snprintf(copy, sizeof(copy), "%s.damaged", kept[i].name);
		there = there || is_kept(&kept[i], copy);
		for (int n = 1; n < 4 && !there; n++) {
			snprintf(copy, sizeof(copy), "%s.damaged.%d",
			    kept[i].name, n);
			there = is_kept(&kept[i], copy);
		}
		if (!there) {
			diag("%s is not kept", kept[i].name);
			return false;
		}
	}
	return true;
}

static size_t halves;

static int
count_half(const char *name, const struct stat *st, int type, struct FTW *at)
{
	size_t len = strlen(name);

	(void)at;
	if (type != FTW_F)
		return 0;
	halves += len > 4 && strcmp(name + len - 4, ".new") == 0;
	for (size_t i = 0; i < KEPT; i++) {
		const char *found = strstr(name, kept[i].name);

		halves += found &&
		    strcmp(found + strlen(kept[i].name), ".damaged") == 0 &&
		    (size_t)st->st_size != kept[i].len;
	}
	return 0;
}

static bool
no_halves(void)
{
	halves = 0;
	(void)nftw(path, count_half, 16, FTW_PHYS);
	return halves == 0;
}

/* Rows of the good blocks, which can be read at any time. */
static bool
good_is_there(void)
{
	struct facts have = {0};
	struct view v;
	size_t at = 0;

	if (view_open(path, &v) < 0)
		return false;
	(void)facts_add_scan(&have, v.scan);
	view_close(&v);
	facts_settle(&have);
	for (size_t i = 0; i < have.n && at < good.n; i++)
		at += memcmp(&have.v[i], &good.v[at], sizeof(*good.v)) == 0;
	facts_free(&have);
	return at == good.n;
}

static bool
is_repaired(void)
{
	struct godb_check_report report;

	return faults_of(path, &report) == 0;
}

/* One in a process of its own; 0: it ended well and all of it is durable. */
static int
try_repair(enum fault_mode m, long at)
{
	int status, rc;
	pid_t pid = fork();

	if (pid == 0) {
		fault_reset(m, at);
		rc = repair();
		if (fault_plan.early > 0)
			_exit(3);
		_exit(rc < 0 ? 1 : fault_names_pending() > 0 ? 2 : 0);
	}
	(void)waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
test_repairs(enum fault_mode m, long calls)
{
	size_t bad = 0, stopped = 0;

	for (long at = 0; at < calls; at += (long)tap_stride(5)) {
		int how;
		bool fine;

		folder_copy(whole, path);
		how = try_repair(m, at);
		stopped += how == 1 || how == 7;
		fine = how == 0 || how == 1 || how == 7;
		fine = fine && good_is_there() && all_kept();
		fine = fine && (how != 0 || is_repaired());
		fine = fine && (m >= FAULT_KILL || no_halves());
		fault_reset(FAULT_NONE, 0);
		fine = fine && repair() == 0 && is_repaired();
		fine = fine && good_is_there() && all_kept();
		if (!fine)
			diag("%s at call %ld: %d", fault_names[m], at, how);
		bad += !fine;
	}
	ok(stopped > 5 || m == FAULT_HALF || m == FAULT_INTERRUPT,
	    "%zu repairs stop", stopped);
	is_int((int)bad, 0, "%s at each of %ld calls of a repair: nothing that "
	    "was there is gone, and the next one ends it", fault_names[m],
	    calls);
}

int
main(void)
{
	long calls;

	if (!folder_temporary(root, sizeof(root)))
		return 1;
	snprintf(path, sizeof(path), "%s/store", root);
	snprintf(whole, sizeof(whole), "%s/whole", root);
	fault_begin();
	make_damaged();
	facts_settle(&good);
	folder_copy(path, whole);
	ok(good_is_there() && !is_repaired(), "a store with damage");
	fault_reset(FAULT_NONE, 0);
	ok(repair() == 0 && fault_plan.n_calls > 50, "takes a repair");
	calls = fault_plan.n_calls;
	folder_copy(whole, path);
	is_int(try_repair(FAULT_NONE, 0), 0, "is repaired, and all of that is "
	    "durable, in order");
	ok(is_repaired() && good_is_there() && all_kept() && no_halves(),
	    "with the rest of it there, and what is taken out aside");
	for (enum fault_mode m = FAULT_EIO; m <= FAULT_POWER_CUT; m++)
		if (m != FAULT_BAD_PAGES && m != FAULT_KILL_THEN_CUT &&
		    m != FAULT_KILL_WORK_CUT)
			test_repairs(m, calls);
	folder_remove(root);
	for (size_t i = 0; i < KEPT; i++)
		free(kept[i].bytes);
	facts_free(&good);
	return tap_done();
}
