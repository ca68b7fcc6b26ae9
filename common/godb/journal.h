/*
 * journal - batches that are not yet in a block; also the live view.
 *
 * One file an interface and block.  A record is one batch, whole and checked
 * by itself.  What lies behind the last valid record is torn and not there.
 */
#ifndef GODB_JOURNAL_H
#define GODB_JOURNAL_H

#include "common/godb/internal.h"

/* Where a record's parts lie in the bytes that were read. */
struct gdi_batch_view {
	struct godb_batch batch; /* iface unset; arrays point into the bytes */
	uint64_t offset;
	uint32_t bytes;
};

/* Bytes of a new journal's header; of one batch (GODB_EFULL when larger than
 * a record may be). */
void gdi_journal_header(const char *iface, int64_t slot_s, struct gdi_buf *out);
int gdi_journal_record(const struct godb_batch *b, struct gdi_buf *out);

/* Whether the batch keeps the rules of godb_write.h. */
bool gdi_batch_valid(const struct godb_batch *b);

typedef int gdi_batch_fn(void *ctx, const struct gdi_batch_view *v);

/*
 * Reads the first `len` bytes of an open journal and calls fn for each valid
 * record; a negative answer of fn ends it and is returned.  *end is where the
 * valid records end.  GODB_EDAMAGED when the header is not that of this
 * interface and slot; an empty or half-written header gives no records.
 */
int gdi_journal_read(int fd, uint64_t len, const char *iface, int64_t slot_s,
    gdi_batch_fn *fn, void *ctx, uint64_t *end);

#endif
