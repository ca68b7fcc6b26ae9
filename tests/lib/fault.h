/*
 * fault - the system calls that write, any of which fails, or is the process'
 * last, or the machine's.
 *
 * fault.c takes the place of libc's calls in the program that it is linked
 * into; libgodb is linked statically.  A failed fsync does what the kernel
 * does: the pages are forgotten.  A power cut forgets all that was not synced,
 * but no name: whether those are synced in time is counted.
 */
#ifndef TESTS_FAULT_H
#define TESTS_FAULT_H

#include <stdbool.h>
#include <stddef.h>

enum fault_mode {
	FAULT_NONE,
	FAULT_EIO,
	FAULT_ENOSPC,
	FAULT_SHORT,     /* half of a write, then ENOSPC */
	FAULT_HALF,      /* of a write, and no error */
	FAULT_INTERRUPT, /* EINTR */
	FAULT_BAD_PAGES, /* what a sync was to write can never be written */
	FAULT_KILL,      /* the process ends before the call */
	/* and the machine, which is the caller's to do, after ... */
	FAULT_KILL_THEN_CUT, /* the next one's start */
	FAULT_KILL_WORK_CUT, /* the next but one's commits */
	FAULT_POWER_CUT, /* both, before the call */
};
extern const char *const fault_names[];

struct fault_plan {
	enum fault_mode mode;
	long countdown; /* calls until it happens */
	long n_calls;
	long reads;     /* until one of them cannot be done; -1: never */
	bool harmless;  /* what happened is nothing that a step may fail for */
	bool full;      /* the disk: nothing can be written ... */
	bool no_names;  /* ... nor any name be made ... */
	long unlinks;   /* ... until so many files with bytes went; -1: ever */
	long early;     /* renames and removals before what makes them safe */
};
extern struct fault_plan fault_plan;

/* Before everything else; what is not durable is shared with children. */
void fault_begin(void);

/* Everything is durable and can be written again; the call after `at` others
 * is the one. */
void fault_reset(enum fault_mode mode, long at);

/* Names that were made, or given, and that no sync of their folder has made
 * durable. */
size_t fault_names_pending(void);

/* The files as the disk has them. */
void fault_power_cut(void);

#endif
