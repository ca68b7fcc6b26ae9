/*
 * arena - an allocator over one fixed piece of memory.
 *
 * For a library that must allocate but may not grow: good fit (two levels of
 * size classes, found by bit scans), neighbours joined when freed, so each
 * call takes bounded time.  Full is an ordinary answer.  One thread.
 */
#ifndef CAPTURE_ARENA_H
#define CAPTURE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ARENA_ALIGN = 16,
	ARENA_FIRST = 32, /* classes by power of two */
	ARENA_SECOND = 16, /* of each */
	ARENA_MIN_BYTES = 4096,
};

struct arena_block;

struct arena {
	uint8_t *base;
	size_t bytes;
	size_t used; /* headers included */
	size_t used_most;
	uint32_t first;
	uint32_t second[ARENA_FIRST];
	struct arena_block *list[ARENA_FIRST][ARENA_SECOND];
};

/* `base` is the caller's, zeroed or not, and outlives the arena.  0, or
 * -EINVAL when it is smaller than ARENA_MIN_BYTES or larger than 4 GiB. */
int arena_init(struct arena *a, void *base, size_t bytes);

/* NULL when there is no room, or for 0 bytes. */
void *arena_alloc(struct arena *a, size_t bytes);

/* NULL, and what is not within the arena, is left alone. */
void arena_free(struct arena *a, void *p);

/* Whether one allocation of so many bytes would succeed now. */
bool arena_has(const struct arena *a, size_t bytes);

/* For tests: whether every block and list agrees with the others. */
bool arena_sound(const struct arena *a);

#endif
