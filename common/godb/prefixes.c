#include "common/godb/prefixes.h"

#include <errno.h>
#include <stdlib.h>

#define BUCKETS 65536u /* of IPv4 */

bool
gdi_prefix_is_clean(const struct godb_prefix *p)
{
	unsigned host = (p->version == 4 ? 32u : 128u) - p->len;
	uint64_t low = host >= 64 ? UINT64_MAX : (UINT64_C(1) << host) - 1;
	uint64_t high = host <= 64 ? 0 :
	    host == 128		   ? UINT64_MAX :
				     (UINT64_C(1) << (host - 64)) - 1;

	if (p->version == 4 && (p->addr.hi || p->addr.lo > UINT32_MAX))
		return false;
	return !(p->addr.lo & low) && !(p->addr.hi & high);
}

/* The last address of a prefix. */
static struct godb_addr6
end_of(const struct godb_prefix *p)
{
	unsigned host = (p->version == 4 ? 32u : 128u) - p->len;
	struct godb_addr6 a = p->addr;

	if (host >= 64) {
		a.lo = UINT64_MAX;
		a.hi |= host == 128 ? UINT64_MAX :
				      (UINT64_C(1) << (host - 64)) - 1;
	} else {
		a.lo |= (UINT64_C(1) << host) - 1;
	}
	return a;
}

struct sorted {
	const struct godb_prefix *prefix;
	uint32_t number;
};

/* By first address, the shorter prefix before those it contains. */
static int
order_prefixes(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	int order = gdi_addr_order(x->prefix->addr, y->prefix->addr);

	if (order == 0)
		order = x->prefix->len - y->prefix->len;
	return order ? order
		     : (x->number > y->number) - (x->number < y->number);
}

/* From `first` on owner has the addresses. */
static void
cut(struct gdi_prefixes *s, struct godb_addr6 first, uint32_t owner)
{
	if (s->n > 0 && gdi_addr_order(s->interval[s->n - 1].first, first) == 0)
		s->n--;
	s->interval[s->n++] = (struct gdi_prefix_interval){first, owner};
}

/* Ends of those prefixes on the stack that end before `until`. */
static void
close_ended(struct gdi_prefixes *s, const struct godb_prefix *all,
    const uint32_t *parent, uint32_t *open, const struct godb_addr6 *until)
{
	while (*open != GDI_NO_PREFIX) {
		struct godb_addr6 end = end_of(&all[*open]);
		uint64_t top = all[*open].version == 4 ? 0 : UINT64_MAX;

		if (until && gdi_addr_order(end, *until) >= 0)
			return;
		*open = parent[*open];
		/* the end of the space has no interval behind it */
		if (end.hi == top &&
		    end.lo == (top ? UINT64_MAX : UINT32_MAX))
			continue;
		end.hi += ++end.lo == 0;
		cut(s, end, *open);
	}
}

static void
fill_buckets(struct gdi_prefixes *s)
{
	size_t at = 0;

	for (size_t i = 0; i < s->n; i++)
		s->first4[i] = (uint32_t)s->interval[i].first.lo;
	for (uint64_t b = 0; b <= BUCKETS; b++) {
		while (at + 1 < s->n && s->interval[at + 1].first.lo <= b << 16)
			at++;
		s->bucket[b] = (uint32_t)at;
	}
}

int
gdi_prefixes_init(struct gdi_prefixes *s, const struct godb_prefix *all,
    size_t n_all, bool v6, uint32_t *parent)
{
	struct sorted *list = calloc(n_all + 1, sizeof(*list));
	uint32_t open = GDI_NO_PREFIX;
	size_t n = 0;

	s->interval = calloc(2 * n_all + 2, sizeof(*s->interval));
	s->first4 = calloc(2 * n_all + 2, sizeof(*s->first4));
	s->bucket = calloc(BUCKETS + 1, sizeof(*s->bucket));
	if (!list || !s->interval || !s->first4 || !s->bucket) {
		free(list);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n_all; i++) {
		if ((all[i].version == 6) == v6)
			list[n++] = (struct sorted){&all[i], (uint32_t)i};
	}
	qsort(list, n, sizeof(*list), order_prefixes);
	cut(s, (struct godb_addr6){0, 0}, GDI_NO_PREFIX);
	for (size_t i = 0; i < n; i++) {
		close_ended(s, all, parent, &open, &list[i].prefix->addr);
		parent[list[i].number] = open;
		open = list[i].number;
		cut(s, list[i].prefix->addr, open);
	}
	close_ended(s, all, parent, &open, NULL);
	if (!v6)
		fill_buckets(s);
	free(list);
	return 0;
}

void
gdi_prefixes_fini(struct gdi_prefixes *s)
{
	free(s->interval);
	free(s->first4);
	free(s->bucket);
}

size_t
gdi_prefixes_bytes(size_t n)
{
	size_t interval = sizeof(struct gdi_prefix_interval) +
	    sizeof(uint32_t); /* and first4 */

	return n * (4 * interval + sizeof(struct sorted));
}

size_t
gdi_prefixes_seek(const struct gdi_prefixes *s, struct godb_addr6 a,
    size_t from)
{
	size_t step = 1, end;

	while (from + step < s->n &&
	    gdi_addr_order(s->interval[from + step].first, a) <= 0) {
		from += step;
		step *= 2;
	}
	end = from + step < s->n ? from + step : s->n;
	while (end - from > 1) {
		size_t mid = from + (end - from) / 2;

		if (gdi_addr_order(s->interval[mid].first, a) <= 0)
			from = mid;
		else
			end = mid;
	}
	return from;
}
