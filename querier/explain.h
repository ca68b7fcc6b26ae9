/*
 * explain - what a question cost: days, blocks, bytes, rows.
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include "common/godb/godb.h"

/* Lines without their ends, for each interface and in all. */
/* What each interface has in the window; and that, and what the query took. */
void explain_scan(const struct godb_scan *s, void (*say)(const char *line));
void explain(const struct godb_scan *s, const struct godb_result *r,
    void (*say)(const char *line));

#endif
