/*
 * godb.h - goDB, a columnar store for network flows: reading and asking.
 *
 * A store holds, for each interface, 5-minute blocks of rows
 *     (sip, dip, dport, proto, l7proto) -> bytes and packets, received, sent
 * one file per attribute and UTC day (FORMAT.md).  One process writes it
 * (godb_write.h); any number read it at the same time, without locks.
 *
 * Three layers, each of use by itself:
 *   reader  a store folder: interfaces, application names
 *   scan    a consistent view of some interfaces and a time window: finished
 *           blocks and, live, what the journals hold beyond them; cursors
 *           decode its parts into column arrays
 *   query   conditions, grouping, sorting over a scan
 *
 * Conventions.  Functions return 0 or a count when fine, a negative number
 * when not: -errno, or a GODB_E* code; godb_strerror() has a text for both.
 * Out parameters are set only on success.  The library never exits, logs,
 * prints, reads the environment, touches signals or locale, keeps global
 * state, maps store files (a file cut short must not be a SIGBUS), or starts
 * threads unasked.  Options structs begin with their size: initialise them
 * with the GODB_*_INIT macro, so that later versions may append members.
 * Times are seconds since 1970-01-01T00:00:00Z (`_s`) or nanoseconds (`_ns`).
 *
 * Thread safety: reader, scan and result are immutable once opened and may be
 * used from several threads; a cursor has one owner.
 *
 * Caveats.  A store is data from elsewhere: every offset and length is checked
 * and every chunk carries a checksum, and what does not hold is reported, not
 * served.  A scan sees the store as it was when it was opened; days that
 * retention removes meanwhile fail with GODB_EGONE: open a new scan.
 */
#ifndef GODB_H
#define GODB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GODB_VERSION_STRING "0.1.0"
#define GODB_FORMAT_MAJOR   1
#define GODB_FORMAT_MINOR   0

/* ---- errors ------------------------------------------------------------ */

enum godb_error {
	GODB_ENOTSTORE = -10001, /* folder is no goDB store */
	GODB_ENEWER = -10002,    /* store of a newer major format version */
	GODB_EDAMAGED = -10003,  /* checksum or structure does not hold */
	GODB_EGONE = -10004,     /* removed by retention while being read */
	GODB_ELOCKED = -10005,   /* another writer owns the store */
	GODB_ESYNTAX = -10006,   /* a text from the user does not parse */
	GODB_ECANCELLED = -10007,
	GODB_EMEMORY = -10008, /* the caller's memory bound would be passed */
	GODB_ETIME = -10009,   /* the caller's time bound was passed */
	GODB_EIFACE = -10010,  /* no valid interface name */
	GODB_EFULL = -10011,   /* a limit of the format: see FORMAT.md */
	GODB_EEXISTS = -10012, /* block of that time is already there */
};

/* Static text, never NULL, for any return value of this library. */
const char *godb_strerror(int rc);

/* What is wrong and where, for texts that a person typed. */
struct godb_diag {
	size_t offset;  /* byte offset in the text */
	size_t length;  /* of the offending part, 0 if at the end */
	char text[256]; /* one line without newline */
};

/* ---- columns ----------------------------------------------------------- */

enum godb_column {
	GODB_SIP,
	GODB_DIP,
	GODB_DPORT,
	GODB_PROTO,
	GODB_L7PROTO,
	GODB_BYTES_RCVD,
	GODB_BYTES_SENT,
	GODB_PKTS_RCVD,
	GODB_PKTS_SENT,
	GODB_N_COLUMNS
};
#define GODB_COL(c)      (1u << (c))
#define GODB_COL_ALL     ((1u << GODB_N_COLUMNS) - 1)

/* "sip", "dip", "dport", "proto", "l7proto", "bytes_rcvd", ... */
const char *godb_column_name(enum godb_column c);

/* ---- reader ------------------------------------------------------------ */

struct godb_reader;

/*
 * Opens the store in folder PATH, or below descriptor DIRFD, which is taken
 * (closed by godb_reader_close, or at once on failure).
 * GODB_ENOTSTORE, GODB_ENEWER, -ENOENT, -EACCES, ...
 */
int godb_reader_open(const char *path, struct godb_reader **out);
int godb_reader_openat(int dirfd, struct godb_reader **out);
void godb_reader_close(struct godb_reader *r); /* accepts NULL */

/* Interface names in the store, sorted, NULL-terminated; count returned.
 * Owned by the caller: godb_ifaces_free. */
int godb_reader_ifaces(const struct godb_reader *r, char ***out);
void godb_ifaces_free(char **ifaces);

/* 1 to 15 bytes of printable ASCII without blank and '/', and neither "." nor
 * ".." nor "lost+found". */
bool godb_iface_valid(const char *name);

/* ---- scan -------------------------------------------------------------- */

struct godb_scan;

struct godb_scan_opts {
	size_t size;
	const char *const *ifaces; /* NULL-terminated; NULL: all */
	int64_t first_s, last_s;   /* window [first_s, last_s) */
	bool no_live;              /* leave the journals out */
};
#define GODB_SCAN_OPTS_INIT {sizeof(struct godb_scan_opts), NULL, 0, INT64_MAX, false}

/*
 * Takes stock: opens the journals, then lists days and reads their indexes,
 * so that each row is seen once whatever the writer does meanwhile.  A damaged
 * index or journal does not fail the call; it becomes a fault (below).
 */
int godb_scan_open(struct godb_reader *r, const struct godb_scan_opts *opts,
    struct godb_scan **out);
void godb_scan_close(struct godb_scan *s);

/* Counters that stand beside the rows (FORMAT.md: accounting).  All are sums
 * for the part; packets unless the name says bytes. */
struct godb_counters {
	uint64_t seen, seen_bytes;           /* handed over by the kernel */
	uint64_t non_ip, non_ip_bytes;       /* no IP header of any kind */
	uint64_t malformed, malformed_bytes; /* announced as IP, unusable */
	uint64_t kernel_drops;               /* PACKET_STATISTICS tp_drops */
	uint64_t iface_drops;                /* the interface's own counter */
	uint64_t overflow;     /* of the rows: in row [overflow] */
	uint64_t late;         /* of the rows: counted in a later block */
	uint64_t time_clamped; /* of the rows: time out of range */
};

enum godb_part_flags {
	GODB_PART_LIVE = 1,      /* from a journal, not yet a block */
	GODB_PART_OFFLINE = 2,   /* from capture files: a gap is no down-time */
	GODB_PART_DIR_IFACE = 4, /* sent/received relative to the interface */
	GODB_PART_DIR_FLOW = 8,  /* sent = sip to dip */
	GODB_PART_CUT = 16,      /* an input file was cut short */
	GODB_PART_LOST = 32,     /* of the journal something was unreadable */
};

/* One index record, or what a journal holds beyond the records. */
struct godb_part {
	const char *iface; /* borrowed from the scan */
	uint32_t iface_index; /* 0.. in order of iface names in this scan */
	int64_t slot_s;    /* start of the 5-minute block */
	int64_t first_ns, last_ns; /* CLOCK_REALTIME, what it truly covers */
	uint32_t flags;            /* enum godb_part_flags */
	uint32_t n4, n6;           /* rows; 0 rows is a quiet block */
	uint64_t stored_bytes;     /* of all columns in the store */
	struct godb_counters counters;
};

/* Parts are ordered by interface, slot, then order of commit; live ones last
 * within their slot. */
size_t godb_scan_n_parts(const struct godb_scan *s);
const struct godb_part *godb_scan_part(const struct godb_scan *s, size_t i);
size_t godb_scan_n_ifaces(const struct godb_scan *s);
const char *godb_scan_iface(const struct godb_scan *s, size_t i);

/* First and last block start known of an interface in the whole store (not
 * only the window); false if it has none. */
bool godb_scan_extent(const struct godb_scan *s, size_t iface, int64_t *first_s,
    int64_t *last_s);

/* What could not be read when the scan was opened. */
struct godb_fault {
	const char *iface;        /* borrowed */
	int64_t first_s, last_s;  /* time that may be missing */
	int rc;                   /* GODB_EDAMAGED, -EIO, ... */
	char place[128];          /* file, and offset where known */
};
size_t godb_scan_n_faults(const struct godb_scan *s);
const struct godb_fault *godb_scan_fault(const struct godb_scan *s, size_t i);

/*
 * Application names.  Ids are those found in column arrays of this scan;
 * 0 is "Unknown".  NULL for an id that the store does not know.
 */
size_t godb_scan_n_l7(const struct godb_scan *s);
const char *godb_scan_l7_name(const struct godb_scan *s, uint16_t id);
const char *godb_scan_l7_category(const struct godb_scan *s, uint16_t id);

/* ---- cursor ------------------------------------------------------------ */

struct godb_addr6 {
	uint64_t hi, lo; /* value of the address: network order, read as numbers */
};

/*
 * Decoded columns of one part.  Rows 0..n4-1 are IPv4, n4..n4+n6-1 IPv6; the
 * address arrays are apart (index r for IPv4, r - n4 for IPv6).  A column that
 * was not asked for is NULL.  Rows of a block are sorted by (sip, dip, dport,
 * proto, l7proto) within each version and unique; live parts are not.
 */
struct godb_columns {
	uint32_t n4, n6;
	const uint32_t *sip4, *dip4; /* value of the address: 10.0.0.1 is 0x0a000001 */
	const struct godb_addr6 *sip6, *dip6;
	const uint16_t *dport;
	const uint8_t *proto;
	const uint16_t *l7;
	const uint64_t *counter[4]; /* bytes_rcvd bytes_sent pkts_rcvd pkts_sent */
};

struct godb_cursor;

int godb_cursor_new(const struct godb_scan *s, struct godb_cursor **out);
void godb_cursor_free(struct godb_cursor *c);

/*
 * Decodes columns (GODB_COL bits) of part i.  *out is borrowed until the next
 * call on this cursor.  GODB_EDAMAGED: the part must be left out as a whole;
 * `fault` (may be NULL) then names the place.  `want4`/`want6` say which
 * address versions are needed; the other's count comes back as 0.
 */
int godb_cursor_load(struct godb_cursor *c, size_t i, uint32_t columns,
    bool want4, bool want6, struct godb_columns *out, struct godb_fault *fault);

/* Store bytes read and bytes decoded so far. */
void godb_cursor_stats(const struct godb_cursor *c, uint64_t *bytes_read,
    uint64_t *bytes_decoded);

#ifdef __cplusplus
}
#endif
#endif
