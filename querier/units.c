#include "querier/units.h"

#include <stddef.h>
#include <stdio.h>

uint64_t
units_sum(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static void
format_number(uint64_t v, unsigned base, const char *const units[7],
    char out[UNITS_TEXT_MAX])
{
	double value = (double)v;
	size_t unit = 0;

	while (v > base && unit < 6) {
		v /= base;
		value /= base;
		unit++;
	}
	(void)snprintf(out, UNITS_TEXT_MAX, "%.2f %s", value, units[unit]);
}

void
units_packets(uint64_t v, char out[UNITS_TEXT_MAX])
{
	static const char *const units[] = {" ", "k", "M", "G", "T", "P", "E"};

	format_number(v, 1000, units, out);
}

void
units_bytes(uint64_t v, char out[UNITS_TEXT_MAX])
{
	static const char *const units[] = {" B", "kB", "MB", "GB", "TB", "PB",
	    "EB"};

	format_number(v, 1024, units, out);
}
