/*
 * --list: what has been shipped of each interface, whatever the time.
 */
#include "querier/remote/engine.h"

#include "querier/list.h"
#include "querier/remote/sql.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_COUNTERS 11 /* of struct godb_counters */
#define N_SUMS	   4  /* of flows */

struct godb_list {
	struct godb_scan *scan;
	struct godb_list_iface *item;
	size_t n;
};

static int
compare_name(const void *name, const void *item)
{
	return strcmp(name, ((const struct godb_list_iface *)item)->iface);
}

/* Items are in the order of names. */
static struct godb_list_iface *
find(struct godb_list *l, const struct compact_row *row, bool *fine)
{
	char site[SITE_MAX], name[IFACE_MAX], full[FULL_MAX];
	bool fits[2] = {false, false};

	*fine = compact_cut(row, 0, site, sizeof(site), &fits[0]) &&
	    compact_cut(row, 1, name, sizeof(name), &fits[1]);
	if (!fits[0] || !fits[1])
		return NULL;
	(void)snprintf(full, sizeof(full), "%s/%s", site, name);
	/* NULL: its first block has come since */
	return bsearch(full, l->item, l->n, sizeof(*l->item), compare_name);
}

static int
take_blocks(void *arg, const struct compact_row *row)
{
	uint64_t v[3 + N_COUNTERS];
	bool fine;
	struct godb_list_iface *f = find(arg, row, &fine);

	for (size_t i = 0; i < 3 + N_COUNTERS; i++)
		fine = fine && compact_u64(row, 2 + i, UINT64_MAX, &v[i]);
	if (!fine)
		return -EPROTO;
	if (!f)
		return 0;
	f->days = v[0];
	f->blocks = v[1];
	f->flows = v[2];
	f->counters = (struct godb_counters){v[3], v[4], v[5], v[6], v[7],
	    v[8], v[9], v[10], v[11], v[12], v[13]};
	return 0;
}

static int
take_flows(void *arg, const struct compact_row *row)
{
	uint64_t v[N_SUMS];
	bool fine;
	struct godb_list_iface *f = find(arg, row, &fine);

	for (size_t i = 0; i < N_SUMS; i++)
		fine = fine && compact_u64(row, 2 + i, UINT64_MAX, &v[i]);
	if (!fine)
		return -EPROTO;
	if (f)
		memcpy(f->counter, v, sizeof(v));
	return 0;
}

static int
ask_blocks(struct godb_list *l)
{
	struct text sql = {NULL, 0, 0, false};
	struct compact c;
	int rc;

	text_add(&sql, "SELECT ");
	remote_put_names(&sql);
	text_add(&sql, "uniqExact(day), uniqExact(time), sum(n)");
	for (size_t i = 0; i < N_COUNTERS; i++) {
		char column[24];

		(void)snprintf(column, sizeof(column), "c%zu", i);
		text_add(&sql, ", ");
		sql_sum(&sql, column, NULL, true);
	}
	text_add(&sql, " FROM ");
	remote_records(&sql, l->scan);
	text_add(&sql, " GROUP BY site, iface FORMAT JSONCompact");
	compact_begin(&c, 5 + N_COUNTERS, take_blocks, l);
	rc = remote_ask(l->scan->r, &sql, NULL, &c);
	text_free(&sql);
	return rc;
}

static int
ask_flows(struct godb_list *l)
{
	static const char *const sums[N_SUMS] = {"bytes_rcvd", "bytes_sent",
	    "packets_rcvd", "packets_sent"};
	struct text sql = {NULL, 0, 0, false};
	struct compact c;
	int rc;

	text_add(&sql, "SELECT ");
	remote_put_names(&sql);
	for (size_t i = 0; i < N_SUMS; i++) {
		text_add(&sql, i ? ", " : "");
		sql_sum(&sql, sums[i], NULL, true);
	}
	remote_from_flows(&sql, l->scan);
	text_add(&sql, " GROUP BY site, iface FORMAT JSONCompact");
	compact_begin(&c, 2 + N_SUMS, take_flows, l);
	rc = remote_ask(l->scan->r, &sql, NULL, &c);
	text_free(&sql);
	return rc;
}

int
godb_list_new(const struct godb_reader *r, const char *const *ifaces,
    struct godb_list **out)
{
	struct godb_list *l = calloc(1, sizeof(*l));
	int rc = l ? remote_scan_all(r, ifaces, &l->scan) : -ENOMEM;

	if (rc == 0) {
		l->n = l->scan->n_ifaces;
		l->item = calloc(l->n ? l->n : 1, sizeof(*l->item));
		rc = l->item ? 0 : -ENOMEM;
	}
	for (size_t i = 0; rc == 0 && i < l->n; i++) {
		const struct remote_iface *f = l->scan->iface[i];

		l->item[i].iface = f->full;
		l->item[i].first_s = f->first_s;
		l->item[i].last_s = f->last_s;
		/* the server's tables hold all interfaces together */
		l->item[i].disk_bytes = LIST_SIZE_UNKNOWN;
	}
	if (rc == 0 && l->n > 0)
		rc = ask_blocks(l);
	if (rc == 0 && l->n > 0)
		rc = ask_flows(l);
	if (rc < 0) {
		godb_list_free(l);
		return rc;
	}
	*out = l;
	return 0;
}

void
godb_list_free(struct godb_list *l)
{
	if (!l)
		return;
	godb_scan_close(l->scan);
	free(l->item);
	free(l);
}

size_t
godb_list_n(const struct godb_list *l)
{
	return l->n;
}

const struct godb_list_iface *
godb_list_get(const struct godb_list *l, size_t i)
{
	return i < l->n ? &l->item[i] : NULL;
}
