/*
 * look - what can be asked beside questions with rows: seen with addresses,
 * and --list.
 */
#ifndef QUERIER_LOOK_H
#define QUERIER_LOOK_H

#include "querier/session.h"

/* seen ADDRESS...: what to exit with.  Behind the choice of interfaces. */
int look_seen(struct session *s);
_Noreturn void look_list(struct session *s);

#endif
