/*
 * traffic - packets for benchmarks: the same for the same seed, everywhere.
 *
 * Headers are right to the checksum of IPv4; payload is zeroes.
 */
#ifndef TESTS_BENCH_TRAFFIC_H
#define TESTS_BENCH_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TRAFFIC_HEADERS_MAX 96 /* Ethernet, VLAN, IPv6, TCP and room */

struct traffic_end {
	uint8_t addr[16]; /* IPv4 in the first 4 */
	uint16_t port;    /* ICMP: unused */
};

struct traffic_packet {
	const struct traffic_end *from, *to;
	bool v6;
	uint8_t proto;
	uint8_t tcp_flags, icmp_type;
	uint16_t vlan; /* 0: none */
	uint32_t seq;
	uint32_t payload;
};

/* splitmix64 (Steele, Lea, Flood 2014) */
static inline uint64_t
traffic_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline uint32_t
traffic_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)((traffic_random(state) >> 32) * n >> 32);
}

/* Writes the frame's headers to out, a multiple of nothing; *wire is the whole
 * frame, at least 60 bytes.  Returns how many bytes were written. */
size_t traffic_headers(const struct traffic_packet *p,
    uint8_t out[TRAFFIC_HEADERS_MAX], uint32_t *wire);

/* Host n's address: 10.0.0.0/8 or 2001:db8:1::/48 inside, elsewhere else. */
void traffic_address(struct traffic_end *e, bool v6, bool inside, uint32_t n);

#endif
