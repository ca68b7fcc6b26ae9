/*
 * genpcap MODEL PACKETS FLOWS SEED FILE - a capture file for benchmarks.
 *
 *   mix        FLOWS conversations between a few thousand clients and many
 *              servers over ten minutes, most of them short, a few very long:
 *              handshakes, requests, answers, ACKs; a fifth IPv6, a twentieth
 *              tagged; mean frame some 750 bytes
 *   scan       every packet is a flow of its own (FLOWS is not used)
 *   elephants  FLOWS conversations that last all the time
 *
 * Little-endian, microseconds, Ethernet, 128 bytes of each frame.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/bench/traffic.h"

#define SNAPLEN    128u
#define START_S    1768435200u /* 2026-01-15T00:00:00Z, begins a block */
#define DURATION_S 600u
#define TICKS_S    1000u /* the wheel turns in milliseconds */
#define TICKS      (DURATION_S * TICKS_S)
#define NONE       UINT32_MAX

/* What a conversation is about; weights in thousandths. */
struct service {
	unsigned weight;
	uint8_t proto;
	uint16_t port;      /* 0: any high one */
	bool shot;          /* question and answer, no more */
	unsigned up;        /* % of data packets that the client sends */
	uint16_t ask, tell; /* payload of a full packet each way */
};
static const struct service services[] = {
    {420, 6, 443, false, 12, 1100, 1448},
    {90, 6, 80, false, 10, 500, 1448},
    {30, 6, 22, false, 45, 80, 300},
    {20, 6, 25, false, 85, 1448, 60},
    {60, 6, 0, false, 40, 1448, 1448},
    {210, 17, 53, true, 50, 42, 130},
    {20, 17, 123, true, 50, 48, 48},
    {90, 17, 443, false, 15, 90, 1250},
    {30, 17, 0, false, 50, 200, 200},
    {20, 1, 0, false, 50, 56, 56},
    {10, 50, 0, false, 50, 1400, 1400},
};
#define N_SERVICES (sizeof(services) / sizeof(services[0]))

struct talk {
	struct traffic_end client, server;
	const struct service *service;
	uint32_t packets, sent; /* in all, so far */
	uint32_t tick, gap;     /* of the next one; mean distance */
	uint32_t seq[2];
	uint32_t next; /* in the wheel */
	uint16_t vlan;
	bool v6;
};

static uint64_t state;
static int out_fd;
static uint8_t out[1 << 20];
static size_t n_out;
static uint64_t wire_bytes, packets_out;

/* ---- writing ----------------------------------------------------------- */

static void
flush(void)
{
	for (size_t at = 0; at < n_out;) {
		ssize_t n = write(out_fd, out + at, n_out - at);

		if (n <= 0) {
			perror("genpcap");
			exit(1);
		}
		at += (size_t)n;
	}
	n_out = 0;
}

static void
put(const void *data, size_t n)
{
	if (n_out + n > sizeof(out))
		flush();
	memcpy(out + n_out, data, n);
	n_out += n;
}

static void
emit(uint64_t time_us, const struct traffic_packet *p)
{
	uint8_t frame[SNAPLEN + TRAFFIC_HEADERS_MAX] = {0};
	uint32_t record[4];

	(void)traffic_headers(p, frame, &record[3]);
	record[0] = START_S + (uint32_t)(time_us / 1000000);
	record[1] = (uint32_t)(time_us % 1000000);
	record[2] = record[3] < SNAPLEN ? record[3] : SNAPLEN;
	put(record, sizeof(record));
	put(frame, record[2]);
	wire_bytes += record[3];
	packets_out++;
}

/* ---- conversations ----------------------------------------------------- */

/* Small numbers are far more likely: popular hosts. */
static uint32_t
popular(uint32_t n)
{
	uint32_t a = traffic_below(&state, n) + 1;

	return traffic_below(&state, a);
}

/* A heavy tail: twice as large is half as likely. */
static uint32_t
heavy(void)
{
	uint32_t size = 8;

	while (size < (1u << 17) && traffic_random(&state) & 1)
		size *= 2;
	return size + traffic_below(&state, size);
}

static const struct service *
pick_service(void)
{
	uint32_t n = traffic_below(&state, 1000);
	size_t i = 0;

	while (i + 1 < N_SERVICES && n >= services[i].weight)
		n -= services[i++].weight;
	return &services[i];
}

static void
init_talk(struct talk *t, bool elephant, uint32_t flows)
{
	uint32_t clients = flows < 4000 ? flows : 4000;
	uint32_t servers = flows < 60000 ? flows : 60000;

	memset(t, 0, sizeof(*t));
	do
		t->service = pick_service();
	while (elephant && (t->service->shot || t->service->proto == 1));
	t->v6 = traffic_below(&state, 100) < 20;
	t->vlan = traffic_below(&state, 100) < 5 ?
	    (uint16_t)(10 + traffic_below(&state, 8)) : 0;
	traffic_address(&t->client, t->v6, true, popular(clients));
	traffic_address(&t->server, t->v6, false, popular(servers));
	t->client.port = (uint16_t)(32768 + traffic_below(&state, 28000));
	t->server.port = t->service->port ? t->service->port
	    : (uint16_t)(1024 + traffic_below(&state, 30000));
	t->seq[0] = (uint32_t)traffic_random(&state);
	t->seq[1] = (uint32_t)traffic_random(&state);
}

/* Deals the packets out by weight; every conversation has at least two. */
static void
size_talks(struct talk *talks, uint32_t flows, uint64_t packets, bool elephant)
{
	uint64_t *weight = calloc(flows, sizeof(*weight)), sum = 0, left;

	if (!weight)
		exit(1);
	for (uint32_t i = 0; i < flows; i++) {
		if (!talks[i].service->shot)
			weight[i] = elephant ? 1000 + traffic_below(&state, 1000)
			                     : heavy();
		sum += weight[i];
	}
	left = packets - 2 * (uint64_t)flows;
	for (uint32_t i = 0; i < flows; i++) {
		uint64_t n = sum ? left * weight[i] / sum : 0;

		sum -= weight[i];
		left -= n;
		talks[i].packets = (uint32_t)n + 2;
	}
	talks[flows - 1].packets += (uint32_t)left;
	free(weight);
}

static void
place_talk(struct talk *t, uint32_t i, uint32_t flows, bool elephant)
{
	uint32_t start = elephant ? i % TICKS_S
	    : (uint32_t)((uint64_t)i * (TICKS - TICKS / 32) / flows);
	uint32_t rest = TICKS - start, life;

	if (t->packets < 4)
		life = 40;
	else if (t->packets < 32)
		life = 200 + traffic_below(&state, 4000);
	else
		life = rest / 8 + traffic_below(&state, rest - rest / 4);
	if (elephant || life > rest)
		life = rest;
	t->tick = start;
	t->gap = life / t->packets;
}

static void
describe(struct talk *t, struct traffic_packet *p)
{
	const struct service *s = t->service;
	uint32_t i = t->sent, dice = traffic_below(&state, 100);
	bool up = i == 0 || (i > 1 && traffic_below(&state, 100) < s->up);

	memset(p, 0, sizeof(*p));
	p->proto = s->proto;
	p->tcp_flags = 0x10;
	if (s->proto == 6 && i < 3) { /* SYN, SYN and ACK, ACK */
		static const uint8_t flags[3] = {0x02, 0x12, 0x10};

		up = i != 1;
		p->tcp_flags = flags[i];
	} else if (s->proto == 6 && i + 1 == t->packets) {
		p->tcp_flags = 0x11;
	} else if (s->proto == 6 && dice < 40) { /* ACK against the data */
		up = !up;
	} else {
		if (s->shot || s->proto == 1)
			up = !(i & 1);
		p->payload = up ? s->ask : s->tell;
		if (!s->shot && dice > 85)
			p->payload = 20 + p->payload * (100 - dice) / 20;
	}
	if (s->proto == 1) {
		p->proto = t->v6 ? 58 : 1;
		p->icmp_type = (uint8_t)(t->v6 ? 129 - up : up ? 8 : 0);
	}
	p->from = up ? &t->client : &t->server;
	p->to = up ? &t->server : &t->client;
	p->v6 = t->v6;
	p->vlan = t->vlan;
	p->seq = t->seq[!up];
	t->seq[!up] += p->payload + (i < 2);
}

/* Every millisecond has a list of the conversations that send in it. */
static void
hang(uint32_t *wheel, struct talk *talks, uint32_t i)
{
	struct talk *t = &talks[i];

	if (t->tick >= TICKS)
		t->tick = TICKS - 1;
	t->next = wheel[t->tick];
	wheel[t->tick] = i;
}

static void
advance(struct talk *t)
{
	/* two of three at once, the others after a pause: bursts */
	if (traffic_below(&state, 3) == 0)
		t->tick += t->gap * 2 + traffic_below(&state, 2 * t->gap + 1);
}

static void
converse(uint64_t packets, uint32_t flows, bool elephant)
{
	struct talk *talks = calloc(flows, sizeof(*talks));
	uint32_t *wheel = malloc(TICKS * sizeof(*wheel));

	if (!talks || !wheel)
		exit(1);
	memset(wheel, 0xff, TICKS * sizeof(*wheel));
	for (uint32_t i = 0; i < flows; i++)
		init_talk(&talks[i], elephant, flows);
	size_talks(talks, flows, packets, elephant);
	for (uint32_t i = 0; i < flows; i++) {
		place_talk(&talks[i], i, flows, elephant);
		hang(wheel, talks, i);
	}
	for (uint32_t tick = 0; tick < TICKS; tick++) {
		uint32_t us = 0, i;

		/* what sends again in the same millisecond takes its turn */
		while ((i = wheel[tick]) != NONE) {
			uint32_t list = i;

			wheel[tick] = NONE;
			for (; list != NONE; list = i) {
				struct talk *t = &talks[list];
				struct traffic_packet p;

				i = t->next;
				describe(t, &p);
				emit((uint64_t)tick * 1000 + us, &p);
				us += us < 999;
				advance(t);
				if (++t->sent < t->packets)
					hang(wheel, talks, list);
			}
		}
	}
	free(talks);
	free(wheel);
}

static void
scan(uint64_t packets)
{
	for (uint64_t k = 0; k < packets; k++) {
		struct traffic_end a, b;
		struct traffic_packet p = {.from = &a, .to = &b, .proto = 6,
		    .tcp_flags = 0x02};

		p.v6 = traffic_below(&state, 100) < 20;
		traffic_address(&a, p.v6, false, (uint32_t)k);
		traffic_address(&b, p.v6, true, traffic_below(&state, 4096));
		a.port = (uint16_t)(1024 + traffic_below(&state, 64000));
		b.port = (uint16_t)(1 + traffic_below(&state, 1023));
		p.seq = (uint32_t)traffic_random(&state);
		emit(k * DURATION_S * 1000000 / packets, &p);
	}
}

int
main(int argc, char **argv)
{
	const uint32_t header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, SNAPLEN, 1};
	uint64_t packets;
	uint32_t flows;

	if (argc != 6) {
		fprintf(stderr, "usage: genpcap mix|scan|elephants PACKETS "
				"FLOWS SEED FILE\n");
		return 2;
	}
	packets = strtoull(argv[2], NULL, 0);
	flows = (uint32_t)strtoul(argv[3], NULL, 0);
	state = strtoull(argv[4], NULL, 0);
	if (strcmp(argv[1], "scan") != 0 &&
	    (flows == 0 || packets < 2 * (uint64_t)flows)) {
		fprintf(stderr, "genpcap: at least two packets a flow\n");
		return 2;
	}
	out_fd = open(argv[5], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (out_fd < 0) {
		perror(argv[5]);
		return 1;
	}
	put(header, sizeof(header));
	if (strcmp(argv[1], "scan") == 0)
		scan(packets);
	else
		converse(packets, flows, strcmp(argv[1], "elephants") == 0);
	flush();
	fprintf(stderr, "%s: %llu packets, mean frame %llu bytes\n", argv[1],
	    (unsigned long long)packets_out,
	    (unsigned long long)(wire_bytes / packets_out));
	return packets_out == packets ? 0 : 1;
}
