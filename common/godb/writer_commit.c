/*
 * writer_commit - open blocks to records.  A journal is removed only when the
 * record that stands for it is durable; a commit that fails leaves the block
 * open, as it was.
 */
#include "common/godb/writer_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/layout.h"
#include "common/godb/pack.h"
#include "common/godb/upkeep.h"

/*
 * One commit at a time, cut into steps: rows in order, chunks, and what day
 * does.  The block stays in the list, with its journal, until its record is
 * durable, and takes no batch meanwhile.
 */
struct gdi_commit {
	enum { SORT4, SORT6, PACK, OPEN, STORE } phase;
	struct gdi_pack pack;
	struct gdi_day_block block;
	struct gdi_folders f;
	struct gdi_day_commit day;
};

static int
commit_begin(struct godb_writer *w, struct gdi_open_block *b)
{
	int rc = gdi_names_sync(&w->names, w->store_fd, w->opts.mode_file);
	struct gdi_commit *t = rc < 0 ? NULL : calloc(1, sizeof(*t));

	if (t == NULL)
		return rc < 0 ? rc : -ENOMEM;
	t->f = (struct gdi_folders){w->store_fd, -1, -1};
	gdi_day_commit_begin(&t->day, NULL, &t->f, &t->block);
	gdi_pack_init(&t->pack, &b->rows, GDI_CHUNK_ROWS,
	    w->opts.compression == GODB_COMPRESS_LZ4);
	b->commit = t;
	w->committing = b;
	return 0;
}

void
gdi_writer_commit_end(struct godb_writer *w, struct gdi_open_block *b)
{
	struct gdi_commit *t = b->commit;

	if (t == NULL)
		return;
	gdi_pack_fini(&t->pack);
	gdi_day_commit_end(&t->day);
	gdi_day_block_free(&t->block);
	gp_fd_close(&t->f.day);
	gp_fd_close(&t->f.iface);
	free(t);
	b->commit = NULL;
	w->committing = NULL;
}

static int
fill_record(const struct godb_writer *w, const struct gdi_open_block *b,
    struct gdi_day_block *out)
{
	struct gdi_record *r = &out->record;

	out->iface = b->iface;
	out->mode_file = w->opts.mode_file;
	out->rings = &b->rings;
	r->slot_s = b->slot_s;
	r->first_ns = b->first_ns;
	r->last_ns = b->last_ns;
	r->flags = b->flags;
	r->n4 = (uint32_t)b->rows.v4.n;
	r->n6 = (uint32_t)b->rows.v6.n;
	r->counters = b->counters;
	for (int c = 0; c < GODB_N_COLUMNS; c++)
		r->stored_bytes += out->stored[c].len;
	return gdi_random(r->id, sizeof(r->id));
}

static int
open_day(struct godb_writer *w, struct gdi_open_block *b,
    struct gdi_commit *t)
{
	int64_t day_s = gp_clock_day(b->slot_s);
	struct gdi_known_iface *iface;
	struct gdi_day *d;
	char day[11];
	int rc;

	gp_clock_day_format(day_s, day);
	t->f.iface = gdi_folder_make(w->store_fd, b->iface, w->opts.mode_dir);
	if (t->f.iface < 0)
		return t->f.iface;
	t->f.day = gdi_folder_make(t->f.iface, day, w->opts.mode_dir);
	rc = t->f.day < 0 ? t->f.day : gdi_writer_iface(w, b->iface, &iface);
	if (rc == 0)
		rc = gdi_writer_day(iface, day_s, &d);
	if (rc == 0)
		rc = gdi_day_open(d, &t->f, day_s);
	/* columns without an index are damage, but for what a journal explains:
	 * it must be there before they are */
	if (rc == 0 && d->index_end == 0)
		(void)gdi_writer_journal_sync(w, b);
	if (rc == 0)
		gdi_day_commit_begin(&t->day, d, &t->f, &t->block);
	return rc;
}

/* 1 more to do, 0 committed, or an error. */
static int
commit_advance(struct godb_writer *w, struct gdi_open_block *b)
{
	struct gdi_commit *t = b->commit;
	int rc = 0;

	switch (t->phase) {
	case SORT4:
		rc = gdi_aggregate_settle4(&b->rows, &w->scratch);
		break;
	case SORT6:
		rc = gdi_aggregate_settle6(&b->rows, &w->scratch);
		break;
	case PACK:
		rc = gdi_pack_step(&t->pack, &t->block);
		if (rc == 1)
			return 1;
		break;
	case OPEN:
		rc = fill_record(w, b, &t->block);
		if (rc == 0)
			rc = open_day(w, b, t);
		break;
	case STORE:
		return gdi_day_commit_step(&t->day);
	}
	t->phase++;
	return rc < 0 ? rc : 1;
}

static int
finish_other(struct godb_writer *w, const struct gdi_open_block *b)
{
	struct gdi_open_block *other = w->committing;
	char iface[16];

	if (other == NULL || other == b)
		return 0;
	memcpy(iface, other->iface, sizeof(iface));
	return godb_writer_commit(w, iface, other->slot_s, NULL);
}

int
godb_writer_commit_step(struct godb_writer *w, const char *iface,
    int64_t slot_s, struct godb_committed *out)
{
	struct gdi_open_block *b = gdi_writer_block_find(w, iface, slot_s);
	int rc = 0;

	if (b == NULL)
		return -ENOENT;
	(void)finish_other(w, b); /* one that cannot is open again */
	if (b->commit == NULL)
		rc = commit_begin(w, b);
	if (rc == 0)
		rc = commit_advance(w, b);
	if (rc == 1)
		return rc;
	if (rc == 0) {
		if (out)
			*out = (struct godb_committed){
			    (uint64_t)b->rows.v4.n + b->rows.v6.n,
			    b->commit->block.record.stored_bytes};
		/* one that stays is known as covered when it is read */
		(void)gdi_writer_journal_remove(w, b);
	}
	gdi_writer_commit_end(w, b);
	if (rc == 0) {
		gdi_upkeep_note(w->upkeep, b->iface, slot_s);
		gdi_writer_block_drop(w, b);
	}
	/* -ENOENT says that there is no such block; this one is, and what has
	 * gone is the store's folder */
	return rc == -ENOENT ? -ESTALE : rc;
}

int
godb_writer_commit(struct godb_writer *w, const char *iface,
    int64_t slot_s, uint64_t *stored_bytes)
{
	struct godb_committed done = {0};
	int rc;

	do
		rc = godb_writer_commit_step(w, iface, slot_s, &done);
	while (rc == 1);
	if (rc == 0 && stored_bytes)
		*stored_bytes = done.stored_bytes;
	return rc;
}
