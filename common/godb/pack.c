#include "common/godb/pack.h"

#include "common/godb/block.h"
#include "common/godb/shape.h"

/*
 * One chunk's values of all columns, gathered in one pass over the rows, with
 * room for as many as a chunk of these rows has.  The columns do not begin a
 * power of two apart: the places that a row goes to would all want the same
 * few lines of the cache.
 */
struct gdi_columns {
	struct godb_addr6 *sip, *dip; /* in `room`, behind the values */
	uint64_t *values[GODB_N_COLUMNS];
	uint64_t room[];
};

#define ROUND 64u
#define APART 24u /* beside what is a multiple of ROUND */

static struct gdi_columns *
new_columns(const struct gdi_aggregate *rows, uint32_t chunk_rows)
{
	const size_t wide = sizeof(struct godb_addr6) / sizeof(uint64_t);
	size_t most = rows->v4.n > rows->v6.n ? rows->v4.n : rows->v6.n;
	size_t n = most < chunk_rows ? most : chunk_rows, apart, n6;
	struct gdi_columns *g;

	n = (n + ROUND - 1) / ROUND * ROUND;
	apart = n + APART;
	n6 = rows->v6.n ? n : 0;
	g = malloc(sizeof(*g) + (GODB_N_COLUMNS * apart + 2 * wide * n6) *
	    sizeof(g->room[0]));
	if (g == NULL)
		return NULL;
	for (size_t c = 0; c < GODB_N_COLUMNS; c++)
		g->values[c] = g->room + c * apart;
	g->sip = (struct godb_addr6 *)(g->room + GODB_N_COLUMNS * apart);
	g->dip = g->sip + n6;
	return g;
}

void
gdi_pack_init(struct gdi_pack *p, const struct gdi_aggregate *rows,
    uint32_t chunk_rows, bool lz4)
{
	*p = (struct gdi_pack){.rows = rows, .lz4 = lz4,
	    .chunk_rows = chunk_rows};
}

void
gdi_pack_fini(struct gdi_pack *p)
{
	free(p->columns);
	p->columns = NULL;
}

static void
gather_rest(struct gdi_columns *g, size_t i, const struct gdi_rows *rows,
    uint64_t last_word, const uint32_t counter[4])
{
	uint64_t wide[4];

	g->values[GODB_DPORT][i] = GDI_KEY_DPORT(last_word);
	g->values[GODB_PROTO][i] = GDI_KEY_PROTO(last_word);
	g->values[GODB_L7PROTO][i] = GDI_KEY_L7(last_word);
	gdi_row_counters(rows, last_word, counter, wide);
	for (int k = 0; k < 4; k++)
		g->values[GODB_BYTES_RCVD + k][i] = wide[k];
}

static void
gather4(struct gdi_columns *g, const struct gdi_rows *rows, size_t at,
    size_t n)
{
	const struct gdi_row4 *row = (const struct gdi_row4 *)rows->rows + at;

	for (size_t i = 0; i < n; i++, row++) {
		g->values[GODB_SIP][i] = row->k[0] >> 32;
		g->values[GODB_DIP][i] = (uint32_t)row->k[0];
		gather_rest(g, i, rows, row->k[1], row->counter);
	}
}

/* The zone of an address column is that of the high halves. */
static void
gather6(struct gdi_columns *g, const struct gdi_rows *rows, size_t at,
    size_t n)
{
	const struct gdi_row6 *row = (const struct gdi_row6 *)rows->rows + at;

	for (size_t i = 0; i < n; i++, row++) {
		g->sip[i] = (struct godb_addr6){row->k[0], row->k[1]};
		g->dip[i] = (struct godb_addr6){row->k[2], row->k[3]};
		g->values[GODB_SIP][i] = row->k[0];
		g->values[GODB_DIP][i] = row->k[2];
		gather_rest(g, i, rows, row->k[4], row->counter);
	}
}

/* Sums stay at the largest number.  Those of a chunk's narrow values cannot
 * get there, so only their sum is looked at. */
static_assert(GDI_CHUNK_ROWS <= UINT32_MAX, "32 bits each, no more than 64");

static void
add_sum(uint64_t *to, const uint64_t *v, size_t n, uint64_t max)
{
	uint64_t sum = 0;

	if (max > UINT32_MAX) {
		for (size_t i = 0; i < n; i++)
			gdi_sum_values(to, &v[i], 1);
		return;
	}
	for (size_t i = 0; i < n; i++)
		sum += v[i];
	gdi_sum_values(to, &sum, 1);
}

static int
pack_column(const struct gdi_pack *p, struct gdi_day_block *out, int c,
    bool v6, size_t n)
{
	const struct gdi_columns *g = p->columns;
	struct gdi_buf *stored = &out->stored[c];
	struct gdi_shape shape = gdi_shape_of(g->values[c], n);
	struct gdi_chunk chunk = {.min = shape.min, .max = shape.max};
	size_t before = stored->len;

	if (v6 && gdi_columns[c].kind == GDI_ADDR)
		gdi_chunk_encode_addr6(c == GODB_SIP ? g->sip : g->dip,
		    n, p->lz4, stored);
	else
		gdi_chunk_encode(g->values[c], n, &shape,
		    gdi_columns[c].kind != GDI_U64, p->lz4, stored);
	if (c >= GODB_BYTES_RCVD)
		add_sum(&out->record.sums[c - GODB_BYTES_RCVD], g->values[c],
		    n, shape.max);
	if (stored->rc < 0)
		return stored->rc;
	chunk.stored = (uint32_t)(stored->len - before);
	chunk.checksum = gp_checksum(stored->p + before, chunk.stored, 0);
	gdi_extent_add(&out->extents[c], &chunk);
	return out->extents[c].rc;
}

int
gdi_pack_step(struct gdi_pack *p, struct gdi_day_block *out)
{
	bool v6 = p->at4 == p->rows->v4.n;
	const struct gdi_rows *rows = v6 ? &p->rows->v6 : &p->rows->v4;
	size_t *at = v6 ? &p->at6 : &p->at4;
	size_t n = rows->n - *at;
	int rc = 0;

	if (n == 0)
		return 0;
	if (n > p->chunk_rows)
		n = p->chunk_rows;
	if (p->columns == NULL)
		p->columns = new_columns(p->rows, p->chunk_rows);
	if (p->columns == NULL)
		return -ENOMEM;
	if (v6)
		gather6(p->columns, rows, *at, n);
	else
		gather4(p->columns, rows, *at, n);
	for (int c = 0; rc == 0 && c < GODB_N_COLUMNS; c++)
		rc = pack_column(p, out, c, v6, n);
	*at += n;
	return rc < 0 ? rc : 1;
}
