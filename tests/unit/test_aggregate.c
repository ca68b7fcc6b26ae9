/* Sums and order of rows against a slow way to do the same. */
#include "common/godb/aggregate.h"

#include "tests/tap.h"

#define N 20000

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

static void
make(uint64_t *seed, uint64_t keys)
{
	memset(in4, 0, sizeof(in4));
	memset(in6, 0, sizeof(in6));
	for (size_t i = 0; i < N; i++) {
		uint64_t k = tap_random(seed) % keys;
		uint64_t h = k * 0x9e3779b97f4a7c15;

		memcpy(in4[i].sip, &h, 4);
		memcpy(in4[i].dip, (char *)&h + 4, 4);
		in4[i].dport = (uint16_t)(k % 5);
		in4[i].proto = (uint8_t)(k % 3);
		in4[i].l7 = (uint16_t)(k % 4);
		memcpy(in6[i].sip + 3, &h, 8);
		memcpy(in6[i].dip + 8, &h, 6);
		in6[i].dport = (uint16_t)(k % 7);
		in6[i].l7 = (uint16_t)(k % 4);
		for (int c = 0; c < 4; c++)
			in4[i].counter[c] = in6[i].counter[c] =
			    tap_random(seed) >> 20;
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

static void
test_sums(uint64_t *seed, uint64_t keys)
{
	struct gdi_aggregate a;
	struct gdi_key2 *k4 = NULL;
	struct gdi_key5 *k6 = NULL;
	size_t n4, n6, bad = 0;

	make(seed, keys);
	(void)gdi_aggregate_init(&a);
	for (size_t i = 0; i < N;) {
		size_t n = 1 + tap_random(seed) % 97;

		n = n > N - i ? N - i : n;
		bad += gdi_aggregate_reserve(&a, n, n) != 0;
		gdi_aggregate_add4(&a, in4 + i, n, map);
		gdi_aggregate_add6(&a, in6 + i, n, map);
		i += n;
	}
	n4 = sum4();
	n6 = sum6();
	is_int(a.t4.n, n4, "IPv4 rows of %d keys", (int)keys);
	is_int(a.t6.n, n6, "IPv6 rows");
	bad += gdi_aggregate_order4(&a, &k4) != 0 ||
	    gdi_aggregate_order6(&a, &k6) != 0;
	for (size_t i = 0; i < n4 && i < a.t4.n; i++) {
		bad += memcmp(&a.rows4[k4[i].row], &in4[i],
			   sizeof(in4[i])) != 0;
		bad += GDI_KEY_DPORT(k4[i].k[1]) != in4[i].dport ||
		    GDI_KEY_PROTO(k4[i].k[1]) != in4[i].proto ||
		    GDI_KEY_L7(k4[i].k[1]) != in4[i].l7;
	}
	for (size_t i = 0; i < n6 && i < a.t6.n; i++)
		bad += memcmp(&a.rows6[k6[i].row], &in6[i],
			   sizeof(in6[i])) != 0;
	is_int(bad, 0, "sums, order and keys agree");
	free(k4);
	free(k6);
	gdi_aggregate_free(&a);
}

static void
test_limits(void)
{
	struct gdi_aggregate a;
	struct godb_row4 r = {.counter = {UINT64_MAX - 1, 1, 0, 0}};
	struct gdi_key2 *k = NULL;

	(void)gdi_aggregate_init(&a);
	is_int(gdi_aggregate_reserve(&a, (size_t)GDI_RECORD_ROWS + 1, 0),
	    GODB_EFULL, "more rows than a record can have");
	is_int(gdi_aggregate_order4(&a, &k), 0, "no rows have an order");
	ok(k == NULL, "and no keys");
	(void)gdi_aggregate_reserve(&a, 2, 0);
	gdi_aggregate_add4(&a, &r, 1, map);
	gdi_aggregate_add4(&a, &r, 1, map);
	ok(a.rows4[0].counter[0] == UINT64_MAX && a.rows4[0].counter[1] == 2,
	    "sums stay at the largest number");
	gdi_aggregate_free(&a);
}

static void
test_sort(uint64_t *seed)
{
	static uint64_t v[5000];
	size_t bad = 0;

	for (size_t n = 0; n < 5000; n = n * 2 + 1) {
		uint64_t sum = 0;

		for (size_t i = 0; i < n; i++) {
			v[i] = tap_random(seed) >> (tap_random(seed) % 64);
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

int
main(void)
{
	uint64_t seed = tap_seed(11);

	test_sums(&seed, 3);
	test_sums(&seed, 700);
	test_sums(&seed, 1000000);
	test_limits();
	test_sort(&seed);
	return tap_done();
}
