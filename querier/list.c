#include "querier/list.h"

#include <stdio.h>
#include <string.h>

#include "querier/answer.h"
#include "querier/units.h"
#include "querier/when.h"

#define GAP 3
#define CELL_MAX 320 /* SITE/IFACE may be long */

struct column {
	const char *name;
	void (*cell)(const struct godb_list_iface *f, char out[CELL_MAX]);
};

static uint64_t
drops(const struct godb_list_iface *f)
{
	return units_sum(f->counters.kernel_drops, f->counters.iface_drops);
}

/* A sum of what is not known is not known either: it saturates. */
static bool
has_size(const struct godb_list_iface *f)
{
	return f->disk_bytes != LIST_SIZE_UNKNOWN;
}

/* ---- text ---------------------------------------------------------------- */

static void
number(uint64_t n, char out[CELL_MAX])
{
	(void)snprintf(out, CELL_MAX, "%llu", (unsigned long long)n);
}

static void
moment(const struct godb_list_iface *f, int64_t t_s, char out[CELL_MAX])
{
	char text[WHEN_TEXT_MAX];

	when_format_local(t_s, text);
	(void)snprintf(out, CELL_MAX, "%s", f->blocks ? text : "none");
}

#define CELL(function) \
	static void function(const struct godb_list_iface *f, \
	    char out[CELL_MAX])

CELL(cell_iface)
{
	out_clean_string(out, CELL_MAX, f->iface);
}

CELL(cell_first)
{
	moment(f, f->first_s, out);
}

CELL(cell_last)
{
	moment(f, f->last_s, out);
}

CELL(cell_days)
{
	number(f->days, out);
}

CELL(cell_flows)
{
	units_packets(f->flows, out);
}

CELL(cell_packets)
{
	units_packets(units_sum(f->counter[2], f->counter[3]), out);
}

CELL(cell_bytes)
{
	units_bytes(units_sum(f->counter[0], f->counter[1]), out);
}

CELL(cell_disk)
{
	if (has_size(f))
		units_bytes(f->disk_bytes, out);
	else
		(void)strcpy(out, "-");
}

CELL(cell_drops)
{
	number(drops(f), out);
}

static const struct column columns[] = {{"iface", cell_iface},
    {"first block", cell_first}, {"last block", cell_last},
    {"days", cell_days}, {"flows", cell_flows}, {"packets", cell_packets},
    {"data vol.", cell_bytes}, {"on disk", cell_disk}, {"drops", cell_drops}};
#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void
add_total(struct godb_list_iface *t, const struct godb_list_iface *f)
{
	if (f->blocks && (t->blocks == 0 || f->first_s < t->first_s))
		t->first_s = f->first_s;
	if (f->blocks && f->last_s > t->last_s)
		t->last_s = f->last_s;
	t->blocks += f->blocks;
	t->days = units_sum(t->days, f->days);
	t->flows = units_sum(t->flows, f->flows);
	t->disk_bytes = units_sum(t->disk_bytes, f->disk_bytes);
	for (int i = 0; i < 4; i++)
		t->counter[i] = units_sum(t->counter[i], f->counter[i]);
	t->counters.kernel_drops = units_sum(t->counters.kernel_drops,
	    drops(f));
}

static void
print_line(struct out *o, const size_t width[N_COLUMNS],
    const struct godb_list_iface *f)
{
	for (size_t k = 0; k < N_COLUMNS; k++) {
		char text[CELL_MAX];

		if (f)
			columns[k].cell(f, text);
		else
			(void)snprintf(text, CELL_MAX, "%s", columns[k].name);
		for (size_t n = strlen(text); n < width[k] + GAP; n++)
			out_char(o, ' ');
		out_str(o, text);
	}
	out_char(o, '\n');
}

static void
widen(size_t width[N_COLUMNS], const struct godb_list_iface *f)
{
	for (size_t k = 0; k < N_COLUMNS; k++) {
		char text[CELL_MAX];
		size_t n;

		columns[k].cell(f, text);
		n = strlen(text);
		width[k] = n > width[k] ? n : width[k];
	}
}

static void
print_text(struct out *o, const struct godb_list *l)
{
	struct godb_list_iface total = {.iface = "all"};
	const struct godb_list_iface *f;
	size_t width[N_COLUMNS];

	for (size_t k = 0; k < N_COLUMNS; k++)
		width[k] = strlen(columns[k].name);
	for (size_t i = 0; (f = godb_list_get(l, i)); i++) {
		add_total(&total, f);
		widen(width, f);
	}
	widen(width, &total);
	print_line(o, width, NULL);
	for (size_t i = 0; (f = godb_list_get(l, i)); i++)
		print_line(o, width, f);
	if (godb_list_n(l) != 1)
		print_line(o, width, &total);
}

/* ---- machine formats ----------------------------------------------------- */

#define DISK      (3 + ANSWER_N_USUAL) /* which number may be unknown */
#define N_NUMBERS (DISK + 3)

/* All numbers but the times, in the order of both formats. */
static void
numbers(const struct godb_list_iface *f, const char *name[N_NUMBERS],
    uint64_t value[N_NUMBERS])
{
	size_t n = 0;

	name[n] = "days";
	value[n++] = f->days;
	name[n] = "blocks";
	value[n++] = f->blocks;
	name[n] = "flows";
	value[n++] = f->flows;
	for (size_t k = 0; k < ANSWER_N_USUAL; k++) {
		name[n] = godb_metric_name(answer_usual[k]);
		value[n++] = answer_counter(f->counter, answer_usual[k]);
	}
	name[n] = "disk_bytes";
	value[n++] = f->disk_bytes;
	name[n] = "kernel_drops";
	value[n++] = f->counters.kernel_drops;
	name[n] = "iface_drops";
	value[n++] = f->counters.iface_drops;
}

static void
print_csv(struct out *o, const struct godb_list *l)
{
	const struct godb_list_iface none = {.iface = ""}, *f;
	const char *name[N_NUMBERS];
	uint64_t value[N_NUMBERS];

	numbers(&none, name, value);
	out_str(o, "iface,first,last");
	for (size_t k = 0; k < N_NUMBERS; k++) {
		out_char(o, ',');
		out_str(o, name[k]);
	}
	out_char(o, '\n');
	for (size_t i = 0; (f = godb_list_get(l, i)); i++) {
		numbers(f, name, value);
		out_csv(o, f->iface);
		if (f->blocks)
			out_fmt(o, ",%lld,%lld", (long long)f->first_s,
			    (long long)f->last_s);
		else
			out_str(o, ",,");
		for (size_t k = 0; k < N_NUMBERS; k++) {
			out_char(o, ',');
			if (k != DISK || has_size(f))
				out_u64(o, value[k]);
		}
		out_char(o, '\n');
	}
}

static void
print_time(struct out *o, const char *name, const struct godb_list_iface *f,
    int64_t t_s)
{
	char text[WHEN_TEXT_MAX];

	when_format_utc(t_s, text);
	out_char(o, ',');
	out_json(o, name);
	out_char(o, ':');
	if (f->blocks)
		out_json(o, text);
	else
		out_str(o, "null");
}

static void
print_object(struct out *o, const struct godb_list_iface *f)
{
	const char *name[N_NUMBERS];
	uint64_t value[N_NUMBERS];

	numbers(f, name, value);
	out_str(o, "{\"iface\":");
	out_json(o, f->iface);
	print_time(o, "first", f, f->first_s);
	print_time(o, "last", f, f->last_s);
	for (size_t k = 0; k < N_NUMBERS; k++) {
		out_char(o, ',');
		out_json(o, name[k]);
		out_char(o, ':');
		if (k != DISK || has_size(f))
			out_u64(o, value[k]);
		else
			out_str(o, "null");
	}
	out_char(o, '}');
}

void
list_print(struct out *o, const struct godb_list *l, enum args_format format)
{
	const struct godb_list_iface *f;

	switch (format) {
	case ARGS_TXT:
		print_text(o, l);
		return;
	case ARGS_CSV:
		print_csv(o, l);
		return;
	case ARGS_JSON:
		out_str(o, "{\"interfaces\":[");
		break;
	case ARGS_JSONL:
		break;
	case ARGS_HTML: /* args.c refuses it */
		return;
	}
	for (size_t i = 0; (f = godb_list_get(l, i)); i++) {
		if (format == ARGS_JSON && i)
			out_str(o, ",\n");
		print_object(o, f);
		if (format == ARGS_JSONL)
			out_char(o, '\n');
	}
	if (format == ARGS_JSON)
		out_str(o, "]}\n");
}
