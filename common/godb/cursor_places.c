/* Stored parts: their files, opened and read, and where in these the chunks of
 * a piece lie. */
#include "common/godb/cursor_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/rollup.h"

/*
 * Blocks of a day lie one behind another in a column's file, and most
 * questions go through them in that order: so much is read at once.
 */
#define READ_AHEAD (64u << 10)

const struct gdi_scan_part *
gdi_cursor_part(const struct godb_cursor *c, size_t i)
{
	return i < c->scan->n_parts ? &c->scan->parts[i] :
				      &c->rolled[i - c->scan->n_parts];
}

void
gdi_cursor_close_day(struct godb_cursor *c)
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

int
gdi_cursor_open_day(struct godb_cursor *c, const struct gdi_scan_part *p)
{
	char day[11];
	int fd;

	if (c->day == p->day)
		return 0;
	gdi_cursor_close_day(c);
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

const char *
gdi_cursor_file_name(const struct gdi_scan_part *p, enum godb_column column)
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
	fd = open_named(c, gdi_cursor_file_name(p, column));
	if (p->rolled && fd >= 0)
		c->rolled_fd = fd;
	return fd;
}

int
gdi_cursor_open_column(struct godb_cursor *c, const struct gdi_scan_part *p,
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
	const struct gdi_scan_part *p = gdi_cursor_part(c, i);
	int rc = gdi_cursor_open_day(c, p), fd;

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

int
gdi_cursor_fetch(struct godb_cursor *c, struct gdi_column_file *f, uint64_t at,
    size_t len, const uint8_t **out)
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

int
gdi_cursor_fetch_chunk(struct godb_cursor *c, struct gdi_column_file *f,
    enum godb_column column, const struct gdi_chunk *k,
    struct gdi_stored *out)
{
	const uint8_t *p;
	int rc = gdi_cursor_fetch(c, f, k->offset, k->stored, &p);

	if (rc < 0)
		return rc;
	*out = (struct gdi_stored){p, k->stored, k->checksum, column, k->v6,
	    k->rows};
	return 0;
}

static uint32_t
chunk_rows(const struct godb_part *part)
{
	return part->flags & GDI_PART_ROLLED ? GDI_ROLLED_ROWS :
	    part->flags & GDI_PART_APART     ? GDI_APART_ROWS :
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

void
gdi_piece_rows(const struct godb_part *part, uint32_t piece, bool want4,
    bool want6, uint32_t n[2])
{
	uint32_t first6 = chunks4(part), rows = chunk_rows(part);
	bool v6 = piece >= first6;
	size_t before = (size_t)(v6 ? piece - first6 : piece) * rows;
	uint32_t all = v6 ? part->n6 : part->n4;

	n[0] = n[1] = 0;
	if (gdi_part_pieces(part) == 1) {
		n[0] = part->n4;
		n[1] = part->n6;
	} else {
		n[v6] = all - before < rows ? all - (uint32_t)before : rows;
	}
	n[0] = want4 ? n[0] : 0;
	n[1] = want6 ? n[1] : 0;
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
	rc = gdi_cursor_open_day(c, p);
	if (rc == 0 && c->index.fd < 0) {
		c->index.fd = open_named(c, GDI_INDEX);
		rc = c->index.fd < 0 ? c->index.fd : 0;
	}
	if (rc == 0)
		rc = gdi_cursor_fetch(c, &c->index, r->offset, r->bytes,
		    &bytes);
	c->bytes_read = read; /* what the scan read is not told either */
	return rc < 0 ? rc : gdi_record_again(r, p->day->day_s, bytes, out);
}

int
gdi_cursor_find_places(struct godb_cursor *c, size_t i, uint32_t piece,
    uint32_t columns)
{
	const struct gdi_scan_part *p = gdi_cursor_part(c, i);
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
