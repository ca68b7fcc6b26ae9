#include "querier/args_values.h"

#include "common/base/words.h"
#include "querier/when.h"

#include <string.h>

static const char *const format_names[] = {
	[ARGS_TXT] = "txt",
	[ARGS_CSV] = "csv",
	[ARGS_JSON] = "json",
	[ARGS_JSONL] = "jsonl",
	[ARGS_HTML] = "html",
};
#define N_FORMATS (sizeof(format_names) / sizeof(format_names[0]))


int
args_set_format(struct args *a, const char *value, char *error)
{
	for (size_t i = 0; i < N_FORMATS; i++) {
		if (gp_words_casecmp(format_names[i], value) == 0) {
			a->format = (enum args_format)i;
			return 0;
		}
	}
	return FAIL("unknown format '%.40s': txt, csv, json, jsonl or html",
	    value);
}

/* "95%", "99.5%" in 1/100 %, 0 when it is none. */
static uint32_t
parse_share(const char *s)
{
	uint64_t whole, hundredths = 0;

	if (!gp_words_digits(&s, &whole) || whole > 100)
		return 0;
	if (*s == '.') {
		const char *start = ++s;

		if (!gp_words_digits(&s, &hundredths) || s - start > 2)
			return 0;
		if (s - start == 1)
			hundredths *= 10;
	}
	if (strcmp(s, "%") != 0 || whole * 100 + hundredths > 10000)
		return 0;
	return (uint32_t)(whole * 100 + hundredths);
}

int
args_set_limit(struct args *a, const char *value, char *error)
{
	const char *s = value;

	a->limit_text = value;
	a->limit = 0;
	a->share = 0;
	if (gp_words_casecmp(value, "all") == 0)
		return 0;
	if (value[0] && value[strlen(value) - 1] == '%') {
		a->share = parse_share(value);
		if (a->share)
			return 0;
	} else if (gp_words_digits(&s, &a->limit) && !*s && a->limit > 0) {
		return 0;
	}
	return FAIL("-n takes a number above 0, a share such as 95%%, or all; "
	    "not '%.40s'", value);
}

int
args_set_mem(struct args *a, const char *value, char *error)
{
	const char *s = value;
	uint64_t n;

	if (gp_words_digits(&s, &n) && n > 0 && n <= 100 &&
	    strcmp(s, "%") == 0) {
		a->mem_percent = (unsigned)n;
		a->mem_bytes = 0;
		return 0;
	}
	if (gp_words_size(value, &n) && n > 0 && n <= UINT64_MAX >> 1) {
		a->mem_bytes = n;
		return 0;
	}
	return FAIL("--mem takes a size such as 512M, 4G or 25%%; not '%.40s'",
	    value);
}

static int
unknown_metric(const char *what, const char *typed, char *error)
{
	struct gp_words_guess g;

	gp_words_guess_init(&g, typed);
	for (int m = 0; m < GODB_N_METRICS; m++)
		gp_words_guess_offer(&g, godb_metric_name((enum godb_metric)m));
	if (g.best)
		return FAIL("%s '%.40s'; did you mean '%s'?", what, typed,
		    g.best);
	return FAIL("%s '%.40s': bytes packets bytes_rcvd bytes_sent "
	    "packets_rcvd packets_sent rows sips dips dports", what, typed);
}

static bool
shows(const struct args *a, enum godb_metric m)
{
	for (unsigned i = 0; i < a->n_show; i++) {
		if (a->show[i] == m)
			return true;
	}
	return false;
}

int
args_set_show(struct args *a, const char *value, char *error)
{
	a->n_show = 0;
	for (;;) {
		size_t len = strcspn(value, ",");
		char word[32];
		int m;

		(void)snprintf(word, sizeof(word), "%.*s",
		    (int)(len < sizeof(word) ? len : sizeof(word) - 1), value);
		m = godb_metric_parse(word);
		if (m < 0)
			return unknown_metric("nothing is counted as", word,
			    error);
		if (!shows(a, (enum godb_metric)m))
			a->show[a->n_show++] = (enum godb_metric)m;
		if (!value[len])
			return 0;
		value += len + 1;
	}
}

int
args_set_bin(struct args *a, const char *value, char *error)
{
	a->bin_s = when_parse_bin(value);
	if (a->bin_s)
		return 0;
	return FAIL("--bin takes 5m or a multiple of it that divides a day, "
	    "or days or weeks: 15m, 1h, 1d; not '%.40s'", value);
}

int
args_set_timeout(struct args *a, const char *value, char *error)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60000},
		{"h", 3600000}};
	const char *s = value;
	uint64_t n;

	if (gp_words_digits(&s, &n) && n > 0 && n <= 1000000) {
		for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
			if (strcmp(s, units[i].unit) == 0) {
				a->timeout_ms = n * units[i].ms;
				return 0;
			}
		}
	}
	return FAIL("--timeout takes a time such as 500ms, 10s or 2m; not "
	    "'%.40s'", value);
}

int
args_set_threads(struct args *a, const char *value, char *error)
{
	const char *s = value;
	uint64_t n;

	if (!gp_words_digits(&s, &n) || *s || n < 1 || n > 256)
		return FAIL("--threads takes a number of 1 to 256, not "
		    "'%.40s'", value);
	a->threads = (unsigned)n;
	return 0;
}

int
args_set_watch(struct args *a, const char *value, char *error)
{
	const char *s = value;

	if (gp_words_digits(&s, &a->watch_s) && !*s && a->watch_s > 0 &&
	    a->watch_s <= 86400)
		return 0;
	return FAIL("--watch takes 1 to 86400 seconds, not '%.40s'", value);
}

int
args_set_sandbox(struct args *a, const char *value, char *error)
{
	if (strcmp(value, "full") == 0)
		a->landlock = true;
	else if (strcmp(value, "seccomp") == 0)
		a->landlock = false;
	else if (strcmp(value, "off") == 0)
		return FAIL("--sandbox=off is refused: goquery reads files "
		    "that others wrote and does so only inside seccomp");
	else
		return FAIL("--sandbox is full or seccomp, not '%.40s'", value);
	return 0;
}

int
args_set_sort(struct args *a, const char *value, char *error)
{
	int m = godb_metric_parse(value), k = godb_key_parse(value);

	if (m >= 0) {
		a->sort = GODB_SORT_METRIC(m);
		/* what decides the order should be seen, unless --show says
		 * what is */
		if (m >= GODB_METRIC_EXTRA && !a->n_show) {
			a->show[a->n_show++] = GODB_METRIC_PACKETS;
			a->show[a->n_show++] = GODB_METRIC_BYTES;
			a->show[a->n_show++] = (enum godb_metric)m;
		}
		return 0;
	}
	if (k < 0)
		return unknown_metric("cannot sort by", value, error);
	if (!godb_keys_has(&a->keys, (enum godb_key)k))
		return FAIL("cannot sort by %s: it is not among the columns of "
		    "'%.40s'", value, a->query);
	a->sort = k;
	return 0;
}

const char *
args_format(size_t i)
{
	return i < N_FORMATS ? format_names[i] : NULL;
}
