/*
 * attack_net - listeners on loopback, and ways to reach them, for sandboxes
 * that leave one TCP port (attack.h).
 */
#ifndef TESTS_ATTACK_NET_H
#define TESTS_ATTACK_NET_H

#include <stdint.h>

/* A descriptor that listens on a free port.  Ends the test where it cannot. */
int attack_listen(uint16_t *port);

/* 0: reached.  fd is a stream socket, or negative where there is none. */
int attack_connect(int fd, uint16_t port);
/* The same without connect(2), where Landlock looks. */
int attack_fast_open(uint16_t port);

#endif
