/*
 * eagerpool - threads that share even what the small stores of tests have.
 */
#ifndef TESTS_EAGERPOOL_H
#define TESTS_EAGERPOOL_H

#include "common/godb/godb.h"

/* As godb_pool_new. */
static inline int
eager_pool(unsigned threads, struct godb_pool **out)
{
	int rc = godb_pool_new(threads, out);

	if (rc == 0)
		godb_pool_eager(*out);
	return rc;
}

#endif
