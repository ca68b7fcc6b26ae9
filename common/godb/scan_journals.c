/*
 * scan_journals - journals, opened before the indexes are read, and of their
 * batches those that no record contains.
 */
#include "common/godb/scan_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/evidence.h"
#include "common/godb/layout.h"
#include "common/godb/rings.h"

/* Journals up to this size are kept in memory, so that a scan over hundreds
 * of interfaces does not hold as many descriptors. */
#define KEEP_BYTES (1u << 20)

/* Journals of an interface that are open at a time while stock is taken. */
#define JOURNALS_MAX 256

static int
journal_fault(const struct gdi_stock *k, int64_t slot_s, int rc,
    const char *name, uint64_t offset)
{
	if (!gdi_scan_in_window(k->s, slot_s))
		return 0;
	return gdi_scan_add_fault(k->s, k->iface->name, slot_s,
	    slot_s + GP_SLOT_S, rc, GDI_JOURNALS, name, offset);
}

void
gdi_scan_live_free(struct gdi_live *l)
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
	struct gdi_live **list = gdi_scan_grow(s->lives, s->n_lives,
	    &s->cap_lives, sizeof(struct gdi_live *));

	if (list == NULL)
		return -ENOMEM;
	s->lives = list;
	list[s->n_lives++] = l;
	return 0;
}

/* Opens a journal and notes its length; what it holds is looked at later. */
static int
take_journal(struct gdi_stock *k, int dir, const char *name)
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
	l->index_end = gdi_journal_index_end(fd, slot_s);
	return 0;
}

int
gdi_scan_take_journals(struct gdi_stock *k)
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
		gdi_scan_extend(k->iface, slot_s);
		rc = taken++ < JOURNALS_MAX ?
		    take_journal(k, dir, names[i]) :
		    journal_fault(k, slot_s, -EMFILE, names[i], 0);
	}
	if (n >= 0)
		godb_ifaces_free(names);
	gp_fd_close(&dir);
	if (n < 0 && n != -ENOMEM)
		return gdi_scan_add_fault(k->s, k->iface->name, k->s->first_s,
		    k->s->last_s, n, GDI_JOURNALS, "", 0);
	return n < 0 ? n : rc;
}

bool
gdi_scan_has_journal(const struct gdi_stock *k, int64_t day_s)
{
	return gdi_scan_vouched(k, day_s, -1, UINT64_MAX, false);
}

bool
gdi_scan_vouched(const struct gdi_stock *k, int64_t day_s, int64_t slot_s,
    uint64_t offset, bool now)
{
	for (size_t i = k->first_live; i < k->s->n_lives; i++) {
		const struct gdi_live *l = k->s->lives[i];

		if (l->index_end <= offset &&
		    (slot_s < 0 ? gp_clock_day(l->slot_s) == day_s :
				  l->slot_s == slot_s))
			return true;
	}
	return now && gdi_journal_vouches(k->fd, day_s, slot_s, offset);
}

/* What records of the journal's block contain. */
static int
read_covered(const struct gdi_stock *k, int64_t slot_s, struct gdi_rings *out)
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
	struct gdi_live_batch *b = gdi_scan_grow(l->batches, l->n, &l->cap,
	    sizeof(*b));
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

int
gdi_scan_read_live(const struct gdi_stock *k, struct gdi_live *l)
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
	return rc < 0 ? rc : gdi_scan_keep(k->s, (l->data ? l->len : 0) +
	    l->cap * sizeof(*l->batches));
}
