/*
 * names - the registry of application names: it only grows.
 *
 * The store's file holds one name a line; its number is its place.  0 is
 * "Unknown" and needs no line.
 */
#ifndef GODB_NAMES_H
#define GODB_NAMES_H

#include "common/godb/internal.h"

struct gdi_names {
	struct godb_l7_name *list; /* [0] is Unknown */
	size_t n, cap;
	size_t n_registered; /* of them in the file */
	uint64_t end;        /* committed bytes of the file */
	int fd;              /* writer's, -1 before the first new name */
	bool dirty;          /* written and not synced */
};

/* Reads what is there; a torn last line is left out.  A damaged line before
 * the last is GODB_EDAMAGED. */
int gdi_names_load(int store_fd, struct gdi_names *out);
void gdi_names_free(struct gdi_names *x);

/* Number of a name, or -1. */
int gdi_names_find(const struct gdi_names *x, const char *name);

/* Number of a name that is added in memory when it is new: a scan's own. */
int gdi_names_add(struct gdi_names *x, const struct godb_l7_name *name);

/* The same for the writer: the new name is in the file when this returns. */
int gdi_names_register(struct gdi_names *x, int store_fd, uint32_t mode,
    const struct godb_l7_name *name);
int gdi_names_sync(struct gdi_names *x, int store_fd);

/* NUL-padded, printable ASCII without tab, not empty. */
bool gdi_name_valid(const struct godb_l7_name *name);

#endif
