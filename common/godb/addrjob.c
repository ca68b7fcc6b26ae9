/*
 * addrjob - the address index as a part of upkeep: made when a day is over,
 * and again when something was added to it later.
 */
#include "common/godb/upkeep.h"

#include <errno.h>

#include "common/godb/addrbuild.h"
#include "common/godb/retain.h"

struct job {
	struct gdi_upkeep_day *day;
	struct gdi_addrbuild *build;
};

/* Whether the index that is there has all of the day's records. */
static bool
is_current(const struct gdi_upkeep_day *d, const struct gdi_index *x)
{
	struct gdi_addrindex have;
	bool current;

	if (gdi_addrindex_open(d->day_fd, d->day_s, true, &have) < 0)
		return false;
	current = have.digest.index_bytes == x->size &&
	    gdi_digest_is_of(&have.digest, x);
	gdi_addrindex_close(&have);
	return current;
}

static int
begin(struct gdi_upkeep_day *d, bool anew, void **state)
{
	struct gdi_addrbuild_opts opts = {.iface = d->iface,
	    .day_s = d->day_s,
	    .mode_file = gdi_writer_mode_file(d->w)};
	struct gdi_addrbuild *build;
	struct job *job;
	int rc;

	/* a day with damage has none: its blocks are looked at */
	if (!d->over || d->scan->n_days != 1 || d->scan->n_faults > 0 ||
	    (!anew && is_current(d, &d->scan->days[0]->index)))
		return 0;
	rc = gdi_addrbuild_new(d->day_fd, &opts, &build);
	if (rc < 0)
		return rc == GODB_EDAMAGED || rc == GODB_ENEWER ? 0 : rc;
	job = calloc(1, sizeof(*job));
	if (job == NULL) {
		gdi_addrbuild_free(build);
		return -ENOMEM;
	}
	*job = (struct job){d, build};
	*state = job;
	return 1;
}

static int
step(void *state)
{
	struct job *job = state;
	int rc = gdi_addrbuild_step(job->build);

	if (rc == 0)
		job->day->changed = true;
	return rc == GODB_EDAMAGED ? 0 : rc;
}

static void
end(void *state)
{
	struct job *job = state;

	gdi_addrbuild_free(job->build);
	free(job);
}

const struct gdi_upkeep_job gdi_address_job = {begin, step, end};
