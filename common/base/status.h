/*
 * status - what the writer publishes about itself, as text and back.
 *
 * The file is replaced whole every few seconds; goprobe-writer(8) describes
 * it.  One line each, `name value`, in two tables of names (gp_status_fields):
 *
 *   goprobe-status 1
 *   written 1764000003000000000
 *   ...
 *   interfaces 1
 *   iface eth0
 *   state capturing
 *   ...
 *   end
 *
 * A value is a decimal number, a word out of a list, or text in double quotes
 * where control characters, `"` and `\` stand as \xNN.  Every name of the
 * version must be there once; others are left out of account, so that a later
 * writer may say more.  The reader trusts nothing in it.
 */
#ifndef GP_STATUS_H
#define GP_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define GP_STATUS_VERSION    1
#define GP_STATUS_FOLDER     "/run/goprobe-writer" /* of the site's sensor */
#define GP_STATUS_NAME       "status"
#define GP_STATUS_EVERY_S    5
#define GP_STATUS_QUIET_S    20 /* longer without a sign of life is stale */
#define GP_STATUS_MAX_BYTES  (4u << 20)
#define GP_STATUS_IFACES_MAX 1100
#define GP_STATUS_TEXT_MAX   4096 /* with NUL */
#define GP_STATUS_PATH_MAX   80

enum gp_status_sandbox {
	GP_STATUS_SANDBOX_FULL,
	GP_STATUS_SANDBOX_SECCOMP,
	GP_STATUS_SANDBOX_OFF,
};
enum gp_status_state {
	GP_STATUS_CAPTURING,
	GP_STATUS_DRAINING, /* its capture is gone, its ring not empty */
	GP_STATUS_GONE,
	GP_STATUS_ABSENT, /* configured, and no capture has come */
};
enum gp_status_direction {
	GP_STATUS_DIR_UNKNOWN, /* no frame yet */
	GP_STATUS_DIR_INTERFACE,
	GP_STATUS_DIR_FLOW,
	GP_STATUS_DIR_MIXED,
};

enum gp_status_l7 {
	GP_STATUS_L7_UNKNOWN, /* no frame yet */
	GP_STATUS_L7_OFF,
	GP_STATUS_L7_ON,
	GP_STATUS_L7_FAILED,  /* off: capture died of it again and again */
	GP_STATUS_L7_MISSING, /* wanted, but capture was built without */
};

/*
 * Packets unless the name says otherwise; totals since the writer started.
 * The accounting: seen = in_rows + pending + lost + non_ip + malformed.
 */
struct gp_status_iface {
	char name[16];
	uint64_t state;     /* enum gp_status_state */
	uint64_t direction; /* enum gp_status_direction */
	uint64_t sessions;  /* rings: one a start of capture and worker */
	uint64_t since;     /* of the state, ns since 1970 */
	uint64_t interval_s; /* between snapshots, as configured */
	uint64_t seen, seen_bytes; /* bytes: without what is pending or lost */
	uint64_t in_rows, in_rows_bytes;
	uint64_t pending;   /* seen, to be published soon */
	uint64_t lost;      /* were pending when their capture was killed */
	uint64_t non_ip, non_ip_bytes;
	uint64_t malformed, malformed_bytes;
	uint64_t kernel_drops;
	uint64_t drops_recent; /* by the kernel, of an episode that goes on */
	uint64_t iface_drops;
	uint64_t overflow, late, time_clamped;
	uint64_t l7;        /* enum gp_status_l7 */
	uint64_t l7_cut;    /* flag: payload was cut by the snapshot length */
	uint64_t l7_starved; /* flows named by port for want of memory */
	uint64_t flows;     /* in the table now */
	uint64_t frames, duplicates;
	uint64_t rows;      /* received, before summing up */
	uint64_t blocks;
	uint64_t last_frame; /* when it was taken, ns since 1970, 0: never */
	uint64_t quiet_ns;  /* from then, or the session's start, to `written` */
	uint64_t last_block; /* start of the newest committed, ns, 0: none */
	uint64_t ring_used, ring_bytes; /* all rings of the interface */
};

struct gp_status {
	uint64_t written, written_boot; /* ns: CLOCK_REALTIME, _BOOTTIME */
	uint64_t started;               /* ns since 1970 */
	uint64_t running;               /* 0: the writer's last words */
	uint64_t sandbox;               /* enum gp_status_sandbox */
	uint64_t landlock_abi;          /* 0: not in force */
	uint64_t capture_sandbox;       /* as configured */
	char store[GP_STATUS_TEXT_MAX];
	char store_error[GP_STATUS_TEXT_MAX]; /* "": can be written */
	uint64_t blocks, rows, stored_bytes;  /* committed */
	uint64_t frames, duplicates;
	uint64_t refused, lied;
	uint64_t interfaces;
	struct gp_status_iface *iface; /* `interfaces` ones, names ascending */
};

enum gp_status_kind {
	GP_STATUS_NUMBER,
	GP_STATUS_TIME, /* ns since 1970, 0: never */
	GP_STATUS_FLAG, /* a WORD, `no` or `yes` */
	GP_STATUS_WORD,
	GP_STATUS_TEXT,
};
struct gp_status_field {
	const char *name;
	enum gp_status_kind kind;
	size_t offset;            /* in the struct; uint64_t but for TEXT */
	uint64_t max;             /* NUMBER and TIME */
	const char *const *words; /* WORD, FLAG: NULL-terminated, by value */
};

/* The names in their order; *n gets how many. */
const struct gp_status_field *gp_status_fields(size_t *n);
const struct gp_status_field *gp_status_iface_fields(size_t *n);

/* Value of a field that is no TEXT; its word. */
uint64_t gp_status_get(const struct gp_status_field *f, const void *from);
const char *gp_status_word(const struct gp_status_field *f, const void *from);

/* Writes all of it; the stream keeps errors. */
void gp_status_print(const struct gp_status *s, FILE *out);

/*
 * Reads it back from len bytes that anybody may have written.  0 with *out
 * (gp_status_free); -EINVAL with one line in error, bytes of the input
 * not among it; -ENOMEM.
 */
int gp_status_parse(const char *text, size_t len, struct gp_status **out,
    char error[160]);
void gp_status_free(struct gp_status *s); /* accepts NULL */

/* Whether the accounting of an interface closes. */
bool gp_status_closes(const struct gp_status_iface *i);

/* Longest silence that is no reason to worry: three snapshots, at least
 * GP_STATUS_QUIET_S. */
uint64_t gp_status_patience_ns(const struct gp_status_iface *i);

/*
 * Folder for the status of a sensor that does not write the site's store:
 * GP_STATUS_FOLDER with the store's device and inode behind it.
 */
void gp_status_folder(uint64_t dev, uint64_t ino,
    char out[GP_STATUS_PATH_MAX]);

#endif
