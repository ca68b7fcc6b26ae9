/*
 * pool - threads that wait for work (godb_pool_new in godb.h).
 *
 * One job at a time, done by all of them and the caller together.
 */
#ifndef GODB_POOL_H
#define GODB_POOL_H

#include "common/godb/godb.h"

/* Threads, the caller's included; 1 for NULL. */
unsigned gdi_pool_size(const struct godb_pool *p);

/* Runs job(arg, i) for each i below gdi_pool_size, all at once, and returns
 * when the last is done; 0 is the caller's thread. */
void gdi_pool_run(struct godb_pool *p, void (*job)(void *arg, unsigned i),
    void *arg);

#endif
