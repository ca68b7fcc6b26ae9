/*
 * writer_append - batches to journals and open blocks: all that can fail, then
 * the journal, then memory, where nothing can.
 */
#include "common/godb/writer_state.h"

#include <errno.h>
#include <stdlib.h>

#include "common/godb/journal.h"

/* Numbers of a batch's names in the registry; owned by the caller. */
static int
map_names(struct godb_writer *w, const struct godb_batch *b, uint16_t **out)
{
	uint16_t *map = calloc(b->n_names + 1, sizeof(*map));

	if (map == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < b->n_names; i++) {
		int id = gdi_names_register(&w->names, w->store_fd,
		    w->opts.mode_file, &b->names[i]);

		if (id < 0) {
			free(map);
			return id;
		}
		map[i] = (uint16_t)id;
	}
	*out = map;
	return 0;
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
	int rc = map_names(w, batch, map);

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
