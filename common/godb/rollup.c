#include "common/godb/rollup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"

const char gdi_rollup_magic[8] = {'g', 'o', 'D', 'B', 'r', 'o', 'l', '\n'};

#define HOURS (GP_DAY_S / GDI_HOUR_S)

static const uint32_t kind_columns[GDI_ROLLUP_KINDS] = {
    [GDI_ROLLUP_FLOWS] = GODB_COL_ALL & ~GDI_COL_COUNTERS,
    [GDI_ROLLUP_DIP] = GODB_COL(GODB_DIP),
    [GDI_ROLLUP_SIP] = GODB_COL(GODB_SIP),
    [GDI_ROLLUP_APPS] = GODB_COL(GODB_DPORT) | GODB_COL(GODB_PROTO) |
	GODB_COL(GODB_L7PROTO),
    [GDI_ROLLUP_APART] = GODB_COL_ALL & ~GDI_COL_COUNTERS,
};

uint32_t
gdi_rollup_columns(enum gdi_rollup_kind kind)
{
	return kind_columns[kind];
}

/* ---- the section --------------------------------------------------------- */

/* Behind the span: what was refused, or this and the kind.  1 to 4 had the
 * kinds with chunks as large as a block's. */
#define REFUSED 0
#define STORED  5

void
gdi_rollup_write(int64_t span_s, enum gdi_rollup_kind kind,
    const struct gdi_buf *ids, struct gdi_buf *out)
{
	gdi_buf_varint(out, (uint64_t)span_s);
	gdi_buf_varint(out, (uint64_t)kind + STORED);
	gdi_buf_varint(out, ids->len / 16);
	gdi_buf_bytes(out, ids->p, ids->len);
	if (ids->rc < 0)
		out->rc = ids->rc;
}

void
gdi_rollup_write_refused(int64_t span_s, uint32_t refused,
    const struct gdi_buf *ids, struct gdi_buf *out)
{
	uint8_t digest[16];

	gdi_rollup_digest(ids->p, ids->len, digest);
	gdi_buf_varint(out, (uint64_t)span_s);
	gdi_buf_varint(out, REFUSED);
	gdi_buf_varint(out, ids->len / 16);
	gdi_buf_bytes(out, digest, sizeof(digest));
	gdi_buf_varint(out, refused);
	if (ids->rc < 0)
		out->rc = ids->rc;
}

void
gdi_rollup_digest(const uint8_t *ids, size_t len, uint8_t out[16])
{
	gdi_put64(out, gp_checksum(ids, len, 0));
	gdi_put64(out + 8, gp_checksum(ids, len, 1));
}

/* False for a span or kind that this version does not know, and for damage. */
static bool
read_section(const struct gdi_record *r, struct gdi_rollup *out)
{
	struct gdi_in in = r->rollup;
	uint64_t span, what, ids;

	if (in.p == NULL)
		return false;
	span = gdi_in_varint(&in);
	what = gdi_in_varint(&in);
	*out = (struct gdi_rollup){.record = r, .span_s = (int64_t)span,
	    .stored = what != REFUSED, .n = gdi_in_varint(&in)};
	ids = out->stored ? out->n : 1;
	if (in.bad || what >= STORED + GDI_ROLLUP_KINDS ||
	    (what > REFUSED && what < STORED) || ids > gdi_in_left(&in) / 16)
		return false;
	out->ids = gdi_in_bytes(&in, ids * 16);
	if (out->stored)
		out->kind = (enum gdi_rollup_kind)(what - STORED);
	else
		out->refused = (uint32_t)gdi_in_varint(&in);
	return !in.bad && (span == GDI_HOUR_S || span == GP_DAY_S) &&
	    r->slot_s % out->span_s == 0;
}

/* ---- a day's ------------------------------------------------------------- */

/* Of a span: its kinds, and what was refused. */
#define PLACES (GDI_ROLLUP_KINDS + 1)

/* Hours 0 to 23, and the day; of each all rows first, which are the most. */
static size_t
place_of(const struct gdi_rollup *r)
{
	size_t span = r->span_s == GP_DAY_S ? HOURS :
	    (size_t)(r->record->slot_s % GP_DAY_S / GDI_HOUR_S);
	size_t kind = !r->stored ? GDI_ROLLUP_KINDS :
	    r->kind == GDI_ROLLUP_APART ? 0 : (size_t)r->kind + 1;

	return span * PLACES + kind;
}

static int
choose(struct gdi_rollups *r)
{
	struct gdi_rollup last[(HOURS + 1) * PLACES] = {{0}}, one;

	r->list = calloc((HOURS + 1) * PLACES, sizeof(*r->list));
	if (r->list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < r->index.n; i++) {
		if (!read_section(&r->index.records[i], &one))
			continue;
		r->index.records[i].chunk_rows =
		    gdi_rollup_chunk_rows(one.kind);
		last[place_of(&one)] = one;
	}
	for (size_t i = 0; i < (HOURS + 1) * PLACES; i++)
		if (last[i].record)
			r->list[r->n++] = last[i];
	return 0;
}

int
gdi_rollups_parse(uint8_t *data, size_t len, int64_t day_s,
    struct gdi_rollups *out)
{
	int rc;

	memset(out, 0, sizeof(*out));
	rc = gdi_index_parse_as(gdi_rollup_magic, data, len, day_s,
	    &out->index);
	if (rc < 0)
		return rc;
	rc = choose(out);
	if (rc < 0)
		gdi_rollups_free(out);
	return rc;
}

int
gdi_rollups_read(int day_fd, int64_t day_s, struct gdi_rollups *out,
    size_t *n_damaged)
{
	int rc;

	memset(out, 0, sizeof(*out));
	rc = gdi_index_read_as(day_fd, GDI_ROLLUPS, gdi_rollup_magic, day_s,
	    &out->index);
	if (n_damaged)
		*n_damaged = rc == GODB_EDAMAGED;
	if (rc == -ENOENT || rc == GODB_EDAMAGED)
		return 0;
	if (rc < 0)
		return rc;
	if (n_damaged)
		*n_damaged = out->index.n_gaps + out->index.header_damaged +
		    (out->index.size == 0);
	rc = choose(out);
	if (rc < 0)
		gdi_rollups_free(out);
	return rc;
}

void
gdi_rollups_free(struct gdi_rollups *r)
{
	gdi_index_free(&r->index);
	free(r->list);
	memset(r, 0, sizeof(*r));
}

int
gdi_rollups_keep(struct gdi_rollups *r, const struct gdi_rollup **one)
{
	const struct gdi_record *was = (*one)->record;
	const size_t len = gdi_in_left(&was->columns);
	struct gdi_rollup *list = malloc(sizeof(*list));
	struct gdi_record *record = malloc(sizeof(*record));
	uint8_t *data = malloc(len ? len : 1);

	if (list == NULL || record == NULL || data == NULL) {
		free(list);
		free(record);
		free(data);
		return -ENOMEM;
	}
	*list = **one;
	list->record = record;
	list->ids = NULL;
	*record = *was;
	memcpy(data, was->columns.p, len);
	record->columns = (struct gdi_in){data, data + len, false};
	record->rings = record->rollup = (struct gdi_in){NULL, NULL, false};
	gdi_rollups_free(r);
	r->index.data = data;
	r->index.size = len;
	r->index.records = record;
	r->index.n = r->n = 1;
	*one = r->list = list;
	return 0;
}

const struct gdi_rollup *
gdi_rollups_find(const struct gdi_rollups *r, int64_t slot_s, int64_t span_s,
    enum gdi_rollup_kind kind)
{
	bool stored = kind != GDI_ROLLUP_KINDS;

	for (size_t i = 0; i < r->n; i++)
		if (r->list[i].record->slot_s == slot_s &&
		    r->list[i].span_s == span_s &&
		    r->list[i].stored == stored &&
		    (!stored || r->list[i].kind == kind))
			return &r->list[i];
	return NULL;
}

/* The index first: bytes that it does not name mean nothing. */
int
gdi_rollups_remove(int day_fd)
{
	if (unlinkat(day_fd, GDI_ROLLUPS, 0) < 0 && errno != ENOENT)
		return -errno;
	if (unlinkat(day_fd, GDI_ROLLED, 0) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}
