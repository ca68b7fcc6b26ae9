/* orient: each kind of evidence, and their order. */
#include "capture/orient.h"

#include "tests/tap.h"

static struct decode_packet
packet(uint8_t proto, uint16_t sport, uint16_t dport)
{
	struct decode_packet p;

	memset(&p, 0, sizeof(p));
	p.version = 4;
	p.src[0] = 10;
	p.dst[0] = 11;
	p.proto = proto;
	p.sport = sport;
	p.dport = dport;
	p.flags = sport || dport ? DECODE_HAS_PORTS : 0;
	return p;
}

static void
verdict(const char *what, struct decode_packet p, enum orient_level level,
    bool from_client)
{
	struct orient_verdict v = orient_packet(&p);

	ok(v.level == level && v.from_client == from_client,
	    "%s (level %d, from client %d)", what, v.level, v.from_client);
}

static void
test_ports(void)
{
	unsigned differ = 0;

	verdict("to 443", packet(6, 40000, 443), ORIENT_SERVICE, true);
	verdict("from 443", packet(6, 443, 40000), ORIENT_SERVICE, false);
	verdict("to 5432 from 3333", packet(6, 3333, 5432), ORIENT_SERVICE,
	    true);
	verdict("to an unlisted port below 1024", packet(17, 2345, 1011),
	    ORIENT_SERVICE, true);
	verdict("listed beats below 1024", packet(17, 1011, 8080),
	    ORIENT_SERVICE, true);
	verdict("two services: the lower", packet(6, 443, 22), ORIENT_LOWER,
	    true);
	verdict("two ephemeral: the lower", packet(17, 40000, 50001),
	    ORIENT_LOWER, false);
	verdict("equal ports: the first", packet(17, 123, 123), ORIENT_FIRST,
	    true);
	verdict("port 0 serves nobody", packet(17, 0, 40000), ORIENT_FIRST,
	    true);
	verdict("no ports: the first", packet(47, 0, 0), ORIENT_FIRST, true);
	is_int(orient_port_rank(7), 2, "first of the table");
	is_int(orient_port_rank(64738), 2, "last of the table");
	is_int(orient_port_rank(1023), 1, "below 1024");
	is_int(orient_port_rank(1024), 0, "1024");
	is_int(orient_port_rank(0), 0, "port 0");
	is_int(orient_port_rank(65535), 0, "beyond the table");
	for (unsigned port = 0; port <= UINT16_MAX; port++)
		differ += orient_port_rank((uint16_t)port) !=
		    orient_port_rank_plain((uint16_t)port);
	is_int(differ, 0, "each port as a search finds it");
}

static void
test_stronger(void)
{
	struct decode_packet p = packet(6, 443, 40000);

	p.hint = DECODE_HINT_OPENS;
	verdict("SYN beats ports", p, ORIENT_HANDSHAKE, true);
	p.hint = DECODE_HINT_ANSWERS;
	verdict("SYN and ACK", p, ORIENT_HANDSHAKE, false);
	p = packet(1, 0, 0);
	p.hint = DECODE_HINT_ANSWERS;
	verdict("echo reply", p, ORIENT_REQUEST, false);
	p = packet(17, 53, 40000);
	p.dst[0] = 239;
	verdict("multicast beats ports", p, ORIENT_GROUP, true);
	p.dst[0] = 11;
	memset(p.dst + 1, 255, 3);
	verdict("to 11.255.255.255, which may be a host", p, ORIENT_SERVICE,
	    false);
	memset(p.dst, 255, 4);
	verdict("broadcast", p, ORIENT_GROUP, true);
	p.dst[3] = 1;
	verdict("nearly broadcast", p, ORIENT_SERVICE, false);
	p.flags |= DECODE_GROUP;
	verdict("link-layer broadcast", p, ORIENT_GROUP, true);
	p = packet(58, 0, 0);
	p.version = 6;
	p.dst[0] = 0xff;
	p.hint = DECODE_HINT_ANSWERS;
	verdict("an advertisement to a group", p, ORIENT_GROUP, true);
}

int
main(void)
{
	orient_init();
	test_ports();
	test_stronger();
	return tap_done();
}
