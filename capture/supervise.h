/*
 * supervise - starts, watches and stops the sensor's processes where systemd
 * does not, speaking systemd's protocols to them: LISTEN_FDS, LISTEN_FDNAMES,
 * and READY, FDSTORE, FDSTOREREMOVE, FDPOLL and BARRIER; these not at an
 * address (NOTIFY_SOCKET) but by a descriptor (notify.h), so that nobody but
 * the children speaks to root.
 *
 * The launcher's only; it holds descriptors and process ids, parses no packet
 * and reads none of the memory that passes through its hands.
 */
#ifndef CAPTURE_SUPERVISE_H
#define CAPTURE_SUPERVISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CHILD_MAX_STORED 2300 /* ring and connection of 1024 interfaces */

struct stored_fd {
	char name[64];
	int fd;
	bool poll; /* forgotten on hang-up */
};

struct child {
	const char *program; /* "goprobe-writer" */
	const char *label;   /* for messages: interface, or NULL */
	char **argv;         /* NULL-terminated, borrowed */
	uid_t uid;           /* 0: stays what we are and drops by itself */
	gid_t gid;
	/* given at every start (borrowed), and what it stored with us */
	const struct stored_fd *given;
	size_t n_given;
	struct stored_fd *stored;
	size_t n_stored;

	pid_t pid;           /* 0: not running */
	bool ready;          /* READY=1 of this incarnation */
	bool was_ready;      /* of any */
	bool wanted;         /* start again when it dies */
	bool lasting;        /* and when somebody else told it to end */
	bool gone;           /* ended for good; status below */
	int status;          /* of waitpid(2); 0: a lasting one stopped unbegun */
	unsigned starts, failures; /* failures in a row */
	int64_t started_ns, restart_ns;
};

struct supervisor {
	char folder[512];    /* of the programs */
	int notify[2];       /* ours, and the children's */
	int signal_fd;
	int alive[2];        /* children hold the reading end */
	struct child *children;
	size_t n_children;
	bool stop;           /* SIGTERM, SIGINT or SIGHUP came */
};

/* As many files as may be: what a child is given has its place in both of us,
 * twice for a moment.  Before any of them is opened. */
void supervise_raise_limit(void);

/* Path of a program that lies beside this one: 0 or -errno. */
int supervise_program(char *out, size_t size, const char *program);

/* 0 or -errno; blocks the signals it waits for, which are those that are not
 * ignored already. */
int supervise_init(struct supervisor *s, struct child *children, size_t n);
void supervise_fini(struct supervisor *s);

/* Starts one child; 0 or -errno. */
int supervise_start(struct supervisor *s, struct child *c);

/*
 * Starts that child and all behind it; 0 or -errno.  Others are heard in
 * between, since many take their time and one that runs may wait for an answer
 * (BARRIER); a signal to stop ends it before the last.
 */
int supervise_start_from(struct supervisor *s, size_t first);

/* Waits up to timeout_ms for anything and works on it: notifications, ends of
 * children, signals, restarts that are due. */
void supervise_turn(struct supervisor *s, int timeout_ms);

/* Waits until the child is ready or gone; false when gone. */
bool supervise_wait_ready(struct supervisor *s, struct child *c);

/* SIGTERM, then SIGKILL after timeout_ms; waits for the end. */
void supervise_stop(struct supervisor *s, struct child *c, int timeout_ms);

#endif
