/*
 * reader - the writer's end of a ring, for tests: a thread that takes frames,
 * checks each, hands it to a function, and acknowledges.
 */
#ifndef TESTS_LIB_READER_H
#define TESTS_LIB_READER_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/ipc/frame.h"
#include "common/ipc/hello.h"
#include "common/ipc/ring.h"

struct reader {
	int sock[2]; /* 0 is the capture's */
	struct ring_producer ring;
	struct ring_consumer c;
	pthread_t thread;
	void (*frame)(void *ctx, const struct frame_header *h);
	void *ctx;
	atomic_bool hold; /* take nothing: the ring fills up */
	atomic_bool last; /* FRAME_LAST was taken */
	atomic_uint left; /* 1 + the code of a MSG_LEFT that came ... */
	uint64_t left_ns; /* ... and its moment */
	const char *why;  /* the producer lied */
	_Alignas(8) uint8_t buf[FRAME_MAX_BYTES];
};

__attribute__((unused)) static void
reader_take(struct reader *r)
{
	uint64_t end = 0;
	bool any = false;

	while (!r->hold && !r->why) {
		const struct frame_header *h = (const void *)r->buf;
		int rc = ring_peek(&r->c, r->buf, &end, &r->why);

		if (rc <= 0)
			break;
		r->frame(r->ctx, h);
		ring_next(&r->c, end);
		any = true;
		if (h->kind == FRAME_LAST)
			r->last = true;
	}
	if (any)
		hello_msg_send(r->sock[1], MSG_ACK, HELLO_OK, r->c.pos, 0);
	if (any && r->last)
		hello_msg_send(r->sock[1], MSG_DONE, HELLO_OK, 1, 2);
}

__attribute__((unused)) static void *
reader_main(void *arg)
{
	struct reader *r = arg;

	for (;;) {
		struct pollfd fd = {r->sock[1], POLLIN, 0};
		struct hello_msg m;
		int rc;

		poll(&fd, 1, 10);
		do {
			rc = hello_msg_recv(r->sock[1], &m);
			if (rc == 0 && m.type == MSG_LEFT) {
				r->left_ns = m.a;
				r->left = 1u + m.code;
			}
		} while (rc == 0);
		reader_take(r);
		if (rc == -ECONNRESET || rc == -EPROTO)
			return NULL;
	}
}

/* A ring of that many bytes and a thread behind it; exits when it cannot. */
__attribute__((unused)) static struct reader *
reader_new(uint64_t ring_bytes,
    void (*frame)(void *ctx, const struct frame_header *h), void *ctx)
{
	struct reader *r = calloc(1, sizeof(*r));
	const char *why = "?";

	if (!r || ring_create(&r->ring, ring_bytes) != 0 ||
	    ring_attach(&r->c, r->ring.fd_ro, &why) != 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, r->sock) ||
	    pthread_create(&r->thread, NULL, reader_main, r) != 0) {
		fprintf(stderr, "reader: cannot start (%s)\n", why);
		exit(99);
	}
	r->frame = frame;
	r->ctx = ctx;
	return r;
}

/* Ends the thread; what was not taken stays untaken. */
__attribute__((unused)) static void
reader_stop(struct reader *r)
{
	close(r->sock[0]);
	r->sock[0] = -1;
	pthread_join(r->thread, NULL);
}

__attribute__((unused)) static void
reader_free(struct reader *r)
{
	if (r->sock[0] >= 0)
		reader_stop(r);
	close(r->sock[1]);
	ring_detach(&r->c);
	ring_destroy(&r->ring);
	free(r);
}

#endif
