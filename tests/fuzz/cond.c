/*
 * cond: bytes as a condition, and as the other texts that go with one.  An
 * accepted one is asked of a few rows: those that it selects and those that
 * its opposite selects are all rows.
 */
#include <errno.h>

#include "common/godb/godb.h"
#include "tests/fuzz/store.h"

static struct godb_reader *reader;
static struct godb_scan *scan;

/* Rows in all, in a block and a journal. */
#define ROWS (2 * FUZZ_STORE_ROWS)

static size_t
matches(const struct godb_cond *c)
{
	struct godb_query_opts opts = GODB_QUERY_OPTS_INIT;
	struct godb_result_stats stats;
	struct godb_result *result;
	const char *near_name;

	opts.keys.n = 2;
	opts.keys.key[0] = GODB_KEY_SIP;
	opts.keys.key[1] = GODB_KEY_DPORT;
	opts.cond = c;
	FUZZ_CHECK(godb_query_run(scan, &opts, &result) == 0);
	godb_result_stats(result, &stats);
	for (size_t i = 0; godb_result_unknown_l7(result, i, &near_name); i++)
		FUZZ_CHECK(i < GODB_COND_TEXT_MAX &&
		    (!near_name || near_name[0] != '\0'));
	godb_result_free(result);
	return (size_t)stats.rows_matched;
}

static void
check_diag(const struct godb_diag *d, size_t len)
{
	FUZZ_CHECK(d->offset <= len && d->length <= len - d->offset);
	FUZZ_CHECK(d->text[0] != '\0' && !strchr(d->text, '\n'));
}

static void
parse_others(const char *text, size_t len)
{
	struct godb_diag diag;
	struct godb_keys keys;
	int rc = godb_keys_parse(text, &keys, &diag);
	int n;

	if (rc == 0)
		FUZZ_CHECK(keys.n > 0 && keys.n <= GODB_N_KEYS);
	else
		check_diag(&diag, len);
	n = godb_proto_parse(text);
	FUZZ_CHECK(n == -EINVAL || (n >= 0 && n <= 255));
	n = godb_port_parse(text);
	FUZZ_CHECK(n == -EINVAL || (n >= 0 && n <= 65535));
}

static void
check_opposite(const char *text, size_t len, const struct godb_cond *c,
    const struct godb_cond_opts *opts)
{
	struct godb_cond *opposite;
	char *turned;

	if (text[strspn(text, " \t\n\v\f\r")] == '\0') {
		FUZZ_CHECK(matches(c) == ROWS);
		return;
	}
	turned = malloc(len + 7);
	FUZZ_CHECK(turned);
	(void)snprintf(turned, len + 7, "not (%s)", text);
	/* it may be too deep or too long now */
	if (godb_cond_parse(turned, opts, &opposite, NULL) == 0) {
		FUZZ_CHECK(matches(c) + matches(opposite) == ROWS);
		godb_cond_free(opposite);
	}
	free(turned);
}

static int
set_of(void *arg, const char *name, const char **text, size_t *len,
    char why[GODB_COND_WHY_MAX])
{
	(void)arg;
	(void)snprintf(why, GODB_COND_WHY_MAX, "no %.20s", name);
	/* the name is as good a list as any */
	*text = name;
	*len = strlen(name);
	return name[1] == 'x';
}

/* The same text for groups. */
static void
check_having(const char *text, size_t len, struct godb_cond_opts *opts)
{
	static const char *const queries[] = {"sip,dip,dport,proto,l7proto",
	    "host/24/64,l7proto", "proto,dport"};
	char name[GODB_COND_NAME_MAX];

	for (size_t i = 0; godb_cond_set(text, i, name); i++)
		FUZZ_CHECK(i < len && name[0] != '\0');
	for (size_t i = 0; i < 3; i++) {
		struct godb_query_opts q = GODB_QUERY_OPTS_INIT;
		struct godb_cond *c = NULL;
		struct godb_result *result;
		struct godb_diag diag;

		FUZZ_CHECK(godb_keys_parse(queries[i], &q.keys, &diag) == 0);
		opts->having = &q.keys;
		if (godb_cond_parse(text, opts, &c, &diag) < 0) {
			check_diag(&diag, len);
			continue;
		}
		q.having = c;
		FUZZ_CHECK(godb_query_run(scan, &q, &result) == 0);
		FUZZ_CHECK(godb_result_n_hits(result) <=
		    godb_result_n_groups(result));
		godb_result_free(result);
		godb_cond_free(c);
	}
}

FUZZ_TARGET(cond)
{
	struct godb_cond_opts opts = GODB_COND_OPTS_INIT;
	char *text = fuzz_text(data, len);
	struct godb_cond *c = NULL;
	struct godb_diag diag;

	if (!scan) {
		fuzz_store_begin();
		scan = fuzz_store_scan(&reader);
		FUZZ_CHECK(scan);
	}
	opts.site = "10.0.0.0/8, 2001:db8::/32";
	opts.set = set_of;
	len = strlen(text);
	parse_others(text, len);
	if (godb_cond_parse(text, &opts, &c, &diag) == 0) {
		check_opposite(text, len, c, &opts);
		godb_cond_free(c);
	} else {
		FUZZ_CHECK(c == NULL);
		check_diag(&diag, len);
	}
	check_having(text, len, &opts);
	free(text);
	return 0;
}
