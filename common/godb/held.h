/*
 * held - what a scan has of days that it did not read, since their address
 * indexes answer for them.
 */
#ifndef GODB_HELD_H
#define GODB_HELD_H

#include "common/godb/digest.h"

/* A day that has no parts: its address index stands for it. */
struct gdi_held {
	uint32_t iface;
	int64_t day_s;
	struct gdi_digest digest;
};

/* They are ordered by interface, then day. */
size_t gdi_scan_n_helds(const struct godb_scan *s);
const struct gdi_held *gdi_scan_held(const struct godb_scan *s, size_t i);
/* Folder of a held day, to be closed; GODB_EGONE, -errno. */
int gdi_scan_open_held(const struct godb_scan *s, const struct gdi_held *h);
/* A scan of its own of a held day, without its address index. */
int gdi_scan_again(const struct godb_scan *s, const struct gdi_held *h,
    struct godb_scan **out);

/* Whether nothing in a part can meet the scan's condition. */
bool gdi_scan_ruled_out(const struct godb_scan *s, size_t part);

#endif
