/*
 * commit - what a block costs the writer: batches to the journal and memory,
 * then the commit, with an honest interface beside that wants its batches
 * acknowledged.
 *
 * usage: commit FOLDER KIND ROWS PUBLICATIONS [SEED]
 * KIND: mix (clients and servers of a site, a fifth IPv6) or scan (every row
 * somebody new).  FOLDER must be on the disk that is to be measured.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "common/godb/godb_write.h"
#include "tests/bench/traffic.h"

#define SLOT_S     INT64_C(1764028800)
#define BATCH_ROWS 1000
#define SERVERS    200000
#define CLIENTS    4000

static const struct godb_l7_name names[] = {
	{"Unknown", "Unspecified"}, {"TLS", "Web"}, {"HTTP", "Web"},
	{"DNS", "Network"}, {"QUIC", "Web"}, {"SSH", "RemoteAccess"},
};

static double
seconds(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Small numbers are much more frequent, as among hosts. */
static uint32_t
popular(uint64_t *state, uint32_t n)
{
	return traffic_below(state, 1 + traffic_below(state, n));
}

struct service {
	uint8_t proto;
	uint16_t port, l7;
	uint8_t share; /* of 100 */
};
static const struct service services[] = {
	{6, 443, 1, 42}, {6, 80, 2, 8}, {6, 22, 5, 3}, {6, 0, 0, 11},
	{17, 53, 3, 18}, {17, 443, 4, 12}, {17, 0, 0, 5}, {1, 0, 0, 1},
};

struct flow {
	bool v6;
	struct traffic_end sip, dip;
	uint16_t dport, l7;
	uint8_t proto;
	uint64_t counter[4];
};

static void
make_service(struct flow *f, uint64_t *state)
{
	uint32_t share = traffic_below(state, 100);
	const struct service *s = services;

	while (share >= s->share)
		share -= s++->share;
	f->proto = s->proto;
	f->l7 = s->l7;
	f->dport = s->port;
	if (s->port == 0 && s->proto != 1)
		f->dport = (uint16_t)(1024 + traffic_below(state, 9000));
}

/* The same key for the same number; counters differ each time. */
static void
make_flow(struct flow *f, bool scan, uint64_t seed, uint32_t number,
    uint64_t *counting)
{
	uint64_t state = seed << 32 | number;
	uint64_t sent = 1, rcvd = 1;

	memset(f, 0, sizeof(*f));
	f->v6 = traffic_below(&state, 5) == 0;
	if (scan) {
		traffic_address(&f->sip, f->v6, false, number);
		traffic_address(&f->dip, f->v6, true,
		    traffic_below(&state, 65536));
		f->proto = 6;
		f->dport = (uint16_t)traffic_below(&state, 65536);
		rcvd = 0;
	} else {
		traffic_address(&f->sip, f->v6, true,
		    popular(&state, CLIENTS));
		traffic_address(&f->dip, f->v6, false,
		    popular(&state, SERVERS));
		make_service(f, &state);
		sent += traffic_below(counting,
		    1u << traffic_below(counting, 11));
		rcvd = sent + traffic_below(counting, (uint32_t)sent);
	}
	f->counter[0] = rcvd * (60 + traffic_below(counting, 1300));
	f->counter[1] = sent * (60 + traffic_below(counting, scan ? 1 : 300));
	f->counter[2] = rcvd;
	f->counter[3] = sent;
}

static void
put_flow(struct godb_batch *b, struct godb_row4 *rows4,
    struct godb_row6 *rows6, const struct flow *f)
{
	if (f->v6) {
		struct godb_row6 *r = &rows6[b->n6++];

		*r = (struct godb_row6){.dport = f->dport, .proto = f->proto,
		    .l7 = f->l7};
		memcpy(r->sip, f->sip.addr, 16);
		memcpy(r->dip, f->dip.addr, 16);
		memcpy(r->counter, f->counter, sizeof(r->counter));
	} else {
		struct godb_row4 *r = &rows4[b->n4++];

		*r = (struct godb_row4){.dport = f->dport, .proto = f->proto,
		    .l7 = f->l7};
		memcpy(r->sip, f->sip.addr, 4);
		memcpy(r->dip, f->dip.addr, 4);
		memcpy(r->counter, f->counter, sizeof(r->counter));
	}
}

static void
die(const char *what, int rc)
{
	fprintf(stderr, "commit: %s: %s\n", what, godb_strerror(rc));
	exit(1);
}

static void
append(struct godb_writer *w, const char *iface, uint64_t seq, bool scan,
    uint64_t seed, const uint32_t *numbers, size_t n)
{
	static struct godb_row4 rows4[BATCH_ROWS];
	static struct godb_row6 rows6[BATCH_ROWS];
	struct godb_batch b = {.iface = iface, .slot_s = SLOT_S, .seq = seq,
	    .first_ns = SLOT_S * 1000000000, .last_ns = SLOT_S * 1000000000,
	    .flags = GODB_PART_DIR_FLOW, .names = names,
	    .n_names = sizeof(names) / sizeof(names[0]), .rows4 = rows4,
	    .rows6 = rows6};
	uint64_t counting = seq;
	int rc;

	memcpy(b.ring, iface, strlen(iface));
	for (size_t i = 0; i < n; i++) {
		struct flow f;

		make_flow(&f, scan, seed, numbers[i], &counting);
		put_flow(&b, rows4, rows6, &f);
	}
	rc = godb_writer_append(w, &b);
	if (rc != 0)
		die("append", rc);
}

/* All flows once, in no order. */
static void
publish(struct godb_writer *w, uint64_t *seq, bool scan, uint64_t seed,
    uint32_t rows)
{
	uint32_t numbers[BATCH_ROWS];
	uint32_t stride = 0x9e3779b1u;
	size_t n = 0;

	for (uint32_t i = 0; i < rows; i++) {
		numbers[n++] = (uint32_t)((uint64_t)i * stride % rows);
		if (n == BATCH_ROWS || i == rows - 1) {
			append(w, "busy", ++*seq, scan, seed, numbers, n);
			n = 0;
		}
	}
}

static long
peak_kib(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static struct godb_writer *
open_store(const char *path)
{
	struct godb_writer_opts opts = GODB_WRITER_OPTS_INIT;
	struct godb_diag diag = {0};
	struct godb_writer *w = NULL;
	int dir, rc;

	(void)mkdir(path, 0700);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	opts.owner = "commit";
	rc = dir < 0 ? -errno : godb_writer_open(dir, &opts, &w, &diag);
	if (rc < 0)
		die(diag.text[0] ? diag.text : path, rc);
	return w;
}

int
main(int argc, char **argv)
{
	static const uint32_t honest[] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct godb_committed done = {0};
	struct godb_writer *w;
	double cpu, wall, acked, longest = 0, cpu_append, wall_append;
	uint64_t seq = 0, honest_seq = 0, seed;
	uint32_t rows, publications;
	unsigned steps = 0;
	bool scan;
	int rc;

	if (argc < 5) {
		fputs("usage: commit FOLDER mix|scan ROWS PUBLICATIONS "
		      "[SEED]\n", stderr);
		return 2;
	}
	scan = strcmp(argv[2], "scan") == 0;
	rows = (uint32_t)strtoul(argv[3], NULL, 10);
	publications = (uint32_t)strtoul(argv[4], NULL, 10);
	seed = argc > 5 ? strtoul(argv[5], NULL, 10) : 1;
	/* as goprobe-writer does */
	(void)mallopt(M_MMAP_THRESHOLD, 4 << 20);
	(void)mallopt(M_TRIM_THRESHOLD, 32 << 20);
	w = open_store(argv[1]);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	wall = seconds(CLOCK_MONOTONIC);
	for (uint32_t i = 0; i < publications; i++)
		publish(w, &seq, scan, seed, rows);
	cpu_append = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	wall_append = seconds(CLOCK_MONOTONIC) - wall;

	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	wall = acked = seconds(CLOCK_MONOTONIC);
	do {
		double now;

		rc = godb_writer_commit_step(w, "busy", SLOT_S, &done);
		append(w, "honest", ++honest_seq, false, 7, honest, 8);
		now = seconds(CLOCK_MONOTONIC);
		longest = now - acked > longest ? now - acked : longest;
		acked = now;
		steps++;
	} while (rc == 1);
	if (rc < 0)
		die("commit", rc);
	printf("{\"rows\": %llu, \"append_cpu_s\": %.4f, "
	       "\"append_wall_s\": %.4f, \"commit_cpu_s\": %.4f, "
	       "\"commit_wall_s\": %.4f, \"steps\": %u, "
	       "\"longest_wait_s\": %.4f, \"bytes_per_row\": %.2f, "
	       "\"peak_kib\": %ld}\n",
	    (unsigned long long)done.n_rows, cpu_append, wall_append,
	    seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu, acked - wall, steps,
	    longest, (double)done.stored_bytes / (double)done.n_rows,
	    peak_kib());
	godb_writer_close(w);
	return 0;
}
