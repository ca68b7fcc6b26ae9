/*
 * sort - radix sorts of integer keys: time linear in the rows whatever the
 * keys are, which strangers choose.
 */
#ifndef GODB_SORT_H
#define GODB_SORT_H

#include <stddef.h>
#include <stdint.h>

/* Ascending, stable.  0 or -ENOMEM (then the order is unchanged). */
int gdi_sort_u64(uint64_t *v, size_t n);
/* The same for words whose low 16 bits ascend already: those are not looked
 * at. */
int gdi_sort_upper48(uint64_t *v, size_t n);

/* An open block's rows (aggregate.h): the key, then what moves with it. */
struct gdi_row4 {
	uint64_t k[2];
	uint32_t counter[4];
};
struct gdi_row6 {
	uint64_t k[5];
	uint32_t counter[4];
};

/* Ascending by k, equal ones in any order; the result lies in `to`, v holds
 * anything then.  Both have room for n rows. */
void gdi_sort_row4(struct gdi_row4 *v, struct gdi_row4 *to, size_t n);
void gdi_sort_row6(struct gdi_row6 *v, struct gdi_row6 *to, size_t n);

/* The same in place, with the help of memory for GDI_SORT_PART rows. */
#define GDI_SORT_PART 32768
void gdi_sort_row4_in_place(struct gdi_row4 *v, struct gdi_row4 *part,
    size_t n);
void gdi_sort_row6_in_place(struct gdi_row6 *v, struct gdi_row6 *part,
    size_t n);

#endif
