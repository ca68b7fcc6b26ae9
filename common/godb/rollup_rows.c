/*
 * rollup_rows - what a roll-up sums: blocks, or smaller roll-ups in their
 * place; and whether it is likely to be worth it.
 */
#include "common/godb/rollup_making.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"

#define ATTRIBUTES gdi_rollup_columns(GDI_ROLLUP_FLOWS)

/* One piece of so many is looked at first, and these tell nothing unless they
 * have so many rows. */
#define SAMPLE      8u
#define SAMPLE_ROWS 16384u

/* A roll-up in place of its blocks, as a part of the scan. */
static bool
use(struct gdi_making *m, const struct gdi_span *span,
    enum gdi_rollup_kind kind)
{
	const struct gdi_rollup *r = gdi_making_find(m, span, kind);

	if (!gdi_making_has_all(m, span, r))
		return false;
	m->source[m->n_sources++] = m->d->scan->n_parts + m->n_rolled;
	gdi_scan_rolled(&m->d->scan->parts[span->first], r->record,
	    &m->rolled[m->n_rolled++]);
	return true;
}

static void
use_blocks(struct gdi_making *m, const struct gdi_span *span)
{
	for (size_t i = span->first; i < span->end; i++)
		m->source[m->n_sources++] = i;
}

/* The least that has all of its rows' columns. */
static void
use_least(struct gdi_making *m, const struct gdi_span *span)
{
	bool flows = m->kind == GDI_ROLLUP_FLOWS;

	if (m->kind == GDI_ROLLUP_APART) {
		use_blocks(m, span);
		return;
	}
	if (!flows && use(m, span, GDI_ROLLUP_FLOWS))
		return;
	if (span->span_s != GP_DAY_S) {
		use_blocks(m, span);
		return;
	}
	for (int hour = 0; hour < 24; hour++) {
		struct gdi_span h = gdi_making_span(m, hour);

		if (h.first < h.end && !use(m, &h, m->kind) &&
		    (flows || !use(m, &h, GDI_ROLLUP_FLOWS)))
			use_blocks(m, &h);
	}
}

/* The rows that it may have. */
static void
set_most(struct gdi_making *m)
{
	unsigned share = GDI_ROLLUP_SHARE;

	if (m->kind == GDI_ROLLUP_APART)
		share = 100;
	else if (m->kind != GDI_ROLLUP_FLOWS)
		share = m->span.span_s == GP_DAY_S ?
		    GDI_ROLLUP_SHARE_FEW_DAY : GDI_ROLLUP_SHARE_FEW_HOUR;
	m->rows_most = m->rows_in * share / 100;
}

static uint64_t
rows_of(const struct gdi_making *m, size_t part)
{
	const struct godb_part *p = &m->d->scan->parts[part].part;

	return (uint64_t)p->n4 + p->n6;
}

/* Whether one of its blocks alone is too much: to be held, as a block is when
 * it is read, or because its rows differ. */
static bool
is_hopeless(const struct gdi_making *m)
{
	for (size_t i = m->span.first; i < m->span.end; i++) {
		const struct godb_part *p = &m->d->scan->parts[i].part;

		if (p->n4 > m->most || p->n6 > m->most ||
		    (m->kind == GDI_ROLLUP_FLOWS &&
			rows_of(m, i) > m->rows_most))
			return true;
	}
	return false;
}

int
gdi_making_choose(struct gdi_making *m)
{
	m->source = calloc(m->span.end - m->span.first + 1,
	    sizeof(*m->source));
	m->rolled = calloc(24, sizeof(*m->rolled));
	if (m->source == NULL || m->rolled == NULL)
		return -ENOMEM;
	use_least(m, &m->span);
	for (size_t i = m->span.first; i < m->span.end; i++)
		m->rows_in += rows_of(m, i);
	set_most(m);
	m->too_many = is_hopeless(m);
	if (m->too_many)
		m->phase = GDI_MAKE_JUDGE;
	else if (m->kind == GDI_ROLLUP_APART) /* how many it has is known */
		m->phase = GDI_MAKE_LOAD;
	gdi_estimate_init(&m->estimate);
	gdi_cursor_rolled(m->cursor, m->rolled, m->n_rolled);
	return gdi_making_ids(m, &m->span, &m->ids);
}

static const struct godb_part *
source_part(const struct gdi_making *m, size_t at)
{
	const struct godb_scan *s = m->d->scan;
	size_t i = m->source[at];

	return i < s->n_parts ? &s->parts[i].part :
				&m->rolled[i - s->n_parts].part;
}

void
gdi_making_begin(struct gdi_making *m, enum gdi_make_phase phase)
{
	m->at = 0;
	m->piece = 0;
	m->n_pieces = 0;
	m->phase = phase;
}

static void
next_piece(struct gdi_making *m)
{
	m->n_pieces++;
	if (++m->piece < gdi_part_pieces(source_part(m, m->at)))
		return;
	m->at++;
	m->piece = 0;
}

static int
load_piece(struct gdi_making *m, uint32_t columns, struct godb_columns *out)
{
	struct gdi_slice s = {m->source[m->at], m->piece, true, true};

	return gdi_cursor_load_slice(m->cursor, &s, columns, out, NULL);
}

/*
 * What is not worth it can be told from its keys, to a few per cent: without
 * reading counters, sorting and summing, which take ten times as long.  One
 * that cannot be read is the next reading's business.
 */
static int
look_at_keys(struct gdi_making *m)
{
	uint32_t columns = gdi_rollup_columns(m->kind);
	uint64_t enough = m->rows_most + m->rows_most / 8;
	struct godb_columns c;
	int rc = load_piece(m, columns, &c);

	next_piece(m);
	if (rc == GODB_EDAMAGED)
		return 1;
	if (rc < 0)
		return rc;
	m->rows_taken += (uint64_t)c.n4 + c.n6;
	gdi_aggregate_estimate(&c, columns, &m->key, enough, &m->estimate);
	if (gdi_estimate(&m->estimate) > enough) {
		m->too_many = true;
		m->phase = GDI_MAKE_JUDGE;
	}
	return 1;
}

/* Whether all are surely worth it if the others are like the pieces that were
 * looked at: though each had other keys. */
static bool
is_worth_it(const struct gdi_making *m)
{
	uint64_t rows = 0;

	for (size_t i = 0; i < m->n_sources; i++) {
		const struct godb_part *p = source_part(m, i);

		rows += (uint64_t)p->n4 + p->n6;
	}
	return m->rows_taken >= SAMPLE_ROWS &&
	    m->rows_taken >= rows / (2 * SAMPLE) &&
	    gdi_estimate(&m->estimate) * SAMPLE <= m->rows_most;
}

/* With which piece it begins strangers cannot know: they cannot make the
 * others different. */
static bool
is_sample(const struct gdi_making *m)
{
	return m->n_pieces % SAMPLE == m->key.k[0] % SAMPLE;
}

/* The keys of some pieces; and of the others, unless these are proof enough. */
int
gdi_making_estimate(struct gdi_making *m)
{
	bool first = m->phase == GDI_MAKE_GUESS;

	while (m->at < m->n_sources && is_sample(m) != first)
		next_piece(m);
	if (m->at < m->n_sources)
		return look_at_keys(m);
	gdi_making_begin(m, first && !is_worth_it(m) ? GDI_MAKE_ESTIMATE :
							   GDI_MAKE_LOAD);
	return 1;
}

/*
 * A block that cannot be read is not listed, and so is answered for by itself;
 * what was taken of it before is taken back with all there is.  After a damaged
 * hour all are made anew, the next time.
 */
static int
leave_out(struct gdi_making *m)
{
	size_t part = m->source[m->at];
	const uint8_t *id;

	if (part >= m->d->scan->n_parts) {
		(void)gdi_rollups_remove(m->d->day_fd);
		return GODB_EDAMAGED;
	}
	m->n_sources--;
	memmove(m->source + m->at, m->source + m->at + 1,
	    (m->n_sources - m->at) * sizeof(*m->source));
	if (m->piece > 0) {
		gdi_aggregate_free(&m->rows);
		gdi_making_begin(m, GDI_MAKE_LOAD);
	}
	id = m->d->scan->parts[part].part.id;
	for (size_t i = 0; i < m->ids.len; i += 16)
		if (memcmp(m->ids.p + i, id, 16) == 0) {
			memmove(m->ids.p + i, m->ids.p + i + 16,
			    m->ids.len - i - 16);
			m->ids.len -= 16;
			m->rows_in -= rows_of(m, part);
			set_most(m);
			return 1;
		}
	return GODB_EDAMAGED;
}

/* Rows that are held: no more than that is worth it, and some to sum. */
static size_t
load_most(const struct gdi_making *m)
{
	uint64_t most = 2 * m->rows_most + 2 * GDI_CHUNK_ROWS;

	return most < m->most ? (size_t)most : m->most;
}

int
gdi_making_load(struct gdi_making *m)
{
	struct godb_columns c;
	uint32_t columns = (GODB_COL_ALL & ~ATTRIBUTES) |
	    gdi_rollup_columns(m->kind);
	int rc;

	if (m->at == m->n_sources) {
		m->phase = GDI_MAKE_SORT4;
		return 1;
	}
	rc = load_piece(m, columns, &c);
	if (rc == GODB_EDAMAGED)
		return leave_out(m);
	next_piece(m);
	if (m->kind == GDI_ROLLUP_APART)
		gdi_aggregate_apart(&m->rows);
	if (rc == 0)
		rc = gdi_aggregate_columns(&m->rows, &c, columns,
		    load_most(m), &m->scratch);
	if (rc == GODB_EFULL) {
		m->too_many = true;
		m->phase = GDI_MAKE_JUDGE;
		return 1;
	}
	return rc < 0 ? rc : 1;
}
