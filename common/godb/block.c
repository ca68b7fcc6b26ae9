#include "common/godb/block.h"

#include <errno.h>
#include <lz4.h>

/* An address stream holds up to three streams of its rows; no stream is longer
 * than planes of full width with every value an exception. */
size_t
gdi_chunk_bound(uint32_t rows)
{
	return 3 * ((size_t)rows * 18 + 64);
}

int
gdi_packer_init(struct gdi_packer *p, enum godb_compression compression)
{
	memset(p, 0, sizeof(*p));
	p->compression = compression;
	return gdi_scratch_init(&p->scratch);
}

void
gdi_packer_free(struct gdi_packer *p)
{
	gdi_scratch_free(&p->scratch);
	gdi_buf_free(&p->stream);
}

int
gdi_chunk_pack(struct gdi_packer *p, const uint64_t *values,
    const struct godb_addr6 *addresses, size_t n, struct gdi_buf *out,
    struct gdi_chunk *chunk)
{
	int bound, packed = 0;
	size_t before = out->len;
	uint8_t *at;

	p->stream.len = 0;
	if (values)
		gdi_encode(&p->scratch, values, n, &p->stream);
	else
		gdi_encode_addr6(&p->scratch, addresses, n, &p->stream);
	if (p->stream.failed)
		return -ENOMEM;
	bound = LZ4_compressBound((int)p->stream.len);
	at = gdi_buf_add(out, (size_t)bound);
	if (at == NULL)
		return -ENOMEM;
	if (p->compression == GODB_COMPRESS_LZ4)
		packed = LZ4_compress_default((const char *)p->stream.data,
		    (char *)at, (int)p->stream.len, bound);
	/* not worth a decompression when it saves less than one part in 16 */
	if (packed <= 0 ||
	    (size_t)packed > p->stream.len - p->stream.len / 16) {
		memcpy(at, p->stream.data, p->stream.len);
		packed = (int)p->stream.len;
	}
	out->len = before + (size_t)packed;
	chunk->rows = (uint32_t)n;
	chunk->stored = (uint32_t)packed;
	chunk->encoded = (uint32_t)p->stream.len;
	chunk->checksum = gdi_checksum(at, (size_t)packed);
	return 0;
}

int
gdi_unpacker_init(struct gdi_unpacker *u)
{
	memset(u, 0, sizeof(*u));
	return gdi_scratch_init(&u->scratch);
}

void
gdi_unpacker_free(struct gdi_unpacker *u)
{
	gdi_scratch_free(&u->scratch);
	gdi_buf_free(&u->stream);
}

int
gdi_chunk_unpack(struct gdi_unpacker *u, const uint8_t *stored,
    const struct gdi_chunk *chunk, uint64_t *values,
    struct godb_addr6 *addresses)
{
	const uint8_t *stream = stored;

	if (chunk->rows == 0 || chunk->rows > GDI_CHUNK_ROWS ||
	    chunk->encoded > gdi_chunk_bound(chunk->rows) ||
	    chunk->stored > chunk->encoded ||
	    gdi_checksum(stored, chunk->stored) != chunk->checksum)
		return GODB_EDAMAGED;
	if (chunk->stored != chunk->encoded) {
		u->stream.len = 0;
		if (gdi_buf_add(&u->stream, chunk->encoded) == NULL)
			return -ENOMEM;
		if (LZ4_decompress_safe((const char *)stored,
			(char *)u->stream.data, (int)chunk->stored,
			(int)chunk->encoded) != (int)chunk->encoded)
			return GODB_EDAMAGED;
		stream = u->stream.data;
	}
	if (values)
		return gdi_decode(&u->scratch, stream, chunk->encoded, values,
		    chunk->rows);
	return gdi_decode_addr6(&u->scratch, stream, chunk->encoded, addresses,
	    chunk->rows);
}
