/*
 * held - what a scan has of days of which it has no parts, since an address
 * index or a roll-up answers for them.
 */
#ifndef GODB_HELD_H
#define GODB_HELD_H

#include "common/godb/digest.h"

/* Its address index stands for the day, or a roll-up does, or nothing has to,
 * as it has no rows. */
struct gdi_held {
	uint32_t iface;
	int64_t day_s;
	struct gdi_digest digest;
	struct gdi_rollups *rollups;     /* owned, or NULL */
	const struct gdi_rollup *rollup; /* of them, or NULL */
	uint64_t n_summed;               /* records that it sums */
	bool empty;                      /* no record has rows */
	struct gdi_scan_day *day;        /* for a cursor, without records */
};
void gdi_held_free(struct gdi_held *h);

/* Whether an answer has all of the day; otherwise its address index has ruled
 * it out. */
static inline bool
gdi_held_counts(const struct gdi_held *h)
{
	return h->rollup != NULL || h->empty;
}

/* They are ordered by interface, then day. */
size_t gdi_scan_n_helds(const struct godb_scan *s);
const struct gdi_held *gdi_scan_held(const struct godb_scan *s, size_t i);
/* Folder of a held day, to be closed; GODB_EGONE, -errno. */
int gdi_scan_open_held(const struct godb_scan *s, const struct gdi_held *h);
/* A scan of the same window and interfaces that holds no day. */
int gdi_scan_unheld(const struct godb_scan *s, const struct godb_query_opts *q,
    struct godb_scan **out);
/* A scan of its own of a held day, without its address index. */
int gdi_scan_again(const struct godb_scan *s, const struct gdi_held *h,
    struct godb_scan **out);

/* Whether all blocks of a scan's interface, of whatever time, are of capture
 * files: 1, or none: 0; -1: not known without a look at them. */
int gdi_scan_kind(const struct godb_scan *s, size_t iface);

/* Whether nothing in a part can meet the scan's condition. */
bool gdi_scan_ruled_out(const struct godb_scan *s, size_t part);

#endif
