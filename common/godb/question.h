/*
 * question - what a query's options alone say of it, before a scan is open.
 */
#ifndef GODB_QUESTION_H
#define GODB_QUESTION_H

#include "common/godb/plan.h"

/* What only groups have and somebody asks for: 1u << metric. */
uint32_t gdi_question_metrics(const struct godb_query_opts *q);

/* Whether it matters in how many pieces a row comes: of a live block, or of
 * several blocks. */
bool gdi_question_whole_rows(const struct godb_query_opts *q);

/* What a plan goes by; once there is a scan it may look at fewer columns.
 * Without `left_out` and `pool`. */
void gdi_question_plan(const struct godb_query_opts *q,
    struct gdi_plan_opts *out);

#endif
