/*
 * tables - the columns of the tables at ClickHouse, and a store's rows and
 * records as rows of them.  etc/clickhouse/ has the statements that make them;
 * a test holds the two together.
 */
#ifndef EXPORT_TABLES_H
#define EXPORT_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/godb/godb.h"

/* In the order in which they are sent. */
#define TABLES_FLOWS \
	"day,time,site,iface,version,sip,dip,dport,proto,l7proto,category," \
	"bytes_rcvd,bytes_sent,packets_rcvd,packets_sent,record,attempt"
#define TABLES_BLOCKS \
	"day,time,site,iface,record,attempt,first_ns,last_ns,flags,rows," \
	"seen,seen_bytes,non_ip,non_ip_bytes,malformed,malformed_bytes," \
	"kernel_drops,iface_drops,overflow,late,time_clamped,unreadable," \
	"shipped"

/* `hours` has the columns of `flows`. */
#define TABLES_ROLLUPS \
	"day,time,site,iface,record,attempt,covers,records,shipped"

/* A row is never longer. */
#define TABLES_ROW_MAX 2048

/*
 * Rows of some records, one after the other, as the body of an insert: those
 * from number `skip` on, `limit` of them.  The caller fills the first part in;
 * the rest begins at zero.
 */
struct tables_rows {
	const struct godb_scan *scan;
	struct godb_cursor *cursor;
	const char *site;
	const uint8_t *attempt; /* 16 bytes */
	const size_t *parts;    /* indexes in the scan */
	size_t n_parts;
	uint64_t skip, limit;

	size_t at;              /* among parts */
	uint32_t row;           /* the next of that part */
	bool loaded;
	struct godb_columns columns;
	uint8_t before[640], after[32]; /* what all rows of a part share */
	size_t before_len;
	int rc;                 /* why a part could not be loaded */
};

/* http_fill for rows. */
long tables_rows_fill(void *rows, uint8_t *to, size_t size);

/* Records as rows of the table of blocks. */
struct tables_blocks {
	const struct godb_scan *scan;
	const char *site;
	const uint8_t *attempt;
	const size_t *parts;
	size_t n_parts;
	const bool *unreadable; /* by place in `parts` */
	int64_t now_s;

	size_t at;
};

/* http_fill for blocks. */
long tables_blocks_fill(void *blocks, uint8_t *to, size_t size);

/* Rows `at` to end - 1 of a sum over time, grouped by time, addresses, port and
 * both protocols. */
struct tables_sums {
	const struct godb_result *sum;
	const char *site, *iface;
	const uint8_t *record, *attempt; /* 16 bytes each */
	size_t at, end;
};

/* http_fill for sums. */
long tables_sums_fill(void *sums, uint8_t *to, size_t size);

/* The records that a sum is of, a row each. */
struct tables_rollup {
	const char *site, *iface;
	int64_t slot_s;
	const uint8_t *record, *attempt;
	const uint8_t (*ids)[16];
	size_t n;
	int64_t now_s;

	size_t at;
};

/* http_fill for the table of roll-ups. */
long tables_rollup_fill(void *rollup, uint8_t *to, size_t size);

#endif
