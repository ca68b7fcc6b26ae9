/*
 * server - whether it can be shipped to, and what it will keep.
 */
#ifndef EXPORT_SERVER_H
#define EXPORT_SERVER_H

#include "querier/export/ship.h"

/* Whether the server has the tables, and since when: 0, or -1 with error. */
int server_check(struct ship *s, char error[SHIP_ERROR_MAX]);

#endif
