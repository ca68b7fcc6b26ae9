/*
 * reader - a store's folder, and consistent views of it.
 *
 * The order of looking makes each row be seen once: of an interface first the
 * journals with their lengths, then the indexes; at the end the names.  What
 * a journal held when it was opened is either covered by a record that is
 * read later, and left out, or is not.
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
#include "common/godb/addrindex.h"
#include "common/godb/layout.h"
#include "common/godb/needles.h"
#include "common/godb/scan.h"

/* Journals up to this size are kept in memory, so that a scan over hundreds
 * of interfaces does not hold as many descriptors. */
#define KEEP_BYTES (1u << 20)

/* Journals of an interface that are open at a time while stock is taken. */
#define JOURNALS_MAX 256

struct godb_reader {
	int store_fd;
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

int
gdi_reader_fd(const struct godb_reader *r)
{
	return r->store_fd;
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

int
godb_reader_days(const struct godb_reader *r, const char *iface,
    struct godb_day **out)
{
	int fd = godb_iface_valid(iface) ?
	    gdi_open_below(r->store_fd, iface, NULL) : -ENOENT;
	struct godb_day *days;
	char **names;
	int n, kept = 0;

	if (fd < 0)
		return fd;
	n = gdi_folder_list(fd, gdi_is_day, &names);
	days = n < 0 ? NULL : calloc((size_t)n + 1, sizeof(*days));
	for (int i = 0; days && i < n; i++) {
		char path[32];
		struct stat st;

		(void)snprintf(path, sizeof(path), "%s/" GDI_INDEX, names[i]);
		if (fstatat(fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue; /* its first block is not there yet */
		(void)gp_clock_day_parse(names[i], &days[kept].day_s);
		days[kept++].index_bytes = (uint64_t)st.st_size;
	}
	if (n >= 0)
		godb_ifaces_free(names);
	gp_fd_close(&fd);
	if (n < 0)
		return n;
	if (days == NULL)
		return -ENOMEM;
	*out = days;
	return kept;
}

/* ---- scan: growing lists ------------------------------------------------- */

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
add_fault(struct godb_scan *s, const char *iface, int64_t first_s,
    int64_t last_s, int rc, const char *folder, const char *file,
    uint64_t offset)
{
	struct godb_fault *f = grow(s->faults, s->n_faults, &s->cap_faults,
	    sizeof(*f));
	int n;

	if (f == NULL)
		return -ENOMEM;
	s->faults = f;
	f = &s->faults[s->n_faults++];
	memset(f, 0, sizeof(*f));
	f->iface = iface;
	f->first_s = first_s;
	f->last_s = last_s;
	f->rc = rc;
	n = snprintf(f->place, sizeof(f->place), "%s%s%s%s%s", iface,
	    iface[0] ? "/" : "", folder, folder[0] && file[0] ? "/" : "",
	    file);
	if (offset > 0 && n > 0 && (size_t)n < sizeof(f->place))
		(void)snprintf(f->place + n, sizeof(f->place) - (size_t)n,
		    " at %llu", (unsigned long long)offset);
	return 0;
}

/* One interface while its stock is taken. */
struct stock {
	struct godb_scan *s;
	struct gdi_scan_iface *iface;
	uint32_t index;      /* of the interface */
	int fd;              /* its folder */
	size_t first_live, first_day; /* where its own begin in the lists */
};

static bool
in_window(const struct godb_scan *s, int64_t slot_s)
{
	return slot_s > s->first_s - GP_SLOT_S && slot_s < s->last_s;
}

static void
extend(struct gdi_scan_iface *f, int64_t slot_s)
{
	f->first_s = slot_s < f->first_s ? slot_s : f->first_s;
	f->last_s = slot_s > f->last_s ? slot_s : f->last_s;
}

/* ---- scan: journals ------------------------------------------------------ */

static int
journal_fault(const struct stock *k, int64_t slot_s, int rc, const char *name,
    uint64_t offset)
{
	if (!in_window(k->s, slot_s))
		return 0;
	return add_fault(k->s, k->iface->name, slot_s, slot_s + GP_SLOT_S, rc,
	    GDI_JOURNALS, name, offset);
}

static void
live_free(struct gdi_live *l)
{
	if (l == NULL)
		return;
	gp_fd_close(&l->fd);
	free(l->data);
	free(l->batches);
	free(l);
}

static int
add_live(struct godb_scan *s, struct gdi_live *l)
{
	struct gdi_live **list = grow(s->lives, s->n_lives, &s->cap_lives,
	    sizeof(struct gdi_live *));

	if (list == NULL)
		return -ENOMEM;
	s->lives = list;
	list[s->n_lives++] = l;
	return 0;
}

/* Opens a journal and notes its length; what it holds is looked at later. */
static int
take_journal(struct stock *k, int dir, const char *name)
{
	int64_t slot_s = gdi_journal_slot(name, "");
	struct gdi_live *l;
	struct stat st;
	int fd = gp_fd_openat(dir, name, O_RDONLY | O_NONBLOCK, 0);

	if (fd == -ENOENT)
		return 0; /* committed meanwhile: the index has it */
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		int rc = fd < 0 ? fd : GODB_EDAMAGED;

		gp_fd_close(&fd);
		return journal_fault(k, slot_s, rc, name, 0);
	}
	l = calloc(1, sizeof(*l));
	if (l == NULL || add_live(k->s, l) < 0) {
		free(l);
		gp_fd_close(&fd);
		return -ENOMEM;
	}
	l->slot_s = slot_s;
	l->fd = fd;
	l->len = (uint64_t)st.st_size;
	return 0;
}

static int
take_journals(struct stock *k)
{
	char **names;
	int dir = gp_fd_opendir_at(k->fd, GDI_JOURNALS);
	int n, taken = 0, rc = 0;

	if (dir == -ENOENT)
		return 0;
	n = dir < 0 ? dir : gdi_folder_list(dir, NULL, &names);
	for (int i = 0; rc == 0 && i < n; i++) {
		int64_t slot_s = gdi_journal_slot(names[i], GDI_DAMAGED);

		if (slot_s >= 0) {
			rc = journal_fault(k, slot_s, GODB_EDAMAGED, names[i],
			    0);
			continue;
		}
		slot_s = gdi_journal_slot(names[i], "");
		if (slot_s < 0)
			continue;
		extend(k->iface, slot_s);
		rc = taken++ < JOURNALS_MAX ?
		    take_journal(k, dir, names[i]) :
		    journal_fault(k, slot_s, -EMFILE, names[i], 0);
	}
	if (n >= 0)
		godb_ifaces_free(names);
	gp_fd_close(&dir);
	if (n < 0 && n != -ENOMEM)
		return add_fault(k->s, k->iface->name, k->s->first_s,
		    k->s->last_s, n, GDI_JOURNALS, "", 0);
	return n < 0 ? n : rc;
}

/* ---- scan: days ---------------------------------------------------------- */

/* Whether the block's journal, or with -1 any of that day, is there or was
 * when we came. */
static bool
has_journal(const struct stock *k, int64_t day_s, int64_t slot_s, bool now)
{
	for (size_t i = k->first_live; i < k->s->n_lives; i++)
		if (slot_s < 0 ?
			gp_clock_day(k->s->lives[i]->slot_s) == day_s :
			k->s->lives[i]->slot_s == slot_s)
			return true;
	return now && gdi_journal_exists(k->fd, day_s, slot_s);
}

/* An invalid end of the index is a record that is being written, or was when
 * its writer died, as long as the block's journal is there. */
static bool
unfinished(const struct stock *k, int64_t day_s, const struct gdi_gap *g,
    bool now)
{
	return gdi_gap_may_be_torn(g) &&
	    has_journal(k, day_s, g->slot_s, now);
}

/* An index of no bytes is as good as one that is cut within its header. */
static const struct gdi_gap empty_index = {.slot_s = -1, .tail = true,
    .short_tail = true, .rc = GODB_EDAMAGED};

/*
 * Reads an index.  A late batch may have made its journal after we listed
 * them and be committed right now: then the record is whole in a moment.
 */
static int
read_day(const struct stock *k, int day_fd, int64_t day_s, struct gdi_index *x)
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
note_gaps(const struct stock *k, const char *day, const struct gdi_scan_day *d)
{
	const struct gdi_index *x = &d->index;
	int rc = 0;

	if (x->header_damaged ||
	    (x->size == 0 && !unfinished(k, d->day_s, &empty_index, true)))
		rc = add_fault(k->s, k->iface->name, d->day_s,
		    d->day_s + GP_DAY_S, GODB_EDAMAGED, day, GDI_INDEX, 0);
	for (size_t i = 0; rc == 0 && i < x->n_gaps; i++) {
		const struct gdi_gap *g = &x->gaps[i];
		bool known = g->slot_s >= 0;

		if (unfinished(k, d->day_s, g, true) ||
		    (known && !in_window(k->s, g->slot_s)))
			continue;
		rc = add_fault(k->s, k->iface->name,
		    known ? g->slot_s : d->day_s,
		    known ? g->slot_s + GP_SLOT_S : d->day_s + GP_DAY_S,
		    g->rc, day, GDI_INDEX, g->offset);
	}
	return rc;
}

/* ---- scan: address indexes ----------------------------------------------- */

static int
add_held(struct stock *k, int64_t day_s, struct gdi_digest *digest)
{
	struct godb_scan *s = k->s;
	struct godb_spared *spared = &k->iface->spared;
	struct gdi_held *list = grow(s->helds, s->n_helds, &s->cap_helds,
	    sizeof(*list));

	if (list == NULL)
		return -ENOMEM;
	s->helds = list;
	list[s->n_helds++] = (struct gdi_held){k->index, day_s, *digest};
	spared->days++;
	spared->blocks += digest->row_records;
	spared->rows += digest->rows;
	spared->bytes += digest->stored_bytes;
	memset(digest, 0, sizeof(*digest)); /* taken */
	return 0;
}

static uint64_t
file_bytes(int day_fd, const char *name)
{
	struct stat st;

	return fstatat(day_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

static bool
is_whole(const struct godb_scan *s, int64_t day_s)
{
	return in_window(s, day_s) &&
	    in_window(s, day_s + GP_DAY_S - GP_SLOT_S);
}

/* Whether the day's own index is what it was when the digest was made: 1 or 0,
 * or an error. */
static int
is_unchanged(struct stock *k, int day_fd, const struct gdi_digest *d)
{
	struct gdi_buf *b = &k->s->bytes;
	int fd = gp_fd_openat(day_fd, GDI_INDEX, O_RDONLY | O_NONBLOCK, 0);
	ssize_t n = fd;

	b->len = 0;
	if (fd >= 0 && gdi_buf_room(b, (size_t)d->index_bytes) == NULL)
		n = -ENOMEM;
	else if (fd >= 0)
		n = gp_fd_pread_full(fd, b->p, (size_t)d->index_bytes, 0);
	gp_fd_close(&fd);
	if (n < 0)
		return (int)n;
	return (uint64_t)n == d->index_bytes &&
	    gdi_checksum(b->p, (size_t)n, 0) == d->index_sum;
}

/*
 * What the day's address index says, opened, against what is asked for.  1:
 * the day is held by it, or, when it is not wanted, known.
 */
static int
look_in_index(struct stock *k, int day_fd, int64_t day_s, bool wanted,
    struct gdi_addrindex *x, struct gdi_sieve *sieve)
{
	uint64_t index_bytes = file_bytes(day_fd, GDI_INDEX);
	const struct godb_scan *s = k->s;
	struct gdi_digest *d = &x->digest;
	bool asked = true; /* for anything that it has */
	int rc = 0;

	if (wanted && s->cond && x->listed) {
		rc = gdi_needles_look(s->cond, x, s->walk, &sieve->may);
		if (rc < 0)
			return rc;
		sieve->index_bytes = d->index_bytes;
		sieve->index_sum = d->index_sum;
		asked = gdi_slots_any(&sieve->may);
	}
	if (wanted && (!x->listed || !gdi_digest_covers(d) ||
			  !is_whole(s, day_s) || (asked && !s->addresses)))
		return 0;
	/* what was added later has to be read */
	if (d->index_bytes != index_bytes || d->records == 0)
		return 0;
	if (wanted && s->sure) {
		rc = is_unchanged(k, day_fd, d);
		if (rc <= 0)
			return rc;
	}
	extend(k->iface, d->first_s);
	extend(k->iface, d->last_s);
	if (wanted)
		rc = add_held(k, day_s, d);
	return rc < 0 ? rc : 1;
}

/*
 * Whether a day need not be read.  With a journal it must: which batches of
 * it are stored only its records tell.
 */
static int
hold_day(struct stock *k, int day_fd, int64_t day_s, bool wanted,
    struct gdi_sieve *sieve)
{
	struct gdi_addrindex x;
	int rc;

	if (k->s->no_index || has_journal(k, day_s, -1, false) ||
	    (wanted && !k->s->addresses && !k->s->cond))
		return 0;
	rc = gdi_addrindex_open(day_fd, day_s, !wanted || k->s->addresses, &x);
	if (rc == 0) {
		rc = look_in_index(k, day_fd, day_s, wanted, &x, sieve);
		gdi_addrindex_close(&x);
	}
	if (rc < 0)
		memset(sieve, 0, sizeof(*sieve));
	/* without, or with a damaged one, it is read */
	return rc == -ENOMEM || rc == 1 ? rc : 0;
}

static void
day_free(struct gdi_scan_day *d)
{
	if (d == NULL)
		return;
	gdi_index_free(&d->index);
	free(d);
}

/* An index of other records is none. */
static void
check_sieve(struct gdi_scan_day *d)
{
	const struct gdi_index *x = &d->index;
	const struct gdi_digest is_of = {.index_bytes = d->sieve.index_bytes,
	    .index_sum = d->sieve.index_sum};

	if (!gdi_digest_is_of(&is_of, x))
		d->sieve.index_bytes = 0;
}

/* Whether no row of the record meets what is asked for. */
static bool
is_ruled_out(const struct gdi_scan_day *d, const struct gdi_record *r)
{
	unsigned slot = (unsigned)(r->slot_s % GP_DAY_S / GP_SLOT_S);

	return r->offset < d->sieve.index_bytes &&
	    !gdi_slots_has(&d->sieve.may, slot);
}

/* Reads one day; `wanted` false: only for the interface's extent. */
static int
take_day(struct stock *k, const char *day, int64_t day_s, bool wanted)
{
	struct godb_scan *s = k->s;
	struct gdi_scan_day *d = calloc(1, sizeof(*d)), **list;
	int fd, rc;

	list = grow(s->days, s->n_days, &s->cap_days,
	    sizeof(struct gdi_scan_day *));
	if (list)
		s->days = list;
	if (d == NULL || list == NULL) {
		free(d);
		return -ENOMEM;
	}
	d->day_s = day_s;
	fd = gp_fd_opendir_at(k->fd, day);
	rc = fd < 0 ? fd : hold_day(k, fd, day_s, wanted, &d->sieve);
	if (rc == 1) {
		gp_fd_close(&fd);
		day_free(d);
		return 0;
	}
	if (rc == 0)
		rc = read_day(k, fd, day_s, &d->index);
	gp_fd_close(&fd);
	if (rc == 0)
		check_sieve(d);
	for (size_t i = 0; rc == 0 && i < d->index.n; i++)
		extend(k->iface, d->index.records[i].slot_s);
	if (rc == 0 && wanted)
		rc = note_gaps(k, day, d);
	else if (rc == -ENOENT || (rc < 0 && rc != -ENOMEM && !wanted))
		rc = 0; /* new or just removed; or not asked for */
	else if (rc < 0 && rc != -ENOMEM)
		rc = add_fault(s, k->iface->name, day_s, day_s + GP_DAY_S, rc,
		    day, GDI_INDEX, 0);
	if (rc == 0 && wanted && d->index.n > 0)
		s->days[s->n_days++] = d;
	else
		day_free(d);
	return rc;
}

static int
take_days(struct stock *k)
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

/* ---- scan: parts --------------------------------------------------------- */

static struct gdi_scan_part *
new_part(const struct stock *k, int64_t slot_s)
{
	struct godb_scan *s = k->s;
	struct gdi_scan_part *p = grow(s->parts, s->n_parts, &s->cap_parts,
	    sizeof(*p));

	if (p == NULL)
		return NULL;
	s->parts = p;
	p = &s->parts[s->n_parts++];
	memset(p, 0, sizeof(*p));
	p->part.iface = k->iface->name;
	p->part.iface_index = k->index;
	p->part.slot_s = slot_s;
	return p;
}

static void
take_record(struct gdi_scan_part *p, const struct gdi_record *r)
{
	p->record = r;
	p->part.first_ns = r->first_ns;
	p->part.last_ns = r->last_ns;
	p->part.flags = r->flags;
	p->part.n4 = r->n4;
	p->part.n6 = r->n6;
	p->part.stored_bytes = r->stored_bytes;
	p->part.counters = r->counters;
	memcpy(p->part.id, r->id, sizeof(p->part.id));
}

static int
stored_parts(const struct stock *k, const struct gdi_scan_day *d)
{
	for (size_t i = 0; i < d->index.n; i++) {
		const struct gdi_record *r = &d->index.records[i];
		struct gdi_scan_part *p;

		if (!in_window(k->s, r->slot_s))
			continue;
		p = new_part(k, r->slot_s);
		if (p == NULL)
			return -ENOMEM;
		p->day = d;
		take_record(p, r);
		p->ruled_out = is_ruled_out(d, r);
		if (p->ruled_out && r->n4 + r->n6 > 0) {
			k->iface->spared.blocks++;
			k->iface->spared.rows += (uint64_t)r->n4 + r->n6;
			k->iface->spared.bytes += r->stored_bytes;
		}
	}
	return 0;
}

void
gdi_scan_rolled(const struct gdi_scan_part *like,
    const struct gdi_record *record, struct gdi_scan_part *out)
{
	*out = (struct gdi_scan_part){.day = like->day, .rolled = true,
	    .part = {.iface = like->part.iface,
		.iface_index = like->part.iface_index,
		.slot_s = record->slot_s}};
	take_record(out, record);
}

/* What records of the journal's block contain. */
static int
read_covered(const struct stock *k, int64_t slot_s, struct gdi_rings *out)
{
	int rc = 0;

	for (size_t d = k->first_day; d < k->s->n_days; d++) {
		const struct gdi_index *x = &k->s->days[d]->index;

		if (k->s->days[d]->day_s != gp_clock_day(slot_s))
			continue;
		for (size_t i = 0; rc == 0 && i < x->n; i++)
			if (x->records[i].slot_s == slot_s)
				rc = gdi_rings_read(out, x->records[i].rings);
	}
	return rc;
}

static int
note_batch(struct godb_scan *s, struct gdi_live *l,
    const struct gdi_journal_view *v)
{
	struct gdi_live_batch *b = grow(l->batches, l->n, &l->cap, sizeof(*b));
	int rc = b ? 0 : -ENOMEM;

	if (b == NULL)
		return rc;
	l->batches = b;
	b = &l->batches[l->n++];
	*b = (struct gdi_live_batch){.offset = v->offset,
	    .bytes = v->bytes,
	    .n4 = (uint32_t)v->batch.n4,
	    .n6 = (uint32_t)v->batch.n6,
	    .seq = v->batch.seq,
	    .first_ns = v->batch.first_ns,
	    .last_ns = v->batch.last_ns,
	    .flags = v->batch.flags,
	    .counters = v->batch.counters};
	memcpy(b->ring, v->batch.ring, sizeof(b->ring));
	for (size_t i = 0; rc >= 0 && i < v->batch.n_names; i++)
		rc = gdi_names_add(&s->live_names, &v->batch.names[i]);
	return rc < 0 ? rc : 0;
}

/* Content of a small journal to memory; the descriptor is closed. */
static int
keep_content(struct gdi_live *l)
{
	ssize_t n;

	if (l->len > KEEP_BYTES)
		return 0;
	l->data = malloc((size_t)l->len + 1);
	if (l->data == NULL)
		return -ENOMEM;
	n = gp_fd_pread_full(l->fd, l->data, (size_t)l->len, 0);
	if (n < 0)
		return (int)n;
	l->len = (uint64_t)n;
	gp_fd_close(&l->fd);
	return 0;
}

/* The journal's batches but those that records contain. */
static int
read_live(const struct stock *k, struct gdi_live *l)
{
	struct gdi_journal j = {0};
	struct gdi_journal_view v;
	struct gdi_rings seen = {0};
	char name[32];
	int rc = keep_content(l);

	if (rc == 0)
		rc = read_covered(k, l->slot_s, &seen);
	if (rc == 0)
		rc = gdi_journal_open(&j, l->fd, l->data, l->len, l->slot_s);
	while (rc == 1 && (rc = gdi_journal_next(&j, &v)) == 1) {
		if (gdi_rings_contain(&seen, v.batch.ring, v.batch.seq))
			continue;
		rc = gdi_rings_add(&seen, v.batch.ring, v.batch.seq,
		    v.batch.seq, 0);
		if (rc == 0)
			rc = note_batch(k->s, l, &v);
		rc = rc < 0 ? rc : 1;
	}
	gdi_journal_name(l->slot_s, "", name);
	if (rc == 0 && j.n_damaged > 0)
		rc = journal_fault(k, l->slot_s, GODB_EDAMAGED, name,
		    j.damaged_at);
	else if (rc < 0 && rc != -ENOMEM)
		rc = journal_fault(k, l->slot_s, rc, name, j.at);
	gdi_journal_close(&j);
	gdi_rings_free(&seen);
	return rc;
}

static int
live_part(const struct stock *k, struct gdi_live *l)
{
	struct gdi_scan_part *p = new_part(k, l->slot_s);
	uint64_t n4 = 0, n6 = 0;

	if (p == NULL)
		return -ENOMEM;
	p->live = l;
	p->part.flags = GODB_PART_LIVE;
	p->part.first_ns = l->batches[0].first_ns;
	p->part.last_ns = l->batches[0].last_ns;
	for (size_t i = 0; i < l->n; i++) {
		const struct gdi_live_batch *b = &l->batches[i];

		n4 += b->n4;
		n6 += b->n6;
		p->part.flags |= b->flags;
		if (b->first_ns < p->part.first_ns)
			p->part.first_ns = b->first_ns;
		if (b->last_ns > p->part.last_ns)
			p->part.last_ns = b->last_ns;
		gdi_sum_counters(&p->part.counters, &b->counters);
		p->part.stored_bytes += b->bytes;
	}
	if (n4 > UINT32_MAX || n6 > UINT32_MAX)
		return GODB_EFULL;
	p->part.n4 = (uint32_t)n4;
	p->part.n6 = (uint32_t)n6;
	return 0;
}

/* By slot; of one slot as committed, live ones last. */
static int
part_order(const void *pa, const void *pb)
{
	const struct gdi_scan_part *a = pa, *b = pb;

	if (a->part.slot_s != b->part.slot_s)
		return a->part.slot_s < b->part.slot_s ? -1 : 1;
	if ((a->record == NULL) != (b->record == NULL))
		return a->record ? -1 : 1;
	return a->record < b->record ? -1 : a->record > b->record;
}

static void
sort_parts(struct gdi_scan_part *p, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (part_order(&p[i - 1], &p[i]) > 0) {
			qsort(p, n, sizeof(*p), part_order);
			return;
		}
}

static int
make_parts(struct stock *k)
{
	struct godb_scan *s = k->s;
	size_t first = s->n_parts, kept = k->first_live;
	int rc = 0;

	for (size_t i = k->first_day; rc == 0 && i < s->n_days; i++)
		rc = stored_parts(k, s->days[i]);
	for (size_t i = k->first_live; i < s->n_lives; i++) {
		struct gdi_live *l = s->lives[i];

		if (rc == 0 && in_window(s, l->slot_s))
			rc = read_live(k, l);
		if (rc == 0 && l->n > 0) {
			rc = live_part(k, l);
			s->lives[kept++] = l;
		} else {
			live_free(l);
		}
	}
	s->n_lives = kept;
	if (rc == 0 && s->n_parts > first)
		sort_parts(s->parts + first, s->n_parts - first);
	return rc;
}

/* ---- scan: open, close, ask ---------------------------------------------- */

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
		if (!gdi_listed(wanted, all[i]))
			continue;
		(void)snprintf(s->ifaces[s->n_ifaces].name,
		    sizeof(s->ifaces[0].name), "%s", all[i]);
		s->ifaces[s->n_ifaces].first_s = INT64_MAX;
		s->ifaces[s->n_ifaces++].last_s = INT64_MIN;
	}
	godb_ifaces_free(all);
	return s->ifaces ? 0 : -ENOMEM;
}

/* Before the days are listed: what goes meanwhile fails when it is read. */
static int
take_gone(struct stock *k)
{
	int rc = gdi_gone_read(k->fd, &k->iface->gone);

	if (rc == 0 || rc == -ENOENT)
		return 0;
	return add_fault(k->s, k->iface->name, 0, 0, rc, "", GDI_GONE, 0);
}

static int
take_iface(struct godb_scan *s, uint32_t i, bool live)
{
	struct stock k = {.s = s, .iface = &s->ifaces[i], .index = i,
	    .first_live = s->n_lives, .first_day = s->n_days};
	int rc;

	k.fd = gp_fd_opendir_at(s->store_fd, k.iface->name);
	if (k.fd < 0)
		return add_fault(s, k.iface->name, s->first_s, s->last_s, k.fd,
		    "", "", 0);
	rc = take_gone(&k);
	if (rc == 0)
		rc = take_journals(&k);
	if (rc == 0)
		rc = take_days(&k);
	/* without the live view they only told what is unfinished */
	for (size_t n = k.first_live; !live && n < s->n_lives; n++)
		live_free(s->lives[n]);
	if (!live)
		s->n_lives = k.first_live;
	if (rc == 0)
		rc = make_parts(&k);
	gp_fd_close(&k.fd);
	return rc;
}

/* Names may be missing, of all interfaces, but no row and so no time. */
static int
registry_fault(struct godb_scan *s, const char *iface, int what)
{
	int rc = add_fault(s, iface, s->first_s, s->first_s, what, "", "", 0);

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
	struct godb_scan *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return -ENOMEM;
	gdi_opts_take(&o, sizeof(o), opts);
	s->store_fd = r->store_fd;
	s->names.fd = s->live_names.fd = -1;
	/* all of time, without sums that overflow */
	s->first_s = o.first_s < 0 ? 0 : o.first_s;
	s->last_s = o.last_s > GP_TIME_MAX_S ? GP_TIME_MAX_S : o.last_s;
	s->no_index = o.no_index;
	s->addresses = o.addresses;
	s->sure = o.sure;
	if (gdi_needles_are(o.cond))
		s->cond = o.cond;
	rc = s->cond ? gdi_addrwalk_new(&s->walk) : 0;
	if (rc == 0)
		rc = choose_ifaces(s, r, o.ifaces);
	if (rc == 0)
		rc = gdi_names_init(&s->live_names);
	for (uint32_t i = 0; rc == 0 && i < s->n_ifaces; i++)
		rc = gdi_cancelled(o.cancel) ? GODB_ECANCELLED :
					       take_iface(s, i, !o.no_live);
	if (rc == 0)
		rc = load_names(s);
	s->cond = NULL;
	gdi_addrwalk_free(s->walk);
	s->walk = NULL;
	gdi_buf_free(&s->bytes);
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
		day_free(s->days[i]);
	for (size_t i = 0; i < s->n_lives; i++)
		live_free(s->lives[i]);
	for (size_t i = 0; i < s->n_helds; i++)
		gdi_digest_free(&s->helds[i].digest);
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
