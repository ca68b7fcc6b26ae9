/*
 * The encoder tries the few encodings that can win and keeps the smallest.
 * That costs some 30 ns a value, once; readers pay only for the winner.
 */
#include "common/godb/encode.h"

#include <string.h>

#include "common/godb/sort.h"

/* Widths that one unaligned 64-bit load can serve, and 64 itself. */
static unsigned
legal_width(unsigned bits, unsigned flags)
{
	if (flags & GDI_ENCODE_BYTES)
		return bits == 0 ? 0 :
		    bits <= 8	 ? 8 :
		    bits <= 16	 ? 16 :
		    bits <= 32	 ? 32 :
				   64;
	return bits <= 56 ? bits : 64;
}

static unsigned
bit_length(uint64_t v)
{
	return v == 0 ? 0 : 64 - (unsigned)__builtin_clzll(v);
}

static uint64_t
low_mask(unsigned width)
{
	return width >= 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
}

/* Appends the low `width` bits of v[i] - base, i-th at bit i * width. */
static void
put_bits(struct gdi_buf *out, const uint64_t *v, size_t n, uint64_t base,
    unsigned width)
{
	size_t bytes = (n * width + 7) / 8;
	uint8_t *p = gdi_buf_room(out, bytes + 8);
	uint64_t mask = low_mask(width), acc = 0;
	unsigned fill = 0;

	if (p == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		uint64_t x = (v[i] - base) & mask;

		acc |= x << fill;
		fill += width;
		if (fill < 64)
			continue;
		gdi_put64(p, acc);
		p += 8;
		fill -= 64;
		acc = fill == 0 ? 0 : x >> (width - fill);
	}
	gdi_put64(p, acc);
	out->len += bytes;
}

/* ---- what an array looks like ------------------------------------------ */

struct shape {
	uint64_t min, max;
	size_t changes; /* i with v[i] != v[i-1] */
	bool ascending;
};

static struct shape
shape_of(const uint64_t *v, size_t n)
{
	struct shape s = {v[0], v[0], 0, true};

	for (size_t i = 1; i < n; i++) {
		s.min = v[i] < s.min ? v[i] : s.min;
		s.max = v[i] > s.max ? v[i] : s.max;
		s.changes += v[i] != v[i - 1];
		s.ascending &= v[i] >= v[i - 1];
	}
	return s;
}

static void put_array(const struct gp_hash_key *key, const uint64_t *v,
    size_t n, unsigned flags, unsigned depth, struct gdi_buf *out);

/* ---- PACK and PATCH ---------------------------------------------------- */

/* Estimated bits of a PATCH whose low parts have `width` bits; an exception
 * is charged two bits more than it takes because each costs a reader time. */
static uint64_t
patch_bits(size_t n, size_t n_exc, unsigned width, unsigned width_max)
{
	unsigned gap = bit_length(n / n_exc) + 2;

	return n * width + n_exc * (gap + (width_max - width) + 2) + 96;
}

static unsigned
best_patch_width(const uint64_t *v, size_t n, uint64_t base, unsigned width_max)
{
	size_t longer[66] = {0}; /* differences of more than w bits */
	uint64_t best = (uint64_t)n * width_max;
	unsigned width = width_max;

	for (size_t i = 0; i < n; i++)
		longer[bit_length(v[i] - base)]++;
	for (unsigned w = 65; w-- > 0;)
		longer[w] += longer[w + 1];
	for (unsigned w = 0; w < width_max && w <= 56; w++) {
		size_t n_exc = longer[w + 1];
		uint64_t bits;

		if (n_exc == 0 || n_exc > n / 2)
			continue;
		bits = patch_bits(n, n_exc, w, width_max);
		if (bits < best) {
			best = bits;
			width = w;
		}
	}
	return width;
}

static void
put_patch(const struct gp_hash_key *key, const uint64_t *v, size_t n,
    uint64_t base, unsigned width, unsigned depth, struct gdi_buf *out)
{
	struct gdi_buf gaps = {0}, highs = {0};
	uint64_t *gap, *high;
	size_t n_exc = 0, next = 0;

	gap = (uint64_t *)(void *)gdi_buf_room(&gaps, n * sizeof(*gap));
	high = (uint64_t *)(void *)gdi_buf_room(&highs, n * sizeof(*high));
	if (gap == NULL || high == NULL) {
		out->rc = -ENOMEM;
		goto out;
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t h = (v[i] - base) >> width;

		if (h == 0)
			continue;
		gap[n_exc] = i - next;
		high[n_exc++] = h;
		next = i + 1;
	}
	gdi_buf_u8(out, GDI_PATCH);
	gdi_buf_u8(out, (uint8_t)width);
	gdi_buf_varint(out, base);
	gdi_buf_varint(out, n_exc);
	put_bits(out, v, n, base, width);
	put_array(key, gap, n_exc, 0, depth + 1, out);
	put_array(key, high, n_exc, 0, depth + 1, out);
out:
	gdi_buf_free(&gaps);
	gdi_buf_free(&highs);
}

static void
put_plain(const struct gp_hash_key *key, const uint64_t *v, size_t n,
    const struct shape *s, unsigned flags, unsigned depth, struct gdi_buf *out)
{
	unsigned width = legal_width(bit_length(s->max - s->min), flags);

	if (!(flags & GDI_ENCODE_BYTES) && depth + 1 < GDI_DEPTH_MAX) {
		unsigned low = best_patch_width(v, n, s->min, width);

		if (low < width) {
			put_patch(key, v, n, s->min, low, depth, out);
			return;
		}
	}
	gdi_buf_u8(out, GDI_PACK);
	gdi_buf_u8(out, (uint8_t)width);
	gdi_buf_varint(out, s->min);
	put_bits(out, v, n, s->min, width);
}

/* ---- DELTA and STEP ---------------------------------------------------- */

static void
put_delta(const struct gp_hash_key *key, const uint64_t *v, size_t n,
    unsigned flags, unsigned depth, struct gdi_buf *out)
{
	struct gdi_buf tmp = {0};
	uint64_t *d = (uint64_t *)(void *)gdi_buf_room(&tmp, n * sizeof(*d));

	if (d == NULL) {
		out->rc = -ENOMEM;
		return;
	}
	for (size_t i = 1; i < n; i++)
		d[i - 1] = v[i] - v[i - 1];
	gdi_buf_u8(out, GDI_DELTA);
	gdi_buf_varint(out, v[0]);
	put_array(key, d, n - 1, flags & ~(unsigned)GDI_ENCODE_DICT, depth + 1,
	    out);
	gdi_buf_free(&tmp);
}

static void
put_step(const struct gp_hash_key *key, const uint64_t *v, size_t n,
    size_t changes, unsigned flags, unsigned depth, struct gdi_buf *out)
{
	struct gdi_buf tmp = {0};
	uint64_t *values;
	uint8_t *map;
	size_t n_values = 1;

	values = (uint64_t *)(void *)gdi_buf_room(&tmp,
	    (changes + 1) * sizeof(*values));
	gdi_buf_u8(out, GDI_STEP);
	gdi_buf_varint(out, changes + 1);
	map = gdi_buf_room(out, (n + 7) / 8);
	if (values == NULL || map == NULL) {
		out->rc = -ENOMEM;
		gdi_buf_free(&tmp);
		return;
	}
	memset(map, 0, (n + 7) / 8);
	values[0] = v[0];
	for (size_t i = 1; i < n; i++) {
		if (v[i] == v[i - 1])
			continue;
		map[i / 8] |= (uint8_t)(1u << (i % 8));
		values[n_values++] = v[i];
	}
	out->len += (n + 7) / 8;
	put_array(key, values, n_values, flags, depth + 1, out);
	gdi_buf_free(&tmp);
}

/* ---- DICT -------------------------------------------------------------- */

struct dict {
	uint64_t *value; /* distinct values */
	uint64_t *code;  /* per row: index into value */
	uint32_t *count; /* rows of each value */
	size_t n;
};

static void
dict_fini(struct dict *d)
{
	free(d->value);
	free(d->code);
	free(d->count);
}

static size_t
slots_for(size_t n)
{
	size_t slots = 64;

	while (slots < n * 2)
		slots *= 2;
	return slots;
}

/* Numbers the distinct values in order of appearance.  False when there are
 * more than `most`, or no memory: then a dictionary is not tried. */
static bool
dict_init(struct dict *d, const struct gp_hash_key *key, const uint64_t *v,
    size_t n, size_t most)
{
	size_t mask = slots_for(n) - 1;
	uint32_t *slot = calloc(mask + 1, sizeof(*slot)); /* index + 1 */
	bool fits = false;

	*d = (struct dict){malloc(n * sizeof(*d->value)),
	    malloc(n * sizeof(*d->code)), calloc(n, sizeof(*d->count)), 0};
	if (!slot || !d->value || !d->code || !d->count)
		goto out;
	for (size_t i = 0; i < n; i++) {
		size_t at = gp_hash_words(key, &v[i], 1) & mask;

		while (slot[at] != 0 && d->value[slot[at] - 1] != v[i])
			at = (at + 1) & mask;
		if (slot[at] == 0) {
			if (d->n == most)
				goto out;
			d->value[d->n++] = v[i];
			slot[at] = (uint32_t)d->n;
		}
		d->code[i] = slot[at] - 1;
		d->count[slot[at] - 1]++;
	}
	fits = true;
out:
	free(slot);
	return fits;
}

/* Renumbers: rank[old] packed as sortable words whose low half is `old`. */
static bool
dict_reorder(struct dict *d, size_t n_rows, uint64_t *rank)
{
	uint64_t *value = malloc(d->n * sizeof(*value));
	uint32_t *new_code = malloc(d->n * sizeof(*new_code));
	bool done = false;

	if (value == NULL || new_code == NULL || gdi_sort_u64(rank, d->n) < 0)
		goto out;
	for (size_t i = 0; i < d->n; i++) {
		uint32_t old = (uint32_t)rank[i];

		value[i] = d->value[old];
		new_code[old] = (uint32_t)i;
	}
	memcpy(d->value, value, d->n * sizeof(*value));
	for (size_t i = 0; i < n_rows; i++)
		d->code[i] = new_code[d->code[i]];
	done = true;
out:
	free(value);
	free(new_code);
	return done;
}

/* By value, so that the differences are small ... */
static bool
dict_by_value(struct dict *d, size_t n_rows)
{
	struct gdi_key2 *k = malloc(d->n * sizeof(*k));
	uint64_t *rank = malloc(d->n * sizeof(*rank));
	bool done = false;

	if (k == NULL || rank == NULL)
		goto out;
	for (size_t i = 0; i < d->n; i++)
		k[i] = (struct gdi_key2){{0, d->value[i]}, i};
	if (gdi_sort_key2(k, d->n) < 0)
		goto out;
	for (size_t i = 0; i < d->n; i++)
		rank[i] = (uint64_t)i << 32 | k[i].row;
	done = dict_reorder(d, n_rows, rank);
out:
	free(k);
	free(rank);
	return done;
}

/* ... or by frequency, so that most codes are. */
static bool
dict_by_count(struct dict *d, size_t n_rows)
{
	uint64_t *rank = malloc(d->n * sizeof(*rank));
	bool done;

	if (rank == NULL)
		return false;
	for (size_t i = 0; i < d->n; i++)
		rank[i] = (uint64_t)(UINT32_MAX - d->count[i]) << 32 | i;
	done = dict_reorder(d, n_rows, rank);
	free(rank);
	return done;
}

static void
put_dict(const struct gp_hash_key *key, const struct dict *d, size_t n,
    unsigned flags, unsigned depth, struct gdi_buf *out)
{
	flags &= ~(unsigned)GDI_ENCODE_DICT;
	gdi_buf_u8(out, GDI_DICT);
	gdi_buf_varint(out, d->n);
	put_array(key, d->value, d->n, flags, depth + 1, out);
	put_array(key, d->code, n, flags, depth + 1, out);
}

/* ---- choice ------------------------------------------------------------ */

/* Keeps the shorter of the two in *best, empties the other. */
static void
keep_shorter(struct gdi_buf *best, struct gdi_buf *other)
{
	if (other->rc == 0 && (best->rc < 0 || other->len < best->len)) {
		struct gdi_buf swap = *best;

		*best = *other;
		*other = swap;
	}
	other->len = 0;
	other->rc = 0;
}

static void
try_dict(const struct gp_hash_key *key, const uint64_t *v, size_t n,
    unsigned flags, unsigned depth, struct gdi_buf *best, struct gdi_buf *tmp)
{
	struct dict d;

	if (dict_init(&d, key, v, n, n - n / 8)) {
		/* Beyond some thousand values frequency never pays for the
		 * unsorted dictionary. */
		if (d.n <= 4096 && dict_by_count(&d, n)) {
			put_dict(key, &d, n, flags, depth, tmp);
			keep_shorter(best, tmp);
		}
		if (dict_by_value(&d, n)) {
			put_dict(key, &d, n, flags, depth, tmp);
			keep_shorter(best, tmp);
		}
	}
	dict_fini(&d);
}

static void
put_array(const struct gp_hash_key *key, const uint64_t *v, size_t n,
    unsigned flags, unsigned depth, struct gdi_buf *out)
{
	struct gdi_buf best = {0}, tmp = {0};
	struct shape s = shape_of(v, n);

	if (s.min == s.max) {
		gdi_buf_u8(out, GDI_CONST);
		gdi_buf_varint(out, s.min);
		return;
	}
	put_plain(key, v, n, &s, flags, depth, &best);
	if (depth + 1 < GDI_DEPTH_MAX) {
		if (s.ascending) {
			put_delta(key, v, n, flags, depth, &tmp);
			keep_shorter(&best, &tmp);
		}
		if (s.changes < n - n / 4) {
			put_step(key, v, n, s.changes, flags, depth, &tmp);
			keep_shorter(&best, &tmp);
		}
		if ((flags & GDI_ENCODE_DICT) && n >= 16)
			try_dict(key, v, n, flags, depth, &best, &tmp);
	}
	if (best.rc < 0)
		out->rc = best.rc;
	gdi_buf_bytes(out, best.p, best.len);
	gdi_buf_free(&best);
	gdi_buf_free(&tmp);
}

void
gdi_encode(const struct gp_hash_key *key, const uint64_t *v, size_t n,
    unsigned flags, struct gdi_buf *out)
{
	assert(n > 0 && n <= GDI_CHUNK_ROWS);
	put_array(key, v, n, flags, 0, out);
}

/* ---- IPv6 addresses ---------------------------------------------------- */

/* Distinct addresses ascending and each row's index; false without memory. */
static bool
addr_dict(const struct godb_addr6 *v, size_t n, struct gdi_key2 *k,
    uint64_t *code, size_t *n_distinct)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		k[i] = (struct gdi_key2){{v[i].hi, v[i].lo}, i};
	if (gdi_sort_key2(k, n) < 0)
		return false;
	code[k[0].row] = 0;
	for (size_t i = 1; i < n; i++) {
		if (k[i].k[0] != k[at].k[0] || k[i].k[1] != k[at].k[1])
			k[++at] = k[i];
		code[k[i].row] = at;
	}
	*n_distinct = at + 1;
	return true;
}

static void
put_addr_dict(const struct gp_hash_key *key, const struct godb_addr6 *v,
    size_t n, unsigned flags, struct gdi_buf *out)
{
	struct gdi_key2 *k = malloc(n * sizeof(*k));
	uint64_t *code = malloc(n * sizeof(*code));
	uint64_t *half = malloc(n * sizeof(*half));
	size_t n_distinct;

	if (!k || !code || !half || !addr_dict(v, n, k, code, &n_distinct)) {
		out->rc = -ENOMEM;
		goto out;
	}
	gdi_buf_u8(out, GDI_ADDR_DICT);
	gdi_buf_varint(out, n_distinct);
	for (size_t i = 0; i < n_distinct; i++)
		half[i] = k[i].k[0];
	put_array(key, half, n_distinct, flags, 1, out);
	for (size_t i = 0; i < n_distinct; i++)
		half[i] = k[i].k[1];
	put_array(key, half, n_distinct, flags, 1, out);
	put_array(key, code, n, flags & ~(unsigned)GDI_ENCODE_DICT, 1, out);
out:
	free(k);
	free(code);
	free(half);
}

void
gdi_encode_addr6(const struct gp_hash_key *key, const struct godb_addr6 *v,
    size_t n, unsigned flags, struct gdi_buf *out)
{
	struct gdi_buf pair = {0}, dict = {0};
	uint64_t *half = malloc(n * sizeof(*half));

	assert(n > 0 && n <= GDI_CHUNK_ROWS);
	if (half == NULL) {
		out->rc = -ENOMEM;
		return;
	}
	gdi_buf_u8(&pair, GDI_ADDR_PAIR);
	for (size_t i = 0; i < n; i++)
		half[i] = v[i].hi;
	put_array(key, half, n, flags, 1, &pair);
	for (size_t i = 0; i < n; i++)
		half[i] = v[i].lo;
	put_array(key, half, n, flags, 1, &pair);
	free(half);
	if (flags & GDI_ENCODE_DICT) {
		put_addr_dict(key, v, n, flags, &dict);
		keep_shorter(&pair, &dict);
	}
	if (pair.rc < 0)
		out->rc = pair.rc;
	gdi_buf_bytes(out, pair.p, pair.len);
	gdi_buf_free(&pair);
	gdi_buf_free(&dict);
}
