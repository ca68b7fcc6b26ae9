/* snapshot: rows to frames that the writer accepts; full frames, full ring. */
#include "capture/snapshot.h"

#include <errno.h>

#include "tests/tap.h"

static struct labels labels;
static struct snapshot_block block = {.labels = &labels};
static struct ring_producer ring;
static struct ring_consumer consumer;
static _Alignas(8) uint8_t buf[FRAME_MAX_BYTES];

static const struct snapshot_meta meta = {FRAME_ROWS, 10, 20, 1, 2, 3, 4};

static uint8_t proto = 17;

static void
labelled(uint8_t version, uint32_t host, uint16_t dport, uint64_t packets,
    uint16_t label)
{
	static uint8_t sip[16], dip[16];
	struct flowtab_row r = {.sip = sip, .dip = dip, .version = version,
		.dport = dport, .proto = proto, .label = label};

	memcpy(sip + (version == 6 ? 12 : 0), &host, 4);
	dip[0] = 1;
	r.counter[FRAME_PKTS_SENT] = packets;
	r.counter[FRAME_BYTES_SENT] = packets * 100;
	snapshot_row(&block, &r);
}

static void
row(uint8_t version, uint32_t host, uint16_t dport, uint64_t packets)
{
	labelled(version, host, dport, packets, LABELS_UNKNOWN);
}

static const struct frame_header *
take(void)
{
	const char *why = NULL;
	uint64_t end;
	int rc = ring_peek(&consumer, buf, &end, &why);

	if (rc <= 0) {
		diag("no frame: %s", why ? why : "none");
		return NULL;
	}
	ring_next(&consumer, end);
	ring_acked(&ring, consumer.pos);
	return (const void *)buf;
}

static void
test_frame(void)
{
	struct flowtab_row over = {.sip = (const uint8_t[4]){0},
		.dip = (const uint8_t[4]){0}, .version = 4, .proto = 6,
		.counter = {0, 700, 0, 7}, .overflow = true,
		.label = LABELS_OVERFLOW};
	const struct frame_header *h;
	uint64_t packets;

	snapshot_start(&block, 600);
	ok(snapshot_empty(&block), "a new frame is empty");
	row(4, 1, 53, 5);
	row(6, 1, 53, 1);
	row(4, 2, 53, 2);
	row(4, 1, 53, 3);
	row(6, 1, 53, 1);
	snapshot_row(&block, &over);
	block.counters.non_ip = 4;
	block.counters.malformed = 1;
	block.counters.malformed_bytes = 60;
	block.counters.non_ip_bytes = 300;
	block.l7_starved = 9;
	block.flags = FRAME_DIR_FLOW;
	is_int(snapshot_push(&block, &ring, &meta, &packets), 0, "pushed");
	is_int(packets, 5 + 2 + 3 + 2 + 7 + 4 + 1, "all packets are seen");
	h = take();
	if (!ok(h != NULL, "accepted"))
		return;
	is_int(h->n4, 3, "rows of one key are one");
	is_int(h->n6, 1, "in IPv6, too");
	is_int(frame_rows4(h)[0].counter[FRAME_PKTS_SENT], 8, "added up");
	is_int(frame_rows6(h)[0].counter[FRAME_BYTES_SENT], 200, "added up");
	is_int(h->counters.seen, packets, "seen");
	is_int(h->counters.seen_bytes, 2260, "seen bytes");
	is_int(h->counters.overflow, 7, "overflow");
	is_str(frame_names(h)[frame_rows4(h)[2].l7].name, "[overflow]",
	    "overflow has its name");
	is_str(frame_names(h)[frame_rows4(h)[0].l7].name, "Unknown",
	    "others have theirs");
	ok(h->slot_s == 600 && h->flags == FRAME_DIR_FLOW && h->pending == 4 &&
	    h->flows == 3 && h->l7_starved == 9, "header");
	ok(h->first_real_ns == 10 && h->last_real_ns == 20 &&
	    h->first_boot_ns == 1 && h->last_boot_ns == 2, "its interval");
	ok(snapshot_empty(&block), "and the next frame is empty");
	is_int(snapshot_push(&block, &ring, &meta, &packets), 0,
	    "a frame without rows");
	h = take();
	ok(h && h->bytes == sizeof(*h) && h->counters.seen == 0,
	    "is its header");
}

/* Rows or counters alone are something; a block's flags are its own. */
static void
test_begun(void)
{
	snapshot_start(&block, 600);
	row(6, 1, 53, 1);
	ok(!snapshot_empty(&block), "a row of IPv6 is something");
	snapshot_start(&block, 600);
	block.counters.kernel_drops = 1;
	ok(!snapshot_empty(&block), "drops alone are");
	block.flags = FRAME_CUT;
	snapshot_start(&block, 900);
	ok(snapshot_empty(&block) && block.flags == 0, "a new block has none");
}

static void
test_full(uint8_t version)
{
	const struct frame_header *h;
	uint64_t packets;
	uint32_t n = 0;

	while (snapshot_room(&block) > 0)
		row(version, 1000 + n++, 53, 1);
	is_int(snapshot_push(&block, &ring, &meta, &packets), 0, "full frame");
	h = take();
	ok(h && h->bytes <= FRAME_MAX_BYTES &&
	    h->bytes > FRAME_MAX_BYTES - 2 * sizeof(struct frame_row6),
	    "of %u rows is full", n);
	is_int(packets, n, "with all packets");
}

/* Flows get their labels while they are published: as many as a call may bring
 * are new after room was asked for, and there are more than a frame's names. */
static void
test_new_names(uint32_t known_rows)
{
	const struct frame_header *h = NULL;
	uint64_t packets, all = 0;
	uint32_t n = 0, made = 0, room;
	char name[16];

	for (int frames = 0; frames < 3; frames++) {
		while (snapshot_rows(&block) < known_rows &&
		    snapshot_room(&block) > 0)
			row(6, ++n, 53, 1);
		while ((room = (uint32_t)snapshot_room(&block)) > 0)
			for (; room > 0; room--) {
				snprintf(name, sizeof(name), "app%u", made++);
				labelled(6, ++n, 53, 1,
				    labels_add(&labels, name, "x"));
			}
		if (snapshot_push(&block, &ring, &meta, &packets) != 0)
			break;
		all += packets;
		h = take();
		if (!h || h->n_names > FRAME_MAX_NAMES)
			break;
	}
	ok(h && h->bytes <= FRAME_MAX_BYTES && h->n_names > 1 &&
	    h->n_names <= FRAME_MAX_NAMES,
	    "frames behind %u rows have names that came late", known_rows);
	is_int(all, n, "and all packets");
}

/* More keys than places in the memory for equal rows. */
static void
test_collisions(uint8_t version)
{
	const struct frame_header *h;
	uint64_t packets;

	for (uint16_t port = 1; port <= 3000; port++)
		row(version, 5, port, 1);
	is_int(snapshot_push(&block, &ring, &meta, &packets), 0, "pushed");
	h = take();
	ok(h && h->n4 + h->n6 == 3000, "rows that are not equal stay apart");
	for (proto = 255; proto > 17; proto--)
		row(version, 5, 53, 1);
	for (uint16_t i = 0; i < 200; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "port53-%u", i);
		labelled(version, 5, 53, 1, labels_add(&labels, name, "x"));
	}
	is_int(snapshot_push(&block, &ring, &meta, &packets), 0, "pushed");
	h = take();
	ok(h && h->n4 + h->n6 == 238 + 200,
	    "nor do protocols and applications meet");
}

enum { SIP, SIP_END, DIP, DIP_END, DPORT, FIELDS, KEYS = 4000 };

/* Keys that differ from all others in one field alone. */
static void
one_field(uint8_t version, uint16_t key, const uint64_t counter[4])
{
	const size_t end = version == 4 ? 2 : 14;
	uint8_t sip[16], dip[16];
	struct flowtab_row r = {.sip = sip, .dip = dip, .version = version,
		.dport = UINT16_MAX, .proto = 6, .label = LABELS_UNKNOWN};

	memset(sip, 0xff, sizeof(sip));
	memset(dip, 0xff, sizeof(dip));
	if (key % FIELDS == DPORT)
		r.dport = key;
	else
		memcpy((key % FIELDS < DIP ? sip : dip) +
		    (key % FIELDS % 2 ? end : 0), &key, sizeof(key));
	memcpy(r.counter, counter, sizeof(r.counter));
	snapshot_row(&block, &r);
}

/* The key of a row, or KEYS. */
static uint16_t
key_of(const uint8_t *sip, const uint8_t *dip, size_t end, uint16_t dport)
{
	uint16_t field[FIELDS] = {[DPORT] = dport}, key = KEYS;

	memcpy(&field[SIP], sip, 2);
	memcpy(&field[SIP_END], sip + end, 2);
	memcpy(&field[DIP], dip, 2);
	memcpy(&field[DIP_END], dip + end, 2);
	for (unsigned i = 0; i < FIELDS; i++)
		if (field[i] != UINT16_MAX && key == KEYS)
			key = field[i];
		else if (field[i] != UINT16_MAX)
			return KEYS;
	return key < KEYS ? key : KEYS;
}

/* Each packet is in the row of its own key, and in the sums. */
static void
test_keys(uint8_t version)
{
	static uint64_t want[KEYS + 1][4], got[KEYS + 1][4];
	const struct frame_header *h;
	uint64_t seed = tap_seed(version), packets, all = 0, bytes = 0;
	unsigned wrong = 0;

	memset(want, 0, sizeof(want));
	memset(got, 0, sizeof(got));
	for (unsigned i = 0; i < 3 * KEYS && snapshot_room(&block) > 0; i++) {
		uint16_t key = (uint16_t)(tap_random(&seed) % KEYS);
		uint64_t c[4];

		for (unsigned k = 0; k < 4; k++) {
			c[k] = tap_random(&seed) % 1000;
			want[key][k] += c[k];
		}
		all += c[FRAME_PKTS_RCVD] + c[FRAME_PKTS_SENT];
		bytes += c[FRAME_BYTES_RCVD] + c[FRAME_BYTES_SENT];
		one_field(version, key, c);
	}
	is_int(snapshot_push(&block, &ring, &meta, &packets), 0, "pushed");
	h = take();
	if (!ok(h != NULL, "accepted"))
		return;
	for (uint32_t i = 0; i < h->n4 + h->n6; i++) {
		const struct frame_row4 *r4 = &frame_rows4(h)[i];
		const struct frame_row6 *r6 = &frame_rows6(h)[i];
		uint16_t key = version == 4
		    ? key_of(r4->sip, r4->dip, 2, r4->dport)
		    : key_of(r6->sip, r6->dip, 14, r6->dport);

		for (unsigned k = 0; k < 4; k++)
			got[key][k] += version == 4 ? r4->counter[k]
			                            : r6->counter[k];
	}
	for (unsigned key = 0; key <= KEYS; key++)
		wrong += memcmp(got[key], want[key], sizeof(got[key])) != 0;
	is_int(wrong, 0, "of IPv%u each key has its own", version);
	ok(packets == all && h->counters.seen == all &&
	    h->counters.seen_bytes == bytes, "and all together is seen");
}

static void
test_no_room(void)
{
	uint64_t packets, pushed = 0;
	int rc;

	do {
		while (snapshot_room(&block) > 0)
			row(4, (uint32_t)pushed * 10000 +
			    (uint32_t)block.n4, 53, 1);
		rc = snapshot_push(&block, &ring, &meta, &packets);
		pushed += rc == 0;
	} while (rc == 0);
	is_int(rc, -EAGAIN, "the ring is full after %d frames", (int)pushed);
	ok(!snapshot_empty(&block), "the frame is still there");
	while (pushed-- > 0)
		ok(take() != NULL, "one is taken");
	is_int(snapshot_push(&block, &ring, &meta, &packets), 0,
	    "then it goes out");
	ok(take() != NULL, "and is whole");
}

int
main(void)
{
	const char *why = NULL;

	labels_init(&labels);
	if (ring_create(&ring, RING_MIN_BYTES) != 0 ||
	    ring_attach(&consumer, ring.fd_ro, &why) != 0)
		skip_all("no ring: %s", why ? why : "memfd");
	ok(snapshot_ring_bytes(1u << 20) >= (1u << 20) * 72ull,
	    "a ring takes a full table");
	test_frame();
	test_begun();
	test_full(4);
	test_full(6);
	test_collisions(4);
	test_collisions(6);
	for (int frames = 0; frames < 2; frames++) {
		test_keys(4);
		test_keys(6);
	}
	test_new_names(0);
	test_new_names(1000);
	test_new_names(3500);
	test_no_room();
	ring_detach(&consumer);
	ring_destroy(&ring);
	return tap_done();
}
