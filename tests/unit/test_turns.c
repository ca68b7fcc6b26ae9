/*
 * The writer's loop: while the block of a busy interface is written, an honest
 * one beside it is acknowledged in every turn, and what the busy one sends
 * meanwhile waits in its ring and is counted once.  What cannot be written of
 * one interface stops nothing of another.
 */
#include "writer/drain.h"

#include <time.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "common/base/clock.h"
#include "common/base/conf.h"
#include "common/base/fd.h"
#include "common/ipc/hello.h"
#include "tests/lib/storetest.h"

#define BUSY_ROWS  (3 * 65536 + 1000)
#define ROWS_SENT  400

static char folder[64];
static struct stats stats; /* wants nothing */
static struct peers peers = {.stats = &stats, .notify_fd = -1};
static struct ingest ingest;
static struct drain drain;
static struct gp_conf conf;
static uint64_t frame[FRAME_MAX_BYTES / 8];
static int64_t slot_s;
static const char *app = "TLS"; /* of the rows to come */
static int64_t covered_ns; /* by a frame */
static uint64_t pending; /* of the capture behind it */
static uint32_t file_flags; /* FRAME_OFFLINE: of a file */
static uint32_t iface_names = GODB_IFACE_NAMES;

static int64_t wall_offset_ns;

/* In front of libc's, for all of the program. */
int
clock_gettime(clockid_t id, struct timespec *ts)
{
	long rc = syscall(SYS_clock_gettime, id, ts);

	if (rc == 0 && id == CLOCK_REALTIME) {
		int64_t ns = (int64_t)ts->tv_sec * GP_NS_PER_S + ts->tv_nsec +
		    wall_offset_ns;

		ts->tv_sec = ns / GP_NS_PER_S;
		ts->tv_nsec = ns % GP_NS_PER_S;
	}
	return (int)rc;
}

struct capture {
	struct ring_producer ring;
	struct peer *peer;
	int conn;
	uint64_t acked; /* position */
};

static bool
all_closed(void *arg, const char *iface, int64_t s)
{
	(void)arg;
	(void)iface;
	(void)s;
	return true;
}

static bool
none_closed(void *arg, const char *iface, int64_t s)
{
	(void)arg;
	(void)iface;
	(void)s;
	return false;
}

static void
join(struct capture *c, const char *iface)
{
	struct peer *p = &peers.list[peers.n_list++];
	const char *why = NULL;
	int pair[2] = {-1, -1};

	memset(p, 0, sizeof(*p));
	ok(ring_create(&c->ring, 64 << 20) == 0 &&
	    ring_attach(&p->ring, c->ring.fd_ro, &why) == 0 &&
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0,
	    "%s joins%s%s", iface, why ? ": " : "", why ? why : "");
	p->state = PEER_ACTIVE;
	p->conn = pair[0];
	p->ring_fd = -1;
	p->boot_min_ns = INT64_MIN;
	p->ended_slot = -1;
	p->offset_min_ns = p->offset_max_ns =
	    gp_clock_real_ns() - gp_clock_boot_ns();
	snprintf(p->iface, sizeof(p->iface), "%s", iface);
	c->peer = p;
	c->conn = pair[1];
	c->acked = 0;
}

static void
leave(struct capture *c)
{
	ring_detach(&c->peer->ring);
	gp_fd_close(&c->peer->conn);
	gp_fd_close(&c->conn);
	gp_fd_close(&c->ring.fd_ro);
	ring_destroy(&c->ring);
	memset(c->peer, 0, sizeof(*c->peer));
}

/* Rows of the block before this one, from number `first` on. */
static void
send_rows(struct capture *c, struct facts *want, uint32_t first, uint32_t n)
{
	struct frame_header *h = (struct frame_header *)(void *)frame;
	struct frame_name *name = (struct frame_name *)(void *)(h + 1);
	struct frame_row4 *r = (struct frame_row4 *)(void *)(name + 1);
	int64_t real = (slot_s + 299) * GP_NS_PER_S;
	int64_t boot = real - c->peer->offset_min_ns;

	memset(frame, 0, frame_bytes(1, n, 0));
	*h = (struct frame_header){.kind = FRAME_ROWS,
	    .bytes = (uint32_t)frame_bytes(1, n, 0), .flags = FRAME_DIR_IFACE | file_flags,
	    .slot_s = slot_s, .first_real_ns = real - covered_ns,
	    .last_real_ns = real,
	    .first_boot_ns = boot, .last_boot_ns = boot, .n_names = 1, .n4 = n,
	    .pending = pending};
	snprintf(name->name, sizeof(name->name), "%s", app);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t k = (first + i) * 2654435761u;

		memcpy(r[i].sip, &k, 4);
		r[i].dip[0] = 10;
		r[i].dport = (uint16_t)(first + i);
		r[i].proto = 6;
		r[i].counter[1] = k;
		r[i].counter[3] = 1;
	}
	h->counters.seen = n;
	if (want) {
		struct godb_batch b = {.iface = c->peer->iface,
		    .slot_s = slot_s, .names = (const void *)name,
		    .rows4 = (const void *)r, .n4 = n};

		b.counters.seen = n;
		facts_add_batch(want, &b);
	}
	if (ring_push(&c->ring, frame) != 0)
		printf("Bail out! the ring is full\n");
}

/* Takes what the writer says; true when all that was sent is acknowledged. */
static bool
acknowledged(struct capture *c)
{
	struct hello_msg m;

	while (hello_msg_recv(c->conn, &m) == 0)
		if (m.type == MSG_ACK)
			c->acked = m.a;
	return c->acked == c->ring.head;
}

static bool
turn(void)
{
	bool more = drain_turn(&drain);

	return ingest_tick(&ingest, all_closed, NULL) || more;
}

static struct godb_writer *
start(uint32_t block_rows)
{
	struct godb_writer_opts opts = GODB_WRITER_OPTS_INIT;
	struct godb_writer *store;

	if (!folder_temporary(folder, sizeof(folder)))
		printf("Bail out! no folder\n");
	opts.owner = "a test";
	opts.block_rows = block_rows;
	opts.iface_names = iface_names;
	is_int(godb_writer_open(open(folder, O_RDONLY | O_CLOEXEC), &opts,
		   &store, NULL), 0, "a store");
	peers.store = store;
	peers.n_list = 0;
	ingest_fini(&ingest);
	ingest_init(&ingest, store, &stats, 0);
	ingest.turn_ns = 0;
	/* over, whatever happens at a boundary just now */
	slot_s = gp_clock_slot(gp_clock_real_ns() / GP_NS_PER_S) - 300;
	return store;
}

static void
stop(struct godb_writer *store, struct facts *want)
{
	size_t told;

	godb_writer_close(store);
	ok(store_equals(folder, want, &told) && told == 0,
	    "everything is there once");
	facts_free(want);
	folder_remove(folder);
}

static void
test_beside(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture busy, honest;
	unsigned turns = 0, waits = 0, late = 0;
	uint32_t sent = 0;

	join(&busy, "busy");
	join(&honest, "honest");
	for (; sent < BUSY_ROWS; sent += ROWS_SENT)
		send_rows(&busy, &want, sent, ROWS_SENT);
	while (drain_turn(&drain))
		;
	ok(acknowledged(&busy), "the busy one's rows are in its journal");
	do {
		send_rows(&honest, &want, turns, 3);
		if (turns == 5)
			send_rows(&busy, &want, 7, ROWS_SENT);
		(void)turn();
		waits += !acknowledged(&honest);
		late += turns >= 5 && ingest.committing &&
		    strcmp(ingest.block_iface, "busy") == 0 &&
		    acknowledged(&busy);
		turns++;
	} while (turns < 10 ||
	    (ingest.committing && strcmp(ingest.block_iface, "busy") == 0));
	/* sorting, four chunks, nine columns written and synced, the record */
	ok(turns >= 20, "the block took %u turns", turns);
	is_int(waits, 0, "the honest one was acknowledged in each of them");
	is_int(late, 0, "a late frame of the busy one waited");
	while (turn())
		;
	ok(acknowledged(&busy), "and was taken then");
	is_int(ingest_commit_all(&ingest, NULL), 0, "the rest");
	leave(&busy);
	leave(&honest);
	stop(store, &want);
}

static void
test_full(void)
{
	struct godb_writer *store = start(1000);
	struct facts want = {0};
	struct capture busy;
	uint32_t sent = 0, turns = 0;

	join(&busy, "busy");
	for (; sent < 20 * ROWS_SENT; sent += ROWS_SENT)
		send_rows(&busy, &want, sent, ROWS_SENT);
	while (turn())
		turns++;
	ok(acknowledged(&busy), "all was taken in %u turns", turns);
	is_int(ingest_commit_all(&ingest, NULL), 0, "the rest");
	ok(ingest.blocks >= 8 && ingest.blocks <= 20,
	    "a block that is full is written: %d records", (int)ingest.blocks);
	is_int(ingest.rows, sent, "rows");
	leave(&busy);
	stop(store, &want);
}

/* ---- an interface whose files cannot be written -------------------------- */

static char broken[96], aside[96];

/* What the name stands for is out of reach: a file is in its place. */
static void
break_place(const char *iface, const char *name)
{
	int fd;

	(void)snprintf(broken, sizeof(broken), "%s/%s", folder, iface);
	(void)mkdir(broken, 0700);
	(void)snprintf(broken, sizeof(broken), "%s/%s/%s", folder, iface, name);
	(void)snprintf(aside, sizeof(aside), "%s/aside", folder);
	(void)rename(broken, aside);
	fd = open(broken, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	gp_fd_close(&fd);
}

static void
mend_place(void)
{
	(void)unlink(broken);
	(void)rename(aside, broken);
	ingest_hurry(&ingest);
}

static void
turns(unsigned n)
{
	while (n-- > 0)
		(void)turn();
}

static void
test_block_fails(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture a, b;
	char day[11];

	gp_clock_day_format(slot_s, day);
	join(&a, "aa");
	join(&b, "bb");
	send_rows(&a, &want, 1, 10);
	send_rows(&b, &want, 1, 10);
	break_place("aa", day);
	turns(40);
	ok(acknowledged(&a) && acknowledged(&b), "both are acknowledged");
	is_int((int64_t)ingest.blocks, 1,
	    "a block that cannot be written stops no other interface's");
	ok(ingest.failing < 0 && ingest_held_any(&ingest, "aa") < 0 &&
		ingest_held(&ingest, "aa") == 0 &&
		ingest_held_any(&ingest, "bb") == 0,
	    "it alone is left alone: %s", godb_strerror(ingest.failing));
	send_rows(&a, &want, 20, 10);
	send_rows(&b, &want, 20, 10);
	turns(40);
	ok(acknowledged(&a) && acknowledged(&b), "its frames are taken");
	is_int((int64_t)ingest.blocks, 2, "and the other's written");
	mend_place();
	turns(40);
	is_int((int64_t)ingest.blocks, 3, "and so is it, once it can be");
	is_int(ingest.failing, 0, "all is well");
	leave(&a);
	leave(&b);
	stop(store, &want);
}

static void
test_journal_fails(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture a, b;

	join(&b, "bb");
	join(&a, "aa");
	send_rows(&a, &want, 1, 10);
	send_rows(&b, &want, 1, 10);
	break_place("aa", "journal");
	turns(40);
	ok(!acknowledged(&a), "frames that no journal takes stay in their ring");
	ok(acknowledged(&b), "another interface's do not");
	is_int((int64_t)ingest.blocks, 1, "and its block is written");
	ok(ingest_held(&ingest, "aa") < 0 && ingest_held(&ingest, "bb") == 0,
	    "one is left alone");
	mend_place();
	turns(40);
	ok(acknowledged(&a), "they are taken once they can be");
	is_int((int64_t)ingest.blocks, 2, "and their block is written");
	is_int(ingest.failing, 0, "all is well");
	leave(&a);
	leave(&b);
	stop(store, &want);
}

/* Where the interface's first open block ends. */
static int64_t
end_of(const struct godb_writer *store, const char *iface)
{
	struct godb_open_block block;

	for (size_t i = 0; godb_writer_open_block(store, i, &block); i++)
		if (strcmp(block.iface, iface) == 0)
			return block.last_ns;
	return 0;
}

/* What a lost capture held back is taken off the time of its block once,
 * however often that cannot be written. */
static void
test_orphan_fails(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture a;
	int64_t came_ns, whole_ns;
	char day[11];

	gp_clock_day_format(slot_s, day);
	covered_ns = 200 * GP_NS_PER_S;
	join(&a, "aa");
	send_rows(&a, &want, 1, 10);
	(void)drain_turn(&drain);
	covered_ns = 0;
	ok(acknowledged(&a), "frames are in the journal");
	came_ns = end_of(store, "aa");
	break_place("aa", day);
	/* as by a writer that took the ring up again */
	a.peer->state = PEER_ORPHAN;
	a.peer->told_ns = 0;
	(void)drain_turn(&drain);
	whole_ns = end_of(store, "aa");
	ok(whole_ns < came_ns && whole_ns >= came_ns - GP_NS_PER_S,
	    "a block without its capture covers less");
	for (int i = 0; i < 40; i++) {
		ingest_hurry(&ingest);
		(void)drain_turn(&drain);
	}
	is_int(end_of(store, "aa"), whole_ns, "and no less while it fails");
	mend_place();
	(void)drain_turn(&drain);
	is_int((int64_t)ingest.blocks, 1, "it is written once it can be");
	is_int(a.peer->state, PEER_FREE, "and the ring goes");
	leave(&a);
	stop(store, &want);
}

/* What waited for its label is lost with the capture, though nobody publishes
 * figures of it. */
static void
test_orphan_pending(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture a;
	int64_t came_ns, gone_ns;
	char day[11];

	gp_clock_day_format(slot_s, day);
	covered_ns = 200 * GP_NS_PER_S;
	conf.capture.l7_wait = 10;
	pending = 5;
	join(&a, "aa");
	send_rows(&a, &want, 1, 10);
	(void)drain_turn(&drain);
	pending = 0;
	covered_ns = 0;
	came_ns = end_of(store, "aa");
	break_place("aa", day);
	a.peer->state = PEER_ORPHAN;
	(void)drain_turn(&drain);
	gone_ns = came_ns - end_of(store, "aa");
	ok(gone_ns > 10 * GP_NS_PER_S && gone_ns < 11 * GP_NS_PER_S,
	    "a block covers less by what waited for its label: %d ms",
	    (int)(gone_ns / 1000000));
	conf.capture.l7_wait = 0;
	mend_place();
	(void)drain_turn(&drain);
	leave(&a);
	stop(store, &want);
}

/* Several rings of one capture are lost at once. */
static void
test_orphans_fail(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture rings[3];
	int64_t came_ns, gone_ns;
	char day[11];

	gp_clock_day_format(slot_s, day);
	covered_ns = 200 * GP_NS_PER_S;
	for (int i = 0; i < 3; i++) {
		join(&rings[i], "aa");
		send_rows(&rings[i], &want, 1, 10);
	}
	(void)drain_turn(&drain);
	covered_ns = 0;
	came_ns = end_of(store, "aa");
	break_place("aa", day);
	for (int i = 0; i < 3; i++) {
		rings[i].peer->state = PEER_ORPHAN;
		rings[i].peer->told_ns = 0;
	}
	(void)drain_turn(&drain);
	gone_ns = came_ns - end_of(store, "aa");
	ok(gone_ns > 0 && gone_ns < GP_NS_PER_S / 5,
	    "three rings of a capture cover as much less as one: %d ms",
	    (int)(gone_ns / 1000000));
	mend_place();
	(void)drain_turn(&drain);
	is_int((int64_t)ingest.blocks, 1, "it is written once it can be");
	for (int i = 0; i < 3; i++)
		leave(&rings[i]);
	stop(store, &want);
}

/* The same of blocks that no ring feeds, of two interfaces; a third one's can
 * be written. */
static void
test_forsaken_fails(void)
{
	static const char *const ifaces[] = {"aa", "bb", "cc"};
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture captures[3];
	int64_t came_ns[3];
	char day[11], first[sizeof(broken)];

	gp_clock_day_format(slot_s, day);
	covered_ns = 200 * GP_NS_PER_S;
	for (int i = 0; i < 3; i++) {
		join(&captures[i], ifaces[i]);
		send_rows(&captures[i], &want, 1, 10);
		slot_s -= 300;
		send_rows(&captures[i], &want, 1, 10);
		slot_s += 300;
	}
	(void)drain_turn(&drain);
	covered_ns = 0;
	break_place("aa", day);
	memcpy(first, broken, sizeof(first));
	break_place("bb", day);
	for (int i = 0; i < 3; i++) {
		leave(&captures[i]);
		came_ns[i] = ingest_newest(&ingest, ifaces[i]);
	}
	peers.n_list = 0;
	drain_forsaken(&drain);
	for (int i = 0; i < 2; i++) {
		int64_t gone_ns = came_ns[i] -
		    ingest_newest(&ingest, ifaces[i]);

		ok(gone_ns > 0 && gone_ns < GP_NS_PER_S / 5,
		    "two blocks without a capture cover as much less as one: "
		    "%d ms", (int)(gone_ns / 1000000));
	}
	is_int(ingest_newest(&ingest, "cc"), 0, "others are written");
	(void)unlink(first);
	mend_place();
	is_int(ingest_commit_all(&ingest, NULL), 0, "and so are they");
	stop(store, &want);
}

/* One that is half written when another must be is counted as well. */
static void
test_counted(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture a, b;

	join(&a, "aa");
	join(&b, "bb");
	send_rows(&a, &want, 1, 10);
	send_rows(&b, &want, 1, 20);
	slot_s -= 300;
	send_rows(&b, &want, 1, 30);
	slot_s += 300;
	(void)turn();
	ok(ingest.committing && strcmp(ingest.block_iface, "aa") == 0,
	    "a block is being written");
	is_int(ingest_commit_all(&ingest, "bb"), 0, "others are wanted at once");
	is_int((int64_t)ingest.blocks, 3, "all are counted");
	is_int((int64_t)ingest.rows, 60, "with their rows");
	ok(ingest.stored_bytes > 0, "and bytes");
	leave(&a);
	leave(&b);
	stop(store, &want);
}

static unsigned
lines_with(const char *file, const char *text)
{
	FILE *f = fopen(file, "r");
	char line[512];
	unsigned n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, text) != NULL;
	if (f)
		(void)fclose(f);
	return n;
}

static char log_file[96];
static int log_kept;

static void
log_begin(void)
{
	int fd;

	(void)snprintf(log_file, sizeof(log_file), "%s.log", folder);
	fd = open(log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	log_kept = dup(2);
	(void)dup2(fd, 2);
	gp_fd_close(&fd);
}

static void
log_end(void)
{
	(void)dup2(log_kept, 2);
	gp_fd_close(&log_kept);
}

/* What comes and goes is told a few times a minute. */
static void
test_comes_and_goes(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture a;
	char day[11];

	gp_clock_day_format(slot_s, day);
	log_begin();
	join(&a, "aa");
	for (uint32_t i = 0; i < 20; i++) {
		send_rows(&a, &want, i * 10, 10);
		break_place("aa", day);
		turns(30);
		mend_place();
		turns(30);
	}
	log_end();
	is_int((int64_t)ingest.blocks, 20, "twenty times it failed and worked");
	ok(lines_with(log_file, "cannot be written") >= 1 &&
		lines_with(log_file, "cannot be written") <= 5,
	    "a few lines say that it does not");
	ok(lines_with(log_file, "can be written again") >= 1 &&
		lines_with(log_file, "can be written again") <= 5,
	    "and a few that it does");
	(void)unlink(log_file);
	leave(&a);
	stop(store, &want);
}

/* An interface that brings names without an end is told of once. */
static void
test_too_many_names(void)
{
	struct godb_writer *store;
	struct capture a;
	char name[16];

	iface_names = 3;
	store = start(GODB_BLOCK_ROWS);
	log_begin();
	join(&a, "aa");
	for (uint32_t i = 0; i < 10; i++) {
		(void)snprintf(name, sizeof(name), "made up %u", i);
		app = name;
		send_rows(&a, NULL, i, 1);
	}
	turns(30);
	log_end();
	app = "TLS";
	iface_names = GODB_IFACE_NAMES;
	ok(acknowledged(&a), "frames with too many names are taken");
	is_int(lines_with(log_file, "too many application names: further ones "
		   "are Unknown iface=aa"), 1, "and one line says so");
	(void)unlink(log_file);
	leave(&a);
	godb_writer_close(store);
	folder_remove(folder);
}

/* A frame without rows of the block so many seconds ago, whose time ends
 * BACK_S seconds before that of others and covers so much. */
static bool
takes(struct capture *c, enum frame_kind kind, int64_t ago_s, int64_t back_s,
    int64_t covers_s)
{
	struct frame_header *h = (struct frame_header *)(void *)frame;
	int64_t real = (slot_s + 299 - back_s) * GP_NS_PER_S;
	int64_t boot = real - c->peer->offset_min_ns;

	memset(frame, 0, sizeof(*h));
	*h = (struct frame_header){.kind = (uint16_t)kind, .bytes = sizeof(*h),
	    .flags = FRAME_DIR_IFACE | file_flags, .slot_s = slot_s - ago_s,
	    .first_real_ns = real - covers_s * GP_NS_PER_S,
	    .last_real_ns = real,
	    .first_boot_ns = boot - covers_s * GP_NS_PER_S,
	    .last_boot_ns = boot};
	if (ring_push(&c->ring, frame) != 0)
		printf("Bail out! the ring is full\n");
	(void)drain_turn(&drain);
	return c->peer->state == PEER_ACTIVE;
}

/* Of a capture that has been there for two days, as it says: a frame of the
 * block so many seconds ago that covers all of them. */
static bool
takes_of_days(struct capture *c, int64_t ago_s)
{
	return takes(c, FRAME_ROWS, ago_s, 0, 2 * GP_DAY_S);
}

/* Packets that waited for room, or were read late, say how long; that is no
 * way back to blocks that are over. */
static void
test_way_back(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct capture a, b;

	join(&a, "aa");
	ok(takes_of_days(&a, 0), "two days are told of at once");
	ok(takes_of_days(&a, 0), "in another frame, too");
	ok(takes_of_days(&a, 300), "and what waited of the block before");
	ok(!takes_of_days(&a, GP_DAY_S), "but not a block of the day before");
	leave(&a);
	join(&b, "bb");
	ok(takes_of_days(&b, GP_DAY_S), "what one that stood still had begun");
	ok(takes_of_days(&b, GP_DAY_S), "comes in as many frames as it takes");
	ok(!takes_of_days(&b, GP_DAY_S - 3600), "and no other block with it");
	leave(&b);
	godb_writer_close(store);
	folder_remove(folder);
}

/* What a capture that is gone has left unsaid: what was not read yet, and what
 * its flows waited for their labels; nothing when it said its last. */
static void
test_held_back(void)
{
	static const struct {
		const char *name;
		enum gp_conf_l7 l7;
		bool last, told;
		int64_t gone_ms;
	} cases[] = {
	    {"nothing waited", GP_L7_NDPI, false, true, 100},
	    {"it said its last", GP_L7_NDPI, true, true, 0},
	    {"an earlier writer knew", GP_L7_NDPI, false, false, 10100},
	    {"nothing ever waits", GP_L7_OFF, false, false, 100},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct godb_writer *store = start(GODB_BLOCK_ROWS);
		struct facts want = {0};
		struct capture a;
		int64_t came_ns;
		char day[11];

		gp_clock_day_format(slot_s, day);
		conf.capture.l7_wait = 10;
		conf.capture.l7 = cases[i].l7;
		covered_ns = 200 * GP_NS_PER_S;
		join(&a, "aa");
		send_rows(&a, &want, 1, 10);
		(void)drain_turn(&drain);
		covered_ns = 0;
		came_ns = end_of(store, "aa");
		break_place("aa", day);
		a.peer->state = PEER_ORPHAN;
		a.peer->last_seen = cases[i].last;
		if (!cases[i].told)
			a.peer->told_ns = 0;
		(void)drain_turn(&drain);
		is_int((came_ns - end_of(store, "aa")) / 1000000,
		    cases[i].gone_ms, "%s: so much less is covered",
		    cases[i].name);
		memset(&conf.capture, 0, sizeof(conf.capture));
		mend_place();
		(void)drain_turn(&drain);
		leave(&a);
		stop(store, &want);
	}
}

/* Of two rings of an interface one is lost: its time ends where it told last,
 * whatever the other one told since. */
static void
test_one_of_two(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct capture a, b;
	char day[11];

	gp_clock_day_format(slot_s, day);
	join(&a, "aa");
	join(&b, "aa");
	ok(takes(&a, FRAME_ROWS, 0, 50, 100) && takes(&b, FRAME_ROWS, 0, 0, 50),
	    "two tell");
	break_place("aa", day);
	a.peer->state = PEER_ORPHAN;
	(void)drain_turn(&drain);
	is_int(end_of(store, "aa"),
	    (slot_s + 249) * GP_NS_PER_S - GP_NS_PER_S / 10,
	    "the one that is lost ends its time");
	mend_place();
	(void)drain_turn(&drain);
	leave(&a);
	leave(&b);
	godb_writer_close(store);
	folder_remove(folder);
}

/* Each figure and flag of a frame comes to its own in the store, and the block
 * to those of its interface. */
static void
test_figures(void)
{
	static const struct godb_counters c = {.seen = 8, .seen_bytes = 1000,
	    .non_ip = 3, .non_ip_bytes = 400, .malformed = 5,
	    .malformed_bytes = 600, .kernel_drops = 7, .iface_drops = 11,
	    .overflow = 13, .late = 17, .time_clamped = 19};
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct frame_header *h = (struct frame_header *)(void *)frame;
	struct stats_iface iface = {.s.name = "aa"};
	struct godb_open_block block = {0};
	struct facts want = {0};
	struct capture a;

	stats.wanted = true;
	stats.list = &iface;
	stats.n = 1;
	join(&a, "aa");
	file_flags = FRAME_CUT;
	ok(takes(&a, FRAME_ROWS, 0, 0, 0) &&
		godb_writer_open_block(store, 0, &block),
	    "a frame");
	is_int(block.flags & ~(uint32_t)GODB_PART_LIVE,
	    GODB_PART_DIR_IFACE | GODB_PART_CUT, "with flags");
	file_flags = 0;
	h->flags = FRAME_DIR_FLOW;
	h->slot_s -= 300;
	h->counters = (struct frame_counters){.seen = c.seen,
	    .seen_bytes = c.seen_bytes, .non_ip = c.non_ip,
	    .non_ip_bytes = c.non_ip_bytes, .malformed = c.malformed,
	    .malformed_bytes = c.malformed_bytes,
	    .kernel_drops = c.kernel_drops, .iface_drops = c.iface_drops,
	    .overflow = c.overflow, .late = c.late,
	    .time_clamped = c.time_clamped};
	facts_count(&want, &c);
	ok(ring_push(&a.ring, frame) == 0 && !drain_turn(&drain) &&
		godb_writer_open_block(store, 0, &block),
	    "another one, of the block before");
	is_int(block.flags & ~(uint32_t)GODB_PART_LIVE, GODB_PART_DIR_FLOW,
	    "with others");
	is_int(ingest_commit_all(&ingest, NULL), 0, "both are written");
	is_int((int64_t)iface.s.blocks, 2, "as their interface's");
	is_int((int64_t)(iface.s.last_block / 1000000000), slot_s,
	    "the newest among them");
	is_int((int64_t)ingest.frames, 2, "and the frames of all");
	stats.wanted = false;
	stats.list = NULL;
	stats.n = 0;
	leave(&a);
	stop(store, &want);
}

/* Where the successor of a lost capture waits, no other interface does; one
 * that never said anything leaves no trace. */
static void
test_successor(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture lost, next, other, mute;
	char day[11];

	gp_clock_day_format(slot_s, day);
	covered_ns = 200 * GP_NS_PER_S;
	join(&lost, "aa");
	join(&next, "aa");
	join(&other, "bb");
	join(&mute, "bb");
	send_rows(&lost, &want, 1, 10);
	send_rows(&other, &want, 1, 10);
	(void)drain_turn(&drain);
	break_place("aa", day);
	lost.peer->state = mute.peer->state = PEER_ORPHAN;
	send_rows(&next, &want, 20, 10);
	send_rows(&other, &want, 20, 10);
	covered_ns = 0;
	(void)drain_turn(&drain);
	ok(!acknowledged(&next), "a successor waits until all is told");
	is_int(mute.peer->state, PEER_FREE, "who never told anything goes");
	is_int(end_of(store, "bb"), (slot_s + 299) * GP_NS_PER_S,
	    "and takes nothing off the time of who did");
	(void)drain_turn(&drain);
	ok(acknowledged(&other), "another interface does not wait");
	mend_place();
	(void)drain_turn(&drain);
	(void)drain_turn(&drain);
	ok(acknowledged(&next), "then the successor is heard");
	(void)ingest_commit_all(&ingest, NULL);
	leave(&lost);
	leave(&next);
	leave(&other);
	leave(&mute);
	stop(store, &want);
}

/* Of files all is in the store before that is said. */
static void
test_files_done(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture a;
	char day[11];

	gp_clock_day_format(slot_s, day);
	join(&a, "aa");
	a.peer->offline = true;
	file_flags = FRAME_OFFLINE;
	break_place("aa", "journal");
	send_rows(&a, &want, 1, 10);
	a.peer->state = PEER_ORPHAN;
	(void)drain_turn(&drain);
	ok(!a.peer->done_sent && a.peer->state == PEER_ORPHAN,
	    "nothing is done while frames are in the ring");
	a.peer->state = PEER_ACTIVE;
	mend_place();
	ok(takes(&a, FRAME_LAST, 0, 0, 0) && acknowledged(&a) &&
		a.peer->done_sent && ingest.blocks == 1,
	    "when all is written it is");
	a.peer->last_seen = a.peer->done_sent = false;
	send_rows(&a, &want, 20, 10);
	(void)drain_turn(&drain);
	break_place("aa", day);
	ok(takes(&a, FRAME_LAST, 0, 0, 0) && acknowledged(&a) &&
		!a.peer->done_sent,
	    "nothing is done while a block cannot be written");
	mend_place();
	(void)drain_turn(&drain);
	ok(a.peer->done_sent && ingest.blocks == 2, "but once it can");
	file_flags = 0;
	leave(&a);
	stop(store, &want);
}

/* Blocks that somebody goes on with, or that are a file's, are not forsaken. */
static void
test_not_forsaken(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct facts want = {0};
	struct capture live, lost, file;

	join(&live, "aa");
	join(&lost, "bb");
	join(&file, "cc");
	send_rows(&live, &want, 1, 10);
	send_rows(&lost, &want, 1, 10);
	file.peer->offline = true;
	file_flags = FRAME_OFFLINE;
	send_rows(&file, &want, 1, 10);
	file_flags = 0;
	(void)drain_turn(&drain);
	lost.peer->state = PEER_ORPHAN;
	leave(&file);
	drain_forsaken(&drain);
	is_int((int64_t)ingest.blocks, 0, "no block is forsaken");
	ok(end_of(store, "aa") != 0 && end_of(store, "bb") != 0 &&
		end_of(store, "cc") != 0, "all are open");
	turns(80);
	ok(end_of(store, "aa") == 0 && end_of(store, "bb") == 0 &&
		end_of(store, "cc") != 0,
	    "the clock ends what is live, not the file's");
	leave(&live);
	leave(&lost);
	(void)ingest_commit_all(&ingest, NULL);
	stop(store, &want);
}

/* A block ends with its time, once its capture has said so or some seconds
 * later; what its journal got is synced when it is time for that. */
static void
test_grace(void)
{
	int64_t real = gp_clock_real_ns();
	struct facts want = {0};
	struct godb_writer *store;
	struct capture a;

	wall_offset_ns = 2 * GP_NS_PER_S - real % (300 * GP_NS_PER_S);
	store = start(GODB_BLOCK_ROWS);
	join(&a, "aa");
	send_rows(&a, &want, 1, 10);
	(void)drain_turn(&drain);
	ingest.sync_ns = 3600 * GP_NS_PER_S;
	wall_offset_ns -= 10 * GP_NS_PER_S;
	for (int i = 0; i < 40; i++)
		(void)ingest_tick(&ingest, all_closed, NULL);
	is_int((int64_t)ingest.blocks, 0, "a block is not over before its end");
	wall_offset_ns += 10 * GP_NS_PER_S;
	for (int i = 0; i < 40; i++)
		(void)ingest_tick(&ingest, none_closed, NULL);
	is_int((int64_t)ingest.blocks, 0, "then its capture is waited for");
	ok(ingest.dirty, "its journal is not synced yet");
	ingest.synced_ns -= 2 * ingest.sync_ns;
	wall_offset_ns += INGEST_GRACE_S * GP_NS_PER_S;
	for (int i = 0; i < 40; i++)
		(void)ingest_tick(&ingest, none_closed, NULL);
	ok(!ingest.dirty, "it is when it is time");
	is_int((int64_t)ingest.blocks, 1, "but not for ever");
	send_rows(&a, &want, 20, 10);
	(void)drain_turn(&drain);
	wall_offset_ns -= INGEST_GRACE_S * GP_NS_PER_S;
	for (int i = 0; i < 40; i++)
		(void)ingest_tick(&ingest, all_closed, NULL);
	is_int((int64_t)ingest.blocks, 2, "nor longer than needed");
	wall_offset_ns = 0;
	leave(&a);
	stop(store, &want);
}

/* A clock that was set back is in a block that was ended: that is not over
 * until it is ended again. */
static void
test_ended_again(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct capture a;

	join(&a, "aa");
	ok(takes(&a, FRAME_ROWS, 0, 0, 0) &&
		!peers_closed(&peers, "aa", slot_s),
	    "a block goes on");
	ok(takes(&a, FRAME_END, 0, 0, 0) && peers_closed(&peers, "aa", slot_s),
	    "until its end");
	ok(takes(&a, FRAME_ROWS, 0, 0, 0) &&
		!peers_closed(&peers, "aa", slot_s) &&
		peers_closed(&peers, "aa", slot_s - 300),
	    "and is begun anew");
	ok(takes(&a, FRAME_END, 0, 0, 0) && peers_closed(&peers, "aa", slot_s),
	    "until its end again");
	leave(&a);
	godb_writer_close(store);
	folder_remove(folder);
}

/* Live, time without packets is watched time; of files it is none.  What is
 * not a row has been seen all the same. */
static void
test_nothing_said(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct frame_header *h = (struct frame_header *)(void *)frame;
	struct capture a, b;

	join(&a, "aa");
	ok(takes(&a, FRAME_ROWS, 0, 0, 10), "nothing came for ten seconds");
	is_int(ingest_newest(&ingest, "aa"),
	    (slot_s + 299) * GP_NS_PER_S, "and that is kept");
	leave(&a);
	join(&b, "bb");
	b.peer->offline = true;
	*h = (struct frame_header){.kind = FRAME_ROWS, .bytes = sizeof(*h),
	    .flags = FRAME_DIR_IFACE | FRAME_OFFLINE, .slot_s = slot_s,
	    .first_real_ns = slot_s * GP_NS_PER_S,
	    .last_real_ns = slot_s * GP_NS_PER_S};
	(void)ring_push(&b.ring, frame);
	(void)drain_turn(&drain);
	is_int(ingest_newest(&ingest, "bb"), 0, "of a file it is not");
	h->counters.seen = h->counters.non_ip = 7;
	(void)ring_push(&b.ring, frame);
	(void)drain_turn(&drain);
	is_int(ingest_newest(&ingest, "bb"), slot_s * GP_NS_PER_S,
	    "but what is no IP is");
	leave(&b);
	godb_writer_close(store);
	folder_remove(folder);
}

/* A frame that an earlier writer has stored comes again, and is no news. */
static void
test_taken_twice(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct stats_iface iface = {0};
	struct facts want = {0};
	struct capture a;

	join(&a, "aa");
	stats.wanted = true;
	a.peer->stats = &iface;
	send_rows(&a, &want, 1, 10);
	(void)drain_turn(&drain);
	a.peer->ring.pos = 0;
	a.peer->ring.next_seq = 1;
	(void)drain_turn(&drain);
	is_int((int64_t)iface.s.frames, 2, "a frame is taken twice");
	is_int((int64_t)iface.s.duplicates, 1, "which is noted");
	is_int((int64_t)iface.s.in_rows, 10, "and counted once");
	is_int((int64_t)ingest.duplicates, 1, "as of all interfaces");
	stats.wanted = false;
	leave(&a);
	(void)ingest_commit_all(&ingest, NULL);
	stop(store, &want);
}

/* Nobody tells of the time before it came, far back from what it told, or
 * after its last. */
static void
test_bounds_of_time(void)
{
	struct godb_writer *store = start(GODB_BLOCK_ROWS);
	struct capture a, b, c;
	uint64_t seq, pos = 1;

	join(&a, "aa");
	a.peer->boot_min_ns = (slot_s + 289) * GP_NS_PER_S -
	    a.peer->offset_min_ns;
	ok(takes(&a, FRAME_ROWS, 0, 0, 10), "all the time since the hello");
	ok(!takes(&a, FRAME_ROWS, 0, 0, 11), "and none before it");
	leave(&a);
	join(&b, "bb");
	ok(takes(&b, FRAME_ROWS, 0, 0, 0) &&
		takes(&b, FRAME_ROWS, 600, 600, 0),
	    "what waited for a name ends two blocks ago");
	ok(!takes(&b, FRAME_ROWS, 600, 601, 0), "and not before that");
	leave(&b);
	join(&c, "cc");
	ok(takes(&c, FRAME_LAST, 0, 0, 0), "the last frame");
	ok(godb_writer_ring(store, "cc", c.ring.info.instance, &seq, &pos) ==
		0 && pos == 0,
	    "is where a writer after this one begins, to know that it is");
	ok(!takes(&c, FRAME_ROWS, 0, 0, 0), "and nothing behind it");
	leave(&c);
	godb_writer_close(store);
	folder_remove(folder);
}

int
main(void)
{
	peers.list = calloc(PEERS_MAX, sizeof(*peers.list));
	if (peers.list == NULL ||
	    drain_init(&drain, &peers, &ingest, &stats, &conf) < 0)
		return 1;
	test_beside();
	test_full();
	test_block_fails();
	test_journal_fails();
	test_orphan_fails();
	test_orphan_pending();
	test_orphans_fail();
	test_forsaken_fails();
	test_counted();
	test_comes_and_goes();
	test_too_many_names();
	test_way_back();
	test_bounds_of_time();
	test_held_back();
	test_one_of_two();
	test_successor();
	test_figures();
	test_files_done();
	test_not_forsaken();
	test_grace();
	test_ended_again();
	test_nothing_said();
	test_taken_twice();
	ingest_fini(&ingest);
	drain_fini(&drain);
	free(peers.list);
	return tap_done();
}
