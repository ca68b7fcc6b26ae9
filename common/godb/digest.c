#include "common/godb/digest.h"

#include <errno.h>

#include "common/base/clock.h"
#include "common/godb/index.h"

/* ---- sets of slots ------------------------------------------------------- */

/* Bit after bit: addresses mostly have few slots, and without the instruction,
 * which not every processor has, a count of all 64 takes as long as eight. */
unsigned
gdi_slots_count(const struct gdi_slots *s)
{
	unsigned n = 0;

	for (int i = 0; i < 5; i++)
		for (uint64_t w = s->w[i]; w != 0; w &= w - 1)
			n++;
	return n;
}

unsigned
gdi_slots_first(const struct gdi_slots *s)
{
	unsigned i = 0;

	while (i < 4 && s->w[i] == 0)
		i++;
	return i * 64 + (unsigned)__builtin_ctzll(s->w[i]);
}

unsigned
gdi_slots_last(const struct gdi_slots *s)
{
	unsigned i = 4;

	while (i > 0 && s->w[i] == 0)
		i--;
	return i * 64 + 63 - (unsigned)__builtin_clzll(s->w[i]);
}

/* ---- from an index ------------------------------------------------------- */

static void
count(struct gdi_tally *t, uint64_t amount, unsigned slot)
{
	if (amount == 0)
		return;
	if (t->records == 0 || slot < t->first)
		t->first = (uint16_t)slot;
	if (slot > t->last)
		t->last = (uint16_t)slot;
	t->records++;
	if (__builtin_add_overflow(t->amount, amount, &t->amount))
		t->amount = UINT64_MAX;
}

static void
count_record(struct gdi_digest *d, const struct gdi_record *r, unsigned slot)
{
	const struct godb_counters *c = &r->counters;

	count(&d->tally[GDI_TALLY_KERNEL_DROPS], c->kernel_drops, slot);
	count(&d->tally[GDI_TALLY_IFACE_DROPS], c->iface_drops, slot);
	count(&d->tally[GDI_TALLY_LATE], c->late, slot);
	count(&d->tally[GDI_TALLY_CLAMPED], c->time_clamped, slot);
	count(&d->tally[GDI_TALLY_CUT], (r->flags & GODB_PART_CUT) != 0, slot);
	count(&d->tally[GDI_TALLY_LOST], (r->flags & GODB_PART_LOST) != 0,
	    slot);
}

static int
order_stretches(const void *pa, const void *pb)
{
	const struct gdi_stretch *a = pa, *b = pb;

	return (a->first_ns > b->first_ns) - (a->first_ns < b->first_ns);
}

/* What adjoins or overlaps is one. */
static void
join_stretches(struct gdi_digest *d)
{
	uint32_t n = 0;

	qsort(d->stretch, d->n_stretches, sizeof(*d->stretch),
	    order_stretches);
	for (uint32_t i = 0; i < d->n_stretches; i++) {
		struct gdi_stretch *last = n ? &d->stretch[n - 1] : NULL;

		if (last && d->stretch[i].first_ns <= last->last_ns) {
			if (d->stretch[i].last_ns > last->last_ns)
				last->last_ns = d->stretch[i].last_ns;
			continue;
		}
		d->stretch[n++] = d->stretch[i];
	}
	d->n_stretches = n;
}

bool
gdi_digest_is_of(const struct gdi_digest *d, const struct gdi_index *x)
{
	return d->index_bytes <= x->size && d->index_bytes > 0 &&
	    gp_checksum(x->data, (size_t)d->index_bytes, 0) == d->index_sum;
}

int
gdi_digest_make(const struct gdi_index *x, struct gdi_digest *out)
{
	struct gdi_digest d = {.index_bytes = x->size,
	    .index_sum = gp_checksum(x->data, (size_t)x->size, 0)};
	struct gdi_slots blocks = {{0}};
	bool live = false, offline = false, overflow = false;

	d.stretch = calloc(x->n + 1, sizeof(*d.stretch));
	if (d.stretch == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < x->n; i++) {
		const struct gdi_record *r = &x->records[i];
		unsigned slot = (unsigned)(r->slot_s % GP_DAY_S / GP_SLOT_S);

		if (i == 0 || r->slot_s < d.first_s)
			d.first_s = r->slot_s;
		if (r->slot_s > d.last_s)
			d.last_s = r->slot_s;
		d.rows += (uint64_t)r->n4 + r->n6;
		d.stored_bytes += r->stored_bytes;
		d.flags |= r->flags;
		if (r->n4 || r->n6) {
			d.row_flags |= r->flags;
			d.row_records++;
			gdi_slots_set(&d.used, slot);
		}
		gdi_slots_set(&blocks, slot);
		count_record(&d, r, slot);
		d.stretch[d.n_stretches++] =
		    (struct gdi_stretch){r->first_ns, r->last_ns};
		offline |= (r->flags & GODB_PART_OFFLINE) != 0;
		live |= (r->flags & GODB_PART_OFFLINE) == 0;
		overflow |= r->counters.overflow > 0;
	}
	d.records = (uint32_t)x->n;
	d.blocks = gdi_slots_count(&blocks);
	/* of these the records tell, there is no tally */
	if ((live && offline) || overflow)
		d.n_stretches = 0;
	join_stretches(&d);
	*out = d;
	return 0;
}

void
gdi_digest_free(struct gdi_digest *d)
{
	free(d->stretch);
	memset(d, 0, sizeof(*d));
}

bool
gdi_digest_covers(const struct gdi_digest *d)
{
	return d->n_stretches > 0;
}

/* ---- bytes --------------------------------------------------------------- */

void
gdi_digest_write(const struct gdi_digest *d, struct gdi_buf *out)
{
	gdi_buf_u64(out, d->index_bytes);
	gdi_buf_u64(out, d->index_sum);
	gdi_buf_u32(out, d->records);
	gdi_buf_u32(out, d->blocks);
	gdi_buf_u32(out, d->flags);
	gdi_buf_u32(out, d->row_flags);
	gdi_buf_u32(out, d->row_records);
	gdi_buf_u32(out, 0);
	gdi_buf_u64(out, (uint64_t)d->first_s);
	gdi_buf_u64(out, (uint64_t)d->last_s);
	gdi_buf_u64(out, d->rows);
	gdi_buf_u64(out, d->stored_bytes);
	for (int i = 0; i < 5; i++)
		gdi_buf_u64(out, d->used.w[i]);
	for (int i = 0; i < GDI_N_TALLIES; i++) {
		const struct gdi_tally *t = &d->tally[i];

		gdi_buf_u64(out, t->amount);
		gdi_buf_u32(out, t->first | (uint32_t)t->last << 16);
		gdi_buf_u32(out, t->records);
	}
	gdi_buf_u64(out, d->n_stretches);
	for (uint32_t i = 0; i < d->n_stretches; i++) {
		gdi_buf_u64(out, (uint64_t)d->stretch[i].first_ns);
		gdi_buf_u64(out, (uint64_t)d->stretch[i].last_ns);
	}
}

static void
read_tally(struct gdi_in *in, struct gdi_tally *t)
{
	uint32_t slots;

	t->amount = gdi_in_u64(in);
	slots = gdi_in_u32(in);
	t->first = (uint16_t)slots;
	t->last = (uint16_t)(slots >> 16);
	t->records = gdi_in_u32(in);
	in->bad |= t->first > t->last || t->last >= GDI_SLOTS;
}

static void
read_stretches(struct gdi_in *in, struct gdi_digest *d)
{
	for (uint32_t i = 0; i < d->n_stretches; i++) {
		struct gdi_stretch *s = &d->stretch[i];

		s->first_ns = (int64_t)gdi_in_u64(in);
		s->last_ns = (int64_t)gdi_in_u64(in);
		in->bad |= s->first_ns > s->last_ns ||
		    (i > 0 && s->first_ns <= d->stretch[i - 1].last_ns);
	}
}

int
gdi_digest_read(struct gdi_in *in, int64_t day_s, struct gdi_digest *out)
{
	struct gdi_digest d = {0};
	uint64_t n;

	d.index_bytes = gdi_in_u64(in);
	d.index_sum = gdi_in_u64(in);
	d.records = gdi_in_u32(in);
	d.blocks = gdi_in_u32(in);
	d.flags = gdi_in_u32(in);
	d.row_flags = gdi_in_u32(in);
	d.row_records = gdi_in_u32(in);
	(void)gdi_in_u32(in);
	d.first_s = (int64_t)gdi_in_u64(in);
	d.last_s = (int64_t)gdi_in_u64(in);
	d.rows = gdi_in_u64(in);
	d.stored_bytes = gdi_in_u64(in);
	for (int i = 0; i < 5; i++)
		d.used.w[i] = gdi_in_u64(in);
	for (int i = 0; i < GDI_N_TALLIES; i++)
		read_tally(in, &d.tally[i]);
	n = gdi_in_u64(in);
	if (in->bad || d.index_bytes < GDI_HEADER_BYTES || n > d.records ||
	    n > gdi_in_left(in) / 16 ||
	    d.used.w[4] >> (GDI_SLOTS - 256) != 0 ||
	    (d.records > 0 && (d.first_s < day_s || d.first_s > d.last_s ||
		d.last_s >= day_s + GP_DAY_S)))
		return GODB_EDAMAGED;
	d.n_stretches = (uint32_t)n;
	d.stretch = calloc(n + 1, sizeof(*d.stretch));
	if (d.stretch == NULL)
		return -ENOMEM;
	read_stretches(in, &d);
	if (in->bad) {
		gdi_digest_free(&d);
		return GODB_EDAMAGED;
	}
	*out = d;
	return 0;
}
