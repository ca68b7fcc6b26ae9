/*
 * Failure policy.  Chunks go behind what the index names, then the index is
 * written anew and renamed: at any moment a reader finds an index that is
 * whole, and what it names is on disk.  All of a look at a day is committed at
 * once, so it costs two fsyncs.  What fails is forgotten: the next look makes
 * it again, at the same places, and after a failed fsync in new files.
 */
#include "common/godb/rollup_making.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/fd.h"
#include "common/godb/retain.h"

/* ---- records ------------------------------------------------------------- */

/* Counters and times of the records, for who wants them in one place. */
static int
fill_record(struct gdi_making *m)
{
	struct gdi_record *r = &m->block.record;
	size_t at = 0;

	r->slot_s = m->span.slot_s;
	r->first_ns = INT64_MAX;
	r->last_ns = INT64_MIN;
	/* those of a span before it that was refused */
	r->flags = 0;
	r->counters = (struct godb_counters){0};
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
add_record(struct gdi_making *m, const struct gdi_buf columns[GODB_N_COLUMNS],
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
add_stored(struct gdi_making *m)
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
add_refused(struct gdi_making *m)
{
	const struct gdi_buf none[GODB_N_COLUMNS] = {{0}};
	struct gdi_buf section = {0};
	int rc;

	rc = gdi_making_ids(m, &m->span, &m->ids);
	if (rc == 0)
		rc = fill_record(m);
	if (rc < 0)
		return rc;
	gdi_rollup_write_refused(m->span.span_s, m->refused, &m->ids,
	    &section);
	return add_record(m, none, &section);
}

static int
judge(struct gdi_making *m)
{
	uint64_t rows = (uint64_t)m->rows.v4.n + m->rows.v6.n;
	int rc;

	if (m->ids.len == 0 || m->too_many || rows > m->rows_most) {
		m->refused |= 1u << m->kind;
		m->phase = GDI_MAKE_CHOOSE;
		return 1;
	}
	rc = fill_record(m);
	if (rc < 0)
		return rc;
	m->block.record.n4 = (uint32_t)m->rows.v4.n;
	m->block.record.n6 = (uint32_t)m->rows.v6.n;
	gdi_pack_init(&m->pack, &m->rows, gdi_rollup_chunk_rows(m->kind),
	    gdi_writer_lz4(m->d->w));
	m->phase = GDI_MAKE_PACK;
	return 1;
}

/* ---- what is next -------------------------------------------------------- */

static void
rollup_end(struct gdi_making *m)
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
reread(struct gdi_making *m)
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
next_kind(struct gdi_making *m)
{
	uint32_t known;
	int rc = m->unread ? reread(m) : 0;

	if (rc == 0)
		rc = gdi_making_refused(m, &m->span, &known);
	if (rc < 0)
		return rc;
	for (int k = m->at_kind; k < GDI_ROLLUP_KINDS; k++)
		if (gdi_making_is_due(m, &m->span, (enum gdi_rollup_kind)k,
			known)) {
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
choose(struct gdi_making *m)
{
	int rc;

	rollup_end(m);
	for (; m->hour <= 24; m->hour++) {
		m->span = gdi_making_span(m, m->hour);
		rc = gdi_making_can_be(m, &m->span) ? next_kind(m) : 0;
		if (rc < 0)
			return rc;
		if (rc == 1) {
			gdi_making_begin(m, GDI_MAKE_GUESS);
			rc = gdi_making_choose(m);
			return rc < 0 ? rc : 1;
		}
		m->at_kind = 0;
		m->refused = 0;
	}
	m->phase = GDI_MAKE_SYNC;
	return m->changed ? 1 : 0;
}

/* ---- files --------------------------------------------------------------- */

static int
open_data(struct gdi_making *m)
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
write_columns(struct gdi_making *m)
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
		m->phase = GDI_MAKE_CHOOSE;
		rc = add_stored(m);
	}
	return rc < 0 ? rc : 1;
}

static int
sync_data(struct gdi_making *m)
{
	int rc = m->data_fd < 0 ? 0 : gp_fd_sync(m->data_fd);

	/* which of its pages are on disk nobody knows: the next look has to
	 * make a new one */
	if (rc < 0)
		(void)gdi_rollups_remove(m->d->day_fd);
	if (rc == 0 && m->made_file)
		rc = gp_fd_sync(m->d->day_fd);
	m->phase = GDI_MAKE_INDEX;
	return rc < 0 ? rc : 1;
}

static int
replace_index(struct gdi_making *m)
{
	int fd, rc = 0;

	if (m->remove) /* nothing but refusals: no column was written */
		rc = gdi_rollups_remove(m->d->day_fd);
	m->remove = false;
	fd = rc < 0 ? rc : gp_fd_replace(m->d->day_fd, GDI_ROLLUPS,
	    gdi_writer_mode_file(m->d->w), m->index.p, m->index.len);
	rc = fd < 0 ? fd : 0;
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
	struct gdi_making *m = state;

	if (m->cursor)
		rollup_end(m);
	/* a full disk gets its space back, that of half a roll-up, too */
	if (m->data_fd >= 0)
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
	struct gdi_making *m = calloc(1, sizeof(*m));
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
		rc = gdi_making_take_stock(m, anew);
	for (int hour = 0; rc == 0 && hour <= 24; hour++) {
		struct gdi_span span = gdi_making_span(m, hour);

		rc = gdi_making_any_due(m, &span);
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
	struct gdi_making *m = state;
	int rc = 0;

	switch (m->phase) {
	case GDI_MAKE_CHOOSE:
		return choose(m);
	case GDI_MAKE_GUESS:
	case GDI_MAKE_ESTIMATE:
		return gdi_making_estimate(m);
	case GDI_MAKE_LOAD:
		return gdi_making_load(m);
	case GDI_MAKE_SORT4:
		rc = gdi_aggregate_settle4(&m->rows, &m->scratch);
		m->phase = GDI_MAKE_SORT6;
		break;
	case GDI_MAKE_SORT6:
		rc = gdi_aggregate_settle6(&m->rows, &m->scratch);
		m->phase = GDI_MAKE_JUDGE;
		break;
	case GDI_MAKE_JUDGE:
		return judge(m);
	case GDI_MAKE_PACK:
		rc = gdi_pack_step(&m->pack, &m->block);
		if (rc == 0)
			m->phase = GDI_MAKE_WRITE;
		break;
	case GDI_MAKE_WRITE:
		return write_columns(m);
	case GDI_MAKE_SYNC:
		return sync_data(m);
	case GDI_MAKE_INDEX:
		return replace_index(m);
	}
	return rc < 0 ? rc : 1;
}

const struct gdi_upkeep_job gdi_rollup_job = {making_begin, making_step,
    making_end};
