#include "common/godb/table.h"

#include "common/base/cpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "common/godb/godb.h"
#include "common/godb/wire.h"

#define BITS_FIRST 10
#define SPAN       16u /* tags that are looked at at once */
#define TAG_BIT    0x80u
/*
 * Slabs lie as large pages do, where the system has those for everybody.  They
 * are not asked for, though with small ones nearly every access to a large
 * table misses the TLB, too, which is a fifth of the time: a virtual machine
 * whose host takes back what is free gets each large one anew, which can be
 * more than all of the rest.
 */
#define LARGE_PAGE ((size_t)2 << 20)
#define SLAB_BYTES (2 * LARGE_PAGE)

/* ---- memory ------------------------------------------------------------ */

struct gdi_slab {
	struct gdi_slab *next;
	size_t bytes, used; /* of what is mapped here, this head included */
};
#define SLAB_HEAD 64 /* bytes, so that entries begin with a cache line */

void
gdi_arena_init(struct gdi_arena *a, size_t most)
{
	memset(a, 0, sizeof(*a));
	a->most = most;
	(void)pthread_mutex_init(&a->lock, NULL);
}

void
gdi_arena_fini(struct gdi_arena *a)
{
	while (a->slabs != NULL) {
		struct gdi_slab *s = a->slabs;

		a->slabs = s->next;
		gdi_arena_discharge(a, s->bytes);
		(void)munmap(s, s->bytes);
	}
	(void)pthread_mutex_destroy(&a->lock);
}

int
gdi_arena_charge(struct gdi_arena *a, size_t bytes)
{
	size_t before = atomic_load_explicit(&a->bytes, memory_order_relaxed);

	/* never beyond, or others would be refused what they may have */
	do {
		if (a->most > 0 &&
		    (before > a->most || bytes > a->most - before))
			return GODB_EMEMORY;
	} while (!atomic_compare_exchange_weak_explicit(&a->bytes, &before,
	    before + bytes, memory_order_relaxed, memory_order_relaxed));
	return 0;
}

void
gdi_arena_discharge(struct gdi_arena *a, size_t bytes)
{
	(void)atomic_fetch_sub_explicit(&a->bytes, bytes,
	    memory_order_relaxed);
}

/* A slab that begins at a large page: what lies beside it is given back. */
static int
new_slab(struct gdi_arena *a)
{
	size_t span = SLAB_BYTES + LARGE_PAGE;
	int rc = gdi_arena_charge(a, SLAB_BYTES);
	uint8_t *p;
	size_t skip;

	if (rc < 0)
		return rc;
	p = mmap(NULL, span, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		gdi_arena_discharge(a, SLAB_BYTES);
		return -ENOMEM;
	}
	skip = LARGE_PAGE - (uintptr_t)p % LARGE_PAGE;
	(void)munmap(p, skip);
	if (skip < LARGE_PAGE)
		(void)munmap(p + skip + SLAB_BYTES, LARGE_PAGE - skip);
	p += skip;
	*(struct gdi_slab *)(void *)p =
	    (struct gdi_slab){a->slabs, SLAB_BYTES, SLAB_HEAD};
	a->slabs = (struct gdi_slab *)(void *)p;
	return 0;
}

int
gdi_arena_take(struct gdi_arena *a, size_t bytes, void **out)
{
	int rc = 0;

	(void)pthread_mutex_lock(&a->lock);
	if (a->slabs == NULL || a->slabs->bytes - a->slabs->used < bytes)
		rc = new_slab(a);
	if (rc == 0) {
		*out = (uint8_t *)a->slabs + a->slabs->used;
		a->slabs->used += bytes;
	}
	(void)pthread_mutex_unlock(&a->lock);
	return rc;
}

static size_t
chunk_bytes(const struct gdi_table *t)
{
	return GDI_TABLE_CHUNK * t->words * sizeof(uint64_t);
}

static size_t
places_bytes(const struct gdi_table *t)
{
	return t->bits == 0 ? 0 :
	    ((size_t)1 << t->bits) * (sizeof(uint32_t) + 1) + SPAN;
}

void
gdi_table_init(struct gdi_table *t, unsigned key_words, unsigned numbers,
    bool large)
{
	*t = (struct gdi_table){.key_words = key_words,
	    .words = key_words + numbers, .large = large};
}

void
gdi_table_free(struct gdi_table *t, struct gdi_arena *a)
{
	size_t bytes = places_bytes(t) + t->room_chunks * sizeof(uint64_t *);

	for (size_t i = 0; !t->large && i < t->n_chunks; i++) {
		bytes += chunk_bytes(t);
		free(t->chunk[i]);
	}
	gdi_arena_discharge(a, bytes);
	free(t->chunk);
	free(t->number);
	gdi_table_init(t, t->key_words, t->words - t->key_words, t->large);
}

void
gdi_table_clear(struct gdi_table *t)
{
	if (t->bits > 0)
		memset(t->tag, 0, ((size_t)1 << t->bits) + SPAN);
	t->loose = false;
	t->n = 0;
}

/* ---- places ------------------------------------------------------------ */

unsigned
gdi_table_match_plain(const uint8_t *tags, uint8_t tag)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < SPAN; i++)
		bits |= (unsigned)(tags[i] == 0 || tags[i] == tag) << i;
	return bits;
}

static inline unsigned
match(const uint8_t *tags, uint8_t tag)
{
#if defined(__SSE2__)
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)tags);
	__m128i free_or_mine = _mm_or_si128(
	    _mm_cmpeq_epi8(v, _mm_setzero_si128()),
	    _mm_cmpeq_epi8(v, _mm_set1_epi8((char)tag)));

	return (unsigned)_mm_movemask_epi8(free_or_mine);
#else
	return gdi_table_match_plain(tags, tag);
#endif
}

unsigned
gdi_table_match(const uint8_t *tags, uint8_t tag)
{
	return match(tags, tag);
}

static inline size_t
home(const struct gdi_table *t, uint64_t hash)
{
	return (size_t)(hash >> (64 - t->bits));
}

static inline uint8_t
tag_of(uint64_t hash)
{
	return (uint8_t)(hash | TAG_BIT);
}

static inline void
set_tag(struct gdi_table *t, size_t at, uint8_t tag)
{
	t->tag[at] = tag;
	if (at < SPAN)
		t->tag[((size_t)1 << t->bits) + at] = tag;
}

/* The first place from `at` on that is free or may be the key's. */
static inline size_t
candidate(const struct gdi_table *t, size_t at, uint8_t tag)
{
	size_t mask = ((size_t)1 << t->bits) - 1;

	for (;;) {
		unsigned bits = match(&t->tag[at], tag);

		if (bits != 0)
			return (at + (unsigned)__builtin_ctz(bits)) & mask;
		at = (at + SPAN) & mask;
	}
}

/* Gives all entries places, which are free; every key is another one. */
static void
place_all(struct gdi_table *t, const struct gp_hash_key *key)
{
	for (uint32_t i = 0; i < t->n; i++) {
		uint64_t hash = gp_hash_words(key, gdi_table_entry(t, i),
		    t->key_words);
		size_t at = home(t, hash);

		while (t->tag[at] != 0)
			at = candidate(t, at + 1, 0);
		set_tag(t, at, tag_of(hash));
		t->number[at] = i;
	}
	t->loose = false;
}

static int
grow_places(struct gdi_table *t, unsigned bits, const struct gp_hash_key *key,
    struct gdi_arena *a)
{
	struct gdi_table new = *t;
	size_t before = places_bytes(t);
	int rc;

	new.bits = bits;
	rc = gdi_arena_charge(a, places_bytes(&new));
	if (rc < 0)
		return rc;
	new.number = malloc(places_bytes(&new));
	if (new.number == NULL) {
		gdi_arena_discharge(a, places_bytes(&new));
		return -ENOMEM;
	}
	/* one piece: numbers, which want alignment, then tags */
	new.tag = (uint8_t *)(new.number + ((size_t)1 << new.bits));
	memset(new.tag, 0, ((size_t)1 << new.bits) + SPAN);
	place_all(&new, key);
	free(t->number);
	gdi_arena_discharge(a, before);
	*t = new;
	return 0;
}

static int
grow_chunks(struct gdi_table *t, struct gdi_arena *a)
{
	int rc = 0;

	if (t->n_chunks == t->room_chunks) {
		size_t room = t->room_chunks ? t->room_chunks * 2 : 8;
		size_t more_bytes = (room - t->room_chunks) * sizeof(uint64_t *);
		uint64_t **more;

		rc = gdi_arena_charge(a, more_bytes);
		if (rc < 0)
			return rc;
		more = reallocarray(t->chunk, room, sizeof(uint64_t *));
		if (more == NULL) {
			gdi_arena_discharge(a, more_bytes);
			return -ENOMEM;
		}
		t->chunk = more;
		t->room_chunks = room;
	}
	if (t->large) {
		void *p = NULL;

		rc = gdi_arena_take(a, chunk_bytes(t), &p);
		t->chunk[t->n_chunks] = p;
	} else {
		rc = gdi_arena_charge(a, chunk_bytes(t));
		if (rc < 0)
			return rc;
		t->chunk[t->n_chunks] = malloc(chunk_bytes(t));
		if (t->chunk[t->n_chunks] == NULL) {
			gdi_arena_discharge(a, chunk_bytes(t));
			rc = -ENOMEM;
		}
	}
	t->n_chunks += rc == 0;
	return rc;
}

int
gdi_table_reserve_loose(struct gdi_table *t, struct gdi_arena *a)
{
	size_t want = (size_t)t->n + GDI_TABLE_BATCH;
	int rc = 0;

	if (want > GDI_TABLE_MAX)
		return GODB_EMEMORY;
	while (rc == 0 && want > t->n_chunks * GDI_TABLE_CHUNK)
		rc = grow_chunks(t, a);
	return rc;
}

/* At most seven eighths of the places are taken: a span then nearly always
 * has a free one. */
int
gdi_table_reserve(struct gdi_table *t, const struct gp_hash_key *key,
    struct gdi_arena *a)
{
	size_t want = (size_t)t->n + GDI_TABLE_BATCH;
	unsigned bits = t->bits ? t->bits : BITS_FIRST;
	int rc = gdi_table_reserve_loose(t, a);

	while (rc == 0 && want > ((size_t)1 << bits) / 8 * 7)
		bits++;
	if (rc == 0 && bits > t->bits)
		rc = grow_places(t, bits, key, a);
	else if (rc == 0 && t->loose)
		place_all(t, key);
	return rc;
}

int
gdi_table_append(struct gdi_table *t, struct gdi_arena *a, uint64_t **out)
{
	if (t->n == t->n_chunks * GDI_TABLE_CHUNK) {
		int rc = GODB_EMEMORY;

		if (t->n < GDI_TABLE_MAX)
			rc = grow_chunks(t, a);
		if (rc < 0)
			return rc;
	}
	t->loose = true;
	*out = gdi_table_entry(t, t->n++);
	return 0;
}

/* ---- entries ----------------------------------------------------------- */

/* gdi_table_entry where the number of words is known to the compiler. */
static inline __attribute__((always_inline)) uint64_t *
entry_of(const struct gdi_table *t, uint32_t i, unsigned words)
{
	return t->chunk[i / GDI_TABLE_CHUNK] +
	    (size_t)(i % GDI_TABLE_CHUNK) * words;
}

/* The key's place, or the free one where it belongs, from a candidate on. */
static inline __attribute__((always_inline)) size_t
settle(const struct gdi_table *t, size_t at, const uint64_t *key, uint8_t tag,
    unsigned key_words)
{
	while (t->tag[at] != 0 && (t->tag[at] != tag ||
	    !gdi_same_key(gdi_table_entry(t, t->number[at]), key, key_words)))
		at = candidate(t,
		    (at + 1) & (((size_t)1 << t->bits) - 1), tag);
	return at;
}

static inline __attribute__((always_inline)) uint64_t *
upsert(struct gdi_table *t, size_t at, const uint64_t *key, uint8_t tag,
    unsigned key_words)
{
	uint64_t *entry;

	at = settle(t, at, key, tag, key_words);
	if (t->tag[at] != 0)
		return gdi_table_entry(t, t->number[at]) + key_words;
	set_tag(t, at, tag);
	t->number[at] = t->n;
	entry = gdi_table_entry(t, t->n++);
	for (unsigned i = 0; i < key_words; i++)
		entry[i] = key[i];
	for (unsigned i = key_words; i < t->words; i++)
		entry[i] = 0;
	return entry + key_words;
}

/* Keys of the lengths that questions have most often get loops of their
 * own. */
#define BY_LENGTH(t, call)         \
	switch ((t)->key_words) {  \
	case 1:                    \
		call(1);           \
	case 2:                    \
		call(2);           \
	case 3:                    \
		call(3);           \
	case 4:                    \
		call(4);           \
	default:                   \
		call((t)->key_words); \
	}

uint64_t *
gdi_table_at(struct gdi_table *t, const uint64_t *key, uint64_t hash)
{
	uint8_t tag = tag_of(hash);
	size_t at = candidate(t, home(t, hash), tag);

#define AT(words) return upsert(t, at, key, tag, words)
	BY_LENGTH(t, AT)
#undef AT
}

uint64_t *
gdi_table_find(const struct gdi_table *t, const uint64_t *key, uint64_t hash)
{
	uint8_t tag = tag_of(hash);
	size_t at;

	if (t->n == 0)
		return NULL;
	at = settle(t, candidate(t, home(t, hash), tag), key, tag,
	    t->key_words);
	return t->tag[at] == 0 ? NULL :
				 gdi_table_entry(t, t->number[at]) +
		t->key_words;
}

void
gdi_table_find_all(const struct gdi_table *const *t,
    const uint64_t *const *key, const uint64_t *hash, size_t n,
    uint64_t **numbers)
{
	for (size_t i = 0; i < n; i++) {
		size_t first = t[i]->n > 0 ? home(t[i], hash[i]) : 0;

		__builtin_prefetch(t[i]->tag + first);
		__builtin_prefetch(t[i]->number + first);
	}
	for (size_t i = 0; i < n; i++) {
		size_t at;

		if (t[i]->n == 0)
			continue;
		at = candidate(t[i], home(t[i], hash[i]), tag_of(hash[i]));
		if (t[i]->tag[at] != 0)
			__builtin_prefetch(gdi_table_entry(t[i],
			    t[i]->number[at]), 1);
	}
	for (size_t i = 0; i < n; i++)
		numbers[i] = gdi_table_find(t[i], key[i], hash[i]);
}

/* Sums that stay at the top; of four with AVX2, whose comparison is signed. */
static inline __attribute__((always_inline)) void
add_plain(uint64_t *to, const uint64_t *from, unsigned numbers)
{
	for (unsigned k = 0; k < numbers; k++) {
		uint64_t sum = to[k] + from[k];

		to[k] = sum < from[k] ? UINT64_MAX : sum;
	}
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static inline void
add_four(uint64_t *to, const uint64_t *from)
{
	const __m256i top = _mm256_set1_epi64x(INT64_MIN);
	__m256i a = _mm256_loadu_si256((const __m256i *)(const void *)to);
	__m256i b = _mm256_loadu_si256((const __m256i *)(const void *)from);
	__m256i sum = _mm256_add_epi64(a, b);
	__m256i over = _mm256_cmpgt_epi64(_mm256_xor_si256(a, top),
	    _mm256_xor_si256(sum, top));

	_mm256_storeu_si256((__m256i *)(void *)to, _mm256_or_si256(sum, over));
}
#endif

/* A record's key's place, from a candidate on, in a table of so many words;
 * a new key's entry is the record.  NULL, or the entry to add it to. */
static inline __attribute__((always_inline)) uint64_t *
place_record(struct gdi_table *t, size_t at, const uint64_t *r,
    unsigned key_words, unsigned words)
{
	uint8_t tag = tag_of(r[0]);
	uint64_t *entry;

	for (;;) {
		if (t->tag[at] == 0)
			break;
		entry = entry_of(t, t->number[at], words);
		if (t->tag[at] == tag && gdi_same_key(entry, r + 1, key_words))
			return entry;
		at = candidate(t, (at + 1) & (((size_t)1 << t->bits) - 1),
		    tag);
	}
	set_tag(t, at, tag);
	t->number[at] = t->n;
	entry = entry_of(t, t->n++, words);
	for (unsigned k = 0; k < words; k++)
		entry[k] = r[1 + k];
	return NULL;
}

/* at NULL: candidates are looked for. */
#define DEFINE_ADD(NAME, ATTRIBUTES, ADD_NUMBERS)                           \
	ATTRIBUTES static inline __attribute__((always_inline)) void        \
	NAME(struct gdi_table *t, const uint64_t *r, size_t n,              \
	    const uint32_t *at, unsigned key_words, unsigned numbers)       \
	{                                                                   \
		unsigned words = key_words + numbers;                       \
                                                                            \
		for (size_t i = 0; i < n; i++, r += 1 + words) {            \
			size_t first = at ? at[i] :                         \
			    candidate(t, home(t, r[0]), tag_of(r[0]));      \
			uint64_t *entry = place_record(t, first, r,         \
			    key_words, words);                              \
                                                                            \
			if (entry)                                          \
				ADD_NUMBERS(entry + key_words,              \
				    r + 1 + key_words, numbers);            \
		}                                                           \
	}

DEFINE_ADD(add_any, , add_plain)

static inline __attribute__((always_inline)) void
add_by_length(struct gdi_table *t, const uint64_t *r, size_t n,
    const uint32_t *at, unsigned numbers)
{
#define ADD(words) \
	do { add_any(t, r, n, at, words, numbers); return; } while (0)
	BY_LENGTH(t, ADD)
#undef ADD
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static inline __attribute__((always_inline))
void
add_four_and_more(uint64_t *to, const uint64_t *from, unsigned numbers)
{
	add_four(to, from);
	add_plain(to + 4, from + 4, numbers - 4);
}
DEFINE_ADD(add_fours, __attribute__((target("avx2"))), add_four_and_more)

__attribute__((target("avx2"))) static inline __attribute__((always_inline))
void
add_fours_by_length(struct gdi_table *t, const uint64_t *r, size_t n,
    const uint32_t *at, unsigned numbers)
{
#define ADD(words) \
	do { add_fours(t, r, n, at, words, numbers); return; } while (0)
	BY_LENGTH(t, ADD)
#undef ADD
}

__attribute__((target("avx2"))) static void
add_avx2(struct gdi_table *t, const uint64_t *r, size_t n, const uint32_t *at,
    unsigned numbers)
{
	if (numbers == 4)
		add_fours_by_length(t, r, n, at, 4);
	else
		add_fours_by_length(t, r, n, at, numbers);
}
#endif

/* Pairs have no numbers, groups four and what is counted beside them. */
static void
add(struct gdi_table *t, const uint64_t *r, size_t n, const uint32_t *at)
{
	unsigned numbers = t->words - t->key_words;

#if defined(__x86_64__)
	if (numbers >= 4 && gp_cpu_has_avx2()) {
		add_avx2(t, r, n, at, numbers);
		return;
	}
#endif
	if (numbers == 0)
		add_by_length(t, r, n, at, 0);
	else if (numbers == 4)
		add_by_length(t, r, n, at, 4);
	else
		add_any(t, r, n, at, t->key_words, numbers);
}

void
gdi_table_add_near(struct gdi_table *t, const uint64_t *records, size_t n)
{
	add(t, records, n, NULL);
}

void
gdi_table_add_plain(struct gdi_table *t, const uint64_t *records, size_t n)
{
	add_any(t, records, n, NULL, t->key_words, t->words - t->key_words);
}

/* Below 0, 0 or above it: how a key stands to another. */
static inline __attribute__((always_inline)) int
order(const uint64_t *a, const uint64_t *b, unsigned words, bool swap)
{
	for (unsigned i = 0; i < words; i++) {
		uint64_t x = a[i], y = b[i];

		if (i == 0 && swap) {
			x = x << 32 | x >> 32;
			y = y << 32 | y >> 32;
		}
		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

static inline __attribute__((always_inline)) size_t
add_ascending(struct gdi_table *t, const uint64_t *r, size_t n, bool swap,
    unsigned key_words)
{
	unsigned words = t->words;
	uint64_t *last = t->n > 0 ? entry_of(t, t->n - 1, words) : NULL;
	size_t i = 0;

	for (; i < n; i++, r += 1 + words) {
		int above = last ? order(r + 1, last, key_words, swap) : 1;

		if (above < 0)
			break;
		if (above == 0) {
			add_plain(last + key_words, r + 1 + key_words,
			    words - key_words);
			continue;
		}
		last = entry_of(t, t->n++, words);
		for (unsigned k = 0; k < words; k++)
			last[k] = r[1 + k];
	}
	return i;
}

size_t
gdi_table_add_ascending(struct gdi_table *t, const uint64_t *records, size_t n,
    bool swap)
{
	if (t->n > 0 && !t->loose)
		return 0;
	t->loose = true;
#define ASCENDING(words) return add_ascending(t, records, n, swap, words)
	BY_LENGTH(t, ASCENDING)
#undef ASCENDING
}

/*
 * Three passes, so that each miss of the cache waits beside the others of the
 * batch instead of behind them: fetch the places; find the candidates there
 * and fetch their entries; add.  A candidate that an earlier record of the
 * batch has taken meanwhile is gone on from.
 */
void
gdi_table_add(struct gdi_table *t, const uint64_t *records, size_t n)
{
	uint32_t at[GDI_TABLE_BATCH] GDI_UNINITIALISED;
	size_t step = 1 + t->words;

	for (size_t i = 0; i < n; i++) {
		size_t first = home(t, records[i * step]);

		__builtin_prefetch(&t->tag[first]);
		__builtin_prefetch(&t->number[first]);
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t hash = records[i * step];
		size_t place = candidate(t, home(t, hash), tag_of(hash));

		at[i] = (uint32_t)place;
		if (t->tag[place] != 0) {
			const uint64_t *e =
			    gdi_table_entry(t, t->number[place]);

			__builtin_prefetch(e, 1);
			__builtin_prefetch(e + t->words - 1, 1);
		}
	}
	add(t, records, n, at);
}
