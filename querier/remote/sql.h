/*
 * sql - conditions, keys and bins as ClickHouse's SQL.
 *
 * The same trees that libgodb filters by (common/godb/cond.h), so that a
 * question means the same on either side.  Every value is a number that was
 * one before, or a literal of text.h; no text that anybody typed comes into a
 * statement in another way.
 */
#ifndef REMOTE_SQL_H
#define REMOTE_SQL_H

#include "common/godb/cond.h"
#include "querier/remote/text.h"

/* Application names that the answer may be about: which of them a condition
 * means is decided here, not by the server. */
struct sql_names {
	const char *const *label;
	const char *const *category; /* of it */
	size_t n;
};

/* What the attributes of a condition are called where it stands. */
struct sql_place {
	bool groups; /* in HAVING: version, dport, ... are keys */
	/* FixedString(16) or a string of 16 bytes; of groups NULL when there
	 * is no such key */
	const char *sip, *dip;
	const char *host; /* of groups by host: instead of both */
	const char *metric[GODB_N_METRICS];
	const struct sql_names *names;
};

/* cond as an expression that is 0 or 1; "1" for every row. */
void sql_cond(struct text *t, const struct godb_cond *cond,
    const struct sql_place *place);

/* Whether `addr` is in the leaf's ranges of IPv4 and IPv6. */
void sql_in(struct text *t, const struct gdi_node *leaf, const char *addr);

/*
 * What an address is without its lowest `drop` bits (0 to 128): masks for
 * reinterpretAsUInt64() of its first and its last 8 bytes.
 */
void sql_masks(unsigned drop, uint64_t *high, uint64_t *low);

/* Whether it asks for application names or categories. */
bool sql_cond_has_names(const struct godb_cond *cond);
/* Whether a name of the condition is a label, or its category. */
bool sql_name_matches(const struct gdi_node *leaf, const char *asked,
    const char *label, const char *category);

/*
 * Start of the bin of a block that starts at `time` (UInt32), for blocks from
 * first_s to last_s: what `bin` says of each, in as few pieces as it has.
 */
void sql_bin(struct text *t, const char *time,
    int64_t (*bin)(void *arg, int64_t slot_s), void *arg, int64_t first_s,
    int64_t last_s);

/*
 * The sum of a column (UInt64), where `condition` holds if there is one.
 * Exact: it stays at SQL_MOST where it is more; otherwise it wraps, for less.
 */
#define SQL_MOST "18446744073709551615"
void sql_sum(struct text *t, const char *column, const char *condition,
    bool exact);

/* Place of a protocol's name among all names: proto is ordered by it. */
void sql_proto_rank(struct text *t, const char *proto);

#endif
