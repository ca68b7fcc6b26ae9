/*
 * retain - removing days: what retention needs of the writer.
 */
#ifndef GODB_RETAIN_H
#define GODB_RETAIN_H

#include "common/godb/internal.h"

int gdi_writer_store_fd(const struct godb_writer *w);
uint32_t gdi_writer_mode_file(const struct godb_writer *w);
/* Whether a block of that day is open. */
bool gdi_writer_day_open(const struct godb_writer *w, const char *iface,
    int64_t day_s);

#endif
