/*
 * profile - what goquery keeps: read the store, write the answer.
 */
#ifndef QUERIER_PROFILE_H
#define QUERIER_PROFILE_H

#include <stdbool.h>

/*
 * Drops to an unprivileged identity (as root: nobody, with the store's group
 * alone), lets Landlock leave nothing but the store for reading, calls
 * start_threads, caps limits, then installs the seccomp filter, on all
 * threads.  store_fd -1: no store is needed, nothing can be opened any more.
 * helper_fd: may be written to, too; -1: none.  start_threads may be NULL;
 * what it returns below 0 is returned.  0, or -errno with the step that failed
 * in *step; then the caller must leave.
 */
int profile_enter(int store_fd, int helper_fd, bool landlock,
    int (*start_threads)(void *arg), void *arg, const char **step);

#endif
