#include "common/godb/block.h"

#include <limits.h>
#include <lz4.h>

/* Below this lz4 has nothing to find. */
#define COMPRESS_MIN 64

size_t
gdi_chunks(uint64_t n_rows, uint32_t chunk_rows)
{
	return (size_t)((n_rows + chunk_rows - 1) / chunk_rows);
}

/* An address as two packed halves and a code is the widest that an encoder
 * has reason to write. */
uint64_t
gdi_chunk_bytes_max(size_t n)
{
	return (uint64_t)n * 24 + 256;
}

/* lz4 of `plain` as a chunk, or nothing when that is not below `limit`. */
static void
compress(const struct gdi_buf *plain, size_t limit, struct gdi_buf *out)
{
	int n;

	if (plain->rc < 0 || plain->len < COMPRESS_MIN ||
	    plain->len > LZ4_MAX_INPUT_SIZE || limit > INT_MAX)
		return;
	gdi_buf_u8(out, GDI_LZ4);
	gdi_buf_varint(out, plain->len);
	if (gdi_buf_room(out, limit) == NULL)
		return;
	n = LZ4_compress_default((const char *)plain->p,
	    (char *)out->p + out->len, (int)plain->len, (int)limit);
	if (n <= 0)
		out->len = 0;
	else
		out->len += (size_t)n;
}

/* Takes the tight encoding unless lz4 makes less than 7/8 of it from either:
 * what lz4 saves in reading it costs in decoding. */
static void
put_smaller(struct gdi_buf *tight, const struct gdi_buf *bytes, bool may_lz4,
    struct gdi_buf *out)
{
	struct gdi_buf lz4 = {0};

	if (bytes != NULL)
		compress(bytes, tight->len - tight->len / 8, &lz4);
	if (lz4.len == 0 && may_lz4)
		compress(tight, tight->len - tight->len / 8, &lz4);
	if (tight->rc < 0 || lz4.rc < 0) {
		out->rc = -ENOMEM;
	} else if (lz4.len > 0) {
		gdi_buf_bytes(out, lz4.p, lz4.len);
	} else {
		gdi_buf_u8(out, GDI_STORED);
		gdi_buf_bytes(out, tight->p, tight->len);
	}
	gdi_buf_free(&lz4);
}

/* What is to be encoded: numbers, or addresses. */
struct source {
	const uint64_t *v;           /* or NULL: */
	const struct gdi_shape *shape;
	const struct godb_addr6 *a;
	size_t n;
	unsigned flags;
};

static void
encode(const struct source *s, size_t from, size_t n, unsigned flags,
    struct gdi_buf *out)
{
	if (s->v && n == s->n)
		gdi_encode_shaped(s->v, n, s->shape, s->flags | flags, out);
	else if (s->v)
		gdi_encode(s->v + from, n, s->flags | flags, out);
	else
		gdi_encode_addr6(s->a + from, n, s->flags | flags, out);
}

/*
 * Whole bytes cost as much as the tight encoding and mostly lose to it, so a
 * part of a large chunk is tried first.  lz4 finds less in a part than in all.
 */
#define SAMPLE_ROWS 4096u

static bool
bytes_may_win(const struct source *s, size_t tight_bytes)
{
	size_t share = tight_bytes * SAMPLE_ROWS / s->n + COMPRESS_MIN;
	struct gdi_buf bytes = {0}, lz4 = {0};
	bool may;

	if (s->n < 4 * SAMPLE_ROWS)
		return true;
	encode(s, s->n / 2, SAMPLE_ROWS, GDI_ENCODE_BYTES, &bytes);
	compress(&bytes, share + share / 2, &lz4);
	/* where they are more than their share and lz4 finds nothing in them,
	 * they are noise that is a few bits wider than it need be */
	may = lz4.len > 0 && (bytes.len <= share ||
			  lz4.len < bytes.len - bytes.len / 32);
	gdi_buf_free(&bytes);
	gdi_buf_free(&lz4);
	return may;
}

static void
encode_chunk(const struct source *s, bool lz4, struct gdi_buf *out)
{
	struct gdi_buf tight = {0}, bytes = {0};

	encode(s, 0, s->n, 0, &tight);
	if (lz4 && tight.len >= COMPRESS_MIN && bytes_may_win(s, tight.len))
		encode(s, 0, s->n, GDI_ENCODE_BYTES, &bytes);
	put_smaller(&tight, bytes.len > 0 ? &bytes : NULL, lz4, out);
	gdi_buf_free(&tight);
	gdi_buf_free(&bytes);
}

void
gdi_chunk_encode(const uint64_t *v, size_t n, const struct gdi_shape *shape,
    bool dict, bool lz4, struct gdi_buf *out)
{
	struct source s = {v, shape, NULL, n, dict ? GDI_ENCODE_DICT : 0};

	encode_chunk(&s, lz4, out);
}

void
gdi_chunk_encode_addr6(const struct godb_addr6 *v, size_t n, bool lz4,
    struct gdi_buf *out)
{
	struct source s = {NULL, NULL, v, n, GDI_ENCODE_DICT};

	encode_chunk(&s, lz4, out);
}

/* ---- decoding ---------------------------------------------------------- */

void
gdi_chunk_memory_free(struct gdi_chunk_memory *m)
{
	gdi_scratch_free(&m->scratch);
	free(m->plain);
	*m = (struct gdi_chunk_memory){0};
}

static int
decompress(struct gdi_chunk_memory *m, struct gdi_in *in, size_t n)
{
	uint64_t plain = gdi_in_varint(in);
	int got;

	if (in->bad || plain > gdi_chunk_bytes_max(n) ||
	    gdi_in_left(in) > INT_MAX)
		return GODB_EDAMAGED;
	if (plain + GDI_SLACK > m->plain_cap) {
		free(m->plain);
		m->plain_cap = 0;
		m->plain = calloc(1, (size_t)plain + GDI_SLACK);
		if (m->plain == NULL)
			return -ENOMEM;
		m->plain_cap = (size_t)plain + GDI_SLACK;
	}
	got = LZ4_decompress_safe((const char *)in->p, (char *)m->plain,
	    (int)gdi_in_left(in), (int)plain);
	if (got < 0 || (uint64_t)got != plain)
		return GODB_EDAMAGED;
	in->p = m->plain;
	in->end = m->plain + plain;
	return 0;
}

static int
decode(struct gdi_in *in, const struct gdi_stored *s, void *out,
    struct gdi_scratch *scratch)
{
	size_t n = s->rows;

	switch (gdi_columns[s->column].kind) {
	case GDI_ADDR:
		return s->v6 ? gdi_decode_addr6(in, n, out, scratch) :
			       gdi_decode32(in, n, out, scratch);
	case GDI_U8:
		return gdi_decode8(in, n, out, scratch);
	case GDI_U16:
		return gdi_decode16(in, n, out, scratch);
	case GDI_U64:
		break;
	}
	return gdi_decode64(in, n, out, scratch);
}

static int
decode_some(struct gdi_in *in, const struct gdi_stored *s,
    const struct gdi_sel *sel, void *out, struct gdi_scratch *scratch)
{
	size_t n = s->rows;

	switch (gdi_columns[s->column].kind) {
	case GDI_ADDR:
		return s->v6 ?
		    gdi_decode_some_addr6(in, n, sel, out, scratch) :
		    gdi_decode_some32(in, n, sel, out, scratch);
	case GDI_U8:
		return gdi_decode_some8(in, n, sel, out, scratch);
	case GDI_U16:
		return gdi_decode_some16(in, n, sel, out, scratch);
	case GDI_U64:
		break;
	}
	return gdi_decode_some64(in, n, sel, out, scratch);
}

/* The chunk's array, decompressed. */
static int
open_chunk(struct gdi_chunk_memory *m, const struct gdi_stored *s,
    struct gdi_in *in)
{
	*in = (struct gdi_in){s->p, s->p + s->len, false};
	if (gp_checksum(s->p, s->len, 0) != s->checksum)
		return GODB_EDAMAGED;
	switch (gdi_in_u8(in)) {
	case GDI_STORED:
		return 0;
	case GDI_LZ4:
		return decompress(m, in, s->rows);
	default:
		return GODB_EDAMAGED;
	}
}

int
gdi_chunk_decode(struct gdi_chunk_memory *m, const struct gdi_stored *s,
    void *out)
{
	struct gdi_in in;
	int rc = open_chunk(m, s, &in);

	if (rc == 0)
		rc = decode(&in, s, out, &m->scratch);
	/* bytes left over mean that writer and reader disagree */
	return rc < 0 ? rc : in.p != in.end ? GODB_EDAMAGED : 0;
}

int
gdi_chunk_decode_some(struct gdi_chunk_memory *m, const struct gdi_stored *s,
    const struct gdi_sel *sel, void *out)
{
	struct gdi_in in;
	int rc = open_chunk(m, s, &in);

	if (rc == 0)
		rc = decode_some(&in, s, sel, out, &m->scratch);
	return rc < 0 ? rc : in.p != in.end ? GODB_EDAMAGED : 0;
}

int
gdi_chunk_reaching(struct gdi_chunk_memory *m, const struct gdi_stored *s,
    uint64_t least, uint64_t *set, size_t first)
{
	struct gdi_in in;
	int rc = open_chunk(m, s, &in);

	if (rc == 0)
		rc = gdi_decode_reaching64(&in, s->rows, least, set, first,
		    &m->scratch);
	return rc == 0 && in.p != in.end ? GODB_EDAMAGED : rc;
}

int
gdi_chunk_distinct(struct gdi_chunk_memory *m, const struct gdi_stored *s,
    void *out, size_t *n_out)
{
	struct gdi_in in;
	int rc = open_chunk(m, s, &in);

	if (rc < 0)
		return rc;
	return s->v6 ?
	    gdi_distinct_addr6(&in, s->rows, out, n_out, &m->scratch) :
	    gdi_distinct32(&in, s->rows, out, n_out, &m->scratch);
}
