#include "common/base/usage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
gp_usage_error(const char *program, const char *what, const char *arg)
{
	fprintf(stderr, "%s: %s%s%s%s (%s -h shows how)\n", program, what,
	    arg ? " '" : "", arg ? arg : "", arg ? "'" : "", program);
	exit(2);
}

int
gp_end_output(const char *program, int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "%s: standard output: %s\n", program, strerror(errno));
	return 1;
}
