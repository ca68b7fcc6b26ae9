#include "tests/lib/fakescan.h"

#include "common/base/clock.h"
#include "common/godb/cursor.h"
#include "common/godb/held.h"
#include "common/godb/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 4096

struct fake_part {
	struct godb_part part;
	struct fake_row *rows;
	int rc;
};

struct godb_reader {
	uint32_t flags;
};

struct godb_scan {
	char *iface[64];
	int64_t extent[64][2];
	bool has_extent[64];
	int64_t pruned[64][2];
	size_t n_ifaces;
	char *l7[MOST], *category[MOST];
	size_t n_l7;
	struct fake_part part[MOST];
	size_t n_parts;
	struct godb_fault fault[64];
	size_t n_faults;
};

struct godb_cursor {
	const struct godb_scan *scan;
	uint32_t *sip4, *dip4;
	struct godb_addr6 *sip6, *dip6;
	uint16_t *dport, *l7;
	uint8_t *proto;
	uint64_t *counter[4];
	uint32_t *addresses; /* and one that is none of a row */
	/* what is loaded: another load of it leaves other columns alone */
	size_t part;
	uint32_t piece;
	size_t n4, n6;
	bool loaded;
};

_Atomic uint32_t fake_last_columns;
_Atomic unsigned fake_loads;
uint32_t fake_phantom4;
uint32_t fake_piece_rows;
uint32_t fake_broken_piece = UINT32_MAX;
uint32_t fake_broken_columns = UINT32_MAX;
bool fake_knows;

static void *
need(void *p)
{
	if (!p)
		abort();
	return p;
}

struct godb_scan *
fake_scan_new(void)
{
	struct godb_scan *s = need(calloc(1, sizeof(*s)));

	fake_add_l7(s, "Unknown", "Unspecified");
	return s;
}

uint32_t
fake_add_iface(struct godb_scan *s, const char *name)
{
	s->iface[s->n_ifaces] = need(strdup(name));
	return (uint32_t)s->n_ifaces++;
}

void
fake_add_l7(struct godb_scan *s, const char *name, const char *category)
{
	s->l7[s->n_l7] = name ? need(strdup(name)) : NULL;
	s->category[s->n_l7++] = category ? need(strdup(category)) : NULL;
}

void
fake_set_extent(struct godb_scan *s, uint32_t iface, int64_t first_s,
    int64_t last_s)
{
	s->extent[iface][0] = first_s;
	s->extent[iface][1] = last_s;
	s->has_extent[iface] = true;
}

struct godb_part *
fake_add_part(struct godb_scan *s, uint32_t iface, int64_t slot_s,
    const struct fake_row *rows, size_t n)
{
	struct fake_part *p = &s->part[s->n_parts++];
	size_t at = 0;

	p->rows = need(calloc(n + 1, sizeof(*rows)));
	for (unsigned version = 4; version <= 6; version += 2) {
		for (size_t i = 0; i < n; i++) {
			if (rows[i].version == version)
				p->rows[at++] = rows[i];
		}
		if (version == 4)
			p->part.n4 = (uint32_t)at;
	}
	p->part.n6 = (uint32_t)at - p->part.n4;
	p->part.iface = s->iface[iface];
	p->part.iface_index = iface;
	p->part.slot_s = slot_s;
	p->part.first_ns = slot_s * INT64_C(1000000000);
	p->part.last_ns = (slot_s + 300) * INT64_C(1000000000);
	if (!s->has_extent[iface])
		fake_set_extent(s, iface, slot_s, slot_s);
	if (slot_s > s->extent[iface][1])
		s->extent[iface][1] = slot_s;
	return &p->part;
}

void
fake_break_part(struct godb_scan *s, size_t i, int rc)
{
	s->part[i].rc = rc;
}

void
fake_add_fault(struct godb_scan *s, const struct godb_fault *fault)
{
	s->fault[s->n_faults++] = *fault;
}

struct godb_reader *
fake_reader(uint32_t flags)
{
	static struct godb_reader reader;

	reader.flags = flags;
	return &reader;
}

/* ---- what godb.h promises ---------------------------------------------- */

int
godb_scan_open(const struct godb_reader *r, const struct godb_scan_opts *opts,
    struct godb_scan **out)
{
	struct godb_scan *s = fake_scan_new();
	uint32_t iface = fake_add_iface(s, opts->ifaces[0]);

	fake_add_part(s, iface, opts->first_s, NULL, 0)->flags = r->flags;
	*out = s;
	return 0;
}

void
godb_scan_close(struct godb_scan *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_ifaces; i++)
		free(s->iface[i]);
	for (size_t i = 0; i < s->n_l7; i++) {
		free(s->l7[i]);
		free(s->category[i]);
	}
	for (size_t i = 0; i < s->n_parts; i++)
		free(s->part[i].rows);
	free(s);
}

size_t
godb_scan_n_parts(const struct godb_scan *s)
{
	return s->n_parts;
}

const struct godb_part *
godb_scan_part(const struct godb_scan *s, size_t i)
{
	return &s->part[i].part;
}

size_t
godb_scan_n_ifaces(const struct godb_scan *s)
{
	return s->n_ifaces;
}

const char *
godb_scan_iface(const struct godb_scan *s, size_t i)
{
	return s->iface[i];
}

bool
godb_scan_extent(const struct godb_scan *s, size_t iface, int64_t *first_s,
    int64_t *last_s)
{
	*first_s = s->extent[iface][0];
	*last_s = s->extent[iface][1];
	return s->has_extent[iface];
}

/* ---- what held.h promises: no day is held ----------------------------- */

size_t
gdi_scan_n_helds(const struct godb_scan *s)
{
	(void)s;
	return 0;
}

int
gdi_scan_unheld(const struct godb_scan *s, const struct godb_query_opts *q,
    struct godb_scan **out)
{
	(void)s;
	(void)q;
	(void)out;
	return -EINVAL;
}

const struct gdi_held *
gdi_scan_held(const struct godb_scan *s, size_t i)
{
	(void)s;
	(void)i;
	return NULL;
}

int
gdi_scan_kind(const struct godb_scan *s, size_t iface)
{
	(void)s;
	(void)iface;
	return -1;
}

bool
gdi_scan_ruled_out(const struct godb_scan *s, size_t part)
{
	(void)s;
	(void)part;
	return false;
}

int
gdi_scan_open_held(const struct godb_scan *s, const struct gdi_held *h)
{
	(void)s;
	(void)h;
	return -ENOENT;
}

int
gdi_scan_again(const struct godb_scan *s, const struct gdi_held *h,
    struct godb_scan **out)
{
	(void)s;
	(void)h;
	(void)out;
	return -ENOENT;
}

void
godb_scan_spared(const struct godb_scan *s, size_t iface,
    struct godb_spared *out)
{
	(void)s;
	(void)iface;
	memset(out, 0, sizeof(*out));
}

void
fake_set_pruned(struct godb_scan *s, uint32_t iface, int64_t first_s,
    int64_t until_s)
{
	s->pruned[iface][0] = first_s;
	s->pruned[iface][1] = until_s;
}

bool
godb_scan_pruned(const struct godb_scan *s, size_t iface, int64_t *first_s,
    int64_t *until_s)
{
	*first_s = s->pruned[iface][0];
	*until_s = s->pruned[iface][1];
	return *until_s != 0;
}

size_t
godb_scan_n_faults(const struct godb_scan *s)
{
	return s->n_faults;
}

const struct godb_fault *
godb_scan_fault(const struct godb_scan *s, size_t i)
{
	return &s->fault[i];
}

size_t
godb_scan_n_l7(const struct godb_scan *s)
{
	return s->n_l7;
}

const char *
godb_scan_l7_name(const struct godb_scan *s, uint16_t id)
{
	return id < s->n_l7 ? s->l7[id] : NULL;
}

const char *
godb_scan_l7_category(const struct godb_scan *s, uint16_t id)
{
	return id < s->n_l7 ? s->category[id] : NULL;
}

int
godb_cursor_new(const struct godb_scan *s, struct godb_cursor **out)
{
	*out = need(calloc(1, sizeof(**out)));
	(*out)->scan = s;
	return 0;
}

static void
drop_columns(struct godb_cursor *c)
{
	free(c->sip4);
	free(c->dip4);
	free(c->sip6);
	free(c->dip6);
	free(c->dport);
	free(c->l7);
	free(c->proto);
	for (int k = 0; k < 4; k++)
		free(c->counter[k]);
}

/* Rows in memory are what they are. */
void
gdi_cursor_sum_live(struct godb_cursor *c)
{
	(void)c;
}

void
godb_cursor_free(struct godb_cursor *c)
{
	if (!c)
		return;
	drop_columns(c);
	free(c->addresses);
	free(c);
}

/* Arrays of exactly the size, so that a sanitizer sees a row too many. */
static void *
column(size_t n, size_t size)
{
	return need(malloc(n ? n * size : 1));
}

static void
make_columns(struct godb_cursor *c, size_t n4, size_t n6)
{
	size_t n = n4 + n6;

	c->sip4 = column(n4, sizeof(*c->sip4));
	c->dip4 = column(n4, sizeof(*c->dip4));
	c->sip6 = column(n6, sizeof(*c->sip6));
	c->dip6 = column(n6, sizeof(*c->dip6));
	c->dport = column(n, sizeof(*c->dport));
	c->l7 = column(n, sizeof(*c->l7));
	c->proto = column(n, sizeof(*c->proto));
	for (int k = 0; k < 4; k++)
		c->counter[k] = column(n, sizeof(uint64_t));
	c->n4 = n4;
	c->n6 = n6;
}

#define HAS(col) (columns & GODB_COL(col))
#define PUT(COL, AT, VALUE)             \
	do {                            \
		if (HAS(COL))           \
			(AT) = (VALUE); \
	} while (0)

static void
put_row(struct godb_cursor *c, uint32_t columns, size_t i,
    const struct fake_row *r)
{
	size_t n4 = c->n4;

	if (i < n4) {
		PUT(GODB_SIP, c->sip4[i], (uint32_t)r->sip.lo);
		PUT(GODB_DIP, c->dip4[i], (uint32_t)r->dip.lo);
	} else {
		PUT(GODB_SIP, c->sip6[i - n4], r->sip);
		PUT(GODB_DIP, c->dip6[i - n4], r->dip);
	}
	PUT(GODB_DPORT, c->dport[i], r->dport);
	PUT(GODB_L7PROTO, c->l7[i], r->l7);
	PUT(GODB_PROTO, c->proto[i], r->proto);
	for (int k = 0; k < 4; k++)
		PUT(GODB_BYTES_RCVD + k, c->counter[k][i], r->counter[k]);
}

/* Where a piece's rows of each version begin, and how many there are. */
struct extent {
	size_t at[2], n[2];
};

static size_t
pieces_of(uint32_t rows)
{
	return ((size_t)rows + fake_piece_rows - 1) / fake_piece_rows;
}

uint32_t
gdi_part_pieces(const struct godb_part *part)
{
	if (fake_piece_rows == 0 ||
	    (part->n4 <= fake_piece_rows && part->n6 <= fake_piece_rows))
		return 1;
	return (uint32_t)(pieces_of(part->n4) + pieces_of(part->n6));
}

static struct extent
extent_of(const struct godb_part *part, uint32_t piece)
{
	struct extent e = {{0, part->n4}, {part->n4, part->n6}};
	size_t n4, from;
	bool v6;

	if (piece == GDI_ALL_PIECES || gdi_part_pieces(part) == 1)
		return e;
	n4 = pieces_of(part->n4);
	v6 = piece >= n4;
	from = (v6 ? piece - n4 : piece) * fake_piece_rows;
	e.n[!v6] = 0;
	e.at[v6] += from;
	e.n[v6] -= from;
	if (e.n[v6] > fake_piece_rows)
		e.n[v6] = fake_piece_rows;
	return e;
}

bool
gdi_piece_has(const struct godb_part *part, uint32_t piece, bool v6)
{
	return extent_of(part, piece).n[v6] > 0;
}

int
gdi_cursor_load_slice(struct godb_cursor *c, const struct gdi_slice *s,
    uint32_t columns, struct godb_columns *out, struct godb_fault *fault)
{
	const struct fake_part *p = &c->scan->part[s->part];
	struct extent e = extent_of(&p->part, s->piece);
	size_t n4 = s->v4 ? e.n[0] : 0, n6 = s->v6 ? e.n[1] : 0;

	fake_last_columns = columns;
	fake_loads++;
	if (p->rc < 0 && (fake_broken_columns == UINT32_MAX ||
			     (columns & fake_broken_columns)) &&
	    (fake_broken_piece == UINT32_MAX ||
			     fake_broken_piece == s->piece)) {
		*fault = (struct godb_fault){.iface = p->part.iface,
		    .first_s = p->part.slot_s,
		    .last_s = p->part.slot_s + GP_SLOT_S, .rc = p->rc,
		    .place = "sip.gpf at 4096"};
		return p->rc;
	}
	if (!c->loaded || c->part != s->part || c->piece != s->piece ||
	    c->n4 != n4 || c->n6 != n6) {
		drop_columns(c);
		make_columns(c, n4, n6);
	}
	c->loaded = true;
	c->part = s->part;
	c->piece = s->piece;
	/* a piece has rows of one version, or all that there are */
	for (size_t k = 0; k < n4 + n6; k++)
		put_row(c, columns, k,
		    p->rows + (n4 > 0 ? e.at[0] : e.at[1]) + k);
	memset(out, 0, sizeof(*out));
	out->n4 = (uint32_t)n4;
	out->n6 = (uint32_t)n6;
	out->sip4 = HAS(GODB_SIP) ? c->sip4 : NULL;
	out->sip6 = HAS(GODB_SIP) ? c->sip6 : NULL;
	out->dip4 = HAS(GODB_DIP) ? c->dip4 : NULL;
	out->dip6 = HAS(GODB_DIP) ? c->dip6 : NULL;
	out->dport = HAS(GODB_DPORT) ? c->dport : NULL;
	out->proto = HAS(GODB_PROTO) ? c->proto : NULL;
	out->l7 = HAS(GODB_L7PROTO) ? c->l7 : NULL;
	for (int k = 0; k < 4; k++)
		out->counter[k] =
		    HAS(GODB_BYTES_RCVD + k) ? c->counter[k] : NULL;
	return 0;
}

int
gdi_cursor_load_some(struct godb_cursor *c, const struct gdi_slice *s,
    uint32_t columns, const struct gdi_sel *sel, struct godb_columns *out,
    struct godb_fault *fault)
{
	/* anything, at rows that were not asked for */
	static const struct fake_row bad = {.sip = {0xbad, 0xbad},
	    .dip = {0xbad, 0xbad}, .dport = 0xbad, .proto = 0xba, .l7 = 0xbad,
	    .counter = {0xbad, UINT64_MAX / 3, 0xbad, 0xbad}};
	int rc = gdi_cursor_load_slice(c, s, columns, out, fault);
	size_t at = 0;

	for (size_t row = 0; rc == 0 && row < (size_t)out->n4 + out->n6; row++)
		if (at < sel->n && sel->row[at] == row)
			at++;
		else
			put_row(c, columns, row, &bad);
	return rc;
}

/* Of every third part it does not tell; some rows only seem to reach so far. */
int
gdi_cursor_reaching(struct godb_cursor *c, const struct gdi_slice *s,
    uint32_t columns, uint64_t least, struct gdi_reaching *out)
{
	static _Thread_local uint32_t found[65536];
	const struct fake_part *p = &c->scan->part[s->part];
	struct extent e = extent_of(&p->part, s->piece);
	size_t n4 = s->v4 ? e.n[0] : 0, n6 = s->v6 ? e.n[1] : 0;

	if (s->part % 3 == 2 || n4 + n6 > 65536)
		return 1;
	*out = (struct gdi_reaching){found, 0, n4 + n6};
	for (size_t k = 0; k < n4 + n6; k++) {
		const struct fake_row *r =
		    p->rows + (n4 > 0 ? e.at[0] : e.at[1]) + k;
		bool may = k % 50 == 7;

		for (int col = 0; col < 4; col++)
			may |= HAS(GODB_BYTES_RCVD + col) &&
			    r->counter[col] >= least;
		if (may)
			found[out->n++] = (uint32_t)k;
	}
	/* what cannot be read is told by whoever loads it */
	return p->rc < 0 && out->n == 0;
}

int
godb_cursor_load(struct godb_cursor *c, size_t i, uint32_t columns,
    bool want4, bool want6, struct godb_columns *out, struct godb_fault *fault)
{
	struct gdi_slice s = {i, GDI_ALL_PIECES, want4, want6};

	return gdi_cursor_load_slice(c, &s, columns, out, fault);
}

static uint64_t
value_of(const struct fake_row *r, int column)
{
	switch (column) {
	case GODB_SIP:
		return r->version == 6 ? r->sip.hi : r->sip.lo;
	case GODB_DIP:
		return r->version == 6 ? r->dip.hi : r->dip.lo;
	case GODB_DPORT:
		return r->dport;
	case GODB_PROTO:
		return r->proto;
	case GODB_L7PROTO:
		return r->l7;
	default:
		return r->counter[column - GODB_BYTES_RCVD];
	}
}

void
gdi_cursor_zones(struct godb_cursor *c, size_t i, uint32_t piece,
    uint32_t columns, bool v6, struct gdi_zone out[GODB_N_COLUMNS])
{
	const struct fake_part *p = &c->scan->part[i];
	struct extent e = extent_of(&p->part, piece);

	memset(out, 0, GODB_N_COLUMNS * sizeof(*out));
	for (int k = 0; fake_knows && k < GODB_N_COLUMNS; k++) {
		if (!(columns & GODB_COL(k)) || e.n[v6] == 0 || p->rc < 0)
			continue;
		out[k] = (struct gdi_zone){true, UINT64_MAX, 0};
		for (size_t r = 0; r < e.n[v6]; r++) {
			uint64_t v = value_of(&p->rows[e.at[v6] + r], k);

			out[k].min = v < out[k].min ? v : out[k].min;
			out[k].max = v > out[k].max ? v : out[k].max;
		}
	}
}

bool
gdi_cursor_sums(const struct godb_cursor *c, size_t i, uint64_t sums[4])
{
	const struct fake_part *p = &c->scan->part[i];
	size_t n = (size_t)p->part.n4 + p->part.n6;

	memset(sums, 0, 4 * sizeof(*sums));
	for (size_t r = 0; r < n; r++)
		for (int k = 0; k < 4; k++) {
			uint64_t v = p->rows[r].counter[k];

			sums[k] = v > UINT64_MAX - sums[k] ? UINT64_MAX :
							     sums[k] + v;
		}
	return fake_knows && p->rc == 0;
}

void
godb_cursor_stats(const struct godb_cursor *c, uint64_t *bytes_read,
    uint64_t *bytes_decoded)
{
	(void)c;
	*bytes_read = *bytes_decoded = 0;
}

/* All rows' addresses, which are each at least once. */
int
gdi_cursor_addresses(struct godb_cursor *c, const struct gdi_slice *s,
    enum godb_column column, struct gdi_addresses *out,
    struct godb_fault *fault)
{
	struct godb_columns rows;
	unsigned before = fake_loads;
	int rc = gdi_cursor_load_slice(c, s, GODB_COL(column), &rows, fault);

	fake_loads = before; /* tests count those of rows */
	if (rc < 0)
		return rc;
	*out = (struct gdi_addresses){
	    column == GODB_SIP ? rows.sip4 : rows.dip4,
	    column == GODB_SIP ? rows.sip6 : rows.dip6, rows.n4, rows.n6};
	if (fake_phantom4 && s->v4) {
		free(c->addresses);
		c->addresses = need(calloc(rows.n4 + 1, sizeof(uint32_t)));
		memcpy(c->addresses, out->v4, rows.n4 * sizeof(uint32_t));
		c->addresses[out->n4++] = fake_phantom4;
		out->v4 = c->addresses;
	}
	return 0;
}

/* ---- there are no roll-ups ----------------------------------------------- */

struct gdi_plan {
	const struct godb_scan *scan;
};

int
gdi_plan_new(const struct godb_scan *s, const struct gdi_plan_opts *opts,
    struct gdi_plan **out)
{
	(void)opts;
	*out = need(calloc(1, sizeof(**out)));
	(*out)->scan = s;
	return 0;
}

void
gdi_plan_free(struct gdi_plan *p)
{
	free(p);
}

size_t
gdi_plan_n(const struct gdi_plan *p)
{
	return p->scan->n_parts;
}

const struct godb_part *
gdi_plan_get(const struct gdi_plan *p, size_t number)
{
	return godb_scan_part(p->scan, number);
}

size_t
gdi_plan_part(const struct gdi_plan *p, size_t i)
{
	(void)p;
	return i;
}

const struct gdi_scan_part *
gdi_plan_rolled(const struct gdi_plan *p, size_t *n)
{
	(void)p;
	*n = 0;
	return NULL;
}

size_t
gdi_plan_n_left_out(const struct gdi_plan *p)
{
	(void)p;
	return 0;
}

void
gdi_cursor_rolled(struct godb_cursor *c, const struct gdi_scan_part *rolled,
    size_t n)
{
	(void)c;
	(void)rolled;
	(void)n;
}

/* ---- so nothing of them is asked ----------------------------------------- */

enum gdi_rollup_kind
gdi_plan_kind(const struct gdi_plan *p, size_t number)
{
	(void)p;
	(void)number;
	abort();
}

int
gdi_cursor_open_rolled(struct godb_cursor *c, size_t i)
{
	(void)c;
	(void)i;
	abort();
}

void
gdi_cursor_lend(struct godb_cursor *c, int rolled_fd,
    struct godb_cursor *memory)
{
	(void)c;
	(void)rolled_fd;
	(void)memory;
	abort();
}
