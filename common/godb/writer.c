/*
 * writer - batches to journals and open blocks, open blocks to records.
 *
 * Failure policy: whatever fails, a batch is either wholly in its journal and
 * in memory or in neither, and a block is either committed by its record or
 * still open.  What a failed write left behind a file's committed end is cut
 * or written over; after a failed fsync nothing in that file is trusted (day.h
 * for blocks; a journal is copied to a new file).
 */
#include "common/godb/godb_write.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/aggregate.h"
#include "common/godb/day.h"
#include "common/godb/index.h"
#include "common/godb/journal.h"
#include "common/godb/layout.h"
#include "common/godb/names.h"
#include "common/godb/pack.h"
#include "common/godb/retain.h"
#include "common/godb/rings.h"
#include "common/godb/upkeep.h"

/*
 * Where a ring that is presented again can be known from: the newest days,
 * and those whose index was written last.  A ring outlives the writer by
 * seconds, so its last commits are among the last there were.
 */
#define LEARN_NEWEST 2
#define LEARN_LATEST 16

/* Days whose files' ends are remembered, for each interface. */
#define DAYS_KEPT 4

struct open_block {
	char iface[16];
	int64_t slot_s;
	int64_t first_ns, last_ns;
	uint32_t flags;
	uint32_t n_batches;
	struct godb_counters counters;
	struct gdi_rings rings;
	struct gdi_aggregate rows;
	struct commit *commit; /* under way, or NULL */
	int journal_fd;
	uint64_t journal_end, journal_salt;
	bool dirty;   /* journal written since the last sync */
	bool created; /* its folder's entry is not durable yet */
	bool suspect; /* a sync of it failed */
};

struct known_iface {
	char name[16];
	struct gdi_rings rings; /* of all blocks, as far as learned */
	bool learned;
	struct gdi_day *days;
	size_t n_days;
};

struct godb_writer {
	int store_fd, lock_fd;
	struct godb_writer_opts opts;
	struct gdi_names names;
	struct open_block **open; /* sorted by interface, slot */
	size_t n_open, cap_open;
	struct known_iface *ifaces; /* sorted */
	size_t n_ifaces;
	uint32_t most_rows; /* of each version in an open block */
	struct open_block *committing; /* the one whose commit is under way */
	struct gdi_buf buf;
	struct gdi_buf scratch; /* sorting */
	struct gdi_upkeep *upkeep;
};

/* ---- open blocks and rings ----------------------------------------------- */

static int
block_order(const struct open_block *b, const char *iface, int64_t slot_s)
{
	int c = strcmp(b->iface, iface);

	if (c != 0)
		return c;
	return b->slot_s < slot_s ? -1 : b->slot_s > slot_s;
}

/* Place of the block, or where it would be put. */
static size_t
block_place(const struct godb_writer *w, const char *iface, int64_t slot_s,
    bool *found)
{
	size_t lo = 0, hi = w->n_open;

	*found = false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = block_order(w->open[mid], iface, slot_s);

		if (c == 0) {
			*found = true;
			return mid;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void
block_free(struct open_block *b)
{
	if (b == NULL)
		return;
	gp_fd_close(&b->journal_fd);
	gdi_rings_free(&b->rings);
	gdi_aggregate_free(&b->rows);
	free(b);
}

static int
block_new(struct godb_writer *w, const char *iface, int64_t slot_s,
    struct open_block **out)
{
	bool found;
	size_t at = block_place(w, iface, slot_s, &found);
	struct open_block *b;

	if (found) {
		*out = w->open[at];
		return 0;
	}
	if (w->n_open == w->cap_open) {
		size_t cap = w->cap_open ? w->cap_open * 2 : 16;
		struct open_block **grown =
		    reallocarray(w->open, cap, sizeof(struct open_block *));

		if (grown == NULL)
			return -ENOMEM;
		w->open = grown;
		w->cap_open = cap;
	}
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return -ENOMEM;
	b->journal_fd = -1;
	(void)snprintf(b->iface, sizeof(b->iface), "%s", iface);
	b->slot_s = slot_s;
	memmove(&w->open[at + 1], &w->open[at],
	    (w->n_open - at) * sizeof(struct open_block *));
	w->open[at] = b;
	w->n_open++;
	*out = b;
	return 0;
}

static void
block_drop(struct godb_writer *w, struct open_block *b)
{
	bool found;
	size_t at = block_place(w, b->iface, b->slot_s, &found);

	if (found) {
		w->n_open--;
		memmove(&w->open[at], &w->open[at + 1],
		    (w->n_open - at) * sizeof(struct open_block *));
	}
	block_free(b);
}

/* The interface's state, made when it is new; valid until the next new one. */
static int
iface_state(struct godb_writer *w, const char *name, struct known_iface **out)
{
	struct known_iface *grown;
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
static int
day_state(struct known_iface *f, int64_t day_s, struct gdi_day **out)
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

/* ---- folders and journals ------------------------------------------------ */

/* Opens IFACE/NAME, making what is missing. */
static int
make_below(const struct godb_writer *w, const char *iface, const char *name)
{
	int iface_fd = gdi_folder_make(w->store_fd, iface, w->opts.mode_dir);
	int fd;

	if (iface_fd < 0)
		return iface_fd;
	fd = gdi_folder_make(iface_fd, name, w->opts.mode_dir);
	gp_fd_close(&iface_fd);
	return fd;
}

static int
random_bytes(void *out, size_t len)
{
	return getrandom(out, len, 0) == (ssize_t)len ? 0 : -EIO;
}

/* A file of this name that no open block has holds only what is committed. */
static int
create_journal(const struct godb_writer *w, int dir, const char *name)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL;
	int fd = gp_fd_openat(dir, name, flags, w->opts.mode_file);

	if (fd == -EEXIST && unlinkat(dir, name, 0) == 0)
		fd = gp_fd_openat(dir, name, flags, w->opts.mode_file);
	if (fd >= 0 && fchmod(fd, w->opts.mode_file) < 0) {
		int rc = -errno;

		gp_fd_close(&fd);
		return rc;
	}
	return fd;
}

static int
open_journal(struct godb_writer *w, struct open_block *b)
{
	uint8_t header[GDI_HEADER_BYTES];
	char name[32];
	int dir, fd, rc;

	if (b->journal_fd >= 0)
		return 0;
	rc = random_bytes(&b->journal_salt, sizeof(b->journal_salt));
	if (rc < 0)
		return rc;
	dir = make_below(w, b->iface, GDI_JOURNALS);
	if (dir < 0)
		return dir;
	gdi_journal_name(b->slot_s, "", name);
	gdi_journal_header(b->iface, b->slot_s, b->journal_salt, header);
	fd = create_journal(w, dir, name);
	rc = fd < 0 ? fd : gp_fd_pwrite_full(fd, header, sizeof(header), 0);
	if (rc == 0) {
		b->journal_fd = fd;
		b->journal_end = sizeof(header);
		b->created = b->dirty = true;
	} else if (fd >= 0) {
		(void)unlinkat(dir, name, 0);
		gp_fd_close(&fd);
	}
	gp_fd_close(&dir);
	return rc;
}

static int
remove_journal(const struct godb_writer *w, const struct open_block *b)
{
	char name[32];
	int dir = gdi_open_below(w->store_fd, b->iface, GDI_JOURNALS);
	int rc = 0;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	gdi_journal_name(b->slot_s, "", name);
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		rc = -errno;
	gp_fd_close(&dir);
	return rc;
}

/* ---- rings that are known ------------------------------------------------ */

static int
learn_day(struct known_iface *f, int iface_fd, const char *day)
{
	struct gdi_index x;
	int64_t day_s = 0;
	int fd = gp_fd_opendir_at(iface_fd, day);
	int rc;

	(void)gp_clock_day_parse(day, &day_s);
	if (fd < 0)
		return 0;
	rc = gdi_index_read(fd, day_s, &x);
	gp_fd_close(&fd);
	if (rc < 0) /* a commit to that day will say so */
		return rc == -ENOMEM ? rc : 0;
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
learn_days(struct known_iface *f, int iface_fd, char **days, size_t n)
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
			list[i].written_ns =
			    st.st_mtim.tv_sec * GP_NS_PER_S +
			    st.st_mtim.tv_nsec;
	}
	if (list)
		qsort(list, n, sizeof(*list), latest_first);
	for (size_t i = 0; rc == 0 && i < n && i < LEARN_NEWEST + LEARN_LATEST;
	     i++)
		rc = learn_day(f, iface_fd, list[i].day);
	free(list);
	return rc;
}

/* The interface with what its days know of rings. */
static int
learned_iface(struct godb_writer *w, const char *iface,
    struct known_iface **out)
{
	struct known_iface *f;
	char **days;
	int iface_fd, n, rc = iface_state(w, iface, &f);

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
	rc = n < 0 ? n : learn_days(f, iface_fd, days, (size_t)n);
	if (n >= 0)
		godb_ifaces_free(days);
	gp_fd_close(&iface_fd);
	f->learned = rc == 0;
	return rc;
}

/* ---- append -------------------------------------------------------------- */

/* Numbers of a batch's names in the registry; owned by the caller. */
static int
map_names(struct godb_writer *w, const struct godb_batch *b, uint16_t **out)
{
	uint16_t *map = calloc(b->n_names + 1, sizeof(*map));

	if (map == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < b->n_names; i++) {
		int id = gdi_names_register(&w->names, w->store_fd,
		    w->opts.mode_file, &b->names[i]);

		if (id < 0) {
			free(map);
			return id;
		}
		map[i] = (uint16_t)id;
	}
	*out = map;
	return 0;
}

/* The batch into the block in memory; its rows are staged there. */
static void
absorb(struct open_block *b, const struct godb_batch *batch)
{
	if (b->n_batches == 0 || batch->first_ns < b->first_ns)
		b->first_ns = batch->first_ns;
	if (b->n_batches == 0 || batch->last_ns > b->last_ns)
		b->last_ns = batch->last_ns;
	b->n_batches++;
	b->flags |= batch->flags;
	gdi_sum_counters(&b->counters, &batch->counters);
	gdi_aggregate_accept(&b->rows);
	/* reserved: cannot fail */
	(void)gdi_rings_add(&b->rings, batch->ring, batch->seq, batch->seq,
	    batch->ring_pos);
}

static int
write_journal(struct godb_writer *w, struct open_block *b,
    const struct godb_batch *batch)
{
	int rc = open_journal(w, b);

	if (rc < 0)
		return rc;
	w->buf.len = 0;
	rc = gdi_journal_record(batch, b->journal_salt, &w->buf);
	w->buf.rc = 0;
	if (rc < 0)
		return rc;
	rc = gp_fd_pwrite_full(b->journal_fd, w->buf.p, w->buf.len,
	    b->journal_end);
	if (rc < 0) { /* half a record must not be found there later */
		(void)!ftruncate(b->journal_fd, (off_t)b->journal_end);
		return rc;
	}
	b->journal_end += w->buf.len;
	b->dirty = true;
	return 0;
}

/* Everything that can fail but the journal. */
static int
prepare(struct godb_writer *w, const struct godb_batch *batch,
    struct known_iface *f, struct open_block **b, uint16_t **map)
{
	int rc = map_names(w, batch, map);

	if (rc == 0)
		rc = block_new(w, batch->iface, batch->slot_s, b);
	if (rc == 0 && (*b)->commit)
		rc = -EAGAIN;
	if (rc == 0 && (*b)->rings.n_ranges >= GDI_RANGES)
		rc = GODB_EFULL;
	if (rc == 0)
		rc = gdi_rings_reserve(&(*b)->rings, batch->ring);
	if (rc == 0)
		rc = gdi_rings_reserve(&f->rings, batch->ring);
	if (rc == 0)
		rc = gdi_aggregate_stage(&(*b)->rows, batch, *map,
		    w->most_rows, &w->scratch);
	return rc;
}

int
godb_writer_append(struct godb_writer *w, const struct godb_batch *batch)
{
	struct known_iface *f;
	struct open_block *b = NULL;
	uint16_t *map = NULL;
	int rc;

	if (batch->iface == NULL || !godb_iface_valid(batch->iface))
		return GODB_EIFACE;
	if (!gdi_batch_valid(batch))
		return -EINVAL;
	rc = learned_iface(w, batch->iface, &f);
	if (rc < 0)
		return rc;
	if (gdi_rings_contain(&f->rings, batch->ring, batch->seq))
		return 1;
	rc = prepare(w, batch, f, &b, &map);
	if (rc == 0)
		rc = write_journal(w, b, batch);
	if (rc == 0) {
		absorb(b, batch);
		(void)gdi_rings_add(&f->rings, batch->ring, batch->seq,
		    batch->seq, batch->ring_pos);
	} else if (b && b->n_batches == 0) {
		if (b->journal_fd >= 0)
			(void)remove_journal(w, b);
		block_drop(w, b);
	}
	free(map);
	return rc;
}

/* ---- sync ---------------------------------------------------------------- */

static int
sync_entries(const struct godb_writer *w, const char *iface)
{
	int iface_fd = gp_fd_opendir_at(w->store_fd, iface);
	int dir = iface_fd < 0 ? iface_fd :
				 gp_fd_opendir_at(iface_fd, GDI_JOURNALS);
	int rc = dir < 0 ? dir : gp_fd_sync(dir);

	if (rc == 0)
		rc = gp_fd_sync(iface_fd);
	if (rc == 0)
		rc = gp_fd_sync(w->store_fd);
	gp_fd_close(&dir);
	gp_fd_close(&iface_fd);
	return rc;
}

/* Reads all of a journal; every record must still be what was written. */
static int
read_back(const struct open_block *b, struct gdi_buf *out)
{
	uint8_t *p = gdi_buf_room(out, (size_t)b->journal_end);
	struct gdi_journal_view v;
	struct gdi_journal j;
	uint32_t n = 0;
	ssize_t got;
	int rc;

	if (p == NULL)
		return -ENOMEM;
	got = gp_fd_pread_full(b->journal_fd, p, (size_t)b->journal_end, 0);
	if (got != (ssize_t)b->journal_end)
		return got < 0 ? (int)got : -EIO;
	out->len = (size_t)got;
	rc = gdi_journal_open(&j, -1, p, out->len, b->slot_s);
	while (rc == 1 && (rc = gdi_journal_next(&j, &v)) == 1)
		n++;
	gdi_journal_close(&j);
	/* records that a commit covers may stand before ours */
	return rc < 0 ? rc : n < b->n_batches || j.end != out->len ? -EIO : 0;
}

/* The journal's content to a new file in its place. */
static int
rewrite_journal(const struct godb_writer *w, struct open_block *b)
{
	struct gdi_buf data = {0};
	char name[32], fresh[32];
	int dir = gdi_open_below(w->store_fd, b->iface, GDI_JOURNALS);
	int fd = -1, rc = dir < 0 ? dir : read_back(b, &data);

	gdi_journal_name(b->slot_s, "", name);
	gdi_journal_name(b->slot_s, GDI_NEW, fresh);
	if (rc == 0) {
		fd = create_journal(w, dir, fresh);
		rc = fd < 0 ? fd : gp_fd_pwrite_full(fd, data.p, data.len, 0);
	}
	if (rc == 0)
		rc = gp_fd_sync(fd);
	if (rc == 0 && renameat(dir, fresh, dir, name) < 0)
		rc = -errno;
	if (rc == 0) {
		int old = b->journal_fd;

		b->journal_fd = fd;
		b->created = true;
		b->suspect = false;
		fd = old;
	} else if (fd >= 0) {
		(void)unlinkat(dir, fresh, 0);
	}
	gp_fd_close(&fd);
	gp_fd_close(&dir);
	gdi_buf_free(&data);
	return rc;
}

static int
sync_block(const struct godb_writer *w, struct open_block *b)
{
	int rc = 0;

	if (!b->dirty)
		return 0;
	if (!b->suspect) {
		rc = gp_fd_datasync(b->journal_fd);
		b->suspect = rc < 0;
	}
	if (b->suspect)
		rc = rewrite_journal(w, b);
	if (rc == 0 && b->created)
		rc = sync_entries(w, b->iface);
	if (rc == 0)
		b->dirty = b->created = false;
	return rc;
}

bool
godb_writer_open_block(const struct godb_writer *w, size_t i,
    struct godb_open_block *out)
{
	const struct open_block *b;

	if (i >= w->n_open)
		return false;
	b = w->open[i];
	out->iface = b->iface;
	out->slot_s = b->slot_s;
	out->n_batches = b->n_batches;
	out->n_rows = (uint64_t)b->rows.v4.n + b->rows.v6.n;
	out->flags = b->flags;
	out->last_ns = b->last_ns;
	return true;
}

/* ---- commit -------------------------------------------------------------- */

/*
 * One commit at a time, cut into steps: rows in order, chunks, and what day
 * does.  The block stays in the list, with its journal, until its record is
 * durable, and takes no batch meanwhile.
 */
struct commit {
	bool sorted4, sorted6, packed, opened;
	struct gdi_pack pack;
	struct gdi_day_block block;
	struct gdi_folders f;
	struct gdi_day_commit day;
};

static int
commit_begin(struct godb_writer *w, struct open_block *b)
{
	int rc = gdi_names_sync(&w->names, w->store_fd, w->opts.mode_file);
	struct commit *t = rc < 0 ? NULL : calloc(1, sizeof(*t));

	if (t == NULL)
		return rc < 0 ? rc : -ENOMEM;
	t->f = (struct gdi_folders){w->store_fd, -1, -1};
	gdi_day_commit_begin(&t->day, NULL, &t->f, &t->block);
	gdi_pack_init(&t->pack, &b->rows,
	    w->opts.compression == GODB_COMPRESS_LZ4);
	b->commit = t;
	w->committing = b;
	return 0;
}

static void
commit_end(struct godb_writer *w, struct open_block *b)
{
	struct commit *t = b->commit;

	if (t == NULL)
		return;
	gdi_pack_fini(&t->pack);
	gdi_day_commit_end(&t->day);
	gdi_day_block_free(&t->block);
	gp_fd_close(&t->f.day);
	gp_fd_close(&t->f.iface);
	free(t);
	b->commit = NULL;
	w->committing = NULL;
}

static int
fill_record(const struct godb_writer *w, const struct open_block *b,
    struct gdi_day_block *out)
{
	struct gdi_record *r = &out->record;

	out->iface = b->iface;
	out->mode_file = w->opts.mode_file;
	out->rings = &b->rings;
	r->slot_s = b->slot_s;
	r->first_ns = b->first_ns;
	r->last_ns = b->last_ns;
	r->flags = b->flags;
	r->n4 = (uint32_t)b->rows.v4.n;
	r->n6 = (uint32_t)b->rows.v6.n;
	r->counters = b->counters;
	for (int c = 0; c < GODB_N_COLUMNS; c++)
		r->stored_bytes += out->stored[c].len;
	return random_bytes(r->id, sizeof(r->id));
}

struct journals_of {
	const struct godb_writer *w;
	const char *iface;
	int64_t day_s;
};

static bool
has_journal(const void *ctx, int64_t slot_s)
{
	const struct journals_of *j = ctx;

	for (size_t i = 0; i < j->w->n_open; i++) {
		const struct open_block *b = j->w->open[i];

		if (strcmp(b->iface, j->iface) == 0 &&
		    (slot_s < 0 ? gp_clock_day(b->slot_s) == j->day_s :
				  b->slot_s == slot_s))
			return true;
	}
	return false;
}

static int
open_day(struct godb_writer *w, const struct open_block *b, struct commit *t)
{
	int64_t day_s = gp_clock_day(b->slot_s);
	struct journals_of journals = {w, b->iface, day_s};
	struct known_iface *iface;
	struct gdi_day *d;
	char day[11];
	int rc;

	gp_clock_day_format(day_s, day);
	t->f.iface = gdi_folder_make(w->store_fd, b->iface, w->opts.mode_dir);
	if (t->f.iface < 0)
		return t->f.iface;
	t->f.day = gdi_folder_make(t->f.iface, day, w->opts.mode_dir);
	rc = t->f.day < 0 ? t->f.day : iface_state(w, b->iface, &iface);
	if (rc == 0)
		rc = day_state(iface, day_s, &d);
	if (rc == 0)
		rc = gdi_day_open(d, t->f.day, day_s, has_journal, &journals);
	if (rc == 0)
		gdi_day_commit_begin(&t->day, d, &t->f, &t->block);
	return rc;
}

/* 1 more to do, 0 committed, or an error. */
static int
commit_advance(struct godb_writer *w, struct open_block *b)
{
	struct commit *t = b->commit;
	int rc;

	if (!t->sorted4) {
		rc = gdi_aggregate_settle4(&b->rows, &w->scratch);
		t->sorted4 = true;
	} else if (!t->sorted6) {
		rc = gdi_aggregate_settle6(&b->rows, &w->scratch);
		t->sorted6 = true;
	} else if (!t->packed) {
		rc = gdi_pack_step(&t->pack, &t->block);
		t->packed = rc == 0;
	} else if (!t->opened) {
		rc = fill_record(w, b, &t->block);
		if (rc == 0)
			rc = open_day(w, b, t);
		t->opened = true;
	} else {
		return gdi_day_commit_step(&t->day);
	}
	return rc < 0 ? rc : 1;
}

static int
finish_other(struct godb_writer *w, const struct open_block *b)
{
	struct open_block *other = w->committing;
	char iface[16];

	if (other == NULL || other == b)
		return 0;
	memcpy(iface, other->iface, sizeof(iface));
	return godb_writer_commit(w, iface, other->slot_s, NULL);
}

int
godb_writer_commit_step(struct godb_writer *w, const char *iface,
    int64_t slot_s, struct godb_committed *out)
{
	bool found;
	size_t at = block_place(w, iface, slot_s, &found);
	struct open_block *b;
	int rc = 0;

	if (!found)
		return -ENOENT;
	b = w->open[at];
	(void)finish_other(w, b); /* one that cannot is open again */
	if (b->commit == NULL)
		rc = commit_begin(w, b);
	if (rc == 0)
		rc = commit_advance(w, b);
	if (rc == 1)
		return rc;
	if (rc == 0) {
		if (out)
			*out = (struct godb_committed){
			    (uint64_t)b->rows.v4.n + b->rows.v6.n,
			    b->commit->block.record.stored_bytes};
		/* one that stays is known as covered when it is read */
		(void)remove_journal(w, b);
	}
	commit_end(w, b);
	if (rc == 0) {
		gdi_upkeep_note(w->upkeep, b->iface, slot_s);
		block_drop(w, b);
	}
	/* -ENOENT says that there is no such block; this one is, and what has
	 * gone is the store's folder */
	return rc == -ENOENT ? -ESTALE : rc;
}

int
godb_writer_cover_until(struct godb_writer *w, const char *iface,
    int64_t slot_s, int64_t last_ns)
{
	bool found;
	size_t at = block_place(w, iface, slot_s, &found);
	struct open_block *b;

	if (!found)
		return -ENOENT;
	b = w->open[at];
	if (last_ns < b->first_ns)
		last_ns = b->first_ns;
	if (last_ns < b->last_ns)
		b->last_ns = last_ns;
	return 0;
}

int
godb_writer_commit(struct godb_writer *w, const char *iface,
    int64_t slot_s, uint64_t *stored_bytes)
{
	struct godb_committed done = {0};
	int rc;

	do
		rc = godb_writer_commit_step(w, iface, slot_s, &done);
	while (rc == 1);
	if (rc == 0 && stored_bytes)
		*stored_bytes = done.stored_bytes;
	return rc;
}

/* ---- sync of all --------------------------------------------------------- */

/*
 * A journal that can neither be synced nor read back: its rows are in memory
 * and become a block now.  More of the same interval may follow.
 */
static int
rescue(struct godb_writer *w, const struct open_block *b)
{
	char iface[16];

	memcpy(iface, b->iface, sizeof(iface));
	return godb_writer_commit(w, iface, b->slot_s, NULL);
}

int
godb_writer_sync(struct godb_writer *w)
{
	int first = 0;

	for (size_t i = 0; i < w->n_open;) {
		struct open_block *b = w->open[i];
		int rc = sync_block(w, b);

		if (rc < 0 && b->suspect && rescue(w, b) == 0) {
			i = 0; /* it, and perhaps another, left the list */
			continue;
		}
		first = first < 0 ? first : rc;
		i++;
	}
	return first;
}

/* ---- opening: replay ----------------------------------------------------- */

struct replay {
	struct godb_writer *w;
	const char *iface;
	int iface_fd, dir;
	int64_t slot_s;
	struct gdi_rings covered; /* by the records of that block */
	struct open_block *block;
};

/* What records of the journal's block contain. */
static int
read_covered(struct replay *r, bool *any)
{
	struct gdi_index x;
	char day[11];
	int fd, rc;

	*any = false;
	gp_clock_day_format(r->slot_s, day);
	fd = gp_fd_opendir_at(r->iface_fd, day);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	rc = gdi_index_read(fd, gp_clock_day(r->slot_s), &x);
	gp_fd_close(&fd);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	for (size_t i = 0; rc == 0 && i < x.n; i++)
		if (x.records[i].slot_s == r->slot_s) {
			rc = gdi_rings_read(&r->covered, x.records[i].rings);
			*any = true;
		}
	gdi_index_free(&x);
	return rc;
}

static int
replay_batch(struct replay *r, struct godb_batch *batch)
{
	struct known_iface *f;
	uint16_t *map = NULL;
	int rc = iface_state(r->w, r->iface, &f);

	batch->iface = r->iface;
	if (rc < 0 || gdi_rings_contain(&f->rings, batch->ring, batch->seq))
		return rc; /* it stands there twice */
	rc = gdi_rings_add(&f->rings, batch->ring, batch->seq, batch->seq,
	    batch->ring_pos);
	if (rc < 0 ||
	    gdi_rings_contain(&r->covered, batch->ring, batch->seq))
		return rc;
	rc = prepare(r->w, batch, f, &r->block, &map);
	if (rc == 0)
		absorb(r->block, batch);
	free(map);
	return rc;
}

static int
replay_records(struct replay *r, struct gdi_journal *j)
{
	struct gdi_journal_view v;
	int rc;

	while ((rc = gdi_journal_next(j, &v)) == 1) {
		rc = replay_batch(r, &v.batch);
		if (rc < 0)
			return rc;
	}
	return rc;
}

/* Kept for a person to look at; readers tell of it. */
static int
set_aside(const struct replay *r)
{
	char name[32], aside[32];

	gdi_journal_name(r->slot_s, "", name);
	gdi_journal_name(r->slot_s, GDI_DAMAGED, aside);
	return renameat(r->dir, name, r->dir, aside) < 0 ? -errno : 0;
}

/* All of the journal is in records, which the writer that died may not have
 * made durable: only then is the journal not needed. */
static int
drop_covered(const struct replay *r, bool any)
{
	struct gdi_folders f = {r->w->store_fd, r->iface_fd, -1};
	char name[32], day[11];
	int rc = 0;

	if (any) {
		gp_clock_day_format(r->slot_s, day);
		f.day = gp_fd_opendir_at(r->iface_fd, day);
		rc = f.day < 0 ? f.day : gdi_day_sync(&f);
		gp_fd_close(&f.day);
	}
	gdi_journal_name(r->slot_s, "", name);
	if (rc == 0)
		(void)unlinkat(r->dir, name, 0);
	return 0; /* one that stays does no harm */
}

/* The block goes on where the journal ends; a torn tail is cut. */
static int
continue_journal(struct replay *r, const struct gdi_journal *j, int *fd)
{
	struct open_block *b = r->block;

	if (ftruncate(*fd, (off_t)j->end) < 0)
		return -errno;
	b->journal_fd = *fd;
	b->journal_end = j->end;
	b->journal_salt = j->salt;
	b->dirty = b->created = true; /* for all we know */
	if (j->n_damaged > 0)
		b->flags |= GODB_PART_LOST;
	*fd = -1;
	return 0;
}

static int
replay_journal(struct replay *r, const char *name)
{
	struct gdi_journal j = {0};
	struct stat st;
	bool any = false;
	int fd, rc;

	r->slot_s = gdi_journal_slot(name, "");
	r->block = NULL;
	gdi_rings_free(&r->covered);
	fd = gp_fd_openat(r->dir, name, O_RDWR | O_NONBLOCK, 0);
	if (fd < 0)
		return fd;
	rc = fstat(fd, &st) < 0 ? -errno : read_covered(r, &any);
	if (rc == 0 && !S_ISREG(st.st_mode))
		rc = GODB_EDAMAGED;
	if (rc == 0)
		rc = gdi_journal_open(&j, fd, NULL, (uint64_t)st.st_size,
		    r->slot_s);
	if (rc == 1)
		rc = replay_records(r, &j);
	if (rc == GODB_EDAMAGED)
		rc = set_aside(r);
	else if (rc == 0 && r->block != NULL)
		rc = continue_journal(r, &j, &fd);
	else if (rc == 0)
		rc = j.n_damaged > 0 ? set_aside(r) : drop_covered(r, any);
	gdi_journal_close(&j);
	gp_fd_close(&fd);
	return rc;
}

static int
replay_iface(struct godb_writer *w, const char *iface)
{
	struct replay r = {.w = w, .iface = iface};
	char **names = NULL;
	int n = 0, rc = 0;

	r.iface_fd = gp_fd_opendir_at(w->store_fd, iface);
	if (r.iface_fd < 0) /* a file or link of that name is not ours */
		return r.iface_fd == -ENOTDIR || r.iface_fd == -ELOOP ?
		    0 : r.iface_fd;
	r.dir = gp_fd_opendir_at(r.iface_fd, GDI_JOURNALS);
	if (r.dir >= 0)
		n = gdi_folder_list(r.dir, NULL, &names);
	if (n < 0 || (r.dir < 0 && r.dir != -ENOENT))
		rc = n < 0 ? n : r.dir;
	for (int i = 0; rc == 0 && i < n; i++) {
		if (gdi_is_journal(names[i]))
			rc = replay_journal(&r, names[i]);
		else if (gdi_is_new_journal(names[i]))
			(void)unlinkat(r.dir, names[i], 0);
	}
	if (n >= 0)
		godb_ifaces_free(names);
	gdi_rings_free(&r.covered);
	gp_fd_close(&r.dir);
	gp_fd_close(&r.iface_fd);
	return rc;
}

static int
replay_all(struct godb_writer *w)
{
	char **ifaces;
	int n = gdi_folder_list(w->store_fd, gdi_is_iface, &ifaces);
	int rc = n < 0 ? n : 0;

	for (int i = 0; rc == 0 && i < n; i++)
		rc = replay_iface(w, ifaces[i]);
	if (n >= 0)
		godb_ifaces_free(ifaces);
	return rc;
}

/* ---- open and close ------------------------------------------------------ */

/* The lock comes before the marker, so that two do not make one store. */
static int
open_folder(struct godb_writer *w, struct godb_diag *diag)
{
	int rc = gdi_marker_check(w->store_fd);
	bool make = rc == GODB_ENOTSTORE && w->opts.create;

	if (make) {
		int blank = gdi_folder_blank(w->store_fd);

		rc = blank < 0 ? blank : blank ? 0 : GODB_ENOTSTORE;
	}
	if (rc == 0)
		rc = gdi_lock(w->store_fd, w->opts.owner, &w->lock_fd, diag);
	if (rc == 0 && make) {
		rc = gdi_marker_check(w->store_fd);
		if (rc == GODB_ENOTSTORE)
			rc = gdi_marker_create(w->store_fd, w->opts.mode_file);
	}
	return rc;
}

int
godb_writer_open(int dirfd, const struct godb_writer_opts *opts,
    struct godb_writer **out, struct godb_diag *diag)
{
	struct godb_writer *w = calloc(1, sizeof(*w));
	int rc;

	if (w == NULL) {
		gp_fd_close(&dirfd);
		return -ENOMEM;
	}
	w->store_fd = dirfd;
	w->lock_fd = -1;
	w->names.fd = -1;
	/* an older caller's options are shorter */
	w->opts = (struct godb_writer_opts)GODB_WRITER_OPTS_INIT;
	memcpy(&w->opts, opts,
	    opts->size < sizeof(w->opts) ? opts->size : sizeof(w->opts));
	rc = gdi_upkeep_new(w, &w->upkeep);
	if (rc == 0)
		rc = open_folder(w, diag);
	if (rc == 0)
		rc = gdi_names_load(w->store_fd, &w->names);
	/* journals may be those of a writer with a higher limit */
	w->most_rows = GDI_RECORD_ROWS;
	if (rc == 0)
		rc = replay_all(w);
	if (w->opts.block_rows < GDI_RECORD_ROWS)
		w->most_rows = w->opts.block_rows;
	if (rc < 0) {
		godb_writer_close(w);
		return rc;
	}
	*out = w;
	return 0;
}

void
godb_writer_close(struct godb_writer *w)
{
	if (w == NULL)
		return;
	if (w->committing)
		commit_end(w, w->committing);
	while (w->n_open > 0)
		block_free(w->open[--w->n_open]);
	free(w->open);
	for (size_t i = 0; i < w->n_ifaces; i++) {
		gdi_rings_free(&w->ifaces[i].rings);
		free(w->ifaces[i].days);
	}
	free(w->ifaces);
	gdi_upkeep_free(w->upkeep);
	gdi_names_free(&w->names);
	gdi_buf_free(&w->buf);
	gdi_buf_free(&w->scratch);
	gp_fd_close(&w->lock_fd);
	gp_fd_close(&w->store_fd);
	free(w);
}

/* ---- for retention and upkeep -------------------------------------------- */

int
gdi_writer_store_fd(const struct godb_writer *w)
{
	return w->store_fd;
}

uint32_t
gdi_writer_mode_file(const struct godb_writer *w)
{
	return w->opts.mode_file;
}

bool
gdi_writer_day_open(const struct godb_writer *w, const char *iface,
    int64_t day_s)
{
	struct journals_of journals = {w, iface, day_s};

	return has_journal(&journals, -1);
}

struct gdi_upkeep *
gdi_writer_upkeep(const struct godb_writer *w)
{
	return w->upkeep;
}

bool
gdi_writer_lz4(const struct godb_writer *w)
{
	return w->opts.compression == GODB_COMPRESS_LZ4;
}

uint32_t
gdi_writer_block_rows(const struct godb_writer *w)
{
	return w->most_rows;
}

/* ---- questions ----------------------------------------------------------- */

int
godb_writer_ring(struct godb_writer *w, const char *iface,
    const uint8_t ring[16], uint64_t *next_seq, uint64_t *ring_pos)
{
	const struct gdi_ring *r;
	struct known_iface *f;
	int rc;

	if (!godb_iface_valid(iface))
		return GODB_EIFACE;
	rc = learned_iface(w, iface, &f);
	if (rc < 0)
		return rc;
	r = gdi_rings_find(&f->rings, ring);
	if (r == NULL || r->n == 0)
		return -ENOENT;
	*next_seq = r->ranges[r->n - 1].last + 1;
	*ring_pos = r->last_pos;
	return 0;
}

static bool
meets(int64_t slot_s, int64_t first_s, int64_t last_s)
{
	return slot_s + GP_SLOT_S > first_s && slot_s < last_s;
}

/* 1 and one that meets the window; damage may hide one, so it is an error. */
static int
day_has_blocks(int iface_fd, const char *day, int64_t first_s, int64_t last_s,
    int64_t *any_s)
{
	struct gdi_index x;
	int64_t day_s = 0;
	int fd, rc;

	(void)gp_clock_day_parse(day, &day_s);
	if (day_s + GP_DAY_S <= first_s || day_s >= last_s)
		return 0;
	fd = gp_fd_opendir_at(iface_fd, day);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	rc = gdi_index_read(fd, day_s, &x);
	gp_fd_close(&fd);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	for (size_t i = 0; rc == 0 && i < x.n; i++)
		if (meets(x.records[i].slot_s, first_s, last_s)) {
			*any_s = x.records[i].slot_s;
			rc = 1;
		}
	for (size_t i = 0; rc == 0 && i < x.n_gaps; i++)
		if (!x.gaps[i].short_tail)
			rc = x.gaps[i].rc;
	gdi_index_free(&x);
	return rc;
}

static int
days_have_blocks(const struct godb_writer *w, const char *iface,
    int64_t first_s, int64_t last_s, int64_t *any_s)
{
	int iface_fd = gp_fd_opendir_at(w->store_fd, iface);
	char **days;
	int n, rc = 0;

	if (iface_fd < 0)
		return iface_fd == -ENOENT ? 0 : iface_fd;
	n = gdi_folder_list(iface_fd, gdi_is_day, &days);
	if (n < 0)
		rc = n;
	for (int i = 0; rc == 0 && i < n; i++)
		rc = day_has_blocks(iface_fd, days[i], first_s, last_s, any_s);
	if (n >= 0)
		godb_ifaces_free(days);
	gp_fd_close(&iface_fd);
	return rc;
}

int
godb_writer_has_blocks(struct godb_writer *w, const char *iface,
    int64_t first_s, int64_t last_s, int64_t *any_s)
{
	int64_t found_s = 0;
	int rc = 0;

	if (!godb_iface_valid(iface))
		return GODB_EIFACE;
	for (size_t i = 0; rc == 0 && i < w->n_open; i++)
		if (strcmp(w->open[i]->iface, iface) == 0 &&
		    meets(w->open[i]->slot_s, first_s, last_s)) {
			found_s = w->open[i]->slot_s;
			rc = 1;
		}
	if (rc == 0)
		rc = days_have_blocks(w, iface, first_s, last_s, &found_s);
	if (rc == 1 && any_s)
		*any_s = found_s;
	return rc;
}
