/*
 * flowtab's layer 7: who waits for a name and for how long, what is carried
 * over the end of a block, and that nothing is lost or named twice on the way.
 */
#include "capture/flowtab.h"

#include "capture/dpi.h"
#include "common/ipc/frame.h"
#include "tests/tap.h"

#include <errno.h>

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16, WAIT_S = 10, SLOT = 300 };

static struct labels labels;
static struct dpi *dpi;
static struct flowtab *table;

/* ---- packets ------------------------------------------------------------- */

static uint8_t bytes[2048];

static struct decode_packet
packet(uint8_t proto, uint16_t sport, uint16_t dport, const void *data,
    size_t n)
{
	size_t head = proto == 6 ? 20 : 8, all = 20 + head + n;
	struct decode_packet p;

	memset(bytes, 0, 40);
	bytes[0] = 0x45;
	bytes[2] = (uint8_t)(all >> 8);
	bytes[3] = (uint8_t)all;
	bytes[8] = 64;
	bytes[9] = proto;
	bytes[12] = bytes[16] = 10;
	bytes[15] = sport > dport ? 1 : 2;
	bytes[19] = sport > dport ? 2 : 1;
	bytes[20] = (uint8_t)(sport >> 8);
	bytes[21] = (uint8_t)sport;
	bytes[22] = (uint8_t)(dport >> 8);
	bytes[23] = (uint8_t)dport;
	if (proto == 6) {
		bytes[32] = 0x50;
		bytes[33] = n ? ACK : SYN;
	} else {
		bytes[24] = (uint8_t)((8 + n) >> 8);
		bytes[25] = (uint8_t)(8 + n);
	}
	if (n > 0)
		memcpy(bytes + 20 + head, data, n);
	(void)decode_frame(101, bytes, (uint32_t)all, (uint32_t)all, &p);
	return p;
}

static struct decode_packet
ending(struct decode_packet p, uint8_t flag)
{
	bytes[33] = flag;
	(void)decode_frame(101, bytes, p.ip_len, p.ip_len, &p);
	return p;
}

static void
add(struct decode_packet p, uint32_t now_s)
{
	if (p.flags & DECODE_PAYLOAD && flowtab_curious(table, &p))
		p.flags |= DECODE_STAGED;
	flowtab_add(table, &p, 1, now_s);
}

static const char junk[] = "\xfe\xfe\xfe\xfe\xfe\xfe\xfe\xfe";
static const char ntp[48] = "\x23";
static const char rfb[] = "RFB 003.008\n";

/* ---- rows ---------------------------------------------------------------- */

static struct {
	uint64_t packets, n;
	char name[48]; /* of the last */
	uint16_t sport;
	uint64_t counter[4];
} got;

static void
take(void *ctx, const struct flowtab_row *r)
{
	(void)ctx;
	got.n++;
	got.packets += r->counter[FRAME_PKTS_SENT] +
	    r->counter[FRAME_PKTS_RCVD];
	got.sport = r->sport;
	for (int i = 0; i < 4; i++)
		got.counter[i] += r->counter[i];
	memcpy(got.name, labels.name[r->label].name, sizeof(got.name));
}

static uint64_t
publish(enum flowtab_how how, int64_t slot_s)
{
	memset(&got, 0, sizeof(got));
	flowtab_publish_begin(table, how, slot_s);
	while (!flowtab_publish_some(table, 100, take, NULL))
		;
	return got.packets;
}

static uint64_t
carried(int64_t slot_s, bool all)
{
	memset(&got, 0, sizeof(got));
	while (!flowtab_carried_some(table, slot_s, all, 7, take, NULL))
		;
	return got.packets;
}

static void
begin_with(uint32_t flows_max, uint32_t wait_s)
{
	const struct gp_hash_key key = {{5, 6, 7, 8}};

	flowtab_free(table);
	table = NULL;
	is_int(flowtab_new(&table, flows_max, false, &key), 0, "a table");
	is_int(flowtab_use_dpi(table, dpi, wait_s), 0, "with layer 7");
}

static void
begin(uint32_t flows_max)
{
	begin_with(flows_max, WAIT_S);
}

static uint32_t
states(void)
{
	struct dpi_stats st;

	dpi_stats(dpi, &st);
	return st.states;
}

/* ---- tests --------------------------------------------------------------- */

static void
test_names(void)
{
	begin(1024);
	add(packet(17, 40000, 123, ntp, sizeof(ntp)), 100);
	is_int(publish(FLOWTAB_WAIT, 0), 1, "a name is found at once");
	is_str(got.name, "NTP", "it is NTP");
	add(packet(17, 40000, 123, junk, 8), 101);
	is_int(publish(FLOWTAB_WAIT, 0), 1, "what comes later");
	is_str(got.name, "NTP", "keeps the name");
	add(packet(1, 0, 0, junk, 8), 101);
	is_int(publish(FLOWTAB_WAIT, 0), 1, "no port, no waiting");
	is_str(got.name, "ICMP", "ICMP");
	is_int(states(), 0, "no state is held");
}

static void
test_waiting(void)
{
	begin(1024);
	add(packet(6, 40000, 443, NULL, 0), 100);
	is_int(states(), 0, "a SYN takes no state");
	add(packet(6, 40001, 443, junk, 8), 100);
	is_int(states(), 1, "payload does");
	is_int(publish(FLOWTAB_WAIT, 0), 0, "both wait");
	is_int(flowtab_held(table), 2, "and are held");
	add(packet(6, 40000, 443, NULL, 0), 109);
	is_int(publish(FLOWTAB_WAIT, 0), 0, "still");
	add(packet(6, 40000, 443, NULL, 0), 110);
	is_int(publish(FLOWTAB_WAIT, 0), 4, "for ten seconds");
	is_int(got.n, 2, "each in one row");
	is_int(states(), 0, "the state is free");
	add(packet(6, 40002, 443, NULL, 0), 200);
	add(packet(6, 40002, 443, NULL, 0), 190);
	is_int(publish(FLOWTAB_WAIT, 0), 0, "a clock that goes back");
	is_int(publish(FLOWTAB_SETTLE, 0), 2, "the end waits for nobody");
	is_str(got.name, "TLS?", "its port's name, marked");
	add(packet(6, 40002, 443, junk, 8), 201);
	is_int(publish(FLOWTAB_WAIT, 0), 1, "payload that comes too late");
	is_str(got.name, "TLS?", "changes nothing");
}

static void
test_ended(void)
{
	begin(1024);
	add(packet(6, 40000, 443, NULL, 0), 100);
	add(ending(packet(6, 443, 40000, NULL, 0), RST | ACK), 100);
	is_int(publish(FLOWTAB_WAIT, 0), 0, "what has ended waits");
	add(packet(6, 40001, 443, junk, 8), 101);
	is_int(publish(FLOWTAB_WAIT, 0), 0, "a second later, too");
	add(packet(6, 40001, 443, junk, 8), 102);
	is_int(publish(FLOWTAB_WAIT, 0), 2, "for two seconds");
	is_str(got.name, "TLS?", "the port says what it was");
	add(ending(packet(6, 40001, 443, NULL, 0), FIN | ACK), 103);
	add(ending(packet(6, 443, 40001, NULL, 0), FIN | ACK), 104);
	is_int(publish(FLOWTAB_WAIT, 0), 0, "a FIN does the same");
	add(packet(6, 40001, 443, junk, 8), 105);
	is_int(publish(FLOWTAB_WAIT, 0), 5, "the second FIN adds nothing");
	is_int(states(), 0, "the state is free");
	add(packet(6, 40002, 443, NULL, 0), 110);
	add(ending(packet(6, 40002, 443, NULL, 0), RST), 119);
	add(packet(6, 40001, 443, junk, 8), 120);
	is_int(publish(FLOWTAB_WAIT, 0), 3, "nobody waits longer for it");
	is_int(got.n, 2, "two flows");
}

static void
test_ended_early(void)
{
	begin(1024);
	add(packet(6, 40000, 5900, NULL, 0), 100);
	add(ending(packet(6, 5900, 40000, NULL, 0), RST), 100);
	add(packet(6, 5900, 40000, rfb, sizeof(rfb) - 1), 101);
	add(packet(6, 40000, 5900, rfb, sizeof(rfb) - 1), 101);
	is_int(publish(FLOWTAB_WAIT, 0), 4, "a forged RST");
	is_str(got.name, "VNC", "does not hide what follows");
	add(ending(packet(6, 40001, 5900, rfb, sizeof(rfb) - 1), FIN | ACK),
	    101);
	is_int(states(), 1, "payload that comes with a FIN is looked at");
	add(packet(6, 5900, 40001, rfb, sizeof(rfb) - 1), 102);
	is_int(publish(FLOWTAB_WAIT, 0), 2, "as the answer is");
	is_str(got.name, "VNC", "VNC");
	add(ending(packet(6, 40002, 5900, junk, 8), FIN | ACK), 102);
	is_int(publish(FLOWTAB_WAIT, 0), 0, "payload that tells nothing");
	add(packet(1, 0, 0, junk, 8), 104);
	is_int(publish(FLOWTAB_WAIT, 0), 2, "ends like the others");
	is_int(states(), 0, "and the state is free");
}

static void
test_ended_elsewhere(void)
{
	begin(1024);
	add(packet(6, 40000, 443, NULL, 0), 200);
	add(ending(packet(6, 443, 40000, NULL, 0), RST), 190);
	add(packet(1, 0, 0, junk, 8), 192);
	is_int(publish(FLOWTAB_WAIT, 0), 3, "though the clock went back");

	begin_with(1024, 1);
	add(packet(6, 40000, 443, NULL, 0), 100);
	add(ending(packet(6, 443, 40000, NULL, 0), RST), 100);
	add(packet(1, 0, 0, junk, 8), 101);
	is_int(publish(FLOWTAB_WAIT, 0), 3, "longer than others it never is");

	begin(1024);
	add(packet(6, 40000, 443, NULL, 0), 100);
	is_int(publish(FLOWTAB_CARRY, 0), 0, "a block ends");
	add(ending(packet(6, 443, 40000, NULL, 0), RST), 101);
	is_int(publish(FLOWTAB_CARRY, SLOT), 0, "and another one");
	is_int(flowtab_n_carried(table), 2, "it is carried of both");
	is_int(carried(0, false), 0, "and waits");
	add(packet(6, 40001, 443, NULL, 0), 103);
	is_int(carried(0, false), 1, "until its time is over");
	is_int(carried(SLOT, false), 1, "in both");
	flowtab_sweep(table, 10000, 5000);
	is_int(flowtab_flows(table), 1, "and it can go");
	is_int(publish(FLOWTAB_SETTLE, SLOT), 1, "the other one");
}

static void
test_carried(void)
{
	begin(1024);
	add(packet(17, 40000, 123, NULL, 0), 100);
	add(packet(6, 40001, 22, NULL, 0), 100);
	is_int(publish(FLOWTAB_CARRY, 0), 0, "a block ends, two wait");
	is_int(flowtab_n_carried(table), 2, "what they counted is carried");
	is_int(flowtab_carried(table), 2, "two packets");
	is_int(flowtab_held(table), 2, "which are held");
	flowtab_sweep(table, 10000, 5000);
	is_int(flowtab_flows(table), 2, "nobody is forgotten meanwhile");
	is_int(carried(0, false), 0, "no name yet");
	add(packet(17, 40000, 123, ntp, sizeof(ntp)), 101);
	is_int(carried(SLOT, false), 0, "nothing of another block");
	is_int(carried(0, false), 1, "NTP after all: of the old block");
	is_str(got.name, "NTP", "under its name");
	is_int(publish(FLOWTAB_CARRY, SLOT), 1, "and the rest of the new one");
	is_str(got.name, "NTP", "under the same");
	add(packet(6, 40001, 22, NULL, 0), 102);
	is_int(publish(FLOWTAB_CARRY, SLOT), 0, "the other waits on");
	is_int(flowtab_n_carried(table), 2, "carried of two blocks");
	is_int(carried(0, true), 1, "no more waiting for the first");
	is_str(got.name, "SSH?", "the port's");
	is_int(carried(SLOT, false), 1, "then the second is named, too");
	is_str(got.name, "SSH?", "alike");
	is_int(flowtab_held(table), 0, "nothing is left");
	flowtab_sweep(table, 10000, 5000);
	is_int(flowtab_flows(table), 0, "now they can go");
}

/* What is carried keeps its directions, and is not in the next block again. */
static void
test_carried_counters(void)
{
	begin(1024);
	for (int i = 0; i < 3; i++)
		add(packet(6, 40000, 22, NULL, 0), 100);
	add(packet(6, 22, 40000, NULL, 0), 100);
	is_int(publish(FLOWTAB_CARRY, 0), 0, "a block ends");
	is_int(flowtab_carried(table), 4, "what is carried");
	add(packet(6, 22, 40000, NULL, 0), 101);
	is_int(flowtab_held(table), 5, "is held as what came later is");
	is_int(carried(0, true), 4, "no more waiting");
	ok(got.counter[FRAME_PKTS_SENT] == 3 &&
		got.counter[FRAME_PKTS_RCVD] == 1, "three there, one back");
	ok(got.counter[FRAME_BYTES_SENT] == 120 &&
		got.counter[FRAME_BYTES_RCVD] == 40, "in bytes");
	ok(flowtab_carried(table) == 0 && flowtab_held(table) == 1,
	    "then it is neither carried nor held");
	is_int(publish(FLOWTAB_CARRY, SLOT), 1, "the next block");
	ok(got.counter[FRAME_PKTS_RCVD] == 1 &&
		got.counter[FRAME_BYTES_RCVD] == 40 &&
		got.counter[FRAME_BYTES_SENT] == 0, "has what came later");
	is_int(publish(FLOWTAB_SETTLE, SLOT), 0, "and nothing is left");
	is_int((int64_t)got.n, 0, "not even an empty row");
}

static void
test_many_blocks(void)
{
	unsigned n = 0;

	begin(1024);
	for (int64_t slot = 0; slot < 40 * SLOT; slot += SLOT) {
		add(packet(6, 40000, 22, NULL, 0), 100);
		n += (unsigned)publish(FLOWTAB_CARRY, slot);
	}
	for (int64_t slot = 0; slot < 40 * SLOT; slot += SLOT)
		n += (unsigned)carried(slot, true);
	is_int(n, 40, "one flow in forty blocks is counted in each");
	is_int(flowtab_held(table), 0, "nothing is left");
}

/* More than can be carried: the rest takes its guess. */
static void
test_many_carried(void)
{
	uint64_t now, later;

	begin(1 << 20);
	for (uint32_t i = 0; i < 70000; i++) {
		struct decode_packet p = packet(6, 40000, 22, NULL, 0);

		memcpy(p.src, &i, 4);
		add(p, 100);
	}
	now = publish(FLOWTAB_CARRY, 0);
	is_str(got.name, "SSH?", "what cannot be carried has its port's name");
	later = carried(0, true);
	ok(now > 0 && now < 10000, "%u could not be carried", (unsigned)now);
	is_int(now + later, 70000, "all are counted");
}

static void
test_full(void)
{
	uint64_t first;

	begin(1024);
	for (uint16_t i = 0; i < 1000; i++)
		add(packet(6, (uint16_t)(40000 + i), 22,
			i < 10 ? junk : NULL, i < 10 ? 8 : 0), 100);
	ok(flowtab_pressed(table), "the table is nearly full");
	first = publish(FLOWTAB_WAIT, 0);
	is_int(first, 990, "who said nothing waits no longer");
	is_int(states(), 10, "who is looked at does");
	is_int(publish(FLOWTAB_SETTLE, 0), 10, "until the end");
}

static void
test_no_state(void)
{
	struct dpi_stats before, st;

	begin(1 << 20);
	dpi_stats(dpi, &before);
	for (uint32_t i = 0; i < DPI_STATES + 100; i++) {
		struct decode_packet p = packet(17, 40000, 53, junk, 8);

		memcpy(p.src, &i, 4);
		add(p, 100);
	}
	dpi_stats(dpi, &st);
	is_int(st.states, DPI_STATES, "all states are taken");
	is_int(st.starved - before.starved, 100, "the others are counted");
	is_int(publish(FLOWTAB_WAIT, 0), 100, "and named");
	is_str(got.name, "DNS?", "by their port");
	for (uint32_t i = 0; i < 100; i++) {
		struct decode_packet p = packet(17, 40001, 123, ntp,
		    sizeof(ntp));

		memcpy(p.src, &i, 4);
		add(p, 110);
	}
	dpi_stats(dpi, &before);
	is_int(before.starved, st.starved,
	    "states of flows whose time is over are taken");
	is_int(publish(FLOWTAB_SETTLE, 0), DPI_STATES + 100,
	    "everything is counted");
	is_int(states(), 0, "all states are free");
}

/* Short connections, of which many more come than have a state at once. */
static void
test_short(void)
{
	struct dpi_stats before, st;
	unsigned n = 0;

	begin(1 << 20);
	dpi_stats(dpi, &before);
	for (uint32_t i = 0; i < 3 * DPI_STATES; i++) {
		struct decode_packet p = packet(6, 40000, 80, junk, 8);

		memcpy(p.src, &i, 4);
		add(p, 100);
		p = ending(packet(6, 40000, 80, NULL, 0), FIN | ACK);
		memcpy(p.src, &i, 4);
		add(p, 100);
	}
	dpi_stats(dpi, &st);
	is_int(st.starved, before.starved, "what has ended gives its state");
	is_int(st.states, DPI_STATES, "when all are taken");
	n = (unsigned)publish(FLOWTAB_SETTLE, 0);
	is_int(n, 6 * DPI_STATES, "everything is counted");
	is_int(states(), 0, "all states are free");
}

/* A flow whose first packets are all on their way is looked at, too, though a
 * settled one may have half of its hash. */
static void
test_curious(void)
{
	struct decode_packet last = packet(17, 40000, 123, ntp, sizeof(ntp));
	unsigned missed = 0;

	begin(1 << 20);
	for (uint32_t i = 0; i < 400000; i++) {
		memcpy(last.src, &i, 4);
		missed += !flowtab_curious(table, &last);
		add(last, 100);
	}
	is_int(missed, 0, "of 400000 new flows each is looked at");
	ok(!flowtab_curious(table, &last), "but no more when it has its name");
	(void)publish(FLOWTAB_SETTLE, 0);
	flowtab_sweep(table, UINT32_MAX, 5000);
	is_int(flowtab_flows(table), 0, "when it has gone");
	ok(flowtab_curious(table, &last), "it would be again");
}

/* Any order of packets, rounds, ends of blocks, evictions. */
static void
test_random(void)
{
	uint64_t seed = tap_seed(11), in = 0, out = 0, wrong = 0;
	uint32_t now_s = 1000;
	int64_t slot = 0;

	begin(256);
	for (int i = 0; i < 100000; i++) {
		uint64_t r = tap_random(&seed);
		uint16_t port = (uint16_t)(40000 + r % 400);

		switch (r >> 32 & 15) {
		case 0:
			now_s += (uint32_t)(r >> 40) % 8;
			out += publish(FLOWTAB_WAIT, slot);
			break;
		case 1:
			out += publish(FLOWTAB_CARRY, slot);
			slot += (r >> 40) % 4 ? 0 : SLOT;
			break;
		case 2:
			out += carried(slot - SLOT, (r >> 40) % 2);
			break;
		case 3:
			flowtab_sweep(table, (r >> 40) % 300, now_s +
			    (uint32_t)(r >> 50) % 700);
			break;
		case 4: case 5: case 6:
			add(packet(17, port, 123, ntp, sizeof(ntp)), now_s);
			in++;
			break;
		case 7: case 8:
			add(packet(6, port, 22, NULL, 0), now_s);
			in++;
			break;
		case 9:
			add(ending(packet(6, port, 22, NULL, 0),
				r >> 48 & 1 ? FIN : RST), now_s);
			in++;
			break;
		default:
			add(packet(r >> 48 & 1 ? 6 : 17, port, 22, junk, 8),
			    now_s);
			in++;
			break;
		}
		wrong += in != out + flowtab_held(table);
	}
	is_int(wrong, 0, "every packet is handed out or held");
	out += publish(FLOWTAB_SETTLE, slot);
	for (int64_t s = 0; s <= slot; s += SLOT)
		out += carried(s, true);
	is_int(out, in, "and handed out once in the end");
	is_int(states(), 0, "all states are free");
}

int
main(void)
{
	labels_init(&labels);
	if (dpi_new(&dpi, &labels) == -ENOTSUP)
		skip_all("built without an engine");
	test_names();
	test_waiting();
	test_ended();
	test_ended_early();
	test_ended_elsewhere();
	test_carried();
	test_carried_counters();
	test_many_blocks();
	test_many_carried();
	test_full();
	test_no_state();
	test_short();
	test_curious();
	test_random();
	flowtab_free(table);
	dpi_free(dpi);
	return tap_done();
}
