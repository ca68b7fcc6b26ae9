/*
 * What the parts of the loop share: loop.c (intake, connection), loop_live.c,
 * loop_file.c.  Nobody else includes this.
 */
#ifndef CAPTURE_LOOP_INTERNAL_H
#define CAPTURE_LOOP_INTERNAL_H

#include "capture/decode.h"
#include "capture/dpi.h"
#include "capture/flowtab.h"
#include "capture/fragment.h"
#include "capture/loop.h"
#include "capture/snapshot.h"
#include "capture/stage.h"

/* Two handles are merged by timestamp; packets wait at most twice this for
 * the other one's. */
#define LOOP_HOLD_MS   (2 * SOURCE_BLOCK_MS)
#define LOOP_HOLD_MAX  32768u /* packets a handle; power of two */

/* Payload on its way to the engine, of a queue's packets or of a batch. */
#define LOOP_STAGE_BYTES (4u << 20)

struct loop_held {
	int64_t time_ns;
	uint32_t stage_end; /* of the queue's stage, with this packet */
	struct decode_packet p;
};

struct loop_queue {
	struct loop_held *held; /* LOOP_HOLD_MAX */
	struct stage stage;
	uint32_t stage_done; /* its part that went into the batch */
	uint32_t head, tail;    /* grow for ever; position mod size */
	uint32_t due;           /* up to here nothing has to wait */
	uint32_t mark;          /* head at mark_ns */
	int64_t mark_ns;
};

/* An interval of time by all clocks. */
struct loop_clock {
	int64_t real_ns, boot_ns, mono_ns;
};

struct loop_round {
	bool active;
	bool end;          /* close the block */
	bool pressed;      /* the table was filling up: sweep afterwards */
	struct loop_clock last; /* of the interval that is published */
	struct loop_clock next; /* where the next one starts */
};

/* A block whose END waits for names of its flows; its rows go into frames of
 * their own. */
struct loop_naming {
	bool active;
	bool all;       /* no more waiting */
	bool running;   /* in the middle of a look at all of them */
	struct loop_clock last; /* the end of its interval */
	int64_t next_ns; /* CLOCK_MONOTONIC of the next look */
};

struct loop_live {
	struct loop_naming naming;
	bool leaving;
	/* what is stamped from here on is the successor's; 0: there is none */
	int64_t left_ns, left_mono_ns;
	int64_t begin_ns; /* 0: when the loop does */
	struct loop_queue queue[SOURCE_HANDLES];
	struct loop_clock from; /* start of the unpublished interval */
	struct loop_clock read; /* of the last read: what came later is not in */
	struct loop_round round;
	bool owed;     /* END frames found no room: none since */
	int64_t owed_slot_s; /* the block that was when late was counted */
	uint64_t late; /* packets that missed their block's END */
	int64_t publish_ns;   /* CLOCK_MONOTONIC of the next publication */
	int64_t idle_sweep_ns;
	uint64_t sweep_left;
	int64_t pause_ns;     /* packet descriptors in error: not before */
	int64_t present_ns;   /* the interface was last looked for */
	bool quiet[SOURCE_HANDLES]; /* the last poll found nothing there */
	int64_t turn_ns, turn_cpu_ns; /* when the turn began, by two clocks */
};

struct loop_block {
	int64_t first_ns, last_ns;
	uint64_t rows; /* files: in frames that were pushed */
	struct snapshot_block b;
};

struct loop {
	struct loop_config cfg;
	struct flowtab *table;
	struct fragment_cache *fragments;
	struct dpi *dpi; /* NULL: layer 7 is off */
	struct labels labels;
	struct decode_packet batch[FLOWTAB_BATCH];
	size_t n_batch;
	uint32_t now_s; /* for idleness and fragments */
	uint64_t since_pressed; /* packets since the table was last relieved */
	struct loop_totals totals;
	struct source_stats stats; /* as of loop_note_drops() */
	bool stop, peer_gone, gave_up;
	bool hopeless; /* the store fails for good */
	bool bell; /* frames the writer was not told of */
	int64_t stop_ns, tick_ns; /* CLOCK_MONOTONIC */
	uint32_t flags; /* enum frame_flags of every frame */
	uint64_t starved_told; /* of totals.l7_starved, in frames */
	/* live: the one now and that of loop_naming; files: the open ones in
	 * any order, cur among them */
	struct loop_block *block[LOOP_BLOCKS_MAX];
	size_t n_blocks;
	struct loop_block *cur;
	int64_t packet_s; /* files: packet time of the last one */
	uint32_t swept_s; /* ... now_s of the last sweep */
	int64_t ripe_s;  /* ... when to look for blocks to end */
	bool cut;
	bool left; /* a pipe whose end nobody saw: loop_idle() */
	struct loop_live live;
};

/* One frame's class into the counters of a block. */
void loop_classify(struct loop *l, struct snapshot_block *b,
    enum decode_class class, uint32_t wire_len);
/* What the source lost since the last time, into the counters of a block; NULL
 * leaves it to the first one that comes. */
void loop_note_drops(struct loop *l, struct snapshot_block *b);
/* Copies what the engine wants to see of a packet just decoded.  Only with
 * layer 7. */
void loop_stage(struct loop *l, struct stage *s, struct decode_packet *p,
    const struct source_packet *from);
/* An IP packet in l->batch[l->n_batch]. */
void loop_take(struct loop *l);
void loop_flush(struct loop *l);

/* Pushes the frame in work; false when there is no room. */
bool loop_push(struct loop *l, struct loop_block *b,
    const struct snapshot_meta *meta);

/* Serves connection, signals and tick, waiting up to timeout_ms for those or
 * for n more descriptors, whose `revents` are set. */
struct pollfd;
void loop_wait(struct loop *l, int timeout_ms, struct pollfd *more, size_t n);
/* From now on waiting for the writer is bounded. */
void loop_stop(struct loop *l);
/* Waits for a message of the writer; false when that is hopeless. */
bool loop_wait_peer(struct loop *l);

enum loop_result loop_run_live(struct loop *l);
enum loop_result loop_run_files(struct loop *l);

#endif
