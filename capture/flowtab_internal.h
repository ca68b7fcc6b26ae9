/*
 * What the parts of the flow table share: flowtab.c (table, counting,
 * publishing), flowtab_label.c (layer 7).  Nobody else includes this.
 */
#ifndef CAPTURE_FLOWTAB_INTERNAL_H
#define CAPTURE_FLOWTAB_INTERNAL_H

#include <assert.h>

#include "capture/dpi.h"
#include "capture/flowtab.h"
#include "common/ipc/frame.h"

#define INLINE static inline __attribute__((always_inline))

enum entry_state {
	LEVEL_MASK = 7,  /* enum orient_level */
	CLIENT_B = 8,    /* endpoint b is the client */
	PUBLISHED = 16,  /* orientation is fixed */
	REUSED = 32,     /* had packets in more than one publication */
	WAITING = 64,    /* for its label: not published yet */
	IN_USE = 128,
};

enum { RECENT_MAX = 512 };

struct meta {
	uint16_t port[2];
	uint8_t proto;
	uint8_t state;
	uint16_t seen;
	uint64_t bytes[2];
	uint32_t pkts[2];
};

struct flow4 {
	uint8_t addr[2][4];
	struct meta m;
};

struct flow6 {
	uint8_t addr[2][16];
	struct meta m;
};
static_assert(sizeof(struct flow4) == 40, "bytes a flow");
static_assert(sizeof(struct flow6) == 64, "bytes a flow");

struct slot {
	uint32_t entry1; /* entry + 1; 0: empty */
	uint32_t hash;
};

struct index {
	struct slot *slot;
	uint32_t size;
};

/* Beside each entry when layer 7 is on. */
struct flow_label {
	uint16_t label; /* number of labels.h; WAITING: state of dpi.h or 0 */
	uint16_t since; /* seconds, and how often it is among the carried */
};
static_assert(sizeof(struct flow_label) == FLOWTAB_BYTES_LABEL, "bytes a flow");
enum {
	SINCE_MASK = 0xfff,
	CARRIED_ONE = 0x1000,
	CARRIED_MOST = 15,
};

/* Counters of a flow that waits, of a block that was left. */
struct carried {
	int64_t slot_s;
	uint64_t bytes[2];
	uint32_t pkts[2];
	uint32_t entry; /* entry * 2 + version 6 */
};
enum { CARRIED_MAX = 65536 };

/* Flows that need no more looking at: by the lower half of their hash, the last
 * one there, known by the upper half. */
enum { SETTLED_SLOTS = 1 << 17 };

struct half {
	bool v6;
	uint8_t *entries;
	struct flow_label *label; /* NULL: layer 7 is off */
	uint64_t *dirty;    /* a bit for each entry */
	uint16_t *look;     /* when a sweep should look at 64 of them */
	uint32_t high;      /* entries ever used */
	uint32_t free1;     /* list of evicted ones, entry + 1 */
	uint32_t used;
	struct index now, old; /* old.size 0: nothing to move */
	const struct slot *began; /* now.slot as the batch began */
	uint32_t moved; /* what of the old one is in the new one: all below */
	uint32_t size_max;
	size_t ready; /* bytes of a new index that have their pages */
	size_t entries_ready; /* and of the entries */
	struct slot *region[2];
	unsigned region_now;
};

/* A packet made ready: its key in the table's order of endpoints, as a record
 * of gp_hash_records. */
struct probe {
	uint64_t hash;   /* its lower half counts, but for settled_mark */
	uint64_t key[5]; /* IPv4: addresses; ports and protocol */
	struct slot *end; /* of its chain, or NULL: not reached */
	uint32_t entry1; /* what has that hash, or 0; not looked at yet */
	uint8_t packet;  /* of the batch */
	uint8_t dir;     /* 1: from endpoint b */
};
enum { PROBE_WORDS = sizeof(struct probe) / 8 };
static_assert(FLOWTAB_BATCH <= 256, "a packet's number fits");

struct map {
	void *base;
	size_t bytes;
};

struct flowtab {
	struct gp_hash_key key;
	uint32_t flows_max;
	bool by_iface;
	struct half half[2];
	uint64_t held;
	uint64_t overflow_packets;
	uint64_t overflow[256][4]; /* enum frame_counter */
	bool overflow_held;
	/* entries that became dirty since the last round began, while they
	 * are few: entry * 2 + version 6 */
	uint32_t recent[RECENT_MAX];
	uint32_t n_recent; /* > RECENT_MAX: too many, use the bitmaps */
	/* the round of publishing */
	bool publishing;
	bool by_list;
	uint32_t list[RECENT_MAX];
	uint32_t n_list, at;
	unsigned at_half;
	uint32_t at_word, end_word[2];
	/* layer 7 */
	struct dpi *dpi; /* NULL: off */
	uint8_t heeds;   /* DECODE_... flags that it wants to know of */
	uint32_t wait_s, now_s;
	uint32_t *settled;
	struct carried *carried;
	uint32_t n_carried, carried_at;
	uint64_t carried_packets;
	enum flowtab_how how;
	int64_t slot_s;
	/* the sweep */
	unsigned sweep_half;
	uint32_t sweep_at;
	struct probe probe4[FLOWTAB_BATCH], probe6[FLOWTAB_BATCH];
	struct map maps[16];
	size_t n_maps;
};

INLINE size_t
entry_bytes(const struct half *h)
{
	return h->v6 ? sizeof(struct flow6) : sizeof(struct flow4);
}

INLINE struct meta *
meta_of(const struct half *h, bool v6, uint32_t entry)
{
	uint8_t *base = h->entries;

	if (v6)
		return (struct meta *)(void *)(base +
		    entry * sizeof(struct flow6) +
		    offsetof(struct flow6, m));
	return (struct meta *)(void *)(base + entry * sizeof(struct flow4) +
	    offsetof(struct flow4, m));
}

INLINE const uint8_t *
addr_of(const struct half *h, uint32_t entry, unsigned end)
{
	return h->entries + entry * entry_bytes(h) +
	    (h->v6 ? 16 * end : 4 * end);
}

/* Never 0, which is nobody's. */
INLINE uint32_t
settled_mark(uint64_t hash)
{
	return (uint32_t)(hash >> 32) | 1;
}

INLINE bool
is_settled(const struct flowtab *t, uint64_t hash)
{
	return t->settled[hash % SETTLED_SLOTS] == settled_mark(hash);
}

/* The flow leaves. */
INLINE void
unsettle(struct flowtab *t, uint64_t hash)
{
	if (is_settled(t, hash))
		t->settled[hash % SETTLED_SLOTS] = 0;
}

INLINE bool
is_clean(const struct meta *m)
{
	return (m->pkts[0] | m->pkts[1]) == 0;
}

INLINE void
mark_dirty(struct flowtab *t, struct half *h, uint32_t entry)
{
	h->dirty[entry / 64] |= UINT64_C(1) << entry % 64;
	if (t->n_recent < RECENT_MAX)
		t->recent[t->n_recent] = entry * 2 + h->v6;
	if (t->n_recent <= RECENT_MAX)
		t->n_recent++;
}

INLINE struct half *
half_of(struct flowtab *t, uint32_t ref)
{
	return &t->half[ref & 1];
}

/* The row of an entry with these counters, which go by way as its own do. */
INLINE struct flowtab_row
flowtab_row_of(const struct flowtab *t, const struct half *h, uint32_t entry,
    const uint64_t bytes[2], const uint32_t pkts[2])
{
	const struct meta *m = meta_of(h, h->v6, entry);
	unsigned client = m->state & CLIENT_B ? 1 : 0;
	/* by interface: 0 is received, 1 sent; by flow: 0 is a to b */
	unsigned sent = t->by_iface ? 1 : client;

	return (struct flowtab_row){
		.sip = addr_of(h, entry, client),
		.dip = addr_of(h, entry, !client),
		.counter = {
			[FRAME_BYTES_SENT] = bytes[sent],
			[FRAME_BYTES_RCVD] = bytes[!sent],
			[FRAME_PKTS_SENT] = pkts[sent],
			[FRAME_PKTS_RCVD] = pkts[!sent],
		},
		.dport = m->port[!client],
		.sport = m->port[client],
		.label = h->label ? h->label[entry].label : LABELS_UNKNOWN,
		.version = h->v6 ? 6 : 4,
		.proto = m->proto,
	};
}

/* Address space of zeroes; NULL when there is none. */
void *flowtab_reserve(struct flowtab *t, size_t bytes);

/* A flow begins. */
void flowtab_label_start(struct flowtab *t, struct half *h, uint32_t entry,
    const struct decode_packet *p);
/* A packet with one of the flags that layer 7 heeds. */
void flowtab_label_packet(struct flowtab *t, struct half *h, uint32_t entry,
    const struct decode_packet *p, uint64_t hash);
/* A flow with something to publish is WAITING; false: not any more. */
bool flowtab_label_waits(struct flowtab *t, struct half *h, uint32_t entry);
/* Whether a flow may be forgotten, as far as its label goes. */
bool flowtab_label_free(const struct half *h, uint32_t entry);

#endif
