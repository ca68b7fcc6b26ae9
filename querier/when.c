#include "querier/when.h"

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/base/words.h"
#include "querier/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Far beyond the representable, far from overflow. */
#define FAR_S (INT64_C(1) << 40)

static int64_t
clamp(int64_t t_s)
{
	return t_s < 0 ? 0 : t_s > GP_TIME_MAX_S ? GP_TIME_MAX_S : t_s;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits at *s, at least one; stays at FAR_S when there are too many. */
static bool
take_digits(const char **s, int64_t *out)
{
	int64_t v = 0;

	if (!is_digit(**s))
		return false;
	for (; is_digit(**s); (*s)++) {
		v = v * 10 + (**s - '0');
		if (v > FAR_S)
			v = FAR_S;
	}
	*out = v;
	return true;
}

/* Exactly n digits within [lo, hi]. */
static bool
take_field(const char **s, int n, int lo, int hi, int *out)
{
	int v = 0;

	for (int i = 0; i < n; i++, (*s)++) {
		if (!is_digit(**s))
			return false;
		v = v * 10 + (**s - '0');
	}
	*out = v;
	return v >= lo && v <= hi;
}

static bool
take_char(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

/* "-15d:04h:05m", after the minus sign. */
static bool
parse_relative(const char *s, int64_t now_s, int64_t *out)
{
	int64_t back = 0;

	do {
		int64_t n, unit;

		if (!take_digits(&s, &n))
			return false;
		switch (*s) {
		case 'w':
			unit = 7 * GP_DAY_S;
			break;
		case 'd':
			unit = GP_DAY_S;
			break;
		case 'h':
			unit = 3600;
			break;
		case 'm':
			unit = 60;
			break;
		case 's':
			unit = 1;
			break;
		default:
			return false;
		}
		s++;
		if (n > FAR_S / unit)
			n = FAR_S / unit;
		back += n * unit;
		if (back > FAR_S)
			back = FAR_S;
		if (*s == ':' && !s[1])
			return false;
		(void)take_char(&s, ':');
	} while (*s);
	*out = now_s - back;
	return true;
}

struct moment {
	int year, month, day, hour, minute, second;
};

static int64_t
utc_seconds(const struct moment *m)
{
	return gp_clock_from_civil(m->year, m->month, m->day) +
	    m->hour * 3600 + m->minute * 60 + m->second;
}

/* Z, UTC, +01:00, +0100, +01; *offset_s east of Greenwich. */
static bool
take_zone(const char **s, int *offset_s)
{
	int sign, hours, minutes = 0;

	if (gp_words_casecmp(*s, "UTC") == 0 ||
	    gp_words_casecmp(*s, "Z") == 0) {
		*s += strlen(*s);
		*offset_s = 0;
		return true;
	}
	sign = **s == '-' ? -1 : 1;
	if (!take_char(s, '+') && !take_char(s, '-'))
		return false;
	if (!take_field(s, 2, 0, 23, &hours))
		return false;
	if ((take_char(s, ':') || is_digit(**s)) &&
	    !take_field(s, 2, 0, 59, &minutes))
		return false;
	*offset_s = sign * (hours * 3600 + minutes * 60);
	return true;
}

/* Two digits, or one where the next character is none. */
static bool
take_short(const char **s, int lo, int hi, int *out)
{
	return take_field(s, is_digit(**s) && is_digit((*s)[1]) ? 2 : 1, lo, hi,
	    out);
}

/* 2026-11-24, or goProbe's 24.11.2026 and 24-11-2026. */
static bool
take_date(const char **s, struct moment *m)
{
	int64_t year, day_s;
	int month, day;
	size_t digits = strspn(*s, "0123456789");
	char dot = (*s)[digits];

	if (digits <= 2 && (dot == '.' || dot == '-')) {
		if (!take_short(s, 1, 31, &m->day) || !take_char(s, dot) ||
		    !take_short(s, 1, 12, &m->month) || !take_char(s, dot) ||
		    !take_field(s, 4, 0, 9999, &m->year))
			return false;
	} else if (!take_field(s, 4, 0, 9999, &m->year) || !take_char(s, '-') ||
	    !take_field(s, 2, 1, 12, &m->month) || !take_char(s, '-') ||
	    !take_field(s, 2, 1, 31, &m->day)) {
		return false;
	}
	day_s = gp_clock_from_civil(m->year, m->month, m->day);
	gp_clock_to_civil(day_s, &year, &month, &day);
	return month == m->month; /* 31 June is none */
}

static bool
take_clock(const char **s, struct moment *m)
{
	if (!take_short(s, 0, 23, &m->hour) || !take_char(s, ':') ||
	    !take_field(s, 2, 0, 59, &m->minute))
		return false;
	if (!take_char(s, ':'))
		return true;
	if (!take_field(s, 2, 0, 60, &m->second))
		return false;
	if (take_char(s, '.')) {
		int64_t fraction;

		return take_digits(s, &fraction); /* blocks have minutes */
	}
	return true;
}

static bool
parse_date(const char *s, int64_t *out)
{
	struct moment m = {0, 0, 0, 0, 0, 0};
	int offset_s;

	if (!take_date(&s, &m))
		return false;
	if (*s == 'T' || *s == 't' || (*s == ' ' && is_digit(s[1]))) {
		s++;
		if (!take_clock(&s, &m))
			return false;
	}
	while (*s == ' ')
		s++;
	if (!*s) {
		*out = zone_moment(utc_seconds(&m));
		return true;
	}
	if (!take_zone(&s, &offset_s) || *s)
		return false;
	*out = utc_seconds(&m) - offset_s;
	return true;
}

/* Start of the local day that many days before. */
static int64_t
local_day(int64_t now_s, int days_back)
{
	int64_t clock_s = zone_clock(now_s);

	return zone_moment(clock_s - clock_s % GP_DAY_S -
	    days_back * GP_DAY_S);
}

static bool
parse_word(const char *text, int64_t now_s, int64_t *out)
{
	if (gp_words_casecmp(text, "now") == 0)
		*out = now_s;
	else if (gp_words_casecmp(text, "today") == 0)
		*out = local_day(now_s, 0);
	else if (gp_words_casecmp(text, "yesterday") == 0)
		*out = local_day(now_s, 1);
	else
		return false;
	return true;
}

/* "2026" and "20261124" are meant as dates, not as moments of 1970, which
 * would be everything there is. */
static bool
looks_like_date(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	return !s[digits] && (digits == 4 || digits == 8) &&
	    (strncmp(s, "19", 2) == 0 || strncmp(s, "20", 2) == 0);
}

static bool
parse_epoch(const char *s, int64_t *out)
{
	if (!take_char(&s, '@') && looks_like_date(s))
		return false;
	return take_digits(&s, out) && !*s;
}

int
when_parse(const char *text, int64_t now_s, int64_t *out, char error[160])
{
	int64_t t_s;

	if (parse_word(text, now_s, &t_s) || parse_epoch(text, &t_s) ||
	    (*text == '-' && parse_relative(text + 1, now_s, &t_s)) ||
	    parse_date(text, &t_s)) {
		*out = clamp(t_s);
		return 0;
	}
	(void)snprintf(error, 160,
	    "no time: '%.40s'; examples: -1d, -15d:04h:05m, "
	    "2026-11-24, '2026-11-24 08:00', 2026-11-24T08:00:00Z, today, now",
	    text);
	return -EINVAL;
}

void
when_use_local(void)
{
	/* without TZ, glibc looks for a new /etc/localtime at every call, under
	 * a lock that all threads want */
	(void)setenv("TZ", ":/etc/localtime", 0);
	tzset();
}

static bool
is_zone_file(const char *path)
{
	char magic[4];
	struct stat st;
	/* not to wait for a FIFO's writer */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool is = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    read(fd, magic, sizeof(magic)) == (ssize_t)sizeof(magic) &&
	    memcmp(magic, "TZif", sizeof(magic)) == 0; /* RFC 8536, 3.1 */

	gp_fd_close(&fd);
	return is;
}

bool
when_set_zone(const char *name)
{
	/* tzset(3) takes what it cannot find for UTC: tell that by its file */
	char path[320];

	if (strstr(name, "..") || name[0] == '/' || name[0] == '\0' ||
	    strlen(name) > 255)
		return false;
	(void)snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	if (strcmp(name, "UTC") != 0 && !is_zone_file(path))
		return false;
	if (setenv("TZ", name, 1) < 0)
		return false;
	tzset();
	return true;
}

int64_t
when_parse_bin(const char *text)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = {{"m", 60}, {"min", 60}, {"h", 3600}, {"d", GP_DAY_S},
		{"w", 7 * GP_DAY_S}};
	int64_t n;

	if (!take_digits(&text, &n) || n == 0 || n > 100000)
		return 0;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (gp_words_casecmp(units[i].unit, text) == 0)
			n *= units[i].seconds;
		else
			continue;
		if (n % GP_SLOT_S || (n < GP_DAY_S && GP_DAY_S % n) ||
		    (n > GP_DAY_S && n % GP_DAY_S))
			return 0;
		return n;
	}
	return 0;
}

int64_t
when_bin(int64_t t_s, int64_t bin_s)
{
	/* 1969-12-29 was a Monday */
	int64_t origin_s = bin_s % (7 * GP_DAY_S) ? 0 : -3 * GP_DAY_S;
	int64_t start_s = clamp(zone_bin(t_s, bin_s, origin_s));

	/* a change of clocks need not come where a block begins */
	start_s += (GP_SLOT_S - start_s % GP_SLOT_S) % GP_SLOT_S;
	return start_s > t_s ? t_s : start_s;
}

static void
format(int64_t t_s, const char *how, bool utc, char out[WHEN_TEXT_MAX])
{
	time_t t = (time_t)t_s;
	struct tm tm;

	memset(&tm, 0, sizeof(tm));
	if (utc)
		(void)gmtime_r(&t, &tm);
	else
		(void)localtime_r(&t, &tm);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (strftime(out, WHEN_TEXT_MAX, how, &tm) == 0)
		out[0] = '\0';
#pragma GCC diagnostic pop
}

void
when_format_local(int64_t t_s, char out[WHEN_TEXT_MAX])
{
	format(t_s, "%Y-%m-%d %H:%M:%S %z", false, out);
}

void
when_format_utc(int64_t t_s, char out[WHEN_TEXT_MAX])
{
	format(t_s, "%Y-%m-%dT%H:%M:%SZ", true, out);
}

void
when_zone(int64_t t_s, char out[WHEN_TEXT_MAX])
{
	format(t_s, "%Z", false, out);
}

/* value / 10^digits without trailing zeros: "33.66236", "2". */
static void
format_fraction(uint64_t value, unsigned digits, char out[WHEN_TEXT_MAX])
{
	uint64_t scale = 1;
	size_t len;

	for (unsigned i = 0; i < digits; i++)
		scale *= 10;
	(void)snprintf(out, WHEN_TEXT_MAX, "%llu.%0*llu",
	    (unsigned long long)(value / scale), (int)digits,
	    (unsigned long long)(value % scale));
	len = strlen(out);
	while (out[len - 1] == '0')
		out[--len] = '\0';
	if (out[len - 1] == '.')
		out[len - 1] = '\0';
}

void
when_format_duration(int64_t ns, char out[WHEN_TEXT_MAX])
{
	uint64_t v = ns > 0 ? (uint64_t)ns : 0;
	uint64_t minutes = v / 60000000000u;
	char part[WHEN_TEXT_MAX];

	if (v == 0) {
		(void)snprintf(out, WHEN_TEXT_MAX, "0s");
	} else if (v < 1000) {
		(void)snprintf(out, WHEN_TEXT_MAX, "%uns", (unsigned)v);
	} else if (v < 1000000) {
		format_fraction(v, 3, part);
		(void)snprintf(out, WHEN_TEXT_MAX, "%.16s\302\265s", part);
	} else if (v < 1000000000) {
		format_fraction(v, 6, part);
		(void)snprintf(out, WHEN_TEXT_MAX, "%.16sms", part);
	} else {
		format_fraction(v % 60000000000u, 9, part);
		if (minutes >= 60)
			(void)snprintf(out, WHEN_TEXT_MAX, "%lluh%llum%.16ss",
			    (unsigned long long)(minutes / 60),
			    (unsigned long long)(minutes % 60), part);
		else if (minutes)
			(void)snprintf(out, WHEN_TEXT_MAX, "%llum%.16ss",
			    (unsigned long long)minutes, part);
		else
			(void)snprintf(out, WHEN_TEXT_MAX, "%.16ss", part);
	}
}

void
when_format_rough(uint64_t ns, char out[WHEN_TEXT_MAX])
{
	static const struct {
		uint64_t seconds;
		const char *name;
	} unit[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	uint64_t s = ns / GP_NS_PER_S;
	size_t k = 0;

	while (k < 3 && s < unit[k].seconds)
		k++;
	if (k == 3 || s % unit[k].seconds < unit[k + 1].seconds)
		(void)snprintf(out, WHEN_TEXT_MAX, "%llu %s",
		    (unsigned long long)(s / unit[k].seconds), unit[k].name);
	else
		(void)snprintf(out, WHEN_TEXT_MAX, "%llu %s %llu %s",
		    (unsigned long long)(s / unit[k].seconds), unit[k].name,
		    (unsigned long long)(s % unit[k].seconds /
			unit[k + 1].seconds), unit[k + 1].name);
}
