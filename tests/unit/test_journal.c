/* Journals: every valid record is found, nothing else ever is. */
#include "common/godb/journal.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tests/tap.h"

#define SLOT INT64_C(1764028800)
#define SALT UINT64_C(0x1122334455667788)

static uint64_t seed;

static void
put_batch(struct gdi_buf *out, uint64_t seq, size_t n4, size_t n6)
{
	static struct godb_row4 rows4[50];
	static struct godb_row6 rows6[50];
	static const struct godb_l7_name names[2] = {
	    {"Unknown", "Unspecified"}, {"DNS", "Network"}};
	struct godb_batch b = {.slot_s = SLOT,
	    .ring = {9, 9},
	    .seq = seq,
	    .ring_pos = seq * 1000,
	    .first_ns = 5,
	    .last_ns = 6,
	    .flags = GODB_PART_DIR_FLOW,
	    .names = names,
	    .n_names = 2,
	    .rows4 = rows4,
	    .n4 = n4,
	    .rows6 = rows6,
	    .n6 = n6};

	b.counters.seen = seq + 1;
	for (size_t i = 0; i < n4; i++)
		rows4[i] = (struct godb_row4){.dport = (uint16_t)(seq * 10 + i),
		    .l7 = i & 1};
	for (size_t i = 0; i < n6; i++)
		rows6[i] = (struct godb_row6){.dport =
			(uint16_t)(seq * 20 + i)};
	if (gdi_journal_record(&b, SALT, out) != 0)
		abort();
}

/* n batches; offsets (n + 1) tell where they begin. */
static void
make(size_t n, struct gdi_buf *out, size_t *offsets)
{
	uint8_t h[GDI_HEADER_BYTES];

	out->len = 0;
	gdi_journal_header("eth0", SLOT, SALT, 0, h);
	gdi_buf_bytes(out, h, sizeof(h));
	for (size_t i = 0; i < n; i++) {
		offsets[i] = out->len;
		put_batch(out, i, 3 + i, i & 1);
	}
	offsets[n] = out->len;
}

struct found {
	int rc;          /* of open */
	uint64_t seqs;   /* bit each */
	uint64_t end, damaged;
	bool wrong;
};

static struct found
walk(const struct gdi_buf *b, size_t len, int fd)
{
	uint8_t *copy = malloc(len + 1);
	struct gdi_journal_view v;
	struct gdi_journal j;
	struct found f = {0};

	memcpy(copy, b->p, len);
	f.rc = gdi_journal_open(&j, fd, fd < 0 ? copy : NULL, len, SLOT);
	while (f.rc == 1 && gdi_journal_next(&j, &v) == 1) {
		const struct godb_batch *x = &v.batch;

		f.seqs |= UINT64_C(1) << (x->seq & 63);
		f.wrong |= x->counters.seen != x->seq + 1 ||
		    x->n4 != 3 + x->seq || x->n6 != (x->seq & 1) ||
		    x->rows4[2].dport != x->seq * 10 + 2 ||
		    strcmp(x->names[1].name, "DNS") != 0;
	}
	f.end = j.end;
	f.damaged = j.n_damaged;
	gdi_journal_close(&j);
	free(copy);
	return f;
}

static void
test_cut(void)
{
	struct gdi_buf b = {0};
	size_t at[6], bad = 0;

	make(5, &b, at);
	for (size_t len = 0; len <= b.len; len++) {
		struct found f = walk(&b, len, -1);
		size_t n = 0;

		while (n < 5 && len >= at[n + 1])
			n++;
		if (len < GDI_HEADER_BYTES)
			bad += f.rc != 0;
		else
			bad += f.rc != 1 || f.wrong || f.damaged ||
			    f.seqs != (UINT64_C(1) << n) - 1 || f.end != at[n];
	}
	is_int(bad, 0, "cut at every byte: whole records, no damage");
	gdi_buf_free(&b);
}

static void
test_flips(void)
{
	struct gdi_buf b = {0};
	size_t at[6], bad = 0, untold = 0;

	make(5, &b, at);
	for (size_t i = 0; i < b.len; i++) {
		uint8_t before = b.p[i];
		size_t hit = 0;
		struct found f;

		while (hit < 5 && i >= at[hit + 1])
			hit++;
		b.p[i] ^= (uint8_t)(1u << (tap_random(&seed) % 8));
		f = walk(&b, b.len, -1);
		if (i < at[0])
			bad += f.rc != GODB_EDAMAGED && f.rc != GODB_ENEWER;
		else
			bad += f.wrong ||
			    f.seqs != (31 & ~(UINT64_C(1) << hit));
		/* the last record cannot be told from a torn one */
		untold += i >= at[0] && hit < 4 && f.damaged == 0;
		b.p[i] = before;
	}
	is_int(bad, 0, "a flipped bit costs its record and no other");
	is_int(untold, 0, "damage between records is told");
	gdi_buf_free(&b);
}

/* The same through a descriptor whose file is longer than what was noted. */
static void
test_file(void)
{
	char path[] = "/tmp/test_journal.XXXXXX";
	int fd = mkstemp(path);
	struct gdi_buf b = {0};
	struct found f;
	size_t at[6];

	make(5, &b, at);
	ok(write(fd, b.p, b.len) == (ssize_t)b.len, "a file");
	f = walk(&b, at[3], fd);
	is_int((int64_t)f.seqs, 7, "only what was there when it was opened");
	ok(ftruncate(fd, (off_t)at[2] + 20) == 0, "then it is cut");
	f = walk(&b, at[3], fd);
	is_int((int64_t)f.seqs, 3, "and only what is left is read");
	close(fd);
	unlink(path);
	gdi_buf_free(&b);
}

/* Rows are strangers' bytes: a whole record put into them is no record. */
static void
test_smuggled(void)
{
	struct gdi_buf b = {0}, evil = {0};
	uint8_t h[GDI_HEADER_BYTES];
	struct found f;
	size_t at[3];

	make(2, &b, at);
	gdi_journal_header("eth0", SLOT, SALT + 1, 0, h);
	gdi_buf_bytes(&evil, h, sizeof(h)); /* another file's salt */
	gdi_buf_bytes(&evil, b.p + at[0], b.len - at[0]);
	f = walk(&evil, evil.len, -1);
	is_int((int64_t)f.seqs, 0, "records of another journal are none here");
	gdi_buf_free(&b);
	gdi_buf_free(&evil);
}

/* Behind damage records are looked for as far as there may be one. */
static void
test_search(void)
{
	struct gdi_buf b = {0};
	struct found f;
	size_t at[5];

	make(4, &b, at);
	b.p[at[1] + 100] ^= 1;
	b.p[at[2] + 100] ^= 1;
	f = walk(&b, b.len, -1);
	ok(f.seqs == (1 | 8) && f.damaged == 1, "behind two damaged records");
	make(4, &b, at);
	b.p[at[0] + 100] ^= 1;
	b.p[at[2] + 100] ^= 1;
	f = walk(&b, b.len, -1);
	ok(f.seqs == (2 | 8) && f.damaged == 2, "two places are two");
	make(1, &b, at);
	for (int i = 0; i < 20; i++) /* what a record begins with */
		gdi_buf_bytes(&b, b.p + at[0], 8);
	put_batch(&b, 1, 4, 1);
	f = walk(&b, b.len, -1);
	ok(f.seqs == 3 && f.damaged == 1, "behind much that looks like one");
	/* the search reads 65536 bytes at a time */
	make(1, &b, at);
	for (int i = 0; i < 65536 + 8; i++)
		gdi_buf_u8(&b, 'x');
	put_batch(&b, 1, 4, 1);
	f = walk(&b, b.len, -1);
	ok(f.seqs == 3 && f.damaged == 1 && !f.wrong, "a record far behind");
	make(2, &b, at);
	gdi_put32(b.p + at[1] + 64, 1000);
	f = walk(&b, b.len, -1);
	ok(f.seqs == 1 && f.damaged == 1,
	    "a last one whose rows were changed to more than there is");
	gdi_buf_free(&b);
}

/* A file grows before its bytes are written: a power cut leaves zeroes. */
static void
test_zeroes(void)
{
	enum { HEAD = 168, TAIL = 5 * HEAD };
	struct gdi_buf b = {0};
	size_t at[3], bad = 0, untold = 0;

	make(2, &b, at);
	for (size_t n = 0; n < TAIL; n += 8) {
		struct found f = walk(&b, b.len, -1);

		bad += f.seqs != 3 || f.wrong || f.damaged || f.end != at[2];
		gdi_buf_u64(&b, 0);
	}
	is_int(bad, 0, "zeroes behind the last record are no damage");
	for (size_t i = at[2]; i < b.len; i++) {
		struct found f;

		b.p[i] = 1;
		f = walk(&b, b.len, -1);
		untold += f.damaged != 1 || f.seqs != 3;
		b.p[i] = 0;
	}
	is_int(untold, 0, "but anything else among them is");
	gdi_buf_free(&b);
}

static void
test_extension(void)
{
	struct gdi_buf b = {0};
	size_t at[2];
	struct found f;

	make(1, &b, at);
	b.len -= 8; /* something new before the checksum */
	gdi_buf_u64(&b, 42);
	gdi_put32(b.p + at[0] + 4, (uint32_t)(b.len + 8 - at[0]));
	gdi_buf_u64(&b, gp_checksum(b.p + at[0], b.len - at[0], SALT));
	f = walk(&b, b.len, -1);
	ok(f.seqs == 1 && !f.wrong, "a later version's record is readable");
	gdi_buf_free(&b);
}

enum { N_NAMES = 300 };

static void
random_counters(uint64_t counter[4], const unsigned bits[4])
{
	for (int k = 0; k < 4; k++)
		counter[k] = bits[k] == 0 ?
		    0 : tap_random(&seed) >> (64 - bits[k]);
}

/* Rows whose counters have at most so many bits each. */
static void
random_rows(struct godb_row4 *r4, size_t n4, struct godb_row6 *r6, size_t n6,
    const unsigned bits[4])
{
	for (size_t i = 0; i < n4; i++) {
		uint64_t x = tap_random(&seed), y = tap_random(&seed);

		r4[i] = (struct godb_row4){.dport = (uint16_t)y,
		    .proto = (uint8_t)(y >> 16),
		    .l7 = (uint16_t)(y >> 24) % N_NAMES};
		memcpy(r4[i].sip, &x, 4);
		memcpy(r4[i].dip, (char *)&x + 4, 4);
		random_counters(r4[i].counter, bits);
	}
	for (size_t i = 0; i < n6; i++) {
		uint64_t y = tap_random(&seed);

		r6[i] = (struct godb_row6){.dport = (uint16_t)y,
		    .proto = (uint8_t)(y >> 16),
		    .l7 = (uint16_t)(y >> 24) % N_NAMES};
		for (size_t k = 0; k < 16; k++) {
			r6[i].sip[k] = (uint8_t)tap_random(&seed);
			r6[i].dip[k] = (uint8_t)tap_random(&seed);
		}
		random_counters(r6[i].counter, bits);
	}
}

/* What went in comes out, in as many bytes as the counters need. */
static void
test_rows(void)
{
	static struct godb_l7_name names[N_NAMES];
	static struct godb_row4 r4[40];
	static struct godb_row6 r6[40];
	unsigned wrong = 0, large = 0;

	for (unsigned i = 0; i < N_NAMES; i++)
		(void)snprintf(names[i].name, sizeof(names[i].name), "%u", i);
	for (unsigned i = 0; i < 2000; i++) {
		size_t n4 = tap_random(&seed) % 40, n6 = tap_random(&seed) % 40;
		struct godb_batch b = {.slot_s = SLOT, .names = names,
		    .n_names = N_NAMES, .rows4 = r4, .n4 = n4, .rows6 = r6,
		    .n6 = n6};
		struct gdi_buf out = {0};
		struct gdi_journal_view v;
		struct gdi_journal j;
		uint8_t h[GDI_HEADER_BYTES];
		unsigned bits[4];
		size_t bytes = 168 + sizeof(names) + n4 * 13 + n6 * 37;

		for (int k = 0; k < 4; k++) {
			bits[k] = (unsigned)(tap_random(&seed) % 65);
			bytes += (n4 + n6) * ((bits[k] + 7) / 8);
		}
		random_rows(r4, n4, r6, n6, bits);
		gdi_journal_header("eth0", SLOT, SALT, 0, h);
		memset(gdi_buf_room(&out, 65536), 0xff, 65536);
		gdi_buf_bytes(&out, h, sizeof(h));
		if (gdi_journal_record(&b, SALT, &out) != 0 ||
		    gdi_journal_open(&j, -1, out.p, out.len, SLOT) != 1 ||
		    gdi_journal_next(&j, &v) != 1)
			abort();
		wrong += v.batch.n4 != n4 || v.batch.n6 != n6 ||
		    memcmp(v.batch.rows4, r4, n4 * sizeof(*r4)) != 0 ||
		    memcmp(v.batch.rows6, r6, n6 * sizeof(*r6)) != 0 ||
		    v.bytes % 8 != 0;
		large += v.bytes > (bytes + 7) / 8 * 8 + 8;
		for (size_t k = bytes; k < v.bytes - 8; k++)
			wrong += out.p[sizeof(h) + k] != 0;
		wrong += gdi_journal_next(&j, &v) != 0;
		gdi_journal_close(&j);
		gdi_buf_free(&out);
	}
	is_int(wrong, 0, "rows of every width come back");
	is_int(large, 0, "in no more bytes than they need");
}

/* Under a checksum that holds: what is valid is taken, all else refused, and
 * nothing is read beyond the record. */
static void
test_forged(void)
{
	unsigned taken = 0, refused = 0, odd = 0;
	struct gdi_buf b = {0};
	size_t at[3];

	make(2, &b, at);
	for (unsigned i = 0; i < 20000; i++) {
		size_t len = b.len - at[1], end;
		uint8_t *copy = malloc(b.len);
		struct gdi_journal_view v;
		struct gdi_journal j;

		memcpy(copy, b.p, b.len);
		/* counts and widths most of all */
		for (unsigned k = 0; k < 1 + i % 3; k++)
			copy[at[1] + (i & 1 ? 60 + tap_random(&seed) % 108 :
			    8 + tap_random(&seed) % (len - 16))] ^=
			    (uint8_t)(1u << tap_random(&seed) % 8);
		end = b.len - 8;
		gdi_put64(copy + end, gp_checksum(copy + at[1], end - at[1],
			SALT));
		if (gdi_journal_open(&j, -1, copy, b.len, SLOT) != 1 ||
		    gdi_journal_next(&j, &v) != 1)
			abort();
		if (gdi_journal_next(&j, &v) == 1) {
			taken++;
			odd += !gdi_batch_valid(&v.batch) ||
			    v.batch.n4 * 13 + v.batch.n6 * 37 > len;
		} else {
			refused++;
		}
		gdi_journal_close(&j);
		free(copy);
	}
	ok(taken > 1000 && refused > 1000, "%u taken, %u refused", taken,
	    refused);
	is_int(odd, 0, "and none of those that cannot be");
	gdi_buf_free(&b);
}

/* What ends early is torn, unless no writer begins a record so. */
static void
test_head(void)
{
	struct gdi_buf b = {0};
	struct found f;
	size_t at[3];

	make(2, &b, at);
	f = walk(&b, b.len - 8, -1);
	is_int((int64_t)f.damaged, 0, "the beginning of a record is torn");
	b.p[at[1] + 160] = 9;
	f = walk(&b, b.len - 8, -1);
	ok(f.damaged == 1 && f.seqs == 1,
	    "with counters of nine bytes it is damage");
	b.p[at[1] + 160] = 0;
	gdi_put32(b.p + at[1] + 64, UINT32_MAX);
	f = walk(&b, b.len - 8, -1);
	ok(f.damaged == 1 && f.seqs == 1, "with more rows than fit, too");
	gdi_buf_free(&b);
}

/* FORMAT.md's example, byte by byte. */
static void
test_example(void)
{
	static const struct godb_l7_name names[2] = {
	    {"Unknown", "Unspecified"}, {"DNS", "Network"}};
	static const struct godb_row4 rows4[3] = {
	    {{10, 0, 0, 1}, {192, 0, 2, 53}, 53, 17, 0, 1, 0,
		{300, 150, 2, 2}},
	    {{10, 0, 0, 1}, {198, 51, 100, 7}, 443, 6, 0, 0, 0,
		{70000, 2500, 60, 40}},
	    {{10, 0, 0, 2}, {192, 0, 2, 53}, 53, 17, 0, 1, 0,
		{310, 150, 2, 2}}};
	static const struct godb_row6 row6 = {
	    {0x20, 1, 0x0d, 0xb8, [15] = 1}, {0x20, 1, 0x0d, 0xb8, [15] = 2},
	    0, 58, 0, 0, 0, {104, 104, 1, 1}};
	static const uint8_t second[] = {10, 0, 0, 1, 198, 51, 100, 7, 0xbb, 1,
	    6, 0, 0, 0x70, 0x11, 1, 0xc4, 9, 60, 40};
	struct godb_batch b = {.slot_s = SLOT, .names = names, .n_names = 2,
	    .rows4 = rows4, .n4 = 3, .rows6 = &row6, .n6 = 1};
	uint8_t h[GDI_HEADER_BYTES];
	struct gdi_buf out = {0};

	gdi_journal_header("eth0", SLOT, SALT, 0, h);
	gdi_buf_bytes(&out, h, sizeof(h));
	if (gdi_journal_record(&b, SALT, &out) != 0)
		abort();
	is_int((int64_t)out.len, 64 + 440, "FORMAT.md: 440 bytes");
	ok(memcmp(out.p + 64 + 160, "\3\2\1\1\0\0\0\0", 8) == 0,
	    "FORMAT.md: counters of 3, 2, 1 and 1 bytes");
	ok(memcmp(out.p + 0x19c, second, sizeof(second)) == 0,
	    "FORMAT.md: the second row");
	gdi_buf_free(&out);
}

/* A record's bound is that of its rows in memory. */
static void
test_bound(void)
{
	static const struct godb_l7_name name = {"DNS", ""};
	struct godb_batch b = {.slot_s = SLOT, .names = &name, .n_names = 1};
	size_t most = (GDI_BATCH_BYTES - 168 - 80 - 8) / sizeof(*b.rows4);
	struct gdi_buf out = {0};
	struct gdi_journal_view v;
	struct gdi_journal j;
	uint8_t h[GDI_HEADER_BYTES];

	b.n4 = most + 1;
	is_int(gdi_journal_record(&b, SALT, &out), GODB_EFULL, "too large");
	b.n4 = most;
	b.rows4 = calloc(most, sizeof(*b.rows4));
	gdi_journal_header("eth0", SLOT, SALT, 0, h);
	gdi_buf_bytes(&out, h, sizeof(h));
	if (b.rows4 == NULL || gdi_journal_record(&b, SALT, &out) != 0)
		abort();
	(void)gdi_journal_open(&j, -1, out.p, out.len, SLOT);
	ok(gdi_journal_next(&j, &v) == 1 && v.batch.n4 == most,
	    "%zu rows of no bytes are not", most);
	gdi_journal_close(&j);
	/* one row more, where the pads to a multiple of 8 have room or not */
	out.len -= 8;
	gdi_buf_u64(&out, 0);
	gdi_buf_u64(&out, 0);
	gdi_put32(out.p + GDI_HEADER_BYTES + 4,
	    (uint32_t)(out.len + 8 - GDI_HEADER_BYTES));
	gdi_put32(out.p + GDI_HEADER_BYTES + 64, (uint32_t)most + 1);
	gdi_buf_u64(&out, gp_checksum(out.p + GDI_HEADER_BYTES,
	    out.len - GDI_HEADER_BYTES, SALT));
	(void)gdi_journal_open(&j, -1, out.p, out.len, SLOT);
	is_int(gdi_journal_next(&j, &v), 0, "nor is one more believed");
	gdi_journal_close(&j);
	gdi_buf_free(&out);
	free((void *)(uintptr_t)b.rows4);
}

static void
test_valid(void)
{
	static const struct godb_l7_name name = {"DNS", ""};
	struct godb_row4 row = {0};
	struct godb_batch good = {.slot_s = SLOT, .names = &name, .n_names = 1,
	    .rows4 = &row, .n4 = 1};
	struct godb_batch b = good;
	struct godb_l7_name odd = {"a\tb", ""};

	ok(gdi_batch_valid(&b), "a batch");
	b.slot_s = SLOT + 1;
	ok(!gdi_batch_valid(&b), "not the start of a block");
	b = good;
	b.slot_s = GP_TIME_MAX_S;
	ok(!gdi_batch_valid(&b), "beyond the last block");
	b = good;
	b.first_ns = 1;
	ok(!gdi_batch_valid(&b), "ends before it begins");
	b = good;
	b.flags = GODB_PART_LIVE;
	ok(!gdi_batch_valid(&b), "a flag that is not its to set");
	b = good;
	b.n4 = 0;
	b.n6 = (size_t)GDI_RECORD_ROWS + 1; /* which are not even looked at */
	ok(!gdi_batch_valid(&b), "more rows than a record has");
	b = good;
	b.names = &odd;
	ok(!gdi_batch_valid(&b), "a name with a tab");
	b = good;
	row.l7 = 1;
	ok(!gdi_batch_valid(&b), "a name that is not there");
	row.l7 = 0;
	row.pad = 1;
	ok(!gdi_batch_valid(&b), "padding that is not zero");
}

int
main(void)
{
	seed = tap_seed(9);
	test_cut();
	test_flips();
	test_file();
	test_smuggled();
	test_search();
	test_zeroes();
	test_extension();
	test_rows();
	test_forged();
	test_head();
	test_example();
	test_bound();
	test_valid();
	return tap_done();
}
