/*
 * labels - the names of applications that a capture has used, by number.
 *
 * Numbers are this process's own and never leave it; frames carry names.  A
 * label that is a guess by port or address, not by what was said, has
 * LABELS_GUESS behind its name.
 */
#ifndef CAPTURE_LABELS_H
#define CAPTURE_LABELS_H

#include <stdint.h>

#include "common/ipc/frame.h"

#define LABELS_MAX   4096
#define LABELS_GUESS "?"

/* nDPI's word for "not known", and what found no place in the flow table. */
enum { LABELS_UNKNOWN, LABELS_OVERFLOW };

struct labels {
	uint32_t n;
	struct frame_name name[LABELS_MAX];
	uint16_t slot[LABELS_MAX * 2]; /* by hash of the name: number + 1 */
};

/* The two fixed ones. */
void labels_init(struct labels *l);

/*
 * Number of a name, made when it is new.  Unprintable characters become `_`,
 * what is too long is cut; LABELS_UNKNOWN for "", or when there is no room.
 */
uint16_t labels_add(struct labels *l, const char *name, const char *category);

#endif
