/*
 * pcapfile: what it takes out of classic capture files is what libpcap gives
 * for them, to the byte and to the message: files of either byte order and
 * resolution, any snaplen, records that lie about their lengths, every cut,
 * filters, and bytes changed at random.
 */
#include "capture/pcapfile.h"

#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/source.h"
#include "tests/tap.h"

struct seen {
	uint64_t sum; /* of all records, in order */
	unsigned n;
	char error[SOURCE_ERROR_MAX];
};

static void
note(struct seen *s, uint32_t time_s, uint32_t time_ns, uint32_t caplen,
    uint32_t len, const uint8_t *data)
{
	const uint32_t head[4] = {time_s, time_ns, caplen, len};

	s->n++;
	for (size_t i = 0; i < 4; i++)
		s->sum = (s->sum ^ head[i]) * UINT64_C(0x9e3779b97f4a7c15);
	for (size_t i = 0; i < caplen; i++)
		s->sum = (s->sum ^ data[i]) * UINT64_C(0x100000001b3);
}

static void
note_ours(void *ctx, const struct source_packet *p)
{
	note(ctx, (uint32_t)p->time_s, p->time_ns, p->caplen, p->wire_len,
	    p->data);
}

static void
by_source(int fd, const char *filter, struct seen *seen)
{
	struct source_file file = {fd, "f"};
	char error[SOURCE_ERROR_MAX] = "";
	struct source *s = NULL;
	enum source_result r;
	size_t n;

	*seen = (struct seen){0};
	lseek(fd, 0, SEEK_SET);
	if (source_open_files(&s, &file, 1, NULL, NULL, error) != 0 ||
	    (filter && source_filter_files(s, "t", filter, error) != 0)) {
		snprintf(seen->error, sizeof(seen->error), "open: %s", error);
		source_close(s);
		return;
	}
	do
		r = source_read(s, 0, 7, note_ours, seen, &n);
	while (r == SOURCE_OK);
	if (r != SOURCE_END) /* behind the file's name */
		snprintf(seen->error, sizeof(seen->error), "%s",
		    source_error(s) + 3);
	source_close(s);
}

static void
by_libpcap(int fd, const char *filter, struct seen *seen)
{
	char error[PCAP_ERRBUF_SIZE] = "";
	struct bpf_program prog;
	struct pcap_pkthdr *h;
	const u_char *data;
	FILE *f = fdopen(dup(fd), "r");
	pcap_t *p;
	int rc;

	*seen = (struct seen){0};
	fseek(f, 0, SEEK_SET);
	p = pcap_fopen_offline_with_tstamp_precision(f,
	    PCAP_TSTAMP_PRECISION_NANO, error);
	if (!p) {
		snprintf(seen->error, sizeof(seen->error), "%s", error);
		fclose(f);
		return;
	}
	if (filter) {
		pcap_compile(p, &prog, filter, 1, PCAP_NETMASK_UNKNOWN);
		pcap_setfilter(p, &prog);
		pcap_freecode(&prog);
	}
	while ((rc = pcap_next_ex(p, &h, &data)) == 1) {
		uint32_t ns = (uint32_t)h->ts.tv_usec;

		note(seen, (uint32_t)h->ts.tv_sec, ns < 1000000000 ? ns : 0,
		    h->caplen, h->len, data);
	}
	if (rc == PCAP_ERROR)
		snprintf(seen->error, sizeof(seen->error), "%s",
		    pcap_geterr(p));
	pcap_close(p);
}

/* Whether both see the same. */
static bool
same(int fd, const char *filter, struct seen *ours)
{
	struct seen theirs;

	by_source(fd, filter, ours);
	by_libpcap(fd, filter, &theirs);
	if (ours->n == theirs.n && ours->sum == theirs.sum &&
	    strcmp(ours->error, theirs.error) == 0)
		return true;
	diag("%u packets \"%s\", libpcap %u \"%s\"", ours->n, ours->error,
	    theirs.n, theirs.error);
	return false;
}

/* ---- files --------------------------------------------------------------- */

static uint8_t file[1 << 20];
static size_t file_n;
static bool swapped;

static void
put_u32(uint32_t v)
{
	if (swapped)
		v = __builtin_bswap32(v);
	memcpy(file + file_n, &v, 4);
	file_n += 4;
}

static void
put_head(uint32_t magic, bool swap, uint32_t snaplen, uint32_t link)
{
	swapped = swap;
	file_n = 0;
	put_u32(magic);
	put_u32(swap ? 0x00020004 : 0x00040002);
	if (swap) /* put_u32 has turned the halves around as well */
		memcpy(file + 4, (uint8_t[4]){0, 2, 0, 4}, 4);
	put_u32(0);
	put_u32(0);
	put_u32(snaplen);
	put_u32(link);
}

static void
put_record(uint32_t s, uint32_t frac, uint32_t caplen, uint32_t len)
{
	put_u32(s);
	put_u32(frac);
	put_u32(caplen);
	put_u32(len);
	for (uint32_t i = 0; i < caplen && i < 300000; i++)
		file[file_n++] = (uint8_t)(s * 31 + i);
}

static int
to_fd(size_t n)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("pcapfile", MFD_CLOEXEC);
	if (ftruncate(fd, 0) != 0 || pwrite(fd, file, n, 0) != (ssize_t)n)
		skip_all("no memory");
	return fd;
}

static void
put_some(void)
{
	for (uint32_t i = 0; i < 40; i++)
		put_record(1000 + i, i * 7919, i * 37 % 200, i * 37 % 200 + i);
	put_record(UINT32_MAX, UINT32_MAX, 60, UINT32_MAX);
}

static void
test_kinds(void)
{
	static const uint32_t magic[] = {0xa1b2c3d4, 0xa1b23c4d};
	static const uint32_t snaplen[] = {0, 64, 65535, 262144, UINT32_MAX,
		0x80000000};
	static const uint32_t link[] = {1, 101, 228, 1 | 0x14000000};
	struct seen seen;
	bool fine = true, known = true;
	unsigned n = 0;

	for (size_t i = 0; i < 2 * 2 * 6 * 4; i++) {
		put_head(magic[i % 2], i / 2 % 2, snaplen[i / 4 % 6],
		    link[i / 24]);
		put_some();
		fine = same(to_fd(file_n), NULL, &seen) && fine;
		known = pcapfile_knows(file, 1) && known;
		n += seen.n;
	}
	ok(fine && known && n == 96 * 41,
	    "both byte orders, both resolutions, snaplens and link types");
	put_head(0xa1b2cd34, false, 65535, 1);
	ok(!pcapfile_knows(file, 1), "Kuznetzov's kind is left to libpcap");
	put_head(0xa1b2c3d4, false, 65535, 1);
	ok(!pcapfile_knows(file, 113) && pcapfile_knows(file, 12),
	    "and link types that it mends");
	file[6] = 2;
	ok(!pcapfile_knows(file, 1), "and old versions");
}

static void
test_lengths(void)
{
	static const uint32_t length[] = {0, 63, 64, 65, 262143, 262144,
		262145, 299999, 0x7fffffff, UINT32_MAX};
	struct seen seen;
	bool fine = true;

	for (size_t i = 0; i < 2 * sizeof(length) / sizeof(length[0]); i++) {
		put_head(0xa1b2c3d4, i % 2, i % 2 ? 64 : 262144, 1);
		put_record(1, 2, 60, 60);
		put_record(3, 4, length[i / 2], length[i / 2]);
		put_record(5, 6, 60, 60);
		fine = same(to_fd(file_n), NULL, &seen) && fine;
	}
	ok(fine, "captured lengths beyond what was announced, or possible");
}

static void
test_cuts(void)
{
	struct seen seen;
	bool fine = true;
	unsigned cut = 0;

	put_head(0xa1b2c3d4, false, 64, 1);
	for (uint32_t i = 0; i < 6; i++)
		put_record(i, i, 30 + i * 10, 90);
	for (size_t n = 0; n <= file_n; n++) {
		fine = same(to_fd(n), NULL, &seen) && fine;
		cut += seen.error[0] != '\0';
	}
	ok(fine, "cut anywhere");
	is_int(cut, file_n - 6, "and said, but for whole records");
}

static void
test_large(void)
{
	struct seen seen;

	put_head(0xa1b2c3d4, false, 262144, 1);
	for (uint32_t i = 0; i < 3; i++) {
		put_record(i, i, 262144 - i, 262144);
		put_record(i, i, 3 + i, 60);
	}
	ok(same(to_fd(file_n), NULL, &seen) && seen.n == 6,
	    "the longest packets across the buffer's end");
}

static void
test_filter(void)
{
	struct seen seen;
	bool fine;

	put_head(0xa1b2c3d4, true, 65535, 1);
	put_some();
	fine = same(to_fd(file_n), "greater 100", &seen);
	ok(fine && seen.n > 0 && seen.n < 41, "a filter: %u packets of 41",
	    seen.n);
	ok(same(to_fd(file_n), "ether[0] & 1 = 1 and less 400", &seen) &&
		seen.n > 0, "another");
}

static void
test_changed(void)
{
	uint64_t seed = tap_seed(5);
	unsigned wrong = 0;
	struct seen seen;

	for (int i = 0; i < 4000; i++) {
		put_head(i % 3 ? 0xa1b2c3d4 : 0xa1b23c4d, i % 2, 128, 1);
		for (uint32_t k = 0; k < 8; k++)
			put_record(k, k, k * 20, k * 20);
		for (int k = 0; k < 3; k++)
			file[tap_random(&seed) % file_n] =
			    (uint8_t)tap_random(&seed);
		wrong += !same(to_fd(file_n), NULL, &seen);
	}
	is_int(wrong, 0, "bytes changed at random");
}

/* A look at the signals follows soon, whatever the filter leaves out. */
static void
test_little_passes(void)
{
	static const char *const name[] = {"links.pcap", "links.pcapng"};

	for (int i = 0; i < 2; i++) {
		char path[64], error[SOURCE_ERROR_MAX];
		struct source_file input = {-1, "f"};
		struct seen seen = {0};
		struct source *s;
		size_t n = 1;

		(void)snprintf(path, sizeof(path), "tests/data/%s", name[i]);
		input.fd = open(path, O_RDONLY | O_CLOEXEC);
		if (source_open_files(&s, &input, 1, NULL, NULL, error) != 0 ||
		    source_filter_files(s, "t", "port 9", error) != 0)
			exit(99);
		is_int(source_read(s, 0, 2, note_ours, &seen, &n), SOURCE_OK,
		    "%s: two records are no more than that", name[i]);
		is_int(n, 0, "of which none passes");
		source_close(s);
		close(input.fd);
	}
}

int
main(void)
{
	test_kinds();
	test_lengths();
	test_cuts();
	test_large();
	test_filter();
	test_little_passes();
	test_changed();
	return tap_done();
}
