/*
 * hours - ships what the finished hours of a day come to: rows summed over
 * time, from the store's roll-ups where it has them.
 *
 * An hour's id is made of the ids of the records that it sums, so the same sum
 * has the same id for ever, and one that a late record was added to has
 * another.  Rows go to the table of hours, then one row for each of those
 * records to the table of roll-ups, which is the commit: as with blocks, what
 * stands there counts.  A question may take an hour in place of all records
 * that it lists; of several for one hour that with most.
 *
 * Hours that would save little, or are too much to sum here, are left out:
 * their blocks are there.
 */
#ifndef EXPORT_HOURS_H
#define EXPORT_HOURS_H

#include <stdbool.h>
#include <stdint.h>

#include "querier/export/ship.h"

/*
 * Ships what hours of a day are finished and not shipped.  *next_s is when the
 * next one is, INT64_MAX when all were.  *known: as ship_day() has it, of the
 * table of roll-ups.  Returns as ship_day() does.
 */
int hours_day(struct ship *s, const char *iface, int64_t day_s,
    uint64_t index_mark, struct ship_known *known, int64_t *next_s,
    char error[SHIP_ERROR_MAX]);

/* Ends an attempt whose rows were all sent, as it was before a crash.
 * SHIP_STORE with error: it is not to be committed. */
int hours_commit_again(struct ship *s, const struct ledger_attempt *a,
    char error[SHIP_ERROR_MAX]);

#endif
