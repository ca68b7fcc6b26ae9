/*
 * shipped - rows that no sensor ships: an address that is none of its IP
 * version, names beyond their length or with a NUL.  Whoever has a sensor's
 * account can write them; they keep nobody from asking about the others.
 */
#include "querier/remote/run.h"

#include "common/base/clock.h"
#include "common/base/words.h"
#include "querier/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ::ffff: and zeros before it, as the server reads the bytes */
#define MAPPED "(reinterpretAsUInt64(%s) = 0 AND " \
	"bitAnd(reinterpretAsUInt64(substring(%s, 9)), 4294967295) = " \
	"4294901760)"

static void
put_text(struct text *t, const char *column, int max)
{
	text_fmt(t, " AND length(%s) < %d AND position(%s, '\\0') = 0",
	    column, max, column);
}

void
shipped_put(struct text *t, bool shipped)
{
	text_fmt(t, " AND %s((version = 6 OR version = 4 AND " MAPPED " AND "
	    MAPPED ")", shipped ? "" : "NOT ", "sip", "sip", "dip", "dip");
	put_text(t, "site", SITE_MAX);
	put_text(t, "iface", IFACE_MAX);
	put_text(t, "l7proto", LABEL_MAX);
	put_text(t, "category", LABEL_MAX);
	text_add(t, ")");
}

struct left_out {
	struct run *run;
	uint64_t rows;
	char site[SITE_MAX]; /* of the first of them, as far as it fits */
};

static int
add_fault(struct run *run, const char *iface, int64_t first_s, int64_t last_s,
    uint64_t rows)
{
	size_t most = run->scan->r->mem_bytes;
	struct godb_result *r = run->result;
	struct godb_fault *more;

	if (most && r->n_faults >= most / sizeof(*more))
		return GODB_EMEMORY;
	more = reallocarray(r->fault, r->n_faults + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	r->fault = more;
	more += r->n_faults++;
	*more = (struct godb_fault){.iface = iface, .first_s = first_s,
	    .last_s = last_s, .rc = GODB_EDAMAGED};
	(void)snprintf(more->place, sizeof(more->place),
	    "%llu row%s that no sensor ships", (unsigned long long)rows,
	    gp_words_s(rows));
	return 0;
}

/* site iface first-slot last-slot rows */
static int
take_place(void *arg, const struct compact_row *row)
{
	struct left_out *l = arg;
	const struct godb_scan *s = l->run->scan;
	char site[SITE_MAX], name[IFACE_MAX], full[FULL_MAX];
	uint64_t first, last, rows;
	bool fits[2];
	int i = -1;

	if (!compact_cut(row, 0, site, sizeof(site), &fits[0]) ||
	    !compact_cut(row, 1, name, sizeof(name), &fits[1]) ||
	    !compact_u64(row, 2, UINT32_MAX, &first) ||
	    !compact_u64(row, 3, UINT32_MAX, &last) ||
	    !compact_u64(row, 4, UINT64_MAX, &rows))
		return -EPROTO;
	if (l->rows == 0)
		(void)snprintf(l->site, sizeof(l->site), "%s", site);
	l->rows += rows;
	(void)snprintf(full, sizeof(full), "%s/%s", site, name);
	if (fits[0] && fits[1])
		i = remote_find_iface(s, full);
	/* of what no interface of the window has, no time is missing */
	if (i < 0)
		return 0;
	return add_fault(l->run, s->iface[i]->full, (int64_t)first,
	    (int64_t)last + GP_SLOT_S, rows);
}

int
shipped_ask(struct run *run)
{
	struct left_out left = {.run = run};
	struct text sql = {NULL, 0, 0, false};
	struct compact c;
	int rc;

	text_add(&sql, "SELECT ");
	remote_put_names(&sql);
	text_add(&sql, "toUInt32(min(time)), toUInt32(max(time)), count()");
	remote_from_flows(&sql, run->scan);
	shipped_put(&sql, false);
	text_add(&sql, " GROUP BY site, iface FORMAT JSONCompact");
	compact_begin(&c, 5, take_place, &left);
	rc = remote_ask(run->scan->r, &sql, NULL, &c);
	text_free(&sql);
	if (rc == 0 && left.rows && !run->scan->r->told_rows) {
		run->scan->r->told_rows = true;
		session_say("goquery: note: %s: %llu row%s left out, of a kind "
		    "that no sensor ships; site '%.60s' has one",
		    http_host(run->scan->r->http),
		    (unsigned long long)left.rows, left.rows == 1 ? "" : "s",
		    left.site);
	}
	return rc;
}
