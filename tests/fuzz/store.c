#include "tests/fuzz/store.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/fd.h"
#include "common/godb/godb_write.h"
#include "tests/lib/folder.h"

#define FILES_MAX 64
#define SLOT_S    INT64_C(1768435200)

struct good_file {
	char *path;
	uint8_t *data;
	size_t len;
};
static char folder[256];
static struct good_file good[FILES_MAX];
static size_t n_good;

/* ---- making ------------------------------------------------------------ */

static const struct godb_l7_name names[] = {{"Unknown", ""}, {"TLS", "Web"},
    {"DNS", "Network"}, {"[overflow]", ""}};
static const struct godb_row4 rows4[] = {
    {{10, 0, 0, 1}, {10, 0, 0, 2}, 443, 6, 0, 1, 0, {1, 2, 3, 4}},
    {{10, 0, 1, 2}, {192, 0, 2, 1}, 53, 17, 0, 2, 0, {5, 6, 7, 8}},
    {{255, 255, 255, 255}, {0, 0, 0, 0}, 0, 1, 0, 0, 0, {9, 0, 1, 0}},
};
static const struct godb_row6 rows6[] = {
    {{0x20, 1, 0xd, 0xb8, [15] = 1}, {[15] = 1}, 65535, 58, 0, 2, 0,
	{0, 1, 0, 1}},
    {{[10] = 255, 255, 10, 0, 0, 1}, {0xff, 2, [15] = 0xfb}, 22, 6, 0, 3, 0,
	{UINT64_C(1) << 40, 3, 3, 3}},
};

static void
append(struct godb_writer *w, int64_t slot_s, uint64_t seq)
{
	struct godb_batch b = {
		.iface = "eth0",
		.slot_s = slot_s,
		.ring = {1, 2, 3},
		.seq = seq,
		.ring_pos = seq * 4096,
		.first_ns = slot_s * 1000000000,
		.last_ns = (slot_s + 299) * 1000000000,
		.flags = GODB_PART_DIR_IFACE,
		.counters = {.seen = 40, .seen_bytes = 40000, .non_ip = 2},
		.names = names,
		.n_names = 4,
		.rows4 = rows4,
		.n4 = 3,
		.rows6 = rows6,
		.n6 = 2,
	};

	FUZZ_CHECK(godb_writer_append(w, &b) == 0);
}

static int
remember(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	struct good_file *f = &good[n_good];
	char *data;

	(void)where;
	if (kind != FTW_F)
		return 0;
	FUZZ_CHECK(n_good < FILES_MAX);
	FUZZ_CHECK(gp_fd_read_file(AT_FDCWD, path, 1 << 20, &data, &f->len) ==
	    0);
	FUZZ_CHECK(f->len == (size_t)st->st_size);
	f->data = (uint8_t *)data;
	f->path = strdup(path);
	n_good++;
	return 0;
}

static void
remove_store(void)
{
	folder_remove(folder);
}

static void
make(void)
{
	struct godb_writer_opts opts = GODB_WRITER_OPTS_INIT;
	const char *tmp = getenv("FUZZ_TMP");
	struct godb_writer *w;
	struct godb_diag diag;

	(void)snprintf(folder, sizeof(folder), "%s/fuzz-store.XXXXXX",
	    tmp ? tmp : "/dev/shm");
	FUZZ_CHECK(mkdtemp(folder) && atexit(remove_store) == 0);
	opts.owner = "fuzz";
	FUZZ_CHECK(godb_writer_open(open(folder, O_RDONLY | O_DIRECTORY),
		       &opts, &w, &diag) == 0);
	append(w, SLOT_S, 1);
	append(w, SLOT_S + 300, 2);
	FUZZ_CHECK(godb_writer_commit(w, "eth0", SLOT_S, NULL) == 0);
	godb_writer_close(w);
	FUZZ_CHECK(nftw(folder, remember, 8, FTW_PHYS) == 0 && n_good > 4);
}

/* ---- changing ---------------------------------------------------------- */

static void
put(const char *path, const uint8_t *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	FUZZ_CHECK(fd >= 0 && gp_fd_write_full(fd, data, len) == 0);
	(void)close(fd);
}

static int
erase_strange(const char *path, const struct stat *st, int kind,
    struct FTW *where)
{
	(void)st;
	(void)where;
	if (kind != FTW_F)
		return 0;
	for (size_t i = 0; i < n_good; i++)
		if (strcmp(good[i].path, path) == 0)
			return 0;
	return remove(path);
}

void
fuzz_store_begin(void)
{
	if (!folder[0])
		make();
	FUZZ_CHECK(nftw(folder, erase_strange, 8, FTW_PHYS) == 0);
	for (size_t i = 0; i < n_good; i++)
		put(good[i].path, good[i].data, good[i].len);
}

static void
change(const struct good_file *f, unsigned how, const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(f->len + 1);
	size_t n = f->len, at = f->len;

	FUZZ_CHECK(copy);
	memcpy(copy, f->data, f->len);
	while (len > 0) {
		uint8_t step[3];

		fuzz_take(&data, &len, step, 3);
		at = (size_t)step[0] | (size_t)step[1] << 8;
		if (n > 0)
			at %= n;
		if (how & 2 && n > 0)
			at = n - 1 - at;
		if (at < n)
			copy[at] ^= step[2];
	}
	put(f->path, copy, how & 4 ? at : n);
	free(copy);
}

void
fuzz_store_replace(const char *suffix, const uint8_t *data, size_t len)
{
	unsigned how = fuzz_byte(&data, &len);

	const struct good_file *f = NULL;

	for (size_t i = 0; i < n_good; i++) {
		size_t n = strlen(good[i].path), m = strlen(suffix);

		if (n > m && strcmp(good[i].path + n - m, suffix) == 0)
			f = &good[i];
	}
	FUZZ_CHECK(f);
	if (how & 1)
		change(f, how, data, len);
	else
		put(f->path, data, len);
}

/* ---- reading and writing ----------------------------------------------- */

struct godb_scan *
fuzz_store_scan(struct godb_reader **r)
{
	struct godb_scan_opts opts = GODB_SCAN_OPTS_INIT;
	struct godb_scan *s;

	if (godb_reader_open(folder, r) != 0)
		return NULL;
	if (godb_scan_open(*r, &opts, &s) != 0) {
		godb_reader_close(*r);
		return NULL;
	}
	return s;
}

static void
check_fault(const struct godb_fault *f)
{
	FUZZ_CHECK(f->rc < 0 && f->first_s <= f->last_s);
	FUZZ_CHECK(memchr(f->place, '\0', sizeof(f->place)));
	FUZZ_CHECK(godb_strerror(f->rc)[0] != '\0');
}

/* Reads every element, so that the sanitizer sees each. */
static void
sum_columns(const struct godb_scan *s, const struct godb_columns *c)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < c->n4; i++)
		sum += c->sip4[i] + c->dip4[i];
	for (uint32_t i = 0; i < c->n6; i++)
		sum += c->sip6[i].hi + c->sip6[i].lo + c->dip6[i].hi +
		    c->dip6[i].lo;
	for (uint32_t i = 0; i < c->n4 + c->n6; i++) {
		const char *name = godb_scan_l7_name(s, c->l7[i]);

		sum += c->dport[i] + c->proto[i];
		for (int k = 0; k < 4; k++)
			sum += c->counter[k][i];
		sum += name ? strlen(name) : 0;
	}
	__asm__ volatile("" : : "r"(sum));
}

static void
load_part(const struct godb_scan *s, struct godb_cursor *cursor, size_t i)
{
	const struct godb_part *p = godb_scan_part(s, i);
	struct godb_fault fault;
	struct godb_columns c;

	FUZZ_CHECK(godb_iface_valid(p->iface) && p->slot_s % 300 == 0);
	if (godb_cursor_load(cursor, i, GODB_COL_ALL, true, true, &c,
		&fault) != 0) {
		check_fault(&fault);
		return;
	}
	FUZZ_CHECK(c.n4 == p->n4 && c.n6 == p->n6);
	sum_columns(s, &c);
	FUZZ_CHECK(godb_cursor_load(cursor, i, GODB_COL(GODB_BYTES_SENT),
		       false, true, &c, &fault) == 0 && c.n4 == 0);
}

void
fuzz_store_read(void)
{
	struct godb_reader *r;
	struct godb_scan *s = fuzz_store_scan(&r);
	struct godb_cursor *cursor;

	if (!s)
		return;
	FUZZ_CHECK(godb_cursor_new(s, &cursor) == 0);
	for (size_t i = 0; i < godb_scan_n_faults(s); i++)
		check_fault(godb_scan_fault(s, i));
	for (size_t i = 0; i < godb_scan_n_parts(s); i++)
		load_part(s, cursor, i);
	godb_cursor_free(cursor);
	godb_scan_close(s);
	godb_reader_close(r);
}

void
fuzz_store_write(void)
{
	struct godb_writer_opts opts = GODB_WRITER_OPTS_INIT;
	struct godb_open_block b;
	struct godb_writer *w;
	struct godb_diag diag;
	size_t i = 0;

	opts.owner = "fuzz";
	if (godb_writer_open(open(folder, O_RDONLY | O_DIRECTORY), &opts, &w,
		&diag) != 0)
		return;
	while (godb_writer_open_block(w, i, &b)) {
		char iface[16];

		(void)snprintf(iface, sizeof(iface), "%s", b.iface);
		if (godb_writer_commit(w, iface, b.slot_s, NULL) != 0)
			i++;
	}
	godb_writer_close(w);
}
