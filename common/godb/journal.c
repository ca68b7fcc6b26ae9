#include "common/godb/journal.h"

#include <errno.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/journal_rows.h"
#include "common/godb/names.h"

static const char magic[8] = {'g', 'o', 'D', 'B', 'j', 'n', 'l', '\n'};
#define RECORD_MAGIC 0x324a5047u /* "GPJ2" */

enum {
	R_MAGIC = 0,
	R_BYTES = 4,
	R_RING = 8,
	R_SEQ = 24,
	R_POS = 32,
	R_FIRST = 40,
	R_LAST = 48,
	R_FLAGS = 56,
	R_NAMES = 60,
	R_N4 = 64,
	R_N6 = 68,
	R_COUNTERS = 72,
	R_WIDTHS = 160,
	R_HEAD = 168,
	R_TAIL = 8, /* checksum of everything before it */
};
static_assert(R_WIDTHS - R_COUNTERS == sizeof(struct godb_counters),
    "record layout");
static_assert(sizeof(struct godb_row4) == 48 &&
	sizeof(struct godb_row6) == 72 && sizeof(struct godb_l7_name) == 80,
    "names are written as they lie in memory, rows nearly");
static_assert((int)GDI_ROWS_SLACK <= (int)R_TAIL, "rows are read in a record");

/* ---- writing ------------------------------------------------------------- */

static bool
rows_valid(const struct godb_batch *b)
{
	uint32_t pads = 0;
	uint16_t most = 0;

	for (size_t i = 0; i < b->n4; i++) {
		most = b->rows4[i].l7 > most ? b->rows4[i].l7 : most;
		pads |= b->rows4[i].pad | b->rows4[i].pad2;
	}
	for (size_t i = 0; i < b->n6; i++) {
		most = b->rows6[i].l7 > most ? b->rows6[i].l7 : most;
		pads |= b->rows6[i].pad | b->rows6[i].pad2;
	}
	return pads == 0 && (b->n4 + b->n6 == 0 || most < b->n_names);
}

bool
gdi_batch_valid(const struct godb_batch *b)
{
	if (b->slot_s < 0 || b->slot_s >= GP_TIME_MAX_S ||
	    b->slot_s % GP_SLOT_S != 0 || b->first_ns > b->last_ns ||
	    (b->flags & GODB_PART_LIVE) || b->n_names > GDI_BATCH_NAMES ||
	    b->n4 > GDI_RECORD_ROWS || b->n6 > GDI_RECORD_ROWS)
		return false;
	for (size_t i = 0; i < b->n_names; i++)
		if (!gdi_name_valid(&b->names[i]))
			return false;
	return rows_valid(b);
}

void
gdi_journal_header(const char *iface, int64_t slot_s, uint64_t salt,
    uint64_t index_end, uint8_t out[GDI_HEADER_BYTES])
{
	gdi_header_make(out, magic, iface, slot_s, salt);
	gdi_put64(out + GDI_H_INDEX_END, index_end);
	gdi_header_seal(out);
}

/* What the batch takes in memory, for a record's bound. */
static uint64_t
batch_bytes(uint64_t n_names, uint64_t n4, uint64_t n6)
{
	return R_HEAD + n_names * sizeof(struct godb_l7_name) +
	    n4 * sizeof(struct godb_row4) + n6 * sizeof(struct godb_row6) +
	    R_TAIL;
}

static uint64_t
record_bytes(uint64_t n_names, const uint8_t widths[GDI_ROW_COUNTERS],
    uint64_t n4, uint64_t n6)
{
	return (R_HEAD + n_names * sizeof(struct godb_l7_name) +
	    gdi_rows_bytes(widths, n4, n6) + 7) / 8 * 8 + R_TAIL;
}

static void
put_rows(const struct godb_batch *b, const uint8_t widths[GDI_ROW_COUNTERS],
    struct gdi_buf *out)
{
	uint64_t rows = gdi_rows_bytes(widths, b->n4, b->n6);
	uint8_t *to = gdi_buf_room(out, rows + GDI_ROWS_SLACK);

	if (to == NULL)
		return;
	gdi_rows_pack(b, widths, to);
	memset(to + rows, 0, GDI_ROWS_SLACK);
	out->len += (rows + 7) / 8 * 8;
}

int
gdi_journal_record(const struct godb_batch *b, uint64_t salt,
    struct gdi_buf *out)
{
	size_t start = out->len;
	uint8_t h[R_HEAD] = {0}, *widths = h + R_WIDTHS;
	uint64_t bytes;

	if (batch_bytes(b->n_names, b->n4, b->n6) > GDI_BATCH_BYTES)
		return GODB_EFULL;
	gdi_row_widths(b, widths);
	bytes = record_bytes(b->n_names, widths, b->n4, b->n6);
	gdi_put32(h + R_MAGIC, RECORD_MAGIC);
	gdi_put32(h + R_BYTES, (uint32_t)bytes);
	memcpy(h + R_RING, b->ring, sizeof(b->ring));
	gdi_put64(h + R_SEQ, b->seq);
	gdi_put64(h + R_POS, b->ring_pos);
	gdi_put64(h + R_FIRST, (uint64_t)b->first_ns);
	gdi_put64(h + R_LAST, (uint64_t)b->last_ns);
	gdi_put32(h + R_FLAGS, b->flags);
	gdi_put32(h + R_NAMES, (uint32_t)b->n_names);
	gdi_put32(h + R_N4, (uint32_t)b->n4);
	gdi_put32(h + R_N6, (uint32_t)b->n6);
	memcpy(h + R_COUNTERS, &b->counters, sizeof(b->counters));
	gdi_buf_bytes(out, h, sizeof(h));
	gdi_buf_bytes(out, b->names, b->n_names * sizeof(*b->names));
	put_rows(b, widths, out);
	if (out->rc == 0)
		gdi_buf_u64(out,
		    gp_checksum(out->p + start, bytes - R_TAIL, salt));
	return out->rc;
}

/* ---- reading ------------------------------------------------------------- */

/* n bytes at `at`, or NULL: -errno in *rc, or 0 there for an end. */
static const uint8_t *
fetch(struct gdi_journal *j, uint64_t at, size_t n, int *rc)
{
	ssize_t got;
	uint8_t *p;

	*rc = 0;
	if (at > j->len || n > j->len - at)
		return NULL;
	if (j->fd < 0)
		return j->mem + at;
	j->buf.len = 0;
	p = gdi_buf_room(&j->buf, n);
	if (p == NULL) {
		j->buf.rc = 0;
		*rc = -ENOMEM;
		return NULL;
	}
	got = gp_fd_pread_full(j->fd, p, n, at);
	if (got < 0)
		*rc = (int)got;
	return got == (ssize_t)n ? p : NULL;
}

static bool
all_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

int
gdi_journal_open(struct gdi_journal *j, int fd, const uint8_t *mem,
    uint64_t len, int64_t slot_s)
{
	const uint8_t *h;
	int rc;

	*j = (struct gdi_journal){.fd = fd, .mem = mem, .len = len,
	    .slot_s = slot_s, .at = GDI_HEADER_BYTES};
	h = fetch(j, 0, GDI_HEADER_BYTES, &rc);
	if (h == NULL)
		return rc;
	if (all_zero(h, GDI_HEADER_BYTES))
		return 0; /* a power cut before the first sync */
	rc = gdi_header_check(h, magic, slot_s);
	if (rc < 0)
		return rc;
	j->salt = gdi_get64(h + GDI_H_SALT);
	j->index_end = gdi_get64(h + GDI_H_INDEX_END);
	j->end = GDI_HEADER_BYTES;
	return 1;
}

uint64_t
gdi_journal_index_end(int fd, int64_t slot_s)
{
	uint8_t h[GDI_HEADER_BYTES];

	if (fd < 0 || gp_fd_pread_full(fd, h, sizeof(h), 0) != sizeof(h) ||
	    gdi_header_check(h, magic, slot_s) < 0)
		return 0;
	return gdi_get64(h + GDI_H_INDEX_END);
}

int
gdi_journal_lower(int fd, uint64_t index_end)
{
	uint8_t h[GDI_HEADER_BYTES];
	ssize_t n = gp_fd_pread_full(fd, h, sizeof(h), 0);
	int rc = n < 0 ? (int)n : n < (ssize_t)sizeof(h) ? -EIO : 0;

	if (rc < 0)
		return rc;
	gdi_put64(h + GDI_H_INDEX_END, index_end);
	gdi_header_seal(h);
	rc = gp_fd_pwrite_full(fd, h, sizeof(h), 0);
	return rc < 0 ? rc : gp_fd_sync(fd);
}

void
gdi_journal_close(struct gdi_journal *j)
{
	gdi_buf_free(&j->buf);
	gdi_buf_free(&j->rows);
}

/* What the record at h takes by its counts; 0: there is none such. */
static uint64_t
counted_bytes(const uint8_t *h)
{
	const uint8_t *widths = h + R_WIDTHS;
	uint32_t n_names = gdi_get32(h + R_NAMES);
	uint32_t n4 = gdi_get32(h + R_N4), n6 = gdi_get32(h + R_N6);

	for (int k = 0; k < GDI_ROW_COUNTERS; k++)
		if (widths[k] > 8)
			return 0;
	if (batch_bytes(n_names, n4, n6) > GDI_BATCH_BYTES)
		return 0;
	return record_bytes(n_names, widths, n4, n6);
}

/* Rows of the record at h, behind its names, to the journal's memory. */
static int
unpack(struct gdi_journal *j, const uint8_t *h, const uint8_t *from,
    struct godb_batch *b)
{
	size_t bytes4 = b->n4 * sizeof(*b->rows4);
	size_t bytes6 = b->n6 * sizeof(*b->rows6);
	struct godb_row4 *rows4;
	struct godb_row6 *rows6;
	uint8_t *to;

	j->rows.len = 0;
	to = gdi_buf_room(&j->rows, bytes4 + bytes6 + 1); /* never none */
	j->rows.rc = 0;
	if (to == NULL)
		return -ENOMEM;
	/* the buffer and all sizes are multiples of 8 */
	rows4 = (void *)to;
	rows6 = (void *)(to + bytes4);
	gdi_rows_unpack(from, h + R_WIDTHS, rows4, b->n4, rows6, b->n6);
	b->rows4 = rows4;
	b->rows6 = rows6;
	return 0;
}

/* Fills the view from bytes whose checksum holds: 1; 0 when a writer of this
 * format would not have written them; -ENOMEM. */
static int
view(struct gdi_journal *j, const uint8_t *h, uint32_t bytes,
    struct godb_batch *b)
{
	uint32_t n_names = gdi_get32(h + R_NAMES);
	uint32_t n4 = gdi_get32(h + R_N4), n6 = gdi_get32(h + R_N6);
	uint64_t counted = counted_bytes(h);
	int rc;

	/* a later minor version may put something before the checksum */
	if (counted == 0 || counted > bytes)
		return 0;
	*b = (struct godb_batch){.slot_s = j->slot_s,
	    .seq = gdi_get64(h + R_SEQ),
	    .ring_pos = gdi_get64(h + R_POS),
	    .first_ns = (int64_t)gdi_get64(h + R_FIRST),
	    .last_ns = (int64_t)gdi_get64(h + R_LAST),
	    .flags = gdi_get32(h + R_FLAGS),
	    .n_names = n_names,
	    .n4 = n4,
	    .n6 = n6};
	memcpy(b->ring, h + R_RING, sizeof(b->ring));
	memcpy(&b->counters, h + R_COUNTERS, sizeof(b->counters));
	b->names = (const void *)(h + R_HEAD);
	rc = unpack(j, h, h + R_HEAD + n_names * sizeof(*b->names), b);
	return rc < 0 ? rc : gdi_batch_valid(b);
}

/* 1 with a valid record at `at`, 0 without one, -errno. */
static int
record_at(struct gdi_journal *j, uint64_t at, struct gdi_journal_view *v)
{
	const uint8_t *h;
	int rc;

	v->offset = at;
	h = fetch(j, at, R_HEAD, &rc);
	if (h == NULL || gdi_get32(h + R_MAGIC) != RECORD_MAGIC)
		return rc;
	v->bytes = gdi_get32(h + R_BYTES);
	if (v->bytes < R_HEAD + R_TAIL || v->bytes > GDI_BATCH_BYTES ||
	    v->bytes % 8 != 0 || v->bytes > j->len - at)
		return 0;
	h = fetch(j, at, v->bytes, &rc);
	if (h == NULL)
		return rc;
	if (gdi_get64(h + v->bytes - R_TAIL) !=
	    gp_checksum(h, v->bytes - R_TAIL, j->salt))
		return 0;
	return view(j, h, v->bytes, &v->batch);
}

/*
 * The first place behind `at` that looks like a record of this file; its
 * length if the end is reached.  Records begin at multiples of 8.
 */
static int
find_magic(struct gdi_journal *j, uint64_t at, uint64_t *found)
{
	int rc = 0;

	for (at += 8; at + R_HEAD <= j->len;) {
		size_t n = j->len - at < 65536 ? (size_t)(j->len - at) : 65536;
		const uint8_t *p = fetch(j, at, n, &rc);

		if (p == NULL)
			break;
		for (size_t i = 0; i + 8 <= n; i += 8) {
			if (gdi_get32(p + i) != RECORD_MAGIC)
				continue;
			*found = at + i;
			return 0;
		}
		at += n / 8 * 8;
	}
	*found = j->len;
	return rc;
}

/*
 * Whether what lies at `at`, up to the end, long enough for a record, is the
 * beginning of one that was being written, or nothing but the zeroes of a file
 * that grew before a power cut, or is not there any more: a writer has cut it
 * off since.  What is all there and does not hold was changed afterwards.
 */
static int
torn(struct gdi_journal *j, uint64_t at)
{
	uint64_t left = j->len - at;
	const uint8_t *h;
	int rc;

	h = fetch(j, at, R_HEAD, &rc);
	if (h == NULL)
		return rc < 0 ? rc : true;
	if (gdi_get32(h + R_MAGIC) == RECORD_MAGIC)
		return gdi_get32(h + R_BYTES) > left &&
		    counted_bytes(h) > left;
	for (; all_zero(h, R_HEAD); at += R_HEAD) {
		left -= R_HEAD;
		if (left < R_HEAD)
			return true;
		h = fetch(j, at + R_HEAD, R_HEAD, &rc);
		if (h == NULL)
			return rc < 0 ? rc : true;
	}
	return false;
}

/* Looking for a further record costs, at worst, a checksum of the rest. */
#define TRIES 64

int
gdi_journal_next(struct gdi_journal *j, struct gdi_journal_view *v)
{
	uint64_t bad = UINT64_MAX;

	for (unsigned tries = 0; j->at + R_HEAD + R_TAIL <= j->len; tries++) {
		int rc = record_at(j, j->at, v);

		if (rc == 0 && tries < TRIES) {
			bad = bad == UINT64_MAX ? j->at : bad;
			rc = find_magic(j, j->at, &j->at);
			if (rc < 0)
				return rc;
			continue;
		}
		if (rc < 0)
			return rc;
		if (bad != UINT64_MAX && j->n_damaged++ == 0)
			j->damaged_at = bad;
		if (rc == 0)
			break;
		j->at += v->bytes;
		j->end = j->at;
		return 1;
	}
	j->at = j->len;
	if (bad != UINT64_MAX && j->n_damaged == 0) {
		int rc = torn(j, bad);

		if (rc < 0)
			return rc;
		if (rc == 0) {
			j->n_damaged = 1;
			j->damaged_at = bad;
		}
	}
	return 0;
}
