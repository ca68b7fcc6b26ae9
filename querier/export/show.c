#include "querier/export/show.h"

#include "common/base/words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <time.h>

/* A block is committed 30 s after its end at the latest. */
#define BLOCK_S 330
/* More than two looks behind that, something holds it up. */
#define LOOKS   2

static void
print_time(uint64_t t, FILE *out)
{
	time_t when = (time_t)t;
	struct tm tm;
	char text[40] = "?";

	if (gmtime_r(&when, &tm))
		(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S +0000",
		    &tm);
	fputs(text, out);
}

/* 45 s, 12 min, 7 h, 3 d: what fits on a line. */
static void
print_span(uint64_t s, FILE *out)
{
	if (s < 120)
		fprintf(out, "%" PRIu64 " s", s);
	else if (s < 7200)
		fprintf(out, "%" PRIu64 " min", s / 60);
	else if (s < 48 * 3600)
		fprintf(out, "%" PRIu64 " h", s / 3600);
	else
		fprintf(out, "%" PRIu64 " d", s / 86400);
}

static uint64_t
since(uint64_t t, uint64_t now_s)
{
	return now_s > t ? now_s - t : 0;
}

static void
print_facts(const struct figures *f, uint64_t now_s, FILE *out)
{
	fprintf(out, "Server:   %s\n", f->server);
	fprintf(out, "Shipped:  %" PRIu64 " block%s, %" PRIu64 " row%s, "
	    "%" PRIu64 " byte%s sent since it was started\n", f->records,
	    gp_words_s(f->records), f->rows, gp_words_s(f->rows), f->bytes,
	    gp_words_s(f->bytes));
	if (f->left_records > 0) {
		fprintf(out, "Left:     %" PRIu64 " block%s, %" PRIu64
		    " row%s of %" PRIu64 " day%s, from ", f->left_records,
		    gp_words_s(f->left_records), f->left_rows,
		    gp_words_s(f->left_rows), f->left_days,
		    gp_words_s(f->left_days));
		print_time(f->left_since, out);
		fputs("\nLag:      ", out);
		print_span(since(f->left_since, now_s), out);
	} else {
		fputs("Left:     nothing\nLag:      none", out);
	}
	fputs("\nCaught up: ", out);
	if (f->fine)
		print_time(f->fine, out);
	else
		fputs("not since it was started", out);
	fprintf(out, "\nAttempts: %" PRIu64 ", of them given up %" PRIu64 "\n",
	    f->attempts, f->given_up);
}

struct attention {
	FILE *out;
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void
attention(struct attention *a, const char *fmt, ...)
{
	va_list ap;

	a->n++;
	fputs("Attention: ", a->out);
	va_start(ap, fmt);
	(void)vfprintf(a->out, fmt, ap);
	va_end(ap);
	fputc('\n', a->out);
}

size_t
show_status(const struct figures *f, int64_t now, FILE *out)
{
	uint64_t now_s = now > 0 ? (uint64_t)now : 0;
	struct attention a = {out, 0};

	print_facts(f, now_s, out);
	if (!f->running)
		attention(&a, "the exporter has ended");
	else if (now_s > f->due)
		attention(&a, "the exporter is dead or hangs: nothing written "
		    "for %" PRIu64 " s", since(f->written, now_s));
	if (f->error[0])
		attention(&a, "%s", f->error);
	if (f->left_records > 0 && since(f->left_since, now_s) >
	    BLOCK_S + LOOKS * f->interval + since(f->written, f->due))
		attention(&a, "it is behind");
	if (f->left_going)
		attention(&a, "blocks not shipped will soon be removed by "
		    "retention");
	if (f->gone)
		attention(&a, "%" PRIu64 " block%s removed by retention "
		    "before %s shipped", f->gone,
		    f->gone == 1 ? " was" : "s were",
		    f->gone == 1 ? "it was" : "they were");
	if (f->unreadable)
		attention(&a, "%" PRIu64 " block%s of the store cannot be read",
		    f->unreadable, gp_words_s(f->unreadable));
	if (!f->sandbox_full)
		attention(&a, "the sandbox is weakened");
	return a.n;
}
