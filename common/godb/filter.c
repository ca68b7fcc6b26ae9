#include "common/godb/filter_state.h"

#include "common/base/cpu.h"
#include "common/godb/group.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* ---- leaves ------------------------------------------------------------ */

/*
 * These loops are compiled twice, for any processor and with AVX2, which
 * compares 64-bit numbers side by side: whatever is INLINE becomes part of
 * match_leaf_plain and match_leaf_avx2.
 */
#define INLINE static inline __attribute__((always_inline))

INLINE void
match4(const struct gdi_node *node, const uint32_t *col, size_t n,
    uint8_t *mask)
{
	const struct gdi_range4 *r = node->v4;

	if (node->n4 == 1) {
		uint32_t lo = r->lo, span = r->hi - r->lo;

		for (size_t i = 0; i < n; i++)
			mask[i] = col[i] - lo <= span;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		size_t at = 0, left = node->n4;

		/* last range that begins at or below the address */
		while (left > 1) {
			size_t half = left / 2;

			at += r[at + half].lo <= col[i] ? half : 0;
			left -= half;
		}
		mask[i] = col[i] >= r[at].lo && col[i] <= r[at].hi;
	}
}

INLINE void
match6(const struct gdi_node *node, const struct godb_addr6 *col, size_t n,
    uint8_t *mask)
{
	const struct gdi_range6 *r = node->v6;

	for (size_t i = 0; i < n; i++) {
		size_t at = 0, left = node->n6;

		while (left > 1) {
			size_t half = left / 2;

			at += gdi_addr6_le(r[at + half].lo, col[i]) ? half : 0;
			left -= half;
		}
		mask[i] = gdi_addr6_le(r[at].lo, col[i]) &&
		    gdi_addr6_le(col[i], r[at].hi);
	}
}

/* Numbers against one range, which most conditions are, or a table. */
INLINE void
match_u16(const struct gdi_bound *b, const uint16_t *col, size_t n,
    uint8_t *mask)
{
	uint16_t lo = b->run[0].lo, span = (uint16_t)(b->run[0].hi - lo);

	if (b->n_runs == 1) {
		for (size_t i = 0; i < n; i++)
			mask[i] = (uint16_t)(col[i] - lo) <= span;
		return;
	}
	for (size_t i = 0; i < n; i++)
		mask[i] = b->table[col[i]];
}

INLINE void
match_u8(const struct gdi_bound *b, const uint8_t *col, size_t n, uint8_t *mask)
{
	uint8_t lo = (uint8_t)b->run[0].lo;
	uint8_t span = (uint8_t)(b->run[0].hi - lo);

	if (b->n_runs == 1) {
		for (size_t i = 0; i < n; i++)
			mask[i] = (uint8_t)(col[i] - lo) <= span;
		return;
	}
	for (size_t i = 0; i < n; i++)
		mask[i] = b->table[col[i]];
}

INLINE bool
is_in_amounts(const struct gdi_node *node, uint64_t v)
{
	const struct gdi_range64 *r = node->amounts;
	size_t at = 0, left = node->n_amounts;

	while (left > 1) {
		size_t half = left / 2;

		at += r[at + half].lo <= v ? half : 0;
		left -= half;
	}
	return v >= r[at].lo && v <= r[at].hi;
}

INLINE void
mask_or(uint8_t *mask, const uint8_t *with, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mask[i] |= with[i];
}

static void
mask_and(uint8_t *mask, const uint8_t *with, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mask[i] &= with[i];
}

static void
mask_not(uint8_t *mask, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mask[i] ^= 1;
}

/* Rows [at, at + n) of one version. */
struct slice {
	const struct godb_columns *c;
	size_t at, n;
	bool v6;
};

INLINE void
match_addr(const struct gdi_node *node, const struct slice *s, bool dip,
    uint8_t *mask)
{
	const struct godb_columns *c = s->c;

	if (s->v6)
		match6(node, (dip ? c->dip6 : c->sip6) + (s->at - c->n4), s->n,
		    mask);
	else
		match4(node, (dip ? c->dip4 : c->sip4) + s->at, s->n, mask);
}

/* Sums stay at the top, as everywhere; bounds are one range nearly always. */
INLINE void
match_sum(const struct gdi_node *node, const uint64_t *a, const uint64_t *b,
    size_t n, uint8_t *mask)
{
	uint64_t lo = node->amounts[0].lo, span = node->amounts[0].hi - lo;

	if (node->n_amounts > 1)
		for (size_t i = 0; i < n; i++)
			mask[i] = is_in_amounts(node,
			    b ? gdi_add(a[i], b[i]) : a[i]);
	else if (b)
		for (size_t i = 0; i < n; i++)
			mask[i] = gdi_add(a[i], b[i]) - lo <= span;
	else
		for (size_t i = 0; i < n; i++)
			mask[i] = a[i] - lo <= span;
}

INLINE void
match_metric(const struct gdi_filter *f, const struct gdi_node *node,
    const struct slice *s, uint8_t *mask)
{
	const uint64_t *const *c = s->c->counter;
	const uint64_t *a, *b = NULL;

	if (node->metric >= GODB_METRIC_EXTRA) {
		a = f->extra[node->metric - GODB_METRIC_EXTRA];
	} else if (node->metric >= GODB_METRIC_BYTES_RCVD) {
		a = c[node->metric - GODB_METRIC_BYTES_RCVD];
	} else {
		a = c[node->metric == GODB_METRIC_BYTES ? 0 : 2];
		b = c[node->metric == GODB_METRIC_BYTES ? 1 : 3] + s->at;
	}
	match_sum(node, a + s->at, b, s->n, mask);
}

INLINE void
match_any_leaf(const struct gdi_filter *f, const struct gdi_node *node,
    const struct gdi_bound *b, const struct slice *s, uint8_t *mask)
{
	switch (node->attr) {
	case GDI_ATTR_SIP:
		match_addr(node, s, false, mask);
		break;
	case GDI_ATTR_DIP:
		match_addr(node, s, true, mask);
		break;
	case GDI_ATTR_HOST:
		match_addr(node, s, false, mask);
		match_addr(node, s, true, mask + GDI_CHUNK);
		mask_or(mask, mask + GDI_CHUNK, s->n);
		break;
	case GDI_ATTR_DPORT:
		match_u16(b, s->c->dport + s->at, s->n, mask);
		break;
	case GDI_ATTR_PROTO:
		match_u8(b, s->c->proto + s->at, s->n, mask);
		break;
	case GDI_ATTR_L7:
	case GDI_ATTR_CATEGORY:
		match_u16(b, s->c->l7 + s->at, s->n, mask);
		break;
	case GDI_ATTR_METRIC:
		match_metric(f, node, s, mask);
		break;
	case GDI_ATTR_VERSION:
	case GDI_ATTR_SITE:
	case GDI_ATTR_DIR:
	case GDI_ATTR_SPORT:
		break; /* settled by the verdict, or not a leaf */
	}
}

static void
match_leaf_plain(const struct gdi_filter *f, const struct gdi_node *node,
    const struct gdi_bound *b, const struct slice *s, uint8_t *mask)
{
	match_any_leaf(f, node, b, s, mask);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void
match_leaf_avx2(const struct gdi_filter *f, const struct gdi_node *node,
    const struct gdi_bound *b, const struct slice *s, uint8_t *mask)
{
	match_any_leaf(f, node, b, s, mask);
}
#endif

static void
match_leaf(const struct gdi_filter *f, const struct gdi_node *node,
    const struct gdi_bound *b, const struct slice *s, uint8_t *mask)
{
#if defined(__x86_64__)
	if (!f->plain && gp_cpu_has_avx2()) {
		match_leaf_avx2(f, node, b, s, mask);
		return;
	}
#endif
	match_leaf_plain(f, node, b, s, mask);
}

/* ---- tree -------------------------------------------------------------- */

static void
match_node(const struct gdi_filter *f, uint32_t i, const struct slice *s,
    uint8_t *mask)
{
	const struct gdi_node *node = &f->cond->node[i];
	uint8_t verdict = f->bound[i].verdict[s->v6];
	bool first = true;

	if (verdict != GDI_SOMETIMES) {
		memset(mask, verdict == GDI_ALWAYS, s->n);
		return;
	}
	if (node->kind == GDI_LEAF) {
		match_leaf(f, node, &f->bound[i], s, mask);
		return;
	}
	if (node->kind == GDI_NOT) {
		match_node(f, node->child, s, mask);
		mask_not(mask, s->n);
		return;
	}
	for (uint32_t k = node->child; k != GDI_NO_NODE;
	     k = f->cond->node[k].next) {
		/* children that never or always hold were left out of a
		 * verdict of "sometimes", so they change nothing here */
		if (f->bound[k].verdict[s->v6] != GDI_SOMETIMES)
			continue;
		if (first) {
			match_node(f, k, s, mask);
			first = false;
			continue;
		}
		if (node->kind == GDI_AND && gdi_all_zero(mask, s->n))
			return;
		match_node(f, k, s, mask + GDI_CHUNK);
		if (node->kind == GDI_AND)
			mask_and(mask, mask + GDI_CHUNK, s->n);
		else
			mask_or(mask, mask + GDI_CHUNK, s->n);
	}
}

size_t
gdi_select_plain(const uint8_t *mask, size_t rows, uint32_t first,
    uint32_t *sel)
{
	size_t n = 0;

	for (size_t i = 0; i < rows; i++) {
		sel[n] = first + (uint32_t)i;
		n += mask[i];
	}
	return n;
}

#if defined(__x86_64__)
/* Eight rows at a time: of the bytes 0 to 7 those whose mask is set are moved
 * together, made numbers and stored; the next ones go over what is too many.
 * No more are stored than were looked at, so sel needs no room beyond that. */
__attribute__((target("avx2,bmi2,popcnt"))) static size_t
select_eights(const uint8_t *mask, size_t rows, uint32_t first, uint32_t *sel)
{
	const uint64_t places = UINT64_C(0x0706050403020100);
	size_t n = 0;

	for (size_t i = 0; i + 8 <= rows; i += 8) {
		uint64_t ones, some;
		__m256i v;

		memcpy(&ones, mask + i, sizeof(ones));
		some = _pext_u64(places, ones * 0xff);
		v = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)some));
		v = _mm256_add_epi32(v,
		    _mm256_set1_epi32((int)(first + (uint32_t)i)));
		_mm256_storeu_si256((__m256i *)(void *)(sel + n), v);
		n += (size_t)_mm_popcnt_u64(ones);
	}
	return n;
}
#endif

size_t
gdi_select(const uint8_t *mask, size_t rows, uint32_t first, uint32_t *sel)
{
	size_t n = 0, done = 0;

#if defined(__x86_64__)
	if (gp_cpu_has_avx2() && gp_cpu_has_bmi2()) {
		n = select_eights(mask, rows, first, sel);
		done = rows / 8 * 8;
	}
#endif
	return n + gdi_select_plain(mask + done, rows - done,
	    first + (uint32_t)done, sel + n);
}

static size_t
select_version(struct gdi_filter *f, const struct godb_columns *c, size_t first,
    size_t rows, bool v6, uint32_t *sel, size_t n)
{
	struct slice s = {.c = c, .v6 = v6};

	for (size_t at = 0; at < rows; at += s.n) {
		s.at = first + at;
		s.n = rows - at < GDI_CHUNK ? rows - at : GDI_CHUNK;
		match_node(f, f->cond->root, &s, f->scratch);
		n += gdi_select(f->scratch, s.n, (uint32_t)s.at, sel + n);
	}
	return n;
}

void
gdi_filter_extras(struct gdi_filter *f,
    const uint64_t *const extra[GODB_N_EXTRAS])
{
	memcpy(f->extra, extra, sizeof(f->extra));
}

/* ---- addresses alone --------------------------------------------------- */

static bool
is_about_addresses(const struct gdi_node *node)
{
	return node->kind == GDI_LEAF &&
	    (node->attr == GDI_ATTR_SIP || node->attr == GDI_ATTR_DIP ||
		node->attr == GDI_ATTR_HOST);
}

/* The condition itself, or the first of those that must all hold, that `is`. */
static const struct gdi_node *
required(const struct gdi_filter *f, bool (*is)(const struct gdi_node *))
{
	const struct gdi_node *root;

	if (!f->cond)
		return NULL;
	root = &f->cond->node[f->cond->root];
	if (is(root))
		return root;
	for (uint32_t k = root->child; root->kind == GDI_AND &&
	     k != GDI_NO_NODE; k = f->cond->node[k].next) {
		if (is(&f->cond->node[k]))
			return &f->cond->node[k];
	}
	return NULL;
}

uint32_t
gdi_filter_needles(const struct gdi_filter *f)
{
	const struct gdi_node *node = required(f, is_about_addresses);

	if (!node)
		return 0;
	return node->attr == GDI_ATTR_SIP ? GODB_COL(GODB_SIP)
	    : node->attr == GDI_ATTR_DIP  ? GODB_COL(GODB_DIP)
					  : GODB_COL(GODB_SIP) |
		GODB_COL(GODB_DIP);
}

bool
gdi_filter_may(struct gdi_filter *f, const struct gdi_addresses *a)
{
	const struct gdi_node *node = required(f, is_about_addresses);
	uint8_t *mask = f->scratch;

	if (!node)
		return true;
	for (size_t at = 0; node->n4 > 0 && at < a->n4; at += GDI_CHUNK) {
		size_t n = a->n4 - at < GDI_CHUNK ? a->n4 - at : GDI_CHUNK;

		match4(node, a->v4 + at, n, mask);
		if (!gdi_all_zero(mask, n))
			return true;
	}
	for (size_t at = 0; node->n6 > 0 && at < a->n6; at += GDI_CHUNK) {
		size_t n = a->n6 - at < GDI_CHUNK ? a->n6 - at : GDI_CHUNK;

		match6(node, a->v6 + at, n, mask);
		if (!gdi_all_zero(mask, n))
			return true;
	}
	return false;
}

/* ---- large counters alone ---------------------------------------------- */

static bool
is_about_large(const struct gdi_node *node)
{
	return node->kind == GDI_LEAF && node->attr == GDI_ATTR_METRIC &&
	    node->metric < GODB_METRIC_EXTRA && node->n_amounts > 0 &&
	    node->amounts[0].lo > 0;
}

uint32_t
gdi_filter_least(const struct gdi_filter *f, uint64_t *least)
{
	const struct gdi_node *node = required(f, is_about_large);

	if (!node)
		return 0;
	*least = node->amounts[0].lo;
	if (node->metric >= GODB_METRIC_BYTES_RCVD)
		return GODB_COL(GODB_BYTES_RCVD +
		    (node->metric - GODB_METRIC_BYTES_RCVD));
	/* of two that add up to it one is half of it */
	*least -= *least / 2;
	return node->metric == GODB_METRIC_BYTES ?
	    GODB_COL(GODB_BYTES_RCVD) | GODB_COL(GODB_BYTES_SENT) :
	    GODB_COL(GODB_PKTS_RCVD) | GODB_COL(GODB_PKTS_SENT);
}

/* ---- rows -------------------------------------------------------------- */

size_t
gdi_filter_select(struct gdi_filter *f, const struct godb_columns *c,
    uint32_t *sel)
{
	size_t n = 0;

	if (!f->cond) {
		for (n = 0; n < (size_t)c->n4 + c->n6; n++)
			sel[n] = (uint32_t)n;
		return n;
	}
	if (gdi_filter_verdict(f, 4) != GDI_NEVER)
		n = select_version(f, c, 0, c->n4, false, sel, n);
	if (gdi_filter_verdict(f, 6) != GDI_NEVER)
		n = select_version(f, c, c->n4, c->n6, true, sel, n);
	return n;
}

size_t
gdi_filter_select_among(struct gdi_filter *f, const struct godb_columns *c,
    uint32_t *sel, size_t n)
{
	struct slice s = {.c = c, .n = 1};
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		s.at = sel[i];
		s.v6 = s.at >= c->n4;
		match_node(f, f->cond->root, &s, f->scratch);
		sel[kept] = sel[i];
		kept += f->scratch[0];
	}
	return kept;
}
