/*
 * clock - wall and monotonic time; UTC day and 5-minute block arithmetic.
 *
 * Everything is integer.  A time is int64_t nanoseconds (`_ns`) or seconds
 * (`_s`) since 1970-01-01T00:00:00Z.  A slot is the start of a 300-second
 * block, a multiple of 300 (`slot_s`).  What the store can hold lies in
 * [0, GP_TIME_MAX_S): 1970 to February 2106, unsigned 32-bit seconds.
 */
#ifndef GP_CLOCK_H
#define GP_CLOCK_H

#include <stdint.h>

#define GP_NS_PER_S   INT64_C(1000000000)
#define GP_SLOT_S     INT64_C(300)
#define GP_DAY_S      INT64_C(86400)
/* first second that is not representable; itself a multiple of GP_SLOT_S */
#define GP_TIME_MAX_S INT64_C(4294967100)

/* CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_MONOTONIC. */
int64_t gp_clock_real_ns(void);
int64_t gp_clock_boot_ns(void);
int64_t gp_clock_mono_ns(void);

/* CPU time of the calling thread. */
int64_t gp_clock_thread_ns(void);

/* A file's time, which may be any; the nearest that there is when it is beyond
 * the years 1677 to 2262. */
struct timespec;
int64_t gp_clock_ns_of(const struct timespec *t);

/* Start of the slot that holds t_s; t_s clamped to the representable range. */
int64_t gp_clock_slot(int64_t t_s);

/* Start of the UTC day that holds t_s (t_s >= 0). */
int64_t gp_clock_day(int64_t t_s);

/* "YYYY-MM-DD" (UTC) of t_s, NUL-terminated, for 0 <= t_s < GP_TIME_MAX_S. */
void gp_clock_day_format(int64_t t_s, char out[11]);

/*
 * The opposite; exact form only ("2026-11-24"), calendar checked.
 * Returns 0 and the day's first second in *day_s, or -EINVAL.
 */
int gp_clock_day_parse(const char *text, int64_t *day_s);

/* Proleptic Gregorian UTC calendar, any year; month 1-12, day 1-31. */
int64_t gp_clock_from_civil(int64_t year, int month, int day);
void gp_clock_to_civil(int64_t t_s, int64_t *year, int *month, int *day);

#endif
