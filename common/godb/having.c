#include "common/godb/having.h"

#include <errno.h>
#include <stdlib.h>

#define CHUNK 1024 /* groups at a time */
#define ASK_EVERY (64 * CHUNK) /* groups: a few milliseconds' work */

/* Some groups as columns; without addresses they pass for IPv4 rows. */
struct shown {
	struct godb_columns c;
	uint32_t sip4[CHUNK], dip4[CHUNK];
	struct godb_addr6 sip6[CHUNK], dip6[CHUNK];
	uint16_t dport[CHUNK], l7[CHUNK];
	uint8_t proto[CHUNK];
	uint64_t counter[4][CHUNK];
	uint64_t extra[GODB_N_EXTRAS][CHUNK];
	uint32_t sel[CHUNK];
};

static void
show(struct shown *s, const struct gdi_group *g, uint32_t first, size_t n)
{
	s->c.n4 = s->c.n6 = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t id = first + (uint32_t)i;
		const uint64_t *counter = gdi_group_counters(g, id);
		struct gdi_group_key key;

		gdi_group_key(g, id, &key);
		if (key.version == 6) {
			s->sip6[s->c.n6] = key.sip;
			s->dip6[s->c.n6++] = key.dip;
		} else {
			s->sip4[s->c.n4] = (uint32_t)key.sip.lo;
			s->dip4[s->c.n4++] = (uint32_t)key.dip.lo;
		}
		s->dport[i] = key.dport;
		s->l7[i] = key.l7;
		s->proto[i] = key.proto;
		for (unsigned k = 0; k < 4; k++)
			s->counter[k][i] = counter[k];
		for (unsigned k = 0; k < GODB_N_EXTRAS; k++)
			s->extra[k][i] = gdi_group_extra(g, id,
			    (enum godb_metric)(GODB_METRIC_EXTRA + k));
	}
}

static struct shown *
shown_new(struct gdi_filter *f, bool host)
{
	struct shown *s = calloc(1, sizeof(*s));
	const uint64_t *extra[GODB_N_EXTRAS];

	if (!s)
		return NULL;
	/* either end of a row is the host of its group */
	s->c.sip4 = s->sip4;
	s->c.dip4 = host ? s->sip4 : s->dip4;
	s->c.sip6 = s->sip6;
	s->c.dip6 = host ? s->sip6 : s->dip6;
	s->c.dport = s->dport;
	s->c.proto = s->proto;
	s->c.l7 = s->l7;
	for (unsigned k = 0; k < 4; k++)
		s->c.counter[k] = s->counter[k];
	for (unsigned k = 0; k < GODB_N_EXTRAS; k++)
		extra[k] = s->extra[k];
	gdi_filter_extras(f, extra);
	return s;
}

int
gdi_having(const struct gdi_group *g, struct gdi_filter *f, size_t mem_bytes,
    uint32_t **ids, size_t *n)
{
	size_t all = gdi_group_count(g), kept = 0;
	struct shown *s;
	uint32_t *out;
	int rc = 0;

	if (mem_bytes && all > mem_bytes / sizeof(*out))
		return GODB_EMEMORY;
	out = malloc((all ? all : 1) * sizeof(*out));
	s = shown_new(f, gdi_group_by_host(g));
	if (!out || !s) {
		free(out);
		free(s);
		return -ENOMEM;
	}
	for (size_t at = 0; rc == 0 && at < all; at += CHUNK) {
		size_t some = all - at < CHUNK ? all - at : CHUNK;

		if (at % ASK_EVERY == 0)
			rc = gdi_group_stop(g, 0);
		show(s, g, (uint32_t)at, some);
		some = gdi_filter_select(f, &s->c, s->sel);
		for (size_t i = 0; i < some; i++)
			out[kept++] = (uint32_t)at + s->sel[i];
	}
	free(s);
	if (rc < 0) {
		free(out);
		return rc;
	}
	*ids = out;
	*n = kept;
	return 0;
}
