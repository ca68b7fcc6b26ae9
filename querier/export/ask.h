/*
 * ask - small questions about one interface and day to the server.
 */
#ifndef EXPORT_ASK_H
#define EXPORT_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "querier/export/ship.h"

#define ASK_SQL_MAX 4096

/* Distributed tables answer when every shard has the rows; others ignore it.
 * One block an insert, so that it is one part and not several. */
#define ASK_INSERT_PARAMS \
	"insert_distributed_sync=1&max_insert_block_size=1048576"

/* A part of an answer is none: what a profile lets end early, or leave out, must
 * not look like rows that are not there.  18.16 has all of these. */
#define ASK_WHOLE_PARAMS \
	"skip_unavailable_shards=0&read_overflow_mode=throw&" \
	"group_by_overflow_mode=throw&distinct_overflow_mode=throw&" \
	"result_overflow_mode=throw&timeout_overflow_mode=throw"

/* WHERE of everything that concerns a day of an interface. */
void ask_where(char to[ASK_SQL_MAX / 2], const struct ship *s,
    const char *iface, int64_t day_s);

/* The answer is text->data, the caller's (free); NULL for an empty one. */
enum http_result ask_text(struct ship *s, const char *sql,
    struct http_text *text, char error[HTTP_ERROR_MAX]);
/* A number alone on its line, or the answer is none. */
enum http_result ask_number(struct ship *s, const char *sql, uint64_t *out,
    char error[HTTP_ERROR_MAX]);

/* Rows of an attempt, of these times alone, so that the server does not look
 * through the whole day. */
struct ask_rows {
	const char *table, *what; /* what is counted */
	const char *iface;
	int64_t day_s, first_s, last_s;
	const uint8_t *attempt;
	bool seen; /* it has had them before: replicas need no time */
};

/*
 * Whether the server has so many.  What answered to the insert may be a proxy,
 * a wall, or half a cluster: the rows themselves are the proof.  Waits a little
 * for replicas.  0; ASK_DIFFERS with error when it answers and has not; -1 with
 * error.
 */
#define ASK_DIFFERS (-2)
int ask_whether(struct ship *s, const struct ask_rows *r, uint64_t rows,
    char error[HTTP_ERROR_MAX]);

/* Adds to the ledger what a table of commits has and it lacks.  0; -1 with
 * error. */
int ask_commits(struct ship *s, const char *table, struct ledger_day *day,
    char error[HTTP_ERROR_MAX]);

/* As the server's hex() spells them. */
void ask_hex(char to[33], const uint8_t id[16]);

#endif
