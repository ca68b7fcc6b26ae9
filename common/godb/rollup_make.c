/*
 * Failure policy.  Chunks go behind what the index names, then the index is
 * written anew and renamed: at any moment a reader finds an index that is
 * whole, and what it names is on disk.  All of a look at a day is committed at
 * once, so it costs two fsyncs.  What fails is forgotten: the next look makes
 * it again, at the same places, and after a failed fsync in new files.
 */
#include "common/godb/rollup_make.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/base/hash.h"
#include "common/godb/cursor.h"
#include "common/godb/estimate.h"
#include "common/godb/pack.h"
#include "common/godb/retain.h"
#include "common/godb/rollup.h"

/* Bytes that no record names, above as many as are named: then the day's are
 * made anew. */
#define WASTE_BYTES (1u << 20)

#define ATTRIBUTES gdi_rollup_columns(GDI_ROLLUP_FLOWS)

/* One piece of so many is looked at first, and these tell nothing unless they
 * have so many rows. */
#define SAMPLE      8u
#define SAMPLE_ROWS 16384u

/* An hour, or the day. */
struct span {
	int64_t slot_s, span_s;
	size_t first, end; /* its parts in the scan */
};

enum phase { CHOOSE, GUESS, ESTIMATE, LOAD, SORT4, SORT6, JUDGE, PACK, WRITE,
	SYNC, INDEX };

struct making {
	struct gdi_upkeep_day *d;
	enum phase phase;
	struct gdi_rollups have; /* of the index below */
	struct gdi_buf index;    /* as it is to be: header and records */
	bool remove;             /* the files that are there, first */
	uint64_t data_kept;      /* of rollups.gpf, by the index on disk */
	uint64_t data_end;       /* and with what was made here */
	int data_fd;
	bool made_file, changed;
	bool unread; /* what was made here is not among those we have */
	/* the span at hand */
	int hour; /* 24: the day */
	struct span span;
	uint32_t refused; /* kinds of it, in this making */
	int at_kind;      /* where to look for the next */
	/* the roll-up at hand */
	enum gdi_rollup_kind kind;
	struct gdi_scan_part *rolled; /* hours that stand for their blocks */
	size_t n_rolled;
	size_t *source; /* part of the scan, or behind them, of rolled */
	size_t n_sources, at;
	uint32_t piece;      /* of the source at hand, the next */
	uint64_t n_pieces;   /* before it, of all sources */
	uint64_t rows_taken; /* of the pieces that were looked at first */
	int column;
	struct godb_cursor *cursor;
	struct gdi_aggregate rows;
	struct gdi_buf scratch, ids;
	uint64_t rows_in;
	uint64_t rows_most; /* that are worth it, of rows_in */
	size_t most; /* rows of a version that are held at a time */
	bool too_many;
	struct gp_hash_key key;
	struct gdi_estimate estimate;
	struct gdi_pack pack;
	struct gdi_day_block block;
};

/* ---- what is there ------------------------------------------------------- */

static struct span
span_of(const struct making *m, int hour)
{
	const struct godb_scan *s = m->d->scan;
	struct span out = {m->d->day_s, GP_DAY_S, 0, s->n_parts};

	if (hour == 24)
		return out;
	out.slot_s += hour * GDI_HOUR_S;
	out.span_s = GDI_HOUR_S;
	while (out.first < s->n_parts &&
	    s->parts[out.first].part.slot_s < out.slot_s)
		out.first++;
	out.end = out.first;
	while (out.end < s->n_parts &&
	    s->parts[out.end].part.slot_s < out.slot_s + GDI_HOUR_S)
		out.end++;
	return out;
}

/* Whether it sums all that its span has. */
static bool
lists_all(const struct making *m, const struct span *span,
    const struct gdi_rollup *r)
{
	const struct gdi_scan_part *p = m->d->scan->parts;

	if (r == NULL || r->n != span->end - span->first)
		return false;
	for (uint64_t i = 0; i < r->n; i++)
		if (memcmp(p[span->first + i].part.id, r->ids + i * 16, 16) !=
		    0)
			return false;
	return true;
}

/* The ids of all that it has. */
static int
list_ids(const struct making *m, const struct span *span, struct gdi_buf *out)
{
	out->len = 0;
	for (size_t i = span->first; i < span->end; i++)
		gdi_buf_bytes(out, m->d->scan->parts[i].part.id, 16);
	return out->rc;
}

/* One record with rows is its own sum, and a day of one hour the hour's. */
static bool
can_be(const struct making *m, const struct span *span)
{
	const struct gdi_scan_part *p = m->d->scan->parts;
	unsigned with_rows = 0;

	if (span->slot_s + span->span_s > m->d->until_s ||
	    span->first == span->end ||
	    (span->span_s == GP_DAY_S &&
		p[span->first].part.slot_s / GDI_HOUR_S ==
		    p[span->end - 1].part.slot_s / GDI_HOUR_S))
		return false;
	for (size_t i = span->first; i < span->end && with_rows < 2; i++)
		with_rows += p[i].record->n4 + p[i].record->n6 > 0;
	return with_rows == 2;
}

static const struct gdi_rollup *
find(const struct making *m, const struct span *span,
    enum gdi_rollup_kind kind)
{
	return gdi_rollups_find(&m->have, span->slot_s, span->span_s, kind);
}

/* Kinds of a span that were looked at, with all that it has, and refused. */
static int
known_refused(struct making *m, const struct span *span, uint32_t *refused)
{
	const struct gdi_rollup *r = find(m, span, GDI_ROLLUP_KINDS);
	uint8_t digest[16];
	int rc;

	*refused = 0;
	if (r == NULL || r->n != span->end - span->first)
		return 0;
	rc = list_ids(m, span, &m->ids);
	if (rc < 0)
		return rc;
	gdi_rollup_digest(m->ids.p, m->ids.len, digest);
	if (memcmp(digest, r->ids, sizeof(digest)) == 0)
		*refused = r->refused;
	return 0;
}

static bool
is_due(const struct making *m, const struct span *span,
    enum gdi_rollup_kind kind, uint32_t refused)
{
	return can_be(m, span) && !(refused & 1u << kind) &&
	    !lists_all(m, span, find(m, span, kind));
}

/* Whether any kind of it is; negative: an error. */
static int
any_due(struct making *m, const struct span *span)
{
	uint32_t refused;
	int rc = can_be(m, span) ? known_refused(m, span, &refused) : 0;
	bool due = false;

	for (int k = 0; rc == 0 && !due && k < GDI_ROLLUP_KINDS; k++)
		due = is_due(m, span, (enum gdi_rollup_kind)k, refused);
	return rc < 0 ? rc : due;
}

/* Where the chunks end that the index names, and how many bytes they have. */
static int
named_end(const struct gdi_rollups *have, uint64_t *end, uint64_t *bytes)
{
	*end = *bytes = 0;
	for (size_t i = 0; i < have->n; i++)
		for (int c = 0; have->list[i].stored && c < GODB_N_COLUMNS;
		     c++) {
			struct gdi_extent e = {0};
			struct gdi_chunk k;
			int rc = gdi_extent_open(have->list[i].record,
			    (enum godb_column)c, &e);

			while (rc == 0 && (rc = gdi_extent_next(&e, &k)) == 1) {
				if (k.offset + k.stored > *end)
					*end = k.offset + k.stored;
				*bytes += k.stored;
				rc = 0;
			}
			if (rc < 0)
				return rc;
		}
	return 0;
}

/* The index as it is to be, with all that is to stay. */
static void
keep_index(struct making *m)
{
	uint8_t header[GDI_HEADER_BYTES];

	gdi_header_make(header, gdi_rollup_magic, m->d->iface, m->d->day_s, 0);
	gdi_buf_bytes(&m->index, header, sizeof(header));
	for (size_t i = 0; i < m->have.n; i++) {
		const uint8_t *r =
		    m->have.index.data + m->have.list[i].record->offset;

		gdi_buf_bytes(&m->index, r, gdi_get32(r + 4));
	}
}

static int
take_stock(struct making *m, bool anew)
{
	uint64_t bytes = 0;
	size_t n_damaged;
	struct stat st;
	int rc = gdi_rollups_read(m->d->day_fd, m->d->day_s, &m->have,
	    &n_damaged);

	if (rc < 0)
		return rc;
	m->remove = fstatat(m->d->day_fd, GDI_ROLLED, &st,
	    AT_SYMLINK_NOFOLLOW) == 0;
	if (!m->remove)
		st.st_size = 0;
	anew |= n_damaged > 0 ||
	    named_end(&m->have, &m->data_end, &bytes) < 0 ||
	    (uint64_t)st.st_size > 2 * bytes + WASTE_BYTES ||
	    (uint64_t)st.st_size < m->data_end;
	m->remove = anew && (m->remove || m->have.n > 0 || n_damaged > 0);
	if (anew) {
		gdi_rollups_free(&m->have);
		m->data_end = 0;
	}
	m->data_kept = m->data_end;
	keep_index(m);
	return m->index.rc;
}

/* ---- what is summed ------------------------------------------------------ */

/* A roll-up in place of its blocks, as a part of the scan. */
static bool
use(struct making *m, const struct span *span, enum gdi_rollup_kind kind)
{
	const struct gdi_rollup *r = find(m, span, kind);

	if (!lists_all(m, span, r))
		return false;
	m->source[m->n_sources++] = m->d->scan->n_parts + m->n_rolled;
	gdi_scan_rolled(&m->d->scan->parts[span->first], r->record,
	    &m->rolled[m->n_rolled++]);
	return true;
}

static void
use_blocks(struct making *m, const struct span *span)
{
	for (size_t i = span->first; i < span->end; i++)
		m->source[m->n_sources++] = i;
}

/* The least that has all of its rows' columns. */
static void
use_least(struct making *m, const struct span *span)
{
	bool flows = m->kind == GDI_ROLLUP_FLOWS;

	if (!flows && use(m, span, GDI_ROLLUP_FLOWS))
		return;
	if (span->span_s != GP_DAY_S) {
		use_blocks(m, span);
		return;
	}
	for (int hour = 0; hour < 24; hour++) {
		struct span h = span_of(m, hour);

		if (h.first < h.end && !use(m, &h, m->kind) &&
		    (flows || !use(m, &h, GDI_ROLLUP_FLOWS)))
			use_blocks(m, &h);
	}
}

/* The rows that it may have. */
static void
set_most(struct making *m)
{
	unsigned share = GDI_ROLLUP_SHARE;

	if (m->kind != GDI_ROLLUP_FLOWS)
		share = m->span.span_s == GP_DAY_S ?
		    GDI_ROLLUP_SHARE_FEW_DAY : GDI_ROLLUP_SHARE_FEW_HOUR;
	m->rows_most = m->rows_in * share / 100;
}

static uint64_t
rows_of(const struct making *m, size_t part)
{
	const struct godb_part *p = &m->d->scan->parts[part].part;

	return (uint64_t)p->n4 + p->n6;
}

/* Whether one of its blocks alone is too much: to be held, as a block is when
 * it is read, or because its rows differ. */
static bool
is_hopeless(const struct making *m)
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

static int
choose_sources(struct making *m)
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
		m->phase = JUDGE;
	gdi_estimate_init(&m->estimate);
	gdi_cursor_rolled(m->cursor, m->rolled, m->n_rolled);
	return list_ids(m, &m->span, &m->ids);
}

static const struct godb_part *
source_part(const struct making *m, size_t at)
{
	const struct godb_scan *s = m->d->scan;
	size_t i = m->source[at];

	return i < s->n_parts ? &s->parts[i].part :
				&m->rolled[i - s->n_parts].part;
}

static void
begin_sources(struct making *m, enum phase phase)
{
	m->at = 0;
	m->piece = 0;
	m->n_pieces = 0;
	m->phase = phase;
}

static void
next_piece(struct making *m)
{
	m->n_pieces++;
	if (++m->piece < gdi_part_pieces(source_part(m, m->at)))
		return;
	m->at++;
	m->piece = 0;
}

static int
load_piece(struct making *m, uint32_t columns, struct godb_columns *out)
{
	return gdi_cursor_load_piece(m->cursor, m->source[m->at], m->piece,
	    columns, true, true, out, NULL);
}

/*
 * What is not worth it can be told from its keys, to a few per cent: without
 * reading counters, sorting and summing, which take ten times as long.  One
 * that cannot be read is the next reading's business.
 */
static int
look_at_keys(struct making *m)
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
		m->phase = JUDGE;
	}
	return 1;
}

/* Whether all are surely worth it if the others are like the pieces that were
 * looked at: though each had other keys. */
static bool
is_worth_it(const struct making *m)
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
is_sample(const struct making *m)
{
	return m->n_pieces % SAMPLE == m->key.k[0] % SAMPLE;
}

/* The keys of some pieces; and of the others, unless these are proof enough. */
static int
estimate(struct making *m)
{
	bool first = m->phase == GUESS;

	while (m->at < m->n_sources && is_sample(m) != first)
		next_piece(m);
	if (m->at < m->n_sources)
		return look_at_keys(m);
	begin_sources(m, first && !is_worth_it(m) ? ESTIMATE : LOAD);
	return 1;
}

/*
 * A block that cannot be read is not listed, and so is answered for by itself;
 * what was taken of it before is taken back with all there is.  After a damaged
 * hour all are made anew, the next time.
 */
static int
leave_out(struct making *m)
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
		begin_sources(m, LOAD);
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
load_most(const struct making *m)
{
	uint64_t most = 2 * m->rows_most + 2 * GDI_CHUNK_ROWS;

	return most < m->most ? (size_t)most : m->most;
}

static int
load(struct making *m)
{
	struct godb_columns c;
	uint32_t columns = (GODB_COL_ALL & ~ATTRIBUTES) |
	    gdi_rollup_columns(m->kind);
	int rc;

	if (m->at == m->n_sources) {
		m->phase = SORT4;
		return 1;
	}
	rc = load_piece(m, columns, &c);
	if (rc == GODB_EDAMAGED)
		return leave_out(m);
	next_piece(m);
	if (rc == 0)
		rc = gdi_aggregate_columns(&m->rows, &c, columns,
		    load_most(m), &m->scratch);
	if (rc == GODB_EFULL) {
		m->too_many = true;
		m->phase = JUDGE;
		return 1;
	}
	return rc < 0 ? rc : 1;
}

/* Counters and times of the records, for who wants them in one place. */
static int
fill_record(struct making *m)
{
	struct gdi_record *r = &m->block.record;
	size_t at = 0;

	r->slot_s = m->span.slot_s;
	r->first_ns = INT64_MAX;
	r->last_ns = INT64_MIN;
	for (size_t i = m->span.first; i < m->span.end; i++) {
		const struct gdi_record *from = m->d->scan->parts[i].record;

		if (at == m->ids.len ||
		    memcmp(from->id, m->ids.p + at, 16) != 0)
			continue;
		at += 16;
		if (from->first_ns < r->first_ns)
			r->first_ns = from->first_ns;
		if (from->last_ns > r->last_ns)
			r->last_ns = from->last_ns;
		r->flags |= from->flags;
		gdi_sum_counters(&r->counters, &from->counters);
	}
	return gdi_random(r->id, sizeof(r->id));
}

/* The record to the index that is to be; takes the section. */
static int
add_record(struct making *m, const struct gdi_buf columns[GODB_N_COLUMNS],
    struct gdi_buf *section)
{
	const struct gdi_rings none = {0};
	struct gdi_record *r = &m->block.record;

	r->rollup = (struct gdi_in){section->p, section->p + section->len,
	    false};
	if (section->rc == 0)
		gdi_record_write(r, columns, &none, &m->index);
	else
		m->index.rc = section->rc;
	gdi_buf_free(section);
	r->rollup = (struct gdi_in){NULL, NULL, false};
	m->changed |= m->index.rc == 0;
	return m->index.rc;
}

static int
add_stored(struct making *m)
{
	struct gdi_buf columns[GODB_N_COLUMNS] = {{0}}, section = {0};
	uint64_t at = m->data_end;
	int rc;

	for (int c = 0; c < GODB_N_COLUMNS; c++) {
		const struct gdi_buf *e = &m->block.extents[c];

		gdi_extent_begin(&columns[c], at);
		gdi_buf_bytes(&columns[c], e->p, e->len);
		at += m->block.stored[c].len;
	}
	m->block.record.stored_bytes = at - m->data_end;
	gdi_rollup_write(m->span.span_s, m->kind, &m->ids, &section);
	rc = add_record(m, columns, &section);
	for (int c = 0; c < GODB_N_COLUMNS; c++)
		gdi_buf_free(&columns[c]);
	m->data_end = at;
	/* other kinds, and the day, can be made of flows */
	m->unread |= rc == 0;
	return rc;
}

/* What of the span was refused, so that nobody tries again. */
static int
add_refused(struct making *m)
{
	const struct gdi_buf none[GODB_N_COLUMNS] = {{0}};
	struct gdi_buf section = {0};
	int rc;

	rc = list_ids(m, &m->span, &m->ids);
	if (rc == 0)
		rc = fill_record(m);
	if (rc < 0)
		return rc;
	gdi_rollup_write_refused(m->span.span_s, m->refused, &m->ids,
	    &section);
	return add_record(m, none, &section);
}

static int
judge(struct making *m)
{
	uint64_t rows = (uint64_t)m->rows.v4.n + m->rows.v6.n;
	int rc;

	if (m->ids.len == 0 || m->too_many || rows > m->rows_most) {
		m->refused |= 1u << m->kind;
		m->phase = CHOOSE;
		return 1;
	}
	rc = fill_record(m);
	if (rc < 0)
		return rc;
	m->block.record.n4 = (uint32_t)m->rows.v4.n;
	m->block.record.n6 = (uint32_t)m->rows.v6.n;
	gdi_pack_init(&m->pack, &m->rows, GDI_ROLLED_ROWS,
	    gdi_writer_lz4(m->d->w));
	m->phase = PACK;
	return 1;
}

/* ---- what is next -------------------------------------------------------- */

static void
rollup_end(struct making *m)
{
	free(m->source);
	free(m->rolled);
	m->source = NULL;
	m->rolled = NULL;
	m->n_sources = m->n_rolled = 0;
	m->column = 0;
	m->rows_in = m->rows_taken = 0;
	m->too_many = false;
	m->ids.len = 0;
	gdi_aggregate_free(&m->rows);
	gdi_pack_fini(&m->pack);
	gdi_day_block_free(&m->block);
	m->block = (struct gdi_day_block){.iface = m->d->iface};
	gdi_cursor_rolled(m->cursor, NULL, 0);
}

/* The index with what was made here, as if it were on disk already. */
static int
reread(struct making *m)
{
	struct gdi_rollups fresh;
	uint8_t *copy = malloc(m->index.len);
	int rc = copy ? 0 : -ENOMEM;

	if (copy)
		memcpy(copy, m->index.p, m->index.len);
	if (rc == 0)
		rc = gdi_rollups_parse(copy, m->index.len, m->d->day_s,
		    &fresh);
	if (rc < 0)
		return rc;
	gdi_rollups_free(&m->have);
	m->have = fresh;
	m->unread = false;
	return 0;
}

/* The span's next kind that is due: 1, or 0 when there is none. */
static int
next_kind(struct making *m)
{
	uint32_t known;
	int rc = m->unread ? reread(m) : 0;

	if (rc == 0)
		rc = known_refused(m, &m->span, &known);
	if (rc < 0)
		return rc;
	for (int k = m->at_kind; k < GDI_ROLLUP_KINDS; k++)
		if (is_due(m, &m->span, (enum gdi_rollup_kind)k, known)) {
			m->kind = (enum gdi_rollup_kind)k;
			m->at_kind = k + 1;
			return 1;
		}
	if (m->refused == 0)
		return 0;
	m->refused |= known;
	rc = add_refused(m);
	return rc < 0 ? rc : 0;
}

/* The next roll-up that is due, or the end. */
static int
choose(struct making *m)
{
	int rc;

	rollup_end(m);
	for (; m->hour <= 24; m->hour++) {
		m->span = span_of(m, m->hour);
		rc = can_be(m, &m->span) ? next_kind(m) : 0;
		if (rc < 0)
			return rc;
		if (rc == 1) {
			begin_sources(m, GUESS);
			rc = choose_sources(m);
			return rc < 0 ? rc : 1;
		}
		m->at_kind = 0;
		m->refused = 0;
	}
	m->phase = SYNC;
	return m->changed ? 1 : 0;
}

/* ---- files --------------------------------------------------------------- */

static int
open_data(struct making *m)
{
	uint32_t mode = gdi_writer_mode_file(m->d->w);
	int rc = 0;

	if (m->data_fd >= 0)
		return 0;
	if (m->remove)
		rc = gdi_rollups_remove(m->d->day_fd);
	m->remove = false;
	if (rc == 0)
		m->data_fd = gp_fd_openat(m->d->day_fd, GDI_ROLLED, O_RDWR, 0);
	if (rc == 0 && m->data_fd == -ENOENT) {
		m->data_fd = gp_fd_openat(m->d->day_fd, GDI_ROLLED,
		    O_RDWR | O_CREAT | O_EXCL, mode);
		m->made_file = true;
		if (m->data_fd >= 0 && fchmod(m->data_fd, mode) < 0)
			rc = -errno;
	}
	return rc < 0 ? rc : m->data_fd < 0 ? m->data_fd : 0;
}

static int
write_columns(struct making *m)
{
	uint64_t at = m->data_end;
	int rc = open_data(m);

	/* those before it lie in front of it */
	for (int c = 0; c < m->column; c++)
		at += m->block.stored[c].len;
	if (rc == 0)
		rc = gp_fd_pwrite_full(m->data_fd,
		    m->block.stored[m->column].p,
		    m->block.stored[m->column].len, at);
	if (rc == 0 && ++m->column == GODB_N_COLUMNS) {
		m->phase = CHOOSE;
		rc = add_stored(m);
	}
	return rc < 0 ? rc : 1;
}

static int
sync_data(struct making *m)
{
	int rc = m->data_fd < 0 ? 0 : gp_fd_sync(m->data_fd);

	/* which of its pages are on disk nobody knows: the next look has to
	 * make a new one */
	if (rc < 0)
		(void)gdi_rollups_remove(m->d->day_fd);
	if (rc == 0 && m->made_file)
		rc = gp_fd_sync(m->d->day_fd);
	m->phase = INDEX;
	return rc < 0 ? rc : 1;
}

static int
replace_index(struct making *m)
{
	uint32_t mode = gdi_writer_mode_file(m->d->w);
	int fd, rc = 0;

	if (m->remove) /* nothing but refusals: no column was written */
		rc = gdi_rollups_remove(m->d->day_fd);
	m->remove = false;
	fd = rc < 0 ? rc : gp_fd_openat(m->d->day_fd, GDI_ROLLUPS GDI_NEW,
	    O_WRONLY | O_CREAT | O_TRUNC, mode);
	rc = fd < 0 ? fd : fchmod(fd, mode) < 0 ? -errno : 0;
	if (rc == 0)
		rc = gp_fd_pwrite_full(fd, m->index.p, m->index.len, 0);
	if (rc == 0)
		rc = gp_fd_sync(fd);
	if (rc == 0 && renameat(m->d->day_fd, GDI_ROLLUPS GDI_NEW,
			   m->d->day_fd, GDI_ROLLUPS) < 0)
		rc = -errno;
	if (rc < 0 && fd >= 0)
		(void)unlinkat(m->d->day_fd, GDI_ROLLUPS GDI_NEW, 0);
	gp_fd_close(&fd);
	if (rc == 0) {
		m->data_kept = m->data_end;
		m->d->changed = true;
	}
	return rc;
}

/* ---- the job ------------------------------------------------------------- */

static void
making_end(void *state)
{
	struct making *m = state;

	if (m->cursor)
		rollup_end(m);
	/* a full disk gets its space back */
	if (m->data_fd >= 0 && m->data_end > m->data_kept)
		(void)!ftruncate(m->data_fd, (off_t)m->data_kept);
	gp_fd_close(&m->data_fd);
	godb_cursor_free(m->cursor);
	gdi_rollups_free(&m->have);
	gdi_buf_free(&m->index);
	gdi_buf_free(&m->scratch);
	gdi_buf_free(&m->ids);
	free(m);
}

static int
making_begin(struct gdi_upkeep_day *d, bool anew, void **state)
{
	struct making *m = calloc(1, sizeof(*m));
	bool due;
	int rc;

	if (m == NULL)
		return -ENOMEM;
	m->d = d;
	m->data_fd = -1;
	m->most = gdi_writer_block_rows(d->w);
	if (m->most > GDI_ROLLUP_ROWS)
		m->most = GDI_ROLLUP_ROWS;
	rc = gp_hash_key_init(&m->key);
	if (rc == 0)
		rc = take_stock(m, anew);
	for (int hour = 0; rc == 0 && hour <= 24; hour++) {
		struct span span = span_of(m, hour);

		rc = any_due(m, &span);
	}
	due = rc == 1;
	rc = rc < 0 ? rc : 0;
	if (rc == 0 && !due && m->remove) {
		rc = gdi_rollups_remove(d->day_fd);
		d->changed = true;
	}
	if (rc == 0 && due)
		rc = godb_cursor_new(d->scan, &m->cursor);
	if (rc < 0 || !due) {
		making_end(m);
		return rc;
	}
	*state = m;
	return 1;
}

static int
making_step(void *state)
{
	struct making *m = state;
	int rc = 0;

	switch (m->phase) {
	case CHOOSE:
		return choose(m);
	case GUESS:
	case ESTIMATE:
		return estimate(m);
	case LOAD:
		return load(m);
	case SORT4:
		rc = gdi_aggregate_settle4(&m->rows, &m->scratch);
		m->phase = SORT6;
		break;
	case SORT6:
		rc = gdi_aggregate_settle6(&m->rows, &m->scratch);
		m->phase = JUDGE;
		break;
	case JUDGE:
		return judge(m);
	case PACK:
		rc = gdi_pack_step(&m->pack, &m->block);
		if (rc == 0)
			m->phase = WRITE;
		break;
	case WRITE:
		return write_columns(m);
	case SYNC:
		return sync_data(m);
	case INDEX:
		return replace_index(m);
	}
	return rc < 0 ? rc : 1;
}

const struct gdi_upkeep_job gdi_rollup_job = {making_begin, making_step,
    making_end};
