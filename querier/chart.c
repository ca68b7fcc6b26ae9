#include "querier/chart.h"

#include "common/base/clock.h"
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
		    to + GP_SLOT_S <= *first_s || from >= *last_s)
			continue;
		first = from < first ? from : first;
		last = to + GP_SLOT_S > last ? to + GP_SLOT_S : last;
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
	o.pool = opts->pool;
	o.no_rollups = opts->no_rollups;
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

/* What a terminal shows: bars of as many bins each, so that equal traffic gives
 * equal bars, all as wide. */
struct bars {
	size_t n;
	unsigned bins;  /* that a bar sums up */
	unsigned cells; /* that it is wide */
	uint64_t value[CHART_BINS_MAX], most;
};

/* Bins of local days may be an hour longer or shorter than the others. */
static size_t
bin_index(const struct chart *c, int64_t time_s)
{
	int64_t at = (time_s - c->first_s + c->bin_s / 2) / c->bin_s;

	return at > 0 ? (size_t)at : 0;
}

/* As few as fit, or some more that leave none over for a last, lower bar. */
static unsigned
bins_per_bar(size_t n, unsigned width)
{
	unsigned least = (unsigned)((n + width - 1) / width);

	for (unsigned bins = least; bins < 2 * least; bins++) {
		if (n % bins == 0)
			return bins;
	}
	return least;
}

static void
make_bars(const struct chart *c, unsigned width, struct bars *b)
{
	size_t n = bin_index(c, when_bin(c->last_s - 1, c->bin_s)) + 1;

	memset(b, 0, sizeof(*b));
	b->bins = bins_per_bar(n, width);
	b->n = (n + b->bins - 1) / b->bins;
	b->cells = b->bins > 1 ? 1 : (unsigned)(width / b->n);
	for (size_t i = 0; i < c->n; i++) {
		size_t at = bin_index(c, c->bin[i].time_s) / b->bins;
		uint64_t *v = &b->value[at < b->n ? at : b->n - 1];

		*v = units_sum(*v, c->bin[i].value);
		b->most = *v > b->most ? *v : b->most;
	}
}

static void
put_line(struct out *o, const struct bars *b, unsigned y, bool unicode)
{
	for (size_t x = 0; x < b->n * b->cells; x++) {
		unsigned h = scale(b->value[x / b->cells], b->most,
		    PLOT_ROWS * 8);
		unsigned part = h > y * 8 ? h - y * 8 : 0;

		part = part > 8 ? 8 : part;
		if (unicode)
			out_str(o, heights[part]);
		else
			out_char(o, part ? '#' : ' ');
	}
}

/* "bar: 30 min" */
static void
format_length(int64_t s, char out[UNITS_TEXT_MAX])
{
	const char *unit = s % 86400 == 0 ? "d" : s % 3600 == 0 ? "h" : "min";
	int64_t n = s / (s % 86400 == 0 ? 86400 : s % 3600 == 0 ? 3600 : 60);

	(void)snprintf(out, UNITS_TEXT_MAX, "bar: %lld %s", (long long)n, unit);
}

void
chart_plot(struct out *o, const struct chart *c, const struct style *style)
{
	unsigned width = style->width > 32 ? style->width - 14 : 18;
	char text[UNITS_TEXT_MAX], first[WHEN_TEXT_MAX], last[WHEN_TEXT_MAX];
	struct bars b;

	if (width > CHART_BINS_MAX)
		width = CHART_BINS_MAX;
	make_bars(c, width, &b);
	out_char(o, '\n');
	for (unsigned y = PLOT_ROWS; y-- > 0;) {
		text[0] = '\0';
		if (y + 1 == PLOT_ROWS)
			format_value(c, b.most, text);
		out_fmt(o, "%12s |", text);
		put_line(o, &b, y, style->unicode);
		out_char(o, '\n');
	}
	when_format_local(c->first_s, first);
	when_format_local(c->last_s, last);
	format_length(c->bin_s * b.bins, text);
	out_fmt(o, "%12s  %s .. %s\n", text, first, last);
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
