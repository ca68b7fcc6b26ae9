/*
 * csv - rows only, raw numbers, RFC 4180 quoting, lines end with LF.
 */
#include "querier/answer.h"

void
csv_print(struct out *o, const struct answer *a)
{
	struct answer_column column[ANSWER_COLUMNS_MAX];
	size_t n_columns = answer_columns(a, column);
	enum godb_metric metric[GODB_N_METRICS];
	size_t n_metrics = answer_metrics(a, metric);
	size_t n = godb_result_n_rows(a->result);

	for (size_t k = 0; k < n_columns; k++) {
		out_str(o, column[k].name);
		out_char(o, ',');
	}
	for (size_t k = 0; k < n_metrics; k++) {
		out_str(o, godb_metric_name(metric[k]));
		out_char(o, k + 1 < n_metrics ? ',' : '\n');
	}
	for (size_t i = 0; i < n && !o->error; i++) {
		struct godb_result_row row;
		char cell[ANSWER_CELL_MAX];

		godb_result_row(a->result, i, &row);
		for (size_t k = 0; k < n_columns; k++) {
			answer_cell(&column[k], &row, ANSWER_EPOCH, cell);
			out_csv(o, cell);
			out_char(o, ',');
		}
		for (size_t k = 0; k < n_metrics; k++) {
			out_u64(o, answer_metric(&row, metric[k]));
			out_char(o, k + 1 < n_metrics ? ',' : '\n');
		}
	}
}
