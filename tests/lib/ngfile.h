/*
 * ngfile - pcapng files made block by block in `file`, in either byte order
 * (draft-ietf-opsawg-pcapng).
 */
#ifndef TESTS_LIB_NGFILE_H
#define TESTS_LIB_NGFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { IDB = 1, PB = 2, SPB = 3, NRB = 4, ISB = 5, EPB = 6, SHB = 0x0a0d0d0a };
enum { ETHER = 1, RAW = 101, SLL = 113, USB = 189, NFLOG = 239 };

static uint8_t file[8 << 20];
static size_t file_n;
static bool swapped;

/* The n low bytes of v, in the section's order. */
static inline void
put(uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		file[file_n++] = (uint8_t)(v >> 8 * (swapped ? n - 1 - i : i));
}

static inline size_t
begin(uint32_t type)
{
	size_t at = file_n;

	put(type, 4);
	put(0, 4);
	return at;
}

static inline void
end(size_t at)
{
	while (file_n % 4)
		file[file_n++] = 0;
	put(file_n + 4 - at, 4);
	memcpy(file + at + 4, file + file_n - 4, 4);
}

static inline void
section(bool swap, uint16_t major, uint16_t minor)
{
	size_t at;

	swapped = swap;
	at = begin(SHB);
	put(0x1a2b3c4d, 4);
	put(major, 2);
	put(minor, 2);
	put(UINT32_MAX, 4);
	put(UINT32_MAX, 4);
	end(at);
}

/* A file of one section so far. */
static inline void
start(bool swap)
{
	file_n = 0;
	section(swap, 1, 0);
}

/* resolution: -1 without, offset: 0 without. */
static inline void
iface(uint16_t link, uint32_t snaplen, int resolution, int64_t offset)
{
	size_t at = begin(IDB);

	put(link, 2);
	put(0, 2);
	put(snaplen, 4);
	if (resolution >= 0) {
		put(9, 2);
		put(1, 2);
		file[file_n++] = (uint8_t)resolution;
		file_n += 3;
	}
	if (offset != 0) {
		put(14, 2);
		put(8, 2);
		put((uint64_t)offset, 8);
	}
	if (resolution >= 0 || offset != 0)
		put(0, 4);
	end(at);
}

static inline void
data(uint32_t n, uint32_t seed)
{
	for (uint32_t i = 0; i < n; i++)
		file[file_n++] = (uint8_t)(seed * 31 + i);
}

static inline void
option(uint16_t code, uint64_t value)
{
	put(code, 2);
	put(8, 2);
	put(value, 8);
}

static inline size_t
begin_packet(uint32_t number, uint64_t units, uint32_t caplen, uint32_t len)
{
	size_t at = begin(EPB);

	put(number, 4);
	put((uint32_t)(units >> 32), 4);
	put((uint32_t)units, 4);
	put(caplen, 4);
	put(len, 4);
	data(caplen, (uint32_t)units);
	return at;
}

static inline void
packet(uint32_t number, uint64_t units, uint32_t caplen, uint32_t len)
{
	end(begin_packet(number, units, caplen, len));
}

/* Whose interface lost that many since the one before. */
static inline void
packet_behind(uint64_t lost, uint32_t number, uint64_t units, uint32_t caplen)
{
	size_t at = begin_packet(number, units, caplen, caplen);

	while (file_n % 4)
		file[file_n++] = 0xee;
	put(2, 2); /* flags */
	put(4, 2);
	put(1, 4);
	option(4, lost);
	put(0, 4);
	end(at);
}

/* What the interface has lost so far: by itself, by the system. */
static inline void
statistics(uint32_t number, uint64_t by_iface, uint64_t by_os)
{
	size_t at = begin(ISB);

	put(number, 4);
	put(0, 8);
	option(4, 1000);
	option(5, by_iface);
	option(7, by_os);
	option(8, 900);
	put(0, 4);
	end(at);
}

static inline void
old_packet(uint16_t number, uint64_t units, uint32_t caplen, uint32_t len)
{
	size_t at = begin(PB);

	put(number, 2);
	put(7, 2); /* lost before it */
	put((uint32_t)(units >> 32), 4);
	put((uint32_t)units, 4);
	put(caplen, 4);
	put(len, 4);
	data(caplen, (uint32_t)units);
	end(at);
}

static inline void
simple(uint32_t kept, uint32_t len)
{
	size_t at = begin(SPB);

	put(len, 4);
	data(kept, len);
	end(at);
}

static inline void
other(uint32_t type, uint32_t n)
{
	size_t at = begin(type);

	data(n, type);
	end(at);
}

/* A packet of each kind from two interfaces, another section, losses: 14. */
static inline void
put_some(bool swap)
{
	start(swap);
	iface(ETHER, 128, 9, 3);
	iface(ETHER, 128, -1, 0);
	for (uint32_t i = 0; i < 4; i++) {
		packet(i % 2, i * 1000, i * 20, i * 20 + 5);
		other(NRB, i * 4);
		old_packet(0, i, i * 5, 100);
		simple(i, i);
	}
	packet_behind(3, 1, 5000, 7);
	statistics(1, 2, 5);
	section(swap, 1, 0);
	iface(ETHER, 128, -1, 0);
	packet(0, 5, 9, 9);
}

#endif
