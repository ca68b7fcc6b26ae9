/*
 * writer_append - batches to journals and open blocks: all that can fail, then
 * the journal, then memory, where nothing can.
 */
#include "common/godb/writer_state.h"

#include <errno.h>
#include <stdlib.h>

#include "common/godb/journal.h"

/* The number of a name: a new one is registered if there is room for it, in
 * all and of this interface's. */
static int
map_name(struct godb_writer *w, struct gdi_known_iface *f,
    const struct godb_l7_name *name)
{
	int id = gdi_names_find(&w->names, name->name), rc;

	if (id >= 0)
		return id;
	rc = gdi_names_settle(&w->names, w->store_fd);
	if (rc < 0)
		return rc;
	if (f->n_names >= w->opts.iface_names || w->names.n >= GDI_L7_MAX) {
		w->names_refused++;
		return 0; /* the rows are worth more than the label */
	}
	id = gdi_names_register(&w->names, w->store_fd, w->opts.mode_file,
	    name);
	f->n_names += id >= 0;
	return id;
}

/* Marks the batch's names that a row has. */
static void
mark_used(const struct godb_batch *b, uint16_t *map)
{
	for (size_t i = 0; i < b->n4; i++)
		map[b->rows4[i].l7] = 1;
	for (size_t i = 0; i < b->n6; i++)
		map[b->rows6[i].l7] = 1;
}

/* Numbers of a batch's names in the registry; owned by the caller.  Names that
 * no row has are none of the store's. */
static int
map_names(struct godb_writer *w, struct gdi_known_iface *f,
    const struct godb_batch *b, uint16_t **out)
{
	uint16_t *map = calloc(b->n_names + 1, sizeof(*map));

	if (map == NULL)
		return -ENOMEM;
	mark_used(b, map);
	for (size_t i = 0; i < b->n_names; i++) {
		int id = map[i] ? map_name(w, f, &b->names[i]) : 0;

		if (id < 0) {
			free(map);
			return id;
		}
		map[i] = (uint16_t)id;
	}
	*out = map;
	return 0;
}

uint64_t
godb_writer_names_refused(const struct godb_writer *w)
{
	return w->names_refused;
}

void
gdi_writer_absorb(struct gdi_open_block *b, const struct godb_batch *batch)
{
	if (b->n_batches == 0 || batch->first_ns < b->first_ns)
		b->first_ns = batch->first_ns;
	if (b->n_batches == 0 || batch->last_ns > b->last_ns)
		b->last_ns = batch->last_ns;
	b->n_batches++;
	b->flags |= batch->flags;
	gdi_sum_counters(&b->counters, &batch->counters);
	gdi_aggregate_accept(&b->rows);
	/* reserved: cannot fail */
	(void)gdi_rings_add(&b->rings, batch->ring, batch->seq, batch->seq,
	    batch->ring_pos);
}

int
gdi_writer_prepare(struct godb_writer *w, const struct godb_batch *batch,
    struct gdi_known_iface *f, struct gdi_open_block **b, uint16_t **map)
{
	int rc = map_names(w, f, batch, map);

	if (rc == 0)
		rc = gdi_writer_block_make(w, batch->iface, batch->slot_s, b);
	if (rc == 0 && (*b)->commit)
		rc = -EAGAIN;
	if (rc == 0 && (*b)->rings.n_ranges >= GDI_RANGES)
		rc = GODB_EFULL;
	if (rc == 0)
		rc = gdi_rings_reserve(&(*b)->rings, batch->ring);
	if (rc == 0)
		rc = gdi_rings_reserve(&f->rings, batch->ring);
	if (rc == 0)
		rc = gdi_aggregate_stage(&(*b)->rows, batch, *map,
		    w->most_rows, &w->scratch);
	return rc;
}

int
godb_writer_append(struct godb_writer *w, const struct godb_batch *batch)
{
	struct gdi_known_iface *f;
	struct gdi_open_block *b = NULL;
	uint16_t *map = NULL;
	int rc;

	if (batch->iface == NULL || !godb_iface_valid(batch->iface))
		return GODB_EIFACE;
	if (!gdi_batch_valid(batch))
		return -EINVAL;
	rc = gdi_writer_learned(w, batch->iface, &f);
	if (rc < 0)
		return rc;
	if (gdi_rings_contain(&f->rings, batch->ring, batch->seq))
		return 1;
	rc = gdi_writer_prepare(w, batch, f, &b, &map);
	if (rc == 0)
		rc = gdi_writer_journal_write(w, b, batch);
	if (rc == GODB_EFULL && b->n_batches == 0)
		rc = -EINVAL; /* no block has the room */
	if (rc == 0) {
		gdi_writer_absorb(b, batch);
		(void)gdi_rings_add(&f->rings, batch->ring, batch->seq,
		    batch->seq, batch->ring_pos);
	} else if (b && b->n_batches == 0) {
		if (b->journal_fd >= 0)
			(void)gdi_writer_journal_remove(w, b);
		gdi_writer_block_drop(w, b);
	}
	free(map);
	return rc;
}
