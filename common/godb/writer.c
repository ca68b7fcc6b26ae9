/*
 * writer - batches to journals and open blocks, open blocks to records.
 *
 * Failure policy: whatever fails, a batch is either wholly in its journal and
 * in memory or in neither, and a block is either committed by its record or
 * still open.  What a failed write left behind a file's committed end is cut
 * before anything is written there again.
 */
#include "common/godb/godb_write.h"

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
#include "common/godb/index.h"
#include "common/godb/journal.h"
#include "common/godb/layout.h"
#include "common/godb/names.h"

struct open_block {
	char iface[16];
	int64_t slot_s;
	int64_t first_ns, last_ns;
	uint32_t flags;
	uint32_t n_batches;
	struct godb_counters counters;
	struct gdi_rings rings;
	struct gdi_aggregate rows;
	int journal_fd;
	uint64_t journal_end;
	bool dirty; /* journal written since the last sync */
};

/* How far each ring came, over all blocks of an interface. */
struct known_ring {
	char iface[16];
	uint8_t id[16];
	uint64_t next_seq, pos;
};

struct godb_writer {
	int store_fd, lock_fd;
	struct godb_writer_opts opts;
	struct gdi_names names;
	struct open_block **open; /* sorted by interface, slot */
	size_t n_open, cap_open;
	struct known_ring *rings;
	size_t n_rings, cap_rings;
	struct gdi_packer packer;
	struct gdi_buf buf;
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
	int rc;

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
	rc = gdi_aggregate_init(&b->rows);
	if (rc < 0) {
		free(b);
		return rc;
	}
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

static struct known_ring *
ring_known(const struct godb_writer *w, const char *iface, const uint8_t id[16])
{
	for (size_t i = w->n_rings; i-- > 0;) /* the newest are asked for */
		if (memcmp(w->rings[i].id, id, 16) == 0 &&
		    strcmp(w->rings[i].iface, iface) == 0)
			return &w->rings[i];
	return NULL;
}

/* Room for one more, so that ring_advance() cannot fail. */
static int
ring_reserve(struct godb_writer *w)
{
	size_t cap = w->cap_rings ? w->cap_rings * 2 : 64;
	struct known_ring *grown;

	if (w->n_rings < w->cap_rings)
		return 0;
	grown = reallocarray(w->rings, cap, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	w->rings = grown;
	w->cap_rings = cap;
	return 0;
}

static void
ring_advance(struct godb_writer *w, const char *iface, const uint8_t id[16],
    uint64_t seq, uint64_t pos)
{
	struct known_ring *r = ring_known(w, iface, id);

	if (r == NULL) {
		r = &w->rings[w->n_rings++];
		memset(r, 0, sizeof(*r));
		(void)snprintf(r->iface, sizeof(r->iface), "%s", iface);
		memcpy(r->id, id, sizeof(r->id));
	}
	if (seq >= r->next_seq) {
		r->next_seq = seq + 1;
		r->pos = pos;
	}
}

/* ---- folders ------------------------------------------------------------- */

static int
open_iface(const struct godb_writer *w, const char *iface)
{
	return gdi_folder_make(w->store_fd, iface, w->opts.mode_dir);
}

static int
open_journals(const struct godb_writer *w, const char *iface, bool make)
{
	int iface_fd = make ? open_iface(w, iface) :
			      gp_fd_opendir_at(w->store_fd, iface);
	int fd;

	if (iface_fd < 0)
		return iface_fd;
	fd = make ? gdi_folder_make(iface_fd, GDI_JOURNALS, w->opts.mode_dir) :
		    gp_fd_opendir_at(iface_fd, GDI_JOURNALS);
	gp_fd_close(&iface_fd);
	return fd;
}

static int
open_day(const struct godb_writer *w, const char *iface, int64_t day_s,
    bool make)
{
	char day[11];
	int iface_fd = make ? open_iface(w, iface) :
			      gp_fd_opendir_at(w->store_fd, iface);
	int fd;

	if (iface_fd < 0)
		return iface_fd;
	gp_clock_day_format(day_s, day);
	fd = make ? gdi_folder_make(iface_fd, day, w->opts.mode_dir) :
		    gp_fd_opendir_at(iface_fd, day);
	gp_fd_close(&iface_fd);
	return fd;
}

/* ---- append -------------------------------------------------------------- */

static int
open_journal(struct godb_writer *w, struct open_block *b)
{
	struct gdi_buf header = {0};
	char name[32];
	int dir, fd, rc = 0;

	if (b->journal_fd >= 0)
		return 0;
	dir = open_journals(w, b->iface, true);
	if (dir < 0)
		return dir;
	gdi_journal_name(b->slot_s, name);
	fd = gp_fd_openat(dir, name, O_RDWR | O_CREAT, w->opts.mode_file);
	if (fd < 0)
		rc = fd;
	if (rc == 0 && (fchmod(fd, w->opts.mode_file) < 0 ||
			   ftruncate(fd, 0) < 0))
		rc = -errno;
	gdi_journal_header(b->iface, b->slot_s, &header);
	if (rc == 0)
		rc = header.failed ? -ENOMEM :
				     gp_fd_pwrite_full(fd, header.data,
					 header.len, 0);
	if (rc == 0)
		rc = gp_fd_sync(dir);
	if (rc == 0) {
		b->journal_fd = fd;
		b->journal_end = header.len;
	} else if (fd >= 0) {
		(void)unlinkat(dir, name, 0);
		gp_fd_close(&fd);
	}
	gdi_buf_free(&header);
	gp_fd_close(&dir);
	return rc;
}

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

static void
add_counters(struct godb_counters *to, const struct godb_counters *from)
{
	uint64_t t[sizeof(*to) / 8], f[sizeof(*to) / 8];

	memcpy(t, to, sizeof(t));
	memcpy(f, from, sizeof(f));
	for (size_t i = 0; i < sizeof(t) / 8; i++)
		if (__builtin_add_overflow(t[i], f[i], &t[i]))
			t[i] = UINT64_MAX;
	memcpy(to, t, sizeof(t));
}

/* The batch into the block in memory; everything was reserved. */
static void
absorb(struct open_block *b, const struct godb_batch *batch,
    const uint16_t *map)
{
	if (b->n_batches == 0 || batch->first_ns < b->first_ns)
		b->first_ns = batch->first_ns;
	if (b->n_batches == 0 || batch->last_ns > b->last_ns)
		b->last_ns = batch->last_ns;
	b->n_batches++;
	b->flags |= batch->flags;
	add_counters(&b->counters, &batch->counters);
	for (size_t i = 0; i < batch->n4; i++)
		gdi_aggregate_add4(&b->rows, &batch->rows4[i],
		    map[batch->rows4[i].l7]);
	for (size_t i = 0; i < batch->n6; i++)
		gdi_aggregate_add6(&b->rows, &batch->rows6[i],
		    map[batch->rows6[i].l7]);
}

static int
write_journal(struct godb_writer *w, struct open_block *b,
    const struct godb_batch *batch)
{
	int rc = open_journal(w, b);

	if (rc < 0)
		return rc;
	w->buf.len = 0;
	rc = gdi_journal_record(batch, &w->buf);
	if (rc < 0)
		return rc;
	rc = gp_fd_pwrite_full(b->journal_fd, w->buf.data, w->buf.len,
	    b->journal_end);
	if (rc < 0) { /* half a record must not be found there later */
		(void)!ftruncate(b->journal_fd, (off_t)b->journal_end);
		return rc;
	}
	b->journal_end += w->buf.len;
	b->dirty = true;
	return 0;
}

int
godb_writer_append(struct godb_writer *w, const struct godb_batch *batch)
{
	struct known_ring *ring;
	struct open_block *b = NULL;
	uint16_t *map = NULL;
	int rc;

	if (batch->iface == NULL || !godb_iface_valid(batch->iface))
		return GODB_EIFACE;
	if (!gdi_batch_valid(batch))
		return -EINVAL;
	ring = ring_known(w, batch->iface, batch->ring);
	if (ring && batch->seq < ring->next_seq)
		return 1;
	rc = ring_reserve(w);
	if (rc == 0)
		rc = map_names(w, batch, &map);
	if (rc == 0)
		rc = block_new(w, batch->iface, batch->slot_s, &b);
	if (rc == 0)
		rc = gdi_aggregate_reserve(&b->rows, batch->n4, batch->n6);
	if (rc == 0)
		rc = gdi_rings_add(&b->rings, batch->ring, batch->seq,
		    batch->ring_pos);
	if (rc == 0) {
		rc = write_journal(w, b, batch);
		if (rc < 0) /* not in the journal: not in the block */
			gdi_rings_undo(&b->rings, batch->ring, batch->seq);
	}
	if (rc == 0) {
		absorb(b, batch, map);
		ring_advance(w, batch->iface, batch->ring, batch->seq,
		    batch->ring_pos);
	} else if (b && b->n_batches == 0) {
		block_drop(w, b);
	}
	free(map);
	return rc;
}

int
godb_writer_sync(struct godb_writer *w)
{
	int first = gdi_names_sync(&w->names, w->store_fd);

	for (size_t i = 0; i < w->n_open; i++) {
		int rc = 0;

		if (w->open[i]->dirty)
			rc = gp_fd_datasync(w->open[i]->journal_fd);
		if (rc == 0)
			w->open[i]->dirty = false;
		else if (first == 0)
			first = rc;
	}
	return first;
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
	out->n_rows = (uint64_t)b->rows.n4 + b->rows.n6;
	out->flags = b->flags;
	return true;
}

/* ---- commit -------------------------------------------------------------- */

static uint64_t
value4(const struct godb_row4 *r, int column)
{
	switch (column) {
	case GODB_SIP:
		return be32toh(gdi_get32(r->sip));
	case GODB_DIP:
		return be32toh(gdi_get32(r->dip));
	case GODB_DPORT:
		return r->dport;
	case GODB_PROTO:
		return r->proto;
	case GODB_L7PROTO:
		return r->l7;
	default:
		return r->counter[column - GODB_BYTES_RCVD];
	}
}

static uint64_t
value6(const struct godb_row6 *r, int column)
{
	switch (column) {
	case GODB_DPORT:
		return r->dport;
	case GODB_PROTO:
		return r->proto;
	case GODB_L7PROTO:
		return r->l7;
	default:
		return r->counter[column - GODB_BYTES_RCVD];
	}
}

struct commit {
	struct gdi_record record;
	struct gdi_buf columns[GODB_N_COLUMNS];
	struct gdi_chunk *next; /* in the record's chunk memory */
	uint64_t *values;
	struct godb_addr6 *addresses;
};

static int
pack_chunk(struct godb_writer *w, struct commit *c, const struct open_block *b,
    int column, int v, size_t from, size_t n)
{
	bool address = v == 1 && (column == GODB_SIP || column == GODB_DIP);
	int rc;

	for (size_t i = 0; i < n; i++) {
		if (address) {
			const uint8_t *a = column == GODB_SIP ?
			    b->rows.rows6[from + i].sip :
			    b->rows.rows6[from + i].dip;

			c->addresses[i].hi = be64toh(gdi_get64(a));
			c->addresses[i].lo = be64toh(gdi_get64(a + 8));
		} else if (v == 1) {
			c->values[i] = value6(&b->rows.rows6[from + i], column);
		} else {
			c->values[i] = value4(&b->rows.rows4[from + i], column);
		}
	}
	rc = gdi_chunk_pack(&w->packer, address ? NULL : c->values,
	    address ? c->addresses : NULL, n, &c->columns[column], c->next);
	if (rc == 0) {
		struct gdi_extent *e = &c->record.extents[column][v];

		if (e->n_chunks++ == 0)
			e->chunks = c->next;
		e->bytes += c->next->stored;
		c->next++;
	}
	return rc;
}

static int
pack_columns(struct godb_writer *w, struct commit *c,
    const struct open_block *b)
{
	size_t chunks = 0;

	for (int v = 0; v < 2; v++)
		chunks += (v ? b->rows.n6 : b->rows.n4) / GDI_CHUNK_ROWS + 1;
	c->next = calloc(chunks * GODB_N_COLUMNS, sizeof(*c->next));
	c->record.chunk_memory = c->next;
	c->values = malloc(GDI_CHUNK_ROWS * sizeof(*c->values));
	c->addresses = malloc(GDI_CHUNK_ROWS * sizeof(*c->addresses));
	if (c->next == NULL || c->values == NULL || c->addresses == NULL)
		return -ENOMEM;
	for (int column = 0; column < GODB_N_COLUMNS; column++)
		for (int v = 0; v < 2; v++) {
			size_t rows = v ? b->rows.n6 : b->rows.n4;

			for (size_t at = 0; at < rows; at += GDI_CHUNK_ROWS) {
				size_t n = rows - at < GDI_CHUNK_ROWS ?
				    rows - at : GDI_CHUNK_ROWS;
				int rc = pack_chunk(w, c, b, column, v, at, n);

				if (rc < 0)
					return rc;
			}
		}
	return 0;
}

static int
open_column(const struct godb_writer *w, int day_fd, int column, uint64_t *end,
    bool *created)
{
	uint8_t header[GDI_COLUMN_HEADER];
	char name[32];
	struct stat st;
	int fd, rc = 0;

	(void)snprintf(name, sizeof(name), "%s.gpf", gdi_columns[column].name);
	fd = gp_fd_openat(day_fd, name, O_RDWR | O_CREAT, w->opts.mode_file);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		rc = -errno;
	if (rc == 0 && st.st_size < GDI_COLUMN_HEADER) {
		*created = true;
		gdi_column_header(header);
		rc = fchmod(fd, w->opts.mode_file) < 0 ? -errno : 0;
		if (rc == 0)
			rc = gp_fd_pwrite_full(fd, header, sizeof(header), 0);
	}
	if (*end < GDI_COLUMN_HEADER)
		*end = GDI_COLUMN_HEADER;
	/* what a crash or a failed attempt left behind the committed end */
	if (rc == 0 && (uint64_t)st.st_size > *end &&
	    ftruncate(fd, (off_t)*end) < 0)
		rc = -errno;
	if (rc < 0) {
		gp_fd_close(&fd);
		return rc;
	}
	return fd;
}

static int
write_columns(const struct godb_writer *w, struct commit *c, int day_fd,
    const struct gdi_index *index, bool *created)
{
	for (int column = 0; column < GODB_N_COLUMNS; column++) {
		uint64_t end = index->column_end[column];
		int fd = open_column(w, day_fd, column, &end, created);
		int rc;

		if (fd < 0)
			return fd;
		c->record.extents[column][0].offset = end;
		c->record.extents[column][1].offset =
		    end + c->record.extents[column][0].bytes;
		rc = gp_fd_pwrite_full(fd, c->columns[column].data,
		    c->columns[column].len, end);
		if (rc == 0)
			rc = gp_fd_sync(fd);
		gp_fd_close(&fd);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* The commit: behind the last valid record, or behind damage, which is left
 * for a repair to look at. */
static int
write_record(const struct godb_writer *w, const struct commit *c,
    const struct open_block *b, int day_fd, const struct gdi_index *index,
    bool fresh)
{
	struct gdi_buf buf = {0};
	uint64_t at = index->end;
	int fd, rc = 0;

	fd = gp_fd_openat(day_fd, GDI_INDEX, O_RDWR | O_CREAT,
	    w->opts.mode_file);
	if (fd < 0)
		return fd;
	if (fresh) {
		at = 0;
		gdi_index_header(b->iface, gp_clock_day(b->slot_s), &buf);
		if (fchmod(fd, w->opts.mode_file) < 0)
			rc = -errno;
	}
	gdi_record_write(&c->record, &buf);
	if (rc == 0 && buf.failed)
		rc = -ENOMEM;
	if (rc == 0 && buf.len > GDI_RECORD_BYTES)
		rc = GODB_EFULL;
	if (rc == 0 && at + buf.len > GDI_INDEX_BYTES)
		rc = GODB_EFULL;
	/* pages that an earlier attempt left are thrown away, not trusted */
	if (rc == 0 && ftruncate(fd, (off_t)at) < 0)
		rc = -errno;
	if (rc == 0)
		rc = gp_fd_pwrite_full(fd, buf.data, buf.len, at);
	if (rc == 0)
		rc = gp_fd_sync(fd);
	if (rc < 0) {
		(void)!ftruncate(fd, (off_t)at);
		(void)gp_fd_sync(fd);
	}
	gp_fd_close(&fd);
	gdi_buf_free(&buf);
	return rc;
}

/* Damage at an index's end that no open block explains was a record once: new
 * ones go behind it. */
static void
keep_damage(struct gdi_index *index, const struct open_block *b)
{
	const struct gdi_gap *last =
	    index->n_gaps ? &index->gaps[index->n_gaps - 1] : NULL;

	if (last == NULL || !last->tail || b->journal_fd >= 0)
		return;
	index->end = (index->size + 7) & ~UINT64_C(7);
}

static int
fill_record(struct commit *c, const struct open_block *b)
{
	struct gdi_record *r = &c->record;

	if (getrandom(r->id, sizeof(r->id), 0) != (ssize_t)sizeof(r->id))
		return -EIO;
	r->slot_s = b->slot_s;
	r->first_ns = b->first_ns;
	r->last_ns = b->last_ns;
	r->flags = b->flags;
	r->n4 = b->rows.n4;
	r->n6 = b->rows.n6;
	r->counters = b->counters;
	r->rings = b->rings; /* lent */
	return 0;
}

static int
remove_journal(const struct godb_writer *w, const struct open_block *b)
{
	char name[32];
	int dir = open_journals(w, b->iface, false);
	int rc = 0;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	gdi_journal_name(b->slot_s, name);
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		rc = -errno;
	gp_fd_close(&dir);
	return rc;
}

static int
commit_block(struct godb_writer *w, struct commit *c, struct open_block *b)
{
	int64_t day_s = gp_clock_day(b->slot_s);
	struct gdi_index index = {0};
	bool created = false, fresh;
	int day_fd, rc;

	rc = gdi_names_sync(&w->names, w->store_fd);
	if (rc == 0)
		rc = gdi_aggregate_sort(&b->rows);
	if (rc == 0)
		rc = fill_record(c, b);
	if (rc == 0)
		rc = pack_columns(w, c, b);
	if (rc < 0)
		return rc;
	day_fd = open_day(w, b->iface, day_s, true);
	if (day_fd < 0)
		return day_fd;
	rc = gdi_index_read(day_fd, b->iface, day_s, &index);
	fresh = rc == -ENOENT;
	if (rc == 0)
		keep_damage(&index, b);
	if (rc == 0 || fresh)
		rc = write_columns(w, c, day_fd, &index, &created);
	if (rc == 0)
		rc = write_record(w, c, b, day_fd, &index, fresh);
	if (rc == 0 && (created || fresh))
		rc = gp_fd_sync(day_fd);
	gdi_index_free(&index);
	gp_fd_close(&day_fd);
	return rc;
}

int
godb_writer_commit(struct godb_writer *w, const char *iface, int64_t slot_s,
    uint64_t *stored_bytes)
{
	bool found;
	size_t at = block_place(w, iface, slot_s, &found);
	struct commit c = {0};
	struct open_block *b;
	uint64_t stored = 0;
	int rc;

	if (!found)
		return -ENOENT;
	b = w->open[at];
	rc = commit_block(w, &c, b);
	for (int i = 0; i < GODB_N_COLUMNS; i++) {
		stored += c.columns[i].len;
		gdi_buf_free(&c.columns[i]);
	}
	memset(&c.record.rings, 0, sizeof(c.record.rings)); /* given back */
	gdi_record_free(&c.record);
	free(c.values);
	free(c.addresses);
	if (rc < 0)
		return rc;
	if (stored_bytes)
		*stored_bytes = stored;
	/* a journal that stays is recognised as covered when it is read */
	(void)remove_journal(w, b);
	block_drop(w, b);
	return 0;
}

/* ---- opening: replay ----------------------------------------------------- */

struct replay {
	struct godb_writer *w;
	const char *iface;
	int64_t slot_s;
	const struct gdi_index *index; /* of the day; may be empty */
	struct open_block *block;
};

static bool
covered(const struct gdi_index *x, int64_t slot_s, const struct godb_batch *b)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->records[i].slot_s == slot_s &&
		    gdi_rings_contain(&x->records[i].rings, b->ring, b->seq))
			return true;
	return false;
}

static int
replay_batch(void *ctx, const struct gdi_batch_view *v)
{
	struct replay *r = ctx;
	struct godb_batch batch = v->batch;
	uint16_t *map = NULL;
	int rc = ring_reserve(r->w);

	batch.iface = r->iface;
	if (rc == 0)
		ring_advance(r->w, r->iface, batch.ring, batch.seq,
		    batch.ring_pos);
	if (rc < 0 || covered(r->index, r->slot_s, &batch))
		return rc;
	rc = map_names(r->w, &batch, &map);
	if (rc == 0)
		rc = block_new(r->w, r->iface, r->slot_s, &r->block);
	if (rc == 0)
		rc = gdi_aggregate_reserve(&r->block->rows, batch.n4, batch.n6);
	if (rc == 0)
		rc = gdi_rings_add(&r->block->rings, batch.ring, batch.seq,
		    batch.ring_pos);
	if (rc == 0)
		absorb(r->block, &batch, map);
	free(map);
	return rc;
}

static int
replay_journal(struct godb_writer *w, const char *iface, int iface_fd, int dir,
    const char *name)
{
	struct gdi_index index = {0};
	struct replay r = {.w = w, .iface = iface, .index = &index};
	struct stat st;
	uint64_t end = 0;
	char day[11];
	int fd, day_fd, rc = 0;

	r.slot_s = gdi_journal_slot(name);
	fd = gp_fd_openat(dir, name, O_RDWR, 0);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		rc = -errno;
	gp_clock_day_format(r.slot_s, day);
	day_fd = rc == 0 ? gp_fd_opendir_at(iface_fd, day) : -1;
	if (day_fd >= 0)
		rc = gdi_index_read(day_fd, iface, gp_clock_day(r.slot_s),
		    &index);
	if (rc == -ENOENT)
		rc = 0;
	if (rc == 0)
		rc = gdi_journal_read(fd, (uint64_t)st.st_size, iface, r.slot_s,
		    replay_batch, &r, &end);
	if (rc == 0 && r.block != NULL) {
		/* the torn tail must not come between records */
		if (ftruncate(fd, (off_t)end) < 0)
			rc = -errno;
		r.block->journal_fd = fd;
		r.block->journal_end = end;
		fd = -1;
	} else if (rc == 0) {
		(void)unlinkat(dir, name, 0); /* nothing that is not stored */
	}
	gdi_index_free(&index);
	gp_fd_close(&day_fd);
	gp_fd_close(&fd);
	return rc;
}

/* Rings that the newest days know, for captures that present them again. */
static int
learn_rings(struct godb_writer *w, const char *iface, int iface_fd)
{
	char **days;
	int n = gdi_folder_list(iface_fd, gdi_is_day, &days);
	int rc = n < 0 ? n : 0;

	for (int i = n - 1; rc == 0 && i >= 0 && i >= n - 2; i--) {
		struct gdi_index x;
		int64_t day_s = 0;
		int fd = gp_fd_opendir_at(iface_fd, days[i]);

		(void)gp_clock_day_parse(days[i], &day_s);
		if (fd < 0 || gdi_index_read(fd, iface, day_s, &x) < 0) {
			gp_fd_close(&fd);
			continue; /* a commit to that day will say so */
		}
		for (size_t k = 0; rc == 0 && k < x.n; k++)
			for (size_t r = 0; rc == 0 && r < x.records[k].rings.n;
			     r++) {
				struct gdi_ring *ring =
				    &x.records[k].rings.list[r];

				if (ring->n_ranges == 0)
					continue;
				rc = ring_reserve(w);
				if (rc == 0)
					ring_advance(w, iface, ring->id,
					    ring->ranges[ring->n_ranges - 1]
						.last,
					    ring->last_pos);
			}
		gdi_index_free(&x);
		gp_fd_close(&fd);
	}
	if (n >= 0)
		godb_ifaces_free(days);
	return rc;
}

static int
replay_iface(struct godb_writer *w, const char *iface)
{
	char **names = NULL;
	int iface_fd = gp_fd_opendir_at(w->store_fd, iface);
	int dir, n = 0, rc;

	if (iface_fd < 0) /* a file of that name is not ours */
		return iface_fd == -ENOTDIR ? 0 : iface_fd;
	rc = learn_rings(w, iface, iface_fd);
	dir = gp_fd_opendir_at(iface_fd, GDI_JOURNALS);
	if (rc == 0 && dir >= 0)
		n = gdi_folder_list(dir, gdi_is_journal, &names);
	if (n < 0)
		rc = n;
	for (int i = 0; rc == 0 && i < n; i++)
		rc = replay_journal(w, iface, iface_fd, dir, names[i]);
	if (n >= 0)
		godb_ifaces_free(names);
	gp_fd_close(&dir);
	gp_fd_close(&iface_fd);
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

static int
open_folder(struct godb_writer *w, struct godb_diag *diag)
{
	int rc = gdi_marker_check(w->store_fd);

	if (rc == GODB_ENOTSTORE && w->opts.create &&
	    gdi_folder_empty(w->store_fd) == 1)
		rc = gdi_marker_create(w->store_fd, w->opts.mode_file);
	if (rc == 0)
		rc = gdi_lock(w->store_fd, w->opts.owner, w->opts.mode_file,
		    &w->lock_fd, diag);
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
	w->opts = *opts;
	rc = open_folder(w, diag);
	if (rc == 0)
		rc = gdi_names_load(w->store_fd, &w->names);
	if (rc == 0)
		rc = gdi_packer_init(&w->packer, w->opts.compression);
	if (rc == 0)
		rc = replay_all(w);
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
	while (w->n_open > 0)
		block_free(w->open[--w->n_open]);
	free(w->open);
	free(w->rings);
	gdi_names_free(&w->names);
	gdi_packer_free(&w->packer);
	gdi_buf_free(&w->buf);
	gp_fd_close(&w->lock_fd);
	gp_fd_close(&w->store_fd);
	free(w);
}

/* ---- questions ----------------------------------------------------------- */

int
godb_writer_ring(struct godb_writer *w, const char *iface,
    const uint8_t ring[16], uint64_t *next_seq, uint64_t *ring_pos)
{
	const struct known_ring *r = ring_known(w, iface, ring);

	if (r == NULL)
		return -ENOENT;
	*next_seq = r->next_seq;
	*ring_pos = r->pos;
	return 0;
}

static int
day_has_blocks(int iface_fd, const char *iface, const char *day,
    int64_t first_s, int64_t last_s, int64_t *any_s)
{
	struct gdi_index x;
	int64_t day_s = 0;
	int fd, rc;

	(void)gp_clock_day_parse(day, &day_s);
	if (day_s + GP_DAY_S <= first_s || day_s >= last_s)
		return 0;
	fd = gp_fd_opendir_at(iface_fd, day);
	if (fd < 0)
		return fd;
	rc = gdi_index_read(fd, iface, day_s, &x);
	gp_fd_close(&fd);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	for (size_t i = 0; rc == 0 && i < x.n; i++)
		if (x.records[i].slot_s + GP_SLOT_S > first_s &&
		    x.records[i].slot_s < last_s) {
			if (any_s)
				*any_s = x.records[i].slot_s;
			rc = 1;
		}
	gdi_index_free(&x);
	return rc;
}

int
godb_writer_has_blocks(struct godb_writer *w, const char *iface,
    int64_t first_s, int64_t last_s, int64_t *any_s)
{
	char **days;
	int iface_fd, n, rc = 0;

	if (!godb_iface_valid(iface))
		return GODB_EIFACE;
	for (size_t i = 0; i < w->n_open; i++)
		if (strcmp(w->open[i]->iface, iface) == 0 &&
		    w->open[i]->slot_s + GP_SLOT_S > first_s &&
		    w->open[i]->slot_s < last_s) {
			if (any_s)
				*any_s = w->open[i]->slot_s;
			return 1;
		}
	iface_fd = gp_fd_opendir_at(w->store_fd, iface);
	if (iface_fd < 0)
		return iface_fd == -ENOENT ? 0 : iface_fd;
	n = gdi_folder_list(iface_fd, gdi_is_day, &days);
	if (n < 0)
		rc = n;
	for (int i = 0; rc == 0 && i < n; i++)
		rc = day_has_blocks(iface_fd, iface, days[i], first_s, last_s,
		    any_s);
	if (n >= 0)
		godb_ifaces_free(days);
	gp_fd_close(&iface_fd);
	return rc;
}
