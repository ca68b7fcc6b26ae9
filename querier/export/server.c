#include "querier/export/server.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "querier/export/ask.h"
#include "querier/export/tables.h"

/* The interval of a table's TTL, as "day + toIntervalYear(3)", to its unit and
 * number; false when it has none such.  Behind it nothing may stand: one that
 * moves rows, packs them anew, or is of some of them, keeps the others. */
static bool
parse_ttl(const char *text, char unit[16], char number[10])
{
	int end = 0;

	return text && sscanf(text, "day + toInterval%15[A-Za-z](%9[0-9])%n",
	    unit, number, &end) == 2 && end > 0 && text[end] == '\n';
}

/*
 * The first day that the server keeps: rows that a TTL lets leave as they come
 * are never all there, so that nothing behind them would be shipped.  It may
 * not tell; that is no error.
 */
static int
learn_first_day(struct ship *s, char why[HTTP_ERROR_MAX])
{
	char sql[ASK_SQL_MAX], unit[16], number[10];
	struct http_text text = {0};
	uint64_t before;
	int rc;
	bool some;

	s->first_s = 0;
	(void)snprintf(sql, sizeof(sql), "SELECT extract(engine_full, ' TTL "
	    "(day [+] toInterval[A-Za-z]+[(][0-9]+[)])(?: SETTINGS |$)') "
	    "FROM system.tables WHERE database = '%s' AND name = 'flows' "
	    "FORMAT TabSeparatedRaw", s->database);
	rc = (int)ask_text(s, sql, &text, why);
	if (rc != HTTP_FINE)
		return rc == HTTP_REFUSED ? 0 : -1;
	some = parse_ttl(text.data, unit, number);
	free(text.data);
	if (!some)
		return 0;
	(void)snprintf(sql, sizeof(sql), "SELECT count() FROM (SELECT "
	    "toDate(number) AS d FROM system.numbers LIMIT %lld) WHERE "
	    "d + toInterval%s(%s) <= today() FORMAT TabSeparated",
	    (long long)(gp_clock_real_ns() / GP_NS_PER_S / GP_DAY_S), unit,
	    number);
	rc = (int)ask_number(s, sql, &before, why);
	if (rc != HTTP_FINE)
		return rc == HTTP_REFUSED ? 0 : -1;
	s->first_s = before > UINT16_MAX ? 0 : (int64_t)before * GP_DAY_S;
	return 0;
}

int
server_check(struct ship *s, char error[SHIP_ERROR_MAX])
{
	static const char *const table[] = {"flows", "blocks", "hours",
		"rollups"};
	static const char *const columns[] = {TABLES_FLOWS, TABLES_BLOCKS,
		TABLES_FLOWS, TABLES_ROLLUPS};
	char sql[ASK_SQL_MAX], why[HTTP_ERROR_MAX];
	struct http_text text = {0};

	for (size_t i = 0; i < (s->hourly ? 4 : 2); i++) {
		(void)snprintf(sql, sizeof(sql),
		    "SELECT %s FROM %s.%s LIMIT 0 FORMAT TabSeparated",
		    columns[i], s->database, table[i]);
		if (ask_text(s, sql, &text, why) != HTTP_FINE) {
			(void)snprintf(error, SHIP_ERROR_MAX, "%s.%s: %s",
			    s->database, table[i], why);
			return -1;
		}
		if (text.len > 0) {
			(void)snprintf(error, SHIP_ERROR_MAX,
			    "%s.%s: this is no ClickHouse: an empty answer was "
			    "due", s->database, table[i]);
			free(text.data);
			return -1;
		}
		free(text.data);
		text = (struct http_text){0};
	}
	if (learn_first_day(s, why) < 0) {
		(void)snprintf(error, SHIP_ERROR_MAX, "%s.flows: %s",
		    s->database, why);
		return -1;
	}
	return 0;
}
