#include "writer/prune.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "common/base/clock.h"

#define FIRST_NS  (10 * GP_NS_PER_S)
#define EVERY_NS  (300 * GP_NS_PER_S)
#define REST_NS   (60 * GP_NS_PER_S) /* at least between two for space */
#define LOOK_NS   (10 * GP_NS_PER_S)
#define STEP_NS   (5 * GP_NS_PER_S / 1000)
/* so long a removed file is thought to be held by somebody who reads it */
#define CREDIT_NS (600 * GP_NS_PER_S)

void
prune_init(struct prune *p, struct godb_writer *store,
    const struct gp_conf *conf, struct peers *peers, int store_fd)
{
	memset(p, 0, sizeof(*p));
	p->store = store;
	p->conf = conf;
	p->peers = peers;
	p->store_fd = store_fd;
	p->next_ns = gp_clock_mono_ns() + FIRST_NS;
}

void
prune_fini(struct prune *p)
{
	godb_retain_free(p->round);
	p->round = NULL;
}

static uint64_t
credit(const struct prune *p, int64_t now)
{
	return now - p->freed_ns < CREDIT_NS ? p->freed_bytes : 0;
}

static bool
disk_is_short(struct prune *p, int64_t now)
{
	uint64_t want = p->conf->store.min_free, have;
	struct statvfs fs;

	if (want == 0 || now - p->looked_ns < LOOK_NS ||
	    now - p->ended_ns < REST_NS)
		return false;
	p->looked_ns = now;
	if (fstatvfs(p->store_fd, &fs) < 0)
		return false;
	have = (uint64_t)fs.f_bavail * fs.f_frsize;
	return have < want && want - have > credit(p, now);
}

/* The latest time that somebody waits for; *any: somebody does. */
static int64_t
asked_for(struct prune *p, bool *any)
{
	uint64_t clean_s = 0;

	*any = false;
	for (size_t i = 0; i < p->peers->n_list; i++) {
		struct peer *peer = &p->peers->list[i];

		if (peer->state != PEER_PRUNE)
			continue;
		*any = true;
		clean_s = peer->clean_s > clean_s ? peer->clean_s : clean_s;
	}
	return clean_s > (uint64_t)GP_TIME_MAX_S ? GP_TIME_MAX_S :
						   (int64_t)clean_s;
}

static void
answer_all(struct prune *p, int rc, const struct godb_retain_report *report)
{
	for (size_t i = 0; i < p->peers->n_list; i++) {
		struct peer *peer = &p->peers->list[i];

		if (peer->state != PEER_PRUNE || !peer->served)
			continue;
		(void)hello_msg_send(peer->conn, MSG_PRUNED,
		    rc < 0 ? HELLO_STORE : HELLO_OK,
		    rc < 0 ? (uint64_t)-rc : report->days, report->bytes);
		peers_drop(p->peers, peer);
	}
}

static void
on_day(void *arg, const struct godb_retain_day *day)
{
	struct prune *p = arg;
	char text[11];

	gp_clock_day_format(day->day_s, text);
	if (day->rc < 0) {
		if (gp_log_allow(&p->limit, 5))
			gp_log(GP_LOG_WARNING, "day cannot be removed iface=%s "
			    "day=%s error=\"%s\"", day->iface, text,
			    godb_strerror(day->rc));
		return;
	}
	gp_log(GP_LOG_INFO, "day removed iface=%s day=%s bytes=%llu cause=%s",
	    day->iface, text, (unsigned long long)day->bytes,
	    godb_retain_cause_name(day->cause));
}

static void
begin(struct prune *p, int64_t clean_s)
{
	struct godb_retain_opts opts = GODB_RETAIN_OPTS_INIT;
	int rc;

	opts.retain_days = p->conf->store.retain_days;
	opts.max_bytes = p->conf->store.max_bytes;
	opts.min_free = p->conf->store.min_free;
	opts.now_s = gp_clock_real_ns() / GP_NS_PER_S;
	opts.clean_s = clean_s;
	opts.freed_bytes = credit(p, gp_clock_mono_ns());
	opts.each = on_day;
	opts.arg = p;
	for (size_t i = 0; i < p->peers->n_list; i++)
		p->peers->list[i].served =
		    p->peers->list[i].state == PEER_PRUNE;
	rc = godb_retain_new(p->store, &opts, &p->round);
	if (rc < 0) {
		p->round = NULL;
		p->ended_ns = gp_clock_mono_ns();
		p->next_ns = p->ended_ns + REST_NS;
		answer_all(p, rc, &(struct godb_retain_report){0});
		if (gp_log_allow(&p->limit, 5))
			gp_log(GP_LOG_WARNING, "retention failed error=\"%s\"",
			    godb_strerror(rc));
	}
}

static void
end(struct prune *p, int rc)
{
	struct godb_retain_report report;

	godb_retain_report(p->round, &report);
	godb_retain_free(p->round);
	p->round = NULL;
	p->ended_ns = gp_clock_mono_ns();
	p->next_ns = p->ended_ns + EVERY_NS;
	if (report.bytes > 0) {
		p->freed_bytes = report.bytes;
		p->freed_ns = p->ended_ns;
	}
	if (rc < 0 && gp_log_allow(&p->limit, 5))
		gp_log(GP_LOG_WARNING, "retention failed error=\"%s\"",
		    godb_strerror(rc));
	if (report.short_bytes > 0 && gp_log_allow(&p->limit, 5))
		gp_log(GP_LOG_WARNING, "bounds of the store cannot be kept: "
		    "nothing older is left to remove missing_bytes=%llu",
		    (unsigned long long)report.short_bytes);
	answer_all(p, rc, &report);
}

bool
prune_tick(struct prune *p)
{
	int64_t now = gp_clock_mono_ns(), clean_s;
	bool asked;
	int rc;

	if (p->round == NULL) {
		clean_s = asked_for(p, &asked);
		if (asked || now >= p->next_ns || disk_is_short(p, now))
			begin(p, clean_s);
	}
	if (p->round == NULL)
		return false;
	rc = godb_retain_step(p->round, STEP_NS);
	if (rc <= 0)
		end(p, rc);
	return p->round != NULL;
}
