/*
 * plan - what a question reads: parts of a scan, and roll-ups in place of
 * those that they sum.
 *
 * A roll-up is taken where the answer stays the same to the byte: the question
 * is not about single rows of blocks, unless the roll-up has these as they are,
 * or times within the roll-up, and every record that it lists is a part of the
 * scan.  Parts that it does not list are read beside it.
 */
#ifndef GODB_PLAN_H
#define GODB_PLAN_H

#include "common/godb/godb.h"
#include "common/godb/rollup_kind.h"

#include <string.h>

/* Records, of blocks or roll-ups, that were found not to hold. */
struct gdi_left_out {
	uint8_t (*id)[16];
	size_t n;
};

static inline bool
gdi_is_left_out(const struct gdi_left_out *l, const uint8_t id[16])
{
	for (size_t i = 0; i < l->n; i++)
		if (memcmp(l->id[i], id, 16) == 0)
			return true;
	return false;
}

struct gdi_plan_opts {
	bool rollups; /* whether they may be used */
	/* Whether the question lets a row stand for several: none of its
	 * conditions looks at a row's counters, and nothing counts rows. */
	bool sums;
	uint32_t columns; /* GODB_COL bits that the question looks at */
	bool by_time; /* grouped by it; bin, bin_arg: see godb_query_opts */
	int64_t (*bin)(void *arg, int64_t slot_s);
	void *bin_arg;
	const struct gdi_left_out *left_out; /* these are not used */
	struct godb_pool *pool; /* reads for it; NULL: the caller's thread */
};

struct gdi_rollup;

/* Whether a roll-up may stand for the records that it lists, if all of them
 * are to be read. */
bool gdi_plan_suits(const struct gdi_plan_opts *o, const struct gdi_rollup *r);

struct gdi_plan;
struct gdi_scan_part;

/* Borrows the scan.  0; 1: of a day that the scan has as a roll-up, that does
 * not suit the question or is left out; -ENOMEM. */
int gdi_plan_new(const struct godb_scan *s, const struct gdi_plan_opts *opts,
    struct gdi_plan **out);
void gdi_plan_free(struct gdi_plan *p); /* accepts NULL */

/* What is read, in the order of the parts that it is about: how many, and the
 * number of the i-th as a cursor knows it (gdi_cursor_rolled). */
size_t gdi_plan_n(const struct gdi_plan *p);
size_t gdi_plan_part(const struct gdi_plan *p, size_t i);
/* Part or roll-up of such a number. */
const struct godb_part *gdi_plan_get(const struct gdi_plan *p, size_t number);

/* Roll-ups that are used, for a cursor; NULL and 0: none. */
const struct gdi_scan_part *gdi_plan_rolled(const struct gdi_plan *p,
    size_t *n);

/* The kind of a roll-up, of such a number. */
enum gdi_rollup_kind gdi_plan_kind(const struct gdi_plan *p, size_t number);

/* How many there would be but for those left out. */
size_t gdi_plan_n_left_out(const struct gdi_plan *p);

#endif
