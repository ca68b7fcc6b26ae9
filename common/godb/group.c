/*
 * Entries lie densely in chunks that never move; an open-addressing array of
 * slots points to them and keeps 32 bits of the hash, which place the slot
 * and spare most look-ups of entries that differ.
 */
#include "common/godb/group.h"

#include "common/base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BATCH          128 /* rows whose memory is fetched at once */
#define WORDS_MAX      6
#define N_COUNTERS     4
#define CHUNK_BITS     12
#define CHUNK_ENTRIES  (1u << CHUNK_BITS)
#define SLOTS_FIRST    (1u << 10)
#define SLOT_MASK      0xffffffu
#define GROUPS_MAX     (UINT32_C(1) << 31)

/* Where a field lies in the key. */
struct field {
	enum godb_key key;
	uint8_t word, shift; /* addresses of IPv6: word and word + 1 */
};

struct slot {
	uint32_t hash;
	uint32_t entry; /* number + 1; 0: free */
};

struct table {
	bool v6;
	struct field field[GODB_N_KEYS];
	unsigned n_fields;
	unsigned words;      /* of a key */
	size_t entry_words;  /* key and counters */
	struct slot *slots;
	size_t n_slots;      /* power of two */
	uint64_t **chunk;
	size_t n_chunks, room_chunks;
	uint32_t n;
};

struct gdi_group {
	struct gp_hash_key hash;
	bool addresses; /* table[1] is for IPv6; else all are in table[0] */
	struct table table[2];
	uint32_t columns;
	size_t bytes, bytes_max;
};

/* ---- layout of keys ---------------------------------------------------- */

/* Bits of a field, widest first, so that first fit packs tightly. */
static const struct {
	enum godb_key key;
	uint8_t bits4, bits6;
} widths[] = {
	{GODB_KEY_SIP, 32, 128}, {GODB_KEY_DIP, 32, 128},
	{GODB_KEY_TIME, 24, 24}, /* 300-second slots up to 2106 */
	{GODB_KEY_IFACE, 16, 16}, {GODB_KEY_DPORT, 16, 16},
	{GODB_KEY_L7PROTO, 16, 16}, {GODB_KEY_PROTO, 8, 8},
};

static void
lay_out(struct table *t, const struct godb_keys *keys, bool v6)
{
	unsigned used[WORDS_MAX] = {0};

	t->v6 = v6;
	t->words = 0;
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		unsigned bits = v6 ? widths[i].bits6 : widths[i].bits4;
		unsigned w = 0;
		struct field *f;

		if (!godb_keys_has(keys, widths[i].key))
			continue;
		if (bits == 128) {
			w = t->words;
			used[w] = used[w + 1] = 64;
			t->words += 2;
		} else {
			while (used[w] + bits > 64)
				w++;
		}
		f = &t->field[t->n_fields++];
		f->key = widths[i].key;
		f->word = (uint8_t)w;
		f->shift = (uint8_t)(bits == 128 ? 0 : used[w]);
		if (bits != 128)
			used[w] += bits;
		if (w + 1 > t->words)
			t->words = w + 1;
	}
	t->entry_words = t->words + N_COUNTERS;
}

static uint32_t
columns_of(const struct godb_keys *keys)
{
	static const struct {
		enum godb_key key;
		enum godb_column column;
	} pairs[] = {
		{GODB_KEY_SIP, GODB_SIP}, {GODB_KEY_DIP, GODB_DIP},
		{GODB_KEY_DPORT, GODB_DPORT}, {GODB_KEY_PROTO, GODB_PROTO},
		{GODB_KEY_L7PROTO, GODB_L7PROTO},
	};
	uint32_t columns = GODB_COL(GODB_BYTES_RCVD) |
	    GODB_COL(GODB_BYTES_SENT) | GODB_COL(GODB_PKTS_RCVD) |
	    GODB_COL(GODB_PKTS_SENT);

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (godb_keys_has(keys, pairs[i].key))
			columns |= GODB_COL(pairs[i].column);
	}
	return columns;
}

/* ---- memory ------------------------------------------------------------ */

static void *
take(struct gdi_group *g, size_t n, size_t size, int *rc)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(n, size, &bytes) ||
	    (g->bytes_max &&
		(bytes > g->bytes_max || g->bytes > g->bytes_max - bytes))) {
		*rc = GODB_EMEMORY;
		return NULL;
	}
	p = calloc(n, size);
	if (!p)
		*rc = -ENOMEM;
	else
		g->bytes += bytes;
	return p;
}

static int
grow_slots(struct gdi_group *g, struct table *t)
{
	size_t n = t->n_slots ? t->n_slots * 2 : SLOTS_FIRST;
	struct slot *slots;
	int rc = 0;

	slots = take(g, n, sizeof(*slots), &rc);
	if (!slots)
		return rc;
	for (size_t i = 0; i < t->n_slots; i++) {
		size_t at = t->slots[i].hash & (n - 1);

		if (!t->slots[i].entry)
			continue;
		while (slots[at].entry)
			at = (at + 1) & (n - 1);
		slots[at] = t->slots[i];
	}
	g->bytes -= t->n_slots * sizeof(*slots);
	free(t->slots);
	t->slots = slots;
	t->n_slots = n;
	return 0;
}

static int
grow_chunks(struct gdi_group *g, struct table *t)
{
	uint64_t *chunk;
	int rc = 0;

	if (t->n_chunks == t->room_chunks) {
		size_t room = t->room_chunks ? t->room_chunks * 2 : 16;
		uint64_t **more = reallocarray(t->chunk, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		g->bytes += (room - t->room_chunks) * sizeof(*more);
		t->chunk = more;
		t->room_chunks = room;
	}
	chunk = take(g, CHUNK_ENTRIES, t->entry_words * sizeof(uint64_t), &rc);
	if (!chunk)
		return rc;
	t->chunk[t->n_chunks++] = chunk;
	return 0;
}

/* Room for one more batch, whatever its keys. */
static int
make_room(struct gdi_group *g, struct table *t)
{
	int rc;

	if (t->n > GROUPS_MAX - BATCH)
		return GODB_EMEMORY;
	while ((size_t)t->n + BATCH > t->n_slots / 8 * 5) {
		rc = grow_slots(g, t);
		if (rc < 0)
			return rc;
	}
	while ((size_t)t->n + BATCH > t->n_chunks * CHUNK_ENTRIES) {
		rc = grow_chunks(g, t);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int
gdi_group_new(const struct godb_keys *keys, size_t mem_bytes,
    struct gdi_group **out)
{
	struct gdi_group *g = calloc(1, sizeof(*g));
	int rc;

	if (!g)
		return -ENOMEM;
	g->bytes_max = mem_bytes;
	g->addresses = godb_keys_has(keys, GODB_KEY_SIP) ||
	    godb_keys_has(keys, GODB_KEY_DIP);
	g->columns = columns_of(keys);
	lay_out(&g->table[0], keys, false);
	lay_out(&g->table[1], keys, true);
	rc = gp_hash_key_init(&g->hash);
	if (rc < 0) {
		free(g);
		return rc;
	}
	*out = g;
	return 0;
}

void
gdi_group_free(struct gdi_group *g)
{
	if (!g)
		return;
	for (size_t k = 0; k < 2; k++) {
		for (size_t i = 0; i < g->table[k].n_chunks; i++)
			free(g->table[k].chunk[i]);
		free(g->table[k].chunk);
		free(g->table[k].slots);
	}
	free(g);
}

uint32_t
gdi_group_columns(const struct gdi_group *g)
{
	return g->columns;
}

size_t
gdi_group_bytes(const struct gdi_group *g)
{
	return g->bytes;
}

/* ---- keys -------------------------------------------------------------- */

struct batch {
	const struct godb_part *part;
	const struct godb_columns *c;
	const uint32_t *sel;
	size_t n;
	uint64_t keys[BATCH * WORDS_MAX];
	uint32_t hash[BATCH];
};

static void
put_u16(uint64_t *out, unsigned words, unsigned shift, const uint16_t *col,
    const struct batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		out[i * words] |= (uint64_t)col[b->sel[i]] << shift;
}

static void
put_addr(const struct table *t, uint64_t *out, unsigned shift, bool dip,
    const struct batch *b)
{
	const struct godb_columns *c = b->c;

	if (!t->v6) {
		const uint32_t *col = dip ? c->dip4 : c->sip4;

		for (size_t i = 0; i < b->n; i++)
			out[i * t->words] |= (uint64_t)col[b->sel[i]] << shift;
	} else {
		const struct godb_addr6 *col = dip ? c->dip6 : c->sip6;

		for (size_t i = 0; i < b->n; i++) {
			const struct godb_addr6 *a = &col[b->sel[i] - c->n4];

			out[i * t->words] = a->hi;
			out[i * t->words + 1] = a->lo;
		}
	}
}

static void
put_constant(uint64_t *out, unsigned words, uint64_t value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i * words] |= value;
}

static void
pack_keys(const struct table *t, struct batch *b)
{
	memset(b->keys, 0, b->n * t->words * sizeof(b->keys[0]));
	for (unsigned k = 0; k < t->n_fields; k++) {
		const struct field *f = &t->field[k];
		uint64_t *out = b->keys + f->word;

		switch (f->key) {
		case GODB_KEY_TIME:
			put_constant(out, t->words,
			    ((uint64_t)b->part->slot_s / 300 & SLOT_MASK)
				<< f->shift, b->n);
			break;
		case GODB_KEY_IFACE:
			put_constant(out, t->words,
			    (uint64_t)(uint16_t)b->part->iface_index
				<< f->shift, b->n);
			break;
		case GODB_KEY_SIP:
			put_addr(t, out, f->shift, false, b);
			break;
		case GODB_KEY_DIP:
			put_addr(t, out, f->shift, true, b);
			break;
		case GODB_KEY_DPORT:
			put_u16(out, t->words, f->shift, b->c->dport, b);
			break;
		case GODB_KEY_L7PROTO:
			put_u16(out, t->words, f->shift, b->c->l7, b);
			break;
		case GODB_KEY_PROTO:
			for (size_t i = 0; i < b->n; i++)
				out[i * t->words] |=
				    (uint64_t)b->c->proto[b->sel[i]] << f->shift;
			break;
		case GODB_N_KEYS:
			break;
		}
	}
}

static uint64_t *
entry_of(const struct table *t, uint32_t number)
{
	return t->chunk[number >> CHUNK_BITS] +
	    (number & (CHUNK_ENTRIES - 1)) * t->entry_words;
}

static bool
same_key(const uint64_t *a, const uint64_t *b, unsigned words)
{
	for (unsigned i = 0; i < words; i++) {
		if (a[i] != b[i])
			return false;
	}
	return true;
}

/* ---- aggregation ------------------------------------------------------- */

/* The key's entry, made when there is none; make_room has been called. */
static uint64_t *
upsert(struct table *t, const uint64_t *key, uint32_t hash)
{
	size_t at = hash & (t->n_slots - 1);
	uint64_t *entry;

	for (; t->slots[at].entry; at = (at + 1) & (t->n_slots - 1)) {
		if (t->slots[at].hash != hash)
			continue;
		entry = entry_of(t, t->slots[at].entry - 1);
		if (same_key(entry, key, t->words))
			return entry;
	}
	entry = entry_of(t, t->n);
	memcpy(entry, key, t->words * sizeof(*key));
	t->slots[at] = (struct slot){hash, ++t->n};
	return entry;
}

static void
prefetch_entries(const struct table *t, const struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct slot *s =
		    &t->slots[b->hash[i] & (t->n_slots - 1)];

		if (s->entry)
			__builtin_prefetch(entry_of(t, s->entry - 1), 1);
	}
}

static void
add_batch(struct gdi_group *g, struct table *t, struct batch *b)
{
	uint64_t *entry = NULL;

	pack_keys(t, b);
	for (size_t i = 0; i < b->n; i++) {
		b->hash[i] = (uint32_t)gp_hash_words(&g->hash,
		    b->keys + i * t->words, t->words);
		__builtin_prefetch(&t->slots[b->hash[i] & (t->n_slots - 1)]);
	}
	prefetch_entries(t, b);
	for (size_t i = 0; i < b->n; i++) {
		const uint64_t *key = b->keys + i * t->words;
		uint64_t *counter;

		/* blocks are sorted, so neighbours often share their group */
		if (!entry || !same_key(entry, key, t->words))
			entry = upsert(t, key, b->hash[i]);
		counter = entry + t->words;
		for (unsigned k = 0; k < N_COUNTERS; k++)
			counter[k] = gdi_add(counter[k],
			    b->c->counter[k][b->sel[i]]);
	}
}

int
gdi_group_add(struct gdi_group *g, const struct godb_part *part,
    const struct godb_columns *c, const uint32_t *sel, size_t n)
{
	struct batch b = {.part = part, .c = c};
	size_t done = 0, n4 = 0;
	int rc;

	/* sel ascends and IPv4 rows come first */
	for (size_t hi = n; n4 < hi;) {
		size_t mid = n4 + (hi - n4) / 2;

		if (sel[mid] < c->n4)
			n4 = mid + 1;
		else
			hi = mid;
	}
	while (done < n) {
		bool v6 = g->addresses && done >= n4;
		size_t end = g->addresses && !v6 ? n4 : n;
		struct table *t = &g->table[v6];

		rc = make_room(g, t);
		if (rc < 0)
			return rc;
		b.sel = sel + done;
		b.n = end - done < BATCH ? end - done : BATCH;
		add_batch(g, t, &b);
		done += b.n;
	}
	return 0;
}

/* ---- reading ----------------------------------------------------------- */

size_t
gdi_group_count(const struct gdi_group *g)
{
	return (size_t)g->table[0].n + g->table[1].n;
}

static const uint64_t *
find_entry(const struct gdi_group *g, uint32_t id, const struct table **t)
{
	bool second = id >= g->table[0].n;

	*t = &g->table[second];
	return entry_of(*t, second ? id - g->table[0].n : id);
}

const uint64_t *
gdi_group_counters(const struct gdi_group *g, uint32_t id)
{
	const struct table *t;
	const uint64_t *entry = find_entry(g, id, &t);

	return entry + t->words;
}

static struct godb_addr6
get_addr(const struct table *t, const struct field *f, const uint64_t *entry)
{
	if (t->v6)
		return (struct godb_addr6){entry[f->word], entry[f->word + 1]};
	return (struct godb_addr6){0, (uint32_t)(entry[f->word] >> f->shift)};
}

void
gdi_group_key(const struct gdi_group *g, uint32_t id, struct gdi_group_key *out)
{
	const struct table *t;
	const uint64_t *entry = find_entry(g, id, &t);

	memset(out, 0, sizeof(*out));
	if (g->addresses)
		out->version = t->v6 ? 6 : 4;
	for (unsigned k = 0; k < t->n_fields; k++) {
		const struct field *f = &t->field[k];
		uint64_t value = entry[f->word] >> f->shift;

		switch (f->key) {
		case GODB_KEY_TIME:
			out->slot = (uint32_t)value & SLOT_MASK;
			break;
		case GODB_KEY_IFACE:
			out->iface = (uint16_t)value;
			break;
		case GODB_KEY_SIP:
			out->sip = get_addr(t, f, entry);
			break;
		case GODB_KEY_DIP:
			out->dip = get_addr(t, f, entry);
			break;
		case GODB_KEY_DPORT:
			out->dport = (uint16_t)value;
			break;
		case GODB_KEY_PROTO:
			out->proto = (uint8_t)value;
			break;
		case GODB_KEY_L7PROTO:
			out->l7 = (uint16_t)value;
			break;
		case GODB_N_KEYS:
			break;
		}
	}
}
