/*
 * when - points in time as people type them, and durations as they read them.
 */
#ifndef WHEN_H
#define WHEN_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Seconds since the epoch of: seconds since the epoch (digits, perhaps after
 * @), RFC 3339, `YYYY-MM-DD [HH:MM[:SS]]` with or without a zone, `-1d`,
 * `-15d:04h:05m`, `-90m`, `now`, `today`, `yesterday`.  Without a zone, local
 * time: the first moment at which clocks show that or more.  Clamped to what a
 * store can hold.  0, or -EINVAL with one line in error.  when_use_local comes
 * before.
 */
int when_parse(const char *text, int64_t now_s, int64_t *out, char error[160]);

#define WHEN_TEXT_MAX 40
/* "2026-11-24 00:00:00 +0100", local time. */
void when_format_local(int64_t t_s, char out[WHEN_TEXT_MAX]);
/* "2026-11-24T00:00:00Z" */
void when_format_utc(int64_t t_s, char out[WHEN_TEXT_MAX]);
/* Abbreviation of the zone in force at t_s. */
void when_zone(int64_t t_s, char out[WHEN_TEXT_MAX]);

/* "33.66236ms", "1.5s", "2m3.1s": Go's notation. */
void when_format_duration(int64_t ns, char out[WHEN_TEXT_MAX]);
/* "15 min", "3 h 20 min", "2 d 4 h": for people, two largest units. */
void when_format_rough(uint64_t ns, char out[WHEN_TEXT_MAX]);

/* Local time's zone: TZ, else /etc/localtime, which is read once. */
void when_use_local(void);
/* The same by name ("UTC", "Europe/Zurich"); false when there is no
 * such one.  Reads the zone's file. */
bool when_set_zone(const char *name);

/* "5m", "1h", "1d", "1w": seconds, a multiple of 300 s, that divide a day or
 * are whole days; 0 when it is none. */
int64_t when_parse_bin(const char *text);
/* Start of the bin of so many seconds that t_s belongs to: bins below a day
 * begin at local midnight, those of days count from 1970-01-01, weeks from a
 * Monday.  What happens where clocks change: zone.h. */
int64_t when_bin(int64_t t_s, int64_t bin_s);

#endif
