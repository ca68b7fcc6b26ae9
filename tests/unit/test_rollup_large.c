/* Roll-ups of blocks with more rows than are taken in at a time: the sums are
 * those of the blocks, and so is what is worth its bytes. */
#include "tests/lib/rolluptest.h"

#define NOW (T0 + 30 * 86400)

static char root[32], path[64];
static uint64_t seed, seq;
static struct testbatch t;

static bool
ask(const char *what, struct godb_result_stats *stats)
{
	struct godb_query_opts opts = GODB_QUERY_OPTS_INIT;

	return ask_both_ways(path, &opts, what, "", 0, INT64_MAX, stats);
}

/* A block of so many batches, each with a sip of its own or, `spread`, each of
 * its rows. */
static void
add_large(struct godb_writer *w, int64_t s, unsigned batches, uint16_t dport,
    bool spread)
{
	static const char *const apps[] = {"DNS", "TLS", "SSH"};

	for (unsigned k = 0; k < batches; k++) {
		batch_make(&t, &seed, "eth0", s, 1, ++seq, BATCH_ROWS,
		    BATCH_ROWS);
		for (size_t i = 0; i < BATCH_ROWS; i++) {
			t.rows4[i].sip[2] = t.rows6[i].sip[14] = (uint8_t)k;
			t.rows4[i].sip[3] = t.rows6[i].sip[15] = 1;
			if (spread) {
				t.rows4[i].sip[1] = t.rows6[i].sip[13] =
				    (uint8_t)(128 | i >> 8);
				t.rows4[i].sip[3] = t.rows6[i].sip[15] =
				    (uint8_t)i;
			}
			t.rows4[i].dip[1] = (uint8_t)(i >> 8);
			t.rows4[i].dip[3] = (uint8_t)i;
			t.rows6[i].dip[4] = (uint8_t)(i >> 8);
			t.rows6[i].dip[5] = (uint8_t)i;
			t.rows6[i].dip[3] = t.rows6[i].dip[9] = 0;
			t.rows4[i].dip[2] = 0;
			t.rows4[i].dport = t.rows6[i].dport = dport;
			t.rows4[i].proto = 6;
			t.rows4[i].l7 = t.rows6[i].l7 = 0;
		}
		for (size_t i = 0; i < 3; i++)
			strncpy(t.names[i].name, apps[i],
			    sizeof(t.names[i].name));
		if (godb_writer_append(w, &t.b) != 0)
			abort();
	}
	if (godb_writer_commit(w, "eth0", s, NULL) != 0)
		abort();
}

/* Blocks of more rows than are taken in at a time. */
static void
make_large(unsigned n_blocks)
{
	struct godb_writer *w;

	folder_remove(path);
	store_open(path, &w);
	for (int64_t s = T0; s < T0 + 300 * n_blocks; s += 300)
		add_large(w, s, 180, 443, false);
	godb_writer_close(w);
}

static void
sum_up(const char *what)
{
	struct godb_writer *w;

	store_open(path, &w);
	is_int(upkeep(w, NOW), 0, "%s", what);
	godb_writer_close(w);
}

static void
test_large(void)
{
	struct godb_result_stats stats;

	make_large(2);
	sum_up("two blocks of 72,000 rows of a version");
	is_int(ask("sip,dip", &stats), true,
	    "come to the same sums");
	ok(stats.rollups == 1 && stats.rows == 144000,
	    "of %llu rows in a roll-up", (unsigned long long)stats.rows);
	is_int(ask("sip", &stats), true, "by sip");
	is_int((int64_t)stats.rows, 360, "of a row for each");
	is_int(ask("dip", &stats), true, "by dip");
	is_int((int64_t)stats.rows, 800, "likewise");
}

/* Which blocks are looked at first is random, so it is tried again; with
 * AddressSanitizer each time takes long. */
#ifdef __SANITIZE_ADDRESS__
enum { PROMISES = 1 };
#else
enum { PROMISES = 3 };
#endif

/* Where most blocks are alike those that are looked at first promise what the
 * one that is not does not keep. */
static void
test_promise(void)
{
	struct godb_result_stats stats;
	struct godb_writer *w;
	uint64_t rows = 0;

	for (int i = 0; i < PROMISES; i++) {
		folder_remove(path);
		store_open(path, &w);
		for (uint16_t k = 0; k < 12; k++)
			add_large(w, T0 + 300 * k, k == 4 ? 38 : 21, k,
			    k == 4);
		(void)upkeep(w, NOW);
		godb_writer_close(w);
		(void)ask("sip", &stats);
		rows += stats.rows;
	}
	is_int((int64_t)rows, PROMISES * 2 * (11 * 21 + 38) * BATCH_ROWS,
	    "of sources of which one block has too many all rows are read");
	(void)ask("dip", &stats);
	is_int((int64_t)stats.rows, 2 * BATCH_ROWS, "destinations are not");
}

static int64_t
size_of_sips(void)
{
	char name[128];
	struct stat st;

	snprintf(name, sizeof(name), "%s/eth0/2025-11-25/sip.gpf", path);
	return stat(name, &st) < 0 ? 0 : st.st_size;
}

/* What was summed of a block before its damage was seen. */
static void
test_damaged_large(void)
{
	struct godb_result_stats stats;

	make_large(3);
	store_flip(path, "eth0/2025-11-25/sip.gpf", size_of_sips() / 2);
	sum_up("of three large blocks one is damaged");
	is_int(ask("sip", &stats), true,
	    "what was read of it is not summed");
	ok(stats.rollups == 1 && stats.parts == 1,
	    "the others are: %llu roll-ups, %llu blocks",
	    (unsigned long long)stats.rollups,
	    (unsigned long long)stats.parts);
}

int
main(void)
{
	seed = tap_seed(20251130);
	if (!folder_temporary(root, sizeof(root)))
		return 1;
	snprintf(path, sizeof(path), "%s/store", root);
	test_large();
	test_promise();
	test_damaged_large();
	folder_remove(root);
	return tap_done();
}
