/*
 * ring - single-producer single-consumer byte ring in shared memory.
 *
 * The producer makes a memfd: one page with the header, one with `head`, then
 * the data.  It maps all of it for writing, seals it (SHRINK, GROW,
 * FUTURE_WRITE, SEAL), so that nobody else ever can, and hands out a
 * read-only descriptor.  The consumer maps it PROT_READ.  Neither can write
 * the other's memory: `tail`, how far the consumer has come, reaches the
 * producer as a message (hello.h), and either side checks what it is told.
 *
 * Positions are 64-bit byte counts that only grow; the byte lies at position
 * mod size.  A frame (frame.h) lies in one piece at a multiple of FRAME_ALIGN;
 * where it does not fit before the end of the data a FRAME_PAD header is put
 * and the frame goes to the start.
 *
 * Memory order: the producer stores `head` with release after the frame's
 * bytes; the consumer loads `head` with acquire before it copies a frame.
 */
#ifndef IPC_RING_H
#define IPC_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_MAGIC     0x31525047u /* "GPR1" */
#define RING_VERSION   1
#define RING_MIN_BYTES (1u << 20)
#define RING_MAX_BYTES (UINT64_C(1) << 32)

struct ring_info {
	uint8_t instance[16];
	uint64_t data_bytes; /* power of two */
};

/* ---- producer ---------------------------------------------------------- */

struct ring_producer {
	struct ring_info info;
	uint8_t *map;    /* header page; then head's, then the data */
	uint64_t head;   /* private copy: the consumer never writes ours */
	uint64_t tail;   /* acknowledged */
	uint64_t seq;    /* last sequence number given out */
	uint64_t ready;  /* data bytes that have their pages */
	int fd_ro;       /* read-only descriptor to hand over, or -1 */
};

/*
 * Makes a ring of at least data_bytes (rounded up to a power of two).  0 or
 * -errno.  Both descriptors are CLOEXEC; fd_ro is the caller's to close.
 */
int ring_create(struct ring_producer *p, uint64_t data_bytes);
void ring_destroy(struct ring_producer *p);

/* Whether a frame of so many bytes can be pushed now. */
bool ring_has_room(const struct ring_producer *p, size_t frame_len);

/*
 * Publishes a frame: sets magic, version, instance, seq and checksum in buf,
 * copies it, moves head.  0, or -EAGAIN when the ring is full (nothing was
 * changed).  buf is 8-byte aligned.
 */
int ring_push(struct ring_producer *p, void *buf);

/* The consumer says it is done up to pos: 0, or -EPROTO for a position that
 * cannot be (ignored). */
int ring_acked(struct ring_producer *p, uint64_t pos);

/* ---- consumer ---------------------------------------------------------- */

struct ring_consumer {
	struct ring_info info;
	const uint8_t *map;
	size_t map_bytes;
	uint64_t pos; /* of the next frame */
	uint64_t next_seq;
};

/*
 * Maps what came over a socket: checks seals, size, access mode and header.
 * The descriptor stays the caller's.  0, or -errno with *why set to what is
 * wrong with it.
 */
int ring_attach(struct ring_consumer *c, int fd, const char **why);
void ring_detach(struct ring_consumer *c);

/*
 * Copies the next frame out into buf (FRAME_MAX_BYTES, 8-byte aligned) and
 * checks the copy.  Returns its length, 0 when there is none, -EPROTO with
 * *why set when the producer lies.  Advances pos past padding; past the frame
 * only with ring_next().  *end_pos is the position behind the frame.
 */
int ring_peek(struct ring_consumer *c, void *buf, uint64_t *end_pos,
    const char **why);
void ring_next(struct ring_consumer *c, uint64_t end_pos);

/*
 * For a consumer that takes up a ring where another has left it: when pos is
 * not behind the frame before next_seq but at its start, that frame is taken
 * again.
 */
void ring_again(struct ring_consumer *c);

/* Bytes published and not yet taken; for status. */
uint64_t ring_backlog(const struct ring_consumer *c);

#endif
