#include "capture/snapshot.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum { NAMES = 2 }; /* SNAPSHOT_UNKNOWN, SNAPSHOT_OVERFLOW */

static struct frame_row4 *
rows4(struct snapshot_block *b)
{
	return (struct frame_row4 *)(void *)(b->frame +
	    frame_bytes(NAMES, 0, 0));
}

static void
next_frame(struct snapshot_block *b)
{
	b->n4 = b->n6 = 0;
	b->row_packets = b->row_bytes = 0;
	memset(&b->counters, 0, sizeof(b->counters));
	memset(b->seek4, 0, sizeof(b->seek4));
	memset(b->seek6, 0, sizeof(b->seek6));
}

void
snapshot_start(struct snapshot_block *b, int64_t slot_s)
{
	b->slot_s = slot_s;
	b->flags = 0;
	next_frame(b);
}

size_t
snapshot_room(const struct snapshot_block *b)
{
	size_t used = frame_bytes(NAMES, b->n4, b->n6);

	return (FRAME_MAX_BYTES - used) / sizeof(struct frame_row6);
}

size_t
snapshot_rows(const struct snapshot_block *b)
{
	return (size_t)b->n4 + b->n6;
}

bool
snapshot_empty(const struct snapshot_block *b)
{
	static const struct frame_counters none;

	return b->n4 == 0 && b->n6 == 0 &&
	    memcmp(&b->counters, &none, sizeof(none)) == 0;
}

/* Only a hint where an equal row may be; whoever makes these collide gets
 * rows that the writer merges instead. */
static uint32_t
seek_slot(const uint8_t *sip, const uint8_t *dip, size_t n,
    const struct flowtab_row *r)
{
	uint64_t h = (uint64_t)r->dport << 16 | (uint64_t)r->proto << 8 |
	    r->overflow;

	for (size_t i = 0; i < n; i += 4) {
		uint32_t a, b;

		memcpy(&a, sip + i, 4);
		memcpy(&b, dip + i, 4);
		h = (h ^ a) * UINT64_C(0x9e3779b97f4a7c15);
		h = (h ^ h >> 29 ^ b) * UINT64_C(0xbf58476d1ce4e5b9);
	}
	return (uint32_t)(h >> 40) & (SNAPSHOT_SEEK - 1);
}

static void
add(uint64_t to[4], const uint64_t from[4])
{
	for (int i = 0; i < 4; i++)
		to[i] += from[i];
}

static void
row4(struct snapshot_block *b, const struct flowtab_row *r)
{
	struct frame_row4 *rows = rows4(b), *row;
	uint16_t *at = &b->seek4[seek_slot(r->sip, r->dip, 4, r)];

	if (*at != 0) {
		row = &rows[*at - 1];
		if (memcmp(row->sip, r->sip, 4) == 0 &&
		    memcmp(row->dip, r->dip, 4) == 0 &&
		    row->dport == r->dport && row->proto == r->proto &&
		    row->l7 == (r->overflow ? 1 : 0)) {
			add(row->counter, r->counter);
			return;
		}
	}
	row = &rows[b->n4++];
	*at = (uint16_t)b->n4;
	memset(row, 0, sizeof(*row));
	memcpy(row->sip, r->sip, 4);
	memcpy(row->dip, r->dip, 4);
	row->dport = r->dport;
	row->proto = r->proto;
	row->l7 = r->overflow ? 1 : 0;
	memcpy(row->counter, r->counter, sizeof(row->counter));
}

static void
row6(struct snapshot_block *b, const struct flowtab_row *r)
{
	struct frame_row6 *row;
	uint16_t *at = &b->seek6[seek_slot(r->sip, r->dip, 16, r)];

	if (*at != 0) {
		row = &b->rows6[*at - 1];
		if (memcmp(row->sip, r->sip, 16) == 0 &&
		    memcmp(row->dip, r->dip, 16) == 0 &&
		    row->dport == r->dport && row->proto == r->proto) {
			add(row->counter, r->counter);
			return;
		}
	}
	row = &b->rows6[b->n6++];
	*at = (uint16_t)b->n6;
	memset(row, 0, sizeof(*row));
	memcpy(row->sip, r->sip, 16);
	memcpy(row->dip, r->dip, 16);
	row->dport = r->dport;
	row->proto = r->proto;
	memcpy(row->counter, r->counter, sizeof(row->counter));
}

void
snapshot_row(void *block, const struct flowtab_row *r)
{
	struct snapshot_block *b = block;
	uint64_t packets = r->counter[FRAME_PKTS_RCVD] +
	    r->counter[FRAME_PKTS_SENT];

	b->row_packets += packets;
	b->row_bytes += r->counter[FRAME_BYTES_RCVD] +
	    r->counter[FRAME_BYTES_SENT];
	if (r->overflow)
		b->counters.overflow += packets;
	if (r->version == 4)
		row4(b, r);
	else
		row6(b, r);
}

static void
put_names(struct snapshot_block *b)
{
	struct frame_name *names = (struct frame_name *)(void *)(b->frame +
	    sizeof(struct frame_header));

	memset(names, 0, NAMES * sizeof(*names));
	memcpy(names[0].name, SNAPSHOT_UNKNOWN, sizeof(SNAPSHOT_UNKNOWN));
	memcpy(names[1].name, SNAPSHOT_OVERFLOW, sizeof(SNAPSHOT_OVERFLOW));
}

int
snapshot_push(struct snapshot_block *b, struct ring_producer *ring,
    const struct snapshot_meta *meta, uint64_t *packets)
{
	struct frame_header *h = (struct frame_header *)(void *)b->frame;
	bool rows = b->n4 != 0 || b->n6 != 0;
	size_t bytes = frame_bytes(rows ? NAMES : 0, b->n4, b->n6);
	int rc;

	assert(bytes <= FRAME_MAX_BYTES);
	memset(h, 0, sizeof(*h));
	h->kind = (uint16_t)meta->kind;
	h->bytes = (uint32_t)bytes;
	h->flags = b->flags;
	h->slot_s = b->slot_s;
	h->first_real_ns = meta->first_real_ns;
	h->last_real_ns = meta->last_real_ns;
	h->first_boot_ns = meta->first_boot_ns;
	h->last_boot_ns = meta->last_boot_ns;
	h->n_names = rows ? NAMES : 0;
	h->n4 = b->n4;
	h->n6 = b->n6;
	h->flows = meta->flows;
	h->pending = meta->pending;
	h->counters = b->counters;
	h->counters.seen = b->row_packets + b->counters.non_ip +
	    b->counters.malformed;
	h->counters.seen_bytes = b->row_bytes + b->counters.non_ip_bytes +
	    b->counters.malformed_bytes;
	if (rows) {
		put_names(b);
		memcpy(rows4(b) + b->n4, b->rows6,
		    b->n6 * sizeof(b->rows6[0]));
	}
	*packets = h->counters.seen;
	rc = ring_push(ring, b->frame);
	if (rc == 0)
		next_frame(b);
	return rc;
}

uint64_t
snapshot_ring_bytes(uint32_t flows_max)
{
	uint64_t bytes = RING_MIN_BYTES * 4;
	uint64_t want = (uint64_t)flows_max * sizeof(struct frame_row6) * 2;

	while (bytes < want && bytes < RING_MAX_BYTES)
		bytes *= 2;
	return bytes;
}
