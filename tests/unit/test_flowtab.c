/*
 * flowtab against a plain twin (a chained table without bound that never
 * forgets), with random traffic, growth, eviction, overflow and publishing in
 * steps; and its promises: bytes a flow, orientation kept, nothing lost.
 */
#include "capture/flowtab.h"

#include "capture/flowtab_internal.h"
#include "capture/orient.h"
#include "common/ipc/frame.h"
#include "tests/tap.h"

#include <errno.h>

static const struct gp_hash_key key = {{11, 22, 33, 44}};

/* ---- rows, summed by what is stored ------------------------------------ */

struct row {
	struct row *next;
	uint8_t sip[16], dip[16], version, proto;
	uint16_t dport;
	uint64_t c[4];
};

struct rows {
	struct row *bucket[4096];
	uint64_t packets, bytes, overflow, overflow_bytes, n;
	unsigned overflow_protos;
};

static struct row *
row_of(struct rows *t, uint8_t version, const uint8_t *sip,
    const uint8_t *dip, uint16_t dport, uint8_t proto)
{
	size_t len = version == 4 ? 4 : 16;
	unsigned h = dport * 31u + proto;
	struct row *r;

	for (size_t i = 0; i < len; i++)
		h = h * 33 + sip[i] + 7u * dip[i];
	for (r = t->bucket[h % 4096]; r; r = r->next)
		if (r->version == version && r->dport == dport &&
		    r->proto == proto && memcmp(r->sip, sip, len) == 0 &&
		    memcmp(r->dip, dip, len) == 0)
			return r;
	r = calloc(1, sizeof(*r));
	memcpy(r->sip, sip, len);
	memcpy(r->dip, dip, len);
	r->version = version;
	r->dport = dport;
	r->proto = proto;
	r->next = t->bucket[h % 4096];
	t->bucket[h % 4096] = r;
	return r;
}

static void
rows_free(struct rows *t)
{
	for (size_t i = 0; i < 4096; i++)
		while (t->bucket[i]) {
			struct row *r = t->bucket[i];

			t->bucket[i] = r->next;
			free(r);
		}
	memset(t, 0, sizeof(*t));
}

static void
collect(void *ctx, const struct flowtab_row *in)
{
	struct rows *t = ctx;
	uint64_t packets = in->counter[FRAME_PKTS_RCVD] +
	    in->counter[FRAME_PKTS_SENT];
	struct row *r;

	t->n++;
	t->packets += packets;
	t->bytes += in->counter[FRAME_BYTES_RCVD] +
	    in->counter[FRAME_BYTES_SENT];
	if (in->overflow) {
		t->overflow += packets;
		t->overflow_bytes += in->counter[FRAME_BYTES_RCVD] +
		    in->counter[FRAME_BYTES_SENT];
		t->overflow_protos++;
		return;
	}
	r = row_of(t, in->version, in->sip, in->dip, in->dport, in->proto);
	for (int i = 0; i < 4; i++)
		r->c[i] += in->counter[i];
}

/* Every row of a is in b with the same counters. */
static unsigned
differences(struct rows *a, struct rows *b)
{
	unsigned n = 0;

	for (size_t i = 0; i < 4096; i++)
		for (struct row *r = a->bucket[i]; r; r = r->next) {
			struct row *o = row_of(b, r->version, r->sip, r->dip,
			    r->dport, r->proto);

			n += memcmp(r->c, o->c, sizeof(r->c)) != 0;
		}
	return n;
}

/* ---- the twin ---------------------------------------------------------- */

struct twin_flow {
	struct twin_flow *next;
	struct decode_packet first;
	enum orient_level level;
	bool first_is_client, published;
	uint64_t ab[2], ba[2];  /* packets, bytes; from the first's sender */
	uint64_t in[2], out[2]; /* and by interface */
};

struct twin {
	struct twin_flow *bucket[4096];
	bool by_iface;
	struct rows rows;
};

static bool
same_end(const uint8_t *a, uint16_t ap, const uint8_t *b, uint16_t bp,
    size_t n)
{
	return ap == bp && memcmp(a, b, n) == 0;
}

/* 1 the same direction as f's first, 2 the other, 0 another flow. */
static int
direction(const struct twin_flow *f, const struct decode_packet *p)
{
	const struct decode_packet *q = &f->first;
	size_t n = p->version == 4 ? 4 : 16;

	if (q->version != p->version || q->proto != p->proto)
		return 0;
	if (same_end(q->src, q->sport, p->src, p->sport, n) &&
	    same_end(q->dst, q->dport, p->dst, p->dport, n))
		return 1;
	if (same_end(q->src, q->sport, p->dst, p->dport, n) &&
	    same_end(q->dst, q->dport, p->src, p->sport, n))
		return 2;
	return 0;
}

static void
twin_add(struct twin *t, const struct decode_packet *p)
{
	/* the same for both directions */
	unsigned h = (unsigned)(p->sport + p->dport) * 7 +
	    (unsigned)(p->src[0] + p->dst[0] + p->src[12] + p->dst[12]) * 31 +
	    (unsigned)(p->src[1] + p->dst[1]) * 1009 + p->proto;
	struct twin_flow *f;
	struct orient_verdict v;
	bool out = p->flags & DECODE_OUT;
	int way = 0;

	for (f = t->bucket[h % 4096]; f; f = f->next)
		if ((way = direction(f, p)) != 0)
			break;
	if (!f) {
		f = calloc(1, sizeof(*f));
		f->first = *p;
		f->next = t->bucket[h % 4096];
		t->bucket[h % 4096] = f;
		way = 1;
	}
	v = f->level == ORIENT_NONE ? orient_packet(p) : orient_hint(p);
	if (!f->published && v.level > f->level) {
		f->level = v.level;
		f->first_is_client = v.from_client == (way == 1);
	}
	(way == 1 ? f->ab : f->ba)[0]++;
	(way == 1 ? f->ab : f->ba)[1] += p->wire_len;
	(out ? f->out : f->in)[0]++;
	(out ? f->out : f->in)[1] += p->wire_len;
}

static void
twin_publish_flow(struct twin *t, struct twin_flow *f)
{
	const struct decode_packet *p = &f->first;
	bool c = f->first_is_client;
	const uint64_t *sent = t->by_iface ? f->out : c ? f->ab : f->ba;
	const uint64_t *rcvd = t->by_iface ? f->in : c ? f->ba : f->ab;
	struct row *r;

	if (f->ab[0] + f->ba[0] == 0)
		return;
	r = row_of(&t->rows, p->version, c ? p->src : p->dst,
	    c ? p->dst : p->src, c ? p->dport : p->sport, p->proto);
	r->c[FRAME_PKTS_SENT] += sent[0];
	r->c[FRAME_BYTES_SENT] += sent[1];
	r->c[FRAME_PKTS_RCVD] += rcvd[0];
	r->c[FRAME_BYTES_RCVD] += rcvd[1];
	f->published = true;
	memset(f->ab, 0, sizeof(f->ab));
	memset(f->ba, 0, sizeof(f->ba));
	memset(f->in, 0, sizeof(f->in));
	memset(f->out, 0, sizeof(f->out));
}

static void
twin_publish(struct twin *t)
{
	for (size_t i = 0; i < 4096; i++)
		for (struct twin_flow *f = t->bucket[i]; f; f = f->next)
			twin_publish_flow(t, f);
}

static void
twin_free(struct twin *t)
{
	for (size_t i = 0; i < 4096; i++)
		while (t->bucket[i]) {
			struct twin_flow *f = t->bucket[i];

			t->bucket[i] = f->next;
			free(f);
		}
	rows_free(&t->rows);
}

/* ---- traffic ----------------------------------------------------------- */

static struct decode_packet
random_packet(uint64_t *seed, unsigned hosts, unsigned ports)
{
	static const uint8_t protos[] = {6, 17, 1, 47};
	struct decode_packet p;
	uint64_t x = tap_random(seed);
	uint32_t a = (uint32_t)(x % hosts), b = (uint32_t)(x >> 20) % hosts;

	memset(&p, 0xcc, sizeof(p)); /* bytes beyond IPv4 are undefined, but
	                                the twin may look at them */
	p.version = x >> 60 & 1 ? 6 : 4;
	p.proto = protos[x >> 40 & 3];
	if (p.version == 6) {
		memset(p.src, 0, 16);
		memset(p.dst, 0, 16);
	}
	memcpy(p.src + (p.version == 6 ? 12 : 0), &a, 4);
	memcpy(p.dst + (p.version == 6 ? 12 : 0), &b, 4);
	p.sport = p.dport = 0;
	p.flags = x >> 50 & 1 ? DECODE_OUT : 0;
	if (p.proto == 6 || p.proto == 17) {
		p.sport = (uint16_t)(440 + tap_random(seed) % ports);
		p.dport = (uint16_t)(440 + tap_random(seed) % ports);
		p.flags |= DECODE_HAS_PORTS;
	}
	p.hint = p.proto == 6 && x >> 52 % 4 == 0 ? (uint8_t)(x >> 54 & 1) + 1
	                                          : DECODE_HINT_NONE;
	p.wire_len = (uint32_t)(60 + x % 1400);
	return p;
}

static void
publish_all(struct flowtab *t, struct rows *rows, size_t step)
{
	flowtab_publish_begin(t, FLOWTAB_WAIT, 0);
	while (!flowtab_publish_some(t, step, collect, rows))
		;
}

static void
test_twin(bool by_iface, unsigned hosts, unsigned ports, int rounds)
{
	static struct twin twin;
	static struct rows rows;
	uint64_t seed = tap_seed(7 + hosts + by_iface), total = 0;
	struct flowtab *t;

	memset(&twin, 0, sizeof(twin));
	twin.by_iface = by_iface;
	if (!ok(flowtab_new(&t, 1u << 20, by_iface, &key) == 0, "table"))
		return;
	for (int i = 0; i < rounds; i++) {
		struct decode_packet p[FLOWTAB_BATCH];
		size_t n = 1 + tap_random(&seed) % FLOWTAB_BATCH;

		for (size_t j = 0; j < n; j++) {
			p[j] = random_packet(&seed, hosts, ports);
			twin_add(&twin, &p[j]);
		}
		flowtab_add(t, p, n, 1000);
		total += n;
		if (tap_random(&seed) % 50 == 0) {
			publish_all(t, &rows, 1 + tap_random(&seed) % 300);
			twin_publish(&twin);
		}
	}
	is_int(flowtab_held(t) + rows.packets, total,
	    "handed out and held are all");
	publish_all(t, &rows, 1000);
	twin_publish(&twin);
	is_int(rows.packets, total, "all %u flows handed out",
	    flowtab_flows(t));
	is_int(differences(&rows, &twin.rows), 0, "as the twin has them");
	is_int(differences(&twin.rows, &rows), 0, "and nothing else");
	is_int(flowtab_held(t), 0, "nothing held");
	flowtab_free(t);
	rows_free(&rows);
	twin_free(&twin);
}

/* Packets between the steps of publishing, evictions all the time. */
static void
test_steps(void)
{
	static struct twin twin;
	static struct rows rows;
	uint64_t seed = tap_seed(99), total = 0, bytes = 0;
	uint32_t most = 0;
	struct flowtab *t;

	memset(&twin, 0, sizeof(twin));
	flowtab_new(&t, 4096, true, &key);
	for (uint32_t i = 0; i < 20000; i++) {
		struct decode_packet p[16];

		for (size_t j = 0; j < 16; j++) {
			p[j] = random_packet(&seed, 40, 12);
			/* evicted and seen again, it must turn out alike */
			p[j].hint = DECODE_HINT_NONE;
			if (p[j].sport == p[j].dport)
				p[j].dport++;
			twin_add(&twin, &p[j]);
			bytes += p[j].wire_len;
		}
		flowtab_add(t, p, 16, i);
		total += 16;
		most = flowtab_flows(t) > most ? flowtab_flows(t) : most;
		if (i % 64 == 0)
			flowtab_publish_begin(t, FLOWTAB_WAIT, 0); /* often in mid-round */
		if (i % 4 == 0)
			flowtab_publish_some(t, 37, collect, &rows);
		flowtab_sweep(t, 40, i);
	}
	is_int(flowtab_held(t) + rows.packets, total, "in steps: none lost");
	publish_all(t, &rows, 64);
	is_int(rows.packets, total, "none left");
	is_int(rows.bytes, bytes, "and every byte");
	is_int(flowtab_held(t), 0, "nothing held");
	ok(rows.overflow_bytes >= 60 * rows.overflow,
	    "overflow rows have bytes, too");
	ok(most <= 4096, "bounded: %u flows at most", most);
	is_int(flowtab_overflow(t), rows.overflow, "overflow is told");
	diag("%" PRIu64 " of %" PRIu64 " packets in overflow rows",
	    rows.overflow, total);
	flowtab_free(t);
	rows_free(&rows);
	twin_free(&twin);
}

/* ---- promises ---------------------------------------------------------- */

static struct decode_packet
udp(uint8_t version, uint32_t src, uint16_t sport, uint32_t dst,
    uint16_t dport)
{
	struct decode_packet p;

	memset(&p, 0, sizeof(p));
	p.version = version;
	p.proto = 17;
	memcpy(p.src, &src, 4);
	memcpy(p.dst, &dst, 4);
	p.sport = sport;
	p.dport = dport;
	p.flags = DECODE_HAS_PORTS;
	p.wire_len = 100;
	return p;
}

static void
scan(struct flowtab *t, uint8_t version, uint32_t from, uint32_t n,
    uint32_t now_s)
{
	struct decode_packet p[FLOWTAB_BATCH];

	for (uint32_t i = 0; i < n;) {
		size_t k = 0;

		for (; k < FLOWTAB_BATCH && i < n; k++, i++)
			p[k] = udp(version, 1, 40000, from + i, 53);
		flowtab_add(t, p, k, now_s);
	}
}

static void
test_memory(uint8_t version)
{
	struct flowtab *t;
	double worst = 0;

	flowtab_new(&t, 1u << 20, false, &key);
	for (uint32_t n = 0; n < 400000; n += 500) {
		double each;

		scan(t, version, n, 500, 1);
		each = (double)flowtab_bytes(t) / flowtab_flows(t);
		if (n >= 100000 && each > worst)
			worst = each;
	}
	is_int(flowtab_flows(t), 400000, "version %u: each key a flow",
	    version);
	ok(worst <= (version == 4 ? FLOWTAB_BYTES_V4 : FLOWTAB_BYTES_V6),
	    "at worst %.1f bytes a flow, while the index grows", worst);
	scan(t, version, 0, 20000, 1);
	ok((double)flowtab_bytes(t) / flowtab_flows(t) <=
		(version == 4 ? FLOWTAB_BYTES_V4 : FLOWTAB_BYTES_V6),
	    "%.1f bytes a flow at rest",
	    (double)flowtab_bytes(t) / flowtab_flows(t));
	is_int(flowtab_flows(t), 400000, "known keys are found again");
	flowtab_free(t);
}

/* A scan with twenty times as many keys as there is room for. */
static void
test_scan(bool publish)
{
	static struct rows rows;
	struct flowtab *t;

	flowtab_new(&t, 10000, false, &key);
	for (uint32_t n = 0; n < 200000; n += 1000) {
		scan(t, 4, n, 1000, 1 + n / 10000);
		if (publish && flowtab_pressed(t)) {
			publish_all(t, &rows, 500);
			flowtab_sweep(t, flowtab_entries(t) + 2,
			    1 + n / 10000);
		}
	}
	ok(flowtab_flows(t) <= 10000, "a scan fills no more than there is");
	publish_all(t, &rows, 500);
	is_int(rows.packets, 200000, "none of its packets is lost");
	is_int(rows.bytes, 200000 * 100, "nor a byte");
	is_int(flowtab_held(t), 0, "nothing is held when all is handed out");
	if (publish)
		is_int(rows.overflow, 0,
		    "published early, all keep their row");
	else
		is_int(rows.overflow, 190000, "the rest is overflow");
	if (!publish)
		is_int(rows.overflow_protos, 1, "in one row, for UDP");
	flowtab_free(t);
	rows_free(&rows);
}

/* A table that is nearly full gives up flows of one packet before those that
 * came again. */
static void
test_reused_stay(void)
{
	static struct rows rows;
	struct flowtab *t;

	flowtab_new(&t, 10000, false, &key);
	scan(t, 4, 0, 8000, 4);
	publish_all(t, &rows, 500);
	scan(t, 4, 0, 100, 8);
	publish_all(t, &rows, 500);
	flowtab_sweep(t, flowtab_entries(t) + 2, 12);
	is_int(flowtab_flows(t), 100, "those that came again stay");
	is_int(rows.packets, 8100, "and none is lost");
	flowtab_free(t);
	rows_free(&rows);
}

/* Overflow rows are no more at a time than were asked for. */
static void
test_overflow_steps(void)
{
	static struct rows rows;
	struct flowtab *t;
	uint64_t most = 0;
	bool all = false;

	flowtab_new(&t, 10000, false, &key);
	scan(t, 4, 0, 10000, 1);
	publish_all(t, &rows, 500);
	for (uint8_t proto = 100; proto < 110; proto++) {
		struct decode_packet p = udp(4, 1, 2, 3, 4);

		p.proto = proto;
		flowtab_add(t, &p, 1, 1);
	}
	flowtab_publish_begin(t, FLOWTAB_WAIT, 0);
	while (!all) {
		uint64_t before = rows.n;

		all = flowtab_publish_some(t, 3, collect, &rows);
		if (rows.n - before > most)
			most = rows.n - before;
	}
	is_int(most, 3, "overflow comes in steps");
	is_int(rows.overflow_protos, 10, "all of it");
	is_int(flowtab_held(t), 0, "and is not held any more");
	flowtab_free(t);
	rows_free(&rows);
}

/* Five million new keys, far more than there is room for, all of them in one
 * block. */
static void
test_large_scan(void)
{
	static struct rows rows;
	const uint32_t keys = 5000000, room = 1u << 20;
	struct flowtab *t;

	flowtab_new(&t, room, false, &key);
	scan(t, 4, 0, keys, 1);
	is_int(flowtab_flows(t), room, "5 million keys: as many flows as may be");
	ok(flowtab_bytes(t) <= (size_t)room * FLOWTAB_BYTES_V4,
	    "in %zu MiB", flowtab_bytes(t) >> 20);
	is_int(flowtab_overflow(t), keys - room, "the others are overflow");
	is_int(flowtab_held(t), keys, "none is lost");
	flowtab_free(t);
	rows_free(&rows);
}

/* ---- chains that somebody wants to build -------------------------------- */

struct probes {
	double mean;
	uint32_t longest;
};

/* How far entries lie from where their hash would have them. */
static struct probes
measure_probes(const struct flowtab *t)
{
	const struct index *ix = &t->half[0].now;
	struct probes p = {0, 0};
	uint32_t n = 0;

	for (uint32_t i = 0; i < ix->size; i++) {
		uint32_t from = (uint32_t)((uint64_t)ix->slot[i].hash *
		    ix->size >> 32);
		uint32_t way = i >= from ? i - from : i + ix->size - from;

		if (ix->slot[i].entry1 == 0)
			continue;
		n++;
		p.mean += way;
		if (way > p.longest)
			p.longest = way;
	}
	p.mean /= n ? n : 1;
	return p;
}

enum { FLOOD = 20000 };

/* Keys that hash into a thousandth of the index under a key the attacker
 * knows; as the table orders endpoints, the source is the smaller number. */
static void
find_colliding(const struct gp_hash_key *known, struct decode_packet *out)
{
	uint32_t n = 0;

	for (uint32_t i = 0; n < FLOOD; i++) {
		uint64_t words[2] = {(uint64_t)(0x02000000 + i) << 32 | 1,
			(uint64_t)17 << 32 | (uint32_t)53 << 16 | 40000};

		if ((uint32_t)gp_hash_words(known, words, 2) >> 22 == 0)
			out[n++] = udp(4, 1, 40000, 0x02000000 + i, 53);
	}
}

static struct probes
flood(const struct gp_hash_key *k, const struct decode_packet *p)
{
	struct flowtab *t;
	struct probes got;

	flowtab_new(&t, 1u << 16, false, k);
	for (uint32_t i = 0; i < FLOOD; i += 50)
		flowtab_add(t, p + i, 50, 1);
	is_int(flowtab_flows(t), FLOOD, "each key a flow");
	/* until the index stands still */
	for (int i = 0; i < 200; i++)
		flowtab_add(t, p, 1, 1);
	got = measure_probes(t);
	flowtab_free(t);
	return got;
}

static void
test_flooding(void)
{
	static const struct gp_hash_key unseeded;
	struct decode_packet *p = calloc(FLOOD, sizeof(*p));
	struct gp_hash_key fresh;
	struct probes known, seeded;

	find_colliding(&unseeded, p);
	known = flood(&unseeded, p);
	ok(known.mean > 1000, "with the key known, chains are built: %.0f "
			      "slots on average, %u at most",
	    known.mean, known.longest);
	for (int i = 0; i < 5; i++) {
		if (gp_hash_key_init(&fresh) != 0)
			exit(99);
		seeded = flood(&fresh, p);
		ok(seeded.mean < 4 && seeded.longest < 600,
		    "with a fresh key not: %.2f, %u at most", seeded.mean,
		    seeded.longest);
	}
	free(p);
}

/* Each leaves in the sweep after its time, whatever others of its group do. */
static void
test_idle_many(void)
{
	enum { FLOWS = 5000, STEP_S = 20 };
	static struct rows rows;
	uint32_t wrong = 0, again = 0;
	struct flowtab *t;

	flowtab_new(&t, 2 * FLOWS, false, &key); /* not pressed */
	for (uint32_t i = 0; i < FLOWS; i++)
		scan(t, 4, i, 1, 1000 + i * 13 % 400);
	publish_all(t, &rows, 100);
	for (uint32_t now = 1400; now < 3000; now += STEP_S) {
		uint32_t stay = 0;

		if (now == 1600) { /* some come again */
			scan(t, 4, 100, 200, now);
			publish_all(t, &rows, 100);
		}
		flowtab_sweep(t, flowtab_entries(t) + 2, now);
		for (uint32_t i = 0; i < FLOWS; i++) {
			uint32_t seen = 1000 + i * 13 % 400;

			if (now >= 1600 && i >= 100 && i < 300)
				seen = 1600;
			stay += now / 4 - seen / 4 < FLOWTAB_IDLE_S / 4;
		}
		wrong += flowtab_flows(t) != stay;
		again += stay != 0 && stay != FLOWS;
	}
	ok(wrong == 0 && again > 10, "idle flows leave in time: %u of %u sweeps"
	    " found others", wrong, again);
	is_int(flowtab_flows(t), 0, "all of them in the end");
	flowtab_free(t);
	rows_free(&rows);
}

static void
test_idle(void)
{
	static struct rows rows;
	struct flowtab *t;

	flowtab_new(&t, 1000, false, &key);
	scan(t, 4, 0, 100, 1000);
	flowtab_sweep(t, 1000, 5000);
	is_int(flowtab_flows(t), 100, "unpublished flows stay");
	publish_all(t, &rows, 100);
	flowtab_sweep(t, 1000, 1000 + FLOWTAB_IDLE_S - 10);
	is_int(flowtab_flows(t), 100, "not idle for long enough");
	flowtab_sweep(t, 1000, 900);
	is_int(flowtab_flows(t), 100, "a clock gone back evicts none");
	scan(t, 4, 0, 10, 1000 + FLOWTAB_IDLE_S);
	publish_all(t, &rows, 100);
	flowtab_sweep(t, 1000, 1000 + FLOWTAB_IDLE_S + 4);
	is_int(flowtab_flows(t), 10, "idle ones leave");
	scan(t, 4, 1000, 500, 2000);
	is_int(flowtab_flows(t), 510, "their places are used again");
	ok(flowtab_entries(t) <= 510, "before new ones");
	flowtab_free(t);
	rows_free(&rows);
}

/* Whatever few entries a sweep looks at, they leave within it. */
static void
test_few_at_a_time(void)
{
	static struct rows rows;
	unsigned late = 0;
	struct flowtab *t;

	flowtab_new(&t, 1000, false, &key);
	scan(t, 4, 0, 200, 1000);
	publish_all(t, &rows, 100);
	for (uint32_t left = 200; left > 0; left -= 5) {
		late += flowtab_flows(t) != left;
		flowtab_sweep(t, 5, 1000 + FLOWTAB_IDLE_S + 4);
	}
	is_int(late + flowtab_flows(t), 0, "five at a time, and none is left");
	flowtab_free(t);
	rows_free(&rows);
}

/* Every other flow leaves; those that stay are found again, wherever their
 * slots lie, and are not made anew. */
static void
test_found_after_leaving(uint8_t version)
{
	enum { ALL = 60000, LATER_S = FLOWTAB_IDLE_S + 100 };
	static struct rows rows;
	struct flowtab *t;

	flowtab_new(&t, 1u << 17, false, &key);
	scan(t, version, 0, ALL, 1);
	publish_all(t, &rows, 500);
	for (uint32_t n = 0; n < ALL; n += 2)
		scan(t, version, n, 1, LATER_S);
	publish_all(t, &rows, 500);
	flowtab_sweep(t, flowtab_entries(t) + 2, LATER_S + 1);
	is_int(flowtab_flows(t), ALL / 2, "version %u: half have left",
	    version);
	for (uint32_t n = 0; n < ALL; n += 2)
		scan(t, version, n, 1, LATER_S + 2);
	is_int(flowtab_flows(t), ALL / 2, "the others are still known");
	scan(t, version, 0, ALL, LATER_S + 3);
	is_int(flowtab_flows(t), ALL, "and those that left come back");
	publish_all(t, &rows, 500);
	is_int(rows.packets, 3 * ALL, "no packet is lost over it");
	flowtab_free(t);
	rows_free(&rows);
}

/* A long flow's first packet decides; later evidence after publishing, or the
 * next block, does not turn it. */
static void
test_orientation(void)
{
	static struct rows rows;
	struct decode_packet ab = udp(4, 1, 40000, 2, 40000);
	struct decode_packet ba = udp(4, 2, 40000, 1, 40000);
	struct flowtab *t;
	uint8_t one[4] = {1}, two[4] = {2};

	flowtab_new(&t, 1000, false, &key);
	for (uint32_t block = 0; block < 20; block++) {
		flowtab_add(t, block % 2 ? &ba : &ab, 1, block * 300);
		flowtab_add(t, &ba, 1, block * 300 + 1);
		publish_all(t, &rows, 10);
		flowtab_sweep(t, 100, block * 300 + 2);
	}
	is_int(row_of(&rows, 4, one, two, 40000, 17)->c[FRAME_PKTS_SENT], 10,
	    "a long flow keeps its sender over all blocks");
	is_int(row_of(&rows, 4, one, two, 40000, 17)->c[FRAME_PKTS_RCVD], 30,
	    "and its answers");
	ab.proto = ba.proto = 6;
	flowtab_add(t, &ab, 1, 9000);
	ba.hint = DECODE_HINT_OPENS;
	flowtab_add(t, &ba, 1, 9000);
	publish_all(t, &rows, 10);
	is_int(row_of(&rows, 4, two, one, 40000, 6)->c[FRAME_PKTS_SENT], 1,
	    "better evidence turns a flow before it is published");
	ab.hint = DECODE_HINT_OPENS;
	flowtab_add(t, &ab, 1, 9001);
	publish_all(t, &rows, 10);
	is_int(row_of(&rows, 4, two, one, 40000, 6)->c[FRAME_PKTS_RCVD], 2,
	    "and not after");
	/* what was published on the weakest evidence meets the strongest */
	ab.proto = ba.proto = 132;
	ab.hint = ba.hint = DECODE_HINT_NONE;
	flowtab_add(t, &ab, 1, 9000);
	publish_all(t, &rows, 10);
	ba.hint = DECODE_HINT_OPENS;
	flowtab_add(t, &ba, 1, 9001);
	publish_all(t, &rows, 10);
	is_int(row_of(&rows, 4, one, two, 40000, 132)->c[FRAME_PKTS_RCVD], 1,
	    "not even on better evidence");
	is_int(row_of(&rows, 4, two, one, 40000, 132)->c[FRAME_PKTS_SENT], 0,
	    "no row the other way");
	flowtab_free(t);
	rows_free(&rows);
}

/* Long UDP flows over hours, with pauses in which they leave the table: two
 * probes on one wire, one started in the middle, name the same client. */
static void
test_two_probes(void)
{
	static const uint16_t ports[][2] = {{51820, 40001}, {40001, 51820},
		{4500, 50000}, {61000, 60999}, {1194, 1195}};
	struct flowtab *t[2];
	struct rows *rows[2] = {calloc(1, sizeof(struct rows)),
		calloc(1, sizeof(struct rows))};

	for (int probe = 0; probe < 2; probe++)
		flowtab_new(&t[probe], 1000, false, &key);
	for (uint32_t block = 0; block < 48; block++) {
		for (uint32_t f = 0; f < 5; f++) {
			struct decode_packet ab = udp(4, 10 + f, ports[f][0],
			    90 - f, ports[f][1]);
			struct decode_packet ba = udp(4, 90 - f, ports[f][1],
			    10 + f, ports[f][0]);

			if (block % 7 == f)
				continue; /* for ten minutes and more */
			flowtab_add(t[0], block % 3 ? &ab : &ba, 1,
			    block * 900);
			flowtab_add(t[0], block % 3 ? &ba : &ab, 1,
			    block * 900 + 1);
			if (block < 20)
				continue;
			flowtab_add(t[1], block % 2 ? &ba : &ab, 1,
			    block * 900);
			flowtab_add(t[1], block % 2 ? &ab : &ba, 1,
			    block * 900 + 1);
		}
		for (int probe = 0; probe < 2; probe++) {
			publish_all(t[probe], rows[probe], 10);
			flowtab_sweep(t[probe], 100, block * 900 + 890);
		}
		if (block == 19) {
			is_int(rows[0]->n, 20 * 5 - 15, "a row a block each");
			rows_free(rows[0]);
		}
	}
	is_int(differences(rows[0], rows[1]), 0,
	    "two probes agree after hours, whoever is heard first");
	is_int(differences(rows[1], rows[0]), 0, "both ways");
	for (int probe = 0; probe < 2; probe++) {
		flowtab_free(t[probe]);
		rows_free(rows[probe]);
		free(rows[probe]);
	}
}

static int
by_hash(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Two flows whose hashes are alike in all that the index keeps; such a pair is
 * among so many, eight times over on average. */
static bool
find_alike(struct decode_packet out[2])
{
	enum { TRIED = 1 << 18 };
	uint64_t *v = calloc(TRIED, sizeof(*v));
	bool found = false;

	for (uint32_t i = 0; i < TRIED; i++) {
		uint64_t words[2] = {(uint64_t)(0x02000000 + i) << 32 | 1,
			(uint64_t)17 << 32 | (uint32_t)53 << 16 | 40000};

		v[i] = gp_hash_words(&key, words, 2) << 32 | i;
	}
	qsort(v, TRIED, sizeof(*v), by_hash);
	for (size_t i = 1; !found && i < TRIED; i++) {
		found = v[i] >> 32 == v[i - 1] >> 32;
		for (unsigned k = 0; found && k < 2; k++)
			out[k] = udp(4, 1, 40000,
			    0x02000000 + (uint32_t)v[i - k], 53);
	}
	free(v);
	return found;
}

static void
test_alike(void)
{
	static struct rows rows;
	struct decode_packet p[6];
	struct flowtab *t;
	struct row *first, *second;

	if (!ok(find_alike(p), "two flows with one hash"))
		return;
	p[2] = p[4] = p[1];
	p[3] = p[5] = p[0];
	flowtab_new(&t, 4096, false, &key);
	flowtab_add(t, p, 1, 1);
	flowtab_add(t, p, 6, 1);
	flowtab_add(t, p, 6, 1);
	is_int(flowtab_flows(t), 2, "are two");
	publish_all(t, &rows, 100);
	first = row_of(&rows, 4, p[0].src, p[0].dst, 53, 17);
	second = row_of(&rows, 4, p[1].src, p[1].dst, 53, 17);
	is_int(first->c[FRAME_PKTS_SENT], 7, "each with its own packets");
	is_int(second->c[FRAME_PKTS_SENT], 6, "the other one, too");
	flowtab_free(t);
	rows_free(&rows);
}

static void
test_bounds(void)
{
	struct flowtab *t = NULL;

	is_int(flowtab_new(&t, FLOWTAB_MIN_FLOWS - 1, false, &key), -EINVAL,
	    "too small a bound");
	is_int(flowtab_new(&t, FLOWTAB_MAX_FLOWS + 1, false, &key), -EINVAL,
	    "too large a bound");
	ok(t == NULL, "no table then");
}

int
main(void)
{
	test_bounds();
	test_twin(false, 12, 6, 4000);
	test_twin(true, 12, 6, 4000);
	test_twin(false, 3000, 600, 4000);
	test_steps();
	test_memory(4);
	test_memory(6);
	test_scan(true);
	test_scan(false);
	test_reused_stay();
	test_overflow_steps();
	test_idle();
	test_few_at_a_time();
	test_idle_many();
	test_found_after_leaving(4);
	test_found_after_leaving(6);
	test_orientation();
	test_two_probes();
	test_large_scan();
	test_flooding();
	test_alike();
	return tap_done();
}
