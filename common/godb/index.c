#include "common/godb/index.h"

#include <errno.h>

#include "common/base/clock.h"
#include "common/base/fd.h"

static const char index_magic[8] = {'g', 'o', 'D', 'B', 'i', 'd', 'x', '\n'};
#define RECORD_MAGIC 0x31425047u /* "GPB1" */

enum {
	R_MAGIC = 0,
	R_BYTES = 4,
	R_ID = 8,
	R_SLOT = 24,
	R_FIRST = 32,
	R_LAST = 40,
	R_FLAGS = 48,
	R_N4 = 52,
	R_N6 = 56,
	R_SECTIONS = 60,
	R_STORED = 64,
	R_HEAD_CHECKSUM = 72, /* of what stands before it */
	R_HEAD = 80,
	R_TAIL = 8, /* checksum of everything before it */
};

enum {
	SECTION_COUNTERS = 1,
	SECTION_COLUMNS = 2,
	SECTION_RINGS = 3,
	SECTION_SUMS = 4,
	SECTION_ROLLUP = 5,
	SECTION_HEAD = 8, /* type, flags, length */
	SECTION_CRITICAL = 1, /* flag: not to be skipped by who is too old */
};

/* Flags that only a reader gives. */
#define NOT_STORED \
	((uint32_t)GODB_PART_LIVE | GDI_PART_ROLLED | GDI_PART_APART)

/* ---- writing ------------------------------------------------------------- */

void
gdi_index_header(const char *iface, int64_t day_s,
    uint8_t out[GDI_HEADER_BYTES])
{
	gdi_header_make(out, index_magic, iface, day_s, 0);
}

void
gdi_extent_begin(struct gdi_buf *out, uint64_t offset)
{
	gdi_buf_varint(out, offset);
}

void
gdi_extent_add(struct gdi_buf *out, const struct gdi_chunk *c)
{
	gdi_buf_varint(out, c->stored);
	gdi_buf_u64(out, c->checksum);
	gdi_buf_varint(out, c->min);
	gdi_buf_varint(out, c->max - c->min);
}

static size_t
section_begin(struct gdi_buf *out, uint16_t type, uint16_t flags)
{
	uint8_t h[SECTION_HEAD] = {0};
	size_t at = out->len;

	gdi_put16(h, type);
	gdi_put16(h + 2, flags);
	gdi_buf_bytes(out, h, sizeof(h));
	return at;
}

static void
section_end(struct gdi_buf *out, size_t at)
{
	if (out->rc == 0)
		gdi_put32(out->p + at + 4,
		    (uint32_t)(out->len - at - SECTION_HEAD));
}

static void
put_sections(const struct gdi_record *r,
    const struct gdi_buf columns[GODB_N_COLUMNS],
    const struct gdi_rings *rings, struct gdi_buf *out)
{
	uint64_t counters[GDI_N_COUNTERS];
	size_t at = section_begin(out, SECTION_COUNTERS, 0);

	memcpy(counters, &r->counters, sizeof(counters));
	for (size_t i = 0; i < GDI_N_COUNTERS; i++)
		gdi_buf_varint(out, counters[i]);
	section_end(out, at);
	at = section_begin(out, SECTION_COLUMNS, SECTION_CRITICAL);
	for (int c = 0; c < GODB_N_COLUMNS; c++) {
		const char *name = gdi_columns[c].name;

		gdi_buf_varint(out, strlen(name));
		gdi_buf_bytes(out, name, strlen(name));
		gdi_buf_varint(out, columns[c].len);
		gdi_buf_bytes(out, columns[c].p, columns[c].len);
		if (columns[c].rc < 0)
			out->rc = columns[c].rc;
	}
	section_end(out, at);
	at = section_begin(out, SECTION_RINGS, SECTION_CRITICAL);
	gdi_rings_write(rings, out);
	section_end(out, at);
	at = section_begin(out, SECTION_SUMS, 0);
	for (int i = 0; i < 4; i++)
		gdi_buf_varint(out, r->sums[i]);
	section_end(out, at);
	if (r->rollup.p == NULL)
		return;
	at = section_begin(out, SECTION_ROLLUP, 0);
	gdi_buf_bytes(out, r->rollup.p, gdi_in_left(&r->rollup));
	section_end(out, at);
}

void
gdi_record_write(const struct gdi_record *r,
    const struct gdi_buf columns[GODB_N_COLUMNS],
    const struct gdi_rings *rings, struct gdi_buf *out)
{
	static const uint8_t zero[8];
	uint8_t h[R_HEAD] = {0};
	size_t start = out->len, bytes;

	gdi_buf_bytes(out, h, sizeof(h));
	put_sections(r, columns, rings, out);
	gdi_buf_bytes(out, zero, (0 - (out->len - start)) % 8);
	bytes = out->len - start + R_TAIL;
	if (out->rc < 0)
		return;
	gdi_put32(h + R_MAGIC, RECORD_MAGIC);
	gdi_put32(h + R_BYTES, (uint32_t)bytes);
	memcpy(h + R_ID, r->id, sizeof(r->id));
	gdi_put64(h + R_SLOT, (uint64_t)r->slot_s);
	gdi_put64(h + R_FIRST, (uint64_t)r->first_ns);
	gdi_put64(h + R_LAST, (uint64_t)r->last_ns);
	gdi_put32(h + R_FLAGS, r->flags);
	gdi_put32(h + R_N4, r->n4);
	gdi_put32(h + R_N6, r->n6);
	gdi_put32(h + R_SECTIONS, r->rollup.p ? 5 : 4);
	gdi_put64(h + R_STORED, r->stored_bytes);
	gdi_put64(h + R_HEAD_CHECKSUM, gp_checksum(h, R_HEAD_CHECKSUM, 0));
	memcpy(out->p + start, h, sizeof(h));
	gdi_buf_u64(out, gp_checksum(out->p + start, bytes - R_TAIL, 0));
}

/* ---- a record's columns -------------------------------------------------- */

/* Which column that is; names beyond ours are later versions'.  Writers keep
 * the order, so that `next` is it nearly always. */
static int
column_named(const uint8_t *name, size_t len, int next)
{
	for (int i = 0; i < GODB_N_COLUMNS; i++) {
		int c = (next + i) % GODB_N_COLUMNS;
		const char *ours = godb_column_name((enum godb_column)c);

		if (strlen(ours) == len && memcmp(name, ours, len) == 0)
			return c;
	}
	return -1;
}

int
gdi_extents_open(const struct gdi_record *r, struct gdi_in in,
    uint32_t columns, struct gdi_extent out[GODB_N_COLUMNS])
{
	uint32_t missing = columns;
	int next = 0;

	while (missing != 0 && in.p < in.end) {
		size_t name_len = (size_t)gdi_in_varint(&in);
		const uint8_t *name = gdi_in_bytes(&in, name_len);
		size_t len = (size_t)gdi_in_varint(&in);
		const uint8_t *p = gdi_in_bytes(&in, len);
		struct gdi_extent *e;
		int c;

		if (in.bad)
			return GODB_EDAMAGED;
		c = column_named(name, name_len, next);
		next = c + 1;
		if (c < 0 || !(missing & GODB_COL(c)))
			continue;
		missing &= ~GODB_COL(c);
		e = &out[c];
		*e = (struct gdi_extent){.in = {p, p + len, false},
		    .chunk_rows = r->chunk_rows,
		    .left4 = r->n4,
		    .left6 = r->n6,
		    .stored_max = r->stored_bytes};
		e->offset = gdi_in_varint(&e->in);
		if (e->in.bad)
			return GODB_EDAMAGED;
	}
	return missing == 0 || r->n4 + r->n6 == 0 ? 0 : GODB_EDAMAGED;
}

int
gdi_extent_open(const struct gdi_record *r, enum godb_column c,
    struct gdi_extent *out)
{
	struct gdi_extent all[GODB_N_COLUMNS] = {0};
	int rc = gdi_extents_open(r, r->columns, GODB_COL(c), all);

	if (rc == 0)
		*out = all[c];
	return rc;
}

int
gdi_extent_next(struct gdi_extent *e, struct gdi_chunk *out)
{
	bool v6 = e->left4 == 0;
	uint32_t *left = v6 ? &e->left6 : &e->left4;
	uint64_t stored, span;

	if (*left == 0)
		return 0;
	out->v6 = v6;
	out->rows = *left < e->chunk_rows ? *left : e->chunk_rows;
	out->offset = e->offset;
	stored = gdi_in_varint(&e->in);
	out->checksum = gdi_in_u64(&e->in);
	out->min = gdi_in_varint(&e->in);
	span = gdi_in_varint(&e->in);
	if (e->in.bad || stored > e->stored_max ||
	    stored > gdi_chunk_bytes_max(out->rows) ||
	    e->offset > (uint64_t)INT64_MAX - stored ||
	    __builtin_add_overflow(out->min, span, &out->max))
		return GODB_EDAMAGED;
	out->stored = (uint32_t)stored;
	e->stored_max -= stored;
	e->offset += stored;
	*left -= out->rows;
	return 1;
}

/* ---- reading ------------------------------------------------------------- */

static bool
head_holds(const uint8_t *h)
{
	return gdi_get32(h + R_MAGIC) == RECORD_MAGIC &&
	    gdi_get64(h + R_HEAD_CHECKSUM) ==
	    gp_checksum(h, R_HEAD_CHECKSUM, 0);
}

static bool
length_valid(const uint8_t *h)
{
	uint32_t bytes = gdi_get32(h + R_BYTES);

	return bytes >= R_HEAD + R_TAIL && bytes % 8 == 0 &&
	    bytes <= GDI_RECORD_BYTES;
}

static bool
length_holds(const uint8_t *h, size_t left)
{
	return length_valid(h) && gdi_get32(h + R_BYTES) <= left;
}

static void
read_counters(struct gdi_in in, struct godb_counters *out)
{
	uint64_t counters[GDI_N_COUNTERS];

	for (size_t i = 0; i < GDI_N_COUNTERS; i++)
		counters[i] = gdi_in_varint(&in);
	memcpy(out, counters, sizeof(*out));
}

static void
read_sums(struct gdi_in in, struct gdi_record *r)
{
	for (int i = 0; i < 4; i++)
		r->sums[i] = gdi_in_varint(&in);
	r->has_sums = !in.bad;
}

void
gdi_record_sums(const struct gdi_record *r, uint64_t out[4])
{
	const struct godb_counters *c = &r->counters;

	if (r->has_sums) {
		memcpy(out, r->sums, sizeof(r->sums));
		return;
	}
	memset(out, 0, 4 * sizeof(*out));
	if (c->seen >= c->non_ip + c->malformed)
		out[2] = c->seen - c->non_ip - c->malformed;
	if (c->seen_bytes >= c->non_ip_bytes + c->malformed_bytes)
		out[0] = c->seen_bytes - c->non_ip_bytes - c->malformed_bytes;
}

static int
read_sections(const uint8_t *h, struct gdi_in in, struct gdi_record *r)
{
	uint32_t n = gdi_get32(h + R_SECTIONS);

	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *s = gdi_in_bytes(&in, SECTION_HEAD);
		struct gdi_in body;

		if (s == NULL)
			return GODB_EDAMAGED;
		body.p = gdi_in_bytes(&in, gdi_get32(s + 4));
		if (body.p == NULL)
			return GODB_EDAMAGED;
		body.end = in.p;
		body.bad = false;
		switch (gdi_get16(s)) {
		case SECTION_COUNTERS:
			read_counters(body, &r->counters);
			break;
		case SECTION_COLUMNS:
			r->columns = body;
			break;
		case SECTION_RINGS:
			r->rings = body;
			break;
		case SECTION_SUMS:
			read_sums(body, r);
			break;
		case SECTION_ROLLUP:
			r->rollup = body;
			break;
		default:
			if (gdi_get16(s + 2) & SECTION_CRITICAL)
				return GODB_ENEWER;
		}
	}
	return r->columns.p && r->rings.p ? 0 : GODB_EDAMAGED;
}

/* A record whose head holds; h lies in the index's bytes. */
static int
read_record(const uint8_t *h, int64_t day_s, struct gdi_record *r)
{
	uint32_t bytes = gdi_get32(h + R_BYTES);

	if (gdi_get64(h + bytes - R_TAIL) !=
	    gp_checksum(h, bytes - R_TAIL, 0))
		return GODB_EDAMAGED;
	memset(r, 0, sizeof(*r));
	memcpy(r->id, h + R_ID, sizeof(r->id));
	r->slot_s = (int64_t)gdi_get64(h + R_SLOT);
	r->first_ns = (int64_t)gdi_get64(h + R_FIRST);
	r->last_ns = (int64_t)gdi_get64(h + R_LAST);
	r->flags = gdi_get32(h + R_FLAGS) & ~NOT_STORED;
	r->n4 = gdi_get32(h + R_N4);
	r->n6 = gdi_get32(h + R_N6);
	r->chunk_rows = GDI_CHUNK_ROWS;
	r->stored_bytes = gdi_get64(h + R_STORED);
	if (r->slot_s < day_s || r->slot_s >= day_s + GP_DAY_S ||
	    r->slot_s % GP_SLOT_S != 0 || r->first_ns > r->last_ns ||
	    r->n4 > GDI_RECORD_ROWS || r->n6 > GDI_RECORD_ROWS)
		return GODB_EDAMAGED;
	return read_sections(h,
	    (struct gdi_in){h + R_HEAD, h + bytes - R_TAIL, false}, r);
}

static bool
all_zero(const uint8_t *p, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

struct parse {
	struct gdi_index x;
	int64_t day_s;
	size_t cap, cap_gaps;
};

/* Room for one more, or NULL. */
static struct gdi_record *
next_record(struct parse *p)
{
	struct gdi_index *x = &p->x;

	if (x->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 300; /* 288 a day */
		struct gdi_record *grown =
		    reallocarray(x->records, cap, sizeof(*grown));

		if (grown == NULL)
			return NULL;
		x->records = grown;
		p->cap = cap;
	}
	return &x->records[x->n];
}

/* What a head that holds says of the record that does not. */
static void
take_head(struct gdi_index *x, const uint8_t *h)
{
	struct gdi_gap *g = &x->gaps[x->n_gaps - 1];

	g->flags = gdi_get32(h + R_FLAGS) & ~NOT_STORED;
	g->stored_bytes = gdi_get64(h + R_STORED);
}

/* Adjacent places that do not hold are one gap unless their times are known. */
static int
add_gap(struct parse *p, uint64_t offset, uint64_t length, int64_t slot_s,
    int rc)
{
	struct gdi_index *x = &p->x;
	struct gdi_gap *last = x->n_gaps ? &x->gaps[x->n_gaps - 1] : NULL;

	if (last && last->offset + last->length == offset && slot_s < 0 &&
	    last->slot_s < 0) {
		last->length += length;
		return 0;
	}
	if (x->n_gaps == p->cap_gaps) {
		size_t cap = p->cap_gaps ? p->cap_gaps * 2 : 4;
		struct gdi_gap *grown =
		    reallocarray(x->gaps, cap, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		x->gaps = grown;
		p->cap_gaps = cap;
	}
	x->gaps[x->n_gaps++] = (struct gdi_gap){.offset = offset,
	    .length = length, .slot_s = slot_s, .rc = rc};
	return 0;
}

static int64_t
slot_of(const uint8_t *h, int64_t day_s)
{
	int64_t slot_s = (int64_t)gdi_get64(h + R_SLOT);

	return slot_s >= day_s && slot_s < day_s + GP_DAY_S &&
		slot_s % GP_SLOT_S == 0 ? slot_s : -1;
}

/*
 * What lies at `at`; returns how far to go on, or -ENOMEM.  A head that holds
 * tells where the next record begins; otherwise records are looked for at
 * every multiple of 8.
 */
static int64_t
read_at(struct parse *p, uint64_t at)
{
	struct gdi_index *x = &p->x;
	const uint8_t *h = x->data + at;
	uint64_t left = x->size - at;
	struct gdi_record *r;
	int64_t bytes;
	int rc;

	if (left < R_HEAD || !head_holds(h)) {
		bytes = left < 8 ? (int64_t)left : 8;
		rc = add_gap(p, at, (uint64_t)bytes, -1, GODB_EDAMAGED);
		return rc < 0 ? rc : bytes;
	}
	if (!length_holds(h, left)) {
		rc = add_gap(p, at, left, slot_of(h, p->day_s), GODB_EDAMAGED);
		if (rc < 0)
			return rc;
		take_head(x, h);
		x->gaps[x->n_gaps - 1].cut = true;
		x->gaps[x->n_gaps - 1].cut_end = at +
		    (length_valid(h) ? gdi_get32(h + R_BYTES) :
				       (left + 7) / 8 * 8);
		return (int64_t)left;
	}
	bytes = gdi_get32(h + R_BYTES);
	r = next_record(p);
	if (r == NULL)
		return -ENOMEM;
	rc = read_record(h, p->day_s, r);
	if (rc < 0) {
		rc = add_gap(p, at, (uint64_t)bytes, slot_of(h, p->day_s), rc);
		if (rc < 0)
			return rc;
		take_head(x, h);
		return bytes;
	}
	r->offset = at;
	r->bytes = (uint32_t)bytes;
	x->n++;
	x->end = at + (uint64_t)bytes;
	return bytes;
}

/* A commit writes one record, so that behind a head that holds no other one
 * was begun. */
static void
judge_tails(struct gdi_index *x)
{
	for (size_t i = 0; i < x->n_gaps; i++) {
		struct gdi_gap *g = &x->gaps[i];
		bool first = i == 0 || g[-1].offset + g[-1].length < g->offset;

		g->tail = g->offset >= x->end;
		g->short_tail = g->tail && g->slot_s < 0 && first &&
		    (g->length < R_HEAD ||
			all_zero(x->data + g->offset, g->length));
	}
}

int
gdi_index_parse_as(const char magic[8], uint8_t *data, size_t len,
    int64_t day_s, struct gdi_index *out)
{
	struct parse p = {.x = {.data = data, .size = len}, .day_s = day_s};
	uint64_t at = GDI_HEADER_BYTES;
	int rc = 0;

	/* less than a header, or zeroes: the first commit of the day was cut
	 * off by a kill or a power cut */
	if (len > 0 && (len < GDI_HEADER_BYTES || all_zero(data, len))) {
		at = len;
		rc = add_gap(&p, 0, len, -1, GODB_EDAMAGED);
	} else if (len > 0) {
		rc = gdi_header_check(data, magic, day_s);
		p.x.header_damaged = rc == GODB_EDAMAGED;
		if (p.x.header_damaged)
			rc = 0;
		p.x.end = GDI_HEADER_BYTES;
	}
	while (rc == 0 && at < len) {
		int64_t bytes = read_at(&p, at);

		if (bytes < 0)
			rc = (int)bytes;
		else
			at += (uint64_t)bytes;
	}
	if (rc < 0) {
		gdi_index_free(&p.x);
		return rc;
	}
	judge_tails(&p.x);
	*out = p.x;
	return 0;
}

int
gdi_index_parse(uint8_t *data, size_t len, int64_t day_s,
    struct gdi_index *out)
{
	return gdi_index_parse_as(index_magic, data, len, day_s, out);
}

int
gdi_index_read_as(int day_fd, const char *name, const char magic[8],
    int64_t day_s, struct gdi_index *out)
{
	char *data;
	size_t len;
	int rc = gp_fd_read_file(day_fd, name, GDI_INDEX_BYTES, &data, &len);

	if (rc == -EFBIG || rc == -EISDIR || rc == -EINVAL || rc == -ELOOP)
		return GODB_EDAMAGED;
	if (rc < 0)
		return rc;
	return gdi_index_parse_as(magic, (uint8_t *)data, len, day_s, out);
}

bool
gdi_index_is_none(int rc)
{
	return rc == -ENOENT || rc == -ENOTDIR || rc == -ELOOP ||
	    rc == GODB_EDAMAGED || rc == GODB_ENEWER;
}

int
gdi_index_read(int day_fd, int64_t day_s, struct gdi_index *out)
{
	return gdi_index_read_as(day_fd, GDI_INDEX, index_magic, day_s, out);
}

int
gdi_index_read_named(int iface_fd, const char *day, struct gdi_index *out)
{
	int64_t day_s = 0;
	int fd = gp_fd_opendir_at(iface_fd, day), rc = fd;

	(void)gp_clock_day_parse(day, &day_s);
	if (fd >= 0)
		rc = gdi_index_read(fd, day_s, out);
	gp_fd_close(&fd);
	if (rc < 0)
		return gdi_index_is_none(rc) ? 0 : rc;
	return 1;
}

int
gdi_index_head(const uint8_t *data, size_t len, size_t *at,
    struct gdi_record_head *out)
{
	const uint8_t *h;

	if (*at == 0)
		*at = GDI_HEADER_BYTES;
	if (*at == len)
		return 0;
	if (*at > len || len - *at < R_HEAD)
		return GODB_EDAMAGED;
	h = data + *at;
	if (!length_holds(h, len - *at))
		return GODB_EDAMAGED;
	*out = (struct gdi_record_head){
	    .slot_s = (int64_t)gdi_get64(h + R_SLOT),
	    .offset = *at,
	    .id = h + R_ID,
	    .has_rows = gdi_get32(h + R_N4) > 0 || gdi_get32(h + R_N6) > 0};
	*at += gdi_get32(h + R_BYTES);
	return 1;
}

bool
gdi_gap_may_be_torn(const struct gdi_gap *g)
{
	return g->tail && (g->slot_s >= 0 || g->short_tail);
}

void
gdi_index_forget(struct gdi_index *x)
{
	const struct gdi_in none = {NULL, NULL, false};

	for (size_t i = 0; i < x->n; i++) {
		struct gdi_record *r = &x->records[i];

		r->columns = r->rings = r->rollup = none;
	}
	free(x->data);
	x->data = NULL;
}

int
gdi_record_again(const struct gdi_record *r, int64_t day_s,
    const uint8_t *bytes, struct gdi_in *columns)
{
	struct gdi_record now;

	if (gdi_get32(bytes + R_BYTES) != r->bytes ||
	    read_record(bytes, day_s, &now) < 0 ||
	    memcmp(now.id, r->id, sizeof(now.id)) != 0)
		return GODB_EDAMAGED;
	*columns = now.columns;
	return 0;
}

void
gdi_index_free(struct gdi_index *x)
{
	free(x->data);
	free(x->records);
	free(x->gaps);
	memset(x, 0, sizeof(*x));
}
