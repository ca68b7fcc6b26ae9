/* A few rows of an array alone are what decoding all of it finds there: arrays
 * of every kind within every other, and bytes that are none. */
#include "tests/lib/arraybits.h"
#include "tests/tap.h"

#define ROWS_MAX 70000u

static uint64_t seed;
static unsigned kinds_seen[32];

static uint64_t
rnd(uint64_t below)
{
	return tap_random(&seed) % below;
}

/* ---- arrays, made up ----------------------------------------------------- */

/* Values of an array: so many bits each, and all below a bound (0: any). */
struct want {
	unsigned bits;
	uint64_t below;
};

static void forge(struct gdi_buf *b, size_t n, struct want w, unsigned depth);

static void
put_random(struct gdi_buf *b, size_t bytes)
{
	while (bytes-- > 0)
		gdi_buf_u8(b, (uint8_t)tap_random(&seed));
}

/* Bits whose numbers are all below the bound. */
static unsigned
bits_below(struct want w)
{
	return w.below == 0 ? w.bits :
			      63u - (unsigned)__builtin_clzll(w.below);
}

static uint64_t
base_below(struct want w)
{
	return w.below == 0 ? tap_random(&seed) >> rnd(64) : 0;
}

static void
forge_pack(struct gdi_buf *b, size_t n, struct want w)
{
	unsigned width = (unsigned)rnd(bits_below(w) + 1u);

	if (width > 56)
		width = width % 2 ? 56 : 64;
	gdi_buf_u8(b, (uint8_t)width);
	gdi_buf_varint(b, base_below(w));
	put_random(b, (n * width + 7) / 8);
}

static void
forge_patch(struct gdi_buf *b, size_t n, struct want w, unsigned depth)
{
	unsigned bits = bits_below(w);
	unsigned width = bits == 0 ? 0 : (unsigned)rnd(bits < 57 ? bits : 57);
	size_t m = 1 + rnd(rnd(2) ? n : (n + 7) / 8);
	struct want gap = {32, (n - m) / m + 1};
	struct want high = {w.bits,
		w.below == 0 ? 0 : UINT64_C(1) << (bits - width)};

	gdi_buf_u8(b, (uint8_t)width);
	gdi_buf_varint(b, base_below(w));
	gdi_buf_varint(b, m);
	put_random(b, (n * width + 7) / 8);
	forge(b, m, gap, depth + 1);
	forge(b, m, high, depth + 1);
}

static void
forge_delta(struct gdi_buf *b, size_t n, struct want w, unsigned depth)
{
	struct want step = {w.bits, w.below == 0 ? 0 : (w.below - 1) / n + 1};

	gdi_buf_varint(b, base_below(w));
	forge(b, n - 1, step, depth + 1);
}

static void
forge_dict(struct gdi_buf *b, size_t n, struct want w, unsigned depth)
{
	size_t most = w.bits == 8 && n > 256 ? 256 : n;
	size_t m = 1 + rnd(rnd(2) ? most : (most + 7) / 8);
	struct want code = {w.bits, m};

	gdi_buf_varint(b, m);
	forge(b, m, w, depth + 1);
	forge(b, n, code, depth + 1);
}

static void
forge_step(struct gdi_buf *b, size_t n, struct want w, unsigned depth)
{
	unsigned often = 1 + (unsigned)rnd(40);
	uint8_t *map = calloc(1, n / 8 + 1);
	size_t m = 1;

	for (size_t i = 1; i < n; i++)
		if (rnd(often) == 0) {
			map[i / 8] |= (uint8_t)(1u << (i % 8));
			m++;
		}
	gdi_buf_varint(b, m);
	gdi_buf_bytes(b, map, (n + 7) / 8);
	free(map);
	forge(b, m, w, depth + 1);
}

static void
forge(struct gdi_buf *b, size_t n, struct want w, unsigned depth)
{
	unsigned kind = GDI_CONST + (unsigned)rnd(GDI_STEP);
	bool flat = kind == GDI_CONST || kind == GDI_PACK;

	if (depth + 1 >= GDI_DEPTH_MAX && !flat)
		kind = GDI_PACK;
	if (kind == GDI_DELTA && n < 2)
		kind = GDI_CONST;
	if (kind == GDI_PATCH && bits_below(w) == 0)
		kind = GDI_CONST;
	kinds_seen[kind]++;
	gdi_buf_u8(b, (uint8_t)kind);
	switch (kind) {
	case GDI_PACK:
		forge_pack(b, n, w);
		break;
	case GDI_PATCH:
		forge_patch(b, n, w, depth);
		break;
	case GDI_DELTA:
		forge_delta(b, n, w, depth);
		break;
	case GDI_DICT:
		forge_dict(b, n, w, depth);
		break;
	case GDI_STEP:
		forge_step(b, n, w, depth);
		break;
	default:
		gdi_buf_varint(b, w.below == 0 ? base_below(w) :
						 rnd(w.below));
	}
}

/* bits 128: IPv6 addresses. */
static void
forge_top(struct gdi_buf *b, size_t n, unsigned bits)
{
	struct want w = {bits == 128 ? 64 : bits, 0};
	struct want code = {32, 1 + rnd(n)};

	if (bits != 128) {
		forge(b, n, w, 0);
	} else if (rnd(2)) {
		gdi_buf_u8(b, GDI_ADDR_PAIR);
		forge(b, n, w, 1);
		forge(b, n, w, 1);
	} else {
		gdi_buf_u8(b, GDI_ADDR_DICT);
		gdi_buf_varint(b, code.below);
		forge(b, code.below, w, 1);
		forge(b, code.below, w, 1);
		forge(b, n, code, 1);
	}
}

/* ---- both ways ----------------------------------------------------------- */

enum { NONE, FIRST, LAST, ENDS, ALL, ONE, RARE, SPARSE, DENSE, N_WAYS };

static size_t
choose(unsigned way, size_t n, uint32_t *row)
{
	unsigned often = way == RARE ? 100 : way == SPARSE ? 33 : 3;
	size_t k = 0;

	if (way == FIRST || way == ENDS)
		row[k++] = 0;
	if (way == LAST || (way == ENDS && n > 1))
		row[k++] = (uint32_t)n - 1;
	if (way == ONE)
		row[k++] = (uint32_t)rnd(n);
	for (size_t i = 0; way >= RARE && i < n; i++)
		if (rnd(often) == 0)
			row[k++] = (uint32_t)i;
	for (size_t i = 0; way == ALL && i < n; i++)
		row[k++] = (uint32_t)i;
	return k;
}

enum outcome { SAME, OTHER, REFUSED };

/* Memory is exactly as large as promised, so that ASan sees one too many. */
static enum outcome
compare(const uint8_t *bytes, size_t len, unsigned bits, size_t n,
    unsigned way)
{
	static uint32_t row[ROWS_MAX];
	size_t size = bits / 8;
	uint8_t *p = malloc(len + GDI_SLACK), *a = malloc(n * size);
	uint8_t *b = malloc(n * size);
	struct gdi_in in = {p, p + len, false}, in_some = in;
	struct gdi_scratch s = {0}, s_some = {0};
	struct gdi_sel sel = {row, choose(way, n, row)};
	enum outcome result = SAME;
	int rc, rc_some;

	memcpy(p, bytes, len);
	memset(p + len, 0xee, GDI_SLACK);
	rc = array_decode(&in, bits, n, a, &s);
	rc_some = array_decode_some(&in_some, bits, n, &sel, b, &s_some);
	if (rc < 0)
		result = rc_some < 0 ? REFUSED : OTHER;
	else if (rc_some < 0 || in.p != in_some.p)
		result = OTHER;
	for (size_t i = 0; rc == 0 && rc_some == 0 && i < sel.n; i++)
		if (memcmp(a + row[i] * size, b + row[i] * size, size) != 0)
			result = OTHER;
	gdi_scratch_free(&s);
	gdi_scratch_free(&s_some);
	free(p);
	free(a);
	free(b);
	/* a damaged array may be refused later, or not, if it was not seen */
	return rc < 0 && result == OTHER ? REFUSED : result;
}

static const unsigned widths[] = {8, 16, 32, 64, 128};

static void
test_forged(unsigned bits)
{
	static const size_t sizes[] = {1, 2, 33, 64, 65, 100, 300, 1160, 5000};
	size_t differ = 0, refused = 0;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (unsigned round = 0; round < 150; round++) {
			size_t n = sizes[i] + (i > 3 ? rnd(9) : 0);
			struct gdi_buf b = {0};

			forge_top(&b, n, bits);
			for (unsigned way = 0; way < N_WAYS; way++) {
				enum outcome o = compare(b.p, b.len, bits, n,
				    way);

				differ += o == OTHER;
				refused += o == REFUSED;
			}
			gdi_buf_free(&b);
		}
	is_int(differ, 0, "few rows are as among all, %u bits", bits);
	is_int(refused, 0, "and none of these arrays is refused");
}

/* ---- large numbers alone ------------------------------------------------- */

/* Of rows that reach so far the bits are set, of all kinds that tell; what is
 * around them stays.  How many bits were set for nothing, or one of these. */
enum { WRONG = -1, UNTOLD = -2 };
static int
reaching(const uint8_t *bytes, size_t len, size_t n, uint64_t least,
    size_t first)
{
	size_t words = (first + n + 63) / 64 + 1;
	uint64_t *set = calloc(words, sizeof(*set)), *v = malloc(n * 8);
	uint8_t *p = malloc(len + GDI_SLACK);
	struct gdi_in in = {p, p + len, false}, all = in;
	struct gdi_scratch s = {0};
	int vain = 0, rc;
	size_t n_set = 0;

	memcpy(p, bytes, len);
	memset(p + len, 0xee, GDI_SLACK);
	(void)gdi_decode64(&all, n, v, &s);
	rc = gdi_decode_reaching64(&in, n, least, set, first, &s);
	for (size_t i = 0; i < words; i++)
		n_set += (size_t)__builtin_popcountll(set[i]);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		bool in_set = set[(first + i) / 64] >> ((first + i) % 64) & 1;

		if (v[i] >= least && !in_set)
			vain = WRONG;
		else if (vain >= 0)
			vain += in_set && v[i] < least;
		n_set -= in_set;
	}
	if (rc < 0 || n_set > 0)
		vain = WRONG;
	gdi_scratch_free(&s);
	free(set);
	free(v);
	free(p);
	return rc == 1 && vain == 0 ? UNTOLD : vain;
}

static void
test_reaching_forged(void)
{
	size_t wrong = 0, told = 0;

	for (unsigned round = 0; round < 4000; round++) {
		size_t n = 1 + rnd(700);
		struct gdi_buf b = {0};

		forge_top(&b, n, 64);
		for (unsigned k = 0; k < 6; k++) {
			uint64_t least = tap_random(&seed) >> rnd(64);
			int vain = reaching(b.p, b.len, n,
			    k == 0 ? rnd(3) : least, rnd(200));

			wrong += vain == WRONG;
			told += vain >= 0;
		}
		gdi_buf_free(&b);
	}
	ok(wrong == 0 && told > 4000,
	    "who reaches so far is found: %zu arrays told, %zu wrong", told,
	    wrong);
}

/* As counters are: most small, some large. */
static void
test_reaching_counters(void)
{
	static uint64_t v[5000];
	static const uint64_t all[] = {1, 10000, 50000, 1000000, 3000000000};
	int vain[5];
	size_t large = 0;
	struct gdi_buf b = {0};

	for (size_t i = 0; i < 5000; i++) {
		v[i] = 40 + (tap_random(&seed) % 4000 >> rnd(12));
		if (rnd(20) == 0)
			v[i] = 5000 + (tap_random(&seed) >> (34 + rnd(16)));
		large += v[i] >= 1000000;
	}
	gdi_encode(v, 5000, 0, &b);
	is_int(b.p[0], GDI_PATCH, "such numbers are a PATCH");
	for (unsigned k = 0; k < 5; k++)
		vain[k] = reaching(b.p, b.len, 5000, all[k], 64);
	ok(vain[0] == UNTOLD, "it does not tell of small ones");
	ok(large > 20 && vain[2] >= 0 && vain[2] < 30 && vain[3] >= 0 &&
		vain[3] < 3 && vain[4] == 0,
	    "of %zu above a million it finds %d too many, above 50000 %d",
	    large, vain[3], vain[2]);
	gdi_buf_free(&b);
}

/* Sixteen rows: numbers of 4 bits above `base`, 0 and then 15, and 1 << 4 more
 * in the last one. */
static void
put_sixteen(struct gdi_buf *b, uint64_t base)
{
	gdi_buf_u8(b, GDI_PATCH);
	gdi_buf_u8(b, 4);
	gdi_buf_varint(b, base);
	gdi_buf_varint(b, 1);
	gdi_buf_u64(b, UINT64_MAX << 4);
	gdi_buf_u8(b, GDI_CONST); /* the gap */
	gdi_buf_varint(b, 15);
	gdi_buf_u8(b, GDI_CONST);
	gdi_buf_varint(b, 1);
}

static void
test_reaching_ends(void)
{
	struct gdi_buf b = {0};

	put_sixteen(&b, 100);
	ok(reaching(b.p, b.len, 16, 131, 0) == 0, "the largest number itself");
	ok(reaching(b.p, b.len, 16, 132, 0) == 0, "one more than it is not");
	ok(reaching(b.p, b.len, 16, 116, 0) == 0, "nor what all others have");
	ok(reaching(b.p, b.len, 16, 115, 0) == UNTOLD, "unless that is many");
	b.len = 0;
	put_sixteen(&b, UINT64_MAX - 3);
	ok(reaching(b.p, b.len, 16, 12, 0) == UNTOLD,
	    "numbers that come round to 0 are not told");
	gdi_buf_free(&b);
}

static void
test_reaching_damaged(void)
{
	size_t refused = 0, cut = 0;

	for (unsigned round = 0; round < 3000; round++) {
		size_t n = 1 + rnd(400);
		uint64_t set[8] = {0};
		struct gdi_buf b = {0};
		struct gdi_scratch s = {0};
		struct gdi_in in;
		uint8_t *p;

		gdi_buf_u8(&b, GDI_PATCH);
		forge_patch(&b, n, (struct want){64, 0}, 0);
		p = malloc(b.len + GDI_SLACK);
		memcpy(p, b.p, b.len);
		memset(p + b.len, 0xee, GDI_SLACK);
		in = (struct gdi_in){p, p + rnd(b.len), false};
		cut += gdi_decode_reaching64(&in, n, UINT64_MAX, set, 0, &s) ==
		    0;
		p[rnd(b.len)] ^= (uint8_t)(1 + rnd(255));
		in = (struct gdi_in){p, p + b.len, false};
		refused += gdi_decode_reaching64(&in, n, UINT64_MAX, set, 0,
			       &s) < 0;
		for (size_t i = (n + 63) / 64; i < 8; i++)
			cut += set[i] != 0;
		gdi_scratch_free(&s);
		gdi_buf_free(&b);
		free(p);
	}
	ok(cut == 0 && refused > 0,
	    "none of an array that is cut short; %zu of 3000 refused", refused);
}

static void
test_large(void)
{
	size_t differ = 0;

	for (unsigned round = 0; round < 60; round++) {
		unsigned bits = widths[round % 5];
		struct gdi_buf b = {0};

		forge_top(&b, GDI_CHUNK_ROWS, bits);
		differ += compare(b.p, b.len, bits, GDI_CHUNK_ROWS,
			      round % N_WAYS) != SAME;
		gdi_buf_free(&b);
	}
	is_int(differ, 0, "and of as many rows as a chunk can have");
}

static void
test_damaged(void)
{
	size_t differ = 0, cut = 0, refused = 0, same = 0;

	for (unsigned round = 0; round < 1500; round++) {
		unsigned bits = widths[rnd(5)], way = (unsigned)rnd(N_WAYS);
		size_t n = 1 + rnd(400);
		struct gdi_buf b = {0};

		forge_top(&b, n, bits);
		for (unsigned k = 0; k < 4; k++)
			cut += compare(b.p, rnd(b.len), bits, n, way) !=
			    REFUSED;
		for (unsigned flip = 0; flip < 25; flip++) {
			/* the head of the array says most */
			size_t at = rnd(flip % 2 || b.len < 8 ? b.len : 8);
			uint8_t was = b.p[at];
			enum outcome o;

			b.p[at] ^= (uint8_t)(1 + rnd(255));
			o = compare(b.p, b.len, bits, n, way);
			b.p[at] = was;
			differ += o == OTHER;
			refused += o == REFUSED;
			same += o == SAME;
		}
		gdi_buf_free(&b);
	}
	is_int(cut, 0, "an array that is cut short is refused");
	is_int(differ, 0, "what decodes whole decodes alike");
	ok(refused > 0 && same > 0, "of flipped bytes %zu, refused %zu", same,
	    refused);
}

/* What a row needs and does not hold is damage. */
static void
test_lookups(void)
{
	static const uint8_t code[] = {GDI_DICT, 2, GDI_CONST, 9, GDI_PACK, 2,
		0, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	static const uint32_t fourth = 3, fifth = 4;
	struct gdi_scratch s = {0};
	uint8_t p[sizeof(code) + GDI_SLACK] = {0};
	uint32_t out[40];
	struct gdi_in in = {p, p + sizeof(code), false};
	struct gdi_sel sel = {&fourth, 1};

	memcpy(p, code, sizeof(code));
	is_int(gdi_decode_some32(&in, 40, &sel, out, &s), GODB_EDAMAGED,
	    "a code beyond the dictionary where it is looked up");
	in = (struct gdi_in){p, p + sizeof(code), false};
	sel.row = &fifth;
	ok(gdi_decode_some32(&in, 40, &sel, out, &s) == 0 && out[4] == 9 &&
		in.p == in.end,
	    "and not where it is not");
	gdi_scratch_free(&s);
}

int
main(void)
{
	bool all = true;

	seed = tap_seed(20261129);
	for (unsigned i = 0; i < 5; i++)
		test_forged(widths[i]);
	for (unsigned kind = GDI_CONST; kind <= GDI_STEP; kind++)
		all &= kinds_seen[kind] > 1000;
	ok(all, "every kind was there");
	test_large();
	test_reaching_forged();
	test_reaching_counters();
	test_reaching_ends();
	test_reaching_damaged();
	test_damaged();
	test_lookups();
	return tap_done();
}
