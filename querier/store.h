/*
 * store - the store of this machine: opened, sealed off, and looked into in
 * other ways than by a question.
 *
 * Everything here ends the program with a message when it cannot be done.
 */
#ifndef QUERIER_STORE_H
#define QUERIER_STORE_H

#include "querier/session.h"

/* What it is called in messages. */
const char *store_path(const struct session *s);

/* In this order: the folder, the sandbox, and then what is in it; that sets
 * s->reader. */
void store_open(struct session *s);
void store_enter(struct session *s);
void store_read(struct session *s);

/* Before store_open(): --status, and words for completion. */
_Noreturn void store_status(struct session *s);
_Noreturn void store_words(struct session *s);
/* Behind store_read() and the choice of interfaces. */
_Noreturn void store_check(struct session *s);

#endif
