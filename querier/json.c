/*
 * json - one object {status, query, summary, rows}, or a row a line.  Times
 * are RFC 3339 in UTC.  goquery(1) documents the fields; their names stay.
 */
#include "querier/answer.h"

#include "common/base/clock.h"
#include "querier/when.h"

#include <stdio.h>

static void
field(struct out *o, const char *name)
{
	out_json(o, name);
	out_char(o, ':');
}

static void
text_field(struct out *o, const char *name, const char *value)
{
	field(o, name);
	out_json(o, value);
}

static void
u64_field(struct out *o, const char *name, uint64_t value)
{
	field(o, name);
	out_u64(o, value);
}

static void
time_field(struct out *o, const char *name, int64_t t_s)
{
	char text[WHEN_TEXT_MAX];

	when_format_utc(t_s, text);
	text_field(o, name, text);
}

static void
total_fields(struct out *o, const uint64_t counter[4])
{
	for (size_t k = 0; k < ANSWER_N_USUAL; k++) {
		if (k)
			out_char(o, ',');
		u64_field(o, godb_metric_name(answer_usual[k]),
		    answer_counter(counter, answer_usual[k]));
	}
}

static void
print_row(struct out *o, const struct answer *a,
    const struct answer_column *column, size_t n_columns, size_t i)
{
	enum godb_metric metric[GODB_N_METRICS];
	size_t n_metrics = answer_metrics(a, metric);
	struct godb_result_row row;
	char cell[ANSWER_CELL_MAX];

	godb_result_row(a->result, i, &row);
	out_char(o, '{');
	for (size_t k = 0; k < n_columns; k++) {
		if (column[k].key == GODB_KEY_DPORT &&
		    column[k].what == ANSWER_KEY) {
			u64_field(o, column[k].name, row.dport);
		} else {
			answer_cell(&column[k], &row, ANSWER_RFC3339, cell);
			text_field(o, column[k].name, cell);
		}
		out_char(o, ',');
	}
	for (size_t k = 0; k < n_metrics; k++) {
		if (k)
			out_char(o, ',');
		u64_field(o, godb_metric_name(metric[k]),
		    answer_metric(&row, metric[k]));
	}
	out_char(o, '}');
}

void
jsonl_print(struct out *o, const struct answer *a)
{
	struct answer_column column[ANSWER_COLUMNS_MAX];
	size_t n_columns = answer_columns(a, column);
	size_t n = godb_result_n_rows(a->result);

	for (size_t i = 0; i < n && !o->error; i++) {
		print_row(o, a, column, n_columns, i);
		out_char(o, '\n');
	}
}

static void
print_query(struct out *o, const struct answer *a)
{
	const struct godb_query_opts *q = a->opts;

	out_str(o, "{");
	text_field(o, "query", a->query);
	out_str(o, ",\"interfaces\":[");
	for (size_t i = 0; i < a->n_ifaces; i++) {
		if (i)
			out_char(o, ',');
		out_json(o, a->iface[i]);
	}
	out_str(o, "],");
	text_field(o, "condition", a->condition);
	out_char(o, ',');
	text_field(o, "having", a->having);
	out_char(o, ',');
	text_field(o, "direction", answer_direction(a));
	out_char(o, ',');
	text_field(o, "sort", answer_sort(a));
	out_str(o, q->ascending || q->sort >= 0 ? ",\"ascending\":true,"
						: ",\"ascending\":false,");
	text_field(o, "limit", a->limit_text ? a->limit_text : "all");
	out_char(o, '}');
}

static void
print_incomplete(struct out *o, const struct godb_incomplete *item)
{
	out_char(o, '{');
	text_field(o, "cause", godb_cause_name(item->cause));
	out_char(o, ',');
	text_field(o, "iface", item->iface);
	out_char(o, ',');
	time_field(o, "first", item->first_ns / GP_NS_PER_S);
	out_char(o, ',');
	time_field(o, "last", item->last_ns / GP_NS_PER_S);
	out_char(o, ',');
	u64_field(o, "count", item->count);
	out_char(o, ',');
	if (item->cause == GODB_CAUSE_DOWN ||
	    item->cause == GODB_CAUSE_UNSHIPPED)
		u64_field(o, "seconds", item->amount / (uint64_t)GP_NS_PER_S);
	else
		u64_field(o, "packets", item->amount);
	if (item->place) {
		out_char(o, ',');
		text_field(o, "place", item->place);
		out_char(o, ',');
		text_field(o, "error", godb_strerror(item->rc));
	}
	out_char(o, '}');
}

void
answer_json_coverage(struct out *o, const struct godb_coverage *c)
{
	const struct godb_incomplete *item;
	uint64_t covered, known;

	godb_coverage_time(c, &covered, &known);
	out_char(o, '{');
	field(o, "percent");
	if (known)
		out_fmt(o, "%.4f", answer_percent(covered, known, 99.9999));
	else
		out_str(o, "null");
	out_str(o, ",\"incomplete\":[");
	for (size_t i = 0; (item = godb_coverage_incomplete(c, i)); i++) {
		if (i)
			out_char(o, ',');
		print_incomplete(o, item);
	}
	out_str(o, "]}");
}

static void
print_summary(struct out *o, const struct answer *a)
{
	int64_t first_s, last_s;
	uint64_t totals[4];
	char note[256];

	godb_result_totals(a->result, totals);
	godb_coverage_window(a->coverage, &first_s, &last_s);
	out_char(o, '{');
	u64_field(o, "hits", godb_result_n_hits(a->result));
	out_char(o, ',');
	u64_field(o, "groups", godb_result_n_groups(a->result));
	out_char(o, ',');
	u64_field(o, "rows", godb_result_n_rows(a->result));
	out_str(o, ",\"totals\":{");
	total_fields(o, totals);
	out_str(o, "},\"window\":{");
	time_field(o, "first", first_s);
	out_char(o, ',');
	time_field(o, "last", last_s);
	out_str(o, "},\"coverage\":");
	answer_json_coverage(o, a->coverage);
	out_str(o, ",\"notes\":[");
	for (size_t i = 0; answer_note(a, i, note); i++) {
		if (i)
			out_char(o, ',');
		out_json(o, note);
	}
	out_str(o, "],");
	u64_field(o, "took_ns", (uint64_t)(a->took_ns > 0 ? a->took_ns : 0));
	out_char(o, '}');
}

void
answer_json_head(struct out *o, const struct answer *a)
{
	out_char(o, '{');
	text_field(o, "status", a->known.unknown ||
	    godb_coverage_incomplete(a->coverage, 0) ? "incomplete" : "ok");
	out_str(o, ",\n\"query\":");
	print_query(o, a);
	out_str(o, ",\n\"summary\":");
	print_summary(o, a);
}

void
json_print(struct out *o, const struct answer *a)
{
	struct answer_column column[ANSWER_COLUMNS_MAX];
	size_t n_columns = answer_columns(a, column);
	size_t n = godb_result_n_rows(a->result);

	answer_json_head(o, a);
	out_str(o, ",\n\"rows\":[");
	for (size_t i = 0; i < n && !o->error; i++) {
		out_str(o, i ? ",\n" : "\n");
		print_row(o, a, column, n_columns, i);
	}
	out_str(o, "]}\n");
}
