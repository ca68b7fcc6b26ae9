#include "common/godb/index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/fd.h"

static const char index_magic[8] = {'g', 'o', 'D', 'B', 'i', 'd', 'x', '\n'};
static const char column_magic[8] = {'g', 'o', 'D', 'B', 'c', 'o', 'l', '\n'};
#define RECORD_MAGIC 0x31425047u /* "GPB1" */

/* Offsets in the file header ... */
enum {
	H_MAJOR = 8,
	H_MINOR = 10,
	H_BYTES = 12,
	H_DAY = 16,
	H_IFACE = 24,
	H_COLUMNS = 40,
	H_CHECKSUM = 48,
	H_NAMES = 56,
};
/* ... in a record ... */
enum {
	R_MAGIC = 0,
	R_BYTES = 4,
	R_ID = 8,
	R_SLOT = 24,
	R_FIRST = 32,
	R_LAST = 40,
	R_FLAGS = 48,
	R_SECTIONS = 52,
	R_N4 = 56,
	R_N6 = 60,
	R_COUNTERS = 64,
	R_CHECKSUM = 152,
	R_HEAD = 160,
};
static_assert(R_CHECKSUM - R_COUNTERS == sizeof(struct godb_counters),
    "record layout");
/* ... and the sections that follow. */
enum { SECTION_COLUMNS = 1, SECTION_RINGS = 2 };
#define SECTION_HEAD 8

/* ---- rings --------------------------------------------------------------- */

static struct gdi_ring *
ring_find(const struct gdi_rings *r, const uint8_t id[16])
{
	for (size_t i = 0; i < r->n; i++)
		if (memcmp(r->list[i].id, id, 16) == 0)
			return &r->list[i];
	return NULL;
}

static struct gdi_ring *
ring_new(struct gdi_rings *r, const uint8_t id[16])
{
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 4;
		struct gdi_ring *grown =
		    reallocarray(r->list, cap, sizeof(*grown));

		if (grown == NULL)
			return NULL;
		r->list = grown;
		r->cap = cap;
	}
	memset(&r->list[r->n], 0, sizeof(r->list[0]));
	memcpy(r->list[r->n].id, id, 16);
	return &r->list[r->n++];
}

static int
range_append(struct gdi_ring *ring, uint64_t first, uint64_t last)
{
	if (ring->n_ranges == ring->cap) {
		size_t cap = ring->cap ? ring->cap * 2 : 4;
		struct gdi_range *grown =
		    reallocarray(ring->ranges, cap, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		ring->ranges = grown;
		ring->cap = cap;
	}
	ring->ranges[ring->n_ranges++] = (struct gdi_range){first, last};
	return 0;
}

int
gdi_rings_add(struct gdi_rings *r, const uint8_t id[16], uint64_t seq,
    uint64_t pos)
{
	struct gdi_ring *ring = ring_find(r, id);
	int rc = 0;

	if (ring == NULL)
		ring = ring_new(r, id);
	if (ring == NULL)
		return -ENOMEM;
	if (ring->n_ranges > 0 &&
	    ring->ranges[ring->n_ranges - 1].last + 1 == seq)
		ring->ranges[ring->n_ranges - 1].last = seq;
	else
		rc = range_append(ring, seq, seq);
	if (rc == 0)
		ring->last_pos = pos;
	return rc;
}

void
gdi_rings_undo(struct gdi_rings *r, const uint8_t id[16], uint64_t seq)
{
	struct gdi_ring *ring = ring_find(r, id);
	struct gdi_range *last;

	if (ring == NULL || ring->n_ranges == 0)
		return;
	last = &ring->ranges[ring->n_ranges - 1];
	if (last->last != seq)
		return;
	if (last->first == seq)
		ring->n_ranges--;
	else
		last->last--;
}

bool
gdi_rings_contain(const struct gdi_rings *r, const uint8_t id[16], uint64_t seq)
{
	const struct gdi_ring *ring = ring_find(r, id);
	size_t lo = 0, hi = ring ? ring->n_ranges : 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (seq < ring->ranges[mid].first)
			hi = mid;
		else if (seq > ring->ranges[mid].last)
			lo = mid + 1;
		else
			return true;
	}
	return false;
}

void
gdi_rings_free(struct gdi_rings *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->list[i].ranges);
	free(r->list);
	memset(r, 0, sizeof(*r));
}

void
gdi_record_free(struct gdi_record *r)
{
	free(r->chunk_memory);
	gdi_rings_free(&r->rings);
	memset(r, 0, sizeof(*r));
}

void
gdi_index_free(struct gdi_index *x)
{
	for (size_t i = 0; i < x->n; i++)
		gdi_record_free(&x->records[i]);
	free(x->records);
	free(x->gaps);
	memset(x, 0, sizeof(*x));
}

/* ---- writing ------------------------------------------------------------- */

void
gdi_column_header(uint8_t out[GDI_COLUMN_HEADER])
{
	memset(out, 0, GDI_COLUMN_HEADER);
	memcpy(out, column_magic, sizeof(column_magic));
	gdi_put16(out + 8, GODB_FORMAT_MAJOR);
	gdi_put16(out + 10, GODB_FORMAT_MINOR);
}

void
gdi_index_header(const char *iface, int64_t day_s, struct gdi_buf *out)
{
	const size_t len = H_NAMES + GODB_N_COLUMNS * GDI_COLUMN_NAME;
	uint8_t *h = gdi_buf_add(out, len);

	if (h == NULL)
		return;
	memset(h, 0, len);
	memcpy(h, index_magic, sizeof(index_magic));
	gdi_put16(h + H_MAJOR, GODB_FORMAT_MAJOR);
	gdi_put16(h + H_MINOR, GODB_FORMAT_MINOR);
	gdi_put32(h + H_BYTES, (uint32_t)len);
	gdi_put64(h + H_DAY, (uint64_t)day_s);
	memcpy(h + H_IFACE, iface, strlen(iface));
	gdi_put32(h + H_COLUMNS, GODB_N_COLUMNS);
	for (int c = 0; c < GODB_N_COLUMNS; c++)
		memcpy(h + H_NAMES + c * GDI_COLUMN_NAME, gdi_columns[c].name,
		    strlen(gdi_columns[c].name));
	gdi_put64(h + H_CHECKSUM, gdi_checksum_but(h, len, H_CHECKSUM));
}

static void
put_u32(struct gdi_buf *out, uint32_t v)
{
	gdi_buf_put(out, &v, sizeof(v));
}

static void
put_u64(struct gdi_buf *out, uint64_t v)
{
	gdi_buf_put(out, &v, sizeof(v));
}

/* Starts a section; the length is filled in by section_end(). */
static size_t
section_begin(struct gdi_buf *out, uint16_t type)
{
	size_t at = out->len;
	uint8_t *h = gdi_buf_add(out, SECTION_HEAD);

	if (h) {
		memset(h, 0, SECTION_HEAD);
		gdi_put16(h, type);
	}
	return at;
}

static void
section_end(struct gdi_buf *out, size_t at)
{
	if (!out->failed)
		gdi_put32(out->data + at + 4,
		    (uint32_t)(out->len - at - SECTION_HEAD));
}

static void
write_columns(const struct gdi_record *r, struct gdi_buf *out)
{
	size_t section = section_begin(out, SECTION_COLUMNS);

	for (int c = 0; c < GODB_N_COLUMNS; c++)
		for (int v = 0; v < 2; v++) {
			const struct gdi_extent *e = &r->extents[c][v];

			if ((v ? r->n6 : r->n4) == 0)
				continue;
			put_u64(out, e->offset);
			put_u32(out, e->n_chunks);
			put_u32(out, 0);
			for (uint32_t i = 0; i < e->n_chunks; i++) {
				put_u32(out, e->chunks[i].rows);
				put_u32(out, e->chunks[i].stored);
				put_u32(out, e->chunks[i].encoded);
				put_u32(out, 0);
				put_u64(out, e->chunks[i].checksum);
			}
		}
	section_end(out, section);
}

static void
write_rings(const struct gdi_record *r, struct gdi_buf *out)
{
	size_t section = section_begin(out, SECTION_RINGS);

	for (size_t i = 0; i < r->rings.n; i++) {
		const struct gdi_ring *ring = &r->rings.list[i];

		gdi_buf_put(out, ring->id, sizeof(ring->id));
		put_u64(out, ring->last_pos);
		put_u64(out, ring->n_ranges);
		for (size_t k = 0; k < ring->n_ranges; k++) {
			put_u64(out, ring->ranges[k].first);
			put_u64(out, ring->ranges[k].last);
		}
	}
	section_end(out, section);
}

void
gdi_record_write(const struct gdi_record *r, struct gdi_buf *out)
{
	size_t start = out->len;
	uint8_t *h = gdi_buf_add(out, R_HEAD);

	if (h == NULL)
		return;
	memset(h, 0, R_HEAD);
	write_columns(r, out);
	write_rings(r, out);
	if (out->failed)
		return;
	h = out->data + start;
	gdi_put32(h + R_MAGIC, RECORD_MAGIC);
	gdi_put32(h + R_BYTES, (uint32_t)(out->len - start));
	memcpy(h + R_ID, r->id, sizeof(r->id));
	gdi_put64(h + R_SLOT, (uint64_t)r->slot_s);
	gdi_put64(h + R_FIRST, (uint64_t)r->first_ns);
	gdi_put64(h + R_LAST, (uint64_t)r->last_ns);
	gdi_put32(h + R_FLAGS, r->flags);
	gdi_put32(h + R_SECTIONS, 2);
	gdi_put32(h + R_N4, r->n4);
	gdi_put32(h + R_N6, r->n6);
	memcpy(h + R_COUNTERS, &r->counters, sizeof(r->counters));
	gdi_put64(h + R_CHECKSUM,
	    gdi_checksum_but(h, out->len - start, R_CHECKSUM));
}

/* ---- reading ------------------------------------------------------------- */

static int
read_header(const uint8_t *data, size_t len, const char *iface, int64_t day_s,
    struct gdi_index *x, size_t *header_len)
{
	char want[16] = {0};
	size_t bytes;

	if (len < H_NAMES || memcmp(data, index_magic, 8) != 0)
		return GODB_EDAMAGED;
	if (gdi_get16(data + H_MAJOR) > GODB_FORMAT_MAJOR)
		return GODB_ENEWER;
	bytes = gdi_get32(data + H_BYTES);
	x->n_columns = gdi_get32(data + H_COLUMNS);
	if (bytes > len || bytes % 8 != 0 || x->n_columns > 256 ||
	    bytes < H_NAMES + (size_t)x->n_columns * GDI_COLUMN_NAME ||
	    gdi_get64(data + H_CHECKSUM) !=
		gdi_checksum_but(data, bytes, H_CHECKSUM))
		return GODB_EDAMAGED;
	(void)strncpy(want, iface, sizeof(want) - 1);
	if (memcmp(data + H_IFACE, want, sizeof(want)) != 0 ||
	    (int64_t)gdi_get64(data + H_DAY) != day_s)
		return GODB_EDAMAGED; /* a file of another day or interface */
	for (int c = 0; c < GODB_N_COLUMNS; c++)
		x->column_map[c] = -1;
	for (uint32_t i = 0; i < x->n_columns; i++) {
		const char *name = (const char *)data + H_NAMES +
		    i * GDI_COLUMN_NAME;
		int c = gdi_column_find(name, strnlen(name, GDI_COLUMN_NAME));

		if (c >= 0)
			x->column_map[c] = (int)i;
	}
	for (int c = 0; c < GODB_N_COLUMNS; c++)
		if (x->column_map[c] < 0)
			return GODB_EDAMAGED; /* 1.0 has all nine */
	*header_len = bytes;
	return 0;
}

/* Bounded walk over a section's bytes. */
struct span {
	const uint8_t *at, *end;
};

static const uint8_t *
span_take(struct span *s, size_t len)
{
	const uint8_t *at = s->at;

	if ((size_t)(s->end - s->at) < len)
		return NULL;
	s->at += len;
	return at;
}

/* The column of the file's list at place i, or -1 for one that we do not
 * know. */
static int
column_at(const struct gdi_index *x, uint32_t i)
{
	for (int c = 0; c < GODB_N_COLUMNS; c++)
		if (x->column_map[c] == (int)i)
			return c;
	return -1;
}

static bool
read_extent(struct span *s, uint32_t rows, struct gdi_extent *e,
    struct gdi_chunk **next)
{
	const uint8_t *h = span_take(s, 16);
	uint64_t sum = 0;

	if (h == NULL)
		return false;
	e->offset = gdi_get64(h);
	e->n_chunks = gdi_get32(h + 8);
	e->bytes = 0;
	e->chunks = *next;
	h = span_take(s, (size_t)e->n_chunks * GDI_CHUNK_DISK);
	if (h == NULL || e->offset > INT64_MAX / 2)
		return false;
	for (uint32_t i = 0; i < e->n_chunks; i++, h += GDI_CHUNK_DISK) {
		struct gdi_chunk *c = &e->chunks[i];

		c->rows = gdi_get32(h);
		c->stored = gdi_get32(h + 4);
		c->encoded = gdi_get32(h + 8);
		c->checksum = gdi_get64(h + 16);
		if (c->rows == 0 || c->rows > GDI_CHUNK_ROWS ||
		    c->stored > c->encoded ||
		    c->encoded > gdi_chunk_bound(c->rows))
			return false;
		sum += c->rows;
		e->bytes += c->stored;
	}
	*next += e->n_chunks;
	return sum == rows;
}

static bool
read_columns(const struct gdi_index *x, struct span s, struct gdi_record *r)
{
	size_t most = (size_t)(s.end - s.at) / GDI_CHUNK_DISK + 1;
	struct gdi_chunk *next;

	if (r->chunk_memory)
		return false; /* the section stands twice */
	next = r->chunk_memory = calloc(most, sizeof(*next));
	if (next == NULL)
		return false;
	for (uint32_t i = 0; i < x->n_columns; i++)
		for (int v = 0; v < 2; v++) {
			int c = column_at(x, i);
			uint32_t rows = v ? r->n6 : r->n4;
			struct gdi_extent unknown;

			if (rows > 0 &&
			    !read_extent(&s, rows,
				c < 0 ? &unknown : &r->extents[c][v], &next))
				return false;
		}
	return true;
}

static bool
read_rings(struct span s, struct gdi_record *r)
{
	while (s.at < s.end) {
		const uint8_t *h = span_take(&s, 32);
		struct gdi_ring *ring;
		uint64_t n, before = 0;

		if (h == NULL)
			return false;
		n = gdi_get64(h + 24);
		if (n > (size_t)(s.end - s.at) / 16)
			return false;
		ring = ring_new(&r->rings, h);
		if (ring == NULL)
			return false;
		ring->last_pos = gdi_get64(h + 16);
		for (uint64_t i = 0; i < n; i++) {
			const uint8_t *p = span_take(&s, 16);
			uint64_t first, last;

			if (p == NULL)
				return false;
			first = gdi_get64(p);
			last = gdi_get64(p + 8);
			if (first > last || (i > 0 && first <= before) ||
			    range_append(ring, first, last) < 0)
				return false;
			before = last;
		}
	}
	return true;
}

/* Whether a whole, checked record lies at the start of these bytes. */
static bool
record_at(const uint8_t *data, size_t len, uint32_t *bytes)
{
	if (len < R_HEAD || gdi_get32(data + R_MAGIC) != RECORD_MAGIC)
		return false;
	*bytes = gdi_get32(data + R_BYTES);
	return *bytes >= R_HEAD && *bytes <= len && *bytes % 8 == 0 &&
	    *bytes <= GDI_RECORD_BYTES &&
	    gdi_get64(data + R_CHECKSUM) ==
	    gdi_checksum_but(data, *bytes, R_CHECKSUM);
}

static bool
read_record(const struct gdi_index *x, int64_t day_s, const uint8_t *data,
    uint32_t bytes, struct gdi_record *r)
{
	struct span s = {data + R_HEAD, data + bytes};
	uint32_t sections = gdi_get32(data + R_SECTIONS);
	bool columns = false;

	memset(r, 0, sizeof(*r));
	memcpy(r->id, data + R_ID, sizeof(r->id));
	r->slot_s = (int64_t)gdi_get64(data + R_SLOT);
	r->first_ns = (int64_t)gdi_get64(data + R_FIRST);
	r->last_ns = (int64_t)gdi_get64(data + R_LAST);
	r->flags = gdi_get32(data + R_FLAGS);
	r->n4 = gdi_get32(data + R_N4);
	r->n6 = gdi_get32(data + R_N6);
	memcpy(&r->counters, data + R_COUNTERS, sizeof(r->counters));
	if (r->slot_s < day_s || r->slot_s >= day_s + GP_DAY_S ||
	    r->slot_s % GP_SLOT_S != 0 || r->first_ns > r->last_ns ||
	    r->n4 > GDI_RECORD_ROWS || r->n6 > GDI_RECORD_ROWS)
		return false;
	for (uint32_t i = 0; i < sections; i++) {
		const uint8_t *h = span_take(&s, SECTION_HEAD);
		const uint8_t *body;
		struct span inner;

		if (h == NULL)
			return false;
		body = span_take(&s, gdi_get32(h + 4));
		if (body == NULL)
			return false;
		inner = (struct span){body, s.at};
		if (gdi_get16(h) == SECTION_COLUMNS) {
			columns = read_columns(x, inner, r);
			if (!columns)
				return false;
		} else if (gdi_get16(h) == SECTION_RINGS) {
			if (!read_rings(inner, r))
				return false;
		} /* others are of a later minor version */
	}
	return columns;
}

static int
add_record(struct gdi_index *x, struct gdi_record *r, size_t *cap)
{
	if (x->n == *cap) {
		size_t more = *cap ? *cap * 2 : 64;
		struct gdi_record *grown =
		    reallocarray(x->records, more, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		x->records = grown;
		*cap = more;
	}
	x->records[x->n++] = *r;
	for (int c = 0; c < GODB_N_COLUMNS; c++)
		for (int v = 0; v < 2; v++) {
			const struct gdi_extent *e = &r->extents[c][v];

			if (e->offset + e->bytes > x->column_end[c])
				x->column_end[c] = e->offset + e->bytes;
		}
	return 0;
}

static int
add_gap(struct gdi_index *x, uint64_t offset, uint64_t length, bool tail)
{
	struct gdi_gap *grown =
	    reallocarray(x->gaps, x->n_gaps + 1, sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	x->gaps = grown;
	grown[x->n_gaps++] = (struct gdi_gap){offset, length, tail};
	return 0;
}

/*
 * Records lie one behind the other.  Where one does not hold, the next that
 * does is looked for, so that one bad sector costs one block.
 */
static int
read_records(struct gdi_index *x, int64_t day_s, const uint8_t *data,
    size_t len, size_t at)
{
	size_t cap = 0, bad = SIZE_MAX;
	int rc = 0;

	x->end = at;
	while (rc == 0 && at < len) {
		struct gdi_record r = {0};
		uint32_t bytes;

		if (!record_at(data + at, len - at, &bytes) ||
		    !read_record(x, day_s, data + at, bytes, &r)) {
			gdi_record_free(&r);
			bad = bad == SIZE_MAX ? at : bad;
			at += 8;
			continue;
		}
		if (bad != SIZE_MAX)
			rc = add_gap(x, bad, at - bad, false);
		bad = SIZE_MAX;
		if (rc == 0)
			rc = add_record(x, &r, &cap);
		if (rc < 0)
			gdi_record_free(&r);
		at += bytes;
		x->end = at;
	}
	if (rc == 0 && bad != SIZE_MAX)
		rc = add_gap(x, bad, len - bad, true);
	return rc;
}

int
gdi_index_read(int day_fd, const char *iface, int64_t day_s,
    struct gdi_index *out)
{
	struct gdi_index x = {0};
	char *data = NULL;
	size_t len, header;
	int rc = gp_fd_read_file(day_fd, GDI_INDEX, GDI_INDEX_BYTES, &data,
	    &len);

	if (rc < 0)
		return rc == -EFBIG ? GODB_EDAMAGED : rc;
	x.size = len;
	rc = read_header((const uint8_t *)data, len, iface, day_s, &x, &header);
	if (rc == 0)
		rc = read_records(&x, day_s, (const uint8_t *)data, len,
		    header);
	free(data);
	if (rc < 0) {
		gdi_index_free(&x);
		return rc;
	}
	*out = x;
	return 0;
}
