/* Columns of a part: in pieces, of a few rows, and which rows may have large
 * counters; each is as in all of it. */
#include "common/godb/cursor.h"
#include "tests/lib/storetest.h"

static char root[32], path[64];
static uint64_t seed;
static struct testbatch t;

/* The i-th value of a column, IPv4's rows first. */
static uint64_t
value_at(const struct godb_columns *c, int column, size_t i)
{
	bool v6 = i >= c->n4;

	switch (column) {
	case GODB_SIP:
		return v6 ? c->sip6[i - c->n4].hi : c->sip4[i];
	case GODB_DIP:
		return v6 ? c->dip6[i - c->n4].hi : c->dip4[i];
	case GODB_DPORT:
		return c->dport[i];
	case GODB_PROTO:
		return c->proto[i];
	case GODB_L7PROTO:
		return c->l7[i];
	default:
		return c->counter[column - GODB_BYTES_RCVD][i];
	}
}

/* Pieces of a part, one behind the other, are the part, and are within their
 * zones; the index knows their sums. */
static void
check_pieces(const struct godb_scan *scan)
{
	uint32_t n = gdi_part_pieces(godb_scan_part(scan, 0));
	struct godb_cursor *whole, *piece;
	struct godb_columns a, b;
	size_t done = 0, wrong = 0, outside = 0;
	uint64_t sums[4], sum[4] = {0};

	(void)godb_cursor_new(scan, &whole);
	(void)godb_cursor_new(scan, &piece);
	(void)godb_cursor_load(whole, 0, GODB_COL_ALL, true, true, &a, NULL);
	for (uint32_t k = 0; k < n; k++) {
		struct gdi_zone zone[GODB_N_COLUMNS];
		struct gdi_slice s = {0, k, true, true};

		wrong += gdi_cursor_load_slice(piece, &s, GODB_COL_ALL, &b,
			     NULL) != 0 || (b.n4 > 0 && b.n6 > 0) ||
		    b.n4 + b.n6 == 0 || b.n4 + b.n6 > 65536;
		gdi_cursor_zones(piece, 0, k, GODB_COL_ALL, b.n6 > 0, zone);
		for (size_t i = 0; i < (size_t)b.n4 + b.n6; i++, done++)
			for (int c = 0; c < GODB_N_COLUMNS; c++) {
				uint64_t x = value_at(&b, c, i);

				wrong += x != value_at(&a, c, done);
				outside += !zone[c].known ||
				    x < zone[c].min || x > zone[c].max;
				if (c >= GODB_BYTES_RCVD)
					sum[c - GODB_BYTES_RCVD] += x;
			}
	}
	ok(n == 5 && done == (size_t)a.n4 + a.n6 && wrong == 0,
	    "%u pieces are the whole, %zu wrong", n, wrong);
	is_int(outside, 0, "and within their zones");
	ok(gdi_cursor_sums(piece, 0, sums) &&
		memcmp(sums, sum, sizeof(sum)) == 0, "the index has their sums");
	godb_cursor_free(whole);
	godb_cursor_free(piece);
}

/* Rows of b, which has them alone, that are not as in a. */
static size_t
differing(const struct godb_columns *a, const struct godb_columns *b,
    int first, int end, const uint32_t *sel, size_t n)
{
	size_t wrong = a->n4 != b->n4 || a->n6 != b->n6;

	for (size_t i = 0; wrong == 0 && i < n; i++)
		for (int c = first; c < end; c++)
			wrong += value_at(a, c, sel[i]) !=
			    value_at(b, c, sel[i]);
	return wrong;
}

/* Some rows of each piece, of one version or both, are as among all; what one
 * load gave stays while another one loads other columns of the piece. */
static void
check_some(const struct godb_scan *scan, const char *what)
{
	const uint32_t counters = 15u << GODB_BYTES_RCVD;
	uint32_t n_pieces = gdi_part_pieces(godb_scan_part(scan, 0));
	uint32_t *sel = malloc(131072 * sizeof(*sel));
	struct godb_cursor *whole, *some;
	size_t wrong = 0, looked = 0;

	(void)godb_cursor_new(scan, &whole);
	(void)godb_cursor_new(scan, &some);
	for (unsigned round = 0; round < 12 * n_pieces; round++) {
		static const unsigned often[] = {2, 40, 300, 3000};
		uint32_t k = round % n_pieces, want = round / n_pieces % 3;
		struct gdi_slice s = {0, k, want != 1, want != 2};
		struct godb_columns a, b, more;
		size_t n = 0;

		wrong += gdi_cursor_load_slice(whole, &s, GODB_COL_ALL, &a,
			     NULL) != 0;
		for (uint32_t i = 0; i < a.n4 + a.n6; i++)
			if (tap_random(&seed) % often[round / n_pieces % 4] ==
			    0)
				sel[n++] = i;
		wrong += gdi_cursor_load_some(some, &s, counters,
			     &(struct gdi_sel){sel, n}, &b, NULL) != 0;
		wrong += differing(&a, &b, GODB_BYTES_RCVD, GODB_N_COLUMNS, sel,
		    n);
		wrong += gdi_cursor_load_some(some, &s,
			     GODB_COL_ALL & ~counters,
			     &(struct gdi_sel){sel, n}, &more, NULL) != 0;
		wrong += differing(&a, &more, 0, GODB_BYTES_RCVD, sel, n);
		wrong += differing(&a, &b, GODB_BYTES_RCVD, GODB_N_COLUMNS, sel,
		    n);
		looked += n;
	}
	ok(wrong == 0 && looked > 300, "%s: %zu rows alone, %zu wrong", what,
	    looked, wrong);
	godb_cursor_free(whole);
	godb_cursor_free(some);
	free(sel);
}

/* Of the rows of each piece that reach so far in a column none is left out. */
static void
check_reaching(const struct godb_scan *scan, const char *what, bool tells)
{
	uint32_t n_pieces = gdi_part_pieces(godb_scan_part(scan, 0));
	size_t wrong = 0, told = 0, found = 0;
	struct godb_cursor *c;

	(void)godb_cursor_new(scan, &c);
	for (unsigned round = 0; round < 30 * n_pieces; round++) {
		uint32_t k = round % n_pieces, want = round / n_pieces % 3;
		unsigned col = (unsigned)(tap_random(&seed) % 4);
		uint64_t least = UINT64_C(1) << tap_random(&seed) % 40;
		struct gdi_slice s = {0, k, want != 1, want != 2};
		struct gdi_reaching r;
		struct godb_columns a;
		size_t next = 0;
		int rc;

		wrong += gdi_cursor_load_slice(c, &s, GODB_COL_ALL, &a,
			     NULL) != 0;
		/* the most that a chunk has is found, too */
		for (uint32_t i = 0; round % 2 && i < a.n4 + a.n6; i++)
			if (i == 0 || a.counter[col][i] > least)
				least = a.counter[col][i];
		rc = gdi_cursor_reaching(c, &s,
		    GODB_COL(GODB_BYTES_RCVD) << col, least, &r);
		wrong += rc < 0;
		told += rc == 0;
		for (uint32_t i = 0; rc == 0 && i < a.n4 + a.n6; i++) {
			bool in = next < r.n && r.row[next] == i;

			next += in;
			found += in;
			wrong += !in && a.counter[col][i] >= least;
		}
		wrong += rc == 0 &&
		    (next != r.n || r.of != (size_t)a.n4 + a.n6);
	}
	ok(wrong == 0 && (told > 0 && found > 0) == tells,
	    "%s: %zu times told who reaches so far, %zu rows, %zu wrong", what,
	    told, found, wrong);
	godb_cursor_free(c);
}

/* Few counters are much larger than the others. */
static void
enlarge_some(struct testbatch *b)
{
	for (uint32_t k = (uint32_t)(tap_random(&seed) % 90); k < BATCH_ROWS;
	     k += 90) {
		b->rows4[k].counter[k % 4] += UINT64_C(1) << 36;
		b->rows6[k].counter[k % 4] += UINT64_C(1) << 30;
	}
}

/* No two rows of batches are of one flow: those of this one have numbers from
 * `first` on. */
static void
part_rows(struct testbatch *b, uint32_t first)
{
	for (uint32_t k = 0; k < BATCH_ROWS; k++) {
		uint32_t n = (first + k) * 2654435761u;

		memcpy(b->rows4[k].dip, &n, 4);
		memcpy(b->rows6[k].dip + 5, &n, 4);
	}
}

static void
test_large(void)
{
	struct godb_writer *w;
	struct facts want = {0};
	uint64_t seq = 0, stored = 0;
	size_t told;
	struct view v;
	struct godb_cursor *c;
	struct godb_columns a, b;

	folder_remove(path);
	(void)store_open(path, &w);
	for (uint32_t i = 0; i < 150000; i += BATCH_ROWS) {
		batch_make(&t, &seed, "eth0", T0, 1, ++seq, BATCH_ROWS,
		    i < 70000 ? BATCH_ROWS : 0);
		part_rows(&t, i);
		enlarge_some(&t);
		(void)godb_writer_append(w, &t.b);
		facts_add_batch(&want, &t.b);
	}
	is_int(godb_writer_commit(w, "eth0", T0, &stored), 0,
	    "a block of several chunks");
	godb_writer_close(w);
	ok(store_equals(path, &want, &told) && told == 0, "is right");
	(void)view_open(path, &v);
	is_int((int64_t)godb_scan_part(v.scan, 0)->stored_bytes,
	    (int64_t)stored, "its size");
	(void)godb_cursor_new(v.scan, &c);
	is_int(godb_cursor_load(c, 0, GODB_COL(GODB_DPORT) | GODB_COL(GODB_DIP),
		   false, true, &a, NULL),
	    0, "only IPv6");
	ok(a.n4 == 0 && a.n6 > 65536 && a.sip6 == NULL && a.dip6 != NULL &&
		a.dport != NULL && a.proto == NULL,
	    "gives what was asked for: %u rows", a.n6);
	{
		uint16_t first = a.dport[0];
		struct godb_addr6 dip = a.dip6[a.n6 - 1];
		uint32_t n6 = a.n6;

		is_int(godb_cursor_load(c, 0, GODB_COL_ALL, true, true, &b,
			   NULL),
		    0, "everything");
		ok(b.n6 == n6 && b.dport[b.n4] == first &&
			b.dip6[n6 - 1].lo == dip.lo,
		    "is the same");
	}
	is_int(godb_cursor_load(c, 1, GODB_COL_ALL, true, true, &b, NULL),
	    -EINVAL, "no such part");
	is_int(godb_cursor_load(c, 0, 1u << GODB_N_COLUMNS, true, true, &b,
		   NULL),
	    -EINVAL, "nor a column of that number");
	godb_cursor_free(c);
	check_pieces(v.scan);
	check_some(v.scan, "of several chunks");
	check_reaching(v.scan, "of several chunks", true);
	view_close(&v);
	facts_free(&want);
}

static void
test_some(void)
{
	struct godb_writer *w;
	struct view v;

	folder_remove(path);
	(void)store_open(path, &w);
	batch_make(&t, &seed, "eth0", T0, 1, 1, BATCH_ROWS, BATCH_ROWS / 3);
	enlarge_some(&t);
	(void)godb_writer_append(w, &t.b);
	(void)view_open(path, &v);
	check_some(v.scan, "of a journal");
	check_reaching(v.scan, "of a journal", false);
	view_close(&v);
	(void)godb_writer_commit(w, "eth0", T0, NULL);
	godb_writer_close(w);
	(void)view_open(path, &v);
	check_some(v.scan, "of one chunk");
	check_reaching(v.scan, "of few rows", false);
	view_close(&v);
}

/* Who loads these rows then needs no byte of that column again. */
static void
check_read_once(const struct godb_scan *scan)
{
	const struct gdi_slice s = {0, 0, true, true};
	uint64_t before, after, decoded;
	struct gdi_reaching r = {0};
	struct godb_cursor *c;
	struct godb_columns rows;
	uint32_t column = GODB_COL(GODB_BYTES_RCVD);
	int rc = 1;

	(void)godb_cursor_new(scan, &c);
	for (; rc == 1 && column <= GODB_COL(GODB_PKTS_SENT); column <<= 1)
		rc = gdi_cursor_reaching(c, &s, column, UINT64_C(1) << 29,
		    &r);
	column >>= 1;
	godb_cursor_stats(c, &before, &decoded);
	if (rc == 0)
		rc = gdi_cursor_load_some(c, &s, column,
		    &(struct gdi_sel){r.row, r.n}, &rows, NULL);
	godb_cursor_stats(c, &after, &decoded);
	ok(rc == 0 && r.n > 2 && before > 0 && before == after,
	    "both versions' chunks are read once: %d bytes", (int)after);
	godb_cursor_free(c);
}

static void
test_reaching(void)
{
	struct godb_writer *w;
	struct view v;

	folder_remove(path);
	(void)store_open(path, &w);
	for (uint32_t i = 0; i < 20; i++) {
		batch_make(&t, &seed, "eth0", T0, 1, i + 1, BATCH_ROWS,
		    BATCH_ROWS / 3);
		part_rows(&t, i * BATCH_ROWS);
		enlarge_some(&t);
		(void)godb_writer_append(w, &t.b);
	}
	(void)godb_writer_commit(w, "eth0", T0, NULL);
	godb_writer_close(w);
	(void)view_open(path, &v);
	check_reaching(v.scan, "of a chunk of each version", true);
	check_read_once(v.scan);
	view_close(&v);
}

/* Of a journal's rows those of a version that is not wanted are nowhere. */
static void
test_live(void)
{
	const uint32_t columns = GODB_COL_ALL;
	struct godb_columns all, one;
	struct godb_cursor *c, *d;
	struct godb_writer *w;
	size_t wrong = 0;
	struct view v;

	folder_remove(path);
	(void)store_open(path, &w);
	batch_make(&t, &seed, "eth0", T0, 1, 1, 30, BATCH_ROWS);
	(void)godb_writer_append(w, &t.b);
	godb_writer_close(w);
	(void)view_open(path, &v);
	(void)godb_cursor_new(v.scan, &c);
	(void)godb_cursor_new(v.scan, &d);
	(void)godb_cursor_load(c, 0, columns, true, true, &all, NULL);
	is_int(godb_cursor_load(d, 0, columns, true, false, &one, NULL), 0,
	    "IPv4 of a journal");
	ok(one.n4 == 30 && one.n6 == 0, "  has no other rows");
	for (size_t i = 0; i < one.n4; i++)
		for (int k = 0; k < GODB_N_COLUMNS; k++)
			wrong += value_at(&one, k, i) != value_at(&all, k, i);
	is_int(godb_cursor_load(d, 0, columns, false, true, &one, NULL), 0,
	    "IPv6 of it");
	ok(one.n4 == 0 && one.n6 == BATCH_ROWS, "  has no other rows");
	for (size_t i = 0; i < one.n6; i++)
		for (int k = 0; k < GODB_N_COLUMNS; k++)
			wrong += value_at(&one, k, i) !=
			    value_at(&all, k, all.n4 + i);
	is_int((int64_t)wrong, 0, "  and these as they are");
	godb_cursor_free(c);
	godb_cursor_free(d);
	view_close(&v);
}

int
main(void)
{
	seed = tap_seed(20251125);
	if (!folder_temporary(root, sizeof(root)))
		return 1;
	snprintf(path, sizeof(path), "%s/store", root);
	test_large();
	test_some();
	test_reaching();
	test_live();
	folder_remove(root);
	return tap_done();
}
