/*
 * flowdump FILE... - what the packet loop makes of capture files, as csv: the
 * real loop and ring, and in the writer's place a thread that prints.
 *
 *     row,SLOT,VERSION,SIP,DIP,DPORT,PROTO,L7,BR,BS,PR,PS
 *     end,SLOT,KIND          frames that close a block
 *     total,KEY,VALUE
 *
 * Exit: 0, 1 not a capture, 3 cut short.  -n N: flows_max; -q: totals only; -7: layer 7.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <time.h>

#include "capture/loop.h"
#include "capture/snapshot.h"
#include "common/base/addr.h"
#include "tests/lib/reader.h"

static bool quiet;
static enum loop_l7 want_l7;

static struct {
	uint64_t rows, seen, seen_bytes, row_packets, row_bytes, non_ip,
	    malformed, frames;
} sum;

static void
print_row(const struct frame_header *h, uint8_t version, const uint8_t *sip,
    const uint8_t *dip, uint16_t dport, uint8_t proto, uint16_t l7,
    const uint64_t c[4])
{
	struct gp_addr s = {version, {0}}, d = {version, {0}};
	char st[GP_ADDR_TEXT_MAX], dt[GP_ADDR_TEXT_MAX];

	sum.rows++;
	sum.row_packets += c[FRAME_PKTS_RCVD] + c[FRAME_PKTS_SENT];
	sum.row_bytes += c[FRAME_BYTES_RCVD] + c[FRAME_BYTES_SENT];
	if (quiet)
		return;
	memcpy(s.b, sip, version == 4 ? 4 : 16);
	memcpy(d.b, dip, version == 4 ? 4 : 16);
	gp_addr_format(&s, st);
	gp_addr_format(&d, dt);
	printf("row,%" PRId64 ",%u,%s,%s,%u,%u,%s,%" PRIu64 ",%" PRIu64
	       ",%" PRIu64 ",%" PRIu64 "\n", h->slot_s, version, st, dt, dport,
	    proto, frame_names(h)[l7].name, c[0], c[1], c[2], c[3]);
}

static void
print_frame(void *ctx, const struct frame_header *h)
{
	const struct frame_row4 *r4 = frame_rows4(h);
	const struct frame_row6 *r6 = frame_rows6(h);

	(void)ctx;
	sum.frames++;
	sum.seen += h->counters.seen;
	sum.seen_bytes += h->counters.seen_bytes;
	sum.non_ip += h->counters.non_ip;
	sum.malformed += h->counters.malformed;
	for (uint32_t i = 0; i < h->n4; i++)
		print_row(h, 4, r4[i].sip, r4[i].dip, r4[i].dport, r4[i].proto,
		    r4[i].l7, r4[i].counter);
	for (uint32_t i = 0; i < h->n6; i++)
		print_row(h, 6, r6[i].sip, r6[i].dip, r6[i].dport, r6[i].proto,
		    r6[i].l7, r6[i].counter);
	if (h->kind != FRAME_ROWS && !quiet)
		printf("end,%" PRId64 ",%u\n", h->slot_s, h->kind);
}

static void
problem(void *ctx, enum source_result what, const char *text)
{
	(void)ctx;
	fprintf(stderr, "flowdump: %s%s\n",
	    what == SOURCE_CUT ? "cut short: " : "", text);
}

static void
total(const char *key, uint64_t value)
{
	printf("total,%s,%" PRIu64 "\n", key, value);
}

static int
dump(struct source *source, uint32_t flows_max)
{
	struct reader *r = reader_new(snapshot_ring_bytes(4096), print_frame,
	    NULL);
	struct loop_config cfg = {
		.source = source,
		.ring = &r->ring,
		.ctl_fd = r->sock[0],
		.signal_fd = -1,
		.alive_fd = -1,
		.offline = true,
		.l7 = want_l7,
		.l7_wait_s = 10,
		.flows_max = flows_max,
		.stop_wait_ms = -1,
		.wait_done = true,
		.problem = problem,
	};
	struct loop_totals t;
	struct timespec cpu[2];
	struct loop *l;
	int rc = loop_new(&l, &cfg);

	if (rc != 0) {
		fprintf(stderr, "flowdump: %s\n", strerror(-rc));
		exit(99);
	}
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu[0]);
	loop_run(l, &t);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu[1]);
	reader_stop(r);
	total("seen", t.seen);
	total("seen_bytes", t.seen_bytes);
	total("non_ip", t.non_ip);
	total("malformed", t.malformed);
	total("published", t.published);
	total("pending", t.pending);
	total("overflow", t.overflow);
	total("time_clamped", t.time_clamped);
	total("frames", t.frames);
	total("rows", sum.rows);
	total("row_packets", sum.row_packets);
	total("row_bytes", sum.row_bytes);
	total("frame_seen", sum.seen);
	total("cpu_ns", (uint64_t)((cpu[1].tv_sec - cpu[0].tv_sec) * 1000000000 +
	    cpu[1].tv_nsec - cpu[0].tv_nsec));
	if (r->why || !r->last || sum.frames != t.frames ||
	    t.seen != sum.row_packets + t.non_ip + t.malformed ||
	    t.seen != sum.seen || t.seen_bytes != sum.seen_bytes ||
	    t.published != t.seen || t.pending != 0) {
		fprintf(stderr, "flowdump: accounts do not close (%s)\n",
		    r->why ? r->why : "counts");
		exit(98);
	}
	loop_free(l);
	reader_free(r);
	return t.unreadable ? 1 : t.cut ? 3 : 0;
}

int
main(int argc, char **argv)
{
	struct source_file file[64];
	char error[SOURCE_ERROR_MAX];
	struct source *source;
	uint32_t flows_max = 1 << 20;
	size_t n = 0;
	int opt, rc;

	while ((opt = getopt(argc, argv, "7n:q")) != -1) {
		if (opt == 'n')
			flows_max = (uint32_t)strtoul(optarg, NULL, 0);
		else if (opt == '7')
			want_l7 = LOOP_L7_ON;
		else if (opt == 'q')
			quiet = true;
		else
			return 2;
	}
	for (; optind < argc && n < 64; optind++, n++) {
		file[n].name = argv[optind];
		file[n].fd = strcmp(argv[optind], "-") == 0
		    ? 0 : open(argv[optind], O_RDONLY | O_CLOEXEC);
	}
	if (source_open_files(&source, file, n, NULL, NULL, error) != 0) {
		fprintf(stderr, "flowdump: %s\n", error);
		return 1;
	}
	rc = dump(source, flows_max);
	source_close(source);
	return rc;
}
