/*
 * grammar - the words and symbols of conditions, in one table, and the lexer
 * that finds them.  Help, manual and completion come from the same table.
 */
#ifndef GDI_GRAMMAR_H
#define GDI_GRAMMAR_H

#include "common/godb/cond.h"

enum gdi_word_kind {
	GDI_WORD_AND,
	GDI_WORD_OR,
	GDI_WORD_NOT,
	GDI_WORD_CMP,     /* value: enum gdi_cmp */
	GDI_WORD_IN,
	GDI_WORD_ATTR,    /* value: enum gdi_attr */
	GDI_WORD_METRIC,  /* value: enum godb_metric */
	GDI_WORD_DIR,
	GDI_WORD_VERSION, /* value: 4 or 6 */
	GDI_WORD_SITE,
	GDI_WORD_GEO, /* of addresses; its text begins the name of a set */
};

enum gdi_cmp { GDI_EQ, GDI_NE, GDI_LT, GDI_LE, GDI_GT, GDI_GE };

/* What an attribute's word does beside a src or dst. */
enum gdi_word_role {
	GDI_ROLE_NONE,
	GDI_ROLE_END,  /* src, dst: may have one of the others after it */
	GDI_ROLE_ADDR, /* host, net, ... */
	GDI_ROLE_PORT, /* port, portrange */
};

struct gdi_word {
	const char *text;
	enum gdi_word_kind kind;
	int value;
	enum gdi_word_role role;
	const char *help;
};

enum gdi_token_kind {
	GDI_TOKEN_END,
	GDI_TOKEN_WORD,
	GDI_TOKEN_STRING, /* was quoted: never a word of the grammar */
	GDI_TOKEN_SYMBOL,
	GDI_TOKEN_OPEN,
	GDI_TOKEN_CLOSE,
	GDI_TOKEN_COMMA,
};

struct gdi_token {
	enum gdi_token_kind kind;
	const struct gdi_word *word; /* of the grammar, NULL: a value */
	uint32_t offset, length;     /* in the text; a string's without quotes */
};

/* The i-th word, NULL beyond the last. */
const struct gdi_word *gdi_grammar_word(size_t i);

/*
 * Splits text into tokens, the last of which is END; *out is owned by the
 * caller (free).  GODB_ESYNTAX with diag, -ENOMEM.
 */
int gdi_grammar_split(const char *text, struct gdi_token **out,
    struct godb_diag *diag);

/* Sets diag and returns GODB_ESYNTAX.  diag may be NULL. */
int gdi_diag(struct godb_diag *diag, size_t offset, size_t length,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
