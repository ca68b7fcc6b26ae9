/*
 * loop: the real loop over capture files made here; a thread takes the frames.
 */
#include "capture/loop.h"

#include <fcntl.h>
#include <signal.h>

#include "capture/dpi.h"
#include "common/base/clock.h"
#include "tests/lib/loopresult.h"
#include "tests/lib/packet.h"
#include "tests/lib/reader.h"
#include "tests/tap.h"

struct file_run {
	int fd[4];
	size_t n;
	uint64_t ring_bytes;
	uint32_t flows_max;
	uint32_t l7_wait_s; /* 0: no layer 7 */
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
	    result_note, run->out);
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
	cfg.flows_max = run->flows_max ? run->flows_max : 4096;
	cfg.l7 = run->l7_wait_s ? LOOP_L7_ON : LOOP_L7_OFF;
	cfg.l7_wait_s = run->l7_wait_s;
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

/* What no row holds stands beside them, block by block, in bytes on the
 * wire. */
static void
test_no_rows(void)
{
	struct file_run run = {.n = 1};
	FILE *f = pcap_file(1);

	for (unsigned i = 0; i < 5; i++) {
		struct packet *p = packet_new();

		put_ether(p, 0x0806);
		put_bytes(p, 0, 46);
		pcap_put(f, 300 + i, 0, p, 0);
		p = packet_new();
		put_ether(p, 0x0800);
		put_bytes(p, 0x4f, 19);
		pcap_put(f, i < 2 ? 300 : 600, 1, p, 1000);
		pcap_put(f, 600, 2, udp4(1, 1000, 2, 53), 0);
	}
	run.fd[0] = pcap_done(f);
	run_files(&run);
	ok(closes(&run.totals, run.out), "accounts close");
	is_int(run.totals.non_ip, 5, "ARP is no IP");
	is_int(run.totals.malformed, 5, "half a header is malformed");
	is_int(run.out->block[block_at(run.out, 300)].non_ip, 5,
	    "in its block");
	is_int(run.out->block[block_at(run.out, 300)].non_ip_bytes, 5 * 60,
	    "with its bytes");
	is_int(run.out->block[block_at(run.out, 300)].malformed, 2,
	    "in its block");
	is_int(run.out->block[block_at(run.out, 300)].malformed_bytes, 2000,
	    "with those it had on the wire");
	is_int(run.out->block[block_at(run.out, 600)].malformed, 3,
	    "the others in theirs");
	is_int(run.out->block[block_at(run.out, 600)].seen, 8, "seen");
	free_run(&run);
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

/* A batch of packets, which is when the loop looks at open blocks. */
static void
put_batch(FILE *f, int64_t time_s)
{
	for (uint32_t i = 0; i < 64; i++)
		pcap_put(f, time_s, 0, udp4(1, 1000, 2, 53), 0);
}

/* ENDs of a block with so many flows, after packets up to that time and one
 * that comes late. */
static unsigned
ends_of(uint32_t flows, int64_t until_s, uint32_t l7_wait_s)
{
	struct file_run run = {.n = 1, .flows_max = 1 << 17,
		.l7_wait_s = l7_wait_s};
	FILE *f = pcap_file(1);
	unsigned ends;

	for (uint32_t i = 0; i < flows; i++)
		pcap_put(f, 300, 0, udp4(i, 1000, 2, 53), 0);
	put_batch(f, 599);
	put_batch(f, 600);
	put_batch(f, until_s);
	put_batch(f, 300);
	run.fd[0] = pcap_done(f);
	run_files(&run);
	ok(closes(&run.totals, run.out) && run.out->n_blocks == 2 &&
		run.out->block[0].packets == flows + 128 &&
		run.out->block[1].packets == 128,
	    "%d flows, until %d, wait %d: accounts close", (int)flows,
	    (int)until_s, (int)l7_wait_s);
	ends = run.out->block[0].ends;
	free_run(&run);
	return ends;
}

/* A large block ends when what comes so late is rare. */
static void
test_large(void)
{
	/* one END more is that of the file's end */
	is_int(ends_of(1 << 16, 609, 0), 1, "too early");
	is_int(ends_of(1 << 16, 610, 0), 2, "in time, and opens again");
	is_int(ends_of((1 << 16) - 1, 899, 0), 1, "small");
	if (!dpi_version())
		return;
	is_int(ends_of(1 << 16, 659, 60), 1, "names are waited for");
	is_int(ends_of(1 << 16, 660, 60), 2, "no longer");
	is_int(ends_of(1 << 16, 609, 1), 1, "others than of names are, too");
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

/* A link type whose records libpcap takes, with seconds that it would read as
 * before 1970. */
static void
test_times_cooked(void)
{
	const int64_t late_s = 3000000000;
	struct file_run run = {.n = 1};
	FILE *f = pcap_file(113);
	struct packet *p = packet_new();

	put_bytes(p, 0, 14);
	put16(p, 0x0800);
	put_ip4(p, (struct ip4){.src = 1, .dst = 2, .proto = 17}, 8);
	put_udp(p, 1000, 53);
	pcap_put(f, late_s, 7, p, 0);
	run.fd[0] = pcap_done(f);
	run_files(&run);
	is_int(run.out->n_blocks, 1, "one block");
	is_int(run.out->block[0].slot_s, late_s, "of the year 2065");
	is_int(run.out->block[0].first_ns, late_s * GP_NS_PER_S + 7,
	    "to the nanosecond");
	is_int(run.out->clamped, 0, "as it stands");
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

/* Flows of before a gap make room for those behind it, however long it is and
 * whichever way: idleness is kept in few bits. */
static void
test_gap(int64_t gap_s)
{
	enum { BEFORE = 3000, BEHIND = 2000 };
	struct file_run run = {.n = 1};
	FILE *f = pcap_file(1);

	for (uint32_t i = 0; i < BEFORE; i++)
		pcap_put(f, 1000000, 0, udp4(i, 1000, 2, 53), 0);
	for (int64_t again = 0; again < 8; again++)
		for (uint32_t i = 0; i < BEHIND; i++)
			pcap_put(f, 1000000 + gap_s + again * 300, 0,
			    udp4(1 << 20 | i, 1000, 2, 53), 0);
	run.fd[0] = pcap_done(f);
	run_files(&run);
	ok(closes(&run.totals, run.out), "accounts close");
	is_int(run.totals.overflow, 0, "room for all, %lld hours on",
	    (long long)gap_s / 3600);
	is_int(run.totals.flows, BEHIND, "none of before is left");
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

/* A pcapng file whose second interface began 292 thousand million years ago. */
static void
test_long_ago(void)
{
	static const uint32_t words[] = {
		0x0a0d0d0a, 28, 0x1a2b3c4d, 1, UINT32_MAX, UINT32_MAX, 28,
		1, 20, 1, 0, 20,
		1, 36, 1, 0, 8 << 16 | 14, 0, UINT32_C(1) << 31, 0, 36,
		6, 52, 0, 0, 1000000000, 20, 20, 0, 0, 0, 0, 0, 52,
		6, 52, 1, 0, 0, 20, 20, 0, 0, 0, 0, 0, 52,
	};
	struct file_run run = {.n = 1};

	run.fd[0] = memfd_create("long-ago", MFD_CLOEXEC);
	if (pwrite(run.fd[0], words, sizeof(words), 0) != sizeof(words))
		exit(99);
	run_files(&run);
	is_int(run.result, LOOP_FINISHED, "a file of before all time");
	ok(run.totals.seen == 2 && run.totals.time_clamped == 1,
	    "is of 1970 then");
	free_run(&run);
}

static bool
at_once(void *ctx)
{
	(void)ctx;
	return true;
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
	is_int(source_time_span(s, &first, &last, &any, NULL, NULL), 0,
	    "time span");
	ok(any && first == 1000 && last == 5000, "is from %d to %d",
	    (int)first, (int)last);
	source_progress(s, &done, &total);
	ok(done == 0 && total == 24 + 3 * 58, "and back at the start");
	is_int(source_time_span(s, &first, &last, &any, at_once, NULL), -EINTR,
	    "whoever is told to stop does not read on");
	source_close(s);
	close(file.fd);
}

static void
test_no_files(void)
{
	struct source_file file = {open("/", O_RDONLY | O_DIRECTORY), "/"};
	char error[SOURCE_ERROR_MAX];
	struct source *s;

	is_int(source_open_files(&s, &file, 1, NULL, NULL, error), -EISDIR,
	    "a folder is no capture file");
	is_str(error, "/: Is a directory", "as it says");
	close(file.fd);
	is_int(source_open_files(&s, &file, 1, NULL, NULL, error), -EBADF,
	    "nor is what cannot be looked at");
	is_str(error, "/: Bad file descriptor", "as it says, too");
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_no_rows();
	test_blocks();
	test_alternation();
	test_large();
	test_times();
	test_times_cooked();
	test_fragments();
	test_damage();
	test_nothing();
	test_wait();
	test_gap(3600);
	test_gap(60 * 3600);
	test_gap(-20 * 3600);
	test_peer_gone();
	test_pipe();
	test_long_ago();
	test_span();
	test_no_files();
	return tap_done();
}
