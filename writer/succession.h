/*
 * succession - one capture of an interface takes over from another.
 *
 * Each capture says TAKE before its first frame, and again to a writer that
 * came since.  Whoever has the interface is told to leave and names the moment
 * from which it counts nothing; with that the successor begins.  A capture that
 * does not leave keeps the interface, and the other one goes: no packet is ever
 * counted by two.  hello.h has the messages.
 */
#ifndef WRITER_SUCCESSION_H
#define WRITER_SUCCESSION_H

#include <stdbool.h>

#include "common/ipc/hello.h"
#include "writer/peers.h"

/* For a predecessor's answer; it comes between two turns of its loop. */
#define SUCCESSION_NS (3 * GP_NS_PER_S)

/* TAKE and LEFT of an active peer; false when this is not the time for it. */
bool succession_message(struct peers *p, struct peer *peer,
    const struct hello_msg *m);

/* Answers successors whose predecessors have answered, gone or not done so in
 * time.  To be called now and then. */
void succession_tick(struct peers *p);

#endif
