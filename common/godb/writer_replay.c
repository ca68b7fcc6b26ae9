/*
 * writer_replay - journals that another writer left, to open blocks.
 *
 * What records of the block contain is covered and passed over, so every batch
 * counts exactly once.
 */
#include "common/godb/writer_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/index.h"
#include "common/godb/journal.h"
#include "common/godb/layout.h"

struct replay {
	struct godb_writer *w;
	const char *iface;
	int iface_fd, dir;
	int64_t slot_s;
	struct gdi_rings covered; /* by the records of that block */
	struct gdi_open_block *block;
};

/* What records of the journal's block contain. */
static int
read_covered(struct replay *r, bool *any)
{
	struct gdi_index x;
	char day[11];
	int fd, rc;

	*any = false;
	gp_clock_day_format(r->slot_s, day);
	fd = gp_fd_opendir_at(r->iface_fd, day);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	rc = gdi_index_read(fd, gp_clock_day(r->slot_s), &x);
	gp_fd_close(&fd);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	for (size_t i = 0; rc == 0 && i < x.n; i++)
		if (x.records[i].slot_s == r->slot_s) {
			rc = gdi_rings_read(&r->covered, x.records[i].rings);
			*any = true;
		}
	gdi_index_free(&x);
	return rc;
}

static int
replay_batch(struct replay *r, struct godb_batch *batch)
{
	struct gdi_known_iface *f;
	uint16_t *map = NULL;
	int rc = gdi_writer_iface(r->w, r->iface, &f);

	batch->iface = r->iface;
	if (rc < 0 || gdi_rings_contain(&f->rings, batch->ring, batch->seq))
		return rc; /* it stands there twice */
	rc = gdi_rings_add(&f->rings, batch->ring, batch->seq, batch->seq,
	    batch->ring_pos);
	if (rc < 0 ||
	    gdi_rings_contain(&r->covered, batch->ring, batch->seq))
		return rc;
	rc = gdi_writer_prepare(r->w, batch, f, &r->block, &map);
	if (rc == 0)
		gdi_writer_absorb(r->block, batch);
	free(map);
	return rc;
}

static int
replay_records(struct replay *r, struct gdi_journal *j)
{
	struct gdi_journal_view v;
	int rc;

	while ((rc = gdi_journal_next(j, &v)) == 1) {
		rc = replay_batch(r, &v.batch);
		if (rc < 0)
			return rc;
	}
	return rc;
}

/* Kept for a person to look at; readers tell of it. */
static int
set_aside(const struct replay *r)
{
	char name[32], aside[32];

	gdi_journal_name(r->slot_s, "", name);
	gdi_journal_name(r->slot_s, GDI_DAMAGED, aside);
	return renameat(r->dir, name, r->dir, aside) < 0 ? -errno : 0;
}

/* All of the journal is in records, which the writer that died may not have
 * made durable: only then is the journal not needed. */
static int
drop_covered(const struct replay *r, bool any)
{
	struct gdi_folders f = {r->w->store_fd, r->iface_fd, -1};
	char name[32], day[11];
	int rc = 0;

	if (any) {
		gp_clock_day_format(r->slot_s, day);
		f.day = gp_fd_opendir_at(r->iface_fd, day);
		rc = f.day < 0 ? f.day : gdi_day_sync(&f);
		gp_fd_close(&f.day);
	}
	gdi_journal_name(r->slot_s, "", name);
	if (rc == 0)
		(void)unlinkat(r->dir, name, 0);
	return 0; /* one that stays does no harm */
}

/* The block goes on where the journal ends; a torn tail is cut. */
static int
continue_journal(struct replay *r, const struct gdi_journal *j, int *fd)
{
	struct gdi_open_block *b = r->block;

	if (ftruncate(*fd, (off_t)j->end) < 0)
		return -errno;
	b->journal_fd = *fd;
	b->journal_end = j->end;
	b->journal_salt = j->salt;
	b->dirty = b->created = true; /* for all we know */
	if (j->n_damaged > 0)
		b->flags |= GODB_PART_LOST;
	*fd = -1;
	return 0;
}

static int
replay_journal(struct replay *r, const char *name)
{
	struct gdi_journal j = {0};
	struct stat st;
	bool any = false;
	int fd, rc;

	r->slot_s = gdi_journal_slot(name, "");
	r->block = NULL;
	gdi_rings_free(&r->covered);
	fd = gp_fd_openat(r->dir, name, O_RDWR | O_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	rc = fstat(fd, &st) < 0 ? -errno : read_covered(r, &any);
	if (rc == 0 && !S_ISREG(st.st_mode))
		rc = GODB_EDAMAGED;
	if (rc == 0)
		rc = gdi_journal_open(&j, fd, NULL, (uint64_t)st.st_size,
		    r->slot_s);
	if (rc == 1)
		rc = replay_records(r, &j);
	if (rc == GODB_EDAMAGED)
		rc = set_aside(r);
	else if (rc == 0 && r->block != NULL)
		rc = continue_journal(r, &j, &fd);
	else if (rc == 0)
		rc = j.n_damaged > 0 ? set_aside(r) : drop_covered(r, any);
	gdi_journal_close(&j);
	gp_fd_close(&fd);
	return rc;
}

/* Which place an error, or what was passed over, is about. */
static void
say(struct godb_diag *diag, const char *iface, const char *dir,
    const char *file, const char *why)
{
	if (diag)
		(void)snprintf(diag->text, sizeof(diag->text), "%s%s%s: %s",
		    iface, dir, file, why);
}

/* The interface's folder and its journals'.  0 and r->dir -1: there are none,
 * or it is no interface of ours. */
static int
open_folders(struct replay *r, struct godb_diag *diag)
{
	int rc;

	r->iface_fd = gp_fd_opendir_at(r->w->store_fd, r->iface);
	/* a file or link of that name is not ours */
	if (r->iface_fd == -ENOTDIR || r->iface_fd == -ELOOP)
		return 0;
	rc = r->iface_fd;
	if (rc >= 0)
		rc = r->dir = gp_fd_opendir_at(r->iface_fd, GDI_JOURNALS);
	if (rc >= 0 || r->dir == -ENOENT)
		return 0;
	/* names in it may be for all, and what they stand for not */
	if (rc == -EACCES && gdi_is_strangers(r->w->store_fd, r->iface)) {
		say(diag, r->iface, "", "",
		    "passed over, it is of another user");
		return 0;
	}
	say(diag, r->iface, r->iface_fd < 0 ? "" : "/" GDI_JOURNALS, "",
	    godb_strerror(rc));
	return rc;
}

static int
replay_iface(struct godb_writer *w, const char *iface, struct godb_diag *diag)
{
	struct replay r = {.w = w, .iface = iface, .dir = -1};
	char **names = NULL;
	int n = 0, rc = open_folders(&r, diag);

	if (rc == 0 && r.dir >= 0)
		n = gdi_folder_list(r.dir, NULL, &names);
	if (n < 0) {
		rc = n;
		say(diag, iface, "/" GDI_JOURNALS, "", godb_strerror(rc));
	}
	for (int i = 0; rc == 0 && i < n; i++) {
		if (gdi_is_journal(names[i]))
			rc = replay_journal(&r, names[i]);
		else if (gdi_is_new_journal(names[i]))
			(void)unlinkat(r.dir, names[i], 0);
		if (rc < 0)
			say(diag, iface, "/" GDI_JOURNALS "/", names[i],
			    godb_strerror(rc));
	}
	if (n >= 0)
		godb_ifaces_free(names);
	gdi_rings_free(&r.covered);
	gp_fd_close(&r.dir);
	gp_fd_close(&r.iface_fd);
	return rc;
}

int
gdi_writer_replay(struct godb_writer *w, struct godb_diag *diag)
{
	char **ifaces;
	int n = gdi_folder_list(w->store_fd, gdi_is_iface, &ifaces);
	int rc = n < 0 ? n : 0;

	for (int i = 0; rc == 0 && i < n; i++)
		rc = replay_iface(w, ifaces[i], diag);
	if (n >= 0)
		godb_ifaces_free(ifaces);
	return rc;
}
