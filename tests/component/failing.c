/*
 * A real writer some of whose files cannot be written, or that has no
 * descriptor left: it goes on with the rest, takes no time over it, and at its
 * end says what was not stored.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tests/lib/fakecapture.h"
#include "tests/tap.h"

#define SOON_MS  20000
#define QUIET_MS 1500
#define FILES    32 /* fakecapture passes descriptors from 20 on */
#define CROWD    20 /* of connections */

static struct fake_writer writer;
static char program[512];

static void
make_root_folder(const char *name)
{
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/%s", writer.store, name);
	if (mkdir(path, 0755) < 0)
		exit(1);
}

static bool
has_block(const char *iface)
{
	char command[256];

	(void)snprintf(command, sizeof(command),
	    "ls %s/%s/*-*/blocks.idx >/dev/null 2>&1", writer.store, iface);
	return system(command) == 0;
}

static bool
is_stored(const char *iface)
{
	for (int i = 0; i < SOON_MS / 50; i++) {
		if (has_block(iface))
			return true;
		(void)poll(NULL, 0, 50);
	}
	return false;
}

static void
test_journal(void)
{
	struct fake_capture a, b, c;
	int status;

	if (!ok(fake_writer_start(&writer, program), "%s starts", program))
		exit(1);
	if (fake_capture_open(&a, &writer, "aa0") < 0 ||
	    fake_capture_open(&b, &writer, "bb0") < 0 ||
	    fake_capture_open(&c, &writer, "cc0") < 0)
		exit(1);
	/* somebody's, in the place of the writer's */
	make_root_folder("aa0");
	make_root_folder("cc0");
	is_int(fake_tell(&a, QUIET_MS), -ETIMEDOUT,
	    "what cannot be journalled is not acknowledged");
	ok(strstr(writer.status, "the store cannot be written: ") != NULL,
	    "the supervisor is told: %s", writer.status);
	for (int i = 0; i < 50; i++)
		if (fake_tell(&b, SOON_MS) < 0)
			break;
	is_int((int64_t)b.packets, 50, "what can be is");
	ok(b.longest_ns < 900 * INT64_C(1000000),
	    "without waiting for the other: %d ms at most",
	    (int)(b.longest_ns / 1000000));
	fake_capture_close(&b);
	ok(is_stored("bb0"), "and is stored");
	fake_capture_close(&a);
	(void)fake_tell(&c, 200);
	status = fake_writer_stop(&writer);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 1,
	    "at its end the writer does not say that all is stored: %x",
	    (unsigned)status);
	is_int((int64_t)fake_writer_said(&writer,
		   "frames were not stored iface=aa0"), 1,
	    "and names the interface");
	is_int((int64_t)fake_writer_said(&writer,
		   "frames were not stored iface=cc0"), 1,
	    "as well as one whose capture goes on");
	fake_capture_close(&c);
	fake_writer_clean(&writer);
}

static void
test_block(void)
{
	char name[32], day[11];
	struct fake_capture a;
	int status;

	ok(fake_writer_start(&writer, program), "a writer");
	if (fake_capture_open(&a, &writer, "aa0") < 0 ||
	    fake_tell(&a, SOON_MS) < 0)
		exit(1);
	gp_clock_day_format(gp_clock_real_ns() / GP_NS_PER_S, day);
	(void)snprintf(name, sizeof(name), "aa0/%s", day);
	make_root_folder(name);
	fake_capture_close(&a);
	(void)poll(NULL, 0, 300);
	status = fake_writer_stop(&writer);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 1,
	    "a block that is not written is no good end: %x", (unsigned)status);
	is_int((int64_t)fake_writer_said(&writer, "not everything could be "
		   "stored: Permission denied"), 1, "which it says");
	fake_writer_clean(&writer);
}

/* What captures have sent by then is taken before the end, however much it is;
 * their block is written, unless they go on. */
static void
test_stopped(void)
{
	_Alignas(8) uint8_t buf[512];
	struct fake_capture a;
	int rc, status;

	ok(fake_writer_start(&writer, program), "a writer");
	if (fake_capture_open(&a, &writer, "aa0") < 0)
		exit(1);
	(void)kill(writer.pid, SIGSTOP);
	for (int i = 0; i < 100; i++) {
		size_t len = fake_frame(&a, buf);

		frame_seal(buf);
		fake_publish(&a, buf, len);
	}
	fake_say_last(&a);
	(void)kill(writer.pid, SIGTERM);
	(void)kill(writer.pid, SIGCONT);
	status = fake_writer_stop(&writer);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "it ends in order");
	rc = fake_acknowledged(&a, SOON_MS);
	if (rc == -ECONNRESET) /* it has not read each doorbell */
		rc = fake_acknowledged(&a, SOON_MS);
	is_int(rc, 0, "when it has all");
	ok(has_block("aa0"), "and has stored it");
	fake_capture_close(&a);
	fake_writer_clean(&writer);

	ok(fake_writer_start(&writer, program), "a writer");
	if (fake_capture_open(&a, &writer, "aa0") < 0 ||
	    fake_tell(&a, SOON_MS) < 0)
		exit(1);
	status = fake_writer_stop(&writer);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "it ends in order");
	ok(!has_block("aa0"), "the block of a capture that goes on stays open");
	fake_capture_close(&a);
	fake_writer_clean(&writer);
}

/* Ticks of a hundredth of a second that it has run. */
static long
ticks(void)
{
	char path[64];
	unsigned long user = 0, kernel = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)writer.pid);
	f = fopen(path, "r");
	if (f == NULL || fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u "
				   "%*u %*u %*u %lu %lu", &user, &kernel) != 2)
		user = 100000;
	if (f)
		(void)fclose(f);
	return (long)(user + kernel);
}

/* A process of its own with as many connections, until it is killed: ours may
 * not have more descriptors than the writer. */
static pid_t
start_crowd(void)
{
	int ready[2];
	pid_t pid;
	char byte;

	if (pipe(ready) < 0 || (pid = fork()) < 0)
		exit(1);
	if (pid == 0) {
		for (int i = 0; i < CROWD; i++)
			(void)fake_connect(&writer);
		(void)close(ready[0]);
		(void)close(ready[1]);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	(void)!read(ready[0], &byte, 1);
	(void)close(ready[0]);
	return pid;
}

/* The last one: the limit stays. */
static void
test_descriptors(void)
{
	struct rlimit few = {FILES, FILES};
	struct fake_capture a;
	pid_t crowd[2];
	int status;
	long run;

	(void)setrlimit(RLIMIT_NOFILE, &few);
	ok(fake_writer_start(&writer, program), "a writer with %d descriptors",
	    FILES);
	for (int i = 0; i < 2; i++)
		crowd[i] = start_crowd();
	(void)poll(NULL, 0, 200);
	run = ticks();
	(void)poll(NULL, 0, 2000);
	run = ticks() - run;
	ok(run < 40, "connections that it cannot accept cost it %ld ms of 2 s",
	    run * 1000 / sysconf(_SC_CLK_TCK));
	is_int((int64_t)fake_writer_said(&writer, "capture cannot be accepted "
		   "error=\"Too many open files\""), 1, "it says so");
	for (int i = 0; i < 2; i++) {
		(void)kill(crowd[i], SIGKILL);
		(void)waitpid(crowd[i], NULL, 0);
	}
	is_int(fake_capture_open(&a, &writer, "aa0"), 0,
	    "then there is room again");
	is_int(fake_tell(&a, SOON_MS), 0, "and frames are taken");
	(void)poll(NULL, 0, 200);
	is_str(writer.status, "storing from 1 ring", "which is told");
	fake_capture_close(&a);
	ok(is_stored("aa0"), "and stored");
	status = fake_writer_stop(&writer);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "it ends in order");
	fake_writer_clean(&writer);
}

int
main(int argc, char **argv)
{
	(void)argc;
	(void)signal(SIGPIPE, SIG_IGN);
	if (geteuid() != 0)
		skip_all("only root may connect");
	/* programs lie beside the tests of their build */
	(void)snprintf(program, sizeof(program), "%.400s", argv[0]);
	for (int i = 0; i < 3; i++) {
		char *slash = strrchr(program, '/');

		*(slash ? slash : program) = '\0';
	}
	strcat(program, "/bin/goprobe-writer");
	test_journal();
	test_block();
	test_stopped();
	test_descriptors();
	return tap_done();
}
