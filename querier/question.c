#include "querier/question.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "querier/explain.h"
#include "querier/ifsel.h"
#include "querier/store.h"
#include "querier/seen.h"
#include "querier/when.h"

#define WINDOW_TEXT  120 /* columns of a condition that a message shows */

/* ---- conditions -------------------------------------------------------- */

/* Part of a text that fits a line, one column a character: what would not
 * print is '?'.  *column gets where `offset` came to lie. */
static void
show_part(const char *text, size_t offset, char line[WINDOW_TEXT + 1],
    size_t *column)
{
	size_t len = strlen(text), start = 0, n = 0;

	if (offset > WINDOW_TEXT / 2 && len > WINDOW_TEXT)
		start = offset - WINDOW_TEXT / 2;
	*column = 0;
	for (size_t i = start; i < len && n < WINDOW_TEXT; i++) {
		unsigned char c = (unsigned char)text[i];

		if (i == offset)
			*column = n;
		if ((c & 0xc0) == 0x80)
			continue; /* within a character */
		line[n++] = (char)(c >= 0x20 && c < 0x7f ? c
			: c == '\t' || c == '\n' ? ' ' : '?');
	}
	if (offset >= len)
		*column = n;
	line[n] = '\0';
}

static size_t
count_characters(const char *text, size_t bytes)
{
	size_t n = 0;

	for (size_t i = 0; i < bytes && text[i]; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

static _Noreturn void
die_condition(const char *what, const char *text,
    const struct godb_diag *diag)
{
	char line[WINDOW_TEXT + 1];
	size_t column;

	show_part(text, diag->offset, line, &column);
	session_say("goquery: %s: column %zu: %s", what,
	    count_characters(text, diag->offset) + 1, diag->text);
	session_say("    %s", line);
	session_say("    %*s^", (int)column, "");
	exit(EXIT_USAGE);
}

static struct godb_cond *
parse_condition(struct session *s, const char *what, const char *text,
    const struct godb_keys *having)
{
	struct godb_cond_opts opts = GODB_COND_OPTS_INIT;
	struct godb_cond *cond;
	struct godb_diag diag;
	int rc;

	opts.site = s->conf->site.networks;
	opts.sites = s->args.remote != NULL;
	opts.having = having;
	opts.set = sets_fetch;
	opts.set_arg = &s->sets;
	rc = godb_cond_parse(text, &opts, &cond, &diag);
	if (s->sets.late)
		question_die(s, GODB_ECANCELLED);
	if (rc == GODB_ESYNTAX)
		die_condition(what, text, &diag);
	if (rc < 0)
		session_die(EXIT_ERROR, "%s: %s", what, godb_strerror(rc));
	return cond;
}

void
question_parse(struct session *s)
{
	s->cond = parse_condition(s, "condition", s->args.condition, NULL);
	/* of nothing there is no answer: a list that did not come would be a
	 * "never" */
	if (s->args.seen && godb_cond_never(s->cond))
		session_die(EXIT_USAGE, "nothing can meet the condition: an "
		    "empty list?");
	if (s->args.having[0])
		s->having = parse_condition(s, "--having", s->args.having,
		    &s->args.keys);
}

/* ---- asking ------------------------------------------------------------ */

void
question_choose_ifaces(struct session *s)
{
	char error[512];
	int rc = godb_reader_ifaces(s->reader, &s->have);

	if (rc == GODB_ECANCELLED || rc == GODB_EMEMORY)
		question_die(s, rc);
	if (rc < 0)
		session_die(EXIT_ERROR,
		    "%s: %s", store_path(s), godb_strerror(rc));
	/* a question needs an interface, a look at the store does not */
	if (rc == 0 && s->args.action != ARGS_QUERY) {
		static const char *none[] = {NULL};

		s->ifaces = none;
		return;
	}
	rc = ifsel_choose(s->args.ifaces, s->have, &s->ifaces, error);
	if (rc == -ENOENT)
		session_die(EXIT_ERROR, "%s", error);
	if (rc < 0)
		session_die(EXIT_ERROR, "%s", godb_strerror(rc));
	s->n_ifaces = (size_t)rc;
}

/* Days of one interface after the other: the bar waits at its beginning. */
static int
draw_stock_bar(void *arg, size_t done, size_t all)
{
	(void)done;
	(void)all;
	return session_draw_bar(arg, 0, 1);
}

size_t
question_mem(const struct session *s)
{
	size_t kept = godb_scan_bytes(s->scan);

	return kept < s->mem_bytes ? s->mem_bytes - kept : 1;
}

void
question_open_scan(struct session *s, const struct godb_query_opts *question)
{
	struct godb_scan_opts opts = GODB_SCAN_OPTS_INIT;
	int rc;

	opts.ifaces = s->ifaces;
	opts.first_s = s->args.first_s;
	opts.last_s = s->args.last_s;
	opts.no_live = s->args.no_live;
	opts.no_index = s->args.no_index;
	opts.cond = s->cond;
	opts.addresses = s->addresses;
	opts.sure = s->args.seen;
	opts.pool = s->pool;
	opts.question = question;
	opts.mem_bytes = s->mem_bytes;
	opts.progress = draw_stock_bar;
	opts.progress_arg = &s->progress;
	rc = godb_scan_open(s->reader, &opts, &s->scan);
	session_clear_bar(&s->progress);
	if (rc == GODB_ECANCELLED || rc == GODB_EMEMORY)
		question_die(s, rc);
	if (rc < 0)
		session_die(EXIT_ERROR,
		    "%s: %s", store_path(s), godb_strerror(rc));
	s->query.mem_bytes = question_mem(s);
}

static int64_t
bin_of(void *arg, int64_t slot_s)
{
	const struct session *s = arg;

	return when_bin(slot_s, s->args.bin_s);
}

_Noreturn void
question_die(const struct session *s, int rc)
{
	if (rc == GODB_ECANCELLED)
		session_die(EXIT_ERROR,
		    "the question takes longer than %llu ms: ask "
		    "for less time, or allow more with --timeout",
		    (unsigned long long)s->args.timeout_ms);
	if (rc == GODB_EMEMORY)
		session_die(EXIT_ERROR,
		    "the question needs more than %zu kB of "
		    "memory: ask for fewer columns or less time, or allow "
		    "more with --mem", s->mem_bytes >> 10);
	session_die(EXIT_ERROR, "%s", godb_strerror(rc));
}

/* No totals, and no place for what an answer lacks. */
static bool
format_has_rows_only(const struct session *s)
{
	return s->args.format == ARGS_CSV || s->args.format == ARGS_JSONL;
}

/* What is asked, before the scan is opened for it. */
static void
put_question(struct session *s)
{
	s->query = (struct godb_query_opts)GODB_QUERY_OPTS_INIT;
	s->query.keys = s->args.keys;
	s->query.cond = s->cond;
	s->query.direction = s->args.direction;
	s->query.sort = s->args.sort;
	s->query.ascending = s->args.ascending;
	s->query.limit = s->args.limit;
	s->query.share = s->args.share;
	s->query.pool = s->pool;
	s->query.having = s->having;
	s->query.no_rollups = s->args.no_rollups;
	s->query.rows_only = format_has_rows_only(s);
	for (unsigned i = 0; i < s->args.n_show; i++)
		s->query.metrics |= 1u << s->args.show[i];
	if (s->args.bin_s) {
		s->query.bin = bin_of;
		s->query.bin_arg = s;
	}
	s->query.progress = session_draw_bar;
	s->query.progress_arg = &s->progress;
	s->has_chart = s->args.plot || s->args.format == ARGS_HTML;
}

static void
make_chart(struct session *s)
{
	int rc;

	if (!s->has_chart)
		return;
	rc = chart_make(s->scan, &s->query, s->args.bin_s, s->args.first_s,
	    s->args.last_s, &s->chart);
	session_clear_bar(&s->progress);
	if (rc < 0)
		question_die(s, rc);
}

static void
run_query(struct session *s)
{
	int rc = godb_query_run(s->scan, &s->query, &s->result);

	session_clear_bar(&s->progress);
	if (rc < 0)
		question_die(s, rc);
}

static int64_t
interval_ns(void *conf, const char *iface)
{
	return gp_conf_interval_s(conf, iface) * GP_NS_PER_S;
}

void
question_find_coverage(struct session *s, const struct godb_seen *seen)
{
	struct godb_coverage_opts opts = GODB_COVERAGE_OPTS_INIT;
	int rc;

	if (seen)
		opts.faults = godb_seen_faults(seen, &opts.n_faults);

	opts.first_s = s->args.first_s;
	opts.last_s = s->args.last_s;
	opts.now_ns = gp_clock_real_ns();
	opts.no_live = s->args.no_live;
	opts.shipped = s->args.remote != NULL;
	if (!opts.shipped) { /* others' configurations nobody knows here */
		opts.interval_ns = interval_ns;
		opts.interval_arg = s->conf;
	}
	rc = godb_coverage_new(s->reader, s->scan, s->result, &opts,
	    &s->coverage);
	if (rc < 0)
		session_die(EXIT_ERROR, "%s", godb_strerror(rc));
}

/* Of the blocks of all interfaces. */
static void
find_extent(const struct session *s, int64_t *known_s, int64_t *until_s)
{
	*known_s = INT64_MAX;
	*until_s = 0;
	for (size_t i = 0; i < s->n_ifaces; i++) {
		int64_t first_s, last_s;

		if (!godb_scan_extent(s->scan, i, &first_s, &last_s))
			continue;
		if (first_s < *known_s)
			*known_s = first_s;
		if (last_s + GP_SLOT_S > *until_s)
			*until_s = last_s + GP_SLOT_S;
	}
}

/* Whether anything of an interface, NULL: of any, could not be read. */
static bool
is_unreadable(const struct session *s, const char *iface)
{
	const struct godb_incomplete *item;

	for (size_t i = 0; (item = godb_coverage_incomplete(s->coverage, i));
	     i++)
		if (item->unreadable &&
		    (!iface || strcmp(item->iface, iface) == 0))
			return true;
	return false;
}

/* Whether the block that ends then is of capture files, on every interface
 * that has it: nothing is on its way behind it. */
static bool
is_of_files(const struct session *s, int64_t until_s)
{
	const struct godb_part *p;
	bool offline = false;

	for (size_t i = 0; (p = godb_scan_part(s->scan, i)) != NULL; i++) {
		if (p->slot_s + GP_SLOT_S != until_s)
			continue;
		if (!(p->flags & GODB_PART_OFFLINE))
			return false;
		offline = true;
	}
	return offline;
}

/* Whether the window goes on behind the last block, as behind capture files;
 * of a sensor the newest minutes may be on their way. */
static bool
ends_after(const struct session *s, int64_t until_s)
{
	int64_t end_s = gp_clock_slot(s->args.last_s - 1) + GP_SLOT_S;
	int64_t now_s = gp_clock_real_ns() / GP_NS_PER_S;

	if (!is_of_files(s, until_s))
		now_s -= 3 * GP_SLOT_S;
	return until_s < end_s && until_s < now_s;
}

/* -f 0 asks for whatever there is; any other beginning is meant. */
struct answer_known
question_known(const struct session *s)
{
	struct answer_known k = {.unknown = ANSWER_KNOWN};
	bool meant = s->args.first_s > 0;
	uint64_t covered_ns, all_ns;

	find_extent(s, &k.first_s, &k.until_s);
	k.unreadable = is_unreadable(s, NULL);
	godb_coverage_time(s->coverage, &covered_ns, &all_ns);
	if (k.first_s == INT64_MAX)
		k.unknown = ANSWER_BEGINS_BEFORE;
	else if (meant && k.first_s > gp_clock_slot(s->args.first_s))
		k.unknown = ends_after(s, k.until_s) ? ANSWER_BOTH
						     : ANSWER_BEGINS_BEFORE;
	else if (all_ns == 0)
		k.unknown = ANSWER_NO_BLOCK;
	else if (meant && ends_after(s, k.until_s))
		k.unknown = ANSWER_ENDS_AFTER;
	return k;
}

void
question_say_unknown(const struct session *s, const struct answer_known *known)
{
	char note[256];

	if (format_has_rows_only(s) && seen_note(known, note))
		session_say("goquery: note: %s", note);
}

/* ---- answering --------------------------------------------------------- */

void
question_say_explained(const char *line)
{
	session_say("goquery: explain: %s", line);
}

static void
print_answer(struct session *s, int64_t took_ns)
{
	static void (*const print[])(struct out *, const struct answer *) = {
		[ARGS_TXT] = table_print,
		[ARGS_CSV] = csv_print,
		[ARGS_JSON] = json_print,
		[ARGS_JSONL] = jsonl_print,
		[ARGS_HTML] = html_print,
	};
	struct answer a = {
		.query = s->args.query,
		.condition = s->args.condition,
		.having = s->args.having,
		.show = s->args.show,
		.n_show = s->args.n_show,
		.iface = s->ifaces,
		.n_ifaces = s->n_ifaces,
		.opts = &s->query,
		.scan = s->scan,
		.result = s->result,
		.coverage = s->coverage,
		.took_ns = took_ns,
		.limit_text = s->args.limit_text,
		.names = s->names,
		.resolve = s->args.resolve,
		.geo = s->args.geo,
		.remote = s->args.remote != NULL,
		.chart = s->has_chart ? &s->chart : NULL,
		.style = &s->style,
	};
	static void (*const seen[])(struct out *, const struct answer *) = {
		[ARGS_TXT] = seen_print_txt,
		[ARGS_CSV] = seen_print_csv,
		[ARGS_JSON] = seen_print_json,
		[ARGS_JSONL] = seen_print_jsonl,
	};
	char note[256];

	if (s->args.seen)
		a.known = question_known(s);
	if (s->args.resolve || s->args.geo) {
		int rc = answer_ask_names(&a, s->names, &a.names_cut);

		if (rc < 0)
			session_die(EXIT_ERROR, "names of addresses: %s",
			    godb_strerror(rc));
	}
	(s->args.seen ? seen : print)[s->args.format](&session_out, &a);
	/* formats of rows alone have their notes on stderr */
	for (size_t i = 0; format_has_rows_only(s) &&
	     answer_warning(&a, i, note); i++)
		session_say("goquery: note: %s", note);
	question_say_unknown(s, &a.known);
}

/* ---- what is missing --------------------------------------------------- */

static void
say_incomplete(const struct godb_incomplete *item)
{
	char first[WHEN_TEXT_MAX], last[WHEN_TEXT_MAX], more[256];

	when_format_utc(item->first_ns / GP_NS_PER_S, first);
	when_format_utc(item->last_ns / GP_NS_PER_S, last);
	more[0] = '\0';
	if (item->place)
		(void)snprintf(more, sizeof(more), " place=\"%s\" error=\"%s\"",
		    item->place, godb_strerror(item->rc));
	else if (item->cause == GODB_CAUSE_UNSHIPPED)
		(void)snprintf(more, sizeof(more), " seconds=%llu",
		    (unsigned long long)(item->amount / (uint64_t)GP_NS_PER_S));
	else if (item->cause == GODB_CAUSE_DOWN)
		(void)snprintf(more, sizeof(more), " seconds=%llu gaps=%llu",
		    (unsigned long long)(item->amount / (uint64_t)GP_NS_PER_S),
		    (unsigned long long)item->count);
	else if (item->amount)
		(void)snprintf(more, sizeof(more), " packets=%llu",
		    (unsigned long long)item->amount);
	session_say("goquery: incomplete iface=%s first=%s last=%s cause=%s%s",
	    item->iface, first, last, godb_cause_name(item->cause), more);
}

/* Damage is told in every format, the rest where the format has no place. */
void
question_say_incomplete(const struct session *s,
    const struct godb_coverage *c, bool *any, bool *unreadable)
{
	bool rows_only = format_has_rows_only(s);
	const struct godb_incomplete *item;

	*any = *unreadable = false;
	for (size_t i = 0; (item = godb_coverage_incomplete(c, i)); i++) {
		*any = true;
		*unreadable |= item->unreadable;
		if (rows_only || item->unreadable)
			say_incomplete(item);
	}
}

/* Whether a block has been begun of which nothing is published yet. */
static bool
has_begun(const struct session *s, size_t iface)
{
	const struct godb_part *p;

	for (size_t i = 0; (p = godb_scan_part(s->scan, i)) != NULL; i++)
		if (p->iface_index == iface && p->flags & GODB_PART_LIVE &&
		    p->n4 + p->n6 == 0)
			return true;
	return false;
}

/* An empty answer should not leave one guessing where the data is. */
static void
say_where_data_is(const struct session *s)
{
	const size_t most = 8;

	for (size_t i = 0; i < s->n_ifaces && i < most; i++) {
		char first[WHEN_TEXT_MAX], last[WHEN_TEXT_MAX];
		int64_t first_s, last_s;

		if (!godb_scan_extent(s->scan, i, &first_s, &last_s)) {
			session_say("goquery: no rows; %s has no block %s",
			    s->ifaces[i], is_unreadable(s, s->ifaces[i])
			    ? "that could be read" : "at all");
			continue;
		}
		when_format_local(first_s, first);
		when_format_local(last_s + GP_SLOT_S, last);
		session_say("goquery: no rows; %s has blocks from %s to %s%s",
		    s->ifaces[i], first, last,
		    has_begun(s, i) ? ", the last one open: flows come "
				      "some seconds after their packets" :
				      "");
	}
}

static int
exit_code(const struct session *s)
{
	bool any, unreadable, empty = godb_result_n_hits(s->result) == 0;

	question_say_incomplete(s, s->coverage, &any, &unreadable);
	if (s->args.seen) {
		any |= question_known(s).unknown != ANSWER_KNOWN;
		return !empty ? EXIT_FINE : any ? EXIT_INCOMPLETE
						: EXIT_NOT_SEEN;
	}
	if (empty && !s->args.external)
		say_where_data_is(s);
	if (unreadable || (any && s->args.fail_incomplete))
		return EXIT_INCOMPLETE;
	return empty && s->args.fail_empty ? EXIT_EMPTY : EXIT_FINE;
}

/* ---- all of it --------------------------------------------------------- */

/* One answer; returns what to exit with. */
int
question_answer(struct session *s)
{
	int64_t took_ns;
	int status;

	put_question(s);
	/* a chart asks another question of the same scan */
	question_open_scan(s, s->has_chart ? NULL : &s->query);
	run_query(s);
	took_ns = gp_clock_mono_ns() - s->start_ns;
	make_chart(s);
	question_find_coverage(s, NULL);
	print_answer(s, took_ns);
	/* the answer first, then what it lacks */
	(void)out_flush(&session_out);
	if (s->args.explain)
		explain(s->scan, s->result, question_say_explained);
	status = exit_code(s);
	godb_coverage_free(s->coverage);
	godb_result_free(s->result);
	godb_scan_close(s->scan);
	return status;
}
