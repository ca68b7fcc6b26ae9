/*
 * shape - what an array of numbers looks like, in one pass: the encoder asks
 * before it tries anything, and a chunk's zone is its range.
 */
#ifndef GODB_SHAPE_H
#define GODB_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gdi_shape {
	uint64_t min, max;
	size_t changes; /* i with v[i] != v[i-1] */
	bool ascending;
};

/* Of n numbers, at least one. */
struct gdi_shape gdi_shape_of(const uint64_t *v, size_t n);
/* The same, number by number. */
struct gdi_shape gdi_shape_of_plain(const uint64_t *v, size_t n);

#endif
