#include "querier/export/loop.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/notify.h"
#include "querier/export/clean.h"
#include "querier/export/server.h"

#define BACKOFF_MIN_S  1
#define BACKOFF_MAX_S  300
#define CLEAN_EVERY_NS (3600 * GP_NS_PER_S)
#define CLEAN_AGE_S    3600 /* no insert takes so long to arrive */

/* A signal ends it, also one that comes just before. */
static void
wait_ms(const struct loop *l, unsigned ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
	sigset_t ends, before;

	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGTERM);
	(void)sigaddset(&ends, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &ends, &before);
	if (!*l->ship.stop)
		(void)ppoll(NULL, 0, &t, &before);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
}

/* Half to one and a half of it, so that the sensors of a fleet do not come back
 * all at once. */
static unsigned
spread(unsigned ms)
{
	unsigned n;

	if (getrandom(&n, sizeof(n), 0) != (ssize_t)sizeof(n))
		return ms;
	return ms / 2 + n % (ms + 1);
}

void
loop_progress(void *loop)
{
	report_progress(&((struct loop *)loop)->report);
}

static void
clean(struct loop *l)
{
	char error[SHIP_ERROR_MAX];
	int64_t now = gp_clock_mono_ns();

	if (l->cleaned_ns && now - l->cleaned_ns < CLEAN_EVERY_NS)
		return;
	l->cleaned_ns = now;
	if (clean_dead(&l->ship, CLEAN_AGE_S, error) < 0)
		gp_log(GP_LOG_WARNING, "%s", error);
}

/* One look at the store; as pass_run() returns. */
static int
look(struct loop *l, char error[SHIP_ERROR_MAX])
{
	struct ship_counts before = l->ship.counts;
	int rc = pass_list(&l->pass, error);

	if (rc == 0)
		rc = server_check(&l->ship, error);
	if (rc == 0) {
		rc = pass_run(&l->pass, error);
		/* attempts that fail again and again leave most behind */
		if (!*l->ship.stop)
			clean(l);
	}
	if (l->ship.counts.records > before.records)
		gp_log(GP_LOG_INFO, "shipped blocks=%llu rows=%llu bytes=%llu",
		    (unsigned long long)(l->ship.counts.records -
			before.records),
		    (unsigned long long)(l->ship.counts.rows - before.rows),
		    (unsigned long long)(l->ship.counts.bytes - before.bytes));
	return rc;
}

int
loop_once(struct loop *l, bool cleaning)
{
	char error[SHIP_ERROR_MAX], why[SHIP_ERROR_MAX];
	int rc = look(l, error);

	if (rc != -1 && cleaning && clean_dead(&l->ship, 0, why) < 0) {
		memcpy(error, why, sizeof(error));
		rc = -1;
	}
	report_look(&l->report, rc == 0 ? "" : error, 0);
	report_end(&l->report);
	if (rc == -1) /* SHIP_STORE was told */
		gp_log(GP_LOG_ERR, "%s", error);
	return rc == 0 ? 0 : -1;
}

/* systemctl(1) shows it. */
static void
tell_status(const struct loop *l, const char *what, const char *error)
{
	char text[SHIP_ERROR_MAX + 64];

	(void)snprintf(text, sizeof(text), "STATUS=%s%s", what, error);
	(void)gp_notify_send(l->notify, text);
}

/* All was shipped that can be; what the store does not give may come back. */
static void
rest(struct loop *l, const char *error)
{
	report_look(&l->report, error, l->conf->export.interval);
	if (error[0])
		tell_status(l, "all other blocks shipped; ", error);
	else
		tell_status(l, "all blocks shipped", "");
	wait_ms(l, l->conf->export.interval * 1000);
}

void
loop_run(struct loop *l)
{
	char error[SHIP_ERROR_MAX];
	unsigned backoff = BACKOFF_MIN_S, pause_ms, pause;
	uint64_t shipped;
	int rc;

	(void)gp_notify_send(l->notify, "READY=1\nSTATUS=shipping");
	while (!*l->ship.stop) {
		shipped = l->ship.counts.records;
		rc = look(l, error);
		if (rc != -1) {
			backoff = BACKOFF_MIN_S;
			rest(l, rc == 0 ? "" : error);
			continue;
		}
		if (*l->ship.stop)
			break;
		if (l->ship.counts.records > shipped)
			backoff = BACKOFF_MIN_S;
		pause_ms = spread(backoff * 1000);
		pause = (pause_ms + 999) / 1000;
		report_look(&l->report, error, pause);
		if (gp_log_allow(&l->limit, 3))
			gp_log(GP_LOG_WARNING, "%s; next try in %u s", error,
			    pause);
		tell_status(l, "", error);
		wait_ms(l, pause_ms);
		backoff = backoff * 2 < BACKOFF_MAX_S ? backoff * 2 :
		    BACKOFF_MAX_S;
	}
	(void)gp_notify_send(l->notify, "STOPPING=1");
	report_end(&l->report);
}
