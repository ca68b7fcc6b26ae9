/*
 * pcapng: of files that libpcap reads comes out what it gives, to the byte and
 * to the message; and files that it refuses are read: interfaces and sections
 * that differ, blocks of any length.
 */
#include "capture/pcapng.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/filetwin.h"

enum { IDB = 1, PB = 2, SPB = 3, NRB = 4, EPB = 6, SHB = 0x0a0d0d0a };
enum { ETHER = 1, RAW = 101, SLL = 113, USB = 189, NFLOG = 239 };

static uint8_t file[8 << 20];
static size_t file_n;
static bool swapped;

static void
put16(uint16_t v)
{
	if (swapped)
		v = __builtin_bswap16(v);
	memcpy(file + file_n, &v, 2);
	file_n += 2;
}

static void
put32(uint32_t v)
{
	if (swapped)
		v = __builtin_bswap32(v);
	memcpy(file + file_n, &v, 4);
	file_n += 4;
}

static size_t
begin(uint32_t type)
{
	size_t at = file_n;

	put32(type);
	put32(0);
	return at;
}

static void
end(size_t at)
{
	uint32_t n;

	while (file_n % 4)
		file[file_n++] = 0;
	n = (uint32_t)(file_n + 4 - at);
	put32(n);
	if (swapped)
		n = __builtin_bswap32(n);
	memcpy(file + at + 4, &n, 4);
}

static void
section(bool swap, uint16_t major, uint16_t minor)
{
	size_t at;

	swapped = swap;
	at = begin(SHB);
	put32(0x1a2b3c4d);
	put16(major);
	put16(minor);
	put32(UINT32_MAX);
	put32(UINT32_MAX);
	end(at);
}

/* A file of one section so far. */
static void
start(bool swap)
{
	file_n = 0;
	section(swap, 1, 0);
}

/* resolution: -1 without, offset: 0 without. */
static void
iface(uint16_t link, uint32_t snaplen, int resolution, int64_t offset)
{
	size_t at = begin(IDB);

	put16(link);
	put16(0);
	put32(snaplen);
	if (resolution >= 0) {
		put16(9);
		put16(1);
		file[file_n++] = (uint8_t)resolution;
		file_n += 3;
	}
	if (offset != 0) {
		put16(14);
		put16(8);
		/* 64 bits in the section's order */
		put32((uint32_t)(swapped ? offset >> 32 : offset));
		put32((uint32_t)(swapped ? offset : offset >> 32));
	}
	if (resolution >= 0 || offset != 0)
		put32(0);
	end(at);
}

static void
data(uint32_t n, uint32_t seed)
{
	for (uint32_t i = 0; i < n; i++)
		file[file_n++] = (uint8_t)(seed * 31 + i);
}

static void
packet(uint32_t number, uint64_t units, uint32_t caplen, uint32_t len)
{
	size_t at = begin(EPB);

	put32(number);
	put32((uint32_t)(units >> 32));
	put32((uint32_t)units);
	put32(caplen);
	put32(len);
	data(caplen, (uint32_t)units);
	end(at);
}

static void
old_packet(uint16_t number, uint64_t units, uint32_t caplen, uint32_t len)
{
	size_t at = begin(PB);

	put16(number);
	put16(7); /* drops */
	put32((uint32_t)(units >> 32));
	put32((uint32_t)units);
	put32(caplen);
	put32(len);
	data(caplen, (uint32_t)units);
	end(at);
}

static void
simple(uint32_t kept, uint32_t len)
{
	size_t at = begin(SPB);

	put32(len);
	data(kept, len);
	end(at);
}

static void
other(uint32_t type, uint32_t n)
{
	size_t at = begin(type);

	data(n, type);
	end(at);
}

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
put_some(bool swap)
{
	start(swap);
	iface(ETHER, 128, 9, 3);
	iface(ETHER, 128, -1, 0);
	for (uint32_t i = 0; i < 4; i++) {
		packet(i % 2, i * 1000, i * 20, i * 20 + 5);
		other(NRB, i * 4);
		old_packet(0, i, i * 5, 100);
		simple(i, i);
	}
	section(swap, 1, 0);
	iface(ETHER, 128, -1, 0);
	packet(0, 5, 9, 9);
}

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
	is_int(silent, 2 + 4 * 4 + 3, "and said, but for whole blocks");
}

/* An interface with these options, and a packet. */
static bool
options(const uint8_t *bytes, size_t n)
{
	struct seen seen;
	size_t at;

	start(false);
	at = begin(IDB);
	put16(ETHER);
	put16(0);
	put32(96);
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

/* ---- what libpcap refuses ------------------------------------------------ */

struct told {
	unsigned n;
	int dlt[32];
	uint32_t caplen[32], wire_len[32];
	int64_t time_s[32];
	uint8_t first[32];
	char remarks[512], error[SOURCE_ERROR_MAX];
	enum source_result end;
};

static void
tell(void *ctx, const struct source_packet *p)
{
	struct told *t = ctx;

	if (t->n == 32)
		return;
	t->dlt[t->n] = p->dlt;
	t->caplen[t->n] = p->caplen;
	t->wire_len[t->n] = p->wire_len;
	t->time_s[t->n] = p->time_s;
	t->first[t->n] = p->caplen ? p->data[0] : 0;
	t->n++;
}

static struct told
read_fd(int fd, const char *filter)
{
	struct source_file input = {fd, "f"};
	struct told t = {.n = 0};
	struct source *s;
	size_t n;

	if (source_open_files(&s, &input, 1, NULL, NULL, t.error) != 0 ||
	    (filter && source_filter_files(s, "t", filter, t.error) != 0))
		exit(99);
	do {
		const char *remark;

		t.end = source_read(s, 0, 100, tell, &t, &n);
		remark = source_remark(s);
		if (remark) {
			strncat(t.remarks, remark, sizeof(t.remarks) - 1 -
			    strlen(t.remarks));
			strncat(t.remarks, "\n", sizeof(t.remarks) - 1 -
			    strlen(t.remarks));
		}
	} while (t.end == SOURCE_OK);
	if (t.end != SOURCE_END)
		(void)snprintf(t.error, sizeof(t.error), "%s", source_error(s));
	source_close(s);
	return t;
}

static struct told
read_file(const char *filter)
{
	int fd = to_fd(file, file_n);

	lseek(fd, 0, SEEK_SET);
	return read_fd(fd, filter);
}

static void
test_ifaces_differ(void)
{
	struct told t;

	start(false);
	iface(ETHER, 65535, -1, 0);
	iface(ETHER, 262144, 9, 0);
	iface(RAW, 96, -1, 0);
	packet(0, 1000000, 60, 60);
	packet(1, UINT64_C(2000000000), 70, 1500);
	packet(2, 3000000, 40, 40);
	iface(SLL, 0, -1, 100);
	packet(3, 4000000, 50, 50);
	packet(2, 5000000, 200, 200); /* more than announced */
	simple(30, 30);
	t = read_file(NULL);
	is_int(t.end, SOURCE_END, "interfaces that differ: read to the end");
	ok(t.n == 6 && t.dlt[0] == 1 && t.dlt[1] == 1 && t.dlt[2] == 12 &&
	    t.dlt[3] == 113 && t.dlt[4] == 12 && t.dlt[5] == 1,
	    "each packet has its interface's link type");
	ok(t.time_s[0] == 1 && t.time_s[1] == 2 && t.time_s[2] == 3 &&
	    t.time_s[3] == 104 && t.time_s[4] == 5, "and time");
	ok(t.caplen[1] == 70 && t.wire_len[1] == 1500 && t.caplen[4] == 200,
	    "and lengths");
	is_str(t.remarks, "", "all of them are decoded");
	t = read_file("less 55");
	ok(t.n == 3 && t.end == SOURCE_END, "a filter has each link type's code");
}

static void
test_foreign(void)
{
	struct told t;

	start(false);
	iface(ETHER, 0, -1, 0);
	iface(USB, 0, -1, 0);
	iface(147, 0, -1, 0);
	for (uint32_t i = 0; i < 12; i++)
		packet(i % 3, i, 20, 20);
	t = read_file(NULL);
	ok(t.n == 12 && t.end == SOURCE_END, "interfaces that are not decoded");
	ok(strstr(t.remarks, "USB") && strstr(t.remarks, "147") &&
	    strchr(strchr(t.remarks, '\n') + 1, '\n')[1] == '\0',
	    "each is remarked on, once");
	t = read_file("udp");
	ok(t.end == SOURCE_CUT && strstr(t.error, "f: the filter means nothing"),
	    "a filter cannot be asked of them");
}

/* As Wireshark leaves them behind when some packets are saved. */
static void
test_unused(void)
{
	struct told t;

	start(false);
	iface(USB, 0, -1, 0);
	iface(ETHER, 0, -1, 0);
	for (uint32_t i = 0; i < 5; i++)
		packet(1, i, 20 + i, 20 + i);
	t = read_file("less 22");
	ok(t.n == 3 && t.end == SOURCE_END,
	    "no filter is asked of an interface without packets");
	is_str(t.remarks, "", "and nothing said of it");
	packet(0, 9, 20, 20);
	t = read_file("less 22");
	ok(t.n == 3 && t.end == SOURCE_CUT, "until it has one");
	start(false);
	iface(USB, 0, -1, 0);
	iface(ETHER, 0, -1, 0);
	packet(0, 9, 20, 20);
	packet(1, 9, 20, 20);
	t = read_file("less 22");
	ok(t.n == 0 && t.end == SOURCE_UNREADABLE,
	    "which, as the first, makes the file unreadable");
	file_n -= 8;
	t = read_file("less 22");
	is_int(t.end, SOURCE_UNREADABLE, "whatever follows");
	start(false);
	iface(ETHER, 0, -1, 0);
	put32(EPB);
	t = read_file("less 22");
	is_int(t.end, SOURCE_CUT, "but one that ends before the first is cut");
}

static bool
count_looks(void *ctx)
{
	++*(unsigned *)ctx;
	return false;
}

static void
test_foreign_span(void)
{
	struct source_file input = {-1, "f"};
	char error[SOURCE_ERROR_MAX];
	int64_t first_s, last_s;
	unsigned looks = 0;
	struct source *s;
	bool any;

	start(false);
	iface(USB, 0, -1, 0);
	for (uint32_t i = 0; i < 1000; i++)
		packet(0, i * 1000000, 20, 20);
	input.fd = to_fd(file, file_n);
	lseek(input.fd, 0, SEEK_SET);
	if (source_open_files(&s, &input, 1, NULL, NULL, error) != 0)
		exit(99);
	ok(source_time_span(s, &first_s, &last_s, &any, count_looks,
	    &looks) == 0 && any && first_s == 0 && last_s == 999,
	    "the span of packets that are not decoded");
	ok(looks < 4, "does not ask at each of them: %u", looks);
	source_close(s);
}

static void
test_sections_differ(void)
{
	struct told t;

	start(false);
	iface(ETHER, 96, -1, 0);
	packet(0, 1000000, 20, 20);
	section(true, 1, 0);
	iface(RAW, 0, 9, 0);
	packet(0, UINT64_C(2000000000), 21, 21);
	simple(22, 22);
	section(false, 1, 2);
	packet(0, 3000000, 23, 23);
	t = read_file(NULL);
	ok(t.n == 3 && t.dlt[0] == 1 && t.dlt[1] == 12 && t.caplen[1] == 21 &&
	    t.time_s[1] == 2 && t.caplen[2] == 22,
	    "sections of either byte order");
	ok(t.end == SOURCE_CUT && strstr(t.error, "packet arrived on interface "
	    "0, but there's no"), "a section has interfaces of its own");
	start(true);
	section(false, 1, 0);
	iface(ETHER, 0, -1, 0);
	packet(0, 0, 9, 9);
	t = read_file(NULL);
	ok(t.n == 1 && t.end == SOURCE_END, "the first may be empty");
	start(true);
	section(false, 2, 0);
	iface(ETHER, 0, -1, 0);
	t = read_file(NULL);
	ok(t.n == 0 && t.end == SOURCE_UNREADABLE &&
	    strstr(t.error, "unknown pcapng savefile major version number 2"),
	    "but none of another version");
}

/* Simple packets have the bytes that their own section's first interface
 * keeps. */
static void
test_simple(void)
{
	struct told t;

	start(false);
	iface(ETHER, 262144, -1, 0);
	iface(ETHER, 10, -1, 0);
	simple(40, 40);
	section(false, 1, 0);
	iface(ETHER, 64, -1, 0);
	simple(64, 1500);
	simple(60, 60);
	t = read_file(NULL);
	ok(t.n == 3 && t.end == SOURCE_END && t.caplen[0] == 40 &&
	    t.caplen[1] == 64 && t.wire_len[1] == 1500 && t.caplen[2] == 60,
	    "simple packets are as long as their own section says");
}

static void
test_long_blocks(void)
{
	struct told t;
	size_t at;

	start(false);
	other(NRB, 3 << 20);
	iface(ETHER, 0, -1, 0);
	for (uint32_t n = (1 << 20) - 40; n < (1 << 20) + 16; n += 4) {
		file_n = 28; /* behind the section */
		other(NRB, n);
		iface(ETHER, 0, -1, 0);
		packet(0, 7000000, 33, 44);
		at = file_n;
		other(NRB, n);
		packet(0, 8000000, 34, 45);
		t = read_file(NULL);
		if (t.n != 2 || t.end != SOURCE_END || t.caplen[1] != 34 ||
		    t.first[1] != (uint8_t)(8000000u * 31))
			break;
		file[at + n + 8] ^= 1; /* its trailer */
		t = read_file(NULL);
		if (t.n != 1 || t.end != SOURCE_CUT ||
		    !strstr(t.error, "don't match"))
			break;
		file_n = at + n;
		t = read_file(NULL);
		if (t.n != 1 || t.end != SOURCE_CUT ||
		    !strstr(t.error, "truncated"))
			break;
		t.n = 99;
	}
	is_int(t.n, 99, "blocks longer than the buffer are passed, and found "
	    "damaged or cut");
	start(false);
	iface(USB, 0, -1, 0);
	packet(0, 1000000, 3 << 20, 4 << 20);
	packet(0, 2000000, 262145, 262145);
	packet(0, 3000000, 60, 60);
	t = read_file(NULL);
	ok(t.n == 3 && t.end == SOURCE_END && t.caplen[0] == 262144 &&
	    t.wire_len[0] == 4 << 20 && t.caplen[1] == 262144 &&
	    t.caplen[2] == 60, "a packet of megabytes is handed out cut");
	start(false);
	iface(ETHER, 0, -1, 0);
	at = begin(IDB);
	put32(ETHER);
	put32(0);
	data(2 << 20, 0);
	end(at);
	t = read_file(NULL);
	ok(t.end == SOURCE_CUT && strstr(t.error, "pcapng block size"),
	    "an interface's description of megabytes is none");
}

/* ---- how long a look takes ----------------------------------------------- */

struct turns {
	unsigned n, packets;
	uint64_t bytes; /* of the longest */
	enum source_result end;
};

static void
count_packet(void *ctx, const struct source_packet *p)
{
	(void)p;
	++*(unsigned *)ctx;
}

static struct turns
count_turns(int fd, unsigned max)
{
	struct source_file input = {fd, "f"};
	char error[SOURCE_ERROR_MAX];
	struct turns t = {.n = 0};
	uint64_t before, done = 0, total;
	struct source *s;
	size_t n;

	lseek(fd, 0, SEEK_SET);
	if (source_open_files(&s, &input, 1, NULL, NULL, error) != 0)
		exit(99);
	do {
		before = done;
		t.end = source_read(s, 0, max, count_packet, &t.packets, &n);
		source_progress(s, &done, &total);
		if (done - before > t.bytes)
			t.bytes = done - before;
		t.n++;
	} while (t.end == SOURCE_OK);
	source_close(s);
	return t;
}

static void
interface_and_packet(void)
{
	iface(ETHER, 0, -1, 0);
	packet(0, 7, 20, 20);
}

static void
test_many_blocks(void)
{
	struct turns t;

	start(false);
	for (int i = 0; i < 2000; i++)
		other(0xbad, 0);
	interface_and_packet();
	t = count_turns(to_fd(file, file_n), 100);
	ok(t.end == SOURCE_END && t.packets == 1 && t.n >= 20,
	    "2000 blocks before the first interface: %u looks", t.n);
	start(false);
	interface_and_packet();
	for (int i = 0; i < 2000; i++)
		other(0xbad, 0);
	packet(0, 7, 20, 20);
	t = count_turns(to_fd(file, file_n), 100);
	ok(t.end == SOURCE_END && t.packets == 2 && t.n >= 20,
	    "and before the next packet: %u", t.n);
	start(false);
	for (int i = 0; i < 2000; i++)
		section(i % 2, 1, 0);
	interface_and_packet();
	t = count_turns(to_fd(file, file_n), 100);
	ok(t.end == SOURCE_END && t.packets == 1 && t.n >= 20,
	    "2000 sections: %u", t.n);
}

/* Blocks of zeros behind what is in fd, which has holes for them. */
static void
put_long(int fd, unsigned n, uint32_t type, uint32_t total)
{
	off_t at = lseek(fd, 0, SEEK_END);

	for (; n > 0; n--, at += total) {
		const uint32_t head[] = {type, total, 0, 0, 0, 60, 60};

		if (pwrite(fd, head, sizeof(head), at) != sizeof(head) ||
		    pwrite(fd, &total, 4, at + total - 4) != 4)
			exit(99);
	}
}

static void
test_much(void)
{
	enum { HUNDRED_MB = 100 << 20, TURN_MOST = 20 << 20 };
	struct turns t;
	int fd;

	start(false);
	fd = to_fd(file, file_n);
	put_long(fd, 2, NRB, HUNDRED_MB);
	t = count_turns(fd, 4096);
	ok(t.end == SOURCE_UNREADABLE && t.bytes < TURN_MOST,
	    "a look at blocks of 100 MB takes %u kB", (unsigned)(t.bytes >> 10));
	start(false);
	interface_and_packet();
	fd = to_fd(file, file_n);
	put_long(fd, 2, NRB, HUNDRED_MB);
	put_long(fd, 1, EPB, HUNDRED_MB);
	t = count_turns(fd, 4096);
	ok(t.end == SOURCE_END && t.packets == 2 && t.bytes < TURN_MOST,
	    "behind the first packet, too: %u", (unsigned)(t.bytes >> 10));
	fd = to_fd(file, file_n);
	put_long(fd, 100, EPB, 1 << 20);
	t = count_turns(fd, 4096);
	ok(t.end == SOURCE_END && t.packets == 101 && t.bytes < TURN_MOST,
	    "and many of 1 MB: %u", (unsigned)(t.bytes >> 10));
	(void)to_fd(file, 0);
}

static void
test_many_ifaces(void)
{
	struct told t;

	start(false);
	for (int i = 0; i < 65536; i++)
		iface(i == 65535 ? RAW : ETHER, 0, -1, 0);
	packet(65535, 0, 20, 20);
	t = read_file(NULL);
	ok(t.n == 1 && t.dlt[0] == 12 && t.end == SOURCE_END,
	    "65536 interfaces");
	iface(ETHER, 0, -1, 0);
	packet(0, 0, 20, 20);
	t = read_file(NULL);
	ok(t.n == 1 && t.end == SOURCE_CUT && strstr(t.error, "more than 65536"),
	    "and not one more");
}

static void *
feed(void *arg)
{
	int fd = *(int *)arg;

	for (size_t i = 0; i < file_n; i++)
		if (write(fd, file + i, 1) != 1)
			break;
	close(fd);
	return NULL;
}

static void
test_pipe(void)
{
	struct told whole, bytes;
	pthread_t thread;
	int fd[2];

	put_some(true);
	whole = read_file(NULL);
	if (pipe(fd) != 0 || pthread_create(&thread, NULL, feed, &fd[1]) != 0)
		exit(99);
	bytes = read_fd(fd[0], NULL);
	pthread_join(thread, NULL);
	close(fd[0]);
	ok(whole.n == 13 && memcmp(&whole, &bytes, sizeof(whole)) == 0,
	    "byte by byte out of a pipe");
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
	test_ifaces_differ();
	test_foreign();
	test_unused();
	test_foreign_span();
	test_sections_differ();
	test_simple();
	test_long_blocks();
	test_many_blocks();
	test_much();
	test_many_ifaces();
	test_pipe();
	test_changed();
	return tap_done();
}
