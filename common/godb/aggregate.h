/*
 * aggregate - an open block in memory: rows as they came, sorted and summed
 * by key when their number has doubled and when the block is written.
 *
 * A row takes 32 bytes (IPv6: 56) and, when it is merged with more sorted ones,
 * as much again; only counters beyond 32 bits take 32 more.  Rows that come out
 * of the store take a megabyte besides.  The keys come from the network; the
 * sort's time does not depend on them.
 */
#ifndef GODB_AGGREGATE_H
#define GODB_AGGREGATE_H

#include "common/base/hash.h"
#include "common/godb/estimate.h"
#include "common/godb/internal.h"
#include "common/godb/sort.h"

/* The rows of one address version.  The last word of a key holds dport,
 * proto, l7 and whether counter[0] is a place among the wide ones. */
struct gdi_rows {
	void *rows;
	size_t n;      /* rows that count */
	size_t sorted; /* of them the first so many are in order, no two equal
			* unless they stay apart */
	size_t staged; /* behind them: not yet accepted */
	size_t cap;
	bool apart;      /* rows with equal keys stay what they are */
	bool mostly_new; /* the last sum found few equal keys */
	uint64_t (*wide)[4];
	size_t n_wide, staged_wide, cap_wide;
	uint32_t *seek; /* rows of the store: where an equal one may be */
};

struct gdi_aggregate {
	struct gdi_rows v4, v6; /* of struct gdi_row4, gdi_row6 */
};

void gdi_aggregate_free(struct gdi_aggregate *a);

/*
 * Takes in the batch's rows, map turning their l7 into a registry's ids; they
 * count from gdi_aggregate_accept on, and the next call forgets those that
 * were not accepted.  0, -ENOMEM, GODB_EFULL when more than `most` rows of a
 * version would have to be held.  Scratch is any memory, kept by the caller.
 */
int gdi_aggregate_stage(struct gdi_aggregate *a, const struct godb_batch *b,
    const uint16_t *map, size_t most, struct gdi_buf *scratch);
void gdi_aggregate_accept(struct gdi_aggregate *a);

/* The same with rows of the store, which count at once.  Attributes that are
 * not among `columns` (GODB_COL bits) are 0. */
int gdi_aggregate_columns(struct gdi_aggregate *a,
    const struct godb_columns *c, uint32_t columns, size_t most,
    struct gdi_buf *scratch);

/* From now on, before the first row: none are summed. */
void gdi_aggregate_apart(struct gdi_aggregate *a);

/* Takes the keys of such rows, until there are more than `enough`. */
void gdi_aggregate_estimate(const struct godb_columns *c, uint32_t columns,
    const struct gp_hash_key *key, uint64_t enough, struct gdi_estimate *e);

/* Sorts by (sip, dip, dport, proto, l7) and sums equal rows, if they are not
 * to stay apart.  0 or -ENOMEM,
 * then no row is lost and the call may be repeated. */
int gdi_aggregate_settle4(struct gdi_aggregate *a, struct gdi_buf *scratch);
int gdi_aggregate_settle6(struct gdi_aggregate *a, struct gdi_buf *scratch);

/* The last word of a key. */
#define GDI_KEY_DPORT(w) ((uint16_t)((w) >> 25))
#define GDI_KEY_PROTO(w) ((uint8_t)((w) >> 17))
#define GDI_KEY_L7(w)    ((uint16_t)((w) >> 1))
#define GDI_KEY_WIDE     UINT64_C(1)

/* A row's counters, whether they are wide or not. */
static inline void
gdi_row_counters(const struct gdi_rows *r, uint64_t last_word,
    const uint32_t counter[4], uint64_t out[4])
{
	if (last_word & GDI_KEY_WIDE) {
		memcpy(out, r->wide[counter[0]], 4 * sizeof(*out));
		return;
	}
	for (int k = 0; k < 4; k++)
		out[k] = counter[k];
}

#endif
