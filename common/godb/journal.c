#include "common/godb/journal.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/names.h"

static const char journal_magic[8] = {'g', 'o', 'D', 'B', 'j', 'n', 'l', '\n'};
#define RECORD_MAGIC 0x314a5047u /* "GPJ1" */

enum {
	H_MAJOR = 8,
	H_MINOR = 10,
	H_SLOT = 16,
	H_IFACE = 24,
	H_CHECKSUM = 40,
	H_BYTES = 48,
};
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
	R_CHECKSUM = 160,
	R_HEAD = 168,
};
static_assert(R_CHECKSUM - R_COUNTERS == sizeof(struct godb_counters),
    "record layout");
static_assert(sizeof(struct godb_row4) == 48 &&
	sizeof(struct godb_row6) == 72 && sizeof(struct godb_l7_name) == 80,
    "rows are written as they lie in memory");

void
gdi_journal_header(const char *iface, int64_t slot_s, struct gdi_buf *out)
{
	uint8_t *h = gdi_buf_add(out, H_BYTES);

	if (h == NULL)
		return;
	memset(h, 0, H_BYTES);
	memcpy(h, journal_magic, sizeof(journal_magic));
	gdi_put16(h + H_MAJOR, GODB_FORMAT_MAJOR);
	gdi_put16(h + H_MINOR, GODB_FORMAT_MINOR);
	gdi_put64(h + H_SLOT, (uint64_t)slot_s);
	memcpy(h + H_IFACE, iface, strlen(iface));
	gdi_put64(h + H_CHECKSUM, gdi_checksum_but(h, H_BYTES, H_CHECKSUM));
}

bool
gdi_batch_valid(const struct godb_batch *b)
{
	if (b->slot_s < 0 || b->slot_s >= GP_TIME_MAX_S ||
	    b->slot_s % GP_SLOT_S != 0 || b->first_ns > b->last_ns ||
	    b->seq == 0 || (b->flags & GODB_PART_LIVE) ||
	    b->n_names > GDI_BATCH_NAMES || b->n4 > GDI_RECORD_ROWS ||
	    b->n6 > GDI_RECORD_ROWS)
		return false;
	for (size_t i = 0; i < b->n_names; i++)
		if (!gdi_name_valid(&b->names[i]))
			return false;
	for (size_t i = 0; i < b->n4; i++)
		if (b->rows4[i].l7 >= b->n_names)
			return false;
	for (size_t i = 0; i < b->n6; i++)
		if (b->rows6[i].l7 >= b->n_names)
			return false;
	return true;
}

static size_t
record_bytes(size_t n_names, size_t n4, size_t n6)
{
	return R_HEAD + n_names * sizeof(struct godb_l7_name) +
	    n4 * sizeof(struct godb_row4) + n6 * sizeof(struct godb_row6);
}

int
gdi_journal_record(const struct godb_batch *b, struct gdi_buf *out)
{
	size_t bytes = record_bytes(b->n_names, b->n4, b->n6);
	uint8_t *h, *p;

	if (bytes > GDI_BATCH_BYTES)
		return GODB_EFULL;
	h = gdi_buf_add(out, bytes);
	if (h == NULL)
		return -ENOMEM;
	memset(h, 0, R_HEAD);
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
	p = h + R_HEAD;
	if (b->n_names)
		memcpy(p, b->names, b->n_names * sizeof(*b->names));
	p += b->n_names * sizeof(*b->names);
	if (b->n4)
		memcpy(p, b->rows4, b->n4 * sizeof(*b->rows4));
	p += b->n4 * sizeof(*b->rows4);
	if (b->n6)
		memcpy(p, b->rows6, b->n6 * sizeof(*b->rows6));
	gdi_put64(h + R_CHECKSUM, gdi_checksum_but(h, bytes, R_CHECKSUM));
	return 0;
}

static bool
record_view(const uint8_t *h, uint32_t bytes, int64_t slot_s,
    struct gdi_batch_view *v)
{
	struct godb_batch *b = &v->batch;
	const uint8_t *p = h + R_HEAD;

	memset(v, 0, sizeof(*v));
	v->bytes = bytes;
	b->slot_s = slot_s;
	memcpy(b->ring, h + R_RING, sizeof(b->ring));
	b->seq = gdi_get64(h + R_SEQ);
	b->ring_pos = gdi_get64(h + R_POS);
	b->first_ns = (int64_t)gdi_get64(h + R_FIRST);
	b->last_ns = (int64_t)gdi_get64(h + R_LAST);
	b->flags = gdi_get32(h + R_FLAGS);
	b->n_names = gdi_get32(h + R_NAMES);
	b->n4 = gdi_get32(h + R_N4);
	b->n6 = gdi_get32(h + R_N6);
	memcpy(&b->counters, h + R_COUNTERS, sizeof(b->counters));
	if (b->n_names > GDI_BATCH_NAMES || b->n4 > GDI_RECORD_ROWS ||
	    b->n6 > GDI_RECORD_ROWS ||
	    record_bytes(b->n_names, b->n4, b->n6) != bytes)
		return false;
	/* the buffer and all sizes are multiples of 8 */
	b->names = (const void *)p;
	p += b->n_names * sizeof(*b->names);
	b->rows4 = (const void *)p;
	p += b->n4 * sizeof(*b->rows4);
	b->rows6 = (const void *)p;
	return gdi_batch_valid(b);
}

static int
check_header(int fd, uint64_t len, const char *iface, int64_t slot_s)
{
	uint8_t h[H_BYTES];
	char want[16] = {0};
	ssize_t n;

	if (len < H_BYTES)
		return 0; /* the writer died before it had anything */
	n = gp_fd_pread_full(fd, h, sizeof(h), 0);
	if (n < 0)
		return (int)n;
	(void)strncpy(want, iface, sizeof(want) - 1);
	if (n < (ssize_t)sizeof(h) || memcmp(h, journal_magic, 8) != 0 ||
	    gdi_get64(h + H_CHECKSUM) !=
		gdi_checksum_but(h, H_BYTES, H_CHECKSUM))
		return GODB_EDAMAGED;
	if (gdi_get16(h + H_MAJOR) > GODB_FORMAT_MAJOR)
		return GODB_ENEWER;
	if (memcmp(h + H_IFACE, want, sizeof(want)) != 0 ||
	    (int64_t)gdi_get64(h + H_SLOT) != slot_s)
		return GODB_EDAMAGED;
	return 1;
}

int
gdi_journal_read(int fd, uint64_t len, const char *iface, int64_t slot_s,
    gdi_batch_fn *fn, void *ctx, uint64_t *end)
{
	struct gdi_buf buf = {0};
	uint64_t at = H_BYTES;
	int rc = check_header(fd, len, iface, slot_s);

	*end = 0;
	if (rc <= 0)
		return rc;
	rc = 0;
	while (rc >= 0 && at + R_HEAD <= len) {
		uint8_t head[8];
		struct gdi_batch_view v;
		uint32_t bytes;
		ssize_t n = gp_fd_pread_full(fd, head, sizeof(head), at);

		if (n < 0) {
			rc = (int)n;
			break;
		}
		bytes = gdi_get32(head + R_BYTES);
		if (n < 8 || gdi_get32(head) != RECORD_MAGIC ||
		    bytes < R_HEAD || bytes > GDI_BATCH_BYTES ||
		    bytes % 8 != 0 || at + bytes > len)
			break;
		buf.len = 0;
		if (gdi_buf_add(&buf, bytes) == NULL) {
			rc = -ENOMEM;
			break;
		}
		n = gp_fd_pread_full(fd, buf.data, bytes, at);
		if (n < 0) {
			rc = (int)n;
			break;
		}
		if ((size_t)n < bytes ||
		    gdi_get64(buf.data + R_CHECKSUM) !=
			gdi_checksum_but(buf.data, bytes, R_CHECKSUM) ||
		    !record_view(buf.data, bytes, slot_s, &v))
			break;
		v.offset = at;
		rc = fn(ctx, &v);
		at += bytes;
	}
	*end = at;
	gdi_buf_free(&buf);
	return rc < 0 ? rc : 0;
}
