/*
 * The writer's loop as a whole, a capture beside it: what it takes up, what
 * ends it, what is stored when it has ended, and what it says of what is not.
 */
#include "writer/loop.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "common/base/clock.h"
#include "tests/lib/fakecapture.h"
#include "tests/lib/storetest.h"

#define SOON_MS 20000

/* Of the capture, which is a child. */
static struct {
	int sync_error; /* of these, which are in the place of libc's */
	int told;       /* frames that were acknowledged */
} *shared;

int
fdatasync(int fd)
{
	(void)fd;
	errno = shared->sync_error;
	return errno ? -1 : 0;
}

int
fsync(int fd)
{
	return fdatasync(fd);
}

static char root[64], store_path[80];
static struct fake_writer place; /* where captures find the loop */
static struct inherited in;
static int signals; /* the other end of the loop's */

static int
listen_at(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(fd, 8) < 0)
		abort();
	return fd;
}

/* The clock ends blocks, too: not while a test goes on. */
static void
await_block(void)
{
	while (gp_clock_real_ns() / GP_NS_PER_S % 300 >= 290)
		(void)poll(NULL, 0, 100);
}

/* All that a writer of systemd's has. */
static void
begin(void)
{
	int pair[2];

	await_block();
	folder_remove(store_path);
	(void)unlink(place.socket);
	if (mkdir(store_path, 0700) < 0 ||
	    pipe2(pair, O_CLOEXEC | O_NONBLOCK) < 0)
		abort();
	signals = pair[1];
	in = (struct inherited){.status = -1, .metrics = -1, .offline = -1,
	    .alive = -1, .notify = -1, .signals = pair[0]};
	in.listen = listen_at(place.socket);
	in.store = open(store_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void
end(void)
{
	(void)close(in.listen);
	(void)close(in.store);
	(void)close(in.signals);
	(void)close(in.alive);
	(void)close(signals);
}

static void
signal_loop(int signo)
{
	struct signalfd_siginfo info = {.ssi_signo = (uint32_t)signo};

	if (write(signals, &info, sizeof(info)) != sizeof(info))
		abort();
}

static struct loop *
make_loop(struct godb_writer *store, const struct gp_conf *conf)
{
	struct loop *l;

	is_int(loop_new(&in, store, conf, store_path, 0, &l), 0, "a loop");
	return l;
}

/* Of an interface: files of a kind, "STAR/blocks.idx" or "journal/STAR". */
static bool
has(const char *iface, const char *what)
{
	char command[256];

	snprintf(command, sizeof(command), "ls %s/%s/%s >/dev/null 2>&1",
	    store_path, iface, what);
	return system(command) == 0;
}

static int
open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}

/* ---- a capture, in a child ------------------------------------------------ */

enum leaves { STAYS, SAYS_LAST, LEAVES, HANGS_UP };

/* Another one connects and never says a word. */
static _Noreturn void
capture(enum leaves how, int sync)
{
	struct fake_capture c;
	int mute = fake_connect(&place);

	if (mute >= 0 && fake_capture_open(&c, &place, "eth0") == 0 &&
	    fake_tell(&c, SOON_MS) == 0)
		shared->told++;
	signal_loop(SIGHUP); /* stops nobody */
	if (shared->told == 1 && fake_tell(&c, SOON_MS) == 0)
		shared->told++;
	shared->sync_error = sync;
	if (how == SAYS_LAST || how == LEAVES)
		fake_say_last(&c);
	if (how == LEAVES || how == HANGS_UP)
		fake_capture_close(&c);
	signal_loop(SIGTERM);
	(void)pause();
	_exit(0);
}

static pid_t
start_capture(enum leaves how, int sync)
{
	pid_t pid = fork();

	if (pid < 0)
		abort();
	if (pid == 0)
		capture(how, sync);
	return pid;
}

static void
end_capture(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	shared->sync_error = shared->told = 0;
}

static void
test_stop(void)
{
	static const struct {
		const char *name;
		enum leaves how;
		int sync;
		int rc;
		bool block, journal;
	} cases[] = {
	    {"a capture goes on", STAYS, 0, 0, false, true},
	    {"and what it sent is not durable", STAYS, EIO, -EIO, false, true},
	    {"it has said its last", SAYS_LAST, 0, 0, true, false},
	    {"and left", LEAVES, 0, 0, true, false},
	    {"it was lost", HANGS_UP, 0, 0, true, false},
	    {"and nothing can be made durable", SAYS_LAST, EIO, -EIO, false,
		true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct gp_conf *conf = gp_conf_new();
		struct godb_writer *store;
		struct loop *l;
		int files;
		pid_t pid;

		begin();
		conf->writer.sync_interval = 1;
		files = open_files();
		if (store_open(store_path, &store) < 0)
			abort();
		l = make_loop(store, conf);
		pid = start_capture(cases[i].how, cases[i].sync);
		is_int(loop_run(l), cases[i].rc, "told to stop: %s",
		    cases[i].name);
		is_int(shared->told, 2, "  its frames were taken");
		ok(has("eth0", "*/blocks.idx") == cases[i].block &&
			has("eth0", "journal/*") == cases[i].journal,
		    "  %s block, %s journal", cases[i].block ? "its" : "no",
		    cases[i].journal ? "its" : "no");
		end_capture(pid);
		loop_free(l);
		godb_writer_close(store);
		is_int(open_files(), files, "  nothing is left open");
		gp_conf_free(conf);
		end();
	}
}

/* Nobody will go on with what a writer before this one had, live. */
static void
test_forsaken(void)
{
	static struct testbatch t;
	int64_t slot_s = gp_clock_real_ns() / GP_NS_PER_S / 300 * 300;
	uint64_t seed = tap_seed(20261202);

	for (int live = 0; live < 2; live++) {
		struct gp_conf *conf = gp_conf_new();
		struct godb_writer *store;
		struct loop *l;

		begin();
		if (store_open(store_path, &store) < 0)
			abort();
		batch_make(&t, &seed, "old0", slot_s, 1, 1, 5, 5);
		t.b.flags &= ~(uint32_t)GODB_PART_OFFLINE;
		if (godb_writer_append(store, &t.b) != 0)
			abort();
		if (!live) {
			(void)close(in.listen);
			in.listen = -1;
		}
		l = make_loop(store, conf);
		is_int(has("old0", "*/blocks.idx"), live,
		    "a block that lost its capture is%s stored when a %s "
		    "begins", live ? "" : " not", live ? "sensor" : "replay");
		loop_free(l);
		godb_writer_close(store);
		gp_conf_free(conf);
		end();
	}
}

/* A launcher that died, and no capture is left: the writer's end, too. */
static void
test_orphaned(void)
{
	struct gp_conf *conf = gp_conf_new();
	struct godb_writer *store;
	struct loop *l;
	int pair[2];

	begin();
	if (pipe2(pair, O_CLOEXEC) < 0 || store_open(store_path, &store) < 0)
		abort();
	in.alive = pair[0];
	l = make_loop(store, conf);
	(void)close(pair[1]);
	is_int(loop_run(l), 0, "it ends when its launcher is gone");
	is_int(in.alive, -1, "which it heard once");
	loop_free(l);
	godb_writer_close(store);
	gp_conf_free(conf);
	end();
}

int
main(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED ||
	    !folder_temporary(root, sizeof(root)))
		return 1;
	(void)signal(SIGPIPE, SIG_IGN);
	snprintf(store_path, sizeof(store_path), "%s/store", root);
	snprintf(place.socket, sizeof(place.socket), "%s/sock", root);
	test_stop();
	test_forsaken();
	test_orphaned();
	folder_remove(root);
	return tap_done();
}
