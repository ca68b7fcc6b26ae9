/*
 * writer_ifaces - what is remembered of each interface: which batches of which
 * rings its blocks contain, and where the files of its days end.
 */
#include "common/godb/writer_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/index.h"
#include "common/godb/layout.h"

/*
 * Where a ring that is presented again can be known from: the newest days,
 * and those whose index was written last.  A ring outlives the writer by
 * seconds, so its last commits are among the last there were.
 */
#define LEARN_NEWEST 2
#define LEARN_LATEST 16

/* Days whose files' ends are remembered, for each interface. */
#define DAYS_KEPT 4

/* The interface's state, made when it is new; valid until the next new one. */
int
gdi_writer_iface(struct godb_writer *w, const char *name,
    struct gdi_known_iface **out)
{
	struct gdi_known_iface *grown;
	size_t lo = 0, hi = w->n_ifaces;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(w->ifaces[mid].name, name);

		if (c == 0) {
			*out = &w->ifaces[mid];
			return 0;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	grown = reallocarray(w->ifaces, w->n_ifaces + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	w->ifaces = grown;
	memmove(&grown[lo + 1], &grown[lo],
	    (w->n_ifaces++ - lo) * sizeof(*grown));
	memset(&grown[lo], 0, sizeof(grown[lo]));
	(void)snprintf(grown[lo].name, sizeof(grown[lo].name), "%s", name);
	*out = &grown[lo];
	return 0;
}

/* What is remembered of a day.  One whose index must be written anew is never
 * forgotten for another. */
int
gdi_writer_day(struct gdi_known_iface *f, int64_t day_s, struct gdi_day **out)
{
	struct gdi_day *grown, *spare = NULL;

	for (size_t i = 0; i < f->n_days; i++) {
		if (f->days[i].known && f->days[i].day_s == day_s) {
			*out = &f->days[i];
			return 0;
		}
		if (!f->days[i].rebuild &&
		    (spare == NULL || f->days[i].day_s < spare->day_s))
			spare = &f->days[i];
	}
	if (f->n_days < DAYS_KEPT || spare == NULL) {
		grown = reallocarray(f->days, f->n_days + 1, sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		f->days = grown;
		spare = &grown[f->n_days++];
	}
	memset(spare, 0, sizeof(*spare));
	*out = spare;
	return 0;
}

static const struct gdi_day *
remembered(const struct godb_writer *w, const char *iface, int64_t day_s)
{
	for (size_t i = 0; i < w->n_ifaces; i++) {
		const struct gdi_known_iface *f = &w->ifaces[i];

		if (strcmp(f->name, iface) != 0)
			continue;
		for (size_t k = 0; k < f->n_days; k++)
			if (f->days[k].known && f->days[k].day_s == day_s)
				return &f->days[k];
	}
	return NULL;
}

/* On a copy of what is remembered, for a commit may be at that. */
uint64_t
gdi_writer_index_end(const struct godb_writer *w, const char *iface,
    int64_t day_s)
{
	const struct gdi_day *known = remembered(w, iface, day_s);
	struct gdi_day d = known ? *known : (struct gdi_day){.known = false};
	struct gdi_folders f = {w->store_fd, -1, -1};
	char day[11];

	gp_clock_day_format(day_s, day);
	f.iface = gp_fd_opendir_at(w->store_fd, iface);
	f.day = f.iface < 0 ? f.iface : gp_fd_opendir_at(f.iface, day);
	if (f.day < 0 || gdi_day_open(&d, &f, day_s) < 0)
		d.index_end = 0;
	gp_fd_close(&f.day);
	gp_fd_close(&f.iface);
	return d.index_end;
}

/* ---- rings that are known ------------------------------------------------ */

/* One that cannot be read just now is an error: its batches must not count
 * twice.  A commit to one that has damage will say so. */
static int
learn_day(struct godb_writer *w, struct gdi_known_iface *f, int iface_fd,
    const char *day)
{
	struct gdi_index x;
	int rc = gdi_index_read_named(iface_fd, day, &x);

	if (rc != 1)
		return rc;
	/* a registry of earlier days may have been put back */
	rc = gdi_names_reserve(&w->names, gdi_names_used(&x));
	for (size_t i = 0; rc == 0 && i < x.n; i++) {
		rc = gdi_rings_read(&f->rings, x.records[i].rings);
		if (rc == GODB_EDAMAGED)
			rc = 0; /* readers say so */
	}
	gdi_index_free(&x);
	return rc;
}

struct dated {
	const char *day;
	int64_t written_ns; /* index last */
};

static int
latest_first(const void *pa, const void *pb)
{
	const struct dated *a = pa, *b = pb;

	return a->written_ns > b->written_ns ? -1 :
					       a->written_ns < b->written_ns;
}

static int
learn_days(struct godb_writer *w, struct gdi_known_iface *f, int iface_fd,
    char **days, size_t n)
{
	struct dated *list = calloc(n + 1, sizeof(*list));
	int rc = list ? 0 : -ENOMEM;

	for (size_t i = 0; list && i < n; i++) {
		struct stat st;
		char path[32];

		list[i].day = days[i];
		(void)snprintf(path, sizeof(path), "%s/" GDI_INDEX, days[i]);
		if (i + LEARN_NEWEST >= n)
			list[i].written_ns = INT64_MAX;
		else if (fstatat(iface_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
			list[i].written_ns = gp_clock_ns_of(&st.st_mtim);
	}
	if (list)
		qsort(list, n, sizeof(*list), latest_first);
	for (size_t i = 0; rc == 0 && i < n && i < LEARN_NEWEST + LEARN_LATEST;
	     i++)
		rc = learn_day(w, f, iface_fd, list[i].day);
	free(list);
	return rc;
}

/* The interface with what its days know of rings. */
int
gdi_writer_learned(struct godb_writer *w, const char *iface,
    struct gdi_known_iface **out)
{
	struct gdi_known_iface *f;
	char **days;
	int iface_fd, n, rc = gdi_writer_iface(w, iface, &f);

	if (rc == 0)
		*out = f;
	if (rc < 0 || f->learned)
		return rc;
	iface_fd = gp_fd_opendir_at(w->store_fd, iface);
	if (iface_fd == -ENOENT) {
		f->learned = true;
		return 0;
	}
	n = iface_fd < 0 ? iface_fd :
			   gdi_folder_list(iface_fd, gdi_is_day, &days);
	rc = n < 0 ? n : learn_days(w, f, iface_fd, days, (size_t)n);
	if (n >= 0)
		godb_ifaces_free(days);
	gp_fd_close(&iface_fd);
	f->learned = rc == 0;
	return rc;
}

int
godb_writer_ring(struct godb_writer *w, const char *iface,
    const uint8_t ring[16], uint64_t *next_seq, uint64_t *ring_pos)
{
	const struct gdi_ring *r;
	struct gdi_known_iface *f;
	int rc;

	if (!godb_iface_valid(iface))
		return GODB_EIFACE;
	rc = gdi_writer_learned(w, iface, &f);
	if (rc < 0)
		return rc;
	r = gdi_rings_find(&f->rings, ring);
	if (r == NULL || r->n == 0)
		return -ENOENT;
	*next_seq = r->ranges[r->n - 1].last + 1;
	*ring_pos = r->last_pos;
	return 0;
}

/* The record that has the ring's highest number.  1 found, 0 not, an error. */
static int
find_ring(const struct gdi_index *x, const uint8_t ring[16], int64_t *slot_s,
    int64_t *last_ns)
{
	uint64_t newest = 0;
	int rc = 0, found = 0;

	for (size_t i = 0; rc == 0 && i < x->n; i++) {
		struct gdi_rings rings = {0};
		const struct gdi_ring *r;

		rc = gdi_rings_read(&rings, x->records[i].rings);
		r = rc == 0 ? gdi_rings_find(&rings, ring) : NULL;
		if (r && r->n > 0 && r->ranges[r->n - 1].last >= newest) {
			newest = r->ranges[r->n - 1].last;
			*slot_s = x->records[i].slot_s;
			*last_ns = x->records[i].last_ns;
			found = 1;
		}
		gdi_rings_free(&rings);
		rc = rc == GODB_EDAMAGED ? 0 : rc; /* readers say so */
	}
	return rc < 0 ? rc : found;
}

int
godb_writer_ring_block(struct godb_writer *w, const char *iface,
    const uint8_t ring[16], int64_t *slot_s, int64_t *last_ns)
{
	char **days = NULL;
	int iface_fd, n, rc = 0;

	if (!godb_iface_valid(iface))
		return GODB_EIFACE;
	iface_fd = gp_fd_opendir_at(w->store_fd, iface);
	n = iface_fd < 0 ? iface_fd :
			   gdi_folder_list(iface_fd, gdi_is_day, &days);
	for (int i = n - 1; rc == 0 && i >= 0; i--) {
		struct gdi_index x;

		rc = gdi_index_read_named(iface_fd, days[i], &x);
		if (rc == 1) {
			rc = find_ring(&x, ring, slot_s, last_ns);
			gdi_index_free(&x);
		}
	}
	if (n >= 0)
		godb_ifaces_free(days);
	gp_fd_close(&iface_fd);
	return n < 0 ? n : rc < 0 ? rc : rc == 1 ? 0 : -ENOENT;
}
