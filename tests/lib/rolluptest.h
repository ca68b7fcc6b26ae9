/* Answers with and without roll-ups, and of a scan that was opened for the
 * question: they are the same or the test fails. */
#ifndef TESTS_ROLLUPTEST_H
#define TESTS_ROLLUPTEST_H

#include "tests/lib/storetest.h"

#include "common/godb/result.h"

__attribute__((unused)) static bool
row_equals(const struct godb_result_row *a, const struct godb_result_row *b)
{
	return a->time_s == b->time_s && strcmp(a->iface, b->iface) == 0 &&
	    a->version == b->version && a->sip.hi == b->sip.hi &&
	    a->sip.lo == b->sip.lo && a->dip.hi == b->dip.hi &&
	    a->dip.lo == b->dip.lo && a->dport == b->dport &&
	    a->proto == b->proto && a->l7 == b->l7 &&
	    strcmp(a->l7proto, b->l7proto) == 0 &&
	    memcmp(a->counter, b->counter, sizeof(a->counter)) == 0 &&
	    memcmp(a->extra, b->extra, sizeof(a->extra)) == 0;
}

/* Rows, totals and faults. */
__attribute__((unused)) static bool
result_equals(const struct godb_result *a, const struct godb_result *b)
{
	uint64_t sum[2][4];
	size_t n = godb_result_n_rows(a);
	bool same = n == godb_result_n_rows(b) &&
	    godb_result_n_hits(a) == godb_result_n_hits(b) &&
	    godb_result_n_groups(a) == godb_result_n_groups(b) &&
	    godb_result_n_faults(a) == godb_result_n_faults(b);

	godb_result_totals(a, sum[0]);
	godb_result_totals(b, sum[1]);
	same = same && memcmp(sum[0], sum[1], sizeof(sum[0])) == 0;
	for (size_t i = 0; same && i < n; i++) {
		struct godb_result_row x, y;

		godb_result_row(a, i, &x);
		godb_result_row(b, i, &y);
		same = row_equals(&x, &y);
	}
	for (size_t i = 0; same && i < godb_result_n_faults(a); i++)
		same = strcmp(godb_result_fault(a, i)->place,
		    godb_result_fault(b, i)->place) == 0;
	return same;
}

/* Asks both ways: answer[0] is by roll-ups. */
__attribute__((unused)) static bool
same_answers(const struct godb_scan *s, const struct godb_query_opts *opts,
    struct godb_result *answer[2])
{
	struct godb_query_opts blocks = *opts;

	blocks.no_rollups = true;
	answer[0] = answer[1] = NULL;
	return godb_query_run(s, opts, &answer[0]) == 0 &&
	    godb_query_run(s, &blocks, &answer[1]) == 0 &&
	    result_equals(answer[0], answer[1]);
}

/* The same; what was read with roll-ups is in *stats. */
__attribute__((unused)) static bool
same_both_ways(const struct godb_scan *s, const struct godb_query_opts *opts,
    struct godb_result_stats *stats)
{
	struct godb_result *answer[2];
	bool same = same_answers(s, opts, answer);

	if (answer[0])
		godb_result_stats(answer[0], stats);
	godb_result_free(answer[0]);
	godb_result_free(answer[1]);
	return same;
}

/* Whether a scan and its answer say the same of what is covered. */
__attribute__((unused)) static bool
same_coverage(struct godb_reader *r, const struct godb_scan_opts *scan,
    const struct godb_scan *s[2], const struct godb_result *a[2])
{
	struct godb_coverage_opts opts = GODB_COVERAGE_OPTS_INIT;
	const struct godb_incomplete *x, *y;
	struct godb_coverage *c[2];
	uint64_t covered[2], wanted[2];
	bool same;

	opts.first_s = scan->first_s;
	opts.last_s = scan->last_s;
	opts.now_ns = (T0 + 40 * INT64_C(86400)) * 1000000000;
	for (int i = 0; i < 2; i++) {
		if (godb_coverage_new(r, s[i], a[i], &opts, &c[i]) < 0)
			abort();
		godb_coverage_time(c[i], &covered[i], &wanted[i]);
	}
	same = covered[0] == covered[1] && wanted[0] == wanted[1] &&
	    godb_coverage_directions(c[0]) == godb_coverage_directions(c[1]);
	for (size_t i = 0; same; i++) {
		x = godb_coverage_incomplete(c[0], i);
		y = godb_coverage_incomplete(c[1], i);
		if (x == NULL || y == NULL)
			break;
		same = x->cause == y->cause && x->first_ns == y->first_ns &&
		    x->last_ns == y->last_ns && x->amount == y->amount &&
		    x->count == y->count && x->unreadable == y->unreadable;
	}
	same = same && x == NULL && y == NULL;
	for (int i = 0; i < 2; i++)
		godb_coverage_free(c[i]);
	return same;
}

static uint64_t rolled_days; /* that the last question's scan did not read */
static bool no_own_scan;     /* for tests that ask very often */

/* Of a scan that was opened for the question, which is asked of it, and another
 * one, which it is not for. */
__attribute__((unused)) static bool
same_of_own_scan(struct godb_reader *r, const struct godb_scan *s,
    struct godb_scan_opts *scan, const struct godb_query_opts *opts,
    struct godb_result *answer[2])
{
	struct godb_result_stats x, y;
	struct godb_result *own_answer[2];
	struct godb_scan *own;
	struct godb_rolled rolled;
	bool same;

	scan->question = opts;
	scan->pool = opts->pool;
	if (godb_scan_open(r, scan, &own) < 0)
		abort();
	same = same_answers(own, opts, own_answer) &&
	    result_equals(answer[0], own_answer[0]);
	if (same) {
		godb_result_stats(answer[0], &x);
		godb_result_stats(own_answer[0], &y);
		x.bytes_read = y.bytes_read = x.mem_bytes = y.mem_bytes = 0;
		x.bytes_decoded = y.bytes_decoded = 0;
		/* stock is taken again for damage alone */
		same = memcmp(&x, &y, sizeof(x)) == 0 &&
		    (y.rollups_unreadable > 0 ||
			own_answer[0]->own_scan == NULL) &&
		    same_coverage(r, scan,
			(const struct godb_scan *[]){s, own},
			(const struct godb_result *[]){answer[0],
			    own_answer[0]});
	}
	rolled_days = 0;
	for (size_t i = 0; i < godb_scan_n_ifaces(own); i++) {
		int64_t t[4] = {0};

		godb_scan_rolled(own, i, &rolled);
		rolled_days += rolled.days;
		same = same &&
		    godb_scan_extent(s, i, &t[0], &t[1]) ==
			godb_scan_extent(own, i, &t[2], &t[3]) &&
		    t[0] == t[2] && t[1] == t[3];
	}
	godb_result_free(own_answer[0]);
	godb_result_free(own_answer[1]);
	godb_scan_close(own);
	return same;
}

/* Asks a store WHAT WHERE; opts has the rest. */
__attribute__((unused)) static bool
ask_both_ways(const char *path, struct godb_query_opts *opts,
    const char *what, const char *cond, int64_t first_s, int64_t last_s,
    struct godb_result_stats *stats)
{
	struct godb_scan_opts scan = GODB_SCAN_OPTS_INIT;
	struct godb_cond *c = NULL;
	struct godb_reader *r = NULL;
	struct godb_result *answer[2];
	struct godb_scan *s = NULL;
	struct godb_diag d;
	bool same;

	scan.first_s = first_s;
	scan.last_s = last_s;
	if (godb_keys_parse(what, &opts->keys, &d) < 0 ||
	    godb_cond_parse(cond, NULL, &c, &d) < 0 ||
	    godb_reader_open(path, &r) < 0 ||
	    godb_scan_open(r, &scan, &s) < 0)
		abort();
	opts->cond = c;
	memset(stats, 0, sizeof(*stats));
	same = same_answers(s, opts, answer);
	if (answer[0])
		godb_result_stats(answer[0], stats);
	if (!no_own_scan)
		same = same && same_of_own_scan(r, s, &scan, opts, answer);
	godb_result_free(answer[0]);
	godb_result_free(answer[1]);
	godb_scan_close(s);
	godb_reader_close(r);
	godb_cond_free(c);
	return same;
}

/* The same of all rows of a store. */
__attribute__((unused)) static bool
store_same_both_ways(const char *path, struct godb_result_stats *stats)
{
	struct godb_query_opts opts = GODB_QUERY_OPTS_INIT;
	struct godb_diag d;
	struct view v;
	bool same = view_open(path, &v) == 0 &&
	    godb_keys_parse("iface,sip,dip,dport,proto,l7proto", &opts.keys,
		&d) == 0;

	opts.sort = GODB_KEY_SIP;
	same = same && same_both_ways(v.scan, &opts, stats);
	view_close(&v);
	return same;
}

/* All that is due; the first error. */
__attribute__((unused)) static int
upkeep(struct godb_writer *w, int64_t now_s)
{
	int first = 0, rc;

	while ((rc = godb_writer_upkeep(w, now_s)) != 0)
		first = rc < 0 && first == 0 ? rc : first;
	return first;
}

/* Days of the first interface that a list says are not wholly there. */
__attribute__((unused)) static int64_t
unreadable_days(const char *path)
{
	struct godb_reader *r;
	struct godb_list *l;
	int64_t n;

	if (godb_reader_open(path, &r) < 0 || godb_list_new(r, NULL, &l) < 0)
		abort();
	n = (int64_t)godb_list_get(l, 0)->n_unreadable;
	godb_list_free(l);
	godb_reader_close(r);
	return n;
}

__attribute__((unused)) static uint64_t
faults_of(const char *path, struct godb_check_report *report)
{
	struct godb_check_opts opts = GODB_CHECK_OPTS_INIT;
	struct godb_reader *r;

	memset(report, 0, sizeof(*report));
	if (godb_reader_open(path, &r) < 0)
		return UINT64_MAX;
	if (godb_check(r, &opts, report) < 0)
		report->faults = UINT64_MAX;
	godb_reader_close(r);
	return report->faults;
}

#endif
