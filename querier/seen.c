#include "querier/seen.h"

#include "common/base/clock.h"
#include "common/base/words.h"
#include "querier/units.h"
#include "querier/when.h"

#include <stdio.h>
#include <string.h>

const struct godb_keys seen_keys = {
	.n = 2,
	.key = {GODB_KEY_IFACE, GODB_KEY_TIME},
};

const struct godb_keys seen_remote_keys = {
	.n = 3,
	.key = {GODB_KEY_SITE, GODB_KEY_IFACE, GODB_KEY_TIME},
};

/* What an interface has of it. */
struct sight {
	const char *iface;
	const char *site; /* NULL: of a store */
	char name[320];   /* "SITE/IFACE", or just the interface */
	int64_t first_s, last_s; /* last_s: end of the last block */
	uint64_t blocks;
	uint64_t counter[4];
};

/* Rows come by interface, then time: the next interface's, from row *at on;
 * false beyond the last. */
static bool
next_sight(const struct answer *a, size_t *at, struct sight *out)
{
	size_t n = godb_result_n_rows(a->result);
	struct godb_result_row row;

	memset(out, 0, sizeof(*out));
	for (; *at < n; ++*at) {
		godb_result_row(a->result, *at, &row);
		if (!out->iface) {
			out->iface = row.iface;
			out->site = row.site;
			(void)snprintf(out->name, sizeof(out->name), "%s%s%s",
			    row.site ? row.site : "", row.site ? "/" : "",
			    row.iface);
			out->first_s = row.time_s;
		} else if (strcmp(out->iface, row.iface) != 0 ||
		    (out->site && strcmp(out->site, row.site) != 0)) {
			break;
		}
		out->last_s = row.time_s + GP_SLOT_S;
		out->blocks++;
		for (int k = 0; k < 4; k++) {
			uint64_t sum = out->counter[k] + row.counter[k];

			out->counter[k] = sum < row.counter[k] ? UINT64_MAX
							      : sum;
		}
	}
	return out->iface != NULL;
}

bool
seen_note(const struct answer_known *known, char out[256])
{
	char from[WHEN_TEXT_MAX], until[WHEN_TEXT_MAX];

	if (known->unknown == ANSWER_KNOWN)
		return false;
	if (known->first_s == INT64_MAX) {
		(void)snprintf(out, 256, known->unreadable
			? "no block could be read"
			: "there is no block at all");
		return true;
	}
	if (known->unknown == ANSWER_NO_BLOCK) {
		(void)snprintf(out, 256, "nothing is known of the window: no "
		    "block %s", known->unreadable ? "of it could be read"
		    : "is in it");
		return true;
	}
	when_format_local(known->first_s, from);
	when_format_local(known->until_s, until);
	(void)snprintf(out, 256, "nothing is known of the time %s%s%s%s%s",
	    known->unknown & ANSWER_BEGINS_BEFORE ? "before " : "",
	    known->unknown & ANSWER_BEGINS_BEFORE ? from : "",
	    known->unknown == ANSWER_BOTH ? " and " : "",
	    known->unknown & ANSWER_ENDS_AFTER ? "after " : "",
	    known->unknown & ANSWER_ENDS_AFTER ? until : "");
	return true;
}

void
seen_json_known(struct out *o, const struct answer_known *known)
{
	char from[WHEN_TEXT_MAX], until[WHEN_TEXT_MAX];

	if (known->first_s == INT64_MAX) {
		out_str(o, "\"known_from\":null,\"known_until\":null");
		return;
	}
	when_format_utc(known->first_s, from);
	when_format_utc(known->until_s, until);
	out_fmt(o, "\"known_from\":\"%s\",\"known_until\":\"%s\"", from,
	    until);
}

void
seen_print_txt(struct out *o, const struct answer *a)
{
	char first[WHEN_TEXT_MAX], last[WHEN_TEXT_MAX], bytes[UNITS_TEXT_MAX];
	char note[256];
	uint64_t packets;
	struct sight s;
	size_t at = 0;

	while (next_sight(a, &at, &s)) {
		when_format_local(s.first_s, first);
		when_format_local(s.last_s, last);
		units_bytes(answer_counter(s.counter, GODB_METRIC_BYTES),
		    bytes);
		packets = answer_counter(s.counter, GODB_METRIC_PACKETS);
		out_clean(o, s.name);
		out_fmt(o, ": seen from %s to %s, in %llu block%s, %llu "
		    "packet%s, %s\n", first, last,
		    (unsigned long long)s.blocks, gp_words_s(s.blocks),
		    (unsigned long long)packets, gp_words_s(packets), bytes);
	}
	if (godb_result_n_rows(a->result) == 0)
		out_str(o, "not seen\n");
	answer_coverage(o, a->coverage, out_clean);
	out_char(o, '\n');
	if (seen_note(&a->known, note))
		out_fmt(o, "Note: %s\n", note);
}

void
seen_print_csv(struct out *o, const struct answer *a)
{
	struct sight s;
	size_t at = 0;

	out_str(o, "iface,first,last,blocks");
	for (size_t k = 0; k < ANSWER_N_USUAL; k++)
		out_fmt(o, ",%s", godb_metric_name(answer_usual[k]));
	out_char(o, '\n');
	while (next_sight(a, &at, &s)) {
		out_csv(o, s.name);
		out_fmt(o, ",%lld,%lld,%llu", (long long)s.first_s,
		    (long long)s.last_s, (unsigned long long)s.blocks);
		for (size_t k = 0; k < ANSWER_N_USUAL; k++)
			out_fmt(o, ",%llu", (unsigned long long)answer_counter(
			    s.counter, answer_usual[k]));
		out_char(o, '\n');
	}
}

static void
print_sight(struct out *o, const struct sight *s)
{
	char first[WHEN_TEXT_MAX], last[WHEN_TEXT_MAX];

	when_format_utc(s->first_s, first);
	when_format_utc(s->last_s, last);
	out_str(o, "{\"iface\":");
	out_json(o, s->name);
	out_fmt(o, ",\"first\":\"%s\",\"last\":\"%s\",\"blocks\":%llu", first,
	    last, (unsigned long long)s->blocks);
	for (size_t k = 0; k < ANSWER_N_USUAL; k++)
		out_fmt(o, ",\"%s\":%llu", godb_metric_name(answer_usual[k]),
		    (unsigned long long)answer_counter(s->counter,
			answer_usual[k]));
	out_char(o, '}');
}

void
seen_print_jsonl(struct out *o, const struct answer *a)
{
	struct sight s;
	size_t at = 0;

	while (next_sight(a, &at, &s)) {
		print_sight(o, &s);
		out_char(o, '\n');
	}
}

void
seen_print_json(struct out *o, const struct answer *a)
{
	struct sight s;
	size_t at = 0;
	bool more = false;

	answer_json_head(o, a);
	out_str(o, ",\n\"rows\":[");
	while (next_sight(a, &at, &s)) {
		out_str(o, more ? ",\n" : "\n");
		print_sight(o, &s);
		more = true;
	}
	out_str(o, "]}\n");
}
