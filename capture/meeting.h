/*
 * meeting - how a capture comes together with the writer: it connects, hands
 * its ring over and is welcomed; live, the capture that has the interface
 * leaves it to this one.  What goes wrong is said, and the process ends.
 */
#ifndef CAPTURE_MEETING_H
#define CAPTURE_MEETING_H

#include "capture/state.h"

/* With what privilege there is: the worker's connection, which a capture of
 * files was given, and its ring. */
void meeting_open(const struct capture *c, struct worker *w);

/* Behind the sandbox: waits for the answer; of files it may ask for the time
 * that they span. */
void meeting_be_welcomed(struct capture *c, const struct worker *w);

/* Live: takes the interface over from whoever has it; workers count from the
 * moment on at which that left. */
void meeting_take_over(struct capture *c);

#endif
