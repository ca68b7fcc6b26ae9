/* Parts that are in a journal: its rows, or summed as a block would be. */
#include "common/godb/cursor_state.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include "common/godb/aggregate.h"

struct live_rows {
	uint32_t n4, at4, at6; /* of the arrays; rows done */
	const uint16_t *ids;   /* of the batch's names */
	struct gdi_aggregate sum; /* when rows are summed */
	struct gdi_buf scratch;
};

static void
put_rest(struct godb_cursor *c, uint32_t columns, size_t r, uint16_t dport,
    uint8_t proto, uint16_t l7, const uint64_t counter[4])
{
	if (columns & GODB_COL(GODB_DPORT))
		((uint16_t *)c->v4[GODB_DPORT].p)[r] = dport;
	if (columns & GODB_COL(GODB_PROTO))
		((uint8_t *)c->v4[GODB_PROTO].p)[r] = proto;
	if (columns & GODB_COL(GODB_L7PROTO))
		((uint16_t *)c->v4[GODB_L7PROTO].p)[r] = l7;
	for (int k = 0; k < 4; k++)
		if (columns & GODB_COL(GODB_BYTES_RCVD + k))
			((uint64_t *)c->v4[GODB_BYTES_RCVD + k].p)[r] =
			    counter[k];
}

static void
put_row4(struct godb_cursor *c, uint32_t columns, struct live_rows *l,
    const struct godb_row4 *r)
{
	size_t at = l->at4++;

	if (columns & GODB_COL(GODB_SIP))
		((uint32_t *)c->v4[GODB_SIP].p)[at] =
		    be32toh(gdi_get32(r->sip));
	if (columns & GODB_COL(GODB_DIP))
		((uint32_t *)c->v4[GODB_DIP].p)[at] =
		    be32toh(gdi_get32(r->dip));
	put_rest(c, columns, at, r->dport, r->proto, l->ids[r->l7], r->counter);
}

static struct godb_addr6
addr6(const uint8_t b[16])
{
	return (struct godb_addr6){be64toh(gdi_get64(b)),
	    be64toh(gdi_get64(b + 8))};
}

static void
put_row6(struct godb_cursor *c, uint32_t columns, struct live_rows *l,
    const struct godb_row6 *r)
{
	size_t at = l->at6++;

	if (columns & GODB_COL(GODB_SIP))
		((struct godb_addr6 *)c->v6[GODB_SIP].p)[at] = addr6(r->sip);
	if (columns & GODB_COL(GODB_DIP))
		((struct godb_addr6 *)c->v6[GODB_DIP].p)[at] = addr6(r->dip);
	put_rest(c, columns, l->n4 + at, r->dport, r->proto, l->ids[r->l7],
	    r->counter);
}

static int
sum_batch(struct live_rows *l, const struct godb_batch *from, bool want6)
{
	struct godb_batch b = *from;
	int rc;

	b.n4 = l->n4 > 0 ? b.n4 : 0;
	b.n6 = want6 ? b.n6 : 0;
	rc = gdi_aggregate_stage(&l->sum, &b, l->ids, SIZE_MAX, &l->scratch);
	if (rc == 0)
		gdi_aggregate_accept(&l->sum);
	return rc;
}

/* The summed rows, as they would stand in a block. */
static int
put_sums(struct godb_cursor *c, uint32_t columns, struct live_rows *l)
{
	const struct gdi_row4 *r4;
	const struct gdi_row6 *r6;
	uint64_t counter[4];
	int rc = gdi_aggregate_settle4(&l->sum, &l->scratch);

	if (rc == 0)
		rc = gdi_aggregate_settle6(&l->sum, &l->scratch);
	if (rc < 0)
		return rc;
	r4 = l->sum.v4.rows;
	r6 = l->sum.v6.rows;
	for (size_t i = 0; i < l->sum.v4.n; i++) {
		uint64_t w = r4[i].k[1];

		if (columns & GODB_COL(GODB_SIP))
			((uint32_t *)c->v4[GODB_SIP].p)[i] =
			    (uint32_t)(r4[i].k[0] >> 32);
		if (columns & GODB_COL(GODB_DIP))
			((uint32_t *)c->v4[GODB_DIP].p)[i] =
			    (uint32_t)r4[i].k[0];
		gdi_row_counters(&l->sum.v4, w, r4[i].counter, counter);
		put_rest(c, columns, i, GDI_KEY_DPORT(w), GDI_KEY_PROTO(w),
		    GDI_KEY_L7(w), counter);
	}
	l->n4 = l->at4 = (uint32_t)l->sum.v4.n;
	for (size_t i = 0; i < l->sum.v6.n; i++) {
		const uint64_t *k = r6[i].k;

		if (columns & GODB_COL(GODB_SIP))
			((struct godb_addr6 *)c->v6[GODB_SIP].p)[i] =
			    (struct godb_addr6){k[0], k[1]};
		if (columns & GODB_COL(GODB_DIP))
			((struct godb_addr6 *)c->v6[GODB_DIP].p)[i] =
			    (struct godb_addr6){k[2], k[3]};
		gdi_row_counters(&l->sum.v6, k[4], r6[i].counter, counter);
		put_rest(c, columns, l->n4 + i, GDI_KEY_DPORT(k[4]),
		    GDI_KEY_PROTO(k[4]), GDI_KEY_L7(k[4]), counter);
	}
	l->at6 = (uint32_t)l->sum.v6.n;
	return 0;
}

static int
load_batch(struct godb_cursor *c, const struct gdi_journal_view *v,
    uint32_t columns, bool want6, struct live_rows *l)
{
	const struct godb_batch *b = &v->batch;
	uint16_t *ids = malloc((b->n_names + 1) * sizeof(*ids));

	if (ids == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < b->n_names; i++) {
		int id = gdi_names_find(&c->scan->names, b->names[i].name);

		ids[i] = (uint16_t)(id < 0 ? 0 : id);
	}
	l->ids = ids;
	if (c->sum_live) {
		int rc = sum_batch(l, b, want6);

		free(ids);
		return rc;
	}
	for (size_t i = 0; l->n4 > 0 && i < b->n4; i++)
		put_row4(c, columns, l, &b->rows4[i]);
	for (size_t i = 0; want6 && i < b->n6; i++)
		put_row6(c, columns, l, &b->rows6[i]);
	free(ids);
	return 0;
}

int
gdi_cursor_load_live(struct godb_cursor *c, const struct gdi_scan_part *p,
    uint32_t columns, uint32_t *n4, uint32_t *n6, uint64_t *place)
{
	const struct gdi_live *l = p->live;
	struct live_rows rows = {.n4 = *n4};
	struct gdi_journal j = {0};
	struct gdi_journal_view v;
	int rc = gdi_cursor_reserve(c, columns, *n4, *n6);

	if (rc == 0)
		rc = gdi_journal_open(&j, l->fd, l->data, l->len, l->slot_s);
	if (rc == 0)
		rc = GODB_EDAMAGED;
	for (size_t i = 0; rc >= 0 && i < l->n; i++) {
		const struct gdi_live_batch *b = &l->batches[i];

		*place = j.at = b->offset;
		rc = gdi_journal_next(&j, &v);
		if (rc == 0 || (rc == 1 && (v.offset != b->offset ||
					       v.batch.n4 != b->n4 ||
					       v.batch.n6 != b->n6)))
			rc = GODB_EDAMAGED;
		if (rc == 1)
			rc = load_batch(c, &v, columns, *n6 > 0, &rows);
		c->bytes_read += b->bytes;
		c->bytes_decoded += b->n4 * sizeof(struct godb_row4) +
		    b->n6 * sizeof(struct godb_row6);
	}
	gdi_journal_close(&j);
	if (rc >= 0 && c->sum_live) {
		rc = put_sums(c, columns, &rows);
		*n4 = rows.n4;
		*n6 = rows.at6;
	}
	gdi_aggregate_free(&rows.sum);
	gdi_buf_free(&rows.scratch);
	return rc < 0 ? rc : 0;
}
