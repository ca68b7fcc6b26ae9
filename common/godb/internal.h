/*
 * internal.h - what libgodb's files share: limits and names of files.
 *
 * Internal functions are gdi_*; the shared library exports none of them.
 * FORMAT.md describes every byte and states these limits.
 */
#ifndef GODB_INTERNAL_H
#define GODB_INTERNAL_H

#include "common/base/checksum.h"
#include "common/base/fd.h"
#include "common/godb/godb_write.h"
#include "common/godb/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* Names of more than 15 bytes cannot be an interface's (IFNAMSIZ). */
#define GDI_MARKER   "goDB-store.format"
#define GDI_LOCK     "goDB-writer.lock"
#define GDI_REGISTRY "goDB-l7proto.names"
#define GDI_OWN      "goDB-" /* how all of them begin */
#define GDI_JOURNALS "journal"
#define GDI_INDEX    "blocks.idx"
#define GDI_ROLLUPS  "rollups.idx"
#define GDI_ROLLED   "rollups.gpf" /* all columns of these */
#define GDI_SUMMARY  "days.sum"
#define GDI_GONE     "days.gone"
#define GDI_ADDRESSES "addresses.idx"
#define GDI_NEW      GP_FD_NEW  /* being written, to be renamed */
#define GDI_REMOVED  ".removed" /* a day that is being removed */

#define GDI_RECORD_ROWS    (1u << 26) /* of an index record, each version */
#define GDI_RECORD_BYTES   (1u << 26) /* index record */
#define GDI_INDEX_BYTES    (1u << 30) /* blocks.idx */
#define GDI_RANGES         (1u << 20) /* of a record, all rings together */
#define GDI_BATCH_BYTES    (1u << 28) /* journal record */
#define GDI_BATCH_NAMES    4096u
#define GDI_L7_MAX         65536u     /* names in the registry */
#define GDI_REGISTRY_BYTES (16u << 20)

/* Of a part that is a roll-up, with chunks of GDI_ROLLED_ROWS or, of rows
 * apart, GDI_APART_ROWS; nobody outside sees one. */
#define GDI_PART_ROLLED (1u << 31)
#define GDI_PART_APART  (1u << 30)

/* A caller's flag, which another thread may set; NULL: never. */
static inline bool
gdi_cancelled(const int *cancel)
{
	return cancel && __atomic_load_n(cancel, __ATOMIC_RELAXED) != 0;
}

/* A caller's options over the defaults in `ours`: one that was compiled against
 * an older header has fewer.  -EINVAL: none were initialised, or there are some
 * that we do not know and so would not heed. */
static inline int
gdi_opts_take(void *ours, size_t size, const void *theirs)
{
	size_t n;

	memcpy(&n, theirs, sizeof(n));
	if (n < sizeof(n) || n > size)
		return -EINVAL;
	memcpy(ours, theirs, n);
	memcpy(ours, &size, sizeof(size));
	return 0;
}

/* Ids and salts, of at most 256 bytes: such a call is not cut short. */
static inline int
gdi_random(void *out, size_t len)
{
	return getrandom(out, len, 0) == (ssize_t)len ? 0 : -EIO;
}

/* Sums that stay at the largest number instead of wrapping. */
void gdi_sum_values(uint64_t *to, const uint64_t *from, size_t n);
void gdi_sum_counters(struct godb_counters *to,
    const struct godb_counters *from);
#define GDI_N_COUNTERS (sizeof(struct godb_counters) / sizeof(uint64_t))

/* File header: magic, version, and a checksum at the end; 64 bytes. */
#define GDI_HEADER_BYTES 64u
enum {
	GDI_H_MAGIC = 0,
	GDI_H_MAJOR = 8,
	GDI_H_MINOR = 10,
	GDI_H_BYTES = 12,
	GDI_H_TIME = 16, /* day or slot, seconds */
	GDI_H_IFACE = 24,
	GDI_H_SALT = 40, /* of a summary: bytes of an entry */
	GDI_H_INDEX_END = 48, /* of a journal, else 0 */
	GDI_H_CHECKSUM = 56,
};
void gdi_header_make(uint8_t out[GDI_HEADER_BYTES], const char magic[8],
    const char *iface, int64_t time_s, uint64_t salt);
/* Its checksum once more, after a change. */
void gdi_header_seal(uint8_t h[GDI_HEADER_BYTES]);
/* 0, GODB_EDAMAGED, GODB_ENEWER.  The interface's name is not compared:
 * renaming its folder is anybody's right. */
int gdi_header_check(const uint8_t h[GDI_HEADER_BYTES], const char magic[8],
    int64_t time_s);

#endif
