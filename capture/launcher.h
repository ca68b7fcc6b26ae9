/*
 * launcher - what the files of `goprobe` share.
 *
 *   launcher.c          the program; what both modes do alike
 *   launcher_options.c  its command line
 *   launcher_store.c    users, and the store's folder
 *   launcher_walk.c     the way to that folder
 *   launcher_live.c     captures on interfaces, beside a writer
 *   launcher_replay.c   one capture that reads files, beside a writer
 *
 * Functions that say so do not come back: a launcher that cannot go on has
 * nobody to tell but whoever started it.
 */
#ifndef CAPTURE_LAUNCHER_H
#define CAPTURE_LAUNCHER_H

#include <sys/types.h>

#include "capture/supervise.h"
#include "common/base/conf.h"

#define LAUNCHER_ARGS 16 /* of a child, besides its files */
#define LAUNCHER_STOP_CAPTURE_MS 15000
#define LAUNCHER_STOP_WRITER_MS 120000

/* Texts are argv's. */
struct launcher_options {
	const char *conf_path;
	const char *store;
	const char *iface; /* offline: name to store under */
	const char **files;
	size_t n_files;
	const char *l7;
	const char *sandbox; /* offline */
	bool append;
	bool check, print;
	char **ifaces; /* live */
	size_t n_ifaces;
};

/* One line, and the end. */
_Noreturn void __attribute__((format(printf, 2, 3)))
launcher_die(int status, const char *fmt, ...);

/* ---- launcher_options.c */

/* Comes back with what can be done; else says what is wrong and exits. */
void launcher_parse(int argc, char **argv, struct launcher_options *o);

/* ---- launcher_store.c */

struct launcher_ids {
	uid_t uid;
	gid_t gid;
};

/* False where there is none, or where it is root's.  The group is the user's
 * own when NULL is asked for. */
bool launcher_lookup_user(const char *user, const char *group,
    struct launcher_ids *out);
struct launcher_ids launcher_nobody(void);
/* Whose the writer is: goprobe:goprobe-read, or nobody's where the sensor is
 * not installed. */
struct launcher_ids launcher_writer_ids(void);

/*
 * Opens the store's folder, making it when it is missing; dies if it cannot.
 * A new one is given to `fresh`; *owner is who the store belongs to in the
 * end.
 */
int launcher_open_store(const char *path, struct launcher_ids fresh,
    struct launcher_ids *owner);

/* ---- launcher_walk.c */

/*
 * Opens a folder, making the last of its path (*made) when it is missing; dies
 * if it cannot.  Root, which gives away what it finds there, walks name by name
 * and follows a symbolic link only where nobody else can have placed it: one of
 * root's, in a folder that root alone can write.
 */
int launcher_open_folder(const char *path, bool *made);

/* ---- launcher.c */

/* NULL-terminated argument list from a NULL-terminated parameter list; `more`
 * (may be NULL) follows. */
char **launcher_make_argv(const char *const *first, const char *const *more,
    size_t n_more);
/* The option with its value behind n arguments, unless that is NULL; how many
 * there are then. */
size_t launcher_option(const char **args, size_t n, const char *option,
    const char *value);
struct stored_fd launcher_named(const char *name, int fd);
/* The store's folder is the first of what is given. */
struct child launcher_writer_child(const struct launcher_options *o,
    const char *store_path, struct launcher_ids ids,
    const struct stored_fd *given, size_t n_given);
void launcher_start(struct supervisor *s, struct child *c); /* or dies */
/* Of one that has ended; says by which signal. */
int launcher_exit_status(const struct child *c);
/* The writer did not get ready: it ended by itself, or we were told to stop and
 * end it, so that whoever comes next finds the store free.  The exit status;
 * `told` when it was us. */
int launcher_end_unready(struct supervisor *s, struct child *writer, int told);

/* ---- the two modes: their exit status */

int launcher_live(const struct launcher_options *o,
    const struct gp_conf *conf);
int launcher_replay(const struct launcher_options *o,
    const struct gp_conf *conf);

#endif
