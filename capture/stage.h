/*
 * stage - copies of packets on their way from libpcap's buffer to the engine
 * of layer 7: first in, first out, of bounded size.
 */
#ifndef CAPTURE_STAGE_H
#define CAPTURE_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stage {
	uint8_t *bytes;
	uint32_t size;       /* power of two */
	uint32_t head, tail; /* grow for ever; position mod size */
};

/* 0 or -ENOMEM; size is rounded up to a power of two. */
int stage_init(struct stage *s, uint32_t size);
void stage_fini(struct stage *s);

/* A copy that lies in one piece until the tail passes it, or NULL when there
 * is no room.  The new head is its end. */
const uint8_t *stage_copy(struct stage *s, const uint8_t *from, uint32_t len);

/* Everything before this position (a head there was) may be overwritten. */
void stage_release(struct stage *s, uint32_t position);

#endif
