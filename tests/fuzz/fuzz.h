/*
 * fuzz - what the fuzz targets share.
 *
 * A target is a function over arbitrary bytes that must come back: no crash,
 * no sanitizer report, no leak, and none of its own checks failing.  It is
 * built twice: with libFuzzer (`make fuzz`), and into tests/fuzz/replay, which
 * runs the committed inputs in `make check`.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef FUZZ_LIBFUZZER
#define FUZZ_NAME(name) LLVMFuzzerTestOneInput
#else
#define FUZZ_NAME(name) fuzz_##name
#endif
#define FUZZ_TARGET(name)                                    \
	int FUZZ_NAME(name)(const uint8_t *data, size_t len); \
	int FUZZ_NAME(name)(const uint8_t *data, size_t len)

/* What must hold whatever the input; not assert(), which NDEBUG removes. */
#define FUZZ_CHECK(cond)                                              \
	do {                                                          \
		if (!(cond)) {                                        \
			fprintf(stderr, "%s:%d: does not hold: %s\n", \
			    __FILE__, __LINE__, #cond);               \
			abort();                                      \
		}                                                     \
	} while (0)

/* Takes n bytes off the front; zeroes where the input has ended. */
static inline void
fuzz_take(const uint8_t **data, size_t *len, void *out, size_t n)
{
	size_t have = *len < n ? *len : n;

	memset(out, 0, n);
	if (have > 0)
		memcpy(out, *data, have);
	*data += have;
	*len -= have;
}

static inline uint8_t
fuzz_byte(const uint8_t **data, size_t *len)
{
	uint8_t b;

	fuzz_take(data, len, &b, 1);
	return b;
}

/* The rest as a string of its own size, so that a read beyond its end is
 * seen; owned by the caller. */
static inline char *
fuzz_text(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);

	FUZZ_CHECK(text);
	if (len > 0)
		memcpy(text, data, len);
	text[len] = '\0';
	return text;
}

#endif
