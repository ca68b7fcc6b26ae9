/*
 * needles - what an address index says of a condition: the blocks of a day in
 * which rows can be that meet it.
 */
#ifndef GODB_NEEDLES_H
#define GODB_NEEDLES_H

#include "common/godb/addrindex.h"

/* Whether an index can rule anything out. */
bool gdi_needles_are(const struct godb_cond *c);

/*
 * Blocks in which rows may meet the condition; in all others none does.  Some
 * more may be in it, for the index does not tell the ends of a row apart.  0;
 * GODB_EDAMAGED, -ENOMEM, -errno: the index is of no use.
 */
int gdi_needles_look(const struct godb_cond *c, struct gdi_addrindex *x,
    struct gdi_addrwalk *walk, struct gdi_slots *out);

#endif
