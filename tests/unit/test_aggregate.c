/* Sums and order of rows against a slow way to do the same. */
#include "common/godb/aggregate.h"

#include <endian.h>

#include "tests/tap.h"

#define N 200000

static struct godb_row4 in4[N];
static struct godb_row6 in6[N];
static const uint16_t map[4] = {0, 7, 3, 65535};

static int
compare4(const void *pa, const void *pb)
{
	const struct godb_row4 *a = pa, *b = pb;
	int c = memcmp(a->sip, b->sip, 4);

	c = c ? c : memcmp(a->dip, b->dip, 4);
	c = c ? c : a->dport - b->dport;
	c = c ? c : a->proto - b->proto;
	return c ? c : a->l7 - b->l7;
}

static int
compare6(const void *pa, const void *pb)
{
	const struct godb_row6 *a = pa, *b = pb;
	int c = memcmp(a->sip, b->sip, 16);

	c = c ? c : memcmp(a->dip, b->dip, 16);
	c = c ? c : a->dport - b->dport;
	c = c ? c : a->proto - b->proto;
	return c ? c : a->l7 - b->l7;
}

/* How keys look: spread, or with most bits the same, wherever they are. */
static uint64_t
key_bits(uint64_t k, unsigned kind)
{
	switch (kind) {
	case 0:
		return k * 0x9e3779b97f4a7c15;
	case 1:
		return k;
	case 2:
		return k << 40;
	default:
		return UINT64_C(1) << k % 64;
	}
}

static void
make(uint64_t *seed, uint64_t keys, unsigned kind)
{
	memset(in4, 0, sizeof(in4));
	memset(in6, 0, sizeof(in6));
	for (size_t i = 0; i < N; i++) {
		uint64_t k = tap_random(seed) % keys;
		uint64_t h = key_bits(k, kind);

		memcpy(in4[i].sip, &h, 4);
		memcpy(in4[i].dip, (char *)&h + 4, 4);
		in4[i].dport = (uint16_t)(k % 5);
		in4[i].proto = (uint8_t)(k % 3);
		in4[i].l7 = (uint16_t)(k % 4);
		memcpy(in6[i].sip + 3, &h, 8);
		memcpy(in6[i].dip + 8, &h, 6);
		in6[i].dport = (uint16_t)(k % 7);
		in6[i].l7 = (uint16_t)(k % 4);
		/* beyond 32 bits, below, and sums that get there */
		for (int c = 0; c < 4; c++)
			in4[i].counter[c] = in6[i].counter[c] =
			    tap_random(seed) >> (20 + 11 * (k % 4));
	}
}

/* in4 itself, mapped, sorted and summed; the number of rows. */
static size_t
sum4(void)
{
	size_t n = 0;

	for (size_t i = 0; i < N; i++)
		in4[i].l7 = map[in4[i].l7];
	qsort(in4, N, sizeof(*in4), compare4);
	for (size_t i = 0; i < N; i++) {
		if (n > 0 && compare4(&in4[n - 1], &in4[i]) == 0)
			for (int c = 0; c < 4; c++)
				in4[n - 1].counter[c] += in4[i].counter[c];
		else
			in4[n++] = in4[i];
	}
	return n;
}

static size_t
sum6(void)
{
	size_t n = 0;

	for (size_t i = 0; i < N; i++)
		in6[i].l7 = map[in6[i].l7];
	qsort(in6, N, sizeof(*in6), compare6);
	for (size_t i = 0; i < N; i++) {
		if (n > 0 && compare6(&in6[n - 1], &in6[i]) == 0)
			for (int c = 0; c < 4; c++)
				in6[n - 1].counter[c] += in6[i].counter[c];
		else
			in6[n++] = in6[i];
	}
	return n;
}

/* All rows in batches of random size, as the writer hands them over; some are
 * offered twice because the journal could not be written. */
static size_t
put_all(struct gdi_aggregate *a, uint64_t *seed, struct gdi_buf *scratch)
{
	size_t bad = 0;

	for (size_t i = 0; i < N;) {
		size_t n = 1 + tap_random(seed) % 997;
		struct godb_batch b = {.rows4 = in4 + i, .rows6 = in6 + i};

		b.n4 = b.n6 = n > N - i ? N - i : n;
		bad += gdi_aggregate_stage(a, &b, map, 4 * N, scratch) != 0;
		if (tap_random(seed) % 8 == 0)
			continue;
		gdi_aggregate_accept(a);
		i += b.n4;
	}
	return bad;
}

/* The same n rows of either version as columns of the store. */
static struct godb_columns
columns_of(size_t from, size_t n)
{
	static uint32_t sip4[N], dip4[N];
	static struct godb_addr6 sip6[N], dip6[N];
	static uint16_t dport[2 * N], l7[2 * N];
	static uint8_t proto[2 * N];
	static uint64_t counter[4][2 * N];
	struct godb_columns c = {(uint32_t)n, (uint32_t)n, sip4, dip4, sip6,
		dip6, dport, proto, l7,
		{counter[0], counter[1], counter[2], counter[3]}};

	for (size_t i = 0; i < n; i++) {
		const struct godb_row4 *r4 = &in4[from + i];
		const struct godb_row6 *r6 = &in6[from + i];
		uint64_t ends = be64toh(gdi_get64(r4));

		sip4[i] = (uint32_t)(ends >> 32);
		dip4[i] = (uint32_t)ends;
		sip6[i] = (struct godb_addr6){be64toh(gdi_get64(r6->sip)),
			be64toh(gdi_get64(r6->sip + 8))};
		dip6[i] = (struct godb_addr6){be64toh(gdi_get64(r6->dip)),
			be64toh(gdi_get64(r6->dip + 8))};
		dport[i] = r4->dport;
		dport[n + i] = r6->dport;
		proto[i] = r4->proto;
		proto[n + i] = r6->proto;
		l7[i] = map[r4->l7];
		l7[n + i] = map[r6->l7];
		for (int k = 0; k < 4; k++) {
			counter[k][i] = r4->counter[k];
			counter[k][n + i] = r6->counter[k];
		}
	}
	return c;
}

static int
put_columns(struct gdi_aggregate *a, size_t from, size_t n,
    struct gdi_buf *scratch)
{
	struct godb_columns c = columns_of(from, n);

	return gdi_aggregate_columns(a, &c, GODB_COL_ALL, 4 * N, scratch);
}

static size_t
put_all_columns(struct gdi_aggregate *a, uint64_t *seed,
    struct gdi_buf *scratch)
{
	size_t bad = 0;

	for (size_t i = 0, n; i < N; i += n) {
		n = 1 + tap_random(seed) % (N / 3);
		n = n > N - i ? N - i : n;
		bad += put_columns(a, i, n, scratch) != 0;
	}
	return bad;
}

static size_t
compare_rows(const struct gdi_aggregate *a, size_t n4, size_t n6)
{
	const struct gdi_row4 *r4 = a->v4.rows;
	const struct gdi_row6 *r6 = a->v6.rows;
	size_t bad = 0;

	for (size_t i = 0; i < n4 && i < a->v4.n; i++) {
		const struct godb_row4 *want = &in4[i];
		uint64_t v[4], w = r4[i].k[1];

		gdi_row_counters(&a->v4, w, r4[i].counter, v);
		bad += be64toh(r4[i].k[0]) != gdi_get64(want) ||
		    GDI_KEY_DPORT(w) != want->dport ||
		    GDI_KEY_PROTO(w) != want->proto ||
		    GDI_KEY_L7(w) != want->l7 ||
		    memcmp(v, want->counter, sizeof(v)) != 0;
	}
	for (size_t i = 0; i < n6 && i < a->v6.n; i++) {
		const struct godb_row6 *want = &in6[i];
		uint64_t v[4], w = r6[i].k[4];

		gdi_row_counters(&a->v6, w, r6[i].counter, v);
		bad += be64toh(r6[i].k[0]) != gdi_get64(want->sip) ||
		    be64toh(r6[i].k[1]) != gdi_get64(want->sip + 8) ||
		    be64toh(r6[i].k[2]) != gdi_get64(want->dip) ||
		    be64toh(r6[i].k[3]) != gdi_get64(want->dip + 8) ||
		    GDI_KEY_DPORT(w) != want->dport ||
		    GDI_KEY_PROTO(w) != want->proto ||
		    GDI_KEY_L7(w) != want->l7 ||
		    memcmp(v, want->counter, sizeof(v)) != 0;
	}
	return bad;
}

static void
test_sums(uint64_t *seed, uint64_t keys, unsigned kind, bool columns)
{
	struct gdi_aggregate a = {0};
	struct gdi_buf scratch = {0};
	size_t n4, n6, bad;

	make(seed, keys, kind);
	bad = columns ? put_all_columns(&a, seed, &scratch) :
			put_all(&a, seed, &scratch);
	bad += gdi_aggregate_settle4(&a, &scratch) != 0;
	bad += gdi_aggregate_settle6(&a, &scratch) != 0;
	n4 = sum4();
	n6 = sum6();
	is_int(a.v4.n, n4, "IPv4 rows of %d keys, kind %d%s", (int)keys,
	    (int)kind, columns ? ", out of the store" : "");
	is_int(a.v6.n, n6, "IPv6 rows");
	is_int(bad + compare_rows(&a, n4, n6), 0,
	    "sums, order and keys agree");
	/* 131072 of them come before they are summed for the first time */
	ok(a.v4.cap <= 262144 || a.v4.cap <= 4 * n4,
	    "rows of the same key do not pile up: room for %d",
	    (int)a.v4.cap);
	gdi_buf_free(&scratch);
	gdi_aggregate_free(&a);
}

static int
put_one(struct gdi_aggregate *a, const struct godb_row4 *r, size_t n,
    size_t most, struct gdi_buf *scratch)
{
	struct godb_batch b = {.rows4 = r, .n4 = n};
	int rc = gdi_aggregate_stage(a, &b, map, most, scratch);

	if (rc == 0)
		gdi_aggregate_accept(a);
	return rc;
}

/* Few keys are counted to the last one. */
static void
test_estimate(uint64_t *seed)
{
	static struct gdi_estimate e;
	struct godb_columns c;
	struct gp_hash_key key;
	size_t n;

	if (gp_hash_key_init(&key) != 0)
		abort();
	make(seed, 1500, 0);
	gdi_estimate_init(&e);
	for (size_t i = 0; i < N; i += n) {
		n = 1 + tap_random(seed) % 1000;
		n = n > N - i ? N - i : n;
		c = columns_of(i, n);
		gdi_aggregate_estimate(&c, GODB_COL_ALL, &key, UINT64_MAX, &e);
	}
	is_int((long)gdi_estimate(&e), (long)(sum4() + sum6()),
	    "the number of keys");
	make(seed, 10000000, 0);
	c = columns_of(0, N);
	gdi_estimate_init(&e);
	gdi_aggregate_estimate(&c, GODB_COL_ALL, &key, 3000, &e);
	ok(gdi_estimate(&e) > 3000 && gdi_estimate(&e) < 3100,
	    "counting stops soon after enough: %d", (int)gdi_estimate(&e));
}

/* Rows out of the store whose places the sort leaves to nobody. */
static void
test_seek_after_sort(void)
{
	enum { ALIKE = 60000 /* not summed on the way */, SOME = 1000 };
	struct gdi_aggregate a = {0};
	struct gdi_buf scratch = {0};
	const struct gdi_row4 *rows;
	size_t wrong = 0;
	int rc;

	memset(in4, 0, sizeof(in4));
	memset(in6, 0, sizeof(in6));
	for (size_t i = 0; i < SOME; i++) {
		struct godb_row4 *r = &in4[ALIKE + i];

		r->dip[2] = (uint8_t)((i + 1) >> 8);
		r->dip[3] = (uint8_t)(i + 1);
		r->counter[0] = 1;
	}
	rc = put_one(&a, in4, ALIKE, N, &scratch);
	for (int i = 0; rc == 0 && i < 2; i++) {
		rc = put_columns(&a, ALIKE, SOME, &scratch);
		if (rc == 0)
			rc = gdi_aggregate_settle4(&a, &scratch);
	}
	is_int(rc, 0, "the same rows again, after sorting");
	is_int(a.v4.n, SOME + 1, "are those that were there");
	rows = a.v4.rows;
	for (size_t i = 1; i < a.v4.n; i++)
		wrong += rows[i].counter[0] != 2;
	is_int(wrong, 0, "each with twice as much");
	gdi_buf_free(&scratch);
	gdi_aggregate_free(&a);
}

/* Rows that stay apart are as many as came, in order, and come to the same
 * sums. */
static void
test_apart(uint64_t *seed, uint64_t keys, unsigned kind)
{
	struct gdi_aggregate a = {0};
	static const struct godb_row4 same[100];
	struct gdi_buf scratch = {0};
	size_t n4, n6, bad, falls = 0;

	make(seed, keys, kind);
	gdi_aggregate_apart(&a);
	bad = put_columns(&a, 0, 2 * N / 3, &scratch) != 0;
	bad += gdi_aggregate_settle4(&a, &scratch) != 0;
	bad += put_columns(&a, 2 * N / 3, N - 2 * N / 3, &scratch) != 0;
	bad += gdi_aggregate_settle4(&a, &scratch) != 0;
	bad += gdi_aggregate_settle6(&a, &scratch) != 0;
	for (size_t i = 1; i < a.v4.n; i++) {
		const struct gdi_row4 *r = a.v4.rows;

		r += i;
		falls += r[-1].k[0] > r[0].k[0] || (r[-1].k[0] == r[0].k[0] &&
		    (r[-1].k[1] | 1) > (r[0].k[1] | 1));
	}
	ok(bad == 0 && a.v4.n == N && a.v6.n == N,
	    "rows of %d keys, kind %d, stay apart", (int)keys, (int)kind);
	is_int((int64_t)falls, 0, "in order");
	a.v4.apart = a.v6.apart = false;
	a.v4.sorted = a.v6.sorted = 0;
	bad = gdi_aggregate_settle4(&a, &scratch) != 0;
	bad += gdi_aggregate_settle6(&a, &scratch) != 0;
	n4 = sum4();
	n6 = sum6();
	ok(bad == 0 && a.v4.n == n4 && a.v6.n == n6 &&
		compare_rows(&a, n4, n6) == 0, "and are all there");
	gdi_aggregate_free(&a);
	gdi_aggregate_apart(&a);
	is_int(put_one(&a, same, 100, 100, &scratch), 0, "as many as may be");
	is_int(put_one(&a, same, 1, 100, &scratch), GODB_EFULL,
	    "and none more, though it is there already");
	gdi_buf_free(&scratch);
	gdi_aggregate_free(&a);
}

static void
test_limits(void)
{
	struct gdi_aggregate a = {0};
	struct gdi_buf scratch = {0};
	struct godb_row4 r = {.counter = {UINT64_MAX - 1, 1, 0, 0}};
	const struct gdi_row4 *rows;
	uint64_t v[4];
	int rc = 0;

	is_int(put_one(&a, in4, 101, 100, &scratch), GODB_EFULL,
	    "more rows than a block may have");
	is_int(gdi_aggregate_settle4(&a, &scratch), 0, "no rows have an order");
	(void)put_one(&a, &r, 1, 100, &scratch);
	(void)put_one(&a, &r, 1, 100, &scratch);
	is_int(gdi_aggregate_settle4(&a, &scratch), 0, "two that are one");
	rows = a.v4.rows;
	gdi_row_counters(&a.v4, rows[0].k[1], rows[0].counter, v);
	ok(a.v4.n == 1 && v[0] == UINT64_MAX && v[1] == 2,
	    "sums stay at the largest number");
	for (int i = 0; i < 1000 && rc == 0; i++)
		rc = put_one(&a, &r, 1, 100, &scratch);
	ok(rc == 0 && a.v4.cap <= 256, "a full block makes room by summing");
	for (int i = 0; i < 101 && rc == 0; i++) {
		r.dport = (uint16_t)i;
		rc = put_one(&a, &r, 1, 100, &scratch);
	}
	is_int(rc, GODB_EFULL, "until all of its rows differ");
	gdi_buf_free(&scratch);
	gdi_aggregate_free(&a);
}

static void
test_sort(uint64_t *seed)
{
	static uint64_t v[5000];
	unsigned alike = 0; /* bytes above those that differ */
	size_t bad = 0;

	for (size_t n = 0; n < 5000; n = n * 2 + 1, alike = (alike + 1) % 8) {
		uint64_t sum = 0;

		for (size_t i = 0; i < n; i++) {
			v[i] = tap_random(seed) >>
			    (8 * alike + tap_random(seed) % 8);
			sum += v[i];
		}
		bad += gdi_sort_u64(v, n) != 0;
		for (size_t i = 0; i < n; i++) {
			sum -= v[i];
			bad += i > 0 && v[i] < v[i - 1];
		}
		bad += sum != 0;
	}
	is_int(bad, 0, "sorting numbers of any size");
}

static int
by_key_and_place(const void *pa, const void *pb)
{
	const struct gdi_row4 *a = pa, *b = pb;

	for (size_t i = 0; i < 2; i++)
		if (a->k[i] != b->k[i])
			return a->k[i] < b->k[i] ? -1 : 1;
	return a->counter[0] < b->counter[0] ? -1 :
					       a->counter[0] > b->counter[0];
}

/* Many rows in place: the order, and that each is still there, once. */
static void
test_in_place(uint64_t *seed, unsigned kind)
{
	enum { ROWS = 3 * GDI_SORT_PART + 7 };
	struct gdi_row4 *v = calloc(ROWS, sizeof(*v));
	struct gdi_row4 *want = calloc(ROWS, sizeof(*want));
	struct gdi_row4 *part = calloc(GDI_SORT_PART, sizeof(*part));
	size_t bad = 0;

	for (uint32_t i = 0; i < ROWS; i++) {
		uint64_t k = tap_random(seed) % (kind % 2 ? 900 : ROWS * 9);

		v[i].k[0] = kind < 4 ? key_bits(k, kind) : 0;
		v[i].k[1] = kind < 4 ? k % 3 : key_bits(k, kind - 4);
		v[i].counter[0] = i;
		want[i] = v[i];
	}
	qsort(want, ROWS, sizeof(*want), by_key_and_place);
	gdi_sort_row4_in_place(v, part, ROWS);
	for (size_t i = 1; i < ROWS; i++) /* equal ones come in any order */
		bad += v[i - 1].k[0] > v[i].k[0] ||
		    (v[i - 1].k[0] == v[i].k[0] &&
			v[i - 1].k[1] > v[i].k[1]);
	qsort(v, ROWS, sizeof(*v), by_key_and_place);
	bad += memcmp(v, want, ROWS * sizeof(*v)) != 0;
	is_int(bad, 0, "rows in place, keys of kind %u", kind);
	free(v);
	free(want);
	free(part);
}

int
main(void)
{
	uint64_t seed = tap_seed(11);

	for (unsigned kind = 0; kind < 8; kind += tap_stride(3))
		test_in_place(&seed, kind);

	for (unsigned i = 0; i < 8; i += tap_stride(3)) {
		unsigned kind = i / 2;
		int columns = i % 2;

		test_sums(&seed, 3, kind, columns);
		test_sums(&seed, 700, kind, columns);
		test_sums(&seed, 60000, kind, columns);
		test_sums(&seed, 10000000, kind, columns);
	}
	test_estimate(&seed);
	test_seek_after_sort();
	test_apart(&seed, 1000, 1);
	test_apart(&seed, N, 0);
	test_limits();
	test_sort(&seed);
	return tap_done();
}
