/*
 * rollup - what an hour or a day comes to: its blocks' rows summed over time,
 * and those summed again over columns that many questions do without
 * (FORMAT.md, "Roll-ups"); and of days of small blocks, which cost more than
 * their rows do, all rows as they are, in order of their keys.
 *
 * A roll-up says by their ids which records it sums, so a reader knows what it
 * may leave unread, and it may do without any: damage here costs time, never an
 * answer.  Sums that stay at the largest number can be summed in any order, so
 * a question to which a roll-up can be put gets the answer of the blocks.
 */
#ifndef GODB_ROLLUP_H
#define GODB_ROLLUP_H

#include "common/godb/index.h"
#include "common/godb/rollup_kind.h"

#define GDI_HOUR_S 3600

/*
 * Below so many in the mean rows cost less than what a block costs beside them,
 * some microseconds; and where there are few in all they are not worth a file,
 * unless they are so few in a block that its record is larger than they are:
 * then the records are nearly all that a question about a year of a quiet
 * interface reads, and holds.
 */
#define GDI_ROWS_BLOCK 512u
#define GDI_ROWS_LEAST 8192u
#define GDI_FEW_BLOCK  16u

/* Whether all rows are kept of that many in that many records that have any:
 * by any writer, */
static inline bool
gdi_rollup_keeps_few(uint64_t rows, uint64_t records)
{
	return rows > 0 && rows <= records * GDI_FEW_BLOCK;
}

/* and by one that is told to sort days. */
static inline bool
gdi_rollup_keeps_rows(uint64_t rows, uint64_t records)
{
	return (rows >= GDI_ROWS_LEAST && rows <= records * GDI_ROWS_BLOCK) ||
	    gdi_rollup_keeps_few(rows, records);
}

static inline unsigned
gdi_rollup_chunk_rows(enum gdi_rollup_kind kind)
{
	return kind == GDI_ROLLUP_APART ? GDI_APART_ROWS : GDI_ROLLED_ROWS;
}

/* Its attributes as GODB_COL bits; of its rows the others are 0. */
uint32_t gdi_rollup_columns(enum gdi_rollup_kind kind);

struct gdi_rollup {
	const struct gdi_record *record;
	int64_t span_s; /* GDI_HOUR_S or a day, from record->slot_s */
	bool stored;
	enum gdi_rollup_kind kind; /* when it is stored */
	/* Otherwise: bits of the kinds that were looked at and not worth their
	 * bytes; n and ids are those that they would have summed. */
	uint32_t refused;
	uint64_t n;         /* records that it sums, */
	const uint8_t *ids; /* stored: their ids of 16 bytes, ordered by slot,
			     * then as committed; refused: gdi_rollup_digest */
};

/* Of one day; the list has the last one of each span and kind alone. */
struct gdi_rollups {
	struct gdi_index index;
	/* hours, then the day; of one span that of all rows, then by kind: who
	 * looks for the fewest rows looks from the end */
	struct gdi_rollup *list;
	size_t n;
};

/*
 * Reads a day's; none at all where there is no file.  What does not hold is
 * left out and, when n_damaged is not NULL, counted.  0, -ENOMEM, -errno;
 * GODB_ENEWER for what only a later version can read.
 */
int gdi_rollups_read(int day_fd, int64_t day_s, struct gdi_rollups *out,
    size_t *n_damaged);
/* The same from memory, which is taken (malloc). */
int gdi_rollups_parse(uint8_t *data, size_t len, int64_t day_s,
    struct gdi_rollups *out);
void gdi_rollups_free(struct gdi_rollups *r);
/* Of them, *one alone stays, for a cursor: without its ids and what else its
 * record has beside columns.  Where it stands now is in *one.  -ENOMEM: all
 * is as it was. */
int gdi_rollups_keep(struct gdi_rollups *r, const struct gdi_rollup **one);
/* NULL: there is none.  KINDS: what was refused. */
const struct gdi_rollup *gdi_rollups_find(const struct gdi_rollups *r,
    int64_t slot_s, int64_t span_s, enum gdi_rollup_kind kind);

/* Whether it lists the record; asked of the day's records, in order, counting
 * in *k, which is r->n when all were among them. */
static inline bool
gdi_rollup_lists(const struct gdi_rollup *r, const struct gdi_record *record,
    uint64_t *k)
{
	bool lists = *k < r->n && record->slot_s >= r->record->slot_s &&
	    record->slot_s < r->record->slot_s + r->span_s &&
	    memcmp(record->id, r->ids + *k * 16, 16) == 0;

	*k += lists;
	return lists;
}

/* The content of a record's ROLLUP section. */
void gdi_rollup_write(int64_t span_s, enum gdi_rollup_kind kind,
    const struct gdi_buf *ids, struct gdi_buf *out);
void gdi_rollup_write_refused(int64_t span_s, uint32_t refused,
    const struct gdi_buf *ids, struct gdi_buf *out);
/* One id for all: XXH3-64 of them, in order, and the same with seed 1. */
void gdi_rollup_digest(const uint8_t *ids, size_t len, uint8_t out[16]);

/* Takes a day's away; 0 also when there are none. */
int gdi_rollups_remove(int day_fd);

extern const char gdi_rollup_magic[8];

#endif
