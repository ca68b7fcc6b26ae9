#include "querier/chart.h"

#include "querier/answer.h"
#include "querier/units.h"
#include "querier/when.h"

#include <stdio.h>
#include <string.h>

#define PLOT_ROWS  10
#define SVG_WIDTH  960
#define SVG_HEIGHT 220

static int64_t
bin_of(void *arg, int64_t slot_s)
{
	return when_bin(slot_s, *(const int64_t *)arg);
}

/* What of the window the interfaces' blocks span.  Not the scan's parts: days
 * that an address index rules out have none. */
static void
find_extent(const struct godb_scan *s, int64_t *first_s, int64_t *last_s)
{
	int64_t first = INT64_MAX, last = INT64_MIN;

	for (size_t i = 0; i < godb_scan_n_ifaces(s); i++) {
		int64_t from, to;

		if (!godb_scan_extent(s, i, &from, &to) ||
		    to + 300 <= *first_s || from >= *last_s)
			continue;
		first = from < first ? from : first;
		last = to + 300 > last ? to + 300 : last;
	}
	if (first < last) {
		*first_s = first > *first_s ? first : *first_s;
		*last_s = last < *last_s ? last : *last_s;
	}
}

static int64_t
choose_bin(int64_t span_s)
{
	static const int64_t bins[] = {300, 900, 3600, 21600, 86400, 604800,
	    28 * 86400, 364 * 86400};
	size_t i = 0;

	while (i + 1 < sizeof(bins) / sizeof(bins[0]) &&
	    span_s / bins[i] > CHART_BINS_MAX / 2)
		i++;
	return bins[i];
}

static enum godb_metric
metric_of(const struct godb_query_opts *o)
{
	bool packets = o->sort == GODB_SORT_PACKETS;

	if (o->direction == GODB_DIR_RCVD)
		return packets ? GODB_METRIC_PACKETS_RCVD
			       : GODB_METRIC_BYTES_RCVD;
	if (o->direction == GODB_DIR_SENT)
		return packets ? GODB_METRIC_PACKETS_SENT
			       : GODB_METRIC_BYTES_SENT;
	return packets ? GODB_METRIC_PACKETS : GODB_METRIC_BYTES;
}

static void
take_bins(struct chart *c, const struct godb_result *r)
{
	c->n = godb_result_n_rows(r);
	for (size_t i = 0; i < c->n; i++) {
		struct godb_result_row row;

		godb_result_row(r, i, &row);
		c->bin[i].time_s = row.time_s;
		c->bin[i].value = godb_metric_counter(row.counter, c->metric,
		    GODB_DIR_BOTH);
		if (c->bin[i].value > c->most)
			c->most = c->bin[i].value;
	}
}

int
chart_make(const struct godb_scan *s, const struct godb_query_opts *opts,
    int64_t bin_s, int64_t first_s, int64_t last_s, struct chart *out)
{
	struct godb_query_opts o = GODB_QUERY_OPTS_INIT;
	struct godb_result *r;
	int rc;

	memset(out, 0, sizeof(*out));
	find_extent(s, &first_s, &last_s);
	if (!bin_s || (last_s - first_s) / bin_s > CHART_BINS_MAX - 2)
		bin_s = choose_bin(last_s - first_s);
	out->bin_s = bin_s;
	out->metric = metric_of(opts);
	out->first_s = when_bin(first_s, bin_s);
	out->last_s = last_s;
	o.keys.n = 1;
	o.cond = opts->cond;
	o.sort = GODB_KEY_TIME;
	o.mem_bytes = opts->mem_bytes;
	o.progress = opts->progress;
	o.progress_arg = opts->progress_arg;
	o.limit = CHART_BINS_MAX;
	o.bin = bin_of;
	o.bin_arg = &bin_s;
	rc = godb_query_run(s, &o, &r);
	if (rc < 0)
		return rc;
	take_bins(out, r);
	godb_result_free(r);
	return 0;
}

static void
format_value(const struct chart *c, uint64_t value, char out[UNITS_TEXT_MAX])
{
	if (c->metric == GODB_METRIC_PACKETS ||
	    c->metric == GODB_METRIC_PACKETS_RCVD ||
	    c->metric == GODB_METRIC_PACKETS_SENT)
		units_packets(value, out);
	else
		units_bytes(value, out);
}

/* ---- terminal ------------------------------------------------------------ */

static const char *const eighths[] = {"", "\xe2\x96\x8f", "\xe2\x96\x8e",
    "\xe2\x96\x8d", "\xe2\x96\x8c", "\xe2\x96\x8b", "\xe2\x96\x8a",
    "\xe2\x96\x89", "\xe2\x96\x88"};
static const char *const heights[] = {" ", "\xe2\x96\x81", "\xe2\x96\x82",
    "\xe2\x96\x83", "\xe2\x96\x84", "\xe2\x96\x85", "\xe2\x96\x86",
    "\xe2\x96\x87", "\xe2\x96\x88"};

/* value of most in steps of 1 / n, at least one for anything at all. */
static unsigned
scale(uint64_t value, uint64_t most, unsigned n)
{
	unsigned steps;

	if (most == 0 || value == 0)
		return 0;
	steps = (unsigned)((double)value / (double)most * n + 0.5);
	return steps == 0 ? 1 : steps;
}

void
chart_bar(struct out *o, uint64_t value, uint64_t most, unsigned cells,
    bool unicode)
{
	unsigned steps = scale(value, most, cells * 8);

	if (!unicode) {
		for (unsigned i = 0; i < (steps + 7) / 8; i++)
			out_char(o, '#');
		return;
	}
	for (; steps >= 8; steps -= 8)
		out_str(o, eighths[8]);
	out_str(o, eighths[steps]);
}

/* Sums of the bins that share a character cell's column. */
static void
fold(const struct chart *c, uint64_t *column, unsigned width)
{
	int64_t span = c->last_s - c->first_s;

	memset(column, 0, width * sizeof(column[0]));
	for (size_t i = 0; i < c->n && span > 0; i++) {
		int64_t at = (c->bin[i].time_s - c->first_s) * width / span;
		int64_t end = (c->bin[i].time_s + c->bin_s - c->first_s) *
		    width / span;

		if (at < 0 || at >= width)
			continue;
		/* a wide bin is drawn as wide as it is, narrow ones add up */
		if (end <= at + 1) {
			column[at] += c->bin[i].value;
			continue;
		}
		for (; at < end && at < width; at++)
			column[at] = c->bin[i].value;
	}
}

void
chart_plot(struct out *o, const struct chart *c, const struct style *style)
{
	uint64_t column[CHART_BINS_MAX], most = 0;
	unsigned width = style->width > 32 ? style->width - 14 : 18;
	char text[UNITS_TEXT_MAX], first[WHEN_TEXT_MAX], last[WHEN_TEXT_MAX];

	if (width > CHART_BINS_MAX)
		width = CHART_BINS_MAX;
	fold(c, column, width);
	for (unsigned x = 0; x < width; x++)
		most = column[x] > most ? column[x] : most;
	out_char(o, '\n');
	for (unsigned y = PLOT_ROWS; y-- > 0;) {
		text[0] = '\0';
		if (y + 1 == PLOT_ROWS)
			format_value(c, most, text);
		out_fmt(o, "%12s |", text);
		for (unsigned x = 0; x < width; x++) {
			unsigned h = scale(column[x], most, PLOT_ROWS * 8);
			unsigned part = h > y * 8 ? h - y * 8 : 0;

			part = part > 8 ? 8 : part;
			if (style->unicode)
				out_str(o, heights[part]);
			else
				out_char(o, part ? '#' : ' ');
		}
		out_char(o, '\n');
	}
	when_format_local(c->first_s, first);
	when_format_local(c->last_s, last);
	out_fmt(o, "%12s  %s .. %s\n", "", first, last);
}

/* ---- SVG ----------------------------------------------------------------- */

void
chart_svg(struct out *o, const struct chart *c)
{
	int64_t span = c->last_s - c->first_s;
	char text[UNITS_TEXT_MAX], when[WHEN_TEXT_MAX], end[WHEN_TEXT_MAX];

	format_value(c, c->most, text);
	when_format_local(c->first_s, when);
	when_format_local(c->last_s, end);
	out_fmt(o, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s "
	    "over time\">\n", SVG_WIDTH, SVG_HEIGHT + 30,
	    godb_metric_name(c->metric));
	out_fmt(o, "<text x=\"0\" y=\"12\">%s</text>\n", text);
	out_fmt(o, "<line x1=\"0\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n",
	    SVG_HEIGHT, SVG_WIDTH, SVG_HEIGHT);
	for (size_t i = 0; i < c->n && span > 0 && c->most > 0; i++) {
		const struct chart_bin *b = &c->bin[i];
		double x = (double)(b->time_s - c->first_s) * SVG_WIDTH /
		    (double)span;
		double w = (double)c->bin_s * SVG_WIDTH / (double)span;
		double h = (double)b->value / (double)c->most *
		    (SVG_HEIGHT - 20);

		if (x + w > SVG_WIDTH)
			w = SVG_WIDTH - x;
		when_format_local(b->time_s, when);
		format_value(c, b->value, text);
		out_fmt(o, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" "
		    "height=\"%.2f\"><title>%s: %s</title></rect>\n", x,
		    SVG_HEIGHT - h, w > 1.5 ? w - 0.5 : w, h, when, text);
	}
	when_format_local(c->first_s, when);
	out_fmt(o, "<text x=\"0\" y=\"%d\">%s</text>\n", SVG_HEIGHT + 20, when);
	out_fmt(o, "<text x=\"%d\" y=\"%d\" class=\"end\">%s</text>\n</svg>\n",
	    SVG_WIDTH, SVG_HEIGHT + 20, end);
}
