/*
 * explain - what a question cost: days, blocks, bytes, rows.
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include "common/godb/godb.h"

/* What each interface has in the window, and all have: lines without their
 * ends. */
void explain_scan(const struct godb_scan *s, void (*say)(const char *line));
/* The same, and what the query took. */
void explain(const struct godb_scan *s, const struct godb_result *r,
    void (*say)(const char *line));

#endif
