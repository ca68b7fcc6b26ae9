/*
 * What the parser says of a condition that is none.
 */
#include "common/godb/cond_parse.h"

#include "common/base/words.h"

#include <string.h>

struct gdi_shown
gdi_cond_show(const struct gdi_parser *p, const struct gdi_token *t)
{
	struct gdi_shown s;
	size_t len = t->length;

	if (len >= sizeof(s.text))
		len = sizeof(s.text) - 1;
	memcpy(s.text, p->text + t->offset, len);
	s.text[len] = '\0';
	return s;
}

void
gdi_cond_suggest(struct gdi_parser *p, const struct gdi_token *t,
    const char *what, const char *best)
{
	struct gdi_shown s = gdi_cond_show(p, t);

	if (best)
		FAIL(p, t, "%s '%s'; did you mean '%s'?", what, s.text, best);
	else
		FAIL(p, t, "%s '%s'", what, s.text);
}

const char *
gdi_cond_nearest_word(const struct gdi_parser *p, const struct gdi_token *t,
    bool (*fits)(const struct gdi_word *), bool protocols)
{
	struct gdi_shown s = gdi_cond_show(p, t);
	struct gp_words_guess g;
	const struct gdi_word *w;
	const char *name;

	gp_words_guess_init(&g, s.text);
	for (size_t i = 0; (w = gdi_grammar_word(i)); i++) {
		if (fits(w))
			gp_words_guess_offer(&g, w->text);
	}
	for (size_t i = 0; protocols && (name = gdi_proto_word(i)); i++)
		gp_words_guess_offer(&g, name);
	return g.best;
}

const char *
gdi_cond_attr_text(const struct gdi_parser *p, enum gdi_attr attr)
{
	const struct gdi_word *w;

	if (attr == GDI_ATTR_METRIC)
		return godb_metric_name(p->metric);
	if (attr == GDI_ATTR_SITE)
		return "site";
	for (size_t i = 0; (w = gdi_grammar_word(i)); i++) {
		if (w->kind == GDI_WORD_ATTR && w->value == (int)attr)
			return w->text;
	}
	return "address";
}
