/*
 * grouping - what the files of group.h share.
 *
 *   grouplayout.c  keys
 *   feed.c         rows to groups
 *   feed_small.c   the same by keys of few bits
 *   cell.c         the same where rows come by cells
 *   aside.c        too many of them
 *   top.c          the best of them
 *   group.c        all groups, and reading them
 */
#ifndef GODB_GROUPING_H
#define GODB_GROUPING_H

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/godb/group.h"
#include "common/godb/schema.h"
#include "common/godb/spill.h"
#include "common/godb/table.h"

#include <string.h>

#define GDI_BATCH      GDI_TABLE_BATCH
#define GDI_KEY_MAX    6 /* words of a group's key */
#define GDI_PAIR_MAX   8 /* of a key and a value */
#define GDI_N_COUNTERS_KEPT 4
#define GDI_RECORD_MAX (1 + GDI_PAIR_MAX + GDI_N_COUNTERS_KEPT + GODB_N_EXTRAS)
#define GDI_N_DISTINCT 3
#define GDI_N_SETS     (1 + GDI_N_DISTINCT)
#define GDI_GROUPS_MAX (UINT32_C(1) << 31)
#define GDI_LOCAL_WORDS ((size_t)64 << 10) /* of entries, in a feed's table */

/* ---- keys (grouplayout.c) ----------------------------------------------- */

/* Where a field lies in the key. */
struct gdi_field {
	enum godb_key key;
	uint8_t word, shift; /* addresses of IPv6: word and word + 1 */
	bool first;          /* in its word: what was there does not count */
	struct godb_addr6 mask; /* of addresses; IPv4: in lo */
};

/* Keys of one version. */
struct gdi_layout {
	bool v6;
	bool constant; /* within a part */
	struct gdi_field field[GODB_N_KEYS];
	unsigned n_fields;
	unsigned words;
	unsigned last_bits; /* of the last word that can be set */
	uint8_t slot_word, slot_shift; /* where the block is, if it is there */
};

/* Some rows of one version of a part. */
struct gdi_rows_batch {
	const struct godb_part *part;
	int64_t time_s; /* of the part, or its bin */
	const struct godb_columns *c;
	const uint32_t *sel; /* their numbers; NULL: from `first` on */
	uint32_t first;
	size_t n;
	bool second; /* host is the dip */
	bool v6;     /* rows of IPv6, whichever table they go to */
	uint64_t *keys; /* GDI_BATCH * GDI_KEY_MAX, the feed's */
};

static inline uint32_t
gdi_batch_row(const struct gdi_rows_batch *b, size_t i)
{
	return b->sel ? b->sel[i] : b->first + (uint32_t)i;
}

void gdi_layout_init(struct gdi_layout *t, const struct godb_keys *keys,
    bool v6);
void gdi_layout_pack(const struct gdi_layout *t, struct gdi_rows_batch *b);
void gdi_layout_read(const struct gdi_layout *t, const uint64_t *entry,
    struct gdi_group_key *out);
/* Ones but for the low `drop` of `bits`. */
struct godb_addr6 gdi_mask_of(unsigned bits, unsigned drop);

/* ---- groups ------------------------------------------------------------- */

/* Groups whose hash has the same bits, of both versions. */
struct gdi_partition {
	pthread_mutex_t lock; /* while feeds are being filled */
	struct gdi_table table[2];
};

/* Groups; or pairs of a group and a value of one column. */
struct gdi_set {
	unsigned words[2], last_bits[2]; /* of a key, by version */
	/* the value is in the last word of its group's key, above so many bits
	 * that this has; or in words of its own behind it */
	bool inside[2];
	unsigned shift[2];
	unsigned numbers;
	enum godb_column column; /* of pairs */
	unsigned extra;          /* where their count stands */
	struct gdi_partition partition[GDI_PARTITIONS];
};

/* A pair's group, the first WORDS of its key: they are copied to *own where the
 * value is in them. */
static inline const uint64_t *
gdi_pair_group(const struct gdi_set *set, unsigned v, const uint64_t *pair,
    unsigned words, uint64_t own[GDI_KEY_MAX])
{
	if (!set->inside[v])
		return pair;
	memcpy(own, pair, words * sizeof(*own));
	own[words - 1] &= (UINT64_C(1) << set->shift[v]) - 1;
	return own;
}

/* The number of a block among all: its start / GP_SLOT_S, in as many bits as
 * keys have for it. */
#define GDI_SLOT_BITS 24 /* up to 2106 */
static inline uint64_t
gdi_slot_of(int64_t slot_s)
{
	return (uint64_t)slot_s / (uint64_t)GP_SLOT_S & ((1u << GDI_SLOT_BITS) - 1);
}

/* A key's block. */
static inline uint64_t
gdi_layout_slot(const struct gdi_layout *t, const uint64_t *entry)
{
	return entry[t->slot_word] >> t->slot_shift &
	    ((1u << GDI_SLOT_BITS) - 1);
}

struct gdi_group {
	struct gp_hash_key hash;
	bool addresses; /* version 1 is IPv6; else all are version 0 */
	bool host;      /* rows stand under both ends */
	uint8_t host_drop4, host_drop6;
	struct gdi_layout layout[2];
	uint32_t columns;
	uint8_t extra_at[GODB_N_EXTRAS]; /* after the key; 0: not kept */
	struct gdi_set *set;
	unsigned n_sets;
	struct gdi_best best;   /* which groups will be wanted */
	struct gdi_best best_counted; /* if distinct counts come with groups */
	uint64_t earliest;      /* so many, if rows come by cells; else 0 */
	bool whole_rows;        /* keys tell all rows of a cell apart */
	bool cells;             /* see gdi_feed_begin_cell */
	const struct gdi_by_range *by_range; /* or NULL: by hashes */
	const struct gdi_field *lead[2];     /* of these */
	_Atomic unsigned n_feeds;
	atomic_bool spilled;    /* some feed filled its table */
	atomic_bool crowded;    /* see gdi_group_is_crowded */
	pthread_mutex_t bin_lock;
	int64_t (*bin)(void *arg, int64_t slot_s);
	void *bin_arg;
	int (*stop)(void *arg, unsigned thread);
	void *stop_arg;
	uint64_t totals[GDI_N_COUNTERS_KEPT];
	struct gdi_arena arena;
	/* after gdi_group_finish: tables that are not empty, IPv4 first */
	struct gdi_group_part {
		uint32_t first;
		bool v6;
		const struct gdi_table *table;
	} *part;
	unsigned n_parts;
	uint32_t n;
	uint64_t n_found; /* those that were not kept, too */
	struct gdi_top *top; /* one a thread: what was kept */
	unsigned n_tops;
};

/* Sums by a key of few bits: ports, protocols, applications. */
struct gdi_small {
	uint32_t places; /* 0: not that kind of key, or too many protocols */
	enum godb_column wide; /* the column of 16 bits, or GODB_N_COLUMNS */
	bool proto;
	bool rows; /* are counted, behind the counters */
	uint8_t code[256]; /* of a protocol */
	unsigned n_codes;
	uint32_t *place; /* 1 + the entry's number; NULL: none yet */
	uint64_t *entry; /* key and numbers, one behind the other */
	uint32_t n, room;
	unsigned words; /* of an entry */
	uint64_t worst; /* no sum is larger */
};

/* What a feed keeps for one set and version. */
struct gdi_side {
	struct gdi_table local;
	struct gdi_spill spill;
	uint64_t records; /* into local since it was empty, or put aside */
	bool direct;
	size_t most;  /* bytes that may be put aside; 0: not said yet */
	bool drained; /* some of that is in the partitions' tables */
	struct gdi_kept *kept; /* of local, at the end; or NULL */
};

/* Numbers of a table's entries by partition. */
struct gdi_kept {
	uint32_t begin[GDI_PARTITIONS + 1], entry[];
};

/* Of a record: hash, key, numbers. */
static inline size_t
gdi_record_words(const struct gdi_side *d)
{
	return 1 + d->local.words;
}

/* ---- the best (top.c) ---------------------------------------------------- */

/*
 * Entries that can be among the first `limit`, of all that are offered: none
 * of those is missing, but there may be some more.  With no limit, all.
 */
struct gdi_top {
	const struct gdi_group *g;
	unsigned at[2]; /* of the numbers, those that make the value */
	bool sum;       /* both of them */
	uint64_t *value; /* heap of the best so far, the worst first */
	size_t n;
	struct gdi_table kept[2]; /* by version */
	uint32_t settle_at[2];    /* entries at which kept ones are looked at */
};
int gdi_top_init(struct gdi_top *t, struct gdi_group *g);
void gdi_top_free(struct gdi_top *t, struct gdi_group *g);
int gdi_top_offer(struct gdi_top *t, struct gdi_arena *a, unsigned v,
    const struct gdi_table *from);
int gdi_top_offer_entry(struct gdi_top *t, struct gdi_arena *a, unsigned v,
    const uint64_t *entry);
/* Whether entries of a block or bin can be among the best. */
bool gdi_top_wants_slot(const struct gdi_top *t, uint64_t slot);
/* Whether an entry can be among the best none of whose counters is larger: of
 * those that gdi_top_counters tells (GODB_COL bits; 0: they do not matter). */
uint32_t gdi_top_counters(const struct gdi_top *t);
bool gdi_top_wants_largest(const struct gdi_top *t, uint64_t largest);
/* Whether there are so many that counters tell which rows can be among them;
 * and those of a batch, each a group: how many.  sel may be the batch's. */
bool gdi_top_compares(const struct gdi_top *t);
size_t gdi_top_pick(const struct gdi_top *t, const struct gdi_rows_batch *b,
    uint32_t *sel);
/* Drops what is out of the question by now. */
void gdi_top_settle(struct gdi_top *t);

/* ---- feeds --------------------------------------------------------------- */

/* A cell that is being added (cell.c). */
struct gdi_cell {
	bool open;   /* top is in use */
	bool unique; /* each row is a group */
	bool wanted; /* by its time */
	bool picked; /* the next rows are counted already */
	uint64_t n_found;
	struct gdi_top top;
};

struct gdi_feed {
	struct gdi_group *g;
	struct gdi_side side[GDI_N_SETS][2];
	struct gdi_small small;
	struct gdi_cell cell;
	uint64_t largest; /* see gdi_feed_expect */
	uint64_t totals[GDI_N_COUNTERS_KEPT]; /* of host, and of cells */
	uint64_t keys[GDI_BATCH * GDI_KEY_MAX]; /* of a batch */
	uint64_t records[GDI_BATCH * GDI_RECORD_MAX]; /* hash, key, numbers */
};

/* Hashes n records and adds them to a table that has room. */
void gdi_feed_add_records(const struct gdi_feed *f, struct gdi_table *t,
    uint64_t *records, size_t n);

/* ---- what is put aside (aside.c) ----------------------------------------- */

/* Puts n hashed records aside. */
int gdi_aside_put(struct gdi_feed *f, unsigned s, unsigned v, uint64_t *r,
    size_t n);
/* All entries of a side's table, which is empty then. */
int gdi_aside_spill(struct gdi_feed *f, unsigned s, unsigned v);
/* At the end: a side's entries stay where they are, and are found by partition.
 * GODB_EMEMORY: their memory is wanted. */
int gdi_aside_keep(struct gdi_feed *f, unsigned s, unsigned v);
/* The opposite; the table is left alone. */
void gdi_aside_unkeep(struct gdi_feed *f, unsigned s, unsigned v);
/* Adds what a feed has put aside or kept of a partition to a table; records is
 * room for a batch.  Only reads the feed: at the end threads do it side by
 * side. */
int gdi_aside_drain(const struct gdi_feed *f, unsigned set, unsigned v,
    unsigned partition, struct gdi_table *t, uint64_t *records);

static inline void
gdi_add_numbers(uint64_t *to, const uint64_t *from, unsigned n)
{
	for (unsigned k = 0; k < n; k++)
		to[k] = gdi_add(to[k], from[k]);
}

static inline void
gdi_add_counters(uint64_t to[GDI_N_COUNTERS_KEPT], const struct godb_columns *c,
    uint32_t row)
{
	for (unsigned k = 0; k < GDI_N_COUNTERS_KEPT; k++)
		to[k] = gdi_add(to[k], c->counter[k][row]);
}

/* The counters of all entries to the totals. */
void gdi_sum_entries(uint64_t totals[GDI_N_COUNTERS_KEPT],
    const struct gdi_table *t);

/* The first n of the feed's records, but for their hashes, to its groups; of
 * version 0. */
int gdi_feed_put(struct gdi_feed *f, size_t n);
/* Forgets IPv4's groups, which were finished; IPv6's get their memory. */
void gdi_feed_drop4(struct gdi_feed *f);

/* ---- small keys (feed_small.c) */

/* Whether keys are ports, applications or protocols: one of 16 bits, and
 * protocols beside it. */
void gdi_small_init(struct gdi_small *s, const struct gdi_group *g);
void gdi_small_free(struct gdi_feed *f);
/* Rows by a small key, as many of them as can be: those before *done.  What
 * pairs they are in is the caller's. */
int gdi_small_add(struct gdi_feed *f, const struct godb_columns *c,
    const uint32_t *sel, size_t n, size_t *done);
/* Hands the entries on as records. */
int gdi_small_end(struct gdi_feed *f);

/* ---- cells (cell.c) */

/* Whether the rows to come are groups of the cell of which none is wanted. */
static inline bool
gdi_cell_is_counted(const struct gdi_feed *f)
{
	return f->cell.unique && (!f->cell.wanted ||
	    !gdi_top_wants_largest(&f->cell.top, f->largest));
}

/* n rows of a cell, each a group, by their sums. */
void gdi_cell_count(struct gdi_feed *f,
    const uint64_t sums[GDI_N_COUNTERS_KEPT], uint64_t n);
/* Records that are groups of a cell. */
int gdi_cell_take(struct gdi_feed *f, unsigned v, const uint64_t *records,
    size_t n);
void gdi_cell_free(struct gdi_feed *f);

#endif
