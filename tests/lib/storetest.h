/*
 * storetest - what store tests share: random batches, and facts, which are
 * all rows of a store or of the batches that went in, summed the slow way.
 */
#ifndef TESTS_STORETEST_H
#define TESTS_STORETEST_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/godb/godb_write.h"
#include "tests/lib/folder.h"
#include "tests/tap.h"

#define T0 INT64_C(1764028800) /* 2025-11-25T00:00:00Z */

struct fact {
	char iface[16];
	int64_t slot_s;
	uint8_t version, proto;
	uint16_t dport;
	uint8_t sip[16], dip[16];
	char l7[GODB_NAME_MAX];
	uint64_t counter[4];
};
#define FACT_KEY offsetof(struct fact, counter)

struct facts {
	struct fact *v;
	size_t n, cap;
	uint64_t counters[sizeof(struct godb_counters) / 8]; /* of all */
};

__attribute__((unused)) static void
facts_free(struct facts *f)
{
	free(f->v);
	memset(f, 0, sizeof(*f));
}

static struct fact *
facts_new(struct facts *f, const char *iface, int64_t slot_s)
{
	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 256;
		f->v = reallocarray(f->v, f->cap, sizeof(*f->v));
		if (f->v == NULL)
			abort();
	}
	memset(&f->v[f->n], 0, sizeof(*f->v));
	snprintf(f->v[f->n].iface, sizeof(f->v->iface), "%s", iface);
	f->v[f->n].slot_s = slot_s;
	return &f->v[f->n++];
}

static void
facts_count(struct facts *f, const struct godb_counters *c)
{
	uint64_t v[sizeof(*c) / 8];

	memcpy(v, c, sizeof(v));
	for (size_t i = 0; i < sizeof(v) / 8; i++)
		f->counters[i] += v[i];
}

__attribute__((unused)) static void
facts_add_batch(struct facts *f, const struct godb_batch *b)
{
	facts_count(f, &b->counters);
	for (size_t i = 0; i < b->n4 + b->n6; i++) {
		struct fact *x = facts_new(f, b->iface, b->slot_s);
		uint16_t l7;

		if (i < b->n4) {
			const struct godb_row4 *r = &b->rows4[i];

			x->version = 4;
			memcpy(x->sip, r->sip, 4);
			memcpy(x->dip, r->dip, 4);
			x->dport = r->dport;
			x->proto = r->proto;
			l7 = r->l7;
			memcpy(x->counter, r->counter, sizeof(x->counter));
		} else {
			const struct godb_row6 *r = &b->rows6[i - b->n4];

			x->version = 6;
			memcpy(x->sip, r->sip, 16);
			memcpy(x->dip, r->dip, 16);
			x->dport = r->dport;
			x->proto = r->proto;
			l7 = r->l7;
			memcpy(x->counter, r->counter, sizeof(x->counter));
		}
		memcpy(x->l7, b->names[l7].name, sizeof(x->l7));
	}
}

static void
put_be(uint8_t *out, uint64_t v, int bytes)
{
	for (int i = bytes; i-- > 0; v >>= 8)
		out[i] = (uint8_t)v;
}

/* One decoded part; false when a stored one is not sorted and unique. */
static bool
facts_add_columns(struct facts *f, const struct godb_scan *s,
    const struct godb_part *p, const struct godb_columns *c)
{
	bool sorted = true;

	for (uint32_t r = 0; r < c->n4 + c->n6; r++) {
		struct fact *x = facts_new(f, p->iface, p->slot_s);
		const char *name = godb_scan_l7_name(s, c->l7[r]);

		x->version = r < c->n4 ? 4 : 6;
		if (r < c->n4) {
			put_be(x->sip, c->sip4[r], 4);
			put_be(x->dip, c->dip4[r], 4);
		} else {
			put_be(x->sip, c->sip6[r - c->n4].hi, 8);
			put_be(x->sip + 8, c->sip6[r - c->n4].lo, 8);
			put_be(x->dip, c->dip6[r - c->n4].hi, 8);
			put_be(x->dip + 8, c->dip6[r - c->n4].lo, 8);
		}
		x->dport = c->dport[r];
		x->proto = c->proto[r];
		/* an id without a name differs from every name */
		snprintf(x->l7, sizeof(x->l7), "%s", name ? name : "(none)");
		for (int k = 0; k < 4; k++)
			x->counter[k] = c->counter[k][r];
		if (r > 0 && r != c->n4 && !(p->flags & GODB_PART_LIVE)) {
			const struct fact *before = x - 1;
			int d = memcmp(before->sip, x->sip, 16);

			d = d ? d : memcmp(before->dip, x->dip, 16);
			d = d ? d : before->dport - x->dport;
			d = d ? d : before->proto - x->proto;
			d = d ? d : c->l7[r - 1] - c->l7[r];
			sorted = sorted && d < 0;
		}
	}
	return sorted;
}

/* All of a scan.  Returns how many parts could not be loaded or were not in
 * order. */
__attribute__((unused)) static size_t
facts_add_scan(struct facts *f, const struct godb_scan *s)
{
	struct godb_cursor *c;
	size_t bad = 0;

	if (godb_cursor_new(s, &c) < 0)
		abort();
	for (size_t i = 0; i < godb_scan_n_parts(s); i++) {
		const struct godb_part *p = godb_scan_part(s, i);
		struct godb_columns columns;
		struct godb_fault fault;

		if (godb_cursor_load(c, i, GODB_COL_ALL, true, true, &columns,
			&fault) < 0) {
			bad++;
			continue;
		}
		facts_count(f, &p->counters);
		bad += !facts_add_columns(f, s, p, &columns);
	}
	godb_cursor_free(c);
	return bad;
}

static int
fact_order(const void *a, const void *b)
{
	return memcmp(a, b, FACT_KEY);
}

static void
facts_settle(struct facts *f)
{
	size_t n = 0;

	if (f->n == 0)
		return;
	qsort(f->v, f->n, sizeof(*f->v), fact_order);
	for (size_t i = 0; i < f->n; i++) {
		if (n > 0 && fact_order(&f->v[n - 1], &f->v[i]) == 0)
			for (int k = 0; k < 4; k++)
				f->v[n - 1].counter[k] += f->v[i].counter[k];
		else
			f->v[n++] = f->v[i];
	}
	f->n = n;
}

__attribute__((unused)) static bool
facts_equal(struct facts *a, struct facts *b)
{
	facts_settle(a);
	facts_settle(b);
	return a->n == b->n &&
	    memcmp(a->counters, b->counters, sizeof(a->counters)) == 0 &&
	    (a->n == 0 || memcmp(a->v, b->v, a->n * sizeof(*a->v)) == 0);
}

/* ---- batches ------------------------------------------------------------- */

#define BATCH_ROWS 400
struct testbatch {
	struct godb_batch b;
	struct godb_row4 rows4[BATCH_ROWS];
	struct godb_row6 rows6[BATCH_ROWS];
	struct godb_l7_name names[3];
};

/* Random rows over few keys, so that many add up; everything from *seed. */
__attribute__((unused)) static void
batch_make(struct testbatch *t, uint64_t *seed, const char *iface,
    int64_t slot_s, uint8_t ring, uint64_t seq, size_t n4, size_t n6)
{
	static const char *const apps[] = {"Unknown", "DNS", "TLS", "QUIC",
	    "[overflow]", "SSH", "HTTP"};
	uint64_t counters[sizeof(struct godb_counters) / 8];

	memset(t, 0, sizeof(*t));
	t->b = (struct godb_batch){.iface = iface, .slot_s = slot_s,
	    .ring = {ring, 1, 2, 3}, .seq = seq, .ring_pos = seq * 64,
	    .first_ns = slot_s * 1000000000, .last_ns = slot_s * 1000000000 + 9,
	    .flags = GODB_PART_DIR_FLOW, .names = t->names, .n_names = 3,
	    .rows4 = t->rows4, .n4 = n4, .rows6 = t->rows6, .n6 = n6};
	for (size_t i = 0; i < 3; i++)
		snprintf(t->names[i].name, sizeof(t->names[i].name), "%s",
		    apps[tap_random(seed) % 7]);
	for (size_t i = 0; i < n4 || i < n6; i++) {
		uint64_t k = tap_random(seed) % 300;

		t->rows4[i % BATCH_ROWS] = (struct godb_row4){
		    .sip = {10, 0, 0, (uint8_t)(k % 9)},
		    .dip = {192, 0, (uint8_t)(k % 7), (uint8_t)k},
		    .dport = k % 2 ? 443 : (uint16_t)(k * 200),
		    .proto = k % 3 ? 6 : 17,
		    .l7 = (uint16_t)(k % 3),
		    .counter = {k * k, tap_random(seed) % 100000, 1 + k % 9,
			tap_random(seed) >> 40}};
		t->rows6[i % BATCH_ROWS] = (struct godb_row6){
		    .sip = {0x20, 1, 0xd, 0xb8, [15] = (uint8_t)(k % 11)},
		    .dip = {0x20, 1, 0xd, (uint8_t)k, [9] = (uint8_t)(k * 7)},
		    .dport = (uint16_t)(k % 5),
		    .proto = 17,
		    .l7 = (uint16_t)(k % 2),
		    .counter = {1, k, 1, k % 2}};
	}
	for (size_t i = 0; i < sizeof(counters) / 8; i++)
		counters[i] = tap_random(seed) % 1000;
	memcpy(&t->b.counters, counters, sizeof(counters));
}

/* Turns bits of a file below the store over, in the byte `at` of it. */
__attribute__((unused)) static void
store_poke(const char *path, const char *file, off_t at, uint8_t mask)
{
	char name[256];
	uint8_t byte;
	int fd;

	snprintf(name, sizeof(name), "%s/%s", path, file);
	fd = open(name, O_RDWR | O_CLOEXEC);
	if (fd < 0 || pread(fd, &byte, 1, at) != 1)
		abort();
	byte ^= mask;
	if (pwrite(fd, &byte, 1, at) != 1)
		abort();
	close(fd);
}

/* One bit; `at` modulo the file's size, and below 0 from its end. */
__attribute__((unused)) static void
store_flip(const char *path, const char *file, int64_t at)
{
	char name[256];
	struct stat st;

	snprintf(name, sizeof(name), "%s/%s", path, file);
	if (stat(name, &st) < 0 || st.st_size == 0)
		abort();
	at %= st.st_size;
	at += at < 0 ? st.st_size : 0;
	store_poke(path, file, at, (uint8_t)(1u << at % 8));
}

/* A file below the store, of that text. */
__attribute__((unused)) static void
store_put_text(const char *path, const char *name, const char *text)
{
	char full[256];
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", path, name);
	f = fopen(full, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

/* ---- folders ------------------------------------------------------------- */

/* In memory where that is possible: these tests sync thousands of times. */
__attribute__((unused)) static bool
folder_temporary(char *out, size_t size)
{
	snprintf(out, size, "/dev/shm/godb.XXXXXX");
	if (mkdtemp(out) != NULL)
		return true;
	snprintf(out, size, "/tmp/godb.XXXXXX");
	return mkdtemp(out) != NULL;
}

/* Opens the store in a folder, which is made when missing. */
__attribute__((unused)) static int
store_open_as(const char *path, bool sorted_days, struct godb_writer **out)
{
	struct godb_writer_opts opts = GODB_WRITER_OPTS_INIT;
	struct godb_diag diag_text;
	int dir;

	(void)mkdir(path, 0700);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	opts.owner = "a test";
	opts.sorted_days = sorted_days;
	return dir < 0 ? -errno :
			 godb_writer_open(dir, &opts, out, &diag_text);
}

__attribute__((unused)) static int
store_open(const char *path, struct godb_writer **out)
{
	return store_open_as(path, false, out);
}

struct view {
	struct godb_reader *reader;
	struct godb_scan *scan;
};

__attribute__((unused)) static void
view_close(struct view *v)
{
	godb_scan_close(v->scan);
	godb_reader_close(v->reader);
	memset(v, 0, sizeof(*v));
}

__attribute__((unused)) static int
view_open(const char *path, struct view *v)
{
	struct godb_scan_opts opts = GODB_SCAN_OPTS_INIT;
	int rc = godb_reader_open(path, &v->reader);

	v->scan = NULL;
	if (rc < 0) {
		v->reader = NULL;
		return rc;
	}
	rc = godb_scan_open(v->reader, &opts, &v->scan);
	if (rc < 0)
		view_close(v);
	return rc;
}

/* Whether the store holds exactly these facts; *told: it reported damage. */
__attribute__((unused)) static bool
store_equals(const char *path, struct facts *want, size_t *told)
{
	struct facts have = {0};
	struct view v;
	int rc = view_open(path, &v);
	bool same;

	*told = 0;
	if (rc < 0) {
		*told = 1;
		return false;
	}
	*told = facts_add_scan(&have, v.scan) + godb_scan_n_faults(v.scan);
	same = facts_equal(want, &have);
	facts_free(&have);
	view_close(&v);
	return same;
}

/* ... as a check, without any damage. */
__attribute__((unused)) static void
store_is(const char *path, struct facts *want, const char *what)
{
	size_t told;
	bool same = store_equals(path, want, &told);

	ok(same && told == 0, "%s (%zu rows, %zu faults)", what, want->n, told);
}

/* Appends a random batch of 50 rows, and commits its block or not; f, which may
 * be NULL, gets them, too. */
__attribute__((unused)) static void
store_add_block(struct godb_writer *w, uint64_t *seed, struct facts *f,
    const char *iface, int64_t slot_s, uint64_t seq, bool commit)
{
	static struct testbatch t;

	batch_make(&t, seed, iface, slot_s, (uint8_t)(1 + iface[3]), seq, 30,
	    20);
	if (godb_writer_append(w, &t.b) != 0 ||
	    (commit && godb_writer_commit(w, iface, slot_s, NULL) != 0))
		abort();
	if (f)
		facts_add_batch(f, &t.b);
}

#endif
