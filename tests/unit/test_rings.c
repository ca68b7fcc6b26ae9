/* Sets of sequence numbers against a bit map. */
#include "common/godb/rings.h"

#include "tests/tap.h"

#define SPAN 300

static bool
same(const struct gdi_rings *r, const uint8_t id[16], const bool *want)
{
	const struct gdi_ring *ring = gdi_rings_find(r, id);

	for (uint64_t i = 0; i < SPAN; i++)
		if (gdi_rings_contain(r, id, i) != want[i])
			return false;
	for (size_t i = 1; ring && i < ring->n; i++)
		if (ring->ranges[i].first <= ring->ranges[i - 1].last + 1)
			return false; /* two that should be one */
	return true;
}

int
main(void)
{
	uint64_t seed = tap_seed(3);
	static const uint8_t a[16] = {1}, b[16] = {2};
	size_t bad = 0, bad_copy = 0;
	struct gdi_rings r = {0}, one = {0};
	struct gdi_buf buf = {0};

	for (int round = 0; round < 300; round++) {
		bool want[SPAN] = {false};
		struct gdi_rings copy = {0};
		struct gdi_buf bytes = {0};

		gdi_rings_free(&r);
		for (int i = 0; i < 40; i++) {
			uint64_t first = tap_random(&seed) % (SPAN - 20);
			uint64_t last = first + tap_random(&seed) % 20;

			(void)gdi_rings_add(&r, a, first, last, last * 10);
			for (uint64_t k = first; k <= last; k++)
				want[k] = true;
			bad += !same(&r, a, want);
		}
		gdi_rings_write(&r, &bytes);
		bad_copy += gdi_rings_read(&copy, (struct gdi_in){bytes.p,
						      bytes.p + bytes.len,
						      false}) != 0 ||
		    !same(&copy, a, want) ||
		    gdi_rings_find(&copy, a)->last_pos !=
			gdi_rings_find(&r, a)->last_pos ||
		    copy.n_ranges != r.n_ranges;
		gdi_rings_free(&copy);
		gdi_buf_free(&bytes);
	}
	is_int(bad, 0, "random ranges added");
	is_int(bad_copy, 0, "written and read back");

	gdi_rings_free(&r);
	(void)gdi_rings_add(&r, a, UINT64_MAX, UINT64_MAX, 1);
	(void)gdi_rings_add(&r, a, 0, 0, 2);
	ok(gdi_rings_contain(&r, a, 0) &&
		gdi_rings_contain(&r, a, UINT64_MAX) &&
		!gdi_rings_contain(&r, a, 1),
	    "both ends of the numbers");
	is_int(gdi_rings_find(&r, a)->last_pos, 1, "position of the highest");
	ok(!gdi_rings_contain(&r, b, 0), "another ring");
	(void)gdi_rings_add(&one, a, UINT64_MAX, UINT64_MAX, 1);
	ok(gdi_rings_meet(&r, &one), "a single batch that both have");
	gdi_rings_free(&one);
	gdi_rings_write(&r, &buf);
	for (size_t len = 1; len < buf.len; len++) {
		struct gdi_rings copy = {0};

		bad += gdi_rings_read(&copy,
			   (struct gdi_in){buf.p, buf.p + len, false}) == 0;
		gdi_rings_free(&copy);
	}
	is_int(bad, 0, "cut short is refused");
	gdi_buf_free(&buf);
	for (uint64_t n = 2; n <= 3; n++) {
		gdi_buf_bytes(&buf, a, sizeof(a));
		gdi_buf_varint(&buf, 7);
		gdi_buf_varint(&buf, 2);
		for (int i = 0; i < 4; i++)
			gdi_buf_varint(&buf, i == 2 ? n - 2 : 5);
		is_int(gdi_rings_read(&one, (struct gdi_in){buf.p,
			   buf.p + buf.len, false}),
		    n == 2 ? GODB_EDAMAGED : 0, "a range %" PRIu64 " behind "
		    "the end of the one before", n - 2);
		gdi_rings_free(&one);
		gdi_buf_free(&buf);
	}
	gdi_buf_bytes(&buf, a, sizeof(a));
	gdi_buf_varint(&buf, 7);
	gdi_buf_varint(&buf, GDI_RANGES + 1);
	for (uint64_t i = 0; i <= 2 * (uint64_t)GDI_RANGES + 1; i++)
		gdi_buf_varint(&buf, 2);
	is_int(gdi_rings_read(&one, (struct gdi_in){buf.p, buf.p + buf.len,
		   false}), GODB_EDAMAGED, "more ranges than a record has");
	gdi_rings_free(&one);
	gdi_buf_free(&buf);
	gdi_rings_free(&r);
	return tap_done();
}
