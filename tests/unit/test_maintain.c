/*
 * --prune and --clean of a store that a running writer has: which writer is
 * asked for what, and what its answer is said to be.
 */
#include "writer/maintain.h"

#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/base/log.h"
#include "common/ipc/hello.h"
#include "tests/lib/storetest.h"

#define WRITERS 2

static char folder[64], store[96], sockets[96];
static struct maintain command;
static int writers[WRITERS]; /* sockets that they listen at */
static int let_go = -1;      /* the lock of one that ends when it is asked */
static struct hello_msg asked; /* by the last command; of type 0: nobody was */
static char said[4096], complained[4096];

/* What each writer answers: up to a message of type 0. */
static struct hello_msg answers[WRITERS][6];

static void
answer(int at, int n, enum hello_type type, enum hello_code code, uint64_t a,
    uint64_t b)
{
	answers[at][n] = (struct hello_msg){0, (uint16_t)type, (uint16_t)code,
	    a, b};
}

static int
listen_at(const char *name)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%.60s/%s", sockets,
	    name);
	if (bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(fd, 8) < 0)
		printf("Bail out! no socket\n");
	return fd;
}

static void
serve(int at)
{
	int conn = accept4(writers[at], NULL, NULL, SOCK_CLOEXEC);
	struct pollfd p = {.fd = conn, .events = POLLIN};

	if (poll(&p, 1, 20000) == 1)
		(void)hello_msg_recv(conn, &asked);
	for (const struct hello_msg *m = answers[at]; m->type != 0; m++)
		(void)hello_msg_send(conn, m->type, m->code, m->a, m->b);
	if (let_go >= 0)
		(void)flock(let_go, LOCK_UN);
	gp_fd_close(&conn);
}

static void
read_text(const char *name, char out[4096])
{
	char path[160], *text = NULL;
	size_t len = 0;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	out[0] = '\0';
	if (gp_fd_read_file(AT_FDCWD, path, 4095, &text, &len) == 0) {
		memcpy(out, text, len);
		out[len] = '\0';
	}
	free(text);
}

static int
open_text(const char *name)
{
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

/* The exit status of the command, which writes to OUT and reads INPUT. */
static int
run(const char *input, int out)
{
	pid_t pid;
	int in = open_text("in"), err = open_text("err"), status = 0;

	(void)!write(in, input, strlen(input));
	(void)lseek(in, 0, SEEK_SET);
	(void)fflush(stdout);
	memset(&asked, 0, sizeof(asked));
	pid = fork();
	if (pid == 0) {
		(void)dup2(in, 0);
		(void)dup2(out, 1);
		(void)dup2(err, 2);
		_exit(maintain_run(&command));
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		struct pollfd p[WRITERS];

		for (int i = 0; i < WRITERS; i++)
			p[i] = (struct pollfd){.fd = writers[i],
			    .events = POLLIN};
		if (poll(p, WRITERS, 10) <= 0)
			continue;
		for (int i = 0; i < WRITERS; i++)
			if (p[i].revents)
				serve(i);
	}
	gp_fd_close(&in);
	gp_fd_close(&err);
	gp_fd_close(&out);
	read_text("out", said);
	read_text("err", complained);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
run_quietly(void)
{
	int rc = run("", open_text("out"));

	memset(answers, 0, sizeof(answers));
	return rc;
}

static void
complains(const char *what)
{
	if (!ok(strstr(complained, what) != NULL, "\"%s\" is told", what))
		diag("%s", complained);
}

/* ---- tests --------------------------------------------------------------- */

static void
test_done(void)
{
	struct stat st;

	(void)stat(store, &st);
	command.command = MAINTAIN_CLEAN;
	command.time = "1764028800";
	answer(0, 0, MSG_PRUNED, HELLO_OK, 3, 4000);
	is_int(run_quietly(), 0, "a writer does it");
	is_str(said, "3 days removed, 4000 bytes\n", "which is said");
	is_str(complained, "", "and no more");
	is_int(asked.type, MSG_REMOVE, "it is asked to remove");
	is_int((int64_t)(uint32_t)asked.a, 1764028800, "what ends by then");
	ok(asked.a >> 32 == (uint32_t)st.st_dev && asked.b == st.st_ino,
	    "of this store");
	command.command = MAINTAIN_PRUNE;
	answer(0, 0, MSG_PRUNED, HELLO_OK, 0, 0);
	is_int(run_quietly(), 0, "a round as any other");
	is_int((int64_t)(uint32_t)asked.a, 0, "has no time");
}

/* Whichever comes first, the one whose store it is does it: a machine may have
 * two sensors, one of which just stops. */
static void
test_other_writer(void)
{
	static const struct {
		const char *how;
		enum hello_type says;
		enum hello_code code;
	} other[] = {{"refuses", MSG_WELCOME, HELLO_REFUSED},
	    {"is busy", MSG_WELCOME, HELLO_BUSY}, {"ends", 0, HELLO_OK}};

	for (int i = 0; i < WRITERS * 3; i++) {
		int at = i / 3;

		writers[1] = listen_at("b.sock");
		answer(at, 0, other[i % 3].says, other[i % 3].code, 0, 0);
		answer(!at, 0, MSG_PRUNED, HELLO_OK, 1, 2);
		is_int(run_quietly(), 0, "another store's writer %s",
		    other[i % 3].how);
		is_str(said, "1 day removed, 2 bytes\n", "this one's does it");
		is_str(complained, "", "and nothing is wrong");
		answer(at, 0, other[0].says, other[0].code, 0, 0);
		is_int(run_quietly(), 1, "one refuses, the other one ends");
		complains("the running writer: Connection reset by peer");
		gp_fd_close(&writers[1]);
		(void)snprintf(said, sizeof(said), "%s/b.sock", sockets);
		(void)unlink(said);
	}
	answer(0, 0, MSG_WELCOME, HELLO_REFUSED, 0, 0);
	is_int(run_quietly(), 1, "nobody does it");
	is_str(said, "", "and that is not said");
	is_int(run_quietly(), 1, "the only one ends");
	complains("the running writer: Connection reset by peer");
	answer(0, 0, MSG_WELCOME, HELLO_BUSY, 0, 0);
	is_int(run_quietly(), 1, "the only one is busy");
	complains("the running writer: Device or resource busy");
}

static void
test_rest(void)
{
	answer(0, 0, MSG_REST, HELLO_OK, HELLO_SHORT, 11);
	answer(0, 1, MSG_PRUNED, HELLO_OK, 1, 2);
	is_int(run_quietly(), 0, "a bound that cannot be kept is no failure");
	complains("still 11 bytes beyond its bounds: nothing older is left");
	answer(0, 0, MSG_REST, HELLO_OK, HELLO_FAILED, 12);
	answer(0, 1, MSG_REST, HELLO_OK, HELLO_SHORT, 13);
	answer(0, 2, MSG_REST, HELLO_OK, HELLO_DOUBTED, 14);
	answer(0, 3, MSG_REST, HELLO_OK, HELLO_UNNOTED, 15);
	answer(0, 4, MSG_PRUNED, HELLO_OK, 1, 2);
	is_int(run_quietly(), 1, "a day that stays is");
	is_str(said, "1 day removed, 2 bytes\n", "with what was done");
	complains("12 days could not be removed: the writer's log says why");
	complains("still 13 bytes beyond its bounds: days could not be removed");
	complains("14 days stay: by the clock");
	complains("the disk is full: 15 removed days are not noted");
	answer(0, 0, MSG_REST, HELLO_OK, 99, 1);
	answer(0, 1, MSG_REST, HELLO_OK, HELLO_SHORT, 1);
	answer(0, 2, MSG_PRUNED, HELLO_OK, 1, 2);
	is_int(run_quietly(), 1, "what nobody knows may be a failure");
	complains("it says more than this program knows");
}

static void
test_fails(void)
{
	answer(0, 0, MSG_PRUNED, HELLO_STORE, ENOSPC, 0);
	is_int(run_quietly(), 1, "a round that failed");
	complains("the running writer: No space left on device");
	is_str(said, "", "nothing is said to be done");
	answer(0, 0, MSG_PRUNED, HELLO_BUSY, 3, 4);
	is_int(run_quietly(), 1, "an answer of a kind of its own");
	complains("the running writer: it did not understand");
	answer(0, 0, MSG_DONE, HELLO_OK, 3, 4);
	is_int(run_quietly(), 1, "an answer to another question");
	is_str(said, "", "is none");
	answer(0, 0, MSG_REST, HELLO_OK, HELLO_SHORT, 11);
	is_int(run_quietly(), 1, "a writer that ends meanwhile");
	complains("the running writer: Connection reset by peer");
	is_str(said, "", "has not said what it did");
	answer(0, 0, MSG_PRUNED, HELLO_OK, 3, 4);
	is_int(run("", open("/dev/full", O_WRONLY | O_CLOEXEC)), 1,
	    "what cannot be said");
	complains("standard output: No space left on device");
}

static int
clean_until(const char *time)
{
	command.time = time;
	answer(0, 0, MSG_PRUNED, HELLO_OK, 0, 0);
	return run_quietly();
}

static void
test_times(void)
{
	static const char *const bad[] = {"", "-", "-3", "0", "soon", "3d",
	    "-d", "-3dd", "1764028800s", "2099-01-01", "4070908800",
	    "-99999999d", "99999999999999999999", "2026-02-30"};
	int64_t now_s = gp_clock_real_ns() / GP_NS_PER_S;
	char now[32];

	command.command = MAINTAIN_CLEAN;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(clean_until(bad[i]) == 2 && asked.type == 0,
		    "\"%s\" is no time in the past", bad[i]);
	is_int(clean_until("2025-11-25"), 0, "a day");
	is_int((int64_t)(uint32_t)asked.a, T0, "is its start");
	is_int(clean_until("-2d"), 0, "so long ago");
	ok((int64_t)(uint32_t)asked.a - (now_s - 172800) < 60 &&
		(int64_t)(uint32_t)asked.a >= now_s - 172800,
	    "is that");
	(void)snprintf(now, sizeof(now), "%lld", (long long)now_s);
	is_int(clean_until(now), 0, "now");
	(void)snprintf(now, sizeof(now), "%lld", (long long)now_s + 1000);
	is_int(clean_until(now), 2, "is the latest");
}

static int
run_with(const char *input)
{
	answer(0, 0, MSG_PRUNED, HELLO_OK, 3, 4);
	return run(input, open_text("out"));
}

/* What cannot be had again is asked for. */
static void
test_confirmed(void)
{
	static const char *const no[] = {"", "n\n", "\n", "y", "yesterday\n",
	    "Y\n"};

	command.time = "-2d";
	command.yes = false;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		ok(run_with(no[i]) == 1 && asked.type == 0 &&
			strstr(complained, "Nothing was removed") != NULL,
		    "no yes: %zu", i);
	is_int(run_with("y\n"), 0, "y");
	is_int(asked.type, MSG_REMOVE, "is one");
	is_int(run_with("yes\n"), 0, "yes, too");
	command.command = MAINTAIN_PRUNE;
	is_int(run_with(""), 0, "the bounds are the administrator's own");
	command.yes = true;
}

/* Where no writer is, none is asked: it might be another's answer. */
static void
test_unlocked(int lock)
{
	(void)flock(lock, LOCK_UN);
	answer(0, 0, MSG_PRUNED, HELLO_OK, 3, 4);
	(void)run_quietly();
	is_int(asked.type, 0, "a store that nobody has is no writer's");
	ok(strstr(said, "3 days removed") == NULL, "nor its answer");
}

/* ---- done here ----------------------------------------------------------- */

#define SOMEBODY 65534
#define DAY      INT64_C(86400)
#define DAYS     6

static int64_t today_s;

static int
give_away(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return chown(path, SOMEBODY, SOMEBODY);
}

/* Days up to two ago, of a store that is somebody's. */
static void
fill_store(void)
{
	struct godb_writer *w;
	uint64_t seed = 1;

	if (store_open(store, &w) < 0)
		abort();
	for (int i = 0; i < DAYS; i++)
		store_add_block(w, &seed, NULL, "eth0",
		    today_s + (i - DAYS - 1) * DAY, (uint64_t)i + 1, true);
	godb_writer_close(w);
	if (geteuid() == 0)
		(void)nftw(store, give_away, 16, FTW_PHYS);
}

/* Where the day so many days ago lies, or something in it. */
static void
day_path(int ago, const char *name, char out[160])
{
	char day[11];

	gp_clock_day_format(today_s - ago * DAY, day);
	(void)snprintf(out, 160, "%s/eth0/%s%s", store, day, name);
}

static unsigned
left(void)
{
	unsigned n = 0;
	char path[160];

	for (int i = 0; i < DAYS + 2; i++) {
		day_path(i, "", path);
		n += access(path, F_OK) == 0;
	}
	return n;
}

static int
does(enum maintain_command what, bool dry_run)
{
	command.command = what;
	command.dry_run = dry_run;
	return run_quietly();
}

/* What would be done is what is done; --clean here keeps no bounds but its
 * own. */
static void
test_here(struct gp_conf *conf)
{
	char day[11], line[64];

	gp_clock_day_format(today_s - 6 * DAY, day);
	command.time = day; /* of its start: one day ends by then */
	conf->store.retain_days = 4;
	is_int(does(MAINTAIN_CLEAN, true), 0, "a dry run");
	ok(strstr(said, "1 day would be removed") != NULL && left() == DAYS,
	    "says what would be done");
	is_int(does(MAINTAIN_CLEAN, false), 0, "--clean");
	gp_clock_day_format(today_s - 7 * DAY, day);
	(void)snprintf(line, sizeof(line), "eth0/%s removed, ", day);
	ok(strncmp(said, line, strlen(line)) == 0 &&
		strstr(said, "1 day removed") != NULL,
	    "does that and says so");
	is_int(left(), DAYS - 1, "alone");
	is_int(does(MAINTAIN_PRUNE, true), 0, "a dry run");
	is_int(left(), DAYS - 1, "removes nothing");
	is_int(does(MAINTAIN_PRUNE, false), 0, "--prune");
	ok(strstr(said, "2 days removed") != NULL && left() == DAYS - 3,
	    "keeps the bounds");
	conf->store.retain_days = 0;
}

/* A dry run needs no lock and asks nobody: who is asked removes.  It tells what
 * the running writer's bounds take, too. */
static void
test_dry_beside(struct gp_conf *conf, int lock)
{
	unsigned before = left();

	(void)flock(lock, LOCK_EX);
	conf->store.max_bytes = 1;
	command.time = "2000-01-01";
	answer(0, 0, MSG_PRUNED, HELLO_OK, 9, 9);
	is_int(does(MAINTAIN_CLEAN, true), 0, "a dry run beside a writer");
	ok(asked.type == 0 && left() == before &&
		strstr(said, "2 days would be removed") != NULL,
	    "only says what the writer would do");
	is_int(does(MAINTAIN_PRUNE, true), 0, "of --prune, too");
	is_int(does(MAINTAIN_REPAIR, true), 0, "of --repair");
	is_int(does(MAINTAIN_WIPE, true), 0, "and of --wipe");
	is_int(does(MAINTAIN_WIPE, false), 1, "which is not done");
	is_str(said, "", "nor said to be");
	is_int(left(), before, "nothing is gone");
	conf->store.max_bytes = 0;
	(void)flock(lock, LOCK_UN);
}

/* Whose writer ends before it has begun finds nobody in the way. */
static void
test_let_go(int lock)
{
	unsigned before = left();

	(void)flock(lock, LOCK_EX);
	let_go = lock;
	command.time = "2000-01-01";
	is_int(does(MAINTAIN_CLEAN, false), 0, "a writer that ends");
	is_int(asked.type, MSG_REMOVE, "was asked");
	is_str(said, "0 days removed, 0 bytes\n", "it is done without it");
	is_int(left(), before, "none is that old");
	let_go = -1;
}

static void
test_day_stays(void)
{
	char path[160], day[11];

	day_path(4, "/folder", path);
	(void)mkdir(path, 0700);
	gp_clock_day_format(today_s - 3 * DAY, day);
	command.time = day;
	is_int(does(MAINTAIN_CLEAN, false), 1, "a day that cannot go");
	ok(strstr(said, "3 days removed") != NULL, "the others are gone");
	gp_clock_day_format(today_s - 4 * DAY, day);
	ok(strstr(said, day) == NULL, "it is not said to be");
	complains(day);
}

static void
test_rebuild(void)
{
	char path[160];

	is_int(does(MAINTAIN_REBUILD, true), 0, "a dry run");
	ok(strstr(said, "days would be looked at") != NULL, "says so");
	is_int(does(MAINTAIN_REBUILD, false), 0, "roll-ups are made");
	day_path(2, "/rollups.gpf", path);
	(void)unlink(path);
	(void)mkdir(path, 0700);
	is_int(does(MAINTAIN_REBUILD, false), 1, "not all of them");
	(void)rmdir(path);
}

static void
test_wipe(void)
{
	is_int(does(MAINTAIN_WIPE, true), 0, "a dry run");
	ok(strstr(said, "1 interface would be removed") != NULL && left() > 0,
	    "leaves all");
	if (geteuid() == 0 && chown(store, 0, 0) == 0) {
		is_int(does(MAINTAIN_WIPE, false), 1, "a store of root's");
		complains("the store belongs to root");
		ok(left() > 0, "is not touched");
		is_int(chown(store, SOMEBODY, SOMEBODY), 0, "given back");
	}
	is_int(does(MAINTAIN_WIPE, false), 0, "somebody's");
	is_int(left(), 0, "nothing is left");
}

int
main(void)
{
	struct gp_conf *conf = gp_conf_new();
	char path[160];
	int lock;

	if (conf == NULL || !folder_temporary(folder, sizeof(folder)))
		return 1;
	(void)snprintf(store, sizeof(store), "%s/store", folder);
	(void)snprintf(sockets, sizeof(sockets), "%s/run", folder);
	(void)mkdir(store, 0700);
	(void)mkdir(sockets, 0700);
	(void)snprintf(path, sizeof(path), "%s/goDB-writer.lock", store);
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	(void)flock(lock, LOCK_EX);
	conf->writer.sandbox = GP_SANDBOX_OFF; /* what is done here */
	command = (struct maintain){.yes = true, .store = store,
	    .sockets = sockets, .conf = conf};
	writers[0] = listen_at("a.sock");
	writers[1] = -1;
	test_done();
	test_other_writer();
	test_rest();
	test_fails();
	test_times();
	test_confirmed();
	test_unlocked(lock);
	today_s = gp_clock_real_ns() / GP_NS_PER_S / DAY * DAY;
	fill_store();
	test_here(conf);
	test_dry_beside(conf, lock);
	test_let_go(lock);
	test_rebuild();
	test_wipe();
	fill_store();
	test_day_stays();
	gp_fd_close(&writers[0]);
	gp_fd_close(&lock);
	gp_conf_free(conf);
	folder_remove(folder);
	return tap_done();
}
