#include "querier/answer.h"

#include "common/base/addr.h"
#include "common/base/clock.h"
#include "common/base/words.h"
#include "querier/when.h"

#include <stdio.h>
#include <string.h>

const enum godb_metric answer_usual[ANSWER_N_USUAL] = {
	GODB_METRIC_PACKETS_RCVD, GODB_METRIC_PACKETS_SENT,
	GODB_METRIC_PACKETS, GODB_METRIC_BYTES_RCVD, GODB_METRIC_BYTES_SENT,
	GODB_METRIC_BYTES,
};

size_t
answer_metrics(const struct answer *a, enum godb_metric out[GODB_N_METRICS])
{
	if (a->n_show) {
		memcpy(out, a->show, a->n_show * sizeof(out[0]));
		return a->n_show;
	}
	memcpy(out, answer_usual, sizeof(answer_usual));
	return ANSWER_N_USUAL;
}

uint64_t
answer_counter(const uint64_t counter[4], enum godb_metric m)
{
	return godb_metric_counter(counter, m, GODB_DIR_BOTH);
}

uint64_t
answer_metric(const struct godb_result_row *row, enum godb_metric m)
{
	if (m >= GODB_METRIC_EXTRA)
		return row->extra[m - GODB_METRIC_EXTRA];
	return answer_counter(row->counter, m);
}

static bool
is_address(enum godb_key key)
{
	return key == GODB_KEY_SIP || key == GODB_KEY_DIP ||
	    key == GODB_KEY_HOST;
}

/* Columns for what the addresses of one are called. */
static size_t
name_columns(const struct answer *a, const struct answer_column *of,
    struct answer_column *out)
{
	static const struct {
		enum answer_what what;
		const char *suffix;
	} all[] = {{ANSWER_NAME, "name"}, {ANSWER_COUNTRY, "country"},
		{ANSWER_ASN, "asn"}, {ANSWER_ORG, "org"}};
	size_t n = 0;

	if (!is_address(of->key))
		return 0;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!(all[i].what == ANSWER_NAME ? a->resolve : a->geo))
			continue;
		out[n] = (struct answer_column){.key = of->key,
		    .what = all[i].what, .drop4 = of->drop4,
		    .drop6 = of->drop6, .names = a->names};
		(void)snprintf(out[n].name, sizeof(out[n].name), "%s_%s",
		    godb_key_name(of->key), all[i].suffix);
		n++;
	}
	return n;
}

/* Bits that the row's address lacks; a network has no name. */
static unsigned
dropped(const struct answer_column *c, const struct godb_result_row *row)
{
	return row->version == 4 ? c->drop4 : c->drop6;
}

static void format_addr(const struct answer_column *c,
    const struct godb_result_row *row, char out[GP_ADDR_TEXT_MAX]);

size_t
answer_columns(const struct answer *a,
    struct answer_column out[ANSWER_COLUMNS_MAX])
{
	const struct godb_keys *keys = &a->opts->keys;
	size_t n = 0;

	for (unsigned i = 0; i < keys->n; i++) {
		enum godb_key key = keys->key[i];
		const struct answer_column *own = &out[n];

		out[n] = (struct answer_column){.key = key,
		    .drop4 = keys->drop4[key], .drop6 = keys->drop6[key]};
		(void)snprintf(out[n].name, sizeof(out[n].name), "%s",
		    godb_key_name(key));
		n++;
		if (key == GODB_KEY_L7PROTO && keys->category) {
			out[n] = (struct answer_column){.key = key,
			    .what = ANSWER_CATEGORY};
			(void)strcpy(out[n++].name, "category");
		}
		if (a->names)
			n += name_columns(a, own, out + n);
	}
	return n;
}

int
answer_ask_names(const struct answer *a, struct names *names, bool *cut)
{
	struct answer_column column[ANSWER_COLUMNS_MAX];
	size_t n_columns = answer_columns(a, column);
	size_t n = godb_result_n_rows(a->result);

	*cut = false;
	names_forget(names);
	for (size_t i = 0; i < n && !*cut; i++) {
		struct godb_result_row row;
		char text[GP_ADDR_TEXT_MAX];

		godb_result_row(a->result, i, &row);
		for (size_t k = 0; k < n_columns && !*cut; k++) {
			if (column[k].what != ANSWER_KEY ||
			    !is_address(column[k].key) ||
			    dropped(&column[k], &row))
				continue;
			format_addr(&column[k], &row, text);
			*cut = !names_want(names, text);
		}
	}
	return names_ask(names);
}

static void
format_addr(const struct answer_column *c, const struct godb_result_row *row,
    char out[GP_ADDR_TEXT_MAX])
{
	bool dip = c->key == GODB_KEY_DIP;
	const struct godb_addr6 *v = dip ? &row->dip : &row->sip;
	unsigned drop = dropped(c, row);
	struct gp_addr a;
	size_t n;

	memset(&a, 0, sizeof(a));
	a.version = row->version;
	if (row->version == 4) {
		for (int i = 0; i < 4; i++)
			a.b[i] = (uint8_t)(v->lo >> (24 - 8 * i));
	} else {
		for (int i = 0; i < 8; i++) {
			a.b[i] = (uint8_t)(v->hi >> (56 - 8 * i));
			a.b[8 + i] = (uint8_t)(v->lo >> (56 - 8 * i));
		}
	}
	n = gp_addr_format(&a, out);
	if (drop)
		(void)snprintf(out + n, GP_ADDR_TEXT_MAX - n, "/%u",
		    (row->version == 4 ? 32 : 128) - drop);
}

static void
format_name(const struct answer_column *c, const struct godb_result_row *row,
    char out[ANSWER_CELL_MAX])
{
	char text[GP_ADDR_TEXT_MAX];
	struct names_entry e;

	out[0] = '\0';
	if (dropped(c, row))
		return;
	format_addr(c, row, text);
	if (!names_find(c->names, text, &e))
		return;
	out_clean_string(out, ANSWER_CELL_MAX,
	    c->what == ANSWER_NAME ? e.name
	    : c->what == ANSWER_COUNTRY ? e.country
	    : c->what == ANSWER_ASN ? e.asn : e.org);
}

static void
format_time(int64_t t_s, enum answer_time how, char out[ANSWER_CELL_MAX])
{
	_Static_assert(WHEN_TEXT_MAX <= ANSWER_CELL_MAX, "a cell has room");

	switch (how) {
	case ANSWER_EPOCH:
		(void)out_u64_string(out, (uint64_t)t_s); /* none before 1970 */
		break;
	case ANSWER_RFC3339:
		when_format_utc(t_s, out);
		break;
	case ANSWER_LOCAL:
		when_format_local(t_s, out);
		break;
	}
}

void
answer_cell(const struct answer_column *c, const struct godb_result_row *row,
    enum answer_time time, char out[ANSWER_CELL_MAX])
{
	const char *proto;

	if (c->what >= ANSWER_NAME) {
		format_name(c, row, out);
		return;
	}
	switch (c->key) {
	case GODB_KEY_TIME:
		format_time(row->time_s, time, out);
		break;
	case GODB_KEY_IFACE:
		out_clean_string(out, ANSWER_CELL_MAX, row->iface);
		break;
	case GODB_KEY_SITE:
		out_clean_string(out, ANSWER_CELL_MAX,
		    row->site ? row->site : "");
		break;
	case GODB_KEY_SIP:
	case GODB_KEY_DIP:
	case GODB_KEY_HOST:
		format_addr(c, row, out);
		break;
	case GODB_KEY_DPORT:
		(void)out_u64_string(out, row->dport);
		break;
	case GODB_KEY_PROTO:
		proto = godb_proto_name(row->proto);
		if (proto)
			out_clean_string(out, ANSWER_CELL_MAX, proto);
		else
			(void)out_u64_string(out, row->proto);
		break;
	case GODB_KEY_L7PROTO:
		out_clean_string(out, ANSWER_CELL_MAX,
		    c->what == ANSWER_CATEGORY ? row->category : row->l7proto);
		break;
	case GODB_N_KEYS:
		out[0] = '\0';
		break;
	}
}

const char *
answer_direction(const struct answer *a)
{
	switch (a->opts->direction) {
	case GODB_DIR_RCVD:
		return "received";
	case GODB_DIR_SENT:
		return "sent";
	case GODB_DIR_BOTH:
		break;
	}
	return "both";
}

const char *
answer_sort(const struct answer *a)
{
	if (a->opts->sort < 0)
		return godb_metric_name(
		    (enum godb_metric)GODB_SORT_METRIC(a->opts->sort));
	return godb_key_name((enum godb_key)a->opts->sort);
}

void
answer_having(struct out *o, const struct answer *a,
    void (*text)(struct out *, const char *))
{
	size_t n = godb_result_n_groups(a->result);

	out_fmt(o, "%zu of %zu group%s ", godb_result_n_hits(a->result), n,
	    n == 1 ? " has" : "s have");
	text(o, a->having);
	out_str(o, "; totals and shares are those of all");
}

static void
note_unknown(const struct answer *a, size_t i, const char *name,
    const char *near_name, char out[256])
{
	const char *what = godb_result_unknown_is_category(a->result, i)
	    ? "of category" : "named";

	if (a->remote) /* other windows may have it */
		(void)snprintf(out, 256, "no row of this window has an "
		    "application %s %.60s%s%.60s", what, name,
		    near_name ? "; some have " : "",
		    near_name ? near_name : "");
	else if (near_name)
		(void)snprintf(out, 256, "this store has never seen an "
		    "application %s %.60s; it knows %.60s", what, name,
		    near_name);
	else
		(void)snprintf(out, 256, "this store has never seen an "
		    "application %s %.60s", what, name);
}

bool
answer_warning(const struct answer *a, size_t i, char out[256])
{
	const uint32_t mixed = GODB_PART_DIR_IFACE | GODB_PART_DIR_FLOW;
	const char *name, *near_name, *lack;

	if ((godb_coverage_directions(a->coverage) & mixed) == mixed) {
		if (i == 0) {
			(void)snprintf(out, 256, "some blocks count sent and "
			    "received at the interface, others from source to "
			    "destination");
			return true;
		}
		i--;
	}
	if (a->names_cut && i == 0) {
		(void)snprintf(out, 256, "only the first %d addresses were "
		    "looked up", a->resolve ? NAMES_DNS_MAX : NAMES_GEO_MAX);
		return true;
	}
	i -= a->names_cut;
	lack = a->names ? names_lack(a->names) : NULL;
	if (lack && i == 0) {
		(void)snprintf(out, 256, "%s", lack);
		return true;
	}
	i -= lack != NULL;
	name = godb_result_unknown_l7(a->result, i, &near_name);
	if (name)
		note_unknown(a, i, name, near_name, out);
	return name != NULL;
}

/* Whether the window begins before an interface's data, or ends after it;
 * then out says so. */
static bool
note_extent(const struct answer *a, size_t iface, char out[256])
{
	char before[WHEN_TEXT_MAX + 16] = "", after[WHEN_TEXT_MAX + 16] = "";
	int64_t first_s, last_s, known_first_s, known_last_s;
	char text[WHEN_TEXT_MAX];

	godb_coverage_window(a->coverage, &first_s, &last_s);
	if (!godb_scan_extent(a->scan, iface, &known_first_s, &known_last_s))
		return false;
	if (known_first_s > first_s) {
		when_format_local(known_first_s, text);
		(void)snprintf(before, sizeof(before), " before %s", text);
	}
	/* the block that is being filled, and one that waits for commit */
	if (known_last_s + 3 * GP_SLOT_S < last_s) {
		when_format_local(known_last_s + GP_SLOT_S, text);
		(void)snprintf(after, sizeof(after), "%s after %s",
		    before[0] ? " or" : "", text);
	}
	if (!before[0] && !after[0])
		return false;
	(void)snprintf(out, 256, "%s has no data%s%s",
	    godb_scan_iface(a->scan, iface), before, after);
	return true;
}

#define EXTENTS_MAX 8 /* notes about interfaces' data; a fleet has more */

bool
answer_note(const struct answer *a, size_t i, char out[256])
{
	size_t told = 0, more = 0;

	if (a->n_ifaces > 1) {
		if (i == 0 && a->n_ifaces == 2) {
			(void)snprintf(out, 256, "a packet forwarded between "
			    "%s and %s counts on both", a->iface[0],
			    a->iface[1]);
			return true;
		}
		if (i == 0) {
			(void)snprintf(out, 256, "a packet forwarded between "
			    "these interfaces counts on each");
			return true;
		}
		i--;
	}
	for (size_t k = 0; k < godb_scan_n_ifaces(a->scan); k++) {
		if (!note_extent(a, k, out))
			continue;
		if (told == EXTENTS_MAX) {
			more++;
			continue;
		}
		told++;
		if (i == 0)
			return true;
		i--;
	}
	if (more && i == 0) {
		(void)snprintf(out, 256, "of %zu more interface%s data "
		    "begins or ends within the window, too", more,
		    gp_words_s(more));
		return true;
	}
	i -= more > 0;
	return answer_warning(a, i, out);
}
