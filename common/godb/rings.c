#include "common/godb/rings.h"

const struct gdi_ring *
gdi_rings_find(const struct gdi_rings *r, const uint8_t id[16])
{
	for (size_t i = r->n; i-- > 0;) /* the newest are asked for */
		if (memcmp(r->list[i].id, id, sizeof(r->list[i].id)) == 0)
			return &r->list[i];
	return NULL;
}

/* First range that ends at or behind seq. */
static size_t
range_at(const struct gdi_ring *ring, uint64_t seq)
{
	size_t lo = 0, hi = ring->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (ring->ranges[mid].last < seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool
gdi_rings_contain(const struct gdi_rings *r, const uint8_t id[16],
    uint64_t seq)
{
	const struct gdi_ring *ring = gdi_rings_find(r, id);
	size_t at = ring ? range_at(ring, seq) : 0;

	return ring && at < ring->n && ring->ranges[at].first <= seq;
}

bool
gdi_rings_meet(const struct gdi_rings *a, const struct gdi_rings *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct gdi_ring *ring = gdi_rings_find(a, b->list[i].id);

		for (size_t k = 0; ring && k < b->list[i].n; k++) {
			const struct gdi_range *r = &b->list[i].ranges[k];
			size_t at = range_at(ring, r->first);

			if (at < ring->n && ring->ranges[at].first <= r->last)
				return true;
		}
	}
	return false;
}

static struct gdi_ring *
find_or_new(struct gdi_rings *r, const uint8_t id[16])
{
	const struct gdi_ring *have = gdi_rings_find(r, id);
	struct gdi_ring *grown;

	if (have != NULL)
		return &r->list[have - r->list];
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 4;

		grown = reallocarray(r->list, cap, sizeof(*grown));
		if (grown == NULL)
			return NULL;
		r->list = grown;
		r->cap = cap;
	}
	memset(&r->list[r->n], 0, sizeof(r->list[0]));
	memcpy(r->list[r->n].id, id, sizeof(r->list[0].id));
	return &r->list[r->n++];
}

int
gdi_rings_reserve(struct gdi_rings *r, const uint8_t id[16])
{
	struct gdi_ring *ring = find_or_new(r, id);
	struct gdi_range *grown;
	size_t cap;

	if (ring == NULL)
		return -ENOMEM;
	if (ring->n < ring->cap)
		return 0;
	cap = ring->cap ? ring->cap * 2 : 4;
	grown = reallocarray(ring->ranges, cap, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	ring->ranges = grown;
	ring->cap = cap;
	return 0;
}

/* Puts first..last at place i, where it touches none of its neighbours or is
 * joined with those that it touches. */
static void
insert(struct gdi_rings *r, struct gdi_ring *ring, size_t i, uint64_t first,
    uint64_t last)
{
	struct gdi_range *v = ring->ranges;
	size_t end = i;

	if (i > 0 && v[i - 1].last + 1 == first) {
		first = v[--i].first;
		end = i + 1;
	}
	while (end < ring->n && (v[end].first <= last ||
				    v[end].first - 1 == last)) {
		first = v[end].first < first ? v[end].first : first;
		last = v[end].last > last ? v[end].last : last;
		end++;
	}
	memmove(&v[i + 1], &v[end], (ring->n - end) * sizeof(*v));
	v[i] = (struct gdi_range){first, last};
	r->n_ranges += 1 - (end - i);
	ring->n += 1 - (end - i);
}

int
gdi_rings_add(struct gdi_rings *r, const uint8_t id[16], uint64_t first,
    uint64_t last, uint64_t pos)
{
	int rc = gdi_rings_reserve(r, id);
	struct gdi_ring *ring;

	if (rc < 0)
		return rc;
	ring = find_or_new(r, id);
	if (ring->n == 0 || last > ring->ranges[ring->n - 1].last)
		ring->last_pos = pos;
	insert(r, ring, range_at(ring, first), first, last);
	return 0;
}

void
gdi_rings_write(const struct gdi_rings *r, struct gdi_buf *out)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct gdi_ring *ring = &r->list[i];
		uint64_t before = 0;

		if (ring->n == 0)
			continue;
		gdi_buf_bytes(out, ring->id, sizeof(ring->id));
		gdi_buf_varint(out, ring->last_pos);
		gdi_buf_varint(out, ring->n);
		for (size_t k = 0; k < ring->n; k++) {
			gdi_buf_varint(out, ring->ranges[k].first - before);
			before = ring->ranges[k].last;
			gdi_buf_varint(out, before - ring->ranges[k].first);
		}
	}
}

static int
read_ring(struct gdi_rings *r, struct gdi_in *in)
{
	const uint8_t *id = gdi_in_bytes(in, 16);
	uint64_t pos = gdi_in_varint(in), n = gdi_in_varint(in);
	uint64_t before = 0;
	int rc = 0;

	if (in->bad || n == 0 || n > GDI_RANGES)
		return GODB_EDAMAGED;
	for (uint64_t i = 0; rc == 0 && i < n; i++) {
		uint64_t first, last;

		if (__builtin_add_overflow(before, gdi_in_varint(in), &first) ||
		    __builtin_add_overflow(first, gdi_in_varint(in), &last) ||
		    in->bad || (i > 0 && first == before))
			return GODB_EDAMAGED;
		rc = gdi_rings_add(r, id, first, last, pos);
		before = last;
	}
	return rc;
}

int
gdi_rings_read(struct gdi_rings *r, struct gdi_in in)
{
	int rc = 0;

	while (rc == 0 && in.p < in.end)
		rc = read_ring(r, &in);
	return rc;
}

void
gdi_rings_free(struct gdi_rings *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->list[i].ranges);
	free(r->list);
	memset(r, 0, sizeof(*r));
}
