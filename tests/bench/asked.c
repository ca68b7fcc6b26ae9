/*
 * asked - what a question costs a program that stays, as a server does, and has
 * libgodb: no start, no sandbox, and memory that it has used before.
 *
 * usage: asked STORE FIRST KEYS LIMIT CONDITION [no-rollups|no-index]
 *
 * For each line of standard input it opens a scan of all interfaces from FIRST
 * (seconds since 1970) on, asks, and prints a line for each row: KEYS, then
 * packets and bytes received and sent, tabs between them; then an empty line.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/godb/godb.h"

static void
print_address(const struct godb_result_row *r, const struct godb_addr6 *a)
{
	bool v4 = r->version == 4;
	char text[INET6_ADDRSTRLEN] = "";
	uint8_t bytes[16];

	for (unsigned i = 0; i < 16; i++)
		bytes[i] = (uint8_t)((i < 8 ? a->hi : a->lo) >>
		    (56 - i % 8 * 8));
	(void)inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? bytes + 12 : bytes, text,
	    sizeof(text));
	printf("%s\t", text);
}

static void
print_key(const struct godb_result_row *r, enum godb_key key)
{
	if (key == GODB_KEY_TIME)
		printf("%" PRId64 "\t", r->time_s);
	else if (key == GODB_KEY_SIP || key == GODB_KEY_DIP)
		print_address(r, key == GODB_KEY_SIP ? &r->sip : &r->dip);
	else
		printf("%u\t", key == GODB_KEY_DPORT ? r->dport : r->proto);
}

static void
print_rows(const struct godb_result *result, const struct godb_keys *keys)
{
	for (size_t i = 0; i < godb_result_n_rows(result); i++) {
		struct godb_result_row r;

		godb_result_row(result, i, &r);
		for (unsigned k = 0; k < keys->n; k++)
			print_key(&r, keys->key[k]);
		printf("%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n",
		    r.counter[2], r.counter[3], r.counter[0], r.counter[1]);
	}
	printf("\n");
	(void)fflush(stdout);
}

static int
ask(const struct godb_reader *store, int64_t first_s, bool no_index,
    const struct godb_query_opts *query)
{
	struct godb_scan_opts window = GODB_SCAN_OPTS_INIT;
	struct godb_result *result = NULL;
	struct godb_scan *scan = NULL;
	int rc;

	window.first_s = first_s;
	window.cond = query->cond;
	window.question = query;
	window.pool = query->pool;
	window.no_index = no_index;
	rc = godb_scan_open(store, &window, &scan);
	if (rc == 0)
		rc = godb_query_run(scan, query, &result);
	if (rc == 0 && godb_result_n_faults(result) > 0)
		rc = godb_result_fault(result, 0)->rc;
	if (rc == 0)
		print_rows(result, &query->keys);
	godb_result_free(result);
	godb_scan_close(scan);
	return rc;
}

int
main(int argc, char **argv)
{
	struct godb_query_opts query = GODB_QUERY_OPTS_INIT;
	long threads = sysconf(_SC_NPROCESSORS_ONLN);
	struct godb_reader *store = NULL;
	struct godb_pool *pool = NULL;
	struct godb_cond *cond = NULL;
	const char *word = argc > 6 ? argv[6] : "";
	char line[16];
	int rc;

	if (argc < 6) {
		fprintf(stderr, "usage: asked STORE FIRST KEYS LIMIT CONDITION "
				"[no-rollups|no-index]\n");
		return 2;
	}
	rc = godb_reader_open(argv[1], &store);
	if (rc == 0)
		rc = godb_keys_parse(argv[3], &query.keys, NULL);
	if (rc == 0)
		rc = godb_cond_parse(argv[5], NULL, &cond, NULL);
	if (rc == 0 && threads > 1)
		rc = godb_pool_new(threads < 256 ? (unsigned)threads : 256,
		    &pool);
	query.limit = strtoull(argv[4], NULL, 10);
	query.cond = argv[5][0] ? cond : NULL;
	query.pool = pool;
	query.no_rollups = strcmp(word, "no-rollups") == 0;
	if (godb_keys_has(&query.keys, GODB_KEY_TIME) && query.keys.n == 1)
		query.sort = GODB_KEY_TIME;
	while (rc == 0 && fgets(line, sizeof(line), stdin))
		rc = ask(store, strtoll(argv[2], NULL, 10),
		    strcmp(word, "no-index") == 0, &query);
	if (rc < 0)
		fprintf(stderr, "asked: %s\n", godb_strerror(rc));
	godb_pool_free(pool);
	godb_cond_free(cond);
	godb_reader_close(store);
	return rc < 0;
}
