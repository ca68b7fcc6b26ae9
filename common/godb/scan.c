/*
 * scan - a consistent view of a store: opened, closed, and asked.
 *
 * The order of looking makes each row be seen once: of an interface first the
 * journals with their lengths, then the indexes; at the end the names.  What
 * a journal held when it was opened is either covered by a record that is
 * read later, and left out, or is not.
 */
#include "common/godb/scan_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/addrindex.h"
#include "common/godb/layout.h"
#include "common/godb/needles.h"
#include "common/godb/question.h"

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In order, and each once.  Of a store of a thousand interfaces a list takes
 * longer than most that is asked of one. */
static int
choose_ifaces(struct godb_scan *s, const struct godb_reader *r,
    const char *const *wanted)
{
	const char **name;
	char **all = NULL;
	size_t n = 0;
	int rc;

	if (wanted == NULL) {
		rc = godb_reader_ifaces(r, &all);
		if (rc < 0)
			return rc;
		wanted = (const char *const *)all;
	}
	while (wanted[n] != NULL)
		n++;
	name = calloc(n + 1, sizeof(*name));
	s->ifaces = calloc(n + 1, sizeof(*s->ifaces));
	if (name && n > 0) {
		memcpy(name, wanted, n * sizeof(*name));
		qsort(name, n, sizeof(*name), by_name);
	}
	for (size_t i = 0; name && s->ifaces && i < n; i++) {
		struct gdi_scan_iface *f = &s->ifaces[s->n_ifaces];

		if ((i > 0 && strcmp(name[i], name[i - 1]) == 0) ||
		    (all == NULL && !gdi_reader_has(r, name[i])))
			continue;
		(void)snprintf(f->name, sizeof(f->name), "%s", name[i]);
		f->first_s = INT64_MAX;
		f->last_s = INT64_MIN;
		s->n_ifaces++;
	}
	rc = name && s->ifaces ? 0 : -ENOMEM;
	free(name);
	godb_ifaces_free(all);
	return rc;
}

/* After the days' indexes: a day that went before its own was read is in it,
 * and one that goes later fails when its columns are. */
static int
take_gone(struct gdi_stock *k)
{
	int rc = gdi_gone_read(k->fd, &k->iface->gone);

	if (rc == 0 || rc == -ENOENT)
		return 0;
	return gdi_scan_add_fault(k->s, k->iface->name, 0, 0, rc, "", GDI_GONE,
	    0);
}

static int
take_iface(struct godb_scan *s, uint32_t i, bool live)
{
	struct gdi_stock k = {.s = s, .iface = &s->ifaces[i], .index = i,
	    .first_live = s->n_lives, .first_day = s->n_days};
	int rc;

	k.fd = gp_fd_opendir_at(s->store_fd, k.iface->name);
	if (k.fd < 0)
		return gdi_scan_add_fault(s, k.iface->name, s->first_s,
		    s->last_s, k.fd, "", "", 0);
	rc = gdi_scan_take_journals(&k);
	if (rc == 0)
		rc = gdi_scan_take_days(&k);
	if (rc == 0)
		rc = take_gone(&k);
	/* without the live view they only told what is unfinished */
	for (size_t n = k.first_live; !live && n < s->n_lives; n++)
		gdi_scan_live_free(s->lives[n]);
	if (!live)
		s->n_lives = k.first_live;
	if (rc == 0)
		rc = gdi_scan_make_parts(&k);
	gp_fd_close(&k.fd);
	return rc;
}

/* Names may be missing, of all interfaces, but no row and so no time. */
static int
registry_fault(struct godb_scan *s, const char *iface, int what)
{
	int rc = gdi_scan_add_fault(s, iface, s->first_s, s->first_s, what, "",
	    "", 0);

	if (rc == 0)
		(void)snprintf(s->faults[s->n_faults - 1].place,
		    sizeof(s->faults->place), "%s", GDI_REGISTRY);
	return rc;
}

/*
 * After the indexes, so that every id in them has its line.  Names that only
 * journals know get ids of this scan behind the registry's.
 */
static int
load_names(struct godb_scan *s)
{
	int rc = gdi_names_load(s->store_fd, &s->names);

	if (rc < 0 || s->names.n_damaged > 0) {
		int what = rc < 0 ? rc : GODB_EDAMAGED;

		if (rc < 0)
			rc = rc == -ENOMEM ? rc : gdi_names_init(&s->names);
		for (size_t i = 0; rc == 0 && i < s->n_ifaces; i++)
			rc = registry_fault(s, s->ifaces[i].name, what);
	}
	for (size_t i = 0; rc >= 0 && i < s->live_names.n; i++)
		rc = gdi_names_add(&s->names, &s->live_names.list[i]);
	return rc < 0 ? rc : 0;
}

int
godb_scan_open(const struct godb_reader *r, const struct godb_scan_opts *opts,
    struct godb_scan **out)
{
	struct godb_scan_opts o = GODB_SCAN_OPTS_INIT;
	struct gdi_plan_opts question;
	int rc = gdi_opts_take(&o, sizeof(o), opts);
	struct godb_scan *s;

	if (rc < 0)
		return rc;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->store_fd = r->store_fd;
	s->names.fd = s->live_names.fd = -1;
	/* all of time, without sums that overflow */
	s->first_s = o.first_s < 0 ? 0 : o.first_s;
	s->last_s = o.last_s > GP_TIME_MAX_S ? GP_TIME_MAX_S : o.last_s;
	if (s->first_s >= s->last_s) /* within a block, too, there is nothing */
		s->last_s = 0;
	s->no_index = o.no_index;
	s->addresses = o.addresses;
	s->sure = o.sure;
	s->pool = o.pool;
	s->cancel = o.cancel;
	s->progress = o.progress;
	s->progress_arg = o.progress_arg;
	s->no_live = o.no_live;
	s->mem_bytes = o.mem_bytes;
	s->forgets = o.question != NULL;
	if (gdi_needles_are(o.cond))
		s->cond = o.cond;
	if (o.question && !o.addresses && !o.no_index) {
		gdi_question_plan(o.question, &question);
		s->question = &question;
	}
	rc = choose_ifaces(s, r, o.ifaces);
	if (rc == 0)
		rc = gdi_names_init(&s->live_names);
	for (uint32_t i = 0; rc == 0 && i < s->n_ifaces; i++)
		rc = gdi_cancelled(o.cancel) ? GODB_ECANCELLED :
					       take_iface(s, i, !o.no_live);
	if (rc == 0)
		rc = load_names(s);
	s->cond = NULL;
	s->question = NULL;
	s->pool = NULL;
	s->cancel = NULL;
	s->progress = NULL;
	if (rc < 0) {
		godb_scan_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void
godb_scan_close(struct godb_scan *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n_days; i++)
		gdi_scan_day_free(s->days[i]);
	for (size_t i = 0; i < s->n_lives; i++)
		gdi_scan_live_free(s->lives[i]);
	for (size_t i = 0; i < s->n_helds; i++)
		gdi_held_free(&s->helds[i]);
	gdi_names_free(&s->names);
	gdi_names_free(&s->live_names);
	free(s->helds);
	free(s->days);
	free(s->lives);
	free(s->parts);
	free(s->faults);
	free(s->ifaces);
	free(s);
}

size_t
godb_scan_bytes(const struct godb_scan *s)
{
	return s->kept_bytes;
}

size_t
godb_scan_n_parts(const struct godb_scan *s)
{
	return s->n_parts;
}

const struct godb_part *
godb_scan_part(const struct godb_scan *s, size_t i)
{
	return i < s->n_parts ? &s->parts[i].part : NULL;
}

size_t
godb_scan_n_ifaces(const struct godb_scan *s)
{
	return s->n_ifaces;
}

const char *
godb_scan_iface(const struct godb_scan *s, size_t i)
{
	return i < s->n_ifaces ? s->ifaces[i].name : NULL;
}

bool
godb_scan_extent(const struct godb_scan *s, size_t iface, int64_t *first_s,
    int64_t *last_s)
{
	if (iface >= s->n_ifaces ||
	    s->ifaces[iface].first_s > s->ifaces[iface].last_s)
		return false;
	*first_s = s->ifaces[iface].first_s;
	*last_s = s->ifaces[iface].last_s;
	return true;
}

bool
godb_scan_pruned(const struct godb_scan *s, size_t iface, int64_t *first_s,
    int64_t *until_s)
{
	if (iface >= s->n_ifaces || s->ifaces[iface].gone.until_s == 0)
		return false;
	*first_s = s->ifaces[iface].gone.first_s;
	*until_s = s->ifaces[iface].gone.until_s;
	return true;
}

void
godb_scan_spared(const struct godb_scan *s, size_t iface,
    struct godb_spared *out)
{
	memset(out, 0, sizeof(*out));
	if (iface < s->n_ifaces)
		*out = s->ifaces[iface].spared;
}

void
godb_scan_rolled(const struct godb_scan *s, size_t iface,
    struct godb_rolled *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < s->n_helds; i++) {
		const struct gdi_digest *d = &s->helds[i].digest;

		if (s->helds[i].iface != iface ||
		    !gdi_held_counts(&s->helds[i]))
			continue;
		out->days++;
		out->blocks += d->records;
		out->rows += d->rows;
		out->bytes += d->stored_bytes;
	}
}

size_t
gdi_scan_n_helds(const struct godb_scan *s)
{
	return s->n_helds;
}

const struct gdi_held *
gdi_scan_held(const struct godb_scan *s, size_t i)
{
	return &s->helds[i];
}

int
gdi_scan_kind(const struct godb_scan *s, size_t iface)
{
	(void)s;
	(void)iface;
	return -1;
}

bool
gdi_scan_ruled_out(const struct godb_scan *s, size_t part)
{
	return s->parts[part].ruled_out;
}

int
gdi_scan_open_held(const struct godb_scan *s, const struct gdi_held *h)
{
	char day[11];
	int fd;

	gp_clock_day_format(h->day_s, day);
	fd = gdi_open_below(s->store_fd, s->ifaces[h->iface].name, day);
	return fd == -ENOENT ? GODB_EGONE : fd;
}

int
gdi_scan_unheld(const struct godb_scan *s, const struct godb_query_opts *q,
    struct godb_scan **out)
{
	struct godb_scan_opts opts = GODB_SCAN_OPTS_INIT;
	const struct godb_reader reader = {s->store_fd};
	const char **ifaces = calloc(s->n_ifaces + 1, sizeof(*ifaces));
	int rc;

	if (ifaces == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_ifaces; i++)
		ifaces[i] = s->ifaces[i].name;
	opts.ifaces = ifaces;
	opts.first_s = s->first_s;
	opts.last_s = s->last_s;
	opts.no_live = s->no_live;
	opts.mem_bytes = gdi_scan_left(s);
	opts.cancel = q->cancel;
	opts.progress = q->progress;
	opts.progress_arg = q->progress_arg;
	opts.pool = q->pool;
	rc = godb_scan_open(&reader, &opts, out);
	free(ifaces);
	return rc;
}

int
gdi_scan_again(const struct godb_scan *s, const struct gdi_held *h,
    struct godb_scan **out)
{
	struct godb_scan_opts opts = GODB_SCAN_OPTS_INIT;
	const struct godb_reader reader = {s->store_fd};
	const char *ifaces[] = {s->ifaces[h->iface].name, NULL};

	opts.ifaces = ifaces;
	opts.first_s = h->day_s;
	opts.last_s = h->day_s + GP_DAY_S;
	opts.no_live = true;
	opts.no_index = true;
	return godb_scan_open(&reader, &opts, out);
}

size_t
godb_scan_n_faults(const struct godb_scan *s)
{
	return s->n_faults;
}

const struct godb_fault *
godb_scan_fault(const struct godb_scan *s, size_t i)
{
	return i < s->n_faults ? &s->faults[i] : NULL;
}

size_t
godb_scan_n_l7(const struct godb_scan *s)
{
	return s->names.n;
}

const char *
godb_scan_l7_name(const struct godb_scan *s, uint16_t id)
{
	const struct godb_l7_name *name = gdi_names_get(&s->names, id);

	return name ? name->name : NULL;
}

const char *
godb_scan_l7_category(const struct godb_scan *s, uint16_t id)
{
	const struct godb_l7_name *name = gdi_names_get(&s->names, id);

	return name ? name->category : NULL;
}
