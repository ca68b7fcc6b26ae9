/*
 * goquery trusts no store: every byte of a small one is changed once, and each
 * time the answer is right, or says that it lacks something and has no row
 * that was never stored.  All of it with the library, under ASan when built
 * so; a sample with goquery itself.
 */
#include "tests/lib/rolluptest.h"

#include <sys/wait.h>

#include "common/base/fd.h"

#define FILES_MAX 64
#define SAMPLES   150

static char root[32], path[64], goquery[512];
static uint64_t seed;
static struct facts truth;

struct stored_file {
	char name[256];
	char *data;
	size_t len;
};
static struct stored_file file[FILES_MAX];
static size_t n_files, n_bytes;

/* What all time comes to, for which roll-ups are read. */
static struct godb_result_row *sums;
static size_t n_sums;

static struct godb_result_row *
sum(const struct godb_scan *s, size_t *n, size_t *told,
    struct godb_result_stats *stats)
{
	struct godb_query_opts opts = GODB_QUERY_OPTS_INIT;
	struct godb_result_row *rows;
	struct godb_result *r;
	struct godb_diag d;

	opts.sort = GODB_KEY_SIP;
	if (godb_keys_parse("sip,dip,dport,proto", &opts.keys, &d) < 0 ||
	    godb_query_run(s, &opts, &r) < 0)
		abort();
	*n = godb_result_n_rows(r);
	*told = godb_result_n_faults(r) + godb_scan_n_faults(s);
	rows = calloc(*n + 1, sizeof(*rows));
	for (size_t i = 0; rows && i < *n; i++) {
		godb_result_row(r, i, &rows[i]);
		rows[i].iface = rows[i].l7proto = "";
	}
	godb_result_stats(r, stats);
	godb_result_free(r);
	return rows;
}

/* Each of the first is among the others with no smaller counters; both are
 * ordered. */
static bool
rows_within(const struct godb_result_row *a, size_t n_a,
    const struct godb_result_row *b, size_t n_b)
{
	for (size_t i = 0, k = 0; i < n_a; i++) {
		struct godb_result_row want;
		bool same = false;

		for (; !same && k < n_b; k++) {
			want = b[k];
			for (int c = 0; c < 4; c++)
				if (a[i].counter[c] <= want.counter[c])
					want.counter[c] = a[i].counter[c];
			same = row_equals(&a[i], &want);
		}
		if (!same)
			return false;
	}
	return true;
}

/* ---- the store ----------------------------------------------------------- */

static int
remember(const char *name, const struct stat *st, int type, struct FTW *at)
{
	struct stored_file *f = &file[n_files];

	(void)st;
	/* the lock's text is for people; nothing is read from it */
	if (type != FTW_F || strstr(name + at->base, ".lock"))
		return 0;
	if (n_files == FILES_MAX ||
	    gp_fd_read_file(AT_FDCWD, name, 1 << 20, &f->data, &f->len) < 0)
		abort();
	(void)snprintf(f->name, sizeof(f->name), "%s", name);
	n_bytes += f->len;
	n_files++;
	return 0;
}

static void
append(struct godb_writer *w, const struct godb_batch *b)
{
	if (godb_writer_append(w, b) != 0)
		abort();
}

static void
make_store(void)
{
	static struct testbatch t;
	struct godb_result_stats stats;
	struct godb_writer *w;
	struct view v;
	size_t told;

	if (store_open(path, &w) < 0)
		abort();
	batch_make(&t, &seed, "eth0", T0, 1, 1, 6, 4);
	t.b.flags = GODB_PART_DIR_IFACE;
	append(w, &t.b);
	if (godb_writer_commit(w, "eth0", T0, NULL) < 0)
		abort();
	/* the same rows again, so that roll-ups pay */
	t.b.slot_s += 300;
	t.b.seq++;
	append(w, &t.b);
	if (godb_writer_commit(w, "eth0", T0 + 300, NULL) < 0 ||
	    upkeep(w, T0 + 86400 * 3) < 0)
		abort();
	batch_make(&t, &seed, "eth1", T0, 2, 1, 6, 4);
	t.b.flags = GODB_PART_DIR_IFACE;
	append(w, &t.b);
	if (godb_writer_commit(w, "eth1", T0, NULL) < 0)
		abort();
	/* and one still in its journal */
	batch_make(&t, &seed, "eth0", T0 + 86400, 1, 3, 6, 4);
	t.b.flags = GODB_PART_DIR_IFACE;
	append(w, &t.b);
	godb_writer_close(w);
	if (nftw(path, remember, 16, FTW_PHYS) != 0 ||
	    view_open(path, &v) < 0 || facts_add_scan(&truth, v.scan) != 0 ||
	    godb_scan_n_faults(v.scan) != 0)
		abort();
	facts_settle(&truth);
	sums = sum(v.scan, &n_sums, &told, &stats);
	if (told > 0 || stats.rollups != 1 || stats.parts_rolled != 2)
		abort();
	view_close(&v);
}

static void
put(const struct stored_file *f, size_t at, uint8_t change)
{
	int fd = open(f->name, O_WRONLY | O_CLOEXEC);
	uint8_t byte = (uint8_t)f->data[at] ^ change;

	if (fd < 0 || pwrite(fd, &byte, 1, (off_t)at) != 1 || close(fd) < 0)
		abort();
}

/* ---- what it answers ----------------------------------------------------- */

/* Whether each fact was stored; what has lost its name is not looked for. */
static bool
nothing_new(struct facts *have)
{
	facts_settle(have);
	for (size_t i = 0; i < have->n; i++) {
		const struct fact *x = &have->v[i], *y;

		if (strcmp(x->l7, "(none)") == 0)
			continue;
		y = bsearch(x, truth.v, truth.n, sizeof(*x), fact_order);
		for (int k = 0; k < 4; k++)
			if (y == NULL || x->counter[k] > y->counter[k])
				return false;
	}
	return true;
}

enum verdict { RIGHT, TOLD, WRONG };
static size_t n_unread; /* roll-ups whose blocks were read */

static enum verdict
ask(void)
{
	struct facts have = {0};
	struct godb_result_stats stats;
	struct godb_result_row *rows;
	struct view v;
	size_t told, n;
	bool same, fine;

	if (view_open(path, &v) < 0)
		return TOLD;
	told = facts_add_scan(&have, v.scan) + godb_scan_n_faults(v.scan);
	same = facts_equal(&truth, &have);
	fine = same || (told > 0 && nothing_new(&have));
	facts_free(&have);
	rows = sum(v.scan, &n, &told, &stats);
	fine = fine && rows_within(rows, n, sums, n_sums) &&
	    (told > 0 || (n == n_sums && rows_within(sums, n, rows, n)));
	n_unread += stats.rollups_unreadable > 0;
	free(rows);
	view_close(&v);
	return !fine ? WRONG : same ? RIGHT : TOLD;
}

static void
flip_all(void)
{
	size_t count[3] = {0};

	for (size_t i = 0; i < n_files; i++)
		for (size_t at = 0; at < file[i].len; at++) {
			uint8_t change = (uint8_t)(tap_random(&seed) % 255 + 1);
			enum verdict v;

			put(&file[i], at, change);
			v = ask();
			count[v]++;
			if (v == WRONG && count[WRONG] <= 20)
				diag("wrong: %s byte %zu ^ %#x",
				    file[i].name + strlen(path), at, change);
			put(&file[i], at, 0);
		}
	is_int(count[WRONG], 0, "%zu bytes of %zu files changed: %zu answers "
	    "right, %zu say that something is missing", n_bytes, n_files,
	    count[RIGHT], count[TOLD]);
	ok(n_unread > 50, "for %zu roll-ups the blocks were read", n_unread);
	ok(ask() == RIGHT, "and it is whole again");
}

/* ---- goquery itself ------------------------------------------------------ */

/* Runs it; its status, its output in text. */
static int
run_goquery(char *text, size_t size)
{
	char command[1024];
	size_t got;
	FILE *p;

	(void)snprintf(command, sizeof(command), "%s -d %s -i any -f 2025-11-24"
	    " -l 2025-11-27 -e csv -n all "
	    "time,iface,sip,dip,dport,proto 2>%s/err", goquery, path,
	    root);
	p = popen(command, "r");
	if (p == NULL)
		abort();
	got = fread(text, 1, size - 1, p);
	text[got] = '\0';
	return pclose(p);
}

/* Every line stands in the whole answer. */
static bool
lines_in(char *part, const char *whole)
{
	char *save, line[600];

	for (char *p = strtok_r(part, "\n", &save); p;
	     p = strtok_r(NULL, "\n", &save)) {
		(void)snprintf(line, sizeof(line), "%s\n", p);
		if (strstr(whole, line) == NULL)
			return false;
	}
	return true;
}

static void
sample_goquery(void)
{
	static char whole[1 << 16], text[1 << 16];
	size_t right = 0, lacking = 0, refused = 0;
	struct stat st;
	int status = run_goquery(whole, sizeof(whole));

	if (!ok(status == 0 && strlen(whole) > 200, "goquery: whole"))
		return;
	for (int i = 0; i < SAMPLES; i++) {
		const struct stored_file *f = &file[tap_random(&seed) % n_files];
		size_t at;
		char err[64];

		if (f->len == 0)
			continue;
		at = tap_random(&seed) % f->len;
		put(f, at, (uint8_t)(1u << (tap_random(&seed) % 8)));
		status = run_goquery(text, sizeof(text));
		put(f, at, 0);
		(void)snprintf(err, sizeof(err), "%s/err", root);
		if (status == 0 && strcmp(text, whole) == 0)
			right++;
		else if (WIFEXITED(status) && WEXITSTATUS(status) == 3 &&
		    stat(err, &st) == 0 && st.st_size > 0 &&
		    lines_in(text, whole))
			lacking++;
		else if (WIFEXITED(status) && WEXITSTATUS(status) == 1 &&
		    stat(err, &st) == 0 && st.st_size > 0 && !text[0])
			refused++;
		else
			ok(false, "goquery: %s byte %zu: status %#x",
			    f->name + strlen(path), at, (unsigned)status);
	}
	ok(right + lacking + refused > SAMPLES / 2,
	    "goquery: %zu answers right, %zu incomplete, %zu refused", right,
	    lacking, refused);
}

int
main(int argc, char **argv)
{
	char *end;

	(void)argc;
	seed = tap_seed(4);
	if (!folder_temporary(root, sizeof(root)))
		skip_all("no temporary folder");
	/* leaks are looked for by calls that its sandbox does not allow */
	(void)setenv("ASAN_OPTIONS", "detect_leaks=0", 0);
	/* root's goquery is nobody */
	(void)chmod(root, 0755);
	(void)snprintf(path, sizeof(path), "%s/store", root);
	(void)snprintf(goquery, sizeof(goquery), "%.400s", argv[0]);
	for (int i = 0; i < 3; i++) {
		end = strrchr(goquery, '/');
		*(end ? end : goquery) = '\0';
	}
	strcat(goquery, "/bin/goquery");
	make_store();
	flip_all();
	if (geteuid() == 0) {
		char command[128];

		(void)snprintf(command, sizeof(command), "chmod -R a+rX %s",
		    path);
		if (system(command) != 0)
			return 1;
	}
	sample_goquery();
	folder_remove(root);
	return tap_done();
}
