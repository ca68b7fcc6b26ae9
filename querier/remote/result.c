/*
 * result - the rows of an answer as they are kept, and as godb.h gives them
 * out.
 */
#include "querier/remote/run.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_ROWS 4096

struct string {
	uint32_t number;
	char text[];
};

static int
order_strings(const void *a, const void *b)
{
	return strcmp(((const struct string *)a)->text,
	    ((const struct string *)b)->text);
}

int
result_intern(struct strings *x, const char *text, uint32_t *out)
{
	size_t len = strlen(text);
	struct string *s, **found;

	if (x->n && strcmp(x->text[x->n - 1], text) == 0) {
		*out = (uint32_t)(x->n - 1);
		return 0;
	}
	s = malloc(sizeof(*s) + len + 1);
	if (!s)
		return -ENOMEM;
	memcpy(s->text, text, len + 1);
	s->number = (uint32_t)x->n;
	found = tsearch(s, &x->tree, order_strings);
	if (!found) {
		free(s);
		return -ENOMEM;
	}
	*out = (*found)->number;
	if (*found != s) {
		free(s);
		return 0;
	}
	if (x->n == x->room) {
		size_t room = x->room ? 2 * x->room : 64;
		const char **more = reallocarray(x->text, room,
		    sizeof(*more));

		if (!more || room > UINT32_MAX) {
			(void)tdelete(s, &x->tree, order_strings);
			free(s);
			return -ENOMEM;
		}
		x->text = more;
		x->room = room;
	}
	x->text[x->n++] = s->text;
	x->bytes += sizeof(*s) + len + 64;
	return 0;
}

int
result_new_row(struct godb_result *r, struct kept **out)
{
	size_t bound = r->scan->r->mem_bytes, at = r->n_rows / CHUNK_ROWS;

	if (r->n_rows % CHUNK_ROWS == 0) {
		struct kept **more;

		r->stats.mem_bytes = (r->n_rows + CHUNK_ROWS) *
		    sizeof(**out) + r->strings.bytes;
		if (bound && r->stats.mem_bytes > bound)
			return GODB_EMEMORY;
		more = reallocarray(r->chunk, at + 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		r->chunk = more;
		r->chunk[at] = malloc(CHUNK_ROWS * sizeof(**out));
		if (!r->chunk[at])
			return -ENOMEM;
	}
	*out = &r->chunk[at][r->n_rows % CHUNK_ROWS];
	memset(*out, 0, sizeof(**out));
	r->n_rows++;
	return 0;
}

const struct kept *
result_row_at(const struct godb_result *r, size_t i)
{
	return &r->chunk[i / CHUNK_ROWS][i % CHUNK_ROWS];
}

void
result_drop_rows(struct godb_result *r)
{
	for (size_t i = 0; i * CHUNK_ROWS < r->n_rows; i++)
		free(r->chunk[i]);
	free(r->chunk);
	r->chunk = NULL;
	r->n_rows = 0;
}

void
result_cut(struct godb_result *r, size_t n)
{
	for (size_t i = (n + CHUNK_ROWS - 1) / CHUNK_ROWS;
	     i * CHUNK_ROWS < r->n_rows; i++)
		free(r->chunk[i]);
	r->n_rows = n;
}

/* ---- godb.h -------------------------------------------------------------- */

void
godb_result_free(struct godb_result *r)
{
	if (!r)
		return;
	result_drop_rows(r);
	tdestroy(r->strings.tree, free);
	free(r->strings.text);
	for (size_t i = 0; i < r->n_unknown; i++)
		free(r->unknown[i].near_name);
	free(r->unknown);
	free(r->fault);
	free(r);
}

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
	return r->n_groups;
}

void
godb_result_row(const struct godb_result *r, size_t i,
    struct godb_result_row *out)
{
	const struct kept *k = result_row_at(r, i);
	const char *const *text = r->strings.text;

	memset(out, 0, sizeof(*out));
	out->time_s = k->time_s;
	out->version = k->version;
	out->sip = k->sip;
	out->dip = k->dip;
	out->dport = k->dport;
	out->proto = k->proto;
	out->iface = text ? text[k->iface] : "";
	out->site = text ? text[k->site] : "";
	out->l7proto = text ? text[k->l7] : "";
	out->category = text ? text[k->category] : "";
	if (!out->category[0])
		out->category = "Unspecified";
	memcpy(out->counter, k->counter, sizeof(out->counter));
	memcpy(out->extra, k->extra, sizeof(out->extra));
}

void
godb_result_totals(const struct godb_result *r, uint64_t counter[4])
{
	memcpy(counter, r->totals, sizeof(r->totals));
}

/* What a sensor could not read is known by the scan. */
size_t
godb_result_n_faults(const struct godb_result *r)
{
	return r->n_faults;
}

const struct godb_fault *
godb_result_fault(const struct godb_result *r, size_t i)
{
	return i < r->n_faults ? &r->fault[i] : NULL;
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
