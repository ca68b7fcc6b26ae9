/*
 * unpack - numbers of a fixed bit width side by side, to an array
 * (FORMAT.md, "Bit packing").  Every column rests on this loop.
 *
 * Which code runs is chosen once by CPU; the plain one is public for tests,
 * and so that there is something to be equal to.
 */
#ifndef GODB_UNPACK_H
#define GODB_UNPACK_H

#include <stddef.h>
#include <stdint.h>

/*
 * out[i] = base + i-th number of `width` bits, modulo the element's width.
 * width is at most that of the element, and 0-56 or 64.  As many bytes as the
 * numbers take are read from p, and up to GDI_SLACK behind them.
 */
void gdi_unpack8(const uint8_t *p, unsigned width, uint8_t base, size_t n,
    uint8_t *out);
void gdi_unpack16(const uint8_t *p, unsigned width, uint16_t base, size_t n,
    uint16_t *out);
void gdi_unpack32(const uint8_t *p, unsigned width, uint32_t base, size_t n,
    uint32_t *out);
void gdi_unpack64(const uint8_t *p, unsigned width, uint64_t base, size_t n,
    uint64_t *out);

void gdi_unpack8_plain(const uint8_t *p, unsigned width, uint8_t base,
    size_t n, uint8_t *out);
void gdi_unpack16_plain(const uint8_t *p, unsigned width, uint16_t base,
    size_t n, uint16_t *out);
void gdi_unpack32_plain(const uint8_t *p, unsigned width, uint32_t base,
    size_t n, uint32_t *out);
void gdi_unpack64_plain(const uint8_t *p, unsigned width, uint64_t base,
    size_t n, uint64_t *out);

/*
 * Codes to values: v[i] becomes value[v[i]], with all v[i] below n_values.
 * value is readable for GDI_LOOKUP_FEW elements, whatever n_values is.
 */
#define GDI_LOOKUP_FEW 16u
void gdi_lookup8(const uint8_t *value, size_t n_values, size_t n, uint8_t *v);
void gdi_lookup16(const uint16_t *value, size_t n_values, size_t n,
    uint16_t *v);
void gdi_lookup8_plain(const uint8_t *value, size_t n, uint8_t *v);
void gdi_lookup16_plain(const uint16_t *value, size_t n, uint16_t *v);

/*
 * out[i] = value[k], k being how many of the bits 0 to i of map are set.  For 32
 * bits value is readable for GDI_STEP_SLACK elements behind the last one.
 */
#define GDI_STEP_SLACK 8u
void gdi_steps32(const uint8_t *map, const uint32_t *value, size_t n,
    uint32_t *out);
void gdi_steps8_plain(const uint8_t *map, const uint8_t *value, size_t n,
    uint8_t *out);
void gdi_steps16_plain(const uint8_t *map, const uint16_t *value, size_t n,
    uint16_t *out);
void gdi_steps32_plain(const uint8_t *map, const uint32_t *value, size_t n,
    uint32_t *out);
void gdi_steps64_plain(const uint8_t *map, const uint64_t *value, size_t n,
    uint64_t *out);

#endif
