/*
 * look - what can be asked beside questions with rows: seen with addresses,
 * addresses that nobody knew, and --list.
 */
#ifndef QUERIER_LOOK_H
#define QUERIER_LOOK_H

#include "querier/session.h"

/* seen ADDRESS..., seen --new: what to exit with, as grep does, but "none" only
 * when nothing is missing.  Behind the choice of interfaces. */
int look_seen(struct session *s);
int look_new(struct session *s);
_Noreturn void look_list(struct session *s);

#endif
