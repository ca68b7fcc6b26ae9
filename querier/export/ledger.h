/*
 * ledger - what has been shipped, on disk, so that no crash ships twice.
 *
 * Folder STATE, which one exporter at a time owns (flock):
 *
 *   target               what it ships to; another target is another folder
 *   attempt              the attempt that is under way
 *   dead                 attempts given up whose rows may still arrive there
 *   shipped/IFACE/YYYY-MM-DD   records of that day that the server has
 *                        committed
 *
 * A day's file is a row of 32-byte entries, appended and synced; one that is
 * torn or does not carry its checksum ends it.  Losing an entry, or all of
 * them, is no harm: the server's own commits are asked for first.  So a day's
 * file that cannot be used is begun anew.
 */
#ifndef EXPORT_LEDGER_H
#define EXPORT_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_ID 16
#define LEDGER_ATTEMPT_RECORDS 4096
#define LEDGER_ERROR_MAX 256

struct ledger;

/*
 * Takes the folder (descriptor; closed by ledger_close, or at once on
 * failure).  `target` names server, database and site.  0; -errno or -EBUSY
 * (another exporter runs), -EINVAL (another target), with a line in error.
 */
int ledger_open(int dir, const char *target, struct ledger **out,
    char error[LEDGER_ERROR_MAX]);
void ledger_close(struct ledger *l); /* accepts NULL */

/* Whether a file could not be read for what it is, so that trying again is of
 * no use. */
bool ledger_unusable(int rc);

/* ---- days ---------------------------------------------------------------- */

struct ledger_day {
	char iface[16];
	int64_t day_s;
	uint8_t (*ids)[LEDGER_ID]; /* ascending */
	size_t n, cap;
	uint64_t done_mark; /* of the index (pass.h): all in it was shipped */
	uint64_t hours_mark; /* the same of its hours */
	uint64_t end;        /* of the file, behind what holds */
	bool memory;         /* there is no file: forgotten when it is freed */
};

/* A day without a file is an empty one.  0; -errno when its file cannot be read
 * or written, and *out is then an empty day in memory alone. */
int ledger_day_open(struct ledger *l, const char *iface, int64_t day_s,
    struct ledger_day *out);
/* Begins such a day anew, without its file.  0; -errno when that stays, and the
 * day in memory. */
int ledger_day_restart(struct ledger *l, struct ledger_day *d);
void ledger_day_free(struct ledger_day *d);
bool ledger_day_has(const struct ledger_day *d, const uint8_t id[LEDGER_ID]);

/* On disk when it returns 0. */
int ledger_day_add(struct ledger *l, struct ledger_day *d,
    const uint8_t (*ids)[LEDGER_ID], size_t n);
int ledger_day_done(struct ledger *l, struct ledger_day *d,
    uint64_t index_mark);
int ledger_day_hours_done(struct ledger *l, struct ledger_day *d,
    uint64_t index_mark);

/* The store has the day no longer, so neither has the ledger. */
int ledger_day_forget(struct ledger *l, const char *iface, int64_t day_s);

/* The same of every day that is not wanted: of those that went while nobody
 * looked.  What cannot be removed only costs room. */
void ledger_sweep(struct ledger *l,
    bool (*wanted)(void *arg, const char *iface, int64_t day_s), void *arg);

/* ---- the attempt --------------------------------------------------------- */

enum ledger_phase {
	LEDGER_SENDING = 1, /* rows go out; after a crash it is given up */
	LEDGER_SENT = 2,    /* the server has them all: commit, and again */
};

/* Of what: records of the store, or sums of hours. */
enum ledger_kind {
	LEDGER_BLOCKS = 0,
	LEDGER_HOURS = 1,
	LEDGER_N_KINDS
};

/* What is committed to; meaning is the caller's beyond ids. */
struct ledger_attempt {
	enum ledger_phase phase;
	enum ledger_kind kind;
	char iface[16];
	int64_t day_s;
	uint8_t attempt[LEDGER_ID];
	size_t n;
	uint8_t ids[LEDGER_ATTEMPT_RECORDS][LEDGER_ID];
	/* the store could not give its rows, so none were sent */
	bool unreadable[LEDGER_ATTEMPT_RECORDS];
};

/* Replaces the file, durably. */
int ledger_attempt_write(struct ledger *l, const struct ledger_attempt *a);
/* 1 and the attempt, 0 when there is none, -errno.  One that an older version
 * wrote has nothing unreadable. */
int ledger_attempt_read(struct ledger *l, struct ledger_attempt *out);
int ledger_attempt_clear(struct ledger *l);

/* ---- attempts given up --------------------------------------------------- */

struct ledger_dead {
	uint8_t attempt[LEDGER_ID];
	char iface[16];
	int64_t day_s;
	int64_t since_s; /* CLOCK_REALTIME */
	uint64_t kind;   /* enum ledger_kind */
};

int ledger_dead_add(struct ledger *l, const struct ledger_dead *d);
/* The attempt under way becomes one of them. */
int ledger_attempt_bury(struct ledger *l, const struct ledger_attempt *a,
    int64_t since_s);
/* Count, *out owned by the caller (free); -errno. */
int ledger_dead_list(struct ledger *l, struct ledger_dead **out);
/* Replaces the list. */
int ledger_dead_write(struct ledger *l, const struct ledger_dead *list,
    size_t n);

#endif
