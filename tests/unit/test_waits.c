/* Rows of IPv6 that wait until IPv4's groups are finished: the best groups are
 * those of all groups, and whatever is damaged costs what it costs otherwise.
 */
#include "tests/lib/eagerpool.h"
#include "tests/lib/rolluptest.h"

#define BLOCKS 15
#define ROWS   8000 /* of each version in each block */
#define STRIDE 5 /* of the questions there are */
#define FLIPS  6
#define MOST   (24u << 20) /* then a sixteenth of it is a crowd */

static char root[32], path[64];
static uint64_t seed, seq;
static struct testbatch t;

/* Most pairs are of one block alone, others come again in each. */
static void
add_block(struct godb_writer *w, int64_t block, size_t n4, size_t n6,
    bool commit)
{
	int64_t slot_s = T0 + block * 300;

	for (size_t at = 0; at < n4 || at < n6; at += BATCH_ROWS) {
		batch_make(&t, &seed, "eth0", slot_s, 1, ++seq,
		    at < n4 ? BATCH_ROWS : 0, at < n6 ? BATCH_ROWS : 0);
		for (size_t i = 0; i < BATCH_ROWS; i++) {
			uint8_t of = i % 4 ? (uint8_t)block : 77;
			uint8_t high = (uint8_t)((at + i) >> 8);

			t.rows4[i].sip[1] = high;
			t.rows4[i].sip[2] = of;
			t.rows4[i].dip[3] = (uint8_t)i;
			t.rows6[i].sip[4] = high;
			t.rows6[i].sip[6] = of;
			t.rows6[i].dip[3] = (uint8_t)i;
		}
		if (godb_writer_append(w, &t.b) != 0)
			abort();
	}
	if (commit && godb_writer_commit(w, "eth0", slot_s, NULL) != 0)
		abort();
}

/* One in pieces, one of each version alone, and the last of the journal. */
static void
make_store(void)
{
	struct godb_writer *w;

	folder_remove(path);
	if (store_open(path, &w) < 0)
		abort();
	add_block(w, 0, 66000, ROWS, true);
	add_block(w, 1, ROWS, 0, true);
	add_block(w, 2, 0, ROWS, true);
	for (int64_t b = 3; b < BLOCKS; b++)
		add_block(w, b, ROWS, ROWS, true);
	add_block(w, BLOCKS, ROWS, ROWS, false);
	godb_writer_close(w);
}

/* The first rows of all, and what is said of the whole. */
static bool
begins_alike(const struct godb_result *all, const struct godb_result *best)
{
	uint64_t sum[2][4];
	bool same = godb_result_n_hits(all) == godb_result_n_hits(best) &&
	    godb_result_n_faults(all) == godb_result_n_faults(best);

	godb_result_totals(all, sum[0]);
	godb_result_totals(best, sum[1]);
	same &= memcmp(sum[0], sum[1], sizeof(sum[0])) == 0;
	for (size_t i = 0; i < godb_result_n_faults(all); i++)
		same = same && strcmp(godb_result_fault(all, i)->place,
		    godb_result_fault(best, i)->place) == 0;
	for (size_t i = 0; same && i < godb_result_n_rows(best); i++) {
		struct godb_result_row x, y;

		godb_result_row(all, i, &x);
		godb_result_row(best, i, &y);
		same = row_equals(&x, &y);
	}
	return same;
}

static bool
counts_alike(const struct godb_result_stats *a,
    const struct godb_result_stats *b)
{
	return a->parts == b->parts && a->parts_skipped == b->parts_skipped &&
	    a->rows == b->rows && a->rows_matched == b->rows_matched;
}

/* Asks for all groups, which never wait, and for the best; *waited when more
 * was read for these, since some blocks were looked at twice. */
static bool
ask(const struct godb_scan *s, struct godb_query_opts *opts, const char *what,
    const char *cond, bool *waited)
{
	struct godb_query_opts all;
	struct godb_result_stats of_all, of_best;
	struct godb_result *a = NULL, *b = NULL;
	struct godb_cond *c = NULL;
	struct godb_diag d;
	bool same;

	if (godb_keys_parse(what, &opts->keys, &d) < 0 ||
	    godb_cond_parse(cond, NULL, &c, &d) < 0)
		abort();
	opts->cond = c;
	opts->no_rollups = true;
	all = *opts;
	all.limit = 0;
	all.mem_bytes = 0;
	opts->mem_bytes = opts->pool ? 2 * MOST : MOST;
	if (godb_query_run(s, &all, &a) != 0 ||
	    godb_query_run(s, opts, &b) != 0)
		abort();
	godb_result_stats(a, &of_all);
	godb_result_stats(b, &of_best);
	same = begins_alike(a, b) && counts_alike(&of_all, &of_best) &&
	    godb_result_n_rows(b) <= opts->limit;
	*waited = of_best.bytes_read > of_all.bytes_read;
	godb_result_free(a);
	godb_result_free(b);
	godb_cond_free(c);
	return same;
}

static const char *const keys[] = {"sip,dip", "sip,dip,dport", "iface,sip,dip",
    "sip/24/56,dip", "host", "dport,proto", "time,sip,dip"};
#define KEYS (sizeof(keys) / sizeof(*keys))
/* of the last but one IPv4, then IPv6 is ruled out by blocks' zones */
static const char *const conditions[] = {"", "proto = UDP", "dport < 30000",
    "packets_rcvd > 3 or ipv6", "ipv4 or sip in 2001:db8:300::/40",
    "ipv6 or sip in 10.3.0.0/16", "ipv6 or sip in 11.0.0.0/8",
    "ipv4 or sip in 2002::/16"};
#define CONDITIONS (sizeof(conditions) / sizeof(*conditions))

static void
ask_all(struct godb_pool *pool, const char *who, unsigned least)
{
	unsigned wrong = 0, n_waited = 0;
	struct view v;

	if (view_open(path, &v) < 0)
		abort();
	for (size_t i = 0; i < KEYS * CONDITIONS; i += STRIDE) {
		struct godb_query_opts opts = GODB_QUERY_OPTS_INIT;
		const char *cond = conditions[i / KEYS];
		bool waited;

		opts.pool = pool;
		opts.limit = 1 + tap_random(&seed) % 50;
		opts.ascending = tap_random(&seed) % 4 == 0;
		if (tap_random(&seed) % 3 == 0)
			opts.sort = GODB_SORT_PACKETS;
		if (!ask(v.scan, &opts, keys[i % KEYS], cond, &waited)) {
			diag("%s where %s, first %zu", keys[i % KEYS], cond,
			    opts.limit);
			wrong++;
		}
		n_waited += waited;
	}
	is_int(wrong, 0, "%s: the best are the first of all", who);
	ok(n_waited >= least, "of %u questions rows waited", n_waited);
	view_close(&v);
}

/* Here and there in the files, which end with IPv6 of a block that waits. */
static void
test_damage(struct godb_pool *pool)
{
	static const char *const files[] = {"eth0/2025-11-25/dip.gpf",
	    "eth0/2025-11-25/sip.gpf", "eth0/2025-11-25/bytes_rcvd.gpf",
	    "eth0/2025-11-25/dport.gpf"};
	unsigned wrong = 0, n_waited = 0;
	size_t n_faults = 0;

	for (int i = 0; i < FLIPS; i++) {
		struct godb_query_opts opts = GODB_QUERY_OPTS_INIT;
		const char *file = files[i % 4];
		int64_t from_end = i % 2 ?
		    1 + (int64_t)(tap_random(&seed) % 100000) : 1;
		struct view v;
		bool waited;

		store_flip(path, file, -from_end);
		if (view_open(path, &v) < 0)
			abort();
		opts.pool = pool;
		opts.limit = 10;
		wrong += !ask(v.scan, &opts, "sip,dip,dport", "", &waited);
		n_waited += waited;
		n_faults += godb_scan_n_faults(v.scan);
		view_close(&v);
		store_flip(path, file, -from_end);
	}
	is_int(wrong, 0, "of damaged blocks nothing is taken, as otherwise");
	ok(n_waited > 0, "of %u questions rows waited", n_waited);
	is_int((int64_t)n_faults, 0, "all was found by the questions");
}

int
main(void)
{
	struct godb_pool *pool;

	seed = tap_seed(20251130);
	if (!folder_temporary(root, sizeof(root)) ||
	    eager_pool(3, &pool) < 0)
		return 1;
	snprintf(path, sizeof(path), "%s/store", root);
	make_store();
	ask_all(NULL, "alone", 2);
	ask_all(pool, "three threads", 2);
	test_damage(NULL);
	test_damage(pool);
	godb_pool_free(pool);
	folder_remove(root);
	return tap_done();
}
