/*
 * zone - what clocks show in the local time zone, and when they show it.
 *
 * What a clock shows is counted in seconds as if it were UTC.  mktime(3) is no
 * help where clocks go back: which of two moments it takes depends on what it
 * was asked before.
 */
#ifndef ZONE_H
#define ZONE_H

#include <stdint.h>

int64_t zone_clock(int64_t t_s);
/* The first moment at which clocks show that or more: the earlier one of two
 * where clocks go back; the change itself where they skip it. */
int64_t zone_moment(int64_t clock_s);

/*
 * Start of the bin that t_s belongs to.  Bins begin when clocks come to a
 * multiple of bin_s, counted from origin_s, or skip it.  Where clocks go back,
 * bins that are no longer than what is shown twice begin twice, too; a longer
 * one goes on until clocks come to the next multiple.  So each moment is in one
 * bin, none of which begins before the one of an earlier moment.
 */
int64_t zone_bin(int64_t t_s, int64_t bin_s, int64_t origin_s);

#endif
