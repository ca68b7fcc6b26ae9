/* Arrays: what goes in comes out, of every shape and width; anything else is
 * refused and never touches memory it must not. */
#include "common/godb/encode.h"
#include "common/godb/shape.h"

#include "common/godb/internal.h"
#include "tests/tap.h"

static uint64_t seed;
static uint64_t v[GDI_CHUNK_ROWS];

/* ---- shapes -------------------------------------------------------------- */

enum shape {
	SAME,
	RANDOM,
	FEW,
	SKEWED,
	OUTLIERS,
	RISING,
	STEPS,
	RUNS,
	EXTREMES,
	PERIODIC,
	N_SHAPES
};
static const char *const shape_names[] = {"one value", "random", "few values",
    "skewed", "small with outliers", "rising", "steps", "runs", "extremes",
    "periodic"};

static uint64_t
rnd(uint64_t below)
{
	return tap_random(&seed) % below;
}

static void
make(enum shape shape, size_t n, unsigned bits)
{
	uint64_t mask = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
	uint64_t at = tap_random(&seed) & mask;

	for (size_t i = 0; i < n; i++) {
		uint64_t r = tap_random(&seed);

		switch (shape) {
		case SAME:
			v[i] = at;
			break;
		case RANDOM:
			v[i] = r;
			break;
		case FEW:
			v[i] = (at >> (r % 5)) * 3;
			break;
		case SKEWED:
			v[i] = (r >> 32) >> (r % 33);
			break;
		case OUTLIERS:
			v[i] = r % 50 ? r % 16 : r;
			break;
		case RISING:
			at = at / 2 < mask / 2 - 7 ? at + r % 5 : at;
			v[i] = at;
			break;
		case STEPS:
			at = r % 9 || at > mask - 1000 ? at : at + r % 1000;
			v[i] = at;
			break;
		case RUNS:
			at = r % 6 ? at : r;
			v[i] = at;
			break;
		case EXTREMES:
			v[i] = r % 3 == 0 ? 0 : r % 3 == 1 ? mask : mask - 1;
			break;
		case PERIODIC:
			v[i] = (i % 7) * 0x0101010101010101;
			break;
		case N_SHAPES:
			break;
		}
		v[i] &= mask;
	}
}

/* ---- round trips --------------------------------------------------------- */

/* The bytes at the end of a page-like buffer, with the promised slack. */
static uint8_t *
framed(const uint8_t *p, size_t len)
{
	uint8_t *copy = malloc(len + GDI_SLACK);

	memcpy(copy, p, len);
	memset(copy + len, 0xee, GDI_SLACK);
	return copy;
}

static int
decode(const uint8_t *p, size_t len, unsigned bits, size_t n, void *out,
    bool *all)
{
	struct gdi_in in = {p, p + len, false};
	struct gdi_scratch s = {0};
	int rc;

	switch (bits) {
	case 8:
		rc = gdi_decode8(&in, n, out, &s);
		break;
	case 16:
		rc = gdi_decode16(&in, n, out, &s);
		break;
	case 32:
		rc = gdi_decode32(&in, n, out, &s);
		break;
	default:
		rc = gdi_decode64(&in, n, out, &s);
	}
	*all = in.p == in.end;
	gdi_scratch_free(&s);
	return rc;
}

static uint64_t
value(const void *out, unsigned bits, size_t i)
{
	return bits == 8  ? ((const uint8_t *)out)[i] :
	    bits == 16	  ? ((const uint16_t *)out)[i] :
	    bits == 32	  ? ((const uint32_t *)out)[i] :
			    ((const uint64_t *)out)[i];
}

static bool
round_trip(size_t n, unsigned bits, unsigned flags, size_t *len)
{
	struct gdi_buf b = {0};
	void *out = malloc(n * 8); /* exact, so that ASan sees one too many */
	uint8_t *p;
	bool same, all;

	gdi_encode(v, n, flags, &b);
	p = framed(b.p, b.len);
	same = b.rc == 0 && decode(p, b.len, bits, n, out, &all) == 0 && all;
	for (size_t i = 0; same && i < n; i++)
		same = value(out, bits, i) == v[i];
	*len = b.len;
	free(out);
	free(p);
	gdi_buf_free(&b);
	return same;
}

static void
test_round_trips(void)
{
	static const size_t sizes[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65,
	    100, 1160, 4097, 65535, 65536};
	static const unsigned widths[] = {8, 16, 32, 64};

	for (int shape = 0; shape < N_SHAPES; shape++) {
		size_t bad = 0, len;

		for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++)
			for (size_t w = 0; w < 4; w++)
				for (unsigned f = 0; f < 4; f++) {
					make((enum shape)shape, sizes[s],
					    widths[w]);
					bad += !round_trip(sizes[s], widths[w],
					    f, &len);
				}
		is_int(bad, 0, "round trips: %s", shape_names[shape]);
	}
}

static void
test_widths(void)
{
	size_t bad = 0, len;

	for (unsigned w = 0; w <= 64; w++)
		for (size_t n = 1; n < 40; n++) {
			uint64_t base = w > 60 ? 0 : tap_random(&seed) >> 8;

			for (size_t i = 0; i < n; i++)
				v[i] = base + (w == 0 ? 0 :
					tap_random(&seed) >> (64 - w));
			bad += !round_trip(n, 64, 0, &len);
		}
	is_int(bad, 0, "every bit width at every length below 40");
}

/* Bounds that make the 18 bytes a row possible; a regression shows here. */
/* Half of them have so many bits, one or all of them set, and few have more, as
 * a double holds or beyond: what these leave behind has as many as the half. */
static void
test_patch_widths(void)
{
	const size_t n = 2000;
	size_t wrong = 0;

	for (unsigned more = 52; more <= 56; more += 4)
		for (unsigned w = 1; w < more; w++)
			for (unsigned all = 0; all < 2; all++) {
				struct gdi_buf out = {0};
				uint64_t most = (UINT64_C(1) << w) - 1;

				for (size_t i = 0; i < n; i++)
					v[i] = i % 2 == 0 ? 0 :
					    all ? most : most / 2 + 1;
				for (size_t i = 50; i < n; i += 200)
					v[i] = (UINT64_C(1) << more) - 1;
				gdi_encode(v, n, 0, &out);
				wrong += out.rc < 0 || out.p[0] != GDI_PATCH ||
				    out.p[1] != w;
				gdi_buf_free(&out);
			}
	is_int((long)wrong, 0, "low parts are as wide as most numbers");
}

static int
compare(const void *pa, const void *pb)
{
	const uint64_t *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

/* Numbers that ascend, each by about as much as it is: which width suits them
 * is not a matter of their order. */
static void
test_patch_ascending(void)
{
	size_t patched = 0, wrong = 0;

	for (unsigned i = 0; i < 2000; i++) {
		size_t n = 20 + rnd(40);
		struct gdi_buf sorted = {0}, mixed = {0};

		for (size_t k = 0; k < n; k++)
			v[k] = k == 0 ? 0 :
			    rnd(5) == 0   ? UINT64_C(1) << rnd(54) :
					    tap_random(&seed) >> (10 + rnd(54));
		qsort(v, n, sizeof(*v), compare);
		gdi_encode(v, n, 0, &sorted);
		for (size_t k = 0; k < n; k++) {
			size_t to = rnd(n);
			uint64_t swap = v[k];

			v[k] = v[to];
			v[to] = swap;
		}
		gdi_encode(v, n, 0, &mixed);
		if (sorted.p[0] == GDI_PATCH && mixed.p[0] == GDI_PATCH) {
			patched++;
			wrong += sorted.p[1] != mixed.p[1];
		}
		gdi_buf_free(&sorted);
		gdi_buf_free(&mixed);
	}
	ok(patched > 100 && wrong == 0,
	    "%zu arrays that ascend, %zu not as wide as when they do not",
	    patched, wrong);
}

static void
test_sizes(void)
{
	const size_t n = 1160;
	size_t len;

	make(SAME, n, 64);
	(void)round_trip(n, 64, 0, &len);
	ok(len <= 12, "one value takes %zu bytes", len);
	make(RANDOM, n, 32);
	(void)round_trip(n, 32, GDI_ENCODE_DICT, &len);
	ok(len <= n * 4 + 16, "random addresses take %zu", len);
	for (size_t i = 0; i < n; i++)
		v[i] = 0x0a000000 + i / 6 * 7;
	(void)round_trip(n, 32, GDI_ENCODE_DICT, &len);
	ok(len <= n / 4, "sorted sources take %zu", len);
	for (size_t i = 0; i < n; i++)
		v[i] = i % 10 ? 6 : 17;
	(void)round_trip(n, 8, GDI_ENCODE_DICT, &len);
	ok(len <= n / 4, "two protocols take %zu", len);
	make(OUTLIERS, n, 64);
	(void)round_trip(n, 64, 0, &len);
	ok(len <= n, "small counters with outliers take %zu", len);
}

static uint8_t
kind_of(size_t n, unsigned flags)
{
	struct gdi_buf b = {0};
	uint8_t kind;

	gdi_encode(v, n, flags, &b);
	kind = b.p[0];
	gdi_buf_free(&b);
	return kind;
}

/* Where a dictionary pays it is not ruled out by what the encoder looks at
 * before it makes one. */
static void
test_dictionaries(void)
{
	const size_t n = GDI_CHUNK_ROWS;
	uint64_t few[256];

	for (size_t i = 0; i < n; i++)
		v[i] = tap_random(&seed);
	for (size_t i = 0; i < n; i++)
		v[i] = v[tap_random(&seed) % n];
	is_int(kind_of(n, GDI_ENCODE_DICT), GDI_DICT,
	    "half of the values differ, and are wide");
	for (size_t i = 0; i < 256; i++)
		few[i] = tap_random(&seed) % 4096;
	/* every one occurs, and nine of ten times one of a few */
	for (size_t i = 0; i < n; i++)
		v[i] = i % 10 ? few[tap_random(&seed) % 4] : few[i % 256];
	is_int(kind_of(n, GDI_ENCODE_DICT), GDI_DICT,
	    "most are four, wherever these lie");
	for (size_t i = 0; i < n; i++)
		v[i] = i % 10 ? few[tap_random(&seed) % 16] :
				tap_random(&seed) % 4096;
	is_int(kind_of(n, GDI_ENCODE_DICT), GDI_DICT,
	    "all of a range, but mostly sixteen of it");
}

/* ---- addresses ----------------------------------------------------------- */

static bool
addr_trip(const struct godb_addr6 *a, size_t n, unsigned flags)
{
	struct godb_addr6 *out = malloc(n * sizeof(*out));
	struct gdi_scratch s = {0};
	struct gdi_buf b = {0};
	struct gdi_in in;
	uint8_t *p;
	bool same;

	gdi_encode_addr6(a, n, flags, &b);
	p = framed(b.p, b.len);
	in = (struct gdi_in){p, p + b.len, false};
	same = b.rc == 0 && gdi_decode_addr6(&in, n, out, &s) == 0 &&
	    in.p == in.end && memcmp(a, out, n * sizeof(*out)) == 0;
	gdi_scratch_free(&s);
	gdi_buf_free(&b);
	free(out);
	free(p);
	return same;
}

static void
test_addresses(void)
{
	static struct godb_addr6 a[GDI_CHUNK_ROWS];
	static const size_t sizes[] = {1, 2, 16, 17, 1000, 65536};
	size_t bad = 0;

	for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++)
		for (int kind = 0; kind < 4; kind++)
			for (unsigned f = 0; f < 4; f++) {
				for (size_t i = 0; i < sizes[s]; i++) {
					uint64_t r = tap_random(&seed);

					a[i].hi = kind == 0 ? r :
					    kind == 1 ? UINT64_C(0x20010db8) :
					    kind == 2 ? r % 3 : i / 4;
					a[i].lo = kind == 2 ? r % 5 :
					    kind == 3	    ? i / 3 :
							      ~r;
				}
				bad += !addr_trip(a, sizes[s], f);
			}
	is_int(bad, 0, "IPv6 addresses: random, one prefix, few, sorted");
}

static uint8_t
addr_kind(const struct godb_addr6 *a, size_t n)
{
	struct gdi_buf b = {0};
	uint8_t kind;

	gdi_encode_addr6(a, n, GDI_ENCODE_DICT, &b);
	kind = b.p[0];
	gdi_buf_free(&b);
	return kind;
}

static void
test_address_dictionaries(void)
{
	static struct godb_addr6 a[GDI_CHUNK_ROWS];
	const size_t n = GDI_CHUNK_ROWS;

	for (size_t i = 0; i < n; i++)
		a[i] = (struct godb_addr6){tap_random(&seed),
			tap_random(&seed)};
	is_int(addr_kind(a, n), GDI_ADDR_PAIR, "all addresses differ");
	for (size_t i = 0; i < n; i++)
		a[i] = a[tap_random(&seed) % n];
	is_int(addr_kind(a, n), GDI_ADDR_DICT, "half of them do");
}

/* A code is below the number of addresses. */
static void
test_address_codes(void)
{
	struct godb_addr6 out[9];

	for (unsigned code = 1; code < 3; code++) {
		const uint8_t dict[] = {GDI_ADDR_DICT, 2, GDI_CONST, 7,
		    GDI_CONST, 8, GDI_CONST, (uint8_t)code};
		uint8_t *p = framed(dict, sizeof(dict));
		struct gdi_in in = {p, p + sizeof(dict), false};
		struct gdi_scratch s = {0};

		is_int(gdi_decode_addr6(&in, 9, out, &s),
		    code == 1 ? 0 : GODB_EDAMAGED, "address %u of two", code);
		gdi_scratch_free(&s);
		free(p);
	}
}

/* ---- values alone -------------------------------------------------------- */

static int
order_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int
order_addr6(const void *a, const void *b)
{
	const struct godb_addr6 *x = a, *y = b;

	return x->hi != y->hi ? (x->hi > y->hi) - (x->hi < y->hi)
			      : (x->lo > y->lo) - (x->lo < y->lo);
}

/* Sorted, each once. */
static size_t
settle(void *list, size_t n, size_t size,
    int (*order)(const void *, const void *))
{
	uint8_t *p = list;
	size_t kept = 0;

	qsort(p, n, size, order);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || order(p + (kept - 1) * size, p + i * size))
			memmove(p + kept++ * size, p + i * size, size);
	return kept;
}

/* What gdi_distinct32 finds is what decoding finds; fewer: *fewer. */
static bool
same_values(size_t n, unsigned flags, bool *fewer)
{
	static uint32_t all[GDI_CHUNK_ROWS], some[GDI_CHUNK_ROWS];
	struct gdi_scratch scratch = {0};
	struct gdi_buf b = {0};
	struct gdi_in in;
	uint8_t *p;
	size_t n_some = 0, n_all;
	int rc;

	gdi_encode(v, n, flags, &b);
	p = framed(b.p, b.len);
	in = (struct gdi_in){p, p + b.len, false};
	rc = gdi_distinct32(&in, n, some, &n_some, &scratch);
	for (size_t i = 0; i < n; i++)
		all[i] = (uint32_t)v[i];
	n_all = settle(all, n, sizeof(*all), order_u32);
	*fewer |= n_some < n;
	n_some = settle(some, n_some, sizeof(*some), order_u32);
	free(p);
	gdi_buf_free(&b);
	gdi_scratch_free(&scratch);
	return rc == 0 && n_some == n_all &&
	    memcmp(all, some, n_all * sizeof(*all)) == 0;
}

static bool
same_addresses(struct godb_addr6 *a, size_t n, bool *fewer)
{
	static struct godb_addr6 some[1000];
	struct gdi_scratch scratch = {0};
	struct gdi_buf b = {0};
	struct gdi_in in;
	uint8_t *p;
	size_t n_some = 0;
	int rc;

	gdi_encode_addr6(a, n, GDI_ENCODE_DICT, &b);
	p = framed(b.p, b.len);
	in = (struct gdi_in){p, p + b.len, false};
	rc = gdi_distinct_addr6(&in, n, some, &n_some, &scratch);
	*fewer |= n_some < n;
	n = settle(a, n, sizeof(*a), order_addr6);
	n_some = settle(some, n_some, sizeof(*some), order_addr6);
	free(p);
	gdi_buf_free(&b);
	gdi_scratch_free(&scratch);
	return rc == 0 && n_some == n && memcmp(a, some, n * sizeof(*a)) == 0;
}

static void
test_distinct(void)
{
	size_t bad = 0, bad6 = 0;
	bool fewer = false, fewer6 = false;

	for (int shape = 0; shape < N_SHAPES; shape++)
		for (size_t n = 1; n < 3000; n = n * 3 / 2 + 1)
			for (unsigned flags = 0; flags < 4; flags++) {
				make((enum shape)shape, n, 32);
				bad += !same_values(n, flags, &fewer);
			}
	for (size_t n = 1; n <= 1000; n = n * 3 / 2 + 1)
		for (int kind = 0; kind < 3; kind++) {
			static struct godb_addr6 a[1000];

			for (size_t i = 0; i < n; i++)
				a[i] = (struct godb_addr6){
				    kind ? rnd(3) : tap_random(&seed),
				    kind == 1 ? rnd(5) : tap_random(&seed)};
			bad6 += !same_addresses(a, n, &fewer6);
		}
	is_int(bad, 0, "values alone are those of the rows");
	is_int(bad6, 0, "and of IPv6");
	ok(fewer && fewer6, "and often fewer");
}

/* ---- hostile bytes ------------------------------------------------------- */

static void
test_hostile(void)
{
	static const unsigned widths[] = {8, 16, 32, 64};
	size_t cut = 0, refused = 0, served = 0;

	for (int shape = 0; shape < N_SHAPES; shape++)
		for (int round = 0; round < 60; round++) {
			unsigned bits = widths[rnd(4)];
			size_t n = 1 + rnd(200);
			uint64_t *out = malloc(n * 8);
			uint32_t *some = malloc(n * 4);
			struct gdi_scratch scratch = {0};
			struct gdi_buf b = {0};
			struct gdi_in in;
			size_t n_some;
			uint8_t *p;
			bool all;

			make((enum shape)shape, n, bits);
			gdi_encode(v, n, (unsigned)rnd(4), &b);
			for (size_t len = 0; len < b.len; len++) {
				p = framed(b.p, len);
				cut += decode(p, len, bits, n, out, &all) == 0;
				free(p);
			}
			for (int flip = 0; flip < 100; flip++) {
				p = framed(b.p, b.len);
				p[rnd(b.len)] ^= (uint8_t)(1 + rnd(255));
				if (decode(p, b.len, bits, n, out, &all) == 0)
					served++;
				else
					refused++;
				/* of which only that it stays in bounds */
				in = (struct gdi_in){p, p + b.len, false};
				(void)gdi_distinct32(&in, n, some, &n_some,
				    &scratch);
				free(p);
			}
			gdi_buf_free(&b);
			gdi_scratch_free(&scratch);
			free(out);
			free(some);
		}
	is_int(cut, 0, "an array that is cut short is refused");
	ok(refused > 0 && served > 0,
	    "flipped bytes: %zu refused, %zu other values", refused, served);
}

static int
decode_text(const char *bytes, size_t len, size_t n)
{
	uint8_t *p = framed((const uint8_t *)bytes, len);
	uint64_t *out = malloc(n * 8 + 8);
	bool all;
	int rc = decode(p, len, 64, n, out, &all);

	free(out);
	free(p);
	return rc;
}

static void
test_crafted(void)
{
	char deep[64];

	is_int(decode_text("", 0, 1), GODB_EDAMAGED, "nothing");
	is_int(decode_text("\x07", 1, 1), GODB_EDAMAGED, "unknown kind");
	is_int(decode_text("\x02\x39\x00", 3, 1), GODB_EDAMAGED, "width 57");
	is_int(decode_text("\x02\x41\x00", 3, 1), GODB_EDAMAGED, "width 65");
	is_int(decode_text("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11,
		   1),
	    GODB_EDAMAGED, "number of more than 64 bits");
	is_int(decode_text("\x03\x00\x00\x05\x01\x00\x01\x01", 8, 4),
	    GODB_EDAMAGED, "more exceptions than rows");
	is_int(decode_text("\x03\x00\x00\x01\x01\x04\x01\x01", 8, 4),
	    GODB_EDAMAGED, "exception behind the last row");
	is_int(decode_text("\x05\x05\x01\x00\x01\x00", 6, 4), GODB_EDAMAGED,
	    "dictionary larger than its rows");
	is_int(decode_text("\x05\x01\x01\x09\x01\x01", 6, 4), GODB_EDAMAGED,
	    "code beyond the dictionary");
	is_int(decode_text("\x06\x02\x00\x01\x09", 5, 4), GODB_EDAMAGED,
	    "steps that the map does not have");
	is_int(decode_text("\x06\x02\x03\x01\x09", 5, 4), GODB_EDAMAGED,
	    "a step before the first row");
	for (size_t i = 0; i + 1 < sizeof(deep); i += 2) {
		deep[i] = GDI_DELTA;
		deep[i + 1] = 1;
	}
	is_int(decode_text(deep, sizeof(deep), 60), GODB_EDAMAGED,
	    "arrays nested too deep");
	is_int(decode_text("\x01\x00", 2, 0), GODB_EDAMAGED, "no rows");
}

/* Numbers around both ends of every sign, constant, rising, falling. */
static void
test_shape(void)
{
	static const uint64_t base[] = {0, 1, UINT64_C(1) << 31, INT64_MAX - 3,
		UINT64_C(1) << 63, UINT64_MAX - 9};
	unsigned bad = 0, rising = 0;

	for (unsigned i = 0; i < 20000; i++) {
		size_t n = 1 + rnd(40);
		unsigned range = 1 + (unsigned)rnd(9);
		struct gdi_shape a, b;

		for (size_t k = 0; k < n; k++)
			v[k] = base[i % 6] + rnd(range) + (i % 7 ? 0 : k) -
			    (i % 11 ? 0 : k);
		if (i % 5 == 0)
			v[rnd(n)] = rnd(UINT64_MAX);
		a = gdi_shape_of(v, n);
		b = gdi_shape_of_plain(v, n);
		bad += a.min != b.min || a.max != b.max ||
		    a.changes != b.changes || a.ascending != b.ascending;
		rising += a.ascending && a.changes > 0;
	}
	ok(bad == 0 && rising > 100, "the shape of numbers, fast and plain");
}

int
main(void)
{
	seed = tap_seed(20261124);
	test_shape();
	test_round_trips();
	test_widths();
	test_patch_widths();
	test_patch_ascending();
	test_sizes();
	test_dictionaries();
	test_addresses();
	test_address_dictionaries();
	test_address_codes();
	test_distinct();
	test_hostile();
	test_crafted();
	return tap_done();
}
