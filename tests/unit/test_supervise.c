/*
 * supervise: what a child is, is given and may store; what it says just before
 * it dies is heard; who is started again, and when.
 */
#include "capture/supervise.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/exits.h"
#include "common/base/clock.h"
#include "common/base/notify.h"
#include "tests/tap.h"

enum { NOBODY = 65534, STRAY = 200 };
/* behind what it is given here, and the pipe that tells that we live */
enum { NOTIFY = GP_LISTEN_FDS_START + 2 };

/* The end of a pipe that the child waits at, while it has not been let go. */
static int go = -1;

pid_t __wrap_waitpid(pid_t pid, int *status, int options);

/* Whoever asks has looked for notifications: only now the child speaks, and it
 * is dead before the answer. */
pid_t
__wrap_waitpid(pid_t pid, int *status, int options)
{
	siginfo_t info;

	if (go >= 0) {
		(void)close(go);
		go = -1;
		(void)waitid(P_ALL, 0, &info, WEXITED | WNOWAIT);
	}
	return (pid_t)syscall(SYS_wait4, pid, status, options, NULL);
}

/* ---- the child ----------------------------------------------------------- */

/* Of nobody's, with nothing that it was not given; a word when it is not. */
static const char *
find_fault(void)
{
	sigset_t blocked;

	if (getuid() != NOBODY || geteuid() != NOBODY || getgid() != NOBODY ||
	    getgroups(0, NULL) != 0)
		return "user";
	if (getpgid(0) != getpid())
		return "process group";
	(void)sigprocmask(SIG_BLOCK, NULL, &blocked);
	for (int number = 1; number < 32; number++)
		if (sigismember(&blocked, number))
			return "a blocked signal";
	for (int fd = NOTIFY + 1; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return "a descriptor";
	for (char **e = environ; *e; e++)
		if (strncmp(*e, "LISTEN_", 7) != 0 &&
		    strcmp(*e, "TZ=Mars/Olympus") != 0)
			return *e;
	return getenv("TZ") ? NULL : "no time zone";
}

/* Whether the descriptors that it has are called so. */
static bool
has_names(const char *names)
{
	struct gp_passed_fd *fds = NULL;
	char all[256] = "";
	int n = gp_notify_listen_fds(&fds);

	for (int i = 0; i < n; i++) {
		strcat(all, i ? ":" : "");
		strcat(all, fds[i].name);
	}
	free(fds);
	if (strcmp(all, names) != 0)
		diag("has %s", all);
	return strcmp(all, names) == 0;
}

/* Hands over something that lasts, or that hangs up when it ends. */
static void
store(int notify, const char *text, bool lasts)
{
	int fd, ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	fd = lasts ? open("/dev/null", O_RDONLY | O_CLOEXEC) : ends[0];
	(void)gp_notify_send_fds(notify, text, &fd, 1);
	if (lasts)
		(void)close(fd);
}

static void
store_many(int notify, int n)
{
	int fds[GP_NOTIFY_SEND_MAX];

	for (size_t i = 0; i < GP_NOTIFY_SEND_MAX; i++)
		fds[i] = 0;
	for (; n > 0; n -= GP_NOTIFY_SEND_MAX)
		(void)gp_notify_send_fds(notify, "FDSTORE=1\nFDNAME=x", fds,
		    GP_NOTIFY_SEND_MAX);
}

/* One word after the other. */
static int
be_child(char **word)
{
	const char *fault = strcmp(*word, "look") == 0 ? find_fault() : NULL;
	int notify = gp_notify_open(NOTIFY);
	char c;

	if (fault)
		diag("the child has %s", fault);
	for (; *word; word++) {
		if (strcmp(*word, "look") == 0)
			return fault != NULL;
		if (strcmp(*word, "wait") == 0)
			(void)!read(GP_LISTEN_FDS_START, &c, 1);
		else if (strcmp(*word, "say") == 0)
			(void)gp_notify_send(notify, *++word);
		else if (strcmp(*word, "store") == 0)
			store(notify, *++word, true);
		else if (strcmp(*word, "pipe") == 0)
			store(notify, *++word, false);
		else if (strcmp(*word, "many") == 0)
			store_many(notify, atoi(*++word));
		else if (strcmp(*word, "names") == 0 && !has_names(*++word))
			return 9;
		else if (strcmp(*word, "deaf") == 0)
			(void)signal(SIGTERM, SIG_IGN);
		else if (strcmp(*word, "stay") == 0)
			for (;;)
				(void)pause();
		else if (strcmp(*word, "end") == 0)
			return atoi(*++word);
	}
	return 0;
}

/* ---- its supervisor ------------------------------------------------------ */

#define WORDS(...) (char *[]){(char[]){"test_supervise"}, __VA_ARGS__, NULL}
#define W(text) (char[]){text}
#define READY W("say"), W("READY=1")

static struct supervisor sup;
static struct child child;
static struct stored_fd given = {.name = "go"};
static int gate[2];

static void
begin(char **argv)
{
	child = (struct child){.program = "test_supervise", .argv = argv,
	    .wanted = true, .given = &given, .n_given = 1};
	if (pipe2(gate, O_CLOEXEC) < 0 || supervise_init(&sup, &child, 1) < 0)
		abort();
	given.fd = gate[0];
}

static void
finish(void)
{
	supervise_stop(&sup, &child, 5000);
	supervise_fini(&sup);
	(void)close(gate[0]);
	(void)close(gate[1]);
}

/* Until that child has ended, whatever becomes of it then. */
static void
let_end(void)
{
	unsigned starts = child.starts;

	(void)!write(gate[1], "x", 1);
	for (int i = 0; i < 100 && !child.gone && child.restart_ns == 0 &&
	     child.starts == starts; i++)
		supervise_turn(&sup, 100);
}

static void
start(void)
{
	if (supervise_start(&sup, &child) < 0)
		abort();
}

static void
test_last_words(void)
{
	begin(WORDS(W("wait"), READY, W("end"), W("3")));
	start();
	go = gate[1];
	gate[1] = -1;
	supervise_turn(&sup, 0);
	is_int(WEXITSTATUS(child.status), 3, "a child has ended");
	ok(child.was_ready, "  and was ready before");
	is_int(child.gone ? 0 : child.starts, 2, "  so it is started again");
	finish();
}

static void
test_what_it_is(void)
{
	/* one far away, and one right behind what it is given */
	int stray[] = {fcntl(1, F_DUPFD, STRAY), dup(1), dup(1), dup(1)};

	(void)setenv("TZ", "Mars/Olympus", 1);
	(void)setenv("SECRET", "x", 1);
	begin(WORDS(W("look")));
	child.uid = child.gid = NOBODY;
	start();
	let_end();
	ok(child.gone && child.status == 0,
	    "it is who it was to be, with what it was given");
	finish();
	for (size_t i = 0; i < sizeof(stray) / sizeof(stray[0]); i++)
		(void)close(stray[i]);
	(void)unsetenv("TZ");
	(void)unsetenv("SECRET");
}

static int
open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 8192; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* What a child stores it finds again, behind what it is given anyway. */
static void
test_stored(void)
{
	int before = open_fds();

	begin(WORDS(W("store"), W("FDSTORE=1\nFDNAME=kept"), W("store"),
	    W("FDSTORE=1"), W("store"), W("FDSTORE=1\nFDNAME=go"), W("store"),
	    W("FDSTORE=1\nFDNAME=alive"), W("store"),
	    W("FDSTORE=1\nFDNAME=notify"), W("store"),
	    W("FDSTORE=1\nFDNAME=a:b"), W("store"),
	    W("FDSTORE=1\nFDNAME=a b"), W("store"), W("FDSTORE=1\nFDNAME="),
	    W("store"), W("FDSTORE=1\nFDNAME=\x7f"), W("store"),
	    W("FDNAME=unasked"), W("store"), W("FDSTORE=1\nFDNAME=old"),
	    W("store"), W("FDSTORE=1\nFDNAME=old"), W("say"),
	    W("FDSTOREREMOVE=1\nFDNAME=old"), W("pipe"),
	    W("FDSTORE=1\nFDNAME=hung"), W("pipe"),
	    W("FDSTORE=1\nFDNAME=dead\nFDPOLL=0"), READY, W("wait"),
	    W("end"), W("1")));
	start();
	ok(supervise_wait_ready(&sup, &child), "a child that stores");
	is_int((int64_t)child.n_stored, 4, "has what may be");
	child.argv = WORDS(W("names"), W("go:alive:notify:kept:stored:dead"),
	    W("end"), W("0"));
	let_end();
	is_int(child.starts, 2, "it is started again");
	let_end();
	ok(child.gone && child.status == 0,
	    "finds it, but for what has hung up, and its work is done");
	finish();
	is_int(open_fds(), before, "and nothing is left open");
}

/* More than there is room for, from a child and from nobody's. */
static void
test_too_many(void)
{
	int before;

	begin(WORDS(W("many"), W("2400")));
	before = open_fds();
	start();
	let_end();
	is_int((int64_t)child.n_stored, CHILD_MAX_STORED, "so many are kept");
	is_int(open_fds() - before, CHILD_MAX_STORED, "others are closed");
	store(sup.notify[1], "READY=1\nFDSTORE=1\nFDNAME=x", true);
	before = open_fds();
	supervise_turn(&sup, 0);
	is_int(open_fds(), before, "so are those of who is no child");
	ok(!child.was_ready, "nor does that make one ready");
	finish();
	is_int((int64_t)child.n_stored, 0, "in the end none is left");
}

/* ---- ends ---------------------------------------------------------------- */

static void
ends(const char *what, char **argv, bool lasting, bool wanted, bool stop,
    bool again)
{
	begin(argv);
	child.lasting = lasting;
	child.wanted = wanted;
	sup.stop = stop;
	start();
	let_end();
	ok(child.gone != again && (again ? child.starts == 2 && !child.ready
		: !child.restart_ns),
	    "%s: %s", what, again ? "is started again" : "that is all");
	finish();
}

static void
test_ends(void)
{
	char **done = WORDS(READY, W("wait"), W("end"), W("0"));
	char **fails = WORDS(READY, W("wait"), W("end"), W("1"));
	char **unready = WORDS(W("wait"), W("end"), W("1"));

	ends("work that is done", done, false, true, false, false);
	ends("work that has no end", done, true, true, false, true);
	ends("a failure", fails, false, true, false, true);
	ends("a failure before it was ready", unready, true, true, false,
	    false);
	ends("a failure of one not wanted", fails, true, false, false, false);
	ends("a failure at the end of all", fails, true, true, true, false);
	begin(WORDS(W("end"), W("1")));
	start();
	ok(!supervise_wait_ready(&sup, &child), "nobody waits for the dead");
	finish();
	begin(WORDS(W("stay")));
	start();
	sup.stop = true;
	ok(!supervise_wait_ready(&sup, &child), "nor when told to end");
	finish();
}

/* Ends with this after it was ready or not, and lived so long. */
static unsigned
failures(const char *status, bool ready, int64_t lived_s, unsigned before)
{
	char number[4];
	unsigned n;

	(void)snprintf(number, sizeof(number), "%s", status);
	begin(ready ? WORDS(READY, W("wait"), W("end"), number)
	    : WORDS(W("wait"), W("end"), number));
	child.failures = before;
	child.was_ready = true;
	start();
	if (ready)
		(void)supervise_wait_ready(&sup, &child);
	child.started_ns -= lived_s * GP_NS_PER_S;
	let_end();
	n = child.failures;
	finish();
	return n;
}

static void
test_failures(void)
{
	is_int(failures("1", true, 0, 4), 5, "one more failure");
	is_int(failures("1", true, 11, 4), 0, "none, when it lived for long");
	is_int(failures("75", true, 0, 4), 0, "an interface that went is none");
	is_int(failures("75", false, 0, 4), 5, "unless it never worked");
}

/* At once, then later and later. */
static void
test_pauses(void)
{
	static const int64_t least_ms[] = {0, 250, 500, 1000};
	int64_t started_ns = 0;

	begin(WORDS(READY, W("end"), W("1")));
	start();
	for (unsigned i = 0; i < 4; i++) {
		started_ns = child.started_ns;
		while (child.starts == i + 1)
			supervise_turn(&sup, 50);
		ok(child.started_ns - started_ns >= least_ms[i] * 1000000,
		    "failure %u: a pause of %d ms", i + 1, (int)least_ms[i]);
	}
	ok(child.started_ns - started_ns < 5 * GP_NS_PER_S, "no more");
	child.failures = 60;
	let_end();
	ok(child.restart_ns - gp_clock_mono_ns() > 25 * GP_NS_PER_S &&
		child.restart_ns - gp_clock_mono_ns() <= 30 * GP_NS_PER_S,
	    "half a minute in the end");
	finish();
	ok(child.restart_ns == 0 && child.pid == 0, "which an end ends");
}

static void
test_stop(void)
{
	int64_t begun_ns;

	begin(WORDS(READY, W("stay")));
	child.lasting = true;
	start();
	(void)supervise_wait_ready(&sup, &child);
	supervise_stop(&sup, &child, 20000);
	ok(child.gone && WIFSIGNALED(child.status) &&
		WTERMSIG(child.status) == SIGTERM, "told to end");
	finish();
	begin(WORDS(W("deaf"), READY, W("stay")));
	child.lasting = true;
	start();
	(void)supervise_wait_ready(&sup, &child);
	begun_ns = gp_clock_mono_ns();
	supervise_stop(&sup, &child, 300);
	ok(gp_clock_mono_ns() - begun_ns > 300 * INT64_C(1000000),
	    "given time to end");
	ok(child.gone && WIFSIGNALED(child.status) &&
		WTERMSIG(child.status) == SIGKILL, "made to");
	finish();
	begin(WORDS(W("stay")));
	child.lasting = true;
	start();
	supervise_stop(&sup, &child, 20000);
	ok(child.gone && child.status == 0, "told before it had begun");
	finish();
	begin(WORDS(W("stay")));
	start();
	(void)kill(child.pid, SIGTERM);
	let_end();
	ok(child.gone && WIFSIGNALED(child.status), "told so by somebody else");
	finish();
}

/* Of many it hears what the first say before it comes to the last. */
static void
test_start_from(void)
{
	char **says = WORDS(READY), **stays = WORDS(W("stay"));
	struct child many[4];
	siginfo_t info;

	for (size_t i = 0; i < 4; i++)
		many[i] = (struct child){.program = "test_supervise",
		    .argv = i == 0 ? says : stays,
		    .given = &given, .n_given = 1};
	given.fd = STDIN_FILENO;
	if (supervise_init(&sup, many, 4) < 0 ||
	    supervise_start(&sup, &many[0]) < 0)
		abort();
	(void)waitid(P_PID, (id_t)many[0].pid, &info, WEXITED | WNOWAIT);
	is_int(supervise_start_from(&sup, 2), 0, "those behind the second");
	ok(many[0].ready && many[0].gone && many[1].pid == 0,
	    "one that ran is heard meanwhile");
	ok(many[2].pid > 0 && many[3].pid > 0, "all are started");
	for (size_t i = 2; i < 4; i++)
		supervise_stop(&sup, &many[i], 5000);
	(void)raise(SIGTERM);
	is_int(supervise_start_from(&sup, 1), 0, "with a signal to stop");
	ok(sup.stop && many[3].pid == 0, "not all of them");
	for (size_t i = 1; i < 4; i++)
		supervise_stop(&sup, &many[i], 5000);
	supervise_fini(&sup);
}

static bool
heeds(int number)
{
	bool stop;

	begin(WORDS(W("stay")));
	(void)raise(number);
	supervise_turn(&sup, 0);
	stop = sup.stop;
	finish();
	return stop;
}

static void
test_signals(void)
{
	ok(heeds(SIGTERM), "SIGTERM ends");
	ok(heeds(SIGINT), "so does SIGINT");
	ok(heeds(SIGHUP), "and SIGHUP");
	(void)signal(SIGHUP, SIG_IGN);
	ok(!heeds(SIGHUP), "but not below nohup");
	(void)signal(SIGHUP, SIG_DFL);
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		return be_child(argv + 1);
	(void)alarm(300); /* of what never comes; SIGTERM is not heeded */
	supervise_raise_limit();
	test_last_words();
	if (geteuid() == 0)
		test_what_it_is();
	test_stored();
	test_too_many();
	test_ends();
	test_failures();
	test_pauses();
	test_stop();
	test_start_from();
	test_signals();
	return tap_done();
}
