/*
 * Layout.  Entries lie in dense arrays; an evicted one is linked into a free
 * list.  The index is open addressing with linear probing over slots of
 * (hash, entry + 1).  The home of a hash is hash * size >> 32, which keeps
 * the order of hashes for any size: growing copies slot after slot from one
 * region to the other in order, makes the new one's pages before it and gives
 * the old one's back behind it, so that both together never take much more
 * than the new one will.
 *
 * A move stops at empty slots only, and chains do not wrap around but run on
 * into some slots behind the last home.  So no chain lies across `moved`, and
 * a hash whose home in the old index is below it is in the new one, any other
 * in the old one: one look finds it, and one place takes it in.
 */
#include "capture/flowtab.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "capture/flowtab_internal.h"
#include "capture/orient.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

enum {
	SEEN_UNIT_S = 4,       /* idleness is kept in 16 bits: 72 hours */
	INDEX_START = 1 << 13, /* slots */
	/* Slots behind the last home; chains of a full index reach a few
	 * hundred.  The last one stays empty. */
	INDEX_BEHIND = 4096,
	FETCH_SLOTS = 16,      /* of a chain, before it is needed */
	MOVE_SLOTS = 1024,     /* per batch: done well before it is needed */
	PAGES_BYTES = 32 << 10,   /* made at a time, before they are touched */
	RELEASE_BYTES = 128 << 10, /* of an index that is left, at a time */
};

/* ---- memory ------------------------------------------------------------ */

/*
 * Address space only; pages come, zeroed, when touched.  Small pages on
 * purpose: huge ones take an eighth off a packet where 200,000 flows are hit
 * in turn, and nothing off realistic traffic, but one that must be made ready
 * stops the packet loop for milliseconds.
 */
void *
flowtab_reserve(struct flowtab *t, size_t bytes)
{
	void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (base == MAP_FAILED)
		return NULL;
	assert(t->n_maps < sizeof(t->maps) / sizeof(t->maps[0]));
	t->maps[t->n_maps++] = (struct map){base, bytes};
	return base;
}

static int
half_init(struct flowtab *t, struct half *h, bool v6)
{
	size_t n = t->flows_max, index_bytes;

	h->v6 = v6;
	h->size_max = (uint32_t)(n + n / 4 + 64);
	h->entries = flowtab_reserve(t, n * entry_bytes(h) + PAGES_BYTES);
	h->dirty = flowtab_reserve(t, (n + 63) / 64 * sizeof(h->dirty[0]));
	h->look = flowtab_reserve(t, (n + 63) / 64 * sizeof(h->look[0]));
	/* made and released in whole units */
	index_bytes = (((size_t)h->size_max + INDEX_BEHIND) *
	    sizeof(struct slot) + RELEASE_BYTES - 1) / RELEASE_BYTES *
	    RELEASE_BYTES;
	h->region[0] = flowtab_reserve(t, index_bytes);
	h->region[1] = flowtab_reserve(t, index_bytes);
	if (!h->entries || !h->dirty || !h->look || !h->region[0] ||
	    !h->region[1])
		return -ENOMEM;
	h->now.slot = h->region[0];
	h->now.size = INDEX_START < h->size_max ? INDEX_START : h->size_max;
	return 0;
}

int
flowtab_new(struct flowtab **out, uint32_t flows_max, bool by_iface,
    const struct gp_hash_key *key)
{
	struct flowtab *t;
	int rc;

	if (flows_max < FLOWTAB_MIN_FLOWS || flows_max > FLOWTAB_MAX_FLOWS)
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	orient_init();
	t->key = *key;
	t->flows_max = flows_max;
	t->by_iface = by_iface;
	rc = half_init(t, &t->half[0], false);
	if (rc == 0)
		rc = half_init(t, &t->half[1], true);
	if (rc != 0) {
		flowtab_free(t);
		return rc;
	}
	*out = t;
	return 0;
}

void
flowtab_free(struct flowtab *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_maps; i++)
		munmap(t->maps[i].base, t->maps[i].bytes);
	free(t);
}

/* ---- entries ----------------------------------------------------------- */

/* The words an entry's key is hashed and compared by. */
INLINE void
load_key(const struct half *h, bool v6, uint32_t entry, uint64_t key[5])
{
	const struct meta *m = meta_of(h, v6, entry);
	const uint8_t *addr = h->entries +
	    entry * (v6 ? sizeof(struct flow6) : sizeof(struct flow4));
	unsigned words = v6 ? 4 : 1;

	memcpy(key, addr, words * 8);
	key[words] = (uint64_t)m->proto << 32 | (uint32_t)m->port[1] << 16 |
	    m->port[0];
}

INLINE bool
same_key(const struct half *h, bool v6, uint32_t entry,
    const struct probe *p)
{
	uint64_t key[5];

	load_key(h, v6, entry, key);
	if (v6)
		return ((key[0] ^ p->key[0]) | (key[1] ^ p->key[1]) |
		    (key[2] ^ p->key[2]) | (key[3] ^ p->key[3]) |
		    (key[4] ^ p->key[4])) == 0;
	return ((key[0] ^ p->key[0]) | (key[1] ^ p->key[1])) == 0;
}

/* Endpoints in the order of their bytes, so that both directions meet.  Which
 * one a packet comes from nobody can foresee: no branches. */
INLINE void
make_probe(const struct decode_packet *p, bool v6, struct probe *out)
{
	uint32_t ports = (uint32_t)p->dport << 16 | p->sport;
	bool later = p->sport > p->dport;

	if (v6) {
		uint64_t s[2], d[2];

		memcpy(s, p->src, 16);
		memcpy(d, p->dst, 16);
		out->dir = (s[0] > d[0]) | ((s[0] == d[0]) &
		    ((s[1] > d[1]) | ((s[1] == d[1]) & later)));
		memcpy(out->key + 2 * out->dir, s, 16);
		memcpy(out->key + 2 * !out->dir, d, 16);
	} else {
		uint32_t s, d;

		memcpy(&s, p->src, 4);
		memcpy(&d, p->dst, 4);
		out->dir = (s > d) | ((s == d) & later);
		memcpy(out->key, (uint32_t[2]){s < d ? s : d, s < d ? d : s},
		    8);
	}
	ports = ports << 16 * out->dir | ports >> 16 * out->dir;
	out->key[v6 ? 4 : 1] = (uint64_t)p->proto << 32 | ports;
}

INLINE void
hash_probes(const struct flowtab *t, struct probe *pr, size_t n, bool v6)
{
	gp_hash_records(&t->key, &pr->hash, v6 ? 5 : 2, PROBE_WORDS, n);
}

/* ---- index ------------------------------------------------------------- */

INLINE uint32_t
home(uint32_t hash, uint32_t size)
{
	return (uint32_t)((uint64_t)hash * size >> 32);
}

INLINE const struct index *
index_of(const struct half *h, uint32_t hash)
{
	if (__builtin_expect(h->old.size != 0, 0) &&
	    home(hash, h->old.size) >= h->moved)
		return &h->old;
	return &h->now;
}

/* Entry + 1, or 0. */
INLINE uint32_t
find(const struct half *h, const struct probe *p, bool v6)
{
	uint32_t hash = (uint32_t)p->hash;
	const struct index *ix = index_of(h, hash);
	const struct slot *s = &ix->slot[home(hash, ix->size)];

	for (; s->entry1 != 0; s++)
		if (s->hash == hash && same_key(h, v6, s->entry1 - 1, p))
			return s->entry1;
	return 0;
}

/* False when the chain would reach the end. */
static bool
index_put(const struct index *ix, uint32_t hash, uint32_t entry1)
{
	uint32_t at = home(hash, ix->size);

	while (ix->slot[at].entry1 != 0)
		at++;
	if (at >= ix->size + INDEX_BEHIND - 1)
		return false;
	ix->slot[at] = (struct slot){entry1, hash};
	return true;
}

/* Pages at a time cost half of what they do one by one, as they are touched.
 * A kernel that does not know how leaves it at that. */
static void
make_pages(uint8_t *base, size_t *ready, size_t need)
{
	size_t bytes;

	if (need <= *ready)
		return;
	bytes = (need - *ready + PAGES_BYTES - 1) / PAGES_BYTES * PAGES_BYTES;
	(void)madvise(base + *ready, bytes, MADV_POPULATE_WRITE);
	*ready += bytes;
}

/* Gives back the pages of the old index up to its slot `to`. */
static void
release_old(struct half *h, uint32_t from, uint32_t to)
{
	const uint32_t unit = RELEASE_BYTES / sizeof(struct slot);
	size_t a = from / unit, b = to / unit;

	if (to == h->old.size + INDEX_BEHIND)
		b = (to + unit - 1) / unit;
	if (b > a)
		(void)madvise((uint8_t *)h->old.slot + a * RELEASE_BYTES,
		    (b - a) * RELEASE_BYTES, MADV_DONTNEED);
}

/* Moves n slots and what else is left of the last one's chain. */
static void
index_move(struct half *h, uint32_t n)
{
	uint32_t end = h->old.size + INDEX_BEHIND, at = h->moved, to;
	size_t places;

	if (h->old.size == 0)
		return;
	to = end - at < n ? end : at + n;
	places = (size_t)((uint64_t)to * h->now.size / h->old.size) + n;
	if (places > h->now.size + (size_t)INDEX_BEHIND)
		places = h->now.size + (size_t)INDEX_BEHIND;
	make_pages((uint8_t *)h->now.slot, &h->ready,
	    places * sizeof(struct slot));
	for (; at < to || (at < end && h->old.slot[at].entry1 != 0); at++) {
		struct slot s = h->old.slot[at];

		/* it is emptier than the old one */
		if (s.entry1 != 0 && !index_put(&h->now, s.hash, s.entry1))
			assert(false);
	}
	release_old(h, h->moved, at);
	h->moved = at;
	if (at == end)
		h->old.size = 0;
}

static uint32_t
index_limit(uint32_t size)
{
	return size - size / 5;
}

static uint32_t
next_size(const struct half *h)
{
	uint32_t size = h->now.size, more = h->v6 ? size / 2 : size;

	return h->size_max - size < more ? h->size_max : size + more;
}

static void
index_grow(struct half *h)
{
	uint32_t size = h->now.size;

	if (h->used < index_limit(size) || size == h->size_max)
		return;
	index_move(h, UINT32_MAX); /* has long ended */
	h->old = h->now;
	h->moved = 0;
	h->ready = 0;
	h->region_now ^= 1;
	h->now.slot = h->region[h->region_now];
	h->now.size = next_size(h);
}

/* Takes a slot out and closes the gap, so that no chain breaks. */
static void
index_remove(const struct index *ix, uint32_t hash, uint32_t entry1)
{
	uint32_t hole = home(hash, ix->size);

	while (ix->slot[hole].entry1 != entry1)
		hole++;
	for (uint32_t at = hole + 1; ix->slot[at].entry1 != 0; at++) {
		if (home(ix->slot[at].hash, ix->size) > hole)
			continue;
		ix->slot[hole] = ix->slot[at];
		hole = at;
	}
	ix->slot[hole] = (struct slot){0, 0};
}

/* ---- counting ---------------------------------------------------------- */

static void
overflow_add(struct flowtab *t, const struct decode_packet *p)
{
	bool sent = t->by_iface ? (p->flags & DECODE_OUT) != 0
	                        : orient_packet(p).from_client;
	uint64_t *c = t->overflow[p->proto];

	c[sent ? FRAME_BYTES_SENT : FRAME_BYTES_RCVD] += p->wire_len;
	c[sent ? FRAME_PKTS_SENT : FRAME_PKTS_RCVD]++;
	t->overflow_packets++;
	t->overflow_held = true;
}

static void
better_evidence(struct meta *m, struct orient_verdict v, uint8_t dir)
{
	bool client_b = v.from_client ? dir : !dir;

	if ((unsigned)v.level <= (m->state & LEVEL_MASK))
		return;
	m->state &= (uint8_t)~(LEVEL_MASK | CLIENT_B);
	m->state |= (uint8_t)(v.level | (client_b ? CLIENT_B : 0u));
}

/* A place among the entries, or UINT32_MAX. */
static uint32_t
new_entry(struct flowtab *t, struct half *h)
{
	uint32_t entry;

	if (t->half[0].used + t->half[1].used >= t->flows_max)
		return UINT32_MAX;
	if (h->free1) {
		entry = h->free1 - 1;
		h->free1 = meta_of(h, h->v6, entry)->pkts[0];
	} else {
		entry = h->high++;
		make_pages(h->entries, &h->entries_ready,
		    (size_t)h->high * entry_bytes(h));
	}
	h->used++;
	return entry;
}

static void
free_entry(struct half *h, uint32_t entry)
{
	struct meta *m = meta_of(h, h->v6, entry);

	memset(m, 0, sizeof(*m));
	m->pkts[0] = h->free1;
	h->free1 = entry + 1;
	h->used--;
}

/* The chain of a flow that was not there still ends where the batch found its
 * end: nothing has come since, as that is where it would be. */
INLINE bool
still_ends(const struct half *h, const struct probe *pr)
{
	return pr->end && pr->end->entry1 == 0 && h->now.slot == h->began;
}

/* False when there is no place. */
static bool
put_probe(const struct half *h, const struct probe *pr, uint32_t entry1)
{
	uint32_t hash = (uint32_t)pr->hash;

	if (!still_ends(h, pr))
		return index_put(index_of(h, hash), hash, entry1);
	/* FETCH_SLOTS behind its home: never the last */
	*pr->end = (struct slot){entry1, hash};
	return true;
}

/* Entry + 1 of a new flow, or 0 when the table is full. */
static uint32_t
insert(struct flowtab *t, struct half *h, const struct decode_packet *p,
    const struct probe *pr)
{
	uint32_t entry;
	struct meta *m;

	index_grow(h);
	entry = new_entry(t, h);
	if (entry == UINT32_MAX)
		return 0;
	if (!put_probe(h, pr, entry + 1)) {
		free_entry(h, entry);
		return 0;
	}
	memcpy(h->entries + entry * entry_bytes(h), pr->key, h->v6 ? 32 : 8);
	m = meta_of(h, h->v6, entry);
	memset(m, 0, sizeof(*m));
	m->port[pr->dir] = p->sport;
	m->port[!pr->dir] = p->dport;
	m->proto = p->proto;
	m->state = IN_USE;
	better_evidence(m, orient_packet(p), pr->dir);
	if (t->dpi)
		flowtab_label_start(t, h, entry, p);
	return entry + 1;
}

INLINE void
count(struct flowtab *t, struct half *h, bool v6,
    const struct decode_packet *p, const struct probe *pr, uint16_t now)
{
	uint32_t entry1 = pr->entry1;
	struct meta *m;
	unsigned way;

	/* entries stay where they are, so what was found before the batch
	 * began is there; what was not may have come with it */
	if (entry1 == 0 ? !still_ends(h, pr) :
			  !same_key(h, v6, entry1 - 1, pr))
		entry1 = find(h, pr, v6);
	t->held++;
	if (entry1 == 0) {
		entry1 = insert(t, h, p, pr);
		if (entry1 == 0) {
			overflow_add(t, p);
			return;
		}
	}
	m = meta_of(h, v6, entry1 - 1);
	way = t->by_iface ? (p->flags & DECODE_OUT) != 0 : pr->dir;
	if (is_clean(m))
		mark_dirty(t, h, entry1 - 1);
	if (__builtin_expect(m->pkts[way] == UINT32_MAX, 0)) {
		overflow_add(t, p);
		return;
	}
	m->pkts[way]++;
	m->bytes[way] += p->wire_len;
	m->seen = now;
	if (m->state & PUBLISHED)
		m->state |= REUSED;
	else if (p->hint != DECODE_HINT_NONE)
		better_evidence(m, orient_hint(p), pr->dir);
	if (__builtin_expect((p->flags & t->heeds) != 0, 0))
		flowtab_label_packet(t, h, entry1 - 1, p, pr->hash);
}

INLINE void
prefetch_slot(const struct half *h, const struct probe *pr)
{
	const struct index *ix = index_of(h, (uint32_t)pr->hash);

	__builtin_prefetch(&ix->slot[home((uint32_t)pr->hash, ix->size)]);
}

/* What has the hash is the flow, but for one in millions. */
INLINE void
prefetch_entry(const struct half *h, bool v6, struct probe *pr)
{
	uint32_t hash = (uint32_t)pr->hash;
	const struct index *ix = index_of(h, hash);
	struct slot *s = &ix->slot[home(hash, ix->size)];
	const uint8_t *e;
	unsigned i = 0;

	pr->entry1 = 0;
	pr->end = NULL;
	for (; s->hash != hash || s->entry1 == 0; s++) {
		if (s->entry1 == 0) {
			pr->end = s;
			return;
		}
		if (++i == FETCH_SLOTS)
			return;
	}
	pr->entry1 = s->entry1;
	e = h->entries + (s->entry1 - 1) *
	    (v6 ? sizeof(struct flow6) : sizeof(struct flow4));
	__builtin_prefetch(e, 1);
	if (!v6)
		__builtin_prefetch(e + sizeof(struct flow4) - 1, 1);
}

/*
 * Three passes, so that each miss of the cache waits beside the others of the
 * batch instead of behind them.
 */
INLINE void
add_probes(struct flowtab *t, bool v6, const struct decode_packet *p,
    struct probe *pr, size_t n, uint16_t now)
{
	struct half *h = &t->half[v6];

	h->began = h->now.slot;
	hash_probes(t, pr, n, v6);
	for (size_t i = 0; i < n; i++)
		prefetch_slot(h, &pr[i]);
	for (size_t i = 0; i < n; i++)
		prefetch_entry(h, v6, &pr[i]);
	for (size_t i = 0; i < n; i++)
		count(t, h, v6, &p[pr[i].packet], &pr[i], now);
}

void
flowtab_add(struct flowtab *t, const struct decode_packet *p, size_t n,
    uint32_t now_s)
{
	uint16_t now = (uint16_t)(now_s / SEEN_UNIT_S);
	size_t n4 = 0, n6 = 0;

	assert(n <= FLOWTAB_BATCH);
	t->now_s = now_s;
	for (size_t i = 0; i < n; i++) {
		bool v6 = p[i].version == 6;
		struct probe *pr = v6 ? &t->probe6[n6++] : &t->probe4[n4++];

		pr->packet = (uint8_t)i;
		make_probe(&p[i], v6, pr);
	}
	add_probes(t, false, p, t->probe4, n4, now);
	add_probes(t, true, p, t->probe6, n6, now);
	for (int i = 0; i < 2; i++)
		index_move(&t->half[i], MOVE_SLOTS);
}

bool
flowtab_curious(const struct flowtab *t, const struct decode_packet *p)
{
	bool v6 = p->version == 6;
	struct probe pr;

	make_probe(p, v6, &pr);
	hash_probes(t, &pr, 1, v6);
	return !is_settled(t, pr.hash);
}

/* ---- publishing -------------------------------------------------------- */

static void
hand_out(struct flowtab *t, struct half *h, uint32_t entry,
    flowtab_row_fn *fn, void *ctx)
{
	struct meta *m = meta_of(h, h->v6, entry);
	struct flowtab_row row = flowtab_row_of(t, h, entry, m->bytes, m->pkts);

	t->held -= (uint64_t)m->pkts[0] + m->pkts[1];
	m->bytes[0] = m->bytes[1] = 0;
	m->pkts[0] = m->pkts[1] = 0;
	m->state |= PUBLISHED;
	h->dirty[entry / 64] &= ~(UINT64_C(1) << entry % 64);
	fn(ctx, &row);
}

static size_t
hand_out_overflow(struct flowtab *t, size_t max, flowtab_row_fn *fn,
    void *ctx)
{
	static const uint8_t zero[4];
	size_t n = 0;

	for (unsigned proto = 0; proto < 256; proto++) {
		uint64_t *c = t->overflow[proto];
		uint64_t pkts = c[FRAME_PKTS_RCVD] + c[FRAME_PKTS_SENT];
		struct flowtab_row row = {
			.sip = zero, .dip = zero, .version = 4,
			.proto = (uint8_t)proto, .overflow = true,
			.label = LABELS_OVERFLOW,
		};

		if (pkts == 0)
			continue;
		if (n == max)
			return n;
		memcpy(row.counter, c, sizeof(row.counter));
		memset(c, 0, sizeof(row.counter));
		t->held -= pkts;
		fn(ctx, &row);
		n++;
	}
	t->overflow_held = false;
	return n;
}

void
flowtab_publish_begin(struct flowtab *t, enum flowtab_how how, int64_t slot_s)
{
	/* an unfinished round leaves dirty entries that no list knows */
	t->by_list = !t->publishing && t->n_recent <= RECENT_MAX;
	if (t->by_list) {
		memcpy(t->list, t->recent, t->n_recent * sizeof(t->list[0]));
		t->n_list = t->n_recent;
	}
	t->n_recent = 0;
	t->publishing = true;
	t->how = how;
	t->slot_s = slot_s;
	t->at = 0;
	t->at_half = 0;
	t->at_word = 0;
	t->end_word[0] = (t->half[0].high + 63) / 64;
	t->end_word[1] = (t->half[1].high + 63) / 64;
}

/* Whether a dirty entry is handed out in this round. */
INLINE bool
may_go(struct flowtab *t, struct half *h, uint32_t entry)
{
	return !(meta_of(h, h->v6, entry)->state & WAITING) ||
	    !flowtab_label_waits(t, h, entry);
}

/* True when the round is through; *rows is what it handed out. */
static bool
publish_list(struct flowtab *t, size_t max, size_t *rows, flowtab_row_fn *fn,
    void *ctx)
{
	for (; t->at < t->n_list && *rows < max; t->at++) {
		struct half *h = &t->half[t->list[t->at] & 1];
		uint32_t entry = t->list[t->at] / 2;

		if (!(h->dirty[entry / 64] >> entry % 64 & 1))
			continue;
		if (may_go(t, h, entry)) {
			hand_out(t, h, entry, fn, ctx);
			(*rows)++;
		}
	}
	return t->at == t->n_list;
}

/* The same; a long stretch without a dirty entry takes its time as well. */
static bool
publish_bitmap(struct flowtab *t, size_t max, size_t *rows,
    flowtab_row_fn *fn, void *ctx)
{
	size_t words = 64 * max;

	for (; t->at_half < 2; t->at_half++, t->at_word = 0) {
		struct half *h = &t->half[t->at_half];

		for (; t->at_word < t->end_word[t->at_half]; t->at_word++) {
			uint64_t word = h->dirty[t->at_word];

			if (words-- == 0)
				return false;
			for (; word != 0; word &= word - 1) {
				uint32_t entry = t->at_word * 64 +
				    (uint32_t)__builtin_ctzll(word);

				if (*rows == max)
					return false;
				if (!may_go(t, h, entry))
					continue;
				hand_out(t, h, entry, fn, ctx);
				(*rows)++;
			}
		}
	}
	return true;
}

bool
flowtab_publish_some(struct flowtab *t, size_t max, flowtab_row_fn *fn,
    void *ctx)
{
	size_t n = 0;

	if (!t->publishing)
		return true;
	if (!(t->by_list ? publish_list(t, max, &n, fn, ctx)
	                 : publish_bitmap(t, max, &n, fn, ctx)))
		return false;
	if (t->overflow_held) {
		hand_out_overflow(t, max - n, fn, ctx);
		if (t->overflow_held)
			return false;
	}
	t->publishing = false;
	return true;
}

/* ---- leaving ----------------------------------------------------------- */

/* Entries that leave together: their slots lie all over the index, and the
 * misses of the cache wait side by side. */
struct leavers {
	uint32_t n, entry[64], hash[64];
};

/* To leave: from now on nothing knows that it had its name. */
static void
choose(struct flowtab *t, const struct half *h, uint32_t entry,
    struct leavers *l)
{
	uint64_t key[5], full;
	uint32_t hash;
	const struct index *ix;

	load_key(h, h->v6, entry, key);
	full = gp_hash_words(&t->key, key, h->v6 ? 5 : 2);
	if (t->settled)
		unsettle(t, full);
	hash = (uint32_t)full;
	ix = index_of(h, hash);
	__builtin_prefetch(&ix->slot[home(hash, ix->size)], 1);
	l->entry[l->n] = entry;
	l->hash[l->n++] = hash;
}

static void
evict(struct half *h, struct leavers *l)
{
	for (uint32_t i = 0; i < l->n; i++) {
		uint32_t hash = l->hash[i];

		index_remove(index_of(h, hash), hash, l->entry[i] + 1);
		free_entry(h, l->entry[i]);
	}
	l->n = 0;
}

static bool
may_leave(const struct meta *m, uint16_t now, bool pressed)
{
	uint16_t age = (uint16_t)(now - m->seen);

	if (!(m->state & IN_USE) || !is_clean(m) || age > INT16_MAX)
		return false; /* seen "later" than now: a clock that jumps */
	if (age >= FLOWTAB_IDLE_S / SEEN_UNIT_S)
		return true;
	return pressed && (!(m->state & REUSED) ||
	    age >= FLOWTAB_IDLE_PRESSED_S / SEEN_UNIT_S);
}

/*
 * Most of a large table is neither idle nor going to be soon.  So each group of
 * 64 entries keeps when the first of those that were there could leave; what
 * has come since leaves later.  True: not before that.
 */
static bool
too_early(const struct half *h, uint32_t entry, uint16_t now)
{
	uint16_t left = (uint16_t)(h->look[entry / 64] - now);

	return left > 0 && left <= FLOWTAB_IDLE_S / SEEN_UNIT_S;
}

static void
note_next_look(struct half *h, uint32_t entry, uint16_t now)
{
	uint32_t first = entry / 64 * 64;
	uint16_t most = 0; /* age */

	for (uint32_t i = first; i <= entry; i++) {
		const struct meta *m = meta_of(h, h->v6, i);
		uint16_t age = (uint16_t)(now - m->seen);

		if (m->state & IN_USE && age <= INT16_MAX && age > most)
			most = age;
	}
	h->look[entry / 64] = (uint16_t)(now + (most <
		FLOWTAB_IDLE_S / SEEN_UNIT_S
		? FLOWTAB_IDLE_S / SEEN_UNIT_S - most : 0));
}

void
flowtab_sweep(struct flowtab *t, size_t max, uint32_t now_s)
{
	uint16_t now = (uint16_t)(now_s / SEEN_UNIT_S);
	bool pressed = flowtab_pressed(t);
	struct half *h = &t->half[t->sweep_half];
	struct leavers l = {.n = 0};

	for (size_t i = 0; i < max; i++) {
		uint32_t entry = t->sweep_at;

		if (entry >= h->high) {
			evict(h, &l);
			t->sweep_half ^= 1;
			t->sweep_at = 0;
			h = &t->half[t->sweep_half];
			continue;
		}
		if (!pressed && entry % 64 == 0 && h->high - entry >= 64 &&
		    too_early(h, entry, now)) {
			t->sweep_at += 64;
			i += 63;
			continue;
		}
		if (may_leave(meta_of(h, h->v6, entry), now, pressed) &&
		    flowtab_label_free(h, entry))
			choose(t, h, entry, &l);
		if (entry % 64 == 63) {
			evict(h, &l);
			note_next_look(h, entry, now);
		}
		t->sweep_at++;
	}
	evict(h, &l);
}

/* ---- asking ------------------------------------------------------------ */

bool
flowtab_pressed(const struct flowtab *t)
{
	return flowtab_flows(t) >= t->flows_max - t->flows_max / 4;
}

uint64_t
flowtab_held(const struct flowtab *t)
{
	return t->held;
}

uint64_t
flowtab_overflow(const struct flowtab *t)
{
	return t->overflow_packets;
}

uint32_t
flowtab_flows(const struct flowtab *t)
{
	return t->half[0].used + t->half[1].used;
}

uint32_t
flowtab_entries(const struct flowtab *t)
{
	return t->half[0].high + t->half[1].high;
}

size_t
flowtab_bytes(const struct flowtab *t)
{
	size_t n = sizeof(*t);

	for (unsigned i = 0; i < 2; i++) {
		const struct half *h = &t->half[i];

		n += (size_t)h->high * entry_bytes(h) + (h->high + 63) / 64 *
		    (sizeof(h->dirty[0]) + sizeof(h->look[0]));
		if (h->label)
			n += (size_t)h->high * sizeof(h->label[0]);
		if (h->old.size == 0)
			n += (size_t)h->now.size * sizeof(struct slot);
		else if (h->old.size > h->moved)
			n += h->ready + (size_t)(h->old.size - h->moved) *
			    sizeof(struct slot);
		else
			n += h->ready;
	}
	return n;
}
