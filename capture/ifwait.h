/*
 * ifwait - waits for an interface that is not there yet, or down.
 *
 * libpcap opens only an interface that is up.  Who starts a capture again and
 * again until it is fills the journal; this waits quietly instead.
 */
#ifndef CAPTURE_IFWAIT_H
#define CAPTURE_IFWAIT_H

enum ifwait_state { IFWAIT_UP, IFWAIT_DOWN, IFWAIT_ABSENT };

/*
 * Returns 0 when it is up, 1 when one of the descriptors `stop` (becomes
 * readable) and `alive` (hangs up) said to leave before; -1: none.  `changed`
 * is called at the start unless it is up, and whenever the answer is another
 * one, IFWAIT_UP included; `tick` four times a second.
 */
int ifwait_up(const char *iface, int stop, int alive,
    void (*changed)(void *ctx, enum ifwait_state now), void (*tick)(void *ctx),
    void *ctx);

#endif
