/*
 * manydays STORE IFACES DAYS [BLOCKS [ROWS]] - a store with many interfaces and
 * days, of BLOCKS (1) blocks with ROWS (2) and one rows; with ROWS 0 they are
 * quiet, which makes one file a day instead of ten.  The last day is yesterday.
 */

#include "common/base/clock.h"
#include "tests/lib/nosync.h" /* it would take hours */
#include "tests/lib/storetest.h"

static void
add_block(struct godb_writer *w, const char *iface, int64_t slot_s,
    uint64_t seq, size_t rows)
{
	static struct testbatch t;
	uint64_t seed = seq;

	batch_make(&t, &seed, iface, slot_s, 1, seq, rows, rows > 0);
	if (godb_writer_append(w, &t.b) != 0 ||
	    godb_writer_commit(w, iface, slot_s, NULL) != 0) {
		fprintf(stderr, "manydays: the store cannot be written\n");
		exit(1);
	}
}

int
main(int argc, char **argv)
{
	int64_t today_s = gp_clock_real_ns() / GP_NS_PER_S / 86400 * 86400;
	int ifaces, days, blocks = argc > 4 ? atoi(argv[4]) : 1;
	size_t rows = argc > 5 ? (size_t)atoi(argv[5]) : 2;
	struct godb_writer *w;
	uint64_t seq = 0;

	if (argc < 4 || store_open(argv[1], &w) < 0)
		return 2;
	ifaces = atoi(argv[2]);
	days = atoi(argv[3]);
	for (int i = 0; i < ifaces; i++)
		for (int d = days; d > 0; d--)
			for (int b = 0; b < blocks; b++) {
				char iface[16];

				snprintf(iface, sizeof(iface), "eth%d", i);
				add_block(w, iface, today_s - d * 86400 +
					b * 300, ++seq, rows);
			}
	godb_writer_close(w);
	return 0;
}
