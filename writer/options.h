/*
 * options - the command line of goprobe-writer; see its manual.
 */
#ifndef WRITER_OPTIONS_H
#define WRITER_OPTIONS_H

#include "writer/maintain.h"

/* Texts are argv's. */
struct options {
	const char *conf_path; /* NULL: the site's, which may be missing */
	const char *store;     /* NULL: the configuration's */
	const char *sandbox;   /* offline; NULL: as configured */
	bool check, print;
	struct maintain maintain; /* without store and conf */
};

/* Comes back with what can be done; else says what is wrong and exits. */
void options_parse(int argc, char **argv, struct options *o);

#endif
