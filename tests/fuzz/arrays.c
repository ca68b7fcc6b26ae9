/*
 * arrays: an array that says anything, decoded whole, a few rows alone, and
 * asked for those that are as large as the middle one.
 *
 * The first byte says how wide values are (8, 16, 32, 64 bits; 128: IPv6
 * addresses) and, from bit 3 on, which rows: every so many-th.  Two bytes are
 * the number of rows less 1, little endian; the rest is the array.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/lib/arraybits.h"

#define ROWS_MAX 4096u

/* all: what decoded, or NULL */
static void
ask_large(const uint8_t *p, size_t len, size_t n, const uint64_t *all)
{
	struct gdi_in in = {p, p + len, false};
	uint64_t set[ROWS_MAX / 64 + 1] = {0};
	uint64_t least = all ? all[n / 2] : 1 << 20;
	struct gdi_scratch s = {0};
	int rc = gdi_decode_reaching64(&in, n, least, set, 0, &s);

	FUZZ_CHECK(rc >= 0 || !all);
	for (size_t i = 0; rc == 0 && all && i < n; i++)
		FUZZ_CHECK(all[i] < least || set[i / 64] >> (i % 64) & 1);
	for (size_t i = n; i < ROWS_MAX + 64; i++)
		FUZZ_CHECK((set[i / 64] >> (i % 64) & 1) == 0);
	gdi_scratch_free(&s);
}

FUZZ_TARGET(arrays)
{
	unsigned first = fuzz_byte(&data, &len);
	unsigned bits = 8u << (first & 7) % 5;
	size_t n = fuzz_byte(&data, &len), size = bits / 8;
	uint32_t row[ROWS_MAX];
	struct gdi_sel sel = {row, 0};
	struct gdi_scratch s = {0};
	struct gdi_in in, in_some;
	uint8_t *p, *a, *b;

	n = (n | (size_t)fuzz_byte(&data, &len) << 8) % ROWS_MAX + 1;
	for (size_t i = first % 31; i < n; i += 2 * (first >> 3) + 1)
		row[sel.n++] = (uint32_t)i;
	p = malloc(len + GDI_SLACK);
	a = malloc(n * size);
	b = malloc(n * size);
	FUZZ_CHECK(p && a && b);
	memcpy(p, data, len);
	memset(p + len, 0xee, GDI_SLACK);
	in = in_some = (struct gdi_in){p, p + len, false};
	if (array_decode(&in, bits, n, a, &s) == 0) {
		FUZZ_CHECK(array_decode_some(&in_some, bits, n, &sel, b,
			       &s) == 0);
		FUZZ_CHECK(in_some.p == in.p);
		for (size_t i = 0; i < sel.n; i++)
			FUZZ_CHECK(memcmp(a + row[i] * size,
				       b + row[i] * size, size) == 0);
		if (bits == 64)
			ask_large(p, len, n, (uint64_t *)(void *)a);
	} else {
		ask_large(p, len, n, NULL);
		(void)array_decode_some(&in_some, bits, n, &sel, b, &s);
	}
	gdi_scratch_free(&s);
	free(p);
	free(a);
	free(b);
	return 0;
}
