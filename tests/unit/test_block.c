/* Chunks: compression where it pays, checksums, and what a forger may try. */
#include "common/godb/block.h"

#include "tests/tap.h"

static uint64_t seed;
static uint64_t v[GDI_CHUNK_ROWS];

static int
decode(const uint8_t *p, size_t len, uint64_t sum, enum godb_column c,
    size_t n, void *out)
{
	struct gdi_chunk_memory m = {0};
	uint8_t *copy = calloc(1, len + GDI_SLACK);
	int rc;

	memcpy(copy, p, len);
	rc = gdi_chunk_decode(&m,
	    &(struct gdi_stored){copy, len, sum, c, false, n}, out);
	gdi_chunk_memory_free(&m);
	free(copy);
	return rc;
}

static void
encode(size_t n, bool dict, bool lz4, struct gdi_buf *out)
{
	struct gdi_shape shape = gdi_shape_of(v, n);

	gdi_chunk_encode(v, n, &shape, dict, lz4, out);
}

static bool
trip(enum godb_column c, size_t n, bool lz4, uint8_t *method, size_t *len)
{
	size_t width = gdi_value_bytes(c, false);
	uint8_t *out = malloc(n * width);
	struct gdi_buf b = {0};
	bool same;

	encode(n, c != GODB_BYTES_RCVD, lz4, &b);
	same = b.rc == 0 &&
	    decode(b.p, b.len, gp_checksum(b.p, b.len, 0), c, n, out) == 0;
	for (size_t i = 0; same && i < n; i++)
		same = memcmp(out + i * width, &v[i], width) == 0;
	*method = b.p[0];
	*len = b.len;
	free(out);
	gdi_buf_free(&b);
	return same;
}

static void
test_methods(void)
{
	uint8_t method;
	size_t plain, packed;

	/* a scan repeated: no bit trick sees it, lz4 does */
	for (size_t i = 0; i < 5000; i++)
		v[i] = (i % 250) * 2654435761u & 0xffffffff;
	ok(trip(GODB_DIP, 5000, false, &method, &plain), "round trip stored");
	is_int(method, GDI_STORED, "compression none is honoured");
	ok(trip(GODB_DIP, 5000, true, &method, &packed), "round trip lz4");
	is_int(method, GDI_LZ4, "what repeats is compressed");
	ok(packed < plain / 2, "to %zu of %zu bytes", packed, plain);
	for (size_t i = 0; i < 5000; i++)
		v[i] = tap_random(&seed) & 0xffffffff;
	ok(trip(GODB_DIP, 5000, true, &method, &packed), "round trip random");
	is_int(method, GDI_STORED, "what does not is left alone");
}

static void
test_columns(void)
{
	size_t bad = 0, len;
	uint8_t method;

	for (int c = 0; c < GODB_N_COLUMNS; c++)
		for (size_t n = 1; n <= GDI_CHUNK_ROWS; n = n * 5 + 1) {
			unsigned bits = (unsigned)(8 *
			    gdi_value_bytes((enum godb_column)c, false));

			for (size_t i = 0; i < n; i++)
				v[i] = tap_random(&seed) >> (64 - bits) >>
				    tap_random(&seed) % bits;
			bad += !trip((enum godb_column)c, n, n & 1, &method,
			    &len);
		}
	is_int(bad, 0, "round trips of every column");
	is_str(godb_column_name(GODB_PKTS_SENT), "pkts_sent", "name");
}

/* Every single damaged byte is seen; behind a forged checksum nothing breaks
 * and no more is allocated than the rows allow. */
static void
test_damage(void)
{
	size_t n = 300, undetected = 0, forged_ok = 0;
	uint32_t out[300];
	struct gdi_buf b = {0};
	uint64_t sum;

	for (size_t i = 0; i < n; i++)
		v[i] = (i % 20) * 0x01010101;
	encode(n, false, true, &b);
	is_int(b.p[0], GDI_LZ4, "a compressed chunk");
	sum = gp_checksum(b.p, b.len, 0);
	for (size_t i = 0; i < b.len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			b.p[i] ^= (uint8_t)(1u << bit);
			undetected += decode(b.p, b.len, sum, GODB_SIP, n,
					  out) != GODB_EDAMAGED;
			forged_ok += decode(b.p, b.len,
					 gp_checksum(b.p, b.len, 0), GODB_SIP,
					 n, out) == 0;
			b.p[i] ^= (uint8_t)(1u << bit);
		}
	is_int(undetected, 0, "every flipped bit is found");
	ok(forged_ok < b.len * 8, "forged checksums decode or not, safely");
	for (size_t len = 0; len < b.len; len++)
		undetected += decode(b.p, len, gp_checksum(b.p, len, 0),
				  GODB_SIP, n, out) == 0;
	is_int(undetected, 0, "no prefix decodes");
	is_int(decode(b.p, b.len, sum, GODB_SIP, n - 1, out), GODB_EDAMAGED,
	    "one row less than encoded");
	gdi_buf_free(&b);
}

static uint8_t
method_of(size_t n)
{
	struct gdi_buf b = {0};
	uint8_t method;

	encode(n, true, true, &b);
	method = b.p[0];
	gdi_buf_free(&b);
	return method;
}

/* lz4 is not ruled out by a part of a chunk where it pays in all of it, and
 * noise does not get it. */
static void
test_parts(void)
{
	const size_t n = GDI_CHUNK_ROWS, period = 9973;

	for (size_t i = 0; i < n; i++)
		v[i] = i < period ? 3 * i + tap_random(&seed) % 3 :
				    v[i - period];
	is_int(method_of(n), GDI_LZ4, "the same targets, source after source");
	for (size_t i = 0; i < n; i++)
		v[i] = i < 293 ? tap_random(&seed) % 4096 : v[i - 293];
	is_int(method_of(n), GDI_LZ4, "a short list again and again");
	for (size_t i = 0; i < n; i++)
		v[i] = tap_random(&seed) % 4096;
	is_int(method_of(n), GDI_STORED, "twelve bits of noise");
}

static void
test_bomb(void)
{
	uint8_t bomb[16] = {GDI_LZ4};
	uint64_t out[1];
	struct gdi_buf b = {0};

	gdi_buf_u8(&b, GDI_LZ4);
	gdi_buf_varint(&b, UINT64_C(1) << 40);
	gdi_buf_bytes(&b, bomb, sizeof(bomb));
	is_int(decode(b.p, b.len, gp_checksum(b.p, b.len, 0),
		   GODB_BYTES_RCVD, 1, out),
	    GODB_EDAMAGED, "a terabyte for one row");
	gdi_buf_free(&b);
	is_int(gdi_chunks(0, 65536), 0, "chunks of no rows");
	is_int(gdi_chunks(65536, 65536), 1, "chunks of 65536 rows");
	is_int(gdi_chunks(65537, 65536), 2, "chunks of 65537 rows");
}

int
main(void)
{
	seed = tap_seed(7);
	test_methods();
	test_columns();
	test_damage();
	test_parts();
	test_bomb();
	return tap_done();
}
