/*
 * answer - what the formats print: the question, its result, what it lacks.
 *
 * Each format is one function of the same shape; out keeps the first error.
 */
#ifndef ANSWER_H
#define ANSWER_H

#include "common/godb/godb.h"
#include "querier/out.h"

struct answer {
	const char *query, *condition, *having; /* as typed */
	const enum godb_metric *show; /* n_show of them; 0: the usual ones */
	unsigned n_show;
	const char *const *iface;      /* those asked, in order */
	size_t n_ifaces;
	const struct godb_query_opts *opts;
	const struct godb_scan *scan;
	const struct godb_result *result;
	const struct godb_coverage *coverage;
	int64_t took_ns;
	const char *limit_text; /* as typed, NULL when it is the default */
};

void table_print(struct out *o, const struct answer *a);
void csv_print(struct out *o, const struct answer *a);
void json_print(struct out *o, const struct answer *a);
void jsonl_print(struct out *o, const struct answer *a);

/* ---- shared by formats -------------------------------------------------- */

#define ANSWER_CELL_MAX 64
#define ANSWER_COLUMNS_MAX (GODB_N_KEYS + 1)

enum answer_time { ANSWER_LOCAL, ANSWER_EPOCH, ANSWER_RFC3339 };

/* Key columns as printed: the keys, with category after l7proto. */
struct answer_column {
	enum godb_key key;
	bool category;
	uint8_t drop4, drop6; /* as in godb_keys */
	const char *name;
};
size_t answer_columns(const struct answer *a,
    struct answer_column out[ANSWER_COLUMNS_MAX]);

/* A key column's text, clean for a terminal. */
void answer_cell(const struct answer_column *c,
    const struct godb_result_row *row, enum answer_time time,
    char out[ANSWER_CELL_MAX]);

/* Metrics that machine formats print, in their order: those asked for, or
 * packets_rcvd packets_sent packets bytes_rcvd bytes_sent bytes. */
size_t answer_metrics(const struct answer *a,
    enum godb_metric out[GODB_N_METRICS]);
/* A metric of a row, counting both directions. */
uint64_t answer_metric(const struct godb_result_row *row, enum godb_metric m);
/* The same of four counters. */
uint64_t answer_counter(const uint64_t counter[4], enum godb_metric m);
#define ANSWER_N_USUAL 6
extern const enum godb_metric answer_usual[ANSWER_N_USUAL];

/*
 * The notes of an answer, one line each, without "Note: "; false beyond the
 * last.  Warnings, what could mislead: mixed directions, application names
 * that the store has never seen.  Notes: these, after interfaces that share
 * packets and a window that is wider than the data.
 */
bool answer_warning(const struct answer *a, size_t i, char out[256]);
bool answer_note(const struct answer *a, size_t i, char out[256]);

/* "received", "sent", "both". */
const char *answer_direction(const struct answer *a);
/* "bytes", "packets", or the key. */
const char *answer_sort(const struct answer *a);

#endif
