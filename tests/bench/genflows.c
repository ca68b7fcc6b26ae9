/*
 * genflows FORM TARGET [DAYS [ROWS [SEED [V6 [IFACES [SORTED]]]]]] - 5-minute
 * rows for benchmarks, the same for the same numbers, in the forms that stores
 * and their rivals read.
 *
 *   store FOLDER   a goDB store with interface "b", roll-ups included
 *   rows FILE|-    73 bytes a row, ClickHouse's RowBinary: u32 block start,
 *                  16 bytes sip, 16 dip (IPv4 as ::ffff:a.b.c.d), u16 dport,
 *                  u8 proto, u16 l7proto, u64 bytes received and sent,
 *                  packets received and sent
 *   pcap FILE|-    a packet for each direction of a row that has any, at most
 *                  60000 bytes long, within its block: for nfpcapd
 *
 * DAYS (30) days of 288 blocks with a daily curve, ROWS (1158) in the mean
 * block.  60 % of a block's rows are of a pool of 100,000 keys, popular ones
 * more often, so that they come again; 32 % are new pairs of 4,000 clients
 * and 200,000 servers; 8 % are scans from anywhere.  V6 (20) percent of the
 * pairs are IPv6.  Keys are unique within a block.  A store has IFACES (1)
 * interfaces, "b", "b1", ..., to which rows go by turns, and with SORTED 1 days
 * that are sorted.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "common/godb/godb_write.h"
#include "tests/bench/traffic.h"
#include "tests/lib/nosync.h" /* a year of blocks would take hours */

#define FIRST_S   INT64_C(1700006400) /* 2023-11-15T00:00:00Z */
#define BLOCK_S   300
#define PER_DAY   288
#define POOL      100000u
#define CLIENTS   4000u
#define SERVERS   200000u
#define SEEN_BITS 20
#define ROWS_MAX  100000u

struct row {
	uint8_t sip[16], dip[16]; /* IPv4 in the first 4 */
	uint16_t dport, l7;
	uint8_t proto;
	bool v6, scan;
	uint64_t counter[4];
};

/* Ranks with probability ~ 1 / rank^s, by the inverse of the sums. */
struct zipf {
	float *sum;
	uint32_t n;
};

struct gen {
	uint64_t random;
	struct zipf keys, clients, servers;
	struct row *pool;
	struct row *rows; /* of the block */
	uint32_t n_rows;
	uint64_t seen[1u << SEEN_BITS];
	uint32_t mean;
	unsigned v6; /* percent of the pairs */
};

struct sink {
	int (*block)(struct sink *s, int64_t slot_s, const struct gen *g);
	FILE *file;
	struct godb_writer *writer;
	struct godb_row4 *rows4;
	struct godb_row6 *rows6;
	uint64_t n_rows, stored;
	unsigned n_ifaces;
	bool sorted_days;
};

static const struct godb_l7_name apps[] = {
    {"Unknown", "Unspecified"}, {"HTTP", "Web"}, {"TLS", "Web"},
    {"DNS", "Network"}, {"SSH", "RemoteAccess"}, {"NTP", "System"},
    {"QUIC", "Web"}, {"SMTP", "Email"}, {"ICMP", "Network"},
};
#define N_APPS (sizeof(apps) / sizeof(apps[0]))

/* ---- numbers ----------------------------------------------------------- */

static double
random_real(uint64_t *state)
{
	return (double)(traffic_random(state) >> 11) / 9007199254740992.0;
}

static void
zipf_init(struct zipf *z, uint32_t n, double s)
{
	double all = 0, sum = 0;

	z->n = n;
	z->sum = malloc(n * sizeof(*z->sum));
	if (z->sum == NULL)
		abort();
	for (uint32_t i = 0; i < n; i++)
		all += pow(i + 1, -s);
	for (uint32_t i = 0; i < n; i++) {
		sum += pow(i + 1, -s);
		z->sum[i] = (float)(sum / all);
	}
}

static uint32_t
zipf_pick(const struct zipf *z, uint64_t *state)
{
	float at = (float)random_real(state);
	uint32_t lo = 0, hi = z->n - 1;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (z->sum[mid] < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* About normal, deviation 1. */
static double
random_normal(uint64_t *state)
{
	double sum = 0;

	for (int i = 0; i < 6; i++)
		sum += random_real(state);
	return (sum - 3) * 1.414;
}

/* ---- rows -------------------------------------------------------------- */

static uint16_t
app_of(uint8_t proto, uint16_t port)
{
	if (proto == 1 || proto == 58)
		return 8;
	switch (port) {
	case 80:
		return 1;
	case 443:
		return proto == 17 ? 6 : 2;
	case 53:
		return 3;
	case 22:
		return 4;
	case 123:
		return 5;
	case 25:
		return 7;
	default:
		return 0;
	}
}

static void
choose_service(struct row *r, uint64_t *state)
{
	static const struct {
		unsigned below; /* thousandths, summed */
		uint8_t proto;
		uint16_t port, spread;
	} services[] = {
	    {420, 6, 443, 0}, {500, 6, 80, 0}, {520, 6, 22, 0},
	    {530, 6, 25, 0}, {640, 6, 1024, 9000}, {820, 17, 53, 0},
	    {840, 17, 123, 0}, {940, 17, 443, 0}, {970, 17, 1024, 30000},
	    {995, 1, 0, 0}, {1000, 50, 0, 0},
	};
	unsigned at = traffic_below(state, 1000);
	size_t i = 0;

	while (at >= services[i].below)
		i++;
	r->proto = services[i].proto == 1 && r->v6 ? 58 : services[i].proto;
	r->dport = services[i].port;
	if (services[i].spread)
		r->dport = (uint16_t)(r->dport +
		    traffic_below(state, services[i].spread));
	r->l7 = app_of(r->proto, r->dport);
}

static void
pair(struct row *r, uint32_t client, uint32_t server, unsigned v6,
    uint64_t *state)
{
	uint64_t mix = client * UINT64_C(77) + server;
	struct traffic_end e;

	memset(r, 0, sizeof(*r));
	r->v6 = traffic_random(&mix) % 100 < v6;
	traffic_address(&e, r->v6, true, client);
	memcpy(r->sip, e.addr, sizeof(r->sip));
	traffic_address(&e, r->v6, false, server);
	memcpy(r->dip, e.addr, sizeof(r->dip));
	choose_service(r, state);
}

static void
scan(struct row *r, uint64_t *state)
{
	struct traffic_end e;
	uint32_t from = htonl(0x40000000u + traffic_below(state, 0x60000000u));

	memset(r, 0, sizeof(*r));
	memcpy(r->sip, &from, sizeof(from));
	traffic_address(&e, false, true, traffic_below(state, 4096));
	memcpy(r->dip, e.addr, sizeof(r->dip));
	r->proto = 6;
	r->dport = (uint16_t)(1 + traffic_below(state, 1023));
	r->l7 = app_of(r->proto, r->dport);
	r->scan = true;
}

/* bytes received, bytes sent, packets received, packets sent */
static void
count(struct row *r, uint64_t *state)
{
	double p = exp(2.0 + 1.7 * random_normal(state));
	uint64_t sent, rcvd;

	if (r->proto == 17 && r->dport == 53)
		p = 1 + traffic_below(state, 4);
	if (r->scan)
		p = 1 + traffic_below(state, 2);
	sent = p < 1 ? 1 : (uint64_t)p;
	rcvd = 1 + (uint64_t)(p * (0.5 + random_real(state) * 1.2));
	if (r->scan)
		rcvd = traffic_below(state, 2);
	else if (traffic_below(state, 100) < 6)
		rcvd = 0;
	r->counter[2] = rcvd;
	r->counter[3] = sent;
	r->counter[0] = rcvd * (r->scan ? 60 :
	    rcvd > 5 ? 200 + traffic_below(state, 1100) :
		       60 + traffic_below(state, 150));
	r->counter[1] = sent *
	    (60 + traffic_below(state, sent > 5 ? 300 : 60));
}

/* Whether the key is new in this block. */
static bool
first_time(struct gen *g, const struct row *r)
{
	uint64_t h = 7, w[4];
	size_t at;

	memcpy(w, r->sip, 16);
	memcpy(w + 2, r->dip, 16);
	for (int i = 0; i < 4; i++) {
		h ^= w[i];
		h = traffic_random(&h);
	}
	h ^= (uint64_t)r->dport << 8 | r->proto;
	h = traffic_random(&h) | 1;
	at = h >> (64 - SEEN_BITS);
	while (g->seen[at] != 0 && g->seen[at] != h)
		at = (at + 1) & ((1u << SEEN_BITS) - 1);
	if (g->seen[at] == h)
		return false;
	g->seen[at] = h;
	return true;
}

static void
make_block(struct gen *g, unsigned of_day)
{
	double level = (1 - 0.6 * cos(2 * M_PI * of_day / PER_DAY)) *
	    (0.9 + 0.2 * random_real(&g->random));
	uint32_t want = (uint32_t)(g->mean * level);

	memset(g->seen, 0, sizeof(g->seen));
	for (g->n_rows = 0; g->n_rows < want;) {
		struct row *r = &g->rows[g->n_rows];
		uint32_t what = traffic_below(&g->random, 100);

		if (what < 60)
			*r = g->pool[zipf_pick(&g->keys, &g->random)];
		else if (what < 92)
			pair(r, zipf_pick(&g->clients, &g->random),
			    zipf_pick(&g->servers, &g->random), g->v6,
			    &g->random);
		else
			scan(r, &g->random);
		if (!first_time(g, r))
			continue;
		count(r, &g->random);
		g->n_rows++;
	}
}

static struct gen *
gen_new(uint32_t mean, uint64_t seed, unsigned v6)
{
	struct gen *g = calloc(1, sizeof(*g));

	if (g == NULL)
		abort();
	g->random = seed;
	g->mean = mean;
	g->v6 = v6;
	zipf_init(&g->keys, POOL, 0.85);
	zipf_init(&g->clients, CLIENTS, 0.8);
	zipf_init(&g->servers, SERVERS, 1.0);
	g->pool = calloc(POOL, sizeof(*g->pool));
	g->rows = calloc(mean * 2u + 16, sizeof(*g->rows));
	if (g->pool == NULL || g->rows == NULL)
		abort();
	for (uint32_t i = 0; i < POOL; i++)
		pair(&g->pool[i], zipf_pick(&g->clients, &g->random),
		    zipf_pick(&g->servers, &g->random), v6, &g->random);
	return g;
}

/* ---- forms ------------------------------------------------------------- */

static void
put(FILE *f, const void *p, size_t n)
{
	if (fwrite(p, 1, n, f) != n) {
		perror("genflows");
		exit(1);
	}
}

static void
put_address(FILE *f, const struct row *r, const uint8_t a[16])
{
	uint8_t v4[16] = {[10] = 0xff, 0xff, a[0], a[1], a[2], a[3]};

	put(f, r->v6 ? a : v4, 16);
}

static int
rows_block(struct sink *s, int64_t slot_s, const struct gen *g)
{
	uint32_t time_s = (uint32_t)slot_s;

	for (uint32_t i = 0; i < g->n_rows; i++) {
		const struct row *r = &g->rows[i];

		put(s->file, &time_s, 4);
		put_address(s->file, r, r->sip);
		put_address(s->file, r, r->dip);
		put(s->file, &r->dport, 2);
		put(s->file, &r->proto, 1);
		put(s->file, &r->l7, 2);
		put(s->file, r->counter, 32);
	}
	return 0;
}

static void
put_packet(FILE *f, const struct row *r, bool back, uint32_t time[2])
{
	uint8_t head[TRAFFIC_HEADERS_MAX];
	struct traffic_end ends[2] = {{.port = 0}, {.port = r->dport}};
	struct traffic_packet p = {.v6 = r->v6, .proto = r->proto,
	    .tcp_flags = 0x10, .icmp_type = r->v6 ? 128 : 8};
	uint64_t bytes = r->counter[back ? 0 : 1];
	uint32_t record[4], wire;
	size_t n;

	memcpy(ends[0].addr, r->sip, 16);
	memcpy(ends[1].addr, r->dip, 16);
	ends[0].port = (uint16_t)(32768 + (r->sip[3] * 7 + r->dip[3] * 31 +
	    r->dport) % 28000);
	p.from = &ends[back];
	p.to = &ends[!back];
	p.payload = bytes > 60000 ? 60000 : bytes > 60 ? (uint32_t)bytes - 60 :
							 0;
	n = traffic_headers(&p, head, &wire);
	record[0] = time[0];
	record[1] = time[1];
	record[2] = (uint32_t)n;
	record[3] = wire;
	put(f, record, sizeof(record));
	put(f, head, n);
}

static int
pcap_block(struct sink *s, int64_t slot_s, const struct gen *g)
{
	for (uint32_t i = 0; i < g->n_rows; i++) {
		uint64_t us = i * UINT64_C(299000000) / g->n_rows;
		uint32_t time[2] = {(uint32_t)slot_s + (uint32_t)(us / 1000000),
		    (uint32_t)(us % 1000000)};

		for (int back = 0; back < 2; back++)
			if (g->rows[i].counter[back ? 2 : 3] > 0)
				put_packet(s->file, &g->rows[i], back, time);
	}
	return 0;
}

/* The rows of one interface, the n-th. */
static int
store_iface(struct sink *s, int64_t slot_s, const struct gen *g, unsigned n)
{
	char iface[16] = "b";
	struct godb_batch b = {.iface = iface, .slot_s = slot_s,
	    .ring = {'g', 'e', 'n'}, .seq = (uint64_t)slot_s / BLOCK_S,
	    .first_ns = slot_s * 1000000000,
	    .last_ns = (slot_s + BLOCK_S) * 1000000000,
	    .flags = GODB_PART_DIR_FLOW, .names = apps, .n_names = N_APPS,
	    .rows4 = s->rows4, .rows6 = s->rows6};
	uint64_t stored = 0;
	int rc;

	if (n > 0)
		snprintf(iface, sizeof(iface), "b%u", n);
	for (uint32_t i = n; i < g->n_rows; i += s->n_ifaces) {
		const struct row *r = &g->rows[i];

		if (r->v6) {
			struct godb_row6 *to = &s->rows6[b.n6++];

			*to = (struct godb_row6){.dport = r->dport,
			    .proto = r->proto, .l7 = r->l7};
			memcpy(to->sip, r->sip, 16);
			memcpy(to->dip, r->dip, 16);
			memcpy(to->counter, r->counter, sizeof(to->counter));
		} else {
			struct godb_row4 *to = &s->rows4[b.n4++];

			*to = (struct godb_row4){.dport = r->dport,
			    .proto = r->proto, .l7 = r->l7};
			memcpy(to->sip, r->sip, 4);
			memcpy(to->dip, r->dip, 4);
			memcpy(to->counter, r->counter, sizeof(to->counter));
		}
		b.counters.seen += r->counter[2] + r->counter[3];
		b.counters.seen_bytes += r->counter[0] + r->counter[1];
	}
	rc = godb_writer_append(s->writer, &b);
	if (rc >= 0)
		rc = godb_writer_commit(s->writer, iface, slot_s, &stored);
	s->stored += stored;
	return rc;
}

static int
store_block(struct sink *s, int64_t slot_s, const struct gen *g)
{
	int rc = 0;

	for (unsigned n = 0; rc >= 0 && n < s->n_ifaces; n++)
		rc = store_iface(s, slot_s, g, n);
	return rc;
}

static void
open_file(struct sink *s, const char *path)
{
	s->file = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
	if (s->file == NULL) {
		perror(path);
		exit(1);
	}
}

static void
open_store(struct sink *s, const char *path, uint32_t mean)
{
	struct godb_writer_opts opts = GODB_WRITER_OPTS_INIT;
	struct godb_diag diag = {.text = ""};
	int dir, rc;

	(void)mkdir(path, 0755);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		perror(path);
		exit(1);
	}
	opts.owner = "genflows";
	opts.sorted_days = s->sorted_days;
	opts.mode_dir = 0755;
	opts.mode_file = 0644;
	rc = godb_writer_open(dir, &opts, &s->writer, &diag);
	if (rc < 0) {
		fprintf(stderr, "genflows: %s: %s %s\n", path,
		    godb_strerror(rc), diag.text);
		exit(1);
	}
	s->rows4 = calloc(mean * 2u + 16, sizeof(*s->rows4));
	s->rows6 = calloc(mean * 2u + 16, sizeof(*s->rows6));
	if (s->rows4 == NULL || s->rows6 == NULL)
		abort();
}

static bool
open_sink(struct sink *s, const char *form, const char *target, uint32_t mean)
{
	static const uint32_t pcap[6] = {0xa1b2c3d4, 0x00040002, 0, 0, 65535,
	    1};

	if (strcmp(form, "store") == 0) {
		s->block = store_block;
		open_store(s, target, mean);
	} else if (strcmp(form, "rows") == 0) {
		s->block = rows_block;
		open_file(s, target);
	} else if (strcmp(form, "pcap") == 0) {
		s->block = pcap_block;
		open_file(s, target);
		put(s->file, pcap, sizeof(pcap));
	}
	return s->block != NULL;
}

static unsigned
number(int argc, char **argv, int i, unsigned otherwise, unsigned most)
{
	unsigned long v = i < argc ? strtoul(argv[i], NULL, 10) : otherwise;

	return v >= 1 && v <= most ? (unsigned)v : 0;
}

int
main(int argc, char **argv)
{
	unsigned days = number(argc, argv, 3, 30, 4000);
	unsigned mean = number(argc, argv, 4, 1158, ROWS_MAX);
	unsigned seed = number(argc, argv, 5, 11, UINT32_MAX);
	unsigned v6 = number(argc, argv, 6, 20, 100);
	struct sink s = {.block = NULL,
	    .n_ifaces = number(argc, argv, 7, 1, 1000),
	    .sorted_days = argc > 8 && number(argc, argv, 8, 0, 1)};
	struct gen *g;
	int rc = 0;

	if (argc < 3 || argc > 9 || v6 == 0 || s.n_ifaces == 0 || days == 0 || mean == 0 || seed == 0 ||
	    !open_sink(&s, argv[1], argv[2], mean)) {
		fprintf(stderr, "usage: genflows store|rows|pcap TARGET "
		    "[DAYS [ROWS [SEED [V6 [IFACES [SORTED]]]]]]\n");
		return 2;
	}
	g = gen_new(mean, seed, v6);
	for (unsigned i = 0; rc >= 0 && i < days * PER_DAY; i++) {
		make_block(g, i % PER_DAY);
		rc = s.block(&s, FIRST_S + (int64_t)i * BLOCK_S, g);
		s.n_rows += g->n_rows;
	}
	while (rc >= 0 && s.writer &&
	    (rc = godb_writer_upkeep(s.writer, time(NULL))) > 0)
		;
	godb_writer_close(s.writer);
	if (rc >= 0 && s.file != NULL && fflush(s.file) != 0)
		rc = -EIO;
	if (rc < 0) {
		fprintf(stderr, "genflows: %s\n", godb_strerror(rc));
		return 1;
	}
	fprintf(stderr, "%llu rows in %u blocks, %llu bytes of columns\n",
	    (unsigned long long)s.n_rows, days * PER_DAY,
	    (unsigned long long)s.stored);
	return 0;
}
