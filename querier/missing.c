/*
 * missing - what an answer lacks, in words.
 */
#include "querier/answer.h"

#include "common/base/clock.h"
#include "common/base/words.h"
#include "querier/when.h"

/* Of a fleet there may be thousands; the other formats have them all. */
#define CAUSES_MAX 16

static void
print_cause(struct out *o, const struct godb_incomplete *item,
    void (*text)(struct out *, const char *))
{
	unsigned long long n = (unsigned long long)item->amount;
	char rough[WHEN_TEXT_MAX];
	const char *s = gp_words_s(item->amount);
	char until[WHEN_TEXT_MAX];

	out_str(o, "; ");
	switch (item->cause) {
	case GODB_CAUSE_DOWN:
		when_format_rough(item->amount, rough);
		text(o, item->iface);
		out_fmt(o, " down %s", rough);
		if (item->count > 1)
			out_fmt(o, " in %llu gaps",
			    (unsigned long long)item->count);
		return;
	case GODB_CAUSE_UNSHIPPED:
		when_format_local(item->first_ns / GP_NS_PER_S, until);
		text(o, item->iface);
		out_fmt(o, " shipped until %s", until);
		return;
	case GODB_CAUSE_KERNEL_DROPS:
		out_fmt(o, "%llu packet%s dropped", n, s);
		break;
	case GODB_CAUSE_IFACE_DROPS:
		out_fmt(o, "%llu packet%s dropped by the interface", n, s);
		break;
	case GODB_CAUSE_LATE:
		out_fmt(o, "%llu packet%s counted late", n, s);
		break;
	case GODB_CAUSE_CLAMPED:
		out_fmt(o, "%llu packet%s of a time out of range", n, s);
		break;
	case GODB_CAUSE_OVERFLOW:
		out_fmt(o, "%llu packet%s without their addresses", n, s);
		break;
	case GODB_CAUSE_CUT:
		out_str(o, "a capture file was cut short");
		break;
	case GODB_CAUSE_LOST:
		out_fmt(o, "rows of %llu block%s lost to damage",
		    (unsigned long long)item->count, gp_words_s(item->count));
		break;
	case GODB_CAUSE_PRUNED:
		out_fmt(o, "%llu day%s removed by retention",
		    (unsigned long long)item->count, gp_words_s(item->count));
		break;
	case GODB_CAUSE_DAMAGED:
	case GODB_CAUSE_GONE:
	case GODB_N_CAUSES:
		return; /* counted by print_unreadable */
	}
	out_str(o, " on ");
	text(o, item->iface);
}

static void
print_unreadable(struct out *o, const struct godb_coverage *c,
    enum godb_cause cause, const char *text)
{
	const struct godb_incomplete *item;
	size_t n = 0;

	for (size_t i = 0; (item = godb_coverage_incomplete(c, i)); i++)
		n += item->cause == cause;
	if (n)
		out_fmt(o, "; %zu place%s %s", n, gp_words_s(n), text);
}

double
answer_percent(uint64_t covered, uint64_t known, double most)
{
	double p = 100.0 * (double)covered / (double)known;

	return covered < known && p > most ? most : p;
}

void
answer_coverage(struct out *o, const struct godb_coverage *c,
    void (*text)(struct out *, const char *))
{
	out_str(o, "Coverage: ");
	answer_covered(o, c, "the window", text);
}

void
answer_covered(struct out *o, const struct godb_coverage *c, const char *what,
    void (*text)(struct out *, const char *))
{
	const struct godb_incomplete *item;
	uint64_t covered, known;
	size_t told = 0, more = 0;

	godb_coverage_time(c, &covered, &known);
	if (known)
		out_fmt(o, "%.2f %% of %s",
		    answer_percent(covered, known, 99.99), what);
	else
		out_fmt(o, "no block of %s is known", what);
	for (size_t i = 0; (item = godb_coverage_incomplete(c, i)); i++) {
		if (item->unreadable)
			continue;
		if (told++ < CAUSES_MAX)
			print_cause(o, item, text);
		else
			more++;
	}
	if (more)
		out_fmt(o, "; and %zu more (-e json)", more);
	print_unreadable(o, c, GODB_CAUSE_DAMAGED, "not readable");
	print_unreadable(o, c, GODB_CAUSE_GONE, "removed meanwhile");
}
