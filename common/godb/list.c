/*
 * list - what a store holds, interface by interface.
 */
#include "common/godb/godb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/evidence.h"
#include "common/godb/layout.h"
#include "common/godb/scan.h"
#include "common/godb/summary.h"

struct godb_list {
	struct godb_list_iface *ifaces;
	size_t n;
	char **names;
};

static void
unreadable(struct godb_list_iface *f, const char *where, int rc)
{
	if (f->n_unreadable++ > 0)
		return;
	f->rc = rc;
	(void)snprintf(f->place, sizeof(f->place), "%s%s%s", f->iface,
	    where[0] ? "/" : "", where);
}

static void
add_day(struct godb_list_iface *f, const struct gdi_day_sum *d)
{
	f->disk_bytes += d->file_bytes;
	if (d->blocks == 0)
		return;
	if (f->blocks == 0 || d->first_s < f->first_s)
		f->first_s = d->first_s;
	if (d->last_s > f->last_s)
		f->last_s = d->last_s;
	f->days++;
	f->blocks += d->blocks;
	f->flows += d->rows;
	gdi_sum_values(f->counter, d->sums, 4);
	gdi_sum_counters(&f->counters, &d->counters);
}

static int
take_day(struct godb_list_iface *f, int fd, const struct gdi_summary *known,
    const char *day)
{
	const struct gdi_day_sum *d;
	struct gdi_day_sum fresh;
	int64_t day_s = 0;
	enum gdi_day_state state;
	int rc;

	(void)gp_clock_day_parse(day, &day_s);
	d = gdi_summary_find(known, day_s);
	if (d && d->index_bytes == gdi_day_index_bytes(fd, day)) {
		add_day(f, d);
		return 0;
	}
	rc = gdi_day_sum(fd, day, &fresh, &state);
	if (rc == -ENOENT && gdi_day_bereft(fd, day))
		rc = GODB_EDAMAGED;
	if (rc == -ENOENT)
		return 0; /* removed just now, or its first commit goes on */
	if (rc == -ENOMEM)
		return rc;
	if (rc < 0) {
		unreadable(f, day, rc);
		return 0;
	}
	if (state == GDI_DAY_DAMAGED)
		unreadable(f, day, GODB_EDAMAGED);
	add_day(f, &fresh);
	return 0;
}

static int
take_iface(struct godb_list_iface *f, int store_fd)
{
	struct gdi_summary known = {0};
	char **days = NULL;
	uint64_t bytes = 0;
	int fd = gp_fd_opendir_at(store_fd, f->iface), n = 0, dir, rc;

	if (fd < 0) {
		unreadable(f, "", fd);
		return 0;
	}
	rc = gdi_summary_read(fd, &known, NULL);
	if (rc == 0)
		n = gdi_folder_list(fd, gdi_is_day, &days);
	if (n < 0 && n != -ENOMEM)
		unreadable(f, "", n);
	else if (n < 0)
		rc = n;
	for (int i = 0; rc == 0 && i < n; i++)
		rc = take_day(f, fd, &known, days[i]);
	dir = gp_fd_opendir_at(fd, GDI_JOURNALS);
	if (dir >= 0 && gdi_folder_bytes(dir, &bytes) == 0)
		f->disk_bytes += bytes;
	gp_fd_close(&dir);
	if (n >= 0)
		godb_ifaces_free(days);
	gdi_summary_free(&known);
	gp_fd_close(&fd);
	return rc;
}

int
godb_list_new(const struct godb_reader *r, const char *const *ifaces,
    struct godb_list **out)
{
	struct godb_list *l = calloc(1, sizeof(*l));
	int n, rc = 0;

	if (l == NULL)
		return -ENOMEM;
	n = godb_reader_ifaces(r, &l->names);
	if (n < 0) {
		free(l);
		return n;
	}
	l->ifaces = calloc((size_t)n + 1, sizeof(*l->ifaces));
	if (l->ifaces == NULL)
		rc = -ENOMEM;
	for (int i = 0; rc == 0 && i < n; i++) {
		if (!gdi_listed(ifaces, l->names[i]))
			continue;
		l->ifaces[l->n].iface = l->names[i];
		rc = take_iface(&l->ifaces[l->n++], gdi_reader_fd(r));
	}
	if (rc < 0) {
		godb_list_free(l);
		return rc;
	}
	*out = l;
	return 0;
}

void
godb_list_free(struct godb_list *l)
{
	if (l == NULL)
		return;
	godb_ifaces_free(l->names);
	free(l->ifaces);
	free(l);
}

size_t
godb_list_n(const struct godb_list *l)
{
	return l->n;
}

const struct godb_list_iface *
godb_list_get(const struct godb_list *l, size_t i)
{
	return i < l->n ? &l->ifaces[i] : NULL;
}
