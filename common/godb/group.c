/*
 * Why it is clever.  Grouping is bound by misses of the cache, and two threads
 * that each fill a table of their own only double them.  So:
 *
 * - Each feed first sums into a table that fits the second-level cache.  Most
 *   questions have few groups, or the same ones come again within some
 *   blocks: then nothing else is touched.
 * - When that table is full it is emptied into shards, tables which all feeds
 *   share, parted by bits of the hash: entries are collected for each shard
 *   and handed over a batch at a time, under its lock, with the places that
 *   they will need fetched before.  No thread waits for memory one miss at a
 *   time, nothing is merged at the end, and every group exists once.
 * - Where the first table does not spare much (nearly every row is a group of
 *   its own), rows go to the shards at once.
 *
 * Different values are counted by groups of their own, keyed by the group's
 * key and the value, which are counted at the end.
 */
#include "common/godb/group.h"

#include "common/base/hash.h"
#include "common/godb/pool.h"
#include "common/godb/table.h"
#include "common/godb/wire.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BATCH         GDI_TABLE_BATCH
#define WORDS_MAX     6 /* of a group's key */
#define PAIR_MAX      8 /* of a key with a value behind it */
#define N_COUNTERS    4
#define RECORD_MAX    (1 + PAIR_MAX + N_COUNTERS + GODB_N_EXTRAS)
#define SLOT_MASK     0xffffffu
#define GROUPS_MAX    (UINT32_C(1) << 31)
#define N_SHARDS      16
#define SHARD_SHIFT   8 /* of the hash; table.h says which bits are free */
#define LOCAL_WORDS   ((size_t)64 << 10) /* of entries, in a feed's table */
/* Below this many rows an entry, a feed's table does not pay ... */
#define WORTH_NUM     3
#define WORTH_DEN     2
#define DIRECT_ROWS   (UINT64_C(1) << 20) /* ... for so many rows */
#define N_DISTINCT    3
#define N_SETS        (1 + N_DISTINCT)

/* Where a field lies in the key. */
struct field {
	enum godb_key key;
	uint8_t word, shift; /* addresses of IPv6: word and word + 1 */
	struct godb_addr6 mask; /* of addresses; IPv4: in lo */
};

/* Keys of one version. */
struct layout {
	bool v6;
	bool constant; /* within a part */
	struct field field[GODB_N_KEYS];
	unsigned n_fields;
	unsigned words;
};

struct shard {
	pthread_mutex_t lock;
	struct gdi_table table[2]; /* by version */
};

/* Groups; or pairs of a group and a value of one column. */
struct set {
	unsigned words[2];  /* of a key, by version */
	unsigned numbers;
	enum godb_column column; /* of pairs */
	unsigned extra;          /* where their count stands */
	struct shard shard[N_SHARDS];
};

struct gdi_group {
	struct gp_hash_key hash;
	bool addresses; /* version 1 is IPv6; else all are version 0 */
	bool host;      /* rows stand under both ends */
	uint8_t host_drop4, host_drop6;
	struct layout layout[2];
	uint32_t columns;
	uint8_t extra_at[GODB_N_EXTRAS]; /* after the key; 0: not kept */
	struct set *set;
	unsigned n_sets;
	atomic_bool spilled; /* some feed filled its table */
	pthread_mutex_t bin_lock;
	int64_t (*bin)(void *arg, int64_t slot_s);
	void *bin_arg;
	uint64_t totals[N_COUNTERS];
	struct gdi_arena arena;
	/* after gdi_group_finish: tables that are not empty, IPv4 first */
	struct {
		uint32_t first;
		bool v6;
		const struct gdi_table *table;
	} part[2 * N_SHARDS];
	unsigned n_parts;
	uint32_t n;
};

/* What a feed keeps for one set and version. */
struct side {
	struct gdi_table local;
	uint64_t *buffer;   /* N_SHARDS of BATCH records */
	uint32_t *fill;     /* records in each */
	uint64_t rows;      /* into local since it was empty, or direct */
	bool direct;
};

struct gdi_feed {
	struct gdi_group *g;
	struct side side[N_SETS][2];
	uint64_t totals[N_COUNTERS]; /* of host */
	uint64_t keys[BATCH * WORDS_MAX]; /* of a batch */
	uint64_t records[BATCH * RECORD_MAX]; /* hash, key, numbers */
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
lay_out(struct layout *t, const struct godb_keys *keys, bool v6)
{
	unsigned used[WORDS_MAX] = {0};

	t->v6 = v6;
	t->words = 0;
	t->constant = true;
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
		t->constant &= f->key == GODB_KEY_TIME ||
		    f->key == GODB_KEY_IFACE;
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

/* Places of the numbers behind an entry's key, and the sets. */
static int
lay_out_numbers(struct gdi_group *g, uint32_t metrics)
{
	bool rows = metrics & 1u << GODB_METRIC_ROWS;
	unsigned n = N_COUNTERS;

	for (unsigned m = GODB_METRIC_EXTRA; m < GODB_N_METRICS; m++) {
		if (metrics & 1u << m)
			g->extra_at[m - GODB_METRIC_EXTRA] = (uint8_t)n++;
	}
	g->n_sets = 1 + n - N_COUNTERS - rows;
	g->set = calloc(g->n_sets, sizeof(*g->set));
	if (!g->set)
		return -ENOMEM;
	g->set[0].numbers = n;
	for (size_t i = 0, s = 1; i < N_DISTINCT; i++) {
		enum godb_metric m = distinct_of[i].metric;

		if (!(metrics & 1u << m))
			continue;
		g->set[s].column = distinct_of[i].column;
		g->set[s++].extra = g->extra_at[m - GODB_METRIC_EXTRA];
	}
	for (unsigned s = 0; s < g->n_sets; s++) {
		struct set *set = &g->set[s];
		bool port = set->column == GODB_DPORT;

		for (unsigned v = 0; v < 2; v++) {
			set->words[v] = g->layout[g->addresses ? v : 0].words;
			if (s > 0)
				set->words[v] += v && !port ? 2 : 1;
		}
		for (unsigned i = 0; i < N_SHARDS; i++) {
			struct shard *shard = &set->shard[i];

			(void)pthread_mutex_init(&shard->lock, NULL);
			for (unsigned v = 0; v < 2; v++)
				gdi_table_init(&shard->table[v], set->words[v],
				    set->numbers, true);
		}
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
	gdi_arena_init(&g->arena, opts->mem_bytes);
	g->bin = opts->bin;
	g->bin_arg = opts->bin_arg;
	(void)pthread_mutex_init(&g->bin_lock, NULL);
	g->addresses = godb_keys_has_address(keys);
	g->host = godb_keys_has(keys, GODB_KEY_HOST);
	g->host_drop4 = keys->drop4[GODB_KEY_HOST];
	g->host_drop6 = keys->drop6[GODB_KEY_HOST];
	g->columns = columns_of(keys, opts->metrics);
	lay_out(&g->layout[0], keys, false);
	lay_out(&g->layout[1], keys, true);
	rc = lay_out_numbers(g, opts->metrics);
	if (rc == 0)
		rc = gp_hash_key_init(&g->hash);
	if (rc < 0) {
		gdi_group_free(g);
		return rc;
	}
	*out = g;
	return 0;
}

static void
free_set(struct gdi_group *g, struct set *set)
{
	for (unsigned i = 0; i < N_SHARDS; i++) {
		for (unsigned v = 0; v < 2; v++)
			gdi_table_free(&set->shard[i].table[v], &g->arena);
	}
}

void
gdi_group_free(struct gdi_group *g)
{
	if (!g)
		return;
	for (unsigned s = 0; g->set && s < g->n_sets; s++) {
		free_set(g, &g->set[s]);
		for (unsigned i = 0; i < N_SHARDS; i++)
			(void)pthread_mutex_destroy(&g->set[s].shard[i].lock);
	}
	(void)pthread_mutex_destroy(&g->bin_lock);
	gdi_arena_fini(&g->arena);
	free(g->set);
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
	return g->arena.bytes;
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
	uint64_t *keys; /* BATCH * WORDS_MAX, the feed's */
};

static void
put_u16(uint64_t *out, unsigned words, unsigned shift, const uint16_t *col,
    const struct batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		out[i * words] |= (uint64_t)col[b->sel[i]] << shift;
}

static void
put_addr(const struct layout *t, uint64_t *out, const struct field *f, bool dip,
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
pack_keys(const struct layout *t, struct batch *b)
{
	memset(b->keys, 0, b->n * t->words * sizeof(*b->keys));
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
		case GODB_KEY_SITE:
		case GODB_N_KEYS:
			break;
		}
	}
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

/* ---- feeds: shards ----------------------------------------------------- */

int
gdi_feed_new(struct gdi_group *g, struct gdi_feed **out)
{
	struct gdi_feed *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->g = g;
	for (unsigned s = 0; s < g->n_sets; s++) {
		for (unsigned v = 0; v < 2; v++)
			gdi_table_init(&f->side[s][v].local,
			    g->set[s].words[v], g->set[s].numbers, false);
	}
	*out = f;
	return 0;
}

static size_t
record_words(const struct side *d)
{
	return 1 + d->local.words;
}

/* Buffers for all shards and how full they are. */
static size_t
buffer_bytes(const struct side *d)
{
	return N_SHARDS *
	    (BATCH * record_words(d) * sizeof(uint64_t) + sizeof(*d->fill));
}

static void
free_buffers(struct gdi_feed *f, struct side *d)
{
	if (!d->buffer)
		return;
	gdi_arena_discharge(&f->g->arena, buffer_bytes(d));
	free(d->buffer);
	d->buffer = NULL;
}

void
gdi_feed_free(struct gdi_feed *f)
{
	if (!f)
		return;
	for (unsigned s = 0; s < f->g->n_sets; s++) {
		for (unsigned v = 0; v < 2; v++) {
			gdi_table_free(&f->side[s][v].local, &f->g->arena);
			free_buffers(f, &f->side[s][v]);
		}
	}
	free(f);
}

static int
make_buffers(struct gdi_feed *f, struct side *d)
{
	int rc;

	if (d->buffer)
		return 0;
	rc = gdi_arena_charge(&f->g->arena, buffer_bytes(d));
	if (rc < 0)
		return rc;
	d->buffer = malloc(buffer_bytes(d));
	if (!d->buffer) {
		gdi_arena_discharge(&f->g->arena, buffer_bytes(d));
		return -ENOMEM;
	}
	d->fill = (uint32_t *)(void *)(d->buffer +
	    N_SHARDS * BATCH * record_words(d));
	memset(d->fill, 0, N_SHARDS * sizeof(*d->fill));
	return 0;
}

/* A batch of records to their shard. */
static int
hand_over(struct gdi_feed *f, unsigned s, unsigned v, unsigned to)
{
	struct side *d = &f->side[s][v];
	struct shard *shard = &f->g->set[s].shard[to];
	struct gdi_table *t = &shard->table[v];
	int rc;

	(void)pthread_mutex_lock(&shard->lock);
	rc = gdi_table_reserve(t, &f->g->hash, &f->g->arena);
	if (rc == 0 && t->n > GROUPS_MAX / (2 * N_SHARDS))
		rc = GODB_EMEMORY;
	if (rc == 0)
		gdi_table_add(t,
		    d->buffer + to * BATCH * record_words(d), d->fill[to]);
	(void)pthread_mutex_unlock(&shard->lock);
	d->fill[to] = 0;
	return rc;
}

/* Room for a record on its way to its shard, the hash filled in. */
static int
new_record(struct gdi_feed *f, unsigned s, unsigned v, uint64_t hash,
    uint64_t **out)
{
	struct side *d = &f->side[s][v];
	unsigned to = (unsigned)(hash >> SHARD_SHIFT) % N_SHARDS;

	if (d->fill[to] == BATCH) {
		int rc = hand_over(f, s, v, to);

		if (rc < 0)
			return rc;
	}
	*out = d->buffer + (to * BATCH + d->fill[to]++) * record_words(d);
	**out = hash;
	return 0;
}

/* Empties a feed's table into the shards. */
static int
spill(struct gdi_feed *f, unsigned s, unsigned v)
{
	struct side *d = &f->side[s][v];
	struct gdi_table *t = &d->local;
	int rc = make_buffers(f, d);

	atomic_store_explicit(&f->g->spilled, true, memory_order_relaxed);
	for (uint32_t i = 0; rc == 0 && i < t->n; i++) {
		const uint64_t *entry = gdi_table_entry(t, i);
		uint64_t *record;

		rc = new_record(f, s, v,
		    gp_hash_words(&f->g->hash, entry, t->key_words), &record);
		if (rc == 0)
			memcpy(record + 1, entry, t->words * sizeof(*entry));
	}
	d->direct = d->rows < t->n * WORTH_NUM / WORTH_DEN;
	d->rows = 0;
	gdi_table_clear(t);
	return rc;
}

/* Room for a batch in a side's table, or its buffers. */
static int
make_room(struct gdi_feed *f, unsigned s, unsigned v, size_t rows)
{
	struct side *d = &f->side[s][v];
	int rc = 0;

	d->rows += rows;
	if (d->direct && d->rows < DIRECT_ROWS)
		return 0;
	if (d->direct) { /* perhaps it pays by now */
		d->direct = false;
		d->rows = rows;
	}
	if ((d->local.n + BATCH) * d->local.words > LOCAL_WORDS) {
		rc = spill(f, s, v);
		if (rc < 0 || d->direct)
			return rc;
	}
	return gdi_table_reserve(&d->local, &f->g->hash, &f->g->arena);
}

/* ---- feeds: rows ------------------------------------------------------- */

static void
add_counters(uint64_t to[N_COUNTERS], const struct godb_columns *c,
    uint32_t row)
{
	for (unsigned k = 0; k < N_COUNTERS; k++)
		to[k] = gdi_add(to[k], c->counter[k][row]);
}

static void
add_numbers(uint64_t *to, const uint64_t *from, unsigned n)
{
	for (unsigned k = 0; k < n; k++)
		to[k] = gdi_add(to[k], from[k]);
}

/* Hashes n records and adds them to the feed's table, or to the buffers of the
 * shards; make_room came before. */
static int
put_records(struct gdi_feed *f, unsigned s, unsigned v, size_t n)
{
	struct side *d = &f->side[s][v];
	size_t step = record_words(d);
	uint64_t *r = f->records;
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		r[i * step] = gp_hash_words(&f->g->hash, r + i * step + 1,
		    d->local.key_words);
	if (!d->direct) {
		gdi_table_add(&d->local, r, n);
		return 0;
	}
	for (size_t i = 0; rc == 0 && i < n; i++, r += step) {
		uint64_t *record;

		rc = new_record(f, s, v, r[0], &record);
		for (size_t k = 1; rc == 0 && k < step; k++)
			record[k] = r[k];
	}
	return rc;
}

/*
 * Records of a batch's rows but for the hash: one for neighbours that share
 * their key, which are many, for blocks are sorted.
 */
static inline __attribute__((always_inline)) size_t
sum_neighbours(const struct batch *b, unsigned words, unsigned numbers,
    bool rows, uint64_t *r)
{
	size_t n = 0, i = 0;

	while (i < b->n) {
		const uint64_t *key = b->keys + i * words;
		uint64_t *to = r + 1 + words;
		size_t k = i + 1;

		for (unsigned m = 0; m < words; m++)
			r[1 + m] = key[m];
		for (unsigned m = 0; m < N_COUNTERS; m++)
			to[m] = b->c->counter[m][b->sel[i]];
		for (unsigned m = N_COUNTERS; m < numbers; m++)
			to[m] = 0;
		for (; k < b->n && same_key(key, b->keys + k * words, words);
		     k++)
			add_counters(to, b->c, b->sel[k]);
		if (rows)
			to[N_COUNTERS] = k - i;
		r += 1 + words + numbers;
		i = k;
		n++;
	}
	return n;
}

/* A row's value of a distinct column, behind its group's key. */
static void
pack_value(enum godb_column column, const struct batch *b, uint32_t row,
    uint64_t *out)
{
	const struct godb_columns *c = b->c;
	bool dip = column == GODB_DIP;

	if (column == GODB_DPORT) {
		out[0] = c->dport[row];
	} else if (b->v6) {
		const struct godb_addr6 *a = dip ? c->dip6 : c->sip6;

		out[0] = a[row - c->n4].hi;
		out[1] = a[row - c->n4].lo;
	} else {
		out[0] = (dip ? c->dip4 : c->sip4)[row];
	}
}

static int
put_pairs(struct gdi_feed *f, const struct layout *l, unsigned v,
    const struct batch *b)
{
	const struct gdi_group *g = f->g;
	int rc = 0;

	for (unsigned s = 1; rc == 0 && s < g->n_sets; s++) {
		/* versions of addresses stay apart even where groups are one */
		unsigned w = g->set[s].column == GODB_DPORT ? v : b->v6;
		size_t step = 1 + g->set[s].words[w];

		for (size_t i = 0; i < b->n; i++) {
			uint64_t *key = f->records + i * step + 1;

			memcpy(key, b->keys + i * l->words,
			    l->words * sizeof(*key));
			pack_value(g->set[s].column, b, b->sel[i],
			    key + l->words);
		}
		rc = make_room(f, s, w, b->n);
		if (rc == 0)
			rc = put_records(f, s, w, b->n);
	}
	return rc;
}

static int
add_batch(struct gdi_feed *f, unsigned v, struct batch *b)
{
	const struct gdi_group *g = f->g;
	const struct layout *l = &g->layout[v];
	bool rows = g->extra_at[GODB_METRIC_ROWS - GODB_METRIC_EXTRA] != 0;
	unsigned numbers = g->set[0].numbers;
	size_t n;
	int rc = make_room(f, 0, v, b->n);

	if (rc < 0)
		return rc;
	pack_keys(l, b);
	if (l->words == 1 && numbers == N_COUNTERS) /* the most common */
		n = sum_neighbours(b, 1, N_COUNTERS, false, f->records);
	else
		n = sum_neighbours(b, l->words, numbers, rows, f->records);
	rc = put_records(f, 0, v, n);
	return rc == 0 && g->n_sets > 1 ? put_pairs(f, l, v, b) : rc;
}

/* Of a batch that is in under its sips: totals, and the rows that stand under
 * their dips, too. */
static size_t
other_ends(struct gdi_feed *f, const struct batch *b, uint32_t sel[BATCH])
{
	const struct gdi_group *g = f->g;
	struct godb_addr6 mask = mask_of(128, g->host_drop6);
	uint32_t mask4 = (uint32_t)mask_of(32, g->host_drop4).lo;
	const struct godb_columns *c = b->c;
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++) {
		uint32_t row = b->sel[i], r = row - c->n4;

		add_counters(f->totals, c, row);
		if (!b->v6 ? (c->sip4[row] ^ c->dip4[row]) & mask4
			   : ((c->sip6[r].hi ^ c->dip6[r].hi) & mask.hi) |
				((c->sip6[r].lo ^ c->dip6[r].lo) & mask.lo))
			sel[n++] = row;
	}
	return n;
}

static int
add_other_ends(struct gdi_feed *f, unsigned v, struct batch *b)
{
	uint32_t sel[BATCH];
	int rc;

	b->n = other_ends(f, b, sel);
	b->sel = sel;
	b->second = true;
	rc = add_batch(f, v, b);
	b->second = false;
	return rc;
}

/* Exact while no sum can pass 2^64; false: it might. */
static bool
sum_column(const uint64_t *v, size_t n, uint64_t *out)
{
	uint64_t sum = 0, any = 0;

	for (size_t i = 0; i < n; i++) {
		sum += v[i];
		any |= v[i];
	}
	*out = sum;
	return any >> 36 == 0 && n < UINT64_C(1) << 28;
}

/* All rows of a part to one group, when its key is the same for all of them
 * and nothing else is asked of the rows; false: not so. */
static bool
add_whole(struct gdi_feed *f, struct batch *b, size_t n, int *rc)
{
	const struct layout *l = &f->g->layout[0];
	bool rows = f->g->extra_at[GODB_METRIC_ROWS - GODB_METRIC_EXTRA] != 0;
	uint64_t *to = f->records + 1 + l->words;

	if (!l->constant || b->sel || f->g->n_sets > 1 || n == 0)
		return false;
	for (unsigned k = 0; k < N_COUNTERS; k++) {
		if (!sum_column(b->c->counter[k], n, &to[k]))
			return false;
	}
	if (rows)
		to[N_COUNTERS] = n;
	b->n = 1;
	pack_keys(l, b);
	memcpy(f->records + 1, b->keys, l->words * sizeof(*b->keys));
	*rc = make_room(f, 0, 0, 1);
	if (*rc == 0)
		*rc = put_records(f, 0, 0, 1);
	return true;
}

static int64_t
bin_of(struct gdi_group *g, int64_t slot_s)
{
	if (!g->bin)
		return slot_s;
	(void)pthread_mutex_lock(&g->bin_lock);
	slot_s = g->bin(g->bin_arg, slot_s);
	(void)pthread_mutex_unlock(&g->bin_lock);
	return slot_s;
}

/* How many of the rows are IPv4; sel ascends, and they come first. */
static size_t
count_v4(const struct godb_columns *c, const uint32_t *sel, size_t n)
{
	size_t n4 = 0;

	if (!sel)
		return n < c->n4 ? n : c->n4;
	for (size_t hi = n; n4 < hi;) {
		size_t mid = n4 + (hi - n4) / 2;

		if (sel[mid] < c->n4)
			n4 = mid + 1;
		else
			hi = mid;
	}
	return n4;
}

int
gdi_feed_add(struct gdi_feed *f, const struct godb_part *part,
    const struct godb_columns *c, const uint32_t *sel, size_t n)
{
	struct gdi_group *g = f->g;
	struct batch b = {.part = part, .c = c, .sel = sel, .keys = f->keys};
	uint32_t number[BATCH] GDI_UNINITIALISED;
	size_t done = 0, n4 = count_v4(c, sel, n);
	int rc = 0;

	b.time_s = bin_of(g, part->slot_s);
	if (add_whole(f, &b, n, &rc))
		return rc;
	/* batches never mix versions */
	while (done < n) {
		size_t end = done < n4 ? n4 : n, next;
		unsigned v = g->addresses && done >= n4;

		b.v6 = done >= n4;
		b.n = end - done < BATCH ? end - done : BATCH;
		for (size_t i = 0; !sel && i < b.n; i++)
			number[i] = (uint32_t)(done + i);
		b.sel = sel ? sel + done : number;
		next = done + b.n;
		rc = add_batch(f, v, &b);
		if (rc == 0 && g->host)
			rc = add_other_ends(f, v, &b);
		if (rc < 0)
			return rc;
		done = next;
	}
	return 0;
}

/* ---- the end ----------------------------------------------------------- */

static int
flush(struct gdi_feed *f, unsigned s, unsigned v)
{
	struct side *d = &f->side[s][v];
	int rc = d->local.n > 0 ? spill(f, s, v) : 0;

	for (unsigned i = 0; rc == 0 && d->buffer && i < N_SHARDS; i++) {
		if (d->fill[i] > 0)
			rc = hand_over(f, s, v, i);
	}
	gdi_table_free(&d->local, &f->g->arena);
	free_buffers(f, d);
	return rc;
}

int
gdi_feed_end(struct gdi_feed *f)
{
	int rc = 0;

	/* while nobody's is full, tables are merged into one at last */
	if (!atomic_load_explicit(&f->g->spilled, memory_order_relaxed))
		return 0;
	for (unsigned s = 0; rc == 0 && s < f->g->n_sets; s++) {
		for (unsigned v = 0; rc == 0 && v < 2; v++)
			rc = flush(f, s, v);
	}
	return rc;
}

/* One side of a feed to the first shard, when nothing was spilled. */
static int
merge(struct gdi_group *g, struct gdi_feed *f, unsigned s, unsigned v)
{
	struct gdi_table *from = &f->side[s][v].local;
	struct gdi_table *to = &g->set[s].shard[0].table[v];
	int rc = 0;

	if (to->n == 0) { /* the first of them, or the only one */
		*to = *from;
		gdi_table_init(from, to->key_words, g->set[s].numbers, false);
		return 0;
	}
	for (uint32_t i = 0; rc == 0 && i < from->n; i++) {
		const uint64_t *entry = gdi_table_entry(from, i);

		rc = gdi_table_reserve(to, &g->hash, &g->arena);
		if (rc == 0)
			add_numbers(gdi_table_at(to, entry,
			    gp_hash_words(&g->hash, entry, to->key_words)),
			    entry + to->key_words, to->words - to->key_words);
	}
	gdi_table_free(from, &g->arena);
	return rc;
}

/* Counts the pairs of a set at their groups, and frees them. */
static void
count_pairs(struct gdi_group *g, struct set *set, const struct shard *pairs)
{
	for (unsigned v = 0; v < 2; v++) {
		const struct gdi_table *t = &pairs->table[v];
		unsigned of = g->addresses ? v : 0;
		unsigned words = g->layout[of].words;

		for (uint32_t i = 0; i < t->n; i++) {
			const uint64_t *entry = gdi_table_entry(t, i);
			uint64_t hash, *numbers;
			unsigned shard = 0;

			hash = gp_hash_words(&g->hash, entry, words);
			if (g->spilled)
				shard = (unsigned)(hash >> SHARD_SHIFT) %
				    N_SHARDS;
			numbers = gdi_table_find(
			    &g->set[0].shard[shard].table[of], entry, hash);
			if (numbers)
				numbers[set->extra]++;
		}
	}
}

struct finish {
	struct gdi_group *g;
	unsigned threads;
	uint64_t (*totals)[N_COUNTERS]; /* one a thread */
};

/* The sums of a thread's share of the shards. */
static void
sum_shards(void *arg, unsigned thread)
{
	struct finish *job = arg;
	struct gdi_group *g = job->g;

	for (unsigned i = thread; i < 2 * N_SHARDS; i += job->threads) {
		const struct gdi_table *t =
		    &g->set[0].shard[i / 2].table[i % 2];

		for (uint32_t k = 0; !g->host && k < t->n; k++)
			add_numbers(job->totals[thread],
			    gdi_table_entry(t, k) + t->key_words, N_COUNTERS);
	}
}

static void
number_groups(struct gdi_group *g)
{
	for (unsigned v = 0; v < 2; v++) {
		for (unsigned i = 0; i < N_SHARDS; i++) {
			const struct gdi_table *t = &g->set[0].shard[i].table[v];

			if (t->n == 0)
				continue;
			g->part[g->n_parts].first = g->n;
			g->part[g->n_parts].v6 = v == 1;
			g->part[g->n_parts++].table = t;
			g->n += t->n;
		}
	}
}

int
gdi_group_finish(struct gdi_group *g, struct gdi_feed *const *feeds,
    unsigned n, struct godb_pool *pool)
{
	struct finish job = {g, gdi_pool_size(pool), NULL};
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < n; i++) {
		add_numbers(g->totals, feeds[i]->totals, N_COUNTERS);
		rc = gdi_feed_end(feeds[i]);
		for (unsigned s = 0; !g->spilled && rc == 0 && s < g->n_sets;
		     s++) {
			rc = merge(g, feeds[i], s, 0);
			if (rc == 0)
				rc = merge(g, feeds[i], s, 1);
		}
	}
	job.totals = calloc(job.threads, sizeof(*job.totals));
	if (rc == 0 && !job.totals)
		rc = -ENOMEM;
	for (unsigned s = 1; rc == 0 && s < g->n_sets; s++) {
		for (unsigned i = 0; i < N_SHARDS; i++)
			count_pairs(g, &g->set[s], &g->set[s].shard[i]);
		free_set(g, &g->set[s]);
	}
	if (rc == 0) {
		gdi_pool_run(pool, sum_shards, &job);
		for (unsigned i = 0; i < job.threads; i++)
			add_numbers(g->totals, job.totals[i], N_COUNTERS);
		number_groups(g);
	}
	free(job.totals);
	return rc;
}

/* ---- reading ----------------------------------------------------------- */

size_t
gdi_group_count(const struct gdi_group *g)
{
	return g->n;
}

static const uint64_t *
find_entry(const struct gdi_group *g, uint32_t id, const struct layout **l,
    unsigned *part)
{
	const struct gdi_table *t;
	unsigned at = 0;

	/* the last table that begins at or below it */
	for (unsigned left = g->n_parts; left > 1;) {
		unsigned half = left / 2;

		at += g->part[at + half].first <= id ? half : 0;
		left -= half;
	}
	*part = at;
	t = g->part[at].table;
	*l = &g->layout[g->part[at].v6];
	return gdi_table_entry(t, id - g->part[at].first);
}

size_t
gdi_group_run(const struct gdi_group *g, uint32_t id, const uint64_t **counters,
    size_t *words)
{
	const struct layout *l;
	const struct gdi_table *t;
	unsigned at;
	uint32_t i;

	*counters = find_entry(g, id, &l, &at) + l->words;
	t = g->part[at].table;
	*words = t->words;
	i = id - g->part[at].first;
	return t->n - i < GDI_TABLE_CHUNK - i % GDI_TABLE_CHUNK ?
	    t->n - i : GDI_TABLE_CHUNK - i % GDI_TABLE_CHUNK;
}

const uint64_t *
gdi_group_counters(const struct gdi_group *g, uint32_t id)
{
	const struct layout *t;
	unsigned part;
	const uint64_t *entry = find_entry(g, id, &t, &part);

	return entry + t->words;
}

uint64_t
gdi_group_extra(const struct gdi_group *g, uint32_t id, enum godb_metric m)
{
	const struct layout *t;
	unsigned part;
	const uint64_t *entry = find_entry(g, id, &t, &part);
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
	memcpy(counter, g->totals, sizeof(g->totals));
}

static struct godb_addr6
get_addr(const struct layout *t, const struct field *f, const uint64_t *entry)
{
	if (t->v6)
		return (struct godb_addr6){entry[f->word], entry[f->word + 1]};
	return (struct godb_addr6){0, (uint32_t)(entry[f->word] >> f->shift)};
}

void
gdi_group_key(const struct gdi_group *g, uint32_t id, struct gdi_group_key *out)
{
	const struct layout *t;
	unsigned part;
	const uint64_t *entry = find_entry(g, id, &t, &part);

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
		case GODB_KEY_SITE:
		case GODB_N_KEYS:
			break;
		}
	}
}
