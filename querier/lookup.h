/*
 * lookup - addresses that are asked for one by one, or that nobody knew: seen
 * ADDRESS..., seen --new.
 */
#ifndef LOOKUP_H
#define LOOKUP_H

#include "querier/session.h"

/* What to exit with: as grep does, but "none" only when nothing is missing. */
int lookup_seen(struct session *s);
int lookup_new(struct session *s);

#endif
