/* blocks.idx: what is written is read, damage costs what it hit, and records
 * of a later version are skipped or refused as they ask. */
#include "common/godb/index.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/godb/digest.h"
#include "common/godb/layout.h"
#include "tests/tap.h"

#define DAY INT64_C(1764028800) /* 2025-11-25 */

static uint64_t seed;

/* A record of one column chunk for each column and version. */
static void
make_record(int64_t slot_s, uint32_t n4, uint32_t n6, struct gdi_buf *out)
{
	struct gdi_record r = {.slot_s = slot_s,
	    .first_ns = slot_s * GP_NS_PER_S,
	    .last_ns = slot_s * GP_NS_PER_S + 5,
	    .flags = GODB_PART_DIR_FLOW,
	    .n4 = n4,
	    .n6 = n6,
	    .stored_bytes = 100000};
	struct gdi_buf columns[GODB_N_COLUMNS] = {0};
	struct gdi_rings rings = {0};

	r.id[0] = (uint8_t)slot_s;
	r.counters.seen = 1000;
	r.counters.time_clamped = 77;
	for (int c = 0; c < GODB_N_COLUMNS; c++) {
		gdi_extent_begin(&columns[c], 4000);
		for (int v6 = 0; v6 < 2; v6++)
			for (size_t i = 0; i < gdi_chunks(v6 ? n6 : n4,
			     GDI_CHUNK_ROWS); i++)
				gdi_extent_add(&columns[c],
				    &(struct gdi_chunk){.stored =
					    10 + (uint32_t)c,
					.checksum = 5,
					.min = 3,
					.max = 3 + i});
	}
	(void)gdi_rings_add(&rings, (const uint8_t *)"0123456789abcdef", 5, 9,
	    1234);
	for (int k = 0; k < 4; k++)
		r.sums[k] = 100 + (uint64_t)k;
	gdi_record_write(&r, columns, &rings, out);
	for (int c = 0; c < GODB_N_COLUMNS; c++)
		gdi_buf_free(&columns[c]);
	gdi_rings_free(&rings);
}

/* An index of n records; offsets (n + 1) tell where they begin. */
static void
make_index(size_t n, struct gdi_buf *out, size_t *offsets)
{
	uint8_t header[GDI_HEADER_BYTES];

	gdi_index_header("eth0", DAY, header);
	gdi_buf_bytes(out, header, sizeof(header));
	for (size_t i = 0; i < n; i++) {
		offsets[i] = out->len;
		make_record(DAY + (int64_t)i * 300, (uint32_t)i, 2, out);
	}
	offsets[n] = out->len;
}

static int
parse(const struct gdi_buf *b, size_t len, struct gdi_index *x)
{
	uint8_t *copy = malloc(len + 1);

	memcpy(copy, b->p, len);
	return gdi_index_parse(copy, len, DAY, x);
}

static void
test_round_trip(void)
{
	struct gdi_buf b = {0};
	struct gdi_index x;
	struct gdi_rings rings = {0};
	struct gdi_extent e;
	struct gdi_chunk k;
	size_t at[4];

	make_index(3, &b, at);
	is_int(parse(&b, b.len, &x), 0, "an index parses");
	is_int(x.n, 3, "three records");
	is_int(x.n_gaps, 0, "no gap");
	is_int((int64_t)x.end, (int64_t)b.len, "its end");
	is_int(x.records[2].slot_s, DAY + 600, "slot");
	is_int(x.records[2].n4, 2, "IPv4 rows");
	is_int((int64_t)x.records[2].counters.seen, 1000, "first counter");
	is_int((int64_t)x.records[2].counters.time_clamped, 77, "last counter");
	ok(x.records[1].has_sums && x.records[1].sums[3] == 103, "sums");
	is_int(gdi_rings_read(&rings, x.records[1].rings), 0, "rings");
	ok(gdi_rings_contain(&rings, (const uint8_t *)"0123456789abcdef", 9),
	    "a number in its range");
	is_int(gdi_extent_open(&x.records[2], GODB_DPORT, &e), 0, "a column");
	is_int(gdi_extent_next(&e, &k), 1, "its first chunk");
	ok(!k.v6 && k.rows == 2 && k.offset == 4000 && k.stored == 12 &&
		k.min == 3 && k.checksum == 5,
	    "is IPv4's");
	is_int(gdi_extent_next(&e, &k), 1, "its second chunk");
	ok(k.v6 && k.rows == 2 && k.offset == 4012, "is IPv6's, behind it");
	is_int(gdi_extent_next(&e, &k), 0, "and that is all");
	gdi_rings_free(&rings);
	gdi_index_free(&x);

	b.len = 0;
	b.rc = 0;
	make_record(DAY, 65537, 0, &b);
	is_int(gdi_index_parse(memcpy(malloc(b.len), b.p, b.len), b.len, DAY,
		   &x),
	    0, "a record where the header should be");
	gdi_index_free(&x);
	gdi_buf_free(&b);
}

/* Bytes that were forgotten and read again. */
static void
test_again(void)
{
	struct gdi_buf b = {0};
	struct gdi_extent all[GODB_N_COLUMNS] = {0};
	struct gdi_in section;
	struct gdi_index x;
	struct gdi_chunk k;
	size_t at[4];
	unsigned told = 0;

	make_index(3, &b, at);
	(void)parse(&b, b.len, &x);
	is_int(x.records[1].bytes, (int64_t)(at[2] - at[1]), "a record's bytes");
	gdi_index_forget(&x);
	ok(x.data == NULL && x.n == 3 && x.records[1].columns.p == NULL &&
		x.records[1].rings.p == NULL && x.records[1].n4 == 1,
	    "are forgotten, but not what it says");
	is_int(gdi_record_again(&x.records[1], DAY, b.p + at[1], &section), 0,
	    "read again");
	is_int(gdi_extents_open(&x.records[1], section, GODB_COL(GODB_DPORT),
		   all), 0, "they have the column");
	ok(gdi_extent_next(&all[GODB_DPORT], &k) == 1 && k.offset == 4000,
	    "where it was");
	is_int(gdi_record_again(&x.records[1], DAY, b.p + at[2], &section),
	    GODB_EDAMAGED, "another record is not it");
	for (size_t i = at[1]; i < at[2]; i++) {
		b.p[i] ^= 1;
		told += gdi_record_again(&x.records[1], DAY, b.p + at[1],
		    &section) == GODB_EDAMAGED;
		b.p[i] ^= 1;
	}
	is_int(told, (int64_t)(at[2] - at[1]), "nor is a changed one");
	gdi_index_free(&x);
	gdi_buf_free(&b);
}

static void
test_many_chunks(void)
{
	struct gdi_buf b = {0};
	uint8_t header[GDI_HEADER_BYTES];
	struct gdi_index x;
	struct gdi_extent e;
	struct gdi_chunk k;
	uint64_t rows4 = 0, rows6 = 0;

	gdi_index_header("eth0", DAY, header);
	gdi_buf_bytes(&b, header, sizeof(header));
	make_record(DAY, 200000, 65536, &b);
	(void)parse(&b, b.len, &x);
	(void)gdi_extent_open(&x.records[0], GODB_SIP, &e);
	while (gdi_extent_next(&e, &k) == 1)
		*(k.v6 ? &rows6 : &rows4) += k.rows;
	is_int((int64_t)rows4, 200000, "rows of four IPv4 chunks");
	is_int((int64_t)rows6, 65536, "rows of one IPv6 chunk");
	gdi_index_free(&x);
	gdi_buf_free(&b);
}

static void
test_cut(void)
{
	struct gdi_buf b = {0};
	size_t at[4], bad = 0, untold = 0;

	make_index(3, &b, at);
	for (size_t len = 0; len <= b.len; len++) {
		struct gdi_index x;
		size_t want = 0;

		while (want < 3 && len >= at[want + 1])
			want++;
		if (parse(&b, len, &x) != 0) {
			bad++;
			continue;
		}
		bad += x.n != want;
		/* a record that was begun: whose, or that it is short */
		if (len > at[want] && want < 3)
			untold += x.n_gaps != 1 || !x.gaps[0].tail ||
			    (x.gaps[0].slot_s != DAY + (int64_t)want * 300 &&
				!x.gaps[0].short_tail);
		gdi_index_free(&x);
	}
	is_int(bad, 0, "cut at every byte: the whole records are there");
	is_int(untold, 0, "and the cut one is known for what it is");
	gdi_buf_free(&b);
}

static void
test_flips(void)
{
	struct gdi_buf b = {0};
	size_t at[5], bad = 0, untold = 0, lost = 0;

	make_index(4, &b, at);
	for (size_t i = 0; i < b.len; i++) {
		size_t hit = 0;
		struct gdi_index x;

		while (hit < 4 && i >= at[hit + 1])
			hit++;
		b.p[i] ^= (uint8_t)(1u << (tap_random(&seed) % 8));
		if (parse(&b, b.len, &x) == 0) {
			untold += x.n_gaps == 0 && !x.header_damaged;
			lost += x.n < (i < at[0] ? 4 : 3);
			for (size_t k = 0; k < x.n; k++)
				bad += x.records[k].offset == at[hit] &&
				    i >= at[0];
			gdi_index_free(&x);
		}
		b.len = 0;
		make_index(4, &b, at);
	}
	is_int(bad, 0, "a damaged record is never served");
	is_int(untold, 0, "damage is always told");
	is_int(lost, 0, "it costs no other record");
	gdi_buf_free(&b);
}

static void
test_middle(void)
{
	struct gdi_buf b = {0};
	struct gdi_index x;
	size_t at[5];

	make_index(4, &b, at);
	memset(b.p + at[1], 0, 40); /* head gone: no length to go by */
	(void)parse(&b, b.len, &x);
	is_int(x.n, 3, "the others are found behind a lost head");
	is_int(x.n_gaps, 1, "one gap");
	is_int((int64_t)x.gaps[0].length, (int64_t)(at[2] - at[1]), "its size");
	ok(!x.gaps[0].tail && x.gaps[0].slot_s == -1, "of unknown time");
	gdi_index_free(&x);
	b.p[at[2] + 100] ^= 1;
	(void)parse(&b, b.len, &x);
	is_int(x.n, 2, "two damaged");
	is_int(x.gaps[1].slot_s, DAY + 600, "the second one's time is known");
	gdi_index_free(&x);
	gdi_buf_free(&b);
}

/* Puts a section behind the others of the last record and seals it again. */
static void
add_section(struct gdi_buf *b, size_t start, uint16_t type, uint16_t flags)
{
	uint8_t s[16] = {0};
	uint8_t *h;

	b->len -= 8;
	while (b->p[b->len - 1] == 0) /* padding; the last sum is not 0 */
		b->len--;
	gdi_put16(s, type);
	gdi_put16(s + 2, flags);
	gdi_put32(s + 4, 8);
	gdi_buf_bytes(b, s, sizeof(s));
	while ((b->len - start) % 8 != 0)
		gdi_buf_u8(b, 0);
	h = b->p + start;
	gdi_put32(h + 4, (uint32_t)(b->len - start + 8));
	gdi_put32(h + 60, 5);
	gdi_put64(h + 72, gp_checksum(h, 72, 0));
	gdi_buf_u64(b, gp_checksum(h, b->len - start, 0));
}

static void
test_versions(void)
{
	struct gdi_buf b = {0};
	struct gdi_index x;
	size_t at[3];

	make_index(2, &b, at);
	add_section(&b, at[1], 900, 0);
	(void)parse(&b, b.len, &x);
	is_int(x.n, 2, "an unknown section is skipped");
	gdi_index_free(&x);
	b.len = 0;
	make_index(2, &b, at);
	add_section(&b, at[1], 900, 1);
	(void)parse(&b, b.len, &x);
	is_int(x.n, 1, "an unknown critical one is not");
	is_int(x.n_gaps ? x.gaps[0].rc : 0, GODB_ENEWER, "and says why");
	gdi_index_free(&x);
	b.p[8] = GODB_FORMAT_MAJOR + 1;
	gdi_put64(b.p + 56, gp_checksum(b.p, 56, 0));
	is_int(parse(&b, b.len, &x), GODB_ENEWER, "a newer major version");
	b.p[8] = GODB_FORMAT_MAJOR;
	b.p[10] = 200;
	gdi_put64(b.p + 56, gp_checksum(b.p, 56, 0));
	is_int(parse(&b, b.len, &x), 0, "a newer minor version");
	ok(!x.header_damaged, "is fine");
	gdi_index_free(&x);
	gdi_buf_free(&b);
}

/* A number in the last record's head, sealed again. */
static void
set_head(struct gdi_buf *b, size_t start, size_t field, uint32_t value)
{
	uint8_t *h = b->p + start;

	gdi_put32(h + field, value);
	gdi_put64(h + 72, gp_checksum(h, 72, 0));
	gdi_put64(b->p + b->len - 8, gp_checksum(h, b->len - start - 8, 0));
}

/* What a checksum vouches for is still not taken for everything. */
static void
test_bounds(void)
{
	const int64_t wrong[] = {DAY - 300, DAY + 1, DAY + GP_DAY_S};
	struct godb_counters more = {.seen = 1, .non_ip = 2, .malformed = 3,
	    .seen_bytes = 10, .non_ip_bytes = 20};
	struct gdi_record r = {.counters = more};
	struct gdi_buf b = {0};
	struct gdi_extent e;
	struct gdi_chunk k;
	struct gdi_index x;
	uint64_t sums[4];
	size_t at[3];

	for (size_t i = 0; i < 3; i++) {
		b.len = 0;
		make_index(0, &b, at);
		make_record(wrong[i], 1, 1, &b);
		(void)parse(&b, b.len, &x);
		ok(x.n == 0 && x.n_gaps == 1,
		    "a block of another day, or of no five minutes");
		gdi_index_free(&x);
	}
	b.len = 0;
	make_index(2, &b, at);
	set_head(&b, at[1], 48, GODB_PART_DIR_FLOW | GODB_PART_LIVE |
	    GDI_PART_ROLLED | GDI_PART_APART);
	(void)parse(&b, b.len, &x);
	is_int(x.n == 2 ? x.records[1].flags : 0, GODB_PART_DIR_FLOW,
	    "flags that only memory has");
	x.records[1].stored_bytes = 15;
	ok(gdi_extent_open(&x.records[1], GODB_SIP, &e) == 0 &&
	    gdi_extent_next(&e, &k) == 1 &&
	    gdi_extent_next(&e, &k) == GODB_EDAMAGED,
	    "chunks of more bytes than the block has");
	gdi_index_free(&x);
	for (size_t n = 52; n <= 56; n += 4) { /* of IPv4, of IPv6 */
		b.len = 0;
		make_index(2, &b, at);
		set_head(&b, at[1], n, GDI_RECORD_ROWS + 1);
		(void)parse(&b, b.len, &x);
		ok(x.n == 1 && x.n_gaps == 1, "more rows than a record has");
		gdi_index_free(&x);
	}
	b.len = 0;
	make_index(2, &b, at);
	(void)parse(&b, b.len, &x);
	x.records[1].columns.end = x.records[1].columns.p;
	is_int(gdi_extent_open(&x.records[1], GODB_SIP, &e), GODB_EDAMAGED,
	    "rows without a column");
	x.records[1].n4 = x.records[1].n6 = 0;
	is_int(gdi_extent_open(&x.records[1], GODB_SIP, &e), 0,
	    "which no rows need");
	gdi_index_free(&x);
	gdi_record_sums(&r, sums);
	ok(sums[0] == 0 && sums[2] == 0, "counters that do not add up");
	gdi_buf_free(&b);
}

/* What may be the beginning of a record whose writer died. */
static void
test_tails(void)
{
	static const uint8_t zeroes[160];
	struct gdi_record_head head;
	struct gdi_buf b = {0};
	struct gdi_index x;
	size_t at[3], walk = 0;

	make_index(2, &b, at);
	ok(gdi_index_head(b.p, b.len, &walk, &head) == 1 && head.has_rows,
	    "rows of IPv6 are rows");
	(void)parse(&b, b.len - 8, &x);
	ok(x.n_gaps == 1 && x.gaps[0].cut && x.gaps[0].slot_s == DAY + 300 &&
	    gdi_gap_may_be_torn(&x.gaps[0]), "a record that is cut");
	gdi_index_free(&x);
	gdi_buf_bytes(&b, zeroes, sizeof(zeroes));
	(void)parse(&b, b.len, &x);
	ok(x.n_gaps == 1 && gdi_gap_may_be_torn(&x.gaps[0]),
	    "zeroes, as a file that grew has them");
	gdi_index_free(&x);
	b.p[b.len - 1] = 1;
	(void)parse(&b, b.len, &x);
	ok(x.n_gaps == 1 && !gdi_gap_may_be_torn(&x.gaps[0]),
	    "something else of that length");
	gdi_index_free(&x);
	(void)parse(&b, at[2] + 80, &x);
	ok(x.n_gaps == 1 && gdi_gap_may_be_torn(&x.gaps[0]),
	    "zeroes as long as a head");
	gdi_index_free(&x);
	b.p[at[2]] = 1;
	(void)parse(&b, at[2] + 80, &x);
	ok(x.n_gaps == 1 && !gdi_gap_may_be_torn(&x.gaps[0]),
	    "a whole head, but none that was written");
	gdi_index_free(&x);
	b.p[at[2]] = 0;
	b.p[b.len - 1] = 0;
	b.p[at[1] + 100] ^= 1;
	(void)parse(&b, b.len, &x);
	ok(x.n_gaps == 2 && !gdi_gap_may_be_torn(&x.gaps[1]),
	    "zeroes behind a damaged record were not being written");
	gdi_index_free(&x);
	gdi_buf_free(&b);
}

static int
digest_again(const struct gdi_digest *d)
{
	struct gdi_buf b = {0};
	struct gdi_digest read;
	struct gdi_in in;
	int rc;

	gdi_digest_write(d, &b);
	in = (struct gdi_in){b.p, b.p + b.len, false};
	rc = gdi_digest_read(&in, DAY, &read);
	if (rc == 0)
		gdi_digest_free(&read);
	gdi_buf_free(&b);
	return rc;
}

/* What an index is summed up to, and what none is. */
static void
test_digest(void)
{
	uint8_t header[GDI_HEADER_BYTES];
	struct gdi_buf b = {0};
	struct gdi_digest d;
	struct gdi_index x;

	gdi_index_header("eth0", DAY, header);
	gdi_buf_bytes(&b, header, sizeof(header));
	make_record(DAY + 600, 1, 1, &b);
	make_record(DAY, 1, 1, &b); /* late */
	if (parse(&b, b.len, &x) < 0 || gdi_digest_make(&x, &d) < 0)
		abort();
	ok(d.first_s == DAY && d.last_s == DAY + 600 && d.n_stretches == 2,
	    "a digest begins with the first block, however late that came");
	is_int(digest_again(&d), 0, "and is read again");
	d.tally[0].first = 9;
	d.tally[0].last = 8;
	is_int(digest_again(&d), GODB_EDAMAGED, "a tally that ends early");
	d.tally[0].last = 288;
	is_int(digest_again(&d), GODB_EDAMAGED, "or in another day");
	d.tally[0].first = d.tally[0].last = 0;
	d.used.w[4] |= UINT64_C(1) << 32;
	is_int(digest_again(&d), GODB_EDAMAGED, "a block of no time of a day");
	d.used.w[4] = 0;
	d.records = 1;
	is_int(digest_again(&d), GODB_EDAMAGED, "more stretches than records");
	d.records = 2;
	d.stretch[1].first_ns = d.stretch[0].last_ns;
	is_int(digest_again(&d), GODB_EDAMAGED, "stretches that are one");
	gdi_digest_free(&d);
	gdi_index_free(&x);
	gdi_buf_free(&b);
}

/* A file that no writer makes is no reason to have none of a store. */
static void
test_large(void)
{
	char folder[] = "/tmp/test_index.XXXXXX";
	struct gdi_index x;
	int dir, fd;

	if (mkdtemp(folder) == NULL)
		abort();
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = openat(dir, GDI_INDEX, O_WRONLY | O_CREAT, 0600);
	ok(ftruncate(fd, (off_t)GDI_INDEX_BYTES + 1) == 0 &&
		gdi_index_read(dir, DAY, &x) == GODB_EDAMAGED,
	    "more bytes than an index has are damage");
	close(fd);
	(void)unlinkat(dir, GDI_INDEX, 0);
	close(dir);
	(void)rmdir(folder);
}

static void
test_forged(void)
{
	struct gdi_buf b = {0};
	size_t at[2];

	make_index(1, &b, at);
	for (int round = 0; round < 20000; round++) {
		size_t i = at[0] + 80 +
		    tap_random(&seed) % (b.len - at[0] - 88);
		uint8_t before = b.p[i];
		struct gdi_index x;
		struct gdi_chunk k;

		b.p[i] = (uint8_t)tap_random(&seed);
		gdi_put64(b.p + b.len - 8,
		    gp_checksum(b.p + at[0], b.len - 8 - at[0], 0));
		if (parse(&b, b.len, &x) == 0) {
			for (int c = 0; x.n && c < GODB_N_COLUMNS; c++) {
				struct gdi_extent e = {0};
				struct gdi_rings r = {0};

				if (gdi_extent_open(&x.records[0],
					(enum godb_column)c, &e) == 0)
					while (gdi_extent_next(&e, &k) == 1)
						;
				(void)gdi_rings_read(&r, x.records[0].rings);
				gdi_rings_free(&r);
			}
			gdi_index_free(&x);
		}
		b.p[i] = before;
	}
	ok(true, "20000 forged records do no harm");
	gdi_buf_free(&b);
}

int
main(void)
{
	seed = tap_seed(5);
	test_round_trip();
	test_again();
	test_many_chunks();
	test_cut();
	test_flips();
	test_middle();
	test_versions();
	test_bounds();
	test_tails();
	test_digest();
	test_large();
	test_forged();
	return tap_done();
}
