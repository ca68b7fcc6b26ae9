/*
 * repair - damage out of the indexes, good records untouched.
 *
 * Only indexes and the registry are ever written, each as a new file that is
 * renamed into place after the old one was copied aside; columns are not
 * touched.  So repairing is safe at any point of a crash, and nothing that
 * could still be read is gone.
 */
#include "common/godb/godb_write.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/addrindex.h"
#include "common/godb/cursor.h"
#include "common/godb/evidence.h"
#include "common/godb/gone.h"
#include "common/godb/layout.h"
#include "common/godb/rollup.h"
#include "common/godb/scan.h"

#define COPIES_MAX 100           /* NAME.damaged, NAME.damaged.1 ... */
#define SLOTS      (GP_DAY_S / GP_SLOT_S)

struct repair {
	int store_fd;
	struct godb_repair_opts opts;
	struct godb_repair_report report;
	struct godb_reader *reader;
	const char *iface;
	int iface_fd;
	bool *used; /* GDI_L7_MAX: which names rows have */
};

/* What becomes of one day. */
struct plan {
	struct repair *r;
	const char *day;
	int64_t day_s;
	int day_fd;
	struct gdi_index x;
	bool *bad;           /* of each record: something cannot be read */
	bool lost[SLOTS];    /* to be marked */
	bool needed;
	struct gdi_digest once; /* of the index as it was; index_bytes 0: what
				 * that was nobody knows */
	uint64_t keep_from;  /* an unfinished commit, kept as it is */
};

static void
tell(struct repair *r, const char *folder, const char *file, uint64_t at,
    const char *what)
{
	char place[160];

	(void)snprintf(place, sizeof(place), "%s%s%s%s%s",
	    r->iface ? r->iface : "",
	    r->iface && (folder[0] || file[0]) ? "/" : "", folder,
	    folder[0] ? "/" : "", file);
	if (at > 0)
		(void)snprintf(place + strlen(place),
		    sizeof(place) - strlen(place), " at %" PRIu64, at);
	if (r->opts.each)
		r->opts.each(r->opts.arg, place, what);
}

/* ---- files --------------------------------------------------------------- */

static int
write_copy(int dir, const char *name, uint32_t mode, const void *data,
    size_t len)
{
	int fd = gp_fd_openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, mode);
	int rc = fd < 0 ? fd : fchmod(fd, mode) < 0 ? -errno : 0;

	if (rc == 0)
		rc = gp_fd_pwrite_full(fd, data, len, 0);
	if (rc == 0)
		rc = gp_fd_sync(fd);
	if (rc < 0 && fd >= 0)
		(void)unlinkat(dir, name, 0);
	gp_fd_close(&fd);
	return rc;
}

/* The file as it is, durable under another name. */
static int
copy_aside(const struct repair *r, int dir, const char *name, size_t max_bytes)
{
	char *data, copy[96];
	size_t len;
	int rc = gp_fd_read_file(dir, name, max_bytes, &data, &len);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	rc = -EEXIST;
	for (int i = 0; rc == -EEXIST && i < COPIES_MAX; i++) {
		(void)snprintf(copy, sizeof(copy), "%s" GDI_DAMAGED, name);
		if (i > 0)
			(void)snprintf(copy + strlen(copy),
			    sizeof(copy) - strlen(copy), ".%d", i);
		rc = write_copy(dir, copy, r->opts.mode_file, data, len);
	}
	free(data);
	return rc < 0 ? rc : gp_fd_sync(dir);
}

/* ---- what a day has ------------------------------------------------------ */

static void
lose(struct plan *p, int64_t slot_s)
{
	p->lost[(slot_s - p->day_s) / GP_SLOT_S] = true;
	p->needed = true;
}

/* Bytes of the columns that no record names. */
static uint64_t
unnamed_bytes(const struct plan *p)
{
	uint64_t all = 0;

	for (int c = 0; c < GODB_N_COLUMNS; c++) {
		uint64_t end = 0;
		struct stat st;

		for (size_t i = 0; i < p->x.n; i++) {
			struct gdi_extent e = {0};
			struct gdi_chunk k;

			if (gdi_extent_open(&p->x.records[i],
				(enum godb_column)c, &e) < 0)
				continue;
			while (gdi_extent_next(&e, &k) == 1)
				if (k.offset + k.stored > end)
					end = k.offset + k.stored;
		}
		if (fstatat(p->day_fd, gdi_columns[c].file, &st,
			AT_SYMLINK_NOFOLLOW) == 0 && (uint64_t)st.st_size > end)
			all += (uint64_t)st.st_size - end;
	}
	return all;
}

/* Blocks that the address index knows to have had rows, and that no record is
 * of: all of them, where that is none, for then late records are missing,
 * unless an earlier repair has marked blocks and not come to the address index
 * any more. */
static void
lose_known(struct plan *p)
{
	const struct gdi_slots *used = &p->once.used;
	struct gdi_slots have = {{0}};
	bool all = p->x.n_gaps == 0;

	for (size_t i = 0; i < p->x.n; i++) {
		gdi_slots_set(&have, (unsigned)((p->x.records[i].slot_s -
		    p->day_s) / GP_SLOT_S));
		all = all && !(p->x.records[i].flags & GODB_PART_LOST);
	}
	for (size_t i = 0; i < p->x.n_gaps; i++)
		if (p->x.gaps[i].slot_s >= 0)
			gdi_slots_set(&have, (unsigned)((p->x.gaps[i].slot_s -
			    p->day_s) / GP_SLOT_S));
	all = all && gdi_slots_has_all(&have, used);
	for (unsigned i = 0; i < SLOTS; i++)
		if (gdi_slots_has(used, i) && (all || !gdi_slots_has(&have, i)))
			lose(p, p->day_s + (int64_t)i * GP_SLOT_S);
	p->needed = true;
}

/* Of damage whose time is not known: blocks that are missing between its
 * neighbours in the file, which come in order of time.  Behind the last one
 * anything may have been: one is marked where the columns have more than the
 * record took whose head is there. */
static void
lose_between(struct plan *p, const struct gdi_gap *g)
{
	const struct gdi_index *x = &p->x;
	int64_t first_s = p->day_s, last_s = p->day_s + GP_DAY_S;
	bool have[SLOTS] = {false};

	p->needed = true;
	if (p->once.index_bytes > g->offset) {
		lose_known(p);
		return;
	}
	for (size_t i = 0; i < x->n; i++) {
		const struct gdi_record *r = &x->records[i];

		have[(r->slot_s - p->day_s) / GP_SLOT_S] = true;
		if (r->offset < g->offset)
			first_s = r->slot_s + GP_SLOT_S;
		else if (r->slot_s < last_s && r->offset > g->offset)
			last_s = r->slot_s;
	}
	if (last_s == p->day_s + GP_DAY_S) {
		first_s += g->slot_s == first_s ? GP_SLOT_S : 0;
		if (unnamed_bytes(p) <= g->stored_bytes)
			return;
		if (first_s < last_s)
			last_s = first_s + GP_SLOT_S;
	}
	for (int64_t slot_s = first_s; slot_s < last_s; slot_s += GP_SLOT_S)
		if (!have[(slot_s - p->day_s) / GP_SLOT_S])
			lose(p, slot_s);
}

/* A record that is only too new is a good one: then the day is left alone. */
static int
judge_gaps(struct plan *p)
{
	p->keep_from = p->x.size;
	if (p->x.header_damaged) {
		p->needed = true;
		tell(p->r, p->day, GDI_INDEX, 0, "header is written anew");
	}
	for (size_t i = 0; i < p->x.n_gaps; i++) {
		const struct gdi_gap *g = &p->x.gaps[i];

		if (g->rc == GODB_ENEWER)
			return g->rc;
		if (gdi_gap_may_be_torn(g) &&
		    gdi_journal_vouches(p->r->iface_fd, p->day_s, g->slot_s,
			g->offset)) {
			p->keep_from = g->offset;
			continue;
		}
		tell(p->r, p->day, GDI_INDEX, g->offset,
		    "record that cannot be read is taken out");
		p->needed = true;
		if (g->slot_s >= 0)
			lose(p, g->slot_s);
		if (g->slot_s < 0 || g->cut)
			lose_between(p, g);
	}
	return 0;
}

/* What the address index knows of the index, if it is of this one. */
static int
read_once(struct plan *p)
{
	struct gdi_addrindex x;
	struct gdi_once once;
	int rc = gdi_addrindex_open(p->day_fd, p->day_s, true, &x);

	if (rc == -ENOENT || rc == GODB_EDAMAGED || rc == GODB_ENEWER)
		return 0;
	if (rc < 0)
		return rc;
	gdi_once_of(&x, &once);
	if (gdi_once_is_of(&once, &p->x)) {
		p->once = x.digest;
		memset(&x.digest, 0, sizeof(x.digest)); /* taken */
	}
	gdi_addrindex_close(&x);
	return 0;
}

/* An index only grows: where it does not begin with what it was, records are
 * gone, though all that is there be whole. */
static void
judge_once(struct plan *p)
{
	bool other = p->x.n_gaps == 0 && !p->x.header_damaged &&
	    !gdi_digest_is_of(&p->once, &p->x);

	if (p->once.index_bytes == 0 ||
	    (p->once.index_bytes <= p->x.size && !other))
		return;
	tell(p->r, p->day, GDI_INDEX, p->x.size,
	    "records that were there are gone");
	lose_known(p);
}

/* Roll-ups of a day, whose size the summary has. */
static int
drop_rollups(const struct plan *p)
{
	int rc = 0;

	if (p->r->opts.dry_run)
		return 0;
	rc = gdi_cache_remove(p->day_fd, GDI_ROLLUPS);
	if (rc == 0 || rc == -ENOENT)
		rc = gdi_rollups_remove(p->day_fd);
	if (rc == 0)
		(void)unlinkat(p->r->iface_fd, GDI_SUMMARY, 0);
	return rc;
}

/* Whether all of a day's roll-ups can be read: 1, 0 or an error. */
static int
rollups_hold(const struct godb_scan *s, struct godb_cursor *c,
    const struct gdi_rollups *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct gdi_scan_part part;
		struct godb_columns columns;
		int rc;

		if (!r->list[i].stored)
			continue;
		gdi_scan_rolled(&s->parts[0], r->list[i].record, &part);
		gdi_cursor_rolled(c, &part, 1);
		rc = godb_cursor_load(c, s->n_parts, GODB_COL_ALL, true, true,
		    &columns, NULL);
		if (rc < 0)
			return rc == GODB_EDAMAGED ? 0 : rc;
	}
	return 1;
}

/* They can be made again, so all of the day's go when one does not hold. */
static int
judge_rollups(struct plan *p, const struct godb_scan *s, struct godb_cursor *c)
{
	struct gdi_rollups r;
	size_t n_damaged;
	int rc = gdi_rollups_read(p->day_fd, p->day_s, &r, &n_damaged);

	if (rc < 0)
		return rc == GODB_ENEWER ? 0 : rc;
	rc = n_damaged > 0 ? 0 : s->n_parts == 0 ? 1 : rollups_hold(s, c, &r);
	gdi_cursor_rolled(c, NULL, 0);
	gdi_rollups_free(&r);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	tell(p->r, p->day, GDI_ROLLUPS, 0,
	    "roll-ups that cannot be read are removed");
	p->r->report.files++;
	return drop_rollups(p);
}

static void
note_names(struct repair *r, const struct godb_columns *c)
{
	for (uint32_t i = 0; i < c->n4 + c->n6; i++)
		r->used[c->l7[i]] = true;
}

/* Loads every column of every record. */
static int
judge_records(struct plan *p)
{
	struct godb_scan_opts opts = GODB_SCAN_OPTS_INIT;
	const char *ifaces[] = {p->r->iface, NULL};
	struct godb_cursor *c = NULL;
	struct godb_scan *s = NULL;
	int rc;

	opts.ifaces = ifaces;
	opts.first_s = p->day_s;
	opts.last_s = p->day_s + GP_DAY_S;
	opts.no_live = true;
	rc = godb_scan_open(p->r->reader, &opts, &s);
	if (rc == 0)
		rc = godb_cursor_new(s, &c);
	for (size_t i = 0; rc == 0 && i < s->n_parts; i++) {
		struct godb_columns columns;
		struct godb_fault fault;
		int one = godb_cursor_load(c, i, GODB_COL_ALL, true, true,
		    &columns, &fault);

		if (one == 0) {
			note_names(p->r, &columns);
			continue;
		}
		if (one != GODB_EDAMAGED) {
			rc = one; /* no memory, a failing disk: not damage */
			break;
		}
		for (size_t k = 0; k < p->x.n; k++)
			if (p->x.records[k].offset ==
			    s->parts[i].record->offset)
				p->bad[k] = true;
		lose(p, s->parts[i].part.slot_s);
		if (p->r->opts.each)
			p->r->opts.each(p->r->opts.arg, fault.place,
			    "block that cannot be read is taken out");
	}
	if (rc == 0)
		rc = judge_rollups(p, s, c);
	godb_cursor_free(c);
	godb_scan_close(s);
	return rc;
}

/* ---- the new index ------------------------------------------------------- */

/* Whether the block, of which nothing is known, was of a capture file: as those
 * next to it in time. */
static uint32_t
flags_nearby(const struct plan *p, int64_t slot_s)
{
	uint32_t flags = p->once.flags;
	int64_t nearest = INT64_MAX;

	for (size_t i = 0; i < p->x.n; i++) {
		int64_t away = llabs(p->x.records[i].slot_s - slot_s);

		if (away < nearest) {
			nearest = away;
			flags = p->x.records[i].flags;
		}
	}
	for (size_t i = 0; i < p->x.n_gaps; i++)
		if (p->x.gaps[i].slot_s == slot_s)
			flags = p->x.gaps[i].flags;
	return flags & GODB_PART_OFFLINE;
}

/* A quiet block that says what it is.  Packets that were seen stay counted,
 * unless the journal brings them back. */
static int
add_mark(const struct plan *p, int64_t slot_s, struct gdi_buf *out)
{
	struct gdi_record r = {.slot_s = slot_s,
	    .first_ns = slot_s * GP_NS_PER_S,
	    .last_ns = (slot_s + GP_SLOT_S) * GP_NS_PER_S,
	    .flags = GODB_PART_LOST | flags_nearby(p, slot_s)};
	const struct gdi_buf none[GODB_N_COLUMNS] = {{0}};
	const struct gdi_rings no_rings = {0};
	bool journal = gdi_journal_vouches(p->r->iface_fd, p->day_s, slot_s,
	    UINT64_MAX);

	if (gdi_random(r.id, sizeof(r.id)) < 0)
		return -EIO;
	for (size_t i = 0; i < p->x.n; i++) {
		const struct gdi_record *old = &p->x.records[i];

		if (!p->bad[i] || old->slot_s != slot_s)
			continue;
		r.flags |= old->flags;
		if (!journal)
			gdi_sum_counters(&r.counters, &old->counters);
	}
	gdi_record_write(&r, none, &no_rings, out);
	p->r->report.lost++;
	return out->rc;
}

static int
build_index(const struct plan *p, struct gdi_buf *out)
{
	uint8_t header[GDI_HEADER_BYTES];
	int rc = 0;

	gdi_index_header(p->r->iface, p->day_s, header);
	gdi_buf_bytes(out, header, sizeof(header));
	for (size_t i = 0; i < p->x.n; i++) {
		const uint8_t *at = p->x.data + p->x.records[i].offset;

		if (p->bad[i])
			continue;
		gdi_buf_bytes(out, at, gdi_get32(at + 4));
		p->r->report.kept++;
	}
	for (int64_t i = 0; rc == 0 && i < SLOTS; i++)
		if (p->lost[i])
			rc = add_mark(p, p->day_s + i * GP_SLOT_S, out);
	gdi_buf_bytes(out, p->x.data + p->keep_from,
	    p->x.size - p->keep_from);
	return rc < 0 ? rc : out->rc;
}

static int
replace_index(struct plan *p)
{
	struct repair *r = p->r;
	struct gdi_buf data = {0};
	int fd, rc = build_index(p, &data);

	if (rc == 0 && !r->opts.dry_run) {
		rc = copy_aside(r, p->day_fd, GDI_INDEX, GDI_INDEX_BYTES);
		if (rc == 0)
			rc = gdi_journals_lower(r->iface_fd, p->day_s,
			    data.len - (p->x.size - p->keep_from));
		fd = rc < 0 ? rc : gp_fd_replace(p->day_fd, GDI_INDEX,
		    r->opts.mode_file, data.p, data.len);
		rc = fd < 0 ? fd : 0;
		gp_fd_close(&fd);
		if (rc == 0)
			rc = gp_fd_sync(p->day_fd);
		/* another length may by chance be the old one; and records
		 * that are marked as lost are in no roll-up */
		if (rc == 0)
			(void)unlinkat(r->iface_fd, GDI_SUMMARY, 0);
		/* it is of what was there before; a writer makes it anew */
		if (rc == 0)
			(void)unlinkat(p->day_fd, GDI_ADDRESSES, 0);
		if (rc == 0)
			rc = drop_rollups(p);
	}
	gdi_buf_free(&data);
	r->report.days += rc == 0;
	return rc;
}

/* One that cannot be read, or is of something else, is taken away: it can be
 * made again. */
static int
repair_addresses(struct plan *p)
{
	struct gdi_addrindex x;
	struct gdi_addrwalk *w = NULL;
	struct godb_addr6 a;
	struct gdi_slots s;
	int rc = gdi_addrindex_open(p->day_fd, p->day_s, false, &x), one = 1;

	if (rc == 0) {
		rc = gdi_addrwalk_new(&w);
		if (rc == 0 && !gdi_digest_is_of(&x.digest, &p->x))
			rc = GODB_EDAMAGED;
		for (int v = 0; rc == 0 && v < 2; v++) {
			gdi_addrwalk_begin(w, &x, v == 1);
			while ((one = gdi_addrwalk_next(w, &a)) == 1 &&
			    (one = gdi_addrwalk_slots(w, &s)) == 0)
				;
			rc = one < 0 ? one : 0;
		}
		gdi_addrwalk_free(w);
		gdi_addrindex_close(&x);
	}
	if (rc == -ENOENT || rc == GODB_ENEWER)
		return 0;
	if (rc != GODB_EDAMAGED)
		return rc;
	tell(p->r, p->day, GDI_ADDRESSES, 0,
	    "address index that does not hold is taken away");
	p->r->report.files++;
	if (p->r->opts.dry_run)
		return 0;
	(void)unlinkat(p->r->iface_fd, GDI_SUMMARY, 0); /* has its size */
	return gdi_cache_remove(p->day_fd, GDI_ADDRESSES);
}

static int
repair_day(struct repair *r, const char *day, const bool *lost)
{
	struct plan p = {.r = r, .day = day};
	int rc;

	(void)gp_clock_day_parse(day, &p.day_s);
	p.day_fd = gp_fd_opendir_at(r->iface_fd, day);
	if (p.day_fd < 0)
		return p.day_fd;
	if (gdi_day_bereft(r->iface_fd, day)) {
		gp_fd_close(&p.day_fd);
		tell(r, day, GDI_INDEX, 0,
		    "index is gone: put back a copy, or remove the day");
		return GODB_EDAMAGED;
	}
	rc = gdi_index_read(p.day_fd, p.day_s, &p.x);
	if (rc == 0 && p.x.size == 0 &&
	    !gdi_journal_vouches(r->iface_fd, p.day_s, -1, 0)) {
		tell(r, day, GDI_INDEX, 0, "header is written anew");
		p.needed = true;
	}
	if (rc == -ENOENT)
		rc = 0;
	if (rc == 0)
		rc = read_once(&p);
	if (rc == 0) {
		p.bad = calloc(p.x.n + 1, sizeof(*p.bad));
		rc = p.bad ? 0 : -ENOMEM;
	}
	if (rc == 0)
		rc = judge_gaps(&p);
	if (rc == 0)
		judge_once(&p);
	if (rc == 0)
		rc = judge_records(&p);
	for (size_t i = 0; rc == 0 && lost && i < SLOTS; i++)
		if (lost[i])
			lose(&p, p.day_s + (int64_t)i * GP_SLOT_S);
	if (rc == 0 && p.needed)
		rc = replace_index(&p);
	/* with the old index went what was made of it */
	if (rc == 0 && !p.needed)
		rc = repair_addresses(&p);
	free(p.bad);
	gdi_digest_free(&p.once);
	gdi_index_free(&p.x);
	gp_fd_close(&p.day_fd);
	if (rc < 0 && rc != -ENOMEM)
		tell(r, day, GDI_INDEX, 0, godb_strerror(rc));
	return rc;
}

/* ---- journals ------------------------------------------------------------ */

/* One that a writer set aside: nothing can be had from it. */
static int
give_up_journal(struct repair *r, int dir, const char *name)
{
	int64_t slot_s = gdi_journal_slot(name, GDI_DAMAGED);
	bool lost[SLOTS] = {false};
	char day[11], to[64];
	int fd, rc;

	gp_clock_day_format(slot_s, day);
	lost[(slot_s - gp_clock_day(slot_s)) / GP_SLOT_S] = true;
	tell(r, GDI_JOURNALS, name, 0,
	    "journal that cannot be read is given up");
	r->report.files++;
	if (!r->opts.dry_run) {
		fd = gdi_folder_make(r->iface_fd, day, 0750);
		if (fd < 0)
			return fd;
		gp_fd_close(&fd);
	}
	rc = repair_day(r, day, lost);
	if (rc == -ENOENT && r->opts.dry_run)
		rc = 0;
	(void)snprintf(to, sizeof(to), "%" PRId64 ".gpj" GDI_UNREADABLE, slot_s);
	if (rc < 0 || r->opts.dry_run)
		return rc;
	return renameat(dir, name, dir, to) < 0 ? -errno : gp_fd_sync(dir);
}

static int
repair_journals(struct repair *r)
{
	char **names;
	int dir = gp_fd_opendir_at(r->iface_fd, GDI_JOURNALS);
	int n = dir < 0 ? dir : gdi_folder_list(dir, gdi_is_damaged_journal,
				    &names);
	int rc = n < 0 && n != -ENOENT ? n : 0;

	for (int i = 0; i < n; i++) {
		int one = give_up_journal(r, dir, names[i]);

		rc = rc < 0 ? rc : one;
	}
	if (n >= 0)
		godb_ifaces_free(names);
	gp_fd_close(&dir);
	return rc;
}

/* ---- all of it ----------------------------------------------------------- */

/* What it said is lost; a copy stays for people. */
static int
repair_gone(struct repair *r)
{
	struct gdi_gone gone;
	int rc = gdi_gone_read(r->iface_fd, &gone);

	if (rc != GODB_EDAMAGED)
		return rc == -ENOENT ? 0 : rc;
	tell(r, "", GDI_GONE, 0, "what retention removed is not known any more");
	if (r->opts.dry_run)
		return 0;
	/* whatever it is now, and however long */
	rc = copy_aside(r, r->iface_fd, GDI_GONE, GDI_INDEX_BYTES);
	if (rc == 0 && unlinkat(r->iface_fd, GDI_GONE, 0) < 0)
		rc = -errno;
	return rc;
}

static int
repair_iface(struct repair *r)
{
	char **days;
	int n = gdi_folder_list(r->iface_fd, gdi_is_day, &days);
	int rc = n < 0 ? n : 0, one;

	for (int i = 0; i < n; i++) { /* one that fails does not stop others */
		one = repair_day(r, days[i], NULL);
		rc = rc < 0 ? rc : one;
	}
	if (n >= 0)
		godb_ifaces_free(days);
	one = repair_gone(r);
	rc = rc < 0 ? rc : one;
	one = repair_journals(r);
	return rc < 0 ? rc : one;
}

/* Whether a row's name is not in the registry, which then grows to hold it. */
static int
lacks_names(const struct repair *r, struct gdi_names *names, bool *lacks)
{
	size_t end = 0;

	for (size_t id = 1; id < GDI_L7_MAX; id++) {
		if (!r->used[id])
			continue;
		end = id + 1;
		*lacks = *lacks || gdi_names_get(names, id) == NULL;
	}
	return *lacks ? gdi_names_reserve(names, end) : 0;
}

/* After all days: only their rows tell which names it must have. */
static int
repair_registry(struct repair *r)
{
	struct gdi_names names;
	bool lacks = false;
	int rc = gdi_names_load(r->store_fd, &names);

	r->iface = NULL;
	if (rc < 0)
		return rc;
	rc = lacks_names(r, &names, &lacks);
	if (names.n_damaged > 0)
		tell(r, "", GDI_REGISTRY, 0,
		    "lines that cannot be read are taken out");
	if (lacks)
		tell(r, "", GDI_REGISTRY, 0,
		    "names that are lost are called [lost ID]");
	if (rc == 0 && (names.n_damaged > 0 || lacks)) {
		r->report.files++;
		if (!r->opts.dry_run)
			rc = copy_aside(r, r->store_fd, GDI_REGISTRY,
			    GDI_REGISTRY_BYTES);
		if (rc == 0 && !r->opts.dry_run)
			rc = gdi_names_rewrite(&names, r->store_fd,
			    r->opts.mode_file);
	}
	gdi_names_free(&names);
	return rc;
}

static int
repair_all(struct repair *r)
{
	char **ifaces;
	int n = godb_reader_ifaces(r->reader, &ifaces);
	int rc = n < 0 ? n : 0;

	for (int i = 0; i < n; i++) {
		int one;

		r->iface = ifaces[i];
		r->iface_fd = gp_fd_opendir_at(r->store_fd, ifaces[i]);
		one = r->iface_fd < 0 ? r->iface_fd : repair_iface(r);
		if (r->iface_fd == -EACCES &&
		    gdi_is_strangers(r->store_fd, ifaces[i])) {
			tell(r, "", "", 0,
			    "passed over, it is of another user");
			one = 0;
		}
		gp_fd_close(&r->iface_fd);
		rc = rc < 0 ? rc : one;
	}
	if (n >= 0) {
		int one = repair_registry(r);

		rc = rc < 0 ? rc : one;
		godb_ifaces_free(ifaces);
	}
	return rc;
}

int
godb_repair(int store_fd, const struct godb_repair_opts *opts,
    struct godb_repair_report *out, struct godb_diag *diag)
{
	struct repair r = {.store_fd = store_fd, .iface_fd = -1};
	int lock_fd = -1, copy = -1, rc = gdi_marker_check(store_fd);

	r.opts = (struct godb_repair_opts)GODB_REPAIR_OPTS_INIT;
	if (rc == 0)
		rc = gdi_opts_take(&r.opts, sizeof(r.opts), opts);
	r.used = calloc(GDI_L7_MAX, sizeof(*r.used));
	if (r.used == NULL)
		rc = -ENOMEM;
	if (rc == 0 && !r.opts.dry_run)
		rc = gdi_lock(store_fd, r.opts.owner, &lock_fd, diag);
	if (rc == 0) {
		copy = gp_fd_opendir_at(store_fd, ".");
		rc = copy < 0 ? copy : godb_reader_openat(copy, &r.reader);
	}
	if (rc == 0)
		rc = repair_all(&r);
	*out = r.report;
	free(r.used);
	godb_reader_close(r.reader);
	gp_fd_close(&lock_fd);
	return rc;
}
