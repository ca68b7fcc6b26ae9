/*
 * A scan: which time the blocks of a window cover, and what they lack.
 *
 * A fleet's blocks are many.  A day of an interface whose blocks adjoin and
 * have nothing to tell comes as one part; of the other days, and of blocks
 * that dropped or lost something, each comes by itself.
 */
#include "querier/remote/engine.h"

#include "common/base/clock.h"
#include "common/godb/held.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the order of struct godb_counters, and of the table. */
static const char *const counters[] = {"seen", "seen_bytes", "non_ip",
    "non_ip_bytes", "malformed", "malformed_bytes", "kernel_drops",
    "iface_drops", "overflow", "late", "time_clamped"};
#define N_COUNTERS (sizeof(counters) / sizeof(counters[0]))

#define IFACES_LISTED 500 /* more of them are looked up as a set */

/* ---- what is asked of ---------------------------------------------------- */

static void
put_ifaces(struct text *t, const struct godb_scan *s)
{
	bool more = false;

	if (s->all)
		return;
	text_add(t, s->n_ifaces > IFACES_LISTED
		? " AND concat(site, '/', iface) IN (SELECT arrayJoin(["
		: " AND (site, iface) IN (");
	for (size_t i = 0; i < s->n_ifaces; i++) {
		text_join(t, ", ", &more);
		if (s->n_ifaces > IFACES_LISTED) {
			text_literal(t, s->iface[i]->full);
			continue;
		}
		text_add(t, "(");
		text_literal(t, s->iface[i]->site);
		text_add(t, ", ");
		text_literal(t, s->iface[i]->name);
		text_add(t, ")");
	}
	text_add(t, s->n_ifaces > IFACES_LISTED ? "]))" : ")");
}

void
remote_in_window(struct text *t, const struct godb_scan *s)
{
	if (s->first_s > s->last_s) {
		text_add(t, "0");
		return;
	}
	text_fmt(t, "day >= toDate(%lld) AND day <= toDate(%lld) AND time >= "
	    "toDateTime(%lld) AND time <= toDateTime(%lld)",
	    (long long)(s->first_s / GP_DAY_S),
	    (long long)(s->last_s / GP_DAY_S), (long long)s->first_s,
	    (long long)s->last_s);
	put_ifaces(t, s);
}

void
remote_from_flows(struct text *t, const struct godb_scan *s)
{
	const char *db = s->r->database;

	text_fmt(t, " FROM %s.flows WHERE ", db);
	remote_in_window(t, s);
	/* of a record's attempts one counts, the same for everybody */
	text_fmt(t, " AND (record, attempt) GLOBAL IN (SELECT record, "
	    "min(attempt) FROM %s.blocks WHERE ", db);
	remote_in_window(t, s);
	text_add(t, " GROUP BY site, iface, record)");
}

void
remote_put_names(struct text *t)
{
	text_fmt(t, "hex(substring(site, 1, %d)), "
	    "hex(substring(iface, 1, %d)), ", SITE_MAX, IFACE_MAX);
}

void
remote_records(struct text *t, const struct godb_scan *s)
{
	text_add(t, "(SELECT site, iface, day, time, record, "
	    "any(first_ns) AS f, any(last_ns) AS l, any(flags) AS fl, "
	    "argMin(rows, attempt) AS n, argMin(unreadable, attempt) AS u");
	for (size_t i = 0; i < N_COUNTERS; i++)
		text_fmt(t, ", any(%s) AS c%zu", counters[i], i);
	text_fmt(t, " FROM %s.blocks WHERE ", s->r->database);
	remote_in_window(t, s);
	text_add(t, " GROUP BY site, iface, day, time, record)");
}

/* Blocks that have something of their own to tell. */
static void
put_trouble(struct text *t)
{
	text_fmt(t, "(u != 0 OR c6 + c7 + c8 + c9 + c10 > 0 OR "
	    "bitAnd(fl, %d) != 0)", GODB_PART_CUT | GODB_PART_LOST);
}

/* Days of which one part will do: no block missing, none of another kind. */
static const char whole[] = "sum(l - f) = max(l) - min(f) AND "
    "count() = uniqExact(time) AND min(bitAnd(fl, 2)) = max(bitAnd(fl, 2)) "
    "AND max(u) = 0";

/* ---- answers ------------------------------------------------------------- */

int
remote_find_iface(const struct godb_scan *s, const char *full)
{
	size_t lo = 0, hi = s->n_ifaces;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = strcmp(s->iface[mid]->full, full);

		if (order == 0)
			return (int)mid;
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return -1; /* its first block has come since */
}

static int
add_part(struct godb_scan *s, const struct godb_part *part)
{
	if (s->n_parts == s->room) {
		size_t room = s->room ? 2 * s->room : 256;
		struct godb_part *more;

		if (s->r->mem_bytes && room > s->r->mem_bytes / sizeof(*more))
			return GODB_EMEMORY;
		more = reallocarray(s->part, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->part = more;
		s->room = room;
	}
	s->part[s->n_parts++] = *part;
	return 0;
}

static int
add_fault(struct godb_scan *s, const struct godb_part *part)
{
	struct godb_fault *more;

	if (s->r->mem_bytes && s->n_faults >= s->r->mem_bytes / sizeof(*more))
		return GODB_EMEMORY;
	more = reallocarray(s->fault, s->n_faults + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	s->fault = more;
	more += s->n_faults++;
	*more = (struct godb_fault){.iface = part->iface,
	    .first_s = part->slot_s, .last_s = part->slot_s + GP_SLOT_S,
	    .rc = GODB_EDAMAGED};
	(void)snprintf(more->place, sizeof(more->place),
	    "a block that the sensor could not read when it shipped");
	return 0;
}

/* Times that no sensor has are cut: what one of them may write must not keep
 * the others' from being asked. */
static int64_t
within_time(int64_t ns)
{
	const int64_t most = (GP_TIME_MAX_S + GP_SLOT_S) * GP_NS_PER_S;

	return ns < 0 ? 0 : ns > most ? most : ns;
}

/* site iface first-slot first_ns last_ns flags rows */
static int
take_place(struct godb_scan *s, const struct compact_row *row,
    struct godb_part *part, bool *known)
{
	char site[SITE_MAX], name[IFACE_MAX], full[FULL_MAX];
	uint64_t slot, flags, rows;
	int i;

	memset(part, 0, sizeof(*part));
	if (!compact_string(row, 0, site, sizeof(site)) ||
	    !compact_string(row, 1, name, sizeof(name)) ||
	    !compact_u64(row, 2, UINT32_MAX, &slot) ||
	    !compact_i64(row, 3, &part->first_ns) ||
	    !compact_i64(row, 4, &part->last_ns) ||
	    !compact_u64(row, 5, UINT32_MAX, &flags) ||
	    !compact_u64(row, 6, UINT64_MAX, &rows))
		return -EPROTO;
	(void)snprintf(full, sizeof(full), "%s/%s", site, name);
	i = remote_find_iface(s, full);
	*known = i >= 0;
	if (i < 0)
		return 0;
	part->first_ns = within_time(part->first_ns);
	part->last_ns = within_time(part->last_ns);
	part->iface = s->iface[i]->full;
	part->iface_index = (uint32_t)i;
	part->slot_s = (int64_t)slot;
	part->flags = (uint32_t)flags;
	part->n4 = rows > UINT32_MAX ? UINT32_MAX : (uint32_t)rows;
	return 0;
}

static int
take_day(void *arg, const struct compact_row *row)
{
	struct godb_scan *s = arg;
	uint64_t is_whole, trouble;
	struct godb_part part;
	bool known;
	int rc = take_place(s, row, &part, &known);

	if (rc < 0)
		return rc;
	if (!compact_u64(row, 7, 1, &is_whole) ||
	    !compact_u64(row, 8, UINT64_MAX, &trouble))
		return -EPROTO;
	s->details |= !is_whole || trouble > 0;
	return known && is_whole ? add_part(s, &part) : 0;
}

static int
take_block(void *arg, const struct compact_row *row)
{
	struct godb_counters *to;
	uint64_t v[N_COUNTERS], unreadable;
	struct godb_part part;
	bool known;
	int rc = take_place(arg, row, &part, &known);

	if (rc < 0)
		return rc;
	if (!compact_u64(row, 7, UINT8_MAX, &unreadable))
		return -EPROTO;
	for (size_t i = 0; i < N_COUNTERS; i++) {
		if (!compact_u64(row, 8 + i, UINT64_MAX, &v[i]))
			return -EPROTO;
	}
	if (!known)
		return 0;
	if (unreadable)
		return add_fault(arg, &part);
	to = &part.counters;
	*to = (struct godb_counters){v[0], v[1], v[2], v[3], v[4], v[5], v[6],
	    v[7], v[8], v[9], v[10]};
	return add_part(arg, &part);
}

static int
ask_days(struct godb_scan *s)
{
	struct text sql = {NULL, 0, 0, false};
	struct compact c;
	int rc;

	text_fmt(&sql, "SELECT hex(site), hex(iface), toUInt32(min(time)), "
	    "toInt64(min(f)), toInt64(max(l)), groupBitOr(bitAnd(fl, if(n > 0, "
	    "%u, %u))), sum(n), ", ~(unsigned)(GODB_PART_CUT |
		GODB_PART_LOST), (unsigned)GODB_PART_OFFLINE);
	text_fmt(&sql, "(%s), sum(", whole);
	put_trouble(&sql);
	text_add(&sql, ") FROM ");
	remote_records(&sql, s);
	text_add(&sql, " GROUP BY site, iface, day FORMAT JSONCompact");
	compact_begin(&c, 9, take_day, s);
	rc = remote_ask(s->r, &sql, NULL, &c);
	text_free(&sql);
	return rc;
}

static int
ask_blocks(struct godb_scan *s)
{
	struct text sql = {NULL, 0, 0, false};
	struct compact c;
	int rc;

	text_add(&sql, "SELECT hex(site), hex(iface), toUInt32(time), "
	    "toInt64(f), toInt64(l), fl, n, u");
	for (size_t i = 0; i < N_COUNTERS; i++)
		text_fmt(&sql, ", c%zu", i);
	text_add(&sql, " FROM ");
	remote_records(&sql, s);
	text_add(&sql, " WHERE ");
	put_trouble(&sql);
	text_add(&sql, " OR (site, iface, day) GLOBAL IN (SELECT site, iface, "
	    "day FROM ");
	remote_records(&sql, s);
	text_fmt(&sql, " GROUP BY site, iface, day HAVING NOT (%s)) FORMAT "
	    "JSONCompact", whole);
	compact_begin(&c, 8 + N_COUNTERS, take_block, s);
	rc = remote_ask(s->r, &sql, NULL, &c);
	text_free(&sql);
	return rc;
}

static int
order_parts(const void *a, const void *b)
{
	const struct godb_part *x = a, *y = b;

	if (x->iface_index != y->iface_index)
		return x->iface_index < y->iface_index ? -1 : 1;
	if (x->slot_s != y->slot_s)
		return x->slot_s < y->slot_s ? -1 : 1;
	return (x->first_ns > y->first_ns) - (x->first_ns < y->first_ns);
}

/* ---- godb.h -------------------------------------------------------------- */

static int
choose_ifaces(struct godb_scan *s, const char *const *wanted)
{
	struct godb_reader *r = s->r;

	s->iface = calloc(r->n + 1, sizeof(const struct remote_iface *));
	if (!s->iface)
		return -ENOMEM;
	for (size_t i = 0; i < r->n; i++) {
		/* both are in the order of names */
		if (wanted && (!*wanted ||
			strcmp(*wanted, r->iface[i].full) != 0))
			continue;
		wanted += wanted != NULL;
		s->iface[s->n_ifaces++] = &r->iface[i];
	}
	s->all = s->n_ifaces == r->n && r->left_out == 0;
	return 0;
}

/* The window, cut to where there are blocks. */
static void
cut_window(struct godb_scan *s, const struct godb_scan_opts *o)
{
	int64_t first = INT64_MAX, last = INT64_MIN;

	for (size_t i = 0; i < s->n_ifaces; i++) {
		if (s->iface[i]->first_s < first)
			first = s->iface[i]->first_s;
		if (s->iface[i]->last_s > last)
			last = s->iface[i]->last_s;
	}
	s->first_s = gp_clock_slot(o->first_s > 0 ? o->first_s : 0);
	s->last_s = o->last_s > GP_TIME_MAX_S ? GP_TIME_MAX_S : o->last_s;
	s->last_s = s->last_s > 0 ? gp_clock_slot(s->last_s - 1) : -1;
	if (s->first_s < first)
		s->first_s = first;
	/* what was shipped since the server was asked for interfaces is let
	 * in: a little newer than the rest */
	if (s->last_s > last + GP_DAY_S)
		s->last_s = last + GP_DAY_S;
}

int
godb_scan_open(const struct godb_reader *r, const struct godb_scan_opts *opts,
    struct godb_scan **out)
{
	struct godb_scan *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	s->r = (struct godb_reader *)(uintptr_t)r;
	rc = choose_ifaces(s, opts->ifaces);
	if (rc == 0) {
		cut_window(s, opts);
		if (s->first_s <= s->last_s)
			rc = ask_days(s);
		if (rc == 0 && s->details)
			rc = ask_blocks(s);
	}
	if (rc < 0) {
		godb_scan_close(s);
		return rc;
	}
	if (s->n_parts)
		qsort(s->part, s->n_parts, sizeof(*s->part), order_parts);
	*out = s;
	return 0;
}

int
remote_scan_all(const struct godb_reader *r, const char *const *ifaces,
    struct godb_scan **out)
{
	struct godb_scan_opts opts = GODB_SCAN_OPTS_INIT;
	struct godb_scan *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	s->r = (struct godb_reader *)(uintptr_t)r;
	rc = choose_ifaces(s, ifaces);
	if (rc < 0) {
		godb_scan_close(s);
		return rc;
	}
	cut_window(s, &opts);
	*out = s;
	return 0;
}

void
godb_scan_close(struct godb_scan *s)
{
	if (!s)
		return;
	free(s->iface);
	free(s->part);
	free(s->fault);
	free(s);
}

/* ---- there are no address indexes, so no day is held for one ----------- */

size_t
gdi_scan_n_helds(const struct godb_scan *s)
{
	(void)s;
	return 0;
}

const struct gdi_held *
gdi_scan_held(const struct godb_scan *s, size_t i)
{
	(void)s;
	(void)i;
	return NULL;
}

/* A fleet's interfaces are many, and a request takes its time. */
int
gdi_scan_kind(const struct godb_scan *s, size_t iface)
{
	const struct remote_iface *f = s->iface[iface];

	return f->any_offline && f->any_live ? -1 : f->any_offline;
}

/* What it keeps is bounded as it comes. */
size_t
godb_scan_bytes(const struct godb_scan *s)
{
	(void)s;
	return 0;
}

void
godb_scan_spared(const struct godb_scan *s, size_t iface,
    struct godb_spared *out)
{
	(void)s;
	(void)iface;
	memset(out, 0, sizeof(*out));
}

void
godb_scan_rolled(const struct godb_scan *s, size_t iface,
    struct godb_rolled *out)
{
	(void)s;
	(void)iface;
	memset(out, 0, sizeof(*out));
}

/* ---- what the scan has ------------------------------------------------- */

size_t
godb_scan_n_parts(const struct godb_scan *s)
{
	return s->n_parts;
}

const struct godb_part *
godb_scan_part(const struct godb_scan *s, size_t i)
{
	return i < s->n_parts ? &s->part[i] : NULL;
}

size_t
godb_scan_n_ifaces(const struct godb_scan *s)
{
	return s->n_ifaces;
}

const char *
godb_scan_iface(const struct godb_scan *s, size_t i)
{
	return i < s->n_ifaces ? s->iface[i]->full : NULL;
}

bool
godb_scan_extent(const struct godb_scan *s, size_t iface, int64_t *first_s,
    int64_t *last_s)
{
	if (iface >= s->n_ifaces)
		return false;
	*first_s = s->iface[iface]->first_s;
	*last_s = s->iface[iface]->last_s;
	return true;
}

/* What retention took on a sensor may still be here. */
bool
godb_scan_pruned(const struct godb_scan *s, size_t iface, int64_t *first_s,
    int64_t *until_s)
{
	(void)s;
	(void)iface;
	(void)first_s;
	(void)until_s;
	return false;
}

size_t
godb_scan_n_faults(const struct godb_scan *s)
{
	return s->n_faults;
}

const struct godb_fault *
godb_scan_fault(const struct godb_scan *s, size_t i)
{
	return i < s->n_faults ? &s->fault[i] : NULL;
}
