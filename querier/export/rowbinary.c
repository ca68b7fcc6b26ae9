#include "querier/export/rowbinary.h"

#include <endian.h>
#include <string.h>

uint8_t *
rowbinary_bytes(uint8_t *p, const void *data, size_t len)
{
	memcpy(p, data, len);
	return p + len;
}

uint8_t *
rowbinary_u8(uint8_t *p, uint8_t value)
{
	*p = value;
	return p + 1;
}

uint8_t *
rowbinary_u16(uint8_t *p, uint16_t value)
{
	value = htole16(value);
	return rowbinary_bytes(p, &value, sizeof(value));
}

uint8_t *
rowbinary_u32(uint8_t *p, uint32_t value)
{
	value = htole32(value);
	return rowbinary_bytes(p, &value, sizeof(value));
}

uint8_t *
rowbinary_u64(uint8_t *p, uint64_t value)
{
	value = htole64(value);
	return rowbinary_bytes(p, &value, sizeof(value));
}

uint8_t *
rowbinary_string(uint8_t *p, const char *text)
{
	size_t len = strnlen(text, ROWBINARY_STRING_MAX);

	if (len >= 0x80) { /* LEB128 of up to 255 is two bytes */
		*p++ = (uint8_t)(len | 0x80);
		*p++ = (uint8_t)(len >> 7);
	} else {
		*p++ = (uint8_t)len;
	}
	return rowbinary_bytes(p, text, len);
}

uint8_t *
rowbinary_addr4(uint8_t *p, uint32_t addr)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	addr = htobe32(addr);
	p = rowbinary_bytes(p, mapped, sizeof(mapped));
	return rowbinary_bytes(p, &addr, sizeof(addr));
}

uint8_t *
rowbinary_addr6(uint8_t *p, const struct godb_addr6 *addr)
{
	uint64_t half[2] = {htobe64(addr->hi), htobe64(addr->lo)};

	return rowbinary_bytes(p, half, sizeof(half));
}

size_t
rowbinary_literal(char *to, size_t size, const char *text)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;

	if (size < 3)
		return 0;
	to[n++] = '\'';
	for (; *text && n + 6 < size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c >= 0x20 && c != '\'' && c != '\\' && c != 0x7f) {
			to[n++] = (char)c;
			continue;
		}
		to[n++] = '\\';
		to[n++] = 'x';
		to[n++] = digits[c >> 4];
		to[n++] = digits[c & 15];
	}
	to[n++] = '\'';
	to[n] = '\0';
	return n;
}

void
rowbinary_hex(char to[33], const uint8_t id[16])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < 16; i++) {
		to[2 * i] = digits[id[i] >> 4];
		to[2 * i + 1] = digits[id[i] & 15];
	}
	to[32] = '\0';
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
rowbinary_unhex(uint8_t id[16], const char *text, size_t len)
{
	if (len != 32)
		return -1;
	for (size_t i = 0; i < 16; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		id[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}
