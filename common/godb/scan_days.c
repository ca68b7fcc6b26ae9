/*
 * scan_days - the indexes of days: records that are whole, and gaps.
 */
#include "common/godb/scan_state.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/addrindex.h"
#include "common/godb/evidence.h"
#include "common/godb/layout.h"
#include "common/godb/pool.h"

/* An invalid end of the index is a record that is being written, or was when
 * its writer died, as long as the block's journal is there. */
static bool
unfinished(const struct gdi_stock *k, int64_t day_s, const struct gdi_gap *g,
    bool now)
{
	return gdi_gap_may_be_torn(g) &&
	    gdi_scan_vouched(k, day_s, g->slot_s, g->offset, now);
}

/* An index of no bytes is as good as one that is cut within its header. */
static const struct gdi_gap empty_index = {.slot_s = -1, .tail = true,
    .short_tail = true, .rc = GODB_EDAMAGED};

/*
 * Reads an index.  A late batch may have made its journal after we listed
 * them and be committed right now: then the record is whole in a moment.
 * *under_way: the end is such a record, or there is no other; by the time that
 * it is asked again its journal may be gone.
 */
static int
read_day(const struct gdi_stock *k, int day_fd, int64_t day_s,
    struct gdi_index *x, bool *under_way)
{
	for (int tries = 0;; tries++) {
		const struct gdi_gap *g = &empty_index;
		int rc = gdi_index_read(day_fd, day_s, x);

		*under_way = false;
		if (rc < 0 || (x->n_gaps == 0 && x->size > 0))
			return rc;
		if (x->n_gaps > 0)
			g = &x->gaps[x->n_gaps - 1];
		*under_way = unfinished(k, day_s, g, tries > 0);
		if (!g->tail || *under_way || tries == 3)
			return rc;
		gdi_index_free(x);
	}
}

/* A day and, where one was read, its index. */
struct day {
	const char *name;
	int64_t day_s;
	bool wanted;    /* false: only for the interface's extent */
	bool told;      /* the extent has it */
	bool is_read;   /* so the rest is there */
	int rc;         /* of its index; 1: is held without */
	bool under_way; /* a commit, at the index's end */
	bool shrunk;    /* the index was longer once */
	int once_rc;    /* whether it was cannot be told */
	struct gdi_index index;
	struct gdi_sieve sieve;
	struct gdi_held held;
};

static int
whole_day(const struct gdi_stock *k, const struct day *day, int rc,
    const char *file, uint64_t offset)
{
	return gdi_scan_add_fault(k->s, k->iface->name, day->day_s,
	    day->day_s + GP_DAY_S, rc, day->name, file, offset);
}

/* What of a day, whose index was taken, cannot be answered for. */
static int
note_gaps(const struct gdi_stock *k, const struct gdi_scan_day *d,
    const struct day *day)
{
	const struct gdi_index *x = &d->index;
	bool bereft = x->n == 0 && gdi_day_bereft(k->fd, day->name);
	bool shrunk = day->shrunk;
	int rc = 0;

	if (x->header_damaged || bereft || (x->size == 0 && !day->under_way))
		rc = whole_day(k, day, GODB_EDAMAGED, GDI_INDEX, 0);
	for (size_t i = 0; rc == 0 && !bereft && i < x->n_gaps; i++) {
		const struct gdi_gap *g = &x->gaps[i];
		bool known = g->slot_s >= 0 && !g->cut;
		bool torn = i + 1 == x->n_gaps ? day->under_way :
		    unfinished(k, d->day_s, g, true);

		if (torn ||
		    (known && !gdi_scan_in_window(k->s, g->slot_s)))
			continue;
		shrunk = shrunk && known;
		rc = known ? gdi_scan_add_fault(k->s, k->iface->name,
				 g->slot_s, g->slot_s + GP_SLOT_S, g->rc,
				 day->name, GDI_INDEX, g->offset) :
			     whole_day(k, day, g->rc, GDI_INDEX, g->offset);
	}
	/* unless a gap of unknown time has told it */
	if (rc == 0 && shrunk && !bereft)
		rc = whole_day(k, day, GODB_EDAMAGED, GDI_INDEX, x->size);
	if (rc == 0 && day->once_rc < 0)
		rc = whole_day(k, day, day->once_rc, GDI_ADDRESSES, 0);
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

/* Bytes of indexes are most of what a scan takes, and of what that costs.  With
 * a journal they tell what of it is stored. */
static void
forget(const struct gdi_stock *k, int64_t day_s, struct gdi_index *x)
{
	if (k->s->forgets && !gdi_scan_has_journal(k, day_s))
		gdi_index_forget(x);
}

static size_t
kept_bytes(const struct gdi_index *x)
{
	return (x->data ? x->size : 0) + x->n * sizeof(*x->records) +
	    x->n_gaps * sizeof(*x->gaps);
}

/* What ends a scan is no fault of the store. */
static bool
is_ours(int rc)
{
	return rc == -ENOMEM || rc == GODB_EMEMORY;
}

/* Whether who asks has had enough. */
static bool
is_enough(const struct godb_scan *s, size_t done, size_t all)
{
	return gdi_cancelled(s->cancel) ||
	    (s->progress && s->progress(s->progress_arg, done, all) != 0);
}

static void
scratch_free(struct gdi_scan_scratch *t)
{
	gdi_addrwalk_free(t->walk);
	gdi_buf_free(&t->bytes);
}

/* By any thread. */
static void
read_one(const struct gdi_stock *k, struct day *d, struct gdi_scan_scratch *t)
{
	int fd = gp_fd_opendir_at(k->fd, d->name);
	int rc = fd < 0 ? fd : 0;

	t->has_once = t->few = false;
	if (rc == 0 && !k->s->cond)
		rc = gdi_scan_roll_day(k, fd, d->day_s, t, &d->held);
	if (rc == 0)
		rc = gdi_scan_hold_day(k, fd, d->day_s, d->wanted, t,
		    &d->sieve, &d->held);
	if (rc == 0 && k->s->cond && t->few)
		rc = gdi_scan_roll_day(k, fd, d->day_s, t, &d->held);
	if (rc == 0 && !t->has_once)
		d->once_rc = gdi_once_read(fd, d->day_s, &t->once);
	if (d->once_rc == -ENOMEM)
		rc = -ENOMEM;
	if (rc == 0)
		rc = read_day(k, fd, d->day_s, &d->index, &d->under_way);
	if (rc == 0) {
		d->shrunk = gdi_index_shrunk(&t->once, &d->index);
		gdi_scan_check_sieve(&d->sieve, &d->index);
		forget(k, d->day_s, &d->index);
		rc = gdi_scan_keep(k->s, kept_bytes(&d->index));
	}
	d->rc = rc;
	d->is_read = true;
	gp_fd_close(&fd);
}

/* ---- ahead of their turn ------------------------------------------------- */

struct reading {
	const struct gdi_stock *k;
	struct day *day;
	size_t n;
	atomic_size_t next;
	atomic_int rc;
};

static void
read_ahead(void *arg, unsigned thread)
{
	struct gdi_scan_scratch t = {.walk = NULL};
	struct reading *r = arg;
	size_t i;

	while (!r->rc && (i = atomic_fetch_add(&r->next, 1)) < r->n) {
		/* thread 0 is the caller's */
		if (thread == 0 ? is_enough(r->k->s, i, r->n) :
		    gdi_cancelled(r->k->s->cancel))
			r->rc = GODB_ECANCELLED;
		else if (r->day[i].wanted)
			read_one(r->k, &r->day[i], &t);
		if (is_ours(r->day[i].rc))
			r->rc = r->day[i].rc;
	}
	scratch_free(&t);
}

static int
read_all_ahead(const struct gdi_stock *k, struct day *day, size_t n)
{
	struct reading r = {k, day, n, 0, 0};
	struct godb_pool *pool = gdi_pool_for(k->s->pool, n * GDI_DAY_ROWS);

	if (n > 1 && gdi_pool_size(pool) > 1)
		gdi_pool_run(pool, read_ahead, &r);
	return r.rc;
}

/* ---- in their turn ------------------------------------------------------- */

/* What a day tells of the extent; one that cannot be read has been written at
 * some time of it. */
static void
extend(struct gdi_stock *k, struct day *day, const struct gdi_index *x, int rc)
{
	bool damaged = rc == -ENOENT ? gdi_day_bereft(k->fd, day->name) :
	    rc < 0 || x->header_damaged || x->n_gaps > 0 || x->size == 0 ||
	    day->shrunk;

	for (size_t i = 0; rc == 0 && i < x->n; i++)
		gdi_scan_extend(k->iface, x->records[i].slot_s);
	day->told = rc == 0 && x->n > 0;
	if (day->told || day->wanted || !damaged)
		return;
	gdi_scan_extend(k->iface, day->day_s);
	day->told = true;
}

static int
take_held(struct gdi_stock *k, struct day *day)
{
	struct godb_spared *spared = &k->iface->spared;
	const struct gdi_digest *d = &day->held.digest;

	day->told = true;
	gdi_scan_extend(k->iface, d->first_s);
	gdi_scan_extend(k->iface, d->last_s);
	if (!day->wanted)
		return 0;
	if (!gdi_held_counts(&day->held)) {
		spared->days++;
		spared->blocks += d->row_records;
		spared->rows += d->rows;
		spared->bytes += d->stored_bytes;
	}
	return gdi_scan_add_held(k->s, &day->held);
}

static int
take_day(struct gdi_stock *k, struct day *day, struct gdi_scan_scratch *t)
{
	int64_t day_s = day->day_s;
	bool wanted = day->wanted;
	struct godb_scan *s = k->s;
	struct gdi_scan_day *d, **list;
	int rc;

	if (!day->is_read)
		read_one(k, day, t);
	rc = day->rc;
	if (rc == 1)
		return take_held(k, day);
	d = calloc(1, sizeof(*d));
	list = gdi_scan_grow(s->days, s->n_days, &s->cap_days,
	    sizeof(struct gdi_scan_day *));
	if (list)
		s->days = list;
	if (d == NULL || list == NULL) {
		free(d);
		return -ENOMEM;
	}
	d->day_s = day_s;
	d->index = day->index;
	d->sieve = day->sieve;
	day->is_read = false; /* taken */
	if (!is_ours(rc))
		extend(k, day, &d->index, rc);
	if (rc == -ENOENT && wanted && gdi_day_bereft(k->fd, day->name))
		rc = GODB_EDAMAGED;
	if (rc == 0 && wanted)
		rc = note_gaps(k, d, day);
	else if (rc == -ENOENT || (rc < 0 && !is_ours(rc) && !wanted))
		rc = 0; /* new or just removed; or not asked for */
	else if (rc < 0 && !is_ours(rc))
		rc = whole_day(k, day, rc, GDI_INDEX, 0);
	if (rc == 0 && wanted && d->index.n > 0)
		s->days[s->n_days++] = d;
	else
		gdi_scan_day_free(d);
	return rc;
}

/* Those of the window, and one on either side that tells of the extent. */
static int
take_each(struct gdi_stock *k, struct day *day, int n,
    struct gdi_scan_scratch *t)
{
	bool told = false;
	int rc = 0;

	for (int i = 0; rc == 0 && i < n; i++)
		if (day[i].wanted || !told) {
			rc = is_enough(k->s, (size_t)i, (size_t)n) ?
			    GODB_ECANCELLED : take_day(k, &day[i], t);
			told |= day[i].told;
		}
	for (int i = n - 1; rc == 0 && i >= 0 && !day[i].wanted &&
	     !day[i].told; i--) {
		rc = is_enough(k->s, (size_t)i, (size_t)n) ?
		    GODB_ECANCELLED : take_day(k, &day[i], t);
		if (day[i].told)
			break;
	}
	return rc;
}

int
gdi_scan_take_days(struct gdi_stock *k)
{
	struct gdi_scan_scratch t = {.walk = NULL};
	struct day *day = NULL;
	char **days;
	int n = gdi_folder_list(k->fd, gdi_is_day, &days);
	int rc = 0;

	if (n < 0)
		return n == -ENOMEM ? n :
			gdi_scan_add_fault(k->s, k->iface->name,
			    k->s->first_s, k->s->last_s, n, "", "", 0);
	if (n > 0 && (day = calloc((size_t)n, sizeof(*day))) == NULL)
		rc = -ENOMEM;
	for (int i = 0; rc == 0 && i < n; i++) {
		day[i].name = days[i];
		(void)gp_clock_day_parse(days[i], &day[i].day_s);
		day[i].wanted = day[i].day_s > k->s->first_s - GP_DAY_S &&
		    day[i].day_s < k->s->last_s;
	}
	if (rc == 0)
		rc = read_all_ahead(k, day, (size_t)n);
	if (rc == 0)
		rc = take_each(k, day, n, &t);
	scratch_free(&t);
	for (int i = 0; day && i < n; i++)
		if (day[i].is_read) {
			gdi_index_free(&day[i].index);
			gdi_held_free(&day[i].held);
		}
	free(day);
	godb_ifaces_free(days);
	return rc;
}
