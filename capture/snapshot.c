#include "capture/snapshot.h"

#include <assert.h>
#include <string.h>

static void
next_frame(struct snapshot_block *b)
{
	b->n4 = b->n6 = 0;
	b->n_names = 0;
	memset(b->place, 0, sizeof(b->place));
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
	size_t used = frame_bytes(b->n_names, b->n4, b->n6);
	size_t names = FRAME_MAX_NAMES - b->n_names, rows;

	/* a row brings one name at most, which may be new: flows get their
	 * labels while they are being published */
	rows = (FRAME_MAX_BYTES - used) / (sizeof(struct frame_row6) +
	    sizeof(struct frame_name));
	return rows < names ? rows : names;
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
	uint64_t h = (uint64_t)r->dport << 24 | (uint64_t)r->proto << 16 |
	    r->label;

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

/* Where a label's name stands among those of the frame. */
static uint16_t
place_of(struct snapshot_block *b, uint16_t label)
{
	if (b->place[label] == 0) {
		b->label[b->n_names] = label;
		b->place[label] = (uint16_t)++b->n_names;
	}
	return (uint16_t)(b->place[label] - 1);
}

static void
row4(struct snapshot_block *b, const struct flowtab_row *r)
{
	uint16_t *at = &b->seek4[seek_slot(r->sip, r->dip, 4, r)];
	uint16_t l7 = place_of(b, r->label);
	struct frame_row4 *row;

	if (*at != 0) {
		row = &b->rows4[*at - 1];
		if (memcmp(row->sip, r->sip, 4) == 0 &&
		    memcmp(row->dip, r->dip, 4) == 0 &&
		    row->dport == r->dport && row->proto == r->proto &&
		    row->l7 == l7) {
			add(row->counter, r->counter);
			return;
		}
	}
	row = &b->rows4[b->n4++];
	*at = (uint16_t)b->n4;
	memcpy(row->sip, r->sip, 4);
	memcpy(row->dip, r->dip, 4);
	row->dport = r->dport;
	row->proto = r->proto;
	row->pad = 0;
	row->l7 = l7;
	row->pad2 = 0;
	memcpy(row->counter, r->counter, sizeof(row->counter));
}

static void
row6(struct snapshot_block *b, const struct flowtab_row *r)
{
	uint16_t *at = &b->seek6[seek_slot(r->sip, r->dip, 16, r)];
	uint16_t l7 = place_of(b, r->label);
	struct frame_row6 *row;

	if (*at != 0) {
		row = &b->rows6[*at - 1];
		if (memcmp(row->sip, r->sip, 16) == 0 &&
		    memcmp(row->dip, r->dip, 16) == 0 &&
		    row->dport == r->dport && row->proto == r->proto &&
		    row->l7 == l7) {
			add(row->counter, r->counter);
			return;
		}
	}
	row = &b->rows6[b->n6++];
	*at = (uint16_t)b->n6;
	memcpy(row->sip, r->sip, 16);
	memcpy(row->dip, r->dip, 16);
	row->dport = r->dport;
	row->proto = r->proto;
	row->pad = 0;
	row->l7 = l7;
	row->pad2 = 0;
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

/* Names and rows to where they belong in the frame. */
static void
put_rows(struct snapshot_block *b)
{
	uint8_t *to = b->frame + sizeof(struct frame_header);

	for (uint32_t i = 0; i < b->n_names; i++) {
		memcpy(to, &b->labels->name[b->label[i]],
		    sizeof(struct frame_name));
		to += sizeof(struct frame_name);
	}
	memcpy(to, b->rows4, b->n4 * sizeof(b->rows4[0]));
	to += b->n4 * sizeof(b->rows4[0]);
	memcpy(to, b->rows6, b->n6 * sizeof(b->rows6[0]));
}

int
snapshot_push(struct snapshot_block *b, struct ring_producer *ring,
    const struct snapshot_meta *meta, uint64_t *packets)
{
	struct frame_header *h = (struct frame_header *)(void *)b->frame;
	size_t bytes = frame_bytes(b->n_names, b->n4, b->n6);
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
	h->n_names = b->n_names;
	h->n4 = b->n4;
	h->n6 = b->n6;
	h->flows = meta->flows;
	h->pending = meta->pending;
	h->l7_starved = b->l7_starved;
	h->counters = b->counters;
	h->counters.seen = b->row_packets + b->counters.non_ip +
	    b->counters.malformed;
	h->counters.seen_bytes = b->row_bytes + b->counters.non_ip_bytes +
	    b->counters.malformed_bytes;
	put_rows(b);
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
