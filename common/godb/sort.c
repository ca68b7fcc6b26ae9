#include "common/godb/sort.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * Least significant byte first, 256 buckets: few enough that each has its
 * cache line and page at hand.  Bytes that are the same in all keys cost
 * nothing beyond the counting.  Below this count insertion is quicker.
 */
#define SMALL 32

typedef uint64_t one_key; /* so that the macro below can name the element */

#define KEY_OF(e, word) ((const uint64_t *)(const void *)(e))[word]

#define DEFINE_SORT(NAME, ELEM, WORDS)                                        \
	static bool NAME##_less(const ELEM *a, const ELEM *b)                 \
	{                                                                     \
		for (size_t i = 0; i < (WORDS); i++)                          \
			if (KEY_OF(a, i) != KEY_OF(b, i))                     \
				return KEY_OF(a, i) < KEY_OF(b, i);           \
		return false;                                                 \
	}                                                                     \
                                                                              \
	static void NAME##_small(ELEM *v, size_t n)                           \
	{                                                                     \
		for (size_t i = 1; i < n; i++) {                              \
			ELEM e = v[i];                                        \
			size_t j = i;                                         \
                                                                              \
			for (; j > 0 && NAME##_less(&e, &v[j - 1]); j--)      \
				v[j] = v[j - 1];                              \
			v[j] = e;                                             \
		}                                                             \
	}                                                                     \
                                                                              \
	static void NAME##_pass(const ELEM *from, ELEM *to, size_t n,         \
	    size_t word, unsigned shift, size_t *start)                       \
	{                                                                     \
		for (size_t i = 0; i < n; i++)                                \
			to[start[KEY_OF(&from[i], word) >> shift & 0xff]++] = \
			    from[i];                                          \
	}                                                                     \
                                                                              \
	/* Counts all bytes of a word in one pass; turns those of one byte    \
	 * into start positions unless they are all in one bucket. */         \
	static bool NAME##_starts(size_t *count, size_t n)                    \
	{                                                                     \
		size_t at = 0;                                                \
                                                                              \
		for (size_t b = 0; b < 256; b++) {                            \
			size_t c = count[b];                                  \
                                                                              \
			if (c == n)                                           \
				return false;                                 \
			count[b] = at;                                        \
			at += c;                                              \
		}                                                             \
		return true;                                                  \
	}                                                                     \
                                                                              \
	int NAME(ELEM *v, size_t n)                                           \
	{                                                                     \
		size_t count[8][256];                                         \
		ELEM *from = v, *to, *tmp;                                    \
                                                                              \
		if (n <= SMALL) {                                             \
			NAME##_small(v, n);                                   \
			return 0;                                             \
		}                                                             \
		tmp = malloc(n * sizeof(*tmp));                               \
		if (tmp == NULL)                                              \
			return -ENOMEM;                                       \
		to = tmp;                                                     \
		for (size_t word = (WORDS); word-- > 0;) {                    \
			memset(count, 0, sizeof(count));                      \
			for (size_t i = 0; i < n; i++) {                      \
				uint64_t k = KEY_OF(&from[i], word);          \
                                                                              \
				for (size_t b = 0; b < 8; b++)                \
					count[b][k >> (8 * b) & 0xff]++;      \
			}                                                     \
			for (size_t b = 0; b < 8; b++) {                      \
				ELEM *swap = from;                            \
                                                                              \
				if (!NAME##_starts(count[b], n))              \
					continue;                             \
				NAME##_pass(from, to, n, word,                \
				    (unsigned)(8 * b), count[b]);             \
				from = to;                                    \
				to = swap;                                    \
			}                                                     \
		}                                                             \
		if (from != v)                                                \
			memcpy(v, from, n * sizeof(*v));                      \
		free(tmp);                                                    \
		return 0;                                                     \
	}

DEFINE_SORT(gdi_sort_u64, one_key, 1)
DEFINE_SORT(gdi_sort_key2, struct gdi_key2, 2)
DEFINE_SORT(gdi_sort_key5, struct gdi_key5, 5)
