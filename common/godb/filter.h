/*
 * filter - a condition bound to a scan, against column arrays.
 *
 * Rows are looked at leaf by leaf, some thousand at a time, never row by row
 * through the tree; IPv4 and IPv6 rows apart.  Immutable after gdi_filter_new
 * but for its scratch memory, so one owner.
 */
#ifndef GDI_FILTER_H
#define GDI_FILTER_H

#include "common/godb/cond.h"
#include "common/godb/cursor.h"

struct gdi_filter;

/* Looks up application names in the scan.  cond NULL: every row.  Borrows
 * both.  0, -ENOMEM. */
int gdi_filter_new(const struct godb_cond *cond, const struct godb_scan *s,
    struct gdi_filter **out);
void gdi_filter_free(struct gdi_filter *f); /* accepts NULL */

enum gdi_verdict { GDI_NEVER, GDI_SOMETIMES, GDI_ALWAYS };
/* What is known of all rows with addresses of version 4 or 6. */
enum gdi_verdict gdi_filter_verdict(const struct gdi_filter *f,
    unsigned version);

/* The same of rows whose columns are within zones. */
enum gdi_verdict gdi_filter_zones(const struct gdi_filter *f, unsigned version,
    const struct gdi_zone zone[GODB_N_COLUMNS]);

/* GODB_COL bits that gdi_filter_select reads. */
uint32_t gdi_filter_columns(const struct gdi_filter *f);

/* Arrays as long as the next columns, for metrics that only groups have, from
 * GODB_METRIC_EXTRA on; borrowed. */
void gdi_filter_extras(struct gdi_filter *f,
    const uint64_t *const extra[GODB_N_EXTRAS]);

/* Row numbers that qualify, ascending, into sel (room for n4 + n6); returns
 * their count. */
size_t gdi_filter_select(struct gdi_filter *f, const struct godb_columns *c,
    uint32_t *sel);

/* Of the n rows in sel, which ascend, those that qualify: how many, in sel. */
size_t gdi_filter_select_among(struct gdi_filter *f,
    const struct godb_columns *c, uint32_t *sel, size_t n);

/*
 * Numbers of rows whose mask is 1 and not 0, from `first` on, to sel (room for
 * all); how many.  The plain one is public for tests.
 */
size_t gdi_select(const uint8_t *mask, size_t rows, uint32_t first,
    uint32_t *sel);
size_t gdi_select_plain(const uint8_t *mask, size_t rows, uint32_t first,
    uint32_t *sel);

/*
 * Columns, sip or dip or both, of addresses without which no row qualifies;
 * 0: the condition is not of that kind.  Where gdi_filter_may says no for all
 * of them nothing of the part qualifies, so its rows need not be laid out.
 */
uint32_t gdi_filter_needles(const struct gdi_filter *f);
bool gdi_filter_may(struct gdi_filter *f, const struct gdi_addresses *a);

/* Counters of which one has to reach `least`, or the row does not qualify; 0:
 * the condition is not of that kind. */
uint32_t gdi_filter_least(const struct gdi_filter *f, uint64_t *least);

/* i-th name that the scan does not know, the nearest that it does, and whether
 * it is one of a category. */
const char *gdi_filter_unknown(const struct gdi_filter *f, size_t i,
    const char **near_name, bool *category);

#endif
