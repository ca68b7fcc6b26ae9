/*
 * One capture of an interface after another, at a real writer: who is told to
 * leave, what the successor is told, and who keeps the interface when somebody
 * does not leave.  writer/succession.h.
 */
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tests/lib/fakecapture.h"
#include "tests/tap.h"

#define SOON_MS 20000
#define QUIET_MS 300

static struct fake_writer writer;

struct rider {
	int sock;
	struct ring_producer ring;
};

/* The writer knows a process by who connected: a child with our descriptors
 * does it. */
static int
connect_as_another(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL,
	    NULL, NULL);
	int status;

	if (pid == 0)
		_exit(fake_connect(&writer));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static void
ride(struct rider *r, const char *iface, bool same_process)
{
	struct hello h;

	r->sock = same_process ? fake_connect(&writer) : connect_as_another();
	if (r->sock < 0 || ring_create(&r->ring, RING_MIN_BYTES) < 0)
		exit(1);
	h = fake_hello(&r->ring, iface);
	if (hello_send(r->sock, &h, r->ring.fd_ro) < 0 ||
	    fake_answer(r->sock, SOON_MS) != HELLO_OK)
		exit(1);
}

static void
end(struct rider *r)
{
	(void)close(r->sock);
	ring_destroy(&r->ring);
}

static void
say(const struct rider *r, enum hello_type type, enum hello_code code,
    uint64_t a)
{
	if (hello_msg_send(r->sock, type, code, a, 0) < 0)
		diag("message %d cannot be sent", type);
}

static bool
hears(const struct rider *r, enum hello_type type, enum hello_code code,
    uint64_t a)
{
	struct pollfd p = {r->sock, POLLIN, 0};
	struct hello_msg m = {0};

	if (poll(&p, 1, SOON_MS) != 1 || hello_msg_recv(r->sock, &m) < 0)
		return false;
	if (m.type != type || m.code != code || m.a != a)
		diag("heard %d %d %llu", m.type, m.code,
		    (unsigned long long)m.a);
	return m.type == type && m.code == code && m.a == a;
}

static bool
hears_nothing(const struct rider *r)
{
	struct pollfd p = {r->sock, POLLIN, 0};

	return poll(&p, 1, QUIET_MS) == 0;
}

static void
in_turn(void)
{
	struct rider one, two, elsewhere, worker;

	ride(&one, "eth0", false);
	say(&one, MSG_TAKE, HELLO_OK, 0);
	ok(hears(&one, MSG_FROM, HELLO_OK, 0), "the first: nobody was there");
	ride(&elsewhere, "eth1", false);
	say(&elsewhere, MSG_TAKE, HELLO_OK, 0);
	ok(hears(&elsewhere, MSG_FROM, HELLO_OK, 0),
	    "another interface: nobody either");
	ride(&two, "eth0", false);
	ok(hears_nothing(&one), "one that does not take yet disturbs nobody");
	say(&two, MSG_TAKE, HELLO_OK, 0);
	ok(hears(&one, MSG_LEAVE, HELLO_OK, 0), "the first is told to leave");
	ok(hears_nothing(&two), "its successor waits");
	say(&one, MSG_LEFT, HELLO_OK, 1234567);
	ok(hears(&two, MSG_FROM, HELLO_OK, 1234567),
	    "and gets the moment it left");
	ok(hears_nothing(&elsewhere), "the other interface heard nothing");
	end(&one);
	/* a process has several workers, which are not each other's rivals */
	ride(&one, "eth2", true);
	ride(&worker, "eth2", true);
	say(&worker, MSG_TAKE, HELLO_OK, 0);
	ok(hears(&worker, MSG_FROM, HELLO_OK, 0) && hears_nothing(&one),
	    "workers of one process are no rivals");
	end(&one);
	end(&worker);
	end(&elsewhere);
	end(&two);
}

static void
who_stays(void)
{
	struct rider first, next;
	int64_t began;

	ride(&first, "eth3", false);
	ride(&next, "eth3", false);
	say(&next, MSG_TAKE, HELLO_REFUSED, 0);
	ok(hears(&next, MSG_FROM, HELLO_BUSY, 0) && hears_nothing(&first),
	    "nobody leaves for one that cannot take over");
	end(&next);
	ride(&next, "eth3", false);
	say(&next, MSG_TAKE, HELLO_OK, 0);
	(void)hears(&first, MSG_LEAVE, HELLO_OK, 0);
	say(&first, MSG_LEFT, HELLO_REFUSED, 0);
	ok(hears(&next, MSG_FROM, HELLO_BUSY, 0), "who refuses keeps it");
	end(&next);
	ride(&next, "eth3", false);
	say(&next, MSG_TAKE, HELLO_REFUSED, 0);
	ok(hears(&next, MSG_FROM, HELLO_BUSY, 0) && hears_nothing(&first),
	    "who cannot take over is only told that somebody is there");
	end(&next);
	ride(&next, "eth3", false);
	began = gp_clock_mono_ns();
	say(&next, MSG_TAKE, HELLO_OK, 0);
	(void)hears(&first, MSG_LEAVE, HELLO_OK, 0);
	ok(hears(&next, MSG_FROM, HELLO_BUSY, 0), "who is silent keeps it");
	ok(gp_clock_mono_ns() - began > 2 * GP_NS_PER_S,
	    "after a time to answer");
	end(&next);
	end(&first);
}

static void
who_goes(void)
{
	struct rider first, next;

	ride(&first, "eth4", false);
	ride(&next, "eth4", false);
	say(&next, MSG_TAKE, HELLO_OK, 0);
	(void)hears(&first, MSG_LEAVE, HELLO_OK, 0);
	end(&first);
	ok(hears(&next, MSG_FROM, HELLO_OK, 0),
	    "one that ends instead of leaving is as if nobody was there");
	end(&next);
	ride(&first, "eth4", false);
	ride(&next, "eth4", false);
	say(&first, MSG_TAKE, HELLO_OK, 0);
	(void)hears(&next, MSG_LEAVE, HELLO_OK, 0);
	say(&next, MSG_TAKE, HELLO_OK, 0);
	ok(hears(&next, MSG_FROM, HELLO_BUSY, 0),
	    "of two at once the later one goes");
	ok(hears(&first, MSG_FROM, HELLO_OK, 0), "and the other one begins");
	end(&first);
	end(&next);
}

/* A third one, which does not take yet, makes the second wait for longer than
 * the first is there. */
static void
more_at_once(void)
{
	struct rider first, next, third;

	ride(&first, "eth7", false);
	ride(&next, "eth7", false);
	ride(&third, "eth7", false);
	say(&next, MSG_TAKE, HELLO_OK, 0);
	ok(hears(&first, MSG_LEAVE, HELLO_OK, 0) &&
		hears(&third, MSG_LEAVE, HELLO_OK, 0),
	    "both others are told to leave");
	say(&first, MSG_LEFT, HELLO_OK, 1234567);
	ok(hears_nothing(&next), "the second waits for both");
	end(&first);
	say(&third, MSG_TAKE, HELLO_OK, 0);
	ok(hears(&third, MSG_FROM, HELLO_BUSY, 0), "the third one goes");
	ok(hears(&next, MSG_FROM, HELLO_OK, 1234567),
	    "the second gets the moment of one that has ended since");

	ride(&first, "eth7", false);
	say(&first, MSG_TAKE, HELLO_OK, 0);
	(void)hears(&next, MSG_LEAVE, HELLO_OK, 0);
	say(&next, MSG_LEFT, HELLO_OK, 2345678);
	ok(hears(&first, MSG_FROM, HELLO_OK, 2345678),
	    "who was refused and is still there stands in nobody's way");
	end(&third);
	end(&next);

	ride(&next, "eth7", false);
	say(&next, MSG_TAKE, HELLO_OK, 0);
	(void)hears(&first, MSG_LEAVE, HELLO_OK, 0);
	ride(&third, "eth7", false);
	ok(hears(&third, MSG_LEAVE, HELLO_OK, 0),
	    "one that comes while another waits is told, too");
	say(&third, MSG_TAKE, HELLO_OK, 0);
	(void)hears(&third, MSG_FROM, HELLO_BUSY, 0);
	say(&first, MSG_LEFT, HELLO_OK, 3456789);
	ok(hears(&next, MSG_FROM, HELLO_OK, 3456789),
	    "and does not keep it from taking over");
	end(&third);
	end(&first);
	end(&next);
}

/* One that has said its last, and is still there, counts nothing. */
static void
said_last(void)
{
	struct fake_capture first;
	struct rider next;

	if (fake_capture_open(&first, &writer, "eth9") < 0 ||
	    fake_tell(&first, SOON_MS) < 0)
		exit(1);
	fake_say_last(&first);
	if (fake_acknowledged(&first, SOON_MS) < 0)
		exit(1);
	ride(&next, "eth9", false);
	say(&next, MSG_TAKE, HELLO_OK, 0);
	ok(hears(&next, MSG_FROM, HELLO_OK, 0),
	    "one that has said its last is as if nobody was there");
	end(&next);
	fake_capture_close(&first);
}

/* The writer that was asked first may have died. */
static void
take_twice(void)
{
	struct rider first, next;

	ride(&first, "eth8", false);
	ride(&next, "eth8", false);
	say(&next, MSG_TAKE, HELLO_OK, 0);
	say(&next, MSG_TAKE, HELLO_OK, 0);
	(void)hears(&first, MSG_LEAVE, HELLO_OK, 0);
	/* by now both have been read: one behind FROM would ask anew */
	ok(hears_nothing(&next), "who asks twice waits");
	say(&first, MSG_LEFT, HELLO_OK, 1234567);
	ok(hears(&next, MSG_FROM, HELLO_OK, 1234567) && hears_nothing(&next),
	    "and is answered once");
	end(&first);
	end(&next);
}

static void
out_of_place(const char *what, enum hello_type type)
{
	size_t said = fake_writer_said(&writer, "session ended");
	struct rider r;

	ride(&r, "eth5", false);
	say(&r, type, HELLO_OK, 1);
	ok(fake_ended(r.sock, SOON_MS) &&
		fake_writer_said(&writer, "session ended") == said + 1,
	    "%s ends the session", what);
	end(&r);
}

static void
take_late(void)
{
	struct fake_capture c;

	if (fake_capture_open(&c, &writer, "eth6") < 0 ||
	    fake_tell(&c, SOON_MS) < 0)
		exit(1);
	(void)hello_msg_send(c.sock, MSG_TAKE, HELLO_OK, 0, 0);
	ok(fake_ended(c.sock, SOON_MS), "TAKE behind a frame ends the session");
	fake_capture_close(&c);
}

int
main(int argc, char **argv)
{
	char program[512];
	char *slash;

	(void)argc;
	(void)signal(SIGPIPE, SIG_IGN);
	if (geteuid() != 0)
		skip_all("only root may connect");
	/* programs lie beside the tests of their build */
	(void)snprintf(program, sizeof(program), "%.400s", argv[0]);
	for (int i = 0; i < 3; i++) {
		slash = strrchr(program, '/');
		*(slash ? slash : program) = '\0';
	}
	strcat(program, "/bin/goprobe-writer");
	if (!ok(fake_writer_start(&writer, program), "%s starts", program))
		return 1;
	in_turn();
	who_stays();
	who_goes();
	more_at_once();
	said_last();
	take_twice();
	out_of_place("LEFT unasked", MSG_LEFT);
	out_of_place("LEAVE from a capture", MSG_LEAVE);
	out_of_place("FROM from a capture", MSG_FROM);
	take_late();
	ok(fake_writer_lives(&writer), "the writer lives");
	ok(fake_writer_stop(&writer) == 0, "and ends as it should");
	fake_writer_clean(&writer);
	return tap_done();
}
