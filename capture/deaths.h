/*
 * deaths - how often this capture died lately, kept by whoever supervises it.
 *
 * A page of shared memory that capture puts into its supervisor's descriptor
 * store (FDSTORE, named "deaths") and finds again when it is started anew.
 * Without a supervisor that stores there is no memory of deaths.  What is in
 * the page was written by a process that parsed packets: it is believed as far
 * as times go, and decides nothing but whether layer 7 is on.
 */
#ifndef CAPTURE_DEATHS_H
#define CAPTURE_DEATHS_H

#include <stdint.h>

#define DEATHS_NAME     "deaths"
#define DEATHS_MANY     3
#define DEATHS_WITHIN_S 600

struct deaths_page;

/*
 * Takes the predecessor's page from `fd` (-1: none), or makes one, and stores
 * it over `notify`.  Returns how often capture died within DEATHS_WITHIN_S
 * before boot_ns (CLOCK_BOOTTIME).  The page is set even when that is 0; NULL
 * when there is no supervisor or no memory.  fd is closed.
 */
unsigned deaths_open(struct deaths_page **out, int fd, int notify,
    int64_t boot_ns);

/* This end is none: makes no system call.  Accepts NULL. */
void deaths_clean(struct deaths_page *p);

#endif
