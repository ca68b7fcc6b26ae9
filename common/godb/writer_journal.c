/*
 * writer_journal - the journal of an open block, on the disk.
 *
 * A record is whole in the file or cut off again.  After a failed fsync nothing
 * in the file is trusted: what can be read back goes to a new one, and else the
 * rows, which are in memory, become a block.
 */
#include "common/godb/writer_state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/journal.h"
#include "common/godb/layout.h"

/* Opens IFACE/NAME, making what is missing. */
static int
make_below(const struct godb_writer *w, const char *iface, const char *name)
{
	int iface_fd = gdi_folder_make(w->store_fd, iface, w->opts.mode_dir);
	int fd;

	if (iface_fd < 0)
		return iface_fd;
	fd = gdi_folder_make(iface_fd, name, w->opts.mode_dir);
	gp_fd_close(&iface_fd);
	return fd;
}

/* A file of this name that no open block has holds only what is committed. */
static int
create_journal(const struct godb_writer *w, int dir, const char *name)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL;
	int fd = gp_fd_openat(dir, name, flags, w->opts.mode_file);

	if (fd == -EEXIST && unlinkat(dir, name, 0) == 0)
		fd = gp_fd_openat(dir, name, flags, w->opts.mode_file);
	if (fd >= 0 && fchmod(fd, w->opts.mode_file) < 0) {
		int rc = -errno;

		gp_fd_close(&fd);
		return rc;
	}
	return fd;
}

static int
open_journal(struct godb_writer *w, struct gdi_open_block *b)
{
	uint8_t header[GDI_HEADER_BYTES];
	char name[32];
	int dir, fd, rc;

	if (b->journal_fd >= 0)
		return 0;
	rc = gdi_random(&b->journal_salt, sizeof(b->journal_salt));
	if (rc < 0)
		return rc;
	dir = make_below(w, b->iface, GDI_JOURNALS);
	if (dir < 0)
		return dir;
	gdi_journal_name(b->slot_s, "", name);
	gdi_journal_header(b->iface, b->slot_s, b->journal_salt,
	    gdi_writer_index_end(w, b->iface, gp_clock_day(b->slot_s)),
	    header);
	fd = create_journal(w, dir, name);
	rc = fd < 0 ? fd : gp_fd_pwrite_full(fd, header, sizeof(header), 0);
	if (rc == 0) {
		b->journal_fd = fd;
		b->journal_end = sizeof(header);
		b->created = b->dirty = true;
	} else if (fd >= 0) {
		(void)unlinkat(dir, name, 0);
		gp_fd_close(&fd);
	}
	gp_fd_close(&dir);
	return rc;
}

int
gdi_writer_journal_write(struct godb_writer *w, struct gdi_open_block *b,
    const struct godb_batch *batch)
{
	int rc = open_journal(w, b);

	if (rc < 0)
		return rc;
	w->buf.len = 0;
	rc = gdi_journal_record(batch, b->journal_salt, &w->buf);
	w->buf.rc = 0;
	if (rc < 0)
		return rc;
	rc = gp_fd_pwrite_full(b->journal_fd, w->buf.p, w->buf.len,
	    b->journal_end);
	if (rc < 0) { /* half a record must not be found there later */
		(void)!ftruncate(b->journal_fd, (off_t)b->journal_end);
		return rc;
	}
	b->journal_end += w->buf.len;
	b->dirty = true;
	return 0;
}

int
gdi_writer_journal_remove(const struct godb_writer *w,
    const struct gdi_open_block *b)
{
	char name[32];
	int dir = gdi_open_below(w->store_fd, b->iface, GDI_JOURNALS);
	int rc = 0;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	gdi_journal_name(b->slot_s, "", name);
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		rc = -errno;
	gp_fd_close(&dir);
	return rc;
}

/* ---- sync ---------------------------------------------------------------- */

static int
sync_entries(const struct godb_writer *w, const char *iface)
{
	int iface_fd = gp_fd_opendir_at(w->store_fd, iface);
	int dir = iface_fd < 0 ? iface_fd :
				 gp_fd_opendir_at(iface_fd, GDI_JOURNALS);
	int rc = dir < 0 ? dir : gp_fd_sync(dir);

	if (rc == 0)
		rc = gp_fd_sync(iface_fd);
	if (rc == 0)
		rc = gp_fd_sync(w->store_fd);
	gp_fd_close(&dir);
	gp_fd_close(&iface_fd);
	return rc;
}

/* Reads all of a journal; every record must still be what was written. */
static int
read_back(const struct gdi_open_block *b, struct gdi_buf *out)
{
	uint8_t *p = gdi_buf_room(out, (size_t)b->journal_end);
	struct gdi_journal_view v;
	struct gdi_journal j;
	uint32_t n = 0;
	ssize_t got;
	int rc;

	if (p == NULL)
		return -ENOMEM;
	got = gp_fd_pread_full(b->journal_fd, p, (size_t)b->journal_end, 0);
	if (got != (ssize_t)b->journal_end)
		return got < 0 ? (int)got : -EIO;
	out->len = (size_t)got;
	rc = gdi_journal_open(&j, -1, p, out->len, b->slot_s);
	while (rc == 1 && (rc = gdi_journal_next(&j, &v)) == 1)
		n++;
	gdi_journal_close(&j);
	/* records that a commit covers may stand before ours */
	return rc < 0 ? rc : n < b->n_batches || j.end != out->len ? -EIO : 0;
}

/* The journal's content to a new file in its place. */
static int
rewrite_journal(const struct godb_writer *w, struct gdi_open_block *b)
{
	struct gdi_buf data = {0};
	char name[32];
	int dir = gdi_open_below(w->store_fd, b->iface, GDI_JOURNALS);
	int fd, rc = dir < 0 ? dir : read_back(b, &data);

	gdi_journal_name(b->slot_s, "", name);
	fd = rc < 0 ? rc : gp_fd_replace(dir, name, w->opts.mode_file, data.p,
	    data.len);
	if (fd >= 0) {
		gp_fd_close(&b->journal_fd);
		b->journal_fd = fd;
		b->created = true;
		b->suspect = false;
	}
	gp_fd_close(&dir);
	gdi_buf_free(&data);
	return fd < 0 ? fd : 0;
}

int
gdi_writer_journal_sync(const struct godb_writer *w, struct gdi_open_block *b)
{
	int rc = 0;

	if (!b->dirty)
		return 0;
	if (!b->suspect) {
		rc = gp_fd_datasync(b->journal_fd);
		b->suspect = rc < 0;
	}
	if (b->suspect)
		rc = rewrite_journal(w, b);
	if (rc == 0 && b->created)
		rc = sync_entries(w, b->iface);
	if (rc == 0)
		b->dirty = b->created = false;
	return rc;
}

/*
 * A journal that can neither be synced nor read back: its rows are in memory
 * and become a block now.  More of the same interval may follow.
 */
static int
rescue(struct godb_writer *w, const struct gdi_open_block *b)
{
	char iface[16];

	memcpy(iface, b->iface, sizeof(iface));
	return godb_writer_commit(w, iface, b->slot_s, NULL);
}

int
godb_writer_sync(struct godb_writer *w)
{
	int first = 0;

	for (size_t i = 0; i < w->n_open;) {
		struct gdi_open_block *b = w->open[i];
		int rc = gdi_writer_journal_sync(w, b);

		if (rc < 0 && b->suspect && rescue(w, b) == 0) {
			i = 0; /* it, and perhaps another, left the list */
			continue;
		}
		first = first < 0 ? first : rc;
		i++;
	}
	return first;
}
