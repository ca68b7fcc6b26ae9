/*
 * genstore STORE - fills a store with blocks of made-up traffic, the same for
 * the same options.
 *
 * The statistics are those of a mid-size sensor: of a block's rows 60 % are
 * keys from a persistent pool (Zipf), 32 % fresh pairs of a client and a
 * server, 8 % scans; a fifth is IPv6; packets of a flow are log-normal, DNS
 * has few; the number of rows follows the time of day.  A key is in a block
 * once, so that the options say how many rows there are.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/godb/godb_write.h"
#include "tests/bench/traffic.h"

/*
 * Nothing here has to survive a power cut, and a year's blocks are a million
 * calls: these take the place of libc's.
 */
int
fsync(int fd)
{
	(void)fd;
	return 0;
}

int
fdatasync(int fd)
{
	(void)fd;
	return 0;
}

#define POOL    100000u
#define CLIENTS 4000u
#define SERVERS 200000u
#define PI      3.14159265358979323846

static const char *const apps[] = {"Unknown", "HTTP", "TLS", "DNS", "SSH",
    "NTP", "QUIC", "SMTP", "BitTorrent", "RDP", "SIP", "WireGuard", "MySQL",
    "Syslog", "Kerberos", "STUN"};
#define N_APPS (sizeof(apps) / sizeof(apps[0]))
enum { UNKNOWN, HTTP, TLS, DNS, SSH, NTP, QUIC, SMTP, OTHERS };

struct zipf {
	uint32_t n;
	double *below; /* share of the ranks up to this one */
};

struct options {
	const char *path;
	unsigned ifaces, days, mean, blocks;
	uint64_t seed;
	int64_t first_s;
};

struct key {
	bool v6;
	uint8_t sip[16], dip[16];
	uint16_t dport;
	uint8_t proto;
};

struct generator {
	struct options o;
	uint64_t state;
	struct zipf popular, clients, servers;
	struct key *pool;
	uint64_t *taken; /* keys of this block, hashed */
	size_t mask;
	struct godb_l7_name names[N_APPS];
	struct godb_row4 *rows4;
	struct godb_row6 *rows6;
	struct godb_batch batch;
	uint64_t rows, stored;
};

static void *
memory(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL) {
		fputs("genstore: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

static double
share(struct generator *g)
{
	return (double)(traffic_random(&g->state) >> 11) * 0x1p-53;
}

static uint32_t
below(struct generator *g, uint32_t n)
{
	return traffic_below(&g->state, n);
}

static double
normal(struct generator *g)
{
	double sum = 0;

	for (int i = 0; i < 6; i++)
		sum += share(g);
	return (sum - 3) * 1.414;
}

static uint64_t
mixed(uint64_t v)
{
	return traffic_random(&v);
}

static void
zipf_init(struct zipf *z, uint32_t n, double exponent)
{
	double sum = 0;

	z->n = n;
	z->below = memory(n, sizeof(*z->below));
	for (uint32_t i = 0; i < n; i++)
		z->below[i] = sum += pow(i + 1, -exponent);
	for (uint32_t i = 0; i < n; i++)
		z->below[i] /= sum;
}

static uint32_t
zipf_get(struct generator *g, const struct zipf *z)
{
	double u = share(g);
	uint32_t lo = 0, hi = z->n - 1;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (z->below[mid] < u)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* ---- rows ---------------------------------------------------------------- */

static void
put_address(uint8_t out[16], bool v6, uint8_t net, uint32_t n, uint32_t v4)
{
	uint64_t host = mixed(n);

	memset(out, 0, 16);
	if (!v6) {
		for (int i = 0; i < 4; i++)
			out[i] = (uint8_t)(v4 >> (24 - 8 * i));
		return;
	}
	out[0] = 0x20;
	out[1] = 0x01;
	out[2] = 0x0d;
	out[3] = 0xb8;
	out[5] = net;
	out[6] = (uint8_t)n;
	out[7] = (uint8_t)(n >> 8);
	memcpy(out + 8, &host, sizeof(host));
}

struct service {
	uint16_t upto; /* of 1000 */
	uint8_t proto;
	uint16_t port;   /* 0: some other one */
};

static const struct service services[] = {{420, 6, 443}, {500, 6, 80},
    {530, 6, 22}, {640, 6, 0}, {820, 17, 53}, {840, 17, 123}, {940, 17, 443},
    {970, 17, 0}, {995, 1, 0}, {1000, 50, 0}};

static void
make_key(struct generator *g, struct key *k)
{
	uint32_t client = zipf_get(g, &g->clients);
	uint32_t server = zipf_get(g, &g->servers);
	uint32_t luck = below(g, 1000);
	const struct service *s = services;

	memset(k, 0, sizeof(*k));
	k->v6 = mixed(client * UINT64_C(77) + server) % 100 < 20;
	put_address(k->sip, k->v6, 1, client, 0x0a000001 + client * 7);
	put_address(k->dip, k->v6, 2, server + 1000000,
	    0x20000000 + (uint32_t)(mixed(server) & 0x5fffffff));
	while (luck >= s->upto)
		s++;
	k->proto = s->proto == 1 && k->v6 ? 58 : s->proto;
	k->dport = s->port;
	if (s->port == 0 && s->proto == 6)
		k->dport = (uint16_t)(1024 + below(g, 9000));
	else if (s->port == 0 && s->proto == 17)
		k->dport = (uint16_t)(1024 + below(g, 30000));
}

static void
make_scan(struct generator *g, struct key *k)
{
	memset(k, 0, sizeof(*k));
	put_address(k->sip, false, 0, 0, 0x40000000 + below(g, 0x60000000));
	put_address(k->dip, false, 0, 0, 0x0a000001 + below(g, 4096) * 7);
	k->proto = 6;
	k->dport = (uint16_t)(1 + below(g, 1023));
}

static uint16_t
app_of(const struct key *k)
{
	switch (k->dport) {
	case 80:
	case 8080:
		return HTTP;
	case 443:
		return k->proto == 17 ? QUIC : TLS;
	case 53:
		return DNS;
	case 22:
		return SSH;
	case 123:
		return NTP;
	case 25:
		return SMTP;
	default:
		break;
	}
	if (k->proto != 6 && k->proto != 17)
		return UNKNOWN;
	return (uint16_t)(OTHERS + mixed(k->dport) % (N_APPS - OTHERS));
}

/* bytes_rcvd bytes_sent pkts_rcvd pkts_sent */
static void
make_counters(struct generator *g, const struct key *k, bool scan,
    uint64_t out[4])
{
	double p = exp(2.0 + 1.7 * normal(g));
	uint64_t sent, rcvd;

	if (scan)
		p = 1 + below(g, 2);
	else if (k->proto == 17 && k->dport == 53)
		p = 1 + below(g, 4);
	sent = p < 1 ? 1 : (uint64_t)p;
	if (scan)
		rcvd = below(g, 2);
	else if (below(g, 100) < 6)
		rcvd = 0;
	else
		rcvd = 1 + (uint64_t)(p * (0.5 + share(g) * 1.2));
	out[3] = sent;
	out[2] = rcvd;
	out[1] = sent * (60 + below(g, sent > 5 ? 300 : 60));
	out[0] = rcvd * (scan ? 60 :
		    rcvd > 5 ? 200 + below(g, 1100) : 60 + below(g, 150));
}

/* Whether the block has no such key yet; it has from now on. */
static bool
is_new(struct generator *g, const struct key *k)
{
	uint64_t h = 7, w[4];
	size_t at;

	memcpy(w, k->sip, 16);
	memcpy(w + 2, k->dip, 16);
	for (int i = 0; i < 4; i++)
		h = mixed(h ^ w[i]);
	h = mixed(h ^ (uint64_t)k->dport << 8 ^ k->proto) | 1;
	for (at = h & g->mask; g->taken[at] != 0; at = (at + 1) & g->mask)
		if (g->taken[at] == h)
			return false;
	g->taken[at] = h;
	return true;
}

static void
add_row(struct generator *g, const struct key *k, bool scan)
{
	struct godb_batch *b = &g->batch;
	uint64_t c[4];

	make_counters(g, k, scan, c);
	if (k->v6) {
		struct godb_row6 *r = &g->rows6[b->n6++];

		*r = (struct godb_row6){.dport = k->dport, .proto = k->proto,
		    .l7 = app_of(k)};
		memcpy(r->sip, k->sip, 16);
		memcpy(r->dip, k->dip, 16);
		memcpy(r->counter, c, sizeof(c));
	} else {
		struct godb_row4 *r = &g->rows4[b->n4++];

		*r = (struct godb_row4){.dport = k->dport, .proto = k->proto,
		    .l7 = app_of(k)};
		memcpy(r->sip, k->sip, 4);
		memcpy(r->dip, k->dip, 4);
		memcpy(r->counter, c, sizeof(c));
	}
	b->counters.seen += c[2] + c[3];
	b->counters.seen_bytes += c[0] + c[1];
}

static void
make_rows(struct generator *g, size_t wanted)
{
	struct godb_batch *b = &g->batch;

	b->n4 = b->n6 = 0;
	memset(&b->counters, 0, sizeof(b->counters));
	memset(g->taken, 0, (g->mask + 1) * sizeof(*g->taken));
	while (b->n4 + b->n6 < wanted) {
		uint32_t luck = below(g, 100);
		struct key k;

		if (luck < 60)
			k = g->pool[zipf_get(g, &g->popular)];
		else if (luck < 92)
			make_key(g, &k);
		else
			make_scan(g, &k);
		if (is_new(g, &k))
			add_row(g, &k, luck >= 92);
	}
}

/* ---- blocks -------------------------------------------------------------- */

static void
check(int rc, const char *what)
{
	if (rc < 0) {
		fprintf(stderr, "genstore: %s: %s\n", what, godb_strerror(rc));
		exit(1);
	}
}

static void
make_block(struct generator *g, struct godb_writer *w, const char *iface,
    int64_t slot_s, uint64_t seq)
{
	double day = (double)(slot_s % GP_DAY_S) / GP_DAY_S;
	double want = g->o.mean * (1 - 0.6 * cos(2 * PI * day)) *
	    (0.9 + 0.2 * share(g));
	struct godb_batch *b = &g->batch;
	uint64_t stored;

	make_rows(g, (size_t)want);
	b->iface = iface;
	b->slot_s = slot_s;
	b->seq = seq;
	b->first_ns = slot_s * GP_NS_PER_S;
	b->last_ns = (slot_s + GP_SLOT_S) * GP_NS_PER_S;
	check(godb_writer_append(w, b), "append");
	check(godb_writer_commit(w, iface, slot_s, &stored), "commit");
	g->rows += b->n4 + b->n6;
	g->stored += stored;
}

static void
generator_init(struct generator *g, const struct options *o)
{
	size_t most = (size_t)o->mean * 2 + 16, slots = 1024;

	g->o = *o;
	g->state = o->seed;
	zipf_init(&g->popular, POOL, 0.85);
	zipf_init(&g->clients, CLIENTS, 0.8);
	zipf_init(&g->servers, SERVERS, 1.0);
	g->pool = memory(POOL, sizeof(*g->pool));
	for (uint32_t i = 0; i < POOL; i++)
		make_key(g, &g->pool[i]);
	while (slots < most * 2)
		slots *= 2;
	g->mask = slots - 1;
	g->taken = memory(slots, sizeof(*g->taken));
	g->rows4 = memory(most, sizeof(*g->rows4));
	g->rows6 = memory(most, sizeof(*g->rows6));
	for (size_t i = 0; i < N_APPS; i++)
		(void)snprintf(g->names[i].name, GODB_NAME_MAX, "%s", apps[i]);
	g->batch.names = g->names;
	g->batch.n_names = N_APPS;
	g->batch.rows4 = g->rows4;
	g->batch.rows6 = g->rows6;
	g->batch.flags = GODB_PART_DIR_IFACE;
	memcpy(g->batch.ring, "genstore", 8);
}

static void
generator_fini(struct generator *g)
{
	free(g->popular.below);
	free(g->clients.below);
	free(g->servers.below);
	free(g->pool);
	free(g->taken);
	free(g->rows4);
	free(g->rows6);
}

static struct godb_writer *
open_store(const char *path)
{
	struct godb_writer_opts opts = GODB_WRITER_OPTS_INIT;
	struct godb_writer *w;
	struct godb_diag diag = {0};
	int fd, rc;

	(void)mkdir(path, 0755);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		fprintf(stderr, "genstore: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	opts.owner = "genstore";
	opts.mode_dir = 0755;
	opts.mode_file = 0644;
	rc = godb_writer_open(fd, &opts, &w, &diag);
	if (rc < 0) {
		fprintf(stderr, "genstore: %s: %s\n", path,
		    diag.text[0] ? diag.text : godb_strerror(rc));
		exit(1);
	}
	return w;
}

static void
generate(struct generator *g, struct godb_writer *w)
{
	unsigned step = GP_DAY_S / GP_SLOT_S / g->o.blocks;
	uint64_t seq = 0;

	for (unsigned day = 0; day < g->o.days; day++)
		for (unsigned i = 0; i < g->o.ifaces; i++)
			for (unsigned b = 0; b < g->o.blocks; b++) {
				char iface[16];

				(void)snprintf(iface, sizeof(iface), "eth%u", i);
				make_block(g, w, iface,
				    g->o.first_s + day * GP_DAY_S +
					(int64_t)b * step * GP_SLOT_S,
				    ++seq);
			}
}

static _Noreturn void
usage(FILE *out, int status)
{
	fputs("usage: genstore [options] STORE\n"
	      "  -d DAYS      30\n"
	      "  -r ROWS      of a block on average, 1158: 10 million in 30 "
	      "days\n"
	      "  -i IFACES    eth0 ..., 1\n"
	      "  -b BLOCKS    a day, 288\n"
	      "  -s SEED      11\n"
	      "  -t FIRST     first day, in seconds of 1970, 2025-11-25\n"
	      "-r 5000 makes 43 million rows, -d 365 -r 50 a small year.\n",
	    out);
	exit(status);
}

static unsigned
number(const char *text, unsigned least, unsigned most)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*end != '\0' || end == text || v < least || v > most)
		usage(stderr, 2);
	return (unsigned)v;
}

int
main(int argc, char **argv)
{
	struct options o = {NULL, 1, 30, 1158, 288, 11, 1764028800};
	struct generator g = {0};
	struct godb_writer *w;
	int c;

	while ((c = getopt(argc, argv, "d:r:i:b:s:t:h")) != -1) {
		switch (c) {
		case 'd':
			o.days = number(optarg, 1, 20000);
			break;
		case 'r':
			o.mean = number(optarg, 0, 1000000);
			break;
		case 'i':
			o.ifaces = number(optarg, 1, 100000);
			break;
		case 'b':
			o.blocks = number(optarg, 1, 288);
			break;
		case 's':
			o.seed = strtoull(optarg, NULL, 10);
			break;
		case 't':
			o.first_s = gp_clock_day(number(optarg, 0,
			    UINT32_MAX - 20000u * 86400u));
			break;
		case 'h':
			usage(stdout, 0);
		default:
			usage(stderr, 2);
		}
	}
	if (optind + 1 != argc)
		usage(stderr, 2);
	o.path = argv[optind];
	w = open_store(o.path);
	generator_init(&g, &o);
	generate(&g, w);
	godb_writer_close(w);
	printf("rows %" PRIu64 " blocks %u bytes %" PRIu64 " bytes/row %.2f\n",
	    g.rows, o.ifaces * o.days * o.blocks, g.stored,
	    g.rows ? (double)g.stored / (double)g.rows : 0);
	generator_fini(&g);
	return 0;
}
