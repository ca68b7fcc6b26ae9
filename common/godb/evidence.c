#include "common/godb/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/addrindex.h"
#include "common/godb/journal.h"
#include "common/godb/layout.h"

/* ---- journals ------------------------------------------------------------ */

/* Where the index ended when the journal of that name was begun. */
static uint64_t
index_end_of(int dir, const char *name, int64_t slot_s)
{
	int fd = gp_fd_openat(dir, name, O_RDONLY | O_NONBLOCK, 0);
	uint64_t end = gdi_journal_index_end(fd, slot_s);

	gp_fd_close(&fd);
	return end;
}

/* Whether one of the day's, or of the block's, was begun when the index ended
 * between the two. */
static bool
any_journal(int iface_fd, int64_t day_s, int64_t slot_s, uint64_t least,
    uint64_t most)
{
	char **names;
	int dir = gp_fd_opendir_at(iface_fd, GDI_JOURNALS);
	int n = dir < 0 ? dir : gdi_folder_list(dir, gdi_is_journal, &names);
	bool found = false;

	for (int i = 0; i < n && !found; i++) {
		int64_t there_s = gdi_journal_slot(names[i], "");
		uint64_t end;

		if (slot_s < 0 ? gp_clock_day(there_s) != day_s :
				 there_s != slot_s)
			continue;
		end = index_end_of(dir, names[i], there_s);
		found = end >= least && end <= most;
	}
	if (n >= 0)
		godb_ifaces_free(names);
	gp_fd_close(&dir);
	return found;
}

bool
gdi_journal_vouches(int iface_fd, int64_t day_s, int64_t slot_s,
    uint64_t offset)
{
	return any_journal(iface_fd, day_s, slot_s, 0, offset);
}

static int
lower(int dir, const char *name, int64_t slot_s, uint64_t index_end)
{
	int fd = gp_fd_openat(dir, name, O_RDWR | O_NONBLOCK, 0);
	int rc = 0;

	if (gdi_journal_index_end(fd, slot_s) > index_end)
		rc = gdi_journal_lower(fd, index_end);
	gp_fd_close(&fd);
	return rc;
}

int
gdi_journals_lower(int iface_fd, int64_t day_s, uint64_t index_end)
{
	char **names;
	int dir = gp_fd_opendir_at(iface_fd, GDI_JOURNALS);
	int n = dir < 0 ? dir : gdi_folder_list(dir, gdi_is_journal, &names);
	int rc = n < 0 && n != -ENOENT ? n : 0;

	for (int i = 0; rc == 0 && i < n; i++) {
		int64_t slot_s = gdi_journal_slot(names[i], "");

		if (gp_clock_day(slot_s) == day_s)
			rc = lower(dir, names[i], slot_s, index_end);
	}
	if (n >= 0)
		godb_ifaces_free(names);
	gp_fd_close(&dir);
	return rc;
}

/* ---- a day without its index --------------------------------------------- */

static bool
has_any(int day_fd, const char *const *names, size_t n)
{
	struct stat st;

	for (size_t i = 0; i < n; i++)
		if (fstatat(day_fd, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_size > 0)
			return true;
	return false;
}

/* What upkeep makes of an index, much later than its first commit. */
static bool
was_indexed(int day_fd)
{
	static const char *const made[] = {GDI_ROLLUPS, GDI_ADDRESSES};

	return has_any(day_fd, made, sizeof(made) / sizeof(*made));
}

static bool
has_columns(int day_fd)
{
	const char *files[GODB_N_COLUMNS];

	for (int c = 0; c < GODB_N_COLUMNS; c++)
		files[c] = gdi_columns[c].file;
	return has_any(day_fd, files, GODB_N_COLUMNS);
}

/* The journal is made before the columns and goes after the index is there, in
 * this order on the disk, too: so it is asked in between. */
static bool
had_records(int iface_fd, int day_fd, const char *day)
{
	bool columns = has_columns(day_fd);
	int64_t day_s = 0;

	(void)gp_clock_day_parse(day, &day_s);
	return was_indexed(day_fd) ||
	    any_journal(iface_fd, day_s, -1, 1, UINT64_MAX) ||
	    (columns && !any_journal(iface_fd, day_s, -1, 0, 0));
}

/* Removal renames the day first.  Where a full disk has no room for that, what
 * is here between the index's end and that of the columns is told as well. */
bool
gdi_day_bereft(int iface_fd, const char *day)
{
	int fd = gp_fd_opendir_at(iface_fd, day);
	struct stat st, named;
	bool bereft = fd >= 0 && had_records(iface_fd, fd, day);

	if (bereft && fstatat(fd, GDI_INDEX, &st, AT_SYMLINK_NOFOLLOW) == 0)
		bereft = st.st_size < GDI_HEADER_BYTES;
	else
		bereft = bereft && errno == ENOENT && fstat(fd, &st) == 0 &&
		    fstatat(iface_fd, day, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_ino == named.st_ino && st.st_dev == named.st_dev;
	gp_fd_close(&fd);
	return bereft;
}

/* ---- an index that was longer -------------------------------------------- */

void
gdi_once_of(const struct gdi_addrindex *x, struct gdi_once *out)
{
	out->bytes = x->digest.index_bytes;
	memcpy(out->iface, x->iface, sizeof(out->iface));
}

int
gdi_once_read(int day_fd, int64_t day_s, struct gdi_once *out)
{
	struct gdi_addrindex x;
	int rc = gdi_addrindex_open(day_fd, day_s, true, &x);

	memset(out, 0, sizeof(*out));
	if (rc == -ENOENT || rc == GODB_EDAMAGED || rc == GODB_ENEWER)
		return 0;
	if (rc < 0)
		return rc;
	gdi_once_of(&x, out);
	gdi_addrindex_close(&x);
	return 0;
}

/* Without a header nothing tells that it is another one's. */
bool
gdi_once_is_of(const struct gdi_once *once, const struct gdi_index *x)
{
	return x->end == 0 || x->header_damaged ||
	    memcmp(once->iface, x->data + GDI_H_IFACE,
		sizeof(once->iface)) == 0;
}

bool
gdi_index_shrunk(const struct gdi_once *once, const struct gdi_index *x)
{
	return once->bytes > x->size && gdi_once_is_of(once, x);
}
