/*
 * scan_parts - records and journals to the parts that a scan has of them, in
 * order.
 */
#include "common/godb/scan_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/godb/rollup_kind.h"

static struct gdi_scan_part *
new_part(const struct gdi_stock *k, int64_t slot_s)
{
	struct godb_scan *s = k->s;
	struct gdi_scan_part *p = gdi_scan_grow(s->parts, s->n_parts,
	    &s->cap_parts, sizeof(*p));

	if (p == NULL)
		return NULL;
	s->parts = p;
	p = &s->parts[s->n_parts++];
	memset(p, 0, sizeof(*p));
	p->part.iface = k->iface->name;
	p->part.iface_index = k->index;
	p->part.slot_s = slot_s;
	return p;
}

static void
take_record(struct gdi_scan_part *p, const struct gdi_record *r)
{
	p->record = r;
	p->part.first_ns = r->first_ns;
	p->part.last_ns = r->last_ns;
	p->part.flags = r->flags;
	p->part.n4 = r->n4;
	p->part.n6 = r->n6;
	p->part.stored_bytes = r->stored_bytes;
	p->part.counters = r->counters;
	memcpy(p->part.id, r->id, sizeof(p->part.id));
}

static int
stored_parts(const struct gdi_stock *k, const struct gdi_scan_day *d)
{
	for (size_t i = 0; i < d->index.n; i++) {
		const struct gdi_record *r = &d->index.records[i];
		struct gdi_scan_part *p;

		if (!gdi_scan_in_window(k->s, r->slot_s))
			continue;
		p = new_part(k, r->slot_s);
		if (p == NULL)
			return -ENOMEM;
		p->day = d;
		take_record(p, r);
		p->ruled_out = gdi_scan_record_ruled_out(d, r);
		if (p->ruled_out && r->n4 + r->n6 > 0) {
			k->iface->spared.blocks++;
			k->iface->spared.rows += (uint64_t)r->n4 + r->n6;
			k->iface->spared.bytes += r->stored_bytes;
		}
	}
	return 0;
}

void
gdi_scan_rolled(const struct gdi_scan_part *like,
    const struct gdi_record *record, struct gdi_scan_part *out)
{
	*out = (struct gdi_scan_part){.day = like->day, .rolled = true,
	    .part = {.iface = like->part.iface,
		.iface_index = like->part.iface_index,
		.slot_s = record->slot_s}};
	take_record(out, record);
	out->part.flags |= record->chunk_rows == GDI_APART_ROWS ?
	    GDI_PART_APART : GDI_PART_ROLLED;
}

static int
live_part(const struct gdi_stock *k, struct gdi_live *l)
{
	struct gdi_scan_part *p = new_part(k, l->slot_s);
	uint64_t n4 = 0, n6 = 0;

	if (p == NULL)
		return -ENOMEM;
	p->live = l;
	p->part.flags = GODB_PART_LIVE;
	p->part.first_ns = l->batches[0].first_ns;
	p->part.last_ns = l->batches[0].last_ns;
	for (size_t i = 0; i < l->n; i++) {
		const struct gdi_live_batch *b = &l->batches[i];

		n4 += b->n4;
		n6 += b->n6;
		p->part.flags |= b->flags;
		if (b->first_ns < p->part.first_ns)
			p->part.first_ns = b->first_ns;
		if (b->last_ns > p->part.last_ns)
			p->part.last_ns = b->last_ns;
		gdi_sum_counters(&p->part.counters, &b->counters);
		p->part.stored_bytes += b->bytes;
	}
	if (n4 > UINT32_MAX || n6 > UINT32_MAX)
		return GODB_EFULL;
	p->part.n4 = (uint32_t)n4;
	p->part.n6 = (uint32_t)n6;
	return 0;
}

/* By slot; of one slot as committed, live ones last. */
static int
part_order(const void *pa, const void *pb)
{
	const struct gdi_scan_part *a = pa, *b = pb;

	if (a->part.slot_s != b->part.slot_s)
		return a->part.slot_s < b->part.slot_s ? -1 : 1;
	if ((a->record == NULL) != (b->record == NULL))
		return a->record ? -1 : 1;
	return a->record < b->record ? -1 : a->record > b->record;
}

static void
sort_parts(struct gdi_scan_part *p, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (part_order(&p[i - 1], &p[i]) > 0) {
			qsort(p, n, sizeof(*p), part_order);
			return;
		}
}

/* Room for all that can come: a list that doubled would be copied again and
 * again; of many interfaces it does. */
static int
reserve_parts(struct gdi_stock *k)
{
	struct godb_scan *s = k->s;
	size_t n = s->n_parts + s->n_lives - k->first_live;
	struct gdi_scan_part *p;
	int rc;

	for (size_t i = k->first_day; i < s->n_days; i++)
		n += s->days[i]->index.n;
	if (n <= s->cap_parts)
		return 0;
	n = n < 2 * s->cap_parts ? 2 * s->cap_parts : n;
	p = reallocarray(s->parts, n, sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	s->parts = p;
	rc = gdi_scan_keep(s, (n - s->cap_parts) * sizeof(*p));
	s->cap_parts = n;
	return rc;
}

int
gdi_scan_make_parts(struct gdi_stock *k)
{
	struct godb_scan *s = k->s;
	size_t first = s->n_parts, kept = k->first_live;
	int rc = reserve_parts(k);

	for (size_t i = k->first_day; rc == 0 && i < s->n_days; i++)
		rc = stored_parts(k, s->days[i]);
	for (size_t i = k->first_live; i < s->n_lives; i++) {
		struct gdi_live *l = s->lives[i];

		if (rc == 0 && gdi_scan_in_window(s, l->slot_s))
			rc = gdi_scan_read_live(k, l);
		if (rc == 0 && l->n > 0) {
			rc = live_part(k, l);
			s->lives[kept++] = l;
		} else {
			gdi_scan_live_free(l);
		}
	}
	s->n_lives = kept;
	if (rc == 0 && s->n_parts > first)
		sort_parts(s->parts + first, s->n_parts - first);
	return rc;
}
