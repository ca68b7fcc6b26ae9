#include "common/base/clock.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

int64_t
gp_clock_ns_of(const struct timespec *t)
{
	int64_t ns;

	if (__builtin_mul_overflow(t->tv_sec, GP_NS_PER_S, &ns) ||
	    __builtin_add_overflow(ns, t->tv_nsec, &ns))
		return t->tv_sec < 0 ? INT64_MIN : INT64_MAX;
	return ns;
}

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts); /* cannot fail for these ids */
	return gp_clock_ns_of(&ts);
}

int64_t
gp_clock_real_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t
gp_clock_boot_ns(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

int64_t
gp_clock_mono_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t
gp_clock_thread_ns(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

int64_t
gp_clock_slot(int64_t t_s)
{
	if (t_s < 0)
		return 0;
	if (t_s >= GP_TIME_MAX_S)
		t_s = GP_TIME_MAX_S - 1;
	return t_s - t_s % GP_SLOT_S;
}

int64_t
gp_clock_day(int64_t t_s)
{
	return t_s - t_s % GP_DAY_S;
}

/* Days are counted in 400-year eras that begin on 1 March, so that the leap
 * day is the last of its year and needs no case of its own. */
int64_t
gp_clock_from_civil(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return (era * 146097 + doe - 719468) * GP_DAY_S;
}

void
gp_clock_to_civil(int64_t t_s, int64_t *year, int *month, int *day)
{
	int64_t days = t_s / GP_DAY_S - (t_s % GP_DAY_S < 0) + 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t doe = days - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = yoe + era * 400 + (*month <= 2);
}

void
gp_clock_day_format(int64_t t_s, char out[11])
{
	int64_t year;
	int month, day;

	gp_clock_to_civil(t_s, &year, &month, &day);
	for (int i = 3; i >= 0; i--, year /= 10)
		out[i] = (char)('0' + year % 10);
	out[4] = '-';
	out[5] = (char)('0' + month / 10);
	out[6] = (char)('0' + month % 10);
	out[7] = '-';
	out[8] = (char)('0' + day / 10);
	out[9] = (char)('0' + day % 10);
	out[10] = '\0';
}

int
gp_clock_day_parse(const char *text, int64_t *day_s)
{
	static const char shape[] = "dddd-dd-dd";
	int part[3] = {0, 0, 0};
	int which = 0;
	char again[11];
	int64_t t_s;

	if (strlen(text) != sizeof(shape) - 1)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(shape) - 1; i++) {
		if (shape[i] == '-') {
			if (text[i] != '-')
				return -EINVAL;
			which++;
		} else if (text[i] < '0' || text[i] > '9') {
			return -EINVAL;
		} else {
			part[which] = part[which] * 10 + (text[i] - '0');
		}
	}
	if (part[1] < 1 || part[1] > 12 || part[2] < 1 || part[2] > 31)
		return -EINVAL;
	t_s = gp_clock_from_civil(part[0], part[1], part[2]);
	if (t_s < 0 || t_s >= GP_TIME_MAX_S)
		return -EINVAL;
	gp_clock_day_format(t_s, again);
	if (strcmp(again, text) != 0) /* 31 June and the like */
		return -EINVAL;
	*day_s = t_s;
	return 0;
}
