/*
 * Keys are packed to as few 64-bit words as the columns that are grouped by
 * need.
 */
#include "common/godb/grouping.h"

#include <string.h>

/* ---- layout of keys ---------------------------------------------------- */

struct godb_addr6
gdi_mask_of(unsigned bits, unsigned drop)
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
	{GODB_KEY_TIME, GDI_SLOT_BITS, GDI_SLOT_BITS},
	{GODB_KEY_IFACE, 16, 16}, {GODB_KEY_DPORT, 16, 16},
	{GODB_KEY_L7PROTO, 16, 16}, {GODB_KEY_PROTO, 8, 8},
};

void
gdi_layout_init(struct gdi_layout *t, const struct godb_keys *keys, bool v6)
{
	unsigned used[GDI_KEY_MAX] = {0};

	t->v6 = v6;
	t->words = 0;
	t->constant = true;
	for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		unsigned bits = v6 ? widths[i].bits6 : widths[i].bits4;
		unsigned w = 0;
		struct gdi_field *f;

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
		f->mask = v6 ? gdi_mask_of(128, keys->drop6[f->key])
			     : gdi_mask_of(32, keys->drop4[f->key]);
		f->word = (uint8_t)w;
		f->shift = (uint8_t)(bits == 128 ? 0 : used[w]);
		f->first = f->shift == 0;
		if (f->key == GODB_KEY_TIME) {
			t->slot_word = f->word;
			t->slot_shift = f->shift;
		}
		if (bits != 128)
			used[w] += bits;
		if (w + 1 > t->words)
			t->words = w + 1;
	}
	t->last_bits = used[t->words - 1];
}

/* ---- packing ----------------------------------------------------------- */

/* The first field of a word overwrites what was in it. */
#define PUT_EACH(OUT, FIRST, N, STEP, ROW, VALUE)                      \
	do {                                                           \
		if (FIRST)                                             \
			for (size_t i = 0; i < (N); i++) {             \
				size_t row = (ROW);                    \
                                                                       \
				(OUT)[i * (STEP)] = (VALUE);           \
			}                                              \
		else                                                   \
			for (size_t i = 0; i < (N); i++) {             \
				size_t row = (ROW);                    \
                                                                       \
				(OUT)[i * (STEP)] |= (VALUE);          \
			}                                              \
	} while (0)
/* Rows one after another are the most common, and keys of one word. */
#define PUT(OUT, FIRST, B, STEP, VALUE)                                \
	do {                                                           \
		if ((B)->sel)                                          \
			PUT_EACH(OUT, FIRST, (B)->n, STEP, (B)->sel[i], \
			    VALUE);                                    \
		else if ((STEP) == 1)                                  \
			PUT_EACH(OUT, FIRST, (B)->n, 1, (B)->first + i, \
			    VALUE);                                    \
		else                                                   \
			PUT_EACH(OUT, FIRST, (B)->n, STEP,             \
			    (B)->first + i, VALUE);                    \
	} while (0)

static void
put_u16(uint64_t *out, unsigned words, const struct gdi_field *f,
    const uint16_t *col, const struct gdi_rows_batch *b)
{
	unsigned shift = f->shift;

	PUT(out, f->first, b, words, (uint64_t)col[row] << shift);
}

static void
put_u8(uint64_t *out, unsigned words, const struct gdi_field *f,
    const uint8_t *col, const struct gdi_rows_batch *b)
{
	unsigned shift = f->shift;

	PUT(out, f->first, b, words, (uint64_t)col[row] << shift);
}

static void
put_addr(const struct gdi_layout *t, uint64_t *out, const struct gdi_field *f,
    bool dip, const struct gdi_rows_batch *b)
{
	const struct godb_columns *c = b->c;
	unsigned words = t->words, shift = f->shift;

	if (!t->v6) {
		const uint32_t *col = dip ? c->dip4 : c->sip4;
		uint32_t mask = (uint32_t)f->mask.lo;

		PUT(out, f->first, b, words,
		    (uint64_t)(col[row] & mask) << shift);
	} else {
		const struct godb_addr6 *col = dip ? c->dip6 : c->sip6;

		for (size_t i = 0; i < b->n; i++) {
			const struct godb_addr6 *a =
			    &col[gdi_batch_row(b, i) - c->n4];

			out[i * words] = a->hi & f->mask.hi;
			out[i * words + 1] = a->lo & f->mask.lo;
		}
	}
}

static void
put_constant(uint64_t *out, unsigned words, const struct gdi_field *f,
    uint64_t value, size_t n)
{
	value <<= f->shift;
	for (size_t i = 0; i < n; i++)
		out[i * words] = f->first ? value : out[i * words] | value;
}

void
gdi_layout_pack(const struct gdi_layout *t, struct gdi_rows_batch *b)
{
	for (unsigned k = 0; k < t->n_fields; k++) {
		const struct gdi_field *f = &t->field[k];
		uint64_t *out = b->keys + f->word;

		switch (f->key) {
		case GODB_KEY_TIME:
			put_constant(out, t->words, f,
			    gdi_slot_of(b->time_s), b->n);
			break;
		case GODB_KEY_IFACE:
			put_constant(out, t->words, f,
			    (uint16_t)b->part->iface_index, b->n);
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
			put_u16(out, t->words, f, b->c->dport, b);
			break;
		case GODB_KEY_L7PROTO:
			put_u16(out, t->words, f, b->c->l7, b);
			break;
		case GODB_KEY_PROTO:
			put_u8(out, t->words, f, b->c->proto, b);
			break;
		case GODB_KEY_SITE:
		case GODB_N_KEYS:
			break;
		}
	}
}

/* ---- reading ----------------------------------------------------------- */

static struct godb_addr6
get_addr(const struct gdi_layout *t, const struct gdi_field *f,
    const uint64_t *entry)
{
	if (t->v6)
		return (struct godb_addr6){entry[f->word], entry[f->word + 1]};
	return (struct godb_addr6){0, (uint32_t)(entry[f->word] >> f->shift)};
}

void
gdi_layout_read(const struct gdi_layout *t, const uint64_t *entry,
    struct gdi_group_key *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned k = 0; k < t->n_fields; k++) {
		const struct gdi_field *f = &t->field[k];
		uint64_t value = entry[f->word] >> f->shift;

		switch (f->key) {
		case GODB_KEY_TIME:
			out->slot = (uint32_t)gdi_layout_slot(t, entry);
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
