/*
 * tap.h - the whole test framework: a test is a program that prints TAP
 * (https://testanything.org/tap-version-13-specification.html) for prove(1).
 *
 * Checks count and go on; nothing jumps, so a check is safe across fork, mmap
 * and seccomp.  End main with `return tap_done();`.
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 4, 5), unused)) static bool
tap_report(bool ok, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", ok ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (!ok) {
		tap_failed++;
		printf("# failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return ok;
}

/* ok(condition, "what", ...) */
#define ok(cond, ...) tap_report(!!(cond), __FILE__, __LINE__, __VA_ARGS__)

/* is_int(got, expected, "what"): prints both when they differ. */
#define is_int(got, want, ...)                                              \
	do {                                                                \
		int64_t tap_g = (int64_t)(got), tap_w = (int64_t)(want);    \
		if (!ok(tap_g == tap_w, __VA_ARGS__))                       \
			printf("#      got: %" PRId64                       \
			       "\n# expected: %" PRId64 "\n", tap_g, tap_w); \
	} while (0)

#define is_str(got, want, ...)                                              \
	do {                                                                \
		const char *tap_g = (got), *tap_w = (want);                 \
		if (!ok(tap_g && tap_w && strcmp(tap_g, tap_w) == 0,        \
			__VA_ARGS__))                                       \
			printf("#      got: %s\n# expected: %s\n",           \
			    tap_g ? tap_g : "(null)",                       \
			    tap_w ? tap_w : "(null)");                      \
	} while (0)

#define skip_all(...)                        \
	do {                                 \
		printf("1..0 # SKIP ");      \
		printf(__VA_ARGS__);         \
		printf("\n");                \
		exit(0);                     \
	} while (0)

#define diag(...)                      \
	do {                           \
		printf("# ");          \
		printf(__VA_ARGS__);   \
		printf("\n");          \
	} while (0)

/* Of a loop's cases every one is run, but every nth beside a sanitizer, which
 * takes many times as long; with LONG set (make check-long) all are then, too. */
__attribute__((unused)) static unsigned
tap_stride(unsigned n)
{
#ifdef GP_SANITIZED
	return getenv("LONG") ? 1 : n;
#else
	(void)n;
	return 1;
#endif
}

/* Seed of a random test: TEST_SEED if set; always printed. */
__attribute__((unused)) static uint64_t
tap_seed(uint64_t fallback)
{
	const char *text = getenv("TEST_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : fallback;

	printf("# TEST_SEED=%" PRIu64 "\n", seed);
	return seed;
}

/* xorshift64*: the same sequence everywhere. */
__attribute__((unused)) static uint64_t
tap_random(uint64_t *state)
{
	uint64_t x = *state ? *state : 1;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * UINT64_C(0x2545f4914f6cdd1d);
}

__attribute__((unused)) static int
tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed ? 1 : 0;
}

#endif
