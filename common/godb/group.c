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
	struct godb_addr6 mask; /* of addresses; IPv4: in lo */
};

struct slot {
	uint32_t hash;
	uint32_t entry; /* number + 1; 0: free */
};

/* A hash table of groups; or of (group, value) pairs, to count the different
 * values, which have no counters. */
struct table {
	bool v6;
	struct field field[GODB_N_KEYS];
	unsigned n_fields;
	unsigned words;      /* of a key */
	unsigned entry_words; /* key and counters */
	struct slot *slots;
	size_t n_slots;      /* power of two */
	uint64_t **chunk;
	size_t n_chunks, room_chunks;
	uint32_t n;
};

/* Different values of one column: pairs of a group and a value. */
struct distinct {
	enum godb_column column;
	unsigned extra;         /* where the count stands */
	struct table pairs[2];  /* IPv4 addresses and ports; IPv6 addresses */
};
#define N_DISTINCT 3

struct gdi_group {
	struct gp_hash_key hash;
	bool addresses; /* table[1] is for IPv6; else all are in table[0] */
	bool host;      /* rows stand under both ends */
	uint8_t host_drop4, host_drop6;
	struct table table[2];
	uint32_t columns;
	uint8_t extra_at[GODB_N_EXTRAS]; /* after the key; 0: not kept */
	struct distinct distinct[N_DISTINCT];
	unsigned n_distinct;
	int64_t (*bin)(void *arg, int64_t slot_s);
	void *bin_arg;
	uint64_t totals[N_COUNTERS]; /* of host; else summed when asked */
	size_t bytes, bytes_max;
};

/* ---- layout of keys ---------------------------------------------------- */

static const struct {
	enum godb_metric metric;
	enum godb_column column;
} distinct_of[N_DISTINCT] = {
	{GODB_METRIC_SIPS, GODB_SIP},
	{GODB_METRIC_DIPS, GODB_DIP},
	{GODB_METRIC_DPORTS, GODB_DPORT},
};

/* Ones but for the low `drop` of `bits`. */
static struct godb_addr6
mask_of(unsigned bits, unsigned drop)
{
	struct godb_addr6 m = {UINT64_MAX, UINT64_MAX};

	if (bits == 32)
		m = (struct godb_addr6){0, UINT32_MAX};
	if (drop >= 64) {
		m.hi = drop == 128 ? 0 : m.hi << (drop - 64);
		m.lo = 0;
	} else {
		m.lo = m.lo << drop;
	}
	if (bits == 32)
		m.lo &= UINT32_MAX;
	return m;
}

/* Bits of a field, widest first, so that first fit packs tightly. */
static const struct {
	enum godb_key key;
	uint8_t bits4, bits6;
} widths[] = {
	{GODB_KEY_SIP, 32, 128}, {GODB_KEY_DIP, 32, 128},
	{GODB_KEY_HOST, 32, 128},
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
		f->mask = v6 ? mask_of(128, keys->drop6[f->key])
			     : mask_of(32, keys->drop4[f->key]);
		f->word = (uint8_t)w;
		f->shift = (uint8_t)(bits == 128 ? 0 : used[w]);
		if (bits != 128)
			used[w] += bits;
		if (w + 1 > t->words)
			t->words = w + 1;
	}
}

static uint32_t
columns_of(const struct godb_keys *keys, uint32_t metrics)
{
	static const struct {
		enum godb_key key;
		enum godb_column column;
	} pairs[] = {
		{GODB_KEY_SIP, GODB_SIP}, {GODB_KEY_DIP, GODB_DIP},
		{GODB_KEY_DPORT, GODB_DPORT}, {GODB_KEY_PROTO, GODB_PROTO},
		{GODB_KEY_L7PROTO, GODB_L7PROTO},
		{GODB_KEY_HOST, GODB_SIP}, {GODB_KEY_HOST, GODB_DIP},
	};
	uint32_t columns = GODB_COL(GODB_BYTES_RCVD) |
	    GODB_COL(GODB_BYTES_SENT) | GODB_COL(GODB_PKTS_RCVD) |
	    GODB_COL(GODB_PKTS_SENT);

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (godb_keys_has(keys, pairs[i].key))
			columns |= GODB_COL(pairs[i].column);
	}
	for (size_t i = 0; i < N_DISTINCT; i++) {
		if (metrics & 1u << distinct_of[i].metric)
			columns |= GODB_COL(distinct_of[i].column);
	}
	return columns;
}

/* Places of the numbers behind an entry's key. */
static void
lay_out_numbers(struct gdi_group *g, uint32_t metrics)
{
	unsigned n = N_COUNTERS;

	for (unsigned m = GODB_METRIC_EXTRA; m < GODB_N_METRICS; m++) {
		if (metrics & 1u << m)
			g->extra_at[m - GODB_METRIC_EXTRA] = (uint8_t)n++;
	}
	for (size_t k = 0; k < 2; k++)
		g->table[k].entry_words = g->table[k].words + n;
	for (size_t i = 0; i < N_DISTINCT; i++) {
		enum godb_metric m = distinct_of[i].metric;
		struct distinct *d;

		if (!(metrics & 1u << m))
			continue;
		d = &g->distinct[g->n_distinct++];
		d->column = distinct_of[i].column;
		d->extra = g->extra_at[m - GODB_METRIC_EXTRA];
		/* group in 32 bits and IPv4 address or port; or apart */
		d->pairs[0].words = d->pairs[0].entry_words = 1;
		d->pairs[1].words = d->pairs[1].entry_words = 3;
	}
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
gdi_group_new(const struct gdi_group_opts *opts, struct gdi_group **out)
{
	const struct godb_keys *keys = opts->keys;
	struct gdi_group *g = calloc(1, sizeof(*g));
	int rc;

	if (!g)
		return -ENOMEM;
	g->bytes_max = opts->mem_bytes;
	g->bin = opts->bin;
	g->bin_arg = opts->bin_arg;
	g->addresses = godb_keys_has_address(keys);
	g->host = godb_keys_has(keys, GODB_KEY_HOST);
	g->host_drop4 = keys->drop4[GODB_KEY_HOST];
	g->host_drop6 = keys->drop6[GODB_KEY_HOST];
	g->columns = columns_of(keys, opts->metrics);
	lay_out(&g->table[0], keys, false);
	lay_out(&g->table[1], keys, true);
	lay_out_numbers(g, opts->metrics);
	rc = gp_hash_key_init(&g->hash);
	if (rc < 0) {
		free(g);
		return rc;
	}
	*out = g;
	return 0;
}

static void
free_table(struct table *t)
{
	for (size_t i = 0; i < t->n_chunks; i++)
		free(t->chunk[i]);
	free(t->chunk);
	free(t->slots);
}

void
gdi_group_free(struct gdi_group *g)
{
	if (!g)
		return;
	for (size_t k = 0; k < 2; k++) {
		free_table(&g->table[k]);
		for (unsigned i = 0; i < g->n_distinct; i++)
			free_table(&g->distinct[i].pairs[k]);
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
	int64_t time_s; /* of the part, or its bin */
	const struct godb_columns *c;
	const uint32_t *sel;
	size_t n;
	bool second; /* host is the dip */
	bool v6;     /* rows of IPv6, whichever table they go to */
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
put_addr(const struct table *t, uint64_t *out, const struct field *f, bool dip,
    const struct batch *b)
{
	const struct godb_columns *c = b->c;

	if (!t->v6) {
		const uint32_t *col = dip ? c->dip4 : c->sip4;
		uint32_t mask = (uint32_t)f->mask.lo;

		for (size_t i = 0; i < b->n; i++)
			out[i * t->words] |=
			    (uint64_t)(col[b->sel[i]] & mask) << f->shift;
	} else {
		const struct godb_addr6 *col = dip ? c->dip6 : c->sip6;

		for (size_t i = 0; i < b->n; i++) {
			const struct godb_addr6 *a = &col[b->sel[i] - c->n4];

			out[i * t->words] = a->hi & f->mask.hi;
			out[i * t->words + 1] = a->lo & f->mask.lo;
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
			    ((uint64_t)b->time_s / 300 & SLOT_MASK)
				<< f->shift, b->n);
			break;
		case GODB_KEY_IFACE:
			put_constant(out, t->words,
			    (uint64_t)(uint16_t)b->part->iface_index
				<< f->shift, b->n);
			break;
		case GODB_KEY_SIP:
			put_addr(t, out, f, false, b);
			break;
		case GODB_KEY_DIP:
			put_addr(t, out, f, true, b);
			break;
		case GODB_KEY_HOST:
			put_addr(t, out, f, b->second, b);
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

/* The number of the key's entry, made when there is none; make_room has been
 * called. */
static uint32_t
upsert(struct table *t, const uint64_t *key, uint32_t hash)
{
	size_t at = hash & (t->n_slots - 1);

	for (; t->slots[at].entry; at = (at + 1) & (t->n_slots - 1)) {
		uint32_t number = t->slots[at].entry - 1;

		if (t->slots[at].hash == hash &&
		    same_key(entry_of(t, number), key, t->words))
			return number;
	}
	memcpy(entry_of(t, t->n), key, t->words * sizeof(*key));
	t->slots[at] = (struct slot){hash, t->n + 1};
	return t->n++;
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

/* A row's value of a distinct column, behind its group. */
static unsigned
pack_pair(const struct distinct *d, const struct batch *b, uint64_t group,
    uint32_t row, uint64_t pair[3])
{
	const struct godb_columns *c = b->c;
	bool dip = d->column == GODB_DIP;

	if (d->column == GODB_DPORT) {
		pair[0] = group << 32 | c->dport[row];
		return 0;
	}
	if (b->v6) {
		const struct godb_addr6 *a = dip ? c->dip6 : c->sip6;

		pair[0] = group;
		pair[1] = a[row - c->n4].hi;
		pair[2] = a[row - c->n4].lo;
		return 1;
	}
	pair[0] = group << 32 | (dip ? c->dip4 : c->sip4)[row];
	return 0;
}

static void
count_distinct(struct gdi_group *g, const struct table *t,
    const struct batch *b, const uint32_t *number)
{
	for (unsigned k = 0; k < g->n_distinct; k++) {
		struct distinct *d = &g->distinct[k];

		for (size_t i = 0; i < b->n; i++) {
			uint64_t group = (uint64_t)number[i] << 1 | t->v6;
			uint64_t pair[3];
			struct table *pairs;
			uint32_t before;

			pairs = &d->pairs[pack_pair(d, b, group, b->sel[i],
			    pair)];
			before = pairs->n;
			(void)upsert(pairs, pair, (uint32_t)gp_hash_words(
			    &g->hash, pair, pairs->words));
			if (pairs->n > before)
				entry_of(t, number[i])[t->words + d->extra]++;
		}
	}
}

static void
count_extras(struct gdi_group *g, const struct table *t,
    const struct batch *b, const uint32_t *number)
{
	unsigned rows = g->extra_at[GODB_METRIC_ROWS - GODB_METRIC_EXTRA];

	for (size_t i = 0; rows && i < b->n; i++)
		entry_of(t, number[i])[t->words + rows]++;
	count_distinct(g, t, b, number);
}

static void
add_batch(struct gdi_group *g, struct table *t, struct batch *b)
{
	uint32_t number[BATCH];
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
		if (!entry || !same_key(entry, key, t->words)) {
			number[i] = upsert(t, key, b->hash[i]);
			entry = entry_of(t, number[i]);
		} else {
			number[i] = number[i - 1];
		}
		counter = entry + t->words;
		for (unsigned k = 0; k < N_COUNTERS; k++)
			counter[k] = gdi_add(counter[k],
			    b->c->counter[k][b->sel[i]]);
	}
	if (t->entry_words > t->words + N_COUNTERS)
		count_extras(g, t, b, number);
}

static int
reserve_batch(struct gdi_group *g, struct table *t)
{
	int rc = make_room(g, t);

	for (unsigned i = 0; rc == 0 && i < g->n_distinct; i++) {
		rc = make_room(g, &g->distinct[i].pairs[0]);
		if (rc == 0 && g->distinct[i].column != GODB_DPORT)
			rc = make_room(g, &g->distinct[i].pairs[1]);
	}
	return rc;
}

/* Of a batch that is in under its sips: totals, and the rows that stand under
 * their dips, too. */
static size_t
other_ends(struct gdi_group *g, const struct batch *b, uint32_t sel[BATCH])
{
	struct godb_addr6 mask = mask_of(128, g->host_drop6);
	uint32_t mask4 = (uint32_t)mask_of(32, g->host_drop4).lo;
	const struct godb_columns *c = b->c;
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++) {
		uint32_t row = b->sel[i], r = row - c->n4;

		for (unsigned k = 0; k < N_COUNTERS; k++)
			g->totals[k] = gdi_add(g->totals[k],
			    c->counter[k][row]);
		if (!b->v6 ? (c->sip4[row] ^ c->dip4[row]) & mask4
			   : ((c->sip6[r].hi ^ c->dip6[r].hi) & mask.hi) |
				((c->sip6[r].lo ^ c->dip6[r].lo) & mask.lo))
			sel[n++] = row;
	}
	return n;
}

static int
add_other_ends(struct gdi_group *g, struct table *t, struct batch *b)
{
	uint32_t sel[BATCH];
	int rc;

	b->n = other_ends(g, b, sel);
	b->sel = sel;
	b->second = true;
	rc = reserve_batch(g, t);
	if (rc == 0)
		add_batch(g, t, b);
	b->second = false;
	return rc;
}

int
gdi_group_add(struct gdi_group *g, const struct godb_part *part,
    const struct godb_columns *c, const uint32_t *sel, size_t n)
{
	struct batch b = {.part = part, .c = c, .time_s = part->slot_s};
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
	if (g->bin)
		b.time_s = g->bin(g->bin_arg, part->slot_s);
	/* batches never mix versions */
	while (done < n) {
		size_t end = done < n4 ? n4 : n, next;
		struct table *t = &g->table[g->addresses && done >= n4];

		rc = reserve_batch(g, t);
		if (rc < 0)
			return rc;
		b.v6 = done >= n4;
		b.sel = sel + done;
		b.n = end - done < BATCH ? end - done : BATCH;
		next = done + b.n;
		add_batch(g, t, &b);
		if (g->host)
			rc = add_other_ends(g, t, &b);
		if (rc < 0)
			return rc;
		done = next;
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

uint64_t
gdi_group_extra(const struct gdi_group *g, uint32_t id, enum godb_metric m)
{
	const struct table *t;
	const uint64_t *entry = find_entry(g, id, &t);
	unsigned at = g->extra_at[m - GODB_METRIC_EXTRA];

	return at ? entry[t->words + at] : 0;
}

bool
gdi_group_by_host(const struct gdi_group *g)
{
	return g->host;
}

void
gdi_group_totals(const struct gdi_group *g, uint64_t counter[4])
{
	size_t n = gdi_group_count(g);

	memcpy(counter, g->totals, sizeof(g->totals));
	for (size_t i = 0; !g->host && i < n; i++) {
		const uint64_t *c = gdi_group_counters(g, (uint32_t)i);

		for (unsigned k = 0; k < N_COUNTERS; k++)
			counter[k] = gdi_add(counter[k], c[k]);
	}
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
		case GODB_KEY_HOST:
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
