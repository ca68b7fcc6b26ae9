/*
 * turnsrun - the writer's loop in a test: a store, captures that join it by
 * rings of their own, frames that they send, and turns.
 */
#ifndef TESTS_TURNSRUN_H
#define TESTS_TURNSRUN_H

#include "writer/drain.h"

#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/base/conf.h"
#include "common/base/fd.h"
#include "common/ipc/hello.h"
#include "tests/lib/storetest.h"

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

struct capture {
	struct ring_producer ring;
	struct peer *peer;
	int conn;
	uint64_t acked; /* position */
};

__attribute__((unused)) static void
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

__attribute__((unused)) static void
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
__attribute__((unused)) static void
send_rows(struct capture *c, struct facts *want, uint32_t first, uint32_t n)
{
	struct frame_header *h = (struct frame_header *)(void *)frame;
	struct frame_name *name = (struct frame_name *)(void *)(h + 1);
	struct frame_row4 *r = (struct frame_row4 *)(void *)(name + 1);
	int64_t real = (slot_s + 299) * GP_NS_PER_S;
	int64_t boot = real - c->peer->offset_min_ns;

	memset(frame, 0, frame_bytes(1, n, 0));
	*h = (struct frame_header){.kind = FRAME_ROWS,
	    .bytes = (uint32_t)frame_bytes(1, n, 0),
	    .flags = FRAME_DIR_IFACE | file_flags,
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

/* A frame without rows of the block so many seconds ago, whose time ends
 * BACK_S seconds before that of others and covers so much. */
__attribute__((unused)) static bool
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

/* Takes what the writer says; true when all that was sent is acknowledged. */
__attribute__((unused)) static bool
acknowledged(struct capture *c)
{
	struct hello_msg m;

	while (hello_msg_recv(c->conn, &m) == 0)
		if (m.type == MSG_ACK)
			c->acked = m.a;
	return c->acked == c->ring.head;
}

static bool
all_closed(void *arg, const char *iface, int64_t s)
{
	(void)arg;
	(void)iface;
	(void)s;
	return true;
}

__attribute__((unused)) static bool
turn(void)
{
	bool more = drain_turn(&drain);

	return ingest_tick(&ingest, all_closed, NULL) || more;
}

__attribute__((unused)) static void
turns(unsigned n)
{
	while (n-- > 0)
		(void)turn();
}

__attribute__((unused)) static struct godb_writer *
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

__attribute__((unused)) static void
stop(struct godb_writer *store, struct facts *want)
{
	size_t told;

	godb_writer_close(store);
	ok(store_equals(folder, want, &told) && told == 0,
	    "everything is there once");
	facts_free(want);
	folder_remove(folder);
}

/* Where the interface's first open block ends. */
__attribute__((unused)) static int64_t
end_of(const struct godb_writer *store, const char *iface)
{
	struct godb_open_block block;

	for (size_t i = 0; godb_writer_open_block(store, i, &block); i++)
		if (strcmp(block.iface, iface) == 0)
			return block.last_ns;
	return 0;
}

/* ---- what cannot be written ---------------------------------------------- */

static char broken[96], aside[96];

/* What the name stands for is out of reach: a file is in its place. */
__attribute__((unused)) static void
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

__attribute__((unused)) static void
unbreak(void)
{
	(void)unlink(broken);
	(void)rename(aside, broken);
}

__attribute__((unused)) static void
mend_place(void)
{
	unbreak();
	ingest_hurry(&ingest);
}

/* ---- what is logged ------------------------------------------------------ */

static char log_file[96];
static int log_kept;

__attribute__((unused)) static void
log_begin(void)
{
	int fd;

	(void)snprintf(log_file, sizeof(log_file), "%s.log", folder);
	fd = open(log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	log_kept = dup(2);
	(void)dup2(fd, 2);
	gp_fd_close(&fd);
}

__attribute__((unused)) static void
log_end(void)
{
	(void)dup2(log_kept, 2);
	gp_fd_close(&log_kept);
}

__attribute__((unused)) static unsigned
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

/* ---- the program --------------------------------------------------------- */

static bool
run_begin(void)
{
	peers.list = calloc(PEERS_MAX, sizeof(*peers.list));
	return peers.list &&
	    drain_init(&drain, &peers, &ingest, &stats, &conf) == 0;
}

static int
run_end(void)
{
	ingest_fini(&ingest);
	drain_fini(&drain);
	free(peers.list);
	return tap_done();
}

#endif
