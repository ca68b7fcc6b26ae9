/*
 * checksum - XXH3-64 of everything that is checked, in rings and in the store.
 */
#ifndef GP_CHECKSUM_H
#define GP_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

uint64_t gp_checksum(const void *data, size_t len, uint64_t seed);
/* The same in code for AVX2; only called where the CPU has it. */
uint64_t gp_checksum_avx2(const void *data, size_t len, uint64_t seed);

#endif
