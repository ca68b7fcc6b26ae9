/*
 * names - what addresses are called: DNS names, countries, autonomous
 * systems.
 *
 * goquery looks nothing up: its helper goquery-resolve does, a program with a
 * sandbox of its own, started before goquery's closes.  They talk over two
 * pipes, in lines (resolve.c).
 */
#ifndef NAMES_H
#define NAMES_H

#include "common/base/addr.h"
#include "common/godb/godb.h"

#define NAMES_DNS_MAX 2000   /* addresses of one answer that are resolved */
#define NAMES_GEO_MAX 100000 /* without DNS */

struct names;

struct names_opts {
	bool dns;           /* resolve addresses */
	const char *server; /* NULL: the system's */
	const char *geoip, *asn; /* MMDB files, "": none */
};

/* Starts the helper.  0, or -errno with one line in error. */
int names_start(const struct names_opts *opts, struct names **out,
    char error[512]);
/* The descriptors that questions are written to and answers read from. */
int names_fd(const struct names *n);
int names_answers_fd(const struct names *n);
void names_free(struct names *n); /* accepts NULL */

/* The networks of "country=CH" or "asn=AS64500", as godb_cond_opts.set. */
int names_networks(struct names *n, const char *name, const char **text,
    size_t *len, char why[GODB_COND_WHY_MAX]);

/* Forgets those remembered for another answer, and what they are called. */
void names_forget(struct names *n);
/* Remembers an address; false when there are too many. */
bool names_want(struct names *n, const char *addr);
/* When names are waited for no longer, as CLOCK_MONOTONIC has it; 0: after five
 * seconds, as always.  end_ns is borrowed and read when it is asked; n may be
 * NULL. */
void names_until(struct names *n, const int64_t *end_ns);
/* Asks for all that are remembered.  0 or -errno. */
int names_ask(struct names *n);
/* Why names of the last answer are missing that might be there; NULL: none
 * are. */
const char *names_lack(const struct names *n);

/* What an address is called, NULL when that was not asked for; its fields are
 * never NULL. */
struct names_entry {
	const char *name, *country, *asn, *org;
};
bool names_find(const struct names *n, const char *addr,
    struct names_entry *out);

#endif
