/* clock: UTC days and slots, against libc's own calendar. */
#include "common/base/clock.h"

#include <errno.h>
#include <time.h>

#include "tests/tap.h"

static void
test_calendar(void)
{
	int wrong = 0;

	for (int64_t t = 0; t < GP_TIME_MAX_S; t += 86399) {
		time_t tt = (time_t)t;
		struct tm tm;
		char want[32], got[11];
		int64_t back;

		gmtime_r(&tt, &tm);
		strftime(want, sizeof(want), "%Y-%m-%d", &tm);
		gp_clock_day_format(t, got);
		wrong += strcmp(want, got) != 0 ||
		    gp_clock_day_parse(got, &back) != 0 ||
		    back != t - t % 86400;
	}
	is_int(wrong, 0, "every day from 1970 to 2106 as gmtime has it");
}

static void
test_parse(void)
{
	static const char *const bad[] = {"", "2026-11-2", "2026-11-241",
	    "2026-13-01", "2026-02-30", "2026-00-10", "2026-01-00",
	    "1969-12-31", "2026/11/24", "2107-01-01", "+026-11-24"};
	int64_t t;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(gp_clock_day_parse(bad[i], &t), -EINVAL, "not '%s'",
		    bad[i]);
	is_int(gp_clock_day_parse("2024-02-29", &t), 0, "leap day");
}

static void
test_file_times(void)
{
	is_int(gp_clock_ns_of(&(struct timespec){2, 5}), 2000000005, "seconds");
	is_int(gp_clock_ns_of(&(struct timespec){-1, 5}), -999999995,
	    "before 1970");
	is_int(gp_clock_ns_of(&(struct timespec){INT64_C(10413792000), 0}),
	    INT64_MAX, "the year 2300");
	is_int(gp_clock_ns_of(&(struct timespec){INT64_C(-10413792000), 0}),
	    INT64_MIN, "and as long before");
	is_int(gp_clock_ns_of(&(struct timespec){INT64_C(9223372036),
		854775808}), INT64_MAX, "the first that is beyond");
}

int
main(void)
{
	test_file_times();
	test_calendar();
	test_parse();
	is_int(gp_clock_slot(-5), 0, "before 1970");
	is_int(gp_clock_slot(299), 0, "end of the first slot");
	is_int(gp_clock_slot(300), 300, "start of the second");
	is_int(gp_clock_slot(INT64_MAX), GP_TIME_MAX_S - 300, "far future");
	is_int(GP_TIME_MAX_S % 300, 0, "the last slot is whole");
	return tap_done();
}
