/*
 * spill - records of a key and numbers, put aside by partition.
 *
 * Where groups are too many for a cache, adding each row to its group costs a
 * miss each.  Putting rows aside first, by bits of their key's hash, and then
 * adding a partition's at a time to a table that fits the cache costs two
 * passes over memory in order, which it is good at.  Records are packed: the
 * first four numbers, which are counters and mostly small, take 6, 12 or 32
 * bytes together, so that most rows take 15.
 *
 * A spill has one owner at a time.  Its memory is the arena's, and goes with
 * it.
 */
#ifndef GODB_SPILL_H
#define GODB_SPILL_H

#include <stddef.h>
#include <stdint.h>

#include "common/godb/table.h"

#define GDI_PARTITIONS  256u
#define GDI_SPILL_SIZES 4 /* of chunks */

struct gdi_spill_chunk;

struct gdi_spill {
	unsigned key_words, key_bytes, numbers;
	size_t bytes; /* of all chunks that are in use */
	struct gdi_spill_end {
		uint8_t *at, *end; /* where the next record goes */
		struct gdi_spill_chunk *first, *last;
	} *part; /* GDI_PARTITIONS; NULL: nothing was put aside yet */
	struct gdi_spill_chunk *idle[GDI_SPILL_SIZES];
};

/* Keys of so many words (1-8), of the last of which the low `last_bits` may
 * be set; and so many numbers (0-8). */
void gdi_spill_init(struct gdi_spill *s, unsigned key_words,
    unsigned last_bits, unsigned numbers);
void gdi_spill_free(struct gdi_spill *s, struct gdi_arena *a);

/*
 * Puts n records aside: hash, key, numbers; bits 8 to 15 of the hash say
 * where.  0, -ENOMEM, GODB_EMEMORY; then *done records were put.
 */
int gdi_spill_put(struct gdi_spill *s, struct gdi_arena *a,
    const uint64_t *records, size_t n, size_t *done);

/* A hash that says so. */
static inline uint64_t
gdi_spill_hash(unsigned partition)
{
	return (uint64_t)partition << 8;
}

static inline unsigned
gdi_spill_partition(uint64_t hash)
{
	return hash >> 8 & (GDI_PARTITIONS - 1);
}

/* Reads a partition in order, any number of times. */
struct gdi_spill_reader {
	const struct gdi_spill *s;
	unsigned part;
	const struct gdi_spill_chunk *chunk;
	const uint8_t *at, *end;
};
void gdi_spill_rewind(const struct gdi_spill *s, unsigned part,
    struct gdi_spill_reader *out);
/* Up to `most` records as they were put, but for the hash, which is not
 * filled in; 0 at the end. */
size_t gdi_spill_next(struct gdi_spill_reader *r, uint64_t *records,
    size_t most);
/* What a partition takes. */
size_t gdi_spill_part_bytes(const struct gdi_spill *s, unsigned part);
/* Forgets a partition's records; their memory is used again. */
void gdi_spill_clear(struct gdi_spill *s, unsigned part);
/* Forgets all; the memory is another's of the same owner and arena. */
void gdi_spill_hand_over(struct gdi_spill *s, struct gdi_spill *to);

#endif
