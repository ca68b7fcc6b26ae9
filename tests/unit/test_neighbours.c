/*
 * Rows to records: whatever the CPU chose equals the plain loop, which equals
 * sums made row by row, for keys of every length, rows of which none, some or
 * all share theirs, picked or one after another, with counters up to the top.
 */
#include "common/godb/neighbours.h"

#include <stdlib.h>
#include <string.h>

#include "tests/tap.h"

#define ROWS  (GDI_BATCH + 9)
#define WORDS 8 /* of a key, at most */

struct rows {
	uint64_t keys[GDI_BATCH * WORDS], counter[4][ROWS];
	uint32_t sel[GDI_BATCH];
	struct godb_columns columns;
	struct gdi_rows_batch batch;
};

/* A key like the one before in most, half, or none of the rows; else it differs
 * in one word, whichever. */
static void
make_keys(struct rows *r, unsigned words, unsigned kind, uint64_t *seed)
{
	uint64_t key[WORDS] = {0};

	for (size_t i = 0; i < r->batch.n; i++) {
		uint64_t x = tap_random(seed);

		if (kind == 0 ? x % 9 == 0 : kind == 1 ? x % 2 : true)
			key[x / 16 % words] += UINT64_C(1) << (x / 256 % 64);
		memcpy(r->keys + i * words, key, words * sizeof(*key));
	}
}

static void
make_rows(struct rows *r, unsigned words, unsigned kind, unsigned bits,
    uint64_t *seed)
{
	uint32_t row = 0;

	for (unsigned k = 0; k < 4; k++) {
		for (size_t i = 0; i < ROWS; i++)
			r->counter[k][i] = tap_random(seed) >> (64 - bits);
		r->columns.counter[k] = r->counter[k];
	}
	r->batch = (struct gdi_rows_batch){.c = &r->columns, .keys = r->keys,
	    .n = tap_random(seed) % (GDI_BATCH + 1),
	    .first = (uint32_t)(tap_random(seed) % 9)};
	for (size_t i = 0; i < r->batch.n; i++)
		r->sel[i] = row += tap_random(seed) % 2 && row + 2 <
			ROWS - (r->batch.n - i) ? 2 : i > 0;
	if (tap_random(seed) % 2)
		r->batch.sel = r->sel;
	make_keys(r, words, kind, seed);
}

/* Row by row, each against the record before it. */
static size_t
slow(const struct rows *r, unsigned words, unsigned numbers, bool rows,
    uint64_t *out)
{
	size_t step = 1 + words + numbers, n = 0;

	for (size_t i = 0; i < r->batch.n; i++) {
		uint32_t row = r->batch.sel ? r->sel[i] :
					      r->batch.first + (uint32_t)i;
		const uint64_t *key = r->keys + i * words;
		uint64_t *to = out + (n ? n - 1 : 0) * step + 1;

		if (n == 0 || memcmp(to, key, words * sizeof(*key)) != 0) {
			to = out + n++ * step + 1;
			memcpy(to, key, words * sizeof(*key));
			memset(to + words, 0, numbers * sizeof(*to));
		}
		for (unsigned k = 0; k < 4; k++) {
			uint64_t sum = to[words + k] + r->counter[k][row];

			to[words + k] = sum < to[words + k] ? UINT64_MAX : sum;
		}
		if (rows)
			to[words + 4]++;
	}
	return n;
}

static bool
same(const uint64_t *a, const uint64_t *b, size_t n, size_t step)
{
	for (size_t i = 0; i < n; i++)
		if (memcmp(a + i * step + 1, b + i * step + 1,
			(step - 1) * sizeof(*a)) != 0)
			return false;
	return true;
}

/* Records end as exactly as they may, so that a sanitizer sees more. */
static bool
agree(const struct rows *r, unsigned words, unsigned numbers, bool rows)
{
	size_t step = 1 + words + numbers, bytes = r->batch.n * step * 8;
	uint64_t *fast = malloc(bytes + 1), *plain = malloc(bytes + 1);
	uint64_t *want = malloc(bytes + 1);
	size_t n = slow(r, words, numbers, rows, want);
	bool fine;

	fine = gdi_sum_neighbours(&r->batch, words, numbers, rows, fast) ==
		n && same(fast, want, n, step);
	fine &= gdi_sum_neighbours_plain(&r->batch, words, numbers, rows,
		plain) == n && same(plain, want, n, step);
	free(fast);
	free(plain);
	free(want);
	return fine;
}

static void
check(unsigned words, uint64_t *seed)
{
	struct rows *r = malloc(sizeof(*r));
	unsigned wrong = 0;

	for (unsigned turn = 0; turn < 4000; turn++) {
		unsigned bits[] = {1, 8, 57, 58, 63, 64};
		unsigned numbers = turn % 5 ? 4 : 4 + (unsigned)(
			tap_random(seed) % 4);
		bool rows = numbers > 4 && tap_random(seed) % 2;

		make_rows(r, words, turn % 3,
		    bits[tap_random(seed) % 6], seed);
		wrong += !agree(r, words, numbers, rows);
	}
	is_int(wrong, 0, "keys of %u words: as chosen, plain and row by row "
	    "agree", words);
	free(r);
}

int
main(void)
{
	uint64_t seed = tap_seed(20261202);

	for (unsigned words = 1; words <= WORDS; words++)
		check(words, &seed);
	return tap_done();
}
