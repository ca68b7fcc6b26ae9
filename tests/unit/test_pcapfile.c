/*
 * pcapfile: what it takes out of classic capture files is what libpcap gives
 * for them, to the byte and to the message: files of either byte order and
 * resolution, any snaplen, records that lie about their lengths, every cut,
 * filters, and bytes changed at random.
 */
#include "capture/pcapfile.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/filetwin.h"

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
		fine = same(to_fd(file, file_n), NULL, &seen) && fine;
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
		fine = same(to_fd(file, file_n), NULL, &seen) && fine;
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
		fine = same(to_fd(file, n), NULL, &seen) && fine;
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
	ok(same(to_fd(file, file_n), NULL, &seen) && seen.n == 6,
	    "the longest packets across the buffer's end");
}

static void
test_filter(void)
{
	struct seen seen;
	bool fine;

	put_head(0xa1b2c3d4, true, 65535, 1);
	put_some();
	fine = same(to_fd(file, file_n), "greater 100", &seen);
	ok(fine && seen.n > 0 && seen.n < 41, "a filter: %u packets of 41",
	    seen.n);
	ok(same(to_fd(file, file_n), "ether[0] & 1 = 1 and less 400", &seen) &&
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
		wrong += !same(to_fd(file, file_n), NULL, &seen);
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
