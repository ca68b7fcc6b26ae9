/*
 * args_values - what stands behind an option, to its place in the question.
 *
 * Nobody but args.c needs this.  Each returns 0, or -EINVAL with one line in
 * error (ARGS_ERROR_MAX).
 */
#ifndef ARGS_VALUES_H
#define ARGS_VALUES_H

#include "querier/args.h"

#include <errno.h>
#include <stdio.h>

#define FAIL(...) \
	((void)snprintf(error, ARGS_ERROR_MAX, __VA_ARGS__), -EINVAL)

int args_set_format(struct args *a, const char *value, char *error);
int args_set_limit(struct args *a, const char *value, char *error);
int args_set_mem(struct args *a, const char *value, char *error);
int args_set_show(struct args *a, const char *value, char *error);
int args_set_bin(struct args *a, const char *value, char *error);
int args_set_timeout(struct args *a, const char *value, char *error);
int args_set_threads(struct args *a, const char *value, char *error);
int args_set_watch(struct args *a, const char *value, char *error);
int args_set_sandbox(struct args *a, const char *value, char *error);
/* A column that the question asks for or that is counted: after the columns
 * are known.  Rows and what is counted as different are shown then, too. */
int args_set_sort(struct args *a, const char *value, char *error);

#endif
