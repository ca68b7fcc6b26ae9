/*
 * encode - a column's values to few bytes and back (FORMAT.md, "Arrays").
 *
 * An array is self-describing; arrays nest (a dictionary holds two).  All of
 * them rest on one primitive, numbers of a fixed bit width side by side, which
 * a branch-free loop unpacks.
 *
 * Decoding trusts nothing: lengths, counts, codes and depth are checked, and
 * memory comes from the caller.  It does not check values against a checksum;
 * block does.
 */
#ifndef GODB_ENCODE_H
#define GODB_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/godb/godb.h"
#include "common/godb/shape.h"
#include "common/godb/wire.h"

#define GDI_CHUNK_ROWS 65536u /* rows of a chunk, at most */
#define GDI_DEPTH_MAX  5      /* arrays within arrays */
#define GDI_SLACK      32     /* readable bytes behind any decoder input */

enum gdi_array_kind {
	GDI_CONST = 1, /* one value */
	GDI_PACK = 2,  /* base + bit-packed differences */
	GDI_PATCH = 3, /* the same, with the high bits of a few apart */
	GDI_DELTA = 4, /* first value, then an array of differences */
	GDI_DICT = 5,  /* array of values, array of codes */
	GDI_STEP = 6,  /* bit map of changes, array of values */
	GDI_ADDR_PAIR = 16, /* addresses: array of high, array of low halves */
	GDI_ADDR_DICT = 17, /* the same for a dictionary, array of codes */
};

/* ---- encoding ---------------------------------------------------------- */

enum gdi_encode_flags {
	GDI_ENCODE_BYTES = 1, /* whole bytes only: food for lz4 */
	GDI_ENCODE_DICT = 2,  /* try a dictionary */
};

/* Appends n (1 to GDI_CHUNK_ROWS) values as the smallest array found;
 * allocation failure stays in out->rc.  Who knows their shape may say it. */
void gdi_encode(const uint64_t *v, size_t n, unsigned flags,
    struct gdi_buf *out);
void gdi_encode_shaped(const uint64_t *v, size_t n,
    const struct gdi_shape *shape, unsigned flags, struct gdi_buf *out);
void gdi_encode_addr6(const struct godb_addr6 *v, size_t n, unsigned flags,
    struct gdi_buf *out);

/* ---- decoding ---------------------------------------------------------- */

/* Memory for intermediate arrays; grows as needed, freed by the owner. */
struct gdi_scratch {
	uint8_t *p;
	size_t cap, used;
};
void gdi_scratch_free(struct gdi_scratch *s);

/*
 * Decode exactly n (<= GDI_CHUNK_ROWS) values from `in`, which moves behind
 * the array.  GDI_SLACK bytes behind in->end are readable (their values do
 * not matter).  0, GODB_EDAMAGED, -ENOMEM; then out holds anything.
 */
int gdi_decode8(struct gdi_in *in, size_t n, uint8_t *out,
    struct gdi_scratch *s);
int gdi_decode16(struct gdi_in *in, size_t n, uint16_t *out,
    struct gdi_scratch *s);
int gdi_decode32(struct gdi_in *in, size_t n, uint32_t *out,
    struct gdi_scratch *s);
int gdi_decode64(struct gdi_in *in, size_t n, uint64_t *out,
    struct gdi_scratch *s);
int gdi_decode_addr6(struct gdi_in *in, size_t n, struct godb_addr6 *out,
    struct gdi_scratch *s);

/*
 * Decode the values of a few rows alone, to their places in out; what stands
 * at the others is undefined, and out has room for all n.  Rows ascend, none
 * comes twice, all are below n; there may be none.  `in` moves behind the array
 * all the same.  Of damage this sees what it has to look at.
 *
 * gdi_is_few: whether it pays; where it does not, all are decoded.  Measured
 * in blocks of some hundred rows: of one row in 32 the counters cost as much
 * as all of them do, addresses two thirds.
 */
struct gdi_sel {
	const uint32_t *row;
	size_t n;
};
#define GDI_FEW_SHARE 32
static inline bool
gdi_is_few(const struct gdi_sel *sel, size_t n)
{
	return sel->n * GDI_FEW_SHARE < n;
}
int gdi_decode_some8(struct gdi_in *in, size_t n, const struct gdi_sel *sel,
    uint8_t *out, struct gdi_scratch *s);
int gdi_decode_some16(struct gdi_in *in, size_t n, const struct gdi_sel *sel,
    uint16_t *out, struct gdi_scratch *s);
int gdi_decode_some32(struct gdi_in *in, size_t n, const struct gdi_sel *sel,
    uint32_t *out, struct gdi_scratch *s);
int gdi_decode_some64(struct gdi_in *in, size_t n, const struct gdi_sel *sel,
    uint64_t *out, struct gdi_scratch *s);
int gdi_decode_some_addr6(struct gdi_in *in, size_t n,
    const struct gdi_sel *sel, struct godb_addr6 *out, struct gdi_scratch *s);

/*
 * Sets bit `first` + i for each of n rows i that may have a value of `least` or
 * more: some of them may not, none is left out.  Made for few large numbers
 * among many, of which a PATCH keeps the high bits apart: nothing else of it is
 * looked at.  1: the array does not tell, and no bit was set.
 */
int gdi_decode_reaching64(struct gdi_in *in, size_t n, uint64_t least,
    uint64_t *set, size_t first, struct gdi_scratch *s);

/* The numbers whose bits are set in so many words, ascending; how many. */
static inline size_t
gdi_set_list(const uint64_t *set, size_t words, uint32_t *list)
{
	size_t n = 0;

	for (size_t i = 0; i < words; i++)
		for (uint64_t left = set[i]; left != 0; left &= left - 1)
			list[n++] = (uint32_t)(i * 64) +
			    (uint32_t)__builtin_ctzll(left);
	return n;
}

/*
 * The values that an array of n has, each at least once, *n_out (<= n) of
 * them: those of a dictionary or of steps are not laid out row by row.  It may
 * be more than the rows have, for nobody says that each value of a dictionary
 * is used; never less.  What follows the values in the input is not looked at.
 */
int gdi_distinct32(struct gdi_in *in, size_t n, uint32_t *out, size_t *n_out,
    struct gdi_scratch *s);
int gdi_distinct_addr6(struct gdi_in *in, size_t n, struct godb_addr6 *out,
    size_t *n_out, struct gdi_scratch *s);

#endif
