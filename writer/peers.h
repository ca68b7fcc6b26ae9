/*
 * peers - the captures: accept them, own their rings from hello to loss.
 *
 * The interface of a peer is what its hello said, over a socket that only
 * root can connect to; nothing a frame says changes it.  Ring and connection
 * are kept in the supervisor's descriptor store (sd_notify(3), FDSTORE) from
 * before the WELCOME until the ring is drained for good, so that a dead writer
 * costs a capture nothing.
 */
#ifndef WRITER_PEERS_H
#define WRITER_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/clock.h"
#include "common/base/notify.h"
#include "common/godb/godb_write.h"
#include "common/ipc/hello.h"
#include "common/ipc/ring.h"
#include "writer/stats.h"

#define PEERS_MAX         1100 /* 1024 interfaces and some in passing */
#define PEERS_MAX_NEW     64   /* connections that have not said hello */
#define PEERS_HELLO_NS    (5 * GP_NS_PER_S)

enum peer_state {
	PEER_FREE,
	PEER_NEW,    /* connected, no hello yet */
	PEER_SPAN,   /* offline: asked for its time span */
	PEER_ACTIVE,
	PEER_ORPHAN, /* connection gone; what the ring holds is still ours */
	PEER_PRUNE,  /* an administrator's command, waiting for its answer */
};

/* What an interface's captures have to do with each other; succession.h. */
enum peer_succession {
	PEER_SETTLED,  /* nothing, or no more */
	PEER_TAKING,   /* waits for others to leave */
	PEER_LEAVING,  /* was told to */
	PEER_LEFT,     /* counts nothing from left_ns on */
	PEER_STAYS,    /* refused */
};

struct peer {
	enum peer_state state;
	int conn;    /* -1 for an orphan */
	int ring_fd;
	struct ring_consumer ring;
	char iface[16];
	bool offline;
	bool inherited;      /* the launcher's own socketpair */
	bool last_seen;      /* FRAME_LAST was taken */
	bool done_sent;
	bool commit_due;     /* of a file: the block that ended last is open */
	int64_t due_slot_s;
	bool cut_marked;     /* its last block says that files were cut short */
	bool ack_due;        /* progress that the capture was not told yet */
	enum peer_succession succession;
	int64_t succession_ns; /* CLOCK_MONOTONIC of its beginning */
	bool tells;          /* PEER_TAKING: rivals are told to leave */
	uint64_t left_ns;    /* PEER_LEFT: what it said; 0: it never began */
	uint64_t from_ns;    /* when the last one left that it met, or 0 */
	uint64_t clean_s;    /* PEER_PRUNE: what it asks for ... */
	bool served;         /* ... and a round that began after it is going */
	unsigned store_id;   /* N of r.IFACE.N in the descriptor store */
	int64_t ended_slot;  /* up to here blocks are closed by this ring, or -1 */
	int64_t since_mono_ns;
	/* frames' times are checked against these (drain.c) */
	int64_t boot_min_ns, adopted_boot_ns;
	int64_t newest_boot_ns; /* of the frames taken, and its block */
	int64_t newest_slot_s;
	int64_t offset_min_ns, offset_max_ns;
	uint64_t frames;     /* taken from its ring */
	/* what the last frame said of its capture, and whom that counts for */
	uint32_t flows;
	uint64_t pending; /* lost with it */
	bool labels;      /* it looks for applications */
	int64_t told_ns; /* end of its last frame's interval, 0: none taken */
	int64_t told_slot_s; /* and the block that it was of */
	int64_t break_ns; /* of an orphan: where its time ends, once known */
	struct stats_iface *stats; /* borrowed, NULL: not counted */
};

struct peers {
	int listen_fd; /* -1 offline */
	int notify_fd;
	/* borrowed: where rings stand, what exists */
	struct godb_writer *store;
	struct stats *stats;       /* borrowed */
	uint64_t store_dev, store_ino; /* of its folder: commands name them */
	struct peer *list;         /* PEERS_MAX */
	size_t n_list;             /* used part of it */
	unsigned next_store_id;
	uint64_t refused, lied;
};

/* 0 or -ENOMEM.  Descriptors stay the caller's. */
int peers_init(struct peers *p, struct godb_writer *store, struct stats *stats,
    int listen_fd, int notify_fd);
/* Lets go of all; what the supervisor keeps of them is the next writer's. */
void peers_fini(struct peers *p);

/* Takes the launcher's end of an offline session: 0, or -EBUSY. */
int peers_add_inherited(struct peers *p, int conn);

/* Rings and connections that an earlier writer left in the descriptor store.
 * Descriptors with other names are left alone. */
void peers_adopt(struct peers *p, const struct gp_passed_fd *fds, size_t n);

/* Pending connections: how many were taken or refused, or -errno of accept(2)
 * if none was. */
int peers_accept(struct peers *p);

/* Messages of one peer: hello, span, doorbells, or its end. */
void peers_receive(struct peers *p, struct peer *peer);

/* Tells the capture how far it was taken. */
void peers_ack(struct peer *peer);

/* Ends a session: out of the descriptor store, closed. */
void peers_drop(struct peers *p, struct peer *peer);

/* The peer lied or broke the rules: said once, counted, dropped. */
void peers_quarantine(struct peers *p, struct peer *peer, const char *why);

/* Connections that never said hello; offsets between the clocks. */
void peers_tick(struct peers *p);

/* Whether every ring of the interface has closed the block; ingest.h. */
bool peers_closed(void *arg, const char *iface, int64_t slot_s);

/* Sessions that still may bring something; those with a capture behind them. */
size_t peers_active(const struct peers *p);
size_t peers_capturing(const struct peers *p);

#endif
