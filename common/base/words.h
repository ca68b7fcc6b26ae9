/*
 * words - compare and read words and sizes as people type them, and guess what
 * was meant; check words that arrive as bytes.
 *
 * ASCII only and independent of the locale.
 */
#ifndef GP_WORDS_H
#define GP_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What makes a plural of a word behind a number. */
static inline const char *
gp_words_s(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* Like strcasecmp(3) in the C locale. */
int gp_words_casecmp(const char *a, const char *b);

/* The first n bytes, like strncasecmp(3). */
int gp_words_ncasecmp(const char *a, const char *b, size_t n);

/* Take decimal digits off *text; false: there are none, or it is >= 2^64. */
bool gp_words_digits(const char **text, uint64_t *n);

/*
 * All of text as a size: digits, then perhaps one of K, M, G and T of 1024,
 * then perhaps B, or iB behind one of those; in either case, and blanks may
 * stand before the letters. False: it is none, or it is >= 2^64 bytes.
 */
bool gp_words_size(const char *text, uint64_t *bytes);

/* Whether text is printable ASCII, then one NUL or more up to `size` bytes. */
bool gp_words_padded(const char *text, size_t size, bool may_be_empty);

/*
 * The nearest of several words to one that was mistyped, offered one by one.
 * `best` is NULL while nothing came near enough for a suggestion.
 */
struct gp_words_guess {
	const char *typed; /* borrowed */
	const char *best;  /* one of those offered */
	unsigned distance;
};
void gp_words_guess_init(struct gp_words_guess *g, const char *typed);
void gp_words_guess_offer(struct gp_words_guess *g, const char *word);

#endif
