/*
 * scan - what a scan knows of its parts; shared by scan*.c, which take
 * stock, and cursor*.c, which decode.
 */
#ifndef GODB_SCAN_H
#define GODB_SCAN_H

#include <stdatomic.h>

#include "common/godb/gone.h"
#include "common/godb/held.h"
#include "common/godb/index.h"
#include "common/godb/journal.h"
#include "common/godb/names.h"

/* One batch of a journal that no record covers. */
struct gdi_live_batch {
	uint64_t offset;
	uint32_t bytes;
	uint32_t n4, n6;
	uint8_t ring[16];
	uint64_t seq;
	int64_t first_ns, last_ns;
	uint32_t flags;
	struct godb_counters counters;
};

struct gdi_live {
	int64_t slot_s;
	int fd;        /* of a large journal ... */
	uint8_t *data; /* ... or a small one's content */
	uint64_t len;
	uint64_t index_end; /* of its header */
	struct gdi_live_batch *batches;
	size_t n, cap;
};

/* Blocks that an address index leaves of a day, of the first so many bytes of
 * blocks.idx, and their checksum; 0: there is none to go by. */
struct gdi_sieve {
	uint64_t index_bytes, index_sum;
	struct gdi_slots may;
};

struct gdi_scan_day {
	int64_t day_s;
	struct gdi_index index;
	struct gdi_sieve sieve;
};

struct gdi_scan_part {
	struct godb_part part;
	const struct gdi_scan_day *day;  /* stored ... */
	const struct gdi_record *record;
	const struct gdi_live *live;     /* ... or in a journal */
	bool ruled_out; /* nothing in it can meet the scan's condition */
	bool rolled; /* stands for some parts of its day: see rollup.h */
};

struct gdi_scan_iface {
	char name[16];
	int64_t first_s, last_s; /* of the whole store; first > last: none */
	struct gdi_gone gone;    /* until_s 0: nothing was removed */
	struct godb_spared spared;
};

struct godb_scan {
	int store_fd; /* the reader's */
	struct gdi_scan_iface *ifaces;
	size_t n_ifaces;
	struct gdi_scan_day **days;
	size_t n_days, cap_days;
	struct gdi_live **lives;
	size_t n_lives, cap_lives;
	struct gdi_scan_part *parts;
	size_t n_parts, cap_parts;
	struct gdi_held *helds; /* ordered by interface, day */
	size_t n_helds, cap_helds;
	struct godb_fault *faults;
	size_t n_faults, cap_faults;
	size_t mem_bytes; /* bound of kept_bytes, 0: none */
	atomic_size_t kept_bytes;
	struct gdi_names names;
	struct gdi_names live_names; /* that journals use */
	int64_t first_s, last_s; /* window */
	bool no_live;
	/* what it is for, while it is opened */
	const struct godb_cond *cond;
	const struct gdi_plan_opts *question; /* NULL: of no day a roll-up */
	bool forgets; /* bytes of indexes, which cursors read again */
	bool addresses, no_index, sure;
	const int *cancel;
	int (*progress)(void *arg, size_t done, size_t all);
	void *progress_arg;
	struct godb_pool *pool;
};

/* The store's folder, borrowed. */
int gdi_reader_fd(const struct godb_reader *r);

/* A roll-up as a part, for a cursor: of the same interface and day as LIKE. */
void gdi_scan_rolled(const struct gdi_scan_part *like,
    const struct gdi_record *record, struct gdi_scan_part *out);

#endif
