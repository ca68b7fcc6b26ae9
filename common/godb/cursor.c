/*
 * cursor - columns of a part, decoded into arrays.
 */
#include "common/godb/cursor_state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/base/clock.h"

int
godb_cursor_new(const struct godb_scan *s, struct godb_cursor **out)
{
	struct godb_cursor *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	c->scan = s;
	c->day_fd = c->rolled_fd = c->index.fd = -1;
	c->memory = &c->own_memory;
	for (int i = 0; i < GODB_N_COLUMNS; i++) {
		c->files[i].fd = c->rolled_files[i].fd = -1;
		c->rolled_files[i].shared = true;
	}
	*out = c;
	return 0;
}

void
gdi_cursor_sum_live(struct godb_cursor *c)
{
	c->sum_live = true;
}

void
gdi_cursor_rolled(struct godb_cursor *c, const struct gdi_scan_part *rolled,
    size_t n)
{
	c->rolled = rolled;
	c->n_rolled = n;
	c->known = 0; /* other records have these numbers now */
}

void
godb_cursor_free(struct godb_cursor *c)
{
	if (c == NULL)
		return;
	gdi_cursor_close_day(c);
	for (int i = 0; i < GODB_N_COLUMNS; i++) {
		gdi_buf_free(&c->files[i].buf);
		gdi_buf_free(&c->rolled_files[i].buf);
		free(c->v4[i].p);
		free(c->v6[i].p);
	}
	gdi_buf_free(&c->index.buf);
	free(c->sel6.p);
	free(c->set.p);
	free(c->in_set.p);
	gdi_chunk_memory_free(&c->own_memory);
	free(c);
}

void
godb_cursor_stats(const struct godb_cursor *c, uint64_t *bytes_read,
    uint64_t *bytes_decoded)
{
	*bytes_read = c->bytes_read;
	*bytes_decoded = c->bytes_decoded;
}

/* Never empty, so that an array that was asked for is not NULL. */
void *
gdi_values_reserve(struct gdi_values *v, size_t bytes)
{
	void *p;

	if (bytes < v->cap)
		return v->p;
	p = malloc(bytes + 64);
	if (p == NULL)
		return NULL;
	free(v->p); /* what was in it is of an earlier part */
	v->p = p;
	v->cap = bytes + 64;
	return p;
}

/* How many addresses so far, where only those are wanted and not rows. */
struct counts {
	size_t v4, v6;
};

/* What is loaded, and how far that has come. */
struct load {
	const struct gdi_slice *slice;
	uint32_t columns;
	uint32_t n4, n6;         /* rows in all */
	uint32_t done4, done6;   /* of earlier pieces */
	struct counts *distinct; /* or NULL: rows */
	const struct gdi_sel *sel; /* of one piece, which of them; NULL: all */
	struct gdi_sel some[2];    /* of it, those of each version */
	/* for messages */
	int column; /* or IN_INDEX */
	uint64_t place;
};
enum { IN_INDEX = -1 };

static int
load_chunk(struct godb_cursor *c, struct gdi_column_file *f,
    enum godb_column column, const struct gdi_chunk *k,
    const struct gdi_sel *some, void *out, size_t *n_distinct)
{
	struct gdi_stored stored;
	bool few = some && gdi_is_few(some, k->rows);
	int rc = gdi_cursor_fetch_chunk(c, f, column, k, &stored);

	if (rc == 0 && n_distinct)
		rc = gdi_chunk_distinct(c->memory, &stored, out, n_distinct);
	else if (rc == 0 && few)
		rc = gdi_chunk_decode_some(c->memory, &stored, some, out);
	else if (rc == 0)
		rc = gdi_chunk_decode(c->memory, &stored, out);
	if (rc == 0)
		c->bytes_decoded += (few ? some->n : k->rows) *
		    gdi_value_bytes(column, k->v6);
	return rc;
}

static int
load_column(struct godb_cursor *c, const struct gdi_scan_part *p,
    enum godb_column column, struct load *l)
{
	bool address = gdi_columns[column].kind == GDI_ADDR;
	const struct gdi_place *place = &c->place[column];
	struct gdi_column_file *f;
	int rc = gdi_cursor_open_column(c, p, column, &f);

	for (int v6 = 0; rc == 0 && v6 < 2; v6++) {
		const struct gdi_chunk *k = &place->chunk[v6];
		const struct gdi_sel *some = l->sel ? &l->some[v6] : NULL;
		size_t done = v6 ? l->done6 : l->done4, n = k->rows;
		size_t *count = NULL;
		uint8_t *out;

		if (!place->has[v6] || !(v6 ? l->slice->v6 : l->slice->v4) ||
		    (some && some->n == 0))
			continue;
		if (l->distinct) {
			count = v6 ? &l->distinct->v6 : &l->distinct->v4;
			done = *count;
		} else if (v6 && !address) {
			done += l->n4;
		}
		out = v6 && address ? c->v6[column].p : c->v4[column].p;
		l->place = k->offset;
		rc = load_chunk(c, f, column, k, some,
		    out + done * gdi_value_bytes(column, v6),
		    count ? &n : NULL);
		if (count)
			*count += n;
	}
	return rc;
}

int
gdi_cursor_reserve(struct godb_cursor *c, uint32_t columns, uint32_t n4,
    uint32_t n6)
{
	for (int i = 0; i < GODB_N_COLUMNS; i++) {
		enum godb_column column = (enum godb_column)i;
		bool address = gdi_columns[i].kind == GDI_ADDR;
		size_t n = (size_t)n4 + (address ? 0 : n6);

		if (!(columns & GODB_COL(i)))
			continue;
		if (gdi_values_reserve(&c->v4[i],
			n * gdi_value_bytes(column, false)) == NULL)
			return -ENOMEM;
		if (address && gdi_values_reserve(&c->v6[i],
				   n6 * sizeof(struct godb_addr6)) == NULL)
			return -ENOMEM;
	}
	return 0;
}

/* Which rows of sel are of which version; those of IPv6 count from their first
 * one here. */
static int
split_sel(struct godb_cursor *c, struct load *l)
{
	const uint32_t *row = l->sel->row;
	size_t n4 = 0, n6, end = l->sel->n;
	uint32_t *row6;

	while (n4 < end) {
		size_t mid = n4 + (end - n4) / 2;

		if (row[mid] < l->n4)
			n4 = mid + 1;
		else
			end = mid;
	}
	n6 = l->sel->n - n4;
	row6 = gdi_values_reserve(&c->sel6, n6 * sizeof(*row6));
	if (row6 == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n6; i++)
		row6[i] = row[n4 + i] - l->n4;
	l->some[0] = (struct gdi_sel){row, n4};
	l->some[1] = (struct gdi_sel){row6, n6};
	return 0;
}

/* Pieces of a stored part, one behind the other. */
static int
load_pieces(struct godb_cursor *c, struct load *l)
{
	const struct gdi_slice *s = l->slice;
	const struct gdi_scan_part *p = gdi_cursor_part(c, s->part);
	bool all = s->piece == GDI_ALL_PIECES;
	uint32_t first = all ? 0 : s->piece;
	uint32_t end = all ? gdi_part_pieces(&p->part) : first + 1;
	uint32_t n[2];
	int rc;

	for (uint32_t k = first; k < end; k++) {
		gdi_piece_rows(&p->part, k, s->v4, s->v6, n);
		l->n4 += n[0];
		l->n6 += n[1];
	}
	rc = gdi_cursor_reserve(c, l->columns, l->n4, l->n6);
	if (rc == 0 && l->sel)
		rc = split_sel(c, l);
	if (rc == 0 && l->n4 + l->n6 > 0 && !c->lent)
		rc = gdi_cursor_open_day(c, p);
	for (uint32_t k = first; rc == 0 && k < end; k++) {
		gdi_piece_rows(&p->part, k, s->v4, s->v6, n);
		if (n[0] + n[1] == 0)
			continue;
		rc = gdi_cursor_find_places(c, s->part, k, l->columns);
		if (rc < 0) {
			l->column = IN_INDEX;
			l->place = p->record->offset;
		}
		for (int x = 0; rc == 0 && x < GODB_N_COLUMNS; x++) {
			if (!(l->columns & GODB_COL(x)))
				continue;
			l->column = x;
			rc = load_column(c, p, (enum godb_column)x, l);
		}
		l->done4 += n[0];
		l->done6 += n[1];
	}
	return rc;
}

/* ---- load ---------------------------------------------------------------- */

static void
fill_out(const struct godb_cursor *c, uint32_t columns,
    struct godb_columns *out)
{
	if (columns & GODB_COL(GODB_SIP)) {
		out->sip4 = c->v4[GODB_SIP].p;
		out->sip6 = c->v6[GODB_SIP].p;
	}
	if (columns & GODB_COL(GODB_DIP)) {
		out->dip4 = c->v4[GODB_DIP].p;
		out->dip6 = c->v6[GODB_DIP].p;
	}
	if (columns & GODB_COL(GODB_DPORT))
		out->dport = c->v4[GODB_DPORT].p;
	if (columns & GODB_COL(GODB_PROTO))
		out->proto = c->v4[GODB_PROTO].p;
	if (columns & GODB_COL(GODB_L7PROTO))
		out->l7 = c->v4[GODB_L7PROTO].p;
	for (int k = 0; k < 4; k++)
		if (columns & GODB_COL(GODB_BYTES_RCVD + k))
			out->counter[k] = c->v4[GODB_BYTES_RCVD + k].p;
}

static void
fill_fault(const struct gdi_scan_part *p, int column, uint64_t place, int rc,
    struct godb_fault *f)
{
	char day[11];

	memset(f, 0, sizeof(*f));
	f->iface = p->part.iface;
	f->first_s = p->part.slot_s;
	f->last_s = p->part.slot_s + GP_SLOT_S;
	f->rc = rc;
	if (p->live) {
		(void)snprintf(f->place, sizeof(f->place),
		    "%s/" GDI_JOURNALS "/%" PRId64 ".gpj at %" PRIu64,
		    p->part.iface, p->part.slot_s, place);
		return;
	}
	gp_clock_day_format(p->part.slot_s, day);
	(void)snprintf(f->place, sizeof(f->place), "%s/%s/%s at %" PRIu64,
	    p->part.iface, day,
	    column == IN_INDEX ? p->rolled ? GDI_ROLLUPS : GDI_INDEX :
		gdi_cursor_file_name(p, (enum godb_column)column),
	    place);
}

static int
load(struct godb_cursor *c, struct load *l, struct godb_fault *fault)
{
	const struct gdi_scan_part *p = gdi_cursor_part(c, l->slice->part);
	int rc;

	if (p->live) {
		l->n4 = l->slice->v4 ? p->part.n4 : 0;
		l->n6 = l->slice->v6 ? p->part.n6 : 0;
		rc = gdi_cursor_load_live(c, p, l->columns, &l->n4, &l->n6,
		    &l->place);
	} else {
		rc = load_pieces(c, l);
	}
	if (rc < 0 && fault)
		fill_fault(p, l->column, l->place, rc, fault);
	return rc;
}

static int
load_rows(struct godb_cursor *c, struct load *l, struct godb_columns *out,
    struct godb_fault *fault)
{
	int rc = load(c, l, fault);

	if (rc < 0)
		return rc;
	memset(out, 0, sizeof(*out));
	out->n4 = l->n4;
	out->n6 = l->n6;
	fill_out(c, l->columns, out);
	return 0;
}

int
godb_cursor_load(struct godb_cursor *c, size_t i, uint32_t columns, bool want4,
    bool want6, struct godb_columns *out, struct godb_fault *fault)
{
	struct gdi_slice s = {i, GDI_ALL_PIECES, want4, want6};

	if (i >= c->scan->n_parts + c->n_rolled ||
	    (columns & ~GODB_COL_ALL))
		return -EINVAL;
	return gdi_cursor_load_slice(c, &s, columns, out, fault);
}

int
gdi_cursor_load_slice(struct godb_cursor *c, const struct gdi_slice *s,
    uint32_t columns, struct godb_columns *out, struct godb_fault *fault)
{
	struct load l = {.slice = s, .columns = columns};

	return load_rows(c, &l, out, fault);
}

int
gdi_cursor_load_some(struct godb_cursor *c, const struct gdi_slice *s,
    uint32_t columns, const struct gdi_sel *sel, struct godb_columns *out,
    struct godb_fault *fault)
{
	struct load l = {.slice = s, .columns = columns, .sel = sel};

	return load_rows(c, &l, out, fault);
}

void
gdi_cursor_zones(struct godb_cursor *c, size_t i, uint32_t piece,
    uint32_t columns, bool v6, struct gdi_zone out[GODB_N_COLUMNS])
{
	for (int k = 0; k < GODB_N_COLUMNS; k++)
		out[k].known = false;
	if (gdi_cursor_part(c, i)->live ||
	    gdi_cursor_find_places(c, i, piece, columns) < 0)
		return; /* loading it will say what is wrong with it */
	for (int k = 0; k < GODB_N_COLUMNS; k++) {
		const struct gdi_place *p = &c->place[k];

		if ((columns & GODB_COL(k)) && p->has[v6])
			out[k] = (struct gdi_zone){true, p->chunk[v6].min,
			    p->chunk[v6].max};
	}
}

bool
gdi_cursor_sums(const struct godb_cursor *c, size_t i, uint64_t sums[4])
{
	const struct gdi_record *r = gdi_cursor_part(c, i)->record;

	if (r == NULL || !r->has_sums)
		return false;
	memcpy(sums, r->sums, sizeof(r->sums));
	return true;
}

int
gdi_cursor_addresses(struct godb_cursor *c, const struct gdi_slice *s,
    enum godb_column column, struct gdi_addresses *out,
    struct godb_fault *fault)
{
	struct counts n = {0, 0};
	struct load l = {.slice = s, .columns = GODB_COL(column),
	    .distinct = &n};
	int rc = load(c, &l, fault);

	if (rc < 0)
		return rc;
	if (gdi_cursor_part(c, s->part)->live)
		n = (struct counts){l.n4, l.n6};
	*out = (struct gdi_addresses){c->v4[column].p, c->v6[column].p, n.v4,
	    n.v6};
	return 0;
}
