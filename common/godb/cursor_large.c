/* Rows of a piece whose counters may be large. */
#include "common/godb/cursor_state.h"

#include <errno.h>
#include <string.h>

/*
 * Rows that are looked up one by one because their counters may be large: of
 * pieces with fewer rows, or where more than one in so many may be, laying all
 * of them out costs no more.  Measured with 1158 rows a block (even) and 35,000
 * (a fifth less time).
 */
#define REACHING_ROWS  4096
#define REACHING_SHARE 128

/* Both chunks of a column, which mostly lie side by side, in one: they will be
 * read again. */
static int
fetch_both(struct godb_cursor *c, struct gdi_column_file *f,
    const struct gdi_place *place)
{
	const struct gdi_chunk *v4 = &place->chunk[0], *v6 = &place->chunk[1];
	const uint8_t *stored;

	if (!place->has[0] || !place->has[1] ||
	    v6->offset != v4->offset + v4->stored)
		return 0;
	return gdi_cursor_fetch(c, f, v4->offset,
	    (size_t)v4->stored + v6->stored, &stored);
}

/* Of one column; n: rows of each version, 0 of one that is not wanted. */
static int
find_reaching(struct godb_cursor *c, const struct gdi_scan_part *p,
    enum godb_column column, const uint32_t n[2], uint64_t least)
{
	const struct gdi_place *place = &c->place[column];
	struct gdi_column_file *f;
	int rc = gdi_cursor_open_column(c, p, column, &f);

	if (rc == 0 && n[0] > 0 && n[1] > 0)
		rc = fetch_both(c, f, place);
	for (int v6 = 0; rc == 0 && v6 < 2; v6++) {
		const struct gdi_chunk *k = &place->chunk[v6];
		struct gdi_stored stored;

		if (!place->has[v6] || n[v6] == 0 || k->max < least)
			continue;
		rc = gdi_cursor_fetch_chunk(c, f, column, k, &stored);
		if (rc == 0)
			rc = gdi_chunk_reaching(c->memory, &stored, least,
			    c->set.p, v6 ? n[0] : 0);
	}
	return rc;
}

/* The numbers of c->set. */
static int
list_reaching(struct godb_cursor *c, struct gdi_reaching *out)
{
	const uint64_t *set = c->set.p;
	size_t words = (out->of + 63) / 64, n = 0;
	uint32_t *row;

	for (size_t i = 0; i < words; i++)
		n += (size_t)__builtin_popcountll(set[i]);
	out->n = n;
	if (n * REACHING_SHARE > out->of)
		return 1;
	out->row = row = gdi_values_reserve(&c->in_set, n * sizeof(*row));
	if (row == NULL)
		return -ENOMEM;
	(void)gdi_set_list(set, words, row);
	return 0;
}

int
gdi_cursor_reaching(struct godb_cursor *c, const struct gdi_slice *s,
    uint32_t columns, uint64_t least, struct gdi_reaching *out)
{
	const struct gdi_scan_part *p = gdi_cursor_part(c, s->part);
	uint32_t rows[2];
	size_t bytes;
	int rc;

	if (p->live)
		return 1;
	gdi_piece_rows(&p->part, s->piece, s->v4, s->v6, rows);
	out->of = (size_t)rows[0] + rows[1];
	if (out->of < REACHING_ROWS)
		return 1;
	bytes = (out->of + 63) / 64 * sizeof(uint64_t);
	if (gdi_values_reserve(&c->set, bytes) == NULL)
		return -ENOMEM;
	memset(c->set.p, 0, bytes);
	rc = gdi_cursor_open_day(c, p);
	if (rc == 0)
		rc = gdi_cursor_find_places(c, s->part, s->piece, columns);
	for (int k = 0; rc == 0 && k < GODB_N_COLUMNS; k++)
		if (columns & GODB_COL(k))
			rc = find_reaching(c, p, (enum godb_column)k,
			    rows, least);
	if (rc == 0)
		rc = list_reaching(c, out);
	return rc == 0 || rc == -ENOMEM ? rc : 1;
}
