/*
 * table - the seed's text, line by line, and below it what it did not tell.
 *
 * Every column is right-aligned and as wide as its widest cell, in
 * characters, and three blanks.  Numbers are written as units.h says.
 */
#include "querier/answer.h"

#include "querier/units.h"
#include "querier/when.h"

#include <stdio.h>
#include <string.h>

#define GAP       3
#define CELLS_MAX (ANSWER_COLUMNS_MAX + GODB_N_METRICS + 2)

static void
format_percent(uint64_t v, uint64_t total, char out[ANSWER_CELL_MAX])
{
	(void)snprintf(out, ANSWER_CELL_MAX, "%.2f",
	    100.0 * (double)v / (total ? (double)total : 1.0));
}

/* What bytes and packets mean in the chosen direction. */
static enum godb_metric
directed(const struct answer *a, enum godb_metric m)
{
	bool bytes = m == GODB_METRIC_BYTES;

	if ((!bytes && m != GODB_METRIC_PACKETS) ||
	    a->opts->direction == GODB_DIR_BOTH)
		return m;
	if (a->opts->direction == GODB_DIR_RCVD)
		return bytes ? GODB_METRIC_BYTES_RCVD :
			       GODB_METRIC_PACKETS_RCVD;
	return bytes ? GODB_METRIC_BYTES_SENT : GODB_METRIC_PACKETS_SENT;
}

/* ---- table ------------------------------------------------------------- */

/* A column of numbers: a metric, or its share of the total. */
struct number {
	enum godb_metric metric;
	bool percent;
};

struct layout {
	struct answer_column column[ANSWER_COLUMNS_MAX];
	size_t n_keys;
	struct number number[GODB_N_METRICS + 2];
	size_t n_cells; /* keys and numbers */
	enum godb_metric bar; /* drawn at the end of lines, ... */
	uint64_t bar_most;    /* ... 0: not */
	uint64_t totals[4]; /* of all groups */
	size_t width[CELLS_MAX];
};

/* Packets and data volume, each with its share, or what was asked for. */
static void
lay_out(struct layout *l, const struct answer *a)
{
	static const enum godb_metric usual[] = {GODB_METRIC_PACKETS,
	    GODB_METRIC_BYTES};
	const enum godb_metric *show = a->n_show ? a->show : usual;
	size_t n = a->n_show ? a->n_show : 2, at = 0;

	memset(l, 0, sizeof(*l));
	l->n_keys = answer_columns(a, l->column);
	godb_result_totals(a->result, l->totals);
	for (size_t i = 0; i < n; i++) {
		l->number[at++] = (struct number){show[i], false};
		if (show[i] == GODB_METRIC_BYTES ||
		    show[i] == GODB_METRIC_PACKETS)
			l->number[at++] = (struct number){show[i], true};
	}
	l->n_cells = l->n_keys + at;
}

static void
format_metric(enum godb_metric m, uint64_t value, char out[ANSWER_CELL_MAX])
{
	switch (m) {
	case GODB_METRIC_BYTES:
	case GODB_METRIC_BYTES_RCVD:
	case GODB_METRIC_BYTES_SENT:
		units_bytes(value, out);
		return;
	case GODB_METRIC_PACKETS:
	case GODB_METRIC_PACKETS_RCVD:
	case GODB_METRIC_PACKETS_SENT:
		units_packets(value, out);
		return;
	case GODB_METRIC_ROWS:
	case GODB_METRIC_SIPS:
	case GODB_METRIC_DIPS:
	case GODB_METRIC_DPORTS:
	case GODB_N_METRICS:
		break;
	}
	(void)snprintf(out, ANSWER_CELL_MAX, "%llu",
	    (unsigned long long)value);
}

static void
format_row(const struct answer *a, const struct layout *l, size_t i,
    char cell[CELLS_MAX][ANSWER_CELL_MAX])
{
	struct godb_result_row row;

	godb_result_row(a->result, i, &row);
	for (size_t k = 0; k < l->n_keys; k++)
		answer_cell(&l->column[k], &row, ANSWER_LOCAL, cell[k]);
	for (size_t k = l->n_keys; k < l->n_cells; k++) {
		const struct number *n = &l->number[k - l->n_keys];
		enum godb_metric m = directed(a, n->metric);
		uint64_t value = answer_metric(&row, m);

		if (n->percent)
			format_percent(value, answer_counter(l->totals, m),
			    cell[k]);
		else
			format_metric(m, value, cell[k]);
	}
}

static const char *
header(const struct layout *l, size_t k)
{
	const struct number *n;

	if (k < l->n_keys)
		return l->column[k].name;
	n = &l->number[k - l->n_keys];
	if (n->percent)
		return "%";
	return n->metric == GODB_METRIC_BYTES ? "data vol."
	    : godb_metric_name(n->metric);
}

/* Rows are formatted twice rather than kept: they may be millions. */
static void
measure(const struct answer *a, struct layout *l)
{
	size_t n = godb_result_n_rows(a->result);
	char cell[CELLS_MAX][ANSWER_CELL_MAX];

	for (size_t k = 0; k < l->n_cells; k++)
		l->width[k] = strlen(header(l, k));
	for (size_t i = 0; i < n; i++) {
		format_row(a, l, i, cell);
		for (size_t k = 0; k < l->n_cells; k++) {
			size_t columns = out_columns(cell[k]);

			if (columns > l->width[k])
				l->width[k] = columns;
		}
	}
}

static void
print_cell(struct out *o, const char *text, size_t width)
{
	for (size_t i = out_columns(text); i < width + GAP; i++)
		out_char(o, ' ');
	out_str(o, text);
}

/* On a terminal, rows in order of time have a bar each. */
static void
choose_bar(struct layout *l, const struct answer *a)
{
	size_t n = godb_result_n_rows(a->result);

	if (!a->style->terminal ||
	    !godb_keys_has(&a->opts->keys, GODB_KEY_TIME))
		return;
	l->bar = directed(a, a->opts->sort == GODB_SORT_PACKETS
		? GODB_METRIC_PACKETS : GODB_METRIC_BYTES);
	for (size_t i = 0; i < n; i++) {
		struct godb_result_row row;
		uint64_t v;

		godb_result_row(a->result, i, &row);
		v = answer_metric(&row, l->bar);
		l->bar_most = v > l->bar_most ? v : l->bar_most;
	}
}

static void
print_bar(struct out *o, const struct answer *a, const struct layout *l,
    size_t i)
{
	struct godb_result_row row;

	godb_result_row(a->result, i, &row);
	out_str(o, "   ");
	if (a->style->colour)
		out_str(o, "\033[34m");
	chart_bar(o, answer_metric(&row, l->bar), l->bar_most, 20,
	    a->style->unicode);
	if (a->style->colour)
		out_str(o, "\033[m");
}

static void
print_rows(struct out *o, const struct answer *a, const struct layout *l)
{
	size_t n = godb_result_n_rows(a->result), n_cells = l->n_cells;
	char cell[CELLS_MAX][ANSWER_CELL_MAX];

	if (a->style->colour)
		out_str(o, "\033[1m");
	for (size_t k = 0; k < n_cells; k++)
		print_cell(o, header(l, k), l->width[k]);
	out_str(o, a->style->colour ? "\033[m\n" : "\n");
	for (size_t i = 0; i < n && !o->error; i++) {
		format_row(a, l, i, cell);
		for (size_t k = 0; k < n_cells; k++)
			print_cell(o, cell[k], l->width[k]);
		if (l->bar_most)
			print_bar(o, a, l, i);
		out_char(o, '\n');
	}
}

/* ---- above it ---------------------------------------------------------- */

static void
print_ifaces(struct out *o, const struct answer *a)
{
	const size_t most = 8;

	for (size_t i = 0; i < a->n_ifaces && i < most; i++) {
		if (i)
			out_char(o, ',');
		out_clean(o, a->iface[i]);
	}
	if (a->n_ifaces > most)
		out_fmt(o, ",... (%zu interfaces)", a->n_ifaces);
}

static void
print_sort(struct out *o, const struct answer *a)
{
	static const char *const directions[] = {
		[GODB_DIR_BOTH] = "(sent and received)",
		[GODB_DIR_RCVD] = "(received only)",
		[GODB_DIR_SENT] = "(sent only)",
	};

	if (a->opts->sort < 0 && GODB_SORT_METRIC(a->opts->sort) >
		GODB_METRIC_PACKETS)
		out_str(o, answer_sort(a));
	else if (a->opts->sort >= 0)
		out_fmt(o, "%s %s", answer_sort(a),
		    directions[a->opts->direction]);
	else
		out_fmt(o, "accumulated %s %s",
		    a->opts->sort == GODB_SORT_PACKETS ? "packets"
						       : "data volume",
		    directions[a->opts->direction]);
}

static void
print_header(struct out *o, const struct answer *a)
{
	char took[WHEN_TEXT_MAX];

	when_format_duration(a->took_ns, took);
	out_str(o, "Your query: ");
	out_clean(o, a->query);
	out_str(o, "\nConditions: ");
	out_clean(o, a->condition);
	out_str(o, "\nSort by:    ");
	print_sort(o, a);
	out_str(o, "\nInterface:  ");
	print_ifaces(o, a);
	out_fmt(o, "\nQuery produced %zu hits and took %s \n\n",
	    godb_result_n_hits(a->result), took);
}

/* ---- below it ---------------------------------------------------------- */

static void
print_window(struct out *o, const struct godb_coverage *c)
{
	char first[WHEN_TEXT_MAX], last[WHEN_TEXT_MAX], zone[WHEN_TEXT_MAX];
	int64_t first_s, last_s;

	godb_coverage_window(c, &first_s, &last_s);
	when_format_local(first_s, first);
	when_format_local(last_s, last);
	when_zone(last_s, zone);
	out_fmt(o, "Window: %s .. %s (%s)\n", first, last, zone);
}

static void
print_footer(struct out *o, const struct answer *a, const struct layout *l)
{
	size_t n = godb_result_n_rows(a->result);
	size_t hits = godb_result_n_hits(a->result);
	char packets[ANSWER_CELL_MAX], bytes[ANSWER_CELL_MAX], note[256];

	units_packets(answer_counter(l->totals,
	    directed(a, GODB_METRIC_PACKETS)), packets);
	units_bytes(answer_counter(l->totals, directed(a, GODB_METRIC_BYTES)),
	    bytes);
	out_fmt(o, "\nOverall packets: %s , Overall data volume: %s\n\n",
	    packets, bytes);
	if (n < hits)
		out_fmt(o, "%zu of %zu rows shown; -n all shows the rest\n", n,
		    hits);
	if (a->having[0]) {
		answer_having(o, a, out_clean);
		out_char(o, '\n');
	}
	print_window(o, a->coverage);
	if (a->style->colour && godb_coverage_incomplete(a->coverage, 0))
		out_str(o, "\033[33m");
	answer_coverage(o, a->coverage, out_clean);
	out_str(o, a->style->colour ? "\033[m\n" : "\n");
	for (size_t i = 0; answer_note(a, i, note); i++) {
		out_str(o, "Note: ");
		out_clean(o, note);
		out_char(o, '\n');
	}
}

void
table_print(struct out *o, const struct answer *a)
{
	struct layout l;

	lay_out(&l, a);
	measure(a, &l);
	choose_bar(&l, a);
	print_header(o, a);
	print_rows(o, a, &l);
	if (a->chart)
		chart_plot(o, a->chart, a->style);
	print_footer(o, a, &l);
}
