#include "querier/export/report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fd.h"

#define STATUS       "status"
#define STATUS_MODE  0640
#define METRICS_MODE 0644 /* for whoever runs the node exporter */
#define WARN_DAYS    2
#define WARN_EVERY_S 3600
#define PROGRESS_S   5
#define FORECAST_EVERY_S 300
/* A look takes that many time-outs before it says something. */
#define PATIENCE     4

static int64_t
now(void)
{
	return gp_clock_real_ns() / GP_NS_PER_S;
}

/* Retention waits for nobody; somebody should know. */
static void
look_ahead(struct report *r, const struct pass_left *left, int64_t now_s)
{
	char day[11];
	int64_t days;

	if (left->records == 0) {
		r->left_going = false;
		r->forecast_s = 0;
		return;
	}
	if (now_s - r->forecast_s < FORECAST_EVERY_S && now_s >= r->forecast_s)
		return;
	r->forecast_s = now_s;
	days = forecast_days(&r->forecast, left->oldest_s, left->days_before,
	    now_s);
	r->left_going = days < WARN_DAYS;
	if (!r->left_going || now_s - r->warned_s < WARN_EVERY_S)
		return;
	r->warned_s = now_s;
	gp_clock_day_format(left->oldest_s, day);
	gp_log(GP_LOG_WARNING, "blocks of %s are not shipped and retention "
	    "will remove them within %d days", day, WARN_DAYS);
}

static void
gather(struct report *r, struct figures *f, bool running, uint64_t next_s)
{
	const struct ship_counts *c = &r->pass->ship->counts;
	const struct gp_conf *conf = r->forecast.conf;
	int64_t now_s = now();
	struct pass_left left;

	pass_count_left(r->pass, &left);
	if (running)
		look_ahead(r, &left, now_s);
	*f = (struct figures){
		.written = (uint64_t)now_s,
		.due = (uint64_t)now_s + next_s +
		    (uint64_t)conf->export.timeout * PATIENCE,
		.running = running,
		.sandbox_full = conf->export.sandbox == GP_SANDBOX_FULL,
		.interval = conf->export.interval,
		.fine = (uint64_t)r->fine_s,
		.records = c->records,
		.rows = c->rows,
		.bytes = c->bytes,
		.attempts = c->attempts,
		.given_up = c->given_up,
		.unreadable = c->unreadable,
		.gone = c->gone,
		.left_days = left.days,
		.left_records = left.records,
		.left_rows = left.rows,
		.left_since = left.records ? (uint64_t)left.oldest_s : 0,
		.left_going = r->left_going,
	};
	(void)snprintf(f->server, sizeof(f->server), "%s", r->server);
	(void)snprintf(f->error, sizeof(f->error), "%s", r->error);
}

static void
replace(struct report *r, int folder, const char *name, mode_t mode,
    void (*print)(const struct figures *, FILE *), const struct figures *f)
{
	char fresh[NAME_MAX + 1], *text = NULL;
	size_t len = 0;
	FILE *out;
	int fd = -1, rc = 0;

	if (folder < 0)
		return;
	(void)snprintf(fresh, sizeof(fresh), ".%.200s.new", name);
	out = open_memstream(&text, &len);
	if (out == NULL) {
		rc = -ENOMEM;
		goto out;
	}
	print(f, out);
	if (fclose(out) != 0) {
		rc = -ENOMEM;
		goto out;
	}
	/* nothing that lies there may be followed or waited for */
	(void)unlinkat(folder, fresh, 0);
	fd = gp_fd_openat(folder, fresh, O_WRONLY | O_CREAT | O_EXCL, mode);
	rc = fd;
	if (rc >= 0)
		rc = fchmod(fd, mode) < 0 ? -errno : 0;
	if (rc == 0)
		rc = gp_fd_write_full(fd, text, len);
	gp_fd_close(&fd);
	if (rc == 0 && renameat(folder, fresh, folder, name) < 0)
		rc = -errno;
out:
	free(text);
	if (rc < 0 && gp_log_allow(&r->limit, 1))
		gp_log(GP_LOG_WARNING, "%s: %s", name, strerror(-rc));
}

static void
publish(struct report *r, bool running, uint64_t next_s)
{
	struct figures f;

	gather(r, &f, running, next_s);
	r->written_s = now();
	replace(r, r->status, STATUS, STATUS_MODE, figures_print, &f);
	replace(r, r->metrics, r->metrics_name, METRICS_MODE,
	    figures_print_metrics, &f);
}

void
report_look(struct report *r, const char *error, uint64_t next_s)
{
	(void)snprintf(r->error, sizeof(r->error), "%s", error);
	if (error[0] == '\0')
		r->fine_s = now();
	publish(r, true, next_s);
}

void
report_progress(struct report *r)
{
	int64_t since = now() - r->written_s;

	if (since < 0 || since >= PROGRESS_S)
		publish(r, true, 0);
}

void
report_end(struct report *r)
{
	publish(r, false, 0);
}
