/*
 * layout - names and folders of a store: marker, lock, interfaces, days.
 */
#ifndef GODB_LAYOUT_H
#define GODB_LAYOUT_H

#include "common/godb/internal.h"

/* What mkfs puts into the root of a file system; a store may be there. */
#define GDI_LOST_FOUND "lost+found"

/* Whether the folder is a store that this version reads: 0, GODB_ENOTSTORE,
 * GODB_ENEWER, GODB_EDAMAGED, -errno. */
int gdi_marker_check(int store_fd);

/* Writes the marker, durably: this folder is a store from now on.  0 or
 * -errno. */
int gdi_marker_create(int store_fd, uint32_t mode);

/* 1 when nothing is in the folder but what a store's making may have left and
 * what file systems put into an empty one; 0; -errno. */
int gdi_folder_blank(int fd);

/* Takes the lock, which *lock_fd keeps as long as it is open.  0; GODB_ELOCKED:
 * diag (may be NULL) names the holder; -EREMOTE, -ENOLCK, -EOPNOTSUPP: it says
 * what is wrong with the file system; -errno. */
int gdi_lock(int store_fd, const char *owner, int *lock_fd,
    struct godb_diag *diag);

/* Opens a folder, making it when missing, with the mode whatever the umask;
 * then the parent is synced.  The descriptor, or -errno. */
int gdi_folder_make(int parent, const char *name, uint32_t mode);

/*
 * Entries of a folder that `keep` wants, sorted, NULL-terminated; the count,
 * or an error.  Freed with godb_ifaces_free().
 */
int gdi_folder_list(int fd, bool (*keep)(const char *name), char ***out);

/* Whether a NULL-terminated list has the name; NULL has all. */
bool gdi_listed(const char *const *list, const char *name);

bool gdi_is_iface(const char *name);
/* Takes away a cache, or the empty folder that somebody put in its place. */
int gdi_cache_remove(int dir, const char *name);
/* Whether that is somebody's folder which happens to be in the store's, and
 * which nobody but its owner could have filled. */
bool gdi_is_strangers(int store_fd, const char *name);
bool gdi_is_day(const char *name);

/* "SLOT.gpj", or the same and a suffix: the slot, or -1. */
int64_t gdi_journal_slot(const char *name, const char *suffix);
void gdi_journal_name(int64_t slot_s, const char *suffix, char out[32]);
bool gdi_is_journal(const char *name);

/* A journal that could not be read was set aside under this suffix. */
#define GDI_DAMAGED ".damaged"
#define GDI_UNREADABLE ".unreadable" /* the same, and repair gave it up */
bool gdi_is_damaged_journal(const char *name);
bool gdi_is_new_journal(const char *name);

/* "YYYY-MM-DD.removed": what retention was at when it was stopped. */
bool gdi_is_removed_day(const char *name);

/* Opens IFACE, or with NAME, which may be NULL, IFACE/NAME below the store, no
 * link followed.  The descriptor, or -errno. */
int gdi_open_below(int store_fd, const char *iface, const char *name);

#endif
