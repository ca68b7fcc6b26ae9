/*
 * result - what a query found: groups, in the order asked for, with the texts
 * of their applications; and what could not be read.
 */
#ifndef GODB_RESULT_H
#define GODB_RESULT_H

#include "common/godb/godb.h"

#define GDI_N_L7     65536
#define GDI_MADE_MAX 16 /* text of an id without a name */

struct gdi_filter;
struct gdi_group;

struct gdi_unknown_name {
	char *name;
	const char *near_name; /* borrowed from the scan */
	bool category;
};

/* A part that could not be read. */
struct gdi_lost {
	size_t part; /* SIZE_MAX: of none */
	bool taken; /* rows of it, before it was lost */
	struct godb_fault fault;
};

struct godb_result {
	const struct godb_scan *scan; /* borrowed, or our own: */
	struct godb_scan *own_scan;   /* or NULL */
	struct gdi_group *group;
	uint32_t *ids; /* of groups, n_rows */
	size_t n_rows, n_hits;
	uint64_t totals[4];
	struct gdi_lost *lost; /* ordered by part */
	size_t n_lost;
	struct gdi_unknown_name *unknown;
	size_t n_unknown;
	bool by_iface;
	const char **l7_text; /* GDI_N_L7, when grouped by it */
	char (*made)[GDI_MADE_MAX]; /* of ids that the store cannot name */
	struct godb_result_stats stats;
};

/* Texts of all applications that groups have.  0, -ENOMEM. */
int gdi_result_name_l7(struct godb_result *r);
/* Places of these in the order of their texts, GDI_N_L7 of them: owned by the
 * caller, free().  0, -ENOMEM. */
int gdi_result_rank_l7(const struct godb_result *r, uint16_t **out);
/* The same of protocols. */
void gdi_rank_protos(uint16_t rank[256]);

/* Applications that a condition names and the store does not know. */
int gdi_result_note_unknown(struct godb_result *r, const struct gdi_filter *f);

#endif
