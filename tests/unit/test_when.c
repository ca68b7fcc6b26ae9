/*
 * Points in time as people type them, in UTC and in a zone with summer time;
 * durations as Go writes them.
 */
#include "querier/when.h"

#include "tests/tap.h"

#include <time.h>

/* 2026-11-24 12:34:56 UTC */
#define NOW INT64_C(1795523696)

static int64_t
at(const char *text)
{
	char error[160];
	int64_t t_s = -2;

	return when_parse(text, NOW, &t_s, error) == 0 ? t_s : -1;
}

static void
set_zone(const char *zone)
{
	(void)setenv("TZ", zone, 1);
	tzset();
}

static void
check_utc(void)
{
	static const struct {
		const char *text;
		int64_t t_s; /* -1: refused */
	} t[] = {
		{"0", 0},
		{"1795523696", NOW},
		{"@1795523696", NOW},
		{"9999999999999999", 4294967100},
		{"99999999999999999999999999", 4294967100},
		{"now", NOW},
		{"NOW", NOW},
		{"today", NOW - 45296},
		{"yesterday", NOW - 45296 - 86400},
		{"-1d", NOW - 86400},
		{"-15d:04h:05m", NOW - 15 * 86400 - 4 * 3600 - 300},
		{"-15d4h5m", NOW - 15 * 86400 - 4 * 3600 - 300},
		{"-90m", NOW - 5400},
		{"-30s", NOW - 30},
		{"-2w", NOW - 14 * 86400},
		{"-0s", NOW},
		{"-99999d", 0},
		{"-99999999999999999999d:1h", 0},
		{"2026-11-24", NOW - 45296},
		{"2026-11-24 12:34", NOW - 56},
		{"2026-11-24 12:34:56", NOW},
		{"2026-11-24T12:34:56", NOW},
		{"2026-11-24T12:34:56Z", NOW},
		{"2026-11-24t12:34:56z", NOW},
		{"2026-11-24T12:34:56.789Z", NOW},
		{"2026-11-24T13:34:56+01:00", NOW},
		{"2026-11-24T13:34:56+0100", NOW},
		{"2026-11-24 13:34:56 +01", NOW},
		{"2026-11-24T07:04:56-05:30", NOW},
		{"2026-11-24Z", NOW - 45296},
		{"2026-11-24 12:34:56 UTC", NOW},
		{"2026-11-24 4:00", NOW - 45296 + 4 * 3600},
		{"24.11.2026", NOW - 45296},
		{"24.11.2026 12:34", NOW - 56},
		{"24-11-2026 13:34:56 +0100", NOW},
		{"1.2.2026", 1769904000},
		{"@2026", 2026},
		{"2024-02-29", 1709164800},
		{"2016-12-31T23:59:60Z", 1483228800},
		{"1969-12-31", 0},
		{"0000-01-01T00:00:00Z", 0},
		{"9999-12-31T23:59:59Z", 4294967100},
		{"", -1},
		{"@", -1},
		{"-", -1},
		{"-5", -1},
		{"-d", -1},
		{"-1d:", -1},
		{"-1d:h", -1},
		{"-1x", -1},
		{"-1d 1h", -1},
		{"12x", -1},
		{"soon", -1},
		{"2026-13-01", -1},
		{"2026-00-01", -1},
		{"2026-02-29", -1},
		{"2026-06-31", -1},
		{"2026-1-1", -1},
		{"2026-11-24 24:00", -1},
		{"2026-11-24 12:60", -1},
		{"2026-11-24 12:34:61", -1},
		{"2026-11-24 12", -1},
		{"2026-11-24T", -1},
		{"2026-11-24 12:34 CET", -1},
		{"2026-11-24T12:34:56+25:00", -1},
		{"2026-11-24T12:34:56+01:0", -1},
		{"2026-11-24T12:34:56+01:60", -1},
		{"2026-11-24T12:34:56.", -1},
		{"2026-11-24 12:34.56", -1}, /* of a minute, or seconds? */
		{"2026-11-24 4:0", -1},
		{"2026-11-24 12:34 UTCX", -1},
		{"24.11.26", -1}, /* 2024 or 2026? */
		{"24.11-2026", -1},
		{"31.6.2026", -1},
		{"11.24.2026", -1},
		{"24.11.2026.", -1},
		/* dates, not seconds of 1970 */
		{"2026", -1},
		{"1999", -1},
		{"20261124", -1},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		is_int(at(t[i].text), t[i].t_s, "%s", t[i].text);
}

static void
check_zone(void)
{
	char text[WHEN_TEXT_MAX];

	set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
	is_int(at("2026-11-24 13:34:56"), NOW, "winter: an hour ahead");
	is_int(at("2026-07-01"), 1782856800, "summer: two");
	is_int(at("today"), NOW - 45296 - 3600, "today begins at local midnight");
	/* the day of the change to winter time has 25 hours */
	is_int(at("2026-10-26") - at("2026-10-25"), 90000, "25 hours");
	is_int(at("2026-11-24T12:34:56Z"), NOW, "Z means UTC everywhere");
	when_format_local(NOW, text);
	is_str(text, "2026-11-24 13:34:56 +0100", "formatted with its offset");
	when_zone(NOW, text);
	is_str(text, "CET", "zone");
	when_zone(1782856800, text);
	is_str(text, "CEST", "zone in summer");
	when_format_utc(NOW, text);
	is_str(text, "2026-11-24T12:34:56Z", "RFC 3339");
	set_zone("UTC");
}

static void
check_durations(void)
{
	static const struct {
		int64_t ns;
		const char *text;
	} t[] = {
		{33662360, "33.66236ms"}, {1500000000, "1.5s"},
		{123100000000, "2m3.1s"}, {0, "0s"}, {-5, "0s"},
		{999, "999ns"}, {1000, "1\302\265s"}, {1500, "1.5\302\265s"},
		{1000000, "1ms"}, {999999999, "999.999999ms"},
		{1000000000, "1s"}, {60000000000, "1m0s"},
		{3600000000000, "1h0m0s"}, {3723000000001, "1h2m3.000000001s"},
		{INT64_MAX, "2562047h47m16.854775807s"},
	};
	char text[WHEN_TEXT_MAX];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		when_format_duration(t[i].ns, text);
		is_str(text, t[i].text, "%" PRId64 " ns", t[i].ns);
	}
	when_format_rough(UINT64_C(900) * 1000000000, text);
	is_str(text, "15 min", "15 min");
	when_format_rough(UINT64_C(3) * 1000000000, text);
	is_str(text, "3 s", "3 s");
	when_format_rough(UINT64_C(12000) * 1000000000, text);
	is_str(text, "3 h 20 min", "3 h 20 min");
	when_format_rough(UINT64_C(187200) * 1000000000, text);
	is_str(text, "2 d 4 h", "2 d 4 h");
	when_format_rough(UINT64_C(90) * 1000000000, text);
	is_str(text, "1 min 30 s", "1 min 30 s");
	when_format_rough(UINT64_C(60) * 1000000000, text);
	is_str(text, "1 min", "a whole minute");
	when_format_rough(UINT64_C(90000) * 1000000000, text);
	is_str(text, "1 d 1 h", "one of either");
	when_format_rough(UINT64_C(86460) * 1000000000, text);
	is_str(text, "1 d", "a day and less than an hour");
}

static void
is_bin(const char *zone, int64_t t_s, int64_t bin_s, int64_t want)
{
	set_zone(zone);
	is_int(when_bin(t_s, bin_s), want, "%s: bin of %" PRId64 " at %" PRId64,
	    zone, bin_s, t_s);
}

/* The machine's zone is the same with and without being asked for. */
static void
check_local(void)
{
	time_t t = 1774746300;
	struct tm machine, ours;

	(void)unsetenv("TZ");
	tzset();
	(void)localtime_r(&t, &machine);
	when_use_local();
	(void)localtime_r(&t, &ours);
	ok(machine.tm_hour == ours.tm_hour &&
		machine.tm_gmtoff == ours.tm_gmtoff &&
		strcmp(machine.tm_zone, ours.tm_zone) == 0,
	    "local time: %s", ours.tm_zone);
	ok(getenv("TZ") != NULL, "is not looked for again");
	set_zone("Asia/Kathmandu");
	when_use_local();
	(void)localtime_r(&t, &ours);
	is_int(ours.tm_gmtoff, 20700, "TZ counts");
}

/* ---- where clocks change ------------------------------------------------- */

#define SPAN_MIN (12 * 1440)
#define AT_MIN   (10 * 1440) /* of the change */

/* What clocks show, a minute after the other, and where each minute's bin
 * begins: found by walking, as somebody with a clock and a list would. */
struct walk {
	int64_t first_s;
	int64_t clock[SPAN_MIN];
	int64_t start[SPAN_MIN]; /* -1: before the first beginning */
};

static int64_t
read_clock(int64_t t_s)
{
	time_t t = t_s;
	struct tm tm;

	(void)localtime_r(&t, &tm);
	return t_s + tm.tm_gmtoff;
}

static int64_t
multiple(int64_t clock_s, int64_t bin_s)
{
	/* Mondays: four days later; all of it is behind 1970 */
	int64_t shift = bin_s == 604800 ? 4 * 86400 : 0;

	return (clock_s - shift) / bin_s;
}

static void
walk_bins(struct walk *w, int64_t bin_s)
{
	int64_t most = multiple(w->clock[0], bin_s), begin = -1;
	int64_t shown = 0, twice = 0; /* up to here, so long: shown twice */

	for (int i = 0; i < SPAN_MIN; i++) {
		int64_t n = multiple(w->clock[i], bin_s);
		bool on = multiple(w->clock[i] - 60, bin_s) < n;

		if (i > 0 && w->clock[i] <= w->clock[i - 1]) {
			shown = w->clock[i - 1] + 60;
			twice = shown - w->clock[i];
		}
		if (n > most || (on && w->clock[i] < shown && bin_s <= twice))
			begin = w->first_s + i * 60;
		most = n > most ? n : most;
		w->start[i] = begin;
	}
}

/* Blocks of four days, two of them behind the change. */
static int
count_wrong(const struct walk *w, int64_t bin_s)
{
	int64_t before = 0;
	int wrong = 0;

	for (int i = AT_MIN - 2880; i < SPAN_MIN; i++) {
		int64_t t = w->first_s + i * 60;
		int64_t want = (w->start[i] + 299) / 300 * 300;
		int64_t got;

		if (t % 300)
			continue;
		got = when_bin(t, bin_s);
		if (got != want || got < before || got > t) {
			if (wrong++ == 0)
				printf("# %s, bin of %" PRId64 " at %" PRId64
				    ": got %" PRId64 ", want %" PRId64 "\n",
				    getenv("TZ"), bin_s, t, got, want);
		}
		before = got;
	}
	return wrong;
}

static int64_t
parse_clock(int64_t clock_s)
{
	time_t t = clock_s;
	char text[40];
	struct tm tm;

	(void)gmtime_r(&t, &tm);
	(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	return at(text);
}

/* What is typed means the first minute at which clocks show it or more;
 * whatever was asked for before. */
static int
count_misread(const struct walk *w)
{
	int wrong = 0;

	for (int64_t c = w->clock[AT_MIN] - 10800; c < w->clock[AT_MIN] + 10800;
	     c += 1800) {
		int i = AT_MIN - 2880;

		while (i < SPAN_MIN && w->clock[i] < c)
			i++;
		(void)read_clock(w->first_s - (c % 3600 ? 86400 * 180 : 0));
		wrong += i < SPAN_MIN &&
		    parse_clock(c) / 60 != w->first_s / 60 + i;
	}
	return wrong;
}

static int64_t
find_minute(int64_t t_s)
{
	while (read_clock(t_s + 60) == read_clock(t_s) + 60)
		t_s += 60;
	return t_s + 60;
}

static void
check_change(int64_t change_s, int *n_wrong)
{
	static const int64_t bins[] = {300, 1200, 1800, 2700, 3600, 7200, 10800,
	    14400, 21600, 28800, 43200, 86400, 2 * 86400, 604800};
	static struct walk w;

	w.first_s = change_s - AT_MIN * 60;
	for (int i = 0; i < SPAN_MIN; i++)
		w.clock[i] = read_clock(w.first_s + i * 60);
	for (size_t k = 0; k < sizeof(bins) / sizeof(bins[0]); k++) {
		walk_bins(&w, bins[k]);
		*n_wrong += count_wrong(&w, bins[k]);
	}
	*n_wrong += count_misread(&w);
}

static void
check_changes(void)
{
	static const struct {
		const char *zone;
		int64_t year_s; /* begin of it */
		int n; /* changes in the year */
	} t[] = {
		{"UTC", 1767225600, 0},
		{"Europe/Zurich", 1767225600, 2},
		{"Europe/London", 1767225600, 2},
		{"Atlantic/Azores", 1767225600, 2},
		{"America/Havana", 1767225600, 2},
		{"America/New_York", 1767225600, 2},
		{"America/Scoresbysund", 1767225600, 2},
		{"America/Nuuk", 1767225600, 2},
		{"America/Santiago", 1767225600, 2},
		{"America/Asuncion", 1704067200, 2},
		{"America/St_Johns", 1262304000, 2}, /* at 00:01 */
		{"Africa/Cairo", 1767225600, 2},
		{"Africa/Casablanca", 1767225600, 2},
		{"Asia/Beirut", 1767225600, 2},
		{"Asia/Kathmandu", 1767225600, 0},
		{"Asia/Tehran", 1640995200, 2},
		{"Australia/Lord_Howe", 1767225600, 2}, /* half an hour */
		{"Pacific/Chatham", 1767225600, 2},
		{"Pacific/Apia", 1293840000, 3},   /* a day was left out */
		{"Antarctica/Casey", 1577836800, 2}, /* three hours */
		{"Antarctica/Troll", 1767225600, 2}, /* two hours */
	};

	for (size_t k = 0; k < sizeof(t) / sizeof(t[0]); k++) {
		int n = 0, wrong = 0;

		set_zone(t[k].zone);
		for (int64_t s = t[k].year_s; s < t[k].year_s + 365 * 86400;
		     s += 3600) {
			if (read_clock(s) == read_clock(s - 3600) + 3600)
				continue;
			n++;
			check_change(find_minute(s - 3600), &wrong);
		}
		is_int(n, t[k].n, "%s changes its clocks", t[k].zone);
		is_int(wrong, 0, "  bins and times around that");
	}
	set_zone("UTC");
}

/* The same as somebody would say it. */
static void
check_said(void)
{
	/* at 02:00 clocks go to 03:00 */
	is_bin("Europe/Zurich", 1774746000, 21600, 1774738800);
	is_bin("Europe/Zurich", 1774746000 + 3 * 3600, 21600,
	    1774738800 + 5 * 3600);
	is_bin("Europe/Zurich", 1774746000, 7200, 1774746000);
	/* at 03:00 they go to 02:00 */
	is_bin("Europe/Zurich", 1792890000, 21600, 1792879200);
	is_bin("Europe/Zurich", 1792890000, 7200, 1792886400);
	is_bin("Europe/Zurich", 1792890000, 3600, 1792890000);
	is_bin("Europe/Zurich", 1792890000 - 300, 3600, 1792886400);
	/* at 01:00 to 00:00: 25 hours, and each of them belongs to the day */
	is_bin("Atlantic/Azores", 1792886400, 86400, 1792886400);
	is_bin("Atlantic/Azores", 1792886400 + 25 * 3600 - 300, 86400,
	    1792886400);
	is_int(at("2026-10-25"), 1792886400, "the day begins with the first");
	is_int(at("2026-10-25 00:30"), 1792886400 + 1800, "of two moments");
	/* at 00:00 they go to 01:00 */
	set_zone("America/Havana");
	is_int(at("2026-03-08"), 1772946000, "a day without its midnight");
	is_bin("America/Havana", 1772946000, 86400, 1772946000);
	set_zone("Pacific/Apia");
	is_int(at("2011-12-30 12:00"), at("2011-12-31"), "a day that was not");
	set_zone("UTC");
}

static void
check_bins(void)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} t[] = {
		{"5m", 300}, {"15min", 900}, {"1h", 3600}, {"24H", 86400},
		{"1d", 86400}, {"2w", 1209600}, {"300m", 0}, {"7m", 0},
		{"1m", 0}, {"0h", 0}, {"h", 0}, {"5", 0}, {"5h", 0},
		{"36h", 0}, {"5m ", 0}, {"99999999999999999999d", 0},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		is_int(when_parse_bin(t[i].text), t[i].seconds, "bin %s",
		    t[i].text);
	/* 2026-03-29T01:00:00Z is when Zurich's clocks go forward */
	is_bin("UTC", 1774746300, 3600, 1774746000);
	is_bin("UTC", 1774746300, 86400, 1774742400);
	is_bin("Europe/Zurich", 1774746000 + 3600, 86400, 1774738800);
	is_bin("Europe/Zurich", 1774738800 - 300, 86400,
	    1774738800 - 86400);
	/* that day has 23 hours */
	is_bin("Europe/Zurich", 1774738800 + 23 * 3600, 86400,
	    1774738800 + 23 * 3600);
	is_bin("Europe/Zurich", 1774738800 + 23 * 3600 - 300, 86400,
	    1774738800);
	is_bin("Asia/Kathmandu", 1767225600, 3600, 1767225600 - 2700);
	/* 2026-01-01 was a Thursday */
	is_bin("UTC", 1767225600, 604800, 1767225600 - 3 * 86400);
	is_bin("UTC", 0, 604800, 0);
	check_local();
	set_zone("UTC");
	ok(when_set_zone("Europe/Zurich") && when_set_zone("UTC"),
	    "zones that there are");
	ok(!when_set_zone("Europe/Zurch") && !when_set_zone("") &&
	    !when_set_zone("../etc/passwd") && !when_set_zone("/etc/passwd"),
	    "and that there are not");
	/* such files are there, but libc would look elsewhere */
	ok(!when_set_zone("/Europe/Zurich") &&
	    !when_set_zone("../zoneinfo/Europe/Zurich"), "nor paths");
	ok(!when_set_zone("Europe") && !when_set_zone("Europe/") &&
	    !when_set_zone("zone.tab") && !when_set_zone("tzdata.zi"),
	    "folders and other files are none");
	is_str(getenv("TZ"), "UTC", "what is refused changes nothing");
}

int
main(void)
{
	set_zone("UTC");
	check_utc();
	check_zone();
	check_durations();
	check_bins();
	check_changes();
	check_said();
	return tap_done();
}
