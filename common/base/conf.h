/*
 * conf - the site's INI text to a typed struct, through a table of keys.
 *
 * One table (conf_keys.c) names every section and key with its type, range and
 * default; every program reads the whole file, so that an error anywhere is
 * found by any of them.  [capture] holds defaults, [interface NAME] overrides.
 * goprobe.ini(5) describes the keys.
 */
#ifndef GP_CONF_H
#define GP_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/addr.h"

#define GP_CONF_PATH      "/etc/goprobe/goprobe.ini"
#define GP_CONF_STORE     "/var/lib/goprobe"
#define GP_CONF_EXPORT_STATE "/var/lib/goprobe-export"
#define GP_CONF_MAX_BYTES (1u << 20)
#define GP_CONF_MAX_IFACES 1024
#define GP_CONF_IFACE_MAX 16 /* with NUL */

enum gp_conf_direction { GP_DIR_AUTO, GP_DIR_INTERFACE, GP_DIR_FLOW };
enum gp_conf_l7 { GP_L7_NDPI, GP_L7_OFF };
enum gp_conf_sandbox { GP_SANDBOX_FULL, GP_SANDBOX_SECCOMP, GP_SANDBOX_OFF };
enum gp_conf_compression { GP_COMPRESS_LZ4, GP_COMPRESS_NONE };

struct gp_conf_capture {
	char name[GP_CONF_IFACE_MAX]; /* "" in the defaults */
	char *filter;                 /* BPF expression, "" for none */
	char *filter_file;
	int filter_line;              /* where one of them stands, 0: nowhere */
	uint32_t snaplen;             /* bytes */
	uint32_t buffer_mb;           /* MiB of kernel ring */
	bool promiscuous;
	uint32_t snapshot_interval;   /* seconds */
	uint32_t flows_max;
	uint32_t workers;
	enum gp_conf_l7 l7;
	uint32_t l7_wait;             /* seconds */
	enum gp_conf_direction direction;
};

struct gp_conf {
	struct {
		char *name;
		char *networks; /* as written */
		struct gp_prefix *prefixes;
		size_t n_prefixes;
		char *geoip, *asn; /* MMDB files, "" for none */
	} site;
	struct {
		char *path;
		uint32_t retain_days; /* 0: for ever */
		uint64_t max_bytes;   /* 0: no bound */
		uint64_t min_free;    /* bytes, 0: no bound */
		enum gp_conf_compression compression;
		bool sorted_days; /* of small blocks */
	} store;
	struct {
		uint32_t sync_interval; /* seconds */
		char *metrics;          /* Prometheus text file, "" for none */
		enum gp_conf_sandbox sandbox;
	} writer;
	struct gp_conf_capture capture;    /* defaults */
	enum gp_conf_sandbox capture_sandbox;
	bool roots_own; /* the file is root's, or there is none */
	struct gp_conf_capture *ifaces;    /* with defaults applied */
	size_t n_ifaces;
	struct {
		char *url, *user, *password_file, *database;
		char *ca_file, *cert_file, *key_file;
		uint32_t batch_rows;
		uint32_t interval; /* seconds between looks at the store */
		uint32_t timeout;  /* seconds for one answer of the server */
		char *state;       /* folder: what was shipped */
		bool hourly;       /* sums of hours, too */
		char *metrics;     /* Prometheus text file, "" for none */
		enum gp_conf_sandbox sandbox;
	} export;
	/* of goquery --remote; nothing of it goes to another server than url */
	struct {
		char *url, *user, *password_file, *database;
		char *ca_file, *cert_file, *key_file;
		uint32_t timeout; /* seconds for one answer of the server */
	} remote;
};

/* Every key at its default, no interface.  NULL: out of memory. */
struct gp_conf *gp_conf_new(void);
void gp_conf_free(struct gp_conf *c); /* accepts NULL */

/*
 * Parses len bytes of INI text called `file` in messages.  Returns NULL and
 * sets `error` to one line `FILE:LINE: what` when anything is wrong: an unknown
 * section or key, a duplicate, a bad value, an overlong line.
 */
struct gp_conf *gp_conf_parse(const char *text, size_t len, const char *file,
    char error[512]);

/*
 * Reads a file.  With root_owned set it must belong to root and not be
 * writable by group or others.  A missing file is an error unless `optional`,
 * then it means the defaults.
 */
struct gp_conf *gp_conf_load(const char *path, bool optional, bool root_owned,
    char error[512]);

/*
 * For runs of a user's own, without a sensor: the sandbox that `asked` (NULL,
 * "full", "seccomp") and the file allow.  Only a file of root's weakens it;
 * whoever runs a program may go without Landlock, never without the filter.
 * Sets writer.sandbox and capture_sandbox; 0, or -EINVAL with a line in error.
 */
int gp_conf_own_sandbox(struct gp_conf *c, const char *asked, char error[512]);

/* For -t: whether the file must be fit for a live sensor (root_owned above):
 * where root asks, or where it is the sensor's own. */
bool gp_conf_check_owner(const char *path);

/* The folder of [writer] metrics and the file's name in it: 1; 0 for none; or
 * -EINVAL, when it cannot be a file's name. */
#define GP_CONF_PATH_MAX    4096
#define GP_CONF_METRICS_MAX 241
int gp_conf_metrics(const struct gp_conf *c, char folder[GP_CONF_PATH_MAX],
    char name[GP_CONF_METRICS_MAX]);

/* For -t: whether that is one and its folder is there, without which the writer
 * does not start.  0, or -errno with a line in error. */
int gp_conf_check_metrics(const struct gp_conf *c, char error[512]);

/* Settings of an interface; NULL when it is not in the file. */
const struct gp_conf_capture *gp_conf_iface(const struct gp_conf *c,
    const char *name);

/* Seconds between two of its snapshots, whether it is in the file or not. */
uint32_t gp_conf_interval_s(const struct gp_conf *c, const char *name);

/*
 * Whether two configurations say the same: in a section but [capture] and
 * [interface NAME]; on one interface, `sandbox` in [capture] included.  What a
 * named file holds is not looked at.
 */
bool gp_conf_same_section(const struct gp_conf *a, const struct gp_conf *b,
    const char *section);
bool gp_conf_same_iface(const struct gp_conf *a,
    const struct gp_conf_capture *of_a, const struct gp_conf *b,
    const struct gp_conf_capture *of_b);

/* -T: the effective values as INI text; control characters but tabs are '?'. */
void gp_conf_print(const struct gp_conf *c, FILE *out);

#endif
