/*
 * show - `goprobe-export --status`: how an exporter does, in some lines for
 * people, and whether something asks for attention.
 */
#ifndef EXPORT_SHOW_H
#define EXPORT_SHOW_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "querier/export/figures.h"

/* Prints; returns how many things ask for attention. */
size_t show_status(const struct figures *f, int64_t now_s, FILE *out);

#endif
