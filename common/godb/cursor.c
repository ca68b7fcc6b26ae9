/*
 * cursor - columns of a part, decoded into arrays.
 */
#include "common/godb/cursor_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/rollup.h"

/*
 * Blocks of a day lie one behind another in a column's file, and most
 * questions go through them in that order: so much is read at once.
 */
#define READ_AHEAD (64u << 10)

int
godb_cursor_new(const struct godb_scan *s, struct godb_cursor **out)
{
	struct godb_cursor *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	c->scan = s;
	c->day_fd = c->rolled_fd = c->index.fd = -1;
	c->memory = &c->own_memory;
	for (int i = 0; i < GODB_N_COLUMNS; i++) {
		c->files[i].fd = c->rolled_files[i].fd = -1;
		c->rolled_files[i].shared = true;
	}
	*out = c;
	return 0;
}

void
gdi_cursor_sum_live(struct godb_cursor *c)
{
	c->sum_live = true;
}

void
gdi_cursor_rolled(struct godb_cursor *c, const struct gdi_scan_part *rolled,
    size_t n)
{
	c->rolled = rolled;
	c->n_rolled = n;
	c->known = 0; /* other records have these numbers now */
}

static const struct gdi_scan_part *
part_of(const struct godb_cursor *c, size_t i)
{
	return i < c->scan->n_parts ? &c->scan->parts[i] :
				      &c->rolled[i - c->scan->n_parts];
}

static void
close_day(struct godb_cursor *c)
{
	for (int i = 0; i < GODB_N_COLUMNS; i++) {
		gp_fd_close(&c->files[i].fd);
		c->rolled_files[i].fd = -1;
		c->files[i].len = c->rolled_files[i].len = 0;
	}
	if (!c->lent)
		gp_fd_close(&c->rolled_fd);
	gp_fd_close(&c->index.fd);
	c->index.len = 0;
	gp_fd_close(&c->day_fd);
	c->day = NULL;
}

void
godb_cursor_free(struct godb_cursor *c)
{
	if (c == NULL)
		return;
	close_day(c);
	for (int i = 0; i < GODB_N_COLUMNS; i++) {
		gdi_buf_free(&c->files[i].buf);
		gdi_buf_free(&c->rolled_files[i].buf);
		free(c->v4[i].p);
		free(c->v6[i].p);
	}
	gdi_buf_free(&c->index.buf);
	free(c->sel6.p);
	free(c->set.p);
	free(c->in_set.p);
	gdi_chunk_memory_free(&c->own_memory);
	free(c);
}

void
godb_cursor_stats(const struct godb_cursor *c, uint64_t *bytes_read,
    uint64_t *bytes_decoded)
{
	*bytes_read = c->bytes_read;
	*bytes_decoded = c->bytes_decoded;
}

/* Never empty, so that an array that was asked for is not NULL. */
static void *
reserve(struct gdi_values *v, size_t bytes)
{
	void *p;

	if (bytes < v->cap)
		return v->p;
	p = malloc(bytes + 64);
	if (p == NULL)
		return NULL;
	free(v->p); /* what was in it is of an earlier part */
	v->p = p;
	v->cap = bytes + 64;
	return p;
}

/* ---- stored parts -------------------------------------------------------- */

/* The file is not there: its day was removed, or it alone, which is damage. */
static int
gone_or_damaged(const struct godb_cursor *c)
{
	char day[11], path[32];
	struct stat open_one, named;

	gp_clock_day_format(c->day->day_s, day);
	(void)snprintf(path, sizeof(path), "%s/%s",
	    c->scan->ifaces[c->iface].name, day);
	if (fstat(c->day_fd, &open_one) == 0 &&
	    fstatat(c->scan->store_fd, path, &named, AT_SYMLINK_NOFOLLOW) ==
		0 &&
	    open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev)
		return GODB_EDAMAGED;
	return GODB_EGONE;
}

static int
open_day(struct godb_cursor *c, const struct gdi_scan_part *p)
{
	char day[11];
	int fd;

	if (c->day == p->day)
		return 0;
	close_day(c);
	fd = gp_fd_opendir_at(c->scan->store_fd, p->part.iface);
	if (fd >= 0) {
		gp_clock_day_format(p->day->day_s, day);
		c->day_fd = gp_fd_opendir_at(fd, day);
		gp_fd_close(&fd);
		fd = c->day_fd;
	}
	if (fd < 0) {
		c->day_fd = -1;
		return fd == -ENOENT ? GODB_EGONE : fd;
	}
	c->day = p->day;
	c->iface = p->part.iface_index;
	return 0;
}

static const char *
file_name(const struct gdi_scan_part *p, enum godb_column column)
{
	return p->rolled ? GDI_ROLLED : gdi_columns[column].file;
}

static int
open_named(const struct godb_cursor *c, const char *name)
{
	int fd = gp_fd_openat(c->day_fd, name, O_RDONLY | O_NONBLOCK, 0);
	struct stat st;

	if (fd < 0)
		return fd == -ENOENT ? gone_or_damaged(c) :
		    fd == -ELOOP     ? GODB_EDAMAGED :
				       fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		gp_fd_close(&fd);
		return GODB_EDAMAGED;
	}
	return fd;
}

static int
open_file(struct godb_cursor *c, const struct gdi_scan_part *p,
    enum godb_column column)
{
	int fd;

	if (p->rolled && c->rolled_fd >= 0)
		return c->rolled_fd;
	fd = open_named(c, file_name(p, column));
	if (p->rolled && fd >= 0)
		c->rolled_fd = fd;
	return fd;
}

static int
open_column(struct godb_cursor *c, const struct gdi_scan_part *p,
    enum godb_column column, struct gdi_column_file **out)
{
	struct gdi_column_file *f =
	    p->rolled ? &c->rolled_files[column] : &c->files[column];

	*out = f;
	if (f->fd >= 0)
		return 0;
	f->fd = open_file(c, p, column);
	f->len = 0;
	return f->fd < 0 ? f->fd : 0;
}

int
gdi_cursor_open_rolled(struct godb_cursor *c, size_t i)
{
	const struct gdi_scan_part *p = part_of(c, i);
	int rc = open_day(c, p), fd;

	if (rc < 0)
		return rc;
	fd = open_file(c, p, GODB_SIP);
	if (fd >= 0)
		c->rolled_fd = -1; /* the caller's */
	return fd;
}

void
gdi_cursor_lend(struct godb_cursor *c, int rolled_fd,
    struct godb_cursor *memory)
{
	c->rolled_fd = rolled_fd;
	c->lent = true;
	c->memory = memory->memory;
}

/*
 * Rows that are looked up one by one because their counters may be large: of
 * pieces with fewer rows, or where more than one in so many may be, laying all
 * of them out costs no more.  Measured with 1158 rows a block (even) and 35,000
 * (a fifth less time).
 */
#define REACHING_ROWS  4096
#define REACHING_SHARE 128

/* How many bytes from `at` on are there already; they become the first ones. */
static size_t
keep_from(struct gdi_column_file *f, uint64_t at)
{
	size_t before = (size_t)(at - f->at);

	if (at < f->at || at - f->at >= f->len)
		return 0;
	memmove(f->buf.p, f->buf.p + before, f->len - before);
	return f->len - before;
}

/* Bytes of a column file; *out is good until the next call for it. */
static int
fetch(struct godb_cursor *c, struct gdi_column_file *f, uint64_t at, size_t len,
    const uint8_t **out)
{
	/* ahead only where we went on from about where we were */
	bool onward = !f->shared && f->len > 0 && at >= f->at &&
	    at - f->at <= f->len + READ_AHEAD;
	size_t want = len < READ_AHEAD && onward ? READ_AHEAD : len, kept;
	ssize_t n;

	if (f->len >= len && at >= f->at && at - f->at <= f->len - len) {
		*out = f->buf.p + (at - f->at);
		return 0;
	}
	kept = keep_from(f, at);
	f->buf.len = kept; /* what stays where there has to be more room */
	f->len = 0;
	if (gdi_buf_room(&f->buf, want - kept + GDI_SLACK) == NULL) {
		f->buf.rc = 0;
		return -ENOMEM;
	}
	n = gp_fd_pread_full(f->fd, f->buf.p + kept, want - kept, at + kept);
	if (n < 0)
		return (int)n;
	c->bytes_read += (uint64_t)n;
	f->at = at;
	f->len = kept + (size_t)n;
	if (f->len < len) {
		f->len = 0;
		return GODB_EDAMAGED; /* the file is too short */
	}
	memset(f->buf.p + f->len, 0, GDI_SLACK);
	*out = f->buf.p;
	return 0;
}

static uint32_t
chunk_rows(const struct godb_part *part)
{
	return part->flags & GDI_PART_ROLLED ? GDI_ROLLED_ROWS :
					       GDI_CHUNK_ROWS;
}

/* Of IPv4 rows. */
static uint32_t
chunks4(const struct godb_part *part)
{
	return (uint32_t)gdi_chunks(part->n4, chunk_rows(part));
}

uint32_t
gdi_part_pieces(const struct godb_part *part)
{
	uint32_t rows = chunk_rows(part);

	if ((part->flags & GODB_PART_LIVE) ||
	    (part->n4 <= rows && part->n6 <= rows))
		return 1;
	return chunks4(part) + (uint32_t)gdi_chunks(part->n6, rows);
}

bool
gdi_piece_has(const struct godb_part *part, uint32_t piece, bool v6)
{
	if (gdi_part_pieces(part) == 1)
		return (v6 ? part->n6 : part->n4) > 0;
	return v6 == (piece >= chunks4(part));
}

/* A piece's chunks of a column, among those from number `from` on. */
static int
find_place(const struct gdi_scan_part *p, uint32_t from, uint32_t piece,
    struct gdi_extent *e, struct gdi_place *out)
{
	bool all = gdi_part_pieces(&p->part) == 1;
	struct gdi_chunk k;
	int rc = 0;

	out->has[0] = out->has[1] = false;
	for (uint32_t n = from; rc == 0 && (all || n <= piece); n++) {
		rc = gdi_extent_next(e, &k);
		if (rc <= 0)
			return rc;
		rc = 0;
		if (!all && n < piece)
			continue;
		out->has[k.v6] = true;
		out->chunk[k.v6] = k;
	}
	return rc;
}

/* To the places of a piece behind: of those columns that were known. */
static int
go_on(struct godb_cursor *c, const struct gdi_scan_part *p, uint32_t piece)
{
	uint32_t from = c->piece + 1;
	int rc = 0;

	c->piece = piece;
	for (int k = 0; rc == 0 && k < GODB_N_COLUMNS; k++)
		if (c->known & GODB_COL(k))
			rc = find_place(p, from, piece, &c->extent[k],
			    &c->place[k]);
	return rc;
}

/*
 * A record's section of columns; what is made of it is good until another
 * record's is asked for.
 */
static int
find_columns(struct godb_cursor *c, const struct gdi_scan_part *p,
    struct gdi_in *out)
{
	const struct gdi_record *r = p->record;
	uint64_t read = c->bytes_read;
	const uint8_t *bytes;
	int rc;

	*out = r->columns;
	if (out->p != NULL)
		return 0;
	rc = open_day(c, p);
	if (rc == 0 && c->index.fd < 0) {
		c->index.fd = open_named(c, GDI_INDEX);
		rc = c->index.fd < 0 ? c->index.fd : 0;
	}
	if (rc == 0)
		rc = fetch(c, &c->index, r->offset, r->bytes, &bytes);
	c->bytes_read = read; /* what the scan read is not told either */
	return rc < 0 ? rc : gdi_record_again(r, p->day->day_s, bytes, out);
}

static int
find_places(struct godb_cursor *c, size_t i, uint32_t piece, uint32_t columns)
{
	const struct gdi_scan_part *p = part_of(c, i);
	struct gdi_in section;
	int rc = 0;

	if (c->known != 0 && c->part == i && piece > c->piece)
		rc = go_on(c, p, piece);
	if (rc < 0 || c->part != i || c->piece != piece)
		c->known = 0;
	c->part = i;
	c->piece = piece;
	columns &= ~c->known;
	if (rc < 0 || columns == 0)
		return rc;
	rc = find_columns(c, p, &section);
	if (rc == 0)
		rc = gdi_extents_open(p->record, section, columns, c->extent);
	for (int k = 0; rc == 0 && k < GODB_N_COLUMNS; k++)
		if (columns & GODB_COL(k))
			rc = find_place(p, 0, piece, &c->extent[k],
			    &c->place[k]);
	if (rc == 0)
		c->known |= columns;
	return rc;
}

/* How many addresses so far, where only those are wanted and not rows. */
struct counts {
	size_t v4, v6;
};

/* What is loaded, and how far that has come. */
struct load {
	uint32_t columns;
	bool want4, want6;
	uint32_t n4, n6;         /* rows in all */
	uint32_t done4, done6;   /* of earlier pieces */
	struct counts *distinct; /* or NULL: rows */
	const struct gdi_sel *sel; /* of one piece, which of them; NULL: all */
	struct gdi_sel some[2];    /* of it, those of each version */
	/* for messages */
	int column; /* or IN_INDEX */
	uint64_t place;
};
enum { IN_INDEX = -1 };

static int
load_chunk(struct godb_cursor *c, struct gdi_column_file *f,
    enum godb_column column, const struct gdi_chunk *k,
    const struct gdi_sel *some, void *out, size_t *n_distinct)
{
	const uint8_t *stored = NULL;
	bool few = some && gdi_is_few(some, k->rows);
	int rc = fetch(c, f, k->offset, k->stored, &stored);

	if (rc == 0 && n_distinct)
		rc = gdi_chunk_distinct(c->memory, stored, k->stored,
		    k->checksum, k->v6, k->rows, out, n_distinct);
	else if (rc == 0 && few)
		rc = gdi_chunk_decode_some(c->memory, stored, k->stored,
		    k->checksum, column, k->v6, k->rows, some, out);
	else if (rc == 0)
		rc = gdi_chunk_decode(c->memory, stored, k->stored,
		    k->checksum, column, k->v6, k->rows, out);
	if (rc == 0)
		c->bytes_decoded += (few ? some->n : k->rows) *
		    gdi_value_bytes(column, k->v6);
	return rc;
}

static int
load_column(struct godb_cursor *c, const struct gdi_scan_part *p,
    enum godb_column column, struct load *l)
{
	bool address = gdi_columns[column].kind == GDI_ADDR;
	const struct gdi_place *place = &c->place[column];
	struct gdi_column_file *f;
	int rc = open_column(c, p, column, &f);

	for (int v6 = 0; rc == 0 && v6 < 2; v6++) {
		const struct gdi_chunk *k = &place->chunk[v6];
		const struct gdi_sel *some = l->sel ? &l->some[v6] : NULL;
		size_t done = v6 ? l->done6 : l->done4, n = k->rows;
		size_t *count = NULL;
		uint8_t *out;

		if (!place->has[v6] || !(v6 ? l->want6 : l->want4) ||
		    (some && some->n == 0))
			continue;
		if (l->distinct) {
			count = v6 ? &l->distinct->v6 : &l->distinct->v4;
			done = *count;
		} else if (v6 && !address) {
			done += l->n4;
		}
		out = v6 && address ? c->v6[column].p : c->v4[column].p;
		l->place = k->offset;
		rc = load_chunk(c, f, column, k, some,
		    out + done * gdi_value_bytes(column, v6),
		    count ? &n : NULL);
		if (count)
			*count += n;
	}
	return rc;
}

int
gdi_cursor_reserve(struct godb_cursor *c, uint32_t columns, uint32_t n4,
    uint32_t n6)
{
	for (int i = 0; i < GODB_N_COLUMNS; i++) {
		enum godb_column column = (enum godb_column)i;
		bool address = gdi_columns[i].kind == GDI_ADDR;
		size_t n = (size_t)n4 + (address ? 0 : n6);

		if (!(columns & GODB_COL(i)))
			continue;
		if (reserve(&c->v4[i], n * gdi_value_bytes(column, false)) ==
		    NULL)
			return -ENOMEM;
		if (address && reserve(&c->v6[i],
				   n6 * sizeof(struct godb_addr6)) == NULL)
			return -ENOMEM;
	}
	return 0;
}

/* Rows of a piece, of the versions that are wanted. */
static void
count_rows(const struct gdi_scan_part *p, uint32_t piece, const struct load *l,
    uint32_t *n4, uint32_t *n6)
{
	uint32_t first6 = chunks4(&p->part), rows = chunk_rows(&p->part);
	size_t k = piece < first6 ? piece : piece - first6;
	uint32_t *n = piece < first6 ? n4 : n6;
	uint32_t all = piece < first6 ? p->part.n4 : p->part.n6;

	*n4 = *n6 = 0;
	if (gdi_part_pieces(&p->part) == 1) {
		*n4 = p->part.n4;
		*n6 = p->part.n6;
	} else if (all - k * rows < rows) {
		*n = all - (uint32_t)k * rows;
	} else {
		*n = rows;
	}
	*n4 = l->want4 ? *n4 : 0;
	*n6 = l->want6 ? *n6 : 0;
}

/* Which rows of sel are of which version; those of IPv6 count from their first
 * one here. */
static int
split_sel(struct godb_cursor *c, struct load *l)
{
	const uint32_t *row = l->sel->row;
	size_t n4 = 0, n6, end = l->sel->n;
	uint32_t *row6;

	while (n4 < end) {
		size_t mid = n4 + (end - n4) / 2;

		if (row[mid] < l->n4)
			n4 = mid + 1;
		else
			end = mid;
	}
	n6 = l->sel->n - n4;
	row6 = reserve(&c->sel6, n6 * sizeof(*row6));
	if (row6 == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n6; i++)
		row6[i] = row[n4 + i] - l->n4;
	l->some[0] = (struct gdi_sel){row, n4};
	l->some[1] = (struct gdi_sel){row6, n6};
	return 0;
}

/* Pieces of a stored part, one behind the other. */
static int
load_pieces(struct godb_cursor *c, size_t i, uint32_t first, uint32_t end,
    struct load *l)
{
	const struct gdi_scan_part *p = part_of(c, i);
	uint32_t n4, n6;
	int rc;

	for (uint32_t k = first; k < end; k++) {
		count_rows(p, k, l, &n4, &n6);
		l->n4 += n4;
		l->n6 += n6;
	}
	rc = gdi_cursor_reserve(c, l->columns, l->n4, l->n6);
	if (rc == 0 && l->sel)
		rc = split_sel(c, l);
	if (rc == 0 && l->n4 + l->n6 > 0 && !c->lent)
		rc = open_day(c, p);
	for (uint32_t k = first; rc == 0 && k < end; k++) {
		count_rows(p, k, l, &n4, &n6);
		if (n4 + n6 == 0)
			continue;
		rc = find_places(c, i, k, l->columns);
		if (rc < 0) {
			l->column = IN_INDEX;
			l->place = p->record->offset;
		}
		for (int x = 0; rc == 0 && x < GODB_N_COLUMNS; x++) {
			if (!(l->columns & GODB_COL(x)))
				continue;
			l->column = x;
			rc = load_column(c, p, (enum godb_column)x, l);
		}
		l->done4 += n4;
		l->done6 += n6;
	}
	return rc;
}

/* ---- load ---------------------------------------------------------------- */

static void
fill_out(const struct godb_cursor *c, uint32_t columns,
    struct godb_columns *out)
{
	if (columns & GODB_COL(GODB_SIP)) {
		out->sip4 = c->v4[GODB_SIP].p;
		out->sip6 = c->v6[GODB_SIP].p;
	}
	if (columns & GODB_COL(GODB_DIP)) {
		out->dip4 = c->v4[GODB_DIP].p;
		out->dip6 = c->v6[GODB_DIP].p;
	}
	if (columns & GODB_COL(GODB_DPORT))
		out->dport = c->v4[GODB_DPORT].p;
	if (columns & GODB_COL(GODB_PROTO))
		out->proto = c->v4[GODB_PROTO].p;
	if (columns & GODB_COL(GODB_L7PROTO))
		out->l7 = c->v4[GODB_L7PROTO].p;
	for (int k = 0; k < 4; k++)
		if (columns & GODB_COL(GODB_BYTES_RCVD + k))
			out->counter[k] = c->v4[GODB_BYTES_RCVD + k].p;
}

static void
fill_fault(const struct gdi_scan_part *p, int column, uint64_t place, int rc,
    struct godb_fault *f)
{
	char day[11];

	memset(f, 0, sizeof(*f));
	f->iface = p->part.iface;
	f->first_s = p->part.slot_s;
	f->last_s = p->part.slot_s + GP_SLOT_S;
	f->rc = rc;
	if (p->live) {
		(void)snprintf(f->place, sizeof(f->place),
		    "%s/" GDI_JOURNALS "/%" PRId64 ".gpj at %" PRIu64,
		    p->part.iface, p->part.slot_s, place);
		return;
	}
	gp_clock_day_format(p->part.slot_s, day);
	(void)snprintf(f->place, sizeof(f->place), "%s/%s/%s at %" PRIu64,
	    p->part.iface, day,
	    column != IN_INDEX ? file_name(p, (enum godb_column)column) :
		p->rolled      ? GDI_ROLLUPS :
				 GDI_INDEX,
	    place);
}

static int
load(struct godb_cursor *c, size_t i, uint32_t first, uint32_t end,
    struct load *l, struct godb_fault *fault)
{
	const struct gdi_scan_part *p = part_of(c, i);
	int rc;

	if (p->live) {
		l->n4 = l->want4 ? p->part.n4 : 0;
		l->n6 = l->want6 ? p->part.n6 : 0;
		rc = gdi_cursor_load_live(c, p, l->columns, &l->n4, &l->n6,
		    &l->place);
	} else {
		rc = load_pieces(c, i, first, end, l);
	}
	if (rc < 0 && fault)
		fill_fault(p, l->column, l->place, rc, fault);
	return rc;
}

static int
load_rows(struct godb_cursor *c, size_t i, uint32_t first, uint32_t end,
    struct load *l, struct godb_columns *out, struct godb_fault *fault)
{
	int rc = load(c, i, first, end, l, fault);

	if (rc < 0)
		return rc;
	memset(out, 0, sizeof(*out));
	out->n4 = l->n4;
	out->n6 = l->n6;
	fill_out(c, l->columns, out);
	return 0;
}

int
godb_cursor_load(struct godb_cursor *c, size_t i, uint32_t columns, bool want4,
    bool want6, struct godb_columns *out, struct godb_fault *fault)
{
	struct load l = {.columns = columns, .want4 = want4, .want6 = want6};

	if (i >= c->scan->n_parts + c->n_rolled ||
	    (columns & ~GODB_COL_ALL))
		return -EINVAL;
	return load_rows(c, i, 0, gdi_part_pieces(&part_of(c, i)->part), &l,
	    out, fault);
}

int
gdi_cursor_load_piece(struct godb_cursor *c, size_t i, uint32_t piece,
    uint32_t columns, bool want4, bool want6, struct godb_columns *out,
    struct godb_fault *fault)
{
	struct load l = {.columns = columns, .want4 = want4, .want6 = want6};

	return load_rows(c, i, piece, piece + 1, &l, out, fault);
}

int
gdi_cursor_load_some(struct godb_cursor *c, size_t i, uint32_t piece,
    uint32_t columns, bool want4, bool want6, const uint32_t *sel, size_t n,
    struct godb_columns *out, struct godb_fault *fault)
{
	struct gdi_sel rows = {sel, n};
	struct load l = {.columns = columns, .want4 = want4, .want6 = want6,
	    .sel = &rows};

	return load_rows(c, i, piece, piece + 1, &l, out, fault);
}

void
gdi_cursor_zones(struct godb_cursor *c, size_t i, uint32_t piece,
    uint32_t columns, bool v6, struct gdi_zone out[GODB_N_COLUMNS])
{
	for (int k = 0; k < GODB_N_COLUMNS; k++)
		out[k].known = false;
	if (part_of(c, i)->live || find_places(c, i, piece, columns) < 0)
		return; /* loading it will say what is wrong with it */
	for (int k = 0; k < GODB_N_COLUMNS; k++) {
		const struct gdi_place *p = &c->place[k];

		if ((columns & GODB_COL(k)) && p->has[v6])
			out[k] = (struct gdi_zone){true, p->chunk[v6].min,
			    p->chunk[v6].max};
	}
}

/* Both chunks of a column, which mostly lie side by side, in one: they will be
 * read again. */
static int
fetch_both(struct godb_cursor *c, struct gdi_column_file *f,
    const struct gdi_place *place)
{
	const struct gdi_chunk *v4 = &place->chunk[0], *v6 = &place->chunk[1];
	const uint8_t *stored;

	if (!place->has[0] || !place->has[1] ||
	    v6->offset != v4->offset + v4->stored)
		return 0;
	return fetch(c, f, v4->offset, (size_t)v4->stored + v6->stored,
	    &stored);
}

/* Of one column. */
static int
find_reaching(struct godb_cursor *c, const struct gdi_scan_part *p,
    enum godb_column column, const struct load *l, uint64_t least)
{
	const struct gdi_place *place = &c->place[column];
	struct gdi_column_file *f;
	int rc = open_column(c, p, column, &f);

	if (rc == 0 && l->want4 && l->want6)
		rc = fetch_both(c, f, place);
	for (int v6 = 0; rc == 0 && v6 < 2; v6++) {
		const struct gdi_chunk *k = &place->chunk[v6];
		const uint8_t *stored;

		if (!place->has[v6] || k->max < least ||
		    !(v6 ? l->want6 : l->want4))
			continue;
		rc = fetch(c, f, k->offset, k->stored, &stored);
		if (rc == 0)
			rc = gdi_chunk_reaching(c->memory, stored, k->stored,
			    k->checksum, k->rows, least, c->set.p,
			    v6 ? l->n4 : 0);
	}
	return rc;
}

/* The numbers of c->set. */
static int
list_reaching(struct godb_cursor *c, struct gdi_reaching *out)
{
	const uint64_t *set = c->set.p;
	size_t words = (out->of + 63) / 64, n = 0;
	uint32_t *row;

	for (size_t i = 0; i < words; i++)
		n += (size_t)__builtin_popcountll(set[i]);
	out->n = n;
	if (n * REACHING_SHARE > out->of)
		return 1;
	out->row = row = reserve(&c->in_set, n * sizeof(*row));
	if (row == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < words; i++)
		for (uint64_t left = set[i]; left != 0; left &= left - 1)
			*row++ = (uint32_t)(i * 64) +
			    (uint32_t)__builtin_ctzll(left);
	return 0;
}

int
gdi_cursor_reaching(struct godb_cursor *c, size_t i, uint32_t piece,
    uint32_t columns, uint64_t least, bool want4, bool want6,
    struct gdi_reaching *out)
{
	const struct gdi_scan_part *p = part_of(c, i);
	struct load l = {.want4 = want4, .want6 = want6};
	size_t bytes;
	int rc;

	if (p->live)
		return 1;
	count_rows(p, piece, &l, &l.n4, &l.n6);
	out->of = (size_t)l.n4 + l.n6;
	if (out->of < REACHING_ROWS)
		return 1;
	bytes = (out->of + 63) / 64 * sizeof(uint64_t);
	if (reserve(&c->set, bytes) == NULL)
		return -ENOMEM;
	memset(c->set.p, 0, bytes);
	rc = open_day(c, p);
	if (rc == 0)
		rc = find_places(c, i, piece, columns);
	for (int k = 0; rc == 0 && k < GODB_N_COLUMNS; k++)
		if (columns & GODB_COL(k))
			rc = find_reaching(c, p, (enum godb_column)k, &l,
			    least);
	if (rc == 0)
		rc = list_reaching(c, out);
	return rc == 0 || rc == -ENOMEM ? rc : 1;
}

bool
gdi_cursor_sums(const struct godb_cursor *c, size_t i, uint64_t sums[4])
{
	const struct gdi_record *r = part_of(c, i)->record;

	if (r == NULL || !r->has_sums)
		return false;
	memcpy(sums, r->sums, sizeof(r->sums));
	return true;
}

static int
load_addresses(struct godb_cursor *c, size_t i, uint32_t first, uint32_t end,
    struct load *l, struct gdi_addresses *out, struct godb_fault *fault)
{
	struct counts n = {0, 0};
	int column = __builtin_ctz(l->columns);
	int rc;

	l->distinct = &n;
	rc = load(c, i, first, end, l, fault);
	if (rc < 0)
		return rc;
	if (part_of(c, i)->live)
		n = (struct counts){l->n4, l->n6};
	*out = (struct gdi_addresses){c->v4[column].p, c->v6[column].p, n.v4,
	    n.v6};
	return 0;
}

int
gdi_cursor_addresses(struct godb_cursor *c, size_t i, enum godb_column column,
    bool want4, bool want6, struct gdi_addresses *out,
    struct godb_fault *fault)
{
	struct load l = {.columns = GODB_COL(column), .want4 = want4,
	    .want6 = want6};

	return load_addresses(c, i, 0,
	    gdi_part_pieces(&part_of(c, i)->part), &l, out, fault);
}

int
gdi_cursor_addresses_piece(struct godb_cursor *c, size_t i, uint32_t piece,
    enum godb_column column, bool want4, bool want6,
    struct gdi_addresses *out, struct godb_fault *fault)
{
	struct load l = {.columns = GODB_COL(column), .want4 = want4,
	    .want6 = want6};

	return load_addresses(c, i, piece, piece + 1, &l, out, fault);
}
