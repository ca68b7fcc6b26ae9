/*
 * http_profile - the system calls of http.c behind a closed sandbox: what
 * libcurl, TLS included, does on connections to one server.
 *
 * What those need that every program does, such as memory, poll's clock and
 * close, is the program's own.
 */
#ifndef EXPORT_HTTP_PROFILE_H
#define EXPORT_HTTP_PROFILE_H

#include "common/base/sandbox.h"

/* Adds them. */
void http_profile_rules(struct gp_rules *rules);

#endif
