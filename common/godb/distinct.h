/*
 * distinct - the values that an array has, each once: what a dictionary is made
 * of, and whether there are few enough for one.
 */
#ifndef GODB_DISTINCT_H
#define GODB_DISTINCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/godb/godb.h"
#include "common/godb/shape.h"

struct gdi_dict {
	uint64_t *value; /* distinct values, and room for one more */
	uint64_t *code;  /* per row: index into value */
	uint32_t *count; /* rows of each value, and room for one more */
	size_t n;
	/* what code[] still lacks, or NULL */
	uint32_t *code_of; /* by value - min: all of it */
	uint32_t *rank_of; /* by code: what it has become */
	uint64_t min;
};

/* The distinct values ascending, and how many rows each has.  False without
 * memory, and where too many differ for a dictionary to pay.  Freed by
 * gdi_dict_fini in any case. */
bool gdi_dict_init(struct gdi_dict *d, const uint64_t *v, size_t n,
    const struct gdi_shape *s);
void gdi_dict_fini(struct gdi_dict *d);

/* Orders them by frequency, so that most codes are small.  False without
 * memory: then it is of no more use. */
bool gdi_dict_by_count(struct gdi_dict *d);

/* Each row's code, once it is sure that they are wanted: most dictionaries that
 * lose do so before. */
void gdi_dict_codes(struct gdi_dict *d, const uint64_t *v, size_t n);

/* Whether nearly all addresses differ. */
bool gdi_addresses_differ(const struct godb_addr6 *v, size_t n);

#endif
