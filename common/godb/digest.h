/*
 * digest - what a day's index says in all, as far as an answer needs it of a
 * day in which nothing that was asked for can be: which time its blocks
 * cover, and what they lack (FORMAT.md, "Address index").
 *
 * It is exact: coverage of a digest is coverage of the records.
 */
#ifndef GODB_DIGEST_H
#define GODB_DIGEST_H

#include "common/godb/internal.h"

struct gdi_index;

#define GDI_SLOTS 288 /* blocks of a day */

/* Blocks of a day, a bit each, the low ones first. */
struct gdi_slots {
	uint64_t w[5];
};

static inline void
gdi_slots_set(struct gdi_slots *s, unsigned slot)
{
	s->w[slot / 64] |= UINT64_C(1) << slot % 64;
}

static inline bool
gdi_slots_has(const struct gdi_slots *s, unsigned slot)
{
	return s->w[slot / 64] >> slot % 64 & 1;
}

static inline bool
gdi_slots_any(const struct gdi_slots *s)
{
	return (s->w[0] | s->w[1] | s->w[2] | s->w[3] | s->w[4]) != 0;
}

static inline void
gdi_slots_or(struct gdi_slots *s, const struct gdi_slots *with)
{
	for (int i = 0; i < 5; i++)
		s->w[i] |= with->w[i];
}

static inline void
gdi_slots_and(struct gdi_slots *s, const struct gdi_slots *with)
{
	for (int i = 0; i < 5; i++)
		s->w[i] &= with->w[i];
}

/* Whether s has all that `of` has. */
static inline bool
gdi_slots_has_all(const struct gdi_slots *s, const struct gdi_slots *of)
{
	uint64_t lacks = 0;

	for (int i = 0; i < 5; i++)
		lacks |= of->w[i] & ~s->w[i];
	return lacks == 0;
}

unsigned gdi_slots_count(const struct gdi_slots *s);
/* The first and the last; there must be one. */
unsigned gdi_slots_first(const struct gdi_slots *s);
unsigned gdi_slots_last(const struct gdi_slots *s);

/* Records that have something to report. */
struct gdi_tally {
	uint64_t amount;      /* sum of what each has */
	uint16_t first, last; /* blocks of the day */
	uint32_t records;     /* 0: none, and the rest means nothing */
};

enum gdi_tally_of {
	GDI_TALLY_KERNEL_DROPS,
	GDI_TALLY_IFACE_DROPS,
	GDI_TALLY_LATE,
	GDI_TALLY_CLAMPED,
	GDI_TALLY_CUT,
	GDI_TALLY_LOST,
	GDI_N_TALLIES
};

/* Time without a break that records cover together. */
struct gdi_stretch {
	int64_t first_ns, last_ns;
};

struct gdi_digest {
	uint64_t index_bytes; /* of blocks.idx, whose records these are */
	uint64_t index_sum;   /* checksum of these bytes */
	uint32_t records, blocks; /* blocks: distinct slots */
	uint32_t flags;      /* of all records together */
	uint32_t row_flags;  /* of those with rows ... */
	uint32_t row_records; /* ... and how many these are */
	int64_t first_s, last_s; /* first and last slot; 0, 0: no record */
	uint64_t rows, stored_bytes;
	struct gdi_slots used; /* slots with rows */
	struct gdi_tally tally[GDI_N_TALLIES];
	/* Ascending, apart; none although there are records: some are of
	 * capture files and some are not, and only the index tells which, or
	 * some have packets in rows [overflow]. */
	struct gdi_stretch *stretch; /* owned */
	uint32_t n_stretches;
};

/* Of an index without damage.  0, -ENOMEM. */
int gdi_digest_make(const struct gdi_index *x, struct gdi_digest *out);
void gdi_digest_free(struct gdi_digest *d);

/* Whether the index begins with the bytes that it was made of. */
bool gdi_digest_is_of(const struct gdi_digest *d, const struct gdi_index *x);

void gdi_digest_write(const struct gdi_digest *d, struct gdi_buf *out);
/* 0, GODB_EDAMAGED, -ENOMEM. */
int gdi_digest_read(struct gdi_in *in, int64_t day_s, struct gdi_digest *out);

/* Whether coverage can be told without the index. */
bool gdi_digest_covers(const struct gdi_digest *d);

#endif
