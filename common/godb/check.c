/*
 * check - every checksum and invariant of a store.
 *
 * Goes day by day through the reader itself, so that what is checked is what
 * is served, and adds what a reader takes on trust: order and uniqueness of
 * rows, the sums and limits that the index keeps beside the columns, and that
 * no batch of a ring is in two records.
 *
 * The accounting (seen = rows + non-IP + malformed) is no invariant of a
 * record: late packets are seen in one block and counted in another.
 */
#include "common/godb/godb.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/godb/addrbuild.h"
#include "common/godb/cursor.h"
#include "common/godb/evidence.h"
#include "common/godb/gone.h"
#include "common/godb/layout.h"
#include "common/godb/rollup.h"
#include "common/godb/scan.h"
#include "common/godb/summary.h"

struct check {
	const struct godb_reader *reader;
	struct godb_check_opts opts;
	struct godb_check_report report;
	size_t done, all; /* days */
	bool nameless; /* rows have names that the registry lacks */
	/* the interface at hand */
	const char *iface;
	int iface_fd;
	struct gdi_rings rings; /* of all its records so far */
	struct gdi_summary summary;
};

/* Before each day.  Days may have come since they were counted. */
static bool
cancelled(const struct check *k)
{
	size_t all = k->all > k->done ? k->all : k->done + 1;

	return gdi_cancelled(k->opts.cancel) ||
	    (k->opts.progress &&
		k->opts.progress(k->opts.arg, k->done, all) != 0);
}

static void
report(struct check *k, const struct godb_fault *f, const char *why)
{
	k->report.faults++;
	if (k->opts.fault)
		k->opts.fault(k->opts.arg, f, why);
}

/* Something in a record, or in what it names. */
static void
report_record(struct check *k, const struct gdi_scan_part *p, const char *file,
    uint64_t at, const char *why)
{
	struct godb_fault f = {.iface = k->iface,
	    .first_s = p->part.slot_s,
	    .last_s = p->part.slot_s + GP_SLOT_S,
	    .rc = GODB_EDAMAGED};
	char day[11];

	gp_clock_day_format(p->part.slot_s, day);
	(void)snprintf(f.place, sizeof(f.place), "%s/%s/%s at %" PRIu64,
	    k->iface, day, file, at);
	report(k, &f, why);
}

/* Which index the record is in. */
static const char *
index_of(const struct gdi_scan_part *p)
{
	return p->rolled ? GDI_ROLLUPS : GDI_INDEX;
}

static void
report_file(struct check *k, const char *file, int rc, const char *why)
{
	struct godb_fault f = {.iface = k->iface ? k->iface : "", .rc = rc};

	(void)snprintf(f.place, sizeof(f.place), "%s%s%s",
	    k->iface ? k->iface : "", k->iface && file[0] ? "/" : "", file);
	report(k, &f, why);
}

/* ---- rows ---------------------------------------------------------------- */

static int
order_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int
order_addr6(const struct godb_addr6 *a, const struct godb_addr6 *b)
{
	int d = order_numbers(a->hi, b->hi);

	return d ? d : order_numbers(a->lo, b->lo);
}

static int
order_rows(const struct godb_columns *c, uint32_t a, uint32_t b)
{
	int d;

	if (a < c->n4) {
		d = order_numbers(c->sip4[a], c->sip4[b]);
		d = d ? d : order_numbers(c->dip4[a], c->dip4[b]);
	} else {
		d = order_addr6(&c->sip6[a - c->n4], &c->sip6[b - c->n4]);
		d = d ? d : order_addr6(&c->dip6[a - c->n4],
				&c->dip6[b - c->n4]);
	}
	d = d ? d : order_numbers(c->dport[a], c->dport[b]);
	d = d ? d : order_numbers(c->proto[a], c->proto[b]);
	return d ? d : order_numbers(c->l7[a], c->l7[b]);
}

/* A value as the index's limits know it. */
static uint64_t
value_at(const struct godb_columns *c, enum godb_column column, uint32_t r)
{
	bool v6 = r >= c->n4;

	switch (column) {
	case GODB_SIP:
		return v6 ? c->sip6[r - c->n4].hi : c->sip4[r];
	case GODB_DIP:
		return v6 ? c->dip6[r - c->n4].hi : c->dip4[r];
	case GODB_DPORT:
		return c->dport[r];
	case GODB_PROTO:
		return c->proto[r];
	case GODB_L7PROTO:
		return c->l7[r];
	case GODB_BYTES_RCVD:
	case GODB_BYTES_SENT:
	case GODB_PKTS_RCVD:
	case GODB_PKTS_SENT:
		return c->counter[column - GODB_BYTES_RCVD][r];
	case GODB_N_COLUMNS:
		break;
	}
	return 0;
}

/* The chunks' limits, which queries skip blocks by. */
static void
check_zones(struct check *k, const struct gdi_scan_part *p,
    const struct godb_columns *c, uint64_t *stored)
{
	for (int i = 0; i < GODB_N_COLUMNS; i++) {
		enum godb_column column = (enum godb_column)i;
		struct gdi_extent e = {0};
		struct gdi_chunk chunk;
		uint32_t r = 0;
		int rc = gdi_extent_open(p->record, column, &e);

		while (rc == 0 && (rc = gdi_extent_next(&e, &chunk)) == 1) {
			uint64_t min = UINT64_MAX, max = 0;

			for (uint32_t end = r + chunk.rows; r < end; r++) {
				uint64_t v = value_at(c, column, r);

				min = v < min ? v : min;
				max = v > max ? v : max;
			}
			if (min != chunk.min || max != chunk.max)
				report_record(k, p, p->rolled ? GDI_ROLLED :
				    gdi_columns[i].file,
				    chunk.offset,
				    "values outside the index's limits");
			*stored += chunk.stored;
			rc = 0;
		}
	}
}

/* apart: equal keys may come more than once. */
static void
check_rows(struct check *k, const struct gdi_scan_part *p,
    const struct godb_columns *c, const struct godb_scan *s, bool apart)
{
	uint32_t n = c->n4 + c->n6;
	uint64_t sums[4] = {0}, stored = 0;
	bool sorted = true, named = true;

	for (uint32_t r = 0; r < n; r++) {
		uint64_t v[4];

		for (int i = 0; i < 4; i++)
			v[i] = c->counter[i][r];
		gdi_sum_values(sums, v, 4);
		if (r > 0 && r != c->n4)
			sorted = sorted &&
			    order_rows(c, r - 1, r) < (apart ? 1 : 0);
		named = named && (c->l7[r] == 0 ||
				     godb_scan_l7_name(s, c->l7[r]) != NULL);
	}
	if (!sorted)
		report_record(k, p, index_of(p), p->record->offset,
		    apart ? "rows are not sorted" :
			    "rows are not sorted and unique");
	k->nameless = k->nameless || !named;
	if (!named)
		report_record(k, p, p->rolled ? GDI_ROLLED :
		    gdi_columns[GODB_L7PROTO].file, 0,
		    "application without a name");
	if (p->record->has_sums &&
	    memcmp(sums, p->record->sums, sizeof(sums)) != 0)
		report_record(k, p, index_of(p), p->record->offset,
		    "sums differ from the rows");
	check_zones(k, p, c, &stored);
	if (stored != p->part.stored_bytes)
		report_record(k, p, index_of(p), p->record->offset,
		    "chunks have another size than stated");
}

/* ---- records ------------------------------------------------------------- */

static int
check_rings(struct check *k, const struct gdi_scan_part *p)
{
	struct gdi_rings own = {0};
	int rc = gdi_rings_read(&own, p->record->rings);

	if (rc == GODB_EDAMAGED)
		report_record(k, p, GDI_INDEX, p->record->offset,
		    "ring ranges");
	else if (rc == 0 && gdi_rings_meet(&k->rings, &own))
		report_record(k, p, GDI_INDEX, p->record->offset,
		    "batches that an earlier record holds too");
	if (rc == 0)
		rc = gdi_rings_read(&k->rings, p->record->rings);
	gdi_rings_free(&own);
	return rc == GODB_EDAMAGED ? 0 : rc;
}

/* Of a day's records each has an id of its own. */
static void
check_ids(struct check *k, const struct godb_scan *s)
{
	for (size_t i = 0; i < s->n_parts; i++)
		for (size_t j = 0; j < i && s->parts[i].record; j++)
			if (s->parts[j].record &&
			    memcmp(s->parts[i].record->id,
				s->parts[j].record->id, 16) == 0)
				report_record(k, &s->parts[i], GDI_INDEX,
				    s->parts[i].record->offset,
				    "id of another record");
}

static int
check_part(struct check *k, const struct godb_scan *s, struct godb_cursor *c,
    size_t i)
{
	const struct gdi_scan_part *p = &s->parts[i];
	struct godb_columns columns;
	struct godb_fault fault;
	int rc = godb_cursor_load(c, i, GODB_COL_ALL, true, true, &columns,
	    &fault);

	if (rc == -ENOMEM)
		return rc;
	if (rc < 0 && rc != GODB_EGONE)
		report(k, &fault, "");
	if (p->live) {
		k->report.batches += p->live->n;
		return 0;
	}
	k->report.records++;
	k->report.rows += (uint64_t)p->part.n4 + p->part.n6;
	if (rc == 0)
		check_rows(k, p, &columns, s, false);
	return check_rings(k, p);
}

/* ---- roll-ups ------------------------------------------------------------ */

/* A writer may have replaced it since; then there is nothing to say. */
static bool
still_there(const struct check *k, const char *day, const struct gdi_rollup *r)
{
	struct gdi_rollups now = {.list = NULL};
	const struct gdi_rollup *same;
	int fd = gp_fd_opendir_at(k->iface_fd, day);
	bool there;

	if (fd < 0 ||
	    gdi_rollups_read(fd, gp_clock_day(r->record->slot_s), &now, NULL) <
		0) {
		gp_fd_close(&fd);
		return false;
	}
	gp_fd_close(&fd);
	same = gdi_rollups_find(&now, r->record->slot_s, r->span_s, r->kind);
	there = same && memcmp(same->record->id, r->record->id, 16) == 0;
	gdi_rollups_free(&now);
	return there;
}

/* Where all records that it lists are there they must come to its sums; one
 * that lists others is of no use, but no damage. */
static void
check_listed(struct check *k, const struct godb_scan *s,
    const struct gdi_scan_part *p, const struct gdi_rollup *r)
{
	uint64_t sums[4] = {0}, one[4], n = 0, rows = 0;
	bool known = true;

	for (size_t i = 0; i < s->n_parts; i++) {
		const struct gdi_record *record = s->parts[i].record;

		if (!record || !gdi_rollup_lists(r, record, &n))
			continue;
		known = known && record->has_sums;
		gdi_record_sums(record, one);
		gdi_sum_values(sums, one, 4);
		rows += (uint64_t)record->n4 + record->n6;
	}
	if (n == r->n && r->kind == GDI_ROLLUP_APART &&
	    rows != (uint64_t)r->record->n4 + r->record->n6)
		report_record(k, p, GDI_ROLLUPS, p->record->offset,
		    "other rows than those of the blocks");
	if (n == r->n && known && memcmp(sums, r->record->sums,
				      sizeof(sums)) != 0)
		report_record(k, p, GDI_ROLLUPS, p->record->offset,
		    "sums differ from those of the blocks");
}

/* A part whose day is known: a journal's, which may come before, has none. */
static const struct gdi_scan_part *
first_record(const struct godb_scan *s)
{
	for (size_t i = 0; i < s->n_parts; i++)
		if (s->parts[i].record)
			return &s->parts[i];
	return NULL;
}

static int
check_rollup(struct check *k, const struct godb_scan *s,
    struct godb_cursor *c, const char *day, const struct gdi_rollup *r)
{
	struct gdi_scan_part p;
	struct godb_columns columns;
	struct godb_fault fault;
	int rc;

	gdi_scan_rolled(first_record(s), r->record, &p);
	gdi_cursor_rolled(c, &p, 1);
	rc = godb_cursor_load(c, s->n_parts, GODB_COL_ALL, true, true,
	    &columns, &fault);
	gdi_cursor_rolled(c, NULL, 0);
	if (rc == -ENOMEM)
		return rc;
	k->report.rollups++;
	if (rc == 0) {
		check_rows(k, &p, &columns, s,
		    r->kind == GDI_ROLLUP_APART);
		check_listed(k, s, &p, r);
	} else if (rc != GODB_EGONE && still_there(k, day, r)) {
		fault.first_s = fault.last_s = 0; /* no data is missing */
		report(k, &fault, "roll-up");
	}
	return 0;
}

static int
check_rollups(struct check *k, const struct godb_scan *s,
    struct godb_cursor *c, const char *day)
{
	struct gdi_rollups r = {.list = NULL};
	char place[32];
	size_t n_damaged = 0;
	int64_t day_s = 0;
	int fd = gp_fd_opendir_at(k->iface_fd, day), rc;

	if (fd < 0 || first_record(s) == NULL) {
		gp_fd_close(&fd);
		return 0;
	}
	(void)gp_clock_day_parse(day, &day_s);
	rc = gdi_rollups_read(fd, day_s, &r, &n_damaged);
	gp_fd_close(&fd);
	(void)snprintf(place, sizeof(place), "%s/" GDI_ROLLUPS, day);
	if (rc < 0 && rc != -ENOMEM)
		report_file(k, place, rc, "");
	else if (n_damaged > 0)
		report_file(k, place, GODB_EDAMAGED, "");
	for (size_t i = 0; rc == 0 && i < r.n; i++)
		if (r.list[i].stored)
			rc = gdi_cancelled(k->opts.cancel) ? GODB_ECANCELLED :
			    check_rollup(k, s, c, day, &r.list[i]);
	gdi_rollups_free(&r);
	return rc == -ENOMEM || rc == GODB_ECANCELLED ? rc : 0;
}

/* ---- days ---------------------------------------------------------------- */

/* What the summary says of the day must be what the index says. */
static int
check_summary(struct check *k, const char *day)
{
	enum gdi_day_state state;
	const struct gdi_day_sum *have;
	struct gdi_day_sum want;
	int64_t day_s = 0;
	int rc;

	(void)gp_clock_day_parse(day, &day_s);
	have = gdi_summary_find(&k->summary, day_s);
	if (have == NULL)
		return 0;
	rc = gdi_day_sum(k->iface_fd, day, &want, &state);
	if (rc == -ENOMEM)
		return rc;
	/* what an unfinished commit left in the columns is no part of it */
	want.file_bytes = have->file_bytes;
	if (rc == 0 && state == GDI_DAY_WHOLE &&
	    have->index_bytes == want.index_bytes &&
	    memcmp(have, &want, sizeof(want)) != 0)
		report_file(k, GDI_SUMMARY, GODB_EDAMAGED,
		    "differs from a day's index");
	return 0;
}

/* ---- address index ------------------------------------------------------- */

static void
report_addresses(struct check *k, const char *day, int rc, const char *why)
{
	char file[32];

	(void)snprintf(file, sizeof(file), "%s/" GDI_ADDRESSES, day);
	report_file(k, file, rc, why);
}

/* Both are ascending: the first address or set of blocks in which they
 * differ.  1 the same, 0 not, or an error of either. */
static int
same_addresses(struct gdi_addrwalk *a, struct gdi_addrwalk *b)
{
	struct godb_addr6 x, y;
	struct gdi_slots s, t;
	int rc, rd;

	do {
		rc = gdi_addrwalk_next(a, &x);
		rd = gdi_addrwalk_next(b, &y);
		if (rc < 0 || rd < 0)
			return rc < 0 ? rc : rd;
		if (rc != rd || (rc == 1 && gdi_addr_order(x, y) != 0))
			return 0;
		if (rc == 1)
			rc = gdi_addrwalk_slots(a, &s);
		if (rc == 0 && rd == 1)
			rc = gdi_addrwalk_slots(b, &t);
		if (rc < 0)
			return rc;
		if (rd == 1 && memcmp(&s, &t, sizeof(s)) != 0)
			return 0;
	} while (rd == 1);
	return 1;
}

static int
compare_addresses(struct check *k, const char *day, struct gdi_addrindex *have,
    struct gdi_addrindex *want)
{
	struct gdi_addrwalk *a = NULL, *b = NULL;
	struct gdi_buf x = {0}, y = {0};
	int rc = gdi_addrwalk_new(&a);

	if (rc == 0)
		rc = gdi_addrwalk_new(&b);
	gdi_digest_write(&have->digest, &x);
	gdi_digest_write(&want->digest, &y);
	if (rc == 0 && (x.rc < 0 || y.rc < 0))
		rc = -ENOMEM;
	if (rc == 0 && (x.len != y.len || memcmp(x.p, y.p, x.len) != 0))
		report_addresses(k, day, GODB_EDAMAGED,
		    "says something else of the blocks");
	/* one that does not list them is not wrong about them */
	for (int v = 0; rc == 0 && have->listed && want->listed && v < 2;
	     v++) {
		gdi_addrwalk_begin(a, have, v == 1);
		gdi_addrwalk_begin(b, want, v == 1);
		rc = same_addresses(a, b);
		if (rc == 0)
			report_addresses(k, day, GODB_EDAMAGED,
			    "has other addresses than the blocks");
		/* what was made is in memory: it cannot be the other one */
		if (rc < 0 && rc != -ENOMEM)
			report_addresses(k, day, rc, "");
		if (rc != 1)
			break;
		rc = 0;
	}
	gdi_addrwalk_free(a);
	gdi_addrwalk_free(b);
	gdi_buf_free(&x);
	gdi_buf_free(&y);
	return rc == -ENOMEM ? rc : 0;
}

/* Whether it is of the index that is there, or an error.  Of one with damage,
 * which is told already, it need not be. */
static int
is_of_index(int day_fd, int64_t day_s, const struct gdi_addrindex *have)
{
	struct gdi_once once;
	struct gdi_index x;
	int rc = gdi_index_read(day_fd, day_s, &x);

	if (rc < 0)
		return rc == GODB_EDAMAGED || rc == GODB_ENEWER ? 1 : rc;
	gdi_once_of(have, &once);
	rc = gdi_digest_is_of(&have->digest, &x) || x.n_gaps > 0 ||
	    x.header_damaged || gdi_index_shrunk(&once, &x);
	gdi_index_free(&x);
	return rc;
}

/* Makes it once more of what it says that it is of; `told`: of the day there is
 * something that cannot be read. */
static int
check_addresses(struct check *k, const char *day, bool told)
{
	struct gdi_addrbuild_opts opts = {.iface = k->iface};
	struct gdi_addrbuild *build;
	struct gdi_addrindex have, want;
	int fd = gp_fd_opendir_at(k->iface_fd, day), rc;
	uint8_t *bytes;
	size_t len;

	if (fd < 0)
		return 0;
	(void)gp_clock_day_parse(day, &opts.day_s);
	rc = gdi_addrindex_open(fd, opts.day_s, false, &have);
	if (rc < 0) {
		gp_fd_close(&fd);
		if (rc != -ENOENT && rc != -ENOMEM)
			report_addresses(k, day, rc, "");
		return rc == -ENOMEM ? rc : 0;
	}
	opts.only_bytes = have.digest.index_bytes;
	rc = is_of_index(fd, opts.day_s, &have);
	if (rc == 0)
		report_addresses(k, day, GODB_EDAMAGED,
		    "is not of this day's index");
	if (rc == 1)
		rc = gdi_addrbuild_new(fd, &opts, &build);
	else if (rc == 0)
		rc = -ENOENT;
	if (rc == 0) {
		while ((rc = gdi_addrbuild_step(build)) == 1)
			;
		bytes = gdi_addrbuild_take(build, &len);
		gdi_addrbuild_free(build);
		if (rc == 0)
			rc = gdi_addrindex_parse(bytes, len, opts.day_s,
			    &want);
		else
			free(bytes);
		if (rc == 0) {
			rc = compare_addresses(k, day, &have, &want);
			gdi_addrindex_close(&want);
		}
	}
	/* damage of the day itself is told already, and where it is replaced
	 * its index is not used; a call that fails says nothing of either */
	if (!told && rc < 0 && rc > GODB_ENOTSTORE && rc != -ENOENT &&
	    rc != -ENOMEM)
		report_addresses(k, day, rc, "cannot be compared");
	gdi_addrindex_close(&have);
	gp_fd_close(&fd);
	return rc == -ENOMEM ? rc : 0;
}

static bool
is_registry(const struct godb_fault *f)
{
	return strcmp(f->place, GDI_REGISTRY) == 0;
}

static int
check_day(struct check *k, const char *day)
{
	struct godb_scan_opts opts = GODB_SCAN_OPTS_INIT;
	const char *ifaces[] = {k->iface, NULL};
	struct godb_scan *s;
	struct godb_cursor *c = NULL;
	uint64_t read_bytes = 0, decoded, before = k->report.faults;
	int rc;

	(void)gp_clock_day_parse(day, &opts.first_s);
	opts.last_s = opts.first_s + GP_DAY_S;
	opts.ifaces = ifaces;
	rc = godb_scan_open(k->reader, &opts, &s);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < s->n_faults; i++)
		if (!is_registry(&s->faults[i]) && s->faults[i].rc != -ENOENT)
			report(k, &s->faults[i], "");
	check_ids(k, s);
	rc = godb_cursor_new(s, &c);
	for (size_t i = 0; rc == 0 && i < s->n_parts; i++)
		rc = gdi_cancelled(k->opts.cancel) ? GODB_ECANCELLED :
						     check_part(k, s, c, i);
	if (rc == 0)
		rc = check_rollups(k, s, c, day);
	if (c)
		godb_cursor_stats(c, &read_bytes, &decoded);
	k->report.bytes += read_bytes;
	godb_cursor_free(c);
	godb_scan_close(s);
	if (rc == 0)
		rc = check_addresses(k, day, k->report.faults > before);
	return rc < 0 ? rc : check_summary(k, day);
}

/* ---- interfaces ---------------------------------------------------------- */

static int
order_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Days that have a folder, or only journals yet. */
static int
list_days(int iface_fd, char ***out)
{
	char **days, **names = NULL, **all;
	int n = gdi_folder_list(iface_fd, gdi_is_day, &days);
	int dir = gp_fd_opendir_at(iface_fd, GDI_JOURNALS);
	int n_names = dir < 0 ? 0 : gdi_folder_list(dir, NULL, &names);
	int kept = 0;

	gp_fd_close(&dir);
	if (n < 0 || n_names < 0) {
		if (n >= 0)
			godb_ifaces_free(days);
		if (n_names >= 0 && names)
			godb_ifaces_free(names);
		return n < 0 ? n : n_names;
	}
	all = reallocarray(days, (size_t)n + (size_t)n_names + 1,
	    sizeof(*all));
	if (all == NULL) {
		godb_ifaces_free(days);
		godb_ifaces_free(names);
		return -ENOMEM;
	}
	for (int i = 0; i < n_names; i++) {
		int64_t slot_s = gdi_journal_slot(names[i], "");

		if (slot_s < 0)
			slot_s = gdi_journal_slot(names[i], GDI_DAMAGED);
		if (slot_s < 0)
			continue;
		all[n] = malloc(11);
		if (all[n])
			gp_clock_day_format(slot_s, all[n++]);
	}
	if (names)
		godb_ifaces_free(names);
	qsort(all, (size_t)n, sizeof(*all), order_texts);
	for (int i = 0; i < n; i++) {
		if (kept > 0 && strcmp(all[kept - 1], all[i]) == 0)
			free(all[i]);
		else
			all[kept++] = all[i];
	}
	all[kept] = NULL;
	*out = all;
	return kept;
}

static int
check_iface(struct check *k)
{
	char **days = NULL;
	struct gdi_gone gone;
	size_t damaged = 0;
	int rc, n;

	k->report.ifaces++;
	rc = gdi_summary_read(k->iface_fd, &k->summary, &damaged);
	if (damaged > 0)
		report_file(k, GDI_SUMMARY, GODB_EDAMAGED, "");
	n = gdi_gone_read(k->iface_fd, &gone);
	if (n < 0 && n != -ENOENT)
		report_file(k, GDI_GONE, n, "");
	n = rc < 0 ? rc : list_days(k->iface_fd, &days);
	if (n < 0 && n != -ENOMEM) {
		report_file(k, "", n, "");
		n = 0;
	}
	rc = n < 0 ? n : 0;
	for (int i = 0; rc == 0 && i < n; i++) {
		rc = cancelled(k) ? GODB_ECANCELLED : check_day(k, days[i]);
		k->report.days++;
		k->done++;
	}
	if (days)
		godb_ifaces_free(days);
	gdi_rings_free(&k->rings);
	gdi_summary_free(&k->summary);
	return rc;
}

/* How much there is to do, for who waits. */
static void
count_days(struct check *k, char **ifaces)
{
	for (size_t i = 0; ifaces[i]; i++) {
		char **days;
		int fd, n;

		if (!gdi_listed(k->opts.ifaces, ifaces[i]))
			continue;
		fd = gp_fd_opendir_at(gdi_reader_fd(k->reader), ifaces[i]);
		n = fd < 0 ? fd : list_days(fd, &days);
		if (n >= 0) {
			k->all += (size_t)n;
			godb_ifaces_free(days);
		}
		gp_fd_close(&fd);
	}
}

static int
check_registry(struct check *k)
{
	struct gdi_names names;
	int rc = gdi_names_load(gdi_reader_fd(k->reader), &names);

	if (rc == -ENOMEM)
		return rc;
	k->iface = NULL;
	if (rc < 0)
		report_file(k, GDI_REGISTRY, rc, "");
	else if (names.n_damaged > 0)
		report_file(k, GDI_REGISTRY, GODB_EDAMAGED,
		    "lines that do not hold");
	if (rc == 0)
		gdi_names_free(&names);
	return 0;
}

int
godb_check(const struct godb_reader *r, const struct godb_check_opts *opts,
    struct godb_check_report *out)
{
	struct check k = {.reader = r};
	char **ifaces;
	int n, rc;

	k.opts = (struct godb_check_opts)GODB_CHECK_OPTS_INIT;
	rc = gdi_opts_take(&k.opts, sizeof(k.opts), opts);
	if (rc < 0)
		return rc;
	n = godb_reader_ifaces(r, &ifaces);
	if (n < 0)
		return n;
	count_days(&k, ifaces);
	rc = check_registry(&k);
	for (int i = 0; rc == 0 && i < n; i++) {
		if (!gdi_listed(k.opts.ifaces, ifaces[i]))
			continue;
		k.iface = ifaces[i];
		k.iface_fd = gp_fd_opendir_at(gdi_reader_fd(r), ifaces[i]);
		if (k.iface_fd < 0)
			report_file(&k, "", k.iface_fd, "");
		else
			rc = check_iface(&k);
		gp_fd_close(&k.iface_fd);
	}
	godb_ifaces_free(ifaces);
	k.iface = NULL;
	if (rc == 0 && k.nameless)
		report_file(&k, GDI_REGISTRY, GODB_EDAMAGED,
		    "lacks names that rows have");
	if (rc == 0)
		*out = k.report;
	return rc;
}
