#include "common/godb/question.h"

#include "common/godb/cond.h"
#include "common/godb/group.h"
#include "common/godb/schema.h"

uint32_t
gdi_question_metrics(const struct godb_query_opts *q)
{
	uint32_t metrics = q->metrics;

	if (q->sort < 0)
		metrics |= 1u << GODB_SORT_METRIC(q->sort);
	if (q->having)
		metrics |= godb_cond_metrics(q->having);
	return metrics & ~((1u << GODB_METRIC_EXTRA) - 1);
}

static uint32_t
condition_columns(const struct godb_query_opts *q)
{
	return q->cond ? q->cond->columns : 0;
}

bool
gdi_question_whole_rows(const struct godb_query_opts *q)
{
	return (condition_columns(q) & GDI_COL_COUNTERS) ||
	    (gdi_question_metrics(q) & 1u << GODB_METRIC_ROWS);
}

void
gdi_question_plan(const struct godb_query_opts *q, struct gdi_plan_opts *out)
{
	*out = (struct gdi_plan_opts){
	    .rollups = !q->no_rollups,
	    .sums = !gdi_question_whole_rows(q),
	    .columns = condition_columns(q) |
		gdi_group_columns(&q->keys, gdi_question_metrics(q)),
	    .by_time = godb_keys_has(&q->keys, GODB_KEY_TIME),
	    .bin = q->bin,
	    .bin_arg = q->bin_arg};
}
