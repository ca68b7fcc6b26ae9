#include "querier/export/forecast.h"

#include <sys/statvfs.h>

#include "common/base/clock.h"

/* What the store takes, and in how many days it came to that. */
static uint64_t
size_of(const struct godb_reader *r, uint64_t *days)
{
	struct godb_list *list;
	uint64_t bytes = 0;

	*days = 0;
	if (godb_list_new(r, NULL, &list) < 0)
		return 0;
	for (size_t i = 0; i < godb_list_n(list); i++) {
		const struct godb_list_iface *f = godb_list_get(list, i);

		bytes += f->disk_bytes;
		if (f->days > *days)
			*days = f->days;
	}
	godb_list_free(list);
	return bytes;
}

/* Once the room is used up a day goes for each that comes, the oldest first. */
static int64_t
days_of(uint64_t room, uint64_t growth, uint64_t days_before)
{
	uint64_t days = room / growth;

	return days > (uint64_t)GP_TIME_MAX_S ? FORECAST_NEVER :
	    (int64_t)(days + days_before);
}

static int64_t
for_space(const struct forecast *f, uint64_t days_before)
{
	const struct gp_conf *c = f->conf;
	uint64_t days, bytes, growth, room, avail;
	int64_t soonest = FORECAST_NEVER, n;
	struct statvfs fs;

	if (c->store.max_bytes == 0 && c->store.min_free == 0)
		return FORECAST_NEVER;
	bytes = size_of(f->reader, &days);
	if (days == 0)
		return FORECAST_NEVER;
	growth = bytes / days + 1;
	if (c->store.max_bytes > 0) {
		room = c->store.max_bytes > bytes ?
		    c->store.max_bytes - bytes : 0;
		soonest = days_of(room, growth, days_before);
	}
	if (c->store.min_free > 0 && fstatvfs(f->store, &fs) == 0) {
		avail = (uint64_t)fs.f_bavail * fs.f_frsize;
		room = avail > c->store.min_free ? avail - c->store.min_free :
		    0;
		n = days_of(room, growth, days_before);
		soonest = n < soonest ? n : soonest;
	}
	return soonest;
}

int64_t
forecast_days(const struct forecast *f, int64_t oldest_s, uint64_t days_before,
    int64_t now_s)
{
	int64_t soonest = for_space(f, days_before), n;
	int64_t keep = (int64_t)f->conf->store.retain_days;

	if (keep > 0) {
		n = (gp_clock_day(oldest_s) - gp_clock_day(now_s)) / GP_DAY_S +
		    keep;
		n = n > 0 ? n : 0;
		soonest = n < soonest ? n : soonest;
	}
	return soonest;
}
