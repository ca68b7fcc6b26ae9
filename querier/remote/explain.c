/*
 * What a question cost the server, and how it was put.
 */
#include "querier/explain.h"

#include "common/base/words.h"
#include "querier/remote/engine.h"
#include "querier/units.h"

#include <stdio.h>
#include <string.h>

/* What the interfaces have the server alone knows. */
void
explain_scan(const struct godb_scan *s, void (*say)(const char *line))
{
	(void)s;
	(void)say;
}

void
explain(const struct godb_scan *s, const struct godb_result *r,
    void (*say)(const char *line))
{
	char line[256], in[UNITS_TEXT_MAX], memory[UNITS_TEXT_MAX];
	struct godb_result_stats stats;
	const char *at = s->r->said && s->r->said->s ? s->r->said->s : "";

	/* a message has its bounds, a statement has not */
	while (*at) {
		size_t len = strcspn(at, "\n"), part = len;

		if (part > 1000)
			part = 1000;
		while (len > 0) {
			char text[1001];

			memcpy(text, at, part);
			text[part] = '\0';
			say(text);
			at += part;
			len -= part;
			part = len < 1000 ? len : 1000;
		}
		at += *at == '\n';
	}
	godb_result_stats(r, &stats);
	units_bytes(s->r->bytes_read, in);
	units_bytes(stats.mem_bytes, memory);
	(void)snprintf(line, sizeof(line), "the server read %llu row%s, %s; "
	    "%zu group%s, %zu after --having; %s of memory here",
	    (unsigned long long)s->r->rows_read, gp_words_s(s->r->rows_read),
	    in, godb_result_n_groups(r), gp_words_s(godb_result_n_groups(r)),
	    godb_result_n_hits(r), memory);
	say(line);
}
