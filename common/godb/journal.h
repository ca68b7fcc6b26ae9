/*
 * journal - batches that are not yet in a block; also the live view
 * (FORMAT.md, "Journals").
 *
 * One file an interface and block.  A record is one batch, whole and checked
 * by itself.  The beginning of a record behind the last valid one is torn and
 * counts as never written; whatever else does not hold is damage.
 */
#ifndef GODB_JOURNAL_H
#define GODB_JOURNAL_H

#include "common/godb/internal.h"

/* Whether the batch keeps the rules of godb_write.h; iface is not looked at. */
bool gdi_batch_valid(const struct godb_batch *b);

/* Bytes of a new journal's header; the salt goes into every checksum of that
 * file, so that no stranger can put a valid record inside another's rows. */
void gdi_journal_header(const char *iface, int64_t slot_s, uint64_t salt,
    uint64_t index_end, uint8_t out[GDI_HEADER_BYTES]);
/* Its index_end: where the day's index ended when the journal was begun, as far
 * as was committed.  0: nothing was, or the header, of an open file, does not
 * hold or is of an earlier version. */
uint64_t gdi_journal_index_end(int fd, int64_t slot_s);

/* Gives a header that holds another one, durably: 0, -errno. */
int gdi_journal_lower(int fd, uint64_t index_end);

/* Appends a batch's record.  0, -ENOMEM, GODB_EFULL when it is too large. */
int gdi_journal_record(const struct godb_batch *b, uint64_t salt,
    struct gdi_buf *out);

/* Walks over a journal: a file, or bytes in memory (8-byte aligned). */
struct gdi_journal {
	int fd;             /* -1: memory */
	const uint8_t *mem;
	uint64_t len;       /* looked at; the file may be longer by now */
	int64_t slot_s;
	uint64_t salt, index_end;

	uint64_t at;        /* of the next record */
	uint64_t end;       /* behind the last valid one */
	uint64_t n_damaged; /* places passed over */
	uint64_t damaged_at; /* the first */
	struct gdi_buf buf;
	struct gdi_buf rows; /* of the record that was read last */
};

/*
 * Checks the header.  1: records may follow.  0: an empty or half-written
 * header; nothing was ever acknowledged.  GODB_EDAMAGED, GODB_ENEWER, -errno.
 * Close it in any case; that leaves the descriptor open.
 */
int gdi_journal_open(struct gdi_journal *j, int fd, const uint8_t *mem,
    uint64_t len, int64_t slot_s);
void gdi_journal_close(struct gdi_journal *j);

/* One record: the batch (iface unset), whose arrays lie in the journal's
 * memory until the next call. */
struct gdi_journal_view {
	struct godb_batch batch;
	uint64_t offset;
	uint32_t bytes;
};

/* 1 and the next valid record, 0 at the end, -ENOMEM, -errno. */
int gdi_journal_next(struct gdi_journal *j, struct gdi_journal_view *v);

#endif
