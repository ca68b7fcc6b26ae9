/*
 * profile - what goquery keeps: read the store, write the answer.
 */
#ifndef QUERIER_PROFILE_H
#define QUERIER_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/sandbox.h"

#define PROFILE_KEEP_MAX 63

struct profile_fds {
	int store;  /* folder, -1: nothing is to be opened any more */
	int helper; /* may be written to, -1: none */
	const int *keep; /* what stays open to be read, with the helper's; -1
	                    is nothing */
	size_t n_keep;   /* up to PROFILE_KEEP_MAX */
};

/*
 * Closes what else was inherited; drops to an unprivileged identity (as root:
 * nobody, with the store's group alone); lets Landlock leave nothing but the
 * store for reading; calls start_threads, which may be NULL and whose error is
 * returned; caps limits; then installs the filter for every thread.  0, or
 * -errno with the step that failed in *step; then the caller must leave.
 */
int profile_enter(const struct profile_fds *fds, bool landlock,
    int (*start_threads)(void *arg), void *arg, const char **step);

/* What the filter lets pass. */
void profile_rules(const struct profile_fds *fds, struct gp_rules *out);

#endif
