#include "querier/export/clean.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "querier/export/ask.h"

/*
 * Where the rows are: of a Distributed table, the tables behind it.  Prints
 * "TABLE" or "TABLE ON CLUSTER 'NAME'".
 */
static int
find_rows(struct ship *s, const char *name, char to[512],
    char why[HTTP_ERROR_MAX])
{
	char sql[ASK_SQL_MAX], cluster[128], database[128], table[128];
	struct http_text text = {0};
	int rc = 0;

	(void)snprintf(sql, sizeof(sql), "SELECT engine_full FROM "
	    "system.tables WHERE database = '%s' AND name = '%s' "
	    "FORMAT TabSeparatedRaw", s->database, name);
	if (ask_text(s, sql, &text, why) != HTTP_FINE)
		return -1;
	(void)snprintf(to, 512, "%s.%s", s->database, name);
	/* Distributed(cluster, database, table, ...); newer ones quote */
	if (text.data && strncmp(text.data, "Distributed(", 12) == 0) {
		for (char *c = text.data; *c; c++)
			if (*c == '\'' || *c == ',' || *c == '(' || *c == ')')
				*c = ' ';
		if (sscanf(text.data, "Distributed %127s %127s %127s", cluster,
			database, table) == 3)
			(void)snprintf(to, 512, "%s.%s ON CLUSTER '%s'",
			    database, table, cluster);
		else {
			(void)snprintf(why, HTTP_ERROR_MAX,
			    "%s.%s is distributed in a way not understood",
			    s->database, name);
			rc = -1;
		}
	}
	free(text.data);
	return rc;
}

#define TOGETHER 32 /* attempts in one statement: each makes the server look
		     * through its parts */

static bool
same_day(const struct ledger_dead *a, const struct ledger_dead *b)
{
	return a->kind == b->kind && a->day_s == b->day_s &&
	    strcmp(a->iface, b->iface) == 0;
}

/* Of n attempts on one interface and day; never what counts. */
static int
remove_rows(struct ship *s, const struct ledger_dead *d, size_t n,
    char why[HTTP_ERROR_MAX])
{
	static const char *const rows[] = {"flows", "hours"};
	static const char *const commits[] = {"blocks", "rollups"};
	char table[512], where[ASK_SQL_MAX], sql[2 * ASK_SQL_MAX], hex[33];
	struct http_text text = {0};
	uint64_t committed = 0;
	size_t len;
	int rc;

	ask_where(where, s, d->iface, d->day_s);
	len = strlen(where);
	for (size_t i = 0; i < n; i++) {
		ask_hex(hex, d[i].attempt);
		len += (size_t)snprintf(where + len, sizeof(where) - len,
		    "%s'%s'", i == 0 ? " AND hex(attempt) IN (" : ",",
		    hex);
	}
	(void)snprintf(where + len, sizeof(where) - len, ")");
	(void)snprintf(sql, sizeof(sql), "SELECT count() FROM %s.%s WHERE "
	    "%s FORMAT TabSeparated", s->database, commits[d->kind], where);
	rc = (int)ask_number(s, sql, &committed, why);
	if (rc != HTTP_FINE)
		return rc;
	if (committed > 0) {
		for (size_t i = 0; rc == HTTP_FINE && n > 1 && i < n; i++)
			rc = remove_rows(s, d + i, 1, why);
		return rc;
	}
	if (find_rows(s, rows[d->kind], table, why) < 0)
		return -1;
	(void)snprintf(sql, sizeof(sql), "ALTER TABLE %s DELETE WHERE %s",
	    table, where);
	rc = (int)ask_text(s, sql, &text, why);
	free(text.data);
	return rc;
}

/* How many of the list are removed together from its i-th on. */
static size_t
together(const struct ledger_dead *list, size_t i, size_t n, int64_t before_s)
{
	size_t k = i;

	while (k < n && k - i < TOGETHER && list[k].since_s <= before_s &&
	    same_day(&list[i], &list[k]))
		k++;
	return k - i;
}

int
clean_dead(struct ship *s, int64_t age_s, char error[SHIP_ERROR_MAX])
{
	int64_t before_s = gp_clock_real_ns() / GP_NS_PER_S - age_s;
	char why[HTTP_ERROR_MAX];
	struct ledger_dead *list;
	int found = ledger_dead_list(s->ledger, &list), rc = 0;
	size_t n, kept = 0, k;

	if (found < 0) {
		(void)snprintf(error, SHIP_ERROR_MAX, "ledger: %s",
		    strerror(-found));
		return -1;
	}
	n = (size_t)found;
	for (size_t i = 0; i < n; i += k) {
		k = together(list, i, n, before_s);
		if (rc == 0 && k > 0 &&
		    remove_rows(s, &list[i], k, why) == HTTP_FINE)
			continue;
		rc = k > 0 ? -1 : rc;
		k = k > 0 ? k : 1;
		memmove(&list[kept], &list[i], k * sizeof(*list));
		kept += k;
	}
	if (rc < 0)
		(void)snprintf(error, SHIP_ERROR_MAX,
		    "removing rows of attempts given up: %s", why);
	if (kept < n && ledger_dead_write(s->ledger, list, kept) < 0 &&
	    rc == 0) {
		(void)snprintf(error, SHIP_ERROR_MAX,
		    "ledger: the list cannot be written");
		rc = -1;
	}
	free(list);
	return rc;
}
