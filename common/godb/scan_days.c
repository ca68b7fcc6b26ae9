/*
 * scan_days - the indexes of days: records that are whole, and gaps.
 */
#include "common/godb/scan_state.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/layout.h"

/* An invalid end of the index is a record that is being written, or was when
 * its writer died, as long as the block's journal is there. */
static bool
unfinished(const struct gdi_stock *k, int64_t day_s, const struct gdi_gap *g,
    bool now)
{
	return gdi_gap_may_be_torn(g) &&
	    gdi_scan_has_journal(k, day_s, g->slot_s, now);
}

/* An index of no bytes is as good as one that is cut within its header. */
static const struct gdi_gap empty_index = {.slot_s = -1, .tail = true,
    .short_tail = true, .rc = GODB_EDAMAGED};

/*
 * Reads an index.  A late batch may have made its journal after we listed
 * them and be committed right now: then the record is whole in a moment.
 */
static int
read_day(const struct gdi_stock *k, int day_fd, int64_t day_s,
    struct gdi_index *x)
{
	for (int tries = 0;; tries++) {
		const struct gdi_gap *g = &empty_index;
		int rc = gdi_index_read(day_fd, day_s, x);

		if (rc < 0 || (x->n_gaps == 0 && x->size > 0) || tries == 3)
			return rc;
		if (x->n_gaps > 0)
			g = &x->gaps[x->n_gaps - 1];
		if (!g->tail || unfinished(k, day_s, g, tries > 0))
			return rc;
		gdi_index_free(x);
	}
}

static int
note_gaps(const struct gdi_stock *k, const char *day,
    const struct gdi_scan_day *d)
{
	const struct gdi_index *x = &d->index;
	int rc = 0;

	if (x->header_damaged ||
	    (x->size == 0 && !unfinished(k, d->day_s, &empty_index, true)))
		rc = gdi_scan_add_fault(k->s, k->iface->name, d->day_s,
		    d->day_s + GP_DAY_S, GODB_EDAMAGED, day, GDI_INDEX, 0);
	for (size_t i = 0; rc == 0 && i < x->n_gaps; i++) {
		const struct gdi_gap *g = &x->gaps[i];
		bool known = g->slot_s >= 0;

		if (unfinished(k, d->day_s, g, true) ||
		    (known && !gdi_scan_in_window(k->s, g->slot_s)))
			continue;
		rc = gdi_scan_add_fault(k->s, k->iface->name,
		    known ? g->slot_s : d->day_s,
		    known ? g->slot_s + GP_SLOT_S : d->day_s + GP_DAY_S,
		    g->rc, day, GDI_INDEX, g->offset);
	}
	return rc;
}

void
gdi_scan_day_free(struct gdi_scan_day *d)
{
	if (d == NULL)
		return;
	gdi_index_free(&d->index);
	free(d);
}

/* Reads one day; `wanted` false: only for the interface's extent. */
static int
take_day(struct gdi_stock *k, const char *day, int64_t day_s, bool wanted)
{
	struct godb_scan *s = k->s;
	struct gdi_scan_day *d = calloc(1, sizeof(*d)), **list;
	int fd, rc;

	list = gdi_scan_grow(s->days, s->n_days, &s->cap_days,
	    sizeof(struct gdi_scan_day *));
	if (list)
		s->days = list;
	if (d == NULL || list == NULL) {
		free(d);
		return -ENOMEM;
	}
	d->day_s = day_s;
	fd = gp_fd_opendir_at(k->fd, day);
	rc = fd < 0 ? fd : gdi_scan_hold_day(k, fd, day_s, wanted, &d->sieve);
	if (rc == 1) {
		gp_fd_close(&fd);
		gdi_scan_day_free(d);
		return 0;
	}
	if (rc == 0)
		rc = read_day(k, fd, day_s, &d->index);
	gp_fd_close(&fd);
	if (rc == 0)
		gdi_scan_check_sieve(d);
	for (size_t i = 0; rc == 0 && i < d->index.n; i++)
		gdi_scan_extend(k->iface, d->index.records[i].slot_s);
	if (rc == 0 && wanted)
		rc = note_gaps(k, day, d);
	else if (rc == -ENOENT || (rc < 0 && rc != -ENOMEM && !wanted))
		rc = 0; /* new or just removed; or not asked for */
	else if (rc < 0 && rc != -ENOMEM)
		rc = gdi_scan_add_fault(s, k->iface->name, day_s,
		    day_s + GP_DAY_S, rc, day, GDI_INDEX, 0);
	if (rc == 0 && wanted && d->index.n > 0)
		s->days[s->n_days++] = d;
	else
		gdi_scan_day_free(d);
	return rc;
}

int
gdi_scan_take_days(struct gdi_stock *k)
{
	char **days;
	int n = gdi_folder_list(k->fd, gdi_is_day, &days);
	int rc = 0;

	for (int i = 0; rc == 0 && i < n; i++) {
		int64_t day_s = 0;
		bool wanted;

		(void)gp_clock_day_parse(days[i], &day_s);
		wanted = day_s > k->s->first_s - GP_DAY_S &&
		    day_s < k->s->last_s;
		if (wanted || i == 0 || i == n - 1)
			rc = take_day(k, days[i], day_s, wanted);
	}
	if (n >= 0)
		godb_ifaces_free(days);
	return n < 0 ? n : rc;
}
