/*
 * A real writer with 500 interfaces: it stays within the memory that
 * goprobe-writer(8) states, and stores every row; and it may open as many files
 * as the most interfaces take that it accepts.
 */
#include "tests/lib/fakecapture.h"

#include "tests/tap.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define IFACES 500
#define MOST   1024 /* peers.h */
#define BLOCKS 3    /* open: one that ends, the next, one that a clock left */
#define FRAMES 2
#define ROWS   1500 /* in a frame */

/* goprobe-writer(8): of the process, of an interface, of a row; KiB, bytes */
#define BASE_KIB  4096
#define IFACE_KIB 8
#define ROW_BYTES 32

static struct fake_writer writer;
static struct fake_capture capture[IFACES];
static uint64_t frame[FRAME_MAX_BYTES / 8];

/* The number behind a word in a file of the writer's /proc. */
static long
said_of_writer(const char *file, const char *word)
{
	char path[64], line[128];
	long n = -1;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)writer.pid,
	    file);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, word, strlen(word)) == 0)
			n = strtol(line + strlen(word), NULL, 10);
	if (f)
		(void)fclose(f);
	return n;
}

/* Memory of its own: what it maps of the rings is the captures'. */
static long
memory_kib(void)
{
	return said_of_writer("status", "RssAnon:");
}

static long
descriptors(void)
{
	char path[64];
	long n = 0;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)writer.pid);
	dir = opendir(path);
	while (dir && readdir(dir))
		n++;
	if (dir)
		(void)closedir(dir);
	return n;
}

/* From what interfaces with a block each took. */
static void
check_descriptors(long before)
{
	long each = (descriptors() - before) / IFACES;
	long most = before + MOST * (each + BLOCKS - 1);
	long may_be = said_of_writer("limits", "Max open files");

	ok(each >= 3 && most <= may_be,
	    "%d interfaces with %d blocks each have %ld files open, %ld may be",
	    MOST, BLOCKS, most, may_be);
}

/* Keys of their own, so that none are summed. */
static int
tell_rows(struct fake_capture *c, uint32_t first)
{
	struct frame_header *h = (void *)frame;
	struct frame_row4 *row;
	size_t len = frame_bytes(1, ROWS, 0);

	(void)fake_frame(c, frame);
	row = (void *)((char *)frame + frame_bytes(1, 0, 0));
	for (uint32_t i = 1; i < ROWS; i++)
		row[i] = row[0];
	for (uint32_t i = 0; i < ROWS; i++) {
		uint32_t n = first + i;

		memcpy(row[i].dip, &n, sizeof(n));
	}
	h->n4 = ROWS;
	h->bytes = (uint32_t)len;
	h->counters.seen = ROWS;
	h->counters.seen_bytes = ROWS * 100;
	frame_seal(frame);
	fake_publish(c, frame, len);
	return fake_acknowledged(c, 20000);
}

/* Blocks that are not finished. */
static size_t
journals(void)
{
	size_t n = 0;

	for (int i = 0; i < IFACES; i++) {
		char path[160];
		const struct dirent *e;
		DIR *dir;

		(void)snprintf(path, sizeof(path), "%s/if%d/journal",
		    writer.store, i);
		dir = opendir(path);
		while (dir && (e = readdir(dir)) != NULL)
			n += e->d_name[0] != '.';
		if (dir)
			(void)closedir(dir);
	}
	return n;
}

static long
peak_until_stored(void)
{
	long peak = 0;

	for (int i = 0; i < 6000 && fake_writer_lives(&writer); i++) {
		long now = memory_kib();

		peak = now > peak ? now : peak;
		if (i % 20 == 19 && journals() == 0)
			break;
		(void)poll(NULL, 0, 5);
	}
	return peak;
}

static uint64_t
stored_rows(const char *goquery)
{
	char command[1200];
	unsigned long long n = 0;
	FILE *f;

	(void)snprintf(command, sizeof(command), "%s -d %s --list -e csv | "
	    "awk -F, 'NR > 1 { s += $6 } END { print s }'", goquery,
	    writer.store);
	f = popen(command, "r");
	if (f == NULL || fscanf(f, "%llu", &n) != 1)
		n = 0;
	if (f)
		(void)pclose(f);
	return n;
}

int
main(int argc, char **argv)
{
	struct rlimit files = {8192, 8192};
	char program[512], goquery[512], *end;
	int bad = 0, status;
	long base, idle, full, peak, files_before;

	(void)argc;
	(void)signal(SIGPIPE, SIG_IGN);
#ifdef __SANITIZE_ADDRESS__
	puts("1..0 # SKIP a sanitizer takes memory of its own");
	return 0;
#endif
	if (geteuid() != 0 || setrlimit(RLIMIT_NOFILE, &files) < 0) {
		puts("1..0 # SKIP needs root");
		return 0;
	}
	/* programs lie beside the tests of their build */
	(void)snprintf(program, sizeof(program), "%s", argv[0]);
	for (int i = 0; i < 3; i++) {
		end = strrchr(program, '/');
		*(end ? end : program) = '\0';
	}
	(void)snprintf(goquery, sizeof(goquery), "%.400s/bin/goquery", program);
	strcat(program, "/bin/goprobe-writer");
	if (!ok(fake_writer_start(&writer, program), "%s starts", program))
		return 1;
	base = memory_kib();
	files_before = descriptors();
	for (int i = 0; i < IFACES; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "if%d", i);
		bad += fake_capture_open(&capture[i], &writer, name) != 0;
		bad += fake_tell(&capture[i], 20000) != 0;
	}
	is_int(bad, 0, "%d captures, one row of each", IFACES);
	idle = memory_kib();
	check_descriptors(files_before);
	for (int k = 0; k < FRAMES; k++)
		for (int i = 0; i < IFACES; i++)
			bad += tell_rows(&capture[i],
			    (uint32_t)(1 + k * ROWS)) != 0;
	is_int(bad, 0, "%d rows of each", FRAMES * ROWS);
	full = memory_kib();
	for (int i = 0; i < IFACES; i++)
		fake_capture_close(&capture[i]);
	peak = peak_until_stored();
	diag("KiB: at the start %ld, with %d interfaces %ld, with %d rows of "
	    "each %ld, while they are written %ld", base, IFACES, idle,
	    FRAMES * ROWS, full, peak);
	ok(base <= BASE_KIB, "at the start no more than %d KiB", BASE_KIB);
	ok(idle - base <= IFACES * IFACE_KIB,
	    "an interface takes no more than %d KiB", IFACE_KIB);
	ok(full - idle <= IFACES * FRAMES * ROWS / 1024 * ROW_BYTES * 3 / 2,
	    "a row some %d bytes", ROW_BYTES);
	ok(peak - full <= BASE_KIB, "writing no more than %d KiB", BASE_KIB);
	is_int(stored_rows(goquery), (int64_t)IFACES * (FRAMES * ROWS + 1),
	    "every row is stored");
	status = fake_writer_stop(&writer);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "it ends in order");
	fake_writer_clean(&writer);
	return tap_done();
}
