/*
 * pcapng: of files that libpcap reads comes out what it gives, to the byte and
 * to the message, whole, cut and damaged.
 */
#include "capture/pcapng.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/filetwin.h"
#include "tests/lib/ngfile.h"

/* The next packet, or what is there instead. */
static int
next_packet(struct pcapng *f, struct pcapng_packet *p, char text[256])
{
	int rc;

	do
		rc = pcapng_next(f, p, text, 256);
	while (rc == PCAPNG_OTHER);
	return rc;
}

static bool
twins(struct seen *seen)
{
	return same(to_fd(file, file_n), NULL, seen);
}

/* ---- what libpcap reads -------------------------------------------------- */

static void
test_blocks(void)
{
	struct seen seen;
	bool fine = true;
	unsigned n = 0;

	for (int i = 0; i < 2 * 3; i++) {
		static const uint32_t snaplen[] = {0, 96, 262144};

		start(i % 2);
		iface(ETHER, snaplen[i / 2], -1, 0);
		iface(ETHER, snaplen[i / 2], 9, 0);
		for (uint32_t k = 0; k < 40; k++) {
			packet(k % 2, UINT64_C(1700000000123456) + k * 7919,
			    k * 37 % 90, k * 37 % 90 + k);
			if (k % 5 == 0)
				other(NRB + k, k * 13);
			if (k % 7 == 0)
				old_packet(1, UINT64_C(1700000000123456789), k,
				    k + 1);
			if (k % 9 == 0)
				simple(k, k);
		}
		simple(96, snaplen[i / 2] == 96 ? 1500 : 96);
		section(i % 2, 1, 2);
		other(0x0bad, 8);
		iface(ETHER, snaplen[i / 2], 3, 0);
		packet(0, 12345678, 60, UINT32_MAX);
		fine = twins(&seen) && fine;
		n += seen.n;
	}
	ok(fine && n == 6 * 53, "packets of three kinds, other blocks, another "
	    "section, both byte orders");
}

static void
test_times(void)
{
	static const uint64_t units[] = {0, 1, 999999, 1000000,
		UINT64_C(1700000000123456), UINT64_C(1700000000123456789),
		UINT64_MAX, UINT64_C(1) << 63};
	struct seen seen;
	bool fine = true;
	unsigned n = 0;

	/* beyond 2^-34 libpcap's product overflows */
	for (int r = 0; r < 256; r++)
		for (int i = 0; i < 2 && (r < 128 || r <= 128 + 34 || r > 191);
		     i++) {
			start(i);
			iface(ETHER, 65535, r, r % 3 ? 0 : r % 2 ? -7 : 7200);
			for (size_t k = 0; k < 8; k++)
				packet(0, units[k], 20, 20);
			fine = twins(&seen) && fine;
			n += seen.n;
		}
	ok(fine && n == 8 * 2 * (20 + 35), "every resolution, and offsets");
}

/* Half a second and almost a whole one, in units that libpcap's 64 bits do not
 * reach. */
static void
test_fine_times(void)
{
	struct pcapng f;
	struct pcapng_packet p;
	bool fine = true;

	for (int bits = 35; bits < 64; bits++) {
		static uint8_t buf[PCAPNG_BUFFER];
		char text[256];

		start(false);
		iface(ETHER, 0, 128 + bits, 0);
		packet(0, (UINT64_C(1) << bits) + (UINT64_C(1) << (bits - 1)),
		    4, 4);
		packet(0, (UINT64_C(1) << bits) - 1, 4, 4);
		memcpy(buf, file, file_n);
		pcapng_init(&f, buf, sizeof(buf), file_n, NULL, NULL);
		fine = pcapng_open(&f, text, sizeof(text)) == 0 &&
		    next_packet(&f, &p, text) == PCAPNG_PACKET &&
		    p.time_s == 1 && p.time_ns == 500000000 &&
		    next_packet(&f, &p, text) == PCAPNG_PACKET &&
		    p.time_s == 0 && p.time_ns == 999999999 && fine;
		pcapng_fini(&f);
	}
	ok(fine, "resolutions beyond 2^-34 do not overflow");
}

static void
test_links(void)
{
	struct seen seen;
	bool fine = true;

	for (uint16_t link = 0; link < 400; link++) {
		char error[PCAP_ERRBUF_SIZE], text[256];
		static uint8_t buf[PCAPNG_BUFFER];
		struct pcapng f;
		FILE *in;
		pcap_t *p;

		start(false);
		iface(link, 65535, -1, 0);
		in = fdopen(dup(to_fd(file, file_n)), "r");
		fseek(in, 0, SEEK_SET);
		p = pcap_fopen_offline(in, error);
		memcpy(buf, file, file_n);
		pcapng_init(&f, buf, sizeof(buf), file_n, NULL, NULL);
		if (pcapng_open(&f, text, sizeof(text)) != 0 ||
		    pcapng_next(&f, NULL, text, sizeof(text)) != PCAPNG_OTHER ||
		    f.iface[0].dlt != pcap_datalink(p)) {
			diag("%d is no %d", link, pcap_datalink(p));
			fine = false;
		}
		pcapng_fini(&f);
		pcap_close(p);
	}
	ok(fine, "link types of files have libpcap's numbers");
	start(true);
	iface(NFLOG, 65535, -1, 0);
	for (uint32_t n = 4; n < 44; n++) {
		size_t at = file_n;

		packet(0, 1, n, n);
		file[at + 28] = 2; /* AF_INET */
		file[at + 29] = n % 10 == 7; /* the only version is 0 */
		for (uint32_t k = 4; k + 4 <= n; k += 8 + n % 8)
			memcpy(file + at + 28 + k, (uint8_t[4]){0,
			    (uint8_t)(n % 12), 0, 9}, 4);
	}
	ok(twins(&seen) && seen.n == 40, "attributes of netfilter's log in the "
	    "other byte order");
}

/* ---- damage -------------------------------------------------------------- */

static void
test_cuts(void)
{
	struct seen seen;
	bool fine = true;
	unsigned silent = 0;

	put_some(false);
	for (size_t n = 0; n <= file_n; n++) {
		fine = same(to_fd(file, n), NULL, &seen) && fine;
		silent += seen.error[0] == '\0';
	}
	ok(fine, "cut anywhere");
	/* behind each block from the first interface on */
	is_int(silent, 2 + 4 * 4 + 2 + 3, "and said, but for whole blocks");
	start(false);
	other(NRB, 8);
	packet(0, 1000, 20, 20);
	iface(ETHER, 128, -1, 0);
	ok(twins(&seen) && strstr(seen.error, "before any Interface"),
	    "packets before the first interface are no capture's");
}

/* An interface with these options, and a packet. */
static bool
options(const uint8_t *bytes, size_t n)
{
	struct seen seen;
	size_t at;

	start(false);
	at = begin(IDB);
	put(ETHER, 2);
	put(0, 2);
	put(96, 4);
	memcpy(file + file_n, bytes, n);
	file_n += n;
	end(at);
	packet(0, 1000, 20, 20);
	return twins(&seen);
}

static void
test_options(void)
{
	static const struct {
		size_t n;
		uint8_t bytes[32];
	} rows[] = {
		{16, {9, 0, 1, 0, 9, 0, 0, 0, 9, 0, 1, 0, 6, 0, 0, 0}},
		{24, {14, 0, 8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 14, 0, 8, 0, 6}},
		{8, {9, 0, 2, 0, 9, 9, 0, 0}},
		{8, {14, 0, 4, 0, 9, 9, 0, 0}},
		{8, {0, 0, 4, 0, 1, 2, 3, 4}},
		{12, {0, 0, 0, 0, 9, 0, 1, 0, 9, 0, 0, 0}},
		{12, {2, 0, 3, 0, 'e', 't', 'h', 0, 9, 0, 200, 0}},
		{4, {2, 0, 3, 0}},
		{8, {9, 0, 1, 0, 20, 0, 0, 0}},
		{8, {9, 0, 1, 0, 0xc0, 0, 0, 0}},
	};
	struct seen seen;
	bool fine = true;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		fine = options(rows[i].bytes, rows[i].n) && fine;
	ok(fine, "options twice, of a wrong length, behind their end, cut");
	for (uint16_t major = 0; major < 4; major++)
		for (uint16_t minor = 0; minor < 4; minor++) {
			file_n = 0;
			section(major % 2, major, minor);
			iface(ETHER, 0, -1, 0);
			packet(0, 1, 2, 3);
			fine = twins(&seen) && fine;
			start(false);
			iface(ETHER, 0, -1, 0);
			section(false, major, minor);
			fine = twins(&seen) && fine;
		}
	ok(fine, "versions of sections");
}

static ssize_t
broken(void *ctx, char *to, size_t size)
{
	(void)ctx;
	(void)to;
	(void)size;
	errno = EIO;
	return -1;
}

static void
test_error(void)
{
	static uint8_t buf[PCAPNG_BUFFER];
	struct pcapng_packet p;
	struct pcapng f;
	bool fine = true;
	size_t section_n, first, behind;

	start(false);
	section_n = file_n;
	iface(ETHER, 0, -1, 0);
	first = file_n;
	packet(0, 1, 40, 40);
	behind = file_n;
	for (size_t n = 0; n <= behind; n++) {
		char text[256] = "";
		int rc;

		memcpy(buf, file, n);
		pcapng_init(&f, buf, sizeof(buf), n, broken, NULL);
		rc = pcapng_open(&f, text, sizeof(text));
		fine = (rc == 0) == (n >= section_n) && fine;
		if (rc == 0)
			rc = next_packet(&f, &p, text);
		fine = f.described == (n >= first) && fine;
		fine = (rc == PCAPNG_PACKET) == (n == behind) && fine;
		if (rc == PCAPNG_PACKET)
			rc = next_packet(&f, &p, text);
		fine = rc == -1 && strcmp(text, "error reading dump file: "
		    "Input/output error") == 0 && fine;
		pcapng_fini(&f);
	}
	ok(fine, "a file that cannot be read is not one that ends");
}

/* What libpcap refuses and we do not, or with other words. */
static bool
refuses(const char *line)
{
	static const char *const known[] = {
		"different from the type of the first interface",
		"different from the snapshot length of the first",
		"sections with different byte orders",
		"bigger than snaplen of",
		"pcapng block size",
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strstr(line, known[i]))
			return true;
	return false;
}

static void
test_changed(void)
{
	uint64_t seed = tap_seed(7);
	unsigned wrong = 0, refused = 0;
	struct seen seen, theirs;

	for (int i = 0; i < 6000; i++) {
		put_some(i % 2);
		for (int k = 0; k < 1 + i % 3; k++)
			file[tap_random(&seed) % file_n] =
			    (uint8_t)tap_random(&seed);
		by_libpcap(to_fd(file, file_n), NULL, &theirs);
		if (!refuses(theirs.error)) {
			wrong += !twins(&seen);
			continue;
		}
		refused++;
		by_source(to_fd(file, file_n), NULL, &seen);
		wrong += seen.n < theirs.n;
	}
	is_int(wrong, 0, "bytes changed at random");
	ok(refused > 0 && refused < 3000, "%u files that libpcap refuses",
	    refused);
}

int
main(void)
{
	test_blocks();
	test_times();
	test_fine_times();
	test_links();
	test_cuts();
	test_options();
	test_error();
	test_changed();
	return tap_done();
}
