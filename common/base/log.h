/*
 * log - one line to stderr with a systemd priority mark (sd-daemon(3)).
 *
 * Lines read `<N>tag: message key=value ...`; the mark is there when stderr
 * goes to the journal.  Packet contents are never logged.  Safe under seccomp:
 * one write(2), no allocation, no time zone.
 */
#ifndef GP_LOG_H
#define GP_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum gp_log_level {
	GP_LOG_ERR = 3,
	GP_LOG_WARNING = 4,
	GP_LOG_INFO = 6,
	GP_LOG_DEBUG = 7,
};

/* Sets the tag (borrowed for ever) and asks once whether stderr is the
 * journal; call first. */
void gp_log_open(const char *tag, enum gp_log_level most);

void gp_log(enum gp_log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* True at most `burst` times per minute for this caller's state. */
struct gp_log_limit {
	int64_t window_ns;
	unsigned count;
};
bool gp_log_allow(struct gp_log_limit *limit, unsigned burst);

#endif
