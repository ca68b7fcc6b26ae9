#include "common/godb/plan.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/pool.h"
#include "common/godb/rollup.h"
#include "common/godb/scan.h"

#define NOBODY UINT32_MAX

struct gdi_plan {
	const struct godb_scan *scan;
	struct gdi_plan_opts opts;
	size_t *part; /* NULL: each of the scan */
	size_t n;
	uint32_t *owner; /* of each part, the roll-up that stands for it */
	struct gdi_scan_part *rolled;
	size_t *first; /* part of each */
	uint8_t *kind; /* of each */
	size_t n_rolled, cap_rolled, n_left_out;
	size_t n_held; /* the first roll-ups are the scan's */
	struct gdi_rollups *days; /* whose records are used */
	size_t n_days, cap_days;
};

/* Parts first to end - 1 are of one interface and day. */
struct stretch {
	size_t first, end;
	int64_t day_s;
	const struct gdi_scan_day *day; /* NULL: all are live */
	unsigned with_rows;
	uint64_t rows; /* of these */
	struct gdi_rollups rollups;
	int read; /* 1: these are there; 0, or an error */
};

static struct stretch
stretch_at(const struct godb_scan *s, size_t i)
{
	const struct godb_part *a = &s->parts[i].part;
	struct stretch out = {.first = i, .end = i,
	    .day_s = gp_clock_day(a->slot_s)};

	for (; out.end < s->n_parts; out.end++) {
		const struct gdi_scan_part *p = &s->parts[out.end];

		if (p->part.iface_index != a->iface_index ||
		    p->part.slot_s >= out.day_s + GP_DAY_S)
			break;
		if (p->day)
			out.day = p->day;
		if (!p->day || p->ruled_out || p->part.n4 + p->part.n6 == 0)
			continue;
		out.with_rows++;
		out.rows += (uint64_t)p->part.n4 + p->part.n6;
	}
	return out;
}

/* Whether the bins that the question asks for do not part the span. */
static bool
within_a_bin(const struct gdi_plan_opts *o, const struct gdi_rollup *r)
{
	int64_t slot_s = r->record->slot_s;

	if (!o->by_time)
		return true;
	return o->bin && o->bin(o->bin_arg, slot_s) ==
	    o->bin(o->bin_arg, slot_s + r->span_s - GP_SLOT_S);
}

/* Whether its rows differ in all that the question looks at. */
static bool
tells_apart(const struct gdi_plan_opts *o, const struct gdi_rollup *r)
{
	const uint32_t all = gdi_rollup_columns(GDI_ROLLUP_FLOWS);

	return (o->columns & all & ~gdi_rollup_columns(r->kind)) == 0;
}

bool
gdi_plan_suits(const struct gdi_plan_opts *o, const struct gdi_rollup *r)
{
	return o->rollups && (o->sums || r->kind == GDI_ROLLUP_APART) &&
	    r->stored && r->n >= 2 && tells_apart(o, r) && within_a_bin(o, r);
}

/* ---- days ---------------------------------------------------------------- */

/*
 * Whether each record that it lists is among the parts, and none of them stood
 * for already; both are in the same order.  With `owner` that is noted.  *rows
 * are those that it spares the reader.
 */
static bool
has_all(struct gdi_plan *p, const struct stretch *w,
    const struct gdi_rollup *r, uint32_t owner, size_t *first, uint64_t *rows)
{
	uint64_t k = 0;

	*rows = 0;
	for (size_t i = w->first; i < w->end && k < r->n; i++) {
		const struct gdi_record *record = p->scan->parts[i].record;

		if (!record || !gdi_rollup_lists(r, record, &k))
			continue;
		if (p->owner[i] != NOBODY)
			return false;
		if (k == 1)
			*first = i;
		if (!p->scan->parts[i].ruled_out)
			*rows += (uint64_t)record->n4 + record->n6;
		if (owner != NOBODY)
			p->owner[i] = owner;
	}
	return k == r->n;
}

static int
reserve(struct gdi_plan *p)
{
	size_t cap = p->cap_rolled ? p->cap_rolled * 2 : 64;
	struct gdi_scan_part *rolled;
	size_t *first;
	uint8_t *kind;

	if (p->n_rolled < p->cap_rolled)
		return 0;
	rolled = reallocarray(p->rolled, cap, sizeof(*rolled));
	if (rolled)
		p->rolled = rolled;
	first = reallocarray(p->first, cap, sizeof(*first));
	if (first)
		p->first = first;
	kind = realloc(p->kind, cap);
	if (kind)
		p->kind = kind;
	if (rolled == NULL || first == NULL || kind == NULL)
		return -ENOMEM;
	p->cap_rolled = cap;
	return 0;
}

/* 1 taken, 0 not. */
static int
take_rollup(struct gdi_plan *p, const struct stretch *w,
    const struct gdi_rollup *r)
{
	size_t first;
	uint64_t rows;
	int rc;

	/* where an address index leaves but a few blocks, they are less */
	if (!gdi_plan_suits(&p->opts, r) ||
	    !has_all(p, w, r, NOBODY, &first, &rows) ||
	    rows < (uint64_t)r->record->n4 + r->record->n6)
		return 0;
	if (gdi_is_left_out(p->opts.left_out, r->record->id)) {
		p->n_left_out++;
		return 0;
	}
	rc = reserve(p);
	if (rc < 0)
		return rc;
	(void)has_all(p, w, r, (uint32_t)p->n_rolled, &first, &rows);
	gdi_scan_rolled(&p->scan->parts[first], r->record,
	    &p->rolled[p->n_rolled]);
	p->kind[p->n_rolled] = (uint8_t)r->kind;
	p->first[p->n_rolled++] = first;
	return 1;
}

/* The day, or those of its hours that can be, of the kind with the fewest
 * rows: the list has it last. */
static int
take_rollups(struct gdi_plan *p, const struct stretch *w,
    const struct gdi_rollups *r)
{
	int taken = 0, rc = 0;

	for (size_t i = r->n; rc >= 0 && i > 0; i--) {
		rc = take_rollup(p, w, &r->list[i - 1]);
		taken |= rc == 1;
		if (rc == 1 && r->list[i - 1].span_s == GP_DAY_S)
			break;
	}
	return rc < 0 ? rc : taken;
}

/* Without them, or with what of them does not hold, it is the blocks' turn. */
static int
read_day(const struct gdi_plan *p, const struct stretch *w,
    struct gdi_rollups *out)
{
	char day[11];
	int fd = gp_fd_opendir_at(p->scan->store_fd,
	    p->scan->parts[w->first].part.iface);
	int day_fd, rc;

	if (fd < 0)
		return 0;
	gp_clock_day_format(w->day_s, day);
	day_fd = gp_fd_opendir_at(fd, day);
	gp_fd_close(&fd);
	if (day_fd < 0)
		return 0;
	rc = gdi_rollups_read(day_fd, w->day_s, out, NULL);
	gp_fd_close(&day_fd);
	return rc == -ENOMEM ? rc : rc == 0;
}

static int
keep_day(struct gdi_plan *p, const struct gdi_rollups *r)
{
	if (p->n_days == p->cap_days) {
		size_t cap = p->cap_days ? p->cap_days * 2 : 32;
		struct gdi_rollups *grown =
		    reallocarray(p->days, cap, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		p->days = grown;
		p->cap_days = cap;
	}
	p->days[p->n_days++] = *r;
	return 0;
}

static int
plan_stretch(struct gdi_plan *p, struct stretch *w)
{
	int rc = w->read;

	if (rc == 1)
		rc = take_rollups(p, w, &w->rollups);
	if (rc == 1) {
		rc = keep_day(p, &w->rollups);
		if (rc == 0)
			return 0;
	}
	gdi_rollups_free(&w->rollups);
	return rc;
}

/* ---- all days ------------------------------------------------------------ */

struct reading {
	const struct gdi_plan *plan;
	struct stretch *stretch;
	size_t n;
};

static void
read_one(void *arg, size_t i)
{
	const struct reading *r = arg;
	struct stretch *w = &r->stretch[i];

	if (w->with_rows >= 2 &&
	    (r->plan->opts.sums ||
		gdi_rollup_keeps_rows(w->rows, w->with_rows)))
		w->read = read_day(r->plan, w, &w->rollups);
}

/* All stretches, each with its roll-ups. */
static int
read_all(const struct gdi_plan *p, struct reading *r)
{
	size_t cap = 0;

	*r = (struct reading){.plan = p};
	for (size_t i = 0; i < p->scan->n_parts;) {
		if (r->n == cap) {
			struct stretch *grown = reallocarray(r->stretch,
			    cap = cap ? cap * 2 : 64, sizeof(*grown));

			if (grown == NULL)
				return -ENOMEM;
			r->stretch = grown;
		}
		r->stretch[r->n] = stretch_at(p->scan, i);
		i = r->stretch[r->n++].end;
	}
	gdi_pool_each(gdi_pool_for(p->opts.pool, r->n * GDI_DAY_ROWS), r->n,
	    read_one, r);
	return 0;
}

/* ---- days that the scan has as roll-ups ---------------------------------- */

/* 1: one of them cannot be used. */
static int
take_held(struct gdi_plan *p)
{
	const struct godb_scan *s = p->scan;

	for (size_t i = 0; i < s->n_helds; i++) {
		const struct gdi_held *h = &s->helds[i];
		const struct gdi_rollup *r = h->rollup;
		struct gdi_scan_part like = {.day = h->day,
		    .part = {.iface = s->ifaces[h->iface].name,
			.iface_index = h->iface}};

		if (r == NULL)
			continue;
		if (!gdi_plan_suits(&p->opts, r) ||
		    gdi_is_left_out(p->opts.left_out, r->record->id))
			return 1;
		if (reserve(p) < 0)
			return -ENOMEM;
		gdi_scan_rolled(&like, r->record, &p->rolled[p->n_rolled]);
		p->kind[p->n_rolled] = (uint8_t)r->kind;
		p->first[p->n_rolled++] = s->n_parts; /* none */
	}
	p->n_held = p->n_rolled;
	return 0;
}

/* Of the first n_held roll-ups, those whose days come before a part's. */
static size_t
put_held(struct gdi_plan *p, size_t held, const struct godb_part *before)
{
	for (; held < p->n_held; held++) {
		const struct godb_part *h = &p->rolled[held].part;

		if (before && (h->iface_index > before->iface_index ||
				  (h->iface_index == before->iface_index &&
				      h->slot_s > before->slot_s)))
			break;
		p->part[p->n++] = p->scan->n_parts + held;
	}
	return held;
}

/* A roll-up stands where the first of its parts would. */
static void
put_in_order(struct gdi_plan *p)
{
	size_t held = 0;

	for (size_t i = 0; i < p->scan->n_parts; i++) {
		uint32_t owner = p->owner[i];

		held = put_held(p, held, &p->scan->parts[i].part);
		if (owner == NOBODY)
			p->part[p->n++] = i;
		else if (p->first[owner] == i)
			p->part[p->n++] = p->scan->n_parts + owner;
	}
	(void)put_held(p, held, NULL);
}

static int
make(struct gdi_plan *p)
{
	const struct godb_scan *s = p->scan;
	size_t room = s->n_parts + p->n_held + 1;
	struct reading r;
	int rc;

	p->owner = malloc(room * sizeof(*p->owner));
	p->part = malloc(room * sizeof(*p->part));
	if (p->owner == NULL || p->part == NULL)
		return -ENOMEM;
	memset(p->owner, 0xff, room * sizeof(*p->owner));
	rc = read_all(p, &r);
	for (size_t i = 0; i < r.n; i++)
		if (rc == 0)
			rc = plan_stretch(p, &r.stretch[i]);
		else
			gdi_rollups_free(&r.stretch[i].rollups);
	free(r.stretch);
	if (rc == 0)
		put_in_order(p);
	return rc;
}

int
gdi_plan_new(const struct godb_scan *s, const struct gdi_plan_opts *opts,
    struct gdi_plan **out)
{
	struct gdi_plan *p = calloc(1, sizeof(*p));
	int rc = 0;

	if (p == NULL)
		return -ENOMEM;
	p->scan = s;
	p->opts = *opts;
	rc = take_held(p);
	if (rc == 0 && opts->rollups && (!opts->by_time || opts->bin))
		rc = make(p);
	else
		p->n = s->n_parts;
	if (rc != 0) {
		gdi_plan_free(p);
		return rc;
	}
	*out = p;
	return 0;
}

void
gdi_plan_free(struct gdi_plan *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n_days; i++)
		gdi_rollups_free(&p->days[i]);
	free(p->days);
	free(p->rolled);
	free(p->first);
	free(p->kind);
	free(p->owner);
	free(p->part);
	free(p);
}

size_t
gdi_plan_n(const struct gdi_plan *p)
{
	return p->n;
}

size_t
gdi_plan_part(const struct gdi_plan *p, size_t i)
{
	return p->part ? p->part[i] : i;
}

const struct godb_part *
gdi_plan_get(const struct gdi_plan *p, size_t number)
{
	size_t n = p->scan->n_parts;

	return number < n ? &p->scan->parts[number].part :
			    &p->rolled[number - n].part;
}

const struct gdi_scan_part *
gdi_plan_rolled(const struct gdi_plan *p, size_t *n)
{
	*n = p->n_rolled;
	return p->rolled;
}

enum gdi_rollup_kind
gdi_plan_kind(const struct gdi_plan *p, size_t number)
{
	return (enum gdi_rollup_kind)p->kind[number - p->scan->n_parts];
}

size_t
gdi_plan_n_left_out(const struct gdi_plan *p)
{
	return p->n_left_out;
}
