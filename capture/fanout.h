/*
 * fanout - how the kernel deals an interface's packets to several sockets
 * (packet(7), PACKET_FANOUT_CBPF).
 *
 * A classic BPF program over protocol and addresses, the same for both
 * directions, so that both sides of a flow and all fragments of a datagram
 * come to one socket.  It looks behind VLAN tags, MPLS labels, PPPoE and
 * LLC/SNAP as decode does, and takes the outermost IP header.  IPv6 counts by
 * addresses alone: the protocol lies behind headers that a later fragment
 * need not repeat.  What is no IP goes to the first socket.
 */
#ifndef CAPTURE_FANOUT_H
#define CAPTURE_FANOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sock_filter;

/* Sockets of one kind (a direction) and process. */
struct fanout {
	uint16_t id;    /* the kernel's, once there is a first member */
	uint32_t n;     /* members so far */
};

#define FANOUT_INSNS_MAX 320

/*
 * Writes the program; returns its length.  `ethernet`: frames begin with an
 * Ethernet header, else with whatever the kernel's protocol field says.  The
 * key (any number) makes the dealing differ from process to process.
 */
size_t fanout_program(struct sock_filter *f, bool ethernet, uint32_t key);

/*
 * Makes a bound packet socket, whose own filter must not be locked yet, the
 * next member of the group; its number is that of the order of joining.  0
 * or -errno.
 */
int fanout_join(struct fanout *g, int fd, bool ethernet, uint32_t key);

#endif
