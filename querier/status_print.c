/*
 * The sensor's status as text for people, and as JSON with the names that the
 * file itself uses.
 */
#include "querier/status.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/words.h"
#include "querier/units.h"
#include "querier/when.h"

#define GAP      3
#define CELL_MAX UNITS_TEXT_MAX

struct column {
	const char *name;
	void (*cell)(const struct status_view *v,
	    const struct gp_status_iface *i, char out[CELL_MAX]);
};

/* ---- cells --------------------------------------------------------------- */

static void
number(uint64_t n, char out[CELL_MAX])
{
	(void)snprintf(out, CELL_MAX, "%llu", (unsigned long long)n);
}

static void
moment(uint64_t ns, char out[CELL_MAX])
{
	char text[WHEN_TEXT_MAX];

	when_format_local((int64_t)(ns / (uint64_t)GP_NS_PER_S), text);
	(void)snprintf(out, CELL_MAX, "%s", ns ? text : "none");
}

/* "12 s ago"; a sensor's heart beats in seconds. */
static void
ago(uint64_t ns, char out[CELL_MAX])
{
	uint64_t s = ns / (uint64_t)GP_NS_PER_S;
	char text[WHEN_TEXT_MAX];

	when_format_rough(ns, text);
	if (s < 60)
		(void)snprintf(out, CELL_MAX, "%u s ago", (unsigned)s);
	else
		(void)snprintf(out, CELL_MAX, "%s ago", text);
}

#define CELL(function) \
	static void function(const struct status_view *v, \
	    const struct gp_status_iface *i, char out[CELL_MAX])
#define UNUSED_VIEW (void)v

CELL(cell_name)
{
	UNUSED_VIEW;
	(void)snprintf(out, CELL_MAX, "%s", i->name);
}

CELL(cell_state)
{
	static const char *const name[] = {"capturing", "draining", "gone",
	    "absent"};

	UNUSED_VIEW;
	(void)snprintf(out, CELL_MAX, "%s", name[i->state]);
}

CELL(cell_since)
{
	UNUSED_VIEW;
	moment(i->since, out);
}

CELL(cell_packets)
{
	UNUSED_VIEW;
	units_packets(i->seen, out);
}

CELL(cell_bytes)
{
	UNUSED_VIEW;
	units_bytes(i->seen_bytes, out);
}

static uint64_t
dropped(const struct gp_status_iface *i)
{
	return units_sum(i->kernel_drops, i->iface_drops);
}

CELL(cell_dropped)
{
	UNUSED_VIEW;
	number(dropped(i), out);
}

CELL(cell_flows)
{
	UNUSED_VIEW;
	number(i->flows, out);
}

CELL(cell_ring)
{
	UNUSED_VIEW;
	if (i->ring_bytes == 0)
		(void)snprintf(out, CELL_MAX, "-");
	else
		(void)snprintf(out, CELL_MAX, "%.0f %%",
		    100.0 * (double)i->ring_used / (double)i->ring_bytes);
}

CELL(cell_last_frame)
{
	if (i->last_frame == 0)
		(void)snprintf(out, CELL_MAX, "never");
	else
		ago(status_quiet_ns(v, i), out);
}

CELL(cell_last_block)
{
	UNUSED_VIEW;
	moment(i->last_block, out);
}

CELL(cell_sessions)
{
	UNUSED_VIEW;
	number(i->sessions, out);
}

CELL(cell_health)
{
	(void)snprintf(out, CELL_MAX, "%s",
	    status_health_name(status_health(v, i)));
}

CELL(cell_seen)
{
	UNUSED_VIEW;
	number(i->seen, out);
}

CELL(cell_in_rows)
{
	UNUSED_VIEW;
	number(i->in_rows, out);
}

CELL(cell_pending)
{
	UNUSED_VIEW;
	number(i->pending, out);
}

CELL(cell_non_ip)
{
	UNUSED_VIEW;
	number(i->non_ip, out);
}

CELL(cell_malformed)
{
	UNUSED_VIEW;
	number(i->malformed, out);
}

CELL(cell_lost)
{
	UNUSED_VIEW;
	number(i->lost, out);
}

CELL(cell_closes)
{
	UNUSED_VIEW;
	(void)snprintf(out, CELL_MAX, "%s", gp_status_closes(i) ? "yes" : "NO");
}

CELL(cell_kernel_drops)
{
	UNUSED_VIEW;
	number(i->kernel_drops, out);
}

CELL(cell_iface_drops)
{
	UNUSED_VIEW;
	number(i->iface_drops, out);
}

CELL(cell_overflow)
{
	UNUSED_VIEW;
	number(i->overflow, out);
}

CELL(cell_late)
{
	UNUSED_VIEW;
	number(i->late, out);
}

/* "on", "on, cut", "on, 12 by port" */
CELL(cell_l7)
{
	static const char *const name[] = {"-", "off", "on", "failed",
		"missing"};
	char by_port[48] = "";

	UNUSED_VIEW;
	if (i->l7_starved)
		(void)snprintf(by_port, sizeof(by_port), ", %llu by port",
		    (unsigned long long)i->l7_starved);
	(void)snprintf(out, CELL_MAX, "%s%s%s", name[i->l7],
	    i->l7_cut ? ", cut" : "", by_port);
}

static const struct column health_columns[] = {
	{"iface", cell_name},
	{"state", cell_state},
	{"since", cell_since},
	{"packets", cell_packets},
	{"data vol.", cell_bytes},
	{"dropped", cell_dropped},
	{"flows", cell_flows},
	{"ring", cell_ring},
	{"last frame", cell_last_frame},
	{"last block", cell_last_block},
	{"sessions", cell_sessions},
	{"layer 7", cell_l7},
	{"health", cell_health},
};

static const struct column accounting_columns[] = {
	{"iface", cell_name},
	{"seen", cell_seen},
	{"= in rows", cell_in_rows},
	{"+ pending", cell_pending},
	{"+ non-IP", cell_non_ip},
	{"+ malformed", cell_malformed},
	{"+ lost", cell_lost},
	{"closes", cell_closes},
	{"kernel drops", cell_kernel_drops},
	{"interface drops", cell_iface_drops},
	{"overflow", cell_overflow},
	{"late", cell_late},
};

/* ---- text ---------------------------------------------------------------- */

static void
print_table(struct out *o, const struct status_view *v,
    const struct column *column, size_t n_columns)
{
	size_t width[16];
	char cell[CELL_MAX];

	for (size_t k = 0; k < n_columns; k++) {
		width[k] = strlen(column[k].name);
		for (size_t i = 0; i < v->n; i++) {
			column[k].cell(v, v->iface[i], cell);
			if (strlen(cell) > width[k])
				width[k] = strlen(cell);
		}
	}
	for (size_t k = 0; k < n_columns; k++)
		out_fmt(o, "%*s", (int)width[k] + GAP, column[k].name);
	out_char(o, '\n');
	for (size_t i = 0; i < v->n; i++) {
		for (size_t k = 0; k < n_columns; k++) {
			column[k].cell(v, v->iface[i], cell);
			out_fmt(o, "%*s", (int)width[k] + GAP, cell);
		}
		out_char(o, '\n');
	}
}

static void
print_head(struct out *o, const struct status_view *v)
{
	const struct gp_status *s = v->s;
	char started[CELL_MAX], age[CELL_MAX];

	moment(s->started, started);
	ago(v->age_ns, age);
	out_fmt(o, "Writer:  %s, started %s, status written %s\n",
	    s->running ? "running" : "ended", started, age);
	out_str(o, "Store:   ");
	out_clean(o, s->store);
	out_fmt(o, ", %llu block%s and %llu row%s written since, ",
	    (unsigned long long)s->blocks, gp_words_s(s->blocks),
	    (unsigned long long)s->rows, gp_words_s(s->rows));
	if (s->store_error[0]) {
		out_str(o, "FAILING: ");
		out_clean(o, s->store_error);
	} else {
		out_str(o, "fine");
	}
	out_str(o, "\nSandbox: ");
	if (s->sandbox == GP_STATUS_SANDBOX_FULL)
		out_fmt(o, "full, Landlock ABI %llu",
		    (unsigned long long)s->landlock_abi);
	else
		out_str(o, s->sandbox == GP_STATUS_SANDBOX_OFF ?
			"OFF" : "seccomp only");
	if (s->capture_sandbox != GP_STATUS_SANDBOX_FULL)
		out_str(o, s->capture_sandbox == GP_STATUS_SANDBOX_OFF ?
			"; captures OFF" : "; captures seccomp only");
	out_str(o, "\n\n");
}

static void
print_problem(void *arg, const char *text)
{
	struct out *o = arg;

	out_str(o, "Attention: ");
	out_clean(o, text);
	out_char(o, '\n');
}

static void
print_summary(struct out *o, const struct status_view *v)
{
	size_t n[3] = {0};
	uint64_t seen = 0, drops = 0;

	for (size_t i = 0; i < v->n; i++) {
		n[status_health(v, v->iface[i])]++;
		seen = units_sum(seen, v->iface[i]->seen);
		drops = units_sum(drops, dropped(v->iface[i]));
	}
	out_fmt(o, "%zu interface%s: %zu fresh, %zu stale, %zu dropping; "
		   "%llu packet%s seen, %llu dropped\n",
	    v->n, gp_words_s(v->n), n[STATUS_FRESH], n[STATUS_STALE],
	    n[STATUS_DROPPING], (unsigned long long)seen, gp_words_s(seen),
	    (unsigned long long)drops);
}

void
status_print_txt(struct out *o, const struct status_view *v)
{
	print_head(o, v);
	print_table(o, v, health_columns,
	    sizeof(health_columns) / sizeof(health_columns[0]));
	out_str(o, "\nPackets since the writer's start:\n");
	print_table(o, v, accounting_columns,
	    sizeof(accounting_columns) / sizeof(accounting_columns[0]));
	out_char(o, '\n');
	print_summary(o, v);
	(void)status_problems(v, print_problem, o);
}

/* ---- JSON ---------------------------------------------------------------- */

static void
json_field(struct out *o, const struct gp_status_field *f, const void *from)
{
	const char *text = (const char *)from + f->offset;
	char time[WHEN_TEXT_MAX];
	uint64_t ns;

	out_json(o, f->name);
	out_char(o, ':');
	switch (f->kind) {
	case GP_STATUS_NUMBER:
		out_u64(o, gp_status_get(f, from));
		break;
	case GP_STATUS_FLAG:
		out_str(o, gp_status_get(f, from) ? "true" : "false");
		break;
	case GP_STATUS_WORD:
		out_json(o, gp_status_word(f, from));
		break;
	case GP_STATUS_TEXT:
		out_json(o, text);
		break;
	case GP_STATUS_TIME:
		ns = gp_status_get(f, from);
		when_format_utc((int64_t)(ns / (uint64_t)GP_NS_PER_S), time);
		if (ns)
			out_json(o, time);
		else
			out_str(o, "null");
		break;
	}
}

static void
json_fields(struct out *o, const struct gp_status_field *f, size_t n,
    const void *from)
{
	for (size_t i = 0; i < n; i++) {
		out_char(o, ',');
		json_field(o, &f[i], from);
	}
}

struct json_list {
	struct out *o;
	size_t n;
};

static void
json_problem(void *arg, const char *text)
{
	struct json_list *l = arg;

	if (l->n++)
		out_char(l->o, ',');
	out_json(l->o, text);
}

void
status_print_json(struct out *o, const struct status_view *v)
{
	struct json_list list = {o, 0};
	const struct gp_status_field *f;
	size_t n;

	out_str(o, "{\"status\":");
	out_json(o, status_problems(v, NULL, NULL) ? "attention" : "ok");
	out_str(o, ",\n\"problems\":[");
	(void)status_problems(v, json_problem, &list);
	out_str(o, "],\n\"writer\":{");
	out_fmt(o, "\"age_ns\":%llu", (unsigned long long)v->age_ns);
	f = gp_status_fields(&n);
	json_fields(o, f, n, v->s);
	out_str(o, "},\n\"interfaces\":[");
	f = gp_status_iface_fields(&n);
	for (size_t i = 0; i < v->n; i++) {
		const struct gp_status_iface *iface = v->iface[i];

		out_str(o, i ? ",\n{\"iface\":" : "\n{\"iface\":");
		out_json(o, iface->name);
		out_str(o, ",\"health\":");
		out_json(o, status_health_name(status_health(v, iface)));
		out_str(o, gp_status_closes(iface) ? ",\"closes\":true" :
						     ",\"closes\":false");
		json_fields(o, f, n, iface);
		out_char(o, '}');
	}
	out_str(o, "]}\n");
}
