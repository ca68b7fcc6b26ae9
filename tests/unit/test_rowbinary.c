/* RowBinary by its bytes; literals that cannot be left. */
#include "querier/export/rowbinary.h"
#include "tests/tap.h"

static void
test_numbers(void)
{
	static const uint8_t want[] = {0x7f, 0x34, 0x12, 0x78, 0x56, 0x34,
		0x12, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01};
	uint8_t got[32], *p = got;

	p = rowbinary_u8(p, 0x7f);
	p = rowbinary_u16(p, 0x1234);
	p = rowbinary_u32(p, 0x12345678);
	p = rowbinary_u64(p, UINT64_C(0x0123456789abcdef));
	is_int(p - got, sizeof(want), "length of numbers");
	ok(memcmp(got, want, sizeof(want)) == 0, "numbers are little-endian");
}

static void
test_strings(void)
{
	char text[400];
	uint8_t got[512], *p;

	p = rowbinary_string(got, "abc");
	ok(p - got == 4 && memcmp(got, "\3abc", 4) == 0, "a short string");
	p = rowbinary_string(got, "");
	ok(p - got == 1 && got[0] == 0, "an empty string");
	memset(text, 'x', sizeof(text));
	text[127] = '\0';
	p = rowbinary_string(got, text);
	ok(p - got == 128 && got[0] == 127, "127 bytes have a length of one");
	text[127] = 'x';
	text[200] = '\0';
	p = rowbinary_string(got, text);
	ok(p - got == 202 && got[0] == 0xc8 && got[1] == 1,
	    "200 bytes have a length of two (LEB128)");
	text[200] = 'x';
	text[399] = '\0';
	p = rowbinary_string(got, text);
	ok(p - got == 257 && got[0] == 0xff && got[1] == 1,
	    "what is longer is cut at 255");
}

static void
test_addresses(void)
{
	static const uint8_t four[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff,
		0xff, 10, 1, 2, 3};
	static const uint8_t six[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 1};
	const struct godb_addr6 a = {UINT64_C(0x20010db800000000), 1};
	uint8_t got[16];

	(void)rowbinary_addr4(got, 0x0a010203);
	ok(memcmp(got, four, 16) == 0, "10.1.2.3 is ::ffff:10.1.2.3");
	(void)rowbinary_addr6(got, &a);
	ok(memcmp(got, six, 16) == 0, "2001:db8::1 in network order");
}

static void
test_literals(void)
{
	char got[64];

	(void)rowbinary_literal(got, sizeof(got), "eth0");
	is_str(got, "'eth0'", "a plain literal");
	(void)rowbinary_literal(got, sizeof(got), "a' OR 1 --");
	is_str(got, "'a\\x27 OR 1 --'", "a quote stays inside");
	(void)rowbinary_literal(got, sizeof(got), "\\");
	is_str(got, "'\\x5c'", "a backslash stays one");
	(void)rowbinary_literal(got, sizeof(got), "a\nb\x7f");
	is_str(got, "'a\\x0ab\\x7f'", "control characters");
	for (size_t size = 3; size < 20; size++) {
		size_t n = rowbinary_literal(got, size, "''''''''");

		ok(n < size && got[0] == '\'' && got[n - 1] == '\'' &&
			got[n] == '\0' && n % 4 == 2,
		    "cut to %zu bytes it is closed, no escape torn", size);
	}
}

static void
test_ids(void)
{
	uint8_t id[16], back[16];
	char hex[33];

	for (unsigned i = 0; i < 16; i++)
		id[i] = (uint8_t)(i * 17);
	rowbinary_hex(hex, id);
	is_str(hex, "00112233445566778899aabbccddeeff", "hex");
	ok(rowbinary_unhex(back, hex, 32) == 0 && memcmp(id, back, 16) == 0,
	    "and back");
	ok(rowbinary_unhex(back, "00112233445566778899AABBCCDDEEFF", 32) == 0 &&
		memcmp(id, back, 16) == 0, "capitals");
	ok(rowbinary_unhex(back, hex, 31) < 0, "31 digits are none");
	hex[5] = 'g';
	ok(rowbinary_unhex(back, hex, 32) < 0, "g is no digit");
}

int
main(void)
{
	test_numbers();
	test_strings();
	test_addresses();
	test_literals();
	test_ids();
	return tap_done();
}
