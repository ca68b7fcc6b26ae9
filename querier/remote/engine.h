/*
 * engine - the reading half of godb.h, answered by a ClickHouse server.
 *
 * goquery-remote is goquery with another engine: reader, scan, result, seen
 * and list are defined here and linked instead of libgodb's, so that what is
 * asked, printed and left out, and the exit codes, are the same code.  From
 * libgodb come what needs no store: keys, conditions, coverage.
 *
 *   server.c    the connection, and what it knows of sites and interfaces
 *   settings.c  that an answer is whole, whatever the account's profile says
 *   blocks.c    a scan: which time the blocks of a window cover
 *   rows.c      a query and its result (run.h)
 *   sight.c     seen
 *   list.c      --list
 *   explain.c   --explain
 *
 * Where the server cannot be asked, or answers what is no answer, the program
 * ends with one line: nothing has been printed by then.
 */
#ifndef REMOTE_ENGINE_H
#define REMOTE_ENGINE_H

#include "common/godb/godb.h"
#include "querier/export/http.h"
#include "querier/remote/compact.h"
#include "querier/remote/text.h"

#define SITE_MAX  256 /* with its NUL */
#define IFACE_MAX 32
#define FULL_MAX  (SITE_MAX + IFACE_MAX)

/* What the server knows of an interface, whatever the window. */
struct remote_iface {
	char *full; /* "SITE/IFACE" */
	char *site;
	const char *name; /* in full */
	int64_t first_s, last_s;
	bool any_offline, any_live; /* blocks of capture files, and others */
	uint64_t blocks, rows, days;
	uint64_t counter[11]; /* as in struct godb_counters */
};

struct godb_reader {
	struct http *http;
	const char *database; /* a name of letters, digits and _ */
	size_t mem_bytes;     /* of rows and names that are kept */
	const char *settings; /* for the address, NULL: none may be set */
	struct text settings_text;
	struct remote_iface *iface; /* by site, then name */
	size_t n, iface_bytes;
	/* with names that no sensor gives; the site of the first of them */
	size_t left_out;
	char left_out_site[SITE_MAX];
	bool told_rows; /* that rows were left out, which a chart finds again */
	/* told by --explain */
	struct text *said;
	uint64_t rows_read, bytes_read;
};

/* Takes the connection.  The server is asked for the first time by
 * godb_reader_ifaces(). */
struct godb_reader *remote_reader(struct http *http, const char *database,
    size_t mem_bytes, bool explain);

/*
 * Asks; rows go to c->row as compact_begin() was told.  `settings` beyond the
 * usual ones, NULL: none.  0, GODB_EMEMORY, GODB_ECANCELLED.
 */
int remote_ask(struct godb_reader *r, const struct text *sql,
    const char *settings, struct compact *c);

/*
 * The account's profile into r->settings.  Where it cuts answers and cannot be
 * told not to, the program ends.  0, GODB_EMEMORY, GODB_ECANCELLED.
 */
int remote_choose_settings(struct godb_reader *r);

/* What came is nothing that this server should say. */
_Noreturn void remote_nonsense(const struct godb_reader *r);

struct godb_scan {
	struct godb_reader *r;
	const struct remote_iface **iface; /* those asked for */
	size_t n_ifaces;
	bool all; /* of the server's */
	int64_t first_s, last_s; /* blocks that start from .. to; first > last:
				  * none */
	struct godb_part *part;
	size_t n_parts, room;
	struct godb_fault *fault;
	size_t n_faults;
	bool details; /* days are not told in one part each */
};

/* Number of a scan's interface; -1: none of it. */
int remote_find_iface(const struct godb_scan *s, const char *full);
/* "site, iface, " in hexadecimal digits, with a byte more than either may have:
 * whether it was cut is seen (compact_cut()). */
void remote_put_names(struct text *t);
/* FROM and WHERE: rows of committed attempts in the scan's window. */
void remote_from_flows(struct text *t, const struct godb_scan *s);
/* What chooses blocks of the window and interfaces. */
void remote_in_window(struct text *t, const struct godb_scan *s);
/* A table: the window's records, each once: site iface day time record,
 * f and l (first and last ns), fl (flags), n (rows), u (unreadable), c0 to c10
 * (the counters in the order of struct godb_counters). */
void remote_records(struct text *t, const struct godb_scan *s);
/* A scan of all there is, for these two: its blocks are not asked for. */
int remote_scan_all(const struct godb_reader *r, const char *const *ifaces,
    struct godb_scan **out);

#endif
