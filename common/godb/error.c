#include "common/godb/internal.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

const char *
godb_strerror(int rc)
{
	if (rc >= 0)
		return "no error";
	switch (rc) {
	case GODB_ENOTSTORE:
		return "not a goDB store";
	case GODB_ENEWER:
		return "the store was written by a newer version of goDB";
	case GODB_EDAMAGED:
		return "damaged";
	case GODB_EGONE:
		return "removed by retention meanwhile";
	case GODB_ELOCKED:
		return "another writer owns the store";
	case GODB_ESYNTAX:
		return "cannot be understood";
	case GODB_ECANCELLED:
		return "cancelled";
	case GODB_EMEMORY:
		return "more memory than allowed would be needed";
	case GODB_ETIME:
		return "more time than allowed would be needed";
	case GODB_EIFACE:
		return "not an interface name";
	case GODB_EFULL:
		return "a limit of the store's format is reached";
	case GODB_EEXISTS:
		return "a block of that time is already there";
	default:
		/* GNU extension of glibc 2.32: no locale, no static buffer */
		if (rc > -4096 && strerrordesc_np(-rc) != NULL)
			return strerrordesc_np(-rc);
		return "unknown error";
	}
}

uint64_t
gdi_checksum(const void *data, size_t len)
{
	return XXH3_64bits(data, len);
}

uint64_t
gdi_checksum_but(const void *data, size_t len, size_t hole)
{
	static const uint8_t zero[8];
	const uint8_t *p = data;
	XXH3_state_t state;

	XXH3_64bits_reset(&state);
	XXH3_64bits_update(&state, p, hole);
	XXH3_64bits_update(&state, zero, sizeof(zero));
	XXH3_64bits_update(&state, p + hole + 8, len - hole - 8);
	return XXH3_64bits_digest(&state);
}

uint8_t *
gdi_buf_add(struct gdi_buf *b, size_t len)
{
	if (b->failed)
		return NULL;
	if (b->cap - b->len < len) {
		size_t cap = b->cap ? b->cap : 4096;
		uint8_t *grown;

		while (cap - b->len < len)
			cap *= 2;
		grown = realloc(b->data, cap);
		if (grown == NULL) {
			b->failed = true;
			return NULL;
		}
		b->data = grown;
		b->cap = cap;
	}
	b->len += len;
	return b->data + b->len - len;
}

void
gdi_buf_put(struct gdi_buf *b, const void *data, size_t len)
{
	uint8_t *at = gdi_buf_add(b, len);

	if (at && len > 0)
		memcpy(at, data, len);
}

void
gdi_buf_free(struct gdi_buf *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}
