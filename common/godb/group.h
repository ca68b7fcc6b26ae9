/*
 * group - hash aggregation in bounded memory, by several threads.
 *
 * Keys are packed to as few 64-bit words as the grouped columns need; rows
 * with IPv4 and IPv6 addresses go to tables of their own, or to one when no
 * address is grouped by.  The hash is keyed, since addresses and ports are
 * chosen by strangers.
 *
 * A group is fed through feeds, one a thread; after gdi_group_finish it is
 * immutable and can be read.
 */
#ifndef GDI_GROUP_H
#define GDI_GROUP_H

#include "common/godb/godb.h"
#include "common/godb/ranges.h"

struct gdi_group;
struct gdi_feed;
struct gdi_table;

/*
 * metrics: 1u << metric of those that only groups have.  mem_bytes: bound of
 * what the group allocates, 0: none.  bin, bin_arg: see godb_query_opts.
 * best: groups that cannot be among the first `limit` by a metric (or by time,
 * where cells are taken), whatever the order of equal ones, may be left out
 * when they are many.
 * stop: asked now and then by each thread (0 is the caller's) from
 * gdi_group_finish on, until groups are ranked; an error ends it.  NULL: nobody.
 * 0, -ENOMEM, GODB_EMEMORY, -errno.
 */
struct gdi_best {
	uint64_t limit; /* 0: all groups are wanted */
	enum godb_metric metric;
	enum godb_direction direction;
	bool ascending; /* the smallest */
	bool by_time;   /* instead of a metric: the earliest */
};
struct gdi_group_opts {
	const struct godb_keys *keys; /* borrowed for the call */
	uint32_t metrics;
	size_t mem_bytes;
	int64_t (*bin)(void *arg, int64_t slot_s);
	void *bin_arg;
	struct gdi_best best;
	int (*stop)(void *arg, unsigned thread);
	void *stop_arg;
};
int gdi_group_new(const struct gdi_group_opts *opts, struct gdi_group **out);
void gdi_group_free(struct gdi_group *g); /* accepts NULL */

/* GODB_COL bits that groups of these keys and metrics look at. */
uint32_t gdi_group_columns(const struct godb_keys *keys, uint32_t metrics);

size_t gdi_group_bytes(const struct gdi_group *g); /* allocated now */

/* Whether to go on: 0, or what `stop` says. */
int gdi_group_stop(const struct gdi_group *g, unsigned thread);

/* A feed has one owner; the group outlives it. */
int gdi_feed_new(struct gdi_group *g, struct gdi_feed **out);
void gdi_feed_free(struct gdi_feed *f); /* accepts NULL */

/*
 * None of the counters that gdi_feed_bounds names (GODB_COL bits; 0: it makes
 * no difference) is larger in the rows that are added from now on; UINT64_MAX,
 * as in the beginning: not known.  Of cells: after gdi_feed_begin_cell.
 */
uint32_t gdi_feed_bounds(const struct gdi_feed *f);
void gdi_feed_expect(struct gdi_feed *f, uint64_t largest);

/*
 * Where keys hold the time (and, of several, the interface), a group has rows
 * of one block, or bin of blocks, alone: a cell.  Then a feed can be given
 * cells whole, each between begin and end: its groups are complete after that,
 * need not be held to meet others, and are forgotten at once where only the
 * best are wanted.
 *
 * gdi_group_can_cells: whether keys are such, of a scan of so many interfaces;
 * gdi_group_take_cells: all rows will come so.  time_s: the block's, or the
 * bin's.  unique: no two rows of the cell have all five of sip, dip, dport,
 * proto and l7proto in common.
 */
bool gdi_group_can_cells(const struct gdi_group *g, size_t n_ifaces);
void gdi_group_take_cells(struct gdi_group *g);
int gdi_feed_begin_cell(struct gdi_feed *f, int64_t time_s, bool unique);
/* Behind begin: whether any of its groups can be among the earliest, where
 * these are wanted and not others. */
bool gdi_feed_wants_cell(const struct gdi_feed *f);
int gdi_feed_end_cell(struct gdi_feed *f);

/*
 * Rows of which each has another value of an address that keys hold are groups
 * already: one cell, whose rows are unique, in any number of feeds.
 *
 * gdi_group_can_rows: whether keys are such, and only the best are wanted;
 * gdi_group_take_rows: all rows will be.
 */
bool gdi_group_can_rows(const struct gdi_group *g, enum godb_key address);
void gdi_group_take_rows(struct gdi_group *g);

/*
 * Where keys hold an address, groups can come together by ranges of it instead
 * of by their hashes: then rows that are in the order of that address need not
 * be put aside, but are added at the end, a range of all of them at a time.
 *
 * gdi_group_can_ranges: whether keys are such; *lead is the address, and *mask
 * has, by version, the bits that keys have of it (of IPv6 the high half's).
 * gdi_group_take_ranges: before any row is added; r is borrowed.
 * r->feed: adds the rows of one range, by gdi_feed_range and to the tables, of
 * groups and of what is counted in them; a thread's ranges ascend, and follow
 * one another but for leaps.  Returns 0 or an error.
 */
struct gdi_by_range {
	struct gdi_ranges of[2]; /* by version */
	unsigned shares; /* leaps are worth it for so many */
	int (*feed)(void *arg, unsigned thread, unsigned version,
	    unsigned range, struct gdi_table *const *to);
	void *arg;
};
bool gdi_group_can_ranges(const struct gdi_group *g, enum godb_key *lead,
    uint64_t mask[2]);
void gdi_group_take_ranges(struct gdi_group *g, const struct gdi_by_range *r);
/* Rows as of gdi_feed_add, of one version: those of sel from number `first` on;
 * sel NULL: rows from `first` on. */
int gdi_feed_range(struct gdi_feed *f, const struct godb_part *part,
    const struct godb_columns *c, const uint32_t *sel, size_t first, size_t n,
    bool v6, struct gdi_table *const *to);

/*
 * Where keys hold addresses and only the best groups are wanted, those of IPv4
 * can be finished before those of IPv6 begin, which then find room in the
 * memory that those have taken.  It takes a second look at the blocks, so it is
 * worth it when much was put aside.
 *
 * gdi_group_can_turn: whether the group is such; gdi_group_is_crowded: whether
 * so much was put aside.  gdi_group_finish4: all rows of IPv4 were added; those
 * of IPv6 may come before and after.  Otherwise as gdi_group_finish, which is
 * called when all are in.
 */
bool gdi_group_can_turn(const struct gdi_group *g);
bool gdi_group_is_crowded(const struct gdi_group *g);
int gdi_group_finish4(struct gdi_group *g, struct gdi_feed *const *feeds,
    unsigned n, struct godb_pool *pool);

/* GODB_COL bits that the next gdi_feed_add reads, counters included; no others
 * when it is known that none of the cell's groups is wanted. */
uint32_t gdi_feed_columns(const struct gdi_feed *f);

/*
 * Adds n rows of a part, numbered by sel in ascending order; sel NULL: the
 * first n.  0, -ENOMEM, GODB_EMEMORY; after an error the group is good for
 * nothing but free.
 */
int gdi_feed_add(struct gdi_feed *f, const struct godb_part *part,
    const struct godb_columns *c, const uint32_t *sel, size_t n);

/*
 * Whether counters tell which of the next rows can be wanted: then
 * gdi_feed_pick puts the numbers of these to `picked` (room for n, may be sel)
 * and returns how many, and only they need to be added; all n are counted.
 */
bool gdi_feed_picks(const struct gdi_feed *f);
size_t gdi_feed_pick(struct gdi_feed *f, const struct godb_columns *c,
    const uint32_t *sel, size_t n, uint32_t *picked);

/* Whether sums over all rows of a part are as good as the rows; and the part's
 * n rows by their sums. */
bool gdi_feed_takes_sums(const struct gdi_feed *f);
int gdi_feed_add_sums(struct gdi_feed *f, const struct godb_part *part,
    const uint64_t sums[4], uint64_t n);

/* Makes ready for the group's end what of the feed is still its own, as far as
 * threads may do that at the same time.  The feed lives until then. */
int gdi_feed_end(struct gdi_feed *f);

/* All feeds of the group, ended; they are empty then. */
int gdi_group_finish(struct gdi_group *g, struct gdi_feed *const *feeds,
    unsigned n, struct godb_pool *pool);

/* ---- reading, after gdi_group_finish ------------------------------------ */

size_t gdi_group_count(const struct gdi_group *g);
/* Those that were left out (gdi_best), too. */
size_t gdi_group_found(const struct gdi_group *g);

/* For loops over all groups: the counters of group id, those of the next
 * group *words behind; for so many groups, at least one. */
size_t gdi_group_run(const struct gdi_group *g, uint32_t id,
    const uint64_t **counters, size_t *words);

/* Group 0 .. count-1, IPv4 first, otherwise in no order. */
struct gdi_group_key {
	uint32_t slot; /* block start / GP_SLOT_S */
	uint16_t iface;
	uint8_t version; /* 0 when no address is grouped by */
	uint8_t proto;
	uint16_t dport, l7;
	struct godb_addr6 sip, dip; /* IPv4: in lo; host in sip */
};
void gdi_group_key(const struct gdi_group *g, uint32_t id,
    struct gdi_group_key *out);
/* Marks the applications that groups have. */
void gdi_group_l7(const struct gdi_group *g, bool used[65536]);
/* Four counters, in the order of struct godb_columns; borrowed. */
const uint64_t *gdi_group_counters(const struct gdi_group *g, uint32_t id);
/* Rows and distinct counts; 0 when they were not asked for. */
uint64_t gdi_group_extra(const struct gdi_group *g, uint32_t id,
    enum godb_metric m);
/* All of them. */
void gdi_group_extras(const struct gdi_group *g, uint32_t id,
    uint64_t out[GODB_N_EXTRAS]);
/* Fetches group id into the cache, for a reading to come. */
void gdi_group_prefetch(const struct gdi_group *g, uint32_t id);
/* Whether rows stand under both ends. */
bool gdi_group_by_host(const struct gdi_group *g);
/* Sums over all rows that were added. */
void gdi_group_totals(const struct gdi_group *g, uint64_t counter[4]);

/* What a group comes to (metric.c). */
uint64_t gdi_metric_value(const struct gdi_group *g, uint32_t id,
    enum godb_metric m, enum godb_direction direction);

/* Sum that stays at the top instead of starting over. */
static inline uint64_t
gdi_add(uint64_t a, uint64_t b)
{
	uint64_t sum = a + b;

	return sum < a ? UINT64_MAX : sum;
}

#endif
