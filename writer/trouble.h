/*
 * trouble - what of the store cannot be written just now, and when that is
 * tried again.
 *
 * Each is of one thing: the journals of an interface, one of its blocks, or the
 * sync of all journals.  So what fails for one interface stops no other.
 */
#ifndef WRITER_TROUBLE_H
#define WRITER_TROUBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/log.h"

#define TROUBLE_JOURNALS INT64_C(-1) /* in the place of a block's slot */
#define TROUBLE_ALL      "*"         /* in that of an interface */

struct trouble {
	char iface[16];
	int64_t slot_s;   /* of the block, or TROUBLE_JOURNALS */
	int rc;
	int64_t pause_ns; /* between the last attempt and the next */
	int64_t retry_ns; /* CLOCK_MONOTONIC of that */
	struct gp_log_limit limit;
};

struct troubles {
	struct trouble *list; /* by interface and slot */
	size_t n, cap;
	struct trouble all;   /* when there was no memory for another one */
};

void troubles_fini(struct troubles *t);

/*
 * It has failed: it is left alone for a second if it is journals, and for
 * longer each time, up to 16, if it is a block, which takes long to try.  True
 * when that should be told: the first time, and then once a minute.
 */
bool troubles_note(struct troubles *t, const char *iface, int64_t slot_s,
    int rc);

/* It works, or is not wanted any more.  True when nothing else is in trouble,
 * and this was. */
bool troubles_clear(struct troubles *t, const char *iface, int64_t slot_s);

/* The error while it is left alone, 0: it can be tried. */
int troubles_held(const struct troubles *t, const char *iface, int64_t slot_s);

/* The same of anything of an interface. */
int troubles_held_any(const struct troubles *t, const char *iface);

/* An error of those that there are, 0: there is none. */
int troubles_last(const struct troubles *t);

/* All can be tried now. */
void troubles_hurry(struct troubles *t);

/* What nobody has tried for a minute is forgotten: its ring is gone. */
void troubles_age(struct troubles *t);

/* Whether an error stays until somebody mends the store: who has an end does
 * not wait for that. */
bool trouble_stays(int rc);

#endif
