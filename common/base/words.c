#include "common/base/words.h"

#include <string.h>

/* Longer ones are no typing mistakes but something else. */
#define WORD_MAX 31

static unsigned char
lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

int
gp_words_casecmp(const char *a, const char *b)
{
	for (; lower(*a) == lower(*b); a++, b++) {
		if (!*a)
			return 0;
	}
	return lower(*a) - lower(*b);
}

int
gp_words_ncasecmp(const char *a, const char *b, size_t n)
{
	for (; n > 0 && lower(*a) == lower(*b); a++, b++, n--) {
		if (!*a)
			return 0;
	}
	return n > 0 ? lower(*a) - lower(*b) : 0;
}

bool
gp_words_digits(const char **text, uint64_t *n)
{
	const char *p = *text;

	*n = 0;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(*n, UINT64_C(10), n) ||
		    __builtin_add_overflow(*n, (uint64_t)(*p - '0'), n))
			return false;
	if (p == *text)
		return false;
	*text = p;
	return true;
}

bool
gp_words_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "kmgt";
	const char *unit;

	if (!gp_words_digits(&text, bytes))
		return false;
	while (*text == ' ')
		text++;
	unit = *text ? strchr(units, lower(*text)) : NULL;
	if (unit != NULL) {
		for (const char *u = units; u <= unit; u++)
			if (__builtin_mul_overflow(*bytes, UINT64_C(1024),
				bytes))
				return false;
		text++;
		if (lower(*text) == 'i')
			text++;
	}
	if (lower(*text) == 'b')
		text++;
	return *text == '\0';
}

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, changes, and swaps of neighbours each cost one
 * (optimal string alignment). */
static unsigned
distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned row[3][WORD_MAX + 1];
	unsigned *before = row[0], *last = row[1], *now = row[2];

	for (size_t j = 0; j <= nb; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *spare = before;

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			bool same = lower(a[i - 1]) == lower(b[j - 1]);
			unsigned d = last[j - 1] + !same;

			d = least(d, least(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 &&
			    lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]))
				d = least(d, before[j - 2] + 1);
			now[j] = d;
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[nb];
}

void
gp_words_guess_init(struct gp_words_guess *g, const char *typed)
{
	size_t len = strlen(typed);

	g->typed = typed;
	g->best = NULL;
	/* nearer than half of it, or it would suggest anything */
	g->distance = len < 3 ? 2 : len < 6 ? 3 : 4;
}

void
gp_words_guess_offer(struct gp_words_guess *g, const char *word)
{
	size_t na = strlen(g->typed), nb = strlen(word);
	unsigned d;

	if (na > WORD_MAX || nb > WORD_MAX || na == 0 || nb == 0)
		return;
	d = distance(g->typed, na, word, nb);
	if (d < g->distance && d < nb && d < na) {
		g->distance = d;
		g->best = word;
	}
}

bool
gp_words_padded(const char *text, size_t size, bool may_be_empty)
{
	size_t len = strnlen(text, size);

	if (len == size || (len == 0 && !may_be_empty))
		return false;
	for (size_t i = 0; i < size; i++)
		if (i < len ? text[i] < 0x20 || text[i] > 0x7e : text[i] != 0)
			return false;
	return true;
}
