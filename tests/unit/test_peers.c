/*
 * Captures that come, go and come again: where the writer goes on in their
 * rings, what it tells them, and what the supervisor keeps for the writer after
 * this one.
 */
#include "tests/lib/turnsrun.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/lib/fakecapture.h"

#define BARRIER_MS 20000

/* ---- the supervisor ------------------------------------------------------ */

#define KEPT_MAX 32
static struct gp_passed_fd kept[KEPT_MAX];
static size_t n_kept;
static int supervisor = -1;
static int64_t boot_min_ns; /* of the last hello */

static void
forget(const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < n_kept; i++)
		if (strcmp(kept[i].name, name) == 0)
			(void)close(kept[i].fd);
		else
			kept[n++] = kept[i];
	n_kept = n;
}

/* What else came with a message is closed: that answers BARRIER. */
static void
take_note(struct gp_notification *n)
{
	char name[sizeof(kept[0].name)] = "", yes[8];

	(void)poll(NULL, 0, 2); /* who does not wait for it is ahead of it */
	(void)gp_notify_value(n, "FDNAME", name, sizeof(name));
	if (gp_notify_value(n, "FDSTOREREMOVE", yes, sizeof(yes)))
		forget(name);
	if (gp_notify_value(n, "FDSTORE", yes, sizeof(yes)) && n->n_fds > 0 &&
	    n_kept < KEPT_MAX) {
		kept[n_kept].fd = n->fds[--n->n_fds];
		memcpy(kept[n_kept++].name, name, sizeof(name));
	}
	for (size_t i = 0; i < n->n_fds; i++)
		(void)close(n->fds[i]);
}

static void *
supervise(void *arg)
{
	static struct gp_notification n;
	struct pollfd p = {.fd = supervisor, .events = POLLIN};

	while (poll(&p, 1, -1) > 0 && gp_notify_recv(supervisor, &n) == 0 &&
	    strcmp(n.text, "END") != 0)
		take_note(&n);
	return arg;
}

/* By now it has read all that it was told. */
static void
settle(void)
{
	if (gp_notify_barrier(peers.notify_fd, BARRIER_MS) < 0)
		printf("Bail out! no supervisor\n");
}

static bool
keeps(const char *name)
{
	settle();
	for (size_t i = 0; i < n_kept; i++)
		if (strcmp(kept[i].name, name) == 0)
			return true;
	return false;
}

/* ---- a capture ----------------------------------------------------------- */

/* A connection of a process that is not ours: a child makes it among our
 * descriptors. */
static void
connect_as_another(int pair[2])
{
	int told[2] = {-1, -1};
	pid_t pid;

	if (pipe2(told, O_CLOEXEC) < 0)
		return;
	pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL,
	    NULL);
	if (pid == 0) {
		(void)!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
		    pair);
		(void)!write(told[1], pair, 2 * sizeof(*pair));
		_exit(0);
	}
	(void)!read(told[0], pair, 2 * sizeof(*pair));
	(void)waitpid(pid, NULL, 0);
	(void)close(told[0]);
	(void)close(told[1]);
}

/* A new connection; its peer is one that was accepted, or the launcher's. */
static void
connect_to_writer(struct capture *c, bool inherited)
{
	int pair[2] = {-1, -1};

	connect_as_another(pair);
	if (pair[1] < 0 || peers_add_inherited(&peers, pair[0]) < 0)
		printf("Bail out! no connection\n");
	for (size_t i = 0; i < peers.n_list; i++)
		if (peers.list[i].state == PEER_NEW &&
		    peers.list[i].conn == pair[0])
			c->peer = &peers.list[i];
	c->peer->inherited = inherited;
	c->conn = pair[1];
	c->acked = 0;
}

static void
say_hello(struct capture *c, const char *iface, uint32_t flags)
{
	struct hello h = fake_hello(&c->ring, iface);

	h.flags = flags;
	if (hello_send(c->conn, &h, c->ring.fd_ro) < 0)
		printf("Bail out! no hello\n");
	peers_receive(&peers, c->peer);
	boot_min_ns = c->peer->boot_min_ns;
	c->peer->boot_min_ns = INT64_MIN; /* rows are of the last block */
}

static void
come(struct capture *c, const char *iface, uint32_t flags)
{
	connect_to_writer(c, flags & HELLO_OFFLINE);
	say_hello(c, iface, flags);
}

static void
make_ring(struct capture *c)
{
	memset(c, 0, sizeof(*c));
	if (ring_create(&c->ring, RING_MIN_BYTES) < 0)
		printf("Bail out! no ring\n");
}

/* The next message; of type 0: there is none, of type 1000: the end. */
static struct hello_msg
hear(const struct capture *c)
{
	struct hello_msg m = {0};
	int rc = hello_msg_recv(c->conn, &m);

	if (rc < 0)
		m = (struct hello_msg){.type = rc == -EAGAIN ? 0 : 1000};
	return m;
}

static void
hears(const struct capture *c, enum hello_type type, enum hello_code code,
    uint64_t a, uint64_t b, const char *what)
{
	struct hello_msg m = hear(c);

	ok(m.type == type && m.code == code && m.a == a && m.b == b,
	    "%s: %d %d %llu %llu", what, m.type, m.code,
	    (unsigned long long)m.a, (unsigned long long)m.b);
}

/* The capture's side, and the ring for good. */
static void
gone(struct capture *c)
{
	gp_fd_close(&c->conn);
	gp_fd_close(&c->ring.fd_ro);
	ring_destroy(&c->ring);
}

/* Its memory goes and its descriptors; the supervisor's are its own. */
static void
kill_writer(void)
{
	peers_fini(&peers);
	peers.list = calloc(PEERS_MAX, sizeof(*peers.list));
	if (peers.list == NULL)
		printf("Bail out! no memory\n");
	peers.next_store_id = 1;
}

/* As systemd passes them: others, of the same files. */
static void
start_writer(void)
{
	struct gp_passed_fd fds[KEPT_MAX];

	settle();
	for (size_t i = 0; i < n_kept; i++) {
		fds[i] = kept[i];
		fds[i].fd = fcntl(kept[i].fd, F_DUPFD_CLOEXEC, 0);
	}
	peers_adopt(&peers, fds, n_kept);
}

static struct peer *
peer_of(const char *iface, unsigned store_id)
{
	static struct peer none;

	for (size_t i = 0; i < peers.n_list; i++)
		if (peers.list[i].state != PEER_FREE &&
		    peers.list[i].store_id == store_id &&
		    strcmp(peers.list[i].iface, iface) == 0)
			return &peers.list[i];
	return &none;
}

static void
all_leave(void)
{
	for (size_t i = 0; i < peers.n_list; i++)
		if (peers.list[i].state != PEER_FREE)
			peers_drop(&peers, &peers.list[i]);
	settle();
	is_int((int64_t)n_kept, 0, "nothing is left with the supervisor");
	is_int((int64_t)peers.n_list, 0, "nor here");
}

/* ---- tests --------------------------------------------------------------- */

/* A capture whose connection was lost comes with the ring it has: what was
 * taken of it is not taken again, and the rest is. */
static void
test_again(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture a;
	int ring_fd;

	make_ring(&a);
	come(&a, "aa", 0);
	hears(&a, MSG_WELCOME, HELLO_OK, 0, 1, "a new ring begins at its start");
	ok(boot_min_ns > gp_clock_boot_ns() - 60 * GP_NS_PER_S,
	    "and so does its time");
	for (uint32_t i = 0; i < 3; i++)
		send_rows(&a, &want, 10 * i, 10);
	(void)drain_turn(&drain);
	hears(&a, MSG_ACK, HELLO_OK, a.ring.head, 3, "all three are taken");
	ring_fd = a.peer->ring_fd;
	stats.changed = false;
	peers_drop(&peers, a.peer);
	settle();
	is_int(hear(&a).type, 1000, "the connection ends");
	ok(fcntl(ring_fd, F_GETFD) < 0, "the ring is closed");
	ok(stats.changed, "and that is told");
	gp_fd_close(&a.conn);
	come(&a, "aa", 0);
	hears(&a, MSG_WELCOME, HELLO_OK, a.ring.head, 4,
	    "a known ring goes on where it was");
	for (uint32_t i = 0; i < DRAIN_BUDGET + 1; i++)
		send_rows(&a, &want, 100 + 10 * i, 10);
	ok(drain_turn(&drain), "and is read on, for a turn's share");
	is_int((int64_t)hear(&a).b, 3 + DRAIN_BUDGET, "which is told");
	ok(!drain_turn(&drain), "and then the rest");
	hears(&a, MSG_ACK, HELLO_OK, a.ring.head, 4 + DRAIN_BUDGET, "as well");
	is_int((int64_t)peers.lied, 0, "nobody lied");
	all_leave();
	gone(&a);
	(void)ingest_commit_all(&ingest, NULL);
	stop(store, &want);
}

/* Where a ring stands cannot be read: from its start it would be counted
 * twice. */
static void
test_no_position(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct capture a;

	make_ring(&a);
	break_place(".", "aa"); /* all of the interface */
	come(&a, "aa", 0);
	hears(&a, MSG_WELCOME, HELLO_STORE, ENOTDIR, 0,
	    "no ring is taken without its place");
	settle();
	is_int(hear(&a).type, 1000, "the connection ends");
	mend_place();
	gp_fd_close(&a.conn);
	come(&a, "aa", 0);
	hears(&a, MSG_WELCOME, HELLO_OK, 0, 1, "it is once that can be read");
	all_leave();
	gone(&a);
	godb_writer_close(store);
	folder_remove(folder);
}

static void
fill_socket(const struct capture *c)
{
	while (hello_msg_send(c->peer->conn, MSG_ACK, HELLO_OK, 0, 0) == 0)
		;
}

/* A capture that has not read what it was told hears the rest later, once. */
static void
test_full_socket(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture a;

	make_ring(&a);
	connect_to_writer(&a, false);
	fill_socket(&a);
	say_hello(&a, "aa", 0);
	(void)acknowledged(&a);
	(void)drain_turn(&drain);
	hears(&a, MSG_ACK, HELLO_OK, 0, 0,
	    "who had no room for a welcome is told where it stands");
	fill_socket(&a);
	send_rows(&a, &want, 1, 10);
	(void)drain_turn(&drain);
	ok(!acknowledged(&a), "there is no room for an acknowledgement");
	(void)drain_turn(&drain);
	hears(&a, MSG_ACK, HELLO_OK, a.ring.head, 1, "it comes when there is");
	(void)drain_turn(&drain);
	is_int(hear(&a).type, 0, "once");
	all_leave();
	gone(&a);
	(void)ingest_commit_all(&ingest, NULL);
	stop(store, &want);
}

static bool
is_ring(const char *name)
{
	struct ring_consumer ring;
	const char *why;
	bool is = false;

	for (size_t i = 0; i < n_kept; i++)
		if (strcmp(kept[i].name, name) == 0)
			is = ring_attach(&ring, kept[i].fd, &why) == 0;
	if (is)
		ring_detach(&ring);
	return is;
}

/* What the supervisor has of a capture is told apart from what it has of
 * others, before and after a writer's end, and goes with the session alone. */
static void
test_next_writer(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct stats_iface iface = {0};
	struct facts want = {0};
	struct capture a, b, c;

	stats.wanted = true;
	stats.list = &iface;
	stats.conf = &conf;
	make_ring(&a);
	make_ring(&b);
	make_ring(&c);
	come(&a, "aa", 0);
	come(&b, "aa", 0);
	hears(&b, MSG_WELCOME, HELLO_OK, 0, 1, "two rings of one interface");
	is_int((int64_t)n_kept, 4, "are kept before that is said");
	ok(is_ring("r.aa.1") && keeps("c.aa.1") && !is_ring("c.aa.1") &&
		is_ring("r.aa.2") && keeps("c.aa.2"), "under names of their own");
	for (uint32_t i = 0; i < 3; i++)
		send_rows(&a, &want, 10 * i, 10);
	send_rows(&b, &want, 100, 10);
	ok(takes(&b, FRAME_LAST, 0, 0, 0), "one says its last");
	ok(acknowledged(&a) && acknowledged(&b), "all is taken");
	kill_writer();
	start_writer();
	a.peer = peer_of("aa", 1);
	b.peer = peer_of("aa", 2);
	ok(a.peer->state == PEER_ACTIVE && b.peer->state == PEER_ACTIVE,
	    "the next writer has both");
	hears(&a, MSG_WELCOME, HELLO_OK, a.ring.head, 4, "and where they stand");
	is_int((int64_t)iface.s.sessions, 4, "each counts as a session");
	(void)hello_msg_send(a.conn, MSG_LEFT, HELLO_OK, 1, 0);
	peers_receive(&peers, a.peer);
	is_int(a.peer->state, PEER_ACTIVE,
	    "one that the writer before told to leave may say that it does");
	ok(!b.peer->last_seen, "it has not read the last of one");
	(void)drain_turn(&drain);
	ok(b.peer->last_seen, "which it takes again, to know");
	hears(&a, MSG_ACK, HELLO_OK, a.ring.head, 3, "it says what is taken");
	send_rows(&a, &want, 200, 10);
	(void)drain_turn(&drain);
	hears(&a, MSG_ACK, HELLO_OK, a.ring.head, 4, "and goes on");
	come(&c, "aa", 0);
	is_int(c.peer->store_id, 3, "a new capture's name is new");
	ok(keeps("r.aa.3") && keeps("c.aa.3"), "and kept");
	peers_drop(&peers, a.peer);
	ok(!keeps("r.aa.1") && !keeps("c.aa.1"), "who leaves is forgotten");
	ok(keeps("r.aa.2") && keeps("c.aa.2") && keeps("r.aa.3"),
	    "the others are not");
	is_int((int64_t)peers.lied, 0, "nobody lied");
	iface.n_sessions = 2; /* the writer before did not see its end */
	all_leave();
	is_int((int64_t)iface.n_sessions, 0, "no session is left");
	stats.wanted = false;
	stats.list = NULL;
	stats.n = 0;
	gone(&a);
	gone(&b);
	gone(&c);
	(void)ingest_commit_all(&ingest, NULL);
	stop(store, &want);
}

/* A capture that ended while no writer was there: what its ring holds is taken,
 * and then it goes.  What is of no use is closed. */
static void
test_orphan(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture a, b;

	make_ring(&a);
	make_ring(&b);
	come(&a, "aa", 0);
	come(&b, "bb.7", 0);
	send_rows(&a, &want, 1, 10);
	settle();
	kill_writer();
	forget("c.aa.1"); /* as systemd does when it hangs up */
	forget("r.bb.7.2");
	start_writer();
	a.peer = peer_of("aa", 1);
	is_int(a.peer->state, PEER_ORPHAN, "a ring without its capture");
	is_int(peer_of("bb.7", 2)->state, PEER_FREE,
	    "a connection without its ring is dropped");
	ok(!keeps("c.bb.7.2"), "and forgotten");
	is_int((int64_t)peers.lied, 0, "nobody lied");
	(void)drain_turn(&drain);
	is_int((int64_t)ingest.frames, 1, "what the ring holds is taken");
	is_int(a.peer->state, PEER_FREE, "and then it goes");
	all_leave();
	come(&b, "bb.7", 0);
	for (uint32_t i = 0; i < 2 * DRAIN_BUDGET; i++)
		send_rows(&b, &want, 10 * i, 10);
	gp_fd_close(&b.conn);
	forget("c.bb.7.3");
	stats.changed = false;
	peers_receive(&peers, b.peer);
	is_int(b.peer->state, PEER_ORPHAN, "one that ends leaves its ring");
	ok(stats.changed, "and that is told");
	while (drain_turn(&drain))
		;
	is_int((int64_t)ingest.frames, 1 + 2 * DRAIN_BUDGET,
	    "whose rest is taken as well, however much it is");
	all_leave();
	gone(&a);
	gone(&b);
	(void)ingest_commit_all(&ingest, NULL);
	stop(store, &want);
}

/* Another connection to the writer's socket; a refused one hears why. */
static int
knock(const struct sockaddr_un *sa, socklen_t len)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)sa, len) < 0)
		printf("Bail out! no connection\n");
	return fd;
}

/* The writer's socket: all who wait are taken or refused, and the caller
 * learns when there was nobody. */
static void
test_accept(void)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(sa.sun_family); /* any name (unix(7)) */
	int was = peers.listen_fd;
	struct capture c = {.conn = -1};
	int fd = socket(AF_UNIX,
	    SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (geteuid() != 0) {
		gp_fd_close(&fd);
		ok(true, "the socket # SKIP only root can connect");
		return;
	}
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, len) < 0 ||
	    listen(fd, 8) < 0)
		printf("Bail out! no socket\n");
	len = sizeof(sa);
	(void)getsockname(fd, (struct sockaddr *)&sa, &len);
	peers.listen_fd = fd;
	peers.refused = 0;
	is_int(peers_accept(&peers), -EAGAIN, "nobody comes");
	for (size_t i = 0; i < PEERS_MAX; i++)
		peers.list[i].state = PEER_ORPHAN;
	peers.n_list = PEERS_MAX;
	c.conn = knock(&sa, len);
	is_int(peers_accept(&peers), 1, "one comes where there is no room");
	hears(&c, MSG_WELCOME, HELLO_BUSY, 0, 0, "and hears that");
	is_int((int64_t)peers.refused, 1, "it is counted");
	gp_fd_close(&c.conn);
	peers.list[7].state = PEER_FREE;
	c.conn = knock(&sa, len);
	is_int(peers_accept(&peers), 1, "one where there is");
	is_int(peers.list[7].state, PEER_NEW, "has it");
	is_int(hear(&c).type, 0, "and hears nothing yet");
	gp_fd_close(&peers.list[7].conn);
	gp_fd_close(&c.conn);
	gp_fd_close(&fd);
	memset(peers.list, 0, PEERS_MAX * sizeof(*peers.list));
	peers.n_list = 0;
	peers.refused = 0;
	peers.listen_fd = was;
}

/* Whether one that cannot be told to leave counts on is known only of one that
 * is dead: two that count were twice the packets. */
static void
test_not_told(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct capture a, b;

	make_ring(&a);
	make_ring(&b);
	come(&a, "aa", 0);
	come(&b, "aa", 0);
	(void)hear(&b);
	fill_socket(&a);
	(void)hello_msg_send(b.conn, MSG_TAKE, HELLO_OK, 0, 0);
	peers_receive(&peers, b.peer);
	hears(&b, MSG_FROM, HELLO_BUSY, 0, 0, "one that does not read stays");
	b.peer->succession = PEER_SETTLED;
	a.peer->succession = PEER_SETTLED;
	gp_fd_close(&a.conn);
	(void)hello_msg_send(b.conn, MSG_TAKE, HELLO_OK, 0, 0);
	peers_receive(&peers, b.peer);
	hears(&b, MSG_FROM, HELLO_OK, 0, 0, "one that is dead has left");
	all_leave();
	gone(&a);
	gone(&b);
	godb_writer_close(store);
	folder_remove(folder);
}

/* What of files is in the store is told when all is. */
static void
test_done(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture a;

	make_ring(&a);
	come(&a, "aa", HELLO_OFFLINE);
	hears(&a, MSG_WELCOME, HELLO_OK, 0, 1, "files");
	file_flags = FRAME_OFFLINE;
	send_rows(&a, &want, 1, 10);
	ok(takes(&a, FRAME_LAST, 0, 0, 0), "and their last");
	file_flags = 0;
	is_int(hear(&a).type, MSG_ACK, "are taken");
	hears(&a, MSG_DONE, HELLO_OK, 1, 10, "one block of ten rows");
	all_leave();
	gone(&a);
	stop(store, &want);
}

/* A replay's next writer has a replay's ring. */
static void
test_offline_again(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct capture a;

	make_ring(&a);
	come(&a, "aa", HELLO_OFFLINE);
	settle();
	kill_writer();
	peers.listen_fd = -1;
	start_writer();
	ok(peer_of("aa", 1)->offline && peer_of("aa", 1)->inherited,
	    "a replay goes on as one");
	peers.listen_fd = INT32_MAX;
	all_leave();
	gone(&a);
	godb_writer_close(store);
	folder_remove(folder);
}

/* Two descriptors of one name, and interfaces that share a number. */
static void
test_same_names(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct gp_passed_fd fds[4] = {{-1, "r.aa.5"}, {-1, "r.bb.5"},
	    {-1, "r.aa.5"}, {-1, "x.aa.5"}};
	struct capture a;

	make_ring(&a);
	for (int i = 0; i < 4; i++)
		fds[i].fd = fcntl(a.ring.fd_ro, F_DUPFD_CLOEXEC, 0);
	peers_adopt(&peers, fds, 4);
	is_int(peer_of("aa", 5)->ring_fd, fds[0].fd, "the first of a name");
	ok(fcntl(fds[2].fd, F_GETFD) < 0, "is all: another one is closed");
	is_int(peer_of("bb", 5)->ring_fd, fds[1].fd,
	    "another interface's is another");
	ok(fcntl(fds[3].fd, F_GETFD) >= 0, "a stranger's is left alone");
	gp_fd_close(&fds[3].fd);
	all_leave();
	gone(&a);
	godb_writer_close(store);
	folder_remove(folder);
}

static void
says_span(const struct capture *c, int64_t first_s, int64_t last_s)
{
	hears(c, MSG_WELCOME, HELLO_NEED_SPAN, 0, 0, "files are asked");
	(void)hello_msg_send(c->conn, MSG_SPAN, HELLO_OK, (uint64_t)first_s,
	    (uint64_t)last_s);
	peers_receive(&peers, c->peer);
}

/* The same packets must not be counted twice: files of a time of which there is
 * something already are refused, up to their last block. */
static void
test_files(void)
{
	static const struct {
		const char *name;
		int64_t first, last; /* behind the block that there is */
		enum hello_code code;
	} spans[] = {
	    {"which ends in the block", -3000, 0, HELLO_EXISTS},
	    {"which begins in it", 0, 3000, HELLO_EXISTS},
	    {"before it", -3000, -300, HELLO_OK},
	    {"behind it", 300, 3000, HELLO_OK},
	};
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture a;

	make_ring(&a);
	come(&a, "aa", 0);
	send_rows(&a, &want, 1, 10);
	(void)drain_turn(&drain);
	all_leave();
	gp_fd_close(&a.conn);
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		struct hello_msg m;

		gone(&a);
		make_ring(&a);
		come(&a, "aa", HELLO_OFFLINE);
		says_span(&a, slot_s + spans[i].first, slot_s + spans[i].last);
		m = hear(&a);
		ok(m.type == MSG_WELCOME && m.code == spans[i].code,
		    "a time %s: %d", spans[i].name, m.code);
		if (m.code == HELLO_EXISTS)
			is_int((int64_t)m.a, slot_s, "they are told where");
		all_leave();
	}
	for (int i = 0; i < 2; i++) {
		gp_fd_close(&a.conn);
		come(&a, "aa", HELLO_OFFLINE);
		says_span(&a, slot_s, i ? GP_TIME_MAX_S : slot_s - 300);
		is_int((int64_t)peers.lied, i + 1, "a time that cannot be");
		all_leave();
	}
	gp_fd_close(&a.conn);
	come(&a, "aa", HELLO_OFFLINE | HELLO_STREAM);
	hears(&a, MSG_WELCOME, HELLO_EXISTS, (uint64_t)slot_s, 0,
	    "of a stream nobody knows the time");
	gp_fd_close(&a.conn);
	come(&a, "aa", HELLO_OFFLINE | HELLO_APPEND);
	hears(&a, MSG_WELCOME, HELLO_OK, 0, 1, "who adds knows what it does");
	gp_fd_close(&a.conn);
	all_leave();
	come(&a, "bb", HELLO_OFFLINE);
	hears(&a, MSG_WELCOME, HELLO_OK, 0, 1, "an interface without anything");
	all_leave();
	gp_fd_close(&a.conn);
	break_place(".", "bb");
	come(&a, "bb", HELLO_OFFLINE);
	hears(&a, MSG_WELCOME, HELLO_STORE, ENOTDIR, 0,
	    "nor one of which that is not known");
	mend_place();
	all_leave();
	gone(&a);
	peers.lied = 0;
	(void)ingest_commit_all(&ingest, NULL);
	stop(store, &want);
}

/* Who says nothing goes, but the launcher takes its time; what is known of the
 * clocks follows them. */
static void
test_time_passes(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	uint64_t refused = peers.refused;
	struct capture mute, launcher, a;

	make_ring(&mute);
	make_ring(&launcher);
	make_ring(&a);
	connect_to_writer(&mute, false);
	connect_to_writer(&launcher, true);
	come(&a, "aa", 0);
	is_int((int64_t)peers_capturing(&peers), 1, "one captures");
	is_int((int64_t)peers_active(&peers), 3, "of three");
	peers_tick(&peers);
	is_int(mute.peer->state, PEER_NEW, "a hello is waited for");
	mute.peer->since_mono_ns -= 2 * PEERS_HELLO_NS;
	launcher.peer->since_mono_ns -= 2 * PEERS_HELLO_NS;
	a.peer->offset_min_ns = INT64_MAX;
	a.peer->offset_max_ns = INT64_MIN;
	peers_tick(&peers);
	is_int(mute.peer->state, PEER_FREE, "but not for ever");
	is_int((int64_t)(peers.refused - refused), 1, "it is refused");
	is_int(launcher.peer->state, PEER_NEW, "the launcher's is");
	ok(a.peer->offset_min_ns < INT64_MAX &&
		a.peer->offset_max_ns > INT64_MIN,
	    "clocks are compared");
	all_leave();
	gone(&mute);
	gone(&launcher);
	gone(&a);
	godb_writer_close(store);
	folder_remove(folder);
}

int
main(void)
{
	int pair[2] = {-1, -1};
	pthread_t thread;

	if (!run_begin() ||
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) < 0)
		return 1;
	supervisor = pair[0];
	peers.notify_fd = pair[1];
	peers.listen_fd = INT32_MAX; /* live: it is not used */
	peers.next_store_id = 1;
	if (pthread_create(&thread, NULL, supervise, NULL) != 0)
		return 1;
	test_again();
	peers.next_store_id = 1;
	test_no_position();
	test_full_socket();
	peers.next_store_id = 1;
	test_next_writer();
	peers.next_store_id = 1;
	test_orphan();
	peers.next_store_id = 1;
	test_offline_again();
	test_done();
	test_not_told();
	test_accept();
	test_same_names();
	test_files();
	test_time_passes();
	(void)gp_notify_send(peers.notify_fd, "END");
	(void)pthread_join(thread, NULL);
	(void)close(pair[0]);
	(void)close(pair[1]);
	return run_end();
}
