/*
 * arrays: an array that says anything, decoded whole and a few rows alone.
 *
 * The first byte says how wide values are (8, 16, 32, 64 bits; 128: IPv6
 * addresses) and, from bit 3 on, which rows: every so many-th.  Two bytes are
 * the number of rows less 1, little endian; the rest is the array.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/lib/arraybits.h"

#define ROWS_MAX 4096u

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
	} else {
		(void)array_decode_some(&in_some, bits, n, &sel, b, &s);
	}
	gdi_scratch_free(&s);
	free(p);
	free(a);
	free(b);
	return 0;
}
