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
 * with the GODB_*_INIT macro, so that later versions may append members; of
 * more than the library knows, or none, it says -EINVAL.
 * Times are seconds since 1970-01-01T00:00:00Z (`_s`) or nanoseconds (`_ns`).
 *
 * A scan borrows its reader, and what is made of a scan borrows that: close or
 * free them in the opposite order.
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
#define GODB_FORMAT_MINOR   1

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
	GODB_EIFACE = -10010,  /* no valid interface name */
	GODB_EFULL = -10011,   /* a limit of the format: see FORMAT.md */
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

/* "sip", "dip", "dport", "proto", "l7proto", "bytes_rcvd", ...; NULL beyond. */
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
void godb_ifaces_free(char **ifaces); /* accepts NULL */

/*
 * Days that an interface has, ascending, without opening them: for programs
 * that look again and again for what is new.  index_bytes grows with every
 * record of the day, and in no other way; that of a day which was removed and
 * written anew may be as large as before, but not from the same time.  Count
 * returned; *out is owned by the caller (free).  -ENOENT: no such interface.
 */
struct godb_day {
	int64_t day_s; /* 00:00:00 UTC */
	uint64_t index_bytes;
	int64_t index_ns; /* when its index was written last, since 1970 */
};
int godb_reader_days(const struct godb_reader *r, const char *iface,
    struct godb_day **out);

/* 1 to 15 bytes of printable ASCII without blank and '/', and neither "." nor
 * ".." nor "lost+found". */
bool godb_iface_valid(const char *name);

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

/* ---- list -------------------------------------------------------------- */

struct godb_list;

/* What an interface has in all: finished blocks, whatever their time. */
struct godb_list_iface {
	const char *iface;       /* borrowed from the list */
	int64_t first_s, last_s; /* start of the first and last block */
	uint64_t days, blocks;   /* 0: none, and the times mean nothing */
	uint64_t flows;          /* rows of all blocks */
	uint64_t counter[4];     /* of the rows, as in struct godb_columns */
	uint64_t disk_bytes;     /* of its files, those of open blocks too */
	struct godb_counters counters;
	uint64_t n_unreadable;   /* days of which something is missing here */
	int rc;                  /* of the first one */
	char place[48];
};

/*
 * Sums up interfaces (NULL-terminated; NULL: all) from the summaries that the
 * writer keeps, and from the indexes of days that are not in them.  Blocks
 * that are open are not in it, nor interfaces that the store does not have.
 * Reads no column.  The list borrows nothing.
 */
int godb_list_new(const struct godb_reader *r, const char *const *ifaces,
    struct godb_list **out);
void godb_list_free(struct godb_list *l); /* accepts NULL */
size_t godb_list_n(const struct godb_list *l);
/* In the order of names; NULL beyond the last. */
const struct godb_list_iface *godb_list_get(const struct godb_list *l,
    size_t i);

/* What could not be read, or does not hold. */
struct godb_fault {
	const char *iface;        /* borrowed */
	int64_t first_s, last_s;  /* time that may be missing; none of it if
				   * only names are */
	int rc;                   /* GODB_EDAMAGED, -EIO, ... */
	char place[128];          /* file, and offset where known */
};

/* ---- check ------------------------------------------------------------- */

struct godb_check_opts {
	size_t size;
	const char *const *ifaces; /* NULL-terminated; NULL: all */
	/* May be NULL; what is wrong, one by one.  `why` adds to the code's
	 * text, or is empty. */
	void (*fault)(void *arg, const struct godb_fault *f, const char *why);
	/* Before each day, may be NULL; days done and in all, which are more.
	 * Nonzero ends it with GODB_ECANCELLED. */
	int (*progress)(void *arg, size_t done, size_t all);
	void *arg;
	const int *cancel; /* as in struct godb_scan_opts */
};
#define GODB_CHECK_OPTS_INIT \
	{sizeof(struct godb_check_opts), NULL, NULL, NULL, NULL, NULL}

struct godb_check_report {
	uint64_t ifaces, days, records, rows, batches, bytes; /* looked at */
	uint64_t faults;
	uint64_t rollups; /* looked at */
};

/*
 * Reads all of it: every checksum, and what FORMAT.md says must hold.  The
 * store may be written meanwhile: what is under way is no fault, and days
 * that retention removes are passed over.  0 whatever was found.
 */
int godb_check(const struct godb_reader *r, const struct godb_check_opts *opts,
    struct godb_check_report *out);

/* ---- scan -------------------------------------------------------------- */

struct godb_scan;

struct godb_scan_opts {
	size_t size;
	/* NULL-terminated; NULL: all.  What the store does not have is passed
	 * over: godb_scan_n_ifaces. */
	const char *const *ifaces;
	int64_t first_s, last_s; /* window [first_s, last_s): whole blocks that
				  * have any of it; none when reversed */
	bool no_live;            /* leave the journals out */
	/* May be NULL.  Another thread, by an atomic store, or a signal's
	 * handler may set it to something else than 0: the call then ends with
	 * GODB_ECANCELLED. */
	const int *cancel;
	/*
	 * What the scan is for, so that days and blocks which an address
	 * index rules out are not looked at.  Answers are the same without,
	 * only later.  Rows that do not meet `cond` may be left out: then every
	 * query of the scan has that condition, or one that asks for less.
	 */
	const struct godb_cond *cond; /* borrowed for the call; NULL: all rows */
	/* For godb_seen_run alone: days that have an address index are known by
	 * it and have no parts. */
	bool addresses;
	bool no_index; /* without address indexes, to compare */
	/* A day that an address index rules out is still compared with what the
	 * index was made of, blocks.idx byte by byte: for a no that is to be
	 * relied on. */
	bool sure;
	/* Threads to share the reading of indexes, NULL: the caller's alone.
	 * Borrowed for the call; one call at a time. */
	struct godb_pool *pool;
	/*
	 * The question that will be asked.  Whole days which a roll-up answers,
	 * or that have no rows, then have no parts: their indexes are compared with what it sums and
	 * not taken apart.  Only a hint: of any other question, and where such
	 * a roll-up turns out to be damaged, stock is taken again by itself.
	 * Of other days the indexes' bytes are not kept: a block's record is
	 * read again where columns are, and is a fault if it has changed.
	 * Borrowed for the call; NULL: none.
	 */
	const struct godb_query_opts *question;
	/* Before each day that is looked at, by the caller's thread; may be
	 * NULL.  Days done and in all, of one interface after the other.
	 * Nonzero ends it with GODB_ECANCELLED. */
	int (*progress)(void *arg, size_t done, size_t all);
	void *progress_arg;
	/* Bound of what the scan keeps of days and blocks, about half a
	 * kilobyte a block; 0: none.  Beyond it is GODB_EMEMORY. */
	size_t mem_bytes;
};
#define GODB_SCAN_OPTS_INIT                                              \
	{sizeof(struct godb_scan_opts), NULL, 0, INT64_MAX, false, NULL,  \
	    NULL, false, false, false, NULL, NULL, NULL, NULL, 0}

/*
 * Takes stock: opens the journals, then lists days and reads their indexes,
 * so that each row is seen once whatever the writer does meanwhile.  A damaged
 * index or journal does not fail the call; it becomes a fault (below).
 */
int godb_scan_open(const struct godb_reader *r,
    const struct godb_scan_opts *opts, struct godb_scan **out);
void godb_scan_close(struct godb_scan *s); /* accepts NULL */
/* Bytes that it keeps, as mem_bytes bounds them. */
size_t godb_scan_bytes(const struct godb_scan *s);

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
	uint8_t id[16];            /* random, for ever the record's; live: 0 */
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

/*
 * Time from which retention has removed days of an interface: from the oldest
 * of them to the end of the newest.  False when it has removed none.
 */
bool godb_scan_pruned(const struct godb_scan *s, size_t iface, int64_t *first_s,
    int64_t *until_s);

/* What could not be read when the scan was opened. */
size_t godb_scan_n_faults(const struct godb_scan *s);
const struct godb_fault *godb_scan_fault(const struct godb_scan *s, size_t i);

/* What address indexes spared the scan of an interface. */
struct godb_spared {
	uint64_t days;   /* whole ones, of which not even the index was read */
	uint64_t blocks; /* records with rows, those of such days included */
	uint64_t rows;
	uint64_t bytes;  /* of their columns */
};
void godb_scan_spared(const struct godb_scan *s, size_t iface,
    struct godb_spared *out);

/* Whole days of an interface of which a scan that was opened for a question has
 * no parts: roll-ups stand for them, or they have no rows. */
struct godb_rolled {
	uint64_t days;
	uint64_t blocks; /* records, those without rows included */
	uint64_t rows;
	uint64_t bytes;  /* of their columns */
};
void godb_scan_rolled(const struct godb_scan *s, size_t iface,
    struct godb_rolled *out);

/*
 * Application names.  Ids are those found in column arrays of this scan;
 * 0 is "Unknown".  NULL for an id that the store does not know.
 */
size_t godb_scan_n_l7(const struct godb_scan *s);
const char *godb_scan_l7_name(const struct godb_scan *s, uint16_t id);
const char *godb_scan_l7_category(const struct godb_scan *s, uint16_t id);

/* ---- cursor ------------------------------------------------------------ */

struct godb_addr6 {
	uint64_t hi, lo; /* its value: network order, read as numbers */
};

/*
 * Decoded columns of one part.  Rows 0..n4-1 are IPv4, n4..n4+n6-1 IPv6; the
 * address arrays are apart (index r for IPv4, r - n4 for IPv6).  A column that
 * was not asked for is NULL.  Rows of a block are sorted by (sip, dip, dport,
 * proto, l7proto) within each version and unique; live parts are not.
 */
struct godb_columns {
	uint32_t n4, n6;
	const uint32_t *sip4, *dip4; /* its value: 10.0.0.1 is 0x0a000001 */
	const struct godb_addr6 *sip6, *dip6;
	const uint16_t *dport;
	const uint8_t *proto;
	const uint16_t *l7;
	const uint64_t *counter[4]; /* bytes_rcvd, _sent, pkts_rcvd, _sent */
};

struct godb_cursor;

int godb_cursor_new(const struct godb_scan *s, struct godb_cursor **out);
void godb_cursor_free(struct godb_cursor *c); /* accepts NULL */

/*
 * Decodes columns (GODB_COL bits) of part i.  *out is borrowed until the next
 * call on this cursor.  GODB_EDAMAGED: the part must be left out as a whole;
 * `fault` (may be NULL) then names the place.  `want4`/`want6` say which
 * address versions are needed; the other's count comes back as 0.  -EINVAL: no
 * such part or column.
 */
int godb_cursor_load(struct godb_cursor *c, size_t i, uint32_t columns,
    bool want4, bool want6, struct godb_columns *out, struct godb_fault *fault);

/* Store bytes read and bytes decoded so far. */
void godb_cursor_stats(const struct godb_cursor *c, uint64_t *bytes_read,
    uint64_t *bytes_decoded);

/* ---- query: what to group by ------------------------------------------- */

enum godb_key {
	GODB_KEY_TIME, /* start of the 5-minute block, or of the bin */
	GODB_KEY_IFACE,
	GODB_KEY_SIP,
	GODB_KEY_DIP,
	GODB_KEY_DPORT,
	GODB_KEY_PROTO,
	GODB_KEY_L7PROTO,
	/* each row under its sip and, when that differs, under its dip; never
	 * beside one of them */
	GODB_KEY_HOST,
	/* The sensor's name: of answers about many of them.  A store here is
	 * one site's, and godb_query_run does not take it. */
	GODB_KEY_SITE,
	GODB_N_KEYS
};

/* "time", "iface", "sip", ...; NULL beyond the last. */
const char *godb_key_name(enum godb_key k);
/* The key of a name in any case, also of src, dst, port, protocol, ipproto, l7
 * and app, as conditions call them; or -EINVAL. */
int godb_key_parse(const char *text);

struct godb_keys {
	unsigned n;
	enum godb_key key[GODB_N_KEYS]; /* distinct, in the order asked for */
	bool category; /* also print the category of l7proto */
	/* Low bits of an address that do not count, at the place that the key's
	 * number is: drop4[GODB_KEY_SIP] is 8 for sip/24.  0 for what is no
	 * address. */
	uint8_t drop4[GODB_N_KEYS], drop6[GODB_N_KEYS];
};
#define GODB_KEYS_INIT {0, {GODB_KEY_TIME}, false, {0}, {0}}

/*
 * A query as typed: talk_conv talk_src talk_dst apps_port apps_l7 apps_dpi
 * agg_talk_port raw, names that godb_key_parse() takes, or a comma list of
 * both; duplicates are removed.  sip, dip and host may have prefix lengths:
 * sip/24 groups IPv4 by it, sip/48 (above 32) IPv6, sip/24/48 both and sip//32
 * only IPv6; addresses of a version without one stay whole.  GODB_ESYNTAX with
 * diag, which may be NULL.
 */
int godb_keys_parse(const char *text, struct godb_keys *out,
    struct godb_diag *diag);
bool godb_keys_has(const struct godb_keys *keys, enum godb_key k);
/* Whether sip, dip or host is among them. */
bool godb_keys_has_address(const struct godb_keys *keys);
/* The i-th word that a query may consist of, NULL beyond the last; *help gets
 * what it stands for. */
const char *godb_keys_word(size_t i, const char **help);

/* ---- query: what is counted -------------------------------------------- */

enum godb_metric {
	GODB_METRIC_BYTES,   /* received + sent */
	GODB_METRIC_PACKETS, /* received + sent */
	GODB_METRIC_BYTES_RCVD,
	GODB_METRIC_BYTES_SENT,
	GODB_METRIC_PACKETS_RCVD,
	GODB_METRIC_PACKETS_SENT,
	/* These are of groups alone, and only when asked for: stored rows,
	 * and how many different addresses and ports they have. */
	GODB_METRIC_ROWS,
	GODB_METRIC_SIPS,
	GODB_METRIC_DIPS,
	GODB_METRIC_DPORTS,
	GODB_N_METRICS
};
#define GODB_METRIC_EXTRA GODB_METRIC_ROWS /* the first of those */
#define GODB_N_EXTRAS     (GODB_N_METRICS - GODB_METRIC_EXTRA)

/* "bytes", "packets", ..., as machine formats name them; NULL beyond. */
const char *godb_metric_name(enum godb_metric m);
/* The metric of a name in any case, or -EINVAL. */
int godb_metric_parse(const char *text);

/* ---- query: conditions ------------------------------------------------- */

#define GODB_COND_TEXT_MAX  (64u * 1024)
#define GODB_COND_DEPTH_MAX 100
#define GODB_COND_WHY_MAX   128
#define GODB_COND_NAME_MAX  256

struct godb_cond;

struct godb_cond_opts {
	size_t size;
	const char *site; /* what `site` stands for: prefixes separated by blanks
			     or commas; NULL or "": the word is an error */
	/* Set: the condition is for groups of these keys (`having`), and may
	 * also ask for metrics that only groups have.  NULL: for rows. */
	const struct godb_keys *having;
	/*
	 * What a word such as @list, "country=CH" or "asn=AS64500" stands
	 * for: addresses, prefixes and ranges, separated by blanks, commas or
	 * line ends; # begins a comment.  Borrowed until the parser returns.
	 * Nonzero: there is no such set, and `why` may say so.  NULL: such
	 * words are an error.
	 */
	int (*set)(void *arg, const char *name, const char **text, size_t *len,
	    char why[GODB_COND_WHY_MAX]);
	void *set_arg;
	/* Rows are of many sites: site = NAME is a condition, too. */
	bool sites;
};
#define GODB_COND_OPTS_INIT \
	{sizeof(struct godb_cond_opts), NULL, NULL, NULL, NULL, false}

/*
 * Parses a condition (goquery(1) has the grammar).  Blank text means every
 * row and gives a condition too.  opts and diag may be NULL.  GODB_ESYNTAX:
 * diag says what and where; -ENOMEM.  The condition is immutable and belongs to
 * no store; application names are looked up when a query runs.  -EINVAL: opts.
 */
int godb_cond_parse(const char *text, const struct godb_cond_opts *opts,
    struct godb_cond **out, struct godb_diag *diag);
void godb_cond_free(struct godb_cond *c); /* accepts NULL */
/* Metrics that only groups have and the condition asks for: 1u << metric. */
uint32_t godb_cond_metrics(const struct godb_cond *c);
/* Whether nothing can meet it, for a set of it is empty: `host in @list` where
 * the list is.  False says little: conditions may exclude each other. */
bool godb_cond_never(const struct godb_cond *c);

/*
 * The i-th set that the condition names: "@list", without quotes, or merely
 * "country" or "asn"; false beyond the last, or when the text is no condition.
 * So files can be opened before the condition is parsed.
 */
bool godb_cond_set(const char *text, size_t i, char name[GODB_COND_NAME_MAX]);

/* The grammar's words, for help texts and completion: the i-th, NULL beyond
 * the last; *help gets one line. */
const char *godb_cond_word(size_t i, const char **help);

/* IP protocols: the name in Debian's /etc/protocols (third field) or IANA's
 * registry, NULL for a number without one; and back from either of its names
 * in any case, or decimal digits: 0-255, or -EINVAL. */
const char *godb_proto_name(uint8_t proto);
int godb_proto_parse(const char *text);

/* Port of a service name ("https"), or decimal digits: 0-65535 or -EINVAL. */
int godb_port_parse(const char *text);

/* ---- threads ----------------------------------------------------------- */

struct godb_pool;

/*
 * Starts threads - 1 threads (1 to 256), which wait, all signals blocked,
 * until a scan or a query is given them that is worth it; the caller's is the
 * last.  At first they wait on the processor that the caller is on, and later
 * on any but the one that it was on.  From then on they need futex(2), and
 * sched_setaffinity(2) of themselves, which may fail as may the caller's, who
 * stays where it is while they are led away; and what scans and queries need:
 * a program that closes a sandbox around them does so behind this call.
 * -EINVAL, -ENOMEM, -EAGAIN.
 */
int godb_pool_new(unsigned threads, struct godb_pool **out);
/* A pool leaves what is quicker done alone to the caller; from now on this one
 * shares whatever it is given. */
void godb_pool_eager(struct godb_pool *p);
void godb_pool_free(struct godb_pool *p); /* accepts NULL */

/* ---- query: run -------------------------------------------------------- */

enum godb_direction {
	GODB_DIR_BOTH, /* received + sent */
	GODB_DIR_RCVD,
	GODB_DIR_SENT,
};

/* A metric of four counters in the order of struct godb_columns; bytes and
 * packets are those of the direction.  0 for what only groups have. */
uint64_t godb_metric_counter(const uint64_t counter[4], enum godb_metric m,
    enum godb_direction direction);

/* Sort by a metric, or by a key.  Bytes and packets are those of the chosen
 * direction, the other metrics what their names say. */
#define GODB_SORT_METRIC(m) (-1 - (int)(m))
#define GODB_SORT_BYTES     GODB_SORT_METRIC(GODB_METRIC_BYTES)
#define GODB_SORT_PACKETS   GODB_SORT_METRIC(GODB_METRIC_PACKETS)

struct godb_query_opts {
	size_t size;
	struct godb_keys keys;
	const struct godb_cond *cond; /* borrowed; NULL: every row */
	enum godb_direction direction;
	int sort;       /* GODB_SORT_*, or an enum godb_key among keys */
	bool ascending; /* metrics; keys always ascend */
	uint64_t limit; /* rows in the result, 0: all */
	/* Above 0: instead, as many rows as make up this share of the sorted
	 * metric over all groups, in 1/100 %.  Needs a metric that can be
	 * summed, descending. */
	uint32_t share;
	size_t mem_bytes; /* bound of what the query allocates, 0: none */
	/* Called now and then, also when all is read, may be NULL; steps done
	 * and in all.  Nonzero ends the query with GODB_ECANCELLED. */
	int (*progress)(void *arg, size_t done, size_t all);
	void *progress_arg;
	/* Condition on groups, parsed with the same keys; NULL: all of them.
	 * Totals stay those of all groups.  Borrowed for the call. */
	const struct godb_cond *having;
	/* 1u << metric of those that only groups have; what sort and having
	 * need is added.  They cost time and memory. */
	uint32_t metrics;
	/* Start of the bin that a block belongs to, for GODB_KEY_TIME; NULL:
	 * the block's.  At most the block's start, and the same for all blocks
	 * of a bin. */
	int64_t (*bin)(void *arg, int64_t slot_s);
	void *bin_arg;
	/* Threads to share the work, NULL: the caller's alone.  Borrowed for
	 * the call; one call at a time.  `progress` is called by the caller's
	 * thread, `bin` by any, but by one at a time. */
	struct godb_pool *pool;
	const int *cancel; /* as in struct godb_scan_opts */
	/* Read blocks even where an hour's or a day's roll-up gives the same
	 * answer sooner. */
	bool no_rollups;
	/* Only rows will be looked at: blocks that can add none to them need
	 * not be read, as when the first ones by time are asked for.  Hits,
	 * groups, totals and faults are then those of what was read. */
	bool rows_only;
};
#define GODB_QUERY_OPTS_INIT                                              \
	{sizeof(struct godb_query_opts), GODB_KEYS_INIT, NULL,            \
	    GODB_DIR_BOTH, GODB_SORT_BYTES, false, 0, 0, 0, NULL, NULL, NULL, \
	    0, NULL, NULL, NULL, NULL, false, false}

struct godb_result;

/*
 * Filters, groups and sorts the scan's rows.  A part that cannot be read is
 * left out as a whole and becomes a fault of the result; the call succeeds.
 * Ties of the sort are ordered ascending by the keys in the order asked for:
 * time and dport as numbers, addresses IPv4 before IPv6 and then by value,
 * iface, proto and l7proto by their text.  -EINVAL, -ENOMEM, GODB_EMEMORY,
 * GODB_ECANCELLED.  The result borrows the scan: free it first.
 */
int godb_query_run(const struct godb_scan *s,
    const struct godb_query_opts *opts, struct godb_result **out);
void godb_result_free(struct godb_result *r); /* accepts NULL */

/* Counters stand in the order of struct godb_columns; sums saturate. */
struct godb_result_row {
	int64_t time_s; /* fields that are no key are zero, texts empty */
	const char *iface;
	uint8_t version; /* 4, 6; 0 when no address is a key */
	struct godb_addr6 sip, dip; /* IPv4: in lo; host in sip */
	uint16_t dport;
	uint8_t proto;
	uint16_t l7;
	const char *l7proto, *category; /* borrowed from the result */
	const char *site; /* NULL: of a store */
	uint64_t counter[4];
	/* from GODB_METRIC_EXTRA on; 0 when not asked for */
	uint64_t extra[GODB_N_EXTRAS];
};

size_t godb_result_n_rows(const struct godb_result *r); /* after the limit */
size_t godb_result_n_hits(const struct godb_result *r); /* before it */
size_t godb_result_n_groups(const struct godb_result *r); /* before having */
/* i is below godb_result_n_rows. */
void godb_result_row(const struct godb_result *r, size_t i,
    struct godb_result_row *out);
/* Sums over all rows that met the condition. */
void godb_result_totals(const struct godb_result *r, uint64_t counter[4]);
/* Parts that could not be read. */
size_t godb_result_n_faults(const struct godb_result *r);
const struct godb_fault *godb_result_fault(const struct godb_result *r,
    size_t i);
/* Names of applications and of their categories in the condition that this
 * store has never seen, NULL beyond the last; *near_name may be NULL or a name
 * that it has.  Which of the two the i-th is. */
const char *godb_result_unknown_l7(const struct godb_result *r, size_t i,
    const char **near_name);
bool godb_result_unknown_is_category(const struct godb_result *r, size_t i);

struct godb_result_stats {
	uint64_t parts, parts_skipped; /* skipped: nothing in them could match */
	uint64_t rows, rows_matched;
	uint64_t bytes_read, bytes_decoded;
	uint64_t mem_bytes; /* at the highest */
	/* Roll-ups that were taken, and the parts that they stand for, which
	 * are not among those above; and roll-ups that could not be read, so
	 * that their parts were. */
	uint64_t rollups, parts_rolled, rollups_unreadable;
};
void godb_result_stats(const struct godb_result *r,
    struct godb_result_stats *out);

/* ---- query: seen ------------------------------------------------------- */

/* Addresses that have the first len bits of addr, whose others are zero (else
 * -EINVAL); IPv4 in lo. */
struct godb_prefix {
	uint8_t version, len; /* 4: 0-32, 6: 0-128 */
	struct godb_addr6 addr;
};

struct godb_seen_opts {
	size_t size;
	const struct godb_prefix *prefix; /* n of them, in any order */
	size_t n;
	size_t mem_bytes; /* bound of what is allocated, 0: none */
	int (*progress)(void *arg, size_t done, size_t all);
	void *progress_arg;
	struct godb_pool *pool;
};
#define GODB_SEEN_OPTS_INIT \
	{sizeof(struct godb_seen_opts), NULL, 0, 0, NULL, NULL, NULL}

struct godb_seen;

/*
 * Looks for rows of the scan with any of the addresses at either end.  Parts
 * that cannot be read become faults and the call succeeds: without a look at
 * them, and at godb_coverage_new, "not seen" means nothing.  Returns as
 * godb_query_run does.
 */
int godb_seen_run(const struct godb_scan *s,
    const struct godb_seen_opts *opts, struct godb_seen **out);
void godb_seen_free(struct godb_seen *s); /* accepts NULL */

struct godb_sighting {
	int64_t first_s, last_s; /* starts of the first and the last block */
	uint32_t days;           /* UTC days with any */
};
/* Of the i-th prefix; false: in no row that could be read, or none such. */
bool godb_seen_sighting(const struct godb_seen *s, size_t i,
    struct godb_sighting *out);
/* Whether it was seen on the scan's interface. */
bool godb_seen_on(const struct godb_seen *s, size_t i, size_t iface);
/* Parts that could not be read: *n, borrowed. */
const struct godb_fault *godb_seen_faults(const struct godb_seen *s,
    size_t *n);
void godb_seen_stats(const struct godb_seen *s,
    struct godb_result_stats *out);

/* ---- query: coverage --------------------------------------------------- */

/* Why an answer may lack something. */
enum godb_cause {
	GODB_CAUSE_DOWN,         /* nobody was capturing */
	GODB_CAUSE_KERNEL_DROPS, /* packets the kernel had no room for */
	GODB_CAUSE_IFACE_DROPS,  /* packets the interface lost */
	GODB_CAUSE_DAMAGED,      /* a block cannot be read */
	GODB_CAUSE_GONE,         /* removed by retention while it was read */
	GODB_CAUSE_CUT,          /* a capture file was cut short */
	GODB_CAUSE_LATE,         /* packets counted in a later block */
	GODB_CAUSE_CLAMPED,      /* packets whose time is not representable */
	GODB_CAUSE_LOST,         /* rows lost to damage, earlier */
	GODB_CAUSE_PRUNED,       /* retention had removed days of the window */
	GODB_CAUSE_UNSHIPPED,    /* not there yet: of answers about many sites */
	GODB_CAUSE_OVERFLOW,     /* packets counted without their addresses */
	GODB_N_CAUSES
};
/* "down", "kernel-drops", ... */
const char *godb_cause_name(enum godb_cause c);

struct godb_incomplete {
	enum godb_cause cause;
	const char *iface;         /* borrowed from the scan */
	int64_t first_ns, last_ns; /* the first that lacks to the last */
	uint64_t amount;           /* ns when down or not shipped, else
				    * packets; 0 unknown */
	uint64_t count;            /* gaps or blocks */
	bool unreadable;           /* exit 3: damaged or gone */
	int rc;                    /* of a damaged one */
	const char *place;         /* of a damaged one, borrowed; else NULL */
};

struct godb_coverage_opts {
	size_t size;
	int64_t first_s, last_s; /* the window of the scan */
	int64_t now_ns;          /* what lies after it is no gap */
	bool no_live;            /* as in the scan: recent time is not asked */
	/* More of them than the result's: see godb_seen_faults. */
	const struct godb_fault *faults;
	size_t n_faults;
	/* Blocks come here later than they were made: what lies behind an
	 * interface's last one is no down-time. */
	bool shipped;
	/* Time between two snapshots of an interface, nanoseconds: it is down
	 * when its newest data is older than that and 30 s more, and than 60 s.
	 * NULL: no interface makes them that seldom. */
	int64_t (*interval_ns)(void *arg, const char *iface);
	void *interval_arg;
};
#define GODB_COVERAGE_OPTS_INIT \
	{sizeof(struct godb_coverage_opts), 0, 0, 0, false, NULL, 0, false, \
	    NULL, NULL}

struct godb_coverage;

/*
 * What the scan's window holds and what it lacks.  Time between an
 * interface's first known block and now that no part covers is a gap when it
 * is longer than 20 ms and no part beside it comes from a capture file.
 * `result` (may be NULL) adds its faults.  The reader is asked where known
 * blocks lie outside the window.  Borrows scan and result.
 */
int godb_coverage_new(struct godb_reader *r, const struct godb_scan *s,
    const struct godb_result *result, const struct godb_coverage_opts *opts,
    struct godb_coverage **out);
void godb_coverage_free(struct godb_coverage *c); /* accepts NULL */

/* Window really used: whole blocks. */
void godb_coverage_window(const struct godb_coverage *c, int64_t *first_s,
    int64_t *last_s);
/* Of the time in the window between first known block and now, summed over
 * interfaces: covered and in all, nanoseconds. */
void godb_coverage_time(const struct godb_coverage *c, uint64_t *covered_ns,
    uint64_t *known_ns);
/* Ordered by interface, cause, time; one for each interface and cause but
 * one for each damaged place.  NULL beyond the last. */
const struct godb_incomplete *godb_coverage_incomplete(
    const struct godb_coverage *c, size_t i);
/* Whether blocks count sent/received relative to the interface, to the flow,
 * or some so and some so: GODB_PART_DIR_IFACE and GODB_PART_DIR_FLOW bits. */
uint32_t godb_coverage_directions(const struct godb_coverage *c);

#ifdef __cplusplus
}
#endif
#endif
