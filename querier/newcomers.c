#include "querier/newcomers.h"

#include "common/base/addr.h"
#include "common/base/clock.h"
#include "common/base/words.h"
#include "querier/indicators.h"
#include "querier/seen.h"
#include "querier/units.h"
#include "querier/when.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- taking and keeping ------------------------------------------------ */

static int
add(struct newcomers *n, const struct godb_result_row *row, size_t mem_bytes)
{
	struct newcomer *x;

	if (n->n == n->room) {
		size_t room = n->room ? n->room * 2 : 1024;
		struct newcomer *list;
		uint8_t *on;

		if (mem_bytes && room * (sizeof(*list) + n->stride) > mem_bytes)
			return GODB_EMEMORY;
		list = reallocarray(n->list, room, sizeof(*list));
		if (!list)
			return -ENOMEM;
		n->list = list;
		on = reallocarray(n->on, room, n->stride);
		if (!on)
			return -ENOMEM;
		n->on = on;
		n->room = room;
	}
	x = &n->list[n->n];
	memset(x, 0, sizeof(*x));
	memset(n->on + n->n * n->stride, 0, n->stride);
	x->addr = (struct godb_prefix){row->version,
	    row->version == 4 ? 32 : 128, row->sip};
	x->first_s = row->time_s;
	x->last_s = row->time_s;
	x->number = n->n++;
	return 0;
}

static size_t
iface_number(const struct newcomers *n, const char *name)
{
	size_t i = 0;

	while (strcmp(godb_scan_iface(n->scan, i), name) != 0)
		i++;
	return i;
}

static void
count(struct newcomers *n, const struct godb_result_row *row)
{
	struct newcomer *x = &n->list[n->n - 1];
	size_t i = iface_number(n, row->iface);

	n->on[x->number * n->stride + i / 8] |= (uint8_t)(1u << i % 8);
	if (row->time_s < x->first_s)
		x->first_s = row->time_s;
	if (row->time_s > x->last_s)
		x->last_s = row->time_s;
	for (int k = 0; k < 4; k++) {
		uint64_t sum = x->counter[k] + row->counter[k];

		x->counter[k] = sum < row->counter[k] ? UINT64_MAX : sum;
	}
}

int
newcomers_take(struct newcomers *n, const struct godb_result *r,
    size_t mem_bytes)
{
	size_t rows = godb_result_n_rows(r);
	struct godb_result_row row;
	int rc = 0;

	n->stride = godb_scan_n_ifaces(n->scan) / 8 + 1;
	for (size_t i = 0; rc == 0 && i < rows; i++) {
		const struct newcomer *last = n->n ? &n->list[n->n - 1] : NULL;

		godb_result_row(r, i, &row);
		if (!last || last->addr.version != row.version ||
		    last->addr.addr.hi != row.sip.hi ||
		    last->addr.addr.lo != row.sip.lo)
			rc = add(n, &row, mem_bytes);
		if (rc == 0)
			count(n, &row);
	}
	n->checked = n->n;
	return rc;
}

static int
most_first(const void *a, const void *b)
{
	const struct newcomer *x = a, *y = b;
	uint64_t p = answer_counter(x->counter, GODB_METRIC_BYTES);
	uint64_t q = answer_counter(y->counter, GODB_METRIC_BYTES);

	if (p != q)
		return p < q ? 1 : -1;
	return (x->number > y->number) - (x->number < y->number);
}

void
newcomers_keep(struct newcomers *n, const struct godb_seen *seen)
{
	size_t kept = 0;

	for (size_t i = 0; i < n->n; i++) {
		struct godb_sighting sight;

		if (!godb_seen_sighting(seen, i, &sight))
			n->list[kept++] = n->list[i];
	}
	n->n = kept;
	if (kept > 0)
		qsort(n->list, kept, sizeof(*n->list), most_first);
}

struct answer_known
newcomers_known(const struct newcomers *n)
{
	struct answer_known k = n->known;

	/* with nothing before it there is nothing to compare with */
	if (k.unknown != ANSWER_NO_BLOCK && k.first_s >= n->since_s)
		k.unknown |= ANSWER_BEGINS_BEFORE;
	return k;
}

bool
newcomers_lack(const struct newcomers *n)
{
	return n->known.unknown != ANSWER_KNOWN;
}

/* ---- telling ----------------------------------------------------------- */

/* Names of the interfaces that it was seen on. */
static void
put_ifaces(struct out *o, const struct newcomers *n, const struct newcomer *x,
    const char *between, void (*put)(struct out *, const char *))
{
	const uint8_t *on = n->on + x->number * n->stride;
	bool more = false;

	for (size_t i = 0; i < godb_scan_n_ifaces(n->scan); i++) {
		if (!(on[i / 8] >> i % 8 & 1))
			continue;
		if (more)
			out_str(o, between);
		put(o, godb_scan_iface(n->scan, i));
		more = true;
	}
}

static void
put_known(struct out *o, const struct newcomers *n)
{
	struct answer_known known = newcomers_known(n);
	char note[256];

	if (seen_note(&known, note))
		out_fmt(o, "Note: %s\n", note);
}

void
newcomers_txt(struct out *o, const struct newcomers *n)
{
	char first[WHEN_TEXT_MAX], last[WHEN_TEXT_MAX];
	char text[GP_ADDR_TEXT_MAX], bytes[UNITS_TEXT_MAX];
	uint64_t packets;

	for (size_t i = 0; i < n->shown && !o->error; i++) {
		const struct newcomer *x = &n->list[i];

		indicators_text(&x->addr, text);
		when_format_local(x->first_s, first);
		when_format_local(x->last_s + GP_SLOT_S, last);
		units_bytes(answer_counter(x->counter, GODB_METRIC_BYTES),
		    bytes);
		packets = answer_counter(x->counter, GODB_METRIC_PACKETS);
		out_fmt(o, "new  %-18s from %s to %s, %llu packet%s, %s, on ",
		    text, first, last, (unsigned long long)packets,
		    gp_words_s(packets), bytes);
		put_ifaces(o, n, x, " ", out_clean);
		out_char(o, '\n');
	}
	if (n->shown < n->n)
		out_fmt(o, "\n%zu of %zu new ones shown; -n all shows the "
		    "rest\n", n->shown, n->n);
	when_format_local(n->since_s, first);
	out_fmt(o, "\nChecked %zu address%s since %s: %zu new, %zu known "
	    "before\n", n->checked, n->checked == 1 ? "" : "es", first,
	    n->n, n->checked - n->n);
	answer_coverage(o, n->coverage, out_clean);
	out_str(o, "\nBefore it: ");
	answer_covered(o, n->earlier, "the time", out_clean);
	out_char(o, '\n');
	put_known(o, n);
}

void
newcomers_csv(struct out *o, const struct newcomers *n)
{
	char text[GP_ADDR_TEXT_MAX];

	out_str(o, "address,first,last");
	for (size_t k = 0; k < ANSWER_N_USUAL; k++)
		out_fmt(o, ",%s", godb_metric_name(answer_usual[k]));
	out_str(o, ",ifaces\n");
	for (size_t i = 0; i < n->shown && !o->error; i++) {
		const struct newcomer *x = &n->list[i];

		indicators_text(&x->addr, text);
		out_fmt(o, "%s,%lld,%lld", text, (long long)x->first_s,
		    (long long)(x->last_s + GP_SLOT_S));
		for (size_t k = 0; k < ANSWER_N_USUAL; k++)
			out_fmt(o, ",%llu", (unsigned long long)answer_counter(
			    x->counter, answer_usual[k]));
		out_str(o, ",\"");
		put_ifaces(o, n, x, " ", out_csv_quoted);
		out_str(o, "\"\n");
	}
}

static void
put_object(struct out *o, const struct newcomers *n, const struct newcomer *x)
{
	char first[WHEN_TEXT_MAX], last[WHEN_TEXT_MAX];
	char text[GP_ADDR_TEXT_MAX];

	indicators_text(&x->addr, text);
	when_format_utc(x->first_s, first);
	when_format_utc(x->last_s + GP_SLOT_S, last);
	out_fmt(o, "{\"address\":\"%s\",\"first\":\"%s\",\"last\":\"%s\"", text,
	    first, last);
	for (size_t k = 0; k < ANSWER_N_USUAL; k++)
		out_fmt(o, ",\"%s\":%llu", godb_metric_name(answer_usual[k]),
		    (unsigned long long)answer_counter(x->counter,
			answer_usual[k]));
	out_str(o, ",\"ifaces\":[");
	put_ifaces(o, n, x, ",", out_json);
	out_str(o, "]}");
}

void
newcomers_jsonl(struct out *o, const struct newcomers *n)
{
	for (size_t i = 0; i < n->shown && !o->error; i++) {
		put_object(o, n, &n->list[i]);
		out_char(o, '\n');
	}
}

void
newcomers_json(struct out *o, const struct newcomers *n)
{
	bool incomplete = newcomers_known(n).unknown ||
	    godb_coverage_incomplete(n->coverage, 0) != NULL ||
	    godb_coverage_incomplete(n->earlier, 0) != NULL;
	char since[WHEN_TEXT_MAX];

	when_format_utc(n->since_s, since);
	out_fmt(o, "{\"status\":\"%s\",\n\"summary\":{\"checked\":%zu,"
	    "\"new\":%zu,\"known\":%zu,\"since\":\"%s\",",
	    incomplete ? "incomplete" : "ok", n->checked, n->n,
	    n->checked - n->n, since);
	seen_json_known(o, &n->known);
	out_str(o, ",\"coverage\":");
	answer_json_coverage(o, n->coverage);
	out_str(o, ",\"earlier\":");
	answer_json_coverage(o, n->earlier);
	out_str(o, "},\n\"addresses\":[");
	for (size_t i = 0; i < n->shown && !o->error; i++) {
		out_str(o, i ? ",\n" : "\n");
		put_object(o, n, &n->list[i]);
	}
	out_str(o, "]}\n");
}
