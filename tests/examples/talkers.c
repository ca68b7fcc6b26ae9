/*
 * talkers STORE [N [FIRST]] - who talked to whom most since FIRST (seconds of
 * 1970), by default in the last 30 days.
 * Build: cc talkers.c $(pkg-config --cflags --libs godb) -o talkers
 */
#include <godb.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int
fail(const char *what, int rc)
{
	fprintf(stderr, "talkers: %s: %s\n", what, godb_strerror(rc));
	return 1;
}

static void
print_address(const struct godb_result_row *row, const struct godb_addr6 *a)
{
	if (row->version == 4)
		printf("%u.%u.%u.%u", (unsigned)(a->lo >> 24 & 255),
		    (unsigned)(a->lo >> 16 & 255), (unsigned)(a->lo >> 8 & 255),
		    (unsigned)(a->lo & 255));
	else
		printf("%016" PRIx64 ":%016" PRIx64, a->hi, a->lo);
}

int
main(int argc, char **argv)
{
	struct godb_scan_opts window = GODB_SCAN_OPTS_INIT;
	struct godb_query_opts query = GODB_QUERY_OPTS_INIT;
	struct godb_reader *store = NULL;
	struct godb_scan *scan = NULL;
	struct godb_result *result = NULL;
	struct godb_diag diag;
	int rc;

	if (argc < 2)
		return fail("usage: talkers STORE [N [FIRST]]", GODB_ENOTSTORE);
	rc = godb_reader_open(argv[1], &store);
	if (rc < 0)
		return fail(argv[1], rc);
	window.last_s = time(NULL);
	window.first_s = argc > 3 ? atoll(argv[3]) : window.last_s - 30 * 86400;
	query.limit = argc > 2 ? strtoull(argv[2], NULL, 10) : 10;
	rc = godb_keys_parse("talk_conv", &query.keys, &diag);
	if (rc == 0)
		rc = godb_scan_open(store, &window, &scan);
	if (rc == 0)
		rc = godb_query_run(scan, &query, &result);
	for (size_t i = 0; rc == 0 && i < godb_result_n_rows(result); i++) {
		struct godb_result_row row;

		godb_result_row(result, i, &row);
		print_address(&row, &row.sip);
		printf(" ");
		print_address(&row, &row.dip);
		printf(" %" PRIu64 "\n", row.counter[0] + row.counter[1]);
	}
	godb_result_free(result);
	godb_scan_close(scan);
	godb_reader_close(store);
	return rc < 0 ? fail("query", rc) : 0;
}
