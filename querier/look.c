/*
 * look - what can be asked beside questions with rows: seen with addresses,
 * and --list.
 */
#include "querier/look.h"

#include "common/base/clock.h"
#include "querier/indicators.h"
#include "querier/list.h"
#include "querier/question.h"
#include "querier/store.h"

#include <stdio.h>
#include <string.h>

/* ---- seen, with addresses ---------------------------------------------- */

static void
read_indicators(struct session *s, struct indicators *what)
{
	for (unsigned i = 0; i < s->args.n_indicators; i++) {
		const char *word = s->args.indicator[i], *text = word;
		char error[512], why[GODB_COND_WHY_MAX] = "";
		size_t len = strlen(word);

		if (word[0] == '@' &&
		    sets_fetch(&s->sets, word, &text, &len, why) < 0)
			session_die(EXIT_ERROR, "%.200s: %s", word, why);
		if (indicators_add(what, word, text, len, error) < 0)
			session_die(EXIT_USAGE, "%s", error);
	}
}

/* -f 0 asks for whatever there is; any other beginning is meant. */
static void
find_beginning(const struct session *s, struct sightings *a)
{
	a->known_s = INT64_MAX;
	for (size_t i = 0; i < s->n_ifaces; i++) {
		int64_t first_s, last_s;

		if (godb_scan_extent(s->scan, i, &first_s, &last_s) &&
		    first_s < a->known_s)
			a->known_s = first_s;
	}
	a->begins_before = a->known_s == INT64_MAX ||
	    (s->args.first_s > 0 &&
		a->known_s > gp_clock_slot(s->args.first_s));
}

static struct godb_seen *
look_for(struct session *s, const struct indicators *what)
{
	struct godb_seen_opts opts = GODB_SEEN_OPTS_INIT;
	struct godb_seen *seen = NULL;
	int rc;

	opts.prefix = what->prefix;
	opts.n = what->n;
	opts.mem_bytes = s->mem_bytes;
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
explain_seen(const struct godb_seen *seen)
{
	struct godb_result_stats stats;

	godb_seen_stats(seen, &stats);
	session_say("goquery: read: %llu blocks (%llu skipped), %llu bytes, "
	    "%llu decoded; rows: %llu", (unsigned long long)(stats.parts -
		stats.parts_skipped), (unsigned long long)stats.parts_skipped,
	    (unsigned long long)stats.bytes_read,
	    (unsigned long long)stats.bytes_decoded,
	    (unsigned long long)stats.rows);
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
	question_open_scan(s);
	a.scan = s->scan;
	a.seen = look_for(s, &what);
	question_find_coverage(s, a.seen);
	a.coverage = s->coverage;
	find_beginning(s, &a);
	print[s->args.format](&session_out, &a);
	(void)out_flush(&session_out);
	if (s->args.explain)
		explain_seen(a.seen);
	question_say_incomplete(s, &any, &unreadable);
	if (sightings_count(&a) > 0)
		return EXIT_FINE;
	return any || a.begins_before ? EXIT_INCOMPLETE : EXIT_NOT_SEEN;
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
