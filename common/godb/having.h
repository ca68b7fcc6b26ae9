/*
 * having - a condition against groups, shown to the filter as columns.
 */
#ifndef GDI_HAVING_H
#define GDI_HAVING_H

#include "common/godb/filter.h"
#include "common/godb/group.h"

/*
 * Ids of the groups that qualify, ascending; *ids is owned by the caller
 * (free).  mem_bytes bounds what is allocated here, 0: none.  0, -ENOMEM,
 * GODB_EMEMORY, or what gdi_group_stop says.
 */
int gdi_having(const struct gdi_group *g, struct gdi_filter *f,
    size_t mem_bytes, uint32_t **ids, size_t *n);

#endif
