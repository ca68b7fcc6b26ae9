/*
 * neighbours - rows of a batch to records of their keys and counters: blocks
 * are sorted, so many rows share their key with the one before.
 *
 * Which code runs is chosen by CPU; the plain one is public for tests, and so
 * that there is something to be equal to.
 */
#ifndef GODB_NEIGHBOURS_H
#define GODB_NEIGHBOURS_H

#include "common/godb/grouping.h"

/*
 * One record for neighbours that share their key, whose counters are summed
 * and stay at the top.  A record is a word for the hash, which is left alone,
 * the key's words, the four counters, and as many more numbers as there are:
 * the first of these is how many rows it has if `rows`, the others are 0.  How
 * many records there are is returned; `records` has room for b->n.
 */
size_t gdi_sum_neighbours(const struct gdi_rows_batch *b, unsigned words,
    unsigned numbers, bool rows, uint64_t *records);
size_t gdi_sum_neighbours_plain(const struct gdi_rows_batch *b,
    unsigned words, unsigned numbers, bool rows, uint64_t *records);

#endif
