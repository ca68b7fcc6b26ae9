/*
 * options - the command line of goprobe-capture; see its manual.
 */
#ifndef CAPTURE_OPTIONS_H
#define CAPTURE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* Texts are argv's. */
struct options {
	const char *conf_path; /* NULL: the usual one, which may be missing */
	const char *socket;    /* the writer's */
	const char *iface;     /* valid; NULL with check or print */
	const char *sandbox;   /* offline; NULL: as configured */
	const char *l7;        /* any word, NULL: as configured */
	bool offline, append, check, print;
	char **files; /* names of the descriptors that goprobe passes */
	size_t n_files;
};

/* Comes back with what can be done; else says what is wrong and exits. */
void options_parse(int argc, char **argv, struct options *o);

#endif
