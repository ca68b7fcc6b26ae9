/*
 * Unpacking: whatever the CPU chose equals the plain loop, which equals what
 * FORMAT.md says, bit by bit, for every width, length and element.
 */
#include "common/godb/unpack.h"

#include <stdlib.h>
#include <string.h>

#include "common/godb/encode.h"
#include "tests/tap.h"

#define N_MAX 200

/* Bit b of number i is bit i * w + b of the bytes. */
static uint64_t
slow(const uint8_t *p, unsigned width, size_t i)
{
	uint64_t v = 0;

	for (unsigned b = 0; b < width; b++) {
		size_t k = i * width + b;

		v |= (uint64_t)(p[k / 8] >> (k % 8) & 1) << b;
	}
	return v;
}

/* The input ends as exactly as it may, so that a sanitizer sees more. */
#define DEFINE_CHECK(BITS)                                                   \
	static unsigned check_##BITS(uint64_t *seed, unsigned width, size_t n) \
	{                                                                    \
		size_t bytes = (n * width + 7) / 8 + GDI_SLACK;              \
		uint##BITS##_t base = (uint##BITS##_t)tap_random(seed);      \
		uint##BITS##_t *fast = malloc(n * sizeof(*fast));            \
		uint##BITS##_t *plain = malloc(n * sizeof(*plain));          \
		uint8_t *in = malloc(bytes);                                 \
		unsigned wrong = 0;                                          \
                                                                             \
		for (size_t i = 0; i < bytes; i++)                           \
			in[i] = (uint8_t)tap_random(seed);                   \
		gdi_unpack##BITS(in, width, base, n, fast);                  \
		gdi_unpack##BITS##_plain(in, width, base, n, plain);         \
		for (size_t i = 0; i < n; i++)                               \
			wrong += plain[i] !=                                 \
				(uint##BITS##_t)(base + slow(in, width, i)) || \
			    fast[i] != plain[i];                             \
		free(fast);                                                  \
		free(plain);                                                 \
		free(in);                                                    \
		return wrong;                                                \
	}

DEFINE_CHECK(8)
DEFINE_CHECK(16)
DEFINE_CHECK(32)
DEFINE_CHECK(64)

/* Dictionaries of every size around those that a shuffle serves. */
static unsigned
check_lookup(uint64_t *seed, size_t n_values, size_t n)
{
	size_t room = n_values < GDI_LOOKUP_FEW ? GDI_LOOKUP_FEW : n_values;
	uint8_t *value8 = malloc(room), *a8 = malloc(n), *b8 = malloc(n);
	uint16_t *value16 = malloc(room * 2);
	uint16_t *a16 = malloc(n * 2), *b16 = malloc(n * 2);
	unsigned wrong = 0;

	for (size_t i = 0; i < room; i++) {
		value8[i] = (uint8_t)tap_random(seed);
		value16[i] = (uint16_t)tap_random(seed);
	}
	for (size_t i = 0; i < n; i++) {
		a8[i] = b8[i] = (uint8_t)(tap_random(seed) % n_values);
		a16[i] = b16[i] = (uint16_t)(tap_random(seed) % n_values);
	}
	gdi_lookup8(value8, n_values, n, a8);
	gdi_lookup8_plain(value8, n, b8);
	gdi_lookup16(value16, n_values, n, a16);
	gdi_lookup16_plain(value16, n, b16);
	wrong += memcmp(a8, b8, n) != 0;
	wrong += memcmp(a16, b16, n * 2) != 0;
	free(value8);
	free(value16);
	free(a8);
	free(b8);
	free(a16);
	free(b16);
	return wrong;
}

/* Maps of every kind: few steps, many, at every row.  No more values than the
 * map names are there, and what may be read behind them is poison. */
static unsigned
check_steps(uint64_t *seed, size_t n, unsigned kind)
{
	uint8_t *map = calloc((n + 7) / 8, 1);
	uint32_t *value, *fast = malloc(n * sizeof(*fast));
	uint32_t *plain = malloc(n * sizeof(*plain));
	size_t steps = 0, at = 0;
	unsigned wrong = 0;

	for (size_t i = 0; i < n; i++)
		if (kind == 0 ? tap_random(seed) % 9 == 0 :
			kind == 1 ? tap_random(seed) % 2 : true) {
			map[i / 8] |= (uint8_t)(1u << (i % 8));
			steps++;
		}
	value = malloc((steps + 1 + GDI_STEP_SLACK) * sizeof(*value));
	for (size_t i = 0; i < steps + 1 + GDI_STEP_SLACK; i++)
		value[i] = i <= steps ? (uint32_t)i * 0x9e3779b9u : UINT32_MAX;
	gdi_steps32(map, value, n, fast);
	gdi_steps32_plain(map, value, n, plain);
	for (size_t i = 0; i < n; i++) {
		at += map[i / 8] >> (i % 8) & 1;
		wrong += plain[i] != value[at] || fast[i] != plain[i];
	}
	free(map);
	free(value);
	free(fast);
	free(plain);
	return wrong;
}

int
main(void)
{
	uint64_t seed = tap_seed(20261124);
	unsigned few = 0, steps = 0;
	unsigned wrong[4] = {0};

	for (unsigned width = 0; width <= 64; width++) {
		for (size_t n = 1; n <= N_MAX; n += n < 40 ? 1 : 23) {
			if (width > 56 && width != 64)
				continue;
			if (width <= 8)
				wrong[0] += check_8(&seed, width, n);
			if (width <= 16)
				wrong[1] += check_16(&seed, width, n);
			if (width <= 32)
				wrong[2] += check_32(&seed, width, n);
			wrong[3] += check_64(&seed, width, n);
		}
	}
	is_int(wrong[0], 0, "8 bits: as chosen, plain and bit by bit agree");
	is_int(wrong[1], 0, "16 bits");
	is_int(wrong[2], 0, "32 bits");
	is_int(wrong[3], 0, "64 bits");
	for (size_t n_values = 1; n_values <= 40; n_values++)
		for (size_t n = 1; n <= N_MAX; n += n < 40 ? 1 : 23)
			few += check_lookup(&seed, n_values, n);
	is_int(few, 0, "codes to values as plainly");
	for (unsigned kind = 0; kind < 3; kind++)
		for (size_t n = 1; n <= N_MAX; n++)
			steps += check_steps(&seed, n, kind);
	is_int(steps, 0, "steps to values as plainly, and bit by bit");
	return tap_done();
}
