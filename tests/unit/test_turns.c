/*
 * The writer's loop: while the block of a busy interface is written, an honest
 * one beside it is acknowledged in every turn, and what the busy one sends
 * meanwhile waits in its ring and is counted once.
 */
#include "writer/drain.h"

#include <sys/socket.h>

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
	    .bytes = (uint32_t)frame_bytes(1, n, 0), .flags = FRAME_DIR_IFACE,
	    .slot_s = slot_s, .first_real_ns = real, .last_real_ns = real,
	    .first_boot_ns = boot, .last_boot_ns = boot, .n_names = 1, .n4 = n};
	snprintf(name->name, sizeof(name->name), "TLS");
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
	is_int(godb_writer_open(open(folder, O_RDONLY | O_CLOEXEC), &opts,
		   &store, NULL), 0, "a store");
	peers.store = store;
	peers.n_list = 0;
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

int
main(void)
{
	peers.list = calloc(PEERS_MAX, sizeof(*peers.list));
	if (peers.list == NULL ||
	    drain_init(&drain, &peers, &ingest, &stats, &conf) < 0)
		return 1;
	test_beside();
	test_full();
	drain_fini(&drain);
	free(peers.list);
	return tap_done();
}
