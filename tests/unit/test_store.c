/* The store as a whole: what went in comes out, once, whatever happens to
 * the writer between.  What happens to its files: test_store_damage; to
 * the names of applications: test_store_names; pieces and few rows of a
 * part: test_cursor. */
#include "tests/lib/storetest.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>

static char root[32];
static char path[64], copy[64];
static uint64_t seed;
static struct testbatch t;

static void
fresh(void)
{
	folder_remove(path);
	folder_remove(copy);
}

static void
check_equal(struct facts *want, const char *what)
{
	size_t told;
	bool same = store_equals(path, want, &told);

	ok(same && told == 0, "%s (%zu rows, %zu faults)", what, want->n, told);
}

/* ---- making and opening -------------------------------------------------- */

static long fs_type; /* 0: what it is */

int
fstatfs(int fd, struct statfs *st)
{
	int rc = (int)syscall(SYS_fstatfs, fd, st);

	if (rc == 0 && fs_type != 0)
		st->f_type = fs_type;
	return rc;
}

static mode_t
mode_of(const char *name)
{
	char file[256];
	struct stat st;

	snprintf(file, sizeof(file), "%s/%s", path, name);
	return lstat(file, &st) < 0 ? 0 : st.st_mode & 07777;
}

static void
test_network(void)
{
	static const long types[] = {0x6969, (long)0xff534d42, 0x01021997};
	struct godb_writer_opts opts = GODB_WRITER_OPTS_INIT;
	struct godb_repair_opts repair = GODB_REPAIR_OPTS_INIT;
	struct godb_repair_report report;
	struct godb_writer *w = NULL;
	struct godb_reader *r;
	struct godb_diag d;
	int dir;

	fresh();
	mkdir(path, 0700);
	for (size_t i = 0; i < 3; i++) {
		fs_type = types[i];
		d.text[0] = '\0';
		is_int(godb_writer_open(open(path, O_RDONLY), &opts, &w, &d),
		    -EREMOTE, "a network file system, %lx",
		    (unsigned long)types[i]);
		ok(strstr(d.text, "network file system") != NULL, "%s", d.text);
	}
	is_int(rmdir(path), 0, "nothing was made");
	fs_type = 0;
	is_int(store_open(path, &w), 0, "a local one");
	godb_writer_close(w);
	fs_type = types[0];
	dir = open(path, O_RDONLY);
	is_int(godb_repair(dir, &repair, &report, &d), -EREMOTE,
	    "no repair over the network");
	is_int(godb_wipe(dir, NULL, false, &(uint64_t){0}, &(uint64_t){0}, &d),
	    -EREMOTE, "nor removal");
	close(dir);
	is_int(godb_reader_open(path, &r), 0, "it may be read");
	godb_reader_close(r);
	fs_type = 0;
}

static void
test_making(void)
{
	struct godb_writer *w, *w2;
	struct godb_writer_opts opts = GODB_WRITER_OPTS_INIT;
	struct godb_diag d = {.text = ""};
	struct godb_reader *r;
	char lost[128];
	mode_t mask;

	fresh();
	is_int(godb_reader_open(path, &r), -ENOENT, "no folder");
	mkdir(path, 0700);
	is_int(godb_reader_open(path, &r), GODB_ENOTSTORE, "empty folder");
	opts.create = false;
	is_int(godb_writer_open(open(path, O_RDONLY), &opts, &w, &d),
	    GODB_ENOTSTORE, "not made unless asked to");
	opts.create = true;
	opts.compression = (enum godb_compression)2;
	is_int(godb_writer_open(open(path, O_RDONLY), &opts, &w, &d), -EINVAL,
	    "no such compression");
	opts = (struct godb_writer_opts)GODB_WRITER_OPTS_INIT;
	opts.create = false;
	store_put_text(path, "a file", "of somebody");
	is_int(store_open(path, &w), GODB_ENOTSTORE, "folder of others");
	is_int(mode_of(".") != 0 && mode_of("goDB-writer.lock"), 0,
	    "and nothing is left in it");
	fresh();
	mkdir(path, 0700);
	snprintf(lost, sizeof(lost), "%s/lost+found", path);
	mkdir(lost, 0700);
	mask = umask(077);
	is_int(store_open(path, &w), 0, "a new file system's root");
	umask(mask);
	is_int(mode_of("goDB-store.format"), 0640, "mode of a file");
	is_int(godb_writer_open(open(path, O_RDONLY), &opts, &w2, &d),
	    GODB_ELOCKED, "a second writer");
	ok(strstr(d.text, "store is locked by a test (pid ") == d.text,
	    "learns who: %s", d.text);
	godb_writer_close(w);
	is_int(store_open(path, &w), 0, "after it left");
	godb_writer_close(w);
	is_int(godb_reader_open(path, &r), 0, "a reader");
	godb_reader_close(r);
	store_put_text(path, "goDB-store.format", "goDB store\nformat 2.0\nid 0\n");
	is_int(godb_reader_open(path, &r), GODB_ENEWER, "a newer format");
	is_int(store_open(path, &w), GODB_ENEWER, "for writers too");
	store_put_text(path, "goDB-store.format", "goDB store\nformat 1.9\nid 0\n");
	is_int(godb_reader_open(path, &r), 0, "a newer minor is fine");
	godb_reader_close(r);
}

/* ---- random work --------------------------------------------------------- */

static const char *const ifaces[] = {"eth0", "eth1.100", "-odd:name_15ch"};

/* All of a commit, or so many of its steps that other work comes between. */
static int
commit_some(struct godb_writer *w, const struct godb_open_block *block)
{
	uint64_t steps = tap_random(&seed) % 50;
	char iface[16];
	int rc = 1;

	snprintf(iface, sizeof(iface), "%s", block->iface);
	for (uint64_t i = 0; i <= steps && rc == 1; i++)
		rc = godb_writer_commit_step(w, iface, block->slot_s, NULL);
	return rc;
}

static void
test_random(bool compress_none)
{
	struct godb_writer *w;
	struct facts want = {0};
	uint64_t seq[2] = {0, 0};
	size_t twice = 0, wrong = 0, checks = 0, bad_checks = 0, told;
	struct testbatch old[8];
	size_t n_old = 0, half = 0, waited = 0;
	struct godb_writer_opts opts = GODB_WRITER_OPTS_INIT;
	int rc;

	fresh();
	mkdir(path, 0700);
	if (compress_none)
		opts.compression = GODB_COMPRESS_NONE;
	rc = godb_writer_open(open(path, O_RDONLY), &opts, &w, NULL);
	is_int(rc, 0, "a store");
	for (int step = 0; step < 1200 && rc >= 0; step++) {
		uint64_t what = tap_random(&seed) % 100;
		struct godb_open_block open_one;

		if (what < 60) {
			unsigned ring = tap_random(&seed) & 1;
			int64_t slot = T0 + 86400 - 600 +
			    300 * (int64_t)(tap_random(&seed) % 5);

			batch_make(&t, &seed,
			    ifaces[tap_random(&seed) % 3], slot,
			    (uint8_t)ring, ++seq[ring],
			    tap_random(&seed) % 40, tap_random(&seed) % 20);
			rc = godb_writer_append(w, &t.b);
			if (rc == -EAGAIN) { /* its commit is under way */
				waited++;
				wrong += godb_writer_commit(w, t.b.iface, slot,
				    NULL) != 0;
				rc = godb_writer_append(w, &t.b);
			}
			wrong += rc != 0;
			facts_add_batch(&want, &t.b);
			old[n_old++ % 8] = t;
		} else if (what < 70 && n_old > 0) {
			t = old[tap_random(&seed) % (n_old < 8 ? n_old : 8)];
			t.b.names = t.names;
			t.b.rows4 = t.rows4;
			t.b.rows6 = t.rows6;
			twice += godb_writer_append(w, &t.b) != 1;
		} else if (what < 85) {
			size_t i = 0;

			while (godb_writer_open_block(w, i, &open_one))
				i++;
			if (i == 0)
				continue;
			(void)godb_writer_open_block(w,
			    tap_random(&seed) % i, &open_one);
			rc = commit_some(w, &open_one);
			wrong += rc < 0;
			half += rc == 1;
		} else if (what < 90) {
			godb_writer_close(w);
			rc = store_open(path, &w);
			wrong += rc != 0;
		} else {
			checks++;
			bad_checks += !store_equals(path, &want, &told) ||
			    told != 0;
		}
	}
	is_int(wrong, 0, "appends, commits, reopens");
	ok(half > 0 && waited > 0,
	    "%zu commits were left half done, %zu batches waited for one", half,
	    waited);
	is_int(twice, 0, "what was there is known to be");
	is_int(bad_checks, 0, "%zu views, live and stored, are right", checks);
	godb_writer_close(w);
	check_equal(&want, "and after it all");
	facts_free(&want);
}

/* ---- shapes -------------------------------------------------------------- */

static void
test_quiet(void)
{
	struct godb_writer *w;
	struct facts want = {0};
	struct godb_columns c;
	struct godb_cursor *cursor;
	struct view v;
	int64_t first, last, any = 0;
	uint64_t in, out;

	fresh();
	(void)store_open(path, &w);
	batch_make(&t, &seed, "lo", T0, 1, 1, 0, 0);
	(void)godb_writer_append(w, &t.b);
	facts_add_batch(&want, &t.b);
	is_int(godb_writer_commit(w, "lo", T0, NULL), 0, "a block of no rows");
	is_int(godb_writer_commit(w, "lo", T0, NULL), -ENOENT,
	    "is committed once");
	batch_make(&t, &seed, "lo", T0 + 2 * 86400, 1, 2, 0, 1);
	(void)godb_writer_append(w, &t.b);
	facts_add_batch(&want, &t.b);
	check_equal(&want, "a quiet block and a live one");
	is_int(godb_writer_has_blocks(w, "lo", T0 + 299, T0 + 300, &any), 1,
	    "blocks in its last second");
	is_int(any, T0, "it");
	is_int(godb_writer_has_blocks(w, "lo", T0 + 300, T0 + 600, NULL), 0,
	    "none behind");
	is_int(godb_writer_has_blocks(w, "lo", T0 + 86400, INT64_MAX, &any), 1,
	    "the live one counts");
	is_int(godb_writer_has_blocks(w, "nope", 0, INT64_MAX, NULL), 0,
	    "unknown interface");
	is_int(godb_writer_has_blocks(w, "a/b", 0, 1, NULL), GODB_EIFACE,
	    "no interface");
	godb_writer_close(w);
	(void)view_open(path, &v);
	is_int((int64_t)godb_scan_n_parts(v.scan), 2, "two parts");
	ok(godb_scan_part(v.scan, 1)->flags & GODB_PART_LIVE, "one live");
	ok(godb_scan_extent(v.scan, 0, &first, &last) && first == T0 &&
		last == T0 + 2 * 86400,
	    "its extent");
	(void)godb_cursor_new(v.scan, &cursor);
	is_int(godb_cursor_load(cursor, 0, GODB_COL_ALL, true, true, &c, NULL),
	    0, "no rows load");
	ok(c.n4 + c.n6 == 0 && c.sip4 && c.sip6 && c.counter[3],
	    "into arrays that are there");
	is_int(godb_cursor_load(cursor, 1, GODB_COL_ALL, true, true, &c, NULL),
	    0, "a row of a journal");
	godb_cursor_stats(cursor, &in, &out);
	ok(in > 0 && out == sizeof(struct godb_row6), "is 72 bytes decoded");
	godb_cursor_free(cursor);
	view_close(&v);
	facts_free(&want);
}

static void
test_rules(void)
{
	struct godb_writer *w;
	uint8_t other[16] = {77};
	uint64_t next, pos;

	fresh();
	(void)store_open(path, &w);
	batch_make(&t, &seed, "eth0", T0, 1, 5, 1, 1);
	t.b.iface = "..";
	is_int(godb_writer_append(w, &t.b), GODB_EIFACE, "no interface");
	t.b.iface = "sixteen_bytes_xx";
	is_int(godb_writer_append(w, &t.b), GODB_EIFACE, "name too long");
	t.b.iface = "eth0";
	t.b.slot_s += 1;
	is_int(godb_writer_append(w, &t.b), -EINVAL, "no block's time");
	t.b.slot_s -= 1;
	is_int(godb_writer_ring(w, "eth0", t.b.ring, &next, &pos), -ENOENT,
	    "ring not known");
	is_int(godb_writer_append(w, &t.b), 0, "a batch");
	is_int(godb_writer_ring(w, "eth0", t.b.ring, &next, &pos), 0, "ring");
	ok(next == 6 && pos == 5 * 64, "goes on behind it");
	is_int(godb_writer_ring(w, "eth1", t.b.ring, &next, &pos), -ENOENT,
	    "not on another interface");
	is_int(godb_writer_commit(w, "eth0", T0, NULL), 0, "commit");
	/* old days before and behind, so that the ring's is not the newest */
	for (int i = 0; i < 6; i++) {
		int64_t day = T0 + (i < 3 ? -86400 : 86400) * (1 + i);

		batch_make(&t, &seed, "eth0", day, 2, 1 + (uint64_t)i, 1, 0);
		(void)godb_writer_append(w, &t.b);
		(void)godb_writer_commit(w, "eth0", day, NULL);
	}
	godb_writer_close(w);
	(void)store_open(path, &w);
	batch_make(&t, &seed, "eth0", T0, 1, 5, 1, 1);
	is_int(godb_writer_ring(w, "eth0", t.b.ring, &next, &pos), 0,
	    "known after a restart");
	ok(next == 6 && pos == 5 * 64, "as before");
	is_int(godb_writer_append(w, &t.b), 1, "and the batch too");
	is_int(godb_writer_ring(w, "eth0", other, &next, &pos), -ENOENT,
	    "another is not");
	is_int(godb_writer_sync(w), 0, "nothing to sync");
	godb_writer_close(w);
}

/* ---- seeing while writing ------------------------------------------------ */

/* A reader beside the writer: every view holds a prefix of the batches. */
static void
test_beside(void)
{
	enum { BATCHES = 600 };
	static struct facts prefix;
	struct godb_writer *w;
	size_t views = 0, bad = 0;
	int status = 0;
	pid_t pid;

	fresh();
	(void)store_open(path, &w);
	pid = fork();
	if (pid == 0) {
		uint64_t s = 99;

		for (uint64_t i = 0; i < BATCHES; i++) {
			int64_t slot = T0 + (int64_t)(i / 20) * 300;

			batch_make(&t, &s, "eth0", slot, 1, i + 1, 3, 1);
			memset(&t.b.counters, 0, sizeof(t.b.counters));
			t.b.counters.seen = 1;
			if (godb_writer_append(w, &t.b) != 0)
				_exit(1);
			/* also between, so that late records come about */
			if (i % 20 == 19 || i % 20 == 7)
				if (godb_writer_commit(w, "eth0", slot, NULL))
					_exit(1);
		}
		_exit(0);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		struct facts have = {0};
		uint64_t s = 99;
		struct view v;

		if (view_open(path, &v) != 0) {
			bad++;
			continue;
		}
		bad += facts_add_scan(&have, v.scan) +
		    godb_scan_n_faults(v.scan);
		view_close(&v);
		facts_free(&prefix);
		for (uint64_t i = 0; i < have.counters[0]; i++) {
			batch_make(&t, &s, "eth0", T0 + (int64_t)(i / 20) * 300,
			    1, i + 1, 3, 1);
			memset(&t.b.counters, 0, sizeof(t.b.counters));
			t.b.counters.seen = 1;
			facts_add_batch(&prefix, &t.b);
		}
		bad += !facts_equal(&prefix, &have);
		facts_free(&have);
		views++;
	}
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the writer is fine");
	is_int(bad, 0, "%zu views beside it: each a prefix, once", views);
	godb_writer_close(w);
	facts_free(&prefix);
}

static void
test_gone(void)
{
	struct godb_writer *w;
	struct godb_cursor *c;
	struct godb_columns columns;
	struct godb_fault fault;
	struct view v;
	char from[128], to[128];

	fresh();
	(void)store_open(path, &w);
	batch_make(&t, &seed, "eth0", T0, 1, 1, 5, 5);
	(void)godb_writer_append(w, &t.b);
	(void)godb_writer_commit(w, "eth0", T0, NULL);
	godb_writer_close(w);
	(void)view_open(path, &v);
	(void)godb_cursor_new(v.scan, &c);
	snprintf(from, sizeof(from), "%s/eth0/2025-11-25/proto.gpf", path);
	snprintf(to, sizeof(to), "%s/kept.gpf", root);
	is_int(rename(from, to), 0, "a column's file vanishes");
	memset(&columns, 7, sizeof(columns));
	is_int(godb_cursor_load(c, 0, GODB_COL_ALL, true, true, &columns,
		   &fault),
	    GODB_EDAMAGED, "that is damage");
	ok(columns.n4 == 0x07070707, "and says nothing of columns");
	is_str(fault.iface, "eth0", "of an interface");
	is_int(fault.first_s, T0, "and time");
	(void)rename(to, from);
	is_int(godb_cursor_load(c, 0, GODB_COL_ALL, true, true, &columns,
		   &fault),
	    0, "it comes back");
	godb_cursor_free(c);
	(void)godb_cursor_new(v.scan, &c);
	snprintf(from, sizeof(from), "%s/eth0/2025-11-25", path);
	snprintf(to, sizeof(to), "%s/eth0/gone", path);
	is_int(rename(from, to), 0, "the day goes");
	is_int(godb_cursor_load(c, 0, GODB_COL_ALL, true, true, &columns,
		   &fault),
	    GODB_EGONE, "that is retention");
	godb_cursor_free(c);
	view_close(&v);
}

/* A window is what lies in it, to the second, and nothing when it is empty or
 * reversed. */
static void
test_window(void)
{
	static const struct {
		int64_t first_s, last_s;
		size_t parts;
	} windows[] = {
	    {T0, T0 + 1, 1}, {T0 + 299, T0 + 300, 1}, {T0 + 299, T0 + 301, 2},
	    {T0 - 1, T0, 0}, {T0 + 600, T0 + 601, 0}, {T0 - 1, T0 + 1, 1},
	    {INT64_MIN, INT64_MAX, 2}, {T0, T0, 0}, {T0 + 100, T0 + 100, 0},
	    {T0 + 200, T0 + 100, 0}, {T0 + 400, T0 + 200, 0},
	    {INT64_MAX, INT64_MIN, 0},
	};
	struct godb_scan_opts opts = GODB_SCAN_OPTS_INIT;
	struct godb_reader *reader;
	struct godb_writer *w;

	fresh();
	(void)store_open(path, &w);
	store_add_block(w, &seed, NULL, "eth0", T0, 1, true);
	store_add_block(w, &seed, NULL, "eth0", T0 + 300, 2, false);
	godb_writer_close(w);
	if (godb_reader_open(path, &reader) < 0)
		abort();
	for (size_t i = 0; i < sizeof(windows) / sizeof(*windows); i++) {
		struct godb_scan *s;

		opts.first_s = windows[i].first_s;
		opts.last_s = windows[i].last_s;
		if (godb_scan_open(reader, &opts, &s) < 0)
			abort();
		is_int((int64_t)godb_scan_n_parts(s), (int64_t)windows[i].parts,
		    "blocks of [%" PRId64 ", %" PRId64 ")",
		    windows[i].first_s - (windows[i].first_s > 0 ? T0 : 0),
		    windows[i].last_s - (windows[i].last_s > 0 ? T0 : 0));
		godb_scan_close(s);
	}
	godb_reader_close(reader);
}

/* Interfaces are asked for by name: what is none is passed over. */
static void
test_asked(void)
{
	static const char *const asked[] = {"eth2", "../store/eth1", "nope",
	    "eth0", "eth2", "file", "", "eth0/2025-11-25", "eth0", NULL};
	struct godb_scan_opts opts = GODB_SCAN_OPTS_INIT;
	struct godb_reader *r;
	struct godb_writer *w;
	struct godb_scan *s;

	fresh();
	store_open(path, &w);
	for (unsigned i = 0; i < 3; i++) {
		char iface[] = {'e', 't', 'h', (char)('0' + i), 0};

		batch_make(&t, &seed, iface, T0, 1, i + 1, 3, 0);
		if (godb_writer_append(w, &t.b) != 0)
			abort();
	}
	godb_writer_close(w);
	store_put_text(path, "file", "x");
	opts.ifaces = asked;
	if (godb_reader_open(path, &r) < 0 ||
	    godb_scan_open(r, &opts, &s) < 0)
		abort();
	is_int((int64_t)godb_scan_n_ifaces(s), 2, "two that are there");
	is_str(godb_scan_iface(s, 0), "eth0", "  in order");
	is_str(godb_scan_iface(s, 1), "eth2", "  each once");
	is_int((int64_t)godb_scan_n_parts(s), 2, "  and their blocks alone");
	godb_scan_close(s);
	opts.ifaces = asked + 9;
	if (godb_scan_open(r, &opts, &s) < 0)
		abort();
	is_int((int64_t)godb_scan_n_ifaces(s), 0, "none is none");
	godb_scan_close(s);
	godb_reader_close(r);
}

/* A folder that cannot be listed costs its interface, not the answer. */
static void
test_unlisted(void)
{
	struct godb_scan_opts opts = GODB_SCAN_OPTS_INIT;
	struct godb_reader *reader;
	struct godb_writer *w;
	struct godb_scan *s;
	const uid_t me = geteuid();
	char folder[128];
	int rc;

	fresh();
	(void)store_open(path, &w);
	store_add_block(w, &seed, NULL, "eth0", T0, 1, true);
	store_add_block(w, &seed, NULL, "eth1", T0, 2, true);
	godb_writer_close(w);
	if (godb_reader_open(path, &reader) < 0)
		abort();
	snprintf(folder, sizeof(folder), "%s/eth0", path);
	if (chmod(root, 0755) < 0 || chmod(path, 0755) < 0 ||
	    chmod(folder, 0644) < 0 ||
	    (me == 0 && seteuid(65534) < 0))
		abort();
	rc = godb_scan_open(reader, &opts, &s);
	if (me == 0 && seteuid(me) < 0)
		abort();
	(void)chmod(folder, 0755);
	is_int(rc, 0, "an interface whose folder cannot be listed");
	if (rc == 0) {
		const struct godb_fault *f = godb_scan_fault(s, 0);

		ok(f && strcmp(f->iface, "eth0") == 0 && f->rc == -EACCES &&
			f->first_s == 0 && f->last_s > T0,
		    "it is a fault of its whole time");
		godb_scan_close(s);
	}
	godb_reader_close(reader);
}

/* A store that is removed under its writer is no block that is not there: who
 * waits for the block to go would wait for ever. */
static void
test_removed(void)
{
	struct godb_writer *w;

	fresh();
	(void)store_open(path, &w);
	batch_make(&t, &seed, "eth0", T0, 1, 1, 20, 0);
	is_int(godb_writer_append(w, &t.b), 0, "rows of a block");
	folder_remove(path);
	is_int(godb_writer_commit(w, "eth0", T0, NULL), -ESTALE,
	    "its store is gone");
	godb_writer_close(w);
}

/* A ring that comes again when no descriptor is left to read the indexes with
 * is an error, and its batches are known the next time. */
static bool
put(struct godb_writer *w, int64_t slot_s, uint64_t number, uint32_t flags)
{
	batch_make(&t, &seed, "eth0", slot_s, 1, number, 20, 0);
	t.b.flags |= flags;
	return godb_writer_append(w, &t.b) == 0;
}

/* A block is all of its batches. */
static void
test_batches(void)
{
	struct godb_writer_opts opts = GODB_WRITER_OPTS_INIT;
	const struct godb_part *p;
	struct facts want = {0};
	struct godb_writer *w;
	char journal[64];
	struct view v;

	fresh();
	(void)store_open(path, &w);
	ok(put(w, T0, 1, GODB_PART_CUT), "a batch of a cut file");
	facts_add_batch(&want, &t.b);
	ok(put(w, T0, 2, 0), "and one of another");
	facts_add_batch(&want, &t.b);
	godb_writer_close(w);
	opts.block_rows = 10;
	opts.owner = "a test";
	is_int(godb_writer_open(open(path, O_RDONLY | O_DIRECTORY), &opts, &w,
		   NULL), 0, "a writer of smaller blocks takes its journal");
	check_equal(&want, "all of it");
	is_int(godb_writer_cover_until(w, "eth0", T0,
		   (T0 + 200) * INT64_C(1000000000)), 0,
	    "time behind its rows");
	batch_make(&t, &seed, "eth0", T0, 1, 3, 11, 0);
	is_int(godb_writer_append(w, &t.b), GODB_EFULL, "which is full");
	is_int(godb_writer_commit(w, "eth0", T0, NULL), 0, "it is a block");
	is_int(godb_writer_append(w, &t.b), -EINVAL,
	    "a batch for which no block has room");
	godb_writer_close(w);
	(void)store_open(path, &w);
	ok(put(w, T0 + 600, 3, 0), "another one");
	is_int(godb_writer_has_blocks(w, "eth0", T0 + 300, T0 + 600, NULL), 0,
	    "none is between them");
	godb_writer_close(w);
	snprintf(journal, sizeof(journal), "eth0/journal/%" PRId64 ".gpj", T0);
	is_int((int)mode_of(journal), 0, "without a journal");
	(void)view_open(path, &v);
	p = godb_scan_part(v.scan, 0);
	ok(p->flags & GODB_PART_CUT, "that says of the cut file");
	is_int(p->last_ns, T0 * INT64_C(1000000000) + 9,
	    "and covers no more than its batches do");
	view_close(&v);
	facts_free(&want);
}

/* A journal whose batches a block has, which outlives it for a moment. */
static void
test_stored_twice(void)
{
	struct facts want = {0};
	struct godb_writer *w;
	char journal[160], kept[160];

	fresh();
	(void)store_open(path, &w);
	for (uint64_t seq = 1; seq < 4; seq++) {
		ok(put(w, T0, seq, 0), "a batch");
		facts_add_batch(&want, &t.b);
	}
	snprintf(journal, sizeof(journal), "%s/eth0/journal/%" PRId64 ".gpj",
	    path, T0);
	snprintf(kept, sizeof(kept), "%s.kept", path);
	is_int(link(journal, kept), 0, "its journal");
	is_int(godb_writer_commit(w, "eth0", T0, NULL), 0, "they are a block");
	is_int(rename(kept, journal), 0, "and in the journal, too");
	check_equal(&want, "each is seen once");
	godb_writer_close(w);
	facts_free(&want);
}

/* A late batch to an old day is refused a second time, by another writer, too,
 * however many days there are. */
static void
test_late_again(void)
{
	const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	struct godb_writer *w;
	char name[128];
	bool fine = true;

	fresh();
	(void)store_open(path, &w);
	for (int day = 0; day < 25; day++)
		fine = fine && put(w, T0 + day * 86400, 1 + (uint64_t)day * 2,
		    0) && godb_writer_commit(w, "eth0", T0 + day * 86400,
		    NULL) == 0;
	fine = fine && put(w, T0 + 20 * 86400, 1000, 0) &&
	    godb_writer_commit(w, "eth0", T0 + 20 * 86400, NULL) == 0;
	ok(fine, "blocks of many days, the last one late");
	godb_writer_close(w);
	for (int day = 0; day < 25; day++) {
		/* 25th of November and on */
		snprintf(name, sizeof(name), "%s/eth0/2025-%02d-%02d/blocks.idx",
		    path, day < 6 ? 11 : 12, day < 6 ? 25 + day : day - 5);
		if (day != 20 && utimensat(AT_FDCWD, name, old, 0) < 0)
			abort();
	}
	(void)store_open(path, &w);
	is_int(godb_writer_append(w, &t.b), 1, "is known to the next writer");
	godb_writer_close(w);
}

static void
test_no_descriptors(void)
{
	struct facts want = {0};
	struct godb_writer *w;
	size_t told, bad = 0, refused = 0;

	folder_remove(path);
	(void)store_open(path, &w);
	batch_make(&t, &seed, "eth0", T0, 1, 1, 20, 9);
	facts_add_batch(&want, &t.b);
	if (godb_writer_append(w, &t.b) != 0 ||
	    godb_writer_commit(w, "eth0", T0, NULL) != 0)
		abort();
	godb_writer_close(w);
	for (int left = 0; left < 5; left++) {
		struct rlimit kept, few;
		uint64_t seq, pos;
		int next, rc;

		if (store_open(path, &w) != 0)
			abort();
		next = dup(0);
		close(next);
		(void)getrlimit(RLIMIT_NOFILE, &kept);
		few = kept;
		few.rlim_cur = (rlim_t)(next + left);
		(void)setrlimit(RLIMIT_NOFILE, &few);
		rc = godb_writer_ring(w, "eth0", t.b.ring, &seq, &pos);
		(void)setrlimit(RLIMIT_NOFILE, &kept);
		refused += rc == -EMFILE;
		bad += rc != 0 && rc != -EMFILE;
		bad += godb_writer_append(w, &t.b) != 1;
		(void)godb_writer_commit(w, "eth0", T0, NULL);
		godb_writer_close(w);
	}
	ok(refused > 0 && refused < 5, "%d of 5 times no index can be read",
	    (int)refused);
	is_int((int64_t)bad, 0, "then it is known again what is stored");
	ok(store_equals(path, &want, &told) && told == 0, "and it is there once");
	facts_free(&want);
}

int
main(void)
{
	seed = tap_seed(20251125);
	if (!folder_temporary(root, sizeof(root)))
		return 1;
	snprintf(path, sizeof(path), "%s/store", root);
	snprintf(copy, sizeof(copy), "%s/copy", root);
	test_making();
	test_network();
	test_random(false);
	test_random(true);
	test_quiet();
	test_batches();
	test_stored_twice();
	test_late_again();
	test_rules();
	test_beside();
	test_gone();
	test_window();
	test_asked();
	test_unlisted();
	test_removed();
	test_no_descriptors();
	folder_remove(root);
	return tap_done();
}
