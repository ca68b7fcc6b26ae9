/*
 * args - command line to a question.
 *
 * One table names every option; the parser, the help text and the suggestions
 * come from it.  An option may have one or two dashes, and an exact name wins
 * over a short option with its value attached: -in is --in, -n10 is -n 10.
 */
#ifndef ARGS_H
#define ARGS_H

#include "common/godb/godb.h"

enum args_format { ARGS_TXT, ARGS_CSV, ARGS_JSON, ARGS_JSONL, ARGS_HTML };
enum args_action {
	ARGS_QUERY,
	ARGS_HELP,
	ARGS_HELP_ALL,
	ARGS_WORDS, /* what completion may offer */
	ARGS_VERSION,
	ARGS_CHECK_CONF, /* -t */
	ARGS_PRINT_CONF, /* -T */
	ARGS_STATUS,
	ARGS_LIST,
	ARGS_CHECK,
};

#define ARGS_ERROR_MAX 512

#define ARGS_INDICATORS_MAX 64 /* on the command line */

struct args {
	enum args_action action;
	const char *query; /* as typed */
	const char *ifaces;
	const char *condition; /* "" when there is none */
	const char *store;     /* NULL: from the INI file */
	const char *conf;      /* NULL: the usual one, if it exists */
	const char *remote;    /* URL of a ClickHouse server; NULL: a store */
	const char *status_file; /* NULL: where the sensor writes it */
	const char *first, *last; /* as typed, NULL: default */
	int64_t first_s, last_s;  /* args_times */
	enum args_format format;
	struct godb_keys keys;
	const char *having; /* "" when there is none */
	int64_t bin_s;      /* 0: blocks */
	const char *zone;   /* NULL: the environment's */
	enum godb_metric show[GODB_N_METRICS]; /* metrics to print */
	unsigned n_show;                       /* 0: the usual ones */
	int sort;
	bool ascending;
	enum godb_direction direction;
	uint64_t limit; /* 0: all */
	uint32_t share; /* 1/100 %, 0: none */
	const char *limit_text; /* as typed, NULL: default */
	unsigned threads;     /* 0: as many as processors */
	uint64_t mem_bytes;   /* 0: mem_percent of the machine's */
	unsigned mem_percent;
	const char *words; /* which, of ARGS_WORDS */
	uint64_t timeout_ms; /* 0: none */
	uint64_t watch_s;    /* 0: answer once */
	const char *dns;     /* server, NULL: the system's */
	bool resolve, geo;
	bool explain, plot;
	bool seen; /* the query is "seen": keys are seen_keys */
	/* what it checks one by one: addresses, prefixes, @file; 0: whether
	 * anything meets the condition */
	const char *indicator[ARGS_INDICATORS_MAX];
	unsigned n_indicators;
	const char *new; /* seen --new, as typed; NULL: not asked */
	int64_t new_s;   /* args_times */
	bool external;
	bool no_live, no_rollups;
	bool no_index; /* without address indexes */
	bool fail_incomplete, fail_empty;
	bool landlock; /* false: --sandbox=seccomp */
};

/* 0, or -EINVAL with one line in error.  Strings are borrowed from argv. */
int args_parse(int argc, char **argv, struct args *out,
    char error[ARGS_ERROR_MAX]);

/* Fills the window in; one that ends now has the whole of this second, which
 * may be a block's first.  Call tzset(3) before.  0, or -EINVAL with error. */
int args_times(struct args *a, int64_t now_s, char error[ARGS_ERROR_MAX]);

/* One option, for help texts and completion. */
struct args_option {
	char text[32];     /* "-n, --limit" */
	const char *name;  /* "limit" */
	const char *brief; /* "n", NULL: none */
	const char *value; /* NULL: takes none */
	const char *help;
	bool important;    /* on the screen of -h */
};
/* The i-th, false beyond the last. */
bool args_option(size_t i, struct args_option *out);
/* The i-th format's name, NULL beyond the last. */
const char *args_format(size_t i);

#endif
