/*
 * loop: the real loop over capture files made here, and live over loopback
 * and a veth pair in a network namespace of its own; a thread takes the frames.
 * The wall clock is ours (clock_gettime below), so that block boundaries and
 * steps can be had at will.
 */
#include "capture/dpi.h"
#include "capture/loop.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "capture/snapshot.h"
#include "common/base/clock.h"
#include "tests/lib/packet.h"
#include "tests/lib/reader.h"
#include "tests/tap.h"

static atomic_llong wall_offset_ns;

/* In front of libc's, for all of the program. */
int
clock_gettime(clockid_t id, struct timespec *ts)
{
	long rc = syscall(SYS_clock_gettime, id, ts);

	if (rc == 0 && id == CLOCK_REALTIME) {
		int64_t ns = (int64_t)ts->tv_sec * GP_NS_PER_S + ts->tv_nsec +
		    wall_offset_ns;

		ts->tv_sec = ns / GP_NS_PER_S;
		ts->tv_nsec = ns % GP_NS_PER_S;
	}
	return (int)rc;
}

/* ---- what came out ----------------------------------------------------- */

enum { SEEN_BLOCKS = 64 };

struct result {
	pthread_mutex_t lock;
	struct {
		int64_t slot_s;
		uint64_t packets, seen, non_ip, clamped, late;
		unsigned frames, ends;
		uint32_t flags;
		int64_t first_ns, last_ns;
	} block[SEEN_BLOCKS];
	size_t n_blocks;
	unsigned lasts;
	uint64_t packets, rcvd, sent, bytes_rcvd, bytes_sent, seen, drops;
	int64_t real_end_ns, boot_end_ns;
	unsigned gaps; /* intervals that do not meet */
	unsigned named; /* rows that have an application's name */
	unsigned early; /* ENDs of a block that more rows followed */
	int64_t ended_s; /* the newest block with its END */
};

static size_t
block_at(struct result *r, int64_t slot_s)
{
	for (size_t i = 0; i < r->n_blocks; i++)
		if (r->block[i].slot_s == slot_s)
			return i;
	r->block[r->n_blocks].slot_s = slot_s;
	r->block[r->n_blocks].first_ns = INT64_MAX;
	r->n_blocks += r->n_blocks < SEEN_BLOCKS - 1;
	return r->n_blocks - 1;
}

static void
add_row(struct result *r, size_t i, const uint64_t c[4])
{
	r->block[i].packets += c[FRAME_PKTS_RCVD] + c[FRAME_PKTS_SENT];
	r->packets += c[FRAME_PKTS_RCVD] + c[FRAME_PKTS_SENT];
	r->rcvd += c[FRAME_PKTS_RCVD];
	r->sent += c[FRAME_PKTS_SENT];
	r->bytes_rcvd += c[FRAME_BYTES_RCVD];
	r->bytes_sent += c[FRAME_BYTES_SENT];
}

static void
note(void *ctx, const struct frame_header *h)
{
	struct result *r = ctx;
	size_t i;

	pthread_mutex_lock(&r->lock);
	i = block_at(r, h->slot_s);
	r->block[i].frames++;
	r->block[i].flags |= h->flags;
	r->block[i].seen += h->counters.seen;
	r->block[i].non_ip += h->counters.non_ip;
	r->block[i].clamped += h->counters.time_clamped;
	r->block[i].late += h->counters.late;
	if (h->first_real_ns < r->block[i].first_ns)
		r->block[i].first_ns = h->first_real_ns;
	if (h->last_real_ns > r->block[i].last_ns)
		r->block[i].last_ns = h->last_real_ns;
	r->early += (h->n4 || h->n6) && h->slot_s <= r->ended_s;
	r->block[i].ends += h->kind == FRAME_END;
	if (h->kind == FRAME_END)
		r->ended_s = h->slot_s;
	r->lasts += h->kind == FRAME_LAST;
	r->seen += h->counters.seen;
	r->drops += h->counters.kernel_drops;
	if (r->real_end_ns != 0 && h->first_real_ns != r->real_end_ns &&
	    h->last_real_ns != r->real_end_ns)
		r->gaps++;
	r->real_end_ns = h->last_real_ns;
	for (uint32_t k = 0; k < h->n4; k++) {
		const struct frame_row4 *row = &frame_rows4(h)[k];

		add_row(r, i, row->counter);
		r->named += strcmp(frame_names(h)[row->l7].name, "Unknown") != 0;
	}
	for (uint32_t k = 0; k < h->n6; k++)
		add_row(r, i, frame_rows6(h)[k].counter);
	pthread_mutex_unlock(&r->lock);
}

static struct result *
result_new(void)
{
	struct result *r = calloc(1, sizeof(*r));

	pthread_mutex_init(&r->lock, NULL);
	return r;
}

static bool
closes(const struct loop_totals *t, const struct result *r)
{
	return t->seen == r->packets + t->non_ip + t->malformed &&
	    t->seen == r->seen && t->published == t->seen && t->pending == 0;
}

/* ---- files ------------------------------------------------------------- */

struct file_run {
	int fd[4];
	size_t n;
	uint64_t ring_bytes;
	unsigned problems;
	struct loop_totals totals;
	enum loop_result result;
	struct result *out;
	bool hold, kill_peer;
	struct reader *reader;
	struct loop *loop;
};

static void
count_problem(void *ctx, enum source_result what, const char *text)
{
	struct file_run *run = ctx;

	run->problems++;
	diag("problem %d: %s", what, text);
}

/* The reader starts taking, or leaves, half a second later. */
static void
tick(void *ctx, const struct loop_totals *t)
{
	struct file_run *run = ctx;

	(void)t;
	if (run->kill_peer)
		shutdown(run->reader->sock[1], SHUT_RDWR);
	run->reader->hold = false;
}

static void
run_files(struct file_run *run)
{
	struct source_file files[4];
	char error[SOURCE_ERROR_MAX];
	struct source *source;
	struct loop_config cfg;

	for (size_t i = 0; i < run->n; i++)
		files[i] = (struct source_file){run->fd[i], "file"};
	run->out = result_new();
	run->reader = reader_new(run->ring_bytes ? run->ring_bytes : 1 << 22,
	    note, run->out);
	run->reader->hold = run->hold || run->kill_peer;
	if (source_open_files(&source, files, run->n, loop_idle, &run->loop,
		error) != 0) {
		diag("%s", error);
		exit(99);
	}
	memset(&cfg, 0, sizeof(cfg));
	cfg.source = source;
	cfg.ring = &run->reader->ring;
	cfg.ctl_fd = run->reader->sock[0];
	cfg.signal_fd = cfg.alive_fd = -1;
	cfg.offline = true;
	cfg.flows_max = 4096;
	cfg.stop_wait_ms = 5000;
	cfg.wait_done = true;
	cfg.tick = tick;
	cfg.problem = count_problem;
	cfg.ctx = run;
	if (loop_new(&run->loop, &cfg) != 0)
		exit(99);
	run->result = loop_run(run->loop, &run->totals);
	reader_stop(run->reader);
	loop_free(run->loop);
	source_close(source);
	for (size_t i = 0; i < run->n; i++)
		close(run->fd[i]);
}

static void
free_run(struct file_run *run)
{
	reader_free(run->reader);
	free(run->out);
}

static void
test_blocks(void)
{
	/* six blocks in a quarrel about four places */
	static const int64_t order[] = {300, 600, 300, 900, 1200, 600, 1500,
		300, 600, 1800, 1500};
	struct file_run run = {.n = 1};
	FILE *f = pcap_file(1);

	for (size_t i = 0; i < 11; i++) {
		pcap_put(f, order[i] + (int64_t)i, 5, udp4(1, 1000, 2, 53), 0);
		pcap_put(f, order[i] + (int64_t)i, 6, udp4(2, 53, 1, 1000),
		    100000);
	}
	run.fd[0] = pcap_done(f);
	run_files(&run);
	is_int(run.result, LOOP_FINISHED, "files are finished");
	ok(closes(&run.totals, run.out), "accounts close");
	is_int(run.out->n_blocks, 6, "six blocks");
	is_int(run.out->block[block_at(run.out, 300)].packets, 6, "of 00:05");
	is_int(run.out->block[block_at(run.out, 600)].packets, 6, "of 00:10");
	is_int(run.out->block[block_at(run.out, 1500)].packets, 4, "of 00:25");
	is_int(run.out->block[block_at(run.out, 300)].ends, 2,
	    "a block that was ended opens again");
	is_int(run.out->block[block_at(run.out, 300)].first_ns,
	    300 * GP_NS_PER_S + 5, "its first packet");
	is_int(run.out->block[block_at(run.out, 300)].last_ns,
	    307 * GP_NS_PER_S + 6, "its last packet");
	is_int(run.out->lasts, 1, "one last frame");
	is_int(run.out->sent, 11, "client to server is sent");
	is_int(run.out->bytes_rcvd, 1100000, "length on the wire counts");
	ok(run.totals.acked && run.totals.done && run.totals.done_rows == 2,
	    "taken and done");
	ok(run.totals.first_s == 300 && run.totals.last_s == 1809,
	    "time span");
	free_run(&run);
}

/* Packets of two blocks in turn: full frames, not a frame each. */
static void
test_alternation(void)
{
	struct file_run run = {.n = 1};
	FILE *f = pcap_file(1);

	for (uint32_t i = 0; i < 20000; i++)
		pcap_put(f, 300 + i % 2 * 300, 0, udp4(i, 1000, 2, 53), 0);
	run.fd[0] = pcap_done(f);
	run_files(&run);
	ok(closes(&run.totals, run.out), "accounts close");
	is_int(run.out->block[0].packets, 10000, "half of them");
	ok(run.totals.frames < 12, "%d frames for 20000 alternations",
	    (int)run.totals.frames);
	free_run(&run);
}

static void
test_times(void)
{
	struct file_run run = {.n = 1};
	FILE *f = pcap_file(1);

	pcap_put(f, 4294967295, 0, udp4(1, 1000, 2, 53), 0);
	pcap_put(f, 0, 0, udp4(1, 1000, 2, 53), 0);
	pcap_put(f, 2200000000, 0, udp4(1, 1000, 2, 53), 0); /* 2039 */
	run.fd[0] = pcap_done(f);
	run_files(&run);
	ok(closes(&run.totals, run.out), "accounts close");
	is_int(run.totals.time_clamped, 1, "one beyond 2106 is told");
	is_int(run.out->block[block_at(run.out, GP_TIME_MAX_S - 300)].clamped,
	    1, "in the last block there is");
	is_int(run.out->block[block_at(run.out, 0)].packets, 1, "1970");
	is_int(run.out->block[block_at(run.out, 2199999900)].packets, 1,
	    "after 2038");
	free_run(&run);
}

static void
test_fragments(void)
{
	struct file_run run = {.n = 1};
	FILE *f = pcap_file(12);
	struct packet *p = packet_new();

	put_ip4(p, (struct ip4){.src = 1, .dst = 2, .proto = 17, .id = 9,
		       .frag = 0x2000}, 8);
	put_udp(p, 1000, 53);
	pcap_put(f, 300, 0, p, 0);
	p->b[6] = 0;
	p->b[7] = 1;
	pcap_put(f, 300, 0, p, 0);
	p->b[5] = 77; /* a datagram whose first fragment was not seen */
	pcap_put(f, 300, 0, p, 0);
	run.fd[0] = pcap_done(f);
	run_files(&run);
	is_int(run.totals.flows, 2, "a later fragment finds its flow");
	is_int(run.out->packets, 3, "and none is lost");
	free_run(&run);
}

/* A file cut short, garbage, an empty one, then a good one. */
static void
test_damage(void)
{
	struct file_run run = {.n = 4};
	FILE *f = pcap_file(1);

	pcap_put(f, 300, 0, udp4(1, 1000, 2, 53), 0);
	pcap_put(f, 300, 0, udp4(1, 1000, 2, 53), 0);
	run.fd[0] = pcap_done(f);
	if (ftruncate(run.fd[0], 24 + 16 + 42 + 16 + 10) != 0)
		exit(99);
	f = tmpfile();
	fputs("this is no capture file at all, whatever it may seem", f);
	run.fd[1] = pcap_done(f);
	run.fd[2] = pcap_done(pcap_file(1));
	f = pcap_file(1);
	pcap_put(f, 400, 0, udp4(1, 1000, 2, 53), 0);
	run.fd[3] = pcap_done(f);
	run_files(&run);
	is_int(run.result, LOOP_FINISHED, "the other files are read");
	is_int(run.totals.cut, 1, "one was cut");
	is_int(run.totals.unreadable, 1, "one was no capture");
	is_int(run.problems, 2, "both are told");
	is_int(run.out->packets, 2, "what was there is kept");
	ok(run.out->block[0].flags & FRAME_CUT, "the block says so");
	free_run(&run);
}

static void
test_nothing(void)
{
	struct file_run run = {.n = 1};

	run.fd[0] = pcap_done(pcap_file(1));
	run_files(&run);
	is_int(run.totals.seen, 0, "no packet");
	ok(run.out->lasts == 1 && run.totals.frames == 1,
	    "still a last frame");
	free_run(&run);
}

/* More rows than the ring holds, and a reader that is late. */
static void
test_wait(void)
{
	struct file_run run = {.n = 1, .ring_bytes = RING_MIN_BYTES,
		.hold = true};
	FILE *f = pcap_file(1);

	for (uint32_t i = 0; i < 60000; i++)
		pcap_put(f, 300, 0, udp4(i, 1000, 2, 53), 0);
	run.fd[0] = pcap_done(f);
	run_files(&run);
	ok(closes(&run.totals, run.out), "reading waits for room");
	is_int(run.out->packets, 60000, "and loses nothing");
	is_int(run.totals.overflow, 0, "the table is relieved before");
	free_run(&run);
}

static void
test_peer_gone(void)
{
	struct file_run run = {.n = 1, .ring_bytes = RING_MIN_BYTES,
		.kill_peer = true};
	FILE *f = pcap_file(1);

	for (uint32_t i = 0; i < 60000; i++)
		pcap_put(f, 300, 0, udp4(i, 1000, 2, 53), 0);
	run.fd[0] = pcap_done(f);
	run_files(&run);
	is_int(run.result, LOOP_PEER_GONE, "a dead writer ends the loop");
	ok(!run.totals.acked, "and the totals say what it has not taken");
	free_run(&run);
}

static void *
feed(void *arg)
{
	FILE *f = arg;

	for (uint32_t i = 0; i < 50; i++) {
		pcap_put(f, 300, 0, udp4(i, 1000, 2, 53), 0);
		fflush(f);
		usleep(2000);
	}
	fclose(f);
	return NULL;
}

static void
test_pipe(void)
{
	struct file_run run = {.n = 1};
	uint32_t header[6] = {0xa1b23c4d, 4u << 16 | 2, 0, 0, 65535, 1};
	pthread_t thread;
	int fd[2];
	FILE *f;

	if (pipe2(fd, O_CLOEXEC) != 0 || !(f = fdopen(fd[1], "w")))
		exit(99);
	fwrite(header, sizeof(header), 1, f);
	pthread_create(&thread, NULL, feed, f);
	run.fd[0] = fd[0];
	run_files(&run);
	pthread_join(thread, NULL);
	is_int(run.out->packets, 50, "a pipe is read as it comes");
	is_int(run.result, LOOP_FINISHED, "to its end");
	free_run(&run);
}

static void
test_span(void)
{
	struct source_file file = {-1, "file"};
	char error[SOURCE_ERROR_MAX];
	int64_t first = -1, last = -1;
	uint64_t done, total;
	struct source *s;
	bool any;
	FILE *f = pcap_file(1);

	pcap_put(f, 5000, 0, udp4(1, 1000, 2, 53), 0);
	pcap_put(f, 1000, 0, udp4(1, 1000, 2, 53), 0);
	pcap_put(f, 3000, 0, udp4(1, 1000, 2, 53), 0);
	file.fd = pcap_done(f);
	if (source_open_files(&s, &file, 1, NULL, NULL, error) != 0)
		exit(99);
	ok(source_seekable(s), "a file can be read twice");
	is_int(source_time_span(s, &first, &last, &any), 0, "time span");
	ok(any && first == 1000 && last == 5000, "is from %d to %d",
	    (int)first, (int)last);
	source_progress(s, &done, &total);
	ok(done == 0 && total == 24 + 3 * 58, "and back at the start");
	source_close(s);
	close(file.fd);
}

/* ---- live -------------------------------------------------------------- */

static int
open_sender(const char *iface)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(iface)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		return -1;
	return fd;
}

static void
send_frames(int fd, uint32_t from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct packet *p = udp4(from + i, 1000, 2, 53);

		while (send(fd, p->b, p->n, 0) < 0)
			usleep(100);
	}
}

struct live_run {
	struct live_run_cfg {
		const char *iface;
		bool by_iface;
		const char *filter;
		uint64_t ring_bytes;
		uint32_t l7_wait_s; /* 0: no layer 7 */
		bool may_leave;
	} cfg;
	struct source *source;
	struct reader *reader;
	struct result *out;
	struct loop *loop;
	struct loop_totals totals;
	enum loop_result result;
	int stop[2]; /* the launcher's pipe */
	pthread_t thread;
};

static void *
live_main(void *arg)
{
	struct live_run *run = arg;

	run->result = loop_run(run->loop, &run->totals);
	return NULL;
}

static bool
live_open(struct live_run *run, struct live_run_cfg c)
{
	struct source_live live = {.iface = c.iface, .by_iface = c.by_iface,
		.filter = c.filter, .buffer_mb = 16, .promiscuous = true};
	char error[SOURCE_ERROR_MAX];
	struct loop_config cfg;

	memset(run, 0, sizeof(*run));
	run->cfg = c;
	if (source_open_live(&run->source, &live, error) != 0) {
		diag("%s", error);
		return false;
	}
	run->out = result_new();
	run->reader = reader_new(c.ring_bytes ? c.ring_bytes : 1 << 23, note,
	    run->out);
	if (pipe2(run->stop, O_CLOEXEC) != 0)
		exit(99);
	memset(&cfg, 0, sizeof(cfg));
	cfg.source = run->source;
	cfg.ring = &run->reader->ring;
	cfg.ctl_fd = run->reader->sock[0];
	cfg.signal_fd = -1;
	cfg.alive_fd = run->stop[0];
	cfg.flows_max = 1 << 16;
	cfg.snapshot_interval_s = 1;
	cfg.l7 = c.l7_wait_s ? LOOP_L7_ON : LOOP_L7_OFF;
	cfg.l7_wait_s = c.l7_wait_s;
	cfg.stop_wait_ms = 3000;
	cfg.may_leave = c.may_leave;
	return loop_new(&run->loop, &cfg) == 0;
}

static void
live_start(struct live_run *run)
{
	pthread_create(&run->thread, NULL, live_main, run);
}

static void
live_stop(struct live_run *run)
{
	close(run->stop[1]);
	pthread_join(run->thread, NULL);
	reader_stop(run->reader);
}

static void
live_free(struct live_run *run)
{
	loop_free(run->loop);
	source_close(run->source);
	reader_free(run->reader);
	free(run->out);
	close(run->stop[0]);
}

static void
test_loopback(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct live_run run;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (!ok(live_open(&run, (struct live_run_cfg){"lo", true, "udp", 0, 0, false}),
		"loopback opens"))
		return;
	ok(!source_by_iface(run.source), "without direction of the interface");
	live_start(&run);
	for (int i = 0; i < 500; i++)
		sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to));
	live_stop(&run);
	is_int(run.out->packets, 500, "each packet of lo counts once");
	ok(closes(&run.totals, run.out), "accounts close");
	is_int(run.result, LOOP_STOPPED, "stopped by the launcher's end");
	close(fd);
	live_free(&run);
}

static void
test_directions(int va, int vb)
{
	struct live_run run;

	live_open(&run, (struct live_run_cfg){"va", true, "udp port 53", 0, 0, false});
	/* before the loop runs: the kernel has them */
	send_frames(vb, 0, 3000);
	send_frames(va, 100000, 1000);
	live_start(&run);
	send_frames(vb, 0, 3000);
	send_frames(va, 100000, 1000);
	live_stop(&run);
	is_int(run.out->rcvd, 6000, "received is what came in");
	is_int(run.out->sent, 2000, "sent is what went out");
	is_int(run.out->bytes_rcvd, 6000 * 42, "in bytes");
	is_int(run.totals.kernel_drops, 0, "no drops");
	ok(run.out->block[0].flags == FRAME_DIR_IFACE, "and said so");
	ok(closes(&run.totals, run.out), "accounts close");
	ok(run.totals.acked, "taken");
	live_free(&run);
}

/* ---- one after the other ------------------------------------------------ */

enum { HANDED = 100000 };

static void *
send_handed(void *fd)
{
	for (uint32_t n = 0; n < HANDED; n += 200) {
		send_frames(*(int *)fd, n, 200);
		usleep(1000);
	}
	return NULL;
}

static enum hello_code
ask_to_leave(struct live_run *run)
{
	hello_msg_send(run->reader->sock[1], MSG_LEAVE, HELLO_OK, 0, 0);
	for (int i = 0; i < 2000 && run->reader->left == 0; i++)
		usleep(1000);
	return run->reader->left - 1u;
}

/* What comes while an interface changes hands is counted by one of the two. */
static void
test_succession(int vb)
{
	const struct live_run_cfg c = {"va", true, "", 0, 0, true};
	struct live_run run[2];
	struct live_run *before = &run[0], *after = &run[1];
	uint64_t packets = 0, drops = 0, first_ns;
	pthread_t sender;
	int handovers = 0;

	live_open(before, c);
	live_start(before);
	first_ns = (uint64_t)gp_clock_real_ns();
	pthread_create(&sender, NULL, send_handed, &vb);
	while (handovers < 8) {
		int64_t moment_ns;

		usleep(30000);
		live_open(after, c);
		if (ask_to_leave(before) != HELLO_OK)
			break;
		moment_ns = (int64_t)before->reader->left_ns;
		usleep(20000);
		source_begin(after->source, moment_ns);
		loop_begin(after->loop, moment_ns);
		live_start(after);
		pthread_join(before->thread, NULL);
		reader_stop(before->reader);
		handovers++;
		packets += before->out->packets;
		drops += before->totals.kernel_drops;
		if (before->result != LOOP_STOPPED || !before->totals.left ||
		    before->out->block[0].last_ns != moment_ns ||
		    (uint64_t)before->out->block[0].first_ns < first_ns -
			GP_NS_PER_S || !closes(&before->totals, before->out))
			ok(false, "hand-over %d", handovers);
		close(before->stop[1]);
		live_free(before);
		before = after;
		after = before == &run[0] ? &run[1] : &run[0];
	}
	pthread_join(sender, NULL);
	live_stop(before);
	packets += before->out->packets;
	is_int(handovers, 8, "handed over while packets come");
	drops += before->totals.kernel_drops;
	/* what a busy machine drops nobody counts; both have told of it */
	ok(packets == HANDED || (drops > 0 && packets < HANDED),
	    "each is counted by one of nine: %llu, %llu drops",
	    (unsigned long long)packets, (unsigned long long)drops);
	live_free(before);
}

struct stamps {
	size_t n;
	int64_t ns[1000];
};

static void
note_stamp(void *ctx, const struct source_packet *p)
{
	struct stamps *s = ctx;

	if (s->n < 1000)
		s->ns[s->n++] = p->time_s * GP_NS_PER_S + p->time_ns;
}

/* Two captures mean the same packets by a moment. */
static void
test_stamps(int vb)
{
	static struct stamps got[2];
	struct source_live live = {.iface = "va", .by_iface = true,
		.filter = "udp", .buffer_mb = 4};
	char error[SOURCE_ERROR_MAX];
	struct source *s[2];

	for (int i = 0; i < 2; i++)
		if (source_open_live(&s[i], &live, error) != 0)
			exit(99);
	usleep(50000); /* the kernel begins to stamp by and by */
	send_frames(vb, 1, 1000);
	for (int turn = 0; turn < 100; turn++) {
		size_t n;

		usleep(10000);
		for (int i = 0; i < 2; i++)
			source_read(s[i], 0, 1000, note_stamp, &got[i], &n);
	}
	ok(got[0].n == 1000 && got[1].n == 1000, "two see each packet");
	ok(memcmp(got[0].ns, got[1].ns, sizeof(got[0].ns)) == 0,
	    "at the same time");
	source_close(s[0]);
	source_close(s[1]);
}

static void
test_stays(int vb)
{
	struct live_run run;

	live_open(&run, (struct live_run_cfg){"va", true, "", 0, 0, false});
	live_start(&run);
	is_int(ask_to_leave(&run), HELLO_REFUSED, "one of several stays");
	send_frames(vb, 0, 100);
	live_stop(&run);
	is_int(run.out->packets, 100, "and goes on");
	live_free(&run);
}

static void
test_mirror(int va, int vb)
{
	struct live_run run;

	live_open(&run, (struct live_run_cfg){"va", false, "", 0, 0, false});
	live_start(&run);
	send_frames(vb, 0, 300);
	send_frames(va, 0, 200);
	live_stop(&run);
	ok(run.out->sent >= 500, "by flow: client to server is sent");
	ok(run.out->block[0].flags == FRAME_DIR_FLOW, "and said so");
	ok(closes(&run.totals, run.out), "accounts close");
	live_free(&run);
}

static void
test_filter(int vb)
{
	struct live_run run;
	char error[SOURCE_ERROR_MAX];

	live_open(&run, (struct live_run_cfg){"va", true,
			    "src net 0.0.0.0/25", 0, 0, false});
	live_start(&run);
	send_frames(vb, 0, 256);
	live_stop(&run);
	is_int(run.out->rcvd, 128, "filter");
	live_free(&run);
	ok(!live_open(&run, (struct live_run_cfg){"va", true, "no such", 0, 0, false}),
	    "a bad filter is an error");
	ok(!live_open(&run, (struct live_run_cfg){"vx", true, "", 0, 0, false}),
	    "so is an interface that is not");
	is_int(source_check_filter("x", "tcp and port 80", error), 0, "check");
	is_int(source_check_filter("x", "tcp and prot 80", error), -EINVAL,
	    "check: %s", error);
}

/* Seconds of our wall clock into the block. */
static void
set_wall(int64_t slots, int64_t into_s)
{
	int64_t real = gp_clock_real_ns();
	int64_t slot = gp_clock_slot(real / GP_NS_PER_S) + slots * GP_SLOT_S;

	wall_offset_ns += (slot + into_s) * GP_NS_PER_S - real;
}

static void
test_boundary(int vb)
{
	struct live_run run;
	int64_t slot_s;
	size_t a, b;

	set_wall(0, 298);
	slot_s = gp_clock_slot(gp_clock_real_ns() / GP_NS_PER_S);
	live_open(&run, (struct live_run_cfg){"va", true, "udp", 0, 0, false});
	live_start(&run);
	send_frames(vb, 0, 1000);
	usleep(3000000); /* over the boundary, idle */
	send_frames(vb, 0, 500);
	live_stop(&run);
	a = block_at(run.out, slot_s);
	b = block_at(run.out, slot_s + 300);
	is_int(run.out->n_blocks, 2, "two blocks");
	is_int(run.out->block[a].packets, 1000, "before the boundary");
	is_int(run.out->block[b].packets, 500, "after it");
	is_int(run.out->block[a].ends, 1, "the first is closed, idle or not");
	is_int(run.out->gaps, 0, "the intervals meet");
	ok(closes(&run.totals, run.out), "accounts close");
	live_free(&run);
}

static void
test_steps(int vb)
{
	struct live_run run;

	live_open(&run, (struct live_run_cfg){"va", true, "udp", 0, 0, false});
	live_start(&run);
	send_frames(vb, 0, 100);
	usleep(1200000);
	set_wall(-3, 100);
	send_frames(vb, 0, 100);
	usleep(1200000);
	set_wall(14, 100);
	send_frames(vb, 0, 100);
	usleep(1200000);
	live_stop(&run);
	is_int(run.out->packets, 300, "a stepping clock loses nothing");
	is_int(run.out->n_blocks, 3, "three blocks");
	for (size_t i = 0; i < run.out->n_blocks; i++) {
		int64_t slot_ns = run.out->block[i].slot_s * GP_NS_PER_S;

		ok(run.out->block[i].packets == 100 &&
		    run.out->block[i].first_ns >= slot_ns - 2 * GP_NS_PER_S &&
		    run.out->block[i].last_ns < slot_ns + 300 * GP_NS_PER_S,
		    "with 100 packets, in their own time");
	}
	ok(closes(&run.totals, run.out), "accounts close");
	live_free(&run);
}

/*
 * Flows that say nothing wait for their name beyond the end of the block, and
 * are counted where their packets came; so are those that came in between.
 */
static void
test_naming(int vb)
{
	struct live_run run;
	int64_t slot_s;
	size_t a, b;

	set_wall(1, 298);
	slot_s = gp_clock_slot(gp_clock_real_ns() / GP_NS_PER_S);
	live_open(&run, (struct live_run_cfg){"va", true, "udp", 0, 4, false});
	live_start(&run);
	send_frames(vb, 0, 1000);
	usleep(1000000);
	pthread_mutex_lock(&run.out->lock);
	is_int(run.out->packets, 0, "flows without a name wait");
	pthread_mutex_unlock(&run.out->lock);
	usleep(1500000);
	send_frames(vb, 500, 1000); /* half of them the same flows */
	usleep(500000);
	pthread_mutex_lock(&run.out->lock);
	a = block_at(run.out, slot_s);
	is_int(run.out->block[a].ends, 0, "so the block is not closed");
	pthread_mutex_unlock(&run.out->lock);
	usleep(2500000);
	pthread_mutex_lock(&run.out->lock);
	is_int(run.out->block[a].ends, 1, "their time over, it is");
	is_int(run.out->block[a].packets, 1000, "with what came before");
	pthread_mutex_unlock(&run.out->lock);
	live_stop(&run);
	b = block_at(run.out, slot_s + 300);
	is_int(run.out->block[b].packets, 1000, "the rest is in the next");
	is_int(run.out->named, 2000, "all have their port's name");
	is_int(run.out->early, 0, "nothing came after its block's END");
	is_int(run.totals.late, 0, "nothing is late");
	ok(closes(&run.totals, run.out), "accounts close");
	live_free(&run);
}

/* Names that take longer than a block are not waited for. */
static void
test_naming_long(int vb)
{
	struct live_run run;
	int64_t slot_s;

	set_wall(1, 298);
	slot_s = gp_clock_slot(gp_clock_real_ns() / GP_NS_PER_S);
	live_open(&run, (struct live_run_cfg){"va", true, "udp", 0, 300, false});
	live_start(&run);
	send_frames(vb, 0, 1000);
	usleep(3500000);
	set_wall(1, 0);
	usleep(2500000);
	pthread_mutex_lock(&run.out->lock);
	is_int(run.out->block[block_at(run.out, slot_s)].packets, 1000,
	    "the next boundary ends the waiting");
	is_int(run.out->block[block_at(run.out, slot_s)].ends, 1,
	    "and closes the block");
	pthread_mutex_unlock(&run.out->lock);
	live_stop(&run);
	is_int(run.out->packets, 1000, "all are counted");
	ok(closes(&run.totals, run.out), "accounts close");
	live_free(&run);
}

/* The writer stands still over two boundaries. */
static void
test_late(int vb, uint32_t l7_wait_s)
{
	struct live_run run;
	int64_t slot_s;
	size_t i;

	set_wall(1, 100);
	slot_s = gp_clock_slot(gp_clock_real_ns() / GP_NS_PER_S);
	live_open(&run, (struct live_run_cfg){"va", true, "udp",
			    RING_MIN_BYTES, l7_wait_s, false});
	run.reader->hold = true;
	live_start(&run);
	send_frames(vb, 0, 20000);
	usleep(1500000);
	send_frames(vb, 100000, 20000); /* no room for these */
	set_wall(1, 1);
	usleep(1500000);
	set_wall(1, 1);
	send_frames(vb, 300000, 100);
	usleep(1500000);
	run.reader->hold = false;
	usleep(1500000);
	live_stop(&run);
	is_int(run.out->packets, 40100, "a full ring loses nothing");
	ok(closes(&run.totals, run.out), "accounts close");
	i = block_at(run.out, slot_s + 600);
	ok(run.out->block[i].late >= 1000 && run.totals.late ==
	    run.out->block[i].late && run.out->block[i].late <= 40000,
	    "%d counted late, in the block that is", (int)run.totals.late);
	ok(run.out->block[block_at(run.out, slot_s)].ends == 1,
	    "the blocks in between are closed");
	live_free(&run);
}

static void
test_gone(int vb)
{
	struct live_run run;

	live_open(&run, (struct live_run_cfg){"va", true, "udp", 0, 0, false});
	live_start(&run);
	send_frames(vb, 0, 100);
	usleep(200000);
	if (system("ip link set va down; ip link set va up") != 0)
		diag("cannot set the link down");
	usleep(300000);
	send_frames(vb, 0, 100);
	usleep(200000);
	if (system("ip link del va") != 0)
		diag("cannot delete");
	pthread_join(run.thread, NULL);
	reader_stop(run.reader);
	is_int(run.result, LOOP_IFACE_GONE, "a deleted interface ends it: %s",
	    source_error(run.source));
	is_int(run.out->packets, 200, "link down and up goes on counting");
	is_int(run.out->lasts, 1, "flows published, last frame");
	close(run.stop[1]);
	live_free(&run);
}

static bool
make_network(void)
{
	return geteuid() == 0 && unshare(CLONE_NEWNET) == 0 &&
	    system("ip link set lo up && ip link add va type veth peer name vb "
		   "&& ip link set va up && ip link set vb up "
		   "&& sysctl -qw net.ipv6.conf.all.disable_ipv6=1") == 0;
}

int
main(void)
{
	int va, vb;

	signal(SIGPIPE, SIG_IGN);
	test_blocks();
	test_alternation();
	test_times();
	test_fragments();
	test_damage();
	test_nothing();
	test_wait();
	test_peer_gone();
	test_pipe();
	test_span();
	if (!make_network()) {
		ok(true, "live # SKIP needs root and network namespaces");
		return tap_done();
	}
	usleep(500000); /* the link's own chatter */
	va = open_sender("va");
	vb = open_sender("vb");
	test_loopback();
	test_directions(va, vb);
	test_mirror(va, vb);
	test_stamps(vb);
	test_succession(vb);
	test_stays(vb);
	test_filter(vb);
	test_boundary(vb);
	test_steps(vb);
	test_late(vb, 0);
	if (dpi_version()) {
		test_naming(vb);
		test_naming_long(vb);
		test_late(vb, 2);
	}
	test_gone(vb);
	close(va);
	close(vb);
	return tap_done();
}
