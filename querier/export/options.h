/*
 * options - the command line of goprobe-export; see its manual.
 */
#ifndef EXPORT_OPTIONS_H
#define EXPORT_OPTIONS_H

#include <stdbool.h>

/* Texts are argv's. */
struct options {
	const char *conf_path;     /* NULL: the site's, which may be missing */
	const char *store, *state; /* NULL: the configuration's */
	const char *cluster;
	int schema, init; /* enum schema_kind, -1: not asked */
	bool once, clean, check, print, status;
};

/* Comes back with what can be done; else says what is wrong and exits. */
void options_parse(int argc, char **argv, struct options *o);

#endif
