/*
 * text - a string that grows, and values in ClickHouse's SQL.
 *
 * The first failed allocation is kept; what comes after it is left out.
 */
#ifndef REMOTE_TEXT_H
#define REMOTE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *s; /* NUL-terminated once anything was added; free */
	size_t len, room;
	bool failed;
};

void text_add(struct text *t, const char *s);
void text_fmt(struct text *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3))); /* at most 511 bytes */
void text_free(struct text *t);

/* A string literal, of which only letters, digits and some signs stand as
 * they are: nothing in it can end it. */
void text_literal(struct text *t, const char *value);

/* How things join: " AND ", ", ".  Adds it but before the first. */
void text_join(struct text *t, const char *joint, bool *more);

#endif
