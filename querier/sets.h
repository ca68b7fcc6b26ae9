/*
 * sets - what @file, country and asn stand for in conditions.
 *
 * Files are opened before the sandbox closes and read behind it, pipes of the
 * shell's @<(command) as well; countries and autonomous systems are looked up by
 * the helper (names.h).
 */
#ifndef SETS_H
#define SETS_H

#include <stdbool.h>

#include "querier/names.h"

#define SETS_MAX       32
#define SETS_BYTES_MAX (64u << 20) /* of one file */

struct sets {
	struct {
		char name[GODB_COND_NAME_MAX];
		int fd; /* -1: has been read */
		char *text;
		size_t len;
	} file[SETS_MAX];
	size_t n;
	struct names *names; /* the helper, NULL: none */
	int64_t end_ns; /* CLOCK_MONOTONIC, for pipes; 0: whenever */
	bool late; /* it was over before all of a pipe had come */
};

/* Opens the files that the condition names, without waiting for anything.
 * *geo is set when it asks for countries or systems.  0, or -errno with one line
 * in error: -EINVAL or -EISDIR of what is neither a regular file nor an unnamed
 * pipe, -E2BIG of too many. */
int sets_open(struct sets *s, const char *condition, bool *geo,
    char error[512]);

/* The same for one of them, "@file". */
int sets_open_file(struct sets *s, const char *name, char error[512]);

/* As godb_cond_opts.set; arg is the sets.  GODB_ECANCELLED: late. */
int sets_fetch(void *arg, const char *name, const char **text, size_t *len,
    char why[GODB_COND_WHY_MAX]);

#endif
