#include "common/godb/upkeep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/layout.h"
#include "common/godb/retain.h"
#include "common/godb/rollup.h"
#include "common/godb/rollup_make.h"
#include "common/godb/summary.h"

/* An hour is over that long after its end, or when a later one has a block. */
#define GRACE_S 900

/* Days of each interface that are looked at when a writer begins: what the
 * last one did not come to.  Older ones are a matter of a rebuild. */
#define RECENT_DAYS 3

static const struct gdi_upkeep_job *const jobs[] = {&gdi_rollup_job,
    &gdi_address_job, NULL};

struct pending {
	int64_t day_s;
	int64_t looked_s; /* what of all time was over at the last look, */
	int64_t until_s;  /* and of the day; -1: there was none */
	bool dirty;       /* it has blocks since */
	bool anew;
};

struct upkeep_iface {
	char name[16];
	int64_t newest_s; /* block committed by this writer, -1: none */
	struct pending *days;
	size_t n, cap;
};

struct gdi_upkeep {
	struct godb_writer *w;
	struct godb_reader *reader;
	struct upkeep_iface *ifaces;
	size_t n_ifaces;
	char **start; /* interfaces whose days are still to be listed */
	size_t start_at;
	size_t start_days; /* of each */
	bool anew, started;
	/* the look that is under way */
	struct gdi_upkeep_day day;
	char iface[16];
	struct godb_scan *scan;
	const struct gdi_upkeep_job *const *job;
	void *state;
	bool looking, day_anew;
	struct godb_upkeep_report report;
};

int
gdi_upkeep_new(struct godb_writer *w, struct gdi_upkeep **out)
{
	struct gdi_upkeep *u = calloc(1, sizeof(*u));

	if (u == NULL)
		return -ENOMEM;
	u->w = w;
	u->day.day_fd = -1;
	*out = u;
	return 0;
}

/* ---- days that may be due ------------------------------------------------ */

static struct upkeep_iface *
iface_of(struct gdi_upkeep *u, const char *name)
{
	struct upkeep_iface *grown;

	for (size_t i = 0; i < u->n_ifaces; i++)
		if (strcmp(u->ifaces[i].name, name) == 0)
			return &u->ifaces[i];
	grown = reallocarray(u->ifaces, u->n_ifaces + 1, sizeof(*grown));
	if (grown == NULL)
		return NULL;
	u->ifaces = grown;
	grown += u->n_ifaces++;
	*grown = (struct upkeep_iface){.newest_s = -1};
	(void)snprintf(grown->name, sizeof(grown->name), "%s", name);
	return grown;
}

/* The day, as one to be looked at; NULL without memory. */
static struct pending *
mark(struct upkeep_iface *f, int64_t day_s, bool anew)
{
	size_t i = 0;

	while (i < f->n && f->days[i].day_s != day_s)
		i++;
	if (i == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 4;
		struct pending *grown =
		    reallocarray(f->days, cap, sizeof(*grown));

		if (grown == NULL)
			return NULL;
		f->days = grown;
		f->cap = cap;
	}
	if (i == f->n)
		f->days[f->n++] = (struct pending){day_s, -1, -1, false,
		    false};
	f->days[i].dirty = true;
	f->days[i].anew |= anew;
	return &f->days[i];
}

void
gdi_upkeep_note(struct gdi_upkeep *u, const char *iface, int64_t slot_s)
{
	struct upkeep_iface *f = iface_of(u, iface);

	if (f == NULL) /* another time: it is only speed */
		return;
	if (slot_s > f->newest_s)
		f->newest_s = slot_s;
	(void)mark(f, gp_clock_day(slot_s), false);
}

static int64_t
hour_of(int64_t t_s)
{
	return t_s < 0 ? 0 : t_s - t_s % GDI_HOUR_S;
}

/* What is over of an interface's time. */
static int64_t
over_until(const struct upkeep_iface *f, int64_t now_s)
{
	int64_t until_s = hour_of(now_s - GRACE_S);

	return hour_of(f->newest_s) > until_s ? hour_of(f->newest_s) : until_s;
}

/* And of a day of it: blocks that are open are not there yet. */
static int64_t
day_until(const struct gdi_upkeep *u, const struct upkeep_iface *f,
    int64_t day_s, int64_t over_s)
{
	int64_t until_s = day_s + GP_DAY_S;
	struct godb_open_block b;

	until_s = over_s < until_s ? over_s : until_s;
	for (size_t i = 0; godb_writer_open_block(u->w, i, &b); i++)
		if (strcmp(b.iface, f->name) == 0 &&
		    gp_clock_day(b.slot_s) == day_s &&
		    hour_of(b.slot_s) < until_s)
			until_s = hour_of(b.slot_s);
	return until_s;
}

/* Once for each hour that is over, and when a block that was open is not any
 * more: many late ones must not cost a look each. */
static bool
is_due(const struct gdi_upkeep *u, const struct upkeep_iface *f,
    const struct pending *d, int64_t over_s)
{
	int64_t end_s = d->day_s + GP_DAY_S;

	if (over_s <= d->day_s || (!d->dirty && (over_s < end_s ||
					    d->until_s == end_s)))
		return false;
	if (over_s > d->looked_s)
		return true;
	return d->until_s < end_s && d->until_s < over_s &&
	    day_until(u, f, d->day_s, over_s) > d->until_s;
}

/* Days of which all was done an hour ago. */
static void
forget_done(struct upkeep_iface *f, int64_t over_s)
{
	for (size_t i = f->n; i-- > 0;) {
		const struct pending *d = &f->days[i];

		if (!d->dirty && d->until_s == d->day_s + GP_DAY_S &&
		    over_s > d->looked_s)
			f->days[i] = f->days[--f->n];
	}
}

/* The newest day that is due; false: none is. */
static bool
find_due(struct gdi_upkeep *u, int64_t now_s, struct upkeep_iface **f,
    struct pending **day)
{
	*day = NULL;
	for (size_t i = 0; i < u->n_ifaces; i++) {
		struct upkeep_iface *here = &u->ifaces[i];
		int64_t over_s = over_until(here, now_s);

		forget_done(here, over_s);
		for (size_t k = 0; k < here->n; k++) {
			struct pending *d = &here->days[k];

			if ((*day && d->day_s <= (*day)->day_s) ||
			    !is_due(u, here, d, over_s))
				continue;
			*f = here;
			*day = d;
		}
	}
	return *day != NULL;
}

/* ---- a look at a day ----------------------------------------------------- */

static void
look_end(struct gdi_upkeep *u)
{
	if (u->state)
		(*u->job)->end(u->state);
	u->state = NULL;
	godb_scan_close(u->scan);
	u->scan = NULL;
	gp_fd_close(&u->day.day_fd);
	u->looking = false;
}

/* What kept some of the day from being read; what is damaged is read. */
static int
unread(const struct godb_scan *s)
{
	for (size_t i = 0; i < s->n_faults; i++) {
		const struct godb_fault *f = &s->faults[i];

		if (f->last_s > f->first_s && f->rc > GODB_ENOTSTORE &&
		    f->rc != -ENOENT)
			return f->rc;
	}
	return 0;
}

static int
open_scan(struct gdi_upkeep *u)
{
	struct godb_scan_opts opts = GODB_SCAN_OPTS_INIT;
	const char *ifaces[] = {u->iface, NULL};
	int rc = 0;

	if (u->reader == NULL) {
		int fd = gp_fd_opendir_at(gdi_writer_store_fd(u->w), ".");

		rc = fd < 0 ? fd : godb_reader_openat(fd, &u->reader);
	}
	opts.ifaces = ifaces;
	opts.first_s = u->day.day_s;
	opts.last_s = u->day.day_s + GP_DAY_S;
	opts.no_live = true;
	if (rc == 0)
		rc = godb_scan_open(u->reader, &opts, &u->scan);
	return rc < 0 ? rc : unread(u->scan);
}

static int
look_begin(struct gdi_upkeep *u, struct upkeep_iface *f, struct pending *d,
    int64_t now_s)
{
	int64_t over_s = over_until(f, now_s);
	char day[11];
	int fd, rc;

	(void)snprintf(u->iface, sizeof(u->iface), "%s", f->name);
	u->day = (struct gdi_upkeep_day){.w = u->w, .iface = u->iface,
	    .day_s = d->day_s, .day_fd = -1,
	    .until_s = day_until(u, f, d->day_s, over_s)};
	u->day.over = u->day.until_s == d->day_s + GP_DAY_S;
	u->day_anew = d->anew;
	d->looked_s = over_s;
	d->until_s = u->day.until_s;
	d->dirty = d->anew = false;
	gp_clock_day_format(u->day.day_s, day);
	fd = gp_fd_opendir_at(gdi_writer_store_fd(u->w), u->iface);
	u->day.day_fd = fd < 0 ? fd : gp_fd_opendir_at(fd, day);
	gp_fd_close(&fd);
	rc = u->day.day_fd < 0 ? u->day.day_fd : open_scan(u);
	u->day.scan = u->scan;
	u->job = jobs;
	u->looking = true;
	u->report.days++;
	return rc < 0 ? rc : 1;
}

/* Its size in the summary is not right any more: told before something is
 * written, for a writer may die right behind that, and once all of it is. */
static void
forget_size(struct gdi_upkeep *u)
{
	int fd = gp_fd_opendir_at(gdi_writer_store_fd(u->w), u->iface);

	if (fd >= 0)
		(void)gdi_summary_drop(fd, u->iface,
		    gdi_writer_mode_file(u->w), u->day.day_s);
	gp_fd_close(&fd);
}

static int
look_step(struct gdi_upkeep *u)
{
	int rc = 0;

	if (*u->job == NULL) {
		if (u->day.changed) {
			forget_size(u);
			u->report.changed++;
		}
		look_end(u);
		return 1;
	}
	if (u->state == NULL) {
		rc = (*u->job)->begin(&u->day, u->day_anew, &u->state);
		if (u->state)
			forget_size(u);
	}
	if (u->state)
		rc = (*u->job)->step(u->state);
	if (rc == 0) {
		if (u->state)
			(*u->job)->end(u->state);
		u->state = NULL;
		u->job++;
	}
	return rc < 0 ? rc : 1;
}

/* It failed: when the next hour is over. */
static void
look_again(struct gdi_upkeep *u, int64_t now_s)
{
	struct upkeep_iface *f = iface_of(u, u->iface);
	struct pending *d;

	u->report.failed++;
	if (f == NULL)
		return;
	d = mark(f, u->day.day_s, u->day_anew);
	if (d)
		d->looked_s = over_until(f, now_s);
}

/* ---- beginning ----------------------------------------------------------- */

static int
list_start(struct gdi_upkeep *u)
{
	int n;

	godb_ifaces_free(u->start);
	u->start = NULL;
	n = gdi_folder_list(gdi_writer_store_fd(u->w), gdi_is_iface,
	    &u->start);
	u->start_at = 0;
	u->started = true;
	return n < 0 ? n : 1;
}

/* One interface's newest days. */
static int
list_days(struct gdi_upkeep *u)
{
	const char *name = u->start[u->start_at++];
	int fd = gp_fd_opendir_at(gdi_writer_store_fd(u->w), name);
	struct upkeep_iface *f;
	char **days;
	int n, rc = 0;

	if (fd < 0) /* no interface */
		return 1;
	n = gdi_folder_list(fd, gdi_is_day, &days);
	gp_fd_close(&fd);
	if (n < 0) /* what is not ours to look into is none, either */
		return n == -EACCES ? 1 : n;
	f = n > 0 ? iface_of(u, name) : NULL;
	if (n > 0 && f == NULL)
		rc = -ENOMEM;
	for (size_t i = (size_t)n; rc == 0 && i > 0 &&
	     (size_t)n - i < u->start_days; i--) {
		int64_t day_s = 0;

		(void)gp_clock_day_parse(days[i - 1], &day_s);
		rc = mark(f, day_s, u->anew) ? 0 : -ENOMEM;
	}
	godb_ifaces_free(days);
	return rc < 0 ? rc : 1;
}

void
gdi_upkeep_free(struct gdi_upkeep *u)
{
	if (u == NULL)
		return;
	look_end(u);
	for (size_t i = 0; i < u->n_ifaces; i++)
		free(u->ifaces[i].days);
	free(u->ifaces);
	godb_ifaces_free(u->start);
	godb_reader_close(u->reader);
	free(u);
}

/* ---- all of it ----------------------------------------------------------- */

int
godb_writer_upkeep(struct godb_writer *w, int64_t now_s)
{
	struct gdi_upkeep *u = gdi_writer_upkeep(w);
	struct upkeep_iface *f;
	struct pending *d;
	int rc;

	if (!u->started) {
		u->start_days = u->start_days ? u->start_days : RECENT_DAYS;
		return list_start(u);
	}
	if (u->start && u->start[u->start_at])
		return list_days(u);
	if (u->looking)
		rc = look_step(u);
	else if (find_due(u, now_s, &f, &d))
		rc = look_begin(u, f, d, now_s);
	else
		return 0;
	if (rc == 1)
		return rc;
	/* retention was quicker */
	if (rc == -ENOENT || rc == GODB_EGONE)
		rc = 1;
	if (rc < 0)
		look_again(u, now_s);
	look_end(u);
	return rc;
}

void
godb_writer_rebuild(struct godb_writer *w)
{
	struct gdi_upkeep *u = gdi_writer_upkeep(w);

	u->start_days = SIZE_MAX;
	u->anew = true;
	u->started = false;
}

void
godb_writer_upkeep_report(const struct godb_writer *w,
    struct godb_upkeep_report *out)
{
	*out = gdi_writer_upkeep(w)->report;
}
