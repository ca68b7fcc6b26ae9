/*
 * look - what can be asked beside questions with rows: seen with addresses,
 * addresses that nobody knew, and --list.
 */
#include "querier/look.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/words.h"
#include "querier/explain.h"
#include "querier/indicators.h"
#include "querier/list.h"
#include "querier/newcomers.h"
#include "querier/question.h"
#include "querier/store.h"
#include "querier/units.h"

/* ---- seen ADDRESS... --------------------------------------------------- */

/* Of nothing there is no answer: an empty variable of a script, or a list that
 * did not come, would be a "never". */
static void
read_indicators(struct session *s, struct indicators *what)
{
	for (unsigned i = 0; i < s->args.n_indicators; i++) {
		const char *word = s->args.indicator[i], *text = word;
		char error[512], why[GODB_COND_WHY_MAX] = "";
		size_t len = strlen(word), before = what->n;

		if (word[0] == '@' &&
		    sets_fetch(&s->sets, word, &text, &len, why) < 0) {
			if (s->sets.late)
				question_die(s, GODB_ECANCELLED);
			session_die(EXIT_ERROR, "%s", why);
		}
		if (indicators_add(what, word, text, len, error) < 0)
			session_die(EXIT_USAGE, "%s", error);
		if (word[0] != '@' && what->n == before)
			session_die(EXIT_USAGE, "'%.60s' is no address and no "
			    "prefix", word);
	}
	if (what->n == 0)
		session_die(EXIT_USAGE, "no address is in %.200s%s",
		    s->args.indicator[0], s->args.n_indicators > 1 ?
		    " or any of the other lists" : "");
}

static struct godb_seen *
look_for(struct session *s, const struct godb_prefix *prefix, size_t n)
{
	struct godb_seen_opts opts = GODB_SEEN_OPTS_INIT;
	struct godb_seen *seen = NULL;
	int rc;

	opts.prefix = prefix;
	opts.n = n;
	opts.mem_bytes = question_mem(s);
	opts.progress = session_draw_bar;
	opts.progress_arg = &s->progress;
	opts.pool = s->pool;
	rc = godb_seen_run(s->scan, &opts, &seen);
	session_clear_bar(&s->progress);
	if (rc < 0)
		question_die(s, rc);
	return seen;
}

static void
explain_seen(const struct godb_scan *scan, const struct godb_seen *seen)
{
	char in[UNITS_TEXT_MAX], out[UNITS_TEXT_MAX];
	struct godb_result_stats stats;

	explain_scan(scan, question_say_explained);
	godb_seen_stats(seen, &stats);
	units_bytes(stats.bytes_read, in);
	units_bytes(stats.bytes_decoded, out);
	session_say("goquery: explain: read: %llu block%s (%llu skipped), %s, "
	    "%s decoded; %llu row%s looked at", (unsigned long long)
		(stats.parts - stats.parts_skipped),
	    gp_words_s(stats.parts - stats.parts_skipped),
	    (unsigned long long)stats.parts_skipped, in, out,
	    (unsigned long long)stats.rows, gp_words_s(stats.rows));
}

/* Like grep: but "none" is said only when nothing is missing. */
int
look_seen(struct session *s)
{
	static void (*const print[])(struct out *, const struct sightings *) = {
		[ARGS_TXT] = sightings_txt,
		[ARGS_CSV] = sightings_csv,
		[ARGS_JSON] = sightings_json,
		[ARGS_JSONL] = sightings_jsonl,
	};
	struct indicators what = {NULL, 0, 0};
	struct sightings a = {.what = &what};
	bool any, unreadable;

	read_indicators(s, &what);
	s->addresses = true;
	question_open_scan(s, NULL);
	a.scan = s->scan;
	a.seen = look_for(s, what.prefix, what.n);
	question_find_coverage(s, a.seen);
	a.coverage = s->coverage;
	a.known = question_known(s);
	print[s->args.format](&session_out, &a);
	(void)out_flush(&session_out);
	question_say_unknown(s, &a.known);
	if (s->args.explain)
		explain_seen(s->scan, a.seen);
	question_say_incomplete(s, s->coverage, &any, &unreadable);
	if (sightings_count(&a) > 0)
		return EXIT_FINE;
	return any || a.known.unknown ? EXIT_INCOMPLETE : EXIT_NOT_SEEN;
}

/* ---- seen --new -------------------------------------------------------- */

/* Who was there since then, and when, and where. */
static void
find_present(struct session *s, struct newcomers *n)
{
	static const struct godb_keys keys = {.n = 3,
	    .key = {GODB_KEY_HOST, GODB_KEY_IFACE, GODB_KEY_TIME}};
	struct godb_query_opts *q = &s->query;
	int rc;

	*q = (struct godb_query_opts)GODB_QUERY_OPTS_INIT;
	q->keys = keys;
	q->sort = GODB_KEY_HOST;
	q->mem_bytes = question_mem(s);
	q->pool = s->pool;
	q->progress = session_draw_bar;
	q->progress_arg = &s->progress;
	rc = godb_query_run(s->scan, q, &s->result);
	session_clear_bar(&s->progress);
	if (rc == 0)
		rc = newcomers_take(n, s->result, question_mem(s));
	if (rc < 0)
		question_die(s, rc);
}

/* Leaves those that nobody saw in the scan of the time before. */
static struct godb_seen *
find_new(struct session *s, struct newcomers *n)
{
	struct godb_prefix *prefix = calloc(n->n + 1, sizeof(*prefix));
	struct godb_seen *seen;

	if (!prefix)
		question_die(s, -ENOMEM);
	for (size_t i = 0; i < n->n; i++)
		prefix[i] = n->list[i].addr;
	seen = look_for(s, prefix, n->n);
	free(prefix);
	newcomers_keep(n, seen);
	return seen;
}

int
look_new(struct session *s)
{
	static void (*const print[])(struct out *, const struct newcomers *) = {
		[ARGS_TXT] = newcomers_txt,
		[ARGS_CSV] = newcomers_csv,
		[ARGS_JSON] = newcomers_json,
		[ARGS_JSONL] = newcomers_jsonl,
	};
	struct newcomers n = {.since_s = s->args.new_s};
	struct godb_scan *window;
	struct godb_seen *seen;
	bool any, unreadable, earlier;
	struct answer_known newcomers;
	int64_t first_s = s->args.first_s;

	s->args.first_s = n.since_s;
	question_open_scan(s, NULL);
	n.scan = window = s->scan;
	find_present(s, &n);
	question_find_coverage(s, NULL);
	n.coverage = s->coverage;
	n.known = question_known(s);
	godb_result_free(s->result);
	s->result = NULL;

	s->args.first_s = first_s;
	s->args.last_s = n.since_s;
	s->addresses = true;
	question_open_scan(s, NULL);
	seen = find_new(s, &n);
	question_find_coverage(s, seen);
	n.earlier = s->coverage;
	n.shown = s->args.limit && s->args.limit < n.n ?
	    (size_t)s->args.limit : n.n;
	print[s->args.format](&session_out, &n);
	(void)out_flush(&session_out);
	newcomers = newcomers_known(&n);
	question_say_unknown(s, &newcomers);
	if (s->args.explain) {
		explain_scan(window, question_say_explained);
		explain_seen(s->scan, seen);
	}
	question_say_incomplete(s, n.earlier, &earlier, &unreadable);
	question_say_incomplete(s, n.coverage, &any, &unreadable);
	if (n.n > 0)
		return EXIT_FINE;
	/* what lacks before can only have made more of them new */
	return any || newcomers_lack(&n) ? EXIT_INCOMPLETE :
						   EXIT_NOT_SEEN;
}

/* ---- --list ------------------------------------------------------------ */

_Noreturn void
look_list(struct session *s)
{
	const struct godb_list_iface *f;
	struct godb_list *list;
	int rc = godb_list_new(s->reader, s->ifaces, &list);
	int status = EXIT_FINE;

	if (rc < 0)
		session_die(EXIT_ERROR,
		    "%s: %s", store_path(s), godb_strerror(rc));
	list_print(&session_out, list, s->args.format);
	(void)out_flush(&session_out);
	for (size_t i = 0; (f = godb_list_get(list, i)); i++) {
		if (f->n_unreadable == 0)
			continue;
		session_say("goquery: incomplete iface=%s days=%llu "
		    "cause=damaged place=\"%s\" error=\"%s\"", f->iface,
		    (unsigned long long)f->n_unreadable, f->place,
		    godb_strerror(f->rc));
		status = EXIT_INCOMPLETE;
	}
	session_finish(status);
}
