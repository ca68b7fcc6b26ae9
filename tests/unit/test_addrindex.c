/*
 * An address index has exactly the addresses and blocks that a slow look at
 * every row finds, in one pass and in many; it finds them by seeking, too; and
 * no byte of it can be changed without being noticed.
 */
#include "common/godb/addrbuild.h"

#include "common/base/clock.h"
#include "common/godb/held.h"
#include "common/godb/index.h"
#include "tests/lib/storetest.h"

#define BLOCKS   140 /* more than an address has without a bit map */
#define STEP     2   /* slots from one to the next */
#define MOST     60000
#define DAY_NAME "2025-11-25"

/* What the slow look knows. */
static struct known {
	struct godb_addr6 addr;
	struct gdi_slots slots;
} known[2][MOST];
static size_t n_known[2];
static char folder[64], store[80];
static uint64_t seed;

static void
know(int v, struct godb_addr6 a, unsigned slot)
{
	size_t i = 0;

	while (i < n_known[v] && gdi_addr_order(known[v][i].addr, a) != 0)
		i++;
	if (i == n_known[v]) {
		if (i == MOST)
			abort();
		known[v][i].addr = a;
		memset(&known[v][i].slots, 0, sizeof(known[v][i].slots));
		n_known[v]++;
	}
	gdi_slots_set(&known[v][i].slots, slot);
}

static int
order_known(const void *a, const void *b)
{
	return gdi_addr_order(((const struct known *)a)->addr,
	    ((const struct known *)b)->addr);
}

static void
look_slowly(void)
{
	struct godb_columns c;
	struct godb_cursor *cursor;
	struct view v;

	n_known[0] = n_known[1] = 0;
	if (view_open(store, &v) < 0 || godb_cursor_new(v.scan, &cursor) < 0)
		abort();
	for (size_t i = 0; i < godb_scan_n_parts(v.scan); i++) {
		const struct godb_part *p = godb_scan_part(v.scan, i);
		unsigned slot = (unsigned)(p->slot_s % GP_DAY_S / GP_SLOT_S);

		if (p->flags & GODB_PART_LIVE)
			continue;
		if (godb_cursor_load(cursor, i,
			GODB_COL(GODB_SIP) | GODB_COL(GODB_DIP), true, true,
			&c, NULL) < 0)
			abort();
		for (uint32_t r = 0; r < c.n4; r++) {
			know(0, (struct godb_addr6){0, c.sip4[r]}, slot);
			know(0, (struct godb_addr6){0, c.dip4[r]}, slot);
		}
		for (uint32_t r = 0; r < c.n6; r++) {
			know(1, c.sip6[r], slot);
			know(1, c.dip6[r], slot);
		}
	}
	godb_cursor_free(cursor);
	view_close(&v);
	for (int k = 0; k < 2; k++)
		qsort(known[k], n_known[k], sizeof(known[k][0]), order_known);
}

/* Many addresses in one block, some in a few, some in nearly all. */
static void
spread(struct testbatch *t, size_t n, unsigned block)
{
	for (size_t i = 0; i < n; i++) {
		if (i % 10 < 4)
			continue; /* the few keys of batch_make */
		for (int k = 0; k < 4; k++)
			t->rows4[i].sip[k] = i % 10 > 4 ?
			    (uint8_t)tap_random(&seed) : (uint8_t)i;
		if (i % 10 == 4)
			t->rows4[i].sip[0] = (uint8_t)(block / (1 + i / 10));
		t->rows6[i].sip[15] = (uint8_t)block;
		t->rows6[i].sip[7] = (uint8_t)tap_random(&seed);
	}
}

static void
make_store(void)
{
	static struct testbatch t;
	struct godb_writer *w;
	uint64_t seq = 0;

	if (store_open(store, &w) < 0)
		abort();
	for (unsigned b = 0; b < BLOCKS; b++) {
		int64_t slot_s = T0 + b * STEP * GP_SLOT_S;

		/* a late batch is a further record of its block */
		for (int late = 0; late < (b % 5 == 4 ? 2 : 1); late++) {
			size_t n = b == 7 ? 0 : 20 + b / 2;

			batch_make(&t, &seed, "eth0", slot_s, 1, ++seq, n,
			    b % 3 ? n : 0);
			t.b.counters.overflow = 0;
			spread(&t, n, b);
			t.b.flags |= b == 9 ? GODB_PART_CUT : 0;
			t.b.first_ns = slot_s * GP_NS_PER_S;
			t.b.last_ns = (slot_s + STEP * GP_SLOT_S) * GP_NS_PER_S -
			    (b == 20);
			if (godb_writer_append(w, &t.b) != 0 ||
			    godb_writer_commit(w, "eth0", slot_s, NULL) != 0)
				abort();
		}
	}
	godb_writer_close(w);
}

static int
open_day(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/eth0/" DAY_NAME, store);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Whether the walk gives exactly what is known. */
static bool
walks_as_known(struct gdi_addrindex *x, int v)
{
	struct gdi_addrwalk *w;
	struct godb_addr6 a;
	struct gdi_slots s;
	size_t n = 0;
	bool same = x->n[v] == n_known[v];
	int rc;

	if (gdi_addrwalk_new(&w) < 0)
		abort();
	gdi_addrwalk_begin(w, x, v == 1);
	while (same && (rc = gdi_addrwalk_next(w, &a)) == 1) {
		same = n < n_known[v] &&
		    gdi_addr_order(a, known[v][n].addr) == 0 &&
		    gdi_addrwalk_slots(w, &s) == 0 &&
		    memcmp(&s, &known[v][n].slots, sizeof(s)) == 0;
		n++;
	}
	gdi_addrwalk_free(w);
	return same && n == n_known[v];
}

/* The first known one at or behind a. */
static size_t
known_from(int v, struct godb_addr6 a)
{
	size_t i = 0;

	while (i < n_known[v] && gdi_addr_order(known[v][i].addr, a) < 0)
		i++;
	return i;
}

static bool
seeks_as_known(struct gdi_addrindex *x, int v)
{
	struct gdi_addrwalk *w;
	bool same = true;

	if (gdi_addrwalk_new(&w) < 0)
		abort();
	for (int round = 0; round < 400; round++) {
		struct godb_addr6 to = {0, 0}, a;

		gdi_addrwalk_begin(w, x, v == 1);
		for (int i = 0; same && i < 6; i++) {
			uint64_t up = tap_random(&seed) >>
			    (tap_random(&seed) % (v ? 64 : 60));
			size_t at;
			int rc;

			if (v == 1 && round % 2)
				to.hi = known[1][tap_random(&seed) %
				    n_known[1]].addr.hi >= to.hi ?
				    known[1][tap_random(&seed) %
					n_known[1]].addr.hi : to.hi;
			else if (v == 0)
				to.lo += up & 0x3fffffff;
			if (round % 3 == 0) {
				at = known_from(v, to);
				if (at < n_known[v])
					to = known[v][at].addr;
			}
			rc = gdi_addrwalk_seek(w, to, &a);
			at = known_from(v, to);
			/* going back is not possible */
			if (rc == 1 && gdi_addr_order(a, to) < 0)
				same = false;
			else if (i == 0)
				same = rc == (at < n_known[v]) &&
				    (rc == 0 || gdi_addr_order(a,
						    known[v][at].addr) == 0);
			else if (at < n_known[v])
				same = rc == 1 &&
				    gdi_addr_order(a, known[v][at].addr) >= 0;
			if (rc == 1 && gdi_addr_order(a, to) >= 0)
				to = a;
		}
	}
	gdi_addrwalk_free(w);
	return same;
}

static void
check_bounds(size_t pairs, unsigned passes, const char *what)
{
	struct gdi_addrbuild_opts o = {"eth0", T0, 0640, 0, pairs, passes};
	struct gdi_addrindex x;
	int fd = open_day(), rc = gdi_addrbuild_run(fd, &o);

	is_int(rc, 0, "%s: built", what);
	rc = gdi_addrindex_open(fd, T0, false, &x);
	is_int(rc, 0, "%s: opens", what);
	if (rc == 0 && passes == 1) {
		ok(!x.listed && x.n[0] + x.n[1] == 0, "%s: says so", what);
		is_int((long)x.digest.records, (BLOCKS * 6) / 5,
		    "%s: the rest is there", what);
	} else if (rc == 0) {
		ok(x.listed && walks_as_known(&x, 0) && walks_as_known(&x, 1),
		    "%s: %zu and %zu addresses with their blocks", what,
		    n_known[0], n_known[1]);
		ok(seeks_as_known(&x, 0) && seeks_as_known(&x, 1),
		    "%s: seeking", what);
	}
	if (rc == 0)
		gdi_addrindex_close(&x);
	close(fd);
}

/* That what is tested has lists of all lengths, and bit maps. */
static void
check_kinds(void)
{
	unsigned kinds = 0;

	for (int v = 0; v < 2; v++)
		for (size_t i = 0; i < n_known[v]; i++)
			kinds |= 1u << gdi_addr_class(
				     gdi_slots_count(&known[v][i].slots));
	ok((kinds & 0x101) == 0x101 && __builtin_popcount(kinds) >= 5,
	    "lists of many lengths, bit maps: %x", kinds);
}

static void
check_digest(void)
{
	struct gdi_addrindex x;
	struct gdi_index index;
	struct stat st;
	int fd = open_day();
	const struct gdi_digest *d = &x.digest;
	struct gdi_digest full;
	struct gdi_slots used = {{0}};

	if (gdi_addrindex_open(fd, T0, true, &x) < 0 ||
	    gdi_index_read(fd, T0, &index) < 0 ||
	    fstatat(fd, "blocks.idx", &st, 0) < 0)
		abort();
	is_int((long)d->index_bytes, st.st_size, "length of the index");
	is_int((long)d->blocks, BLOCKS, "blocks");
	ok(gdi_digest_is_of(d, &index), "its checksum");
	is_int((long)d->tally[GDI_TALLY_CUT].records, 2, "cut files");
	is_int(d->tally[GDI_TALLY_CUT].first, 9 * STEP, "where");
	ok(d->tally[GDI_TALLY_LATE].records == d->records,
	    "counters of all records");
	/* one of the late batches lacks a nanosecond, the other does not */
	is_int((long)d->n_stretches, 2, "time without a break");
	for (int v = 0; v < 2; v++)
		for (size_t i = 0; i < n_known[v]; i++)
			gdi_slots_or(&used, &known[v][i].slots);
	ok(memcmp(&used, &d->used, sizeof(used)) == 0, "blocks with rows");
	index.records[3].counters.overflow = 1;
	if (gdi_digest_make(&index, &full) < 0)
		abort();
	ok(gdi_digest_covers(d) && !gdi_digest_covers(&full),
	    "packets in rows [overflow] are left to the records");
	gdi_digest_free(&full);
	gdi_index_free(&index);
	gdi_addrindex_close(&x);
	close(fd);
}

/* Retention takes the day between the scan, which knows it by its index, and
 * the look into that: nobody may take this for "never". */
static void
check_gone(void)
{
	struct godb_scan_opts scan = GODB_SCAN_OPTS_INIT;
	struct godb_seen_opts ask = GODB_SEEN_OPTS_INIT;
	const struct godb_prefix all = {.version = 4};
	const char *ifaces[] = {"eth0", NULL};
	const struct godb_fault *f;
	struct godb_reader *r;
	struct godb_sighting g;
	struct godb_seen *seen;
	struct godb_scan *s;
	char day[128], away[140];
	size_t n;

	scan.ifaces = ifaces;
	scan.last_s = T0 + GP_DAY_S;
	scan.addresses = true;
	ask.prefix = &all;
	ask.n = 1;
	snprintf(day, sizeof(day), "%s/eth0/" DAY_NAME, store);
	snprintf(away, sizeof(away), "%s/away", folder);
	if (godb_reader_open(store, &r) < 0 ||
	    godb_scan_open(r, &scan, &s) < 0 || rename(day, away) < 0)
		abort();
	ok(gdi_scan_n_helds(s) == 1 && godb_scan_n_parts(s) == 0,
	    "a day is held by its index");
	if (!ok(godb_seen_run(s, &ask, &seen) == 0, "it goes meanwhile"))
		abort();
	f = godb_seen_faults(seen, &n);
	ok(!godb_seen_sighting(seen, 0, &g) && n == 1 &&
	    f->rc == GODB_EGONE && strcmp(f->place, "eth0/" DAY_NAME) == 0 &&
	    f->first_s == T0 && f->last_s == T0 + GP_DAY_S,
	    "and this is told");
	if (rename(away, day) < 0)
		abort();
	godb_seen_free(seen);
	godb_scan_close(s);
	godb_reader_close(r);
}

/* Every byte, changed: opening or walking says so. */
static void
check_damage(void)
{
	char path[160];
	uint8_t *good, *p;
	size_t len, wrong = 0, told = 0;
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/eth0/" DAY_NAME "/addresses.idx",
	    store);
	fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &st) < 0)
		abort();
	len = (size_t)st.st_size;
	good = malloc(len);
	if (good == NULL || read(fd, good, len) != (ssize_t)len)
		abort();
	close(fd);
	for (size_t i = 0; i <= len; i += 1 + i / 5000) {
		struct gdi_addrindex x;
		int rc;

		p = calloc(1, len + GDI_SLACK);
		if (p == NULL)
			abort();
		memcpy(p, good, len);
		if (i < len)
			p[i] ^= (uint8_t)(1 + tap_random(&seed) % 255);
		rc = gdi_addrindex_parse(p, i == len ? len - 1 : len, T0, &x);
		if (rc < 0) {
			told++;
			continue;
		}
		if (walks_as_known(&x, 0) && walks_as_known(&x, 1))
			wrong++; /* nobody noticed */
		else
			told++;
		gdi_addrindex_close(&x);
	}
	/* the interface's name is covered by the header's checksum, too */
	ok(wrong == 0 && told > 1000, "%zu changes noticed, %zu not", told,
	    wrong);
	free(good);
}

static void
check_part(void)
{
	struct gdi_addrbuild_opts o = {"eth0", T0, 0640, 0, 0, 0};
	struct gdi_addrbuild *b;
	struct gdi_addrindex x;
	struct gdi_index index;
	uint8_t *p;
	size_t len;
	int fd = open_day(), rc;

	if (gdi_index_read(fd, T0, &index) < 0)
		abort();
	o.only_bytes = index.records[10].offset;
	rc = gdi_addrbuild_new(fd, &o, &b);
	while (rc == 0 && (rc = gdi_addrbuild_step(b)) == 1)
		rc = 0;
	is_int(rc, 0, "of the first records alone");
	p = gdi_addrbuild_take(b, &len);
	gdi_addrbuild_free(b);
	rc = gdi_addrindex_parse(p, len, T0, &x);
	is_int(rc, 0, "in memory");
	is_int((long)x.digest.records, 10, "ten of them");
	ok(gdi_digest_is_of(&x.digest, &index), "their checksum");
	gdi_addrindex_close(&x);
	o.only_bytes++;
	is_int(gdi_addrbuild_new(fd, &o, &b), GODB_EDAMAGED,
	    "not within a record");
	gdi_index_free(&index);
	close(fd);
}

static void
put_file(int dir, const char *name, const struct gdi_buf *b)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, b->p, b->len) != (ssize_t)b->len)
		abort();
	close(fd);
}

/* A day of another writer: one block of four rows of `address`, whose chunks
 * have a dictionary of it and of one that no row has. */
static void
make_unused(int dir, uint32_t address, bool v6)
{
	uint8_t header[GDI_HEADER_BYTES];
	struct gdi_record r = {.slot_s = T0, .first_ns = T0 * GP_NS_PER_S,
	    .last_ns = T0 * GP_NS_PER_S + 1, .flags = GODB_PART_DIR_FLOW};
	struct gdi_buf columns[GODB_N_COLUMNS] = {{0}}, chunk = {0}, index = {0};
	struct gdi_rings rings = {0};
	struct gdi_chunk k;

	*(v6 ? &r.n6 : &r.n4) = 4;
	gdi_buf_u8(&chunk, GDI_STORED);
	gdi_buf_u8(&chunk, v6 ? GDI_ADDR_DICT : GDI_DICT);
	gdi_buf_varint(&chunk, 2);
	gdi_buf_bytes(&chunk, "\2\1", 2); /* PACK of a bit: it and the next */
	gdi_buf_varint(&chunk, address);
	gdi_buf_u8(&chunk, 2);
	for (int i = 0; i < (v6 ? 2 : 1); i++)
		gdi_buf_bytes(&chunk, "\1\0", 2); /* CONST 0: low; codes */
	k = (struct gdi_chunk){.stored = (uint32_t)chunk.len, .min = address,
	    .max = address, .checksum = gp_checksum(chunk.p, chunk.len, 0)};
	for (int c = 0; c < GODB_N_COLUMNS; c++) {
		gdi_extent_begin(&columns[c], 0);
		gdi_extent_add(&columns[c], &k);
		r.stored_bytes += k.stored;
	}
	gdi_index_header("eth0", T0, header);
	gdi_buf_bytes(&index, header, sizeof(header));
	gdi_record_write(&r, columns, &rings, &index);
	put_file(dir, GDI_INDEX, &index);
	put_file(dir, gdi_columns[GODB_SIP].file, &chunk);
	put_file(dir, gdi_columns[GODB_DIP].file, &chunk);
	for (int c = 0; c < GODB_N_COLUMNS; c++)
		gdi_buf_free(&columns[c]);
	gdi_buf_free(&chunk);
	gdi_buf_free(&index);
}

/* What no row has is not in the index, whatever a chunk's dictionary has. */
static void
check_unused(void)
{
	for (int v = 0; v < 2; v++) {
		struct gdi_addrbuild_opts o = {"eth0", T0, 0640, 0, 0, 0};
		struct gdi_addrindex x;
		char path[128];
		int fd;

		snprintf(path, sizeof(path), "%s/unused%d", folder, v);
		fd = mkdir(path, 0755) < 0 ? -1 :
		    open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			abort();
		make_unused(fd, 167772161, v == 1);
		if (gdi_addrbuild_run(fd, &o) != 0 ||
		    gdi_addrindex_open(fd, T0, false, &x) != 0)
			abort();
		is_int((int64_t)x.n[v], 1, "IPv%d: one address, and not one "
		    "that only a dictionary has", v ? 6 : 4);
		gdi_addrindex_close(&x);
		close(fd);
	}
}

/* An index of one address, or none, in a day with so many blocks with rows. */
static int
parse_made(bool address, bool used)
{
	const struct godb_addr6 a = {0, 167772161};
	const uint16_t one = 1;
	struct gdi_slots slots = {{0}};
	struct gdi_group_place place = {.first = a};
	struct gdi_addrindex x = {.listed = true, .n = {address},
	    .group = {&place}, .n_groups = {address}};
	struct gdi_buf file = {0};
	int rc;

	gdi_slots_set(&slots, 5);
	gdi_buf_room(&file, GDI_HEADER_BYTES);
	file.len = GDI_HEADER_BYTES;
	if (address)
		gdi_group_write(&a, &slots, &one, 1, false, &file);
	place.bytes = (uint32_t)(file.len - GDI_HEADER_BYTES);
	place.checksum = gp_checksum(file.p + GDI_HEADER_BYTES, place.bytes, 0);
	gdi_addrindex_header("eth0", T0, file.len, file.p);
	x.digest.index_bytes = GDI_HEADER_BYTES;
	if (used)
		x.digest.used = slots;
	gdi_addrindex_head(&x, &file);
	rc = gdi_addrindex_parse(file.p, file.len, T0, &x);
	if (rc == 0)
		gdi_addrindex_close(&x);
	return rc;
}

/* Rows have addresses, and addresses rows: one that says otherwise would say
 * "never" of what was seen. */
static void
check_contradictions(void)
{
	is_int(parse_made(true, true), 0, "an address in a block");
	is_int(parse_made(false, false), 0, "no address, no rows");
	is_int(parse_made(true, false), GODB_EDAMAGED, "an address, no rows");
	is_int(parse_made(false, true), GODB_EDAMAGED, "rows, no address");
}

/* A list that is said to be of more than any list of blocks may have, and one
 * as long: that costs the day, not the scan. */
static void
check_huge(void)
{
	struct godb_scan_opts opts = GODB_SCAN_OPTS_INIT;
	struct gdi_stretch all = {T0 * GP_NS_PER_S, T0 * GP_NS_PER_S + 1};
	struct gdi_addrindex x = {.listed = true,
	    .digest = {.index_bytes = UINT64_C(1) << 41, .records = 1,
		.first_s = T0, .last_s = T0, .stretch = &all,
		.n_stretches = 1}};
	struct gdi_buf file = {0};
	struct godb_reader *r;
	struct godb_scan *s;
	int fd = open_day(), rc;
	char path[128];

	gdi_buf_room(&file, GDI_HEADER_BYTES);
	file.len = GDI_HEADER_BYTES;
	gdi_addrindex_header("eth0", T0, file.len, file.p);
	gdi_addrindex_head(&x, &file);
	put_file(fd, GDI_ADDRESSES, &file);
	gdi_buf_free(&file);
	close(fd);
	snprintf(path, sizeof(path), "%s/eth0/" DAY_NAME "/blocks.idx", store);
	if (truncate(path, INT64_C(1) << 41) < 0)
		abort();
	opts.addresses = opts.sure = true;
	if (godb_reader_open(store, &r) < 0)
		abort();
	rc = godb_scan_open(r, &opts, &s);
	is_int(rc, 0, "a list of blocks that is too large");
	if (rc == 0) {
		ok(godb_scan_n_faults(s) == 1 &&
			godb_scan_fault(s, 0)->rc == GODB_EDAMAGED,
		    "is damage of its day");
		godb_scan_close(s);
	}
	godb_reader_close(r);
}

/* Blocks within others' time, flags of blocks without rows, both kinds. */
static void
check_made(void)
{
	struct gdi_record r[] = {
	    {.slot_s = T0, .last_ns = 100, .flags = GODB_PART_CUT},
	    {.slot_s = T0 + 300, .first_ns = 10, .last_ns = 20},
	    {.slot_s = T0 + 600, .first_ns = 90, .last_ns = 200, .n4 = 1,
		.flags = GODB_PART_DIR_FLOW}};
	uint8_t bytes[64] = {0};
	struct gdi_index index = {.data = bytes, .size = sizeof(bytes),
	    .records = r, .n = 3};
	struct gdi_digest d;

	if (gdi_digest_make(&index, &d) < 0)
		abort();
	ok(d.n_stretches == 1 && d.stretch[0].first_ns == 0 &&
		d.stretch[0].last_ns == 200, "what overlaps is one stretch");
	is_int(d.row_flags, GODB_PART_DIR_FLOW, "flags of rows");
	gdi_digest_free(&d);
	r[1].flags = GODB_PART_OFFLINE;
	if (gdi_digest_make(&index, &d) < 0)
		abort();
	ok(!gdi_digest_covers(&d), "files among live blocks: none is told");
	gdi_digest_free(&d);
}

int
main(void)
{
	seed = tap_seed(20261129);
	if (!folder_temporary(folder, sizeof(folder)))
		abort();
	snprintf(store, sizeof(store), "%s/store", folder);
	make_store();
	look_slowly();
	check_bounds(0, 0, "one pass");
	check_bounds(700, 1000, "many passes");
	check_bounds(300, 1000, "more passes");
	check_bounds(700, 1, "too many");
	check_bounds(4000, 1, "too many, behind the first groups");
	check_bounds(0, 0, "again");
	check_kinds();
	check_digest();
	check_made();
	check_part();
	check_unused();
	check_gone();
	check_damage();
	check_contradictions();
	check_huge();
	folder_remove(folder);
	return tap_done();
}
