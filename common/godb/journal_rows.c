/*
 * Why it is clever: numbers are stored and loaded eight bytes at a time,
 * whatever their width, and the next one's bytes cover what was too many.
 */
#include "common/godb/journal_rows.h"

enum {
	KEY_BYTES = 5,         /* port, protocol, number of the name */
	KEY_LOW = 0xffffff,    /* port and protocol; then a byte of pad */
	ADDRS4 = 8, ADDRS6 = 32,
};
static_assert(offsetof(struct godb_row4, dport) == ADDRS4 &&
	offsetof(struct godb_row4, proto) == ADDRS4 + 2 &&
	offsetof(struct godb_row4, l7) == ADDRS4 + 4 &&
	offsetof(struct godb_row4, counter) == ADDRS4 + 8,
    "IPv4 rows as words");
static_assert(offsetof(struct godb_row6, dport) == ADDRS6 &&
	offsetof(struct godb_row6, proto) == ADDRS6 + 2 &&
	offsetof(struct godb_row6, l7) == ADDRS6 + 4 &&
	offsetof(struct godb_row6, counter) == ADDRS6 + 8,
    "IPv6 rows as words");

static uint8_t
width_of(uint64_t any)
{
	unsigned zeroes = any == 0 ? 64 : (unsigned)__builtin_clzll(any);

	return (uint8_t)(8 - zeroes / 8);
}

void
gdi_row_widths(const struct godb_batch *b, uint8_t widths[GDI_ROW_COUNTERS])
{
	uint64_t any[GDI_ROW_COUNTERS] = {0};

	for (size_t i = 0; i < b->n4; i++)
		for (int k = 0; k < GDI_ROW_COUNTERS; k++)
			any[k] |= b->rows4[i].counter[k];
	for (size_t i = 0; i < b->n6; i++)
		for (int k = 0; k < GDI_ROW_COUNTERS; k++)
			any[k] |= b->rows6[i].counter[k];
	for (int k = 0; k < GDI_ROW_COUNTERS; k++)
		widths[k] = width_of(any[k]);
}

uint64_t
gdi_rows_bytes(const uint8_t widths[GDI_ROW_COUNTERS], uint64_t n4, uint64_t n6)
{
	uint64_t rest = KEY_BYTES;

	for (int k = 0; k < GDI_ROW_COUNTERS; k++)
		rest += widths[k];
	return n4 * (ADDRS4 + rest) + n6 * (ADDRS6 + rest);
}

static inline __attribute__((always_inline)) uint8_t *
pack_row(const void *row, size_t addrs, const uint8_t widths[GDI_ROW_COUNTERS],
    uint8_t *to)
{
	const uint8_t *from = row;
	uint64_t key = gdi_get64(from + addrs);

	memcpy(to, from, addrs);
	gdi_put64(to + addrs, (key & KEY_LOW) | (key >> 8 & ~(uint64_t)KEY_LOW));
	to += addrs + KEY_BYTES;
	from += addrs + 8;
	for (int k = 0; k < GDI_ROW_COUNTERS; k++, from += 8) {
		gdi_put64(to, gdi_get64(from));
		to += widths[k];
	}
	return to;
}

void
gdi_rows_pack(const struct godb_batch *b,
    const uint8_t widths[GDI_ROW_COUNTERS], uint8_t *to)
{
	for (size_t i = 0; i < b->n4; i++)
		to = pack_row(&b->rows4[i], ADDRS4, widths, to);
	for (size_t i = 0; i < b->n6; i++)
		to = pack_row(&b->rows6[i], ADDRS6, widths, to);
}

static inline __attribute__((always_inline)) const uint8_t *
unpack_row(const uint8_t *from, size_t addrs,
    const uint8_t widths[GDI_ROW_COUNTERS],
    const uint64_t masks[GDI_ROW_COUNTERS], void *row)
{
	uint8_t *to = row;
	uint64_t key = gdi_get64(from + addrs);

	memcpy(to, from, addrs);
	gdi_put64(to + addrs, (key & KEY_LOW) |
		(key & UINT64_C(0xffff000000)) << 8);
	from += addrs + KEY_BYTES;
	to += addrs + 8;
	for (int k = 0; k < GDI_ROW_COUNTERS; k++, to += 8) {
		gdi_put64(to, gdi_get64(from) & masks[k]);
		from += widths[k];
	}
	return from;
}

void
gdi_rows_unpack(const uint8_t *from, const uint8_t widths[GDI_ROW_COUNTERS],
    struct godb_row4 *rows4, size_t n4, struct godb_row6 *rows6, size_t n6)
{
	uint64_t masks[GDI_ROW_COUNTERS];

	for (int k = 0; k < GDI_ROW_COUNTERS; k++)
		masks[k] = widths[k] == 0 ? 0 : UINT64_MAX >> (64 - widths[k] * 8);
	for (size_t i = 0; i < n4; i++)
		from = unpack_row(from, ADDRS4, widths, masks, &rows4[i]);
	for (size_t i = 0; i < n6; i++)
		from = unpack_row(from, ADDRS6, widths, masks, &rows6[i]);
}
