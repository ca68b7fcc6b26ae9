/*
 * filebuf - the bytes of a capture file in order, some of them at a time.
 *
 * What lies at buf[at] to buf[end] was read and is not yet used.  Whoever
 * parses them moves `at` on.
 */
#ifndef CAPTURE_FILEBUF_H
#define CAPTURE_FILEBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct filebuf {
	uint8_t *buf; /* borrowed */
	size_t size, at, end;
	bool ended; /* nothing more comes */
	int error;  /* -errno of a read */
	/* More bytes, as read(2). */
	ssize_t (*read)(void *ctx, char *to, size_t size);
	void *ctx;
};

/* Until `need` bytes (<= size) lie at `at`, or no more come. */
void filebuf_fill(struct filebuf *f, size_t need);

static inline size_t
filebuf_have(const struct filebuf *f)
{
	return f->end - f->at;
}

#endif
