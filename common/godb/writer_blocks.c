/*
 * writer_blocks - the open blocks, in order, and whether a window has any
 * block, open or stored.
 */
#include "common/godb/writer_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/index.h"
#include "common/godb/layout.h"
#include "common/godb/retain.h"

static int
block_order(const struct gdi_open_block *b, const char *iface, int64_t slot_s)
{
	int c = strcmp(b->iface, iface);

	if (c != 0)
		return c;
	return b->slot_s < slot_s ? -1 : b->slot_s > slot_s;
}

/* Place of the block, or where it would be put. */
static size_t
block_place(const struct godb_writer *w, const char *iface, int64_t slot_s,
    bool *found)
{
	size_t lo = 0, hi = w->n_open;

	*found = false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = block_order(w->open[mid], iface, slot_s);

		if (c == 0) {
			*found = true;
			return mid;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct gdi_open_block *
gdi_writer_block_find(const struct godb_writer *w, const char *iface,
    int64_t slot_s)
{
	bool found;
	size_t at = block_place(w, iface, slot_s, &found);

	return found ? w->open[at] : NULL;
}

void
gdi_writer_block_free(struct gdi_open_block *b)
{
	if (b == NULL)
		return;
	gp_fd_close(&b->journal_fd);
	gdi_rings_free(&b->rings);
	gdi_aggregate_free(&b->rows);
	free(b);
}

int
gdi_writer_block_make(struct godb_writer *w, const char *iface, int64_t slot_s,
    struct gdi_open_block **out)
{
	bool found;
	size_t at = block_place(w, iface, slot_s, &found);
	struct gdi_open_block *b;

	if (found) {
		*out = w->open[at];
		return 0;
	}
	if (w->n_open == w->cap_open) {
		size_t cap = w->cap_open ? w->cap_open * 2 : 16;
		struct gdi_open_block **grown =
		    reallocarray(w->open, cap, sizeof(struct gdi_open_block *));

		if (grown == NULL)
			return -ENOMEM;
		w->open = grown;
		w->cap_open = cap;
	}
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return -ENOMEM;
	b->journal_fd = -1;
	(void)snprintf(b->iface, sizeof(b->iface), "%s", iface);
	b->slot_s = slot_s;
	memmove(&w->open[at + 1], &w->open[at],
	    (w->n_open - at) * sizeof(struct gdi_open_block *));
	w->open[at] = b;
	w->n_open++;
	*out = b;
	return 0;
}

void
gdi_writer_block_drop(struct godb_writer *w, struct gdi_open_block *b)
{
	bool found;
	size_t at = block_place(w, b->iface, b->slot_s, &found);

	if (found) {
		w->n_open--;
		memmove(&w->open[at], &w->open[at + 1],
		    (w->n_open - at) * sizeof(struct gdi_open_block *));
	}
	gdi_writer_block_free(b);
}

bool
godb_writer_open_block(const struct godb_writer *w, size_t i,
    struct godb_open_block *out)
{
	const struct gdi_open_block *b;

	if (i >= w->n_open)
		return false;
	b = w->open[i];
	out->iface = b->iface;
	out->slot_s = b->slot_s;
	out->n_batches = b->n_batches;
	out->n_rows = (uint64_t)b->rows.v4.n + b->rows.v6.n;
	out->flags = b->flags;
	out->last_ns = b->last_ns;
	return true;
}

int
godb_writer_cover_until(struct godb_writer *w, const char *iface,
    int64_t slot_s, int64_t last_ns)
{
	struct gdi_open_block *b = gdi_writer_block_find(w, iface, slot_s);

	if (b == NULL)
		return -ENOENT;
	if (last_ns < b->first_ns)
		last_ns = b->first_ns;
	if (last_ns < b->last_ns)
		b->last_ns = last_ns;
	return 0;
}

bool
gdi_writer_day_open(const struct godb_writer *w, const char *iface,
    int64_t day_s)
{
	for (size_t i = 0; i < w->n_open; i++)
		if (strcmp(w->open[i]->iface, iface) == 0 &&
		    gp_clock_day(w->open[i]->slot_s) == day_s)
			return true;
	return false;
}

/* ---- blocks of a window -------------------------------------------------- */

static bool
meets(int64_t slot_s, int64_t first_s, int64_t last_s)
{
	return slot_s + GP_SLOT_S > first_s && slot_s < last_s;
}

/* 1 and one that meets the window; damage may hide one, so it is an error. */
static int
day_has_blocks(int iface_fd, const char *day, int64_t first_s, int64_t last_s,
    int64_t *any_s)
{
	struct gdi_index x;
	int64_t day_s = 0;
	int fd, rc;

	(void)gp_clock_day_parse(day, &day_s);
	if (day_s + GP_DAY_S <= first_s || day_s >= last_s)
		return 0;
	fd = gp_fd_opendir_at(iface_fd, day);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	rc = gdi_index_read(fd, day_s, &x);
	gp_fd_close(&fd);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	for (size_t i = 0; rc == 0 && i < x.n; i++)
		if (meets(x.records[i].slot_s, first_s, last_s)) {
			*any_s = x.records[i].slot_s;
			rc = 1;
		}
	for (size_t i = 0; rc == 0 && i < x.n_gaps; i++)
		if (!x.gaps[i].short_tail)
			rc = x.gaps[i].rc;
	gdi_index_free(&x);
	return rc;
}

static int
days_have_blocks(const struct godb_writer *w, const char *iface,
    int64_t first_s, int64_t last_s, int64_t *any_s)
{
	int iface_fd = gp_fd_opendir_at(w->store_fd, iface);
	char **days;
	int n, rc = 0;

	if (iface_fd < 0)
		return iface_fd == -ENOENT ? 0 : iface_fd;
	n = gdi_folder_list(iface_fd, gdi_is_day, &days);
	if (n < 0)
		rc = n;
	for (int i = 0; rc == 0 && i < n; i++)
		rc = day_has_blocks(iface_fd, days[i], first_s, last_s, any_s);
	if (n >= 0)
		godb_ifaces_free(days);
	gp_fd_close(&iface_fd);
	return rc;
}

int
godb_writer_has_blocks(struct godb_writer *w, const char *iface,
    int64_t first_s, int64_t last_s, int64_t *any_s)
{
	int64_t found_s = 0;
	int rc = 0;

	if (!godb_iface_valid(iface))
		return GODB_EIFACE;
	for (size_t i = 0; rc == 0 && i < w->n_open; i++)
		if (strcmp(w->open[i]->iface, iface) == 0 &&
		    meets(w->open[i]->slot_s, first_s, last_s)) {
			found_s = w->open[i]->slot_s;
			rc = 1;
		}
	if (rc == 0)
		rc = days_have_blocks(w, iface, first_s, last_s, &found_s);
	if (rc == 1 && any_s)
		*any_s = found_s;
	return rc;
}
