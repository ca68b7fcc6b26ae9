/*
 * table - a hash table of fixed-size entries: some words of key, then some
 * numbers, which add up.
 *
 * Entries lie densely, in order of first appearance, in chunks that never
 * move.  Places point to them with 32 bits each and a byte of the hash beside
 * that, small enough that the places of millions of entries stay in the last
 * cache: a look-up then costs one miss, that of the entry, which
 * gdi_table_add fetches for a whole batch before it touches the first.
 *
 * The caller hashes: the uppermost bits give the place, the low seven the
 * byte; bits 8 to 31 are the caller's, to part keys between tables.
 */
#ifndef GODB_TABLE_H
#define GODB_TABLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/hash.h"

#define GDI_TABLE_BATCH 128 /* entries for which room is made at a time */
#define GDI_TABLE_MAX   (UINT32_C(1) << 30)
#define GDI_TABLE_CHUNK 256u /* entries; a power of two */

/* Memory of tables that several threads fill, and the bound of all of it.
 * Zeroed but for `most` is empty. */
struct gdi_arena {
	_Atomic size_t bytes; /* allocated now */
	size_t most;          /* 0: no bound */
	pthread_mutex_t lock; /* of the slabs */
	struct gdi_slab *slabs;
};
void gdi_arena_init(struct gdi_arena *a, size_t most);
void gdi_arena_fini(struct gdi_arena *a);
/* Accounts for memory that is got elsewhere.  0, or GODB_EMEMORY. */
int gdi_arena_charge(struct gdi_arena *a, size_t bytes);
void gdi_arena_discharge(struct gdi_arena *a, size_t bytes);
/* Memory that goes with the arena: at most 2 MiB, a multiple of 16 bytes; what
 * is in it is undefined.  0, -ENOMEM, GODB_EMEMORY. */
int gdi_arena_take(struct gdi_arena *a, size_t bytes, void **out);

struct gdi_table {
	unsigned key_words, words; /* of the key (1-8); of an entry in all */
	bool large;      /* chunks from the arena's slabs: freed with them */
	bool loose;      /* no entry has a place: see gdi_table_add_ascending */
	uint32_t n;
	uint8_t *tag;     /* of each place; 0: free; then the first 16 again */
	uint32_t *number; /* of each place: its entry */
	unsigned bits;   /* 2^bits places; 0: none yet */
	uint64_t **chunk;
	size_t n_chunks, room_chunks;
};

void gdi_table_init(struct gdi_table *t, unsigned key_words, unsigned numbers,
    bool large);
void gdi_table_free(struct gdi_table *t, struct gdi_arena *a);
void gdi_table_clear(struct gdi_table *t); /* keeps the memory */

/* Room for GDI_TABLE_BATCH more entries.  0, -ENOMEM, GODB_EMEMORY. */
int gdi_table_reserve(struct gdi_table *t, const struct gp_hash_key *key,
    struct gdi_arena *a);

/* Room for a further entry alone, in a table of which only the entries are
 * used; *out is it, not filled in. */
int gdi_table_append(struct gdi_table *t, struct gdi_arena *a,
    uint64_t **out);

static inline uint64_t *
gdi_table_entry(const struct gdi_table *t, uint32_t i)
{
	return t->chunk[i / GDI_TABLE_CHUNK] +
	    (size_t)(i % GDI_TABLE_CHUNK) * t->words;
}

/* All words are looked at: where two keys differ cannot be foreseen. */
static inline __attribute__((always_inline)) bool
gdi_same_key(const uint64_t *a, const uint64_t *b, unsigned words)
{
	uint64_t differ = 0;

	for (unsigned i = 0; i < words; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

/* The key's numbers, zeroes when it is new; gdi_table_reserve came before. */
uint64_t *gdi_table_at(struct gdi_table *t, const uint64_t *key,
    uint64_t hash);
/* The same, or NULL. */
uint64_t *gdi_table_find(const struct gdi_table *t, const uint64_t *key,
    uint64_t hash);
/* The same of n (at most GDI_TABLE_BATCH) keys, each in a table of its own: far
 * ones, whose misses wait beside each other. */
void gdi_table_find_all(const struct gdi_table *const *t,
    const uint64_t *const *key, const uint64_t *hash, size_t n,
    uint64_t **numbers);

/*
 * Adds n (at most GDI_TABLE_BATCH) records: hash, key, numbers.  Numbers stay
 * at the top instead of starting over.  gdi_table_reserve came before.
 */
void gdi_table_add(struct gdi_table *t, const uint64_t *records, size_t n);
/* The same for a table that lies in a near cache, without fetching ahead. */
void gdi_table_add_near(struct gdi_table *t, const uint64_t *records,
    size_t n);
/* The same in plain C, for tests. */
void gdi_table_add_plain(struct gdi_table *t, const uint64_t *records,
    size_t n);

/*
 * Keys that ascend need no places, and no hashes: adds records to a table that
 * is empty or loose, up to the first whose key is below that of the last
 * entry; returns how many.  Keys are compared word by word, of the first word
 * the low half before the high one when swap is set.  Room for n entries was
 * made by gdi_table_reserve_loose (for GDI_TABLE_BATCH; 0, -ENOMEM,
 * GODB_EMEMORY); gdi_table_reserve gives all of them places.
 */
size_t gdi_table_add_ascending(struct gdi_table *t, const uint64_t *records,
    size_t n, bool swap);
int gdi_table_reserve_loose(struct gdi_table *t, struct gdi_arena *a);

/* Bit i is set when tags[i] is 0 or `tag`, of 16; and without SSE2. */
unsigned gdi_table_match(const uint8_t *tags, uint8_t tag);
unsigned gdi_table_match_plain(const uint8_t *tags, uint8_t tag);

#endif
