/*
 * clean - has the server remove what attempts that were given up left there.
 */
#ifndef EXPORT_CLEAN_H
#define EXPORT_CLEAN_H

#include "querier/export/ship.h"

/* Rows of attempts given up more than `age_s` ago.  0, or -1 with error. */
int clean_dead(struct ship *s, int64_t age_s, char error[SHIP_ERROR_MAX]);

#endif
