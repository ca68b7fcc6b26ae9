/*
 * units - amounts as text for people: two decimals, a step taken while the
 * value is strictly greater than the base, on a copy that is divided as an
 * integer.
 */
#ifndef UNITS_H
#define UNITS_H

#include <stdint.h>

#define UNITS_TEXT_MAX 64

/* Both together; 2^64 - 1 where that is too much. */
uint64_t units_sum(uint64_t a, uint64_t b);

/* Steps of 1000: "12.34 k". */
void units_packets(uint64_t v, char out[UNITS_TEXT_MAX]);
/* Steps of 1024: "12.34 kB". */
void units_bytes(uint64_t v, char out[UNITS_TEXT_MAX]);

#endif
