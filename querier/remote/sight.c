/*
 * seen: addresses and prefixes, as many as a list has, looked for at either
 * end of rows; one statement for each length of prefix.
 */
#include "querier/remote/engine.h"

#include "common/base/addr.h"
#include "common/base/clock.h"
#include "querier/remote/sql.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sighting {
	struct godb_sighting s;
	int64_t day_s; /* counted last */
};

struct pair {
	uint32_t prefix, iface;
};

struct godb_seen {
	struct sighting *sighting; /* by prefix; days 0: none */
	size_t n;
	struct pair *pair; /* ascending */
	size_t n_pairs, room;
	struct godb_result_stats stats;
};

/* Prefixes of one version and length, by address. */
struct look {
	const struct godb_scan *scan;
	const struct godb_prefix *prefix;
	const uint32_t *at; /* n numbers of prefixes */
	size_t n;
	struct godb_seen *seen;
	size_t mem_bytes;
};

static int
order_addr(struct godb_addr6 a, struct godb_addr6 b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	return (a.lo > b.lo) - (a.lo < b.lo);
}

static int
order_prefixes(const void *a, const void *b, void *arg)
{
	const struct godb_prefix *prefix = arg;
	const struct godb_prefix *x = &prefix[*(const uint32_t *)a];
	const struct godb_prefix *y = &prefix[*(const uint32_t *)b];

	if (x->version != y->version)
		return x->version < y->version ? -1 : 1;
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return order_addr(x->addr, y->addr);
}

static int
order_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->prefix != y->prefix)
		return x->prefix < y->prefix ? -1 : 1;
	return (x->iface > y->iface) - (x->iface < y->iface);
}

/* ---- statement ----------------------------------------------------------- */

static int
make_leaf(const struct look *l, struct gdi_node *leaf)
{
	unsigned version = l->prefix[l->at[0]].version;
	unsigned len = l->prefix[l->at[0]].len;
	unsigned drop = (version == 4 ? 32u : 128u) - len;

	memset(leaf, 0, sizeof(*leaf));
	leaf->v4 = calloc(l->n, sizeof(*leaf->v4));
	leaf->v6 = calloc(l->n, sizeof(*leaf->v6));
	if (!leaf->v4 || !leaf->v6)
		return -ENOMEM;
	for (size_t i = 0; i < l->n; i++) {
		struct godb_addr6 a = l->prefix[l->at[i]].addr, z = a;

		if (version == 4) {
			uint32_t host = drop == 32 ? UINT32_MAX
				: (UINT32_C(1) << drop) - 1;

			leaf->v4[leaf->n4++] = (struct gdi_range4){
			    (uint32_t)a.lo, (uint32_t)a.lo | host};
			continue;
		}
		z.lo |= drop >= 64 ? UINT64_MAX : (UINT64_C(1) << drop) - 1;
		if (drop > 64)
			z.hi |= drop == 128 ? UINT64_MAX
				: (UINT64_C(1) << (drop - 64)) - 1;
		leaf->v6[leaf->n6++] = (struct gdi_range6){a, z};
	}
	return 0;
}

static int
put_statement(struct text *t, const struct look *l)
{
	const struct godb_prefix *x = &l->prefix[l->at[0]];
	unsigned drop = (x->version == 4 ? 32u : 128u) - x->len;
	struct gdi_node leaf;
	uint64_t high, low;
	int rc = make_leaf(l, &leaf);

	if (rc == 0) {
		text_add(t, "SELECT hex(concat(toFixedString("
		    "reinterpretAsString(h), 8), toFixedString("
		    "reinterpretAsString(l), 8))), toUInt16(day), ");
		remote_put_names(t);
		text_add(t, "toUInt32(min(time)), toUInt32(max(time)) FROM "
		    "(SELECT version, day, time, site, iface, "
		    "arrayJoin([sip, dip]) AS a");
		remote_from_flows(t, l->scan);
		text_fmt(t, " AND version = %u) WHERE ", x->version);
		sql_in(t, &leaf, "a");
		sql_masks(drop, &high, &low);
		text_fmt(t, " GROUP BY bitAnd(reinterpretAsUInt64(a), %llu) AS "
		    "h, bitAnd(reinterpretAsUInt64(substring(a, 9)), %llu) AS "
		    "l, day, site, iface ORDER BY day FORMAT JSONCompact",
		    (unsigned long long)high, (unsigned long long)low);
	}
	free(leaf.v4);
	free(leaf.v6);
	return rc;
}

/* ---- answer -------------------------------------------------------------- */

static int
add_pair(struct look *l, uint32_t prefix, uint32_t iface)
{
	struct godb_seen *s = l->seen;

	if (s->n_pairs == s->room) {
		size_t room = s->room ? 2 * s->room : 256;
		struct pair *more;

		if (l->mem_bytes && room > l->mem_bytes / sizeof(*more))
			return GODB_EMEMORY;
		more = reallocarray(s->pair, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->pair = more;
		s->room = room;
	}
	s->pair[s->n_pairs++] = (struct pair){prefix, iface};
	return 0;
}

/* The first of the scan's interfaces at or behind the name. */
static uint32_t
find_iface(const struct godb_scan *s, const char *full)
{
	size_t lo = 0, hi = s->n_ifaces;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(s->iface[mid]->full, full) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (uint32_t)lo;
}

static int
note(struct look *l, uint32_t prefix, const char *full, int64_t day_s,
    int64_t first_s, int64_t last_s)
{
	struct sighting *g = &l->seen->sighting[prefix];
	uint32_t iface = find_iface(l->scan, full);

	if (g->s.days == 0 || first_s < g->s.first_s)
		g->s.first_s = first_s;
	if (g->s.days == 0 || last_s > g->s.last_s)
		g->s.last_s = last_s;
	if (g->s.days == 0 || day_s != g->day_s)
		g->s.days++; /* rows come by day */
	g->day_s = day_s;
	if (iface == l->scan->n_ifaces ||
	    strcmp(l->scan->iface[iface]->full, full) != 0)
		return 0;
	return add_pair(l, prefix, iface);
}

static int
take_row(void *arg, const struct compact_row *row)
{
	struct look *l = arg;
	char site[SITE_MAX], name[IFACE_MAX], full[FULL_MAX];
	uint64_t day, first, last;
	struct godb_addr6 a;
	uint8_t b[16];
	size_t len, lo = 0, hi = l->n;
	bool fits[2];
	int rc = 0;

	if (!compact_bytes(row, 0, b, sizeof(b), &len) || len != sizeof(b) ||
	    !compact_u64(row, 1, UINT16_MAX, &day) ||
	    !compact_cut(row, 2, site, sizeof(site), &fits[0]) ||
	    !compact_cut(row, 3, name, sizeof(name), &fits[1]) ||
	    !compact_u64(row, 4, UINT32_MAX, &first) ||
	    !compact_u64(row, 5, UINT32_MAX, &last))
		return -EPROTO;
	/* seen, but on no interface that there is */
	(void)snprintf(full, sizeof(full), "%s/%s", site,
	    fits[0] && fits[1] ? name : "/");
	a = (struct godb_addr6){gp_addr_half(b), gp_addr_half(b + 8)};
	if (l->prefix[l->at[0]].version == 4)
		a.lo &= UINT32_MAX;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (order_addr(l->prefix[l->at[mid]].addr, a) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == l->n || order_addr(l->prefix[l->at[lo]].addr, a) != 0)
		return -EPROTO; /* of what nobody asked for */
	for (; rc == 0 && lo < l->n &&
	     order_addr(l->prefix[l->at[lo]].addr, a) == 0; lo++)
		rc = note(l, l->at[lo], full, (int64_t)day * GP_DAY_S,
		    (int64_t)first, (int64_t)last);
	return rc;
}

static int
look(struct look *l)
{
	struct text sql = {NULL, 0, 0, false};
	struct compact *c = malloc(sizeof(*c));
	int rc = c ? put_statement(&sql, l) : -ENOMEM;

	if (rc == 0) {
		compact_begin(c, 6, take_row, l);
		rc = remote_ask(l->scan->r, &sql, NULL, c);
	}
	if (rc == 0) {
		l->seen->stats.rows += c->rows_read;
		l->seen->stats.bytes_read += c->bytes_read;
	}
	text_free(&sql);
	free(c);
	return rc;
}

/* ---- godb.h -------------------------------------------------------------- */

int
godb_seen_run(const struct godb_scan *s, const struct godb_seen_opts *opts,
    struct godb_seen **out)
{
	struct godb_seen *seen = calloc(1, sizeof(*seen));
	uint32_t *at = calloc(opts->n ? opts->n : 1, sizeof(*at));
	int rc = seen && at ? 0 : -ENOMEM;

	if (rc == 0) {
		seen->n = opts->n;
		seen->sighting = calloc(opts->n ? opts->n : 1,
		    sizeof(*seen->sighting));
		rc = seen->sighting ? 0 : -ENOMEM;
	}
	for (size_t i = 0; rc == 0 && i < opts->n; i++)
		at[i] = (uint32_t)i;
	if (rc == 0)
		qsort_r(at, opts->n, sizeof(*at), order_prefixes,
		    (void *)(uintptr_t)opts->prefix);
	for (size_t i = 0, n; rc == 0 && i < opts->n; i += n) {
		const struct godb_prefix *x = &opts->prefix[at[i]];
		struct look l = {s, opts->prefix, at + i, 0, seen,
		    opts->mem_bytes};

		for (n = 0; i + n < opts->n; n++) {
			const struct godb_prefix *y = &opts->prefix[at[i + n]];

			if (x->version != y->version || x->len != y->len)
				break;
		}
		l.n = n;
		rc = look(&l);
	}
	free(at);
	if (rc == -EPROTO)
		remote_nonsense(s->r);
	if (rc < 0) {
		godb_seen_free(seen);
		return rc;
	}
	if (seen->n_pairs)
		qsort(seen->pair, seen->n_pairs, sizeof(*seen->pair),
		    order_pairs);
	*out = seen;
	return 0;
}

void
godb_seen_free(struct godb_seen *s)
{
	if (!s)
		return;
	free(s->sighting);
	free(s->pair);
	free(s);
}

bool
godb_seen_sighting(const struct godb_seen *s, size_t i,
    struct godb_sighting *out)
{
	if (i >= s->n || s->sighting[i].s.days == 0)
		return false;
	*out = s->sighting[i].s;
	return true;
}

bool
godb_seen_on(const struct godb_seen *s, size_t i, size_t iface)
{
	struct pair key = {(uint32_t)i, (uint32_t)iface};

	return s->n_pairs && bsearch(&key, s->pair, s->n_pairs,
	    sizeof(key), order_pairs) != NULL;
}

const struct godb_fault *
godb_seen_faults(const struct godb_seen *s, size_t *n)
{
	(void)s;
	*n = 0;
	return NULL;
}

void
godb_seen_stats(const struct godb_seen *s, struct godb_result_stats *out)
{
	*out = s->stats;
}
