/*
 * Sightings equal those of a slow twin that compares every row with every
 * prefix: nested, equal and touching prefixes, both versions, several
 * interfaces and days, with threads and without.
 */
#include "common/godb/godb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/eagerpool.h"
#include "tests/lib/fakescan.h"
#include "tests/tap.h"

#define DAY      INT64_C(86400)
#define PARTS    30
#define ROWS     60
#define PREFIXES 80

static uint64_t seed;
static struct {
	uint32_t iface;
	int64_t slot_s;
	size_t n;
	struct fake_row rows[ROWS];
} part[PARTS];

static uint64_t
pick(uint64_t below)
{
	return tap_random(&seed) % below;
}

/* Few addresses, the ends of the space among them. */
static struct godb_addr6
random_addr(unsigned version)
{
	static const uint64_t some[] = {0, 1, 2, 3, 4, 7, 8, 0x0a000000,
	    0x0a0000ff, 0x0a000100, 0x0a00ffff, 0x0a010000, 0x7fffffff,
	    0x80000000, 0xfffffffe, 0xffffffff};
	struct godb_addr6 a = {0, some[pick(16)]};

	if (version == 6) {
		a.hi = pick(3) == 0 ? UINT64_MAX : pick(3);
		if (pick(3) == 0)
			a.lo = ~a.lo;
	}
	return a;
}

static struct godb_scan *
random_scan(void)
{
	struct godb_scan *s = fake_scan_new();
	size_t at = 0;

	for (uint32_t f = 0; f < 3; f++)
		fake_add_iface(s, f == 0 ? "a" : f == 1 ? "b" : "c");
	for (uint32_t f = 0; f < 3; f++) {
		for (int i = 0; i < PARTS / 3; i++, at++) {
			part[at].iface = f;
			part[at].slot_s = DAY * 20000 + i * DAY / 3 / 300 * 300;
			part[at].n = pick(ROWS);
			for (size_t k = 0; k < part[at].n; k++) {
				struct fake_row *r = &part[at].rows[k];

				memset(r, 0, sizeof(*r));
				r->version = pick(3) ? 4 : 6;
				r->sip = random_addr(r->version);
				r->dip = random_addr(r->version);
			}
			fake_add_part(s, f, part[at].slot_s, part[at].rows,
			    part[at].n);
		}
	}
	return s;
}

static struct godb_prefix
random_prefix(void)
{
	struct godb_prefix p = {.version = pick(3) ? 4 : 6};
	unsigned bits = p.version == 4 ? 32 : 128;
	unsigned host = pick(2) ? 0 : (unsigned)pick(bits + 1);

	p.addr = random_addr(p.version);
	p.len = (uint8_t)(bits - host);
	if (host >= 64) {
		p.addr.lo = 0;
		p.addr.hi = host == 128 ? 0 :
		    p.addr.hi >> (host - 64) << (host - 64);
	} else {
		p.addr.lo = p.addr.lo >> host << host;
	}
	return p;
}

static bool
has(const struct godb_prefix *p, unsigned version, struct godb_addr6 a)
{
	unsigned host = (p->version == 4 ? 32u : 128u) - p->len;

	if (version != p->version)
		return false;
	if (host == 128)
		return true;
	if (host >= 64)
		return a.hi >> (host - 64) == p->addr.hi >> (host - 64);
	return a.hi == p->addr.hi && a.lo >> host == p->addr.lo >> host;
}

/* Whether the prefix has the sighting that the rows give it. */
static bool
as_twin(const struct godb_seen *s, size_t at, const struct godb_prefix *p,
    const bool *broken, bool *seen)
{
	struct godb_sighting want = {INT64_MAX, INT64_MIN, 0}, have;
	bool on[3] = {false, false, false}, day[8] = {false}, same = true;

	for (size_t i = 0; i < PARTS; i++) {
		bool any = false;

		for (size_t k = 0; !broken[i] && k < part[i].n; k++)
			any |= has(p, part[i].rows[k].version,
				   part[i].rows[k].sip) ||
			    has(p, part[i].rows[k].version,
				part[i].rows[k].dip);
		if (!any)
			continue;
		on[part[i].iface] = true;
		day[part[i].slot_s / DAY - 20000] = true;
		if (part[i].slot_s < want.first_s)
			want.first_s = part[i].slot_s;
		if (part[i].slot_s > want.last_s)
			want.last_s = part[i].slot_s;
	}
	for (size_t d = 0; d < 8; d++)
		want.days += day[d];
	*seen = want.days > 0;
	if (godb_seen_sighting(s, at, &have) != *seen)
		return false;
	for (size_t f = 0; f < 3; f++)
		same &= godb_seen_on(s, at, f) == on[f];
	return same && (!*seen ||
	    (have.first_s == want.first_s && have.last_s == want.last_s &&
		have.days == want.days));
}

/* Whether each is of a part that is broken, and no two of one. */
static bool
are_broken(const struct godb_fault *f, size_t n, const bool *broken)
{
	bool told[PARTS] = {false}, right = true;

	for (size_t k = 0; k < n; k++) {
		size_t i = 0;

		while (i < PARTS && (part[i].slot_s != f[k].first_s ||
		    f[k].iface[0] != "abc"[part[i].iface]))
			i++;
		right &= i < PARTS && broken[i] && !told[i];
		if (i < PARTS)
			told[i] = true;
	}
	return right;
}

static void
check_random(struct godb_pool *pool)
{
	unsigned wrong = 0, seen = 0, never = 0, faults = 0;

	for (int round = 0; round < 60; round++) {
		struct godb_prefix p[PREFIXES];
		struct godb_seen_opts o = GODB_SEEN_OPTS_INIT;
		struct godb_scan *s = random_scan();
		struct godb_seen *r = NULL;
		bool broken[PARTS] = {false}, any;
		const struct godb_fault *fault;
		size_t n_faults = 0, n_broken = 0;

		fake_phantom4 = pick(2) ? 0x0a000007 : 0;
		for (size_t i = 0; i < PARTS; i++) {
			broken[i] = pick(10) == 0 && part[i].n > 0;
			if (broken[i])
				fake_break_part(s, i, GODB_EDAMAGED);
			n_broken += broken[i];
		}
		o.prefix = p;
		o.n = pick(PREFIXES) + 1;
		o.pool = round % 2 ? pool : NULL;
		p[0] = (struct godb_prefix){4, 32, {0, 0x0a000007}};
		for (size_t i = 1; i < o.n; i++)
			p[i] = random_prefix();
		if (godb_seen_run(s, &o, &r) < 0) {
			wrong++;
			continue;
		}
		fault = godb_seen_faults(r, &n_faults);
		faults += n_faults > 0;
		wrong += n_faults > n_broken;
		wrong += !are_broken(fault, n_faults, broken);
		for (size_t i = 0; i < o.n; i++) {
			wrong += !as_twin(r, i, &p[i], broken, &any);
			seen += any;
			never += !any;
		}
		godb_seen_free(r);
		godb_scan_close(s);
	}
	is_int(wrong, 0, "sightings are those of the slow twin");
	ok(seen > 500 && never > 30 && faults > 20,
	    "of all kinds: %u seen, %u never, %u with faults", seen, never,
	    faults);
	fake_phantom4 = 0;
}

static void
check_edges(void)
{
	struct godb_prefix bad = {4, 33, {0, 0}};
	struct godb_seen_opts o = GODB_SEEN_OPTS_INIT;
	struct godb_scan *s = random_scan();
	struct godb_seen *r = NULL;
	struct godb_sighting where;
	/* "never" would be said of the addresses before it */
	static const struct godb_prefix dirty[] = {
		{4, 24, {0, 0x0a000001}}, {4, 32, {1, 0x0a000001}},
		{4, 32, {0, UINT64_C(1) << 32}}, {4, 0, {0, 1}},
		{6, 127, {0, 1}}, {6, 64, {0, 1}}, {6, 63, {1, 0}},
		{6, 0, {UINT64_C(1) << 63, 0}},
	};
	static const struct godb_prefix clean[] = {
		{4, 32, {0, UINT32_MAX}}, {4, 0, {0, 0}}, {6, 0, {0, 0}},
		{6, 1, {UINT64_C(1) << 63, 0}}, {6, 64, {1, 0}},
		{6, 65, {0, UINT64_C(1) << 63}}, {6, 128, {1, UINT64_MAX}},
	};
	size_t n = 0;

	is_int(godb_seen_run(s, &o, &r), 0, "nothing asked");
	ok(!godb_seen_sighting(r, 0, &where) && !godb_seen_on(r, 0, 0),
	    "  and none seen beyond the last");
	godb_seen_free(r);
	o.n = 1;
	for (size_t i = 0; i < sizeof(dirty) / sizeof(dirty[0]); i++) {
		o.prefix = &dirty[i];
		n += godb_seen_run(s, &o, &r) == -EINVAL;
	}
	is_int((int64_t)n, sizeof(dirty) / sizeof(dirty[0]),
	    "bits behind a prefix are refused");
	o.n = sizeof(clean) / sizeof(clean[0]);
	o.prefix = clean;
	is_int(godb_seen_run(s, &o, &r), 0, "  not those of it");
	ok(!godb_seen_on(r, 0, 1000) &&
		!godb_seen_sighting(r, o.n, &where),
	    "  nothing is seen on an interface that is not there");
	godb_seen_free(r);
	o.prefix = &bad;
	o.n = 1;
	is_int(godb_seen_run(s, &o, &r), -EINVAL, "33 bits");
	bad.len = 0;
	o.mem_bytes = 100;
	is_int(godb_seen_run(s, &o, &r), GODB_EMEMORY, "100 bytes");
	godb_scan_close(s);
}

int
main(void)
{
	struct godb_pool *pool = NULL;

	seed = tap_seed(20261126);
	is_int(eager_pool(3, &pool), 0, "three threads");
	check_random(pool);
	check_edges();
	godb_pool_free(pool);
	return tap_done();
}
