/*
 * gone - that retention has removed days of an interface, and up to when
 * (FORMAT.md, "Removed days").
 *
 * Without it a window that begins before the first day would look as if nobody
 * had been there.
 */
#ifndef GODB_GONE_H
#define GODB_GONE_H

#include "common/godb/internal.h"

/* [first_s, until_s): from the oldest day removed to the end of the newest. */
struct gdi_gone {
	int64_t first_s, until_s;
};

/* 0; -ENOENT: nothing was removed; GODB_EDAMAGED, GODB_ENEWER, -errno. */
int gdi_gone_read(int iface_fd, struct gdi_gone *out);

/* Adds a day, durably, before it goes: 0, -errno.  Takes some bytes of the disk;
 * on a full one a day goes first. */
int gdi_gone_add(int iface_fd, const char *iface, uint32_t mode,
    int64_t day_s);

#endif
