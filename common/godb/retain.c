/*
 * retain - retention: days that are past their time or too much are removed.
 *
 * A round goes through phases, each in pieces that take milliseconds: list the
 * interfaces, count each of their days (from the summary where that is up to
 * date), plan, remove.  A day is renamed first, so that nobody finds half of
 * one, and the rename is durable before the first file goes: a power cut must
 * not leave a day whose columns are missing.
 *
 * Failure policy: on a full disk all of this has to go on, for nothing else
 * makes room.  What needs some itself, the note that a day is gone and its
 * other name, is tried again without the day's caches, and then waits for room.
 */
#include "common/godb/retain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/evidence.h"
#include "common/godb/gone.h"
#include "common/godb/layout.h"
#include "common/godb/summary.h"

struct candidate {
	uint32_t iface;
	int64_t day_s;
	uint64_t bytes;
	bool unnoted; /* gone, and days.gone does not have it yet */
};

enum phase { COUNT, PLAN, REMOVE, DONE };

/* The interface whose days are being counted. */
struct counting {
	int fd;
	char **entries;
	int n, at;
	struct gdi_summary old, fresh;
	bool changed;
	uint64_t upkeep; /* what it had changed when we began */
};

struct godb_retain {
	struct godb_retain_opts opts;
	struct godb_writer *w; /* NULL: dry */
	int store_fd;          /* borrowed */
	enum phase phase;
	char **ifaces;
	size_t n_ifaces, iface; /* being counted */
	struct counting c;
	int uncounted_rc; /* of the first interface that could not be */
	struct candidate *days; /* of all interfaces */
	size_t n, cap, at;
	int64_t newest_s; /* finished day, -1: none */
	uint64_t left_bytes, left_free; /* as the plan goes on */
	struct godb_retain_report report;
};

const char *
godb_retain_cause_name(enum godb_retain_cause c)
{
	static const char *const names[] = {[GODB_RETAIN_AGE] = "age",
	    [GODB_RETAIN_SIZE] = "size", [GODB_RETAIN_FREE] = "free",
	    [GODB_RETAIN_CLEAN] = "clean"};

	return (size_t)c < sizeof(names) / sizeof(names[0]) ? names[c] : "?";
}

/* ---- removing a folder --------------------------------------------------- */

/* Of a folder that was renamed; others in it stay. */
static int
remove_files(int iface_fd, const char *name)
{
	char **files;
	int fd = gp_fd_opendir_at(iface_fd, name);
	int n = fd < 0 ? fd : gdi_folder_list(fd, NULL, &files);
	int rc = n < 0 ? n : 0;

	for (int i = 0; i < n; i++)
		if (unlinkat(fd, files[i], 0) < 0 && rc == 0)
			rc = -errno;
	if (n >= 0)
		godb_ifaces_free(files);
	gp_fd_close(&fd);
	return rc;
}

static int
remove_empty(int iface_fd, const char *name)
{
	return unlinkat(iface_fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static bool
is_full(int rc)
{
	return rc == -ENOSPC || rc == -EDQUOT;
}

/* What can be made again, of a day that is to go; whether there was any. */
static bool
drop_caches(int iface_fd, const char *day)
{
	static const char *const caches[] = {GDI_ROLLUPS, GDI_ROLLED,
	    GDI_ADDRESSES};
	int fd = gp_fd_opendir_at(iface_fd, day);
	bool any;

	if (fd < 0)
		return false;
	/* it has the size of the day with them, and is a cache, too */
	any = unlinkat(iface_fd, GDI_SUMMARY, 0) == 0;
	for (size_t i = 0; i < sizeof(caches) / sizeof(*caches); i++)
		any |= unlinkat(fd, caches[i], 0) == 0;
	gp_fd_close(&fd);
	return any;
}

static int
note_gone(const struct godb_retain *r, int iface_fd, uint32_t iface,
    int64_t day_s)
{
	return gdi_gone_add(iface_fd, r->ifaces[iface],
	    gdi_writer_mode_file(r->w), day_s);
}

static int
rename_day(int iface_fd, const char *day, const char *gone)
{
	return renameat(iface_fd, day, iface_fd, gone) < 0 ? -errno : 0;
}

/* Without its index a day has nothing. */
static int
remove_in_place(int iface_fd, const char *day)
{
	int fd = gp_fd_opendir_at(iface_fd, day);
	int rc = fd < 0 ? fd : 0;

	if (rc == 0 && unlinkat(fd, GDI_INDEX, 0) < 0 && errno != ENOENT)
		rc = -errno;
	if (rc == 0)
		rc = gp_fd_sync(fd);
	gp_fd_close(&fd);
	if (rc == 0)
		rc = remove_files(iface_fd, day);
	return rc < 0 ? rc : remove_empty(iface_fd, day);
}

/* Its files, after which the folder is empty, or gone already. */
static int
take_day(int iface_fd, const char *day, const char *gone)
{
	int rc = rename_day(iface_fd, day, gone);

	if (is_full(rc) && drop_caches(iface_fd, day))
		rc = rename_day(iface_fd, day, gone);
	if (is_full(rc))
		return remove_in_place(iface_fd, day);
	if (rc == 0)
		rc = gp_fd_sync(iface_fd);
	return rc < 0 ? rc : remove_files(iface_fd, gone);
}

static void
removed_name(int64_t day_s, char out[32])
{
	char day[11];

	gp_clock_day_format(day_s, day);
	(void)snprintf(out, 32, "%s" GDI_REMOVED, day);
}

static int
remove_day(const struct godb_retain *r, struct candidate *c)
{
	char day[11], gone[32];
	int fd = gp_fd_opendir_at(r->store_fd, r->ifaces[c->iface]);
	int rc = fd < 0 ? fd : 0;

	gp_clock_day_format(c->day_s, day);
	removed_name(c->day_s, gone);
	if (rc == 0)
		rc = note_gone(r, fd, c->iface, c->day_s);
	if (is_full(rc) && drop_caches(fd, day))
		rc = note_gone(r, fd, c->iface, c->day_s);
	c->unnoted = is_full(rc);
	if (rc == 0 || c->unnoted)
		rc = take_day(fd, day, gone);
	if (rc == 0 && c->unnoted) /* there may be room now */
		c->unnoted = note_gone(r, fd, c->iface, c->day_s) < 0;
	/* a folder that is not noted stays, so that a later round does it */
	if (rc == 0 && !c->unnoted) {
		rc = remove_empty(fd, gone);
		rc = rc == -ENOENT ? 0 : rc; /* it was removed in place */
	}
	gp_fd_close(&fd);
	return rc;
}

/* Of days that this round removed. */
static void
note_late(struct godb_retain *r)
{
	char gone[32];

	for (size_t i = 0; i < r->n; i++) {
		const struct candidate *c = &r->days[i];
		int fd;

		if (!c->unnoted)
			continue;
		fd = gp_fd_opendir_at(r->store_fd, r->ifaces[c->iface]);
		removed_name(c->day_s, gone);
		if (fd < 0 || note_gone(r, fd, c->iface, c->day_s) < 0)
			r->report.unnoted++;
		else
			(void)remove_empty(fd, gone);
		gp_fd_close(&fd);
	}
}

/* What a round before this one did not come to. */
static void
finish_removed(struct godb_retain *r, const char *gone)
{
	char day[11] = {0};
	int64_t day_s = 0;

	memcpy(day, gone, sizeof(day) - 1);
	(void)gp_clock_day_parse(day, &day_s);
	if (remove_files(r->c.fd, gone) < 0)
		return;
	if (is_full(note_gone(r, r->c.fd, (uint32_t)r->iface, day_s)))
		r->report.unnoted++;
	else
		(void)remove_empty(r->c.fd, gone);
}

/* ---- counting ------------------------------------------------------------ */

static void
counting_end(struct counting *c)
{
	godb_ifaces_free(c->entries);
	gdi_summary_free(&c->old);
	gdi_summary_free(&c->fresh);
	gp_fd_close(&c->fd);
	*c = (struct counting){.fd = -1};
}

/* Upkeep changes the sizes of days, perhaps of one that was counted. */
static uint64_t
upkeep_changes(const struct godb_retain *r)
{
	struct godb_upkeep_report report = {0};

	if (r->w)
		godb_writer_upkeep_report(r->w, &report);
	return report.changed;
}

static int
counting_begin(struct godb_retain *r)
{
	struct counting *c = &r->c;
	uint64_t bytes = 0;
	int dir;

	c->upkeep = upkeep_changes(r);
	c->fd = gp_fd_opendir_at(r->store_fd, r->ifaces[r->iface]);
	if (c->fd < 0) { /* a file of that name, or one that was renamed */
		c->fd = -1;
		return c->n = 0;
	}
	c->n = gdi_folder_list(c->fd, NULL, &c->entries);
	if (c->n < 0)
		return c->n;
	dir = gp_fd_opendir_at(c->fd, GDI_JOURNALS);
	if (dir >= 0 && gdi_folder_bytes(dir, &bytes) == 0)
		r->report.store_bytes += bytes;
	gp_fd_close(&dir);
	return gdi_summary_read(c->fd, &c->old, NULL);
}

static bool
finished(const struct godb_retain *r, int64_t day_s)
{
	if (day_s >= gp_clock_day(r->opts.now_s))
		return false;
	return r->w ? !gdi_writer_day_open(r->w, r->ifaces[r->iface], day_s) :
		      !gdi_journal_vouches(r->c.fd, day_s, -1,
			  UINT64_MAX);
}

static int
add_candidate(struct godb_retain *r, int64_t day_s, uint64_t bytes)
{
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 256;
		struct candidate *grown =
		    reallocarray(r->days, cap, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		r->days = grown;
		r->cap = cap;
	}
	r->days[r->n++] = (struct candidate){(uint32_t)r->iface, day_s, bytes,
	    false};
	if (day_s > r->newest_s)
		r->newest_s = day_s;
	return 0;
}

static int
count_day(struct godb_retain *r, const char *day)
{
	struct counting *c = &r->c;
	const struct gdi_day_sum *known;
	enum gdi_day_state state = GDI_DAY_WHOLE;
	struct gdi_day_sum d;
	int64_t day_s = 0;
	bool over;
	int rc = 0;

	(void)gp_clock_day_parse(day, &day_s);
	over = finished(r, day_s);
	known = gdi_summary_find(&c->old, day_s);
	if (known && known->index_bytes == gdi_day_index_bytes(c->fd, day))
		d = *known;
	else if (rc = gdi_day_sum(c->fd, day, &d, &state), rc == -ENOMEM)
		return rc;
	else
		c->changed |= over && rc == 0 && state == GDI_DAY_WHOLE;
	if (rc == -ENOENT && d.file_bytes == 0)
		return 0; /* made, and nothing in it yet */
	r->report.store_bytes += d.file_bytes;
	if (!over)
		return 0;
	if (rc == 0 && state == GDI_DAY_WHOLE)
		rc = gdi_summary_add(&c->fresh, &d);
	if (rc == -ENOMEM)
		return rc;
	return add_candidate(r, day_s, d.file_bytes);
}

/* An interface that cannot be counted keeps no other's days; one that is not
 * ours to look into is none. */
static int
pass_over(struct godb_retain *r, int rc)
{
	counting_end(&r->c);
	r->iface++;
	if (rc == -ENOMEM)
		return rc;
	if (rc != -EACCES && r->uncounted_rc == 0)
		r->uncounted_rc = rc;
	return 0;
}

/* One entry of an interface's folder, or the end of it. */
static int
count_one(struct godb_retain *r)
{
	struct counting *c = &r->c;
	int rc = 0;

	if (c->entries == NULL) {
		if (r->iface == r->n_ifaces) {
			r->phase = PLAN;
			return 0;
		}
		rc = counting_begin(r);
		return rc < 0 || c->fd < 0 ? pass_over(r, rc) : 0;
	}
	if (c->at < c->n) {
		const char *name = c->entries[c->at++];

		if (gdi_is_day(name))
			return count_day(r, name);
		if (gdi_is_removed_day(name) && r->w)
			finish_removed(r, name);
		return 0;
	}
	/* days that are gone stay in it until there is more to write */
	if (r->w && c->changed && c->upkeep == upkeep_changes(r))
		(void)gdi_summary_write(c->fd, r->ifaces[r->iface],
		    gdi_writer_mode_file(r->w), &c->fresh);
	counting_end(c);
	r->iface++;
	return 0;
}

/* ---- planning and removing ----------------------------------------------- */

static int
oldest_first(const void *pa, const void *pb)
{
	const struct candidate *a = pa, *b = pb;

	if (a->day_s != b->day_s)
		return a->day_s < b->day_s ? -1 : 1;
	return a->iface < b->iface ? -1 : a->iface > b->iface;
}

static int
plan(struct godb_retain *r)
{
	struct statvfs fs;

	if (fstatvfs(r->store_fd, &fs) < 0)
		return -errno;
	r->report.free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (__builtin_add_overflow(r->report.free_bytes, r->opts.freed_bytes,
		&r->left_free))
		r->left_free = UINT64_MAX;
	r->left_bytes = r->report.store_bytes;
	if (r->n > 0)
		qsort(r->days, r->n, sizeof(*r->days), oldest_first);
	r->phase = REMOVE;
	return 0;
}

static bool
too_old(const struct godb_retain_opts *o, int64_t day_s)
{
	return o->retain_days > 0 && day_s < gp_clock_day(o->now_s) -
		(int64_t)o->retain_days * GP_DAY_S;
}

/* A clock that runs years ahead calls all days too old, but for the one that
 * is being written; so does one that is right after a long pause, but then
 * they can wait for a day to be finished. */
static bool
clock_is_doubted(const struct godb_retain *r)
{
	return too_old(&r->opts, r->newest_s);
}

static bool
must_go(const struct godb_retain *r, const struct candidate *c,
    enum godb_retain_cause *cause)
{
	const struct godb_retain_opts *o = &r->opts;

	if (o->clean_s > 0 && c->day_s + GP_DAY_S <= o->clean_s)
		*cause = GODB_RETAIN_CLEAN;
	else if (too_old(o, c->day_s) && !clock_is_doubted(r))
		*cause = GODB_RETAIN_AGE;
	else if (c->day_s == r->newest_s)
		return false;
	else if (o->max_bytes > 0 && r->left_bytes > o->max_bytes)
		*cause = GODB_RETAIN_SIZE;
	else if (r->left_free < o->min_free)
		*cause = GODB_RETAIN_FREE;
	else
		return false;
	return true;
}

static void
note_removed(struct godb_retain *r, const struct candidate *c,
    enum godb_retain_cause cause, int rc)
{
	struct godb_retain_day day = {r->ifaces[c->iface], c->day_s, c->bytes,
	    cause, rc};

	if (rc < 0) {
		r->report.failed++;
	} else {
		r->report.days++;
		r->report.bytes += c->bytes;
		r->left_bytes -= c->bytes < r->left_bytes ? c->bytes :
							    r->left_bytes;
		if (__builtin_add_overflow(r->left_free, c->bytes,
			&r->left_free))
			r->left_free = UINT64_MAX;
	}
	if (r->opts.each)
		r->opts.each(r->opts.arg, &day);
}

static int
remove_one(struct godb_retain *r)
{
	struct candidate *c;
	enum godb_retain_cause cause;
	int rc = 0;

	if (r->at == r->n) {
		const struct godb_retain_opts *o = &r->opts;

		note_late(r);
		if (o->max_bytes > 0 && r->left_bytes > o->max_bytes)
			r->report.short_bytes = r->left_bytes - o->max_bytes;
		if (r->left_free < o->min_free &&
		    o->min_free - r->left_free > r->report.short_bytes)
			r->report.short_bytes = o->min_free - r->left_free;
		r->phase = DONE;
		return 0;
	}
	c = &r->days[r->at++];
	if (!must_go(r, c, &cause)) {
		r->report.doubted += too_old(&r->opts, c->day_s);
		return 0;
	}
	/* opened while we were counting? */
	if (r->w && gdi_writer_day_open(r->w, r->ifaces[c->iface], c->day_s))
		return 0;
	if (r->w)
		rc = remove_day(r, c);
	if (rc < 0)
		c->unnoted = false; /* it is still there */
	if (rc == -ENOENT)
		return 0;
	note_removed(r, c, cause, rc);
	return 0;
}

/* ---- all of it ----------------------------------------------------------- */

static int
begin(int store_fd, struct godb_writer *w, const struct godb_retain_opts *opts,
    struct godb_retain **out)
{
	struct godb_retain *r = calloc(1, sizeof(*r));
	int n;

	if (r == NULL)
		return -ENOMEM;
	r->opts = (struct godb_retain_opts)GODB_RETAIN_OPTS_INIT;
	n = gdi_opts_take(&r->opts, sizeof(r->opts), opts);
	if (n < 0) {
		free(r);
		return n;
	}
	r->w = w;
	r->store_fd = store_fd;
	r->c.fd = -1;
	r->newest_s = -1;
	n = gdi_folder_list(store_fd, gdi_is_iface, &r->ifaces);
	if (n < 0) {
		free(r);
		return n;
	}
	r->n_ifaces = (size_t)n;
	*out = r;
	return 0;
}

int
godb_retain_new(struct godb_writer *w, const struct godb_retain_opts *opts,
    struct godb_retain **out)
{
	return begin(gdi_writer_store_fd(w), w, opts, out);
}

int
godb_retain_dry(int store_fd, const struct godb_retain_opts *opts,
    struct godb_retain **out)
{
	int rc = gdi_marker_check(store_fd);

	return rc < 0 ? rc : begin(store_fd, NULL, opts, out);
}

int
godb_retain_step(struct godb_retain *r, int64_t budget_ns)
{
	int64_t until = gp_clock_mono_ns() + budget_ns;
	int rc = 0;

	do {
		switch (r->phase) {
		case COUNT:
			rc = count_one(r);
			break;
		case PLAN:
			rc = plan(r);
			break;
		case REMOVE:
			rc = remove_one(r);
			break;
		case DONE:
			return r->uncounted_rc;
		}
	} while (rc == 0 && gp_clock_mono_ns() < until);
	if (rc < 0)
		r->phase = DONE;
	return rc < 0 ? rc : r->phase == DONE ? r->uncounted_rc : 1;
}

void
godb_retain_report(const struct godb_retain *r, struct godb_retain_report *out)
{
	*out = r->report;
}

void
godb_retain_free(struct godb_retain *r)
{
	if (r == NULL)
		return;
	counting_end(&r->c);
	godb_ifaces_free(r->ifaces);
	free(r->days);
	free(r);
}
