/*
 * Groups of cells (group.h): a feed's table holds those of one at a time.
 *
 * Where a key has all columns each row is a group already, and no table is
 * needed.  Rows that cannot be among the best are then counted and no more;
 * where the earliest are wanted those are most, of which nothing but the
 * counters is read.  The rows of a roll-up by an address that the key has are
 * groups, too.
 */
#include "common/godb/grouping.h"

#define N_COUNTERS GDI_N_COUNTERS_KEPT

bool
gdi_group_can_cells(const struct gdi_group *g, size_t n_ifaces)
{
	bool time = false, iface = n_ifaces == 1;

	for (unsigned k = 0; k < g->layout[0].n_fields; k++) {
		enum godb_key key = g->layout[0].field[k].key;

		time |= key == GODB_KEY_TIME;
		iface |= key == GODB_KEY_IFACE;
	}
	/* keys that are one group to a block are summed as it is */
	return time && iface && g->n_sets == 1 &&
	    !g->layout[0].constant;
}

void
gdi_group_take_cells(struct gdi_group *g)
{
	g->cells = true;
	if (g->earliest)
		g->best = (struct gdi_best){.limit = g->earliest,
		    .by_time = true};
}

/* The lowest bits are the first that a key lacks. */
static bool
has_whole(const struct gdi_layout *l, enum godb_key key, unsigned bits)
{
	for (unsigned k = 0; k < l->n_fields; k++) {
		const struct gdi_field *f = &l->field[k];

		if (f->key == key)
			return f->mask.lo == gdi_mask_of(bits, 0).lo;
	}
	return false;
}

bool
gdi_group_can_rows(const struct gdi_group *g, enum godb_key address)
{
	return has_whole(&g->layout[0], address, 32) &&
	    has_whole(&g->layout[1], address, 128) && g->best.limit > 0;
}

void
gdi_group_take_rows(struct gdi_group *g)
{
	g->cells = true;
	g->whole_rows = true;
}

int
gdi_feed_begin_cell(struct gdi_feed *f, int64_t time_s, bool unique)
{
	struct gdi_cell *c = &f->cell;

	if (!c->open) {
		int rc = gdi_top_init(&c->top, f->g);

		if (rc < 0)
			return rc;
		c->open = true;
	}
	c->unique = unique && f->g->whole_rows;
	c->picked = false;
	c->wanted = gdi_top_wants_slot(&c->top, gdi_slot_of(time_s));
	return 0;
}

bool
gdi_feed_wants_cell(const struct gdi_feed *f)
{
	return f->cell.wanted;
}

int
gdi_feed_end_cell(struct gdi_feed *f)
{
	struct gdi_group *g = f->g;
	struct gdi_cell *c = &f->cell;
	int rc = 0;

	for (unsigned v = 0; v < 2 && !c->unique; v++) {
		struct gdi_table *t = &f->side[0][v].local;

		if (t->n == 0)
			continue;
		if (!g->host)
			gdi_sum_entries(f->totals, t);
		c->n_found += t->n;
		if (rc == 0 && c->wanted)
			rc = gdi_top_offer(&c->top, &g->arena, v, t);
		gdi_table_clear(t);
	}
	return rc;
}

void
gdi_cell_free(struct gdi_feed *f)
{
	if (f->cell.open)
		gdi_top_free(&f->cell.top, f->g);
	f->cell.open = false;
}

uint32_t
gdi_feed_columns(const struct gdi_feed *f)
{
	return gdi_cell_is_counted(f) ? GDI_COL_COUNTERS : f->g->columns;
}

void
gdi_cell_count(struct gdi_feed *f, const uint64_t sums[N_COUNTERS], uint64_t n)
{
	gdi_add_numbers(f->totals, sums, N_COUNTERS);
	f->cell.n_found += n;
}

int
gdi_cell_take(struct gdi_feed *f, unsigned v, const uint64_t *records, size_t n)
{
	size_t step = 1 + f->side[0][v].local.words;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = gdi_top_offer_entry(&f->cell.top, &f->g->arena, v,
		    records + i * step + 1);
	return rc;
}
