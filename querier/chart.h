/*
 * chart - the volume of an answer over time: a second question over the same
 * scan, in as many bins as fit.
 */
#ifndef CHART_H
#define CHART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/godb/godb.h"
#include "querier/out.h"

#define CHART_BINS_MAX 400

struct chart {
	int64_t bin_s;
	enum godb_metric metric; /* bytes or packets, of one direction or both */
	size_t n;
	struct chart_bin {
		int64_t time_s;
		uint64_t value;
	} bin[CHART_BINS_MAX]; /* in order of time, without empty ones */
	uint64_t most;             /* largest value */
	int64_t first_s, last_s;   /* what the bins span */
};

/* Asks the scan with the question's condition.  bin_s 0: chosen to fit. */
int chart_make(const struct godb_scan *s, const struct godb_query_opts *opts,
    int64_t bin_s, int64_t first_s, int64_t last_s, struct chart *out);

struct style;
/* Some lines for a terminal. */
void chart_plot(struct out *o, const struct chart *c,
    const struct style *style);
/* A bar of up to `cells` cells for value of most. */
void chart_bar(struct out *o, uint64_t value, uint64_t most, unsigned cells,
    bool unicode);
/* An <svg> element. */
void chart_svg(struct out *o, const struct chart *c);

#endif
