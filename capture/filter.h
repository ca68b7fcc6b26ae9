/*
 * filter - the BPF filter of an interface, which the configuration has, or a
 * file that it names.
 */
#ifndef CAPTURE_FILTER_H
#define CAPTURE_FILTER_H

#include <stddef.h>

#include "capture/source.h"
#include "common/base/conf.h"

/* Where it stands, for messages: "filter", or "filter_file" and its name. */
void filter_name(const struct gp_conf_capture *c, char *out, size_t size);

/* Its text in one line, "" for none; owned by the caller.  NULL with error. */
char *filter_read(const struct gp_conf_capture *c,
    char error[SOURCE_ERROR_MAX]);

/* For -t: whether libpcap takes it, for Ethernet.  0, or -EINVAL with error,
 * which begins with the place in the configuration file. */
int filter_check(const char *conf_path, const struct gp_conf_capture *c,
    char error[SOURCE_ERROR_MAX]);

#endif
