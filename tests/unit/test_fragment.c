/* fragment: later fragments get the ports of their first, within bounds. */
#include "capture/fragment.h"

#include "tests/tap.h"

static struct fragment_cache cache;

static struct decode_packet
fragment(uint8_t version, uint32_t host, uint32_t id, bool first)
{
	struct decode_packet p;

	memset(&p, 0, sizeof(p));
	memcpy(p.src, &host, 4);
	p.dst[0] = 9;
	p.version = version;
	p.proto = p.frag_next = 17;
	p.frag_id = id;
	p.flags = first ? DECODE_FRAG_FIRST | DECODE_HAS_PORTS
	                : DECODE_FRAG_LATER;
	if (first) {
		p.sport = 1111;
		p.dport = (uint16_t)(host + id);
	}
	return p;
}

static bool
gets_ports(uint8_t version, uint32_t host, uint32_t id, uint32_t now_s)
{
	struct decode_packet p = fragment(version, host, id, false);

	fragment_track(&cache, &p, now_s);
	return (p.flags & DECODE_HAS_PORTS) && p.sport == 1111 &&
	    p.dport == (uint16_t)(host + id);
}

static void
see_first(uint8_t version, uint32_t host, uint32_t id, uint32_t now_s)
{
	struct decode_packet p = fragment(version, host, id, true);

	fragment_track(&cache, &p, now_s);
}

static void
test_match(void)
{
	struct decode_packet p;

	ok(!gets_ports(4, 1, 7, 100), "no first fragment, no ports");
	see_first(4, 1, 7, 100);
	ok(gets_ports(4, 1, 7, 101), "ports of the first fragment");
	ok(gets_ports(4, 1, 7, 102), "for every later one");
	ok(!gets_ports(4, 1, 8, 102), "not for another datagram");
	ok(!gets_ports(4, 2, 7, 102), "not for another host");
	ok(!gets_ports(6, 1, 7, 102), "not for another version");
	p = fragment(4, 1, 7, false);
	p.proto = p.frag_next = 6;
	fragment_track(&cache, &p, 102);
	ok(!(p.flags & DECODE_HAS_PORTS), "not for another protocol");
	see_first(6, 1, 7, 100);
	ok(gets_ports(6, 1, 7, 102), "IPv6");
	p = fragment(4, 5, 7, true);
	p.flags = DECODE_HAS_PORTS;
	fragment_track(&cache, &p, 100);
	ok(!gets_ports(4, 5, 7, 101), "a whole packet is no first fragment");
}

/* IPv6: the first fragment's options lie behind the fragment header, which is
 * all that the later ones have. */
static void
test_options(void)
{
	struct decode_packet p = fragment(6, 5, 7, true);

	p.frag_next = 60;
	fragment_track(&cache, &p, 100);
	p = fragment(6, 5, 7, false);
	p.proto = p.frag_next = 60;
	fragment_track(&cache, &p, 101);
	ok((p.flags & DECODE_HAS_PORTS) && p.sport == 1111 && p.dport == 12,
	    "ports of a first fragment with options");
	is_int(p.proto, 17, "and its protocol");
	p = fragment(6, 6, 7, true);
	p.proto = DECODE_PROTO_ICMP6;
	p.frag_next = 60;
	p.flags = DECODE_FRAG_FIRST;
	p.sport = p.dport = 0;
	fragment_track(&cache, &p, 100);
	p = fragment(6, 6, 7, false);
	p.proto = p.frag_next = 60;
	fragment_track(&cache, &p, 101);
	ok(p.proto == DECODE_PROTO_ICMP6 && !(p.flags & DECODE_HAS_PORTS),
	    "the protocol of one without ports");
}

/* The identification comes again, and ports of the second first fragment were
 * not captured. */
static void
test_again(void)
{
	struct decode_packet p = fragment(4, 4, 7, true);

	see_first(4, 4, 7, 100);
	p.flags = DECODE_FRAG_FIRST;
	p.sport = p.dport = 0;
	fragment_track(&cache, &p, 101);
	ok(!gets_ports(4, 4, 7, 101), "no ports of the datagram before");
	see_first(4, 4, 7, 102);
	ok(gets_ports(4, 4, 7, 102), "those of the one after it");
}

static void
test_time(void)
{
	see_first(4, 3, 9, 1000);
	ok(gets_ports(4, 3, 9, 1000 + FRAGMENT_TTL_S), "within its time");
	ok(!gets_ports(4, 3, 9, 1001 + FRAGMENT_TTL_S), "not after it");
	ok(!gets_ports(4, 3, 9, 900), "not long before it either");
}

static void
test_full(void)
{
	unsigned kept = 0;

	for (uint32_t i = 0; i < 20 * FRAGMENT_ENTRIES; i++)
		see_first(4, i, i, 5000 + i / 1000);
	for (uint32_t i = 20 * FRAGMENT_ENTRIES - 1000;
	    i < 20 * FRAGMENT_ENTRIES; i++)
		kept += gets_ports(4, i, i, 5000 + i / 1000);
	ok(kept > 990, "a flood pushes out the old: %u of the last 1000 kept",
	    kept);
}

/* Many datagrams between the same two hosts, their fragments interleaved. */
static void
test_interleaved(void)
{
	unsigned kept = 0;

	for (uint32_t id = 0; id < 200; id++)
		see_first(6, 77, id, 9000);
	for (uint32_t id = 0; id < 200; id++)
		kept += gets_ports(6, 77, id, 9001);
	ok(kept >= 195, "interleaved datagrams of one pair: %u of 200", kept);
}

/* A whole prefix of destinations, each of which has its own datagrams. */
static void
test_destinations(void)
{
	unsigned wrong = 0;

	for (uint32_t i = 0; i < 2 * FRAGMENT_ENTRIES; i++) {
		struct decode_packet p = fragment(6, 78, 5, i % 2 == 0);

		memcpy(p.dst + 12, &i, 4);
		fragment_track(&cache, &p, 9000);
		wrong += i % 2 && p.flags & DECODE_HAS_PORTS;
	}
	is_int(wrong, 0, "none gets another one's ports");
}

/* One datagram each of many hosts of a prefix, to one host or from one. */
static void
test_prefix(uint8_t version, bool sources)
{
	const uint32_t now_s = 20000 + 1000u * version + 100u * sources;
	const size_t at = version == 6 ? 12 : 0;
	unsigned kept = 0;

	for (uint32_t i = 0; i < 1000; i++) {
		struct decode_packet p = fragment(version, 79, 5, i < 500);
		const uint32_t host = 1 + i % 500;

		memcpy((sources ? p.src : p.dst) + at, &host, 4);
		if (i < 500)
			p.dport = (uint16_t)host;
		fragment_track(&cache, &p, now_s);
		kept += i >= 500 && p.flags & DECODE_HAS_PORTS &&
		    p.dport == host;
	}
	ok(kept >= 495, "IPv%d, many %s: %u of 500", version,
	    sources ? "sources" : "destinations", kept);
}

/* An identification comes around again: the newer first fragment counts. */
static void
test_reused(void)
{
	struct decode_packet p = fragment(4, 90, 3, true);

	p.dport = 1;
	fragment_track(&cache, &p, 9000);
	see_first(4, 90, 3, 9010);
	ok(gets_ports(4, 90, 3, 9011), "the ports of the newer datagram");
	ok(gets_ports(4, 90, 3, 9010 + FRAGMENT_TTL_S), "for its time");
}

int
main(void)
{
	struct gp_hash_key key = {{1, 2, 3, 4}};

	fragment_init(&cache, &key);
	test_match();
	test_options();
	test_again();
	test_time();
	test_full();
	test_interleaved();
	test_destinations();
	test_reused();
	for (unsigned i = 0; i < 4; i++)
		test_prefix(i & 1 ? 4 : 6, i & 2);
	return tap_done();
}
