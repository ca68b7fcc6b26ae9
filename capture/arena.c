/*
 * Blocks lie back to back, each with its size and its left neighbour's; the
 * links of a free one are where the caller's bytes were.  The last block is a
 * header only and never free, so the one before it always has a neighbour.
 */
#include "capture/arena.h"

#include <assert.h>
#include <errno.h>

struct arena_block {
	struct arena_block *left; /* NULL: the first */
	size_t size;              /* bytes behind the header; bit 0: free */
	struct arena_block *next, *prev; /* free ones only */
};

enum {
	HEADER = offsetof(struct arena_block, next),
	PAYLOAD_MIN = sizeof(struct arena_block) - HEADER,
	FREE = 1,
	SHIFT_SMALL = 8, /* below 2^8 the classes are ARENA_ALIGN apart */
};
static_assert((int)HEADER == (int)ARENA_ALIGN, "payloads are aligned");

static size_t
size_of(const struct arena_block *b)
{
	return b->size & ~(size_t)FREE;
}

static struct arena_block *
at(const void *b, size_t offset)
{
	return (struct arena_block *)((uintptr_t)b + offset);
}

static struct arena_block *
right(const struct arena_block *b)
{
	return at(b, HEADER + size_of(b));
}

static unsigned
top_bit(size_t n)
{
	return 63u - (unsigned)__builtin_clzll(n);
}

/* The class whose blocks are all at least as large as its lower bound. */
static void
class_of(size_t size, unsigned *first, unsigned *second)
{
	unsigned bit = top_bit(size);

	if (bit < SHIFT_SMALL) {
		*first = 0;
		*second = (unsigned)(size / ARENA_ALIGN);
		return;
	}
	*first = bit - SHIFT_SMALL + 1;
	*second = (unsigned)(size >> (bit - 4)) & (ARENA_SECOND - 1);
}

static void
link_free(struct arena *a, struct arena_block *b)
{
	unsigned i, j;

	class_of(size_of(b), &i, &j);
	b->size |= FREE;
	b->prev = NULL;
	b->next = a->list[i][j];
	if (b->next)
		b->next->prev = b;
	a->list[i][j] = b;
	a->first |= 1u << i;
	a->second[i] |= 1u << j;
}

static void
unlink_free(struct arena *a, struct arena_block *b)
{
	unsigned i, j;

	class_of(size_of(b), &i, &j);
	if (b->next)
		b->next->prev = b->prev;
	if (b->prev)
		b->prev->next = b->next;
	else
		a->list[i][j] = b->next;
	if (!a->list[i][j])
		a->second[i] &= ~(1u << j);
	if (!a->second[i])
		a->first &= ~(1u << i);
	b->size &= ~(size_t)FREE;
}

int
arena_init(struct arena *a, void *base, size_t bytes)
{
	struct arena_block *b = base, *end;

	bytes &= ~(size_t)(ARENA_ALIGN - 1);
	if (bytes < ARENA_MIN_BYTES || bytes > UINT32_MAX ||
	    (uintptr_t)base % ARENA_ALIGN != 0)
		return -EINVAL;
	*a = (struct arena){.base = base, .bytes = bytes};
	b->left = NULL;
	b->size = bytes - 2 * HEADER;
	end = right(b);
	end->left = b;
	end->size = 0;
	link_free(a, b);
	return 0;
}

/* What a request takes; 0: more than there can be. */
static size_t
rounded(size_t bytes, size_t most)
{
	if (bytes == 0 || bytes > most)
		return 0;
	bytes = (bytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	return bytes < PAYLOAD_MIN ? PAYLOAD_MIN : bytes;
}

/* Looks in the next class up, where whatever comes first is large enough. */
static struct arena_block *
find(const struct arena *a, size_t size)
{
	size_t up = size;
	unsigned i, j;
	uint32_t map;

	if (size >= (size_t)1 << SHIFT_SMALL)
		up += ((size_t)1 << (top_bit(size) - 4)) - 1;
	class_of(up, &i, &j);
	map = i < ARENA_FIRST ? a->second[i] & (~0u << j) : 0;
	if (map == 0) {
		if (i + 1 >= ARENA_FIRST)
			return NULL;
		map = a->first & (~0u << (i + 1));
		if (map == 0)
			return NULL;
		i = (unsigned)__builtin_ctz(map);
		map = a->second[i];
	}
	return a->list[i][__builtin_ctz(map)];
}

/* Cuts a block to size; the rest becomes a free one. */
static void
split(struct arena *a, struct arena_block *b, size_t size)
{
	struct arena_block *rest;

	if (size_of(b) < size + HEADER + PAYLOAD_MIN)
		return;
	rest = at(b, HEADER + size);
	rest->left = b;
	rest->size = size_of(b) - size - HEADER;
	right(rest)->left = rest;
	b->size = size;
	link_free(a, rest);
}

void *
arena_alloc(struct arena *a, size_t bytes)
{
	size_t size = rounded(bytes, a->bytes);
	struct arena_block *b = size ? find(a, size) : NULL;

	if (!b)
		return NULL;
	unlink_free(a, b);
	split(a, b, size);
	a->used += HEADER + size_of(b);
	if (a->used > a->used_most)
		a->used_most = a->used;
	return at(b, HEADER);
}

void
arena_free(struct arena *a, void *p)
{
	uintptr_t where = (uintptr_t)p, base = (uintptr_t)a->base;
	struct arena_block *b, *next;

	if (where < base + HEADER || where >= base + a->bytes)
		return;
	b = at(p, (size_t)-HEADER);
	a->used -= HEADER + size_of(b);
	next = right(b);
	if (next->size & FREE) {
		unlink_free(a, next);
		b->size += HEADER + next->size;
		right(b)->left = b;
	}
	if (b->left && b->left->size & FREE) {
		struct arena_block *left = b->left;

		unlink_free(a, left);
		left->size += HEADER + b->size;
		right(left)->left = left;
		b = left;
	}
	link_free(a, b);
}

bool
arena_has(const struct arena *a, size_t bytes)
{
	size_t size = rounded(bytes, a->bytes);

	return size != 0 && find(a, size) != NULL;
}

static bool
listed(const struct arena *a, const struct arena_block *b)
{
	unsigned i, j;

	class_of(size_of(b), &i, &j);
	for (const struct arena_block *x = a->list[i][j]; x; x = x->next)
		if (x == b)
			return a->first >> i & 1 && a->second[i] >> j & 1;
	return false;
}

bool
arena_sound(const struct arena *a)
{
	const struct arena_block *b = at(a->base, 0), *left = NULL;
	const struct arena_block *end = at(a->base, a->bytes - HEADER);
	size_t used = 0, free_listed = 0, free_blocks = 0;

	for (; b < end; left = b, b = right(b)) {
		if (b->left != left || size_of(b) < PAYLOAD_MIN)
			return false;
		if (!(b->size & FREE)) {
			used += HEADER + size_of(b);
			continue;
		}
		if ((left && left->size & FREE) || !listed(a, b))
			return false;
		free_blocks++;
	}
	for (unsigned i = 0; i < ARENA_FIRST; i++)
		for (unsigned j = 0; j < ARENA_SECOND; j++)
			for (b = a->list[i][j]; b; b = b->next)
				free_listed++;
	return used == a->used && free_blocks == free_listed &&
	    at(a->base, a->bytes - HEADER)->left == left;
}
