#include "querier/export/ask.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "querier/export/rowbinary.h"

#define ANSWER_MAX   (32u << 20)
#define COUNT_TRIES  10 /* half a second each: replicas need a moment */
#define SEEN_TRIES   2
#define LITERAL_MAX  1100

void
ask_hex(char to[33], const uint8_t id[16])
{
	rowbinary_hex(to, id);
	for (char *c = to; *c; c++)
		*c = (char)(*c >= 'a' ? *c - 32 : *c);
}

void
ask_where(char to[ASK_SQL_MAX / 2], const struct ship *s, const char *iface,
    int64_t day_s)
{
	char site[LITERAL_MAX], name[80];

	(void)rowbinary_literal(site, sizeof(site), s->site);
	(void)rowbinary_literal(name, sizeof(name), iface);
	(void)snprintf(to, ASK_SQL_MAX / 2, "day = toDate(%" PRId64 ") AND "
	    "site = %s AND iface = %s", day_s / GP_DAY_S, site, name);
}

enum http_result
ask_text(struct ship *s, const char *sql, struct http_text *text,
    char error[HTTP_ERROR_MAX])
{
	struct http_ask ask = {.sql = sql, .params = ASK_WHOLE_PARAMS,
		.take = http_text_take, .take_arg = text};
	enum http_result rc;

	text->max = ANSWER_MAX;
	rc = http_ask(s->http, &ask, NULL, error);
	if (rc != HTTP_FINE) {
		free(text->data);
		text->data = NULL;
	}
	return rc;
}

enum http_result
ask_number(struct ship *s, const char *sql, uint64_t *out,
    char error[HTTP_ERROR_MAX])
{
	struct http_text text = {0};
	enum http_result rc = ask_text(s, sql, &text, error);
	char *end = text.data;

	if (rc != HTTP_FINE)
		return rc;
	errno = 0;
	if (text.data)
		*out = strtoull(text.data, &end, 10);
	if (!text.data || end == text.data || errno || strcmp(end, "\n") != 0) {
		(void)snprintf(error, HTTP_ERROR_MAX,
		    "the server's answer is no number");
		rc = HTTP_UNKNOWN;
	}
	free(text.data);
	return rc;
}

static void
pause_half_second(void)
{
	struct timespec t = {0, 500000000};

	(void)nanosleep(&t, NULL);
}

int
ask_whether(struct ship *s, const struct ask_rows *r, uint64_t rows,
    char error[HTTP_ERROR_MAX])
{
	char where[ASK_SQL_MAX / 2], sql[ASK_SQL_MAX], hex[33];
	uint64_t have = 0;

	ask_where(where, s, r->iface, r->day_s);
	rowbinary_hex(hex, r->attempt);
	(void)snprintf(sql, sizeof(sql), "SELECT %s FROM %s.%s WHERE %s AND "
	    "time >= toDateTime(%" PRId64 ") AND "
	    "time <= toDateTime(%" PRId64 ") AND "
	    "attempt = toFixedString(unhex('%s'), 16) FORMAT TabSeparated",
	    r->what, s->database, r->table, where, r->first_s, r->last_s, hex);
	for (int i = 0; i < (r->seen ? SEEN_TRIES : COUNT_TRIES); i++) {
		if (ask_number(s, sql, &have, error) != HTTP_FINE)
			return -1;
		if (have == rows)
			return 0;
		if (have > rows || (s->stop && *s->stop))
			break;
		pause_half_second();
	}
	(void)snprintf(error, HTTP_ERROR_MAX,
	    "the server has %" PRIu64 " of %" PRIu64, have, rows);
	return s->stop && *s->stop ? -1 : ASK_DIFFERS;
}

/* Lines of 32 digits each into the ledger, those it lacks. */
static int
take_commits(struct ship *s, struct ledger_day *day, const char *text,
    char error[HTTP_ERROR_MAX])
{
	uint8_t (*fresh)[LEDGER_ID];
	size_t n = 0, lines = 0;
	int rc = 0;

	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	fresh = calloc(lines + 1, LEDGER_ID);
	if (fresh == NULL) {
		(void)snprintf(error, HTTP_ERROR_MAX, "out of memory");
		return -1;
	}
	for (const char *p = text; rc == 0 && *p; p += strcspn(p, "\n") + 1) {
		if (n == lines ||
		    rowbinary_unhex(fresh[n], p, strcspn(p, "\n")) < 0) {
			(void)snprintf(error, HTTP_ERROR_MAX,
			    "its answer is no list of records");
			rc = -1;
		} else if (!ledger_day_has(day, fresh[n])) {
			n++;
		}
	}
	if (rc == 0 && n > 0) {
		rc = ledger_day_add(s->ledger, day,
		    (const uint8_t(*)[LEDGER_ID])fresh, n);
		if (rc < 0)
			(void)snprintf(error, HTTP_ERROR_MAX, "ledger: %s",
			    strerror(-rc));
	}
	free(fresh);
	return rc < 0 ? -1 : 0;
}

int
ask_commits(struct ship *s, const char *table, struct ledger_day *day,
    char error[HTTP_ERROR_MAX])
{
	char where[ASK_SQL_MAX / 2], sql[ASK_SQL_MAX];
	struct http_text text = {0};
	int rc = 0;

	ask_where(where, s, day->iface, day->day_s);
	(void)snprintf(sql, sizeof(sql), "SELECT DISTINCT hex(record) FROM "
	    "%s.%s WHERE %s FORMAT TabSeparated", s->database, table, where);
	if (ask_text(s, sql, &text, error) != HTTP_FINE)
		return -1;
	if (text.data)
		rc = take_commits(s, day, text.data, error);
	free(text.data);
	return rc;
}
