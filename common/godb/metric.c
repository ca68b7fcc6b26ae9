/*
 * metric - what is counted: names, and values of groups.
 */
#include "common/godb/group.h"

#include "common/base/words.h"

#include <errno.h>

static const char *const names[GODB_N_METRICS] = {
	[GODB_METRIC_BYTES] = "bytes",
	[GODB_METRIC_PACKETS] = "packets",
	[GODB_METRIC_BYTES_RCVD] = "bytes_rcvd",
	[GODB_METRIC_BYTES_SENT] = "bytes_sent",
	[GODB_METRIC_PACKETS_RCVD] = "packets_rcvd",
	[GODB_METRIC_PACKETS_SENT] = "packets_sent",
	[GODB_METRIC_ROWS] = "rows",
	[GODB_METRIC_SIPS] = "sips",
	[GODB_METRIC_DIPS] = "dips",
	[GODB_METRIC_DPORTS] = "dports",
};

const char *
godb_metric_name(enum godb_metric m)
{
	return (unsigned)m < GODB_N_METRICS ? names[m] : NULL;
}

int
godb_metric_parse(const char *text)
{
	for (int m = 0; m < GODB_N_METRICS; m++) {
		if (gp_words_casecmp(names[m], text) == 0)
			return m;
	}
	return -EINVAL;
}

/* Received, sent, or both. */
static uint64_t
choose(const uint64_t pair[2], enum godb_direction direction)
{
	switch (direction) {
	case GODB_DIR_RCVD:
		return pair[0];
	case GODB_DIR_SENT:
		return pair[1];
	case GODB_DIR_BOTH:
		break;
	}
	return gdi_add(pair[0], pair[1]);
}

uint64_t
godb_metric_counter(const uint64_t counters[4], enum godb_metric m,
    enum godb_direction direction)
{
	switch (m) {
	case GODB_METRIC_BYTES:
		return choose(counters, direction);
	case GODB_METRIC_PACKETS:
		return choose(counters + 2, direction);
	case GODB_METRIC_BYTES_RCVD:
		return counters[0];
	case GODB_METRIC_BYTES_SENT:
		return counters[1];
	case GODB_METRIC_PACKETS_RCVD:
		return counters[2];
	case GODB_METRIC_PACKETS_SENT:
		return counters[3];
	case GODB_METRIC_ROWS:
	case GODB_METRIC_SIPS:
	case GODB_METRIC_DIPS:
	case GODB_METRIC_DPORTS:
	case GODB_N_METRICS:
		break;
	}
	return 0;
}

uint64_t
gdi_metric_value(const struct gdi_group *g, uint32_t id, enum godb_metric m,
    enum godb_direction direction)
{
	if (m >= GODB_METRIC_EXTRA)
		return gdi_group_extra(g, id, m);
	return godb_metric_counter(gdi_group_counters(g, id), m, direction);
}
