/* Rows to groups by a key of few bits, which is a place in a table. */
#include "common/godb/grouping.h"

#include "common/godb/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BATCH        GDI_BATCH
#define N_COUNTERS   GDI_N_COUNTERS_KEPT
#define SMALL_CODES  16u /* protocols of a small key; then none's */
#define SMALL_MEMORY ((size_t)256 << 20)

void
gdi_small_init(struct gdi_small *s, const struct gdi_group *g)
{
	const struct gdi_layout *t = &g->layout[0];
	size_t most = g->arena.most;

	s->wide = GODB_N_COLUMNS;
	for (unsigned k = 0; k < t->n_fields; k++) {
		enum godb_key key = t->field[k].key;

		if (key == GODB_KEY_PROTO)
			s->proto = true;
		else if ((key == GODB_KEY_DPORT || key == GODB_KEY_L7PROTO) &&
		    s->wide == GODB_N_COLUMNS)
			s->wide = key == GODB_KEY_DPORT ? GODB_DPORT :
							  GODB_L7PROTO;
		else
			return;
	}
	memset(s->code, SMALL_CODES, sizeof(s->code));
	/* places and entries are not for a query with little memory */
	if (most == 0 || most >= SMALL_MEMORY)
		s->places = (s->wide != GODB_N_COLUMNS ? 1u << 16 : 1) *
		    (s->proto ? SMALL_CODES + 1 : 1);
	s->words = t->words + g->set[0].numbers;
	s->rows = g->extra_at[GODB_METRIC_ROWS - GODB_METRIC_EXTRA] != 0;
}

static size_t
places_bytes(const struct gdi_small *s)
{
	return sizeof(*s->place) * s->places;
}

static size_t
entry_bytes(const struct gdi_small *s)
{
	return s->words * sizeof(*s->entry);
}

void
gdi_small_free(struct gdi_feed *f)
{
	struct gdi_small *s = &f->small;

	if (s->place) {
		gdi_arena_discharge(&f->g->arena, places_bytes(s));
		(void)munmap(s->place, places_bytes(s));
	}
	gdi_arena_discharge(&f->g->arena, s->room * entry_bytes(s));
	free(s->entry);
	s->place = NULL;
	s->entry = NULL;
	s->n = s->room = 0;
}

static int
grow_entries(struct gdi_feed *f)
{
	struct gdi_small *s = &f->small;
	uint32_t more = s->room ? s->room : 256;
	int rc = gdi_arena_charge(&f->g->arena, more * entry_bytes(s));
	uint64_t *entry;

	if (rc < 0)
		return rc;
	entry = realloc(s->entry, ((size_t)s->room + more) * entry_bytes(s));
	if (!entry) {
		gdi_arena_discharge(&f->g->arena, more * entry_bytes(s));
		return -ENOMEM;
	}
	s->entry = entry;
	s->room += more;
	return 0;
}

static inline uint32_t
place_of(const struct gdi_small *s, const uint16_t *wide, const uint8_t *proto,
    uint32_t row)
{
	uint32_t place = wide ? wide[row] : 0;

	if (proto)
		place |= (uint32_t)s->code[proto[row]] << (wide ? 16 : 0);
	return place;
}

/* Makes the entry of a row's key, which is new.  1: there are too many
 * protocols. */
static int
small_entry(struct gdi_feed *f, const uint16_t *wide, const uint8_t *proto,
    uint32_t row)
{
	const struct gdi_layout *t = &f->g->layout[0];
	struct gdi_small *s = &f->small;
	int rc = s->n == s->room ? grow_entries(f) : 0;
	uint64_t *entry;

	if (rc < 0)
		return rc;
	if (proto && s->code[proto[row]] == SMALL_CODES) {
		if (s->n_codes == SMALL_CODES)
			return 1;
		s->code[proto[row]] = (uint8_t)s->n_codes++;
	}
	entry = s->entry + (size_t)s->n++ * s->words;
	memset(entry, 0, entry_bytes(s));
	for (unsigned k = 0; k < t->n_fields; k++) {
		const struct gdi_field *field = &t->field[k];

		entry[field->word] |= (uint64_t)(field->key == GODB_KEY_PROTO ?
			proto[row] : wide[row]) << field->shift;
	}
	s->place[place_of(s, wide, proto, row)] = s->n;
	return 0;
}

int
gdi_small_end(struct gdi_feed *f)
{
	struct gdi_small *s = &f->small;
	size_t step = 1 + s->words;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < s->n; i += BATCH) {
		uint32_t n = s->n - i < BATCH ? s->n - i : BATCH;

		for (uint32_t k = 0; k < n; k++)
			memcpy(f->records + k * step + 1,
			    s->entry + (size_t)(i + k) * s->words,
			    entry_bytes(s));
		rc = gdi_feed_put(f, n);
	}
	gdi_small_free(f);
	return rc;
}

/* Of megabytes of places few are used: pages of the kernel's, which are there
 * when they are touched. */
static int
small_begin(struct gdi_feed *f)
{
	struct gdi_small *s = &f->small;
	int rc = gdi_arena_charge(&f->g->arena, places_bytes(s));
	void *p;

	if (rc < 0)
		return rc;
	p = mmap(NULL, places_bytes(s), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p != MAP_FAILED) {
		s->place = p;
		return 0;
	}
	gdi_arena_discharge(&f->g->arena, places_bytes(s));
	return -ENOMEM;
}

/* Whether no sum can reach 2^64 with n more rows, either. */
static bool
stays_calm(struct gdi_small *s, uint64_t largest, size_t n)
{
	uint64_t sum;

	if (__builtin_mul_overflow(largest, n, &sum) ||
	    __builtin_add_overflow(s->worst, sum, &s->worst))
		s->worst = UINT64_MAX;
	return s->worst < UINT64_MAX;
}

/* Entries of a batch of rows, new ones made: where they begin, in words. */
static inline __attribute__((always_inline)) int
small_find(struct gdi_feed *f, const uint32_t *sel, size_t n,
    const uint16_t *wide, const uint8_t *proto, uint32_t at[BATCH])
{
	struct gdi_small *s = &f->small;

	for (size_t i = 0; i < n; i++) {
		uint32_t entry = s->place[place_of(s, wide, proto, sel[i])];

		if (entry == 0) {
			int rc = small_entry(f, wide, proto, sel[i]);

			if (rc != 0)
				return rc;
			entry = s->place[place_of(s, wide, proto, sel[i])];
		}
		at[i] = (entry - 1) * s->words;
	}
	return 0;
}

/* A batch all of whose rows are of one entry. */
static void
add_to_entry(const struct gdi_small *s, const struct godb_columns *c,
    const uint32_t *sel, size_t n, uint64_t *to)
{
	for (unsigned k = 0; k < N_COUNTERS; k++) {
		const uint64_t *v = c->counter[k];
		uint64_t sum = 0;

		for (size_t i = 0; i < n; i++)
			sum += v[sel[i]];
		to[1 + k] += sum;
	}
	if (s->rows)
		to[1 + N_COUNTERS] += n;
}

static void
add_to_entries(const struct gdi_small *s, const struct godb_columns *c,
    const uint32_t *sel, size_t n, const uint32_t at[BATCH], bool calm)
{
	uint32_t differ = 0;

	for (size_t i = 1; i < n; i++)
		differ |= at[i] ^ at[0];
	if (calm && differ == 0) {
		add_to_entry(s, c, sel, n, s->entry + at[0]);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		/* keys of ports and protocols are one word */
		uint64_t *to = s->entry + at[i] + 1;

		if (!calm)
			gdi_add_counters(to, c, sel[i]);
		for (unsigned k = 0; calm && k < N_COUNTERS; k++)
			to[k] += c->counter[k][sel[i]];
		if (s->rows)
			to[N_COUNTERS]++;
	}
}

static int
small_batch(struct gdi_feed *f, const struct godb_columns *c,
    const uint32_t *sel, size_t n, bool calm)
{
	struct gdi_small *s = &f->small;
	uint32_t at[BATCH] GDI_UNINITIALISED;
	const uint16_t *wide = s->wide == GODB_DPORT ? c->dport :
	    s->wide == GODB_L7PROTO		     ? c->l7 :
						       NULL;
	int rc;

	if (s->proto && wide)
		rc = small_find(f, sel, n, wide, c->proto, at);
	else if (wide)
		rc = small_find(f, sel, n, wide, NULL, at);
	else
		rc = small_find(f, sel, n, NULL, c->proto, at);
	if (rc != 0)
		return rc;
	if (calm)
		add_to_entries(s, c, sel, n, at, true);
	else
		add_to_entries(s, c, sel, n, at, false);
	return 0;
}

int
gdi_small_add(struct gdi_feed *f, const struct godb_columns *c,
    const uint32_t *sel, size_t n, size_t *done)
{
	struct gdi_small *s = &f->small;
	uint32_t number[BATCH] GDI_UNINITIALISED;
	bool calm;
	int rc;

	if (s->places == 0)
		return 0;
	rc = s->place ? 0 : small_begin(f);
	calm = stays_calm(s, f->largest, n);
	while (rc == 0 && *done < n) {
		size_t some = n - *done < BATCH ? n - *done : BATCH;

		for (size_t k = 0; !sel && k < some; k++)
			number[k] = (uint32_t)(*done + k);
		rc = small_batch(f, c, sel ? sel + *done : number, some, calm);
		*done += rc == 0 ? some : 0;
	}
	if (rc <= 0)
		return rc;
	/* what there is goes on, and the next rows take the long way */
	rc = gdi_small_end(f);
	s->places = 0;
	return rc;
}
