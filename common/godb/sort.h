/*
 * sort - radix sort of wide integer keys: time linear in the rows whatever
 * the keys are, which strangers choose.
 */
#ifndef GODB_SORT_H
#define GODB_SORT_H

#include <stddef.h>
#include <stdint.h>

/* Keys are compared word by word, k[0] first; `row` is carried along. */
struct gdi_key2 {
	uint64_t k[2];
	uint64_t row;
};
struct gdi_key5 {
	uint64_t k[5];
	uint64_t row;
};

/* Ascending, stable.  0 or -ENOMEM (then the order is unchanged). */
int gdi_sort_u64(uint64_t *v, size_t n);
int gdi_sort_key2(struct gdi_key2 *v, size_t n);
int gdi_sort_key5(struct gdi_key5 *v, size_t n);

#endif
