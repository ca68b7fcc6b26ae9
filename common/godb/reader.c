/*
 * reader - a store's folder, consistent views of it, decoded columns.
 *
 * The order of looking makes each row be seen once: journals first, with
 * their lengths, then the indexes, then the names.  What a journal held when
 * it was opened is either covered by a record that is read later, and left
 * out, or is not.
 */
#include "common/godb/godb.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/index.h"
#include "common/godb/journal.h"
#include "common/godb/layout.h"
#include "common/godb/names.h"

struct godb_reader {
	int store_fd;
};

/* One batch of a journal that no record covers. */
struct live_batch {
	uint64_t offset;
	uint32_t bytes;
	uint32_t n4, n6;
	uint8_t ring[16];
	uint64_t seq;
	int64_t first_ns, last_ns;
	uint32_t flags;
	struct godb_counters counters;
};

struct live_journal {
	uint32_t iface;
	int64_t slot_s;
	int fd;
	uint64_t end;
	struct live_batch *batches;
	size_t n, cap;
};

struct scan_day {
	uint32_t iface;
	int64_t day_s;
	struct gdi_index index;
};

struct scan_part {
	struct godb_part part;
	const struct scan_day *day;        /* stored ... */
	const struct gdi_record *record;
	const struct live_journal *journal; /* ... or live */
};

struct scan_iface {
	char name[16];
	int64_t first_s, last_s; /* of the whole store; first > last: none */
};

struct godb_scan {
	int store_fd; /* the reader's */
	struct scan_iface *ifaces;
	size_t n_ifaces;
	struct scan_day **days; /* pointers stay when the list grows */
	size_t n_days, cap_days;
	struct live_journal *journals;
	size_t n_journals, cap_journals;
	struct scan_part *parts;
	size_t n_parts, cap_parts;
	struct godb_fault *faults;
	size_t n_faults, cap_faults;
	struct gdi_names names;
	int64_t first_s, last_s; /* window */
};

/* ---- reader -------------------------------------------------------------- */

int
godb_reader_openat(int dirfd, struct godb_reader **out)
{
	struct godb_reader *r = calloc(1, sizeof(*r));
	int rc = r ? gdi_marker_check(dirfd) : -ENOMEM;

	if (rc < 0 || r == NULL) {
		free(r);
		gp_fd_close(&dirfd);
		return rc;
	}
	r->store_fd = dirfd;
	*out = r;
	return 0;
}

int
godb_reader_open(const char *path, struct godb_reader **out)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : godb_reader_openat(fd, out);
}

void
godb_reader_close(struct godb_reader *r)
{
	if (r == NULL)
		return;
	gp_fd_close(&r->store_fd);
	free(r);
}

int
godb_reader_ifaces(const struct godb_reader *r, char ***out)
{
	char **list;
	int n = gdi_folder_list(r->store_fd, gdi_is_iface, &list);
	int kept = 0;

	if (n < 0)
		return n;
	for (int i = 0; i < n; i++) { /* files are none */
		struct stat st;

		if (fstatat(r->store_fd, list[i], &st, AT_SYMLINK_NOFOLLOW) ==
			0 &&
		    S_ISDIR(st.st_mode))
			list[kept++] = list[i];
		else
			free(list[i]);
	}
	list[kept] = NULL;
	*out = list;
	return kept;
}

/* ---- scan: growing lists -------------------------------------------------- */

static void *
grow(void *list, size_t n, size_t *cap, size_t size)
{
	size_t more = *cap ? *cap * 2 : 32;
	void *grown;

	if (n < *cap)
		return list;
	grown = reallocarray(list, more, size);
	if (grown)
		*cap = more;
	return grown;
}

static int
add_fault(struct godb_scan *s, uint32_t iface, int64_t first_s, int64_t last_s,
    int rc, const char *a, const char *b, uint64_t offset)
{
	struct godb_fault *f = grow(s->faults, s->n_faults, &s->cap_faults,
	    sizeof(*f));

	if (f == NULL)
		return -ENOMEM;
	s->faults = f;
	f = &s->faults[s->n_faults++];
	memset(f, 0, sizeof(*f));
	f->iface = s->ifaces[iface].name;
	f->first_s = first_s;
	f->last_s = last_s;
	f->rc = rc;
	if (offset)
		(void)snprintf(f->place, sizeof(f->place), "%s/%s/%s at %llu",
		    f->iface, a, b, (unsigned long long)offset);
	else
		(void)snprintf(f->place, sizeof(f->place), "%s/%s/%s",
		    f->iface, a, b);
	return 0;
}

/* ---- scan: journals ------------------------------------------------------- */

static int
note_batch(void *ctx, const struct gdi_batch_view *v)
{
	struct live_journal *j = ctx;
	struct live_batch *b = grow(j->batches, j->n, &j->cap, sizeof(*b));

	if (b == NULL)
		return -ENOMEM;
	j->batches = b;
	b = &j->batches[j->n++];
	b->offset = v->offset;
	b->bytes = v->bytes;
	b->n4 = (uint32_t)v->batch.n4;
	b->n6 = (uint32_t)v->batch.n6;
	memcpy(b->ring, v->batch.ring, sizeof(b->ring));
	b->seq = v->batch.seq;
	b->first_ns = v->batch.first_ns;
	b->last_ns = v->batch.last_ns;
	b->flags = v->batch.flags;
	b->counters = v->batch.counters;
	return 0;
}

static int
take_journal(struct godb_scan *s, uint32_t iface, int dir, const char *name)
{
	struct live_journal *j;
	struct stat st;
	int fd, rc;

	fd = gp_fd_openat(dir, name, O_RDONLY, 0);
	if (fd == -ENOENT)
		return 0; /* committed meanwhile: the index has it */
	if (fd < 0)
		return add_fault(s, iface, gdi_journal_slot(name),
		    gdi_journal_slot(name) + GP_SLOT_S, fd, GDI_JOURNALS,
		    name, 0);
	j = grow(s->journals, s->n_journals, &s->cap_journals, sizeof(*j));
	if (j == NULL || fstat(fd, &st) < 0) {
		gp_fd_close(&fd);
		return -ENOMEM;
	}
	s->journals = j;
	j = &s->journals[s->n_journals];
	memset(j, 0, sizeof(*j));
	j->iface = iface;
	j->slot_s = gdi_journal_slot(name);
	j->fd = fd;
	rc = gdi_journal_read(fd, (uint64_t)st.st_size, s->ifaces[iface].name,
	    j->slot_s, note_batch, j, &j->end);
	if (rc == 0) {
		s->n_journals++;
		return 0;
	}
	free(j->batches);
	gp_fd_close(&fd);
	if (rc == -ENOMEM)
		return rc;
	return add_fault(s, iface, gdi_journal_slot(name),
	    gdi_journal_slot(name) + GP_SLOT_S, rc, GDI_JOURNALS, name, 0);
}

static bool
in_window(const struct godb_scan *s, int64_t slot_s)
{
	return slot_s + GP_SLOT_S > s->first_s && slot_s < s->last_s;
}

static int
take_journals(struct godb_scan *s, uint32_t iface, int iface_fd)
{
	char **names;
	int dir = gp_fd_opendir_at(iface_fd, GDI_JOURNALS);
	int n, rc = 0;

	if (dir < 0)
		return dir == -ENOENT ? 0 :
					add_fault(s, iface, s->first_s,
					    s->last_s, dir, GDI_JOURNALS,
					    "", 0);
	n = gdi_folder_list(dir, gdi_is_journal, &names);
	for (int i = 0; rc == 0 && i < n; i++) {
		int64_t slot_s = gdi_journal_slot(names[i]);

		if (s->ifaces[iface].first_s > slot_s)
			s->ifaces[iface].first_s = slot_s;
		if (s->ifaces[iface].last_s < slot_s)
			s->ifaces[iface].last_s = slot_s;
		rc = take_journal(s, iface, dir, names[i]);
	}
	if (n >= 0)
		godb_ifaces_free(names);
	gp_fd_close(&dir);
	return n < 0 ? n : rc;
}

/* ---- scan: days ------------------------------------------------------------ */

static bool
has_journal(const struct godb_scan *s, uint32_t iface, int64_t day_s)
{
	for (size_t i = 0; i < s->n_journals; i++)
		if (s->journals[i].iface == iface &&
		    gp_clock_day(s->journals[i].slot_s) == day_s)
			return true;
	return false;
}

static void
extend(struct scan_iface *f, const struct gdi_index *x)
{
	for (size_t i = 0; i < x->n; i++) {
		if (x->records[i].slot_s < f->first_s)
			f->first_s = x->records[i].slot_s;
		if (x->records[i].slot_s > f->last_s)
			f->last_s = x->records[i].slot_s;
	}
}

/* A gap between two records costs the time between them; at the end it is the
 * writer at work as long as a journal says so. */
static int
note_gaps(struct godb_scan *s, uint32_t iface, const char *day, int64_t day_s,
    const struct gdi_index *x)
{
	for (size_t i = 0; i < x->n_gaps; i++) {
		int rc;

		if (x->gaps[i].tail && has_journal(s, iface, day_s))
			continue;
		rc = add_fault(s, iface, day_s, day_s + GP_DAY_S,
		    GODB_EDAMAGED, day, GDI_INDEX, x->gaps[i].offset);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Reads one day; `wanted` false: only for the interface's extent. */
static int
take_day(struct godb_scan *s, uint32_t iface, int iface_fd, const char *day,
    bool wanted)
{
	struct scan_day *d, **list;
	int64_t day_s = 0;
	int fd, rc;

	(void)gp_clock_day_parse(day, &day_s);
	d = calloc(1, sizeof(*d));
	list = grow(s->days, s->n_days, &s->cap_days, sizeof(struct scan_day *));
	if (list)
		s->days = list;
	if (d == NULL || list == NULL) {
		free(d);
		return -ENOMEM;
	}
	d->iface = iface;
	d->day_s = day_s;
	fd = gp_fd_opendir_at(iface_fd, day);
	rc = fd < 0 ? fd : gdi_index_read(fd, s->ifaces[iface].name, day_s,
			       &d->index);
	gp_fd_close(&fd);
	if (rc == 0) {
		extend(&s->ifaces[iface], &d->index);
		rc = wanted ? note_gaps(s, iface, day, day_s, &d->index) : 0;
	} else if (rc == -ENOENT || rc == -ENOMEM || !wanted) {
		rc = rc == -ENOMEM ? rc : 0; /* new or just removed */
	} else {
		rc = add_fault(s, iface, day_s, day_s + GP_DAY_S, rc, day,
		    GDI_INDEX, 0);
	}
	if (rc == 0 && wanted && d->index.n > 0) {
		s->days[s->n_days++] = d;
		return 0;
	}
	gdi_index_free(&d->index);
	free(d);
	return rc;
}

static int
take_days(struct godb_scan *s, uint32_t iface, int iface_fd)
{
	char **days;
	int n = gdi_folder_list(iface_fd, gdi_is_day, &days);
	int rc = n < 0 ? n : 0;

	for (int i = 0; rc == 0 && i < n; i++) {
		int64_t day_s = 0;
		bool wanted;

		(void)gp_clock_day_parse(days[i], &day_s);
		wanted = day_s + GP_DAY_S > s->first_s && day_s < s->last_s;
		if (wanted || i == 0 || i == n - 1)
			rc = take_day(s, iface, iface_fd, days[i], wanted);
	}
	if (n >= 0)
		godb_ifaces_free(days);
	return rc;
}

/* ---- scan: parts ----------------------------------------------------------- */

static struct scan_part *
new_part(struct godb_scan *s, uint32_t iface, int64_t slot_s)
{
	struct scan_part *p = grow(s->parts, s->n_parts, &s->cap_parts,
	    sizeof(*p));

	if (p == NULL)
		return NULL;
	s->parts = p;
	p = &s->parts[s->n_parts++];
	memset(p, 0, sizeof(*p));
	p->part.iface = s->ifaces[iface].name;
	p->part.iface_index = iface;
	p->part.slot_s = slot_s;
	return p;
}

static int
stored_parts(struct godb_scan *s, const struct scan_day *d)
{
	for (size_t i = 0; i < d->index.n; i++) {
		const struct gdi_record *r = &d->index.records[i];
		struct scan_part *p;

		if (!in_window(s, r->slot_s))
			continue;
		p = new_part(s, d->iface, r->slot_s);
		if (p == NULL)
			return -ENOMEM;
		p->day = d;
		p->record = r;
		p->part.first_ns = r->first_ns;
		p->part.last_ns = r->last_ns;
		p->part.flags = r->flags & ~(uint32_t)GODB_PART_LIVE;
		p->part.n4 = r->n4;
		p->part.n6 = r->n6;
		p->part.counters = r->counters;
		for (int c = 0; c < GODB_N_COLUMNS; c++)
			p->part.stored_bytes += r->extents[c][0].bytes +
			    r->extents[c][1].bytes;
	}
	return 0;
}

static bool
batch_covered(const struct godb_scan *s, const struct live_journal *j,
    const struct live_batch *b)
{
	int64_t day_s = gp_clock_day(j->slot_s);

	for (size_t d = 0; d < s->n_days; d++) {
		const struct gdi_index *x = &s->days[d]->index;

		if (s->days[d]->iface != j->iface ||
		    s->days[d]->day_s != day_s)
			continue;
		for (size_t i = 0; i < x->n; i++)
			if (x->records[i].slot_s == j->slot_s &&
			    gdi_rings_contain(&x->records[i].rings, b->ring,
				b->seq))
				return true;
	}
	return false;
}

static void
sum_counters(struct godb_counters *to, const struct godb_counters *from)
{
	uint64_t t[sizeof(*to) / 8], f[sizeof(*to) / 8];

	memcpy(t, to, sizeof(t));
	memcpy(f, from, sizeof(f));
	for (size_t i = 0; i < sizeof(t) / 8; i++)
		if (__builtin_add_overflow(t[i], f[i], &t[i]))
			t[i] = UINT64_MAX;
	memcpy(to, t, sizeof(t));
}

/* What is left of a journal when the covered batches are out. */
static int
live_part(struct godb_scan *s, struct live_journal *j)
{
	struct scan_part *p;
	size_t kept = 0;
	uint64_t n4 = 0, n6 = 0;

	for (size_t i = 0; i < j->n; i++)
		if (!batch_covered(s, j, &j->batches[i]))
			j->batches[kept++] = j->batches[i];
	j->n = kept;
	if (kept == 0 || !in_window(s, j->slot_s))
		return 0;
	p = new_part(s, j->iface, j->slot_s);
	if (p == NULL)
		return -ENOMEM;
	p->journal = j;
	p->part.flags = GODB_PART_LIVE;
	p->part.first_ns = j->batches[0].first_ns;
	p->part.last_ns = j->batches[0].last_ns;
	for (size_t i = 0; i < kept; i++) {
		const struct live_batch *b = &j->batches[i];

		n4 += b->n4;
		n6 += b->n6;
		p->part.flags |= b->flags;
		if (b->first_ns < p->part.first_ns)
			p->part.first_ns = b->first_ns;
		if (b->last_ns > p->part.last_ns)
			p->part.last_ns = b->last_ns;
		sum_counters(&p->part.counters, &b->counters);
		p->part.stored_bytes += b->bytes;
	}
	if (n4 > UINT32_MAX || n6 > UINT32_MAX)
		return -ENOMEM;
	p->part.n4 = (uint32_t)n4;
	p->part.n6 = (uint32_t)n6;
	return 0;
}

static int
part_order(const void *pa, const void *pb)
{
	const struct scan_part *a = pa, *b = pb;

	if (a->part.iface_index != b->part.iface_index)
		return a->part.iface_index < b->part.iface_index ? -1 : 1;
	if (a->part.slot_s != b->part.slot_s)
		return a->part.slot_s < b->part.slot_s ? -1 : 1;
	if ((a->record == NULL) != (b->record == NULL))
		return a->record ? -1 : 1;
	return a->record < b->record ? -1 : a->record > b->record;
}

static int
make_parts(struct godb_scan *s)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s->n_days; i++)
		rc = stored_parts(s, s->days[i]);
	for (size_t i = 0; rc == 0 && i < s->n_journals; i++)
		rc = live_part(s, &s->journals[i]);
	if (rc == 0 && s->n_parts > 1)
		qsort(s->parts, s->n_parts, sizeof(*s->parts), part_order);
	return rc;
}

/* ---- scan: open, close, ask ------------------------------------------------ */

static int
choose_ifaces(struct godb_scan *s, const struct godb_reader *r,
    const char *const *wanted)
{
	char **all;
	int n = godb_reader_ifaces(r, &all);

	if (n < 0)
		return n;
	s->ifaces = calloc((size_t)n + 1, sizeof(*s->ifaces));
	for (int i = 0; s->ifaces && i < n; i++) {
		bool take = wanted == NULL;

		for (size_t k = 0; !take && wanted[k]; k++)
			take = strcmp(wanted[k], all[i]) == 0;
		if (!take)
			continue;
		(void)snprintf(s->ifaces[s->n_ifaces].name,
		    sizeof(s->ifaces[0].name), "%s", all[i]);
		s->ifaces[s->n_ifaces].first_s = INT64_MAX;
		s->ifaces[s->n_ifaces++].last_s = INT64_MIN;
	}
	godb_ifaces_free(all);
	return s->ifaces ? 0 : -ENOMEM;
}

static int
take_iface(struct godb_scan *s, uint32_t i, int *iface_fd, bool live)
{
	*iface_fd = gp_fd_opendir_at(s->store_fd, s->ifaces[i].name);
	if (*iface_fd < 0)
		return add_fault(s, i, s->first_s, s->last_s, *iface_fd, ".",
		    "", 0);
	return live ? take_journals(s, i, *iface_fd) : 0;
}

static int
take_stock(struct godb_scan *s, bool live)
{
	int *fds = malloc((s->n_ifaces + 1) * sizeof(*fds));
	int rc = fds ? 0 : -ENOMEM;
	size_t n = 0;

	for (; rc == 0 && n < s->n_ifaces; n++)
		rc = take_iface(s, (uint32_t)n, &fds[n], live);
	for (size_t i = 0; rc == 0 && i < s->n_ifaces; i++)
		if (fds[i] >= 0)
			rc = take_days(s, (uint32_t)i, fds[i]);
	for (size_t i = 0; i < n; i++)
		gp_fd_close(&fds[i]);
	free(fds);
	return rc;
}

int
godb_scan_open(struct godb_reader *r, const struct godb_scan_opts *opts,
    struct godb_scan **out)
{
	struct godb_scan *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return -ENOMEM;
	s->store_fd = r->store_fd;
	s->names.fd = -1;
	s->first_s = opts->first_s;
	s->last_s = opts->last_s;
	rc = choose_ifaces(s, r, opts->ifaces);
	if (rc == 0)
		rc = take_stock(s, !opts->no_live);
	if (rc == 0)
		rc = gdi_names_load(s->store_fd, &s->names);
	if (rc == 0)
		rc = make_parts(s);
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
	for (size_t i = 0; i < s->n_days; i++) {
		gdi_index_free(&s->days[i]->index);
		free(s->days[i]);
	}
	for (size_t i = 0; i < s->n_journals; i++) {
		gp_fd_close(&s->journals[i].fd);
		free(s->journals[i].batches);
	}
	gdi_names_free(&s->names);
	free(s->days);
	free(s->journals);
	free(s->parts);
	free(s->faults);
	free(s->ifaces);
	free(s);
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
	return id < s->names.n ? s->names.list[id].name : NULL;
}

const char *
godb_scan_l7_category(const struct godb_scan *s, uint16_t id)
{
	return id < s->names.n ? s->names.list[id].category : NULL;
}

/* ---- cursor ---------------------------------------------------------------- */

enum { ARRAY_SIP6 = GODB_N_COLUMNS, ARRAY_DIP6, N_ARRAYS };

struct godb_cursor {
	const struct godb_scan *scan;
	const struct scan_day *day; /* whose column files are open */
	int fds[GODB_N_COLUMNS];
	struct gdi_unpacker unpacker;
	struct gdi_buf raw;
	uint64_t *wide; /* GDI_CHUNK_ROWS values before they are narrowed */
	void *arrays[N_ARRAYS];
	size_t cap[N_ARRAYS]; /* bytes */
	uint64_t bytes_read, bytes_decoded;
};

int
godb_cursor_new(const struct godb_scan *s, struct godb_cursor **out)
{
	struct godb_cursor *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	c->scan = s;
	for (int i = 0; i < GODB_N_COLUMNS; i++)
		c->fds[i] = -1;
	c->wide = malloc(GDI_CHUNK_ROWS * sizeof(*c->wide));
	if (c->wide == NULL || gdi_unpacker_init(&c->unpacker) < 0) {
		godb_cursor_free(c);
		return -ENOMEM;
	}
	*out = c;
	return 0;
}

void
godb_cursor_free(struct godb_cursor *c)
{
	if (c == NULL)
		return;
	for (int i = 0; i < GODB_N_COLUMNS; i++)
		gp_fd_close(&c->fds[i]);
	for (int i = 0; i < N_ARRAYS; i++)
		free(c->arrays[i]);
	gdi_unpacker_free(&c->unpacker);
	gdi_buf_free(&c->raw);
	free(c->wide);
	free(c);
}

void
godb_cursor_stats(const struct godb_cursor *c, uint64_t *bytes_read,
    uint64_t *bytes_decoded)
{
	*bytes_read = c->bytes_read;
	*bytes_decoded = c->bytes_decoded;
}

static void *
array(struct godb_cursor *c, int which, size_t bytes)
{
	if (bytes > c->cap[which]) {
		void *grown = realloc(c->arrays[which], bytes);

		if (grown == NULL)
			return NULL;
		c->arrays[which] = grown;
		c->cap[which] = bytes;
	}
	return c->arrays[which];
}

static size_t
value_bytes(int column)
{
	return gdi_columns[column].bits4 / 8u;
}

static int
open_column(struct godb_cursor *c, const struct scan_day *d, int column)
{
	char path[64], day[11];

	if (c->day != d) {
		for (int i = 0; i < GODB_N_COLUMNS; i++)
			gp_fd_close(&c->fds[i]);
		c->day = d;
	}
	if (c->fds[column] >= 0)
		return 0;
	gp_clock_day_format(d->day_s, day);
	(void)snprintf(path, sizeof(path), "%s/%s/%s.gpf",
	    c->scan->ifaces[d->iface].name, day, gdi_columns[column].name);
	c->fds[column] = gp_fd_openat(c->scan->store_fd, path, O_RDONLY, 0);
	if (c->fds[column] < 0) {
		int rc = c->fds[column];

		c->fds[column] = -1;
		return rc == -ENOENT ? GODB_EGONE : rc;
	}
	return 0;
}

/* 64-bit values to the column's own width; a value that does not fit was
 * never written by goDB. */
static int
narrow(const uint64_t *from, size_t n, int column, void *to, size_t at)
{
	uint64_t over = 0;

	switch (value_bytes(column)) {
	case 1: {
		uint8_t *out = (uint8_t *)to + at;

		for (size_t i = 0; i < n; i++) {
			over |= from[i] >> 8;
			out[i] = (uint8_t)from[i];
		}
		break;
	}
	case 2: {
		uint16_t *out = (uint16_t *)to + at;

		for (size_t i = 0; i < n; i++) {
			over |= from[i] >> 16;
			out[i] = (uint16_t)from[i];
		}
		break;
	}
	default: {
		uint32_t *out = (uint32_t *)to + at;

		for (size_t i = 0; i < n; i++) {
			over |= from[i] >> 32;
			out[i] = (uint32_t)from[i];
		}
		break;
	}
	}
	return over ? GODB_EDAMAGED : 0;
}

/* One extent into its array from row `at` on. */
static int
load_extent(struct godb_cursor *c, int column, const struct gdi_extent *e,
    void *to, size_t at, bool address)
{
	const uint8_t *stored;
	ssize_t n;

	c->raw.len = 0;
	if (gdi_buf_add(&c->raw, (size_t)e->bytes) == NULL) {
		c->raw.failed = false;
		return -ENOMEM;
	}
	n = gp_fd_pread_full(c->fds[column], c->raw.data, (size_t)e->bytes,
	    e->offset);
	if (n < 0)
		return (int)n;
	if ((uint64_t)n < e->bytes)
		return GODB_EDAMAGED;
	c->bytes_read += e->bytes;
	stored = c->raw.data;
	for (uint32_t i = 0; i < e->n_chunks; i++) {
		const struct gdi_chunk *k = &e->chunks[i];
		bool direct = !address && value_bytes(column) == 8;
		uint64_t *values = direct ? (uint64_t *)to + at : c->wide;
		int rc = gdi_chunk_unpack(&c->unpacker, stored, k,
		    address ? NULL : values,
		    address ? (struct godb_addr6 *)to + at : NULL);

		if (rc == 0 && !address && !direct)
			rc = narrow(values, k->rows, column, to, at);
		if (rc < 0)
			return rc;
		c->bytes_decoded += k->encoded;
		stored += k->stored;
		at += k->rows;
	}
	return 0;
}

static int
load_column(struct godb_cursor *c, const struct scan_part *p, int column,
    uint32_t n4, uint32_t n6)
{
	const struct gdi_extent *e = p->record->extents[column];
	bool address = column == GODB_SIP || column == GODB_DIP;
	size_t in_first = n4 + (address ? 0 : (size_t)n6);
	void *first = array(c, column, in_first * value_bytes(column) + 8);
	void *second = first;
	int rc;

	if (address)
		second = array(c, column == GODB_SIP ? ARRAY_SIP6 : ARRAY_DIP6,
		    n6 * sizeof(struct godb_addr6) + 8);
	if (first == NULL || second == NULL)
		return -ENOMEM;
	rc = open_column(c, p->day, column);
	if (rc == 0 && n4 > 0)
		rc = load_extent(c, column, &e[0], first, 0, false);
	if (rc == 0 && n6 > 0)
		rc = load_extent(c, column, &e[1], second, address ? 0 : n4,
		    address);
	return rc;
}

/* ---- cursor: live parts ---------------------------------------------------- */

struct live_load {
	struct godb_cursor *c;
	const struct live_journal *j;
	size_t next; /* batch expected */
	size_t at4, at6;
	uint32_t n4, n6; /* of the whole part, as wanted */
};

/* The scan knows the names of finished blocks; a journal's own come to it as
 * they are met. */
static uint16_t
live_name(const struct godb_scan *s, const struct godb_l7_name *name)
{
	int id = gdi_names_find(&s->names, name->name);

	return id < 0 ? 0 : (uint16_t)id;
}

static void
live_row(struct godb_cursor *c, size_t r, uint16_t dport, uint8_t proto,
    uint16_t l7, const uint64_t counter[4])
{
	((uint16_t *)c->arrays[GODB_DPORT])[r] = dport;
	((uint8_t *)c->arrays[GODB_PROTO])[r] = proto;
	((uint16_t *)c->arrays[GODB_L7PROTO])[r] = l7;
	for (int k = 0; k < 4; k++)
		((uint64_t *)c->arrays[GODB_BYTES_RCVD + k])[r] = counter[k];
}

static int
live_batch(void *ctx, const struct gdi_batch_view *v)
{
	struct live_load *l = ctx;
	struct godb_cursor *c = l->c;
	const struct godb_batch *b = &v->batch;
	uint16_t ids[GDI_BATCH_NAMES];

	if (l->next >= l->j->n || l->j->batches[l->next].offset != v->offset)
		return 0; /* covered by a record */
	if (l->j->batches[l->next].n4 != b->n4 ||
	    l->j->batches[l->next].n6 != b->n6)
		return GODB_EDAMAGED; /* it changed under our hands */
	l->next++;
	for (size_t i = 0; i < b->n_names; i++)
		ids[i] = live_name(c->scan, &b->names[i]);
	for (size_t i = 0; l->n4 && i < b->n4; i++, l->at4++) {
		const struct godb_row4 *r = &b->rows4[i];

		((uint32_t *)c->arrays[GODB_SIP])[l->at4] =
		    be32toh(gdi_get32(r->sip));
		((uint32_t *)c->arrays[GODB_DIP])[l->at4] =
		    be32toh(gdi_get32(r->dip));
		live_row(c, l->at4, r->dport, r->proto, ids[r->l7], r->counter);
	}
	for (size_t i = 0; l->n6 && i < b->n6; i++, l->at6++) {
		const struct godb_row6 *r = &b->rows6[i];
		struct godb_addr6 *sip = c->arrays[ARRAY_SIP6];
		struct godb_addr6 *dip = c->arrays[ARRAY_DIP6];

		sip[l->at6].hi = be64toh(gdi_get64(r->sip));
		sip[l->at6].lo = be64toh(gdi_get64(r->sip + 8));
		dip[l->at6].hi = be64toh(gdi_get64(r->dip));
		dip[l->at6].lo = be64toh(gdi_get64(r->dip + 8));
		live_row(c, l->n4 + l->at6, r->dport, r->proto, ids[r->l7],
		    r->counter);
	}
	return 0;
}

static int
load_live(struct godb_cursor *c, const struct scan_part *p, uint32_t n4,
    uint32_t n6)
{
	struct live_load l = {c, p->journal, 0, 0, 0, n4, n6};
	uint64_t end;
	int rc;

	for (int i = 0; i < GODB_N_COLUMNS; i++) {
		bool address = i == GODB_SIP || i == GODB_DIP;
		size_t n = n4 + (address ? 0 : (size_t)n6);

		if (array(c, i, n * value_bytes(i) + 8) == NULL)
			return -ENOMEM;
	}
	if (array(c, ARRAY_SIP6, n6 * sizeof(struct godb_addr6) + 8) == NULL ||
	    array(c, ARRAY_DIP6, n6 * sizeof(struct godb_addr6) + 8) == NULL)
		return -ENOMEM;
	rc = gdi_journal_read(p->journal->fd, p->journal->end, p->part.iface,
	    p->part.slot_s, live_batch, &l, &end);
	if (rc == 0 && l.next != p->journal->n)
		rc = GODB_EDAMAGED;
	c->bytes_read += p->part.stored_bytes;
	return rc;
}

int
godb_cursor_load(struct godb_cursor *c, size_t i, uint32_t columns, bool want4,
    bool want6, struct godb_columns *out, struct godb_fault *fault)
{
	const struct scan_part *p;
	uint32_t n4, n6;
	int column = 0, rc = 0;

	if (i >= c->scan->n_parts)
		return -EINVAL;
	p = &c->scan->parts[i];
	n4 = want4 ? p->part.n4 : 0;
	n6 = want6 ? p->part.n6 : 0;
	memset(out, 0, sizeof(*out));
	if (p->journal)
		rc = load_live(c, p, n4, n6);
	else
		for (; rc == 0 && column < GODB_N_COLUMNS; column++)
			if ((columns & GODB_COL(column)) && n4 + n6 > 0)
				rc = load_column(c, p, column, n4, n6);
	if (rc < 0) {
		if (fault) {
			memset(fault, 0, sizeof(*fault));
			fault->iface = p->part.iface;
			fault->first_s = p->part.slot_s;
			fault->last_s = p->part.slot_s + GP_SLOT_S;
			fault->rc = rc;
			(void)snprintf(fault->place, sizeof(fault->place),
			    "%s/%s block %lld", p->part.iface,
			    p->journal ? GDI_JOURNALS :
					 gdi_columns[column - 1].name,
			    (long long)p->part.slot_s);
		}
		return rc;
	}
	out->n4 = n4;
	out->n6 = n6;
	if (columns & GODB_COL(GODB_SIP)) {
		out->sip4 = c->arrays[GODB_SIP];
		out->sip6 = c->arrays[ARRAY_SIP6];
	}
	if (columns & GODB_COL(GODB_DIP)) {
		out->dip4 = c->arrays[GODB_DIP];
		out->dip6 = c->arrays[ARRAY_DIP6];
	}
	if (columns & GODB_COL(GODB_DPORT))
		out->dport = c->arrays[GODB_DPORT];
	if (columns & GODB_COL(GODB_PROTO))
		out->proto = c->arrays[GODB_PROTO];
	if (columns & GODB_COL(GODB_L7PROTO))
		out->l7 = c->arrays[GODB_L7PROTO];
	for (int k = 0; k < 4; k++)
		if (columns & GODB_COL(GODB_BYTES_RCVD + k))
			out->counter[k] = c->arrays[GODB_BYTES_RCVD + k];
	return 0;
}
