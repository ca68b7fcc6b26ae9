/*
 * Answers where address indexes spare days and blocks are those of a scan that
 * asks none; and so are sightings.  Of four days one is whole in its index, to
 * one a block came later, one has a journal, and one has no index.
 */
#include "common/godb/addrbuild.h"

#include "common/base/clock.h"
#include "common/godb/held.h"
#include "tests/lib/rolluptest.h"

#define DAYS   4
#define BLOCKS 24 /* a day */
#define ROWS   12

static char folder[64], store[80];
static uint64_t seed;

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
build_index(int64_t day_s)
{
	struct gdi_addrbuild_opts o = {"eth0", day_s, 0640, 0, 0, 0};
	char day[11], path[128];
	int fd;

	gp_clock_day_format(day_s, day);
	snprintf(path, sizeof(path), "%s/eth0/%s", store, day);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || gdi_addrbuild_run(fd, &o) != 0)
		abort();
	close(fd);
}

static void
make_store(void)
{
	struct godb_writer *w;

	if (store_open(store, &w) < 0)
		abort();
	for (int d = 0; d < DAYS; d++) {
		int64_t day_s = T0 + d * GP_DAY_S;

		for (int i = 0; i < BLOCKS; i++)
			append(w, day_s + i * (GP_DAY_S / BLOCKS) +
				i * GP_SLOT_S, true);
		if (d < 3)
			build_index(day_s);
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
	o->sure = pick(2);
	for (int plain = 0; plain < 2; plain++) {
		o->no_index = plain;
		if (godb_scan_open(r, o, &s[plain]) < 0)
			abort();
	}
}

struct tally {
	uint64_t wrong, hits, days, blocks, rows;
};

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
	struct tally t = {0, 0, 0, 0, 0};

	for (unsigned i = 0; i < 1500; i += tap_stride(3)) {
		char text[512];

		put_condition(text, sizeof(text), pick(3));
		check_condition(r, text, &t);
	}
	is_int((int64_t)t.wrong, 0, "answers are those without an index");
	ok(t.hits > 100 && t.days > 10 && t.blocks > 1000 && t.rows > 1000,
	    "%d with rows; %d days, %d blocks, %d rows spared", (int)t.hits,
	    (int)t.days, (int)t.blocks, (int)t.rows);
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
	struct tally t = {0, 0, 0, 0, 0};

	so.addresses = true;
	for (unsigned i = 0; i < 300; i += tap_stride(3)) {
		struct godb_seen_opts o = GODB_SEEN_OPTS_INIT;
		struct godb_prefix p[PREFIXES];
		struct godb_seen *seen[2];
		struct godb_scan *s[2];

		o.prefix = p;
		o.n = 1 + pick(pick(3) ? PREFIXES : 2);
		for (size_t k = 0; k < o.n; k++)
			p[k] = some_prefix();
		open_both(r, &so, s);
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
	ok(t.hits > 500 && t.days > 20 && t.rows > 1000,
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

int
main(void)
{
	struct godb_reader *r;

	seed = tap_seed(20261201);
	if (!folder_temporary(folder, sizeof(folder)))
		abort();
	snprintf(store, sizeof(store), "%s/store", folder);
	make_store();
	if (godb_reader_open(store, &r) < 0)
		abort();
	check_spared(r);
	check_conditions(r);
	check_sightings(r);
	godb_reader_close(r);
	folder_remove(folder);
	return tap_done();
}
