#include "querier/export/pass.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/checksum.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "querier/export/hours.h"

static int
compare_days(const void *a, const void *b)
{
	const struct pass_day *x = a, *y = b;

	if (x->day_s != y->day_s)
		return x->day_s < y->day_s ? -1 : 1;
	return strcmp(x->iface, y->iface);
}

static uint64_t
mark_of(const struct godb_day *day)
{
	const uint64_t what[] = {day->index_bytes, (uint64_t)day->index_ns};

	return gp_checksum(what, sizeof(what), 0) | 1;
}

static int
add_day(struct pass *p, const char *iface, const struct godb_day *day)
{
	struct pass_day *d;

	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 256;
		void *grown = reallocarray(p->days, cap, sizeof(*p->days));

		if (grown == NULL)
			return -ENOMEM;
		p->days = grown;
		p->cap = cap;
	}
	d = &p->days[p->n++];
	memset(d, 0, sizeof(*d));
	(void)snprintf(d->iface, sizeof(d->iface), "%s", iface);
	d->day_s = day->day_s;
	d->index_mark = mark_of(day);
	d->done_mark = UINT64_MAX;
	return 0;
}

static int
add_iface(struct pass *p, const char *iface)
{
	struct godb_day *days;
	int n = godb_reader_days(p->ship->reader, iface, &days), rc = 0;

	if (n < 0)
		return n;
	for (int i = 0; rc == 0 && i < n; i++)
		rc = add_day(p, iface, &days[i]);
	free(days);
	return rc;
}

/* The server keeps none so old. */
static bool
too_old(const struct pass *p, const struct pass_day *d)
{
	return d->day_s < p->ship->first_s;
}

/* Of a day that was never looked at for want of a server. */
static bool
known_whole(const struct pass *p, const struct pass_day *d)
{
	return d->known == 0 &&
	    ship_whole(p->ship, d->iface, d->day_s, d->index_mark);
}

/* Retention waits for nobody.  What it took before it was shipped is missing
 * at the server for good, and somebody should know. */
static void
note_gone(struct pass *p, const struct pass_day *d)
{
	char text[11];

	gp_clock_day_format(d->day_s, text);
	if (d->done_mark != d->index_mark && !too_old(p, d) &&
	    !known_whole(p, d)) {
		gp_log(GP_LOG_WARNING, "iface=%s day=%s was removed before it "
		    "was shipped whole, missing at the server blocks=%" PRIu64,
		    d->iface, text, d->known);
		p->ship->counts.gone += d->known;
	}
	ship_forget(p->ship, d->iface, d->day_s);
}

/* What is known of a day stays known; both lists are in order. */
static void
carry_over(struct pass *p, struct pass *fresh)
{
	for (size_t i = 0, k = 0; i < p->n; i++) {
		const struct pass_day *old = &p->days[i];

		while (k < fresh->n &&
		    compare_days(&fresh->days[k], old) < 0)
			k++;
		if (k < fresh->n && compare_days(&fresh->days[k], old) == 0) {
			uint64_t mark = fresh->days[k].index_mark;

			fresh->days[k] = *old;
			fresh->days[k].index_mark = mark;
		} else {
			note_gone(p, old);
		}
	}
}

static bool
has_day(void *arg, const char *iface, int64_t day_s)
{
	const struct pass *p = arg;
	struct pass_day key = {.day_s = day_s};

	(void)snprintf(key.iface, sizeof(key.iface), "%s", iface);
	return p->n > 0 && bsearch(&key, p->days, p->n, sizeof(*p->days),
	    compare_days) != NULL;
}

/* Its days are neither new nor gone. */
static int
keep_closed(struct pass *fresh, const struct pass *p, const char *iface)
{
	struct godb_day day = {0};

	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->days[i].iface, iface) != 0)
			continue;
		day.day_s = p->days[i].day_s;
		if (add_day(fresh, iface, &day) < 0)
			return -ENOMEM;
		fresh->days[fresh->n - 1].index_mark = p->days[i].index_mark;
	}
	fresh->closed_mark = gp_checksum(iface, strlen(iface),
	    fresh->closed_mark) | 1;
	return 0;
}

static int
list_iface(struct pass *fresh, const struct pass *p, const char *iface,
    const char **closed)
{
	int rc = add_iface(fresh, iface);

	if (rc == -ENOENT) /* removed just now */
		return 0;
	if (rc != -EACCES)
		return rc;
	if (*closed == NULL)
		*closed = iface;
	return keep_closed(fresh, p, iface);
}

int
pass_list(struct pass *p, char error[SHIP_ERROR_MAX])
{
	struct pass fresh = {.ship = p->ship};
	const char *closed = NULL;
	char **ifaces;
	int n = godb_reader_ifaces(p->ship->reader, &ifaces), rc = 0;

	if (n < 0) {
		(void)snprintf(error, SHIP_ERROR_MAX, "store: %s",
		    godb_strerror(n));
		return -1;
	}
	for (int i = 0; i < n; i++) {
		rc = list_iface(&fresh, p, ifaces[i], &closed);
		if (rc < 0) {
			(void)snprintf(error, SHIP_ERROR_MAX, "store: %s: %s",
			    ifaces[i], godb_strerror(rc));
			break;
		}
	}
	if (rc == 0 && closed && fresh.closed_mark != p->closed_mark)
		gp_log(GP_LOG_WARNING, "iface=%s cannot be opened, nothing of "
		    "it is shipped: %s", closed, strerror(EACCES));
	godb_ifaces_free(ifaces);
	if (rc < 0) {
		pass_fini(&fresh);
		return -1;
	}
	if (fresh.n > 0)
		qsort(fresh.days, fresh.n, sizeof(*fresh.days),
		    compare_days);
	carry_over(p, &fresh);
	/* should such a day come back, the server is asked what it has */
	if (!p->listed)
		ledger_sweep(p->ship->ledger, has_day, &fresh);
	fresh.listed = true;
	pass_fini(p);
	*p = fresh;
	return 0;
}

/* After the blocks, so that what is sure comes first. */
static int
run_hours(struct pass *p, char error[SHIP_ERROR_MAX])
{
	int64_t now_s = gp_clock_real_ns() / GP_NS_PER_S;
	int all = 0, rc;

	for (size_t i = 0; p->ship->hourly && i < p->n; i++) {
		struct pass_day *d = &p->days[i];

		if (d->done_mark != d->index_mark ||
		    (d->hours_mark == d->index_mark &&
			now_s < d->hours_next_s))
			continue;
		rc = hours_day(p->ship, d->iface, d->day_s, d->index_mark,
		    &d->hours, &d->hours_next_s, error);
		if (rc == 0)
			d->hours_mark = d->index_mark;
		else if (rc == SHIP_STORE)
			all = rc;
		else
			return -1;
	}
	return all;
}

static void
tell_old(struct pass *p)
{
	char text[11];

	if (p->ship->told_first)
		return;
	p->ship->told_first = true;
	gp_clock_day_format(p->ship->first_s, text);
	gp_log(GP_LOG_WARNING, "days before %s are not shipped: a TTL of the "
	    "server's table does not keep them", text);
}

int
pass_run(struct pass *p, char error[SHIP_ERROR_MAX])
{
	int all = 0, hours, rc;

	if (ship_resume(p->ship, error) < 0)
		return -1;
	for (size_t i = 0; i < p->n; i++) {
		struct pass_day *d = &p->days[i];

		if (d->done_mark == d->index_mark)
			continue;
		if (too_old(p, d)) {
			tell_old(p);
			continue;
		}
		rc = ship_day(p->ship, d->iface, d->day_s, d->index_mark,
		    &d->ship, error);
		d->counted_mark = 0; /* `progress` may have counted */
		if (rc == 0) {
			d->done_mark = d->index_mark;
			d->known = 0;
		} else if (rc == SHIP_STORE) {
			all = rc;
		} else if (rc != SHIP_GONE) { /* the next list tells it */
			return -1;
		}
	}
	hours = run_hours(p, error);
	return hours < 0 ? hours : all;
}

static void
count_day(struct pass *p, struct pass_day *d)
{
	d->records = d->rows = 0;
	d->oldest_s = INT64_MAX;
	if (ship_pending(p->ship, d->iface, d->day_s, d->index_mark,
		&d->records, &d->rows, &d->oldest_s) == 0)
		d->counted_mark = d->index_mark;
	if (d->records > 0)
		d->known = d->records;
}

void
pass_count_left(struct pass *p, struct pass_left *out)
{
	/* the last day that was counted, and with something left: of several
	 * interfaces it is one day */
	int64_t before_s = INT64_MIN, left_s = INT64_MIN;
	uint64_t days = 0;

	*out = (struct pass_left){.oldest_s = INT64_MAX};
	for (size_t i = 0; i < p->n; i++) {
		struct pass_day *d = &p->days[i];

		days += d->day_s != before_s;
		before_s = d->day_s;
		if (d->done_mark == d->index_mark || too_old(p, d))
			continue;
		if (d->counted_mark != d->index_mark)
			count_day(p, d);
		if (d->records == 0)
			continue;
		if (out->records == 0)
			out->days_before = days - 1;
		out->days += d->day_s != left_s;
		left_s = d->day_s;
		out->records += d->records;
		out->rows += d->rows;
		if (d->oldest_s < out->oldest_s)
			out->oldest_s = d->oldest_s;
	}
}

void
pass_fini(struct pass *p)
{
	free(p->days);
	p->days = NULL;
	p->n = p->cap = 0;
}
