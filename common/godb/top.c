#include "common/godb/grouping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEEP_LEAST 1024u /* entries, before kept ones are looked at again */

int
gdi_top_init(struct gdi_top *t, struct gdi_group *g)
{
	size_t bytes = g->best.limit * sizeof(*t->value);
	int rc = gdi_arena_charge(&g->arena, bytes);

	*t = (struct gdi_top){.g = g};
	if (rc < 0)
		return rc;
	t->value = malloc(bytes);
	if (!t->value) {
		gdi_arena_discharge(&g->arena, bytes);
		return -ENOMEM;
	}
	for (unsigned v = 0; v < 2; v++) {
		gdi_table_init(&t->kept[v], g->set[0].words[v],
		    g->set[0].numbers, false);
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

/* Such that a larger one comes first. */
static inline uint64_t
value_of(const struct gdi_group *g, const uint64_t *numbers)
{
	const struct gdi_best *b = &g->best;
	uint64_t v = b->metric == GODB_METRIC_ROWS ?
	    numbers[g->extra_at[GODB_METRIC_ROWS - GODB_METRIC_EXTRA]] :
	    godb_metric_counter(numbers, b->metric, b->direction);

	return b->ascending ? ~v : v;
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

	if (t->n < t->g->best.limit)
		return;
	for (uint32_t i = 0; i < k->n; i++) {
		const uint64_t *entry = gdi_table_entry(k, i);

		if (value_of(t->g, entry + k->key_words) < t->value[0])
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

int
gdi_top_offer(struct gdi_top *t, struct gdi_arena *a, unsigned v,
    const struct gdi_table *from)
{
	struct gdi_table *kept = &t->kept[v];
	size_t limit = t->g->best.limit;

	for (uint32_t i = 0; i < from->n; i++) {
		const uint64_t *entry = gdi_table_entry(from, i);
		uint64_t value = value_of(t->g, entry + from->key_words);
		uint64_t *to;
		int rc;

		if (t->n == limit && value < t->value[0])
			continue;
		if (t->n < limit)
			push(t->value, t->n++, value);
		else if (value > t->value[0])
			replace_root(t->value, limit, value);
		if (kept->n == t->settle_at[v])
			settle(t, v);
		rc = gdi_table_append(kept, a, &to);
		if (rc < 0)
			return rc;
		memcpy(to, entry, from->words * sizeof(*to));
	}
	return 0;
}
