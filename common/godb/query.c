/*
 * query - run a question over a scan: filter, group, rank.
 */
#include "common/godb/godb.h"

#include "common/godb/filter.h"
#include "common/godb/group.h"
#include "common/godb/having.h"
#include "common/godb/rank.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_L7     65536
#define MADE_MAX 16 /* text of an id without a name */

struct unknown_name {
	char *name;
	const char *near_name; /* borrowed from the scan */
};

struct godb_result {
	const struct godb_scan *scan;
	struct gdi_group *group;
	uint32_t *ids;
	size_t n_rows, n_hits;
	uint64_t totals[4];
	struct godb_fault *fault;
	size_t n_faults;
	struct unknown_name *unknown;
	size_t n_unknown;
	const char **l7_text; /* N_L7, when grouped by it */
	char (*made)[MADE_MAX]; /* texts of ids that the store cannot name */
	struct godb_result_stats stats;
};

/* What a run needs and a result does not. */
struct run {
	const struct godb_scan *scan;
	const struct godb_query_opts *opts;
	struct godb_result *result;
	struct gdi_filter *filter, *having;
	struct godb_cursor *probe, *rest; /* condition's columns; all others */
	uint32_t probe_columns, rest_columns;
	bool want4, want6;
	uint32_t *sel;
	size_t sel_room;
};

/* ---- parts ------------------------------------------------------------- */

static int
note_fault(struct godb_result *r, const struct godb_part *part, int rc,
    const struct godb_fault *fault)
{
	struct godb_fault *more =
	    reallocarray(r->fault, r->n_faults + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	r->fault = more;
	more += r->n_faults++;
	*more = *fault;
	more->iface = part->iface;
	more->first_s = part->slot_s;
	more->last_s = part->slot_s + 300;
	more->rc = rc;
	return 0;
}

/* The machine's trouble ends a query; a part's own costs that part. */
static bool
is_fatal(int rc)
{
	return rc == -ENOMEM || rc == GODB_EMEMORY || rc == -EMFILE ||
	    rc == -ENFILE || rc == -EINVAL;
}

/* Loads columns; 1: left out, a fault was noted. */
static int
load(struct run *run, struct godb_cursor *cursor, size_t i, uint32_t columns,
    struct godb_columns *out)
{
	struct godb_fault fault;
	int rc;

	memset(&fault, 0, sizeof(fault));
	memset(out, 0, sizeof(*out));
	rc = godb_cursor_load(cursor, i, columns, run->want4, run->want6, out,
	    &fault);
	if (rc >= 0)
		return 0;
	if (is_fatal(rc))
		return rc;
	rc = note_fault(run->result, godb_scan_part(run->scan, i), rc, &fault);
	return rc < 0 ? rc : 1;
}

static int
reserve_sel(struct run *run, size_t rows)
{
	size_t bound = run->opts->mem_bytes;
	uint32_t *sel;

	if (rows <= run->sel_room)
		return 0;
	if (bound && rows > bound / sizeof(*sel))
		return GODB_EMEMORY;
	free(run->sel);
	run->sel_room = 0;
	run->sel = malloc(rows * sizeof(*sel));
	if (!run->sel)
		return -ENOMEM;
	run->sel_room = rows;
	return 0;
}

/* Columns of both loads in one; the counts agree. */
static void
merge_columns(struct godb_columns *into, const struct godb_columns *from)
{
	if (!into->sip4)
		into->sip4 = from->sip4;
	if (!into->dip4)
		into->dip4 = from->dip4;
	if (!into->sip6)
		into->sip6 = from->sip6;
	if (!into->dip6)
		into->dip6 = from->dip6;
	if (!into->dport)
		into->dport = from->dport;
	if (!into->proto)
		into->proto = from->proto;
	if (!into->l7)
		into->l7 = from->l7;
	for (unsigned k = 0; k < 4; k++) {
		if (!into->counter[k])
			into->counter[k] = from->counter[k];
	}
}

/* First the condition's columns, and the others only if any row qualifies. */
static int
take_part(struct run *run, size_t i)
{
	struct godb_result_stats *stats = &run->result->stats;
	struct godb_columns probe, c;
	size_t n = 0;
	int rc;

	memset(&probe, 0, sizeof(probe));
	memset(&c, 0, sizeof(c));
	if (run->probe_columns) {
		rc = load(run, run->probe, i, run->probe_columns, &probe);
		if (rc != 0)
			return rc < 0 ? rc : 0;
		rc = reserve_sel(run, (size_t)probe.n4 + probe.n6);
		if (rc < 0)
			return rc;
		n = gdi_filter_select(run->filter, &probe, run->sel);
		stats->rows += (uint64_t)probe.n4 + probe.n6;
		if (n == 0)
			return 0;
	}
	rc = load(run, run->rest, i, run->rest_columns, &c);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (!run->probe_columns) {
		rc = reserve_sel(run, (size_t)c.n4 + c.n6);
		if (rc < 0)
			return rc;
		n = gdi_filter_select(run->filter, &c, run->sel);
		stats->rows += (uint64_t)c.n4 + c.n6;
	} else if (c.n4 != probe.n4 || c.n6 != probe.n6) {
		return -EINVAL; /* the reader broke its contract */
	}
	merge_columns(&c, &probe);
	stats->rows_matched += n;
	return gdi_group_add(run->result->group, godb_scan_part(run->scan, i),
	    &c, run->sel, n);
}

static int
take_parts(struct run *run)
{
	const struct godb_query_opts *opts = run->opts;
	size_t n = godb_scan_n_parts(run->scan);
	int rc;

	for (size_t i = 0; i < n; i++) {
		const struct godb_part *part = godb_scan_part(run->scan, i);

		if (opts->progress && opts->progress(opts->progress_arg, i, n))
			return GODB_ECANCELLED;
		run->result->stats.parts++;
		if (!(part->n4 && run->want4) && !(part->n6 && run->want6)) {
			run->result->stats.parts_skipped++;
			continue;
		}
		rc = take_part(run, i);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---- names ------------------------------------------------------------- */

/* Texts of all application ids that groups have; ids that the store cannot
 * name show their number, so that they stay apart. */
static int
name_l7(struct godb_result *r)
{
	size_t n = godb_scan_n_l7(r->scan), n_groups, made = 0;
	bool *used = calloc(N_L7, sizeof(*used));
	int rc = -ENOMEM;

	r->l7_text = calloc(N_L7, sizeof(*r->l7_text));
	if (!used || !r->l7_text)
		goto out;
	for (size_t id = 0; id < n && id < N_L7; id++)
		r->l7_text[id] = godb_scan_l7_name(r->scan, (uint16_t)id);
	n_groups = gdi_group_count(r->group);
	for (size_t i = 0; i < n_groups; i++) {
		struct gdi_group_key key;

		gdi_group_key(r->group, (uint32_t)i, &key);
		if (!r->l7_text[key.l7] && !used[key.l7]) {
			used[key.l7] = true;
			made++;
		}
	}
	r->made = calloc(made ? made : 1, sizeof(*r->made));
	if (!r->made)
		goto out;
	for (size_t id = N_L7; id-- > 0;) {
		if (!used[id])
			continue;
		(void)snprintf(r->made[--made], MADE_MAX, "[id %zu]", id);
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

static int
rank_l7(const struct godb_result *r, uint16_t **out)
{
	struct text_place *texts = calloc(N_L7, sizeof(*texts));
	uint16_t *rank = calloc(N_L7, sizeof(*rank));
	size_t n = 0;

	if (!texts || !rank) {
		free(texts);
		free(rank);
		return -ENOMEM;
	}
	for (size_t id = 0; id < N_L7; id++) {
		if (r->l7_text[id])
			texts[n++] = (struct text_place){r->l7_text[id],
			    (uint16_t)id};
	}
	place_texts(texts, n, rank);
	free(texts);
	*out = rank;
	return 0;
}

static void
rank_protos(uint16_t rank[256])
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

static int
note_unknown(struct godb_result *r, const struct gdi_filter *f)
{
	const char *name, *near_name;

	for (size_t i = 0; (name = gdi_filter_unknown(f, i, &near_name)); i++) {
		struct unknown_name *more = reallocarray(r->unknown,
		    r->n_unknown + 1, sizeof(*more));

		if (!more)
			return -ENOMEM;
		r->unknown = more;
		more += r->n_unknown;
		*more = (struct unknown_name){strdup(name), near_name};
		if (!more->name)
			return -ENOMEM;
		r->n_unknown++;
	}
	return 0;
}

/* ---- run --------------------------------------------------------------- */

static bool
keys_are_sane(const struct godb_keys *keys, uint32_t seen)
{
	const uint32_t ends = 1u << GODB_KEY_SIP | 1u << GODB_KEY_DIP;

	for (unsigned k = 0; k < GODB_N_KEYS; k++) {
		if (keys->drop4[k] > 32 || keys->drop6[k] > 128)
			return false;
	}
	return !(seen & 1u << GODB_KEY_HOST) || !(seen & ends);
}

static bool
opts_are_sane(const struct godb_scan *s, const struct godb_query_opts *o)
{
	uint32_t seen = 0;

	if (o->size != sizeof(*o) || o->keys.n == 0 ||
	    o->keys.n > GODB_N_KEYS || godb_scan_n_ifaces(s) > UINT16_MAX)
		return false;
	for (unsigned i = 0; i < o->keys.n; i++) {
		if ((unsigned)o->keys.key[i] >= GODB_N_KEYS ||
		    (seen & 1u << o->keys.key[i]))
			return false;
		seen |= 1u << o->keys.key[i];
	}
	if (!keys_are_sane(&o->keys, seen) ||
	    o->metrics >= 1u << GODB_N_METRICS)
		return false;
	if (o->sort >= 0
		? o->sort >= GODB_N_KEYS || !(seen & 1u << o->sort)
		: GODB_SORT_METRIC(o->sort) >= GODB_N_METRICS)
		return false;
	return !o->share ||
	    (o->sort < 0 && !o->ascending && o->share <= 10000 &&
		GODB_SORT_METRIC(o->sort) <= GODB_METRIC_ROWS);
}

/* What only groups have and somebody asks for. */
static uint32_t
metrics_of(const struct godb_query_opts *o)
{
	uint32_t metrics = o->metrics;

	if (o->sort < 0)
		metrics |= 1u << GODB_SORT_METRIC(o->sort);
	if (o->having)
		metrics |= godb_cond_metrics(o->having);
	return metrics & ~((1u << GODB_METRIC_EXTRA) - 1);
}

static int
open_run(struct run *run)
{
	struct gdi_group_opts group = {&run->opts->keys, metrics_of(run->opts),
	    run->opts->mem_bytes, run->opts->bin, run->opts->bin_arg};
	int rc;

	rc = gdi_filter_new(run->opts->cond, run->scan, &run->filter);
	if (rc < 0)
		return rc;
	rc = note_unknown(run->result, run->filter);
	if (rc < 0)
		return rc;
	if (run->opts->having) {
		rc = gdi_filter_new(run->opts->having, run->scan, &run->having);
		if (rc == 0)
			rc = note_unknown(run->result, run->having);
		if (rc < 0)
			return rc;
	}
	rc = gdi_group_new(&group, &run->result->group);
	if (rc < 0)
		return rc;
	run->want4 = gdi_filter_verdict(run->filter, 4) != GDI_NEVER;
	run->want6 = gdi_filter_verdict(run->filter, 6) != GDI_NEVER;
	run->probe_columns = gdi_filter_columns(run->filter);
	run->rest_columns =
	    gdi_group_columns(run->result->group) & ~run->probe_columns;
	rc = godb_cursor_new(run->scan, &run->rest);
	if (rc == 0 && run->probe_columns)
		rc = godb_cursor_new(run->scan, &run->probe);
	return rc;
}

static void
count_bytes(struct godb_result *r, const struct godb_cursor *c)
{
	uint64_t in = 0, out = 0;

	if (!c)
		return;
	godb_cursor_stats(c, &in, &out);
	r->stats.bytes_read += in;
	r->stats.bytes_decoded += out;
}

static int
rank_groups(struct run *run)
{
	const struct godb_query_opts *o = run->opts;
	struct godb_result *r = run->result;
	uint16_t proto_rank[256], *l7_rank = NULL;
	struct gdi_order order = {&o->keys, o->sort, o->ascending,
	    o->direction, proto_rank, NULL};
	size_t used = gdi_group_bytes(r->group) +
	    run->sel_room * sizeof(*run->sel);
	struct gdi_chosen chosen = {NULL, gdi_group_count(r->group)};
	uint32_t *qualify = NULL;
	int rc = 0;

	r->stats.mem_bytes = used;
	if (o->mem_bytes && used >= o->mem_bytes)
		return GODB_EMEMORY;
	rank_protos(proto_rank);
	if (godb_keys_has(&o->keys, GODB_KEY_L7PROTO)) {
		rc = name_l7(r);
		if (rc == 0)
			rc = rank_l7(r, &l7_rank);
	}
	order.l7_rank = l7_rank;
	if (rc == 0 && run->having) {
		rc = gdi_having(r->group, run->having,
		    o->mem_bytes ? o->mem_bytes - used : 0, &qualify,
		    &chosen.n);
		chosen.id = qualify;
		used += chosen.n * sizeof(*qualify);
		if (rc == 0 && o->mem_bytes && used >= o->mem_bytes)
			rc = GODB_EMEMORY;
	}
	r->n_hits = chosen.n;
	if (rc == 0)
		rc = gdi_rank(r->group, &chosen, &order, o->limit, o->share,
		    o->mem_bytes ? o->mem_bytes - used : 0, &r->ids,
		    &r->n_rows);
	free(qualify);
	free(l7_rank);
	return rc;
}

int
godb_query_run(const struct godb_scan *s, const struct godb_query_opts *opts,
    struct godb_result **out)
{
	struct run run = {.scan = s, .opts = opts};
	int rc;

	if (!opts_are_sane(s, opts))
		return -EINVAL;
	run.result = calloc(1, sizeof(*run.result));
	if (!run.result)
		return -ENOMEM;
	run.result->scan = s;
	rc = open_run(&run);
	if (rc == 0)
		rc = take_parts(&run);
	if (rc == 0) {
		gdi_group_totals(run.result->group, run.result->totals);
		count_bytes(run.result, run.probe);
		count_bytes(run.result, run.rest);
		rc = rank_groups(&run);
	}
	godb_cursor_free(run.probe);
	godb_cursor_free(run.rest);
	gdi_filter_free(run.filter);
	gdi_filter_free(run.having);
	free(run.sel);
	if (rc < 0)
		godb_result_free(run.result);
	else
		*out = run.result;
	return rc;
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
	free(r->fault);
	free(r->l7_text);
	free(r->made);
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
	return gdi_group_count(r->group);
}

void
godb_result_row(const struct godb_result *r, size_t i,
    struct godb_result_row *out)
{
	const uint64_t *counters = gdi_group_counters(r->group, r->ids[i]);
	struct gdi_group_key key;

	gdi_group_key(r->group, r->ids[i], &key);
	memset(out, 0, sizeof(*out));
	out->time_s = (int64_t)key.slot * 300;
	out->iface = godb_scan_iface(r->scan, key.iface);
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
	for (unsigned k = 0; k < GODB_N_EXTRAS; k++)
		out->extra[k] = gdi_group_extra(r->group, r->ids[i],
		    (enum godb_metric)(GODB_METRIC_EXTRA + k));
}

void
godb_result_totals(const struct godb_result *r, uint64_t counter[4])
{
	memcpy(counter, r->totals, sizeof(r->totals));
}

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

void
godb_result_stats(const struct godb_result *r, struct godb_result_stats *out)
{
	*out = r->stats;
}
