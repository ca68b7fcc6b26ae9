/*
 * addresses: an address index that says anything, its checksums right.
 *
 * The first byte: bit 0 set: what follows is a head; clear: a group of IPv4, or
 * with bit 1 IPv6, addresses, whose number (2 bytes, little endian) and first
 * address (16 bytes, high half first) come before it.
 */
#include "common/godb/addrindex.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#define DAY_S INT64_C(1768435200)

static void
walk(struct gdi_addrindex *x)
{
	struct gdi_addrwalk *w;

	if (gdi_addrwalk_new(&w) < 0)
		abort();
	for (int v6 = 0; v6 < 2; v6++) {
		struct godb_addr6 a, before = {0, 0};
		struct gdi_slots s;
		int rc;

		gdi_addrwalk_begin(w, x, v6);
		for (int n = 0; (rc = gdi_addrwalk_next(w, &a)) == 1; n++) {
			if (n > 0 && gdi_addr_order(before, a) >= 0)
				abort();
			before = a;
			rc = gdi_addrwalk_slots(w, &s);
			if (rc == 0 && (!gdi_slots_any(&s) ||
					   s.w[4] >> (GDI_SLOTS - 256) != 0))
				abort();
			if (rc < 0)
				break;
		}
		gdi_addrwalk_begin(w, x, v6);
		before.lo += 77;
		if (gdi_addrwalk_seek(w, before, &a) == 1 &&
		    gdi_addr_order(a, before) < 0)
			abort();
	}
	gdi_addrwalk_free(w);
}

/* Bytes of a file, which are taken, to the reader. */
static void
look(struct gdi_buf *file)
{
	struct gdi_addrindex x;
	size_t len = file->len;

	if (gdi_buf_room(file, 16) == NULL)
		abort();
	memset(file->p + len, 0, 16);
	if (gdi_addrindex_parse(file->p, len, DAY_S, &x) < 0)
		return;
	walk(&x);
	gdi_addrindex_close(&x);
}

static void
look_at_head(const uint8_t *data, size_t len)
{
	uint8_t header[GDI_HEADER_BYTES];
	struct gdi_buf file = {0};

	gdi_addrindex_header("eth0", DAY_S, sizeof(header), header);
	gdi_buf_bytes(&file, header, sizeof(header));
	gdi_buf_bytes(&file, data, len);
	gdi_buf_u64(&file, gp_checksum(data, len, 0));
	look(&file);
}

static void
look_at_group(bool v6, const uint8_t *data, size_t len)
{
	uint8_t header[GDI_HEADER_BYTES];
	struct gdi_buf file = {0};
	struct gdi_group_place place = {
	    .first = {v6 ? gdi_get64(data + 2) : 0, gdi_get64(data + 10)},
	    .bytes = (uint32_t)(len - 18),
	    .checksum = gp_checksum(data + 18, len - 18, 0)};
	struct gdi_addrindex x = {
	    .digest = {.index_bytes = GDI_HEADER_BYTES},
	    .listed = true};

	x.n[v6] = gdi_get16(data) % GDI_GROUP + 1u;
	x.group[v6] = &place;
	x.n_groups[v6] = 1;
	gdi_addrindex_header("eth0", DAY_S, sizeof(header) + place.bytes,
	    header);
	gdi_buf_bytes(&file, header, sizeof(header));
	gdi_buf_bytes(&file, data + 18, place.bytes);
	gdi_addrindex_head(&x, &file);
	look(&file);
}

FUZZ_TARGET(addresses)
{
	if (len >= 2 && data[0] & 1)
		look_at_head(data + 1, len - 1);
	else if (len > 20)
		look_at_group(data[0] & 2, data + 1, len - 1);
	return 0;
}
