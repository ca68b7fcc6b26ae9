/*
 * scan_lists - the lists of a scan, which grow, and the faults in one of them.
 */
#include "common/godb/scan_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/godb/rollup.h"

void *
gdi_scan_grow(void *list, size_t n, size_t *cap, size_t size)
{
	size_t more = *cap ? *cap * 2 : 32;
	void *grown;

	if (n < *cap)
		return list;
	grown = reallocarray(list, more, size);
	if (grown)
		*cap = more;
	return grown;
}

int
gdi_scan_keep(struct godb_scan *s, size_t bytes)
{
	size_t kept = atomic_fetch_add_explicit(&s->kept_bytes, bytes,
	    memory_order_relaxed) + bytes;

	return s->mem_bytes && kept > s->mem_bytes ? GODB_EMEMORY : 0;
}

size_t
gdi_scan_left(const struct godb_scan *s)
{
	size_t kept = s->kept_bytes;

	if (s->mem_bytes == 0)
		return 0;
	return kept < s->mem_bytes ? s->mem_bytes - kept : 1;
}

static size_t
held_bytes(const struct gdi_held *h)
{
	size_t n = sizeof(*h) +
	    h->digest.n_stretches * sizeof(*h->digest.stretch);

	if (h->rollups)
		n += sizeof(*h->rollups) + h->rollups->index.size +
		    h->rollups->n * sizeof(*h->rollups->list) +
		    h->rollups->index.n * sizeof(struct gdi_record);
	return n + (h->day ? sizeof(*h->day) : 0);
}

int
gdi_scan_add_held(struct godb_scan *s, struct gdi_held *h)
{
	struct gdi_held *list = gdi_scan_grow(s->helds, s->n_helds,
	    &s->cap_helds, sizeof(*list));
	size_t bytes = held_bytes(h);

	if (list == NULL)
		return -ENOMEM;
	s->helds = list;
	list[s->n_helds++] = *h;
	memset(h, 0, sizeof(*h));
	return gdi_scan_keep(s, bytes);
}

void
gdi_held_free(struct gdi_held *h)
{
	gdi_digest_free(&h->digest);
	if (h->rollups)
		gdi_rollups_free(h->rollups);
	free(h->rollups);
	gdi_scan_day_free(h->day);
	memset(h, 0, sizeof(*h));
}

int
gdi_scan_add_fault(struct godb_scan *s, const char *iface, int64_t first_s,
    int64_t last_s, int rc, const char *folder, const char *file,
    uint64_t offset)
{
	struct godb_fault *f = gdi_scan_grow(s->faults, s->n_faults,
	    &s->cap_faults, sizeof(*f));
	int n;

	if (f == NULL)
		return -ENOMEM;
	s->faults = f;
	f = &s->faults[s->n_faults++];
	memset(f, 0, sizeof(*f));
	f->iface = iface;
	f->first_s = first_s;
	f->last_s = last_s;
	f->rc = rc;
	n = snprintf(f->place, sizeof(f->place), "%s%s%s%s%s", iface,
	    iface[0] ? "/" : "", folder, folder[0] && file[0] ? "/" : "",
	    file);
	if (offset > 0 && n > 0 && (size_t)n < sizeof(f->place))
		(void)snprintf(f->place + n, sizeof(f->place) - (size_t)n,
		    " at %llu", (unsigned long long)offset);
	return 0;
}
