/*
 * Answers where address indexes spare days and blocks are those of a scan that
 * asks none; and so are sightings.  Of five days the first and last are whole
 * in their indexes, to one a block came later, one has a journal, and one has
 * no index.  Threads that read the days side by side see in them what one does.
 * Built with ThreadSanitizer too.
 */
#include "common/godb/addrbuild.h"

#include "common/base/clock.h"
#include "common/godb/held.h"
#include "tests/lib/eagerpool.h"
#include "tests/lib/rolluptest.h"

#define DAYS   5
#define BLOCKS 24 /* a day */
#define ROWS   12

/* Races are found with few questions, each of which takes long then. */
#ifdef __SANITIZE_THREAD__
enum { CONDITIONS = 200, SIGHTINGS = 120, LEAST = 20 };
#else
enum { CONDITIONS = 1500, SIGHTINGS = 300, LEAST = 100 };
#endif

static char folder[64], store[80], another[80];
static uint64_t seed;
static struct godb_pool *pool;
static bool is_stale; /* every address index is of other records */

static unsigned
pick(unsigned below)
{
	return (unsigned)(tap_random(&seed) % below);
}

/* Each block has addresses of its own and of a few others. */
static void
fill(struct testbatch *t, int64_t slot_s)
{
	unsigned block = (unsigned)(slot_s / GP_SLOT_S % BLOCKS);

	t->b.counters.overflow = 0;
	for (size_t i = 0; i < t->b.n4; i++) {
		t->rows4[i].sip[3] = (uint8_t)(block * 3 + pick(5));
		t->rows4[i].dip[2] = 2;
		t->rows4[i].dip[3] = (uint8_t)(block * 2 + pick(3));
	}
	for (size_t i = 0; i < t->b.n6; i++) {
		t->rows6[i].sip[7] = (uint8_t)(block + pick(2));
		t->rows6[i].sip[15] = (uint8_t)pick(3);
		t->rows6[i].dip[3] = 0xb8;
		t->rows6[i].dip[9] = 0;
		t->rows6[i].dip[15] = (uint8_t)(block * 2 + pick(4));
	}
}

static void
append(struct godb_writer *w, int64_t slot_s, bool commit)
{
	static struct testbatch t;
	static uint64_t seq;

	batch_make(&t, &seed, "eth0", slot_s, 1, ++seq, ROWS,
	    slot_s / GP_SLOT_S % 3 ? ROWS : 0);
	fill(&t, slot_s);
	if (godb_writer_append(w, &t.b) != 0 ||
	    (commit && godb_writer_commit(w, "eth0", slot_s, NULL) != 0))
		abort();
}

static void
build_index(const char *in, int64_t day_s)
{
	struct gdi_addrbuild_opts o = {"eth0", day_s, 0640, 0, 0, 0};
	char day[11], path[128];
	int fd;

	gp_clock_day_format(day_s, day);
	snprintf(path, sizeof(path), "%s/eth0/%s", in, day);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || gdi_addrbuild_run(fd, &o) != 0)
		abort();
	close(fd);
}

static void
make_store(const char *in)
{
	struct godb_writer *w;

	if (store_open(in, &w) < 0)
		abort();
	for (int d = 0; d < DAYS; d++) {
		int64_t day_s = T0 + d * GP_DAY_S;

		for (int i = 0; i < BLOCKS; i++)
			append(w, day_s + i * 11 * GP_SLOT_S, true);
		if (d != 3)
			build_index(in, day_s);
		if (d == 1)
			append(w, day_s + 7 * GP_SLOT_S, true);
		if (d == 2)
			append(w, day_s + 9 * GP_SLOT_S, false);
	}
	godb_writer_close(w);
}

/* ---- conditions --------------------------------------------------------- */

static void
put_address(char *out, size_t size, bool v6)
{
	if (!v6)
		snprintf(out, size, "%s.%u", pick(2) ? "10.0.0" : "192.0.2",
		    pick(90));
	else if (pick(2))
		snprintf(out, size, "2001:db8:0:%x::%x", pick(BLOCKS + 2),
		    pick(4));
	else
		snprintf(out, size, "2001:db8::%x", pick(60));
}

static void
put_leaf(char *out, size_t size)
{
	static const char *const other[] = {"ip", "ip6", "tcp", "port 443"};
	static const char *const end[] = {"host", "sip =", "dip =", "host"};
	bool v6 = pick(2);
	char a[64], b[64];

	put_address(a, sizeof(a), v6);
	put_address(b, sizeof(b), pick(2));
	switch (pick(5)) {
	case 0:
		snprintf(out, size, "%s", other[pick(4)]);
		break;
	case 1:
		snprintf(out, size, "%s in (%s, %s)", pick(2) ? "host" : "sip",
		    a, b);
		break;
	case 2:
		snprintf(out, size, "net %s/%u", a, (v6 ? 124 : 28) +
		    pick(4));
		break;
	default:
		snprintf(out, size, "%s %s", end[pick(4)], a);
	}
}

static void
put_condition(char *out, size_t size, unsigned depth)
{
	char a[256], b[256];
	int len;

	if (depth == 0 || pick(3) == 0) {
		put_leaf(out, size);
		return;
	}
	put_condition(a, sizeof(a), depth - 1);
	put_condition(b, sizeof(b), depth - 1);
	if (pick(6) == 0)
		len = snprintf(out, size, "not (%s)", a);
	else
		len = snprintf(out, size, "(%s) %s (%s)", a,
		    pick(2) ? "and" : "or", b);
	if (len < 0 || (size_t)len >= size)
		put_leaf(out, size);
}

/* ---- both ways ---------------------------------------------------------- */

static bool
is_same_part(const struct godb_scan *a, const struct godb_scan *b, size_t i)
{
	const struct godb_part *p = godb_scan_part(a, i);
	const struct godb_part *q = godb_scan_part(b, i);

	return p->slot_s == q->slot_s && p->n4 == q->n4 && p->n6 == q->n6 &&
	    p->flags == q->flags && memcmp(p->id, q->id, sizeof(p->id)) == 0 &&
	    gdi_scan_ruled_out(a, i) == gdi_scan_ruled_out(b, i);
}

static bool
is_same_held(const struct gdi_held *p, const struct gdi_held *q)
{
	return p->iface == q->iface && p->day_s == q->day_s &&
	    p->digest.index_sum == q->digest.index_sum &&
	    p->digest.n_stretches == q->digest.n_stretches;
}

static bool
extents_equal(const struct godb_scan *a, const struct godb_scan *b)
{
	int64_t first[2], last[2];

	return godb_scan_extent(a, 0, &first[0], &last[0]) &&
	    godb_scan_extent(b, 0, &first[1], &last[1]) &&
	    first[0] == first[1] && last[0] == last[1];
}

/* Whether two scans know the same of the same store. */
static bool
scans_equal(const struct godb_scan *a, const struct godb_scan *b)
{
	struct godb_spared p, q;
	bool same;

	godb_scan_spared(a, 0, &p);
	godb_scan_spared(b, 0, &q);
	same = p.days == q.days && p.blocks == q.blocks && p.rows == q.rows &&
	    p.bytes == q.bytes &&
	    godb_scan_n_parts(a) == godb_scan_n_parts(b) &&
	    gdi_scan_n_helds(a) == gdi_scan_n_helds(b) &&
	    godb_scan_n_faults(a) == godb_scan_n_faults(b) &&
	    extents_equal(a, b);
	for (size_t i = 0; same && i < godb_scan_n_parts(a); i++)
		same = is_same_part(a, b, i);
	for (size_t i = 0; same && i < gdi_scan_n_helds(a); i++)
		same = is_same_held(gdi_scan_held(a, i), gdi_scan_held(b, i));
	return same;
}

/* Whole days mostly, and some that the window cuts. */
static void
open_both(struct godb_reader *r, struct godb_scan_opts *o,
    struct godb_scan *s[2])
{
	o->first_s = T0 + (pick(3) ? 0 : pick(DAYS)) * GP_DAY_S;
	o->last_s = T0 + (1 + pick(DAYS)) * GP_DAY_S;
	if (pick(4) == 0)
		o->first_s += pick(288) * GP_SLOT_S;
	if (pick(4) == 0)
		o->last_s -= pick(288) * GP_SLOT_S;
	o->sure = is_stale || pick(2);
	for (int plain = 0; plain < 2; plain++) {
		o->no_index = plain;
		if (godb_scan_open(r, o, &s[plain]) < 0)
			abort();
	}
	o->no_index = false;
}

struct tally {
	uint64_t wrong, hits, days, blocks, rows;
	uint64_t ruled_out; /* parts */
	uint64_t unlike; /* by threads and by one, or extents without index */
};

/* The scan opened once more, by threads. */
static void
check_scans(struct godb_reader *r, struct godb_scan_opts *o,
    struct godb_scan *const was[2], struct tally *t)
{
	const struct godb_scan *one = was[0];
	struct godb_scan *s;

	for (size_t i = 0; i < godb_scan_n_parts(one); i++)
		t->ruled_out += gdi_scan_ruled_out(one, i);
	t->unlike += !extents_equal(one, was[1]);
	o->pool = pool;
	if (godb_scan_open(r, o, &s) < 0)
		abort();
	o->pool = NULL;
	t->unlike += !scans_equal(one, s);
	godb_scan_close(s);
}

static void
count_spared(const struct godb_scan *s, struct tally *t)
{
	struct godb_spared spared;

	godb_scan_spared(s, 0, &spared);
	t->days += spared.days;
	t->blocks += spared.blocks;
	t->rows += spared.rows;
}

static void
check_condition(struct godb_reader *r, const char *text, struct tally *t)
{
	struct godb_scan_opts so = GODB_SCAN_OPTS_INIT;
	struct godb_query_opts q = GODB_QUERY_OPTS_INIT;
	struct godb_result *a[2] = {NULL, NULL};
	struct godb_scan *s[2];
	struct godb_cond *c;
	struct godb_diag d;

	if (godb_cond_parse(text, NULL, &c, &d) < 0)
		abort();
	so.cond = q.cond = c;
	(void)godb_keys_parse("time,sip,dip,dport", &q.keys, NULL);
	open_both(r, &so, s);
	check_scans(r, &so, s, t);
	if (godb_query_run(s[0], &q, &a[0]) < 0 ||
	    godb_query_run(s[1], &q, &a[1]) < 0)
		abort();
	if (!result_equals(a[0], a[1])) {
		diag("%s", text);
		t->wrong++;
	}
	t->hits += godb_result_n_hits(a[1]) > 0;
	count_spared(s[0], t);
	for (int i = 0; i < 2; i++) {
		godb_result_free(a[i]);
		godb_scan_close(s[i]);
	}
	godb_cond_free(c);
}

static void
check_conditions(struct godb_reader *r)
{
	struct tally t = {.wrong = 0};

	for (unsigned i = 0; i < CONDITIONS; i += tap_stride(3)) {
		char text[512];

		put_condition(text, sizeof(text), pick(3));
		check_condition(r, text, &t);
	}
	is_int((int64_t)t.wrong, 0, "answers are those without an index");
	is_int((int64_t)t.unlike, 0, "threads see what one does");
	if (is_stale)
		ok(t.hits > LEAST && t.days == 0 && t.ruled_out == 0,
		    "%d with rows, nothing spared", (int)t.hits);
	else
		ok(t.hits > LEAST && t.days > LEAST / 10 &&
			t.blocks > LEAST * 10 && t.rows > LEAST * 10 &&
			t.ruled_out > LEAST,
		    "%d with rows; %d days, %d blocks, %d rows spared, %d "
		    "ruled out", (int)t.hits, (int)t.days, (int)t.blocks,
		    (int)t.rows, (int)t.ruled_out);
}

/* ---- sightings ---------------------------------------------------------- */

#define PREFIXES 60

static struct godb_prefix
some_prefix(void)
{
	struct godb_prefix p = {.version = pick(2) ? 4 : 6};
	unsigned host = pick(2) ? 0 : pick(9);

	if (p.version == 4)
		p.addr.lo = (pick(2) ? 0x0a000000 : 0xc0000200) + pick(90);
	else
		p.addr = (struct godb_addr6){(UINT64_C(0x20010db8) << 32) +
		    (pick(2) ? pick(BLOCKS + 2) : 0), pick(60)};
	if (pick(20) == 0)
		host = p.version == 4 ? 32 : 64 + pick(20);
	p.len = (uint8_t)((p.version == 4 ? 32 : 128) - host);
	p.addr.lo = host >= 64 ? 0 : p.addr.lo >> host << host;
	if (host > 64)
		p.addr.hi = p.addr.hi >> (host - 64) << (host - 64);
	return p;
}

static void
check_sightings(struct godb_reader *r)
{
	struct godb_scan_opts so = GODB_SCAN_OPTS_INIT;
	struct tally t = {.wrong = 0};

	so.addresses = true;
	for (unsigned i = 0; i < SIGHTINGS; i += tap_stride(3)) {
		struct godb_seen_opts o = GODB_SEEN_OPTS_INIT;
		struct godb_prefix p[PREFIXES];
		struct godb_seen *seen[2];
		struct godb_scan *s[2];

		o.prefix = p;
		o.n = 1 + pick(pick(3) ? PREFIXES : 2);
		for (size_t k = 0; k < o.n; k++)
			p[k] = some_prefix();
		open_both(r, &so, s);
		check_scans(r, &so, s, &t);
		if (godb_seen_run(s[0], &o, &seen[0]) < 0 ||
		    godb_seen_run(s[1], &o, &seen[1]) < 0)
			abort();
		for (size_t k = 0; k < o.n; k++) {
			struct godb_sighting g[2];
			bool is = godb_seen_sighting(seen[1], k, &g[1]);

			t.wrong += godb_seen_sighting(seen[0], k, &g[0]) != is ||
			    memcmp(&g[0], &g[1], sizeof(g[0])) != 0 ||
			    godb_seen_on(seen[0], k, 0) != is;
			t.hits += is;
		}
		count_spared(s[0], &t);
		for (int k = 0; k < 2; k++) {
			godb_seen_free(seen[k]);
			godb_scan_close(s[k]);
		}
	}
	is_int((int64_t)t.wrong, 0, "sightings are those of all rows");
	is_int((int64_t)t.unlike, 0, "threads see what one does");
	ok(t.hits > 5 * LEAST && t.days > LEAST / 5 && t.rows > 10 * LEAST,
	    "%d seen; %d days, %d rows spared", (int)t.hits, (int)t.days,
	    (int)t.rows);
}

/* What is told of a day that is not read is what is in it. */
static void
check_spared(struct godb_reader *r)
{
	struct godb_scan_opts o = GODB_SCAN_OPTS_INIT;
	uint64_t blocks = 0, rows = 0, bytes = 0;
	struct godb_spared spared;
	struct godb_scan *s;

	o.first_s = T0;
	o.last_s = T0 + GP_DAY_S;
	if (godb_scan_open(r, &o, &s) < 0)
		abort();
	for (size_t i = 0; i < godb_scan_n_parts(s); i++) {
		const struct godb_part *p = godb_scan_part(s, i);

		blocks += p->n4 + p->n6 > 0;
		rows += (uint64_t)p->n4 + p->n6;
		bytes += p->stored_bytes;
	}
	godb_scan_close(s);
	o.addresses = true;
	if (godb_scan_open(r, &o, &s) < 0)
		abort();
	godb_scan_spared(s, 0, &spared);
	ok(spared.days == 1 && spared.blocks == blocks && spared.rows == rows &&
		spared.bytes == bytes && rows > 0,
	    "a day's blocks, rows and bytes are spared");
	godb_scan_close(s);
}

/* Those of another store, of the same days. */
static void
take_others_indexes(void)
{
	make_store(another);
	for (int d = 0; d < DAYS; d++) {
		char day[11], from[128], to[128];

		gp_clock_day_format(T0 + d * GP_DAY_S, day);
		snprintf(from, sizeof(from), "%s/eth0/%s/addresses.idx",
		    another, day);
		snprintf(to, sizeof(to), "%s/eth0/%s/addresses.idx", store,
		    day);
		if (rename(from, to) < 0 && errno != ENOENT)
			abort();
	}
	is_stale = true;
}

int
main(void)
{
	struct godb_reader *r;

	seed = tap_seed(20261201);
	if (!folder_temporary(folder, sizeof(folder)))
		abort();
	snprintf(store, sizeof(store), "%s/store", folder);
	snprintf(another, sizeof(another), "%s/other", folder);
	if (eager_pool(3, &pool) < 0)
		abort();
	make_store(store);
	if (godb_reader_open(store, &r) < 0)
		abort();
	check_spared(r);
	check_conditions(r);
	check_sightings(r);
	take_others_indexes();
	check_conditions(r);
	godb_reader_close(r);
	godb_pool_free(pool);
	folder_remove(folder);
	return tap_done();
}
