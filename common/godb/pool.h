/*
 * pool - threads that wait for work (godb_pool_new in godb.h).
 *
 * One job at a time, done by all of them and the caller together.
 */
#ifndef GODB_POOL_H
#define GODB_POOL_H

#include "common/godb/godb.h"

#include <stdatomic.h>

/* Threads, the caller's included; 1 for NULL. */
unsigned gdi_pool_size(const struct godb_pool *p);

/*
 * The pool, where sharing what takes as long as reading so many rows is quicker
 * than doing it alone, else NULL.  Threads that have not worked yet cost more,
 * and get to work when the caller has done as much without them.
 */
#define GDI_DAY_ROWS 8192u /* the index of a day, in rows */
struct godb_pool *gdi_pool_for(struct godb_pool *p, uint64_t rows);

/*
 * Runs job(arg, i), i below gdi_pool_size, all at once, and returns when the
 * last is done; 0 is the caller's thread.  A job shares its work out as it
 * goes: when the caller's thread finds none left, nobody begins any more, so
 * that a small job need not wait for threads to wake.
 */
void gdi_pool_run(struct godb_pool *p, void (*job)(void *arg, unsigned i),
    void *arg);

/* Runs one(arg, k) for each k below n, by all of them, in any order; of one
 * thing alone the caller. */
void gdi_pool_each(struct godb_pool *p, size_t n,
    void (*one)(void *arg, size_t k), void *arg);

/*
 * Parts of a scan, some at a time, to whoever asks next: what lies together in
 * the files is taken by one thread, and none is idle while there is work.
 * Shares are of a day as long as there are enough, since at each one's end
 * something was read for another thread, and get smaller towards the end.
 */
struct gdi_shares {
	size_t n;
	unsigned threads;
	atomic_size_t next;
};
/* n parts among so many threads; returns how many of them get any, 1 at
 * least. */
unsigned gdi_shares_init(struct gdi_shares *s, size_t n, unsigned threads);
/* Parts *first to *end - 1; false: none are left. */
bool gdi_shares_take(struct gdi_shares *s, size_t *first, size_t *end);

#endif
