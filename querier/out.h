/*
 * out - the answer's way to stdout: one buffer, text made harmless, the first
 * error kept.
 */
#ifndef OUT_H
#define OUT_H

#include <stddef.h>
#include <stdint.h>

struct out {
	int fd;
	int error; /* errno of the first failed write, then nothing is written */
	size_t len;
	char buf[64 * 1024];
};

void out_init(struct out *o, int fd);
void out_bytes(struct out *o, const char *s, size_t len);
void out_str(struct out *o, const char *s);
void out_char(struct out *o, char c);
void out_u64(struct out *o, uint64_t v);
#define OUT_U64_MAX 21 /* digits and a NUL */
size_t out_u64_string(char to[OUT_U64_MAX], uint64_t v); /* without the NUL */
void out_fmt(struct out *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3))); /* at most 511 bytes */

/* Foreign text for a terminal: control characters and bytes that are no
 * UTF-8 come out as \xNN. */
void out_clean(struct out *o, const char *s);
/* The same into a string of at most size - 1 bytes. */
void out_clean_string(char *to, size_t size, const char *s);

/* Columns of text that is clean: a character has one, in whatever script. */
size_t out_columns(const char *s);

/* A JSON string with its quotes; what is no UTF-8 becomes U+FFFD. */
void out_json(struct out *o, const char *s);
/* A CSV field, quoted when it must be (RFC 4180), controls as in out_clean. */
void out_csv(struct out *o, const char *s);
/* The same for a part of a field whose quotes the caller writes. */
void out_csv_quoted(struct out *o, const char *s);
/* Text of an HTML element or attribute, controls as in out_clean. */
void out_html(struct out *o, const char *s);

/* Writes what is left.  0 or the -errno of the first failure. */
int out_flush(struct out *o);

#endif
