/* index: an index of blocks that says anything (store.h tells the input's form), to the
 * readers and to the writer that goes on with it. */
#include "common/godb/index.h"
#include "tests/fuzz/store.h"

/* Its heads alone, as of an index that is thought to be whole. */
static void
walk_heads(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len + 1); /* for the sanitizer, to the byte */
	struct gdi_record_head h;
	size_t at = 0, before = 0;

	FUZZ_CHECK(copy);
	if (len > 0)
		memcpy(copy + 1, data, len);
	while (gdi_index_head(copy + 1, len, &at, &h) == 1) {
		FUZZ_CHECK(at > before && at <= len && h.offset >= before &&
		    h.id >= copy + 1 + h.offset && h.id + 16 <= copy + 1 + at);
		before = at;
	}
	free(copy);
}

FUZZ_TARGET(index)
{
	walk_heads(data, len);
	fuzz_store_begin();
	fuzz_store_replace("/blocks.idx", data, len);
	fuzz_store_read();
	fuzz_store_write();
	fuzz_store_read();
	return 0;
}
