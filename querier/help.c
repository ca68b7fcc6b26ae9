#include "querier/help.h"

#include "common/godb/godb.h"
#include "querier/args.h"

#include <stdio.h>
#include <string.h>

static const char *const examples[][2] = {
	{"-i eth0 -n 10 talk_conv", "pairs with most traffic, 30 days"},
	{"-i any -f -1h -c 'port 443 and not dst net site' talk_src", "out"},
	{"-i any -f -1d -s dips talk_src", "who scans"},
	{"-i eth0 -f -7d -c 'host 203.0.113.7' raw", "all of an address"},
	{"-i any -f -7d --bin 1h -e html time,proto > week.html", "a chart"},
};

static void
print_option(struct out *o, const struct args_option *opt, bool all)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "%s%s%s%s", all ? "" : opt->brief
		? "-" : "--", all ? opt->text : opt->brief ? opt->brief
						 : opt->name,
	    opt->value ? " " : "", opt->value ? opt->value : "");
	out_fmt(o, "  %-*s %s\n", all ? 26 : 16, name, opt->help);
}

void
help_screen(struct out *o)
{
	struct args_option opt;

	out_str(o, "usage: goquery -i IFACE [options] QUERY     "
	    "ask a goDB store who talked to whom\n");
	out_str(o, "QUERY: talk_conv talk_src talk_dst apps_port apps_l7 "
	    "agg_talk_port raw seen,\n  or columns: "
	    "time,iface,sip,dip,host,dport,proto,l7proto; sip/24 by network\n");
	for (size_t i = 0; args_option(i, &opt); i++) {
		if (opt.help && opt.important)
			print_option(o, &opt, false);
	}
	out_str(o, "Examples:\n");
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		out_fmt(o, "  goquery %s  # %s\n", examples[i][0],
		    examples[i][1]);
	out_str(o, "More: --help-all, man goquery, -V\n");
}

/* ---- the words of conditions -------------------------------------------- */

/* The i-th word is another spelling of the k-th: its help is that word. */
static bool
is_spelling_of(size_t i, size_t k)
{
	const char *help, *other, *word = godb_cond_word(k, &other);

	(void)godb_cond_word(i, &help);
	return strcmp(help, word) == 0;
}

static bool
is_spelling(size_t i)
{
	const char *help;

	for (size_t k = 0; godb_cond_word(k, &help); k++) {
		if (is_spelling_of(i, k))
			return true;
	}
	return false;
}

/* Calls for each word that is no other's spelling, with all its spellings
 * joined by `glue`. */
static void
each_meaning(struct out *o, const char *glue,
    void (*print)(struct out *o, const char *words, const char *help))
{
	const char *word, *help, *other;

	for (size_t i = 0; (word = godb_cond_word(i, &help)); i++) {
		char words[160];
		size_t len;

		if (is_spelling(i))
			continue;
		(void)snprintf(words, sizeof(words), "%s", word);
		for (size_t k = 0; godb_cond_word(k, &other); k++) {
			len = strlen(words);
			if (is_spelling_of(k, i))
				(void)snprintf(words + len,
				    sizeof(words) - len, "%s%s", glue,
				    godb_cond_word(k, &other));
		}
		print(o, words, help);
	}
}

static void
print_meaning(struct out *o, const char *words, const char *help)
{
	out_fmt(o, "  %-26s %s\n", words, help);
}

/* mdoc(7): nothing may begin with a dot or read as a macro. */
static void
print_mdoc(struct out *o, const char *words, const char *help)
{
	out_str(o, ".It Xo\n");
	for (const char *s = words; *s;) {
		size_t len = strcspn(s, "\t");

		out_str(o, ".Ql ");
		for (size_t i = 0; i < len; i++) {
			if (!strchr("abcdefghijklmnopqrstuvwxyz_46", s[i]))
				out_str(o, "\\&");
			out_char(o, s[i]);
		}
		out_str(o, s[len] ? " ,\n" : "\n");
		s += len + (s[len] != '\0');
	}
	out_fmt(o, ".Xc\n%s\n", help);
}

static void
print_word(struct out *o, const char *word, const char *help)
{
	out_fmt(o, "%s\t%s\n", word, help);
}

/* ---- all of it ----------------------------------------------------------- */

static void
print_columns(struct out *o, void (*print)(struct out *, const char *,
    const char *))
{
	const char *word, *help;

	for (size_t i = 0; (word = godb_keys_word(i, &help)); i++)
		print(o, word, help);
	print(o, "seen", "whether and when: exit 0 seen, 1 not, 3 unsure");
}

static void
print_metrics(struct out *o, void (*print)(struct out *, const char *,
    const char *))
{
	static const char *const helps[GODB_N_METRICS] = {
		[GODB_METRIC_BYTES] = "received and sent",
		[GODB_METRIC_PACKETS] = "received and sent",
		[GODB_METRIC_BYTES_RCVD] = "received",
		[GODB_METRIC_BYTES_SENT] = "sent",
		[GODB_METRIC_PACKETS_RCVD] = "received",
		[GODB_METRIC_PACKETS_SENT] = "sent",
		[GODB_METRIC_ROWS] = "stored rows",
		[GODB_METRIC_SIPS] = "different sources",
		[GODB_METRIC_DIPS] = "different destinations",
		[GODB_METRIC_DPORTS] = "different destination ports",
	};

	for (int m = 0; m < GODB_N_METRICS; m++)
		print(o, godb_metric_name((enum godb_metric)m), helps[m]);
}

void
help_all(struct out *o)
{
	struct args_option opt;

	help_screen(o);
	out_str(o, "\nQUERY, a comma list of:\n");
	print_columns(o, print_meaning);
	out_str(o, "\nOptions, with one dash or two, before or after QUERY:\n");
	for (size_t i = 0; args_option(i, &opt); i++) {
		if (opt.help)
			print_option(o, &opt, true);
	}
	out_str(o, "\nCOLUMN of --show and -s:\n");
	print_metrics(o, print_meaning);
	out_str(o, "\nCOND, in upper or lower case:\n");
	each_meaning(o, ", ", print_meaning);
	out_str(o, "  also alone: an address or prefix, a protocol's name, "
	    "and before another:\n    tcp port 80 or 443; src host 10.0.0.1 "
	    "and not net 10.0.0.0/8; ip6\n");
}

bool
help_words(struct out *o, const char *kind)
{
	struct args_option opt;
	const char *word, *help;

	if (strcmp(kind, "options") == 0) {
		for (size_t i = 0; args_option(i, &opt); i++) {
			if (!opt.help)
				continue;
			if (opt.brief)
				out_fmt(o, "-%s\t%s\t%s\n", opt.brief,
				    opt.value ? opt.value : "", opt.help);
			out_fmt(o, "--%s\t%s\t%s\n", opt.name,
			    opt.value ? opt.value : "", opt.help);
		}
	} else if (strcmp(kind, "columns") == 0) {
		print_columns(o, print_word);
	} else if (strcmp(kind, "keys") == 0) {
		for (int k = 0; k < GODB_N_KEYS; k++)
			out_fmt(o, "%s\n", godb_key_name((enum godb_key)k));
	} else if (strcmp(kind, "metrics") == 0) {
		print_metrics(o, print_word);
	} else if (strcmp(kind, "formats") == 0) {
		for (size_t i = 0; args_format(i); i++)
			out_fmt(o, "%s\n", args_format(i));
	} else if (strcmp(kind, "conditions") == 0) {
		for (size_t i = 0; (word = godb_cond_word(i, &help)); i++)
			print_word(o, word, help);
	} else if (strcmp(kind, "mdoc") == 0) {
		each_meaning(o, "\t", print_mdoc);
	} else {
		return false;
	}
	return true;
}
