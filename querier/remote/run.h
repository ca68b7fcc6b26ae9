/*
 * run - a query under way, and the result that becomes of it: what these files
 * share.
 *
 *   rows.c       asks, takes the rows of answers
 *   statement.c  what is asked, in SQL
 *   labels.c     applications that the window has
 *   shipped.c    rows that no sensor ships
 *   result.c     rows that are kept
 */
#ifndef REMOTE_RUN_H
#define REMOTE_RUN_H

#include <errno.h>

#include "querier/remote/engine.h"
#include "querier/remote/sql.h"

#define N_COUNTERS 4
#define LABEL_MAX  256 /* of an application or category, with its NUL */

/* What rows.c says of a row that no sensor ships. */
#define RUN_STRANGE (-EBADMSG)

/* An application that rows of the window have. */
struct label {
	char *name, *category;
};

struct labels {
	struct label *label;
	size_t n, room;
	struct sql_names list; /* of the same texts */
};

/* A row as it is kept; texts are numbers of strings. */
struct kept {
	uint32_t time_s, site, iface, l7, category;
	uint16_t dport;
	uint8_t proto, version;
	struct godb_addr6 sip, dip;
	uint64_t counter[N_COUNTERS];
	uint64_t extra[GODB_N_EXTRAS];
};

/* Texts that rows share, by number. */
struct strings {
	void *tree; /* tsearch(3), owns them */
	const char **text;
	size_t n, room;
	size_t bytes; /* about what they take */
};

struct unknown_name {
	const char *name; /* the condition's */
	char *near_name;  /* that rows have, NULL: none is like it */
	bool category;
};

struct godb_result {
	const struct godb_scan *scan;
	struct kept **chunk;
	size_t n_rows, n_hits, n_groups;
	struct strings strings;
	uint64_t totals[N_COUNTERS];
	struct unknown_name *unknown;
	size_t n_unknown;
	struct godb_fault *fault; /* where rows were left out */
	size_t n_faults;
	struct godb_result_stats stats;
};

/* What a run needs and a result does not. */
struct run {
	const struct godb_scan *scan;
	const struct godb_query_opts *opts;
	struct godb_result *result;
	struct labels labels;
	uint32_t metrics; /* extras that somebody asks for */
	bool host;        /* a row counts under both ends */
	bool choosy;      /* rows that no sensor ships are left out */
	bool exact;       /* sums stay at the largest number */
	struct text bin;  /* of time */
	uint64_t guard;   /* of the totals: sums may have wrapped from
			   * GUARD_MAX on */
	uint64_t share_total; /* what the share is of */
	uint64_t asked_limit; /* rows, 0: all */
};

static inline bool
run_has(const struct run *run, enum godb_key k)
{
	return godb_keys_has(&run->opts->keys, k);
}

/* ---- statement.c */

/* Sets run->bin. */
void statement_bin(struct run *run);
/* The groups' rows, with totals.  How many columns a row has, of which the
 * first *n_keys are keys. */
size_t statement_rows(struct text *t, const struct run *run, size_t *n_keys);
/* How many groups there are before --having chooses. */
void statement_groups(struct text *t, const struct run *run);

/* ---- labels.c */

/* Where a condition has names, what they may stand for, and into the result
 * those that stand for nothing.  0, -EPROTO, or as remote_ask(). */
int labels_ask(struct run *run);
void labels_free(struct labels *x);

/* ---- shipped.c */

/* " AND " and that a row of flows is one that a sensor may ship, or that it is
 * none. */
void shipped_put(struct text *t, bool shipped);
/* Tells how many rows of the window are none, and notes where as faults.
 * 0, -EPROTO, or as remote_ask(). */
int shipped_ask(struct run *run);

/* ---- result.c */

/* The text's number among the result's.  0, -ENOMEM. */
int result_intern(struct strings *x, const char *text, uint32_t *out);
/* One more row, all zero.  0, -ENOMEM, GODB_EMEMORY. */
int result_new_row(struct godb_result *r, struct kept **out);
const struct kept *result_row_at(const struct godb_result *r, size_t i);
/* Keeps the first n. */
void result_cut(struct godb_result *r, size_t n);
void result_drop_rows(struct godb_result *r);

#endif
