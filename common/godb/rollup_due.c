/*
 * rollup_due - which roll-ups a day has, and which are due.
 */
#include "common/godb/rollup_making.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "common/base/clock.h"

/* Bytes that no record names, above as many as are named: then the day's are
 * made anew. */
#define WASTE_BYTES (1u << 20)

struct gdi_span
gdi_making_span(const struct gdi_making *m, int hour)
{
	const struct godb_scan *s = m->d->scan;
	struct gdi_span out = {m->d->day_s, GP_DAY_S, 0, s->n_parts};

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
bool
gdi_making_has_all(const struct gdi_making *m, const struct gdi_span *span,
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
int
gdi_making_ids(const struct gdi_making *m, const struct gdi_span *span,
    struct gdi_buf *out)
{
	out->len = 0;
	for (size_t i = span->first; i < span->end; i++)
		gdi_buf_bytes(out, m->d->scan->parts[i].part.id, 16);
	return out->rc;
}

/* Whether the day's rows are to be kept in order, each as it is. */
static bool
keeps_rows(const struct gdi_making *m, const struct gdi_span *span)
{
	const struct gdi_scan_part *p = m->d->scan->parts;
	uint64_t rows = 0, with_rows = 0;

	if (span->span_s != GP_DAY_S)
		return false;
	for (size_t i = span->first; i < span->end; i++) {
		uint64_t n = (uint64_t)p[i].part.n4 + p[i].part.n6;

		rows += n;
		with_rows += n > 0;
	}
	return gdi_writer_sorts_days(m->d->w) ?
	    gdi_rollup_keeps_rows(rows, with_rows) :
	    gdi_rollup_keeps_few(rows, with_rows);
}

/* One record with rows is its own sum, and a day of one hour the hour's. */
bool
gdi_making_can_be(const struct gdi_making *m, const struct gdi_span *span)
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

const struct gdi_rollup *
gdi_making_find(const struct gdi_making *m, const struct gdi_span *span,
    enum gdi_rollup_kind kind)
{
	return gdi_rollups_find(&m->have, span->slot_s, span->span_s, kind);
}

/* Kinds of a span that were looked at, with all that it has, and refused. */
int
gdi_making_refused(struct gdi_making *m, const struct gdi_span *span,
    uint32_t *refused)
{
	const struct gdi_rollup *r = gdi_making_find(m, span, GDI_ROLLUP_KINDS);
	uint8_t digest[16];
	int rc;

	*refused = 0;
	if (r == NULL || r->n != span->end - span->first)
		return 0;
	rc = gdi_making_ids(m, span, &m->ids);
	if (rc < 0)
		return rc;
	gdi_rollup_digest(m->ids.p, m->ids.len, digest);
	if (memcmp(digest, r->ids, sizeof(digest)) == 0)
		*refused = r->refused;
	return 0;
}

bool
gdi_making_is_due(const struct gdi_making *m, const struct gdi_span *span,
    enum gdi_rollup_kind kind, uint32_t refused)
{
	return gdi_making_can_be(m, span) && !(refused & 1u << kind) &&
	    (kind != GDI_ROLLUP_APART || keeps_rows(m, span)) &&
	    !gdi_making_has_all(m, span, gdi_making_find(m, span, kind));
}

/* Whether any kind of it is; negative: an error. */
int
gdi_making_any_due(struct gdi_making *m, const struct gdi_span *span)
{
	uint32_t refused;
	int rc = gdi_making_can_be(m, span) ?
	    gdi_making_refused(m, span, &refused) : 0;
	bool due = false;

	for (int k = 0; rc == 0 && !due && k < GDI_ROLLUP_KINDS; k++)
		due = gdi_making_is_due(m, span, (enum gdi_rollup_kind)k,
		    refused);
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
keep_index(struct gdi_making *m)
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

int
gdi_making_take_stock(struct gdi_making *m, bool anew)
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
