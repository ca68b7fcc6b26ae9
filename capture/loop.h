/*
 * loop - the packet loop: source, decode, fragments, flow table, frames.
 *
 * One thread, no allocation after loop_new() (but for libpcap's buffer of a
 * capture file).  The contract it keeps, for each block and over all:
 *     seen = packets in rows (overflow included) + pending + non-IP + malformed
 *
 * Live, packets are read until a signal, a hang-up or the interface's end;
 * flows that changed are published every snapshot interval and at each block
 * boundary, in steps between reads.  A block is the five minutes of
 * CLOCK_REALTIME in which its frames are published; intervals are kept with
 * CLOCK_MONOTONIC, so a stepping clock neither loses nor repeats anything.
 * With the ring full, counting goes on; what could not be published at the
 * boundary is published later and counted as late.
 *
 * Files: a block is the packet's time.  Up to LOOP_BLOCKS_MAX blocks are open
 * at once for packets out of order; a fifth ends the oldest, and a large one
 * ends some seconds after its time; packets for a block that was ended open it
 * again.  With the ring full, reading waits.
 */
#ifndef CAPTURE_LOOP_H
#define CAPTURE_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/pause.h"
#include "capture/source.h"
#include "common/ipc/ring.h"

#define LOOP_BLOCKS_MAX  4
#define LOOP_STOP_MS     2000  /* longest draining of the kernel's buffer */

enum loop_result {
	LOOP_FINISHED,  /* files: all were read */
	LOOP_STOPPED,   /* signal, the supervisor is gone, or a successor is
	                 * there */
	LOOP_IFACE_GONE, /* source_error() says more */
	LOOP_PEER_GONE, /* the writer's end of the connection was closed */
};

/* All packets unless the name says otherwise; since the loop began. */
struct loop_totals {
	uint64_t seen, seen_bytes;
	uint64_t non_ip, malformed;
	uint64_t published; /* seen, as the frames in the ring account for it */
	uint64_t frames;
	uint64_t overflow, late, time_clamped;
	uint64_t kernel_drops, iface_drops;
	uint64_t kernel_at_stop; /* live: PACKET_STATISTICS when told to stop or
	                            the interface went, drops left out; what of
	                            it is not read is in kernel_drops */
	uint64_t pending; /* counted, not yet published */
	uint64_t l7_cut;  /* payload to be looked at was not captured whole */
	uint64_t l7_full; /* ... found no room on its way */
	uint64_t l7_looked; /* packets that the engine saw */
	uint64_t l7_starved; /* flows named by port for want of memory */
	uint32_t flows;   /* in the table now */
	int64_t first_s, last_s; /* files: packet times; first > last: none */
	unsigned cut, unreadable; /* files that ended early, that were none */
	bool left;        /* to a successor */
	bool acked;       /* the writer has taken every frame */
	uint64_t trouble; /* of the last MSG_TROUBLE, 0: all is well */
	unsigned writers; /* that came after the one we began with */
	bool done;        /* MSG_DONE came, of the last of them, with: */
	uint64_t done_blocks, done_rows;
	/* live: between two reads of the kernel's buffer, waiting not counted;
	 * by the wall and by the CPU time that it took */
	struct pause turns, turns_cpu;
};

enum loop_l7 { LOOP_L7_OFF, LOOP_L7_ON, LOOP_L7_FAILED };

struct loop_config {
	struct source *source;      /* borrowed */
	struct ring_producer *ring; /* borrowed */
	int ctl_fd;    /* connection to the writer after its WELCOME */
	int signal_fd; /* signalfd, never read, so that several loops can
	                  see it: any signal stops; -1 none */
	int alive_fd;  /* pipe whose hang-up stops; -1 none */
	const atomic_bool *stop; /* borrowed; true stops; may be NULL */
	bool offline;  /* the source is files */
	/* a successor may have the interface: MSG_LEAVE is granted.  Not with
	 * several loops, which could not agree on the moment. */
	bool may_leave;
	uint32_t flows_max;
	uint32_t snapshot_interval_s;
	enum loop_l7 l7;    /* FAILED: off, and said so */
	uint32_t l7_wait_s; /* longest wait of a flow for its name */
	/* after the last frame: longest wait for its ACK (and, wait_done, for
	 * DONE), also for room when stopping; < 0: as long as the peer lives */
	int stop_wait_ms;
	bool wait_done;
	/* at least once a second, also while waiting; may be NULL */
	void (*tick)(void *ctx, const struct loop_totals *totals);
	/* a file was cut short or unreadable, or (OK) nothing of it is
	 * decoded: one line; may be NULL */
	void (*problem)(void *ctx, enum source_result what, const char *text);
	void *ctx;
};

struct loop;

/* Reserves everything: flow table, fragment memory, frames, the engine of
 * layer 7 (without one built in it is off, and said so).  Before the sandbox.
 * 0, -EINVAL, -ENOMEM, or -errno of getrandom(2). */
int loop_new(struct loop **out, const struct loop_config *cfg);
void loop_free(struct loop *l); /* accepts NULL */

/* Live, before loop_run(): the unpublished interval begins at this moment of
 * CLOCK_REALTIME, in the past, as what the source hands out does. */
void loop_begin(struct loop *l, int64_t real_ns);

/*
 * Runs to the end, FRAME_LAST and its acknowledgement included.  Once.
 *
 * System calls, beside the source's: poll; recvfrom and sendto on ctl_fd;
 * clock_gettime where the vDSO has none; clock_nanosleep; madvise.
 *
 * FRAME_LAST takes the place of the END of the last open block and carries its
 * rows.  When no packet was read from files at all, it stands alone, with
 * block 0 and nothing to count.
 */
enum loop_result loop_run(struct loop *l, struct loop_totals *totals);

/* For source_open_files(), with the loop's address in *ctx: waits for a pipe
 * while serving everything else.  loop_new() needs the source, so the caller
 * stores the loop in the pointer afterwards. */
bool loop_idle(void *loop_pointer, int fd);

#endif
