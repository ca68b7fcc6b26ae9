/*
 * answer - what the formats print: the question, its result, what it lacks.
 *
 * Each format is one function of the same shape; out keeps the first error.
 */
#ifndef ANSWER_H
#define ANSWER_H

#include "common/godb/godb.h"
#include "querier/chart.h"
#include "querier/names.h"
#include "querier/out.h"

/* Of which `seen` cannot say that something was not there. */
enum answer_unknown {
	ANSWER_KNOWN = 0,
	ANSWER_BEGINS_BEFORE = 1, /* the window does: before the first block */
	ANSWER_ENDS_AFTER = 2,    /* it does: after the last one */
	ANSWER_BOTH = 3,
	ANSWER_NO_BLOCK = 4,      /* it has none, nor is known to lack one */
};

/* Of which time there are blocks, and what that leaves of the window. */
struct answer_known {
	enum answer_unknown unknown;
	int64_t first_s; /* the first one's start, INT64_MAX: there is none */
	int64_t until_s; /* the last one's end */
	bool unreadable; /* there may be others, which could not be read */
};

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
	const struct names *names; /* NULL: columns have none */
	bool resolve, geo;         /* which of them */
	bool names_cut;            /* there were too many addresses */
	bool remote;               /* of many sites, not of a store */
	const struct chart *chart; /* NULL: none */
	const struct style *style;
	/* seen: what of the window nobody looked at */
	struct answer_known known;
};

/* What standard output can show. */
struct style {
	bool terminal, colour, unicode;
	unsigned width;
};

void table_print(struct out *o, const struct answer *a);
void csv_print(struct out *o, const struct answer *a);
void json_print(struct out *o, const struct answer *a);
void jsonl_print(struct out *o, const struct answer *a);
void html_print(struct out *o, const struct answer *a);

/* ---- shared by formats -------------------------------------------------- */

#define ANSWER_CELL_MAX 264
/* keys, category, and four more for each of two addresses */
#define ANSWER_COLUMNS_MAX (GODB_N_KEYS + 1 + 8)

enum answer_time { ANSWER_LOCAL, ANSWER_EPOCH, ANSWER_RFC3339 };

/* Key columns as printed: the keys, with category after l7proto, and what
 * addresses are called after them. */
enum answer_what {
	ANSWER_KEY,
	ANSWER_CATEGORY,
	ANSWER_NAME,
	ANSWER_COUNTRY,
	ANSWER_ASN,
	ANSWER_ORG,
};
struct answer_column {
	enum godb_key key;
	enum answer_what what;
	uint8_t drop4, drop6; /* as in godb_keys */
	const struct names *names;
	char name[24];
};
size_t answer_columns(const struct answer *a,
    struct answer_column out[ANSWER_COLUMNS_MAX]);

/* Asks for the names of all addresses in the rows.  0 or -errno; *cut: there
 * were too many. */
int answer_ask_names(const struct answer *a, struct names *names, bool *cut);

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

/* The object of json up to its rows: {status, query, summary. */
void answer_json_head(struct out *o, const struct answer *a);

/* How much of what is known is covered: 100 only if all of it is, else at most
 * `most`, the largest below that is printed. */
double answer_percent(uint64_t covered, uint64_t known, double most);
/* What an answer lacks, as a JSON object. */
void answer_json_coverage(struct out *o, const struct godb_coverage *c);
/* "Coverage: 99.96 % of the window; eth0 down 15 min; ...", without a line's
 * end; text prints names. */
void answer_coverage(struct out *o, const struct godb_coverage *c,
    void (*text)(struct out *, const char *));

/* The same of something else, without "Coverage: ". */
void answer_covered(struct out *o, const struct godb_coverage *c,
    const char *what, void (*text)(struct out *, const char *));

/* "2 of 30 groups have packets > 100; totals ...", as coverage is; only where
 * --having is given. */
void answer_having(struct out *o, const struct answer *a,
    void (*text)(struct out *, const char *));

/* "received", "sent", "both". */
const char *answer_direction(const struct answer *a);
/* "bytes", "packets", or the key. */
const char *answer_sort(const struct answer *a);

#endif
