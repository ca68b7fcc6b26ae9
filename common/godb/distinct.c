#include "common/godb/distinct.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/godb/encode.h"
#include "common/godb/sort.h"
#include "common/godb/wire.h"

void
gdi_dict_fini(struct gdi_dict *d)
{
	free(d->value);
	free(d->code);
	free(d->count);
	free(d->code_of);
	free(d->rank_of);
}

/* Values within 2^16 of each other: a table of all of them.  Which ones there
 * are cannot be foreseen, so that is no branch. */
static bool
dict_small(struct gdi_dict *d, const uint64_t *v, size_t n, uint64_t min,
    size_t range)
{
	uint32_t *seen = calloc(range + 1, sizeof(*seen));

	if (seen == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		seen[v[i] - min]++;
	for (size_t x = 0; x <= range; x++) {
		uint32_t count = seen[x];

		d->value[d->n] = min + x;
		d->count[d->n] = count;
		seen[x] = (uint32_t)d->n;
		d->n += count != 0;
	}
	d->code_of = seen;
	d->min = min;
	return true;
}

void
gdi_dict_codes(struct gdi_dict *d, const uint64_t *v, size_t n)
{
	for (size_t i = 0; d->code_of && i < n; i++)
		d->code[i] = d->code_of[v[i] - d->min];
	for (size_t i = 0; d->rank_of && i < n; i++)
		d->code[i] = d->rank_of[d->code[i]];
	free(d->code_of);
	free(d->rank_of);
	d->code_of = d->rank_of = NULL;
}

static_assert(GDI_CHUNK_ROWS <= 1u << 16, "a row's place fits 16 bits");

/* Values within 2^48: sorted with their rows' places beside them. */
static bool
dict_medium(struct gdi_dict *d, const uint64_t *v, size_t n, uint64_t min)
{
	uint64_t *s = malloc(n * sizeof(*s));

	if (s == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		s[i] = (v[i] - min) << 16 | i;
	if (gdi_sort_upper48(s, n) < 0) {
		free(s);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		bool fresh = i == 0 || s[i] >> 16 != s[i - 1] >> 16;

		d->n += fresh;
		d->value[d->n - 1] = min + (s[i] >> 16);
		d->count[d->n - 1] = fresh ? 1 : d->count[d->n - 1] + 1;
		d->code[s[i] & 0xffff] = d->n - 1;
	}
	free(s);
	return true;
}

static bool
dict_large(struct gdi_dict *d, const uint64_t *v, size_t n)
{
	struct gdi_row4 *rows = malloc(n * sizeof(*rows));
	struct gdi_row4 *s = malloc(n * sizeof(*s));
	bool done = rows != NULL && s != NULL;

	for (size_t i = 0; done && i < n; i++)
		rows[i] = (struct gdi_row4){{v[i], 0}, {(uint32_t)i}};
	if (done)
		gdi_sort_row4(rows, s, n);
	for (size_t i = 0; done && i < n; i++) {
		bool fresh = i == 0 || s[i].k[0] != s[i - 1].k[0];

		d->n += fresh;
		d->value[d->n - 1] = s[i].k[0];
		d->count[d->n - 1] = fresh ? 1 : d->count[d->n - 1] + 1;
		d->code[s[i].counter[0]] = d->n - 1;
	}
	free(rows);
	free(s);
	return done;
}

/*
 * Where nearly all values differ a dictionary does not pay, and that is cheaper
 * to see than to sort them: each sets a bit in a set of 8 to 16 for each of
 * them.  Two may share one, so at least as many differ as bits were set.
 */
#define SET_BITS_MAX (16u * GDI_CHUNK_ROWS)

struct set {
	unsigned shift;
	size_t n; /* bits set */
	uint64_t bits[SET_BITS_MAX / 64];
};

static void
set_init(struct set *s, size_t n)
{
	unsigned log = gdi_bit_length(8 * n - 1);

	s->shift = 64 - log;
	s->n = 0;
	memset(s->bits, 0, ((size_t)1 << log) / 8 + 8);
}

static void
set_add(struct set *s, uint64_t v)
{
	uint64_t at = v * UINT64_C(0x9e3779b97f4a7c15) >> s->shift;
	uint64_t bit = UINT64_C(1) << at % 64, *word = &s->bits[at / 64];

	s->n += (*word & bit) == 0;
	*word |= bit;
}

/* More of them than a dictionary may have. */
static bool
too_many_differ(const uint64_t *v, size_t n)
{
	struct set s GDI_UNINITIALISED;

	set_init(&s, n);
	for (size_t i = 0; i < n; i++)
		set_add(&s, v[i]);
	return s.n > n - n / 8;
}

bool
gdi_dict_init(struct gdi_dict *d, const uint64_t *v, size_t n,
    const struct gdi_shape *s)
{
	uint64_t range = s->max - s->min;
	bool small;

	*d = (struct gdi_dict){0};
	small = range < 2 * n && range < 1u << 16;
	if (!small && too_many_differ(v, n))
		return false;
	d->value = malloc((n + 1) * sizeof(*d->value));
	d->code = malloc(n * sizeof(*d->code));
	d->count = malloc((n + 1) * sizeof(*d->count));
	if (!d->value || !d->code || !d->count)
		return false;
	if (small)
		return dict_small(d, v, n, s->min, (size_t)range);
	return gdi_bit_length(range) <= 48 ? dict_medium(d, v, n, s->min) :
					 dict_large(d, v, n);
}

/* Renumbers: rank[] are sortable words whose low half is the old number. */
static bool
dict_reorder(struct gdi_dict *d, uint64_t *rank)
{
	uint64_t *value = malloc(d->n * sizeof(*value));
	uint32_t *count = malloc(d->n * sizeof(*count));

	d->rank_of = malloc(d->n * sizeof(*d->rank_of));
	if (!value || !count || !d->rank_of ||
	    gdi_sort_u64(rank, d->n) < 0) {
		free(value);
		free(count);
		return false;
	}
	for (size_t i = 0; i < d->n; i++) {
		uint32_t old = (uint32_t)rank[i];

		value[i] = d->value[old];
		count[i] = d->count[old];
		d->rank_of[old] = (uint32_t)i;
	}
	free(d->value);
	free(d->count);
	d->value = value;
	d->count = count;
	return true;
}

bool
gdi_dict_by_count(struct gdi_dict *d)
{
	uint64_t *rank = malloc(d->n * sizeof(*rank));
	bool done;

	if (rank == NULL)
		return false;
	for (size_t i = 0; i < d->n; i++)
		rank[i] = (uint64_t)(UINT32_MAX - d->count[i]) << 32 | i;
	done = dict_reorder(d, rank);
	free(rank);
	return done;
}

/*
 * Both halves as they are cost no more, though one of few bits that an address
 * has over the places among their neighbours would be saved: thirty-one of
 * thirty-two differ.  As many as bits were set, and those that share one.
 */
bool
gdi_addresses_differ(const struct godb_addr6 *v, size_t n)
{
	struct set s GDI_UNINITIALISED;
	double hit, size;

	set_init(&s, n);
	for (size_t i = 0; i < n; i++)
		set_add(&s, v[i].lo ^ v[i].hi * UINT64_C(0xbf58476d1ce4e5b9));
	hit = (double)s.n;
	size = (double)(UINT64_C(1) << (64 - s.shift));
	return hit + hit * hit / (2 * size) > (double)(n - n / 32);
}
