/*
 * frame - what crosses the ring: a snapshot header and flow rows.
 *
 * A frame is self-contained: header, application names, IPv4 rows, IPv6 rows,
 * nothing else, no pointers, no offsets.  Counters and rows are deltas: adding
 * all frames of a block gives the block.  Byte order is the host's (both ends
 * are on one machine); addresses are in network order.  Reserved bytes are
 * zero and checked.
 *
 * The reader of a frame is an unprivileged process which does not trust the
 * writer of it: frame_check() looks at a private copy only.
 */
#ifndef IPC_FRAME_H
#define IPC_FRAME_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAGIC     0x31465047u /* "GPF1" */
/*
 * The reader of a frame knows its own version and the earlier ones of the same
 * major; so in an upgrade the writer goes first, in a downgrade last.  A minor
 * gives a meaning to what was reserved before, and nothing else:
 *
 *   1.1  l7_starved, FRAME_L7_FAILED, FRAME_L7_MISSING
 */
#define FRAME_MAJOR     1
#ifndef FRAME_MINOR /* tests of upgrades build an earlier one */
#define FRAME_MINOR     1
#endif
#define FRAME_VERSION   (FRAME_MAJOR | FRAME_MINOR << 8)
#define FRAME_MAX_BYTES (256u * 1024) /* header and everything */
#define FRAME_MAX_NAMES 256
#define FRAME_ALIGN     64u

enum frame_kind {
	FRAME_ROWS = 1, /* rows and counters of one block */
	FRAME_END = 2,  /* the ring's last frame of that block; may have rows */
	FRAME_PAD = 3,  /* skip to the start of the ring; header only */
	FRAME_LAST = 4, /* capture is leaving: the ring's last frame ever */
};

enum frame_flags {
	FRAME_DIR_IFACE = 1, /* sent/received relative to the interface */
	FRAME_DIR_FLOW = 2,  /* sent = sip to dip */
	FRAME_OFFLINE = 4,
	FRAME_CUT = 8,       /* an input file was cut short */
	FRAME_L7 = 16,       /* applications are looked for */
	FRAME_L7_CUT = 32,   /* some payload was not captured whole */
	FRAME_L7_FAILED = 64, /* not looked for: capture died of it */
	FRAME_L7_MISSING = 128, /* wanted, but not built in */
};

/* Packets unless the name says bytes; differences since the previous frame
 * of the same block. */
struct frame_counters {
	uint64_t seen, seen_bytes;
	uint64_t non_ip, non_ip_bytes;
	uint64_t malformed, malformed_bytes;
	uint64_t kernel_drops;
	uint64_t iface_drops;
	uint64_t overflow;
	uint64_t late;
	uint64_t time_clamped;
};

struct frame_header {
	uint32_t magic;
	uint16_t version;
	uint16_t kind;
	uint32_t bytes;        /* of the whole frame, unpadded */
	uint32_t flags;
	uint64_t seq;          /* 1, 2, 3 ... within the ring */
	uint8_t instance[16];  /* random id of the ring */
	int64_t slot_s;        /* block: start, multiple of GP_SLOT_S */
	int64_t first_real_ns; /* interval covered, CLOCK_REALTIME ... */
	int64_t last_real_ns;
	int64_t first_boot_ns; /* ... and CLOCK_BOOTTIME; 0 offline */
	int64_t last_boot_ns;
	uint32_t n_names, n4, n6;
	uint32_t flows;        /* in the table now: for status */
	uint64_t pending;      /* packets that wait for a label: for status */
	uint64_t l7_starved;   /* flows named by port for want of memory since
	                          the previous frame: for status */
	struct frame_counters counters;
	uint64_t checksum;     /* XXH3-64 of the frame with this field 0 */
};
static_assert(sizeof(struct frame_counters) == 88, "frame layout");
static_assert(sizeof(struct frame_header) == 208, "frame layout");

#define FRAME_NAME_MAX     48
#define FRAME_CATEGORY_MAX 32
struct frame_name {
	char name[FRAME_NAME_MAX]; /* NUL-padded printable ASCII */
	char category[FRAME_CATEGORY_MAX];
};
static_assert(sizeof(struct frame_name) == 80, "frame layout");

enum frame_counter {
	FRAME_BYTES_RCVD,
	FRAME_BYTES_SENT,
	FRAME_PKTS_RCVD,
	FRAME_PKTS_SENT,
};

struct frame_row4 {
	uint8_t sip[4], dip[4];
	uint16_t dport;
	uint8_t proto;
	uint8_t pad;
	uint16_t l7; /* index into the frame's names */
	uint16_t pad2;
	uint64_t counter[4];
};
static_assert(sizeof(struct frame_row4) == 48, "frame layout");

struct frame_row6 {
	uint8_t sip[16], dip[16];
	uint16_t dport;
	uint8_t proto;
	uint8_t pad;
	uint16_t l7;
	uint16_t pad2;
	uint64_t counter[4];
};
static_assert(sizeof(struct frame_row6) == 72, "frame layout");

/* Whether frames of this version can be read here. */
bool frame_version_known(uint16_t version);

/* Bytes that a frame of these counts takes. */
size_t frame_bytes(uint32_t n_names, uint32_t n4, uint32_t n6);

/* Where the parts of a checked frame lie; buf is 8-byte aligned. */
const struct frame_name *frame_names(const void *buf);
const struct frame_row4 *frame_rows4(const void *buf);
const struct frame_row6 *frame_rows6(const void *buf);

/* Fills in the checksum; everything else is set. */
void frame_seal(void *buf);

/*
 * Whether a private copy of `have` bytes is a well-formed frame: magic,
 * version, kind, length against counts, row indexes, reserved zeroes, names,
 * slot alignment, interval order, checksum (whose field is zero for a moment).
 * NULL when it is, else what is wrong (static text).
 */
const char *frame_check(void *buf, size_t have);

#endif
