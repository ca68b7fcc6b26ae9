/*
 * table - the seed's text, line by line, and below it what it did not tell.
 *
 * Every column is right-aligned and as wide as its widest cell and three
 * blanks.  Numbers are written as units.h says.
 */
#include "querier/answer.h"

#include "querier/units.h"
#include "querier/when.h"

#include <stdio.h>
#include <string.h>

#define GAP       3
#define N_NUMBERS 4 /* packets % data-volume % */
#define CELLS_MAX (ANSWER_COLUMNS_MAX + N_NUMBERS)

static const char *const number_names[N_NUMBERS] = {
	"packets", "%", "data vol.", "%",
};

static void
format_percent(uint64_t v, uint64_t total, char out[ANSWER_CELL_MAX])
{
	(void)snprintf(out, ANSWER_CELL_MAX, "%.2f",
	    100.0 * (double)v / (total ? (double)total : 1.0));
}

/* What counts in the chosen direction. */
static void
choose(const struct answer *a, const uint64_t counter[4], uint64_t *packets,
    uint64_t *bytes)
{
	uint64_t all[ANSWER_N_COUNTERS];

	answer_counters(counter, all);
	switch (a->opts->direction) {
	case GODB_DIR_RCVD:
		*packets = all[0];
		*bytes = all[3];
		return;
	case GODB_DIR_SENT:
		*packets = all[1];
		*bytes = all[4];
		return;
	case GODB_DIR_BOTH:
		break;
	}
	*packets = all[2];
	*bytes = all[5];
}

/* ---- table ------------------------------------------------------------- */

struct layout {
	struct answer_column column[ANSWER_COLUMNS_MAX];
	size_t n_keys;
	uint64_t packets, bytes; /* of all hits */
	size_t width[CELLS_MAX];
};

static void
format_row(const struct answer *a, const struct layout *l, size_t i,
    char cell[CELLS_MAX][ANSWER_CELL_MAX])
{
	struct godb_result_row row;
	uint64_t packets, bytes;

	godb_result_row(a->result, i, &row);
	for (size_t k = 0; k < l->n_keys; k++)
		answer_cell(&l->column[k], &row, ANSWER_LOCAL, cell[k]);
	choose(a, row.counter, &packets, &bytes);
	cell += l->n_keys;
	units_packets(packets, cell[0]);
	format_percent(packets, l->packets, cell[1]);
	units_bytes(bytes, cell[2]);
	format_percent(bytes, l->bytes, cell[3]);
}

static const char *
header(const struct layout *l, size_t k)
{
	return k < l->n_keys ? l->column[k].name : number_names[k - l->n_keys];
}

/* Rows are formatted twice rather than kept: they may be millions. */
static void
measure(const struct answer *a, struct layout *l)
{
	size_t n = godb_result_n_rows(a->result);
	char cell[CELLS_MAX][ANSWER_CELL_MAX];

	for (size_t k = 0; k < l->n_keys + N_NUMBERS; k++)
		l->width[k] = strlen(header(l, k));
	for (size_t i = 0; i < n; i++) {
		format_row(a, l, i, cell);
		for (size_t k = 0; k < l->n_keys + N_NUMBERS; k++) {
			size_t len = strlen(cell[k]);

			if (len > l->width[k])
				l->width[k] = len;
		}
	}
}

static void
print_cell(struct out *o, const char *text, size_t width)
{
	size_t len = strlen(text);

	for (size_t i = len; i < width + GAP; i++)
		out_char(o, ' ');
	out_bytes(o, text, len);
}

static void
print_rows(struct out *o, const struct answer *a, const struct layout *l)
{
	size_t n = godb_result_n_rows(a->result), n_cells;
	char cell[CELLS_MAX][ANSWER_CELL_MAX];

	n_cells = l->n_keys + N_NUMBERS;
	for (size_t k = 0; k < n_cells; k++)
		print_cell(o, header(l, k), l->width[k]);
	out_char(o, '\n');
	for (size_t i = 0; i < n && !o->error; i++) {
		format_row(a, l, i, cell);
		for (size_t k = 0; k < n_cells; k++)
			print_cell(o, cell[k], l->width[k]);
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

	if (a->opts->sort >= 0)
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
print_cause(struct out *o, const struct godb_incomplete *item)
{
	unsigned long long n = (unsigned long long)item->amount;
	char rough[WHEN_TEXT_MAX];

	out_str(o, "; ");
	switch (item->cause) {
	case GODB_CAUSE_DOWN:
		when_format_rough(item->amount, rough);
		out_clean(o, item->iface);
		out_fmt(o, " down %s", rough);
		if (item->count > 1)
			out_fmt(o, " in %llu gaps",
			    (unsigned long long)item->count);
		return;
	case GODB_CAUSE_KERNEL_DROPS:
		out_fmt(o, "%llu packets dropped", n);
		break;
	case GODB_CAUSE_IFACE_DROPS:
		out_fmt(o, "%llu packets dropped by the interface", n);
		break;
	case GODB_CAUSE_LATE:
		out_fmt(o, "%llu packets counted late", n);
		break;
	case GODB_CAUSE_CLAMPED:
		out_fmt(o, "%llu packets of a time out of range", n);
		break;
	case GODB_CAUSE_CUT:
		out_str(o, "a capture file was cut short");
		break;
	case GODB_CAUSE_DAMAGED:
	case GODB_CAUSE_GONE:
	case GODB_N_CAUSES:
		return; /* counted by print_unreadable */
	}
	out_str(o, " on ");
	out_clean(o, item->iface);
}

static void
print_unreadable(struct out *o, const struct godb_coverage *c,
    enum godb_cause cause, const char *text)
{
	const struct godb_incomplete *item;
	size_t n = 0;

	for (size_t i = 0; (item = godb_coverage_incomplete(c, i)); i++)
		n += item->cause == cause;
	if (n)
		out_fmt(o, "; %zu %s %s", n, n == 1 ? "place" : "places", text);
}

/* Bounds of the share are never rounded away: 100.00 means nothing missing. */
static double
percent_of(uint64_t covered, uint64_t known)
{
	double p = 100.0 * (double)covered / (double)known;

	return covered < known && p > 99.99 ? 99.99 : p;
}

static void
print_coverage(struct out *o, const struct godb_coverage *c)
{
	const struct godb_incomplete *item;
	uint64_t covered, known;

	godb_coverage_time(c, &covered, &known);
	if (known)
		out_fmt(o, "Coverage: %.2f %% of the window",
		    percent_of(covered, known));
	else
		out_str(o, "Coverage: no block of the window");
	for (size_t i = 0; (item = godb_coverage_incomplete(c, i)); i++) {
		if (!item->unreadable)
			print_cause(o, item);
	}
	print_unreadable(o, c, GODB_CAUSE_DAMAGED, "not readable");
	print_unreadable(o, c, GODB_CAUSE_GONE, "removed meanwhile");
	out_char(o, '\n');
}

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

	units_packets(l->packets, packets);
	units_bytes(l->bytes, bytes);
	out_fmt(o, "\nOverall packets: %s , Overall data volume: %s\n\n",
	    packets, bytes);
	if (n < hits)
		out_fmt(o, "%zu of %zu rows shown; -n all shows the rest\n", n,
		    hits);
	print_window(o, a->coverage);
	print_coverage(o, a->coverage);
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
	uint64_t totals[4];

	memset(&l, 0, sizeof(l));
	l.n_keys = answer_columns(a, l.column);
	godb_result_totals(a->result, totals);
	choose(a, totals, &l.packets, &l.bytes);
	measure(a, &l);
	print_header(o, a);
	print_rows(o, a, &l);
	print_footer(o, a, &l);
}
