/* Stores of later versions: of the same major one they are read and written,
 * of another they are refused, clearly. */
#include "tests/lib/rolluptest.h"

#include "common/base/fd.h"
#include "common/godb/layout.h"

static char root[32], path[64];
static uint64_t seed;
static struct testbatch t;

static char *
file_of(const char *name)
{
	static char out[160];

	snprintf(out, sizeof(out), "%s/%s", path, name);
	return out;
}

static void
write_file(const char *name, const void *data, size_t len)
{
	int fd = open(file_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	    0600);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	close(fd);
}

static void
add(struct godb_writer *w, struct facts *f, int64_t slot_s, uint64_t seq)
{
	batch_make(&t, &seed, "eth0", slot_s, 1, seq, 40, 20);
	if (godb_writer_append(w, &t.b) != 0 ||
	    godb_writer_commit(w, "eth0", slot_s, NULL) != 0)
		abort();
	facts_add_batch(f, &t.b);
}

static void
make_store(struct facts *f)
{
	struct godb_writer *w;

	folder_remove(path);
	if (store_open(path, &w) < 0)
		abort();
	for (uint64_t i = 0; i < 5; i++)
		add(w, f, T0 + (int64_t)i * 300, i + 1);
	godb_writer_close(w);
}

/* ---- what a later minor version may write -------------------------------- */

static void
put_section(struct gdi_buf *out, const uint8_t *head, const void *body,
    size_t len, const void *more, size_t n_more)
{
	uint8_t h[8];

	memcpy(h, head, sizeof(h));
	gdi_put32(h + 4, (uint32_t)(len + n_more));
	gdi_buf_bytes(out, h, sizeof(h));
	gdi_buf_bytes(out, body, len);
	gdi_buf_bytes(out, more, n_more);
}

/* A record with a column more, a counter more and a section more. */
static void
rewrite(const uint8_t *r, struct gdi_buf *out)
{
	static const uint8_t column[] = {4, 't', 'o', 's', '4', 13, 0,
	    2, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0};
	static const uint8_t counter[] = {0x85, 0x01};
	static const uint8_t strange[8] = {0x4d, 0x01, 0, 0, 0, 0, 0, 0};
	uint32_t bytes = gdi_get32(r + 4), n = gdi_get32(r + 60);
	const uint8_t *p = r + 80;
	size_t start = out->len;

	gdi_buf_bytes(out, r, 80);
	for (uint32_t i = 0; i < n; i++) {
		uint16_t type = gdi_get16(p);
		uint32_t len = gdi_get32(p + 4);

		put_section(out, p, p + 8, len,
		    type == 1 ? counter : column,
		    type == 1 ? sizeof(counter) :
			type == 2 ? sizeof(column) : 0);
		p += 8 + len;
	}
	put_section(out, strange, "later", 5, NULL, 0);
	while ((out->len - start) % 8 != 0)
		gdi_buf_u8(out, 0);
	gdi_put32(out->p + start + 4, (uint32_t)(out->len - start + 8));
	gdi_put32(out->p + start + 60, n + 1);
	gdi_put64(out->p + start + 72,
	    gp_checksum(out->p + start, 72, 0));
	gdi_buf_u64(out, gp_checksum(out->p + start, out->len - start, 0));
	if (bytes < 88)
		abort();
}

static void
set_version(uint8_t *header, uint16_t major, uint16_t minor)
{
	gdi_put16(header + GDI_H_MAJOR, major);
	gdi_put16(header + GDI_H_MINOR, minor);
	gdi_put64(header + GDI_H_CHECKSUM,
	    gp_checksum(header, GDI_H_CHECKSUM, 0));
}

#define INDEX "eth0/2025-11-25/blocks.idx"

static void
make_later(void)
{
	struct gdi_buf out = {0};
	char *data;
	size_t len, at;
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (gp_fd_read_file(dir, INDEX, 1 << 20, &data, &len) < 0)
		abort();
	close(dir);
	gdi_buf_bytes(&out, data, 64);
	set_version(out.p, GODB_FORMAT_MAJOR, GODB_FORMAT_MINOR + 7);
	for (at = 64; at < len; at += gdi_get32(data + at + 4))
		rewrite((uint8_t *)data + at, &out);
	write_file(INDEX, out.p, out.len);
	write_file("eth0/2025-11-25/tos4.gpf", "\0\1\2", 3);
	write_file("eth0/2025-11-25/hours.roll", "later", 5);
	write_file("eth0/journal/1764028800.later", "later", 5);
	write_file("goDB-site.names", "later", 5);
	write_file("goDB-store.format", "goDB store\nformat 1.9\nid 00\nx y\n",
	    31);
	gdi_buf_free(&out);
	free(data);
}

static uint64_t
faults(void)
{
	struct godb_check_opts o = GODB_CHECK_OPTS_INIT;
	struct godb_check_report report = {0};
	struct godb_reader *r;

	if (godb_reader_open(path, &r) < 0 || godb_check(r, &o, &report) < 0)
		return UINT64_MAX;
	godb_reader_close(r);
	return report.faults;
}

static void
equals(struct facts *want, const char *what)
{
	size_t told;
	bool same = store_equals(path, want, &told);

	ok(same && told == 0, "%s (%zu rows, %zu faults)", what, want->n, told);
}

static void
test_minor(void)
{
	struct facts want = {0};
	struct godb_writer *w;

	make_store(&want);
	make_later();
	equals(&want, "a column, a counter, sections and files more");
	is_int(faults(), 0, "check finds nothing wrong");
	is_int(store_open(path, &w), 0, "a writer opens it");
	add(w, &want, T0 + 3000, 100);
	godb_writer_close(w);
	equals(&want, "and adds to it");
	is_int(faults(), 0, "which is well, too");
	facts_free(&want);
}

/* A store that 1.0 made gets roll-ups and stays what it is; what its writer
 * adds, which leaves them alone, is read beside them. */
static void
test_older(void)
{
	static const char marker[] = "goDB store\nformat 1.0\nid 00\n";
	struct godb_result_stats stats;
	struct facts want = {0};
	struct godb_writer *w;
	char *data;
	size_t len;
	int dir;

	make_store(&want);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	write_file("goDB-store.format", marker, strlen(marker));
	if (gp_fd_read_file(dir, INDEX, 1 << 20, &data, &len) < 0)
		abort();
	set_version((uint8_t *)data, 1, 0);
	write_file(INDEX, data, len);
	free(data);
	is_int(store_open(path, &w), 0, "a store of 1.0");
	for (int i = 0; i < 7; i++) { /* the same rows again */
		t.b.slot_s += 300;
		t.b.seq = 50 + (uint64_t)i;
		if (godb_writer_append(w, &t.b) != 0 ||
		    godb_writer_commit(w, "eth0", t.b.slot_s, NULL) != 0)
			abort();
		facts_add_batch(&want, &t.b);
	}
	godb_writer_rebuild(w);
	is_int(upkeep(w, T0 + 86400 * 9), 0, "gets roll-ups");
	add(w, &want, T0 + 300, 60);
	godb_writer_close(w);
	equals(&want, "has its rows, as who knows of no roll-ups reads it");
	ok(store_same_both_ways(path, &stats) && stats.rollups == 1 &&
		stats.parts == 1, "and what came later is read beside them");
	if (gp_fd_read_file(dir, "goDB-store.format", 4096, &data, &len) < 0)
		abort();
	is_str(data, marker, "the marker is as it was");
	is_int(faults(), 0, "check finds nothing wrong");
	free(data);
	close(dir);
	facts_free(&want);
}

/* ---- another major version ----------------------------------------------- */

static void
test_major(void)
{
	struct godb_repair_opts o = GODB_REPAIR_OPTS_INIT;
	struct godb_repair_report report;
	struct facts want = {0}, have = {0};
	struct godb_writer *w;
	struct godb_reader *r;
	struct view v;
	char *data;
	size_t len;
	int dir;

	make_store(&want);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (gp_fd_read_file(dir, INDEX, 1 << 20, &data, &len) < 0)
		abort();
	set_version((uint8_t *)data, GODB_FORMAT_MAJOR + 1, 0);
	write_file(INDEX, data, len);
	is_int(view_open(path, &v), 0, "a store with one index that is newer");
	is_int(facts_add_scan(&have, v.scan) + have.n, 0,
	    "serves nothing of that day");
	is_int(godb_scan_n_faults(v.scan), 1, "says so");
	is_int(godb_scan_fault(v.scan, 0)->rc, GODB_ENEWER, "and why");
	view_close(&v);
	is_int(godb_repair(dir, &o, &report, NULL), GODB_ENEWER,
	    "repair does not touch it");
	is_int(report.days, 0, "at all");
	is_int(store_open(path, &w), 0, "a writer opens the rest");
	batch_make(&t, &seed, "eth0", T0 + 6000, 1, 77, 3, 3);
	is_int(godb_writer_append(w, &t.b), 0, "journals what comes");
	facts_add_batch(&want, &t.b);
	is_int(godb_writer_commit(w, "eth0", T0 + 6000, NULL), GODB_ENEWER,
	    "but does not add to a day that it does not understand");
	godb_writer_close(w);
	set_version((uint8_t *)data, GODB_FORMAT_MAJOR, 0);
	write_file(INDEX, data, len);
	equals(&want, "with this version's number it is as it was");
	write_file("goDB-store.format", "goDB store\nformat 2.0\nid 00\n", 28);
	is_int(godb_reader_open(path, &r), GODB_ENEWER,
	    "a store of the next major version is refused");
	is_int(store_open(path, &w), GODB_ENEWER, "by a writer, too");
	is_int(godb_repair(dir, &o, &report, NULL), GODB_ENEWER, "by repair");
	ok(strstr(godb_strerror(GODB_ENEWER), "newer") != NULL, "%s",
	    godb_strerror(GODB_ENEWER));
	close(dir);
	free(data);
	facts_free(&want);
	facts_free(&have);
}

/* ---- names --------------------------------------------------------------- */

static void
test_names(void)
{
	static const char *const strange[] = {"a", "eth0.100", "wlp0s20f3u1u2c2",
	    "br-\\n;rm*", "\"q'$(x)`", "%s%n{}", "-rf", "~", ".x", "...",
	    "goDB-x", "2025-11-25", "journal", "#!"};
	static const char *const bad[] = {"", ".", "..", "a/b", "a b", "a\tb",
	    "\xc3\xa4", "0123456789abcdef", "lost+found", "a\n", "\x7f"};
	struct facts want = {0};
	struct godb_writer *w;
	char **names;
	struct godb_reader *r;
	size_t told, n = sizeof(strange) / sizeof(*strange);

	folder_remove(path);
	if (store_open(path, &w) < 0)
		abort();
	for (size_t i = 0; i < n; i++) {
		batch_make(&t, &seed, strange[i], T0, (uint8_t)(i + 1), 1, 3,
		    3);
		ok(godb_writer_append(w, &t.b) == 0 &&
			godb_writer_commit(w, strange[i], T0, NULL) == 0,
		    "an interface called %s", strange[i]);
		facts_add_batch(&want, &t.b);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		batch_make(&t, &seed, bad[i], T0, 1, 1, 3, 3);
		is_int(godb_writer_append(w, &t.b), GODB_EIFACE,
		    "no interface, %zu", i);
	}
	godb_writer_close(w);
	/* what others may have put there */
	(void)!symlink("/etc", file_of("link"));
	(void)mkdir(file_of("eth 0"), 0700);
	(void)mkdir(file_of("a/2025-13-01"), 0700);
	(void)mkdir(file_of("a/2025-11-25x"), 0700);
	(void)mkfifo(file_of("a/days.sum"), 0600);
	(void)mkfifo(file_of("fifo"), 0600);
	(void)mkdir(file_of("a/journal/1764028800.gpj.x"), 0700);
	equals(&want, "all are read back, and nothing else is");
	(void)!symlink("2025-11-25", file_of("a/2025-11-26"));
	is_int(store_equals(path, &want, &told), true, "the same rows");
	is_int(told, 1,
	    "a link in a day's place is not followed, but told");
	is_int(godb_reader_open(path, &r), 0, "a reader");
	is_int(godb_reader_ifaces(r, &names), (int64_t)n, "lists them");
	godb_ifaces_free(names);
	godb_reader_close(r);
	facts_free(&want);
}

int
main(void)
{
	seed = tap_seed(5);
	if (!folder_temporary(root, sizeof(root)))
		return 1;
	snprintf(path, sizeof(path), "%s/store", root);
	test_minor();
	test_older();
	test_major();
	test_names();
	folder_remove(root);
	return tap_done();
}
