#include "common/godb/sort.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * Words: least significant byte first, 256 buckets, few enough that each has
 * its cache line and page at hand.  Bytes that are the same in all of them
 * cost nothing beyond the counting.  Below this count insertion is quicker.
 */
#define SMALL 32

static void
small_words(uint64_t *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint64_t word = v[i];
		size_t j = i;

		for (; j > 0 && word < v[j - 1]; j--)
			v[j] = v[j - 1];
		v[j] = word;
	}
}

/* Counts into positions of the buckets; false when there is only one. */
static bool
starts(size_t *count, size_t n)
{
	size_t at = 0;

	for (size_t b = 0; b < 256; b++) {
		size_t c = count[b];

		if (c == n)
			return false;
		count[b] = at;
		at += c;
	}
	return true;
}

static int
sort_words(uint64_t *v, size_t n, size_t lowest_byte)
{
	size_t count[8][256] = {0};
	uint64_t *from = v, *to, *tmp;

	if (n <= SMALL) {
		small_words(v, n);
		return 0;
	}
	tmp = malloc(n * sizeof(*tmp));
	if (tmp == NULL)
		return -ENOMEM;
	to = tmp;
	for (size_t i = 0; i < n; i++)
		for (size_t b = lowest_byte; b < 8; b++)
			count[b][v[i] >> (8 * b) & 0xff]++;
	for (size_t b = lowest_byte; b < 8; b++) {
		uint64_t *swap = from;

		if (!starts(count[b], n))
			continue;
		for (size_t i = 0; i < n; i++)
			to[count[b][from[i] >> (8 * b) & 0xff]++] = from[i];
		from = to;
		to = swap;
	}
	if (from != v)
		memcpy(v, from, n * sizeof(*v));
	free(tmp);
	return 0;
}

int
gdi_sort_u64(uint64_t *v, size_t n)
{
	return sort_words(v, n, 0);
}

int
gdi_sort_upper48(uint64_t *v, size_t n)
{
	return sort_words(v, n, 2);
}

/*
 * Rows: most significant bits first.  What all keys of a part share is passed
 * over at once, and a part that fits the cache is finished there, so that a
 * row is moved far only once or twice.  A digit takes the highest bits that
 * differ, more of them the more rows there are; 2^11 open places are what the
 * second TLB holds.  Every pass uses up at least DIGIT_MIN bits of the key.
 */
/*
 * What does not fit the cache is put into its parts in place: memory that is
 * touched for the first time costs more than the copy that it would save.  Where
 * a row goes the next one of that part is fetched, long before it is its turn.
 */
#define AHEAD     2
#define FEW       12
#define DIGIT_MIN 3
#define DIGIT_MAX 11

static unsigned
digit_bits(size_t n)
{
	unsigned bits = 62 - (unsigned)__builtin_clzll(n); /* n / 4 .. n / 2 */

	return bits < DIGIT_MIN ? DIGIT_MIN :
	    bits > DIGIT_MAX    ? DIGIT_MAX : bits;
}

/* The bits of a word that rows are put apart by: below `shift` of it and in the
 * words behind are those of later digits. */
struct digit {
	size_t word, mask;
	unsigned shift;
};

static const struct digit before_all = {0, 0, 64};

static size_t
place(const struct digit *d, const uint64_t *key)
{
	return key[d->word] >> d->shift & d->mask;
}

#define DEFINE_ROW_SORT(NAME, ROW, WORDS)                                     \
	static unsigned NAME##_less(const ROW *a, const ROW *b)               \
	{                                                                     \
		unsigned less = 0;                                            \
                                                                              \
		for (size_t i = (WORDS); i-- > 0;)                            \
			less = (a->k[i] < b->k[i]) |                          \
			    ((a->k[i] == b->k[i]) & less);                    \
		return less;                                                  \
	}                                                                     \
                                                                              \
	/* From v to `to`, which may be the same.  A row's place is how many  \
	 * come before it: which of two that is cannot be foreseen. */        \
	static void NAME##_few(const ROW *v, ROW *to, size_t n)               \
	{                                                                     \
		ROW row[FEW];                                                 \
		unsigned rank[FEW] = {0};                                     \
                                                                              \
		for (size_t i = 1; i < n; i++)                                \
			for (size_t j = 0; j < i; j++) {                      \
				unsigned less = NAME##_less(&v[i], &v[j]);    \
                                                                              \
				rank[j] += less;                              \
				rank[i] += less ^ 1;                          \
			}                                                     \
		if (v == to)                                                  \
			v = memcpy(row, v, n * sizeof(*v));                   \
		for (size_t i = 0; i < n; i++)                                \
			to[rank[i]] = v[i];                                   \
	}                                                                     \
                                                                              \
	/* In which bits of a word rows differ; once the highest that they can\
	 * is among them, the others are no matter. */                        \
	static uint64_t NAME##_differ(const ROW *v, size_t n, size_t word,    \
	    unsigned highest)                                                 \
	{                                                                     \
		uint64_t differ = 0;                                          \
                                                                              \
		for (size_t i = 1; i < n && !(differ >> highest); i++)        \
			differ |= v[i].k[word] ^ v[0].k[word];                \
		return differ;                                                \
	}                                                                     \
                                                                              \
	/* The next digit in which rows differ that are the same in *d and all\
	 * before it; false when they are equal. */                           \
	static bool NAME##_digit(const ROW *v, size_t n, struct digit *d)     \
	{                                                                     \
		unsigned bits = digit_bits(n), top;                           \
		uint64_t differ = 0;                                          \
                                                                              \
		while (differ == 0) {                                         \
			if (d->shift == 0) {                                  \
				if (++d->word == (WORDS))                     \
					return false;                         \
				d->shift = 64;                                \
			}                                                     \
			differ = NAME##_differ(v, n, d->word, d->shift - 1);  \
			d->shift = 0;                                         \
		}                                                             \
		top = 64 - (unsigned)__builtin_clzll(differ);                 \
		d->shift = top > bits ? top - bits : 0;                       \
		d->mask = ((size_t)1 << (top - d->shift)) - 1;                \
		return true;                                                  \
	}                                                                     \
                                                                              \
	/* Where the rows of each digit begin. */                             \
	static void NAME##_count(const ROW *v, size_t n,                      \
	    const struct digit *d, uint32_t *count)                           \
	{                                                                     \
		size_t sum = 0;                                               \
                                                                              \
		memset(count, 0, (d->mask + 1) * sizeof(*count));             \
		for (size_t i = 0; i < n; i++)                                \
			count[place(d, v[i].k)]++;                            \
		for (size_t i = 0; i <= d->mask; i++) {                       \
			uint32_t c = count[i];                                \
                                                                              \
			count[i] = (uint32_t)sum;                             \
			sum += c;                                             \
		}                                                             \
	}                                                                     \
                                                                              \
	/* `count` is anybody's between the passes.  The result goes to v, or \
	 * with `over` to the other place. */                                 \
	static void NAME##_part(ROW *v, ROW *other, size_t n, struct digit d, \
	    bool over, uint32_t *count)                                       \
	{                                                                     \
		if (n <= FEW) {                                               \
			NAME##_few(v, over ? other : v, n);                   \
			return;                                               \
		}                                                             \
		if (!NAME##_digit(v, n, &d)) {                                \
			if (over)                                             \
				memcpy(other, v, n * sizeof(*v));             \
			return;                                               \
		}                                                             \
		NAME##_count(v, n, &d, count);                                \
		for (size_t i = 0; i < n; i++)                                \
			other[count[place(&d, v[i].k)]++] = v[i];             \
		for (size_t at = 0, end; at < n; at = end) {                  \
			size_t here = place(&d, other[at].k);                 \
                                                                              \
			end = at + 1;                                         \
			while (end < n && place(&d, other[end].k) == here)    \
				end++;                                        \
			NAME##_part(other + at, v + at, end - at, d,          \
			    !over, count);                                    \
		}                                                             \
	}                                                                     \
                                                                              \
	/* Rows change places along cycles until each lies among those of its \
	 * digit; these are then sorted by themselves. */                     \
	static void NAME##_large(ROW *v, ROW *part, size_t n, struct digit d, \
	    uint32_t *count)                                                  \
	{                                                                     \
		uint32_t head[(1 << DIGIT_MAX) + 1], end[1 << DIGIT_MAX];     \
                                                                              \
		if (n <= GDI_SORT_PART) {                                     \
			if (n > 1)                                            \
				NAME##_part(v, part, n, d, false, count);     \
			return;                                               \
		}                                                             \
		if (!NAME##_digit(v, n, &d))                                  \
			return;                                               \
		NAME##_count(v, n, &d, head);                                 \
		head[d.mask + 1] = (uint32_t)n;                               \
		memcpy(end, head + 1, (d.mask + 1) * sizeof(*end));           \
		for (size_t i = 0; i <= d.mask; i++) {                        \
			while (head[i] < end[i]) {                            \
				ROW row = v[head[i]];                         \
				size_t to = place(&d, row.k);                 \
                                                                              \
				while (to != i) {                             \
					ROW *at = &v[head[to]++];             \
					ROW next = *at;                       \
                                                                              \
					__builtin_prefetch(at + AHEAD, 1);    \
					*at = row;                            \
					row = next;                           \
					to = place(&d, row.k);                \
				}                                             \
				v[head[i]++] = row;                           \
			}                                                     \
		}                                                             \
		for (size_t i = 0, from = 0; i <= d.mask; from = end[i++])    \
			NAME##_large(v + from, part, end[i] - from, d,        \
			    count);                                           \
	}                                                                     \
                                                                              \
	void NAME(ROW *v, ROW *to, size_t n)                                  \
	{                                                                     \
		uint32_t count[1 << DIGIT_MAX];                               \
                                                                              \
		if (n > 0)                                                    \
			NAME##_part(v, to, n, before_all, true, count);       \
	}                                                                     \
                                                                              \
	void NAME##_in_place(ROW *v, ROW *part, size_t n)                     \
	{                                                                     \
		uint32_t count[1 << DIGIT_MAX];                               \
                                                                              \
		NAME##_large(v, part, n, before_all, count);                  \
	}

DEFINE_ROW_SORT(gdi_sort_row4, struct gdi_row4, 2)
DEFINE_ROW_SORT(gdi_sort_row6, struct gdi_row6, 5)
