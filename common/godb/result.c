#include "common/godb/result.h"

#include "common/base/clock.h"
#include "common/godb/filter.h"
#include "common/godb/group.h"
#include "common/godb/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_AHEAD 8 /* rows: a few microseconds' work */

/* ---- names ------------------------------------------------------------- */

/* Texts of all application ids that groups have; ids that the store cannot
 * name show their number, so that they stay apart. */
int
gdi_result_name_l7(struct godb_result *r)
{
	size_t n = godb_scan_n_l7(r->scan), made = 0;
	bool *used = calloc(GDI_N_L7, sizeof(*used));
	int rc = -ENOMEM;

	r->l7_text = calloc(GDI_N_L7, sizeof(*r->l7_text));
	if (!used || !r->l7_text)
		goto out;
	for (size_t id = 0; id < n && id < GDI_N_L7; id++)
		r->l7_text[id] = godb_scan_l7_name(r->scan, (uint16_t)id);
	gdi_group_l7(r->group, used);
	for (size_t id = 0; id < GDI_N_L7; id++) {
		used[id] &= !r->l7_text[id];
		made += used[id];
	}
	r->made = calloc(made ? made : 1, sizeof(*r->made));
	if (!r->made)
		goto out;
	for (size_t id = GDI_N_L7; id-- > 0;) {
		if (!used[id])
			continue;
		(void)snprintf(r->made[--made], GDI_MADE_MAX, "[id %zu]", id);
		r->l7_text[id] = r->made[made];
	}
	rc = 0;
out:
	free(used);
	return rc;
}

struct text_place {
	const char *text;
	uint16_t number;
};

static int
order_texts(const void *a, const void *b)
{
	const struct text_place *x = a, *y = b;

	return strcmp(x->text, y->text);
}

/* Place of each number's text among the n texts; equal texts share one. */
static void
place_texts(struct text_place *texts, size_t n, uint16_t *rank)
{
	uint16_t place = 0;

	qsort(texts, n, sizeof(*texts), order_texts);
	for (size_t i = 0; i < n; i++) {
		if (i && strcmp(texts[i].text, texts[i - 1].text) != 0)
			place++;
		rank[texts[i].number] = place;
	}
}

int
gdi_result_rank_l7(const struct godb_result *r, uint16_t **out)
{
	struct text_place *texts = reallocarray(NULL, GDI_N_L7,
	    sizeof(*texts));
	uint16_t *rank = calloc(GDI_N_L7, sizeof(*rank));
	size_t n = 0;

	if (!texts || !rank) {
		free(texts);
		free(rank);
		return -ENOMEM;
	}
	for (size_t id = 0; id < GDI_N_L7; id++) {
		if (r->l7_text[id])
			texts[n++] = (struct text_place){r->l7_text[id],
			    (uint16_t)id};
	}
	place_texts(texts, n, rank);
	free(texts);
	*out = rank;
	return 0;
}

void
gdi_rank_protos(uint16_t rank[256])
{
	struct text_place texts[256];
	char digits[256][4];

	for (unsigned i = 0; i < 256; i++) {
		const char *name = godb_proto_name((uint8_t)i);

		(void)snprintf(digits[i], sizeof(digits[i]), "%u", i);
		texts[i] = (struct text_place){name ? name : digits[i],
		    (uint16_t)i};
	}
	place_texts(texts, 256, rank);
}

int
gdi_result_note_unknown(struct godb_result *r, const struct gdi_filter *f)
{
	const char *name, *near_name;
	bool category;

	for (size_t i = 0; (name = gdi_filter_unknown(f, i, &near_name,
				&category)); i++) {
		struct gdi_unknown_name *more = reallocarray(r->unknown,
		    r->n_unknown + 1, sizeof(*more));

		if (!more)
			return -ENOMEM;
		r->unknown = more;
		more += r->n_unknown;
		*more = (struct gdi_unknown_name){strdup(name), near_name,
		    category};
		if (!more->name)
			return -ENOMEM;
		r->n_unknown++;
	}
	return 0;
}

void
godb_result_free(struct godb_result *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_unknown; i++)
		free(r->unknown[i].name);
	free(r->unknown);
	gdi_group_free(r->group);
	free(r->ids);
	free(r->lost);
	free(r->l7_text);
	free(r->made);
	godb_scan_close(r->own_scan);
	free(r);
}

/* ---- reading ----------------------------------------------------------- */

size_t
godb_result_n_rows(const struct godb_result *r)
{
	return r->n_rows;
}

size_t
godb_result_n_hits(const struct godb_result *r)
{
	return r->n_hits;
}

size_t
godb_result_n_groups(const struct godb_result *r)
{
	return gdi_group_found(r->group);
}

void
godb_result_row(const struct godb_result *r, size_t i,
    struct godb_result_row *out)
{
	const uint64_t *counters = gdi_group_counters(r->group, r->ids[i]);
	struct gdi_group_key key;

	/* groups are asked for in the answer's order, which is not theirs */
	if (i + READ_AHEAD < r->n_rows)
		gdi_group_prefetch(r->group, r->ids[i + READ_AHEAD]);
	gdi_group_key(r->group, r->ids[i], &key);
	memset(out, 0, sizeof(*out));
	out->time_s = (int64_t)key.slot * GP_SLOT_S;
	out->iface = r->by_iface ? godb_scan_iface(r->scan, key.iface) : "";
	out->version = key.version;
	out->sip = key.sip;
	out->dip = key.dip;
	out->dport = key.dport;
	out->proto = key.proto;
	out->l7 = key.l7;
	out->l7proto = r->l7_text ? r->l7_text[key.l7] : "";
	out->category = r->l7_text ? godb_scan_l7_category(r->scan, key.l7) : "";
	if (!out->category)
		out->category = "Unspecified";
	memcpy(out->counter, counters, sizeof(out->counter));
	gdi_group_extras(r->group, r->ids[i], out->extra);
}

void
godb_result_totals(const struct godb_result *r, uint64_t counter[4])
{
	memcpy(counter, r->totals, sizeof(r->totals));
}

size_t
godb_result_n_faults(const struct godb_result *r)
{
	return r->n_lost;
}

const struct godb_fault *
godb_result_fault(const struct godb_result *r, size_t i)
{
	return i < r->n_lost ? &r->lost[i].fault : NULL;
}

const char *
godb_result_unknown_l7(const struct godb_result *r, size_t i,
    const char **near_name)
{
	if (i >= r->n_unknown)
		return NULL;
	*near_name = r->unknown[i].near_name;
	return r->unknown[i].name;
}

bool
godb_result_unknown_is_category(const struct godb_result *r, size_t i)
{
	return i < r->n_unknown && r->unknown[i].category;
}

void
godb_result_stats(const struct godb_result *r, struct godb_result_stats *out)
{
	*out = r->stats;
}
