#include "tests/bench/traffic.h"

static uint8_t *
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static uint8_t *
put32(uint8_t *p, uint32_t v)
{
	return put16(put16(p, v >> 16), v & 0xffff);
}

static uint8_t *
put_ip4(uint8_t *p, const struct traffic_packet *t, uint32_t behind)
{
	uint8_t *h = p;
	uint32_t sum = 0;

	p = put16(p, 0x4500);
	p = put16(p, 20 + behind);
	p = put16(p, t->seq & 0xffff);
	p = put16(p, 0x4000); /* don't fragment */
	*p++ = 64;
	*p++ = t->proto;
	p = put16(p, 0);
	memcpy(p, t->from->addr, 4);
	memcpy(p + 4, t->to->addr, 4);
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)(h[i] << 8 | h[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	put16(h + 10, ~sum & 0xffff);
	return p + 8;
}

static uint8_t *
put_ip6(uint8_t *p, const struct traffic_packet *t, uint32_t behind)
{
	p = put32(p, 0x60000000);
	p = put16(p, behind);
	*p++ = t->proto;
	*p++ = 64;
	memcpy(p, t->from->addr, 16);
	memcpy(p + 16, t->to->addr, 16);
	return p + 32;
}

static uint8_t *
put_transport(uint8_t *p, const struct traffic_packet *t)
{
	switch (t->proto) {
	case 6:
		p = put16(put16(p, t->from->port), t->to->port);
		p = put32(put32(p, t->seq), 0);
		*p++ = 0x50;
		*p++ = t->tcp_flags;
		return put32(put16(p, 0xfaf0), 0);
	case 17:
		p = put16(put16(p, t->from->port), t->to->port);
		return put16(put16(p, 8 + t->payload), 0);
	case 50:
		return put32(put32(p, 0x1001), t->seq);
	default: /* ICMP and ICMPv6 echo */
		p = put16(p, (uint32_t)t->icmp_type << 8);
		return put16(put32(p, 7), t->seq & 0xffff);
	}
}

size_t
traffic_headers(const struct traffic_packet *t,
    uint8_t out[TRAFFIC_HEADERS_MAX], uint32_t *wire)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
	uint32_t behind = (t->proto == 6 ? 20 : 8) + t->payload;
	uint8_t *p = out;

	memcpy(p, macs, 12);
	p += 12;
	if (t->vlan)
		p = put16(put16(p, 0x8100), t->vlan);
	p = put16(p, t->v6 ? 0x86dd : 0x0800);
	p = t->v6 ? put_ip6(p, t, behind) : put_ip4(p, t, behind);
	p = put_transport(p, t);
	*wire = (uint32_t)(p - out) + t->payload;
	if (*wire < 60)
		*wire = 60;
	return (size_t)(p - out);
}

void
traffic_address(struct traffic_end *e, bool v6, bool inside, uint32_t n)
{
	uint64_t mixed = n;

	memset(e->addr, 0, sizeof(e->addr));
	mixed = traffic_random(&mixed);
	if (!v6) {
		uint32_t outside = (uint32_t)mixed % 0x5fffffff + 0x20000000;

		put32(e->addr, inside ? 0x0a000000 + n % 0xffffff + 1
		                      : outside);
		return;
	}
	put32(e->addr, 0x20010db8);
	put16(e->addr + 4, inside ? 1 : 2);
	put16(e->addr + 6, n % 64);
	put32(e->addr + 8, (uint32_t)(mixed >> 32));
	put32(e->addr + 12, n);
}
