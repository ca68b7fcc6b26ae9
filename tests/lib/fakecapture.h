/*
 * fakecapture - a real goprobe-writer with a test in the place of everything
 * around it: the supervisor, and captures that say what the test wants.
 */
#ifndef TESTS_FAKECAPTURE_H
#define TESTS_FAKECAPTURE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/ipc/frame.h"
#include "common/ipc/hello.h"
#include "common/ipc/ring.h"

struct fake_writer {
	pid_t pid;
	char folder[64]; /* store, socket and what the writer said in it */
	char socket[96], store[96], log[96];
	int notify;
	pthread_t supervisor;
	char status[128]; /* the last STATUS= that it sent */
	atomic_bool ready, over;
};

/* Starts PROGRAM as a user that is nobody in particular; needs root.  True
 * once it said READY. */
bool fake_writer_start(struct fake_writer *w, const char *program);

/* SIGTERM; its status as waitpid(2) gives it. */
int fake_writer_stop(struct fake_writer *w);
void fake_writer_clean(struct fake_writer *w);

bool fake_writer_lives(const struct fake_writer *w);

/* Lines of its log that hold the text. */
size_t fake_writer_said(const struct fake_writer *w, const char *text);

struct fake_capture {
	int sock;
	struct ring_producer ring;
	uint64_t seq;        /* of the last frame */
	uint64_t head;       /* where the next one goes */
	uint64_t packets;    /* in frames that were told the truth of */
	int64_t longest_ns;  /* a push and its acknowledgement */
};

int fake_connect(const struct fake_writer *w);

/* A hello as a capture of that interface would send it. */
struct hello fake_hello(const struct ring_producer *ring, const char *iface);

/* Connects, says hello, is welcomed.  0 or -errno. */
int fake_capture_open(struct fake_capture *c, const struct fake_writer *w,
    const char *iface);
void fake_capture_close(struct fake_capture *c);

/* The code of the next WELCOME within the time, -ECONNRESET at the end of the
 * connection, -ETIMEDOUT. */
int fake_answer(int sock, int timeout_ms);

/* Whether the other side ends the connection within the time. */
bool fake_ended(int sock, int timeout_ms);

/* A truthful frame of one IPv4 row that is one packet; returns its length. */
size_t fake_frame(struct fake_capture *c, void *buf);

/* Puts len bytes of buf into the ring as they are, at the right place, and
 * moves head behind them; rings. */
void fake_publish(struct fake_capture *c, const void *buf, size_t len);
void fake_set_head(struct fake_capture *c, uint64_t head);
uint8_t *fake_data(struct fake_capture *c); /* where the next frame goes */

/* Until all that was published is acknowledged: 0 or -errno. */
int fake_acknowledged(struct fake_capture *c, int timeout_ms);

/* Publishes the frame that ends the session. */
void fake_say_last(struct fake_capture *c);

/* A truthful frame from start to acknowledgement: 0 or -errno. */
int fake_tell(struct fake_capture *c, int timeout_ms);

#endif
