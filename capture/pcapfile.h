/*
 * pcapfile - the records of a classic capture file, out of a buffer.
 *
 * libpcap opens such a file and says what it is; for the plainest kind of
 * them (version 2.4, microseconds or nanoseconds, either byte order, link
 * types whose packets need no mending) the records are then taken here, in
 * place: libpcap's two reads and copies a packet cost as much as the rest of
 * the packet's way.  What comes out is what libpcap would have given, errors
 * included; tests/unit/test_pcapfile.c compares the two.
 */
#ifndef CAPTURE_PCAPFILE_H
#define CAPTURE_PCAPFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "capture/filebuf.h"

enum {
	PCAPFILE_HEAD = 24,                /* bytes of the file's header */
	PCAPFILE_MOST = 262144,            /* captured bytes of a packet */
	PCAPFILE_BUFFER = 3 * PCAPFILE_MOST, /* at least */
};

struct pcapfile {
	struct filebuf in;
	uint32_t snapshot;
	bool swapped, nano;
};

struct pcapfile_record {
	uint32_t time_s, time_ns; /* nanoseconds as they stand there */
	uint32_t caplen, wire_len;
	const uint8_t *data; /* until the next call */
};

/* Whether this is one of ours: its header, libpcap's link type (DLT_*). */
bool pcapfile_knows(const uint8_t head[PCAPFILE_HEAD], int dlt);

/*
 * Starts behind the header of a file that pcapfile_knows().  `snapshot` is
 * libpcap's idea of its length, buf of at least PCAPFILE_BUFFER bytes.
 */
void pcapfile_init(struct pcapfile *f, const uint8_t head[PCAPFILE_HEAD],
    int snapshot, uint8_t *buf, size_t size,
    ssize_t (*read)(void *ctx, char *to, size_t size), void *ctx);

/* 1 and a record, 0 at the end of the file, or -1 with one line in error. */
int pcapfile_next(struct pcapfile *f, struct pcapfile_record *r, char *error,
    size_t error_size);

#endif
