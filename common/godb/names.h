/*
 * names - the registry of application names: it only grows (FORMAT.md,
 * "Application names").
 *
 * 0 is "Unknown" and needs no line.  An id is written in its line and is never
 * given to another name, so a line that does not hold costs that name only.
 */
#ifndef GODB_NAMES_H
#define GODB_NAMES_H

#include "common/godb/index.h"
#include "common/godb/internal.h"

struct gdi_names {
	struct godb_l7_name *list; /* by id; an empty name: none known */
	size_t n, cap;
	uint32_t *slots; /* by hash of the name: id + 1 */
	size_t n_slots;
	size_t n_damaged; /* complete lines that do not hold */

	/* the writer's */
	uint64_t end; /* bytes of complete lines */
	size_t n_end; /* ids that have their place in these */
	size_t tail_id; /* of a last line that only lacks its newline */
	size_t n_torn; /* ids that may have been meant by what lies behind */
	int fd;       /* -1 before the first new name or sync */
	bool dirty;   /* written and not synced, as far as is known */
	bool suspect; /* a sync failed: the file is to be written anew */
	bool unsure;  /* rows may have ids that are not known to be taken */
};

/* Reads what is there.  A torn last line is left out; damaged ones are
 * counted.  0, -ENOMEM, -errno, GODB_EDAMAGED when it is no registry. */
int gdi_names_load(int store_fd, struct gdi_names *out);
/* Only "Unknown". */
int gdi_names_init(struct gdi_names *out);
void gdi_names_free(struct gdi_names *x);

/* NULL when there is no such id. */
const struct godb_l7_name *gdi_names_get(const struct gdi_names *x, size_t id);

/* Id of a name, or -1. */
int gdi_names_find(const struct gdi_names *x, const char *name);

/* Id of a name, added in memory when it is new: a scan's own.  Full: 0. */
int gdi_names_add(struct gdi_names *x, const struct godb_l7_name *name);

/* Ids below n are taken. */
int gdi_names_reserve(struct gdi_names *x, size_t n);

/* names_used.c: the end of the ids that the rows of an index have. */
size_t gdi_names_used(const struct gdi_index *x);

/* Where the registry is not there or has lost something, all ids that a store's
 * rows have are taken, so that no other name gets them: reads all indexes,
 * once.  To be called before a new name is registered. */
int gdi_names_settle(struct gdi_names *x, int store_fd);

/* gdi_names_add for the writer: the line is in the file when this returns. */
int gdi_names_register(struct gdi_names *x, int store_fd, uint32_t mode,
    const struct godb_l7_name *name);

/* Makes all lines durable, also those that were there. */
int gdi_names_sync(struct gdi_names *x, int store_fd, uint32_t mode);

/* Replaces the registry by its lines that hold; the others' ids, which blocks
 * may use, become "[lost ID]". */
int gdi_names_rewrite(struct gdi_names *x, int store_fd, uint32_t mode);

bool gdi_name_valid(const struct godb_l7_name *name);

#endif
