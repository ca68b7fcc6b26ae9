#include "common/godb/grouping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEEP_LEAST 1024u /* entries, before kept ones are looked at again */

/* Which numbers make the value: received, sent, or both. */
static void
choose_numbers(struct gdi_top *t)
{
	const struct gdi_best *b = &t->g->best;
	enum godb_metric m = b->metric;

	if (m >= GODB_METRIC_EXTRA) {
		t->at[0] = t->g->extra_at[m - GODB_METRIC_EXTRA];
	} else if (m == GODB_METRIC_BYTES || m == GODB_METRIC_PACKETS) {
		t->at[0] = m == GODB_METRIC_PACKETS ? 2 : 0;
		t->at[1] = t->at[0] + 1;
		t->sum = b->direction == GODB_DIR_BOTH;
		t->at[0] += b->direction == GODB_DIR_SENT;
	} else {
		t->at[0] = (unsigned)m - GODB_METRIC_BYTES_RCVD;
	}
}

/* Such that a larger one comes first. */
static inline uint64_t
value_of(const struct gdi_top *t, unsigned v, const uint64_t *entry)
{
	const struct gdi_layout *l = &t->g->layout[v];
	const uint64_t *numbers = entry + l->words;
	uint64_t value;

	if (t->g->best.by_time)
		return ~gdi_layout_slot(l, entry);
	value = numbers[t->at[0]];
	if (t->sum)
		value = gdi_add(value, numbers[t->at[1]]);
	return t->g->best.ascending ? ~value : value;
}

int
gdi_top_init(struct gdi_top *t, struct gdi_group *g)
{
	size_t bytes = g->best.limit * sizeof(*t->value);
	int rc = gdi_arena_charge(&g->arena, bytes);

	*t = (struct gdi_top){.g = g};
	choose_numbers(t);
	if (rc < 0)
		return rc;
	t->value = malloc(bytes ? bytes : 1);
	if (!t->value) {
		gdi_arena_discharge(&g->arena, bytes);
		return -ENOMEM;
	}
	for (unsigned v = 0; v < 2; v++) {
		gdi_table_init(&t->kept[v], g->set[0].words[v],
		    g->set[0].numbers, g->best.limit == 0);
		t->settle_at[v] = 4 * (uint32_t)g->best.limit + KEEP_LEAST;
	}
	return 0;
}

void
gdi_top_free(struct gdi_top *t, struct gdi_group *g)
{
	if (!t->value)
		return;
	gdi_arena_discharge(&g->arena, g->best.limit * sizeof(*t->value));
	free(t->value);
	t->value = NULL;
	for (unsigned v = 0; v < 2; v++)
		gdi_table_free(&t->kept[v], &g->arena);
}

/* Puts a value in the place of the root. */
static void
replace_root(uint64_t *heap, size_t n, uint64_t v)
{
	size_t at = 0;

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= n)
			break;
		child += child + 1 < n && heap[child + 1] < heap[child];
		if (v <= heap[child])
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = v;
}

static void
push(uint64_t *heap, size_t n, uint64_t v)
{
	size_t at = n;

	for (; at > 0 && heap[(at - 1) / 2] > v; at = (at - 1) / 2)
		heap[at] = heap[(at - 1) / 2];
	heap[at] = v;
}

static void
settle(struct gdi_top *t, unsigned v)
{
	struct gdi_table *k = &t->kept[v];
	uint32_t n = 0;

	if (t->g->best.limit == 0 || t->n < t->g->best.limit)
		return;
	for (uint32_t i = 0; i < k->n; i++) {
		const uint64_t *entry = gdi_table_entry(k, i);

		if (value_of(t, v, entry) < t->value[0])
			continue;
		if (n < i)
			memcpy(gdi_table_entry(k, n), entry,
			    k->words * sizeof(*entry));
		n++;
	}
	k->n = n;
	/* with many equal values there may be many that stay */
	if (n > t->settle_at[v] / 2)
		t->settle_at[v] = n > UINT32_MAX / 2 ? UINT32_MAX : 2 * n;
}

void
gdi_top_settle(struct gdi_top *t)
{
	settle(t, 0);
	settle(t, 1);
}

/* Whether a value is among the best, and if so, that they are that many. */
static inline bool
enter(struct gdi_top *t, uint64_t value)
{
	size_t limit = t->g->best.limit;

	if (t->n < limit)
		push(t->value, t->n++, value);
	else if (value < t->value[0])
		return false;
	else if (value > t->value[0])
		replace_root(t->value, limit, value);
	return true;
}

int
gdi_top_offer_entry(struct gdi_top *t, struct gdi_arena *a, unsigned v,
    const uint64_t *entry)
{
	struct gdi_table *kept = &t->kept[v];
	uint64_t *to;
	int rc;

	if (t->g->best.limit > 0) {
		if (!enter(t, value_of(t, v, entry)))
			return 0;
		if (kept->n == t->settle_at[v])
			settle(t, v);
	}
	rc = gdi_table_append(kept, a, &to);
	if (rc == 0)
		memcpy(to, entry, kept->words * sizeof(*to));
	return rc;
}

/* Most are not among the best, which is seen here without a call. */
int
gdi_top_offer(struct gdi_top *t, struct gdi_arena *a, unsigned v,
    const struct gdi_table *from)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < from->n; i++) {
		const uint64_t *entry = gdi_table_entry(from, i);

		if (t->n > 0 && t->n == t->g->best.limit &&
		    value_of(t, v, entry) < t->value[0])
			continue;
		rc = gdi_top_offer_entry(t, a, v, entry);
	}
	return rc;
}

bool
gdi_top_wants_slot(const struct gdi_top *t, uint64_t slot)
{
	return !t->g->best.by_time || t->n < t->g->best.limit ||
	    ~slot >= t->value[0];
}

bool
gdi_top_compares(const struct gdi_top *t)
{
	const struct gdi_best *b = &t->g->best;

	return b->limit > 0 && !b->by_time && t->n == b->limit &&
	    t->at[0] < GDI_N_COUNTERS_KEPT;
}

uint32_t
gdi_top_counters(const struct gdi_top *t)
{
	if (!gdi_top_compares(t) || t->g->best.ascending)
		return 0;
	return GODB_COL(GODB_BYTES_RCVD + t->at[0]) |
	    (t->sum ? GODB_COL(GODB_BYTES_RCVD + t->at[1]) : 0);
}

bool
gdi_top_wants_largest(const struct gdi_top *t, uint64_t largest)
{
	if (!gdi_top_compares(t) || t->g->best.ascending)
		return true;
	return (t->sum ? gdi_add(largest, largest) : largest) >= t->value[0];
}

size_t
gdi_top_pick(const struct gdi_top *t, const struct gdi_rows_batch *b,
    uint32_t *sel)
{
	bool ascending = t->g->best.ascending;
	const uint64_t *one, *other;
	size_t n = 0;

	if (!gdi_top_compares(t)) {
		for (; n < b->n; n++)
			sel[n] = gdi_batch_row(b, n);
		return n;
	}
	one = b->c->counter[t->at[0]];
	other = b->c->counter[t->at[1]];
	for (size_t i = 0; i < b->n; i++) {
		uint32_t row = gdi_batch_row(b, i);
		uint64_t value = one[row];

		if (t->sum)
			value = gdi_add(value, other[row]);
		sel[n] = row;
		n += (ascending ? ~value : value) >= t->value[0];
	}
	return n;
}
