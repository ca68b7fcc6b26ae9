/* What an exporter publishes can be read again; anything else is refused or
 * harmless. */
#include "querier/export/figures.h"
#include "querier/export/show.h"
#include "tests/tap.h"

static char *
print(const struct figures *f, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	figures_print(f, out);
	(void)fclose(out);
	return text;
}

static size_t
attentions(const struct figures *f, int64_t now_s)
{
	char *text = NULL;
	size_t len, n;
	FILE *out = open_memstream(&text, &len);

	n = show_status(f, now_s, out);
	(void)fclose(out);
	free(text);
	return n;
}

static void
test_round_trip(void)
{
	struct figures f = {.written = 1764000000, .due = 1764000300,
		.running = 1, .sandbox_full = 1, .interval = 60, .rows = 12345,
		.left_records = 3, .left_since = 1763999000,
		.error = "the server answered 500: \"\\\033[31m\n"}, g;
	char why[80], *text;
	size_t len;

	(void)snprintf(f.server, sizeof(f.server), "clickhouse.example");
	text = print(&f, &len);
	is_int(figures_parse(text, len, &g, why), 0, "what is printed is read");
	is_str(g.server, f.server, "its server");
	is_str(g.error, "the server answered 500: ''?[31m?",
	    "its error, made harmless");
	memcpy(g.error, f.error, sizeof(f.error));
	ok(memcmp(&f, &g, sizeof(f)) == 0, "and all else");
	for (size_t i = 0; i < len; i++)
		if (figures_parse(text, i, &g, why) == 0)
			ok(false, "cut to %zu bytes it is none", i);
	for (size_t i = 0; i < len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			text[i] = (char)((unsigned char)text[i] ^ 1u << bit);
			if (figures_parse(text, len, &g, why) == 0)
				(void)attentions(&g, 1764000000);
			text[i] = (char)((unsigned char)text[i] ^ 1u << bit);
		}
	ok(true, "changed by any bit it does no harm");
	free(text);
}

static void
test_attention(void)
{
	const struct figures fine = {.written = 1000000, .due = 1000500,
		.running = 1, .sandbox_full = 1, .interval = 60};
	struct figures f = fine;

	is_int((int64_t)attentions(&fine, 1000100), 0, "all is well");
	is_int((int64_t)attentions(&fine, 1000501), 1, "overdue");
	f.running = 0;
	is_int((int64_t)attentions(&f, 1009999), 1, "ended, which is said once");
	f = fine;
	f.left_records = 1;
	f.left_since = 1000000 - 900;
	is_int((int64_t)attentions(&f, 1000000), 0, "a block that is new");
	f.left_since = 1000000 - 1000;
	is_int((int64_t)attentions(&f, 1000000), 1, "one that is late");
	f = fine;
	f.left_going = f.gone = f.unreadable = 1;
	f.sandbox_full = 0;
	(void)snprintf(f.error, sizeof(f.error), "no");
	is_int((int64_t)attentions(&f, 1000000), 5, "five things at once");
}

int
main(void)
{
	test_round_trip();
	test_attention();
	return tap_done();
}
