/*
 * pcapng: what a file says that it lacks, by statistics of its interfaces and
 * by what stands with packets.
 */
#include "capture/pcapng.h"

#include <string.h>

#include "tests/tap.h"
#include "tests/lib/ngfile.h"

static ssize_t
read_file(void *ctx, char *to, size_t size)
{
	size_t *given = ctx;

	if (size > file_n - *given)
		size = file_n - *given;
	memcpy(to, file + *given, size);
	*given += size;
	return (ssize_t)size;
}

/* Reads `file` to its end; false when that is an error. */
static bool
lost(uint64_t *kernel, uint64_t *iface_lost)
{
	static uint8_t buf[PCAPNG_BUFFER];
	struct pcapng_packet p;
	struct pcapng f;
	size_t given = 0;
	char text[256] = "";
	int rc;

	pcapng_init(&f, buf, sizeof(buf), 0, read_file, &given);
	rc = pcapng_open(&f, text, sizeof(text));
	if (rc == 0)
		do
			rc = pcapng_next(&f, &p, text, sizeof(text));
		while (rc > 0);
	*kernel = f.lost.kernel;
	*iface_lost = f.lost.iface;
	pcapng_fini(&f);
	if (rc < 0)
		diag("%s", text);
	return rc == 0;
}

static void
is_lost(uint64_t kernel, uint64_t of_iface, const char *name)
{
	uint64_t k, i;
	bool fine = lost(&k, &i);

	ok(fine && k == kernel && i == of_iface, "%s: %llu and %llu", name,
	    (unsigned long long)k, (unsigned long long)i);
}

static void
begin_file(bool swap)
{
	start(swap);
	iface(ETHER, 0, -1, 0);
	iface(ETHER, 0, -1, 0);
}

static void
test_statistics(void)
{
	for (int swap = 0; swap < 2; swap++) {
		begin_file(swap);
		packet(0, 1, 20, 20);
		statistics(0, 5, 2);
		statistics(1, 100, 0);
		packet(0, 1, 20, 20);
		statistics(0, 12, 2);
		is_lost(2, 112, "the last statistics of each interface");
		statistics(0, 3, 2);
		is_lost(2, 115, "those that began anew");
		section(swap, 1, 0);
		iface(ETHER, 0, -1, 0);
		statistics(0, 20, 30);
		is_lost(32, 135, "another section has interfaces of its own");
	}
}

static void
test_unknown(void)
{
	begin_file(false);
	statistics(0, UINT64_MAX, 9);
	statistics(1, 4, UINT64_MAX);
	is_lost(9, 4, "all ones are no number");
	statistics(0, (UINT64_C(1) << 40) + 1, 10);
	is_lost(10, 4, "nor is more than anybody lost");
	statistics(0, UINT64_C(1) << 40, 10);
	is_lost(10, 4 + (UINT64_C(1) << 40), "what may be counts");
}

static void
test_packets(void)
{
	for (int swap = 0; swap < 2; swap++) {
		uint64_t sum = 0;

		begin_file(swap);
		for (uint32_t n = 0; n < 9; n++) {
			packet_behind(UINT64_C(1) << 4 * n, n % 2, n, n);
			sum += UINT64_C(1) << 4 * n;
		}
		is_lost(sum, 0, "before packets of any length");
		packet_behind(UINT64_MAX, 0, 1, 3);
		is_lost(sum, 0, "unknown");
	}
	begin_file(false);
	old_packet(0, 1, 20, 20);
	old_packet(1, 1, 20, 20);
	is_lost(14, 0, "before packets of the obsolete kind");
	for (size_t at = 0; at + 12 <= file_n; at++)
		if (file[at] == PB && file[at + 10] == 7)
			file[at + 10] = file[at + 11] = 0xff;
	is_lost(0, 0, "unknown to these");
}

/* Whoever tells both means the same packets. */
static void
test_both(void)
{
	begin_file(false);
	packet_behind(4, 0, 1, 20);
	packet_behind(50, 1, 1, 20);
	statistics(0, 6, 3);
	is_lost(54, 5, "statistics have what packets told, the system's first");
	packet_behind(2, 0, 1, 20);
	statistics(0, 6, 4);
	is_lost(56, 5, "and so on");
	statistics(0, 6, 6);
	is_lost(57, 5, "and on");
}

static void
cut_statistics(uint32_t number, size_t n)
{
	size_t at = begin(ISB), from = file_n;

	put(number, 4);
	put(0, 8);
	option(7, 5);
	option(5, 6);
	file_n = from + n;
	end(at);
}

/* Nothing in a block that libpcap skips is an error. */
static void
test_damage(void)
{
	static const uint8_t wrong[][16] = {
		{7, 0, 4, 0, 1, 0, 0, 0},
		{7, 0, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1},
		{0, 0, 0, 0, 7, 0, 8, 0, 1},
		{7, 0, 255, 255, 1, 0, 0, 0},
	};

	size_t at;

	for (size_t n = 0; n <= 36; n += 4) {
		begin_file(false);
		cut_statistics(0, n);
		packet(0, 1, 20, 20);
		is_lost(n >= 24 ? 5 : 0, n >= 36 ? 6 : 0,
		    "statistics of some bytes");
	}
	begin_file(false);
	cut_statistics(0, 4); /* and what looks like its options */
	at = begin(NRB);
	option(7, 5);
	end(at);
	is_lost(0, 0, "another block's bytes");
	begin_file(false);
	cut_statistics(2, 36);
	cut_statistics(UINT32_MAX, 36);
	for (size_t i = 0; i < 4; i++) {
		at = begin(ISB);
		put(0, 4);
		put(0, 8);
		memcpy(file + file_n, wrong[i], 16);
		file_n += 16;
		end(at);
		at = begin_packet(0, 1, 8, 8);
		memcpy(file + file_n, wrong[i], 16);
		file[file_n] = file[file_n] ? 4 : 0;
		file_n += 16;
		end(at);
	}
	is_lost(0, 0, "of no interface; options of a wrong length, behind the "
	    "end");
}

static void
put_comments(unsigned n)
{
	while (n-- > 0) {
		put(1, 2);
		put(UINT16_MAX, 2);
		data(UINT16_MAX, 1);
		put(0, 1);
	}
}

/* Of blocks that the buffer does not hold no options are looked at. */
static void
test_long(void)
{
	size_t at;

	begin_file(false);
	at = begin(ISB);
	put(0, 4);
	put(0, 8);
	put_comments(1);
	option(7, 5);
	end(at);
	is_lost(5, 0, "behind a long comment");
	at = begin(ISB);
	put(0, 4);
	put(0, 8);
	option(7, 9);
	put_comments(PCAPNG_BUFFER / UINT16_MAX + 1);
	end(at);
	at = begin_packet(0, 1, 20, 20);
	option(4, 9);
	put_comments(PCAPNG_BUFFER / UINT16_MAX + 1);
	end(at);
	packet_behind(1, 1, 1, 20);
	is_lost(6, 0, "not of blocks longer than the buffer");
}

int
main(void)
{
	test_statistics();
	test_unknown();
	test_packets();
	test_both();
	test_damage();
	test_long();
	return tap_done();
}
