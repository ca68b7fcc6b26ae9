/* Names of applications in a store: which are kept, and that the registry's
 * loss gives no row another one.  The registry itself: test_names. */
#include "tests/lib/storetest.h"

static char root[32];
static char path[64];
static uint64_t seed;
static struct testbatch t;

/* A committed block of one row for each of the names. */
static void
add_named(struct godb_writer *w, const char *iface, int64_t slot_s,
    uint64_t seq, const char *const names[3], size_t n_rows)
{
	batch_make(&t, &seed, iface, slot_s, 1, seq, n_rows, 0);
	memset(t.names, 0, sizeof(t.names));
	for (size_t i = 0; i < 3; i++)
		snprintf(t.names[i].name, sizeof(t.names[i].name), "%s",
		    names[i]);
	for (size_t i = 0; i < n_rows; i++) {
		t.rows4[i].dip[3] = (uint8_t)i;
		t.rows4[i].l7 = (uint16_t)i;
	}
	if (godb_writer_append(w, &t.b) != 0 ||
	    godb_writer_commit(w, iface, slot_s, NULL) != 0)
		abort();
}

static size_t
registry_lines(const char *with)
{
	char file[160], line[256];
	size_t n = 0;
	FILE *f;

	snprintf(file, sizeof(file), "%s/goDB-l7proto.names", path);
	f = fopen(file, "r");
	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, with) != NULL;
	if (f)
		fclose(f);
	return n;
}

/* Rows whose name is one of these, in a block. */
static size_t
rows_named(int64_t slot_s, const char *const names[3])
{
	struct facts have = {0};
	struct view v;
	size_t n = 0;

	if (view_open(path, &v) < 0)
		abort();
	(void)facts_add_scan(&have, v.scan);
	for (size_t i = 0; i < have.n; i++)
		for (size_t k = 0; have.v[i].slot_s == slot_s && k < 3; k++)
			n += strcmp(have.v[i].l7, names[k]) == 0;
	facts_free(&have);
	view_close(&v);
	return n;
}

static size_t registry_faults;

static void
on_fault(void *arg, const struct godb_fault *f, const char *why)
{
	(void)arg;
	(void)why;
	registry_faults += strcmp(f->place, "goDB-l7proto.names") == 0;
}

static uint64_t
check_faults(void)
{
	struct godb_check_opts opts = GODB_CHECK_OPTS_INIT;
	struct godb_check_report report = {0};
	struct godb_reader *r;

	opts.fault = on_fault;
	registry_faults = 0;
	if (godb_reader_open(path, &r) < 0 ||
	    godb_check(r, &opts, &report) < 0)
		abort();
	godb_reader_close(r);
	return report.faults;
}

static void
repair_store(void)
{
	struct godb_repair_opts opts = GODB_REPAIR_OPTS_INIT;
	struct godb_repair_report report;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	opts.owner = "a test";
	if (godb_repair(fd, &opts, &report, NULL) < 0)
		abort();
	close(fd);
}

/* What is left of the registry, in bytes of its three lines; -1: no file. */
static void
test_lost_registry(const char *what, int left)
{
	static const char *const old[] = {"TLS", "DNS", "QUIC"},
				 *const new[] = {"SSH", "BitTorrent", "NTP"},
				 *const lost[] = {"[lost 1]", "[lost 2]",
				     "[lost 3]"},
				 *const none[] = {"Unknown", "FTP", "POP3"};
	struct godb_writer *w;
	char file[160];

	folder_remove(path);
	(void)store_open(path, &w);
	/* the store's highest id is not in the days that are learned first */
	add_named(w, "eth1", T0, 1, old, 3);
	add_named(w, "eth2", T0 + 900, 1, none, 1);
	godb_writer_close(w);
	snprintf(file, sizeof(file), "%s/goDB-l7proto.names", path);
	if (left < 0 ? unlink(file) < 0 : truncate(file, left) < 0)
		abort();
	is_int((int64_t)(check_faults(), registry_faults), 1,
	    "%s registry is told of", what);
	/* a writer that needs no new name hides nothing from the next */
	(void)store_open(path, &w);
	add_named(w, "eth0", T0 + 600, 1, none, 1);
	godb_writer_close(w);
	(void)store_open(path, &w);
	add_named(w, "eth0", T0 + 300, 2, new, 3);
	godb_writer_close(w);
	is_int((int64_t)rows_named(T0 + 300, new), 3, "new names are new rows'");
	is_int((int64_t)rows_named(T0, new), 0, "and no earlier one's");
	is_int((int64_t)(check_faults(), registry_faults), 1,
	    "what rows lack is told of still");
	repair_store();
	is_int((int64_t)check_faults(), 0, "repaired, there is no damage");
	ok(rows_named(T0, lost) + rows_named(T0, old) == 3 &&
		rows_named(T0, lost) > 0 && rows_named(T0 + 300, new) == 3,
	    "what is lost has a name that says so");
}

static void
test_names_kept(void)
{
	static const char *const names[] = {"one", "two", "three"};
	struct godb_writer_opts opts = GODB_WRITER_OPTS_INIT;
	struct godb_writer *w;

	folder_remove(path);
	(void)store_open(path, &w);
	add_named(w, "eth0", T0, 1, names, 1);
	is_int((int64_t)registry_lines("\t"), 1, "names of no row are not kept");
	is_int((int64_t)registry_lines("\tone\t"), 1, "that of a row is");
	godb_writer_close(w);
	folder_remove(path);
	(void)mkdir(path, 0700);
	opts.owner = "a test";
	opts.iface_names = 2;
	if (godb_writer_open(open(path, O_RDONLY | O_DIRECTORY), &opts, &w,
		NULL) < 0)
		abort();
	add_named(w, "eth0", T0, 1, names, 3);
	is_int((int64_t)registry_lines("\t"), 2,
	    "of an interface's new names no more than agreed");
	is_int((int64_t)godb_writer_names_refused(w), 1, "one was refused");
	is_int((int64_t)rows_named(T0, (const char *const[]){"Unknown", "one",
		   "two"}), 3, "its row is there, Unknown");
	add_named(w, "eth1", T0, 1, names, 3);
	is_int((int64_t)registry_lines("\t"), 3, "another brings it");
	is_int((int64_t)godb_writer_names_refused(w), 1, "and is not refused");
	godb_writer_close(w);
}

int
main(void)
{
	seed = tap_seed(20251125);
	if (!folder_temporary(root, sizeof(root)))
		return 1;
	snprintf(path, sizeof(path), "%s/store", root);
	test_lost_registry("a missing", -1);
	test_lost_registry("an empty", 0);
	test_lost_registry("a torn", 10);
	test_lost_registry("a torn line of a", 24 + 24 + 10);
	test_names_kept();
	folder_remove(root);
	return tap_done();
}
