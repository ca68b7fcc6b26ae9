#include "querier/export/tables.h"

#include "common/base/clock.h"
#include "querier/export/rowbinary.h"

static uint8_t *
put_place(uint8_t *p, int64_t slot_s, const char *site, const char *iface)
{
	p = rowbinary_u16(p, (uint16_t)(slot_s / GP_DAY_S));
	p = rowbinary_u32(p, (uint32_t)slot_s);
	p = rowbinary_string(p, site);
	return rowbinary_string(p, iface);
}

static uint8_t *
put_l7(uint8_t *p, const char *name, const char *category)
{
	p = rowbinary_string(p, name ? name : "Unknown");
	return rowbinary_string(p, category ? category : "");
}

/* ---- flows --------------------------------------------------------------- */

/* The part that is at hand, or what is the matter with it. */
static int
load(struct tables_rows *r)
{
	size_t i = r->parts[r->at];
	const struct godb_part *part = godb_scan_part(r->scan, i);
	uint8_t *p;
	int rc = godb_cursor_load(r->cursor, i, GODB_COL_ALL, true, true,
	    &r->columns, NULL);

	if (rc < 0)
		return rc;
	p = put_place(r->before, part->slot_s, r->site, part->iface);
	r->before_len = (size_t)(p - r->before);
	p = rowbinary_bytes(r->after, part->id, sizeof(part->id));
	(void)rowbinary_bytes(p, r->attempt, 16);
	r->row = 0;
	r->loaded = true;
	return 0;
}

static uint8_t *
put_row(uint8_t *p, const struct tables_rows *r)
{
	const struct godb_columns *c = &r->columns;
	const char *name = godb_scan_l7_name(r->scan, c->l7[r->row]);
	const char *category = godb_scan_l7_category(r->scan, c->l7[r->row]);
	uint32_t i = r->row, six = i - c->n4;
	bool v4 = i < c->n4;

	p = rowbinary_bytes(p, r->before, r->before_len);
	p = rowbinary_u8(p, v4 ? 4 : 6);
	p = v4 ? rowbinary_addr4(p, c->sip4[i]) :
	    rowbinary_addr6(p, &c->sip6[six]);
	p = v4 ? rowbinary_addr4(p, c->dip4[i]) :
	    rowbinary_addr6(p, &c->dip6[six]);
	p = rowbinary_u16(p, c->dport[i]);
	p = rowbinary_u8(p, c->proto[i]);
	p = put_l7(p, name, category);
	for (size_t k = 0; k < 4; k++)
		p = rowbinary_u64(p, c->counter[k][i]);
	return rowbinary_bytes(p, r->after, sizeof(r->after));
}

/* Past whole parts without loading them. */
static void
skip_parts(struct tables_rows *r)
{
	while (r->skip > 0 && !r->loaded && r->at < r->n_parts) {
		const struct godb_part *part =
		    godb_scan_part(r->scan, r->parts[r->at]);

		if (r->skip < (uint64_t)part->n4 + part->n6)
			return;
		r->skip -= (uint64_t)part->n4 + part->n6;
		r->at++;
	}
}

long
tables_rows_fill(void *arg, uint8_t *to, size_t size)
{
	struct tables_rows *r = arg;
	uint8_t *p = to;

	skip_parts(r);
	while (r->limit > 0 && size - (size_t)(p - to) >= TABLES_ROW_MAX &&
	    r->at < r->n_parts) {
		if (!r->loaded) {
			r->rc = load(r);
			if (r->rc < 0)
				return -1;
			r->row = (uint32_t)r->skip;
			r->skip = 0;
		}
		if (r->row == r->columns.n4 + r->columns.n6) {
			r->loaded = false;
			r->at++;
			continue;
		}
		p = put_row(p, r);
		r->row++;
		r->limit--;
	}
	return p - to;
}

/* ---- blocks -------------------------------------------------------------- */

static uint8_t *
put_block(uint8_t *p, const struct tables_blocks *b)
{
	const struct godb_part *part = godb_scan_part(b->scan, b->parts[b->at]);
	const struct godb_counters *c = &part->counters;
	bool unreadable = b->unreadable[b->at];
	const uint64_t counters[] = {c->seen, c->seen_bytes, c->non_ip,
		c->non_ip_bytes, c->malformed, c->malformed_bytes,
		c->kernel_drops, c->iface_drops, c->overflow, c->late,
		c->time_clamped};

	p = put_place(p, part->slot_s, b->site, part->iface);
	p = rowbinary_bytes(p, part->id, sizeof(part->id));
	p = rowbinary_bytes(p, b->attempt, 16);
	p = rowbinary_u64(p, (uint64_t)part->first_ns);
	p = rowbinary_u64(p, (uint64_t)part->last_ns);
	p = rowbinary_u32(p, part->flags);
	p = rowbinary_u64(p,
	    unreadable ? 0 : (uint64_t)part->n4 + part->n6);
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		p = rowbinary_u64(p, counters[i]);
	p = rowbinary_u8(p, unreadable);
	return rowbinary_u32(p, (uint32_t)b->now_s);
}

long
tables_blocks_fill(void *arg, uint8_t *to, size_t size)
{
	struct tables_blocks *b = arg;
	uint8_t *p = to;

	for (; b->at < b->n_parts && size - (size_t)(p - to) >= TABLES_ROW_MAX;
	     b->at++)
		p = put_block(p, b);
	return p - to;
}

/* ---- hours --------------------------------------------------------------- */

static uint8_t *
put_sum(uint8_t *p, const struct tables_sums *s)
{
	struct godb_result_row r;
	bool v4;

	godb_result_row(s->sum, s->at, &r);
	v4 = r.version == 4;
	p = put_place(p, r.time_s, s->site, s->iface);
	p = rowbinary_u8(p, r.version);
	p = v4 ? rowbinary_addr4(p, (uint32_t)r.sip.lo) :
	    rowbinary_addr6(p, &r.sip);
	p = v4 ? rowbinary_addr4(p, (uint32_t)r.dip.lo) :
	    rowbinary_addr6(p, &r.dip);
	p = rowbinary_u16(p, r.dport);
	p = rowbinary_u8(p, r.proto);
	p = put_l7(p, r.l7proto, r.category);
	for (size_t k = 0; k < 4; k++)
		p = rowbinary_u64(p, r.counter[k]);
	p = rowbinary_bytes(p, s->record, 16);
	return rowbinary_bytes(p, s->attempt, 16);
}

long
tables_sums_fill(void *arg, uint8_t *to, size_t size)
{
	struct tables_sums *s = arg;
	uint8_t *p = to;

	for (; s->at < s->end && size - (size_t)(p - to) >= TABLES_ROW_MAX;
	     s->at++)
		p = put_sum(p, s);
	return p - to;
}

static uint8_t *
put_rollup(uint8_t *p, const struct tables_rollup *r)
{
	p = put_place(p, r->slot_s, r->site, r->iface);
	p = rowbinary_bytes(p, r->record, 16);
	p = rowbinary_bytes(p, r->attempt, 16);
	p = rowbinary_bytes(p, r->ids[r->at], 16);
	p = rowbinary_u32(p, (uint32_t)r->n);
	return rowbinary_u32(p, (uint32_t)r->now_s);
}

long
tables_rollup_fill(void *arg, uint8_t *to, size_t size)
{
	struct tables_rollup *r = arg;
	uint8_t *p = to;

	for (; r->at < r->n && size - (size_t)(p - to) >= TABLES_ROW_MAX;
	     r->at++)
		p = put_rollup(p, r);
	return p - to;
}
