/*
 * compact - reads ClickHouse's answers: FORMAT JSONCompact, as it comes in.
 *
 * The whole is checked: what is no such object, ends too early or has more
 * behind its end, rows of another width, another count of rows than it says.
 * A server that fails half-way writes its error into the answer: that is no
 * JSON, or JSON with an "exception", which is no answer either.  Only scalars
 * stand in rows, and what they are is for the caller to check, with
 * compact_u64() and the like: foreign text and addresses are asked for in
 * hexadecimal digits.
 */
#ifndef REMOTE_COMPACT_H
#define REMOTE_COMPACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMPACT_COLUMNS_MAX 40
#define COMPACT_ROW_MAX     8192 /* bytes of all its fields */
#define COMPACT_DEPTH_MAX   6

struct compact_row {
	size_t n;
	uint16_t at[COMPACT_COLUMNS_MAX], len[COMPACT_COLUMNS_MAX];
	size_t used;
	char bytes[COMPACT_ROW_MAX]; /* each field NUL-terminated */
};

struct compact {
	/* the caller's */
	size_t n_columns;
	int (*row)(void *arg, const struct compact_row *row); /* 0 or an error,
							       * which ends it */
	void *arg;
	/* when compact_end() was fine */
	bool has_totals;
	struct compact_row totals;
	uint64_t rows;          /* that came */
	uint64_t before_limit;  /* rows there would be without LIMIT */
	uint64_t rows_read, bytes_read; /* by the server */
	/* own */
	struct compact_row now;
	uint64_t rows_said;
	char key[40], word[40];
	size_t word_len;
	unsigned depth, state, section, code, code_len;
	char open[COMPACT_DEPTH_MAX];
	bool in_key, has_rows, has_data;
	int rc;
};

void compact_begin(struct compact *c, size_t n_columns,
    int (*row)(void *arg, const struct compact_row *row), void *arg);
/* 0; what `row` said; -EPROTO: no such answer.  The same for ever after. */
int compact_feed(struct compact *c, const char *data, size_t len);
int compact_end(struct compact *c);

/* ---- fields; false: it is none ------------------------------------------- */

bool compact_u64(const struct compact_row *r, size_t i, uint64_t max,
    uint64_t *out);
bool compact_i64(const struct compact_row *r, size_t i, int64_t *out);
/* Hexadecimal digits to bytes, at most `size` of them; *len gets how many. */
bool compact_bytes(const struct compact_row *r, size_t i, uint8_t *out,
    size_t size, size_t *len);
/* The same to a string without NULs, of at most size - 1 bytes. */
bool compact_string(const struct compact_row *r, size_t i, char *out,
    size_t size);
/* The same of what somebody may have made too long, or with a NUL: then the
 * string is cut there, and *fits false.  At most `size` bytes are to come. */
bool compact_cut(const struct compact_row *r, size_t i, char *out, size_t size,
    bool *fits);

#endif
