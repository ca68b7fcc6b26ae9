#include "querier/export/figures.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST "goprobe-export-status 1\n"
#define LAST  "end\n"

struct figure {
	const char *name;
	size_t offset;
	const char *metric; /* NULL: none */
	const char *type, *help;
};

#define AT(f) offsetof(struct figures, f)
#define GAUGE(f, name, help) {#f, AT(f), "goprobe_export_" name, "gauge", help}
#define COUNTER(f, name, help) \
	{#f, AT(f), "goprobe_export_" name "_total", "counter", help}

static const struct figure numbers[] = {
	GAUGE(written, "written_timestamp_seconds",
	    "When these figures were written."),
	GAUGE(due, "due_timestamp_seconds",
	    "When the next ones are to be there at the latest."),
	GAUGE(running, "running", "1, or 0 when the exporter has ended."),
	GAUGE(sandbox_full, "sandbox_full",
	    "1 when both Landlock and seccomp are in force."),
	{"interval", AT(interval), NULL, NULL, NULL},
	GAUGE(fine, "caught_up_timestamp_seconds",
	    "When nothing was left to ship for the last time; 0: never."),
	COUNTER(records, "blocks_shipped", "Blocks committed at the server."),
	COUNTER(rows, "rows_shipped", "Rows in these blocks."),
	COUNTER(bytes, "sent_bytes", "Bytes sent, compressed, all attempts."),
	COUNTER(attempts, "attempts", "Attempts to ship some blocks."),
	COUNTER(given_up, "attempts_given_up", "Attempts that failed."),
	COUNTER(unreadable, "blocks_unreadable",
	    "Blocks that the store could not give."),
	COUNTER(gone, "blocks_gone",
	    "Blocks that retention removed before they were shipped."),
	{"left_days", AT(left_days), NULL, NULL, NULL},
	GAUGE(left_records, "blocks_left", "Blocks not shipped yet."),
	GAUGE(left_rows, "rows_left", "Rows in these blocks."),
	GAUGE(left_since, "left_since_timestamp_seconds",
	    "Start of the oldest block not shipped yet; 0: there is none."),
	GAUGE(left_going, "left_going",
	    "1 when retention will soon remove blocks not shipped yet."),
};
#define N_NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static const struct figure texts[] = {
	{"server", AT(server), NULL, NULL, NULL},
	{"error", AT(error), NULL, NULL, NULL},
};
#define N_TEXTS (sizeof(texts) / sizeof(texts[0]))
#undef AT

static uint64_t
number_of(const struct figures *f, const struct figure *what)
{
	uint64_t v;

	memcpy(&v, (const char *)f + what->offset, sizeof(v));
	return v;
}

static char
harmless(char c)
{
	return c < 0x20 || c > 0x7e ? '?' : c == '"' || c == '\\' ? '\'' : c;
}

/* ---- writing ------------------------------------------------------------- */

void
figures_print(const struct figures *f, FILE *out)
{
	fputs(FIRST, out);
	for (size_t i = 0; i < N_NUMBERS; i++)
		fprintf(out, "%s %" PRIu64 "\n", numbers[i].name,
		    number_of(f, &numbers[i]));
	for (size_t i = 0; i < N_TEXTS; i++) {
		fprintf(out, "%s \"", texts[i].name);
		for (const char *c = (const char *)f + texts[i].offset; *c; c++)
			fputc(harmless(*c), out);
		fputs("\"\n", out);
	}
	fputs(LAST, out);
}

void
figures_print_metrics(const struct figures *f, FILE *out)
{
	for (size_t i = 0; i < N_NUMBERS; i++) {
		const struct figure *n = &numbers[i];

		if (n->metric)
			fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64
			    "\n", n->metric, n->help, n->metric, n->type,
			    n->metric, number_of(f, n));
	}
	fprintf(out, "# HELP goprobe_export_failing 1 when the last look at "
	    "the store ended with an error.\n"
	    "# TYPE goprobe_export_failing gauge\n"
	    "goprobe_export_failing %d\n", f->error[0] != '\0');
}

/* ---- reading ------------------------------------------------------------- */

static bool
parse_number(const char *value, struct figures *out, const struct figure *what)
{
	char *end;
	uint64_t v;

	errno = 0;
	v = strtoull(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end || errno ||
	    v > INT64_MAX)
		return false;
	memcpy((char *)out + what->offset, &v, sizeof(v));
	return true;
}

static bool
parse_text(const char *value, struct figures *out, const struct figure *what)
{
	char *to = (char *)out + what->offset;
	size_t len = strlen(value);

	if (len < 2 || len - 2 >= FIGURES_TEXT_MAX || value[0] != '"' ||
	    value[len - 1] != '"')
		return false;
	for (size_t i = 1; i < len - 1; i++)
		*to++ = harmless(value[i]);
	*to = '\0';
	return true;
}

/* False when a name that is known has no sensible value. */
static bool
parse_line(char *line, struct figures *out)
{
	char *value = strchr(line, ' ');

	if (value == NULL)
		return false;
	*value++ = '\0';
	for (size_t i = 0; i < N_NUMBERS; i++)
		if (strcmp(line, numbers[i].name) == 0)
			return parse_number(value, out, &numbers[i]);
	for (size_t i = 0; i < N_TEXTS; i++)
		if (strcmp(line, texts[i].name) == 0)
			return parse_text(value, out, &texts[i]);
	return true;
}

int
figures_parse(const char *text, size_t len, struct figures *out, char why[80])
{
	size_t first = sizeof(FIRST) - 1, last = sizeof(LAST) - 1;
	char *copy = malloc(len + 1), *line, *next;
	int n = 1, rc = 0;

	if (copy == NULL) {
		(void)snprintf(why, 80, "out of memory");
		return -1;
	}
	memcpy(copy, text, len);
	copy[len] = '\0';
	memset(out, 0, sizeof(*out));
	if (strlen(copy) != len || len < first + last ||
	    memcmp(copy, FIRST, first) != 0 ||
	    memcmp(copy + len - last, LAST, last) != 0) {
		(void)snprintf(why, 80, "this is no status of goprobe-export");
		rc = -1;
	} else {
		copy[len - last] = '\0';
	}
	for (line = copy + first; rc == 0 && *line; line = next) {
		n++;
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		if (parse_line(line, out))
			continue;
		(void)snprintf(why, 80, "line %d is none of a status", n);
		rc = -1;
	}
	free(copy);
	return rc;
}
