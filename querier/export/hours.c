#include "querier/export/hours.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "querier/export/ask.h"
#include "querier/export/tables.h"

#define HOUR_S    3600
#define HOURS     24
#define GRACE_S   120 /* behind its end all of an hour's blocks are there */
#define MEM_BYTES (256u << 20)
#define SHARE     60 /* rows of a sum for 100 of its blocks */

struct hour {
	int64_t slot_s;
	const uint8_t (*ids)[LEDGER_ID]; /* of its records, ascending */
	size_t n;
	uint64_t rows; /* of its blocks */
	uint8_t id[LEDGER_ID];
};

struct job {
	struct ship *s;
	const char *iface;
	int64_t day_s;
	struct ledger_day day;
	uint8_t (*ids)[LEDGER_ID];
	struct hour hour[HOURS];
	size_t n;
	struct ledger_attempt *attempt;
	char *error;
};

static int
fail(const struct job *j, const char *what, const char *why)
{
	char day[11];

	gp_clock_day_format(j->day_s, day);
	(void)snprintf(j->error, SHIP_ERROR_MAX, "%s %s: hours: %s: %s",
	    j->iface, day, what, why);
	return -1;
}

static int
fail_store(const struct job *j, int rc)
{
	(void)fail(j, "store", godb_strerror(rc));
	return SHIP_STORE;
}

static int
fail_changed(const struct job *j)
{
	(void)fail(j, "commit", "the hour has other blocks by now");
	return SHIP_STORE;
}

/* ---- which hours there are ----------------------------------------------- */

static int
compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, LEDGER_ID);
}

/* The same records give the same id, in whatever order. */
static void
name_hour(struct hour *h, uint8_t (*ids)[LEDGER_ID])
{
	XXH128_canonical_t id;

	qsort(ids, h->n, LEDGER_ID, compare_ids);
	h->ids = (const uint8_t(*)[LEDGER_ID])ids;
	XXH128_canonicalFromHash(&id, XXH3_128bits(ids, h->n * LEDGER_ID));
	memcpy(h->id, id.digest, LEDGER_ID);
}

static void
list_hours(struct job *j, const struct godb_scan *scan)
{
	size_t n = godb_scan_n_parts(scan), from = 0;
	struct hour *h = NULL;

	for (size_t i = 0; i <= n; i++) {
		const struct godb_part *p =
		    i < n ? godb_scan_part(scan, i) : NULL;

		if (h && (!p || p->slot_s >= h->slot_s + HOUR_S)) {
			name_hour(h, j->ids + from);
			h = NULL;
		}
		if (!p)
			break;
		if (!h) {
			h = &j->hour[j->n++];
			*h = (struct hour){
			    .slot_s = p->slot_s - p->slot_s % HOUR_S};
			from = i;
		}
		memcpy(j->ids[i], p->id, LEDGER_ID);
		h->n++;
		h->rows += (uint64_t)p->n4 + p->n6;
	}
}

static int
open_job(struct job *j)
{
	struct godb_scan_opts opts = GODB_SCAN_OPTS_INIT;
	const char *ifaces[] = {j->iface, NULL};
	struct godb_scan *scan;
	int rc;

	opts.ifaces = ifaces;
	opts.first_s = j->day_s;
	opts.last_s = j->day_s + GP_DAY_S;
	opts.no_live = true;
	rc = godb_scan_open(j->s->reader, &opts, &scan);
	if (rc < 0)
		return fail_store(j, rc);
	j->ids = calloc(godb_scan_n_parts(scan) + 1, LEDGER_ID);
	j->attempt = calloc(1, sizeof(*j->attempt));
	if (j->ids && j->attempt)
		list_hours(j, scan);
	else
		rc = fail(j, "store", "out of memory");
	godb_scan_close(scan);
	return rc;
}

static void
close_job(struct job *j)
{
	ledger_day_free(&j->day);
	free(j->attempt);
	free(j->ids);
}

/* ---- one hour ------------------------------------------------------------ */

static int64_t
bin_hour(void *arg, int64_t slot_s)
{
	(void)arg;
	return slot_s - slot_s % HOUR_S;
}

/* 1 and the sum; 0 when it is not to be shipped; or an error of ship_day(). */
static int
sum_hour(struct job *j, const struct hour *h, struct godb_scan **scan,
    struct godb_result **out)
{
	struct godb_scan_opts so = GODB_SCAN_OPTS_INIT;
	struct godb_query_opts qo = GODB_QUERY_OPTS_INIT;
	const char *ifaces[] = {j->iface, NULL};
	struct godb_diag diag;
	int rc;

	so.ifaces = ifaces;
	so.first_s = h->slot_s;
	so.last_s = h->slot_s + HOUR_S;
	so.no_live = true;
	rc = godb_scan_open(j->s->reader, &so, scan);
	if (rc < 0)
		return fail_store(j, rc);
	rc = godb_keys_parse("time,sip,dip,dport,proto,l7proto", &qo.keys,
	    &diag);
	qo.sort = GODB_KEY_TIME;
	qo.bin = bin_hour;
	qo.mem_bytes = MEM_BYTES;
	if (rc == 0)
		rc = godb_query_run(*scan, &qo, out);
	if (rc == GODB_EMEMORY)
		return 0;
	if (rc < 0)
		return fail_store(j, rc);
	/* what came in between is another sum, for another time */
	return godb_scan_n_parts(*scan) == h->n &&
	    godb_result_n_faults(*out) == 0 &&
	    godb_result_n_rows(*out) * 100 <= h->rows * SHARE;
}

static int
send(struct job *j, const struct godb_result *sum)
{
	struct tables_sums r[HTTP_PARALLEL];
	struct http_ask ask[HTTP_PARALLEL];
	char sql[ASK_SQL_MAX], why[HTTP_ERROR_MAX];
	size_t rows = godb_result_n_rows(sum);
	enum http_result rc;

	(void)snprintf(sql, sizeof(sql), "INSERT INTO %s.hours (%s) "
	    "FORMAT RowBinary", j->s->database, TABLES_FLOWS);
	for (size_t at = 0; at < rows;) {
		size_t n = 0;

		for (; n < HTTP_PARALLEL && at < rows; n++) {
			size_t end = rows - at > j->s->batch_now ?
			    at + j->s->batch_now : rows;

			r[n] = (struct tables_sums){.sum = sum,
				.site = j->s->site, .iface = j->iface,
				.record = j->attempt->ids[0],
				.attempt = j->attempt->attempt, .at = at,
				.end = end};
			ask[n] = (struct http_ask){.sql = sql,
				.params = ASK_INSERT_PARAMS,
				.fill = tables_sums_fill, .fill_arg = &r[n]};
			at = end;
		}
		rc = http_ask_all(j->s->http, ask, n, &j->s->counts.bytes,
		    why);
		if (rc == HTTP_FINE)
			continue;
		if (rc != HTTP_STOPPED)
			ship_smaller(j->s, why);
		return fail(j, "rows", why);
	}
	return 0;
}

static int
check(struct job *j, const struct hour *h, const char *table, const char *what,
    uint64_t want)
{
	/* still_there() asks for what was there */
	bool seen = j->attempt->phase == LEDGER_SENT &&
	    strcmp(table, "hours") == 0;
	const struct ask_rows r = {.table = table, .what = what, .seen = seen,
		.iface = j->iface, .day_s = j->day_s, .first_s = h->slot_s,
		.last_s = h->slot_s, .attempt = j->attempt->attempt};
	char why[HTTP_ERROR_MAX];
	int rc = ask_whether(j->s, &r, want, why);

	if (rc < 0)
		(void)fail(j, table, why);
	return rc;
}

static int
remember(struct job *j, const struct hour *h)
{
	int rc = ledger_day_add(j->s->ledger, &j->day, &h->id, 1);

	return rc < 0 ? fail(j, "ledger", strerror(-rc)) : 0;
}

static int
commit(struct job *j, const struct hour *h)
{
	struct tables_rollup r = {.site = j->s->site, .iface = j->iface,
		.slot_s = h->slot_s, .record = h->id,
		.attempt = j->attempt->attempt, .ids = h->ids, .n = h->n,
		.now_s = gp_clock_real_ns() / GP_NS_PER_S};
	char sql[ASK_SQL_MAX], why[HTTP_ERROR_MAX];
	struct http_ask ask = {.sql = sql, .params = ASK_INSERT_PARAMS,
		.fill = tables_rollup_fill, .fill_arg = &r};
	int rc;

	(void)snprintf(sql, sizeof(sql), "INSERT INTO %s.rollups (%s) "
	    "FORMAT RowBinary", j->s->database, TABLES_ROLLUPS);
	if (http_ask(j->s->http, &ask, &j->s->counts.bytes, why) != HTTP_FINE)
		return fail(j, "commit", why);
	/* sent twice it is there twice, and means the same */
	if (check(j, h, "rollups", "uniqExact(covers)", h->n) < 0 ||
	    remember(j, h) < 0)
		return -1;
	rc = ledger_attempt_clear(j->s->ledger);
	if (rc < 0)
		return fail(j, "ledger", strerror(-rc));
	j->s->counts.hours++;
	ship_larger(j->s);
	return 0;
}

static int
begin_attempt(struct job *j, const struct hour *h)
{
	struct ledger_attempt *a = j->attempt;
	int rc;

	memset(a, 0, sizeof(*a));
	a->phase = LEDGER_SENDING;
	a->kind = LEDGER_HOURS;
	(void)snprintf(a->iface, sizeof(a->iface), "%s", j->iface);
	a->day_s = j->day_s;
	a->n = 1;
	memcpy(a->ids[0], h->id, LEDGER_ID);
	if (getrandom(a->attempt, sizeof(a->attempt), 0) !=
	    (ssize_t)sizeof(a->attempt))
		return fail(j, "random numbers", strerror(errno));
	j->s->counts.attempts++;
	rc = ledger_attempt_write(j->s->ledger, a);
	return rc < 0 ? fail(j, "ledger", strerror(-rc)) : 0;
}

static int
ship_sum(struct job *j, const struct hour *h, const struct godb_result *sum)
{
	int rc;

	if (begin_attempt(j, h) < 0)
		return -1;
	if (send(j, sum) < 0 ||
	    check(j, h, "hours", "count()", godb_result_n_rows(sum)) < 0) {
		j->s->counts.given_up++;
		(void)ledger_attempt_bury(j->s->ledger, j->attempt,
		    gp_clock_real_ns() / GP_NS_PER_S);
		return -1;
	}
	j->attempt->phase = LEDGER_SENT;
	rc = ledger_attempt_write(j->s->ledger, j->attempt);
	if (rc < 0)
		return fail(j, "ledger", strerror(-rc));
	return commit(j, h);
}

static int
ship_hour(struct job *j, const struct hour *h)
{
	struct godb_scan *scan = NULL;
	struct godb_result *sum = NULL;
	int rc;

	/* a single block is its own sum */
	if (h->n < 2 || h->rows == 0 || ledger_day_has(&j->day, h->id))
		return 0;
	rc = sum_hour(j, h, &scan, &sum);
	if (rc == 1)
		rc = ship_sum(j, h, sum);
	else if (rc == 0)
		rc = remember(j, h);
	godb_result_free(sum);
	if (scan)
		godb_scan_close(scan);
	return rc;
}

/* ---- days ---------------------------------------------------------------- */

static int
learn(struct job *j, struct ship_known *known)
{
	char why[HTTP_ERROR_MAX];

	if (known->asked)
		return 0;
	if (ask_commits(j->s, "rollups", &j->day, why) < 0)
		return fail(j, "commits at the server", why);
	known->asked = true;
	return 0;
}

static int
ship_hours(struct job *j, struct ship_known *known, int64_t *next_s)
{
	int64_t now_s = gp_clock_real_ns() / GP_NS_PER_S;
	int rc = learn(j, known);

	*next_s = INT64_MAX;
	for (size_t i = 0; rc == 0 && i < j->n; i++) {
		int64_t due_s = j->hour[i].slot_s + HOUR_S + GRACE_S;

		if (j->s->stop && *j->s->stop)
			return fail(j, "shipping", "stopped");
		if (due_s <= now_s)
			rc = ship_hour(j, &j->hour[i]);
		else if (due_s < *next_s)
			*next_s = due_s;
	}
	return rc;
}

int
hours_day(struct ship *s, const char *iface, int64_t day_s,
    uint64_t index_mark, struct ship_known *known, int64_t *next_s,
    char error[SHIP_ERROR_MAX])
{
	struct job j = {.s = s, .iface = iface, .day_s = day_s,
		.error = error};
	int rc = 0;

	*next_s = INT64_MAX;
	/* ship_day() has told it and begun it anew, where that is possible */
	if (ledger_day_open(s->ledger, iface, day_s, &j.day) < 0)
		known->asked = false;
	if (j.day.hours_mark != index_mark) {
		rc = open_job(&j);
		if (rc == 0)
			rc = ship_hours(&j, known, next_s);
		if (rc == 0 && *next_s == INT64_MAX) {
			rc = ledger_day_hours_done(s->ledger, &j.day,
			    index_mark);
			if (rc < 0)
				rc = fail(&j, "ledger", strerror(-rc));
		}
	}
	if (rc == SHIP_STORE && !known->told)
		gp_log(GP_LOG_WARNING, "%s", error);
	if (rc != -1)
		known->told = rc == SHIP_STORE;
	close_job(&j);
	return rc;
}

/* Whether the server has all rows of the hour's sum, as it is made again: 0,
 * SHIP_STORE, -1. */
static int
still_there(struct job *j, const struct hour *h)
{
	struct godb_scan *scan = NULL;
	struct godb_result *sum = NULL;
	int rc = sum_hour(j, h, &scan, &sum);

	if (rc == 0)
		rc = fail_changed(j);
	else if (rc == 1)
		rc = check(j, h, "hours", "count()", godb_result_n_rows(sum));
	godb_result_free(sum);
	if (scan)
		godb_scan_close(scan);
	return rc == ASK_DIFFERS ? SHIP_STORE : rc;
}

int
hours_commit_again(struct ship *s, const struct ledger_attempt *a,
    char error[SHIP_ERROR_MAX])
{
	struct job j = {.s = s, .iface = a->iface, .day_s = a->day_s,
		.error = error};
	bool found = false;
	int rc;

	(void)ledger_day_open(s->ledger, a->iface, a->day_s, &j.day);
	rc = open_job(&j);
	for (size_t i = 0; rc == 0 && !found && i < j.n; i++) {
		found = memcmp(j.hour[i].id, a->ids[0], LEDGER_ID) == 0;
		if (found) {
			memcpy(j.attempt, a, sizeof(*a));
			rc = still_there(&j, &j.hour[i]);
			if (rc == 0)
				rc = commit(&j, &j.hour[i]);
		}
	}
	if (rc == 0 && !found)
		rc = fail_changed(&j);
	close_job(&j);
	return rc;
}
