/*
 * session - one run of goquery: what is known of it, its messages, its end.
 *
 * main() fills a session in from the command line; question.c asks and
 * answers; store.c opens what is asked.
 */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/conf.h"
#include "common/godb/godb.h"
#include "querier/answer.h"
#include "querier/args.h"
#include "querier/sets.h"

enum { EXIT_FINE, EXIT_ERROR, EXIT_USAGE, EXIT_INCOMPLETE, EXIT_EMPTY };
#define EXIT_NOT_SEEN 1 /* as grep(1); errors are EXIT_USAGE, then */

struct progress {
	int64_t start_ns, last_ns;
	int64_t end_ns; /* of --timeout, 0: none */
	bool wanted, drawn;
};

/* Everything between the command line and the exit code. */
struct session {
	struct args args;
	struct gp_conf *conf;
	int64_t start_ns; /* CLOCK_MONOTONIC */
	int store_fd;
	gid_t store_gid;
	struct progress progress;
	struct style style;
	struct sets sets;
	struct names *names;
	struct chart chart;
	bool has_chart;
	size_t mem_bytes;
	struct godb_cond *cond, *having;
	struct godb_reader *reader;
	char **have; /* interfaces of the store */
	const char **ifaces;
	size_t n_ifaces;
	struct godb_scan *scan;
	bool addresses; /* the scan is for those alone */
	struct godb_query_opts query;
	struct godb_pool *pool; /* for as long as the process lives */
	struct godb_result *result;
	struct godb_coverage *coverage;
};

extern struct out session_out;    /* the answer */
extern bool session_like_grep;    /* seen: 1 is an answer, not an error */

/* One line to stderr, whatever it holds made harmless. */
void session_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same behind "goquery: ", then the end. */
_Noreturn void session_die(int status, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* What is left of the answer, then the end. */
_Noreturn void session_finish(int status);

void session_load_conf(struct session *s);
void session_start_clock(struct session *s);
/* Of --tz, else of the environment. */
void session_set_zone(const struct args *a);
/* From -f and -l, by the clock of now. */
void session_find_window(struct session *s);
void session_find_style(struct style *style);
size_t session_memory_bound(const struct args *a);
/* Files of conditions, and the helper when names are asked for. */
void session_open_helpers(struct session *s);

/* A progress bar after a second; for godb's progress functions. */
int session_draw_bar(void *arg, size_t done, size_t all);
void session_clear_bar(struct progress *p);

#endif
