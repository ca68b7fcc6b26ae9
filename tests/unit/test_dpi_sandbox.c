/*
 * dpi within capture's own sandbox: every packet of the captures (PCAP_CORPUS,
 * by default ../shared/pcaps) and of the fuzzer's corpus, then the same packets
 * with bytes changed and ends cut, through decoder, flow table and engine.  No
 * system call is denied and nothing crashes.
 *
 * DPI_FUZZ_S: CPU seconds of changed packets for each profile (3; 600 with
 * LONG set, as in `make check-long`).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "capture/decode.h"
#include "capture/dpi.h"
#include "capture/flowtab.h"
#include "capture/profile.h"
#include "capture/source.h"
#include "common/base/fd.h"
#include "tests/tap.h"

enum { FLOWS = 16384, CUT_BYTES = 4096, PIECE = 5000 };

struct frame {
	uint8_t *data;
	uint32_t len;
	int dlt;
};
static struct frame *frames;
static size_t n_frames, cap_frames;
static struct labels labels;
static struct dpi *dpi;

/* Seen by both processes. */
static struct shared {
	uint64_t packets, looked, rounds, at;
	unsigned step;
} *shared;

/* ---- packets ------------------------------------------------------------- */

static void
keep(int dlt, const uint8_t *data, uint32_t len)
{
	if (n_frames == cap_frames) {
		cap_frames = cap_frames ? cap_frames * 2 : 1 << 16;
		frames = realloc(frames, cap_frames * sizeof(*frames));
	}
	if (!frames)
		exit(99);
	frames[n_frames] = (struct frame){malloc(len ? len : 1), len, dlt};
	if (!frames[n_frames].data)
		exit(99);
	memcpy(frames[n_frames++].data, data, len);
}

static void
keep_packet(void *ctx, const struct source_packet *p)
{
	(void)ctx;
	keep(p->dlt, p->data, p->caplen);
}

static void
read_capture(int dir, const char *name)
{
	struct source_file file = {openat(dir, name, O_RDONLY), name};
	char error[SOURCE_ERROR_MAX];
	struct source *s;
	size_t n;

	if (file.fd < 0 || source_open_files(&s, &file, 1, NULL, NULL, error))
		return;
	while (source_read(s, 0, 4096, keep_packet, NULL, &n) == SOURCE_OK)
		;
	source_close(s);
	(void)close(file.fd);
}

/* Link type, then frames with their lengths: tests/fuzz/dpi.c. */
static void
read_input(int dir, const char *name)
{
	char *text = NULL;
	size_t len = 0, at = 2;
	uint16_t n, dlt;

	if (gp_fd_read_file(dir, name, 1 << 20, &text, &len) != 0 || len < 2)
		return;
	memcpy(&dlt, text, 2);
	while (at + 2 < len) {
		memcpy(&n, text + at, 2);
		at += 2;
		if (n > len - at)
			n = (uint16_t)(len - at);
		keep(dlt, (const uint8_t *)text + at, n);
		at += n;
	}
	free(text);
}

static void
each_file(const char *folder, void (*fn)(int dir, const char *name))
{
	DIR *d = opendir(folder);
	const struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			fn(dirfd(d), e->d_name);
	if (d)
		(void)closedir(d);
}

/* ---- within -------------------------------------------------------------- */

static void
ignore_row(void *ctx, const struct flowtab_row *r)
{
	(void)ctx;
	(void)r;
}

static void
add(struct flowtab *t, const struct frame *f)
{
	struct decode_packet d;

	if (decode_frame(f->dlt, f->data, f->len, f->len, &d) != DECODE_IP)
		return;
	if (d.flags & DECODE_PAYLOAD && flowtab_curious(t, &d))
		d.flags |= DECODE_STAGED;
	flowtab_add(t, &d, 1, 1000 + (uint32_t)(shared->packets++ / PIECE));
}

/* Flows that are all new. */
static struct flowtab *
begin(void)
{
	const struct gp_hash_key key = {{1, 2, 3, 4}};
	struct flowtab *t;

	if (flowtab_new(&t, FLOWS, false, &key) != 0 ||
	    flowtab_use_dpi(t, dpi, 10) != 0)
		_exit(93);
	return t;
}

static void
end(struct flowtab *t)
{
	flowtab_publish_begin(t, FLOWTAB_SETTLE, 0);
	while (!flowtab_publish_some(t, FLOWS, ignore_row, NULL))
		;
	flowtab_free(t);
}

/* A few bytes changed, sometimes the end cut off; the start mostly left, so
 * that the packet is still one of its flow. */
static void
change(struct frame *out, const struct frame *in, uint8_t *buf,
    uint64_t *seed)
{
	uint32_t len = in->len < CUT_BYTES ? in->len : CUT_BYTES;
	uint64_t r = tap_random(seed);

	memcpy(buf, in->data, len);
	if (r % 8 == 0 && len > 0)
		len = (uint32_t)(r / 8 % len);
	*out = (struct frame){buf, len, in->dlt};
	for (unsigned n = (unsigned)(r >> 32) % 6; n > 0 && len > 0; n--) {
		uint64_t x = tap_random(seed);
		uint32_t from = x % 16 && len > 42 ? 42 : 0;
		uint32_t at = from + (uint32_t)(x >> 8) % (len - from);

		if (x & 16)
			buf[at] = (uint8_t)(x >> 48);
		else
			buf[at] = (uint8_t)(buf[at] ^ 1u << (x >> 48 & 7));
	}
}

static int64_t
cpu_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void
run(uint64_t seed, int64_t fuzz_ns)
{
	static uint8_t buf[CUT_BYTES];
	struct flowtab *t = begin();
	int64_t until_ns;

	for (size_t i = 0; i < n_frames; i++) {
		shared->at = i;
		add(t, &frames[i]);
	}
	end(t);
	shared->step = 1;
	for (until_ns = cpu_ns() + fuzz_ns; cpu_ns() < until_ns;) {
		size_t from = tap_random(&seed) % n_frames;

		t = begin();
		for (size_t i = from; i < n_frames && i < from + PIECE; i++) {
			struct frame f;

			shared->at = i;
			change(&f, &frames[i], buf, &seed);
			add(t, &f);
		}
		end(t);
		shared->rounds++;
	}
}

/* nDPI's own; for an engine that has lost its memory. */
void *ndpi_malloc(size_t n);

static int
within(bool live, uint64_t seed, int64_t fuzz_ns, bool misbehave)
{
	struct profile_fds fds = {.offline = !live, .n_ctl = 1, .notify = -1};
	const char *step;
	struct dpi_stats st;
	struct flowtab *t;
	int pair[2], rc;

	(void)socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
	fds.ctl[0] = pair[0];
	labels_init(&labels);
	if (dpi_new(&dpi, &labels) != 0)
		return 90;
	dpi_silence_stdout();
	tzset();
	rc = profile_seal(&fds, GP_SANDBOX_SECCOMP, &step);
	if (rc != 0)
		return 91;
	if (misbehave)
		return open("/", O_RDONLY);
	printf("what nDPI prints goes nowhere\n");
	(void)fflush(stdout);
	run(seed, fuzz_ns);
	shared->step = 2;
	while (ndpi_malloc(100 << 10))
		;
	t = begin();
	for (size_t i = 0; i < n_frames && i < PIECE; i++)
		add(t, &frames[i]);
	end(t);
	dpi_stats(dpi, &st);
	shared->looked = st.packets;
	return st.renewed == 1 && st.states == 0 ? 0 : 92;
}

static int
child(bool live, uint64_t seed, int64_t fuzz_ns, bool misbehave)
{
	int status = -1;
	pid_t pid;

	memset(shared, 0, sizeof(*shared));
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(within(live, seed, fuzz_ns, misbehave));
	if (pid > 0)
		(void)waitpid(pid, &status, 0);
	return status;
}

static void
check(bool live, uint64_t seed, int64_t fuzz_ns)
{
	int status = child(live, seed, fuzz_ns, false);

	if (ok(status == 0, "%s: %" PRIu64 " packets, %" PRIu64
			" looked at, %" PRIu64 " rounds of changed ones",
		live ? "live" : "offline", shared->packets, shared->looked,
		shared->rounds))
		return;
	if (WIFSIGNALED(status))
		diag("signal %d%s", WTERMSIG(status),
		    WTERMSIG(status) == SIGSYS ? ": a system call" : "");
	diag("status %d, step %u, packet %" PRIu64 " of %zu", status,
	    shared->step, shared->at, n_frames);
}

int
main(void)
{
	const char *corpus = getenv("PCAP_CORPUS");
	const char *seconds = getenv("DPI_FUZZ_S");
	double s = seconds ? atof(seconds) : getenv("LONG") ? 600 : 3;
	int64_t fuzz_ns = (int64_t)(s * 1e9);
	uint64_t seed = tap_seed((uint64_t)time(NULL));
	int status;

#ifdef GP_SANITIZED
	skip_all("sanitizers make system calls of their own");
#endif
	labels_init(&labels);
	if (dpi_new(&dpi, &labels) == -ENOTSUP)
		skip_all("built without an engine");
	dpi_free(dpi);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 99;
	each_file("tests/fuzz/corpus/dpi", read_input);
	ok(n_frames > 30, "%zu packets of the fuzzer", n_frames);
	each_file(corpus ? corpus : "../shared/pcaps", read_capture);
	diag("%zu packets with the captures", n_frames);
	status = child(false, seed, 0, true);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS,
	    "what is not allowed ends the process");
	check(false, seed, fuzz_ns);
	check(true, seed + 1, fuzz_ns);
	return tap_done();
}
