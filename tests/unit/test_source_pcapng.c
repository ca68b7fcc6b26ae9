/*
 * pcapng files through a source: those that libpcap refuses, of interfaces and
 * sections that differ and blocks of any length; filters and remarks for each
 * link type; and looks that come back soon, whatever the file is made of.
 */
#include "capture/pcapng.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/filetwin.h"
#include "tests/lib/ngfile.h"

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

/* What only the kernel knows of a packet is in no file; cooked ones have its
 * direction. */
static void
test_kernels(void)
{
	static const char *const text[] = {"inbound", "not outbound",
		"tcp or inbound", "ifindex 3"};
	struct told t;

	start(false);
	iface(ETHER, 0, -1, 0);
	packet(0, 1, 60, 60);
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		t = read_file(text[i]);
		ok(t.end == SOURCE_UNREADABLE &&
		    strstr(t.error, "f: the filter means nothing"),
		    "\"%s\": no question to a file", text[i]);
	}
	start(false);
	iface(SLL, 0, -1, 0);
	packet(0, 1, 60, 60);
	t = read_file("inbound");
	ok(t.n == 1 && t.end == SOURCE_END, "a cooked one answers");
}

/* `file` as two files, for the caller to close. */
static struct source *
open_twice(struct source_file input[2])
{
	char error[SOURCE_ERROR_MAX], name[64];
	struct source *s;

	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d",
	    to_fd(file, file_n));
	for (int i = 0; i < 2; i++)
		input[i].fd = open(name, O_RDONLY | O_CLOEXEC);
	if (source_open_files(&s, input, 2, NULL, NULL, error) != 0)
		exit(99);
	return s;
}

/* The remark is on a file, not on the link type. */
static void
test_foreign_again(void)
{
	struct source_file input[2] = {{-1, "first"}, {-1, "second"}};
	enum source_result r;
	struct source *s;
	struct told t = {.n = 0};
	unsigned remarks = 0;
	size_t n;

	start(false);
	iface(USB, 0, -1, 0);
	packet(0, 1, 20, 20);
	s = open_twice(input);
	do {
		r = source_read(s, 0, 100, tell, &t, &n);
		remarks += source_remark(s) != NULL;
	} while (r == SOURCE_OK || r == SOURCE_NEXT);
	ok(r == SOURCE_END && t.n == 2 && remarks == 2,
	    "two files of them: a remark on each");
	source_close(s);
	for (int i = 0; i < 2; i++)
		close(input[i].fd);
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
	put(EPB, 4);
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
	put(ETHER, 4);
	put(0, 4);
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
	ok(whole.n == 14 && memcmp(&whole, &bytes, sizeof(whole)) == 0,
	    "byte by byte out of a pipe");
}

/* ---- what was lost ------------------------------------------------------- */

/* What was read and lost when source_read() came back: "2+0+0" are packets,
 * and drops of kernel and interface. */
static void
read_losses(struct source *s, char *text, size_t size)
{
	enum source_result end;
	size_t at = 0;

	do {
		struct told t = {.n = 0};
		struct source_stats st;
		size_t n;

		end = source_read(s, 0, 100, tell, &t, &n);
		source_stats(s, &st);
		at += (size_t)snprintf(text + at, size - at, "%u+%llu+%llu ",
		    t.n, (unsigned long long)st.kernel_drops,
		    (unsigned long long)st.iface_drops);
	} while (end == SOURCE_OK || end == SOURCE_NEXT);
}

/* Reading comes back at each place, so that a loss is put where it was. */
static void
test_losses(void)
{
	struct source_file input[2] = {{-1, "first"}, {-1, "second"}};
	char text[256];
	int64_t first, last;
	struct source *s;
	bool any;

	start(false);
	iface(ETHER, 0, -1, 0);
	packet(0, 1000000, 20, 20);
	packet(0, 2000000, 20, 20);
	packet_behind(3, 0, 3000000, 20);
	packet(0, 4000000, 20, 20);
	statistics(0, 7, 4);
	packet(0, 5000000, 20, 20);
	statistics(0, 7, 6);
	s = open_twice(input);
	is_int(source_time_span(s, &first, &last, &any, NULL, NULL), 0,
	    "a look at the times");
	read_losses(s, text, sizeof(text));
	is_str(text, "3+3+0 1+4+7 1+6+7 0+6+7 "
	    "3+9+7 1+10+14 1+12+14 0+12+14 ",
	    "and then losses, told where they are, of either file");
	source_close(s);
	close(input[0].fd);
	close(input[1].fd);
}

int
main(void)
{
	test_ifaces_differ();
	test_foreign();
	test_kernels();
	test_foreign_again();
	test_unused();
	test_foreign_span();
	test_sections_differ();
	test_simple();
	test_long_blocks();
	test_many_blocks();
	test_much();
	test_many_ifaces();
	test_pipe();
	test_losses();
	return tap_done();
}
