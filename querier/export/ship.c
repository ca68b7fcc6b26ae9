#include "querier/export/ship.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/words.h"
#include "querier/export/ask.h"
#include "querier/export/hours.h"
#include "querier/export/tables.h"

#define PARALLEL_FROM 20000 /* rows; fewer are one insert */
#define SEND_AGAIN   (-4)
#define LARGER_AFTER 20 /* attempts */
#define TOO_MANY_PARTS "Code: 252" /* as servers of all versions say it */

/* One interface and day while it is shipped. */
struct job {
	struct ship *s;
	const char *iface;
	int64_t day_s;
	struct ship_known *known;
	struct godb_scan *scan;
	struct godb_cursor *cursor[HTTP_PARALLEL];
	struct ledger_day day;
	size_t *parts; /* to ship, in order of time */
	size_t n;
	bool *unreadable; /* by place in parts */
	struct ledger_attempt *attempt;
	char *error;
};

static int
fail(const struct job *j, const char *what, const char *why)
{
	char day[11];

	gp_clock_day_format(j->day_s, day);
	(void)snprintf(j->error, SHIP_ERROR_MAX, "%s %s: %s: %s", j->iface,
	    day, what, why);
	return -1;
}

/* What is the store's fault does not keep other days from being shipped. */
static int
fail_store(const struct job *j, const char *why)
{
	(void)fail(j, "store", why);
	return SHIP_STORE;
}

/* ---- what the server has already ----------------------------------------- */

/* Once a run: the ledger may know less than the server. */
static int
learn_commits(struct job *j)
{
	char why[HTTP_ERROR_MAX];

	if (j->known->asked)
		return 0;
	if (ask_commits(j->s, "blocks", &j->day, why) < 0)
		return fail(j, "commits at the server", why);
	j->known->asked = true;
	return 0;
}

/* ---- choosing records ---------------------------------------------------- */

/* What was shipped of the day.  A file that cannot be used is no reason to ship
 * nothing: the server knows it, too. */
static int
open_ledger_day(struct job *j)
{
	char day[11];
	int rc = ledger_day_open(j->s->ledger, j->iface, j->day_s, &j->day);
	int stays;

	if (rc == 0)
		return 0;
	if (!ledger_unusable(rc))
		return fail(j, "ledger", strerror(-rc));
	stays = ledger_day_restart(j->s->ledger, &j->day);
	j->known->asked = false;
	gp_clock_day_format(j->day_s, day);
	if (stays == 0 || !j->s->told_ledger)
		gp_log(GP_LOG_WARNING, "ledger: shipped/%s/%s: %s; the server "
		    "is asked what it has", j->iface, day, strerror(-rc));
	j->s->told_ledger |= stays < 0;
	return 0;
}

/* And what it has. */
static int
open_job(struct job *j)
{
	struct godb_scan_opts opts = GODB_SCAN_OPTS_INIT;
	const char *ifaces[] = {j->iface, NULL};
	int rc;

	opts.ifaces = ifaces;
	opts.first_s = j->day_s;
	opts.last_s = j->day_s + GP_DAY_S;
	opts.no_live = true;
	rc = godb_scan_open(j->s->reader, &opts, &j->scan);
	for (size_t i = 0; rc == 0 && i < HTTP_PARALLEL; i++)
		rc = godb_cursor_new(j->scan, &j->cursor[i]);
	if (rc < 0)
		return fail_store(j, godb_strerror(rc));
	j->parts = calloc(godb_scan_n_parts(j->scan) + 1, sizeof(*j->parts));
	j->unreadable = calloc(godb_scan_n_parts(j->scan) + 1, sizeof(bool));
	j->attempt = calloc(1, sizeof(*j->attempt));
	if (!j->parts || !j->unreadable || !j->attempt)
		return fail(j, "store", "out of memory");
	return 0;
}

static void
close_job(struct job *j)
{
	free(j->attempt);
	free(j->unreadable);
	free(j->parts);
	ledger_day_free(&j->day);
	for (size_t i = 0; i < HTTP_PARALLEL; i++)
		godb_cursor_free(j->cursor[i]);
	if (j->scan)
		godb_scan_close(j->scan);
}

static void
choose(struct job *j)
{
	j->n = 0;
	for (size_t i = 0; i < godb_scan_n_parts(j->scan); i++)
		if (!ledger_day_has(&j->day, godb_scan_part(j->scan, i)->id))
			j->parts[j->n++] = i;
}

/* How many of the records from `first` on make an attempt. */
static size_t
batch_size(const struct job *j, size_t first)
{
	uint64_t rows = 0;
	size_t n = 0;

	while (first + n < j->n && n < LEDGER_ATTEMPT_RECORDS) {
		const struct godb_part *part =
		    godb_scan_part(j->scan, j->parts[first + n]);

		rows += (uint64_t)part->n4 + part->n6;
		if (n > 0 &&
		    rows > (uint64_t)j->s->batch_now * HTTP_PARALLEL)
			break;
		n++;
	}
	return n;
}

/* ---- an attempt ---------------------------------------------------------- */

static int
begin_attempt(struct job *j, size_t first, size_t n)
{
	struct ledger_attempt *a = j->attempt;
	int rc;

	memset(a, 0, sizeof(*a));
	a->phase = LEDGER_SENDING;
	(void)snprintf(a->iface, sizeof(a->iface), "%s", j->iface);
	a->day_s = j->day_s;
	if (getrandom(a->attempt, sizeof(a->attempt), 0) !=
	    (ssize_t)sizeof(a->attempt))
		return fail(j, "random numbers", strerror(errno));
	a->n = n;
	for (size_t i = 0; i < n; i++) {
		memcpy(a->ids[i],
		    godb_scan_part(j->scan, j->parts[first + i])->id,
		    LEDGER_ID);
		a->unreadable[i] = j->unreadable[first + i];
	}
	j->s->counts.attempts++;
	rc = ledger_attempt_write(j->s->ledger, a);
	return rc < 0 ? fail(j, "ledger", strerror(-rc)) : 0;
}

static int
bury(struct ship *s, const struct ledger_attempt *a)
{
	s->counts.given_up++;
	return ledger_attempt_bury(s->ledger, a,
	    gp_clock_real_ns() / GP_NS_PER_S);
}

/* The error that is there already says why, and `why` of what kind it is. */
static int
give_up(struct job *j, int why)
{
	int rc = bury(j->s, j->attempt);

	if (rc < 0)
		gp_log(GP_LOG_ERR, "ledger: %s", strerror(-rc));
	return why;
}

static void
print_insert(char sql[ASK_SQL_MAX], const struct job *j, const char *table,
    const char *columns)
{
	(void)snprintf(sql, ASK_SQL_MAX,
	    "INSERT INTO %s.%s (%s) FORMAT RowBinary", j->s->database, table,
	    columns);
}

/* Records of the attempt that can be read. */
struct sending {
	size_t parts[LEDGER_ATTEMPT_RECORDS];
	size_t place[LEDGER_ATTEMPT_RECORDS]; /* among the job's */
	size_t n;
	uint64_t rows;
};

static void
choose_readable(const struct job *j, size_t first, size_t n,
    struct sending *to)
{
	to->n = 0;
	to->rows = 0;
	for (size_t i = first; i < first + n; i++) {
		const struct godb_part *part =
		    godb_scan_part(j->scan, j->parts[i]);

		if (j->unreadable[i])
			continue;
		to->place[to->n] = i;
		to->parts[to->n++] = j->parts[i];
		to->rows += (uint64_t)part->n4 + part->n6;
	}
}

/*
 * What is too much for the server at once may not be in pieces: it is slow, or
 * has little memory.  Without this an insert that cannot be done within the
 * time-out would be tried for ever.  One that has too many parts waiting to be
 * merged would get more of them so.
 */
void
ship_smaller(struct ship *s, const char *why)
{
	if (strstr(why, TOO_MANY_PARTS))
		return;
	s->batch_fine = 0;
	s->batch_now = s->batch_now / 2 > SHIP_BATCH_LEAST ?
	    s->batch_now / 2 : SHIP_BATCH_LEAST;
}

void
ship_larger(struct ship *s)
{
	if (++s->batch_fine < LARGER_AFTER)
		return;
	s->batch_fine = 0;
	s->batch_now = s->batch_now < s->batch_rows / 2 ? s->batch_now * 2 :
	    s->batch_rows;
}

/* A record cannot be read, the i-th of those that are sent: with it all others
 * that cannot are left out of the next attempt. */
static int
leave_out(struct job *j, const struct sending *s, size_t i)
{
	struct godb_columns c;
	size_t n = 1;

	j->unreadable[s->place[i]] = true;
	for (size_t k = 0; k < s->n; k++) {
		int rc = k == i ? 0 : godb_cursor_load(j->cursor[0],
		    s->parts[k], GODB_COL_ALL, true, true, &c, NULL);

		if (rc < 0 && rc != GODB_EDAMAGED)
			return fail_store(j, godb_strerror(rc));
		j->unreadable[s->place[k]] |= rc == GODB_EDAMAGED;
		n += rc == GODB_EDAMAGED;
	}
	gp_log(GP_LOG_WARNING, "%s: blocks that cannot be read are shipped as "
	    "unreadable blocks=%zu", j->iface, n);
	j->s->counts.unreadable += n;
	return SEND_AGAIN;
}

/* Some inserts side by side, from row `from` on; what they took, or an error
 * as send_rows() has them. */
static int64_t
send_some(struct job *j, const struct sending *s, uint64_t from,
    uint64_t chunk)
{
	struct tables_rows r[HTTP_PARALLEL] = {{0}};
	struct http_ask ask[HTTP_PARALLEL] = {{0}};
	char sql[ASK_SQL_MAX], why[HTTP_ERROR_MAX];
	enum http_result rc;
	uint64_t end = from;
	size_t n = 0;

	print_insert(sql, j, "flows", TABLES_FLOWS);
	for (; n < HTTP_PARALLEL && end < s->rows; n++) {
		r[n] = (struct tables_rows){.scan = j->scan,
			.cursor = j->cursor[n], .site = j->s->site,
			.attempt = j->attempt->attempt, .parts = s->parts,
			.n_parts = s->n, .skip = end, .limit = chunk};
		ask[n] = (struct http_ask){.sql = sql,
			.params = ASK_INSERT_PARAMS, .fill = tables_rows_fill,
			.fill_arg = &r[n]};
		end += chunk;
	}
	rc = http_ask_all(j->s->http, ask, n, &j->s->counts.bytes, why);
	if (rc == HTTP_FINE)
		return (int64_t)(end - from);
	for (size_t i = 0; i < n; i++) {
		if (r[i].rc == GODB_EDAMAGED && r[i].at < s->n)
			return leave_out(j, s, r[i].at);
		if (r[i].rc < 0)
			return fail_store(j, godb_strerror(r[i].rc));
	}
	if (rc != HTTP_STOPPED)
		ship_smaller(j->s, why);
	return fail(j, "rows", why);
}

/*
 * All rows of the attempt, in inserts of at most batch_now.  SEND_AGAIN when
 * records cannot be read: they have been marked, and another attempt does
 * without.
 */
static int
send_rows(struct job *j, size_t first, size_t n, uint64_t *rows)
{
	struct sending *s = calloc(1, sizeof(*s));
	uint64_t chunks, chunk;
	int64_t took = 0;

	if (s == NULL)
		return fail(j, "rows", "out of memory");
	choose_readable(j, first, n, s);
	chunks = s->rows / j->s->batch_now + 1;
	if (chunks < HTTP_PARALLEL && s->rows > PARALLEL_FROM)
		chunks = HTTP_PARALLEL;
	chunk = (s->rows + chunks - 1) / chunks;
	for (uint64_t at = 0; took >= 0 && at < s->rows;
	     at += (uint64_t)(took > 0 ? took : 0))
		took = send_some(j, s, at, chunk);
	*rows = s->rows;
	free(s);
	return took < 0 ? (int)took : 0;
}

static int
verify(struct job *j, const char *table, const char *what, uint64_t rows,
    const size_t *parts, size_t n)
{
	/* commit_again() asks for what was there */
	bool seen = j->attempt->phase == LEDGER_SENT &&
	    strcmp(table, "flows") == 0;
	struct ask_rows r = {.table = table, .what = what, .iface = j->iface,
		.seen = seen,
		.day_s = j->day_s, .first_s = n > 0 ? INT64_MAX : 0,
		.attempt = j->attempt->attempt};
	char why[HTTP_ERROR_MAX];
	int rc;

	for (size_t i = 0; i < n; i++) {
		int64_t slot_s = godb_scan_part(j->scan, parts[i])->slot_s;

		r.first_s = slot_s < r.first_s ? slot_s : r.first_s;
		r.last_s = slot_s > r.last_s ? slot_s : r.last_s;
	}
	rc = ask_whether(j->s, &r, rows, why);
	if (rc < 0)
		(void)fail(j, table, why);
	return rc;
}

/* Those that were committed, and no others. */
static int
remember(struct job *j, const size_t *parts, size_t n)
{
	uint8_t (*ids)[LEDGER_ID] = calloc(n + 1, LEDGER_ID);
	int rc;

	if (ids == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		memcpy(ids[i], godb_scan_part(j->scan, parts[i])->id,
		    LEDGER_ID);
	rc = ledger_day_add(j->s->ledger, &j->day,
	    (const uint8_t(*)[LEDGER_ID])ids, n);
	free(ids);
	return rc;
}

static int
commit(struct job *j, const size_t *parts, size_t n, const bool *unreadable)
{
	struct tables_blocks b = {.scan = j->scan, .site = j->s->site,
		.attempt = j->attempt->attempt, .parts = parts, .n_parts = n,
		.unreadable = unreadable,
		.now_s = gp_clock_real_ns() / GP_NS_PER_S};
	char sql[ASK_SQL_MAX], why[HTTP_ERROR_MAX];
	struct http_ask ask = {.sql = sql, .params = ASK_INSERT_PARAMS,
		.fill = tables_blocks_fill, .fill_arg = &b};
	int rc;

	print_insert(sql, j, "blocks", TABLES_BLOCKS);
	if (http_ask(j->s->http, &ask, &j->s->counts.bytes, why) != HTTP_FINE)
		return fail(j, "commit", why);
	/* sent twice it is there twice, and means the same */
	if (verify(j, "blocks", "uniqExact(record)", n, parts, n) < 0)
		return -1;
	rc = remember(j, parts, n);
	if (rc == 0)
		rc = ledger_attempt_clear(j->s->ledger);
	if (rc < 0)
		return fail(j, "ledger", strerror(-rc));
	j->s->counts.records += n;
	return 0;
}

static int
ship_batch(struct job *j, size_t first, size_t n)
{
	uint64_t rows = 0;
	int rc;

	do {
		if (begin_attempt(j, first, n) < 0)
			return -1;
		rc = send_rows(j, first, n, &rows);
		if (rc == SEND_AGAIN)
			(void)give_up(j, 0);
	} while (rc == SEND_AGAIN);
	if (rc == 0 && verify(j, "flows", "count()", rows, j->parts + first,
	    n) < 0)
		rc = -1;
	if (rc < 0)
		return give_up(j, rc);
	j->attempt->phase = LEDGER_SENT;
	rc = ledger_attempt_write(j->s->ledger, j->attempt);
	if (rc < 0) {
		(void)fail(j, "ledger", strerror(-rc));
		return give_up(j, -1);
	}
	rc = commit(j, j->parts + first, n, j->unreadable + first);
	if (rc < 0)
		return rc;
	j->s->counts.rows += rows;
	ship_larger(j->s);
	if (j->s->progress)
		j->s->progress(j->s->progress_arg);
	return 0;
}

/* ---- days ---------------------------------------------------------------- */

/* A journal's are the writer's to tell: its rows come as a block. */
static bool
hides_records(const struct godb_fault *f)
{
	return f->last_s > f->first_s && strstr(f->place, "/journal") == NULL;
}

/* Records that a damaged index hides are not shipped: SHIP_STORE, as long as
 * that is so. */
static int
tell_faults(struct job *j)
{
	const struct godb_fault *first = NULL;
	char why[200], more[40] = "";
	size_t n = 0;

	for (size_t i = 0; i < godb_scan_n_faults(j->scan); i++) {
		const struct godb_fault *f = godb_scan_fault(j->scan, i);

		if (!hides_records(f))
			continue;
		if (n++ == 0)
			first = f;
	}
	if (first == NULL)
		return 0;
	if (n > 1)
		(void)snprintf(more, sizeof(more), ", and %zu more", n - 1);
	(void)snprintf(why, sizeof(why), "%.127s: %s%s", first->place,
	    godb_strerror(first->rc), more);
	if (!j->known->told)
		j->s->counts.unreadable += n;
	return fail_store(j, why);
}

static int
ship_chosen(struct job *j, uint64_t index_mark)
{
	int rc = 0;

	choose(j);
	if (j->n > 0)
		rc = learn_commits(j);
	if (rc == 0)
		choose(j);
	for (size_t first = 0, n; rc == 0 && first < j->n; first += n) {
		if (j->s->stop && *j->s->stop)
			return fail(j, "shipping", "stopped");
		n = batch_size(j, first);
		rc = ship_batch(j, first, n);
	}
	if (rc == 0)
		rc = tell_faults(j);
	if (rc < 0 || godb_scan_n_faults(j->scan) > 0)
		return rc;
	/* what retention has taken since the days were listed was not shipped */
	if (godb_scan_n_parts(j->scan) == 0)
		return SHIP_GONE;
	rc = ledger_day_done(j->s->ledger, &j->day, index_mark);
	return rc < 0 ? fail(j, "ledger", strerror(-rc)) : 0;
}

int
ship_day(struct ship *s, const char *iface, int64_t day_s,
    uint64_t index_mark, struct ship_known *known,
    char error[SHIP_ERROR_MAX])
{
	struct job j = {.s = s, .iface = iface, .day_s = day_s,
		.known = known, .error = error};
	int rc = open_ledger_day(&j);

	if (rc == 0 && j.day.done_mark != index_mark) {
		rc = open_job(&j);
		if (rc == 0)
			rc = ship_chosen(&j, index_mark);
	}
	if (rc == SHIP_STORE && !known->told)
		gp_log(GP_LOG_WARNING, "%s", error);
	if (rc != -1)
		known->told = rc == SHIP_STORE;
	close_job(&j);
	return rc;
}

int
ship_pending(struct ship *s, const char *iface, int64_t day_s,
    uint64_t index_mark, uint64_t *records, uint64_t *rows,
    int64_t *oldest_s)
{
	char error[SHIP_ERROR_MAX];
	struct job j = {.s = s, .iface = iface, .day_s = day_s,
		.error = error};
	int rc = 0;

	/* one that cannot be read knows of none */
	(void)ledger_day_open(s->ledger, iface, day_s, &j.day);
	if (j.day.done_mark != index_mark)
		rc = open_job(&j);
	if (rc == 0 && j.scan) {
		choose(&j);
		for (size_t i = 0; i < j.n; i++) {
			const struct godb_part *part =
			    godb_scan_part(j.scan, j.parts[i]);

			*rows += (uint64_t)part->n4 + part->n6;
			if (part->slot_s < *oldest_s)
				*oldest_s = part->slot_s;
		}
		*records += j.n;
	}
	close_job(&j);
	return rc;
}

bool
ship_whole(struct ship *s, const char *iface, int64_t day_s,
    uint64_t index_mark)
{
	struct ledger_day day;
	bool whole = ledger_day_open(s->ledger, iface, day_s, &day) == 0 &&
	    day.done_mark == index_mark;

	ledger_day_free(&day);
	return whole;
}

void
ship_forget(struct ship *s, const char *iface, int64_t day_s)
{
	struct ledger_attempt *a = calloc(1, sizeof(*a));

	if (a && ledger_attempt_read(s->ledger, a) == 1 &&
	    a->day_s == day_s && strcmp(a->iface, iface) == 0)
		(void)bury(s, a);
	free(a);
	(void)ledger_day_forget(s->ledger, iface, day_s);
}

/* ---- after a crash ------------------------------------------------------- */

static bool
in_attempt(const struct ledger_attempt *a, const uint8_t id[LEDGER_ID],
    bool *unreadable)
{
	for (size_t i = 0; i < a->n; i++)
		if (memcmp(a->ids[i], id, LEDGER_ID) == 0) {
			*unreadable = a->unreadable[i];
			return true;
		}
	return false;
}

/* Its records as the store has them now, and their rows. */
static uint64_t
find_records(struct job *j, const struct ledger_attempt *a)
{
	uint64_t rows = 0;

	for (size_t i = 0; i < godb_scan_n_parts(j->scan); i++) {
		const struct godb_part *part = godb_scan_part(j->scan, i);
		bool *unreadable = &j->unreadable[j->n];

		if (!in_attempt(a, part->id, unreadable))
			continue;
		j->parts[j->n++] = i;
		rows += *unreadable ? 0 : (uint64_t)part->n4 + part->n6;
	}
	return rows;
}

/* Nobody says that records are gone while what hides them may go away. */
static int
fail_missing(struct job *j, size_t missing)
{
	char why[80];

	if (tell_faults(j) == SHIP_STORE)
		return SHIP_STORE;
	j->s->counts.gone += missing;
	(void)snprintf(why, sizeof(why), "retention removed %zu block%s before "
	    "%s commit", missing, gp_words_s(missing),
	    missing == 1 ? "its" : "their");
	return fail_store(j, why);
}

/*
 * What was sent is committed when the store still has all its records and the
 * server all their rows; the latter may have lost them with its tables.  Else
 * SHIP_STORE, and there is nothing to commit.
 */
static int
commit_again(struct ship *s, const struct ledger_attempt *a,
    char error[SHIP_ERROR_MAX])
{
	struct ship_known known = {.told = true}; /* ship_day() tells it */
	struct job j = {.s = s, .iface = a->iface, .day_s = a->day_s,
		.known = &known, .error = error};
	uint64_t rows;
	int rc;

	(void)ledger_day_open(s->ledger, a->iface, a->day_s, &j.day);
	rc = open_job(&j);
	if (rc == 0) {
		memcpy(j.attempt, a, sizeof(*a));
		rows = find_records(&j, a);
		rc = j.n < a->n ? fail_missing(&j, a->n - j.n) :
		    verify(&j, "flows", "count()", rows, j.parts, j.n);
		if (rc == ASK_DIFFERS)
			rc = SHIP_STORE;
		if (rc == 0)
			rc = commit(&j, j.parts, j.n, j.unreadable);
	}
	close_job(&j);
	return rc;
}

/* An attempt whose rows were all sent. */
static int
resume_sent(struct ship *s, const struct ledger_attempt *a,
    char error[SHIP_ERROR_MAX])
{
	int rc = a->kind == LEDGER_HOURS ? hours_commit_again(s, a, error) :
	    commit_again(s, a, error);

	if (rc != SHIP_STORE)
		return rc;
	gp_log(GP_LOG_WARNING, "%s; the attempt is given up", error);
	rc = bury(s, a);
	if (rc < 0)
		(void)snprintf(error, SHIP_ERROR_MAX, "ledger: %s",
		    strerror(-rc));
	return rc < 0 ? -1 : 0;
}

int
ship_resume(struct ship *s, char error[SHIP_ERROR_MAX])
{
	struct ledger_attempt *a = calloc(1, sizeof(*a));
	int rc = a ? ledger_attempt_read(s->ledger, a) : -ENOMEM;

	if (rc == 1 && a->phase == LEDGER_SENT) {
		rc = resume_sent(s, a, error);
		free(a);
		return rc;
	}
	if (ledger_unusable(rc)) { /* nobody commits what nobody knows */
		gp_log(GP_LOG_WARNING, "ledger: the attempt under way cannot be "
		    "read and is given up");
		rc = ledger_attempt_clear(s->ledger);
	} else if (rc == 1) {
		rc = bury(s, a);
	}
	free(a);
	if (rc < 0) {
		(void)snprintf(error, SHIP_ERROR_MAX, "ledger: %s",
		    strerror(-rc));
		return -1;
	}
	return 0;
}
