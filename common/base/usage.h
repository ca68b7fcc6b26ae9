/*
 * usage - what programs say alike of their command line and of their output.
 */
#ifndef GP_USAGE_H
#define GP_USAGE_H

/* "PROGRAM: WHAT 'ARG' (PROGRAM -h shows how)" on standard error, without ARG
 * if that is NULL; exits with 2. */
_Noreturn void gp_usage_error(const char *program, const char *what,
    const char *arg);

/* What was asked for has to arrive: `status` when standard output has taken
 * all, else 1, and the cause is said. */
int gp_end_output(const char *program, int status);

#endif
