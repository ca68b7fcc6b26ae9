/* dpi: names from packets, guesses marked as such, bounded memory, states that
 * come back. */
#include "capture/dpi.h"

#include "tests/tap.h"

#include <errno.h>

static struct labels labels;
static struct dpi *dpi;

struct packet {
	uint8_t b[2048];
	size_t n;
};

static struct packet
udp(uint16_t sport, uint16_t dport, const void *data, size_t n)
{
	struct packet p = {.b = {0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0,
		0, 1, 10, 0, 0, 2}, .n = 28 + n};
	uint16_t total = (uint16_t)p.n, len = (uint16_t)(8 + n);
	const uint8_t head[8] = {(uint8_t)(sport >> 8), (uint8_t)sport,
		(uint8_t)(dport >> 8), (uint8_t)dport, (uint8_t)(len >> 8),
		(uint8_t)len};

	p.b[2] = (uint8_t)(total >> 8);
	p.b[3] = (uint8_t)total;
	memcpy(p.b + 20, head, sizeof(head));
	memcpy(p.b + 28, data, n);
	return p;
}

/* The same over IPv6. */
static struct packet
udp6(uint16_t sport, uint16_t dport, const void *data, size_t n)
{
	struct packet four = udp(sport, dport, data, n);
	struct packet p = {.b = {0x60, 0, 0, 0, 0, 0, 17, 64}, .n = 48 + n};

	p.b[8] = p.b[24] = 0xfd;
	p.b[23] = 1;
	p.b[39] = 2;
	p.b[4] = (uint8_t)((8 + n) >> 8);
	p.b[5] = (uint8_t)(8 + n);
	memcpy(p.b + 40, four.b + 20, 8 + n);
	return p;
}

static const char *
name(uint16_t label)
{
	return labels.name[label].name;
}

static const uint8_t query[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\3www\7example"
			       "\3com\0\0\1\0";

static void
test_names(void)
{
	struct packet p = udp(40000, 53, query, sizeof(query));
	uint32_t n = dpi_take(dpi, 7, 1);
	struct dpi_stats st;
	uint16_t label = 0;
	bool settled;

	dpi_stats(dpi, &st);
	is_int(st.states, 1, "one state is taken");
	settled = dpi_feed(dpi, n, p.b, p.n, 1, &label);
	if (!settled)
		label = dpi_giveup(dpi, n);
	is_str(name(label), "DNS", "a query is DNS");
	is_str(labels.name[label].category, "Network", "of the network");
	dpi_stats(dpi, &st);
	is_int(st.states, 0, "its state is free again");
	is_int(st.packets, 1, "a packet was looked at");
}

/* What a flow is whose only packet that is, of which so much was captured. */
static const char *
name_of(const struct packet *p, size_t captured)
{
	uint32_t n = dpi_take(dpi, 1, 1);
	uint16_t label = 0;

	if (!dpi_feed(dpi, n, p->b, captured, 1, &label))
		label = dpi_giveup(dpi, n);
	return name(label);
}

static void
test_cut(void)
{
	static const char search[] = "M-SEARCH * HTTP/1.1\r\n"
				     "HOST: 239.255.255.250:1900\r\n"
				     "MAN: \"ssdp:discover\"\r\n\r\n";
	uint8_t long_one[1800] = {0};
	struct packet p4, p6;

	memcpy(long_one, search, sizeof(search));
	p4 = udp(40000, 61900, long_one, sizeof(long_one));
	p6 = udp6(40000, 61900, long_one, sizeof(long_one));
	is_str(name_of(&p4, p4.n), "SSDP", "a whole packet");
	is_str(name_of(&p6, p6.n), "SSDP", "of IPv6");
	is_str(name_of(&p4, 128), "SSDP", "what was captured of one");
	is_str(name_of(&p6, 128), "SSDP", "of IPv6");
	is_str(name_of(&p6, p6.n - 20), "SSDP", "all but a few bytes");
	p4.b[2] = p6.b[4] = 0xf0;
	is_str(name_of(&p4, 1000), "SSDP", "many that were put together");
	is_str(name_of(&p6, 1000), "SSDP", "of IPv6");
	p4.b[2] = p4.b[3] = p6.b[4] = p6.b[5] = 0;
	is_str(name_of(&p4, 1000), "SSDP", "more than a length can say");
	is_str(name_of(&p6, 1000), "SSDP", "of IPv6");
	p4 = udp(40000, 61900, long_one, sizeof(long_one));
	is_str(name_of(&p4, 30), "Unknown", "two bytes of payload");
	is_str(name_of(&p4, 21), "Unknown", "hardly an IP header");
	is_str(name_of(&p4, 19), "Unknown", "not even that");
	is_str(name_of(&p6, 40), "Unknown", "an IPv6 header");
	is_str(name_of(&p6, 39), "Unknown", "less than one");
	p4.b[3] = p4.b[2] = 0xff;
	is_str(name_of(&p4, p4.n), "SSDP", "a length that lies");
}

/* How many such packets a flow's name takes that none of them tells. */
static int
looks(const struct packet *p, size_t captured)
{
	uint32_t n = dpi_take(dpi, 1, 1);
	uint16_t label;
	int looks = 1;

	while (!dpi_feed(dpi, n, p->b, captured, 1, &label))
		looks++;
	return looks;
}

static void
test_looks(void)
{
	static const uint8_t junk[1800] = {[0] = 0xfe, [1] = 0xfe};
	struct packet p = udp(40000, 61900, junk, sizeof(junk));

	is_int(looks(&p, p.n), DPI_PACKETS_UDP, "packets that tell nothing");
	is_int(looks(&p, 200), 2, "that were cut");
	p.b[2] = p.b[3] = 0;
	is_int(looks(&p, p.n), DPI_PACKETS_UDP, "of which the length is 0");
	p = udp(40000, 61900, junk, sizeof(junk));
	p.b[9] = 6; /* what is UDP's is the ports', and junk a TCP header's rest */
	p.b[32] = 0x50;
	p.b[33] = 0x18;
	is_int(looks(&p, p.n), DPI_PACKETS_TCP, "of TCP");
	is_int(looks(&p, 200), 4, "that were cut");
}

static void
test_guesses(void)
{
	struct packet p = udp(40000, 161, "\xfe\xfe\xfe\xfe", 4);
	uint32_t n;
	uint16_t label = 0;

	is_str(name(dpi_guess(dpi, 6, 22)), "SSH?", "port 22");
	is_str(name(dpi_guess(dpi, 6, 443)), "TLS?", "port 443");
	is_str(name(dpi_guess(dpi, 17, 53)), "DNS?", "port 53");
	is_str(name(dpi_guess(dpi, 6, 61234)), "Unknown", "port 61234");
	is_str(name(dpi_guess(dpi, 6, 0)), "Unknown", "no port");
	is_str(name(dpi_guess(dpi, 1, 0)), "ICMP", "protocol 1");
	is_str(name(dpi_guess(dpi, 58, 0)), "ICMPV6", "protocol 58");
	is_str(name(dpi_guess(dpi, 50, 0)), "IPsec", "protocol 50");
	is_str(name(dpi_guess(dpi, 132, 0)), "SCTP", "protocol 132");
	is_str(name(dpi_guess(dpi, 103, 0)), "PIM", "protocol 103");
	is_str(name(dpi_guess(dpi, 253, 0)), "IP-253", "protocol 253");
	n = dpi_take(dpi, 1, 1);
	for (int i = 0; i < DPI_PACKETS_UDP; i++)
		if (dpi_feed(dpi, n, p.b, p.n, 1, &label)) {
			n = 0;
			break;
		}
	is_int(n, 0, "after so many packets a flow has its name");
	is_str(name(label), "Unknown", "a port says nothing against the payload");
}

static void
test_bounds(void)
{
	static uint32_t taken[DPI_STATES];
	uint64_t owner = 0;
	struct dpi_stats st;
	unsigned n = 0;

	while (n < DPI_STATES && (taken[n] = dpi_take(dpi, n, 100)) != 0)
		n++;
	is_int(n, DPI_STATES, "all states can be taken");
	ok(dpi_full(dpi), "then it is full");
	is_int(dpi_take(dpi, 1, 100), 0, "and no more");
	dpi_stats(dpi, &st);
	is_int(st.starved, 1, "which is counted");
	ok(!dpi_stale(dpi, 109, 10, &owner), "nobody waited ten seconds");
	ok(!dpi_stale(dpi, 50, 10, &owner), "nor when the clock went back");
	dpi_ended(dpi, taken[40]);
	ok(dpi_stale(dpi, 100, 10, &owner) && owner == 40,
	    "whose flow has ended waits no longer");
	ok(dpi_stale(dpi, 110, 10, &owner) && owner < DPI_STATES,
	    "then somebody has");
	for (unsigned i = 0; i < n; i++)
		(void)dpi_giveup(dpi, taken[i]);
	dpi_stats(dpi, &st);
	is_int(st.states, 0, "all come back");
	diag("arena: %zu KiB of %d", st.arena_most >> 10,
	    DPI_ARENA_BYTES >> 10);
}

/* A ClientHello that never ends holds memory for each flow. */
static bool
feed_hello(uint32_t state)
{
	static const uint8_t hello[1400] = {0x16, 3, 1, 0x3f, 0xff, 1, 0, 0x3f,
	    0xfb, 3, 3};
	uint8_t p[40 + sizeof(hello)] = {0x45, 0, 0x05, 0xa0, 0, 0, 0, 0, 64, 6,
	    0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x9c, 0x40, 1, 0xbb, 0, 0, 0, 1, 0,
	    0, 0, 1, 0x50, 0x18, 1, 0};
	bool done = false;
	uint16_t label;

	memcpy(p + 40, hello, sizeof(hello));
	for (uint32_t k = 0; !done && k < 4; k++) {
		uint32_t seq = k * (uint32_t)sizeof(hello) + 1;

		for (int b = 0; b < 4; b++)
			p[24 + b] = (uint8_t)(seq >> (24 - 8 * b));
		done = dpi_feed(dpi, state, p, sizeof(p), 1, &label);
	}
	return done;
}

static void
test_given_back(void)
{
	struct dpi_stats before, held, after;

	dpi_stats(dpi, &before);
	for (int i = 0; i < 100; i++) {
		uint32_t state = dpi_take(dpi, 1, 1);
		bool done = feed_hello(state);

		if (i == 0)
			dpi_stats(dpi, &held);
		if (!done)
			(void)dpi_giveup(dpi, state);
	}
	dpi_stats(dpi, &after);
	ok(held.arena_used > before.arena_used + 4000, "a flow holds memory");
	ok(after.arena_used < held.arena_used, "a hundred give it back");
}

static void
test_hoarding(void)
{
	struct dpi_stats before, st;

	dpi_stats(dpi, &before);
	for (unsigned i = 0; i < DPI_STATES; i++) {
		uint32_t state = dpi_take(dpi, 1, 1);

		if (state != 0)
			(void)feed_hello(state);
	}
	dpi_stats(dpi, &st);
	ok(st.starved > before.starved,
	    "memory was short for %" PRIu64 " flows of %u",
	    st.starved - before.starved, DPI_STATES);
	ok(st.arena_most <= DPI_ARENA_BYTES, "%zu of %d KiB",
	    st.arena_most >> 10, DPI_ARENA_BYTES >> 10);
}

/* nDPI's own allocator, as if a dissector never gave anything back. */
void *ndpi_malloc(size_t n);

static void
test_leak(void)
{
	struct packet p = udp(40000, 53, query, sizeof(query));
	struct dpi_stats st;
	uint16_t label = 0;
	uint32_t n;

	while (ndpi_malloc(100 << 10))
		;
	ok(dpi_full(dpi), "all memory is gone");
	n = dpi_take(dpi, 1, 1);
	ok(n != 0, "the engine begins anew");
	if (n != 0 && !dpi_feed(dpi, n, p.b, p.n, 1, &label))
		label = dpi_giveup(dpi, n);
	is_str(name(label), "DNS", "and knows what it knew");
	dpi_stats(dpi, &st);
	ok(st.renewed == 1 && !dpi_full(dpi) && st.states == 0, "once");
}

int
main(void)
{
	int rc;

	labels_init(&labels);
	rc = dpi_new(&dpi, &labels);
	if (rc == -ENOTSUP)
		skip_all("built without an engine");
	is_int(rc, 0, "%s", dpi_version());
	if (rc == 0) {
		test_names();
		test_cut();
		test_looks();
		test_guesses();
		test_bounds();
		test_given_back();
		test_leak();
		test_hoarding();
	}
	dpi_free(dpi);
	return tap_done();
}
