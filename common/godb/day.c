#include "common/godb/day.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/evidence.h"

#define PAGE_BYTES 4096u

static uint64_t
round_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

/* ---- what is there ------------------------------------------------------- */

static uint64_t
file_size(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_size < 0)
		return 0;
	return (uint64_t)st.st_size;
}

/* Grows the columns' ends to hold what the record names; false if that does
 * not parse. */
static bool
take_extents(struct gdi_day *d, const struct gdi_record *r)
{
	for (int c = 0; c < GODB_N_COLUMNS; c++) {
		struct gdi_extent e = {0};
		struct gdi_chunk k;
		int rc = gdi_extent_open(r, (enum godb_column)c, &e);

		while (rc == 0 && (rc = gdi_extent_next(&e, &k)) == 1) {
			if (k.offset + k.stored > d->column_end[c])
				d->column_end[c] = k.offset + k.stored;
			rc = 0;
		}
		if (rc < 0)
			return false;
	}
	return true;
}

/* Whether the end of the index, or all of it, is a commit that was never
 * finished. */
static bool
torn(const struct gdi_index *x, const struct gdi_folders *f, int64_t day_s)
{
	const struct gdi_gap *g = x->n_gaps ? &x->gaps[x->n_gaps - 1] : NULL;

	if (x->size == 0)
		return gdi_journal_vouches(f->iface, day_s, -1, 0);
	return g && gdi_gap_may_be_torn(g) &&
	    gdi_journal_vouches(f->iface, day_s, g->slot_s, g->offset);
}

/*
 * Where the next record goes.  Behind damage at the end a gap stays in front
 * of it, or of the first one where there was no record, of which readers tell
 * for good: it is no commit under way once there is more.
 */
static uint64_t
index_end(const struct gdi_index *x, bool is_torn, bool shrunk, bool bereft)
{
	const struct gdi_gap *last = x->n_gaps ? &x->gaps[x->n_gaps - 1] : NULL;
	uint64_t end = x->end;

	if (is_torn && !shrunk)
		return end;
	/* readers pass over as much as the head of a cut record says; 8 bytes
	 * more tell them still that others may have been behind it */
	if (last && last->tail)
		end = last->cut ? last->cut_end + 8 : round_up(x->size, 8);
	else if (shrunk)
		end = round_up(x->size, 8) + 8;
	if ((last || shrunk || bereft) && end < GDI_HEADER_BYTES + 8)
		end = GDI_HEADER_BYTES + 8;
	return end;
}

static void
take_index(struct gdi_day *d, int day_fd, const struct gdi_index *x,
    bool is_torn, bool damaged)
{
	damaged |= x->n_gaps > (is_torn ? 1 : 0) || x->size == 0;
	d->headless = x->end == 0;
	memset(d->column_end, 0, sizeof(d->column_end));
	for (size_t i = 0; i < x->n; i++)
		damaged |= !take_extents(d, &x->records[i]) ||
		    (x->records[i].flags & GODB_PART_LOST);
	/* what damaged records name may be read again one day, and a copy of
	 * an index that is gone may be put back */
	for (int c = 0; damaged && c < GODB_N_COLUMNS; c++) {
		uint64_t size = file_size(day_fd, gdi_columns[c].file);

		if (size > d->column_end[c])
			d->column_end[c] = size;
	}
}

/* Somebody cut it, if it is the day that was learned: its index is shorter than
 * we left it. */
static bool
was_cut(const struct gdi_day *d, const struct stat *st, int64_t day_s,
    uint64_t size)
{
	return d->known && d->day_s == day_s && d->dev == st->st_dev &&
	    d->ino == st->st_ino && size < d->index_size;
}

int
gdi_day_open(struct gdi_day *d, const struct gdi_folders *f, int64_t day_s)
{
	struct gdi_index x = {0};
	struct gdi_once once;
	struct stat st;
	bool shrunk, is_torn, bereft;
	char day[11];
	int rc;

	if (fstat(f->day, &st) < 0)
		return -errno;
	if (d->known && d->day_s == day_s && d->dev == st.st_dev &&
	    d->ino == st.st_ino &&
	    d->index_size == file_size(f->day, GDI_INDEX))
		return 0;
	rc = gdi_once_read(f->day, day_s, &once);
	if (rc == 0)
		rc = gdi_index_read(f->day, day_s, &x);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	shrunk = was_cut(d, &st, day_s, x.size) || gdi_index_shrunk(&once, &x);
	memset(d, 0, sizeof(*d));
	gp_clock_day_format(day_s, day);
	bereft = x.size < GDI_HEADER_BYTES && gdi_day_bereft(f->iface, day);
	is_torn = !bereft && torn(&x, f, day_s);
	d->index_end = index_end(&x, is_torn, shrunk, bereft);
	take_index(d, f->day, &x, is_torn, shrunk || bereft);
	d->known = true;
	d->day_s = day_s;
	d->dev = st.st_dev;
	d->ino = st.st_ino;
	d->index_size = x.size;
	gdi_index_free(&x);
	return 0;
}

/* ---- commit -------------------------------------------------------------- */

void
gdi_day_block_free(struct gdi_day_block *b)
{
	for (int c = 0; c < GODB_N_COLUMNS; c++) {
		gdi_buf_free(&b->stored[c]);
		gdi_buf_free(&b->extents[c]);
	}
}

/* Opens for writing, or makes it and notes that. */
static int
open_file(struct gdi_day *d, int day_fd, const char *name, uint32_t mode)
{
	int fd = gp_fd_openat(day_fd, name, O_RDWR, 0);

	if (fd != -ENOENT)
		return fd;
	fd = gp_fd_openat(day_fd, name, O_RDWR | O_CREAT | O_EXCL, mode);
	if (fd >= 0 && fchmod(fd, mode) < 0) { /* whatever the umask */
		int rc = -errno;

		gp_fd_close(&fd);
		return rc;
	}
	d->synced = false;
	return fd;
}

/* Nothing at these places is used again. */
static void
skip_columns(struct gdi_day *d, const struct gdi_day_block *b)
{
	for (int c = 0; c < GODB_N_COLUMNS; c++)
		d->column_end[c] = round_up(
		    d->column_end[c] + b->stored[c].len, PAGE_BYTES);
}

static int
write_column(struct gdi_day_commit *t, int c)
{
	const struct gdi_day_block *b = t->b;
	int rc;

	if (b->stored[c].len == 0)
		return 0;
	t->fds[c] = open_file(t->d, t->f.day, gdi_columns[c].file,
	    b->mode_file);
	rc = t->fds[c] < 0 ? t->fds[c] :
			     gp_fd_pwrite_full(t->fds[c], b->stored[c].p,
				 b->stored[c].len, t->d->column_end[c]);
	/* a full disk gets its space back */
	for (c = 0; rc < 0 && c < GODB_N_COLUMNS; c++)
		if (t->fds[c] >= 0)
			(void)!ftruncate(t->fds[c],
			    (off_t)t->d->column_end[c]);
	return rc;
}

static int
sync_column(struct gdi_day_commit *t, int c)
{
	int rc = t->fds[c] < 0 ? 0 : gp_fd_sync(t->fds[c]);

	if (rc < 0)
		skip_columns(t->d, t->b);
	return rc;
}

/* The committed part of the index as a new file in its place. */
static int
rebuild_index(struct gdi_day *d, int day_fd, const struct gdi_day_block *b)
{
	struct gdi_buf data = {0};
	int from = gp_fd_openat(day_fd, GDI_INDEX, O_RDONLY, 0);
	int to, rc = from < 0 ? from : 0;
	uint8_t *p = gdi_buf_room(&data, (size_t)d->index_end + 1);

	if (rc == 0 && p == NULL)
		rc = -ENOMEM;
	if (rc == 0) {
		ssize_t n = gp_fd_pread_full(from, p, (size_t)d->index_end, 0);

		rc = n < 0 ? (int)n : (uint64_t)n < d->index_end ? -EIO : 0;
	}
	to = rc < 0 ? rc : gp_fd_replace(day_fd, GDI_INDEX, b->mode_file, p,
	    (size_t)d->index_end);
	rc = to < 0 ? to : gp_fd_sync(day_fd);
	d->rebuild = rc < 0;
	gp_fd_close(&from);
	gp_fd_close(&to);
	gdi_buf_free(&data);
	return rc;
}

/* Header if it is the first, then the record. */
static int
format_record(const struct gdi_day *d, const struct gdi_day_block *b,
    struct gdi_buf *out)
{
	struct gdi_buf columns[GODB_N_COLUMNS] = {0};
	uint8_t header[GDI_HEADER_BYTES];

	if (d->index_end == 0) {
		gdi_index_header(b->iface, d->day_s, header);
		gdi_buf_bytes(out, header, sizeof(header));
	}
	for (int c = 0; c < GODB_N_COLUMNS; c++) {
		gdi_extent_begin(&columns[c], d->column_end[c]);
		gdi_buf_bytes(&columns[c], b->extents[c].p, b->extents[c].len);
	}
	gdi_record_write(&b->record, columns, b->rings, out);
	for (int c = 0; c < GODB_N_COLUMNS; c++)
		gdi_buf_free(&columns[c]);
	if (out->rc == 0 && (out->len > GDI_RECORD_BYTES ||
				d->index_end + out->len > GDI_INDEX_BYTES))
		return GODB_EFULL;
	return out->rc;
}

static int
sync_folders(const struct gdi_folders *f)
{
	int rc = gp_fd_sync(f->day);

	if (rc == 0)
		rc = gp_fd_sync(f->iface);
	return rc < 0 ? rc : gp_fd_sync(f->store);
}

/*
 * From the first byte of it on readers may see the record, so on failure it is
 * taken away again and what it names is left alone.
 */
static int
write_record(struct gdi_day *d, const struct gdi_folders *f, int fd,
    const struct gdi_day_block *b, const struct gdi_buf *record)
{
	int rc = 0;

	if (ftruncate(fd, (off_t)d->index_end) < 0)
		return -errno;
	if (d->headless && d->index_end > 0) {
		uint8_t header[GDI_HEADER_BYTES];

		gdi_index_header(b->iface, d->day_s, header);
		rc = gp_fd_pwrite_full(fd, header, sizeof(header), 0);
	}
	if (rc == 0)
		rc = gp_fd_pwrite_full(fd, record->p, record->len,
		    d->index_end);
	if (rc < 0) {
		(void)!ftruncate(fd, (off_t)d->index_end);
		return rc;
	}
	rc = gp_fd_sync(fd);
	if (rc == 0 && !d->synced)
		rc = sync_folders(f);
	if (rc < 0) {
		(void)!ftruncate(fd, (off_t)d->index_end);
		d->rebuild = true;
		skip_columns(d, b);
		return rc;
	}
	d->synced = true;
	return 0;
}

static int
commit_index(struct gdi_day *d, const struct gdi_folders *f,
    const struct gdi_day_block *b)
{
	struct gdi_buf record = {0};
	int rc = format_record(d, b, &record);
	int fd = -1;

	if (rc == 0 && d->rebuild)
		rc = rebuild_index(d, f->day, b);
	if (rc == 0) {
		fd = open_file(d, f->day, GDI_INDEX, b->mode_file);
		rc = fd < 0 ? fd : write_record(d, f, fd, b, &record);
	}
	if (rc == 0) {
		d->headless = false;
		d->index_end += record.len;
		d->index_size = d->index_end;
		for (int c = 0; c < GODB_N_COLUMNS; c++)
			d->column_end[c] += b->stored[c].len;
	} else if (fd >= 0) {
		struct stat st;

		d->known = fstat(fd, &st) == 0;
		d->index_size = d->known ? (uint64_t)st.st_size : 0;
	}
	gp_fd_close(&fd);
	gdi_buf_free(&record);
	return rc;
}

void
gdi_day_commit_begin(struct gdi_day_commit *t, struct gdi_day *d,
    const struct gdi_folders *f, const struct gdi_day_block *b)
{
	*t = (struct gdi_day_commit){.d = d, .b = b, .f = *f};
	for (int c = 0; c < GODB_N_COLUMNS; c++)
		t->fds[c] = -1;
}

int
gdi_day_commit_step(struct gdi_day_commit *t)
{
	int rc;

	if (t->written < GODB_N_COLUMNS)
		rc = write_column(t, t->written++);
	else if (t->synced < GODB_N_COLUMNS)
		rc = sync_column(t, t->synced++);
	else
		return commit_index(t->d, &t->f, t->b);
	return rc < 0 ? rc : 1;
}

void
gdi_day_commit_end(struct gdi_day_commit *t)
{
	for (int c = 0; c < GODB_N_COLUMNS; c++)
		gp_fd_close(&t->fds[c]);
}

int
gdi_day_sync(const struct gdi_folders *f)
{
	int rc = 0;

	for (int c = 0; rc == 0 && c <= GODB_N_COLUMNS; c++) {
		const char *name =
		    c < GODB_N_COLUMNS ? gdi_columns[c].file : GDI_INDEX;
		int fd = gp_fd_openat(f->day, name, O_RDONLY | O_NONBLOCK, 0);

		if (fd >= 0)
			rc = gp_fd_sync(fd);
		else if (fd != -ENOENT)
			rc = fd;
		gp_fd_close(&fd);
	}
	return rc < 0 ? rc : sync_folders(f);
}
