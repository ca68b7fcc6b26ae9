#include "querier/export/pass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
compare_days(const void *a, const void *b)
{
	const struct pass_day *x = a, *y = b;

	if (x->day_s != y->day_s)
		return x->day_s < y->day_s ? -1 : 1;
	return strcmp(x->iface, y->iface);
}

static int
add_day(struct pass *p, const char *iface, const struct godb_day *day)
{
	struct pass_day *d;

	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 256;
		void *grown = reallocarray(p->days, cap, sizeof(*p->days));

		if (grown == NULL)
			return -1;
		p->days = grown;
		p->cap = cap;
	}
	d = &p->days[p->n++];
	memset(d, 0, sizeof(*d));
	(void)snprintf(d->iface, sizeof(d->iface), "%s", iface);
	d->day_s = day->day_s;
	d->index_bytes = day->index_bytes;
	d->done_bytes = UINT64_MAX;
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

/* The store as it is, with what is known of each day. */
static int
list_days(struct pass *p, char error[SHIP_ERROR_MAX])
{
	struct pass fresh = {.ship = p->ship};
	char **ifaces;
	int n = godb_reader_ifaces(p->ship->reader, &ifaces), rc = 0;

	if (n < 0) {
		(void)snprintf(error, SHIP_ERROR_MAX, "store: %s",
		    godb_strerror(n));
		return -1;
	}
	for (int i = 0; i < n; i++) {
		rc = add_iface(&fresh, ifaces[i]);
		if (rc < 0) {
			(void)snprintf(error, SHIP_ERROR_MAX, "store: %s: %s",
			    ifaces[i], rc == -1 ? "out of memory" :
			    godb_strerror(rc));
			break;
		}
	}
	godb_ifaces_free(ifaces);
	if (rc < 0) {
		pass_fini(&fresh);
		return -1;
	}
	if (fresh.n > 0)
		qsort(fresh.days, fresh.n, sizeof(*fresh.days),
		    compare_days);
	for (size_t i = 0; i < fresh.n && p->n > 0; i++) {
		const struct pass_day *old = bsearch(&fresh.days[i], p->days,
		    p->n, sizeof(*p->days), compare_days);

		if (old)
			fresh.days[i].done_bytes = old->done_bytes;
	}
	pass_fini(p);
	*p = fresh;
	return 0;
}

int
pass_run(struct pass *p, char error[SHIP_ERROR_MAX])
{
	int all = 0, rc;

	if (ship_resume(p->ship, error) < 0 || list_days(p, error) < 0)
		return -1;
	for (size_t i = 0; i < p->n; i++) {
		struct pass_day *d = &p->days[i];

		if (d->done_bytes == d->index_bytes)
			continue;
		rc = ship_day(p->ship, d->iface, d->day_s, d->index_bytes,
		    error);
		if (rc == 0)
			d->done_bytes = d->index_bytes;
		else if (rc == SHIP_STORE)
			all = -1;
		else
			return -1;
	}
	return all;
}

void
pass_count_left(struct pass *p, struct pass_left *out)
{
	*out = (struct pass_left){.oldest_s = INT64_MAX};
	for (size_t i = 0; i < p->n; i++) {
		const struct pass_day *d = &p->days[i];
		uint64_t records = 0;

		if (d->done_bytes == d->index_bytes)
			continue;
		(void)ship_pending(p->ship, d->iface, d->day_s, &records,
		    &out->rows, &out->oldest_s);
		out->days += records > 0;
		out->records += records;
	}
}

void
pass_fini(struct pass *p)
{
	free(p->days);
	p->days = NULL;
	p->n = p->cap = 0;
}
