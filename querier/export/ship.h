/*
 * ship - brings committed records of a store to ClickHouse, each exactly once.
 *
 * An attempt is a random id and some records of one interface and day.  Their
 * rows go out, each with its record's id and the attempt's; the server is
 * asked whether it has them all; then the pairs (record, attempt) go to the
 * table of blocks, and what queries count is only what stands there.  An
 * attempt that fails on the way is given up, and the records get a new one: an
 * insert that a server finishes hours later belongs to an attempt that nobody
 * will commit.  A commit whose fate is unknown is sent again, the same.  So
 * the ledger on disk has the attempt before the first row and before the
 * commit, and the records after it.
 */
#ifndef EXPORT_SHIP_H
#define EXPORT_SHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/godb/godb.h"
#include "querier/export/http.h"
#include "querier/export/ledger.h"

#define SHIP_ERROR_MAX (HTTP_ERROR_MAX + 160)

struct ship_counts {
	uint64_t records, rows;   /* committed at the server */
	uint64_t bytes;           /* sent, compressed, all attempts */
	uint64_t attempts, given_up;
	uint64_t unreadable;      /* records that the store cannot give, and
				   * places of indexes */
	uint64_t gone;            /* records that retention took before */
	uint64_t hours;           /* committed at the server */
};

/* Rows of an insert never become fewer than this for a slow server. */
#define SHIP_BATCH_LEAST 100

struct ship {
	struct http *http;        /* borrowed, as all pointers here */
	struct ledger *ledger;
	struct godb_reader *reader;
	const char *site, *database;
	uint32_t batch_rows;      /* of an insert, at most */
	uint32_t batch_now;       /* fewer while the server is in trouble with
				   * so many; begins at batch_rows */
	unsigned batch_fine;      /* attempts in a row that went well so */
	int64_t first_s;          /* days before it the server would not keep;
				   * server_check() asks */
	bool told_first;          /* the log has that there are such */
	bool told_ledger;         /* the log has that a file of it stays */
	bool hourly;              /* sums of hours, too: hours.h */
	const volatile sig_atomic_t *stop;
	void (*progress)(void *arg); /* after each commit; may be NULL */
	void *progress_arg;
	struct ship_counts counts;
};

/* Ends what an earlier run left: commits its attempt, or gives it up, and its
 * records get another. */
int ship_resume(struct ship *s, char error[SHIP_ERROR_MAX]);

/* Of a day, as long as the exporter runs; begins at zero. */
struct ship_known {
	bool asked; /* the server, what it has: the ledger may know less */
	bool told;  /* the log has what cannot be read of it */
};

/*
 * Ships what a day has and the server has not.  `index_mark` is of the index
 * (pass.h), as it was seen before.  0; -1 with error: try again later;
 * SHIP_STORE with error: this day cannot be read, or not all of it, others may;
 * the log has that once.  SHIP_GONE: there is nothing of it any more.
 */
#define SHIP_STORE (-2)
#define SHIP_GONE  (-3)
int ship_day(struct ship *s, const char *iface, int64_t day_s,
    uint64_t index_mark, struct ship_known *known,
    char error[SHIP_ERROR_MAX]);

/* Records of the day that are still to be shipped, rows too, and the start of
 * the oldest; -1 when the day cannot be read. */
int ship_pending(struct ship *s, const char *iface, int64_t day_s,
    uint64_t index_mark, uint64_t *records, uint64_t *rows,
    int64_t *oldest_s);

/* Whether the ledger has all of the day. */
bool ship_whole(struct ship *s, const char *iface, int64_t day_s,
    uint64_t index_mark);

/* The store has the day no longer, so neither has the ledger, and an attempt on
 * it is given up. */
void ship_forget(struct ship *s, const char *iface, int64_t day_s);

/* Rows of inserts become half as many, unless what the server said tells that
 * they should not; or more again, after many attempts. */
void ship_smaller(struct ship *s, const char *why);
void ship_larger(struct ship *s);

#endif
