#include "capture/pause.h"

#include <stdio.h>

static const unsigned bound_us[PAUSE_BUCKETS] = {
	50, 100, 250, 500, 1000, 2500, 5000, 10000, 0,
};

unsigned
pause_bound_us(size_t bucket)
{
	return bound_us[bucket];
}

void
pause_note(struct pause *p, int64_t ns)
{
	size_t i = 0;

	while (i < PAUSE_BUCKETS - 1 && ns >= bound_us[i] * INT64_C(1000))
		i++;
	p->n[i]++;
	if (ns > p->longest_ns)
		p->longest_ns = ns;
}

void
pause_add(struct pause *sum, const struct pause *p)
{
	for (size_t i = 0; i < PAUSE_BUCKETS; i++)
		sum->n[i] += p->n[i];
	if (p->longest_ns > sum->longest_ns)
		sum->longest_ns = p->longest_ns;
}

void
pause_format(const struct pause *p, char out[PAUSE_TEXT_MAX])
{
	size_t at = 0;

	for (size_t i = 0; i < PAUSE_BUCKETS && at < PAUSE_TEXT_MAX; i++) {
		char name[16] = "more";

		if (bound_us[i] != 0)
			(void)snprintf(name, sizeof(name), "%uus",
			    bound_us[i]);
		at += (size_t)snprintf(out + at, PAUSE_TEXT_MAX - at,
		    "%s%s:%llu", i ? "," : "", name,
		    (unsigned long long)p->n[i]);
	}
}
