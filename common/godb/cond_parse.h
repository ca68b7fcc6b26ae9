/*
 * cond_parse - what the files of the parser of conditions share.
 *
 *   cond.c         the grammar: tokens to a tree
 *   cond_tree.c    nodes of the tree
 *   cond_values.c  a value's text to elements of its leaf's sets
 *   cond_sets.c    those sets
 *   cond_words.c   what is said of a text that does not parse
 *
 * What fails sets p->rc, and no caller goes on for long once it is negative.
 * Nodes are told by their numbers: they move in memory as the tree grows.
 */
#ifndef GDI_COND_PARSE_H
#define GDI_COND_PARSE_H

#include "common/base/addr.h"
#include "common/godb/cond.h"
#include "common/godb/grammar.h"

#define GDI_VALUE_MAX 255 /* bytes of one value */

/* What a bare value takes over from the primitive before it. */
struct gdi_carried {
	enum gdi_attr attr;
	bool both; /* src and dst: the value is for either one */
	/* a protocol and a version, or one version and the other */
	struct gdi_qualifier {
		enum gdi_attr attr;
		int number;
	} with[2];
	unsigned n_with;
};

/* Everything is borrowed but the condition that is being made. */
struct gdi_parser {
	const char *text;
	const char *site; /* networks of [site], NULL: none are known */
	const struct godb_cond_opts *opts;
	const struct godb_keys *having; /* NULL: it selects rows */
	const struct gdi_token *t;  /* the one to look at next */
	const struct gdi_token *at; /* where the primitive began */
	enum godb_metric metric;    /* of the next leaf */
	const struct gdi_word *geo; /* values of the leaf are its sets */
	struct godb_cond *cond;
	size_t room; /* nodes allocated */
	unsigned depth; /* of brackets and NOTs */
	/* the last primitive was one of addresses or numbers, written without
	 * an operator or with "=": `tcp port 80 or 443` goes on with it */
	bool carries;
	struct gdi_carried carried;
	struct godb_diag *diag;
	int rc; /* once negative, nothing further is parsed */
};

/* The first failure is the one that is told. */
#define FAIL(p, tok, ...)                                                     \
	do {                                                                  \
		if ((p)->rc == 0)                                             \
			(p)->rc = gdi_diag((p)->diag, (tok)->offset,          \
			    (tok)->length, __VA_ARGS__);                      \
	} while (0)

static inline bool
gdi_token_is(const struct gdi_token *t, enum gdi_word_kind kind)
{
	return t->word && t->word->kind == kind;
}

/* "@name", the name of a set. */
static inline bool
gdi_token_is_set(const char *text, const struct gdi_token *t)
{
	return (t->kind == GDI_TOKEN_WORD || t->kind == GDI_TOKEN_STRING) &&
	    t->length > 1 && text[t->offset] == '@';
}

/* ---- cond_tree.c */

/* A node above a and b, or above a alone where b is GDI_NO_NODE. */
uint32_t gdi_cond_parent(struct gdi_parser *p, enum gdi_kind kind, uint32_t a,
    uint32_t b);
/* A leaf without values.  GDI_NO_NODE, and p->rc says why: what the condition
 * is for has no such attribute, no memory. */
uint32_t gdi_cond_leaf(struct gdi_parser *p, enum gdi_attr attr);

/* ---- cond_values.c */

/* Takes the value at p->t into the leaf, as "= it", "< it" and so on, and goes
 * on to the next token. */
void gdi_cond_value(struct gdi_parser *p, uint32_t leaf, enum gdi_cmp cmp);
/* The token's text as a string; false when too long for any value. */
bool gdi_cond_copy(struct gdi_parser *p, const struct gdi_token *t,
    char out[GDI_VALUE_MAX + 1]);
/* "10.0.0.1-10.0.0.9": false when it is not of that form.  text is as it was
 * when this returns. */
bool gdi_cond_addr_range(char *text, struct gp_addr *lo, struct gp_addr *hi);
/* Whether the text, which is no address, seems to be meant as one; and says
 * at the token that it is none. */
bool gdi_cond_is_like_address(const char *text);
void gdi_cond_no_address(struct gdi_parser *p, const struct gdi_token *t,
    const char *text);

/* ---- cond_sets.c: ranges are inclusive, lo <= hi */

void gdi_cond_add_number(struct gdi_parser *p, uint32_t leaf, int lo, int hi);
void gdi_cond_add_range4(struct gdi_parser *p, uint32_t leaf, uint32_t lo,
    uint32_t hi);
void gdi_cond_add_range6(struct gdi_parser *p, uint32_t leaf,
    struct godb_addr6 lo, struct godb_addr6 hi);
void gdi_cond_add_amounts(struct gdi_parser *p, uint32_t leaf, uint64_t lo,
    uint64_t hi);
/* The name is copied. */
void gdi_cond_add_name(struct gdi_parser *p, uint32_t leaf, const char *name);
/* Sorts the ranges and merges those that overlap: a leaf is then as cond.h
 * promises. */
void gdi_cond_settle(struct gdi_node *leaf);

/* ---- cond_words.c */

/* The token's text, cut to what a message can take. */
struct gdi_shown {
	char text[49];
};
struct gdi_shown gdi_cond_show(const struct gdi_parser *p,
    const struct gdi_token *t);
/* Fails at the token with "WHAT 'TEXT'; did you mean 'BEST'?"; best may be
 * NULL. */
void gdi_cond_suggest(struct gdi_parser *p, const struct gdi_token *t,
    const char *what, const char *best);
/* The word that fits and looks most like the token, NULL: none does. */
const char *gdi_cond_nearest_word(const struct gdi_parser *p,
    const struct gdi_token *t, bool (*fits)(const struct gdi_word *),
    bool protocols);
/* What to say of a word of other programs' filters, NULL: nothing. */
const char *gdi_cond_elsewhere(const char *word);
/* What the attribute is called. */
const char *gdi_cond_attr_text(const struct gdi_parser *p, enum gdi_attr attr);

#endif
