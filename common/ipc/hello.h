/*
 * hello - the socket between a capture and the writer.
 *
 * SOCK_SEQPACKET, AF_UNIX.  The first message is a hello with the ring's
 * read-only descriptor (SCM_RIGHTS); after that small fixed messages both
 * ways.  Who may connect is the socket's mode and SO_PEERCRED's business; the
 * interface is bound to the connection by its hello and never taken from a
 * frame.
 *
 *   capture                               writer
 *   hello + fd               ->
 *                            <-  WELCOME  (code: enum hello_code)
 *   SPAN first last          ->           offline, if asked for by NEED_SPAN
 *                            <-  WELCOME
 *   DOORBELL head            ->
 *                            <-  ACK pos seq     journalled up to there
 *                            <-  TROUBLE  offline: whether the store fails
 *                            <-  DONE     (a: blocks, b: rows) all committed,
 *                                         after the ring's FRAME_LAST
 *
 * Live, before its first frame, a capture takes the interface over from the
 * one that has it, if any, so that each packet is counted by one of them:
 *
 *   successor                             writer                 predecessor
 *   TAKE                     ->
 *                                               LEAVE        ->
 *                                               LEFT moment  <-
 *                            <-  FROM moment
 *
 * A WELCOME meanwhile is another writer's, whom it asks again.
 *
 * An administrator's command takes the place of the hello:
 *
 *   REMOVE time store        ->           see enum hello_type
 *                            <-  REST kind n     any number of them
 *                            <-  PRUNED days bytes, or code HELLO_STORE
 *
 * What one side does not know the other may say: a command of an unknown type
 * is refused, and who gets an answer that does not fit takes it for a failure.
 */
#ifndef IPC_HELLO_H
#define IPC_HELLO_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#define HELLO_MAGIC   0x31485047u /* "GPH1" */
#define HELLO_VERSION 1
#define HELLO_WORKERS_MAX 64 /* that share an interface */

enum hello_flags {
	HELLO_OFFLINE = 1, /* any packet time; only over an inherited pair */
	HELLO_APPEND = 2,  /* may add to blocks that exist */
	HELLO_STREAM = 4,  /* time span not known beforehand (stdin) */
};

struct hello {
	uint32_t magic;
	uint16_t version;
	uint16_t frame_version;
	uint32_t flags;
	uint16_t worker, workers; /* 0-based index, count */
	char iface[16];           /* NUL-padded */
	uint8_t instance[16];     /* must equal the ring's */
	uint64_t ring_bytes;
	int64_t boot_ns;
};
static_assert(sizeof(struct hello) == 64, "hello layout");

enum hello_type {
	MSG_WELCOME = 1,
	MSG_SPAN = 2,     /* a: first slot, b: last slot, inclusive */
	MSG_DOORBELL = 3, /* a: head */
	MSG_ACK = 4,      /* a: position, b: sequence number */
	MSG_DONE = 5,
	MSG_PRUNE = 6,  /* of older programs, which named the store by its
			 * inode alone: is refused */
	MSG_PRUNED = 7, /* a: days, b: bytes that were removed */
	MSG_TAKE = 8,   /* HELLO_REFUSED: I cannot take over, but is anybody
			 * there? */
	MSG_LEAVE = 9,
	MSG_LEFT = 10,  /* a: CLOCK_REALTIME in ns: no packet stamped from then
			 * on is counted; HELLO_REFUSED: I stay */
	MSG_FROM = 11,  /* a: the same, 0: nobody was there; HELLO_BUSY:
			 * somebody is, and stays */
	MSG_REMOVE = 12, /* a: days that end by then go too, 0 none, in the low
			  * 32 bits, and st_dev of the store's folder that is
			  * meant in the high ones; b: its st_ino */
	MSG_REST = 13,   /* a: enum hello_rest; b: how many */
	MSG_TROUBLE = 14, /* HELLO_STORE: the store cannot be written, a: errno
			   * or godb error, its sign turned, b: 1, that will not
			   * change by waiting; HELLO_OK: it can again */
	MSG_LAST = MSG_TROUBLE,
};

/* What a round of retention could not do. */
enum hello_rest {
	HELLO_FAILED = 1,  /* days that could not be removed */
	HELLO_SHORT = 2,   /* bytes that a bound still lacks */
	HELLO_DOUBTED = 3, /* days that only a wrong clock may call too old */
	HELLO_UNNOTED = 4, /* days that are gone without a note */
};

enum hello_code {
	HELLO_OK = 0,
	HELLO_NEED_SPAN = 1, /* say the time span, then wait for another */
	HELLO_EXISTS = 2,    /* interface has blocks in that span */
	HELLO_REFUSED = 3,   /* malformed, or not permitted */
	HELLO_VERSION_MISMATCH = 4,
	HELLO_BUSY = 5,      /* too many peers */
	HELLO_STORE = 6,     /* a: errno or godb error: the store fails */
};

struct hello_msg {
	uint32_t magic;
	uint16_t type;
	uint16_t code;
	uint64_t a, b;
};
static_assert(sizeof(struct hello_msg) == 24, "message layout");

/* Sends the hello and the ring; 0 or -errno.  Blocking socket. */
int hello_send(int sock, const struct hello *h, int ring_fd);

/*
 * Receives one: exactly one message of the right size with exactly one
 * descriptor (owned by the caller), nothing truncated, every field checked,
 * iface valid.  0 with *ring_fd set; -EAGAIN none yet; -EPROTO with *why set,
 * or -EPROTONOSUPPORT when it speaks another version; -ECONNRESET peer gone;
 * -errno.
 */
int hello_recv(int sock, struct hello *h, int *ring_fd, const char **why);

/* One small message, never blocking: 0, -EAGAIN, -errno. */
int hello_msg_send(int sock, enum hello_type type, enum hello_code code,
    uint64_t a, uint64_t b);

/* 0 with *m filled; -EAGAIN; -ECONNRESET at end; -EPROTO. */
int hello_msg_recv(int sock, struct hello_msg *m);

/* Whether a command and no hello is what comes next; it is left there. */
bool hello_is_command(int sock);

#endif
