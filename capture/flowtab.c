/*
 * Layout.  Entries lie in dense arrays; an evicted one is linked into a free
 * list.  The index is open addressing with linear probing over slots of
 * (hash, entry + 1).  The home of a hash is hash * size >> 32, which keeps
 * the order of hashes for any size: growing copies slot after slot from one
 * region to the other in order, and gives the old region's pages back behind it.
 *
 * While the index moves, slots of the old one below `moved` are in the new
 * one already; look-ups try the new one first, then what is left of the old.
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
#include "common/ipc/frame.h"

enum {
	SEEN_UNIT_S = 4,       /* idleness is kept in 16 bits: 72 hours */
	INDEX_START = 1 << 13, /* slots */
	MOVE_SLOTS = 1024,     /* per batch: done well before it is needed */
	PREPARE_BYTES = 32 << 10, /* of the next index, per batch */
	ENTRY_BYTES = 32 << 10,   /* of entries, when they are reached */
	RELEASE_BYTES = 128 << 10, /* of an index that is left, at a time */
};

/* ---- memory ------------------------------------------------------------ */

/*
 * Address space only; pages come, zeroed, when touched.  Small pages on
 * purpose: huge ones won nothing measurable, and one that must be made ready
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
	h->entries = flowtab_reserve(t, n * entry_bytes(h) + ENTRY_BYTES);
	h->dirty = flowtab_reserve(t, (n + 63) / 64 * 8);
	/* released in whole units */
	index_bytes = ((size_t)h->size_max * sizeof(struct slot) +
	    RELEASE_BYTES - 1) / RELEASE_BYTES * RELEASE_BYTES;
	h->region[0] = flowtab_reserve(t, index_bytes);
	h->region[1] = flowtab_reserve(t, index_bytes);
	if (!h->entries || !h->dirty || !h->region[0] || !h->region[1])
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

/* Endpoints in the order of their bytes, so that both directions meet. */
INLINE void
make_probe(const struct flowtab *t, const struct decode_packet *p,
    struct probe *out)
{
	uint64_t ports;

	if (p->version == 4) {
		uint32_t s, d;

		memcpy(&s, p->src, 4);
		memcpy(&d, p->dst, 4);
		out->dir = s != d ? s > d : p->sport > p->dport;
		memcpy(out->key, (uint32_t[2]){out->dir ? d : s,
				     out->dir ? s : d}, 8);
	} else {
		uint64_t s[2], d[2];

		memcpy(s, p->src, 16);
		memcpy(d, p->dst, 16);
		out->dir = s[0] != d[0] ? s[0] > d[0]
		    : s[1] != d[1]      ? s[1] > d[1]
		                        : p->sport > p->dport;
		memcpy(out->key + (out->dir ? 2 : 0), s, 16);
		memcpy(out->key + (out->dir ? 0 : 2), d, 16);
	}
	ports = out->dir ? (uint32_t)p->sport << 16 | p->dport
	                 : (uint32_t)p->dport << 16 | p->sport;
	out->key[p->version == 4 ? 1 : 4] = (uint64_t)p->proto << 32 | ports;
	out->hash = (uint32_t)gp_hash_words(&t->key, out->key,
	    p->version == 4 ? 2 : 5);
}

/* ---- index ------------------------------------------------------------- */

INLINE uint32_t
home(uint32_t hash, uint32_t size)
{
	return (uint32_t)((uint64_t)hash * size >> 32);
}

/* Where a probe of the old index starts and goes on after its end: what lies
 * below `moved` is in the new one. */
static uint32_t
find_old(const struct half *h, const struct probe *p, bool v6)
{
	uint32_t at = home(p->hash, h->old.size);
	bool wrapped = false;

	if (at < h->moved)
		at = h->moved;
	for (;;) {
		const struct slot *s;

		if (at == h->old.size) {
			if (wrapped)
				return 0;
			wrapped = true;
			at = h->moved;
			if (at == h->old.size)
				return 0;
		}
		s = &h->old.slot[at++];
		if (s->entry1 == 0)
			return 0;
		if (s->hash == p->hash && s->entry1 != MOVED_AWAY &&
		    same_key(h, v6, s->entry1 - 1, p))
			return s->entry1;
	}
}

/* Entry + 1, or 0. */
INLINE uint32_t
find(const struct half *h, const struct probe *p, bool v6)
{
	uint32_t at = home(p->hash, h->now.size);

	for (;;) {
		const struct slot *s = &h->now.slot[at];

		if (s->entry1 == 0)
			break;
		if (s->hash == p->hash && same_key(h, v6, s->entry1 - 1, p))
			return s->entry1;
		if (++at == h->now.size)
			at = 0;
	}
	return __builtin_expect(h->old.size != 0, 0) ? find_old(h, p, v6) : 0;
}

static void
index_put(struct index *ix, uint32_t hash, uint32_t entry1)
{
	uint32_t at = home(hash, ix->size);

	while (ix->slot[at].entry1 != 0)
		if (++at == ix->size)
			at = 0;
	ix->slot[at] = (struct slot){entry1, hash};
}

/* Gives back the whole pages of the old index up to its slot `to`. */
static void
release_old(struct half *h, uint32_t from, uint32_t to)
{
	const uint32_t unit = RELEASE_BYTES / sizeof(struct slot);
	size_t a = from / unit, b = to / unit;

	if (to == h->old.size)
		b = (to + unit - 1) / unit;
	if (b > a)
		(void)madvise((uint8_t *)h->old.slot + a * RELEASE_BYTES,
		    (b - a) * RELEASE_BYTES, MADV_DONTNEED);
}

static void
index_move(struct half *h, uint32_t n)
{
	uint32_t from = h->moved, to;

	if (h->old.size == 0)
		return;
	to = h->old.size - from < n ? h->old.size : from + n;
	for (uint32_t i = from; i < to; i++) {
		struct slot s = h->old.slot[i];

		if (s.entry1 != 0 && s.entry1 != MOVED_AWAY)
			index_put(&h->now, s.hash, s.entry1);
	}
	h->moved = to;
	release_old(h, from, to);
	if (to == h->old.size)
		h->old.size = 0;
}

/* Pages at a time cost half of what they do one by one, as they are touched.
 * A kernel that does not know how leaves it at that. */
static void
make_pages(void *at, size_t bytes)
{
	(void)madvise(at, bytes, MADV_POPULATE_WRITE);
}

static void
prepare_entries(struct half *h)
{
	make_pages(h->entries + h->entries_ready, ENTRY_BYTES);
	h->entries_ready += ENTRY_BYTES;
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

/*
 * Inserts into an index that was never touched cost a page each, thousands in
 * a row.  So when the index is nearly full, its successor gets its pages, a
 * few with each batch.
 */
static void
index_prepare(struct half *h)
{
	uint32_t limit = index_limit(h->now.size);
	size_t bytes = (size_t)next_size(h) * sizeof(struct slot);
	size_t n = PREPARE_BYTES;

	if (h->used < limit - limit / 8 || h->old.size != 0 ||
	    h->now.size == h->size_max)
		return;
	if (h->ready >= bytes)
		return;
	if (bytes - h->ready < n)
		n = bytes - h->ready;
	make_pages((uint8_t *)h->region[!h->region_now] + h->ready, n);
	h->ready += n;
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
index_remove(struct index *ix, uint32_t hash, uint32_t entry1)
{
	uint32_t hole = home(hash, ix->size), at;

	while (ix->slot[hole].entry1 != entry1 ||
	    ix->slot[hole].hash != hash) {
		if (ix->slot[hole].entry1 == 0)
			return; /* not here: still in the old index only */
		if (++hole == ix->size)
			hole = 0;
	}
	for (at = hole;;) {
		uint32_t from, way, gap;

		if (++at == ix->size)
			at = 0;
		if (ix->slot[at].entry1 == 0)
			break;
		from = home(ix->slot[at].hash, ix->size);
		way = at >= from ? at - from : at + ix->size - from;
		gap = at >= hole ? at - hole : at + ix->size - hole;
		if (way >= gap) {
			ix->slot[hole] = ix->slot[at];
			hole = at;
		}
	}
	ix->slot[hole] = (struct slot){0, 0};
}

static void
index_remove_old(struct half *h, uint32_t hash, uint32_t entry1)
{
	uint32_t at = home(hash, h->old.size);
	bool wrapped = false;

	if (at < h->moved)
		at = h->moved;
	for (;;) {
		if (at == h->old.size) {
			if (wrapped || h->moved == h->old.size)
				return;
			wrapped = true;
			at = h->moved;
		}
		if (h->old.slot[at].entry1 == 0)
			return;
		if (h->old.slot[at].entry1 == entry1) {
			h->old.slot[at].entry1 = MOVED_AWAY;
			return;
		}
		at++;
	}
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

/* Entry + 1 of a new flow, or 0 when the table is full. */
static uint32_t
insert(struct flowtab *t, struct half *h, const struct decode_packet *p,
    const struct probe *pr)
{
	struct meta *m;
	uint32_t entry;

	if (t->half[0].used + t->half[1].used >= t->flows_max)
		return 0;
	index_grow(h);
	if (h->free1) {
		entry = h->free1 - 1;
		h->free1 = meta_of(h, h->v6, entry)->pkts[0];
	} else {
		entry = h->high++;
		if (__builtin_expect(
			(size_t)h->high * entry_bytes(h) > h->entries_ready, 0))
			prepare_entries(h);
	}
	h->used++;
	index_put(&h->now, pr->hash, entry + 1);
	memcpy(h->entries + entry * entry_bytes(h), pr->key, h->v6 ? 32 : 8);
	m = meta_of(h, h->v6, entry);
	memset(m, 0, sizeof(*m));
	m->port[pr->dir] = p->sport;
	m->port[!pr->dir] = p->dport;
	m->proto = p->proto;
	m->state = IN_USE;
	better_evidence(m, orient_packet(p), pr->dir);
	if (t->dpi)
		flowtab_label_start(t, h, entry, p, pr->hash);
	return entry + 1;
}

INLINE void
count(struct flowtab *t, struct half *h, bool v6,
    const struct decode_packet *p, const struct probe *pr, uint16_t now)
{
	uint32_t entry1 = find(h, pr, v6);
	struct meta *m;
	unsigned way;

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
	if (__builtin_expect((p->flags & DECODE_STAGED) != 0, 0))
		flowtab_label_packet(t, h, entry1 - 1, p, pr->hash);
}

INLINE void
prefetch_entry(const struct half *h, bool v6, uint32_t hash)
{
	uint32_t at = home(hash, h->now.size);

	for (unsigned i = 0; i < 8; i++) {
		const struct slot *s = &h->now.slot[at];

		if (s->entry1 == 0)
			return;
		if (s->hash == hash) {
			const uint8_t *e = h->entries + (s->entry1 - 1) *
			    (v6 ? sizeof(struct flow6) : sizeof(struct flow4));

			__builtin_prefetch(e, 1);
			if (!v6)
				__builtin_prefetch(e + sizeof(struct flow4) - 1,
				    1);
			return;
		}
		if (++at == h->now.size)
			return;
	}
}

void
flowtab_add(struct flowtab *t, const struct decode_packet *p, size_t n,
    uint32_t now_s)
{
	uint16_t now = (uint16_t)(now_s / SEEN_UNIT_S);

	assert(n <= FLOWTAB_BATCH);
	t->now_s = now_s;
	for (size_t i = 0; i < n; i++) {
		const struct half *h = &t->half[p[i].version == 6];

		make_probe(t, &p[i], &t->probe[i]);
		__builtin_prefetch(
		    &h->now.slot[home(t->probe[i].hash, h->now.size)]);
	}
	for (size_t i = 0; i < n; i++) {
		if (p[i].version == 6)
			prefetch_entry(&t->half[1], true, t->probe[i].hash);
		else
			prefetch_entry(&t->half[0], false, t->probe[i].hash);
	}
	for (size_t i = 0; i < n; i++) {
		if (p[i].version == 6)
			count(t, &t->half[1], true, &p[i], &t->probe[i], now);
		else
			count(t, &t->half[0], false, &p[i], &t->probe[i], now);
	}
	for (int i = 0; i < 2; i++) {
		index_move(&t->half[i], MOVE_SLOTS);
		index_prepare(&t->half[i]);
	}
}

bool
flowtab_curious(const struct flowtab *t, const struct decode_packet *p)
{
	struct probe pr;

	make_probe(t, p, &pr);
	return t->settled[pr.hash % SETTLED_SLOTS] != pr.hash;
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

static void
evict(struct flowtab *t, struct half *h, uint32_t entry)
{
	struct meta *m = meta_of(h, h->v6, entry);
	uint64_t key[5];
	uint32_t hash;

	load_key(h, h->v6, entry, key);
	hash = (uint32_t)gp_hash_words(&t->key, key, h->v6 ? 5 : 2);
	if (t->settled && t->settled[hash % SETTLED_SLOTS] == hash)
		t->settled[hash % SETTLED_SLOTS] = 0;
	if (h->old.size != 0)
		index_remove_old(h, hash, entry + 1);
	index_remove(&h->now, hash, entry + 1);
	memset(m, 0, sizeof(*m));
	m->pkts[0] = h->free1;
	h->free1 = entry + 1;
	h->used--;
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

void
flowtab_sweep(struct flowtab *t, size_t max, uint32_t now_s)
{
	uint16_t now = (uint16_t)(now_s / SEEN_UNIT_S);
	bool pressed = flowtab_pressed(t);

	for (size_t i = 0; i < max; i++) {
		struct half *h = &t->half[t->sweep_half];

		if (t->sweep_at >= h->high) {
			t->sweep_half ^= 1;
			t->sweep_at = 0;
			continue;
		}
		if (may_leave(meta_of(h, h->v6, t->sweep_at), now, pressed) &&
		    flowtab_label_free(h, t->sweep_at))
			evict(t, h, t->sweep_at);
		t->sweep_at++;
	}
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

		n += (size_t)h->high * entry_bytes(h) + (h->high + 63) / 64 * 8;
		if (h->label)
			n += (size_t)h->high * sizeof(h->label[0]);
		n += (size_t)h->now.size * sizeof(struct slot);
		if (h->old.size)
			n += (size_t)(h->old.size - h->moved) *
			    sizeof(struct slot);
	}
	return n;
}
