/*
 * html - one page that needs nothing from elsewhere: the question, a chart,
 * the table, and what the answer lacks.  A click on a column's head sorts.
 */
#include "querier/answer.h"

#include "common/base/words.h"
#include "querier/units.h"
#include "querier/when.h"

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
    "'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
    "<title>goquery</title>\n<style>\n"
    ":root{color-scheme:light dark}\n"
    "body{font:14px/1.5 system-ui,sans-serif;margin:2em auto;"
    "max-width:70em;padding:0 1em}\n"
    "h1{font-size:1.3em}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.1em 1em}\n"
    "dt{opacity:.7}dd{margin:0;font-family:monospace}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "th,td{padding:.2em .6em;text-align:left;font-variant-numeric:"
    "tabular-nums}\n"
    "td.n,th.n{text-align:right}\n"
    "th{cursor:pointer;position:sticky;top:0;background:Canvas;"
    "border-bottom:2px solid}\n"
    "th[aria-sort=ascending]::after{content:\" \\2191\"}\n"
    "th[aria-sort=descending]::after{content:\" \\2193\"}\n"
    "tr:nth-child(even) td{background:#8881}\n"
    "svg{width:100%;height:auto;margin:1em 0}\n"
    "svg rect{fill:#3a7bd5}svg line{stroke:currentColor}"
    "svg text{fill:currentColor;font-size:12px}"
    "svg .end{text-anchor:end}\n"
    ".missing{border-left:4px solid #c60;padding-left:1em}\n"
    "</style>\n</head>\n<body>\n<h1>goquery</h1>\n";

/* Numbers and times are compared by data-v, all else as text. */
static const char script[] =
    "<script>\n"
    "document.querySelectorAll('th').forEach((th,i)=>{\n"
    "th.onclick=()=>{const up=th.ariaSort!=='ascending';\n"
    "const body=document.querySelector('tbody');\n"
    "const key=r=>{const c=r.cells[i];"
    "return 'v' in c.dataset?Number(c.dataset.v):c.textContent};\n"
    "const rows=[...body.rows].map(r=>[key(r),r]);\n"
    "rows.sort((a,b)=>a[0]<b[0]?-1:a[0]>b[0]?1:0);\n"
    "if(!up)rows.reverse();\n"
    "document.querySelectorAll('th').forEach(t=>t.ariaSort=null);\n"
    "th.ariaSort=up?'ascending':'descending';\n"
    "body.append(...rows.map(r=>r[1]));};});\n"
    "</script>\n";

static void
fact(struct out *o, const char *name, const char *value)
{
	out_fmt(o, "<dt>%s</dt><dd>", name);
	out_html(o, value);
	out_str(o, "</dd>\n");
}

static void
print_question(struct out *o, const struct answer *a)
{
	char first[WHEN_TEXT_MAX], last[WHEN_TEXT_MAX], zone[WHEN_TEXT_MAX];
	int64_t first_s, last_s;

	out_str(o, "<dl>\n");
	fact(o, "Query", a->query);
	fact(o, "Conditions", a->condition);
	if (a->having[0])
		fact(o, "Having", a->having);
	fact(o, "Sorted by", answer_sort(a));
	fact(o, "Direction", answer_direction(a));
	out_str(o, "<dt>Interfaces</dt><dd>");
	for (size_t i = 0; i < a->n_ifaces; i++) {
		if (i)
			out_str(o, ", ");
		out_html(o, a->iface[i]);
	}
	godb_coverage_window(a->coverage, &first_s, &last_s);
	when_format_local(first_s, first);
	when_format_local(last_s, last);
	when_zone(last_s, zone);
	out_fmt(o, "</dd>\n<dt>Window</dt><dd>%s .. %s (%s)</dd>\n</dl>\n",
	    first, last, zone);
}

/* ---- table --------------------------------------------------------------- */

static bool
is_bytes(enum godb_metric m)
{
	return m == GODB_METRIC_BYTES || m == GODB_METRIC_BYTES_RCVD ||
	    m == GODB_METRIC_BYTES_SENT;
}

static void
print_head(struct out *o, const struct answer_column *column, size_t n_columns,
    const enum godb_metric *metric, size_t n_metrics)
{
	out_str(o, "<table>\n<thead><tr>");
	for (size_t k = 0; k < n_columns; k++)
		out_fmt(o, "<th>%s</th>", column[k].name);
	for (size_t k = 0; k < n_metrics; k++)
		out_fmt(o, "<th class=\"n\">%s</th>",
		    godb_metric_name(metric[k]));
	out_str(o, "</tr></thead>\n<tbody>\n");
}

static void
print_key(struct out *o, const struct answer_column *c,
    const struct godb_result_row *row)
{
	char cell[ANSWER_CELL_MAX];

	answer_cell(c, row, ANSWER_LOCAL, cell);
	if (c->key == GODB_KEY_TIME)
		out_fmt(o, "<td data-v=\"%lld\">", (long long)row->time_s);
	else if (c->key == GODB_KEY_DPORT)
		out_fmt(o, "<td data-v=\"%u\">", row->dport);
	else
		out_str(o, "<td>");
	out_html(o, cell);
	out_str(o, "</td>");
}

static void
print_table(struct out *o, const struct answer *a)
{
	struct answer_column column[ANSWER_COLUMNS_MAX];
	size_t n_columns = answer_columns(a, column);
	enum godb_metric metric[GODB_N_METRICS];
	size_t n_metrics = answer_metrics(a, metric);
	size_t n = godb_result_n_rows(a->result);

	print_head(o, column, n_columns, metric, n_metrics);
	for (size_t i = 0; i < n && !o->error; i++) {
		struct godb_result_row row;

		godb_result_row(a->result, i, &row);
		out_str(o, "<tr>");
		for (size_t k = 0; k < n_columns; k++)
			print_key(o, &column[k], &row);
		for (size_t k = 0; k < n_metrics; k++) {
			uint64_t v = answer_metric(&row, metric[k]);
			char text[UNITS_TEXT_MAX];

			out_fmt(o, "<td class=\"n\" data-v=\"%llu\">",
			    (unsigned long long)v);
			units_bytes(v, text);
			if (is_bytes(metric[k]))
				out_str(o, text);
			else
				out_u64(o, v);
			out_str(o, "</td>");
		}
		out_str(o, "</tr>\n");
	}
	out_str(o, "</tbody>\n</table>\n");
}

/* ---- below it ------------------------------------------------------------ */

static void
print_rest(struct out *o, const struct answer *a)
{
	size_t n = godb_result_n_rows(a->result);
	size_t hits = godb_result_n_hits(a->result);
	char bytes[UNITS_TEXT_MAX], packets[UNITS_TEXT_MAX], note[256];
	const bool missing = godb_coverage_incomplete(a->coverage, 0) != NULL;
	uint64_t totals[4];

	godb_result_totals(a->result, totals);
	units_bytes(answer_counter(totals, GODB_METRIC_BYTES), bytes);
	units_packets(answer_counter(totals, GODB_METRIC_PACKETS), packets);
	out_fmt(o, "<p>%zu of %zu row%s. In all: %s packets, %s.</p>\n", n,
	    hits, gp_words_s(hits), packets, bytes);
	if (a->having[0]) {
		out_str(o, "<p>");
		answer_having(o, a, out_html);
		out_str(o, "</p>\n");
	}
	out_fmt(o, "<p%s>", missing ? " class=\"missing\"" : "");
	answer_coverage(o, a->coverage, out_html);
	out_str(o, "</p>\n");
	for (size_t i = 0; answer_note(a, i, note); i++) {
		out_str(o, "<p>Note: ");
		out_html(o, note);
		out_str(o, "</p>\n");
	}
}

void
html_print(struct out *o, const struct answer *a)
{
	out_str(o, head);
	print_question(o, a);
	if (a->chart)
		chart_svg(o, a->chart);
	print_table(o, a);
	print_rest(o, a);
	out_str(o, script);
	out_str(o, "</body>\n</html>\n");
}
