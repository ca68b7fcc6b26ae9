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

static bool
counts(const struct prune_freed *f, int64_t now_ns)
{
	return f->bytes > 0 && now_ns - f->at_ns < CREDIT_NS;
}

void
prune_note_freed(struct prune *p, uint64_t bytes, int64_t now_ns)
{
	struct prune_freed *newest = &p->freed[0];

	if (bytes == 0)
		return;
	for (size_t i = 0; i < PRUNE_FREED; i++) {
		struct prune_freed *f = &p->freed[i];

		if (!counts(f, now_ns)) {
			*f = (struct prune_freed){bytes, now_ns};
			return;
		}
		newest = f->at_ns > newest->at_ns ? f : newest;
	}
	newest->at_ns = now_ns;
	if (__builtin_add_overflow(newest->bytes, bytes, &newest->bytes))
		newest->bytes = UINT64_MAX;
}

uint64_t
prune_credit(const struct prune *p, int64_t now_ns)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < PRUNE_FREED; i++)
		if (counts(&p->freed[i], now_ns) &&
		    __builtin_add_overflow(sum, p->freed[i].bytes, &sum))
			return UINT64_MAX;
	return sum;
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
	return have < want && want - have > prune_credit(p, now);
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
answer(int conn, int rc, const struct godb_retain_report *r)
{
	const uint64_t rest[][2] = {{HELLO_FAILED, r->failed},
	    {HELLO_SHORT, r->short_bytes}, {HELLO_DOUBTED, r->doubted},
	    {HELLO_UNNOTED, r->unnoted}};

	for (size_t i = 0; rc >= 0 && i < sizeof(rest) / sizeof(*rest); i++)
		if (rest[i][1] > 0)
			(void)hello_msg_send(conn, MSG_REST, HELLO_OK,
			    rest[i][0], rest[i][1]);
	(void)hello_msg_send(conn, MSG_PRUNED, rc < 0 ? HELLO_STORE : HELLO_OK,
	    rc < 0 ? (uint64_t)-rc : r->days, r->bytes);
}

static void
answer_all(struct prune *p, int rc, const struct godb_retain_report *report)
{
	for (size_t i = 0; i < p->peers->n_list; i++) {
		struct peer *peer = &p->peers->list[i];

		if (peer->state != PEER_PRUNE || !peer->served)
			continue;
		answer(peer->conn, rc, report);
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
	opts.freed_bytes = prune_credit(p, gp_clock_mono_ns());
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
say_rest(struct prune *p, const struct godb_retain_report *r)
{
	if (r->short_bytes > 0 && gp_log_allow(&p->limit, 5))
		gp_log(GP_LOG_WARNING, "bounds of the store cannot be kept: "
		    "%s missing_bytes=%llu", r->failed > 0 ?
		    "days cannot be removed" :
		    "nothing older is left to remove",
		    (unsigned long long)r->short_bytes);
	if (r->unnoted > 0 && gp_log_allow(&p->limit, 5))
		gp_log(GP_LOG_WARNING, "the disk is full: removed days are not "
		    "noted as such days=%llu", (unsigned long long)r->unnoted);
	if (r->doubted > 0 && !p->doubts)
		gp_log(GP_LOG_WARNING, "nothing is removed by age: by the "
		    "clock all finished days are past retain_days days=%llu",
		    (unsigned long long)r->doubted);
	p->doubts = r->doubted > 0;
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
	prune_note_freed(p, report.bytes, p->ended_ns);
	if (rc < 0 && gp_log_allow(&p->limit, 5))
		gp_log(GP_LOG_WARNING, "retention failed error=\"%s\"",
		    godb_strerror(rc));
	say_rest(p, &report);
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
