#include "querier/zone.h"

#include "common/base/clock.h"

#include <stdbool.h>
#include <time.h>

/* Clocks differ from UTC by less than a day, and no zone has two changes
 * within two days since 1970. */
#define REACH_S GP_DAY_S

struct change {
	int64_t at_s; /* the first moment of the new time */
	int64_t before_s, after_s; /* ahead of UTC */
};

int64_t
zone_clock(int64_t t_s)
{
	time_t t = (time_t)t_s;
	struct tm tm;

	if (!localtime_r(&t, &tm))
		return t_s;
	return gp_clock_from_civil(tm.tm_year + INT64_C(1900), tm.tm_mon + 1,
	    tm.tm_mday) + tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
}

static int64_t
ahead(int64_t t_s)
{
	return zone_clock(t_s) - t_s;
}

/* The change within (from_s, to_s]; without one false, and before_s holds. */
static bool
find_change(int64_t from_s, int64_t to_s, struct change *out)
{
	out->before_s = ahead(from_s);
	out->after_s = ahead(to_s);
	if (out->before_s == out->after_s)
		return false;
	while (to_s - from_s > 1) {
		int64_t mid = from_s + (to_s - from_s) / 2;

		if (ahead(mid) == out->before_s)
			from_s = mid;
		else
			to_s = mid;
	}
	out->at_s = to_s;
	out->after_s = ahead(to_s);
	return true;
}

int64_t
zone_moment(int64_t clock_s)
{
	struct change c;
	int64_t t_s;
	bool changes = find_change(clock_s - REACH_S, clock_s + REACH_S, &c);

	t_s = clock_s - c.before_s;
	if (!changes || t_s < c.at_s)
		return t_s;
	t_s = clock_s - c.after_s;
	return t_s > c.at_s ? t_s : c.at_s;
}

static int64_t
round_down(int64_t v, int64_t unit)
{
	int64_t rest = v % unit;

	return v - (rest < 0 ? rest + unit : rest);
}

int64_t
zone_bin(int64_t t_s, int64_t bin_s, int64_t origin_s)
{
	int64_t clock_s = zone_clock(t_s), grid_s, straight_s;
	struct change c;

	grid_s = round_down(clock_s - origin_s, bin_s) + origin_s;
	straight_s = t_s - (clock_s - grid_s);
	if (!find_change(t_s - 2 * REACH_S, t_s, &c))
		return bin_s <= GP_DAY_S ? straight_s : zone_moment(grid_s);
	if (c.after_s > c.before_s || grid_s >= c.at_s + c.before_s)
		return zone_moment(grid_s);
	/* clocks had been there before they went back */
	if (straight_s >= c.at_s && bin_s <= c.before_s - c.after_s)
		return straight_s;
	return zone_bin(c.at_s - 1, bin_s, origin_s);
}
