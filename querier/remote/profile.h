/*
 * profile - what goquery-remote keeps: talk to one TCP port, write the answer.
 */
#ifndef REMOTE_PROFILE_H
#define REMOTE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/sandbox.h"

/*
 * Drops to an unprivileged identity (as root: nobody), lets Landlock leave no
 * file and one TCP port, caps limits, installs the filter.  What is open stays
 * open: what was inherited is to be closed before anything is opened.  0, or
 * -errno with the step that failed in *step; then the caller must leave.
 */
int remote_profile_enter(uint16_t port, bool landlock, const char **step);

/* What the filter lets pass. */
void remote_profile_rules(struct gp_rules *out);

#endif
