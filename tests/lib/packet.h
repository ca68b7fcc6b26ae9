/*
 * packet - frames and capture files for tests, built field by field.
 */
#ifndef TESTS_LIB_PACKET_H
#define TESTS_LIB_PACKET_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct packet {
	uint8_t b[2048];
	size_t n;
};

__attribute__((unused)) static struct packet *
packet_new(void)
{
	static struct packet p;

	p.n = 0;
	return &p;
}

__attribute__((unused)) static void
put(struct packet *p, const void *bytes, size_t n)
{
	memcpy(p->b + p->n, bytes, n);
	p->n += n;
}

__attribute__((unused)) static void
put8(struct packet *p, unsigned v)
{
	p->b[p->n++] = (uint8_t)v;
}

__attribute__((unused)) static void
put16(struct packet *p, unsigned v)
{
	put8(p, v >> 8 & 255);
	put8(p, v & 255);
}

__attribute__((unused)) static void
put32(struct packet *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p, v & 0xffff);
}

__attribute__((unused)) static void
put_bytes(struct packet *p, unsigned v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put8(p, v);
}

__attribute__((unused)) static void
put_ether(struct packet *p, unsigned type)
{
	static const uint8_t mac[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};

	put(p, mac, 12);
	put16(p, type);
}

struct ip4 {
	uint32_t src, dst;
	unsigned proto, id, frag; /* flags and offset as on the wire */
	unsigned options;         /* bytes, multiple of 4 */
};

/* The header of a datagram with `payload` bytes to come. */
__attribute__((unused)) static void
put_ip4(struct packet *p, struct ip4 ip, size_t payload)
{
	put8(p, 0x45 + ip.options / 4);
	put8(p, 0);
	put16(p, (unsigned)(20 + ip.options + payload));
	put16(p, ip.id);
	put16(p, ip.frag);
	put8(p, 64);
	put8(p, ip.proto);
	put16(p, 0);
	put32(p, ip.src);
	put32(p, ip.dst);
	for (unsigned i = 0; i < ip.options; i++)
		put8(p, 1); /* no operation */
}

/* Addresses 2001:db8::SRC and 2001:db8::DST. */
__attribute__((unused)) static void
put_ip6(struct packet *p, uint32_t src, uint32_t dst, unsigned next,
    size_t payload)
{
	uint32_t end[2] = {src, dst};

	put32(p, 0x60000000);
	put16(p, (unsigned)payload);
	put8(p, next);
	put8(p, 64);
	for (int i = 0; i < 2; i++) {
		put32(p, 0x20010db8);
		put32(p, 0);
		put32(p, 0);
		put32(p, end[i]);
	}
}

__attribute__((unused)) static void
put_udp(struct packet *p, unsigned sport, unsigned dport)
{
	put16(p, sport);
	put16(p, dport);
	put16(p, 8);
	put16(p, 0);
}

__attribute__((unused)) static void
put_tcp(struct packet *p, unsigned sport, unsigned dport, unsigned flags)
{
	put16(p, sport);
	put16(p, dport);
	put32(p, 1);
	put32(p, 2);
	put8(p, 0x50);
	put8(p, flags);
	put16(p, 1000);
	put32(p, 0);
}

/* A whole Ethernet frame. */
__attribute__((unused)) static struct packet *
udp4(uint32_t src, unsigned sport, uint32_t dst, unsigned dport)
{
	struct packet *p = packet_new();

	put_ether(p, 0x0800);
	put_ip4(p, (struct ip4){.src = src, .dst = dst, .proto = 17}, 8);
	put_udp(p, sport, dport);
	return p;
}

__attribute__((unused)) static struct packet *
tcp4(uint32_t src, unsigned sport, uint32_t dst, unsigned dport,
    unsigned flags)
{
	struct packet *p = packet_new();

	put_ether(p, 0x0800);
	put_ip4(p, (struct ip4){.src = src, .dst = dst, .proto = 6}, 20);
	put_tcp(p, sport, dport, flags);
	return p;
}

/* ---- classic capture files, in memory ---------------------------------- */

__attribute__((unused)) static FILE *
pcap_file(uint32_t link_type)
{
	uint32_t header[6] = {0xa1b23c4d, 4u << 16 | 2, 0, 0, 65535,
		link_type};
	int fd = memfd_create("pcap", MFD_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w+");

	if (!f || fwrite(header, sizeof(header), 1, f) != 1)
		exit(99);
	return f;
}

/* wire: length on the wire, 0 for as long as it is. */
__attribute__((unused)) static void
pcap_put(FILE *f, int64_t time_s, uint32_t ns, const struct packet *p,
    uint32_t wire)
{
	uint32_t record[4] = {(uint32_t)time_s, ns, (uint32_t)p->n,
		wire ? wire : (uint32_t)p->n};

	fwrite(record, sizeof(record), 1, f);
	fwrite(p->b, p->n, 1, f);
}

/* Ready to be read from the start; the descriptor is the caller's. */
__attribute__((unused)) static int
pcap_done(FILE *f)
{
	int fd;

	fflush(f);
	fd = dup(fileno(f));
	fclose(f);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

#endif
