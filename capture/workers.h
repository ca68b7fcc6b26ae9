/*
 * workers - the threads that share one interface: each has a source, a ring,
 * a connection to the writer and a loop of its own, and nothing in common but
 * the order to stop.
 *
 * The thread that calls workers_run() is worker 0; the others are made before,
 * by workers_start(), since the sandbox allows no thread to be made or to end.
 */
#ifndef CAPTURE_WORKERS_H
#define CAPTURE_WORKERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "capture/loop.h"
#include "common/ipc/hello.h"
#include "common/ipc/ring.h"

#define WORKERS_MAX HELLO_WORKERS_MAX

struct workers;

struct worker {
	struct workers *all;
	struct source *source; /* owned */
	struct ring_producer ring;
	int ctl;
	struct loop *loop;     /* owned */
	struct loop_totals totals;
	enum loop_result result;
	pthread_t thread;
	_Atomic int64_t ticked_ns;
};

struct workers {
	size_t n;
	struct worker w[WORKERS_MAX];
	atomic_bool stop; /* one ended: all do */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool go;
	size_t ready, ended;
};

void workers_init(struct workers *all, size_t n);

/* Makes the threads of 1 to n - 1, which wait.  0 or -errno. */
int workers_start(struct workers *all);

/*
 * Runs all loops to their ends; then the threads stay asleep, for the process
 * to leave.  *sum adds up the totals; the result is the worst of all, and
 * *culprit the worker that had it.
 */
enum loop_result workers_run(struct workers *all, struct loop_totals *sum,
    const struct worker **culprit);

/* Whether each worker's loop has been round since mono_ns. */
bool workers_alive(const struct workers *all, int64_t mono_ns);

#endif
