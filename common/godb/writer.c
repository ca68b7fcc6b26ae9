/*
 * writer - a store opened for writing, and closed.
 */
#include "common/godb/writer_state.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/fd.h"
#include "common/godb/layout.h"
#include "common/godb/retain.h"
#include "common/godb/upkeep.h"

/* The lock comes before the marker, so that two do not make one store. */
static int
open_folder(struct godb_writer *w, struct godb_diag *diag)
{
	int rc = gdi_marker_check(w->store_fd);
	bool make = rc == GODB_ENOTSTORE && w->opts.create;

	if (make) {
		int blank = gdi_folder_blank(w->store_fd);

		rc = blank < 0 ? blank : blank ? 0 : GODB_ENOTSTORE;
	}
	if (rc == 0)
		rc = gdi_lock(w->store_fd, w->opts.owner, &w->lock_fd, diag);
	if (rc == 0 && make) {
		rc = gdi_marker_check(w->store_fd);
		if (rc == GODB_ENOTSTORE)
			rc = gdi_marker_create(w->store_fd, w->opts.mode_file);
	}
	return rc;
}

int
godb_writer_open(int dirfd, const struct godb_writer_opts *opts,
    struct godb_writer **out, struct godb_diag *diag)
{
	struct godb_writer *w = calloc(1, sizeof(*w));
	int rc;

	if (w == NULL) {
		gp_fd_close(&dirfd);
		return -ENOMEM;
	}
	if (diag)
		diag->text[0] = '\0';
	w->store_fd = dirfd;
	w->lock_fd = -1;
	w->names.fd = -1;
	w->opts = (struct godb_writer_opts)GODB_WRITER_OPTS_INIT;
	rc = gdi_opts_take(&w->opts, sizeof(w->opts), opts);
	if (rc == 0 && (unsigned)w->opts.compression > GODB_COMPRESS_NONE)
		rc = -EINVAL;
	if (rc == 0)
		rc = gdi_upkeep_new(w, &w->upkeep);
	if (rc == 0)
		rc = open_folder(w, diag);
	if (rc == 0)
		rc = gdi_names_load(w->store_fd, &w->names);
	/* journals may be those of a writer with a higher limit */
	w->most_rows = GDI_RECORD_ROWS;
	if (rc == 0)
		rc = gdi_writer_replay(w, diag);
	if (w->opts.block_rows < GDI_RECORD_ROWS)
		w->most_rows = w->opts.block_rows;
	if (rc < 0) {
		godb_writer_close(w);
		return rc;
	}
	*out = w;
	return 0;
}

void
godb_writer_close(struct godb_writer *w)
{
	if (w == NULL)
		return;
	if (w->committing)
		gdi_writer_commit_end(w, w->committing);
	while (w->n_open > 0)
		gdi_writer_block_free(w->open[--w->n_open]);
	free(w->open);
	for (size_t i = 0; i < w->n_ifaces; i++) {
		gdi_rings_free(&w->ifaces[i].rings);
		free(w->ifaces[i].days);
	}
	free(w->ifaces);
	gdi_upkeep_free(w->upkeep);
	gdi_names_free(&w->names);
	gdi_buf_free(&w->buf);
	gdi_buf_free(&w->scratch);
	gp_fd_close(&w->lock_fd);
	gp_fd_close(&w->store_fd);
	free(w);
}

/* ---- for retention and upkeep -------------------------------------------- */

int
gdi_writer_store_fd(const struct godb_writer *w)
{
	return w->store_fd;
}

uint32_t
gdi_writer_mode_file(const struct godb_writer *w)
{
	return w->opts.mode_file;
}

struct gdi_upkeep *
gdi_writer_upkeep(const struct godb_writer *w)
{
	return w->upkeep;
}

bool
gdi_writer_lz4(const struct godb_writer *w)
{
	return w->opts.compression == GODB_COMPRESS_LZ4;
}

bool
gdi_writer_sorts_days(const struct godb_writer *w)
{
	return w->opts.sorted_days;
}

uint32_t
gdi_writer_block_rows(const struct godb_writer *w)
{
	return w->most_rows;
}
