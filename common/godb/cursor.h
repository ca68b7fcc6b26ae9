/*
 * cursor - what godb.h does not tell of cursors.
 */
#ifndef GDI_CURSOR_H
#define GDI_CURSOR_H

#include "common/godb/godb.h"

/*
 * Rows of live parts come summed by key and sorted from now on, as those of
 * blocks do, at the price of a sort for each load: for questions that look at
 * a row's counters, or count rows.
 */
void gdi_cursor_sum_live(struct godb_cursor *c);

#endif
