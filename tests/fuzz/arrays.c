/*
 * arrays: an array that says anything, decoded whole and a few rows alone.
 *
 * The first byte says how wide values are (8, 16, 32, 64 bits; 128: IPv6
 * addresses) and, from bit 3 on, which rows: every so many-th.  Two bytes are
 * the number of rows less 1, little endian; the rest is the array.
 */
#include "common/godb/encode.h"
#include "tests/fuzz/fuzz.h"

#define ROWS_MAX 4096u

static int
decode(unsigned log, struct gdi_in *in, size_t n, void *out,
    struct gdi_scratch *s)
{
	switch (log) {
	case 0:
		return gdi_decode8(in, n, out, s);
	case 1:
		return gdi_decode16(in, n, out, s);
	case 2:
		return gdi_decode32(in, n, out, s);
	case 3:
		return gdi_decode64(in, n, out, s);
	default:
		return gdi_decode_addr6(in, n, out, s);
	}
}

static int
decode_some(unsigned log, struct gdi_in *in, size_t n,
    const struct gdi_sel *sel, void *out, struct gdi_scratch *s)
{
	switch (log) {
	case 0:
		return gdi_decode_some8(in, n, sel, out, s);
	case 1:
		return gdi_decode_some16(in, n, sel, out, s);
	case 2:
		return gdi_decode_some32(in, n, sel, out, s);
	case 3:
		return gdi_decode_some64(in, n, sel, out, s);
	default:
		return gdi_decode_some_addr6(in, n, sel, out, s);
	}
}

FUZZ_TARGET(arrays)
{
	unsigned first = fuzz_byte(&data, &len), log = (first & 7) % 5;
	size_t n = fuzz_byte(&data, &len), size = (size_t)1 << log;
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
	if (decode(log, &in, n, a, &s) == 0) {
		FUZZ_CHECK(decode_some(log, &in_some, n, &sel, b, &s) == 0);
		FUZZ_CHECK(in_some.p == in.p);
		for (size_t i = 0; i < sel.n; i++)
			FUZZ_CHECK(memcmp(a + row[i] * size,
				       b + row[i] * size, size) == 0);
	} else {
		(void)decode_some(log, &in_some, n, &sel, b, &s);
	}
	gdi_scratch_free(&s);
	free(p);
	free(a);
	free(b);
	return 0;
}
