/*
 * attack_everywhere - what is tried in every sandbox, for attack.c.
 */
#ifndef TESTS_ATTACK_EVERYWHERE_H
#define TESTS_ATTACK_EVERYWHERE_H

#include <sys/socket.h>
#include <sys/un.h>

#include "tests/lib/attack.h"

extern const struct attack attack_everywhere[];
extern const size_t attack_everywhere_n;

/* Takes away what an attempt outside left behind. */
void attack_everywhere_tidy(void);

/* What somebody is waiting at for datagrams: attack_place.receiver. */
struct sockaddr_un attack_place_receiver(socklen_t *len);

#endif
